//! `gain`, guided attention inference with extra supervision (Li, Wu, Peng, Ernst and Fu, 2018): `L = L_class + α·L_mining + w·L_mask`.
//!
//! - Attention `A` of the label is its Grad-CAM: `ReLU(Σ_c ᾱ_c·f_c)` over the channels of the last features `f`, with `ᾱ_c` the mean over places of
//!   `∂ logit / ∂f_c`, which the relevance walk with ε = 0 brings there. The paper says neither how `A` gets the size of the image nor its range, which
//!   ω and s presuppose; here it is interpolated bilinearly and then stretched to 0…1 per map, both differentiably.
//! - The image without what is attended to: `x·(1 − σ(ω·(A − s)))`. `L_mining` is the probability that the label keeps there, in a second forward pass.
//! - `L_mask` is the mean square of `A − mask` over the samples with a mask.
//!
//! With several labels there is a map per class, and those of the labels that are present count, each sample's as one.
//!
//! Needs: masks, and a graph with a last map of features that relevance can reach.

use burn::tensor::{Tensor, activation};
use isnet_graph::{Graph, NodeId, Trace};
use isnet_kernels::{expand_maps, interpolate, sigmoid, times_activation};
use isnet_loss::Targets;
use isnet_lrp::{Composite, OutputSelector, Plan, Quantity, Seeds, Target, gradient_at};
use isnet_run::RunConfig;
use isnet_run::config::GainConfig;

use super::isnet::outputs;
use super::standard::classified;
use super::{Step, constant, one_hot, probabilities, stretched};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// Guided attention.
#[derive(Clone, Debug)]
pub struct Gain {
    /// The ordinary gradient.
    pub plan: Plan,
    /// The last features.
    pub features: NodeId,
    /// α, w, ω and s.
    pub settings: GainConfig,
}

impl Gain {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        let absent = || TrainError::NoFeatures { architecture: config.model.architecture.clone() };
        let features = graph.last_features().ok_or_else(absent)?;
        let plan = Composite::gradient_times_input().plan(graph)?;
        Ok(Self { plan, features, settings: config.method.gain.clone() })
    }

    /// The weight of a step multiplies both further terms: 1 after the warm-up.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let selector = selector(&step.batch.targets);
        let seeds = selector.seeds(trace.logits(), &outputs(&step.batch.targets), None)?;
        let shares = shares(&step.batch.targets, &seeds, &trace);
        let [_, height, width, _] = step.batch.image.dims();
        let attention = stretched(interpolate(self.attention(&step, &trace, seeds.gradient.clone())?, [height, width]));
        let mining = self.mining(&mut step, &attention, &seeds, shares.clone());
        let mask = expand_maps(step.batch.mask.foreground(attention.dtype()), seeds.maps);
        let of_map = (attention - mask).square().mean_dims(&[1, 2, 3]).reshape(shares.dims());
        let samples = step.batch.mask.len();
        let of_sample = (of_map * shares).reshape([samples, seeds.maps]).sum_dim(1).reshape([samples]);
        let masks = step.batch.mask.mean(of_sample);
        let own = mining.clone() * self.settings.mining_weight + masks.clone() * self.settings.mask_weight;
        let total = classification.clone() + own * step.weight;
        let terms = vec![("mining", mining), ("attention", masks)];
        Ok(Evaluation { total, terms, explained: seeds.explained, ..classified(trace, classification) })
    }

    /// Grad-CAM at the size of the features, `[N·E, h, w, 1]`.
    fn attention(&self, step: &Step<'_>, trace: &Trace, seeds: Tensor<2>) -> Result<Tensor<4>, TrainError> {
        let gradient = gradient_at((step.graph, step.params, trace), &self.plan, seeds, self.features)?;
        let weights = gradient.clone().mean_dims(&[1, 2]).expand(gradient.dims());
        Ok(activation::relu(times_activation(weights, trace.activation(self.features)).sum_dim(3)))
    }

    /// The mean probability that the labels keep once the attended places are taken away.
    fn mining(&self, step: &mut Step<'_>, attention: &Tensor<4>, seeds: &Seeds, shares: Tensor<1>) -> Tensor<1> {
        let taken = sigmoid((attention.clone() - self.settings.threshold) * self.settings.steepness);
        let image = expand_maps(step.batch.image.clone(), seeds.maps) * (taken.neg() + 1.0);
        let logits = step.forward_of(image).logits();
        let samples = logits.dims()[0] / seeds.maps;
        let probabilities = probabilities(logits.clone(), &step.batch.targets);
        let chosen = one_hot(&seeds.explained, &logits);
        let of_map = (probabilities * chosen).sum_dim(1).reshape(shares.dims());
        (of_map * shares).sum() / samples as f64
    }
}

/// The label's map, or a map per class where there may be several labels.
pub(super) fn selector(targets: &Targets) -> OutputSelector {
    match targets {
        Targets::SingleLabel(_) => OutputSelector { target: Target::Label, quantity: Quantity::Logit },
        Targets::MultiLabel(_) => OutputSelector::all_classes(),
    }
}

/// How much each map of a sample counts: `1/n` for each of its `n` labels, `[N·E]`.
pub(super) fn shares(targets: &Targets, seeds: &Seeds, trace: &Trace) -> Tensor<1> {
    let shares: Vec<f32> = match targets {
        Targets::SingleLabel(labels) => vec![1.0; labels.len()],
        Targets::MultiLabel(rows) => rows
            .iter()
            .flat_map(|row| {
                let present = row.iter().sum::<f32>().max(1.0);
                row.iter().map(move |label| label / present)
            })
            .collect(),
    };
    assert_eq!(shares.len(), seeds.explained.len(), "a share per map");
    let maps = shares.len();
    constant(shares, [maps], &trace.logits())
}
