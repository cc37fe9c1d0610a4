//! Interval bounds of the logits: what they can be where every pixel lies between two values.
//!
//! Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably Robust Models" (2018): an affine node takes the middle of an
//! interval as it is and its half-width by the magnitudes of its weights; a monotone node takes both ends. Bounds hold for certain and are wider than need
//! be. Batch norms use running statistics, dropout is the identity. Bounds are differentiable in the parameters.

use burn::tensor::Tensor;
use isnet_kernels as kernels;

use crate::error::GraphError;
use crate::execute::flat;
use crate::graph::Graph;
use crate::op::Op;
use crate::params::Params;

/// The smallest and the largest value of each place.
#[derive(Clone, Debug)]
pub struct Bounds<const D: usize> {
    /// Smallest values.
    pub lower: Tensor<D>,
    /// Largest values.
    pub upper: Tensor<D>,
}

/// How an interval passes a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    Affine,
    Monotone,
    No,
}

impl Graph {
    /// Refuses a graph with a node that no interval can pass.
    ///
    /// # Errors
    /// [`GraphError::NoBounds`] naming the first such node.
    pub fn check_bounds(&self) -> Result<(), GraphError> {
        let refused = self.nodes().take(self.logits().index() + 1).find(|(_, node)| passage(&node.op) == Passage::No);
        refused.map_or(Ok(()), |(_, node)| Err(GraphError::NoBounds { node: node.name.clone(), op: node.op.name() }))
    }

    /// Bounds of the logits `[N, K]` where every pixel lies between those of `image`.
    ///
    /// # Shapes
    /// - `image`: two of `[N, H, W, C]`, the lower nowhere above the upper
    ///
    /// # Errors
    /// As [`Graph::check_bounds`].
    pub fn logit_bounds(&self, params: &Params, image: Bounds<4>) -> Result<Bounds<2>, GraphError> {
        self.check_bounds()?;
        let logits = kernels::on_workers(|| self.bounds_of_nodes(params, image));
        Ok(Bounds { lower: flat(logits.lower), upper: flat(logits.upper) })
    }

    fn bounds_of_nodes(&self, params: &Params, image: Bounds<4>) -> Bounds<4> {
        let magnitudes = self.magnitudes(params);
        let mut found: Vec<Bounds<4>> = Vec::new();
        for (id, node) in self.nodes().take(self.logits().index() + 1) {
            let inputs = || node.inputs.iter().map(|input| &found[input.index()]);
            let bounds = match passage(&node.op) {
                _ if node.op == Op::Input => image.clone(),
                Passage::Affine => {
                    let Bounds { lower, upper } = &found[node.inputs[0].index()];
                    let (middle, half) = ((lower.clone() + upper.clone()) * 0.5, (upper.clone() - lower.clone()) * 0.5);
                    let middle = self.evaluate_node(params, id, vec![middle]);
                    let half = self.evaluate_node(&magnitudes, id, vec![half]);
                    Bounds { lower: middle.clone() - half.clone(), upper: middle + half }
                }
                _ => {
                    let lower = inputs().map(|bounds| bounds.lower.clone()).collect();
                    let upper = inputs().map(|bounds| bounds.upper.clone()).collect();
                    Bounds {
                        lower: self.evaluate_node(params, id, lower),
                        upper: self.evaluate_node(params, id, upper),
                    }
                }
            };
            found.push(bounds);
        }
        found.pop().expect("a graph has nodes")
    }

    /// The parameters as half-widths see them: magnitudes of weights, nothing added.
    fn magnitudes(&self, params: &Params) -> Params {
        let mut values: Vec<Tensor<1>> = params.values().to_vec();
        for (_, node) in self.nodes() {
            let (weight, added) = match &node.op {
                Op::Conv(conv) | Op::ConvTranspose(conv) => (conv.weight, vec![conv.bias]),
                Op::Dense(dense) => (dense.weight, vec![dense.bias]),
                Op::BatchNorm(norm) => (norm.weight, vec![Some(norm.bias), Some(norm.running_mean)]),
                _ => continue,
            };
            values[weight.index()] = params.flat(weight).abs();
            for id in added.into_iter().flatten() {
                values[id.index()] = params.flat(id).zeros_like();
            }
        }
        Params::from_tensors(self, values)
    }
}

