//! LRP-ε (Bach et al. 2015): `R_in = a ⊙ Wᵀ[R / stabilize(W·a + b)]`.

use super::share::{Group, Input, Term, Weight};

pub(super) fn groups() -> Vec<Group> {
    vec![Group::new(1.0, vec![Term::new(Input::Whole, Weight::Plain).with_bias()])]
}
