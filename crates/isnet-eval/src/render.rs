//! Scores as plain text for people.

use crate::distinct::distinct;
use isnet_statistics::metrics::{Scores, SplitScores};
use isnet_statistics::{Comparison, ComparisonRow, Interval, IntervalMethod, Score, Summary, SummaryRow, TestMethod};

/// Stands behind an interval that should not be relied on.
const DOUBTFUL: &str = "*";

/// The scores of the tables, with their heads.
const SCORES: [(Score, &str); 4] = [
    (Score::Accuracy, "accuracy"),
    (Score::F1, "macro F1"),
    (Score::Auc, "AUC"),
    (Score::BackgroundShare, "background"),
];

/// One table of all splits and sources with intervals, then the confusion of each split.
///
/// A split with one source has one line. `–` stands where a score is not defined. The background
/// share is the mean over the samples that have one.
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
    let heads = ["split", "model", "n"].into_iter().chain(SCORES.map(|(_, head)| head));
    let mut rows: Vec<Vec<String>> = vec![heads.map(str::to_owned).collect()];
    let all = models.iter().flat_map(|(_, summary)| &summary.rows);
    for split in distinct(all.map(|row| row.split.as_str())) {
        let having = models.iter().filter(|(_, summary)| summary.rows.iter().any(|row| row.split == split));
        for (index, (name, summary)) in having.enumerate() {
            let split_cell = if index == 0 { split } else { "" };
            rows.push(
                [split_cell, name].map(str::to_owned).into_iter().chain(score_cells(summary, split, None)).collect(),
            );
        }
    }
    let confidence = models.first().map_or(0.95, |(_, summary)| summary.confidence);
    table(&rows, 2) + &intervals_used(models.iter().flat_map(|(_, summary)| printed(summary)), confidence)
}

