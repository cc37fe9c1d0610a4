//! The command line.

mod audit;
mod data;
mod evaluate;
mod sample_size;

use std::path::PathBuf;

pub use audit::{AuditArgs, AuditImages, DataReadabilityArgs};
use clap::{Parser, Subcommand};
pub use data::{
    DataBiasArgs, DataCheckArgs, DataCommand, DataImportArgs, DataPhantomArgs, DataShapesArgs, DataWeakenArgs,
};
pub use evaluate::{CalibrateArgs, CompareArgs, EvaluateArgs, QuestionArgs, ScalingMethod, StatisticsArgs};
use isnet_data::Task;
pub use sample_size::SampleSizeArgs;

/// Train, evaluate and explain image classifiers that ignore the background (ISNet).
#[derive(Debug, Parser)]
#[command(name = "isnet", version, arg_required_else_help = true)]
#[command(
    after_help = "Start with `isnet demo`. Exit codes: 0 done, 1 a check failed, 2 could not run, 3 undecided, 130 interrupted (143 by SIGTERM, 129 by SIGHUP)."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show in three minutes what ISNet does, on generated chest phantoms.
    Demo(DemoArgs),
    /// Train a classifier as a configuration says.
    Train(TrainArgs),
    /// Train variants of a configuration with several seeds; exit code 1 if one cannot be trained.
    Study(StudyArgs),
    /// Score a trained model on the splits of its data.
    Evaluate(EvaluateArgs),
    /// Make a model's probabilities mean what they say, by its validation images.
    Calibrate(CalibrateArgs),
    /// Set runs side by side, with intervals and tests against the first.
    Compare(CompareArgs),
    /// Find how many images a study needs for an interval as short as wished.
    SampleSize(SampleSizeArgs),
    /// Classify images.
    Predict(PredictArgs),
    /// Show where a model looks.
    Explain(ExplainArgs),
    /// Train a network that makes masks, and make masks for images that have none.
    #[command(subcommand)]
    Segment(SegmentCommand),
    /// Ask where a model's decisions come from; exit code 1 if a verdict fails, 3 if none fails but one is undecided.
    Audit(AuditArgs),
    /// List the architectures, or show one layer by layer.
    Models(ModelsArgs),
    /// Check data, or generate some.
    #[command(subcommand)]
    Data(DataCommand),
}

/// `isnet demo`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isnet demo\n  isnet demo --output /tmp/demo")]
pub struct DemoArgs {
    /// Where the runs and the picture go; replaced if it holds an earlier demo.
    #[arg(long, default_value = "runs/demo")]
    pub output: PathBuf,
}

/// `isnet train`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet train configs/phantom.toml\n  isnet train configs/phantom.toml --epochs 4 --set method.name=standard\n  isnet train configs/phantom.toml --resume"
)]
pub struct TrainArgs {
    /// The configuration, a TOML file.
    pub config: PathBuf,
    /// Change a key of the configuration, like `train.epochs=4`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Passes over the training images: `train.epochs`.
    #[arg(long, value_name = "N", value_parser = positive_whole)]
    pub epochs: Option<String>,
    /// Learning rate: `train.learning_rate`.
    #[arg(long, visible_alias = "learning-rate", value_name = "RATE", value_parser = positive)]
    pub lr: Option<String>,
    /// Images in a step: `train.batch_size`.
    #[arg(long, visible_alias = "batch", value_name = "N", value_parser = positive_whole)]
    pub batch_size: Option<String>,
    /// Epochs without a better score before training ends: `train.early_stopping_patience`.
    #[arg(long, value_name = "EPOCHS", value_parser = positive_whole)]
    pub patience: Option<String>,
    /// Seed of everything random: `seed`.
    #[arg(long, value_name = "N", value_parser = whole)]
    pub seed: Option<String>,
    /// Go on from the last checkpoint of the run folder, if there is one.
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Remove what an earlier run left in the run folder.
    #[arg(long)]
    pub overwrite: bool,
    /// Device to compute on, in place of the configuration's.
    #[arg(long)]
    pub device: Option<String>,
}

