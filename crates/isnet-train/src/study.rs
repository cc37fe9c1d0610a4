//! Studies: the trainings of several methods, and one table of what they are worth.
//!
//! ```text
//! Study ──cells──► run_cell ──► run folder with model, metrics.json, predictions.csv and cell.json
//!   └────────────► table (of all cells that are done, whoever trained them) ──► a row per variant and split
//! ```
//!
//! A cell that is done is not done again; one that was interrupted goes on. Processes and machines may share the folder:
//! each takes its shard, and a run folder is locked while one works in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::evaluation::Evaluation;
use isnet_eval::metrics::Predictions;
use isnet_eval::predictions_csv;
use isnet_eval::report::epochs;
use isnet_eval::statistics::{Comparison, Score, Settings, TrainingsRow, compare, over_trainings};
use isnet_graph::Predictor;
use isnet_run::study::{Cell, CellRecord, Study};
use isnet_run::{Datasets, Existing, Model, RunDir, atomic};
use serde::Serialize;

use crate::error::TrainError;
use crate::trainer::{Ending, Trainer, Watcher};

/// The scores of the table.
pub const SCORES: [Score; 4] = [Score::Accuracy, Score::F1, Score::Auc, Score::BackgroundShare];

/// Images whose forward passes are timed.
const TIMED_PASSES: usize = 20;

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CellEnding {
    /// It was done before, or is now.
    Done(CellRecord),
    /// Another process works on it.
    Taken,
    /// Someone asked to stop.
    Interrupted,
}

/// The cells of a variant that are done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariantRows {
    /// Name of the variant.
    pub variant: String,
    /// What is noted about each of its cells.
    pub cells: Vec<CellRecord>,
    /// Every score of every split, over the cells.
    pub rows: Vec<TrainingsRow>,
}

/// What a study found so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyTable {
    /// Name of the study.
    pub study: String,
    /// Cells that are not done.
    pub missing: Vec<Cell>,
    /// In the order of the study; variants without a finished cell are left out.
    pub variants: Vec<VariantRows>,
    /// Differences to the first variant, cell by cell averaged before testing, see [`table`].
    pub comparison: Option<Comparison>,
}

/// Trains, evaluates and times a cell, unless that is done.
///
/// # Errors
/// [`TrainError`] as from a training; a cell that was done with another configuration is refused.
pub fn run_cell(study: &Study, cell: &Cell, watcher: &mut dyn Watcher) -> Result<CellEnding, TrainError> {
    if let Some(record) = study.record(cell)? {
        return Ok(CellEnding::Done(record));
    }
    let (config, folder) = (study.run_config(cell)?, study.folder(cell));
    let data = Datasets::open(&config.data)?;
    let trainer = match Trainer::new(&config, &data, Existing::Resume, watcher) {
        Err(TrainError::Run(isnet_run::RunError::Locked { .. })) => return Ok(CellEnding::Taken),
        trainer => trainer?,
    };
    let (model, ending) = trainer.train(watcher)?;
    if ending == Ending::Interrupted {
        return Ok(CellEnding::Interrupted);
    }
    score(&model, &data, &folder)?;
    let record = record(cell, &model, &folder)?;
    study.save_record(&record)?;
    Ok(CellEnding::Done(record))
}

/// `metrics.json` and `predictions.csv` of the test splits.
fn score(model: &Model, data: &Datasets, folder: &Path) -> Result<(), TrainError> {
    let mut all = Predictions::new(model.classes.clone(), model.task.into());
    for (name, dataset) in &data.tests {
        all.append(evaluate(model, dataset, name, Explain::Predicted, |_| ())?);
    }
    if all.is_empty() {
        return Ok(());
    }
    let multi = model.task == isnet_data::Task::MultiLabel;
    let validation = data.validation.as_ref().filter(|_| multi);
    let validation =
        validation.map(|dataset| evaluate(model, dataset, "validation", Explain::No, |_| ())).transpose()?;
    let found = Evaluation::of(&mut all, validation.as_ref(), &Settings::default())?;
    atomic::write_json(&folder.join("metrics.json"), &found)?;
    Ok(predictions_csv::save(&all, &folder.join("predictions.csv"))?)
}

fn record(cell: &Cell, model: &Model, folder: &Path) -> Result<CellRecord, TrainError> {
    let seconds: Vec<f64> = epochs(&RunDir::open(folder)?)?.iter().map(|epoch| epoch.seconds).collect();
    let trained = model.graph.params().filter(|(_, spec)| spec.role.is_trainable());
    Ok(CellRecord {
        cell: cell.clone(),
        parameters: trained.map(|(_, spec)| spec.len()).sum(),
        epochs: seconds.len(),
        seconds_per_epoch: median(seconds),
        milliseconds_per_image: milliseconds_per_image(model),
        weights: model.to_file().weights_digest(),
    })
}

