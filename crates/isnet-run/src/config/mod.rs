//! The configuration of a run: every key, its meaning, unit, range and default.
//!
//! Two stages: [`RawConfig`] is what was typed, with known keys; [`RunConfig`] is valid and complete. A default has its
//! one home here, in the row that declares its key. A resolved configuration is written as `config.toml` into the run
//! folder and can be loaded again.
//!
//! A relative path in a configuration starts at the folder of that file; one on the command line (`--set`), and the default
//! of `output`, at the current folder; one in `set` of a study at the folder of the study. A resolved configuration has absolute paths.

mod change;
mod check;
mod data;
mod loss;
mod method;
mod model;
mod raw;
mod section;
mod suggest;
mod train;
mod typed;

use std::path::{Path, PathBuf};

pub use change::{Change, MAY_CHANGE};
pub use data::{
    AugmentConfig, Balance, DataConfig, DataSource, Fit, FolderConfig, Intensity, PhantomConfig, ShapesConfig, TaskName,
};
pub use loss::{
    ClassWeights, ForegroundForm, ForegroundRange, HeatmapLossGate, HeatmapLossSchedule, LossConfig, gwrp_decay,
};
pub use method::{
    CompositeName, EnergyConfig, GainConfig, HamConfig, IbpExConfig, MethodConfig, MethodName, MultitaskConfig,
    PgdExConfig, R4Config, RrrConfig, SegmentClassifyConfig, Selector, TapConfig,
};
pub use model::{AG_SONONET, ModelConfig, PLAIN_CNN, PLAIN_VIT, Stage, Transformer, UNET};
pub(crate) use raw::line_of;
pub use raw::{RawConfig, split_override};
pub use section::Field;
pub use train::{BestMetric, LearningRateSchedule, OptimizerName, TrainConfig};
pub(crate) use typed::{Typed, short, syntax, typed_value};

use crate::{
    error::{Result, RunError},
    tensor::read_text,
};
use section::section;

/// All sections with their keys, for typos and for help. A name twice: the section has two lists of keys.
pub const SECTIONS: &[(&str, &[Field])] = &[
    ("", RunConfig::FIELDS),
    ("data", DataConfig::FIELDS),
    ("data", DataSource::FIELDS),
    ("data.folder", FolderConfig::FIELDS),
    ("data.phantom", PhantomConfig::FIELDS),
    ("data.shapes", ShapesConfig::FIELDS),
    ("data.augment", AugmentConfig::FIELDS),
    ("model", ModelConfig::FIELDS),
    ("model.stages", Stage::FIELDS),
    ("model.transformer", Transformer::FIELDS),
    ("method", MethodConfig::FIELDS),
    ("method.rrr", RrrConfig::FIELDS),
    ("method.energy", EnergyConfig::FIELDS),
    ("method.tap", TapConfig::FIELDS),
    ("method.pgd_ex", PgdExConfig::FIELDS),
    ("method.ibp_ex", IbpExConfig::FIELDS),
    ("method.r4", R4Config::FIELDS),
    ("method.gain", GainConfig::FIELDS),
    ("method.ham", HamConfig::FIELDS),
    ("method.multitask", MultitaskConfig::FIELDS),
    ("method.segment_classify", SegmentClassifyConfig::FIELDS),
    ("method.segment_classify.stages", Stage::FIELDS),
    ("loss", LossConfig::FIELDS),
    ("train", TrainConfig::FIELDS),
];

