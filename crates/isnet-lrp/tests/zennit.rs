//! Golden: the same relevance as zennit, per rule and layer, per composite and small network, and on torchvision's networks.
//!
//! The values and the networks are made by `golden/zennit_relevance.py`. Measured, of the largest value: in f64 at most 4e-10, the digits of the golden
//! file; in f32 2e-6 on small networks, 3e-6 on ResNet-18, 1e-5 on VGG-11 and 1.1e-4 on DenseNet-121. Zennit's own f32 misses its f64 by 1.1e-4 there.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{AveragePoolWindow, ConvSpec, Graph, GraphBuilder, MaxPoolGeometry, Mode, NodeId};
use isnet_lrp::{LayerComposite, LayerRule, Plan, Rule, explain, named_plan};
use isnet_models::{Architecture, build};
use isnet_testkit::seeded;
use serde_json::Value;

#[test]
fn a_layer_alone_follows_each_rule() {
    let golden = golden();
    for (key, expected) in golden["layers"].as_object().expect("a table") {
        let (layer, rule) = key.split_once('/').expect("layer/rule");
        let rule = match rule {
            "epsilon" => Rule::Layer { rule: LayerRule::Epsilon, stabilizer: 0.01 },
            "z_plus" => Rule::layer(LayerRule::ZPlus),
            "alpha2_beta1" => Rule::layer(LayerRule::AlphaBeta { alpha: 2.0, beta: 1.0 }),
            "gamma" => Rule::layer(LayerRule::Gamma { gamma: 0.25 }),
            "w_square" => Rule::layer(LayerRule::WSquare),
            "flat" => Rule::layer(LayerRule::Flat),
            "z_box" => Rule::layer(LayerRule::ZBox { low: -1.0, high: 1.0 }),
            _ => panic!("`{rule}` is not in this test"),
        };
        let (graph, size) = if layer == "conv" { (conv_alone(), [1, 2, 5, 4]) } else { (dense_alone(), [1, 7, 1, 1]) };
        let composite = LayerComposite { conv: rule, dense: rule, ..LayerComposite::epsilon_plus() };
        for dtype in [DType::F64, DType::F32] {
            let image = seeded::image("zennit", size, &Device::flex(), dtype) * 2.0 - 1.0;
            let outputs = graph.shapes([size[2], size[3]]).expect("valid")[graph.logits().index()].channels;
            let found = relevance(&graph, &composite.plan(&graph).expect("a plan"), image, &vec![1.0; outputs]);
            compare(&found, &numbers(expected), dtype, key);
        }
    }
}

#[test]
fn small_networks_follow_each_composite() {
    let golden = golden();
    let seeds = numbers(&golden["seeds"]);
    for (key, expected) in golden["nets"].as_object().expect("a table") {
        let mut words = key.split('/');
        let (net, composite) = (words.next().expect("a net"), words.next().expect("a composite"));
        let graph = match net {
            "vgg" => vgg(),
            "vgg_bn" => vgg_bn(),
            "resnet" => resnet(),
            "densenet" => densenet(),
            _ => panic!("`{net}` is not in this test"),
        };
        let include_bias = words.next().is_none();
        let composite = match composite {
            "epsilon_plus" => LayerComposite::epsilon_plus(),
            "epsilon_plus_flat" => LayerComposite::epsilon_plus_flat(),
            "epsilon_alpha2_beta1" => LayerComposite::epsilon_alpha2_beta1(),
            "epsilon_alpha2_beta1_flat" => LayerComposite::epsilon_alpha2_beta1_flat(),
            "epsilon_gamma_box" => LayerComposite::epsilon_gamma_box(0.0, 1.0),
            "excitation_backprop" => LayerComposite::excitation_backprop(),
            _ => panic!("`{composite}` is not in this test"),
        };
        let plan = LayerComposite { include_bias, ..composite }.plan(&graph).expect("a plan");
        for dtype in [DType::F64, DType::F32] {
            let image = seeded::image("zennit", [1, 2, 9, 7], &Device::flex(), dtype);
            compare(&relevance(&graph, &plan, image, &seeds), &numbers(expected), dtype, key);
        }
    }
}

