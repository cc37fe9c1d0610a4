//! Pictures as files.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, RgbImage};

use crate::PictureError;

/// Writes a picture as PNG, whatever the file is called, in place of what it held: the old file or the new one, never a part.
///
/// # Errors
/// [`PictureError::Encode`] for a picture without pixels, [`PictureError::Save`] with the path.
pub fn save_png(picture: &RgbImage, path: &Path) -> Result<(), PictureError> {
    Ok(isnet_files::atomic::write_unsynced(path, &encode_png(picture)?)?)
}

/// The bytes of a PNG file, for those who keep pictures in something else than a file of its own.
///
/// # Errors
/// [`PictureError::Encode`] for a picture without pixels.
///
/// # Example
/// ```
/// # use isnet_picture::{encode_png, gray};
/// let bytes = encode_png(&gray(&[0.5], 1, 1)?)?;
/// assert!(bytes.starts_with(b"\x89PNG"));
/// # Ok::<(), isnet_picture::PictureError>(())
/// ```
pub fn encode_png(picture: &RgbImage) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Cursor::new(Vec::new());
    let (width, height) = picture.dimensions();
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|cause| PictureError::Encode { width, height, cause })?;
    Ok(bytes.into_inner())
}
