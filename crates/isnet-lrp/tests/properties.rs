//! Properties that relevance has whatever the weights: conservation, independence of samples and maps, equal networks explain alike.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{ConvSpec, Graph, GraphBuilder, Mode, Node, NodeId, Op, ParamRole, ParamSpec, Params, Trace};
use isnet_lrp::{
    Composite, FirstLayer, LayerComposite, LayerRule, OutputSelector, Outputs, Plan, Rule, dual_plan, explain,
    gradient_at,
};
use isnet_testkit::seeded;
use isnet_testkit::tiny::{self, CLASSES, Tiny};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SAMPLES: usize = 3;
const EPSILON: Composite = Composite { epsilon: 0.01, first_layer: FirstLayer::TimesInput };

#[test]
fn conserves_relevance_without_bias() {
    let composite = Composite { epsilon: 1e-12, first_layer: FirstLayer::TimesInput };
    // A log-sum-exp pool is no linear function of its places: `ln` takes some of what they sum to.
    let is_smooth = |(_, node): (_, &Node)| matches!(node.op, Op::LogSumExpPool(_));
    for tiny in tiny::all().into_iter().filter(|tiny| !tiny.graph.nodes().any(is_smooth)) {
        assert_conserved(&tiny, &composite);
    }
}

#[test]
fn epsilon_absorbs_relevance() {
    // Every ReLU multiplies by a/(a + ε) < 1: what is conserved above is so because ε vanishes.
    let tiny = named("plain chain");
    let params = unbiased(&tiny.graph);
    let trace = tiny.graph.forward(&params, images(&tiny), Mode::Evaluate);
    let kept = |epsilon| {
        let plan = Composite { epsilon, ..EPSILON }.plan(&tiny.graph).expect("a plan");
        let (relevance, seeds) = (explain(&tiny.graph, &params, &trace, &plan, seeds(), &[]).heatmap, seeds());
        let logits = trace.logits().unsqueeze_dim::<3>(1).expand([SAMPLES, CLASSES, CLASSES]).reshape(seeds.dims());
        let handed_in = values((logits * seeds).sum_dim(1));
        let sums = values(relevance.sum_dims(&[1, 2, 3]));
        sums.iter().zip(handed_in).map(|(sum, handed_in)| (sum - handed_in).abs()).sum::<f64>()
    };
    let [nothing, some, more] = [1e-12, 0.01, 0.1].map(kept);
    assert!(nothing < 1e-9 && some > 1e-3 && more > 2.0 * some, "{nothing} {some} {more}");
}

#[test]
#[should_panic(expected = "the plan belongs to another graph")]
fn a_plan_of_another_graph_is_refused() {
    let (tiny, other) = (named("plain chain"), named("no relu at all"));
    let params = parameters(&tiny.graph);
    let trace = tiny.graph.forward(&params, images(&tiny), Mode::Evaluate);
    let plan = Composite::isnet().plan(&other.graph).expect("a plan");
    explain(&tiny.graph, &params, &trace, &plan, seeds(), &[]);
}

#[test]
fn a_hidden_node_that_is_asked_for_twice_is_answered_twice() {
    let tiny = named("residual");
    let params = parameters(&tiny.graph);
    let trace = tiny.graph.forward(&params, images(&tiny), Mode::Evaluate);
    let [first, second] = ["relu0", "relu2"].map(|name| tiny.graph.find(name).expect("a node"));
    let plans = [Composite::isnet().plan(&tiny.graph), LayerComposite::epsilon_plus().plan(&tiny.graph)];
    for plan in plans.map(|plan| plan.expect("a plan")) {
        let found = explain(&tiny.graph, &params, &trace, &plan, seeds(), &[first, second, first]).hidden;
        let [once, other, again] = found.try_into().expect("three answers");
        assert!(values(once.clone()).iter().any(|value| *value != 0.0));
        assert_eq!(values(once), values(again));
        assert!(values(other).iter().any(|value| *value != 0.0));
    }
}

