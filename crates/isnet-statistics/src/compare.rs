//! Tests between models that were evaluated on the same samples.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::StatisticsError;
use crate::bootstrap::{Replicates, acceleration, bca_interval, bootstrap_p_value, percentile_interval};
use crate::part::{Part, notes_on_bootstrap, notes_on_replicates, notes_on_size, parts, usable};
use crate::score::{Of, Score};
use crate::score_set::ScoreSet;
use crate::settings::Settings;
use crate::summary::names_of;
use crate::{DeLongDifference, Interval, Primary, Resampling, Standing, holm, mcnemar};
use crate::{Predictions, Task};

/// Differences of models to the first one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the first model.
    pub baseline: String,
    /// Share of intervals that hold the true value.
    pub confidence: f64,
    /// Number of bootstrap resamples.
    pub resamples: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// Whether samples were resampled in groups. Posterior, DeLong and McNemar take them as independent all the same, so
    /// they come after the bootstrap then.
    pub grouped: bool,
    /// Number of tests that [`ComparisonRow::p_adjusted`] accounts for.
    pub n_tests: usize,
    /// Model by model in the order given, then as in [`Summary`](crate::Summary).
    pub rows: Vec<ComparisonRow>,
}

/// The difference of one score between two models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// Name of the model that is compared with the first.
    pub model: String,
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
    /// Score of the first model.
    pub baseline_value: Option<f64>,
    /// Score of this model.
    pub value: Option<f64>,
    /// `value − baseline_value`; `None` unless both are defined.
    pub difference: Option<f64>,
    /// Why there is no difference.
    pub reason: Option<String>,
    /// Number of samples that the score is made of.
    pub n: usize,
    /// Intervals of the difference, the one to print first.
    pub intervals: Vec<Interval>,
    /// Tests of "there is no difference", the one to print first.
    pub tests: Vec<Test>,
    /// P-value of the first test, adjusted by Holm for the first tests of all rows, or of those of the primary question.
    pub p_adjusted: Option<f64>,
    /// What may be said of the difference.
    pub standing: Standing,
    /// What a reader should know before trusting the numbers.
    pub notes: Vec<String>,
}

/// A two-sided test of "there is no difference".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Test {
    /// Which test.
    pub method: TestMethod,
    /// Chance of a difference at least as large if there were none.
    pub p_value: f64,
}

/// Which test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TestMethod {
    /// DeLong's test of two areas on the same samples.
    Delong,
    /// McNemar's exact test of shares of right predictions.
    McnemarExact,
    /// McNemar's test with the mid-p value.
    McnemarMidP,
    /// Whether the percentile interval of the paired bootstrap leaves out 0, see
    /// [`bootstrap_p_value`].
    PairedBootstrap,
}

