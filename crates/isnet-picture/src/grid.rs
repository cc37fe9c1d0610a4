//! A page of pictures in rows and columns.

use std::path::Path;

use image::{RgbImage, imageops};

use crate::text::paragraph;
use crate::theme::{FAINT_INK, INK, PAPER, rule};
use crate::{PictureError, Table, Tile, save_png};

/// Longer side of a picture on a page, in pixels, unless the page says otherwise.
const MIN_SIDE: u32 = 256;

/// A page: heading, note, table, names of the columns, rows of tiles. All but the tiles may be
/// absent.
///
/// Letters grow with the pictures: `5 × 7` pixels per 128 pixels of a picture's width, at most
/// threefold.
#[derive(Clone, Debug)]
pub struct Grid {
    heading: String,
    note: String,
    table: Option<Table>,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Tile>)>,
    min_side: u32,
}

impl Default for Grid {
    fn default() -> Self {
        Self {
            heading: String::new(),
            note: String::new(),
            table: None,
            columns: Vec::new(),
            rows: Vec::new(),
            min_side: MIN_SIDE,
        }
    }
}

impl Grid {
    /// An empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// One row of tiles without a name.
    pub fn strip(tiles: impl IntoIterator<Item = Tile>) -> Self {
        Self::new().row("", tiles)
    }

    /// The words at the top, larger than the rest.
    #[must_use]
    pub fn heading(mut self, heading: impl Into<String>) -> Self {
        self.heading = heading.into();
        self
    }

    /// What the reader should know, below the heading.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// A table above the pictures.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.table = Some(table);
        self
    }

    /// The names of the columns, above a rule.
    #[must_use]
    pub fn columns<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = names.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a row of tiles under its name, which may be empty.
    #[must_use]
    pub fn row(mut self, name: impl Into<String>, tiles: impl IntoIterator<Item = Tile>) -> Self {
        self.rows.push((name.into(), tiles.into_iter().collect()));
        self
    }

    /// Enlarges each picture by a whole number until its longer side has at least so many pixels
    /// (default 256).
    #[must_use]
    pub fn min_side(mut self, pixels: u32) -> Self {
        self.min_side = pixels;
        self
    }

    /// Draws the page.
    pub fn render(&self) -> RgbImage {
        let cell_width = self.cell_width();
        let scale = (cell_width / 128).clamp(1, 3);
        let gap = 8 * scale;
        let n_columns = self.rows.iter().map(|row| row.1.len()).max().unwrap_or(0).max(self.columns.len()) as u32;
        let table = self.table.as_ref().map(|table| table.render(scale));
        let tiles_width = (n_columns * (cell_width + gap)).saturating_sub(gap);
        let width = tiles_width.max(table.as_ref().map_or(0, RgbImage::width)).max(1);

        let mut blocks = vec![
            (paragraph(&self.heading, width, scale + 1, INK), if self.note.is_empty() { gap } else { scale }),
            (paragraph(&self.note, width, scale, FAINT_INK), gap),
        ];
        blocks.extend(table.map(|table| (table, gap)));
        if !self.columns.is_empty() {
            let names = self.columns.iter().map(|name| [paragraph(name, cell_width, scale, INK)]).collect::<Vec<_>>();
            blocks.push((beside(&names, cell_width, gap), 0));
            blocks.push((rule(width), gap));
        }
        for (name, tiles) in &self.rows {
            let cells: Vec<_> = tiles.iter().map(|tile| tile.parts(cell_width, self.min_side, scale)).collect();
            blocks.push((paragraph(name, width, scale, INK), scale));
            blocks.push((beside(&cells, cell_width, gap), 2 * gap));
        }
        page(&blocks, width, 2 * gap)
    }

    /// Draws the page and writes it as PNG.
    ///
    /// # Errors
    /// As [`save_png`].
    pub fn save_png(&self, path: &Path) -> Result<(), PictureError> {
        save_png(&self.render(), path)
    }

    /// Width of the widest picture on the page, its frame included.
    fn cell_width(&self) -> u32 {
        let tiles = self.rows.iter().flat_map(|row| &row.1);
        tiles.map(|tile| tile.framed(self.min_side).width()).max().unwrap_or(self.min_side)
    }
}

/// Sets cells side by side; part `i` of all cells starts on one line.
fn beside<const PARTS: usize>(cells: &[[RgbImage; PARTS]], cell_width: u32, gap: u32) -> RgbImage {
    let heights: [u32; PARTS] =
        std::array::from_fn(|part| cells.iter().map(|cell| cell[part].height()).max().unwrap_or(0));
    let between = gap / 2;
    let height = heights.iter().filter(|height| **height > 0).map(|height| height + between).sum::<u32>();
    let width = (cells.len() as u32 * (cell_width + gap)).saturating_sub(gap);
    let mut block = RgbImage::from_pixel(width, height.saturating_sub(between), PAPER);
    for (column, cell) in (0_i64..).zip(cells) {
        let mut y = 0;
        for (part, &height) in cell.iter().zip(&heights) {
            imageops::replace(&mut block, part, column * i64::from(cell_width + gap), y);
            y += if height > 0 { i64::from(height + between) } else { 0 };
        }
    }
    block
}

/// Sets blocks below each other, each with the space that follows it, and a margin around; empty
/// ones take no space.
fn page(blocks: &[(RgbImage, u32)], width: u32, margin: u32) -> RgbImage {
    let blocks: Vec<_> = blocks.iter().filter(|(block, _)| block.height() > 0).collect();
    let last_gap = blocks.last().map_or(0, |(_, gap)| *gap);
    let height: u32 = blocks.iter().map(|(block, gap)| block.height() + gap).sum();
    let mut page = RgbImage::from_pixel(width + 2 * margin, height - last_gap + 2 * margin, PAPER);
    let mut y = margin;
    for (block, gap) in blocks {
        imageops::replace(&mut page, block, i64::from(margin), i64::from(y));
        y += block.height() + gap;
    }
    page
}
