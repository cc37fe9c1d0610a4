//! The flat rule (Lapuschkin et al. 2019): w² with all weights 1 and no bias.

use super::share::{Group, Input, Term, Weight};

pub(super) fn groups() -> Vec<Group> {
    vec![Group::new(1.0, vec![Term::new(Input::Constant(1.0), Weight::Ones)])]
}
