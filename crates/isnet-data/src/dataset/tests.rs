use super::*;
use crate::intensity::Intensity;
use crate::prepare::Fit;
use crate::testing::{Folder, ramp_sample};

const SIZE: Preparation =
    Preparation { height: 4, width: 4, channels: 1, fit: Fit::Squash, intensity: Intensity::Stored };

fn folder() -> (Folder, Arc<Manifest>) {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.picture("b.png", 2);
    folder.mask("m.png");
    folder.write("bad.png", "no picture");
    let manifest = folder.manifest("image,mask,label,source\na.png,m.png,x,north\nb.png,,y,south\nbad.png,,,east\n");
    (folder, Arc::new(manifest))
}

#[test]
fn samples_are_prepared_and_know_where_they_come_from() {
    let (_folder, manifest) = folder();
    let dataset = ManifestDataset::new(manifest, vec![1, 0], SIZE).unwrap();
    assert_eq!((dataset.len(), dataset.n_classes(), dataset.task()), (2, 2, Task::SingleLabel));
    assert_eq!((dataset.label(0), dataset.source(0)), (Some(&Label::Single(1)), "south"));
    let sample = dataset.sample(1).unwrap();
    assert_eq!((sample.id.as_str(), sample.source.as_str(), sample.label), ("a.png", "north", Some(Label::Single(0))));
    assert_eq!((sample.image.height, sample.image.width), (4, 4));
    assert_eq!(sample.mask.unwrap().values, [1.0, 1.0, 0.0, 0.0].repeat(4));
    assert!(dataset.sample(0).unwrap().mask.is_none());
    assert_eq!([0, 1].map(|index| dataset.has_mask(index)), [false, true]);
}

#[test]
fn an_unreadable_file_is_addressed_by_manifest_line_and_image() {
    let (_folder, manifest) = folder();
    let dataset = ManifestDataset::new(manifest, vec![2], SIZE).unwrap();
    let error = dataset.sample(0).unwrap_err().to_string();
    assert!(error.contains("manifest.csv` line 4 (`bad.png`): ") && error.contains("is not an image"), "{error}");
}

#[test]
fn the_cache_gives_what_the_file_gave_and_stops_at_its_bound() {
    let (folder, manifest) = folder();
    let plain = ManifestDataset::new(manifest.clone(), vec![0, 1], SIZE).unwrap();
    // 4×4 pixels of 4 bytes are 64 bytes, with a mask 128: only the second sample fits into 100.
    let cached = ManifestDataset::new(manifest, vec![0, 1], SIZE).unwrap().with_cache(100);
    let expected: Vec<_> = (0..2).map(|index| plain.sample(index).unwrap()).collect();
    for _ in 0..2 {
        assert_eq!((0..2).map(|index| cached.sample(index).unwrap()).collect::<Vec<_>>(), expected);
    }
    assert_eq!(cached.cached(), 1);
    std::fs::remove_file(folder.path("b.png")).unwrap();
    assert_eq!(cached.sample(1).unwrap(), expected[1], "from memory");
    assert!(plain.sample(1).is_err());
}

#[test]
fn the_same_pictures_in_12_and_8_bits_become_the_same_samples_by_depth() {
    let folder = Folder::new();
    let level = |x: u32, y: u32| (y * 4 + x) * 17;
    image::GrayImage::from_fn(4, 4, |x, y| image::Luma([level(x, y) as u8])).save(folder.path("8.png")).unwrap();
    let deep = |x: u32, y: u32| image::Luma([(f64::from(level(x, y)) / 255.0 * 4095.0).round() as u16]);
    image::ImageBuffer::from_fn(4, 4, deep).save(folder.path("12.png")).unwrap();
    let manifest = Arc::new(folder.manifest("image,label\n8.png,x\n12.png,x\n"));
    let intensity = Intensity::find_depth(&manifest, &[0, 1]).unwrap();
    let dataset = ManifestDataset::new(manifest, vec![0, 1], Preparation { intensity, ..SIZE }).unwrap();
    let [eight, twelve] = [0, 1].map(|index| dataset.sample(index).unwrap().image.pixels);
    let worst = eight.iter().zip(&twelve).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 0.5 / 4095.0, "{worst}");
}

#[test]
fn a_mask_of_zeros_and_ones_trains_and_a_dark_one_stops_with_its_line() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.gray("one.png", (8, 8), |_, x| u8::from(x < 4));
    folder.gray("dark.png", (8, 8), |_, x| u8::from(x < 4) * 90);
    let manifest = Arc::new(folder.manifest("image,mask,label\na.png,one.png,x\na.png,dark.png,x\n"));
    let dataset = ManifestDataset::new(manifest, vec![0, 1], SIZE).unwrap();
    assert_eq!(dataset.sample(0).unwrap().mask.unwrap().foreground(), 8);
    let message = dataset.sample(1).unwrap_err().to_string();
    assert!(message.contains("line 3") && message.contains("dark.png` is not black, but"), "{message}");
}

#[test]
fn a_data_set_without_all_labels_is_refused_for_training() {
    let (_folder, manifest) = folder();
    assert!(ManifestDataset::new(manifest.clone(), vec![0, 1], SIZE).unwrap().check_labels().is_ok());
    let error = ManifestDataset::new(manifest, vec![0, 2], SIZE).unwrap().check_labels().unwrap_err();
    assert!(error.to_string().starts_with("`bad.png` has no label"), "{error}");
}

#[test]
fn samples_in_memory_are_a_data_set_too() {
    let samples: Vec<_> = (0..3).map(|id| ramp_sample(2, 2, id)).collect();
    let dataset = MemoryDataset::new(Task::SingleLabel, vec!["x".into(), "y".into()], samples.clone());
    assert_eq!((dataset.len(), dataset.sample(2).unwrap()), (3, samples[2].clone()));
    assert_eq!((dataset.label(1), dataset.source(1)), (Some(&Label::Single(1)), "test"));
    assert_eq!(dataset.has_mask(1), samples[1].mask.is_some());
}
