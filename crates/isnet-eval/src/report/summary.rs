//! The first section: what was evaluated, and the scores that people ask for first.

use isnet_report::{Cell, Section, Table};

use super::parts::{about_intervals, score_cell, score_words, splits};
use isnet_statistics::{Predictions, Task, metrics::MasksLeftOut};
use isnet_statistics::{Score, Summary};

/// The scores of the first table.
const FIRST: [Score; 4] = [Score::Accuracy, Score::F1, Score::Auc, Score::BackgroundShare];

/// What was evaluated, and a row per split.
pub fn summary_section(predictions: &Predictions, summary: &Summary) -> Section {
    let splits = splits(summary);
    let mut sources: Vec<&String> = predictions.sources.iter().collect();
    sources.sort_unstable();
    sources.dedup();
    let holds = match predictions.task {
        Task::Single => "one of which holds for each sample",
        Task::Multi => "any number of which may hold for a sample",
    };
    let text = format!(
        "**{}** samples in {} and {}; {}, {holds}.",
        predictions.len(),
        counted(splits.len(), "split"),
        counted(sources.len(), "source"),
        counted(predictions.classes.len(), "class"),
    );
    let shown = |score: &Score| summary.rows.iter().any(|row| row.score == *score && row.value.is_some());
    let scores: Vec<Score> = FIRST.into_iter().filter(shown).collect();
    let header = ["split", "n"].into_iter().chain(scores.iter().map(|score| score_words(*score, false)));
    let mut table = Table::new(header).caption(about_intervals(summary));
    for split in &splits {
        let row = |score: &Score| summary.find(split, None, *score, None);
        let n = row(&Score::Accuracy).map_or(Cell::missing(""), |row| Cell::count(row.n));
        let cells = scores.iter().map(|score| score_cell(row(score)));
        table.push([Cell::text(split), n].into_iter().chain(cells));
    }
    let mut section = Section::new("Summary").with(text).with(table);
    if scores.contains(&Score::BackgroundShare) {
        section.push(
            "The **background share** is the part of the relevance (LRP of the log-odds of the most probable class) that lies \
             outside of the mask; a model that looks everywhere alike has the share of the area.",
        );
        if let Some(masks) = MasksLeftOut::of(&predictions.masks).words() {
            section.push(format!("Left out of it, since such a mask says nothing: {masks}."));
        }
    }
    if predictions.thresholds.iter().any(|threshold| *threshold != 0.5) && predictions.task == Task::Multi {
        section.push(thresholds(predictions));
    }
    section
}

/// From which probability on each label is predicted.
fn thresholds(predictions: &Predictions) -> Table {
    let table = Table::new(["label", "predicted from"]).caption("Thresholds, chosen on validation data.");
    predictions
        .classes
        .iter()
        .zip(&predictions.thresholds)
        .fold(table, |table, (class, threshold)| table.row([Cell::text(class), Cell::number(f64::from(*threshold), 3)]))
}

/// `1 class`, `2 classes`.
fn counted(n: usize, what: &str) -> String {
    let plural = if what.ends_with('s') { "es" } else { "s" };
    format!("{n} {what}{}", if n == 1 { "" } else { plural })
}
