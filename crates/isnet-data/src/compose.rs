//! Pictures made from pictures: other backgrounds, holes that are filled, patches that are taken away.
//!
//! Everything here is a pure function of images and masks of one size. A pixel is foreground where its mask is above ½.
//!
//! The scheme is that of Xiao, Engstrom, Ilyas and Mądry, "Noise or Signal: The Role of Image Backgrounds in Object
//! Recognition" (ICLR 2021, arXiv 2006.09994): a foreground on the background of another image, in which the other image's own
//! foreground must not be seen. They tile a rectangle over it ([`tile_box`]); a mask of two lungs has a box that leaves
//! little, so backgrounds of donors are filled smoothly instead ([`fill`]).

use rand::Rng;

use crate::sample::{Image, Mask};

/// Mean and deviation of each channel of some pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Colours {
    /// `[C]`.
    pub mean: Vec<f32>,
    /// `[C]`.
    pub deviation: Vec<f32>,
}

/// The foreground of one image on another.
///
/// # Panics
/// If the three are not of one size.
///
/// # Example
/// ```
/// # use isnet_data::compose::over;
/// # use isnet_data::{Image, Mask};
/// let front = Image::new(1, 2, 1, vec![0.9, 0.8]);
/// let back = Image::new(1, 2, 1, vec![0.1, 0.2]);
/// let mask = Mask::new(1, 2, vec![1.0, 0.0]);
/// assert_eq!(over(&front, &mask, &back).pixels, [0.9, 0.2]);
/// ```
pub fn over(foreground: &Image, mask: &Mask, background: &Image) -> Image {
    assert_eq!(size(foreground), size(background), "both images have one size");
    assert_eq!((mask.height, mask.width), (foreground.height, foreground.width), "the mask has the size of the image");
    let mut result = background.clone();
    let channels = foreground.channels;
    let pixels = result.pixels.chunks_exact_mut(channels).zip(foreground.pixels.chunks_exact(channels));
    for ((to, from), inside) in pixels.zip(&mask.values) {
        if *inside > 0.5 {
            to.copy_from_slice(from);
        }
    }
    result
}

/// [`over`] with an edge one pixel deep that is mixed: each foreground pixel keeps the share of foreground among the pixels around it and itself, and
/// takes the rest from `background`. Outside the mask nothing of `foreground` is left, so that its own background cannot shine through.
///
/// # Panics
/// If the three are not of one size.
///
/// # Example
/// ```
/// # use isnet_data::compose::feathered_over;
/// # use isnet_data::{Image, Mask};
/// let front = Image::new(1, 5, 1, vec![0.9; 5]);
/// let back = Image::new(1, 5, 1, vec![0.3; 5]);
/// let mask = Mask::new(1, 5, vec![0.0, 1.0, 1.0, 1.0, 0.0]);
/// let found = feathered_over(&front, &mask, &back).pixels;
/// assert!(found.iter().zip([0.3, 0.7, 0.9, 0.7, 0.3]).all(|(a, b)| (a - b).abs() < 1e-6));
/// ```
pub fn feathered_over(foreground: &Image, mask: &Mask, background: &Image) -> Image {
    let mut result = over(foreground, mask, background);
    let (height, width, channels) = (mask.height, mask.width, foreground.channels);
    let around = |place: usize, length: usize| place.saturating_sub(1)..(place + 2).min(length);
    for place in (0..mask.values.len()).filter(|place| mask.values[*place] > 0.5) {
        let (y, x) = (place / width, place % width);
        let (mut inside, mut all) = (0.0_f32, 0.0_f32);
        for row in around(y, height) {
            for column in around(x, width) {
                all += 1.0;
                inside += f32::from(u8::from(mask.values[row * width + column] > 0.5));
            }
        }
        let kept = inside / all;
        for channel in place * channels..(place + 1) * channels {
            result.pixels[channel] = kept * foreground.pixels[channel] + (1.0 - kept) * background.pixels[channel];
        }
    }
    result
}

/// A picture of one colour, of the size of `like`.
pub fn plain(like: &Image, colour: &[f32]) -> Image {
    let pixels = colour.iter().copied().cycle().take(like.pixels.len()).collect();
    Image { pixels, ..*like }
}

/// The mask with foreground and background exchanged.
pub fn inverse(mask: &Mask) -> Mask {
    let values = mask.values.iter().map(|value| if *value > 0.5 { 0.0 } else { 1.0 }).collect();
    Mask { values, ..*mask }
}

/// Independent normal noise of this mean and deviation in every pixel, cut to [0, 1].
pub fn noise(like: &Image, colours: &Colours, rng: &mut impl Rng) -> Image {
    let channels = like.channels;
    let pixels = (0..like.pixels.len()).map(|place| {
        let bits = rng.random::<u64>();
        // The sum of four uniform numbers, scaled to deviation 1: tails end at ±3.5, which is enough for noise.
        let sum: f32 = (0..4).map(|part| (bits >> (16 * part) & 0xffff) as f32 / 65_535.0).sum();
        let normal = (sum - 2.0) * 3.0_f32.sqrt();
        (colours.mean[place % channels] + colours.deviation[place % channels] * normal).clamp(0.0, 1.0)
    });
    Image { pixels: pixels.collect(), ..*like }
}

