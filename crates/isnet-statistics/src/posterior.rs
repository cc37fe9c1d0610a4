//! The posterior of a confusion matrix, and with it of every score that is counted from one.
//!
//! Each row, the samples of one true class, is a draw from a multinomial distribution with unknown chances of each
//! prediction. With a uniform prior the chances have a Dirichlet distribution with parameters `count + 1`. A draw of
//! all rows, weighted with the observed number of samples of each class, is a confusion matrix that could have been, and
//! its scores are a draw from their posterior. The interval is the shortest that holds the share of the draws (highest
//! density, HDI).
//!
//! Of several labels each has a matrix of two rows. An exact match is right or wrong: one row of two.
//!
//! The prior counts as one sample per cell. With many classes and few samples it outweighs what was seen; then the
//! interval may leave out the score itself.
//!
//! Source: METHOD §6; Zhang, Wang and Zhao, "Estimating the Uncertainty of Average F1 Scores", ICTIR 2015.

use isnet_data::rng::stream;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma};
use rayon::prelude::*;

use crate::counts::{Counts, OneVsRest};
use crate::{Interval, IntervalMethod};

/// Key of a draw: `[POSTERIOR, draw]`.
const POSTERIOR: u64 = 403;

/// Draws chances of each outcome from their posterior, given how often each was seen.
///
/// # Example
/// ```
/// # use isnet_statistics::dirichlet;
/// let chances = dirichlet(&[8.0, 1.0, 0.0], &mut isnet_data::rng::stream(7, &[0]));
/// assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// ```
///
/// # Panics
/// If a count is negative or not finite.
pub fn dirichlet(counts: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut gamma = |count: &f64| match Gamma::new(count + 1.0, 1.0) {
        Ok(gamma) => gamma.sample(rng),
        Err(_) => panic!("a count must be a finite number ≥ 0, got {count}"),
    };
    let mut chances: Vec<f64> = counts.iter().map(&mut gamma).collect();
    let sum: f64 = chances.iter().sum();
    chances.iter_mut().for_each(|chance| *chance /= sum);
    chances
}

/// The shortest interval that holds the share `mass` of the draws; `None` with fewer than two draws.
///
/// # Example
/// ```
/// # use isnet_statistics::hdi;
/// let interval = hdi(&[0.0, 0.5, 0.55, 0.6, 0.65], 0.6).unwrap();
/// assert_eq!((interval.low, interval.high), (0.5, 0.65)); // 0 is far from the others
/// ```
pub fn hdi(draws: &[f64], mass: f64) -> Option<Interval> {
    let mut sorted = draws.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let inside = (mass * sorted.len() as f64).floor() as usize;
    let windows = sorted.windows((inside + 1).min(sorted.len()).max(1));
    let shortest = windows.min_by(|left, right| width(left).total_cmp(&width(right)))?;
    let (low, high) = (*shortest.first()?, *shortest.last()?);
    (sorted.len() > 1).then_some(Interval { method: IntervalMethod::PosteriorHdi, low, high })
}

/// Count-based scores of `draws` matrices that could have been, in the order of [`Counts::visit`].
pub(crate) fn draw(counts: &Counts, draws: usize, seed: u64) -> Vec<Vec<Option<f64>>> {
    let occurs = counts.occurs();
    let scores = |draw: usize| {
        let mut rng = stream(seed, &[POSTERIOR, draw as u64]);
        let mut values = Vec::new();
        could_have_been(counts, &mut rng).visit(&occurs, &mut |_, _, value| values.push(value));
        values
    };
    (0..draws).into_par_iter().map(scores).collect()
}

/// Each row drawn anew, with its observed sum.
fn could_have_been(counts: &Counts, rng: &mut ChaCha8Rng) -> Counts {
    let mut row = |counts: &[f64]| -> Vec<f64> {
        let sum: f64 = counts.iter().sum();
        dirichlet(counts, rng).into_iter().map(|chance| chance * sum).collect()
    };
    match counts {
        Counts::Single { rows } => Counts::Single { rows: rows.iter().map(|counts| row(counts)).collect() },
        Counts::Multi { labels, right, wrong } => {
            let mut label = |label: &OneVsRest| {
                let negative = row(&[label.true_negative, label.false_positive]);
                let positive = row(&[label.false_negative, label.true_positive]);
                OneVsRest {
                    true_negative: negative[0],
                    false_positive: negative[1],
                    false_negative: positive[0],
                    true_positive: positive[1],
                }
            };
            let labels = labels.iter().map(&mut label).collect();
            let exact = row(&[*right, *wrong]);
            Counts::Multi { labels, right: exact[0], wrong: exact[1] }
        }
    }
}

fn width(sorted: &[f64]) -> f64 {
    sorted[sorted.len() - 1] - sorted[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_draws_have_no_interval_and_equal_ones_no_width() {
        assert_eq!((hdi(&[], 0.95), hdi(&[0.5], 0.95)), (None, None));
        assert_eq!(hdi(&[0.5; 9], 0.95).map(|interval| interval.width()), Some(0.0));
    }

    #[test]
    fn a_row_without_samples_is_uniform() {
        let mut rng = stream(1, &[0]);
        let mean = (0..4000).map(|_| dirichlet(&[0.0, 0.0], &mut rng)[0]).sum::<f64>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
