//! All scores of a set of samples, prepared so that any weights of the samples are scored fast.
//!
//! The scores themselves have all weights 1, and a bootstrap resample has how often each sample was drawn: one way for
//! both. Sorting, comparing and squaring happen once; a resample is a few walks over the samples.

use crate::calibration::Residuals;
use crate::counts::{Counts, OneVsRest, mean, ratio};
use crate::ranking::Ranking;
use crate::score::{Of, Score};
use crate::settings::Settings;
use crate::shares::{Decided, Shared, Shares};
use crate::{DeLong, Resampling};
use crate::{Predictions, Task};

/// Most decisions of a mean of shares in which every sample counts for every class.
const MOST_DECISIONS: usize = 20_000_000;

/// Classes from which on pairs are not ranked: their number grows with the square.
const TOO_MANY_TO_PAIR: usize = 21;

/// All scores of a set of samples.
pub(crate) struct ScoreSet<'a> {
    settings: &'a Settings,
    n_samples: usize,
    n_classes: usize,
    decisions: Decisions,
    rankings: Vec<Ranking>,
    /// Each pair of classes, ranked by the one and by the other.
    pairs: Vec<((usize, usize), [Ranking; 2])>,
    /// Squared errors of the whole and of each class.
    squared_errors: Vec<(Of, Vec<f64>)>,
    residuals: Vec<(Of, Residuals)>,
    background: Vec<(usize, f64)>,
    multi: bool,
}

/// What is true and what was predicted.
enum Decisions {
    /// `true class · K + predicted class` of each sample.
    Single { cells: Vec<usize>, n_classes: usize },
    /// `2 · is true + is predicted` for each label, `[K][N]`, and whether all labels of a sample are right.
    Multi { labels: Vec<Vec<u8>>, right: Vec<bool> },
}

impl<'a> ScoreSet<'a> {
    /// # Panics
    /// If the predictions were not checked.
    pub fn new(predictions: &Predictions, settings: &'a Settings) -> Self {
        let ranked = [Score::Auc, Score::AveragePrecision].into_iter().any(|score| settings.wants_score(score));
        let n_classes = predictions.classes.len();
        let rank = |class_idx| {
            let truth: Vec<bool> = predictions.labels.iter().map(|labels| labels.contains(&class_idx)).collect();
            let scores: Vec<f64> = predictions.probabilities.iter().map(|row| row[class_idx]).collect();
            Ranking::new(&scores, &truth).expect("checked probabilities are numbers")
        };
        let decisions = Decisions::new(predictions);
        Self {
            settings,
            n_samples: predictions.len(),
            n_classes,
            rankings: if ranked { (0..n_classes).map(rank).collect() } else { Vec::new() },
            pairs: if settings.wants_score(Score::PairwiseAuc) { pairs(predictions) } else { Vec::new() },
            squared_errors: if settings.wants_score(Score::BrierLoss) {
                squared_errors(predictions, settings)
            } else {
                Vec::new()
            },
            residuals: if settings.wants_score(Score::CalibrationError) {
                residuals(predictions, settings, &decisions)
            } else {
                Vec::new()
            },
            background: predictions
                .background_share
                .iter()
                .enumerate()
                .filter_map(|(sample, share)| Some((sample, (*share)?)))
                .collect(),
            decisions,
            multi: predictions.task == Task::Multi,
        }
    }

    /// What the scores are, in the order of [`values`](Self::values).
    pub fn names(&self) -> Vec<(Score, Of)> {
        let mut names = Vec::new();
        self.visit(&vec![1; self.n_samples], &mut |score, of, _| names.push((score, of)));
        names
    }

    /// [`names`](Self::names) in the order of tables, each with its place in [`values`](Self::values).
    pub fn sorted_names(&self) -> Vec<(usize, (Score, Of))> {
        let mut named: Vec<_> = self.names().into_iter().enumerate().collect();
        named.sort_by_key(|(_, (score, of))| (*of, *score));
        named
    }

