//! An interval and how it was found.

use serde::Serialize;

/// Bounds between which a value is expected to lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// How it was found.
    pub method: IntervalMethod,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// How an interval was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Highest density of the posterior of the confusion matrix, see [`dirichlet`](crate::dirichlet) and [`hdi`](crate::hdi()).
    PosteriorHdi,
    /// AUC ± standard errors of DeLong, cut to what an AUC (or a difference of two) can be.
    Delong,
    /// The same on the scale of `ln(AUC / (1 − AUC))`: never leaves (0, 1), better for few samples.
    DelongLogit,
    /// AUC after Newcombe, for classes that DeLong cannot judge, see [`newcombe`](crate::newcombe).
    Newcombe,
    /// Percentiles of the bootstrap.
    BootstrapPercentile,
    /// Percentiles of the bootstrap, corrected for bias and acceleration.
    BootstrapBca,
    /// A proportion after Wilson, see [`wilson`](crate::wilson()); of groups, with the effective number of samples.
    Wilson,
    /// A proportion after Clopper and Pearson ("exact"), see [`clopper_pearson`](crate::clopper_pearson).
    ClopperPearson,
    /// A mean of proportions, from the bounds of each: F1 and averages over classes (method of variance estimates recovery).
    Mover,
    /// A mean over trainings on the same samples, by Student's t, see [`over_trainings`](crate::over_trainings()).
    Trainings,
    /// A proportion after Jeffreys, see [`jeffreys`](crate::jeffreys).
    Jeffreys,
    /// A ratio ± standard errors of its logarithm, such as a likelihood ratio, see [`operating_point`](crate::operating_point()).
    LogRatio,
    /// A coefficient of a regression ± standard errors, see [`agreement`](crate::agreement()).
    Wald,
    /// A probability ± standard errors of its logit, such as a predictive value, see [`operating_point`](crate::operating_point()).
    Logit,
}

impl Interval {
    /// Whether the value lies between the bounds or on one.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::{Interval, IntervalMethod};
    /// let interval = Interval { method: IntervalMethod::Delong, low: 0.5, high: 0.75 };
    /// assert!(interval.contains(0.75));
    /// assert!(!interval.contains(0.8));
    /// assert_eq!(interval.width(), 0.25);
    /// ```
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The interval cut to what the value can be.
    pub(crate) fn within(self, least: f64, most: f64) -> Self {
        Self { low: self.low.max(least), high: self.high.min(most), ..self }
    }

    /// Upper minus lower bound.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }
}
