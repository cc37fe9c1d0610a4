//! Weights drawn anew, from the head upwards, and what follows where maps stay as they were.

use std::collections::BTreeSet;

use burn::tensor::{DType, Device};
use isnet_data::rng::stream;
use isnet_graph::{Graph, ParamId, Params};
use serde::Serialize;

use super::rank::spearman;
use crate::estimate::Estimate;
use crate::maps::Map;
use crate::settings::Question;
use crate::subject::Subject;
use crate::verdict::{Missing, Outcome, Threshold, Verdict};

/// Key of the weights of randomised models: `[WEIGHTS, bytes of the parameter's name…]`. A training starts from another address
/// (seed and name alone), so that no model is ever compared with its own start.
const WEIGHTS: u64 = 509;
/// Images from which on the answers of two models are compared: among fewer, ranks agree by chance.
const LEAST_IMAGES: usize = 8;
/// Rank correlation of answers from which on a part is said to have changed nothing but a scale.
const SAME_ANSWERS: f64 = 0.9;

/// How much maps change when weights are drawn anew.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Randomised {
    /// Which weights: `head`, `second half`, `all`. Each has those before it.
    pub weights: &'static str,
    /// Mean Spearman correlation of |relevance|, over the images whose maps have any.
    pub correlation: Option<Estimate>,
    /// How alike the answers are: of the logits that the maps explain, |Spearman's correlation| over the images. Near 1 the new
    /// weights made the same model up to a scale, whose maps must be alike. `None` for fewer than eight images.
    pub answers: Option<f64>,
}

/// The model with some of its weights drawn anew.
pub(super) struct Stage {
    /// Which weights.
    pub weights: &'static str,
    pub params: Params,
}

/// The model with the weights of its head, of the second half with the head, and with all weights drawn anew.
pub(super) fn stages(subject: &Subject<'_>) -> [Stage; 3] {
    let (graph, trained) = (&subject.model.graph, &subject.model.params);
    let fresh = drawn_anew(graph, subject.settings.seed, &trained.values()[0].device().inner());
    let head = head(graph);
    let half = graph.params().count() / 2;
    let stage = |weights, is_new: &dyn Fn(ParamId) -> bool| {
        let mut params = trained.clone();
        for (id, _) in graph.params().filter(|(id, _)| is_new(*id)) {
            params.set(id, fresh.flat(id));
        }
        Stage { weights, params }
    };
    [
        stage("head", &|id| head.contains(&id)),
        stage("second half", &|id| head.contains(&id) || id.index() >= half),
        stage("all", &|_| true),
    ]
}

/// Weights from the distributions that a training starts from, but from an address of their own.
fn drawn_anew(graph: &Graph, seed: u64, device: &Device) -> Params {
    Params::from_fn(graph, device, DType::F32, |spec| {
        let key: Vec<u64> = std::iter::once(WEIGHTS).chain(spec.name.bytes().map(u64::from)).collect();
        spec.draw(&mut stream(seed, &key)).into_iter().map(f64::from).collect()
    })
}

/// The parameters that the logits meet last: those of the node of the logits, or of the nearest before it that have any.
fn head(graph: &Graph) -> BTreeSet<ParamId> {
    let mut head = BTreeSet::new();
    let mut ahead = vec![graph.logits()];
    while let Some(id) = ahead.pop() {
        let node = graph.node(id);
        let params = node.op.params();
        if params.is_empty() {
            ahead.extend(&node.inputs);
        }
        head.extend(params);
    }
    head
}

/// The explained quantity of every image, by the trained model and by each randomised one.
pub(super) struct Answers {
    classes: Vec<usize>,
    trained: Vec<Vec<f32>>,
    randomised: Vec<Vec<Vec<f32>>>,
}

impl Answers {
    pub fn new(n_stages: usize) -> Self {
        Self { classes: Vec::new(), trained: Vec::new(), randomised: vec![Vec::new(); n_stages] }
    }

    /// The answers and decisions of the trained model for the next images.
    pub fn add_trained(&mut self, maps: &[Map]) {
        self.classes.extend(maps.iter().map(|map| map.class));
        self.trained.extend(maps.iter().map(|map| map.logits.clone()));
    }

    /// The answers of a randomised model for the same images.
    pub fn add_randomised(&mut self, stage: usize, maps: &[Map]) {
        self.randomised[stage].extend(maps.iter().map(|map| map.logits.clone()));
    }

