//! The backward walk.

use burn::tensor::Tensor;
use isnet_graph::{Graph, Node, NodeId, Op, Params, Trace};
use isnet_kernels as kernels;
use isnet_kernels::AveragePool;

use crate::composite::{Plan, Rule};
use crate::z_box::z_box;

/// What a relevance pass found.
#[derive(Clone, Debug)]
pub struct Relevance {
    /// Relevance of the image, `[N·E, H, W, C]`; the `E` maps of a sample next to each other.
    pub heatmap: Tensor<4>,
    /// Relevance `a ⊙ G` of the hidden nodes that were asked for, in their order, each `[N·E, H, W, C]`.
    pub hidden: Vec<Tensor<4>>,
}

/// Walks from the logits back to the image.
///
/// All maps of all samples go through together: the rows of `seeds` are a batch of `N·E` over shared weights and activations.
/// The result is differentiable in the parameters. Batch statistics are constants of the walk, γ is not, and biases enter through the activations only.
///
/// # Shapes
/// - `seeds`: `[N·E, K]`, from [`OutputSelector::seeds`](crate::OutputSelector::seeds)
///
/// # Panics
/// If `plan` was made for another graph, or `trace` dropped its activations.
pub fn explain(
    graph: &Graph,
    params: &Params,
    trace: &Trace,
    plan: &Plan,
    seeds: Tensor<2>,
    hidden: &[NodeId],
) -> Relevance {
    assert_eq!(plan.rules.len(), graph.nodes().count(), "the plan belongs to another graph");
    kernels::on_workers(|| walk_back((graph, params, trace), plan, seeds, hidden))
}

fn walk_back(
    (graph, params, trace): (&Graph, &Params, &Trace),
    plan: &Plan,
    seeds: Tensor<2>,
    hidden: &[NodeId],
) -> Relevance {
    let [rows, n_classes] = seeds.dims();
    let image = trace.activation(graph.input());
    let mut walk = Walk {
        graph,
        params,
        trace,
        plan,
        hidden,
        relus: graph.fused_relus(),
        gradients: vec![None; plan.rules.len()],
        first_relevance: vec![None; plan.rules.len()],
        heatmap: None,
    };
    walk.gradients[graph.logits().index()] = Some(seeds.reshape([rows, 1, 1, n_classes]));
    let mut found: Vec<Option<Tensor<4>>> = vec![None; hidden.len()];
    for (id, node) in graph.nodes().rev() {
        let gradient = walk.gradients[id.index()].take();
        if let (Some(slot), Some(gradient)) = (hidden.iter().position(|wanted| *wanted == id), &gradient) {
            found[slot] = Some(kernels::times_activation(gradient.clone(), trace.activation(id)));
        }
        walk.pass(id, node, gradient);
    }
    let none = || Tensor::zeros(rows_of(&image, rows), (&image.device().inner(), image.dtype()));
    let hidden_or_none = |(id, found): (&NodeId, Option<Tensor<4>>)| {
        found.unwrap_or_else(|| {
            Tensor::zeros(rows_of(&trace.activation(*id), rows), (&image.device().inner(), image.dtype()))
        })
    };
    Relevance {
        heatmap: walk.heatmap.take().unwrap_or_else(none),
        hidden: hidden.iter().zip(found).map(hidden_or_none).collect(),
    }
}

fn rows_of(activation: &Tensor<4>, rows: usize) -> [usize; 4] {
    let [_, height, width, channels] = activation.dims();
    [rows, height, width, channels]
}

/// The state of a walk: what has reached each node so far.
struct Walk<'a> {
    graph: &'a Graph,
    params: &'a Params,
    trace: &'a Trace,
    plan: &'a Plan,
    hidden: &'a [NodeId],
    /// See [`Graph::fused_relus`].
    relus: Vec<Option<NodeId>>,
    gradients: Vec<Option<Tensor<4>>>,
    /// Relevance that ReLUs hand to the head of a first affine part they read.
    first_relevance: Vec<Option<Tensor<4>>>,
    heatmap: Option<Tensor<4>>,
}