/// Compares models with the first one, score by score, on the same resamples.
///
/// | score | first test |
/// |---|---|
/// | AUC, pairwise and macro too | DeLong |
/// | accuracy, recall and specificity of a class | McNemar, mid-p |
/// | all others, and with groups all but areas | paired bootstrap |
/// | calibration error | none: it is too large by chance, for either model |
///
/// Samples are matched by split and id; their order may differ. Sources and groups may be absent from some of the models; where two
/// models know them, they have to agree. Holm's
/// correction runs over the first tests of all rows, so ask for no more than you want to know: choose
/// [`Settings::scores`], and turn off [`Settings::by_class`] and [`Settings::by_source`] where they are not the question.
///
/// # Errors
/// [`StatisticsError::Setting`] with fewer than two models, [`StatisticsError::Unpaired`] if samples, labels, classes, sources
/// or groups differ, and what [`summary`](crate::summary()) can raise.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Score, Settings, TestMethod, compare};
/// let model = |right: fn(u8) -> bool| {
///     let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
///     for idx in 0..40_u8 {
///         let label = usize::from(idx % 2);
///         let predicted = if right(idx) { label } else { 1 - label };
///         let ill = if predicted == 1 { 0.9 } else { 0.2 };
///         predictions.push(&format!("{idx}.png"), "hospital", "test", &[label], &[1.0 - ill, ill]);
///     }
///     predictions
/// };
/// let (plain, isnet) = (model(|idx| idx < 24), model(|idx| idx < 36));
/// let settings = Settings { scores: Some(vec![Score::Accuracy]), ..Settings::default() };
/// let table = compare(&[("plain", &plain), ("isnet", &isnet)], &settings)?;
/// let row = &table.rows[0];
/// assert!((row.difference.unwrap() - 0.3).abs() < 1e-12);
/// assert_eq!(row.tests[0].method, TestMethod::McnemarMidP);
/// assert!(row.tests[0].p_value < 0.001); // twelve samples for one model, none for the other: 2 · ½¹²
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn compare(models: &[(&str, &Predictions)], settings: &Settings) -> Result<Comparison, StatisticsError> {
    let Some((&(baseline, first), others)) = models.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err(StatisticsError::Setting {
            setting: "models",
            expected: "at least two, the first of which the others are compared with".to_owned(),
            got: models.len().to_string(),
        });
    };
    settings.check(first)?;
    others.iter().try_for_each(|(_, other)| settings.check(other))?;
    let aligned = align_all(models)?;
    let first = &aligned[0];
    let names: Vec<&str> = others.iter().map(|(name, _)| *name).collect();
    let by_part: Vec<Vec<Vec<ComparisonRow>>> =
        parts(first, settings).iter().map(|part| rows_of_part(&names, &aligned, part, settings)).collect();
    let of_model = |model_idx: usize| by_part.iter().flat_map(move |models| models[model_idx].iter().cloned());
    let mut rows: Vec<ComparisonRow> = (0..names.len()).flat_map(of_model).collect();
    let asked = |row: &ComparisonRow| {
        let is = |it: &Primary| it.is(row.score, &row.split, row.source.as_deref(), row.class.as_deref());
        !row.tests.is_empty() && settings.primary.as_ref().is_none_or(is)
    };
    let p_values: Vec<f64> =
        rows.iter().filter(|row| asked(row)).filter_map(|row| Some(row.tests.first()?.p_value)).collect();
    if let (Some(primary), true) = (&settings.primary, p_values.is_empty()) {
        return Err(StatisticsError::Setting {
            setting: "primary",
            expected: "a score that is compared, on a split that the models have".to_owned(),
            got: format!("`{}:{}`", primary.score.name(), primary.split),
        });
    }
    rows.iter_mut().filter(|row| asked(row)).zip(holm(&p_values)).for_each(|(row, p)| row.p_adjusted = Some(p));
    for row in &mut rows {
        if let Some(difference) = row.difference {
            let (interval, confidence) = (row.intervals.first().copied(), settings.confidence);
            row.standing = Standing::new(row.score, difference, row.p_adjusted, interval, confidence, settings.margin);
        }
    }
    Ok(Comparison {
        baseline: baseline.to_owned(),
        confidence: settings.confidence,
        resamples: settings.resamples,
        seed: settings.seed,
        grouped: first.is_grouped(),
        n_tests: p_values.len(),
        rows,
    })
}

/// All models on the samples of a part.
struct PartModels<'a> {
    settings: &'a Settings,
    sets: Vec<ScoreSet<'a>>,
    values: Vec<Option<f64>>,
    n_scores: usize,
    resampling: Resampling,
    replicates: Replicates,
    jackknife: Replicates,
}

/// The rows of a part, for each model but the first.
fn rows_of_part(names: &[&str], models: &[Predictions], part: &Part, settings: &Settings) -> Vec<Vec<ComparisonRow>> {
    let sets: Vec<ScoreSet> =
        models.iter().map(|predictions| ScoreSet::new(&predictions.select(&part.samples), settings)).collect();
    let resampling = part.resampling(&models[0]);
    let resamples = if resampling.n_units() > 1 { settings.resamples } else { 0 };
    let all = |weights: &[u32]| sets.iter().flat_map(|set| set.values(weights)).collect::<Vec<_>>();
    let named = sets[0].names();
    let scores = PartModels {
        settings,
        values: all(&vec![1; part.samples.len()]),
        n_scores: named.len(),
        replicates: Replicates::draw(&resampling, resamples, settings.seed, all),
        jackknife: if resamples > 0 {
            Replicates::jackknife(&resampling, settings.seed, all)
        } else {
            Replicates::none()
        },
        resampling,
        sets,
    };
    let mut order: Vec<usize> = (0..named.len()).collect();
    order.sort_by_key(|&score_idx| (named[score_idx].1, named[score_idx].0));
    let row = |model_idx: usize, score_idx: usize| {
        let (score, of) = named[score_idx];
        let (class, versus) = names_of(of, &models[0].classes);
        let row = ComparisonRow {
            model: names[model_idx - 1].to_owned(),
            split: part.split.clone(),
            source: part.source.clone(),
            score,
            class,
            versus,
            baseline_value: scores.values[score_idx],
            value: scores.values[model_idx * scores.n_scores + score_idx],
            difference: None,
            reason: None,
            n: scores.sets[0].n_of(score, of),
            intervals: Vec::new(),
            tests: Vec::new(),
            p_adjusted: None,
            standing: Standing::NotTold,
            notes: Vec::new(),
        };
        scores.tested(row, of, model_idx, score_idx)
    };
    (1..models.len()).map(|model_idx| order.iter().map(|&score_idx| row(model_idx, score_idx)).collect()).collect()
}

