//! Fast = slow: forward and relevance of tiny graphs against a dense-matrix version written from METHOD §2.
//!
//! Every linear node becomes an explicit matrix, found by sending unit vectors through naive loops in `f64`. No code of the product
//! takes part in the oracle except the graph it reads.

mod dense;

use burn::tensor::{DType, Device, Tensor, TensorData};
use dense::DenseModel;
use isnet_graph::{Graph, Mode, NodeId, Params};
use isnet_lrp::{Composite, FirstLayer, LayerComposite, LayerRule, LrpError, Rule, explain};
use isnet_testkit::tiny::{self, CLASSES, Tiny};

const SAMPLES: usize = 2;
const TOLERANCE: f64 = 1e-9;

fn composites() -> [(&'static str, Composite); 4] {
    let times_input = FirstLayer::TimesInput;
    [
        ("epsilon", Composite { epsilon: 0.01, first_layer: times_input }),
        ("gradient", Composite { epsilon: 0.0, first_layer: times_input }),
        ("z^B on [0, 1]", Composite::isnet()),
        ("z^B on [-1, 2]", Composite { epsilon: 0.1, first_layer: FirstLayer::ZBox { low: -1.0, high: 2.0 } }),
    ]
}

#[test]
fn forward_equals_naive_loops() {
    for tiny in tiny::all().into_iter().chain([tiny::transformer()]) {
        let (params, images, oracles) = model(&tiny);
        let trace = tiny.graph.forward(&params, images, Mode::Evaluate);
        for (id, node) in tiny.graph.nodes() {
            let found = rows(trace.activation(id), SAMPLES);
            for (sample, oracle) in oracles.iter().enumerate() {
                let place = format!("{}, node `{}`", tiny.name, node.name);
                assert_close(&found[sample], &oracle.activations[id.index()], &place);
            }
        }
        let predicted = tiny.graph.predict(&params, trace.activation(tiny.graph.input()));
        assert_close(&values(predicted), &values(trace.logits()), tiny.name);
    }
}

#[test]
fn relevance_equals_dense_matrices() {
    for tiny in tiny::all() {
        let (params, images, oracles) = model(&tiny);
        let trace = tiny.graph.forward(&params, images, Mode::Evaluate);
        let hidden: Vec<NodeId> = tiny.graph.nodes().map(|(id, _)| id).skip(1).collect();
        for (rule, composite) in composites() {
            let plan = composite.plan(&tiny.graph).expect("every tiny graph can be explained");
            let (seeds, seed_rows) = seeds();
            let found = explain(&tiny.graph, &params, &trace, &plan, seeds, &hidden);
            let heatmaps = rows(found.heatmap, SAMPLES * CLASSES);
            for row in 0..SAMPLES * CLASSES {
                let oracle = oracles[row / CLASSES].explain(&seed_rows[row], &composite);
                assert_close(&heatmaps[row], &oracle.heatmap, &format!("{}, {rule}: heatmap {row}", tiny.name));
            }
        }
    }
}

#[test]
fn hidden_relevance_equals_dense_matrices() {
    let composite = Composite::isnet();
    for tiny in tiny::all() {
        let (params, images, oracles) = model(&tiny);
        let trace = tiny.graph.forward(&params, images, Mode::Evaluate);
        let plan = composite.plan(&tiny.graph).expect("a plan");
        let (seeds, seed_rows) = seeds();
        let found = explain(&tiny.graph, &params, &trace, &plan, seeds, tiny.graph.supervised());
        for (node, map) in tiny.graph.supervised().iter().zip(found.hidden) {
            for (row, map) in rows(map, SAMPLES * CLASSES).iter().enumerate() {
                let oracle = oracles[row / CLASSES].explain(&seed_rows[row], &composite);
                assert_close(map, &oracle.relevance[node.index()], tiny.name);
            }
        }
    }
}

/// A rule per linear part: every rule on every kind of part that can follow it.
fn layer_composites() -> Vec<(String, LayerComposite)> {
    let rules = [
        LayerRule::Epsilon,
        LayerRule::ZPlus,
        LayerRule::AlphaBeta { alpha: 2.0, beta: 1.0 },
        LayerRule::Gamma { gamma: 0.25 },
        LayerRule::WSquare,
        LayerRule::Flat,
        LayerRule::ZBox { low: -0.5, high: 2.0 },
    ];
    let by_rule = rules.into_iter().flat_map(|rule| {
        let of_blends = if matches!(rule, LayerRule::WSquare | LayerRule::Flat | LayerRule::ZBox { .. }) {
            LayerRule::Epsilon
        } else {
            rule
        };
        // A coarse stabilizer, so that its sign shows.
        let [rule, blends] = [rule, of_blends].map(|rule| Rule::Layer { rule, stabilizer: 0.01 });
        let everywhere = LayerComposite {
            conv: rule,
            dense: rule,
            average_pool: blends,
            add: blends,
            batch_norm: Some(rule),
            ..LayerComposite::epsilon_plus()
        };
        let without_bias = LayerComposite { include_bias: false, ..everywhere.clone() };
        [(format!("{rule:?}"), everywhere), (format!("{rule:?} without bias"), without_bias)]
    });
    let named = [
        ("epsilon_plus_flat", LayerComposite::epsilon_plus_flat()),
        ("epsilon_alpha2_beta1_flat", LayerComposite::epsilon_alpha2_beta1_flat()),
        ("epsilon_gamma_box", LayerComposite::epsilon_gamma_box(0.0, 1.0)),
        ("z_plus", LayerComposite::z_plus(0.01)),
    ];
    by_rule.chain(named.map(|(name, composite)| (name.to_owned(), composite))).collect()
}

#[test]
fn relevance_by_layers_equals_dense_matrices() {
    for tiny in tiny::all() {
        let (params, images, oracles) = model(&tiny);
        let trace = tiny.graph.forward(&params, images, Mode::Evaluate);
        for (name, composite) in layer_composites() {
            let plan = composite.plan(&tiny.graph).expect("every tiny graph can be explained");
            let (seeds, seed_rows) = seeds();
            let found = explain(&tiny.graph, &params, &trace, &plan, seeds, tiny.graph.supervised());
            let (heatmaps, pass) = (rows(found.heatmap, SAMPLES * CLASSES), &plan.passes()[0]);
            let hidden: Vec<Vec<Vec<f64>>> = found.hidden.into_iter().map(|map| rows(map, SAMPLES * CLASSES)).collect();
            for row in 0..SAMPLES * CLASSES {
                let (oracle, seed) = (&oracles[row / CLASSES], &seed_rows[row]);
                let expected = oracle.explain_by_layers(seed, pass, composite.start, composite.include_bias);
                assert_close(&heatmaps[row], &expected[0], &format!("{}, {name}: heatmap {row}", tiny.name));
                for (node, map) in tiny.graph.supervised().iter().zip(&hidden) {
                    assert_close(&map[row], &expected[node.index()], &format!("{}, {name}: hidden {row}", tiny.name));
                }
            }
        }
    }
}

#[test]
fn a_rule_by_name_stands_above_all_others() {
    let tiny = tiny::all().into_iter().find(|tiny| tiny.name == "batch norm after conv").expect("listed");
    let rule = Rule::layer(LayerRule::Gamma { gamma: 0.5 });
    for name in ["conv1", "norm1"] {
        let plan = LayerComposite::epsilon_plus().with(name, rule).plan(&tiny.graph).expect("a plan");
        let of = |name: &str| plan.rules()[tiny.graph.find(name).expect("a node").index()];
        assert_eq!([of("norm0"), of("conv1"), of("norm1")], [Rule::layer(LayerRule::ZPlus), Rule::Folded, rule]);
    }
}

#[test]
fn the_check_names_every_node_that_cannot_follow_its_rule() {
    let tiny = tiny::all().into_iter().find(|tiny| tiny.name == "dense block").expect("listed");
    let composite = LayerComposite { batch_norm: None, ..LayerComposite::epsilon_plus() }
        .with("relu1", Rule::layer(LayerRule::ZPlus))
        .with("pool", Rule::layer(LayerRule::Flat))
        .with("conv2", Rule::Pass)
        .with("conv3", Rule::Transpose)
        .with("conv4", Rule::ZBox { low: 0.0, high: 1.0, epsilon: 0.01 })
        .with("conv99", Rule::Pass);
    let error = composite.plan(&tiny.graph).expect_err("many reasons");
    let LrpError::Unsupported { nodes } = &error else { panic!("{error}") };
    let expected = ["norm1", "norm10", "relu1", "pool", "conv2", "conv3", "conv4", "conv99"];
    for name in expected {
        assert!(nodes.iter().any(|node| node.node == name), "`{name}` is missing: {error}");
    }
    assert_eq!(nodes.len(), 10 + 6, "ten batch norms between a concatenation and a ReLU: {error}");
    assert!(error.to_string().contains("`norm1` (batch_norm): no conv or dense layer"), "{error}");
    let first = tiny::all().into_iter().find(|tiny| tiny.name == "batch norms before a dense layer").expect("listed");
    let error = LayerComposite::epsilon_plus().with("norm1", Rule::Pass).plan(&first.graph).expect_err("folded");
    assert!(error.to_string().contains("it is folded into `fc0`"), "{error}");
}

#[test]
fn modified_gradient_is_lrp_epsilon_between_relus() {
    // On a chain, the paper's rule R_j = a_j Σ_k w_kj R_k / (z_k + ε), with all linear nodes between two ReLUs as one matrix.
    let chain = tiny::all().into_iter().find(|tiny| tiny.name == "batch norm after conv").expect("listed");
    let (params, images, oracles) = model(&chain);
    let trace = chain.graph.forward(&params, images, Mode::Evaluate);
    let composite = Composite { epsilon: 0.01, first_layer: FirstLayer::TimesInput };
    let plan = composite.plan(&chain.graph).expect("a plan");
    let (seeds, seed_rows) = seeds();
    let heatmaps = rows(explain(&chain.graph, &params, &trace, &plan, seeds, &[]).heatmap, SAMPLES * CLASSES);
    for (row, heatmap) in heatmaps.iter().enumerate() {
        let expected = oracles[row / CLASSES].layerwise_epsilon(&seed_rows[row], 0.01);
        assert_close(heatmap, &expected, &format!("heatmap {row}"));
    }
}

/// Parameters and images drawn by a fixed rule, and one oracle per sample.
fn model(tiny: &Tiny) -> (Params, Tensor<4>, Vec<DenseModel<'_>>) {
    let device = Device::flex();
    let params = isnet_testkit::seeded::params(&tiny.graph, tiny.name, 1.0, &device, DType::F64);
    let channels = tiny.graph.input_channels();
    let shape = [SAMPLES, tiny.size[0], tiny.size[1], channels];
    let pixels: Vec<f64> =
        (0..shape.iter().product()).map(|i| isnet_testkit::seeded::unit("image", i as u64)).collect();
    let images = Tensor::from_data(TensorData::new(pixels.clone(), shape), (&device, DType::F64));
    let flat: Vec<Vec<f64>> = params.values().iter().map(|value| values(value.clone())).collect();
    let per_sample = pixels.len() / SAMPLES;
    let oracle = |pixels: &[f64]| DenseModel::new(&tiny.graph, flat.clone(), tiny.size, pixels);
    (params, images, pixels.chunks(per_sample).map(oracle).collect())
}

/// Arbitrary seeds, so that no class is special: `[N·E, K]`.
fn seeds() -> (Tensor<2>, Vec<Vec<f64>>) {
    let rows: Vec<Vec<f64>> = (0..SAMPLES * CLASSES)
        .map(|row| {
            (0..CLASSES).map(|k| 2.0 * isnet_testkit::seeded::unit("seed", (row * CLASSES + k) as u64) - 1.0).collect()
        })
        .collect();
    let data = TensorData::new(rows.concat(), [rows.len(), CLASSES]);
    (Tensor::from_data(data, (&Device::flex(), DType::F64)), rows)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("floats")
}

fn rows(tensor: Tensor<4>, rows: usize) -> Vec<Vec<f64>> {
    let values = values(tensor);
    values.chunks(values.len() / rows).map(<[f64]>::to_vec).collect()
}

fn assert_close(found: &[f64], expected: &[f64], place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}: number of values");
    let largest = expected.iter().fold(1e-12_f64, |largest, value| largest.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(difference <= TOLERANCE * largest, "{place}: value {index} is {found}, the oracle says {expected}");
    }
}

