//! Gradient: d(total loss)/d(parameter) by Burn's backward pass through the heatmap, against central finite differences in `f64`.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{ConvSpec, Graph, GraphBuilder, MaxPoolGeometry, Mode, ParamId, ParamRole, Params, Trace};
use isnet_loss::background::BackgroundTerm;
use isnet_loss::{
    ClassificationLoss, ForegroundForm, ForegroundRange, HeatmapLoss, HeatmapTerms, Mask, Targets, heatmap_loss,
    pool_over_nodes,
};
use isnet_lrp::{
    Composite, FirstLayer, LayerComposite, LayerRule, LrpError, OutputSelector, Outputs, Plan, Quantity, Rule, Target,
    dual_plan, explain,
};
use isnet_testkit::seeded;
use isnet_testkit::tiny::{self, CLASSES, Tiny};

const LABELS: [usize; 3] = [0, 2, 1];
/// The last sample has no mask.
const KNOWN: [bool; 3] = [true, true, false];
const HEATMAP_WEIGHT: f64 = 0.7;
const STEP: f64 = 1e-6;
const ENTRIES_PER_PARAMETER: u64 = 2;

/// One way to make a loss of a graph.
struct Setting<'a> {
    tiny: &'a Tiny,
    rules: Rules,
    selector: OutputSelector,
    loss: HeatmapLoss,
    known: &'a [bool],
}

/// Where the rules of a relevance pass come from.
#[derive(Clone, Debug)]
enum Rules {
    Gradient(Composite),
    Layers(Box<LayerComposite>),
    Dual(Composite),
}

impl Rules {
    fn plan(&self, graph: &Graph) -> Result<Plan, LrpError> {
        match self {
            Self::Gradient(composite) => composite.plan(graph),
            Self::Layers(composite) => composite.plan(graph),
            Self::Dual(composite) => dual_plan(composite, graph),
        }
    }

    /// Rules of single layers, and z^B, hold biases constant.
    fn hold_biases(&self) -> bool {
        !matches!(self, Self::Gradient(Composite { first_layer: FirstLayer::TimesInput, .. }))
    }
}

/// How many entries were compared, and how many lie at a kink of the loss.
#[derive(Default)]
struct Tally {
    compared: usize,
    kinks: usize,
}

#[test]
fn gradient_through_the_heatmap_equals_finite_differences() {
    let mut tally = Tally::default();
    for tiny in tiny::all().iter().chain([&supervised_pools(), &tiny::transformer()]) {
        for (row, selector) in selectors().into_iter().enumerate() {
            for (column, rules) in composites().map(Rules::Gradient).into_iter().enumerate() {
                let loss = losses()[(row + column) % 3];
                compare(&Setting { tiny, rules, selector, loss, known: &KNOWN }, &mut tally);
            }
        }
    }
    assert!(tally.compared > 2000, "only {} entries were compared", tally.compared);
    assert!(tally.kinks * 100 < tally.compared, "{} kinks beside {} entries", tally.kinks, tally.compared);
}

#[test]
fn gradient_through_rules_of_layers_equals_finite_differences() {
    let (mut tally, mut number) = (Tally::default(), 0);
    for tiny in tiny::all().iter().chain([&supervised_pools(), &tiny::transformer()]) {
        for composite in layer_composites() {
            number += 1;
            let (loss, selector) = (losses()[number % 3], selectors()[number % 4]);
            compare(
                &Setting { tiny, rules: Rules::Layers(Box::new(composite)), selector, loss, known: &KNOWN },
                &mut tally,
            );
        }
    }
    assert!(tally.compared > 1800, "only {} entries were compared", tally.compared);
    assert!(tally.kinks * 20 < tally.compared, "{} kinks beside {} entries", tally.kinks, tally.compared);
}