impl PartModels<'_> {
    /// The row with difference, intervals and tests, or with the reason why there are none.
    fn tested(&self, mut row: ComparisonRow, of: Of, model_idx: usize, score_idx: usize) -> ComparisonRow {
        let (Some(baseline), Some(value)) = (row.baseline_value, row.value) else {
            let which = match (row.baseline_value, row.value) {
                (None, None) => "either model",
                (None, Some(_)) => "the first model",
                _ => "this model",
            };
            row.reason = Some(format!("the score is not defined for {which}"));
            return row;
        };
        let difference = value - baseline;
        row.difference = Some(difference);
        row.notes = notes_on_size(row.n, &self.resampling);
        if row.score == Score::CalibrationError {
            row.notes.push("no test: a calibration error is too large by chance, for either model".to_owned());
            return row;
        }
        let (intervals, tests) = self.exact(row.score, of, model_idx, &mut row.notes);
        let (resampled, bootstrap) =
            self.resampled(difference, model_idx, score_idx, !tests.is_empty(), &mut row.notes);
        let knows_groups = tests.first().is_some_and(|test| test.method == TestMethod::Delong);
        let (first, then) = if self.resampling.is_grouped() && !knows_groups {
            ((resampled, bootstrap), (intervals, tests))
        } else {
            ((intervals, tests), (resampled, bootstrap))
        };
        row.intervals = [first.0, then.0].concat();
        row.tests = [first.1, then.1].concat();
        row
    }

    /// DeLong or McNemar, where they apply.
    fn exact(&self, score: Score, of: Of, model_idx: usize, notes: &mut Vec<String>) -> (Vec<Interval>, Vec<Test>) {
        if let Some(difference) = self.delong(score, of, model_idx) {
            let test = difference.p_value.map(|p_value| Test { method: TestMethod::Delong, p_value });
            if test.is_none() {
                notes.push("DeLong has no variance for models that separate the classes without a fault".to_owned());
            }
            return (difference.interval(self.settings.confidence).into_iter().collect(), test.into_iter().collect());
        }
        let right = |set: &ScoreSet| set.right(score, of);
        let (Some(first), Some(other)) = (right(&self.sets[0]), right(&self.sets[model_idx])) else {
            return (Vec::new(), Vec::new());
        };
        let found = mcnemar(&first, &other);
        let exact = Test { method: TestMethod::McnemarExact, p_value: found.p_exact };
        let mid_p = Test { method: TestMethod::McnemarMidP, p_value: found.p_mid };
        (Vec::new(), vec![mid_p, exact])
    }

    fn delong(&self, score: Score, of: Of, model_idx: usize) -> Option<DeLongDifference> {
        let [first, other] = [&self.sets[0], &self.sets[model_idx]].map(|set| set.delong(score, of));
        let (first, other) = (first?, other?);
        if !self.resampling.is_grouped() {
            return Some(first.difference(&other));
        }
        let freedom = self.resampling.n_units().saturating_sub(1) as f64;
        Some(first.by_group(&self.resampling)?.difference(&other.by_group(&self.resampling)?).with_freedom(freedom))
    }

    fn resampled(
        &self,
        difference: f64,
        model_idx: usize,
        score_idx: usize,
        knows_better: bool,
        notes: &mut Vec<String>,
    ) -> (Vec<Interval>, Vec<Test>) {
        if self.replicates.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let other_idx = model_idx * self.n_scores + score_idx;
        let drawn = self.replicates.of_difference(score_idx, other_idx);
        notes.extend(notes_on_replicates(&drawn, self.replicates.len()));
        let replicates = usable(drawn, self.replicates.len());
        let jackknife = self.jackknife.of_difference(score_idx, other_idx);
        if !knows_better {
            notes.extend(notes_on_bootstrap(&self.resampling, acceleration(&jackknife)));
        }
        let confidence = self.settings.confidence;
        let percentile = percentile_interval(&replicates, confidence);
        let bca = bca_interval(difference, &replicates, &jackknife, confidence);
        let test = bootstrap_p_value(&replicates).map(|p_value| Test { method: TestMethod::PairedBootstrap, p_value });
        // Percentiles first: the test is theirs, and of two models that are alike BCa leaves out 0 in up to 15 % of small data sets.
        (percentile.into_iter().chain(bca).collect(), test.into_iter().collect())
    }
}

