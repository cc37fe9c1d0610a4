//! Image files to numbers: PNG, JPEG, BMP and TIFF, 8 and 16 bit, gray and colour.
//!
//! 8-bit values are divided by 255, 16-bit values by 65535; an alpha channel is dropped. Orientation tags are ignored,
//! so an image and its mask turn alike.

use std::io::Cursor;
use std::path::Path;

use image::{ColorType, DynamicImage, ImageError, ImageFormat, ImageReader};

use crate::error::{DataError, Result};
use crate::sample::{Image, Mask};
use crate::write_image::BitDepth;

/// Whether a mask file holds only the two values that a mask should hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaskKind {
    /// Every pixel is 0 or full (255, 65535).
    Binary,
    /// Some pixels are neither, as after lossy compression or smoothing.
    NonBinary {
        /// Share of the pixels that are neither 0 nor full.
        share: f32,
        /// The brightest value, as a share of full. At or below ½ the whole mask is background.
        brightest: f32,
    },
}

/// Reads an image to [0, 1]: one channel if the file is gray, three if it is coloured.
///
/// # Errors
/// [`DataError::Missing`], [`DataError::Read`], [`DataError::NotAnImage`], [`DataError::Truncated`],
/// [`DataError::Decode`], [`DataError::PixelRange`]; each names the path.
///
/// # Example
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("two.png");
/// image::GrayImage::from_raw(2, 1, vec![0, 255]).expect("two pixels").save(&path)?;
/// let image = isnet_data::read_image(&path)?;
/// assert_eq!((image.height, image.width, image.channels), (1, 2, 1));
/// assert_eq!(image.pixels, [0.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_image(path: impl AsRef<Path>) -> Result<Image> {
    let path = path.as_ref();
    decode_image(path, &read_bytes(path)?)
}

/// Reads a mask: gray above half is 1, foreground.
///
/// # Errors
/// As [`read_image`].
pub fn read_mask(path: impl AsRef<Path>) -> Result<(Mask, MaskKind)> {
    let path = path.as_ref();
    decode_mask(path, &read_bytes(path)?)
}

/// As [`read_image`], with the depth at which it can be written without loss.
pub(crate) fn read_image_and_depth(path: &Path) -> Result<(Image, BitDepth)> {
    decode_image_and_depth(path, &read_bytes(path)?)
}

/// Height and width of an image, from the beginning of its file.
pub(crate) fn image_size(path: &Path) -> Result<(usize, usize)> {
    let failed = |cause| DataError::read(path, cause);
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(failed)?;
    if !reader.format().is_some_and(is_read) {
        return Err(DataError::NotAnImage { path: path.to_path_buf() });
    }
    let (width, height) =
        reader.into_dimensions().map_err(|cause| DataError::Decode { path: path.to_path_buf(), cause })?;
    Ok((height as usize, width as usize))
}

/// The bytes of a file.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| DataError::read(path, source))
}

/// An image from the bytes of the file at `path`.
pub(crate) fn decode_image(path: &Path, bytes: &[u8]) -> Result<Image> {
    decode_image_and_depth(path, bytes).map(|(image, _)| image)
}

fn decode_image_and_depth(path: &Path, bytes: &[u8]) -> Result<(Image, BitDepth)> {
    let decoded = decode(path, bytes)?;
    let depth = match decoded.color() {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => BitDepth::Eight,
        _ => BitDepth::Sixteen,
    };
    let (height, width) = (decoded.height() as usize, decoded.width() as usize);
    let channels = if decoded.color().has_color() { 3 } else { 1 };
    let pixels = to_unit(decoded);
    match pixels.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        Some(&value) => Err(DataError::PixelRange { path: path.to_path_buf(), value }),
        None => Ok((Image::new(height, width, channels, pixels), depth)),
    }
}

/// A mask from the bytes of the file at `path`.
pub(crate) fn decode_mask(path: &Path, bytes: &[u8]) -> Result<(Mask, MaskKind)> {
    let image = decode_image(path, bytes)?;
    let gray: Vec<f32> = image.pixels.chunks_exact(image.channels).map(luma).collect();
    let between = gray.iter().filter(|&&value| value != 0.0 && value != 1.0).count();
    let kind = match between {
        0 => MaskKind::Binary,
        _ => MaskKind::NonBinary {
            share: between as f32 / gray.len() as f32,
            brightest: gray.iter().copied().fold(0.0, f32::max),
        },
    };
    let values = gray.into_iter().map(|value| f32::from(u8::from(value > 0.5))).collect();
    Ok((Mask::new(image.height, image.width, values), kind))
}

/// Brightness of a gray or RGB pixel (ITU-R BT.601, the weights of JPEG and of torchvision's `Grayscale`).
pub(crate) fn luma(pixel: &[f32]) -> f32 {
    match *pixel {
        [red, green, blue] if red != green || green != blue => 0.299 * red + 0.587 * green + 0.114 * blue,
        _ => pixel[0],
    }
}

fn decode(path: &Path, bytes: &[u8]) -> Result<DynamicImage> {
    let not_an_image = || DataError::NotAnImage { path: path.to_path_buf() };
    let format = image::guess_format(bytes).map_err(|_| not_an_image())?;
    if !is_read(format) {
        return Err(not_an_image());
    }
    if format == ImageFormat::Jpeg && !jpeg_is_complete(bytes) {
        return Err(DataError::Truncated { path: path.to_path_buf() });
    }
    ImageReader::with_format(Cursor::new(bytes), format).decode().map_err(|source| match source {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            DataError::Truncated { path: path.to_path_buf() }
        }
        cause => DataError::Decode { path: path.to_path_buf(), cause },
    })
}

fn is_read(format: ImageFormat) -> bool {
    matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Bmp | ImageFormat::Tiff)
}

/// Values in [0, 1], channels last, without alpha.
fn to_unit(decoded: DynamicImage) -> Vec<f32> {
    let byte = |value: u8| f32::from(value) / 255.0;
    let word = |value: u16| f32::from(value) / 65535.0;
    match decoded.color() {
        ColorType::L8 | ColorType::La8 => decoded.into_luma8().into_raw().into_iter().map(byte).collect(),
        ColorType::L16 | ColorType::La16 => decoded.into_luma16().into_raw().into_iter().map(word).collect(),
        ColorType::Rgb8 | ColorType::Rgba8 => decoded.into_rgb8().into_raw().into_iter().map(byte).collect(),
        ColorType::Rgb16 | ColorType::Rgba16 => decoded.into_rgb16().into_raw().into_iter().map(word).collect(),
        color if color.has_color() => decoded.into_rgb32f().into_raw(),
        _ => decoded.to_luma32f().into_raw(),
    }
}

/// Whether a JPEG reaches its end marker. The decoder paints what is missing gray, so it has to be found here.
///
/// Walks the markers (ITU-T T.81, annex B): each is followed by a segment of stated length, so the end marker of a
/// thumbnail inside a segment is stepped over. In the data after a scan's segment, `FF 00` is a byte and
/// `FF D0`–`FF D7` restart the coder; both are no markers here.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xD9;
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF | 0xD0..=0xD7);
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(marker) = rest.windows(2).position(is_marker) {
        if rest[marker + 1] == END_OF_IMAGE {
            return true;
        }
        let Some(&[high, low]) = rest.get(marker + 2..marker + 4) else { return false };
        let segment = usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(marker + 2 + segment..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests;
