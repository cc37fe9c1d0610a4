//! A figure, what it was held against, and what follows.

use std::fmt;

use serde::Serialize;

use crate::estimate::Estimate;
use crate::settings::Question;

/// What follows from a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The figure keeps to its threshold.
    Passed,
    /// It does not. A failed verdict is the answer "no" of the audit.
    Failed,
    /// It does not, but it is about the data and not about the model (a trap that the model may have avoided), or it does not
    /// decide the question.
    Warning,
    /// There is no figure.
    NotAnswerable,
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// The option of the command that changes it.
    pub option: &'static str,
    /// The bound, which is still good.
    pub bound: f64,
    /// Whether the figure may be `bound` at most, or must be `bound` at least.
    pub side: Side,
}

/// On which side of a bound a figure must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Less is better.
    AtMost,
    /// More is better.
    AtLeast,
}

/// The answer to a question in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The question.
    pub question: Question,
    /// What the figure is, such as `share of relevance on the background`.
    pub figure: &'static str,
    /// The figure; `None` if the question cannot be answered.
    pub value: Option<Estimate>,
    /// What it was held against.
    pub threshold: Threshold,
    /// What follows.
    pub outcome: Outcome,
    /// Why there is no figure, and what is missing.
    pub reason: Option<String>,
    /// What a reader should know before trusting the figure.
    pub notes: Vec<String>,
}

/// Why data cannot answer a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Missing {
    /// No image has a mask.
    Masks,
    /// No mask has both foreground and background.
    UsableMasks,
    /// No image has a label.
    Labels,
    /// All images are of one class.
    Classes,
    /// All images come from one source, or no source is given.
    Sources,
    /// No image has a partner to take a background from.
    Donors,
    /// No image has room for a mark in its background.
    Room,
    /// No map has any relevance.
    Relevance,
    /// No map of the model with all weights drawn anew can be compared.
    RandomisedMaps,
    /// The model has a node that relevance cannot pass.
    Explanation {
        /// Which, and what to do.
        reason: String,
    },
    /// Too few images of the named classes or sources to learn from some and test on others.
    Images {
        /// What there are too few of.
        of: String,
        /// How many are needed.
        least: usize,
    },
}

/// An answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    /// The answer.
    Found(T),
    /// What is missing.
    NotAnswerable(Missing),
}

impl<T> Answer<T> {
    /// The answer, if there is one.
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(answer) => Some(answer),
            Self::NotAnswerable(_) => None,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Masks => {
                write!(f, "no image has a mask; fill the column `mask`, or name another with `--mask-column`")
            }
            Self::UsableMasks => {
                write!(f, "every mask is empty or covers all of its image; masks are white on the region of interest")
            }
            Self::Labels => write!(f, "no image has a label; fill the column `label`"),
            Self::Classes => write!(f, "all images are of one class; audit a split that has several"),
            Self::Sources => {
                write!(f, "all images come from one source; fill the column `source` if there are several")
            }
            Self::Donors => write!(
                f,
                "no image finds both a background of its own class and one of another; audit more images of each class"
            ),
            Self::Room => {
                write!(
                    f,
                    "no image has a label and room for a mark in its background; draw smaller marks with `--mark-size`"
                )
            }
            Self::Relevance => write!(f, "no map has any relevance; the logits do not depend on the image"),
            Self::RandomisedMaps => write!(
                f,
                "the maps of the model with all weights drawn anew have no relevance or are not finite, so there is nothing to compare with; try another `--seed`"
            ),
            Self::Explanation { reason } => write!(f, "{reason}"),
            Self::Images { of, least } => write!(f, "too few images of {of}; at least {least} of each are needed"),
        }
    }
}

impl Threshold {
    /// At most this.
    pub(crate) fn at_most(option: &'static str, bound: f64) -> Self {
        Self { option, bound, side: Side::AtMost }
    }

    /// At least this.
    pub(crate) fn at_least(option: &'static str, bound: f64) -> Self {
        Self { option, bound, side: Side::AtLeast }
    }

    /// Whether a figure keeps to it. Figures are made of probabilities in f32, so a millionth beyond the bound is on it.
    pub fn holds(&self, value: f64) -> bool {
        const ROUNDING: f64 = 1e-6;
        match self.side {
            Side::AtMost => value <= self.bound + ROUNDING,
            Side::AtLeast => value >= self.bound - ROUNDING,
        }
    }
}

impl Verdict {
    /// A figure that fails the audit when it is out of bounds.
    pub(crate) fn of(
        question: Question,
        figure: &'static str,
        value: Result<Estimate, &Missing>,
        threshold: Threshold,
    ) -> Self {
        let (outcome, value, reason) = match value {
            Ok(value) if threshold.holds(value.value) => (Outcome::Passed, Some(value), None),
            Ok(value) => (Outcome::Failed, Some(value), None),
            Err(missing) => (Outcome::NotAnswerable, None, Some(missing.to_string())),
        };
        let mut notes = Vec::new();
        if let Some(estimate) = &value {
            match &estimate.interval {
                None => notes.push(format!("{} image or group says little: no interval", estimate.n.min(1))),
                Some(interval) if interval.low <= threshold.bound && threshold.bound < interval.high => {
                    notes.push("the interval holds the threshold: more images could change the verdict".to_owned());
                }
                Some(_) => {}
            }
        }
        Self { question, figure, value, threshold, outcome, reason, notes }
    }

    /// The same figure about the data: out of bounds it warns.
    pub(crate) fn about_data(mut self) -> Self {
        if self.outcome == Outcome::Failed {
            self.outcome = Outcome::Warning;
        }
        self
    }

    /// The same figure, out of bounds for a reason that may be harmless: a failure becomes a warning. The caller notes the reason.
    pub(crate) fn undecided(self) -> Self {
        self.about_data()
    }

    /// The same figure, known to do no harm: a warning becomes a pass, and says why.
    pub(crate) fn harmless(mut self, why: &str) -> Self {
        if self.outcome == Outcome::Warning {
            self.outcome = Outcome::Passed;
            self.notes.insert(0, why.to_owned());
        }
        self
    }

    /// With a further note.
    pub(crate) fn noting(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value: Result<f64, &Missing>, threshold: Threshold) -> Outcome {
        let estimate = value.map(|value| Estimate { value, interval: None, n: 1 });
        Verdict::of(Question::Relevance, "share", estimate, threshold).outcome
    }

    #[test]
    fn a_bound_is_still_good_and_data_only_warn() {
        let (most, least) = (Threshold::at_most("--max", 0.3), Threshold::at_least("--min", 0.3));
        for (value, at_most, at_least) in [
            (0.2, Outcome::Passed, Outcome::Failed),
            (0.3, Outcome::Passed, Outcome::Passed),
            (0.4, Outcome::Failed, Outcome::Passed),
        ] {
            assert_eq!((verdict(Ok(value), most), verdict(Ok(value), least)), (at_most, at_least), "{value}");
        }
        assert_eq!(verdict(Err(&Missing::Masks), most), Outcome::NotAnswerable);
        let estimate = Estimate { value: 0.4, interval: None, n: 1 };
        let of_data = Verdict::of(Question::Readability, "auc", Ok(estimate), most).about_data();
        assert_eq!(of_data.outcome, Outcome::Warning);
    }

    #[test]
    fn a_figure_that_is_not_a_number_fails() {
        assert_eq!(verdict(Ok(f64::NAN), Threshold::at_most("--max", 0.3)), Outcome::Failed);
    }
}
