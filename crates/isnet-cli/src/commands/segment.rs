//! `isnet segment train` and `isnet segment predict`: masks for images that have none.

use std::path::{Path, PathBuf};

use anyhow::Context;
use isnet_data::{Batch, Image, Manifest, ManifestOptions, Mask, Record, Sample, Task, read_image, read_mask};
use isnet_eval::segmentation::{Overlap, SegmentationScore, Segmenter, overlap_means};
use isnet_files::{OutputFolder, Place};
use isnet_picture::{encode_png, gray};
use isnet_run::Model;

use crate::Answer;
use crate::args::{SegmentPredictArgs, TrainArgs};
use crate::commands::train;
use crate::output::existing;
use crate::progress::{print, say};

/// Trains a U-Net, whatever method the configuration has.
pub fn train(args: &TrainArgs) -> anyhow::Result<Answer> {
    train::run_with(args, &[("method.name", "segment")])
}

/// The columns that a new manifest has more than the old one.
const COLUMNS: [&str; 3] = ["segmented_mask", "segmented_by", "segmented_agreement"];

/// Who made a mask that should be looked at.
const UNCERTAIN: &str = "network, uncertain";

/// What was found for one row: the cells of [`COLUMNS`].
type Cells = [String; 3];

/// Writes a mask for every image and a manifest that names them. An image that cannot be read is reported, and the others are still done.
pub fn predict(args: &SegmentPredictArgs) -> anyhow::Result<Answer> {
    let device = isnet_run::device::device(&args.device)?;
    let model = Model::load_segmenter(&args.model, &device)?;
    let segmenter = Segmenter::new(&model)?;
    let options = ManifestOptions {
        image_column: args.image_column.clone(),
        mask_column: args.mask_column.clone(),
        // Labels are only passed on, one or several.
        task: Some(Task::MultiLabel),
        ..ManifestOptions::default()
    };
    let manifest = Manifest::read(&args.manifest, &options)?;
    args.splits.iter().try_for_each(|split| manifest.need_split(split).map(drop))?;
    let output = open(args, &manifest)?;
    let mut cells: Vec<Option<Cells>> = vec![None; manifest.records.len()];
    let (mut scores, mut failed) = (Vec::new(), false);
    for (index, record) in manifest.records.iter().enumerate().filter(|(_, record)| is_wanted(args, record)) {
        let stem = record.image.file_stem().map_or("image".into(), |stem| stem.to_string_lossy());
        // With the line, because images of one name may lie in several folders.
        let name = format!("masks/{}-{stem}.png", record.line);
        let made = segment_one(&model, &segmenter, record)
            .and_then(|(found, mask)| Ok((found, output.write(&name, &png(&mask)?)?)));
        match made {
            Ok((found, file)) => {
                report(args, record, &found, &file);
                cells[index] = Some(row(args, record, &found, &file));
                scores.extend(found.overlap.map(|overlap| SegmentationScore {
                    id: record.image.display().to_string(),
                    source: record.source.clone(),
                    overlap,
                }));
            }
            Err(error) => {
                failed = true;
                say(&format!("error: {error:#}"));
            }
        }
    }
    let written = output.write("manifest.csv", &with_columns(args, &manifest, &cells)?)?;
    output.clear_earlier("masks/")?;
    summarize(args, &cells, &scores);
    say(&format!("written: {}; train with `data.mask_column = \"{}\"`", written.display(), COLUMNS[0]));
    Ok(if failed { Answer::No } else { Answer::Yes })
}

/// A mask and how sure it is.
struct Found {
    agreement: f64,
    /// With the mask that is known, at the size that the network sees.
    overlap: Option<Overlap>,
}

/// The folder of masks and manifest, which holds nothing that is read.
fn open(args: &SegmentPredictArgs, manifest: &Manifest) -> anyhow::Result<OutputFolder> {
    let files = manifest.records.iter().flat_map(|record| [Some(&record.image), record.mask.as_ref()]);
    let inputs: Vec<&Path> = files.flatten().chain([&args.manifest, &args.model]).map(PathBuf::as_path).collect();
    let existing = existing(args.overwrite);
    let (command, folder) = ("segment predict", args.output.as_path());
    Ok(OutputFolder::open(&Place { command, folder, existing, inputs: &inputs, searched: &[] })?)
}

/// What was found, and the mask at the size of the image.
fn segment_one(model: &Model, segmenter: &Segmenter<'_>, record: &Record) -> anyhow::Result<(Found, Mask)> {
    let image = read_image(&record.image)?;
    let known = record.mask.as_ref().map(read_mask).transpose()?.map(|(mask, _)| mask);
    let prepared = model.preparation.apply(&image, known.as_ref());
    let (small, known) = prepared.with_context(|| format!("image `{}`", record.image.display()))?;
    let sample = Sample { image: small, mask: None, label: None, id: String::new(), source: String::new() };
    let found = segmenter.segment(&Batch::collate(&[sample])?)?.remove(0);
    let (height, width) = (model.preparation.height, model.preparation.width);
    // A known mask that says nothing is none to be compared with.
    let overlap = known.filter(|known| known.verdict().says_something()).map(|known| {
        let known: Vec<bool> = known.values.iter().map(|value| *value > 0.5).collect();
        Overlap::of(&found.foreground, &known, width)
    });
    let values = found.foreground.iter().map(|inside| f32::from(u8::from(*inside))).collect();
    let mask = model.preparation.restore_mask(&Mask::new(height, width, values), size(&image));
    Ok((Found { agreement: found.agreement, overlap }, mask))
}

