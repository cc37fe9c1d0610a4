//! The training loop: epochs, validation, checkpoints, resumption.
//!
//! Every random draw is keyed by seed, purpose and position, so that the state of a training is its tensors and a position. A run
//! that is killed at any moment and resumed ends with the same bits as one that was not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use isnet_data::rng::stream;
use isnet_data::{Batch as DataBatch, Dataset, Donors, ExchangedBackgrounds, Label, Loader, MaskVerdict, Task};
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::segmentation::{evaluate_segmentation, overlap_means};
use isnet_kernels as kernels;
use isnet_loss::{ForegroundRange, Mask, Targets, calibrated_range};
use isnet_run::config::{self, BestMetric, RunConfig};
use isnet_run::datasets::augmentation;
use isnet_run::{
    Checkpoint, CheckpointKind, Datasets, EpochRecord, Existing, Losses, Model, RunDir, RunLog, StepRecord,
};
use isnet_statistics::metrics::{log_loss, scores};

use crate::error::TrainError;
use crate::objective::{Batch, Evaluation, Objective, Phase, Weight};
use crate::optimizer::{GradientSet, Optimizer};
use crate::schedule::learning_rate;
use crate::state::{State, Sums, restore_model};
use crate::stopwatch::{Spent, Stopwatch};
use crate::{chooser, methods, setup};

/// Key of the random draws within a step: dropout, then the selector.
const STEP: u64 = 0x57E9;

/// An AUC on validation data below which a model has not learned to classify; a guess has 0.5.
const GUESS: f64 = 0.6;

/// Validation images below which an AUC tells nothing of a guess.
const FEW_IMAGES: usize = 20;

/// An AUC on validation data that is further from a guess than chance would have it.
const WORSE_THAN_A_GUESS: f64 = 0.4;

/// A share of relevance outside the region of interest above which a model is not trusted.
const MUCH_RELEVANCE: f64 = 0.2;

/// A fall of accuracy on the backgrounds of other labels that a model which ignores them does not show.
const LARGE_DROP: f64 = 0.1;

/// Who watches a training.
pub trait Watcher {
    /// A step is done.
    fn step(&mut self, _record: &StepRecord, _steps_per_epoch: usize) {}
    /// An epoch is done and validated.
    fn epoch(&mut self, _record: &EpochRecord, _is_best: bool) {}
    /// Something worth a sentence happened.
    fn note(&mut self, _text: &str) {}
    /// Whether to stop after this step; a checkpoint is saved first.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// A watcher that does not look.
pub struct Unwatched;

impl Watcher for Unwatched {}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done, or none was better for too long.
    Finished,
    /// Someone asked it to stop; it can be resumed.
    Interrupted,
}

/// A training in progress.
pub struct Trainer<'a> {
    config: &'a RunConfig,
    data: &'a Datasets,
    run: RunDir,
    model: Model,
    objective: Objective,
    optimizer: Optimizer,
    state: State,
    log: RunLog,
    device: Device,
    /// By what the best epoch is chosen.
    metric: BestMetric,
    /// The training images whose backgrounds others may have.
    donors: Arc<Donors>,
    /// The validation images on other backgrounds, where an epoch is chosen by them.
    counterfactual: Option<Arc<dyn Dataset>>,
}

