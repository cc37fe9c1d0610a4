//! Gathers what the taps of a kernel see into the rows of a matrix, one row per destination pixel.

use std::ops::Range;

use super::walk::AxisWalk;

/// A source image batch `[N, H, W, C]` and the walk over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns<'a> {
    pub source: &'a [f32],
    /// `C`, the distance between two pixels.
    pub pixel: usize,
    /// Vertical and horizontal walk.
    pub walk: &'a [AxisWalk; 2],
}

impl Columns<'_> {
    /// Fills `out` for the destination rows `rows` (sample, row of the vertical walk), row-major over destination pixels.
    ///
    /// The entries of a pixel are `[vertical taps in taps, horizontal taps, channels]`.
    pub fn gather(&self, rows: &[[usize; 2]], taps: Range<usize>, channels: Range<usize>, out: &mut [f32]) {
        let [vertical, horizontal] = self.walk;
        let run = horizontal.taps.len() * channels.len();
        let width = taps.len() * run;
        let whole = channels.len() == self.pixel && horizontal.contiguous_taps();
        let interior = if whole { horizontal.interior() } else { 0..0 };
        for (&[sample, row], line) in rows.iter().zip(out.chunks_mut(horizontal.count * width)) {
            for (slot, tap) in taps.clone().enumerate() {
                let Some(source_row) = vertical.source_of(row, tap) else {
                    line.chunks_mut(width).for_each(|cell| cell[slot * run..][..run].fill(0.0));
                    continue;
                };
                let pixels = horizontal.source * self.pixel;
                let source = &self.source[(sample * vertical.source + source_row) * pixels..][..pixels];
                for (i, cell) in line.chunks_mut(width).enumerate() {
                    let cell = &mut cell[slot * run..][..run];
                    if interior.contains(&i) {
                        let start = (i * horizontal.step) as isize + horizontal.taps[0].offset;
                        cell.copy_from_slice(&source[start as usize * self.pixel..][..run]);
                    } else {
                        self.gather_taps(source, i, channels.clone(), cell);
                    }
                }
            }
        }
    }

    fn gather_taps(&self, source: &[f32], i: usize, channels: Range<usize>, cell: &mut [f32]) {
        for (tap, part) in cell.chunks_mut(channels.len()).enumerate() {
            let Some(column) = self.walk[1].source_of(i, tap) else {
                part.fill(0.0);
                continue;
            };
            let values = &source[column * self.pixel..][channels.clone()];
            // Sixteen channels is the common block: a copy of known length needs no call.
            match (<&mut [f32; 16]>::try_from(&mut *part), <&[f32; 16]>::try_from(values)) {
                (Ok(part), Ok(values)) => *part = *values,
                _ => part.copy_from_slice(values),
            }
        }
    }
}