#[test]
fn gradient_through_both_maps_of_the_dual_isnet_equals_finite_differences() {
    let mut tally = Tally::default();
    for tiny in tiny::all().iter().chain([&supervised_pools(), &tiny::transformer()]) {
        for loss in losses() {
            // The ε map without z^B would not hold biases constant, as the z⁺ map does.
            let (rules, selector) = (Rules::Dual(Composite::isnet()), OutputSelector::dual());
            compare(&Setting { tiny, rules, selector, loss, known: &KNOWN }, &mut tally);
        }
    }
    assert!(tally.compared > 300, "only {} entries were compared", tally.compared);
    assert!(tally.kinks * 20 < tally.compared, "{} kinks beside {} entries", tally.kinks, tally.compared);
}

#[test]
fn with_p_zero_the_gradient_is_the_classifiers() {
    for tiny in &tiny::all() {
        let setting = plain_setting(tiny, &KNOWN);
        let params = parameters(tiny).tracked(&tiny.graph, |_, _| true);
        let (classification, heatmap) = setting.parts(&params, &params);
        let of_both = gradient(tiny, &params, &(classification * 1.0 + heatmap.total * 0.0));
        let (classification, _) = setting.parts(&params, &params);
        let alone = gradient(tiny, &params, &classification);
        for (both, alone) in of_both.iter().zip(&alone) {
            assert_near(both, alone, 1e-14, tiny.name);
        }
    }
}

#[test]
fn a_sample_without_mask_adds_nothing_to_the_heatmap_gradient() {
    for tiny in &tiny::all() {
        let params = parameters(tiny).tracked(&tiny.graph, |_, _| true);
        let (_, all) = plain_setting(tiny, &KNOWN).parts(&params, &params);
        let (_, masked) = plain_setting(tiny, &KNOWN[..2]).parts(&params, &params);
        let (of_all, of_masked) = (gradient(tiny, &params, &all.total), gradient(tiny, &params, &masked.total));
        assert!(of_all.iter().flatten().any(|value| value.abs() > 1e-6), "{}: a gradient of zeros", tiny.name);
        for (all, masked) in of_all.iter().zip(&of_masked) {
            assert_near(all, masked, 1e-10, tiny.name);
        }
    }
}

#[test]
fn a_batch_without_any_mask_trains_the_classifier_only() {
    for tiny in &tiny::all() {
        let setting = plain_setting(tiny, &[false; 3]);
        let params = parameters(tiny).tracked(&tiny.graph, |_, _| true);
        let (_, heatmap) = setting.parts(&params, &params);
        assert_eq!(scalar(&heatmap.total), 0.0, "{}", tiny.name);
        let gradients = gradient(tiny, &params, &heatmap.total);
        assert!(gradients.iter().flatten().all(|value| *value == 0.0), "{}: {gradients:?}", tiny.name);
    }
}

/// Compares a few entries of every parameter.
fn compare(setting: &Setting<'_>, tally: &mut Tally) {
    let graph = &setting.tiny.graph;
    let params = parameters(setting.tiny);
    let tracked = params.tracked(graph, |_, _| true);
    let backward = gradient(setting.tiny, &tracked, &setting.total(&tracked, &tracked));
    let largest = backward.iter().flatten().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(largest.is_finite() && largest > 1e-6, "{}: the largest gradient is {largest}", setting.place());
    for (id, spec) in graph.params().filter(|(_, spec)| spec.role.is_trainable()) {
        for draw in 0..ENTRIES_PER_PARAMETER.min(spec.len() as u64) {
            let entry = (seeded::unit(&setting.place(), draw + 7 * id.index() as u64) * spec.len() as f64) as usize;
            let [coarse, fine] = [STEP, STEP / 4.0].map(|step| setting.difference(&params, id, entry, step));
            let tolerance = 1e-5 * coarse.abs() + 1e-6 * largest;
            if (coarse - fine).abs() > tolerance {
                tally.kinks += 1;
                continue;
            }
            tally.compared += 1;
            let found = backward[id.index()][entry];
            let place = format!("{}: `{}`[{entry}]", setting.place(), spec.name);
            assert!((found - coarse).abs() <= 2.0 * tolerance, "{place}: backward {found}, differences {coarse}");
        }
    }
}

