//! Manifests from public data sets as they are downloaded: layouts, metadata files, mask conventions.
//!
//! A data set is a row of [`KINDS`] and a file below `import/` that reads its lists into entries. All the rest is the same for
//! all: splits, masks, paths, problems. Images are referenced where they lie; masks that must be merged or converted are
//! written as PNG to `masks/<manifest>/` beside the manifest.
//!
//! The layouts were checked against the repositories and loaders named in each file, in November 2026; what could not be confirmed is
//! said there.

mod actualmed;
mod bimcv;
mod celeba;
mod chexpert;
mod covid_chestxray;
mod covid_class;
mod cub;
mod decoy_mnist;
mod entry;
mod figure1;
mod hannover;
mod kermany;
pub(crate) mod mask;
mod mnist;
mod montgomery;
mod nih;
mod oxford_pets;
mod shenzhen;
mod split;
mod stanford_dogs;
mod table;
mod tbx11k;
#[cfg(test)]
mod tests;
mod voc;
mod waterbirds;
mod write;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::check::Count;
use crate::error::{DataError, Result};
use crate::file_problem::FileProblem;
use crate::nearest::nearest;
use crate::seeded_splits::Shares;
use entry::Found;

/// The columns of an imported manifest. All data sets have the same, so that manifests in one folder can be joined.
pub const COLUMNS: [&str; 10] =
    ["image", "mask", "label", "split", "source", "patient", "age", "sex", "view", "finding"];

/// A data set that can be imported.
pub struct Kind {
    /// Its name in the command; also the `source` of its images, unless the data set has sources of its own.
    pub name: &'static str,
    /// What it is, and what the folder should hold.
    pub about: &'static str,
    /// The recipe it belongs to, a page of `docs/recipes`.
    pub recipe: &'static str,
    read: fn(&Request, &mut Found) -> Result<()>,
}

/// All of them, by recipe.
pub const KINDS: &[Kind] = &[
    covid_chestxray::KIND,
    kermany::KIND,
    bimcv::KIND,
    hannover::KIND,
    actualmed::KIND,
    figure1::KIND,
    montgomery::KIND,
    shenzhen::KIND,
    tbx11k::KIND,
    nih::KIND,
    chexpert::KIND,
    celeba::KIND,
    stanford_dogs::KIND,
    oxford_pets::KIND,
    waterbirds::KIND,
    cub::KIND,
    mnist::KIND,
    decoy_mnist::KIND,
];

/// How a data set becomes a manifest.
///
/// | field | meaning | default |
/// |---|---|---|
/// | `splits` | whose splits | the data set's own, and seeded ones where it has none |
/// | `val`, `test` | shares of patients in seeded splits, together below 1 | 0.15, 0.15 |
/// | `seed` | of the splits | 0 |
/// | `masks` | a folder with masks that have the names of their images, also with `_mask` at the end | none |
/// | `label` | the class of all images: of a set that is one class (`bimcv`), of films without a finding (`nih`, `chexpert`) | none |
/// | `labels` | the classes to keep in multi-label data sets | all |
/// | `uncertain` | what an uncertain finding is (`chexpert`) | absent |
/// | `parts` | the parts that make the foreground (`celeba`) | `face` |
/// | `output` | what to do if the manifest is there already | refuse |
#[derive(Clone, Debug, PartialEq)]
pub struct ImportSettings {
    /// Whose splits.
    pub splits: Splits,
    /// Share of the patients that become `val`.
    pub val: f64,
    /// Share of the patients that become `test`, where the data set has no test of its own.
    pub test: f64,
    /// Seed of the splits.
    pub seed: u64,
    /// A folder with masks for images that have none.
    pub masks: Option<PathBuf>,
    /// The class of all images.
    pub label: Option<String>,
    /// The classes to keep in multi-label data sets; empty: all.
    pub labels: Vec<String>,
    /// What an uncertain finding is.
    pub uncertain: Uncertain,
    /// The parts of a face that are foreground: `face`, `head`, or names of parts.
    pub parts: Vec<String>,
    /// What to do if the manifest is there already.
    pub output: Output,
}

/// Whose splits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Splits {
    /// The data set's own; where it has none, seeded ones.
    Official,
    /// Seeded ones: no patient is in two, and every class has its share in each.
    Seeded,
    /// All images in this one, as an external test.
    One(String),
}

