//! The operations composed of ordinary Burn operations: what every other device runs, and the oracle of the fast kernels.
//!
//! Signatures and meaning are those of the functions of the same names at the root of the crate.

use burn::tensor::{
    IndexingUpdateOp, Int, Tensor, TensorData, activation, module,
    ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions},
};

use crate::{
    AveragePool, BatchStatistics, ConvGeometry, MaxPoolGeometry,
    pointwise::{expand_maps, to_channels_first, to_channels_last},
    ranked_pooling::rank_weights,
};

/// See [`crate::conv2d`].
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, geometry: &ConvGeometry) -> Tensor<4> {
    let options = ConvOptions::new(geometry.stride, geometry.padding, geometry.dilation, geometry.groups);
    to_channels_last(module::conv2d(to_channels_first(input), weight, bias, options))
}

/// See [`crate::conv2d_transpose`].
pub fn conv2d_transpose(
    output: Tensor<4>,
    weight: Tensor<4>,
    geometry: &ConvGeometry,
    input_size: [usize; 2],
) -> Tensor<4> {
    let [_, _, kernel_h, kernel_w] = weight.dims();
    let left_over = |axis: usize, kernel: usize| {
        let room = input_size[axis] + 2 * geometry.padding[axis] - geometry.dilation[axis] * (kernel - 1) - 1;
        room % geometry.stride[axis]
    };
    let options = ConvTransposeOptions::new(
        geometry.stride,
        geometry.padding,
        [left_over(0, kernel_h), left_over(1, kernel_w)],
        geometry.dilation,
        geometry.groups,
    );
    to_channels_last(module::conv_transpose2d(to_channels_first(output), weight, None, options))
}

/// See [`crate::batch_norm_train`].
pub fn batch_norm_train(
    input: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    rectify: bool,
) -> (Tensor<4>, BatchStatistics) {
    let dims = input.dims();
    let count = dims[0] * dims[1] * dims[2];
    let flat: Tensor<2> = input.reshape([count, dims[3]]);
    let mean = flat.clone().mean_dim(0);
    let centred = flat - mean.clone();
    let variance = centred.clone().square().mean_dim(0);
    let scale = gamma.unsqueeze::<2>() / (variance.clone() + epsilon).sqrt();
    let output = centred * scale + beta.unsqueeze::<2>();
    let statistics = BatchStatistics {
        mean: mean.detach().reshape([dims[3]]),
        variance: variance.detach().reshape([dims[3]]),
        count,
    };
    let output = output.reshape(dims);
    (if rectify { relu(output) } else { output }, statistics)
}

/// See [`crate::normalize`].
pub fn normalize(input: Tensor<4>, mean: Tensor<1>, scale: Tensor<1>, beta: Tensor<1>, rectify: bool) -> Tensor<4> {
    let shift = beta - mean * scale.clone();
    let output = input * scale.unsqueeze::<4>() + shift.unsqueeze::<4>();
    if rectify { relu(output) } else { output }
}

/// See [`crate::normalize_transpose`].
pub fn normalize_transpose(gradient: Tensor<4>, inverse_deviation: Tensor<1>, gamma: Tensor<1>) -> Tensor<4> {
    gradient * inverse_deviation.unsqueeze::<4>() * gamma.unsqueeze::<4>()
}

/// See [`crate::relu`].
pub fn relu(input: Tensor<4>) -> Tensor<4> {
    activation::relu(input)
}

/// See [`crate::relevance_step`].
pub fn relevance_step(gradient: Tensor<4>, output: Tensor<4>, epsilon: f64) -> Tensor<4> {
    let maps = gradient.dims()[0] / output.dims()[0];
    let ratio = if epsilon == 0.0 { output.detach().sign() } else { output.clone() / (output + epsilon) };
    gradient * expand_maps(ratio, maps)
}

/// See [`crate::relevance_step_normalized`].
pub fn relevance_step_normalized(
    gradient: Tensor<4>,
    output: Tensor<4>,
    epsilon: f64,
    inverse_deviation: Tensor<1>,
    gamma: Tensor<1>,
) -> Tensor<4> {
    normalize_transpose(relevance_step(gradient, output, epsilon), inverse_deviation, gamma)
}

/// See [`crate::add_relu`].
pub fn add_relu(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    relu(first + second)
}

/// See [`crate::max_pool()`].
pub fn max_pool(input: Tensor<4>, geometry: &MaxPoolGeometry) -> (Tensor<4>, Tensor<4, Int>) {
    let options = MaxPoolOptions::new(geometry.kernel)
        .with_stride(geometry.stride)
        .with_padding(geometry.padding)
        .with_dilation(geometry.dilation)
        .with_ceil_mode(geometry.ceil_mode);
    let (values, indices) = module::max_pool2d_with_indices(to_channels_first(input), options);
    (to_channels_last(values), indices.permute([0, 2, 3, 1]))
}