#[test]
fn a_gradient_is_refused_where_a_rule_has_made_relevance_of_it() {
    let tiny = named("residual");
    let params = parameters(&tiny.graph);
    let trace = tiny.graph.forward(&params, images(&tiny), Mode::Evaluate);
    let model = (&tiny.graph, &params, &trace);
    let by_layers = LayerComposite::epsilon_plus().plan(&tiny.graph).expect("a plan");
    let [image, relu] = [tiny.graph.input(), tiny.graph.find("relu2").expect("a node")];
    for place in [image, relu] {
        let said = gradient_at(model, &by_layers, seeds(), place).expect_err("relevance is no gradient").to_string();
        assert!(said.contains(&tiny.graph.node(place).name) && said.contains("plan with a `Composite`"), "{said}");
    }
    // z^B makes relevance on the image alone: behind it there is still a gradient.
    let z_box = Composite::isnet().plan(&tiny.graph).expect("a plan");
    assert!(gradient_at(model, &z_box, seeds(), image).is_err());
    let behind = gradient_at(model, &z_box, seeds(), relu).expect("a gradient");
    assert!(values(behind).iter().any(|value| *value != 0.0));
    let dual = dual_plan(&Composite::isnet(), &tiny.graph).map(|plan| gradient_at(model, &plan, seeds(), relu));
    assert!(dual.expect("a plan").expect_err("two walks").to_string().contains("2 walks"));
}

#[test]
fn z_box_conserves_relevance_without_bias() {
    for (low, high) in [(0.0, 1.0), (-1.0, 2.0)] {
        let composite = Composite { epsilon: 1e-12, first_layer: FirstLayer::ZBox { low, high } };
        for name in ["relu and linear readers of the stem", "two first layers", "multilayer perceptron"] {
            assert_conserved(&named(name), &composite);
        }
    }
}

#[test]
fn rules_of_layers_conserve_relevance_without_bias() {
    // Of all rules these lose nothing but to biases and stabilizers. A chain without dead outputs: where nothing excites, z⁺ shares nothing.
    for rule in [LayerRule::Epsilon, LayerRule::WSquare, LayerRule::Flat] {
        let rule = Rule::Layer { rule, stabilizer: 1e-13 };
        let average_pool = Rule::Layer { rule: LayerRule::Epsilon, stabilizer: 1e-13 };
        let composite = LayerComposite { conv: rule, dense: rule, average_pool, ..LayerComposite::epsilon_plus() };
        for name in ["no relu at all", "multilayer perceptron"] {
            let (tiny, composite) = (named(name), LayerComposite { include_bias: false, ..composite.clone() });
            let params = unbiased(&tiny.graph);
            let trace = tiny.graph.forward(&params, images(&tiny), Mode::Evaluate);
            let plan = composite.plan(&tiny.graph).expect("a plan");
            let found = explain(&tiny.graph, &params, &trace, &plan, seeds(), &[]).heatmap.sum_dims(&[1, 2, 3]);
            let logits = trace.logits().unsqueeze_dim::<3>(1).expand([SAMPLES, CLASSES, CLASSES]);
            let handed_in = (logits.reshape([SAMPLES * CLASSES, CLASSES]) * seeds()).sum_dim(1);
            for (found, handed_in) in values(found).iter().zip(values(handed_in)) {
                assert!(
                    (found - handed_in).abs() < 1e-6 * (1e-3 + handed_in.abs()),
                    "{name}, {rule:?}: {found}, not {handed_in}"
                );
            }
        }
    }
}

