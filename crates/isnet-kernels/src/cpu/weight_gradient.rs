//! The gradient of a convolution's weight: for every tap, a sum of outer products over all pixels.
//!
//! Tasks own panels of output channels, a kernel row and a range of input channels, and, where these are few, groups of pixels, whose
//! sums are added in a fixed order. Sums are cut by the shapes alone.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    convolve::ConvShape,
    depthwise,
    lanes::{InstructionSet, LANES},
    scratch::{Scratch, Values},
    share::SharedOut,
    tile::{self, Outer},
    walk::AxisWalk,
};

/// Enough for any number of cores this is likely to meet.
const ENOUGH_TASKS: usize = 32;
/// Most parts that the pixels are cut into.
const PARTS: usize = 8;
/// Values of a gradient that may exist once per part.
const SMALL_GRADIENT: usize = 128 * 1024;
/// Least pixels of a part.
const PART_PIXELS: usize = 1024;
/// Pixels this many values apart lie on pages of their own, of which the processor remembers the addresses of few.
const FAR_PIXELS: usize = 512;
/// Such pixels that the tiles of a task go over before the next ones.
const NEAR_PIXELS: usize = 64;
/// Input channels up to which the taps of a kernel row are taken together.
const FEW_CHANNELS: usize = 8;
/// Input channels of a task.
const TASK_CHANNELS: usize = 128;
/// Input channels that are brought to the layout of the weight at a time.
const CACHED_CHANNELS: usize = 16;
/// Panels that sums are cut for, whatever an instruction set takes at once: where a sum is cut shows in its last bits.
const PANELS_TOGETHER: usize = 2;
/// Values of input and gradient that the tiles of a task go over before the next ones, so that they stay in the second cache.
const CHUNK_VALUES: usize = 64 * 1024;

/// Pixels of a multiple of this many values share few places of a cache; they are copied before they are gone over many times.
const ALIASING: usize = 1024;
/// Values that set such copies apart.
const APART: usize = 16;

/// `[C_out, C_in / groups, kernel_h, kernel_w]` from `input` `[N, H, W, C_in]` and `gradient` `[N, H_out, W_out, C_out]`.
pub(super) fn weight_gradient(shape: ConvShape, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let walk = shape.walk();
    if input.is_empty() || gradient.is_empty() {
        return vec![0.0; shape.weight.iter().product()];
    }
    if shape.depthwise() {
        return depthwise::weight_gradient(&walk, shape.out_channels(), input, gradient);
    }
    let job = Job::new(shape, walk, input, gradient);
    let tasks = job.tasks();
    let sums: Vec<Scratch> = tasks.par_iter().map(|task| job.sum(task)).collect();
    job.assemble(&tasks, &sums)
}

/// What one task sums: panels of a group at kernel row `tap` and input channels `channels`, over destination lines `lines`.
#[derive(Clone, Debug)]
struct Task {
    group: usize,
    panels: Range<usize>,
    tap: usize,
    channels: Range<usize>,
    lines: Range<usize>,
}

struct Job<'a> {
    set: InstructionSet,
    shape: ConvShape,
    walk: [AxisWalk; 2],
    /// The input, set apart if its pixels share places of a cache, and the values between two pixels.
    input: Values<'a>,
    pixel: usize,
    /// The gradient as it came if whole panels can be read from it, else in panels `[groups, panels, pixels, LANES]`.
    gradient: Values<'a>,
    /// Input and output channels of a group.
    reduce: usize,
    produce: usize,
}

/// Some lines of the destination, of one sample or (1×1 kernels) of several.
struct Lines {
    /// First value of the input that the first line's taps see at column 0.
    source: usize,
    /// First pixel of the gradient.
    gradient: usize,
    count: usize,
    /// Whether the lines follow each other without a gap on both sides.
    flat: bool,
}

