//! Pictures on disk.

use std::path::Path;

use image::{ImageFormat, RgbImage};

use crate::PictureError;

/// Writes a picture as PNG, whatever the file is called, replacing what it held.
///
/// # Errors
/// [`PictureError::Save`] with the path.
pub fn save_png(picture: &RgbImage, path: &Path) -> Result<(), PictureError> {
    picture
        .save_with_format(path, ImageFormat::Png)
        .map_err(|cause| PictureError::Save { path: path.to_owned(), cause })
}
