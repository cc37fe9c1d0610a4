//! What may be said of a difference: words that follow the corrected test, and nothing else.

use serde::Serialize;

use crate::score::Score;
use crate::{Interval, StatisticsError};

/// The question that a study was made for, stated before the data are seen: one score on one split.
///
/// Then Holm's correction runs over the tests of this question alone, one for each model; all others are exploratory, without a word about
/// better or worse.
///
/// # Example
/// ```
/// # use isnet_statistics::{Primary, Score};
/// let primary: Primary = "macro_auc:test_ood".parse()?;
/// assert_eq!((primary.score, primary.split.as_str()), (Score::Auc, "test_ood"));
/// assert!("auc".parse::<Primary>().unwrap_err().to_string().contains("score:split"));
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Primary {
    /// The score, of the model as a whole.
    pub score: Score,
    /// The split, as a whole.
    pub split: String,
}

impl Primary {
    /// Whether a row is about the question.
    pub(crate) fn is(&self, score: Score, split: &str, source: Option<&str>, class: Option<&str>) -> bool {
        self.score == score && self.split == split && source.is_none() && class.is_none()
    }
}

impl std::str::FromStr for Primary {
    type Err = StatisticsError;

    fn from_str(text: &str) -> Result<Self, StatisticsError> {
        let wrong = || StatisticsError::Setting {
            setting: "primary",
            expected: format!(
                "`score:split`, such as `auc:test`, with a score of {}",
                Score::ALL.map(Score::name).join(", ")
            ),
            got: format!("`{text}`"),
        };
        let (name, split) = text.split_once(':').filter(|(_, split)| !split.is_empty()).ok_or_else(wrong)?;
        let name = name.strip_prefix("macro_").unwrap_or(name);
        let score = Score::ALL.into_iter().find(|score| score.name() == name).ok_or_else(wrong)?;
        Ok(Self { score, split: split.to_owned() })
    }
}

/// Where a model stands against the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The corrected test says that it is better.
    Better,
    /// The corrected test says that it is worse.
    Worse,
    /// Neither, but worse by less than the margin: the whole interval lies above it.
    NotInferior,
    /// The data do not tell.
    NotTold,
}

impl Standing {
    /// `p_adjusted` is `None` for tests that are not corrected, because they were not asked: they tell nothing.
    ///
    /// Non-inferiority is the test whose interval of the same confidence decides (of 95 %, one-sided at 2.5 %); it is part of no correction.
    pub(crate) fn new(
        score: Score,
        difference: f64,
        p_adjusted: Option<f64>,
        interval: Option<Interval>,
        confidence: f64,
        margin: Option<f64>,
    ) -> Self {
        let towards_better = if score.higher_is_better() { 1.0 } else { -1.0 };
        if p_adjusted.is_some_and(|p| p < 1.0 - confidence) {
            return if towards_better * difference > 0.0 { Self::Better } else { Self::Worse };
        }
        let least = interval.map(|it| if score.higher_is_better() { it.low } else { -it.high });
        match (least, margin) {
            (Some(least), Some(margin)) if p_adjusted.is_some() && least > -margin => Self::NotInferior,
            _ => Self::NotTold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IntervalMethod;

    #[test]
    fn words_follow_the_corrected_test_and_not_the_interval() {
        let interval = Some(Interval { method: IntervalMethod::BootstrapBca, low: -0.09, high: -0.01 });
        let of = |score, p, margin| Standing::new(score, -0.05, p, interval, 0.95, margin);
        assert_eq!(of(Score::F1, Some(0.32), None), Standing::NotTold); // although the interval leaves out 0
        assert_eq!(of(Score::F1, Some(0.01), None), Standing::Worse);
        assert_eq!(of(Score::BrierLoss, Some(0.01), None), Standing::Better);
        assert_eq!(of(Score::F1, None, Some(0.2)), Standing::NotTold); // nobody asked
    }

    #[test]
    fn who_is_worse_by_less_than_the_margin_is_not_inferior() {
        let interval = Some(Interval { method: IntervalMethod::Delong, low: -0.02, high: 0.05 });
        let of = |score, margin| Standing::new(score, 0.01, Some(0.4), interval, 0.95, Some(margin));
        assert_eq!((of(Score::Auc, 0.03), of(Score::Auc, 0.02)), (Standing::NotInferior, Standing::NotTold));
        assert_eq!(
            (of(Score::BrierLoss, 0.06), of(Score::BrierLoss, 0.04)),
            (Standing::NotInferior, Standing::NotTold)
        );
    }
}