impl<'a> Job<'a> {
    fn new(shape: ConvShape, walk: [AxisWalk; 2], input: &'a [f32], gradient: &'a [f32]) -> Self {
        let groups = shape.geometry.groups;
        let (reduce, produce) = (shape.weight[1], shape.weight[0] / groups);
        let in_place = produce.is_multiple_of(LANES) && !shape.weight[0].is_multiple_of(ALIASING);
        let gradient = match in_place {
            true => Values::InPlace(gradient),
            false => Values::Copied(panels(gradient, groups, produce)),
        };
        let channels = shape.in_channels();
        let (input, pixel) = match (channels * walk[1].step).is_multiple_of(ALIASING) {
            true => (Values::Copied(set_apart(input, channels)), channels + APART),
            false => (Values::InPlace(input), channels),
        };
        Self { set: InstructionSet::current(), shape, walk, input, pixel, gradient, reduce, produce }
    }

    fn panels(&self) -> usize {
        self.produce.div_ceil(LANES)
    }

    fn tasks(&self) -> Vec<Task> {
        let wide = self.set.tile_size().panels;
        let lines = self.shape.samples * self.walk[0].count;
        let channels = TASK_CHANNELS.min(self.reduce.max(1));
        let groups = self.shape.geometry.groups;
        let together = self.panels().div_ceil(PANELS_TOGETHER);
        let pieces = groups * together * self.shape.weight[2] * self.reduce.div_ceil(channels);
        let small = self.shape.weight.iter().product::<usize>() <= SMALL_GRADIENT;
        let most = if small { PARTS.min((lines * self.walk[1].count).div_ceil(PART_PIXELS)) } else { 1 };
        let share = lines.div_ceil(ENOUGH_TASKS.div_ceil(pieces).min(most).max(1));
        let mut tasks = Vec::new();
        for line in (0..lines).step_by(share) {
            for group in 0..groups {
                for panel in (0..self.panels()).step_by(wide) {
                    for tap in 0..self.shape.weight[2] {
                        tasks.extend((0..self.reduce).step_by(channels).map(|channel| Task {
                            group,
                            panels: panel..(panel + wide).min(self.panels()),
                            tap,
                            channels: channel..(channel + channels).min(self.reduce),
                            lines: line..(line + share).min(lines),
                        }));
                    }
                }
            }
        }
        tasks
    }

    /// `[horizontal taps, channels, columns]` of a task.
    fn sum(&self, task: &Task) -> Scratch {
        let [vertical, horizontal] = &self.walk;
        let columns = task.panels.len() * LANES;
        let mut sums = Scratch::take(horizontal.taps.len() * task.channels.len() * columns);
        sums.fill(0.0);
        let pair = task.panels.start / PANELS_TOGETHER * PANELS_TOGETHER;
        let together = PANELS_TOGETHER.min(self.panels() - pair) * LANES;
        let per_line = horizontal.count * (together + horizontal.step * task.channels.len());
        let far = self.pixel * horizontal.step >= FAR_PIXELS;
        let most = if far { (NEAR_PIXELS / horizontal.count.max(1)).max(1) } else { usize::MAX };
        let chunk = (CHUNK_VALUES / per_line.max(1)).clamp(1, most);
        let flat = self.walk.iter().all(AxisWalk::identity);
        let mut line = task.lines.start;
        while line < task.lines.end {
            let (sample, first) = (line / vertical.count, line % vertical.count);
            let within = if flat { task.lines.end - line } else { (vertical.count - first).min(task.lines.end - line) };
            let lines = within.min(chunk);
            // The lines whose tap lies inside the source.
            let inside = |j: &usize| vertical.source_of(*j, task.tap).is_some();
            let first_inside = (first..first + lines).find(|j| flat || inside(j));
            if let Some(start) = first_inside {
                let end = if flat {
                    first + lines
                } else {
                    (start..first + lines).take_while(inside).last().unwrap_or(start) + 1
                };
                self.add(task, [sample, start, end - start], flat, &mut sums);
            }
            line += lines;
        }
        sums
    }

