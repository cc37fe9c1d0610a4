//! ReLU, the relevance step, and scale and shift as differentiable operations.

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
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    sums::{column_sums, row_sums},
    sweep,
};

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait PointwiseOps: Backend {
    /// [`crate::relu`].
    fn isnet_relu(input: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`crate::relevance_step`].
    fn isnet_relevance_step(gradient: FloatTensor<Self>, output: FloatTensor<Self>, epsilon: f32) -> FloatTensor<Self>;

    /// [`crate::times_activation`].
    fn isnet_times_activation(gradient: FloatTensor<Self>, activation: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`crate::stabilized_quotient`].
    fn isnet_stabilized_quotient(
        relevance: FloatTensor<Self>,
        product: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    /// [`crate::normalize`].
    fn isnet_normalize(
        input: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self>;

    /// [`crate::normalize_transpose`].
    fn isnet_normalize_transpose(
        gradient: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// The fast [`crate::relu`].
pub(crate) fn relu(input: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::isnet_relu(input.into_dispatch()))
}

/// The fast [`crate::relevance_step`].
pub(crate) fn relevance_step(gradient: Tensor<4>, output: Tensor<4>, epsilon: f64) -> Tensor<4> {
    let (gradient, output) = (gradient.into_dispatch(), output.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_relevance_step(gradient, output, epsilon as f32))
}

/// The fast [`crate::times_activation`].
pub(crate) fn times_activation(gradient: Tensor<4>, activation: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::isnet_times_activation(gradient.into_dispatch(), activation.into_dispatch()))
}

/// The fast [`crate::stabilized_quotient`].
pub(crate) fn stabilized_quotient(
    relevance: Tensor<4>,
    product: Tensor<4>,
    offset: Tensor<4>,
    epsilon: f64,
) -> Tensor<4> {
    assert_eq!(product.dims()[1..], offset.dims()[1..], "an offset per value of a sample");
    let [relevance, product, offset] = [relevance, product, offset].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::isnet_stabilized_quotient(relevance, product, offset, epsilon as f32))
}

/// The fast [`crate::normalize`].
pub(crate) fn normalize(input: Tensor<4>, mean: Tensor<1>, scale: Tensor<1>, beta: Tensor<1>, relu: bool) -> Tensor<4> {
    let [mean, scale, beta] = [mean, scale, beta].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::isnet_normalize(input.into_dispatch(), mean, scale, beta, relu))
}

/// The fast [`crate::normalize_transpose`].
pub(crate) fn normalize_transpose(gradient: Tensor<4>, inverse_deviation: Tensor<1>, gamma: Tensor<1>) -> Tensor<4> {
    let (gradient, inverse_deviation) = (gradient.into_dispatch(), inverse_deviation.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_normalize_transpose(gradient, inverse_deviation, gamma.into_dispatch()))
}

impl PointwiseOps for Flex {
    fn isnet_relu(input: Primitive) -> Primitive {
        rectify(input)
    }

    fn isnet_relevance_step(gradient: Primitive, output: Primitive, epsilon: f32) -> Primitive {
        step(gradient, &contiguous(output), epsilon)
    }

    fn isnet_times_activation(gradient: Primitive, activation: Primitive) -> Primitive {
        times(gradient, &contiguous(activation))
    }

    fn isnet_stabilized_quotient(relevance: Primitive, product: Primitive, offset: Primitive, e: f32) -> Primitive {
        let denominator = denominator(product, &contiguous(offset), e);
        with_activation(relevance, &denominator, |r, z| *r /= z)
    }

    fn isnet_normalize(input: Primitive, mean: Primitive, scale: Primitive, beta: Primitive, relu: bool) -> Primitive {
        affine(input, [mean, scale, beta].map(contiguous).each_ref(), relu)
    }

    fn isnet_normalize_transpose(gradient: Primitive, inverse_deviation: Primitive, gamma: Primitive) -> Primitive {
        scale_twice(gradient, &contiguous(inverse_deviation), &contiguous(gamma))
    }
}

