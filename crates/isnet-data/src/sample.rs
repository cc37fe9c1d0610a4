//! One sample: what a file pair and a label become.

/// An image, channels last: `pixels[(y · width + x) · channels + c]`, each in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// H, pixels.
    pub height: usize,
    /// W, pixels.
    pub width: usize,
    /// C: 1 gray, 3 colour.
    pub channels: usize,
    /// `[H, W, C]`, in [0, 1].
    pub pixels: Vec<f32>,
    /// Whether a file holds it as whole numbers of 16 bits, of which fewer may be used: what
    /// [`Intensity::Depth`](crate::Intensity::Depth) scales.
    pub sixteen_bit: bool,
}

/// The region of interest of an image: `values[y · width + x]` is 1 for foreground, 0 for background, and [`Mask::NEITHER`] in a margin around the
/// foreground that is neither ([`Margin`](crate::Margin)). So foreground is what lies above ½, and background what lies below.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// H, pixels.
    pub height: usize,
    /// W, pixels.
    pub width: usize,
    /// `[H, W]`: 0, 1 or ½.
    pub values: Vec<f32>,
}

/// Whether a mask says anything about where a decision should come from.
///
/// This is the one definition that training, evaluation, explanation and audit share. Ask it of the mask *as the network sees
/// it*, after [`Preparation::apply`](crate::Preparation::apply): a small region may vanish at the network's size, and padding turns a
/// full mask into one with background. Where there is no foreground or no background, the background share is 1 or 0 whatever
/// the model does, so such a mask is treated as if the sample had none.
///
/// # Example
/// ```
/// # use isnet_data::MaskVerdict;
/// assert_eq!(MaskVerdict::of(&[0.0, 1.0]), MaskVerdict::Usable);
/// assert_eq!(MaskVerdict::of(&[0.0, 0.0]), MaskVerdict::Empty);
/// assert!(!MaskVerdict::of(&[1.0, 1.0]).says_something());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaskVerdict {
    /// Foreground and background are both there.
    Usable,
    /// No pixel is foreground.
    Empty,
    /// No pixel is background.
    Full,
}

/// What a sample is, by class index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Exactly one class.
    Single(usize),
    /// Any number of classes, also none; ascending and without repeats.
    Multi(Vec<usize>),
}

/// An image with everything known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The picture.
    pub image: Image,
    /// Its foreground; a sample without one is classified but has no heatmap loss.
    pub mask: Option<Mask>,
    /// Absent where it is only predicted.
    pub label: Option<Label>,
    /// What a person calls it: the path as the manifest writes it, or a generator's number.
    pub id: String,
    /// The hospital, camera or generator that it came from; empty if unknown.
    pub source: String,
}

impl Image {
    /// An image of the given size, whose values use all of [0, 1] as those of 8-bit files do.
    ///
    /// # Panics
    /// If `pixels` does not hold `height · width · channels` values.
    pub fn new(height: usize, width: usize, channels: usize, pixels: Vec<f32>) -> Self {
        let expected = height * width * channels;
        assert_eq!(pixels.len(), expected, "pixels of an image of {height}×{width}×{channels}");
        Self { height, width, channels, pixels, sixteen_bit: false }
    }

    /// The channels of the pixel in row `y`, column `x`.
    pub fn pixel(&self, y: usize, x: usize) -> &[f32] {
        let start = (y * self.width + x) * self.channels;
        &self.pixels[start..start + self.channels]
    }
}

impl Mask {
    /// The value of a pixel that is neither foreground nor background.
    pub const NEITHER: f32 = 0.5;

    /// A mask of the given size.
    ///
    /// # Panics
    /// If `values` does not hold `height · width` values.
    pub fn new(height: usize, width: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), height * width, "values of a mask of {height}×{width}");
        Self { height, width, values }
    }

    /// Number of foreground pixels.
    pub fn foreground(&self) -> usize {
        self.values.iter().filter(|&&value| value > 0.5).count()
    }

    /// The mask at another size, by the nearest pixel.
    pub(crate) fn at_size(&self, height: usize, width: usize) -> Self {
        let at = |index: usize, from: usize, to: usize| (2 * index + 1) * from / (2 * to);
        let value = |pixel: usize| {
            let (row, column) = (at(pixel / width, self.height, height), at(pixel % width, self.width, width));
            self.values[row * self.width + column]
        };
        Self::new(height, width, (0..height * width).map(value).collect())
    }

    /// Whether the mask says anything: [`MaskVerdict::of`] its values.
    pub fn verdict(&self) -> MaskVerdict {
        MaskVerdict::of(&self.values)
    }
}

impl MaskVerdict {
    /// The verdict on the values of one mask, such as a row of [`Batch`](crate::Batch)`::mask`.
    pub fn of(values: &[f32]) -> Self {
        let foreground = values.iter().any(|value| *value > Mask::NEITHER);
        let background = values.iter().any(|value| *value < Mask::NEITHER);
        match (foreground, background) {
            (false, _) => Self::Empty,
            (true, false) => Self::Full,
            (true, true) => Self::Usable,
        }
    }

    /// Whether there are both foreground and background.
    pub fn says_something(self) -> bool {
        self == Self::Usable
    }
}

impl Label {
    /// The label as `[K]` zeros and ones.
    ///
    /// # Panics
    /// If a class is not below `n_classes`.
    ///
    /// # Example
    /// ```
    /// # use isnet_data::Label;
    /// assert_eq!(Label::Single(1).multi_hot(3), [0.0, 1.0, 0.0]);
    /// assert_eq!(Label::Multi(vec![0, 2]).multi_hot(3), [1.0, 0.0, 1.0]);
    /// ```
    pub fn multi_hot(&self, n_classes: usize) -> Vec<f32> {
        let mut hot = vec![0.0; n_classes];
        for &class in self.classes() {
            assert!(class < n_classes, "class {class} of {n_classes}");
            hot[class] = 1.0;
        }
        hot
    }

    /// The classes that are set.
    pub fn classes(&self) -> &[usize] {
        match self {
            Self::Single(class) => std::slice::from_ref(class),
            Self::Multi(classes) => classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_label_set_is_all_zeros() {
        assert_eq!(Label::Multi(vec![]).multi_hot(2), [0.0, 0.0]);
    }

    #[test]
    fn a_pixel_is_found_by_row_then_column() {
        let image = Image::new(2, 2, 3, (0..12).map(|i| i as f32).collect());
        assert_eq!(image.pixel(1, 0), [6.0, 7.0, 8.0]);
    }

    #[test]
    fn a_mask_says_something_only_if_it_has_foreground_and_background() {
        let verdict = |values: &[f32]| Mask::new(1, values.len(), values.to_vec()).verdict();
        assert_eq!(verdict(&[0.0, 1.0, 0.0]), MaskVerdict::Usable);
        assert_eq!(verdict(&[0.0; 3]), MaskVerdict::Empty);
        assert_eq!(verdict(&[1.0; 3]), MaskVerdict::Full);
        assert_eq!(verdict(&[]), MaskVerdict::Empty);
        assert_eq!(verdict(&[1.0, 0.5]), MaskVerdict::Full, "a margin is not background");
        assert_eq!(verdict(&[0.5, 0.0]), MaskVerdict::Empty, "and not foreground");
        let said = [MaskVerdict::Usable, MaskVerdict::Empty, MaskVerdict::Full].map(MaskVerdict::says_something);
        assert_eq!(said, [true, false, false]);
    }

    #[test]
    #[should_panic(expected = "class 3 of 3")]
    fn a_class_outside_the_list_is_a_bug() {
        Label::Single(3).multi_hot(3);
    }
}
