//! Intervals of the scores that are made of shares: of the samples of a class, how many are found; of those called a class, how
//! many are it.
//!
//! A share is `k` of `n` decisions. Its interval is Wilson's, or that of Clopper and Pearson where fewer than five of the decisions
//! lie on one side: there Wilson's falls short for shares close to 0 or 1. F1 is a share in disguise: with
//! `J = TP / (TP + FP + FN)`, one of the decisions that concern the class, `F1 = 2J / (1 + J)`, so the bounds of `J` give its own.
//!
//! A score as a whole is a mean of shares, one per class. Its interval recovers the variances of the shares from their bounds (MOVER):
//!
//! ```text
//! low = mean − √(Σ_ij r_ij·(p_i − l_i)·(p_j − l_j)) / K        high = mean + √(Σ_ij r_ij·(u_i − p_i)·(u_j − p_j)) / K
//! ```
//!
//! with `r` the correlation of the shares: a missed sample of one class is a false one of another. Correlations and, where samples
//! come in groups, the *design effect* (how much larger the variance of a share is than that of as many independent samples) come
//! from what each sample, or group, adds to a share, `Σ (is right − p) / n`. A share of groups counts `n / design effect`
//! samples, and its bounds lie as many standard errors away as Student's t with (groups − 1) degrees of freedom says.
//! A share of 0 or 1 has no variance to compare: it counts as many samples as it has groups.
//!
//! Sources: Wilson (1927) and Clopper and Pearson (1934), see [`wilson`](crate::wilson()); MOVER: Zou and Donner, Statistics in
//! Medicine 27 (2008); effective number of samples: Korn and Graubard, Survey Methodology 24 (1998).

use crate::bootstrap::Resampling;
use crate::normal;
use crate::proportion::wilson_reaching;
use crate::{Interval, IntervalMethod, ProportionMethod};

/// With fewer decisions than this on one side of a share, its interval is the exact one.
pub(crate) const FEW_DECISIONS: f64 = 5.0;
/// What is said of intervals of fewer.
pub(crate) const EXACT: &str =
    "fewer than 5 right or wrong decisions: the interval is exact or wider, and covers more than it says";

/// The decisions that a share is of: which sample, and whether it is right.
pub(crate) type Decided = Vec<(usize, bool)>;

/// How shares without an error hang together, whose correlation nothing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// No sample counts in two shares: recalls of classes.
    Nothing,
    /// An error counts in two shares: F1 of the class that was missed and of that which was called.
    Errors,
    /// All samples count in all shares: labels.
    Samples,
}

/// A score that is a mean of shares.
pub(crate) struct Shares {
    /// The shares that have samples.
    parts: Vec<Share>,
    /// Sum of all weights; shares without samples count 0.
    weight: f64,
    shared: Shared,
    n_units: usize,
    grouped: bool,
}

struct Share {
    /// What it counts in the mean.
    weight: f64,
    value: f64,
    /// Right decisions of decisions.
    right: f64,
    n: f64,
    is_f1: bool,
    /// What each unit that counts adds to the share, `Σ (is right − p) / n`.
    influence: Vec<(usize, f64)>,
}

impl Shares {
    /// Shares with their weights in the mean.
    pub fn new(weighted: &[(f64, Decided)], is_f1: bool, shared: Shared, resampling: &Resampling) -> Self {
        let mut sums = vec![None; resampling.n_units()];
        let parts = weighted.iter().filter_map(|it| Share::new(it, is_f1, resampling, &mut sums)).collect();
        let weight = weighted.iter().map(|(weight, _)| weight).sum();
        Self { parts, weight, shared, n_units: resampling.n_units(), grouped: resampling.is_grouped() }
    }

    /// Whether every decision of every share is the same: there is no variance to see.
    pub fn is_certain(&self) -> bool {
        self.parts.iter().all(|part| part.right == 0.0 || part.right == part.n)
    }

    /// Fewest right or wrong decisions of any share: an interval of few is rough.
    pub fn fewest(&self) -> f64 {
        self.parts.iter().map(|part| part.right.min(part.n - part.right)).fold(f64::INFINITY, f64::min)
    }

    /// Fewest groups of any share; `None` where samples do not come in groups.
    pub fn fewest_groups(&self) -> Option<usize> {
        self.parts.iter().map(|part| part.influence.len()).min().filter(|_| self.grouped)
    }

