use super::*;
use crate::intensity::Intensity;
use crate::manifest::ManifestOptions;
use crate::prepare::Fit;
use crate::testing::{Folder, exif, png_with, tiff};

use ProblemKind as Kind;
use Severity::{Fatal, Warning};

fn found(report: &CheckReport) -> Vec<(usize, Severity, ProblemKind)> {
    report.problems.iter().map(|problem| (problem.line, problem.severity, problem.kind)).collect()
}

#[test]
fn a_sound_manifest_has_no_problem_and_its_records_are_counted() {
    let folder = Folder::new();
    for (seed, name) in ["a.png", "b.png", "c.png"].into_iter().enumerate() {
        folder.picture(name, seed as u32);
    }
    folder.mask("m.png");
    let text = "image,mask,label,source,split\na.png,m.png,x,n,train\nb.png,,y,n,train\nc.png,m.png,x,s,test_ood\n";
    let report = check(&folder.manifest(text), &CheckOptions::default());
    assert_eq!((found(&report), report.is_fatal()), (vec![], false));
    let count = |split: &str, class: &str, source: &str, with_mask| Count {
        split: split.into(),
        class: class.into(),
        source: source.into(),
        records: 1,
        with_mask,
    };
    let expected = [count("test_ood", "x", "s", 1), count("train", "x", "n", 1), count("train", "y", "n", 0)];
    assert_eq!(report.counts, expected);
}

/// One row per kind of problem; line 2 is sound.
const SICK: &str = "image,mask,label,source,split
good.png,mask.png,x,n,train
absent.png,,x,n,train
text.png,,x,n,train
p1.png,absent_mask.png,x,n,train
p2.png,small_mask.png,x,n,train
p3.png,black_mask.png,x,n,train
p4.png,faint_mask.png,x,n,train
p5.png,gray_mask.png,x,n,train
p6.png,,x,n,trian
copy.png,,x,n,test
good.png,mask.png,x,n,train
good.png,mask.png,y,n,train
p7.png,,,n,train
p8.png,,,n,test
p9.png,,weird,n,train
,,x,n,train
p10.png,cut_mask.png,x,n,train
";

fn sick() -> (Folder, CheckReport) {
    let folder = Folder::new();
    folder.picture("good.png", 20);
    (1..=10).for_each(|seed| drop(folder.picture(&format!("p{seed}.png"), seed)));
    folder.write("text.png", "not a picture");
    folder.write("copy.png", std::fs::read(folder.path("good.png")).unwrap());
    folder.gray("small_mask.png", (4, 8), |_, _| 255);
    folder.gray("black_mask.png", (8, 8), |_, _| 0);
    folder.gray("faint_mask.png", (8, 8), |_, x| (x % 2) as u8 * 100);
    folder.gray("gray_mask.png", (8, 8), |_, x| x as u8 * 36);
    let mask = std::fs::read(folder.mask("mask.png")).unwrap();
    folder.write("cut_mask.png", &mask[..mask.len() / 2]);
    let classes = ["x", "y", "z"].map(String::from).to_vec();
    let options = ManifestOptions { classes: Some(classes), ..Default::default() };
    let manifest = Manifest::read_lenient(folder.write("manifest.csv", SICK), &options).unwrap();
    let report = check(&manifest, &CheckOptions::default());
    (folder, report)
}

#[test]
fn every_kind_of_problem_is_found_on_its_line() {
    let expected = [
        (0, Fatal, Kind::ClassAbsent),
        (3, Fatal, Kind::Missing),
        (4, Fatal, Kind::Unreadable),
        (5, Fatal, Kind::Missing),
        (6, Fatal, Kind::MaskSize),
        (6, Warning, Kind::FullMask),
        (7, Warning, Kind::EmptyMask),
        (8, Fatal, Kind::UnclearMask),
        (9, Warning, Kind::NonBinaryMask),
        (10, Fatal, Kind::UnknownSplit),
        (11, Fatal, Kind::SharedContent),
        (12, Warning, Kind::DuplicateRow),
        (12, Fatal, Kind::SharedContent),
        (13, Fatal, Kind::SharedContent),
        (13, Fatal, Kind::DuplicateRow),
        (14, Fatal, Kind::Unlabelled),
        (15, Warning, Kind::Unlabelled),
        (16, Fatal, Kind::Row),
        (17, Fatal, Kind::Row),
        (18, Fatal, Kind::Unreadable),
    ];
    let mut expected = expected.to_vec();
    expected.sort_by_key(|&(line, severity, kind)| (line, std::cmp::Reverse(severity), kind));
    assert_eq!(found(&sick().1), expected);
}

