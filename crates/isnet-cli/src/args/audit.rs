//! Arguments of the commands that ask where decisions come from.

use std::path::PathBuf;

use isnet_audit::{Settings, Thresholds};

/// `isnet audit`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet audit runs/phantom --data phantoms/manifest.csv\n  isnet audit runs/my --data data/manifest.csv --group person --output audit/my\n  isnet audit model.safetensors --data data/manifest.csv --split test --question relevance --question counterfactual --max-bg-gap 0.05\n\nAudit images like those of the training: a model that reads a mark looks innocent where there is none."
)]
pub struct AuditArgs {
    /// A run folder or model file.
    pub model: PathBuf,
    /// The manifest of the images, a CSV file.
    #[arg(long)]
    pub data: PathBuf,
    /// Only this question (relevance, counterfactual, marks, readability, faithfulness); may be repeated. Default: all.
    #[arg(long = "question")]
    pub questions: Vec<isnet_audit::Question>,
    #[command(flatten)]
    pub images: AuditImages,
    #[command(flatten)]
    pub limits: AuditLimits,
    /// Labels of the manifest that the model calls otherwise, like `covid=COVID-19,healthy=normal`.
    #[arg(long, value_delimiter = ',', value_name = "LABEL=CLASS")]
    pub classes: Vec<String>,
    /// What `marks` draws: a kind (letter, stripe, texture), one mark per class (square, circle, triangle, letter:R,
    /// stripe:across, texture:0; repeat the option), or a picture file for all. Default: shapes and letters.
    #[arg(long = "mark")]
    pub marks: Vec<String>,
    /// Side of a mark, as a share of the shorter side of the image.
    #[arg(long, default_value_t = 0.15)]
    pub mark_size: f32,
    /// How far from the mask the largest relevance may lie in the pointing game, in pixels.
    #[arg(long, default_value_t = 0)]
    pub tolerance: usize,
    /// Images that `faithfulness` takes apart at most.
    #[arg(long, default_value_t = Settings::default().faithfulness_images)]
    pub faithfulness_images: usize,
    /// Folder for `audit.json` and the report.
    #[arg(long, default_value = "audit")]
    pub output: PathBuf,
    /// Replace what this command wrote there earlier.
    #[arg(long)]
    pub overwrite: bool,
    /// Print the audit as JSON.
    #[arg(long)]
    pub json: bool,
    /// Device to compute on.
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// Which images are audited.
#[derive(Debug, clap::Args)]
pub struct AuditImages {
    /// Only this split; may be repeated. Default: `test`, or the first whose name begins with it, else `val`, which chose the epoch, else all
    /// (before training: `train`, else all).
    #[arg(long = "split")]
    pub splits: Vec<String>,
    /// At most this many images, drawn by the seed.
    #[arg(long)]
    pub limit: Option<usize>,
    /// Column of the manifest with the images.
    #[arg(long, default_value = "image")]
    pub image_column: String,
    /// Column of the manifest with the masks.
    #[arg(long, default_value = "mask")]
    pub mask_column: String,
    /// Column of the manifest whose equal entries belong together.
    #[arg(long, default_value = "patient", value_name = "COLUMN")]
    pub group: String,
    /// Each image is of another patient: guess none from file names where no column says whose it is.
    #[arg(long)]
    pub independent: bool,
    /// Seed of everything drawn.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Bootstrap resamples.
    #[arg(long, default_value_t = Settings::default().resamples)]
    pub resamples: usize,
}

/// What the figures of an audit are held against.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Thresholds")]
pub struct AuditLimits {
    /// Mean share of relevance on the background.
    #[arg(long, default_value_t = Thresholds::default().background_share)]
    pub max_background_share: f64,
    /// Accuracy on backgrounds of the same class minus accuracy on backgrounds of other classes.
    #[arg(long, default_value_t = Thresholds::default().bg_gap, allow_negative_numbers = true)]
    pub max_bg_gap: f64,
    /// Share of decisions that a mark changes.
    #[arg(long, default_value_t = Thresholds::default().mark_flips)]
    pub max_mark_flips: f64,
    /// AUC of the label from backgrounds alone; warns.
    #[arg(long, default_value_t = Thresholds::default().label_auc)]
    pub max_label_auc: f64,
    /// AUC of the source from backgrounds alone; warns where the source tells about the label.
    #[arg(long, default_value_t = Thresholds::default().source_auc)]
    pub max_source_auc: f64,
    /// Area between the flipping curves.
    #[arg(long, default_value_t = Thresholds::default().faithfulness, allow_negative_numbers = true)]
    pub min_faithfulness: f64,
    /// Rank correlation of maps with those of a randomised model.
    #[arg(long, default_value_t = Thresholds::default().randomised_correlation, allow_negative_numbers = true)]
    pub max_randomised_correlation: f64,
}

/// `isnet data readability`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet data readability data/manifest.csv\n  isnet data readability data/manifest.csv --group person --max-label-auc 0.6 --json"
)]
pub struct DataReadabilityArgs {
    /// The manifest, a CSV file.
    pub manifest: PathBuf,
    #[command(flatten)]
    pub images: AuditImages,
    /// How many classes an image may have: `single_label` or `multi_label`. Default: as `isnet data check`.
    #[arg(long, value_parser = super::task)]
    pub task: Option<isnet_data::Task>,
    /// Side that images are brought to, in pixels.
    #[arg(long, default_value_t = 64)]
    pub size: usize,
    /// Channels: 1 gray, 3 colour.
    #[arg(long, default_value_t = 3)]
    pub channels: usize,
    /// AUC of the label from backgrounds alone, at most.
    #[arg(long, default_value_t = Thresholds::default().label_auc)]
    pub max_label_auc: f64,
    /// AUC of the source from backgrounds alone, at most, where the source tells about the label.
    #[arg(long, default_value_t = Thresholds::default().source_auc)]
    pub max_source_auc: f64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
