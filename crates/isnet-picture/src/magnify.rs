//! Small pictures made large, pixel by pixel.

use image::RgbImage;

/// Enlarges a picture by the smallest whole number that makes its longer side at least `min_side`
/// pixels; a picture that is large enough stays as it is. Each pixel becomes a square, nothing is
/// smoothed.
///
/// # Example
/// ```
/// # use isnet_picture::{RgbImage, magnify};
/// assert_eq!(magnify(&RgbImage::new(28, 20), 256).dimensions(), (280, 200));
/// assert_eq!(magnify(&RgbImage::new(300, 10), 256).dimensions(), (300, 10));
/// ```
pub fn magnify(picture: &RgbImage, min_side: u32) -> RgbImage {
    let factor = min_side.div_ceil(picture.width().max(picture.height()).max(1)).max(1);
    let (w, h) = (picture.width() * factor, picture.height() * factor);
    RgbImage::from_fn(w, h, |x, y| *picture.get_pixel(x / factor, y / factor))
}
