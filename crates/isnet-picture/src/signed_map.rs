//! Signed values as colours on a symmetric range.

use image::RgbImage;

use crate::PictureError;
use crate::color_map::diverging;
use crate::photo::check_finite;

/// Which value gets the darkest colour. The range is always symmetric, so that zero stays white.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Range {
    /// `±max |v|`: nothing is cut off.
    #[default]
    Max,
    /// The given percentile of `|v|`, over 0 up to 100; a few outliers do not pale the rest. Values
    /// beyond take the darkest colour.
    Percentile(f64),
    /// A range that several maps share, finite and over 0. Values beyond take the darkest colour.
    Fixed(f32),
}

/// A signed map: its colours, and the range that gives them their meaning.
#[derive(Clone, Debug)]
pub struct SignedMap {
    /// One pixel per value.
    pub picture: RgbImage,
    /// The value of the darkest colour; 0 if all values are.
    pub limit: f32,
    /// Whether values lie beyond the limit.
    pub saturated: bool,
    /// Values over the limit, `[H, W]`, cut to `[-1, 1]`.
    pub(crate) strength: Vec<f32>,
}

/// Colours signed values: white at zero, red above, blue below.
///
/// # Shapes
/// - `values`: `[H, W]`, such as relevance summed over the channels
///
/// # Errors
/// [`PictureError::Size`] for another number of values, [`PictureError::NonFinite`] for one that is
/// none, [`PictureError::Range`] for a percentile outside `(0, 100]` or a fixed limit that is not
/// over 0.
///
/// # Example
/// ```
/// # use isnet_picture::{Range, Rgb, diverging, signed_map};
/// let map = signed_map(&[4.0, 0.0, -2.0], 1, 3, Range::Max)?;
/// assert_eq!(map.limit, 4.0);
/// assert_eq!(map.picture.get_pixel(1, 0), &Rgb([255, 255, 255]));
/// assert_eq!(map.picture.get_pixel(2, 0), &diverging(-0.5));
/// # Ok::<(), isnet_picture::PictureError>(())
/// ```
pub fn signed_map(values: &[f32], h: usize, w: usize, range: Range) -> Result<SignedMap, PictureError> {
    if h * w == 0 || values.len() != h * w {
        let expected = format!("{}, and at least one pixel", h * w);
        return Err(PictureError::Size { what: "the relevance", h, w, expected, got: values.len() });
    }
    check_finite("the relevance", values, 1, w)?;
    let limit = limit(values, range)?;
    let strength: Vec<f32> = values.iter().map(|&value| strength(value, limit)).collect();
    Ok(SignedMap {
        picture: RgbImage::from_fn(w as u32, h as u32, |x, y| diverging(strength[y as usize * w + x as usize])),
        limit,
        saturated: values.iter().any(|value| value.abs() > limit),
        strength,
    })
}

impl SignedMap {
    /// The marks of the scale, left to right: `["-0.031", "0", "+0.031"]`, with `≤` and `≥` where
    /// values lie beyond.
    pub fn marks(&self) -> [String; 3] {
        let number = three_digits(self.limit);
        let (below, above) = if self.saturated { ("≤", "≥") } else { ("", "") };
        [format!("{below}-{number}"), "0".to_owned(), format!("{above}+{number}")]
    }
}

fn limit(values: &[f32], range: Range) -> Result<f32, PictureError> {
    let mut magnitudes: Vec<f32> = values.iter().map(|value| value.abs()).collect();
    match range {
        Range::Max => Ok(magnitudes.into_iter().fold(0.0, f32::max)),
        Range::Percentile(percent) if percent > 0.0 && percent <= 100.0 => {
            let rank = (percent / 100.0 * magnitudes.len() as f64).ceil() as usize;
            let place = rank.clamp(1, magnitudes.len()) - 1;
            Ok(*magnitudes.select_nth_unstable_by(place, f32::total_cmp).1)
        }
        Range::Percentile(got) => {
            Err(PictureError::Range { what: "the percentile", expected: "over 0 and at most 100", got })
        }
        Range::Fixed(limit) if limit > 0.0 && limit.is_finite() => Ok(limit),
        Range::Fixed(got) => {
            Err(PictureError::Range { what: "the limit", expected: "a finite number over 0", got: f64::from(got) })
        }
    }
}

