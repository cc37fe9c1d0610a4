//! Rows and columns.

use crate::html::table::note_letter;
use crate::number;
use crate::text::plain;

/// A table; the first cell of each row names the row.
///
/// # Example
/// ```
/// # use isnet_report::{Cell, Table};
/// let table = Table::new(["score", "standard", "ISNet"])
///     .caption("On the split `test`.")
///     .row([Cell::text("AUC"), Cell::number(0.81, 3).interval(0.75, 0.86), Cell::missing("one class only")]);
/// assert_eq!(table.rows[0][1].shown(), "0.810 [0.750, 0.860]");
/// assert_eq!(table.rows[0][2].shown(), "–");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// The rows; short ones are filled up with empty cells.
    pub rows: Vec<Vec<Cell>>,
    /// Words above the table, with `**bold**` and `` `code` ``; may be empty.
    pub caption: String,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The words above the table.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a row, and returns the table: for chains.
    #[must_use]
    pub fn row<C: Into<Cell>>(mut self, cells: impl IntoIterator<Item = C>) -> Self {
        self.push(cells);
        self
    }

    /// Adds a row: for loops.
    pub fn push<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table for a terminal: columns padded to one width, numbers to the right, notes below. Bounds have a digit less than their
    /// value, so that lines stay short.
    ///
    /// # Example
    /// ```
    /// # use isnet_report::{Cell, Table};
    /// let table = Table::new(["model", "AUC"])
    ///     .caption("On **test**.")
    ///     .row([Cell::text("standard"), Cell::number(0.5, 3).note("guesses")])
    ///     .row([Cell::text("isnet"), Cell::number(0.8125, 3).interval(0.75, 0.875)]);
    /// let lines: Vec<&str> = vec![
    ///     "On test.",
    ///     "model                   AUC",
    ///     "standard          0.500 (a)",
    ///     "isnet     0.812 (0.75–0.88)",
    ///     "(a) guesses",
    /// ];
    /// assert_eq!(table.to_text().lines().collect::<Vec<_>>(), lines);
    /// ```
    pub fn to_text(&self) -> String {
        let notes = self.notes();
        let shown = |cell: &Cell| {
            let letters: Vec<String> = cell.marks(&notes).map(note_letter).collect();
            let marks = if letters.is_empty() { String::new() } else { format!(" ({})", letters.join(",")) };
            cell.in_terminal() + &marks
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
        let width = |column: usize| {
            let cells = std::iter::once(&self.header).chain(&rows).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.n_columns()).map(width).collect();
        let mut text = if self.caption.is_empty() { String::new() } else { plain(&self.caption) + "\n" };
        for row in std::iter::once(&self.header).chain(&rows) {
            let pad = |(column, cell): (usize, &String)| match self.is_numeric(column) {
                true => format!("{cell:>width$}", width = widths[column]),
                false => format!("{cell:<width$}", width = widths[column]),
            };
            let cells: Vec<String> = row.iter().enumerate().map(pad).collect();
            text += &format!("{}\n", cells.join("  ").trim_end());
        }
        for (idx, note) in notes.iter().enumerate() {
            text += &format!("({}) {}\n", note_letter(idx), plain(note));
        }
        text
    }

    /// Number of columns, those without a name included.
    pub(crate) fn n_columns(&self) -> usize {
        self.rows.iter().map(Vec::len).chain([self.header.len()]).max().unwrap_or(0)
    }

    /// Whether the numbers of a column end flush right, and its name with them.
    pub(crate) fn is_numeric(&self, column: usize) -> bool {
        self.rows.iter().filter_map(|row| row.get(column)).any(|cell| matches!(cell.value, Value::Number { .. }))
    }

    /// Whether a cell of a column has bounds.
    pub(crate) fn has_intervals(&self, column: usize) -> bool {
        self.rows.iter().filter_map(|row| row.get(column)).any(|cell| cell.interval.is_some())
    }

    /// The notes of all cells in the order of reading, each once.
    pub(crate) fn notes(&self) -> Vec<&str> {
        let mut notes: Vec<&str> = Vec::new();
        for note in self.rows.iter().flatten().flat_map(|cell| cell.notes.iter().map(String::as_str)) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }
}