    /// The scores when each sample counts as often as its weight says.
    pub fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
        let mut values = Vec::new();
        self.visit(weights, &mut |_, _, value| values.push(value));
        values
    }

    /// Counts of right and wrong predictions.
    pub fn counts(&self, weights: &[u32]) -> Counts {
        self.decisions.counts(weights)
    }

    /// The rankings that an area is of, or the mean of: those with samples on both sides.
    pub fn rankings_of(&self, score: Score, of: Of) -> Vec<&Ranking> {
        let all: Vec<&Ranking> = match (score, of) {
            (Score::Auc, Of::All) => self.rankings.iter().collect(),
            (Score::Auc, Of::Class(class_idx)) => self.rankings.get(class_idx).into_iter().collect(),
            (Score::PairwiseAuc, Of::All) => self.pairs.iter().flat_map(|(_, rankings)| rankings).collect(),
            (Score::PairwiseAuc, of) => self.pair(of).into_iter().flatten().collect(),
            _ => Vec::new(),
        };
        all.into_iter().filter(|ranking| ranking.sides().0 > 0 && ranking.sides().1 > 0).collect()
    }

    /// The area and its variance, of those samples and classes that the score is made of.
    pub fn delong(&self, score: Score, of: Of) -> Option<DeLong> {
        let rankings = self.rankings_of(score, of);
        // An area over another set of classes than the score's would be another number.
        let areas: Option<Vec<DeLong>> =
            rankings.iter().map(|ranking| DeLong::of_ranking(ranking, self.n_samples)).collect();
        DeLong::mean(areas?)
    }

    /// For each sample that a share of right predictions is taken of: whether it is right. `None` for other scores.
    pub fn right(&self, score: Score, of: Of) -> Option<Vec<bool>> {
        match (score, of) {
            (Score::Accuracy, Of::All) => Some(self.decisions.right()),
            (Score::Accuracy, Of::Class(class_idx)) => {
                Some(self.decisions.of_class(class_idx).map(|(truth, predicted)| truth == predicted).collect())
            }
            (Score::Recall, Of::Class(class_idx)) => {
                Some(self.decisions.of_class(class_idx).filter(|pair| pair.0).map(|pair| pair.1).collect())
            }
            (Score::Specificity, Of::Class(class_idx)) => {
                Some(self.decisions.of_class(class_idx).filter(|pair| !pair.0).map(|pair| !pair.1).collect())
            }
            _ => None,
        }
    }

    /// The shares that a score of counts is made of; `None` for other scores, and for a mean of very many shares of very many samples.
    pub fn shares(&self, score: Score, of: Of, resampling: &Resampling) -> Option<Shares> {
        use Score::{Accuracy, BalancedAccuracy, F1, LabelAccuracy, Precision, Recall, Specificity};
        let decisions = &self.decisions;
        let once = |decided: Decided| vec![(1.0, decided)];
        let occurring =
            || (0..self.n_classes).filter(|&class| decisions.of_class(class).any(|(is, called)| is || called));
        let each = |decided: fn(&Decisions, usize) -> Decided| -> Vec<(f64, Decided)> {
            occurring().map(|class| (1.0, decided(decisions, class))).collect()
        };
        let across = if self.multi { Shared::Samples } else { Shared::Nothing };
        let (weighted, shared) = match (score, of) {
            (Accuracy, Of::All) => (once(decisions.right().into_iter().enumerate().collect()), across),
            (Accuracy, Of::Class(class)) => (once(decisions.decided(class)), across),
            (LabelAccuracy, Of::All) => {
                ((0..self.n_classes).map(|class| (1.0, decisions.decided(class))).collect(), across)
            }
            (BalancedAccuracy, Of::Class(class)) => (decisions.both_sides(class), Shared::Nothing),
            (BalancedAccuracy, Of::All) if self.multi => {
                ((0..self.n_classes).flat_map(|class| decisions.both_sides(class)).collect(), across)
            }
            (Recall, Of::Class(class)) => (once(decisions.found(class)), across),
            (Precision, Of::Class(class)) => (once(decisions.called(class)), across),
            (Specificity, Of::Class(class)) => (once(decisions.rejected(class)), across),
            (F1, Of::Class(class)) => (once(decisions.concerned(class)), across),
            (BalancedAccuracy, Of::All) => {
                let classes = (0..self.n_classes).map(|class| (1.0, decisions.found(class)));
                (classes.filter(|(_, decided)| !decided.is_empty()).collect(), across)
            }
            (Recall, Of::All) => (each(Decisions::found), across),
            (Precision, Of::All) => (each(Decisions::called), across),
            (F1, Of::All) => (each(Decisions::concerned), if self.multi { Shared::Samples } else { Shared::Errors }),
            (Specificity, Of::All) if self.n_classes * self.n_samples <= MOST_DECISIONS => {
                (each(Decisions::rejected).into_iter().filter(|(_, decided)| !decided.is_empty()).collect(), across)
            }
            _ => return None,
        };
        Some(Shares::new(&weighted, score == F1, shared, resampling))
    }

    /// Number of samples that the score is made of.
    pub fn n_of(&self, score: Score, of: Of) -> usize {
        match (score, of) {
            (Score::BackgroundShare, _) => self.background.len(),
            (_, Of::Pair(..)) => self.pair(of).map_or(0, |[ranking, _]| ranking.sides().0 + ranking.sides().1),
            _ => self.n_samples,
        }
    }

    fn pair(&self, of: Of) -> Option<&[Ranking; 2]> {
        let Of::Pair(first, second) = of else { return None };
        self.pairs.iter().find(|(pair, _)| *pair == (first, second)).map(|(_, rankings)| rankings)
    }

    fn visit(&self, weights: &[u32], emit: &mut dyn FnMut(Score, Of, Option<f64>)) {
        let mut emit = |score, of, value| {
            if self.settings.wants(score, of) {
                emit(score, of, value);
            }
        };
        if Score::ALL.into_iter().any(|score| score.is_counted() && self.settings.wants_score(score)) {
            let counts = self.counts(weights);
            counts.visit(&counts.occurs(), &mut emit);
        }
        self.visit_areas(weights, &mut emit);
        self.visit_probabilities(weights, &mut emit);
    }

    fn visit_areas(&self, weights: &[u32], emit: &mut dyn FnMut(Score, Of, Option<f64>)) {
        if !self.rankings.is_empty() {
            let areas: Vec<_> = self.rankings.iter().map(|ranking| ranking.areas(weights)).collect();
            let scored = || self.rankings.iter().zip(&areas);
            let with_auc = scored().filter(|(ranking, _)| ranking.sides().0 > 0 && ranking.sides().1 > 0);
            emit(Score::Auc, Of::All, mean_of_all(with_auc.map(|(_, areas)| areas.auc)));
            let with_precision = scored().filter(|(ranking, _)| ranking.sides().1 > 0);
            emit(
                Score::AveragePrecision,
                Of::All,
                mean_of_all(with_precision.map(|(_, areas)| areas.average_precision)),
            );
            for (class_idx, areas) in areas.iter().enumerate() {
                emit(Score::Auc, Of::Class(class_idx), areas.auc);
                emit(Score::AveragePrecision, Of::Class(class_idx), areas.average_precision);
            }
        }
        if !self.pairs.is_empty() {
            let of_pair = |rankings: &[Ranking; 2]| {
                let [first, second] = rankings.each_ref().map(|ranking| ranking.areas(weights).auc);
                Some(f64::midpoint(first?, second?))
            };
            let areas: Vec<_> = self.pairs.iter().map(|(_, rankings)| of_pair(rankings)).collect();
            let with_area = self.pairs.iter().zip(&areas).filter(|((_, [first, _]), _)| {
                let (negatives, positives) = first.sides();
                negatives > 0 && positives > 0
            });
            emit(Score::PairwiseAuc, Of::All, mean_of_all(with_area.map(|(_, area)| *area)));
            for (((first, second), _), area) in self.pairs.iter().zip(areas) {
                emit(Score::PairwiseAuc, Of::Pair(*first, *second), area);
            }
        }
    }

    fn visit_probabilities(&self, weights: &[u32], emit: &mut dyn FnMut(Score, Of, Option<f64>)) {
        let n: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        for (of, errors) in &self.squared_errors {
            let sum: f64 = errors.iter().zip(weights).map(|(error, &weight)| error * f64::from(weight)).sum();
            emit(Score::BrierLoss, *of, ratio(sum, n));
        }
        let errors: Vec<(Of, Option<f64>)> =
            self.residuals.iter().map(|(of, residuals)| (*of, residuals.error(weights, n))).collect();
        if self.multi && !errors.is_empty() {
            emit(Score::CalibrationError, Of::All, mean(errors.iter().filter_map(|(_, error)| *error)));
        }
        for (of, error) in errors {
            emit(Score::CalibrationError, of, error);
        }
        let (mut sum, mut n_measured) = (0.0, 0.0);
        for &(sample, share) in &self.background {
            sum += share * f64::from(weights[sample]);
            n_measured += f64::from(weights[sample]);
        }
        emit(Score::BackgroundShare, Of::All, ratio(sum, n_measured));
    }
}

