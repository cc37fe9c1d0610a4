//! Entries to files: images that must be written, masks, and last the manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use isnet_files::{Existing, FilesError, OutputFolder, Place};
use rayon::prelude::*;

use super::entry::{Entry, Found, ImageSource, OfficialSplit};
use super::mask::{Made, make};
use super::{COLUMNS, ImportReport, Output};
use crate::check::Count;
use crate::error::{DataError, Result};
use crate::file_problem::FileProblem;
use crate::read_image::image_size;
use crate::relative_path::{relative_path, resolved};
use crate::sample::Image;
use crate::write_image::{BitDepth, write_image, write_mask};

/// Folders of written pictures, beside the manifest.
const IMAGES: &str = "images";
const MASKS: &str = "masks";

/// A row of the manifest, and whether its mask was written by us.
struct Row {
    cells: [String; COLUMNS.len()],
    mask_written: bool,
}

/// Where files go.
struct Target {
    /// The folder of the manifest, absolute.
    folder: PathBuf,
    manifest: PathBuf,
    /// Name of the manifest without extension: what is written for it lies in `masks/<name>` and `images/<name>`.
    name: String,
    mode: Output,
    /// Those that were needed so far.
    folders: Mutex<BTreeMap<&'static str, Arc<OutputFolder>>>,
}

