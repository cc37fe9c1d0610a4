//! A real network: SqueezeNet 1.0 trained on ImageNet, from `../shared/data/squeezenet_imagenet`. Skipped where that is absent.
//!
//! Its files come from Caffe. Names are mapped below. Images are BGR, minus (104, 117, 123), unscaled. Its last conv pads its 13×13 input by
//! one pixel, torchvision's does not; padded positions hold the rectified bias, so the padded mean follows exactly from ours.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use isnet_graph::Params;
use isnet_models::{Architecture, NamedTensor, TensorValues, UnusedWeights, WeightFile, build, load_into};
use serde_json::Value;

const MEAN_BGR: [f32; 3] = [104.0, 117.0, 123.0];
const SIDE: usize = 227;
/// Side of the features before the last conv.
const FEATURES: f32 = 13.0;

fn folder() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/squeezenet_imagenet");
    path.exists().then_some(path)
}

/// Torchvision's name of a tensor in the Caffe model.
fn torchvision_name(caffe: &str) -> String {
    let (layer, leaf) = caffe.rsplit_once('.').unwrap();
    let module = match layer.split_once('/') {
        None if layer == "conv1" => "features.0".to_owned(),
        None => "classifier.1".to_owned(),
        Some((fire, conv)) => {
            let number: usize = fire.strip_prefix("fire").unwrap().parse().unwrap();
            // Pools stand before the fires 2, 5 and 9.
            let index = 1 + number + usize::from(number >= 5) + usize::from(number >= 9);
            let part = match conv {
                "conv1x1_1" => "squeeze",
                "conv1x1_2" => "expand1x1",
                "conv3x3_2" => "expand3x3",
                other => panic!("{other}"),
            };
            format!("features.{index}.{part}")
        }
    };
    format!("{module}.{leaf}")
}

fn image(path: &Path) -> Tensor<4> {
    let rgb = image::open(path).unwrap().to_rgb8();
    assert_eq!(rgb.dimensions(), (SIDE as u32, SIDE as u32));
    let bgr = rgb.pixels().flat_map(|pixel| [2, 1, 0].map(|channel| f32::from(pixel[channel])));
    let values: Vec<f32> = bgr.zip(MEAN_BGR.iter().cycle()).map(|(value, mean)| value - mean).collect();
    Tensor::from_data(TensorData::new(values, [1, SIDE, SIDE, 3]), &Device::flex())
}

/// Softmax over the logits of a network whose last conv is padded by one pixel.
fn probabilities(logits: &[f32], head_bias: &[f32]) -> Vec<f32> {
    let (inside, outside) = (FEATURES.powi(2), (FEATURES + 2.0).powi(2) - FEATURES.powi(2));
    let padded = logits
        .iter()
        .zip(head_bias)
        .map(|(logit, bias)| (inside * logit + outside * bias.max(0.0)) / (inside + outside));
    let exponentials: Vec<f32> = padded.map(f32::exp).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.iter().map(|value| value / sum).collect()
}

#[test]
fn squeezenet_sees_the_zebra_the_cat_and_the_elephant() {
    let Some(folder) = folder() else { return };
    let rename = |tensor: NamedTensor| NamedTensor { name: torchvision_name(&tensor.name), ..tensor };
    let path = folder.join("squeezenet_v1.0.safetensors");
    let all = WeightFile::read(&path, &BTreeSet::new()).unwrap().left_over.into_iter().map(|it| it.name).collect();
    let tensors: Vec<NamedTensor> = WeightFile::read(&path, &all).unwrap().tensors.into_iter().map(rename).collect();
    let graph = build(&Architecture::new("squeezenet1_0", 1000, 3)).unwrap();
    let mut params = Params::initialize(&graph, 0, &Device::flex());
    let report = load_into(&graph, &mut params, &tensors.clone().into(), UnusedWeights::Refuse).unwrap();
    assert_eq!((report.loaded.len(), report.unused.len()), (graph.params().count(), 0));
    let head_bias = tensors.iter().find(|tensor| tensor.name == "classifier.1.bias").unwrap();
    let TensorValues::F32(head_bias) = &head_bias.values else { panic!("a float") };

    let vectors: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("test_vectors.json")).unwrap()).unwrap();
    for vector in vectors.as_array().unwrap() {
        let name = vector["image"].as_str().unwrap();
        let logits = graph.predict(&params, image(&folder.join(name))).into_data().try_into_vec::<f32>().unwrap();
        let got = probabilities(&logits, head_bias);
        let top: Vec<(usize, f64, String)> = serde_json::from_value(vector["top5"].clone()).unwrap();
        let best = (0..got.len()).max_by(|one, other| got[*one].total_cmp(&got[*other])).unwrap();
        assert_eq!(best, top[0].0, "{name}");
        for (class_idx, probability, label) in top {
            let got = f64::from(got[class_idx]);
            assert!((got - probability).abs() < 1e-4, "{name}, {label}: {got}, expected {probability}");
        }
    }
}
