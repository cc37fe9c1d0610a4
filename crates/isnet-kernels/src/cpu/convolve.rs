//! The convolution loop: tiles of pixels times panels of packed weights.
//!
//! One loop serves the convolution and its transpose (= the data gradient); [`AxisWalk`] says how they differ. No sum is split between
//! tasks, so the result does not depend on how the work is cut.

use std::{ops::Range, sync::Arc};

use rayon::prelude::*;

use super::{
    depthwise,
    lanes::{InstructionSet, LANES},
    order,
    pack::{PackOrder, Packs},
    pointwise::rectified,
    share::SharedOut,
    stage::Layout,
    thin,
    tile::{self, Product, ProductKernel, TILE_VALUES},
    walk::{AxisKernel, AxisWalk},
};
use crate::conv::ConvGeometry;

/// Source values that a task stages, so that they stay in the second cache of a core.
const STAGE_VALUES: usize = 64 * 1024;
/// Weight values that all tiles of a task pass by before the next ones, for the same reason.
const WEIGHT_VALUES: usize = 64 * 1024;
/// Tasks per thread, so that none waits long for the last.
const TASKS_PER_THREAD: usize = 4;

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

/// A weight with the packed forms that were made of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight<'a> {
    pub values: &'a [f32],
    pub packs: &'a Packs,
}

/// `input` `[N, H, W, C_in]` to `[N, H_out, W_out, C_out]`, with a ReLU after it if wanted.
pub(super) fn convolution(
    shape: ConvShape,
    input: &[f32],
    weight: Weight<'_>,
    bias: Option<&[f32]>,
    relu: bool,
) -> Vec<f32> {
    Loops { relu, ..Loops::forward(shape) }.run(input, weight, bias)
}

/// Packs a weight for convolutions of images of any size; those of `shape` do not matter.
pub(super) fn prepare(shape: ConvShape, weight: Weight<'_>) {
    if !shape.depthwise() {
        let loops = Loops::forward(shape);
        weight.packs.form(&loops.order(&loops.phases[0]), weight.values);
    }
}

/// `output` `[N, H_out, W_out, C_out]` to `[N, H, W, C_in]`.
pub(super) fn transpose(shape: ConvShape, output: &[f32], weight: Weight<'_>) -> Vec<f32> {
    if thin::applies(&shape) {
        return thin::transpose(&shape, output, weight.values);
    }
    let [out_channels, produce, _, _] = shape.weight;
    let (taps, reduce) = (shape.taps(), out_channels / shape.geometry.groups);
    let loops = Loops {
        set: InstructionSet::current(),
        shape,
        phases: shape.transpose_walks(),
        destination: shape.input,
        channels: [out_channels, shape.in_channels()],
        reduce,
        produce,
        block: order::block(&shape, reduce),
        strides: [produce * taps, taps],
        relu: false,
    };
    loops.run(output, weight, None)
}

/// One direction of a convolution.
struct Loops {
    set: InstructionSet,
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
    /// Whether negative results become 0.
    relu: bool,
}

impl Loops {
    fn forward(shape: ConvShape) -> Self {
        let [out_channels, reduce, _, _] = shape.weight;
        let taps = shape.taps();
        Self {
            set: InstructionSet::current(),
            shape,
            phases: vec![shape.walk()],
            destination: shape.output,
            channels: [shape.in_channels(), out_channels],
            reduce,
            produce: out_channels / shape.geometry.groups,
            block: order::block(&shape, reduce),
            strides: [taps, reduce * taps],
            relu: false,
        }
    }

    fn run(&self, source: &[f32], weight: Weight<'_>, bias: Option<&[f32]>) -> Vec<f32> {
        let [height, width] = self.destination;
        let length = self.shape.samples * height * width * self.channels[1];
        if length == 0 {
            return Vec::new();
        }
        if self.shape.depthwise() {
            let kernel = [self.shape.weight[2], self.shape.weight[3]];
            let (size, factors) = ([self.shape.samples, height, width], [source, weight.values]);
            return depthwise::correlate(&self.phases, size, kernel, factors, (bias, self.relu));
        }
        let phases: Vec<Phase<'_>> = self.phases.iter().map(|walk| self.phase(walk, weight)).collect();
        let out = SharedOut::<f32>::new(length);
        let tasks: Vec<Task> = (0..phases.len()).flat_map(|phase| self.tasks(phase, &phases[phase])).collect();
        tasks.par_iter().for_each(|task| {
            let work = Work { loops: self, phase: &phases[task.phase], source, bias, out: &out };
            work.run(task);
        });
        #[expect(unsafe_code, reason = "zeroing the values first would cost as much as a small convolution")]
        // SAFETY: the phases cover the destination (`walk.rs` tests it), and the tasks of a phase all its lines and panels.
        unsafe {
            out.into_vec()
        }
    }

