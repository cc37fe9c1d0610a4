//! Several models or methods side by side: what the words claim, and what tables and plots show.

use isnet_eval::report::{Distance, Entry, EntryRow, SideBySide, standing};
use isnet_report::{Block, Document, Section};
use isnet_statistics::{Interval, IntervalMethod, Score, Standing};

fn interval(low: f64, high: f64) -> Option<Interval> {
    Some(Interval { method: IntervalMethod::BootstrapPercentile, low, high })
}

fn row(split: &str, score: Score, value: f64, (low, high): (f64, f64)) -> EntryRow {
    EntryRow {
        split: split.to_owned(),
        score,
        value: Some(value),
        reason: String::new(),
        interval: interval(low, high),
        of_trainings: vec![low, high],
        n: 40,
        notes: vec!["only 2 trainings".to_owned()],
    }
}

/// A variant with its F1 and background share on one split, each with an interval of ± 0.1.
fn entry(name: &str, f1: f64, share: f64) -> Entry {
    let around = |value: f64| (value - 0.1, value + 0.1);
    let rows = vec![row("test", Score::F1, f1, around(f1)), row("test", Score::BackgroundShare, share, around(share))];
    Entry { name: name.to_owned(), trainings: Some(2), rows }
}

fn side_by_side() -> SideBySide {
    let entries =
        vec![entry("plain", 0.5, 0.7), entry("isnet", 0.9, 0.2), entry("gain", 0.3, 0.35), entry("rrr", 0.55, 0.6)];
    SideBySide { what: "variant", counted: "trainings", scores: vec![Score::F1, Score::BackgroundShare], entries }
}

fn distance(name: &str, score: Score, difference: f64, reach: Option<f64>) -> Distance {
    let interval = reach.and_then(|reach| interval(difference - reach, difference + reach));
    let standing = match reach {
        Some(reach) if difference.abs() > reach && (difference > 0.0) == score.higher_is_better() => Standing::Better,
        Some(reach) if difference.abs() > reach => Standing::Worse,
        _ => Standing::NotTold,
    };
    Distance { name: name.to_owned(), split: "test".to_owned(), score, difference, interval, standing }
}

fn markdown(blocks: Vec<Block>) -> String {
    let section = blocks.into_iter().fold(Section::new("s"), Section::with);
    Document::new("d").section(section).to_markdown("f").text
}

#[test]
fn words_claim_no_more_than_the_intervals() {
    let distances = [
        distance("isnet", Score::F1, 0.4, Some(0.1)),
        distance("gain", Score::F1, -0.2, Some(0.1)),
        distance("rrr", Score::F1, 0.05, Some(0.1)),
    ];
    let said = markdown(standing(&side_by_side(), &distances, "over samples"));
    let expected = "**test**, macro F1 against <code>plain</code> (0.50): better: isnet (+0.40); worse: gain (−0.20); not told apart: rrr (+0.05). \
                    Lowest background share: isnet, 0.200 \\[0.100, 0.300\\]; the interval of gain reaches into its own.";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains(r"| isnet | **\+0.400 [+0.300, +0.500]** |"), "{said}");
    assert!(said.contains(r"| rrr | \+0.050 [−0.050, +0.150] |"), "{said}");
}

/// Of seven equal models one has an interval that leaves out 0; its corrected p does not say so, and neither do the words.
#[test]
fn words_follow_the_corrected_test_and_not_the_interval() {
    let away = Distance { standing: Standing::NotTold, ..distance("gain", Score::F1, -0.2, Some(0.1)) };
    let close = Distance { standing: Standing::NotInferior, ..distance("rrr", Score::F1, -0.01, Some(0.02)) };
    let said = markdown(standing(&side_by_side(), &[away, close], "over samples"));
    assert!(
        said.contains("not inferior: rrr (−0.01); not told apart: gain (−0.20)") && !said.contains("worse:"),
        "{said}"
    );
    assert!(said.contains(r"| gain | −0.200 [−0.300, −0.100] |"), "{said}");
}

#[test]
fn a_difference_without_an_interval_tells_nothing() {
    let said = markdown(standing(&side_by_side(), &[distance("isnet", Score::F1, 0.4, None)], "over samples"));
    assert!(said.contains("not told apart: isnet (+0.40)") && !said.contains("better"), "{said}");
}

#[test]
fn of_a_loss_less_is_better() {
    let said = markdown(standing(&side_by_side(), &[distance("isnet", Score::BrierLoss, -0.2, Some(0.1))], ""));
    assert!(said.contains("Brier loss against <code>plain</code>: better: isnet (−0.20)"), "{said}");
}

#[test]
fn one_alone_is_held_against_nothing() {
    let mut alone = side_by_side();
    alone.entries.truncate(1);
    assert_eq!(standing(&alone, &[], "").len(), 0);
    assert_eq!(alone.plots("test")[0].reference, None);
}

#[test]
fn a_note_that_holds_for_all_scores_of_a_row_stands_once() {
    let table = side_by_side().table("test");
    let lines = table.to_text();
    assert_eq!(lines.matches("(a)").count(), 4 + 1, "{lines}"); // at the number of each entry, and below
    assert_eq!(
        lines.lines().nth(1).map(str::trim_start),
        Some("variant  trainings           macro F1   background share")
    );
}

#[test]
fn plots_of_a_score_share_their_axis_and_show_every_training() {
    let mut several = side_by_side();
    several.entries[0].rows.push(row("other", Score::F1, 0.12, (0.07, 0.17)));
    let [test, other] = ["test", "other"].map(|split| several.plots(split)[0].clone());
    assert_eq!(test.axis, other.axis);
    let (low, high) = test.axis.range.unwrap_or_default();
    assert!((low - 0.05).abs() < 1e-9 && (high - 1.0).abs() < 1e-9, "{low} {high}");
    assert_eq!(test.rows[1].points, [0.8, 1.0]);
    assert_eq!((test.reference, other.rows.len()), (Some((0.5, "plain".to_owned())), 1));
}