impl TrainArgs {
    /// The options that stand for keys of the configuration: option, key and value of each that was typed.
    pub fn options(&self) -> Vec<(&'static str, &'static str, &str)> {
        let options = [
            ("--epochs", "train.epochs", &self.epochs),
            ("--lr", "train.learning_rate", &self.lr),
            ("--batch-size", "train.batch_size", &self.batch_size),
            ("--patience", "train.early_stopping_patience", &self.patience),
            ("--seed", "seed", &self.seed),
            ("--device", "device", &self.device),
        ];
        options.into_iter().filter_map(|(option, key, value)| Some((option, key, value.as_deref()?))).collect()
    }
}

/// A whole number, as TOML writes it.
fn whole(text: &str) -> Result<String, String> {
    text.parse::<u64>().map(|number| number.to_string()).map_err(|_| "expected a whole number".into())
}

/// A whole number above 0, as TOML writes it.
fn positive_whole(text: &str) -> Result<String, String> {
    whole(text).ok().filter(|number| number != "0").ok_or_else(|| "expected a whole number of at least 1".into())
}

/// A number above 0, as TOML writes it.
fn positive(text: &str) -> Result<String, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
    number.map(|number| format!("{number:?}")).ok_or_else(|| "expected a number above 0, like `0.01` or `1e-4`".into())
}

/// `isnet study`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet study configs/studies/phantoms.toml         # what is done is not done again\n  isnet study study.toml --shard 3/8                # the third of eight processes that share the folder\n  isnet study study.toml --table-only --against isnet   # tests of each against this variant\n\nA study file:\n  config = \"phantom.toml\"      # what all variants share\n  seeds = [0, 1, 2]\n  folds = 5                    # optional: cross-validation\n  [[variant]]\n  name = \"standard\"\n  set = [\"method.name=standard\"]\n  [[variant]]\n  name = \"isnet\""
)]
pub struct StudyArgs {
    /// The study, a TOML file.
    pub study: PathBuf,
    /// Train only this share of the cells, like `3/8`.
    #[arg(long, value_parser = crate::commands::study::shard, conflicts_with = "table_only")]
    pub shard: Option<(usize, usize)>,
    /// Train nothing; make table and report of what is done.
    #[arg(long)]
    pub table_only: bool,
    /// The variant that the others are tested against. Default: the first
    #[arg(long, value_name = "VARIANT")]
    pub against: Option<String>,
    /// The question asked beforehand.
    #[command(flatten)]
    pub question: QuestionArgs,
    /// Intervals.
    #[command(flatten)]
    pub statistics: StatisticsArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// The task of a manifest or table: `single` or `single_label`, `multi` or `multi_label`.
pub fn task(word: &str) -> Result<Task, String> {
    match word.replace('-', "_").trim_end_matches("_label") {
        "single" => Ok(Task::SingleLabel),
        "multi" => Ok(Task::MultiLabel),
        _ => Err("the tasks are `single` (one class is right) and `multi` (any number of labels)".into()),
    }
}

/// `isnet predict`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet predict runs/phantom image.png\n  isnet predict runs/phantom images/*.jpg --json\n  isnet predict runs/phantom images"
)]
pub struct PredictArgs {
    /// A run folder or model file.
    pub model: PathBuf,
    /// Images, or folders: then all images below.
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Device to compute on.
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// What is explained of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum QuantityName {
    /// What speaks for the class and not for the others; of a label by itself, what speaks for it and not against it.
    #[value(name = "log_odds")]
    LogOdds,
    /// The output of the network before softmax. What raises all logits alike counts too, so that even the predicted class may be all blue.
    Logit,
}

