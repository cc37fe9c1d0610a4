//! The look of a page: a light ground, two inks, one rule.

use image::{Rgb, RgbImage};

/// Ground of a page.
pub const PAPER: Rgb<u8> = Rgb([252, 252, 250]);
/// Headings and titles.
pub const INK: Rgb<u8> = Rgb([32, 36, 42]);
/// Captions, notes and numbers at a scale bar.
pub const FAINT_INK: Rgb<u8> = Rgb([98, 104, 112]);
/// Rules and frames.
pub const RULE: Rgb<u8> = Rgb([205, 207, 208]);
/// Outline of a mask: stands out from gray photographs and from both sides of the colour map.
pub const OUTLINE: Rgb<u8> = Rgb([0, 176, 104]);

/// A thin line across a page.
pub fn rule(width: u32) -> RgbImage {
    RgbImage::from_pixel(width, 1, RULE)
}
