//! What lies in a folder, read as images with labels and masks: a first manifest for data that have none.
//!
//! ```text
//! images, masks and tables below a folder ─► Survey {images, findings} ─► manifest.csv
//!              │ words: which folder, file or column is what
//!              ├ a table of the images (CSV)     labels, splits, patients and masks from its columns
//!              └ else a folder per class         labels from folders
//! ```
//!
//! Nothing is guessed in silence: every assumption is a sentence of [`Survey::findings`], and what cannot be told is an error that names the option to say it
//! with.

mod folders;
mod masks;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result};
use crate::manifest::walk::images_below;
use crate::patients::guess_patients;
use crate::read_image::{image_size, read_image};
use crate::relative_path::{relative_path, resolved};
use crate::seeded_splits::{Shares, seeded_splits};
use masks::MaskFiles;

/// What is known beforehand about a folder; nothing by default.
///
/// | field | meaning | default |
/// |---|---|---|
/// | `table` | the table of the images | the one CSV file in the folder, or none |
/// | `columns` | columns of the table by role | by their names |
/// | `masks` | the folder of the masks | folders and files whose names say so |
/// | `guess_patients` | whether file names may tell patients | yes |
/// | `val`, `test` | shares of patients, where splits are drawn, together below 1 | 0.15, 0.15 |
/// | `seed` | of the splits | 0 |
#[derive(Clone, Debug, PartialEq)]
pub struct SurveySettings {
    /// The table of the images, a CSV file.
    pub table: Option<PathBuf>,
    /// The column for a role, where its name does not say it.
    pub columns: BTreeMap<Role, String>,
    /// The folder of the masks.
    pub masks: Option<PathBuf>,
    /// Whether file names may tell patients.
    pub guess_patients: bool,
    /// Share of the patients to validate on.
    pub val: f64,
    /// Share of the patients to test on.
    pub test: f64,
    /// Seed of the splits.
    pub seed: u64,
}

/// What a column of a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The image file.
    Image,
    /// The mask file.
    Mask,
    /// The class, or several.
    Label,
    /// Where the image comes from.
    Source,
    /// The split.
    Split,
    /// Whose image it is.
    Patient,
}

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// The images, in the order of the table or of their paths.
    pub images: Vec<SurveyedImage>,
    /// Further columns of the table.
    pub extra: Vec<String>,
    /// What was found and assumed, a sentence each.
    pub findings: Vec<String>,
    /// Height and width of the smallest and of the largest image, by the shorter side, among those that were looked at.
    pub sizes: Option<[(usize, usize); 2]>,
    /// Whether one of the images that were looked at has colours.
    pub has_colour: bool,
    /// Whether one of them has more than 8 bits.
    pub has_sixteen_bits: bool,
}

/// An image with what is known about it. Texts are empty where nothing is.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyedImage {
    /// The image file.
    pub image: PathBuf,
    /// Its mask.
    pub mask: Option<PathBuf>,
    /// Its class, or several joined by `|`.
    pub label: String,
    /// Where it comes from.
    pub source: String,
    /// `train`, `val`, `test`, or another name of a test.
    pub split: String,
    /// Whose image it is.
    pub patient: String,
    /// The other cells of its row.
    pub extra: Vec<String>,
}

/// Images whose header is read for sizes.
const SIZED: usize = 200;
/// Images that are decoded for colours and depth.
const DECODED: usize = 12;

/// What an image says in a column.
type Cell = fn(&SurveyedImage) -> &str;

impl Default for SurveySettings {
    fn default() -> Self {
        Self {
            table: None,
            columns: BTreeMap::new(),
            masks: None,
            guess_patients: true,
            val: 0.15,
            test: 0.15,
            seed: 0,
        }
    }
}

