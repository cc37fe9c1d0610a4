//! What may differ when a run goes on, and what may not.
//!
//! A run is one training: what it learns, from what, by which loss and which optimizer stays as it was begun. What may
//! change is how long and how carefully it goes on, where it is computed, and how it is called.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use toml::{Table, Value};

use super::RunConfig;
use crate::error::{Result, RunError};

/// Keys that may change when a run is resumed. All others may not.
///
/// Learning rate, clipping and `loss.gwrp_decay` are here because they are what a training that diverged is advised to
/// change. `data.classes` is here because the checkpoint has the classes themselves, and those are compared.
pub const MAY_CHANGE: &[&str] = &[
    "name",
    "output",
    "device",
    "data.classes",
    "data.test_splits",
    "loss.gwrp_decay",
    "train.epochs",
    "train.early_stopping_patience",
    "train.checkpoint_every_steps",
    "train.learning_rate",
    "train.schedule",
    "train.step_epochs",
    "train.gamma",
    "train.warmup_steps",
    "train.gradient_clip_norm",
];

/// A key whose value differs between two configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key with its section: `train.epochs`.
    pub key: String,
    /// Its value before, as TOML; `None` where it had none.
    pub old: Option<String>,
    /// Its value now.
    pub new: Option<String>,
}

impl Change {
    /// Whether a run can be resumed with it.
    pub fn is_allowed(&self) -> bool {
        MAY_CHANGE.contains(&self.key.as_str())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".into());
        write!(f, "`{}`: {} → {}", self.key, or_none(&self.old), or_none(&self.new))
    }
}

impl RunConfig {
    /// Every key whose value is not what it was when the run was `begun`, sorted.
    ///
    /// # Errors
    /// [`RunError::Encode`], as [`RunConfig::to_toml`].
    ///
    /// # Example
    /// ```
    /// use isnet_run::RunConfig;
    /// let with = |set: &[(&str, &str)]| RunConfig::from_toml("[data.phantom]", "x.toml", set);
    /// let changes = with(&[("seed", "2"), ("train.epochs", "20")])?.changes_since(&with(&[])?)?;
    /// let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
    /// assert_eq!(said, ["`seed`: 0 → 2", "`train.epochs`: 10 → 20"]);
    /// assert_eq!(changes.iter().map(|change| change.is_allowed()).collect::<Vec<_>>(), [false, true]);
    /// # Ok::<(), isnet_run::RunError>(())
    /// ```
    pub fn changes_since(&self, begun: &Self) -> Result<Vec<Change>> {
        let (old, new) = (begun.flat()?, self.flat()?);
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let differs = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
        let change = |key: &String| Change { key: key.clone(), old: old.get(key).cloned(), new: new.get(key).cloned() };
        Ok(differs.map(change).collect())
    }

    /// Every key with its section, and its value as TOML on one line.
    fn flat(&self) -> Result<BTreeMap<String, String>> {
        let unreadable =
            |error: toml::de::Error| RunError::Encode { what: "the configuration", reason: error.to_string() };
        let table: Table = self.to_toml()?.parse().map_err(unreadable)?;
        let mut flat = BTreeMap::new();
        flatten("", &table, &mut flat);
        Ok(flat)
    }
}

