//! A figure, what it was held against, and what follows.

use std::fmt;

use serde::Serialize;

use crate::estimate::Estimate;
use crate::settings::Question;

/// What follows from a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of the interval keeps to the threshold.
    Passed,
    /// None of the interval does. A failed verdict is the answer "no" of the audit.
    Failed,
    /// Some of the interval does, or there is none: more images could decide either way. Also a figure that does not decide its question.
    Undecided,
    /// None of the interval keeps to the threshold, but it is about the data and not about the model: a trap that the model may have
    /// avoided.
    Warning,
    /// There is no figure.
    NotAnswerable,
}

const HOLDS: &str = "the interval holds the threshold: more images could decide either way";

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

    /// Whether a figure keeps to it.
    pub fn holds(&self, value: f64) -> bool {
        match self.side {
            Side::AtMost => value <= self.bound,
            Side::AtLeast => value >= self.bound,
        }
    }

    /// What follows from a figure with its interval: what all of the interval says, and otherwise nothing.
    ///
    /// "At least 0" asks whether there is anything at all, so that an interval must lie above its bound.
    pub(crate) fn outcome(&self, estimate: &Estimate) -> Outcome {
        if !estimate.value.is_finite() {
            return Outcome::Failed;
        }
        let Some(interval) = &estimate.interval else { return Outcome::Undecided };
        match self.side {
            Side::AtMost if interval.high <= self.bound => Outcome::Passed,
            Side::AtMost if interval.low > self.bound => Outcome::Failed,
            // No figure can be below the bottom of its scale.
            Side::AtLeast if interval.low > self.bound || self.bound <= -1.0 => Outcome::Passed,
            Side::AtLeast if interval.high < self.bound => Outcome::Failed,
            _ => Outcome::Undecided,
        }
    }
}

