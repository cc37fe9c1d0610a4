//! Rows and columns.

use crate::number;

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

    /// Number of columns, those without a name included.
    pub(crate) fn n_columns(&self) -> usize {
        self.rows.iter().map(Vec::len).chain([self.header.len()]).max().unwrap_or(0)
    }

    /// Whether the numbers of a column end flush right, and its name with them.
    pub(crate) fn is_numeric(&self, column: usize) -> bool {
        self.rows.iter().filter_map(|row| row.get(column)).any(|cell| matches!(cell.value, Value::Number { .. }))
    }

    /// The notes of all cells in the order of reading, each once.
    pub(crate) fn notes(&self) -> Vec<&str> {
        let mut notes: Vec<&str> = Vec::new();
        for note in self.rows.iter().flatten().filter_map(|cell| cell.note.as_deref()) {
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
    /// What a reader should know, as a footnote of the table, with `**bold**` and `` `code` ``.
    pub note: Option<String>,
    /// Whether it stands out.
    pub emphasised: bool,
}

impl Cell {
    /// Words, in plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { value: Value::Text(text.into()), interval: None, note: None, emphasised: false }
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
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into()).filter(|note| !note.is_empty());
        self
    }

    /// Makes it stand out.
    #[must_use]
    pub fn emphasised(mut self) -> Self {
        self.emphasised = true;
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
            Value::Number { value, decimals } => number::fixed(*value, *decimals),
            Value::Missing => "–".to_owned(),
        }
    }

    /// `[low, high]`, or nothing.
    pub(crate) fn shown_interval(&self) -> String {
        let decimals = if let Value::Number { decimals, .. } = self.value { decimals } else { 3 };
        self.interval.map_or(String::new(), |(low, high)| {
            format!("[{}, {}]", number::fixed(low, decimals), number::fixed(high, decimals))
        })
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