impl Walk<'_> {
    /// Hands what reached the output of a node to its inputs. Each reader of a node adds its share there.
    fn pass(&mut self, id: NodeId, node: &Node, gradient: Option<Tensor<4>>) {
        match (self.plan.rules[id.index()], gradient) {
            (Rule::ZBox { low, high, epsilon }, gradient) => {
                let relevance = self.relevance_at_head(id, gradient);
                for part in self.plan.parts.iter().filter(|part| part.head == id) {
                    if let Some(relevance) = &relevance {
                        let map =
                            z_box((self.graph, self.params, self.trace), part, relevance.clone(), (low, high), epsilon);
                        accumulate(&mut self.heatmap, map);
                    }
                }
            }
            (_, None) => {}
            (Rule::Epsilon { epsilon }, Some(gradient)) => self.pass_relu(id, node, gradient, epsilon),
            (Rule::Transpose, Some(gradient)) => self.pass_linear(id, node, gradient),
        }
    }

    fn pass_relu(&mut self, id: NodeId, node: &Node, gradient: Tensor<4>, epsilon: f64) {
        let output = self.trace.activation(id);
        if let Some((norm, before)) = self.norm_before(id, node) {
            let Op::BatchNorm(parameters) = &self.graph.node(norm).op else {
                unreachable!("`norm_before` finds batch norms")
            };
            let (_, deviation) = norm_statistics(self.graph, self.params, self.trace, norm);
            let gamma = self.params.flat(parameters.weight);
            let share = kernels::relevance_step_normalized(gradient, output, epsilon, deviation, gamma);
            return accumulate(&mut self.gradients[before.index()], share);
        }
        let input = node.inputs[0].index();
        if matches!(self.plan.rules[input], Rule::ZBox { .. }) {
            let relevance = kernels::times_activation(gradient, output);
            accumulate(&mut self.first_relevance[input], relevance);
        } else {
            accumulate(&mut self.gradients[input], kernels::relevance_step(gradient, output, epsilon));
        }
    }

    /// The batch norm that only this ReLU reads, and what it reads, if the walk need not stop between the two.
    fn norm_before(&self, id: NodeId, node: &Node) -> Option<(NodeId, NodeId)> {
        let norm = node.inputs[0];
        let alone = self.relus[norm.index()] == Some(id) && matches!(self.graph.node(norm).op, Op::BatchNorm(_));
        let transposed = matches!(self.plan.rules[norm.index()], Rule::Transpose);
        (alone && transposed && !self.hidden.contains(&norm)).then(|| (norm, self.graph.node(norm).inputs[0]))
    }

    /// Relevance at the output of a first affine part: what its ReLUs hold, and `z ⊙ G` from its other readers.
    fn relevance_at_head(&mut self, id: NodeId, gradient: Option<Tensor<4>>) -> Option<Tensor<4>> {
        let mut relevance = self.first_relevance[id.index()].take();
        if let Some(gradient) = gradient {
            let share = kernels::times_activation(gradient, self.trace.activation(id));
            accumulate(&mut relevance, share);
        }
        relevance
    }

    fn pass_linear(&mut self, id: NodeId, node: &Node, gradient: Tensor<4>) {
        if node.op == Op::Input {
            return accumulate(&mut self.heatmap, kernels::times_activation(gradient, self.trace.activation(id)));
        }
        if node.op == Op::Concat {
            return self.pass_concat(node, gradient);
        }
        for input in &node.inputs {
            let share = self.transpose(id, node, gradient.clone());
            accumulate(&mut self.gradients[input.index()], share);
        }
    }

    fn pass_concat(&mut self, node: &Node, gradient: Tensor<4>) {
        let mut start = 0;
        for input in &node.inputs {
            let channels = self.trace.activation(*input).dims()[3];
            accumulate(&mut self.gradients[input.index()], kernels::narrow_channels(gradient.clone(), start, channels));
            start += channels;
        }
    }

    /// `Wᵀ·G` of a linear node with one input (an add passes the same to each of its inputs).
    fn transpose(&self, id: NodeId, node: &Node, gradient: Tensor<4>) -> Tensor<4> {
        let [_, height, width, channels] = self.trace.activation(node.inputs[0]).dims();
        let (size, rows) = ([height, width], gradient.dims()[0]);
        match &node.op {
            Op::Conv(conv) => {
                self.params.kernel(self.graph, conv.weight).conv2d_transpose(gradient, &conv.geometry, size)
            }
            Op::Dense(dense) => {
                let outputs = gradient.dims()[3];
                let weight: Tensor<2> = self.params.get(self.graph, dense.weight);
                kernels::dense_transpose(gradient.reshape([rows, outputs]), weight).reshape([rows, 1, 1, channels])
            }
            Op::BatchNorm(norm) => {
                let (_, deviation) = norm_statistics(self.graph, self.params, self.trace, id);
                kernels::normalize_transpose(gradient, deviation, self.params.flat(norm.weight))
            }
            Op::MaxPool(_) => {
                let winners = self.trace.winners(id).expect("a max pool in a trace has its winners");
                kernels::max_unpool(gradient, winners, size)
            }
            Op::AveragePool(window) => {
                let pool = AveragePool::windows(size, window.0).expect("shapes were checked");
                kernels::average_pool_transpose(gradient, &pool)
            }
            Op::AdaptiveAveragePool(output) => {
                kernels::average_pool_transpose(gradient, &AveragePool::adaptive(size, *output))
            }
            Op::Flatten => unflatten(gradient, size, channels),
            Op::Dropout(_) => match self.trace.dropout(id) {
                Some(factors) => kernels::times_activation(gradient, factors),
                None => gradient,
            },
            Op::Add | Op::Identity => gradient,
            Op::Input | Op::Relu | Op::Concat | Op::Softmax => unreachable!("`{}` is handled before", node.op.name()),
        }
    }
}

/// Mean and `1/σ` of a batch norm: the statistics its forward pass used, held constant.
pub(crate) fn norm_statistics(graph: &Graph, params: &Params, trace: &Trace, id: NodeId) -> (Tensor<1>, Tensor<1>) {
    let Op::BatchNorm(norm) = &graph.node(id).op else { unreachable!("only batch norms have statistics") };
    let (mean, variance) = match trace.statistics(id) {
        Some(batch) => (batch.mean.clone(), batch.variance.clone()),
        None => (params.flat(norm.running_mean), params.flat(norm.running_var)),
    };
    (mean, kernels::inverse_deviation(variance, norm.epsilon))
}

/// Back from the channel-first flat order to `[M, H, W, C]`.
pub(crate) fn unflatten(gradient: Tensor<4>, [height, width]: [usize; 2], channels: usize) -> Tensor<4> {
    let rows = gradient.dims()[0];
    gradient.reshape([rows, channels, height, width]).permute([0, 2, 3, 1])
}

fn accumulate(slot: &mut Option<Tensor<4>>, share: Tensor<4>) {
    *slot = Some(match slot.take() {
        Some(sum) => kernels::add(sum, share),
        None => share,
    });
}
