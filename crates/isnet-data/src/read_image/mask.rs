//! What is foreground in a mask file: the one rule of all commands.
//!
//! 1. *Which channel.* If the file has an alpha channel that is not the same everywhere and the visible pixels (alpha above 0)
//!    have one colour, the alpha is the mask. If colour and alpha both vary they must show the same shape, else the mask is refused.
//!    Without alpha the brightness is the mask.
//! 2. *Which values.* Above half of full is foreground. A lossless file with no other values than 0 and 1 has 1 as foreground.
//!    A file that looks like a label map (small whole numbers above 1, or such numbers beside full), or that is not black
//!    but has nothing above half, is refused: its foreground would be lost without a word.

use std::path::Path;

use super::decode::Decoded;
use super::luma;
use crate::error::{DataError, Result};
use crate::sample::Mask;

/// The largest whole number that is taken for a class of a label map and not for a shade.
const LARGEST_LABEL: u32 = 32;

/// How a mask file was understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaskKind {
    /// Every pixel is 0 or full (255, 65535).
    Binary,
    /// Every pixel is 0 or 1; 1 was read as foreground.
    ZeroOne,
    /// The shape is in the alpha channel; the colour is the same everywhere.
    Alpha {
        /// Share of the pixels that are neither transparent nor opaque; they were split at half.
        share: f32,
    },
    /// Some pixels are neither 0 nor full, as after lossy compression or smoothing; they were split at half.
    NonBinary {
        /// Share of these pixels.
        share: f32,
    },
}

impl MaskKind {
    /// What was decided for the reader of the file, as a sentence about "the mask"; `None` where there was nothing to decide.
    ///
    /// # Example
    /// ```
    /// # use isnet_data::MaskKind;
    /// assert_eq!(MaskKind::Binary.remark(), None);
    /// assert_eq!(MaskKind::ZeroOne.remark().unwrap(), "has the values 0 and 1; 1 is read as foreground");
    /// ```
    pub fn remark(self) -> Option<String> {
        let percent = |share: f32| format!("{:.2} %", 100.0 * share);
        match self {
            Self::Binary => None,
            Self::ZeroOne => Some("has the values 0 and 1; 1 is read as foreground".into()),
            Self::Alpha { share: 0.0 } => Some("has one colour; its transparency is read as the mask".into()),
            Self::Alpha { share } => Some(format!(
                "has one colour; its transparency is read as the mask, {} of it split at half",
                percent(share)
            )),
            Self::NonBinary { share } => Some(format!(
                "is neither black nor white in {} of its pixels, which are split at half; store masks without loss, as PNG",
                percent(share)
            )),
        }
    }
}

/// The mask in a decoded file.
pub(super) fn mask(path: &Path, decoded: &Decoded) -> Result<(Mask, MaskKind)> {
    let image = &decoded.image;
    let gray: Vec<f32> = image.pixels.chunks_exact(image.channels).map(luma).collect();
    let size = (image.height, image.width);
    let Some(alpha) = decoded.alpha.as_ref().filter(|alpha| alpha.iter().any(|&alpha| alpha < 1.0)) else {
        return by_value(path, &gray, size, decoded);
    };
    if has_one_colour(decoded, alpha) {
        let kind = MaskKind::Alpha { share: between(alpha) };
        return Ok((split(alpha, size), kind));
    }
    let (mask, kind) = by_value(path, &gray, size, decoded)?;
    let visible = split(alpha, size);
    // A constant alpha, such as a layer at half strength, shows no shape that could contradict.
    if alpha.iter().any(|&value| value != alpha[0]) && mask != visible || alpha.iter().all(|&alpha| alpha == 0.0) {
        let percent = |mask: &Mask| 100.0 * mask.foreground() as f32 / mask.values.len() as f32;
        let (colour, alpha) = (percent(&mask), percent(&visible));
        return Err(DataError::MaskContradicts { path: path.to_path_buf(), colour, alpha });
    }
    Ok((mask, kind))
}

/// Whether all pixels that can be seen have the same colour; what lies under full transparency is undefined.
fn has_one_colour(decoded: &Decoded, alpha: &[f32]) -> bool {
    let pixels = decoded.image.pixels.chunks_exact(decoded.image.channels);
    let mut visible = pixels.clone().zip(alpha).filter(|(_, alpha)| **alpha > 0.0).map(|(pixel, _)| pixel);
    match visible.next() {
        Some(first) => visible.all(|pixel| pixel == first),
        // Nothing is visible: an empty layer, if it is not a picture whose alpha was lost.
        None => {
            let mut all = pixels;
            let first = all.next();
            all.all(|pixel| Some(pixel) == first)
        }
    }
}

fn by_value(path: &Path, gray: &[f32], size: (usize, usize), decoded: &Decoded) -> Result<(Mask, MaskKind)> {
    let full = if decoded.image.sixteen_bit { 65535.0 } else { 255.0 };
    let brightest = gray.iter().copied().fold(0.0, f32::max);
    let largest_between = gray.iter().copied().filter(|&value| value < 1.0).fold(0.0, f32::max);
    let label = |value: f32| {
        let level = value * full;
        (level - level.round()).abs() < 1e-3 && level.round() as u32 <= LARGEST_LABEL
    };
    if largest_between == 0.0 {
        return Ok((split(gray, size), MaskKind::Binary));
    }
    let refused = |reason| Err(DataError::MaskValues { path: path.to_path_buf(), reason });
    if !decoded.lossy && label(largest_between) {
        let zero_one = brightest * full <= 1.0 + 1e-3;
        if zero_one {
            let values = gray.iter().map(|&value| f32::from(u8::from(value > 0.0))).collect();
            return Ok((Mask::new(size.0, size.1, values), MaskKind::ZeroOne));
        }
        let top = if brightest == 1.0 { format!(" and {full}") } else { String::new() };
        return refused(format!("has whole numbers up to {:.0}{top}, as a label map has", largest_between * full));
    }
    if brightest <= 0.5 {
        return refused(format!(
            "is not black, but its brightest pixel has {:.1} % of full brightness ({:.0} of {full}); foreground needs more than half",
            100.0 * brightest,
            brightest * full
        ));
    }
    Ok((split(gray, size), MaskKind::NonBinary { share: between(gray) }))
}

/// Share of the values that are neither 0 nor 1.
fn between(values: &[f32]) -> f32 {
    values.iter().filter(|&&value| value != 0.0 && value != 1.0).count() as f32 / values.len() as f32
}

fn split(values: &[f32], (height, width): (usize, usize)) -> Mask {
    Mask::new(height, width, values.iter().map(|&value| f32::from(u8::from(value > 0.5))).collect())
}
