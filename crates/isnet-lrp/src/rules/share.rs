//! The one propagation of all rules of linear parts.
//!
//! A rule is a list of groups. A group holds terms `ρ(W)·ρ(a) + ρ(b)` that share one denominator:
//!
//! ```text
//! z    = Σ_terms ± (ρ(W)·ρ(a) + ρ(b))
//! s    = R / (z + ε·sign(z)),  sign(0) = +1
//! R_in = Σ_groups factor · Σ_terms ± ρ(a) ⊙ ρ(W)ᵀs
//! ```

use burn::tensor::Tensor;
use isnet_kernels as kernels;
use isnet_kernels::AveragePool;

use crate::folded_layer::FoldedLayer;

/// Terms over one denominator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// What its share counts.
    pub factor: f64,
    /// Which outputs it shares out; all of them if there is no such thing.
    pub only: Option<Only>,
    /// What stands in the denominator.
    pub terms: Vec<Term>,
}

/// Outputs by their sign in the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only {
    PositiveOutputs,
    NegativeOutputs,
}

/// A part of the input meets a part of the weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Term {
    pub sign: f64,
    pub input: Input,
    pub weight: Weight,
    pub bias: bool,
}

/// ρ of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Input {
    Whole,
    Positive,
    Negative,
    Constant(f64),
}

/// ρ of weight and bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weight {
    Plain,
    Positive,
    Negative,
    /// `W + γW⁺`.
    MorePositive(f64),
    /// `W + γW⁻`.
    MoreNegative(f64),
    Square,
    Ones,
}

impl Group {
    pub fn new(factor: f64, terms: Vec<Term>) -> Self {
        Self { factor, only: None, terms }
    }
}

impl Term {
    pub fn new(input: Input, weight: Weight) -> Self {
        Self { sign: 1.0, input, weight, bias: false }
    }

    pub fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }
}

impl Weight {
    fn of<const D: usize>(self, w: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Plain => w,
            Self::Positive => w.clamp_min(0.0),
            Self::Negative => w.clamp_max(0.0),
            Self::MorePositive(gamma) => w.clone() + w.clamp_min(0.0) * gamma,
            Self::MoreNegative(gamma) => w.clone() + w.clamp_max(0.0) * gamma,
            Self::Square => w.square(),
            Self::Ones => w.ones_like().inner(),
        }
    }

    /// ρ of weights that are ≥ 0, as a factor.
    fn of_nonnegative(self) -> f64 {
        match self {
            Self::Plain | Self::Positive | Self::MoreNegative(_) => 1.0,
            Self::Negative => 0.0,
            Self::MorePositive(gamma) => 1.0 + gamma,
            Self::Square | Self::Ones => unreachable!("the plan gives pools and sums no rule of single weights"),
        }
    }
}

/// A linear part with what it reads.
pub(crate) struct Part {
    pub map: Map,
    /// Activations: those of the sources, one but for sums; each `[N, H, W, C]`.
    pub inputs: Vec<Tensor<4>>,
    /// Activation of the output, `[N, H', W', C']`.
    pub output: Tensor<4>,
    /// Whether no input can be negative.
    pub nonnegative: bool,
}

/// What a linear part computes.
pub(crate) enum Map {
    Layer(Box<FoldedLayer>),
    Pool(AveragePool),
    Interpolate { from: [usize; 2], to: [usize; 2] },
    Sum,
}

/// What reached the output of a part.
pub(crate) enum Arrived {
    /// `R`.
    Relevance(Tensor<4>),
    /// At the logits of a composite that starts with its own: `R = G ⊙ z`, `z` as the rule has it.
    OwnGradient(Tensor<4>),
}

/// Shares relevance out among the inputs of a part; one share per input, each `[N·E, H, W, C]`.
pub(crate) fn share(part: &Part, groups: &[Group], arrived: &Arrived, stabilizer: f64) -> Vec<Tensor<4>> {
    let mut shares: Vec<Option<Tensor<4>>> = vec![None; part.inputs.len()];
    for group in groups {
        let terms: Vec<Term> = group.terms.iter().filter_map(|term| part.simplified(*term)).collect();
        let Some((product, offset)) = part.denominator(&terms) else { continue };
        let relevance = match arrived {
            Arrived::Relevance(relevance) => relevance.clone(),
            Arrived::OwnGradient(gradient) => {
                kernels::times_activation(gradient.clone(), product.clone() + offset.clone())
            }
        };
        let relevance = part.masked(relevance, group.only);
        let s = kernels::stabilized_quotient(relevance, product, offset, stabilizer);
        for term in terms {
            let back = part.map.transpose(s.clone(), term.weight);
            for (slot, input) in shares.iter_mut().zip(&part.inputs) {
                let share = term.input.times(back.clone(), input) * (group.factor * term.sign);
                *slot = Some(match slot.take() {
                    Some(sum) => kernels::add(sum, share),
                    None => share,
                });
            }
        }
    }
    let rows = match arrived {
        Arrived::Relevance(it) | Arrived::OwnGradient(it) => it.dims()[0],
    };
    let none = |input: &Tensor<4>| {
        let [_, height, width, channels] = input.dims();
        Tensor::zeros([rows, height, width, channels], (&input.device().inner(), input.dtype()))
    };
    shares.into_iter().zip(&part.inputs).map(|(share, input)| share.unwrap_or_else(|| none(input))).collect()
}

