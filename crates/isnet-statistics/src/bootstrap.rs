//! The bootstrap: what a score would have been on other samples of the same kind.
//!
//! A resample draws as many units as there are, with replacement; a unit is a sample, or a group of samples that belong
//! together, such as the images of a patient. A score is computed from *weights*, how often each sample was drawn, so
//! whatever can be sorted or looked up is prepared once for all resamples.
//!
//! Resample `r` draws from the stream `[BOOTSTRAP, r]` of the seed: resamples run in parallel, and the numbers do not
//! depend on the threads. Two models that are scored with one seed see the same resamples.
//!
//! Sources: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 to 15; conventions of
//! `scipy.stats.bootstrap` (linear interpolation between percentiles, half of the ties in the bias).

use std::collections::BTreeMap;

use isnet_data::rng::stream;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::{Interval, IntervalMethod, normal};

/// Key of the draws of a resample: `[BOOTSTRAP, resample]`.
const BOOTSTRAP: u64 = 401;
/// Key of the order in which units are put into blocks: `[JACKKNIFE]`.
const JACKKNIFE: u64 = 402;

/// Most blocks of the jackknife: up to as many units are left out one by one, more are left out in blocks of equal
/// size. The acceleration of n units is of the order 1/√n, and 200 blocks find it to ±0.002, which moves
/// a bound by less than the draw of 1000 resamples does.
const MOST_BLOCKS: usize = 200;

/// Which samples are drawn together.
///
/// # Example
/// ```
/// # use isnet_statistics::Resampling;
/// let patients = ["ada", "ada", "bob", ""].map(String::from);
/// let resampling = Resampling::by_group(&patients);
/// assert_eq!(resampling.n_units(), 3); // a sample without a name stands for itself
/// let weights = resampling.weights(7, 0);
/// assert_eq!(weights[0], weights[1]);
/// assert_eq!(weights, resampling.weights(7, 0)); // the same seed and resample, the same draw
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resampling {
    /// Unit of each sample; `None` if each sample is one.
    unit_of: Option<Vec<usize>>,
    n_samples: usize,
    n_units: usize,
}

/// Scores of many resamples.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicates {
    rows: Vec<Vec<Option<f64>>>,
}

impl Resampling {
    /// Every sample is drawn by itself.
    pub fn by_sample(n_samples: usize) -> Self {
        Self { unit_of: None, n_samples, n_units: n_samples }
    }

    /// Samples of equal name are drawn together; a sample with an empty name is drawn by itself.
    pub fn by_group(names: &[String]) -> Self {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut n_units = 0;
        let mut next = || {
            n_units += 1;
            n_units - 1
        };
        let unit_of: Vec<usize> = names
            .iter()
            .map(|name| if name.is_empty() { next() } else { *known.entry(name).or_insert_with(&mut next) })
            .collect();
        Self { unit_of: Some(unit_of), n_samples: names.len(), n_units }
    }

    /// Number of units that are drawn.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// Number of samples.
    pub(crate) fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// The unit that a sample belongs to.
    pub(crate) fn unit(&self, sample: usize) -> usize {
        self.unit_of.as_ref().map_or(sample, |unit_of| unit_of[sample])
    }

    /// Whether samples are drawn in groups.
    pub fn is_grouped(&self) -> bool {
        self.unit_of.is_some()
    }

    /// How often a resample holds each sample.
    pub fn weights(&self, seed: u64, resample: usize) -> Vec<u32> {
        let mut rng = stream(seed, &[BOOTSTRAP, resample as u64]);
        let mut drawn = vec![0; self.n_units];
        // 32 bits are drawn on every machine, so that the numbers do not depend on its word size.
        let n_units = u32::try_from(self.n_units).expect("fewer than 2³² units fit into memory");
        for _ in 0..n_units {
            drawn[rng.random_range(0..n_units) as usize] += 1;
        }
        self.of_samples(drawn)
    }

    /// Number of blocks that the jackknife leaves out, one after another.
    fn n_blocks(&self) -> usize {
        self.n_units.min(MOST_BLOCKS)
    }

