//! Scores as plain text for people.

use isnet_report::{Cell, Table, verbatim};

use crate::clinical::Clinical;
use crate::distinct::distinct;
use crate::report::{clinical_tables, score_cell};
use isnet_statistics::metrics::{Scores, SplitScores};
use isnet_statistics::{Comparison, ComparisonRow, IntervalMethod, Score, Standing, Summary, SummaryRow, TestMethod};

/// The scores of the tables, with their heads.
const SCORES: [(Score, &str); 4] = [
    (Score::Accuracy, "accuracy"),
    (Score::F1, "macro F1"),
    (Score::Auc, "AUC"),
    (Score::BackgroundShare, "background"),
];

/// One table of all splits and sources with intervals, then the confusion of each split.
///
/// A split with one source has one line. `–` stands where a score is not defined, and a score that is defined nowhere has no column. The
/// background share is the mean over the samples that have one.
pub fn report(splits: &[SplitScores], statistics: &Summary) -> String {
    let mut text = score_table(splits, statistics);
    for SplitScores { split, scores, .. } in splits {
        if let Some(masks) = scores.masks_left_out.words() {
            text.push_str(&format!("left out of the background share of `{split}`: {masks}\n"));
        }
    }
    for split in splits {
        text.push('\n');
        text.push_str(&confusion(split));
    }
    text
}

/// One table of several models, split by split.
pub fn models(models: &[(&str, &Summary)]) -> String {
    let scores = shown(&models.iter().map(|(_, summary)| *summary).collect::<Vec<_>>());
    let mut table = Table::new(["split", "model", "n"].into_iter().chain(scores.iter().map(|(_, head)| *head)));
    let all = models.iter().flat_map(|(_, summary)| &summary.rows);
    for split in distinct(all.map(|row| row.split.as_str())) {
        let having = models.iter().filter(|(_, summary)| summary.rows.iter().any(|row| row.split == split));
        for (index, (name, summary)) in having.enumerate() {
            let names = [if index == 0 { split } else { "" }, *name].map(Cell::text);
            table.push(names.into_iter().chain(score_cells(summary, split, None, &scores)));
        }
    }
    let confidence = models.first().map_or(0.95, |(_, summary)| summary.confidence);
    table.to_text() + &intervals_used(models.iter().flat_map(|(_, summary)| printed(summary)), confidence)
}

/// Operating points, subgroups and scores per patient.
pub fn clinical(clinical: &Clinical) -> String {
    clinical_tables(clinical).iter().map(Table::to_text).collect::<Vec<_>>().join("\n")
}

/// The differences of models to the first one, with intervals and tests, and what may be said of them.
pub fn comparison(comparison: &Comparison) -> String {
    let heads = ["split", "score", "model", "difference", "p", "p (Holm)", "test", "says"];
    let mut table = Table::new(heads).caption(format!("differences to `{}`", verbatim(&comparison.baseline)));
    let known = comparison.rows.iter().filter(|row| row.value.is_some() || row.baseline_value.is_some());
    known.for_each(|row| table.push(difference_row(row)));
    let n = comparison.n_tests;
    table.to_text()
        + &format!("p: chance of such a difference if there were none; Holm: adjusted for {n} test{}\n", plural(n))
}

fn difference_row(row: &ComparisonRow) -> [Cell; 8] {
    let split = row.source.as_ref().map_or(row.split.clone(), |source| format!("{} / {source}", row.split));
    let of = [row.class.as_deref(), row.versus.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" v. ");
    let name = row.score.name().replace('_', " ");
    let score = if of.is_empty() { name } else { format!("{name} ({of})") };
    let difference = row.difference.map_or_else(
        || Cell::missing(row.reason.clone().unwrap_or_default()),
        |difference| Cell::number(difference, 3).signed().notes(&row.notes),
    );
    [
        Cell::text(split),
        Cell::text(score),
        Cell::text(&row.model),
        row.intervals.first().map_or(difference.clone(), |found| difference.interval(found.low, found.high)),
        Cell::text(p_words(row.tests.first().map(|test| test.p_value))),
        Cell::text(p_words(row.p_adjusted)),
        Cell::text(row.tests.first().map_or("–", |test| test_words(test.method))),
        Cell::text(standing_words(row.standing)),
    ]
}

/// What may be said of a difference.
fn standing_words(standing: Standing) -> &'static str {
    match standing {
        Standing::Better => "better",
        Standing::Worse => "worse",
        Standing::NotInferior => "not inferior",
        Standing::NotTold => "",
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// A p-value as it is printed.
pub(crate) fn p_words(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value < 0.0005 => "<0.0005".to_owned(),
        Some(value) => format!("{value:.4}"),
    }
}

/// The name of a test in tables.
pub(crate) fn test_words(method: TestMethod) -> &'static str {
    match method {
        TestMethod::Delong => "DeLong",
        TestMethod::McnemarExact => "McNemar, exact",
        TestMethod::McnemarMidP => "McNemar mid-p",
        TestMethod::PairedBootstrap => "paired bootstrap",
    }
}

