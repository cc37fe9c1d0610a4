//! The threshold of a class, chosen on validation data by what the clinic needs.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::ranking::Ranking;
use crate::{Predictions, StatisticsError};

/// What a threshold is chosen for.
///
/// # Example
/// ```
/// # use isnet_statistics::OperatingRule;
/// assert_eq!("youden".parse::<OperatingRule>()?, OperatingRule::Youden);
/// assert_eq!("sensitivity=0.9".parse::<OperatingRule>()?, OperatingRule::Sensitivity(0.9));
/// assert_eq!(OperatingRule::Specificity(0.95).to_string(), "specificity=0.95");
/// assert!("sensitivity=90".parse::<OperatingRule>().is_err()); // a share, not per cent
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OperatingRule {
    /// The highest sensitivity + specificity − 1 (Youden's J), both sides weighing the same; of equals the lowest threshold.
    Youden,
    /// The highest threshold, hence specificity, with a sensitivity of at least this: to rule out.
    Sensitivity(f64),
    /// The lowest threshold, hence the highest sensitivity, with a specificity of at least this: to rule in.
    Specificity(f64),
}

/// A threshold and what it gave on the samples that it was chosen on; those figures flatter, score others with
/// [`operating_point`](crate::operating_point()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatingThreshold {
    /// Name of the class.
    pub class: String,
    /// Index of the class.
    pub class_idx: usize,
    /// What it was chosen for.
    pub rule: OperatingRule,
    /// Probabilities of the class from here on are called positive.
    pub threshold: f64,
    /// Share of the validation samples of the class that are called positive.
    pub sensitivity: f64,
    /// Share of the other validation samples that are not.
    pub specificity: f64,
    /// Number of validation samples of the class.
    pub n_positive: usize,
    /// Number of other validation samples.
    pub n_negative: usize,
}

/// Chooses the threshold of one class against the rest on validation samples, among the probabilities that occur there.
///
/// # Errors
/// [`StatisticsError::Setting`] if there is no such class, no validation sample on one of its sides, or no threshold that keeps
/// the rule and still tells samples apart; and what [`Predictions::check`] finds wrong.
///
/// # Example
/// ```
/// # use isnet_statistics::{OperatingRule, Predictions, Task, choose_operating_threshold};
/// let mut validation = Predictions::new(["ill"], Task::Multi);
/// for (probability, labels) in [(0.1, &[][..]), (0.4, &[]), (0.35, &[0]), (0.8, &[0])] {
///     validation.push("x.png", "web", "val", labels, &[probability]);
/// }
/// let chosen = choose_operating_threshold(&validation, 0, OperatingRule::Sensitivity(0.9))?;
/// assert_eq!((chosen.threshold, chosen.sensitivity, chosen.specificity), (0.35, 1.0, 0.5));
/// let chosen = choose_operating_threshold(&validation, 0, OperatingRule::Specificity(0.9))?;
/// assert_eq!((chosen.threshold, chosen.sensitivity, chosen.specificity), (0.8, 0.5, 1.0));
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn choose_operating_threshold(
    validation: &Predictions,
    class_idx: usize,
    rule: OperatingRule,
) -> Result<OperatingThreshold, StatisticsError> {
    validation.check()?;
    validation.check_labels()?;
    let class = class_name(validation, class_idx)?;
    let (scores, is_positive) = one_vs_rest(validation, class_idx);
    let n_positive = is_positive.iter().filter(|is_positive| **is_positive).count();
    let n_negative = is_positive.len() - n_positive;
    if n_positive == 0 || n_negative == 0 {
        let what = format!("{n_positive} of class `{class}` and {n_negative} others");
        return refused(rule, "chosen on validation samples of both sides; validate on images of both", &what);
    }
    let candidates = candidates(&scores, &is_positive);
    let Some(chosen) = choose(&candidates, rule) else {
        let best = candidates.iter().map(Candidate::youden).fold(0.0, f64::max);
        let what = format!(
            "on {n_positive} validation samples of class `{class}` and {n_negative} others, whose highest sensitivity + \
             specificity − 1 is {best:.3}"
        );
        return refused(rule, "kept by a threshold that tells samples apart; ask for less, or validate on more", &what);
    };
    let Candidate { threshold, sensitivity, specificity } = *chosen;
    Ok(OperatingThreshold { class, class_idx, rule, threshold, sensitivity, specificity, n_positive, n_negative })
}

