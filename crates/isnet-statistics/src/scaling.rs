//! Probabilities that mean what they say, learnt on validation samples.
//!
//! | scaling | a probability becomes | of | decisions |
//! |---|---|---|---|
//! | temperature `T` | `softmax(logits / T)`, hence `p_k^(1/T) / Σ_j p_j^(1/T)`; of a label by itself `σ(logit p / T)` | any task | single-label: as before |
//! | Platt | `σ(slope · logit p + intercept)` for each label; of two classes for the second | labels, and two classes | may change |
//!
//! Both minimise the negative log-likelihood of the validation samples, Platt's with his smoothed targets `(N₊ + 1)/(N₊ + 2)` and
//! `1/(N₋ + 2)`. Neither moves a ranking, so that no AUC changes, but for the classes of a single-label task with three or more.
//!
//! Sources: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; Platt, "Probabilistic Outputs for Support Vector
//! Machines", Advances in Large Margin Classifiers (1999).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::logistic::{Regression, expit};
use crate::{Predictions, StatisticsError, Task};

/// Fewer validation samples teach nothing.
const LEAST_SAMPLES: usize = 20;
/// Temperatures beyond these mean that no finite one is best.
const COLDEST: f64 = 1e-2;
const HOTTEST: f64 = 1e2;
/// Probabilities are kept from 0 and 1 by this, as a float of 32 bits keeps them.
pub(crate) const LEAST: f64 = 1e-7;

/// How probabilities are scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "method", deny_unknown_fields)]
pub enum Scaling {
    /// One temperature for all classes.
    Temperature {
        /// Above 1 makes probabilities less sure.
        temperature: f64,
    },
    /// Slope and intercept of each label; of two classes, those of the second.
    Platt {
        /// What the logits are multiplied by, above 0.
        slopes: Vec<f64>,
        /// What is added to them.
        intercepts: Vec<f64>,
    },
}

impl Scaling {
    /// The temperature that makes the validation samples likeliest.
    ///
    /// # Errors
    /// [`StatisticsError::Setting`] with fewer than 20 samples or without a finite temperature: where all samples are right, ever colder
    /// ones are better, and where the model is no better than a guess, ever hotter ones. And what [`Predictions::check`] finds wrong.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::{Predictions, Scaling, Task};
    /// let mut validation = Predictions::new(["healthy", "ill"], Task::Single);
    /// for sample in 0..40 {
    ///     // Sure to 90 %, but right in three of four.
    ///     validation.push("x.png", "web", "val", &[usize::from(sample % 4 > 0)], &[0.1, 0.9]);
    /// }
    /// let Scaling::Temperature { temperature } = Scaling::temperature(&validation)? else { unreachable!() };
    /// assert!((temperature - 2.0).abs() < 1e-9); // logit 0.9 = ln 9 = 2·ln 3 = 2·logit 0.75
    /// assert_eq!(Scaling::Temperature { temperature: 2.0 }.scaled(&[0.1, 0.9], Task::Single), [0.25, 0.75]);
    /// # Ok::<(), isnet_statistics::StatisticsError>(())
    /// ```
    pub fn temperature(validation: &Predictions) -> Result<Self, StatisticsError> {
        let logits = enough(validation)?;
        // The slope of the log-likelihood in 1/T falls from there to here.
        let slope = |inverse: f64| -> f64 {
            logits.iter().zip(&validation.labels).map(|(row, labels)| gain(row, labels, inverse, validation.task)).sum()
        };
        if slope(1.0 / HOTTEST) <= 0.0 {
            return unfit(
                "that of a model that is better than a guess",
                "no better than a guess on the validation samples",
            );
        }
        if slope(1.0 / COLDEST) >= 0.0 {
            return unfit(
                "that of a model that is sometimes wrong; validate on more or harder images",
                "always right on the validation samples, so that colder is always better",
            );
        }
        let (mut hot, mut cold) = (1.0 / HOTTEST, 1.0 / COLDEST);
        while cold - hot > 1e-13 * cold {
            let middle = (hot * cold).sqrt();
            if middle <= hot || middle >= cold {
                break;
            }
            *(if slope(middle) > 0.0 { &mut hot } else { &mut cold }) = middle;
        }
        Ok(Self::Temperature { temperature: 1.0 / f64::midpoint(hot, cold) })
    }

