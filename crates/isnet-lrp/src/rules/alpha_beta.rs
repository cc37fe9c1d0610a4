//! LRP-αβ (Bach et al. 2015): `R_in = α·(share of what excites) − β·(share of what inhibits)`.
//!
//! Excitation as in z⁺; inhibition with `z = W⁻·a⁺ + W⁺·a⁻ + b⁻`.

use super::share::{Group, Input, Term, Weight};
use super::z_plus::excitation;

pub(super) fn groups(alpha: f64, beta: f64) -> Vec<Group> {
    let inhibition =
        vec![Term::new(Input::Positive, Weight::Negative).with_bias(), Term::new(Input::Negative, Weight::Positive)];
    let mut groups = vec![excitation(alpha)];
    if beta != 0.0 {
        groups.push(Group::new(-beta, inhibition));
    }
    groups
}
