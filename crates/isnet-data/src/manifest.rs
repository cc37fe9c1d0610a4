//! The list of images: a CSV with the columns `image`, `mask`, `label`, `source`, `split`, `patient`, or a folder per class.
//!
//! Only `image` is needed. Relative paths start at the manifest's folder. Several labels of one image are separated by `|`;
//! which task that is, [`ManifestOptions::task`] says. Every other column is kept in [`Record::extra`], that of the groups too.
//! Cells are separated by commas; semicolons, tabs and UTF-16 are read where header and mark leave no doubt, and
//! noted in [`Manifest::notes`].

mod folders;
mod labels;
mod rows;
pub(crate) mod spelling;
mod text;
pub(crate) mod walk;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result, quoted};
use crate::sample::Label;
use spelling::visible;
pub use text::{CsvText, NotCsv};

/// Files of this kind are separated by tabs, which is nothing to be noted.
const SUFFIXES_OF_TABS: [&str; 2] = ["tsv", "tab"];

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
    /// Whether the classes were listed by a person ([`ManifestOptions::classes`]), not found in the rows.
    pub classes_are_stated: bool,
    /// The images, in the order of the file.
    pub records: Vec<Record>,
    /// Rows that could not become records. Always empty after [`Manifest::read`]; see [`Manifest::read_lenient`].
    pub problems: Vec<RowProblem>,
    /// The names of the columns in their order; empty for folders.
    pub columns: Vec<String>,
    /// What was read otherwise than a plain manifest is.
    pub notes: Vec<Note>,
}

/// What was read otherwise than a plain manifest is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Cells are separated by this and not by commas.
    Separator(char),
    /// The file is UTF-16.
    Utf16,
    /// A link to a folder was not followed, since it leads back into the data or to a folder that is read already.
    LinkSkipped {
        /// The link.
        link: PathBuf,
    },
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
    /// The classes in their order; a label that is not among them is an error. `None`: the labels of
    /// [`class_splits`](Self::class_splits), sorted (as numbers if all are numbers).
    pub classes: Option<Vec<String>>,
    /// The splits that are learned from: their labels are the classes, and a label that only others have is an error.
    /// `None`, or none of them has a row: all.
    pub class_splits: Option<Vec<String>>,
    /// `None`: multi-label if at least half of the rows with a label have a `|`. If fewer have one, each of them is an error.
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
        /// Whether a person said that the task is single-label; else most rows did.
        is_stated: bool,
    },
    /// A label that no split has that is learned from; one problem for all its rows.
    Untaught {
        /// As written.
        label: String,
        /// The split of its first row.
        split: String,
        /// How many rows have it.
        rows: usize,
        /// The splits that are learned from.
        taught: Vec<String>,
    },
    /// A line break in a cell that has one line, or rows of the table in a cell: a quotation mark is missing.
    LineBreak {
        /// The column.
        column: String,
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
        /// What stands between cells.
        separator: char,
        /// What seems to stand between the cells of this row.
        other: Option<char>,
    },
    /// Bytes that are not UTF-8.
    NotUtf8 {
        /// The cell, read as Latin-1.
        cell: String,
    },
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
            class_splits: None,
            task: None,
        }
    }
}

