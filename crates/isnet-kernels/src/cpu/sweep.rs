//! One parallel pass over memory, in chunks of fixed size, in place where nobody else holds the tensor.

use rayon::prelude::*;

use super::{
    lanes::vectorized,
    primitive::{Primitive, contiguous, primitive, values},
    share::SharedOut,
};

/// Values in a chunk: large against the cost of a task, small against a cache.
pub(super) const CHUNK: usize = 16 * 1024;

/// Lets `change` rewrite the tensor's values chunk by chunk; it gets the position of the chunk's first value.
///
/// Chunks end between groups of `unit` values.
pub(super) fn update(tensor: Primitive, unit: usize, change: impl Fn(usize, &mut [f32]) + Sync) -> Primitive {
    let chunk = chunk_of(unit);
    let mut tensor = contiguous(tensor);
    if let Some(own) = tensor.try_storage_mut::<f32>() {
        own.par_chunks_mut(chunk).enumerate().for_each(|(part, own)| vectorized(|| change(part * chunk, own)));
        return tensor;
    }
    let shared = values(&tensor);
    let mut out = Vec::with_capacity(shared.len());
    let fresh = &mut out.spare_capacity_mut()[..shared.len()];
    fresh.par_chunks_mut(chunk).zip(shared.par_chunks(chunk)).enumerate().for_each(|(part, (out, shared))| {
        let out = out.write_copy_of_slice(shared);
        vectorized(|| change(part * chunk, out));
    });
    #[expect(unsafe_code, reason = "zeroing the values first would cost as much as the sweep")]
    // SAFETY: both sides were cut into the same chunks, and every chunk was written above.
    unsafe {
        out.set_len(shared.len());
    }
    primitive(out, tensor.layout().shape().clone())
}

/// `length` fresh values, made by `fill` chunk by chunk, of zeros; it gets the position of the chunk's first value.
///
/// Chunks end between groups of `unit` values.
pub(super) fn create(length: usize, unit: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let chunk = chunk_of(unit);
    create_rows_of(length, chunk, |part, out| fill(part * chunk, out))
}

/// `rows · length` fresh values, made by `fill` row by row, of zeros.
pub(super) fn create_rows(rows: usize, length: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    create_rows_of(rows * length, length.max(1), fill)
}

/// `length` fresh values, made by `fill` of zeros in rows of `row`; the last may be shorter.
fn create_rows_of(length: usize, row: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let out = SharedOut::new(length);
    (0..length.div_ceil(row)).into_par_iter().for_each(|index| {
        let start = index * row;
        #[expect(unsafe_code, reason = "zeroing the values first, on one thread, would cost as much as the sweep")]
        // SAFETY: rows do not overlap.
        let out = unsafe { out.zeroed(start, row.min(length - start)) };
        vectorized(|| fill(index, out));
    });
    #[expect(unsafe_code, reason = "zeroing the values first would cost as much as the sweep")]
    // SAFETY: the rows cover the buffer, and each was zeroed.
    unsafe {
        out.into_vec()
    }
}

/// `samples · length` fresh values, made by `fill(sample, start, part)` of zeros, for every part of a sample beginning at its value `start`.
///
/// Parts end between groups of `unit` values.
pub(super) fn fill_samples(
    samples: usize,
    length: usize,
    unit: usize,
    fill: impl Fn(usize, usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let chunk = chunk_of(unit);
    let parts = length.div_ceil(chunk);
    let out = SharedOut::new(samples * length);
    (0..samples * parts).into_par_iter().for_each(|task| {
        let (sample, start) = (task / parts, task % parts * chunk);
        #[expect(unsafe_code, reason = "the values are not there yet")]
        // SAFETY: parts do not overlap.
        let out = unsafe { out.zeroed(sample * length + start, chunk.min(length - start)) };
        vectorized(|| fill(sample, start, out));
    });
    #[expect(unsafe_code, reason = "zeroing the values first would cost as much as the sweep")]
    // SAFETY: the parts cover the buffer, and each was zeroed.
    unsafe {
        out.into_vec()
    }
}

/// Whole groups of `unit` values in a chunk.
fn chunk_of(unit: usize) -> usize {
    (CHUNK / unit.max(1)).max(1) * unit.max(1)
}