/// A threshold and what it gives.
struct Candidate {
    threshold: f64,
    sensitivity: f64,
    specificity: f64,
}

impl Candidate {
    fn youden(&self) -> f64 {
        self.sensitivity + self.specificity - 1.0
    }
}

/// Every probability that occurs, from the highest to the lowest.
fn candidates(scores: &[f64], is_positive: &[bool]) -> Vec<Candidate> {
    let ranking = Ranking::new(scores, is_positive).expect("the probabilities were checked to be finite");
    let (n_negative, n_positive) = ranking.sides();
    let (mut wrong, mut right) = (0, 0);
    let mut candidates = Vec::new();
    for tied in ranking.tied() {
        let (negative, positive) = tied.sides();
        wrong += negative;
        right += positive;
        candidates.extend(tied.samples().next().map(|(sample, _)| Candidate {
            threshold: scores[sample],
            sensitivity: right as f64 / n_positive as f64,
            specificity: (n_negative - wrong) as f64 / n_negative as f64,
        }));
    }
    candidates
}

/// To call all positive, or nothing right, keeps many a rule and is no choice.
fn choose(candidates: &[Candidate], rule: OperatingRule) -> Option<&Candidate> {
    let mut telling = candidates.iter().filter(|candidate| candidate.sensitivity > 0.0 && candidate.specificity > 0.0);
    match rule {
        // Rounding must not prefer the earlier of two equals.
        OperatingRule::Youden => telling
            .filter(|candidate| candidate.youden() > 1e-12)
            .reduce(|best, next| if next.youden() >= best.youden() - 1e-12 { next } else { best }),
        OperatingRule::Sensitivity(least) => telling.find(|candidate| candidate.sensitivity >= least),
        OperatingRule::Specificity(least) => telling.rfind(|candidate| candidate.specificity >= least),
    }
}

/// The probabilities of a class and which samples are of it.
pub(crate) fn one_vs_rest(predictions: &Predictions, class_idx: usize) -> (Vec<f64>, Vec<bool>) {
    let scores = predictions.probabilities.iter().map(|row| row[class_idx]).collect();
    (scores, predictions.labels.iter().map(|labels| labels.contains(&class_idx)).collect())
}

/// The name of a class that must be there.
pub(crate) fn class_name(predictions: &Predictions, class_idx: usize) -> Result<String, StatisticsError> {
    predictions.classes.get(class_idx).cloned().ok_or_else(|| StatisticsError::Setting {
        setting: "class_idx",
        expected: format!("below the number of classes, {}", predictions.classes.len()),
        got: class_idx.to_string(),
    })
}

fn refused<T>(rule: OperatingRule, expected: &str, what: &str) -> Result<T, StatisticsError> {
    Err(StatisticsError::Setting {
        setting: "operating rule",
        expected: expected.to_owned(),
        got: format!("`{rule}`, {what}"),
    })
}

impl fmt::Display for OperatingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Youden => write!(f, "youden"),
            Self::Sensitivity(least) => write!(f, "sensitivity={least}"),
            Self::Specificity(least) => write!(f, "specificity={least}"),
        }
    }
}

impl FromStr for OperatingRule {
    type Err = StatisticsError;

