//! AttnLRP against the paper's own form, in which relevance is divided by what it explains, in naive loops in `f64`; and the plain gradient.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{Graph, Mode, Node, NodeId, Op, ParamId, Params, Trace};
use isnet_lrp::{Composite, FirstLayer, LayerComposite, Plan, Rule, explain};
use isnet_testkit::seeded;
use isnet_testkit::tiny::{self, CLASSES, Tiny};

const SAMPLES: usize = 2;

/// A model at some images.
struct Case {
    tiny: Tiny,
    params: Params,
    images: Tensor<4>,
    trace: Trace,
}

impl Case {
    fn new() -> Self {
        let tiny = tiny::transformer();
        let params = seeded::params(&tiny.graph, "transformer", 1.0, &Device::flex(), DType::F64);
        let size = [SAMPLES, tiny.graph.input_channels(), tiny.size[0], tiny.size[1]];
        let images = seeded::image("transformer", size, &Device::flex(), DType::F64);
        let trace = tiny.graph.forward(&params, images.clone(), Mode::Evaluate);
        Self { tiny, params, images, trace }
    }

    /// Relevance of every node, rows side by side.
    fn explained(&self, plan: &Plan) -> Vec<Vec<f64>> {
        let graph = &self.tiny.graph;
        let hidden: Vec<NodeId> = graph.nodes().skip(1).map(|(id, _)| id).collect();
        let found = explain(graph, &self.params, &self.trace, plan, seeds(), &hidden);
        [found.heatmap].into_iter().chain(found.hidden).map(values).collect()
    }

    /// The activation of a node for one sample.
    fn of(&self, id: NodeId, sample: usize) -> Vec<f64> {
        let all = values(self.trace.activation(id));
        all.chunks(all.len() / SAMPLES).nth(sample).expect("a sample").to_vec()
    }

    fn param(&self, id: ParamId) -> Vec<f64> {
        values(self.params.flat(id))
    }

    /// The rules of the paper from the logits to the image.
    fn oracle(&self, row: usize) -> Vec<Vec<f64>> {
        let (graph, sample) = (&self.tiny.graph, row / CLASSES);
        let mut relevance: Vec<Vec<f64>> = graph.nodes().map(|(id, _)| vec![0.0; self.of(id, sample).len()]).collect();
        let seed = &values(seeds())[row * CLASSES..][..CLASSES];
        let logits = self.of(graph.logits(), sample);
        relevance[graph.logits().index()] = logits.iter().zip(seed).map(|(logit, seed)| logit * seed).collect();
        for (id, node) in graph.nodes().skip(1).rev() {
            let arrived = relevance[id.index()].clone();
            for (input, share) in node.inputs.iter().zip(self.shares(graph, (id, node), sample, &arrived)) {
                relevance[input.index()].iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
            }
        }
        relevance
    }

