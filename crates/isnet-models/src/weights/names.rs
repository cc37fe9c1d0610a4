//! Names of the tensors of a file, and the parameters of a model that they stand for.
//!
//! Training scripts put the weights below keys and wrappers: `state_dict.`, `model.`, `module.`, `_orig_mod.`, `backbone.`, and
//! any mixture of them. Which one does not matter: the prefix is the one below which the file has most parameters of the model.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::ModelError;
use crate::weights::{BATCH_COUNTER, timm};

/// What a checkpoint keeps beside the weights to go on training: no part of any model.
const TRAINING_STATE: [&str; 8] =
    ["optim", "lr_sched", "sched", "scaler", "amp_scaler", "grad_scaler", "callbacks", "loops"];

/// How often `torch.optim.swa_utils.AveragedModel` took an average, which no result depends on.
const AVERAGES: &str = "n_averaged";

/// Where the weights of a model are found in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// What stands before every name.
    pub prefix: String,
    /// A stored name and the one it stands for: the parameter's, or what follows the prefix where the model has no such parameter.
    pub inside: Vec<(&'a str, String)>,
    /// Stored names that do not have the prefix.
    pub outside: Vec<&'a str>,
}

/// Finds the parameters `wanted` among the names of a file.
///
/// # Errors
/// [`ModelError::Several`] if the file has them more than once, as a checkpoint with a running average of the weights does.
pub(super) fn find<'a>(stored: &'a [String], wanted: &BTreeSet<String>) -> Result<Found<'a>, ModelError> {
    let relevant: Vec<&str> = stored.iter().map(String::as_str).filter(|name| !is_training_state(name)).collect();
    let prefix = prefix(&relevant, wanted)?;
    let mut found = Found { prefix, inside: Vec::new(), outside: Vec::new() };
    for name in relevant {
        match name.strip_prefix(found.prefix.as_str()) {
            Some(rest) => found.inside.push((name, todays(rest, wanted).unwrap_or_else(|| rest.to_owned()))),
            None if is_counter(name) => {}
            None => found.outside.push(name),
        }
    }
    Ok(found)
}

/// Whether a tensor only counts, so that no result depends on it.
pub(super) fn is_counter(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some(BATCH_COUNTER | AVERAGES))
}

/// What stands before the first name that differs in more than its end: all up to a dot that every name shares.
pub(super) fn shared_prefix<'a>(names: &[&'a str]) -> &'a str {
    let Some((first, others)) = names.split_first().filter(|(_, others)| !others.is_empty()) else { return "" };
    let dots = first.rmatch_indices('.').map(|(dot, _)| &first[..=dot]);
    dots.into_iter().find(|prefix| others.iter().all(|name| name.starts_with(prefix))).unwrap_or("")
}

/// The prefix below which at least half of what is wanted stands, or else what all names share.
fn prefix(names: &[&str], wanted: &BTreeSet<String>) -> Result<String, ModelError> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        let starts = std::iter::once(0).chain(name.match_indices('.').map(|(dot, _)| dot + 1));
        for start in starts.filter(|start| todays(&name[*start..], wanted).is_some()) {
            *votes.entry(&name[..start]).or_default() += 1;
        }
    }
    let most = votes.values().copied().max().unwrap_or(0);
    if most == 0 || 2 * most < wanted.len().min(names.len()) {
        return Ok(shared_prefix(names).to_owned());
    }
    let best: Vec<String> = votes.iter().filter(|(_, n)| **n == most).map(|(prefix, _)| (*prefix).to_owned()).collect();
    match <[String; 1]>::try_from(best) {
        Ok([prefix]) => Ok(prefix),
        Err(prefixes) => Err(ModelError::Several { prefixes }),
    }
}

fn is_training_state(name: &str) -> bool {
    name.contains('.') && TRAINING_STATE.iter().any(|state| name.starts_with(state))
}