/// The image with its foreground painted over from the background around it, so that neither its pixels nor its outline
/// are left: known pixels are averaged to coarser and coarser pictures, and unknown ones are taken from the
/// finest picture that knows them, interpolated ("pull–push", Gortler et al., "The Lumigraph", SIGGRAPH 1996).
///
/// The background is left as it is. What remains of the foreground is that its place is smoother than its surroundings.
/// `None` if there is no background.
///
/// # Example
/// ```
/// # use isnet_data::compose::fill;
/// # use isnet_data::{Image, Mask};
/// let image = Image::new(1, 4, 1, vec![0.2, 0.9, 0.2, 0.2]);
/// let filled = fill(&image, &Mask::new(1, 4, vec![0.0, 1.0, 0.0, 0.0])).unwrap();
/// assert!(filled.pixels.iter().all(|value| (value - 0.2).abs() < 1e-6));
/// assert_eq!(fill(&image, &Mask::new(1, 4, vec![1.0; 4])), None);
/// ```
pub fn fill(image: &Image, mask: &Mask) -> Option<Image> {
    let known = |inside: &f32| if *inside > 0.5 { 0.0 } else { 1.0 };
    let weights: Vec<f32> = mask.values.iter().map(known).collect();
    if weights.iter().all(|weight| *weight == 0.0) {
        return None;
    }
    let finest = Level { height: image.height, width: image.width, colours: image.pixels.clone(), weights };
    Some(Image { pixels: finest.filled(image.channels).colours, ..*image })
}

/// The image with its background blurred: three passes of a box of `2·radius + 1` pixels, close to a Gaussian of deviation
/// `radius + ½`. Only background goes into the blur, so that the foreground does not shine out.
pub fn blur_background(image: &Image, mask: &Mask, radius: usize) -> Image {
    let (channels, wide) = (image.channels, image.channels + 1);
    let pixels = image.pixels.chunks_exact(channels).zip(&mask.values);
    let weighted = pixels.flat_map(|(pixel, inside)| {
        let weight = if *inside > 0.5 { 0.0 } else { 1.0 };
        pixel.iter().map(move |value| value * weight).chain([weight])
    });
    let mut values: Vec<f32> = weighted.collect();
    for _ in 0..3 {
        values = blurred_rows(&values, image.width, wide, radius);
        values = transposed(&values, image.height, image.width, wide);
        values = blurred_rows(&values, image.height, wide, radius);
        values = transposed(&values, image.width, image.height, wide);
    }
    let divided = values.chunks_exact(wide).flat_map(|pixel| {
        let weight = pixel[channels].max(f32::MIN_POSITIVE);
        pixel[..channels].iter().map(move |value| value / weight)
    });
    over(image, mask, &Image { pixels: divided.collect(), ..*image })
}

/// The smallest box `[top, left, bottom, right)` that holds the foreground; `None` if there is none.
///
/// # Example
/// ```
/// # use isnet_data::compose::bounding_box;
/// # use isnet_data::Mask;
/// let mask = Mask::new(2, 3, vec![0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
/// assert_eq!(bounding_box(&mask), Some([1, 1, 2, 3]));
/// ```
pub fn bounding_box(mask: &Mask) -> Option<[usize; 4]> {
    let inside = mask.values.iter().enumerate().filter(|(_, value)| **value > 0.5);
    inside.map(|(place, _)| (place / mask.width, place % mask.width)).fold(None, |found, (y, x)| {
        let [top, left, bottom, right] = found.unwrap_or([y, x, y + 1, x + 1]);
        Some([top.min(y), left.min(x), bottom.max(y + 1), right.max(x + 1)])
    })
}

/// The image with the box of its foreground in one colour ("Only-BG-B" where it is black).
pub fn paint_box(image: &Image, mask: &Mask, colour: f32) -> Option<Image> {
    let bounds = bounding_box(mask)?;
    Some(with_box(image, bounds, |_, _, to| to.fill(colour)))
}

/// The image with the box of its foreground tiled with the largest rectangle beside the box ("Only-BG-T").
///
/// `None` if there is no foreground, or if its box is the whole image.
///
/// # Example
/// ```
/// # use isnet_data::compose::tile_box;
/// # use isnet_data::{Image, Mask};
/// let image = Image::new(1, 5, 1, vec![0.1, 0.2, 0.9, 0.9, 0.9]);
/// let tiled = tile_box(&image, &Mask::new(1, 5, vec![0.0, 0.0, 1.0, 1.0, 1.0])).unwrap();
/// assert_eq!(tiled.pixels, [0.1, 0.2, 0.1, 0.2, 0.1]);
/// ```
pub fn tile_box(image: &Image, mask: &Mask) -> Option<Image> {
    let bounds @ [top, left, bottom, right] = bounding_box(mask)?;
    let (height, width) = (image.height, image.width);
    let beside = [[0, 0, top, width], [bottom, 0, height, width], [0, 0, height, left], [0, right, height, width]];
    let area = |rectangle: &[usize; 4]| (rectangle[2] - rectangle[0]) * (rectangle[3] - rectangle[1]);
    let from = beside.into_iter().reduce(|best, other| if area(&other) > area(&best) { other } else { best })?;
    if area(&from) == 0 {
        return None;
    }
    let side = |low: usize, high: usize, place: usize| low + place % (high - low);
    Some(with_box(image, bounds, |y, x, to| {
        to.copy_from_slice(image.pixel(side(from[0], from[2], y - top), side(from[1], from[3], x - left)));
    }))
}

