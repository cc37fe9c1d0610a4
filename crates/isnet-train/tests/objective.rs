//! The objective as a whole: what P, masks, deep supervision and the kind of labels do to the loss and its gradient.
//!
//! That gradients through relevance equal finite differences, selector by selector, is in `isnet-loss/tests/gradient.rs`.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::Params;
use isnet_loss::{ClassificationLoss, HeatmapLoss, Mask, Targets, heatmap_loss};
use isnet_lrp::{Composite, FirstLayer, OutputSelector, Outputs, dual_plan, explain};
use isnet_testkit::seeded;
use isnet_testkit::tiny::{self, CLASSES, Tiny};
use isnet_train::{Batch, Evaluation, HeatmapObjective, Method, Objective, Phase};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SAMPLES: usize = 3;
const LABELS: [usize; SAMPLES] = [2, 0, 1];

#[test]
fn the_total_weighs_classification_with_one_minus_p_and_the_heatmap_with_p() {
    for tiny in tiny::all() {
        let found = isnet(&tiny).evaluate(&Case::new(&tiny, [true; SAMPLES]), 0.7);
        let heatmap = found.heatmap.expect("masks are known").total;
        assert_close(
            &[scalar(&found.total)],
            &[0.3 * scalar(&found.classification.expect("it classifies")) + 0.7 * scalar(&heatmap)],
            tiny.name,
        );
    }
}

#[test]
fn with_p_zero_the_gradient_is_the_plain_classifiers_and_no_heatmap_is_made() {
    for tiny in tiny::all() {
        let case = Case::new(&tiny, [true; SAMPLES]);
        let plain = plain().gradients(&case, 0.7);
        assert_eq!(isnet(&tiny).gradients(&case, 0.0), plain, "{}", tiny.name);
        assert_ne!(isnet(&tiny).gradients(&case, 0.7), plain, "{}: the heatmap counts", tiny.name);
        let found = isnet(&tiny).evaluate(&case, 0.0);
        assert!(found.heatmap.is_none() && found.relevance.is_none(), "{}: a warm-up costs nothing", tiny.name);
    }
}

#[test]
fn a_batch_without_masks_is_classified_only() {
    for tiny in tiny::all() {
        let case = Case::new(&tiny, [false; SAMPLES]);
        let found = isnet(&tiny).evaluate(&case, 0.7);
        assert!(found.heatmap.is_none() && found.relevance.is_none(), "{}", tiny.name);
        // The whole gradient, not 1 − P of it.
        assert_eq!(isnet(&tiny).gradients(&case, 0.7), plain().gradients(&case, 0.0), "{}", tiny.name);
    }
}

#[test]
fn a_sample_without_a_mask_adds_nothing_to_the_heatmap_gradient() {
    // P = 1 leaves the heatmap loss alone. The last sample has no mask and may hold anything.
    for tiny in tiny::all() {
        let mut case = Case::new(&tiny, [true, true, false]);
        let before = isnet(&tiny).gradients(&case, 1.0);
        let [_, height, width, channels] = case.image.dims();
        let other = seeded::image("another image", [1, channels, height, width], &Device::flex(), DType::F64);
        case.image = Tensor::cat(vec![case.image.narrow(0, 0, 2), other], 0);
        assert_close(&isnet(&tiny).gradients(&case, 1.0).concat(), &before.concat(), tiny.name);
        case.known[2] = true;
        assert_ne!(isnet(&tiny).gradients(&case, 1.0), before, "{}: with its mask it counts", tiny.name);
    }
}

#[test]
fn the_heatmap_loss_is_a_mean_over_the_samples_with_a_mask() {
    for tiny in tiny::all() {
        let loss = |known| scalar(&heatmap_total(&isnet(&tiny).evaluate(&Case::new(&tiny, known), 0.7)));
        let (first, second) = (loss([true, false, false]), loss([false, true, false]));
        assert_close(&[loss([true, true, false])], &[f64::midpoint(first, second)], tiny.name);
    }
}

#[test]
fn deep_supervision_pools_the_losses_of_image_and_supervised_nodes() {
    let supervised: Vec<Tiny> = tiny::all().into_iter().filter(|tiny| !tiny.graph.supervised().is_empty()).collect();
    assert_eq!(supervised.len(), 3);
    for tiny in supervised {
        let case = Case::new(&tiny, [true; SAMPLES]);
        let found = |lds_decay| {
            let mut objective = isnet(&tiny);
            objective.0.method.heatmap_mut().expect("an ISNet").lds_decay = lds_decay;
            objective.evaluate(&case, 0.7)
        };
        let image = scalar(&heatmap_total(&found(None)));
        let hidden = &found(Some(0.5)).relevance.expect("relevance").hidden;
        let mask = Mask::new(case.masks.clone(), case.known.clone());
        let node = scalar(&heatmap_loss(&hidden[0], &mask, CLASSES, &HeatmapLoss::default()).total);
        let (high, low) = (image.max(node), image.min(node));
        assert!(high > 1.01 * low, "{}: the two losses differ", tiny.name);
        // Ranked pooling of two: the mean, (high + low/2)/(1 + 1/2), the maximum.
        for (decay, pooled) in [(1.0, f64::midpoint(high, low)), (0.5, (2.0 * high + low) / 3.0), (0.0, high)] {
            assert_close(&[scalar(&heatmap_total(&found(Some(decay))))], &[pooled], tiny.name);
        }
    }
}