fn flatten(section: &str, table: &Table, flat: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, flat),
            value => drop(flat.insert(key, value.to_string().replace('\n', " "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SECTIONS;

    const BEGUN: &str = "seed = 1\n[data]\nmanifest = '/data/a.csv'\n[model]\narchitecture = 'plain_cnn'";

    /// The change that an override makes to [`BEGUN`], as it is said, and whether a run may be resumed with it.
    const CASES: &[(&str, &str, &str, bool)] = &[
        ("train.epochs", "20", "`train.epochs`: 10 → 20", true),
        ("train.early_stopping_patience", "3", "`train.early_stopping_patience`: not set → 3", true),
        ("train.checkpoint_every_steps", "5", "`train.checkpoint_every_steps`: not set → 5", true),
        ("train.learning_rate", "0.001", "`train.learning_rate`: 0.01 → 0.001", true),
        ("train.schedule", "cosine", "`train.schedule`: \"constant\" → \"cosine\"", true),
        ("train.gradient_clip_norm", "0.5", "`train.gradient_clip_norm`: 1.0 → 0.5", true),
        ("loss.gwrp_decay", "0.99", "`loss.gwrp_decay`: 0.98", true),
        ("device", "cuda", "`device`: \"cpu\" → \"cuda\"", true),
        ("output", "/elsewhere", "`output`: ", true),
        ("name", "other", "`name`: \"x\" → \"other\"", true),
        ("data.classes", "['a', 'b']", "`data.classes`: not set → [\"a\", \"b\"]", true),
        ("seed", "2", "`seed`: 1 → 2", false),
        ("data.manifest", "/data/b.csv", "`data.manifest`: \"/data/a.csv\" → \"/data/b.csv\"", false),
        ("data.height", "64", "`data.height`: 128 → 64", false),
        ("data.balance", "label", "`data.balance`: \"none\" → \"label\"", false),
        ("data.augment.noise", "0.1", "`data.augment.noise`: 0.0 → 0.1", false),
        ("model.stages", "[{ channels = 5 }]", "`model.stages`: [{ channels = 16", false),
        ("model.dropout", "0.5", "`model.dropout`: not set → 0.5", false),
        ("method.name", "standard", "`method.name`: \"isnet\" → \"standard\"", false),
        ("loss.heatmap_loss_weight", "0.25", "`loss.heatmap_loss_weight`: 0.5 → 0.25", false),
        ("loss.foreground_range", "calibrate", "`loss.foreground_range`: [1.0, 25.0] → \"calibrate\"", false),
        ("train.optimizer", "adamw", "`train.optimizer`: \"sgd\" → \"adamw\"", false),
        ("train.momentum", "0.5", "`train.momentum`: 0.9 → 0.5", false),
        ("train.batch_size", "16", "`train.batch_size`: 8 → 16", false),
        ("train.best_metric", "auc", "`train.best_metric`: \"auto\" → \"auc\"", false),
        ("train.trainable", "['fc.']", "`train.trainable`: not set → [\"fc.\"]", false),
    ];

    fn config(overrides: &[(&str, &str)]) -> RunConfig {
        RunConfig::from_toml(BEGUN, "/configs/x.toml", overrides).unwrap()
    }

    #[test]
    fn a_changed_key_is_named_with_both_values_and_only_some_may_change() {
        let begun = config(&[]);
        assert_eq!(begun.changes_since(&begun).unwrap(), []);
        for (key, value, said, allowed) in CASES {
            let changes = config(&[(key, value)]).changes_since(&begun).unwrap();
            let change = changes.iter().find(|change| change.key == *key).unwrap_or_else(|| panic!("{key}"));
            assert!(change.to_string().starts_with(said), "{change}");
            assert_eq!(change.is_allowed(), *allowed, "{key}");
        }
    }

    #[test]
    fn a_default_that_follows_another_key_changes_with_it() {
        let keys = |overrides: &[(&str, &str)]| -> Vec<String> {
            let changes = config(overrides).changes_since(&config(&[])).unwrap();
            changes.into_iter().map(|change| change.key).collect()
        };
        assert_eq!(
            keys(&[("train.optimizer", "adamw")]),
            ["train.learning_rate", "train.optimizer", "train.weight_decay"]
        );
        assert_eq!(keys(&[("data.width", "64")]), ["data.width", "loss.gwrp_decay"]);
    }

    #[test]
    fn only_keys_that_there_are_may_change() {
        for key in MAY_CHANGE {
            let (section, word) = key.rsplit_once('.').unwrap_or(("", key));
            let known =
                SECTIONS.iter().any(|(name, fields)| *name == section && fields.iter().any(|field| field.key == word));
            assert!(known, "{key}");
        }
    }
}
