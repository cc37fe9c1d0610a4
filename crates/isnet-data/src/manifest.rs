//! The list of images: a CSV with the columns `image`, `mask`, `label`, `source`, `split`, `patient`, or a folder per class.
//!
//! Only `image` is needed. Relative paths start at the manifest's folder. Several labels separated by `|` in any row
//! make the task multi-label. Every other column is kept in [`Record::extra`], that of the groups too.

pub(crate) mod folders;
mod rows;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result, quoted};
use crate::nearest::nearest;
use crate::sample::Label;

/// How many classes one image may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Exactly one: softmax and cross-entropy.
    SingleLabel,
    /// Any number: sigmoid per class and binary cross-entropy.
    MultiLabel,
}

/// One image of a manifest, before anything is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The image file, resolved.
    pub image: PathBuf,
    /// The mask file, resolved; `None` where the cell is empty.
    pub mask: Option<PathBuf>,
    /// Its class or classes. An empty cell is `None` in a single-label task and the empty set in a multi-label task.
    pub label: Option<Label>,
    /// Where it comes from; empty if the manifest does not say.
    pub source: String,
    /// `train`, `val`, `test`, …; empty if the manifest does not say.
    pub split: String,
    /// What it shares with images that are not independent of it, most often the patient; empty if unknown.
    pub group: String,
    /// Line in the manifest, from 1 (the header); 0 for a folder, which has no lines.
    pub line: usize,
    /// The other columns: name and value.
    pub extra: Vec<(String, String)>,
}

/// A list of images with what is known about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The CSV file or the image folder.
    pub path: PathBuf,
    /// One label per image or several.
    pub task: Task,
    /// Class names; a label is an index into this list.
    pub classes: Vec<String>,
    /// The images, in the order of the file.
    pub records: Vec<Record>,
    /// Rows that could not become records. Always empty after [`Manifest::read`]; see [`Manifest::read_lenient`].
    pub problems: Vec<RowProblem>,
}

/// How to read a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestOptions {
    /// Column with the image path. In another column than `image` an empty cell means that this variant of the picture
    /// does not exist, and the row is left out; in `image` it is an error.
    pub image_column: String,
    /// Column with the mask path. The default may be absent from the file, another name may not.
    pub mask_column: String,
    /// Column that names what images belong to that are not independent, such as their patient. The default may be absent
    /// from the file, another name may not.
    pub group_column: String,
    /// The classes in their order; a label that is not among them is an error. `None`: the labels seen, sorted (as
    /// numbers if all are numbers).
    pub classes: Option<Vec<String>>,
    /// `None`: multi-label if any row has a `|`.
    pub task: Option<Task>,
}

/// A row that cannot become a record.
#[derive(Clone, Debug, PartialEq)]
pub struct RowProblem {
    /// Line in the manifest, from 1; 0 for a folder.
    pub line: usize,
    /// The image named there, as far as known.
    pub image: Option<PathBuf>,
    /// What is wrong.
    pub kind: RowProblemKind,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowProblemKind {
    /// The label is not one of the classes.
    UnknownLabel {
        /// As written.
        label: String,
        /// The class it resembles.
        nearest: Option<String>,
        /// All classes.
        classes: Vec<String>,
    },
    /// Several labels where the task is single-label.
    SeveralLabels {
        /// As written.
        label: String,
    },
    /// The image cell is empty.
    NoImage {
        /// The column.
        column: String,
    },
    /// More or fewer cells than the header has.
    CellCount {
        /// Cells of the header.
        expected: usize,
        /// Cells of this row.
        got: usize,
    },
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A mask that belongs to no image (folders only).
    MaskWithoutImage {
        /// The mask.
        mask: PathBuf,
    },
}

impl Default for ManifestOptions {
    fn default() -> Self {
        Self {
            image_column: "image".into(),
            mask_column: "mask".into(),
            group_column: "patient".into(),
            classes: None,
            task: None,
        }
    }
}

impl Manifest {
    /// Reads a manifest; the first bad row is an error that says how many follow.
    ///
    /// # Errors
    /// [`DataError::Missing`], [`DataError::Csv`], [`DataError::Column`], [`DataError::Row`], [`DataError::Empty`].
    ///
    /// # Example
    /// ```
    /// # use isnet_data::{Label, Manifest, ManifestOptions, Task};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("manifest.csv");
    /// std::fs::write(&path, "image,label,split,age\na.png,sick,train,41\nb.png,healthy,train,35\n")?;
    /// let manifest = Manifest::read(&path, &ManifestOptions::default())?;
    /// assert_eq!(manifest.task, Task::SingleLabel);
    /// assert_eq!(manifest.classes, ["healthy", "sick"]);
    /// assert_eq!(manifest.records[0].label, Some(Label::Single(1)));
    /// assert_eq!(manifest.records[0].line, 2);
    /// assert_eq!(manifest.records[0].extra, [("age".to_string(), "41".to_string())]);
    /// assert_eq!(manifest.split("train"), [0, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(path: impl AsRef<Path>, options: &ManifestOptions) -> Result<Self> {
        Self::read_lenient(path, options)?.strict()
    }

