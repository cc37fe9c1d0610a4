//! All questions at once.

use isnet_data::Dataset;
use isnet_run::Model;
use serde::Serialize;

use crate::counterfactual::{self, Counterfactual};
use crate::error::Result;
use crate::faithfulness::{self, Faithfulness};
use crate::marks::{self, MarkEffect};
use crate::readability::{self, Readability};
use crate::relevance::{self, Relevance};
use crate::settings::{Question, Settings, Thresholds};
use crate::subject::Subject;
use crate::verdict::{Answer, Outcome, Verdict};

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Classes of the model.
    pub classes: Vec<String>,
    /// Number of images.
    pub n_images: usize,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Share of intervals that hold the true value.
    pub confidence: f64,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Whether images were resampled in groups.
    pub grouped: bool,
    /// What the figures were held against.
    pub thresholds: Thresholds,
    /// One or two per question, in the order of the questions.
    pub verdicts: Vec<Verdict>,
    /// Where the relevance lies; `None` if it was not asked.
    pub relevance: Option<Answer<Relevance>>,
    /// What other backgrounds do.
    pub counterfactual: Option<Answer<Counterfactual>>,
    /// What marks do.
    pub marks: Option<Answer<MarkEffect>>,
    /// What backgrounds give away.
    pub readability: Option<Answer<Readability>>,
    /// What heatmaps are worth.
    pub faithfulness: Option<Answer<Faithfulness>>,
}

/// How far an audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The question that is being answered.
    pub question: Question,
    /// Images that are done.
    pub done: usize,
    /// Images at most.
    pub total: usize,
}

/// Asks all questions of the settings, in their order.
///
/// # Errors
/// A sample that cannot be read, a prediction that is not finite, classes that are not the model's: whatever keeps a question
/// from being asked. What the data cannot answer is an [`Outcome::NotAnswerable`].
///
/// # Example
/// ```
/// use isnet_audit::{Outcome, Question, Settings, audit};
/// use isnet_data::phantom::{PhantomConfig, PhantomSplit, dataset};
/// use isnet_data::{Dataset, Fit, Intensity, MemoryDataset, Preparation, Task};
/// # use burn::tensor::Device;
/// # use isnet_graph::Params;
/// # use isnet_run::Model;
/// # let config = PhantomConfig { size: 32, val: 12, ..PhantomConfig::default() };
/// # let architecture = isnet_models::plain_cnn::reference(3, 1);
/// # let graph = isnet_models::build(&architecture)?;
/// # let params = Params::initialize(&graph, 9, &Device::flex());
/// # let preparation = Preparation { height: 32, width: 32, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
/// # let (classes, training) = (config.class_names(), ().into());
/// # let model = Model { architecture, graph, params, classes, task: Task::SingleLabel, preparation, scaling: None, training, batches: 0 };
/// // An untrained model: its relevance is spread evenly.
/// let data = MemoryDataset::new(Task::SingleLabel, config.class_names(), dataset(&config, PhantomSplit::Val));
/// let settings = Settings { questions: vec![Question::Relevance, Question::Marks], ..Settings::default() };
/// let found = audit(&model, &data, &settings, &mut |_| ())?;
/// assert_eq!(found.verdicts[0].outcome, Outcome::Failed);
/// assert!(!found.passes());
/// let row = &found.relevance.as_ref().and_then(|answer| answer.found()).unwrap().rows[0];
/// assert!((row.background_share.unwrap().value - row.background_area.unwrap().value).abs() < 0.25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn audit(
    model: &Model,
    data: &dyn Dataset,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Audit> {
    audit_subject(&Subject::new(model, data, settings)?, progress)
}

/// Asks all questions of a subject, for those who go on with it, as to a [`page`](crate::page).
///
/// # Errors
/// As [`audit()`].
pub fn audit_subject(subject: &Subject<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Audit> {
    let Subject { model, data, settings, .. } = subject;
    let mut audit = Audit {
        classes: model.classes.clone(),
        n_images: data.len(),
        seed: settings.seed,
        confidence: settings.confidence,
        resamples: settings.resamples,
        grouped: (0..data.len()).any(|index| !data.group(index).is_empty()),
        thresholds: settings.thresholds,
        verdicts: Vec::new(),
        relevance: None,
        counterfactual: None,
        marks: None,
        readability: None,
        faithfulness: None,
    };
    for question in &settings.questions {
        let mut told = |done| progress(Progress { question: *question, done, total: total(*question, subject) });
        audit.ask(*question, subject, &mut told)?;
    }
    Ok(audit)
}

impl Audit {
    /// Whether no verdict failed.
    pub fn passes(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.outcome != Outcome::Failed)
    }

    /// Whether a verdict about the model is undecided.
    pub fn is_undecided(&self) -> bool {
        let of_model = |verdict: &&Verdict| verdict.question != Question::Readability;
        self.verdicts.iter().filter(of_model).any(|verdict| verdict.outcome == Outcome::Undecided)
    }

    fn ask(&mut self, question: Question, subject: &Subject<'_>, progress: &mut dyn FnMut(usize)) -> Result<()> {
        match question {
            Question::Relevance => {
                let answer = relevance::relevance(subject, progress)?;
                self.verdicts.push(relevance::verdict(subject, &answer));
                self.relevance = Some(answer);
            }
            Question::Counterfactual => {
                let answer = counterfactual::counterfactual(subject, progress)?;
                self.verdicts.push(counterfactual::verdict(subject, &answer));
                self.counterfactual = Some(answer);
            }
            Question::Marks => {
                let answer = marks::marks(subject, progress)?;
                self.verdicts.push(marks::verdict(subject, &answer));
                self.marks = Some(answer);
            }
            Question::Readability => {
                let answer = readability::readability(subject.data, subject.settings, progress)?;
                self.verdicts.extend(readability::verdicts(subject.settings, &answer));
                self.readability = Some(answer);
            }
            Question::Faithfulness => {
                let answer = faithfulness::faithfulness(subject, progress)?;
                self.verdicts.extend(faithfulness::verdicts(subject, &answer));
                self.faithfulness = Some(answer);
            }
        }
        Ok(())
    }
}

/// Images that a question is asked about at most.
fn total(question: Question, subject: &Subject<'_>) -> usize {
    let masked = (0..subject.data.len()).filter(|&index| subject.data.has_mask(index)).count();
    match question {
        Question::Relevance | Question::Counterfactual | Question::Marks => {
            subject.data.len() - subject.left_out().masks()
        }
        Question::Readability => masked.min(subject.settings.readability_images),
        Question::Faithfulness => subject.data.len().min(subject.settings.faithfulness_images),
    }
}
