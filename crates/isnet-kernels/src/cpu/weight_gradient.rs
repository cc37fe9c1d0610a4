//! The gradient of a convolution's weight: a matrix product over all pixels, `dW = columns(x)ᵀ · dy`.
//!
//! Tasks own ranges of the kernel's rows and channels, and, where these are few, groups of pixels; their sums are added in
//! a fixed order. Tasks are cut by the shapes alone.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    columns::Columns,
    convolve::ConvShape,
    depthwise,
    gemm::{Matrix, multiply},
    scratch::Scratch,
    walk::AxisWalk,
};

const TILE_VALUES: usize = 160 * 1024;
const TILE_PIXELS: Range<usize> = 64..512;
const ENOUGH_TASKS: usize = 12;
/// Values of a gradient that may exist once per group of pixels.
const SMALL_GRADIENT: usize = 128 * 1024;
/// Least pixels for a group of their own.
const GROUP_PIXELS: usize = 1024;

/// `[C_out, C_in / groups, kernel_h, kernel_w]` from `input` `[N, H, W, C_in]` and `gradient` `[N, H_out, W_out, C_out]`.
pub(super) fn weight_gradient(shape: ConvShape, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let shape = shape.flattened();
    let walk = shape.walk();
    if input.is_empty() || gradient.is_empty() {
        return vec![0.0; shape.weight.iter().product()];
    }
    if shape.depthwise() {
        return depthwise::weight_gradient(&walk, shape.out_channels(), input, gradient);
    }
    if walk.iter().all(AxisWalk::identity) && shape.geometry.groups == 1 {
        return pointwise(shape.weight, input, gradient);
    }
    let job = Job::new(shape, walk, input, gradient);
    let tasks = job.tasks();
    let sums: Vec<Scratch> = tasks.par_iter().map(|task| job.sum(task)).collect();
    job.assemble(&tasks, &sums)
}

/// The 1×1 case: both factors are plain matrices and the product has the layout of the weight.
fn pointwise([out_channels, in_channels, _, _]: [usize; 4], input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let pixels = input.len() / in_channels;
    let block = out_channels.div_ceil(ENOUGH_TASKS).next_multiple_of(16).min(out_channels);
    let blocks = out_channels.div_ceil(block);
    let small = out_channels * in_channels <= SMALL_GRADIENT;
    let parts = if small { ENOUGH_TASKS.div_ceil(blocks).min(pixels.div_ceil(GROUP_PIXELS)) } else { 1 };
    let share = pixels.div_ceil(parts);
    let product = |out: &mut [f32], start: usize, pixels: Range<usize>| {
        let rows = out.len() / in_channels;
        for (turn, first) in pixels.clone().step_by(TILE_PIXELS.end).enumerate() {
            let count = TILE_PIXELS.end.min(pixels.end - first);
            let gradient = Matrix::rows(&gradient[first * out_channels + start..], [count, rows], out_channels);
            let input = Matrix::rows(&input[first * in_channels..], [count, in_channels], in_channels);
            multiply(out, in_channels, gradient.transposed(), input, turn > 0);
        }
    };
    let mut sums = vec![0.0; parts * out_channels * in_channels];
    let chunks: Vec<(usize, usize, &mut [f32])> = sums
        .chunks_mut(out_channels * in_channels)
        .enumerate()
        .flat_map(|(part, sums)| {
            sums.chunks_mut(block * in_channels).enumerate().map(move |(b, out)| (part, b * block, out))
        })
        .collect();
    chunks.into_par_iter().for_each(|(part, start, out)| {
        product(out, start, part * share..((part + 1) * share).min(pixels));
    });
    let (total, rest) = sums.split_at_mut(out_channels * in_channels);
    rest.chunks(total.len()).for_each(|part| total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    sums.truncate(out_channels * in_channels);
    sums
}

/// What one task sums: the weights of `group` at kernel row `tap` and input channels `channels`, over destination rows `rows`.
#[derive(Clone, Debug)]
struct Task {
    group: usize,
    tap: usize,
    channels: Range<usize>,
    rows: Range<usize>,
}

struct Job<'a> {
    shape: ConvShape,
    walk: [AxisWalk; 2],
    input: &'a [f32],
    gradient: &'a [f32],
    /// Input and output channels of a group.
    reduce: usize,
    produce: usize,
    /// Input channels and destination rows of a task.
    block: usize,
    share: usize,
}

