//! Speed of whole steps: `cargo bench -p isnet-train --bench steps -- [--quick] [FILTER]...`.
//!
//! Training steps with their optimizer, one explanation, one inference, on colour images of 224² pixels. GFLOP/s count the
//! convolutions and dense layers only, in passes over the network (`shared/PERFORMANCE.md`), so the share of the peak is the share of
//! the floor. Weights and images follow from a seed, so that `benches/peers/peers.py` can repeat a case and compare its [`Bench::facts`].

#[expect(dead_code, reason = "only operations count bytes")]
#[path = "../../isnet-kernels/benches/harness/mod.rs"]
mod harness;

use burn::tensor::{DType, Device, Tensor, TensorData};
use harness::{Bench, Case, Work, timed};
use isnet_graph::{Graph, Mode, Params, Predictor};
use isnet_loss::background::BackgroundTerm;
use isnet_loss::{ClassificationLoss, HeatmapLoss, Mask, Targets};
use isnet_lrp::{Composite, FirstLayer, OutputSelector, Outputs, Plan, Quantity, Target, explain};
use isnet_models::{Architecture, build};
use isnet_run::config::RunConfig;
use isnet_testkit::seeded;
use isnet_train::optimizer::{GradientSet, Optimizer};
use isnet_train::{Batch, Evaluation, HeatmapObjective, Objective, Phase};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SEED: &str = "peers";
/// Keeps seeded logits small, so that no softmax saturates.
const HEAD_GAIN: f64 = 0.1;
const SIDE: usize = 224;
/// Classes of the training steps, hence maps of `all_classes`.
const CLASSES: usize = 3;
/// Classes of explanations and inference: ImageNet's.
const MANY_CLASSES: usize = 1000;
/// P of the loss.
const HEATMAP_WEIGHT: f64 = 0.7;
const LEARNING_RATE: f64 = 1e-3;

/// What a training step trains with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Plain,
    Selective,
    AllClasses,
}

impl Method {
    /// Passes over the convolutions: forward, relevance, and twice each backwards; the plain step has no relevance.
    fn passes(self) -> usize {
        match self {
            Method::Plain => 3,
            Method::Selective => 6,
            Method::AllClasses => 3 + 3 * CLASSES,
        }
    }

    fn objective(self, graph: &Graph) -> Objective {
        let selector = match self {
            Method::Plain => None,
            Method::Selective => Some(OutputSelector::selective(1e-2)),
            Method::AllClasses => Some(OutputSelector::all_classes()),
        };
        let heatmap = |selector| HeatmapObjective {
            plan: Composite::isnet().plan(graph).expect("a plan"),
            selector,
            loss: HeatmapLoss {
                background: BackgroundTerm { saturation: 1.0, gwrp_decay: 0.996 },
                ..HeatmapLoss::default()
            },
            lds_decay: None,
            gate: isnet_run::config::HeatmapLossGate::None,
            every: 1,
        };
        let method =
            selector.map_or(isnet_train::Method::Standard, |selector| isnet_train::Method::Isnet(heatmap(selector)));
        Objective { classification: ClassificationLoss::default(), method }
    }
}

/// A model with seeded weights, and seeded images.
struct Model {
    graph: Graph,
    params: Params,
    image: Tensor<4>,
}

impl Model {
    fn new(architecture: &Architecture, samples: usize) -> Self {
        let graph = build(architecture).expect("an architecture of the zoo");
        let device = Device::flex();
        let params = seeded::params(&graph, SEED, HEAD_GAIN, &device, DType::F32);
        let image = seeded::image(SEED, [samples, 3, SIDE, SIDE], &device, DType::F32);
        // Into the memory order of a batch from a data set.
        let values: Vec<f32> = image.clone().try_into_vec_as().expect("floats");
        let image = Tensor::from_data(TensorData::new(values, image.dims()), &device);
        Self { graph, params, image }
    }
}

/// A training step: losses, gradients, running statistics, optimizer.
struct Step {
    model: Model,
    objective: Objective,
    optimizer: Optimizer,
    batch: Batch,
    rng: ChaCha8Rng,
}

