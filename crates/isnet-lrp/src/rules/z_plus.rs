//! LRP-z⁺ (Montavon et al. 2017): only what excites has a share.
//!
//! `z = W⁺·a⁺ + W⁻·a⁻ + b⁺`, `R_in = a⁺ ⊙ (W⁺)ᵀs + a⁻ ⊙ (W⁻)ᵀs`. Behind a ReLU `a⁻ = 0`, and the second terms are not computed.

use super::share::{Group, Input, Term, Weight};

pub(super) fn groups() -> Vec<Group> {
    vec![excitation(1.0)]
}

/// What raises the output.
pub(super) fn excitation(factor: f64) -> Group {
    let terms =
        vec![Term::new(Input::Positive, Weight::Positive).with_bias(), Term::new(Input::Negative, Weight::Negative)];
    Group::new(factor, terms)
}
