//! What an evaluation can show.
//!
//! Each answer names a place that this evaluation wrote: a section of `report.html`, or a key of `metrics.json` where there is no report.

use isnet_run::{Model, RunConfig};
use isnet_statistics::{Predictions, Score};

use super::{Answered, author, partly, yes};
use crate::clinical::{Clinical, ClinicalSplit};
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
    /// The configuration that the model was trained with, which is not the one that it is evaluated on; `None` if it is unknown.
    pub training: Option<&'a RunConfig>,
    /// Splits that the model learned from, or on which thresholds are chosen: scores on them are no test.
    pub seen: &'a [String],
    /// Whether `report.html` is written.
    pub has_report: bool,
    /// Whether predictions were explained, so that the report has heatmaps.
    pub is_explained: bool,
}

impl Evidence<'_> {
    fn clinical(&self) -> Option<&Clinical> {
        self.found.clinical.as_ref()
    }

    fn clinical_splits(&self) -> impl Iterator<Item = &ClinicalSplit> {
        self.clinical().into_iter().flat_map(|clinical| &clinical.splits)
    }

    fn splits(&self) -> Vec<&str> {
        distinct(self.predictions.splits.iter().map(String::as_str))
    }

    /// The scored splits that chose nothing.
    fn tests(&self) -> Vec<&str> {
        self.splits().into_iter().filter(|split| self.seen.iter().all(|seen| seen != split)).collect()
    }

    /// A section of the report, or the key of `metrics.json` that holds the same.
    fn place(&self, section: &str, key: &str) -> String {
        if self.has_report { format!("report.html, {section}") } else { format!("metrics.json, `{key}`") }
    }

    /// How many samples of how many groups were given, left out and scored.
    pub(super) fn flow(&self) -> Answered {
        let Some(flow) = &self.found.flow else {
            return author("how many were eligible, excluded with reasons, and analysed");
        };
        let (groups, patients) = match flow.scored.groups {
            Some(n) => (format!(" of {n} groups such as patients"), ""),
            None => (String::new(), "; of how many patients"),
        };
        let place = self.place("Summary, table of STARD", "flow");
        partly(
            format!("{place}: {} images scored{groups}, and those left out by split.", flow.scored.samples),
            format!("those excluded before the manifest was made, with reasons{patients}"),
        )
    }

    pub(super) fn partitions(&self) -> Answered {
        let splits = self.splits().join(", ");
        match self.training {
            Some(_) => partly(
                format!("config.toml of the run names its splits; scored here: {splits}."),
                "how images came into them; `isnet data import` deals patients by seed, other manifests bring their own",
            ),
            None => author(format!("how data were divided; scored here: {splits}")),
        }
    }

    pub(super) fn disjoint(&self) -> Answered {
        if self.predictions.is_grouped() {
            partly(
                "Groups such as patients are known (column `group` of the predictions).",
                "that none is in two parts, which `isnet data check` finds",
            )
        } else {
            author("whether images of one patient are in one split only: no column names patients, see `--group`")
        }
    }

    /// The network, with nothing of where it can be had.
    pub(super) fn architecture(&self) -> Answered {
        self.architecture_in_words().map_or_else(|| author("the model: only its predictions are known here"), yes)
    }

    /// The network, its weights, and where others find them.
    pub(super) fn full_model(&self) -> Answered {
        match self.architecture_in_words() {
            Some(words) => {
                partly(format!("{words} Weights: model.safetensors."), "where others find both, and under what terms")
            }
            None => author("the model, where it can be had and under what terms: only its predictions are known here"),
        }
    }

    fn architecture_in_words(&self) -> Option<String> {
        self.model.map(|model| {
            format!(
                "model.json: {} with {} classes, input {} × {} × {}, {} parameters; `isnet models` lists the layers.",
                model.architecture.name,
                model.classes.len(),
                model.preparation.height,
                model.preparation.width,
                model.preparation.channels,
                model.graph.params().map(|(_, spec)| spec.len()).sum::<usize>()
            )
        })
    }

    /// What the configuration of the training says, all that is asked.
    pub(super) fn of_training(&self, what: &str) -> Answered {
        match self.training {
            Some(_) => yes(format!("config.toml of the run: {what}.")),
            None => author(format!("{what}: how the model was trained is not known here")),
        }
    }

    /// What the configuration of the training says, where that is not all that is asked.
    pub(super) fn of_training_and(&self, what: &str, add: &str) -> Answered {
        match self.of_training(what) {
            Answered::Yes(has) => partly(has, add),
            other => other,
        }
    }

    /// How the model wants its images; what came before the manifest it does not know.
    pub(super) fn preparation(&self, add: &str) -> Answered {
        match self.model {
            Some(_) => partly("model.json: size, fit, channels and normalisation of images.", add),
            None => author("preprocessing: only predictions are known here"),
        }
    }

    pub(super) fn initial_weights(&self) -> Answered {
        let Some(config) = self.training else { return self.of_training("seed and initial weights") };
        match &config.model.weights {
            Some(_) => partly(
                "config.toml of the run: seed, and the file of `model.weights`.",
                "where that file comes from and what it was trained on",
            ),
            None => yes(format!("config.toml of the run: random weights by seed {}.", config.seed)),
        }
    }

    pub(super) fn software(&self) -> Answered {
        let others = "other software, such as that which made the masks";
        match (self.training, self.has_report) {
            (Some(_), _) => {
                partly("versions.json of the run: isnet, the compiler, operating system and device.", others)
            }
            (None, true) => partly(
                "report.html, How to repeat it: the version of isnet that scored.",
                format!("the software that trained the model; {others}"),
            ),
            (None, false) => author(format!("software and its versions; {others}")),
        }
    }

    pub(super) fn missing(&self) -> Answered {
        match self.model {
            Some(_) => partly(
                "Images without a mask are scored but have no background share; images without a label are refused.",
                "how images came to be missing",
            ),
            None => author("how missing data were handled: only predictions are known here"),
        }
    }

    pub(super) fn bad_input(&self) -> Answered {
        match self.model {
            Some(_) => partly(
                "Unreadable images are errors with their file; mask-less ones are predicted.",
                "what a clinic does with them",
            ),
            None => author("what is done with poor or missing images"),
        }
    }

    pub(super) fn predictions(&self) -> Answered {
        match self.model {
            Some(_) => {
                yes("`isnet evaluate` applies model.json and model.safetensors; predictions.csv holds the result.")
            }
            None => author("how predictions were calculated: they were made elsewhere"),
        }
    }

    pub(super) fn metrics(&self) -> Answered {
        let place = self.place("Scores", "statistics");
        partly(
            format!(
                "{place}: accuracy, F1, AUC and others per split, source and class, by the conventions of scikit-learn (docs/statistics.md)."
            ),
            "why these, and which one the study was made for",
        )
    }

    pub(super) fn uncertainty(&self) -> Answered {
        let statistics = &self.found.statistics;
        if statistics.rows.iter().all(|row| row.interval().is_none()) {
            return author("intervals: none were asked for");
        }
        let by = if statistics.grouped { ", samples of one group together" } else { "" };
        let place = self.place("captions of Summary and Scores", "statistics");
        yes(format!(
            "{place}: methods of the intervals ({:.0} %{by}); docs/statistics.md says how well they cover.",
            100.0 * statistics.confidence
        ))
    }

    /// The scores with intervals, of the splits that were scored.
    pub(super) fn scores(&self) -> Answered {
        match self.uncertainty() {
            Answered::Yes(has) => partly(
                format!("{has} Scored: {}.", self.splits().join(", ")),
                "the parts that were not scored (`--split`), and what readers or other models reach",
            ),
            other => other,
        }
    }

    /// Sensitivity and specificity at a threshold that was fixed on other samples.
    pub(super) fn operating(&self) -> Answered {
        let Some(clinical) = self.clinical().filter(|clinical| !clinical.thresholds.is_empty()) else {
            return partly(
                format!("{}: AUC, recall and specificity of each class.", self.place("Scores", "statistics")),
                "an operating point fixed on validation samples: `--operating-point`",
            );
        };
        let place = self.place("Clinical use", "clinical");
        let has = format!(
            "{place}: sensitivity, specificity, PPV, NPV and likelihood ratios at thresholds that `{}` chose on validation samples.",
            clinical.thresholds[0].rule
        );
        let points = || clinical.splits.iter().flat_map(|split| &split.operating_points);
        let is_sure = points().all(|it| it.sensitivity.interval.is_some() && it.specificity.interval.is_some());
        let seen: Vec<&str> = self.splits().into_iter().filter(|split| !self.tests().contains(split)).collect();
        if !seen.is_empty() {
            let seen = seen.join(", ");
            partly(has, format!("figures of other samples only: on {seen} the model learned or thresholds were chosen"))
        } else if !clinical.without_threshold.is_empty() {
            let classes: Vec<&str> = clinical.without_threshold.iter().map(|it| it.class.as_str()).collect();
            partly(has, format!("classes for which no threshold was found: {}", classes.join(", ")))
        } else if !is_sure {
            partly(has, "intervals where there are none, as for classes without samples")
        } else {
            yes(has)
        }
    }

    /// What the model says, and from where on that is a decision.
    pub(super) fn output(&self) -> Answered {
        let has_thresholds = self.clinical().is_some_and(|clinical| !clinical.thresholds.is_empty());
        match self.operating() {
            Answered::Yes(has) => partly(format!("Probabilities of each class. {has}"), "why this rule"),
            Answered::Partly { has, add } if has_thresholds => partly(has, format!("why this rule; {add}")),
            _ => partly("Probabilities of each class.", "thresholds and their reason: `--operating-point`"),
        }
    }

    /// Discrimination and calibration with intervals, also of key groups.
    pub(super) fn performance(&self) -> Answered {
        let has = match self.uncertainty() {
            Answered::Yes(scores) => scores,
            other => return other,
        };
        match (self.calibration(), self.subgroups()) {
            (Some(calibration), Answered::Partly { has: groups, .. }) => yes(format!("{has} {calibration} {groups}")),
            (Some(calibration), _) => {
                partly(format!("{has} {calibration}"), "key groups such as sex and age: `--subgroup COLUMN`")
            }
            (None, _) => partly(has, "calibration, and key groups"),
        }
    }

    fn calibration(&self) -> Option<String> {
        let has_interval =
            self.clinical_splits().flat_map(|split| &split.calibration).any(|it| it.slope.interval.is_some());
        has_interval.then(|| {
            let place = self.place("Calibration", "clinical.splits[].calibration");
            format!("{place}: intercept and slope with intervals, test and error.")
        })
    }

    pub(super) fn subgroups(&self) -> Answered {
        let found = self.clinical_splits().flat_map(|split| &split.subgroups);
        let names = distinct(found.map(|it| it.found.attribute.as_str()));
        if names.is_empty() {
            author("performance in subgroups such as sex and age: `--subgroup COLUMN`")
        } else {
            let place = self.place("Clinical use", "clinical.splits[].subgroups");
            partly(
                format!("{place}: scores by {} with tests of whether they differ.", names.join(", ")),
                "which groups matter here, and what follows",
            )
        }
    }

    pub(super) fn sources(&self) -> Answered {
        let sources = distinct(self.predictions.sources.iter().map(String::as_str));
        match sources.len() {
            0 | 1 => author("whether performance differs between centres: all samples have one source"),
            n => partly(
                format!("{}: every score of each of {n} sources with intervals.", self.place("Scores", "statistics")),
                "whether sources are centres, and whether they differ: `--subgroup source` tests it",
            ),
        }
    }

    pub(super) fn internal(&self) -> Answered {
        let tests = self.tests();
        if tests.is_empty() {
            return author("a test: the model learned from all that was scored, or thresholds were chosen on it");
        }
        let place = self.place("Scores", "statistics");
        partly(
            format!("{place}: {}.", tests.join(", ")),
            "that no image of them chose anything, and how scores on training images compare (`--split`)",
        )
    }

    /// Splits whose name says that they come from elsewhere.
    pub(super) fn external(&self) -> Answered {
        let is_external = |split: &&str| {
            let name = split.to_lowercase();
            name.split(|letter: char| !letter.is_alphanumeric()).any(|word| matches!(word, "ood" | "external"))
        };
        let external: Vec<&str> = self.tests().into_iter().filter(is_external).collect();
        match external.is_empty() {
            false => partly(
                format!("{}: {}, by name.", self.place("Scores", "statistics"), external.join(", ")),
                "where those images come from, and that none was trained on",
            ),
            true => author("tests on data of other hospitals: evaluate with `--config` of such a manifest"),
        }
    }

    /// Relevance; whether it can be trusted, an audit finds.
    pub(super) fn explained(&self) -> Answered {
        let has_share =
            self.found.statistics.rows.iter().any(|row| row.score == Score::BackgroundShare && row.value.is_some());
        let share = format!("{}: share of relevance on the background.", self.place("Scores", "statistics"));
        let pictures = "report.html, Pictures: relevance (LRP) of images right and wrong.";
        let add = "how the explanation was validated: `isnet audit`";
        match (self.is_explained && self.has_report, has_share) {
            (true, true) => partly(format!("{pictures} {share}"), add),
            (true, false) => partly(pictures, format!("the share on the background, which needs masks; {add}")),
            (false, true) => partly(share, format!("pictures, which the report has; {add}")),
            (false, false) => author("explanations: evaluate a model without `--no-explain`"),
        }
    }

    pub(super) fn failures(&self) -> Answered {
        let decisions = if self.model.is_some() { "predictions.csv" } else { "the table itself" };
        let pictures = if self.is_explained && self.has_report {
            "report.html, Pictures: the surest wrong decisions; "
        } else {
            ""
        };
        let confusion = self.place("Curves and confusion", "splits");
        partly(
            format!("{pictures}{confusion}: what is taken for what; {decisions}: every decision."),
            "what the wrong ones have in common, and what they mean in practice",
        )
    }

    pub(super) fn usefulness(&self) -> Answered {
        let has_curves =
            self.clinical_splits().flat_map(|split| &split.decision_curves).any(|curve| !curve.points.is_empty());
        if !has_curves {
            return author(
                "what it would change in practice; decision curves are made of at most 8 classes, or of `--class`",
            );
        }
        let at =
            self.clinical_splits().flat_map(|split| &split.operating_points).any(|it| !it.at_prevalence.is_empty());
        let at = match at {
            true => format!("; {}: PPV and NPV at stated prevalences", self.place("Clinical use", "clinical")),
            false => String::new(),
        };
        partly(format!("decision_curves.csv: net benefit{at}."), "the intended role, and what stands in its way")
    }

    pub(super) fn ensemble(&self) -> Answered {
        match self.model {
            Some(_) => yes("One model was evaluated, without others beside it."),
            None => author("whether several models were averaged: only predictions are known here"),
        }
    }

    pub(super) fn availability(&self) -> Answered {
        match (self.model, self.has_report) {
            (Some(_), _) => partly(
                "model.safetensors and model.json are the model, for isnet.",
                "where software, model and data can be had",
            ),
            (None, true) => partly(
                "report.html, How to repeat it: the version of isnet that scored.",
                "where software, model and data can be had",
            ),
            (None, false) => author("where software, model and data can be had"),
        }
    }

    pub(super) fn code(&self) -> Answered {
        match self.has_report {
            true => partly("report.html, How to repeat it: version and command.", "where the code can be had"),
            false => author("where the code can be had, version and command"),
        }
    }

    pub(super) fn events(&self) -> Answered {
        let place = self.place("Scores", "statistics");
        partly(
            format!("{place}: samples of each scored split and source, and of each class."),
            "the same of training and tuning, and of patients where images are counted",
        )
    }

    pub(super) fn updating(&self) -> Answered {
        match self.model {
            Some(model) => match &model.scaling {
                Some(scaling) => yes(format!("model.json: probabilities are scaled on validation data, {scaling}.")),
                None => partly(
                    "model.json: no recalibration is stored with the model.",
                    "whether there was another; `isnet calibrate` does one",
                ),
            },
            None => author("whether the model was updated: only predictions are known here"),
        }
    }

    pub(super) fn updated(&self) -> Answered {
        match self.model.and_then(|model| model.scaling.as_ref()) {
            Some(scaling) => partly(
                format!("model.json: {scaling}; the scores here are those after it."),
                "those before it, which `isnet calibrate` writes to calibration/report.html",
            ),
            None => author("the updated model and its performance, if there was an update"),
        }
    }
}