#[test]
fn resnet18_follows_zennit() {
    compare_model("resnet18", &[DType::F32]);
}

#[test]
fn densenet121_follows_zennit() {
    compare_model("densenet121", &[DType::F32]);
}

#[test]
#[ignore = "takes minutes; cargo test -- --ignored"]
fn the_large_networks_follow_zennit_in_f64() {
    compare_model("vgg11_bn", &[DType::F32, DType::F64]);
    compare_model("resnet18", &[DType::F64]);
    compare_model("densenet121", &[DType::F64]);
}

/// Sums of relevance over channels and cells of 8×8 pixels, and over everything.
fn compare_model(name: &str, dtypes: &[DType]) {
    let golden = golden();
    let seeds = numbers(&golden["seeds"]);
    let graph = build(&Architecture::new(name, seeds.len(), 3)).expect("an architecture");
    for composite in ["epsilon_plus", "epsilon_alpha2_beta1_flat", "epsilon_gamma_box"] {
        let (expected, place) = (&golden["models"][format!("{name}/{composite}")], format!("{name}, {composite}"));
        let plan = named_plan(composite, (0.0, 1.0), &graph).expect("a plan");
        for dtype in dtypes {
            let image = seeded::image("zennit", [1, 3, 64, 64], &Device::flex(), *dtype);
            let found = relevance(&graph, &plan, image, &seeds);
            let mut cells = vec![0.0; 64];
            for (index, value) in found.iter().enumerate() {
                cells[index / 64 % 64 / 8 * 8 + index % 64 / 8] += value;
            }
            let tolerance = if name == "densenet121" { 3e-4 } else { 1e-4 };
            compare_within(&cells, &numbers(&expected["cells"]), (*dtype, tolerance), &place);
            for (found, key) in [
                (found.iter().map(|value| value.abs()).sum::<f64>(), "abs_sum"),
                (found.iter().map(|value| value * value).sum(), "square_sum"),
            ] {
                compare_within(&[found], &[expected[key].as_f64().expect("a number")], (*dtype, tolerance), &place);
            }
        }
    }
}

fn conv_alone() -> Graph {
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = build.conv("conv", x, ConvSpec::square(2, 3, 3).padded(1).strided(2).biased());
    let x = build.flatten("flatten", x);
    build.finish(x).expect("valid")
}

fn dense_alone() -> Graph {
    let mut build = GraphBuilder::new(7);
    let x = build.input();
    let x = build.dense("fc", x, 7, 3);
    build.finish(x).expect("valid")
}

fn vgg() -> Graph {
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let x = build.conv("conv1", x, ConvSpec::square(3, 4, 3).padded(1).strided(2).biased());
    let x = build.relu("relu1", x);
    let x = build.max_pool("pool", x, MaxPoolGeometry::square(2));
    let x = build.flatten("flatten", x);
    let x = build.dense("fc0", x, 16, 5);
    let x = build.relu("relu2", x);
    let x = build.dense("fc1", x, 5, 3);
    build.finish(x).expect("valid")
}

fn vgg_bn() -> Graph {
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = normed(&mut build, x, ConvSpec::square(2, 3, 3).padded(1).biased(), ["conv0", "norm0"]);
    let x = build.relu("relu0", x);
    let x = build.average_pool("pool", x, AveragePoolWindow::square(2));
    let x = normed(&mut build, x, ConvSpec::square(3, 4, 3).biased(), ["conv1", "norm1"]);
    let x = build.relu("relu1", x);
    let x = build.flatten("flatten", x);
    let x = build.dense("fc", x, 8, 3);
    build.finish(x).expect("valid")
}

