//! `isnet data`

use std::path::PathBuf;

use clap::Subcommand;
use isnet_data::{Task, phantom::PhantomConfig, shapes::ShapesConfig};

use super::{DataReadabilityArgs, task};

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
    /// Write weaker masks than there are, to see what they would cost: boxes, careless outlines, a few.
    Weaken(DataWeakenArgs),
    /// Ask whether backgrounds give label or source away; exit code 1 if they do, 3 if that is undecided.
    Readability(DataReadabilityArgs),
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

/// `isnet data weaken`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  isnet data weaken data/manifest.csv --output weak\n  isnet train my.toml --set data.manifest=weak/manifest.csv --set data.mask_column=mask_box\n\nColumns: mask_box (the smallest box), mask_eroded, mask_dilated, mask_shifted (by --amount), mask_wrong (of another image, for --wrong of\nthe images), mask_20_percent, mask_5_percent, mask_1_percent (exact ones, for so many of the images). Tests keep their masks in all columns."
)]
pub struct DataWeakenArgs {
    /// The manifest, a CSV file with masks.
    pub manifest: PathBuf,
    /// Folder for the masks and the new manifest.
    #[arg(long)]
    pub output: PathBuf,
    /// How far masks are eroded, dilated and shifted, as a share of the shorter side.
    #[arg(long, default_value_t = 0.05)]
    pub amount: f64,
    /// Share of the images of `mask_wrong` that have the mask of another image.
    #[arg(long, default_value_t = 0.1)]
    pub wrong: f64,
    /// A split that is learned from, whose masks become weaker; may be repeated. Default: `train` and `val`
    #[arg(long = "split")]
    pub splits: Option<Vec<String>>,
    /// Seed of everything drawn.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Replace an earlier output.
    #[arg(long)]
    pub overwrite: bool,
    /// Column with the images.
    #[arg(long, default_value = "image")]
    pub image_column: String,
    /// Column with the masks.
    #[arg(long, default_value = "mask")]
    pub mask_column: String,
    /// How many classes an image may have: `single_label` or `multi_label`. Default: as `isnet data check`.
    #[arg(long, value_parser = task)]
    pub task: Option<Task>,
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
