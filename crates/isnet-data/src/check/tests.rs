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

/// [`found`] for tests of files, whose manifests have no splits.
fn of_files(report: &CheckReport) -> Vec<(usize, Severity, ProblemKind)> {
    found(report).into_iter().filter(|problem| *problem != (0, Fatal, Kind::UnknownSplit)).collect()
}

#[test]
fn a_sound_manifest_has_no_problem_and_its_records_are_counted() {
    let folder = Folder::new();
    for (seed, name) in ["a.png", "b.png", "c.png"].into_iter().enumerate() {
        folder.picture(name, seed as u32);
    }
    folder.mask("m.png");
    let text = "image,mask,label,source,split\na.png,m.png,x,n,train\nb.png,,y,n,train\nc.png,m.png,x,n,test_ood\n";
    let report = check(&folder.manifest(text), &CheckOptions::default());
    assert_eq!((found(&report), report.is_fatal()), (vec![], false));
    let count = |split: &str, class: &str, source: &str, with_mask| Count {
        split: split.into(),
        class: class.into(),
        source: source.into(),
        records: 1,
        with_mask,
    };
    let expected = [count("test_ood", "x", "n", 1), count("train", "x", "n", 1), count("train", "y", "n", 0)];
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
        (0, Warning, Kind::ClassAbsent),
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
        "warning: class `z` is absent from training",
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
        "is already in line 2, as",
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
    folder.picture("c.png", 3);
    let report = check(
        &folder.manifest("image,label,split\na.png,x,train\nc.png,y,train\nb.png,x,biased\nb.png,x,standard\n"),
        &CheckOptions::default(),
    );
    assert_eq!(found(&report), [(5, Warning, Kind::SharedContent)]);
}

#[test]
fn a_patient_in_training_and_in_a_test_is_named_once_per_split() {
    let folder = Folder::new();
    for (seed, name) in ["a.png", "b.png", "c.png", "d.png"].into_iter().enumerate() {
        folder.picture(name, seed as u32);
    }
    let text = "image,label,split,patient\na.png,x,train,p1\nb.png,x,test,p1\nc.png,x,test,p1\nd.png,y,train,\n";
    let report = check(&folder.manifest(text), &CheckOptions::default());
    assert_eq!(found(&report), [(3, Warning, Kind::SharedGroup)]);
    let message = &report.problems[0].message;
    assert!(message.contains("b.png` of split `test` belongs to `p1`, as line 2 of the training split"), "{message}");
}

#[test]
fn a_training_split_of_another_name_must_be_named() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.picture("b.png", 2);
    let manifest = folder.manifest("image,label,split\na.png,x,fold1\nb.png,y,fold1\n");
    let default = check(&manifest, &CheckOptions::default());
    assert_eq!(found(&default), [(0, Fatal, Kind::UnknownSplit), (2, Warning, Kind::UnknownSplit)]);
    let named = CheckOptions { train_splits: vec!["fold1".into()], ..Default::default() };
    assert_eq!(found(&check(&manifest, &named)), []);
    let listed = CheckOptions { splits: vec!["fold1".into()], ..Default::default() };
    assert_eq!(found(&check(&manifest, &listed)), [(0, Fatal, Kind::UnknownSplit)]);
}

#[test]
fn a_manifest_without_a_column_split_is_refused_as_a_training_does() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    let manifest = folder.manifest("image,label,fold\na.png,x,train\n");
    let report = check(&manifest, &CheckOptions::default());
    assert_eq!(found(&report), [(0, Fatal, Kind::UnknownSplit)]);
    let message = &report.problems[0].message;
    assert!(message.contains("no column `split`") && message.contains("rename the column `fold`"), "{message}");
    let external = CheckOptions { goal: Goal::Test, ..Default::default() };
    assert_eq!(found(&check(&manifest, &external)), []);
}