impl Decisions {
    pub fn new(predictions: &Predictions) -> Self {
        let n_classes = predictions.classes.len();
        match predictions.task {
            Task::Single => {
                let cell = |sample: usize| {
                    let predicted = predictions.predicted(sample);
                    predictions.labels[sample][0] * n_classes + predicted[0]
                };
                Self::Single { cells: (0..predictions.len()).map(cell).collect(), n_classes }
            }
            Task::Multi => {
                let mut labels = vec![vec![0_u8; predictions.len()]; n_classes];
                for (sample, true_labels) in predictions.labels.iter().enumerate() {
                    true_labels.iter().for_each(|&class_idx| labels[class_idx][sample] |= 2);
                    predictions.predicted(sample).iter().for_each(|&class_idx| labels[class_idx][sample] |= 1);
                }
                let right = |sample: usize| labels.iter().all(|label| matches!(label[sample], 0 | 3));
                let right = (0..predictions.len()).map(right).collect();
                Self::Multi { labels, right }
            }
        }
    }

    fn counts(&self, weights: &[u32]) -> Counts {
        match self {
            Self::Single { cells, n_classes } => {
                let mut sums = vec![0_u64; n_classes * n_classes];
                for (&cell, &weight) in cells.iter().zip(weights) {
                    sums[cell] += u64::from(weight);
                }
                let row = |row: &[u64]| row.iter().map(|&count| count as f64).collect();
                Counts::Single { rows: sums.chunks(*n_classes).map(row).collect() }
            }
            Self::Multi { labels, right } => {
                let label = |cells: &Vec<u8>| {
                    let mut sums = [0_u64; 4];
                    for (&cell, &weight) in cells.iter().zip(weights) {
                        sums[usize::from(cell & 3)] += u64::from(weight);
                    }
                    let [true_negative, false_positive, false_negative, true_positive] = sums.map(|sum| sum as f64);
                    OneVsRest { true_negative, false_positive, false_negative, true_positive }
                };
                let sides = right.iter().zip(weights).fold([0_u64; 2], |mut sides, (&right, &weight)| {
                    sides[usize::from(right)] += u64::from(weight);
                    sides
                });
                let [wrong, right] = sides.map(|side| side as f64);
                Counts::Multi { labels: labels.iter().map(label).collect(), right, wrong }
            }
        }
    }

