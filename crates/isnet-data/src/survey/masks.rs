//! Which files are masks, and whose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::SurveyedImage;
use super::words::{image_of_mask, is_image_folder, is_mask_folder};
use crate::error::Result;
use crate::manifest::walk::images_below;
use crate::relative_path::{resolved, resolved_file};

/// The masks below a folder.
pub(super) struct MaskFiles {
    files: Vec<PathBuf>,
    /// Where they were found, for people.
    place: String,
}

impl MaskFiles {
    /// Parts the files below `folder` into masks and images.
    pub fn part(folder: &Path, files: Vec<PathBuf>, named: Option<&Path>) -> Result<(Self, Vec<PathBuf>)> {
        if let Some(masks) = named {
            let found = images_below(masks, masks)?.found;
            let place = resolved(masks)?;
            let lies_there = |path: &PathBuf| resolved_file(path).map(|path| path.starts_with(&place));
            let mut images = Vec::new();
            for path in files {
                if !lies_there(&path)? {
                    images.push(path);
                }
            }
            return Ok((Self { files: found, place: format!("in `{}`", masks.display()) }, images));
        }
        let folder_of_masks = |path: &Path| -> Option<String> {
            let below = path.strip_prefix(folder).unwrap_or(path).parent()?;
            let names: Vec<String> = below.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            let end = names.iter().position(|name| is_mask_folder(name))?;
            Some(names[..=end].join("/"))
        };
        let stems: BTreeSet<PathBuf> = files.iter().map(|path| path.with_extension("")).collect();
        let is_beside = |path: &Path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            image_of_mask(&stem).is_some_and(|image| stems.contains(&path.with_file_name(image)))
        };
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let (mut masks, mut images) = (Vec::new(), Vec::new());
        for path in files {
            let place = folder_of_masks(&path).map(|place| format!("`{place}`"));
            match place.or_else(|| is_beside(&path).then(|| "names that end with a word for masks".into())) {
                Some(place) => {
                    *places.entry(place).or_default() += 1;
                    masks.push(path);
                }
                None => images.push(path),
            }
        }
        let place = match places.len() {
            0 => String::new(),
            1..4 => format!("by {}", places.into_keys().collect::<Vec<_>>().join(" and ")),
            n => format!("in {n} folders whose names say so"),
        };
        Ok((Self { files: masks, place }, images))
    }

    /// Gives images without a mask the one of the same name: in the parallel folder, or the only one of that name.
    pub fn assign(self, folder: &Path, images: &mut [SurveyedImage], findings: &mut Vec<String>) {
        let known = images.iter().filter(|image| image.mask.is_some()).count();
        if self.files.is_empty() {
            findings.push(match known {
                0 => "No masks were found: only `standard` can be trained. Put them into a folder `masks` beside the images, under the same names, or name \
                      their folder (`--masks`)."
                    .into(),
                known => format!("{known} of {} images have a mask, by the table.", images.len()),
            });
            return;
        }
        let mut by_place: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, path) in self.files.iter().enumerate() {
            let key = key(folder, path);
            by_name.entry(key.last().cloned().unwrap_or_default()).or_default().push(index);
            by_place.entry(key).or_default().push(index);
        }
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for image in images.iter() {
            *names.entry(key(folder, &image.image).pop().unwrap_or_default()).or_default() += 1;
        }
        let mut used = vec![false; self.files.len()];
        let mut doubtful = Vec::new();
        for image in images.iter_mut().filter(|image| image.mask.is_none()) {
            let mut place = key(folder, &image.image);
            let name = place.last().cloned().unwrap_or_default();
            let same_place = by_place.get(&place).or_else(|| {
                // A parallel folder may lie beside the folder of all images.
                place.remove(0);
                by_place.get(&place)
            });
            let found = same_place.or_else(|| by_name.get(&name).filter(|_| names[&name] == 1));
            match found.map(Vec::as_slice) {
                Some([mask]) => {
                    used[*mask] = true;
                    image.mask = Some(self.files[*mask].clone());
                }
                Some(_) => doubtful.push(image.image.display().to_string()),
                None => {}
            }
        }
        let with_mask = images.iter().filter(|image| image.mask.is_some()).count();
        findings.push(format!("{with_mask} of {} images have a mask, found {}.", images.len(), self.place));
        if let Some(first) = doubtful.first() {
            findings.push(format!("{} images have several masks of their name and got none, `{first}` first: keep one each, or merge them.", doubtful.len()));
        }
        let unused: Vec<&PathBuf> =
            self.files.iter().zip(&used).filter(|(_, used)| !**used).map(|(path, _)| path).collect();
        if let Some(first) = unused.first() {
            findings.push(format!("{} masks belong to no image, `{}` first.", unused.len(), first.display()));
        }
    }
}

/// Folders and name that image and mask have in common: without words for images and masks.
fn key(folder: &Path, path: &Path) -> Vec<String> {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let names = below.parent().into_iter().flat_map(Path::iter).map(|name| name.to_string_lossy().into_owned());
    let mut key: Vec<String> = names.filter(|name| !is_image_folder(name) && !is_mask_folder(name)).collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    key.push(image_of_mask(&stem).map_or(stem.clone(), str::to_owned));
    key
}
