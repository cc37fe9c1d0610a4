//! d(loss)/d(parameter) through relevance: Burn's backward pass against central finite differences in `f64`.
//!
//! The loss curves strongly (`a/(a + ε)` with ε = 0.01) and has kinks (ReLU, `|R|`, ranks, arg-max), so every entry is
//! differenced with two steps; where they disagree, a kink lies between and the entry is counted instead of compared.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{Graph, NodeId, Op, ParamId, Params};
use isnet_loss::{ClassificationLoss, ForegroundForm, ForegroundRange, HeatmapLoss, Mask, Targets};
use isnet_lrp::{Composite, FirstLayer, OutputSelector, Quantity, Rule, Target};
use isnet_testkit::seeded;
use isnet_testkit::tiny::{self, Tiny};
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
#[derive(Clone)]
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

impl<'a> Case<'a> {
    fn new(tiny: &'a Tiny, targets: Targets, known: [bool; SAMPLES]) -> Self {
        let ([height, width], channels) = (tiny.size, tiny.graph.input_channels());
        let device = Device::flex();
        // A block of foreground in another corner of each sample.
        let pixel = |index: usize| {
            let (sample, row, column) = (index / (height * width), index / width % height, index % width);
            f64::from(u8::from((row < height / 2) == (sample != 1) && (column < 2) == (sample != 2)))
        };
        let pixels: Vec<f64> = (0..SAMPLES * height * width).map(pixel).collect();
        Self {
            graph: &tiny.graph,
            params: seeded::params(&tiny.graph, tiny.name, 1.0, &device, DType::F64),
            image: seeded::image(tiny.name, [SAMPLES, channels, height, width], &device, DType::F64),
            masks: Tensor::from_data(TensorData::new(pixels, [SAMPLES, height, width, 1]), (&device, DType::F64)),
            known: known.to_vec(),
            targets,
        }
    }

    /// The first samples alone.
    fn first(&self, samples: usize) -> Case<'a> {
        let Targets::SingleLabel(labels) = &self.targets else { panic!("single labels only") };
        Case {
            graph: self.graph,
            params: self.params.clone(),
            image: self.image.clone().narrow(0, 0, samples),
            masks: self.masks.clone().narrow(0, 0, samples),
            known: self.known[..samples].to_vec(),
            targets: Targets::SingleLabel(labels[..samples].to_vec()),
        }
    }

    fn evaluate(&self, objective: &Objective, params: &Params, heatmap_weight: f64) -> Evaluation {
        let mask = Mask::new(self.masks.clone(), self.known.clone());
        let batch = Batch { image: self.image.clone(), mask, targets: self.targets.clone() };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        objective
            .evaluate((self.graph, params), &batch, heatmap_weight, Phase::Evaluate, &mut rng)
            .expect("labels and selector fit")
    }

    /// The gradient of each parameter by Burn's backward pass, in the order of the graph; buffers and what the loss does not read are 0.
    fn gradients(&self, objective: &Objective, heatmap_weight: f64) -> Vec<Vec<f64>> {
        let tracked = self.params.tracked(self.graph, |_, _| true);
        let gradients = self.evaluate(objective, &tracked, heatmap_weight).total.backward();
        let of_param = |id| tracked.flat(id).grad(&gradients).map(values);
        self.graph.params().map(|(id, spec)| of_param(id).unwrap_or_else(|| vec![0.0; spec.len()])).collect()
    }

    /// `(L(w + step) − L(w − step)) / 2·step` in one entry.
    fn quotient(&self, objective: &Objective, id: ParamId, entry: usize, step: f64) -> f64 {
        let loss = |shift: f64| {
            let mut value = values(self.params.flat(id));
            value[entry] += shift;
            let mut moved = self.params.clone();
            moved.set(id, Tensor::from_data(TensorData::from(value.as_slice()), (&Device::flex(), DType::F64)));
            values(self.evaluate(objective, &moved, HEATMAP_WEIGHT).total)[0]
        };
        (loss(step) - loss(-step)) / (2.0 * step)
    }

    /// Compares a few entries of each parameter. Returns how many were compared and how many lie at a kink.
    fn compare(&self, objective: &Objective, place: &str) -> [usize; 2] {
        let held = held_constant(self.graph, objective);
        let found = self.gradients(objective, HEATMAP_WEIGHT);
        let largest = found.iter().flatten().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let [mut compared, mut kinks] = [0, 0];
        for (id, spec) in self.graph.params().filter(|(id, spec)| spec.role.is_trainable() && !held.contains(id)) {
            for draw in 0..ENTRIES.min(spec.len()) {
                let entry = (seeded::unit(&spec.name, draw as u64) * spec.len() as f64) as usize;
                let [quotient, finer] = STEPS.map(|step| self.quotient(objective, id, entry, step));
                let scale = quotient.abs() + 1e-2 * largest;
                if (quotient - finer).abs() > KINK * scale {
                    kinks += 1;
                    continue;
                }
                compared += 1;
                let backward = found[id.index()][entry];
                let agrees = (backward - finer).abs() <= TOLERANCE * scale;
                assert!(agrees, "{place}: `{}`[{entry}]: backward {backward}, finite difference {finer}", spec.name);
            }
        }
        [compared, kinks]
    }
}

/// Checks the objective on every tiny graph.
fn check(objective: &Unplanned, targets: &Targets) {
    assert_eq!(check_graphs(tiny::all().into_iter(), objective, targets), tiny::all().len());
}

/// Checks the objective on these graphs; returns their number. The last sample has no mask.
fn check_graphs(graphs: impl Iterator<Item = Tiny>, objective: &Unplanned, targets: &Targets) -> usize {
    let [mut compared, mut kinks, mut count] = [0; 3];
    for tiny in graphs {
        let case = Case::new(&tiny, targets.clone(), [true, true, false]);
        let place = format!("{}, {:?}, {:?}", tiny.name, objective.selector, objective.composite);
        let counts = case.compare(&training(&tiny, Some(objective.clone())), &place);
        compared += counts[0];
        kinks += counts[1];
        count += 1;
    }
    assert!(compared >= 50 * count.min(2), "only {compared} entries were compared");
    assert!(kinks * 50 <= compared, "{kinks} entries at kinks beside {compared}");
    count
}

/// The biases (`b` and β) of the first affine parts under z^B: the relevance pass holds them constant by design, so that the backward pass
/// differs from the finite difference exactly there. No other rule holds anything.
fn held_constant(graph: &Graph, objective: &Objective) -> Vec<ParamId> {
    let rules = objective.heatmap.as_ref().expect("a heatmap").plan.rules();
    let mut open: Vec<NodeId> =
        graph.nodes().map(|(id, _)| id).filter(|id| matches!(rules[id.index()], Rule::ZBox { .. })).collect();
    let mut held = Vec::new();
    while let Some(id) = open.pop() {
        let node = graph.node(id);
        held.extend(match &node.op {
            Op::Conv(conv) => conv.bias,
            Op::Dense(dense) => dense.bias,
            Op::BatchNorm(norm) => Some(norm.bias),
            _ => None,
        });
        open.extend(&node.inputs);
    }
    held
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("floats")
}

fn assert_close(found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64, place: &str) {
    let largest = expected.iter().flatten().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for (index, (found, expected)) in found.iter().flatten().zip(expected.iter().flatten()).enumerate() {
        assert!((found - expected).abs() <= tolerance * largest, "{place}: value {index} is {found}, not {expected}");
    }
}
