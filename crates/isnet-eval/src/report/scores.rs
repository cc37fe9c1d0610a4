//! Tables of all scores with intervals, per split, source and class.

use isnet_report::{Axis, Block, Cell, Details, Forest, Section, Table, verbatim};

use super::parts::{PartName, about_intervals, estimate, parts, score_cell, score_words, splits};
use crate::distinct::distinct;
use isnet_statistics::{Score, Summary, SummaryRow};

/// Columns of parts in one table.
const COLUMNS: usize = 4;
/// Scores that have a plot over all parts.
const PLOTTED: [Score; 4] = [Score::Accuracy, Score::F1, Score::Auc, Score::BackgroundShare];
/// Scores of a class.
const OF_CLASS: [Score; 8] = [
    Score::Precision,
    Score::Recall,
    Score::Specificity,
    Score::F1,
    Score::Auc,
    Score::AveragePrecision,
    Score::BrierLoss,
    Score::CalibrationError,
];

/// Plots over all parts, then tables per split.
pub fn score_section(summary: &Summary) -> Section {
    let mut section = Section::new("Scores").with(about_intervals(summary));
    let parts = parts(summary);
    if parts.len() > 1 {
        PLOTTED.into_iter().filter_map(|score| forest(summary, &parts, score)).for_each(|plot| section.push(plot));
    }
    let splits = splits(summary);
    for split in &splits {
        if splits.len() > 1 {
            section.push(Block::Heading(split.clone()));
        }
        split_tables(summary, &parts, split).into_iter().for_each(|block| section.push(block));
    }
    section
}

/// A score of every part; `None` if no part has it.
fn forest(summary: &Summary, parts: &[PartName], score: Score) -> Option<Forest> {
    let rows: Vec<(&PartName, &SummaryRow)> = parts
        .iter()
        .filter_map(|part| Some((part, summary.find(&part.split, part.source.as_deref(), score, None)?)))
        .collect();
    rows.iter().any(|(_, row)| row.value.is_some()).then_some(())?;
    let words = score_words(score, false);
    let better = if score.higher_is_better() { "Higher is better." } else { "Lower is better." };
    let plot =
        Forest::new(format!("{}{} by split and source", words[..1].to_uppercase(), &words[1..]), Axis::new(words))
            .caption(better);
    let plot = if score == Score::Auc { plot.reference(0.5, "chance") } else { plot };
    Some(rows.into_iter().fold(plot, |plot, (part, row)| {
        let estimate = estimate(part.shown(), row);
        plot.row(if part.source.is_none() { estimate.emphasised() } else { estimate })
    }))
}

fn split_tables(summary: &Summary, parts: &[PartName], split: &str) -> Vec<Block> {
    let of_split: Vec<&PartName> = parts.iter().filter(|part| part.split == split).collect();
    let mut tables = of_split.chunks(COLUMNS).map(|chunk| Block::from(part_table(summary, split, chunk)));
    let mut blocks: Vec<Block> = tables.next().into_iter().collect();
    let others: Vec<Block> = tables.collect();
    if !others.is_empty() {
        blocks.push(Block::from(Details { summary: "Further sources".to_owned(), blocks: others }));
    }
    blocks.extend(class_table(summary, split, None).map(Block::from));
    blocks.extend(pair_table(summary, split).map(|table| Block::from(Details::new("Pairs of classes").with(table))));
    for part in of_split {
        if let Some(source) = &part.source {
            let table = class_table(summary, split, Some(source));
            blocks.extend(table.map(|table| Block::from(Details::new(format!("Classes of {source}")).with(table))));
        }
    }
    blocks
}

/// A row per score, a column per part.
fn part_table(summary: &Summary, split: &str, parts: &[&PartName]) -> Table {
    let header = parts.iter().map(|part| part.source.clone().unwrap_or_else(|| "all".to_owned()));
    let caption = format!("Scores on the split `{}`.", verbatim(split));
    let mut table = Table::new(["score".to_owned()].into_iter().chain(header)).caption(caption);
    let row = |part: &PartName, score| summary.find(&part.split, part.source.as_deref(), score, None);
    let count = |part: &&PartName| {
        let rows = summary.rows.iter().filter(|row| row.split == part.split && row.source == part.source);
        rows.map(|row| row.n).max().map_or(Cell::missing(""), Cell::count)
    };
    table.push([Cell::text("samples")].into_iter().chain(parts.iter().map(count)));
    for score in Score::ALL {
        if parts.iter().any(|part| row(part, score).is_some()) {
            let cells = parts.iter().map(|part| score_cell(row(part, score)));
            table.push([Cell::text(score_words(score, false))].into_iter().chain(cells));
        }
    }
    table
}

/// A row per class, a column per score; `None` if classes were not scored.
fn class_table(summary: &Summary, split: &str, source: Option<&str>) -> Option<Table> {
    let rows = summary.rows.iter().filter(|row| row.split == split && row.source.as_deref() == source);
    let of_class: Vec<&SummaryRow> = rows.filter(|row| row.class.is_some() && row.versus.is_none()).collect();
    let classes = distinct(of_class.iter().filter_map(|row| row.class.as_deref()));
    let scores = OF_CLASS.into_iter().filter(|score| of_class.iter().any(|row| row.score == *score));
    let scores: Vec<Score> = scores.collect();
    let header = ["class", "samples"].into_iter().chain(scores.iter().map(|score| score_words(*score, true)));
    let of = source.map_or(String::new(), |source| format!(", source `{}`", verbatim(source)));
    let mut table =
        Table::new(header).caption(format!("Each class against the rest on the split `{}`{of}.", verbatim(split)));
    for class in &classes {
        let row = |score| of_class.iter().find(|row| row.score == score && row.class.as_deref() == Some(*class));
        let n = of_class.iter().find(|row| row.class.as_deref() == Some(*class)).and_then(|row| row.n_positive);
        let cells = scores.iter().map(|score| score_cell(row(*score).copied()));
        table.push([Cell::text(*class), n.map_or(Cell::missing(""), Cell::count)].into_iter().chain(cells));
    }
    (!classes.is_empty()).then_some(table)
}

/// Areas of pairs of classes; `None` if there are none.
fn pair_table(summary: &Summary, split: &str) -> Option<Table> {
    let rows = summary.rows.iter().filter(|row| row.split == split && row.source.is_none());
    let pairs: Vec<(&SummaryRow, &str, &str)> =
        rows.filter_map(|row| Some((row, row.class.as_deref()?, row.versus.as_deref()?))).collect();
    let caption = format!("Area under the ROC curve of two classes on the split `{}`.", verbatim(split));
    let mut table = Table::new(["class", "against", "AUC"]).caption(caption);
    for (row, class, versus) in &pairs {
        table.push([Cell::text(*class), Cell::text(*versus), score_cell(Some(row))]);
    }
    (!pairs.is_empty()).then_some(table)
}