impl Part {
    /// The term without what is known to be zero, or `None` if all of it is.
    fn simplified(&self, term: Term) -> Option<Term> {
        let has_weights = matches!(self.map, Map::Layer(_));
        match term.input {
            Input::Negative if self.nonnegative => None,
            _ if !has_weights && term.weight.of_nonnegative() == 0.0 => None,
            Input::Positive if self.nonnegative => Some(Term { input: Input::Whole, ..term }),
            _ => Some(term),
        }
    }

    /// `z` as what differs between samples, `[N, H', W', C']`, and what does not, `[1, H', W', C']`.
    fn denominator(&self, terms: &[Term]) -> Option<(Tensor<4>, Tensor<4>)> {
        let [samples, height, width, channels] = self.output.dims();
        let (mut product, mut offset): (Option<Tensor<4>>, Option<Tensor<4>>) = (None, None);
        for term in terms {
            for input in &self.inputs {
                if let Input::Constant(value) = term.input {
                    let ones = Tensor::ones_like(&input.clone().narrow(0, 0, 1)).inner();
                    if value != 0.0 {
                        add_to(&mut offset, self.map.forward(ones, term.weight) * (value * term.sign));
                    }
                } else {
                    let share = self.map.forward(term.input.of(input.clone()), term.weight);
                    add_to(&mut product, if term.sign == 1.0 { share } else { share * term.sign });
                }
            }
            if let (true, Map::Layer(layer)) = (term.bias, &self.map) {
                let bias = term.weight.of(layer.bias.clone()).expand([1, height, width, channels]);
                add_to(&mut offset, bias * term.sign);
            }
        }
        let zeros = |rows| {
            let flat = (&self.output.device().inner(), self.output.dtype());
            Tensor::<4>::zeros([rows, height, width, channels], flat)
        };
        if product.is_none() && offset.is_none() {
            return None;
        }
        Some((product.unwrap_or_else(|| zeros(samples)), offset.unwrap_or_else(|| zeros(1))))
    }

    fn masked(&self, relevance: Tensor<4>, only: Option<Only>) -> Tensor<4> {
        let output = || self.output.clone().inner();
        match only {
            None => relevance,
            Some(Only::PositiveOutputs) => kernels::times_activation(relevance, output().clamp_min(0.0).sign()),
            Some(Only::NegativeOutputs) => kernels::times_activation(relevance, output().clamp_max(0.0).sign().neg()),
        }
    }
}

impl Input {
    fn of(self, input: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Whole => input,
            Self::Positive => input.clamp_min(0.0),
            Self::Negative => input.clamp_max(0.0),
            Self::Constant(_) => unreachable!("a constant is the same for all samples"),
        }
    }

    /// `ρ(a) ⊙ back`.
    fn times(self, back: Tensor<4>, input: &Tensor<4>) -> Tensor<4> {
        match self {
            Self::Constant(value) => back * value,
            _ => kernels::times_activation(back, self.of(input.clone())),
        }
    }
}

impl Map {
    fn forward(&self, input: Tensor<4>, weight: Weight) -> Tensor<4> {
        match self {
            Self::Layer(layer) => layer.forward(layer.view(input), &weight.of(layer.weight.clone())),
            Self::Pool(pool) => kernels::average_pool(input, pool) * weight.of_nonnegative(),
            Self::Interpolate { to, .. } => kernels::interpolate(input, *to) * weight.of_nonnegative(),
            Self::Sum => input * weight.of_nonnegative(),
        }
    }

    fn transpose(&self, s: Tensor<4>, weight: Weight) -> Tensor<4> {
        match self {
            Self::Layer(layer) => layer.transpose(s, &weight.of(layer.weight.clone())),
            Self::Pool(pool) => kernels::average_pool_transpose(s, pool) * weight.of_nonnegative(),
            Self::Interpolate { from, .. } => kernels::interpolate_transpose(s, *from) * weight.of_nonnegative(),
            Self::Sum => s * weight.of_nonnegative(),
        }
    }
}

fn add_to(slot: &mut Option<Tensor<4>>, share: Tensor<4>) {
    *slot = Some(match slot.take() {
        Some(sum) => sum + share,
        None => share,
    });
}