    /// Slope and intercept of each label that make the validation samples likeliest.
    ///
    /// # Errors
    /// [`StatisticsError::Setting`] with fewer than 20 samples, for a single-label task of more than two classes, for a label without samples on one
    /// of its sides, and where more sure is not more true. And what [`Predictions::check`] finds wrong.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::{Predictions, Scaling, Task};
    /// let mut validation = Predictions::new(["ill"], Task::Multi);
    /// for sample in 0..400 {
    ///     let (says, share) = if sample < 200 { (0.5, 1) } else { (0.9, 3) }; // true of a quarter, and of three quarters
    ///     let labels: &[usize] = if sample % 4 < share { &[0] } else { &[] };
    ///     validation.push("x.png", "web", "val", labels, &[says]);
    /// }
    /// let scaling = Scaling::platt(&validation)?;
    /// let scaled = [0.5, 0.9].map(|p| scaling.scaled(&[p], Task::Multi)[0]);
    /// assert!((scaled[0] - 0.25).abs() < 0.01 && (scaled[1] - 0.75).abs() < 0.01);
    /// # Ok::<(), isnet_statistics::StatisticsError>(())
    /// ```
    pub fn platt(validation: &Predictions) -> Result<Self, StatisticsError> {
        let logits = enough(validation)?;
        let labels: Vec<usize> = match (validation.task, validation.classes.len()) {
            (Task::Multi, n) => (0..n).collect(),
            (Task::Single, 2) => vec![1],
            (Task::Single, n) => {
                return Err(StatisticsError::Setting {
                    setting: "method",
                    expected:
                        "`temperature` for one of more than two classes; Platt's is for labels and for two classes"
                            .to_owned(),
                    got: format!("`platt` for {n} classes"),
                });
            }
        };
        let (mut slopes, mut intercepts) = (Vec::new(), Vec::new());
        for label in labels {
            let [slope, intercept] = platt(validation, &logits, label)?;
            slopes.push(slope);
            intercepts.push(intercept);
        }
        Ok(Self::Platt { slopes, intercepts })
    }

    /// Whether it is one of a model with so many classes: what a file says may be anything.
    ///
    /// # Errors
    /// [`StatisticsError::Setting`] for numbers that are not finite, a temperature or slope that is not above 0, or another number of labels.
    pub fn check(&self, n_classes: usize, task: Task) -> Result<(), StatisticsError> {
        let is_positive = |value: &f64| *value > 0.0 && value.is_finite();
        let is_good = match self {
            Self::Temperature { temperature } => is_positive(temperature),
            Self::Platt { slopes, intercepts } => {
                let n = if task == Task::Multi { n_classes } else { 1 };
                (task == Task::Multi || n_classes == 2)
                    && (slopes.len(), intercepts.len()) == (n, n)
                    && slopes.iter().all(is_positive)
                    && intercepts.iter().all(|value| value.is_finite())
            }
        };
        if is_good {
            return Ok(());
        }
        unfit(
            &format!(
                "one of {n_classes} classes, with a temperature or slopes above 0; learn it with `isnet calibrate`"
            ),
            &format!("`{self}`"),
        )
    }

    /// The scaled probabilities of a sample.
    ///
    /// # Panics
    /// If the number of probabilities is not that of the model that it was learnt for.
    pub fn scaled(&self, probabilities: &[f64], task: Task) -> Vec<f64> {
        match (self, task) {
            (Self::Temperature { temperature }, Task::Single) => {
                let powers: Vec<f64> = probabilities.iter().map(|p| p.max(0.0).powf(1.0 / temperature)).collect();
                let sum: f64 = powers.iter().sum();
                powers.iter().map(|power| power / sum).collect()
            }
            (Self::Temperature { temperature }, Task::Multi) => {
                probabilities.iter().map(|p| through(*p, 1.0 / temperature, 0.0)).collect()
            }
            (Self::Platt { slopes, intercepts }, Task::Multi) => {
                assert_eq!(probabilities.len(), slopes.len(), "a scaling of other labels");
                let pairs = slopes.iter().zip(intercepts);
                probabilities.iter().zip(pairs).map(|(p, (slope, intercept))| through(*p, *slope, *intercept)).collect()
            }
            (Self::Platt { slopes, intercepts }, Task::Single) => {
                assert!(probabilities.len() == 2 && slopes.len() == 1, "a scaling of other classes");
                let second = through(probabilities[1], slopes[0], intercepts[0]);
                vec![1.0 - second, second]
            }
        }
    }

