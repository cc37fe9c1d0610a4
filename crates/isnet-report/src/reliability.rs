//! Reliability diagrams.

/// Predicted probabilities in bins against what came true, with the number of samples in each bin.
///
/// # Example
/// ```
/// # use isnet_report::{Bin, Reliability};
/// let diagram = Reliability::new("Calibration")
///     .bin(Bin { low: 0.0, high: 0.5, n: 2, mean: Some(0.25), share: Some(0.5), interval: Some((0.09, 0.91)) })
///     .bin(Bin { low: 0.5, high: 1.0, n: 0, mean: None, share: None, interval: None });
/// assert_eq!(diagram.bins.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reliability {
    /// What is shown, in plain text.
    pub title: String,
    /// Words below it, with `**bold**` and `` `code` ``; may be empty.
    pub caption: String,
    /// The bins, from 0 to 1.
    pub bins: Vec<Bin>,
}

/// Samples whose probabilities lie in one range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Number of samples.
    pub n: u64,
    /// Their mean probability; `None` in an empty bin.
    pub mean: Option<f64>,
    /// Share of them that came true; `None` in an empty bin.
    pub share: Option<f64>,
    /// Bounds of that share.
    pub interval: Option<(f64, f64)>,
}

impl Reliability {
    /// A diagram without bins.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The words below it.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a bin.
    #[must_use]
    pub fn bin(mut self, bin: Bin) -> Self {
        self.bins.push(bin);
        self
    }
}