#[test]
fn the_dual_isnet_has_a_map_by_z_plus_and_one_by_epsilon_side_by_side() {
    for tiny in tiny::all() {
        let params = parameters(&tiny.graph);
        let trace = tiny.graph.forward(&params, images(&tiny), Mode::Evaluate);
        let composite = Composite { epsilon: 0.02, first_layer: FirstLayer::TimesInput };
        let plan = dual_plan(&composite, &tiny.graph).expect("a plan");
        let seeds = || OutputSelector::dual().seeds(trace.logits(), &Outputs::single_label(None), None);
        let map = |plan: &Plan| {
            let seeds = seeds().expect("all logits").gradient;
            explain(&tiny.graph, &params, &trace, plan, seeds, tiny.graph.supervised())
        };
        let z_plus = map(&LayerComposite::z_plus(0.02).plan(&tiny.graph).expect("a plan"));
        let (epsilon, both) = (map(&composite.plan(&tiny.graph).expect("a plan")), map(&plan));
        let pairs = [(both.heatmap, z_plus.heatmap, epsilon.heatmap)]
            .into_iter()
            .chain(both.hidden.into_iter().zip(z_plus.hidden).zip(epsilon.hidden).map(|((both, z), e)| (both, z, e)));
        for (both, z_plus, epsilon) in pairs {
            assert!(values(z_plus.clone()).iter().all(|value| *value >= 0.0), "{}: z⁺ below zero", tiny.name);
            for sample in 0..SAMPLES {
                assert_eq!(values(pick(&both, &[2 * sample], 1)), values(pick(&z_plus, &[sample], 1)), "{}", tiny.name);
                assert_eq!(values(pick(&both, &[2 * sample + 1], 1)), values(pick(&epsilon, &[sample], 1)));
            }
        }
    }
}

#[test]
fn fused_batch_norm_explains_like_unfused() {
    let tiny = named("batch norm after conv");
    let unfused = parameters(&tiny.graph);
    let fused_graph = fused();
    let fused = Params::from_fn(&fused_graph, &Device::flex(), DType::F64, |spec| fuse(&tiny.graph, &unfused, spec));
    for composite in [EPSILON, Composite::isnet()] {
        let expected = heatmap(&tiny.graph, &unfused, images(&tiny), &composite);
        assert_close(&heatmap(&fused_graph, &fused, images(&tiny), &composite), &expected, "fused");
    }
}

#[test]
fn batch_order_does_not_matter() {
    let order = [2, 0, 1];
    for tiny in tiny::all() {
        let (params, images) = (parameters(&tiny.graph), images(&tiny));
        for composite in [EPSILON, Composite::isnet()] {
            let expected = heatmap(&tiny.graph, &params, images.clone(), &composite);
            let plan = composite.plan(&tiny.graph).expect("a plan");
            let trace = tiny.graph.forward(&params, pick(&images, &order, 1), Mode::Evaluate);
            let found = explain(&tiny.graph, &params, &trace, &plan, pick(&seeds(), &order, CLASSES), &[]).heatmap;
            assert_close(&values(found), &values(pick(&shaped(expected, &tiny), &order, CLASSES)), tiny.name);
        }
    }
}

#[test]
fn a_sample_and_a_map_alone_are_their_row_of_the_batch() {
    for tiny in tiny::all() {
        let (params, images) = (parameters(&tiny.graph), images(&tiny));
        let plan = Composite::isnet().plan(&tiny.graph).expect("a plan");
        let batch = shaped(heatmap(&tiny.graph, &params, images.clone(), &Composite::isnet()), &tiny);
        for row in 0..SAMPLES * CLASSES {
            let trace = tiny.graph.forward(&params, pick(&images, &[row / CLASSES], 1), Mode::Evaluate);
            let alone = explain(&tiny.graph, &params, &trace, &plan, pick(&seeds(), &[row], 1), &[]).heatmap;
            assert_close(&values(alone), &values(pick(&batch, &[row], 1)), tiny.name);
        }
    }
}

#[test]
fn every_reader_of_a_node_gets_its_share() {
    let tiny = named("reused nodes");
    let unrolled = unrolled();
    for composite in [EPSILON, Composite::isnet()] {
        let expected = heatmap(&unrolled, &parameters(&unrolled), images(&tiny), &composite);
        let found = heatmap(&tiny.graph, &parameters(&tiny.graph), images(&tiny), &composite);
        assert_close(&found, &expected, "one stem for all readers, and one for each");
    }
}

