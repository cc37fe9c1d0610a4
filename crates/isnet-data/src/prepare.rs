//! From a file's values and size to those of the network.
//!
//! Images are resized with an antialiased triangle filter, the numbers of torchvision's `resize(antialias=True)`.
//! Masks are resized by area: a pixel is foreground if at least half of what it covers is.

use crate::error::{DataError, Result};
use crate::intensity::Intensity;
use crate::read_image::luma;
use crate::sample::{Image, Mask};

/// What to do with the difference between the shape of the picture and the shape of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Keep the aspect and put black, background, on both sides.
    Pad,
    /// Stretch.
    Squash,
}

/// The values and the size that every image of a data set is brought to. They belong to the model: the same at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preparation {
    /// H, pixels, ≥ 1.
    pub height: usize,
    /// W, pixels, ≥ 1.
    pub width: usize,
    /// C: 1 (colour becomes luma) or 3 (gray is repeated).
    pub channels: usize,
    /// Padding or stretching.
    pub fit: Fit,
    /// Which values are black and white. Applied to the image as it is stored, before it is resized.
    pub intensity: Intensity,
}

impl Preparation {
    /// Brings an image and its mask to these values, this size and number of channels.
    ///
    /// # Errors
    /// [`DataError::MaskSize`] if the mask is not of the size of its image; [`DataError::AboveDepth`];
    /// [`DataError::Preparation`] if a side is 0 or `channels` is neither 1 nor 3.
    ///
    /// # Example
    /// ```
    /// # use isnet_data::{Fit, Image, Intensity, Preparation};
    /// let wide = Image::new(1, 2, 1, vec![0.2, 0.6]);
    /// let square = Preparation { height: 2, width: 2, channels: 1, fit: Fit::Squash, intensity: Intensity::Stored };
    /// assert_eq!(square.apply(&wide, None)?.0.pixels, [0.2, 0.6, 0.2, 0.6]);
    /// let padded = Preparation { height: 4, width: 2, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
    /// assert_eq!(padded.apply(&wide, None)?.0.pixels, [0.0, 0.0, 0.2, 0.6, 0.0, 0.0, 0.0, 0.0]);
    /// # Ok::<(), isnet_data::DataError>(())
    /// ```
    pub fn apply(&self, image: &Image, mask: Option<&Mask>) -> Result<(Image, Option<Mask>)> {
        self.check()?;
        let size = (image.height, image.width);
        if let Some(mask) = mask.filter(|mask| (mask.height, mask.width) != size) {
            return Err(DataError::MaskSize { expected: size, got: (mask.height, mask.width) });
        }
        let window = self.window(size);
        let mask = mask.map(|mask| {
            let shares = self.place(&mask.values, size, 1, window, Kernel::Area);
            // A sum of exact halves may come out a rounding error below ½.
            let values = shares.into_iter().map(|share| f32::from(u8::from(share >= 0.5 - 1e-5))).collect();
            Mask::new(self.height, self.width, values)
        });
        Ok((self.apply_image(image, window)?, mask))
    }

    /// Brings a mask of this size, as a segmenter makes it, back to the `(height, width)` of the picture; what was padded is cut off.
    ///
    /// # Panics
    /// If the mask is not of this size.
    ///
    /// # Example
    /// ```
    /// # use isnet_data::{Fit, Intensity, Mask, Preparation};
    /// let padded = Preparation { height: 4, width: 2, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
    /// let found = Mask::new(4, 2, vec![1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
    /// let back = padded.restore_mask(&found, (2, 2)); // the rows in the middle
    /// assert_eq!(back.values, [1.0, 0.0, 1.0, 0.0]);
    /// ```
    pub fn restore_mask(&self, mask: &Mask, (height, width): (usize, usize)) -> Mask {
        assert_eq!((mask.height, mask.width), (self.height, self.width), "a mask of the size of this preparation");
        let window = self.window((height, width));
        let rows = mask.values.chunks_exact(self.width).skip(window.top).take(window.height);
        let inside: Vec<f32> = rows.flat_map(|row| &row[window.left..window.left + window.width]).copied().collect();
        let kernel = if window.height < height { Kernel::Triangle } else { Kernel::Area };
        let shares = resize(&inside, (window.height, window.width), (height, width), 1, kernel);
        Mask::new(height, width, shares.into_iter().map(|share| f32::from(u8::from(share >= 0.5 - 1e-5))).collect())
    }

    /// Whether this is a size that a picture can have.
    ///
    /// # Errors
    /// [`DataError::Preparation`], [`DataError::Setting`].
    pub fn check(&self) -> Result<()> {
        let Self { height, width, channels, intensity, .. } = *self;
        if let Intensity::Depth { bits } = intensity
            && !(9..=16).contains(&bits)
        {
            return Err(DataError::Setting { setting: "depth_bits", value: bits.to_string(), range: "from 9 to 16" });
        }
        match height > 0 && width > 0 && matches!(channels, 1 | 3) {
            true => Ok(()),
            false => Err(DataError::Preparation { height, width, channels }),
        }
    }