    /// The interval; `None` without a share, or with one group alone.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        if self.grouped && self.n_units < 2 {
            return None;
        }
        let bounds: Vec<Interval> = self.parts.iter().map(|part| part.bounds(self, confidence)).collect();
        match &bounds[..] {
            [] => return None,
            [bounds] if self.is_one() => return Some(*bounds),
            _ => {}
        }
        let centre = self.parts.iter().map(|part| part.weight * part.value).sum::<f64>() / self.weight;
        let away = |distance: &dyn Fn(&Share, &Interval) -> f64| {
            let distances: Vec<f64> =
                self.parts.iter().zip(&bounds).map(|(part, it)| part.weight * distance(part, it)).collect();
            self.combined(&distances) / self.weight
        };
        let low = (centre - away(&|part, bounds| part.value - bounds.low)).max(0.0);
        let high = (centre + away(&|part, bounds| bounds.high - part.value)).min(1.0);
        Some(Interval { method: IntervalMethod::Mover, low, high })
    }

    /// Whether the score is one share and no mean of several.
    fn is_one(&self) -> bool {
        matches!(&self.parts[..], [part] if part.weight == self.weight)
    }

    /// `√(Σ_ij r_ij·d_i·d_j)`, as the sum over units of `(Σ_i d_i·influence_i / deviation_i)²`.
    fn combined(&self, distances: &[f64]) -> f64 {
        let mut sums = vec![0.0; self.n_units];
        let (mut squares, mut sum) = (0.0, 0.0);
        for (part, &distance) in self.parts.iter().zip(distances) {
            let deviation = part.variance().sqrt();
            if deviation > 0.0 {
                part.influence.iter().for_each(|(unit, influence)| sums[*unit] += distance / deviation * influence);
            } else {
                squares += distance * distance;
                sum += distance;
            }
        }
        let seen: f64 = sums.iter().map(|sum| sum * sum).sum();
        let unseen = match self.shared {
            Shared::Nothing => squares,
            Shared::Errors => (2.0 * squares).min(sum * sum),
            Shared::Samples => sum * sum,
        };
        (seen + unseen).sqrt()
    }
}

impl Share {
    fn new(
        (weight, decided): &(f64, Decided),
        is_f1: bool,
        resampling: &Resampling,
        sums: &mut [Option<f64>],
    ) -> Option<Self> {
        if decided.is_empty() {
            return None;
        }
        let (n, right) = (decided.len() as f64, decided.iter().filter(|decision| decision.1).count() as f64);
        let share = right / n;
        let mut units = Vec::new();
        for (sample, is_right) in decided {
            let unit = resampling.unit(*sample);
            if sums[unit].is_none() {
                units.push(unit);
            }
            *sums[unit].get_or_insert(0.0) += (f64::from(u8::from(*is_right)) - share) / n;
        }
        let influence = units.into_iter().map(|unit| (unit, sums[unit].take().unwrap_or(0.0))).collect();
        Some(Self { weight: *weight, value: if is_f1 { f1(share) } else { share }, right, n, is_f1, influence })
    }

    /// Variance of the share, 0 if all decisions are the same.
    fn variance(&self) -> f64 {
        if self.right == 0.0 || self.right == self.n {
            return 0.0;
        }
        self.influence.iter().map(|(_, influence)| influence * influence).sum()
    }

    /// Bounds of the share, or of the F1 that it stands for.
    fn bounds(&self, of: &Shares, confidence: f64) -> Interval {
        let freedom = self.influence.len() as f64 - 1.0;
        let reach =
            if of.grouped { normal::student_reach(confidence, freedom.max(1.0)) } else { normal::reach(confidence) };
        let share = self.right / self.n;
        let n = if of.grouped { self.effective_number() } else { self.n };
        let few = share.min(1.0 - share) * n < FEW_DECISIONS;
        let found = if few && of.is_one() {
            ProportionMethod::ClopperPearson.of_share(share, n, normal::confidence(reach))
        } else {
            wilson_reaching(reach, share, n)
        };
        if self.is_f1 { Interval { low: f1(found.low), high: f1(found.high), ..found } } else { found }
    }

    /// How many independent samples tell as much as these do.
    fn effective_number(&self) -> f64 {
        let (share, variance) = (self.right / self.n, self.variance());
        let units = self.influence.len() as f64;
        if variance == 0.0 || units < 2.0 {
            return units;
        }
        let independent = share * (1.0 - share) / self.n;
        self.n / (variance * units / (units - 1.0) / independent).max(1.0)
    }
}

/// F1 of the share `TP / (TP + FP + FN)`.
fn f1(share: f64) -> f64 {
    2.0 * share / (1.0 + share)
}
