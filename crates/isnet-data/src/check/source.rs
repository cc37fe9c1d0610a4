//! Whether the source tells the label: then a classifier may learn hospitals in place of findings.
//!
//! Cramér's V of source and label, corrected for its bias in small tables (Bergsma 2013): with φ² = χ²/n of a table of
//! r sources and k labels, `φ̃² = max(0, φ² − (r−1)(k−1)/(n−1))`, `r̃ = r − (r−1)²/(n−1)`, `k̃` alike, and
//! `V = √(φ̃² / (min(r̃, k̃) − 1))`. 0: they are independent; 1: each source has one label.

use std::collections::BTreeMap;

use super::across::is_training;
use super::{CheckOptions, Problem, ProblemKind, Severity};
use crate::manifest::spelling::visible;
use crate::manifest::{Manifest, Record, Task};

/// From this association on it is said (Cohen 1988 calls 0.3 a medium and 0.5 a large one).
const STRONG: f64 = 0.3;

/// Images per source and label.
struct Table {
    cells: BTreeMap<(String, String), usize>,
    sources: BTreeMap<String, usize>,
    labels: BTreeMap<String, usize>,
    images: usize,
}

impl Table {
    fn of(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let (mut cells, mut sources, mut labels) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut images = 0;
        for (source, label) in pairs {
            *sources.entry(source.clone()).or_default() += 1;
            *labels.entry(label.clone()).or_default() += 1;
            *cells.entry((source, label)).or_default() += 1;
            images += 1;
        }
        Self { cells, sources, labels, images }
    }

    /// Cramér's V without its bias; 0 where there is one source or one label.
    fn association(&self) -> f64 {
        let (n, r, k) = (self.images as f64, self.sources.len() as f64, self.labels.len() as f64);
        if self.sources.len() < 2 || self.labels.len() < 2 {
            return 0.0;
        }
        // χ²/n + 1 = Σ n_ij² / (n_i·n_j); cells without images add nothing.
        let term = |((source, label), &count): (&(String, String), &usize)| {
            (count * count) as f64 / (self.sources[source] * self.labels[label]) as f64
        };
        let phi2 = self.cells.iter().map(term).sum::<f64>() - 1.0;
        let unbiased = (phi2 - (r - 1.0) * (k - 1.0) / (n - 1.0)).max(0.0);
        let shrunk = |size: f64| size - (size - 1.0).powi(2) / (n - 1.0);
        let most = shrunk(r).min(shrunk(k)) - 1.0;
        if most > 0.0 { (unbiased / most).sqrt().min(1.0) } else { 0.0 }
    }

    /// Share of images whose label is the commonest of their source.
    fn by_source(&self) -> f64 {
        let mut commonest: BTreeMap<&String, usize> = BTreeMap::new();
        for ((source, _), &count) in &self.cells {
            let most = commonest.entry(source).or_default();
            *most = count.max(*most);
        }
        commonest.values().sum::<usize>() as f64 / self.images as f64
    }

    /// Share of images that have the commonest label of all.
    fn by_guess(&self) -> f64 {
        self.labels.values().max().copied().unwrap_or_default() as f64 / self.images as f64
    }
}

/// A warning if the source of a training image tells its label.
pub(super) fn problems(manifest: &Manifest, options: &CheckOptions) -> Option<Problem> {
    let known = |record: &&Record| is_training(options, record) && !record.source.is_empty() && record.label.is_some();
    let taught: Vec<&Record> = manifest.records.iter().filter(known).collect();
    let classes = |record: &Record| record.label.as_ref().map_or_else(Vec::new, |label| label.classes().to_vec());
    let pair = |record: &&Record, label: String| (record.source.clone(), label);
    let (what, table) = match manifest.task {
        Task::SingleLabel => {
            let label = |record: &Record| format!("{:?}", classes(record));
            ("the label".to_owned(), Table::of(taught.iter().map(|record| pair(record, label(record)))))
        }
        Task::MultiLabel => {
            let of_class = |class: usize| {
                let table = Table::of(taught.iter().map(|it| pair(it, classes(it).contains(&class).to_string())));
                (format!("whether an image has the class `{}`", visible(&manifest.classes[class])), table)
            };
            let tables = (0..manifest.classes.len()).map(of_class);
            tables.max_by(|(_, one), (_, other)| one.association().total_cmp(&other.association()))?
        }
    };
    let association = table.association();
    (association >= STRONG).then(|| Problem {
        severity: Severity::Warning,
        line: 0,
        path: manifest.path.clone(),
        kind: ProblemKind::SourceTellsLabel,
        message: format!(
            "in training the source tells {what}: who knows only the column `source` is right for {:.0} % of the images, the \
             commonest answer for {:.0} % (Cramér's V {association:.2}); a model may learn the source in place of the \
             class: test on sources that it has not seen, use masks, and ask `isnet data readability`",
            100.0 * table.by_source(),
            100.0 * table.by_guess()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn association(cells: &[(&str, &str, usize)]) -> f64 {
        let pairs = cells
            .iter()
            .flat_map(|(source, label, count)| std::iter::repeat_n((source.to_string(), label.to_string()), *count));
        Table::of(pairs).association()
    }

    /// By hand: φ² = 0.36 for 80/20 against 20/80, n = 200; φ̃² = 0.36 − 1/199, r̃ = k̃ = 2 − 1/199.
    #[test]
    fn the_association_is_that_of_bergsma() {
        let found = association(&[("a", "x", 80), ("a", "y", 20), ("b", "x", 20), ("b", "y", 80)]);
        let expected = ((0.36 - 1.0 / 199.0) / (1.0 - 1.0 / 199.0_f64)).sqrt();
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn a_source_per_image_tells_nothing_and_one_per_class_tells_all() {
        let each: Vec<String> = (0..20).map(|index| format!("{index}")).collect();
        let cells: Vec<_> =
            each.iter().enumerate().map(|(at, source)| (source.as_str(), ["x", "y"][at % 2], 1)).collect();
        assert_eq!(association(&cells), 0.0);
        assert!((association(&[("a", "x", 5), ("b", "y", 5)]) - 1.0).abs() < 1e-12);
        assert_eq!(association(&[("a", "x", 5), ("a", "y", 5)]), 0.0);
    }
}