    /// Reads a manifest and keeps its bad rows in [`Manifest::problems`], for a check that lists them all.
    ///
    /// # Errors
    /// As [`Manifest::read`], but for [`DataError::Row`].
    pub fn read_lenient(path: impl AsRef<Path>, options: &ManifestOptions) -> Result<Self> {
        rows::read(path.as_ref(), options)
    }

    /// A folder per class, below an optional level of splits: `root/[split/]class/…/image.png`, and in parallel
    /// `masks/[split/]class/…/image.*`. Images outside a class folder have no label.
    ///
    /// A top folder is a split if it is named as in [`is_split_name`].
    ///
    /// # Errors
    /// [`DataError::Missing`], [`DataError::Empty`], [`DataError::MixedFolders`], [`DataError::MaskTwice`],
    /// [`DataError::Row`] for a class that is not in the list or a mask without an image.
    pub fn from_folders(images: &Path, masks: Option<&Path>, options: &ManifestOptions) -> Result<Self> {
        Self::from_folders_lenient(images, masks, options)?.strict()
    }

    /// [`Manifest::from_folders`] that keeps its problems in [`Manifest::problems`].
    ///
    /// # Errors
    /// As [`Manifest::from_folders`], but for [`DataError::Row`].
    pub fn from_folders_lenient(images: &Path, masks: Option<&Path>, options: &ManifestOptions) -> Result<Self> {
        folders::read(images, masks, options)
    }

    /// Indices of the records of a split.
    pub fn split(&self, name: &str) -> Vec<usize> {
        (0..self.records.len()).filter(|&index| self.records[index].split == name).collect()
    }

    /// The splits, in order of appearance.
    pub fn splits(&self) -> Vec<String> {
        let mut splits: Vec<String> = Vec::new();
        for record in &self.records {
            if !splits.contains(&record.split) {
                splits.push(record.split.clone());
            }
        }
        splits
    }

    /// The sources, sorted.
    pub fn sources(&self) -> Vec<String> {
        let sources: std::collections::BTreeSet<&String> = self.records.iter().map(|record| &record.source).collect();
        sources.into_iter().cloned().collect()
    }

    /// The image path of a record as a person wrote it: relative to the manifest where possible.
    pub fn id(&self, index: usize) -> String {
        let image = &self.records[index].image;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let relative = image.strip_prefix(&self.path).or_else(|_| image.strip_prefix(folder));
        relative.unwrap_or(image).display().to_string()
    }

    fn strict(mut self) -> Result<Self> {
        let others = self.problems.len().saturating_sub(1);
        match self.problems.is_empty() {
            true => Ok(self),
            false => Err(DataError::Row { path: self.path, problem: Box::new(self.problems.swap_remove(0)), others }),
        }
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            RowProblemKind::UnknownLabel { label, nearest: Some(nearest), .. } => {
                write!(f, "label `{label}` is not a class; did you mean `{nearest}`?")
            }
            RowProblemKind::UnknownLabel { label, classes, .. } => {
                write!(f, "label `{label}` is not a class; the classes are {}", quoted(classes))
            }
            RowProblemKind::SeveralLabels { label } => {
                write!(
                    f,
                    "`{label}` names several labels in a single-label task; keep one or make the task multi-label"
                )
            }
            RowProblemKind::NoImage { column } => {
                write!(f, "column `{column}` is empty; name an image or remove the row")
            }
            RowProblemKind::CellCount { expected, got } => {
                write!(f, "the row has {got} cells, the header {expected}; quote cells that contain a comma")
            }
            RowProblemKind::NotUtf8 => write!(f, "the row is not UTF-8; save the manifest as UTF-8"),
            RowProblemKind::MaskWithoutImage { mask } => {
                write!(f, "mask `{}` belongs to no image; remove it or give it the name of its image", mask.display())
            }
        }
    }
}

