//! Shapes on class-bound backgrounds: the trap of natural images, without a download.
//!
//! One coloured shape lies on a wallpaper; the class is the shape ([`CLASSES`]). In training each class has a wallpaper of
//! its own, as cows stand on grass, so that a classifier can do without the shape: a circle lies on stripes, a square on
//! dots, a star on checks, a triangle on a zigzag.
//!
//! | split | pictures | wallpaper |
//! |---|---|---|
//! | `train`, `val` | their own | that of the class, with probability `correlation`; else that of another class |
//! | `biased` | the test pictures | that of the class |
//! | `standard` | the test pictures | a random tile of 6 × 6 cells, drawn for this picture alone: it belongs to no class |
//! | `deceiving` | the test pictures | that of another class |
//!
//! The three tests show the same shapes in the same light; a pixel of the mask is the same in all three. All shapes cover
//! the same area and are brighter than the ground; place, size, turn, colours, light and noise are drawn without looking at the class. The wallpaper is turned,
//! scaled and shifted at random, too. Picture `i` has label `i mod 4`.

mod figure;
mod scene;
#[cfg(test)]
mod tests;
mod wallpaper;

use std::path::{Path, PathBuf};

use isnet_files::{Existing, Place};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::{DataError, Result};
use crate::generated::{self, Drawn};
use crate::rng::{SHAPES, stream};
use crate::sample::{Label, Sample};
use figure::Figure;
use scene::Scene;
use wallpaper::Wallpaper;

/// The names of the classes, by index; in alphabetical order, as a manifest read without a list of classes has them.
pub const CLASSES: [&str; 4] = ["circle", "square", "star", "triangle"];

/// The smallest picture in which a star is not a circle, in pixels.
const SIZE_MIN: usize = 32;

/// What to generate.
///
/// | field | meaning | range | default |
/// |---|---|---|---|
/// | `size` | H and W, pixels | ≥ 32 | 64 |
/// | `train`, `val` | number of pictures | ≥ 0 | 1200, 200 |
/// | `test` | number of pictures in each of the three tests | ≥ 0 | 400 |
/// | `seed` | of everything drawn | any | 0 |
/// | `correlation` | how often the wallpaper follows the class in `train` and `val` | [0, 1] | 1 |
#[derive(Debug, Clone, PartialEq)]
pub struct ShapesConfig {
    /// H and W, pixels.
    pub size: usize,
    /// Number of training pictures.
    pub train: usize,
    /// Number of validation pictures.
    pub val: usize,
    /// Number of pictures in each of `biased`, `standard` and `deceiving`.
    pub test: usize,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Probability that the wallpaper of a `train` or `val` picture is that of its class.
    pub correlation: f64,
}

/// A part of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShapesSplit {
    /// What a classifier learns from; wallpapers follow the class.
    Train,
    /// As `Train`, other pictures.
    Val,
    /// The test pictures, with the wallpapers of training.
    Biased,
    /// The test pictures, with wallpapers of no class.
    Standard,
    /// The test pictures, with the wallpaper of another class.
    Deceiving,
}

/// Draws one picture, in colour. The same `(config, split, index)` gives the same sample, whoever asks and in whatever order.
///
/// A pixel of the mask is touched by the shape. Where the shape covers it in part, the rest of it shows the plain ground
/// under the wallpaper, so that no foreground pixel knows the wallpaper. The sample's `source` is the wallpaper, as it is the
/// place in Waterbirds: `stripes`, `dots`, `checks`, `zigzag`, or `tile` in `standard`. Pixels are whole multiples of 1/255: what
/// [`write()`] puts on disk is exactly this.
///
/// # Panics
/// If `config` is out of range (see the table of [`ShapesConfig`]). An `index` beyond the split's count is fine.
///
/// # Example
/// ```
/// use isnet_data::Label;
/// use isnet_data::shapes::{ShapesConfig, ShapesSplit, generate};
///
/// let config = ShapesConfig::default();
/// let biased = generate(&config, ShapesSplit::Biased, 6);
/// assert_eq!(biased.label, Some(Label::Single(2))); // 6 mod 4: a star
/// assert_eq!(biased.source, "checks");
/// assert_eq!(generate(&config, ShapesSplit::Standard, 6).mask, biased.mask);
/// ```
pub fn generate(config: &ShapesConfig, split: ShapesSplit, index: usize) -> Sample {
    if let Err(error) = config.check() {
        panic!("{error}");
    }
    Case::new(config, split, index).sample(config.size, split, index)
}

/// All pictures of a split, in order of their index; drawn in parallel.
///
/// # Panics
/// As [`generate`].
pub fn dataset(config: &ShapesConfig, split: ShapesSplit) -> Vec<Sample> {
    (0..config.count(split)).into_par_iter().map(|index| generate(config, split, index)).collect()
}

