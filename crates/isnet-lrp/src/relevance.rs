//! The backward walk.

use burn::tensor::Tensor;
use isnet_graph::{Graph, Node, NodeId, Op, Params, Trace};
use isnet_kernels as kernels;
use isnet_kernels::AveragePool;

use crate::canonize::AffinePart;
use crate::composite::{Pass, Plan, Rule, Start};
use crate::error::LrpError;
use crate::folded_layer::FoldedLayer;
use crate::rules::LayerRule;
use crate::rules::attn_lrp::{self, Form};
use crate::rules::share::{Arrived, Map, Part, share};
use crate::rules::z_box::z_box;

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
/// A hidden node inside an affine part (a conv whose batch norm is folded) holds no relevance of its own: ask for [`AffinePart::head`].
///
/// # Shapes
/// - `seeds`: `[N·E, K]`, from [`OutputSelector::seeds`](crate::OutputSelector::seeds)
/// - with a plan of `P` passes, `P` maps for every row of `seeds`, side by side: `[N·E·P, …]`
///
/// # Panics
/// If `plan` was made for another graph, `trace` dropped its activations, or a hidden node is inside an affine part.
pub fn explain(
    graph: &Graph,
    params: &Params,
    trace: &Trace,
    plan: &Plan,
    seeds: Tensor<2>,
    hidden: &[NodeId],
) -> Relevance {
    kernels::on_workers(|| {
        let walks = plan.passes().iter().map(|pass| walk((graph, params, trace), pass, seeds.clone(), hidden));
        side_by_side(walks.collect())
    })
}

/// The maps of several walks: for every row, those of all walks next to each other.
fn side_by_side(mut found: Vec<Relevance>) -> Relevance {
    if found.len() == 1 {
        return found.swap_remove(0);
    }
    let interleaved = |maps: Vec<Tensor<4>>| {
        let (walks, [rows, height, width, channels]) = (maps.len(), maps[0].dims());
        let wide: Vec<Tensor<5>> = maps.into_iter().map(|map| map.unsqueeze_dim(1)).collect();
        Tensor::cat(wide, 1).reshape([rows * walks, height, width, channels])
    };
    let hidden = (0..found[0].hidden.len()).map(|node| found.iter().map(|it| it.hidden[node].clone()).collect());
    let hidden = hidden.map(interleaved).collect();
    Relevance { heatmap: interleaved(found.into_iter().map(|it| it.heatmap).collect()), hidden }
}

