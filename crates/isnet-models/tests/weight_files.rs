//! Weight files: read, loaded, refused, written.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, TensorData};
use isnet_graph::{Graph, Params};
use isnet_models::{
    Architecture, ModelError, NamedTensor, TensorValues, WeightFile, build, export, load_into, to_safetensors,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A model with batch norm, if it has stages, whose weights are all the same.
fn model(name: &str, n_classes: usize, weight: f64) -> (Graph, Params) {
    let graph = build(&Architecture { batch_norm: true, ..Architecture::new(name, n_classes, 3) }).unwrap();
    let params = Params::from_fn(&graph, &Device::flex(), DType::F32, |spec| vec![weight; spec.len()]);
    (graph, params)
}

/// What a file should hold: the values that `golden/weight_fixtures.py` wrote.
fn expected() -> Vec<NamedTensor> {
    vec![
        NamedTensor { name: "bn.num_batches_tracked".into(), shape: vec![], values: TensorValues::I64(vec![7]) },
        NamedTensor::f32("bn.running_var", [2], vec![1.0, 2.0]),
        NamedTensor::f32("fc.bias", [2], vec![0.75, -0.0625]),
        NamedTensor::f32("fc.weight", [2, 3], vec![0.5, -1.5, 2.0, 0.25, 3.0, -0.125]),
        NamedTensor::f32("view.weight", [3, 2], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
    ]
}

#[test]
fn files_of_torch_save_are_read_in_old_and_new_form_and_inside_a_checkpoint() {
    for file in ["zip.pth", "legacy.pth", "checkpoint.pt"] {
        assert_eq!(WeightFile::read(fixture(file)).unwrap(), expected(), "{file}");
    }
}

#[test]
fn a_model_survives_its_safetensors_file_bit_for_bit() {
    let (graph, mut other) = model("plain_cnn", 3, 2.0);
    let params = Params::initialize(&graph, 1, &Device::flex());
    let tensors = export(&graph, &params);
    let written = || {
        let named = tensors.iter().map(|tensor| (&tensor.name, tensor));
        to_safetensors(named, Some("a note".into())).unwrap()
    };
    let bytes = written();
    assert_eq!(bytes, written());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, bytes).unwrap();

    assert_ne!(export(&graph, &other), export(&graph, &params));
    let report = load_into(&graph, &mut other, &WeightFile::read(&path).unwrap()).unwrap();
    assert_eq!(export(&graph, &other), export(&graph, &params));
    assert_eq!(report.loaded.len(), graph.params().count());
    assert!(report.unused.is_empty() && report.head_replaced.is_empty() && report.missing.is_empty(), "{report:?}");
}

#[test]
fn a_head_of_another_size_or_without_any_stays_fresh() {
    let (source, weights) = model("squeezenet1_1", 5, 1.0);
    let (graph, fresh) = model("squeezenet1_1", 2, 2.0);
    let mut tensors = export(&source, &weights);
    let is_head = |tensor: &&NamedTensor| tensor.name.starts_with("classifier.1.");
    for headless in [false, true] {
        if headless {
            tensors.retain(|tensor| !is_head(&tensor));
        }
        let mut params = fresh.clone();
        let report = load_into(&graph, &mut params, &tensors).unwrap();
        let replaced: Vec<_> = report.head_replaced.iter().map(ToString::to_string).collect();
        if headless {
            assert_eq!(report.missing, ["classifier.1.weight", "classifier.1.bias"]);
        } else {
            assert_eq!(replaced[1], "`classifier.1.bias`: [5] in the file, [2] here");
        }
        let (got, fresh) = (export(&graph, &params), export(&graph, &fresh));
        assert_eq!(got.iter().find(is_head), fresh.iter().find(is_head));
        assert_eq!(got[0], tensors[0], "the body is loaded");
    }
}

/// Message of loading `tensors` into a model; checks that a refused file changes nothing.
fn refused(name: &str, tensors: &[NamedTensor]) -> String {
    let (graph, mut params) = model(name, 2, 3.0);
    let before = export(&graph, &params);
    let error = load_into(&graph, &mut params, tensors).unwrap_err();
    assert_eq!(export(&graph, &params), before);
    error.to_string()
}

fn weights_of(name: &str) -> Vec<NamedTensor> {
    let (graph, params) = model(name, 7, 4.0);
    export(&graph, &params)
}

#[test]
fn weights_of_another_architecture_are_recognised() {
    // ResNet-34 holds every tensor of ResNet-18.
    let message = refused("resnet18", &weights_of("resnet34"));
    assert!(message.contains("`layer1.2.conv1.weight` is only in the file; "), "{message}");
    assert!(
        message.ends_with("these look like weights of `resnet34`: build that, or choose another file"),
        "{message}"
    );
    let message = refused("resnet18", &weights_of("squeezenet1_0"));
    assert!(message.contains("`conv1.weight` [64, 3, 7, 7] is not in the file; "), "{message}");
    assert!(message.contains("; and 149 more; these look like weights of `squeezenet1_0`"), "{message}");
    assert_eq!(refused("resnet18", &[]).matches("is not in the file").count(), 3);
}

#[test]
fn a_single_wrong_tensor_is_named() {
    let good = weights_of("plain_cnn");
    let position = |name: &str| good.iter().position(|tensor| tensor.name == name).unwrap();
    let mut missing = good.clone();
    missing.remove(position("5.running_var"));
    assert_eq!(
        refused("plain_cnn", &missing),
        "the weights do not fit the model: `5.running_var` [16] is not in the file"
    );
    let mut shape = good.clone();
    shape[position("0.weight")] = NamedTensor::f32("0.weight", [8, 1, 3, 3], vec![0.0; 72]);
    assert_eq!(
        refused("plain_cnn", &shape),
        "the weights do not fit the model: `0.weight`: [8, 1, 3, 3] in the file, [8, 3, 3, 3] here"
    );
    let mut bias = good.clone();
    bias[position("13.bias")] = NamedTensor::f32("13.bias", [2], vec![0.0; 2]); // while the head's weight says 7 classes
    assert!(refused("plain_cnn", &bias).contains("`13.weight`: [7, 24] in the file, [2, 24] here"));
    let mut inputs = good.clone();
    inputs[position("13.weight")] = NamedTensor::f32("13.weight", [7, 30], vec![0.0; 210]); // not only other classes
    assert!(refused("plain_cnn", &inputs).contains("`13.weight`: [7, 30] in the file, [2, 24] here"));
}

/// Files of old PyTorch versions have no counters.
#[test]
fn the_counters_of_batch_norms_are_not_needed() {
    let (graph, mut params) = model("plain_cnn", 7, 5.0);
    let mut tensors = weights_of("plain_cnn");
    tensors.retain(|tensor| !tensor.name.ends_with("num_batches_tracked"));
    assert_eq!(tensors.len(), graph.params().count());
    load_into(&graph, &mut params, &tensors).unwrap();
    assert_eq!(params.values()[0].clone().into_data(), TensorData::from(vec![4.0_f32; 8 * 3 * 9].as_slice()));
}

#[test]
fn extra_tensors_of_the_same_architecture_are_reported() {
    let (graph, mut params) = model("resnet18", 7, 5.0);
    let mut tensors = weights_of("resnet18");
    tensors.push(NamedTensor::f32("aux.weight", [1], vec![1.0]));
    let report = load_into(&graph, &mut params, &tensors).unwrap();
    assert_eq!(report.unused, ["aux.weight"]);
}

#[test]
fn a_weight_that_is_not_a_number_has_an_address() {
    for (value, text) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut tensors = weights_of("plain_cnn");
        let TensorValues::F32(values) = &mut tensors[6].values else { panic!("a float") };
        values[17] = value;
        let message = refused("plain_cnn", &tensors);
        assert!(message.starts_with(&format!("weight `4.weight` is {text} at index 17")), "{message}");
    }
}

#[test]
fn files_that_are_no_weights_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, bytes: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(bytes) = bytes {
            std::fs::write(&path, bytes).unwrap();
        }
        let error = WeightFile::read(&path).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        error
    };
    let whole = std::fs::read(fixture("zip.pth")).unwrap();
    assert!(matches!(read("absent.pth", None), ModelError::Read { .. }));
    assert!(matches!(read("absent.safetensors", None), ModelError::Read { .. }));
    assert!(matches!(read("weights.onnx", None), ModelError::UnknownFormat { .. }));
    assert!(matches!(read("cut.pth", Some(&whole[..whole.len() / 2])), ModelError::Corrupt { .. }));
    assert!(matches!(read("empty.pt", Some(b"")), ModelError::Corrupt { .. }));
    assert!(matches!(read("text.safetensors", Some(b"not a weight file")), ModelError::Corrupt { .. }));
    let integer = br#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}} "#;
    let bytes = [&(integer.len() as u64).to_le_bytes()[..], integer, b"\0"].concat();
    let message = read("integer.safetensors", Some(&bytes)).to_string();
    assert!(message.contains("tensor `x` has type u8"), "{message}");
}