impl Setting<'_> {
    fn place(&self) -> String {
        format!("{}, {:?}, {:?}, {:?}", self.tiny.name, self.rules, self.selector, self.loss.foreground_form)
    }

    /// Classification and heatmap loss; `walked` are the parameters that the relevance pass reads.
    fn parts(&self, params: &Params, walked: &Params) -> (Tensor<1>, HeatmapTerms) {
        let (graph, samples) = (&self.tiny.graph, self.known.len());
        let trace = graph.forward(params, images(self.tiny, samples), Mode::Evaluate);
        let targets = Targets::SingleLabel(LABELS[..samples].to_vec());
        let classification = ClassificationLoss::default().forward(trace.logits(), &targets).expect("valid labels");
        (classification, self.heatmap_terms(walked, &trace))
    }

    fn heatmap_terms(&self, walked: &Params, trace: &Trace) -> HeatmapTerms {
        let graph = &self.tiny.graph;
        let plan = self.rules.plan(graph).expect("every tiny graph can be explained");
        let outputs = Outputs::single_label(Some(&LABELS[..self.known.len()]));
        let seeds = self.selector.seeds(trace.logits(), &outputs, None).expect("valid labels");
        let relevance = explain(graph, walked, trace, &plan, seeds.gradient, graph.supervised());
        let mask = Mask::new(masks(self.tiny, self.known.len()), self.known.to_vec());
        let maps = std::iter::once(&relevance.heatmap).chain(&relevance.hidden);
        let count = seeds.maps * plan.passes().len();
        pool_over_nodes(maps.map(|map| heatmap_loss(map, &mask, count, &self.loss)).collect(), 0.9)
    }

    fn total(&self, params: &Params, walked: &Params) -> Tensor<1> {
        let (classification, heatmap) = self.parts(params, walked);
        classification * (1.0 - HEATMAP_WEIGHT) + heatmap.total * HEATMAP_WEIGHT
    }

    /// `(L(w + step) − L(w − step)) / (2·step)`.
    ///
    /// z^B and the rules of layers hold biases constant, so there the difference moves them in the forward pass alone.
    fn difference(&self, params: &Params, id: ParamId, entry: usize, step: f64) -> f64 {
        let role = self.tiny.graph.param(id).role;
        let constant_in_walk = self.rules.hold_biases() && matches!(role, ParamRole::Bias | ParamRole::NormBias);
        let loss = |step: f64| {
            let mut moved = params.clone();
            let mut value = values(params.flat(id));
            value[entry] += step;
            moved.set(id, Tensor::from_data(TensorData::from(value.as_slice()), float64()));
            scalar(&self.total(&moved, if constant_in_walk { params } else { &moved }))
        };
        (loss(step) - loss(-step)) / (2.0 * step)
    }
}

fn selectors() -> [OutputSelector; 4] {
    let label = |quantity| OutputSelector { target: Target::Label, quantity };
    [
        OutputSelector::all_classes(),
        OutputSelector::selective(1e-2),
        label(Quantity::Logit),
        label(Quantity::Eta { epsilon: 1e-2 }),
    ]
}

fn composites() -> [Composite; 2] {
    [Composite { epsilon: 0.01, first_layer: FirstLayer::TimesInput }, Composite::isnet()]
}

/// Every rule; with a coarse stabilizer, since a quotient by nearly nothing has no finite differences.
fn layer_composites() -> Vec<LayerComposite> {
    let with = |rule, blends| {
        let [rule, blends] = [rule, blends].map(|rule| Rule::Layer { rule, stabilizer: 0.1 });
        LayerComposite {
            conv: rule,
            dense: rule,
            average_pool: blends,
            add: blends,
            batch_norm: Some(rule),
            attention: Rule::AttnLrp { stabilizer: 0.1 },
            ..LayerComposite::epsilon_plus()
        }
    };
    let everywhere = [
        LayerRule::Epsilon,
        LayerRule::ZPlus,
        LayerRule::AlphaBeta { alpha: 2.0, beta: 1.0 },
        LayerRule::Gamma { gamma: 0.25 },
    ];
    let of_weights = [LayerRule::WSquare, LayerRule::Flat, LayerRule::ZBox { low: -0.5, high: 2.0 }];
    let of_weights = of_weights.map(|rule| with(rule, LayerRule::Epsilon));
    everywhere.map(|rule| with(rule, rule)).into_iter().chain(of_weights).collect()
}

