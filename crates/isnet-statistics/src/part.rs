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

/// With fewer groups than this, intervals that know of groups cover about 90 %.
pub(crate) const FEW_GROUPS: usize = 30;
/// The same of intervals by the bootstrap.
const FEW_RESAMPLED_GROUPS: usize = 100;
/// With fewer samples than this, intervals by the bootstrap cover about 90 %.
const FEW_RESAMPLED: usize = 50;
/// From this acceleration on, few samples make most of a score, and its intervals by the bootstrap are too short.
const SKEWED: f64 = 0.05;

/// Notes about how much the samples of a part can tell.
pub(crate) fn notes_on_size(n: usize, resampling: &Resampling) -> Vec<String> {
    let mut notes = Vec::new();
    if n < 30 {
        notes.push(format!("only {n} sample{}: expect a wide interval", plural(n)));
    }
    if resampling.n_units() == 1 {
        let what = if resampling.is_grouped() { "all samples are of one group" } else { "there is one sample" };
        notes.push(format!("{what}: resampling it changes nothing, so there is no bootstrap"));
    }
    notes
}

/// Notes about an interval by the bootstrap that is to be printed.
pub(crate) fn notes_on_bootstrap(resampling: &Resampling, acceleration: f64) -> Vec<String> {
    let (n_units, grouped) = (resampling.n_units(), resampling.is_grouped());
    let few = if grouped { FEW_RESAMPLED_GROUPS } else { FEW_RESAMPLED };
    let what = if grouped { "groups" } else { "samples" };
    let of_size = (n_units < few).then(|| format!("only {n_units} {what}: the bootstrap interval covers about 90 %"));
    let skewed = acceleration.abs() > SKEWED;
    let of_shape = skewed.then(|| {
        format!("a few {what} make most of the value: the bootstrap interval is too short for others like them")
    });
    of_size.into_iter().chain(of_shape).collect()
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
        notes.push("all resamples give the same value: that says nothing about other samples".to_owned());
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
