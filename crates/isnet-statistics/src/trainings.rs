//! Scores of a method that was trained several times.

use rayon::prelude::*;
use serde::Serialize;

use crate::Predictions;
use crate::StatisticsError;
use crate::compare::align_all;
use crate::counts::mean;
use crate::part::{Part, notes_on_size, parts};
use crate::score::Score;
use crate::score_set::ScoreSet;
use crate::settings::Settings;
use crate::summary::{SummaryRow, names_of, rows as summary_rows};
use crate::{Interval, IntervalMethod, Resampling, normal};

/// With fewer trainings a note says that the interval knows little of them.
const FEW_TRAININGS: usize = 5;

/// A score of a method over its trainings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingsRow {
    /// Name of the split.
    pub split: String,
    /// One source of the split; `None` for all of it.
    pub source: Option<String>,
    /// Which score.
    pub score: Score,
    /// The class that it is of; `None` for the model as a whole.
    pub class: Option<String>,
    /// Pairwise scores: the class that it is set against.
    pub versus: Option<String>,
    /// The score of each training, `None` where it is not defined.
    pub values: Vec<Option<f64>>,
    /// Mean over the trainings that have the score.
    pub mean: Option<f64>,
    /// Standard deviation over them (n − 1); `None` for fewer than two.
    pub deviation: Option<f64>,
    /// Number of samples that the score is made of.
    pub n: usize,
    /// Of the mean: on other samples and with other trainings.
    pub interval: Option<Interval>,
    /// What a reader should know before trusting the numbers.
    pub notes: Vec<String>,
}

/// Scores the trainings of one method on the same samples: mean, deviation, and an interval over samples *and* trainings.
///
/// The model is that of Obuchowski and Rockette, who ask the same of several readers of the same images: a score is the mean of the
/// method, plus what the training adds, plus what the samples add to all trainings alike, plus the rest. With `s²` the variance over
/// the `T` trainings and `c` the covariance that two trainings share because their samples are the same (from resamples of
/// samples or groups),
///
/// ```text
/// mean ± t(f)·√(s²/T + max(c, 0))        f = (s²/T + c)² / ((s²/T)²/(T − 1) + c²/(units − 1))
/// ```
///
/// Below five trainings `f = T − 1`, since nobody can tell the two variances apart there. Two trainings say little about a third, and the
/// interval says so: it is wide. Of one training it is that of
/// [`summary`](crate::summary()), which knows nothing of other seeds.
///
/// Sources: Obuchowski and Rockette, Communications in Statistics 24 (1995); Hillis, Statistics in Medicine 26 (2007), for the degrees of
/// freedom.
///
/// # Errors
/// [`StatisticsError::Empty`] without trainings, [`StatisticsError::Unpaired`] if their samples differ, and what
/// [`summary`](crate::summary()) can raise.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Score, Settings, over_trainings};
/// let training = |right: usize| {
///     let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
///     for idx in 0..40 {
///         let ill = if (idx < right) == (idx % 2 == 1) { 0.9 } else { 0.2 };
///         predictions.push(&format!("{idx}.png"), "hospital", "test", &[idx % 2], &[1.0 - ill, ill]);
///     }
///     predictions
/// };
/// let trainings = [training(28), training(32), training(36)];
/// let settings = Settings { scores: Some(vec![Score::Accuracy]), ..Settings::default() };
/// let rows = over_trainings(&[("seed 0", &trainings[0]), ("seed 1", &trainings[1]), ("seed 2", &trainings[2])], &settings)?;
/// assert_eq!(rows[0].values, [Some(0.7), Some(0.8), Some(0.9)]);
/// assert!((rows[0].mean.unwrap() - 0.8).abs() < 1e-12 && (rows[0].deviation.unwrap() - 0.1).abs() < 1e-12);
/// let interval = rows[0].interval.unwrap();
/// assert!(interval.low < 0.55 && interval.high == 1.0); // three trainings that differ by 0.1
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn over_trainings(
    trainings: &[(&str, &Predictions)],
    settings: &Settings,
) -> Result<Vec<TrainingsRow>, StatisticsError> {
    let aligned = aligned(trainings, settings)?;
    Ok(parts(&aligned[0], settings).iter().flat_map(|part| rows_of_part(&aligned, part, settings)).collect())
}

/// All predictions in the order of the first, of which there is one.
pub(crate) fn aligned(
    trainings: &[(&str, &Predictions)],
    settings: &Settings,
) -> Result<Vec<Predictions>, StatisticsError> {
    if trainings.is_empty() {
        return Err(StatisticsError::Empty);
    }
    trainings.iter().try_for_each(|(_, training)| settings.check(training))?;
    align_all(trainings)
}

