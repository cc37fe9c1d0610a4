//! Opacities: the sign of disease, inside the lungs and nowhere else.
//!
//! `clear` lungs have none, `diffuse` ones many small grains and a light haze in both lungs, `focal` ones one to three
//! cloudy patches. Strength and number overlap with what vessels and ribs do, so one bright pixel proves nothing.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::anatomy::Anatomy;
use super::canvas::{Canvas, Point, smooth_step};

/// A soft round spot of added density.
#[derive(Debug)]
struct Opacity {
    center: Point,
    radius: f32,
    strength: f32,
}

/// The kinds of lungs; the label of a phantom is an index into [`Disease::ALL`], named by [`super::CLASSES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disease {
    Clear,
    Diffuse,
    Focal,
}

impl Disease {
    pub const ALL: [Self; 3] = [Self::Clear, Self::Diffuse, Self::Focal];

    /// Adds this disease to `density`, only where the lung's `depth` is positive.
    pub fn draw(self, anatomy: &Anatomy, depth: &Canvas, density: &mut Canvas, rng: &mut ChaCha8Rng) {
        match self {
            Self::Clear => {}
            Self::Focal => {
                for _ in 0..rng.random_range(1..=3) {
                    for opacity in patch(anatomy, rng) {
                        opacity.draw(depth, density);
                    }
                }
            }
            Self::Diffuse => {
                haze(rng.random_range(0.01..0.04), depth, density);
                for _ in 0..rng.random_range(60..110) {
                    grain(anatomy, rng).draw(depth, density);
                }
            }
        }
    }
}

impl Opacity {
    fn draw(&self, depth: &Canvas, density: &mut Canvas) {
        density.for_each_near(self.center, 2.5 * self.radius, |pixel, at, value| {
            let away = at.distance(self.center) / self.radius;
            *value += self.strength * in_lung(depth.values[pixel]) * libm::expf(-away * away);
        });
    }
}

/// A cloudy patch: a few overlapping spots around one place.
fn patch(anatomy: &Anatomy, rng: &mut ChaCha8Rng) -> Vec<Opacity> {
    let radius: f32 = rng.random_range(0.11..0.17);
    let strength: f32 = rng.random_range(0.12..0.19);
    let place = anatomy.random_place(radius * 0.6, rng);
    let mut spot = || Opacity {
        center: place.shifted(radius * rng.random_range(-0.7..0.7), radius * rng.random_range(-0.7..0.7)),
        radius: radius * rng.random_range(0.6..1.1),
        strength: strength * rng.random_range(0.6..1.2),
    };
    (0..4).map(|_| spot()).collect()
}

fn grain(anatomy: &Anatomy, rng: &mut ChaCha8Rng) -> Opacity {
    Opacity {
        center: anatomy.random_place(0.02, rng),
        radius: rng.random_range(0.028..0.045),
        strength: rng.random_range(0.11..0.18),
    }
}

fn haze(strength: f32, depth: &Canvas, density: &mut Canvas) {
    density.for_each(|pixel, _, value| *value += strength * in_lung(depth.values[pixel]));
}

/// 0 outside the lung, 1 a little below its surface: disease fades before the edge.
fn in_lung(depth: f32) -> f32 {
    smooth_step(0.0, 0.05, depth)
}
