//! Splits where none are given: seeded, by patient, with every class in each.

use std::collections::BTreeMap;

use rand::Rng;

use crate::error::{DataError, Result};
use crate::rng::{SPLIT, stream};

/// Shares of the patients of each class; the rest is trained on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    pub val: f64,
    pub test: f64,
}

impl Shares {
    /// Whether something is left to train on.
    pub fn check(self) -> Result<()> {
        let share = |setting, value: f64, in_range| match in_range {
            true => Ok(()),
            false => Err(DataError::Setting {
                setting,
                value: value.to_string(),
                range: "at least 0, and `val` and `test` together below 1",
            }),
        };
        share("val", self.val, self.val >= 0.0 && self.val < 1.0)?;
        share("test", self.test, self.test >= 0.0 && self.val + self.test < 1.0)
    }
}

/// `train`, `val` or `test` for every image, given as label and patient.
///
/// Patients are drawn class by class, so that every class has its share in each split; a patient belongs to the class of the
/// first of his images.
pub(crate) fn seeded_splits(images: &[(String, String)], shares: Shares, seed: u64) -> Vec<&'static str> {
    let mut classes: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
    let mut seen: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (label, patient)) in images.iter().enumerate() {
        let of_patient = seen.entry(patient).or_default();
        if of_patient.is_empty() {
            classes.entry(label).or_default().push((draw(seed, patient), patient));
        }
        of_patient.push(index);
    }
    let mut splits = vec!["train"; images.len()];
    for mut patients in classes.into_values() {
        patients.sort_unstable();
        let count = |share: f64| (share * patients.len() as f64).round() as usize;
        let (tests, held) = (count(shares.test), count(shares.test) + count(shares.val));
        for (rank, (_, patient)) in patients.iter().enumerate().take(held) {
            let split = if rank < tests { "test" } else { "val" };
            seen[patient].iter().for_each(|&index| splits[index] = split);
        }
    }
    splits
}

/// A number that depends on the seed and the patient alone, not on the others.
fn draw(seed: u64, patient: &str) -> u64 {
    let hash = *blake3::hash(patient.as_bytes()).as_bytes();
    let key: [u8; 8] = std::array::from_fn(|byte| hash[byte]);
    stream(seed, &[SPLIT, u64::from_le_bytes(key)]).random()
}