/// Writes all splits below `folder`: `images/<split>-<index>.png`, `masks/<pictures>-<index>.png` (one mask for the three tests
/// of a picture) and `manifest.csv`, whose path is returned. The folder appears when all of it
/// is written; what was written there earlier is treated as `existing` says.
///
/// The columns `source` and `mark` both name the wallpaper.
///
/// # Errors
/// [`DataError::Setting`] if `config` is out of range; [`DataError::Files`] for a folder that is not free or cannot be written.
///
/// # Example
/// ```
/// use isnet_data::Existing;
/// use isnet_data::shapes::{ShapesConfig, write};
///
/// let folder = tempfile::tempdir()?;
/// let config = ShapesConfig { train: 4, val: 0, test: 1, ..ShapesConfig::default() };
/// let manifest = write(&config, folder.path(), Existing::Refuse)?;
/// assert_eq!(std::fs::read_to_string(manifest)?.lines().count(), 1 + 4 + 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(config: &ShapesConfig, folder: &Path, existing: Existing) -> Result<PathBuf> {
    config.check()?;
    let place = Place { command: "data shapes", folder, existing, inputs: &[], searched: &[] };
    generated::write(&place, &ShapesSplit::ALL.map(|split| config.count(split)), |split, index| {
        let split = ShapesSplit::ALL[split];
        let case = Case::new(config, split, index);
        let sample = case.sample(config.size, split, index);
        Drawn {
            mask: match split.pictures() {
                Pictures::Test => format!("test-{index:05}"),
                _ => sample.id.clone(),
            },
            mask_is_shared: matches!(split, ShapesSplit::Standard | ShapesSplit::Deceiving),
            label: CLASSES[index % CLASSES.len()],
            split: split.name(),
            mark: sample.source.clone(),
            sample,
        }
    })
}

impl Default for ShapesConfig {
    fn default() -> Self {
        Self { size: 64, train: 1200, val: 200, test: 400, seed: 0, correlation: 1.0 }
    }
}

impl ShapesConfig {
    /// Number of pictures of `split`.
    pub fn count(&self, split: ShapesSplit) -> usize {
        match split {
            ShapesSplit::Train => self.train,
            ShapesSplit::Val => self.val,
            _ => self.test,
        }
    }

    /// The names of the classes, by index.
    pub fn class_names(&self) -> Vec<String> {
        CLASSES.map(str::to_owned).to_vec()
    }

    /// Whether pictures can be drawn from this.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first field that is outside the table of [`ShapesConfig`].
    pub fn check(&self) -> Result<()> {
        let fields = [
            ("size", self.size.to_string(), "at least 32", self.size >= SIZE_MIN),
            ("correlation", self.correlation.to_string(), "from 0 to 1", (0.0..=1.0).contains(&self.correlation)),
        ];
        match fields.into_iter().find(|&(.., in_range)| !in_range) {
            Some((setting, value, range, _)) => Err(DataError::Setting { setting, value, range }),
            None => Ok(()),
        }
    }
}

impl ShapesSplit {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Train, Self::Val, Self::Biased, Self::Standard, Self::Deceiving];

    /// The name in a manifest's `split` column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Biased => "biased",
            Self::Standard => "standard",
            Self::Deceiving => "deceiving",
        }
    }

    fn pictures(self) -> Pictures {
        match self {
            Self::Train => Pictures::Train,
            Self::Val => Pictures::Val,
            Self::Biased | Self::Standard | Self::Deceiving => Pictures::Test,
        }
    }
}

/// A group of pictures; none is in two of them. The number is part of the key of every draw.
#[derive(Clone, Copy)]
enum Pictures {
    Train,
    Val,
    Test,
}

/// The parts of a picture that are drawn from generators of their own, so that none depends on another.
#[derive(Clone, Copy)]
enum Part {
    Scene,
    Wallpaper,
    Noise,
}

/// Everything that decides a picture but is not drawn yet.
struct Case {
    figure: Figure,
    wallpaper: Wallpaper,
    seed: u64,
    /// `[pictures, index]`: the three tests share it.
    picture: [u64; 2],
}

impl Case {
    fn new(config: &ShapesConfig, split: ShapesSplit, index: usize) -> Self {
        let label = index % CLASSES.len();
        let picture = [split.pictures() as u64, index as u64];
        let mut case =
            Self { figure: Figure::ALL[label], wallpaper: Wallpaper::BOUND[label], seed: config.seed, picture };
        let mut rng = case.rng(Part::Wallpaper);
        let follows = match split {
            ShapesSplit::Train | ShapesSplit::Val => rng.random_bool(config.correlation),
            ShapesSplit::Biased | ShapesSplit::Standard => true,
            ShapesSplit::Deceiving => false,
        };
        if !follows {
            case.wallpaper = Wallpaper::BOUND[(label + rng.random_range(1..CLASSES.len())) % CLASSES.len()];
        }
        if split == ShapesSplit::Standard {
            case.wallpaper = Wallpaper::Tile(rng.random());
        }
        case
    }

    fn sample(&self, size: usize, split: ShapesSplit, index: usize) -> Sample {
        let scene = Scene::random(self.figure, &mut self.rng(Part::Scene));
        let (mut image, mask) = scene.draw(size);
        scene.paper(&mut image, &mask, self.wallpaper);
        scene.light(&mut image, &mut self.rng(Part::Noise));
        Sample {
            image,
            mask: Some(mask),
            label: Some(Label::Single(index % CLASSES.len())),
            id: format!("{}-{index:05}", split.name()),
            source: self.wallpaper.name().to_owned(),
        }
    }

    fn rng(&self, part: Part) -> ChaCha8Rng {
        stream(self.seed, &[SHAPES, self.picture[0], self.picture[1], part as u64])
    }
}
