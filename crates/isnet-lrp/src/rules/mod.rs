//! The rules of linear parts, one file each (METHOD §2; names as in zennit).
//!
//! A linear part is an affine map (conv or dense with its batch norms), an average pool, or a sum. A rule says which parts of input and weight
//! meet in its denominator; `share` does the rest. A new rule of this kind is a file with its groups, a variant of [`LayerRule`] and an arm of
//! `LayerRule::groups`. A rule of another kind (an operation that is not linear, a gradient that is modified) is a file with a function from what
//! arrived at the output of a node to what its inputs get, a variant of [`Rule`](crate::Rule) and an arm in `relevance.rs`.

mod alpha_beta;
pub(crate) mod attn_lrp;
mod epsilon;
mod flat;
mod gamma;
pub(crate) mod share;
mod w_square;
pub(crate) mod z_box;
mod z_plus;

use share::Group;

/// How relevance at the output of a linear part is shared out among its inputs.
///
/// In the formulas `a` is the input, `s = R / stabilize(z)`, `x⁺ = max(x, 0)`, `x⁻ = min(x, 0)`, and `b` the bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerRule {
    /// LRP-ε: `z = W·a + b`, `R_in = a ⊙ Wᵀs`. On average pools and sums zennit calls it `Norm`.
    Epsilon,
    /// LRP-z⁺: `z = W⁺·a⁺ + W⁻·a⁻ + b⁺`, each term by its own share. The same as αβ with α = 1, β = 0.
    ZPlus,
    /// LRP-αβ: α times the share of what excites, minus β times the share of what inhibits. `α − β = 1`.
    AlphaBeta {
        /// α ≥ 0.
        alpha: f64,
        /// β = α − 1 ≥ 0.
        beta: f64,
    },
    /// LRP-γ, generalized to inputs of any sign: what agrees with the sign of the output counts `1 + γ` times.
    Gamma {
        /// γ ≥ 0.
        gamma: f64,
    },
    /// LRP-w²: by the squares of the weights; the input does not matter.
    WSquare,
    /// Flat: evenly among all inputs that an output reads.
    Flat,
    /// LRP-z^B for inputs in `[low, high]`: `z = W·a − W⁺·low − W⁻·high`. [`Rule::ZBox`](crate::Rule::ZBox) is ISNet's form.
    ZBox {
        /// Smallest input.
        low: f64,
        /// Largest input.
        high: f64,
    },
}

impl LayerRule {
    /// The rule as data.
    pub(crate) fn groups(&self) -> Vec<Group> {
        match *self {
            Self::Epsilon => epsilon::groups(),
            Self::ZPlus => z_plus::groups(),
            Self::AlphaBeta { alpha, beta } => alpha_beta::groups(alpha, beta),
            Self::Gamma { gamma } => gamma::groups(gamma),
            Self::WSquare => w_square::groups(),
            Self::Flat => flat::groups(),
            Self::ZBox { low, high } => z_box::groups(low, high),
        }
    }

    /// Whether the rule looks at the sizes of single weights, which a pool or a sum does not have.
    pub(crate) fn needs_weights(&self) -> bool {
        matches!(self, Self::WSquare | Self::Flat | Self::ZBox { .. })
    }

    /// # Panics
    /// If a number of the rule is out of its range: a bug in the caller.
    pub(crate) fn assert_valid(&self) {
        match *self {
            Self::AlphaBeta { alpha, beta } => assert!(
                beta >= 0.0 && (alpha - beta - 1.0).abs() < 1e-12,
                "αβ needs β ≥ 0 and α − β = 1, got α = {alpha} and β = {beta}"
            ),
            Self::Gamma { gamma } => {
                assert!(gamma.is_finite() && gamma >= 0.0, "γ must be finite and ≥ 0, got {gamma}");
            }
            Self::ZBox { low, high } => assert!(low < high, "z^B needs low < high, got {low} and {high}"),
            Self::Epsilon | Self::ZPlus | Self::WSquare | Self::Flat => {}
        }
    }
}
