//! Max pooling, its way back, and average pooling as differentiable operations.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        ops::IntTensorOps,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{DType, Int, IntDType, Tensor, TensorData},
};
use rayon::prelude::*;

use super::{
    lanes::vectorized,
    pointwise::check_maps,
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    share::SharedOut,
    sweep,
};
use crate::max_pool::MaxPoolGeometry;

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait PoolOps: Backend {
    /// [`crate::max_pool()`].
    fn isnet_max_pool(input: FloatTensor<Self>, geometry: MaxPoolGeometry) -> (FloatTensor<Self>, IntTensor<Self>);

    /// [`crate::max_unpool`].
    fn isnet_max_unpool(
        output: FloatTensor<Self>,
        indices: IntTensor<Self>,
        input_size: [usize; 2],
    ) -> FloatTensor<Self>;

    /// Sums every destination's share of the source along both axes.
    fn isnet_blend(input: FloatTensor<Self>, forth: Blend, back: Blend) -> FloatTensor<Self>;
}

/// The fast [`crate::max_pool()`].
pub(crate) fn max_pool(input: Tensor<4>, geometry: &MaxPoolGeometry) -> (Tensor<4>, Tensor<4, Int>) {
    let (values, indices) = Dispatch::isnet_max_pool(input.into_dispatch(), *geometry);
    (Tensor::from_dispatch(values), Tensor::from_dispatch(indices))
}

/// The fast [`crate::max_unpool`].
pub(crate) fn max_unpool(output: Tensor<4>, indices: Tensor<4, Int>, input_size: [usize; 2]) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::isnet_max_unpool(output.into_dispatch(), indices.into_dispatch(), input_size))
}

/// Applies `forth`, whose transpose is `back`.
pub(crate) fn blend(input: Tensor<4>, forth: Blend, back: Blend) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::isnet_blend(input.into_dispatch(), forth, back))
}

impl PoolOps for Flex {
    fn isnet_max_pool(input: Primitive, geometry: MaxPoolGeometry) -> (Primitive, IntTensor<Flex>) {
        winners(&contiguous(input), &geometry)
    }

    fn isnet_max_unpool(output: Primitive, indices: IntTensor<Flex>, input_size: [usize; 2]) -> Primitive {
        scatter(&contiguous(output), &positions(indices), input_size)
    }

    fn isnet_blend(input: Primitive, forth: Blend, _: Blend) -> Primitive {
        forth.apply(&contiguous(input))
    }
}

impl<C: CheckpointStrategy> PoolOps for Autodiff<Flex, C> {
    fn isnet_max_pool(input: FloatTensor<Self>, geometry: MaxPoolGeometry) -> (FloatTensor<Self>, IntTensor<Self>) {
        let nodes = [input.node()];
        let input = contiguous(input.into_primitive());
        let [_, height, width, _] = dims::<4>(&input);
        let (values, indices) = winners(&input, &geometry);
        let values = match (MaxPool { input_size: [height, width] }).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(indices.clone(), values),
            OpsKind::UnTracked(prep) => prep.finish(values),
        };
        (values, indices)
    }

    fn isnet_max_unpool(
        output: FloatTensor<Self>,
        indices: IntTensor<Self>,
        input_size: [usize; 2],
    ) -> FloatTensor<Self> {
        let nodes = [output.node()];
        let indices = positions(indices);
        let input = scatter(&contiguous(output.into_primitive()), &indices, input_size);
        match MaxUnpool.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(indices, input),
            OpsKind::UnTracked(prep) => prep.finish(input),
        }
    }

    fn isnet_blend(input: FloatTensor<Self>, forth: Blend, back: Blend) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let output = forth.apply(&contiguous(input.into_primitive()));
        match Blended.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(back, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct MaxPool {
    input_size: [usize; 2],
}

impl Backward<Flex, 1> for MaxPool {
    /// Positions of the winners.
    type State = IntTensor<Flex>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        give_gradient(gradients, &ops, 0, || scatter(&gradient, &ops.state, self.input_size));
    }
}

