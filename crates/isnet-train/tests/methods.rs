//! The losses of the methods beside ISNet against PyTorch's double backward and against JAX: `golden/method_losses.json` and `rival_losses.json`, made by
//! the scripts beside them.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{Graph, Params};
use isnet_loss::{ClassificationLoss, ForegroundRange, Mask, Targets};
use isnet_models::{Architecture, Stage, build};
use isnet_run::RunConfig;
use isnet_testkit::seeded;
use isnet_train::{Batch, Evaluation, Method, Objective, Phase, methods};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

const GOLDEN: [&str; 2] =
    [include_str!("../../../golden/method_losses.json"), include_str!("../../../golden/rival_losses.json")];
const SEED: &str = "methods";
const SIDE: usize = 12;
/// Top, bottom, left and right of the masks; the last sample has none.
const MASKS: [[usize; 4]; 3] = [[2, 8, 3, 9], [5, 11, 1, 6], [0, 0, 0, 0]];
const VALUES: f64 = 1e-12;
/// Burn differentiates a quotient in f64 to nine digits.
const GRADIENTS: f64 = 1e-7;

#[test]
fn right_for_the_right_reasons_agrees_with_pytorch() {
    let set = [("method.name", "rrr"), ("method.rrr.weight", "50")];
    let graph = build(&isnet_models::plain_cnn::reference(3, 1)).expect("known");
    check("rrr", &graph, &set, single_label());
    check("rrr_multi_label", &graph, &set, multi_label());
}

#[test]
fn the_energy_loss_agrees_with_jax() {
    let set = [("method.name", "energy"), ("method.energy.weight", "0.8")];
    let graph = build(&isnet_models::plain_cnn::reference(3, 1)).expect("known");
    check("energy", &graph, &set, single_label());
    check("energy_multi_label", &graph, &set, multi_label());
}

#[test]
fn the_targeted_activation_penalty_agrees_with_jax() {
    let set = [("method.name", "tap"), ("method.tap.weight", "0.01")];
    let graph = build(&isnet_models::plain_cnn::reference(3, 1)).expect("known");
    check("tap", &graph, &set, single_label());
}

#[test]
fn robustness_to_the_background_agrees_with_jax() {
    let set = [
        ("method.name", "pgd_ex"),
        ("method.pgd_ex.weight", "0.6"),
        ("method.pgd_ex.radius", "0.2"),
        ("method.pgd_ex.steps", "3"),
    ];
    let graph = build(&isnet_models::plain_cnn::reference(3, 1)).expect("known");
    check("pgd_ex", &graph, &set, single_label());
    check("pgd_ex_multi_label", &graph, &set, multi_label());
}

#[test]
fn certified_robustness_to_the_background_agrees_with_jax() {
    let set = [("method.name", "ibp_ex"), ("method.ibp_ex.weight", "0.6"), ("method.ibp_ex.radius", "0.2")];
    let graph = build(&isnet_models::plain_cnn::reference(3, 1)).expect("known");
    check("ibp_ex", &graph, &set, single_label());
    check("ibp_ex_multi_label", &graph, &set, multi_label());
}

#[test]
fn robust_attribution_agrees_with_jax() {
    let set =
        [("method.name", "r4"), ("method.r4.weight", "0.6"), ("method.r4.radius", "0.2"), ("method.r4.steps", "3")];
    let graph = build(&isnet_models::plain_cnn::reference(3, 1)).expect("known");
    check("r4", &graph, &set, single_label());
    check("r4_multi_label", &graph, &set, multi_label());
}

#[test]
fn guided_attention_agrees_with_pytorch() {
    let set = [("method.name", "gain"), ("method.gain.mining_weight", "0.75"), ("method.gain.mask_weight", "4")];
    let graph = build(&isnet_models::plain_cnn::reference(3, 1)).expect("known");
    check("gain", &graph, &set, single_label());
    check("gain_multi_label", &graph, &set, multi_label());
}

#[test]
fn hierarchical_attention_agrees_with_pytorch() {
    let set = [
        ("method.name", "ham"),
        ("method.ham.anomaly_weight", "0.3"),
        ("method.ham.mask_weight", "2"),
        ("method.ham.bound_weight", "0.5"),
        ("method.ham.union_weight", "0.7"),
        ("method.ham.steepness", "8"),
    ];
    let attended = Architecture { hierarchical_attention: true, ..isnet_models::plain_cnn::reference(3, 1) };
    let graph = build(&attended).expect("known");
    check("ham", &graph, &set, single_label());
    check("ham_multi_label", &graph, &set, multi_label());
    let normal = [("data.classes", "['a', 'b', 'c']"), ("method.ham.normal", "b")];
    check("ham_normal", &graph, &[&set[..], &normal].concat(), single_label());
}