    /// What each input of a node gets of the relevance at its output.
    fn shares(&self, graph: &Graph, (id, node): (NodeId, &Node), sample: usize, r: &[f64]) -> Vec<Vec<f64>> {
        let z = self.of(id, sample);
        let x: Vec<Vec<f64>> = node.inputs.iter().map(|input| self.of(*input, sample)).collect();
        let channels = |id: NodeId| self.trace.activation(id).dims()[3];
        let (from, to) = (channels(node.inputs[0]), channels(id));
        match &node.op {
            Op::Conv(conv) => {
                let w = self.param(conv.weight);
                let [_, _, width, _] = self.trace.activation(graph.input()).dims();
                let places = |patch: usize, i: usize, y: usize, col: usize| {
                    ((patch / (width / 2) * 2 + y) * width + patch % (width / 2) * 2 + col) * from + i
                };
                let mut share = vec![0.0; x[0].len()];
                for (place, (z, r)) in z.iter().zip(r).enumerate() {
                    let (patch, o) = (place / to, place % to);
                    for (i, y, col) in (0..from * 4).map(|k| (k / 4, k / 2 % 2, k % 2)) {
                        let pixel = places(patch, i, y, col);
                        share[pixel] += x[0][pixel] * w[((o * from + i) * 2 + y) * 2 + col] * r / z;
                    }
                }
                vec![share]
            }
            Op::Dense(dense) => {
                let w = self.param(dense.weight);
                let linear = |_: usize, o: usize, i: usize| w[o * from + i];
                vec![per_token(&x[0], from, &z, r, to, linear)]
            }
            Op::LayerNorm(norm) => {
                // Linear for a constant σ: W_oi = γ_o/σ·(δ_oi − 1/C).
                let gamma = self.param(norm.weight);
                let sigma = |token: usize| {
                    let token = &x[0][token * from..][..from];
                    let mean = token.iter().sum::<f64>() / from as f64;
                    let variance = token.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / from as f64;
                    (variance + norm.epsilon).sqrt()
                };
                let linear = |token: usize, o: usize, i: usize| {
                    gamma[o] / sigma(token) * (f64::from(u8::from(o == i)) - 1.0 / from as f64)
                };
                vec![per_token(&x[0], from, &z, r, to, linear)]
            }
            Op::Gelu => vec![r.to_vec()],
            Op::Softmax => {
                let rows = x[0].chunks(from).zip(z.chunks(from).zip(r.chunks(from)));
                let of_row = |(x, (s, r)): (&[f64], (&[f64], &[f64]))| -> Vec<f64> {
                    let total: f64 = r.iter().sum();
                    x.iter().zip(s.iter().zip(r)).map(|(x, (s, r))| x * (r - s * total)).collect()
                };
                vec![rows.flat_map(of_row).collect()]
            }
            Op::Add => x.iter().map(|x| x.iter().zip(z.iter().zip(r)).map(|(x, (z, r))| x * r / z).collect()).collect(),
            Op::Tokens(_) => vec![x[0].iter().zip(z[to..].iter().zip(&r[to..])).map(|(x, (z, r))| x * r / z).collect()],
            Op::SelectToken(_) => {
                let mut share = vec![0.0; x[0].len()];
                share[..to].copy_from_slice(r);
                vec![share]
            }
            Op::NarrowChannels { start, .. } => {
                let mut share = vec![0.0; x[0].len()];
                r.iter().enumerate().for_each(|(i, r)| share[i / to * from + start + i % to] = *r);
                vec![share]
            }
            Op::AttentionScores { heads } => products(&x, from, *heads, (&z, r)),
            Op::AttentionSums => sums(&x, to, self.trace.activation(node.inputs[0]).dims()[1], (&z, r)),
            other => panic!("{}", other.name()),
        }
    }
}

/// `R_i = Σ_o x_i·w_oi·R_o/z_o`, token by token.
fn per_token(
    x: &[f64],
    from: usize,
    z: &[f64],
    r: &[f64],
    to: usize,
    weight: impl Fn(usize, usize, usize) -> f64,
) -> Vec<f64> {
    let of = |place: usize| {
        let (token, i) = (place / from, place % from);
        (0..to).map(|o| x[place] * weight(token, o, i) * r[token * to + o] / z[token * to + o]).sum()
    };
    (0..x.len()).map(of).collect()
}

/// Scores `S = q·k/√d` to queries and keys: half of `q_c·k_c/√d · R/S` each.
fn products(x: &[Vec<f64>], width: usize, heads: usize, (z, r): (&[f64], &[f64])) -> Vec<Vec<f64>> {
    let (tokens, size) = (x[0].len() / width, width / heads);
    let mut shares = vec![vec![0.0; x[0].len()]; 2];
    for (t, u, c) in triples(tokens, tokens, width) {
        let score = (c / size * tokens + t) * tokens + u;
        let product = x[0][t * width + c] * x[1][u * width + c] / (size as f64).sqrt();
        shares[0][t * width + c] += 0.5 * product * r[score] / z[score];
        shares[1][u * width + c] += 0.5 * product * r[score] / z[score];
    }
    shares
}