#[derive(Debug)]
struct MaxUnpool;

impl Backward<Flex, 1> for MaxUnpool {
    /// Positions of the winners.
    type State = IntTensor<Flex>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        give_gradient(gradients, &ops, 0, || gather(&gradient, &ops.state));
    }
}

#[derive(Debug)]
struct Blended;

impl Backward<Flex, 1> for Blended {
    /// The transpose.
    type State = Blend;

    fn backward(self, ops: Ops<Blend, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        give_gradient(gradients, &ops, 0, || ops.state.apply(&gradient));
    }
}

/// The largest value of every window and its position; NaN wins, and the last NaN of a window.
fn winners(input: &Primitive, geometry: &MaxPoolGeometry) -> (Primitive, IntTensor<Flex>) {
    let [samples, height, width, channels] = dims::<4>(input);
    let size = geometry.output_size([height, width]);
    let [out_h, out_w] =
        size.unwrap_or_else(|| panic!("a window of {geometry:?} does not fit into [{height}, {width}]"));
    let x = values(input);
    let tap = |out: usize, tap: usize, axis: usize, length: usize| {
        let place = out * geometry.stride[axis] + tap * geometry.dilation[axis];
        place.checked_sub(geometry.padding[axis]).filter(|place| *place < length)
    };
    let length = out_w * channels;
    let (best, found) =
        (SharedOut::<f32>::new(samples * out_h * length), SharedOut::<i32>::new(samples * out_h * length));
    let fill = |line: usize, best: &mut [f32], found: &mut [i32]| {
        let (sample, out_y) = (line / out_h, line % out_h);
        let rows: Vec<usize> = (0..geometry.kernel[0]).filter_map(|ky| tap(out_y, ky, 0, height)).collect();
        let mut places = Vec::new();
        for (out_x, (best, found)) in best.chunks_mut(channels).zip(found.chunks_mut(channels)).enumerate() {
            places.clear();
            let columns = (0..geometry.kernel[1]).filter_map(|kx| tap(out_x, kx, 1, width));
            columns.for_each(|column| places.extend(rows.iter().map(|y| y * width + column)));
            // In reading order: among equal values the first wins.
            places.sort_unstable();
            winners_of_window(&x[sample * height * width * channels..], &places, best, found);
        }
    };
    (0..samples * out_h).into_par_iter().for_each(|line| {
        #[expect(unsafe_code, reason = "the values are not there yet")]
        // SAFETY: lines do not overlap.
        let (best, found) = unsafe { (best.zeroed(line * length, length), found.zeroed(line * length, length)) };
        vectorized(|| fill(line, best, found));
    });
    #[expect(unsafe_code, reason = "filling the buffers first would cost as much as the pool")]
    // SAFETY: the lines cover both buffers, and each was zeroed.
    let (best, found) = unsafe { (best.into_vec(), found.into_vec()) };
    let shape = [samples, out_h, out_w, channels];
    (primitive(best, shape), Flex::int_from_data(TensorData::new(found, shape), &Default::default()))
}

/// The largest value per channel among the pixels `places` of a sample, and its place; NaN wins, and the last NaN.
fn winners_of_window(sample: &[f32], places: &[usize], best: &mut [f32], found: &mut [i32]) {
    const LANES: usize = 16;
    let channels = best.len();
    for first in (0..channels).step_by(LANES) {
        let lanes = LANES.min(channels - first);
        let (mut values, mut winners) = ([f32::NEG_INFINITY; LANES], [-1_i32; LANES]);
        for &place in places {
            let mut pixel = [f32::NEG_INFINITY; LANES];
            let seen = &sample[place * channels + first..];
            match seen.first_chunk::<LANES>() {
                Some(seen) if lanes == LANES => pixel = *seen,
                _ => pixel[..lanes].copy_from_slice(&seen[..lanes]),
            }
            for lane in 0..LANES {
                let (value, winner) = (pixel[lane], winners[lane]);
                let wins = (winner < 0) | (value > values[lane]) | value.is_nan();
                values[lane] = if wins { value } else { values[lane] };
                winners[lane] = if wins { place as i32 } else { winner };
            }
        }
        best[first..first + lanes].copy_from_slice(&values[..lanes]);
        found[first..first + lanes].copy_from_slice(&winners[..lanes]);
    }
}

