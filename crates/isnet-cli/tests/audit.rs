//! `isnet audit` and `isnet data readability`: what they print and write, and how they end.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Bench, mask};
use serde_json::Value;

const ALL: &str = "--split train --split val --split test";
/// Thresholds that nothing can miss.
const GENEROUS: &str =
    "--max-background-share 1 --max-bg-gap 1 --max-mark-flips 1 --min-faithfulness -1 --max-randomised-correlation 1";

fn audit(bench: &Bench, arguments: &str, code: i32) -> Value {
    let said =
        bench.isnet(&format!("audit runs/tiny --data manifest.csv --overwrite --resamples 50 --json {arguments}"));
    assert_eq!(said.code, code, "{said}");
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"))
}

fn outcomes(found: &Value) -> Vec<&str> {
    found["verdicts"].as_array().unwrap().iter().map(|verdict| verdict["outcome"].as_str().unwrap()).collect()
}

#[test]
fn verdicts_decide_the_exit_code_and_reports_are_written() {
    let bench = Bench::trained();
    let strict = audit(&bench, &format!("{ALL} --max-background-share 0"), 1);
    assert_eq!(outcomes(&strict).len(), 7);
    assert_eq!(outcomes(&strict)[0], "failed");
    let text =
        bench.isnet(&format!("audit runs/tiny --data manifest.csv --overwrite --resamples 50 {ALL} {GENEROUS}")).done();
    for word in
        ["verdict", "passed", "BG-Gap", "mixed_rand", "least relevant first", "of another class", "pointing game"]
    {
        assert!(text.stdout.contains(word), "{word} is missing in\n{text}");
    }
    let written: Value = serde_json::from_slice(&bench.read("audit/audit.json")).unwrap();
    assert_eq!(written["n_images"], 20);
    assert!(bench.text("audit/report.html").contains("mixed_rand"));
    let markdown = bench.text("audit/report.md");
    let shown = markdown.split("](<").skip(1).filter_map(|rest| rest.split('>').next());
    let files: Vec<&str> = shown.filter(|name| name.starts_with("report_files/")).collect();
    assert!(!files.is_empty() && files.iter().all(|name| bench.path(&format!("audit/{name}")).exists()), "{files:?}");
}

#[test]
fn questions_and_splits_can_be_chosen_and_a_limit_is_kept() {
    let bench = Bench::trained();
    let found = audit(&bench, &format!("--question marks --question relevance --limit 3 {GENEROUS}"), 0);
    assert_eq!((outcomes(&found).len(), found["n_images"].as_u64()), (2, Some(3)));
    assert!(found["counterfactual"].is_null() && !found["marks"].is_null());
    let said = bench
        .isnet("audit runs/tiny --data manifest.csv --overwrite --question relevance --max-background-share 1")
        .done();
    assert!(said.stderr.contains("4 images of test\n") && !said.stderr.contains("chose the epoch"), "{said}");
    let flattered =
        "audit runs/tiny --data manifest.csv --overwrite --question relevance --max-background-share 1 --split val";
    assert!(bench.isnet(flattered).done().stderr.contains("the split val chose the epoch of the model"));
    assert!(bench.text("audit/report.md").contains("chose the epoch"));
    // Half of four decisions can be anything; the figure's interval holds the bound.
    let undecided = audit(&bench, "--question relevance --max-background-share 0.76", 3);
    assert_eq!(outcomes(&undecided), ["undecided"]);
    bench
        .isnet("audit runs/tiny --data manifest.csv --overwrite --split nowhere")
        .fails(2, &["`nowhere`", "`train`", "`test_ood`"]);
    bench
        .isnet("audit runs/tiny --data manifest.csv --overwrite --question colour")
        .fails(2, &["`colour`", "`relevance`"]);
    bench.isnet("audit runs/tiny --data manifest.csv --overwrite --group person").fails(2, &["`person`"]);
    bench.isnet("audit runs/tiny --data manifest.csv --overwrite --mark blob").fails(2, &["blob"]);
    bench.isnet("audit runs/tiny --data manifest.csv --overwrite --max-bg-gap 2").fails(2, &["`bg_gap` is 2"]);
}

#[test]
fn labels_that_the_model_calls_otherwise_can_be_mapped() {
    let bench = Bench::trained();
    bench.edit("manifest.csv", ",dark,", ",dim,");
    let ask = "audit runs/tiny --data manifest.csv --overwrite --question relevance --max-background-share 1";
    bench.isnet(ask).fails(2, &["does not know `dim`", "`bright`, `dark`", "--classes dim="]);
    bench.isnet(&format!("{ask} --classes dim=dark")).done();
    bench.isnet(&format!("{ask} --classes dam=dark")).fails(2, &["no row has the label `dam`"]);
    bench.isnet(&format!("{ask} --classes dim")).fails(2, &["--classes dim"]);
}

#[test]
fn a_manifest_without_masks_is_audited_as_far_as_it_goes() {
    let bench = Bench::trained();
    let rows: Vec<String> = bench
        .text("manifest.csv")
        .lines()
        .map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            [cells[0], cells[2], cells[3], cells[4]].join(",")
        })
        .collect();
    bench.write("manifest.csv", rows.join("\n"));
    let found = audit(&bench, GENEROUS, 0);
    assert_eq!(outcomes(&found)[..5], ["not_answerable"; 5]);
    assert_eq!(outcomes(&found)[5..], ["passed"; 2]);
    assert!(found["verdicts"][0]["reason"].as_str().unwrap().contains("--mask-column"));
}

#[test]
fn a_picture_of_the_user_can_be_the_mark() {
    let bench = Bench::trained();
    mask(6).save(bench.path("sticker.png")).unwrap();
    let found = audit(&bench, &format!("--question marks --mark sticker.png {GENEROUS}"), 0);
    let answer = &found["marks"]["found"];
    assert!(answer["marks"].as_array().unwrap().is_empty() && answer["flips"]["n"].as_u64() == Some(4), "{answer}");
    let letters = audit(&bench, &format!("--question marks --mark letter {GENEROUS}"), 0);
    assert_eq!(letters["marks"]["found"]["marks"], serde_json::json!(["letter:A", "letter:B"]));
}

#[test]
fn weights_that_are_no_numbers_are_an_error() {
    let bench = Bench::trained();
    common::poison(&bench.path("runs/tiny/model.safetensors"));
    bench.isnet("audit runs/tiny --data manifest.csv --overwrite").fails(2, &["holds NaN"]);
}

#[test]
fn data_are_asked_without_a_model() {
    let bench = Bench::new();
    let ask = |limits: &str| bench.isnet(&format!("data readability manifest.csv --resamples 50 {limits}"));
    let said = ask("--max-label-auc 1 --max-source-auc 1").done();
    assert!(said.stderr.contains("12 images of train") && said.stdout.contains("background"), "{said}");
    let warned = ask("--max-label-auc 0 --max-source-auc 1 --json");
    assert_eq!(warned.code, 1, "{warned}");
    let found: Value = serde_json::from_str(&warned.stdout).unwrap();
    assert_eq!(found["verdicts"][0]["outcome"], "warning");
    assert_eq!(found["readability"]["found"]["rows"].as_array().unwrap().len(), 6);
}
