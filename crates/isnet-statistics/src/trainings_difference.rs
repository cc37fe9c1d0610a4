//! How far two methods are apart that were both trained several times.

use serde::Serialize;

use crate::Predictions;
use crate::StatisticsError;
use crate::counts::mean;
use crate::part::{Part, parts};
use crate::score::{Of, Score};
use crate::score_set::ScoreSet;
use crate::settings::Settings;
use crate::summary::names_of;
use crate::trainings::{Spread, aligned, drawn, replicates};
use crate::{Interval, Primary, Standing, holm};

/// The difference of a score between two methods over their trainings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingsDifference {
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
    /// Mean of the method minus mean of the baseline; `None` unless both are defined.
    pub difference: Option<f64>,
    /// Of the difference: on other samples and with other trainings.
    pub interval: Option<Interval>,
    /// Two-sided p-value of "there is no difference", by the same Student's t; `None` without an interval.
    pub p_value: Option<f64>,
    /// The same, adjusted by [`correct`].
    pub p_adjusted: Option<f64>,
    /// What may be said of the difference, by [`correct`].
    pub standing: Standing,
}

/// Sets the trainings of a method against those of a baseline: the difference of their mean scores, with an interval over samples *and*
/// trainings.
///
/// The n-th trainings of the two are a pair, as fits trainings that share a seed or a fold, and a pair has one difference: these are
/// treated as [`over_trainings`](crate::over_trainings()) treats scores. Of one pair alone nothing is known of other seeds, so there is no
/// interval: [`compare`](crate::compare()) tells two models apart.
///
/// # Errors
/// [`StatisticsError::Setting`] unless both were trained equally often, and what [`over_trainings`](crate::over_trainings()) can raise.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Score, Settings, differences_over_trainings};
/// let training = |right: usize| {
///     let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
///     for idx in 0..40 {
///         let ill = if (idx < right) == (idx % 2 == 1) { 0.9 } else { 0.2 };
///         predictions.push(&format!("{idx}.png"), "hospital", "test", &[idx % 2], &[1.0 - ill, ill]);
///     }
///     predictions
/// };
/// let (plain, isnet) = ([training(20), training(24)], [training(36), training(36)]);
/// let plain = [("plain 0", &plain[0]), ("plain 1", &plain[1])];
/// let isnet = [("isnet 0", &isnet[0]), ("isnet 1", &isnet[1])];
/// let settings = Settings { scores: Some(vec![Score::Accuracy]), ..Settings::default() };
/// let rows = differences_over_trainings(&plain, &isnet, &settings)?;
/// assert!((rows[0].difference.unwrap() - 0.35).abs() < 1e-12); // 0.9 − (0.5 + 0.6)/2
/// assert!(rows[0].interval.unwrap().contains(0.0)); // two pairs that differ by 0.05 prove little
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn differences_over_trainings(
    baseline: &[(&str, &Predictions)],
    method: &[(&str, &Predictions)],
    settings: &Settings,
) -> Result<Vec<TrainingsDifference>, StatisticsError> {
    if baseline.len() != method.len() {
        return Err(StatisticsError::Setting {
            setting: "trainings",
            expected: "as many of the one method as of the other".to_owned(),
            got: format!("{} and {}", baseline.len(), method.len()),
        });
    }
    let all = aligned(&[baseline, method].concat(), settings)?;
    let (baseline, method) = all.split_at(baseline.len());
    let rows = |part: &Part| rows_of_part(baseline, method, part, settings);
    Ok(parts(&baseline[0], settings).iter().flat_map(rows).collect())
}

/// Corrects the p-values of several methods against one baseline for their number (Holm), or, where a primary question was asked, for the
/// number of its tests; then says what may be said.
pub fn correct<'a>(rows: impl IntoIterator<Item = &'a mut TrainingsDifference>, settings: &Settings) {
    let mut rows: Vec<&mut TrainingsDifference> = rows.into_iter().collect();
    rows.iter_mut().for_each(|row| row.p_adjusted = None);
    let asked = |row: &TrainingsDifference| {
        let is = |it: &Primary| it.is(row.score, &row.split, row.source.as_deref(), row.class.as_deref());
        row.p_value.is_some() && settings.primary.as_ref().is_none_or(is)
    };
    let p_values: Vec<f64> = rows.iter().filter(|row| asked(row)).filter_map(|row| row.p_value).collect();
    rows.iter_mut().filter(|row| asked(row)).zip(holm(&p_values)).for_each(|(row, p)| row.p_adjusted = Some(p));
    for row in rows {
        if let Some(difference) = row.difference {
            row.standing = Standing::new(
                row.score,
                difference,
                row.p_adjusted,
                row.interval,
                settings.confidence,
                settings.margin,
            );
        }
    }
}

