//! What is asked, of how many images, and what an answer is held against.

use isnet_data::mark::MarkSettings;
use serde::Serialize;

use crate::error::{AuditError, Result};
use crate::marks::Marks;

/// One way of asking where a decision comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Where does the relevance lie?
    Relevance,
    /// Does another background change the decision?
    Counterfactual,
    /// Does a mark in the background change the decision?
    Marks,
    /// Do the backgrounds of the data give source or label away?
    Readability,
    /// Do the heatmaps show what the model uses?
    Faithfulness,
}

/// What a figure may be at most, or must be at least, for its verdict to be "passed".
///
/// | field | figure | range | default |
/// |---|---|---|---|
/// | `background_share` | mean share of \|relevance\| on the background, at most | [0, 1] | 0.3 |
/// | `bg_gap` | accuracy on mixed-same minus accuracy on mixed-rand, at most | [−1, 1] | 0.15 |
/// | `mark_flips` | share of decisions that a mark changes, at most | [0, 1] | 0.1 |
/// | `label_auc` | AUC of the label from backgrounds alone, at most; a *warning* | [0, 1] | 0.75 |
/// | `source_auc` | AUC of the source from backgrounds alone, at most, where the source tells about the label; a *warning* | [0, 1] | 0.75 |
/// | `faithfulness` | area between the curves of least and most relevant patches first, at least | [−1, 1] | 0 (chance) |
/// | `randomised_correlation` | rank correlation with the maps of a randomised model, at most | [−1, 1] | 0.5 |
///
/// The defaults are conventions, not laws: even relevance has the share of the background's *area*, usually 0.5 to 0.8; a
/// model that ignores backgrounds has a gap and a share of flips of 0, and 0.1 leaves room for images that are cut
/// out imperfectly. (A gap of 0.15 for three classes is one of 0.1 on the scale of the Backgrounds Challenge, whose
/// mixed-rand takes a third of its backgrounds from the same class.)
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// Of the mean share of relevance on the background.
    pub background_share: f64,
    /// Of the gap between backgrounds of the same and of other classes.
    pub bg_gap: f64,
    /// Of the share of decisions that a mark changes.
    pub mark_flips: f64,
    /// Of the AUC of the label from backgrounds.
    pub label_auc: f64,
    /// Of the AUC of the source from backgrounds.
    pub source_auc: f64,
    /// Of the area between the flipping curves.
    pub faithfulness: f64,
    /// Of the rank correlation with maps of a randomised model.
    pub randomised_correlation: f64,
}

/// What is asked of an audit.
///
/// # Example
/// ```
/// # use isnet_audit::{Question, Settings};
/// let settings = Settings { questions: vec![Question::Relevance], seed: 7, ..Settings::default() };
/// assert_eq!(settings.thresholds.background_share, 0.3);
/// assert!(settings.check().is_ok());
/// assert!(Settings { confidence: 1.0, ..settings }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The questions, in the order of the answers. Default: all.
    pub questions: Vec<Question>,
    /// What answers are held against.
    pub thresholds: Thresholds,
    /// Share of intervals that hold the true value, in (0, 1). Default 0.95.
    pub confidence: f64,
    /// Bootstrap resamples; 0 = no intervals. Default 1000.
    pub resamples: usize,
    /// Seed of everything drawn. Default 0.
    pub seed: u64,
    /// Images in a forward pass, ≥ 1. Default 32.
    pub batch_size: usize,
    /// What `marks` draws. Default: a mark per class.
    pub marks: Marks,
    /// How it is drawn; its seed is that of these settings.
    pub mark_settings: MarkSettings,
    /// How far outside the mask the maximum of a map may lie and still count as inside, in pixels. Default 0.
    pub pointing_tolerance: usize,
    /// Images that `faithfulness` asks at most, drawn by the seed. Default 64.
    pub faithfulness_images: usize,
    /// Steps from a whole image to none, ≥ 2. Default 10.
    pub flipping_steps: usize,
    /// Images that `readability` learns from at most, drawn by the seed. Default 1000.
    pub readability_images: usize,
    /// Parts of the cross-validation, ≥ 2. Default 5.
    pub folds: usize,
    /// Whether `readability` guesses patients from file names, where no image says whose it is. Default: yes.
    pub guess_patients: bool,
}

