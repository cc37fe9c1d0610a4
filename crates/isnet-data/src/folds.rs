//! Cross-validation: samples dealt into folds.

use std::collections::BTreeMap;

use crate::dataset::Dataset;

/// The fold of each sample, from 0 to `folds − 1`.
///
/// Samples of a group (a patient) go into one fold; within each label the units are dealt in turn, in the order of a hash
/// of their names, so that folds have about as many of each class, and adding a patient moves few others. Nothing
/// is drawn: the same samples always lie in the same folds.
///
/// # Panics
/// If `folds` is 0.
///
/// # Example
/// ```
/// # use isnet_data::{Image, Label, MemoryDataset, Sample, Task, deal};
/// let sample = |index: usize| Sample {
///     image: Image::new(1, 1, 1, vec![0.0]),
///     mask: None,
///     label: Some(Label::Single(index % 2)),
///     id: format!("{index}"),
///     source: String::new(),
/// };
/// let dataset = MemoryDataset::new(Task::SingleLabel, vec!["a".into(), "b".into()], (0..8).map(sample).collect());
/// let folds = deal(&[&dataset], 2);
/// let of_a = |fold| (0..8).step_by(2).filter(|index| folds[*index] == fold).count();
/// assert_eq!((of_a(0), of_a(1)), (2, 2));
/// ```
pub fn deal(datasets: &[&dyn Dataset], folds: usize) -> Vec<usize> {
    assert!(folds > 0, "samples cannot be dealt into 0 folds");
    let samples = || datasets.iter().flat_map(|dataset| (0..dataset.len()).map(|index| (*dataset, index)));
    let mut labels: BTreeMap<Unit, Vec<usize>> = BTreeMap::new();
    for (dataset, index) in samples() {
        let label = || dataset.label(index).map_or_else(Vec::new, |label| label.classes().to_vec());
        labels.entry(Unit::of(dataset, index)).or_insert_with(label);
    }
    let mut units: Vec<(Vec<usize>, [u8; 32], Unit)> = labels
        .into_iter()
        .map(|(unit, label)| (label, *blake3::hash(unit.name().as_bytes()).as_bytes(), unit))
        .collect();
    units.sort();
    let fold_of: BTreeMap<Unit, usize> =
        units.into_iter().enumerate().map(|(place, (_, _, unit))| (unit, place % folds)).collect();
    samples().map(|(dataset, index)| fold_of[&Unit::of(dataset, index)]).collect()
}

/// What stays together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Group(String),
    Sample(String),
}

impl Unit {
    fn of(dataset: &dyn Dataset, index: usize) -> Self {
        match dataset.group(index) {
            "" => Self::Sample(dataset.id(index)),
            group => Self::Group(group.to_owned()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Group(name) | Self::Sample(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Image, Label, Mask, Sample};
    use crate::{DataError, Task};

    /// Patients of three images each, the patient decides the label.
    struct Patients(Vec<String>, Vec<Label>);

    impl Dataset for Patients {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn task(&self) -> Task {
            Task::SingleLabel
        }
        fn classes(&self) -> &[String] {
            &[]
        }
        fn sample(&self, index: usize) -> Result<Sample, DataError> {
            let (image, mask) = (Image::new(1, 1, 1, vec![0.0]), None::<Mask>);
            Ok(Sample { image, mask, label: None, id: self.id(index), source: String::new() })
        }
        fn label(&self, index: usize) -> Option<&Label> {
            Some(&self.1[index])
        }
        fn has_mask(&self, _index: usize) -> bool {
            false
        }
        fn source(&self, _index: usize) -> &str {
            ""
        }
        fn group(&self, index: usize) -> &str {
            &self.0[index]
        }
        fn id(&self, index: usize) -> String {
            format!("{index}.png")
        }
    }

    fn patients(n: usize) -> Patients {
        let of = |index: usize| index / 3;
        Patients(
            (0..3 * n).map(|index| format!("patient {}", of(index))).collect(),
            (0..3 * n).map(|index| Label::Single(of(index) % 2)).collect(),
        )
    }

    #[test]
    fn a_patient_is_in_one_fold_and_classes_are_in_all() {
        let dataset = patients(20);
        let folds = deal(&[&dataset], 5);
        assert!(folds.chunks(3).all(|images| images.iter().all(|fold| *fold == images[0])));
        for fold in 0..5 {
            let labels: Vec<usize> =
                (0..20).filter(|patient| folds[3 * patient] == fold).map(|patient| patient % 2).collect();
            assert_eq!((labels.len(), labels.iter().sum::<usize>()), (4, 2), "fold {fold}");
        }
    }

    #[test]
    fn samples_stay_in_their_fold_whatever_their_order() {
        let dataset = patients(20);
        let reversed = Patients(dataset.0.iter().rev().cloned().collect(), dataset.1.iter().rev().cloned().collect());
        let mut folds = deal(&[&reversed], 4);
        folds.reverse();
        assert_eq!(folds, deal(&[&dataset], 4));
    }
}