fn passage(op: &Op) -> Passage {
    match op {
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense(_) | Op::BatchNorm(_) => Passage::Affine,
        Op::Input
        | Op::Relu
        | Op::Sigmoid
        | Op::Threshold(_)
        | Op::Interpolate
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::AdaptiveAveragePool(_)
        | Op::LogSumExpPool(_)
        | Op::Add
        | Op::Concat
        | Op::Flatten
        | Op::Dropout(_)
        | Op::Identity
        | Op::Tokens(_)
        | Op::SelectToken(_)
        | Op::NarrowChannels { .. } => Passage::Monotone,
        Op::SpatialShare(_)
        | Op::Gate
        | Op::Softmax
        | Op::LayerNorm(_)
        | Op::Gelu
        | Op::AttentionScores { .. }
        | Op::AttentionSums => Passage::No,
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, TensorData};
    use isnet_kernels::MaxPoolGeometry;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{ConvSpec, GraphBuilder, Mode};

    /// Convolutions with and without batch norm, pools, a sum, a concatenation and a dense layer.
    fn graph() -> Graph {
        let mut build = GraphBuilder::new(2);
        let image = build.input();
        let first = build.conv("conv1", image, ConvSpec::square(2, 4, 3).padded(1));
        let normed = build.batch_norm("norm1", first, 4);
        let first = build.relu("relu1", normed);
        let pooled = build.max_pool("pool", first, MaxPoolGeometry::square(2));
        let second = build.conv("conv2", pooled, ConvSpec::square(4, 4, 3).padded(1).biased());
        let sum = build.add("add", &[second, pooled]);
        let joined = build.concat("concat", &[sum, pooled]);
        let averaged = build.adaptive_average_pool("average", joined, [1, 1]);
        let flat = build.flatten("flatten", averaged);
        let logits = build.dense("fc", flat, 8, 3);
        build.finish(logits).expect("a graph")
    }

    fn params(graph: &Graph, rng: &mut ChaCha8Rng) -> Params {
        Params::from_fn(graph, &Device::flex(), DType::F64, |spec| {
            let positive = spec.name.ends_with("running_var");
            (0..spec.len())
                .map(|_| if positive { rng.random_range(0.5..2.0) } else { rng.random_range(-1.0..1.0) })
                .collect()
        })
    }

    fn values(tensor: &Tensor<2>) -> Vec<f64> {
        tensor.try_to_vec_as().expect("floats")
    }

    #[test]
    fn every_image_between_the_bounds_has_logits_between_theirs() {
        let graph = graph();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let params = params(&graph, &mut rng);
        let draw = |rng: &mut ChaCha8Rng, low: f64, high: f64| -> Vec<f64> {
            (0..2 * 6 * 6 * 2).map(|_| rng.random_range(low..high)).collect()
        };
        let tensor = |values: Vec<f64>| {
            Tensor::<4>::from_data(TensorData::new(values, [2, 6, 6, 2]), (&Device::flex(), DType::F64))
        };
        let middle = tensor(draw(&mut rng, 0.2, 0.8));
        let radius = tensor(draw(&mut rng, 0.0, 0.2));
        let image = Bounds { lower: middle.clone() - radius.clone(), upper: middle.clone() + radius.clone() };
        let bounds = graph.logit_bounds(&params, image).expect("all nodes can be passed");
        let (lower, upper) = (values(&bounds.lower), values(&bounds.upper));
        assert!(lower.iter().zip(&upper).all(|(lower, upper)| lower < upper));
        for _ in 0..200 {
            // Corners of the box reach farther than its inside.
            let along: Vec<f64> = draw(&mut rng, -1.0, 1.0).into_iter().map(f64::signum).collect();
            let logits =
                graph.forward(&params, middle.clone() + radius.clone() * tensor(along), Mode::Evaluate).logits();
            for (place, logit) in values(&logits).iter().enumerate() {
                assert!((lower[place]..=upper[place]).contains(logit), "{logit} in {}..{}", lower[place], upper[place]);
            }
        }
        let point = Bounds { lower: middle.clone(), upper: middle.clone() };
        let point = graph.logit_bounds(&params, point).expect("all nodes can be passed");
        let exact = values(&graph.forward(&params, middle, Mode::Evaluate).logits());
        for found in [values(&point.lower), values(&point.upper)] {
            assert!(found.iter().zip(&exact).all(|(found, exact)| (found - exact).abs() < 1e-12));
        }
    }

    #[test]
    fn bounds_of_one_affine_layer_are_reached() {
        let mut build = GraphBuilder::new(2);
        let image = build.input();
        let logits = build.dense("fc", image, 2, 1);
        let graph = build.finish(logits).expect("a graph");
        let params = Params::from_fn(&graph, &Device::flex(), DType::F64, |spec| {
            if spec.len() == 2 { vec![2.0, -3.0] } else { vec![0.5] }
        });
        let pixel = |values: [f64; 2]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, 1, 2]), (&Device::flex(), DType::F64))
        };
        let image = Bounds { lower: pixel([0.0, 0.0]), upper: pixel([1.0, 1.0]) };
        let bounds = graph.logit_bounds(&params, image).expect("a dense layer");
        assert_eq!((values(&bounds.lower), values(&bounds.upper)), (vec![-2.5], vec![2.5]));
    }

    #[test]
    fn what_is_not_monotone_is_refused_by_name() {
        let mut build = GraphBuilder::new(1);
        let image = build.input();
        let curved = build.gelu("mlp.gelu", image);
        let flat = build.flatten("flatten", curved);
        let logits = build.dense("fc", flat, 4, 1);
        let graph = build.finish(logits).expect("a graph");
        let message = graph.check_bounds().expect_err("refused").to_string();
        assert!(message.contains("`mlp.gelu`"), "{message}");
    }
}