    fn apply_image(&self, image: &Image, window: Window) -> Result<Image> {
        let size = (image.height, image.width);
        let values = self.intensity.apply(image)?;
        let to_gray = self.channels == 1 && image.channels == 3;
        let gray = to_gray.then(|| values.chunks_exact(3).map(luma).collect::<Vec<f32>>());
        let (pixels, channels) = gray.as_ref().map_or((&*values, image.channels), |gray| (gray, 1));
        let mut placed = self.place(pixels, size, channels, window, Kernel::Triangle);
        if self.channels > channels {
            placed = placed.into_iter().flat_map(|value| [value; 3]).collect();
        }
        Ok(Image::new(self.height, self.width, self.channels, placed))
    }

    /// Where the resized picture lies in the output.
    fn window(&self, (height, width): (usize, usize)) -> Window {
        if self.fit == Fit::Squash {
            return Window { top: 0, left: 0, height: self.height, width: self.width };
        }
        let scale = (self.height as f64 / height as f64).min(self.width as f64 / width as f64);
        let side = |side: usize, limit: usize| ((side as f64 * scale).round() as usize).clamp(1, limit);
        let (height, width) = (side(height, self.height), side(width, self.width));
        Window { top: (self.height - height) / 2, left: (self.width - width) / 2, height, width }
    }

    /// Resizes `[h, w, channels]` to the window and puts zeros around.
    fn place(&self, values: &[f32], size: (usize, usize), channels: usize, window: Window, kernel: Kernel) -> Vec<f32> {
        let resized = resize(values, size, (window.height, window.width), channels, kernel);
        if (window.height, window.width) == (self.height, self.width) {
            return resized;
        }
        let mut out = vec![0.0; self.height * self.width * channels];
        for (row, line) in resized.chunks_exact(window.width * channels).enumerate() {
            let start = ((window.top + row) * self.width + window.left) * channels;
            out[start..start + line.len()].copy_from_slice(line);
        }
        out
    }
}

#[derive(Clone, Copy)]
struct Window {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

#[derive(Clone, Copy)]
enum Kernel {
    /// Linear interpolation, widened to the scale when shrinking.
    Triangle,
    /// The share of the output pixel that each input pixel covers.
    Area,
}

/// The input pixels, from `first` on, that make one output pixel.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Kernel {
    /// The taps of every output pixel along one axis; their weights sum to 1.
    fn taps(self, from: usize, to: usize) -> Vec<Taps> {
        let scale = from as f64 / to as f64;
        (0..to).map(|out| self.taps_of(out, scale, from)).collect()
    }

    fn taps_of(self, out: usize, scale: f64, from: usize) -> Taps {
        let width = scale.max(1.0);
        let (start, end) = (out as f64 * scale, (out + 1) as f64 * scale);
        let center = (start + end) / 2.0;
        let (first, last) = match self {
            Self::Triangle => ((center - width + 0.5).floor(), (center + width + 0.5).floor()),
            Self::Area => (start.floor(), end.ceil()),
        };
        let (first, last) = (first.max(0.0) as usize, (last as usize).min(from));
        let weight = |x: usize| match self {
            Self::Triangle => (1.0 - ((x as f64 + 0.5 - center) / width).abs()).max(0.0),
            Self::Area => (end.min(x as f64 + 1.0) - start.max(x as f64)).max(0.0),
        };
        let weights: Vec<f64> = (first..last).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Taps { first, weights: weights.into_iter().map(|weight| (weight / sum) as f32).collect() }
    }
}

/// `[h, w, channels]` from one size to another, columns first, then rows.
fn resize(
    values: &[f32],
    (height, width): (usize, usize),
    (to_height, to_width): (usize, usize),
    channels: usize,
    kernel: Kernel,
) -> Vec<f32> {
    if (height, width) == (to_height, to_width) {
        return values.to_vec();
    }
    let columns = kernel.taps(width, to_width);
    let mut narrow = vec![0.0; height * to_width * channels];
    for (line, out) in values.chunks_exact(width * channels).zip(narrow.chunks_exact_mut(to_width * channels)) {
        for (taps, out) in columns.iter().zip(out.chunks_exact_mut(channels)) {
            let pixels = line[taps.first * channels..].chunks_exact(channels);
            for (weight, pixel) in taps.weights.iter().zip(pixels) {
                add_scaled(out, *weight, pixel);
            }
        }
    }
    let stride = to_width * channels;
    let mut resized = vec![0.0; to_height * stride];
    for (taps, out) in kernel.taps(height, to_height).iter().zip(resized.chunks_exact_mut(stride)) {
        for (weight, line) in taps.weights.iter().zip(narrow[taps.first * stride..].chunks_exact(stride)) {
            add_scaled(out, *weight, line);
        }
        out.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    }
    resized
}

fn add_scaled(out: &mut [f32], weight: f32, values: &[f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += weight * value;
    }
}

#[cfg(test)]
mod tests;
