//! Burn's optimizers on named parameters, with one gradient norm over all of them and a state that can be saved.

use std::collections::{BTreeMap, BTreeSet};

use burn::optim::{
    AdamW, AdamWConfig, Optimizer as _, Sgd, SgdConfig, decay::WeightDecayConfig, momentum::MomentumConfig,
};
use burn::optim::{AdamWState, SgdState};
use burn::optim::{RecordState, StateSink, StateSource};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use isnet_graph::{Graph, ParamId, Params};
use isnet_run::config::{OptimizerName, TrainConfig};
use isnet_run::{NamedTensor, TensorValues};

/// An optimizer and what it remembers of every parameter.
pub struct Optimizer {
    kind: Kind,
    clip_norm: f64,
}

enum Kind {
    Sgd(Sgd, Vec<Option<SgdState<1>>>),
    AdamW(AdamW, Vec<Option<AdamWState<1>>>),
}

/// The gradients of the trainable parameters after a backward pass.
pub struct GradientSet {
    gradients: Vec<(ParamId, Tensor<1>)>,
    /// ℓ2 norm of all gradients as one vector.
    pub norm: f64,
}

impl GradientSet {
    /// Collects the gradients of `params`, in the graph's order, and measures them.
    pub fn collect(graph: &Graph, params: &Params, mut gradients: Gradients) -> Self {
        let take = |(id, _)| params.flat(id).grad_remove(&mut gradients).map(|gradient| (id, gradient));
        let trainable =
            graph.params().filter(|(id, spec)| spec.role.is_trainable() && params.flat(*id).is_require_grad());
        let gradients: Vec<(ParamId, Tensor<1>)> = trainable.filter_map(take).collect();
        // Each norm in the tensor's type, their sum in f64: the order is the graph's, so the result is reproducible.
        let squares = gradients.iter().map(|(_, gradient)| gradient.clone().square().sum().into_scalar::<f64>());
        let norm = squares.sum::<f64>().sqrt();
        Self { gradients, norm }
    }

    /// The first parameter whose gradient is not finite.
    pub fn first_non_finite(&self) -> Option<ParamId> {
        let bad = |gradient: &Tensor<1>| !gradient.clone().abs().sum().into_scalar::<f32>().is_finite();
        self.gradients.iter().find(|(_, gradient)| bad(gradient)).map(|(id, _)| *id)
    }
}

impl Optimizer {
    /// The optimizer of a configuration, with nothing remembered.
    pub fn new(config: &TrainConfig, graph: &Graph) -> Self {
        let n_params = graph.params().count();
        let kind = match config.optimizer {
            OptimizerName::Sgd => {
                // Without dampening, as in PyTorch; Burn's default has some.
                let momentum = (config.momentum > 0.0).then_some(MomentumConfig {
                    momentum: config.momentum,
                    dampening: 0.0,
                    nesterov: config.nesterov,
                });
                let decay = (config.weight_decay > 0.0).then(|| WeightDecayConfig::new(config.weight_decay as f32));
                let sgd = SgdConfig::new().with_momentum(momentum).with_weight_decay(decay).build();
                Kind::Sgd(sgd, std::iter::repeat_with(|| None).take(n_params).collect())
            }
            OptimizerName::AdamW => {
                let adam = AdamWConfig::new().with_weight_decay(config.weight_decay as f32).with_epsilon(1e-8).build();
                Kind::AdamW(adam, std::iter::repeat_with(|| None).take(n_params).collect())
            }
        };
        Self { kind, clip_norm: config.gradient_clip_norm }
    }

    /// Moves the parameters one step, the gradient shortened to the clip norm first.
    pub fn step(&mut self, params: &mut Params, gradients: GradientSet, learning_rate: f64) {
        let shorten = self.clip_norm > 0.0 && gradients.norm > self.clip_norm;
        let factor = if shorten { self.clip_norm / gradients.norm } else { 1.0 };
        for (id, gradient) in gradients.gradients {
            let gradient = if factor == 1.0 { gradient } else { gradient * factor };
            let value = params.flat(id).inner();
            let moved = match &mut self.kind {
                Kind::Sgd(sgd, states) => {
                    let (moved, state) = sgd.step(learning_rate, value, gradient, states[id.index()].take());
                    states[id.index()] = state;
                    moved
                }
                Kind::AdamW(adam, states) => {
                    let (moved, state) = adam.step(learning_rate, value, gradient, states[id.index()].take());
                    states[id.index()] = state;
                    moved
                }
            };
            params.set(id, moved);
        }
    }

    /// What it remembers, for a checkpoint: `<parameter>/<quantity>`.
    pub fn state(&self, graph: &Graph) -> Vec<NamedTensor> {
        let mut sink = StateSink::default();
        for (id, spec) in graph.params() {
            let prefix = format!("{}/", spec.name);
            match &self.kind {
                Kind::Sgd(_, states) => flatten(states[id.index()].as_ref(), &prefix, &mut sink),
                Kind::AdamW(_, states) => flatten(states[id.index()].as_ref(), &prefix, &mut sink),
            }
        }
        let tensor = |(name, data): (String, TensorData)| {
            let shape: Vec<usize> = data.shape().iter().copied().collect();
            NamedTensor::f32(name, shape, data.iter::<f32>().collect())
        };
        let mut saved: Vec<NamedTensor> = sink.tensors.into_iter().map(tensor).collect();
        for (name, count) in sink.scalars {
            // The only scalar of these optimizers is Adam's step count.
            saved.push(NamedTensor::i64(name, [], vec![i64::try_from(count).expect("a step count is an integer")]));
        }
        saved
    }