    /// Block of each unit, of equal sizes but for one, by chance.
    fn blocks(&self, seed: u64) -> Vec<usize> {
        let mut blocks: Vec<usize> = (0..self.n_units).map(|unit| unit % self.n_blocks()).collect();
        blocks.shuffle(&mut stream(seed, &[JACKKNIFE]));
        blocks
    }

    fn of_samples(&self, units: Vec<u32>) -> Vec<u32> {
        match &self.unit_of {
            Some(unit_of) => unit_of.iter().map(|&unit| units[unit]).collect(),
            None => units,
        }
    }
}

impl Replicates {
    /// Scores `resamples` resamples; the statistic gets how often each sample was drawn and returns its scores, always
    /// in the same order, `None` where one is not defined.
    pub fn draw<S>(resampling: &Resampling, resamples: usize, seed: u64, statistic: S) -> Self
    where
        S: Fn(&[u32]) -> Vec<Option<f64>> + Sync,
    {
        let score = |resample| statistic(&resampling.weights(seed, resample));
        Self { rows: (0..resamples).into_par_iter().map(score).collect() }
    }

    /// Scores the samples with each unit left out in turn, or each of 200 blocks where there are more units.
    pub fn jackknife<S>(resampling: &Resampling, seed: u64, statistic: S) -> Self
    where
        S: Fn(&[u32]) -> Vec<Option<f64>> + Sync,
    {
        if resampling.n_units == 0 {
            return Self::none();
        }
        let blocks = resampling.blocks(seed);
        let score = |out: usize| {
            let units = blocks.iter().map(|&block| u32::from(block != out)).collect();
            statistic(&resampling.of_samples(units))
        };
        Self { rows: (0..resampling.n_blocks()).into_par_iter().map(score).collect() }
    }

    /// No resamples.
    pub fn none() -> Self {
        Self { rows: Vec::new() }
    }

    /// The defined values of one score, in the order of the resamples.
    pub fn of_score(&self, score_idx: usize) -> Vec<f64> {
        self.rows.iter().filter_map(|row| row[score_idx]).collect()
    }

    /// The differences of two scores, second minus first, where both are defined.
    pub fn of_difference(&self, first: usize, second: usize) -> Vec<f64> {
        self.rows.iter().filter_map(|row| Some(row[second]? - row[first]?)).collect()
    }

    /// Number of resamples.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no resample.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A bootstrap of one score: its value and intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// The score of the samples themselves.
    pub value: f64,
    /// Its values on the resamples on which it is defined.
    pub replicates: Vec<f64>,
    /// Percentile interval; `None` with fewer than two replicates.
    pub percentile: Option<Interval>,
    /// BCa interval; `None` where [`bca_interval`] has none.
    pub bca: Option<Interval>,
}

/// Bootstraps any score, given as a function of how often each sample counts.
///
/// `None` if the score is not defined on the samples themselves.
///
/// # Example
/// ```
/// # use isnet_statistics::{Resampling, bootstrap};
/// let ages = [31.0, 47.0, 25.0, 68.0, 52.0, 44.0, 39.0, 61.0];
/// let mean = |weights: &[u32]| {
///     let total: f64 = ages.iter().zip(weights).map(|(age, &weight)| age * f64::from(weight)).sum();
///     Some(total / f64::from(weights.iter().sum::<u32>()))
/// };
/// let found = bootstrap(&Resampling::by_sample(8), 2000, 7, 0.95, mean).unwrap();
/// assert_eq!(found.value, 45.875);
/// let interval = found.percentile.unwrap();
/// assert!(interval.contains(found.value) && interval.width() > 10.0);
/// ```
pub fn bootstrap<S>(
    resampling: &Resampling,
    resamples: usize,
    seed: u64,
    confidence: f64,
    statistic: S,
) -> Option<Bootstrap>
where
    S: Fn(&[u32]) -> Option<f64> + Sync,
{
    let value = statistic(&vec![1; resampling.n_samples])?;
    let scores = |weights: &[u32]| vec![statistic(weights)];
    let replicates = Replicates::draw(resampling, resamples, seed, scores).of_score(0);
    let jackknife = Replicates::jackknife(resampling, seed, scores).of_score(0);
    let percentile = percentile_interval(&replicates, confidence);
    let bca = bca_interval(value, &replicates, &jackknife, confidence);
    Some(Bootstrap { value, replicates, percentile, bca })
}

