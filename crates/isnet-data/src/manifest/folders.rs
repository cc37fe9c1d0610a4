//! A folder per class, as a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::labels::{Draft, Drafts, resolve};
use super::spelling::split_meant;
use super::walk::images_below;
use super::{Manifest, ManifestOptions, Note, Record, RowProblem, RowProblemKind, is_split_name};
use crate::error::{DataError, Result};

/// Reads `images/[split/]class/…/name.*` with `masks/[split/]class/…/name.*`.
pub(super) fn read(images: &Path, masks: Option<&Path>, options: &ManifestOptions) -> Result<Manifest> {
    let walk = images_below(images, images)?;
    let mut drafts = Drafts::default();
    drafts.notes.extend(walk.skipped.into_iter().map(|link| Note::LinkSkipped { link }));
    let mut masks = masks.map_or(Ok(BTreeMap::new()), |masks| masks_by_stem(masks, &mut drafts.notes))?;
    let has_splits = has_splits(images, &walk.found)?;

    for image in walk.found {
        let relative = image.strip_prefix(images).unwrap_or(&image);
        let mut levels = levels(relative).into_iter();
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
        drafts.rows.push(Draft { record, label });
    }
    let unused = masks.into_values().filter(|mask| !mask.used);
    drafts.problems.extend(unused.map(|mask| RowProblem {
        line: 0,
        image: None,
        kind: RowProblemKind::MaskWithoutImage { mask: mask.path },
    }));
    resolve(images, drafts, options)
}

struct MaskFile {
    path: PathBuf,
    used: bool,
}

fn masks_by_stem(root: &Path, notes: &mut Vec<Note>) -> Result<BTreeMap<PathBuf, MaskFile>> {
    let mut masks = BTreeMap::new();
    let walk = images_below(root, root)?;
    notes.extend(walk.skipped.into_iter().map(|link| Note::LinkSkipped { link }));
    for path in walk.found {
        let stem = path.strip_prefix(root).unwrap_or(&path).with_extension("");
        if let Some(MaskFile { path: first, .. }) = masks.insert(stem, MaskFile { path: path.clone(), used: false }) {
            return Err(DataError::MaskTwice { first, second: path });
        }
    }
    Ok(masks)
}

/// The folders of an image, from the top.
fn levels(relative: &Path) -> Vec<String> {
    relative.parent().into_iter().flat_map(Path::iter).map(|level| level.to_string_lossy().into_owned()).collect()
}

/// Whether the top folders are splits. Folders that only look like splits would become classes of that name.
fn has_splits(root: &Path, images: &[PathBuf]) -> Result<bool> {
    let mut folders: Vec<String> = images
        .iter()
        .filter_map(|image| levels(image.strip_prefix(root).unwrap_or(image)).into_iter().next())
        .collect();
    folders.dedup();
    let (splits, others): (Vec<String>, Vec<String>) = folders.into_iter().partition(|name| is_split_name(name));
    if let Some((folder, meant)) = others.iter().find_map(|name| Some((name, split_meant(name)?))) {
        return Err(DataError::SplitFolder { path: root.to_path_buf(), folder: folder.clone(), meant });
    }
    if splits.is_empty() || others.is_empty() {
        return Ok(!splits.is_empty());
    }
    Err(DataError::MixedFolders { path: root.to_path_buf(), splits, classes: others })
}
