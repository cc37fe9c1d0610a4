//! The table of a study: all cells that are done, whoever trained them.

use std::collections::BTreeMap;

use isnet_run::Study;
use isnet_run::study::{Cell, CellRecord, FailedCell};
use isnet_statistics::Predictions;
use isnet_statistics::predictions_csv;
use isnet_statistics::{
    Comparison, Settings, TrainingsDifference, TrainingsRow, compare, correct, differences_over_trainings,
    over_trainings,
};
use serde::Serialize;

use super::SCORES;
use super::trust::{TrustTable, trust};
use crate::error::TrainError;

/// A cell that is done, with what its model said.
struct DoneCell {
    record: CellRecord,
    /// The run folder, for messages.
    folder: String,
    predictions: Predictions,
}

/// The cells of each variant that are done.
type Done<'a> = BTreeMap<&'a str, Vec<DoneCell>>;

impl DoneCell {
    /// What trainings of several variants are matched by.
    fn key(&self) -> (u64, Option<usize>) {
        (self.record.cell.seed, self.record.cell.fold)
    }

    fn named(&self) -> (&str, &Predictions) {
        (&self.folder, &self.predictions)
    }
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
    /// How far they are from those of the first variant that has a finished cell, over the seeds and folds that both have.
    pub differences: Vec<TrainingsDifference>,
}

/// What a study found so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyTable {
    /// Name of the study.
    pub study: String,
    /// Share of intervals that hold the true value.
    pub confidence: f64,
    /// Cells that are not done, and did not fail.
    pub missing: Vec<Cell>,
    /// Cells that could not be trained.
    pub failed: Vec<FailedCell>,
    /// In the order of the study; variants without a finished cell are left out.
    pub variants: Vec<VariantRows>,
    /// Time to trust, where the study asks for it.
    pub trust: Option<TrustTable>,
    /// Differences to the first variant, cell by cell averaged before testing, see [`table`].
    pub comparison: Option<Comparison>,
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
    let (mut missing, mut failed) = (Vec::new(), Vec::new());
    let mut done: Done<'_> = BTreeMap::new();
    let cells = study.cells();
    for cell in &cells {
        let Some(record) = study.record(cell)? else {
            match study.failure(cell)? {
                Some(reason) => failed.push(FailedCell { cell: cell.clone(), reason }),
                None => missing.push(cell.clone()),
            }
            continue;
        };
        let folder = study.folder(cell);
        let predictions = predictions_csv::load_run(&folder)?;
        let folder = folder.display().to_string();
        done.entry(&cell.variant).or_default().push(DoneCell { record, folder, predictions });
    }
    let settings = Settings { scores: Some(SCORES.to_vec()), by_class: false, by_source: false, ..settings.clone() };
    let first = study.variants.iter().find_map(|it| done.get_key_value(it.name.as_str()));
    let mut variants = Vec::new();
    for variant in &study.variants {
        let Some(cells) = done.get(variant.name.as_str()) else { continue };
        let trainings: Vec<(&str, &Predictions)> = cells.iter().map(DoneCell::named).collect();
        variants.push(VariantRows {
            variant: variant.name.clone(),
            cells: cells.iter().map(|cell| cell.record.clone()).collect(),
            rows: over_trainings(&trainings, &settings)?,
            differences: match first {
                Some((name, baseline)) if **name != variant.name => differences(baseline, cells, &settings)?,
                _ => Vec::new(),
            },
        });
    }
    correct(variants.iter_mut().flat_map(|it| &mut it.differences), &settings);
    let comparison = comparison(study, &done, &settings)?;
    let trust = study.trust.as_ref().map(|rule| trust(rule, &variants));
    let (study, confidence) = (study.name.clone(), settings.confidence);
    Ok(StudyTable { study, confidence, missing, failed, variants, trust, comparison })
}

/// How far a variant is from another, training by training of the seeds and folds that both have.
fn differences(
    baseline: &[DoneCell],
    cells: &[DoneCell],
    settings: &Settings,
) -> Result<Vec<TrainingsDifference>, TrainError> {
    let pairs = baseline.iter().filter_map(|from| {
        let to = cells.iter().find(|to| to.key() == from.key())?;
        Some((from.named(), to.named()))
    });
    let (baseline, method): (Vec<_>, Vec<_>) = pairs.unzip();
    if baseline.is_empty() {
        return Ok(Vec::new());
    }
    Ok(differences_over_trainings(&baseline, &method, settings)?)
}

/// Tests of the variants against the first, on probabilities averaged over the seeds and folds that all of them have.
fn comparison(study: &Study, done: &Done<'_>, settings: &Settings) -> Result<Option<Comparison>, TrainError> {
    let names: Vec<&str> =
        study.variants.iter().map(|it| it.name.as_str()).filter(|it| done.contains_key(it)).collect();
    let shared = |wanted: &DoneCell| names.iter().all(|name| done[name].iter().any(|it| it.key() == wanted.key()));
    let averaged: Vec<(&str, Predictions)> = names
        .iter()
        .filter_map(|name| {
            let cells: Vec<&Predictions> =
                done[name].iter().filter(|it| shared(it)).map(|it| &it.predictions).collect();
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
    let (first, count) = (*trainings.first()?, trainings.len() as f64);
    let mut mean = first.clone();
    mean.decided = vec![None; mean.len()];
    for (sample, row) in mean.probabilities.iter_mut().enumerate() {
        for (class, value) in row.iter_mut().enumerate() {
            *value = trainings.iter().map(|it| it.probabilities[sample][class]).sum::<f64>() / count;
        }
    }
    for (sample, share) in mean.background_share.iter_mut().enumerate() {
        let known: Option<Vec<f64>> = trainings.iter().map(|it| it.background_share[sample]).collect();
        *share = known.map(|known| known.iter().sum::<f64>() / count);
    }
    for (class, threshold) in mean.thresholds.iter_mut().enumerate() {
        *threshold = trainings.iter().map(|it| it.thresholds[class]).sum::<f64>() / count;
    }
    Some(mean)
}
