//! Generated samples as files: PNG images, PNG masks and the manifest that lists them.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::{DataError, Result};
use crate::sample::Sample;
use crate::write_image::{BitDepth, write_image, write_mask};

/// A sample on its way to a file, with the cells of its row that it does not know itself.
pub(crate) struct Drawn {
    pub sample: Sample,
    /// The name of its mask, without folder and ending.
    pub mask: String,
    /// Whether another sample writes a mask of this name, which is the same.
    pub mask_is_shared: bool,
    /// Its class, by name.
    pub label: &'static str,
    pub split: &'static str,
    /// What gives the class away.
    pub mark: String,
}

/// One line of the manifest.
type Row = [String; 6];

const HEADER: [&str; 6] = ["image", "mask", "label", "source", "split", "mark"];

/// Writes `draw(split, index)` for the `counts[split]` samples of every split below `folder`: `images/<id>.png`,
/// `masks/<mask>.png`, and at last `manifest.csv`, whose path is returned.
///
/// # Errors
/// [`DataError::Write`], [`DataError::Picture`].
pub(crate) fn write(folder: &Path, counts: &[usize], draw: impl Fn(usize, usize) -> Drawn + Sync) -> Result<PathBuf> {
    for name in ["images", "masks"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(|cause| DataError::Write { path, cause })?;
    }
    let addresses = counts.iter().enumerate().flat_map(|(split, &count)| (0..count).map(move |index| (split, index)));
    let addresses: Vec<(usize, usize)> = addresses.collect();
    let rows: Vec<Row> = addresses
        .into_par_iter()
        .map(|(split, index)| write_sample(folder, draw(split, index)))
        .collect::<Result<_>>()?;
    let path = folder.join("manifest.csv");
    match write_manifest(&path, &rows) {
        Ok(()) => Ok(path),
        Err(cause) => Err(DataError::Write { path, cause: cause.into() }),
    }
}

fn write_sample(folder: &Path, drawn: Drawn) -> Result<Row> {
    let Sample { image, mask, id, source, .. } = drawn.sample;
    let (image_path, mask_path) = (format!("images/{id}.png"), format!("masks/{}.png", drawn.mask));
    write_image(folder.join(&image_path), &image, BitDepth::Eight)?;
    if let Some(mask) = mask.filter(|_| !drawn.mask_is_shared) {
        write_mask(folder.join(&mask_path), &mask)?;
    }
    Ok([image_path, mask_path, drawn.label.to_owned(), source, drawn.split.to_owned(), drawn.mark])
}

fn write_manifest(path: &Path, rows: &[Row]) -> Result<(), csv::Error> {
    let mut manifest = csv::Writer::from_path(path)?;
    manifest.write_record(HEADER)?;
    for row in rows {
        manifest.write_record(row)?;
    }
    Ok(manifest.flush()?)
}
