//! "Did you mean …?" for keys.

use super::{Field, SECTIONS};

/// Keys as other programs call them, beside ours. Only the last part of what was typed is looked up, without `-` and `_`.
const SYNONYMS: &[(&str, &str)] = &[
    ("lr", "train.learning_rate"),
    ("rate", "train.learning_rate"),
    ("initiallr", "train.learning_rate"),
    ("batch", "train.batch_size"),
    ("batches", "train.batch_size"),
    ("bs", "train.batch_size"),
    ("batchsize", "train.batch_size"),
    ("epoch", "train.epochs"),
    ("nepochs", "train.epochs"),
    ("numepochs", "train.epochs"),
    ("maxepochs", "train.epochs"),
    ("patience", "train.early_stopping_patience"),
    ("earlystopping", "train.early_stopping_patience"),
    ("optim", "train.optimizer"),
    ("optimiser", "train.optimizer"),
    ("wd", "train.weight_decay"),
    ("l2", "train.weight_decay"),
    ("clip", "train.gradient_clip_norm"),
    ("gradclip", "train.gradient_clip_norm"),
    ("clipnorm", "train.gradient_clip_norm"),
    ("scheduler", "train.schedule"),
    ("lrschedule", "train.schedule"),
    ("lrscheduler", "train.schedule"),
    ("warmup", "train.warmup_steps"),
    ("metric", "train.best_metric"),
    ("monitor", "train.best_metric"),
    ("freeze", "train.trainable"),
    ("arch", "model.architecture"),
    ("backbone", "model.architecture"),
    ("network", "model.architecture"),
    ("pretrained", "model.weights"),
    ("checkpoint", "model.weights"),
    ("imagesize", "data.height"),
    ("imgsize", "data.height"),
    ("inputsize", "data.height"),
    ("resolution", "data.height"),
    ("csv", "data.manifest"),
    ("path", "data.manifest"),
    ("valsplit", "data.validation_split"),
    ("testsplit", "data.test_splits"),
    ("kfolds", "data.folds"),
    ("augmentation", "data.augment"),
    ("rotation", "data.augment.rotation_degrees"),
    ("rotate", "data.augment.rotation_degrees"),
    ("flip", "data.augment.flip_horizontal"),
    ("swapbackground", "data.augment.exchange_background"),
    ("backgroundswap", "data.augment.exchange_background"),
    ("margin", "data.mask_margin"),
    ("lazy", "loss.heatmap_loss_every"),
    ("hflip", "data.augment.flip_horizontal"),
    ("p", "loss.heatmap_loss_weight"),
    ("heatmapweight", "loss.heatmap_loss_weight"),
    ("lambda", "loss.heatmap_loss_weight"),
    ("d", "loss.gwrp_decay"),
    ("eps", "method.epsilon"),
    ("gpu", "device"),
    ("cuda", "device"),
    ("randomseed", "seed"),
    ("outputdir", "output"),
    ("outdir", "output"),
    ("savedir", "output"),
];

/// A likeness below this is none.
const NEAR: f64 = 0.6;
/// A key of another section must be more alike than one of the same.
const ELSEWHERE: f64 = 0.2;
/// How alike a word is to one that it begins, like `rotation` to `rotation_degrees`.
const BEGINS: f64 = 0.85;

/// The keys of a section, without those of the sections in it.
pub(super) fn fields_of(section: &str) -> impl Iterator<Item = &'static Field> {
    SECTIONS.iter().filter(move |(name, _)| *name == section).flat_map(|(_, fields)| *fields)
}

/// The valid key that `key` in `section` was most likely meant to be, if any is near: by what other programs call it, then by
/// its letters. Keys of the same section are preferred.
pub(super) fn nearest_key(section: &str, key: &str) -> Option<String> {
    let typed = super::raw::join(section, key);
    let plain = plain(key);
    let synonym = SYNONYMS.iter().find(|(word, meant)| *word == plain && *meant != typed);
    // A section of its own may have a word that elsewhere means another thing: `data.phantom.test`.
    if let Some((_, meant)) = synonym {
        return Some((*meant).to_owned());
    }
    let candidates = SECTIONS.iter().flat_map(|(name, fields)| {
        let named = (!name.is_empty()).then(|| split_last(name));
        fields.iter().map(|field| (*name, field.key)).chain(named)
    });
    let mut best: Option<(f64, (&str, &str))> = None;
    for candidate in candidates {
        let (place, word) = candidate;
        let score = likeness(word, key) - if place == section { 0.0 } else { ELSEWHERE };
        // Of those that are alike, the one on top: `epochs` is not asked for in a section of a method.
        let is_better = best.is_none_or(|(before, (other, _))| {
            score > before || (score == before && place.matches('.').count() < other.matches('.').count())
        });
        if score >= NEAR && is_better {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, (place, word))| super::raw::join(place, word))
}

/// From 0 to 1.
fn likeness(word: &str, typed: &str) -> f64 {
    let (whole, typed) = (plain(word), plain(typed));
    let begins = typed.len() >= 3 && word.split('_').any(|part| part == typed);
    let near = strsim::normalized_damerau_levenshtein(&whole, &typed);
    if begins || (typed.len() >= 3 && whole.starts_with(&typed)) { near.max(BEGINS) } else { near }
}

/// A word without what people write differently.
fn plain(word: &str) -> String {
    word.chars().filter(|letter| !"-_ ".contains(*letter)).flat_map(char::to_lowercase).collect()
}

fn split_last(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_call_a_key_finds_ours() {
        for (section, key, meant) in [
            ("train", "batch", "train.batch_size"),
            ("train", "lr", "train.learning_rate"),
            ("", "lr", "train.learning_rate"),
            ("", "batch-size", "train.batch_size"),
            ("", "patience", "train.early_stopping_patience"),
            ("model", "epochs", "train.epochs"),
            ("", "learning_rate", "train.learning_rate"),
            ("train", "Learning-Rate", "train.learning_rate"),
            ("model", "backbone", "model.architecture"),
            ("data", "rotation", "data.augment.rotation_degrees"),
            ("train", "clip_norm", "train.gradient_clip_norm"),
            ("data", "val_split", "data.validation_split"),
            ("loss", "decay", "loss.gwrp_decay"),
            ("", "optimizer", "train.optimizer"),
            ("", "augment", "data.augment"),
            ("train", "seed", "seed"),
            ("data", "phantoms", "data.phantom"),
            ("train", "heigth", "data.height"),
        ] {
            assert_eq!(nearest_key(section, key).as_deref(), Some(meant), "{section} {key}");
        }
        assert_eq!(nearest_key("train", "xyzzy"), None);
    }

    #[test]
    fn every_synonym_leads_to_a_key_that_there_is() {
        for (word, meant) in SYNONYMS {
            let (section, key) = split_last(meant);
            let is_section = SECTIONS.iter().any(|(name, _)| name == meant);
            assert!(is_section || fields_of(section).any(|field| field.key == key), "{word}: {meant}");
            assert_eq!(*word, plain(word));
        }
    }
}