fn rows_of_part(trainings: &[Predictions], part: &Part, settings: &Settings) -> Vec<TrainingsRow> {
    let chosen: Vec<Predictions> = trainings.iter().map(|it| it.select(&part.samples)).collect();
    let sets: Vec<ScoreSet> = chosen.iter().map(|it| ScoreSet::new(it, settings)).collect();
    let resampling = part.resampling(&trainings[0]);
    let once = vec![1; part.samples.len()];
    let values: Vec<Vec<Option<f64>>> = sets.iter().map(|set| set.values(&once)).collect();
    let replicates = replicates(&sets, &resampling, settings);
    let alone = if trainings.len() == 1 { summary_rows(&trainings[0], part, settings) } else { Vec::new() };
    let row = |(place, (score_idx, (score, of)))| {
        let (class, versus) = names_of(of, &trainings[0].classes);
        let values: Vec<Option<f64>> = values.iter().map(|values| values[score_idx]).collect();
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        let n = sets[0].n_of(score, of);
        let alone: Option<&SummaryRow> = alone.get::<usize>(place);
        let interval = match alone {
            Some(row) => row.interval().copied(),
            None => Spread::new(&values, &drawn(&replicates, score_idx), resampling.n_units())
                .and_then(|spread| spread.interval(settings.confidence))
                .map(|it| it.within(0.0, score.most(trainings[0].task))),
        };
        TrainingsRow {
            split: part.split.clone(),
            source: part.source.clone(),
            score,
            class,
            versus,
            mean: mean(known.iter().copied()),
            deviation: deviation(&known),
            interval,
            notes: alone
                .map_or_else(Vec::new, |row| row.notes.clone())
                .into_iter()
                .chain(notes(n, &resampling, known.len()))
                .collect(),
            values,
            n,
        }
    };
    sets[0].sorted_names().into_iter().enumerate().map(row).collect()
}

/// Scores of all trainings on the same resamples: `[resample][training][score]`.
pub(crate) type Resampled = Vec<Vec<Vec<Option<f64>>>>;

/// Scores all trainings on the same resamples of samples or groups.
pub(crate) fn replicates(sets: &[ScoreSet], resampling: &Resampling, settings: &Settings) -> Resampled {
    if resampling.n_units() < 2 || sets.len() < 2 {
        return Vec::new();
    }
    let replicate = |resample: usize| {
        let weights = resampling.weights(settings.seed, resample);
        sets.iter().map(|set| set.values(&weights)).collect()
    };
    (0..settings.resamples).into_par_iter().map(replicate).collect()
}

/// The values of one score: `[resample][training]`.
pub(crate) fn drawn(replicates: &Resampled, score_idx: usize) -> Vec<Vec<Option<f64>>> {
    replicates.iter().map(|trainings| trainings.iter().map(|scores| scores[score_idx]).collect()).collect()
}

/// A mean over trainings, and how far it may be from that of other trainings on other samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    mean: f64,
    variance: f64,
    freedom: f64,
}

impl Spread {
    /// `resampled` are the values on resamples, `[resample][training]`, of `n_units` samples or groups.
    ///
    /// `None` with fewer than two trainings, where a training has no value, without two resamples on which all have one, or without any
    /// variance.
    pub fn new(values: &[Option<f64>], resampled: &[Vec<Option<f64>>], n_units: usize) -> Option<Self> {
        let values: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
        let n_trainings = values.len() as f64;
        let complete: Vec<Vec<f64>> =
            resampled.iter().filter_map(|row| row.iter().copied().collect::<Option<_>>()).collect();
        if values.len() < 2 || complete.len() < 2 || 2 * complete.len() < resampled.len() {
            return None;
        }
        let of_training = deviation(&values)?.powi(2) / n_trainings;
        let of_mean =
            deviation(&complete.iter().filter_map(|row| mean(row.iter().copied())).collect::<Vec<_>>())?.powi(2);
        let alone = |training: usize| {
            deviation(&complete.iter().map(|row| row[training]).collect::<Vec<_>>()).map(|it| it * it)
        };
        let of_each: f64 = (0..values.len()).filter_map(alone).sum();
        // The variance of a mean is (variances + T·(T − 1)·covariance) / T².
        let shared = (n_trainings * n_trainings * of_mean - of_each) / (n_trainings * (n_trainings - 1.0));
        let shared = shared.max(0.0);
        let variance = of_training + shared;
        // Of few trainings the share of either variance is a guess, and the degrees of freedom with it: the fewest there can be.
        let freedom = if values.len() < FEW_TRAININGS {
            n_trainings - 1.0
        } else {
            variance * variance
                / (of_training * of_training / (n_trainings - 1.0) + shared * shared / (n_units as f64 - 1.0))
        };
        (variance > 0.0).then_some(Self { mean: mean(values.into_iter())?, variance, freedom })
    }