/// `isnet explain`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet explain runs/phantom image.png --mask mask.png --output heatmaps\n  isnet explain runs/phantom --manifest data/manifest.csv --split test --limit 20 --class covid\n  isnet explain runs/phantom image.png --composite epsilon_gamma_box\n  isnet explain --list-composites"
)]
pub struct ExplainArgs {
    /// A run folder or model file.
    #[arg(required_unless_present = "list_composites")]
    pub model: Option<PathBuf>,
    /// Images.
    pub images: Vec<PathBuf>,
    /// Mask of the image (for one image).
    #[arg(long)]
    pub mask: Option<PathBuf>,
    /// Explain the images of a manifest, with their masks.
    #[arg(long, conflicts_with_all = ["images", "mask"])]
    pub manifest: Option<PathBuf>,
    /// Only this split of the manifest.
    #[arg(long)]
    pub split: Option<String>,
    /// Column of the manifest with the images. Default: `image`
    #[arg(long)]
    pub image_column: Option<String>,
    /// Column of the manifest with the masks. Default: `mask`
    #[arg(long)]
    pub mask_column: Option<String>,
    /// At most this many images.
    #[arg(long)]
    pub limit: Option<usize>,
    /// Explain this class; default: the predicted one.
    #[arg(long, conflicts_with = "selector")]
    pub class: Option<String>,
    /// What is explained: `highest`, `lowest`, `selective`, `all_classes`, or `dual`: all at once, a map by z⁺ and one by LRP-ε.
    #[arg(long)]
    pub selector: Option<String>,
    /// Which quantity of a class is explained; default: its log-odds.
    #[arg(long)]
    pub quantity: Option<QuantityName>,
    /// Gradient × input instead of LRP.
    #[arg(long)]
    pub gradient: bool,
    /// Rules of the relevance pass, zennit's under zennit's names; default: what ISNet trains with.
    #[arg(long, value_name = "NAME", conflicts_with = "gradient")]
    pub composite: Option<String>,
    /// List the composites with what they do, and explain nothing.
    #[arg(long, exclusive = true)]
    pub list_composites: bool,
    /// Folder for pictures and raw maps; those of an earlier call stay.
    #[arg(long, default_value = "heatmaps")]
    pub output: PathBuf,
    /// Replace pictures and maps of the same name that this command wrote there earlier.
    #[arg(long)]
    pub overwrite: bool,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Device to compute on.
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// Train a network that makes masks, and make masks for images that have none.
#[derive(Debug, Subcommand)]
pub enum SegmentCommand {
    /// Train a U-Net on the masks that there are; images without a mask or a label are fine.
    #[command(
        after_help = "Examples:\n  isnet segment train configs/segment.toml\n  isnet segment train configs/segment.toml --set train.epochs=4\n  isnet segment train configs/segment.toml --resume"
    )]
    Train(TrainArgs),
    /// Write a mask for every image of a manifest, and the manifest with them.
    Predict(SegmentPredictArgs),
}

/// `isnet segment predict`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet segment predict runs/unet data/manifest.csv --output data/masked\n  isnet train configs/mine.toml --set data.manifest=data/masked/manifest.csv --set data.mask_column=segmented_mask"
)]
pub struct SegmentPredictArgs {
    /// A run folder or model file of `isnet segment train`.
    pub model: PathBuf,
    /// The manifest, a CSV file.
    pub manifest: PathBuf,
    /// Folder for masks and the new manifest.
    #[arg(long)]
    pub output: PathBuf,
    /// Replace what this command wrote there earlier.
    #[arg(long)]
    pub overwrite: bool,
    /// Column of the manifest with the images.
    #[arg(long, default_value = "image")]
    pub image_column: String,
    /// Column of the manifest with the masks that are known: they are kept, and compared with.
    #[arg(long, default_value = "mask")]
    pub mask_column: String,
    /// Only this split; may be repeated. Rows of other splits keep what they have.
    #[arg(long = "split")]
    pub splits: Vec<String>,
    /// A mask whose Dice with that of the mirrored image is below this is flagged as uncertain.
    #[arg(long, default_value_t = 0.9)]
    pub certain: f64,
    /// Print JSON, one object per image and one of the means.
    #[arg(long)]
    pub json: bool,
    /// Device to compute on.
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// `isnet models`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet models\n  isnet models resnet18 --classes 3 --size 128\n  isnet models densenet121 --json"
)]
pub struct ModelsArgs {
    /// Show this architecture.
    pub name: Option<String>,
    /// Number of classes.
    #[arg(long, default_value_t = 1000)]
    pub classes: usize,
    /// Side of the image, in pixels.
    #[arg(long, default_value_t = 224)]
    pub size: usize,
    /// Print JSON, one object per architecture.
    #[arg(long)]
    pub json: bool,
}
