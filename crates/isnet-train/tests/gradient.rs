//! d(loss)/d(parameter) through relevance: Burn's backward pass against central finite differences in `f64`.
//!
//! The loss curves strongly (`a/(a + ε)` with ε = 0.01) and has kinks (ReLU, `|R|`, ranks, arg-max), so every entry is
//! differenced with two steps; where they disagree, a kink lies between and the entry is counted instead of compared.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{Graph, NodeId, Op, ParamId, Params};
use isnet_loss::{ClassificationLoss, ForegroundForm, ForegroundRange, HeatmapLoss, Mask, Targets};
use isnet_lrp::{Composite, FirstLayer, OutputSelector, Quantity, Rule, Target};
use isnet_testkit::seeded;
use isnet_testkit::tiny::{self, CLASSES, Tiny};
use isnet_train::{Batch, Evaluation, HeatmapObjective, Objective, Phase};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SAMPLES: usize = 3;
const HEATMAP_WEIGHT: f64 = 0.7;
/// Two steps of the finite differences.
const STEPS: [f64; 2] = [1e-6, 5e-7];
/// Relative difference of the two quotients from which on an entry counts as lying at a kink.
const KINK: f64 = 1e-4;
/// Largest difference between backward pass and quotient, relative to the largest of them in the parameter.
const TOLERANCE: f64 = 1e-5;
/// Entries of each parameter that are differenced.
const ENTRIES: usize = 2;

const TIMES_INPUT: Composite = Composite { epsilon: 0.01, first_layer: FirstLayer::TimesInput };
const UP_TO_25: ForegroundRange = ForegroundRange { min: 1.0, max: 25.0 };
/// So low that most maps lie above it, many beyond `C1 + C2`.
const LOW: ForegroundRange = ForegroundRange { min: 0.05, max: 0.1 };

/// η of the true label.
const ETA_OF_LABEL: OutputSelector =
    OutputSelector { target: Target::Label, quantity: Quantity::Eta { epsilon: 1e-2 } };
const LABEL: OutputSelector = OutputSelector { target: Target::Label, quantity: Quantity::Logit };

#[test]
fn all_classes_times_input() {
    check(&objective(OutputSelector::all_classes(), TIMES_INPUT, UP_TO_25, ForegroundForm::L2), &single_label());
}

#[test]
fn all_classes_z_box_above_the_range() {
    check(&objective(OutputSelector::all_classes(), Composite::isnet(), LOW, ForegroundForm::Hybrid), &single_label());
}

#[test]
fn selective_times_input_above_the_range() {
    check(&objective(OutputSelector::selective(1e-2), TIMES_INPUT, LOW, ForegroundForm::L2), &single_label());
}

#[test]
fn selective_z_box() {
    let selective = OutputSelector::selective(1e-2);
    check(&objective(selective, Composite::isnet(), UP_TO_25, ForegroundForm::Hybrid), &single_label());
}

#[test]
fn label_times_input() {
    check(&objective(LABEL, TIMES_INPUT, LOW, ForegroundForm::Hybrid), &single_label());
}

#[test]
fn eta_of_label_z_box() {
    check(&objective(ETA_OF_LABEL, Composite::isnet(), LOW, ForegroundForm::L2), &single_label());
}

#[test]
fn selective_on_several_labels_at_once() {
    let rows = vec![vec![1.0, 0.0, 1.0], vec![0.0, 0.0, 0.0], vec![0.0, 1.0, 1.0]];
    let selective = OutputSelector::selective(1e-2);
    check(&objective(selective, TIMES_INPUT, UP_TO_25, ForegroundForm::L2), &Targets::MultiLabel(rows));
}

#[test]
fn deep_supervision() {
    for composite in [TIMES_INPUT, Composite::isnet()] {
        let mut objective = objective(OutputSelector::all_classes(), composite, UP_TO_25, ForegroundForm::Hybrid);
        objective.lds_decay = Some(0.5);
        let supervised = tiny::all().into_iter().filter(|tiny| !tiny.graph.supervised().is_empty());
        assert_eq!(check_graphs(supervised, &objective, &single_label()), 2, "tiny graphs with supervised nodes");
    }
}

