//! All scores of a set of samples, prepared so that any weights of the samples are scored fast.
//!
//! The scores themselves have all weights 1, and a bootstrap resample has how often each sample was drawn: one way for
//! both. Sorting, comparing and squaring happen once; a resample is a few walks over the samples.

use crate::DeLong;
use crate::calibration::Residuals;
use crate::counts::{Counts, OneVsRest, mean, ratio};
use crate::ranking::Ranking;
use crate::score::{Of, Score};
use crate::settings::Settings;
use crate::{Predictions, Task};

/// Classes from which on pairs are not ranked: their number grows with the square.
const TOO_MANY_TO_PAIR: usize = 21;

/// All scores of a set of samples.
pub(crate) struct ScoreSet<'a> {
    settings: &'a Settings,
    n_samples: usize,
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

    /// The area and its variance, of those samples and classes that the score is made of.
    pub fn delong(&self, score: Score, of: Of) -> Option<DeLong> {
        let area = |ranking: &Ranking| DeLong::of_ranking(ranking, self.n_samples);
        // An area over another set of classes than the score's would be another number.
        let all = |rankings: &mut dyn Iterator<Item = &Ranking>| {
            let mut complete = true;
            let defined = rankings.filter(|ranking| ranking.sides().0 > 0 && ranking.sides().1 > 0);
            let mean = DeLong::mean(defined.map_while(|ranking| {
                let area = area(ranking);
                complete &= area.is_some();
                area
            }));
            mean.filter(|_| complete)
        };
        match (score, of) {
            (Score::Auc, Of::All) => all(&mut self.rankings.iter()),
            (Score::Auc, Of::Class(class_idx)) => area(&self.rankings[class_idx]),
            (Score::PairwiseAuc, Of::All) => all(&mut self.pairs.iter().flat_map(|(_, rankings)| rankings)),
            (Score::PairwiseAuc, of) => all(&mut self.pair(of)?.iter()),
            _ => None,
        }
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
            emit(Score::Auc, Of::All, mean(areas.iter().filter_map(|areas| areas.auc)));
            emit(Score::AveragePrecision, Of::All, mean(areas.iter().filter_map(|areas| areas.average_precision)));
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
            emit(Score::PairwiseAuc, Of::All, mean(areas.iter().flatten().copied()));
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
                let label = |class_idx: usize| -> Vec<u8> {
                    let rows = predictions.labels.iter().zip(&predictions.probabilities);
                    rows.map(|(labels, row)| {
                        2 * u8::from(labels.contains(&class_idx))
                            + u8::from(row[class_idx] >= predictions.thresholds[class_idx])
                    })
                    .collect()
                };
                let labels: Vec<Vec<u8>> = (0..n_classes).map(label).collect();
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
