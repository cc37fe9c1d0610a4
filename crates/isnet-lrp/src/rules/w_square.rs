//! LRP-w² (Montavon et al. 2017): `R_in = (W²)ᵀ[R / stabilize(W²·1 + b²)]`, for inputs without bounds.

use super::share::{Group, Input, Term, Weight};

pub(super) fn groups() -> Vec<Group> {
    vec![Group::new(1.0, vec![Term::new(Input::Constant(1.0), Weight::Square).with_bias()])]
}
