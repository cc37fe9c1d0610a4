//! The convolution loop: gather a tile of pixels into rows, multiply by the packed weights.
//!
//! One loop serves the convolution and its transpose (= the data gradient); [`AxisWalk`] says how they differ. Tiles are sized by
//! the shapes alone, so the result does not depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    columns::Columns,
    depthwise,
    gemm::{Matrix, multiply},
    order,
    scratch::Scratch,
    thin,
    walk::{AxisKernel, AxisWalk},
};
use crate::conv::ConvGeometry;

/// Values of gathered pixels that a tile may hold, so that it stays in the cache of a core.
const TILE_VALUES: usize = 160 * 1024;
/// Pixels in a tile.
const TILE_PIXELS: Range<usize> = 64..512;
/// With fewer tasks than this, the destination channels are split too.
const ENOUGH_TASKS: usize = 8;
/// Destination channels in a split.
const SPLIT_CHANNELS: usize = 64;
/// Up to this many pixels, packing the weights of a 1×1 kernel costs more than it saves.
const FEW_PIXELS: usize = 256;

/// A convolution's shapes: which way, between what.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConvShape {
    pub samples: usize,
    /// `[H, W]` on the input side of the convolution.
    pub input: [usize; 2],
    /// `[H, W]` on its output side.
    pub output: [usize; 2],
    /// `[C_out, C_in / groups, kernel_h, kernel_w]`.
    pub weight: [usize; 4],
    pub geometry: ConvGeometry,
}

impl ConvShape {
    pub fn in_channels(&self) -> usize {
        self.weight[1] * self.geometry.groups
    }

    pub fn out_channels(&self) -> usize {
        self.weight[0]
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.weight[2] * self.weight[3]
    }

    /// Whether every channel is a group of its own, on both sides.
    pub fn depthwise(&self) -> bool {
        self.weight[1] == 1 && self.geometry.groups == self.weight[0]
    }

    /// A 1×1 convolution looks at single pixels: all of the batch become one column of them.
    pub fn flattened(self) -> Self {
        let geometry = self.geometry;
        let plain = self.taps() == 1 && geometry.stride == [1, 1] && geometry.padding == [0, 0];
        let pixels = [self.samples * self.input[0] * self.input[1], 1];
        if plain { Self { samples: 1, input: pixels, output: pixels, ..self } } else { self }
    }

    fn axis(&self, axis: usize) -> AxisKernel {
        AxisKernel {
            length: self.weight[2 + axis],
            stride: self.geometry.stride[axis],
            padding: self.geometry.padding[axis],
            dilation: self.geometry.dilation[axis],
        }
    }

    /// The walk of the convolution.
    pub fn walk(&self) -> [AxisWalk; 2] {
        [0, 1].map(|axis| AxisWalk::convolution(self.axis(axis), self.input[axis], self.output[axis]))
    }

    fn transpose_walks(&self) -> Vec<[AxisWalk; 2]> {
        let along = |axis: usize| AxisWalk::transpose(self.axis(axis), self.input[axis], self.output[axis]);
        let horizontal = along(1);
        along(0).into_iter().flat_map(|v| horizontal.iter().map(move |h| [v.clone(), h.clone()])).collect()
    }
}

/// `input` `[N, H, W, C_in]` to `[N, H_out, W_out, C_out]`.
pub(super) fn convolution(shape: ConvShape, input: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let [out_channels, reduce, _, _] = shape.weight;
    let (taps, produce) = (shape.taps(), out_channels / shape.geometry.groups);
    let block = order::block(&shape, reduce);
    let shape = shape.flattened();
    let loops = Loops {
        shape,
        phases: vec![shape.walk()],
        destination: shape.output,
        channels: [shape.in_channels(), out_channels],
        reduce,
        produce,
        block,
        strides: [taps, reduce * taps],
    };
    loops.run(input, weight, bias)
}

