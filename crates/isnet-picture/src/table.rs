//! A small table of text on a picture.

use image::{RgbImage, imageops};

use crate::font;
use crate::text::{draw_text, line_height, text_width};
use crate::theme::{FAINT_INK, INK, PAPER, rule};

/// Spaces between two columns.
const GAP: u32 = 3;

/// A heading row and rows of cells; the first column names the row, the others hold numbers and end
/// flush right.
#[derive(Clone, Debug, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table that has its column names.
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    #[must_use]
    pub fn row<S: Into<String>>(mut self, cells: impl IntoIterator<Item = S>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Draws the table.
    pub(crate) fn render(&self, scale: u32) -> RgbImage {
        let gap = GAP * font::ADVANCE * scale;
        let widths = self.widths(scale);
        let width = widths.iter().map(|width| width + gap).sum::<u32>().saturating_sub(gap);
        let (line, space) = (line_height(scale) + 2 * scale, 3 * scale);
        let mut block = RgbImage::from_pixel(width, (1 + self.rows.len() as u32) * line + 2 * space, PAPER);
        for (idx, row) in (0_u32..).zip(std::iter::once(&self.header).chain(&self.rows)) {
            let y = idx * line + if idx > 0 { space + 2 * scale } else { 0 };
            let mut left = 0;
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let x = if column == 0 { left } else { left + width - text_width(cell, scale) };
                draw_text(&mut block, x, y, cell, scale, if idx == 0 { FAINT_INK } else { INK });
                left += width + gap;
            }
        }
        imageops::replace(&mut block, &rule(width), 0, i64::from(line + scale));
        block
    }

    fn widths(&self, scale: u32) -> Vec<u32> {
        let rows = || std::iter::once(&self.header).chain(&self.rows);
        let n_columns = rows().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| rows().filter_map(|row| row.get(column)).map(|cell| text_width(cell, scale)).max();
        (0..n_columns).map(|column| width(column).unwrap_or(0)).collect()
    }
}
