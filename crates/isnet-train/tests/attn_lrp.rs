//! Relevance of a vision transformer against LXT, the library of AttnLRP's authors (`golden/attn_lrp.py`).

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::Mode;
use isnet_lrp::{Composite, FirstLayer, LayerComposite, OutputSelector, Outputs, explain};
use isnet_models::{Architecture, VisionTransformer, build};
use isnet_testkit::seeded;
use serde_json::Value;

#[test]
fn heatmaps_of_a_vision_transformer_are_lxts() {
    let path = format!("{}/../../golden/attn_lrp.json", env!("CARGO_MANIFEST_DIR"));
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect("JSON");
    let size = |key: &str| golden["sizes"][key].as_u64().expect("a size") as usize;
    let transformer = VisionTransformer {
        patch: size("patch_size"),
        width: size("hidden_dim"),
        layers: size("num_layers"),
        heads: size("num_heads"),
        mlp: size("mlp_dim"),
    };
    let (side, device) = (size("image_size"), Device::flex());
    let base = Architecture::new("plain_vit", 3, 3);
    let graph = build(&Architecture { image_size: [side; 2], transformer, ..base }).expect("valid sizes");

    let expected: Vec<f64> = serde_json::from_value(golden["heatmap"].clone()).expect("numbers");
    let expected = Tensor::<4>::from_data(TensorData::new(expected, [6, 3, side, side]), (&device, DType::F64));
    let expected: Vec<f64> = expected.permute([0, 2, 3, 1]).try_into_vec_as().expect("floats");
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let gradient = Composite { epsilon: 0.01, first_layer: FirstLayer::TimesInput }.plan(&graph).expect("a plan");
    let layers = |stabilizer| LayerComposite::attn_lrp(stabilizer).plan(&graph).expect("a plan");
    // The modified gradient in both precisions, and the same relevance layer by layer.
    for (dtype, plan, tolerance) in
        [(DType::F64, gradient.clone(), 1e-6), (DType::F32, gradient, 1e-4), (DType::F64, layers(1e-12), 1e-6)]
    {
        let params = seeded::params(&graph, "golden", 1.0, &device, dtype);
        let image = seeded::image("golden", [2, 3, side, side], &device, dtype);
        let trace = graph.forward(&params, image, Mode::Evaluate);
        let seeds = OutputSelector::all_classes().seeds(trace.logits(), &Outputs::single_label(None), None);
        let seeds = seeds.expect("all classes").gradient;
        let heatmap = explain(&graph, &params, &trace, &plan, seeds, &[]).heatmap;
        let found: Vec<f64> = heatmap.try_into_vec_as().expect("floats");
        assert_eq!(found.len(), expected.len());
        let error = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error <= tolerance * largest, "{dtype:?}: error {error} of {largest}");
    }
}
