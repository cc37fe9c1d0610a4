//! Weaker masks from exact ones: what would boxes, careless outlines or a few masks have cost?
//!
//! Every kind of weaker mask becomes a column of a new manifest, so that a study compares them by `data.mask_column`. The splits that are learned from get
//! weaker masks; all others keep theirs, so that every variant is measured against the same exact masks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use isnet_files::{Existing, Place, StagedFolder};
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::error::{DataError, Result};
use crate::import::mask::filled;
use crate::manifest::{Manifest, Record, column_name};
use crate::margin::grown;
use crate::read_image::read_mask;
use crate::relative_path::relative_path;
use crate::rng::{WEAKEN, stream};
use crate::sample::Mask;
use crate::write_image::write_mask;

/// The columns that are written, in their order.
pub const COLUMNS: [&str; 8] = [
    "mask_box",
    "mask_eroded",
    "mask_dilated",
    "mask_shifted",
    "mask_wrong",
    "mask_20_percent",
    "mask_5_percent",
    "mask_1_percent",
];

/// The columns with new files, in the order of [`COLUMNS`]; the others have some of the exact masks.
const DRAWN: usize = 5;

/// Shares of the images that keep their mask, in the order of the columns after those with new files.
const FEW: [f64; 3] = [0.2, 0.05, 0.01];

/// How masks are made weaker.
///
/// | field | meaning | default |
/// |---|---|---|
/// | `amount` | how far masks are eroded, dilated and shifted, as a share of the shorter side, above 0 and at most 0.5 | 0.05 |
/// | `wrong` | share of the images of `mask_wrong` that have the mask of another image, in [0, 1] | 0.1 |
/// | `learned_splits` | the splits whose masks become weaker; a manifest without splits is one of them | `train`, `val` |
/// | `seed` | of directions, donors and the choice of the few | 0 |
/// | `existing` | what to do with an earlier output | refuse |
#[derive(Clone, Debug, PartialEq)]
pub struct WeakenSettings {
    /// How far masks are eroded, dilated and shifted, as a share of the shorter side.
    pub amount: f64,
    /// Share of the images of `mask_wrong` that have the mask of another image.
    pub wrong: f64,
    /// The splits whose masks become weaker.
    pub learned_splits: Vec<String>,
    /// Seed of everything drawn.
    pub seed: u64,
    /// What to do if the folder is there already.
    pub existing: Existing,
}

