//! One record of the input, as one or three rows of the output.

use std::path::Path;

use isnet_files::StagedFolder;
use rand::Rng;
use rand::seq::SliceRandom;

use super::{BiasSettings, Originals};
use crate::error::{DataError, Result};
use crate::file_problem::FileProblem;
use crate::manifest::{Manifest, Record};
use crate::mark::{Place, draw};
use crate::read_image::{read_image_and_depth, read_mask};
use crate::relative_path::relative_path;
use crate::rng::{MARK, stream};
use crate::sample::{Image, Label, Mask};
use crate::write_image::{BitDepth, write_image};

/// A line of the new manifest.
pub(super) struct Row {
    pub split: &'static str,
    pub cells: Vec<String>,
    pub clipped: bool,
    pub no_room: bool,
}

/// What every row needs to know.
pub(super) struct Writer<'a> {
    pub manifest: &'a Manifest,
    pub settings: &'a BiasSettings,
    pub staged: &'a StagedFolder,
}

/// A record whose files could be read.
struct Original<'a> {
    record: &'a Record,
    label: &'a Label,
    mask_path: &'a Path,
    image: Image,
    depth: BitDepth,
    mask: Mask,
}

/// An image with the marks of some classes.
struct Marked {
    image: Image,
    /// The classes whose marks are in it.
    classes: Vec<usize>,
    clipped: bool,
    no_room: bool,
}

impl Writer<'_> {
    /// Writes the versions of a record. What is wrong with the record is a problem; a disk that cannot be written is an error.
    pub fn rows(&self, index: usize, splits: &[&'static str]) -> Result<Result<Vec<Row>, FileProblem>> {
        let record = &self.manifest.records[index];
        let original = match original(record) {
            Ok(original) => original,
            // A folder has no lines; there the image is the address.
            Err(cause) if record.line == 0 => return Ok(Err(FileProblem::of_file(&record.image, cause))),
            Err(cause) => return Ok(Err(FileProblem::at(&self.manifest.path, record.line, cause))),
        };
        let mask = self.original(original.mask_path, "masks", &name(index, record))?;
        splits.iter().map(|split| self.row(index, &original, &mask, split)).collect::<Result<_>>().map(Ok)
    }

    fn row(&self, index: usize, original: &Original, mask: &str, split: &'static str) -> Result<Row> {
        let record = original.record;
        let name = name(index, record);
        let classes = self.classes(index, original.label, split);
        let marked = self.marked(index, original, &classes)?;
        let image = if marked.classes.is_empty() {
            self.original(&record.image, &format!("images/{split}"), &name)?
        } else {
            let image = format!("images/{split}/{name}.png");
            write_image(self.staged.file(&image)?, &marked.image, original.depth)?;
            image
        };
        let or_none = |words: Vec<String>| if words.is_empty() { "none".to_owned() } else { words.join("|") };
        let names = |classes: &[usize]| -> Vec<String> {
            classes.iter().map(|&class| self.manifest.classes[class].clone()).collect()
        };
        let marks = marked.classes.iter().map(|&class| self.settings.marks[class].to_string()).collect();
        let known = [
            image,
            mask.to_owned(),
            names(original.label.classes()).join("|"),
            record.source.clone(),
            split.to_owned(),
            record.split.clone(),
            or_none(marks),
            or_none(names(&marked.classes)),
        ];
        let cells = known.into_iter().chain(record.extra.iter().map(|(_, value)| value.clone())).collect();
        Ok(Row { split, cells, clipped: marked.clipped, no_room: marked.no_room })
    }

    /// The classes whose marks an image gets in a split.
    fn classes(&self, index: usize, label: &Label, split: &str) -> Vec<usize> {
        let mut rng = stream(self.settings.mark.seed, &[MARK, 1, index as u64]);
        let own = label.classes();
        let lies = match split {
            "standard" => return Vec::new(),
            "biased" => false,
            "deceiving" => true,
            _ => !rng.random_bool(self.settings.correlation),
        };
        if !lies {
            return own.to_vec();
        }
        let mut others: Vec<usize> = (0..self.manifest.classes.len()).filter(|class| !own.contains(class)).collect();
        let (chosen, _) = others.partial_shuffle(&mut rng, own.len().max(1));
        chosen.to_vec()
    }

    /// Draws one mark after the other, none over another.
    fn marked(&self, index: usize, original: &Original, classes: &[usize]) -> Result<Marked> {
        let mut marked = Marked { image: original.image.clone(), classes: Vec::new(), clipped: false, no_room: false };
        let mut taken = original.mask.clone();
        for (nth, &class) in classes.iter().enumerate() {
            let key = [index as u64, nth as u64];
            let mark = self.settings.marks[class];
            let drawing = draw(&mut marked.image, &taken, mark, &self.settings.mark, &key)?;
            match drawing.place {
                Some(place) => {
                    marked.classes.push(class);
                    marked.clipped |= drawing.visible < 1.0;
                    occupy(&mut taken, place);
                }
                None => marked.no_room = true,
            }
        }
        Ok(marked)
    }

    /// A file that is used as it is: where it lies, or its copy.
    fn original(&self, path: &Path, folder: &str, name: &str) -> Result<String> {
        if self.settings.originals == Originals::Reference {
            return relative_path(self.staged.target(), path);
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let copy = format!("{folder}/{name}.{extension}");
        let to = self.staged.file(&copy)?;
        std::fs::copy(path, &to).map_err(|cause| DataError::Write { path: to, cause })?;
        Ok(copy)
    }
}

/// What the files of a record are called: unlike all others, and like the original.
fn name(index: usize, record: &Record) -> String {
    format!("{index:05}-{}", record.image.file_stem().unwrap_or_default().to_string_lossy())
}

/// Reads the files of a record, or says what is missing.
fn original(record: &Record) -> Result<Original<'_>, String> {
    let says = |error: DataError| error.to_string();
    let lacks = |what: &str| format!("`{}` has no {what}; fill in the column `{what}`", record.image.display());
    let mask_path = record.mask.as_deref().ok_or_else(|| lacks("mask"))?;
    let label = record.label.as_ref().ok_or_else(|| lacks("label"))?;
    let (image, depth) = read_image_and_depth(&record.image).map_err(says)?;
    let (mask, _) = read_mask(mask_path).map_err(says)?;
    let (expected, got) = ((image.height, image.width), (mask.height, mask.width));
    if expected != got {
        return Err(format!("`{}`: {}", mask_path.display(), DataError::MaskSize { expected, got }));
    }
    Ok(Original { record, label, mask_path, image, depth, mask })
}

fn occupy(taken: &mut Mask, Place { top, left, side }: Place) {
    for row in taken.values.chunks_exact_mut(taken.width).skip(top).take(side) {
        row[left..left + side].fill(1.0);
    }
}
