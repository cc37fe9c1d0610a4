//! Marks where they belong, files where the manifest says, and nothing lost on the way.

use std::collections::BTreeMap;
use std::fs;

use image::{ImageBuffer, Luma};

use super::*;
use crate::manifest::ManifestOptions;
use crate::mark::{Position, choose};
use crate::read_image::read_image;
use crate::testing::Folder;
use crate::{CheckOptions, Label, Record, check};

/// A manifest of pictures and masks of 8×8: the left half is foreground. `rows` are label and split.
fn bench(rows: &[(&str, &str)]) -> (Folder, Manifest) {
    let folder = Folder::new();
    let mut text = String::from("image,mask,label,split,patient\n");
    for (index, (label, split)) in rows.iter().enumerate() {
        folder.picture(&format!("data/{index}.png"), index as u32);
        folder.mask(&format!("data/mask-{index}.png"));
        text += &format!("{index}.png,mask-{index}.png,{label},{split},p{index}\n");
    }
    let path = folder.write("data/manifest.csv", text);
    let manifest = Manifest::read_lenient(path, &ManifestOptions::default()).unwrap();
    (folder, manifest)
}

fn settings(manifest: &Manifest) -> BiasSettings {
    let mut settings = BiasSettings::new(choose(&[], manifest.classes.len()).unwrap());
    settings.mark.size = 0.25;
    settings
}

fn written(folder: &Folder, manifest: &Manifest, settings: &BiasSettings) -> Manifest {
    let report = write(manifest, settings, &folder.path("out"), &|_, _| true).unwrap();
    Manifest::read(report.manifest, &ManifestOptions::default()).unwrap()
}

fn extra<'a>(record: &'a Record, name: &str) -> &'a str {
    &record.extra.iter().find(|(column, _)| column == name).unwrap_or_else(|| panic!("{name}")).1
}

/// The records of a split by patient.
fn by_patient<'a>(manifest: &'a Manifest, split: &str) -> BTreeMap<&'a str, &'a Record> {
    manifest
        .split(split)
        .into_iter()
        .map(|index| &manifest.records[index])
        .map(|record| (extra(record, "patient"), record))
        .collect()
}

const ROWS: [(&str, &str); 6] =
    [("a", "train"), ("b", "train"), ("a", "val"), ("b", "val"), ("a", "test"), ("b", "test_ood")];

#[test]
fn one_manifest_has_all_splits_and_keeps_every_column() {
    let (folder, manifest) = bench(&ROWS);
    let biased = written(&folder, &manifest, &settings(&manifest));
    assert_eq!(biased.splits(), SPLITS);
    assert_eq!(biased.classes, ["a", "b"]);
    for split in &SPLITS[2..] {
        let records = by_patient(&biased, split);
        assert_eq!(records.keys().copied().collect::<Vec<_>>(), ["p4", "p5"], "{split}");
        assert_eq!(records["p4"].label, Some(Label::Single(0)));
        assert_eq!(extra(records["p5"], "original_split"), "test_ood");
    }
    let marks = |split: &str, patient: &str| {
        let record = by_patient(&biased, split)[patient];
        (extra(record, "bias_mark").to_owned(), extra(record, "bias_class").to_owned())
    };
    let pair = |mark: &str, class: &str| (mark.to_owned(), class.to_owned());
    assert_eq!(marks("train", "p0"), pair("square", "a"));
    assert_eq!(marks("val", "p3"), pair("circle", "b"));
    assert_eq!(marks("biased", "p4"), pair("square", "a"));
    assert_eq!(marks("standard", "p4"), pair("none", "none"));
    assert_eq!(marks("deceiving", "p4"), pair("circle", "b"));
    let report = check(&biased, &CheckOptions::default());
    assert!(!report.is_fatal(), "{:?}", report.problems);
}

