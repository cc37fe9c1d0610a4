//! Burned-in marks: small white signs on the film, outside the lungs.

use super::canvas::{Canvas, Point};
use crate::mark::sign::{coverage, is_set};

pub(super) use crate::mark::sign::Sign;

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
            let from_middle = at.shifted(-center.x, -center.y);
            let covered = coverage([from_middle.x, from_middle.y], side, |at| is_set(sign, at, HALF_SIDE));
            *value += covered * (brightness - *value);
        }
    });
}

/// The letters, shapes and stripes, as they look on the film.
pub(super) mod signs {
    use super::Sign;
    use crate::mark::sign::letter;

    pub const L: Sign = capital('L');
    pub const R: Sign = capital('R');
    pub const T: Sign = capital('T');
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
    pub const X: Sign = capital('X');

    const fn capital(name: char) -> Sign {
        *letter(name).expect("a capital letter")
    }
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
