//! Weight files: read, loaded, refused, written.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, TensorData};
use isnet_graph::{Graph, Params};
use isnet_models::{
    Architecture, ModelError, NamedTensor, TensorValues, UnusedWeights, WeightFile, Weights, build, export,
    load_exactly, load_into, plain_cnn::reference, to_safetensors,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A model whose weights are all the same; if it has stages, those of the reference cases with batch norm.
fn model(name: &str, n_classes: usize, weight: f64) -> (Graph, Params) {
    let stages = reference(n_classes, 3).stages;
    let graph = build(&Architecture { stages, ..Architecture::new(name, n_classes, 3) }).unwrap();
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

fn names() -> BTreeSet<String> {
    expected().into_iter().map(|tensor| tensor.name).collect()
}

#[test]
fn files_of_torch_save_are_read_in_old_and_new_form_and_inside_a_checkpoint() {
    for file in ["zip.pth", "legacy.pth", "checkpoint.pt"] {
        assert_eq!(WeightFile::read(fixture(file), &names()).unwrap().tensors, expected(), "{file}");
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
    let report =
        load_into(&graph, &mut other, &WeightFile::read_for(&path, &graph).unwrap(), UnusedWeights::Refuse).unwrap();
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
        let report = load_into(&graph, &mut params, &tensors.clone().into(), UnusedWeights::Refuse).unwrap();
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
    let error = load_into(&graph, &mut params, &tensors.to_vec().into(), UnusedWeights::Refuse).unwrap_err();
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
    let file =
        "; and 149 more; the file has 52 tensors: `classifier.1.bias`, `classifier.1.weight`, `features.0.bias`, ";
    assert!(message.contains(file) && message.contains("these look like weights of `squeezenet1_0`"), "{message}");
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
    load_into(&graph, &mut params, &tensors.clone().into(), UnusedWeights::Refuse).unwrap();
    assert_eq!(params.values()[0].clone().into_data(), TensorData::from(vec![4.0_f32; 8 * 3 * 9].as_slice()));
}

/// SE gates, LayerScale, a norm before the blocks, register tokens: without them the network computes something else.
#[test]
fn tensors_that_the_model_has_no_place_for_are_refused_unless_they_may_be_left_out() {
    for extra in ["layer1.0.se.fc1.weight", "blocks.0.ls1.gamma", "norm_pre.weight", "reg_token", "aux.fc.bias"] {
        let (graph, mut params) = model("resnet18", 7, 5.0);
        let mut tensors = weights_of("resnet18");
        tensors.push(NamedTensor::f32(extra, [1], vec![1.0]));
        let before = export(&graph, &params);
        let weights = Weights::from(tensors);
        let message = load_into(&graph, &mut params, &weights, UnusedWeights::Refuse).unwrap_err().to_string();
        assert!(message.contains(&format!("no place for 1 of the file's tensors: `{extra}`; without")), "{message}");
        assert!(message.contains("`model.unused_weights = \"allow\"`"), "{message}");
        assert_eq!(export(&graph, &params), before, "nothing is changed");
        let report = load_into(&graph, &mut params, &weights, UnusedWeights::Allow).unwrap();
        assert_eq!(report.unused, [extra]);
        assert!(report.notes().last().unwrap().ends_with(&format!("`{extra}`")), "{report:?}");
        let exact = load_exactly(&graph, &mut params, &weights.tensors).unwrap_err().to_string();
        assert!(exact.contains(&format!("`{extra}` is only in the file")), "{exact}");
    }
}

/// The file of a tiny classifier whose names have been changed.
fn file_with_names(folder: &Path, rename: impl Fn(&str) -> Vec<String>) -> PathBuf {
    let tensors = weights_of("plain_cnn");
    let named = tensors.iter().flat_map(|tensor| rename(&tensor.name).into_iter().map(move |name| (name, tensor)));
    let path = folder.join("weights.safetensors");
    std::fs::write(&path, to_safetensors(named, None).unwrap()).unwrap();
    path
}

#[test]
fn a_prefix_that_all_weights_share_is_taken_off_and_said() {
    let folder = tempfile::tempdir().unwrap();
    for prefix in ["module.", "_orig_mod.", "net.", "backbone.", "model.module.", "_orig_mod.module.", "encoder.cnn."] {
        let (graph, mut params) = model("plain_cnn", 7, 5.0);
        let path = file_with_names(folder.path(), |name| vec![format!("{prefix}{name}")]);
        let weights = WeightFile::read_for(&path, &graph).unwrap();
        let report = load_into(&graph, &mut params, &weights, UnusedWeights::Refuse).unwrap();
        assert_eq!((report.loaded.len(), report.prefix.as_str()), (graph.params().count(), prefix));
        assert!(report.notes()[0].ends_with(&format!("tensors loaded from below `{prefix}`")), "{report:?}");
        assert_eq!(export(&graph, &params)[0], weights_of("plain_cnn")[0]);
    }
}

#[test]
fn what_lies_beside_the_weights_in_a_checkpoint_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (graph, mut params) = model("plain_cnn", 7, 5.0);
    let path = file_with_names(folder.path(), |name| match name {
        "0.weight" => vec!["model.0.weight".into(), "optimizer.state.0.exp_avg".into(), "criterion.weight".into()],
        name => vec![format!("model.{name}")],
    });
    let weights = WeightFile::read_for(&path, &graph).unwrap();
    let message = load_into(&graph, &mut params, &weights, UnusedWeights::Refuse).unwrap_err().to_string();
    assert!(message.contains("1 of the file's tensors: `criterion.weight`; "), "{message}");
    let report = load_into(&graph, &mut params, &weights, UnusedWeights::Allow).unwrap();
    assert_eq!((report.loaded.len(), report.unused), (graph.params().count(), vec!["criterion.weight".to_owned()]));
}

#[test]
fn a_running_average_beside_the_weights_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (graph, _) = model("plain_cnn", 7, 5.0);
    let twice = |name: &str| ["model.", "model_ema.module."].map(|prefix| format!("{prefix}{name}")).to_vec();
    let path = file_with_names(folder.path(), twice);
    let message = WeightFile::read_for(&path, &graph).unwrap_err().to_string();
    assert!(message.contains("weights.safetensors"), "{message}");
    assert!(message.contains("more than once, below `model.` and `model_ema.module.`; save"), "{message}");
}

#[test]
fn a_file_with_other_names_shows_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (graph, mut params) = model("plain_cnn", 7, 5.0);
    let path = file_with_names(folder.path(), |name| vec![format!("trunk.layer_{}", name.replace('.', "_"))]);
    let weights = WeightFile::read_for(&path, &graph).unwrap();
    let message = load_into(&graph, &mut params, &weights, UnusedWeights::Allow).unwrap_err().to_string();
    let expected = "the file has 20 tensors, all below `trunk.`: `trunk.layer_0_weight`, `trunk.layer_13_bias`, ";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn integers_transposed_shapes_and_doubled_names_are_refused() {
    let place = |tensors: &[NamedTensor], name: &str| tensors.iter().position(|tensor| tensor.name == name).unwrap();
    let mut integers = weights_of("plain_cnn");
    let index = place(&integers, "1.weight");
    integers[index] = NamedTensor::i64("1.weight", [8], vec![1; 8]);
    assert!(refused("plain_cnn", &integers).contains("`1.weight` holds integers in the file"));

    let mut transposed = weights_of("plain_cnn");
    let index = place(&transposed, "13.weight");
    transposed[index] = NamedTensor::f32("13.weight", [24, 2], vec![0.0; 48]);
    let message = refused("plain_cnn", &transposed);
    assert!(message.contains("`13.weight`: [24, 2] in the file (transposed), [2, 24] here"), "{message}");

    let mut doubled = weights_of("plain_cnn");
    doubled.push(doubled[0].clone());
    assert!(refused("plain_cnn", &doubled).contains("`0.weight` is in the file more than once"));
}

/// A `uint8` or `bool` that no model wants is left over like others, not an unreadable file.
#[test]
fn a_tensor_of_another_type_matters_only_if_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.safetensors");
    let header = br#"{"fc.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"mask":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header, &1.0_f32.to_le_bytes(), b"\0"].concat();
    std::fs::write(&path, bytes).unwrap();
    let read = |name: &str| WeightFile::read(&path, &BTreeSet::from([name.to_owned()]));
    assert_eq!(read("fc.weight").unwrap().left_over[0].name, "mask");
    assert!(read("mask").unwrap_err().to_string().contains("tensor `mask` has type u8"));
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
        let error = WeightFile::read(&path, &names()).unwrap_err();
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
    let integer = br#"{"fc.bias":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let bytes = [&(integer.len() as u64).to_le_bytes()[..], integer, b"\0"].concat();
    let message = read("integer.safetensors", Some(&bytes)).to_string();
    assert!(message.contains("tensor `fc.bias` has type u8"), "{message}");
}