/// Indices as contiguous `i32`.
fn positions(indices: IntTensor<Flex>) -> IntTensor<Flex> {
    let indices = if indices.dtype() == DType::I32 { indices } else { Flex::int_cast(indices, IntDType::I32) };
    indices.to_contiguous()
}

fn position_values(indices: &IntTensor<Flex>) -> &[i32] {
    indices.as_slice().expect("i32 positions made contiguous")
}

/// Adds every value to the position of its winner.
fn scatter(output: &Primitive, indices: &IntTensor<Flex>, [height, width]: [usize; 2]) -> Primitive {
    let [rows, out_h, out_w, channels] = dims::<4>(output);
    let maps = check_maps(rows, dims::<4>(indices)[0]);
    let (length, cells) = (height * width * channels, out_h * out_w * channels);
    let (output, indices) = (values(output), position_values(indices));
    let input = sweep::create_rows(rows, length, |row, input| {
        let output = output[row * cells..][..cells].chunks(channels);
        let indices = indices[row / maps * cells..][..cells].chunks(channels);
        for (output, indices) in output.zip(indices) {
            for (channel, (value, index)) in output.iter().zip(indices).enumerate() {
                input[*index as usize * channels + channel] += value;
            }
        }
    });
    primitive(input, [rows, height, width, channels])
}

/// Takes from every winner's position.
fn gather(input: &Primitive, indices: &IntTensor<Flex>) -> Primitive {
    let [rows, height, width, channels] = dims::<4>(input);
    let [samples, out_h, out_w, _] = dims::<4>(indices);
    let maps = check_maps(rows, samples);
    let (length, cells) = (height * width * channels, out_h * out_w * channels);
    let (input, indices) = (values(input), position_values(indices));
    let output = sweep::create_rows(rows, cells, |row, output| {
        let input = &input[row * length..][..length];
        let indices = indices[row / maps * cells..][..cells].chunks(channels);
        for (output, indices) in output.chunks_mut(channels).zip(indices) {
            for (channel, (value, index)) in output.iter_mut().zip(indices).enumerate() {
                *value = input[*index as usize * channels + channel];
            }
        }
    });
    primitive(output, [rows, out_h, out_w, channels])
}

/// A separable linear map over pixels: for each destination along an axis, the sources and their weights.
#[derive(Clone, Debug)]
pub(crate) struct Blend {
    /// Vertical and horizontal shares.
    pub axes: [Vec<Vec<(usize, f32)>>; 2],
}

impl Blend {
    fn apply(&self, input: &Primitive) -> Primitive {
        let [samples, height, width, channels] = dims::<4>(input);
        let [vertical, horizontal] = &self.axes;
        let (out_h, out_w) = (vertical.len(), horizontal.len());
        let x = values(input);
        let out = sweep::create_rows(samples * out_h, out_w * channels, |line, out| {
            let (sample, out_y) = (line / out_h, line % out_h);
            for (out, columns) in out.chunks_mut(channels).zip(horizontal) {
                for &(y, share_y) in &vertical[out_y] {
                    for &(column, share_x) in columns {
                        let pixel = &x[((sample * height + y) * width + column) * channels..][..channels];
                        let share = share_y * share_x;
                        out.iter_mut().zip(pixel).for_each(|(out, x)| *out += share * x);
                    }
                }
            }
        });
        primitive(out, [samples, out_h, out_w, channels])
    }
}
