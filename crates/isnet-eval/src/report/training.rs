//! How the model was trained: curves over epochs.

use std::collections::BTreeSet;

use isnet_report::{Axis, LineChart, Section, Series};
use isnet_run::log::{Line, read_lines};
use isnet_run::{EpochRecord, RunDir};

use crate::EvalError;

/// The name of the loss among the scores on the validation split.
const VALIDATION_LOSS: &str = "loss";

/// The epochs of a run; none if it has no log.
///
/// # Errors
/// [`EvalError::Run`] if the log cannot be read.
pub fn epochs(run: &RunDir) -> Result<Vec<EpochRecord>, EvalError> {
    if !run.log().exists() {
        return Ok(Vec::new());
    }
    let epoch = |line| match line {
        Line::Epoch { record, .. } => Some(record),
        Line::Step { .. } => None,
    };
    Ok(read_lines(run)?.into_iter().filter_map(epoch).collect())
}

/// Curves of losses and validation scores; `None` without epochs.
///
/// # Example
/// ```
/// # use isnet_eval::report::training_section;
/// # use isnet_run::{EpochRecord, Losses};
/// let epoch = |epoch, loss| EpochRecord { epoch, losses: Losses { loss, ..Losses::default() }, ..EpochRecord::default() };
/// let section = training_section(&[epoch(0, 1.0), epoch(1, 0.5)]).unwrap();
/// assert_eq!(section.title, "Training");
/// assert_eq!(training_section(&[]), None);
/// ```
pub fn training_section(epochs: &[EpochRecord]) -> Option<Section> {
    let last = epochs.last()?;
    let seconds: f64 = epochs.iter().map(|record| record.seconds).sum();
    let text = format!(
        "**{}** epochs, {} steps, {seconds:.0} s. Losses of the training split are means over the steps of an epoch.",
        epochs.len(),
        last.step,
    );
    let charts = [losses(epochs), terms(epochs), scores(epochs)].into_iter().filter(|chart| !chart.series.is_empty());
    Some(charts.fold(Section::new("Training").with(text), Section::with))
}

/// The loss on both splits.
fn losses(epochs: &[EpochRecord]) -> LineChart {
    let training = curve("training", epochs, |record| Some(record.losses.loss));
    let validation = curve("validation", epochs, |record| record.validation.get(VALIDATION_LOSS).copied());
    chart("Loss", Axis::new("loss").logarithmic(), [training, validation])
}

/// The terms of the training loss, where there is more than one.
fn terms(epochs: &[EpochRecord]) -> LineChart {
    let classification = curve("classification", epochs, |record| record.losses.classification);
    let heatmap = [
        curve("heatmap", epochs, |record| record.losses.heatmap),
        curve("background", epochs, |record| record.losses.background),
        curve("foreground", epochs, |record| record.losses.foreground),
    ];
    let names: BTreeSet<&String> = epochs.iter().flat_map(|record| record.losses.terms.keys()).collect();
    let further = names.into_iter().map(|name| curve(name, epochs, |record| record.losses.terms.get(name).copied()));
    let others: Vec<_> = heatmap.into_iter().chain(further).filter(|series| !series.points.is_empty()).collect();
    let series = (!others.is_empty()).then_some(classification).into_iter().chain(others);
    chart("Terms of the training loss", Axis::new("term").logarithmic(), series)
}

/// All that was scored on the validation split but the loss.
fn scores(epochs: &[EpochRecord]) -> LineChart {
    let names: BTreeSet<&String> = epochs.iter().flat_map(|record| record.validation.keys()).collect();
    let names = names.into_iter().filter(|name| *name != VALIDATION_LOSS);
    let series = names.map(|name| {
        curve(&name.replace('_', " ").replace("auc", "AUC").replace("f1", "F1"), epochs, |record| {
            record.validation.get(name).copied()
        })
    });
    chart("Scores on the validation split", Axis::new("score"), series)
}

/// A value over the epochs, which people count from 1.
fn curve(name: &str, epochs: &[EpochRecord], value: impl Fn(&EpochRecord) -> Option<f64>) -> Series {
    Series::new(name, epochs.iter().filter_map(|record| Some((record.epoch as f64 + 1.0, value(record)?))))
}

/// A chart of the curves that have points.
fn chart(title: &str, y: Axis, series: impl IntoIterator<Item = Series>) -> LineChart {
    let series = series.into_iter().filter(|series| !series.points.is_empty());
    series.fold(LineChart::new(title).x(Axis::new("epoch")).y(y), LineChart::series)
}
