//! Agreement with torchvision: names, shapes and order of all parameters, and logits of seeded networks.
//!
//! The golden files say how they were made; so do the scripts beside them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;

use burn::tensor::{DType, Device};
use isnet_graph::{Graph, ParamRole, Predictor};
use isnet_models::{Architecture, build, names, zoo::is_configured};
use isnet_testkit::seeded::{self, fnv1a64};
use serde_json::Value;

fn golden(file: &str) -> Value {
    let path = format!("{}/../../golden/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path)
}

/// `name:shape` of everything in the `state_dict`, without allocating a single weight.
fn state_dict(graph: &Graph) -> (usize, String) {
    let (mut tensors, mut lines) = (0, String::new());
    for (_, spec) in graph.params() {
        let sizes: Vec<_> = spec.shape.iter().map(usize::to_string).collect();
        writeln!(lines, "{}:{}", spec.name, sizes.join(",")).unwrap();
        tensors += 1;
        if spec.role == ParamRole::RunningVar {
            writeln!(lines, "{}:", spec.name.replace("running_var", "num_batches_tracked")).unwrap();
            tensors += 1;
        }
    }
    (tensors, lines)
}

#[test]
fn every_state_dict_has_torchvisions_names_shapes_and_order() {
    let golden = golden("torchvision_names.json");
    let expected = golden["architectures"].as_object().unwrap();
    let of_torchvision = || names().iter().filter(|name| !is_configured(name));
    for name in of_torchvision() {
        let graph = build(&Architecture::new(name, 1000, 3)).unwrap();
        let (tensors, lines) = state_dict(&graph);
        let parameters: usize =
            graph.params().filter(|(_, spec)| spec.role.is_trainable()).map(|(_, spec)| spec.len()).sum();
        let hash = format!("{:016x}", fnv1a64(lines.as_bytes()));
        let got = serde_json::json!({ "tensors": tensors, "parameters": parameters, "hash": hash });
        assert_eq!(got, expected[*name], "{name}\n{lines}");
    }
    assert_eq!(expected.len(), of_torchvision().count(), "an architecture is missing here");
}

fn check_logits(name: &str) {
    let golden = golden("torchvision_logits.json");
    let seed = golden["seed"].as_str().unwrap();
    let size = |key: &str| golden[key].as_u64().unwrap() as usize;
    let expected: Vec<Vec<f64>> = serde_json::from_value(golden["logits"][name].clone()).unwrap();
    let device = Device::flex();

    let image_size = [size("side"); 2];
    let graph = build(&Architecture { image_size, ..Architecture::new(name, expected[0].len(), 3) }).unwrap();
    let params = seeded::params(&graph, seed, 1.0, &device, DType::F32);
    let image = seeded::image(seed, [size("batch"), 3, size("side"), size("side")], &device, DType::F32);
    let expected = expected.concat();
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    // Node by node, and fused for inference.
    for logits in [graph.predict(&params, image.clone()), Predictor::new(&graph, &params).logits(image)] {
        let logits = logits.into_data().convert::<f64>().try_into_vec::<f64>().unwrap();
        assert_eq!(logits.len(), expected.len());
        for (got, want) in logits.iter().zip(&expected) {
            assert!((got - want).abs() <= 1e-4 * largest, "{name}: {logits:?}, but torchvision has {expected:?}");
        }
    }
}

#[test]
fn resnet18_computes_torchvisions_logits() {
    check_logits("resnet18");
}

#[test]
fn resnet50_computes_torchvisions_logits() {
    check_logits("resnet50");
}

#[test]
fn densenet121_computes_torchvisions_logits() {
    check_logits("densenet121");
}

#[test]
fn squeezenets_compute_torchvisions_logits() {
    check_logits("squeezenet1_0");
    check_logits("squeezenet1_1");
}

/// This one and the next hold 129 million weights each.
#[test]
fn vgg11_computes_torchvisions_logits() {
    check_logits("vgg11");
}

#[test]
fn vgg11_bn_computes_torchvisions_logits() {
    check_logits("vgg11_bn");
}

#[test]
fn vision_transformers_compute_torchvisions_logits() {
    check_logits("vit_b_16");
    check_logits("vit_s_16");
    check_logits("vit_ti_16");
}