impl Question {
    /// All questions, in the order of reports.
    pub const ALL: [Self; 5] =
        [Self::Relevance, Self::Counterfactual, Self::Marks, Self::Readability, Self::Faithfulness];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Counterfactual => "counterfactual",
            Self::Marks => "marks",
            Self::Readability => "readability",
            Self::Faithfulness => "faithfulness",
        }
    }

    /// The question as a person asks it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Relevance => "Where does the relevance lie?",
            Self::Counterfactual => "Does another background change the decision?",
            Self::Marks => "Does a mark in the background change the decision?",
            Self::Readability => "Do the backgrounds of the data give source or label away?",
            Self::Faithfulness => "Do the heatmaps show what the model uses?",
        }
    }
}

impl std::str::FromStr for Question {
    type Err = AuditError;

    /// The question of this name.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|question| question.name() == name).ok_or_else(|| AuditError::Question {
            name: name.to_owned(),
            known: Self::ALL.map(|question| question.name().to_owned()).into(),
        })
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            background_share: 0.3,
            bg_gap: 0.15,
            mark_flips: 0.1,
            label_auc: 0.75,
            source_auc: 0.75,
            faithfulness: 0.0,
            randomised_correlation: 0.5,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            questions: Question::ALL.into(),
            thresholds: Thresholds::default(),
            confidence: 0.95,
            resamples: 1000,
            seed: 0,
            batch_size: 32,
            marks: Marks::PerClass(Vec::new()),
            mark_settings: MarkSettings::default(),
            pointing_tolerance: 0,
            faithfulness_images: 64,
            flipping_steps: 10,
            readability_images: 1000,
            folds: 5,
            guess_patients: true,
        }
    }
}

impl Settings {
    /// Whether these settings mean something.
    ///
    /// # Errors
    /// [`AuditError::Setting`] with the first value that means nothing.
    pub fn check(&self) -> Result<()> {
        let limits = &self.thresholds;
        let rows = [
            ("confidence", self.confidence, 0.0 < self.confidence && self.confidence < 1.0, "between 0 and 1"),
            ("batch_size", self.batch_size as f64, self.batch_size > 0, "at least 1"),
            ("flipping_steps", self.flipping_steps as f64, self.flipping_steps > 1, "at least 2"),
            ("faithfulness_images", self.faithfulness_images as f64, self.faithfulness_images > 0, "at least 1"),
            ("readability_images", self.readability_images as f64, self.readability_images > 0, "at least 1"),
            ("folds", self.folds as f64, self.folds > 1, "at least 2"),
            share("background_share", limits.background_share),
            signed("bg_gap", limits.bg_gap),
            share("mark_flips", limits.mark_flips),
            share("label_auc", limits.label_auc),
            share("source_auc", limits.source_auc),
            signed("faithfulness", limits.faithfulness),
            signed("randomised_correlation", limits.randomised_correlation),
        ];
        match rows.into_iter().find(|(_, _, good, _)| !good) {
            Some((setting, value, _, expected)) => {
                Err(AuditError::Setting { setting, expected, got: value.to_string() })
            }
            None => Ok(()),
        }
    }
}

fn share(name: &'static str, value: f64) -> (&'static str, f64, bool, &'static str) {
    (name, value, (0.0..=1.0).contains(&value), "from 0 to 1")
}

fn signed(name: &'static str, value: f64) -> (&'static str, f64, bool, &'static str) {
    (name, value, (-1.0..=1.0).contains(&value), "from -1 to 1")
}
