//! Chest phantoms: the data set that is always at hand, with masks that are exact and a bias that is known.
//!
//! A phantom is a drawn radiograph: body, two lungs, heart, spine, ribs, vessels, noise. The classes differ inside the
//! lungs only ([`CLASSES`]). Three hospitals expose, frame and furnish their films differently, and burn a mark into the
//! background. In training the mark follows the class, so that a classifier can do without the lungs; that is the
//! *synthetic background bias* of Bassi et al., Nature Communications 15, 291 (2024), on chest films.
//!
//! | split | patients | mark |
//! |---|---|---|
//! | `train`, `val` | their own | that of the class, with probability `mark_correlation`; else that of another class |
//! | `biased` | the test patients | that of the class |
//! | `standard` | the test patients | none |
//! | `deceiving` | the test patients | that of another class |
//! | `external` | their own, of a hospital never seen | one mark for all classes |
//!
//! The three tests show the same films; only the mark differs. A model that ignores backgrounds scores the same on all
//! three; one that reads marks falls from 1 to 0. Labels and hospitals are crossed evenly: phantom `i` has label `i mod K`
//! and hospital `⌊i / K⌋ mod 3`, so a hospital by itself says nothing about the class.

mod anatomy;
mod canvas;
mod disease;
mod hospital;
mod mark;
#[cfg(test)]
mod tests;
mod write;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::{DataError, Result};
use crate::rng::{PHANTOM, stream};
use crate::sample::{Image, Label, Mask, Sample};
use anatomy::Anatomy;
use canvas::Canvas;
use disease::Disease;
use hospital::{EXTERNAL, Hospital, KNOWN};
pub use write::write;

/// The names of the classes, by index: no opacity; many small grains in both lungs; one to three cloudy patches.
///
/// In alphabetical order, so that a manifest read without a list of classes gives every phantom the same index.
pub const CLASSES: [&str; 3] = ["clear", "diffuse", "focal"];

/// The smallest picture in which a grain is still visible, in pixels.
const SIZE_MIN: usize = 32;

/// What to generate.
///
/// | field | meaning | range | default |
/// |---|---|---|---|
/// | `size` | H and W, pixels | ≥ 32 | 64 |
/// | `channels` | C; 3 repeats the gray value | 1 or 3 | 1 |
/// | `classes` | K, the first of [`CLASSES`] | 2 or 3 | 3 |
/// | `train`, `val` | number of phantoms | ≥ 0 | 1080, 180 |
/// | `test` | number of phantoms in each of the four tests | ≥ 0 | 270 |
/// | `seed` | of everything drawn | any | 0 |
/// | `mark_correlation` | how often the mark follows the class in `train` and `val` | [0, 1] | 1 |
#[derive(Debug, Clone, PartialEq)]
pub struct PhantomConfig {
    /// H and W, pixels.
    pub size: usize,
    /// C: 1 gray, 3 the same value three times.
    pub channels: usize,
    /// K: the first `classes` of [`CLASSES`].
    pub classes: usize,
    /// Number of training phantoms.
    pub train: usize,
    /// Number of validation phantoms.
    pub val: usize,
    /// Number of phantoms in each of `biased`, `standard`, `deceiving` and `external`.
    pub test: usize,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Probability that the mark of a `train` or `val` phantom is that of its class.
    pub mark_correlation: f64,
}

/// A part of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PhantomSplit {
    /// What a classifier learns from; marks follow the class.
    Train,
    /// As `Train`, other patients.
    Val,
    /// The test patients, with the marks of training.
    Biased,
    /// The test patients, without marks.
    Standard,
    /// The test patients, with the mark of another class.
    Deceiving,
    /// Other patients, of a hospital never seen.
    External,
}

/// Everything that decides a phantom but is not drawn yet.
struct Case {
    hospital: &'static Hospital,
    disease: Disease,
    /// The class whose mark is burned in.
    mark: Option<usize>,
    seed: u64,
    /// `[patients, index]`: the three tests share it.
    patient: [u64; 2],
}

/// A film and its lungs, `size` × `size` values each.
struct Film {
    pixels: Vec<f32>,
    lungs: Vec<f32>,
}

/// Draws one phantom. The same `(config, split, index)` gives the same sample, whoever asks and in whatever order.
///
/// Pixels are whole multiples of 1/255: what [`write()`] puts on disk is exactly this.
///
/// # Panics
/// If `config` is out of range (see the table of [`PhantomConfig`]). An `index` beyond the split's count is fine.
///
/// # Example
/// ```
/// use isnet_data::phantom::{PhantomConfig, PhantomSplit, generate};
/// use isnet_data::Label;
///
/// let config = PhantomConfig::default();
/// let sample = generate(&config, PhantomSplit::Deceiving, 4);
/// assert_eq!(sample.label, Some(Label::Single(1))); // 4 mod 3: `diffuse`
/// assert_eq!(sample.source, "hospital_b"); // ⌊4 / 3⌋ mod 3 = 1
/// assert_eq!((sample.image.height, sample.image.channels), (64, 1));
/// ```
pub fn generate(config: &PhantomConfig, split: PhantomSplit, index: usize) -> Sample {
    if let Err(error) = config.check() {
        panic!("{error}");
    }
    let case = Case::new(config, split, index);
    let film = case.film(config.size);
    let repeat = |&value: &f32| std::iter::repeat_n(value, config.channels);
    let pixels = film.pixels.iter().flat_map(repeat).collect();
    Sample {
        image: Image::new(config.size, config.size, config.channels, pixels),
        mask: Some(Mask::new(config.size, config.size, film.lungs)),
        label: Some(Label::Single(index % config.classes)),
        id: format!("{}-{index:05}", split.name()),
        source: case.hospital.name.to_owned(),
    }
}

