//! Every score with its intervals, as rows of a table.

use serde::Serialize;

use crate::Predictions;
use crate::StatisticsError;
use crate::bootstrap::{Replicates, acceleration, bca_interval, percentile_interval};
use crate::counts::{Counts, OneVsRest};
use crate::part::{FEW_GROUPS, Part, notes_on_bootstrap, notes_on_replicates, notes_on_size, parts, plural, usable};
use crate::score::{Of, Score};
use crate::score_set::ScoreSet;
use crate::settings::Settings;
use crate::shares::{EXACT, FEW_DECISIONS, Shares};
use crate::{Interval, ProportionMethod, Resampling, area_intervals, posterior};

/// Below this number of samples on a side of a class, a note says so.
const FEW_OF_A_CLASS: f64 = 10.0;

/// All scores of a set of predictions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Share of intervals that hold the true value.
    pub confidence: f64,
    /// Number of bootstrap resamples.
    pub resamples: usize,
    /// Number of draws from the posterior.
    pub posterior_draws: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// Whether samples were resampled in groups. Posterior, DeLong and McNemar take them as independent all the same, so
    /// they come after the bootstrap then.
    pub grouped: bool,
    /// Split by split, first all of it and then each of its sources; the whole before the classes and pairs.
    pub rows: Vec<SummaryRow>,
}

/// One score of one split or source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SummaryRow {
    /// Name of the split.
    pub split: String,
    /// One source of the split; `None` for all of it.
    pub source: Option<String>,
    /// Which score.
    pub score: Score,
    /// The class that it is of; `None` for the model as a whole.
    pub class: Option<String>,
    /// Pairwise scores: the class that it is set against; `None` for the rest of the samples.
    pub versus: Option<String>,
    /// The score; `None` if it is not defined.
    pub value: Option<f64>,
    /// Why the score is not defined.
    pub reason: Option<String>,
    /// Number of samples that it is made of.
    pub n: usize,
    /// Rows of a class: number of samples that are of the class.
    pub n_positive: Option<usize>,
    /// Its intervals, the one to print first. Empty if the score is not defined; otherwise a note says why.
    pub intervals: Vec<Interval>,
    /// What a reader should know before trusting the numbers.
    pub notes: Vec<String>,
}

impl Summary {
    /// The row of a score of the whole split (`source` is `None`) or a source, as a whole or of a class.
    pub fn find(&self, split: &str, source: Option<&str>, score: Score, class: Option<&str>) -> Option<&SummaryRow> {
        self.rows.iter().find(|row| {
            row.split == split
                && row.source.as_deref() == source
                && row.score == score
                && row.class.as_deref() == class
                && row.versus.is_none()
        })
    }
}

impl SummaryRow {
    /// The interval to print.
    pub fn interval(&self) -> Option<&Interval> {
        self.intervals.first()
    }
}

/// Scores every split, each of its sources (where it has several), and each class, with intervals.
///
/// # Errors
/// What [`Predictions::check`] finds wrong, [`StatisticsError::Empty`] without samples, [`StatisticsError::Setting`] and
/// [`StatisticsError::Length`] for settings that do not fit.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Score, Settings, summary};
/// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
/// for idx in 0..40_u8 {
///     let ill = (f64::from(idx) + 0.5) / 40.0; // right for the first and last ten, and for half of the others
///     let label = usize::from(idx >= 30 || idx >= 10 && idx % 2 == 0);
///     predictions.push(&format!("{idx}.png"), "hospital", "test", &[label], &[1.0 - ill, ill]);
/// }
/// let table = summary(&predictions, &Settings::default())?;
/// let accuracy = table.find("test", None, Score::Accuracy, None).unwrap();
/// assert_eq!((accuracy.value, accuracy.n), (Some(0.75), 40));
/// let interval = accuracy.interval().unwrap();
/// assert!(0.55 < interval.low && interval.low < 0.65 && 0.83 < interval.high && interval.high < 0.9);
/// let recall = table.find("test", None, Score::Recall, Some("ill")).unwrap();
/// assert_eq!((recall.value, recall.n_positive), (Some(0.75), Some(20)));
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn summary(predictions: &Predictions, settings: &Settings) -> Result<Summary, StatisticsError> {
    settings.check(predictions)?;
    let rows = parts(predictions, settings).iter().flat_map(|part| rows(predictions, part, settings)).collect();
    Ok(Summary {
        confidence: settings.confidence,
        resamples: settings.resamples,
        posterior_draws: settings.posterior_draws,
        seed: settings.seed,
        grouped: predictions.is_grouped(),
        rows,
    })
}

