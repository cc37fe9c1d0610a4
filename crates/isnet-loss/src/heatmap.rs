//! The heatmap loss: background and foreground terms of one map, of a batch, of several nodes.

use burn::tensor::{DType, Tensor, TensorData};
use isnet_kernels::{AveragePool, average_pool, expand_maps, ranked_pooling};

use crate::background::{BackgroundTerm, background_term};
use crate::foreground::{ForegroundForm, ForegroundRange, foreground_term};

/// Settings of the heatmap loss; the presets of METHOD §4 for 28–64 px images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeatmapLoss {
    /// w1.
    pub background_weight: f64,
    /// w2.
    pub foreground_weight: f64,
    /// E and d.
    pub background: BackgroundTerm,
    /// C1 and C2.
    pub foreground_range: ForegroundRange,
    /// Form above C2.
    pub foreground_form: ForegroundForm,
}

impl Default for HeatmapLoss {
    fn default() -> Self {
        Self {
            background_weight: 1.0,
            foreground_weight: 3.0,
            background: BackgroundTerm { saturation: 1.0, gwrp_decay: 0.9 },
            foreground_range: ForegroundRange { min: 1.0, max: 25.0 },
            foreground_form: ForegroundForm::L2,
        }
    }
}

/// Where the region of interest is, and for which samples that is known.
#[derive(Clone, Debug)]
pub struct Mask {
    values: Tensor<4>,
    known: Vec<bool>,
}

impl Mask {
    /// # Shapes
    /// - `values`: `[N, H, W, 1]`, 1 = foreground
    /// - `known`: `N`; a sample without a mask takes part in classification only
    ///
    /// # Panics
    /// If the two disagree on `N`.
    pub fn new(values: Tensor<4>, known: Vec<bool>) -> Self {
        assert_eq!(values.dims()[0], known.len(), "samples of the mask");
        Self { values, known }
    }

    /// Number of samples whose mask is known.
    pub fn count(&self) -> usize {
        self.known.iter().filter(|known| **known).count()
    }

    /// The mask at the size of a smaller heatmap: averaged, then every cell that is not pure background becomes foreground.
    fn resized(&self, size: [usize; 2], dtype: DType) -> Tensor<4> {
        let mask = self.values.clone().cast(dtype);
        let [_, height, width, _] = mask.dims();
        if [height, width] == size {
            return mask;
        }
        let pooled = average_pool(mask, &AveragePool::adaptive([height, width], size));
        pooled.sign()
    }

    /// `1/n` for each of the `n` samples with a mask, 0 for the others; `[N]`.
    fn weights(&self, like: &Tensor<1>) -> Tensor<1> {
        let share = 1.0 / self.count().max(1) as f64;
        let weights: Vec<f64> = self.known.iter().map(|known| if *known { share } else { 0.0 }).collect();
        Tensor::from_data(TensorData::from(weights.as_slice()), (&like.device().inner(), like.dtype()))
    }
}

/// The parts of a heatmap loss, each a scalar `[1]`.
#[derive(Clone, Debug)]
pub struct HeatmapTerms {
    /// L1, averaged over the samples with a mask.
    pub background: Tensor<1>,
    /// L2, averaged over the samples with a mask.
    pub foreground: Tensor<1>,
    /// `w1·L1 + w2·L2`.
    pub total: Tensor<1>,
}

/// The heatmap loss of one node, in `f32` or better whatever the precision of the network.
///
/// # Shapes
/// - `heatmap` (`R`): `[N·E, H, W, C]`, a sample's maps side by side
/// - `mask`: of `N` samples, at this size or larger
/// - `maps`: `E`
pub fn heatmap_loss(heatmap: &Tensor<4>, mask: &Mask, maps: usize, loss: &HeatmapLoss) -> HeatmapTerms {
    let dtype = if heatmap.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let [rows, height, width, _] = heatmap.dims();
    let values = mask.resized([height, width], dtype);
    let relevance = heatmap.clone().cast(dtype).abs();
    let background = background_term(relevance.clone(), values.clone(), &loss.background);
    let inside = (relevance * expand_maps(values, maps)).sum_dims(&[1, 2, 3]).reshape([rows]);
    let foreground = foreground_term(inside, loss.foreground_range, loss.foreground_form);
    let batch_mean = |per_map: Tensor<1>| {
        let per_sample = per_map.reshape([rows / maps, maps]).mean_dim(1).reshape([rows / maps]);
        (per_sample.clone() * mask.weights(&per_sample)).sum()
    };
    let (background, foreground) = (batch_mean(background), batch_mean(foreground));
    let total = background.clone() * loss.background_weight + foreground.clone() * loss.foreground_weight;
    HeatmapTerms { background, foreground, total }
}

/// Deep supervision (LDS): the losses of several nodes, pooled by rank with their own decay.
///
/// # Panics
/// If `terms` is empty.
pub fn pool_over_nodes(terms: Vec<HeatmapTerms>, decay: f64) -> HeatmapTerms {
    let pool = |part: fn(&HeatmapTerms) -> Tensor<1>| {
        let values = Tensor::cat(terms.iter().map(part).collect(), 0);
        ranked_pooling(values.unsqueeze::<2>(), decay)
    };
    HeatmapTerms {
        background: pool(|terms| terms.background.clone()),
        foreground: pool(|terms| terms.foreground.clone()),
        total: pool(|terms| terms.total.clone()),
    }
}