#[test]
fn messages_say_what_where_and_what_to_do() {
    let (_folder, report) = sick();
    let text: String = report.problems.iter().map(|problem| format!("{problem}\n")).collect();
    for part in [
        "fatal: class `z` is absent from training",
        "fatal: line 3: `",
        "absent.png` does not exist",
        "text.png` is not an image",
        "the mask is 4×8 pixels, its image 8×8",
        "warning: line 7: mask `",
        "its brightest pixel has 39.2 % of full brightness",
        "is neither black nor white",
        "unknown split `trian`; did you mean `train`?",
        "is the same picture as line 2 in split `train`",
        "is already in line 2; remove one row",
        "is already in line 2 with another label",
        "line 16: label `weird` is not a class",
        "line 17: column `image` is empty",
    ] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
}

#[test]
fn copies_among_test_splits_warn_since_nothing_leaks() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.picture("b.png", 2);
    let report = check(
        &folder.manifest("image,label,split\na.png,x,train\nb.png,x,biased\nb.png,x,standard\n"),
        &CheckOptions::default(),
    );
    assert_eq!(found(&report), [(4, Warning, Kind::SharedContent)]);
}

#[test]
fn a_patient_in_training_and_in_a_test_is_named_once_per_split() {
    let folder = Folder::new();
    for (seed, name) in ["a.png", "b.png", "c.png", "d.png"].into_iter().enumerate() {
        folder.picture(name, seed as u32);
    }
    let text = "image,label,split,patient\na.png,x,train,p1\nb.png,x,test,p1\nc.png,x,test,p1\nd.png,x,test,\n";
    let report = check(&folder.manifest(text), &CheckOptions::default());
    assert_eq!(found(&report), [(3, Warning, Kind::SharedGroup)]);
    let message = &report.problems[0].message;
    assert!(message.contains("b.png` of split `test` belongs to `p1`, as line 2 of the training split"), "{message}");
}

#[test]
fn a_training_split_of_another_name_must_be_named() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    let manifest = folder.manifest("image,label,split\na.png,x,fold1\n");
    let default = check(&manifest, &CheckOptions::default());
    assert_eq!(found(&default), [(0, Fatal, Kind::UnknownSplit), (2, Fatal, Kind::UnknownSplit)]);
    let named = CheckOptions { train_split: "fold1".into(), ..Default::default() };
    assert_eq!(found(&check(&manifest, &named)), []);
    let listed = CheckOptions { splits: Some(vec!["train".into()]), ..named };
    assert_eq!(found(&check(&manifest, &listed)), [(2, Fatal, Kind::UnknownSplit)]);
}

#[test]
fn a_manifest_without_splits_is_all_training() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    let report = check(&folder.manifest("image,label\na.png,x\n"), &CheckOptions::default());
    assert_eq!(found(&report), []);
}

#[test]
fn a_mask_that_vanishes_at_the_network_size_is_listed() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.gray("m.png", (8, 8), |y, x| if (y, x) == (0, 0) { 255 } else { 0 });
    let manifest = folder.manifest("image,mask,label\na.png,m.png,x\n");
    let preparation =
        Some(Preparation { height: 2, width: 2, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored });
    assert_eq!(found(&check(&manifest, &CheckOptions::default())), []);
    let report = check(&manifest, &CheckOptions { preparation, ..Default::default() });
    assert_eq!(found(&report), [(2, Warning, Kind::EmptyMask)]);
}

#[test]
fn a_full_mask_is_listed_as_one_that_says_nothing() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.gray("m.png", (8, 8), |_, _| 255);
    let report = check(&folder.manifest("image,mask,label\na.png,m.png,x\n"), &CheckOptions::default());
    assert_eq!(found(&report), [(2, Warning, Kind::FullMask)]);
    assert!(report.problems[0].message.contains("m.png` is all foreground"), "{}", report.problems[0]);
}

/// Four images of which two have masks of 0 and 1.
fn mixed_masks() -> (Folder, Manifest) {
    let folder = Folder::new();
    let mut text = String::from("image,mask,label\n");
    for index in 0..4_u8 {
        folder.picture(&format!("{index}.png"), index.into());
        folder.gray(&format!("m{index}.png"), (8, 8), |_, x| if x < 3 { [255, 1][usize::from(index % 2)] } else { 0 });
        text += &format!("{index}.png,m{index}.png,x\n");
    }
    let manifest = folder.manifest(&text);
    (folder, manifest)
}