#[test]
fn training_explains_with_the_statistics_of_the_batch() {
    for name in ["batch norm after conv", "batch norm before conv", "residual", "two first layers"] {
        let tiny = named(name);
        let params = parameters(&tiny.graph);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let trace = tiny.graph.forward(&params, images(&tiny), Mode::Train(&mut rng));
        let mut of_batch = params.clone();
        for (id, node) in tiny.graph.nodes() {
            if let (Op::BatchNorm(norm), Some(batch)) = (&node.op, trace.statistics(id)) {
                of_batch.set(norm.running_mean, batch.mean.clone());
                of_batch.set(norm.running_var, batch.variance.clone());
            }
        }
        for composite in [EPSILON, Composite::isnet()] {
            let found = heatmap_of(&tiny.graph, &params, &trace, &composite);
            assert_close(&found, &heatmap(&tiny.graph, &of_batch, images(&tiny), &composite), name);
            let running = heatmap(&tiny.graph, &params, images(&tiny), &composite);
            assert!(found.iter().zip(&running).any(|(a, b)| (a - b).abs() > 1e-3), "{name}: the statistics are alike");
        }
    }
}

#[test]
fn batch_statistics_are_constants_of_the_walk() {
    // With ε = 0 the heatmap H(W) of conv, norm, ReLU is linear in W while σ is constant: ⟨W, dL/dW⟩ = L for L = Σ H.
    // If σ(W) took part, L would not depend on the scale of W, and the product would be 0.
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1));
    let x = build.batch_norm("norm0", x, 3);
    let x = build.relu("relu0", x);
    let x = head(&mut build, x, 3);
    let tiny = Tiny { name: "conv and norm", graph: build.finish(x).expect("valid"), size: [5, 4] };
    let params = parameters(&tiny.graph).tracked(&tiny.graph, |_, spec| spec.role == ParamRole::ConvWeight);
    let trace = tiny.graph.forward(&params, images(&tiny), Mode::Train(&mut ChaCha8Rng::seed_from_u64(0)));
    let plan = Composite::gradient_times_input().plan(&tiny.graph).expect("a plan");
    let loss = explain(&tiny.graph, &params, &trace, &plan, seeds(), &[]).heatmap.sum();
    let (id, _) = tiny.graph.params().next().expect("conv0.weight");
    let slope = params.flat(id).grad(&loss.backward()).expect("tracked");
    let product: f64 = values(params.flat(id)).iter().zip(values(slope)).map(|(w, g)| w * g).sum();
    assert_close(&[product], &values(loss), "⟨W, dL/dW⟩");
}

#[test]
fn gradient_times_input_is_burns_gradient() {
    // Burn differentiates the opening of a gate too, which relevance takes for a constant.
    let is_gate = |(_, node): (_, &Node)| node.op == Op::Gate;
    for tiny in tiny::all().into_iter().filter(|tiny| !tiny.graph.nodes().any(is_gate)) {
        assert_gradient_times_input(&tiny, Mode::Evaluate);
    }
}

#[test]
fn dropout_passes_relevance_by_the_factors_of_the_forward_pass() {
    let (tiny, mut rng) = (named("plain chain"), ChaCha8Rng::seed_from_u64(3));
    let trace = assert_gradient_times_input(&tiny, Mode::Train(&mut rng));
    let dropout = tiny.graph.find("dropout").expect("it has one");
    let factors = values(trace.dropout(dropout).expect("training drops"));
    assert!(factors.contains(&0.0) && factors.contains(&2.0), "half is dropped, the rest doubled");
}

