//! Parts of a cross-validation.

use std::collections::BTreeMap;

use isnet_data::rng::stream;
use rand::seq::SliceRandom;

/// Key of the order in which units are dealt: `[FOLDS, class]`.
const FOLDS: u64 = 508;

/// The part of each image: images of a group are in one part, and each class is spread evenly over the parts.
///
/// Groups (an image without one stands for itself) are shuffled by the seed within the class of their first image and dealt to
/// the parts in turn.
///
/// # Panics
/// If the lengths differ.
///
/// # Example
/// ```
/// # use isnet_audit::readability::folds;
/// let parts = folds(&[0, 0, 0, 0, 1, 1], &["ada", "ada", "", "", "", ""], 2, 7);
/// assert_eq!(parts[0], parts[1]); // ada's images stay together
/// assert_ne!(parts[4], parts[5]); // one image of class 1 in each part
/// ```
pub fn folds(classes: &[usize], groups: &[&str], n_folds: usize, seed: u64) -> Vec<usize> {
    assert_eq!(classes.len(), groups.len(), "every image has a class and a group");
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut units: Vec<Vec<usize>> = Vec::new();
    for (image, group) in groups.iter().enumerate() {
        let next = units.len();
        let unit = if group.is_empty() { next } else { *known.entry(group).or_insert(next) };
        if unit == next {
            units.push(Vec::new());
        }
        units[unit].push(image);
    }
    let n_classes = classes.iter().max().map_or(0, |most| most + 1);
    let mut parts = vec![0; classes.len()];
    let mut turn = 0;
    for class in 0..n_classes {
        let mut of_class: Vec<&Vec<usize>> = units.iter().filter(|unit| classes[unit[0]] == class).collect();
        of_class.shuffle(&mut stream(seed, &[FOLDS, class as u64]));
        for unit in of_class {
            unit.iter().for_each(|&image| parts[image] = turn % n_folds);
            turn += 1;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_spread_evenly() {
        let classes: Vec<usize> = (0..53).map(|image| usize::from(image % 4 == 0)).collect();
        let parts = folds(&classes, &vec![""; 53], 5, 1);
        for class in 0..2 {
            let sizes = (0..5).map(|part| (0..53).filter(|&i| parts[i] == part && classes[i] == class).count());
            let sizes: Vec<usize> = sizes.collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
        }
        assert_ne!(parts, folds(&classes, &vec![""; 53], 5, 2));
    }
}
