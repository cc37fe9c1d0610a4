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
    /// How much each sample counts, 0 to 1; the mean is still one over all samples whose mask is known.
    counts: Vec<f64>,
}

impl Mask {
    /// # Shapes
    /// - `values`: `[N, H, W, 1]`, 1 = foreground, 0 = background, ½ = a margin that is neither
    /// - `known`: `N`; a sample without a mask takes part in classification only
    ///
    /// # Panics
    /// If the two disagree on `N`.
    pub fn new(values: Tensor<4>, known: Vec<bool>) -> Self {
        assert_eq!(values.dims()[0], known.len(), "samples of the mask");
        let counts = known.iter().map(|known| f64::from(u8::from(*known))).collect();
        Self { values, known, counts }
    }

    /// The same masks, of which each sample counts in part; `[N]`, each in [0, 1].
    ///
    /// # Panics
    /// If there are not as many as samples.
    pub fn counting(&self, shares: &[f64]) -> Self {
        assert_eq!(shares.len(), self.known.len(), "samples of the mask");
        let counts = self.known.iter().zip(shares).map(|(known, share)| if *known { *share } else { 0.0 });
        Self { counts: counts.collect(), ..self.clone() }
    }

    /// 1 in the foreground and 0 elsewhere, in the float type of what it will multiply, `[N, H, W, 1]`; anything where a mask is not known.
    pub fn foreground(&self, dtype: DType) -> Tensor<4> {
        foreground(self.values.clone().cast(dtype))
    }

    /// 1 in the background and 0 elsewhere, in the float type of what it will multiply, `[N, H, W, 1]`.
    pub fn background(&self, dtype: DType) -> Tensor<4> {
        background(self.values.clone().cast(dtype))
    }

