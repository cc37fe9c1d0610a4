//! Batches of an epoch: decoded on all cores, augmented by address, one ahead of the trainer.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use rayon::prelude::*;

use crate::augment::Augmentation;
use crate::batch::Batch;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::rng::{AUGMENT, stream};
use crate::sample::Sample;

/// One epoch of batches. Any batch can be asked for at any time, and is the same each time.
#[derive(Clone)]
pub struct Loader {
    /// Where samples come from.
    pub dataset: Arc<dyn Dataset>,
    /// Indices into the data set, as from [`crate::epoch_order`]; for evaluation `(0..dataset.len()).collect()`.
    pub order: Vec<usize>,
    /// N, ≥ 1.
    pub batch_size: usize,
    /// Changes to each sample; `None` for evaluation.
    pub augmentation: Option<Augmentation>,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0: each has other augmentations.
    pub epoch: u64,
    /// Let a last sample that would be a batch of its own join the batch before it. Batch norm cannot normalize one sample
    /// on a map of one pixel, and the statistics of one sample are poor ones.
    pub merge_single: bool,
}

impl Loader {
    /// Number of batches.
    ///
    /// # Panics
    /// If `batch_size` is 0.
    pub fn len(&self) -> usize {
        let (whole, rest) = (self.order.len() / self.batch_size, self.order.len() % self.batch_size);
        let merges = self.merge_single && rest == 1 && whole > 0;
        if rest == 0 || merges { whole } else { whole + 1 }
    }

    /// Whether there is no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batch in this place of the epoch, the same for any number of threads.
    ///
    /// # Errors
    /// That of its first sample that cannot be read.
    ///
    /// # Panics
    /// If `index` is not below [`Loader::len`].
    pub fn batch(&self, index: usize) -> Result<Batch> {
        assert!(index < self.len(), "batch {index} of {}", self.len());
        let start = index * self.batch_size;
        let end = if index + 1 == self.len() { self.order.len() } else { start + self.batch_size };
        // Results are collected before one is chosen, so that the first bad sample is named and not the fastest.
        let samples: Vec<Result<Sample>> = (start..end).into_par_iter().map(|position| self.sample(position)).collect();
        let mut batch = Batch::collate(&samples.into_iter().collect::<Result<Vec<_>>>()?)?;
        batch.indices = self.order[start..end].to_vec();
        Ok(batch)
    }

    /// All batches in order; while one is used, the next is decoded on a thread of its own.
    pub fn prefetch(self) -> Prefetch {
        self.prefetch_from(0)
    }

    /// The batches from `first` on, for a run that continues within an epoch.
    pub fn prefetch_from(self, first: usize) -> Prefetch {
        let left = self.len().saturating_sub(first);
        let (sender, batches) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            // A failed send means that nobody listens any more.
            (first..self.len()).map(|index| self.batch(index)).try_for_each(|batch| sender.send(batch).ok());
        });
        Prefetch { batches, thread: Some(thread), left }
    }

    fn sample(&self, position: usize) -> Result<Sample> {
        let mut sample = self.dataset.sample(self.order[position])?;
        if let Some(augmentation) = &self.augmentation {
            let mut rng = stream(self.seed, &[AUGMENT, self.epoch, position as u64]);
            (sample.image, sample.mask) = augmentation.apply(sample.image, sample.mask, &mut rng);
        }
        Ok(sample)
    }
}

/// Batches that a background thread decodes ahead; dropping it stops the thread.
pub struct Prefetch {
    batches: Receiver<Result<Batch>>,
    thread: Option<JoinHandle<()>>,
    left: usize,
}

impl Iterator for Prefetch {
    type Item = Result<Batch>;

    /// The next batch.
    ///
    /// # Panics
    /// With the panic of the background thread, if it had one.
    fn next(&mut self) -> Option<Self::Item> {
        if let Ok(batch) = self.batches.recv() {
            self.left -= 1;
            return Some(batch);
        }
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Prefetch {}

#[cfg(test)]
mod tests;
