//! Convolutions in which every channel is a group of its own: too thin for a matrix product, wide enough for vectors.

use rayon::prelude::*;

use super::walk::AxisWalk;

/// Source rows that one task of the weight gradient sums over.
const GRADIENT_ROWS: usize = 32;

/// Adds to `out` `[N, H, W, C]`, of which `destination` is `[H, W]`, what the `phases` make of `source`.
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
    out.par_chunks_mut(width * channels).enumerate().for_each(|(row, line)| {
        let (sample, y) = (row / height, row % height);
        if let Some(bias) = bias {
            line.chunks_mut(channels).for_each(|pixel| pixel.copy_from_slice(bias));
        }
        for [vertical, horizontal] in phases.iter().filter(|[vertical, _]| y % vertical.every == vertical.first) {
            for (v, tap_v) in vertical.taps.iter().enumerate() {
                let Some(source_row) = vertical.source_of(y / vertical.every, v) else { continue };
                let source = &source[(sample * vertical.source + source_row) * horizontal.source * channels..];
                for (h, tap_h) in horizontal.taps.iter().enumerate() {
                    let weight = &weight[(tap_v.kernel * kernel_w + tap_h.kernel) * channels..][..channels];
                    for (i, pixel) in
                        line.chunks_mut(channels).skip(horizontal.first).step_by(horizontal.every).enumerate()
                    {
                        let Some(column) = horizontal.source_of(i, h) else { continue };
                        let source = &source[column * channels..][..channels];
                        pixel.iter_mut().zip(source).zip(weight).for_each(|((out, x), w)| *out += x * w);
                    }
                }
            }
        }
    });
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
                let input = &input[(sample * vertical.source + source_row) * horizontal.source * channels..];
                for h in 0..horizontal.taps.len() {
                    let sums = &mut sums[(v * horizontal.taps.len() + h) * channels..][..channels];
                    for (i, gradient) in line.chunks(channels).enumerate() {
                        let Some(column) = horizontal.source_of(i, h) else { continue };
                        let input = &input[column * channels..][..channels];
                        sums.iter_mut().zip(input).zip(gradient).for_each(|((sum, x), g)| *sum += x * g);
                    }
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
