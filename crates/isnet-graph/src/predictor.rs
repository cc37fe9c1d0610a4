//! A graph made ready for inference: weights packed once, batch norms folded into the convolutions before them, ReLUs fused.

use burn::tensor::Tensor;
use isnet_kernels as kernels;
use isnet_kernels::PreparedConv;

use crate::execute::flat;
use crate::graph::{Graph, NodeId};
use crate::op::{BatchNorm, Conv, Op};
use crate::params::Params;

/// What a graph answers, again and again, with weights that do not change.
///
/// The logits are those of [`Graph::predict`] up to rounding. Nodes that the answer does not need are left out.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use isnet_graph::{ConvSpec, GraphBuilder, Params, Predictor};
/// let mut build = GraphBuilder::new(1);
/// let image = build.input();
/// let x = build.conv("0", image, ConvSpec::square(1, 4, 3));
/// let x = build.batch_norm("1", x, 4);
/// let x = build.relu("2", x);
/// let x = build.adaptive_average_pool("3", x, [1, 1]);
/// let x = build.flatten("4", x);
/// let logits = build.dense("5", x, 4, 2);
/// let graph = build.finish(logits)?;
/// let params = Params::initialize(&graph, 0, &Device::flex());
/// let predictor = Predictor::new(&graph, &params);
/// assert_eq!(predictor.logits(Tensor::ones([3, 8, 8, 1], &Device::flex())).dims(), [3, 2]);
/// # Ok::<(), isnet_graph::GraphError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictor {
    graph: Graph,
    params: Params,
    answer: NodeId,
    steps: Vec<Step>,
    /// For each step, the values that nobody reads any more.
    done: Vec<Vec<NodeId>>,
}

/// A fused operation; its value is that of the last node it covers.
#[derive(Clone, Debug)]
struct Step {
    inputs: Vec<NodeId>,
    value: NodeId,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Conv {
        conv: PreparedConv,
        relu: bool,
    },
    Affine {
        scale: Tensor<1>,
        shift: Tensor<1>,
        relu: bool,
    },
    AddRelu,
    /// The node as the graph runs it.
    Node,
}

impl Predictor {
    /// Makes a graph ready with these weights and running statistics.
    pub fn new(graph: &Graph, params: &Params) -> Self {
        Self::of(graph, params, graph.logits())
    }

