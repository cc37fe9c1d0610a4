//! One person: body outline, two lungs, heart, spine, ribs, collarbones, vessels; drawn as density, 0 air, about 1 bone.
//!
//! The shapes are written once, upright and in the middle, and seen through a [`Pose`]. The lung's edge is a formula,
//! so the mask is exact: a pixel is lung if its centre has a positive [`Anatomy::lung_depth`].

use libm::{cosf, sinf};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::canvas::{Canvas, Point, length, smooth_step};

/// How the person stands in the picture.
#[derive(Debug)]
struct Pose {
    shift: Point,
    scale: f32,
    sin: f32,
    cos: f32,
}

/// One lung. `side` mirrors it: −1 is the left of the picture. Lengths are those of the upright person.
#[derive(Debug)]
struct Lung {
    side: f32,
    apex: Point,
    inner: f32,
    outer: f32,
    base: f32,
    dome: f32,
    bulge: f32,
    bulge_phase: f32,
}

/// A vessel: a thin stretch of density that starts at the root of the lung.
#[derive(Debug)]
struct Vessel {
    from: Point,
    to: Point,
    width: f32,
    strength: f32,
}

/// The shapes of one person.
#[derive(Debug)]
pub(super) struct Anatomy {
    pose: Pose,
    body_half_width: f32,
    lungs: [Lung; 2],
    heart: Point,
    heart_radius: f32,
    air: f32,
    rib_spacing: f32,
    rib_slope: f32,
    rib_strength: f32,
    vessels: Vec<Vessel>,
    tissue: [[f32; TISSUE]; TISSUE],
}

/// Knots per side of the smooth field that makes tissue uneven.
const TISSUE: usize = 9;

