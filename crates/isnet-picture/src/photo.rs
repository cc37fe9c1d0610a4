//! Images of the data set as pictures.

use image::{Rgb, RgbImage};

use crate::PictureError;

/// An image without its colours, so that colours laid on it keep their meaning.
///
/// # Shapes
/// - `image`: `[H, W]` or `[H, W, 3]`, values in `[0, 1]`; values beyond are shown as 0 or 1
///
/// # Errors
/// [`PictureError::Size`] for another number of values, [`PictureError::NonFinite`] for one that is
/// none.
///
/// # Example
/// ```
/// # use isnet_picture::{Rgb, gray};
/// assert_eq!(gray(&[0.0, 1.0], 1, 2)?.get_pixel(1, 0), &Rgb([255, 255, 255]));
/// # Ok::<(), isnet_picture::PictureError>(())
/// ```
pub fn gray(image: &[f32], h: usize, w: usize) -> Result<RgbImage, PictureError> {
    let mut picture = color(image, h, w)?;
    for pixel in picture.pixels_mut() {
        *pixel = Rgb([luma(*pixel); 3]);
    }
    Ok(picture)
}

/// An image with its colours.
///
/// # Shapes and errors
/// As [`gray`].
pub fn color(image: &[f32], h: usize, w: usize) -> Result<RgbImage, PictureError> {
    let n_channels = if image.len() == 3 * h * w { 3 } else { 1 };
    if h * w == 0 || image.len() != n_channels * h * w {
        let expected = format!("{} (gray) or {} (colour), and at least one pixel", h * w, 3 * h * w);
        return Err(PictureError::Size { what: "the image", h, w, expected, got: image.len() });
    }
    check_finite("the image", image, n_channels, w)?;
    let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    Ok(RgbImage::from_fn(w as u32, h as u32, |x, y| {
        let first = (y as usize * w + x as usize) * n_channels;
        Rgb(std::array::from_fn(|channel| byte(image[first + channel % n_channels])))
    }))
}

/// Brightness of a pixel, with the weights of ITU-R BT.601.
pub(crate) fn luma(Rgb([red, green, blue]): Rgb<u8>) -> u8 {
    let weighted = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    ((weighted + 500) / 1000) as u8
}

/// Finds the first value that is not finite, in rows of `w` pixels.
pub(crate) fn check_finite(
    what: &'static str,
    values: &[f32],
    n_channels: usize,
    w: usize,
) -> Result<(), PictureError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(idx) => Err(PictureError::NonFinite { what, y: idx / n_channels / w, x: idx / n_channels % w }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{color, gray};
    use image::Rgb;

    #[test]
    fn colours_stay_or_become_their_brightness() {
        let red_white = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        assert_eq!(color(&red_white, 1, 2).unwrap().get_pixel(0, 0), &Rgb([255, 0, 0]));
        assert_eq!(gray(&red_white, 1, 2).unwrap().get_pixel(0, 0), &Rgb([76; 3]));
        assert_eq!(gray(&red_white, 1, 2).unwrap().get_pixel(1, 0), &Rgb([255; 3]));
    }

    #[test]
    fn wrong_images_are_explained() {
        let message = |image: &[f32]| gray(image, 2, 3).unwrap_err().to_string();
        assert!(message(&[0.0; 5]).contains("the image has 5 values for 2 x 3 pixels; expected 6 (gray) or 18"));
        assert!(message(&[0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0]).contains("at row 1, column 1"));
        assert!(gray(&[], 0, 3).is_err());
    }
}