/// `output` `[N, H_out, W_out, C_out]` to `[N, H, W, C_in]`.
pub(super) fn transpose(shape: ConvShape, output: &[f32], weight: &[f32]) -> Vec<f32> {
    if thin::applies(&shape) {
        return thin::transpose(&shape, output, weight);
    }
    let [out_channels, produce, _, _] = shape.weight;
    let (taps, reduce) = (shape.taps(), out_channels / shape.geometry.groups);
    let block = order::block(&shape, reduce);
    let shape = shape.flattened();
    let loops = Loops {
        shape,
        phases: shape.transpose_walks(),
        destination: shape.input,
        channels: [out_channels, shape.in_channels()],
        reduce,
        produce,
        block,
        strides: [produce * taps, taps],
    };
    loops.run(output, weight, None)
}

/// One direction of a convolution.
struct Loops {
    shape: ConvShape,
    phases: Vec<[AxisWalk; 2]>,
    /// `[H, W]` of the destination.
    destination: [usize; 2],
    /// Channels of source and destination.
    channels: [usize; 2],
    /// Source channels that a group sums over, and destination channels that it makes.
    reduce: usize,
    produce: usize,
    /// See [`order::block`].
    block: usize,
    /// Distance in the weight between two summed and two made channels.
    strides: [usize; 2],
}

impl Loops {
    fn run(&self, source: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let [height, width] = self.destination;
        let (rows, channels) = (self.shape.samples * height, self.channels[1]);
        let mut out = vec![0.0; rows * width * channels];
        if out.is_empty() {
            return out;
        }
        if self.shape.depthwise() {
            let kernel = [self.shape.weight[2], self.shape.weight[3]];
            depthwise::correlate(&self.phases, [self.destination, kernel], [source, weight], bias, &mut out);
            return out;
        }
        let packed = self.phases.iter().map(|walk| self.pack(walk, weight)).collect();
        let operands = Operands { source, packed, bias };
        let tile = self.tile_rows();
        let splits = self.splits(rows.div_ceil(tile));
        if splits.len() == 1 {
            out.par_chunks_mut(tile * width * channels).enumerate().for_each(|(t, out)| {
                let rows = t * tile..t * tile + out.len() / (width * channels);
                self.fill_tile(&operands, rows, 0..self.produce, out);
            });
            return out;
        }
        let tasks: Vec<_> =
            (0..rows).step_by(tile).flat_map(|row| splits.iter().map(move |split| (row, split.clone()))).collect();
        let compute = |(row, split): &(usize, Range<usize>)| {
            let rows = *row..(row + tile).min(rows);
            let mut block = vec![0.0; rows.len() * width * split.len()];
            self.fill_tile(&operands, rows, split.clone(), &mut block);
            block
        };
        let blocks: Vec<Vec<f32>> = tasks.par_iter().map(compute).collect();
        for ((row, split), block) in tasks.into_iter().zip(blocks) {
            let lines = out[row * width * channels..].chunks_mut(channels);
            lines.zip(block.chunks(split.len())).for_each(|(line, part)| line[split.clone()].copy_from_slice(part));
        }
        out
    }

    /// Destination rows (over all samples) in a tile.
    fn tile_rows(&self) -> usize {
        let taps = self.phases.iter().map(|[v, h]| v.taps.len() * h.taps.len()).max().unwrap_or(1);
        let pixels = (TILE_VALUES / (taps * self.reduce).max(1)).clamp(TILE_PIXELS.start, TILE_PIXELS.end);
        (pixels * self.phases.len() / self.destination[1]).max(1)
    }

    /// Ranges of destination channels, several where there are few tiles.
    fn splits(&self, tiles: usize) -> Vec<Range<usize>> {
        let wanted = ENOUGH_TASKS.div_ceil(tiles);
        if self.shape.geometry.groups > 1 || tiles * 2 > ENOUGH_TASKS {
            return vec![0..self.produce; 1];
        }
        let width = self.produce.div_ceil(wanted).next_multiple_of(SPLIT_CHANNELS);
        (0..self.produce).step_by(width).map(|start| start..(start + width).min(self.produce)).collect()
    }