#[test]
fn masks_of_zeros_and_ones_beside_others_are_said_once_with_their_number() {
    let (_folder, manifest) = mixed_masks();
    let report = check(&manifest, &CheckOptions::default());
    assert_eq!(found(&report), [(0, Warning, Kind::MaskReading)]);
    let message = &report.problems[0].message;
    assert!(
        message.contains("m1.png` has the values 0 and 1; 1 is read as foreground; so with 2 of 4 masks"),
        "{message}"
    );
}

#[test]
fn an_orientation_tag_on_one_of_two_files_is_a_warning_that_names_both() {
    let folder = Folder::new();
    let picture = std::fs::read(folder.picture("a.png", 1)).unwrap();
    let mask = std::fs::read(folder.mask("m.png")).unwrap();
    folder.write("turned.png", png_with(&picture, b"eXIf", &exif(3)));
    folder.write("turned_mask.png", png_with(&mask, b"eXIf", &exif(3)));
    let text = "image,mask,label\nturned.png,turned_mask.png,x\nturned.png,m.png,x\na.png,turned_mask.png,x\n";
    let report = check(&folder.manifest(text), &CheckOptions::default());
    let turned: Vec<&Problem> = report.problems.iter().filter(|problem| problem.kind == Kind::Turned).collect();
    assert_eq!(
        turned.iter().map(|problem| (problem.line, problem.severity)).collect::<Vec<_>>(),
        [(3, Warning), (4, Warning)]
    );
    let message = &turned[0].message;
    assert!(
        message.contains("turned.png` is turned by 180° and its mask") && message.contains("m.png` upright"),
        "{message}"
    );
}

#[test]
fn a_mask_across_its_image_is_blamed_on_the_tag_and_not_to_be_resized() {
    let folder = Folder::new();
    let picture = std::fs::read(folder.gray("a.png", (4, 8), |y, x| (y * 8 + x) as u8 * 8)).unwrap();
    folder.write("turned.png", png_with(&picture, b"eXIf", &exif(6)));
    folder.gray("m.png", (4, 8), |_, x| if x < 4 { 255 } else { 0 });
    let report = check(&folder.manifest("image,mask,label\nturned.png,m.png,x\n"), &CheckOptions::default());
    assert_eq!(found(&report), [(2, Fatal, Kind::MaskSize), (2, Warning, Kind::Turned)]);
    let message = &report.problems[0].message;
    assert!(message.contains("turned.png` has an orientation tag") && !message.contains("resize"), "{message}");
}

#[test]
fn pages_and_frames_are_counted_and_the_first_is_said_to_be_read() {
    let folder = Folder::new();
    let pixels: Vec<u8> = (0..64).map(|value| value * 4).collect();
    folder.write("pages.tif", tiff((8, 8), &[&[], &[], &[(254, 1)]], &pixels));
    let picture = std::fs::read(folder.picture("a.png", 1)).unwrap();
    folder.write("frames.png", png_with(&picture, b"acTL", &[0, 0, 0, 5, 0, 0, 0, 0]));
    let report = check(&folder.manifest("image,label\npages.tif,x\nframes.png,x\n"), &CheckOptions::default());
    assert_eq!(found(&report), [(2, Warning, Kind::Pages), (3, Warning, Kind::Pages)]);
    let text: String = report.problems.iter().map(|problem| format!("{problem}\n")).collect();
    assert!(text.contains("pages.tif` has 2 pages or frames, of which the first is read"), "{text}");
    assert!(text.contains("frames.png` has 5 pages"), "{text}");
}

#[test]
fn a_transparent_image_is_a_warning() {
    let folder = Folder::new();
    let pixel = |x: u32, y: u32| image::Rgba([(x * 30) as u8, (y * 30) as u8, 0, if x < 2 { 0 } else { 255 }]);
    image::RgbaImage::from_fn(8, 8, pixel).save(folder.path("a.png")).unwrap();
    let report = check(&folder.manifest("image,label\na.png,x\n"), &CheckOptions::default());
    assert_eq!(found(&report), [(2, Warning, Kind::Transparent)]);
    assert!(report.problems[0].message.starts_with("25.0 % of image"), "{}", report.problems[0]);
}

/// A 16-bit image whose brightest value is `level`.
fn deep(folder: &Folder, name: &str, level: u16) {
    let value = |x: u32, _: u32| image::Luma([level / 7 * x as u16 + u16::from(x == 7) * (level % 7)]);
    image::ImageBuffer::<image::Luma<u16>, _>::from_fn(8, 8, value).save(folder.path(name)).unwrap();
}

