//! Samples in the order of their scores: sorted once, weighted as often as a bootstrap asks.

use std::collections::BTreeSet;

use crate::Resampling;

/// Samples from the highest score to the lowest.
///
/// An entry is `sample << 2 | is_positive << 1 | is_last_of_its_ties`, so that a walk over the samples reads one word
/// for each.
pub(crate) struct Ranking {
    entries: Vec<u32>,
}

/// What the order of weighted samples is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Areas {
    /// Area under the ROC curve; `None` unless both sides have weight.
    pub auc: Option<f64>,
    /// Average precision; `None` without weight on the positive side.
    pub average_precision: Option<f64>,
}

/// Samples of one score.
pub(crate) struct Tied<'a> {
    entries: &'a [u32],
}

impl Ranking {
    /// Ranks the samples; `None` if a score is NaN.
    ///
    /// # Panics
    /// If the lengths differ or there are more than 2³⁰ samples.
    pub fn new(scores: &[f64], is_positive: &[bool]) -> Option<Self> {
        assert_eq!(scores.len(), is_positive.len(), "every score needs a truth");
        Self::among((0..scores.len()).map(|sample| (sample, scores[sample], is_positive[sample])))
    }

    /// Ranks some of the samples, given as `(sample, score, is_positive)`; `None` if a score is NaN.
    pub fn among(samples: impl Iterator<Item = (usize, f64, bool)>) -> Option<Self> {
        let mut ranked: Vec<(f64, u32)> = samples
            .map(|(sample, score, is_positive)| {
                assert!(sample < 1 << 30, "a ranking holds at most 2³⁰ samples, got sample {sample}");
                (score, (sample as u32) << 2 | u32::from(is_positive) << 1)
            })
            .collect();
        if ranked.iter().any(|(score, _)| score.is_nan()) {
            return None;
        }
        ranked.sort_unstable_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        let mut entries = Vec::with_capacity(ranked.len());
        for tied in ranked.chunk_by(|left, right| left.0 == right.0) {
            entries.extend(tied.iter().map(|(_, entry)| entry));
            if let Some(last) = entries.last_mut() {
                *last |= 1;
            }
        }
        Some(Self { entries })
    }

    /// Areas when every sample counts as often as its weight says.
    ///
    /// `AUC = Σ over positives (negatives below + ½ · negatives tied) / (positives · negatives)`, counted in integers;
    /// `AP = Σ over scores (recall gained · precision there)`, from the highest score to the lowest.
    pub fn areas(&self, weights: &[u32]) -> Areas {
        // One walk per class and resample is where a bootstrap spends its time, so it has one branch, on ties, which
        // goes the same way for most samples.
        let (mut positive, mut negative, mut twice_wins, mut gains) = (0_i64, 0_i64, 0_i64, 0.0);
        let (mut tied_positive, mut tied_negative) = (0_i64, 0_i64);
        for &entry in &self.entries {
            let weight = i64::from(weights[(entry >> 2) as usize]);
            let counts_as_positive = -i64::from(entry >> 1 & 1);
            tied_positive += weight & counts_as_positive;
            tied_negative += weight & !counts_as_positive;
            if entry & 1 == 1 {
                twice_wins += tied_negative * (2 * positive + tied_positive);
                positive += tied_positive;
                negative += tied_negative;
                gains += (tied_positive * positive) as f64 / (positive + negative).max(1) as f64;
                (tied_positive, tied_negative) = (0, 0);
            }
        }
        let pairs = i128::from(positive) * i128::from(negative);
        Areas {
            auc: (pairs > 0).then(|| twice_wins as f64 / (2 * pairs) as f64),
            average_precision: (positive > 0).then(|| gains / positive as f64),
        }
    }

    /// Samples of equal score together, from the highest score to the lowest.
    pub fn tied(&self) -> impl DoubleEndedIterator<Item = Tied<'_>> {
        self.entries.chunk_by(|left, _| left & 1 == 0).map(|entries| Tied { entries })
    }

    /// Number of negatives and of positives.
    pub fn sides(&self) -> (usize, usize) {
        let positive = self.entries.iter().filter(|entry| *entry >> 1 & 1 == 1).count();
        (self.entries.len() - positive, positive)
    }

    /// Number of units that have a positive, or a negative.
    pub fn units_of(&self, positive: bool, resampling: &Resampling) -> usize {
        let of_side = self.entries.iter().filter(|entry| (*entry >> 1 & 1 == 1) == positive);
        of_side.map(|entry| resampling.unit((entry >> 2) as usize)).collect::<BTreeSet<_>>().len()
    }
}

impl Tied<'_> {
    /// Each sample and whether it is positive.
    pub fn samples(&self) -> impl Iterator<Item = (usize, bool)> {
        self.entries.iter().map(|entry| ((entry >> 2) as usize, entry >> 1 & 1 == 1))
    }

    /// Number of negatives and of positives.
    pub fn sides(&self) -> (usize, usize) {
        let positive = self.samples().filter(|sample| sample.1).count();
        (self.entries.len() - positive, positive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::auc;

    #[test]
    fn weights_count_like_copies() {
        let scores = [0.3, 0.9, 0.3, 0.1, 0.9, 0.5];
        let truth = [true, false, false, true, true, false];
        let weights = [2, 0, 1, 3, 1, 1];
        let copies = |idx: usize| std::iter::repeat_n(idx, weights[idx] as usize);
        let picked: Vec<usize> = (0..6).flat_map(copies).collect();
        let scores_copied: Vec<f64> = picked.iter().map(|&idx| scores[idx]).collect();
        let truth_copied: Vec<bool> = picked.iter().map(|&idx| truth[idx]).collect();
        let weighted = Ranking::new(&scores, &truth).unwrap().areas(&weights);
        let copied = Ranking::new(&scores_copied, &truth_copied).unwrap().areas(&[1; 8]);
        assert_eq!(weighted, copied);
        assert_eq!(weighted.auc, auc(&scores_copied, &truth_copied));
    }

    /// Positives at ranks 1 and 3 of 4: precision 1 and 2/3 there, half of the recall each.
    #[test]
    fn average_precision_by_hand() {
        let ranking = Ranking::new(&[0.9, 0.8, 0.7, 0.1], &[true, false, true, false]).unwrap();
        let areas = ranking.areas(&[1; 4]);
        assert_eq!(areas.average_precision, Some((1.0 + 2.0 / 3.0) / 2.0));
        assert_eq!(areas.auc, Some(0.75));
    }

    #[test]
    fn negative_zero_ties_with_zero_and_nan_has_no_rank() {
        let ranking = Ranking::new(&[-0.0, 0.0], &[false, true]).unwrap();
        assert_eq!(ranking.areas(&[1; 2]).auc, Some(0.5));
        assert_eq!(ranking.tied().count(), 1);
        assert!(Ranking::new(&[f64::NAN], &[true]).is_none());
    }
}