/// Time of one forward pass with a batch of one gray image, after one to warm up.
fn milliseconds_per_image(model: &Model) -> f64 {
    let shape = [1, model.preparation.height, model.preparation.width, model.preparation.channels];
    let device = model.params.values()[0].device();
    let image = || Tensor::<4>::from_data(TensorData::new(vec![0.5_f32; shape.iter().product()], shape), &device);
    let predictor = Predictor::new(&model.graph, &model.params);
    let pass = || {
        let started = Instant::now();
        drop(predictor.logits(image()).into_data());
        1e3 * started.elapsed().as_secs_f64()
    };
    pass();
    median((0..TIMED_PASSES).map(|_| pass()).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The table of all cells that are done.
///
/// Scores are means over the cells of a variant with intervals over samples and cells ([`over_trainings`]). The tests
/// compare variants by the probabilities of each sample averaged over the cells that both have (seed and fold), so that a sample
/// counts once however many seeds there are.
///
/// # Errors
/// [`TrainError`] if a file of a cell cannot be read, or cells were not scored on the same samples.
pub fn table(study: &Study, settings: &Settings) -> Result<StudyTable, TrainError> {
    let mut missing = Vec::new();
    let mut done: BTreeMap<&str, Vec<(CellRecord, Predictions)>> = BTreeMap::new();
    let cells = study.cells();
    for cell in &cells {
        let Some(record) = study.record(cell)? else {
            missing.push(cell.clone());
            continue;
        };
        let path: PathBuf = study.folder(cell).join("predictions.csv");
        done.entry(&cell.variant).or_default().push((record, predictions_csv::load(&path)?));
    }
    let settings = Settings { scores: Some(SCORES.to_vec()), by_class: false, by_source: false, ..settings.clone() };
    let mut variants = Vec::new();
    for variant in &study.variants {
        let Some(cells) = done.get(variant.name.as_str()) else { continue };
        let names: Vec<String> =
            cells.iter().map(|(record, _)| study.folder(&record.cell).display().to_string()).collect();
        let trainings: Vec<(&str, &Predictions)> =
            names.iter().zip(cells).map(|(name, (_, predictions))| (name.as_str(), predictions)).collect();
        variants.push(VariantRows {
            variant: variant.name.clone(),
            cells: cells.iter().map(|(record, _)| record.clone()).collect(),
            rows: over_trainings(&trainings, &settings)?,
        });
    }
    let comparison = comparison(study, &done, &settings)?;
    Ok(StudyTable { study: study.name.clone(), missing, variants, comparison })
}

/// Tests of the variants against the first, on probabilities averaged over the seeds and folds that all of them have.
fn comparison(
    study: &Study,
    done: &BTreeMap<&str, Vec<(CellRecord, Predictions)>>,
    settings: &Settings,
) -> Result<Option<Comparison>, TrainError> {
    let names: Vec<&str> =
        study.variants.iter().map(|it| it.name.as_str()).filter(|it| done.contains_key(it)).collect();
    let key = |record: &CellRecord| (record.cell.seed, record.cell.fold);
    let shared = |wanted: &CellRecord| names.iter().all(|name| done[name].iter().any(|(it, _)| key(it) == key(wanted)));
    let averaged: Vec<(&str, Predictions)> = names
        .iter()
        .filter_map(|name| {
            let cells: Vec<&Predictions> = done[name].iter().filter(|(it, _)| shared(it)).map(|(_, it)| it).collect();
            Some((*name, average(&cells)?))
        })
        .collect();
    if averaged.len() < 2 {
        return Ok(None);
    }
    let shown: Vec<(&str, &Predictions)> = averaged.iter().map(|(name, predictions)| (*name, predictions)).collect();
    Ok(Some(compare(&shown, settings)?))
}

/// Mean probabilities and background shares of trainings on the same samples in the same order.
fn average(trainings: &[&Predictions]) -> Option<Predictions> {
    let (first, count) = (*trainings.first()?, trainings.len() as f32);
    let mut mean = first.clone();
    for (sample, row) in mean.probabilities.iter_mut().enumerate() {
        for (class, value) in row.iter_mut().enumerate() {
            *value = trainings.iter().map(|it| it.probabilities[sample][class]).sum::<f32>() / count;
        }
    }
    for (sample, share) in mean.background_share.iter_mut().enumerate() {
        let known: Option<Vec<f32>> = trainings.iter().map(|it| it.background_share[sample]).collect();
        *share = known.map(|known| known.iter().sum::<f32>() / count);
    }
    for (class, threshold) in mean.thresholds.iter_mut().enumerate() {
        *threshold = trainings.iter().map(|it| it.thresholds[class]).sum::<f32>() / count;
    }
    Some(mean)
}
