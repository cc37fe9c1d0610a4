//! The one diverging colour map: blue − white + red.

use image::Rgb;

/// Colours at `t = 0, 1/8, … 1`.
///
/// Red and blue are mirror images in OKLab (Ottosson 2020): lightness `1 − 0.66·t`, one chroma (up
/// to 0.14) and the hues 27° and 257°. So equal magnitudes look equally strong, in gray print too.
const POSITIVE: [[u8; 3]; 9] = [
    [255, 255, 255],
    [252, 219, 215],
    [247, 182, 174],
    [241, 144, 133],
    [222, 112, 101],
    [194, 86, 77],
    [166, 61, 54],
    [138, 35, 31],
    [102, 23, 20],
];
/// Colours at `t = 0, −1/8, … −1`.
const NEGATIVE: [[u8; 3]; 9] = [
    [255, 255, 255],
    [212, 229, 253],
    [169, 203, 251],
    [125, 177, 250],
    [90, 150, 234],
    [65, 124, 206],
    [40, 99, 179],
    [12, 75, 152],
    [7, 54, 112],
];

/// The colour of `t` in `[-1, 1]`: white at 0, dark red at 1, dark blue at −1; values beyond take
/// the end's colour.
///
/// # Panics
/// If `t` is NaN.
///
/// # Example
/// ```
/// # use isnet_picture::{Rgb, diverging};
/// assert_eq!(diverging(0.0), Rgb([255, 255, 255]));
/// let Rgb([red, _, blue]) = diverging(0.5);
/// assert!(red > blue);
/// ```
pub fn diverging(t: f32) -> Rgb<u8> {
    assert!(!t.is_nan(), "a colour is asked for NaN");
    let stops = if t < 0.0 { &NEGATIVE } else { &POSITIVE };
    let place = t.abs().min(1.0) * (stops.len() - 1) as f32;
    let below = (place as usize).min(stops.len() - 2);
    let part = place - below as f32;
    Rgb(std::array::from_fn(|channel| {
        let (low, high) = (f32::from(stops[below][channel]), f32::from(stops[below + 1][channel]));
        (low + (high - low) * part).round() as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::diverging;
    use image::Rgb;

    /// OKLab of an sRGB colour: lightness, green to red, blue to yellow.
    fn oklab(Rgb(channels): Rgb<u8>) -> [f64; 3] {
        let [r, g, b] = channels.map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    #[test]
    fn zero_is_white_from_both_sides() {
        for zero in [0.0, -0.0] {
            assert_eq!(diverging(zero), Rgb([255, 255, 255]));
        }
    }

    #[test]
    fn opposite_values_are_equally_light_and_colourful() {
        for step in 0..=100_u8 {
            let t = f32::from(step) / 100.0;
            let ([l_red, a_red, b_red], [l_blue, a_blue, b_blue]) = (oklab(diverging(t)), oklab(diverging(-t)));
            assert!((l_red - l_blue).abs() < 0.01, "lightness {l_red} and {l_blue} at ±{t}");
            assert!((a_red.hypot(b_red) - a_blue.hypot(b_blue)).abs() < 0.01, "chroma at ±{t}");
        }
    }

    #[test]
    fn stronger_is_darker() {
        for sign in [-1.0, 1.0] {
            for step in 0..40_u8 {
                let at = |step: u8| oklab(diverging(sign * f32::from(step) / 40.0))[0];
                assert!(at(step + 1) < at(step), "step {step} of sign {sign}");
            }
        }
    }

    #[test]
    fn values_beyond_the_range_take_the_end() {
        assert_eq!((diverging(7.0), diverging(f32::NEG_INFINITY)), (diverging(1.0), diverging(-1.0)));
    }
}