#[test]
fn only_background_pixels_of_the_box_change_and_the_rest_is_the_original() {
    let (folder, manifest) = bench(&ROWS);
    let biased = written(&folder, &manifest, &settings(&manifest));
    let original = read_image(&manifest.records[4].image).unwrap();
    let changed = |split: &str| -> Vec<usize> {
        let image = read_image(&by_patient(&biased, split)["p4"].image).unwrap();
        (0..64).filter(|&pixel| image.pixels[pixel] != original.pixels[pixel]).collect()
    };
    assert!(changed("standard").is_empty());
    let square = changed("biased");
    assert!(!square.is_empty() && square.iter().all(|pixel| pixel % 8 >= 4), "{square:?}");
    // The circle of two pixels lies in the square of two pixels.
    assert!(changed("deceiving").iter().all(|pixel| square.contains(pixel)));
}

#[test]
fn the_correlation_is_the_share_of_training_images_whose_mark_tells_the_class() {
    let rows: Vec<(&str, &str)> = (0..400).map(|index| (["a", "b", "c"][index % 3], "train")).collect();
    let (folder, manifest) = bench(&rows);
    let settings = BiasSettings { correlation: 0.75, ..settings(&manifest) };
    let biased = written(&folder, &manifest, &settings);
    let tells =
        |record: &&Record| biased.classes[record.label.as_ref().unwrap().classes()[0]] == extra(record, "bias_class");
    let share = biased.records.iter().filter(tells).count() as f64 / 400.0;
    assert!((share - 0.75).abs() < 0.06, "{share}");
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads_and_another_for_another_seed() {
    let (folder, manifest) = bench(&ROWS);
    let bytes = |seed: u64, threads: usize| {
        let mut settings = settings(&manifest);
        (settings.mark.seed, settings.mark.position, settings.existing) =
            (seed, Position::Background, Existing::Overwrite);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let biased = pool.install(|| written(&folder, &manifest, &settings));
        biased.records.iter().map(|record| fs::read(&record.image).unwrap()).collect::<Vec<_>>()
    };
    let here = bytes(1, 1);
    assert!(bytes(1, 4) == here);
    assert!(bytes(2, 1) != here);
}

#[test]
fn depth_and_size_are_those_of_the_original() {
    let (folder, manifest) = bench(&ROWS);
    let deep = ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(8, 8, |x, y| Luma([(y * 8 + x) as u16 * 257 + 1]));
    deep.save(&manifest.records[0].image).unwrap();
    let biased = written(&folder, &manifest, &settings(&manifest));
    let image = image::open(&by_patient(&biased, "train")["p0"].image).unwrap();
    assert_eq!(image.color(), image::ColorType::L16);
    assert_eq!(image.to_luma16().get_pixel(0, 7), &Luma([56 * 257 + 1]));
}

#[test]
fn unmarked_images_and_masks_are_referenced_or_copied() {
    let (folder, manifest) = bench(&ROWS);
    let mut settings = settings(&manifest);
    written(&folder, &manifest, &settings);
    let text = fs::read_to_string(folder.path("out/manifest.csv")).unwrap();
    assert!(text.contains("\n../data/4.png,../data/mask-4.png,a,,standard,test,none,none,p4\n"), "{text}");
    (settings.originals, settings.existing) = (Originals::Copy, Existing::Overwrite);
    written(&folder, &manifest, &settings);
    let text = fs::read_to_string(folder.path("out/manifest.csv")).unwrap();
    assert!(text.contains("\nimages/standard/00004-4.png,masks/00004-4.png,a,,standard,test,none,none,p4\n"), "{text}");
    assert_eq!(
        fs::read(folder.path("out/masks/00004-4.png")).unwrap(),
        fs::read(folder.path("data/mask-4.png")).unwrap()
    );
}

#[test]
fn an_image_of_several_classes_has_several_marks_and_lies_with_as_many_others() {
    let (folder, manifest) = bench(&[("a|b", "test"), ("", "test"), ("c", "test"), ("a|b|c|d", "test")]);
    let biased = written(&folder, &manifest, &settings(&manifest));
    let class = |split: &str, patient: &str| extra(by_patient(&biased, split)[patient], "bias_class").to_owned();
    assert_eq!(class("biased", "p0"), "a|b");
    assert!(["c|d", "d|c"].contains(&class("deceiving", "p0").as_str()));
    assert_eq!(class("biased", "p1"), "none");
    assert!(["a", "b", "c", "d"].contains(&class("deceiving", "p1").as_str()));
    // Two corners are free of foreground, the other two are foreground: there is no room for more than two marks.
    assert_eq!((class("biased", "p3").as_str(), class("deceiving", "p3").as_str()), ("a|b", "none"));
}

#[test]
fn an_image_without_room_is_counted_and_keeps_its_pixels() {
    let (folder, manifest) = bench(&ROWS);
    folder.gray("data/mask-0.png", (8, 8), |_, _| 255);
    folder.gray("data/mask-4.png", (8, 8), |_, x| if x < 7 { 255 } else { 0 });
    let mut settings = settings(&manifest);
    settings.mark.position = Position::UpperRight;
    let report = write(&manifest, &settings, &folder.path("out"), &|_, _| true).unwrap();
    let counts: Vec<_> =
        report.splits.iter().map(|count| (count.split, count.images, count.clipped, count.no_room)).collect();
    // Patient 4's background is one of the two columns of the box: half of it.
    let expected =
        [("train", 2, 0, 1), ("val", 2, 0, 0), ("biased", 2, 1, 0), ("standard", 2, 0, 0), ("deceiving", 2, 1, 0)];
    assert_eq!(counts, expected);
    let biased = Manifest::read(&report.manifest, &ManifestOptions::default()).unwrap();
    let unmarked = by_patient(&biased, "train")["p0"];
    assert_eq!(extra(unmarked, "bias_mark"), "none");
    assert_eq!(read_image(&unmarked.image).unwrap(), read_image(&manifest.records[0].image).unwrap());
}

#[test]
fn bad_records_are_reported_with_their_line_and_the_rest_is_written() {
    let rows = [ROWS.as_slice(), &[("", "train"), ("a", "train"), ("b", "train")]].concat();
    let (folder, manifest) = bench(&rows);
    folder.write("data/0.png", "not an image");
    folder.gray("data/mask-1.png", (4, 4), |_, _| 0);
    fs::remove_file(folder.path("data/mask-7.png")).unwrap();
    let mut manifest = manifest;
    manifest.records[8].mask = None;
    let report = write(&manifest, &settings(&manifest), &folder.path("out"), &|_, _| true).unwrap();
    let found: Vec<(usize, &str)> =
        report.problems.iter().map(|problem| (problem.line, problem.message.as_str())).collect();
    let expected = [
        (2, "is not an image"),
        (3, "mask-1.png`: the mask is 4×4 pixels, its image 8×8"),
        (8, "has no label"),
        (9, "mask-7.png` does not exist"),
        (10, "has no mask"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((line, message), (expected_line, words)) in found.iter().zip(expected) {
        assert!(*line == expected_line && message.contains(words), "{line} {message}");
    }
    assert!(report.problems[0].path.ends_with("manifest.csv"));
    assert!(report.splits.iter().all(|count| count.split != "train"));
}

#[test]
fn splits_can_be_chosen_and_without_any_all_images_train() {
    let (folder, manifest) = bench(&ROWS);
    let mut chosen = settings(&manifest);
    (chosen.train_split, chosen.test_splits) = ("val".into(), Some(vec!["test".into()]));
    let biased = written(&folder, &manifest, &chosen);
    assert_eq!(biased.splits(), ["train", "biased", "standard", "deceiving"]);
    assert_eq!(by_patient(&biased, "train").into_keys().collect::<Vec<_>>(), ["p2", "p3"]);
    let (folder, manifest) = bench(&[("a", ""), ("b", "")]);
    assert_eq!(written(&folder, &manifest, &settings(&manifest)).splits(), ["train"]);
}

fn refused(folder: &Folder, manifest: &Manifest, settings: &BiasSettings, output: &str) -> String {
    let message = write(manifest, settings, &folder.path(output), &|_, _| true).unwrap_err().to_string();
    let left = fs::read_dir(folder.path("x").parent().unwrap()).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    message
}

#[test]
fn settings_that_do_not_fit_are_refused_before_anything_is_written() {
    let (folder, manifest) = bench(&ROWS);
    let sound = settings(&manifest);
    let says = |settings: BiasSettings, words: &str| {
        let message = refused(&folder, &manifest, &settings, "out");
        assert!(message.contains(words), "{message}");
    };
    says(BiasSettings { correlation: 1.5, ..sound.clone() }, "`correlation` is 1.5; it must be from 0 to 1");
    says(BiasSettings { marks: vec![Mark::Square], ..sound.clone() }, "1 mark(s) for 2 classes");
    says(
        BiasSettings { test_splits: Some(vec![]), train_split: "x".into(), val_split: "y".into(), ..sound.clone() },
        "none of its splits was chosen; they are `train`, `val`, `test`, `test_ood`",
    );
    let mut faint = sound;
    faint.mark.strength = 2.0;
    says(faint, "`strength` is 2");
    assert!(!folder.path("out").exists());

    let (folder, one) = bench(&[("a", "train"), ("a", "test")]);
    let message = refused(&folder, &one, &BiasSettings::new(vec![Mark::Square]), "out");
    assert!(message.contains("has 1 class(es)"), "{message}");
}

#[test]
fn an_output_is_not_biased_twice_by_accident_and_no_input_is_replaced() {
    let (folder, manifest) = bench(&ROWS);
    let mut settings = settings(&manifest);
    let biased = written(&folder, &manifest, &settings);
    assert!(refused(&folder, &manifest, &settings, "out").contains("holds what `isnet data bias` wrote earlier"));
    assert!(refused(&folder, &biased, &settings, "again").contains("has a column `original_split` already"));
    settings.existing = Existing::Overwrite;
    assert!(refused(&folder, &manifest, &settings, "data").contains("lies in the output folder"));
    folder.write("mine/thesis.tex", "");
    assert!(
        refused(&folder, &manifest, &settings, "mine").contains("holds `thesis.tex`, which `isnet data bias` did not")
    );
    // A folder that looks like ours, but is the input.
    for name in ["manifest.csv", "images/0.png", "masks/0.png"] {
        fs::copy(folder.path("data/0.png"), folder.path(&format!("ours/{name}"))).unwrap();
    }
    let path = folder.write(
        "ours/manifest.csv",
        "image,mask,label,split\nimages/0.png,masks/0.png,a,train\nimages/0.png,,b,train\n",
    );
    let own = Manifest::read(path, &ManifestOptions::default()).unwrap();
    assert!(refused(&folder, &own, &settings, "ours").contains("lies in the output folder"));
    assert!(folder.path("ours/images/0.png").exists());
}

#[test]
fn an_interrupted_or_fruitless_work_leaves_nothing_behind() {
    let (folder, manifest) = bench(&ROWS);
    let asked = AtomicUsize::new(0);
    let stop = |done: usize, all: usize| {
        assert!(done >= 1 && all == 6);
        asked.fetch_add(1, Ordering::Relaxed);
        false
    };
    let error = write(&manifest, &settings(&manifest), &folder.path("out"), &stop).unwrap_err();
    assert!(matches!(error, DataError::Interrupted), "{error}");
    assert!(asked.into_inner() >= 1);
    for index in 0..6 {
        folder.write(&format!("data/{index}.png"), "no image");
    }
    let message = refused(&folder, &manifest, &settings(&manifest), "out");
    assert!(message.contains("the first of 6 problem(s)") && message.contains("line 2"), "{message}");
    assert!(!folder.path("out").exists());
}
