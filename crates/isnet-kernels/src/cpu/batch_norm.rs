//! Batch normalization in training as a differentiable operation: statistics, normalization (with the ReLU after
//! it, if wanted) and both gradients in one sweep each.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};
use rayon::prelude::*;

use super::{
    lanes::{for_every_set, vectorized},
    pointwise::rectified,
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    sums::{ROWS, row_sums},
    sweep,
};
use crate::batch_norm::BatchStatistics;

/// The operation of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait BatchNormOps: Backend {
    /// [`crate::batch_norm_train`]: the output, and mean and variance of the batch without gradient.
    fn isnet_batch_norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// The fast [`crate::batch_norm_train`].
pub(crate) fn batch_norm_train(
    input: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    relu: bool,
) -> (Tensor<4>, BatchStatistics) {
    let [samples, height, width, _] = input.dims();
    let (input, gamma, beta) = (input.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let (output, mean, variance) = Dispatch::isnet_batch_norm(input, gamma, beta, epsilon, relu);
    let (mean, variance) = (Tensor::from_dispatch(mean), Tensor::from_dispatch(variance));
    (Tensor::from_dispatch(output), BatchStatistics { mean, variance, count: samples * height * width })
}

impl BatchNormOps for Flex {
    fn isnet_batch_norm(
        input: Primitive,
        gamma: Primitive,
        beta: Primitive,
        epsilon: f64,
        relu: bool,
    ) -> (Primitive, Primitive, Primitive) {
        let state = Normalized::new([input, gamma, beta].map(contiguous), epsilon, relu);
        let (mean, variance) = state.statistics();
        (state.output(), mean, variance)
    }
}

impl<C: CheckpointStrategy> BatchNormOps for Autodiff<Flex, C> {
    fn isnet_batch_norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [input.node(), gamma.node(), beta.node()];
        let tensors = [input, gamma, beta].map(|tensor| contiguous(tensor.into_primitive()));
        let state = Normalized::new(tensors, epsilon, relu);
        let output = state.output();
        let (mean, variance) = state.statistics();
        let output = match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        (output, <FloatTensor<Self>>::new(mean), <FloatTensor<Self>>::new(variance))
    }
}

/// What the gradients need.
#[derive(Clone, Debug)]
struct Normalized {
    input: Primitive,
    beta: Primitive,
    mean: Vec<f32>,
    variance: Vec<f32>,
    /// `1 / √(variance + ε)`.
    inverse_deviation: Vec<f32>,
    /// `γ / √(variance + ε)`.
    scale: Vec<f32>,
    /// Whether a ReLU follows.
    relu: bool,
}

impl Normalized {
    fn new([input, gamma, beta]: [Primitive; 3], epsilon: f64, relu: bool) -> Self {
        let [.., channels] = dims::<4>(&input);
        let (mean, variance) = statistics(values(&input), channels);
        let inverse = |variance: &f32| (1.0 / (f64::from(*variance) + epsilon).sqrt()) as f32;
        let inverse_deviation: Vec<f32> = variance.iter().map(inverse).collect();
        let scale = inverse_deviation.iter().zip(values(&gamma)).map(|(inverse, gamma)| inverse * gamma).collect();
        Self { input, beta, mean, variance, inverse_deviation, scale, relu }
    }

    fn statistics(&self) -> (Primitive, Primitive) {
        let channels = [self.mean.len()];
        (primitive(self.mean.clone(), channels), primitive(self.variance.clone(), channels))
    }

    /// Mean, scale and shift of every channel.
    fn factors(&self) -> [&[f32]; 3] {
        [&self.mean, &self.scale, values(&self.beta)]
    }

    fn output(&self) -> Primitive {
        let ([mean, scale, shift], channels, relu) = (self.factors(), self.mean.len(), self.relu);
        sweep::update(self.input.clone(), channels, |_, x| {
            for pixel in x.chunks_mut(channels) {
                for (((x, mean), scale), shift) in pixel.iter_mut().zip(mean).zip(scale).zip(shift) {
                    let y = (*x - mean) * scale + shift;
                    *x = if relu { rectified(y) } else { y };
                }
            }
        })
    }

    /// `Σ dy` and `Σ dy·(x − mean)` over all pixels, by channel, for the part of the gradient that the ReLU let pass.
    fn sums(&self, upstream: &[f32]) -> Vec<f32> {
        let (channels, x) = (self.mean.len(), values(&self.input));
        row_sums(x.len() / channels, 2 * channels, |sums, rows| {
            let part = rows.start * channels..rows.end * channels;
            add_pixels(sums.split_at_mut(channels), [&upstream[part.clone()], &x[part]], self.factors(), self.relu);
        })
    }

