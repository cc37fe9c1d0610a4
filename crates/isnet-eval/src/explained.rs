//! A batch with the relevance of its outputs: what pictures, shares and audits are made from.

use burn::tensor::Tensor;
use isnet_data::{Batch, Image, MaskVerdict};
use isnet_graph::Mode;
use isnet_lrp::{OutputSelector, Outputs, Plan, explain};
use isnet_picture::{Range, RgbImage, SignedMap, color, gray, signed_map};
use isnet_run::Model;

use crate::EvalError;
use crate::relevance_share::{Layout, background_share};

/// Part of the pixels whose relevance may lie beyond the range of a picture.
const PERCENTILE: f64 = 99.5;

/// What a model says of a batch, and why.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The logits, `[N, K]`.
    pub logits: Tensor<2>,
    /// `E`, the maps of a sample.
    pub maps: usize,
    /// Which class each map explains, `N·E` values; none where maps explain all outputs at once.
    pub classes: Vec<usize>,
    /// Relevance, `N·E` maps of `[H, W, C]`.
    values: Vec<f32>,
}

impl Explained {
    /// Runs a model on a batch and explains what the selector chooses.
    ///
    /// # Errors
    /// [`EvalError::Lrp`] if the selector does not fit the model, [`EvalError::Device`] if the device fails.
    pub fn new(model: &Model, plan: &Plan, selector: OutputSelector, batch: &Batch) -> Result<Self, EvalError> {
        let trace = model.graph.forward(&model.params, model.images(batch), Mode::Evaluate);
        let outputs = Outputs::of_task(model.task == isnet_data::Task::MultiLabel);
        let seeds = selector.seeds(trace.logits(), &outputs, None)?;
        let heatmap = explain(&model.graph, &model.params, &trace, plan, seeds.gradient, &[]).heatmap;
        let values = heatmap.try_into_vec_as().map_err(|error| EvalError::Device(error.to_string()))?;
        let maps = seeds.maps * plan.passes().len();
        Ok(Self { logits: trace.logits(), maps, classes: seeds.explained, values })
    }

    /// The map of row `n·E + e`, `[H, W, C]`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn map(&self, row: usize) -> &[f32] {
        let per_map = self.values.len() / (self.logits.dims()[0] * self.maps);
        &self.values[row * per_map..(row + 1) * per_map]
    }

    /// Share of the relevance of a row that lies on the background; `None` without relevance, and without a mask that says something
    /// ([`mask_verdict`]).
    ///
    /// # Panics
    /// If there is no such row in the batch.
    pub fn background_share(&self, batch: &Batch, row: usize) -> Option<f64> {
        let sample = row / self.maps;
        let says_something = mask_verdict(batch, sample).is_some_and(MaskVerdict::says_something);
        let mask = says_something.then(|| mask_of(batch, sample));
        background_share(self.map(row), Layout::ChannelsLast, mask)
    }
}

/// Whether the mask of a sample says anything; `None` without one.
///
/// # Panics
/// If there is no such sample in the batch.
pub fn mask_verdict(batch: &Batch, sample: usize) -> Option<MaskVerdict> {
    batch.has_mask[sample].then(|| MaskVerdict::of(mask_of(batch, sample)))
}

fn mask_of(batch: &Batch, sample: usize) -> &[f32] {
    let pixels = batch.height * batch.width;
    &batch.mask[sample * pixels..(sample + 1) * pixels]
}

/// An image as a picture.
///
/// # Errors
/// [`EvalError::Picture`] for values that are not finite.
///
/// # Example
/// ```
/// # use isnet_data::Image;
/// # use isnet_eval::explained::photo;
/// let picture = photo(&Image::new(1, 2, 1, vec![0.0, 1.0]))?;
/// assert_eq!(picture.get_pixel(1, 0).0, [255, 255, 255]);
/// # Ok::<(), isnet_eval::EvalError>(())
/// ```
pub fn photo(image: &Image) -> Result<RgbImage, EvalError> {
    let show = if image.channels == 3 { color } else { gray };
    Ok(show(&image.pixels, image.height, image.width)?)
}

/// The relevance of an image, summed over its channels, as a picture; half a percent of the pixels may lie beyond its range.
///
/// # Errors
/// [`EvalError::Picture`] for relevance of another size or that is not finite.
///
/// # Example
/// ```
/// # use isnet_data::Image;
/// # use isnet_eval::explained::relevance_picture;
/// let image = Image::new(1, 2, 3, vec![0.5; 6]);
/// let map = relevance_picture(&image, &[1.0, 2.0, 1.0, -1.0, -0.5, -0.5])?;
/// assert_eq!(map.limit, 4.0); // 1 + 2 + 1, and −2 beside it
/// # Ok::<(), isnet_eval::EvalError>(())
/// ```
pub fn relevance_picture(image: &Image, relevance: &[f32]) -> Result<SignedMap, EvalError> {
    let summed: Vec<f32> = relevance.chunks(image.channels).map(|pixel| pixel.iter().sum()).collect();
    Ok(signed_map(&summed, image.height, image.width, Range::Percentile(PERCENTILE))?)
}
