//! The order of samples within an epoch.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;

use crate::dataset::Dataset;
use crate::rng::{ORDER, stream};
use crate::sample::Label;

/// What should appear equally often in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Nothing: every sample once.
    None,
    /// Every label; in a multi-label task every set of labels that occurs.
    Label,
    /// Every pair of label and source that occurs.
    LabelSource,
}

/// Indices into the data set, as many as it has samples, for one epoch.
///
/// Without balance every index comes once, shuffled. With balance each place draws a cell — a label, or a label with a
/// source —, all equally likely, then a sample of that cell: with replacement, so rare cells repeat.
/// The order depends on `seed` and `epoch` alone.
pub fn epoch_order(dataset: &dyn Dataset, balance: Balance, seed: u64, epoch: u64) -> Vec<usize> {
    let mut rng = stream(seed, &[ORDER, epoch]);
    if balance == Balance::None {
        let mut order: Vec<usize> = (0..dataset.len()).collect();
        order.shuffle(&mut rng);
        return order;
    }
    let cells = cells(dataset, balance);
    let draw = |_| {
        let cell = &cells[rng.random_range(0..cells.len())];
        cell[rng.random_range(0..cell.len())]
    };
    (0..dataset.len()).map(draw).collect()
}

/// The samples of every cell; the cells in the order of label and source.
fn cells(dataset: &dyn Dataset, balance: Balance) -> Vec<Vec<usize>> {
    let mut cells: BTreeMap<(Option<&Label>, &str), Vec<usize>> = BTreeMap::new();
    for index in 0..dataset.len() {
        let source = if balance == Balance::LabelSource { dataset.source(index) } else { "" };
        cells.entry((dataset.label(index), source)).or_default().push(index);
    }
    cells.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::MemoryDataset;
    use crate::manifest::Task;
    use crate::sample::{Image, Sample};

    /// One tiny sample per (label, source).
    fn dataset(cells: &[(Label, &str, usize)]) -> MemoryDataset {
        let sample = |label: &Label, source: &str| Sample {
            image: Image::new(1, 1, 1, vec![0.0]),
            mask: None,
            label: Some(label.clone()),
            id: String::new(),
            source: source.into(),
        };
        let samples = cells.iter().flat_map(|(label, source, n)| (0..*n).map(move |_| sample(label, source)));
        MemoryDataset::new(Task::SingleLabel, vec!["a".into(), "b".into()], samples.collect())
    }

    /// How often each cell is drawn in ten epochs, as a share.
    fn shares(dataset: &MemoryDataset, balance: Balance) -> Vec<f32> {
        let mut counts: BTreeMap<(Option<&Label>, &str), usize> = BTreeMap::new();
        for index in (0..10).flat_map(|epoch| epoch_order(dataset, balance, 5, epoch)) {
            *counts.entry((dataset.label(index), dataset.source(index))).or_default() += 1;
        }
        counts.values().map(|&count| count as f32 / (10 * dataset.len()) as f32).collect()
    }

    fn close(got: &[f32], expected: &[f32]) {
        let near = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.02);
        assert!(near, "{got:?} instead of {expected:?}");
    }

    #[test]
    fn an_unbalanced_epoch_shows_every_sample_once_in_an_order_of_its_own() {
        let dataset = dataset(&[(Label::Single(0), "x", 50)]);
        let mut first = epoch_order(&dataset, Balance::None, 5, 0);
        assert_ne!(first, epoch_order(&dataset, Balance::None, 5, 1));
        assert_ne!(first, epoch_order(&dataset, Balance::None, 6, 0));
        assert_eq!(first, epoch_order(&dataset, Balance::None, 5, 0));
        first.sort_unstable();
        assert_eq!(first, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn each_balance_makes_its_cells_equally_frequent() {
        let (a, b) = (Label::Single(0), Label::Single(1));
        let dataset = dataset(&[(a.clone(), "x", 800), (a, "y", 200), (b, "x", 1000)]);
        close(&shares(&dataset, Balance::None), &[0.4, 0.1, 0.5]);
        close(&shares(&dataset, Balance::LabelSource), &[0.333, 0.333, 0.333]);
        // Half of the draws are `a`, and within `a` the sources keep their 4 : 1.
        close(&shares(&dataset, Balance::Label), &[0.4, 0.1, 0.5]);
    }

    #[test]
    fn a_rare_label_is_drawn_as_often_as_a_frequent_one() {
        let dataset = dataset(&[(Label::Single(0), "x", 990), (Label::Single(1), "x", 10)]);
        close(&shares(&dataset, Balance::Label), &[0.5, 0.5]);
    }

    #[test]
    fn a_set_of_labels_is_one_cell() {
        let sets = [vec![], vec![0], vec![0, 1]];
        let cells: Vec<_> = sets.into_iter().zip([900, 90, 10]).map(|(set, n)| (Label::Multi(set), "x", n)).collect();
        close(&shares(&dataset(&cells), Balance::Label), &[0.333, 0.333, 0.333]);
    }

    #[test]
    fn an_empty_data_set_has_an_empty_epoch() {
        assert!(epoch_order(&dataset(&[]), Balance::Label, 1, 0).is_empty());
    }
}