#[test]
fn a_mask_that_vanishes_at_the_network_size_is_listed() {
    let folder = Folder::new();
    folder.picture("a.png", 1);
    folder.gray("m.png", (8, 8), |y, x| if (y, x) == (0, 0) { 255 } else { 0 });
    folder.picture("b.png", 2);
    let manifest = folder.manifest("image,mask,label,split\na.png,m.png,x,train\nb.png,,y,train\n");
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
    assert_eq!(of_files(&report), [(2, Warning, Kind::FullMask)]);
    assert!(report.problems[1].message.contains("m.png` is all foreground"), "{}", report.problems[1]);
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
    assert_eq!(of_files(&report), [(0, Warning, Kind::MaskReading)]);
    let message = &report.problems[1].message;
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
    assert_eq!(of_files(&report), [(2, Fatal, Kind::MaskSize), (2, Warning, Kind::Turned)]);
    let message = &report.problems[1].message;
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
    assert_eq!(of_files(&report), [(2, Warning, Kind::Pages), (3, Warning, Kind::Pages)]);
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
    assert_eq!(of_files(&report), [(2, Warning, Kind::Transparent)]);
    assert!(report.problems[1].message.starts_with("25.0 % of image"), "{}", report.problems[1]);
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
    assert_eq!(of_files(&report), [(0, Warning, Kind::DimImages)]);
    let message = &report.problems[1].message;
    assert!(message.contains("is at 6.2 % of full, as if 12 of 16 bits were used"), "{message}");
    assert!(message.contains("set `data.intensity = \"depth\"`"), "{message}");
    let intensity = Intensity::find_depth(&manifest, &[0, 1]).unwrap();
    assert_eq!(intensity, Intensity::Depth { bits: 12 }, "of the data set, not of its darkest image");
    let preparation = Some(Preparation { height: 8, width: 8, channels: 1, fit: Fit::Pad, intensity });
    assert_eq!(of_files(&check(&manifest, &CheckOptions { preparation, ..Default::default() })), []);
    deep(&folder, "b.png", 60000);
    assert_eq!(of_files(&check(&manifest, &CheckOptions::default())), [], "one dark image among bright ones");
}

#[test]
fn images_of_two_depths_dark_ones_and_flat_ones_are_warnings() {
    let folder = Folder::new();
    deep(&folder, "a.png", 65535);
    folder.gray("b.png", (8, 8), |_, x| x as u8 * 5);
    folder.gray("c.png", (8, 8), |_, _| 20);
    let report = check(&folder.manifest("image,label\na.png,x\nb.png,y\nc.png,y\n"), &CheckOptions::default());
    let expected = [(0, Warning, Kind::DimImages), (0, Warning, Kind::MixedDepth), (4, Warning, Kind::FlatImage)];
    assert_eq!(of_files(&report), expected);
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
    let report =
        check(&folder.manifest("image,label,split\na.png,x|y,train\nb.png,,train\n"), &CheckOptions::default());
    let classes: Vec<_> = report.counts.iter().map(|count| (count.class.as_str(), count.records)).collect();
    assert_eq!((classes, found(&report)), (vec![("", 1), ("x", 1), ("y", 1)], vec![]));
}

/// The problems that show without decoding, of labels in training rows; each row has a picture of its own.
fn of_labels(labels: &[&str], options: &ManifestOptions) -> Vec<Problem> {
    let folder = Folder::new();
    let mut text = String::from("image,label,split\n");
    for (index, label) in labels.iter().enumerate() {
        folder.picture(&format!("{index}.png"), index as u32);
        text += &format!("{index}.png,\"{label}\",train\n");
    }
    let manifest = Manifest::read_lenient(folder.write("manifest.csv", text), options).unwrap();
    check_rows(&manifest, &CheckOptions::default()).problems
}