/// Sums `O = Σ_u A_u·v_u` to weights and values: half of `A_u·v_u · R/O` each.
fn sums(x: &[Vec<f64>], width: usize, heads: usize, (z, r): (&[f64], &[f64])) -> Vec<Vec<f64>> {
    let (tokens, size) = (x[1].len() / width, width / heads);
    let mut shares = vec![vec![0.0; x[0].len()], vec![0.0; x[1].len()]];
    for (t, u, c) in triples(tokens, tokens, width) {
        let weight = (c / size * tokens + t) * tokens + u;
        let share = 0.5 * x[0][weight] * x[1][u * width + c] * r[t * width + c] / z[t * width + c];
        shares[0][weight] += share;
        shares[1][u * width + c] += share;
    }
    shares
}

fn triples(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

#[test]
fn the_modified_gradient_is_the_papers_relevance_at_every_node() {
    let case = Case::new();
    let plan = Composite { epsilon: 0.01, first_layer: FirstLayer::TimesInput }.plan(&case.tiny.graph).expect("a plan");
    assert_as_in_the_paper(&case, &plan, 1e-9);
}

#[test]
fn rules_of_layers_carry_the_papers_relevance_to_every_node() {
    let case = Case::new();
    let plan = LayerComposite::attn_lrp(1e-13).plan(&case.tiny.graph).expect("a plan");
    assert_as_in_the_paper(&case, &plan, 1e-8);
}

fn assert_as_in_the_paper(case: &Case, plan: &Plan, tolerance: f64) {
    let found = case.explained(plan);
    for row in 0..SAMPLES * CLASSES {
        for ((id, node), (found, expected)) in case.tiny.graph.nodes().zip(found.iter().zip(case.oracle(row))) {
            let found = found.chunks(found.len() / (SAMPLES * CLASSES)).nth(row).expect("a map");
            assert_eq!(found.len(), expected.len(), "values of `{}`", node.name);
            let largest = expected.iter().fold(1e-3_f64, |largest, value| largest.max(value.abs()));
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let place = format!("node {} `{}`, row {row}, value {index}", id.index(), node.name);
                assert!((found - expected).abs() <= tolerance * largest, "{place}: {found}, the paper {expected}");
            }
        }
    }
}

#[test]
fn gradient_times_input_is_burns_gradient() {
    let case = Case::new();
    let image = case.images.clone().autodiff().require_grad();
    let trace = case.tiny.graph.forward(&case.params, image.clone(), Mode::Evaluate);
    let plan = Composite::gradient_times_input().plan(&case.tiny.graph).expect("a plan");
    let seeds = Tensor::cat((0..SAMPLES).map(|sample| seeds().narrow(0, sample * CLASSES, 1)).collect(), 0);
    let slope = image.grad(&(trace.logits() * seeds.clone()).sum().backward()).expect("tracked");
    let found = values(explain(&case.tiny.graph, &case.params, &case.trace, &plan, seeds, &[]).heatmap);
    let expected = values(slope * case.images);
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-10 * largest), "{found:?}\n{expected:?}");
}

#[test]
fn a_layer_that_is_not_of_a_transformer_has_no_rule_of_it() {
    let tiny = tiny::all().into_iter().find(|tiny| tiny.name == "plain chain").expect("listed");
    let composite = LayerComposite::epsilon_plus().with("relu0", Rule::AttnLrp { stabilizer: 1e-6 });
    let message = composite.plan(&tiny.graph).expect_err("a ReLU").to_string();
    assert!(message.contains("`relu0` (relu): AttnLRP"), "{message}");
}

/// Arbitrary seeds, so that no class is special: `[N·E, K]`.
fn seeds() -> Tensor<2> {
    let rows = SAMPLES * CLASSES;
    let seeds: Vec<f64> = seeded::fractions("transformer", "seeds", rows * CLASSES).map(|u| 2.0 * u - 1.0).collect();
    Tensor::from_data(TensorData::new(seeds, [rows, CLASSES]), (&Device::flex(), DType::F64))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("floats")
}