    /// Adds `count` lines of a sample from `first` on.
    fn add(&self, task: &Task, [sample, first, count]: [usize; 3], flat: bool, sums: &mut [f32]) {
        let [vertical, horizontal] = &self.walk;
        let source_row = if flat { first } else { vertical.source_of(first, task.tap).unwrap_or(0) };
        let lines = Lines {
            source: (sample * vertical.source + source_row) * horizontal.source * self.pixel,
            gradient: (sample * vertical.count + first) * horizontal.count,
            count,
            flat,
        };
        // With few channels, the taps of a kernel row are taken together where none lies in the padding.
        let together = self.reduce <= FEW_CHANNELS && self.pixel == self.reduce && horizontal.contiguous_taps();
        let interior = if together { horizontal.interior() } else { 0..0 };
        if !interior.is_empty() {
            self.add_pixels(task, &lines, [0, horizontal.taps.len()], interior.clone(), sums);
        }
        for tap in 0..horizontal.taps.len() {
            let inside = |i: &usize| horizontal.source_of(*i, tap).is_some();
            let Some(start) = (0..horizontal.count).find(inside) else { continue };
            let end = start + (start..horizontal.count).take_while(inside).count();
            let sides = match interior.is_empty() {
                true => [start..end, end..end],
                false => [start..interior.start, interior.end..end],
            };
            for pixels in sides.into_iter().filter(|pixels| !pixels.is_empty()) {
                self.add_pixels(task, &lines, [tap, 1], pixels, sums);
            }
        }
    }

    /// Adds `pixels` of every line at `taps` neighbouring taps from `first` on.
    #[expect(unsafe_code, reason = "the tile kernels work on pointers")]
    fn add_pixels(
        &self,
        task: &Task,
        lines: &Lines,
        [first, taps]: [usize; 2],
        pixels: Range<usize>,
        sums: &mut [f32],
    ) {
        let [vertical, horizontal] = &self.walk;
        let columns = task.panels.len() * LANES;
        let (gradient, pixel) = self.gradient_of(task);
        let column = horizontal.source_of(pixels.start, first).unwrap_or(0);
        let source = lines.source + column * self.pixel + task.group * self.reduce + task.channels.start;
        let count = if lines.flat { [1, lines.count * pixels.len()] } else { [lines.count, pixels.len()] };
        let source_strides = [vertical.step * horizontal.source * self.pixel, horizontal.step * self.pixel];
        let gradient_strides = [horizontal.count * pixel, pixel];
        let start = (lines.gradient + pixels.start) * pixel;
        let reach =
            |strides: [usize; 2], width: usize| (count[0] - 1) * strides[0] + (count[1] - 1) * strides[1] + width;
        let last_panel = (task.panels.len() - 1) * self.panel_distance();
        assert!(start + last_panel + reach(gradient_strides, LANES) <= gradient.len(), "a tile outside the gradient");
        // `together` has all channels of the pixel, so that those of the next tap follow.
        let width = taps * task.channels.len();
        let tiles = width.div_ceil(self.set.tile_size().rows);
        for tile in 0..tiles {
            let [from, to] = [tile, tile + 1].map(|edge| edge * width / tiles);
            assert!(source + from + reach(source_strides, to - from) <= self.input.len(), "outside the input");
            let out = &mut sums[(first * task.channels.len() + from) * columns..][..(to - from) * columns];
            let job = Outer {
                source: self.input[source + from..].as_ptr(),
                source_strides,
                gradient: gradient[start..].as_ptr(),
                gradient_strides,
                panel: self.panel_distance(),
                count,
                out: out.as_mut_ptr(),
                out_row: columns,
            };
            let kernel = tile::outer(self.set, to - from, task.panels.len());
            // SAFETY: the assertions bound every read, `out` is as large as the tile, and the set is available.
            unsafe { kernel(&job) };
        }
    }

    /// Values between two panels of a pixel.
    fn panel_distance(&self) -> usize {
        match &self.gradient {
            Values::InPlace(_) => LANES,
            Values::Copied(values) => values.len() / (self.panels() * self.shape.geometry.groups),
        }
    }