impl<C: CheckpointStrategy> PointwiseOps for Autodiff<Flex, C> {
    fn isnet_relu(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let output = rectify(input.into_primitive());
        match Relu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(output.clone(), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_relevance_step(gradient: FloatTensor<Self>, output: FloatTensor<Self>, epsilon: f32) -> FloatTensor<Self> {
        let nodes = [gradient.node(), output.node()];
        let output_tracked = output.is_tracked() && epsilon != 0.0;
        let [gradient, output] = [gradient, output].map(|tensor| contiguous(tensor.into_primitive()));
        let kept = output_tracked.then(|| gradient.clone());
        let result = step(gradient, &output, epsilon);
        match (RelevanceStep { epsilon }).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((kept, output), result),
            OpsKind::UnTracked(prep) => prep.finish(result),
        }
    }

    fn isnet_times_activation(gradient: FloatTensor<Self>, activation: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [gradient.node(), activation.node()];
        let tracked = [gradient.is_tracked(), activation.is_tracked()];
        let [gradient, activation] = [gradient, activation].map(|tensor| contiguous(tensor.into_primitive()));
        let kept = (tracked[1].then(|| gradient.clone()), tracked[0].then(|| activation.clone()));
        let maps = check_maps(dims::<4>(&gradient)[0], dims::<4>(&activation)[0]);
        let output = times(gradient, &activation);
        match (TimesActivation { maps }).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(kept, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_stabilized_quotient(
        relevance: FloatTensor<Self>,
        product: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let nodes = [relevance.node(), product.node(), offset.node()];
        let tensors = [relevance, product, offset];
        let [relevance, product, offset] = tensors.map(|tensor| contiguous(tensor.into_primitive()));
        let denominator = denominator(product, &offset, epsilon);
        let quotient = with_activation(relevance, &denominator, |r, z| *r /= z);
        match StabilizedQuotient.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((quotient.clone(), denominator), quotient),
            OpsKind::UnTracked(prep) => prep.finish(quotient),
        }
    }

    fn isnet_normalize(
        input: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), scale.node(), beta.node()];
        let scale_tracked = scale.is_tracked();
        let tensors = [input, mean, scale, beta];
        let [input, mean, scale, beta] = tensors.map(|tensor| contiguous(tensor.into_primitive()));
        let kept = scale_tracked.then(|| (input.clone(), mean.clone()));
        let output = affine(input, [&mean, &scale, &beta], relu);
        match Normalize.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((kept, scale, relu.then(|| output.clone())), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_normalize_transpose(
        gradient: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [gradient.node(), gamma.node()];
        let gamma_tracked = gamma.is_tracked();
        let tensors = [gradient, inverse_deviation, gamma];
        let [gradient, inverse_deviation, gamma] = tensors.map(|tensor| contiguous(tensor.into_primitive()));
        let kept = gamma_tracked.then(|| gradient.clone());
        let output = scale_twice(gradient, &inverse_deviation, &gamma);
        match NormalizeTranspose.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((kept, inverse_deviation, gamma), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct Relu;

impl Backward<Flex, 1> for Relu {
    /// The output.
    type State = Primitive;

    fn backward(self, ops: Ops<Primitive, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        give_gradient(gradients, &ops, 0, || through_relu(gradient, &ops.state));
    }
}

/// The gradient where the ReLU passed something.
pub(super) fn through_relu(gradient: Primitive, output: &Primitive) -> Primitive {
    let output = values(output);
    sweep::update(gradient, 1, |start, gradient| {
        let pairs = gradient.iter_mut().zip(&output[start..]);
        pairs.for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 });
    })
}

fn rectify(input: Primitive) -> Primitive {
    sweep::update(input, 1, |_, x| x.iter_mut().for_each(|x| *x = rectified(*x)))
}

/// `max(value, 0)`. NaN compares false and passes: nothing is repaired in silence.
#[inline(always)]
pub(super) fn rectified(value: f32) -> f32 {
    if value <= 0.0 { 0.0 } else { value }
}

#[derive(Debug)]
struct RelevanceStep {
    epsilon: f32,
}

impl Backward<Flex, 2> for RelevanceStep {
    /// The incoming gradient if the output is tracked, and the output.
    type State = (Option<Primitive>, Primitive);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = take_gradient(gradients, &ops);
        let (incoming, output) = &ops.state;
        if let Some(incoming) = incoming {
            give_gradient(gradients, &ops, 1, || step_slope(&upstream, incoming, output, self.epsilon));
        }
        give_gradient(gradients, &ops, 0, || step(upstream, output, self.epsilon));
    }
}

#[derive(Debug)]
struct TimesActivation {
    maps: usize,
}

impl Backward<Flex, 2> for TimesActivation {
    /// The gradient if the activation is tracked, and the activation if the gradient is.
    type State = (Option<Primitive>, Option<Primitive>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = take_gradient(gradients, &ops);
        let (incoming, activation) = &ops.state;
        if let Some(incoming) = incoming {
            give_gradient(gradients, &ops, 1, || sum_over_maps(&upstream, incoming, self.maps));
        }
        if let Some(activation) = activation {
            give_gradient(gradients, &ops, 0, || times(upstream, activation));
        }
    }
}

#[derive(Debug)]
struct StabilizedQuotient;

impl Backward<Flex, 3> for StabilizedQuotient {
    /// The quotient and what it was divided by.
    type State = (Primitive, Primitive);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = take_gradient(gradients, &ops);
        let (quotient, denominator) = &ops.state;
        let [_, product, offset] = &ops.parents;
        let maps = check_maps(dims::<4>(quotient)[0], dims::<4>(denominator)[0]);
        let share = with_activation(upstream, denominator, |g, z| *g /= z);
        if product.is_some() || offset.is_some() {
            let falling = sum_over_maps(&share, quotient, maps);
            let slope = sweep::update(falling, 1, |_, values| values.iter_mut().for_each(|value| *value = -*value));
            let [_, height, width, channels] = dims::<4>(&slope);
            let sums = || column_sums(values(&slope), height * width * channels);
            give_gradient(gradients, &ops, 2, || primitive(sums(), [1, height, width, channels]));
            give_gradient(gradients, &ops, 1, || slope);
        }
        give_gradient(gradients, &ops, 0, || share);
    }
}

/// `z + ε·sign(z)` with `z = product + offset`, the offset shared by all samples.
fn denominator(product: Primitive, offset: &Primitive, epsilon: f32) -> Primitive {
    with_activation(product, offset, |z, offset| {
        let sum = *z + offset;
        *z = if sum < 0.0 { sum - epsilon } else { sum + epsilon };
    })
}

/// `gradient · a / (a + ε)`, the maps of a sample sharing its `a`.
fn step(gradient: Primitive, output: &Primitive, epsilon: f32) -> Primitive {
    if epsilon == 0.0 {
        return with_activation(gradient, output, |g, a| *g *= sign(a));
    }
    with_activation(gradient, output, |g, a| *g *= a / (a + epsilon))
}

/// `gradient · a`, the maps of a sample sharing its `a`.
fn times(gradient: Primitive, activation: &Primitive) -> Primitive {
    with_activation(gradient, activation, |g, a| *g *= a)
}

/// Changes every value of `gradient` by the activation of its sample.
fn with_activation(gradient: Primitive, activation: &Primitive, change: impl Fn(&mut f32, f32) + Sync) -> Primitive {
    along_maps(gradient, 1, activation, |g, a| g.iter_mut().zip(a).for_each(|(g, a)| change(g, *a)))
}

/// Changes parts of `gradient` by the same parts of its sample's activation; parts end between groups of `unit` values.
pub(super) fn along_maps(
    gradient: Primitive,
    unit: usize,
    activation: &Primitive,
    change: impl Fn(&mut [f32], &[f32]) + Sync,
) -> Primitive {
    let ([rows, ..], [samples, height, width, channels]) = (dims::<4>(&gradient), dims::<4>(activation));
    let maps = check_maps(rows, samples);
    let (length, activation) = (height * width * channels, values(activation));
    sweep::update(gradient, unit, |start, mut gradient| {
        let mut position = start;
        while !gradient.is_empty() {
            // As far as one sample reaches.
            let (row, offset) = (position / length, position % length);
            let (part, rest) = gradient.split_at_mut((length - offset).min(gradient.len()));
            change(part, &activation[row / maps * length + offset..][..part.len()]);
            position += part.len();
            gradient = rest;
        }
    })
}

/// `Σ over maps of upstream · incoming`, per sample.
fn sum_over_maps(upstream: &Primitive, incoming: &Primitive, maps: usize) -> Primitive {
    let [rows, height, width, channels] = dims::<4>(upstream);
    let length = height * width * channels;
    let (upstream, incoming) = (values(upstream), values(incoming));
    let sums = sweep::fill_samples(rows / maps, length, 1, |sample, start, out| {
        for row in sample * maps..(sample + 1) * maps {
            let upstream = &upstream[row * length + start..][..out.len()];
            let incoming = &incoming[row * length + start..][..out.len()];
            out.iter_mut().zip(upstream).zip(incoming).for_each(|((out, u), g)| *out += u * g);
        }
    });
    primitive(sums, [rows / maps, height, width, channels])
}

/// The gradient with respect to `a`: `Σ over maps of upstream · incoming · ε / (a + ε)²`.
fn step_slope(upstream: &Primitive, incoming: &Primitive, output: &Primitive, epsilon: f32) -> Primitive {
    let maps = check_maps(dims::<4>(upstream)[0], dims::<4>(output)[0]);
    let sums = sum_over_maps(upstream, incoming, maps);
    with_activation(sums, output, |sum, a| *sum *= epsilon / ((a + epsilon) * (a + epsilon)))
}

/// The number of maps per sample.
pub(super) fn check_maps(rows: usize, samples: usize) -> usize {
    assert!(samples > 0 && rows.is_multiple_of(samples), "{rows} maps do not divide among {samples} samples");
    rows / samples
}

/// `0` stays `0`, NaN stays NaN.
pub(super) fn sign(value: f32) -> f32 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

#[derive(Debug)]
struct Normalize;

impl Backward<Flex, 3> for Normalize {
    /// Input and mean if the scale is tracked, the scale, and the output if a ReLU made it.
    type State = (Option<(Primitive, Primitive)>, Primitive, Option<Primitive>);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = take_gradient(gradients, &ops);
        let [.., channels] = dims::<4>(&gradient);
        let (input, scale, output) = &ops.state;
        if let Some(output) = output {
            gradient = through_relu(gradient, output);
        }
        if let Some((input, mean)) = input {
            let mean = values(mean);
            let sums = || weighted_sums(&gradient, input, |channel, x| x - mean[channel]);
            give_gradient(gradients, &ops, 1, || primitive(sums(), [channels]));
        }
        give_gradient(gradients, &ops, 2, || primitive(column_sums(values(&gradient), channels), [channels]));
        let ones = primitive(vec![1.0; channels], [channels]);
        give_gradient(gradients, &ops, 0, || scale_twice(gradient, scale, &ones));
    }
}