    /// `mean ± t·√variance`.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let reach = normal::student_reach(confidence, self.freedom) * self.variance.sqrt();
        let (low, high) = (self.mean - reach, self.mean + reach);
        (low < high).then_some(Interval { method: IntervalMethod::Trainings, low, high })
    }

    /// Two-sided p-value of "the mean is 0".
    pub fn p_value(&self) -> f64 {
        normal::student_two_sided_p(self.mean / self.variance.sqrt(), self.freedom)
    }
}

fn notes(n: usize, resampling: &Resampling, n_trainings: usize) -> Vec<String> {
    match n_trainings {
        0 => Vec::new(),
        1 => vec!["one training: the interval knows nothing of other seeds".to_owned()],
        2..FEW_TRAININGS => {
            let few = format!(
                "only {n_trainings} trainings say little about others: the interval is wide, and of skewed scores rough"
            );
            notes_on_size(n, resampling).into_iter().chain([few]).collect()
        }
        _ => notes_on_size(n, resampling),
    }
}

fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values.iter().copied()).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;

    /// `n` samples of two classes, of which the training gets those right that `right` says.
    fn training(n: usize, right: impl Fn(usize) -> bool) -> Predictions {
        let mut predictions = Predictions::new(["a", "b"], Task::Single);
        for idx in 0..n {
            let row = if right(idx) == (idx % 2 == 0) { [0.8, 0.2] } else { [0.2, 0.8] };
            predictions.push(&format!("{idx}"), "web", "test", &[idx % 2], &row);
        }
        predictions
    }

    fn accuracy(trainings: &[Predictions]) -> TrainingsRow {
        let settings = Settings { scores: Some(vec![Score::Accuracy]), resamples: 2000, ..Settings::default() };
        let named: Vec<(&str, &Predictions)> = trainings.iter().map(|it| ("a seed", it)).collect();
        over_trainings(&named, &settings).unwrap().remove(0)
    }

    #[test]
    fn trainings_that_differ_widen_the_interval_of_their_mean() {
        // 500 samples and a mean of 0.8 each time: a deviation of √(0.8·0.2/500) = 0.018 from the samples alone, times the 4.3 of
        // Student's t with two degrees of freedom. Seeds of 0.7, 0.8 and 0.9 add √(0.02/2/3) = 0.058.
        let alike = accuracy(&[1, 2, 3].map(|_| training(500, |idx| idx % 5 != 0)));
        let apart = accuracy(&[350, 400, 450].map(|right| training(500, |idx| idx * 7 % 500 < right)));
        assert!((alike.mean.unwrap() - 0.8).abs() < 1e-12 && (apart.mean.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!(alike.deviation.map(|deviation| deviation < 1e-12), Some(true));
        let width = |row: &TrainingsRow| row.interval.unwrap().width();
        assert!((0.14..0.17).contains(&width(&alike)), "{alike:?}");
        assert!((0.4..0.5).contains(&width(&apart)), "{apart:?}");
        assert!(apart.notes.iter().any(|note| note.contains("only 3 trainings")));
    }

    /// From five trainings on the degrees of freedom are those of the data: samples that all share leave nearly all of them.
    #[test]
    fn trainings_that_agree_count_as_the_samples_that_they_saw() {
        let alike = accuracy(&[1, 2, 3, 4, 5].map(|_| training(500, |idx| idx % 5 != 0)));
        assert!((0.065..0.076).contains(&alike.interval.unwrap().width()), "{alike:?}"); // 2 · 1.96 · 0.018
    }

    #[test]
    fn one_training_has_the_interval_of_the_samples_and_a_note() {
        let row = accuracy(&[training(500, |idx| idx % 5 != 0)]);
        assert!(row.deviation.is_none() && (0.06..0.08).contains(&row.interval.unwrap().width()));
        assert!(row.notes.iter().any(|note| note.contains("nothing of other seeds")));
    }

    #[test]
    fn trainings_on_other_samples_are_refused() {
        let (one, two) = (training(10, |_| true), training(11, |_| true));
        let error = over_trainings(&[("one", &one), ("two", &two)], &Settings::default()).unwrap_err();
        assert!(error.to_string().contains("10 and 11 samples"), "{error}");
        assert!(matches!(over_trainings(&[], &Settings::default()), Err(StatisticsError::Empty)));
    }
}
