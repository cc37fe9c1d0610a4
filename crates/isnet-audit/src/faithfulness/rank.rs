//! Rank correlation.

/// Spearman's correlation of two lists: Pearson's of their ranks, equal values sharing the mean of theirs.
///
/// `None` if one list has equal values only, or a NaN.
///
/// # Panics
/// If the lengths differ.
///
/// # Example
/// ```
/// # use isnet_audit::faithfulness::spearman;
/// assert_eq!(spearman(&[1.0, 2.0, 9.0], &[0.1, 0.2, 0.3]), Some(1.0));
/// assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
/// assert_eq!(spearman(&[1.0, 1.0], &[3.0, 2.0]), None);
/// ```
pub fn spearman(first: &[f32], second: &[f32]) -> Option<f64> {
    assert_eq!(first.len(), second.len(), "every value needs a partner");
    if first.iter().chain(second).any(|value| value.is_nan()) {
        return None;
    }
    let (first, second) = (ranks(first), ranks(second));
    let mean = (first.len() as f64 - 1.0) / 2.0;
    let product = |one: &[f64], other: &[f64]| -> f64 {
        one.iter().zip(other).map(|(one, other)| (one - mean) * (other - mean)).sum()
    };
    let spread = (product(&first, &first) * product(&second, &second)).sqrt();
    (spread > 0.0).then(|| product(&first, &second) / spread)
}

/// Ranks from 0, equal values sharing the mean of theirs.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|left, right| values[*left] == values[*right]) {
        let rank = start as f64 + (tied.len() as f64 - 1.0) / 2.0;
        tied.iter().for_each(|place| ranks[*place] = rank);
        start += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy.stats.spearmanr([1, 2, 2, 5, 3], [2, 1, 4, 4, 3]): ranks (1, 2.5, 2.5, 5, 4) and (2, 1, 4.5, 4.5, 3) around
    /// 3: products 2 + 1 − 0.75 + 3 + 0 = 5.25, squares 9.5 each.
    #[test]
    fn ties_share_their_ranks() {
        let found = spearman(&[1.0, 2.0, 2.0, 5.0, 3.0], &[2.0, 1.0, 4.0, 4.0, 3.0]).unwrap();
        assert!((found - 5.25 / 9.5).abs() < 1e-12, "{found}");
        assert_eq!(spearman(&[f32::NAN, 1.0], &[1.0, 2.0]), None);
    }
}