    fn order(&self, walk: &[AxisWalk; 2]) -> PackOrder {
        let kernel_w = self.shape.weight[3];
        let [vertical, horizontal] = walk;
        PackOrder {
            taps: tap_pairs(walk)
                .map(|[v, h]| vertical.taps[v].kernel * kernel_w + horizontal.taps[h].kernel)
                .collect(),
            positions: self.shape.taps(),
            groups: self.shape.geometry.groups,
            reduce: self.reduce,
            produce: self.produce,
            block: self.block,
            strides: self.strides,
            group: self.reduce * self.produce * self.shape.taps(),
        }
    }

    fn phase<'a>(&self, walk: &'a [AxisWalk; 2], weight: Weight<'_>) -> Phase<'a> {
        let [vertical, horizontal] = walk;
        let order = self.order(walk);
        let packed = weight.packs.form(&order, weight.values);
        let layout = Layout::new(walk, self.channels[0]);
        // The taps of a kernel row are one run if a block is a whole pixel.
        let merged = self.block == layout.pixel && horizontal.contiguous_taps() && !horizontal.taps.is_empty();
        let runs: Vec<usize> = match merged {
            true => (0..vertical.taps.len()).map(|v| layout.tap(walk, [v, 0])).collect(),
            false => tap_pairs(walk).map(|tap| layout.tap(walk, tap)).collect(),
        };
        let taps_in_run = if merged { horizontal.taps.len() } else { 1 };
        let reach = runs.iter().copied().max().unwrap_or(0);
        Phase { walk, layout, packed, order, runs, taps_in_run, reach }
    }

    /// Cuts a phase into ranges of lines (over all samples), and of panels where there are few.
    fn tasks(&self, index: usize, phase: &Phase<'_>) -> Vec<Task> {
        let [vertical, horizontal] = phase.walk;
        let (lines, panels) = (self.shape.samples * vertical.count, phase.order.panels());
        let wanted = TASKS_PER_THREAD * rayon::current_num_threads();
        let seen = horizontal.count * horizontal.step * vertical.step * self.channels[0];
        let chunk = (STAGE_VALUES / seen.max(1)).clamp(1, lines.div_ceil(wanted).max(1));
        let chunk = chunk.max((64 / horizontal.count).min(lines)).max(1);
        let parts = wanted.div_ceil(lines.div_ceil(chunk)).min(panels.div_ceil(4)).max(1);
        let width = panels.div_ceil(parts).next_multiple_of(2);
        let cut = |line: usize| {
            let task = move |panel: usize| Task {
                phase: index,
                lines: line..(line + chunk).min(lines),
                panels: panel..(panel + width).min(panels),
            };
            (0..panels).step_by(width).map(task)
        };
        (0..lines).step_by(chunk).flat_map(cut).collect()
    }
}

/// Vertical and horizontal tap of every place of the kernel that a walk sees, in the order of summation.
fn tap_pairs([vertical, horizontal]: &[AxisWalk; 2]) -> impl Iterator<Item = [usize; 2]> {
    let columns = horizontal.taps.len();
    (0..vertical.taps.len()).flat_map(move |v| (0..columns).map(move |h| [v, h]))
}

/// What all tasks of one phase share.
struct Phase<'a> {
    walk: &'a [AxisWalk; 2],
    layout: Layout,
    order: PackOrder,
    /// The weight, packed for this call or before.
    packed: Arc<Vec<f32>>,
    /// See [`Product::runs`], for the first block of channels.
    runs: Vec<usize>,
    taps_in_run: usize,
    /// The farthest of the runs.
    reach: usize,
}

/// Lines (over all samples) of a phase, and panels of every group.
#[derive(Clone, Debug)]
struct Task {
    phase: usize,
    lines: Range<usize>,
    panels: Range<usize>,
}

/// A phase with what it is applied to.
struct Work<'a> {
    loops: &'a Loops,
    phase: &'a Phase<'a>,
    source: &'a [f32],
    bias: Option<&'a [f32]>,
    out: &'a SharedOut<f32>,
}