    /// The gradient from the task's first column on, and the values between two pixels.
    fn gradient_of(&self, task: &Task) -> (&[f32], usize) {
        match &self.gradient {
            Values::InPlace(values) => {
                (&values[task.group * self.produce + task.panels.start * LANES..], self.shape.out_channels())
            }
            Values::Copied(values) => {
                let panel = task.group * self.panels() + task.panels.start;
                (&values[panel * self.panel_distance()..], LANES)
            }
        }
    }

    /// Adds the parts in order and brings them to the layout of the weight.
    fn assemble(&self, tasks: &[Task], sums: &[Scratch]) -> Vec<f32> {
        let [_, _, _, kernel_w] = self.shape.weight;
        let (taps, row) = (self.shape.taps(), self.reduce * self.shape.taps());
        let out = SharedOut::<f32>::new(self.shape.weight.iter().product());
        let (groups, panels) = (self.shape.geometry.groups, self.panels());
        (0..groups * panels).into_par_iter().for_each(|place| {
            let (group, panel) = (place / panels, place % panels);
            let lanes = LANES.min(self.produce - panel * LANES);
            #[expect(unsafe_code, reason = "the values are not there yet")]
            // SAFETY: panels have channels of their own.
            let out = unsafe { out.zeroed((group * self.produce + panel * LANES) * row, lanes * row) };
            let mine = |task: &Task| task.group == group && task.panels.contains(&panel);
            for (task, sums) in tasks.iter().zip(sums).filter(|(task, _)| mine(task)) {
                let (width, first) = (task.panels.len() * LANES, (panel - task.panels.start) * LANES);
                let channels = task.channels.len();
                // A few channels at a time, so that what the sixteen rows read stays in the first cache.
                for start in (0..channels).step_by(CACHED_CHANNELS) {
                    let few = start..(start + CACHED_CHANNELS).min(channels);
                    for (lane, out) in out.chunks_mut(row).enumerate() {
                        let places = out[(task.channels.start + start) * taps + task.tap * kernel_w..].chunks_mut(taps);
                        for (channel, places) in few.clone().zip(places) {
                            let sums = sums[channel * width + first + lane..].iter().step_by(channels * width);
                            places.iter_mut().zip(sums).for_each(|(place, sum)| *place += sum);
                        }
                    }
                }
            }
        });
        #[expect(
            unsafe_code,
            reason = "zeroing the values first, on one thread, would cost a tenth of a large kernel's gradient"
        )]
        // SAFETY: the panels of all groups cover the weight, and each was filled.
        unsafe {
            out.into_vec()
        }
    }
}

/// `[pixels, channels]` with a gap after every pixel.
fn set_apart(values: &[f32], channels: usize) -> Scratch {
    const PIXELS: usize = 64;
    let mut apart = Scratch::take(values.len() / channels * (channels + APART));
    let pieces = apart.par_chunks_mut(PIXELS * (channels + APART)).zip(values.par_chunks(PIXELS * channels));
    pieces.for_each(|(apart, values)| {
        let pixels = apart.chunks_mut(channels + APART).zip(values.chunks(channels));
        pixels.for_each(|(apart, pixel)| apart[..channels].copy_from_slice(pixel));
    });
    apart
}

/// `[pixels, groups · produce]` to `[groups, panels, pixels, LANES]`, the rest of the last panel of a group zero.
fn panels(gradient: &[f32], groups: usize, produce: usize) -> Scratch {
    let pixels = gradient.len() / (groups * produce);
    let per_group = produce.div_ceil(LANES);
    let mut panels = Scratch::take(groups * per_group * pixels * LANES);
    panels.par_chunks_mut(pixels * LANES).enumerate().for_each(|(panel, out)| {
        let first = panel % per_group * LANES;
        let (start, lanes) = (panel / per_group * produce + first, LANES.min(produce - first));
        for (out, pixel) in out.chunks_mut(LANES).zip(gradient.chunks(groups * produce)) {
            out[..lanes].copy_from_slice(&pixel[start..][..lanes]);
            out[lanes..].fill(0.0);
        }
    });
    panels
}
