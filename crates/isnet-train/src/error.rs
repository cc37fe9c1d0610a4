//! What stops a training.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A training that cannot start or go on.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum TrainError {
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] isnet_loss::LossError),
    /// The model cannot be explained.
    #[error(transparent)]
    Lrp(#[from] isnet_lrp::LrpError),
    /// The model cannot take the images.
    #[error(transparent)]
    Graph(#[from] isnet_graph::GraphError),
    /// The model or its weights do not exist or do not fit.
    #[error(transparent)]
    Model(#[from] isnet_models::ModelError),
    /// The run folder cannot be used.
    #[error(transparent)]
    Run(#[from] isnet_run::RunError),
    /// A sample cannot be read.
    #[error(transparent)]
    Data(#[from] isnet_data::DataError),
    /// The validation failed.
    #[error(transparent)]
    Eval(#[from] isnet_eval::EvalError),
    /// The predictions of the validation cannot be scored.
    #[error(transparent)]
    Statistics(#[from] isnet_statistics::StatisticsError),
    /// The device did not give back what it computed.
    #[error("cannot read from the device: {0}")]
    Device(String),
    /// Deep supervision on a model without supervised nodes.
    #[error(
        "`{architecture}` has no supervised node for `method.deep_supervision`; turn it off, or use an architecture that `isnet models` lists"
    )]
    NothingSupervised {
        /// The architecture.
        architecture: String,
    },
    /// Guided attention on a model without a map of features.
    #[error(
        "`{architecture}` has no map of features before its head, which the method `gain` attends to; use a convolutional network with a pool or flatten at its end"
    )]
    NoFeatures {
        /// The architecture.
        architecture: String,
    },
    /// A segmentation by a model that makes none.
    #[error("`{architecture}` makes no map for a segmentation; use `model.architecture = \"unet\"`")]
    NoMap {
        /// The architecture.
        architecture: String,
    },
    /// A segmenter that was trained for other images than the classifier gets.
    #[error("the segmenter `{}` takes {expected}, but the configuration has {got}; change `data.height`, `data.width`, `data.channels`, `data.fit` and `data.intensity`", .path.display())]
    Segmenter {
        /// The segmenter.
        path: PathBuf,
        /// What it takes, in words.
        expected: String,
        /// What the configuration makes, in words.
        got: String,
    },
    /// A choice of parameters that leaves out all, or names some that are not there.
    #[error("`train.trainable` {what}; the names begin with {}", .known.join(", "))]
    Untrainable {
        /// What is wrong with it.
        what: String,
        /// How the names of the parameters begin.
        known: Vec<String>,
    },
    /// A method that learns from masks, without a single one.
    #[error(
        "no training sample has a mask with a foreground, so {what} has nothing to learn from; give masks, or set `method.name = \"standard\"` and no `data.augment.exchange_background`"
    )]
    NoMasks {
        /// The method or setting that needs them.
        what: String,
    },
    /// No validation images, by which the best epoch would be chosen.
    #[error(
        "the validation split `{split}` has no images, so `train.best_metric = \"{metric}\"` cannot choose an epoch; the splits are {}. Name one in `data.validation_split`, add images, or set `train.best_metric = \"last\"` to keep the newest epoch",
        .known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )]
    NoValidation {
        /// The split that is empty.
        split: String,
        /// Splits that are not.
        known: Vec<String>,
        /// The score.
        metric: &'static str,
    },
    /// A score of validation images that these images cannot give.
    #[error("`train.best_metric = \"{metric}\"` cannot choose the best epoch: {reason}")]
    Chooser {
        /// The score.
        metric: &'static str,
        /// What is lacking, and the way out.
        reason: String,
    },
    /// A validation that did not give the score it was asked for.
    #[error(
        "the validation gave {} for `train.best_metric = \"{metric}\"`, so the best epoch cannot be chosen; choose by another score and start with another `output`",
        .found.map_or_else(|| "no value".to_owned(), |value| value.to_string())
    )]
    NoScore {
        /// The score.
        metric: &'static str,
        /// Its value, if there was one.
        found: Option<f64>,
    },
    /// Class weights that are not one per class.
    #[error(
        "`loss.class_weights` has {weights} values, but the data have {} classes: {}; give one weight per class, in this order",
        .classes.len(), .classes.join(", ")
    )]
    ClassWeights {
        /// Number of weights.
        weights: usize,
        /// The classes.
        classes: Vec<String>,
    },
    /// Steps in which a batch norm has nothing to normalize.
    #[error(
        "batch norm `{node}` would see one value per channel in a step, and subtract it from itself ({images} training images, one per step); raise `train.batch_size`, give more images, or larger ones (`data.height`, `data.width`)"
    )]
    OneValue {
        /// The batch norm.
        node: String,
        /// Training images.
        images: usize,
    },
    /// A checkpoint of another model or another optimizer.
    #[error(
        "cannot go on from `{}`: {reason}; undo the change of the configuration, or start a new run with another `output`",
        .path.display()
    )]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// NaN or infinity in the loss, a gradient or a parameter.
    #[error(
        "{what} is {value} at step {step} (epoch {epoch}, batch {batch}: {}); {}. Raise `loss.gwrp_decay`, lower `train.learning_rate`, or look at these images",
        .samples.join(", "), last_good(.checkpoint.as_deref())
    )]
    NonFinite {
        /// `the classification loss`, ``the gradient of `fc.weight` ``.
        what: String,
        /// NaN or an infinity.
        value: f64,
        /// The step, from 1.
        step: usize,
        /// The epoch, from 0.
        epoch: usize,
        /// The batch within the epoch, from 0.
        batch: usize,
        /// Ids of its samples.
        samples: Vec<String>,
        /// Where the last good state is, once there is one.
        checkpoint: Option<PathBuf>,
    },
}

fn last_good(checkpoint: Option<&Path>) -> String {
    checkpoint.map_or_else(
        || "nothing has been saved yet".into(),
        |path| format!("the last good state is `{}`", path.display()),
    )
}