/// The wanted parameter that a name stands for, by itself or as an older torchvision or timm has it.
fn todays(name: &str, wanted: &BTreeSet<String>) -> Option<String> {
    if wanted.contains(name) {
        return Some(name.to_owned());
    }
    let known = [modern(name), timm::torchvision_name(name)];
    known.into_iter().find(|known| wanted.contains(known))
}

/// Today's name of a tensor in torchvision's first files of DenseNets and vision transformers.
pub(super) fn modern(name: &str) -> String {
    if name.starts_with("encoder.layers.") {
        return name.replace(".mlp.linear_1.", ".mlp.0.").replace(".mlp.linear_2.", ".mlp.3.");
    }
    let Some((before, rest)) = name.split_once(".denselayer") else { return name.to_owned() };
    let mut rest = rest.to_owned();
    for part in ["norm", "conv"] {
        for number in [1, 2] {
            rest = rest.replace(&format!(".{part}.{number}."), &format!(".{part}{number}."));
        }
    }
    format!("{before}.denselayer{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Names of a file below a prefix, with what lies outside of it.
    fn found(stored: &[&str]) -> (String, Vec<String>, Vec<String>) {
        let (stored, wanted) = (owned(stored), BTreeSet::from(["fc.bias", "fc.weight"].map(str::to_owned)));
        let found = find(&stored, &wanted).expect("one set of weights");
        let inside = found.inside.into_iter().map(|(_, name)| name).collect();
        (found.prefix, inside, found.outside.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn any_prefix_that_the_weights_share_is_taken_off() {
        for prefix in ["", "module.", "_orig_mod.module.", "state_dict.model.backbone.", "my.own.net."] {
            let stored = [format!("{prefix}fc.bias"), format!("{prefix}fc.weight")];
            let names = found(&[&stored[0], &stored[1]]);
            assert_eq!(names, (prefix.to_owned(), owned(&["fc.bias", "fc.weight"]), vec![]));
        }
    }

    #[test]
    fn what_lies_outside_the_prefix_is_kept_for_the_report() {
        let names = found(&["criterion.weight", "model.fc.bias", "model.fc.weight", "model.se.weight"]);
        let inside = owned(&["fc.bias", "fc.weight", "se.weight"]);
        assert_eq!(names, ("model.".to_owned(), inside, owned(&["criterion.weight"])));
    }

    #[test]
    fn the_state_of_a_training_and_counters_are_no_weights() {
        let names = found(&[
            "lr_schedulers.0.base",
            "n_averaged",
            "optimizer.state.0.exp_avg",
            "optimizer_states.0.state.0.exp_avg",
            "state_dict.fc.bias",
            "state_dict.fc.weight",
        ]);
        assert_eq!(names, ("state_dict.".to_owned(), owned(&["fc.bias", "fc.weight"]), vec![]));
    }

    #[test]
    fn weights_that_are_there_twice_are_refused_by_their_prefixes() {
        let stored = owned(&["ema.module.fc.bias", "ema.module.fc.weight", "model.fc.bias", "model.fc.weight"]);
        let wanted = BTreeSet::from(["fc.bias", "fc.weight"].map(str::to_owned));
        let message = find(&stored, &wanted).unwrap_err().to_string();
        assert!(message.contains("below `ema.module.` and `model.`"), "{message}");
    }

    #[test]
    fn the_first_names_become_todays() {
        let block = "features.denseblock1.denselayer12";
        let old = [format!("{block}.norm.1.running_mean"), format!("{block}.conv.2.weight"), "a.norm.1.b".to_owned()];
        let new = [format!("{block}.norm1.running_mean"), format!("{block}.conv2.weight"), "a.norm.1.b".to_owned()];
        assert_eq!(old.map(|name| modern(&name)), new);
        let old = "encoder.layers.encoder_layer_0.mlp.linear_2.bias";
        assert_eq!(modern(old), "encoder.layers.encoder_layer_0.mlp.3.bias");
    }
}