/// All predictions in the order of the first, of which there is one, each with the sources and groups that any of them knows.
pub(crate) fn align_all(models: &[(&str, &Predictions)]) -> Result<Vec<Predictions>, StatisticsError> {
    let (first_name, first) = models[0];
    let mut first = first.clone();
    let mut others = Vec::with_capacity(models.len());
    for &(name, other) in &models[1..] {
        let other = align((first_name, &first), (name, other))?;
        complete(&mut first.sources, &other.sources);
        complete(&mut first.groups, &other.groups);
        others.push(other);
    }
    for other in &mut others {
        (other.sources, other.groups) = (first.sources.clone(), first.groups.clone());
    }
    Ok([vec![first], others].concat())
}

/// Fills what is empty.
fn complete(known: &mut [String], other: &[String]) {
    known
        .iter_mut()
        .zip(other)
        .filter(|(known, _)| known.is_empty())
        .for_each(|(known, other)| known.clone_from(other));
}

/// The other predictions in the order of the first, after a check that they are of the same samples.
fn align(
    (first_name, first): (&str, &Predictions),
    (other_name, other): (&str, &Predictions),
) -> Result<Predictions, StatisticsError> {
    let differ = |what: String| {
        Err(StatisticsError::Unpaired { first: first_name.to_owned(), other: other_name.to_owned(), what })
    };
    if first.classes != other.classes {
        return differ(format!("their classes are {} and {}", first.classes.join(", "), other.classes.join(", ")));
    }
    if first.task != other.task {
        let words = |task| match task {
            Task::Single => "one class per sample",
            Task::Multi => "any number of classes per sample",
        };
        return differ(format!("their tasks are {} and {}", words(first.task), words(other.task)));
    }
    if first.len() != other.len() {
        return differ(format!("they have {} and {} samples", first.len(), other.len()));
    }
    let same_order = first.ids == other.ids && first.splits == other.splits;
    let samples: Vec<usize> = if same_order {
        (0..first.len()).collect()
    } else {
        let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (sample, key) in keys(other).enumerate() {
            if places.insert(key, sample).is_some() {
                return differ(format!("sample `{}` of split `{}` occurs twice in `{other_name}`", key.1, key.0));
            }
        }
        let mut samples = Vec::with_capacity(first.len());
        for key in keys(first) {
            match places.remove(&key) {
                Some(sample) => samples.push(sample),
                None => {
                    return differ(format!("sample `{}` of split `{}` is missing in `{other_name}`", key.1, key.0));
                }
            }
        }
        samples
    };
    let other = other.select(&samples);
    for sample in 0..first.len() {
        let id = &first.ids[sample];
        if !first.labels[sample].iter().all(|label| other.labels[sample].contains(label))
            || !other.labels[sample].iter().all(|label| first.labels[sample].contains(label))
        {
            let names = |labels: &[usize]| match labels {
                [] => "none".to_owned(),
                labels => {
                    labels.iter().map(|label| format!("`{}`", first.classes[*label])).collect::<Vec<_>>().join(", ")
                }
            };
            let labels = (names(&first.labels[sample]), names(&other.labels[sample]));
            return differ(format!("sample `{id}` has the labels {} and {}", labels.0, labels.1));
        }
        let disagree = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
        let (one, another) = (&first.sources[sample], &other.sources[sample]);
        if disagree(one, another) {
            return differ(format!("sample `{id}` is from `{one}` and from `{another}`"));
        }
        let (one, another) = (&first.groups[sample], &other.groups[sample]);
        if disagree(one, another) {
            return differ(format!("sample `{id}` belongs to the group `{one}` and to `{another}`"));
        }
    }
    Ok(other)
}

/// Split and id of each sample.
fn keys(predictions: &Predictions) -> impl Iterator<Item = (&str, &str)> {
    predictions.splits.iter().map(String::as_str).zip(predictions.ids.iter().map(String::as_str))
}
