//! All that a training is between two steps, and its way into a checkpoint and back.

use std::collections::BTreeMap;
use std::path::Path;

use isnet_loss::ForegroundRange;
use isnet_run::config::{Change, RunConfig};
use isnet_run::model::counted_batches;
use isnet_run::{Checkpoint, CheckpointKind, Losses, Model, Position, RunDir, RunError, Task};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::optimizer::Optimizer;
use crate::stopwatch::Spent;
use crate::trainer::Watcher;

/// All of a training but its tensors.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct State {
    pub model: Identity,
    pub epoch: usize,
    pub step: usize,
    pub batch: usize,
    pub sums: Sums,
    pub best: Option<f64>,
    pub epochs_since_best: usize,
    pub range: [f64; 2],
    pub calibrated: bool,
    pub seconds: f64,
    /// What processors worked in the epoch so far; older checkpoints do not know.
    #[serde(default)]
    pub processor_seconds: f64,
    /// The first epoch that may not be classification alone, which stays as the run was begun with it; older checkpoints do not know.
    #[serde(default)]
    pub start_epoch: Option<usize>,
}

/// The model that a checkpoint belongs to.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Identity {
    architecture: serde_json::Value,
    classes: Vec<String>,
    task: Task,
}

/// Sums over the steps of the epoch in progress.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub(crate) struct Sums {
    steps: usize,
    heatmap_steps: usize,
    loss: f64,
    classification: f64,
    heatmap: f64,
    background: f64,
    foreground: f64,
    /// Steps that classified nothing; older checkpoints have none.
    #[serde(default)]
    unclassified_steps: usize,
    /// Steps and sum of each further term.
    #[serde(default)]
    terms: BTreeMap<String, (usize, f64)>,
}

impl State {
    /// Before the first step.
    pub fn new(model: &Model, range: ForegroundRange, start_epoch: usize) -> Self {
        Self {
            model: Identity::of(model),
            epoch: 0,
            step: 0,
            batch: 0,
            sums: Sums::default(),
            best: None,
            epochs_since_best: 0,
            range: [range.min, range.max],
            calibrated: false,
            seconds: 0.0,
            processor_seconds: 0.0,
            start_epoch: Some(start_epoch),
        }
    }

    /// Time spent in the epoch in progress.
    pub fn spent(&self) -> Spent {
        Spent { clock: self.seconds, processors: self.processor_seconds }
    }

    /// Sets [`State::spent`].
    pub fn set_spent(&mut self, spent: Spent) {
        (self.seconds, self.processor_seconds) = (spent.clock, spent.processors);
    }

    /// The training as a checkpoint.
    pub fn capture(&self, model: &Model, optimizer: &Optimizer) -> Checkpoint {
        let (buffers, params) = model.to_file().parameters.into_iter().partition(|tensor| {
            tensor.name.ends_with("running_mean") || tensor.name.ends_with("running_var") || tensor.as_i64().is_some()
        });
        Checkpoint {
            epoch: self.epoch,
            step: self.step,
            batch_in_epoch: self.batch,
            params,
            buffers,
            optimizer: optimizer.state(&model.graph),
            state: serde_json::to_value(self).expect("the state of a training is plain numbers"),
        }
    }