    /// Whether each sample is right, in all labels.
    fn right(&self) -> Vec<bool> {
        match self {
            Self::Multi { right, .. } => right.clone(),
            Self::Single { cells, n_classes } => {
                cells.iter().map(|cell| cell / n_classes == cell % n_classes).collect()
            }
        }
    }

    /// Decisions on every sample: is it of the class or not?
    fn decided(&self, class_idx: usize) -> Decided {
        self.of_class(class_idx).map(|(truth, predicted)| truth == predicted).enumerate().collect()
    }

    /// Decisions on the samples of the class, right if they are found.
    fn found(&self, class_idx: usize) -> Decided {
        self.chosen(class_idx, |truth, predicted| truth.then_some(predicted))
    }

    /// Decisions that called a sample the class, right if it is.
    fn called(&self, class_idx: usize) -> Decided {
        self.chosen(class_idx, |truth, predicted| predicted.then_some(truth))
    }

    /// Decisions on the samples of other classes, right if they are not called this one.
    fn rejected(&self, class_idx: usize) -> Decided {
        self.chosen(class_idx, |truth, predicted| (!truth).then_some(!predicted))
    }

    /// Decisions that concern the class, right if it was there and was called.
    fn concerned(&self, class_idx: usize) -> Decided {
        self.chosen(class_idx, |truth, predicted| (truth || predicted).then_some(truth && predicted))
    }

    /// Both halves of a balanced accuracy, or the one that has samples.
    fn both_sides(&self, class_idx: usize) -> Vec<(f64, Decided)> {
        let sides = [self.found(class_idx), self.rejected(class_idx)];
        let with_samples: Vec<Decided> = sides.into_iter().filter(|side| !side.is_empty()).collect();
        let weight = 1.0 / with_samples.len().max(1) as f64;
        with_samples.into_iter().map(|side| (weight, side)).collect()
    }

