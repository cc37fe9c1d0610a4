//! Where each of several stands against the first, in words that claim no more than the corrected tests do.

use isnet_report::{Block, Cell, Table, verbatim};

use super::parts::score_words;
use super::side_by_side::{Entry, EntryRow, SideBySide};
use crate::distinct::distinct;
use isnet_statistics::{Comparison, Interval, Score, Standing, TrainingsDifference};

/// The score that the words are about: the first of these that was compared.
const HEADLINES: [Score; 4] = [Score::F1, Score::Accuracy, Score::BalancedAccuracy, Score::Auc];

/// A difference of an entry to the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Distance {
    /// The entry.
    pub name: String,
    /// The split.
    pub split: String,
    /// The score.
    pub score: Score,
    /// Its score minus that of the first.
    pub difference: f64,
    /// The interval of the difference.
    pub interval: Option<Interval>,
    /// What may be said of it.
    pub standing: Standing,
}

impl Distance {
    /// The differences of whole splits that a method has over its trainings.
    pub fn of_method(name: &str, rows: &[TrainingsDifference]) -> Vec<Self> {
        let whole = rows.iter().filter(|row| row.source.is_none() && row.class.is_none());
        let distance = |row: &TrainingsDifference| {
            let (split, score, interval, standing) = (row.split.clone(), row.score, row.interval, row.standing);
            Some(Self { name: name.to_owned(), split, score, difference: row.difference?, interval, standing })
        };
        whole.filter_map(distance).collect()
    }

    /// The differences of whole splits in a comparison of models.
    pub fn of_models(comparison: &Comparison) -> Vec<Self> {
        let whole = comparison.rows.iter().filter(|row| row.source.is_none() && row.class.is_none());
        let distance = |row: &isnet_statistics::ComparisonRow| {
            let (name, split, score, standing) = (row.model.clone(), row.split.clone(), row.score, row.standing);
            let interval = row.intervals.first().copied();
            Some(Self { name, split, score, difference: row.difference?, interval, standing })
        };
        whole.filter_map(distance).collect()
    }

    fn cell(&self) -> Cell {
        let cell = Cell::number(self.difference, 3).signed();
        let cell = self.interval.map_or(cell.clone(), |it| cell.interval(it.low, it.high));
        if matches!(self.standing, Standing::Better | Standing::Worse) { cell.emphasised() } else { cell }
    }
}

/// A sentence per split, and a table of the differences of one score. `how` says what the intervals of the differences are of.
///
/// # Example
/// ```
/// # use isnet_eval::report::{Distance, Entry, SideBySide, standing};
/// # use isnet_statistics::{Interval, IntervalMethod, Score, Standing};
/// let entry = |name: &str| Entry { name: name.to_owned(), trainings: None, rows: Vec::new() };
/// let side_by_side = SideBySide { what: "model", counted: "samples", scores: vec![Score::F1], entries: vec![entry("plain"), entry("isnet")] };
/// let interval = Interval { method: IntervalMethod::BootstrapPercentile, low: -0.01, high: 0.2 };
/// let distance = Distance {
///     name: "isnet".into(), split: "test".into(), score: Score::F1, difference: 0.1, interval: Some(interval), standing: Standing::NotTold,
/// };
/// let blocks = standing(&side_by_side, &[distance], "over samples");
/// let said = "**test**, macro F1 against `plain`: not told apart: isnet (+0.10).".into();
/// assert_eq!(blocks[0], isnet_report::Block::Paragraph(said)); // the corrected test does not tell them apart
/// ```
pub fn standing(side_by_side: &SideBySide, distances: &[Distance], how: &str) -> Vec<Block> {
    let Some(first) = side_by_side.entries.first() else { return Vec::new() };
    let compared = |score: &Score| distances.iter().any(|it| it.score == *score);
    let of_others = || distances.iter().map(|it| it.score).find(|score| *score != Score::BackgroundShare);
    // A question that was asked beforehand comes first: it alone has words.
    let told = |score: &Score| distances.iter().any(|it| it.score == *score && it.standing != Standing::NotTold);
    let headline = HEADLINES
        .into_iter()
        .find(|score| compared(score) && told(score))
        .or_else(|| HEADLINES.into_iter().find(compared))
        .or_else(of_others);
    let splits = distinct(side_by_side.splits().into_iter().chain(distances.iter().map(|it| it.split.as_str())));
    let sentence = |split: &&str| {
        let score = headline.and_then(|score| score_words_on(split, first, distances, score));
        let share = share_words(&side_by_side.entries, split);
        let said: Vec<String> = score.into_iter().chain(share).collect();
        (!said.is_empty()).then(|| Block::Paragraph(format!("**{}**, {}", verbatim(split), said.join(" "))))
    };
    let mut blocks: Vec<Block> = splits.iter().filter_map(sentence).collect();
    if let Some(score) = headline {
        blocks.push(Block::from(difference_table(side_by_side, distances, score, how)));
    }
    blocks
}