section! {
    /// A valid and complete configuration: what a run needs to be repeated.
    ///
    /// # Example
    /// ```
    /// use isnet_run::config::RunConfig;
    /// let config = RunConfig::from_toml("[data.phantom]", "configs/demo.toml", &[("train.epochs", "4")])?;
    /// assert_eq!((config.name.as_str(), config.train.epochs), ("demo", 4));
    /// assert_eq!(config.loss.heatmap_loss_weight, 0.5);
    ///
    /// let error = RunConfig::from_toml("train.epoch = 4", "x.toml", &[]).unwrap_err();
    /// assert_eq!(error.to_string(), "unknown key `train.epoch` in x.toml:1; did you mean `train.epochs`?");
    /// # Ok::<(), isnet_run::RunError>(())
    /// ```
    RunConfig(section) {
        /// Name of the run; by default that of the configuration file.
        name: String = section.raw.stem();
        /// Seed of everything random: weights, order, augmentation, selectors.
        seed: u64 = 0;
        /// Device to compute on, such as `"cpu"`.
        device: String = "cpu".into();
        /// The run folder. The default lies in the current folder.
        output: PathBuf = Path::new("runs").join(&name);
    }
    computed {
        /// `[data]`.
        data: DataConfig = DataConfig::resolve(&section.section("data")?, method_name(section)?)?;
        /// `[model]`.
        model: ModelConfig = ModelConfig::resolve(&section.section("model")?, method_name(section)?)?;
        /// `[train]`.
        train: TrainConfig = TrainConfig::resolve(&section.section("train")?)?;
        /// `[method]`.
        method: MethodConfig = MethodConfig::resolve(&section.section("method")?)?;
        /// `[loss]`.
        loss: LossConfig = LossConfig::resolve(&section.section("loss")?, &data)?;
    }
}

/// What is trained, ahead of the section that says it: architecture and data follow.
fn method_name(top: &raw::Section<'_>) -> Result<MethodName> {
    Ok(top.section("method")?.get("name")?.unwrap_or(MethodName::DEFAULT))
}

impl RunConfig {
    /// Reads the file at `path` and lays `overrides` (key, value) over it, in order.
    ///
    /// # Errors
    /// [`RunError::Read`] if the file cannot be read; else as [`RunConfig::from_toml`].
    pub fn load(path: impl AsRef<Path>, overrides: &[(&str, &str)]) -> Result<Self> {
        Self::load_from(path.as_ref(), overrides, Path::new(""))
    }

    /// [`RunConfig::load`] where relative paths among the overrides start at `folder`; empty: the current one.
    ///
    /// # Errors
    /// As [`RunConfig::load`].
    pub fn load_from(path: &Path, overrides: &[(&str, &str)], folder: &Path) -> Result<Self> {
        let mut raw = RawConfig::parse(&read_text("configuration", path)?, path)?;
        overrides.iter().try_for_each(|(key, value)| raw.set_from(key, value, folder))?;
        Self::from_raw(&raw)
    }

    /// Reads a configuration from text; `file` is where it would stand, for the name, messages and relative paths.
    ///
    /// # Errors
    /// [`RunError::Syntax`], [`RunError::UnknownKey`], [`RunError::Value`], [`RunError::Range`],
    /// [`RunError::DataSource`]: each names key and place.
    pub fn from_toml(text: &str, file: impl AsRef<Path>, overrides: &[(&str, &str)]) -> Result<Self> {
        let mut raw = RawConfig::parse(text, file.as_ref())?;
        overrides.iter().try_for_each(|(key, value)| raw.set(key, value))?;
        Self::from_raw(&raw)
    }

    /// Fills in the defaults and checks every value.
    ///
    /// # Errors
    /// As [`RunConfig::from_toml`], without those of reading.
    pub fn from_raw(raw: &RawConfig) -> Result<Self> {
        let mut config = Self::resolve(&raw.top())?;
        config.output = raw.output(&config.output);
        if let Some(weights) = &mut config.model.weights {
            *weights = raw.absolute("model.weights", weights)?;
        }
        if let Some(segmenter) = &mut config.method.segment_classify.segmenter {
            *segmenter = raw.absolute("method.segment_classify.segmenter", segmenter)?;
        }
        check::check(&config, raw)?;
        Ok(config)
    }

    /// The configuration as TOML, which [`RunConfig::from_toml`] reads back to the same.
    ///
    /// # Errors
    /// [`RunError::Encode`] for a path that is not UTF-8, or a seed above 2⁶³.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| RunError::Encode { what: "the configuration", reason: error.to_string() })
    }

    /// Epochs of classification alone, `method.start_epoch`; by default 0.4 of `train.epochs` where the method has a loss on relevance, otherwise 0.
    pub fn start_epoch(&self) -> usize {
        self.method.start_epoch.unwrap_or_else(|| self.method.name.start_epoch(self.train.epochs))
    }

    /// What is valid but worth a second look, a sentence each; empty for the presets.
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(self)
    }
}

#[cfg(test)]
mod tests;
