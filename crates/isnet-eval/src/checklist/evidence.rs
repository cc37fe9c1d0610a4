//! What an evaluation can show.

use isnet_run::{Model, RunConfig};
use isnet_statistics::{Predictions, Score};

use super::{Answered, author, partly, yes};
use crate::clinical::Clinical;
use crate::distinct::distinct;
use crate::evaluation::Evaluation;

/// What an evaluation holds.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// What was found.
    pub found: &'a Evaluation,
    /// What was scored.
    pub predictions: &'a Predictions,
    /// The model; `None` where only predictions are known.
    pub model: Option<&'a Model>,
    /// The configuration that it was trained with, or evaluated on; `None` where only predictions are known.
    pub config: Option<&'a RunConfig>,
    /// Whether predictions were explained, so that the report has heatmaps.
    pub is_explained: bool,
}

impl Evidence<'_> {
    pub(super) fn clinical(&self) -> Option<&Clinical> {
        self.found.clinical.as_ref()
    }

    /// How many samples of how many groups were given, left out and scored.
    pub(super) fn flow(&self) -> Answered {
        let Some(flow) = &self.found.flow else {
            return author("how many were eligible, excluded with reasons, and analysed");
        };
        let groups = flow.scored.groups.map_or(String::new(), |n| format!(" of {n} groups such as patients"));
        partly(
            format!(
                "Summary, table of STARD: {} images scored{groups}, and those left out by split.",
                flow.scored.samples
            ),
            "those excluded before the manifest was made, with reasons",
        )
    }

    pub(super) fn partitions(&self) -> Answered {
        let splits = distinct(self.predictions.splits.iter().map(String::as_str)).join(", ");
        match self.config {
            Some(_) => partly(
                format!("config.toml names the splits; scored: {splits}."),
                "how images came into them; `isnet data import` deals patients by seed, other manifests bring their own",
            ),
            None => author(format!("how data were divided; scored here: {splits}")),
        }
    }

    pub(super) fn disjoint(&self) -> Answered {
        if self.predictions.is_grouped() {
            partly(
                "Groups such as patients are known (column `group` of predictions.csv).",
                "that none is in two parts, which `isnet data check` finds",
            )
        } else {
            author("whether images of one patient are in one split only: no column names patients, see `--group`")
        }
    }

    pub(super) fn model(&self) -> Answered {
        match self.model {
            Some(model) => yes(format!(
                "model.json: {} with {} classes, input {} × {} × {}, {} parameters; `isnet models` lists the layers.",
                model.architecture.name,
                model.classes.len(),
                model.preparation.height,
                model.preparation.width,
                model.preparation.channels,
                model.graph.params().map(|(_, spec)| spec.len()).sum::<usize>()
            )),
            None => author("the model: only its predictions are known here"),
        }
    }

    pub(super) fn of_config(&self, what: &str) -> Answered {
        match self.config {
            Some(_) => yes(format!("How to repeat it, and config.toml: {what}.")),
            None => author(format!("{what}: only predictions are known here")),
        }
    }

    pub(super) fn metrics(&self) -> Answered {
        partly(
            "Scores: accuracy, F1, AUC and others per split, source and class, by the conventions of scikit-learn (docs/statistics.md).",
            "why these, and which one the study was made for",
        )
    }

    pub(super) fn uncertainty(&self) -> Answered {
        let statistics = &self.found.statistics;
        if statistics.rows.iter().all(|row| row.interval().is_none()) {
            return author("intervals: none were asked for");
        }
        let by = if statistics.grouped { ", samples of one group together" } else { "" };
        yes(format!(
            "Captions of Summary and Scores name the intervals ({:.0} %{by}); docs/statistics.md says how well they cover.",
            100.0 * statistics.confidence
        ))
    }

    /// Sensitivity and specificity at a threshold that was fixed beforehand.
    pub(super) fn operating(&self) -> Answered {
        match self.clinical().filter(|clinical| !clinical.thresholds.is_empty()) {
            Some(clinical) => yes(format!(
                "Clinical use: sensitivity, specificity, PPV, NPV and likelihood ratios with intervals at thresholds that `{}` chose on validation samples.",
                clinical.thresholds[0].rule
            )),
            None => partly(
                "Scores: AUC, recall and specificity of each class.",
                "an operating point fixed on validation samples: `--operating-point`",
            ),
        }
    }

    /// Discrimination and calibration, both with intervals.
    pub(super) fn performance(&self) -> Answered {
        match (self.uncertainty(), self.calibration()) {
            (Answered::Yes(scores), Answered::Yes(calibration)) => yes(format!("{scores} {calibration}")),
            (Answered::Yes(scores), _) => partly(scores, "calibration"),
            (other, _) => other,
        }
    }

    fn calibration(&self) -> Answered {
        match self.clinical().filter(|it| it.splits.iter().any(|split| !split.calibration.is_empty())) {
            Some(_) => yes("Calibration: intercept, slope, test, curve and reliability diagrams with intervals."),
            None => author("calibration"),
        }
    }

    pub(super) fn subgroups(&self) -> Answered {
        let found = self.clinical().into_iter().flat_map(|it| &it.splits).flat_map(|split| &split.subgroups);
        let names = distinct(found.map(|it| it.found.attribute.as_str()));
        if names.is_empty() {
            author("performance in subgroups such as sex and age: `--subgroup COLUMN`")
        } else {
            partly(
                format!("Clinical use: scores by {} with tests of whether they differ.", names.join(", ")),
                "which groups matter here, and what follows",
            )
        }
    }

    pub(super) fn sources(&self) -> Answered {
        let sources = distinct(self.predictions.sources.iter().map(String::as_str));
        match sources.len() {
            0 | 1 => author("whether performance differs between centres: all samples have one source"),
            n => yes(format!("Scores: every score of each of {n} sources with intervals.")),
        }
    }

    pub(super) fn external(&self) -> Answered {
        let splits = distinct(self.predictions.splits.iter().map(String::as_str));
        let external: Vec<&str> =
            splits.into_iter().filter(|split| split.contains("ood") || split.contains("external")).collect();
        match external.is_empty() {
            false => partly(
                format!("Scores on {}.", external.join(", ")),
                "where those images come from, and that none was trained on",
            ),
            true => author("tests on data of other hospitals: evaluate with `--config` of such a manifest"),
        }
    }

    pub(super) fn explained(&self) -> Answered {
        let has_share =
            self.found.statistics.rows.iter().any(|row| row.score == Score::BackgroundShare && row.value.is_some());
        match (self.is_explained, has_share) {
            (true, true) => yes(
                "Pictures: relevance (LRP) of images right and wrong; Scores: share of relevance on the background. `isnet audit` asks more.",
            ),
            (true, false) => partly(
                "Pictures: relevance (LRP) of images right and wrong.",
                "the share on the background, which needs masks",
            ),
            (false, _) => author("explanations: evaluate a model without `--no-explain`"),
        }
    }

    pub(super) fn failures(&self) -> Answered {
        if self.is_explained {
            partly(
                "Pictures: the surest wrong decisions; Curves and confusion: what is taken for what; predictions.csv: every decision.",
                "what the wrong ones have in common",
            )
        } else {
            partly(
                "Curves and confusion: what is taken for what; predictions.csv or the table itself: every decision.",
                "what the wrong ones have in common",
            )
        }
    }

    pub(super) fn ensemble(&self) -> Answered {
        match self.model {
            Some(_) => yes("One model was evaluated, without others beside it."),
            None => author("whether several models were averaged: only predictions are known here"),
        }
    }

    pub(super) fn availability(&self) -> Answered {
        let has = match self.model {
            Some(_) => "How to repeat it names the version of isnet; model.safetensors and model.json are the model.",
            None => "How to repeat it names the version of isnet.",
        };
        partly(has, "where software, model and data can be had")
    }

    pub(super) fn events(&self) -> Answered {
        yes("Scores: samples of each split and source, and of each class.")
    }

    pub(super) fn updating(&self) -> Answered {
        match self.model.and_then(|model| model.scaling.as_ref()) {
            Some(scaling) => yes(format!(
                "Probabilities are scaled on validation data: {scaling} (calibration/report.html has before and after)."
            )),
            None => partly(
                "No recalibration was stored with the model.",
                "whether there was another; `isnet calibrate` does one",
            ),
        }
    }
}