impl Anatomy {
    /// Draws a person.
    pub fn random(rng: &mut ChaCha8Rng) -> Self {
        let tilt: f32 = rng.random_range(-0.05..0.05);
        let pose = Pose {
            shift: Point::new(rng.random_range(-0.04..0.04), rng.random_range(-0.03..0.03)),
            scale: rng.random_range(0.94..1.04),
            sin: sinf(tilt),
            cos: cosf(tilt),
        };
        let inspiration: f32 = rng.random_range(-1.0..1.0);
        let breadth: f32 = rng.random_range(0.60..0.68);
        let mut anatomy = Self {
            body_half_width: breadth + rng.random_range(0.14..0.22),
            lungs: [-1.0, 1.0].map(|side| Lung::random(side, breadth, inspiration, rng)),
            heart: Point::new(rng.random_range(0.09..0.16), rng.random_range(0.14..0.24)),
            heart_radius: rng.random_range(0.22..0.29),
            air: 0.38 + 0.03 * inspiration + rng.random_range(-0.03..0.03),
            rib_spacing: rng.random_range(0.17..0.21),
            rib_slope: rng.random_range(0.25..0.5),
            rib_strength: rng.random_range(0.03..0.07),
            vessels: Vec::new(),
            tissue: std::array::from_fn(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0))),
            pose,
        };
        anatomy.vessels = (0..22).map(|_| anatomy.random_vessel(rng)).collect();
        anatomy
    }

    /// How deep `at` (picture coordinates) lies inside a lung: positive inside, about 0.25 in the middle.
    pub fn lung_depth(&self, at: Point) -> f32 {
        let at = self.pose.upright(at);
        let inside = self.lungs[0].depth(at).max(self.lungs[1].depth(at));
        // The corner between heart and diaphragm is not lung: the heart's shadow reaches down to the floor.
        let widest = self.heart.y + 0.23 * self.heart_radius;
        inside.min(-self.heart_depth(Point::new(at.x, at.y.min(widest))))
    }

    /// The density of everybody's organs, at the pixels of a picture whose lung depths are `depth`.
    pub fn density(&self, depth: &Canvas) -> Canvas {
        let mut density = depth.clone();
        density.for_each(|_, at, value| *value = self.density_at(at, *value));
        for vessel in &self.vessels {
            vessel.draw(depth, &mut density);
        }
        density
    }

    /// A place inside a lung, at least `margin` from its edge where the lung has such a place.
    pub fn random_place(&self, margin: f32, rng: &mut ChaCha8Rng) -> Point {
        let mut best = (f32::NEG_INFINITY, Point::new(0.0, 0.0));
        let side = if rng.random() { 1.0 } else { -1.0 };
        for _ in 0..40 {
            let x = side * rng.random_range(0.12..0.70);
            let at = self.pose.picture(Point::new(x, rng.random_range(-0.7..0.55)));
            let depth = self.lung_depth(at);
            if depth >= margin {
                return at;
            }
            if depth > best.0 {
                best = (depth, at);
            }
        }
        best.1
    }

    fn density_at(&self, at: Point, lung_depth: f32) -> f32 {
        let tissue = self.tissue_at(at);
        let at = self.pose.upright(at);
        let side = at.x.abs();
        let neck = smooth_step(-1.02, -0.62, at.y);
        let width = 0.24 + (self.body_half_width - 0.24) * neck + 0.05 * smooth_step(0.3, 1.0, at.y);
        let body = smooth_step(0.0, 0.07, width - side);
        let round = (1.0 - (side / width).powi(2)).max(0.0).sqrt();
        let belly = 0.14 * smooth_step(0.35, 0.8, at.y);
        let vertebra = 0.85 + 0.15 * sinf(at.y * 38.0);
        let spine = 0.13 * vertebra * bell(at.x / 0.085);
        let middle = 0.10 * bell((at.x / 0.17).powi(2));
        let heart = 0.15 * smooth_step(0.0, 0.08, self.heart_depth(at));
        let air = self.air * smooth_step(-0.01, 0.10, lung_depth);
        let organs = 0.44 + 0.16 * round + belly + spine + middle + heart - air;
        body * (organs + self.bones_at(at) + 0.025 * tissue)
    }

    fn bones_at(&self, at: Point) -> f32 {
        let side = at.x.abs();
        let ends = smooth_step(0.05, 0.15, side) * smooth_step(0.80, 0.72, side);
        let height = smooth_step(-0.78, -0.66, at.y) * smooth_step(0.62, 0.45, at.y);
        let along = at.y - self.rib_slope * (side - 0.3).powi(2) * 2.0;
        let wave = cosf(along / self.rib_spacing * std::f32::consts::TAU).max(0.0);
        let mirrored = Point::new(side, at.y);
        let collarbone = mirrored.distance_to_segment(Point::new(0.10, -0.60), Point::new(0.66, -0.76));
        self.rib_strength * wave * wave * ends * height + 0.09 * smooth_step(0.05, 0.02, collarbone)
    }

    fn heart_depth(&self, at: Point) -> f32 {
        let (dx, dy) = (at.x - self.heart.x, at.y - self.heart.y);
        // The long axis points down and to the person's left, which is the right of the picture.
        let (long, short) = (0.80 * dx + 0.60 * dy, 0.80 * dy - 0.60 * dx);
        self.heart_radius - length(long / 1.25, short)
    }

    fn tissue_at(&self, at: Point) -> f32 {
        let knot = |at: f32| ((at + 1.0) / 2.0).clamp(0.0, 0.999) * (TISSUE - 1) as f32;
        let (x, y) = (knot(at.x), knot(at.y));
        let (column, row) = (x as usize, y as usize);
        let (dx, dy) = (smooth_step(0.0, 1.0, x.fract()), smooth_step(0.0, 1.0, y.fract()));
        let across = |row: &[f32; TISSUE]| row[column] + (row[column + 1] - row[column]) * dx;
        let (above, below) = (across(&self.tissue[row]), across(&self.tissue[row + 1]));
        above + (below - above) * dy
    }

    fn random_vessel(&self, rng: &mut ChaCha8Rng) -> Vessel {
        let side: f32 = if rng.random() { 1.0 } else { -1.0 };
        let from = Point::new(side * 0.15, rng.random_range(-0.12..0.06));
        let (angle, length): (f32, f32) = (rng.random_range(-1.3..1.3), rng.random_range(0.2..0.5));
        let to = from.shifted(side * length * cosf(angle), length * sinf(angle));
        Vessel {
            from: self.pose.picture(from),
            to: self.pose.picture(to),
            width: rng.random_range(0.015..0.035),
            strength: rng.random_range(0.03..0.09),
        }
    }
}

impl Lung {
    fn random(side: f32, breadth: f32, inspiration: f32, rng: &mut ChaCha8Rng) -> Self {
        // The liver lifts the floor of the person's right lung, on the left of the picture.
        let liver = if side < 0.0 { 0.06 } else { 0.0 };
        Self {
            side,
            apex: Point::new(rng.random_range(0.25..0.31), rng.random_range(-0.72..-0.64)),
            inner: rng.random_range(0.11..0.15),
            outer: breadth + rng.random_range(-0.02..0.02),
            base: 0.47 - liver + 0.03 * inspiration + rng.random_range(-0.03..0.03),
            dome: rng.random_range(0.10..0.17),
            bulge: rng.random_range(0.0..0.025),
            bulge_phase: rng.random_range(0.0..std::f32::consts::TAU),
        }
    }

