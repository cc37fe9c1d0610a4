//! Running a graph forward.

use burn::tensor::{Int, Tensor, TensorData, activation};
use isnet_kernels as kernels;
use isnet_kernels::{AveragePool, BatchStatistics};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::graph::{Graph, Node, NodeId};
use crate::op::{BatchNorm, Conv, Dense, Op};
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
    activations: Vec<Option<Tensor<4>>>,
    winners: Vec<Option<Tensor<4, Int>>>,
    statistics: Vec<Option<BatchStatistics>>,
    dropout: Vec<Option<Tensor<4>>>,
    logits: NodeId,
    output: NodeId,
}

impl Trace {
    fn empty(graph: &Graph) -> Self {
        let count = graph.nodes.len();
        Self {
            activations: vec![None; count],
            winners: vec![None; count],
            statistics: vec![None; count],
            dropout: vec![None; count],
            logits: graph.logits(),
            output: graph.output(),
        }
    }

    /// The activation of a node, `[N, H, W, C]`.
    ///
    /// # Panics
    /// If it was dropped, as [`Graph::predict`] does.
    pub fn activation(&self, id: NodeId) -> Tensor<4> {
        self.activations[id.index()].clone().expect("a full trace keeps every activation")
    }

    /// Where a max pool found its values; see [`kernels::max_pool()`].
    pub fn winners(&self, id: NodeId) -> Option<Tensor<4, Int>> {
        self.winners[id.index()].clone()
    }

    /// What the batch said at a batch norm, if it was in training.
    pub fn statistics(&self, id: NodeId) -> Option<&BatchStatistics> {
        self.statistics[id.index()].as_ref()
    }

    /// The factors of a dropout, if it was in training.
    pub fn dropout(&self, id: NodeId) -> Option<Tensor<4>> {
        self.dropout[id.index()].clone()
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
        self.run(params, image, mode, &vec![usize::MAX; self.nodes.len()])
    }

    /// Runs the graph for its logits `[N, K]` only; every activation is freed after its last use.
    pub fn predict(&self, params: &Params, image: Tensor<4>) -> Tensor<2> {
        let last_use: Vec<usize> =
            self.consumers().iter().map(|readers| readers.last().map_or(usize::MAX, |id| id.index())).collect();
        self.run(params, image, Mode::Evaluate, &last_use).logits_of_prediction(self)
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

    fn run(&self, params: &Params, image: Tensor<4>, mut mode: Mode<'_>, last_use: &[usize]) -> Trace {
        let mut trace = Trace::empty(self);
        for (id, node) in self.nodes() {
            let value = match &node.op {
                Op::Input => image.clone(),
                _ => self.apply(params, id, node, &mut trace, &mut mode),
            };
            trace.activations[id.index()] = Some(value);
            for input in &node.inputs {
                if last_use[input.index()] <= id.index() && *input != trace.logits {
                    trace.activations[input.index()] = None;
                }
            }
        }
        trace
    }

    /// One node in evaluation, from the values it reads.
    pub(crate) fn evaluate_node(&self, params: &Params, id: NodeId, inputs: Vec<Tensor<4>>) -> Tensor<4> {
        let node = self.node(id);
        let mut trace = Trace::empty(self);
        for (id, value) in node.inputs.iter().zip(inputs) {
            trace.activations[id.index()] = Some(value);
        }
        self.apply(params, id, node, &mut trace, &mut Mode::Evaluate)
    }

    fn apply(&self, params: &Params, id: NodeId, node: &Node, trace: &mut Trace, mode: &mut Mode<'_>) -> Tensor<4> {
        let input = trace.activation(node.inputs[0]);
        let [_, height, width, _] = input.dims();
        match &node.op {
            Op::Conv(conv) => self.conv(params, conv, input),
            Op::Dense(dense) => self.dense(params, dense, input),
            Op::BatchNorm(norm) => {
                let (output, statistics) = self.batch_norm(params, norm, input, mode);
                trace.statistics[id.index()] = statistics;
                output
            }
            Op::Relu => kernels::relu(input),
            Op::MaxPool(geometry) => {
                let (values, winners) = kernels::max_pool(input, geometry);
                trace.winners[id.index()] = Some(winners);
                values
            }
            Op::AveragePool(window) => {
                let pool = AveragePool::windows([height, width], window.0).expect("shapes were checked");
                kernels::average_pool(input, &pool)
            }
            Op::AdaptiveAveragePool(size) => {
                kernels::average_pool(input, &AveragePool::adaptive([height, width], *size))
            }
            Op::Add => node.inputs[1..].iter().fold(input, |sum, other| kernels::add(sum, trace.activation(*other))),
            Op::Concat => kernels::concat_channels(node.inputs.iter().map(|id| trace.activation(*id)).collect()),
            Op::Flatten => flatten(input),
            Op::Dropout(probability) => {
                let factors = dropout_factors(&input, *probability, mode);
                trace.dropout[id.index()].clone_from(&factors);
                factors.map_or(input.clone(), |factors| input * factors)
            }
            Op::Softmax => activation::softmax(input, 3),
            Op::Identity | Op::Input => input,
        }
    }

    fn conv(&self, params: &Params, conv: &Conv, input: Tensor<4>) -> Tensor<4> {
        let bias = conv.bias.map(|bias| params.flat(bias));
        kernels::conv2d(input, params.get(self, conv.weight), bias, &conv.geometry)
    }

    fn dense(&self, params: &Params, dense: &Dense, input: Tensor<4>) -> Tensor<4> {
        let [samples, _, _, channels] = input.dims();
        let weight: Tensor<2> = params.get(self, dense.weight);
        let outputs = weight.dims()[0];
        let product = kernels::dense(input.reshape([samples, channels]), weight);
        let sum = match dense.bias {
            Some(bias) => product + params.flat(bias).unsqueeze::<2>(),
            None => product,
        };
        sum.reshape([samples, 1, 1, outputs])
    }

    fn batch_norm(
        &self,
        params: &Params,
        norm: &BatchNorm,
        input: Tensor<4>,
        mode: &Mode<'_>,
    ) -> (Tensor<4>, Option<BatchStatistics>) {
        let (gamma, beta) = (params.flat(norm.weight), params.flat(norm.bias));
        match mode {
            Mode::Train(_) => {
                let (output, statistics) = kernels::batch_norm_train(input, gamma, beta, norm.epsilon);
                (output, Some(statistics))
            }
            Mode::Evaluate => {
                let deviation = kernels::inverse_deviation(params.flat(norm.running_var), norm.epsilon);
                (kernels::normalize(input, params.flat(norm.running_mean), deviation * gamma, beta), None)
            }
        }
    }
}

impl Trace {
    fn logits_of_prediction(&self, graph: &Graph) -> Tensor<2> {
        flat(self.activation(graph.logits()))
    }
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
    use crate::builder::GraphBuilder;
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
}