impl Step {
    fn new(architecture: &str, samples: usize, method: Method) -> Self {
        let transition_relu = method != Method::Plain;
        let model =
            Model::new(&Architecture { transition_relu, ..Architecture::new(architecture, CLASSES, 3) }, samples);
        let objective = method.objective(&model.graph);
        let config = RunConfig::from_toml("[data.phantom]", "steps.toml", &[]).expect("the defaults are valid");
        let optimizer = Optimizer::new(&config.train, &model.graph);
        let labels = (0..samples).map(|sample| sample % CLASSES).collect();
        let mask = Mask::new(foreground(samples), vec![true; samples]);
        let batch = Batch { image: model.image.clone(), mask, targets: Targets::SingleLabel(labels) };
        Self { model, objective, optimizer, batch, rng: ChaCha8Rng::seed_from_u64(0) }
    }

    fn evaluate(&mut self) -> (Params, Evaluation) {
        let Model { graph, params, .. } = &self.model;
        let tracked = params.tracked(graph, |_, _| true);
        let found =
            self.objective.evaluate((graph, &tracked), &self.batch, HEATMAP_WEIGHT, Phase::Train, &mut self.rng);
        (tracked, found.expect("labels of the model"))
    }

    fn step(&mut self) {
        let (tracked, found) = self.evaluate();
        let loss = number(&found.total);
        assert!(loss.is_finite(), "the loss is {loss}");
        let Model { graph, params, .. } = &mut self.model;
        let gradients = GradientSet::collect(graph, &tracked, found.total.backward());
        let statistics = graph.running_statistics(params, &found.trace);
        self.optimizer.step(params, gradients, LEARNING_RATE);
        for (id, value) in statistics {
            params.set(id, value);
        }
    }
}

impl Bench for Step {
    fn run(&mut self) -> f64 {
        timed(|| isnet_kernels::on_workers(|| self.step())).0
    }

    fn facts(&mut self) -> Vec<(String, f64)> {
        let (tracked, found) = self.evaluate();
        let mut facts = vec![("loss.total", &found.total)];
        facts.extend(found.classification.as_ref().map(|loss| ("loss.classification", loss)));
        if let Some(terms) = &found.heatmap {
            facts.extend([("loss.background", &terms.background), ("loss.foreground", &terms.foreground)]);
        }
        let mut facts: Vec<(String, f64)> =
            facts.into_iter().map(|(name, loss)| (name.to_owned(), number(loss))).collect();
        let gradients = found.total.backward();
        for (id, spec) in self.model.graph.params().filter(|(_, spec)| spec.role.is_trainable()) {
            let gradient = tracked.flat(id).grad(&gradients).expect("every parameter has a gradient");
            let norm = gradient.square().sum().sqrt();
            facts.push((format!("grad.{}", spec.name), number(&norm)));
        }
        facts
    }
}

/// LRP-ε of the highest logit, with running statistics.
struct Explanation {
    model: Model,
    plan: Plan,
}

impl Explanation {
    fn heatmap(&self) -> Tensor<4> {
        let Model { graph, params, image } = &self.model;
        let trace = graph.forward(params, image.clone(), Mode::Evaluate);
        let selector = OutputSelector { target: Target::Highest, quantity: Quantity::Logit };
        let seeds = selector.seeds(trace.logits(), &Outputs::single_label(None), None).expect("logits");
        explain(graph, params, &trace, &self.plan, seeds.gradient, &[]).heatmap
    }
}

impl Bench for Explanation {
    fn run(&mut self) -> f64 {
        timed(|| self.heatmap()).0
    }

    fn facts(&mut self) -> Vec<(String, f64)> {
        let rows: Tensor<2> = self.heatmap().flatten(1, 3);
        facts_of_rows("relevance", rows)
    }
}

/// The logits of a trained model, made ready before.
struct Inference {
    predictor: Predictor,
    image: Tensor<4>,
}

impl Inference {
    fn logits(&self) -> Tensor<2> {
        self.predictor.logits(self.image.clone())
    }
}

impl Bench for Inference {
    fn run(&mut self) -> f64 {
        timed(|| self.logits()).0
    }

    fn facts(&mut self) -> Vec<(String, f64)> {
        facts_of_rows("logits", self.logits())
    }
}

