use super::*;
use crate::manifest::ManifestOptions;
use crate::prepare::Fit;
use crate::testing::Folder;

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
    folder.gray("faint_mask.png", (8, 8), |_, x| (x % 2) as u8);
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
        (7, Warning, Kind::EmptyMask),
        (8, Fatal, Kind::EmptyMask),
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
        "its brightest pixel has 0.4 % of full brightness",
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
    let preparation = Some(Preparation { height: 2, width: 2, channels: 1, fit: Fit::Pad });
    assert_eq!(found(&check(&manifest, &CheckOptions::default())), []);
    let report = check(&manifest, &CheckOptions { preparation, ..Default::default() });
    assert_eq!(found(&report), [(2, Warning, Kind::EmptyMask)]);
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