    /// Computes the destination rows `rows`, channels `split`, of all groups into `out`, whose pixels hold just those channels.
    fn fill_tile(&self, operands: &Operands<'_>, rows: Range<usize>, split: Range<usize>, out: &mut [f32]) {
        let pixel = split.len() * self.shape.geometry.groups;
        if let Some(bias) = operands.bias {
            let bias = if split.len() == self.produce { bias } else { &bias[split.clone()] };
            out.chunks_mut(pixel).for_each(|line| line.copy_from_slice(bias));
        }
        for (walk, packed) in self.phases.iter().zip(&operands.packed) {
            let vertical = &walk[0];
            let in_phase = |row: usize| {
                let [sample, y] = [row / self.destination[0], row % self.destination[0]];
                (y % vertical.every == vertical.first).then_some([sample, y / vertical.every])
            };
            let lines: Vec<[usize; 2]> = rows.clone().filter_map(in_phase).collect();
            if lines.is_empty() || packed.depth == 0 {
                continue;
            }
            let tile =
                Tile { loops: self, walk, packed, lines: &lines, split: &split, accumulate: operands.bias.is_some() };
            let whole = walk.iter().all(|axis| axis.every == 1);
            if whole {
                tile.multiply_groups(operands.source, out);
            } else {
                let mut block = Scratch::take(lines.len() * walk[1].count * pixel);
                tile.multiply_groups(operands.source, &mut block);
                self.spread(walk, &lines, rows.start, &block, out);
            }
        }
    }

    /// Copies the pixels of a phase to their places in the tile that starts at row `start`.
    fn spread(&self, walk: &[AxisWalk; 2], lines: &[[usize; 2]], start: usize, block: &[f32], out: &mut [f32]) {
        let [vertical, horizontal] = walk;
        let length = block.len() / lines.len();
        let pixel = length / horizontal.count;
        for (&[sample, j], line) in lines.iter().zip(block.chunks(length)) {
            let row = sample * self.destination[0] + vertical.first + j * vertical.every - start;
            let row = &mut out[row * self.destination[1] * pixel..][..self.destination[1] * pixel];
            let places = row.chunks_mut(pixel).skip(horizontal.first).step_by(horizontal.every);
            places.zip(line.chunks(pixel)).for_each(|(place, values)| place.copy_from_slice(values));
        }
    }

    /// Orders the weights of a phase as `[blocks, taps, channels of a block, produce]` per group, or leaves them where they already serve.
    fn pack<'a>(&self, walk: &[AxisWalk; 2], weight: &'a [f32]) -> Packed<'a> {
        let (taps, group) = (self.shape.taps(), self.reduce * self.produce * self.shape.taps());
        let pixels = self.shape.samples * self.destination[0] * self.destination[1];
        if taps == 1 && self.phases.len() == 1 && (self.strides[1] == 1 || pixels <= FEW_PIXELS) {
            return Packed { values: Values::InPlace(weight), depth: self.reduce, strides: self.strides, group };
        }
        let kernel_w = self.shape.weight[3];
        let order: Vec<usize> = walk[0]
            .taps
            .iter()
            .flat_map(|v| walk[1].taps.iter().map(move |h| v.kernel * kernel_w + h.kernel))
            .collect();
        let depth = order.len() * self.reduce;
        let mut values = Scratch::take(depth * self.produce * self.shape.geometry.groups);
        if depth > 0 {
            for (packed, weight) in values.chunks_mut(depth * self.produce).zip(weight.chunks(group)) {
                self.pack_group(&order, weight, packed);
            }
        }
        Packed { values: Values::Packed(values), depth, strides: [self.produce, 1], group: depth * self.produce }
    }

    fn pack_group(&self, order: &[usize], weight: &[f32], packed: &mut [f32]) {
        const COLUMNS: usize = 16;
        let [row_stride, column_stride] = self.strides;
        packed.par_chunks_mut(order.len() * self.block * self.produce).enumerate().for_each(|(b, part)| {
            let channels = part.len() / (order.len() * self.produce);
            for start in (0..self.produce).step_by(COLUMNS) {
                let columns = start..(start + COLUMNS).min(self.produce);
                for channel in 0..channels {
                    let weight = &weight[(b * self.block + channel) * row_stride..];
                    for (slot, &tap) in order.iter().enumerate() {
                        let line = &mut part[(slot * channels + channel) * self.produce..][columns.clone()];
                        let columns = line.iter_mut().zip(columns.clone());
                        columns.for_each(|(value, c)| *value = weight[c * column_stride + tap]);
                    }
                }
            }
        });
    }
}

