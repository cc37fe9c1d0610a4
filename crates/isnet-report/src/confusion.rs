//! Confusion matrices.

/// Counts of true against predicted classes, as a table in shades of its rows' shares.
///
/// # Example
/// ```
/// # use isnet_report::Confusion;
/// let matrix = Confusion::new("Confusion", ["healthy", "ill"], vec![vec![8, 2], vec![1, 9]]);
/// assert_eq!(matrix.share(0, 1), 0.2); // 2 of 10 healthy are called ill
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confusion {
    /// What is shown, in plain text.
    pub title: String,
    /// Words below it, with `**bold**` and `` `code` ``; may be empty.
    pub caption: String,
    /// Names of the classes, in plain text.
    pub classes: Vec<String>,
    /// Counts `[true class][predicted class]`; what is missing counts as 0.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// A matrix of counts `[true class][predicted class]`.
    pub fn new<S: Into<String>>(
        title: impl Into<String>,
        classes: impl IntoIterator<Item = S>,
        counts: Vec<Vec<u64>>,
    ) -> Self {
        let classes = classes.into_iter().map(Into::into).collect();
        Self { title: title.into(), caption: String::new(), classes, counts }
    }

    /// The words below it.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Share of the samples of a class that are predicted as another; 0 for a class without samples.
    pub fn share(&self, truth: usize, predicted: usize) -> f64 {
        self.count(truth, predicted) as f64 / self.total(truth).max(1) as f64
    }

    /// Samples of a class that are predicted as another.
    pub(crate) fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts.get(truth).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// Samples of a class.
    pub(crate) fn total(&self, truth: usize) -> u64 {
        (0..self.classes.len()).map(|predicted| self.count(truth, predicted)).sum()
    }
}
