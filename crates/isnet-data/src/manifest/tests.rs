use super::*;
use crate::testing::Folder;

fn read(text: &str, options: &ManifestOptions) -> Result<Manifest> {
    let folder = Folder::new();
    Manifest::read(folder.write("m.csv", text), options)
}

fn message(text: &str, options: &ManifestOptions) -> String {
    read(text, options).unwrap_err().to_string()
}

fn with_classes(classes: &[&str]) -> ManifestOptions {
    ManifestOptions { classes: Some(classes.iter().map(|class| class.to_string()).collect()), ..Default::default() }
}

#[test]
fn every_column_reaches_its_field_and_paths_start_at_the_manifest() {
    let folder = Folder::new();
    let path = folder.write("m.csv", "mask,age,image,split,label,source\nm/a.png,41, i/a.png ,train,sick,north\n");
    let manifest = Manifest::read(&path, &ManifestOptions::default()).unwrap();
    let record = &manifest.records[0];
    assert_eq!(record.image, folder.path("i/a.png"));
    assert_eq!(record.mask, Some(folder.path("m/a.png")));
    assert_eq!((record.source.as_str(), record.split.as_str()), ("north", "train"));
    assert_eq!(record.extra, [("age".to_string(), "41".to_string())]);
    assert_eq!(manifest.id(0), "i/a.png");
}

#[test]
fn only_the_image_column_is_needed() {
    let manifest = read("image\na.png\n", &ManifestOptions::default()).unwrap();
    let record = &manifest.records[0];
    assert_eq!((&record.mask, &record.label, record.split.as_str()), (&None, &None, ""));
    let error = message("picture,label\na.png,x\n", &ManifestOptions::default());
    assert!(error.contains("no column `image`; its columns are `picture`, `label`"), "{error}");
}

#[test]
fn another_image_column_leaves_out_rows_without_that_picture() {
    let text = "image,blurred,label\na.png,a2.png,x\nb.png,,x\n";
    let options = ManifestOptions { image_column: "blurred".into(), ..Default::default() };
    let manifest = read(text, &options).unwrap();
    assert_eq!(manifest.records.len(), 1);
    assert!(manifest.records[0].image.ends_with("a2.png"));
    assert_eq!(manifest.records[0].extra, [("image".to_string(), "a.png".to_string())]);
}

#[test]
fn a_mask_column_that_was_asked_for_must_exist() {
    let options = ManifestOptions { mask_column: "lungs".into(), ..Default::default() };
    assert!(message("image,mask\na.png,m.png\n", &options).contains("no column `lungs`"));
}

#[test]
fn a_bar_anywhere_makes_the_task_multi_label_and_an_empty_cell_the_empty_set() {
    let manifest = read("image,label\na.png,hat|beard\nb.png,hat\nc.png,\n", &ManifestOptions::default()).unwrap();
    assert_eq!(manifest.task, Task::MultiLabel);
    assert_eq!(manifest.classes, ["beard", "hat"]);
    let labels: Vec<_> = manifest.records.iter().map(|record| record.label.clone().unwrap()).collect();
    assert_eq!(labels, [Label::Multi(vec![0, 1]), Label::Multi(vec![1]), Label::Multi(vec![])]);
}

#[test]
fn an_empty_label_of_a_single_label_task_is_unknown_not_a_class() {
    let manifest = read("image,label\na.png,x\nb.png,\n", &ManifestOptions::default()).unwrap();
    assert_eq!((manifest.task, &manifest.records[1].label), (Task::SingleLabel, &None));
}

#[test]
fn a_multi_label_manifest_without_a_label_column_is_unlabelled_not_empty() {
    let options = ManifestOptions { task: Some(Task::MultiLabel), ..with_classes(&["x"]) };
    assert_eq!(read("image\na.png\n", &options).unwrap().records[0].label, None);
    assert_eq!(read("image,label\na.png,\n", &options).unwrap().records[0].label, Some(Label::Multi(vec![])));
}

#[test]
fn several_labels_in_a_task_declared_single_label_are_an_error() {
    let options = ManifestOptions { task: Some(Task::SingleLabel), ..Default::default() };
    assert!(message("image,label\na.png,x|y\n", &options).contains("`x|y` names several labels"));
}

#[test]
fn classes_keep_the_given_order_and_are_sorted_otherwise() {
    let text = "image,label\na.png,b\nb.png,a\n";
    assert_eq!(read(text, &ManifestOptions::default()).unwrap().classes, ["a", "b"]);
    let manifest = read(text, &with_classes(&["b", "a"])).unwrap();
    assert_eq!(manifest.records[0].label, Some(Label::Single(0)));
    let numbers = read("image,label\na.png,10\nb.png,9\n", &ManifestOptions::default()).unwrap();
    assert_eq!(numbers.classes, ["9", "10"]);
    assert!(message(text, &with_classes(&["a", "b", "a"])).contains("class `a` is listed twice"));
}

#[test]
fn an_unknown_label_names_its_line_and_the_nearest_class() {
    let text = "image,label\na.png,covid\nb.png,covd\nc.png,zzz\n";
    let error = message(text, &with_classes(&["covid", "normal"]));
    assert!(error.contains("line 3: label `covd` is not a class; did you mean `covid`? (and 1 more;"), "{error}");
}