    /// Predictions with scaled probabilities, and with thresholds that were chosen on unscaled ones scaled too. Decisions that a table
    /// brought along stay.
    ///
    /// # Panics
    /// As [`Scaling::scaled`].
    #[must_use]
    pub fn applied(&self, predictions: &Predictions) -> Predictions {
        let mut scaled = predictions.clone();
        for row in &mut scaled.probabilities {
            *row = self.scaled(row, predictions.task);
        }
        if predictions.task == Task::Multi {
            // A threshold above 1, which nothing reaches, stays one.
            let mapped = self.scaled(&predictions.thresholds, Task::Multi);
            let both = predictions.thresholds.iter().zip(mapped);
            scaled.thresholds = both.map(|(was, mapped)| if *was > 1.0 { *was } else { mapped }).collect();
        }
        scaled
    }
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temperature { temperature } => write!(f, "temperature {temperature:.3}"),
            Self::Platt { slopes, intercepts } => {
                let each: Vec<String> = slopes
                    .iter()
                    .zip(intercepts)
                    .map(|(slope, intercept)| format!("{slope:.3}·logit {intercept:+.3}"))
                    .collect();
                write!(f, "Platt, {}", each.join(", "))
            }
        }
    }
}

/// `σ(slope · logit p + intercept)`; 0 and 1 stay.
fn through(p: f64, slope: f64, intercept: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 { p.clamp(0.0, 1.0) } else { expit(slope * (p / (1.0 - p)).ln() + intercept) }
}

/// `d/dβ` of the log-likelihood of a sample whose logits are multiplied by `β`.
fn gain(logits: &[f64], labels: &[usize], inverse: f64, task: Task) -> f64 {
    match task {
        Task::Single => {
            let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = logits.iter().map(|logit| (inverse * (logit - most)).exp()).collect();
            let mean = weights.iter().zip(logits).map(|(weight, logit)| weight * logit).sum::<f64>();
            logits[labels[0]] - mean / weights.iter().sum::<f64>()
        }
        Task::Multi => {
            let of = |(label, logit): (usize, &f64)| {
                (f64::from(u8::from(labels.contains(&label))) - expit(inverse * logit)) * logit
            };
            logits.iter().enumerate().map(of).sum()
        }
    }
}

/// Logits up to a constant: logarithms of the probabilities of classes, logits of those of labels.
fn enough(validation: &Predictions) -> Result<Vec<Vec<f64>>, StatisticsError> {
    validation.check()?;
    validation.check_labels()?;
    if validation.len() < LEAST_SAMPLES {
        return Err(StatisticsError::Setting {
            setting: "validation",
            expected: format!("at least {LEAST_SAMPLES} samples, since a scaling learns from them"),
            got: validation.len().to_string(),
        });
    }
    let logit = |p: &f64| match validation.task {
        // The smallest float of 32 bits above 0.
        Task::Single => p.max(f64::from(f32::from_bits(1))).ln(),
        Task::Multi => logit(*p),
    };
    Ok(validation.probabilities.iter().map(|row| row.iter().map(logit).collect()).collect())
}

pub(crate) fn logit(p: f64) -> f64 {
    let p = p.clamp(LEAST, 1.0 - LEAST);
    (p / (1.0 - p)).ln()
}

fn platt(validation: &Predictions, logits: &[Vec<f64>], label: usize) -> Result<[f64; 2], StatisticsError> {
    let name = &validation.classes[label];
    let is_true: Vec<bool> = validation.labels.iter().map(|labels| labels.contains(&label)).collect();
    let n_true = is_true.iter().filter(|is_true| **is_true).count() as f64;
    let n_false = is_true.len() as f64 - n_true;
    if n_true == 0.0 || n_false == 0.0 {
        return unfit(
            "that of labels with samples of both sides; validate on images with and without each",
            &format!("of `{name}`, with {n_true} samples of it and {n_false} others"),
        );
    }
    let of_class = |row: &Vec<f64>| match validation.task {
        Task::Single => (row[1] - row[0]).clamp(-20.0, 20.0),
        Task::Multi => row[label],
    };
    let x: Vec<Vec<f64>> = logits.iter().map(|row| vec![of_class(row), 1.0]).collect();
    let (high, low) = ((n_true + 1.0) / (n_true + 2.0), 1.0 / (n_false + 2.0));
    let target: Vec<f64> = is_true.iter().map(|is_true| if *is_true { high } else { low }).collect();
    let offset = vec![0.0; target.len()];
    let fit = Regression { x: &x, offset: &offset, target: &target }.fit(None);
    match fit.map(|fit| [fit.coefficients[0], fit.coefficients[1]]) {
        Some([slope, intercept]) if slope > 0.0 => Ok([slope, intercept]),
        Some([slope, _]) => unfit(
            "that of a label whose probabilities rise with the truth",
            &format!("of `{name}`, whose slope is {slope:.3}: the surer the model, the rarer it is right"),
        ),
        None => unfit(
            "that of a label with a finite fit; validate on more images",
            &format!("of `{name}`, whose probabilities are all equal or separate it"),
        ),
    }
}

