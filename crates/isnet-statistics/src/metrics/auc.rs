//! Area under the ROC curve, from ranks.

/// The chance that a sample of the class scores higher than another one, ties counting one half.
///
/// `AUC = Σ over positives (number of negatives below + ½ · number of negatives tied) / (n_positive
/// · n_negative)`, which is the Mann–Whitney U statistic. Counted in integers after one sort, so
/// O(n log n) and independent of the order of the samples.
///
/// `None` unless there are both positives and negatives, or if a score is NaN.
///
/// # Panics
/// If `scores` and `is_positive` have different lengths.
///
/// # Example
/// ```
/// # use isnet_statistics::metrics::auc;
/// // Of four pairs the positives win three and tie one.
/// assert_eq!(auc(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true]), Some(0.875));
/// assert_eq!(auc(&[0.7], &[true]), None);
/// ```
pub fn auc(scores: &[f64], is_positive: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), is_positive.len(), "every score needs a truth");
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut ranked: Vec<(f64, bool)> = scores.iter().copied().zip(is_positive.iter().copied()).collect();
    ranked.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));

    let (mut n_positive, mut n_negative, mut twice_wins) = (0_u128, 0_u128, 0_u128);
    for tied in ranked.chunk_by(|left, right| left.0 == right.0) {
        let tied_positive = tied.iter().filter(|sample| sample.1).count() as u128;
        let tied_negative = tied.len() as u128 - tied_positive;
        twice_wins += tied_positive * (2 * n_negative + tied_negative);
        n_positive += tied_positive;
        n_negative += tied_negative;
    }
    let pairs = n_positive * n_negative;
    (pairs > 0).then(|| twice_wins as f64 / (2 * pairs) as f64)
}

#[cfg(test)]
mod tests {
    use super::auc;

    #[test]
    fn ties_count_one_half() {
        assert_eq!(auc(&[0.5; 6], &[true, false, true, false, false, false]), Some(0.5));
    }

    #[test]
    fn negative_zero_ties_with_zero() {
        assert_eq!(auc(&[-0.0, 0.0], &[false, true]), Some(0.5));
    }

    #[test]
    fn the_order_of_the_samples_does_not_matter() {
        let scores = [0.3, 0.9, 0.3, 0.1, 0.9, 0.5];
        let truth = [true, false, false, true, true, false];
        let reversed = |items: &[f64]| items.iter().rev().copied().collect::<Vec<_>>();
        let truth_reversed: Vec<bool> = truth.iter().rev().copied().collect();
        assert_eq!(auc(&scores, &truth), auc(&reversed(&scores), &truth_reversed));
    }

    #[test]
    fn equals_the_count_over_all_pairs() {
        let scores: Vec<f64> = (0..97_u16).map(|i| f64::from(i * 37 % 23)).collect();
        let truth: Vec<bool> = (0..97).map(|i| i * 53 % 7 < 3).collect();
        let (mut wins, mut pairs) = (0.0, 0.0);
        for (&positive, _) in scores.iter().zip(&truth).filter(|pair| *pair.1) {
            for (&negative, _) in scores.iter().zip(&truth).filter(|pair| !*pair.1) {
                pairs += 1.0;
                wins += if positive > negative {
                    1.0
                } else if positive == negative {
                    0.5
                } else {
                    0.0
                };
            }
        }
        assert_eq!(auc(&scores, &truth), Some(wins / pairs));
    }

    #[test]
    fn one_sided_empty_and_nan_have_none() {
        assert_eq!(auc(&[], &[]), None);
        assert_eq!(auc(&[0.2, 0.7], &[false, false]), None);
        assert_eq!(auc(&[0.2, f64::NAN], &[false, true]), None);
    }
}
