//! Convolutions in which every channel is a group of its own: too thin for a matrix product, wide enough for vectors.

use rayon::prelude::*;

use super::{
    lanes::{InstructionSet, LANES},
    tile::{self, Chain},
    walk::AxisWalk,
};

/// Source rows that one task of the weight gradient sums over.
const GRADIENT_ROWS: usize = 32;

/// `[N, H, W, C]`, of which `destination` is `[H, W]`: what the `phases` make of `source`.
///
/// `weight` is `[C, 1, kernel_h, kernel_w]`, `kernel` its `[kernel_h, kernel_w]`.
pub(super) fn correlate(
    phases: &[[AxisWalk; 2]],
    [destination, kernel]: [[usize; 2]; 2],
    [source, weight]: [&[f32]; 2],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let ([height, width], [kernel_h, kernel_w]) = (destination, kernel);
    let channels = weight.len() / (kernel_h * kernel_w);
    let weight = taps_first(weight, channels);
    let none = vec![0.0; if bias.is_none() { channels } else { 0 }];
    let bias = bias.unwrap_or(&none);
    out.par_chunks_mut(width * channels).enumerate().for_each(|(row, line)| {
        let (sample, y) = (row / height, row % height);
        for [vertical, horizontal] in phases.iter().filter(|[vertical, _]| y % vertical.every == vertical.first) {
            let seen = |tap: usize| {
                let source_row = vertical.source_of(y / vertical.every, tap)?;
                let start = (sample * vertical.source + source_row) * horizontal.source * channels;
                Some((start, vertical.taps[tap].kernel * kernel_w))
            };
            let rows: Vec<(usize, usize)> = (0..vertical.taps.len()).filter_map(seen).collect();
            let places = line.chunks_mut(channels).skip(horizontal.first).step_by(horizontal.every);
            let mut terms = Vec::with_capacity(kernel_h * kernel_w);
            for (i, pixel) in places.enumerate() {
                terms.clear();
                for &(start, kernel_row) in &rows {
                    terms.extend((0..horizontal.taps.len()).filter_map(|h| {
                        let tap = kernel_row + horizontal.taps[h].kernel;
                        Some([start + horizontal.source_of(i, h)? * channels, tap * channels])
                    }));
                }
                chain(bias, [source, &weight], &terms, pixel);
            }
        }
    });
}

/// `out[c] = bias[c] + Σ over terms [a, b]: source[a + c] · weight[b + c]`.
#[expect(unsafe_code, reason = "the tile kernels work on pointers")]
fn chain(bias: &[f32], [source, weight]: [&[f32]; 2], terms: &[[usize; 2]], out: &mut [f32]) {
    let channels = out.len();
    assert!(bias.len() == channels, "one bias per channel");
    for [a, b] in terms {
        assert!(a + channels <= source.len() && b + channels <= weight.len(), "a pixel reaches outside its storage");
    }
    let whole = channels / LANES * LANES;
    let job =
        Chain { bias: bias.as_ptr(), source: source.as_ptr(), weight: weight.as_ptr(), terms, out: out.as_mut_ptr() };
    // SAFETY: the assertions keep all terms of all channels inside their slices; the set is available.
    unsafe { tile::chain(InstructionSet::current())(&job, whole / LANES) };
    for c in whole..channels {
        out[c] = terms.iter().fold(bias[c], |sum, [a, b]| sum + source[a + c] * weight[b + c]);
    }
}

/// The gradient of the weight, `[C, 1, kernel_h, kernel_w]`, from the input and the gradient of the output.
pub(super) fn weight_gradient(walk: &[AxisWalk; 2], channels: usize, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let [vertical, horizontal] = walk;
    let taps = vertical.taps.len() * horizontal.taps.len();
    let row_length = horizontal.count * channels;
    let partial = |(task, rows): (usize, &[f32])| {
        let mut sums = vec![0.0f32; taps * channels];
        for (offset, line) in rows.chunks(row_length).enumerate() {
            let row = task * GRADIENT_ROWS + offset;
            let (sample, j) = (row / vertical.count, row % vertical.count);
            for v in 0..vertical.taps.len() {
                let Some(source_row) = vertical.source_of(j, v) else { continue };
                let start = (sample * vertical.source + source_row) * horizontal.source * channels;
                for h in 0..horizontal.taps.len() {
                    let seen = |i: usize| Some([start + horizontal.source_of(i, h)? * channels, i * channels]);
                    let terms: Vec<[usize; 2]> = (0..horizontal.count).filter_map(seen).collect();
                    let sums = &mut sums[(v * horizontal.taps.len() + h) * channels..][..channels];
                    let before = sums.to_vec();
                    chain(&before, [input, line], &terms, sums);
                }
            }
        }
        sums
    };
    let partials: Vec<Vec<f32>> = gradient.par_chunks(GRADIENT_ROWS * row_length).enumerate().map(partial).collect();
    let mut sums = vec![0.0f32; taps * channels];
    partials.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    // `[taps, C]` back to `[C, taps]`.
    taps_first(&sums, taps)
}

/// Transposes `[rows, columns]` values to `[columns, rows]`.
fn taps_first(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
