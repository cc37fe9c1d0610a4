//! Scores as plain text for people.

use crate::metrics::{Scores, SplitScores};

/// One table of all splits and sources, then the confusion of each split.
///
/// A split with one source has one line. `–` stands where a score is not defined. The background
/// share is the mean over the samples that have one.
pub fn report(splits: &[SplitScores]) -> String {
    let mut text = score_table(splits);
    for split in splits {
        text.push('\n');
        text.push_str(&confusion(split));
    }
    text
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
    let mut text = format!("{what} of `{}` ({key})\n{}", split.split, align(&rows, 1));
    if !absent_classes.is_empty() {
        text.push_str(&format!("no true sample of `{}`\n", absent_classes.join("`, `")));
    }
    text
}

fn score_table(splits: &[SplitScores]) -> String {
    let heads = ["split", "source", "n", "accuracy", "macro F1", "AUC", "background"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for split in splits {
        let mut sources = split.by_source.iter();
        match (split.by_source.len(), sources.next()) {
            (1, Some((source, scores))) => rows.push(score_row(&split.split, source, scores)),
            _ => {
                rows.push(score_row(&split.split, "all", &split.scores));
                rows.extend(split.by_source.iter().map(|(source, scores)| score_row("", source, scores)));
            }
        }
    }
    align(&rows, 2)
}

fn score_row(split: &str, source: &str, scores: &Scores) -> Vec<String> {
    vec![
        split.to_owned(),
        source.to_owned(),
        scores.n.to_string(),
        score(Some(scores.accuracy)),
        score(Some(scores.macro_f1)),
        score(scores.macro_auc),
        score(scores.background_share),
    ]
}

fn score(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// Pads the cells of each column to one width: names to the left, the numbers after `n_names`
/// columns to the right.
fn align(rows: &[Vec<String>], n_names: usize) -> String {
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
