//! A band around the region of interest that is neither foreground nor background.
//!
//! At the edge of a thin object every filter sees both sides, and no border is drawn to the pixel. Losses and the background share leave the band out.

use crate::sample::Mask;

/// How wide the band is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// In pixels of the image that the network sees.
    Pixels(usize),
    /// As a share of the shorter side of that image, rounded to whole pixels; in [0, 1].
    Share(f64),
}

impl Margin {
    /// The width for images of a size.
    pub fn pixels(self, height: usize, width: usize) -> usize {
        match self {
            Self::Pixels(pixels) => pixels,
            Self::Share(share) => (share * height.min(width) as f64).round() as usize,
        }
    }

    /// The mask with its band: background whose distance from the nearest foreground pixel is at most the width is [`Mask::NEITHER`].
    ///
    /// # Example
    /// ```
    /// # use isnet_data::{Margin, Mask};
    /// let mask = Mask::new(1, 5, vec![1.0, 0.0, 0.0, 0.0, 0.0]);
    /// assert_eq!(Margin::Pixels(2).around(&mask).values, [1.0, 0.5, 0.5, 0.0, 0.0]);
    /// assert_eq!(Margin::Share(1.0).around(&mask).values, [1.0, 0.5, 0.0, 0.0, 0.0]);
    /// ```
    pub fn around(self, mask: &Mask) -> Mask {
        let near = near_foreground(mask, self.pixels(mask.height, mask.width));
        let value = |(place, value): (usize, &f32)| {
            if *value < Mask::NEITHER && near(place) { Mask::NEITHER } else { *value }
        };
        Mask { values: mask.values.iter().enumerate().map(value).collect(), ..*mask }
    }
}

/// The mask and all pixels whose distance from its foreground is at most `reach`.
///
/// # Example
/// ```
/// # use isnet_data::{Mask, grown};
/// assert_eq!(grown(&Mask::new(1, 4, vec![0.0, 0.0, 0.0, 1.0]), 2).values, [0.0, 1.0, 1.0, 1.0]);
/// ```
pub fn grown(mask: &Mask, reach: usize) -> Mask {
    let near = near_foreground(mask, reach);
    let value = |(place, value): (usize, &f32)| if near(place) { 1.0 } else { *value };
    Mask { values: mask.values.iter().enumerate().map(value).collect(), ..*mask }
}

/// Whether a place is at most `reach` pixels from the foreground.
fn near_foreground(mask: &Mask, reach: usize) -> impl Fn(usize) -> bool {
    let (height, width) = (mask.height, mask.width);
    // For every pixel, how many foreground pixels its row has before it: a run of a row holds one if the counts at its ends differ.
    let counts: Vec<u32> = mask.values.chunks_exact(width).flat_map(running_counts).collect();
    // Half the length of the run of a disc, by distance from its middle row.
    let chords: Vec<usize> = (0..=reach).map(|down| (reach * reach - down * down).isqrt()).collect();
    move |place| {
        let (y, x) = (place / width, place % width);
        (y.saturating_sub(reach)..(y + reach + 1).min(height)).any(|row| {
            let half = chords[row.abs_diff(y)];
            let [from, to] = [x.saturating_sub(half), (x + half + 1).min(width)];
            counts[row * (width + 1) + to] > counts[row * (width + 1) + from]
        })
    }
}

/// The number of foreground pixels before each place of a row, and in all of it; one more than the row has pixels.
fn running_counts(row: &[f32]) -> Vec<u32> {
    let mut counts = vec![0];
    for value in row {
        let before = counts.last().copied().unwrap_or_default();
        counts.push(before + u32::from(*value > Mask::NEITHER));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_a_disc_around_every_foreground_pixel() {
        let (height, width) = (11, 13);
        for reach in 0..6 {
            for dots in [vec![], vec![(5, 6)], vec![(0, 0), (10, 12)], vec![(3, 4), (3, 5), (8, 2)]] {
                let mut values = vec![0.0; height * width];
                dots.iter().for_each(|(y, x)| values[y * width + x] = 1.0);
                let found = Margin::Pixels(reach).around(&Mask::new(height, width, values.clone()));
                for (place, value) in found.values.iter().enumerate() {
                    let (y, x) = (place / width, place % width);
                    let square = |(row, column): &(usize, usize)| row.abs_diff(y).pow(2) + column.abs_diff(x).pow(2);
                    let nearest = dots.iter().map(square).min();
                    let expected = match nearest {
                        Some(0) => 1.0,
                        Some(square) if square <= reach * reach => 0.5,
                        _ => 0.0,
                    };
                    assert_eq!(*value, expected, "reach {reach}, {dots:?}, row {y}, column {x}");
                }
            }
        }
    }

    #[test]
    fn a_share_is_one_of_the_shorter_side() {
        assert_eq!(Margin::Share(0.02).pixels(224, 448), 4);
        assert_eq!(Margin::Share(0.0).pixels(224, 224), 0);
        assert_eq!(Margin::Pixels(3).pixels(32, 32), 3);
    }
}
