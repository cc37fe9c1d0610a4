//! Biased data from any data with masks: the synthetic background bias of Bassi et al., Nature Communications 15, 291 (2024).
//!
//! Every class gets a [`Mark`]. The images of training and validation carry the mark of their class (METHOD §6), those of
//! the tests come in three versions:
//!
//! | split | images | mark |
//! |---|---|---|
//! | `train`, `val` | those of training and validation | of the class with probability `correlation`, else of another class |
//! | `biased` | all others | of the class |
//! | `standard` | the same | none |
//! | `deceiving` | the same, marks in the same places | of another class |
//!
//! A model that ignores backgrounds scores the same on the three tests. An image with several classes carries the marks of
//! all of them, or of as many others.

mod row;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use isnet_files::{Existing, Place, StagedFolder};
use rayon::prelude::*;

use crate::error::{DataError, Result};
use crate::file_problem::FileProblem;
use crate::manifest::{Manifest, column_name};
use crate::mark::{Mark, MarkSettings};
use row::{Row, Writer};

/// The splits that are written, in their order.
pub const SPLITS: [&str; 5] = ["train", "val", "biased", "standard", "deceiving"];

/// What is added to the columns of the input: its split, and which marks were drawn, of which classes.
const ADDED: [&str; 3] = ["original_split", "bias_mark", "bias_class"];

/// How data are made biased.
///
/// | field | meaning | default |
/// |---|---|---|
/// | `marks` | a mark per class ([`crate::mark::choose`]) | |
/// | `mark` | how they are drawn, and the seed | any corner, 15 % of the side, opaque, seed 0 |
/// | `correlation` | probability that a mark in `train` and `val` tells the class, in [0, 1] | 1 |
/// | `train_split`, `val_split` | their names in the input | `train`, `val` |
/// | `test_splits` | the splits to be tests | all others |
/// | `originals` | masks and unmarked images | referenced |
/// | `existing` | what to do with an earlier output | refuse |
#[derive(Clone, Debug, PartialEq)]
pub struct BiasSettings {
    /// A mark per class, in the order of the classes.
    pub marks: Vec<Mark>,
    /// How they are drawn.
    pub mark: MarkSettings,
    /// Probability that the mark of an image in `train` or `val` is that of its class.
    pub correlation: f64,
    /// The split that becomes `train`; a manifest without splits is one training split.
    pub train_split: String,
    /// The split that becomes `val`.
    pub val_split: String,
    /// The splits that become the three tests; `None`: all but the two above.
    pub test_splits: Option<Vec<String>>,
    /// What happens to files that are used as they are.
    pub originals: Originals,
    /// What to do if the folder is there already.
    pub existing: Existing,
}

/// What happens to masks and unmarked images, which are used as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Originals {
    /// The new manifest refers to where they are.
    Reference,
    /// They are copied, byte by byte, so that the new folder can be moved.
    Copy,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasReport {
    /// The new manifest.
    pub manifest: PathBuf,
    /// Images per split, in the order of [`SPLITS`]; splits without images are left out.
    pub splits: Vec<BiasCount>,
    /// Records that were left out, in the order of the lines.
    pub problems: Vec<FileProblem>,
}

/// Images of one split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BiasCount {
    /// One of [`SPLITS`].
    pub split: &'static str,
    /// How many there are.
    pub images: usize,
    /// Of these, with a mark that the foreground hides in part.
    pub clipped: usize,
    /// Of these, where a mark could not be drawn, since less than half of every allowed box is background.
    pub no_room: usize,
}

impl BiasSettings {
    /// Settings with the defaults of the table.
    pub fn new(marks: Vec<Mark>) -> Self {
        Self {
            marks,
            mark: MarkSettings::default(),
            correlation: 1.0,
            train_split: "train".into(),
            val_split: "val".into(),
            test_splits: None,
            originals: Originals::Reference,
            existing: Existing::Refuse,
        }
    }

    /// Whether this manifest can be made biased like this.
    fn check(&self, manifest: &Manifest) -> Result<()> {
        self.mark.check()?;
        let (path, classes) = (manifest.path.clone(), manifest.classes.len());
        if !(0.0..=1.0).contains(&self.correlation) {
            let value = self.correlation.to_string();
            return Err(DataError::Setting { setting: "correlation", value, range: "from 0 to 1" });
        }
        if classes < 2 {
            return Err(DataError::TooFewClasses { path, classes });
        }
        if self.marks.len() != classes {
            return Err(DataError::MarkCount { marks: self.marks.len(), classes });
        }
        let mut columns = manifest.records.iter().flat_map(|record| &record.extra).map(|(name, _)| name);
        match columns.find_map(|name| ADDED.into_iter().find(|added| added == name)) {
            Some(column) => Err(DataError::ColumnTaken { path, column }),
            None => Ok(()),
        }
    }

    /// The splits that a record of this split becomes; none if it is not asked for.
    fn becomes(&self, split: &str, has_splits: bool) -> &'static [&'static str] {
        if split == self.train_split || !has_splits {
            &SPLITS[..1]
        } else if split == self.val_split {
            &SPLITS[1..2]
        } else if self.test_splits.as_ref().is_none_or(|tests| tests.iter().any(|test| test == split)) {
            &SPLITS[2..]
        } else {
            &[]
        }
    }
}