impl<'a> Trainer<'a> {
    /// Prepares a training in the folder `output` of the configuration: from its last checkpoint where there is one and
    /// `existing` is [`Existing::Resume`], else from the beginning.
    ///
    /// # Errors
    /// [`TrainError`] if anything does not fit, and then the run is as it was; or if the run folder cannot be written.
    pub fn new(
        config: &'a RunConfig,
        data: &'a Datasets,
        existing: Existing,
        watcher: &mut dyn Watcher,
    ) -> Result<Self, TrainError> {
        let device = isnet_run::device::device(&config.device)?;
        let (mut model, objective, report) = setup::prepare(config, data, &device)?;
        for note in &data.notes {
            watcher.note(note);
        }
        if let Some(report) = report {
            report.notes().iter().for_each(|note| watcher.note(note));
        }
        let (metric, note) = chooser::metric(config, data, &model.graph)?;
        note.iter().for_each(|note| watcher.note(note));
        let counterfactual = match &data.validation {
            Some(validation) if metric.is_counterfactual() => {
                Some(Arc::new(ExchangedBackgrounds::to_validate(validation.clone())?) as Arc<dyn Dataset>)
            }
            _ => None,
        };
        let donors = Arc::new(Donors::of(&*data.train));
        let mut optimizer = Optimizer::new(&config.train, &model.graph);
        let run = RunDir::claim(&config.output, existing)?;
        let goes_on = existing == Existing::Resume && run.checkpoint(CheckpointKind::Last).exists();
        let (state, log) = if goes_on {
            let state = State::resume(config, &run, &mut model, &mut optimizer, watcher)?;
            watcher.note(&format!("resumed after step {}, in epoch {}", state.step, state.epoch + 1));
            let log = RunLog::resume(&run, state.position())?;
            (state, log)
        } else {
            run.begin(config)?;
            (State::new(&model, setup::initial_range(config), config.start_epoch()), RunLog::create(&run)?)
        };
        let start = state.start_epoch.unwrap_or_default();
        if goes_on && config.method.start_epoch.is_none() && start >= config.train.epochs {
            watcher.note(&format!(
                "the run was begun with its own terms after epoch {start}, so that with `train.epochs = {}` they never count",
                config.train.epochs
            ));
        }
        let [min, max] = state.range;
        let mut trainer =
            Self { config, data, run, model, objective, optimizer, state, log, device, metric, donors, counterfactual };
        trainer.set_range(ForegroundRange { min, max });
        // What loading needed, no step will ask for again.
        kernels::Recycler::trim();
        Ok(trainer)
    }

    /// Trains to the end, and writes the best epoch as the model of the run.
    ///
    /// # Errors
    /// [`TrainError::NonFinite`] with step and samples when the numbers go wrong; the last checkpoint is intact.
    pub fn train(mut self, watcher: &mut dyn Watcher) -> Result<(Model, Ending), TrainError> {
        while self.state.epoch < self.config.train.epochs && !self.is_out_of_patience() {
            let (watch, before) = (Stopwatch::start(), self.state.spent());
            if self.run_epoch(watcher, watch.clock())? == Ending::Interrupted {
                self.state.set_spent(before + watch.spent());
                self.save(CheckpointKind::Last)?;
                return Ok((self.model, Ending::Interrupted));
            }
            self.finish_epoch(watcher, (before, watch))?;
        }
        if let Some(advice) = self.advice() {
            watcher.note(&advice);
        }
        let best = self.run.checkpoint(CheckpointKind::Best);
        if best.exists() {
            restore_model(&Checkpoint::load(&best)?, &best, &mut self.model)?;
        }
        if self.run.save_model(&self.model.to_file())? {
            watcher.note("removed `metrics.json`, `predictions.csv` and the report: they were of another model");
        }
        Ok((self.model, Ending::Finished))
    }

    /// What to try where no epoch was better than a guess, or the best one depends on the background.
    fn advice(&self) -> Option<String> {
        self.not_learned().or_else(|| self.still_looks())
    }

