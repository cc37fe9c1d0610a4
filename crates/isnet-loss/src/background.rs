//! The background term of the heatmap loss (METHOD §4, steps 1–5).

use burn::tensor::Tensor;
use isnet_kernels::{expand_maps, ln, ranked_pooling};

use crate::heatmap;

/// Settings of the background term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackgroundTerm {
    /// E in `g/(g + E)`.
    pub saturation: f64,
    /// d of the ranked pooling over pixels.
    pub gwrp_decay: f64,
}

/// Largest value of the saturated background relevance, so that its logarithm exists.
const CEILING: f64 = 1.0 - 1e-7;

/// `−ln(1 − u)` of the pooled background relevance, averaged over channels; one value per map.
///
/// # Shapes
/// - `relevance` (`|R|`): `[N·E, H, W, C]`
/// - `mask`: `[N, H, W, 1]`, 1 = foreground, 0 = background, ½ = neither
/// - returns `[N·E]`
pub fn background_term(relevance: Tensor<4>, mask: Tensor<4>, term: &BackgroundTerm) -> Tensor<1> {
    let [rows, height, width, channels] = relevance.dims();
    let mask = expand_maps(mask.clone(), rows / mask.dims()[0]);
    let inside = heatmap::foreground(mask.clone());
    let foreground = relevance.clone() * inside.clone();
    let area = inside.sum_dims(&[1, 2, 3]) * channels as f64;
    // An empty foreground has no mean; callers leave such samples out, and 0/1 keeps them finite here.
    let mean = foreground.sum_dims(&[1, 2, 3]) / area.clamp_min(1.0);
    let background = relevance / (mean + 1e-10) * heatmap::background(mask);
    let per_channel = background.permute([0, 3, 1, 2]).reshape([rows * channels, height * width]);
    let pooled = ranked_pooling(per_channel, term.gwrp_decay);
    let saturated = (pooled.clone() / (pooled + term.saturation)).clamp_max(CEILING);
    let loss = ln(saturated.neg() + 1.0).neg();
    loss.reshape([rows, channels]).mean_dim(1).reshape([rows])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, TensorData};

    use super::*;

    /// The term of one map, `pixels` of `channels` values in a row.
    fn term(pixels: &[f64], channels: usize, mask: &[f64], saturation: f64, gwrp_decay: f64) -> f64 {
        let (device, width) = (Device::flex(), mask.len());
        let relevance =
            Tensor::from_data(TensorData::new(pixels.to_vec(), [1, 1, width, channels]), (&device, DType::F64));
        let mask = Tensor::from_data(TensorData::new(mask.to_vec(), [1, 1, width, 1]), (&device, DType::F64));
        background_term(relevance, mask, &BackgroundTerm { saturation, gwrp_decay }).into_scalar::<f64>()
    }

    fn assert_term(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-8, "{found} instead of {expected}");
    }

    #[test]
    fn is_the_logarithm_of_the_pooled_background() {
        // The mean of the foreground 1, 3 is 2, so the background 4, 8 becomes 2, 4, beside two zeros of the foreground.
        // −ln(1 − g/(g + E)) = ln(1 + g/E).
        let (pixels, mask) = ([1.0, 4.0, 3.0, 8.0], [1.0, 0.0, 1.0, 0.0]);
        for (saturation, decay, pooled) in [
            (1.0, 1.0, 6.0 / 4.0),           // the mean
            (1.0, 0.0, 4.0),                 // the maximum
            (1.0, 0.5, (4.0 + 1.0) / 1.875), // 4 + 2/2 + 0/4 + 0/8 over 1 + 1/2 + 1/4 + 1/8
            (10.0, 1.0, 6.0 / 4.0),
        ] {
            assert_term(term(&pixels, 1, &mask, saturation, decay), (1.0 + pooled / saturation).ln());
        }
    }

    #[test]
    fn normalizes_by_all_channels_but_pools_each_alone() {
        // Channels (2, 8) and (0, 2): the foreground mean is (2 + 0)/2 = 1. The maxima 8 and 2 give (ln 9 + ln 3)/2.
        assert_term(term(&[2.0, 0.0, 8.0, 2.0], 2, &[1.0, 0.0], 1.0, 0.0), (9_f64.ln() + 3_f64.ln()) / 2.0);
    }

    #[test]
    fn does_not_depend_on_the_scale_of_the_map() {
        let mask = [1.0, 0.0, 0.0];
        assert_term(term(&[2.0, 1.0, 3.0], 1, &mask, 1.0, 0.5), term(&[200.0, 100.0, 300.0], 1, &mask, 1.0, 0.5));
    }

    #[test]
    fn is_zero_without_relevance_on_the_background() {
        assert_eq!(term(&[2.0, 0.0, 3.0], 1, &[1.0, 0.0, 1.0], 1.0, 0.9), 0.0);
    }

    #[test]
    fn saturates_where_the_foreground_has_no_relevance() {
        // u stops at 1 − 1e-7.
        assert_term(term(&[0.0, 1.0], 1, &[1.0, 0.0], 1.0, 0.0), 7.0 * 10_f64.ln());
    }

    #[test]
    fn stays_finite_without_any_foreground() {
        assert!(term(&[1.0, 1.0], 1, &[0.0, 0.0], 1.0, 0.9).is_finite());
        assert_eq!(term(&[0.0, 0.0], 1, &[0.0, 0.0], 1.0, 0.9), 0.0);
    }
}
