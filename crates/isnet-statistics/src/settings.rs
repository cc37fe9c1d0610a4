//! What is asked of the statistics.

use crate::Predictions;
use crate::StatisticsError;

use crate::Primary;
use crate::error::check_confidence;
use crate::score::{Of, Score};

/// What is asked of [`summary`](crate::summary()), [`compare`](crate::compare()) and [`figures`](crate::figures()).
///
/// # Example
/// ```
/// # use isnet_statistics::{Score, Settings};
/// let settings = Settings { scores: Some(vec![Score::F1, Score::Auc]), by_class: false, ..Settings::default() };
/// assert_eq!(settings.resamples, 1000);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Share of intervals that hold the true value, in (0, 1). Default 0.95.
    pub confidence: f64,
    /// Number of bootstrap resamples; 0 = no bootstrap. Default 1000.
    pub resamples: usize,
    /// Number of draws from the posterior of the confusion matrix; 0 = no posterior. Default 10 000.
    pub posterior_draws: usize,
    /// Seed of all draws. Default 0.
    pub seed: u64,
    /// Number of bins of the calibration error, ≥ 1. Default 15.
    pub calibration_bins: usize,
    /// The scores to find. Default: all.
    pub scores: Option<Vec<Score>>,
    /// Whether classes, labels and pairs of classes have rows of their own. Default: yes.
    pub by_class: bool,
    /// Whether the sources of a split have rows of their own, where it has several. Default: yes.
    pub by_source: bool,
    /// The question that was asked beforehand; tests of others are not corrected then, and say nothing. Default: none, so that
    /// all tests are one family.
    pub primary: Option<Primary>,
    /// How much worse a model may be and still be called not inferior, > 0. Default: none.
    pub margin: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            resamples: 1000,
            posterior_draws: 10_000,
            seed: 0,
            calibration_bins: 15,
            scores: None,
            by_class: true,
            by_source: true,
            primary: None,
            margin: None,
        }
    }
}

impl Settings {
    /// Whether a row for this score is asked for.
    pub(crate) fn wants(&self, score: Score, of: Of) -> bool {
        self.wants_score(score) && (self.by_class || of == Of::All)
    }

    pub(crate) fn wants_score(&self, score: Score) -> bool {
        self.scores.as_ref().is_none_or(|scores| scores.contains(&score))
    }

    /// Checks the settings, and the predictions that they are for.
    pub(crate) fn check(&self, predictions: &Predictions) -> Result<(), StatisticsError> {
        predictions.check()?;
        predictions.check_labels()?;
        if predictions.is_empty() {
            return Err(StatisticsError::Empty);
        }
        check_confidence(self.confidence)?;
        if self.calibration_bins == 0 {
            return Err(StatisticsError::setting("calibration_bins", "at least 1, such as 15", 0));
        }
        if let Some(margin) = self.margin.filter(|margin| !(*margin > 0.0 && *margin < 1.0)) {
            return Err(StatisticsError::setting("margin", "between 0 and 1, such as 0.05", margin));
        }
        Ok(())
    }
}