impl Default for WeakenSettings {
    fn default() -> Self {
        let learned_splits = vec!["train".into(), "val".into()];
        Self { amount: 0.05, wrong: 0.1, learned_splits, seed: 0, existing: Existing::Refuse }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct WeakenReport {
    /// The new manifest.
    pub manifest: PathBuf,
    /// Per column of [`COLUMNS`], how many images of the splits that are learned from have a mask with foreground and background.
    pub columns: Vec<WeakenCount>,
}

/// The masks of one column, in the splits that are learned from.
#[derive(Clone, Debug, PartialEq)]
pub struct WeakenCount {
    /// One of [`COLUMNS`].
    pub column: &'static str,
    /// Masks that say something.
    pub masks: usize,
    /// Mean intersection over union with the exact masks, over those.
    pub overlap: Option<f64>,
}

/// A row's weaker masks: a path or an empty cell per column, and the overlap of each that says something.
struct Row {
    cells: Vec<String>,
    overlaps: Vec<Option<f64>>,
}

/// Writes `manifest.csv` with all columns of the input and [`COLUMNS`], and the new masks at `masks/<column>/…png`.
///
/// | column | the mask |
/// |---|---|
/// | `mask_box` | the smallest upright box around the whole foreground |
/// | `mask_eroded`, `mask_dilated` | without, or with, a band as wide as `amount` |
/// | `mask_shifted` | moved by `amount` in a direction of its own |
/// | `mask_wrong` | for the share `wrong` of the images the mask of another image, else the exact one |
/// | `mask_20_percent`, `mask_5_percent`, `mask_1_percent` | the exact one, for that share of the images of each split, at least one |
///
/// `progress(done, all)` is called after every image, from several threads, and says whether to go on.
///
/// # Errors
/// [`DataError::Setting`] for an amount or share out of range, [`DataError::ColumnTaken`], [`DataError::NothingUsable`] where no image of
/// these splits has a mask, [`DataError::Interrupted`]; errors of masks that cannot be read and of a folder that is not free.
pub fn write(
    manifest: &Manifest,
    settings: &WeakenSettings,
    folder: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<WeakenReport> {
    check(manifest, settings)?;
    let files = manifest.records.iter().flat_map(|record| [Some(&record.image), record.mask.as_ref()]);
    let inputs: Vec<&Path> = files.flatten().chain([&manifest.path]).map(PathBuf::as_path).collect();
    let place = Place { command: "data weaken", folder, existing: settings.existing, inputs: &inputs, searched: &[] };
    let staged = StagedFolder::new(&place)?;
    let weakener = Weakener::new(manifest, settings, &staged);
    let done = AtomicUsize::new(0);
    let rows: Vec<Row> = (0..manifest.records.len())
        .into_par_iter()
        .map(|index| {
            let row = weakener.row(index)?;
            let go_on = progress(done.fetch_add(1, Ordering::Relaxed) + 1, manifest.records.len());
            if go_on { Ok(row) } else { Err(DataError::Interrupted) }
        })
        .collect::<Result<_>>()?;
    write_manifest(manifest, &staged, &rows)?;
    let report = WeakenReport { manifest: staged.target().join("manifest.csv"), columns: count(&rows) };
    staged.commit()?;
    Ok(report)
}

fn check(manifest: &Manifest, settings: &WeakenSettings) -> Result<()> {
    if !(settings.amount > 0.0 && settings.amount <= 0.5) {
        let value = settings.amount.to_string();
        return Err(DataError::Setting { setting: "amount", value, range: "above 0 and at most 0.5" });
    }
    if !(0.0..=1.0).contains(&settings.wrong) {
        let value = settings.wrong.to_string();
        return Err(DataError::Setting { setting: "wrong", value, range: "from 0 to 1" });
    }
    let path = manifest.path.clone();
    if let Some(column) = COLUMNS.into_iter().find(|column| manifest.columns.iter().any(|name| name == column)) {
        return Err(DataError::ColumnTaken { path, column });
    }
    if !manifest.records.iter().any(|record| is_weakened(record, settings)) {
        let first = format!("no image of {} has a mask", crate::error::quoted(&settings.learned_splits));
        return Err(DataError::NothingUsable { path, problems: manifest.records.len(), first });
    }
    Ok(())
}

/// Whether a record has a mask that becomes weaker.
fn is_weakened(record: &Record, settings: &WeakenSettings) -> bool {
    record.mask.is_some() && is_learned(record, settings)
}

fn is_learned(record: &Record, settings: &WeakenSettings) -> bool {
    record.split.is_empty() || settings.learned_splits.contains(&record.split)
}

/// What every row needs to know.
struct Weakener<'a> {
    manifest: &'a Manifest,
    settings: &'a WeakenSettings,
    staged: &'a StagedFolder,
    /// The records with masks that become weaker.
    learned: Vec<usize>,
    /// Which of them keep their mask, per share of [`FEW`].
    kept: Vec<BTreeSet<usize>>,
}

impl<'a> Weakener<'a> {
    fn new(manifest: &'a Manifest, settings: &'a WeakenSettings, staged: &'a StagedFolder) -> Self {
        let records = &manifest.records;
        let learned: Vec<usize> = (0..records.len()).filter(|&index| is_weakened(&records[index], settings)).collect();
        let mut kept = vec![BTreeSet::new(); FEW.len()];
        for (number, split) in manifest.splits().iter().enumerate() {
            let mut order: Vec<usize> =
                learned.iter().copied().filter(|&index| records[index].split == *split).collect();
            order.shuffle(&mut stream(settings.seed, &[WEAKEN, 0, number as u64]));
            for (kept, share) in kept.iter_mut().zip(FEW) {
                // The images of a smaller share are among those of a larger one.
                let count = ((order.len() as f64 * share).round() as usize).max(1);
                kept.extend(order.iter().take(count));
            }
        }
        Self { manifest, settings, staged, learned, kept }
    }

    fn row(&self, index: usize) -> Result<Row> {
        let record = &self.manifest.records[index];
        let Some(path) = &record.mask else {
            return Ok(Row { cells: vec![String::new(); COLUMNS.len()], overlaps: vec![None; COLUMNS.len()] });
        };
        let exact_path = relative_path(self.staged.target(), path)?;
        if !is_learned(record, self.settings) {
            return Ok(Row { cells: vec![exact_path; COLUMNS.len()], overlaps: vec![None; COLUMNS.len()] });
        }
        let exact = read_mask(path)?.0;
        let mut row = Row { cells: Vec::new(), overlaps: Vec::new() };
        for (column, weaker) in COLUMNS.into_iter().zip(self.drawn(index, &exact)?) {
            let name = record.image.file_stem().unwrap_or_default().to_string_lossy();
            let file = format!("masks/{column}/{index:05}-{name}.png");
            write_mask(self.staged.file(&file)?, &weaker)?;
            row.cells.push(file);
            row.overlaps.push(weaker.verdict().says_something().then(|| overlap(&weaker, &exact)));
        }
        for kept in &self.kept {
            let is_kept = kept.contains(&index);
            row.cells.push(if is_kept { exact_path.clone() } else { String::new() });
            row.overlaps.push((is_kept && exact.verdict().says_something()).then_some(1.0));
        }
        Ok(row)
    }

    /// The masks of the columns with new files, in their order.
    fn drawn(&self, index: usize, exact: &Mask) -> Result<[Mask; DRAWN]> {
        let reach = ((exact.height.min(exact.width) as f64 * self.settings.amount).round() as usize).max(1);
        let mut rng = stream(self.settings.seed, &[WEAKEN, 1, index as u64]);
        let angle = rng.random_range(0.0..std::f64::consts::TAU);
        let steps = |part: f64| (part * reach as f64).round() as isize;
        let shifted = moved(exact, steps(libm::sin(angle)), steps(libm::cos(angle)));
        let wrong =
            if rng.random_bool(self.settings.wrong) { self.other(index, exact, &mut rng)? } else { exact.clone() };
        Ok([boxed(exact), inverted(&grown(&inverted(exact), reach)), grown(exact, reach), shifted, wrong])
    }

    /// The mask of another image, at the size of this one.
    fn other(&self, index: usize, exact: &Mask, rng: &mut impl Rng) -> Result<Mask> {
        // The records are in order, so that leaving this one out is a step over its place.
        let Some(others) = self.learned.len().checked_sub(1).filter(|others| *others > 0) else {
            return Ok(exact.clone());
        };
        let at = rng.random_range(0..others);
        let other = self.learned[at + usize::from(self.learned[at] >= index)];
        match &self.manifest.records[other].mask {
            Some(path) => Ok(read_mask(path)?.0.at_size(exact.height, exact.width)),
            None => Ok(exact.clone()),
        }
    }
}

fn inverted(mask: &Mask) -> Mask {
    Mask { values: mask.values.iter().map(|value| 1.0 - value).collect(), ..*mask }
}

/// The smallest upright box around the foreground.
fn boxed(mask: &Mask) -> Mask {
    let width = mask.width;
    let foreground = || (0..mask.values.len()).filter(|&place| mask.values[place] > Mask::NEITHER);
    let rows = || foreground().map(|place| place / width);
    let columns = || foreground().map(|place| place % width);
    let bounds = (rows().min(), rows().max(), columns().min(), columns().max());
    let (Some(top), Some(bottom), Some(left), Some(right)) = bounds else { return mask.clone() };
    filled(&[[top, bottom, left, right]], (mask.height, width))
}

/// The mask moved down and to the right; what comes in from outside is background.
fn moved(mask: &Mask, down: isize, right: isize) -> Mask {
    let mut values = vec![0.0; mask.values.len()];
    for y in 0..mask.height {
        for x in 0..mask.width {
            let from = (y.checked_add_signed(-down), x.checked_add_signed(-right));
            if let (Some(from_y), Some(from_x)) = from
                && from_y < mask.height
                && from_x < mask.width
            {
                values[y * mask.width + x] = mask.values[from_y * mask.width + from_x];
            }
        }
    }
    Mask { values, ..*mask }
}

/// Intersection over union.
fn overlap(a: &Mask, b: &Mask) -> f64 {
    let is_in = |value: &f32| *value > Mask::NEITHER;
    let pairs = || a.values.iter().zip(&b.values);
    let both = pairs().filter(|(a, b)| is_in(a) && is_in(b)).count();
    let either = pairs().filter(|(a, b)| is_in(a) || is_in(b)).count();
    both as f64 / either.max(1) as f64
}

fn write_manifest(manifest: &Manifest, staged: &StagedFolder, rows: &[Row]) -> Result<()> {
    let extra = manifest.records.first().map_or(&[][..], |record| &record.extra);
    let known = ["image", "mask", "label", "source", "split"];
    let header: Vec<&str> =
        known.into_iter().chain(extra.iter().map(|(name, _)| column_name(name))).chain(COLUMNS).collect();
    let path = staged.file("manifest.csv")?;
    let failed = |cause| DataError::Csv { path: path.clone(), cause };
    let mut csv = csv::Writer::from_path(&path).map_err(failed)?;
    csv.write_record(header).map_err(failed)?;
    for (record, row) in manifest.records.iter().zip(rows) {
        let label = record.label.as_ref().map_or(&[][..], |label| label.classes());
        let names: Vec<&str> = label.iter().map(|&class| manifest.classes[class].as_str()).collect();
        let mask = record.mask.as_ref().map(|path| relative_path(staged.target(), path)).transpose()?;
        let known = [
            relative_path(staged.target(), &record.image)?,
            mask.unwrap_or_default(),
            names.join("|"),
            record.source.clone(),
            record.split.clone(),
        ];
        let extra = record.extra.iter().map(|(_, value)| value.clone());
        csv.write_record(known.into_iter().chain(extra).chain(row.cells.iter().cloned())).map_err(failed)?;
    }
    csv.flush().map_err(|cause| DataError::Write { path: path.clone(), cause })
}

fn count(rows: &[Row]) -> Vec<WeakenCount> {
    let counts = COLUMNS.into_iter().enumerate().map(|(number, column)| {
        let overlaps: Vec<f64> = rows.iter().filter_map(|row| row.overlaps[number]).collect();
        let mean = (!overlaps.is_empty()).then(|| overlaps.iter().sum::<f64>() / overlaps.len() as f64);
        WeakenCount { column, masks: overlaps.len(), overlap: mean }
    });
    counts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManifestOptions;
    use crate::phantom::{self, PhantomConfig};
    use crate::testing::Folder;

    fn mask(rows: [&str; 5]) -> Mask {
        let values = rows.iter().flat_map(|row| row.chars().map(|sign| f32::from(u8::from(sign == '#'))));
        Mask::new(5, 5, values.collect())
    }

    #[test]
    fn boxes_shifts_and_bands_are_what_they_are_called() {
        let exact = mask([".....", ".##..", "..##.", ".....", "....."]);
        assert_eq!(boxed(&exact), mask([".....", ".###.", ".###.", ".....", "....."]));
        assert_eq!(moved(&exact, -1, 2), mask(["...##", "....#", ".....", ".....", "....."]));
        assert_eq!(grown(&exact, 1), mask([".##..", "####.", ".####", "..##.", "....."]));
        let eroded = inverted(&grown(&inverted(&mask(["###..", "###..", "###..", ".....", "....."])), 1));
        assert_eq!(
            eroded,
            mask(["##...", "##...", ".....", ".....", "....."]),
            "the edge of the image takes nothing away"
        );
    }

    #[test]
    fn an_empty_mask_stays_one() {
        let empty = mask(["....."; 5]);
        assert_eq!(boxed(&empty), empty);
        assert!(!empty.verdict().says_something());
    }

    #[test]
    fn tests_keep_their_masks_and_few_are_few() {
        let folder = Folder::new();
        let config = PhantomConfig { size: 32, train: 40, val: 12, test: 6, ..Default::default() };
        let path = phantom::write(&config, &folder.path("plain"), Existing::Refuse).unwrap();
        let manifest = Manifest::read(path, &ManifestOptions::default()).unwrap();
        let settings = WeakenSettings::default();
        let report = write(&manifest, &settings, &folder.path("weak"), &|_, _| true).unwrap();
        let masks: Vec<usize> = report.columns.iter().map(|count| count.masks).collect();
        let learned = manifest.records.iter().filter(|record| is_learned(record, &settings)).count();
        assert_eq!(masks[..DRAWN], [learned; DRAWN], "{report:?}");
        let few = |share: f64| -> usize {
            let of = |split: &str| manifest.records.iter().filter(|record| record.split == split).count() as f64;
            ["train", "val"].map(|split| ((of(split) * share).round() as usize).max(1)).iter().sum()
        };
        assert_eq!(masks[DRAWN..], [few(0.2), few(0.05), few(0.01)]);
        for count in &report.columns[..4] {
            let overlap = count.overlap.unwrap();
            assert!(overlap < 0.95 && overlap > 0.3, "{count:?}");
        }
        for column in COLUMNS {
            let options = ManifestOptions { mask_column: column.into(), ..Default::default() };
            let weak = Manifest::read(&report.manifest, &options).unwrap();
            assert_eq!(weak.records.len(), manifest.records.len());
            for (weak, exact) in
                weak.records.iter().zip(&manifest.records).filter(|(_, exact)| !is_learned(exact, &settings))
            {
                let [weak, exact] = [weak, exact].map(|record| read_mask(record.mask.as_ref().unwrap()).unwrap().0);
                assert_eq!(weak, exact, "{column}");
            }
        }
        assert!(matches!(
            write(
                &Manifest::read(&report.manifest, &ManifestOptions::default()).unwrap(),
                &settings,
                &folder.path("twice"),
                &|_, _| true
            ),
            Err(DataError::ColumnTaken { column: "mask_box", .. })
        ));
    }

    #[test]
    fn other_columns_of_images_and_masks_can_be_taken() {
        let folder = Folder::new();
        for name in ["a.png", "b.png"] {
            folder.picture(name, 1);
        }
        folder.mask("m.png");
        let text = "image,biased,mask,lungs,label,split\na.png,b.png,,m.png,x,train\na.png,b.png,,m.png,y,test\n";
        let options =
            ManifestOptions { image_column: "biased".into(), mask_column: "lungs".into(), ..Default::default() };
        let manifest = Manifest::read(folder.write("manifest.csv", text), &options).unwrap();
        let report = write(&manifest, &WeakenSettings::default(), &folder.path("weak"), &|_, _| true).unwrap();
        let options = ManifestOptions { mask_column: "mask_box".into(), ..Default::default() };
        let weak = Manifest::read(&report.manifest, &options).unwrap();
        assert!(weak.records.iter().all(|record| record.image.ends_with("b.png") && record.mask.is_some()));
        assert!(weak.has_column("original_image") && weak.has_column("original_mask"), "{:?}", weak.columns);
    }

    #[test]
    fn a_share_of_the_masks_is_of_another_image() {
        let folder = Folder::new();
        let config = PhantomConfig { size: 32, train: 200, val: 0, test: 0, ..Default::default() };
        let path = phantom::write(&config, &folder.path("plain"), Existing::Refuse).unwrap();
        let manifest = Manifest::read(path, &ManifestOptions::default()).unwrap();
        let settings = WeakenSettings { wrong: 0.25, ..Default::default() };
        let report = write(&manifest, &settings, &folder.path("weak"), &|_, _| true).unwrap();
        let options = ManifestOptions { mask_column: "mask_wrong".into(), ..Default::default() };
        let weak = Manifest::read(&report.manifest, &options).unwrap();
        let differs = |(weak, exact): &(&Record, &Record)| {
            let [weak, exact] = [weak, exact].map(|record| read_mask(record.mask.as_ref().unwrap()).unwrap().0);
            weak != exact
        };
        let wrong = weak.records.iter().zip(&manifest.records).filter(differs).count();
        assert!((30..=70).contains(&wrong), "{wrong} of 200");
    }
}