#[test]
fn two_spellings_of_one_class_are_named_with_their_first_rows() {
    for (one, other) in [
        ("Cat", "cat"),
        ("cat\u{200b}", "cat"),
        ("0", "0.0"),
        ("00", "0"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("no_x", "no x"),
    ] {
        let problems = of_labels(&[one, "dog", other], &ManifestOptions::default());
        let found: Vec<_> = problems.iter().map(|problem| (problem.severity, problem.kind)).collect();
        assert_eq!(found, [(Fatal, Kind::SimilarClasses)], "{one:?} {other:?}");
        assert!(problems[0].message.contains("first in line 2"), "{}", problems[0].message);
    }
    let meant = ManifestOptions { classes: Some(["Cat", "cat"].map(String::from).to_vec()), ..Default::default() };
    assert_eq!(of_labels(&["Cat", "cat"], &meant), []);
}

#[test]
fn blanks_around_a_label_are_no_part_of_it() {
    assert_eq!(of_labels(&["cat ", "cat\u{a0}", " cat", "dog"], &ManifestOptions::default()), []);
}

#[test]
fn one_class_is_nothing_to_learn() {
    let problems = of_labels(&["only", "only"], &ManifestOptions::default());
    assert_eq!((problems.len(), problems[0].severity, problems[0].kind), (1, Fatal, Kind::OneClass));
    assert!(problems[0].message.contains("all 2 labelled images of `train` have the one label `only`"));
    let multi = ManifestOptions { task: Some(crate::Task::MultiLabel), ..Default::default() };
    assert_eq!(of_labels(&["only", ""], &multi), []);
    assert_eq!(of_labels(&["", ""], &multi)[0].kind, Kind::OneClass);
}

#[test]
fn labels_that_read_like_none_like_several_or_like_names_are_warned_of() {
    let kinds = |labels: &[&str]| -> Vec<(Severity, ProblemKind)> {
        let problems = of_labels(labels, &ManifestOptions::default());
        problems.iter().map(|problem| (problem.severity, problem.kind)).collect()
    };
    assert_eq!(kinds(&["nan", "cat", "dog"]), [(Warning, Kind::OddClass)]);
    assert_eq!(kinds(&["cat;dog", "cat", "dog"]), [(Warning, Kind::OddClass)]);
    assert_eq!(kinds(&["images", "masks"]), [(Warning, Kind::OddClass); 2]);
    let names: Vec<String> = (0..12).map(|index| format!("scan-{index}")).collect();
    assert_eq!(kinds(&names.iter().map(String::as_str).collect::<Vec<_>>()), [(Warning, Kind::OddClass)]);
}

#[test]
fn a_class_that_only_a_test_has_is_named_once_with_the_way_out() {
    let folder = Folder::new();
    (0..5).for_each(|seed| drop(folder.picture(&format!("{seed}.png"), seed)));
    let text = "image,label,split\n0.png,x,train\n1.png,y,train\n2.png,z,test\n3.png,z,test\n4.png,x,test\n";
    let path = folder.write("m.csv", text);
    let trained = ManifestOptions { class_splits: Some(vec!["train".into()]), ..Default::default() };
    let manifest = Manifest::read_lenient(&path, &trained).unwrap();
    assert_eq!(manifest.classes, ["x", "y"]);
    let report = check_rows(&manifest, &CheckOptions::default());
    assert_eq!(found(&report), [(4, Fatal, Kind::ClassAbsent)]);
    let message = &report.problems[0].message;
    for part in
        ["class `z` is absent from training: 2 row(s), the first in split `test`", "none in `train`", "`data.classes`"]
    {
        assert!(message.contains(part), "{message}");
    }
    let error = Manifest::read(&path, &trained).unwrap_err().to_string();
    assert!(error.contains("m.csv` line 4: class `z` is absent from training"), "{error}");
    let classes = Some(["x", "y", "z"].map(String::from).to_vec());
    let stated = Manifest::read(&path, &ManifestOptions { classes, ..trained }).unwrap();
    assert_eq!(found(&check_rows(&stated, &CheckOptions::default())), [(0, Warning, Kind::ClassAbsent)]);
}

#[test]
fn splits_under_other_common_names_are_recognised() {
    let folder = Folder::new();
    (0..4).for_each(|seed| drop(folder.picture(&format!("{seed}.png"), seed)));
    let said = |name: &str| {
        let text = format!("image,label,split\n0.png,x,train\n1.png,y,train\n2.png,x,{name}\n3.png,y,{name}\n");
        let options = CheckOptions { validation_split: Some("val".into()), ..Default::default() };
        let mut report = check_rows(&folder.manifest(&text), &options);
        report.problems.retain(|problem| problem.line > 0);
        report.problems.into_iter().map(|problem| format!("{problem}")).collect::<Vec<_>>().join("\n")
    };
    for (name, severity, meant) in [
        ("valid", "fatal", "val"),
        ("validation", "fatal", "val"),
        ("dev", "fatal", "val"),
        ("vla", "fatal", "val"),
        ("Train", "fatal", "train"),
        ("training", "fatal", "train"),
        ("testing", "warning", "test"),
    ] {
        let expected = format!("{severity}: line 4: unknown split `{name}`; did you mean `{meant}`?");
        let found = said(name);
        assert!(found.starts_with(&expected) && found.lines().count() == 1, "{found}");
    }
    assert!(said("kaggle").starts_with("warning: line 4: unknown split `kaggle`; its 2 row(s) are a test"));
    assert_eq!(said("test_ood"), "");
    assert!(said("").starts_with("fatal: line 4: 2 row(s) from here have no split"));
}

#[test]
fn a_validation_split_that_is_absent_or_lacks_a_class_is_said() {
    let folder = Folder::new();
    (0..3).for_each(|seed| drop(folder.picture(&format!("{seed}.png"), seed)));
    let options = CheckOptions { validation_split: Some("val".into()), ..Default::default() };
    let of = |third: &str| {
        let text = format!("image,label,split\n0.png,x,train\n1.png,y,train\n2.png,x,{third}\n");
        check_rows(&folder.manifest(&text), &options)
    };
    assert_eq!(found(&of("test")), [(0, Warning, Kind::UnknownSplit)]);
    let lacking = of("val");
    assert_eq!(found(&lacking), [(0, Warning, Kind::ClassAbsent)]);
    assert!(lacking.problems[0].message.contains("class `y` is absent from the validation split `val`"));
}

#[test]
fn a_source_that_tells_the_label_is_said_in_plain_words() {
    let folder = Folder::new();
    let mut text = String::from("image,label,source,split\n");
    for index in 0..10 {
        folder.picture(&format!("{index}.png"), index);
        let (label, source) = [("x", "north"), ("y", "south")][index as usize % 2];
        text += &format!("{index}.png,{label},{},train\n", if index == 9 { "north" } else { source });
    }
    let report = check_rows(&folder.manifest(&text), &CheckOptions::default());
    assert_eq!(found(&report), [(0, Warning, Kind::SourceTellsLabel)]);
    let message = &report.problems[0].message;
    assert!(message.contains("is right for 90 % of the images, the commonest answer for 50 %"), "{message}");
}

#[test]
fn files_are_looked_at_without_being_decoded() {
    let folder = Folder::new();
    for (seed, name) in ["a.png", "b.png", "c.png"].into_iter().enumerate() {
        folder.picture(name, seed as u32);
    }
    folder.write("empty.png", "");
    folder.write("broken.png", "no picture");
    folder.path("folder.png/x");
    let text = "image,mask,label,split\na.png,,x,train\nb.png,b.png,y,train\nempty.png,,x,train\nfolder.png,,x,train\n\
                C.png,,x,train\nlost.png,,x,train\nbroken.png,,x,train\n";
    let report = check_rows(&folder.manifest(text), &CheckOptions::default());
    let expected = [
        (3, Fatal, Kind::MaskIsImage),
        (4, Fatal, Kind::Unreadable),
        (5, Fatal, Kind::Unreadable),
        (6, Fatal, Kind::Missing),
        (7, Fatal, Kind::Missing),
    ];
    assert_eq!(found(&report), expected);
    assert!(report.problems[3].message.contains("c.png` is there; capitals count"), "{}", report.problems[3].message);
    assert!(report.problems[4].message.contains("starts at the manifest's folder"), "{}", report.problems[4].message);
    let mut decoded = found(&check(&folder.manifest(text), &CheckOptions::default()));
    decoded.retain(|problem| problem.1 == Fatal);
    // A picture as its own mask has no foreground, and the last file holds no picture.
    let more = [(3, Fatal, Kind::UnclearMask), (8, Fatal, Kind::Unreadable)];
    let mut all = [&expected[..], &more].concat();
    all.sort_by_key(|&(line, severity, kind)| (line, std::cmp::Reverse(severity), kind));
    assert_eq!(decoded, all);
}

#[cfg(unix)]
#[test]
fn one_image_by_two_links_is_one_image() {
    let folder = Folder::new();
    let image = folder.picture("a.png", 1);
    folder.picture("b.png", 2);
    std::os::unix::fs::symlink(&image, folder.path("link.png")).unwrap();
    std::fs::hard_link(&image, folder.path("hard.png")).unwrap();
    let text = "image,label,split\na.png,x,train\nb.png,y,train\nlink.png,y,train\nhard.png,x,test\n";
    let expected = [(4, Fatal, Kind::DuplicateRow), (5, Fatal, Kind::SharedContent)];
    assert_eq!(found(&check_rows(&folder.manifest(text), &CheckOptions::default())), expected);
    assert_eq!(found(&check(&folder.manifest(text), &CheckOptions::default())), expected);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_parent_folder_adds_no_image() {
    let folder = Folder::new();
    for (seed, name) in ["train/x/a.png", "train/y/b.png", "test/x/c.png", "test/y/d.png"].into_iter().enumerate() {
        folder.picture(&format!("data/{name}"), seed as u32);
    }
    for link in ["train/x/up", "train/y/up", "test/x/up", "train/again"] {
        std::os::unix::fs::symlink("..", folder.path(&format!("data/{link}"))).unwrap();
    }
    let root = folder.path("data/train").parent().unwrap().to_path_buf();
    let manifest = Manifest::from_folders(&root, None, &ManifestOptions::default()).unwrap();
    assert_eq!((manifest.records.len(), manifest.classes.len()), (4, 2));
    let report = check_rows(&manifest, &CheckOptions::default());
    assert_eq!(found(&report), [(0, Warning, Kind::Reading); 4]);
    assert!(
        report.problems[0].message.contains("test/x/up` leads back into the data"),
        "{}",
        report.problems[0].message
    );
}

#[test]
#[ignore = "needs data: ISNET_SHARED_DATA=<folder> cargo test -p isnet-data real_data -- --ignored --nocapture"]
fn real_data_can_be_checked() {
    let root = std::env::var("ISNET_SHARED_DATA").expect("`ISNET_SHARED_DATA` names the folder of the data");
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
