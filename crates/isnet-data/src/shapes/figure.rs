//! The four shapes, each a formula: a circle, or a star of `n` tips.
//!
//! A star has its tips at distance `R` and the notches between them at `q·R`. With `q = cos(π/n)` the notches lie on the
//! straight line between the tips: a regular polygon. Its area is `n·q·sin(π/n)·R²`, from which `R` follows, since all
//! shapes have the area of the unit circle.

use std::f32::consts::PI;

use libm::{cosf, sinf};

/// One of the shapes, around the origin, with the area of the unit circle: `π`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Circle,
    Square,
    Star,
    Triangle,
}

/// How far any shape reaches from its middle: the tips of the triangle, `√(4π / 3√3)`.
pub(super) const REACH: f32 = 1.556;

/// How deep the notches of a star with five tips are; those of a pentagram would be at 0.382.
const STAR_NOTCH: f32 = 0.45;

impl Figure {
    /// All of them, by class.
    pub const ALL: [Self; 4] = [Self::Circle, Self::Square, Self::Star, Self::Triangle];

    /// Whether a point belongs to the shape.
    pub fn shape(self) -> Box<dyn Fn([f32; 2]) -> bool> {
        match self {
            Self::Circle => Box::new(|[x, y]| x * x + y * y <= 1.0),
            Self::Square => star(4, cosf(PI / 4.0)),
            Self::Star => star(5, STAR_NOTCH),
            Self::Triangle => star(3, cosf(PI / 3.0)),
        }
    }
}

/// The star whose first tip points to the right.
fn star(tips: usize, notch: f32) -> Box<dyn Fn([f32; 2]) -> bool> {
    let half = PI / tips as f32;
    let reach = (half / (notch * sinf(half))).sqrt();
    let directions: Vec<[f32; 2]> = (0..tips).map(|k| 2.0 * half * k as f32).map(|a| [cosf(a), sinf(a)]).collect();
    let edge = [reach * (notch * cosf(half) - 1.0), reach * notch * sinf(half)];
    Box::new(move |[x, y]| {
        // Along the nearest tip and aside from it: mirrored, a point has but one edge to lie within.
        let along = directions.iter().map(|[cos, sin]| cos * x + sin * y).fold(f32::MIN, f32::max);
        let aside = (x * x + y * y - along * along).max(0.0).sqrt();
        edge[0] * aside - edge[1] * (along - reach) >= 0.0
    })
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    /// Share of a fine grid over `[−2, 2]²`, of area 16.
    fn area(figure: Figure) -> f32 {
        let (at, shape) = (|index: i32| (index as f32 + 0.5) / 100.0 - 2.0, figure.shape());
        let inside = (0..400 * 400).filter(|index| shape([at(index % 400), at(index / 400)]));
        inside.count() as f32 / 10_000.0
    }

    #[test]
    fn all_shapes_have_the_area_of_the_unit_circle() {
        for figure in Figure::ALL {
            assert!((area(figure) - PI).abs() < 0.02, "{figure:?} has {}", area(figure));
        }
    }

    #[test]
    fn a_square_is_straight_a_triangle_has_three_corners_and_a_star_has_notches() {
        let half_side = PI.sqrt() / 2.0; // (2a)² = π; a corner points to the right
        let side = |x: f32, y: f32| [(x - y) * half_side / 2.0_f32.sqrt(), (x + y) * half_side / 2.0_f32.sqrt()];
        let square = Figure::Square.shape();
        for t in [-0.99, -0.5, 0.0, 0.7] {
            assert!(square(side(0.99, t)) && !square(side(1.01, t)), "{t}");
        }
        let beams = |figure: Figure, at: f32| {
            let shape = figure.shape();
            let hit = |k: i32| shape([at * (k as f32 * PI / 180.0).cos(), at * (k as f32 * PI / 180.0).sin()]);
            (0..360).filter(|&k| hit(k) && !hit(k + 1)).count()
        };
        assert_eq!((beams(Figure::Triangle, 1.3), beams(Figure::Square, 1.1), beams(Figure::Star, 1.1)), (3, 4, 5));
    }

    #[test]
    fn no_shape_reaches_further_than_the_tips_of_the_triangle() {
        for figure in Figure::ALL {
            let shape = figure.shape();
            for k in 0..3600 {
                let angle = k as f32 * TAU / 3600.0;
                assert!(!shape([REACH * angle.cos(), REACH * angle.sin()]), "{figure:?} at {angle}");
            }
        }
        assert!(Figure::Triangle.shape()([REACH - 0.01, 0.0]));
    }
}
