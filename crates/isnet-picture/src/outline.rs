//! The edge of the foreground as a thin line.

use image::RgbImage;

use crate::PictureError;
use crate::theme::OUTLINE;

/// Draws the edge of a mask on a picture, as large as the mask or enlarged by a whole number.
///
/// The line is one pixel of the picture wide and lies on the foreground: on its pixels that have a
/// background pixel above, below, left or right. Where the foreground meets the rim of the picture
/// there is no line.
///
/// # Shapes
/// - `mask`: `[H, W]`, foreground where ≥ ½
///
/// # Errors
/// [`PictureError::Size`] for another number of values, [`PictureError::Fit`] if the picture is not
/// `k·H × k·W`.
///
/// # Example
/// ```
/// # use isnet_picture::{Rgb, gray, outline};
/// let mut picture = gray(&[0.0; 3], 1, 3)?;
/// outline(&mut picture, &[1.0, 1.0, 0.0], 1, 3)?;
/// assert_eq!(picture.get_pixel(0, 0), &Rgb([0, 0, 0])); // inside
/// assert_ne!(picture.get_pixel(1, 0), &Rgb([0, 0, 0])); // the edge
/// # Ok::<(), isnet_picture::PictureError>(())
/// ```
pub fn outline(picture: &mut RgbImage, mask: &[f32], h: usize, w: usize) -> Result<(), PictureError> {
    if mask.len() != h * w {
        return Err(PictureError::Size { what: "the mask", h, w, expected: (h * w).to_string(), got: mask.len() });
    }
    let (picture_h, picture_w) = (picture.height() as usize, picture.width() as usize);
    let factor = picture_h.checked_div(h).unwrap_or(0);
    if factor == 0 || (factor * h, factor * w) != (picture_h, picture_w) {
        return Err(PictureError::Fit { what: "the mask", h, w, picture_h, picture_w });
    }
    let is_background = |x: usize, y: usize| x < picture_w && y < picture_h && mask[y / factor * w + x / factor] <= 0.5;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (x, y) = (x as usize, y as usize);
        let beside = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        if !is_background(x, y) && beside.iter().any(|&(x, y)| is_background(x, y)) {
            *pixel = OUTLINE;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::outline;
    use crate::PictureError;
    use crate::theme::OUTLINE;
    use image::RgbImage;

    fn drawn(mask: &[f32], h: usize, w: usize, factor: u32) -> Vec<String> {
        let mut picture = RgbImage::new(w as u32 * factor, h as u32 * factor);
        outline(&mut picture, mask, h, w).unwrap();
        let row =
            |y| (0..picture.width()).map(|x| if *picture.get_pixel(x, y) == OUTLINE { '#' } else { '.' }).collect();
        (0..picture.height()).map(row).collect()
    }

    #[test]
    fn the_line_lies_on_the_edge_only() {
        #[rustfmt::skip]
        let mask = [
            0.0, 0.0, 0.0, 0.0, 0.0,
            0.0, 1.0, 1.0, 1.0, 0.0,
            0.0, 1.0, 1.0, 1.0, 0.0,
            0.0, 1.0, 1.0, 1.0, 0.0,
        ];
        assert_eq!(drawn(&mask, 4, 5, 1), [".....", ".###.", ".#.#.", ".#.#."]);
    }

    #[test]
    fn an_enlarged_picture_keeps_a_thin_line() {
        assert_eq!(drawn(&[1.0, 0.0], 1, 2, 3), ["..#...", "..#...", "..#..."]);
    }

    #[test]
    fn masks_without_an_edge_leave_the_picture_alone() {
        assert_eq!(drawn(&[1.0; 4], 2, 2, 1), ["..", ".."]);
        assert_eq!(drawn(&[0.0; 4], 2, 2, 1), ["..", ".."]);
    }

    #[test]
    fn masks_that_do_not_fit_are_refused() {
        let mut picture = RgbImage::new(4, 5);
        assert!(matches!(outline(&mut picture, &[0.0; 4], 2, 2), Err(PictureError::Fit { picture_h: 5, .. })));
        assert!(matches!(outline(&mut picture, &[0.0; 3], 2, 2), Err(PictureError::Size { got: 3, .. })));
        assert!(matches!(outline(&mut picture, &[], 0, 2), Err(PictureError::Fit { .. })));
    }
}
