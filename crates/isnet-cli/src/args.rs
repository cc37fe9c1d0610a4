//! The command line.

mod audit;
mod evaluate;
mod sample_size;

use std::path::PathBuf;

pub use audit::{AuditArgs, AuditImages, DataReadabilityArgs};
use clap::{Parser, Subcommand};
pub use evaluate::{CalibrateArgs, CompareArgs, EvaluateArgs, QuestionArgs, ScalingMethod, StatisticsArgs};
use isnet_data::{Task, phantom::PhantomConfig, shapes::ShapesConfig};
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

/// Check data, or generate some.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Read every image and mask of a configuration, manifest or folder and list all problems.
    Check(DataCheckArgs),
    /// Write generated chest phantoms with masks and a manifest.
    Phantom(DataPhantomArgs),
    /// Write generated shapes on class-bound backgrounds with masks and a manifest.
    Shapes(DataShapesArgs),
    /// Draw marks that tell the class into the background of a manifest.
    Bias(DataBiasArgs),
    /// Make a manifest from a public data set as it is downloaded.
    Import(DataImportArgs),
    /// Ask whether backgrounds give label or source away; exit code 1 if they do, 3 if that is undecided.
    Readability(DataReadabilityArgs),
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

/// `isnet data check`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet data check my.toml                          # what this configuration would train on\n  isnet data check data/manifest.csv\n  isnet data check data/manifest.csv --image-column biased_path --json\n  isnet data check images --masks masks             # a folder per class\n  isnet data check hospital_b.csv --external        # only to test a trained model"
)]
pub struct DataCheckArgs {
    /// A configuration (`.toml`), a manifest (a CSV file), or a folder with a folder per class.
    pub data: PathBuf,
    /// Folder with the masks of a folder of images.
    #[arg(long)]
    pub masks: Option<PathBuf>,
    /// Change a key of the configuration, like `data.train_split=train`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Column of the manifest with the images. Default: `image`
    #[arg(long)]
    pub image_column: Option<String>,
    /// Column of the manifest with the masks. Default: `mask`
    #[arg(long)]
    pub mask_column: Option<String>,
    /// Column of the manifest whose equal entries belong together. Default: `patient`
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
    /// Classes that may occur. Default: the labels of the training split
    #[arg(long, value_delimiter = ',')]
    pub classes: Option<Vec<String>>,
    /// How many classes an image may have: `single_label` or `multi_label`. Default: `multi_label` if at least half of the labelled rows have several.
    #[arg(long, value_parser = task)]
    pub task: Option<Task>,
    /// Further split names that are all right; may be repeated.
    #[arg(long = "split")]
    pub splits: Vec<String>,
    /// Name of the split to train on. Default: `train`
    #[arg(long)]
    pub train_split: Option<String>,
    /// Name of the split to validate on. Default: `val`
    #[arg(long)]
    pub validation_split: Option<String>,
    /// The data only test a trained model: no training split is needed.
    #[arg(long, conflicts_with_all = ["train_split", "validation_split"])]
    pub external: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `isnet data phantom`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isnet data phantom phantoms --size 128 --train 600")]
pub struct DataPhantomArgs {
    /// Folder to write to.
    pub folder: PathBuf,
    /// Side of an image, in pixels.
    #[arg(long, default_value_t = 64)]
    pub size: usize,
    /// Training images.
    #[arg(long, default_value_t = PhantomConfig::default().train)]
    pub train: usize,
    /// Validation images.
    #[arg(long, default_value_t = PhantomConfig::default().val)]
    pub val: usize,
    /// Images in each test.
    #[arg(long, default_value_t = PhantomConfig::default().test)]
    pub test: usize,
    /// Share of training images whose mark tells the class.
    #[arg(long, default_value_t = 1.0)]
    pub mark_correlation: f64,
    /// Seed of the generator.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Replace what this command wrote there earlier.
    #[arg(long)]
    pub overwrite: bool,
}

/// `isnet data shapes`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isnet data shapes shapes --size 128 --correlation 0.95")]
pub struct DataShapesArgs {
    /// Folder to write to.
    pub folder: PathBuf,
    /// Side of an image, in pixels.
    #[arg(long, default_value_t = 64)]
    pub size: usize,
    /// Training images.
    #[arg(long, default_value_t = ShapesConfig::default().train)]
    pub train: usize,
    /// Validation images.
    #[arg(long, default_value_t = ShapesConfig::default().val)]
    pub val: usize,
    /// Images in each test.
    #[arg(long, default_value_t = ShapesConfig::default().test)]
    pub test: usize,
    /// Share of training images whose background is that of their class.
    #[arg(long, default_value_t = 1.0)]
    pub correlation: f64,
    /// Seed of the generator.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Replace what this command wrote there earlier.
    #[arg(long)]
    pub overwrite: bool,
}

/// `isnet data bias`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet data bias data/manifest.csv --output biased\n  isnet data bias data/manifest.csv --output biased --mark letter:L,letter:R --position upper-right --correlation 0.95\n\nMarks: square, circle, triangle, letter:A to letter:Z, stripe:across, stripe:upright, stripe:slash, stripe:backslash,\ntexture:0, texture:1, …; `letter`, `stripe` or `texture` alone for one of these per class."
)]
pub struct DataBiasArgs {
    /// The manifest, a CSV file with masks.
    pub manifest: PathBuf,
    /// Folder for the images and the new manifest.
    #[arg(long)]
    pub output: PathBuf,
    /// A mark per class, in the order of the classes. Default: shapes, then letters; textures for many classes.
    #[arg(long, value_delimiter = ',', value_name = "MARK,…")]
    pub mark: Vec<String>,
    /// Opacity of the marks, up to 1.
    #[arg(long, default_value_t = 1.0)]
    pub strength: f32,
    /// Share of training images whose mark tells the class; the others have the mark of another class.
    #[arg(long, default_value_t = 1.0)]
    pub correlation: f64,
    /// Where marks go: `corner` (any), `upper-left`, `upper-right`, `lower-left`, `lower-right`, `border` or `background` (anywhere).
    #[arg(long, default_value = "corner")]
    pub position: String,
    /// Side of a mark, as a share of the shorter side of the image.
    #[arg(long, default_value_t = 0.15)]
    pub size: f32,
    /// Seed of everything drawn.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Copy masks and unmarked images, so that the folder can be moved.
    #[arg(long)]
    pub copy: bool,
    /// Replace an earlier output.
    #[arg(long)]
    pub overwrite: bool,
    /// Column with the images.
    #[arg(long, default_value = "image")]
    pub image_column: String,
    /// Column with the masks.
    #[arg(long, default_value = "mask")]
    pub mask_column: String,
    /// The classes in their order. Default: the labels, sorted.
    #[arg(long, value_delimiter = ',')]
    pub classes: Option<Vec<String>>,
    /// How many classes an image may have: `single_label` or `multi_label`. Default: as `isnet data check`.
    #[arg(long, value_parser = task)]
    pub task: Option<Task>,
    /// Name of the split to train on.
    #[arg(long, default_value = "train")]
    pub train_split: String,
    /// Name of the split to validate on.
    #[arg(long, default_value = "val")]
    pub val_split: String,
    /// A split to test on; may be repeated. Default: all others.
    #[arg(long = "test-split")]
    pub test_splits: Option<Vec<String>>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `isnet data import`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet data import --list\n  isnet data import montgomery MontgomerySet --output data/tb.csv\n  isnet data import shenzhen ChinaSet_AllFiles --masks shcxr-lung-mask --output data/tb.csv --append --into test_ood\n  isnet data import celeba CelebAMask-HQ --labels Smiling,High_Cheekbones,Rosy_Cheeks --output data/faces.csv\n\nImages are referenced where they lie. Merged and converted masks go to `masks/` beside the manifest."
)]
pub struct DataImportArgs {
    /// The data set; `--list` shows all.
    #[arg(required_unless_present = "list")]
    pub kind: Option<String>,
    /// Its folder, as downloaded and unpacked.
    #[arg(required_unless_present = "list")]
    pub folder: Option<PathBuf>,
    /// The manifest to write, a CSV file.
    #[arg(long, required_unless_present = "list")]
    pub output: Option<PathBuf>,
    /// List the data sets.
    #[arg(long)]
    pub list: bool,
    /// Use seeded splits, patient by patient, also where the data set has its own.
    #[arg(long, conflicts_with = "into")]
    pub seeded: bool,
    /// Put all images into this split, as `test_ood`.
    #[arg(long, value_name = "SPLIT")]
    pub into: Option<String>,
    /// Share of the patients to validate on, where splits are seeded.
    #[arg(long, default_value_t = 0.15)]
    pub val: f64,
    /// Share of the patients to test on, where splits are seeded.
    #[arg(long, default_value_t = 0.15)]
    pub test: f64,
    /// Seed of the splits.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Folder with masks for images that have none: the same names, or with `_mask` at the end.
    #[arg(long)]
    pub masks: Option<PathBuf>,
    /// The class of all images, for sets of one class (`bimcv`); of films without a finding (`nih`, `chexpert`), the others being left out.
    #[arg(long)]
    pub label: Option<String>,
    /// Classes to keep, where an image may have several, or of many breeds.
    #[arg(long, value_delimiter = ',')]
    pub labels: Vec<String>,
    /// What an uncertain finding is (`chexpert`): `zeros`, `ones` or `ignore`.
    #[arg(long, default_value = "zeros")]
    pub uncertain: String,
    /// What is foreground of a face (`celeba`): `face`, `head`, or parts as `skin,hair`.
    #[arg(long, value_delimiter = ',', default_value = "face")]
    pub parts: Vec<String>,
    /// Replace the manifest if it is there.
    #[arg(long, conflicts_with = "append")]
    pub overwrite: bool,
    /// Add to the manifest if it is there.
    #[arg(long)]
    pub append: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