#[derive(Debug)]
struct NormalizeTranspose;

impl Backward<Flex, 2> for NormalizeTranspose {
    /// The incoming gradient if γ is tracked, 1/σ, and γ.
    type State = (Option<Primitive>, Primitive, Primitive);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = take_gradient(gradients, &ops);
        let [.., channels] = dims::<4>(&upstream);
        let (incoming, inverse_deviation, gamma) = &ops.state;
        if let Some(incoming) = incoming {
            let inverse_deviation = values(inverse_deviation);
            let sums = || weighted_sums(&upstream, incoming, |channel, g| g * inverse_deviation[channel]);
            give_gradient(gradients, &ops, 1, || primitive(sums(), [channels]));
        }
        give_gradient(gradients, &ops, 0, || scale_twice(upstream, inverse_deviation, gamma));
    }
}

/// `Σ over pixels of upstream · weight(channel, value)`, per channel.
fn weighted_sums(upstream: &Primitive, input: &Primitive, weight: impl Fn(usize, f32) -> f32 + Sync) -> Vec<f32> {
    let [samples, height, width, channels] = dims::<4>(upstream);
    let (upstream, input) = (values(upstream), values(input));
    row_sums(samples * height * width, channels, |sums, rows| {
        let part = rows.start * channels..rows.end * channels;
        for (upstream, input) in upstream[part.clone()].chunks(channels).zip(input[part].chunks(channels)) {
            let terms = sums.iter_mut().zip(upstream.iter().zip(input)).enumerate();
            terms.for_each(|(channel, (sum, (g, x)))| *sum += g * weight(channel, *x));
        }
    })
}

