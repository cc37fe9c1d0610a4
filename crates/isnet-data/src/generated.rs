//! Generated samples as files: PNG images, PNG masks and the manifest that lists them.

use std::path::{Path, PathBuf};

use isnet_files::{Place, StagedFolder};
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

/// Writes `draw(split, index)` for the `counts[split]` samples of every split below the folder of `place`: `images/<id>.png`,
/// `masks/<mask>.png`, and at last `manifest.csv`, whose path is returned. The folder appears when all of it is written.
///
/// # Errors
/// [`DataError::Files`] for a folder that is not free or cannot be written; [`DataError::Csv`].
pub(crate) fn write(
    place: &Place<'_>,
    counts: &[usize],
    draw: impl Fn(usize, usize) -> Drawn + Sync,
) -> Result<PathBuf> {
    let staged = StagedFolder::new(place)?;
    let addresses = counts.iter().enumerate().flat_map(|(split, &count)| (0..count).map(move |index| (split, index)));
    let addresses: Vec<(usize, usize)> = addresses.collect();
    let rows: Vec<Row> = addresses
        .into_par_iter()
        .map(|(split, index)| write_sample(&staged, draw(split, index)))
        .collect::<Result<_>>()?;
    let path = staged.file("manifest.csv")?;
    write_manifest(&path, &rows).map_err(|cause| DataError::Csv { path, cause })?;
    staged.commit()?;
    Ok(place.folder.join("manifest.csv"))
}

fn write_sample(folder: &StagedFolder, drawn: Drawn) -> Result<Row> {
    let Sample { image, mask, id, source, .. } = drawn.sample;
    let (image_path, mask_path) = (format!("images/{id}.png"), format!("masks/{}.png", drawn.mask));
    write_image(folder.file(&image_path)?, &image, BitDepth::Eight)?;
    if let Some(mask) = mask.filter(|_| !drawn.mask_is_shared) {
        write_mask(folder.file(&mask_path)?, &mask)?;
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
