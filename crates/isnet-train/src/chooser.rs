//! Which epoch becomes the model: the one with the best score on validation images.
//!
//! A score that the validation images cannot give would make every epoch the best, so it is refused before the first step.

use std::collections::BTreeMap;

use isnet_data::{Dataset, Label, Task};
use isnet_graph::Graph;
use isnet_run::Datasets;
use isnet_run::config::{BestMetric, RunConfig};

use crate::error::TrainError;
use crate::methods;

/// Refuses a `train.best_metric` that the model or the validation images cannot give.
///
/// | metric | needs of the validation images |
/// |---|---|
/// | `macro_f1` | one of every class |
/// | `auc` | one of every class and one that is not of it |
/// | `accuracy`, `loss` | two classes, if each image has one |
/// | `counterfactual_accuracy`, `trust` | two labels among the images whose masks have foreground and background |
/// | `dice` | a mask with a foreground, and a model that makes maps |
/// | `last` | nothing |
///
/// # Errors
/// [`TrainError::NoValidation`], [`TrainError::Chooser`]; [`TrainError::Data`] if a mask on the way cannot be read or a label is missing.
pub fn check(config: &RunConfig, data: &Datasets, graph: &Graph) -> Result<(), TrainError> {
    let (metric, _) = metric(config, data, graph)?;
    if metric == BestMetric::Last {
        return Ok(());
    }
    let refused = |reason: String| Err(TrainError::Chooser { metric: metric.word(), reason });
    if metric.classifies() && !graph.classifies() {
        return refused("this model makes masks and knows no classes; use `dice`".into());
    }
    if metric == BestMetric::Dice && graph.segmentation().is_none() {
        return refused("this model makes no masks; use `macro_f1`, `accuracy`, `auc` or `loss`".into());
    }
    let split = &config.data.validation_split;
    let Some(validation) = &data.validation else {
        let known = [&config.data.train_split].into_iter().chain(data.tests.iter().map(|(name, _)| name));
        return Err(TrainError::NoValidation {
            split: split.clone(),
            known: known.cloned().collect(),
            metric: metric.word(),
        });
    };
    let lacks = if metric.classifies() {
        validation.check_labels()?;
        match lacking_class(metric, &**validation) {
            None if metric.is_counterfactual() => lacking_counterfactual(&**validation)?,
            lack => lack,
        }
    } else {
        lacking_mask(&**validation)?
    };
    match lacks {
        Some(lack) => refused(format!("the validation split `{split}` has {lack}")),
        None => Ok(()),
    }
}

/// The score that `train.best_metric` stands for, and a sentence where it is not the one that a shortcut fools least.
///
/// # Errors
/// [`TrainError::Data`] if a mask on the way cannot be read.
pub fn metric(config: &RunConfig, data: &Datasets, graph: &Graph) -> Result<(BestMetric, Option<String>), TrainError> {
    match config.train.best_metric {
        BestMetric::Auto if !graph.classifies() => Ok((BestMetric::Dice, None)),
        BestMetric::Auto if methods::asks_for_trust(config) => {
            let lacks = match &data.validation {
                Some(validation) => lacking_counterfactual(&**validation)?,
                None => None,
            };
            let split = &config.data.validation_split;
            Ok(match lacks {
                None => (BestMetric::Trust, None),
                Some(lack) => {
                    let note =
                        format!("the best epoch is chosen by `macro_f1`, which a shortcut fools: `{split}` has {lack}");
                    (BestMetric::MacroF1, Some(note))
                }
            })
        }
        BestMetric::Auto => Ok((BestMetric::MacroF1, None)),
        stated => Ok((stated, None)),
    }
}

/// What the validation images lack for a score on other backgrounds, and the way out.
fn lacking_counterfactual(validation: &dyn Dataset) -> Result<Option<String>, TrainError> {
    let mut first = None;
    for index in 0..validation.len() {
        match (validation.mask_says_something(index)?, first) {
            (true, None) => first = Some(index),
            (true, Some(first)) if validation.label(first) != validation.label(index) => return Ok(None),
            _ => {}
        }
    }
    Ok(Some(match first {
        None => "no mask with foreground and background; add some, or choose by `macro_f1`".into(),
        Some(_) => "masks for images of one label only; add some, or choose by `macro_f1`".into(),
    }))
}

/// What the validation images lack for a score of classes, and the way out.
fn lacking_class(metric: BestMetric, validation: &dyn Dataset) -> Option<String> {
    let mut counts = vec![0_usize; validation.n_classes()];
    for class in (0..validation.len()).filter_map(|index| validation.label(index)).flat_map(Label::classes) {
        counts[*class] += 1;
    }
    let name = |class: usize| format!("`{}`", validation.classes()[class]);
    let absent: Vec<String> = (0..counts.len()).filter(|class| counts[*class] == 0).map(name).collect();
    let everywhere: Vec<String> =
        (0..counts.len()).filter(|class| counts[*class] == validation.len()).map(name).collect();
    let present: Vec<String> = (0..counts.len()).filter(|class| counts[*class] > 0).map(name).collect();
    let one_class = validation.task() == Task::SingleLabel && absent.len() + 1 >= counts.len();
    match metric {
        _ if one_class => Some(format!(
            "images of one class only ({}), so no score tells a model from a guess; add images of the others, or use `last`",
            present.join(", ")
        )),
        BestMetric::MacroF1 | BestMetric::Auc if !absent.is_empty() => {
            Some(format!("no image of {}; add some, or choose by `loss` or `accuracy`", absent.join(", ")))
        }
        BestMetric::Auc if !everywhere.is_empty() => {
            Some(format!("no image without {}; add some, or choose by `loss` or `macro_f1`", everywhere.join(", ")))
        }
        _ => None,
    }
}

/// What the validation images lack for a score of masks, and the way out.
fn lacking_mask(validation: &dyn Dataset) -> Result<Option<String>, TrainError> {
    for index in (0..validation.len()).filter(|index| validation.has_mask(*index)) {
        if validation.sample(index)?.mask.is_some_and(|mask| mask.foreground() > 0) {
            return Ok(None);
        }
    }
    Ok(Some("no mask with a foreground; add some, or use `last`".into()))
}

/// The score of an epoch; `None` where the newest epoch is the best.
///
/// # Errors
/// [`TrainError::NoScore`] if the validation did not give a finite one after all.
pub(crate) fn score(metric: BestMetric, validation: &BTreeMap<String, f64>) -> Result<Option<f64>, TrainError> {
    if metric == BestMetric::Last {
        return Ok(None);
    }
    match validation.get(metric.word()) {
        Some(score) if score.is_finite() => Ok(Some(*score)),
        found => Err(TrainError::NoScore { metric: metric.word(), found: found.copied() }),
    }
}