#[test]
fn twelve_bits_in_sixteen_are_found_with_the_key_that_scales_them() {
    let folder = Folder::new();
    deep(&folder, "a.png", 2400);
    deep(&folder, "b.png", 4095);
    let manifest = folder.manifest("image,label\na.png,x\nb.png,y\n");
    let report = check(&manifest, &CheckOptions::default());
    assert_eq!(found(&report), [(0, Warning, Kind::DimImages)]);
    let message = &report.problems[0].message;
    assert!(message.contains("is at 6.2 % of full, as if 12 of 16 bits were used"), "{message}");
    assert!(message.contains("set `data.intensity = \"depth\"`"), "{message}");
    let intensity = Intensity::find_depth(&manifest, &[0, 1]).unwrap();
    assert_eq!(intensity, Intensity::Depth { bits: 12 }, "of the data set, not of its darkest image");
    let preparation = Some(Preparation { height: 8, width: 8, channels: 1, fit: Fit::Pad, intensity });
    assert_eq!(found(&check(&manifest, &CheckOptions { preparation, ..Default::default() })), []);
    deep(&folder, "b.png", 60000);
    assert_eq!(found(&check(&manifest, &CheckOptions::default())), [], "one dark image among bright ones");
}

#[test]
fn images_of_two_depths_dark_ones_and_flat_ones_are_warnings() {
    let folder = Folder::new();
    deep(&folder, "a.png", 65535);
    folder.gray("b.png", (8, 8), |_, x| x as u8 * 5);
    folder.gray("c.png", (8, 8), |_, _| 20);
    let report = check(&folder.manifest("image,label\na.png,x\nb.png,y\nc.png,y\n"), &CheckOptions::default());
    let expected = [(0, Warning, Kind::DimImages), (0, Warning, Kind::MixedDepth), (4, Warning, Kind::FlatImage)];
    assert_eq!(found(&report), expected);
    let text: String = report.problems.iter().map(|problem| format!("{problem}\n")).collect();
    assert!(text.contains("`data.intensity = \"percentile\"`"), "{text}");
    assert!(text.contains("1 images have 16 bits") && text.contains("2 have 8"), "{text}");
    assert!(text.contains("c.png` is nearly constant: its values lie between 7.84 % and 7.84 %"), "{text}");
}

#[test]
fn a_spot_check_names_each_kind_once_and_reads_no_more_than_it_may() {
    let (folder, manifest) = mixed_masks();
    (0..4).for_each(|index| drop(folder.gray(&format!("m{index}.png"), (8, 8), |_, _| 255)));
    let size = Preparation { height: 8, width: 8, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
    let problems = spot_check(&manifest, &[0, 1, 2, 3], 2, &size);
    assert_eq!(problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(), [Kind::FullMask]);
    assert!(problems[0].message.ends_with("(so with 2 of 2 records read)"), "{}", problems[0]);
    assert_eq!(spot_check(&manifest, &[], 2, &size), []);
}

#[test]
fn a_record_of_several_classes_counts_for_each_and_of_none_for_the_empty_name() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.picture("b.png", 2);
    let report = check(&folder.manifest("image,label\na.png,x|y\nb.png,\n"), &CheckOptions::default());
    let classes: Vec<_> = report.counts.iter().map(|count| (count.class.as_str(), count.records)).collect();
    assert_eq!((classes, found(&report)), (vec![("", 1), ("x", 1), ("y", 1)], vec![]));
}

/// By hand: `ISNET_SHARED_DATA=/work/shared/data cargo test -p isnet-data real_data -- --nocapture`.
#[test]
fn real_data_can_be_checked_where_present() {
    let Ok(root) = std::env::var("ISNET_SHARED_DATA") else { return };
    for (set, image_column) in [("cxr_covid_mini", "image"), ("faces_pose", "image"), ("faces_pose", "biased_path")] {
        let options = ManifestOptions { image_column: image_column.into(), ..Default::default() };
        let path = std::path::Path::new(&root).join(set).join("manifest.csv");
        let manifest = Manifest::read_lenient(path, &options).unwrap();
        let report = check(&manifest, &CheckOptions::default());
        println!("{set} {image_column}: {} records, {:?}", manifest.records.len(), manifest.classes);
        report.counts.iter().for_each(|count| println!("  {count:?}"));
        report.problems.iter().for_each(|problem| println!("  {problem}"));
        assert!(manifest.problems.is_empty());
    }
}
