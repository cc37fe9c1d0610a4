//! Samples by index.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{DataError, Result};
use crate::manifest::{Manifest, Task};
use crate::margin::Margin;
use crate::prepare::Preparation;
use crate::read_image::read_pair;
use crate::sample::{Image, Label, Mask, Sample};

/// Samples by index, all of one size. What is cheap to know is known without decoding.
pub trait Dataset: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Single-label or multi-label.
    fn task(&self) -> Task;

    /// Class names; a label is an index into this list.
    fn classes(&self) -> &[String];

    /// The sample, decoded and prepared.
    ///
    /// # Errors
    /// Whatever is wrong with its files, with their address.
    fn sample(&self, index: usize) -> Result<Sample>;

    /// The label, if there is one.
    fn label(&self, index: usize) -> Option<&Label>;

    /// Whether there is a mask, which may still be an empty one.
    fn has_mask(&self, index: usize) -> bool;

    /// Whether there is a mask that says something ([`MaskVerdict`](crate::MaskVerdict)); it is read for that.
    ///
    /// # Errors
    /// As [`Dataset::sample`].
    fn mask_says_something(&self, index: usize) -> Result<bool> {
        Ok(self.has_mask(index) && self.sample(index)?.mask.is_some_and(|mask| mask.verdict().says_something()))
    }

    /// Where the sample comes from; empty if unknown.
    fn source(&self, index: usize) -> &str;

    /// What the sample shares with others that are not independent of it, most often the patient; empty if unknown.
    fn group(&self, index: usize) -> &str;

    /// The name of a sample: the path of its image as the manifest has it, or the name it was generated under.
    fn id(&self, index: usize) -> String;

    /// What a further column of the manifest says of the sample, such as its sex or its scanner; `None` if there is no such column.
    fn attribute(&self, _index: usize, _column: &str) -> Option<&str> {
        None
    }

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// K.
    fn n_classes(&self) -> usize {
        self.classes().len()
    }

    /// Call before training: does every sample have a label?
    ///
    /// # Errors
    /// [`DataError::Unlabelled`] names the first that has none.
    fn check_labels(&self) -> Result<()> {
        match (0..self.len()).find(|&index| self.label(index).is_none()) {
            Some(index) => Err(DataError::Unlabelled { id: self.id(index) }),
            None => Ok(()),
        }
    }
}

/// Some records of a manifest, decoded when asked for and optionally kept.
pub struct ManifestDataset {
    manifest: Arc<Manifest>,
    records: Vec<usize>,
    preparation: Preparation,
    margin: Option<Margin>,
    cache: Vec<OnceLock<(Image, Option<Mask>)>>,
    cache_left: AtomicUsize,
}

impl ManifestDataset {
    /// The given records of the manifest, in this order, each brought to one size.
    ///
    /// # Errors
    /// [`DataError::Preparation`].
    ///
    /// # Panics
    /// If an index is not one of the manifest's.
    pub fn new(manifest: Arc<Manifest>, records: Vec<usize>, preparation: Preparation) -> Result<Self> {
        preparation.check()?;
        let n_records = manifest.records.len();
        assert!(records.iter().all(|&record| record < n_records), "a record of {n_records} is out of range");
        Ok(Self { manifest, records, preparation, margin: None, cache: Vec::new(), cache_left: AtomicUsize::new(0) })
    }

    /// Gives every mask a margin, at the size that the network sees.
    pub fn with_margin(self, margin: Option<Margin>) -> Self {
        Self { margin, ..self }
    }

    /// Keeps prepared samples in memory, as f32 so that the first and the second reading are equal, until they fill
    /// `bytes`; the rest is decoded every time.
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.cache = self.records.iter().map(|_| OnceLock::new()).collect();
        self.cache_left = AtomicUsize::new(bytes);
        self
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Index in the manifest of a sample of this data set.
    pub fn record_index(&self, index: usize) -> usize {
        self.records[index]
    }

    /// Number of samples kept in memory.
    pub fn cached(&self) -> usize {
        self.cache.iter().filter(|cell| cell.get().is_some()).count()
    }

