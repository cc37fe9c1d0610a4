//! What is in a picture: a shape on a ground, wallpaper around it, light and noise over both.

use std::f32::consts::PI;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::figure::{Figure, REACH};
use super::wallpaper::Wallpaper;
use crate::augment::gaussian;
use crate::mark::sign::coverage;
use crate::sample::{Image, Mask};

/// Half the side of a square of the shape's area is about 0.89 of this; in units of half the picture.
const RADIUS: std::ops::Range<f32> = 0.30..0.50;

/// Largest turn of the shape to either side, radians; wallpaper and light turn all the way.
const TURN: f32 = 0.4;

/// Between the shape and the edge of the picture, in units of half the picture.
const MARGIN: f32 = 0.07;

/// Deviation of the noise of a value.
const NOISE: f32 = 0.04;

/// What a picture shows, whatever its size and wallpaper. Lengths are in units of half the picture, `x` to the right and
/// `y` down from the middle.
#[derive(Debug)]
pub(super) struct Scene {
    figure: Figure,
    center: [f32; 2],
    radius: f32,
    /// Cosine and sine of the turn.
    turn: [f32; 2],
    color: [f32; 3],
    ground: [f32; 3],
    paper: Paper,
    /// Brightness in the middle, and how much of it is gained to the right and downwards.
    light: [f32; 3],
}

/// How the wallpaper hangs, whichever it is.
#[derive(Debug)]
struct Paper {
    /// Opacity.
    strength: f32,
    /// Half of the length after which it repeats.
    scale: f32,
    /// Cosine and sine of the turn.
    turn: [f32; 2],
    /// In its own units.
    shift: [f32; 2],
}

impl Scene {
    /// Draws everything but the figure, and without looking at it.
    pub fn random(figure: Figure, rng: &mut ChaCha8Rng) -> Self {
        let radius = rng.random_range(RADIUS);
        let room = 1.0 - MARGIN - REACH * radius;
        let gray: f32 = rng.random_range(0.15..0.30);
        let slope: f32 = rng.random_range(0.0..0.2);
        let slope_to = direction(rng, PI);
        Self {
            figure,
            center: std::array::from_fn(|_| rng.random_range(-room..room)),
            radius,
            turn: direction(rng, TURN),
            color: pastel(rng),
            ground: std::array::from_fn(|_| gray + rng.random_range(-0.05..0.05)),
            paper: Paper {
                strength: rng.random_range(0.12..0.22),
                scale: rng.random_range(0.12..0.18),
                turn: direction(rng, PI),
                shift: std::array::from_fn(|_| rng.random_range(-1.0..1.0)),
            },
            light: [rng.random_range(0.8..1.1), slope * slope_to[0], slope * slope_to[1]],
        }
    }

    /// The shape on its ground, antialiased, and the pixels that it touches.
    pub fn draw(&self, size: usize) -> (Image, Mask) {
        let (shape, side) = (self.figure.shape(), 2.0 / size as f32 / self.radius);
        let away = |at: [f32; 2]| [0, 1].map(|axis| (at[axis] - self.center[axis]) / self.radius);
        let covered = |pixel: usize| {
            let [x, y] = turned(away(center(size, pixel)), self.turn);
            // Beyond its reach there is nothing to probe.
            if x.abs().max(y.abs()) > REACH + side { 0.0 } else { coverage([x, y], side, &shape) }
        };
        let covered: Vec<f32> = (0..size * size).map(covered).collect();
        let mix = |&covered: &f32| {
            std::array::from_fn::<f32, 3, _>(|c| (1.0 - covered) * self.ground[c] + covered * self.color[c])
        };
        let image = Image::new(size, size, 3, covered.iter().flat_map(mix).collect());
        let touched = covered.iter().map(|&covered| f32::from(u8::from(covered > 0.0)));
        (image, Mask::new(size, size, touched.collect()))
    }

    /// Papers the ground around the shape: white and black, half transparent.
    pub fn paper(&self, image: &mut Image, mask: &Mask, wallpaper: Wallpaper) {
        let Paper { strength, scale, turn, shift } = self.paper;
        let (pattern, size) = (wallpaper.pattern(), image.width);
        let side = 2.0 / size as f32 / scale;
        for pixel in (0..size * size).filter(|&pixel| mask.values[pixel] == 0.0) {
            let [x, y] = turned(center(size, pixel), turn);
            let tone = coverage([x / scale + shift[0], y / scale + shift[1]], side, &pattern);
            for value in &mut image.pixels[3 * pixel..3 * pixel + 3] {
                *value += strength * (tone - *value);
            }
        }
    }

    /// Lights the whole picture, adds noise, and rounds to steps of 1/255.
    pub fn light(&self, image: &mut Image, rng: &mut ChaCha8Rng) {
        let size = image.width;
        let [middle, right, down] = self.light;
        for (index, value) in image.pixels.iter_mut().enumerate() {
            let [x, y] = center(size, index / image.channels);
            let lit = *value * middle * (1.0 + right * x + down * y) + NOISE * gaussian(rng);
            *value = (lit.clamp(0.0, 1.0) * 255.0).round() / 255.0;
        }
    }
}

/// The cosine and sine of an angle, at most `most` to either side.
fn direction(rng: &mut ChaCha8Rng, most: f32) -> [f32; 2] {
    let angle: f32 = rng.random_range(-most..most);
    [libm::cosf(angle), libm::sinf(angle)]
}

fn turned([x, y]: [f32; 2], [cos, sin]: [f32; 2]) -> [f32; 2] {
    [cos * x + sin * y, cos * y - sin * x]
}

/// A bright colour of any hue, so that a shape is brighter than its ground in gray, too.
fn pastel(rng: &mut ChaCha8Rng) -> [f32; 3] {
    let hue: f32 = rng.random_range(0.0..6.0);
    let (saturation, value): (f32, f32) = (rng.random_range(0.2..0.45), rng.random_range(0.85..1.0));
    [5.0, 3.0, 1.0].map(|from: f32| {
        let k = (from + hue).rem_euclid(6.0);
        value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    })
}

/// The middle of a pixel of a square picture.
fn center(size: usize, pixel: usize) -> [f32; 2] {
    [pixel % size, pixel / size].map(|index| (index as f32 + 0.5) / size as f32 * 2.0 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_image::luma;
    use crate::rng::stream;

    #[test]
    fn a_pixel_of_the_mask_is_one_that_the_shape_colours() {
        for (index, figure) in (0..40).flat_map(|index| Figure::ALL.map(|figure| (index, figure))) {
            let scene = Scene::random(figure, &mut stream(3, &[index]));
            let (image, mask) = scene.draw(32);
            for (pixel, color) in image.pixels.chunks_exact(3).enumerate() {
                assert_eq!(color != scene.ground, mask.values[pixel] == 1.0, "{figure:?} {index}: pixel {pixel}");
            }
            assert!(image.pixels.chunks_exact(3).any(|color| color == scene.color), "{figure:?} {index} has an inside");
        }
    }

    #[test]
    fn a_shape_is_brighter_than_its_wallpaper_is_on_average() {
        for index in 0..1000 {
            let scene = Scene::random(Figure::Star, &mut stream(4, &[index]));
            let wallpaper = scene.ground.map(|ground| ground + scene.paper.strength * (0.5 - ground));
            assert!(luma(&scene.color) > luma(&wallpaper) + 0.03, "{scene:?}");
        }
    }
}
