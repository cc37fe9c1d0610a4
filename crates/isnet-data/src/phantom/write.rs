//! Phantoms as files: PNG images, PNG masks and the manifest that lists them.

use std::fs;
use std::path::{Path, PathBuf};

use image::ImageError;
use rayon::prelude::*;

use super::{Case, Patients, PhantomConfig, PhantomSplit, generate};
use crate::sample::Sample;
use crate::write_image::BitDepth;

/// Why phantoms could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhantomError {
    /// A field of the configuration is out of range.
    #[error("phantom `{field}` must be {range}, got {value}")]
    OutOfRange {
        /// The field of [`PhantomConfig`].
        field: &'static str,
        /// Its value.
        value: String,
        /// The values that it may have.
        range: &'static str,
    },
    /// A folder could not be made.
    #[error("cannot make the folder `{}`: {cause}; choose a folder that may be written", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// An image or a mask could not be written.
    #[error("cannot write `{}`: {cause}; free some space or choose another folder", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the encoder says.
        cause: ImageError,
    },
    /// The manifest could not be written.
    #[error("cannot write `{}`: {cause}; free some space or choose another folder", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What the CSV writer says.
        cause: csv::Error,
    },
}

/// One line of the manifest.
type Row = [String; 6];

const HEADER: [&str; 6] = ["image", "mask", "label", "source", "split", "mark"];

/// Writes all splits below `folder`: `images/<split>-<index>.png`, `masks/<patients>-<index>.png` (one mask for the three
/// tests of a patient) and `manifest.csv`, whose path is returned. Older phantoms of the same names are replaced.
///
/// The column `mark` says whose mark is burned in: a class, `none`, or `neutral` for the one mark of the external hospital.
///
/// # Errors
/// [`PhantomError`] if `config` is out of range, or if a folder or file cannot be written. The manifest is written last:
/// where there is none, the phantoms are incomplete.
///
/// # Example
/// ```
/// use isnet_data::phantom::{PhantomConfig, write};
///
/// let folder = tempfile::tempdir()?;
/// let config = PhantomConfig { train: 3, val: 0, test: 1, ..PhantomConfig::default() };
/// let manifest = write(&config, folder.path())?;
/// assert_eq!(std::fs::read_to_string(manifest)?.lines().count(), 1 + 3 + 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(config: &PhantomConfig, folder: &Path) -> Result<PathBuf, PhantomError> {
    config.check()?;
    for name in ["images", "masks"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(|cause| PhantomError::Folder { path, cause })?;
    }
    let phantoms: Vec<(PhantomSplit, usize)> = PhantomSplit::ALL
        .into_iter()
        .flat_map(|split| (0..config.count(split)).map(move |index| (split, index)))
        .collect();
    let rows: Vec<Row> = phantoms
        .into_par_iter()
        .map(|(split, index)| write_phantom(config, folder, split, index))
        .collect::<Result<_, _>>()?;
    let path = folder.join("manifest.csv");
    match write_manifest(&path, &rows) {
        Ok(()) => Ok(path),
        Err(cause) => Err(PhantomError::Manifest { path, cause }),
    }
}

fn write_phantom(
    config: &PhantomConfig,
    folder: &Path,
    split: PhantomSplit,
    index: usize,
) -> Result<Row, PhantomError> {
    let Sample { image, mask, id, source, .. } = generate(config, split, index);
    let image_path = format!("images/{id}.png");
    let mask_path = match split.patients() {
        Patients::Test => format!("masks/test-{index:05}.png"),
        _ => format!("masks/{id}.png"),
    };
    save(&folder.join(&image_path), &image.pixels, [config.size, config.size, config.channels])?;
    // The mask of a test patient is written once, with the first of the three tests.
    if !matches!(split, PhantomSplit::Standard | PhantomSplit::Deceiving) {
        let lungs = mask.map(|mask| mask.values).unwrap_or_default();
        save(&folder.join(&mask_path), &lungs, [config.size, config.size, 1])?;
    }
    let label = super::CLASSES[index % config.classes].to_owned();
    let mark = match (split, Case::new(config, split, index).mark) {
        (PhantomSplit::External, _) => "neutral",
        (_, Some(class)) => super::CLASSES[class],
        (_, None) => "none",
    };
    Ok([image_path, mask_path, label, source, split.name().to_owned(), mark.to_owned()])
}

fn save(path: &Path, values: &[f32], shape: [usize; 3]) -> Result<(), PhantomError> {
    crate::write_image::save(path, values, shape, BitDepth::Eight)
        .map_err(|cause| PhantomError::Picture { path: path.to_owned(), cause })
}

fn write_manifest(path: &Path, rows: &[Row]) -> Result<(), csv::Error> {
    let mut manifest = csv::Writer::from_path(path)?;
    manifest.write_record(HEADER)?;
    for row in rows {
        manifest.write_record(row)?;
    }
    Ok(manifest.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckOptions, Label, Manifest, ManifestOptions, check, read_image, read_mask};

    fn small(channels: usize) -> PhantomConfig {
        PhantomConfig { size: 32, channels, train: 9, val: 3, test: 3, ..PhantomConfig::default() }
    }

    #[test]
    fn what_is_read_back_is_what_was_drawn() {
        for channels in [1, 3] {
            let (folder, config) = (tempfile::tempdir().unwrap(), small(channels));
            let manifest = write(&config, folder.path()).unwrap();
            let manifest = Manifest::read(manifest, &ManifestOptions::default()).unwrap();
            assert_eq!(manifest.classes, config.class_names());
            for split in PhantomSplit::ALL {
                let records = manifest.split(split.name());
                assert_eq!(records.len(), config.count(split), "{}", split.name());
                for (index, record) in records.into_iter().enumerate() {
                    let (record, drawn) = (&manifest.records[record], generate(&config, split, index));
                    assert_eq!(read_image(&record.image).unwrap(), drawn.image);
                    assert_eq!(read_mask(record.mask.as_ref().unwrap()).unwrap().0, drawn.mask.unwrap());
                    assert_eq!(record.label, Some(Label::Single(index % 3)));
                    assert_eq!(record.source, drawn.source);
                }
            }
        }
    }

    #[test]
    fn the_data_check_has_nothing_to_say() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = write(&small(1), folder.path()).unwrap();
        let manifest = Manifest::read(manifest, &ManifestOptions::default()).unwrap();
        let report = check(&manifest, &CheckOptions::default());
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "not a folder").unwrap();
        let message = write(&small(1), &blocked).unwrap_err().to_string();
        assert!(message.contains("cannot make the folder") && message.contains("file/images"), "{message}");
    }
}
