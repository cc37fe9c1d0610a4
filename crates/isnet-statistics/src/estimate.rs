//! A number with its interval, or why there is none.

use serde::Serialize;

use crate::Interval;

/// A number with its interval, or why there is none.
///
/// # Example
/// ```
/// # use isnet_statistics::{Estimate, wilson};
/// let sensitivity = Estimate { interval: wilson(9, 10, 0.95), ..Estimate::of(0.9) };
/// assert!(sensitivity.interval.unwrap().contains(0.9));
/// let ppv = Estimate::undefined("no sample is called positive");
/// assert_eq!((ppv.value, ppv.note.as_deref()), (None, Some("no sample is called positive")));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The number; `None` if it is not defined, then `note` says why.
    pub value: Option<f64>,
    /// Its interval; `None` if it has none, then `note` says why.
    pub interval: Option<Interval>,
    /// Of a proportion of samples in groups: how many times the variance of independent samples its variance is.
    pub design_effect: Option<f64>,
    /// What a reader should know of it.
    pub note: Option<String>,
}

impl Estimate {
    /// A number, as yet without an interval.
    pub fn of(value: f64) -> Self {
        Self { value: Some(value), ..Self::default() }
    }

    /// No number.
    pub fn undefined(reason: impl Into<String>) -> Self {
        Self { note: Some(reason.into()), ..Self::default() }
    }
}
