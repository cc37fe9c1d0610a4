//! Masks of data sets, in the form that manifests have: white is foreground, and the size is that of the image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::entry::{Found, ImageSource, MaskSource};
use crate::error::{DataError, Result};
use crate::manifest::walk::images_below;
use crate::read_image::{image_size, read_image, read_mask};
use crate::sample::Mask;

/// By how much the ratio of the sides of a mask may differ from that of its image.
const RATIO_TOLERANCE: f64 = 0.02;

/// A mask that can be used as it is, or one that must be written.
pub(super) enum Made {
    None,
    AsItIs(PathBuf),
    New(Mask),
}

/// Gives entries without a mask the one that has their name in a folder, also with `_mask` or `-mask` at its end.
pub(super) fn from_folder(folder: &Path, found: &mut Found) -> Result<()> {
    let mut by_stem: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in images_below(folder, folder)?.found {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let stem = stem.strip_suffix("_mask").or_else(|| stem.strip_suffix("-mask")).unwrap_or(&stem).to_owned();
        if let Some(first) = by_stem.insert(stem, path.clone()) {
            return Err(DataError::MaskTwice { first, second: path });
        }
    }
    for entry in found.entries.iter_mut().filter(|entry| matches!(entry.mask, MaskSource::None)) {
        if let Some(mask) = by_stem.get(&entry.stem()) {
            entry.mask = MaskSource::File(mask.clone());
        }
    }
    Ok(())
}

/// The mask of an image of the given height and width.
pub(super) fn make(source: &MaskSource, image: &ImageSource, size: (usize, usize)) -> Result<Made> {
    let mask = match source {
        MaskSource::None => return Ok(Made::None),
        MaskSource::File(path) if image_size(path)? == size => return Ok(Made::AsItIs(path.clone())),
        MaskSource::File(path) => read_mask(path)?.0,
        MaskSource::Union(paths) => match paths.split_first() {
            Some((first, others)) => union(first, others)?,
            None => return Ok(Made::None),
        },
        MaskSource::Value(path, value) => with_value(path, *value)?,
        MaskSource::Boxes(boxes) => filled(boxes, size),
        MaskSource::Ink => ink(image, size),
    };
    resized(mask, size).map(Made::New)
}

fn union(first: &Path, others: &[PathBuf]) -> Result<Mask> {
    let (mut union, _) = read_mask(first)?;
    for path in others {
        let (mask, _) = read_mask(path)?;
        let (expected, got) = ((union.height, union.width), (mask.height, mask.width));
        if expected != got {
            return Err(DataError::MaskSize { expected, got });
        }
        union.values.iter_mut().zip(mask.values).for_each(|(value, more)| *value = value.max(more));
    }
    Ok(union)
}

fn with_value(path: &Path, value: u8) -> Result<Mask> {
    let image = read_image(path)?;
    let is_it = |pixel: &[f32]| f32::from(u8::from((pixel[0] * 255.0).round() == f32::from(value)));
    Ok(Mask::new(image.height, image.width, image.pixels.chunks_exact(image.channels).map(is_it).collect()))
}

/// A mask whose foreground are boxes: first and last row, first and last column.
pub(crate) fn filled(boxes: &[[usize; 4]], (height, width): (usize, usize)) -> Mask {
    let mut mask = Mask::new(height, width, vec![0.0; height * width]);
    for &[top, bottom, left, right] in boxes {
        for row in top..(bottom + 1).min(height) {
            for column in left..(right + 1).min(width) {
                mask.values[row * width + column] = 1.0;
            }
        }
    }
    mask
}

fn ink(image: &ImageSource, (height, width): (usize, usize)) -> Mask {
    let values = match image {
        ImageSource::Gray { values, .. } => values.iter().map(|&value| f32::from(u8::from(value > 0))).collect(),
        ImageSource::File(_) => vec![0.0; height * width],
    };
    Mask::new(height, width, values)
}

/// A mask that was drawn on a smaller or larger copy of its image, at the size of the image; by the nearest pixel.
fn resized(mask: Mask, (height, width): (usize, usize)) -> Result<Mask> {
    let got = (mask.height, mask.width);
    if got == (height, width) {
        return Ok(mask);
    }
    let ratio = |height: usize, width: usize| width as f64 / height as f64;
    if (ratio(got.0, got.1) / ratio(height, width) - 1.0).abs() > RATIO_TOLERANCE {
        return Err(DataError::MaskSize { expected: (height, width), got });
    }
    Ok(mask.at_size(height, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_of_half_the_size_is_doubled_and_one_of_another_shape_refused() {
        let mask = || Mask::new(1, 2, vec![0.0, 1.0]);
        let double = resized(mask(), (2, 4)).unwrap();
        assert_eq!(double.values, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(resized(double, (1, 2)).unwrap(), mask());
        let message = resized(mask(), (2, 2)).unwrap_err().to_string();
        assert!(message.contains("the mask is 1×2 pixels, its image 2×2"), "{message}");
    }

    #[test]
    fn boxes_are_cut_at_the_edge_of_the_image() {
        let mask = filled(&[[1, 9, 0, 0], [0, 0, 2, 2]], (2, 3));
        assert_eq!(mask.values, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }
}