/// Who is better than the first, who is worse, who cannot be told from it.
fn score_words_on(split: &str, first: &Entry, distances: &[Distance], score: Score) -> Option<String> {
    let mut of_split: Vec<&Distance> = distances.iter().filter(|it| it.split == split && it.score == score).collect();
    of_split.sort_by(|a, b| b.difference.total_cmp(&a.difference));
    let names = |standing: Standing| {
        let chosen = of_split.iter().filter(|it| it.standing == standing);
        chosen.map(|it| format!("{} ({})", verbatim(&it.name), signed(it.difference))).collect::<Vec<_>>().join(", ")
    };
    let parts = [
        ("better", Standing::Better),
        ("worse", Standing::Worse),
        ("not inferior", Standing::NotInferior),
        ("not told apart", Standing::NotTold),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .map(|(word, side)| (word, names(side)))
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word}: {names}"))
        .collect();
    let value = first.find(split, score).and_then(|row| row.value).map_or(String::new(), |it| format!(" ({it:.2})"));
    let head = format!("{} against `{}`{value}", score_words(score, false), verbatim(&first.name));
    (!said.is_empty()).then(|| format!("{head}: {}.", said.join("; ")))
}

/// The lowest background share, and whose intervals reach into its own.
fn share_words(entries: &[Entry], split: &str) -> Option<String> {
    let score = Score::BackgroundShare;
    let share = |entry| Entry::find(entry, split, score);
    let mut known: Vec<(&Entry, &EntryRow, f64)> =
        entries.iter().filter_map(|entry| share(entry).and_then(|row| Some((entry, row, row.value?)))).collect();
    known.sort_by(|(.., a), (.., b)| a.total_cmp(b));
    let (&(lowest, row, _), others) = known.split_first().filter(|(_, others)| !others.is_empty())?;
    let overlaps = |other: &EntryRow| match (row.interval, other.interval) {
        (Some(one), Some(other)) => other.low <= one.high,
        _ => true,
    };
    let close: Vec<String> =
        others.iter().filter(|(_, row, _)| overlaps(row)).map(|(entry, ..)| verbatim(&entry.name)).collect();
    let close = match close.len() {
        0 => String::new(),
        n if n == others.len() && n > 1 => "; the intervals of all others reach into its own".to_owned(),
        1 => format!("; the interval of {} reaches into its own", close[0]),
        _ => format!("; the intervals of {} reach into its own", close.join(", ")),
    };
    let shown = row.cell(&[]).shown();
    Some(format!("Lowest {}: {}, {shown}{close}.", score_words(score, false), verbatim(&lowest.name)))
}

/// A row per entry but the first, a column per split.
fn difference_table(side_by_side: &SideBySide, distances: &[Distance], score: Score, how: &str) -> Table {
    let splits: Vec<&str> = side_by_side.splits();
    let first = side_by_side.entries.first().map_or("", |entry| &entry.name);
    let caption = format!(
        "Difference in {} to `{}`, with its interval {how}; bold where the test that is corrected for the number of tests says that there is one. \
         Each interval stands for itself: of many, some leave out 0 by chance.",
        score_words(score, false),
        verbatim(first)
    );
    let mut table = Table::new(std::iter::once(side_by_side.what).chain(splits.iter().copied())).caption(caption);
    for entry in side_by_side.entries.iter().skip(1) {
        let cell = |split: &&str| {
            let found = distances.iter().find(|it| it.name == entry.name && it.split == *split && it.score == score);
            found.map_or(Cell::missing(""), Distance::cell)
        };
        table.push(std::iter::once(Cell::text(&entry.name)).chain(splits.iter().map(cell)));
    }
    table
}

/// Two digits, with a sign.
fn signed(difference: f64) -> String {
    Cell::number(difference, 2).signed().shown()
}
