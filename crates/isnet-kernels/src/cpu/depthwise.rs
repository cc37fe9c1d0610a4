//! Convolutions in which every channel is a group of its own: too thin for a matrix product, wide enough for vectors.
//!
//! A line is cut into its interior, where every tap lies inside the source, and its ends. In the interior, a panel of channels keeps its
//! weights (or, for the weight gradient, its sums) in registers; every sum is one chain in the order of the kernel either way.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    lanes::{InstructionSet, LANES},
    pointwise::rectified,
    sweep,
    tile::{self, Chain, Filter},
    walk::AxisWalk,
};

/// Source rows that one task of the weight gradient sums over.
const GRADIENT_ROWS: usize = 32;

/// `[N, H, W, C]`, of which `destination` is `[H, W]`: what the `phases` make of `source`, with a ReLU after it if wanted.
///
/// `weight` is `[C, 1, kernel_h, kernel_w]`, `kernel` its `[kernel_h, kernel_w]`.
pub(super) fn correlate(
    phases: &[[AxisWalk; 2]],
    [samples, height, width]: [usize; 3],
    [kernel_h, kernel_w]: [usize; 2],
    [source, weight]: [&[f32]; 2],
    (bias, relu): (Option<&[f32]>, bool),
) -> Vec<f32> {
    let channels = weight.len() / (kernel_h * kernel_w);
    let weight = taps_first(weight, channels);
    let none = vec![0.0; if bias.is_none() { channels } else { 0 }];
    let bias = bias.unwrap_or(&none);
    let interiors: Vec<Range<usize>> = phases.iter().map(|[_, horizontal]| horizontal.interior()).collect();
    sweep::create_rows(samples * height, width * channels, |row, line| {
        let (sample, y) = (row / height, row % height);
        for (walk, interior) in phases.iter().zip(&interiors) {
            let [vertical, horizontal] = walk;
            if y % vertical.every != vertical.first {
                continue;
            }
            let rows = Rows::new(walk, [sample, y / vertical.every], kernel_w, channels);
            let place = |i: usize| (horizontal.first + i * horizontal.every) * channels;
            for i in (0..interior.start).chain(interior.end..horizontal.count) {
                chain(Some(bias), [source, &weight], &rows.terms(i), &mut line[place(i)..][..channels]);
            }
            if !interior.is_empty() {
                let out = &mut line[place(interior.start)..];
                let steps = [horizontal.step * channels, horizontal.every * channels];
                filter([source, &weight, bias], &rows.terms(interior.start), out, [interior.len(), steps[0], steps[1]]);
            }
        }
        if relu {
            line.iter_mut().for_each(|value| *value = rectified(*value));
        }
    })
}

/// The rows of a kernel that lie inside the source, for one line of a destination.
struct Rows<'a> {
    horizontal: &'a AxisWalk,
    /// Of each row, its first value in the source, and its first tap.
    rows: Vec<[usize; 2]>,
    channels: usize,
}

impl<'a> Rows<'a> {
    fn new([vertical, horizontal]: &'a [AxisWalk; 2], at: [usize; 2], kernel_w: usize, channels: usize) -> Self {
        let [sample, line] = at;
        let seen = |tap: usize| {
            let row = sample * vertical.source + vertical.source_of(line, tap)?;
            Some([row * horizontal.source * channels, vertical.taps[tap].kernel * kernel_w])
        };
        Self { horizontal, rows: (0..vertical.taps.len()).filter_map(seen).collect(), channels }
    }

    /// Where the taps that destination `i` sees begin in the source and in a weight `[taps, C]`, in the order of the kernel.
    fn terms(&self, i: usize) -> Vec<[usize; 2]> {
        let walk = self.horizontal;
        let of_row = |[start, first]: &[usize; 2]| {
            let (start, first) = (*start, *first);
            (0..walk.taps.len()).filter_map(move |tap| {
                let column = walk.source_of(i, tap)?;
                Some([start + column * self.channels, (first + walk.taps[tap].kernel) * self.channels])
            })
        };
        self.rows.iter().flat_map(of_row).collect()
    }
}

/// `out[c] = bias[c] + Σ over terms [a, b]: source[a + c] · weight[b + c]`; without a bias, the sum is added to `out`.
#[expect(unsafe_code, reason = "the tile kernels work on pointers")]
fn chain(bias: Option<&[f32]>, [source, weight]: [&[f32]; 2], terms: &[[usize; 2]], out: &mut [f32]) {
    let channels = out.len();
    assert!(bias.is_none_or(|bias| bias.len() == channels), "one bias per channel");
    for [a, b] in terms {
        assert!(a + channels <= source.len() && b + channels <= weight.len(), "a pixel reaches outside its storage");
    }
    let whole = channels / LANES * LANES;
    let place = out.as_mut_ptr();
    let first = bias.map_or(place.cast_const(), <[f32]>::as_ptr);
    let job = Chain { bias: first, source: source.as_ptr(), weight: weight.as_ptr(), terms, out: place };
    // SAFETY: the assertions keep all terms of all channels inside their slices; a panel of `out` is read before it is written; the set
    // is available.
    unsafe { tile::chain(InstructionSet::current())(&job, whole / LANES) };
    for c in whole..channels {
        let start = bias.map_or(out[c], |bias| bias[c]);
        out[c] = terms.iter().fold(start, |sum, [a, b]| sum + source[a + c] * weight[b + c]);
    }
}

