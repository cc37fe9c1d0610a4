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
fn in_a_multi_label_task_an_empty_cell_is_the_empty_set() {
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
        "image,note\na.png,\"x\ny\"\nb.png,x\n\n\n,x\n",
        "image,note\r\na.png,\"x\r\ny\"\r\nb.png,x\r\n\r\n\r\n,x\r\n",
        "image,note\ra.png,\"x\ry\"\rb.png,x\r\r\r,x\r",
        "\u{feff}image,note\na.png,\"x\ny\"\nb.png,x\n\n\n,x",
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
        (4, RowProblemKind::CellCount { expected: 2, got: 1, separator: ',', other: None }),
        (5, RowProblemKind::CellCount { expected: 2, got: 3, separator: ',', other: None }),
        (6, RowProblemKind::NotUtf8 { cell: "d\u{ff}.png".into() }),
    ];
    assert_eq!(problems, expected);
}

#[test]
fn absent_empty_and_ambiguous_manifests_say_so() {
    let absent = Manifest::read("/nowhere/m.csv", &ManifestOptions::default()).unwrap_err();
    assert!(absent.to_string().starts_with("`/nowhere/m.csv` does not exist"), "{absent}");
    assert!(message("image,label\n", &ManifestOptions::default()).contains("has a header and no rows"));
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

fn lenient(text: impl AsRef<[u8]>, options: &ManifestOptions) -> Manifest {
    let folder = Folder::new();
    Manifest::read_lenient(folder.write("m.csv", text), options).unwrap()
}

#[test]
fn one_row_of_two_labels_does_not_change_the_task_of_all() {
    let text = "image,label\na.png,cat\nb.png,dog\nc.png,cat|dog\nd.png,cat\ne.png,dog\n";
    let error = message(text, &ManifestOptions::default());
    for part in ["m.csv` line 4: `cat|dog` names several labels", "`task = \"multi_label\"`", "`--task multi_label`"] {
        assert!(error.contains(part), "{error}");
    }
    let read = lenient(text, &ManifestOptions::default());
    assert_eq!(
        (read.task, &read.classes[..], read.records.len()),
        (Task::SingleLabel, &["cat".into(), "dog".into()][..], 4)
    );
    let stated = |task| ManifestOptions { task: Some(task), ..Default::default() };
    assert_eq!(lenient(text, &stated(Task::MultiLabel)).records.len(), 5);
    assert!(message(text, &stated(Task::SingleLabel)).contains("stated to be single-label"));
}

#[test]
fn a_manifest_where_half_of_the_rows_have_several_labels_is_multi_label() {
    let task = |labels: &[&str]| {
        let rows: String = labels.iter().map(|label| format!("a.png,{label}\n")).collect();
        lenient(format!("image,label\n{rows}"), &ManifestOptions::default()).task
    };
    assert_eq!(task(&["a|b", "a", "", ""]), Task::MultiLabel);
    assert_eq!(task(&["a|b", "a", "b"]), Task::SingleLabel);
    assert_eq!(task(&["a", "b"]), Task::SingleLabel);
}

/// The same table in every form that is read gives the same records on the same lines.
#[test]
fn semicolons_tabs_and_utf16_are_read_as_what_they_are_and_noted() {
    let text = "image,label,note\na.png,caf\u{e9},\"x; y\"\nb.png,dog,\"1,5\"\n";
    let plain = lenient(text, &ManifestOptions::default());
    let utf16 =
        |unit: fn(u16) -> [u8; 2]| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect() };
    let semicolons = "image;label;note\na.png;caf\u{e9};\"x; y\"\nb.png;dog;1,5\n";
    let tabs = "image\tlabel\tnote\na.png\tcaf\u{e9}\tx; y\nb.png\tdog\t1,5\n";
    let cases = [
        (semicolons.into(), Note::Separator(';')),
        (tabs.into(), Note::Separator('\t')),
        (utf16(u16::to_le_bytes), Note::Utf16),
        (utf16(u16::to_be_bytes), Note::Utf16),
    ];
    for (bytes, note) in cases {
        let read: Manifest = lenient(Vec::<u8>::clone(&bytes), &ManifestOptions::default());
        assert_eq!((&read.classes, &read.notes), (&plain.classes, &vec![note]));
        let rows = |manifest: &Manifest| -> Vec<_> {
            manifest.records.iter().map(|it| (it.line, it.label.clone(), it.extra.clone())).collect()
        };
        assert_eq!(rows(&read), rows(&plain));
    }
    let folder = Folder::new();
    let tsv = Manifest::read(folder.write("m.tsv", tabs), &ManifestOptions::default()).unwrap();
    assert_eq!(tsv.notes, []);
}