/// All phantoms of a split, in order of their index; drawn in parallel.
///
/// # Panics
/// As [`generate`].
pub fn dataset(config: &PhantomConfig, split: PhantomSplit) -> Vec<Sample> {
    (0..config.count(split)).into_par_iter().map(|index| generate(config, split, index)).collect()
}

impl Default for PhantomConfig {
    fn default() -> Self {
        Self { size: 64, channels: 1, classes: 3, train: 1080, val: 180, test: 270, seed: 0, mark_correlation: 1.0 }
    }
}

impl PhantomConfig {
    /// Number of phantoms of `split`.
    pub fn count(&self, split: PhantomSplit) -> usize {
        match split {
            PhantomSplit::Train => self.train,
            PhantomSplit::Val => self.val,
            _ => self.test,
        }
    }

    /// The names of the classes, by index.
    ///
    /// # Panics
    /// If `classes` is more than 3.
    pub fn class_names(&self) -> Vec<String> {
        CLASSES[..self.classes].iter().map(|&name| name.to_owned()).collect()
    }

    /// Whether phantoms can be drawn from this.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first field that is outside the table of [`PhantomConfig`].
    pub fn check(&self) -> Result<()> {
        let fields = [
            ("size", self.size.to_string(), "at least 32", self.size >= SIZE_MIN),
            ("channels", self.channels.to_string(), "1 or 3", matches!(self.channels, 1 | 3)),
            ("classes", self.classes.to_string(), "2 or 3", matches!(self.classes, 2 | 3)),
            (
                "mark_correlation",
                self.mark_correlation.to_string(),
                "from 0 to 1",
                (0.0..=1.0).contains(&self.mark_correlation),
            ),
        ];
        match fields.into_iter().find(|&(.., in_range)| !in_range) {
            Some((setting, value, range, _)) => Err(DataError::Setting { setting, value, range }),
            None => Ok(()),
        }
    }
}

impl PhantomSplit {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Train, Self::Val, Self::Biased, Self::Standard, Self::Deceiving, Self::External];

    /// The name in a manifest's `split` column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Biased => "biased",
            Self::Standard => "standard",
            Self::Deceiving => "deceiving",
            Self::External => "external",
        }
    }

    /// Whose films these are.
    fn patients(self) -> Patients {
        match self {
            Self::Train => Patients::Train,
            Self::Val => Patients::Val,
            Self::Biased | Self::Standard | Self::Deceiving => Patients::Test,
            Self::External => Patients::External,
        }
    }
}

/// A group of people; no one is in two of them. The number is part of the key of every draw.
#[derive(Clone, Copy)]
enum Patients {
    Train,
    Val,
    Test,
    External,
}

/// The parts of a phantom that are drawn from generators of their own, so that none depends on another.
#[derive(Clone, Copy)]
enum Part {
    Anatomy,
    Disease,
    Exposure,
    Mark,
    MarkClass,
}

impl Case {
    fn new(config: &PhantomConfig, split: PhantomSplit, index: usize) -> Self {
        let label = index % config.classes;
        let mut case = Self {
            hospital: match split {
                PhantomSplit::External => &EXTERNAL,
                _ => &KNOWN[index / config.classes % KNOWN.len()],
            },
            disease: Disease::ALL[label],
            mark: None,
            seed: config.seed,
            patient: [split.patients() as u64, index as u64],
        };
        let mut rng = case.rng(Part::MarkClass);
        let other = (label + rng.random_range(1..config.classes)) % config.classes;
        case.mark = match split {
            PhantomSplit::Train | PhantomSplit::Val => {
                Some(if rng.random_bool(config.mark_correlation) { label } else { other })
            }
            PhantomSplit::Biased | PhantomSplit::External => Some(label),
            PhantomSplit::Standard => None,
            PhantomSplit::Deceiving => Some(other),
        };
        case
    }

    fn film(&self, size: usize) -> Film {
        let anatomy = Anatomy::random(&mut self.rng(Part::Anatomy));
        let depth = Canvas::from_fn(size, |at| anatomy.lung_depth(at));
        let mut density = anatomy.density(&depth);
        self.disease.draw(&anatomy, &depth, &mut density, &mut self.rng(Part::Disease));
        let mut film = self.hospital.expose(&density, &depth, &mut self.rng(Part::Exposure));
        if let Some(class) = self.mark {
            self.hospital.burn(class, &depth, &mut film, &mut self.rng(Part::Mark));
        }
        Film {
            pixels: film.values.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() / 255.0).collect(),
            lungs: depth.values.iter().map(|&depth| f32::from(depth > 0.0)).collect(),
        }
    }

    fn rng(&self, part: Part) -> ChaCha8Rng {
        stream(self.seed, &[PHANTOM, self.patient[0], self.patient[1], part as u64])
    }
}
