//! The arguments of commands that score: `isnet evaluate`, `isnet calibrate` and `isnet compare`.

use std::path::PathBuf;

use isnet_data::Task;
use isnet_eval::checklist::Checklist;
use isnet_eval::clinical::ClinicalSettings;
use isnet_statistics::{OperatingRule, Primary, Score, Settings};

use super::task;

/// `isnet evaluate`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet evaluate runs/phantom\n  isnet evaluate runs/phantom --split test --json\n  isnet evaluate runs/a --config configs/b.toml\n  isnet evaluate predictions.csv\n  isnet evaluate runs/a --operating-point sensitivity=0.95 --class covid --prevalence 0.01,0.1 --subgroup sex"
)]
pub struct EvaluateArgs {
    /// A run folder, a model file with `--config`, or a table of predictions that any tool wrote (`.csv` with the columns
    /// `id`, `label`, `p_<class>`…).
    pub model: PathBuf,
    /// What a table of predictions is about, where its rows leave a doubt.
    #[arg(long, value_parser = task)]
    pub task: Option<Task>,
    /// Evaluate on the data of this configuration instead of the run's own.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Only this split; may be repeated. Default: the test splits.
    #[arg(long = "split")]
    pub splits: Vec<String>,
    /// Do not explain the predictions; no background share, but faster.
    #[arg(long)]
    pub no_explain: bool,
    /// Write no `report.html` and `report.md`.
    #[arg(long)]
    pub no_report: bool,
    /// Write which items of a reporting checklist this answers, and where: `claim` or `tripod-ai`; may be repeated.
    #[arg(long = "checklist", value_name = "NAME", value_delimiter = ',')]
    pub checklists: Vec<Checklist>,
    /// Where `metrics.json`, `predictions.csv` and the report go. Default: the run folder.
    #[arg(long)]
    pub output: Option<PathBuf>,
    /// Replace what this command wrote there earlier; in a run folder it always does.
    #[arg(long)]
    pub overwrite: bool,
    /// Column of the manifest whose equal values belong together, such as a patient; they are resampled as one. Default:
    /// the configuration's `group_column`.
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
    /// What is reported for clinical use.
    #[command(flatten)]
    pub clinical: ClinicalArgs,
    /// Intervals.
    #[command(flatten)]
    pub statistics: StatisticsArgs,
    /// Print the metrics as JSON.
    #[arg(long)]
    pub json: bool,
    /// Device to compute on.
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// What a clinic asks beside scores.
#[derive(Debug, clap::Args)]
pub struct ClinicalArgs {
    /// Fix a threshold per class on the validation samples: `youden`, `sensitivity=0.9` or `specificity=0.9`.
    #[arg(long, value_name = "RULE")]
    pub operating_point: Option<OperatingRule>,
    /// The classes that are set against the rest; may be repeated. Default: all, if there are at most 8.
    #[arg(long = "class", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Prevalences at which PPV and NPV of the operating points are wanted, like `0.01,0.1`.
    #[arg(long, value_delimiter = ',', value_name = "SHARE", requires = "operating_point")]
    pub prevalence: Vec<f64>,
    /// A column, such as sex, whose values are scored apart, with a test of whether they differ; may be repeated.
    #[arg(long = "subgroup", value_name = "COLUMN", value_delimiter = ',')]
    pub subgroups: Vec<String>,
    /// The split of a table of predictions that thresholds are chosen on. Default: `val`, `valid`, `validation` or `dev`. Runs know their own.
    #[arg(long, value_name = "SPLIT")]
    pub validation_split: Option<String>,
}

impl ClinicalArgs {
    /// What is asked of the evaluation.
    pub fn settings(&self) -> ClinicalSettings {
        ClinicalSettings {
            rule: self.operating_point,
            classes: self.classes.clone(),
            prevalences: self.prevalence.clone(),
            subgroups: self.subgroups.clone(),
        }
    }
}

/// The question that was asked before the data were seen.
#[derive(Debug, clap::Args)]
pub struct QuestionArgs {
    /// The one score and split that the study was made for, like `auc:test_ood`: it alone is corrected for, and tested in words.
    #[arg(long, value_name = "SCORE:SPLIT")]
    pub primary: Option<Primary>,
    /// How much worse a score may be and still be called not inferior, like `0.05`.
    #[arg(long)]
    pub margin: Option<f64>,
}

impl QuestionArgs {
    /// What is asked of the statistics.
    pub fn settings(&self, statistics: &StatisticsArgs) -> Settings {
        Settings { primary: self.primary.clone(), margin: self.margin, ..statistics.settings() }
    }
}

/// How intervals are found.
#[derive(Debug, clap::Args)]
pub struct StatisticsArgs {
    /// Share of intervals that hold the true value.
    #[arg(long, default_value_t = 0.95)]
    pub confidence: f64,
    /// Number of bootstrap resamples; 0 for none.
    #[arg(long, default_value_t = 1000)]
    pub resamples: usize,
    /// Seed of the resamples.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl StatisticsArgs {
    /// What is asked of the statistics.
    pub fn settings(&self) -> Settings {
        Settings { confidence: self.confidence, resamples: self.resamples, seed: self.seed, ..Settings::default() }
    }
}

/// How probabilities are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ScalingMethod {
    /// One temperature for all classes: decisions of a single-label task stay.
    Temperature,
    /// A slope and an intercept per label; for labels, and for two classes.
    Platt,
}