fn with_box(image: &Image, bounds: [usize; 4], paint: impl Fn(usize, usize, &mut [f32])) -> Image {
    let mut result = image.clone();
    let [top, left, bottom, right] = bounds;
    for y in top..bottom {
        for x in left..right {
            let start = (y * image.width + x) * image.channels;
            paint(y, x, &mut result.pixels[start..start + image.channels]);
        }
    }
    result
}

fn size(image: &Image) -> [usize; 3] {
    [image.height, image.width, image.channels]
}

/// A picture of which some pixels are known: weight 1, or between 0 and 1 at the rim of coarser pictures.
struct Level {
    height: usize,
    width: usize,
    colours: Vec<f32>,
    weights: Vec<f32>,
}

impl Level {
    /// The picture with every pixel known.
    fn filled(self, channels: usize) -> Self {
        if self.weights.iter().all(|weight| *weight >= 1.0) || self.weights.len() == 1 {
            return self;
        }
        let coarse = self.halved(channels).filled(channels);
        let mut colours = self.colours;
        for (place, weight) in self.weights.iter().enumerate().filter(|(_, weight)| **weight < 1.0) {
            let (y, x) = (place / self.width, place % self.width);
            for channel in 0..channels {
                let colour = &mut colours[place * channels + channel];
                *colour = weight * *colour + (1.0 - weight) * coarse.between(y, x, channel, channels);
            }
        }
        Self { colours, ..self }
    }

    /// Half as high and wide: the mean of the known pixels; known to the full from one known pixel on.
    fn halved(&self, channels: usize) -> Self {
        let (height, width) = (self.height.div_ceil(2), self.width.div_ceil(2));
        let mut colours = vec![0.0; height * width * channels];
        let mut weights = vec![0.0_f32; height * width];
        for (place, weight) in self.weights.iter().enumerate() {
            let to = place / self.width / 2 * width + place % self.width / 2;
            weights[to] += weight;
            for channel in 0..channels {
                colours[to * channels + channel] += weight * self.colours[place * channels + channel];
            }
        }
        for (weight, colour) in weights.iter_mut().zip(colours.chunks_exact_mut(channels)) {
            colour.iter_mut().for_each(|value| *value /= weight.max(f32::MIN_POSITIVE));
            *weight = weight.min(1.0);
        }
        Self { height, width, colours, weights }
    }

    /// The colour at a pixel of the picture twice as fine, on the straight lines between four pixels.
    fn between(&self, y: usize, x: usize, channel: usize, channels: usize) -> f32 {
        let axis = |place: usize, length: usize| {
            let at = (place as f32 - 0.5) / 2.0;
            let low = at.floor().max(0.0) as usize;
            (low.min(length - 1), (low + 1).min(length - 1), (at - low as f32).clamp(0.0, 1.0))
        };
        let (top, bottom, down) = axis(y, self.height);
        let (left, right, across) = axis(x, self.width);
        let at = |y: usize, x: usize| self.colours[(y * self.width + x) * channels + channel];
        let row = |y: usize| at(y, left) + across * (at(y, right) - at(y, left));
        row(top) + down * (row(bottom) - row(top))
    }
}

/// Sums over `2·radius + 1` neighbours in each row of `length` pixels of `wide` values.
fn blurred_rows(values: &[f32], length: usize, wide: usize, radius: usize) -> Vec<f32> {
    let mut result = vec![0.0; values.len()];
    let side = 1.0 / (2 * radius + 1) as f32;
    for (from, to) in values.chunks_exact(length * wide).zip(result.chunks_exact_mut(length * wide)) {
        for plane in 0..wide {
            // In f64, so that what was added can be taken away again without a trace.
            let mut sum: f64 = (0..radius.min(length)).map(|x| f64::from(from[x * wide + plane])).sum();
            for x in 0..length {
                if x + radius < length {
                    sum += f64::from(from[(x + radius) * wide + plane]);
                }
                if x > radius {
                    sum -= f64::from(from[(x - radius - 1) * wide + plane]);
                }
                to[x * wide + plane] = sum.max(0.0) as f32 * side;
            }
        }
    }
    result
}

/// Rows as columns.
fn transposed(values: &[f32], height: usize, width: usize, wide: usize) -> Vec<f32> {
    let mut result = Vec::with_capacity(values.len());
    for x in 0..width {
        for y in 0..height {
            result.extend_from_slice(&values[(y * width + x) * wide..][..wide]);
        }
    }
    result
}

#[cfg(test)]
mod tests;
