//! How well a segmenter finds the masks, and where it is not sure.
//!
//! `Dice = 2·|A ∩ B| / (|A| + |B|)`, `IoU = |A ∩ B| / |A ∪ B|`; the Hausdorff distance is the largest distance, in pixels, from a pixel of one set to the
//! nearest of the other. A map is foreground where its logit is above 0, at the size that the network sees.

use std::sync::Arc;

use burn::tensor::Tensor;
use isnet_data::{Batch, Dataset, Loader, MaskVerdict};
use isnet_graph::Predictor;
use isnet_run::Model;
use serde::Serialize;

use crate::EvalError;

/// How two sets of pixels agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Overlap {
    /// 0 to 1; 1 for two empty sets.
    pub dice: f64,
    /// 0 to 1; 1 for two empty sets.
    pub iou: f64,
    /// Pixels; `None` if only one of the sets is empty.
    pub hausdorff: Option<f64>,
}

impl Overlap {
    /// Compares two sets of pixels in rows of `width`.
    ///
    /// # Panics
    /// If they differ in length, or have no whole number of rows.
    ///
    /// # Example
    /// ```
    /// use isnet_eval::segmentation::Overlap;
    /// let found = Overlap::of(&[true, true, false, false], &[true, false, false, false], 4);
    /// assert_eq!((found.dice, found.iou, found.hausdorff), (2.0 / 3.0, 0.5, Some(1.0)));
    /// ```
    pub fn of(first: &[bool], second: &[bool], width: usize) -> Self {
        assert!(first.len() == second.len() && first.len().is_multiple_of(width), "two maps of one size");
        let count = |set: &[bool]| set.iter().filter(|inside| **inside).count() as f64;
        let common = first.iter().zip(second).filter(|(a, b)| **a && **b).count() as f64;
        let (sum, ratio) = (count(first) + count(second), |part: f64, of: f64| if of == 0.0 { 1.0 } else { part / of });
        Self {
            dice: ratio(2.0 * common, sum),
            iou: ratio(common, sum - common),
            hausdorff: hausdorff(first, second, width),
        }
    }
}

/// Means over samples; that of the distance over those that have one.
pub fn overlap_means<'a>(overlaps: impl IntoIterator<Item = &'a SegmentationScore>) -> Option<Overlap> {
    let overlaps: Vec<&Overlap> = overlaps.into_iter().map(|score| &score.overlap).collect();
    let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    Some(Overlap {
        dice: mean(overlaps.iter().map(|it| it.dice).collect())?,
        iou: mean(overlaps.iter().map(|it| it.iou).collect())?,
        hausdorff: mean(overlaps.iter().filter_map(|it| it.hausdorff).collect()),
    })
}

/// A sample with its mask and what was found in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentationScore {
    /// Name of the sample.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// How mask and map agree.
    #[serde(flatten)]
    pub overlap: Overlap,
}

/// A map that a segmenter made.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmented {
    /// `[H·W]`, whether a pixel is foreground.
    pub foreground: Vec<bool>,
    /// Dice of this map and that of the mirrored image, mirrored back: low where the segmenter is not sure.
    pub agreement: f64,
}

/// A segmenter made ready.
pub struct Segmenter<'a> {
    model: &'a Model,
    predictor: Predictor,
}

impl<'a> Segmenter<'a> {
    /// # Errors
    /// [`EvalError::NoMap`] if the model does not segment.
    pub fn new(model: &'a Model) -> Result<Self, EvalError> {
        let map = model.graph.segmentation().ok_or(EvalError::NoMap)?;
        Ok(Self { model, predictor: Predictor::of(&model.graph, &model.params, map) })
    }

    /// The map of every image of a batch.
    pub fn foreground(&self, batch: &Batch) -> Result<Vec<Vec<bool>>, EvalError> {
        self.maps(self.model.images(batch))
    }

    /// The map of every image of a batch, and how it agrees with that of the mirrored image.
    pub fn segment(&self, batch: &Batch) -> Result<Vec<Segmented>, EvalError> {
        let images = self.model.images(batch);
        let mirrored = self.maps(images.clone().flip([2]))?;
        let back = mirrored
            .into_iter()
            .map(|map| -> Vec<bool> { map.chunks(batch.width).flat_map(|row| row.iter().rev().copied()).collect() });
        let pairs = self.maps(images)?.into_iter().zip(back);
        Ok(pairs
            .map(|(foreground, other)| {
                let agreement = Overlap::of(&foreground, &other, batch.width).dice;
                Segmented { foreground, agreement }
            })
            .collect())
    }

    fn maps(&self, images: Tensor<4>) -> Result<Vec<Vec<bool>>, EvalError> {
        let [_, height, width, _] = images.dims();
        let logits = self.predictor.answer(images).try_into_vec_as::<f32>();
        let logits = logits.map_err(|error| EvalError::Device(error.to_string()))?;
        Ok(logits.chunks(height * width).map(|map| map.iter().map(|logit| *logit > 0.0).collect()).collect())
    }
}

