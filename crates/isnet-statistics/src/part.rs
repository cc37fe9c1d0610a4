//! Samples that are scored together: a split, or one source of it.

use std::collections::BTreeMap;

use crate::Predictions;
use crate::Resampling;
use crate::settings::Settings;

/// Samples that are scored together.
pub(crate) struct Part {
    pub split: String,
    /// One source of the split; `None` for all of it.
    pub source: Option<String>,
    pub samples: Vec<usize>,
}

/// Splits in the order in which they first occur, each followed by its sources in their alphabet if it has several.
pub(crate) fn parts(predictions: &Predictions, settings: &Settings) -> Vec<Part> {
    let mut order: Vec<&str> = Vec::new();
    let mut splits: BTreeMap<&str, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (sample, (split, source)) in predictions.splits.iter().zip(&predictions.sources).enumerate() {
        let sources = splits.entry(split).or_insert_with(|| {
            order.push(split);
            BTreeMap::new()
        });
        sources.entry(source).or_default().push(sample);
    }
    let mut parts = Vec::new();
    for split in order {
        let sources = &splits[split];
        let mut samples: Vec<usize> = sources.values().flatten().copied().collect();
        samples.sort_unstable();
        parts.push(Part { split: split.to_owned(), source: None, samples });
        if settings.by_source && sources.len() > 1 {
            parts.extend(sources.iter().map(|(source, samples)| Part {
                split: split.to_owned(),
                source: Some((*source).to_owned()),
                samples: samples.clone(),
            }));
        }
    }
    parts
}

impl Part {
    /// What is drawn together among the samples of the part.
    pub fn resampling(&self, predictions: &Predictions) -> Resampling {
        if !predictions.is_grouped() {
            return Resampling::by_sample(self.samples.len());
        }
        let names: Vec<String> = self.samples.iter().map(|&sample| predictions.groups[sample].clone()).collect();
        Resampling::by_group(&names)
    }
}

/// Notes about how much the samples of a part can tell.
pub(crate) fn notes_on_size(n: usize, resampling: &Resampling) -> Vec<String> {
    let mut notes = Vec::new();
    if n < 30 {
        notes.push(format!("only {n} sample{}: expect wide intervals, and rough ones from DeLong", plural(n)));
    }
    let n_groups = resampling.n_units();
    if resampling.is_grouped() {
        match n_groups {
            1 => notes.push(
                "all samples are of one group: resampling it changes nothing, so there is no bootstrap".to_owned(),
            ),
            2..10 => notes.push(format!("only {n_groups} groups: their bootstrap intervals are too narrow")),
            _ => {}
        }
    } else if n_groups == 1 {
        notes.push("resampling one sample changes nothing, so there is no bootstrap".to_owned());
    }
    notes
}

/// Notes about what the resamples of a score can tell: how many of `resamples` values are defined, and whether they differ.
pub(crate) fn notes_on_replicates(replicates: &[f64], resamples: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let undefined = resamples - replicates.len();
    if undefined > 0 {
        let end = if 2 * replicates.len() < resamples { "so there is no bootstrap" } else { "which are left out" };
        notes.push(format!("not defined in {undefined} of {resamples} resamples, {end}"));
    }
    if replicates.len() > 1 && replicates.iter().all(|value| *value == replicates[0]) {
        notes.push("all resamples give the same value: that the bootstrap interval has no width says nothing about other samples".to_owned());
    }
    notes
}

/// Replicates of a score, none if fewer than half of the resamples have one.
pub(crate) fn usable(replicates: Vec<f64>, resamples: usize) -> Vec<f64> {
    if 2 * replicates.len() < resamples { Vec::new() } else { replicates }
}

pub(crate) fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}
