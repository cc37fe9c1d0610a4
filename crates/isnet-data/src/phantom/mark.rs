//! Burned-in marks: small white signs on the film, outside the lungs.

use super::canvas::{Canvas, Point};

/// A sign of 7 × 7 cells: one row a byte, the leftmost cell in bit 6.
pub(super) type Sign = [u8; 7];

/// Where on the film a sign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Corner {
    UpperLeft,
    UpperRight,
    LowerLeft,
    LowerRight,
}

impl Corner {
    /// The middle of a sign in this corner, in picture coordinates.
    pub fn center(self) -> Point {
        match self {
            Self::UpperLeft => Point::new(-0.76, -0.80),
            Self::UpperRight => Point::new(0.76, -0.80),
            Self::LowerLeft => Point::new(-0.76, 0.83),
            Self::LowerRight => Point::new(0.76, 0.83),
        }
    }
}

/// Half the side of a sign, in picture coordinates: a sign is about a seventh of the picture wide.
pub(super) const HALF_SIDE: f32 = 0.15;

/// Draws `sign` with its middle at `center`: blends to `brightness` where the sign is set, with soft edges.
///
/// Pixels whose lung `depth` is positive are left as they are.
pub(super) fn draw_sign(sign: &Sign, center: Point, brightness: f32, depth: &Canvas, film: &mut Canvas) {
    let side = film.pixel_side();
    film.for_each_near(center, HALF_SIDE + side, |pixel, at, value| {
        if depth.values[pixel] <= 0.0 {
            let coverage = coverage(sign, at.shifted(-center.x, -center.y), side);
            *value += coverage * (brightness - *value);
        }
    });
}

/// The share of the pixel around `at` (from the sign's middle) that is set, from 4 × 4 probes.
fn coverage(sign: &Sign, at: Point, side: f32) -> f32 {
    let probes = (0..16).filter(|probe| {
        let probe_at = |k: i32| (k as f32 - 1.5) / 4.0 * side;
        is_set(sign, at.shifted(probe_at(probe % 4), probe_at(probe / 4)))
    });
    probes.count() as f32 / 16.0
}

fn is_set(sign: &Sign, at: Point) -> bool {
    let cell = |at: f32| ((at + HALF_SIDE) / (2.0 * HALF_SIDE) * 7.0).floor() as i32;
    let (column, row) = (cell(at.x), cell(at.y));
    let inside = (0..7).contains(&column) && (0..7).contains(&row);
    inside && sign[row as usize] >> (6 - column) & 1 == 1
}

/// The letters, shapes and stripes, as they look on the film.
pub(super) mod signs {
    use super::Sign;

    pub const L: Sign = [0b1100000, 0b1100000, 0b1100000, 0b1100000, 0b1100000, 0b1111110, 0b1111110];
    pub const R: Sign = [0b1111100, 0b1100110, 0b1100110, 0b1111100, 0b1111000, 0b1101100, 0b1100110];
    pub const T: Sign = [0b1111111, 0b1111111, 0b0011100, 0b0011100, 0b0011100, 0b0011100, 0b0011100];
    pub const SQUARE: Sign = [0b1111111; 7];
    pub const TRIANGLE: Sign = [0b0001000, 0b0001000, 0b0011100, 0b0011100, 0b0111110, 0b0111110, 0b1111111];
    pub const RING: Sign = [0b0011100, 0b0111110, 0b1100011, 0b1100011, 0b1100011, 0b0111110, 0b0011100];
    pub const BARS_ACROSS: Sign = [0b1111111, 0b1111111, 0, 0, 0, 0b1111111, 0b1111111];
    pub const BARS_UPRIGHT: Sign = [0b1100011; 7];
    pub const SLASH: Sign = [0b0000011, 0b0000111, 0b0001110, 0b0011100, 0b0111000, 0b1110000, 0b1100000];
    pub const PLUS: Sign = [0b0001000, 0b0001000, 0b0001000, 0b1111111, 0b0001000, 0b0001000, 0b0001000];
    pub const RULER: Sign = [0b1111111, 0b0000001, 0b0000111, 0b0000001, 0b0000111, 0b0000001, 0b1111111];
    pub const DOTS: Sign = [0, 0b1100011, 0b1100011, 0, 0b1100011, 0b1100011, 0];
    pub const DASH: Sign = [0, 0, 0, 0b1111111, 0b1111111, 0, 0];
    pub const X: Sign = [0b1100011, 0b0110110, 0b0011100, 0b0001000, 0b0011100, 0b0110110, 0b1100011];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_square_covers_its_own_area() {
        let outside = Canvas::from_fn(64, |_| -1.0);
        let mut film = Canvas::from_fn(64, |_| 0.0);
        draw_sign(&signs::SQUARE, Point::new(0.1, -0.2), 1.0, &outside, &mut film);
        let pixels = (2.0 * HALF_SIDE / film.pixel_side()).powi(2);
        assert!((film.values.iter().sum::<f32>() - pixels).abs() < 0.1 * pixels);
    }

    #[test]
    fn a_sign_spares_the_lung() {
        let lung = Canvas::from_fn(64, |at| at.x);
        let mut film = Canvas::from_fn(64, |_| 0.0);
        draw_sign(&signs::SQUARE, Point::new(0.0, 0.0), 1.0, &lung, &mut film);
        assert!(film.values[31 * 64 + 30] > 0.9);
        assert_eq!(film.values[31 * 64 + 33], 0.0);
    }

    #[test]
    fn the_letter_l_stands_upright() {
        let outside = Canvas::from_fn(64, |_| -1.0);
        let mut film = Canvas::from_fn(64, |_| 0.0);
        draw_sign(&signs::L, Point::new(0.0, 0.0), 1.0, &outside, &mut film);
        assert!(film.values[28 * 64 + 28] > 0.9, "stem on the left");
        assert!(film.values[35 * 64 + 34] > 0.9, "foot at the bottom");
        assert_eq!(film.values[28 * 64 + 34], 0.0, "nothing at the upper right");
    }
}
