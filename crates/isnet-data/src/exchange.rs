//! Images on the backgrounds of others, across classes: what a classifier cannot use to guess the label.
//!
//! The region of interest of an image is laid over another image whose own region of interest is filled from what surrounds it
//! ([`fill`]), with an edge one pixel deep that is mixed ([`feathered_over`]). Nothing of the image's own background is left. Since the
//! donor is drawn without regard to the label, background and label are independent where every image is exchanged.
//!
//! What remains to be learned from is the seam, and that a filled region is smoother than its surroundings; neither tells a class. But it tells
//! *where* the region was, so shapes of regions that belong to classes stay visible, as they do in the image itself.

use std::cell::LazyCell;
use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::compose::{feathered_over, fill};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::manifest::Task;
use crate::rng::{EXCHANGE, stream};
use crate::sample::{Image, Label, Mask, Sample};

/// Donors that are tried before an image keeps its background: their masks may say nothing.
const TRIES: usize = 16;

/// The images of a data set whose backgrounds others may have.
#[derive(Clone, Debug)]
pub struct Donors(Vec<usize>);

impl Donors {
    /// All images that have a mask; whether it says anything is found when one is drawn.
    pub fn of(dataset: &dyn Dataset) -> Self {
        Self((0..dataset.len()).filter(|index| dataset.has_mask(*index)).collect())
    }

    /// An image of another patient, and of another label where `label` is not to be met, with its region of interest filled.
    fn background(
        &self,
        dataset: &dyn Dataset,
        index: usize,
        other_label: bool,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<Image>> {
        let fits = |donor: usize| {
            let group = dataset.group(donor);
            let independent = donor != index && (group.is_empty() || group != dataset.group(index));
            independent && !(other_label && dataset.label(donor) == dataset.label(index))
        };
        if self.0.is_empty() {
            return Ok(None);
        }
        // Most often the first draw fits; only otherwise those that do are listed.
        let fitting = LazyCell::new(|| self.0.iter().copied().filter(|donor| fits(*donor)).collect::<Vec<_>>());
        for _ in 0..TRIES {
            let mut donor = self.0[below(self.0.len(), rng)];
            if !fits(donor) {
                if fitting.is_empty() {
                    return Ok(None);
                }
                donor = fitting[below(fitting.len(), rng)];
            }
            let donor = dataset.sample(donor)?;
            let usable = donor.mask.as_ref().filter(|mask| mask.verdict().says_something());
            if let Some(filled) = usable.and_then(|mask| fill(&donor.image, &with_margin_as_foreground(mask))) {
                return Ok(Some(filled));
            }
        }
        Ok(None)
    }
}

/// A mask whose margin belongs to the region: nothing of a donor's object may be left at its edge.
fn with_margin_as_foreground(mask: &Mask) -> Mask {
    let values = mask.values.iter().map(|value| if *value < Mask::NEITHER { 0.0 } else { 1.0 }).collect();
    Mask { values, ..*mask }
}

fn below(n: usize, rng: &mut impl Rng) -> usize {
    // 32 bits are drawn on every machine, so that the numbers do not depend on its word size.
    rng.random_range(0..u32::try_from(n).expect("fewer than 2³² images fit into memory")) as usize
}

/// The sample on the background of a random donor; `None` where its mask says nothing or there is no donor.
///
/// With `other_label` the donor's label is another one.
///
/// # Errors
/// A donor that cannot be read.
pub fn exchange_background(
    dataset: &dyn Dataset,
    donors: &Donors,
    (index, sample): (usize, &Sample),
    other_label: bool,
    rng: &mut ChaCha8Rng,
) -> Result<Option<Image>> {
    let Some(mask) = sample.mask.as_ref().filter(|mask| mask.verdict().says_something()) else { return Ok(None) };
    let background = donors.background(dataset, index, other_label, rng)?;
    Ok(background.map(|background| feathered_over(&sample.image, mask, &background)))
}

/// A data set in which images stand on the backgrounds of others.
pub struct ExchangedBackgrounds {
    inner: Arc<dyn Dataset>,
    donors: Arc<Donors>,
    indices: Vec<usize>,
    share: f64,
    other_label: bool,
    seed: u64,
    epoch: u64,
}

impl ExchangedBackgrounds {
    /// To train on: in each epoch another `share` of the images, in [0, 1], has the background of a random donor.
    pub fn in_epoch(inner: Arc<dyn Dataset>, donors: Arc<Donors>, share: f64, (seed, epoch): (u64, u64)) -> Self {
        let indices = (0..inner.len()).collect();
        Self { inner, donors, indices, share, other_label: false, seed, epoch }
    }

    /// To validate on: every image whose mask says something, always on the same background of an image with another label. Images for which there is none are
    /// left out.
    ///
    /// # Errors
    /// A sample that cannot be read.
    pub fn to_validate(inner: Arc<dyn Dataset>) -> Result<Self> {
        let donors = Arc::new(Donors::of(&*inner));
        let mut indices = Vec::new();
        for &index in &donors.0 {
            if inner.mask_says_something(index)?
                && donors.0.iter().any(|donor| inner.label(*donor) != inner.label(index))
            {
                indices.push(index);
            }
        }
        Ok(Self { inner, donors, indices, share: 1.0, other_label: true, seed: 0, epoch: 0 })
    }
}

impl Dataset for ExchangedBackgrounds {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn task(&self) -> Task {
        self.inner.task()
    }