/// Counts of true against predicted classes, or, for a multi-label task, the four counts of each
/// label.
pub fn confusion(split: &SplitScores) -> String {
    let Scores { per_class, confusion, absent_classes, .. } = &split.scores;
    let multi = confusion.is_empty();
    let heads: Vec<&str> = match multi {
        true => vec!["hit", "missed", "false alarm", "rightly not"],
        false => per_class.iter().map(|class| class.class.as_str()).collect(),
    };
    let mut table = Table::new([""].into_iter().chain(heads));
    for (class_idx, class) in per_class.iter().enumerate() {
        let [[true_negative, false_positive], [false_negative, true_positive]] = class.confusion;
        let labels = vec![true_positive, false_negative, false_positive, true_negative];
        let counts = if multi { &labels } else { &confusion[class_idx] };
        table.push([Cell::text(&class.class)].into_iter().chain(counts.iter().map(|n| Cell::count(*n as usize))));
    }
    let what = if multi { "labels" } else { "confusion" };
    let key = if multi { "samples with and without each label" } else { "rows: true class, columns: predicted" };
    let mut text = format!("{what} of `{}` ({key})\n{}", split.split, table.to_text());
    if !absent_classes.is_empty() {
        text.push_str(&format!("no true sample of `{}`\n", absent_classes.join("`, `")));
    }
    text
}

fn score_table(splits: &[SplitScores], statistics: &Summary) -> String {
    let scores = shown(&[statistics]);
    let mut table = Table::new(["split", "source", "n"].into_iter().chain(scores.iter().map(|(_, head)| *head)));
    for SplitScores { split, by_source, .. } in splits {
        let mut line = |split_cell: &str, source_cell: &str, source: Option<&str>| {
            let names = [split_cell, source_cell].map(Cell::text);
            table.push(names.into_iter().chain(score_cells(statistics, split, source, &scores)));
        };
        match (by_source.len(), by_source.keys().next()) {
            (1, Some(source)) => line(split, source, None),
            _ => {
                line(split, "all", None);
                by_source.keys().for_each(|source| line("", source, Some(source)));
            }
        }
    }
    table.to_text() + &intervals_used(printed(statistics), statistics.confidence)
}

/// Number of samples and scores of a split or source, each with its interval and notes.
fn score_cells(summary: &Summary, split: &str, source: Option<&str>, scores: &[(Score, &str)]) -> Vec<Cell> {
    let row = |score: Score| summary.find(split, source, score, None);
    let n = row(Score::Accuracy).map_or(Cell::missing(""), |row| Cell::count(row.n));
    std::iter::once(n).chain(scores.iter().map(|(score, _)| score_cell(row(*score)))).collect()
}

/// The scores that have a value anywhere.
fn shown(summaries: &[&Summary]) -> Vec<(Score, &'static str)> {
    let rows = || summaries.iter().flat_map(|summary| printed(summary));
    let has_value = |score: &Score| rows().any(|row| row.score == *score && row.value.is_some());
    SCORES.into_iter().filter(|(score, _)| has_value(score)).collect()
}

/// The rows that the tables print.
fn printed(summary: &Summary) -> impl Iterator<Item = &SummaryRow> {
    let printed = |row: &&SummaryRow| row.class.is_none() && SCORES.iter().any(|(score, _)| *score == row.score);
    summary.rows.iter().filter(printed)
}

/// A line that says what the brackets are.
fn intervals_used<'a>(rows: impl Iterator<Item = &'a SummaryRow>, confidence: f64) -> String {
    let names = distinct(rows.filter_map(SummaryRow::interval).map(|interval| interval_words(interval.method)));
    if names.is_empty() {
        return String::new();
    }
    format!("(low–high): {:.0} % intervals, by {}\n", 100.0 * confidence, names.join(", "))
}

/// How an interval was found, in the words of a caption.
pub(crate) fn interval_words(method: IntervalMethod) -> &'static str {
    match method {
        IntervalMethod::PosteriorHdi => "posterior of the confusion matrix",
        IntervalMethod::Delong => "DeLong (AUC)",
        IntervalMethod::DelongLogit => "DeLong on the logit (AUC)",
        IntervalMethod::Newcombe => "Newcombe (AUC)",
        IntervalMethod::BootstrapPercentile => "bootstrap percentiles",
        IntervalMethod::BootstrapBca => "bootstrap (BCa)",
        IntervalMethod::Wilson => "Wilson (shares)",
        IntervalMethod::ClopperPearson => "Clopper–Pearson (shares with few errors)",
        IntervalMethod::Jeffreys => "Jeffreys (shares)",
        IntervalMethod::LogRatio => "the logarithm of the ratio",
        IntervalMethod::Wald => "standard errors",
        IntervalMethod::Logit => "the logit (predictive values)",
        IntervalMethod::Mover => "Wilson, combined (F1, means over classes)",
        IntervalMethod::Trainings => "Student's t over trainings and samples",
    }
}
