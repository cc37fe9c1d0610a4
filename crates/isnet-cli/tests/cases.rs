//! The small inputs of `../shared/cases`, each run as its README says, in a copy.
//!
//! What is right stands in that README. Messages are held against a few words only: they belong to the rooms that write them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Said;
use tempfile::TempDir;

/// A copy of a folder of cases.
struct Case {
    folder: TempDir,
}

impl Case {
    /// # Panics
    /// If the folder is not there: these tests are asked for by name, and a test that runs nothing must not pass.
    fn copy(name: &str) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(name);
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&from, folder.path());
        Self { folder }
    }

    fn isnet(&self, arguments: &str) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isnet"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path()).stdin(Stdio::null());
        Said::of(arguments, command.output().unwrap())
    }

    fn check(&self) -> Said {
        self.isnet("data check manifest.csv")
    }

    fn train(&self) -> Said {
        self.isnet("train c.toml")
    }

    /// The table of predictions after a training that must succeed; and what the training and the evaluation said.
    fn evaluated(&self) -> (String, Said, Said) {
        let (trained, evaluated) = (self.train().done(), self.isnet("evaluate runs/c").done());
        (self.text("runs/c/predictions.csv"), trained, evaluated)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries.map(Result::unwrap) {
        let (path, name) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            fs::create_dir(&name).unwrap();
            copy_folder(&path, &name);
        } else {
            fs::copy(&path, &name).unwrap();
        }
    }
}

/// Whether all that was said has one of these words, whatever their case.
fn says_one_of(said: &Said, words: &[&str]) -> bool {
    let all = (said.stdout.clone() + &said.stderr).to_lowercase();
    words.iter().any(|word| all.contains(&word.to_lowercase()))
}

/// Each group of words is there with one of its words.
#[track_caller]
fn assert_says(said: &Said, groups: &[&[&str]]) {
    for words in groups {
        assert!(says_one_of(said, words), "none of {words:?} is said by\n{said}");
    }
}

