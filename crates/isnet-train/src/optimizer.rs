//! SGD and AdamW on named parameters, with one gradient norm over all of them and a state that can be saved.
//!
//! The arithmetic is [`isnet_kernels::update`]'s: one sweep per parameter instead of Burn's optimizers' one per operation.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use isnet_graph::{Graph, ParamId, Params};
use isnet_kernels::update::{self, AdamWStep, SgdStep};
use isnet_models::{NamedTensor, TensorValues};
use isnet_run::config::{OptimizerName, TrainConfig};

/// β₁ and β₂ of AdamW.
const BETAS: [f64; 2] = [0.9, 0.999];
/// ε of AdamW.
const EPSILON: f64 = 1e-8;
/// What is counted of a parameter.
const COUNT: &str = "count";

/// An optimizer and what it remembers of every parameter.
pub struct Optimizer {
    rule: Rule,
    clip_norm: f64,
    memories: Vec<Option<Memory>>,
}

/// How a parameter moves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Sgd { momentum: f64, nesterov: bool, decay: f64 },
    AdamW { decay: f64 },
}

/// What an optimizer remembers of one parameter.
#[derive(Clone, Debug)]
struct Memory {
    /// In the order of [`Rule::quantities`], each as long as the parameter.
    tensors: Vec<Tensor<1>>,
    /// Steps made.
    count: i32,
}

impl Rule {
    /// The names of what is remembered.
    fn quantities(self) -> &'static [&'static str] {
        match self {
            Rule::Sgd { momentum: 0.0, .. } => &[],
            Rule::Sgd { .. } => &["velocity"],
            Rule::AdamW { .. } => &["first_moment", "second_moment"],
        }
    }

    fn apply(
        self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        memory: Option<Memory>,
        (rate, clip): (f64, f64),
    ) -> (Tensor<1>, Memory) {
        let count = memory.as_ref().map_or(0, |memory| memory.count) + 1;
        let mut remembered = memory.map(|memory| memory.tensors).unwrap_or_default().into_iter();
        match self {
            Rule::Sgd { momentum, nesterov, decay } => {
                let step = SgdStep { rate, momentum, nesterov, decay, clip };
                let (moved, velocity) = update::sgd(value, gradient, remembered.next(), &step);
                let tensors = if momentum == 0.0 { Vec::new() } else { vec![velocity] };
                (moved, Memory { tensors, count })
            }
            Rule::AdamW { decay } => {
                let step = AdamWStep { rate, betas: BETAS, epsilon: EPSILON, decay, clip, count };
                let moments = remembered.next().zip(remembered.next()).map(<[Tensor<1>; 2]>::from);
                let (moved, moments) = update::adamw(value, gradient, moments, &step);
                (moved, Memory { tensors: moments.into(), count })
            }
        }
    }
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
        // In the graph's order, so that the result is reproducible.
        let squares = gradients.iter().map(|(_, gradient)| update::squared_norm(gradient.clone()));
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
        let decay = config.weight_decay;
        let rule = match config.optimizer {
            OptimizerName::Sgd => Rule::Sgd { momentum: config.momentum, nesterov: config.nesterov, decay },
            OptimizerName::AdamW => Rule::AdamW { decay },
        };
        Self { rule, clip_norm: config.gradient_clip_norm, memories: vec![None; graph.params().count()] }
    }

    /// Moves the parameters one step, the gradient shortened to the clip norm first.
    pub fn step(&mut self, params: &mut Params, gradients: GradientSet, learning_rate: f64) {
        let shorten = self.clip_norm > 0.0 && gradients.norm > self.clip_norm;
        let clip = if shorten { self.clip_norm / gradients.norm } else { 1.0 };
        for (id, gradient) in gradients.gradients {
            let memory = self.memories[id.index()].take();
            let (moved, memory) = self.rule.apply(params.flat(id).inner(), gradient, memory, (learning_rate, clip));
            self.memories[id.index()] = Some(memory);
            params.set(id, moved);
        }
    }

    /// What it remembers, for a checkpoint: `<parameter>/<quantity>`.
    pub fn state(&self, graph: &Graph) -> Vec<NamedTensor> {
        let mut saved = Vec::new();
        for (id, spec) in graph.params() {
            let Some(memory) = &self.memories[id.index()] else { continue };
            for (quantity, tensor) in self.rule.quantities().iter().zip(&memory.tensors) {
                let values = tensor.clone().into_data().iter::<f32>().collect();
                saved.push(NamedTensor::f32(format!("{}/{quantity}", spec.name), vec![spec.len()], values));
            }
            saved.push(NamedTensor::i64(format!("{}/{COUNT}", spec.name), [], vec![memory.count.into()]));
        }
        saved
    }

    /// Takes up what [`Optimizer::state`] saved.
    ///
    /// # Errors
    /// What does not fit this optimizer on this graph, in words.
    pub fn restore(&mut self, graph: &Graph, saved: &[NamedTensor], device: &Device) -> Result<(), String> {
        check_sizes(graph, saved)?;
        let named: BTreeMap<&str, &TensorValues> =
            saved.iter().map(|tensor| (tensor.name.as_str(), &tensor.values)).collect();
        for (id, spec) in graph.params() {
            let floats = |quantity: &&str| match named.get(format!("{}/{quantity}", spec.name).as_str()) {
                Some(TensorValues::F32(values)) => {
                    Some(Tensor::from_data(TensorData::new(values.clone(), [spec.len()]), device))
                }
                _ => None,
            };
            let count = match named.get(format!("{}/{COUNT}", spec.name).as_str()) {
                Some(TensorValues::I64(values)) => i32::try_from(values[0]).ok(),
                _ => None,
            };
            let tensors: Option<Vec<Tensor<1>>> = self.rule.quantities().iter().map(floats).collect();
            self.memories[id.index()] = tensors.zip(count).map(|(tensors, count)| Memory { tensors, count });
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

#[cfg(test)]
mod tests {
    use burn::tensor::DType;
    use isnet_models::build;
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
    fn adam_corrects_both_moments_for_the_steps_made() {
        // Gradients 1, then 3: m = 0.9·0.1 + 0.1·3 = 0.39, v = 0.999·0.001 + 0.001·9 = 0.009999, over 1 − β².
        let graph = build(&isnet_models::plain_cnn::reference(2, 1)).unwrap();
        let (id, spec) = graph.params().next().unwrap();
        let mut params = Params::from_fn(&graph, &Device::flex(), DType::F32, |spec| vec![0.0; spec.len()]);
        let mut adam = optimizer(&graph, &[("train.optimizer", "adamw"), ("train.weight_decay", "0")]);
        let mut moved = Vec::new();
        for gradient in [1.0, 3.0] {
            let gradients = vec![(id, Tensor::full([spec.len()], gradient, &Device::flex()))];
            adam.step(&mut params, GradientSet { gradients, norm: 0.0 }, 0.5);
            moved.push(params.flat(id).try_into_vec_as::<f32>().unwrap()[0]);
        }
        let second = (0.39 / 0.19) / (0.009_999_f32 / 0.001_999).sqrt();
        let expected = [-0.5, -0.5 - 0.5 * second];
        assert!(moved.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5), "{moved:?}");
    }

    #[test]
    fn only_a_state_of_the_same_optimizer_and_model_is_taken_up() {
        let [graph, wider] = [2, 3].map(|n_classes| build(&isnet_models::plain_cnn::reference(n_classes, 1)).unwrap());
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