/// Relevance of the tiny graphs lies below the first range, and above the others.
fn losses() -> [HeatmapLoss; 3] {
    let loss = |min, max, foreground_form| HeatmapLoss {
        background: BackgroundTerm { saturation: 1.0, gwrp_decay: 0.9 },
        foreground_range: ForegroundRange { min, max },
        foreground_form,
        ..HeatmapLoss::default()
    };
    [
        loss(10.0, 25.0, ForegroundForm::L2),
        loss(0.01, 0.02, ForegroundForm::L2),
        loss(0.01, 0.02, ForegroundForm::Hybrid),
    ]
}

fn plain_setting<'a>(tiny: &'a Tiny, known: &'a [bool]) -> Setting<'a> {
    let (rules, selector) = (Rules::Gradient(Composite::isnet()), OutputSelector::selective(1e-2));
    Setting { tiny, rules, selector, loss: HeatmapLoss::default(), known }
}

/// Deep supervision at nodes smaller than the mask.
fn supervised_pools() -> Tiny {
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1));
    let x = build.batch_norm("norm0", x, 3);
    let x = build.relu("relu0", x);
    let x = build.max_pool("pool0", x, MaxPoolGeometry::square(2));
    build.supervise(x);
    let x = build.conv("conv1", x, ConvSpec::square(3, 4, 2).biased());
    let x = build.relu("relu1", x);
    build.supervise(x);
    let x = build.adaptive_average_pool("pool", x, [1, 1]);
    let x = build.dense("fc", x, 4, CLASSES);
    Tiny { name: "supervised pools", graph: build.finish(x).expect("valid"), size: [7, 6] }
}

fn parameters(tiny: &Tiny) -> Params {
    seeded::params(&tiny.graph, "gradient", 1.0, &Device::flex(), DType::F64)
}

/// The first samples of a fixed batch.
fn images(tiny: &Tiny, samples: usize) -> Tensor<4> {
    let [height, width] = tiny.size;
    let size = [LABELS.len(), tiny.graph.input_channels(), height, width];
    seeded::image("gradient", size, &Device::flex(), DType::F64).narrow(0, 0, samples)
}

/// The upper left corner is foreground, a row more in each sample.
fn masks(tiny: &Tiny, samples: usize) -> Tensor<4> {
    let [height, width] = tiny.size;
    let inside = |sample: usize, row: usize, column: usize| row <= sample && column < 2;
    let pixel = |index: usize| {
        let (sample, place) = (index / (height * width), index % (height * width));
        f64::from(u8::from(inside(sample, place / width, place % width)))
    };
    let pixels: Vec<f64> = (0..samples * height * width).map(pixel).collect();
    Tensor::from_data(TensorData::new(pixels, [samples, height, width, 1]), float64())
}

/// The gradient of every parameter; zeros for those that have none.
fn gradient(tiny: &Tiny, params: &Params, loss: &Tensor<1>) -> Vec<Vec<f64>> {
    let gradients = loss.backward();
    let of_param = |id| params.flat(id).grad(&gradients).map(values);
    let graph: &Graph = &tiny.graph;
    graph.params().map(|(id, spec)| of_param(id).unwrap_or_else(|| vec![0.0; spec.len()])).collect()
}

fn float64() -> (&'static Device, DType) {
    static FLEX: std::sync::LazyLock<Device> = std::sync::LazyLock::new(Device::flex);
    (&FLEX, DType::F64)
}

fn values(tensor: Tensor<1>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("floats")
}

fn scalar(tensor: &Tensor<1>) -> f64 {
    values(tensor.clone())[0]
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64, place: &str) {
    for (found, expected) in found.iter().zip(expected) {
        let allowed = tolerance * (1.0 + expected.abs());
        assert!((found - expected).abs() <= allowed, "{place}: {found} instead of {expected}");
    }
}
