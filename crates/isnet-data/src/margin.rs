//! A band around the region of interest that is neither foreground nor background.
//!
//! At the edge of a thin object every filter sees both sides, and no border is drawn to the pixel. Losses and the background share leave the band out.

use std::sync::Arc;

use crate::dataset::Dataset;
use crate::error::Result;
use crate::manifest::Task;
use crate::sample::{Label, Mask, Sample};

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
        let (height, width) = (mask.height, mask.width);
        let reach = self.pixels(height, width);
        let mut result = mask.clone();
        if reach == 0 {
            return result;
        }
        // For every pixel, how many foreground pixels its row has before it: a run of a row holds one if the counts at its ends differ.
        let counts: Vec<u32> = mask.values.chunks_exact(width).flat_map(running_counts).collect();
        let holds =
            |row: usize, from: usize, to: usize| counts[row * (width + 1) + to] > counts[row * (width + 1) + from];
        // Half the length of the run of a disc, by distance from its middle row.
        let chords: Vec<usize> = (0..=reach).map(|down| (reach * reach - down * down).isqrt()).collect();
        for place in (0..mask.values.len()).filter(|place| mask.values[*place] < Mask::NEITHER) {
            let (y, x) = (place / width, place % width);
            let near = (y.saturating_sub(reach)..(y + reach + 1).min(height)).any(|row| {
                let half = chords[row.abs_diff(y)];
                holds(row, x.saturating_sub(half), (x + half + 1).min(width))
            });
            if near {
                result.values[place] = Mask::NEITHER;
            }
        }
        result
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

/// A data set whose masks have a [`Margin`].
pub struct WithMargin {
    inner: Arc<dyn Dataset>,
    margin: Margin,
}

impl WithMargin {
    /// The same samples, their masks with a margin.
    pub fn new(inner: Arc<dyn Dataset>, margin: Margin) -> Self {
        Self { inner, margin }
    }
}

impl Dataset for WithMargin {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn task(&self) -> Task {
        self.inner.task()
    }

    fn classes(&self) -> &[String] {
        self.inner.classes()
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        let sample = self.inner.sample(index)?;
        let mask = sample.mask.as_ref().map(|mask| self.margin.around(mask));
        Ok(Sample { mask, ..sample })
    }

    fn label(&self, index: usize) -> Option<&Label> {
        self.inner.label(index)
    }

    fn has_mask(&self, index: usize) -> bool {
        self.inner.has_mask(index)
    }

    fn source(&self, index: usize) -> &str {
        self.inner.source(index)
    }

    fn group(&self, index: usize) -> &str {
        self.inner.group(index)
    }

    fn id(&self, index: usize) -> String {
        self.inner.id(index)
    }

    fn attribute(&self, index: usize, column: &str) -> Option<&str> {
        self.inner.attribute(index, column)
    }
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
