//! Studies: the trainings of several methods, and one table of what they are worth.
//!
//! ```text
//! Study ──cells──► refused ──► what cannot be trained, before anything is
//!   ├────────────► run_cell ──► run folder with model, metrics.json, predictions.csv and cell.json, or failure.json
//!   └────────────► table (of all cells that are done, whoever trained them) ──► study_document, study.json
//! ```
//!
//! A cell that is done is not done again; one that was interrupted goes on, and one that failed is tried again. Processes and machines may share the folder:
//! each takes its shard, and a run folder is locked while one works in it.

mod document;
mod table;
mod trust;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::evaluation::Evaluation;
use isnet_eval::report::epochs;
use isnet_graph::Predictor;
use isnet_run::study::{Cell, CellRecord, FailedCell, Study};
use isnet_run::{Checkpoint, CheckpointKind, Datasets, Existing, Model, RunConfig, RunDir, atomic};
use isnet_statistics::Predictions;
use isnet_statistics::predictions_csv;
use isnet_statistics::{Score, Settings};

pub use document::{StudyReport, cell_name, cost_table, score_tables, study_document};
pub use table::{StudyTable, VariantRows, table};
pub use trust::{TrustRow, TrustTable, trust_table};

use crate::error::TrainError;
use crate::setup;
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
    /// It cannot be trained, for this reason.
    Failed(String),
}

/// What of some cells cannot be trained, found before the first of them is: data that cannot be read, a model that cannot take the images, a method
/// that lacks a part of the model. The other seeds and folds of a variant are taken to fail like the first that is not done.
///
/// # Errors
/// [`TrainError::Run`] if a cell was done with another configuration: then the study as a whole is another.
pub fn refused(study: &Study, cells: &[Cell]) -> Result<Vec<FailedCell>, TrainError> {
    let mut todo: Vec<&Cell> = Vec::new();
    for cell in cells {
        if study.record(cell)?.is_none() {
            todo.push(cell);
        }
    }
    // Variants that share their data share the reading.
    let mut opened: Option<(RunConfig, Datasets)> = None;
    let mut reasons: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for &cell in &todo {
        if !reasons.contains_key(cell.variant.as_str()) {
            let config = study.run_config(cell)?;
            reasons.insert(&cell.variant, check(config, &mut opened).err().map(|error| error.to_string()));
        }
    }
    let failed =
        |cell: &Cell| Some(FailedCell { cell: cell.clone(), reason: reasons.get(cell.variant.as_str())?.clone()? });
    Ok(todo.into_iter().filter_map(failed).collect())
}

/// Does all that a training does before its first step.
fn check(config: RunConfig, opened: &mut Option<(RunConfig, Datasets)>) -> Result<(), TrainError> {
    let device = isnet_run::device::device(&config.device)?;
    let same =
        |(other, _): &(RunConfig, Datasets)| other.data == config.data && other.method.name == config.method.name;
    let data = match opened.take().filter(same) {
        Some((_, data)) => data,
        None => Datasets::of(&config)?,
    };
    let found = setup::prepare(&config, &data, &device).map(drop);
    *opened = Some((config, data));
    found
}

/// Trains, evaluates and times a cell, unless that is done. A cell that fails is noted as such, see [`Study::failure`].
///
/// # Errors
/// [`TrainError`] if the study cannot go on: a cell was done with another configuration, or nothing can be written.
pub fn run_cell(study: &Study, cell: &Cell, watcher: &mut dyn Watcher) -> Result<CellEnding, TrainError> {
    if let Some(record) = study.record(cell)? {
        return Ok(CellEnding::Done(record));
    }
    train_cell(study, cell, watcher).or_else(|error| {
        let reason = error.to_string();
        study.save_failure(cell, &reason)?;
        Ok(CellEnding::Failed(reason))
    })
}

fn train_cell(study: &Study, cell: &Cell, watcher: &mut dyn Watcher) -> Result<CellEnding, TrainError> {
    let (config, folder) = (study.run_config(cell)?, study.folder(cell));
    let data = Datasets::of(&config)?;
    let trainer = match Trainer::new(&config, &data, Existing::Resume, watcher) {
        Err(TrainError::Run(isnet_run::RunError::Locked { .. })) => return Ok(CellEnding::Taken),
        trainer => trainer?,
    };
    study.forget_failure(cell)?;
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
    let run = RunDir::open(folder)?;
    let epochs = epochs(&run)?;
    let best = run.checkpoint(CheckpointKind::Best);
    let until_model = if best.exists() { Checkpoint::load(&best)?.epoch } else { epochs.len() };
    let worked: f64 = epochs.iter().take(until_model).map(|epoch| epoch.processor_seconds).sum();
    let seconds: Vec<f64> = epochs.iter().map(|epoch| epoch.seconds).collect();
    let trained = model.graph.params().filter(|(_, spec)| spec.role.is_trainable());
    Ok(CellRecord {
        cell: cell.clone(),
        parameters: trained.map(|(_, spec)| spec.len()).sum(),
        epochs: seconds.len(),
        seconds_per_epoch: median(seconds),
        milliseconds_per_image: milliseconds_per_image(model),
        processor_seconds_to_model: (worked > 0.0).then_some(worked),
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

/// The median; of an even number the larger of the two in the middle, so that a time that never ends is not halved.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
