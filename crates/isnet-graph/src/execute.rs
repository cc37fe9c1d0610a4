//! Running a graph forward.

use burn::tensor::{Int, Tensor, TensorData};
use isnet_kernels as kernels;
use isnet_kernels::{AveragePool, BatchStatistics};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::graph::{Graph, Node, NodeId};
use crate::op::{Conv, Dense, Op, Sharing, Tokens};
use crate::params::{ParamId, Params};

/// Whether a forward pass learns.
#[derive(Debug)]
pub enum Mode<'a> {
    /// Running statistics, no dropout.
    Evaluate,
    /// Batch statistics; dropout draws from the generator.
    Train(&'a mut ChaCha8Rng),
}

/// All that a forward pass computed, by node.
#[derive(Clone, Debug)]
pub struct Trace {
    activations: Vec<Activation>,
    beside: Vec<Beside>,
    logits: NodeId,
    output: NodeId,
}

/// The value of a node.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one per node: handles of tensors, no values")]
enum Activation {
    /// Not computed yet, or freed.
    Absent,
    Kept(Tensor<4>),
    /// Computed together with the ReLU after it, which alone reads it, and made again if somebody asks.
    Fused(Rectifiable),
}

/// What a node computed beside its value.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one per node: handles of tensors, no values")]
enum Beside {
    Nothing,
    Winners(Tensor<4, Int>),
    Statistics(BatchStatistics),
    Dropout(Tensor<4>),
}

/// Which nodes a forward pass runs, and which of them as in evaluation while others learn.
#[derive(Clone, Debug)]
pub struct Part {
    wanted: Vec<bool>,
    frozen: Vec<bool>,
}

impl Part {
    /// All of a graph.
    pub fn all(graph: &Graph) -> Self {
        Self { wanted: vec![true; graph.nodes.len()], frozen: vec![false; graph.nodes.len()] }
    }

    /// What leads to these nodes.
    pub fn to(graph: &Graph, targets: &[NodeId]) -> Self {
        Self { wanted: graph.ancestors(targets), ..Self::all(graph) }
    }

    /// What leads to these nodes uses running statistics and no dropout.
    #[must_use]
    pub fn freezing(self, graph: &Graph, targets: &[NodeId]) -> Self {
        Self { frozen: graph.ancestors(targets), ..self }
    }
}

impl Trace {
    fn empty(graph: &Graph) -> Self {
        let count = graph.nodes.len();
        Self {
            activations: vec![Activation::Absent; count],
            beside: vec![Beside::Nothing; count],
            logits: graph.logits(),
            output: graph.output(),
        }
    }

    /// The activation of a node, `[N, H, W, C]`. That of a node in [`Graph::fused_relus`] is computed anew at every call.
    ///
    /// # Panics
    /// If it was dropped, as [`Graph::predict`] does, or not run, as [`Graph::forward_part`] may.
    pub fn activation(&self, id: NodeId) -> Tensor<4> {
        match &self.activations[id.index()] {
            Activation::Absent => panic!("a full trace keeps every activation"),
            Activation::Kept(value) => value.clone(),
            Activation::Fused(before) => before.value(false).0,
        }
    }

    /// Where a max pool found its values; see [`kernels::max_pool()`].
    pub fn winners(&self, id: NodeId) -> Option<Tensor<4, Int>> {
        if let Beside::Winners(winners) = &self.beside[id.index()] { Some(winners.clone()) } else { None }
    }

    /// What the batch said at a batch norm, if it was in training.
    pub fn statistics(&self, id: NodeId) -> Option<&BatchStatistics> {
        if let Beside::Statistics(batch) = &self.beside[id.index()] { Some(batch) } else { None }
    }

    /// The factors of a dropout, if it was in training.
    pub fn dropout(&self, id: NodeId) -> Option<Tensor<4>> {
        if let Beside::Dropout(factors) = &self.beside[id.index()] { Some(factors.clone()) } else { None }
    }

    /// The logits, `[N, K]`.
    pub fn logits(&self) -> Tensor<2> {
        flat(self.activation(self.logits))
    }

    /// The output, `[N, K]`: the logits, or the softmax over them.
    pub fn output(&self) -> Tensor<2> {
        flat(self.activation(self.output))
    }
}

