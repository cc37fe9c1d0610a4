//! Walks a folder of reference cases and holds the product against them.
//!
//! `ISNET_REFERENCE=<folder> cargo test --release --test reference`. Without the variable, the cases committed in
//! `tests/fixtures/reference` run. A case is `<name>.json` (configuration) and `<name>.safetensors` (inputs and results of the
//! reference implementation of the papers); weights follow from the seed. Tolerances, relative to the largest value of each tensor: logits, heatmaps and losses
//! 1e-4, gradients 1e-3.

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{Graph, NodeId, Params};
use isnet_loss::background::BackgroundTerm;
use isnet_loss::{ClassificationLoss, ForegroundForm, ForegroundRange, HeatmapLoss, Mask, Targets};
use isnet_lrp::{Composite, FirstLayer, OutputSelector, Quantity, Target};
use isnet_models::{Architecture, build, plain_cnn::reference};
use isnet_testkit::seeded;
use isnet_train::{Batch, Evaluation, HeatmapObjective, Method, Objective, Phase};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::SafeTensors;
use serde_json::Value;

const FORWARD: f64 = 1e-4;
const GRADIENT: f64 = 1e-3;

#[test]
fn reference_cases_agree() {
    let folder = std::env::var_os("ISNET_REFERENCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reference"), PathBuf::from);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read the folder of cases {}: {error}", folder.display()))
        .map(|entry| entry.expect("folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    let failures: Vec<String> = cases.iter().flat_map(|case| Case::read(case).check()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases' values differ:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

/// A configuration and its tensors.
struct Case {
    name: String,
    config: Value,
    bytes: Vec<u8>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("readable case");
        let bytes = std::fs::read(path.with_extension("safetensors")).expect("tensors beside the case");
        let name = path.file_stem().expect("file name").to_string_lossy().into_owned();
        Self { name, config: serde_json::from_str(&text).expect("JSON"), bytes }
    }

    fn number(&self, key: &str) -> f64 {
        self.config[key].as_f64().unwrap_or_else(|| panic!("{}: number `{key}`", self.name))
    }

    fn count(&self, key: &str) -> usize {
        self.config[key].as_u64().unwrap_or_else(|| panic!("{}: count `{key}`", self.name)) as usize
    }

    fn text(&self, key: &str) -> &str {
        self.config[key].as_str().unwrap_or_else(|| panic!("{}: text `{key}`", self.name))
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("safetensors")
    }

    /// Values of a tensor, integers too, with its shape.
    fn tensor(&self, name: &str) -> Option<(Vec<f64>, Vec<usize>)> {
        let tensors = self.tensors();
        let view = tensors.tensor(name).ok()?;
        let values = match view.dtype() {
            safetensors::Dtype::F32 => {
                view.data().chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().expect("4")))).collect()
            }
            safetensors::Dtype::I64 => {
                view.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("8")) as f64).collect()
            }
            other => panic!("{}: `{name}` has type {other:?}", self.name),
        };
        Some((values, view.shape().to_vec()))
    }

    fn check(&self) -> Vec<String> {
        let graph = self.graph();
        let device = Device::flex();
        let params = self.params(&graph, &device).tracked(&graph, |_, _| true);
        let objective = self.objective(&graph);
        let batch = self.batch(&device);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let found = objective
            .evaluate((&graph, &params), &batch, self.number("P"), Phase::Evaluate, &mut rng)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut report = Report { case: self, failures: Vec::new() };
        self.check_forward(&graph, &found, &mut report);
        self.check_gradients(&graph, &params, &found, &mut report);
        report.failures
    }

    fn graph(&self) -> Graph {
        let name = self.text("arch");
        let (name, batch_norm) = match name {
            "plain_cnn_bn" => ("plain_cnn", true),
            other => (other, false),
        };
        let (classes, stages) = (self.count("classes"), reference(self.count("classes"), 3).stages);
        build(&Architecture { batch_norm, stages, transition_relu: true, ..Architecture::new(name, classes, 3) })
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn params(&self, graph: &Graph, device: &Device) -> Params {
        seeded::params(graph, self.text("seed"), self.number("head_gain"), device, DType::F32)
    }

    fn objective(&self, graph: &Graph) -> Objective {
        let epsilon = self.number("eps");
        let z_box = self.config["zb"].as_bool().expect("zb");
        let first_layer = if z_box { FirstLayer::ZBox { low: 0.0, high: 1.0 } } else { FirstLayer::TimesInput };
        let eta = Quantity::Eta { epsilon: self.number("selective_eps") };
        let (target, quantity) = match self.text("variant") {
            "original" | "deep_supervision" => (Target::AllClasses, Quantity::Logit),
            "selective" => (Target::Lowest, eta),
            "label" => (Target::Label, Quantity::Logit),
            "selective_label" => (Target::Label, eta),
            other => panic!("{}: variant `{other}`", self.name),
        };
        let foreground_form = match self.text("foreground") {
            "hybrid" => ForegroundForm::Hybrid,
            _ => ForegroundForm::L2,
        };
        let loss = HeatmapLoss {
            background_weight: self.number("A"),
            foreground_weight: self.number("B"),
            background: BackgroundTerm { saturation: self.number("E"), gwrp_decay: self.number("d") },
            foreground_range: ForegroundRange { min: self.number("C1"), max: self.number("C2") },
            foreground_form,
        };
        let lds_decay = (self.text("variant") == "deep_supervision").then(|| self.number("d_layers"));
        let plan = Composite { epsilon, first_layer }.plan(graph).expect("a plan");
        Objective {
            classification: ClassificationLoss::default(),
            method: Method::Isnet(HeatmapObjective {
                plan,
                selector: OutputSelector { target, quantity },
                loss,
                lds_decay,
                gate: isnet_run::config::HeatmapLossGate::None,
                every: 1,
            }),
        }
    }

    fn batch(&self, device: &Device) -> Batch {
        let channels_last = |name: &str| {
            let (values, shape) = self.tensor(name).expect("input tensor");
            let shape: [usize; 4] = shape.try_into().expect("four axes");
            let tensor = Tensor::<4>::from_data(TensorData::new(values, shape), (device, DType::F32));
            tensor.permute([0, 2, 3, 1])
        };
        let labels = self.tensor("labels").expect("labels").0.into_iter().map(|label| label as usize).collect();
        let mask = channels_last("mask");
        let known = vec![true; mask.dims()[0]];
        Batch { image: channels_last("input"), mask: Mask::new(mask, known), targets: Targets::SingleLabel(labels) }
    }

    fn check_forward(&self, graph: &Graph, found: &Evaluation, report: &mut Report<'_>) {
        report.compare("logits", &values(found.trace.logits()), FORWARD);
        let terms = found.heatmap.as_ref().expect("every case has a heatmap loss");
        let classification = found.classification.clone().expect("every case classifies");
        report.compare("loss.classification", &values(classification), FORWARD);
        report.compare("loss.heatmap", &values(terms.total.clone()), FORWARD);
        report.compare("loss.total", &values(found.total.clone()), FORWARD);
        let explained: Vec<f64> = found.explained.iter().map(|class| *class as f64).collect();
        // Variants with a map per class store an empty tensor.
        if self.tensor("explained").is_some_and(|(classes, _)| !classes.is_empty()) {
            report.compare("explained", &explained, 0.0);
        }
        let relevance = found.relevance.as_ref().expect("relevance");
        report.compare("heatmap", &values(relevance.heatmap.clone().permute([0, 3, 1, 2])), FORWARD);
        for (node, map) in graph.supervised().iter().zip(&relevance.hidden) {
            self.check_hidden(graph, *node, map, report);
        }
    }

    fn check_hidden(&self, graph: &Graph, node: NodeId, map: &Tensor<4>, report: &mut Report<'_>) {
        let name = format!("relevance.{}.abs_sum", graph.node(node).name);
        let rows = map.dims()[0];
        let sums = map.clone().abs().sum_dims(&[1, 2, 3]).reshape([rows]);
        report.compare(&name, &values(sums), FORWARD);
    }

    fn check_gradients(&self, graph: &Graph, params: &Params, found: &Evaluation, report: &mut Report<'_>) {
        let gradients = found.total.backward();
        let mut largest = 0.0_f64;
        let mut norms = Vec::new();
        for (id, spec) in graph.params().filter(|(_, spec)| spec.role.is_trainable()) {
            let gradient = params.flat(id).grad(&gradients).map_or_else(|| vec![0.0; spec.len()], values);
            let norm = gradient.iter().map(|value| value * value).sum::<f64>().sqrt();
            let expected = self.config["grad_norm"][&spec.name]
                .as_f64()
                .unwrap_or_else(|| panic!("{}: no reference gradient of `{}`", self.name, spec.name));
            largest = largest.max(expected);
            norms.push((&spec.name, norm, expected));
            if self.tensor(&format!("grad.{}", spec.name)).is_some() {
                report.compare(&format!("grad.{}", spec.name), &gradient, GRADIENT);
            }
        }
        let listed = self.config["grad_norm"].as_object().expect("grad_norm").len();
        assert_eq!(norms.len(), listed, "{}: parameters", self.name);
        for (name, norm, expected) in norms {
            if (norm - expected).abs() > GRADIENT * expected.max(1e-6 * largest) {
                report.failures.push(format!("{}: norm of d/d`{name}` is {norm}, expected {expected}", self.name));
            }
        }
    }
}

/// What differs.
struct Report<'a> {
    case: &'a Case,
    failures: Vec<String>,
}

impl Report<'_> {
    fn compare(&mut self, name: &str, found: &[f64], tolerance: f64) {
        let Some((expected, _)) = self.case.tensor(name) else {
            return self.failures.push(format!("{}: the reference has no `{name}`", self.case.name));
        };
        if expected.len() != found.len() {
            let lengths = format!("{} values, expected {}", found.len(), expected.len());
            return self.failures.push(format!("{}: `{name}` has {lengths}", self.case.name));
        }
        let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let worst = found
            .iter()
            .zip(&expected)
            .map(|(f, e)| (f - e).abs())
            .fold(0.0_f64, |a, b| if b > a || b.is_nan() { b } else { a });
        if worst.is_nan() || worst > tolerance * largest {
            self.failures.push(format!(
                "{}: `{name}` differs by {:.2e} of its largest value {largest:.3e}",
                self.case.name,
                worst / largest
            ));
        }
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.inner().cast(DType::F32).try_into_vec_as().expect("floats")
}
