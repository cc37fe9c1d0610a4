//! Models, or methods over their trainings, side by side: a table and plots per split.

use isnet_report::{Axis, Block, Cell, Estimate, Forest, Section, Table, verbatim};

use super::parts::score_words;
use crate::distinct::distinct;
use isnet_statistics::{Interval, Score, Summary, SummaryRow, TrainingsRow};

/// Bounds of the axes are multiples of this.
const STEP: f64 = 0.05;

/// What stands side by side, the first being what the others are held against.
#[derive(Clone, Debug, PartialEq)]
pub struct SideBySide {
    /// What an entry is: `model`, `variant`.
    pub what: &'static str,
    /// What the numbers beside the names count: `samples`, `trainings`.
    pub counted: &'static str,
    /// The scores, in the order of columns.
    pub scores: Vec<Score>,
    /// In the order of rows.
    pub entries: Vec<Entry>,
}

/// One of those that stand side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Number of its trainings; `None` shows the samples of a split instead.
    pub trainings: Option<usize>,
    /// Its scores on whole splits.
    pub rows: Vec<EntryRow>,
}

/// A score of an entry on a split.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryRow {
    /// Name of the split.
    pub split: String,
    /// Which score.
    pub score: Score,
    /// Its value, or the mean over trainings.
    pub value: Option<f64>,
    /// Why there is no value; may be empty.
    pub reason: String,
    /// The interval to print.
    pub interval: Option<Interval>,
    /// The score of each training; nothing for a single model.
    pub of_trainings: Vec<f64>,
    /// Number of samples that it is made of.
    pub n: usize,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Entry {
    /// A model and its scores on whole splits.
    pub fn model(name: &str, summary: &Summary) -> Self {
        let whole = |row: &&SummaryRow| row.source.is_none() && row.class.is_none();
        let row = |row: &SummaryRow| EntryRow {
            split: row.split.clone(),
            score: row.score,
            value: row.value,
            reason: row.reason.clone().unwrap_or_default(),
            interval: row.interval().copied(),
            of_trainings: Vec::new(),
            n: row.n,
            notes: row.notes.clone(),
        };
        Self { name: name.to_owned(), trainings: None, rows: summary.rows.iter().filter(whole).map(row).collect() }
    }

    /// A method and its scores on whole splits over so many trainings.
    pub fn method(name: &str, trainings: usize, rows: &[TrainingsRow]) -> Self {
        let whole = |row: &&TrainingsRow| row.source.is_none() && row.class.is_none();
        let row = |row: &TrainingsRow| EntryRow {
            split: row.split.clone(),
            score: row.score,
            value: row.mean,
            reason: String::new(),
            interval: row.interval,
            of_trainings: if trainings > 1 { row.values.iter().flatten().copied().collect() } else { Vec::new() },
            n: row.n,
            notes: row.notes.clone(),
        };
        Self { name: name.to_owned(), trainings: Some(trainings), rows: rows.iter().filter(whole).map(row).collect() }
    }

    /// A score on a split.
    pub fn find(&self, split: &str, score: Score) -> Option<&EntryRow> {
        self.rows.iter().find(|row| row.split == split && row.score == score)
    }
}

impl EntryRow {
    /// Value and interval, or a dash and the reason, with notes.
    pub(super) fn cell(&self, notes: &[&str]) -> Cell {
        let Some(value) = self.value else { return Cell::missing(self.reason.clone()) };
        let cell = Cell::number(value, 3).notes(notes.iter().copied());
        self.interval.map_or(cell.clone(), |it| cell.interval(it.low, it.high))
    }

    /// Lowest and highest of what a plot shows of it.
    fn bounds(&self) -> impl Iterator<Item = f64> {
        let ends = self.interval.into_iter().flat_map(|it| [it.low, it.high]);
        self.value.into_iter().chain(ends).chain(self.of_trainings.clone())
    }
}

impl SideBySide {
    /// All splits, in the order in which they first occur.
    pub fn splits(&self) -> Vec<&str> {
        distinct(self.entries.iter().flat_map(|entry| &entry.rows).map(|row| row.split.as_str()))
    }

