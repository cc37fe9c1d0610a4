//! Phantoms as files.

use std::path::{Path, PathBuf};

use isnet_files::{Existing, Place};

use super::{CLASSES, Case, Patients, PhantomConfig, PhantomSplit, generate};
use crate::error::Result;
use crate::generated::{self, Drawn};

/// Writes all splits below `folder`: `images/<split>-<index>.png`, `masks/<patients>-<index>.png` (one mask for the three
/// tests of a patient) and `manifest.csv`, whose path is returned. The folder appears when all of it
/// is written; what was written there earlier is treated as `existing` says.
///
/// The column `mark` says whose mark is burned in: a class, `none`, or `neutral` for the one mark of the external hospital.
///
/// # Errors
/// [`DataError::Setting`](crate::DataError::Setting) if `config` is out of range; [`DataError::Files`](crate::DataError::Files)
/// for a folder that is not free or cannot be written.
///
/// # Example
/// ```
/// use isnet_data::Existing;
/// use isnet_data::phantom::{PhantomConfig, write};
///
/// let folder = tempfile::tempdir()?;
/// let config = PhantomConfig { train: 3, val: 0, test: 1, ..PhantomConfig::default() };
/// let manifest = write(&config, folder.path(), Existing::Refuse)?;
/// assert_eq!(std::fs::read_to_string(manifest)?.lines().count(), 1 + 3 + 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(config: &PhantomConfig, folder: &Path, existing: Existing) -> Result<PathBuf> {
    config.check()?;
    let place = Place { command: "data phantom", folder, existing, inputs: &[], searched: &[] };
    generated::write(&place, &PhantomSplit::ALL.map(|split| config.count(split)), |split, index| {
        let split = PhantomSplit::ALL[split];
        let sample = generate(config, split, index);
        let mark = match (split, Case::new(config, split, index).mark) {
            (PhantomSplit::External, _) => "neutral",
            (_, Some(class)) => CLASSES[class],
            (_, None) => "none",
        };
        Drawn {
            mask: match split.patients() {
                Patients::Test => format!("test-{index:05}"),
                _ => sample.id.clone(),
            },
            mask_is_shared: matches!(split, PhantomSplit::Standard | PhantomSplit::Deceiving),
            label: CLASSES[index % config.classes],
            split: split.name(),
            mark: mark.to_owned(),
            sample,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_reads_back;
    use crate::{CheckOptions, Label, Manifest, ManifestOptions, Sample, check};

    fn small(channels: usize) -> PhantomConfig {
        PhantomConfig { size: 32, channels, train: 9, val: 3, test: 3, ..PhantomConfig::default() }
    }

    #[test]
    fn what_is_read_back_is_what_was_drawn() {
        for channels in [1, 3] {
            let (folder, config) = (tempfile::tempdir().unwrap(), small(channels));
            let manifest = write(&config, folder.path(), Existing::Refuse).unwrap();
            let manifest = Manifest::read(manifest, &ManifestOptions::default()).unwrap();
            assert_eq!(manifest.classes, config.class_names());
            for split in PhantomSplit::ALL {
                let drawn: Vec<Sample> =
                    (0..config.count(split)).map(|index| generate(&config, split, index)).collect();
                for (index, sample) in drawn.iter().enumerate() {
                    assert_eq!(sample.label, Some(Label::Single(index % 3)));
                }
                assert_reads_back(&manifest, split.name(), drawn);
            }
        }
    }

    #[test]
    fn the_data_check_has_nothing_to_say() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = write(&small(1), folder.path(), Existing::Refuse).unwrap();
        let manifest = Manifest::read(manifest, &ManifestOptions::default()).unwrap();
        let report = check(&manifest, &CheckOptions::default());
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "not a folder").unwrap();
        let message = write(&small(1), &blocked, Existing::Overwrite).unwrap_err().to_string();
        assert!(message.contains("file` is a file; the output needs a folder"), "{message}");
    }
}
