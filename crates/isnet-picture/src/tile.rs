//! One picture of a page, with its words.

use image::{RgbImage, imageops};

use crate::text::{draw_text, line_height, paragraph, text_width};
use crate::theme::{FAINT_INK, INK, PAPER, RULE};
use crate::{PictureError, SignedMap, diverging, magnify, outline};

/// A picture with a title above, and a scale bar and a caption below.
#[derive(Clone, Debug)]
pub struct Tile {
    picture: RgbImage,
    title: String,
    caption: String,
    mask: Option<Vec<f32>>,
    marks: Option<[String; 3]>,
}

impl Tile {
    /// A picture without words, at the size of the data; the page enlarges it.
    pub fn new(picture: RgbImage) -> Self {
        Self { picture, title: String::new(), caption: String::new(), mask: None, marks: None }
    }

    /// A signed map with its scale bar and range.
    pub fn signed(map: &SignedMap) -> Self {
        Self::new(map.picture.clone()).scale_bar(map)
    }

    /// Puts the scale bar of a map under the picture, such as its overlay.
    #[must_use]
    pub fn scale_bar(mut self, map: &SignedMap) -> Self {
        self.marks = Some(map.marks());
        self
    }

    /// The words above the picture.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The words below the picture.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Draws the edge of the foreground on the picture, one pixel wide however much it is enlarged.
    ///
    /// # Shapes
    /// - `mask`: `[H, W]` of the picture, foreground where ≥ ½
    ///
    /// # Errors
    /// [`PictureError::Size`] if the mask has another number of pixels.
    pub fn outline(mut self, mask: &[f32]) -> Result<Self, PictureError> {
        let (h, w) = (self.picture.height() as usize, self.picture.width() as usize);
        if mask.len() != h * w {
            return Err(PictureError::Size { what: "the mask", h, w, expected: (h * w).to_string(), got: mask.len() });
        }
        self.mask = Some(mask.to_vec());
        Ok(self)
    }

    /// The picture, enlarged, outlined and framed.
    pub(crate) fn framed(&self, min_side: u32) -> RgbImage {
        let mut picture = magnify(&self.picture, min_side);
        if let Some(mask) = &self.mask {
            let (h, w) = (self.picture.height() as usize, self.picture.width() as usize);
            let fits = outline(&mut picture, mask, h, w);
            assert!(fits.is_ok(), "a mask that `outline` has measured fits its picture: {fits:?}");
        }
        framed(&picture)
    }

    /// What stands in a cell `width` pixels wide, from top to bottom: title, picture, and the scale
    /// bar with the caption.
    pub(crate) fn parts(&self, width: u32, min_side: u32, scale: u32) -> [RgbImage; 3] {
        let picture = self.framed(min_side);
        let scale_bar = match &self.marks {
            Some(marks) => scale_bar(marks, picture.width(), scale),
            None => RgbImage::new(0, 0),
        };
        let caption = paragraph(&self.caption, width, scale, FAINT_INK);
        let space = if scale_bar.height() * caption.height() > 0 { 2 * scale } else { 0 };
        let mut below = RgbImage::from_pixel(width, scale_bar.height() + space + caption.height(), PAPER);
        imageops::replace(&mut below, &scale_bar, 0, 0);
        imageops::replace(&mut below, &caption, 0, i64::from(scale_bar.height() + space));
        [paragraph(&self.title, width, scale, INK), picture, below]
    }
}

/// A picture with a frame of one pixel around it.
fn framed(picture: &RgbImage) -> RgbImage {
    let mut page = RgbImage::from_pixel(picture.width() + 2, picture.height() + 2, RULE);
    imageops::replace(&mut page, picture, 1, 1);
    page
}

/// The colour map from left to right, its marks below.
fn scale_bar(marks: &[String; 3], width: u32, scale: u32) -> RgbImage {
    let (bar_h, gap) = (5 * scale, 3 * scale);
    let inside = width.saturating_sub(2).max(1);
    let half = (inside.saturating_sub(1)).max(1) as f32 / 2.0;
    let bar = framed(&RgbImage::from_fn(inside, bar_h, |x, _| diverging((x as f32 - half) / half)));
    let mut block = RgbImage::from_pixel(width, bar.height() + gap + line_height(scale), PAPER);
    imageops::replace(&mut block, &bar, 0, 0);
    for (mark, place) in marks.iter().zip(0..) {
        let x = width.saturating_sub(text_width(mark, scale)) * place / 2;
        draw_text(&mut block, x, bar.height() + gap, mark, scale, FAINT_INK);
    }
    block
}
