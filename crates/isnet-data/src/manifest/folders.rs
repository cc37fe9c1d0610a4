//! A folder per class, as a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Draft, Manifest, ManifestOptions, Record, RowProblem, RowProblemKind, is_split_name, label_drafts};
use crate::error::{DataError, Result};

const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff"];

/// Reads `images/[split/]class/…/name.*` with `masks/[split/]class/…/name.*`.
pub(super) fn read(images: &Path, masks: Option<&Path>, options: &ManifestOptions) -> Result<Manifest> {
    let folders = child_folders(images)?;
    let has_splits = has_splits(images, &folders)?;
    let mut masks = masks.map_or(Ok(BTreeMap::new()), masks_by_stem)?;

    let mut drafts = Vec::new();
    for image in images_below(images)? {
        let relative = image.strip_prefix(images).unwrap_or(&image);
        let mut levels =
            relative.parent().into_iter().flat_map(Path::iter).map(|level| level.to_string_lossy().into_owned());
        let split = if has_splits { levels.next().unwrap_or_default() } else { String::new() };
        let label = levels.next().unwrap_or_default();
        let mask = masks.get_mut(&relative.with_extension("")).map(|mask| {
            mask.used = true;
            mask.path.clone()
        });
        let record = Record {
            image,
            mask,
            label: None,
            source: String::new(),
            split,
            group: String::new(),
            line: 0,
            extra: Vec::new(),
        };
        drafts.push(Draft { record, label });
    }
    let unused = masks.into_values().filter(|mask| !mask.used);
    let problems = unused.map(|mask| RowProblem {
        line: 0,
        image: None,
        kind: RowProblemKind::MaskWithoutImage { mask: mask.path },
    });
    let problems = problems.collect();
    label_drafts(images, drafts, problems, true, options)
}

struct MaskFile {
    path: PathBuf,
    used: bool,
}

fn masks_by_stem(root: &Path) -> Result<BTreeMap<PathBuf, MaskFile>> {
    let mut masks = BTreeMap::new();
    for path in images_below(root)? {
        let stem = path.strip_prefix(root).unwrap_or(&path).with_extension("");
        if let Some(MaskFile { path: first, .. }) = masks.insert(stem, MaskFile { path: path.clone(), used: false }) {
            return Err(DataError::MaskTwice { first, second: path });
        }
    }
    Ok(masks)
}

fn has_splits(root: &Path, folders: &[String]) -> Result<bool> {
    let (splits, classes): (Vec<String>, Vec<String>) = folders.iter().cloned().partition(|name| is_split_name(name));
    if splits.is_empty() || classes.is_empty() {
        return Ok(!splits.is_empty());
    }
    Err(DataError::MixedFolders { path: root.to_path_buf(), splits, classes })
}

fn child_folders(root: &Path) -> Result<Vec<String>> {
    let folders = children(root)?.into_iter().filter(|path| path.is_dir());
    Ok(folders.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
}

/// Every image file below `root`, sorted by path.
///
/// # Errors
/// [`DataError::Missing`], [`DataError::Read`] for a folder that cannot be listed.
pub fn images_below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for path in children(root)? {
        if path.is_dir() {
            images.extend(images_below(&path)?);
        } else if is_image(&path) {
            images.push(path);
        }
    }
    Ok(images)
}

/// What lies in a folder, sorted, without hidden files.
pub(crate) fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = |source| DataError::read(folder, source);
    let entries = std::fs::read_dir(folder).map_err(read)?.collect::<Result<Vec<_>, _>>().map_err(read)?;
    let visible = entries.into_iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut paths: Vec<PathBuf> = visible.map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

pub(crate) fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}