#[test]
fn several_labels_at_once_are_explained_by_their_sigmoids() {
    let rows = vec![vec![1.0, 0.0, 1.0], vec![0.0, 0.0, 0.0], vec![0.0, 1.0, 1.0]];
    let selector = OutputSelector::selective(1e-2);
    for tiny in tiny::all() {
        let case = Case { targets: Targets::MultiLabel(rows.clone()), ..Case::new(&tiny, [true; SAMPLES]) };
        let mut objective = isnet(&tiny);
        objective.0.method.heatmap_mut().expect("an ISNet").selector = selector;
        let found = objective.evaluate(&case, 0.7);
        let plan = Composite::isnet().plan(&tiny.graph).expect("a plan");
        let seeds = selector.seeds(found.trace.logits(), &Outputs::multi_label(), None).expect("a lowest logit");
        let expected = explain(&tiny.graph, &case.params, &found.trace, &plan, seeds.gradient, &[]).heatmap;
        assert_eq!(found.explained, seeds.explained, "{}", tiny.name);
        assert_close(&values(found.relevance.expect("relevance").heatmap), &values(expected), tiny.name);
    }
}

#[test]
fn the_gradient_through_sigmoids_equals_finite_differences() {
    let rows = vec![vec![1.0, 0.0, 1.0], vec![0.0, 0.0, 0.0], vec![0.0, 1.0, 1.0]];
    let times_input = Composite { first_layer: FirstLayer::TimesInput, ..Composite::isnet() };
    let [mut compared, mut kinks] = [0, 0];
    for tiny in tiny::all() {
        let mut case = Case { targets: Targets::MultiLabel(rows.clone()), ..Case::new(&tiny, [true; SAMPLES]) };
        let mut objective = isnet(&tiny);
        let heatmap = objective.0.method.heatmap_mut().expect("an ISNet");
        heatmap.selector = OutputSelector::selective(1e-2);
        heatmap.plan = times_input.plan(&tiny.graph).expect("a plan");
        let backward = objective.gradients(&case, 0.7);
        let largest = backward.iter().flatten().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        for (id, spec) in tiny.graph.params().filter(|(_, spec)| spec.role.is_trainable()) {
            let (value, entry) = (case.params.flat(id), spec.len() / 2);
            let mut difference = |step: f64| {
                let mut loss = |step: f64| {
                    let mut moved = values(value.clone());
                    moved[entry] += step;
                    case.params
                        .set(id, Tensor::from_data(TensorData::from(moved.as_slice()), (&Device::flex(), DType::F64)));
                    scalar(&objective.evaluate(&case, 0.7).total)
                };
                (loss(step) - loss(-step)) / (2.0 * step)
            };
            let (coarse, fine) = (difference(1e-6), difference(5e-7));
            case.params.set(id, value);
            let tolerance = 1e-5 * fine.abs() + 1e-6 * largest;
            if (coarse - fine).abs() > tolerance {
                kinks += 1;
                continue;
            }
            compared += 1;
            let found = backward[id.index()][entry];
            assert!((found - fine).abs() <= 2.0 * tolerance, "{}: `{}` {found}, not {fine}", tiny.name, spec.name);
        }
    }
    assert!(compared > 60 && kinks * 20 < compared, "{compared} compared, {kinks} at kinks");
}

#[test]
fn the_dual_isnet_judges_two_maps_of_every_sample_at_every_supervised_node() {
    for tiny in tiny::all() {
        let case = Case::new(&tiny, [true; SAMPLES]);
        let plan = dual_plan(&Composite::isnet(), &tiny.graph).expect("a plan");
        let trial = |lds_decay| {
            let mut objective = isnet(&tiny);
            let heatmap = objective.0.method.heatmap_mut().expect("an ISNet");
            (heatmap.plan, heatmap.selector, heatmap.lds_decay) = (plan.clone(), OutputSelector::dual(), lds_decay);
            objective.evaluate(&case, 0.7)
        };
        let (alone, deep) = (trial(None), trial(Some(0.0)));
        let relevance = deep.relevance.clone().expect("relevance");
        assert!(deep.explained.is_empty());
        assert_eq!(relevance.heatmap.dims()[0], 2 * SAMPLES, "{}", tiny.name);
        let mask = Mask::new(case.masks.clone(), case.known.clone());
        let maps = std::iter::once(&relevance.heatmap).chain(&relevance.hidden);
        let losses = maps.map(|map| scalar(&heatmap_loss(map, &mask, 2, &HeatmapLoss::default()).total));
        let losses: Vec<f64> = losses.collect();
        assert_eq!(losses.len(), 1 + tiny.graph.supervised().len());
        // Ranked pooling with decay 0 is the maximum.
        let worst = losses.iter().copied().fold(f64::MIN, f64::max);
        assert_close(&[scalar(&heatmap_total(&alone)), scalar(&heatmap_total(&deep))], &[losses[0], worst], tiny.name);
    }
}

