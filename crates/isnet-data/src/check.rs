//! Lists every problem of a manifest with its line, before a training finds the first one.
//!
//! [`check_rows`] decodes nothing and takes moments: rows, labels, splits, classes, patients, and what the file system
//! says of each file. [`check`] reads all images and masks too.

mod across;
mod files;
mod labels;
mod one_record;
mod source;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::manifest::{Manifest, Record};
use crate::prepare::Preparation;
pub use values::spot_check;

/// What a manifest should fulfil.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckOptions {
    /// What the data are for.
    pub goal: Goal,
    /// The splits that teach: every class must occur in one of them. Default `train`.
    pub train_splits: Vec<String>,
    /// The split that validates: it should have images, of every class. `None`: nothing is asked of it.
    pub validation_split: Option<String>,
    /// Further names that a split may have, besides those of [`crate::is_split_name`] and the bias tests `biased`,
    /// `standard`, `deceiving` and `external`.
    pub splits: Vec<String>,
    /// If given, masks that become all background or all foreground at this size are listed too, and values are judged as they are
    /// scaled by it.
    pub preparation: Option<Preparation>,
}

/// What data are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A classifier learns from them.
    Classify,
    /// A segmenter learns from them; labels do not matter.
    Segment,
    /// A trained model is tested on them; nothing is learned, and no split is needed.
    Test,
}

/// All that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    /// In the order of the lines; those of the manifest as a whole (line 0) first.
    pub problems: Vec<Problem>,
    /// Records per split, class and source, sorted.
    pub counts: Vec<Count>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Whether training may start.
    pub severity: Severity,
    /// Line in the manifest, from 1; 0 if it concerns the manifest as a whole or a folder.
    pub line: usize,
    /// The file in question.
    pub path: PathBuf,
    /// Which rule is broken.
    pub kind: ProblemKind,
    /// What is wrong and what to do.
    pub message: String,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// Training would fail, or its result would mislead.
    Fatal,
}

/// Which rule a problem breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The row is no record: an unknown label, no image, a wrong number of cells. Fatal.
    Row,
    /// No label. Fatal in the training split.
    Unlabelled,
    /// A file that is not there. Fatal.
    Missing,
    /// A file that does not decode. Fatal.
    Unreadable,
    /// A mask of another size than its image. Fatal.
    MaskSize,
    /// A mask that is all background.
    EmptyMask,
    /// A mask with values between black and white.
    NonBinaryMask,
    /// A split that seems to be another one, misspelt, or a training split without records: fatal. A split of any other
    /// name, which is a test, or a validation split without records.
    UnknownSplit,
    /// A class that the training split lacks: fatal, unless a person listed the classes. One that validation lacks.
    ClassAbsent,
    /// Only one class to learn. Fatal in a single-label task.
    OneClass,
    /// Two classes whose names seem to be one. Fatal, unless a person listed the classes.
    SimilarClasses,
    /// A class whose name reads like none.
    OddClass,
    /// The source tells the label in training.
    SourceTellsLabel,
    /// A mask that is its own image. Fatal.
    MaskIsImage,
    /// The manifest was read otherwise than a plain one.
    Reading,
    /// The same picture in two splits. Fatal if one of them is the training split.
    SharedContent,
    /// The same patient (or other group) in the training split and in another: the other split is no test of new patients.
    SharedGroup,
    /// The same image in two rows of one split. Fatal if their labels differ.
    DuplicateRow,
    /// A mask that is all foreground.
    FullMask,
    /// A mask of which it is unclear what is foreground: a label map, too dark, or transparency that contradicts. Fatal.
    UnclearMask,
    /// Masks read by another rule than white on black: their values are 0 and 1, or the shape is their transparency.
    MaskReading,
    /// Orientation tags that turn an image and its mask differently.
    Turned,
    /// A file of several pages or frames, of which the first is read.
    Pages,
    /// An image with transparent pixels.
    Transparent,
    /// An image that is nearly constant.
    FlatImage,
    /// Images that use a small part of their range of values.
    DimImages,
    /// Images of 8 and of 16 bits in one data set.
    MixedDepth,
}

/// Number of records of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Split; empty if the manifest has none.
    pub split: String,
    /// Class name; empty for records without any. A record of several classes counts for each.
    pub class: String,
    /// Source; empty if unknown.
    pub source: String,
    /// Number of records.
    pub records: usize,
    /// Of these, with a mask.
    pub with_mask: usize,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            goal: Goal::Classify,
            train_splits: vec!["train".into()],
            validation_split: None,
            splits: Vec::new(),
            preparation: None,
        }
    }
}