#[test]
fn a_file_that_is_no_csv_is_named_for_what_it_seems_to_be() {
    let utf16: Vec<u8> = "image,label\na.png,x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&b"\xFF\xFE"[..], &utf16[..utf16.len() - 1]].concat();
    let cases: [(&[u8], &str); 13] = [
        (b"", "is empty"),
        (b"\xEF\xBB\xBF\n\n", "is empty"),
        (b"PK\x03\x04rest", "an Excel workbook (.xlsx)"),
        (b"\xD0\xCF\x11\xE0rest", "an old Excel workbook"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"<!doctype html>", "a web page"),
        (&utf16, "UTF-16 without the mark"),
        (&marked, "UTF-16 but is damaged"),
        (b"image,label\na.png,x\nb.\0png,y\n", "line 3 holds zero bytes"),
        (b"image,d\xE9\na.png,x\n", "Latin-1 or Windows-1252, with the header `image,d\u{e9}`"),
        (b"image|label\na.png|x\n", "is separated by `|`, which joins the labels"),
        (b"sep=;\nimage;label\na.png;x\n", "line 1 is `sep=;`, a note to Excel"),
        (b"image,label\na.png,x\nb.png,\"y\nc.png,x\n", "line 3 opens a quotation mark `\"` that is never closed"),
    ];
    let folder = Folder::new();
    for (bytes, expected) in cases {
        let path = folder.write("m.csv", bytes);
        let error = Manifest::read(&path, &ManifestOptions::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = Manifest::read(folder.path("x").parent().unwrap(), &ManifestOptions::default()).unwrap_err();
    assert!(error.to_string().contains("is a folder; name the CSV file in it"), "{error}");
}

#[test]
fn a_column_in_capitals_is_not_overlooked() {
    for (header, column, found) in [
        ("Image,label", "image", "Image"),
        ("image,LABEL", "label", "LABEL"),
        ("image,label,Mask", "mask", "Mask"),
        ("image,label,Split", "split", "Split"),
        ("image,label,Patient", "patient", "Patient"),
        ("image,label\u{200b}", "label", "label⟨U+200B⟩"),
    ] {
        let error = message(&format!("{header}\na,b,c\n"), &ManifestOptions::default());
        assert!(error.contains(&format!("has a column `{found}`; write `{column}`")), "{error}");
    }
    let both = lenient("image,Image,label\na.png,b.png,x\n", &ManifestOptions::default());
    assert_eq!(both.records[0].extra, [("Image".to_string(), "b.png".to_string())]);
    let error = message("path,label\na.png,x\n", &ManifestOptions::default());
    assert!(error.contains("no column `image`") && error.contains("rename `path` if it is meant"), "{error}");
}

#[test]
fn quotation_marks_that_swallow_rows_are_found() {
    // One mark too many in line 3, and another in line 5: together they hide line 4.
    let text = "image,label,note\na.png,x,\nb.png,y,\"old\nc.png,x,\nd.png,y,\"new\ne.png,x,\n";
    let found = Manifest::read_lenient(Folder::new().write("m.csv", text), &ManifestOptions::default());
    let said = match found {
        Ok(manifest) => manifest.problems.iter().map(|problem| format!("{} {problem}", problem.line)).collect(),
        Err(error) => error.to_string(),
    };
    assert!(said.starts_with('3') || said.contains("line 5 opens a quotation mark"), "{said}");
    let quoted = "image,label,note\na.png,x,\"old\nc.png,x,\nd.png,y,new\"\ne.png,x,\n";
    assert_eq!(
        lenient(quoted, &ManifestOptions::default()).problems[0].kind,
        RowProblemKind::LineBreak { column: "note".into() }
    );
    let label = lenient("image,label\na.png,\"x\ny\"\n", &ManifestOptions::default());
    assert_eq!(label.problems[0].kind, RowProblemKind::LineBreak { column: "label".into() });
    let fine = lenient("image,note\na.png,\"first\nsecond\"\n", &ManifestOptions::default());
    assert_eq!(fine.problems, []);
}

#[test]
fn a_row_with_another_separator_is_told_so() {
    let manifest = lenient("image,label,source\na.png;x;n\na.png,x,1,5\n", &ManifestOptions::default());
    let said: Vec<String> = manifest.problems.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("its cells seem to be separated by `;`, those of the header by `,`"), "{said:?}");
    assert!(said[1].contains("quote cells that contain a comma (also in numbers like `1,5`)"), "{said:?}");
}

#[test]
fn folders_that_look_like_splits_do_not_become_classes() {
    let folder = Folder::new();
    for name in ["training/x/a.png", "validation/x/b.png"] {
        folder.picture(&format!("data/{name}"), 1);
    }
    let root = folder.path("data/training").parent().unwrap().to_path_buf();
    let error = Manifest::from_folders(&root, None, &ManifestOptions::default()).unwrap_err().to_string();
    assert!(error.contains("the folder `training`, which would be a class; rename it to `train`"), "{error}");
}

#[test]
fn a_split_that_is_asked_for_is_named_if_no_row_has_it() {
    let manifest = lenient("image,split\na.png,train\nb.png,valid\n", &ManifestOptions::default());
    assert_eq!(manifest.need_split("train").unwrap(), [0]);
    let error = manifest.need_split("val").unwrap_err().to_string();
    assert!(error.contains("no split `val` in") && error.contains("did you mean `valid`?"), "{error}");
    let none = lenient("image\na.png\n", &ManifestOptions::default()).need_split("test").unwrap_err().to_string();
    assert!(none.contains("none of its rows has a split"), "{none}");
}
