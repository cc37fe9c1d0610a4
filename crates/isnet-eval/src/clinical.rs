//! What a clinic asks of a model beside its scores: what its decisions are worth, per patient and in subgroups, and whether its
//! probabilities mean what they say.
//!
//! ```text
//! validation samples ──rule──► a threshold per class ─┐
//! test samples ───────────────────────────────────────┴─► OperatingPoint, Subgroups     of every split and class
//!        ├──► DecisionCurve, Agreement          of every split and class
//!        └──per_group──► Summary     of one sample per patient
//! ```

use isnet_data::MaskVerdict;
use serde::Serialize;

use crate::EvalError;
use crate::distinct::distinct;
use isnet_statistics::{
    Agreement, DecisionCurve, Exclusion, Flow, FlowCount, OperatingPoint, OperatingRule, OperatingSettings,
    OperatingThreshold, PerGroupCounts, Pooling, Predictions, Said, Settings, StatisticsError, SubgroupSettings,
    Subgroups, Summary, Task, agreement, choose_operating_threshold, choose_thresholds, decision_curve, holm,
    operating_point, per_group, subgroups, summary,
};

/// With more classes than this, only those that are asked for are reported.
const MOST_CLASSES: usize = 8;

/// What is asked of [`Clinical::of`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClinicalSettings {
    /// How the threshold of each class is chosen on validation samples; `None`: no operating points.
    pub rule: Option<OperatingRule>,
    /// Names of the classes that are set against the rest. Default, nothing: all, if there are at most 8.
    pub classes: Vec<String>,
    /// Prevalences at which PPV and NPV are wanted, each in (0, 1).
    pub prevalences: Vec<f64>,
    /// Attributes of the samples ([`Predictions::attributes`], or `source`) whose values are subgroups.
    pub subgroups: Vec<String>,
}

/// What a clinic asks of a model beside its scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clinical {
    /// The classes that are set against the rest.
    pub classes: Vec<String>,
    /// Thresholds, and what they gave on the validation samples that they were chosen on.
    pub thresholds: Vec<OperatingThreshold>,
    /// Classes for which no threshold could be chosen.
    pub without_threshold: Vec<WithoutThreshold>,
    /// The splits, in the order of the predictions.
    pub splits: Vec<ClinicalSplit>,
    /// Scores of one sample per group; `None` where no group has several samples.
    pub per_group: Option<PerGroupScores>,
}

/// A class for which no threshold could be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WithoutThreshold {
    /// Name of the class.
    pub class: String,
    /// Why there is none.
    pub reason: String,
}

/// A split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClinicalSplit {
    /// Its name.
    pub split: String,
    /// One per class that has a threshold.
    pub operating_points: Vec<OperatingPoint>,
    /// Attribute by attribute, class by class.
    pub subgroups: Vec<TestedSubgroups>,
    /// How well probabilities agree with the truth: of the predicted class, for a single-label task, and of each class.
    pub calibration: Vec<Agreement>,
    /// One per class; a file of their own.
    #[serde(skip)]
    pub decision_curves: Vec<DecisionCurve>,
}

/// The scores of subgroups, with their tests corrected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestedSubgroups {
    /// The scores.
    #[serde(flatten)]
    pub found: Subgroups,
    /// The p-value of each score's test of "all levels are alike", after Holm over all subgroup tests of the split.
    pub p_adjusted: Vec<Option<f64>>,
}

/// Scores of one sample per group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PerGroupScores {
    /// How many samples and groups there are, and which are left out.
    pub counts: PerGroupCounts,
    /// The scores.
    pub statistics: Summary,
}