/// What a finding is of which a report is not certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertain {
    /// Absent.
    Zeros,
    /// Present.
    Ones,
    /// A reason to leave the image out.
    Ignore,
}

/// What to do if the manifest is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Leave it and fail.
    Refuse,
    /// Replace it.
    Overwrite,
    /// Add the new rows to those that are there.
    Append,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportReport {
    /// The manifest.
    pub manifest: PathBuf,
    /// Images per split, class and source.
    pub counts: Vec<Count>,
    /// Images in all.
    pub images: usize,
    /// Of these, with a mask.
    pub with_mask: usize,
    /// Of these, with several labels: the task must be stated where the manifest is used.
    pub with_several_labels: usize,
    /// Masks that were merged or converted and written beside the manifest.
    pub masks_written: usize,
    /// Images that do not belong into the manifest, as lateral views: how many, and why.
    pub skipped: Vec<(String, usize)>,
    /// What is wrong with files and lines; their images are left out.
    pub problems: Vec<FileProblem>,
}

/// What a data set is asked for.
struct Request<'a> {
    folder: &'a Path,
    settings: &'a ImportSettings,
}

impl Default for ImportSettings {
    fn default() -> Self {
        Self {
            splits: Splits::Official,
            val: 0.15,
            test: 0.15,
            seed: 0,
            masks: None,
            label: None,
            labels: Vec::new(),
            uncertain: Uncertain::Zeros,
            parts: vec!["face".into()],
            output: Output::Refuse,
        }
    }
}

/// Writes the manifest of a data set.
///
/// `progress(done, all)` is called after every image, from several threads, and says whether to go on. What is wrong with a
/// line or a file is reported and does not lose the rest. The manifest is written last: where there is none, the import is incomplete.
///
/// # Errors
/// [`DataError::UnknownKind`], [`DataError::Setting`]; [`DataError::Layout`], [`DataError::Missing`], [`DataError::Column`] and
/// [`DataError::BadFile`] for a folder that is not that data set; [`DataError::NothingUsable`];
/// [`DataError::OtherColumns`], [`DataError::Files`]; [`DataError::Interrupted`].
///
/// # Example
/// ```
/// use isnet_data::import::{ImportSettings, import};
/// use isnet_data::{Manifest, ManifestOptions};
///
/// let folder = tempfile::tempdir()?;
/// for name in ["CXR_png", "ManualMask/leftMask", "ManualMask/rightMask"] {
///     std::fs::create_dir_all(folder.path().join(name))?;
///     image::GrayImage::new(4, 4).save(folder.path().join(name).join("MCUCXR_0001_1.png"))?;
/// }
/// let output = folder.path().join("manifest.csv");
/// let report = import("montgomery", folder.path(), &output, &ImportSettings::default(), &|_, _| true)?;
/// assert_eq!((report.images, report.masks_written), (1, 1)); // the left and the right lung in one mask
/// let manifest = Manifest::read(&output, &ManifestOptions::default())?;
/// assert_eq!(manifest.classes, ["tuberculosis"]); // the name ends in _1
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn import(
    kind: &str,
    folder: &Path,
    output: &Path,
    settings: &ImportSettings,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<ImportReport> {
    let kind = find(kind)?;
    Shares { val: settings.val, test: settings.test }.check()?;
    if !folder.is_dir() {
        return Err(DataError::missing(folder.to_path_buf()));
    }
    let mut found = Found::new(kind.name, folder);
    (kind.read)(&Request { folder, settings }, &mut found)?;
    if let Some(masks) = &settings.masks {
        mask::from_folder(masks, &mut found)?;
    }
    split::assign(&mut found.entries, settings);
    write::write(found, folder, output, settings.output, progress)
}

fn find(name: &str) -> Result<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| DataError::UnknownKind {
        kind: name.into(),
        nearest: nearest(name, KINDS.iter().map(|kind| kind.name)).map(String::from),
        known: KINDS.iter().map(|kind| kind.name.into()).collect(),
    })
}

impl FromStr for Uncertain {
    type Err = DataError;

    /// # Errors
    /// [`DataError::Setting`].
    fn from_str(word: &str) -> Result<Self, DataError> {
        match word {
            "zeros" => Ok(Self::Zeros),
            "ones" => Ok(Self::Ones),
            "ignore" => Ok(Self::Ignore),
            _ => Err(DataError::Setting {
                setting: "uncertain",
                value: format!("`{word}`"),
                range: "`zeros`, `ones` or `ignore`",
            }),
        }
    }
}