    fn still_looks(&self) -> Option<String> {
        let counting =
            self.log.epochs().iter().filter(|record| record.epoch >= methods::first_epoch(self.config, self.start()));
        let scored = counting.filter_map(|record| Some((*record.validation.get(self.metric.word())?, record)));
        let (_, best) = scored.reduce(|best, next| if self.metric.improves(next.0, best.0) { next } else { best })?;
        let of = |name: &str| best.validation.get(name).copied();
        let (accuracy, moved) = (of("accuracy")?, of(BestMetric::CounterfactualAccuracy.word())?);
        let share = of("background_share").filter(|share| *share > MUCH_RELEVANCE);
        let falls = (accuracy - moved > LARGE_DROP)
            .then(|| format!("accuracy falls from {accuracy:.2} to {moved:.2} on the backgrounds of other labels"));
        let shown = share.map(|share| format!("{share:.2} of the relevance lies outside the region of interest"));
        let found: Vec<String> = falls.into_iter().chain(shown).collect();
        if found.is_empty() {
            return None;
        }
        let (data, method) = (&self.config.data, self.objective.method.heatmap());
        let tries = [
            (data.augment.exchange_background < 1.0, "`data.augment.exchange_background = 1`"),
            (method.is_none(), "`method.name = \"isnet\"`"),
            (method.is_some_and(|method| method.lds_decay.is_none()), "`method.deep_supervision = true`"),
            (data.mask_margin == 0.0, "`data.mask_margin = 0.05`, if the masks are not exact to the pixel"),
            (true, "more epochs"),
        ];
        let tries: Vec<&str> = tries.into_iter().filter_map(|(applies, what)| applies.then_some(what)).collect();
        Some(format!("still looks at the background: {}. Try {}", found.join(", and "), tries.join(" or ")))
    }

    fn not_learned(&self) -> Option<String> {
        // An epoch on whose validation data no AUC is defined says nothing; NaN is what a log has of one.
        let areas = self.log.epochs().iter().filter_map(|epoch| epoch.validation.get("auc").copied());
        let areas = areas.filter(|area| area.is_finite());
        let best = areas.reduce(f64::max).filter(|best| *best < GUESS)?;
        let heatmap = self.objective.method.heatmap().map_or(String::new(), |heatmap| {
            let tries = [
                (heatmap.lds_decay.is_none(), "`method.deep_supervision = true`"),
                (self.start() == 0, "`method.start_epoch = 2`"),
                (true, "a lower `loss.heatmap_loss_weight`"),
            ];
            let tries: Vec<&str> = tries.into_iter().filter_map(|(applies, what)| applies.then_some(what)).collect();
            format!(". The heatmap loss may be met before anything is learned: try {}", tries.join(" or "))
        });
        let images = self.data.validation.as_ref().map_or(0, |validation| validation.len());
        let never =
            format!("the AUC on the {images} validation images is never above {best:.2}, where a guess has 0.5");
        Some(match images {
            0..FEW_IMAGES => {
                format!("{never}: these are too few images to tell whether anything is learned; validate on more")
            }
            _ if best < WORSE_THAN_A_GUESS => format!(
                "learned something else: {never}. The validation data contradict the training data: look at the labels and sources of both splits"
            ),
            _ => format!(
                "not learned: {never}. Train longer, with another learning rate, or from `model.weights`{heatmap}"
            ),
        })
    }

    /// A training batch on the device. A sample whose mask says nothing ([`MaskVerdict`]) is only classified.
    fn to_device(&self, batch: &DataBatch) -> Batch {
        let pixels = batch.height * batch.width;
        let known = batch
            .mask
            .chunks(pixels)
            .zip(&batch.has_mask)
            .map(|(mask, has)| *has && MaskVerdict::of(mask).says_something())
            .collect();
        let shape = [batch.len(), batch.height, batch.width, 1];
        let mask = Tensor::from_data(TensorData::new(batch.mask.clone(), shape), &self.device);
        let targets = match self.data.task {
            _ if !self.model.graph.classifies() => Targets::SingleLabel(Vec::new()),
            Task::SingleLabel => Targets::SingleLabel(batch.labels.iter().map(|label| label.classes()[0]).collect()),
            Task::MultiLabel => {
                let row = |label: &Label| label.multi_hot(self.data.classes.len());
                Targets::MultiLabel(batch.labels.iter().map(row).collect())
            }
        };
        Batch { image: self.model.images(batch), mask: Mask::new(mask, known), targets }
    }