/// The middle of the replicates: from their `(1 − confidence)/2` quantile to that of the other end.
///
/// `None` with fewer than two replicates.
///
/// # Example
/// ```
/// # use isnet_statistics::percentile_interval;
/// let replicates: Vec<f64> = (0..=100).map(f64::from).collect();
/// let interval = percentile_interval(&replicates, 0.5).unwrap();
/// assert_eq!((interval.low, interval.high), (25.0, 75.0));
/// ```
pub fn percentile_interval(replicates: &[f64], confidence: f64) -> Option<Interval> {
    let tail = (1.0 - confidence) / 2.0;
    quantiles(replicates, tail, 1.0 - tail, IntervalMethod::BootstrapPercentile)
}

/// Percentiles that are moved for the bias `z0` of the replicates and for `a`, how fast the deviation of the score
/// changes with the score (the acceleration, from the skewness of the jackknife).
///
/// `z0 = Φ⁻¹(share of replicates below the value)`, a tie counting one half; the bounds are the quantiles
/// `Φ(z0 + (z0 + z) / (1 − a·(z0 + z)))` for the two `z` of the confidence; and with the jackknife values `θ_i`
/// `a = Σ (θ̄ − θ_i)³ / (6·(Σ (θ̄ − θ_i)²)^(3/2))`, 0 if they are all equal.
///
/// `None` with fewer than two replicates, or if all of them lie on one side of the value: then the bias is infinite.
pub fn bca_interval(value: f64, replicates: &[f64], jackknife: &[f64], confidence: f64) -> Option<Interval> {
    let below = replicates.iter().filter(|replicate| **replicate < value).count();
    let not_above = replicates.iter().filter(|replicate| **replicate <= value).count();
    let bias = normal::quantile((below + not_above) as f64 / (2 * replicates.len()).max(1) as f64);
    if !bias.is_finite() || replicates.iter().all(|replicate| *replicate == replicates[0]) {
        return None;
    }
    let acceleration = acceleration(jackknife);
    let reach = normal::reach(confidence);
    let moved = |z: f64| normal::cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    quantiles(replicates, moved(-reach), moved(reach), IntervalMethod::BootstrapBca)
}

/// Two-sided p-value of "the difference is 0", from the replicates of the difference.
///
/// `2·min(1 + number ≤ 0, 1 + number ≥ 0) / (replicates + 1)`, at most 1: the smallest level at which the percentile
/// interval leaves out 0. It cannot fall below `2 / (replicates + 1)`. `None` without replicates.
///
/// # Example
/// ```
/// # use isnet_statistics::bootstrap_p_value;
/// let replicates: Vec<f64> = (1..=99).map(|idx| f64::from(idx) - 10.0).collect(); // 10 of 99 are ≤ 0
/// assert_eq!(bootstrap_p_value(&replicates), Some(0.22));
/// assert_eq!(bootstrap_p_value(&[0.0; 99]), Some(1.0));
/// ```
pub fn bootstrap_p_value(replicates: &[f64]) -> Option<f64> {
    let not_above = replicates.iter().filter(|replicate| **replicate <= 0.0).count();
    let not_below = replicates.iter().filter(|replicate| **replicate >= 0.0).count();
    let p_value = 2.0 * (1 + not_above.min(not_below)) as f64 / (replicates.len() + 1) as f64;
    (!replicates.is_empty()).then_some(p_value.min(1.0))
}

/// How fast the deviation of a score changes with the score: a sixth of the skewness of what its samples add to it, over √n.
pub(crate) fn acceleration(jackknife: &[f64]) -> f64 {
    let mean = jackknife.iter().sum::<f64>() / jackknife.len().max(1) as f64;
    let squares: f64 = jackknife.iter().map(|value| (mean - value).powi(2)).sum();
    let cubes: f64 = jackknife.iter().map(|value| (mean - value).powi(3)).sum();
    let acceleration = cubes / (6.0 * squares.powf(1.5));
    if acceleration.is_finite() { acceleration } else { 0.0 }
}

