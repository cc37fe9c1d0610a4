//! What people type by mistake, and what they read then.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;

use common::{Bench, Said};

/// Words of Rust and of its libraries, which no message may have.
const FOREIGN: &[&str] = &[
    "usize",
    "u64",
    "f64",
    "f32",
    "invalid digit",
    "invalid float",
    "invalid type",
    "missing field",
    "os error",
    "Some(",
    "(Pad)",
    "SingleLabel",
    "MultiLabel",
    "panicked",
    "unwrap",
];

#[track_caller]
fn plain(said: Said) -> Said {
    for word in FOREIGN {
        assert!(!said.stderr.contains(word), "`{word}` in\n{said}");
    }
    said
}

#[test]
fn a_run_that_is_no_model_says_what_it_is_to_every_command_that_takes_one() {
    let bench = Bench::new();
    bench.isnet("train tiny.toml").done();
    fs::remove_file(bench.path("runs/tiny/model.json")).unwrap();
    fs::remove_file(bench.path("runs/tiny/model.safetensors")).unwrap();
    for command in [
        "predict runs/tiny images/test-00.png",
        "explain runs/tiny images/test-00.png",
        "evaluate runs/tiny",
        "audit runs/tiny --data manifest.csv",
        "segment predict runs/tiny manifest.csv --output masked",
    ] {
        let words = ["`runs/tiny` is a run whose training is not finished: 2 of 2 epochs are done", "--resume`"];
        let said = plain(bench.isnet(command)).fails(2, &words);
        let absent = bench.isnet(&command.replace("runs/tiny", "runs/tny"));
        plain(absent).fails(2, &["`runs/tny` does not exist; did you mean `runs/tiny`?"]);
        let images = bench.isnet(&command.replace("runs/tiny", "images"));
        plain(images).fails(2, &["`images` is no run folder (it holds "]);
        assert!(said.stdout.is_empty());
    }
    let said = bench.isnet("predict runs/tiny images/test-00.png").stderr;
    let (_, command) = said.split_once("finish it with `isnet ").unwrap();
    bench.isnet(command.split_once('`').unwrap().0).done();
    bench.isnet("predict runs/tiny images/test-00.png").done();
}

#[test]
fn predict_takes_folders_and_explains_patterns() {
    let bench = Bench::trained();
    fs::create_dir_all(bench.path("images/below")).unwrap();
    fs::rename(bench.path("images/test-01.png"), bench.path("images/below/a.png")).unwrap();
    bench.write("images/notes.txt", "none");
    let said = bench.isnet("predict runs/tiny images").done();
    assert_eq!(said.stdout.lines().count(), 22);
    assert!(said.stderr.contains("22 images in `images`"), "{said}");
    let names: Vec<&str> = said.stdout.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert!(names.is_sorted() && names[0] == "images/below/a.png", "{names:?}");
    plain(bench.isnet("predict runs/tiny images/*.jpg"))
        .fails(2, &["no file matches `images/*.jpg`", "name the folder"]);
    plain(bench.isnet("predict runs/tiny runs/tiny/checkpoints")).fails(2, &["holds no image", ".png"]);
    plain(bench.isnet("predict runs/tiny absent.png")).fails(1, &["`absent.png` does not exist"]);
    let said = bench.isnet("explain runs/tiny images --limit 3 --json").done();
    assert_eq!(said.objects().len(), 3);
}

#[test]
fn options_of_a_training_stand_for_keys() {
    let bench = Bench::new();
    let options = "--epochs 1 --lr .02 --batch 6 --patience 3 --seed 5";
    bench.isnet(&format!("train tiny.toml {options}")).done();
    let config = bench.text("runs/tiny/config.toml");
    for line in ["epochs = 1", "learning_rate = 0.02", "batch_size = 6", "early_stopping_patience = 3", "seed = 5"] {
        assert!(config.lines().any(|found| found == line), "{line}\n{config}");
    }
    for (option, words) in [
        ("--epochs three", "expected a whole number of at least 1"),
        ("--epochs 0", "expected a whole number of at least 1"),
        ("--epochs 1.5", "expected a whole number of at least 1"),
        ("--lr fast", "expected a number above 0"),
        ("--lr -1", "--lr"),
        ("--batch-size x", "expected a whole number"),
        ("--seed x", "expected a whole number"),
        ("--set train.lr=1", "did you mean `train.learning_rate`?"),
        ("--set lr=1", "did you mean `train.learning_rate`?"),
        ("--set batch=1", "did you mean `train.batch_size`?"),
        ("--set patience=1", "did you mean `train.early_stopping_patience`?"),
        ("--set train.epochs=many", "expected a whole number (at least 1"),
    ] {
        plain(bench.isnet(&format!("train tiny.toml {option}"))).fails(2, &[words]);
    }
}