/// `input · scale + (β − mean · scale)`, both products exact before their sum is rounded once, as a fused multiply-add does.
fn affine(input: Primitive, factors: [&Primitive; 3], relu: bool) -> Primitive {
    let [.., channels] = dims::<4>(&input);
    let [mean, scale, beta] = factors.map(values);
    assert!([mean.len(), scale.len(), beta.len()] == [channels; 3], "one mean, scale and shift per channel");
    let shift: Vec<f32> = (0..channels).map(|c| fused(-mean[c], scale[c], beta[c])).collect();
    sweep::update(input, channels, |_, x| {
        for pixel in x.chunks_mut(channels) {
            let factors = scale.iter().zip(&shift);
            for (x, (scale, shift)) in pixel.iter_mut().zip(factors) {
                let y = fused(*x, *scale, *shift);
                *x = if relu { rectified(y) } else { y };
            }
        }
    })
}

/// `a·b + c` with the product exact: in `f64`, which vectorizes on every machine, unlike `mul_add` without the instruction.
fn fused(a: f32, b: f32, c: f32) -> f32 {
    (f64::from(a) * f64::from(b) + f64::from(c)) as f32
}

/// `(input · first) · second` per channel.
fn scale_twice(input: Primitive, first: &Primitive, second: &Primitive) -> Primitive {
    let [.., channels] = dims::<4>(&input);
    let (first, second) = (values(first), values(second));
    assert!([first.len(), second.len()] == [channels; 2], "two factors per channel");
    sweep::update(input, channels, |_, x| {
        for pixel in x.chunks_mut(channels) {
            pixel.iter_mut().zip(first.iter().zip(second)).for_each(|(x, (first, second))| *x = *x * first * second);
        }
    })
}