fn unfit<T>(expected: &str, got: &str) -> Result<T, StatisticsError> {
    Err(StatisticsError::setting("scaling", expected, got))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multi(samples: &[(f64, bool)]) -> Predictions {
        let mut predictions = Predictions::new(["ill"], Task::Multi);
        for (probability, is_ill) in samples {
            predictions.push("x.png", "web", "val", if *is_ill { &[0] } else { &[] }, &[*probability]);
        }
        predictions
    }

    #[test]
    fn what_cannot_be_learnt_says_why() {
        let message = |samples: Vec<(f64, bool)>| {
            let predictions = multi(&samples);
            [Scaling::temperature(&predictions), Scaling::platt(&predictions)].map(|it| it.unwrap_err().to_string())
        };
        let few = message(vec![(0.5, true); 3]);
        assert!(few.iter().all(|it| it.contains("at least 20 samples")), "{few:?}");
        let right = multi(&(0..40).map(|it| (0.1 + 0.8 * f64::from(it % 2), it % 2 == 1)).collect::<Vec<_>>());
        assert!(Scaling::temperature(&right).unwrap_err().to_string().contains("always right"));
        assert!(Scaling::platt(&right).is_ok()); // smoothed targets keep it finite
        let reversed = message((0..40).map(|it| (0.1 + 0.8 * f64::from(it % 2), it % 4 == 0 || it % 8 == 1)).collect());
        assert!(reversed[0].contains("no better than a guess") && reversed[1].contains("rarer"), "{reversed:?}");
        let one = multi(&(0..40).map(|it| (0.4 + 0.01 * f64::from(it), true)).collect::<Vec<_>>());
        assert!(Scaling::platt(&one).unwrap_err().to_string().contains("0 others"));
        let mut three = Predictions::new(["a", "b", "c"], Task::Single);
        (0..30).for_each(|it| three.push("x", "web", "val", &[it % 3], &[0.3, 0.3, 0.4]));
        assert!(Scaling::platt(&three).unwrap_err().to_string().contains("`temperature`"));
    }

    #[test]
    fn decisions_at_scaled_thresholds_are_those_of_before() {
        let mut predictions = multi(&[(0.2, false), (0.35, true), (0.7, true)]);
        predictions.thresholds = vec![0.3];
        let scaling = Scaling::Platt { slopes: vec![0.5], intercepts: vec![-1.0] };
        let scaled = scaling.applied(&predictions);
        for sample in 0..3 {
            assert_eq!(scaled.predicted(sample), predictions.predicted(sample));
        }
        let edge = scaling.scaled(&[0.0], Task::Multi)[0];
        assert_eq!((edge, scaling.scaled(&[1.0], Task::Multi)[0]), (0.0, 1.0));
    }

    #[test]
    fn what_a_file_says_is_checked() {
        let platt = |slopes: &[f64], intercepts: &[f64]| Scaling::Platt {
            slopes: slopes.to_vec(),
            intercepts: intercepts.to_vec(),
        };
        assert!(Scaling::Temperature { temperature: 2.0 }.check(3, Task::Single).is_ok());
        assert!(platt(&[1.0], &[0.0]).check(2, Task::Single).is_ok());
        for (scaling, n_classes, task) in [
            (Scaling::Temperature { temperature: 0.0 }, 3, Task::Single),
            (Scaling::Temperature { temperature: f64::NAN }, 3, Task::Single),
            (platt(&[1.0], &[0.0]), 3, Task::Single),
            (platt(&[1.0], &[0.0]), 2, Task::Multi),
            (platt(&[1.0, -1.0], &[0.0, 0.0]), 2, Task::Multi),
        ] {
            assert!(scaling.check(n_classes, task).unwrap_err().to_string().contains("isnet calibrate"), "{scaling}");
        }
        let mut predictions = multi(&[(1.0, true)]);
        predictions.thresholds = vec![1.5];
        assert_eq!(Scaling::Temperature { temperature: 2.0 }.applied(&predictions).predicted(0), [0; 0]);
    }

    #[test]
    fn a_scaling_survives_json() {
        for scaling in
            [Scaling::Temperature { temperature: 1.5 }, Scaling::Platt { slopes: vec![0.5], intercepts: vec![-1.0] }]
        {
            let text = serde_json::to_string(&scaling).unwrap();
            assert_eq!(serde_json::from_str::<Scaling>(&text).unwrap(), scaling, "{text}");
        }
    }
}