/// Every heatmap sums to what its seed says of the logits, when all biases are zero.
fn assert_conserved(tiny: &Tiny, composite: &Composite) {
    let params = unbiased(&tiny.graph);
    let trace = tiny.graph.forward(&params, images(tiny), Mode::Evaluate);
    let (logits, seeds) = (values(trace.logits()), values(seeds()));
    let heatmap = heatmap_of(&tiny.graph, &params, &trace, composite);
    let maps = heatmap.chunks(heatmap.len() / (SAMPLES * CLASSES));
    for (row, (map, seed)) in maps.zip(seeds.chunks(CLASSES)).enumerate() {
        let logits = &logits[row / CLASSES * CLASSES..][..CLASSES];
        let explained: f64 = logits.iter().zip(seed).map(|(logit, seed)| logit * seed).sum();
        let total: f64 = map.iter().sum();
        let near = (total - explained).abs() < 1e-6 * (1e-3 + explained.abs());
        assert!(near, "{}: map {row} sums to {total}, the logits to {explained}", tiny.name);
    }
}

/// Compares ε = 0 without z^B with the gradient of the logits by the image, times the image.
fn assert_gradient_times_input(tiny: &Tiny, mode: Mode<'_>) -> Trace {
    let params = parameters(&tiny.graph);
    let image = images(tiny).autodiff().require_grad();
    let trace = tiny.graph.forward(&params, image.clone(), mode);
    let plan = Composite::gradient_times_input().plan(&tiny.graph).expect("a plan");
    let seeds = pick(&seeds(), &[0, 3, 6], 1);
    let slope = image.grad(&(trace.logits() * seeds.clone()).sum().backward()).expect("tracked");
    let found = explain(&tiny.graph, &params, &trace, &plan, seeds, &[]).heatmap;
    assert_close(&values(found), &values(slope * image.inner()), tiny.name);
    trace
}

/// "batch norm after conv" without its norms.
fn fused() -> Graph {
    let mut build = GraphBuilder::new(2);
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let x = build.conv("conv1", x, ConvSpec::square(3, 4, 3).biased());
    let x = build.relu("relu1", x);
    let x = head(&mut build, x, 4);
    build.finish(x).expect("valid")
}

/// A parameter of the fused graph: `W·γ/σ` and `(b − mean)·γ/σ + β`.
fn fuse(graph: &Graph, params: &Params, spec: &ParamSpec) -> Vec<f64> {
    let named = |name: &str| {
        let found = graph.params().find(|(_, spec)| spec.name == name);
        found.map(|(id, _)| values(params.flat(id)))
    };
    let own = named(&spec.name).unwrap_or_else(|| vec![0.0; spec.len()]); // conv0 had no bias
    let Some(norm) = spec.name.starts_with("conv").then(|| spec.name[..5].replace("conv", "norm")) else { return own };
    let of_norm = |leaf: &str| named(&format!("{norm}.{leaf}")).expect("a norm");
    let (gamma, beta) = (of_norm("weight"), of_norm("bias"));
    let (mean, variance) = (of_norm("running_mean"), of_norm("running_var"));
    let per_channel = own.len() / gamma.len();
    let fused = |(index, value): (usize, &f64)| {
        let channel = index / per_channel;
        let scale = gamma[channel] / (variance[channel] + 1e-5).sqrt();
        match spec.role {
            ParamRole::Bias => (value - mean[channel]) * scale + beta[channel],
            _ => value * scale,
        }
    };
    own.iter().enumerate().map(fused).collect()
}

/// "reused nodes" with a stem and an `a` of their own for every reader; what follows `#` only makes names unique.
fn unrolled() -> Graph {
    fn stem(build: &mut GraphBuilder, image: NodeId, copy: &str) -> NodeId {
        let x = build.conv(&format!("conv0#{copy}"), image, ConvSpec::square(1, 2, 3).padded(1).biased());
        build.relu(&format!("relu0#{copy}"), x)
    }
    fn branch(build: &mut GraphBuilder, image: NodeId, copy: &str) -> NodeId {
        let x = stem(build, image, copy);
        let x = build.conv(&format!("conv_a#{copy}"), x, ConvSpec::square(2, 2, 3).padded(1).biased());
        build.relu(&format!("relu_a#{copy}"), x)
    }
    let mut build = GraphBuilder::new(1);
    let image = build.input();
    let parts = [stem(&mut build, image, "1"), branch(&mut build, image, "2"), stem(&mut build, image, "3")];
    let twice = build.add("twice", &parts);
    let parts = [twice, stem(&mut build, image, "4"), branch(&mut build, image, "5")];
    let x = build.concat("joined", &parts);
    let x = build.conv("conv1", x, ConvSpec::square(6, 3, 1).biased());
    let x = build.relu("relu1", x);
    let x = head(&mut build, x, 3);
    build.finish(x).expect("valid")
}