    fn chosen(&self, class_idx: usize, decision: impl Fn(bool, bool) -> Option<bool>) -> Decided {
        let of_class = self.of_class(class_idx).enumerate();
        of_class.filter_map(|(sample, (truth, predicted))| Some((sample, decision(truth, predicted)?))).collect()
    }

    /// Of each sample, whether it is of the class and whether it is predicted as such.
    fn of_class(&self, class_idx: usize) -> impl Iterator<Item = (bool, bool)> {
        let n_samples = match self {
            Self::Single { cells, .. } => cells.len(),
            Self::Multi { right, .. } => right.len(),
        };
        (0..n_samples).map(move |sample| match self {
            Self::Single { cells, n_classes } => {
                (cells[sample] / n_classes == class_idx, cells[sample] % n_classes == class_idx)
            }
            Self::Multi { labels, .. } => (labels[class_idx][sample] & 2 != 0, labels[class_idx][sample] & 1 != 0),
        })
    }
}

/// The mean of values that must all be there: a resample that lost a class has no mean over the classes.
fn mean_of_all(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    mean(values.collect::<Option<Vec<f64>>>()?.into_iter())
}

fn pairs(predictions: &Predictions) -> Vec<((usize, usize), [Ranking; 2])> {
    let n_classes = predictions.classes.len();
    if predictions.task == Task::Multi || !(3..TOO_MANY_TO_PAIR).contains(&n_classes) {
        return Vec::new();
    }
    let rank = |positive: usize, negative: usize| {
        let samples = predictions.labels.iter().zip(&predictions.probabilities).enumerate();
        let chosen = samples.filter(|(_, (labels, _))| labels[0] == positive || labels[0] == negative);
        let ranking =
            Ranking::among(chosen.map(|(sample, (labels, row))| (sample, row[positive], labels[0] == positive)));
        ranking.expect("checked probabilities are numbers")
    };
    let all = (0..n_classes).flat_map(|first| (first + 1..n_classes).map(move |second| (first, second)));
    all.map(|(first, second)| ((first, second), [rank(first, second), rank(second, first)])).collect()
}

fn squared_errors(predictions: &Predictions, settings: &Settings) -> Vec<(Of, Vec<f64>)> {
    let n_classes = predictions.classes.len();
    let class = |class_idx: usize| -> Vec<f64> {
        let rows = predictions.labels.iter().zip(&predictions.probabilities);
        rows.map(|(labels, row)| {
            let truth = f64::from(u8::from(labels.contains(&class_idx)));
            (row[class_idx] - truth).powi(2)
        })
        .collect()
    };
    let classes: Vec<Vec<f64>> = (0..n_classes).map(class).collect();
    let mut whole = vec![0.0; predictions.len()];
    for errors in &classes {
        whole.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error);
    }
    let divisor = match predictions.task {
        Task::Single if n_classes > 2 => 1.0,
        _ => n_classes.max(1) as f64,
    };
    whole.iter_mut().for_each(|error| *error /= divisor);
    let classes = classes.into_iter().enumerate().map(|(class_idx, errors)| (Of::Class(class_idx), errors));
    let classes = if settings.by_class { classes.collect() } else { Vec::new() };
    [(Of::All, whole)].into_iter().chain(classes).collect()
}

/// Of the predicted class (single-label tasks) and of each class.
fn residuals(predictions: &Predictions, settings: &Settings, decisions: &Decisions) -> Vec<(Of, Residuals)> {
    let mut residuals = Vec::new();
    if let Decisions::Single { cells, n_classes } = decisions {
        let confidence = cells.iter().zip(&predictions.probabilities).map(|(cell, row)| {
            let (truth, predicted) = (cell / n_classes, cell % n_classes);
            (row[predicted], truth == predicted)
        });
        residuals.push((Of::All, Residuals::new(confidence, settings.calibration_bins)));
    }
    if settings.by_class || predictions.task == Task::Multi {
        residuals.extend((0..predictions.classes.len()).map(|class_idx| {
            let rows = predictions.labels.iter().zip(&predictions.probabilities);
            let class = rows.map(|(labels, row)| (row[class_idx], labels.contains(&class_idx)));
            (Of::Class(class_idx), Residuals::new(class, settings.calibration_bins))
        }));
    }
    residuals
}