impl<'a> Job<'a> {
    fn new(shape: ConvShape, walk: [AxisWalk; 2], input: &'a [f32], gradient: &'a [f32]) -> Self {
        let groups = shape.geometry.groups;
        let (reduce, produce) = (shape.weight[1], shape.weight[0] / groups);
        let (values, kernel_rows) = (shape.weight.iter().product::<usize>(), shape.weight[2]);
        let rows = shape.samples * shape.output[0];
        let slices = groups * kernel_rows;
        let wanted = ENOUGH_TASKS.div_ceil(slices);
        let (block, parts) = if values <= SMALL_GRADIENT {
            (reduce, wanted.min((rows * shape.output[1]).div_ceil(GROUP_PIXELS)))
        } else {
            (reduce.div_ceil(wanted).next_multiple_of(16), 1)
        };
        Self { shape, walk, input, gradient, reduce, produce, block, share: rows.div_ceil(parts) }
    }

    /// All tasks; the groups of pixels of the same weights follow each other.
    fn tasks(&self) -> Vec<Task> {
        let rows = self.shape.samples * self.shape.output[0];
        let mut tasks = Vec::new();
        for group in 0..self.shape.geometry.groups {
            for tap in 0..self.shape.weight[2] {
                for start in (0..self.reduce).step_by(self.block) {
                    for first in (0..rows).step_by(self.share) {
                        let channels = start..(start + self.block).min(self.reduce);
                        tasks.push(Task { group, tap, channels, rows: first..(first + self.share).min(rows) });
                    }
                }
            }
        }
        tasks
    }

    /// The sums of a task as `[produce, kernel_w, channels]`.
    fn sum(&self, task: &Task) -> Scratch {
        let [vertical, horizontal] = &self.walk;
        let width = horizontal.taps.len() * task.channels.len();
        let pixels = (TILE_VALUES / width).clamp(TILE_PIXELS.start, TILE_PIXELS.end);
        let tile = (pixels / horizontal.count).max(1);
        let out_channels = self.shape.out_channels();
        let columns = Columns { source: self.input, pixel: self.shape.in_channels(), walk: &self.walk };
        let offset = task.group * self.reduce;
        let channels = offset + task.channels.start..offset + task.channels.end;
        let mut sums = Scratch::take(width * self.produce);
        for (turn, first) in task.rows.clone().step_by(tile).enumerate() {
            let rows = first..(first + tile).min(task.rows.end);
            let lines: Vec<[usize; 2]> = rows.map(|row| [row / vertical.count, row % vertical.count]).collect();
            let pixels = lines.len() * horizontal.count;
            let mut gathered = Scratch::take(pixels * width);
            columns.gather(&lines, task.tap..task.tap + 1, channels.clone(), &mut gathered);
            let gathered = Matrix::rows(&gathered, [pixels, width], width);
            let start = first * horizontal.count * out_channels + task.group * self.produce;
            let gradient = Matrix::rows(&self.gradient[start..], [pixels, self.produce], out_channels);
            multiply(&mut sums, width, gradient.transposed(), gathered, turn > 0);
        }
        sums
    }

    /// Adds the parts in order and brings them to the layout of the weight.
    fn assemble(&self, tasks: &[Task], sums: &[Scratch]) -> Vec<f32> {
        const BLOCK: usize = 16;
        let [_, _, _, kernel_w] = self.shape.weight;
        let (taps, produce) = (self.shape.taps(), self.produce);
        let row = self.reduce * taps;
        let mut out = vec![0.0; self.shape.weight.iter().product()];
        let mut blocks: Vec<(usize, usize, &mut [f32])> = Vec::new();
        for (group, out) in out.chunks_mut(produce * row).enumerate() {
            blocks.extend(out.chunks_mut(BLOCK * row).enumerate().map(|(b, out)| (group, b * BLOCK, out)));
        }
        blocks.into_par_iter().for_each(|(group, start, out)| {
            for (task, sums) in tasks.iter().zip(sums).filter(|(task, _)| task.group == group) {
                let width = sums.len() / produce;
                for (out, values) in out.chunks_mut(row).zip(sums[start * width..].chunks(width)) {
                    let out = &mut out[task.channels.start * taps + task.tap * kernel_w..];
                    for (tap, values) in values.chunks(task.channels.len()).enumerate() {
                        out[tap..].iter_mut().step_by(taps).zip(values).for_each(|(out, value)| *out += value);
                    }
                }
            }
        });
        out
    }
}