impl Verdict {
    /// A figure that fails the audit when all of its interval is out of bounds.
    pub(crate) fn of(
        question: Question,
        figure: &'static str,
        value: Result<Estimate, &Missing>,
        threshold: Threshold,
    ) -> Self {
        let (outcome, value, reason) = match value {
            Ok(value) => (threshold.outcome(&value), Some(value), None),
            Err(missing) => (Outcome::NotAnswerable, None, Some(missing.to_string())),
        };
        let mut notes = Vec::new();
        if let Some(estimate) = value.as_ref().filter(|_| outcome == Outcome::Undecided) {
            notes.push(match &estimate.interval {
                None => "no interval says how sure the figure is: it needs several images or groups, and resamples"
                    .to_owned(),
                Some(_) => HOLDS.to_owned(),
            });
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

    /// The same figure, out of bounds for a reason that may be harmless: a failure or a warning becomes undecided. The caller notes the reason.
    pub(crate) fn undecided(mut self) -> Self {
        if matches!(self.outcome, Outcome::Failed | Outcome::Warning) {
            self.outcome = Outcome::Undecided;
        }
        self
    }

    /// The same figure, known to do no harm: a warning becomes a pass, and says why.
    pub(crate) fn harmless(mut self, why: &str) -> Self {
        if matches!(self.outcome, Outcome::Warning | Outcome::Undecided) {
            self.notes.retain(|note| note != HOLDS);
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
    use isnet_statistics::{Interval, IntervalMethod};

    use super::*;

    fn estimate(low: f64, high: f64) -> Estimate {
        let interval = Some(Interval { method: IntervalMethod::BootstrapBca, low, high });
        Estimate { value: f64::midpoint(low, high), interval, n: 50 }
    }

    fn outcome(value: Estimate, threshold: Threshold) -> Outcome {
        Verdict::of(Question::Relevance, "share", Ok(value), threshold).outcome
    }

    #[test]
    fn only_a_whole_interval_on_one_side_decides() {
        let (most, least) = (Threshold::at_most("--max", 0.3), Threshold::at_least("--min", 0.3));
        for (low, high, at_most, at_least) in [
            (0.1, 0.3, Outcome::Passed, Outcome::Undecided), // the bound itself is still good, and no more than it
            (0.1, 0.29, Outcome::Passed, Outcome::Failed),
            (0.2, 0.31, Outcome::Undecided, Outcome::Undecided),
            (0.31, 0.5, Outcome::Failed, Outcome::Passed),
        ] {
            let found = estimate(low, high);
            assert_eq!((outcome(found, most), outcome(found, least)), (at_most, at_least), "{low} {high}");
        }
        let alone = Estimate { interval: None, ..estimate(0.1, 0.2) };
        let verdict = Verdict::of(Question::Relevance, "share", Ok(alone), most);
        assert_eq!(verdict.outcome, Outcome::Undecided);
        assert!(verdict.notes[0].contains("no interval"), "{:?}", verdict.notes);
        let missing = Verdict::of(Question::Relevance, "share", Err(&Missing::Masks), most);
        assert_eq!(missing.outcome, Outcome::NotAnswerable);
    }

    /// One flip in 147 decisions: 0.7 %, but up to 3.7 % on other images.
    #[test]
    fn one_flip_in_147_does_not_keep_to_two_percent() {
        let settings = crate::Settings::default();
        let column = (0..147).map(|image| Some(f64::from(u8::from(image == 0)))).collect();
        let found = crate::estimate::Means::of_groups(&settings, &vec![String::new(); 147]).of(&[column])[0].unwrap();
        assert!((found.interval.unwrap().high - 0.0373).abs() < 1e-3, "{found:?}");
        assert_eq!(outcome(found, Threshold::at_most("--max-mark-flips", 0.02)), Outcome::Undecided);
        assert_eq!(outcome(found, Threshold::at_most("--max-mark-flips", 0.04)), Outcome::Passed);
    }

    #[test]
    fn data_only_warn() {
        let most = Threshold::at_most("--max", 0.3);
        let of_data =
            |low, high| Verdict::of(Question::Readability, "auc", Ok(estimate(low, high)), most).about_data().outcome;
        assert_eq!((of_data(0.4, 0.5), of_data(0.2, 0.5)), (Outcome::Warning, Outcome::Undecided));
    }

    #[test]
    fn a_figure_that_is_not_a_number_fails() {
        assert_eq!(outcome(estimate(f64::NAN, f64::NAN), Threshold::at_most("--max", 0.3)), Outcome::Failed);
    }

    /// What a whole audit of a simulated model says: its five figures lie at `place` of the way from a harmless value to the bound.
    fn audited(place: f64, n: usize, seed: u64) -> [Outcome; 5] {
        use rand::Rng;
        let mut rng = isnet_data::rng::stream(seed, &[601]);
        let mut normal =
            |mean: f64, deviation: f64| mean + deviation * rng.sample::<f64, _>(rand_distr::StandardNormal);
        let column = |values: Vec<f64>| values.into_iter().map(Some).collect::<crate::estimate::Column>();
        let limits = crate::settings::Thresholds::default();
        let shares = (0..n).map(|_| normal(limits.background_share * place, 0.1).clamp(0.0, 1.0)).collect();
        let areas = (0..n).map(|_| normal(0.1 * (1.0 - place), 0.15)).collect();
        let alike = (0..n).map(|_| normal(limits.randomised_correlation * place, 0.2)).collect();
        let gap = limits.bg_gap * place;
        // Of images that are right on backgrounds of their class, so many are not on others; a few the other way.
        let gaps = (0..n).map(|_| {
            if rng.random::<f64>() < gap + 0.03 { 1.0 } else { -f64::from(u8::from(rng.random::<f64>() < 0.03)) }
        });
        let gaps = gaps.collect();
        let flips = (0..n).map(|_| f64::from(u8::from(rng.random::<f64>() < limits.mark_flips * place))).collect();
        let settings = crate::Settings { resamples: 500, seed, ..crate::Settings::default() };
        let groups = vec![String::new(); n];
        let means = crate::estimate::Means::of_groups(&settings, &groups);
        let shares = means.of(&[column(shares), column(flips)]);
        let differences = means.of_differences(&[column(gaps), column(areas), column(alike)]);
        let of = |value: Option<Estimate>, threshold: Threshold| outcome(value.unwrap(), threshold);
        [
            of(shares[0], Threshold::at_most("--max", limits.background_share)),
            of(shares[1], Threshold::at_most("--max", limits.mark_flips)),
            of(differences[0], Threshold::at_most("--max", limits.bg_gap)),
            of(differences[1], Threshold::at_least("--min", limits.faithfulness)),
            of(differences[2], Threshold::at_most("--max", limits.randomised_correlation)),
        ]
    }

    /// `docs/statistics.md` holds the table.
    #[test]
    #[ignore = "a minute: simulates thousands of audits; cargo test --release -p isnet-audit --lib false_failures -- --ignored --nocapture"]
    fn false_failures_of_whole_audits_are_rare() {
        println!("| figures | images | fails | undecided | passes |\n|---|---:|---:|---:|---:|");
        let audits = 2000;
        for (place, name) in
            [(1.0, "all at their bounds"), (0.75, "at 3/4 of the way"), (0.5, "half way"), (0.25, "at 1/4")]
        {
            for n in [50, 150, 500] {
                let found: Vec<[Outcome; 5]> = (0..audits).map(|seed| audited(place, n, seed)).collect();
                let share = |keep: &dyn Fn(&[Outcome; 5]) -> bool| {
                    100.0 * found.iter().filter(|it| keep(it)).count() as f64 / audits as f64
                };
                let fails = share(&|it| it.contains(&Outcome::Failed));
                let passes = share(&|it| it.iter().all(|outcome| *outcome == Outcome::Passed));
                println!("| {name} | {n} | {fails:.1} % | {:.1} % | {passes:.1} % |", 100.0 - fails - passes);
                let most = if place == 1.0 { 16.0 } else { 5.0 };
                assert!(fails <= most, "{name}, {n} images: {fails} %");
            }
        }
    }
}