impl Survey {
    /// Looks at what lies in a folder.
    ///
    /// # Errors
    /// [`DataError::Missing`]; [`DataError::Empty`] without images; [`DataError::Unclear`] where labels, images or the table cannot be told, with the option
    /// to say it; [`DataError::Setting`] for shares that are none; errors of a table that cannot be read.
    ///
    /// # Example
    /// ```
    /// use isnet_data::survey::{Survey, SurveySettings};
    /// let folder = tempfile::tempdir()?;
    /// for name in ["films/ill/a.png", "films/healthy/b.png", "lung_masks/ill/a.png"] {
    ///     let path = folder.path().join(name);
    ///     std::fs::create_dir_all(path.parent().unwrap())?;
    ///     image::GrayImage::new(8, 8).save(path)?;
    /// }
    /// let survey = Survey::of(folder.path(), &SurveySettings::default())?;
    /// let labels: Vec<_> = survey.images.iter().map(|image| (image.label.as_str(), image.mask.is_some())).collect();
    /// assert_eq!(labels, [("healthy", false), ("ill", true)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(folder: &Path, settings: &SurveySettings) -> Result<Self> {
        Shares { val: settings.val, test: settings.test }.check()?;
        if !folder.is_dir() {
            return Err(DataError::missing(folder.to_path_buf()));
        }
        let mut findings = Vec::new();
        let files = visible_images(folder, &mut findings)?;
        let (masks, images) = MaskFiles::part(folder, files, settings.masks.as_deref())?;
        let table = match &settings.table {
            Some(table) => Some(table.clone()),
            None => table::only_table(folder)?,
        };
        let (mut images, extra) = match table {
            Some(table) => table::read(&table, folder, &images, settings, &mut findings)?,
            None => (folders::read(folder, images, &mut findings)?, Vec::new()),
        };
        if images.is_empty() {
            return Err(DataError::Empty { path: folder.to_path_buf(), is_table: false });
        }
        masks.assign(folder, &mut images, &mut findings);
        let mut survey = Self { images, extra, findings, sizes: None, has_colour: false, has_sixteen_bits: false };
        survey.find_patients(folder, settings);
        survey.draw_splits(settings);
        survey.look();
        Ok(survey)
    }

    /// The classes in order, each with its number of images.
    pub fn classes(&self) -> BTreeMap<&str, usize> {
        let mut classes = BTreeMap::new();
        for label in self.images.iter().flat_map(|image| image.label.split('|')).map(str::trim) {
            if !label.is_empty() {
                *classes.entry(label).or_default() += 1;
            }
        }
        classes
    }

    /// How many images have a mask.
    pub fn with_mask(&self) -> usize {
        self.images.iter().filter(|image| image.mask.is_some()).count()
    }

    /// Whether an image has several classes.
    pub fn has_several_labels(&self) -> bool {
        self.images.iter().any(|image| image.label.contains('|'))
    }

    /// The manifest, as it would be written into a folder; paths start there.
    ///
    /// # Errors
    /// [`DataError::Missing`] or [`DataError::Read`] if the folder does not exist, [`DataError::PathNotUtf8`].
    pub fn manifest(&self, folder: &Path) -> Result<Vec<u8>> {
        let folder = resolved(folder)?;
        let is_said = |cell: Cell| self.images.iter().any(|image| !cell(image).is_empty());
        let optional: [(&str, Cell); 2] = [("source", |image| &image.source), ("patient", |image| &image.patient)];
        let optional: Vec<(&str, Cell)> = optional.into_iter().filter(|(_, cell)| is_said(*cell)).collect();
        let mut csv = csv::Writer::from_writer(Vec::new());
        let failed = |cause| DataError::Csv { path: folder.join("manifest.csv"), cause };
        let header = ["image", "mask", "label", "split"].into_iter().chain(optional.iter().map(|(name, _)| *name));
        csv.write_record(header.chain(self.extra.iter().map(String::as_str))).map_err(failed)?;
        for image in &self.images {
            let mask = image.mask.as_ref().map(|mask| relative_path(&folder, mask)).transpose()?;
            let known = [
                relative_path(&folder, &image.image)?,
                mask.unwrap_or_default(),
                image.label.clone(),
                image.split.clone(),
            ];
            let optional = optional.iter().map(|(_, cell)| cell(image).to_owned());
            csv.write_record(known.into_iter().chain(optional).chain(image.extra.iter().cloned())).map_err(failed)?;
        }
        csv.into_inner().map_err(|error| failed(error.into_error().into()))
    }

    /// Patients from file names, where nothing else says whose an image is.
    fn find_patients(&mut self, folder: &Path, settings: &SurveySettings) {
        if self.images.iter().any(|image| !image.patient.is_empty()) {
            return;
        }
        let no_patients = "Nothing says which images are of one patient: every image counts as a patient of its own. If a patient has several, name the \
                           column (`--patient-column`), or figures will look better than they are.";
        let name = |image: &SurveyedImage| {
            image.image.strip_prefix(folder).unwrap_or(&image.image).display().to_string().replace('\\', "/")
        };
        let names: Vec<String> = self.images.iter().map(name).collect();
        let labels: Vec<&str> = self.classes().into_keys().collect();
        let class =
            |image: &SurveyedImage| labels.iter().position(|label| *label == image.label).unwrap_or(labels.len());
        let classes: Vec<usize> = self.images.iter().map(class).collect();
        let guessed = if settings.guess_patients { guess_patients(&names, &classes) } else { None };
        let Some(guessed) = guessed else {
            self.findings.push(no_patients.into());
            return;
        };
        self.findings.push(format!(
            "File names seem to say whose image it is: `{}` and `{}` are taken for one patient's, {} patients in all. Say `--independent` if they do not.",
            guessed.example[0], guessed.example[1], guessed.patients
        ));
        for (image, patient) in self.images.iter_mut().zip(guessed.of_image) {
            image.patient = patient;
        }
    }

    /// Splits where there are none, and a validation split where training has none to choose by.
    fn draw_splits(&mut self, settings: &SurveySettings) {
        let has_splits = self.images.iter().any(|image| !image.split.is_empty());
        let has = |split: &str| self.images.iter().any(|image| image.split == split);
        let (drawn, shares): (Vec<usize>, Shares) = match (has_splits, has("val")) {
            (true, true) => return,
            (true, false) => {
                let of_training = |&index: &usize| self.images[index].split == "train";
                ((0..self.images.len()).filter(of_training).collect(), Shares { val: settings.val, test: 0.0 })
            }
            (false, _) => ((0..self.images.len()).collect(), Shares { val: settings.val, test: settings.test }),
        };
        let key = |&index: &usize| {
            let image = &self.images[index];
            let own = format!(" {}", image.image.display());
            let patient = if image.patient.is_empty() { own } else { image.patient.clone() };
            (image.label.clone(), patient)
        };
        let keys: Vec<(String, String)> = drawn.iter().map(key).collect();
        for (index, split) in drawn.into_iter().zip(seeded_splits(&keys, shares, settings.seed)) {
            self.images[index].split = split.into();
        }
        let count = |split: &str| self.images.iter().filter(|image| image.split == split).count();
        let by = match self.images.iter().any(|image| !image.patient.is_empty()) {
            true => "by patient and class",
            false => "by class",
        };
        let seed = settings.seed;
        self.findings.push(match has_splits {
            true => format!(
                "There is no validation split: {} of the training images were drawn for it, {by} (seed {seed}).",
                count("val")
            ),
            false => format!(
                "No split is given: drawn {by} (seed {seed}), {} to train, {} to validate, {} to test.",
                count("train"),
                count("val"),
                count("test")
            ),
        });
    }

    /// Sizes, colours and depth of some of the images, spread over all.
    fn look(&mut self) {
        let some = |most: usize| {
            let step = self.images.len().div_ceil(most).max(1);
            self.images.iter().step_by(step).map(|image| image.image.as_path())
        };
        // Files that cannot be read are for the check to list.
        let mut sizes: Vec<(usize, usize)> = some(SIZED).filter_map(|path| image_size(path).ok()).collect();
        sizes.sort_by_key(|(height, width)| (*height.min(width), *height, *width));
        let decoded: Vec<_> = some(DECODED).filter_map(|path| read_image(path).ok()).collect();
        self.sizes = sizes.first().zip(sizes.last()).map(|(first, last)| [*first, *last]);
        self.has_colour = decoded.iter().any(|image| image.channels == 3);
        self.has_sixteen_bits = decoded.iter().any(|image| image.sixteen_bit);
    }
}

/// Images below a folder, without those that our own commands wrote into folders of theirs.
fn visible_images(folder: &Path, findings: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let walk = images_below(folder, folder)?;
    // Asked once per folder, not once per image.
    let mut known: BTreeMap<PathBuf, bool> = BTreeMap::new();
    let mut is_output = |path: &PathBuf| {
        let above = path.ancestors().skip(1).take_while(|above| *above != folder);
        above.into_iter().any(|above| match known.get(above) {
            Some(wrote) => *wrote,
            None => {
                let wrote = above.join(isnet_files::MARKER).exists() || above.join("model.json").exists();
                known.insert(above.to_path_buf(), wrote);
                wrote
            }
        })
    };
    let (outputs, images): (Vec<PathBuf>, Vec<PathBuf>) = walk.found.into_iter().partition(&mut is_output);
    if !outputs.is_empty() {
        findings.push(format!(
            "{} images in folders that isnet wrote (runs, heatmaps, generated data) are left out.",
            outputs.len()
        ));
    }
    Ok(images)
}