fn size(image: &Image) -> (usize, usize) {
    (image.height, image.width)
}

fn png(mask: &Mask) -> anyhow::Result<Vec<u8>> {
    Ok(encode_png(&gray(&mask.values, mask.height, mask.width)?)?)
}

fn is_wanted(args: &SegmentPredictArgs, record: &Record) -> bool {
    args.splits.is_empty() || args.splits.contains(&record.split)
}

/// A known mask stays; else the one that was made, and whether it is certain.
fn row(args: &SegmentPredictArgs, record: &Record, found: &Found, file: &Path) -> Cells {
    let made = if is_certain(args, found) { "network" } else { UNCERTAIN };
    let (mask, by) = record.mask.as_ref().map_or((file, made), |known| (known, "known"));
    [absolute(mask).display().to_string(), by.to_owned(), format!("{:.4}", found.agreement)]
}

fn is_certain(args: &SegmentPredictArgs, found: &Found) -> bool {
    found.agreement >= args.certain
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The manifest with absolute paths of image and mask and the new columns; rows of other splits keep their known mask.
fn with_columns(args: &SegmentPredictArgs, manifest: &Manifest, cells: &[Option<Cells>]) -> anyhow::Result<Vec<u8>> {
    let path = |path: &Path| absolute(path).display().to_string();
    let class = |index: &usize| manifest.classes[*index].as_str();
    let is_kept = |(name, _): &&(String, String)| !COLUMNS.contains(&name.as_str());
    let others = manifest.records.first().into_iter().flat_map(|record| record.extra.iter().filter(is_kept));
    let known = [&args.image_column, &args.mask_column].into_iter().map(String::as_str);
    let header = known.chain(["label", "source", "split"]).chain(others.map(|(name, _)| name.as_str())).chain(COLUMNS);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for (record, cells) in manifest.records.iter().zip(cells) {
        let mask = record.mask.as_deref().map(path).unwrap_or_default();
        let classes: Vec<&str> = record.label.iter().flat_map(|label| label.classes().iter().map(class)).collect();
        let own = [path(&record.image), mask.clone(), classes.join("|"), record.source.clone(), record.split.clone()];
        let others = record.extra.iter().filter(is_kept).map(|(_, value)| value.clone());
        let found = cells.clone().unwrap_or([mask, String::new(), String::new()]);
        writer.write_record(own.into_iter().chain(others).chain(found))?;
    }
    writer.into_inner().map_err(|error| anyhow::anyhow!("cannot write the manifest: {error}"))
}

fn report(args: &SegmentPredictArgs, record: &Record, found: &Found, file: &Path) {
    let certain = is_certain(args, found);
    if args.json {
        let line = serde_json::json!({
            "image": record.image, "mask": file, "agreement": found.agreement, "uncertain": !certain,
            "overlap": found.overlap,
        });
        return print(&line.to_string());
    }
    let overlap = found.overlap.map_or(String::new(), |overlap| format!("  {}", words(&overlap)));
    let flag = if certain { "" } else { "  UNCERTAIN: look at it" };
    let agreement = found.agreement;
    print(&format!("{}  -> {}  agreement {agreement:.3}{overlap}{flag}", record.image.display(), file.display()));
}

fn words(overlap: &Overlap) -> String {
    let hausdorff = overlap.hausdorff.map_or("none".into(), |distance| format!("{distance:.1} px"));
    format!("Dice {:.3}  IoU {:.3}  Hausdorff {hausdorff}", overlap.dice, overlap.iou)
}

fn summarize(args: &SegmentPredictArgs, cells: &[Option<Cells>], scores: &[SegmentationScore]) {
    let done: Vec<&Cells> = cells.iter().flatten().collect();
    let uncertain = done.iter().filter(|cells| cells[1] == UNCERTAIN).count();
    let means = overlap_means(scores);
    if args.json {
        let line = serde_json::json!({
            "images": done.len(), "uncertain": uncertain, "compared": scores.len(), "mean": means,
        });
        return print(&line.to_string());
    }
    print(&format!("{} images, {uncertain} of the new masks uncertain", done.len()));
    if let Some(means) = means {
        let known = done.iter().filter(|cells| cells[1] == "known").count();
        let left_out = known.saturating_sub(scores.len());
        let note = if left_out == 0 { String::new() } else { format!(" ({left_out} all black or all white left out)") };
        print(&format!("mean over {} known masks{note}: {}", scores.len(), words(&means)));
    }
}