#[test]
fn the_check_names_every_node_z_box_cannot_start_at() {
    use isnet_graph::GraphBuilder;
    let mut build = GraphBuilder::new(2);
    let image = build.input();
    let a = build.relu("straight_relu", image);
    let b = build.max_pool("straight_pool", image, isnet_graph::MaxPoolGeometry::square(1));
    let x = build.add("add", &[a, b]);
    let x = build.adaptive_average_pool("pool", x, [1, 1]);
    let x = build.dense("fc", x, 2, 2);
    let graph: Graph = build.finish(x).expect("valid");
    let message = Composite::isnet().plan(&graph).expect_err("no affine part").to_string();
    assert!(message.contains("`straight_relu` (relu)") && message.contains("`straight_pool` (max_pool)"), "{message}");
    assert!(message.contains("z_box = false"), "{message}");
    let open = Composite { first_layer: FirstLayer::TimesInput, ..Composite::isnet() };
    assert!(open.plan(&graph).is_ok());
    // Chains that end before any layer.
    for (ends_at_image, words) in [(false, "`last` (identity)"), (true, "(input)")] {
        let mut build = GraphBuilder::new(2);
        let image = build.input();
        let end = if ends_at_image { image } else { build.identity("last", image) };
        let graph = build.finish(end).expect("valid");
        let message = Composite::isnet().plan(&graph).expect_err("no affine part").to_string();
        assert!(message.contains(words), "{message}");
    }
}
