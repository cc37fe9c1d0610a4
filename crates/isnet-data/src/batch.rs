//! Samples side by side, ready to become tensors.

use crate::error::{DataError, Result};
use crate::sample::{Label, Sample};

/// N samples of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[N, H, W, C]`, in [0, 1].
    pub image: Vec<f32>,
    /// `[N, H, W]`, 1 = foreground; all 1 where a sample has no mask.
    pub mask: Vec<f32>,
    /// `[N]`: false where `mask` is a placeholder, which no heatmap loss may use.
    pub has_mask: Vec<bool>,
    /// `[N]`; the empty set where a sample has no label.
    pub labels: Vec<Label>,
    /// `[N]`: false where `labels` is a placeholder, which no classification loss may use.
    pub has_label: Vec<bool>,
    /// `[N]`: index of each sample in its data set.
    pub indices: Vec<usize>,
    /// H, pixels.
    pub height: usize,
    /// W, pixels.
    pub width: usize,
    /// C.
    pub channels: usize,
}

impl Batch {
    /// Puts samples side by side; `indices` counts them from 0. No samples make an empty batch.
    ///
    /// # Errors
    /// [`DataError::BatchShape`] if they differ in shape; [`DataError::MaskSize`] if a mask does not fit its image.
    pub fn collate(samples: &[Sample]) -> Result<Self> {
        let shape = |sample: &Sample| [sample.image.height, sample.image.width, sample.image.channels];
        let expected = samples.first().map_or([0; 3], shape);
        let [height, width, channels] = expected;
        let mut batch = Self {
            image: Vec::with_capacity(samples.len() * height * width * channels),
            mask: Vec::with_capacity(samples.len() * height * width),
            has_mask: samples.iter().map(|sample| sample.mask.is_some()).collect(),
            labels: samples.iter().map(|sample| sample.label.clone().unwrap_or(Label::Multi(Vec::new()))).collect(),
            has_label: samples.iter().map(|sample| sample.label.is_some()).collect(),
            indices: (0..samples.len()).collect(),
            height,
            width,
            channels,
        };
        for sample in samples {
            if shape(sample) != expected {
                return Err(DataError::BatchShape { id: sample.id.clone(), expected, got: shape(sample) });
            }
            batch.image.extend(&sample.image.pixels);
            match &sample.mask {
                Some(mask) if (mask.height, mask.width) != (height, width) => {
                    return Err(DataError::MaskSize { expected: (height, width), got: (mask.height, mask.width) });
                }
                Some(mask) => batch.mask.extend(&mask.values),
                None => batch.mask.extend(std::iter::repeat_n(1.0, height * width)),
            }
        }
        Ok(batch)
    }

    /// N.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether N is 0.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Image, Mask};

    fn sample(width: usize, value: f32) -> Sample {
        let image = Image::new(1, width, 1, vec![value; width]);
        Sample { image, mask: None, label: None, id: format!("s{value}"), source: String::new() }
    }

    #[test]
    fn samples_lie_one_after_the_other_and_absent_things_are_marked() {
        let mut second = sample(2, 0.5);
        second.mask = Some(Mask::new(1, 2, vec![0.0, 1.0]));
        second.label = Some(Label::Single(3));
        let batch = Batch::collate(&[sample(2, 0.25), second]).unwrap();
        assert_eq!((batch.len(), batch.height, batch.width, batch.channels), (2, 1, 2, 1));
        assert_eq!(batch.image, [0.25, 0.25, 0.5, 0.5]);
        assert_eq!(batch.mask, [1.0, 1.0, 0.0, 1.0]);
        assert_eq!(batch.has_mask, [false, true]);
        assert_eq!(batch.has_label, [false, true]);
        assert_eq!(batch.labels, [Label::Multi(vec![]), Label::Single(3)]);
    }

    #[test]
    fn a_sample_of_another_shape_is_named() {
        let error = Batch::collate(&[sample(2, 0.25), sample(3, 0.5)]).unwrap_err();
        assert!(error.to_string().contains("`s0.5` is [1, 3, 1]"), "{error}");
    }

    #[test]
    fn a_mask_of_another_size_is_an_error_not_a_shifted_batch() {
        let mut odd = sample(2, 0.5);
        odd.mask = Some(Mask::new(1, 1, vec![1.0]));
        assert!(matches!(Batch::collate(&[odd]), Err(DataError::MaskSize { .. })));
    }
}