    /// See [`Randomised::answers`]: the mean over the explained classes, by how many images each is explained for.
    pub fn alike(&self, stage: usize) -> Option<f64> {
        if self.classes.len() < LEAST_IMAGES {
            return None;
        }
        let of_class = |rows: &[Vec<f32>], class: usize| rows.iter().map(|row| row[class]).collect::<Vec<f32>>();
        let alike = |class: usize| {
            let (trained, randomised) = (of_class(&self.trained, class), of_class(&self.randomised[stage], class));
            // Equal logits for all images are answers that have changed.
            spearman(&trained, &randomised).unwrap_or(0.0).abs()
        };
        let explained: BTreeSet<usize> = self.classes.iter().copied().collect();
        let count = |class: usize| self.classes.iter().filter(|explained| **explained == class).count() as f64;
        let total: f64 = explained.into_iter().map(|class| count(class) * alike(class)).sum();
        Some(total / self.classes.len() as f64)
    }
}

/// Holds the largest correlation against the threshold.
///
/// Maps that stay the same for a model of random weights alone show the image: the verdict fails. Where they stay the same for random
/// weights in *one part*, it is undecided: maps that ignore this part look so, but so do right maps, if the
/// part weighs features that lie in the same places (as where the features of an ISNet are 0 outside the mask), or if the new weights
/// answer the same up to a scale (as a head of one feature does). Binder et al., "Shortcomings of Top-Down
/// Randomization-Based Sanity Checks" (CVPR 2023), show that this is common at the head.
pub(super) fn verdict(found: Result<&[Randomised], &Missing>, threshold: Threshold) -> Verdict {
    let value = found.and_then(|stages| worst(stages).ok_or(&Missing::RandomisedMaps));
    let figure = "largest correlation with the maps of a randomised model";
    let verdict = Verdict::of(Question::Faithfulness, figure, value, threshold);
    let (Ok(stages), Ok(_)) = (found, value) else { return verdict };
    let values: Vec<String> =
        stages.iter().filter_map(|stage| Some(format!("{} {:.3}", stage.weights, stage.correlation?.value))).collect();
    let verdict = verdict.noting(Some(format!("weights drawn anew: {}", values.join(", "))));
    let stays = |stage: &&Randomised| stage.correlation.is_some_and(|estimate| !threshold.holds(estimate.value));
    let is_random = |stage: &&Randomised| stage.weights == "all";
    let of_all = stages.iter().find(is_random).and_then(|stage| stage.correlation);
    if of_all.is_some_and(|estimate| threshold.outcome(&estimate) == Outcome::Failed) {
        return verdict.noting(Some(
            "the maps are much the same for a model that has learned nothing: they show the image, not the model"
                .to_owned(),
        ));
    }
    let parts = stages.iter().filter(|stage| !is_random(stage)).filter(stays);
    parts.fold(verdict.undecided(), |verdict, stage| verdict.noting(Some(why(stage))))
}

/// The largest correlation; none if the maps of the model with all weights drawn anew cannot be compared.
fn worst(stages: &[Randomised]) -> Option<Estimate> {
    let all = stages.last()?.correlation?;
    let each = stages.iter().filter_map(|stage| stage.correlation);
    Some(each.fold(all, |worst, estimate| if estimate.value > worst.value { estimate } else { worst }))
}

