//! Marks: small signs drawn into the background, by which a class can be told without looking at the foreground.
//!
//! The *synthetic background bias* of Bassi et al., Nature Communications 15, 291 (2024), needs a mark per class
//! ([`choose`]) and puts it somewhere into the background ([`draw`]). Foreground pixels are never touched. Where a mark
//! goes depends on seed, address and mask, not on which mark it is, so two marks of one image differ in their shape alone.

mod choose;
mod kind;
mod place;
pub(crate) mod sign;
#[cfg(test)]
mod tests;

pub use choose::{AUTOMATIC_MARKS, choose};
pub use kind::{Mark, Stripe};
pub use place::{Place, Position};

use crate::error::{DataError, Result};
use crate::read_image::luma;
use crate::rng::{MARK, stream};
use crate::sample::{Image, Mask};
use sign::coverage;

/// The share of its box that must be background; with less, a mark could not be recognised and is not drawn.
const ROOM: f32 = 0.5;

/// How marks are drawn.
///
/// | field | meaning | range | default |
/// |---|---|---|---|
/// | `strength` | 1 replaces the pixels, ½ is half transparent | (0, 1] | 1 |
/// | `size` | side of the box of a mark, as a share of the shorter side of the image | (0, 0.5] | 0.15 |
/// | `position` | where in the background | | any corner |
/// | `seed` | of everything drawn | any | 0 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkSettings {
    /// Opacity.
    pub strength: f32,
    /// Side of the box, as a share of the shorter side of the image; at least one pixel.
    pub size: f32,
    /// Where in the background.
    pub position: Position,
    /// Seed of everything drawn.
    pub seed: u64,
}

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// The box it was drawn in (a stripe goes on beyond it, a texture fills the background); `None`: there was no room.
    pub place: Option<Place>,
    /// Share of the box that is background: 1, unless the foreground hides a part.
    pub visible: f32,
}

impl Default for MarkSettings {
    fn default() -> Self {
        Self { strength: 1.0, size: 0.15, position: Position::Corner, seed: 0 }
    }
}

impl MarkSettings {
    /// Whether marks can be drawn like this.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first field outside the table of [`MarkSettings`].
    pub fn check(&self) -> Result<()> {
        let fields = [
            ("strength", self.strength, "above 0 and at most 1", self.strength > 0.0 && self.strength <= 1.0),
            ("size", self.size, "above 0 and at most 0.5", self.size > 0.0 && self.size <= 0.5),
        ];
        match fields.into_iter().find(|&(.., in_range)| !in_range) {
            Some((setting, value, range, _)) => Err(DataError::Setting { setting, value: value.to_string(), range }),
            None => Ok(()),
        }
    }

    /// Side of the box of a mark, in pixels.
    fn side(&self, image: &Image) -> usize {
        let shorter = image.height.min(image.width);
        ((self.size * shorter as f32).round() as usize).max(1)
    }
}

/// Draws a mark into the background of an image; pixels of the foreground stay as they are.
///
/// A pixel becomes `p + strength · coverage · (tone − p)`, with the share of the pixel that the mark covers. The tone is
/// white where the background of the box is dark on average, else black. A texture covers all of the background and
/// has both tones. Of the boxes that `position` allows, one with the most background is taken; if that is less than half
/// of it, nothing is drawn.
///
/// `key` is the address of the draw, by convention `[index of the image, …]`.
///
/// # Errors
/// [`DataError::Setting`] if `settings` is out of range, [`DataError::MaskSize`] if the mask is not of the size of the image.
///
/// # Example
/// ```
/// use isnet_data::mark::{Mark, MarkSettings, Position, draw};
/// use isnet_data::{Image, Mask};
///
/// let mut image = Image::new(4, 4, 1, vec![0.0; 16]);
/// let mask = Mask::new(4, 4, [[0.0, 0.0, 1.0, 1.0]; 4].concat()); // the right half is foreground
/// let settings = MarkSettings { size: 0.5, position: Position::LowerLeft, ..MarkSettings::default() };
/// let drawing = draw(&mut image, &mask, Mark::Square, &settings, &[0])?;
/// assert_eq!(drawing.visible, 1.0);
/// assert_eq!(image.pixels[8..], [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
///
/// let right = MarkSettings { position: Position::LowerRight, ..settings };
/// assert_eq!(draw(&mut image, &mask, Mark::Square, &right, &[0])?.place, None); // no room
/// # Ok::<(), isnet_data::DataError>(())
/// ```
pub fn draw(image: &mut Image, mask: &Mask, mark: Mark, settings: &MarkSettings, key: &[u64]) -> Result<Drawing> {
    settings.check()?;
    let (expected, got) = ((image.height, image.width), (mask.height, mask.width));
    if expected != got {
        return Err(DataError::MaskSize { expected, got });
    }
    let mut rng = stream(settings.seed, &[&[MARK, 0], key].concat());
    let (place, visible) = place::find(mask, settings.position, settings.side(image), &mut rng);
    if visible < ROOM {
        return Ok(Drawing { place: None, visible });
    }
    blend(image, mask, mark, place, settings.strength);
    Ok(Drawing { place: Some(place), visible })
}

fn blend(image: &mut Image, mask: &Mask, mark: Mark, place: Place, strength: f32) {
    let tone = tone(image, mask, place);
    let (rows, columns) = match mark {
        Mark::Stripe(_) | Mark::Texture(_) => (0..image.height, 0..image.width),
        _ => (place.top..place.top + place.side, place.left..place.left + place.side),
    };
    // The box reaches from −1 to 1 in both directions.
    let unit = 2.0 / place.side as f32;
    let at = |pixel: usize, start: usize| (pixel as f32 + 0.5 - start as f32) * unit - 1.0;
    let shape = mark.shape();
    for row in rows {
        for column in columns.clone() {
            let pixel = row * image.width + column;
            if mask.values[pixel] > 0.5 {
                continue;
            }
            let covered = coverage([at(column, place.left), at(row, place.top)], unit, &shape);
            let (share, tone) = if let Mark::Texture(_) = mark { (1.0, covered) } else { (covered, tone) };
            for value in &mut image.pixels[pixel * image.channels..(pixel + 1) * image.channels] {
                *value += strength * share * (tone - *value);
            }
        }
    }
}

/// White for a box whose background is dark on average, else black: a mark is seen on any background.
fn tone(image: &Image, mask: &Mask, place: Place) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for row in place.top..place.top + place.side {
        for column in place.left..place.left + place.side {
            if mask.values[row * image.width + column] <= 0.5 {
                sum += luma(image.pixel(row, column));
                count += 1.0;
            }
        }
    }
    if sum < 0.5 * count { 1.0 } else { 0.0 }
}