    /// Takes up what [`Optimizer::state`] saved.
    ///
    /// # Errors
    /// What does not fit this optimizer on this graph, in words.
    pub fn restore(&mut self, graph: &Graph, saved: &[NamedTensor], device: &Device) -> Result<(), String> {
        check_sizes(graph, saved)?;
        let scalar = |tensor: &NamedTensor| match &tensor.values {
            TensorValues::I64(values) => Some((tensor.name.clone(), values[0].into())),
            TensorValues::F32(_) => None,
        };
        let mut source = StateSource::new(saved.iter().filter_map(scalar).collect());
        for tensor in saved {
            if let TensorValues::F32(values) = &tensor.values {
                source.insert_tensor(tensor.name.clone(), TensorData::new(values.clone(), tensor.shape.clone()));
            }
        }
        for (id, spec) in graph.params() {
            let prefix = format!("{}/", spec.name);
            match &mut self.kind {
                Kind::Sgd(_, states) => states[id.index()] = unflatten(&prefix, &mut source, device),
                Kind::AdamW(_, states) => states[id.index()] = unflatten(&prefix, &mut source, device),
            }
        }
        let names = |tensors: &[NamedTensor]| -> BTreeSet<String> {
            tensors.iter().map(|tensor| tensor.name.clone()).collect()
        };
        match names(saved).symmetric_difference(&names(&self.state(graph))).next() {
            Some(name) => Err(format!("`{name}` is of another optimizer")),
            None => Ok(()),
        }
    }
}

/// Whether what is remembered of each parameter is a number, or as long as the parameter.
fn check_sizes(graph: &Graph, saved: &[NamedTensor]) -> Result<(), String> {
    let sizes: BTreeMap<&str, usize> = graph.params().map(|(_, spec)| (spec.name.as_str(), spec.len())).collect();
    for tensor in saved {
        let (param, _) = tensor.name.split_once('/').unwrap_or_default();
        let Some(expected) = sizes.get(param) else {
            return Err(format!("the optimizer remembers `{}`, which this model does not have", tensor.name));
        };
        let fits = match &tensor.values {
            TensorValues::F32(_) => tensor.shape == [*expected],
            TensorValues::I64(values) => values.len() == 1,
        };
        if !fits {
            return Err(format!("the optimizer remembers `{}` {:?} for {expected} values", tensor.name, tensor.shape));
        }
    }
    Ok(())
}

fn flatten<S: RecordState>(state: Option<&S>, prefix: &str, sink: &mut StateSink) {
    if let Some(state) = state {
        state.state_flatten(prefix, sink);
    }
}

fn unflatten<S: RecordState>(prefix: &str, source: &mut StateSource, device: &Device) -> Option<S> {
    if source.has_under(prefix) { S::state_unflatten(prefix, source, device) } else { None }
}

#[cfg(test)]
mod tests {
    use isnet_models::{Architecture, build};
    use isnet_run::RunConfig;

    use super::*;

    fn optimizer(graph: &Graph, set: &[(&str, &str)]) -> Optimizer {
        Optimizer::new(&RunConfig::from_toml("[data.phantom]", "x.toml", set).unwrap().train, graph)
    }

    /// The state after one step along a gradient of ones.
    fn stepped(graph: &Graph, set: &[(&str, &str)]) -> Vec<NamedTensor> {
        let mut params = Params::initialize(graph, 0, &Device::flex());
        let trainable = graph.params().filter(|(_, spec)| spec.role.is_trainable());
        let gradients = trainable.map(|(id, _)| (id, params.flat(id).ones_like())).collect();
        let mut optimizer = optimizer(graph, set);
        optimizer.step(&mut params, GradientSet { gradients, norm: 1.0 }, 0.1);
        optimizer.state(graph)
    }

    #[test]
    fn only_a_state_of_the_same_optimizer_and_model_is_taken_up() {
        let [graph, wider] = [2, 3].map(|n_classes| build(&Architecture::new("plain_cnn", n_classes, 1)).unwrap());
        let [sgd, adam]: [&[(&str, &str)]; 2] = [&[], &[("train.optimizer", "adamw")]];
        let restore = |set, saved: &[NamedTensor]| optimizer(&graph, set).restore(&graph, saved, &Device::flex());
        for set in [sgd, adam] {
            let saved = stepped(&graph, set);
            assert!(!saved.is_empty());
            assert_eq!(restore(set, &saved), Ok(()));
            let error = restore(set, &stepped(&wider, set)).unwrap_err();
            assert!(error.contains("remembers `10.weight/"), "{error}");
            let mut torn = saved;
            torn[0].name = "absent.weight/x".into();
            assert!(restore(set, &torn).unwrap_err().contains("does not have"));
        }
        assert!(restore(adam, &stepped(&graph, sgd)).unwrap_err().contains("another optimizer"));
        assert!(restore(sgd, &stepped(&graph, adam)).unwrap_err().contains("another optimizer"));
    }
}
