//! What the lists of a data set say, before any picture is opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::file_problem::FileProblem;
use crate::manifest::walk::{self, Walk};

/// An image with what is known about it. Texts are empty where nothing is.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub image: ImageSource,
    pub mask: MaskSource,
    /// The class, or several joined by `|`.
    pub label: String,
    pub split: OfficialSplit,
    pub source: String,
    pub patient: String,
    pub age: String,
    pub sex: String,
    pub view: String,
    /// What the data set calls it, where our label says less.
    pub finding: String,
    /// The list that names it, and the line; line 0 if it was found in a folder.
    pub list: PathBuf,
    pub line: usize,
}

/// Where the pixels are.
#[derive(Clone, Debug)]
pub(super) enum ImageSource {
    File(PathBuf),
    /// A gray picture out of a larger file, to be written as a PNG of this name; row by row.
    Gray {
        name: String,
        height: usize,
        width: usize,
        values: Vec<u8>,
    },
}

/// Where the foreground is.
#[derive(Clone, Debug)]
pub(super) enum MaskSource {
    None,
    /// A mask as we read them: white is foreground.
    File(PathBuf),
    /// Foreground wherever one of these has it; none of these is no mask.
    Union(Vec<PathBuf>),
    /// Foreground where the 8-bit value is this one.
    Value(PathBuf, u8),
    /// Rectangles: first and last row, first and last column, in pixels from 0.
    Boxes(Vec<[usize; 4]>),
    /// Where a gray picture is not black.
    Ink,
}

/// What the data set itself says about splits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OfficialSplit {
    Unknown,
    Fixed(String),
    /// To be trained or validated with, as one likes.
    TrainOrVal,
}

/// All that a data set has.
#[derive(Debug)]
pub(super) struct Found {
    source: &'static str,
    folder: PathBuf,
    pub entries: Vec<Entry>,
    pub problems: Vec<FileProblem>,
    pub skipped: BTreeMap<String, usize>,
}

impl Found {
    /// Nothing yet, of a data set in this folder.
    pub fn new(source: &'static str, folder: &Path) -> Self {
        Self {
            source,
            folder: folder.to_path_buf(),
            entries: Vec::new(),
            problems: Vec::new(),
            skipped: BTreeMap::new(),
        }
    }

    /// An entry of a file about which nothing else is known.
    pub fn entry(&self, image: impl Into<PathBuf>) -> Entry {
        let image = image.into();
        Entry {
            list: image.clone(),
            image: ImageSource::File(image),
            mask: MaskSource::None,
            label: String::new(),
            split: OfficialSplit::Unknown,
            source: self.source.to_owned(),
            patient: String::new(),
            age: String::new(),
            sex: String::new(),
            view: String::new(),
            finding: String::new(),
            line: 0,
        }
    }

    /// Every image file below a folder of the data set, sorted by path. Links back into the data set are left out.
    pub fn images_below(&mut self, folder: &Path) -> Result<Vec<PathBuf>> {
        let walk = walk::images_below(folder, &self.folder)?;
        Ok(self.without_links(walk))
    }

    /// The folders in a folder of the data set, sorted. Links back into the data set are left out.
    pub fn folders_in(&mut self, folder: &Path) -> Result<Vec<PathBuf>> {
        let walk = walk::folders_in(folder, &self.folder)?;
        Ok(self.without_links(walk))
    }

    fn without_links(&mut self, walk: Walk) -> Vec<PathBuf> {
        walk.skipped.iter().for_each(|_| self.skip("a link to a folder that is read anyway"));
        walk.found
    }

    /// Leaves out an image that does not belong into the manifest.
    pub fn skip(&mut self, why: impl Into<String>) {
        *self.skipped.entry(why.into()).or_default() += 1;
    }
}

impl OfficialSplit {
    pub fn fixed(name: &str) -> Self {
        Self::Fixed(name.to_owned())
    }
}

impl Entry {
    /// The name of the image without folder and extension.
    pub fn stem(&self) -> String {
        match &self.image {
            ImageSource::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            ImageSource::Gray { name, .. } => name.clone(),
        }
    }
}