#[test]
fn without_heatmap_weight_the_gradient_is_the_plain_classifiers() {
    for tiny in tiny::all() {
        let case = Case::new(&tiny, single_label(), [true; SAMPLES]);
        let isnet = training(&tiny, Some(all_classes_z_box()));
        let plain = case.gradients(&training(&tiny, None), HEATMAP_WEIGHT);
        assert_eq!(case.gradients(&isnet, 0.0), plain, "{}", tiny.name);
        assert_ne!(case.gradients(&isnet, HEATMAP_WEIGHT), plain, "{}: the heatmap counts", tiny.name);
    }
}

#[test]
fn a_batch_without_masks_is_classified_only() {
    for tiny in tiny::all() {
        let case = Case::new(&tiny, single_label(), [false; SAMPLES]);
        let isnet = training(&tiny, Some(all_classes_z_box()));
        let found = case.evaluate(&isnet, &case.params, HEATMAP_WEIGHT);
        assert!(found.heatmap.is_none() && found.relevance.is_none(), "{}", tiny.name);
        assert_eq!(
            case.gradients(&isnet, HEATMAP_WEIGHT),
            case.gradients(&training(&tiny, None), 0.0),
            "{}: the whole gradient, not 1 − P of it",
            tiny.name
        );
    }
}

#[test]
fn a_sample_without_a_mask_adds_nothing_to_the_heatmap_gradient() {
    // P = 1 leaves the heatmap loss alone. The third sample, without a mask, may hold anything.
    for tiny in tiny::all() {
        let isnet = training(&tiny, Some(all_classes_z_box()));
        let mut case = Case::new(&tiny, single_label(), [true, true, false]);
        let before = case.gradients(&isnet, 1.0);
        let [_, height, width, channels] = case.image.dims();
        let other = seeded::image("another image", [1, channels, height, width], &Device::flex(), DType::F64);
        case.image = Tensor::cat(vec![case.image.clone().narrow(0, 0, 2), other], 0);
        assert_close(&case.gradients(&isnet, 1.0), &before, 1e-12, tiny.name);
        case.known = [true; SAMPLES];
        assert_ne!(case.gradients(&isnet, 1.0), before, "{}: with its mask it counts", tiny.name);
        // And the mean is over the samples with a mask: the two alone have the same gradient.
        case.known = [true, true, false];
        let pair = case.first(2);
        assert_close(&pair.gradients(&isnet, 1.0), &before, 1e-12, tiny.name);
    }
}

fn single_label() -> Targets {
    Targets::SingleLabel(vec![2, 0, 1])
}

fn all_classes_z_box() -> Unplanned {
    objective(OutputSelector::all_classes(), Composite::isnet(), UP_TO_25, ForegroundForm::L2)
}

/// A heatmap objective before its composite is planned on a graph.
struct Unplanned {
    selector: OutputSelector,
    composite: Composite,
    loss: HeatmapLoss,
    lds_decay: Option<f64>,
}

fn objective(
    selector: OutputSelector,
    composite: Composite,
    foreground_range: ForegroundRange,
    foreground_form: ForegroundForm,
) -> Unplanned {
    let loss = HeatmapLoss { foreground_range, foreground_form, ..HeatmapLoss::default() };
    assert_eq!(loss.background.gwrp_decay, 0.9, "the preset of small images");
    Unplanned { selector, composite, loss, lds_decay: None }
}

fn training(tiny: &Tiny, heatmap: Option<Unplanned>) -> Objective {
    let plan = |objective: Unplanned| HeatmapObjective {
        plan: objective.composite.plan(&tiny.graph).expect("a plan"),
        selector: objective.selector,
        loss: objective.loss,
        lds_decay: objective.lds_decay,
    };
    Objective { classification: ClassificationLoss::default(), heatmap: heatmap.map(plan) }
}

/// A tiny graph with parameters, images and masks.
struct Case<'a> {
    graph: &'a Graph,
    params: Params,
    image: Tensor<4>,
    masks: Tensor<4>,
    known: Vec<bool>,
    targets: Targets,
}