    fn from_str(text: &str) -> Result<Self, StatisticsError> {
        let wrong = || StatisticsError::Setting {
            setting: "operating rule",
            expected:
                "`youden`, `sensitivity=x` or `specificity=x` with x above 0 and at most 1, such as `sensitivity=0.9`"
                    .to_owned(),
            got: format!("`{text}`"),
        };
        if text == "youden" {
            return Ok(Self::Youden);
        }
        let (name, least) = text.split_once('=').ok_or_else(wrong)?;
        let least: f64 = least.parse().map_err(|_| wrong())?;
        match name {
            _ if !(least > 0.0 && least <= 1.0) => Err(wrong()),
            "sensitivity" => Ok(Self::Sensitivity(least)),
            "specificity" => Ok(Self::Specificity(least)),
            _ => Err(wrong()),
        }
    }
}

impl Serialize for OperatingRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;

    fn validation(samples: &[(f64, bool)]) -> Predictions {
        let mut predictions = Predictions::new(["ill"], Task::Multi);
        for (probability, is_ill) in samples {
            predictions.push("x.png", "web", "val", if *is_ill { &[0] } else { &[] }, &[*probability]);
        }
        predictions
    }

    /// From 0.6 on J is 1/2 + 1 − 1, from 0.2 on 1 + 1/2 − 1: the lower one misses nobody.
    #[test]
    fn of_two_equal_youden_indices_the_lower_threshold_is_taken() {
        let samples = validation(&[(0.9, true), (0.4, false), (0.2, true), (0.1, false)]);
        let chosen = choose_operating_threshold(&samples, 0, OperatingRule::Youden).unwrap();
        assert_eq!((chosen.threshold, chosen.sensitivity, chosen.specificity), (0.2, 1.0, 0.5));
    }

    /// On the straight part of the curve between 0.9 and 0.6 a share of 2 of 3 lies at 0.7, which is no corner.
    #[test]
    fn a_wished_share_is_met_between_corners_too() {
        let samples = validation(&[(0.9, true), (0.7, true), (0.6, true), (0.5, false), (0.4, false)]);
        let chosen = choose_operating_threshold(&samples, 0, OperatingRule::Sensitivity(0.6)).unwrap();
        assert_eq!((chosen.threshold, chosen.sensitivity), (0.7, 2.0 / 3.0));
    }

    #[test]
    fn tied_samples_are_called_together() {
        let samples = validation(&[(0.5, true), (0.5, false), (0.5, true), (0.1, false)]);
        let chosen = choose_operating_threshold(&samples, 0, OperatingRule::Sensitivity(0.5)).unwrap();
        assert_eq!((chosen.threshold, chosen.sensitivity, chosen.specificity), (0.5, 1.0, 0.5));
    }

    #[test]
    fn a_rule_that_validation_cannot_keep_is_refused() {
        let useless = validation(&[(0.5, true), (0.5, false)]);
        let reversed = validation(&[(0.1, true), (0.9, false)]);
        for (samples, rule) in [
            (&useless, OperatingRule::Youden),
            (&useless, OperatingRule::Sensitivity(0.9)), // only by calling all positive
            (&useless, OperatingRule::Specificity(0.5)), // only by calling none positive
            (&reversed, OperatingRule::Youden),
        ] {
            let message = choose_operating_threshold(samples, 0, rule).unwrap_err().to_string();
            assert!(message.contains("tells samples apart") && message.contains(&rule.to_string()), "{message}");
        }
        let one_side = choose_operating_threshold(&validation(&[(0.5, true)]), 0, OperatingRule::Youden);
        assert!(one_side.unwrap_err().to_string().contains("1 of class `ill` and 0 others"));
        assert!(choose_operating_threshold(&useless, 1, OperatingRule::Youden).is_err());
    }

    #[test]
    fn rules_are_read_as_they_are_written() {
        for text in ["youden", "sensitivity=0.9", "specificity=1"] {
            assert_eq!(text.parse::<OperatingRule>().unwrap().to_string(), text);
        }
        for text in ["", "Youden", "sensitivity", "sensitivity=0", "specificity=1.1", "recall=0.5", "sensitivity=NaN"] {
            assert!(text.parse::<OperatingRule>().is_err(), "{text}");
        }
    }
}