/// What a direction is applied to.
struct Operands<'a> {
    source: &'a [f32],
    /// The weights of each phase.
    packed: Vec<Packed<'a>>,
    bias: Option<&'a [f32]>,
}

/// Weights as the matrix `[depth, produce]` of each group.
struct Packed<'a> {
    values: Values<'a>,
    depth: usize,
    strides: [usize; 2],
    /// Distance between two groups.
    group: usize,
}

/// Weights where they are, or in a better order.
enum Values<'a> {
    InPlace(&'a [f32]),
    Packed(Scratch),
}

impl Values<'_> {
    fn slice(&self) -> &[f32] {
        match self {
            Self::InPlace(values) => values,
            Self::Packed(values) => values,
        }
    }
}

/// Destination rows of one phase.
struct Tile<'a> {
    loops: &'a Loops,
    walk: &'a [AxisWalk; 2],
    packed: &'a Packed<'a>,
    lines: &'a [[usize; 2]],
    split: &'a Range<usize>,
    accumulate: bool,
}

impl Tile<'_> {
    /// Multiplies the gathered pixels of every group by its weights; pixels of `out` lie next to each other.
    fn multiply_groups(&self, source: &[f32], out: &mut [f32]) {
        let (loops, groups) = (self.loops, self.loops.shape.geometry.groups);
        let pixels = self.lines.len() * self.walk[1].count;
        let pixel = self.split.len() * groups;
        for group in 0..groups {
            let weight = Matrix {
                values: &self.packed.values.slice()
                    [group * self.packed.group + self.split.start * self.packed.strides[1]..],
                shape: [self.packed.depth, self.split.len()],
                strides: self.packed.strides,
            };
            let out = &mut out[group * self.split.len()..];
            let channels = group * loops.reduce..(group + 1) * loops.reduce;
            let columns = Columns { source, pixel: loops.channels[0], walk: self.walk };
            let taps = self.packed.depth / loops.reduce;
            let identity = self.walk.iter().all(AxisWalk::identity);
            let mut gathered = Scratch::take(if identity { 0 } else { pixels * taps * loops.block });
            for start in (0..loops.reduce).step_by(loops.block) {
                let width = loops.block.min(loops.reduce - start);
                let (first, depth) = (channels.start + start, taps * width);
                let seen = if identity {
                    let pixel = (self.lines[0][0] * self.walk[0].count + self.lines[0][1]) * self.walk[1].count;
                    Matrix::rows(&source[pixel * columns.pixel + first..], [pixels, depth], columns.pixel)
                } else {
                    columns.gather(self.lines, 0..self.walk[0].taps.len(), first..first + width, &mut gathered);
                    Matrix::rows(&gathered, [pixels, depth], depth)
                };
                let rows = taps * start * weight.strides[0]..;
                let weight = Matrix { values: &weight.values[rows], shape: [depth, weight.shape[1]], ..weight };
                multiply(out, pixel, seen, weight, self.accumulate || start > 0);
            }
        }
    }
}