    /// Makes a graph ready to answer with the value of a node.
    pub fn of(graph: &Graph, params: &Params, answer: NodeId) -> Self {
        let wanted = graph.ancestors(&[answer]);
        let mut consumers = graph.consumers();
        consumers.iter_mut().for_each(|readers| readers.retain(|id| wanted[id.index()]));
        // What reads a node, if it is one reader, and the node's own value is not asked for.
        let next = |id: NodeId| match consumers[id.index()].as_slice() {
            [only] if id != answer => Some((*only, &graph.node(*only).op)),
            _ => None,
        };
        let with_relu = |id: NodeId| match next(id) {
            Some((relu, Op::Relu)) => (relu, true),
            _ => (id, false),
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut covered = vec![false; graph.nodes().len()];
        for (id, node) in graph.nodes() {
            if covered[id.index()] || !wanted[id.index()] || node.op == Op::Input {
                continue;
            }
            let (kind, value) = match &node.op {
                Op::Conv(conv) => {
                    let norm = next(id).and_then(|(id, op)| match op {
                        Op::BatchNorm(norm) => Some((id, norm)),
                        _ => None,
                    });
                    let conv = prepared(graph, params, conv, norm.map(|(_, norm)| norm));
                    let (value, relu) = with_relu(norm.map_or(id, |(id, _)| id));
                    covered[norm.map_or(id, |(id, _)| id).index()] = true;
                    (Kind::Conv { conv, relu }, value)
                }
                Op::BatchNorm(norm) => {
                    let ([scale, shift], (value, relu)) = (affine(params, norm), with_relu(id));
                    (Kind::Affine { scale, shift, relu }, value)
                }
                Op::Add if node.inputs.len() == 2 && with_relu(id).1 => (Kind::AddRelu, with_relu(id).0),
                _ => (Kind::Node, id),
            };
            covered[value.index()] = true;
            steps.push(Step { inputs: node.inputs.clone(), value, kind });
        }
        let done = last_uses(graph, &steps, answer);
        Self { graph: graph.clone(), params: params.clone(), answer, steps, done }
    }

    /// The logits `[N, K]` of images `[N, H, W, C]`.
    pub fn logits(&self, image: Tensor<4>) -> Tensor<2> {
        flat(self.answer(image))
    }

    /// The value `[N, h, w, c]` of the node that is asked for.
    pub fn answer(&self, image: Tensor<4>) -> Tensor<4> {
        kernels::on_workers(|| self.run_all(image))
    }

    fn run_all(&self, image: Tensor<4>) -> Tensor<4> {
        let mut values: Vec<Option<Tensor<4>>> = vec![None; self.graph.nodes().len()];
        values[self.graph.input().index()] = Some(image);
        for (step, done) in self.steps.iter().zip(&self.done) {
            let inputs: Vec<Tensor<4>> =
                step.inputs.iter().map(|id| values[id.index()].clone().expect("inputs come before")).collect();
            // Freed before the step runs where it is the last reader, so that the step may work in place.
            done.iter().for_each(|id| values[id.index()] = None);
            let value = self.run(step, inputs);
            values[step.value.index()] = Some(value);
        }
        values[self.answer.index()].take().expect("a step makes the answer")
    }

    fn run(&self, step: &Step, mut inputs: Vec<Tensor<4>>) -> Tensor<4> {
        match &step.kind {
            Kind::Conv { conv, relu } => conv.apply(inputs.remove(0), *relu),
            Kind::Affine { scale, shift, relu } => kernels::prepared::affine(inputs.remove(0), scale, shift, *relu),
            Kind::AddRelu => {
                let second = inputs.remove(1);
                kernels::add_relu(inputs.remove(0), second)
            }
            Kind::Node => self.graph.evaluate_node(&self.params, step.value, inputs),
        }
    }
}

/// For each step, the values it is the last to read.
fn last_uses(graph: &Graph, steps: &[Step], answer: NodeId) -> Vec<Vec<NodeId>> {
    let mut last = vec![None; graph.nodes().len()];
    for (index, step) in steps.iter().enumerate() {
        step.inputs.iter().for_each(|id| last[id.index()] = Some(index));
    }
    let mut done = vec![Vec::new(); steps.len()];
    for (id, _) in graph.nodes() {
        if let (Some(index), true) = (last[id.index()], id != answer) {
            done[index].push(id);
        }
    }
    done
}

/// A convolution with the batch norm after it, if any: `W·γ/σ` and `(b − mean)·γ/σ + β`.
fn prepared(graph: &Graph, params: &Params, conv: &Conv, norm: Option<&BatchNorm>) -> PreparedConv {
    let weight: Tensor<4> = params.get(graph, conv.weight).inner();
    let bias = conv.bias.map(|bias| params.flat(bias).inner());
    let Some(norm) = norm else { return PreparedConv::new(weight, bias, conv.geometry) };
    let [scale, shift] = affine(params, norm);
    let outputs = scale.dims()[0];
    let bias = bias.map_or_else(|| shift.clone(), |bias| bias * scale.clone() + shift.clone());
    PreparedConv::new(weight * scale.reshape([outputs, 1, 1, 1]), Some(bias), conv.geometry)
}

/// A batch norm in evaluation as scale `γ/σ` and shift `β − mean·γ/σ`.
fn affine(params: &Params, norm: &BatchNorm) -> [Tensor<1>; 2] {
    let flat = |id| params.flat(id).inner();
    let scale = kernels::inverse_deviation(flat(norm.running_var), norm.epsilon) * flat(norm.weight);
    let shift = flat(norm.bias) - flat(norm.running_mean) * scale.clone();
    [scale, shift]
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::builder::{ConvSpec, GraphBuilder};
    use crate::execute::Mode;

    #[test]
    fn what_the_answer_does_not_need_is_not_computed() {
        let mut build = GraphBuilder::new(1);
        let image = build.input();
        let x = build.conv("conv", image, ConvSpec::square(1, 2, 3).padded(1));
        let x = build.batch_norm("norm", x, 2);
        let features = build.relu("relu", x);
        let map = build.conv("map", features, ConvSpec::square(2, 1, 1).biased());
        let x = build.adaptive_average_pool("pool", features, [1, 1]);
        let logits = build.dense("fc", x, 2, 3);
        build.segments(map);
        let graph = build.finish(logits).expect("valid");
        let params = Params::initialize(&graph, 1, &Device::flex());
        let image = Tensor::<4>::ones([2, 4, 5, 1], &Device::flex());
        let trace = graph.forward(&params, image.clone(), Mode::Evaluate);
        for (answer, left_out) in [(logits, map), (map, logits)] {
            let predictor = Predictor::of(&graph, &params, answer);
            assert!(predictor.steps.iter().all(|step| step.value != left_out));
            let found: Vec<f32> = predictor.answer(image.clone()).try_into_vec_as().expect("floats");
            let expected: Vec<f32> = trace.activation(answer).try_into_vec_as().expect("floats");
            assert!(found.len() == expected.len() && !found.is_empty());
            assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5));
        }
    }
}
