//! `isnet evaluate --checklist`: no item is called answered, or found at a place, that this evaluation does not hold.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Bench;

const CLAIM: &str = "checklist-claim.md";
const TRIPOD: &str = "checklist-tripod-ai.md";

/// 40 images of 20 patients in each split, wrong for every fifth image.
fn table(splits: &[&str]) -> String {
    let mut text = "id,split,patient,sex,label,p_well,p_ill\n".to_owned();
    for split in splits {
        for image in 0..40 {
            let ill = (f64::from(image) + 0.5) / 40.0;
            let label = if (image >= 20) == (image % 5 > 0) { "ill" } else { "well" };
            let (patient, sex) = (image / 2, if image % 4 < 2 { "f" } else { "m" });
            text += &format!("{split}{image}.png,{split},{split}{patient},{sex},{label},{},{ill}\n", 1.0 - ill);
        }
    }
    text
}

/// What an evaluation wrote of items: the state and the words of one.
struct Written {
    text: String,
}

impl Written {
    fn of(bench: &Bench, folder: &str, file: &str) -> Self {
        Self { text: bench.text(&format!("{folder}/{file}")) }
    }

    fn cells(&self, number: &str) -> (String, String) {
        let row = self.text.lines().find(|line| line.starts_with(&format!("| {number} |"))).unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[3].to_owned(), cells[4].to_owned())
    }

    fn state(&self, number: &str) -> String {
        self.cells(number).0
    }
}

#[test]
fn another_configuration_says_nothing_of_the_training() {
    let bench = Bench::trained();
    bench.write("other.toml", common::CONFIG.replace("epochs = 2", "epochs = 9").replace("seed = 1", "seed = 77"));
    let ask = "--no-explain --checklist claim,tripod-ai";
    bench.isnet(&format!("evaluate runs/tiny --output own {ask}")).done();
    bench.isnet(&format!("evaluate runs/tiny --config other.toml --output other {ask}")).done();
    bench.isnet(&format!("evaluate runs/tiny/model.safetensors --config other.toml --output file {ask}")).done();
    let own = Written::of(&bench, "own", CLAIM);
    let other = Written::of(&bench, "other", CLAIM);
    let file = Written::of(&bench, "file", CLAIM);
    assert_eq!((own.state("25"), file.state("25")), ("answered".into(), "for the author".into()));
    assert_eq!(file.state("24"), "for the author");
    // The run knows how it was trained; the report of this evaluation holds the other configuration.
    let (state, words) = other.cells("25");
    assert!(state == "answered" && words.contains("config.toml of the run") && !words.contains("How to repeat it"));
    assert_eq!(Written::of(&bench, "file", TRIPOD).state("12c"), "for the author");
}

#[test]
fn thresholds_of_other_samples_are_answered_and_their_reason_is_not() {
    let bench = Bench::new();
    bench.write("table.csv", table(&["val", "test"]));
    bench.write("alone.csv", table(&["val"]));
    bench.isnet("evaluate table.csv --output fair --checklist claim,tripod-ai --operating-point youden").done();
    bench.isnet("evaluate table.csv --output unfair --split val --checklist claim").done();
    bench.isnet("evaluate alone.csv --output alone --checklist claim").done();
    let state = |folder: &str, number: &str| Written::of(&bench, folder, CLAIM).state(number);
    assert_eq!(["fair", "unfair", "alone"].map(|folder| state(folder, "38")), ["answered", "partly", "partly"]);
    let internal = ["fair", "unfair", "alone"].map(|folder| state(folder, "32"));
    assert_eq!(internal, ["partly", "for the author", "for the author"]);
    // Why this rule, nobody but the author knows.
    assert_eq!(Written::of(&bench, "fair", TRIPOD).state("15"), "partly");
}

#[test]
fn what_a_training_saw_is_no_test() {
    let bench = Bench::trained();
    bench.isnet("evaluate runs/tiny --split train --no-explain --output seen --checklist claim").done();
    bench.isnet("evaluate runs/tiny --no-explain --output unseen --checklist claim").done();
    let state = |folder: &str| Written::of(&bench, folder, CLAIM).state("32");
    assert_eq!((state("seen"), state("unseen")), ("for the author".into(), "partly".into()));
}

#[test]
fn a_report_that_was_not_written_is_no_place() {
    let bench = Bench::trained();
    bench.isnet("evaluate runs/tiny --no-report --output bare --checklist claim,tripod-ai").done();
    for file in [CLAIM, TRIPOD] {
        let text = Written::of(&bench, "bare", file).text;
        for place in ["Summary", "Scores", "Clinical use", "Calibration:", "How to repeat it", "Pictures", "Curves"] {
            assert!(!text.contains(place), "{place}: {text}");
        }
        assert!(text.contains("metrics.json"), "{text}");
    }
}

#[test]
fn a_table_of_predictions_knows_no_more_than_its_rows() {
    let bench = Bench::new();
    bench.write("table.csv", table(&["val", "test"]));
    bench.write("blood.csv", table(&["val", "blood"]));
    bench.isnet("evaluate table.csv --output out --checklist claim,tripod-ai").done();
    bench.isnet("evaluate table.csv --output by_sex --checklist tripod-ai --subgroup sex").done();
    bench.isnet("evaluate blood.csv --output blood --checklist claim").done();
    let tripod = Written::of(&bench, "out", TRIPOD);
    for number in ["12d", "12f", "23b", "24", "27a"] {
        assert_eq!(tripod.state(number), "for the author", "{number}");
    }
    // Only the scored samples are counted, and key groups are not.
    assert_eq!((tripod.state("21"), tripod.state("23a")), ("partly".into(), "partly".into()));
    assert!(tripod.cells("23a").1.contains("--subgroup"));
    assert_eq!(Written::of(&bench, "by_sex", TRIPOD).state("23a"), "answered");
    assert_eq!(Written::of(&bench, "out", CLAIM).state("37"), "partly");
    // `ood` in `blood` is a coincidence.
    assert_eq!(Written::of(&bench, "blood", CLAIM).state("33"), "for the author");
}

#[test]
fn a_number_of_images_beyond_sense_is_refused() {
    let ask = "sample-size --sensitivity 0.9 --half-width 0.05 --prevalence 0.1";
    Bench::new().isnet(&format!("{ask} --images-per-patient 1e300 --icc 1")).fails(2, &["--images-per-patient", "10⁹"]);
}