#[test]
fn a_u_net_and_its_two_losses_agree_with_pytorch() {
    let set = [("method.name", "multitask"), ("method.multitask.segmentation_weight", "0.6")];
    let stage = |channels| Stage { channels, convs: 2, kernel: 3, pool: 2 };
    let stages = [4, 6, 8].map(stage).into();
    let graph = build(&Architecture { stages, ..Architecture::new("unet", 3, 1) }).expect("known");
    check("multitask", &graph, &set, single_label());
}

#[test]
fn a_classifier_with_attention_gates_agrees_with_pytorch() {
    let stage = |channels| Stage { channels, convs: 1, kernel: 3, pool: 2 };
    let stages = [3, 4, 6].map(stage).into();
    let graph = build(&Architecture { stages, ..Architecture::new("ag_sononet", 3, 1) }).expect("known");
    check("attention_gated", &graph, &[("method.name", "attention_gated")], single_label());
}

fn single_label() -> Targets {
    Targets::SingleLabel(vec![2, 0, 1])
}

fn multi_label() -> Targets {
    Targets::MultiLabel(vec![vec![1.0, 0.0, 1.0], vec![0.0, 0.0, 0.0], vec![0.0, 1.0, 1.0]])
}

/// Terms, total and norms of gradients of a case.
fn check(name: &str, graph: &Graph, set: &[(&str, &str)], targets: Targets) {
    let golden = GOLDEN.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    let expected = golden.iter().find_map(|golden| golden["cases"].get(name)).expect("a case");
    let config = RunConfig::from_toml("[data.phantom]", "methods.toml", set).expect("valid keys");
    let range = ForegroundRange { min: 1.0, max: 25.0 };
    let method = Method::new(&config, graph, range).expect("the graph has all it needs");
    let objective = Objective { classification: ClassificationLoss::default(), method };
    let params = seeded::params(graph, SEED, 1.0, &Device::flex(), DType::F64).tracked(graph, |_, _| true);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let weight = methods::weight(&config);
    let found =
        objective.evaluate((graph, &params), &batch(targets), weight, Phase::Evaluate, &mut rng).expect("labels fit");
    assert_close(name, "total", scalar(&found.total), (&expected["total"], VALUES));
    let terms = expected["terms"].as_object().expect("terms");
    for (term, value) in terms {
        assert_close(name, term, term_of(&found, term), (value, VALUES));
    }
    check_gradients(name, graph, &params, &found, &expected["gradient_norms"]);
}

fn term_of(found: &Evaluation, name: &str) -> f64 {
    let terms = found.terms.iter().map(|(name, value)| (*name, value));
    let all = found.classification.iter().map(|loss| ("classification", loss)).chain(terms);
    let found = all.into_iter().find(|(known, _)| *known == name);
    found.map_or_else(|| panic!("there is no term `{name}`"), |(_, value)| scalar(value))
}

fn check_gradients(name: &str, graph: &Graph, params: &Params, found: &Evaluation, expected: &Value) {
    let gradients = found.total.backward();
    let mut compared = 0;
    for (id, spec) in graph.params().filter(|(_, spec)| spec.role.is_trainable()) {
        let norm = params.flat(id).grad(&gradients).map_or(0.0, |gradient| scalar(&gradient.square().sum().sqrt()));
        assert_close(name, &spec.name, norm, (&expected[&spec.name], GRADIENTS));
        compared += 1;
    }
    assert_eq!(compared, expected.as_object().expect("norms").len(), "{name}: parameters");
}

fn batch(targets: Targets) -> Batch {
    let pixel = |index: usize| {
        let [top, bottom, left, right] = MASKS[index / (SIDE * SIDE)];
        let (row, column) = (index / SIDE % SIDE, index % SIDE);
        f64::from(u8::from((top..bottom).contains(&row) && (left..right).contains(&column)))
    };
    let pixels: Vec<f64> = (0..3 * SIDE * SIDE).map(pixel).collect();
    let mask = Tensor::from_data(TensorData::new(pixels, [3, SIDE, SIDE, 1]), (&Device::flex(), DType::F64));
    let image = seeded::image(SEED, [3, 1, SIDE, SIDE], &Device::flex(), DType::F64);
    Batch { image, mask: Mask::new(mask, vec![true, true, false]), targets }
}

fn scalar(tensor: &Tensor<1>) -> f64 {
    tensor.clone().inner().into_scalar::<f64>()
}

#[track_caller]
fn assert_close(case: &str, what: &str, found: f64, (expected, tolerance): (&Value, f64)) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{case}: the script has no `{what}`"));
    let far = (found - expected).abs() > tolerance * expected.abs().max(1e-3);
    assert!(!far, "{case}: `{what}` is {found}, not {expected}");
}
