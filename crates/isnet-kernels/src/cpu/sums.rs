//! Sums over the rows of a matrix `[rows, channels]`, in a fixed order.

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::vectorized;

/// Rows that one task adds up in `f32`; the tasks' sums are added in `f64`.
pub(super) const ROWS: usize = 512;

/// The sum of every column.
pub(super) fn column_sums(values: &[f32], channels: usize) -> Vec<f32> {
    let add = |sums: &mut [f32], rows: Range<usize>| {
        let rows = values[rows.start * channels..rows.end * channels].chunks(channels);
        rows.for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value));
    };
    row_sums(values.len() / channels.max(1), channels, add)
}

/// Lets `add` put row after row of a range into sums of `width` values.
pub(super) fn row_sums(rows: usize, width: usize, add: impl Fn(&mut [f32], Range<usize>) + Sync) -> Vec<f32> {
    let partial = |first: usize| {
        let mut sums = vec![0.0; width];
        vectorized(|| add(&mut sums, first..(first + ROWS).min(rows)));
        sums
    };
    let starts: Vec<usize> = (0..rows).step_by(ROWS).collect();
    let partials: Vec<Vec<f32>> = starts.into_par_iter().map(partial).collect();
    let mut totals = vec![0.0f64; width];
    partials.iter().for_each(|part| totals.iter_mut().zip(part).for_each(|(total, value)| *total += f64::from(*value)));
    totals.into_iter().map(|total| total as f32).collect()
}
