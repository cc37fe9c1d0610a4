//! Reads all that a manifest names and lists every problem with its line, before a training finds the first one.

mod across;
mod one_record;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::manifest::Manifest;
use crate::prepare::Preparation;
pub use values::spot_check;

/// What a manifest should fulfil.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckOptions {
    /// The split that teaches: every class must occur in it. Default `train`.
    pub train_split: String,
    /// The names that a split may have. `None`: those of [`crate::is_split_name`], and the bias tests `biased`,
    /// `standard`, `deceiving` and `external`.
    pub splits: Option<Vec<String>>,
    /// If given, masks that become all background or all foreground at this size are listed too, and values are judged as they are
    /// scaled by it.
    pub preparation: Option<Preparation>,
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
    /// A split that is not one of those expected, or a training split without records. Fatal.
    UnknownSplit,
    /// A class that the training split lacks. Fatal.
    ClassAbsent,
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
        Self { train_split: "train".into(), splits: None, preparation: None }
    }
}

/// Reads every file of the manifest and lists every problem. Also those rows that [`Manifest::read_lenient`] put aside.
///
/// # Example
/// ```
/// # use isnet_data::{CheckOptions, Manifest, ManifestOptions, ProblemKind, check};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("manifest.csv");
/// std::fs::write(&path, "image,label,split\nlost.png,a,train\n")?;
/// let manifest = Manifest::read_lenient(&path, &ManifestOptions::default())?;
/// let report = check(&manifest, &CheckOptions::default());
/// assert!(report.is_fatal());
/// assert_eq!((report.problems[0].kind, report.problems[0].line), (ProblemKind::Missing, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check(manifest: &Manifest, options: &CheckOptions) -> CheckReport {
    let findings: Vec<one_record::Finding> =
        manifest.records.par_iter().map(|record| one_record::read(record, options.preparation.as_ref())).collect();
    let mut problems = across::whole_manifest(manifest, options);
    problems.extend(across::records(manifest, options));
    problems.extend(across::groups(manifest, options));
    problems.extend(across::repeats(manifest, options, &findings));
    let intensity = options.preparation.map(|preparation| preparation.intensity).unwrap_or_default();
    problems.extend(values::across(&manifest.records.iter().collect::<Vec<_>>(), &findings, intensity));
    problems.extend(findings.into_iter().flat_map(|finding| finding.problems));
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
