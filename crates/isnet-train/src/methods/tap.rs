//! `tap`, the targeted activation penalty (Zhang, Williams and Toni, AAAI 2024, arXiv 2311.12813): `L = L_class + λ·mean over layers of Σ (b·Σ_c a_c)²`.
//!
//! `a` is the activation of a layer and `b` the background at its size: grown by a pixel and averaged from layer to layer, as in the authors' code. Layers
//! are the supervised nodes of the graph, which are the authors' for ResNets (the four layers) and theirs but for the pool after them elsewhere.
//! No gradient with respect to the image is needed, so that a step costs hardly more than one of the plain classifier.
//!
//! Needs: masks, and a graph with supervised nodes.

use burn::tensor::Tensor;
use isnet_graph::{Graph, NodeId};
use isnet_kernels::{AveragePool, MaxPoolGeometry, average_pool, max_pool};
use isnet_run::RunConfig;

use super::Step;
use super::isnet::pictured;
use super::standard::classified;
use crate::error::TrainError;
use crate::objective::Evaluation;

/// The targeted activation penalty.
#[derive(Clone, Debug)]
pub struct Tap {
    /// The layers whose activations are penalised, from the image on.
    pub layers: Vec<NodeId>,
}

/// The largest of a pixel and its eight neighbours.
const NEIGHBOURS: MaxPoolGeometry =
    MaxPoolGeometry { kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], ceil_mode: false };

impl Tap {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        let layers = graph.supervised().to_vec();
        if layers.is_empty() {
            return Err(TrainError::NothingSupervised { architecture: config.model.architecture.clone() });
        }
        Ok(Self { layers })
    }

    /// The weight of a step is λ.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let mask = &step.batch.mask;
        let mut region = mask.background(classification.dtype());
        let mut sum: Option<Tensor<1>> = None;
        for layer in &self.layers {
            let activation = pictured(step.graph, &trace.activation(*layer)).sum_dim(3);
            let [rows, height, width, _] = activation.dims();
            region = shrunk(region, [height, width]);
            let of_sample = (activation * region.clone()).square().sum_dims(&[1, 2, 3]).reshape([rows]);
            sum = Some(sum.map_or(of_sample.clone(), |sum| sum + of_sample));
        }
        let sum = sum.expect("there is a layer");
        let penalty = mask.mean(sum / self.layers.len() as f64);
        let total = classification.clone() + penalty.clone() * step.weight;
        Ok(Evaluation { total, terms: vec![("activation", penalty)], ..classified(trace, classification) })
    }
}

/// A region at the size of a smaller layer: grown by a pixel, then the share of each cell.
fn shrunk(region: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, height, width, _] = region.dims();
    if [height, width] == size {
        return region;
    }
    let (grown, _) = max_pool(region, &NEIGHBOURS);
    average_pool(grown, &AveragePool::adaptive([height, width], size))
}