/// What a cell shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A number with its decimals.
    Number {
        /// The number.
        value: f64,
        /// Digits after the point.
        decimals: usize,
    },
    /// A dash: there is no such number.
    Missing,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it shows.
    pub value: Value,
    /// Bounds of the value, with its decimals.
    pub interval: Option<(f64, f64)>,
    /// What a reader should know, as footnotes of the table, with `**bold**` and `` `code` ``.
    pub notes: Vec<String>,
    /// Whether it stands out.
    pub emphasised: bool,
    /// Whether numbers above 0 have a plus, as differences do.
    pub signed: bool,
}

impl Cell {
    /// Words, in plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { value: Value::Text(text.into()), interval: None, notes: Vec::new(), emphasised: false, signed: false }
    }

    /// A number with so many digits after the point.
    pub fn number(value: f64, decimals: usize) -> Self {
        Self { value: Value::Number { value, decimals }, ..Self::text("") }
    }

    /// A number of things.
    pub fn count(count: usize) -> Self {
        Self::number(count as f64, 0)
    }

    /// A dash in place of a number, and why there is none; an empty reason leaves no note.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self { value: Value::Missing, ..Self::text("") }.note(reason)
    }

    /// Bounds of the value.
    #[must_use]
    pub fn interval(mut self, low: f64, high: f64) -> Self {
        self.interval = Some((low, high));
        self
    }

    /// Adds a footnote; an empty one is none.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        self.notes([note])
    }

    /// Adds footnotes; empty ones are none.
    #[must_use]
    pub fn notes<S: Into<String>>(mut self, notes: impl IntoIterator<Item = S>) -> Self {
        self.notes.extend(notes.into_iter().map(Into::into).filter(|note| !note.is_empty()));
        self
    }

    /// The places of its notes among those of its table.
    pub(crate) fn marks(&self, notes: &[&str]) -> impl Iterator<Item = usize> {
        self.notes.iter().filter_map(|note| notes.iter().position(|known| known == note))
    }

    /// Makes it stand out.
    #[must_use]
    pub fn emphasised(mut self) -> Self {
        self.emphasised = true;
        self
    }

    /// Puts a plus before numbers above 0: for differences.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Value and interval as they are printed.
    pub fn shown(&self) -> String {
        let interval = self.shown_interval();
        if interval.is_empty() { self.shown_value() } else { format!("{} {interval}", self.shown_value()) }
    }

    pub(crate) fn shown_value(&self) -> String {
        match &self.value {
            Value::Text(text) => text.clone(),
            Value::Number { value, decimals } => self.digits(*value, *decimals),
            Value::Missing => "–".to_owned(),
        }
    }

    /// `[low, high]`, or nothing.
    pub(crate) fn shown_interval(&self) -> String {
        let decimals = self.decimals();
        self.interval.map_or(String::new(), |(low, high)| {
            format!("[{}, {}]", self.digits(low, decimals), self.digits(high, decimals))
        })
    }

    /// Value and interval for a terminal.
    fn in_terminal(&self) -> String {
        let bounds = |(low, high): (f64, f64)| {
            // A dash beside a sign is hard to read.
            let between = if low < 0.0 || high < 0.0 || self.signed { " to " } else { "–" };
            // Rounded bounds do not leave out their value.
            let fewer = self.decimals().saturating_sub(1);
            let rounded = |bound: f64| number::fixed(bound, fewer).parse().unwrap_or(bound);
            let holds = match self.value {
                Value::Number { value, .. } => {
                    rounded(low) <= value && value <= rounded(high) || !(low..=high).contains(&value)
                }
                _ => true,
            };
            let decimals = if holds { fewer } else { self.decimals() };
            format!(" ({}{between}{})", self.digits(low, decimals), self.digits(high, decimals))
        };
        self.shown_value() + &self.interval.map_or(String::new(), bounds)
    }

    fn decimals(&self) -> usize {
        if let Value::Number { decimals, .. } = self.value { decimals } else { 3 }
    }

    fn digits(&self, value: f64, decimals: usize) -> String {
        if self.signed { number::signed(value, decimals) } else { number::fixed(value, decimals) }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}