/// What the rows of a part are made of.
struct PartScores<'a> {
    settings: &'a Settings,
    classes: &'a [String],
    set: ScoreSet<'a>,
    resampling: Resampling,
    replicates: Replicates,
    jackknife: Replicates,
    posterior: Posterior,
    one_vs_rest: Vec<OneVsRest>,
}

/// Draws of the scores that are made of counts.
struct Posterior {
    names: Vec<(Score, Of)>,
    draws: Vec<Vec<Option<f64>>>,
}

/// The rows of a part, in the order of tables.
pub(crate) fn rows(predictions: &Predictions, part: &Part, settings: &Settings) -> Vec<SummaryRow> {
    let chosen = predictions.select(&part.samples);
    let set = ScoreSet::new(&chosen, settings);
    let resampling = part.resampling(predictions);
    let resamples = if resampling.n_units() > 1 { settings.resamples } else { 0 };
    let once = vec![1; part.samples.len()];
    let counts = set.counts(&once);
    let scores = PartScores {
        settings,
        classes: &predictions.classes,
        replicates: Replicates::draw(&resampling, resamples, settings.seed, |weights| set.values(weights)),
        jackknife: if resamples > 0 {
            Replicates::jackknife(&resampling, settings.seed, |weights| set.values(weights))
        } else {
            Replicates::none()
        },
        posterior: Posterior::new(&counts, settings),
        one_vs_rest: counts.classes(),
        resampling,
        set,
    };
    let values = scores.set.values(&once);
    let row = |(score_idx, (score, of)): (usize, (Score, Of))| {
        let value = values[score_idx];
        let (class, versus) = names_of(of, &predictions.classes);
        let (intervals, notes) = match value {
            Some(value) => scores.intervals(score_idx, score, of, value),
            None => (Vec::new(), Vec::new()),
        };
        SummaryRow {
            split: part.split.clone(),
            source: part.source.clone(),
            score,
            value,
            reason: value.is_none().then(|| reason(score, of, &scores.one_vs_rest, &predictions.classes)),
            n: scores.set.n_of(score, of),
            n_positive: scores.n_positive(of),
            intervals,
            notes,
            class,
            versus,
        }
    };
    scores.set.sorted_names().into_iter().map(row).collect()
}