#[test]
fn numbers_that_are_none_are_refused_in_plain_words_by_every_command() {
    let bench = Bench::trained();
    for (command, words) in [
        ("data phantom x --size many", "expected a whole number"),
        ("data phantom x --mark-correlation much", "expected a number"),
        ("data shapes x --seed -1", "--seed"),
        ("audit runs/tiny --data manifest.csv --max-bg-gap x", "expected a number"),
        ("evaluate runs/tiny --resamples x", "expected a whole number"),
        ("evaluate runs/tiny --confidence x", "expected a number"),
        ("explain runs/tiny images --limit x", "expected a whole number"),
        ("models --size 99999999999999999999999", "the number is too large"),
    ] {
        plain(bench.isnet(command)).fails(2, &[words]);
    }
}

#[test]
fn a_model_of_another_version_or_a_torn_one_is_called_so() {
    let bench = Bench::trained();
    let sound = bench.text("runs/tiny/model.json");
    let predict = || plain(bench.isnet("predict runs/tiny images/test-00.png"));
    for (old, new, words) in [
        ("\"format\": 1", "\"format\": 7", "it has format 7, and this version of isnet reads formats up to 2"),
        ("\"height\"", "\"hight\"", "the entry `hight` is unknown"),
        ("\"height\": 16", "\"height\": \"16\"", "text \"16\" stands where a whole number is expected"),
        ("\"fit\": \"pad\"", "\"fit\": \"pud\"", "did you mean `pad`?"),
        ("\"task\": \"single_label\"", "\"task\": \"none\"", "the word `none` is unknown"),
    ] {
        assert!(sound.contains(old), "{old}");
        bench.write("runs/tiny/model.json", sound.replacen(old, new, 1));
        predict().fails(2, &["runs/tiny/model.json", words]);
    }
    bench.write("runs/tiny/model.json", &sound[..sound.len() / 2]);
    predict().fails(2, &["the file ends in the middle"]);
    bench.write("runs/tiny/model.json", &sound);
    bench.truncate("runs/tiny/model.safetensors");
    predict().fails(2, &["it is no whole safetensors file"]);
}

#[test]
fn a_training_in_a_pipe_says_how_long_it_takes() {
    let bench = Bench::new();
    let said = bench.isnet("train tiny.toml --epochs 8").done();
    assert!(said.stderr.contains(" left for 13 steps"), "{said}");
    let epochs: Vec<&str> = said.stderr.lines().filter(|line| line.contains("/8 ")).collect();
    assert!(epochs.len() == 8 && epochs[2].ends_with(" left") && !epochs[7].contains(" left"), "{said}");
}

#[test]
fn a_training_on_too_few_validation_images_is_not_called_a_guess() {
    let bench = Bench::new();
    // The bright ones are called dark in the validation split, and the other way round.
    let manifest = bench.text("manifest.csv");
    let swapped = manifest.lines().map(|line| match line {
        line if !line.ends_with(",val") => format!("{line}\n"),
        line if line.contains("bright") => line.replace(",bright,", ",dark,") + "\n",
        line => line.replace(",dark,", ",bright,") + "\n",
    });
    let swapped: String = swapped.collect();
    bench.write("manifest.csv", swapped);
    let said = bench.isnet("train tiny.toml --epochs 12 --set method.name=standard").done();
    if said.stderr.contains("never above") {
        assert!(said.stderr.contains("too few images to tell"), "{said}");
        assert!(!said.stderr.contains("about that of a guess"), "{said}");
    }
}