    /// The mean over the samples whose mask is known of how much each counts; 0 where none is.
    pub fn counted_share(&self) -> f64 {
        self.counts.iter().sum::<f64>() / self.count().max(1) as f64
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is no sample at all.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The mean over the samples whose mask is known of `per_sample`, `[N]`, times how much each counts: a scalar `[1]`, 0 where none is known.
    pub fn mean(&self, per_sample: Tensor<1>) -> Tensor<1> {
        (per_sample.clone() * self.weights(&per_sample)).sum()
    }

    /// For each sample, whether its mask is known.
    pub fn known(&self) -> &[bool] {
        &self.known
    }

    /// Number of samples whose mask is known.
    pub fn count(&self) -> usize {
        self.known.iter().filter(|known| **known).count()
    }

    /// The mask at the size of a smaller heatmap: a cell that holds any foreground is foreground, one that holds a part of the margin and none is
    /// margin, and only pure background is background.
    fn resized(&self, size: [usize; 2], dtype: DType) -> Tensor<4> {
        let mask = self.values.clone().cast(dtype);
        let [_, height, width, _] = mask.dims();
        if [height, width] == size {
            return mask;
        }
        let holds = |part: Tensor<4>| average_pool(part, &AveragePool::adaptive([height, width], size)).sign();
        (holds(foreground(mask.clone())) + holds(mask)) * 0.5
    }

    /// `1/n` of how much each of the `n` samples with a mask counts, 0 for the others; `[N]`.
    fn weights(&self, like: &Tensor<1>) -> Tensor<1> {
        let share = 1.0 / self.count().max(1) as f64;
        let weights: Vec<f64> = self.counts.iter().map(|counts| counts * share).collect();
        Tensor::from_data(TensorData::from(weights.as_slice()), (&like.device().inner(), like.dtype()))
    }
}

/// 1 where a mask is 1; 0 in its margin and in the background.
pub(crate) fn foreground(mask: Tensor<4>) -> Tensor<4> {
    (mask * 2.0 - 1.0).clamp_min(0.0)
}

/// 1 where a mask is 0; 0 in its margin and in the foreground.
pub(crate) fn background(mask: Tensor<4>) -> Tensor<4> {
    (mask * -2.0 + 1.0).clamp_min(0.0)
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
    let inside = (relevance * expand_maps(foreground(values), maps)).sum_dims(&[1, 2, 3]).reshape([rows]);
    let foreground = foreground_term(inside, loss.foreground_range, loss.foreground_form);
    let batch_mean =
        |per_map: Tensor<1>| mask.mean(per_map.reshape([rows / maps, maps]).mean_dim(1).reshape([rows / maps]));
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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Two samples of two maps of 1×2 pixels; the left pixel is foreground. |R| is 1 there, which is half of C1 = 2.
    const MAPS: [[f32; 2]; 4] = [[1.0, -1.0], [-1.0, 0.0], [1.0, 3.0], [-1.0, -3.0]];

    fn terms(known: [bool; 2]) -> HeatmapTerms {
        let device = Device::flex();
        let heatmap = Tensor::<2>::from_floats(MAPS, &device).reshape([4, 1, 2, 1]);
        let mask = Mask::new(Tensor::<2>::from_floats([[1.0, 0.0]; 2], &device).reshape([2, 1, 2, 1]), known.to_vec());
        let loss = HeatmapLoss {
            background: BackgroundTerm { saturation: 1.0, gwrp_decay: 0.0 },
            foreground_range: ForegroundRange { min: 2.0, max: 6.0 },
            ..HeatmapLoss::default()
        };
        heatmap_loss(&heatmap, &mask, 2, &loss)
    }

    fn assert_scalar(found: &Tensor<1>, expected: f32) {
        let found = found.clone().into_scalar::<f32>();
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }

    #[test]
    fn averages_over_maps_and_samples() {
        // Backgrounds 1, 0 and 3, 3: (ln 2 + ln 1)/2 and ln 4. Foregrounds: (1/2 − 1)² everywhere. Weights 1 and 3.
        let (terms, ln2) = (terms([true, true]), std::f32::consts::LN_2);
        assert_scalar(&terms.background, (0.5 * ln2 + 2.0 * ln2) / 2.0);
        assert_scalar(&terms.foreground, 0.25);
        assert_scalar(&terms.total, 1.25 * ln2 + 3.0 * 0.25);
    }

    #[test]
    fn leaves_out_samples_without_a_mask() {
        let ln2 = std::f32::consts::LN_2;
        assert_scalar(&terms([true, false]).background, 0.5 * ln2);
        assert_scalar(&terms([false, true]).background, 2.0 * ln2);
        assert_scalar(&terms([false, true]).foreground, 0.25);
    }

    #[test]
    fn the_total_weighs_both_terms() {
        let device = Device::flex();
        let row = |values: [f32; 2]| Tensor::<1>::from_floats(values, &device).reshape([1, 1, 2, 1]);
        let mask = Mask::new(row([1.0, 0.0]), vec![true]);
        let loss = HeatmapLoss { background_weight: 0.5, foreground_weight: 7.0, ..HeatmapLoss::default() };
        let terms = heatmap_loss(&row([0.5, 2.0]), &mask, 1, &loss);
        let parts = [&terms.background, &terms.foreground].map(|part| part.clone().into_scalar::<f32>());
        assert!(parts.iter().all(|part| *part > 0.1), "{parts:?}");
        assert_scalar(&terms.total, 0.5 * parts[0] + 7.0 * parts[1]);
    }

    #[test]
    fn is_zero_where_no_mask_is_known() {
        assert_eq!(terms([false, false]).total.into_scalar::<f32>(), 0.0);
    }

    #[test]
    fn a_smaller_mask_keeps_only_cells_of_pure_background() {
        for (size, foreground, cells) in [
            ([4, 4], vec![0], [1.0, 0.0, 0.0, 0.0]),
            ([4, 4], vec![7, 12], [0.0, 1.0, 1.0, 0.0]),
            ([5, 5], vec![12], [1.0; 4]), // the centre lies in all four windows, rows 0–2 and 2–4
            ([4, 4], vec![], [0.0; 4]),
        ] {
            let mut pixels = vec![0.0_f32; size[0] * size[1]];
            foreground.iter().for_each(|pixel: &usize| pixels[*pixel] = 1.0);
            let values = Tensor::<1>::from_floats(pixels.as_slice(), &Device::flex()).reshape([1, size[0], size[1], 1]);
            let mask = Mask::new(values, vec![true]).resized([2, 2], DType::F32);
            let found: Vec<f32> = mask.try_into_vec_as().expect("floats");
            assert_eq!(found, cells, "{size:?} with {foreground:?}");
        }
    }

    #[test]
    fn a_margin_is_neither_foreground_nor_background_at_any_size() {
        let device = Device::flex();
        let row = |values: &[f32]| Tensor::<1>::from_floats(values, &device).reshape([1, 1, values.len(), 1]);
        let loss = HeatmapLoss {
            background: BackgroundTerm { saturation: 1.0, gwrp_decay: 0.0 },
            foreground_range: ForegroundRange { min: 2.0, max: 6.0 },
            ..HeatmapLoss::default()
        };
        // The foreground is 1; 3 on the background, whatever lies in the margin.
        for margin in [0.0, 100.0] {
            let mask = Mask::new(row(&[1.0, 0.5, 0.0]), vec![true]);
            let terms = heatmap_loss(&row(&[1.0, margin, 3.0]), &mask, 1, &loss);
            assert_scalar(&terms.background, 2.0 * std::f32::consts::LN_2);
            assert_scalar(&terms.foreground, 0.25);
        }
        let mask = Mask::new(row(&[1.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0]), vec![true]);
        let small: Vec<f32> = mask.resized([1, 4], DType::F32).try_into_vec_as().expect("floats");
        assert_eq!(small, [1.0, 0.5, 0.5, 0.0]);
    }

    #[test]
    fn a_sample_counts_as_much_as_it_is_told_to() {
        let device = Device::flex();
        let mask = Mask::new(Tensor::zeros([3, 1, 2, 1], &device), vec![true, false, true]).counting(&[0.25, 1.0, 0.5]);
        let values = Tensor::<1>::from_floats([4.0, 100.0, 6.0], &device);
        assert_scalar(&mask.mean(values), (0.25 * 4.0 + 0.5 * 6.0) / 2.0);
        assert_eq!((mask.counted_share(), mask.count()), (0.375, 2));
    }

    #[test]
    fn deep_supervision_pools_each_part_by_rank() {
        let node = |background: f32, foreground: f32| {
            let scalar = |value: f32| Tensor::<1>::from_floats([value], &Device::flex());
            let total = scalar(background + foreground);
            HeatmapTerms { background: scalar(background), foreground: scalar(foreground), total }
        };
        let pooled = pool_over_nodes(vec![node(1.0, 4.0), node(4.0, 0.0), node(2.0, 1.0)], 0.5);
        assert_scalar(&pooled.background, (4.0 + 1.0 + 0.25) / 1.75);
        assert_scalar(&pooled.foreground, (4.0 + 0.5) / 1.75);
        assert_scalar(&pooled.total, (5.0 + 2.0 + 0.75) / 1.75);
    }

    #[test]
    fn half_precision_heatmaps_are_judged_in_f32() {
        let device = Device::flex();
        let heatmap = Tensor::<1>::from_floats([1e-3, 200.0], &device).reshape([1, 1, 2, 1]).cast(DType::F16);
        let mask = Mask::new(Tensor::<1>::from_floats([1.0, 0.0], &device).reshape([1, 1, 2, 1]), vec![true]);
        let terms = heatmap_loss(&heatmap, &mask, 1, &HeatmapLoss::default());
        assert_eq!(terms.total.dtype(), DType::F32);
        assert!(terms.total.into_scalar::<f32>().is_finite(), "200/1e-3 is beyond f16");
    }
}