pub(crate) fn flat(activation: Tensor<4>) -> Tensor<2> {
    let [samples, _, _, channels] = activation.dims();
    activation.reshape([samples, channels])
}

impl Graph {
    /// Runs the graph and keeps every activation.
    ///
    /// # Shapes
    /// - `image`: `[N, H, W, C]`, for which [`Graph::shapes`] found no error
    pub fn forward(&self, params: &Params, image: Tensor<4>, mode: Mode<'_>) -> Trace {
        self.forward_part(params, image, mode, &Part::all(self))
    }

    /// Runs a part of the graph, and keeps every activation of it.
    pub fn forward_part(&self, params: &Params, image: Tensor<4>, mode: Mode<'_>, part: &Part) -> Trace {
        self.run(params, image, mode, (part, &vec![usize::MAX; self.nodes.len()]))
    }

    /// Runs the graph for its logits `[N, K]` only; every activation is freed after its last use.
    pub fn predict(&self, params: &Params, image: Tensor<4>) -> Tensor<2> {
        let last_use: Vec<usize> =
            self.consumers().iter().map(|readers| readers.last().map_or(usize::MAX, |id| id.index())).collect();
        let part = Part::to(self, &[self.logits()]);
        self.run(params, image, Mode::Evaluate, (&part, &last_use)).logits_of_prediction(self)
    }

    /// The running statistics after this training batch: `(buffer, new value)`.
    ///
    /// The running variance takes the unbiased batch variance, as in PyTorch.
    pub fn running_statistics(&self, params: &Params, trace: &Trace) -> Vec<(ParamId, Tensor<1>)> {
        let mut updates = Vec::new();
        for (id, node) in self.nodes() {
            let (Op::BatchNorm(norm), Some(batch)) = (&node.op, trace.statistics(id)) else { continue };
            let blend =
                |old: ParamId, new: Tensor<1>| params.flat(old) * (1.0 - norm.momentum) + new.inner() * norm.momentum;
            let unbiased = batch.count as f64 / (batch.count as f64 - 1.0).max(1.0);
            updates.push((norm.running_mean, blend(norm.running_mean, batch.mean.clone())));
            updates.push((norm.running_var, blend(norm.running_var, batch.variance.clone() * unbiased)));
        }
        updates
    }

    fn run(&self, params: &Params, image: Tensor<4>, mode: Mode<'_>, extent: (&Part, &[usize])) -> Trace {
        kernels::on_workers(|| self.run_nodes(params, image, mode, extent))
    }

    fn run_nodes(
        &self,
        params: &Params,
        image: Tensor<4>,
        mut mode: Mode<'_>,
        (part, last_use): (&Part, &[usize]),
    ) -> Trace {
        let (mut trace, relus) = (Trace::empty(self), self.fused_relus());
        for (id, node) in self.nodes().filter(|(id, _)| part.wanted[id.index()]) {
            let inputs = || -> Vec<Tensor<4>> { node.inputs.iter().map(|id| trace.activation(*id)).collect() };
            let mode = if part.frozen[id.index()] { &mut Mode::Evaluate } else { &mut mode };
            if node.op == Op::Input {
                trace.activations[id.index()] = Activation::Kept(image.clone());
            } else if let Some(relu) = relus[id.index()] {
                let before = self.rectifiable(params, node, inputs(), mode);
                let (value, beside) = before.value(true);
                trace.beside[id.index()] = beside;
                trace.activations[id.index()] = Activation::Fused(before);
                trace.activations[relu.index()] = Activation::Kept(value);
            } else if node.op != Op::Relu || relus[node.inputs[0].index()] != Some(id) {
                let (value, beside) = self.apply(params, node, inputs(), mode);
                trace.beside[id.index()] = beside;
                trace.activations[id.index()] = Activation::Kept(value);
            }
            for input in &node.inputs {
                if last_use[input.index()] <= id.index() && *input != trace.logits {
                    trace.activations[input.index()] = Activation::Absent;
                }
            }
        }
        trace
    }

    /// One node in evaluation, from the values it reads.
    pub(crate) fn evaluate_node(&self, params: &Params, id: NodeId, inputs: Vec<Tensor<4>>) -> Tensor<4> {
        self.apply(params, self.node(id), inputs, &mut Mode::Evaluate).0
    }