fn quantiles(replicates: &[f64], low: f64, high: f64, method: IntervalMethod) -> Option<Interval> {
    if replicates.len() < 2 {
        return None;
    }
    let mut sorted = replicates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(Interval { method, low: quantile(&sorted, low), high: quantile(&sorted, high) })
}

/// Quantile of sorted values, on the straight line between the two next ones.
pub(crate) fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let position = probability * (sorted.len() - 1) as f64;
    let below = (position.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(values: &[f64]) -> impl Fn(&[u32]) -> Option<f64> + Sync {
        move |weights| {
            let total: f64 = values.iter().zip(weights).map(|(value, &weight)| value * f64::from(weight)).sum();
            let n: u32 = weights.iter().sum();
            (n > 0).then(|| total / f64::from(n))
        }
    }

    #[test]
    fn a_resample_holds_as_many_units_as_there_are() {
        for n_samples in [1, 2, 7, 1000] {
            let weights = Resampling::by_sample(n_samples).weights(3, 5);
            assert_eq!((weights.len(), weights.iter().sum::<u32>() as usize), (n_samples, n_samples));
        }
        assert!(Resampling::by_sample(0).weights(3, 5).is_empty());
    }

    #[test]
    fn the_samples_of_a_group_are_drawn_together() {
        let names: Vec<String> = (0..60).map(|idx| format!("patient {}", idx / 3)).collect();
        let resampling = Resampling::by_group(&names);
        assert_eq!(resampling.n_units(), 20);
        for resample in 0..20 {
            let weights = resampling.weights(1, resample);
            assert!(weights.chunks(3).all(|group| group.iter().all(|weight| *weight == group[0])));
            assert_eq!(weights.iter().sum::<u32>(), 60);
        }
    }

    #[test]
    fn the_numbers_do_not_depend_on_the_threads() {
        let values: Vec<f64> = (0..200).map(|idx| f64::from(idx * 37 % 101)).collect();
        let run = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| bootstrap(&Resampling::by_sample(200), 300, 11, 0.95, mean_of(&values)))
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn blocks_are_of_equal_size_and_every_unit_is_left_out_once() {
        let resampling = Resampling::by_sample(1203);
        let left_out =
            Replicates::jackknife(&resampling, 5, |weights| vec![Some(f64::from(1203 - weights.iter().sum::<u32>()))])
                .of_score(0);
        assert_eq!((left_out.len(), left_out.iter().sum::<f64>()), (200, 1203.0));
        assert!(left_out.iter().all(|&n| n == 6.0 || n == 7.0));
    }

    #[test]
    fn blocks_find_the_acceleration_that_single_units_give() {
        let values: Vec<f64> = (0..20_000).map(|idx| f64::from(idx * 7919 % 20_000 / 2000).exp()).collect();
        let blocks =
            Replicates::jackknife(&Resampling::by_sample(20_000), 5, |weights| vec![mean_of(&values)(weights)]);
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let single: Vec<f64> = values.iter().map(|value| (20_000.0 * mean - value) / 19_999.0).collect();
        let (found, expected) = (acceleration(&blocks.of_score(0)), acceleration(&single));
        assert!((found - expected).abs() < 0.005, "{found} {expected}");
    }

    #[test]
    fn replicates_without_spread_have_a_percentile_but_no_bca_interval() {
        assert_eq!(percentile_interval(&[0.5; 10], 0.95).map(|interval| interval.width()), Some(0.0));
        assert_eq!(bca_interval(0.5, &[0.5; 10], &[0.5; 4], 0.95), None);
        assert_eq!(bca_interval(0.9, &[0.5, 0.6], &[0.5; 4], 0.95), None);
        assert_eq!((percentile_interval(&[0.5], 0.95), bca_interval(0.5, &[], &[], 0.95)), (None, None));
        assert_eq!(bootstrap_p_value(&[]), None);
    }
}
