//! Vision transformers as a whole: gradients, and weights from elsewhere.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device, Tensor};
use isnet_graph::{Graph, Mode, Params};
use isnet_models::{
    Architecture, NamedTensor, TensorValues, UnusedWeights, VisionTransformer, WeightFile, build, export, load_exactly,
    load_into,
};
use isnet_testkit::seeded;
use serde_json::Value;

const SIZES: VisionTransformer = VisionTransformer { patch: 4, width: 6, layers: 2, heads: 2, mlp: 8 };

fn tiny(image_size: [usize; 2]) -> Graph {
    build(&Architecture { image_size, transformer: SIZES, ..Architecture::new("plain_vit", 3, 2) }).unwrap()
}

/// A weighted sum of the logits.
fn loss(graph: &Graph, params: &Params, image: &Tensor<4>) -> Tensor<1> {
    let logits = graph.forward(params, image.clone(), Mode::Evaluate).logits();
    let weights = Tensor::<1>::from_data([1.0, -2.0, 0.5, 0.3, 0.7, -1.1], (&Device::flex(), DType::F64));
    (logits * weights.reshape([2, 3])).sum()
}

#[test]
fn gradients_equal_finite_differences() {
    let graph = tiny([8, 12]);
    let params = seeded::params(&graph, "vit", 1.0, &Device::flex(), DType::F64);
    let image = seeded::image("vit", [2, 2, 8, 12], &Device::flex(), DType::F64);
    let tracked = params.tracked(&graph, |_, _| true);
    let gradients = loss(&graph, &tracked, &image).backward();
    for (id, spec) in graph.params() {
        let backward: Vec<f64> = tracked.flat(id).grad(&gradients).unwrap().try_into_vec_as().unwrap();
        for draw in 0..4.min(spec.len() as u64) {
            let entry = (seeded::unit(&spec.name, draw) * spec.len() as f64) as usize;
            let moved = |step: f64| {
                let mut values: Vec<f64> = params.flat(id).try_into_vec_as().unwrap();
                values[entry] += step;
                let mut params = params.clone();
                params.set(id, Tensor::from_data(values.as_slice(), (&Device::flex(), DType::F64)));
                loss(&graph, &params, &image).into_scalar::<f64>()
            };
            let (found, expected) = (backward[entry], (moved(1e-5) - moved(-1e-5)) / 2e-5);
            let place = format!("`{}`[{entry}]: {found}, differences {expected}", spec.name);
            assert!((found - expected).abs() <= 1e-7 * (1.0 + expected.abs()), "{place}");
        }
    }
}

#[test]
fn positions_for_images_of_another_size_are_resampled_as_torchvision_does() {
    let path = format!("{}/../../golden/vision_transformer.json", env!("CARGO_MANIFEST_DIR"));
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let numbers = |key: &str| -> Vec<f32> { serde_json::from_value(golden[key].clone()).unwrap() };
    let (source, target) = (tiny([12, 12]), tiny([8, 16]));
    let mut weights = export(&source, &Params::initialize(&source, 1, &Device::flex()));
    let position = weights.iter().position(|array| array.name == "encoder.pos_embedding").unwrap();
    weights[position] = NamedTensor::f32("encoder.pos_embedding", [1, 10, 6], numbers("positions_3x3"));

    let mut params = Params::initialize(&target, 2, &Device::flex());
    let report = load_into(&target, &mut params, &weights.clone().into(), UnusedWeights::Refuse).unwrap();
    assert_eq!(report.resampled[0].to_string(), "`encoder.pos_embedding`: [1, 10, 6] in the file, [1, 9, 6] here");
    let found = export(&target, &params).remove(position);
    let TensorValues::F32(found) = found.values else { panic!("floats") };
    let expected = numbers("positions_2x4");
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
    // A model that is taken up again has its own positions.
    let error = load_exactly(&target, &mut params, &weights).unwrap_err().to_string();
    assert!(error.contains("`encoder.pos_embedding`: [1, 10, 6] in the file"), "{error}");
}

#[test]
fn weights_of_timm_give_timms_logits() {
    let folder = format!("{}/tests/fixtures/timm_vit", env!("CARGO_MANIFEST_DIR"));
    let golden =
        std::fs::read_to_string(format!("{}/../../golden/vision_transformer.json", env!("CARGO_MANIFEST_DIR")));
    let golden: Value = serde_json::from_str(&golden.unwrap()).unwrap();
    let graph = tiny([8, 12]);
    let mut params = Params::initialize(&graph, 3, &Device::flex());
    let report = load_into(
        &graph,
        &mut params,
        &WeightFile::read_for(format!("{folder}.pth"), &graph).unwrap(),
        UnusedWeights::Refuse,
    )
    .unwrap();
    assert_eq!((report.loaded.len(), report.unused.len()), (graph.params().count(), 0), "{report:?}");
    let image = seeded::image("golden", [2, 2, 8, 12], &Device::flex(), DType::F32);
    let found: Vec<f32> = graph.predict(&params, image).into_data().try_into_vec().unwrap();
    let expected: Vec<Vec<f32>> = serde_json::from_value(golden["timm_logits"].clone()).unwrap();
    assert!(found.iter().zip(expected.concat()).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {expected:?}");
}