    fn apply(
        &self,
        params: &Params,
        node: &Node,
        mut inputs: Vec<Tensor<4>>,
        mode: &mut Mode<'_>,
    ) -> (Tensor<4>, Beside) {
        if matches!(node.op, Op::BatchNorm(_)) {
            return self.rectifiable(params, node, inputs, mode).value(false);
        }
        if node.op == Op::Concat {
            return (kernels::concat_channels(inputs), Beside::Nothing);
        }
        let mut others = inputs.split_off(1);
        let input = inputs.remove(0);
        let [_, height, width, _] = input.dims();
        let value = match &node.op {
            Op::Conv(conv) => {
                let bias = conv.bias.map(|bias| params.flat(bias));
                params.kernel(self, conv.weight).conv2d(input, bias, &conv.geometry)
            }
            Op::ConvTranspose(conv) => self.conv_transpose(params, conv, input),
            Op::Dense(dense) => self.dense(params, dense, input),
            Op::Relu => kernels::relu(input),
            Op::Sigmoid => kernels::sigmoid(input),
            Op::Threshold(value) => input.clone().greater_scalar(*value).float().cast(input.dtype()),
            Op::SpatialShare(sharing) => spatial_share(input, *sharing),
            Op::Interpolate => {
                let [_, height, width, _] = others[0].dims();
                kernels::interpolate(input, [height, width])
            }
            Op::Gate => kernels::gate(input, others[0].clone()),
            Op::MaxPool(geometry) => {
                let (values, winners) = kernels::max_pool(input, geometry);
                return (values, Beside::Winners(winners));
            }
            Op::AveragePool(window) => {
                let pool = AveragePool::windows([height, width], window.0).expect("shapes were checked");
                kernels::average_pool(input, &pool)
            }
            Op::AdaptiveAveragePool(size) => {
                kernels::average_pool(input, &AveragePool::adaptive([height, width], *size))
            }
            Op::LogSumExpPool(sharpness) => kernels::log_sum_exp_pool(input, *sharpness),
            Op::Add => others.into_iter().fold(input, kernels::add),
            Op::Flatten => flatten(input),
            Op::Dropout(probability) => match dropout_factors(&input, *probability, mode) {
                Some(factors) => return (input * factors.clone(), Beside::Dropout(factors)),
                None => input,
            },
            Op::Softmax => kernels::softmax(input),
            Op::LayerNorm(norm) => {
                let (gamma, beta) = (params.flat(norm.weight), params.flat(norm.bias));
                kernels::layer_norm(input, gamma, beta, norm.epsilon)
            }
            Op::Gelu => kernels::gelu(input),
            Op::Tokens(tokens) => self.tokens(params, tokens, input),
            Op::SelectToken(token) => input.narrow(2, *token, 1),
            Op::NarrowChannels { start, channels } => kernels::narrow_channels(input, *start, *channels),
            Op::AttentionScores { heads } => {
                let scale = attention_scale(&input, *heads);
                kernels::head_products(input * scale, others.remove(0), *heads)
            }
            Op::AttentionSums => kernels::head_sums(input, others.remove(0)),
            Op::Identity | Op::Input | Op::BatchNorm(_) | Op::Concat => input,
        };
        (value, Beside::Nothing)
    }

    fn tokens(&self, params: &Params, tokens: &Tokens, input: Tensor<4>) -> Tensor<4> {
        let [samples, height, width, channels] = input.dims();
        let first = params.flat(tokens.class_token).reshape([1, 1, 1, channels]).expand([samples, 1, 1, channels]);
        let all = Tensor::cat(vec![first, input.reshape([samples, 1, height * width, channels])], 2);
        all + params.get::<3>(self, tokens.position).unsqueeze::<4>()
    }

    /// A batch norm or a sum of two.
    fn rectifiable(&self, params: &Params, node: &Node, mut inputs: Vec<Tensor<4>>, mode: &Mode<'_>) -> Rectifiable {
        let input = inputs.remove(0);
        let Op::BatchNorm(norm) = &node.op else { return Rectifiable::Sum(input, inputs.remove(0)) };
        let (gamma, beta, epsilon) = (params.flat(norm.weight), params.flat(norm.bias), norm.epsilon);
        match mode {
            Mode::Train(_) => Rectifiable::Normalized { input, gamma, beta, epsilon },
            Mode::Evaluate => {
                let deviation = kernels::inverse_deviation(params.flat(norm.running_var), epsilon);
                Rectifiable::Affine { input, mean: params.flat(norm.running_mean), scale: deviation * gamma, beta }
            }
        }
    }