    /// Goes on with a run: takes up its last checkpoint, and writes the configuration it goes on with.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if the checkpoint belongs to another model or optimizer; [`RunError::Changed`] if the
    /// configuration contradicts the steps that are made. The run is as it was then.
    pub fn resume(
        config: &RunConfig,
        run: &RunDir,
        model: &mut Model,
        optimizer: &mut Optimizer,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, TrainError> {
        let path = run.checkpoint(CheckpointKind::Last);
        let checkpoint = Checkpoint::load(&path)?;
        let reason = |error| format!("its state is that of another version of this program: {error}");
        let corrupt = |error| RunError::Corrupt { what: "checkpoint", path: path.clone(), reason: reason(error) };
        let state = Self::deserialize(&checkpoint.state).map_err(corrupt)?;
        let misfit = |reason| TrainError::Checkpoint { path: path.clone(), reason };
        if state.start_epoch.is_none() && config.method.name.has_heatmap_loss() {
            let reason = "it was begun by an earlier version, whose defaults were others: finish it with that version, or train anew";
            return Err(misfit(reason.to_owned()));
        }
        restore_model(&checkpoint, &path, model)?;
        let here = Identity::of(model);
        state.model.check_classes(&here).map_err(misfit)?;
        let changes = config.changes_since(&run.config()?)?;
        let (changes, refused): (Vec<_>, Vec<_>) = changes.into_iter().partition(Change::is_allowed);
        if !refused.is_empty() {
            return Err(RunError::Changed { path: run.path().to_owned(), changes: refused }.into());
        }
        state.model.check_architecture(&here).map_err(misfit)?;
        let device = model.params.values()[0].device().inner();
        optimizer.restore(&model.graph, &checkpoint.optimizer, &device).map_err(misfit)?;
        run.go_on(config, state.step, &changes)?;
        for change in &changes {
            watcher.note(&format!("goes on with {change}"));
        }
        Ok(state)
    }

    /// Where the training stands.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, step: self.step, batch_in_epoch: self.batch }
    }
}

/// Fills the model with the parameters of the checkpoint at `path`.
///
/// # Errors
/// [`TrainError::Checkpoint`] if they do not fit.
pub(crate) fn restore_model(checkpoint: &Checkpoint, path: &Path, model: &mut Model) -> Result<(), TrainError> {
    let tensors: Vec<_> = checkpoint.params.iter().chain(&checkpoint.buffers).cloned().collect();
    isnet_models::load_exactly(&model.graph, &mut model.params, &tensors)
        .map_err(|error| TrainError::Checkpoint { path: path.to_owned(), reason: error.to_string() })?;
    model.batches = counted_batches(&tensors);
    Ok(())
}

impl Identity {
    fn of(model: &Model) -> Self {
        let file = model.to_file();
        Self { architecture: file.architecture, classes: file.classes, task: file.task }
    }

    /// Says in words what the logits of the model that is here mean, if it is something else.
    fn check_classes(&self, here: &Self) -> Result<(), String> {
        let classes = |of: &Self| of.classes.join(", ");
        if self.classes != here.classes {
            return Err(format!("its classes are {}, those here {}", classes(self), classes(here)));
        }
        if self.task != here.task {
            return Err(format!("its task is {}, that here {}", self.task, here.task));
        }
        Ok(())
    }

    /// Says in words what else differs: what no shape of a parameter tells.
    fn check_architecture(&self, here: &Self) -> Result<(), String> {
        if self.architecture == here.architecture {
            return Ok(());
        }
        Err(format!("its model is {}, that here {}", self.architecture, here.architecture))
    }
}

impl Sums {
    /// Adds a step.
    pub fn add(&mut self, losses: &Losses) {
        self.steps += 1;
        self.heatmap_steps += usize::from(losses.heatmap.is_some());
        self.loss += losses.loss;
        self.unclassified_steps += usize::from(losses.classification.is_none());
        self.classification += losses.classification.unwrap_or(0.0);
        self.heatmap += losses.heatmap.unwrap_or(0.0);
        self.background += losses.background.unwrap_or(0.0);
        self.foreground += losses.foreground.unwrap_or(0.0);
        for (name, value) in &losses.terms {
            let (steps, sum) = self.terms.entry(name.clone()).or_default();
            *steps += 1;
            *sum += value;
        }
    }

    /// Means over the steps; those of the classification, the heatmap and further terms over the steps that had them.
    pub fn means(&self) -> Losses {
        let mean = |sum: f64, steps: usize| (steps > 0).then(|| sum / steps as f64);
        let of_heatmap = |sum: f64| mean(sum, self.heatmap_steps);
        Losses {
            loss: self.loss / self.steps.max(1) as f64,
            classification: mean(self.classification, self.steps - self.unclassified_steps),
            heatmap: of_heatmap(self.heatmap),
            background: of_heatmap(self.background),
            foreground: of_heatmap(self.foreground),
            terms: self.terms.iter().map(|(name, (steps, sum))| (name.clone(), sum / *steps as f64)).collect(),
        }
    }
}
