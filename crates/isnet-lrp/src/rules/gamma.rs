//! LRP-γ (Montavon et al. 2019), generalized to inputs and outputs of any sign (Andéol et al. 2021).
//!
//! Outputs above 0 are shared with `z = (W + γW⁺)·a⁺ + (W + γW⁻)·a⁻ + b + γb⁺`, outputs below 0 with the signs exchanged; an output of exactly 0 has
//! nothing to share.

use super::share::{Group, Input, Only, Term, Weight};

pub(super) fn groups(gamma: f64) -> Vec<Group> {
    let (up, down) = (Weight::MorePositive(gamma), Weight::MoreNegative(gamma));
    let group = |agrees, opposes, only| {
        let terms = vec![Term::new(Input::Positive, agrees).with_bias(), Term::new(Input::Negative, opposes)];
        Group { only: Some(only), ..Group::new(1.0, terms) }
    };
    vec![group(up, down, Only::PositiveOutputs), group(down, up, Only::NegativeOutputs)]
}
