//! The background term of the heatmap loss (METHOD §4, steps 1–5).

use burn::tensor::Tensor;
use isnet_kernels::{expand_maps, ranked_pooling};

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
/// - `mask`: `[N, H, W, 1]`, 1 = foreground
/// - returns `[N·E]`
pub fn background_term(relevance: Tensor<4>, mask: Tensor<4>, term: &BackgroundTerm) -> Tensor<1> {
    let [rows, height, width, channels] = relevance.dims();
    let mask = expand_maps(mask.clone(), rows / mask.dims()[0]);
    let foreground = relevance.clone() * mask.clone();
    let area = mask.clone().sum_dims(&[1, 2, 3]) * channels as f64;
    // An empty foreground has no mean; callers leave such samples out, and 0/1 keeps them finite here.
    let mean = foreground.sum_dims(&[1, 2, 3]) / area.clamp_min(1.0);
    let background = relevance / (mean + 1e-10) * (mask.neg() + 1.0);
    let per_channel = background.permute([0, 3, 1, 2]).reshape([rows * channels, height * width]);
    let pooled = ranked_pooling(per_channel, term.gwrp_decay);
    let saturated = (pooled.clone() / (pooled + term.saturation)).clamp_max(CEILING);
    let loss = (saturated.neg() + 1.0).log().neg();
    loss.reshape([rows, channels]).mean_dim(1).reshape([rows])
}
