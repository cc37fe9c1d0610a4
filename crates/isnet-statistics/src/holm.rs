//! Correction of p-values for the number of tests.

/// Holm's step-down correction, in the order of the p-values.
///
/// The i-th smallest of `m` p-values becomes the largest of `(m − j + 1) · p_(j)` over `j ≤ i`, at most 1. A test whose
/// adjusted value is below α can be called significant at level α, whatever the other tests are: the chance that any of
/// the calls is wrong is at most α.
///
/// Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (1979).
///
/// # Panics
/// If a p-value is NaN.
///
/// # Example
/// ```
/// # use isnet_statistics::holm;
/// assert_eq!(holm(&[0.25, 0.125]), [0.25, 0.25]); // 2 · 0.125 and max(0.25, 1 · 0.25)
/// assert_eq!(holm(&[0.75, 0.75]), [1.0, 1.0]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    assert!(p_values.iter().all(|p| !p.is_nan()), "a p-value is a number, got {p_values:?}");
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&left, &right| p_values[left].total_cmp(&p_values[right]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &idx) in order.iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p_values[idx]).min(1.0);
        adjusted[idx] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::holm;

    #[test]
    fn nothing_and_one_stay_as_they_are() {
        assert!(holm(&[]).is_empty());
        assert_eq!(holm(&[0.04]), [0.04]);
    }

    #[test]
    fn a_larger_p_value_never_becomes_smaller_than_a_smaller_one() {
        let adjusted = holm(&[0.010, 0.011, 0.9, 0.012]);
        assert_eq!(adjusted, [0.04, 0.04, 0.9, 0.04]);
    }
}