    fn classes(&self) -> &[String] {
        self.inner.classes()
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        let index = self.indices[index];
        let sample = self.inner.sample(index)?;
        let mut rng = stream(self.seed, &[EXCHANGE, self.epoch, index as u64]);
        if rng.random::<f64>() >= self.share {
            return Ok(sample);
        }
        let image = exchange_background(&*self.inner, &self.donors, (index, &sample), self.other_label, &mut rng)?;
        Ok(match image {
            Some(image) => Sample { image, ..sample },
            None => sample,
        })
    }

    fn label(&self, index: usize) -> Option<&Label> {
        self.inner.label(self.indices[index])
    }

    fn has_mask(&self, index: usize) -> bool {
        self.inner.has_mask(self.indices[index])
    }

    fn source(&self, index: usize) -> &str {
        self.inner.source(self.indices[index])
    }

    fn group(&self, index: usize) -> &str {
        self.inner.group(self.indices[index])
    }

    fn id(&self, index: usize) -> String {
        self.inner.id(self.indices[index])
    }

    fn attribute(&self, index: usize, column: &str) -> Option<&str> {
        self.inner.attribute(self.indices[index], column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::MemoryDataset;

    /// Images of one colour per class with an object of 0.9 in the middle; every `without`th has no mask.
    fn dataset(n: usize, without: usize) -> Arc<dyn Dataset> {
        let sample = |index: usize| {
            let class = index % 3;
            let mut pixels = vec![0.1 + 0.2 * class as f32; 36];
            let mut mask = vec![0.0; 36];
            for place in [14, 15, 20, 21] {
                (pixels[place], mask[place]) = (0.9, 1.0);
            }
            let mask = (!(index + 1).is_multiple_of(without)).then(|| Mask::new(6, 6, mask));
            let label = Some(Label::Single(class));
            Sample { image: Image::new(6, 6, 1, pixels), mask, label, id: index.to_string(), source: String::new() }
        };
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        Arc::new(MemoryDataset::new(Task::SingleLabel, classes, (0..n).map(sample).collect()))
    }

    /// The class whose background an image has.
    fn background(sample: &Sample) -> usize {
        ((sample.image.pixels[0] - 0.1) / 0.2).round() as usize
    }

    #[test]
    fn backgrounds_of_training_images_are_independent_of_the_label() {
        let inner = dataset(600, usize::MAX);
        let donors = Arc::new(Donors::of(&*inner));
        let exchanged = ExchangedBackgrounds::in_epoch(inner, donors, 1.0, (3, 0));
        let mut counts = [[0_u32; 3]; 3];
        for index in 0..600 {
            let sample = exchanged.sample(index).unwrap();
            counts[index % 3][background(&sample)] += 1;
            // Four pixels with four of nine pixels around inside: 4/9 of 0.9, 5/9 of the background.
            let expected = (4.0 * 0.9 + 5.0 * sample.image.pixels[0]) / 9.0;
            assert!((sample.image.pixels[14] - expected).abs() < 1e-5);
        }
        // 200 of each class, a third of them on each background: ±5 standard deviations of 6.7.
        assert!(counts.as_flattened().iter().all(|count| count.abs_diff(67) < 34), "{counts:?}");
    }

    #[test]
    fn a_share_of_the_images_is_exchanged_another_in_every_epoch() {
        let inner = dataset(300, usize::MAX);
        let donors = Arc::new(Donors::of(&*inner));
        let epoch = |epoch| {
            let exchanged = ExchangedBackgrounds::in_epoch(inner.clone(), donors.clone(), 0.5, (3, epoch));
            (0..300).map(|index| background(&exchanged.sample(index).unwrap())).collect::<Vec<_>>()
        };
        let (first, second) = (epoch(0), epoch(1));
        // Half are exchanged, a third of which for their own class's: two thirds keep the background of their class.
        let kept = first.iter().enumerate().filter(|(index, found)| **found == index % 3).count();
        assert!(kept.abs_diff(200) < 40, "{kept}");
        assert_eq!(first, epoch(0));
        assert_ne!(first, second);
        assert_eq!(dataset(1, usize::MAX).sample(0).unwrap().image, {
            let alone = dataset(1, usize::MAX);
            let donors = Arc::new(Donors::of(&*alone));
            ExchangedBackgrounds::in_epoch(alone, donors, 1.0, (3, 0)).sample(0).unwrap().image
        });
    }

    #[test]
    fn validation_images_stand_on_the_background_of_another_class_and_have_masks() {
        let exchanged = ExchangedBackgrounds::to_validate(dataset(60, 4)).unwrap();
        assert_eq!(exchanged.len(), 45);
        for index in 0..exchanged.len() {
            let sample = exchanged.sample(index).unwrap();
            assert!(exchanged.has_mask(index) && sample.label.as_ref() == exchanged.label(index));
            assert_ne!(background(&sample), exchanged.label(index).unwrap().classes()[0]);
            assert_eq!(sample, exchanged.sample(index).unwrap());
        }
        assert_eq!(
            ExchangedBackgrounds::to_validate(dataset(1, usize::MAX)).unwrap().len(),
            0,
            "nobody to exchange with"
        );
    }
}