    fn loader(&self, epoch: usize, augmented: bool) -> Loader {
        let (train, share) = (self.data.train.clone(), self.config.data.augment.exchange_background);
        let exchanges = augmented && share > 0.0;
        let dataset: Arc<dyn Dataset> = if exchanges {
            let place = (self.config.seed, epoch as u64);
            Arc::new(ExchangedBackgrounds::in_epoch(train, self.donors.clone(), share, place))
        } else {
            train
        };
        Loader {
            dataset,
            order: setup::order(self.config, self.data, &self.model.graph, epoch),
            batch_size: self.config.train.batch_size,
            merge_single: true,
            augmentation: if augmented { augmentation(&self.config.data.augment) } else { None },
            seed: self.config.seed,
            epoch: epoch as u64,
        }
    }

    fn run_epoch(&mut self, watcher: &mut dyn Watcher, mut started: Instant) -> Result<Ending, TrainError> {
        let calibrates = self.objective.method.heatmap().is_some()
            && matches!(self.config.loss.foreground_range, config::ForegroundRange::Calibrate);
        if calibrates && !self.state.calibrated && self.state.epoch >= self.config.loss.calibration_epochs {
            self.calibrate(watcher)?;
        }
        let loader = self.loader(self.state.epoch, true);
        let steps_per_epoch = loader.len();
        for batch in loader.prefetch_from(self.state.batch) {
            let batch = batch?;
            let record = kernels::on_workers(|| self.step(&batch, steps_per_epoch, started))?;
            started = Instant::now();
            watcher.step(&record, steps_per_epoch);
            self.log.step(record)?;
            let ends = self.state.batch >= steps_per_epoch;
            let due =
                self.config.train.checkpoint_every_steps.is_some_and(|every| self.state.step.is_multiple_of(every));
            let stops = watcher.wants_to_stop();
            if ends || due || stops {
                self.check_parameters(&batch)?;
            }
            if due && !ends {
                self.save(CheckpointKind::Last)?;
            }
            if stops {
                return Ok(Ending::Interrupted);
            }
        }
        Ok(Ending::Finished)
    }