pub(super) fn write(
    found: Found,
    data: &Path,
    output: &Path,
    mode: Output,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<ImportReport> {
    let place = Target::new(output, mode)?;
    let earlier = place.earlier()?;
    let Found { entries, mut problems, skipped, .. } = found;
    let names = unique_names(&entries);
    let done = AtomicUsize::new(0);
    let written: Vec<Result<Row, FileProblem>> = entries
        .par_iter()
        .zip(&names)
        .map(|(entry, name)| {
            let row = place.row(entry, name)?;
            let go_on = progress(done.fetch_add(1, Ordering::Relaxed) + 1, entries.len());
            if go_on { Ok(row) } else { Err(DataError::Interrupted) }
        })
        .collect::<Result<_>>()?;
    let mut rows = Vec::new();
    for result in written {
        match result {
            Ok(row) => rows.push(row),
            Err(problem) => problems.push(problem),
        }
    }
    problems.sort();
    if rows.is_empty() {
        let first = problems.first().map_or_else(|| "it has no images".into(), ToString::to_string);
        return Err(DataError::NothingUsable { path: data.to_path_buf(), problems: problems.len(), first });
    }
    place.write_manifest(&earlier, &rows)?;
    Ok(ImportReport {
        manifest: output.to_path_buf(),
        counts: counts(&rows),
        images: rows.len(),
        with_mask: rows.iter().filter(|row| !row.cells[1].is_empty()).count(),
        with_several_labels: rows.iter().filter(|row| row.cells[2].contains('|')).count(),
        masks_written: rows.iter().filter(|row| row.mask_written).count(),
        skipped: skipped.into_iter().collect(),
        problems,
    })
}

impl Target {
    fn new(output: &Path, mode: Output) -> Result<Self> {
        let parent = output.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(parent).map_err(|cause| DataError::Write { path: parent.to_path_buf(), cause })?;
        let name = output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let target =
            Self { folder: resolved(parent)?, manifest: output.to_path_buf(), name, mode, folders: Mutex::default() };
        // Said before any work is done, though they may not be needed.
        for kind in [IMAGES, MASKS] {
            let folder = target.folder.join(kind).join(&target.name);
            target.place(&folder).check_free()?;
        }
        Ok(target)
    }

    /// A folder of pictures beside the manifest. What an interrupted import left there is replaced.
    fn place<'a>(&self, folder: &'a Path) -> Place<'a> {
        let existing = if self.mode == Output::Append { Existing::Add } else { Existing::Overwrite };
        Place { command: "data import", folder, existing, inputs: &[], searched: &[] }
    }

    /// The rows that stay: those of the manifest that is appended to.
    fn earlier(&self) -> Result<Vec<u8>> {
        let path = || self.manifest.clone();
        match (self.manifest.exists(), self.mode) {
            (true, Output::Refuse) => Err(FilesError::Exists { path: path() }.into()),
            (true, Output::Append) => {
                let bytes = fs::read(&self.manifest).map_err(|cause| DataError::read(&self.manifest, cause))?;
                let header = format!("{}\n", COLUMNS.join(","));
                match bytes.starts_with(header.as_bytes()) {
                    true => Ok(bytes),
                    false => Err(DataError::OtherColumns { path: path(), expected: COLUMNS.map(String::from).into() }),
                }
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The row of an entry. What is wrong with its files is a problem; a disk that cannot be written is an error.
    fn row(&self, entry: &Entry, name: &str) -> Result<Result<Row, FileProblem>> {
        let problem = |cause: DataError| FileProblem::at(&entry.list, entry.line, cause);
        let (image, size) = match &entry.image {
            ImageSource::File(path) => {
                match image_size(path).and_then(|size| Ok((relative_path(&self.folder, path)?, size))) {
                    Ok(image) => image,
                    Err(cause) => return Ok(Err(problem(cause))),
                }
            }
            ImageSource::Gray { height, width, values, .. } => {
                let pixels = values.iter().map(|&value| f32::from(value) / 255.0).collect();
                let (image, path) = self.file(IMAGES, name)?;
                write_image(path, &Image::new(*height, *width, 1, pixels), BitDepth::Eight)?;
                (image, (*height, *width))
            }
        };
        let made = match make(&entry.mask, &entry.image, size) {
            Ok(made) => made,
            Err(cause) => return Ok(Err(problem(cause))),
        };
        let mask_written = matches!(made, Made::New(_));
        let mask = match made {
            Made::None => String::new(),
            Made::AsItIs(path) => match relative_path(&self.folder, &path) {
                Ok(mask) => mask,
                Err(cause) => return Ok(Err(problem(cause))),
            },
            Made::New(mask) => {
                let (name, path) = self.file(MASKS, name)?;
                write_mask(path, &mask)?;
                name
            }
        };
        Ok(Ok(Row { cells: cells(entry, image, mask), mask_written }))
    }

    /// A picture of this name to be written now: as the manifest names it, and its path. Where rows are appended, a picture of
    /// an earlier import keeps its name, and the new one gets a number.
    fn file(&self, kind: &'static str, name: &str) -> Result<(String, PathBuf)> {
        let folder = self.folder_of(kind)?;
        let taken = |file: &String| self.mode == Output::Append && folder.path().join(file).exists();
        let mut file = format!("{name}.png");
        let mut number = 2;
        while taken(&file) {
            file = format!("{name}.{number}.png");
            number += 1;
        }
        folder.note(&file)?;
        let path = folder.path().join(&file);
        Ok((format!("{kind}/{}/{file}", self.name), path))
    }

    fn folder_of(&self, kind: &'static str) -> Result<Arc<OutputFolder>> {
        // A poisoned lock means that another thread has failed; the map is whole.
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.get(kind) {
            return Ok(folder.clone());
        }
        let folder = Arc::new(OutputFolder::open(&self.place(&self.folder.join(kind).join(&self.name)))?);
        folders.insert(kind, folder.clone());
        Ok(folder)
    }

    /// The manifest appears complete or not at all.
    fn write_manifest(&self, earlier: &[u8], rows: &[Row]) -> Result<()> {
        let failed = |cause| DataError::Csv { path: self.manifest.clone(), cause };
        let mut csv = csv::Writer::from_writer(Vec::new());
        if earlier.is_empty() {
            csv.write_record(COLUMNS).map_err(failed)?;
        }
        for row in rows {
            csv.write_record(&row.cells).map_err(failed)?;
        }
        let write = |cause| DataError::Write { path: self.manifest.clone(), cause };
        let more = csv.into_inner().map_err(|error| write(error.into_error()))?;
        isnet_files::atomic::write(&self.manifest, &[earlier, &more].concat())?;
        // Pictures of an import that was replaced and of which this one has none.
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(folders.values().try_for_each(|folder| folder.clear_earlier(""))?)
    }
}

fn cells(entry: &Entry, image: String, mask: String) -> [String; COLUMNS.len()] {
    let split = match &entry.split {
        OfficialSplit::Fixed(split) => split.clone(),
        _ => String::new(),
    };
    let known = [&entry.source, &entry.patient, &entry.age, &entry.sex, &entry.view, &entry.finding];
    let [source, patient, age, sex, view, finding] = known.map(String::clone);
    [image, mask, entry.label.clone(), split, source, patient, age, sex, view, finding]
}

/// The names of files to be written: those of the images, with a number where two images have the same.
fn unique_names(entries: &[Entry]) -> Vec<String> {
    let stems: Vec<String> = entries.iter().map(Entry::stem).collect();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for stem in &stems {
        *uses.entry(stem).or_default() += 1;
    }
    let name = |(index, stem): (usize, &String)| match uses[stem.as_str()] {
        1 => stem.clone(),
        _ => format!("{stem}-{index}"),
    };
    stems.iter().enumerate().map(name).collect()
}

fn counts(rows: &[Row]) -> Vec<Count> {
    let mut counts: BTreeMap<[&str; 3], (usize, usize)> = BTreeMap::new();
    for Row { cells: [_, mask, label, split, source, ..], .. } in rows {
        for class in label.split('|') {
            let count = counts.entry([split, class, source]).or_default();
            count.0 += 1;
            count.1 += usize::from(!mask.is_empty());
        }
    }
    let count = |([split, class, source], (records, with_mask)): ([&str; 3], _)| Count {
        split: split.into(),
        class: class.into(),
        source: source.into(),
        records,
        with_mask,
    };
    counts.into_iter().map(count).collect()
}