#[test]
fn only_training_takes_the_statistics_of_the_batch() {
    let tiny = tiny::all().into_iter().find(|tiny| tiny.name == "batch norm after conv").expect("listed");
    let (case, norm) = (Case::new(&tiny, [true; SAMPLES]), tiny.graph.find("norm0").expect("a batch norm"));
    for (phase, expected) in [(Phase::Train, true), (Phase::Evaluate, false)] {
        let found = isnet(&tiny).evaluate_with(&case, &case.params, 0.7, phase);
        assert_eq!(found.trace.statistics(norm).is_some(), expected, "{phase:?}");
    }
}

/// A graph with parameters and a batch. The masks have their foreground in another corner of each sample.
struct Case<'a> {
    tiny: &'a Tiny,
    params: Params,
    image: Tensor<4>,
    masks: Tensor<4>,
    known: Vec<bool>,
    targets: Targets,
}

impl<'a> Case<'a> {
    fn new(tiny: &'a Tiny, known: [bool; SAMPLES]) -> Self {
        let ([height, width], channels) = (tiny.size, tiny.graph.input_channels());
        let device = Device::flex();
        let pixel = |index: usize| {
            let (sample, row, column) = (index / (height * width), index / width % height, index % width);
            f64::from(u8::from((row < height / 2) == (sample != 1) && (column < 2) == (sample != 2)))
        };
        let pixels: Vec<f64> = (0..SAMPLES * height * width).map(pixel).collect();
        Self {
            tiny,
            params: seeded::params(&tiny.graph, "objective", 1.0, &device, DType::F64),
            image: seeded::image("objective", [SAMPLES, channels, height, width], &device, DType::F64),
            masks: Tensor::from_data(TensorData::new(pixels, [SAMPLES, height, width, 1]), (&device, DType::F64)),
            known: known.to_vec(),
            targets: Targets::SingleLabel(LABELS.to_vec()),
        }
    }
}

/// An objective to try.
struct Trial(Objective);

/// All classes, z^B, presets.
fn isnet(tiny: &Tiny) -> Trial {
    let heatmap = HeatmapObjective {
        plan: Composite::isnet().plan(&tiny.graph).expect("a plan"),
        selector: OutputSelector::all_classes(),
        loss: HeatmapLoss::default(),
        lds_decay: None,
        gate: isnet_run::config::HeatmapLossGate::None,
        every: 1,
    };
    Trial(Objective { method: Method::Isnet(heatmap), ..plain().0 })
}

fn plain() -> Trial {
    Trial(Objective { classification: ClassificationLoss::default(), method: Method::Standard })
}

impl Trial {
    fn evaluate(&self, case: &Case<'_>, heatmap_weight: f64) -> Evaluation {
        self.evaluate_with(case, &case.params, heatmap_weight, Phase::Evaluate)
    }

    fn evaluate_with(&self, case: &Case<'_>, params: &Params, heatmap_weight: f64, phase: Phase) -> Evaluation {
        let mask = Mask::new(case.masks.clone(), case.known.clone());
        let batch = Batch { image: case.image.clone(), mask, targets: case.targets.clone() };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let model = (&case.tiny.graph, params);
        self.0.evaluate(model, &batch, heatmap_weight, phase, &mut rng).expect("labels and selector fit")
    }

    /// The gradient of each parameter, in the order of the graph; 0 for buffers and for what the loss does not read.
    fn gradients(&self, case: &Case<'_>, heatmap_weight: f64) -> Vec<Vec<f64>> {
        let graph = &case.tiny.graph;
        let tracked = case.params.tracked(graph, |_, _| true);
        let gradients = self.evaluate_with(case, &tracked, heatmap_weight, Phase::Evaluate).total.backward();
        let of_param = |id| tracked.flat(id).grad(&gradients).map(values);
        graph.params().map(|(id, spec)| of_param(id).unwrap_or_else(|| vec![0.0; spec.len()])).collect()
    }
}

fn heatmap_total(found: &Evaluation) -> Tensor<1> {
    found.heatmap.as_ref().expect("masks are known").total.clone()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("floats")
}

fn scalar(tensor: &Tensor<1>) -> f64 {
    values(tensor.clone())[0]
}

/// Compares numbers, relative to the largest of all.
fn assert_close(found: &[f64], expected: &[f64], place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}: number of values");
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(largest > 1e-6, "{place}: nothing but zeros to compare with");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-10 * largest, "{place}: value {index} is {found}, not {expected}");
    }
}