/// Segments every sample of a data set whose mask says something, and compares. A mask without foreground or without background is
/// left out, as in training ([`MaskVerdict`]).
///
/// # Errors
/// [`EvalError`] if the model does not segment or a sample cannot be read.
pub fn evaluate_segmentation(model: &Model, dataset: &Arc<dyn Dataset>) -> Result<Vec<SegmentationScore>, EvalError> {
    let segmenter = Segmenter::new(model)?;
    let order = (0..dataset.len()).filter(|index| dataset.has_mask(*index)).collect();
    let (batch_size, seed, epoch) = (16, 0, 0);
    let loader =
        Loader { dataset: dataset.clone(), order, batch_size, augmentation: None, seed, epoch, merge_single: false };
    let mut scores = Vec::new();
    for batch in loader.prefetch() {
        let batch = batch?;
        let maps = segmenter.foreground(&batch)?;
        let masks = batch.mask.chunks(batch.height * batch.width);
        for ((map, mask), index) in maps.iter().zip(masks).zip(&batch.indices) {
            if !MaskVerdict::of(mask).says_something() {
                continue;
            }
            let mask: Vec<bool> = mask.iter().map(|value| *value > 0.5).collect();
            let overlap = Overlap::of(map, &mask, batch.width);
            scores.push(SegmentationScore { id: dataset.id(*index), source: dataset.source(*index).into(), overlap });
        }
    }
    Ok(scores)
}

/// The largest distance from a pixel of one set to the nearest of the other, either way.
fn hausdorff(first: &[bool], second: &[bool], width: usize) -> Option<f64> {
    let empty = |set: &[bool]| !set.contains(&true);
    match (empty(first), empty(second)) {
        (true, true) => return Some(0.0),
        (false, false) => {}
        _ => return None,
    }
    let farthest = |from: &[bool], to: &[bool]| {
        let distances = squared_distances(to, width);
        from.iter().zip(distances).filter(|(inside, _)| **inside).map(|(_, square)| square).max().unwrap_or(0)
    };
    Some((farthest(first, second).max(farthest(second, first)) as f64).sqrt())
}

/// The squared distance of every pixel to the nearest of a set that is not empty: down the columns first, then along the rows.
fn squared_distances(set: &[bool], width: usize) -> Vec<usize> {
    let height = set.len() / width;
    // Farther than any pixel, but small enough to be squared.
    let far = 2 * (width + height);
    let mut vertical = vec![far; set.len()];
    for column in 0..width {
        let mut sweep = |rows: &mut dyn Iterator<Item = usize>| {
            let mut distance = far;
            for place in rows.map(|row| row * width + column) {
                distance = if set[place] { 0 } else { (distance + 1).min(far) };
                vertical[place] = vertical[place].min(distance);
            }
        };
        sweep(&mut (0..height));
        sweep(&mut (0..height).rev());
    }
    let nearest = |row: &[usize], column: usize| {
        let squares = row.iter().enumerate().map(|(other, down)| down * down + column.abs_diff(other).pow(2));
        squares.min().unwrap_or(0)
    };
    vertical.chunks(width).flat_map(|row| (0..width).map(|column| nearest(row, column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Vec<bool> {
        text.chars().filter(|letter| !letter.is_whitespace()).map(|letter| letter == '#').collect()
    }

    #[test]
    fn overlaps_are_shares_of_pixels() {
        // Four and six pixels, three in common: 2·3/10 and 3/7.
        let found = Overlap::of(&set("##.. ##.. ...."), &set(".#.. ##.. .###"), 4);
        assert!((found.dice - 0.6).abs() < 1e-12 && (found.iou - 3.0 / 7.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn the_distance_is_that_of_the_farthest_pixel_either_way() {
        // (2, 3) is 1 down and 3 right of its nearest, (1, 1) is not: √(2² + 1²).
        for (first, second, expected) in [
            ("#... .... ....", ".... .... ...#", 13_f64.sqrt()),
            ("#... .... ....", "#... .... ...#", 13_f64.sqrt()),
            ("#### #..# ####", "#### #### ####", 1.0),
            ("#... .... ....", "#... .... ....", 0.0),
        ] {
            let (first, second) = (set(first), set(second));
            assert_eq!(Overlap::of(&first, &second, 4).hausdorff, Some(expected));
            assert_eq!(Overlap::of(&second, &first, 4).hausdorff, Some(expected));
        }
    }

    #[test]
    fn distances_equal_those_of_all_pairs() {
        let random = |seed: usize| -> Vec<bool> { (0..63).map(|i| (i * i * 7 + i * seed) % 11 < 2).collect() };
        let place = |index: usize| ((index / 9) as f64, (index % 9) as f64);
        for seed in 1..9 {
            let (a, b) = (random(seed), random(seed + 3));
            let members = |set: &[bool]| (0..63).filter(|i| set[*i]).map(place).collect::<Vec<_>>();
            let one_way = |from: &[(f64, f64)], to: &[(f64, f64)]| {
                let nearest = |p: &(f64, f64)| to.iter().map(|q| (p.0 - q.0).hypot(p.1 - q.1)).fold(f64::MAX, f64::min);
                from.iter().map(nearest).fold(0.0, f64::max)
            };
            let (a_places, b_places) = (members(&a), members(&b));
            let expected = one_way(&a_places, &b_places).max(one_way(&b_places, &a_places));
            let found = Overlap::of(&a, &b, 9).hausdorff.unwrap();
            assert!((found - expected).abs() < 1e-9, "seed {seed}: {found}, not {expected}");
        }
    }

    #[test]
    fn empty_sets_agree_with_each_other_and_have_no_distance_to_others() {
        let (none, some) = (set("...."), set(".#.."));
        assert_eq!(Overlap::of(&none, &none, 2), Overlap { dice: 1.0, iou: 1.0, hausdorff: Some(0.0) });
        assert_eq!(Overlap::of(&none, &some, 2), Overlap { dice: 0.0, iou: 0.0, hausdorff: None });
    }
}
