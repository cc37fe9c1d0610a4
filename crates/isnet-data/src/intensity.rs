//! Which value of a file is black and which is white.
//!
//! Many cameras and scanners store 10, 12 or 14 bits in files of 16, whose brightest pixel is then at 1.6 %, 6 % or 25 %
//! of full. A network learns little from such images, and nothing says so.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::error::{DataError, Result};
use crate::manifest::Manifest;
use crate::read_image::read_image;
use crate::sample::Image;

/// Shares of the values of an image below black and above white in [`Intensity::Percentile`].
const TAILS: f64 = 0.005;

/// Images that are read to find the depth of a data set.
const MOST_READ: usize = 1000;

/// How the values of a file become [0, 1]. It belongs to the model, as the size does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Intensity {
    /// As stored: full (255, 65535) is 1.
    #[default]
    Stored,
    /// Values of 16-bit files are divided by the largest number of these bits, `2^bits − 1`; a value above is an error. Files of
    /// 8 bits are read as stored.
    ///
    /// One depth for a whole data set, found in its training images by [`Intensity::find_depth`]: an image that happens to be
    /// dark stays dark beside the others.
    Depth {
        /// 10, 12, 14 or 16.
        bits: u8,
    },
    /// By the image itself: half a percent of its values become 0, half a percent become 1, and the rest lies between them in a
    /// straight line. Brightness and contrast of an image then say nothing. An image without contrast stays as stored.
    Percentile,
}

impl std::fmt::Display for Intensity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stored => f.write_str("values as stored"),
            Self::Depth { bits } => write!(f, "values of {bits} bits"),
            Self::Percentile => f.write_str("values by percentiles"),
        }
    }
}

impl Intensity {
    /// [`Intensity::Depth`] with the fewest of 10, 12, 14 and 16 bits that hold all values of these records' 16-bit files; of many
    /// records, a thousand at equal distances are read. 16 bits if there are no such files.
    ///
    /// # Errors
    /// As [`read_image`].
    pub fn find_depth(manifest: &Manifest, records: &[usize]) -> Result<Self> {
        let brightest = |record: &usize| -> Result<f32> {
            let image = read_image(&manifest.records[*record].image)?;
            Ok(if image.sixteen_bit { image.pixels.iter().copied().fold(0.0, f32::max) } else { 0.0 })
        };
        let read: Vec<Result<f32>> = spread(records, MOST_READ).par_iter().map(brightest).collect();
        let mut largest = 0.0_f32;
        for brightest in read {
            largest = largest.max(brightest?);
        }
        Ok(Self::Depth { bits: if largest == 0.0 { 16 } else { bits_of(largest) } })
    }

    /// The pixels of an image by this rule.
    ///
    /// # Errors
    /// [`DataError::AboveDepth`].
    pub(crate) fn apply(self, image: &Image) -> Result<Cow<'_, [f32]>> {
        Ok(match self {
            Self::Depth { bits } if image.sixteen_bit => by_depth(&image.pixels, bits)?.into(),
            Self::Percentile => by_percentile(&image.pixels).into(),
            Self::Stored | Self::Depth { .. } => image.pixels.as_slice().into(),
        })
    }
}

/// The fewest bits in use that hold a value of a 16-bit file, given as a share of full.
pub(crate) fn bits_of(brightest: f32) -> u8 {
    let largest = (brightest * 65535.0).round() as u32;
    [10, 12, 14].into_iter().find(|&bits| largest < 1 << bits).unwrap_or(16)
}

/// At most `most` of the records, at equal distances.
pub(crate) fn spread(records: &[usize], most: usize) -> Vec<usize> {
    let kept = records.len().min(most);
    (0..kept).map(|index| records[index * records.len() / kept]).collect()
}

fn by_depth(pixels: &[f32], bits: u8) -> Result<Vec<f32>> {
    let largest = ((1_u32 << bits) - 1) as f32;
    let mut scaled = Vec::with_capacity(pixels.len());
    for &value in pixels {
        let stored = (value * 65535.0).round();
        if stored > largest {
            return Err(DataError::AboveDepth { value: stored as u32, bits });
        }
        scaled.push(stored / largest);
    }
    Ok(scaled)
}

fn by_percentile(pixels: &[f32]) -> Vec<f32> {
    let mut sorted = pixels.to_vec();
    let rank = |share: f64| ((sorted.len() - 1) as f64 * share).round() as usize;
    let (low, high) = (rank(TAILS), rank(1.0 - TAILS));
    let high = *sorted.select_nth_unstable_by(high, f32::total_cmp).1;
    let low = *sorted.select_nth_unstable_by(low, f32::total_cmp).1;
    if high <= low {
        return pixels.to_vec();
    }
    pixels.iter().map(|value| ((value - low) / (high - low)).clamp(0.0, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(values: &[f32], sixteen_bit: bool) -> Image {
        Image { sixteen_bit, ..Image::new(1, values.len(), 1, values.to_vec()) }
    }

    #[test]
    fn twelve_bits_in_sixteen_become_the_eight_bit_picture_and_eight_bits_stay() {
        let levels = [0_u16, 100, 4095];
        let deep = gray(&levels.map(|level| f32::from(level) / 65535.0), true);
        let scaled = Intensity::Depth { bits: 12 }.apply(&deep).unwrap();
        assert_eq!(*scaled, [0.0, 100.0 / 4095.0, 1.0]);
        assert_eq!(Intensity::Stored.apply(&deep).unwrap().into_owned(), deep.pixels);
        let shallow = gray(&[0.0, 0.01], false);
        assert_eq!(Intensity::Depth { bits: 12 }.apply(&shallow).unwrap().into_owned(), shallow.pixels);
    }

    #[test]
    fn a_value_above_the_depth_is_an_error_not_white() {
        let image = gray(&[4096.0 / 65535.0], true);
        let message = Intensity::Depth { bits: 12 }.apply(&image).unwrap_err().to_string();
        assert!(message.contains("above 4095, the largest of the 12 bits"), "{message}");
    }

    #[test]
    fn percentiles_stretch_the_image_and_leave_a_flat_one() {
        let ramp: Vec<f32> = (0..=1000).map(|value| 0.2 + 0.0001 * value as f32).collect();
        let stretched = Intensity::Percentile.apply(&gray(&ramp, false)).unwrap().into_owned();
        assert_eq!((stretched[0], stretched[5], stretched[995], stretched[1000]), (0.0, 0.0, 1.0, 1.0));
        assert!((stretched[500] - 0.5).abs() < 1e-3, "{}", stretched[500]);
        assert_eq!(Intensity::Percentile.apply(&gray(&[0.3; 4], false)).unwrap().into_owned(), [0.3; 4]);
    }

    #[test]
    fn the_depth_is_the_smallest_usual_one_that_holds_the_values() {
        let cases = [(0_u16, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16384, 16), (65535, 16)];
        for (level, bits) in cases {
            assert_eq!(bits_of(f32::from(level) / 65535.0), bits, "{level}");
        }
    }
}