/// [`chain`] for `pixels` pixels, which are so many values apart in the source and in `out`; the terms are those of the first.
#[expect(unsafe_code, reason = "the tile kernels work on pointers")]
fn filter(
    [source, weight, bias]: [&[f32]; 3],
    terms: &[[usize; 2]],
    out: &mut [f32],
    [pixels, source_step, out_step]: [usize; 3],
) {
    let channels = bias.len();
    let set = InstructionSet::current();
    let (whole, last) = (channels / LANES * LANES, pixels - 1);
    let moved =
        |pixel: usize| -> Vec<[usize; 2]> { terms.iter().map(|[a, b]| [a + pixel * source_step, *b]).collect() };
    let Some(kernel) = tile::filter(set, terms.len()).filter(|_| whole == channels) else {
        return (0..pixels).for_each(|pixel| {
            chain(Some(bias), [source, weight], &moved(pixel), &mut out[pixel * out_step..][..channels]);
        });
    };
    for [a, b] in terms {
        let inside = a + last * source_step + channels <= source.len() && b + channels <= weight.len();
        assert!(inside, "a pixel reaches outside its storage");
    }
    assert!(last * out_step + channels <= out.len(), "a line longer than its place");
    for panel in (0..whole).step_by(LANES) {
        let job = Filter {
            bias: bias[panel..].as_ptr(),
            source: source[panel..].as_ptr(),
            weight: weight[panel..].as_ptr().cast_mut(),
            terms,
            out: out[panel..].as_mut_ptr(),
            pixels,
            steps: [source_step, out_step],
        };
        // SAFETY: the assertions keep all terms of all pixels and channels inside their slices; a filter only reads its weights; the set
        // is available.
        unsafe { kernel(&job) };
    }
}

/// The gradient of the weight, `[C, 1, kernel_h, kernel_w]`, from the input and the gradient of the output.
pub(super) fn weight_gradient(walk: &[AxisWalk; 2], channels: usize, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let [vertical, horizontal] = walk;
    let taps = vertical.taps.len() * horizontal.taps.len();
    let row_length = horizontal.count * channels;
    let interior = horizontal.interior();
    let partial = |(task, rows): (usize, &[f32])| {
        let mut sums = vec![0.0f32; taps * channels];
        for (offset, line) in rows.chunks(row_length).enumerate() {
            let row = task * GRADIENT_ROWS + offset;
            let at = [row / vertical.count, row % vertical.count];
            let rows = Rows::new(walk, at, horizontal.taps.len(), channels);
            let end = |i: usize, sums: &mut [f32]| {
                for [a, b] in rows.terms(i) {
                    chain(None, [input, line], &[[a, i * channels]], &mut sums[b..][..channels]);
                }
            };
            (0..interior.start).for_each(|i| end(i, &mut sums));
            if !interior.is_empty() {
                let terms = rows.terms(interior.start);
                let line = &line[interior.start * channels..];
                slope([input, line], &terms, [channels, interior.len(), horizontal.step * channels], &mut sums);
            }
            (interior.end..horizontal.count).for_each(|i| end(i, &mut sums));
        }
        sums
    };
    let partials: Vec<Vec<f32>> = gradient.par_chunks(GRADIENT_ROWS * row_length).enumerate().map(partial).collect();
    let mut sums = vec![0.0f32; taps * channels];
    partials.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    // `[taps, C]` back to `[C, taps]`.
    taps_first(&sums, taps)
}

/// `sums[b + c] += Σ over pixels i: input[a + i · step + c] · line[i · C + c]` for every term `[a, b]`.
#[expect(unsafe_code, reason = "the tile kernels work on pointers")]
fn slope([input, line]: [&[f32]; 2], terms: &[[usize; 2]], [channels, pixels, step]: [usize; 3], sums: &mut [f32]) {
    let (whole, last) = (channels / LANES * LANES, pixels - 1);
    let Some(kernel) = tile::slope(InstructionSet::current(), terms.len()).filter(|_| whole == channels) else {
        for [a, b] in terms {
            let pixels: Vec<[usize; 2]> = (0..pixels).map(|i| [a + i * step, i * channels]).collect();
            chain(None, [input, line], &pixels, &mut sums[*b..][..channels]);
        }
        return;
    };
    for [a, b] in terms {
        let inside = a + last * step + channels <= input.len() && b + channels <= sums.len();
        assert!(inside, "a pixel reaches outside its storage");
    }
    assert!(pixels * channels <= line.len(), "a line longer than its place");
    for panel in (0..whole).step_by(LANES) {
        let job = Filter {
            bias: line.as_ptr(),
            source: input[panel..].as_ptr(),
            weight: sums[panel..].as_mut_ptr(),
            terms,
            out: line[panel..].as_ptr().cast_mut(),
            pixels,
            steps: [step, channels],
        };
        // SAFETY: the assertions keep all terms of all pixels and channels inside their slices; a slope only reads `out`; terms have
        // sums of their own; the set is available.
        unsafe { kernel(&job) };
    }
}

/// Transposes `[rows, columns]` values to `[columns, rows]`.
fn taps_first(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
