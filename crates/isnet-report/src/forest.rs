//! Values with their intervals.

use crate::Axis;

/// A dot and an interval per row, over one axis.
///
/// # Example
/// ```
/// # use isnet_report::{Axis, Estimate, Forest};
/// let forest = Forest::new("AUC on the split `test`", Axis::new("AUC").range(0.5, 1.0))
///     .reference(0.5, "chance")
///     .row(Estimate::new("hospital_a", 0.83).interval(0.74, 0.90).n(120))
///     .row(Estimate::new("hospital_b", 0.61).interval(0.42, 0.78).n(18));
/// assert_eq!(forest.rows[1].shown(forest.decimals), "0.610 [0.420, 0.780]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    /// What is shown, in plain text.
    pub title: String,
    /// Words below it, with `**bold**` and `` `code` ``; may be empty.
    pub caption: String,
    /// The axis of all rows; without a range, that of the values.
    pub axis: Axis,
    /// A light line at a value, and its name.
    pub reference: Option<(f64, String)>,
    /// Digits after the point of the printed numbers.
    pub decimals: usize,
    /// The rows.
    pub rows: Vec<Estimate>,
}

/// A value with its interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// What it is of, in plain text.
    pub name: String,
    /// The value; `None` shows as a dash.
    pub value: Option<f64>,
    /// Its bounds.
    pub interval: Option<(f64, f64)>,
    /// Number of samples it is made of.
    pub n: Option<usize>,
    /// What the value is the mean of, such as its trainings: small dots below it; may be empty.
    pub points: Vec<f64>,
    /// Whether it stands out.
    pub emphasised: bool,
}

impl Forest {
    /// A plot without rows, of three digits after the point.
    pub fn new(title: impl Into<String>, axis: Axis) -> Self {
        let (caption, rows) = (String::new(), Vec::new());
        Self { title: title.into(), caption, axis, reference: None, decimals: 3, rows }
    }

    /// The words below it.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// A light line at a value.
    #[must_use]
    pub fn reference(mut self, value: f64, name: impl Into<String>) -> Self {
        self.reference = Some((value, name.into()));
        self
    }

    /// Digits after the point of the printed numbers.
    #[must_use]
    pub fn decimals(mut self, decimals: usize) -> Self {
        self.decimals = decimals;
        self
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, row: Estimate) -> Self {
        self.rows.push(row);
        self
    }
}

impl Estimate {
    /// A value without an interval.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { value: Some(value), ..Self::missing(name) }
    }

    /// A row without a value.
    pub fn missing(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The bounds of the value.
    #[must_use]
    pub fn interval(mut self, low: f64, high: f64) -> Self {
        self.interval = Some((low, high));
        self
    }

    /// The number of samples.
    #[must_use]
    pub fn n(mut self, n: usize) -> Self {
        self.n = Some(n);
        self
    }

    /// What the value is the mean of.
    #[must_use]
    pub fn points(mut self, points: impl IntoIterator<Item = f64>) -> Self {
        self.points = points.into_iter().collect();
        self
    }

    /// Makes it stand out.
    #[must_use]
    pub fn emphasised(mut self) -> Self {
        self.emphasised = true;
        self
    }

    /// Value and interval as they are printed.
    pub fn shown(&self, decimals: usize) -> String {
        let Some(value) = self.value else { return "–".to_owned() };
        let cell = crate::Cell::number(value, decimals);
        self.interval.map_or(cell.clone(), |(low, high)| cell.interval(low, high)).shown()
    }
}
