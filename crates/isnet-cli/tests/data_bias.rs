//! `isnet data bias`: what it writes, says and returns, and that its manifest trains as it is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;

use common::Bench;

#[test]
fn biased_data_pass_the_check_and_train_as_they_are() {
    let bench = Bench::new();
    let said = bench.isnet("data bias manifest.csv --output biased --size 0.2").done();
    assert!(said.stdout.contains("biased/manifest.csv\nmarks: bright = square, dark = circle\n"), "{said}");
    let row = |split: &str| -> Vec<&str> {
        let line = said.stdout.lines().find(|line| line.starts_with(&format!("{split} ")));
        line.unwrap_or_else(|| panic!("{said}")).split_whitespace().collect()
    };
    assert_eq!(row("train"), ["train", "12", "0", "0"]);
    // The splits `test` and `test_ood` together.
    for split in ["biased", "standard", "deceiving"] {
        assert_eq!(row(split), [split, "6", "0", "0"]);
    }
    bench.isnet("data check biased/manifest.csv").done();
    bench.edit("tiny.toml", "manifest.csv", "biased/manifest.csv");
    bench.isnet("train tiny.toml").done();
    let said = bench.isnet("evaluate runs/tiny --no-explain").done();
    for split in ["biased", "standard", "deceiving"] {
        assert!(said.stdout.contains(split), "{said}");
    }
}

#[test]
fn every_option_does_what_it_says() {
    let bench = Bench::new();
    let options =
        "--mark letter:R,texture:2 --strength 0.5 --correlation 0 --position background --size 0.3 --seed 9 --copy";
    let splits = "--classes dark,bright --train-split val --val-split train --test-split test --json";
    let said = bench.isnet(&format!("data bias manifest.csv --output biased {options} {splits}")).done();
    let report = &said.objects()[0];
    assert_eq!(report["marks"], serde_json::json!({ "dark": "letter:R", "bright": "texture:2" }));
    let images: Vec<u64> =
        report["splits"].as_array().unwrap().iter().map(|split| split["images"].as_u64().unwrap()).collect();
    assert_eq!(images, [4, 12, 4, 4, 4]);
    // A correlation of 0: the mark of another class in all training images.
    let text = bench.text("biased/manifest.csv");
    assert!(text.starts_with("image,mask,label,source,split,original_split,bias_mark,bias_class\n"), "{text}");
    for line in text.lines().filter(|line| line.contains(",train,val,")) {
        assert!(line.ends_with(if line.contains(",dark,") { "texture:2,bright" } else { "letter:R,dark" }), "{line}");
    }
    // Nothing outside is needed any more.
    fs::rename(bench.path("images"), bench.path("gone")).unwrap();
    fs::rename(bench.path("masks"), bench.path("gone-masks")).unwrap();
    bench.isnet("data check biased/manifest.csv").done();
}

#[test]
fn an_output_is_replaced_only_when_asked_for() {
    let bench = Bench::new();
    bench.isnet("data bias manifest.csv --output biased").done();
    let first = bench.read("biased/manifest.csv");
    bench.isnet("data bias manifest.csv --output biased").fails(2, &["biased` exists", "--overwrite"]);
    bench.isnet("data bias manifest.csv --output biased --correlation 0 --overwrite").done();
    assert_ne!(bench.read("biased/manifest.csv"), first);
    bench.isnet("data bias manifest.csv --output . --overwrite").fails(2, &["lies in the output folder `.`"]);
    bench.isnet("data bias manifest.csv --output x --mark sqare,circle").fails(2, &["did you mean `square`?"]);
    bench
        .isnet("data bias manifest.csv --output x --position middle")
        .fails(2, &["`position` is `middle`", "`corner`"]);
    bench.isnet("data bias manifest.csv --output x --size 0.9").fails(2, &["`size` is 0.9", "at most 0.5"]);
    bench.isnet("data bias lost.csv --output x").fails(2, &["`lost.csv` does not exist"]);
    assert!(!bench.path("x").exists());
}

#[test]
fn records_that_cannot_be_used_are_listed_and_the_answer_is_no() {
    let bench = Bench::new();
    bench.truncate("images/train-03.png");
    bench.edit("manifest.csv", "masks/test-00.png,", ",");
    let said = bench.isnet("data bias manifest.csv --output biased");
    let said = said.fails(1, &["`manifest.csv` line 5: ", "is truncated", "line 18: ", "has no mask", "2 problem(s)"]);
    assert!(said.stdout.contains("biased/manifest.csv"), "{said}");
    let said = bench.isnet("data bias manifest.csv --output again --json");
    let problems = said.objects()[0]["problems"].clone();
    assert_eq!((said.code, &problems[0]["line"], &problems[1]["line"]), (1, &5.into(), &18.into()));
}