    /// `dx = γ/σ · (dy − Σdy/M − (x − mean)/σ² · Σ(dy·(x − mean))/M)`.
    fn spread(&self, upstream: Primitive, [plain, centred]: [&[f32]; 2]) -> Primitive {
        let (channels, x) = (self.mean.len(), values(&self.input));
        let share = 1.0 / (x.len() / channels) as f32;
        let level: Vec<f32> = plain.iter().map(|sum| sum * share).collect();
        let inverse = self.inverse_deviation.iter();
        let tilt: Vec<f32> =
            centred.iter().zip(inverse).map(|(sum, inverse)| sum * share * inverse * inverse).collect();
        sweep::update(upstream, channels, |start, gradient| {
            let x = &x[start..][..gradient.len()];
            spread_pixels(gradient, x, [&level, &tilt], self.factors(), self.relu);
        })
    }
}

for_every_set! {
    /// Adds pixels to [`Normalized::sums`].
    fn add_pixels(
        sums: (&mut [f32], &mut [f32]),
        pixels: [&[f32]; 2],
        factors: [&[f32]; 3],
        relu: bool,
    ) {
        let ((plain, centred), [upstream, x], [mean, scale, shift]) = (sums, pixels, factors);
        let channels = mean.len();
        for (g, x) in upstream.chunks(channels).zip(x.chunks(channels)) {
            let factors = mean.iter().zip(scale).zip(shift);
            let sums = plain.iter_mut().zip(centred.iter_mut());
            for (((plain, centred), (g, x)), ((mean, scale), shift)) in sums.zip(g.iter().zip(x)).zip(factors) {
                let distance = x - mean;
                let g = passed(*g, distance * scale + shift, relu);
                *plain += g;
                *centred += g * distance;
            }
        }
    }
}

for_every_set! {
    /// Makes the gradient of [`Normalized::spread`] of what came from above.
    fn spread_pixels(
        gradient: &mut [f32],
        x: &[f32],
        shares: [&[f32]; 2],
        factors: [&[f32]; 3],
        relu: bool,
    ) {
        let ([level, tilt], [mean, scale, shift]) = (shares, factors);
        let channels = mean.len();
        for (g, x) in gradient.chunks_mut(channels).zip(x.chunks(channels)) {
            let factors = mean.iter().zip(scale).zip(shift).zip(level.iter().zip(tilt));
            for ((g, x), (((mean, scale), shift), (level, tilt))) in g.iter_mut().zip(x).zip(factors) {
                let distance = x - mean;
                *g = scale * (passed(*g, distance * scale + shift, relu) - level - distance * tilt);
            }
        }
    }
}

/// The gradient that reaches the batch norm from the ReLU after it, if there is one, whose input is made again, bit by bit.
#[inline(always)]
fn passed(gradient: f32, output: f32, relu: bool) -> f32 {
    if !relu | (output > 0.0) { gradient } else { 0.0 }
}

/// Mean and biased variance per channel: exact in chunks of rows, the chunks joined in order (Chan et al. 1983).
fn statistics(x: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let of_chunk = |rows: &[f32]| {
        let count = (rows.len() / channels) as f32;
        let (mut mean, mut squares) = (vec![0.0f32; channels], vec![0.0f32; channels]);
        rows.chunks(channels).for_each(|row| mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
        mean.iter_mut().for_each(|sum| *sum /= count);
        for row in rows.chunks(channels) {
            squares.iter_mut().zip(row.iter().zip(&mean)).for_each(|(sum, (x, mean))| *sum += (x - mean) * (x - mean));
        }
        (f64::from(count), mean, squares)
    };
    let chunks: Vec<_> = x.par_chunks(ROWS * channels).map(|rows| vectorized(|| of_chunk(rows))).collect();
    let (mut count, mut mean, mut squares) = (0.0, vec![0.0f64; channels], vec![0.0f64; channels]);
    for (chunk_count, chunk_mean, chunk_squares) in chunks {
        let total = count + chunk_count;
        for channel in 0..channels {
            let distance = f64::from(chunk_mean[channel]) - mean[channel];
            mean[channel] += distance * chunk_count / total;
            squares[channel] += f64::from(chunk_squares[channel]) + distance * distance * count * chunk_count / total;
        }
        count = total;
    }
    let variance = squares.into_iter().map(|squares| (squares / count) as f32).collect();
    (mean.into_iter().map(|mean| mean as f32).collect(), variance)
}

#[derive(Debug)]
struct BatchNorm;

impl Backward<Flex, 3> for BatchNorm {
    type State = Normalized;

    fn backward(self, ops: Ops<Normalized, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let (state, channels) = (&ops.state, ops.state.mean.len());
        let upstream = values(&gradient);
        let sums = state.sums(upstream);
        let (plain, centred) = sums.split_at(channels);
        let slope = || centred.iter().zip(&state.inverse_deviation).map(|(sum, inverse)| sum * inverse).collect();
        give_gradient(gradients, &ops, 1, || primitive(slope(), [channels]));
        give_gradient(gradients, &ops, 2, || primitive(plain.to_vec(), [channels]));
        give_gradient(gradients, &ops, 0, || state.spread(gradient, [plain, centred]));
    }
}
