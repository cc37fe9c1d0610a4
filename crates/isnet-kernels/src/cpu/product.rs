//! Matrix products on slices, by the tiles of the convolutions, single-threaded (the callers cut the work).
//!
//! Every element is one chain of fused multiply-adds from zero in the order of the inner index, whatever the shapes, the processor and its
//! caches.

use super::{
    lanes::{InstructionSet, LANES},
    tile::{self, Product, TILE_VALUES},
};

/// The second factor of a product, `[inner, columns]`, packed into panels `[panels, inner, LANES]`.
#[derive(Clone, Debug)]
pub(super) struct Panels {
    values: Vec<f32>,
    inner: usize,
    columns: usize,
}

impl Panels {
    /// Packs a view of `values`, whose strides are those between two inner indices and between two columns.
    ///
    /// # Panics
    /// If the view reaches outside the values.
    pub fn pack(values: &[f32], [inner, columns]: [usize; 2], strides: [usize; 2]) -> Self {
        let panel = inner * LANES;
        let mut packed = vec![0.0; columns.div_ceil(LANES) * panel];
        for (index, panel) in packed.chunks_mut(panel.max(1)).enumerate() {
            let first = index * LANES;
            let lanes = LANES.min(columns - first);
            for (k, row) in panel.chunks_mut(LANES).enumerate() {
                let values = &values[k * strides[0] + first * strides[1]..];
                if strides[1] == 1 {
                    row[..lanes].copy_from_slice(&values[..lanes]);
                } else {
                    let column = values.iter().step_by(strides[1].max(1)).take(lanes);
                    row.iter_mut().zip(column).for_each(|(place, value)| *place = *value);
                }
            }
        }
        Self { values: packed, inner, columns }
    }
}

/// `rows` rows of the first factor, whose inner index runs over neighbours; rows are `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    /// The storage, starting at the first row.
    pub values: &'a [f32],
    pub rows: usize,
    pub stride: usize,
}

/// `out = first · second`; rows of `out` are `out_stride` apart.
///
/// # Panics
/// If a factor or the product reaches outside its storage.
pub(super) fn multiply(out: &mut [f32], out_stride: usize, first: Rows<'_>, second: &Panels) {
    let Panels { values: weight, inner, columns } = second;
    if first.rows == 0 || *columns == 0 {
        return;
    }
    assert!((first.rows - 1) * first.stride + inner <= first.values.len(), "a factor reaches outside its storage");
    assert!(
        out_stride >= *columns && (first.rows - 1) * out_stride + columns <= out.len(),
        "the product reaches outside its storage"
    );
    let set = InstructionSet::current();
    let size = set.tile_size();
    let all = columns.div_ceil(LANES);
    for panel in (0..all).step_by(size.panels) {
        let panels = size.panels.min(all - panel);
        let width = (panels * LANES).min(columns - panel * LANES);
        for row in (0..first.rows).step_by(size.rows) {
            let rows = size.rows.min(first.rows - row);
            let mut aside = [0.0_f32; TILE_VALUES];
            let job = Product {
                source: first.values[row * first.stride..].as_ptr(),
                pixel: first.stride,
                runs: &[0],
                length: *inner,
                weight: weight[panel * inner * LANES..].as_ptr(),
                panel: inner * LANES,
                out: aside.as_mut_ptr(),
                out_row: panels * LANES,
                accumulate: false,
            };
            let kernel = tile::product(set, rows, panels);
            #[expect(unsafe_code, reason = "the tile kernels work on pointers")]
            // SAFETY: the assertions and the packing bound every read, `aside` holds the largest tile, and the set is available.
            unsafe {
                kernel(&job);
            }
            for (row, tile) in (row..row + rows).zip(aside.chunks(panels * LANES)) {
                out[row * out_stride + panel * LANES..][..width].copy_from_slice(&tile[..width]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_one_chain_of_fused_multiply_adds() {
        let exact = InstructionSet::current() != InstructionSet::Portable;
        for [rows, inner, columns] in [[1, 1, 1], [3, 700, 2], [1, 40, 33], [37, 5, 17], [20, 0, 3], [15, 64, 48]] {
            let value = |seed: usize| move |i: usize| ((i * 7919 + seed) % 1009) as f32 / 500.0 - 1.0;
            let a: Vec<f32> = (0..rows * inner).map(value(1)).collect();
            let b: Vec<f32> = (0..inner * columns).map(value(2)).collect();
            let mut out = vec![f32::NAN; rows * (columns + 1)];
            let first = Rows { values: &a, rows, stride: inner };
            // The second factor lies column by column.
            multiply(&mut out, columns + 1, first, &Panels::pack(&b, [inner, columns], [1, inner]));
            for (row, out) in out.chunks(columns + 1).enumerate() {
                for (column, found) in out[..columns].iter().enumerate() {
                    let chain =
                        (0..inner).fold(0.0_f32, |sum, k| a[row * inner + k].mul_add(b[column * inner + k], sum));
                    // Without the instruction, sums are rounded twice, which may show in the last bit.
                    let same =
                        if exact { *found == chain } else { (found - chain).abs() <= 1e-5 * chain.abs().max(1.0) };
                    assert!(same, "{found}, not {chain} at ({row}, {column}) of {rows} × {inner} × {columns}");
                }
            }
        }
    }
}
