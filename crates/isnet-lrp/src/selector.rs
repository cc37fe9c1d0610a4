//! What is explained: which output, and which quantity of it (METHOD §3).

use burn::tensor::{DType, Int, Tensor, TensorData};
use isnet_kernels::{sigmoid, softmax_rows};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::error::LrpError;

/// Which output of each sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every output in turn: `E = K` maps.
    AllClasses,
    /// With probability ½ the highest logit, else a uniformly random other one.
    Stochastic,
    /// The lowest logit.
    Lowest,
    /// The highest logit, the prediction.
    Highest,
    /// The true label.
    Label,
    /// This output.
    Class(usize),
    /// All outputs at once: one walk that starts at every logit.
    Together,
}

/// Which quantity of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// The logit.
    Logit,
    /// `η = ln(P + ε_s) − ln(1 − P + ε_s)`, `P` the probability.
    Eta {
        /// ε_s.
        epsilon: f64,
    },
    /// The log-odds `ln P − ln(1 − P)`: of a class among others `logit − ln Σ exp(the other logits)`, of a label by itself its logit. It is
    /// [`Quantity::Eta`] without ε_s, so it never saturates. Above 0 the class is more likely than all others together.
    LogOdds,
}

/// What is explained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputSelector {
    /// Which output.
    pub target: Target,
    /// Which quantity of it.
    pub quantity: Quantity,
}

/// What the logits mean, and the truth where it is known.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    /// True label of each sample, for [`Target::Label`].
    pub labels: Option<&'a [usize]>,
    /// Whether each output is a label of its own (sigmoid) instead of a class among others (softmax).
    pub multi_label: bool,
}

impl<'a> Outputs<'a> {
    /// Outputs of which nothing but their meaning is known.
    pub fn of_task(multi_label: bool) -> Self {
        Self { labels: None, multi_label }
    }

    /// Classes that exclude each other.
    pub fn single_label(labels: Option<&'a [usize]>) -> Self {
        Self { labels, multi_label: false }
    }

    /// Labels that do not exclude each other.
    pub fn multi_label() -> Self {
        Self::of_task(true)
    }
}

/// Where the backward walk starts.
#[derive(Clone, Debug)]
pub struct Seeds {
    /// `∂q/∂logits`, `[N·E, K]`; the maps of a sample next to each other.
    pub gradient: Tensor<2>,
    /// `E`.
    pub maps: usize,
    /// Which output each map explains, `N·E` values; none where maps explain all outputs at once.
    pub explained: Vec<usize>,
}

impl OutputSelector {
    /// The original ISNet: every logit in turn.
    pub fn all_classes() -> Self {
        Self { target: Target::AllClasses, quantity: Quantity::Logit }
    }

    /// The highest logit or a random other one.
    pub fn stochastic() -> Self {
        Self { target: Target::Stochastic, quantity: Quantity::Logit }
    }

    /// Selective ISNet: η of the lowest logit.
    pub fn selective(epsilon: f64) -> Self {
        Self { target: Target::Lowest, quantity: Quantity::Eta { epsilon } }
    }

    /// What people are shown: the log-odds of an output, so that red speaks for it and blue for the others.
    pub fn log_odds(target: Target) -> Self {
        Self { target, quantity: Quantity::LogOdds }
    }

    /// Dual ISNet: all logits at once, to be walked by a plan with two passes ([`dual_plan`](crate::dual_plan)).
    pub fn dual() -> Self {
        Self { target: Target::Together, quantity: Quantity::Logit }
    }

    /// Number of maps per sample and pass.
    pub fn maps(&self, n_classes: usize) -> usize {
        if self.target == Target::AllClasses { n_classes } else { 1 }
    }