/// Every command ends with an answer, never with a panic, and in no other program's words.
#[track_caller]
fn assert_plain(said: &Said) {
    assert!((0..=2).contains(&said.code), "{said}");
    for word in
        ["panicked", "Unknown(", "Unsupported(", "expected usize", "mantissa", "RUST_BACKTRACE", "InvalidSignature"]
    {
        assert!(!said.stderr.contains(word) && !said.stdout.contains(word), "`{word}` in\n{said}");
    }
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn a_black_mask_and_no_mask_give_the_same_training_scores_and_background_share() {
    let (black, none) = (Case::copy("healthyblack"), Case::copy("healthynone"));
    let (of_black, trained_black, said) = black.evaluated();
    let (of_none, trained_none, _) = none.evaluated();
    assert_eq!(trained_black.digest(), trained_none.digest());
    assert_eq!(of_black, of_none, "every probability and every share");
    assert_says(&said, &[&["mask"], &["left out", "no foreground", "empty", "without foreground"]]);
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn a_mask_in_the_alpha_channel_is_said_and_never_all_foreground() {
    let case = Case::copy("mask_alpha");
    let (checked, trained) = (case.check(), case.train());
    for said in [&checked, &trained] {
        assert_plain(said);
        assert_says(said, &[&["alpha", "transparen"]]);
    }
    if trained.code == 0 {
        let shares = case.isnet("evaluate runs/c").done();
        assert!(!says_one_of(&shares, &["covers everything", "covers the whole image", "full mask"]), "{shares}");
    }
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn masks_of_zeros_and_ones_are_read_or_refused_alike_by_check_and_training() {
    let case = Case::copy("mask_mixed");
    let (checked, trained) = (case.check(), case.train());
    assert_plain(&checked);
    assert_plain(&trained);
    assert_eq!(checked.code == 0, trained.code == 0, "{checked}\n{trained}");
    if trained.code != 0 {
        for said in [&checked, &trained] {
            assert_says(said, &[&["m/1.png", "m/0.png", "m/2.png", "m/3.png"], &["255"]]);
        }
    }
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn an_orientation_tag_on_the_image_alone_is_a_warning_that_names_the_file() {
    let case = Case::copy("exif3");
    for said in [case.check(), case.train()] {
        assert_plain(&said);
        assert_says(&said, &[&["i/0.jpg"], &["exif", "orientation", "rotat", "turned"]]);
    }
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn twelve_bits_in_sixteen_learn_like_eight_or_are_said_with_what_to_do() {
    let (deep, plain) = (Case::copy("12bit"), Case::copy("8bit"));
    let (of_deep, of_plain) = (deep.train().done(), plain.train().done());
    assert!(!says_one_of(&plain.check(), &["intensity"]), "eight bits need no advice");
    if of_deep.digest() != of_plain.digest() {
        for said in [&deep.check(), &of_deep] {
            assert_says(said, &[&["6 %", "6.2 %", "6.3 %", "12 bit", "12-bit", "0.06"], &["intensity"]]);
        }
    }
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn a_metric_that_validation_cannot_give_is_no_chooser() {
    let case = Case::copy("val_missing");
    for metric in ["auc", "dice"] {
        let said = case.isnet(&format!("train c.toml --set train.best_metric={metric}"));
        assert_plain(&said);
        assert_eq!(said.code, 2, "{said}");
        assert_says(&said, &[&[metric], &["best_metric"]]);
        assert!(!case.path("runs/c/checkpoints/best.safetensors").exists(), "{said}");
    }
    assert_says(&case.check(), &[&["dog"], &["val"]]);
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn one_class_and_two_spellings_of_one_are_said_before_training() {
    for (name, words) in [("label_one", &["`only`"] as &[&str]), ("label_case", &["`Cat`", "`cat`"])] {
        let case = Case::copy(name);
        for said in [case.check(), case.train()] {
            assert_plain(&said);
            let all = format!("{}{}", said.stdout, said.stderr);
            assert!(words.iter().all(|word| all.contains(word)), "{words:?} is not said by\n{said}");
        }
    }
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn every_unusual_table_says_what_it_is_and_what_to_do() {
    let case = Case::copy("csv");
    // A table that says how it is separated and encoded may be read, with a note; the others are refused.
    let rows: [(&str, bool, &[&[&str]]); 6] = [
        ("semicolon.csv", false, &[&["semicolon", "`;`"]]),
        ("tab.csv", false, &[&["tab"]]),
        ("utf16.csv", false, &[&["UTF-16"]]),
        ("empty.csv", true, &[&["empty"]]),
        ("dup_conflict.csv", true, &[&["i/0.png"], &["dog"], &["cat"]]),
        // No split of this name is validated on.
        ("valid.csv", true, &[&["valid`"], &["`val"]]),
    ];
    for (table, is_refused, words) in rows {
        let checked = case.isnet(&format!("data check {table}"));
        let trained = case.isnet(&format!("train c.toml --set data.manifest={table} --set name={table}"));
        for said in [&checked, &trained] {
            assert_plain(said);
            assert_says(said, words);
        }
        if is_refused {
            assert_eq!(trained.code, 2, "{trained}");
            assert!(!case.path("runs").join(table).exists(), "{table} leaves a run folder");
        } else {
            assert_eq!(checked.code == 0, trained.code == 0, "{checked}\n{trained}");
        }
    }
    let plain = case.isnet("data check plain.csv").done();
    assert_plain(&plain);
    case.isnet("train c.toml --set data.manifest=plain.csv").done();
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn a_table_of_logits_is_refused_by_row_and_value() {
    let case = Case::copy("predictions");
    let right = case.isnet("compare ok.csv").done();
    assert_says(&right, &[&["0.8"]]);
    let logits = case.isnet("compare logits.csv");
    assert_plain(&logits);
    assert_eq!(logits.code, 2, "{logits}");
    assert_says(&logits, &[&["logits.csv"], &["line 2", "row 1", "row 2", "`a`"], &["-3.2"]]);
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn every_variant_of_an_image_is_read_or_refused_in_plain_words() {
    let case = Case::copy("formats");
    let mut names: Vec<String> = fs::read_dir(case.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".npz"))
        .collect();
    names.sort();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        // A picture and a copy of it, one of each class.
        let copy = format!("copy-{name}");
        fs::copy(case.path(&name), case.path(&copy)).unwrap();
        fs::write(case.path("manifest.csv"), format!("image,label,split\n{name},a,train\n{copy},b,train\n")).unwrap();
        let said = case.check();
        assert_plain(&said);
        if said.code != 0 {
            assert_says(&said, &[&[name.as_str()], &["convert", "save", "export", "write it as"]]);
        }
    }
}

#[test]
#[ignore = "needs ../shared; cargo test -p isnet-cli --test cases -- --ignored"]
fn the_cases_are_all_known_to_this_file() {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases")).unwrap();
    let source = include_str!("cases.rs");
    for entry in entries.map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        assert!(source.contains(&format!("\"{name}\"")), "no test runs `../shared/cases/{name}`");
    }
}
