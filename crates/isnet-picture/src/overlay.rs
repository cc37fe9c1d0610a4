//! Relevance laid over the image that it explains.

use image::{Rgb, RgbImage};

use crate::photo::luma;
use crate::{PictureError, SignedMap, diverging};

/// Where on the colour map the two inks of an overlay are taken: full of colour, not yet dark.
const INK: f32 = 0.6;
/// How much of the photograph the strongest relevance hides.
const OPACITY: f32 = 0.88;

/// Colours a photograph where there is relevance, the more of it the more opaque; where there is
/// none it stays as it is, in gray.
///
/// `out = (1 − α)·gray + α·ink(sign t)` with `α = 0.88·|t|·(2 − |t|)` and `t` the relevance over
/// the map's limit.
///
/// # Errors
/// [`PictureError::Fit`] if photograph and map differ in size.
///
/// # Example
/// ```
/// # use isnet_picture::{Range, gray, overlay, signed_map};
/// let photo = gray(&[0.5, 0.5], 1, 2)?;
/// let over = overlay(&photo, &signed_map(&[0.0, 1.0], 1, 2, Range::Max)?)?;
/// assert_eq!(over.get_pixel(0, 0), photo.get_pixel(0, 0)); // no relevance, no colour
/// assert!(over.get_pixel(1, 0)[0] > over.get_pixel(1, 0)[2]);
/// # Ok::<(), isnet_picture::PictureError>(())
/// ```
pub fn overlay(photo: &RgbImage, map: &SignedMap) -> Result<RgbImage, PictureError> {
    if photo.dimensions() != map.picture.dimensions() {
        return Err(PictureError::Fit {
            what: "the relevance",
            h: map.picture.height() as usize,
            w: map.picture.width() as usize,
            picture_h: photo.height() as usize,
            picture_w: photo.width() as usize,
        });
    }
    let mut picture = photo.clone();
    for (pixel, &strength) in picture.pixels_mut().zip(&map.strength) {
        let (gray, Rgb(ink)) = (f32::from(luma(*pixel)), diverging(INK.copysign(strength)));
        let opacity = OPACITY * strength.abs() * (2.0 - strength.abs());
        *pixel = Rgb(ink.map(|channel| (gray + opacity * (f32::from(channel) - gray)).round() as u8));
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::overlay;
    use crate::{PictureError, Range, gray, signed_map};

    #[test]
    fn the_sign_decides_the_colour_on_any_ground() {
        for ground in [0.0, 0.5, 1.0] {
            let photo = gray(&[ground; 2], 1, 2).unwrap();
            let over = overlay(&photo, &signed_map(&[1.0, -1.0], 1, 2, Range::Max).unwrap()).unwrap();
            assert!(over.get_pixel(0, 0)[0] > over.get_pixel(0, 0)[2] + 50);
            assert!(over.get_pixel(1, 0)[2] > over.get_pixel(1, 0)[0] + 50);
        }
    }

    #[test]
    fn a_map_of_another_size_is_refused() {
        let map = signed_map(&[1.0, 2.0], 2, 1, Range::Max).unwrap();
        let result = overlay(&gray(&[0.0; 2], 1, 2).unwrap(), &map);
        assert!(matches!(result, Err(PictureError::Fit { h: 2, w: 1, picture_h: 1, picture_w: 2, .. })));
    }
}