/// Sum and sum of squares of each sample.
fn facts_of_rows(name: &str, rows: Tensor<2>) -> Vec<(String, f64)> {
    let fact = |kind: &str, sums: Tensor<2>| {
        let sums: Vec<f64> = sums.try_into_vec_as().expect("floats");
        sums.into_iter().enumerate().map(|(row, sum)| (format!("{name}.{kind}.{row}"), sum)).collect::<Vec<_>>()
    };
    let mut facts = fact("sum", rows.clone().sum_dim(1));
    facts.extend(fact("squares", rows.square().sum_dim(1)));
    facts
}

fn number(tensor: &Tensor<1>) -> f64 {
    tensor.clone().inner().into_scalar::<f64>()
}

/// The same rectangle in every image, `[N, H, W, 1]`.
fn foreground(samples: usize) -> Tensor<4> {
    let inside = |at: usize| (56..168).contains(&(at / SIDE)) && (40..184).contains(&(at % SIDE));
    let image = (0..SIDE * SIDE).map(|at| if inside(at) { 1.0_f32 } else { 0.0 });
    let values: Vec<f32> = image.collect::<Vec<_>>().repeat(samples);
    Tensor::from_data(TensorData::new(values, [samples, SIDE, SIDE, 1]), &Device::flex())
}

/// Work of some passes over a network.
fn work(architecture: &Architecture, samples: usize, passes: usize) -> Work {
    let summary = build(architecture).expect("known").summary([SIDE; 2]).expect("224² pixels fit");
    Work::Flops(2.0 * (summary.multiply_adds() * samples * passes) as f64 / 1e9)
}

fn training(architecture: &'static str, samples: usize) -> [Case; 3] {
    let methods = [("plain", Method::Plain), ("selective", Method::Selective), ("all_classes", Method::AllClasses)];
    methods.map(|(name, method)| Case {
        name: format!("step-{name}-{architecture}-b{samples}"),
        work: work(&Architecture::new(architecture, CLASSES, 3), samples, method.passes()),
        prepare: Box::new(move || Box::new(Step::new(architecture, samples, method))),
    })
}

fn explanation(architecture: &'static str, samples: usize) -> Case {
    let prepare = move || -> Box<dyn Bench> {
        let model = Model::new(&Architecture::new(architecture, MANY_CLASSES, 3), samples);
        let composite = Composite { first_layer: FirstLayer::TimesInput, ..Composite::isnet() };
        let plan = composite.plan(&model.graph).expect("a plan");
        Box::new(Explanation { model, plan })
    };
    let name = format!("explain-{architecture}-b{samples}");
    Case { name, work: work(&Architecture::new(architecture, MANY_CLASSES, 3), samples, 2), prepare: Box::new(prepare) }
}

fn inference(architecture: &'static str, samples: usize) -> Case {
    inference_of(Architecture::new(architecture, MANY_CLASSES, 3), architecture, samples)
}

/// What ISNet does without: a U-Net that masks the image, then the classifier.
fn pipeline(architecture: &'static str, samples: usize) -> Case {
    let segmenter = Some(Box::new(Architecture::new("unet", 0, 3)));
    let both = Architecture { segmenter, ..Architecture::new(architecture, MANY_CLASSES, 3) };
    inference_of(both, &format!("pipeline-{architecture}"), samples)
}

fn inference_of(architecture: Architecture, name: &str, samples: usize) -> Case {
    let work = work(&architecture, samples, 1);
    let prepare = move || -> Box<dyn Bench> {
        let Model { graph, params, image } = Model::new(&architecture, samples);
        Box::new(Inference { predictor: Predictor::new(&graph, &params), image })
    };
    Case { name: format!("infer-{name}-b{samples}"), work, prepare: Box::new(prepare) }
}

fn main() {
    let mut cases = Vec::new();
    cases.extend(training("resnet18", 8));
    cases.extend(training("densenet121", 4));
    for samples in [1, 8] {
        cases.extend(["resnet18", "vgg16"].map(|architecture| explanation(architecture, samples)));
        cases.extend(["resnet18", "densenet121"].map(|architecture| inference(architecture, samples)));
        cases.extend(["resnet18", "densenet121"].map(|architecture| pipeline(architecture, samples)));
    }
    harness::main(&cases);
}