fn head(build: &mut GraphBuilder, x: NodeId, channels: usize) -> NodeId {
    let x = build.adaptive_average_pool("pool", x, [1, 1]);
    build.dense("fc", x, channels, CLASSES)
}

fn named(name: &str) -> Tiny {
    tiny::all().into_iter().find(|tiny| tiny.name == name).expect("a tiny graph of this name")
}

/// The parameters with all biases and running means zero.
fn unbiased(graph: &Graph) -> Params {
    Params::from_fn(graph, &Device::flex(), DType::F64, |spec| match spec.role {
        ParamRole::Bias | ParamRole::NormBias | ParamRole::RunningMean => vec![0.0; spec.len()],
        _ => parameter(spec),
    })
}

fn parameters(graph: &Graph) -> Params {
    Params::from_fn(graph, &Device::flex(), DType::F64, parameter)
}

/// Follows from the name of the node up to `#`.
fn parameter(spec: &ParamSpec) -> Vec<f64> {
    let (node, leaf) = spec.name.rsplit_once('.').expect("<node>.<leaf>");
    let node = node.split('#').next().expect("a split has a first part");
    let original = ParamSpec { name: format!("{node}.{leaf}"), ..spec.clone() };
    seeded::parameter("properties", &original).into_iter().map(f64::from).collect()
}

fn images(tiny: &Tiny) -> Tensor<4> {
    let size = [SAMPLES, tiny.graph.input_channels(), tiny.size[0], tiny.size[1]];
    seeded::image("properties", size, &Device::flex(), DType::F64)
}

/// Arbitrary seeds, so that no class is special: `[N·E, K]`.
fn seeds() -> Tensor<2> {
    let rows = SAMPLES * CLASSES;
    let numbers = seeded::fractions("properties", "seeds", rows * CLASSES);
    let seeds: Vec<f64> = numbers.map(|number| 2.0 * number - 1.0).collect();
    Tensor::from_data(TensorData::new(seeds, [rows, CLASSES]), (&Device::flex(), DType::F64))
}

fn heatmap(graph: &Graph, params: &Params, images: Tensor<4>, composite: &Composite) -> Vec<f64> {
    heatmap_of(graph, params, &graph.forward(params, images, Mode::Evaluate), composite)
}

fn heatmap_of(graph: &Graph, params: &Params, trace: &Trace, composite: &Composite) -> Vec<f64> {
    let plan = composite.plan(graph).expect("the graph can be explained");
    values(explain(graph, params, trace, &plan, seeds(), &[]).heatmap)
}

/// Blocks of `block` rows, in this order.
fn pick<const D: usize>(tensor: &Tensor<D>, order: &[usize], block: usize) -> Tensor<D> {
    Tensor::cat(order.iter().map(|index| tensor.clone().narrow(0, index * block, block)).collect(), 0)
}

/// Heatmaps back in their shape.
fn shaped(heatmaps: Vec<f64>, tiny: &Tiny) -> Tensor<4> {
    let shape = [SAMPLES * CLASSES, tiny.size[0], tiny.size[1], tiny.graph.input_channels()];
    Tensor::from_data(TensorData::new(heatmaps, shape), (&Device::flex(), DType::F64))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("floats")
}

fn assert_close(found: &[f64], expected: &[f64], place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}: number of values");
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(largest > 1e-6, "{place}: nothing but zeros to compare with");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found - expected).abs() <= 1e-10 * largest;
        assert!(near, "{place}: value {index} is {found} instead of {expected}");
    }
}