/// What it may mean that maps stay as they were with one part drawn anew.
fn why(stage: &Randomised) -> String {
    let (part, but) = (stage.weights, "with all weights drawn anew the maps do change");
    match stage.answers {
        Some(alike) if alike >= SAME_ANSWERS => format!(
            "undecided: with the {part} drawn anew the maps stay alike, but so do the answers, up to a scale (rank \
             correlation {alike:.3}): this part changes too little to test the maps by; {but}"
        ),
        Some(alike) => format!(
            "undecided: with the {part} drawn anew the maps stay alike while the answers change (rank correlation \
             {alike:.3}): the maps show where the model looks but hardly what the {part} makes of it, or the {part} weighs \
             features that lie in the same places; {but}"
        ),
        None => format!(
            "undecided: with the {part} drawn anew the maps stay alike; fewer than {LEAST_IMAGES} images cannot say \
             whether the answers do, too; {but}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use isnet_graph::GraphBuilder;
    use isnet_statistics::{Interval, IntervalMethod};

    use super::*;

    fn stage(weights: &'static str, correlation: f64, answers: f64) -> Randomised {
        let (low, high) = (correlation - 0.02, correlation + 0.02);
        let interval = Some(Interval { method: IntervalMethod::BootstrapBca, low, high });
        Randomised {
            weights,
            correlation: Some(Estimate { value: correlation, interval, n: 20 }),
            answers: Some(answers),
        }
    }

    fn verdict_of(correlations: [f64; 3], answers: f64) -> Verdict {
        let [head, half, all] = correlations;
        let stages = [stage("head", head, answers), stage("second half", half, 0.1), stage("all", all, 0.0)];
        verdict(Ok(&stages), Threshold::at_most("--max", 0.5))
    }

    #[test]
    fn maps_that_one_randomised_part_leaves_as_they_were_never_pass() {
        let passed = verdict_of([0.4, 0.2, 0.1], 0.0);
        assert_eq!((passed.outcome, passed.value.map(|value| value.value)), (Outcome::Passed, Some(0.4)));
        let head = verdict_of([0.98, 0.2, 0.1], 0.3);
        assert_eq!((head.outcome, head.value.map(|value| value.value)), (Outcome::Undecided, Some(0.98)));
        let notes = head.notes.join("; ");
        for words in [
            "undecided",
            "with the head drawn anew",
            "the answers change (rank correlation 0.300)",
            "second half 0.200",
        ] {
            assert!(notes.contains(words), "`{words}` is not in {notes}");
        }
        let all = verdict_of([0.98, 0.6, 0.7], 0.3);
        assert_eq!((all.outcome, all.value.map(|value| value.value)), (Outcome::Failed, Some(0.98)));
        assert!(all.notes.iter().any(|note| note.contains("show the image")), "{:?}", all.notes);
        assert_eq!(verdict_of([0.1, 0.2, 0.7], 0.3).outcome, Outcome::Failed);
        assert_eq!(verdict_of([0.1, 0.2, 0.51], 0.3).outcome, Outcome::Undecided); // 0.49 to 0.53
    }

    #[test]
    fn a_part_that_only_scales_is_explained() {
        let notes = verdict_of([1.0, 0.2, 0.1], 1.0).notes.join("; ");
        assert!(notes.contains("so do the answers, up to a scale (rank correlation 1.000)"), "{notes}");
    }

    #[test]
    fn without_maps_of_the_wholly_random_model_there_is_no_verdict() {
        let none = Randomised { correlation: None, ..stage("all", 0.0, 0.0) };
        let found = verdict(Ok(&[stage("head", 0.1, 0.1), none]), Threshold::at_most("--max", 0.5));
        assert_eq!(found.outcome, Outcome::NotAnswerable);
    }

    /// Class 0 has logits 0..8 and, anew, their squares: the same ranks. Class 1 is never explained.
    #[test]
    fn answers_are_alike_if_they_rank_the_images_alike() {
        let alike = |of: &dyn Fn(f32) -> f32, n: u8| {
            let mut answers = Answers::new(1);
            for logit in (0..n).map(f32::from) {
                let map = |logit| Map { values: Vec::new(), class: 0, logits: vec![logit, 7.0] };
                answers.add_trained(&[map(logit)]);
                answers.add_randomised(0, &[map(of(logit))]);
            }
            answers.alike(0)
        };
        assert_eq!(alike(&|logit| logit * logit, 8), Some(1.0));
        assert_eq!(alike(&|logit| -logit, 8), Some(1.0));
        assert_eq!(alike(&|_| 1.0, 8), Some(0.0));
        assert_eq!(alike(&|logit| logit, 7), None);
    }

    #[test]
    fn the_head_is_what_the_logits_meet_last() {
        let mut build = GraphBuilder::new(1);
        let image = build.input();
        let first = build.dense("first", image, 4, 4);
        let [left, right] = ["left", "right"].map(|name| build.dense(name, first, 4, 2));
        let logits = build.add("sum", &[left, right]);
        let graph = build.finish(logits).expect("valid");
        let names: Vec<&str> = head(&graph).into_iter().map(|id| graph.param(id).name.as_str()).collect();
        assert_eq!(names, ["left.weight", "left.bias", "right.weight", "right.bias"]);
    }
}