impl Manifest {
    /// Whether it has a column of this name. Folders have none.
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column == name)
    }

    /// Reads a manifest; the first bad row is an error that says how many follow.
    ///
    /// # Errors
    /// [`DataError::Missing`], [`DataError::NotCsv`], [`DataError::Csv`], [`DataError::Column`],
    /// [`DataError::ColumnSpelling`], [`DataError::ColumnTwice`], [`DataError::Row`], [`DataError::Empty`].
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
    /// A top folder is a split if it is named as in [`is_split_name`]. A link to a folder is followed where it leads out of
    /// the data; one that leads back into them is left out, and noted.
    ///
    /// # Errors
    /// [`DataError::Missing`], [`DataError::Empty`], [`DataError::MixedFolders`], [`DataError::SplitFolder`],
    /// [`DataError::MaskTwice`],
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

    /// Indices of the records of a split that a person named.
    ///
    /// # Errors
    /// [`DataError::UnknownSplit`] if there is none.
    pub fn need_split(&self, name: &str) -> Result<Vec<usize>> {
        let records = self.split(name);
        match records.is_empty() {
            false => Ok(records),
            true => {
                let (path, split, known) = (self.path.clone(), name.to_owned(), self.splits());
                Err(DataError::UnknownSplit {
                    path,
                    split,
                    known: known.into_iter().filter(|it| !it.is_empty()).collect(),
                })
            }
        }
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

    /// The manifest, if all of its rows could be read.
    ///
    /// # Errors
    /// [`DataError::Row`] with the first bad row and how many follow.
    pub fn strict(mut self) -> Result<Self> {
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
                write!(f, "label `{}` is not a class; did you mean `{nearest}`?", visible(label))
            }
            RowProblemKind::UnknownLabel { label, classes, .. } => {
                let label = visible(label);
                write!(
                    f,
                    "label `{label}` is not a class; the classes are {}; correct the label or remove the row",
                    quoted(classes)
                )
            }
            RowProblemKind::SeveralLabels { label, is_stated: true } => write!(
                f,
                "`{label}` names several labels, but the task is stated to be single-label; keep one label, or state \
                 `multi_label`"
            ),
            RowProblemKind::SeveralLabels { label, is_stated: false } => write!(
                f,
                "`{label}` names several labels, but most rows name one; keep one label, or, if an image may have several, \
                 state the task: `task = \"multi_label\"` in `[data]`, or `--task multi_label` where there is no configuration"
            ),
            RowProblemKind::Untaught { label, split, rows, taught } => write!(
                f,
                "class `{}` is absent from training: {rows} row(s), the first in split `{split}`, and none in {}; add \
                 training images, correct the label, or list all classes (`data.classes`, `--classes`) if it is meant",
                visible(label),
                quoted(taught)
            ),
            RowProblemKind::LineBreak { column } => write!(
                f,
                "the cell `{column}` of this row has a line break; a quotation mark `\"` here or in the rows before is \
                 missing or too many"
            ),
            RowProblemKind::NoImage { column } => {
                write!(f, "column `{column}` is empty; name an image or remove the row")
            }
            RowProblemKind::CellCount { expected, got, other: Some(other), separator } => write!(
                f,
                "the row has {got} cell(s), the header {expected}; its cells seem to be separated by {}, those of the \
                 header by {}; use one of them in all rows",
                separator_name(*other),
                separator_name(*separator)
            ),
            RowProblemKind::CellCount { expected, got, separator, .. } => write!(
                f,
                "the row has {got} cells, the header {expected}; quote cells that contain a {} (also in numbers like \
                 `1,5`), and give every row all cells",
                separator_word(*separator)
            ),
            RowProblemKind::NotUtf8 { cell } => {
                write!(f, "the row is not UTF-8 (as Latin-1 it has the cell `{cell}`); save the manifest as UTF-8")
            }
            RowProblemKind::MaskWithoutImage { mask } => {
                write!(f, "mask `{}` belongs to no image; remove it or give it the name of its image", mask.display())
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Separator(separator) => write!(
                f,
                "cells are separated by {}, and were read so; other programs may expect commas",
                separator_name(*separator)
            ),
            Self::Utf16 => write!(f, "the file is UTF-16, and was read so; other programs may expect UTF-8"),
            Self::LinkSkipped { link } => write!(
                f,
                "the link `{}` leads back into the data, above them, or to a folder that was read already; it was not \
                 followed, or its images would count twice",
                link.display()
            ),
        }
    }
}

fn separator_name(separator: char) -> String {
    match separator {
        '\t' => "tabs".into(),
        other => format!("`{other}`"),
    }
}

fn separator_word(separator: char) -> &'static str {
    match separator {
        ';' => "semicolon",
        '\t' => "tab",
        _ => "comma",
    }
}

/// The name in a new manifest of a further column of another: `image` is taken when the images were in another column.
pub(crate) fn column_name(name: &str) -> &str {
    match name {
        "image" => "original_image",
        "mask" => "original_mask",
        name => name,
    }
}

/// Whether a name is that of a split: `train`, `val`, `test`, or one of these followed by `_` or `-`, as `test_ood`.
pub fn is_split_name(name: &str) -> bool {
    ["train", "val", "test"].iter().any(|split| match name.strip_prefix(split) {
        Some(rest) => rest.is_empty() || rest.starts_with(['_', '-']),
        None => false,
    })
}

#[cfg(test)]
mod tests;
