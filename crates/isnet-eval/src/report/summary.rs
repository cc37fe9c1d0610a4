//! The first section: what was evaluated, and the scores that people ask for first.

use isnet_report::{Block, Cell, Section, Table};

use super::parts::{about_intervals, score_cell, score_words, splits};
use isnet_statistics::{Flow, Score, Summary};
use isnet_statistics::{Predictions, Task, metrics::MasksLeftOut};

/// The scores of the first table.
const FIRST: [Score; 4] = [Score::Accuracy, Score::F1, Score::Auc, Score::BackgroundShare];

/// What was evaluated, a row per split, and what became of the samples.
pub fn summary_section(predictions: &Predictions, summary: &Summary, flow: Option<&Flow>) -> Section {
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
    section.blocks.extend(flow.map(|flow| Block::from(flow_table(flow))));
    section
}

/// What became of the samples: the flow diagram of STARD as a table.
fn flow_table(flow: &Flow) -> Table {
    let caption = "What became of the samples (item 19 of STARD 2015). Those without a usable mask are scored, but have no background share.";
    let has_groups = flow.scored.groups.is_some();
    let header = ["", "samples"].into_iter().chain(has_groups.then_some("groups, such as patients"));
    let mut table = Table::new(header).caption(caption);
    let excluded = flow.excluded.iter().map(|it| (format!("left out: {}", it.reason), it.count));
    let rows = [("given".to_owned(), flow.given)].into_iter().chain(excluded).chain([
        ("without a label".to_owned(), flow.without_label),
        ("scored".to_owned(), flow.scored),
        ("of these without a usable mask".to_owned(), flow.without_mask),
    ]);
    for (index, (name, count)) in rows.enumerate() {
        if count.samples > 0 || index == 0 {
            let groups = has_groups.then(|| count.groups.map_or(Cell::missing(""), Cell::count));
            table.push([Cell::text(name), Cell::count(count.samples)].into_iter().chain(groups));
        }
    }
    table
}

/// From which probability on each label is predicted.
fn thresholds(predictions: &Predictions) -> Table {
    let table = Table::new(["label", "predicted from"]).caption("Thresholds, chosen on validation data.");
    predictions
        .classes
        .iter()
        .zip(&predictions.thresholds)
        .fold(table, |table, (class, threshold)| table.row([Cell::text(class), Cell::number(*threshold, 3)]))
}

/// `1 class`, `2 classes`.
fn counted(n: usize, what: &str) -> String {
    let plural = if what.ends_with('s') { "es" } else { "s" };
    format!("{n} {what}{}", if n == 1 { "" } else { plural })
}
