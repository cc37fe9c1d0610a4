//! `[train]`: the optimizer and how long it works.

use super::section::{POSITIVE, choice, section};

choice! {
    /// The optimizer.
    OptimizerName {
        /// Stochastic gradient descent with momentum.
        Sgd = "sgd",
        /// Adam with decoupled weight decay.
        AdamW = "adamw",
    }
}

choice! {
    /// How the learning rate changes.
    LearningRateSchedule {
        /// It does not.
        Constant = "constant",
        /// Half a cosine from `learning_rate` at the start to 0 at the end.
        Cosine = "cosine",
        /// Multiplied by `gamma` every `step_epochs`.
        Step = "step",
    }
}

choice! {
    /// What makes a checkpoint the best, on the validation split. Each word but `last` is the name of a validation score in the log.
    BestMetric {
        /// Mean F1 over classes; higher is better.
        MacroF1 = "macro_f1",
        /// Cross-entropy on the validation split; lower is better.
        Loss = "loss",
        /// Share of right answers; higher is better.
        Accuracy = "accuracy",
        /// Mean one-against-rest area under the ROC curve; higher is better.
        Auc = "auc",
        /// Share of right answers on the validation images that have masks, each on the background of an image with another label; higher is better.
        CounterfactualAccuracy = "counterfactual_accuracy",
        /// Counterfactual accuracy times the share of relevance that lies on the region of interest; higher is better.
        Trust = "trust",
        /// Overlap of segmentation and mask, `2·|A ∩ B| / (|A| + |B|)`; higher is better.
        Dice = "dice",
        /// No score: the newest epoch is the best. The choice where there are no validation images.
        Last = "last",
        /// By what there is: `trust` where the method learns from masks and validation images have them, `dice` where it only segments, else `macro_f1`.
        Auto = "auto",
    }
}

impl BestMetric {
    /// Whether `new` is better than `old`. NaN is never better.
    pub fn improves(self, new: f64, old: f64) -> bool {
        if self == Self::Loss { new < old } else { new > old }
    }

    /// Whether it scores classes, and not maps of a segmentation or nothing at all.
    pub fn classifies(self) -> bool {
        !matches!(self, Self::Dice | Self::Last)
    }

    /// Whether it looks at validation images on other backgrounds.
    pub fn is_counterfactual(self) -> bool {
        matches!(self, Self::CounterfactualAccuracy | Self::Trust)
    }
}

section! {
    /// `[train]`.
    TrainConfig(section) {
        /// Passes over the training split.
        epochs: usize = 10, in 1..=1_000_000;
        /// Images in a step (N).
        batch_size: usize = 8, in 1..=65_536;
        /// The optimizer: `"sgd"` or `"adamw"`.
        optimizer: OptimizerName = OptimizerName::Sgd;
        /// Learning rate after warm-up. By default 0.01 for SGD, 0.001 for AdamW.
        learning_rate: f64 = if optimizer == OptimizerName::Sgd { 0.01 } else { 0.001 }, in POSITIVE;
        /// Momentum of SGD.
        momentum: f64 = 0.9, in 0.0..1.0;
        /// Whether the momentum of SGD is Nesterov's.
        nesterov: bool = false;
        /// Weight decay; by default 0.0001 for SGD, 0.01 for AdamW.
        weight_decay: f64 = if optimizer == OptimizerName::Sgd { 1e-4 } else { 1e-2 }, in 0.0..=1.0;
        /// Largest norm of the whole gradient; a longer one is shortened to it. 0 = off.
        gradient_clip_norm: f64 = 1.0, in 0.0..;
        /// How the learning rate changes: `"constant"`, `"cosine"` or `"step"`.
        schedule: LearningRateSchedule = LearningRateSchedule::Constant;
        /// Epochs between two drops of the schedule `"step"`.
        step_epochs: usize = 10, in 1..;
        /// Factor at each drop of the schedule `"step"`.
        gamma: f64 = 0.1, in 0.0..=1.0;
        /// Steps over which the learning rate grows from 0 in a straight line.
        warmup_steps: usize = 0;
        /// Epochs without a better `best_metric` before training ends; the default never ends early.
        early_stopping_patience: Option<usize> = None, in 1..;
        /// What makes a checkpoint the best: `"macro_f1"`, `"loss"`, `"accuracy"`, `"auc"`, `"counterfactual_accuracy"`, `"trust"`, `"dice"`, `"last"` for the newest
        /// epoch, or `"auto"` for what a shortcut fools least: `"trust"` where the method learns from masks and validation images have them,
        /// `"dice"` for the method `"segment"`, otherwise `"macro_f1"`.
        best_metric: BestMetric = BestMetric::Auto;
        /// Steps between two checkpoints within an epoch; at the end of an epoch there is always one.
        checkpoint_every_steps: Option<usize> = None, in 1..;
        /// Beginnings of the names of parameters to train, like `["fc."]`; the default trains all.
        trainable: Option<Vec<String>> = None;
    }
}