impl Clinical {
    /// Finds all of it. `validation` are predictions of the same model on the samples that thresholds are chosen on.
    ///
    /// Where no rule is asked for, subgroups are scored at the thresholds of the task: those of the predictions for labels, ½ for classes.
    ///
    /// # Errors
    /// [`StatisticsError::Setting`] for a class or an attribute that there is not, and for a rule without validation samples; otherwise as
    /// [`operating_point`], [`decision_curve`], [`subgroups`] and [`per_group`].
    ///
    /// # Example
    /// ```
    /// # use isnet_eval::clinical::{Clinical, ClinicalSettings};
    /// # use isnet_statistics::{OperatingRule, Predictions, Settings, Task};
    /// let (mut validation, mut test) = (Predictions::new(["ill"], Task::Multi), Predictions::new(["ill"], Task::Multi));
    /// for (predictions, split) in [(&mut validation, "val"), (&mut test, "test")] {
    ///     for (probability, labels) in [(0.1, &[][..]), (0.4, &[]), (0.35, &[0]), (0.8, &[0])] {
    ///         predictions.push("x.png", "web", split, labels, &[probability]);
    ///     }
    /// }
    /// let asked = ClinicalSettings { rule: Some(OperatingRule::Specificity(0.9)), ..ClinicalSettings::default() };
    /// let found = Clinical::of(&test, Some(&validation), &asked, &Settings::default())?;
    /// assert_eq!(found.thresholds[0].threshold, 0.8);
    /// assert_eq!(found.splits[0].operating_points[0].sensitivity.value, Some(0.5));
    /// assert!(found.per_group.is_none()); // no patient has two images
    /// # Ok::<(), isnet_eval::EvalError>(())
    /// ```
    pub fn of(
        predictions: &Predictions,
        validation: Option<&Predictions>,
        asked: &ClinicalSettings,
        settings: &Settings,
    ) -> Result<Self, EvalError> {
        let classes = classes(predictions, &asked.classes)?;
        let (mut thresholds, mut without_threshold) = (Vec::new(), Vec::new());
        if let Some(rule) = asked.rule {
            let validation = validation.ok_or_else(|| no_validation(rule))?;
            for &class_idx in &classes {
                match choose_operating_threshold(validation, class_idx, rule) {
                    Ok(found) => thresholds.push(found),
                    Err(StatisticsError::Setting { expected, got, .. }) => {
                        let (class, reason) =
                            (predictions.classes[class_idx].clone(), format!("{got}; it must be {expected}"));
                        without_threshold.push(WithoutThreshold { class, reason });
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let threshold = |class_idx: usize| match (asked.rule, predictions.task) {
            (Some(_), _) => thresholds.iter().find(|it| it.class_idx == class_idx).map(|it| it.threshold),
            (None, Task::Multi) => Some(predictions.thresholds[class_idx]),
            (None, Task::Single) => Some(0.5),
        };
        let mut splits = Vec::new();
        for split in distinct(predictions.splits.iter().map(String::as_str)) {
            let chosen = predictions.of_splits(|it| it == split);
            let operating = OperatingSettings {
                confidence: settings.confidence,
                prevalences: asked.prevalences.clone(),
                ..OperatingSettings::default()
            };
            let point = |it: &OperatingThreshold| operating_point(&chosen, it.class_idx, it.threshold, &operating);
            let of_predicted = (predictions.task == Task::Single).then_some(Said::Predicted);
            let said = of_predicted.into_iter().chain(classes.iter().map(|&class_idx| Said::Class(class_idx)));
            let curve = |&class_idx: &usize| decision_curve(&chosen, class_idx, settings);
            splits.push(ClinicalSplit {
                split: split.to_owned(),
                operating_points: thresholds.iter().map(point).collect::<Result<_, _>>()?,
                subgroups: tested(&chosen, &classes, threshold, asked, settings)?,
                calibration: said.map(|of| agreement(&chosen, of, settings.confidence)).collect::<Result<_, _>>()?,
                decision_curves: classes.iter().map(curve).collect::<Result<_, _>>()?,
            });
        }
        Ok(Self {
            classes: classes.iter().map(|&class_idx| predictions.classes[class_idx].clone()).collect(),
            thresholds,
            without_threshold,
            splits,
            per_group: PerGroupScores::of(predictions, validation, settings)?,
        })
    }
}

impl PerGroupScores {
    /// The mean probability of a group decides; thresholds of labels are chosen again on groups of validation samples, if there are any.
    fn of(
        predictions: &Predictions,
        validation: Option<&Predictions>,
        settings: &Settings,
    ) -> Result<Option<Self>, EvalError> {
        if !predictions.is_grouped() {
            return Ok(None);
        }
        let mut pooled = per_group(predictions, Pooling::Mean)?;
        let is_one_each = pooled.counts.n_groups == pooled.counts.n_samples;
        if is_one_each || pooled.predictions.is_empty() {
            return Ok(None);
        }
        if predictions.task == Task::Multi
            && let Some(validation) = validation.filter(|validation| !validation.is_empty())
        {
            let chosen = choose_thresholds(&per_group(validation, Pooling::Mean)?.predictions)?;
            pooled.predictions.thresholds = chosen.iter().map(|label| label.threshold).collect();
        }
        Ok(Some(Self { counts: pooled.counts, statistics: summary(&pooled.predictions, settings)? }))
    }
}

/// What became of the samples: those of the splits that were not scored, with the reason, and those that were. A table of
/// predictions does not know which samples have a mask.
///
/// # Example
/// ```
/// # use isnet_eval::clinical::flow;
/// # use isnet_statistics::{Exclusion, FlowCount, Predictions, Task};
/// let mut test = Predictions::new(["ill"], Task::Multi);
/// test.push("a.png", "web", "test", &[0], &[0.8]);
/// let flow = flow(vec![Exclusion { reason: "of split train".into(), count: FlowCount::of(9) }], &test, true);
/// assert_eq!((flow.given.samples, flow.scored.samples, flow.without_mask.samples), (10, 1, 1));
/// ```
pub fn flow(excluded: Vec<Exclusion>, scored: &Predictions, knows_masks: bool) -> Flow {
    let lacks_mask = |sample: &usize| knows_masks && scored.masks[*sample] != Some(MaskVerdict::Usable);
    let without = FlowCount::of_groups((0..scored.len()).filter(lacks_mask).map(|it| scored.groups[it].as_str()));
    let left_out: usize = excluded.iter().map(|exclusion| exclusion.count.samples).sum();
    Flow {
        given: FlowCount::of(left_out + scored.len()),
        excluded,
        without_label: FlowCount::default(),
        scored: FlowCount::of_groups(scored.groups.iter().map(String::as_str)),
        // Groups are known of these too, even where none is among them.
        without_mask: FlowCount { groups: without.groups.or(scored.is_grouped().then_some(0)), ..without },
    }
}

/// The classes that are set against the rest.
fn classes(predictions: &Predictions, asked: &[String]) -> Result<Vec<usize>, StatisticsError> {
    let n = predictions.classes.len();
    if asked.is_empty() {
        return Ok(if n <= MOST_CLASSES { (0..n).collect() } else { Vec::new() });
    }
    let index = |name: &String| {
        predictions.classes.iter().position(|class| class == name).ok_or_else(|| StatisticsError::Setting {
            setting: "class",
            expected: format!("one of `{}`", predictions.classes.join("`, `")),
            got: format!("`{name}`"),
        })
    };
    asked.iter().map(index).collect()
}

fn no_validation(rule: OperatingRule) -> StatisticsError {
    StatisticsError::Setting {
        setting: "operating_point",
        expected: "chosen on validation samples, and there are none: at a threshold that is chosen on the samples that are scored, \
                   every figure flatters"
            .to_owned(),
        got: format!("`{rule}`"),
    }
}

/// The subgroups of a split, their tests corrected together.
fn tested(
    split: &Predictions,
    classes: &[usize],
    threshold: impl Fn(usize) -> Option<f64>,
    asked: &ClinicalSettings,
    settings: &Settings,
) -> Result<Vec<TestedSubgroups>, StatisticsError> {
    let mut found = Vec::new();
    for attribute in &asked.subgroups {
        let values = match attribute.as_str() {
            "source" => &split.sources,
            name => split.attributes.get(name).ok_or_else(|| unknown_attribute(name, split))?,
        };
        for &class_idx in classes {
            let Some(threshold) = threshold(class_idx) else { continue };
            let of =
                SubgroupSettings { confidence: settings.confidence, ..SubgroupSettings::new(class_idx, threshold) };
            found.push(subgroups(split, (attribute, values), &of)?);
        }
    }
    let p_values: Vec<Vec<Option<f64>>> = found
        .iter()
        .map(|found| found.scores.iter().map(|score| score.heterogeneity.map(|test| test.p_value)).collect())
        .collect();
    let known: Vec<f64> = p_values.iter().flatten().copied().flatten().collect();
    let mut adjusted = holm(&known).into_iter();
    let mut adjust = |p: Option<f64>| p.and_then(|_| adjusted.next());
    Ok(found
        .into_iter()
        .zip(p_values)
        .map(|(found, p)| TestedSubgroups { found, p_adjusted: p.into_iter().map(&mut adjust).collect() })
        .collect())
}

fn unknown_attribute(name: &str, predictions: &Predictions) -> StatisticsError {
    let known: Vec<&str> = predictions.attributes.keys().map(String::as_str).chain(["source"]).collect();
    StatisticsError::Setting {
        setting: "subgroup",
        expected: format!("a column of the samples; there is `{}`", known.join("`, `")),
        got: format!("`{name}`"),
    }
}