    /// The least of the distances to the inner and outer wall, to the diaphragm and to the height of the apex.
    fn depth(&self, at: Point) -> f32 {
        let x = at.x * self.side;
        let below = at.y - self.apex.y;
        let rise = |length: f32| {
            let left = (1.0 - below / length).clamp(0.0, 1.0);
            (1.0 - left * left).sqrt()
        };
        let bulge = self.bulge * sinf(6.0 * at.y + self.bulge_phase);
        let outer = self.apex.x + (self.outer + bulge - self.apex.x) * rise(0.75);
        let inner = self.apex.x - (self.apex.x - self.inner) * rise(0.25);
        let (middle, half) = ((self.inner + self.outer) / 2.0, (self.outer - self.inner) / 2.0);
        // The dome falls towards the ribs; towards the heart it stays high.
        let from_top = ((x - middle + 0.04) / half).max(-0.35);
        let floor = self.base - self.dome * (1.0 - from_top * from_top);
        (x - inner).min(outer - x).min(floor.min(self.base) - at.y).min(below)
    }
}

impl Vessel {
    fn draw(&self, depth: &Canvas, density: &mut Canvas) {
        let middle = Point::new((self.from.x + self.to.x) / 2.0, (self.from.y + self.to.y) / 2.0);
        let reach = self.from.distance(self.to) / 2.0 + 3.0 * self.width;
        density.for_each_near(middle, reach, |pixel, at, value| {
            if depth.values[pixel] <= 0.0 {
                return;
            }
            let away = at.distance_to_segment(self.from, self.to) / self.width;
            let taper = 1.0 - 0.7 * at.distance(self.from) / self.from.distance(self.to);
            let inside = smooth_step(0.0, 0.05, depth.values[pixel]);
            *value += self.strength * taper.max(0.0) * inside * bell(away);
        });
    }
}

/// `exp(−x²)`, and 0 where that is less than a gray level could show.
fn bell(x: f32) -> f32 {
    if x.abs() < 3.0 { libm::expf(-x * x) } else { 0.0 }
}

impl Pose {
    fn upright(&self, picture: Point) -> Point {
        let (x, y) = ((picture.x - self.shift.x) / self.scale, (picture.y - self.shift.y) / self.scale);
        Point::new(self.cos * x + self.sin * y, self.cos * y - self.sin * x)
    }

    fn picture(&self, upright: Point) -> Point {
        let (x, y) = (self.cos * upright.x - self.sin * upright.y, self.sin * upright.x + self.cos * upright.y);
        Point::new(x * self.scale + self.shift.x, y * self.scale + self.shift.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;

    #[test]
    fn the_pose_is_undone_exactly() {
        let anatomy = Anatomy::random(&mut stream(1, &[]));
        let there = anatomy.pose.picture(Point::new(0.3, -0.4));
        assert!(anatomy.pose.upright(there).distance(Point::new(0.3, -0.4)) < 1e-6);
    }

    #[test]
    fn every_person_has_two_lungs_a_heart_between_them_and_no_lung_at_the_edge() {
        for person in 0..200 {
            let anatomy = Anatomy::random(&mut stream(7, &[person]));
            let at = |x, y| anatomy.lung_depth(anatomy.pose.picture(Point::new(x, y)));
            assert!(at(-0.4, -0.2) > 0.05 && at(0.4, -0.2) > 0.05, "person {person}");
            assert!(at(0.0, 0.0) < 0.0 && at(0.12, 0.2) < 0.0, "person {person}");
            let corner = Canvas::from_fn(64, |at| match at.x.abs().max(at.y.abs()) > 0.8 {
                true => anatomy.lung_depth(at),
                false => -1.0,
            });
            assert!(corner.values.iter().all(|&depth| depth < 0.0), "person {person}");
        }
    }

    #[test]
    fn a_random_place_keeps_its_margin() {
        let mut rng = stream(3, &[]);
        let anatomy = Anatomy::random(&mut rng);
        for _ in 0..100 {
            assert!(anatomy.lung_depth(anatomy.random_place(0.05, &mut rng)) >= 0.05);
        }
    }
}