/// Lists the problems that show without decoding a picture: those of rows, labels, splits, classes and patients, files that
/// are not there or empty, the same file twice, a source that tells the label. Also those rows that
/// [`Manifest::read_lenient`] put aside. Ten thousand images take well under a second.
///
/// # Example
/// ```
/// # use isnet_data::{CheckOptions, Manifest, ManifestOptions, ProblemKind, check_rows};
/// # let folder = tempfile::tempdir()?;
/// # for name in ["a.png", "b.png"] { image::GrayImage::new(8, 8).save(folder.path().join(name))?; }
/// # let path = folder.path().join("manifest.csv");
/// std::fs::write(&path, "image,label,split\na.png,Cat,train\nb.png,cat,train\n")?;
/// let manifest = Manifest::read(&path, &ManifestOptions::default())?;
/// let report = check_rows(&manifest, &CheckOptions::default());
/// assert_eq!(report.problems[0].kind, ProblemKind::SimilarClasses);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_rows(manifest: &Manifest, options: &CheckOptions) -> CheckReport {
    report(manifest, row_problems(manifest, options, &files::look(manifest)))
}

/// Reads every file of the manifest and lists every problem, those of [`check_rows`] among them.
///
/// # Example
/// ```
/// # use isnet_data::{CheckOptions, Manifest, ManifestOptions, ProblemKind, check};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("manifest.csv");
/// std::fs::write(&path, "image,label,split\nlost.png,a,train\ngone.png,b,train\n")?;
/// let manifest = Manifest::read_lenient(&path, &ManifestOptions::default())?;
/// let report = check(&manifest, &CheckOptions::default());
/// assert!(report.is_fatal());
/// assert_eq!((report.problems[0].kind, report.problems[0].line), (ProblemKind::Missing, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check(manifest: &Manifest, options: &CheckOptions) -> CheckReport {
    let files = files::look(manifest);
    let read = |(record, files): (&Record, &files::Files)| {
        // What cannot be opened is in the list already.
        let mask = record.mask.clone().filter(|_| files.mask.as_ref().is_some_and(files::OnDisk::is_file));
        let readable = Record { mask, ..record.clone() };
        files.image.is_file().then(|| one_record::read(&readable, options.preparation.as_ref()))
    };
    let findings: Vec<Option<one_record::Finding>> = manifest.records.par_iter().zip(&files).map(read).collect();
    let mut problems = row_problems(manifest, options, &files);
    problems.extend(across::same_content(manifest, options, &findings, &files));
    let (records, findings): (Vec<&Record>, Vec<one_record::Finding>) =
        manifest.records.iter().zip(findings).filter_map(|(record, finding)| Some((record, finding?))).unzip();
    let intensity = options.preparation.map(|preparation| preparation.intensity).unwrap_or_default();
    problems.extend(values::across(&records, &findings, intensity));
    problems.extend(findings.into_iter().flat_map(|finding| finding.problems));
    report(manifest, problems)
}

fn row_problems(manifest: &Manifest, options: &CheckOptions, files: &[files::Files]) -> Vec<Problem> {
    let mut problems = across::whole_manifest(manifest, options);
    problems.extend(across::splits(manifest, options));
    problems.extend(across::groups(manifest, options));
    problems.extend(across::same_file(manifest, options, files));
    problems.extend(files::problems(manifest, files));
    if options.goal == Goal::Classify && across::is_taught(manifest, options) {
        problems.extend(across::unlabelled(manifest, options));
        problems.extend(labels::problems(manifest, options));
        problems.extend(source::problems(manifest, options));
    }
    problems
}

fn report(manifest: &Manifest, mut problems: Vec<Problem>) -> CheckReport {
    problems.sort_by_key(|problem| (problem.line, std::cmp::Reverse(problem.severity), problem.kind));
    CheckReport { problems, counts: counts(manifest) }
}

impl CheckReport {
    /// Whether any problem is fatal.
    pub fn is_fatal(&self) -> bool {
        self.count(Severity::Fatal) > 0
    }

    /// Number of problems of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Fatal => "fatal",
        };
        match self.line {
            0 => write!(f, "{severity}: {}", self.message),
            line => write!(f, "{severity}: line {line}: {}", self.message),
        }
    }
}

fn counts(manifest: &Manifest) -> Vec<Count> {
    let mut cells: BTreeMap<(&str, &str, &str), (usize, usize)> = BTreeMap::new();
    for record in &manifest.records {
        let classes = record.label.as_ref().map_or(&[][..], |label| label.classes());
        let names = classes.iter().map(|&class| manifest.classes[class].as_str());
        for class in names.chain(classes.is_empty().then_some("")) {
            let cell = cells.entry((&record.split, class, &record.source)).or_default();
            cell.0 += 1;
            cell.1 += usize::from(record.mask.is_some());
        }
    }
    let count = |((split, class, source), (records, with_mask)): ((&str, &str, &str), _)| Count {
        split: split.into(),
        class: class.into(),
        source: source.into(),
        records,
        with_mask,
    };
    cells.into_iter().map(count).collect()
}

#[cfg(test)]
mod tests;