fn rows_of_part(
    baseline: &[Predictions],
    method: &[Predictions],
    part: &Part,
    settings: &Settings,
) -> Vec<TrainingsDifference> {
    let resampling = part.resampling(&baseline[0]);
    let once = vec![1; part.samples.len()];
    let chosen = [baseline, method].map(|it| it.iter().map(|it| it.select(&part.samples)).collect::<Vec<_>>());
    let sets = chosen.each_ref().map(|it| it.iter().map(|it| ScoreSet::new(it, settings)).collect::<Vec<_>>());
    let values = sets.each_ref().map(|it| it.iter().map(|set| set.values(&once)).collect::<Vec<_>>());
    let [first, second] = sets.each_ref().map(|it| replicates(it, &resampling, settings));
    let minus = |from: &[Option<f64>], to: &[Option<f64>]| -> Vec<Option<f64>> {
        from.iter().zip(to).map(|(from, to)| Some((*to)? - (*from)?)).collect()
    };
    let row = |(score_idx, (score, of)): (usize, (Score, Of))| {
        let (class, versus) = names_of(of, &baseline[0].classes);
        let of_score =
            |it: &Vec<Vec<Option<f64>>>| it.iter().map(|row: &Vec<Option<f64>>| row[score_idx]).collect::<Vec<_>>();
        let [from, to] = values.each_ref().map(of_score);
        let resampled: Vec<Vec<Option<f64>>> =
            drawn(&first, score_idx).iter().zip(&drawn(&second, score_idx)).map(|(from, to)| minus(from, to)).collect();
        let spread = Spread::new(&minus(&from, &to), &resampled, resampling.n_units());
        let [from, to] = [from, to].map(|it| mean(it.into_iter().flatten()));
        let most = score.most(baseline[0].task);
        TrainingsDifference {
            split: part.split.clone(),
            source: part.source.clone(),
            score,
            class,
            versus,
            difference: from.zip(to).map(|(from, to)| to - from),
            interval: spread.and_then(|it| it.interval(settings.confidence)).map(|it| it.within(-most, most)),
            p_value: spread.map(|spread| spread.p_value()),
            p_adjusted: None,
            standing: Standing::NotTold,
        }
    };
    sets[0][0].sorted_names().into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;

    /// 300 samples of two classes, of which the training gets those right that `right` says.
    fn training(right: impl Fn(usize) -> bool) -> Predictions {
        let mut predictions = Predictions::new(["a", "b"], Task::Single);
        for idx in 0..300 {
            let row = if right(idx) == (idx % 2 == 0) { [0.8, 0.2] } else { [0.2, 0.8] };
            predictions.push(&format!("{idx}"), "web", "test", &[idx % 2], &row);
        }
        predictions
    }

    fn accuracy(baseline: &[Predictions], method: &[Predictions]) -> Result<TrainingsDifference, StatisticsError> {
        let settings = Settings { scores: Some(vec![Score::Accuracy]), ..Settings::default() };
        let named = [baseline, method].map(|it| it.iter().map(|it| ("a seed", it)).collect::<Vec<_>>());
        Ok(differences_over_trainings(&named[0], &named[1], &settings)?.remove(0))
    }

    #[test]
    fn what_samples_and_trainings_share_does_not_widen_the_difference() {
        // Both get one in five wrong, and the method one in ten more: of 300 samples 30 differ, a deviation of
        // √(0.1·0.9/300) = 0.017. Other samples for each would give √((0.8·0.2 + 0.7·0.3)/300) = 0.035. Five pairs: t = 1.97.
        let five = |right: &dyn Fn(usize) -> bool| [1, 2, 3, 4, 5].map(|_| training(right));
        let (baseline, method) = (five(&|idx| idx % 5 != 0), five(&|idx| idx % 5 != 0 && idx % 10 != 1));
        let found = accuracy(&baseline, &method).unwrap();
        assert!((found.difference.unwrap() + 0.1).abs() < 1e-12, "{found:?}");
        assert!((0.06..0.075).contains(&found.interval.unwrap().width()) && found.p_value.unwrap() < 1e-6, "{found:?}");
        // Seeds that are good or bad for both alike add nothing; the same seeds crossed do.
        let seeds =
            |less: usize| [150, 175, 200, 225, 250].map(|right| training(move |idx| idx * 7 % 300 < right - less));
        let paired = accuracy(&seeds(0), &seeds(30)).unwrap();
        assert!(
            (paired.difference.unwrap() + 0.1).abs() < 1e-12 && paired.interval.unwrap().width() < 0.085,
            "{paired:?}"
        );
        let mut turned = seeds(30);
        turned.reverse();
        assert!(accuracy(&seeds(0), &turned).unwrap().interval.unwrap().width() > 0.5);
    }

    #[test]
    fn many_methods_are_corrected_together_or_for_the_question_asked() {
        let baseline = [1, 2, 3, 4, 5].map(|_| training(|idx| idx % 5 != 0));
        let method = [1, 2, 3, 4, 5].map(|_| training(|idx| idx % 5 != 0 && idx % 100 != 1));
        let row = accuracy(&baseline, &method).unwrap();
        let settings = Settings { margin: Some(0.05), ..Settings::default() };
        let p = row.p_value.unwrap();
        let mut twice = [row.clone(), row.clone()];
        correct(&mut twice, &settings);
        assert_eq!(twice[0].p_adjusted, Some((2.0 * p).min(1.0)));
        assert_eq!(twice[0].standing, Standing::NotInferior, "{:?}", twice[0]); // one in a hundred worse, by less than 0.05
        correct(&mut twice, &Settings { primary: "auc:test".parse().ok(), ..settings });
        assert_eq!(twice[0].standing, Standing::NotTold);
    }

    #[test]
    fn methods_that_were_trained_more_or_less_often_are_refused() {
        let one = training(|_| true);
        let error = accuracy(&[one.clone(), one.clone()], &[one]).unwrap_err().to_string();
        assert!(error.contains("2 and 1"), "{error}");
        assert!(matches!(accuracy(&[], &[]), Err(StatisticsError::Empty)));
    }
}