    fn step(&mut self, batch: &DataBatch, steps_per_epoch: usize, started: Instant) -> Result<StepRecord, TrainError> {
        let step = self.state.step;
        let rate = learning_rate(&self.config.train, steps_per_epoch, step);
        let weight = methods::weight_at(self.config, self.start(), steps_per_epoch, step);
        let weight = Weight { weight, rests: methods::rests(self.config, step) };
        let mut rng = stream(self.config.seed, &[STEP, step as u64]);
        let trainable = |name: &str| match &self.config.train.trainable {
            None => true,
            Some(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix)),
        };
        let tracked = self.model.params.tracked(&self.model.graph, |_, spec| trainable(&spec.name));
        let on_device = self.to_device(batch);
        let found =
            self.objective.evaluate((&self.model.graph, &tracked), &on_device, weight, Phase::Train, &mut rng)?;
        let losses = losses(&found);
        self.check_losses(&losses, batch)?;
        let gradients = GradientSet::collect(&self.model.graph, &tracked, found.total.backward());
        if !gradients.norm.is_finite() {
            let name =
                gradients.first_non_finite().map_or("?".to_owned(), |id| self.model.graph.param(id).name.clone());
            self.check_finite(&format!("the gradient of `{name}`"), gradients.norm, batch)?;
        }
        let gradient_norm = gradients.norm;
        let statistics = self.model.graph.running_statistics(&self.model.params, &found.trace);
        self.optimizer.step(&mut self.model.params, gradients, rate);
        for (id, value) in statistics {
            self.model.params.set(id, value);
        }
        self.model.batches += 1;
        self.state.step += 1;
        self.state.batch += 1;
        self.state.sums.add(&losses);
        let seconds = started.elapsed().as_secs_f64();
        Ok(StepRecord {
            step: self.state.step,
            epoch: self.state.epoch,
            losses,
            learning_rate: rate,
            gradient_norm,
            seconds,
        })
    }

    /// Refuses a step in which a part of the loss is not finite.
    fn check_losses(&self, losses: &Losses, batch: &DataBatch) -> Result<(), TrainError> {
        self.check_finite("the classification loss", losses.classification.unwrap_or(0.0), batch)?;
        self.check_finite("the heatmap loss", losses.heatmap.unwrap_or(0.0), batch)?;
        losses
            .terms
            .iter()
            .try_for_each(|(name, value)| self.check_finite(&format!("the term `{name}`"), *value, batch))
    }

    /// Within a step: refuses a number that is none.
    fn check_finite(&self, what: &str, value: f64, batch: &DataBatch) -> Result<(), TrainError> {
        if value.is_finite() { Ok(()) } else { Err(self.non_finite(what, value, batch, self.state.batch)) }
    }

    /// After a step, before its parameters are validated or saved: refuses them if one is not finite.
    fn check_parameters(&self, batch: &DataBatch) -> Result<(), TrainError> {
        for (id, spec) in self.model.graph.params() {
            let values = self.model.params.flat(id).into_data();
            if let Some(value) = values.iter::<f32>().find(|value| !value.is_finite()) {
                let what = format!("the parameter `{}`", spec.name);
                return Err(self.non_finite(&what, value.into(), batch, self.state.batch - 1));
            }
        }
        Ok(())
    }

    /// The error about a number in the batch at this position of the epoch.
    fn non_finite(&self, what: &str, value: f64, batch: &DataBatch, position: usize) -> TrainError {
        let last = self.run.checkpoint(CheckpointKind::Last);
        TrainError::NonFinite {
            what: what.to_owned(),
            value,
            step: self.state.step + 1 + position - self.state.batch,
            epoch: self.state.epoch,
            batch: position,
            samples: batch.indices.iter().map(|index| self.data.train.id(*index)).collect(),
            checkpoint: last.exists().then_some(last),
        }
    }

    /// Measures the total relevance of the plain classifier on the training images and sets C1 and C2 from it.
    fn calibrate(&mut self, watcher: &mut dyn Watcher) -> Result<(), TrainError> {
        let mut totals = Vec::new();
        for (index, batch) in self.loader(self.state.epoch, false).prefetch().enumerate() {
            let batch = self.to_device(&batch?);
            let mut rng = stream(self.config.seed, &[STEP, u64::MAX, index as u64]);
            let found = self.objective.evaluate(
                (&self.model.graph, &self.model.params),
                &batch,
                1.0,
                Phase::Evaluate,
                &mut rng,
            )?;
            if let Some(relevance) = found.relevance {
                let rows = relevance.heatmap.dims()[0];
                let sums = relevance.heatmap.abs().sum_dims(&[1, 2, 3]).reshape([rows]);
                let sums = sums.try_into_vec_as::<f64>();
                totals.extend(sums.map_err(|error| TrainError::Device(error.to_string()))?);
            }
        }
        let range = calibrated_range(&totals)?;
        watcher.note(&format!("calibrated foreground range: C1 = {:.3}, C2 = {:.3}", range.min, range.max));
        self.set_range(range);
        self.state.calibrated = true;
        Ok(())
    }

    fn set_range(&mut self, range: ForegroundRange) {
        self.state.range = [range.min, range.max];
        if let Some(heatmap) = self.objective.method.heatmap_mut() {
            heatmap.loss.foreground_range = range;
        }
    }

    fn finish_epoch(
        &mut self,
        watcher: &mut dyn Watcher,
        (before, watch): (Spent, Stopwatch),
    ) -> Result<(), TrainError> {
        let steps_per_epoch = self.state.batch;
        let losses = self.state.sums.means();
        // Warm-up epochs are not yet the method; the best is chosen among the others.
        let counts = self.state.epoch >= methods::first_epoch(self.config, self.start());
        let validation = self.validate()?;
        let score = chooser::score(self.metric, &validation)?;
        let improves = |score| self.state.best.is_none_or(|best| self.metric.improves(score, best));
        let is_best = counts && score.is_none_or(improves);
        let spent = before + watch.spent();
        let record = EpochRecord {
            epoch: self.state.epoch,
            step: self.state.step,
            losses,
            learning_rate: learning_rate(&self.config.train, steps_per_epoch, self.state.step.saturating_sub(1)),
            seconds: spent.clock,
            processor_seconds: spent.processors,
            validation,
        };
        watcher.epoch(&record, is_best);
        self.log.epoch(record)?;
        self.state.epoch += 1;
        self.state.batch = 0;
        self.state.set_spent(Spent::default());
        self.state.sums = Sums::default();
        self.state.epochs_since_best = if is_best || !counts { 0 } else { self.state.epochs_since_best + 1 };
        if is_best {
            self.state.best = score.or(self.state.best);
            self.save(CheckpointKind::Best)?;
        }
        self.save(CheckpointKind::Last)
    }

    fn validate(&self) -> Result<BTreeMap<String, f64>, TrainError> {
        let Some(validation) = &self.data.validation else { return Ok(BTreeMap::new()) };
        let mut named = Vec::new();
        if self.model.graph.classifies() {
            named.extend(self.validate_classes(validation)?);
        }
        if self.model.graph.segmentation().is_some() {
            let found = evaluate_segmentation(&self.model, validation)?;
            named
                .extend(overlap_means(&found).into_iter().flat_map(|means| [("dice", means.dice), ("iou", means.iou)]));
        }
        Ok(named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn validate_classes(&self, validation: &Arc<dyn Dataset>) -> Result<Vec<(&'static str, f64)>, TrainError> {
        let split = &self.config.data.validation_split;
        let explain = if self.metric == BestMetric::Trust { Explain::Predicted } else { Explain::No };
        let predictions = evaluate(&self.model, validation, split, explain, |_| ())?;
        let found = scores(&predictions)?;
        let loss = log_loss(&predictions, self.objective.classification.class_weights.as_deref());
        let mut named = vec![("accuracy", found.accuracy), ("macro_f1", found.macro_f1), ("loss", loss)];
        named.extend(found.macro_auc.map(|auc| ("auc", auc)));
        let Some(counterfactual) = &self.counterfactual else { return Ok(named) };
        let moved = scores(&evaluate(&self.model, counterfactual, split, Explain::No, |_| ())?)?.accuracy;
        named.push((BestMetric::CounterfactualAccuracy.word(), moved));
        if self.metric == BestMetric::Trust {
            let shares: Vec<f64> = predictions.background_share.iter().copied().flatten().collect();
            // Without any relevance there is none on the region of interest either.
            let share = if shares.is_empty() { 1.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 };
            named.extend([("background_share", share), (BestMetric::Trust.word(), moved * (1.0 - share))]);
        }
        Ok(named)
    }

    /// The first epoch that may not be classification alone.
    fn start(&self) -> usize {
        self.state.start_epoch.unwrap_or_else(|| self.config.start_epoch())
    }

    fn is_out_of_patience(&self) -> bool {
        self.config.train.early_stopping_patience.is_some_and(|patience| self.state.epochs_since_best >= patience)
    }

    fn save(&mut self, kind: CheckpointKind) -> Result<(), TrainError> {
        self.log.flush()?;
        let checkpoint = self.state.capture(&self.model, &self.optimizer);
        Ok(checkpoint.save(&self.run.checkpoint(kind))?)
    }
}

fn losses(found: &Evaluation) -> Losses {
    let number = |tensor: &Tensor<1>| tensor.clone().inner().into_scalar::<f64>();
    Losses {
        loss: number(&found.total),
        classification: found.classification.as_ref().map(number),
        heatmap: found.heatmap.as_ref().map(|terms| number(&terms.total)),
        background: found.heatmap.as_ref().map(|terms| number(&terms.background)),
        foreground: found.heatmap.as_ref().map(|terms| number(&terms.foreground)),
        terms: found.terms.iter().map(|(name, value)| ((*name).to_owned(), number(value))).collect(),
    }
}
