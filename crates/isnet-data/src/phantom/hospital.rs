//! Hospitals: how a film is exposed, framed and labelled there.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::canvas::{Canvas, Point};
use super::mark::{Corner, HALF_SIDE, Sign, draw_sign, signs};

/// One way of making a film. A value is `offset + gain · density^gamma`, plus noise.
#[derive(Debug)]
pub(super) struct Hospital {
    /// The `source` of its samples.
    pub name: &'static str,
    gain: f32,
    gamma: f32,
    offset: f32,
    /// Deviation of the noise of a pixel, in the range [0, 1] of a film.
    noise: f32,
    border: Border,
    /// A sign that every film of this hospital has, whatever its class.
    furniture: (Sign, Corner),
    /// Where the marks are burned in.
    mark_corner: Corner,
    /// Whether a mark stands on a black plate.
    plate: bool,
    /// The mark of each class.
    pub marks: [Sign; 3],
}

/// What surrounds the exposed field. Widths in picture coordinates.
#[derive(Debug)]
enum Border {
    /// Black on all sides.
    Frame(f32),
    /// Black at the left and right: the collimator.
    Curtains(f32),
    /// A bright line.
    Line(f32),
    /// Gray at top and bottom, with cut corners.
    Octagon(f32),
}

/// The hospitals of training, validation and the three tests.
pub(super) const KNOWN: [Hospital; 3] = [
    Hospital {
        name: "hospital_a",
        gain: 0.98,
        gamma: 1.0,
        offset: 0.02,
        noise: 0.016,
        border: Border::Frame(0.04),
        furniture: (signs::RULER, Corner::LowerRight),
        mark_corner: Corner::UpperLeft,
        plate: false,
        marks: [signs::L, signs::R, signs::T],
    },
    Hospital {
        name: "hospital_b",
        gain: 0.88,
        gamma: 1.25,
        offset: 0.05,
        noise: 0.021,
        border: Border::Curtains(0.08),
        furniture: (signs::DASH, Corner::UpperRight),
        mark_corner: Corner::LowerRight,
        plate: true,
        marks: [signs::SQUARE, signs::TRIANGLE, signs::RING],
    },
    Hospital {
        name: "hospital_c",
        gain: 0.92,
        gamma: 0.85,
        offset: 0.0,
        noise: 0.018,
        border: Border::Line(0.05),
        furniture: (signs::DOTS, Corner::LowerLeft),
        mark_corner: Corner::UpperRight,
        plate: false,
        marks: [signs::BARS_ACROSS, signs::BARS_UPRIGHT, signs::SLASH],
    },
];

/// The hospital that no training image comes from. Its mark is the same for all classes.
pub(super) const EXTERNAL: Hospital = Hospital {
    name: "hospital_external",
    gain: 0.84,
    gamma: 1.1,
    offset: 0.09,
    noise: 0.026,
    border: Border::Octagon(0.10),
    furniture: (signs::PLUS, Corner::LowerLeft),
    mark_corner: Corner::UpperRight,
    plate: false,
    marks: [signs::X; 3],
};

impl Hospital {
    /// Exposes `density`: a film with values around [0, 1], noisy, framed, with the furniture and without a mark.
    pub fn expose(&self, density: &Canvas, depth: &Canvas, rng: &mut ChaCha8Rng) -> Canvas {
        let gain = self.gain * rng.random_range(0.93..1.05);
        let gamma = self.gamma * rng.random_range(0.93..1.07);
        let offset = self.offset + rng.random_range(-0.015..0.015);
        let mut film = density.clone();
        film.for_each(|_, _, value| {
            *value = offset + gain * libm::powf(value.max(0.0), gamma) + self.noise * gaussian(rng);
        });
        film.for_each(|pixel, at, value| {
            if depth.values[pixel] <= 0.0 {
                *value = self.border.value(at).unwrap_or(*value);
            }
        });
        let (sign, corner) = &self.furniture;
        draw_sign(sign, jitter(corner.center(), rng), 0.80, depth, &mut film);
        film
    }

    /// Where marks stand, give or take a little.
    pub fn mark_center(&self) -> Point {
        self.mark_corner.center()
    }

    /// Burns the mark of `class` into the film.
    pub fn burn(&self, class: usize, depth: &Canvas, film: &mut Canvas, rng: &mut ChaCha8Rng) {
        let center = jitter(self.mark_center(), rng);
        let brightness = rng.random_range(0.92..1.0);
        if self.plate {
            film.for_each_near(center, HALF_SIDE * 1.1, |pixel, _, value| {
                if depth.values[pixel] <= 0.0 {
                    *value = 0.0;
                }
            });
        }
        draw_sign(&self.marks[class], center, brightness, depth, film);
    }
}

impl Border {
    /// The value of the border at `at`, if it is there.
    fn value(&self, at: Point) -> Option<f32> {
        let (x, y) = (at.x.abs(), at.y.abs());
        let (covered, value) = match *self {
            Self::Frame(width) => (x.max(y) > 1.0 - width, 0.0),
            Self::Curtains(width) => (x > 1.0 - width, 0.0),
            Self::Line(width) => (x.max(y) > 1.0 - width, 0.62),
            Self::Octagon(width) => (y > 1.0 - width || x + y > 1.75, 0.20),
        };
        covered.then_some(value)
    }
}

/// Nobody sticks a sign to the same place twice.
fn jitter(center: Point, rng: &mut ChaCha8Rng) -> Point {
    center.shifted(rng.random_range(-0.025..0.025), rng.random_range(-0.025..0.025))
}

/// A number with mean 0 and deviation 1 (the sum of four uniform ones; its tails end at ±3.5, enough for film grain).
fn gaussian(rng: &mut ChaCha8Rng) -> f32 {
    let bits = rng.random::<u64>();
    let sum: f32 = (0..4).map(|k| (bits >> (16 * k) & 0xffff) as f32 / 65_535.0).sum();
    (sum - 2.0) * 3.0_f32.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;

    #[test]
    fn the_grain_of_the_film_has_mean_zero_and_deviation_one() {
        let mut rng = stream(5, &[]);
        let draws: Vec<f32> = (0..20_000).map(|_| gaussian(&mut rng)).collect();
        let mean = draws.iter().sum::<f32>() / 20_000.0;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn marks_differ_between_classes_and_the_external_hospital_has_one_for_all() {
        for hospital in &KNOWN {
            let [first, second, third] = hospital.marks;
            assert!(first != second && second != third && first != third, "{}", hospital.name);
        }
        assert!(EXTERNAL.marks.iter().all(|mark| *mark == EXTERNAL.marks[0]));
    }
}