/// `isnet calibrate`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet calibrate runs/phantom\n  isnet calibrate runs/chest --method platt\n  isnet calibrate runs/a --config configs/hospital_b.toml   # learn from its validation split\n  isnet calibrate runs/phantom --remove"
)]
pub struct CalibrateArgs {
    /// A run folder, or a model file with `--config`.
    pub model: PathBuf,
    /// How probabilities are scaled.
    #[arg(long, value_enum, default_value = "temperature")]
    pub method: ScalingMethod,
    /// Learn from the validation split of this configuration instead of the run's own.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Take the scaling away: probabilities are as the network says them.
    #[arg(long, conflicts_with_all = ["method", "config"])]
    pub remove: bool,
    /// Share of intervals that hold the true value.
    #[arg(long, default_value_t = 0.95)]
    pub confidence: f64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Device to compute on.
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// `isnet compare`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  isnet compare runs/standard runs/isnet\n  isnet compare runs/* --split test --score auc,f1 --by-class\n  isnet compare runs/* --output compared       # with a page\n  isnet compare ours.csv theirs.csv --json\n  isnet compare runs/* --primary auc:test_ood --margin 0.05"
)]
pub struct CompareArgs {
    /// Run folders that were evaluated, or tables of predictions (`.csv`); the others are tested against the first.
    #[arg(required = true)]
    pub runs: Vec<PathBuf>,
    /// What tables of predictions are about, where their rows leave a doubt. Run folders know it.
    #[arg(long, value_parser = task)]
    pub task: Option<Task>,
    /// Only this split; may be repeated.
    #[arg(long = "split")]
    pub splits: Vec<String>,
    /// The scores to test. The more are asked for, the more Holm's correction takes.
    #[arg(long = "score", value_delimiter = ',', value_parser = score, default_value = "accuracy,f1,auc,background_share")]
    pub scores: Vec<Score>,
    /// Test every class too.
    #[arg(long)]
    pub by_class: bool,
    /// Test every source too.
    #[arg(long)]
    pub by_source: bool,
    /// The question asked beforehand.
    #[command(flatten)]
    pub question: QuestionArgs,
    /// Intervals.
    #[command(flatten)]
    pub statistics: StatisticsArgs,
    /// Folder for `comparison.json`, `report.html` and `report.md`.
    #[arg(long)]
    pub output: Option<PathBuf>,
    /// Replace what this command wrote there earlier.
    #[arg(long, requires = "output")]
    pub overwrite: bool,
    /// Write no `report.html` and `report.md`.
    #[arg(long, requires = "output")]
    pub no_report: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl CompareArgs {
    /// What is tested.
    pub fn tested(&self) -> Settings {
        let &Self { by_class, by_source, .. } = self;
        let settings = self.question.settings(&self.statistics);
        let mut scores = self.scores.clone();
        scores.extend(settings.primary.as_ref().map(|primary| primary.score).filter(|it| !self.scores.contains(it)));
        Settings { scores: Some(scores), by_class, by_source, ..settings }
    }
}

fn score(name: &str) -> Result<Score, String> {
    let known = || Score::ALL.map(Score::name).join(", ");
    Score::ALL.into_iter().find(|score| score.name() == name).ok_or_else(|| format!("the scores are {}", known()))
}