    fn prepared(&self, index: usize) -> Result<(Image, Option<Mask>)> {
        if let Some(kept) = self.cache.get(index).and_then(OnceLock::get) {
            return Ok(kept.clone());
        }
        let pair = self.decode(index).map_err(|cause| self.addressed(index, cause))?;
        if let Some(cell) = self.cache.get(index)
            && self.reserve(4 * (pair.0.pixels.len() + pair.1.as_ref().map_or(0, |mask| mask.values.len())))
        {
            // Another thread may have been faster with the same numbers; then its copy stays.
            let _ = cell.set(pair.clone());
        }
        Ok(pair)
    }

    fn decode(&self, index: usize) -> Result<(Image, Option<Mask>)> {
        let record = &self.manifest.records[self.records[index]];
        let (image, mask) = read_pair(&record.image, record.mask.as_ref())?;
        let (image, mask) = self.preparation.apply(&image, mask.as_ref())?;
        let mask = match self.margin {
            Some(margin) => mask.map(|mask| margin.around(&mask)),
            None => mask,
        };
        Ok((image, mask))
    }

    fn reserve(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        self.cache_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn addressed(&self, index: usize, cause: DataError) -> DataError {
        let record = &self.manifest.records[self.records[index]];
        let image = self.manifest.id(self.records[index]).into();
        DataError::Record { manifest: self.manifest.path.clone(), line: record.line, image, cause: Box::new(cause) }
    }
}

impl Dataset for ManifestDataset {
    fn len(&self) -> usize {
        self.records.len()
    }

    fn task(&self) -> Task {
        self.manifest.task
    }

    fn classes(&self) -> &[String] {
        &self.manifest.classes
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        let (image, mask) = self.prepared(index)?;
        let record = &self.manifest.records[self.records[index]];
        let id = self.manifest.id(self.records[index]);
        Ok(Sample { image, mask, label: record.label.clone(), id, source: record.source.clone() })
    }

    fn label(&self, index: usize) -> Option<&Label> {
        self.manifest.records[self.records[index]].label.as_ref()
    }

    fn has_mask(&self, index: usize) -> bool {
        self.manifest.records[self.records[index]].mask.is_some()
    }

    fn source(&self, index: usize) -> &str {
        &self.manifest.records[self.records[index]].source
    }

    fn group(&self, index: usize) -> &str {
        &self.manifest.records[self.records[index]].group
    }

    fn id(&self, index: usize) -> String {
        self.manifest.id(self.records[index])
    }

    fn attribute(&self, index: usize, column: &str) -> Option<&str> {
        let extra = &self.manifest.records[self.records[index]].extra;
        extra.iter().find(|(name, _)| name == column).map(|(_, value)| value.as_str())
    }
}

/// Samples in memory, such as generated phantoms.
pub struct MemoryDataset {
    task: Task,
    classes: Vec<String>,
    samples: Vec<Sample>,
}

impl MemoryDataset {
    /// These samples, in this order.
    ///
    /// # Panics
    /// If a label is not an index into `classes`.
    pub fn new(task: Task, classes: Vec<String>, samples: Vec<Sample>) -> Self {
        let labels = samples.iter().filter_map(|sample| sample.label.as_ref());
        for class in labels.flat_map(Label::classes) {
            assert!(*class < classes.len(), "class {class} of {}", classes.len());
        }
        Self { task, classes, samples }
    }

    /// The samples.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

impl Dataset for MemoryDataset {
    fn len(&self) -> usize {
        self.samples.len()
    }

    fn task(&self) -> Task {
        self.task
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        Ok(self.samples[index].clone())
    }

    fn label(&self, index: usize) -> Option<&Label> {
        self.samples[index].label.as_ref()
    }

    fn has_mask(&self, index: usize) -> bool {
        self.samples[index].mask.is_some()
    }

    fn source(&self, index: usize) -> &str {
        &self.samples[index].source
    }

    fn group(&self, _index: usize) -> &str {
        ""
    }

    fn id(&self, index: usize) -> String {
        self.samples[index].id.clone()
    }
}

#[cfg(test)]
mod tests;
