//! Data as people have them: read rightly, or refused with a reason.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::Path;

use common::Bench;

#[test]
fn a_configuration_is_checked_as_it_would_train() {
    let bench = Bench::new();
    let said = bench.isnet("data check tiny.toml").done();
    assert!(said.stdout.ends_with("\n0 fatal problem(s), 0 warning(s)\n"), "{said}");
    bench.edit("manifest.csv", ",val\n", ",valid\n");
    let said = bench.isnet("data check tiny.toml");
    assert!(said.code == 1 && said.stdout.contains("unknown split `valid`; did you mean `val`? 4 row(s)"), "{said}");
    bench.isnet("data check tiny.toml --set data.validation_split=valid").done();
    bench.isnet("data check tiny.toml --task multi_label").fails(2, &["`--task` is for a manifest", "`--set`"]);
    bench.isnet("data check manifest.csv --set seed=2").fails(2, &["`--set`", "manifest.csv"]);
    bench.write("drawn.toml", "[data.phantom]\n");
    let said = bench.isnet("data check drawn.toml").done();
    assert!(said.stderr.contains("are generated"), "{said}");
}

#[test]
fn a_folder_per_class_is_checked_with_its_masks() {
    let bench = Bench::new();
    for name in
        fs::read_dir(bench.path("images")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap())
    {
        let (split, index) = name.trim_end_matches(".png").rsplit_once('-').unwrap();
        let class = ["bright", "dark"][index.parse::<usize>().unwrap() % 2];
        for kind in ["images", "masks"] {
            let folder = bench.path(&format!("data/{kind}/{split}/{class}"));
            fs::create_dir_all(&folder).unwrap();
            fs::copy(bench.path(&format!("{kind}/{name}")), folder.join(&name)).unwrap();
        }
    }
    let said = bench.isnet("data check data/images --masks data/masks").done();
    assert!(said.stdout.ends_with("\n0 fatal problem(s), 0 warning(s)\n"), "{said}");
    let counted =
        said.stdout.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == ["train", "bright", "6", "6"]);
    assert!(counted, "{said}");
    bench.isnet("data check .").fails(2, &["holds a manifest", "manifest.csv"]);
    fs::rename(bench.path("data/images/val"), bench.path("data/images/valid")).unwrap();
    bench.isnet("data check data/images").fails(2, &["folder `valid`", "rename it to `val`"]);
}

#[test]
fn an_external_test_set_needs_no_training_split_and_no_column_for_it() {
    let bench = Bench::trained();
    let all = bench.text("manifest.csv");
    let tests: String = all
        .lines()
        .filter(|line| line.starts_with("image,") || line.ends_with(",test"))
        .map(|line| format!("{line}\n"))
        .collect();
    bench.write("external.csv", &tests);
    let without: String = tests.lines().map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0)).collect();
    bench.write("bare.csv", &without);
    for (name, split) in [("external", "test"), ("bare", "all")] {
        let config = bench.text("tiny.toml").replace("manifest.csv", &format!("{name}.csv"));
        bench.write("external.toml", config);
        bench.isnet(&format!("evaluate runs/tiny --config external.toml --no-explain --output {name}")).done();
        let rows = bench.text(&format!("{name}/predictions.csv"));
        assert_eq!(rows.lines().skip(1).filter(|row| row.split(',').nth(2) == Some(split)).count(), 4, "{rows}");
        bench.isnet(&format!("data check {name}.csv --external")).done();
        let said = bench.isnet(&format!("data check {name}.csv"));
        assert_eq!(said.code, 1, "{said}");
        bench.isnet(&format!("explain runs/tiny --manifest {name}.csv --limit 1 --output maps-of-{name}")).done();
        bench.isnet(&format!("audit runs/tiny --data {name}.csv --question relevance --output audited"));
        assert!(bench.path("audited/audit.json").exists(), "{name}");
    }
    bench
        .isnet("explain runs/tiny --manifest bare.csv --split test")
        .fails(2, &["no split `test`", "none of its rows has a split"]);
    bench.edit("bare.csv", "dark", "grey");
    let said = bench.isnet("evaluate runs/tiny --config external.toml --no-explain");
    said.fails(2, &["bare.csv` line 3", "label `grey` is not a class", "`bright`, `dark`"]);
}

#[test]
fn an_image_without_a_label_is_not_scored() {
    let bench = Bench::trained();
    bench.edit("manifest.csv", "masks/test-01.png,dark", "masks/test-01.png,");
    bench.isnet("evaluate runs/tiny --no-explain").fails(2, &["test-01.png", "has no label"]);
}

#[test]
fn one_row_of_two_labels_stops_a_training_with_its_line() {
    let bench = Bench::new();
    bench.edit("manifest.csv", "masks/train-03.png,dark", "masks/train-03.png,bright|dark");
    bench
        .isnet("train tiny.toml")
        .fails(2, &["manifest.csv` line 5", "`bright|dark` names several labels", "task = \"multi_label\""]);
    let said = bench.isnet("data check manifest.csv");
    assert!(said.code == 1 && said.stdout.contains("fatal: line 5: `bright|dark` names several labels"), "{said}");
    bench.isnet("data check manifest.csv --task multi-label").done();
    bench.isnet("data check tiny.toml --set data.task=multi_label").done();
}

/// What each miniature of `../shared/cases` must say.
const CASES: [(&str, &str, i32, &str); 9] = [
    ("csv", "plain.csv", 0, "0 fatal problem(s), 0 warning(s)"),
    ("csv", "semicolon.csv", 0, "warning: cells are separated by `;`"),
    ("csv", "tab.csv", 0, "warning: cells are separated by tabs"),
    ("csv", "utf16.csv", 0, "warning: the file is UTF-16"),
    ("csv", "valid.csv", 1, "unknown split `valid`; did you mean `val`?"),
    ("csv", "dup_conflict.csv", 1, "is already in line 2, as"),
    ("label_one", "c.toml", 1, "have the one label `only`"),
    ("label_case", "c.toml", 1, "the classes `Cat` (4 images, first in line 2) and `cat` (4 images, first in line 3)"),
    ("val_missing", "c.toml", 0, "warning: class `dog` is absent from the validation split `val`"),
];

#[test]
#[ignore = "needs ../shared/cases; cargo test -- --ignored"]
fn the_miniatures_say_what_is_right() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    let bench = Bench::new();
    for (folder, name, code, expected) in CASES {
        let path = cases.join(folder).join(name);
        let said = bench.isnet(&format!("data check {}", path.display()));
        assert!(said.code == code && said.stdout.contains(expected), "{folder}/{name}: {said}");
    }
    let empty = cases.join("csv/empty.csv");
    bench.isnet(&format!("data check {}", empty.display())).fails(2, &["empty.csv` is empty", "a row per image"]);
}
