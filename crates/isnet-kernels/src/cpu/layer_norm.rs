//! Layer norm and its transpose with a constant deviation as differentiable operations.

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

use super::{
    pointwise::check_maps,
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    sums::row_sums,
    sweep,
};

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait LayerNormOps: Backend {
    /// [`crate::layer_norm()`].
    fn isnet_layer_norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    /// [`crate::layer_norm_transpose`].
    fn isnet_layer_norm_transpose(
        gradient: FloatTensor<Self>,
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

/// The fast [`crate::layer_norm()`].
pub(crate) fn layer_norm(input: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<4> {
    assert!([gamma.dims(), beta.dims()] == [[input.dims()[3]]; 2], "one γ and β per channel");
    let (input, gamma, beta) = (input.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_layer_norm(input, gamma, beta, epsilon as f32))
}

/// The fast [`crate::layer_norm_transpose`].
pub(crate) fn layer_norm_transpose(gradient: Tensor<4>, input: Tensor<4>, gamma: Tensor<1>, epsilon: f64) -> Tensor<4> {
    assert_eq!(gradient.dims()[1..], input.dims()[1..], "a gradient for every value");
    let (gradient, input) = (gradient.into_dispatch(), input.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_layer_norm_transpose(gradient, input, gamma.into_dispatch(), epsilon as f32))
}

impl LayerNormOps for Flex {
    fn isnet_layer_norm(input: Primitive, gamma: Primitive, beta: Primitive, epsilon: f32) -> Primitive {
        let input = contiguous(input);
        let pixels = Pixels::measure(&input, epsilon);
        forward(input, &pixels, &contiguous(gamma), &contiguous(beta))
    }

    fn isnet_layer_norm_transpose(gradient: Primitive, input: Primitive, gamma: Primitive, epsilon: f32) -> Primitive {
        let pixels = Pixels::measure(&contiguous(input), epsilon);
        transpose(gradient, &pixels, &contiguous(gamma))
    }
}

impl<C: CheckpointStrategy> LayerNormOps for Autodiff<Flex, C> {
    fn isnet_layer_norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), gamma.node(), beta.node()];
        let [input, gamma, beta] = [input, gamma, beta].map(|tensor| contiguous(tensor.into_primitive()));
        let pixels = Pixels::measure(&input, epsilon);
        let output = forward(input.clone(), &pixels, &gamma, &beta);
        match LayerNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((input, pixels, gamma), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_layer_norm_transpose(
        gradient: FloatTensor<Self>,
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let nodes = [gradient.node(), input.node(), gamma.node()];
        let [gradient, input, gamma] = [gradient, input, gamma].map(|tensor| contiguous(tensor.into_primitive()));
        let pixels = Pixels::measure(&input, epsilon);
        let output = transpose(gradient.clone(), &pixels, &gamma);
        match LayerNormTranspose.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(Walked { gradient, input, pixels, gamma }, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

/// Mean and `1/σ` of every pixel.
#[derive(Clone, Debug)]
struct Pixels(Vec<f32>);

impl Pixels {
    fn measure(input: &Primitive, epsilon: f32) -> Self {
        let [samples, height, width, channels] = dims::<4>(input);
        let x = values(input);
        Self(sweep::create_rows(samples * height * width, 2, |pixel, out| {
            let x = &x[pixel * channels..][..channels];
            let mean = (sum(x.iter().map(|x| f64::from(*x))) / channels as f64) as f32;
            let squares = sum(x.iter().map(|x| f64::from((x - mean) * (x - mean))));
            out[0] = mean;
            out[1] = 1.0 / ((squares / channels as f64) as f32 + epsilon).sqrt();
        }))
    }

    fn mean(&self, pixel: usize) -> f32 {
        self.0[2 * pixel]
    }

    fn inverse(&self, pixel: usize) -> f32 {
        self.0[2 * pixel + 1]
    }
}

/// A sum over channels in a fixed order.
#[inline(always)]
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

#[derive(Debug)]
struct LayerNorm;

impl Backward<Flex, 3> for LayerNorm {
    /// Input, its statistics, γ.
    type State = (Primitive, Pixels, Primitive);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let (input, pixels, gamma) = &ops.state;
        let [samples, height, width, channels] = dims::<4>(&gradient);
        let (upstream, x) = (values(&gradient), values(input));
        if ops.parents[1].is_some() || ops.parents[2].is_some() {
            let sums = row_sums(samples * height * width, 2 * channels, |sums, rows| {
                let (scaled, plain) = sums.split_at_mut(channels);
                for row in rows {
                    let part = row * channels..(row + 1) * channels;
                    let (mean, inverse) = (pixels.mean(row), pixels.inverse(row));
                    let sums = scaled.iter_mut().zip(plain.iter_mut());
                    sums.zip(upstream[part.clone()].iter().zip(&x[part])).for_each(|((scaled, plain), (u, x))| {
                        *scaled += u * (x - mean) * inverse;
                        *plain += u;
                    });
                }
            });
            for (parent, sums) in [1, 2].into_iter().zip(sums.chunks(channels)) {
                give_gradient(gradients, &ops, parent, || primitive(sums.to_vec(), [channels]));
            }
        }
        give_gradient(gradients, &ops, 0, || input_slope(gradient, input, pixels, gamma));
    }
}

fn forward(input: Primitive, pixels: &Pixels, gamma: &Primitive, beta: &Primitive) -> Primitive {
    let channels = dims::<4>(&input)[3];
    let (gamma, beta) = (values(gamma), values(beta));
    sweep::update(input, channels, |start, x| {
        for (pixel, x) in (start / channels..).zip(x.chunks_mut(channels)) {
            let (mean, inverse) = (pixels.mean(pixel), pixels.inverse(pixel));
            let factors = gamma.iter().zip(beta);
            x.iter_mut().zip(factors).for_each(|(x, (gamma, beta))| *x = (*x - mean) * inverse * gamma + beta);
        }
    })
}

/// `dx = (γ·U − mean(γ·U) − x̂·mean(γ·U·x̂))/σ` with `x̂ = (x − mean)/σ`.
fn input_slope(upstream: Primitive, input: &Primitive, pixels: &Pixels, gamma: &Primitive) -> Primitive {
    let channels = dims::<4>(&upstream)[3];
    let (x, gamma, share) = (values(input), values(gamma), 1.0 / channels as f64);
    sweep::update(upstream, channels, |start, gradient| {
        let rows = gradient.chunks_mut(channels).zip(x[start..].chunks(channels));
        for (pixel, (g, x)) in (start / channels..).zip(rows) {
            let (mean, inverse) = (pixels.mean(pixel), pixels.inverse(pixel));
            g.iter_mut().zip(gamma).for_each(|(g, gamma)| *g *= gamma);
            let level = (sum(g.iter().map(|g| f64::from(*g))) * share) as f32;
            let along = sum(g.iter().zip(x).map(|(g, x)| f64::from(g * (x - mean))));
            let tilt = (along * share) as f32 * inverse * inverse;
            g.iter_mut().zip(x).for_each(|(g, x)| *g = inverse * (*g - level - (x - mean) * tilt));
        }
    })
}

#[derive(Debug)]
struct LayerNormTranspose;

/// What a transposed layer norm computed with.
#[derive(Clone, Debug)]
struct Walked {
    gradient: Primitive,
    input: Primitive,
    pixels: Pixels,
    gamma: Primitive,
}

impl Walked {
    /// The pixel of the input that a pixel of the gradient belongs to.
    fn shared(&self, pixel: usize) -> usize {
        let ([rows, height, width, _], [samples, ..]) = (dims::<4>(&self.gradient), dims::<4>(&self.input));
        shared(pixel, check_maps(rows, samples), height * width)
    }
}

/// Pixel of a sample that a pixel of one of its maps shares.
#[inline(always)]
fn shared(pixel: usize, maps: usize, pixels: usize) -> usize {
    pixel / pixels / maps * pixels + pixel % pixels
}

impl Backward<Flex, 3> for LayerNormTranspose {
    type State = Walked;

    fn backward(self, ops: Ops<Walked, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = take_gradient(gradients, &ops);
        let walked = &ops.state;
        give_gradient(gradients, &ops, 1, || deviation_slope(&upstream, walked));
        give_gradient(gradients, &ops, 2, || gamma_slope(&upstream, walked));
        give_gradient(gradients, &ops, 0, || {
            let (channels, gamma) = (dims::<4>(&upstream)[3], values(&walked.gamma));
            let centred = centred(upstream, |pixel| walked.pixels.inverse(walked.shared(pixel)));
            sweep::update(centred, channels, |_, values| {
                let pixels = values.chunks_mut(channels);
                pixels.for_each(|pixel| pixel.iter_mut().zip(gamma).for_each(|(value, gamma)| *value *= gamma));
            })
        });
    }
}

/// `(γ·G − mean(γ·G))/σ`, the maps of a sample sharing its σ.
fn transpose(gradient: Primitive, pixels: &Pixels, gamma: &Primitive) -> Primitive {
    let [rows, height, width, channels] = dims::<4>(&gradient);
    let (size, gamma) = (height * width, values(gamma));
    let maps = check_maps(rows, pixels.0.len() / 2 / size.max(1));
    let scaled = sweep::update(gradient, channels, |_, values| {
        let pixels = values.chunks_mut(channels);
        pixels.for_each(|pixel| pixel.iter_mut().zip(gamma).for_each(|(value, gamma)| *value *= gamma));
    });
    centred(scaled, |pixel| pixels.inverse(shared(pixel, maps, size)))
}

/// Every pixel minus its mean, times its factor.
fn centred(tensor: Primitive, factor: impl Fn(usize) -> f32 + Sync) -> Primitive {
    let channels = dims::<4>(&tensor)[3];
    sweep::update(tensor, channels, |start, values| {
        for (pixel, values) in (start / channels..).zip(values.chunks_mut(channels)) {
            let mean = (sum(values.iter().map(|value| f64::from(*value))) / channels as f64) as f32;
            let factor = factor(pixel);
            values.iter_mut().for_each(|value| *value = (*value - mean) * factor);
        }
    })
}

/// The gradient by γ: `Σ G ⊙ (U − mean U)/σ`.
fn gamma_slope(upstream: &Primitive, walked: &Walked) -> Primitive {
    let [rows, height, width, channels] = dims::<4>(upstream);
    let (u, g) = (values(upstream), values(&walked.gradient));
    let sums = row_sums(rows * height * width, channels, |sums, rows| {
        for row in rows {
            let part = row * channels..(row + 1) * channels;
            let (u, g) = (&u[part.clone()], &g[part]);
            let mean = (sum(u.iter().map(|u| f64::from(*u))) / channels as f64) as f32;
            let inverse = walked.pixels.inverse(walked.shared(row));
            sums.iter_mut().zip(u.iter().zip(g)).for_each(|(sum, (u, g))| *sum += g * (u - mean) * inverse);
        }
    });
    primitive(sums, [channels])
}

/// The gradient by the input, which acts through σ alone: `−(x − mean)/(C·σ³) · Σ over maps of U·(γ·G − mean(γ·G))`.
fn deviation_slope(upstream: &Primitive, walked: &Walked) -> Primitive {
    let ([rows, height, width, channels], [samples, ..]) = (dims::<4>(upstream), dims::<4>(&walked.input));
    let (maps, size) = (check_maps(rows, samples), height * width);
    let (u, g) = (values(upstream), values(&walked.gradient));
    let (x, gamma) = (values(&walked.input), values(&walked.gamma));
    let slope = sweep::create(samples * size * channels, channels, |start, out| {
        for (pixel, out) in (start / channels..).zip(out.chunks_mut(channels)) {
            let along = sum((0..maps).map(|map| {
                let place = ((pixel / size * maps + map) * size + pixel % size) * channels;
                let (u, g) = (&u[place..][..channels], &g[place..][..channels]);
                let mean = sum(u.iter().map(|u| f64::from(*u))) / channels as f64;
                // `U·(γG − mean(γG)) = (U − mean U)·γG`.
                sum(u
                    .iter()
                    .zip(g.iter().zip(gamma))
                    .map(|(u, (g, gamma))| (f64::from(*u) - mean) * f64::from(g * gamma)))
            }));
            let (mean, inverse) = (walked.pixels.mean(pixel), f64::from(walked.pixels.inverse(pixel)));
            let factor = (-along * inverse.powi(3) / channels as f64) as f32;
            out.iter_mut().zip(&x[pixel * channels..]).for_each(|(out, x)| *out = factor * (x - mean));
        }
    });
    primitive(slope, [samples, height, width, channels])
}
