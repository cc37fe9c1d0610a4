//! What can be wrong with predictions or with what is asked of them.

use std::path::PathBuf;

/// An error of this crate; the variants hold the facts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// There is no sample, and the accuracy of nothing is not a number.
    #[error("the predictions hold no sample, so there is nothing to score; choose a split that has images")]
    Empty,

    /// Two columns of the predictions have different lengths.
    #[error("`{column}` has {got} entries for {expected} samples; every sample needs one")]
    Length {
        /// Field of [`Predictions`](crate::Predictions) that disagrees with `ids`.
        column: &'static str,
        /// Number of samples, which is the length of `ids`.
        expected: usize,
        /// Length of the column.
        got: usize,
    },

    /// A sample has more or fewer probabilities than there are classes.
    #[error(
        "sample `{id}` has {got} probabilities for {expected} classes; evaluate it with the model's own class list"
    )]
    Probabilities {
        /// Sample.
        id: String,
        /// Number of classes.
        expected: usize,
        /// Number of probabilities.
        got: usize,
    },

    /// A label is not an index into the classes.
    #[error(
        "sample `{id}` has label {label}, but there are {n_classes} classes, numbered from 0; map its label to the model's class list"
    )]
    UnknownLabel {
        /// Sample.
        id: String,
        /// The index that is out of range.
        label: usize,
        /// Number of classes.
        n_classes: usize,
    },

    /// A sample of a single-label task has no label, or several.
    #[error(
        "sample `{id}` has {got} labels in a single-label task; give it exactly one, or score the task as multi-label"
    )]
    LabelCount {
        /// Sample.
        id: String,
        /// Number of labels.
        got: usize,
    },

    /// A probability or a background share is NaN or infinite.
    #[error("{what} of sample `{id}` is not a finite number; check the model's weights and the image")]
    NonFinite {
        /// The number, such as ``the probability of `covid` ``.
        what: String,
        /// Sample.
        id: String,
    },

    /// A setting of the statistics has a value that means nothing.
    #[error("`{setting}` is {got}; it must be {expected}")]
    Setting {
        /// Field of [`Settings`](crate::Settings), or argument.
        setting: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },

    /// Two models were not evaluated on the same samples.
    #[error(
        "`{first}` and `{other}` cannot be compared: {what}; evaluate both models on the same samples with the same classes"
    )]
    Unpaired {
        /// Name of the first predictions.
        first: String,
        /// Name of those that differ.
        other: String,
        /// The first difference.
        what: String,
    },

    /// A file with predictions cannot be understood.
    #[error("predictions `{}`{}: {what}", path.display(), if *line == 0 { String::new() } else { format!(", line {line}") })]
    PredictionsFile {
        /// The file.
        path: PathBuf,
        /// Line, from 1 (the header); 0 for the file as a whole.
        line: usize,
        /// What is wrong.
        what: String,
    },

    /// The CSV writer failed.
    #[error("cannot write the predictions as csv: {0}")]
    Csv(csv::Error),

    /// A file could not be written.
    #[error(transparent)]
    Files(#[from] isnet_files::FilesError),
}

impl StatisticsError {
    /// A setting that means nothing.
    pub(crate) fn setting(setting: &'static str, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Setting { setting, expected: expected.into(), got: got.to_string() }
    }
}

/// Whether a share of intervals means something.
pub(crate) fn check_confidence(confidence: f64) -> Result<(), StatisticsError> {
    if confidence > 0.0 && confidence < 1.0 {
        return Ok(());
    }
    Err(StatisticsError::setting("confidence", "between 0 and 1, such as 0.95", confidence))
}

impl From<csv::Error> for StatisticsError {
    fn from(cause: csv::Error) -> Self {
        Self::Csv(cause)
    }
}