impl PartScores<'_> {
    /// Intervals of a score that is defined, the one to print first, and notes.
    fn intervals(&self, score_idx: usize, score: Score, of: Of, value: f64) -> (Vec<Interval>, Vec<String>) {
        let confidence = self.settings.confidence;
        let mut notes = notes_on_size(self.set.n_of(score, of), &self.resampling);
        notes.extend(self.notes_on_class(score, of));
        if score == Score::CalibrationError {
            notes.push(
                "no interval: it is too large by chance, more so for few samples; see the test of calibration"
                    .to_owned(),
            );
            return (Vec::new(), notes);
        }
        let mut intervals = Vec::new();
        if let Some(shares) = self.set.shares(score, of, &self.resampling) {
            notes.extend(notes_on_shares(&shares));
            intervals.extend(shares.interval(confidence));
        }
        if matches!(score, Score::Auc | Score::PairwiseAuc) {
            let (found, more) = area_intervals::of_area(&self.set, (score, of), &self.resampling, confidence);
            intervals.extend(found);
            notes.extend(more);
        }
        if !self.replicates.is_empty() {
            let drawn = self.replicates.of_score(score_idx);
            let jackknife = self.jackknife.of_score(score_idx);
            if intervals.is_empty() {
                notes.extend(notes_on_replicates(&drawn, self.replicates.len()));
                notes.extend(notes_on_bootstrap(&self.resampling, acceleration(&jackknife)));
            }
            let replicates = usable(drawn, self.replicates.len());
            let resampled = [
                bca_interval(value, &replicates, &jackknife, confidence),
                percentile_interval(&replicates, confidence),
            ];
            // Equal replicates know nothing of other samples, and an interval that leaves out its score is none.
            let usable = |interval: &Interval| interval.width() > 0.0 && interval.contains(value);
            intervals.extend(resampled.into_iter().flatten().filter(usable));
        }
        if intervals.is_empty() && score == Score::AveragePrecision {
            intervals.extend(self.of_perfect_precision(of, value, &mut notes));
        }
        if score.is_counted() {
            intervals.extend(self.posterior.interval(score, of, confidence));
        }
        if intervals.is_empty() && notes.is_empty() {
            notes.push("no interval: all of its methods are turned off".to_owned());
        }
        (intervals, notes)
    }

    /// Of an average precision that no resample moves: that of as many decisions as there are positives (of a mean, on the smallest class).
    ///
    /// Source: Boyd, Eng and Page, "Area under the Precision-Recall Curve: Point Estimates and Confidence Intervals", ECML 2013
    /// (binomial interval).
    fn of_perfect_precision(&self, of: Of, value: f64, notes: &mut Vec<String>) -> Option<Interval> {
        let positives = match of {
            Of::Class(_) => self.n_positive(of)?,
            _ => (0..self.classes.len())
                .filter_map(|class| self.n_positive(Of::Class(class)))
                .filter(|n| *n > 0)
                .min()?,
        };
        let n = positives.min(self.resampling.n_units()) as f64;
        notes.push("all resamples give the same value: the interval rests on the number of positives alone".to_owned());
        (n > 0.0).then(|| ProportionMethod::ClopperPearson.of_share(value, n, self.settings.confidence))
    }

    fn n_positive(&self, of: Of) -> Option<usize> {
        let (Of::Class(class_idx) | Of::Pair(class_idx, _)) = of else { return None };
        let class = &self.one_vs_rest[class_idx];
        Some((class.true_positive + class.false_negative) as usize)
    }

    /// What the numbers of samples of the classes do to a score.
    fn notes_on_class(&self, score: Score, of: Of) -> Vec<String> {
        let few =
            |n: f64, what: &str| (n < FEW_OF_A_CLASS).then(|| format!("only {n} sample{} {what}", plural(n as usize)));
        match of {
            Of::Class(class_idx) => {
                let (name, class) = (&self.classes[class_idx], &self.one_vs_rest[class_idx]);
                let positive = few(class.true_positive + class.false_negative, &format!("of `{name}`"));
                let negative =
                    few(class.true_negative + class.false_positive, &format!("of other classes than `{name}`"));
                positive.into_iter().chain(negative).collect()
            }
            Of::Pair(first, second) => [first, second]
                .into_iter()
                .filter_map(|class_idx| {
                    let class = &self.one_vs_rest[class_idx];
                    few(class.true_positive + class.false_negative, &format!("of `{}`", self.classes[class_idx]))
                })
                .collect(),
            Of::All => self.notes_on_average(score),
        }
    }

    /// Which classes an average leaves out or counts as 0.
    fn notes_on_average(&self, score: Score) -> Vec<String> {
        let listed = |keep: &dyn Fn(&OneVsRest) -> bool| {
            let named = self.classes.iter().zip(&self.one_vs_rest).filter(|(_, class)| keep(class));
            named.map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let note = |names: String, what: &str| (!names.is_empty()).then(|| format!("{names} {what}"));
        let (zero, absent) = match score {
            Score::Precision => {
                (listed(&|class| class.occurs() && class.precision().is_none()), listed(&|class| !class.occurs()))
            }
            Score::Recall => {
                (listed(&|class| class.occurs() && class.recall().is_none()), listed(&|class| !class.occurs()))
            }
            Score::F1 => (String::new(), listed(&|class| !class.occurs())),
            Score::BalancedAccuracy | Score::AveragePrecision => {
                (String::new(), listed(&|class| class.recall().is_none()))
            }
            Score::Specificity => (String::new(), listed(&|class| !class.occurs() || class.specificity().is_none())),
            Score::Auc => (String::new(), listed(&|class| class.recall().is_none() || class.specificity().is_none())),
            Score::PairwiseAuc => (String::new(), listed(&|class| class.recall().is_none())),
            _ => (String::new(), String::new()),
        };
        let counted = note(zero, "has no such score and counts as 0 in the average");
        counted
            .into_iter()
            .chain(note(absent, "is left out of the average: not enough samples of it or of others"))
            .collect()
    }
}

