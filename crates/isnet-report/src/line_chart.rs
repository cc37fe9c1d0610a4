//! Curves.

/// One or more curves over the same axes.
///
/// Values that are not finite, and values not above 0 on a logarithmic axis, are left out: the curve is broken there, and
/// the description says how many. Any number of points will do: a long curve is drawn with the first, lowest, highest
/// and last point of each half pixel column, which looks the same.
///
/// # Example
/// ```
/// # use isnet_report::{Axis, LineChart, Series};
/// let chart = LineChart::new("ROC curves")
///     .x(Axis::new("false positive rate").range(0.0, 1.0))
///     .y(Axis::new("true positive rate").range(0.0, 1.0))
///     .diagonal()
///     .series(Series::new("ill (AUC 0.75)", [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]));
/// assert_eq!(chart.series.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineChart {
    /// What is shown, in plain text.
    pub title: String,
    /// Words below it, with `**bold**` and `` `code` ``; may be empty.
    pub caption: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves. Of more than eight only the emphasised ones have a colour and a name beside them.
    pub series: Vec<Series>,
    /// Whether a light line goes from corner to corner.
    pub diagonal: bool,
}

impl LineChart {
    /// A chart without curves.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The words below it.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// The horizontal axis.
    #[must_use]
    pub fn x(mut self, axis: Axis) -> Self {
        self.x = axis;
        self
    }

    /// The vertical axis.
    #[must_use]
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = axis;
        self
    }

    /// Adds a curve.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Draws a light line from corner to corner, on a square.
    #[must_use]
    pub fn diagonal(mut self) -> Self {
        self.diagonal = true;
        self
    }
}

/// An axis of a plot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it measures, in plain text.
    pub label: String,
    /// Its bounds; without them, those of the values.
    pub range: Option<(f64, f64)>,
    /// Whether equal steps are equal ratios.
    pub logarithmic: bool,
}

impl Axis {
    /// An axis over the range of its values.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// Its bounds. Bounds that are not finite or not in order, or not above 0 on a logarithmic axis, count as none.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// Equal steps are equal ratios.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }
}

/// How the points of a curve are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joint {
    /// By straight lines.
    #[default]
    Straight,
    /// A point's value holds until the next point.
    Step,
}

/// A curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name, in plain text.
    pub name: String,
    /// Its points, in the order in which they are joined.
    pub points: Vec<(f64, f64)>,
    /// How they are joined.
    pub joint: Joint,
    /// Bounds of the curve, as `(x, low, high)`; may be empty.
    pub band: Vec<(f64, f64, f64)>,
    /// Whether it stands out among many.
    pub emphasised: bool,
}

impl Series {
    /// A curve through points.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), ..Self::default() }
    }

    /// A point's value holds until the next point.
    #[must_use]
    pub fn steps(mut self) -> Self {
        self.joint = Joint::Step;
        self
    }

    /// Bounds of the curve, as `(x, low, high)`.
    #[must_use]
    pub fn band(mut self, band: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.band = band.into_iter().collect();
        self
    }

    /// Makes it stand out.
    #[must_use]
    pub fn emphasised(mut self) -> Self {
        self.emphasised = true;
        self
    }
}
