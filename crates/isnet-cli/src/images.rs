//! Images as people name them: files, folders, and patterns that the shell did not expand.

use std::path::{Path, PathBuf};

use anyhow::bail;
use isnet_data::images_below;

use crate::progress::say;

/// The files that are meant: of a folder all images below it, sorted, with a word about how many there are.
pub fn expand(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for path in paths {
        if path.is_dir() {
            images.extend(of_folder(path)?);
        } else if !path.exists() && is_pattern(path) {
            bail!(
                "no file matches `{0}`: the shell hands over a pattern as it is where nothing matches it, or where it knows no \
                 patterns; check the folder and the ending, or name the folder instead of its images",
                path.display()
            );
        } else {
            images.push(path.clone());
        }
    }
    Ok(images)
}

fn of_folder(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let found = images_below(path, path)?.found;
    if found.is_empty() {
        bail!("`{}` holds no image; images have the ending .png, .jpg, .jpeg, .bmp, .tif or .tiff", path.display());
    }
    say(&format!("{} {} in `{}`", found.len(), if found.len() == 1 { "image" } else { "images" }, path.display()));
    Ok(found)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}