/// What the decisions behind a score do to its interval.
fn notes_on_shares(shares: &Shares) -> Vec<String> {
    let groups = shares.fewest_groups().filter(|groups| *groups < FEW_GROUPS);
    let of_groups = groups.map(|groups| format!("only {groups} groups: the interval covers about 90 %, or far more"));
    let of_decisions = match shares.fewest() {
        _ if shares.is_certain() => Some("every decision is the same: the interval rests on their number alone"),
        fewest if fewest < FEW_DECISIONS => Some(EXACT),
        _ => None,
    };
    of_groups.into_iter().chain(of_decisions.map(str::to_owned)).collect()
}

impl Posterior {
    fn new(counts: &Counts, settings: &Settings) -> Self {
        let mut names = Vec::new();
        let mut wanted = false;
        counts.visit(&counts.occurs(), &mut |score, of, _| {
            names.push((score, of));
            wanted |= settings.wants(score, of);
        });
        let draws = if wanted { settings.posterior_draws } else { 0 };
        Self { names, draws: posterior::draw(counts, draws, settings.seed) }
    }

    fn interval(&self, score: Score, of: Of, confidence: f64) -> Option<Interval> {
        let score_idx = self.names.iter().position(|name| *name == (score, of))?;
        let draws: Vec<f64> = self.draws.iter().filter_map(|draw| draw[score_idx]).collect();
        posterior::hdi(&draws, confidence)
    }
}

/// Names of the class and of the class that it is set against.
pub(crate) fn names_of(of: Of, classes: &[String]) -> (Option<String>, Option<String>) {
    match of {
        Of::All => (None, None),
        Of::Class(class_idx) => (Some(classes[class_idx].clone()), None),
        Of::Pair(first, second) => (Some(classes[first].clone()), Some(classes[second].clone())),
    }
}

/// Why a score is not defined.
fn reason(score: Score, of: Of, one_vs_rest: &[OneVsRest], classes: &[String]) -> String {
    let positive = |class_idx: usize| one_vs_rest[class_idx].true_positive + one_vs_rest[class_idx].false_negative;
    let negative = |class_idx: usize| one_vs_rest[class_idx].true_negative + one_vs_rest[class_idx].false_positive;
    match (score, of) {
        (Score::BackgroundShare, _) => "no sample has a measured share of relevance on the background".to_owned(),
        (Score::Precision, Of::Class(class_idx)) => format!("no sample is predicted as `{}`", classes[class_idx]),
        (Score::F1, Of::Class(class_idx)) => format!("`{}` is neither true nor predicted", classes[class_idx]),
        (_, Of::Class(class_idx)) => {
            let name = &classes[class_idx];
            let (positive, negative) = (positive(class_idx), negative(class_idx));
            match score {
                Score::Recall | Score::AveragePrecision => format!("no sample is of `{name}`"),
                Score::Specificity => format!("every sample is of `{name}`"),
                _ => format!("it needs samples of `{name}` and others; there are {positive} and {negative}"),
            }
        }
        (_, Of::Pair(first, second)) => format!(
            "it needs samples of both classes; there are {} of `{}` and {} of `{}`",
            positive(first),
            classes[first],
            positive(second),
            classes[second]
        ),
        (_, Of::All) => "no class has this score: each needs samples of its own and of others".to_owned(),
    }
}