/// Writes the biased version of a manifest into a new folder: `images/<split>/…png` at the size and depth of the originals,
/// and `manifest.csv` with all columns of the input and `original_split`, `bias_mark`, `bias_class`.
///
/// `progress(done, all)` is called after every record, from several threads, and says whether to go on. Records without a
/// mask or a label, or with a broken file, are left out and reported. The folder appears when all of it is written.
/// The result depends on the seed and on the order of the records, not on the number of threads.
///
/// # Errors
/// [`DataError::Setting`], [`DataError::MarkCount`], [`DataError::TooFewClasses`], [`DataError::ColumnTaken`] for settings that
/// do not fit; [`DataError::Files`] for a folder that is not free or cannot be written;
/// [`DataError::NothingUsable`]; [`DataError::Interrupted`].
///
/// # Example
/// ```
/// use isnet_data::bias::{BiasSettings, write};
/// use isnet_data::{Existing, Manifest, ManifestOptions, mark, phantom};
///
/// let folder = tempfile::tempdir()?;
/// let config = phantom::PhantomConfig { size: 32, train: 6, val: 0, test: 3, ..Default::default() };
/// let manifest = Manifest::read(phantom::write(&config, &folder.path().join("plain"), Existing::Refuse)?, &ManifestOptions::default())?;
///
/// let mut settings = BiasSettings::new(mark::choose(&[], manifest.classes.len())?);
/// settings.test_splits = Some(vec!["standard".into()]); // phantoms have marks of their own in the other tests
/// let report = write(&manifest, &settings, &folder.path().join("marked"), &|_, _| true)?;
/// let counts: Vec<_> = report.splits.iter().map(|count| (count.split, count.images)).collect();
/// assert_eq!(counts, [("train", 6), ("biased", 3), ("standard", 3), ("deceiving", 3)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(
    manifest: &Manifest,
    settings: &BiasSettings,
    folder: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<BiasReport> {
    settings.check(manifest)?;
    let files = manifest.records.iter().flat_map(|record| [Some(&record.image), record.mask.as_ref()]);
    let inputs: Vec<&Path> = files.flatten().chain([&manifest.path]).map(PathBuf::as_path).collect();
    let existing = settings.existing;
    let place = Place { command: "data bias", folder, existing, inputs: &inputs, searched: &[] };
    let staged = StagedFolder::new(&place)?;
    let has_splits = manifest.records.iter().any(|record| !record.split.is_empty());
    let splits_of = |index: usize| settings.becomes(&manifest.records[index].split, has_splits);
    let chosen: Vec<usize> = (0..manifest.records.len()).filter(|&index| !splits_of(index).is_empty()).collect();
    let (writer, done) = (Writer { manifest, settings, staged: &staged }, AtomicUsize::new(0));
    let written: Vec<Result<Vec<Row>, FileProblem>> = chosen
        .par_iter()
        .map(|&index| {
            let rows = writer.rows(index, splits_of(index));
            let go_on = progress(done.fetch_add(1, Ordering::Relaxed) + 1, chosen.len());
            if go_on { rows } else { Err(DataError::Interrupted) }
        })
        .collect::<Result<_>>()?;

    let mut problems: Vec<FileProblem> =
        manifest.problems.iter().map(|problem| FileProblem::at(&manifest.path, problem.line, problem)).collect();
    let mut rows = Vec::new();
    for result in written {
        match result {
            Ok(more) => rows.extend(more),
            Err(problem) => problems.push(problem),
        }
    }
    problems.sort();
    rows.sort_by_key(|row| SPLITS.iter().position(|split| *split == row.split));
    if rows.is_empty() {
        return Err(nothing_usable(manifest, &problems));
    }
    write_manifest(manifest, &staged, &rows)?;
    let report = BiasReport { manifest: staged.target().join("manifest.csv"), splits: count(&rows), problems };
    staged.commit()?;
    Ok(report)
}

fn nothing_usable(manifest: &Manifest, problems: &[FileProblem]) -> DataError {
    let first = problems.first().map_or_else(
        || format!("none of its splits was chosen; they are {}", crate::error::quoted(&manifest.splits())),
        ToString::to_string,
    );
    DataError::NothingUsable { path: manifest.path.clone(), problems: problems.len().max(1), first }
}

fn write_manifest(manifest: &Manifest, staged: &StagedFolder, rows: &[Row]) -> Result<()> {
    let extra = manifest.records.first().map_or(&[][..], |record| &record.extra);
    let header = ["image", "mask", "label", "source", "split"].into_iter().chain(ADDED);
    let header: Vec<&str> = header.chain(extra.iter().map(|(name, _)| column_name(name))).collect();
    let path = staged.file("manifest.csv")?;
    let failed = |cause| DataError::Csv { path: path.clone(), cause };
    let mut csv = csv::Writer::from_path(&path).map_err(failed)?;
    csv.write_record(header).map_err(failed)?;
    for row in rows {
        csv.write_record(&row.cells).map_err(failed)?;
    }
    csv.flush().map_err(|cause| DataError::Write { path: path.clone(), cause })
}

fn count(rows: &[Row]) -> Vec<BiasCount> {
    let counts = SPLITS.into_iter().map(|split| {
        let rows = || rows.iter().filter(|row| row.split == split);
        BiasCount {
            split,
            images: rows().count(),
            clipped: rows().filter(|row| row.clipped).count(),
            no_room: rows().filter(|row| row.no_room).count(),
        }
    });
    counts.filter(|count| count.images > 0).collect()
}