    /// Those of the scores that any entry has on any split.
    fn shown_scores(&self) -> Vec<Score> {
        let has = |score: &Score| {
            self.entries.iter().flat_map(|entry| &entry.rows).any(|row| row.score == *score && row.value.is_some())
        };
        self.scores.iter().copied().filter(has).collect()
    }

    /// A row per entry, a column per score, on one split. Entries without the split are left out.
    pub fn table(&self, split: &str) -> Table {
        let scores = self.shown_scores();
        let heads = scores.iter().map(|score| score_words(*score, false));
        let mut table = Table::new([self.what, self.counted].into_iter().chain(heads))
            .caption(format!("Scores on the split `{}`.", verbatim(split)));
        for entry in &self.entries {
            let rows: Vec<Option<&EntryRow>> = scores.iter().map(|score| entry.find(split, *score)).collect();
            let Some(n) = rows.iter().flatten().map(|row| row.n).max() else { continue };
            // What holds for all scores stands once, at the number.
            let known: Vec<&EntryRow> = rows.iter().flatten().copied().filter(|row| row.value.is_some()).collect();
            let common = |note: &&String| known.iter().all(|row| row.notes.contains(note));
            let shared: Vec<String> =
                known.first().map_or(Vec::new(), |row| row.notes.iter().filter(common).cloned().collect());
            let cell = |row: &Option<&EntryRow>| {
                row.map_or(Cell::missing(""), |row| {
                    let own: Vec<&str> =
                        row.notes.iter().filter(|note| !shared.contains(note)).map(String::as_str).collect();
                    row.cell(&own)
                })
            };
            let count = Cell::count(entry.trainings.unwrap_or(n)).notes(&shared);
            table.push([Cell::text(&entry.name), count].into_iter().chain(rows.iter().map(cell)));
        }
        table
    }

    /// A plot per score, of all entries on one split. The axis of a score is the same on all splits.
    pub fn plots(&self, split: &str) -> Vec<Forest> {
        self.shown_scores().into_iter().filter_map(|score| self.plot(split, score)).collect()
    }

    fn plot(&self, split: &str, score: Score) -> Option<Forest> {
        let rows: Vec<(usize, &Entry, &EntryRow)> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(idx, entry)| Some((idx, entry, entry.find(split, score)?)))
            .collect();
        rows.iter().any(|(.., row)| row.value.is_some()).then_some(())?;
        let words = score_words(score, false);
        let better = if score.higher_is_better() { "Higher is better." } else { "Lower is better." };
        let of_score = self.entries.iter().flat_map(|entry| &entry.rows).filter(|row| row.score == score);
        let (low, high) = of_score
            .flat_map(EntryRow::bounds)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let axis = Axis::new(words).range((low / STEP).floor() * STEP, (high / STEP).ceil() * STEP);
        let title = format!("{}{} on {split}", words[..1].to_uppercase(), &words[1..]);
        let mut plot = Forest::new(title, axis).caption(better);
        if let Some((0, first, EntryRow { value: Some(value), .. })) = rows.first()
            && rows.len() > 1
        {
            plot = plot.reference(*value, &first.name);
        }
        Some(rows.into_iter().fold(plot, |plot, (idx, entry, row)| {
            let mut estimate = Estimate { value: row.value, ..Estimate::missing(&entry.name) };
            estimate.interval = row.interval.map(|it| (it.low, it.high));
            estimate.emphasised = idx == 0;
            plot.row(estimate.points(row.of_trainings.iter().copied()))
        }))
    }

    /// Tables and plots of all splits, under words about their intervals.
    pub fn section(&self, about: String) -> Section {
        let mut section = Section::new("Scores").with(about);
        let splits = self.splits();
        for split in &splits {
            if splits.len() > 1 {
                section.push(Block::Heading((*split).to_owned()));
            }
            section.push(self.table(split));
            self.plots(split).into_iter().for_each(|plot| section.push(plot));
        }
        section
    }
}