/// `value / limit`, cut to `[-1, 1]`; zero stays zero, whatever the limit.
fn strength(value: f32, limit: f32) -> f32 {
    if value == 0.0 { 0.0 } else { (value / limit).clamp(-1.0, 1.0) }
}

/// A number of three digits: `0.0312`, `12.5`, `1500`, `3.10e-7`.
fn three_digits(value: f32) -> String {
    let scientific = format!("{value:.2e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0);
    match exponent {
        _ if value == 0.0 => "0".to_owned(),
        -4..=5 => format!("{value:.*}", (2 - exponent).max(0) as usize),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, signed_map, three_digits};
    use crate::diverging;
    use image::Rgb;

    #[test]
    fn zero_stays_white_beside_any_outlier() {
        let map = signed_map(&[0.0, -1e30, -0.0, 1e-30], 2, 2, Range::Max).unwrap();
        let whites = map.picture.pixels().filter(|pixel| **pixel == Rgb([255; 3])).count();
        assert_eq!(whites, 3);
    }

    #[test]
    fn the_range_is_symmetric_however_lopsided_the_values() {
        let map = signed_map(&[-8.0, 2.0, 4.0, 1.0], 2, 2, Range::Max).unwrap();
        assert_eq!((map.limit, map.saturated), (8.0, false));
        assert_eq!(map.picture.get_pixel(1, 0), &diverging(0.25));
    }

    #[test]
    fn a_percentile_cuts_off_outliers_and_says_so() {
        let mut values = vec![1.0; 99];
        values.push(-50.0);
        let map = signed_map(&values, 10, 10, Range::Percentile(99.0)).unwrap();
        assert_eq!((map.limit, map.saturated), (1.0, true));
        assert_eq!(map.marks(), ["≤-1.00", "0", "≥+1.00"]);
        let sparse = signed_map(&[0.0, 0.0, 0.0, 3.0], 2, 2, Range::Percentile(50.0)).unwrap();
        assert_eq!((sparse.limit, sparse.picture.get_pixel(1, 1)), (0.0, &diverging(1.0)));
    }

    #[test]
    fn maps_of_one_fixed_range_can_be_compared() {
        for factor in [1.0, 3.0] {
            let map = signed_map(&[factor], 1, 1, Range::Fixed(4.0)).unwrap();
            assert_eq!(map.picture.get_pixel(0, 0), &diverging(factor / 4.0));
        }
    }

    #[test]
    fn no_relevance_is_all_white() {
        let map = signed_map(&[0.0; 6], 2, 3, Range::Max).unwrap();
        assert!(map.picture.pixels().all(|pixel| *pixel == Rgb([255; 3])));
        assert_eq!((map.limit, map.saturated), (0.0, false));
    }

    #[test]
    fn wrong_values_and_ranges_are_explained() {
        let message = |values: &[f32], range| signed_map(values, 2, 2, range).unwrap_err().to_string();
        assert!(message(&[0.0; 3], Range::Max).contains("has 3 values for 2 x 2 pixels"));
        assert!(message(&[0.0, 0.0, 0.0, f32::INFINITY], Range::Max).contains("row 1, column 1"));
        assert!(message(&[0.0; 4], Range::Percentile(0.0)).contains("over 0 and at most 100, got 0"));
        assert!(message(&[0.0; 4], Range::Fixed(f32::NAN)).contains("a finite number over 0, got NaN"));
    }

    #[test]
    fn numbers_have_three_digits() {
        let check = |value: f32, expected: &str| assert_eq!(three_digits(value), expected);
        check(0.0, "0");
        check(0.031_24, "0.0312");
        check(0.000_999_9, "0.00100");
        check(9.999, "10.0");
        check(1_500.0, "1500");
        check(3.1e-7, "3.10e-7");
    }
}