    fn conv_transpose(&self, params: &Params, conv: &Conv, input: Tensor<4>) -> Tensor<4> {
        let [_, height, width, _] = input.dims();
        let shape = &self.param(conv.weight).shape;
        let size = conv.geometry.transposed_size([height, width], [shape[2], shape[3]]).expect("shapes were checked");
        let output = params.kernel(self, conv.weight).conv2d_transpose(input, &conv.geometry, size);
        match conv.bias {
            Some(bias) => output + params.flat(bias).unsqueeze::<4>(),
            None => output,
        }
    }

    fn dense(&self, params: &Params, dense: &Dense, input: Tensor<4>) -> Tensor<4> {
        let bias = dense.bias.map(|bias| params.flat(bias));
        kernels::token_dense(input, &params.kernel(self, dense.weight), bias)
    }
}

/// An operation that kernels compute together with a ReLU after it, with what it reads.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one per node: handles of tensors, no values")]
enum Rectifiable {
    Sum(Tensor<4>, Tensor<4>),
    /// By the statistics of the batch.
    Normalized {
        input: Tensor<4>,
        gamma: Tensor<1>,
        beta: Tensor<1>,
        epsilon: f64,
    },
    /// By running statistics.
    Affine {
        input: Tensor<4>,
        mean: Tensor<1>,
        scale: Tensor<1>,
        beta: Tensor<1>,
    },
}

impl Rectifiable {
    fn value(&self, relu: bool) -> (Tensor<4>, Beside) {
        match self.clone() {
            Self::Sum(first, second) if relu => (kernels::add_relu(first, second), Beside::Nothing),
            Self::Sum(first, second) => (kernels::add(first, second), Beside::Nothing),
            Self::Normalized { input, gamma, beta, epsilon } => {
                let (output, statistics) = kernels::batch_norm_train(input, gamma, beta, epsilon, relu);
                (output, Beside::Statistics(statistics))
            }
            Self::Affine { input, mean, scale, beta } => {
                (kernels::normalize(input, mean, scale, beta, relu), Beside::Nothing)
            }
        }
    }
}

impl Trace {
    fn logits_of_prediction(&self, graph: &Graph) -> Tensor<2> {
        flat(self.activation(graph.logits()))
    }
}

/// Over the places of each channel, with mean 1; above the minimum, 0 where all are equal.
fn spatial_share(input: Tensor<4>, sharing: Sharing) -> Tensor<4> {
    let [_, height, width, _] = input.dims();
    if sharing == Sharing::Softmax {
        return kernels::spatial_softmax(input, 1.0) * (height * width) as f64;
    }
    let above = input.clone() - input.min_dim(1).min_dim(2);
    let mean = above.clone().mean_dims(&[1, 2]);
    above / mean.clamp_min(1e-8)
}

/// `1/√(C/heads)` for queries `[N, 1, T, C]`: what keeps their products with keys of order 1 (Vaswani et al. 2017).
pub fn attention_scale(queries: &Tensor<4>, heads: usize) -> f64 {
    ((queries.dims()[3] / heads) as f64).sqrt().recip()
}

/// `[N, H, W, C]` to `[N, 1, 1, C·H·W]`, channel first.
pub(crate) fn flatten(input: Tensor<4>) -> Tensor<4> {
    let [samples, height, width, channels] = input.dims();
    let ordered = if height * width == 1 { input } else { input.permute([0, 3, 1, 2]) };
    ordered.reshape([samples, 1, 1, channels * height * width])
}