/// See [`crate::max_unpool`].
pub fn max_unpool(output: Tensor<4>, indices: Tensor<4, Int>, input_size: [usize; 2]) -> Tensor<4> {
    let [rows, height, width, channels] = output.dims();
    let samples = indices.dims()[0];
    let maps = rows / samples;
    let cells = height * width;
    let indices: Tensor<4, Int> =
        indices.reshape([samples, 1, cells, channels]).expand([samples, maps, cells, channels]);
    let pixels = input_size[0] * input_size[1];
    let empty = Tensor::<3>::zeros([rows, pixels, channels], (&output.device(), output.dtype()));
    empty
        .scatter(
            1,
            indices.reshape([rows, cells, channels]),
            output.reshape([rows, cells, channels]),
            IndexingUpdateOp::Add,
        )
        .reshape([rows, input_size[0], input_size[1], channels])
}

/// See [`crate::average_pool()`].
pub fn average_pool(input: Tensor<4>, pool: &AveragePool) -> Tensor<4> {
    let [vertical, horizontal] = pool.matrices(&input);
    along_both_axes(input, vertical, horizontal)
}

/// See [`crate::average_pool_transpose`].
pub fn average_pool_transpose(output: Tensor<4>, pool: &AveragePool) -> Tensor<4> {
    let [vertical, horizontal] = pool.matrices(&output);
    along_both_axes(output, vertical.swap_dims(1, 2), horizontal.swap_dims(1, 2))
}

fn along_both_axes(input: Tensor<4>, vertical: Tensor<3>, horizontal: Tensor<3>) -> Tensor<4> {
    let [samples, height, width, channels] = input.dims();
    let (out_h, out_w) = (vertical.dims()[1], horizontal.dims()[1]);
    let rows: Tensor<3> = input.reshape([samples, height, width * channels]);
    let rows = vertical.matmul(rows).reshape([samples * out_h, width, channels]);
    horizontal.matmul(rows).reshape([samples, out_h, out_w, channels])
}

/// See [`crate::ranked_pooling()`]. Among equal values the order, and so the gradient, is the device's.
pub fn ranked_pooling(values: Tensor<2>, decay: f64) -> Tensor<1> {
    let [rows, length] = values.dims();
    if decay == 1.0 {
        return values.mean_dim(1).reshape([rows]);
    }
    let weights = rank_weights(decay, length);
    let order = values.clone().detach().argsort_descending(1).slice([0..rows, 0..weights.len()]);
    let weights = Tensor::<1>::from_data(TensorData::from(weights.as_slice()), (&values.device(), values.dtype()));
    (values.gather(1, order) * weights.unsqueeze::<2>()).sum_dim(1).reshape([rows])
}

/// See [`crate::concat_channels`].
pub fn concat_channels(inputs: Vec<Tensor<4>>) -> Tensor<4> {
    Tensor::cat(inputs, 3)
}

/// See [`crate::softmax()`].
pub fn softmax(input: Tensor<4>) -> Tensor<4> {
    activation::softmax(input, 3)
}

/// See [`crate::softmax_transpose`].
pub fn softmax_transpose(gradient: Tensor<4>, output: Tensor<4>) -> Tensor<4> {
    let maps = gradient.dims()[0] / output.dims()[0];
    let output = expand_maps(output, maps);
    let mean = (output.clone() * gradient.clone()).sum_dim(3);
    output * (gradient - mean)
}

/// See [`crate::layer_norm()`].
pub fn layer_norm(input: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<4> {
    let inverse = inverse_deviation(input.clone(), epsilon);
    centred(input) * inverse * gamma.unsqueeze::<4>() + beta.unsqueeze::<4>()
}

/// See [`crate::layer_norm_transpose`].
pub fn layer_norm_transpose(gradient: Tensor<4>, input: Tensor<4>, gamma: Tensor<1>, epsilon: f64) -> Tensor<4> {
    let maps = gradient.dims()[0] / input.dims()[0];
    centred(gradient * gamma.unsqueeze::<4>()) * expand_maps(inverse_deviation(input, epsilon), maps)
}

fn centred(input: Tensor<4>) -> Tensor<4> {
    input.clone() - input.mean_dim(3)
}

/// `1/σ` of every pixel, `[N, H, W, 1]`.
fn inverse_deviation(input: Tensor<4>, epsilon: f64) -> Tensor<4> {
    (centred(input).square().mean_dim(3) + epsilon).sqrt().recip()
}

/// See [`crate::gelu::normal_cdf`].
pub fn normal_cdf(input: Tensor<4>) -> Tensor<4> {
    (input * std::f64::consts::FRAC_1_SQRT_2).erf() * 0.5 + 0.5
}

/// See [`crate::times_activation`].
pub fn times_activation(gradient: Tensor<4>, activation: Tensor<4>) -> Tensor<4> {
    let maps = gradient.dims()[0] / activation.dims()[0];
    gradient * crate::expand_maps(activation, maps)
}

/// See [`crate::stabilized_quotient`].
pub fn stabilized_quotient(relevance: Tensor<4>, product: Tensor<4>, offset: Tensor<4>, epsilon: f64) -> Tensor<4> {
    let maps = relevance.dims()[0] / product.dims()[0];
    let z = product + offset;
    let negative = z.clone().inner().lower_scalar(0.0);
    let stabilizer = Tensor::full(z.dims(), epsilon, (&z.device().inner(), z.dtype())).mask_fill(negative, -epsilon);
    relevance / crate::expand_maps(z + stabilizer, maps)
}