/// Lines whose pixels are evenly spaced in source and destination.
struct Lines<'a> {
    source: &'a [f32],
    /// Values between two lines and between two pixels of the source.
    source_strides: [usize; 2],
    /// First value in the destination.
    out: usize,
    out_strides: [usize; 2],
    /// Lines and pixels in a line.
    count: [usize; 2],
}

impl Work<'_> {
    fn run(&self, task: &Task) {
        let [vertical, horizontal] = self.phase.walk;
        let layout = &self.phase.layout;
        let [height, width] = self.loops.destination;
        let channels = self.loops.channels;
        let sample_length = vertical.source * horizontal.source * channels[0];
        let flat = self.phase.walk.iter().all(AxisWalk::identity) && layout.pixel == channels[0];
        if flat {
            // The lines of all samples follow each other on both sides: one long line.
            let pixels = task.lines.len() * width;
            self.multiply(
                task,
                &Lines {
                    source: &self.source[task.lines.start * width * channels[0]..],
                    source_strides: [0, channels[0]],
                    out: task.lines.start * width * channels[1],
                    out_strides: [0, channels[1]],
                    count: [1, pixels],
                },
            );
            return;
        }
        let mut line = task.lines.start;
        while line < task.lines.end {
            let (sample, first) = (line / vertical.count, line % vertical.count);
            let lines = (vertical.count - first).min(task.lines.end - line);
            let source = &self.source[sample * sample_length..][..sample_length];
            let stage = layout.stage(self.phase.walk, source, first, lines);
            let row = sample * height + vertical.first + first * vertical.every;
            self.multiply(
                task,
                &Lines {
                    source: &stage,
                    source_strides: [layout.line(self.phase.walk), horizontal.step * layout.pixel],
                    out: (row * width + horizontal.first) * channels[1],
                    out_strides: [vertical.every * width * channels[1], horizontal.every * channels[1]],
                    count: [lines, horizontal.count],
                },
            );
            line += lines;
        }
    }

    /// All groups and panels of the task, for some of its lines.
    fn multiply(&self, task: &Task, lines: &Lines<'_>) {
        let size = self.loops.set.tile_size();
        let four = size.rows_of_four > 0 && lines.count[1] <= size.rows_of_four;
        let (panels, rows) = if four { (4, size.rows_of_four) } else { (size.panels, size.rows) };
        let order = &self.phase.order;
        for group in 0..order.groups {
            let mut panel = task.panels.start;
            while panel < task.panels.end {
                let left = task.panels.end - panel;
                let count = [panels, size.panels, 1].into_iter().find(|count| *count <= left).unwrap_or(1);
                let rows = if count == 4 { rows } else { size.rows };
                self.multiply_panels(lines, group, panel, [rows, count]);
                panel += count;
            }
        }
    }

    /// `panels` panels of a group from `panel` on, in tiles of up to `rows` pixels.
    fn multiply_panels(&self, lines: &Lines<'_>, group: usize, panel: usize, [rows, panels]: [usize; 2]) {
        let order = &self.phase.order;
        let first = panel * LANES;
        let columns = (panels * LANES).min(order.produce - first);
        let weight = &self.phase.packed[(group * order.panels() + panel) * order.panel()..][..panels * order.panel()];
        let place = group * order.produce + first;
        let bias = self.bias.map(|bias| &bias[place..place + columns]);
        let pixels = lines.count[1];
        let tiles = pixels.div_ceil(rows);
        let per_chunk = WEIGHT_VALUES / (panels * LANES * order.taps.len() * order.block).max(1);
        let chunk = per_chunk.max(1) * order.block;
        let mut starts = (0..order.reduce).step_by(chunk).map(|start| start..(start + chunk).min(order.reduce));
        let nothing = order.taps.is_empty() || order.reduce == 0;
        let mut blocks = if nothing { Some(0..0) } else { starts.next() };
        while let Some(range) = blocks {
            for line in 0..lines.count[0] {
                for tile in 0..tiles {
                    // Tiles of a line differ by at most one pixel.
                    let (start, end) = (tile * pixels / tiles, (tile + 1) * pixels / tiles);
                    let source = line * lines.source_strides[0] + start * lines.source_strides[1];
                    let tile = Tile {
                        source: &lines.source[source + group * order.reduce..],
                        pixel: lines.source_strides[1],
                        weight,
                        out: lines.out + line * lines.out_strides[0] + start * lines.out_strides[1] + place,
                        out_row: lines.out_strides[1],
                        rows: end - start,
                        panels,
                        columns,
                        bias,
                    };
                    self.fill(&tile, range.clone());
                }
            }
            blocks = starts.next();
        }
    }

    /// Adds the channels `range` of the source to a tile; the first ones find it empty.
    fn fill(&self, tile: &Tile<'_>, range: Range<usize>) {
        if range.start == 0 {
            static NOTHING: [f32; TILE_VALUES] = [0.0; TILE_VALUES];
            match tile.bias {
                Some(bias) => (0..tile.rows).for_each(|row| self.write_row(tile, row, bias)),
                None if range.is_empty() => {
                    (0..tile.rows).for_each(|row| self.write_row(tile, row, &NOTHING[..tile.columns]));
                }
                None => {}
            }
        }
        let last = range.end == self.phase.order.reduce || range.is_empty();
        if range.is_empty() {
            // Nothing to add: a phase that no tap reaches.
        } else if tile.columns == tile.panels * LANES {
            self.add_blocks(tile, range, self.out.pointer(tile.out), tile.out_row);
        } else {
            self.fill_aside(tile, range);
        }
        if self.loops.relu && last {
            let rectify = |row: &mut [f32]| row.iter_mut().for_each(|value| *value = rectified(*value));
            (0..tile.rows).for_each(|row| rectify(self.row(tile, row)));
        }
    }

    /// The same where the last panel is not full: the tile is computed elsewhere, and its columns that exist are copied.
    fn fill_aside(&self, tile: &Tile<'_>, range: Range<usize>) {
        let mut aside = [0.0_f32; TILE_VALUES];
        let width = tile.panels * LANES;
        for row in 0..tile.rows {
            if tile.bias.is_some() || range.start > 0 {
                aside[row * width..][..tile.columns].copy_from_slice(self.row(tile, row));
            }
        }
        self.add_blocks(tile, range, aside.as_mut_ptr(), width);
        (0..tile.rows).for_each(|row| self.write_row(tile, row, &aside[row * width..][..tile.columns]));
    }

    /// A row of a tile in the destination, which was written before.
    #[expect(unsafe_code, clippy::mut_from_ref, reason = "tasks write into one buffer")]
    fn row(&self, tile: &Tile<'_>, row: usize) -> &mut [f32] {
        // SAFETY: no other task has the tile's lines and columns, and this one uses one row at a time.
        unsafe { self.out.written(tile.out + row * tile.out_row, tile.columns) }
    }

    #[expect(unsafe_code, reason = "tasks write into one buffer")]
    fn write_row(&self, tile: &Tile<'_>, row: usize, values: &[f32]) {
        // SAFETY: no other task has the tile's lines and columns.
        unsafe { self.out.write(tile.out + row * tile.out_row, values) };
    }

    #[expect(unsafe_code, reason = "the tile kernels work on pointers")]
    fn add_blocks(&self, tile: &Tile<'_>, range: Range<usize>, out: *mut f32, out_row: usize) {
        let order = &self.phase.order;
        let kernel: ProductKernel = tile::product(self.loops.set, tile.rows, tile.panels);
        let taps = order.taps.len();
        for start in range.clone().step_by(order.block) {
            let channels = order.block.min(range.end - start);
            let job = Product {
                source: tile.source[start..].as_ptr(),
                pixel: tile.pixel,
                runs: &self.phase.runs,
                length: self.phase.taps_in_run * channels,
                weight: tile.weight[taps * start * LANES..].as_ptr(),
                panel: order.panel(),
                out,
                out_row,
                accumulate: tile.bias.is_some() || start > 0,
            };
            let last = (tile.rows - 1) * tile.pixel + self.phase.reach + job.length;
            assert!(last <= tile.source.len() - start, "a tile reads past its source");
            // SAFETY: the assertion bounds every read of the source; the panels of the weight hold `taps · channels` rows from
            // `start` on; `out` holds the tile; the set is available, as `InstructionSet::current` found.
            unsafe { kernel(&job) };
        }
    }
}

/// Some pixels of a line and some panels of a group.
struct Tile<'a> {
    source: &'a [f32],
    pixel: usize,
    weight: &'a [f32],
    out: usize,
    out_row: usize,
    rows: usize,
    panels: usize,
    /// Columns that exist; fewer than the panels hold at the end of a group.
    columns: usize,
    bias: Option<&'a [f32]>,
}
