//! Random changes that keep the meaning: one affine warp for image and mask together, and light for the image alone.

use rand::Rng;

use crate::error::{DataError, Result};
use crate::sample::{Image, Mask};

/// How much a training image may change. The default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augmentation {
    /// Turn by up to this many degrees either way, uniform; ≥ 0.
    pub rotation_degrees: f32,
    /// Shift by up to this fraction of height and width either way, uniform; in [0, 1].
    pub translation: f32,
    /// Zoom between these factors, log-uniform; 0 < minimum ≤ maximum. Above 1 the picture grows.
    pub scale: (f32, f32),
    /// Mirror left and right in half of the cases.
    pub flip_horizontal: bool,
    /// Add up to this to every pixel, either way, uniform; in [0, 1].
    pub brightness: f32,
    /// Multiply the distance from middle gray by 1 ± up to this, uniform; in [0, 1].
    pub contrast: f32,
    /// Standard deviation of the Gaussian noise added to each value; in [0, 1].
    pub noise: f32,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            rotation_degrees: 0.0,
            translation: 0.0,
            scale: (1.0, 1.0),
            flip_horizontal: false,
            brightness: 0.0,
            contrast: 0.0,
            noise: 0.0,
        }
    }
}

impl Augmentation {
    /// Whether every setting lies in its range.
    ///
    /// # Errors
    /// [`DataError::Augmentation`] names the first that does not.
    pub fn check(&self) -> Result<()> {
        let (smallest, largest) = self.scale;
        let settings = [
            ("rotation_degrees", self.rotation_degrees, 0.0..=180.0, "in [0, 180]"),
            ("translation", self.translation, 0.0..=1.0, "in [0, 1]"),
            ("scale", smallest, f32::MIN_POSITIVE..=largest, "above 0, the minimum at most the maximum"),
            ("scale", largest, smallest..=f32::MAX, "finite, the maximum at least the minimum"),
            ("brightness", self.brightness, 0.0..=1.0, "in [0, 1]"),
            ("contrast", self.contrast, 0.0..=1.0, "in [0, 1]"),
            ("noise", self.noise, 0.0..=1.0, "in [0, 1]"),
        ];
        match settings.into_iter().find(|(_, value, allowed, _)| !allowed.contains(value)) {
            Some((setting, value, _, range)) => Err(DataError::Augmentation { setting, value, range }),
            None => Ok(()),
        }
    }

    /// Changes an image, and its mask in the same way. Outside the picture is 0: black and background.
    ///
    /// The geometry always draws the same five numbers, so switching one setting on leaves the others as they were.
    ///
    /// # Panics
    /// If [`Augmentation::check`] would refuse the settings, or if the mask is not of the size of the image.
    pub fn apply(&self, image: Image, mask: Option<Mask>, rng: &mut impl Rng) -> (Image, Option<Mask>) {
        assert!(self.check().is_ok(), "augmentation out of range: {self:?}");
        let size = (image.height, image.width);
        assert!(mask.as_ref().is_none_or(|mask| (mask.height, mask.width) == size), "a mask of another size");
        let warp = Warp::draw(self, size, rng);
        let (mut image, mask) = match warp.is_identity() {
            true => (image, mask),
            false => (warp.image(&image), mask.map(|mask| warp.mask(&mask))),
        };
        self.light(&mut image, rng);
        (image, mask)
    }

    /// Brightness, contrast and noise, clipped to [0, 1].
    fn light(&self, image: &mut Image, rng: &mut impl Rng) {
        let shift = self.brightness * symmetric(rng);
        let gain = 1.0 + self.contrast * symmetric(rng);
        if self.brightness == 0.0 && self.contrast == 0.0 && self.noise == 0.0 {
            return;
        }
        for value in &mut image.pixels {
            let noise = if self.noise > 0.0 { self.noise * gaussian(rng) } else { 0.0 };
            *value = ((*value - 0.5) * gain + 0.5 + shift + noise).clamp(0.0, 1.0);
        }
    }
}