/// Whether a name is that of a split: `train`, `val`, `test`, or one of these followed by `_` or `-`, as `test_ood`.
pub fn is_split_name(name: &str) -> bool {
    ["train", "val", "test"].iter().any(|split| match name.strip_prefix(split) {
        Some(rest) => rest.is_empty() || rest.starts_with(['_', '-']),
        None => false,
    })
}

/// A row whose label is still text.
struct Draft {
    record: Record,
    label: String,
}

/// Turns written labels into class indices: the second half of reading, the same for files and folders.
fn label_drafts(
    path: &Path,
    drafts: Vec<Draft>,
    mut problems: Vec<RowProblem>,
    has_labels: bool,
    options: &ManifestOptions,
) -> Result<Manifest> {
    let several = drafts.iter().any(|draft| draft.label.contains('|'));
    let task = options.task.unwrap_or(if several { Task::MultiLabel } else { Task::SingleLabel });
    let classes = match &options.classes {
        Some(classes) => unique(classes)?,
        None => classes_seen(drafts.iter().flat_map(|draft| words(&draft.label, task))),
    };
    let mut records = Vec::with_capacity(drafts.len());
    for Draft { mut record, label } in drafts {
        match parse_label(&label, task, &classes) {
            Ok(parsed) => {
                record.label = parsed.filter(|_| has_labels);
                records.push(record);
            }
            Err(kind) => problems.push(RowProblem { line: record.line, image: Some(record.image), kind }),
        }
    }
    problems.sort_by_key(|problem| problem.line);
    if records.is_empty() && problems.is_empty() {
        return Err(DataError::Empty { path: path.to_path_buf() });
    }
    Ok(Manifest { path: path.to_path_buf(), task, classes, records, problems })
}

fn unique(classes: &[String]) -> Result<Vec<String>> {
    for (index, class) in classes.iter().enumerate() {
        if classes[..index].contains(class) {
            return Err(DataError::ClassTwice { class: class.clone() });
        }
    }
    Ok(classes.to_vec())
}

/// The labels written in a cell. In a single-label task `a|b` is one (wrong) word, not two classes.
fn words(label: &str, task: Task) -> impl Iterator<Item = &str> {
    let separator = move |letter: char| letter == '|' && task == Task::MultiLabel;
    label.split(separator).map(str::trim).filter(|word| !word.is_empty())
}

fn classes_seen<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut classes: Vec<&str> = labels.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    if classes.iter().all(|class| class.parse::<i64>().is_ok()) {
        classes.sort_by_key(|class| class.parse::<i64>().ok());
    }
    classes.into_iter().map(String::from).collect()
}

fn parse_label(label: &str, task: Task, classes: &[String]) -> Result<Option<Label>, RowProblemKind> {
    if task == Task::SingleLabel && label.contains('|') {
        return Err(RowProblemKind::SeveralLabels { label: label.into() });
    }
    let mut indices = Vec::new();
    for word in words(label, task) {
        let index = classes.iter().position(|class| class == word);
        indices.push(index.ok_or_else(|| RowProblemKind::UnknownLabel {
            label: word.into(),
            nearest: nearest(word, classes.iter().map(String::as_str)).map(String::from),
            classes: classes.to_vec(),
        })?);
    }
    indices.sort_unstable();
    indices.dedup();
    Ok(match task {
        Task::SingleLabel => indices.first().map(|&class| Label::Single(class)),
        Task::MultiLabel => Some(Label::Multi(indices)),
    })
}

#[cfg(test)]
mod tests;
