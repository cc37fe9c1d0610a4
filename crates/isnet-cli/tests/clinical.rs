//! `isnet evaluate` for clinical use: thresholds from validation samples, predictive values, patients, subgroups.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Bench;
use serde_json::Value;

/// 60 validation and 60 test images of 30 patients each; probabilities of `ill` from 0 to 1, wrong for every fifth image.
fn table(validation: &str) -> String {
    let mut text = "id,split,patient,sex,label,p_well,p_ill\n".to_owned();
    for split in [validation, "test"] {
        for image in 0..60 {
            let ill = (f64::from(image) + 0.5) / 60.0;
            let label = if (image >= 30) == (image % 5 > 0) { "ill" } else { "well" };
            let (patient, sex) = (image / 2, if image % 4 < 2 { "f" } else { "m" });
            text += &format!("{split}{image}.png,{split},{split}{patient},{sex},{label},{},{ill}\n", 1.0 - ill);
        }
    }
    text
}

fn metrics(bench: &Bench, folder: &str) -> Value {
    serde_json::from_slice(&bench.read(&format!("{folder}/metrics.json"))).unwrap()
}

#[test]
fn an_operating_point_is_fixed_on_validation_rows_and_scored_on_the_others() {
    let bench = Bench::new();
    bench.write("table.csv", table("val"));
    let options = "--operating-point sensitivity=0.8 --class ill --prevalence 0.02 --subgroup sex";
    let said = bench.isnet(&format!("evaluate table.csv --output out {options}")).done();
    for words in ["sensitivity=0.8 chose on validation samples", "2 %", "by sex", "One sample per group"] {
        assert!(said.stdout.contains(words), "{words}: {said}");
    }
    assert!(said.stderr.contains("not scored: split `val`"), "{said}");
    let clinical = &metrics(&bench, "out")["clinical"];
    let threshold = clinical["thresholds"][0]["threshold"].as_f64().unwrap();
    // 24 of the ill ones lie above ½ and 6 below: 0.8 of them from the first ill one above ½ on.
    assert!((threshold - 31.5 / 60.0).abs() < 1e-12, "{threshold}");
    let point = &clinical["splits"][0]["operating_points"][0];
    assert_eq!(point["sensitivity"]["value"], 0.8);
    assert_eq!(point["confusion"]["true_positive"], 24);
    assert_eq!(point["n_groups"], 30);
    assert!(point["at_prevalence"][0]["ppv"]["value"].as_f64().unwrap() < 0.1);
    assert_eq!(clinical["per_group"]["counts"]["n_groups"], 30);
    let flow = &metrics(&bench, "out")["flow"];
    assert_eq!((&flow["given"]["samples"], &flow["scored"]["groups"]), (&120.into(), &30.into()));
    assert!(bench.text("out/decision_curves.csv").lines().count() == 100);
    let page = bench.text("out/report.md");
    for words in ["Clinical use", "STARD", "Net benefit of acting on"] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn no_threshold_is_chosen_on_the_samples_that_it_is_scored_on() {
    let bench = Bench::new();
    bench.write("table.csv", table("tuning"));
    let youden = "evaluate table.csv --output out --overwrite --operating-point youden";
    bench.isnet(youden).fails(2, &["`youden`", "validation samples, and there are none", "flatters"]);
    bench.isnet(&format!("{youden} --validation-split tuned")).fails(2, &["no split `tuned`", "`test`, `tuning`"]);
    let said = bench.isnet(&format!("{youden} --validation-split tuning")).done();
    assert!(said.stdout.contains("youden chose on validation samples"), "{said}");
    let wrong = |options: &str, words: &[&str]| {
        bench.isnet(&format!("{youden} --validation-split tuning {options}")).fails(2, words);
    };
    wrong("--split tuning", &["chosen on the split `tuning`", "flatter", "--split"]);
    wrong("--class sick", &["`sick`", "`well`, `ill`"]);
    wrong("--subgroup age", &["`age`", "`sex`, `source`"]);
    wrong("--prevalence 2", &["`prevalences` is 2", "0.02"]);
    bench.isnet("evaluate table.csv --operating-point sensitivity=90").fails(2, &["sensitivity=90"]);
}

#[test]
fn labels_of_a_table_get_thresholds_from_its_validation_rows() {
    let bench = Bench::new();
    let mut text = "id,split,label,p_hat,p_scarf\n".to_owned();
    for (split, shift) in [("val", 0.0), ("test", 0.0)] {
        for image in 0..40 {
            let (hat, scarf) = (f64::from(image) / 100.0 + shift, f64::from(39 - image) / 100.0);
            let labels = match (image >= 20, image < 10) {
                (true, _) => "hat",
                (_, true) => "scarf",
                _ => "",
            };
            text += &format!("{split}{image},{split},{labels},{hat},{scarf}\n");
        }
    }
    bench.write("labels.csv", text);
    let said = bench.isnet("evaluate labels.csv --task multi --output out").done();
    let found = metrics(&bench, "out");
    assert_eq!(found["thresholds"][0]["threshold"], 0.2, "{said}");
    assert_eq!(found["thresholds"][1]["threshold"], 0.3);
    assert_eq!(found["splits"][0]["scores"]["accuracy"], 1.0); // at ½ nothing would be called
    assert!(bench.text("out/report.md").contains("Thresholds, chosen on validation data"));
}

#[test]
fn a_run_takes_thresholds_from_its_validation_split_and_subgroups_from_its_manifest() {
    let bench = Bench::trained();
    let sexes = |line: (usize, &str)| {
        format!("{},{}\n", line.1, ["sex", "f", "m", "m"][(line.0 > 0) as usize * (1 + line.0 % 3)])
    };
    let manifest: String = bench.text("manifest.csv").lines().enumerate().map(sexes).collect();
    bench.write("manifest.csv", manifest);
    let said = bench.isnet("evaluate runs/tiny --operating-point youden --subgroup sex").done();
    let found = metrics(&bench, "runs/tiny");
    let thresholds = found["clinical"]["thresholds"].as_array().unwrap();
    assert!(thresholds.iter().all(|it| it["n_positive"] == 2 && it["n_negative"] == 2), "{said}");
    assert_eq!(found["clinical"]["splits"][0]["subgroups"][0]["attribute"], "sex");
    assert!(bench.text("runs/tiny/predictions.csv").lines().next().unwrap().ends_with(",sex"));
    bench.isnet("evaluate runs/tiny --subgroup height").fails(2, &["`--subgroup height`", "no such column"]);
    bench.isnet("evaluate runs/tiny --validation-split val").fails(2, &["`--validation-split` is for tables"]);
}

#[test]
fn a_question_asked_beforehand_is_the_only_one_that_is_corrected_for() {
    let bench = Bench::new();
    let rows = |right: fn(usize) -> bool| {
        let row = |image: usize| {
            let ill = if right(image) == image.is_multiple_of(2) { 0.9 } else { 0.1 };
            format!("{image},test,{},{:.1},{ill}\n", ["ill", "well"][image % 2], 1.0 - ill)
        };
        "id,split,label,p_well,p_ill\n".to_owned() + &(0..60).map(row).collect::<String>()
    };
    bench.write("plain.csv", rows(|image| image % 3 > 0));
    bench.write("isnet.csv", rows(|image| image % 9 > 0));
    let said = bench.isnet("compare plain.csv isnet.csv --primary macro_auc:test --score accuracy").done();
    assert!(said.stdout.contains("adjusted for 1 test\n"), "{said}");
    let better = said.stdout.lines().filter(|line| line.ends_with("better")).collect::<Vec<_>>();
    assert!(better.len() == 1 && better[0].contains("auc"), "{said}");
    let same = bench.isnet("compare plain.csv isnet.csv --score accuracy --margin 0.05").done();
    assert!(same.stdout.contains("better"), "{same}");
    bench.isnet("compare plain.csv isnet.csv --primary auc").fails(2, &["score:split"]);
    bench.isnet("compare plain.csv isnet.csv --primary auc:val").fails(2, &["`auc:val`"]);
}

#[test]
fn checklists_say_what_is_answered_and_what_is_not() {
    let bench = Bench::trained();
    bench.write("table.csv", table("val"));
    let state = |folder: &str, file: &str, number: &str| {
        let text = bench.text(&format!("{folder}/{file}"));
        let row =
            text.lines().find(|line| line.starts_with(&format!("| {number} |"))).unwrap_or_else(|| panic!("{text}"));
        row.split('|').nth(3).unwrap().trim().to_owned()
    };
    let claim = "checklist-claim.md";
    bench.isnet("evaluate table.csv --output plain --checklist claim").done();
    bench
        .isnet("evaluate table.csv --output asked --checklist claim,tripod-ai --operating-point youden --subgroup sex")
        .done();
    bench.isnet("evaluate runs/tiny --checklist claim").done();
    // Thresholds, subgroups and patients are answered where they are asked for or known.
    assert_eq!([state("plain", claim, "38"), state("asked", claim, "38")], ["partly", "answered"]);
    assert_eq!(state("asked", "checklist-tripod-ai.md", "14"), "partly");
    assert_eq!([state("plain", claim, "20"), state("runs/tiny", claim, "20")], ["partly", "for the author"]);
    // A table knows nothing of the model.
    assert_eq!([state("plain", claim, "22"), state("runs/tiny", claim, "22")], ["for the author", "answered"]);
    assert_eq!([state("plain", claim, "31"), state("runs/tiny", claim, "31")], ["for the author", "partly"]);
    bench.isnet("evaluate runs/tiny --no-explain --checklist claim").done();
    assert_eq!(state("runs/tiny", claim, "31"), "for the author");
    for (file, items) in [(claim, 44), ("checklist-tripod-ai.md", 52)] {
        assert!(bench.text(&format!("asked/{file}")).contains(&format!("Of {items} items")), "{file}");
    }
    bench.isnet("evaluate runs/tiny").done();
    assert!(!bench.path("runs/tiny/checklist-claim.md").exists(), "it spoke of an earlier evaluation");
    bench.isnet("evaluate table.csv --checklist stard").fails(2, &["`claim` and `tripod-ai`"]);
}

#[test]
fn a_sample_size_is_found_or_refused() {
    let bench = Bench::new();
    let ask = "sample-size --sensitivity 0.9 --half-width 0.05 --prevalence 0.1";
    let said = bench.isnet(&format!("{ask} --images-per-patient 4 --icc 0.5")).done();
    for words in ["141 of the class and 1269 others", "1410 independent", "3525 images of 882 patients"] {
        assert!(said.stdout.contains(words), "{words}: {said}");
    }
    let exact: Value = serde_json::from_str(&bench.isnet(&format!("{ask} --exact --json")).done().stdout).unwrap();
    assert!(exact["size"]["n_positive"].as_u64().unwrap() > 141);
    bench.isnet("sample-size --half-width 0.05 --prevalence 0.1").fails(2, &["--sensitivity"]);
    bench.isnet(&format!("{ask} --auc 0.9")).fails(2, &["--auc"]);
    bench.isnet("sample-size --auc 0.4 --half-width 0.05 --prevalence 0.1").fails(2, &["`auc` is 0.4"]);
    bench.isnet(&format!("{ask} --images-per-patient 0 --icc 0.5")).fails(2, &["`--images-per-patient` is 0"]);
    bench.isnet(&format!("{ask} --images-per-patient 2 --icc 2")).fails(2, &["`--icc` is 2"]);
}