/// `1/(1 − p)` where a value stays and 0 where it goes, or `None` when nothing does.
fn dropout_factors(input: &Tensor<4>, probability: f64, mode: &mut Mode<'_>) -> Option<Tensor<4>> {
    let Mode::Train(rng) = mode else { return None };
    if probability == 0.0 {
        return None;
    }
    let keep = 1.0 / (1.0 - probability);
    let dims = input.dims();
    let values: Vec<f64> =
        (0..dims.iter().product()).map(|_| if rng.random::<f64>() < probability { 0.0 } else { keep }).collect();
    Some(Tensor::from_data(TensorData::new(values, dims), (&input.device().inner(), input.dtype())))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::builder::{ConvSpec, GraphBuilder};
    use crate::params::ParamRole;

    #[test]
    fn running_statistics_take_a_tenth_of_the_batchs_mean_and_unbiased_variance() {
        // 1, 2, 3, 6: mean 3, squares 4 + 1 + 0 + 9 = 14, over 3. As torch.nn.BatchNorm2d with momentum = 0.1.
        let mut build = GraphBuilder::new(1);
        let x = build.input();
        let x = build.batch_norm("norm", x, 1);
        let graph = build.finish(x).expect("valid");
        let params = Params::from_fn(&graph, &Device::flex(), DType::F64, |spec| match spec.role {
            ParamRole::RunningMean => vec![5.0],
            ParamRole::RunningVar => vec![2.0],
            _ => vec![1.0],
        });
        let image = Tensor::<1>::from_data([1.0, 2.0, 3.0, 6.0], (&Device::flex(), DType::F64)).reshape([2, 1, 2, 1]);
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let trace = graph.forward(&params, image, Mode::Train(&mut rng));
        let found = graph.running_statistics(&params, &trace);
        let found: Vec<f64> = found.into_iter().map(|(_, value)| value.into_scalar::<f64>()).collect();
        let expected = [0.9 * 5.0 + 0.1 * 3.0, 0.9 * 2.0 + 0.1 * 14.0 / 3.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12) && found.len() == 2, "{found:?}");
    }

    #[test]
    fn a_transposed_convolution_in_groups_gives_each_group_its_own_inputs() {
        // As torch.nn.ConvTranspose2d(2, 4, 1, groups=2): channels 0 and 1 see input 0, channels 2 and 3 see input 1.
        let mut build = GraphBuilder::new(2);
        let image = build.input();
        let up = build.conv_transpose("up", image, ConvSpec::square(2, 4, 1).grouped(2));
        let graph = build.finish(up).expect("valid");
        let (_, weight) = graph.params().next().expect("a weight");
        assert_eq!(weight.shape, [2, 2, 1, 1]);
        let params = Params::from_fn(&graph, &Device::flex(), DType::F32, |spec| match spec.role {
            ParamRole::ConvWeight => vec![1.0, 2.0, 3.0, 4.0],
            _ => vec![0.0, 0.0, 0.0, 0.5],
        });
        let pixel = Tensor::<4>::from_floats([[[[10.0, 100.0]]]], &Device::flex());
        let found: Vec<f32> = graph.predict(&params, pixel).try_into_vec_as().expect("floats");
        assert_eq!(found, [10.0, 20.0, 300.0, 400.5]);
    }

    #[test]
    fn a_part_runs_what_leads_to_its_targets_and_a_frozen_one_does_not_learn() {
        let mut build = GraphBuilder::new(1);
        let image = build.input();
        let first = build.batch_norm("first", image, 1);
        let second = build.batch_norm("second", first, 1);
        let other = build.relu("other", image);
        let graph = build.finish(second).expect("valid");
        let params = Params::initialize(&graph, 0, &Device::flex());
        let pixels = Tensor::<4>::from_floats([[[[1.0], [3.0]]]], &Device::flex());
        let run = |part: &Part| {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
            graph.forward_part(&params, pixels.clone(), Mode::Train(&mut rng), part)
        };
        let trace = run(&Part::to(&graph, &[second]).freezing(&graph, &[first]));
        assert!(matches!(trace.activations[other.index()], Activation::Absent), "nobody asked for it");
        assert!(trace.statistics(first).is_none() && trace.statistics(second).is_some());
        // Running mean 0 and variance 1: the frozen norm passes 1 and 3 as they are.
        let passed: Vec<f32> = trace.activation(first).try_into_vec_as().expect("floats");
        assert!((passed[0] - 1.0).abs() < 1e-4 && (passed[1] - 3.0).abs() < 1e-4, "{passed:?}");
        assert_eq!(graph.running_statistics(&params, &trace).len(), 2, "mean and variance of one norm");
        assert!(run(&Part::all(&graph)).statistics(first).is_some());
    }
}
