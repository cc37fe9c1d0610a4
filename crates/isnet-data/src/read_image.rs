//! Image files to numbers: PNG, JPEG, BMP and TIFF, 8 and 16 bit, gray and colour.
//!
//! 8-bit values are divided by 255, 16-bit values by 65535. Every picture is turned upright by its own orientation tag (Exif
//! in JPEG and PNG, the tag of TIFF), as viewers and Pillow's `exif_transpose` do; images and masks alike. The alpha channel
//! of an image is dropped, and the colours beneath are used; what is foreground in a mask is told in [`MaskKind`]. Of several
//! pages or frames the first is read. At most [`MAX_PIXELS`] are read. All other formats and variants are refused by name.

mod chunks;
mod decode;
mod format;
mod mask;
mod tiff_tags;

use std::path::Path;

use crate::error::{DataError, Result};
use crate::sample::{Image, Mask};
use crate::write_image::BitDepth;
pub use decode::MAX_PIXELS;
pub(crate) use decode::{Decoded, decode, orientation_words, swaps_sides};
pub use mask::MaskKind;

/// Reads an image to [0, 1], upright: one channel if the file is gray, three if it is coloured.
///
/// # Errors
/// [`DataError::Missing`], [`DataError::Read`], [`DataError::NotAnImage`], [`DataError::ForeignFormat`],
/// [`DataError::UnreadVariant`], [`DataError::Truncated`], [`DataError::Decode`], [`DataError::TooLarge`],
/// [`DataError::NeedsMemory`], [`DataError::PixelRange`]; each names the path.
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
    decode(path, &read_bytes(path)?).map(|decoded| decoded.image)
}

/// [`read_image`] of a picture that is pasted as it looks: transparent pixels are refused.
///
/// # Errors
/// As [`read_image`]; [`DataError::Transparent`].
pub fn read_opaque_image(path: impl AsRef<Path>) -> Result<Image> {
    let path = path.as_ref();
    let decoded = decode(path, &read_bytes(path)?)?;
    match decoded.transparent_share() {
        0.0 => Ok(decoded.image),
        share => Err(DataError::Transparent { path: path.to_path_buf(), share }),
    }
}

/// Reads a mask, upright, by the rule of [`MaskKind`].
///
/// # Errors
/// As [`read_image`]; [`DataError::MaskValues`] and [`DataError::MaskContradicts`] where it is unclear what is foreground.
pub fn read_mask(path: impl AsRef<Path>) -> Result<(Mask, MaskKind)> {
    let path = path.as_ref();
    decode_mask(path, &decode(path, &read_bytes(path)?)?)
}

/// Reads an image and the mask that lies on it.
///
/// # Errors
/// As [`read_image`] and [`read_mask`]; [`DataError::MaskTurned`] or [`DataError::MaskSize`] if they differ in size.
pub fn read_pair(image: impl AsRef<Path>, mask: Option<impl AsRef<Path>>) -> Result<(Image, Option<Mask>)> {
    let image_path = image.as_ref();
    let image = decode(image_path, &read_bytes(image_path)?)?;
    let Some(mask_path) = mask else { return Ok((image.image, None)) };
    let mask_path = mask_path.as_ref();
    let mask = decode(mask_path, &read_bytes(mask_path)?)?;
    same_size((image_path, &image), (mask_path, &mask))?;
    let (mask, _) = decode_mask(mask_path, &mask)?;
    Ok((image.image, Some(mask)))
}

/// As [`read_image`], with the depth at which it can be written without loss.
pub(crate) fn read_image_and_depth(path: &Path) -> Result<(Image, BitDepth)> {
    decode(path, &read_bytes(path)?).map(|decoded| (decoded.image, decoded.depth))
}

/// Height and width of the upright picture, without decoding it.
pub(crate) fn image_size(path: &Path) -> Result<(usize, usize)> {
    decode::size(path, &read_bytes(path)?)
}

/// The bytes of a file.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        return Err(DataError::IsFolder { path: path.to_path_buf() });
    }
    std::fs::read(path).map_err(|source| DataError::read(path, source))
}

/// The mask in a decoded file.
pub(crate) fn decode_mask(path: &Path, decoded: &Decoded) -> Result<(Mask, MaskKind)> {
    mask::mask(path, decoded)
}

/// Refuses an image and a mask of different sizes, and says if an orientation tag is why.
pub(crate) fn same_size((image_path, image): (&Path, &Decoded), (mask_path, mask): (&Path, &Decoded)) -> Result<()> {
    let expected = (image.image.height, image.image.width);
    let got = (mask.image.height, mask.image.width);
    if got == expected {
        return Ok(());
    }
    let turned = [(image_path, image, mask_path), (mask_path, mask, image_path)];
    let is_turned = |(_, decoded, _): &&(&Path, &Decoded, &Path)| swaps_sides(decoded.orientation);
    match turned.iter().find(is_turned).filter(|_| got == (expected.1, expected.0)) {
        Some((turned, decoded, other)) => Err(DataError::MaskTurned {
            expected,
            got,
            turned: turned.to_path_buf(),
            other: other.to_path_buf(),
            how: orientation_words(decoded.orientation),
        }),
        None => Err(DataError::MaskSize { expected, got }),
    }
}

/// Brightness of a gray or RGB pixel (ITU-R BT.601, the weights of JPEG and of torchvision's `Grayscale`).
pub(crate) fn luma(pixel: &[f32]) -> f32 {
    match *pixel {
        [red, green, blue] if red != green || green != blue => 0.299 * red + 0.587 * green + 0.114 * blue,
        _ => pixel[0],
    }
}

#[cfg(test)]
mod tests;