fn walk(model: (&Graph, &Params, &Trace), pass: &Pass, seeds: Tensor<2>, hidden: &[NodeId]) -> Relevance {
    let (graph, _, trace) = model;
    let rows = seeds.dims()[0];
    let image = trace.activation(graph.input());
    for node in hidden {
        let folded = matches!(pass.rules[node.index()], Rule::Folded);
        assert!(!folded, "`{}` is folded into another node and holds no relevance of its own", graph.node(*node).name);
    }
    let mut walk = Walk::begin(model, pass, seeds, hidden);
    let mut found: Vec<Option<Tensor<4>>> = vec![None; hidden.len()];
    for (id, node) in graph.nodes().rev() {
        let arrived = walk.arrived(id);
        if hidden.contains(&id) {
            let relevance = walk.relevance_at(id, arrived.clone());
            let asked = hidden.iter().zip(&mut found).filter(|(wanted, _)| **wanted == id);
            asked.for_each(|(_, found)| *found = relevance.clone());
        }
        walk.pass(id, node, arrived);
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

/// The modified gradient `G` at one node: what a walk from the logits brings there. The walk ends at the node.
///
/// With [`Composite::gradient_times_input`](crate::Composite::gradient_times_input) it is the ordinary gradient with batch statistics held
/// constant: at the image, what "right for the right reasons" punishes; at the last features, what Grad-CAM averages.
///
/// # Shapes
/// - `seeds`: `[N·E, K]`
/// - returns `[N·E, H, W, C]`, the shape of the node; zeros if the logits do not depend on it
///
/// # Errors
/// [`LrpError::NoGradient`] if a rule on the way makes relevance of the gradient, as those of a [`LayerComposite`](crate::LayerComposite) do, or
/// if `plan` has several walks.
///
/// # Panics
/// As [`explain`].
///
/// # Example
/// ```
/// use burn::tensor::{DType, Device, Tensor};
/// use isnet_graph::{GraphBuilder, Mode, Params};
/// use isnet_lrp::{Composite, gradient_at};
///
/// let mut build = GraphBuilder::new(2);
/// let image = build.input();
/// let logits = build.dense("fc", image, 2, 1);
/// let graph = build.finish(logits)?;
/// let params = Params::from_fn(&graph, &Device::flex(), DType::F32, |spec| vec![3.0; spec.len()]);
/// let plan = Composite::gradient_times_input().plan(&graph)?;
/// let trace = graph.forward(&params, Tensor::ones([1, 1, 1, 2], &Device::flex()), Mode::Evaluate);
/// let seeds = Tensor::ones([1, 1], &Device::flex());
/// let gradient = gradient_at((&graph, &params, &trace), &plan, seeds, graph.input())?;
/// assert_eq!(gradient.try_into_vec_as::<f32>()?, [3.0, 3.0]); // the weights, whatever the image
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gradient_at(
    (graph, params, trace): (&Graph, &Params, &Trace),
    plan: &Plan,
    seeds: Tensor<2>,
    place: NodeId,
) -> Result<Tensor<4>, LrpError> {
    let rows = seeds.dims()[0];
    let refused = |reason: String| LrpError::NoGradient { node: graph.node(place).name.clone(), reason };
    let [pass] = plan.passes() else {
        return Err(refused(format!("the plan has {} walks, and each would have its own", plan.passes().len())));
    };
    let hidden = [place];
    let arrived = kernels::on_workers(|| {
        let mut walk = Walk::begin((graph, params, trace), pass, seeds, &hidden);
        for (id, node) in graph.nodes().rev().take_while(|(id, _)| *id > place) {
            let arrived = walk.arrived(id);
            walk.pass(id, node, arrived);
        }
        walk.arrived(place)
    });
    match arrived {
        Flow { relevance: Some(_), .. } => {
            Err(refused("a rule behind it makes relevance of the gradient, which cannot be undone".to_owned()))
        }
        Flow { gradient: Some(gradient), .. } => Ok(gradient),
        Flow { gradient: None, relevance: None } => {
            let there = trace.activation(place);
            Ok(Tensor::zeros(rows_of(&there, rows), (&there.device().inner(), there.dtype())))
        }
    }
}

/// Whether relevance goes on to this input: what opens a gate is held constant, and so is what makes a mask or gives a size.
fn carries(op: &Op, input: usize) -> bool {
    match op {
        Op::Gate | Op::Interpolate => input == 0,
        Op::Sigmoid | Op::SpatialShare(_) | Op::Threshold(_) => false,
        Op::Input
        | Op::Conv(_)
        | Op::ConvTranspose(_)
        | Op::Dense(_)
        | Op::BatchNorm(_)
        | Op::Relu
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::AdaptiveAveragePool(_)
        | Op::LogSumExpPool(_)
        | Op::Add
        | Op::Concat
        | Op::Flatten
        | Op::Dropout(_)
        | Op::Identity
        | Op::Softmax
        | Op::LayerNorm(_)
        | Op::Gelu
        | Op::Tokens(_)
        | Op::SelectToken(_)
        | Op::NarrowChannels { .. }
        | Op::AttentionScores { .. }
        | Op::AttentionSums => true,
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
    pass: &'a Pass,
    hidden: &'a [NodeId],
    /// See [`Graph::fused_relus`].
    relus: Vec<Option<NodeId>>,
    gradients: Vec<Option<Tensor<4>>>,
    relevances: Vec<Option<Tensor<4>>>,
    heatmap: Option<Tensor<4>>,
}

/// What reached the output of a node from its readers. Its relevance is `R + a ⊙ G`.
#[derive(Clone)]
struct Flow {
    gradient: Option<Tensor<4>>,
    relevance: Option<Tensor<4>>,
}

impl<'a> Walk<'a> {
    /// Before the first step, with the seeds at the logits.
    fn begin(
        (graph, params, trace): (&'a Graph, &'a Params, &'a Trace),
        pass: &'a Pass,
        seeds: Tensor<2>,
        hidden: &'a [NodeId],
    ) -> Self {
        let nodes = pass.rules.len();
        assert_eq!(nodes, graph.nodes().count(), "the plan belongs to another graph");
        let [rows, n_classes] = seeds.dims();
        let (mut gradients, relevances) = (vec![None; nodes], vec![None; nodes]);
        gradients[graph.logits().index()] = Some(seeds.reshape([rows, 1, 1, n_classes]));
        Self { graph, params, trace, pass, hidden, relus: graph.fused_relus(), gradients, relevances, heatmap: None }
    }

    fn arrived(&mut self, id: NodeId) -> Flow {
        Flow { gradient: self.gradients[id.index()].take(), relevance: self.relevances[id.index()].take() }
    }

    /// Hands what reached the output of a node to its inputs. Each reader of a node adds its share there.
    fn pass(&mut self, id: NodeId, node: &Node, arrived: Flow) {
        match (self.pass.rules[id.index()], arrived) {
            (Rule::Folded, _) | (_, Flow { gradient: None, relevance: None }) => {}
            (Rule::Transpose, arrived) if node.op == Op::Input => self.heatmap = self.relevance_at(id, arrived),
            (Rule::Transpose, Flow { gradient, relevance }) => {
                for input in (0..node.inputs.len()).filter(|input| carries(&node.op, *input)) {
                    let [gradient, relevance] = [&gradient, &relevance]
                        .map(|value| value.as_ref().map(|value| self.transpose(id, node, input, value.clone())));
                    let input = node.inputs[input].index();
                    gradient.into_iter().for_each(|share| accumulate(&mut self.gradients[input], share));
                    relevance.into_iter().for_each(|share| accumulate(&mut self.relevances[input], share));
                }
            }
            (Rule::Epsilon { epsilon }, Flow { gradient, .. }) => {
                gradient.into_iter().for_each(|gradient| self.pass_relu(id, node, gradient, epsilon));
            }
            (Rule::ZBox { low, high, epsilon }, arrived) => {
                let relevance = self.relevance_at(id, arrived);
                for part in self.pass.parts.iter().filter(|part| part.head == id) {
                    if let Some(relevance) = relevance.clone() {
                        let model = (self.graph, self.params, self.trace);
                        let map = z_box(model, part, relevance, (low, high), epsilon);
                        accumulate(&mut self.relevances[part.source.index()], map);
                    }
                }
            }
            (Rule::Layer { rule, stabilizer }, arrived) => self.pass_layer(id, node, arrived, (rule, stabilizer)),
            (Rule::Gradient, Flow { gradient, .. }) => {
                gradient.into_iter().for_each(|gradient| self.pass_gradient(id, node, &gradient, Form::Gradient));
            }
            (Rule::AttnLrp { stabilizer }, Flow { gradient, relevance }) => {
                gradient.into_iter().for_each(|gradient| self.pass_gradient(id, node, &gradient, Form::AttnLrp));
                relevance.into_iter().for_each(|relevance| self.pass_attn_lrp(id, node, relevance, stabilizer));
            }
            (Rule::Pass, arrived) => {
                if let Some(relevance) = self.relevance_at(id, arrived) {
                    accumulate(&mut self.relevances[node.inputs[0].index()], relevance);
                }
            }
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
        if self.pass.rules[input].takes_relevance() {
            let relevance = kernels::times_activation(gradient, output);
            accumulate(&mut self.relevances[input], relevance);
        } else {
            accumulate(&mut self.gradients[input], kernels::relevance_step(gradient, output, epsilon));
        }
    }

    /// The batch norm that only this ReLU reads, and what it reads, if the walk need not stop between the two.
    fn norm_before(&self, id: NodeId, node: &Node) -> Option<(NodeId, NodeId)> {
        let norm = node.inputs[0];
        let alone = self.relus[norm.index()] == Some(id) && matches!(self.graph.node(norm).op, Op::BatchNorm(_));
        let transposed = matches!(self.pass.rules[norm.index()], Rule::Transpose);
        (alone && transposed && !self.hidden.contains(&norm)).then(|| (norm, self.graph.node(norm).inputs[0]))
    }

    /// The modified gradient of an operation that is not linear.
    fn pass_gradient(&mut self, id: NodeId, node: &Node, gradient: &Tensor<4>, form: Form) {
        for (slot, input) in node.inputs.iter().enumerate() {
            let share = attn_lrp::pass((self.graph, self.params, self.trace), id, slot, gradient.clone(), form);
            accumulate(&mut self.gradients[input.index()], share);
        }
    }

    /// The same for relevance: `R_in = a ⊙ G_in` of `G = R / stabilize(output)`.
    fn pass_attn_lrp(&mut self, id: NodeId, node: &Node, relevance: Tensor<4>, stabilizer: f64) {
        let output = self.trace.activation(id);
        let offset = output.zeros_like().inner().narrow(0, 0, 1);
        let gradient = kernels::stabilized_quotient(relevance, output, offset, stabilizer);
        for (slot, input) in node.inputs.iter().enumerate() {
            let model = (self.graph, self.params, self.trace);
            let share = attn_lrp::pass(model, id, slot, gradient.clone(), Form::AttnLrp);
            let share = kernels::times_activation(share, self.trace.activation(*input));
            accumulate(&mut self.relevances[input.index()], share);
        }
    }

    /// `R + a ⊙ G`, if anything arrived.
    fn relevance_at(&self, id: NodeId, Flow { gradient, mut relevance }: Flow) -> Option<Tensor<4>> {
        if let Some(gradient) = gradient {
            accumulate(&mut relevance, kernels::times_activation(gradient, self.trace.activation(id)));
        }
        relevance
    }

    /// A rule of a linear part, from its head to its sources.
    fn pass_layer(&mut self, id: NodeId, node: &Node, arrived: Flow, (rule, stabilizer): (LayerRule, f64)) {
        let starts = self.pass.start == Start::OwnLogits && id == self.graph.logits();
        let arrived = match arrived {
            Flow { gradient: Some(gradient), relevance: None } if starts => Arrived::OwnGradient(gradient),
            flow => match self.relevance_at(id, flow) {
                Some(relevance) => Arrived::Relevance(relevance),
                None => return,
            },
        };
        let (sources, part) = self.part(id, node);
        let shares = share(&part, &rule.groups(), &arrived, stabilizer);
        for (source, share) in sources.iter().zip(shares) {
            accumulate(&mut self.relevances[source.index()], share);
        }
    }

    /// The linear part whose output is this node's, and the nodes it reads.
    fn part(&self, id: NodeId, node: &Node) -> (Vec<NodeId>, Part) {
        let affine: Option<&AffinePart> = self.pass.parts.iter().find(|part| part.head == id);
        let carried =
            || (0..node.inputs.len()).filter(|input| carries(&node.op, *input)).map(|input| node.inputs[input]);
        let sources = affine.map_or_else(|| carried().collect(), |part| vec![part.source]);
        let inputs: Vec<Tensor<4>> = sources.iter().map(|source| self.trace.activation(*source)).collect();
        let [_, height, width, _] = inputs[0].dims();
        let size = [height, width];
        let map = match (&node.op, affine) {
            (_, Some(part)) => {
                let model = (self.graph, self.params, self.trace);
                Map::Layer(Box::new(FoldedLayer::new(model, part, self.pass.include_bias)))
            }
            (Op::AveragePool(window), _) => {
                Map::Pool(AveragePool::windows(size, window.0).expect("shapes were checked"))
            }
            (Op::AdaptiveAveragePool(output), _) => Map::Pool(AveragePool::adaptive(size, *output)),
            (Op::Add, _) => Map::Sum,
            (Op::Interpolate, _) => {
                let [_, height_out, width_out, _] = self.trace.activation(id).dims();
                Map::Interpolate { from: size, to: [height_out, width_out] }
            }
            (
                Op::Input
                | Op::Conv(_)
                | Op::ConvTranspose(_)
                | Op::Dense(_)
                | Op::BatchNorm(_)
                | Op::Relu
                | Op::Sigmoid
                | Op::Threshold(_)
                | Op::SpatialShare(_)
                | Op::Gate
                | Op::MaxPool(_)
                | Op::LogSumExpPool(_)
                | Op::Concat
                | Op::Flatten
                | Op::Dropout(_)
                | Op::Identity
                | Op::Softmax
                | Op::LayerNorm(_)
                | Op::Gelu
                | Op::Tokens(_)
                | Op::SelectToken(_)
                | Op::NarrowChannels { .. }
                | Op::AttentionScores { .. }
                | Op::AttentionSums,
                None,
            ) => unreachable!("the plan gives `{}` no rule of linear parts", node.op.name()),
        };
        let nonnegative = sources.iter().all(|source| self.pass.nonnegative[source.index()]);
        (sources, Part { map, inputs, output: self.trace.activation(id), nonnegative })
    }

    /// `Wᵀ·G` of a linear node with respect to one of its inputs.
    fn transpose(&self, id: NodeId, node: &Node, input: usize, gradient: Tensor<4>) -> Tensor<4> {
        let channels_of = |input: &NodeId| self.trace.activation(*input).dims()[3];
        let [_, height, width, channels] = self.trace.activation(node.inputs[input]).dims();
        let size = [height, width];
        match &node.op {
            Op::Conv(conv) => {
                self.params.kernel(self.graph, conv.weight).conv2d_transpose(gradient, &conv.geometry, size)
            }
            Op::ConvTranspose(conv) => {
                self.params.kernel(self.graph, conv.weight).conv2d(gradient, None, &conv.geometry)
            }
            Op::Dense(dense) => kernels::token_dense_transpose(gradient, &self.params.kernel(self.graph, dense.weight)),
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
            Op::LogSumExpPool(sharpness) => {
                let shares = kernels::spatial_softmax(self.trace.activation(node.inputs[0]), *sharpness);
                let rows = gradient.dims()[0];
                kernels::times_activation(gradient.expand([rows, height, width, channels]), shares)
            }
            Op::Flatten => unflatten(gradient, size, channels),
            Op::Dropout(_) => match self.trace.dropout(id) {
                Some(factors) => kernels::times_activation(gradient, factors),
                None => gradient,
            },
            Op::Concat => {
                let start = node.inputs[..input].iter().map(channels_of).sum();
                kernels::narrow_channels(gradient, start, channels)
            }
            Op::Tokens(tokens) => attn_lrp::patches(gradient, tokens),
            Op::SelectToken(token) => Tensor::cat(among_zeros(gradient, 2, *token, width), 2),
            Op::NarrowChannels { start, .. } => kernels::concat_channels(among_zeros(gradient, 3, *start, channels)),
            Op::Add | Op::Identity => gradient,
            // What opens a gate is held constant.
            Op::Gate => kernels::gate(gradient, self.trace.activation(node.inputs[1])),
            Op::Interpolate => kernels::interpolate_transpose(gradient, size),
            Op::Input
            | Op::Relu
            | Op::Sigmoid
            | Op::Threshold(_)
            | Op::SpatialShare(_)
            | Op::Softmax
            | Op::LayerNorm(_)
            | Op::Gelu
            | Op::AttentionScores { .. }
            | Op::AttentionSums => unreachable!("`{}` is handled before", node.op.name()),
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

/// What lies before and after a part of an axis, and got nothing; to be joined to `length` values.
fn among_zeros(part: Tensor<4>, axis: usize, start: usize, length: usize) -> Vec<Tensor<4>> {
    let after = length - start - part.dims()[axis];
    let zeros = |count| {
        let mut dims = part.dims();
        dims[axis] = count;
        (count > 0).then(|| Tensor::zeros(dims, (&part.device().inner(), part.dtype())))
    };
    let (before, after) = (zeros(start), zeros(after));
    before.into_iter().chain([part]).chain(after).collect()
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