    /// Chooses the outputs of a batch and differentiates the quantity by the logits.
    ///
    /// # Shapes
    /// - `logits`: `[N, K]`
    /// - returns [`Seeds`] of `[N·E, K]`
    ///
    /// # Errors
    /// [`LrpError`] if a class does not exist or labels are missing.
    ///
    /// # Panics
    /// If the stochastic selector gets no generator, or η is asked of all outputs at once: a bug in the caller.
    pub fn seeds(
        &self,
        logits: Tensor<2>,
        outputs: &Outputs<'_>,
        rng: Option<&mut ChaCha8Rng>,
    ) -> Result<Seeds, LrpError> {
        let [samples, n_classes] = logits.dims();
        if self.target == Target::Together {
            assert_eq!(self.quantity, Quantity::Logit, "all outputs at once are explained by their logits");
            let gradient = Tensor::ones([samples, n_classes], (&logits.device().inner(), logits.dtype()));
            return Ok(Seeds { gradient, maps: 1, explained: Vec::new() });
        }
        let explained = self.choose(&logits, outputs, rng)?;
        let maps = self.maps(n_classes);
        let chosen = one_hot(&explained, n_classes, &logits);
        let gradient = match self.quantity {
            Quantity::Logit => chosen,
            Quantity::LogOdds if outputs.multi_label || n_classes == 1 => chosen,
            Quantity::LogOdds => log_odds_gradient(per_map(logits, maps), chosen),
            Quantity::Eta { epsilon } => eta_gradient(per_map(logits, maps), chosen, outputs.multi_label, epsilon),
        };
        Ok(Seeds { gradient, maps, explained })
    }

    fn choose(
        &self,
        logits: &Tensor<2>,
        outputs: &Outputs<'_>,
        rng: Option<&mut ChaCha8Rng>,
    ) -> Result<Vec<usize>, LrpError> {
        let [samples, n_classes] = logits.dims();
        let highest = || indices(logits.clone().detach().argmax(1));
        match self.target {
            Target::AllClasses => Ok((0..samples).flat_map(|_| 0..n_classes).collect()),
            Target::Lowest => Ok(indices(logits.clone().detach().argmin(1))),
            Target::Highest => Ok(highest()),
            Target::Stochastic => {
                let rng = rng.expect("the stochastic selector draws from the generator of the run");
                Ok(highest().into_iter().map(|class| highest_or_other(class, n_classes, rng)).collect())
            }
            Target::Class(class) if class < n_classes => Ok(vec![class; samples]),
            Target::Class(class) => Err(LrpError::Class { class, n_classes }),
            Target::Together => Ok(Vec::new()),
            // An explicit label is one to explain, whatever else holds.
            Target::Label if outputs.multi_label && outputs.labels.is_none() => Err(LrpError::MultiLabel),
            Target::Label => checked_labels(outputs.labels.ok_or(LrpError::NoLabels)?, samples, n_classes),
        }
    }
}

fn highest_or_other(highest: usize, n_classes: usize, rng: &mut ChaCha8Rng) -> usize {
    if n_classes == 1 || rng.random_bool(0.5) {
        return highest;
    }
    let other = rng.random_range(0..n_classes - 1);
    if other >= highest { other + 1 } else { other }
}

fn checked_labels(labels: &[usize], samples: usize, n_classes: usize) -> Result<Vec<usize>, LrpError> {
    if labels.len() != samples {
        return Err(LrpError::LabelCount { expected: samples, got: labels.len() });
    }
    match labels.iter().find(|label| **label >= n_classes) {
        Some(class) => Err(LrpError::Class { class: *class, n_classes }),
        None => Ok(labels.to_vec()),
    }
}

fn indices(tensor: Tensor<2, Int>) -> Vec<usize> {
    let values: Vec<i64> = tensor.try_into_vec_as().expect("integers convert to i64");
    values.into_iter().map(|value| value as usize).collect()
}

/// `[M, K]` with a one at each chosen class.
fn one_hot(chosen: &[usize], n_classes: usize, like: &Tensor<2>) -> Tensor<2> {
    let mut values = vec![0.0_f64; chosen.len() * n_classes];
    for (row, class) in chosen.iter().enumerate() {
        values[row * n_classes + class] = 1.0;
    }
    Tensor::from_data(TensorData::new(values, [chosen.len(), n_classes]), (&like.device().inner(), like.dtype()))
}

/// The logits of a sample for each of its maps, `[N·E, K]`.
fn per_map(logits: Tensor<2>, maps: usize) -> Tensor<2> {
    let [samples, n_classes] = logits.dims();
    let wide: Tensor<3> = logits.unsqueeze_dim(1);
    wide.expand([samples, maps, n_classes]).reshape([samples * maps, n_classes])
}

/// `∂(logit_c − ln Σ_{j≠c} exp(logit_j))/∂logits`: 1 for the class, minus the softmax over the others for them.
fn log_odds_gradient(logits: Tensor<2>, chosen: Tensor<2>) -> Tensor<2> {
    const NEVER: f64 = -1e30;
    let dtype = logits.dtype();
    let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let others = logits.cast(wide).mask_fill(chosen.clone().greater_elem(0.5), NEVER);
    chosen - softmax_rows(others).cast(dtype)
}