#[test]
fn lines_are_those_of_an_editor() {
    // Quoted line breaks, blank lines, CRLF and a byte order mark: each has misled a line counter before.
    for text in [
        "image,label\na.png,\"x\ny\"\nb.png,x\n\n\n,x\n",
        "image,label\r\na.png,\"x\r\ny\"\r\nb.png,x\r\n\r\n\r\n,x\r\n",
        "\u{feff}image,label\na.png,\"x\ny\"\nb.png,x\n\n\n,x",
    ] {
        let folder = Folder::new();
        let manifest = folder.manifest(text);
        let lines: Vec<usize> = manifest.records.iter().map(|record| record.line).collect();
        assert_eq!((lines, manifest.problems[0].line), (vec![2, 4], 7), "{text:?}");
    }
}

#[test]
fn bad_rows_are_collected_with_their_lines_and_good_rows_stay() {
    let folder = Folder::new();
    let mut bytes = b"image,label\na.png,x\n,x\nb.png\nc.png,x,y\n".to_vec();
    bytes.extend(b"d\xFF.png,x\n");
    let path = folder.write("m.csv", bytes);
    let manifest = Manifest::read_lenient(path, &ManifestOptions::default()).unwrap();
    assert_eq!(manifest.records.len(), 1);
    let problems: Vec<_> = manifest.problems.into_iter().map(|problem| (problem.line, problem.kind)).collect();
    let expected = [
        (3, RowProblemKind::NoImage { column: "image".into() }),
        (4, RowProblemKind::CellCount { expected: 2, got: 1 }),
        (5, RowProblemKind::CellCount { expected: 2, got: 3 }),
        (6, RowProblemKind::NotUtf8),
    ];
    assert_eq!(problems, expected);
}

#[test]
fn absent_empty_and_ambiguous_manifests_say_so() {
    let absent = Manifest::read("/nowhere/m.csv", &ManifestOptions::default()).unwrap_err();
    assert!(absent.to_string().starts_with("`/nowhere/m.csv` does not exist"), "{absent}");
    assert!(message("image,label\n", &ManifestOptions::default()).contains("holds no images"));
    assert!(message("image,image\na,b\n", &ManifestOptions::default()).contains("column `image` twice"));
}

#[test]
fn a_folder_per_class_finds_its_masks_by_name() {
    let folder = Folder::new();
    folder.picture("images/sick/b/deep.png", 1);
    folder.picture("images/sick/a.png", 2);
    folder.picture("images/healthy/c.bmp", 3);
    folder.write("images/healthy/notes.txt", "not an image");
    folder.mask("masks/sick/a.bmp");
    folder.mask("masks/sick/b/deep.png");
    let (images, masks) = (folder.path("images"), folder.path("masks"));
    let manifest = Manifest::from_folders(&images, Some(&masks), &ManifestOptions::default()).unwrap();
    assert_eq!(manifest.classes, ["healthy", "sick"]);
    let records: Vec<_> = (0..3)
        .map(|index| {
            let record = &manifest.records[index];
            (manifest.id(index), record.label.clone().unwrap(), record.mask.is_some(), record.line)
        })
        .collect();
    let expected = [("healthy/c.bmp", 0, false), ("sick/a.png", 1, true), ("sick/b/deep.png", 1, true)];
    assert_eq!(records, expected.map(|(id, class, mask)| (id.to_string(), Label::Single(class), mask, 0)));
}

#[test]
fn folders_named_like_splits_are_splits() {
    let folder = Folder::new();
    folder.picture("train/sick/a.png", 1);
    folder.picture("test_ood/sick/b.png", 2);
    let manifest = Manifest::from_folders(&folder.path("."), None, &ManifestOptions::default()).unwrap();
    assert_eq!(manifest.splits(), ["test_ood", "train"]);
    assert_eq!((manifest.split("train"), &manifest.classes[..]), (vec![1], &["sick".to_string()][..]));
    folder.picture("other/a.png", 1);
    let error = Manifest::from_folders(&folder.path("."), None, &ManifestOptions::default()).unwrap_err();
    assert!(error.to_string().contains("mixes splits (`test_ood`, `train`) and classes (`other`)"), "{error}");
}

#[test]
fn a_mask_without_an_image_and_two_masks_for_one_are_errors() {
    let folder = Folder::new();
    folder.picture("images/x/a.png", 1);
    folder.mask("masks/x/a.png");
    folder.mask("masks/x/b.png");
    let read = || Manifest::from_folders(&folder.path("images"), Some(&folder.path("masks")), &Default::default());
    let error = read().unwrap_err().to_string();
    assert!(error.contains("x/b.png` belongs to no image"), "{error}");
    folder.mask("masks/x/a.bmp");
    assert!(matches!(read(), Err(DataError::MaskTwice { .. })));
}

#[test]
fn a_split_name_is_a_whole_word() {
    for (name, expected) in [("train", true), ("test_ood", true), ("val-2", true), ("trial", false), ("testing", false)]
    {
        assert_eq!(is_split_name(name), expected, "{name}");
    }
}
