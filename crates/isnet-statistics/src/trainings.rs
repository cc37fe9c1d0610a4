//! Scores of a method that was trained several times.

use isnet_data::rng::stream;
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::Predictions;
use crate::StatisticsError;
use crate::bootstrap::percentile_interval;
use crate::compare::align;
use crate::counts::mean;
use crate::part::{Part, notes_on_size, parts, usable};
use crate::score::Score;
use crate::score_set::ScoreSet;
use crate::settings::Settings;
use crate::summary::names_of;
use crate::{Interval, Resampling};

/// Key of the trainings that a resample draws: `[SEEDS, resample]`.
const SEEDS: u64 = 404;

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
/// A resample draws trainings and, independently, samples (or groups) with replacement; its value is the mean score of the drawn
/// trainings on the drawn samples. The interval is between the percentiles of these values (a two-level bootstrap; with
/// few trainings it is too narrow on their side, and a note says so). Two methods with one seed see the same samples.
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
/// assert!(interval.low < 0.72 && interval.high > 0.88);
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
    let Some(&(name, first)) = trainings.first() else { return Err(StatisticsError::Empty) };
    settings.check(first)?;
    let mut aligned = vec![first.clone()];
    for &(other_name, other) in &trainings[1..] {
        settings.check(other)?;
        aligned.push(align((name, first), (other_name, other))?);
    }
    Ok(aligned)
}

fn rows_of_part(trainings: &[Predictions], part: &Part, settings: &Settings) -> Vec<TrainingsRow> {
    let chosen: Vec<Predictions> = trainings.iter().map(|it| it.select(&part.samples)).collect();
    let sets: Vec<ScoreSet> = chosen.iter().map(|it| ScoreSet::new(it, settings)).collect();
    let resampling = part.resampling(&trainings[0]);
    let once = vec![1; part.samples.len()];
    let values: Vec<Vec<Option<f64>>> = sets.iter().map(|set| set.values(&once)).collect();
    let replicates = replicates(&sets, &resampling, settings);
    let row = |(score_idx, (score, of))| {
        let (class, versus) = names_of(of, &trainings[0].classes);
        let values: Vec<Option<f64>> = values.iter().map(|values| values[score_idx]).collect();
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        let n = sets[0].n_of(score, of);
        let drawn: Vec<f64> = replicates.iter().filter_map(|row| row[score_idx]).collect();
        TrainingsRow {
            split: part.split.clone(),
            source: part.source.clone(),
            score,
            class,
            versus,
            mean: mean(known.iter().copied()),
            deviation: deviation(&known),
            interval: percentile_interval(&usable(drawn, replicates.len()), settings.confidence),
            notes: notes(n, &resampling, known.len()),
            values,
            n,
        }
    };
    sets[0].sorted_names().into_iter().map(row).collect()
}

/// Mean scores of drawn trainings on drawn samples.
pub(crate) fn replicates(sets: &[ScoreSet], resampling: &Resampling, settings: &Settings) -> Vec<Vec<Option<f64>>> {
    if resampling.n_units() < 2 && sets.len() < 2 {
        return Vec::new();
    }
    let replicate = |resample: usize| {
        let weights = resampling.weights(settings.seed, resample);
        let mut rng = stream(settings.seed, &[SEEDS, resample as u64]);
        let mut drawn = vec![0_usize; sets.len()];
        (0..sets.len()).for_each(|_| drawn[rng.random_range(0..sets.len() as u32) as usize] += 1);
        let of_training: Vec<(usize, Vec<Option<f64>>)> = drawn
            .iter()
            .zip(sets)
            .filter(|(times, _)| **times > 0)
            .map(|(times, set)| (*times, set.values(&weights)))
            .collect();
        let n_scores = of_training[0].1.len();
        (0..n_scores)
            .map(|score_idx| {
                let (mut sum, mut count) = (0.0, 0.0);
                for (times, values) in &of_training {
                    if let Some(value) = values[score_idx] {
                        sum += *times as f64 * value;
                        count += *times as f64;
                    }
                }
                (count > 0.0).then(|| sum / count)
            })
            .collect()
    };
    (0..settings.resamples).into_par_iter().map(replicate).collect()
}

fn notes(n: usize, resampling: &Resampling, n_trainings: usize) -> Vec<String> {
    let mut notes = notes_on_size(n, resampling);
    match n_trainings {
        0 => {}
        1 => notes.push("one training: the interval knows nothing of other seeds".to_owned()),
        2..FEW_TRAININGS => {
            notes.push(format!("only {n_trainings} trainings: the interval is too narrow on their side"));
        }
        _ => {}
    }
    notes
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
        // 500 samples and a mean of 0.8 each time: a deviation of √(0.8·0.2/500) = 0.018 from the samples alone. Seeds of
        // 0.7, 0.8 and 0.9 add √(0.02/3/3) = 0.047, together 0.05.
        let alike = accuracy(&[1, 2, 3].map(|_| training(500, |idx| idx % 5 != 0)));
        let apart = accuracy(&[350, 400, 450].map(|right| training(500, |idx| idx * 7 % 500 < right)));
        assert!((alike.mean.unwrap() - 0.8).abs() < 1e-12 && (apart.mean.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!(alike.deviation.map(|deviation| deviation < 1e-12), Some(true));
        let width = |row: &TrainingsRow| row.interval.unwrap().width();
        assert!((0.06..0.08).contains(&width(&alike)), "{alike:?}");
        assert!((0.16..0.22).contains(&width(&apart)), "{apart:?}");
        assert!(apart.notes.iter().any(|note| note.contains("only 3 trainings")));
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
