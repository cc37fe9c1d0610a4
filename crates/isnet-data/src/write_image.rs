//! Numbers to PNG files, without loss of what was read.

use std::path::Path;

use image::{ExtendedColorType, ImageError, ImageFormat};

use crate::error::{DataError, Result};
use crate::sample::{Image, Mask};

/// How fine the values of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitDepth {
    /// Steps of 1/255.
    Eight,
    /// Steps of 1/65535.
    Sixteen,
}

/// Writes an image as PNG, gray or coloured as it is, rounded to the nearest step.
///
/// # Errors
/// [`DataError::Files`] if the file cannot be written; an old one is intact then.
///
/// # Example
/// ```
/// # use isnet_data::{BitDepth, Image, read_image, write_image};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("two.png");
/// write_image(&path, &Image::new(1, 2, 1, vec![0.2, 0.5]), BitDepth::Eight)?;
/// assert_eq!(read_image(&path)?.pixels, [51.0 / 255.0, 128.0 / 255.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_image(path: impl AsRef<Path>, image: &Image, depth: BitDepth) -> Result<()> {
    let Image { height, width, channels, pixels, .. } = image;
    save(path.as_ref(), pixels, [*height, *width, *channels], depth)
}

/// Writes a mask as gray PNG of 8 bits: 255 in the foreground, 0 in the background.
///
/// # Errors
/// [`DataError::Files`] if the file cannot be written; an old one is intact then.
pub fn write_mask(path: impl AsRef<Path>, mask: &Mask) -> Result<()> {
    save(path.as_ref(), &mask.values, [mask.height, mask.width, 1], BitDepth::Eight)
}

/// Writes `[H, W, C]` values in [0, 1].
fn save(path: &Path, values: &[f32], shape: [usize; 3], depth: BitDepth) -> Result<()> {
    let bytes = png(values, shape, depth).map_err(|cause| DataError::Picture { path: path.to_owned(), cause })?;
    Ok(isnet_files::atomic::write_unsynced(path, &bytes)?)
}

fn png(values: &[f32], shape: [usize; 3], depth: BitDepth) -> Result<Vec<u8>, ImageError> {
    let [height, width, channels] = shape;
    let step = |value: &f32, full: f32| (value.clamp(0.0, 1.0) * full).round();
    let bytes: Vec<u8> = match depth {
        BitDepth::Eight => values.iter().map(|value| step(value, 255.0) as u8).collect(),
        BitDepth::Sixteen => values.iter().flat_map(|value| (step(value, 65535.0) as u16).to_ne_bytes()).collect(),
    };
    let color = match (channels, depth) {
        (1, BitDepth::Eight) => ExtendedColorType::L8,
        (1, BitDepth::Sixteen) => ExtendedColorType::L16,
        (_, BitDepth::Eight) => ExtendedColorType::Rgb8,
        (_, BitDepth::Sixteen) => ExtendedColorType::Rgb16,
    };
    let mut png = std::io::Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut png, &bytes, width as u32, height as u32, color, ImageFormat::Png)?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_image::{read_image_and_depth, read_mask};
    use crate::testing::Folder;

    #[test]
    fn every_value_of_both_depths_is_read_back() {
        let folder = Folder::new();
        for (depth, full) in [(BitDepth::Eight, 255_u32), (BitDepth::Sixteen, 65535)] {
            for channels in [1, 3] {
                let height = full as usize / 255;
                let values = (0..height * 256 * channels)
                    .map(|index| (index as u32 / channels as u32 % (full + 1)) as f32 / full as f32);
                let sixteen_bit = depth == BitDepth::Sixteen;
                let image = Image { sixteen_bit, ..Image::new(height, 256, channels, values.collect()) };
                let path = folder.path("a.png");
                write_image(&path, &image, depth).unwrap();
                assert_eq!(read_image_and_depth(&path).unwrap(), (image, depth), "{channels}");
            }
        }
    }

    #[test]
    fn a_mask_is_black_and_white() {
        let (folder, mask) = (Folder::new(), Mask::new(1, 3, vec![0.0, 1.0, 0.0]));
        let path = folder.path("mask.png");
        write_mask(&path, &mask).unwrap();
        assert_eq!(image::open(&path).unwrap().to_luma8().into_raw(), [0, 255, 0]);
        assert_eq!(read_mask(&path).unwrap().0, mask);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let message = write_mask("/no/such/a.png", &Mask::new(1, 1, vec![0.0])).unwrap_err().to_string();
        assert!(message.contains("cannot write `/no/such/a.png`"), "{message}");
    }
}