/// The differences of models to the first one, with intervals and tests.
pub fn comparison(comparison: &Comparison) -> String {
    let heads = ["split", "score", "model", "difference", "interval", "p", "p (Holm)", "test"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    let known = comparison.rows.iter().filter(|row| row.value.is_some() || row.baseline_value.is_some());
    rows.extend(known.map(difference_row));
    let mut text = format!("differences to `{}`\n{}", comparison.baseline, table(&rows, 3));
    text.push_str(&format!(
        "p: chance of such a difference if there were none; Holm: adjusted for {} tests\n",
        comparison.n_tests
    ));
    text
}

fn difference_row(row: &ComparisonRow) -> Vec<String> {
    let split = row.source.as_ref().map_or(row.split.clone(), |source| format!("{} / {source}", row.split));
    let of = [row.class.as_deref(), row.versus.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" v. ");
    let name = row.score.name().replace('_', " ");
    let score = if of.is_empty() { name } else { format!("{name} ({of})") };
    vec![
        split,
        score,
        row.model.clone(),
        row.difference.map_or_else(|| "–".to_owned(), |difference| format!("{difference:+.3}")),
        row.intervals
            .first()
            .map_or_else(|| "–".to_owned(), |found| format!("{:+.3} to {:+.3}", found.low, found.high)),
        p_words(row.tests.first().map(|test| test.p_value)),
        p_words(row.p_adjusted),
        row.tests.first().map_or("–", |test| test_words(test.method)).to_owned(),
    ]
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
    let mut rows = vec![vec![String::new()]];
    if multi {
        rows[0].extend(["hit", "missed", "false alarm", "rightly not"].map(str::to_owned));
    } else {
        rows[0].extend(per_class.iter().map(|class| class.class.clone()));
    }
    for (class_idx, class) in per_class.iter().enumerate() {
        let [[true_negative, false_positive], [false_negative, true_positive]] = class.confusion;
        let labels = vec![true_positive, false_negative, false_positive, true_negative];
        let counts = if multi { &labels } else { &confusion[class_idx] };
        rows.push(std::iter::once(class.class.clone()).chain(counts.iter().map(u64::to_string)).collect());
    }
    let what = if multi { "labels" } else { "confusion" };
    let key = if multi { "samples with and without each label" } else { "rows: true class, columns: predicted" };
    let mut text = format!("{what} of `{}` ({key})\n{}", split.split, table(&rows, 1));
    if !absent_classes.is_empty() {
        text.push_str(&format!("no true sample of `{}`\n", absent_classes.join("`, `")));
    }
    text
}

fn score_table(splits: &[SplitScores], statistics: &Summary) -> String {
    let heads = ["split", "source", "n"].into_iter().chain(SCORES.map(|(_, head)| head));
    let mut rows: Vec<Vec<String>> = vec![heads.map(str::to_owned).collect()];
    for SplitScores { split, by_source, .. } in splits {
        let mut line = |split_cell: &str, source_cell: &str, source: Option<&str>| {
            let names = [split_cell, source_cell].map(str::to_owned);
            rows.push(names.into_iter().chain(score_cells(statistics, split, source)).collect());
        };
        match (by_source.len(), by_source.keys().next()) {
            (1, Some(source)) => line(split, source, None),
            _ => {
                line(split, "all", None);
                by_source.keys().for_each(|source| line("", source, Some(source)));
            }
        }
    }
    table(&rows, 2) + &intervals_used(printed(statistics), statistics.confidence)
}

/// Number of samples and scores of a split or source, each with its interval.
fn score_cells(summary: &Summary, split: &str, source: Option<&str>) -> Vec<String> {
    let row = |score: Score| summary.find(split, source, score, None);
    let n = row(Score::Accuracy).map_or_else(String::new, |row| row.n.to_string());
    let cell = |score: Score| {
        let Some((value, row)) = row(score).and_then(|row| Some((row.value?, row))) else { return "–".to_owned() };
        let interval = row.interval().map_or_else(String::new, |found| {
            let doubtful = if is_doubtful(found, value) { DOUBTFUL } else { "" };
            format!(" ({:.2}–{:.2}){doubtful}", found.low, found.high)
        });
        format!("{value:.3}{interval}")
    };
    std::iter::once(n).chain(SCORES.map(|(score, _)| cell(score))).collect()
}

/// So few samples that the prior outweighs them, or that every resample is like the other.
fn is_doubtful(interval: &Interval, value: f64) -> bool {
    !interval.contains(value) || interval.width() == 0.0
}

/// The rows that the tables print.
fn printed(summary: &Summary) -> impl Iterator<Item = &SummaryRow> {
    let printed = |row: &&SummaryRow| row.class.is_none() && SCORES.iter().any(|(score, _)| *score == row.score);
    summary.rows.iter().filter(printed)
}

/// Lines that say what the brackets are.
fn intervals_used<'a>(rows: impl Iterator<Item = &'a SummaryRow>, confidence: f64) -> String {
    let shown: Vec<_> = rows.filter_map(|row| Some((row, row.interval()?))).collect();
    let doubtful = shown.iter().any(|(row, interval)| row.value.is_some_and(|value| is_doubtful(interval, value)));
    let names = distinct(shown.iter().map(|(_, interval)| interval_words(interval.method)));
    if names.is_empty() {
        return String::new();
    }
    let mut text = format!("(low–high): {:.0} % intervals, by {}\n", 100.0 * confidence, names.join(", "));
    if doubtful {
        text.push_str(&format!("{DOUBTFUL} too few samples for this interval\n"));
    }
    text
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
        IntervalMethod::Mover => "Wilson, combined (F1, means over classes)",
        IntervalMethod::Trainings => "Student's t over trainings and samples",
    }
}

/// Pads the cells of each column to one width: names to the left, the numbers after `n_names`
/// columns to the right.
pub fn table(rows: &[Vec<String>], n_names: usize) -> String {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..n_columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < n_names { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