/// From an output pixel back to its place in the input: `x_in = M·(x_out − center − shift) + center`.
struct Warp {
    matrix: [f32; 4],
    /// y and x, pixels.
    shift: (f32, f32),
    /// y and x, pixels.
    center: (f32, f32),
}

impl Warp {
    fn draw(settings: &Augmentation, (height, width): (usize, usize), rng: &mut impl Rng) -> Self {
        let angle = (settings.rotation_degrees * symmetric(rng)).to_radians();
        let down = settings.translation * symmetric(rng) * height as f32;
        let right = settings.translation * symmetric(rng) * width as f32;
        let (smallest, largest) = (libm::logf(settings.scale.0), libm::logf(settings.scale.1));
        let zoom = libm::expf(smallest + (largest - smallest) * rng.random::<f32>());
        let mirror = if rng.random::<bool>() && settings.flip_horizontal { -1.0 } else { 1.0 };
        let (sin, cos) = (libm::sinf(angle) / zoom, libm::cosf(angle) / zoom);
        Self {
            matrix: [cos, -sin, mirror * sin, mirror * cos],
            shift: (down, right),
            center: ((height as f32 - 1.0) / 2.0, (width as f32 - 1.0) / 2.0),
        }
    }

    fn is_identity(&self) -> bool {
        self.matrix == [1.0, 0.0, 0.0, 1.0] && self.shift == (0.0, 0.0)
    }

    /// Input row and column of an output pixel.
    fn source(&self, y: usize, x: usize) -> (f32, f32) {
        let (down, right) = (y as f32 - self.center.0 - self.shift.0, x as f32 - self.center.1 - self.shift.1);
        let [yy, yx, xy, xx] = self.matrix;
        (yy * down + yx * right + self.center.0, xy * down + xx * right + self.center.1)
    }

    /// Bilinear.
    fn image(&self, image: &Image) -> Image {
        let mut warped = Image { pixels: vec![0.0; image.pixels.len()], ..*image };
        let channels = image.channels;
        for (place, out) in warped.pixels.chunks_exact_mut(channels).enumerate() {
            let (y, x) = self.source(place / image.width, place % image.width);
            let (top, left) = (y.floor(), x.floor());
            let (lower, right) = (y - top, x - left);
            for (row, weight_y) in [(top, 1.0 - lower), (top + 1.0, lower)] {
                for (column, weight_x) in [(left, 1.0 - right), (left + 1.0, right)] {
                    let Some((row, column)) = inside(row, column, image.height, image.width) else { continue };
                    let pixel = image.pixel(row, column);
                    for (out, value) in out.iter_mut().zip(pixel) {
                        *out += weight_y * weight_x * value;
                    }
                }
            }
        }
        warped
    }

    /// Nearest.
    fn mask(&self, mask: &Mask) -> Mask {
        let value = |place: usize| {
            let (y, x) = self.source(place / mask.width, place % mask.width);
            let place = inside(y.round(), x.round(), mask.height, mask.width);
            place.map_or(0.0, |(row, column)| mask.values[row * mask.width + column])
        };
        Mask::new(mask.height, mask.width, (0..mask.values.len()).map(value).collect())
    }
}

fn inside(row: f32, column: f32, height: usize, width: usize) -> Option<(usize, usize)> {
    let fits = row >= 0.0 && column >= 0.0 && row < height as f32 && column < width as f32;
    fits.then_some((row as usize, column as usize))
}

/// Uniform in [−1, 1).
fn symmetric(rng: &mut impl Rng) -> f32 {
    2.0 * rng.random::<f32>() - 1.0
}

/// Standard normal, by Box and Muller.
pub(crate) fn gaussian(rng: &mut impl Rng) -> f32 {
    let (radius, angle) = (1.0 - rng.random::<f32>(), rng.random::<f32>());
    (-2.0 * libm::logf(radius)).sqrt() * libm::cosf(std::f32::consts::TAU * angle)
}

#[cfg(test)]
mod tests;