/// `∂η_c/∂logits = (1/(P_c + ε_s) + 1/(1 − P_c + ε_s)) · ∂P_c/∂logits`.
fn eta_gradient(logits: Tensor<2>, chosen: Tensor<2>, multi_label: bool, epsilon: f64) -> Tensor<2> {
    let probabilities = if multi_label { sigmoid(logits) } else { softmax_rows(logits) };
    let of_chosen = (probabilities.clone() * chosen.clone()).sum_dim(1);
    let slope = (of_chosen.clone() + epsilon).recip() + (of_chosen.clone().neg() + (1.0 + epsilon)).recip();
    let others = if multi_label { chosen.clone() * of_chosen.clone() } else { probabilities };
    slope * of_chosen * (chosen - others)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    const LOGITS: [[f64; 3]; 2] = [[0.5, 2.0, -1.0], [0.1, -0.4, 0.3]];

    fn logits<const N: usize>(rows: [[f64; 3]; N]) -> Tensor<2> {
        Tensor::from_data(TensorData::from(rows), (&Device::flex(), DType::F64))
    }

    fn selector(target: Target) -> OutputSelector {
        OutputSelector { target, quantity: Quantity::Logit }
    }

    fn explained(target: Target, outputs: &Outputs<'_>) -> Result<Vec<usize>, LrpError> {
        selector(target).seeds(logits(LOGITS), outputs, None).map(|seeds| seeds.explained)
    }

    /// η of one output, from its definition.
    fn eta(logits: [f64; 3], class: usize, multi_label: bool, epsilon: f64) -> f64 {
        let total: f64 = if multi_label { 1.0 + logits[class].exp() } else { logits.iter().map(|x| x.exp()).sum() };
        let probability = logits[class].exp() / total;
        (probability + epsilon).ln() - (1.0 - probability + epsilon).ln()
    }

    /// The seeds of η beside its central finite differences.
    fn assert_eta_gradient(target: Target, outputs: &Outputs<'_>, epsilon: f64) {
        assert_gradient(OutputSelector { target, quantity: Quantity::Eta { epsilon } }, outputs, epsilon);
    }

    fn assert_gradient(selector: OutputSelector, outputs: &Outputs<'_>, epsilon: f64) {
        let target = selector.target;
        let seeds = selector.seeds(logits(LOGITS), outputs, None).expect("valid");
        let gradient: Vec<f64> = seeds.gradient.try_into_vec_as().expect("floats");
        for (map, class) in seeds.explained.iter().enumerate() {
            for k in 0..3 {
                let moved = |step: f64| {
                    let mut logits = LOGITS[map / seeds.maps];
                    logits[k] += step;
                    eta(logits, *class, outputs.multi_label, epsilon)
                };
                let (found, expected) = (gradient[map * 3 + k], (moved(1e-5) - moved(-1e-5)) / 2e-5);
                assert!((found - expected).abs() < 1e-8, "{target:?}, map {map}, logit {k}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn each_target_chooses_its_output() {
        let labels = Outputs::single_label(Some(&[2, 0]));
        for (target, outputs) in [
            (Target::AllClasses, vec![0, 1, 2, 0, 1, 2]),
            (Target::Lowest, vec![2, 1]),
            (Target::Highest, vec![1, 2]),
            (Target::Label, vec![2, 0]),
            (Target::Class(1), vec![1, 1]),
        ] {
            assert_eq!(explained(target, &labels), Ok(outputs), "{target:?}");
        }
    }

    #[test]
    fn a_logit_is_seeded_with_one_at_its_class() {
        let seeds = selector(Target::Highest).seeds(logits(LOGITS), &Outputs::single_label(None), None).expect("valid");
        let rows: Vec<f64> = seeds.gradient.try_into_vec_as().expect("floats");
        assert_eq!((rows, seeds.maps), (vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 1));
    }

    #[test]
    fn all_logits_at_once_are_seeded_with_one_each() {
        let seeds = OutputSelector::dual().seeds(logits(LOGITS), &Outputs::multi_label(), None).expect("valid");
        let rows: Vec<f64> = seeds.gradient.try_into_vec_as().expect("floats");
        assert_eq!((rows, seeds.maps, seeds.explained), (vec![1.0; 6], 1, vec![]));
    }

    #[test]
    fn eta_is_differentiated_by_every_logit() {
        let outputs = Outputs::single_label(Some(&[2, 0]));
        for target in [Target::Lowest, Target::Highest, Target::Label, Target::Class(0), Target::AllClasses] {
            for epsilon in [1e-2, 1e-1] {
                assert_eta_gradient(target, &outputs, epsilon);
            }
        }
    }

    #[test]
    fn eta_of_a_multi_label_output_depends_on_its_own_logit_only() {
        for target in [Target::Lowest, Target::Class(0), Target::AllClasses] {
            assert_eta_gradient(target, &Outputs::multi_label(), 1e-2);
        }
    }

    #[test]
    fn log_odds_contrast_a_class_with_the_others_and_leave_a_label_by_itself() {
        let rows = |selector: OutputSelector, outputs: &Outputs<'_>, batch: Tensor<2>| -> Vec<f64> {
            selector.seeds(batch, outputs, None).expect("valid").gradient.try_into_vec_as().expect("floats")
        };
        let (highest, single) = (OutputSelector::log_odds(Target::Highest), Outputs::of_task(false));
        let found = rows(highest, &single, logits([LOGITS[0]]));
        // Classes 0 and 2 share −1 as exp(0.5) : exp(−1).
        let share = 0.5_f64.exp() / (0.5_f64.exp() + (-1.0_f64).exp());
        let expected = [-share, 1.0, share - 1.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        // Where a softmax is saturated, η with ε_s has no gradient left.
        let found = rows(highest, &single, logits([[0.0, 300.0, 0.0]]));
        assert_eq!(found, [-0.5, 1.0, -0.5]);
        let found = rows(OutputSelector::log_odds(Target::AllClasses), &Outputs::multi_label(), logits([LOGITS[0]]));
        assert_eq!(found, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let found = rows(OutputSelector::log_odds(Target::AllClasses), &single, logits([LOGITS[0]]));
        let sums: Vec<f64> = found.chunks(3).map(|row| row.iter().sum()).collect();
        assert!(sums.iter().all(|sum| sum.abs() < 1e-12), "what speaks for all alike speaks for none: {sums:?}");
    }

    #[test]
    fn log_odds_are_differentiated_by_every_logit() {
        for target in [Target::Lowest, Target::Highest, Target::Class(0), Target::AllClasses] {
            for outputs in [Outputs::of_task(false), Outputs::multi_label()] {
                assert_gradient(OutputSelector::log_odds(target), &outputs, 0.0);
            }
        }
    }

    #[test]
    fn selective_explains_eta_of_the_lowest_logit() {
        let selective = OutputSelector { target: Target::Lowest, quantity: Quantity::Eta { epsilon: 1e-2 } };
        assert_eq!(OutputSelector::selective(1e-2), selective);
    }

    #[test]
    fn stochastic_draws_the_highest_half_the_time_and_others_uniformly() {
        let (mut rng, mut counts) = (ChaCha8Rng::seed_from_u64(11), [0_i32; 3]);
        for _ in 0..10 {
            let batch = logits([LOGITS[0]; 1000]);
            let seeds = OutputSelector::stochastic().seeds(batch, &Outputs::single_label(None), Some(&mut rng));
            seeds.expect("valid").explained.iter().for_each(|class| counts[*class] += 1);
        }
        // Four standard deviations of 10,000 draws: 4·√(10,000·½·½) = 200, 4·√(10,000·¼·¾) = 173.
        assert!((counts[1] - 5000).abs() < 200, "{counts:?}");
        assert!((counts[0] - 2500).abs() < 173 && (counts[2] - 2500).abs() < 173, "{counts:?}");
    }

    #[test]
    fn stochastic_draws_the_same_from_the_same_generator() {
        let draw = |seed| {
            let (batch, outputs) = (logits([LOGITS[0]; 100]), Outputs::single_label(None));
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            OutputSelector::stochastic().seeds(batch, &outputs, Some(rng)).expect("valid").explained
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn labels_that_cannot_be_explained_are_errors() {
        let check = |outputs: &Outputs<'_>, error| assert_eq!(explained(Target::Label, outputs), Err(error));
        check(&Outputs::single_label(None), LrpError::NoLabels);
        check(&Outputs::multi_label(), LrpError::MultiLabel);
        check(&Outputs::single_label(Some(&[1])), LrpError::LabelCount { expected: 2, got: 1 });
        check(&Outputs::single_label(Some(&[1, 3])), LrpError::Class { class: 3, n_classes: 3 });
        let error = Err(LrpError::Class { class: 3, n_classes: 3 });
        assert_eq!(explained(Target::Class(3), &Outputs::single_label(None)), error);
    }
}