fn resnet() -> Graph {
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = normed(&mut build, x, ConvSpec::square(2, 4, 3).padded(1), ["conv0", "norm0"]);
    let x = build.relu("relu0", x);
    let pool = MaxPoolGeometry { stride: [2; 2], padding: [1; 2], ..MaxPoolGeometry::square(3) };
    let stem = build.max_pool("pool", x, pool);
    let x = normed(&mut build, stem, ConvSpec::square(4, 4, 3).padded(1), ["conv1", "norm1"]);
    let x = build.relu("relu1", x);
    let x = normed(&mut build, x, ConvSpec::square(4, 4, 3).padded(1), ["conv2", "norm2"]);
    let x = build.add("add1", &[stem, x]);
    let block = build.relu("relu2", x);
    let x = normed(&mut build, block, ConvSpec::square(4, 6, 3).padded(1).strided(2), ["conv3", "norm3"]);
    let short = normed(&mut build, block, ConvSpec::square(4, 6, 1).strided(2), ["down", "norm4"]);
    let x = build.add("add2", &[x, short]);
    let x = build.relu("relu3", x);
    let x = pooled(&mut build, x);
    let x = build.dense("fc", x, 6, 3);
    build.finish(x).expect("valid")
}

fn densenet() -> Graph {
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = normed(&mut build, x, ConvSpec::square(2, 3, 3).padded(1), ["conv0", "norm0"]);
    let mut x = build.relu("relu0", x);
    for layer in 0..3 {
        let (name, channels) = (|part: &str| format!("layer{layer}_{part}"), 3 + 2 * layer);
        let y = build.batch_norm(&name("norm1"), x, channels);
        let y = build.relu(&name("relu1"), y);
        let y = normed(&mut build, y, ConvSpec::square(channels, 4, 1), [&name("conv1"), &name("norm2")]);
        let y = build.relu(&name("relu2"), y);
        let y = build.conv(&name("conv2"), y, ConvSpec::square(4, 2, 3).padded(1));
        x = build.concat(&name("concat"), &[x, y]);
    }
    let x = build.batch_norm("norm", x, 9);
    let x = build.relu("relu", x);
    let x = build.conv("conv", x, ConvSpec::square(9, 4, 1));
    let x = build.average_pool("pool", x, AveragePoolWindow::square(2));
    let x = build.batch_norm("norm5", x, 4);
    let x = build.relu("relu5", x);
    let x = pooled(&mut build, x);
    let x = build.dense("fc", x, 4, 3);
    build.finish(x).expect("valid")
}

fn normed(build: &mut GraphBuilder, x: NodeId, spec: ConvSpec, [conv, norm]: [&str; 2]) -> NodeId {
    let x = build.conv(conv, x, spec);
    build.batch_norm(norm, x, spec.output)
}

fn pooled(build: &mut GraphBuilder, x: NodeId) -> NodeId {
    let x = build.adaptive_average_pool("avgpool", x, [1, 1]);
    build.flatten("flatten", x)
}

/// The heatmap of a sample, in zennit's order `[C, H, W]`.
fn relevance(graph: &Graph, plan: &Plan, image: Tensor<4>, seeds: &[f64]) -> Vec<f64> {
    let dtype = image.dtype();
    let params = seeded::params(graph, "zennit", 1.0, &Device::flex(), dtype);
    let trace = graph.forward(&params, image, Mode::Evaluate);
    let seeds = Tensor::from_data(TensorData::new(seeds.to_vec(), [1, seeds.len()]), (&Device::flex(), dtype));
    let heatmap = explain(graph, &params, &trace, plan, seeds, &[]).heatmap;
    heatmap.permute([0, 3, 1, 2]).try_into_vec_as().expect("floats")
}

fn compare(found: &[f64], expected: &[f64], dtype: DType, place: &str) {
    compare_within(found, expected, (dtype, 1e-5), place);
}

/// `tolerance` is for f32.
fn compare_within(found: &[f64], expected: &[f64], (dtype, tolerance): (DType, f64), place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}: number of values");
    let tolerance = if dtype == DType::F64 { 1e-9 } else { tolerance };
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let off =
        found.iter().zip(expected).map(|(found, expected)| (found - expected).abs() / largest).fold(0.0, f64::max);
    assert!(off <= tolerance, "{place}, {dtype:?}: off by {off:.1e} of the largest value");
}

fn golden() -> Value {
    let path = format!("{}/../../golden/zennit_relevance.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path)
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
}
