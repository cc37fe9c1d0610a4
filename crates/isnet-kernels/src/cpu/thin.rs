//! The transpose of a convolution with few input channels, as of the first layer, which carries relevance to the image.
//!
//! Gathering would make a product with one to eight columns. The other order is wide: multiply every output pixel by all weights,
//! then add the products to the input pixels they belong to. Tasks own bands of input rows, so no sum depends on the threads.

use std::ops::Range;

use super::{
    convolve::ConvShape,
    product::{Panels, Rows, multiply},
    scratch::Scratch,
    sweep,
    walk::AxisWalk,
};

/// Input rows of a task.
const BAND: usize = 32;
/// Input channels up to which this way is the quicker one.
const FEW_CHANNELS: usize = 8;

/// Whether [`transpose`] is the better way.
pub(super) fn applies(shape: &ConvShape) -> bool {
    shape.geometry.groups == 1 && shape.weight[1] <= FEW_CHANNELS && shape.taps() > 1
}

/// `output` `[N, H_out, W_out, C_out]` to `[N, H, W, C_in]`.
pub(super) fn transpose(shape: &ConvShape, output: &[f32], weight: &[f32]) -> Vec<f32> {
    let [height, width] = shape.input;
    let channels = shape.in_channels();
    let walk = shape.walk();
    let weight = channels_last(weight, channels, shape.taps());
    let kernel = shape.taps() * channels;
    let weight = Panels::pack(&weight, [shape.out_channels(), kernel], [kernel, 1]);
    let row = width * channels;
    sweep::fill_samples(shape.samples, height * row, BAND * row, |sample, start, out| {
        let band = start / row..(start + out.len()) / row;
        let output = &output[sample * output.len() / shape.samples..];
        fill_band(shape, &walk, (output, &weight), band, out);
    })
}

/// Fills the input rows `band` of a sample, whose values `output` begins with.
fn fill_band(
    shape: &ConvShape,
    walk: &[AxisWalk; 2],
    (output, weight): (&[f32], &Panels),
    band: Range<usize>,
    out: &mut [f32],
) {
    let [vertical, horizontal] = walk;
    let (channels, out_channels) = (shape.in_channels(), shape.out_channels());
    let (run, row) = (horizontal.taps.len() * channels, shape.input[1] * channels);
    let width = vertical.taps.len() * run;
    let (interior, contiguous) = (horizontal.interior(), horizontal.contiguous_taps());
    let mut products = Scratch::take(horizontal.count * width);
    for line in 0..vertical.count {
        let taps = 0..vertical.taps.len();
        let reached = |tap: usize| vertical.source_of(line, tap).filter(|y| band.contains(y)).map(|y| (tap, y));
        let reached: Vec<(usize, usize)> = taps.filter_map(reached).collect();
        if reached.is_empty() {
            continue;
        }
        let start = line * horizontal.count * out_channels;
        let pixels = Rows { values: &output[start..], rows: horizontal.count, stride: out_channels };
        multiply(&mut products, width, pixels, weight);
        for (tap, y) in reached {
            let out = &mut out[(y - band.start) * row..][..row];
            for (i, products) in products.chunks(width).enumerate() {
                let products = &products[tap * run..][..run];
                if contiguous && interior.contains(&i) {
                    let first = (i * horizontal.step) as isize + horizontal.taps[0].offset;
                    let places = &mut out[first as usize * channels..][..run];
                    places.iter_mut().zip(products).for_each(|(place, product)| *place += product);
                    continue;
                }
                for (h, products) in products.chunks(channels).enumerate() {
                    let Some(x) = horizontal.source_of(i, h) else { continue };
                    let places = &mut out[x * channels..][..channels];
                    places.iter_mut().zip(products).for_each(|(place, product)| *place += product);
                }
            }
        }
    }
}

/// `[C_out, C_in, taps]` to `[C_out, taps, C_in]`.
fn channels_last(weight: &[f32], channels: usize, taps: usize) -> Vec<f32> {
    let kernels = weight.chunks(channels * taps);
    let kernel = |kernel: &[f32]| -> Vec<f32> {
        (0..taps).flat_map(|tap| (0..channels).map(move |channel| kernel[channel * taps + tap])).collect()
    };
    kernels.flat_map(kernel).collect()
}
