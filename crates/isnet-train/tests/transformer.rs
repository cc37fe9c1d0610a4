//! A small vision transformer learns, from its configuration to its model file.

use burn::tensor::Device;
use isnet_run::{Datasets, EpochRecord, Existing, Model, RunConfig, StepRecord};
use isnet_train::{Trainer, Watcher};
use tempfile::TempDir;

const CONFIG: &str = r#"
[data]
height = 32
width = 32
channels = 1

[data.phantom]
size = 32
train = 240
val = 60
test = 30

[model]
architecture = "plain_vit"
transformer = { patch = 8, width = 32, layers = 2 }

[train]
epochs = 24
batch_size = 16
optimizer = "adamw"
learning_rate = 0.003
schedule = "cosine"
"#;

#[derive(Default)]
struct Seen {
    epochs: Vec<EpochRecord>,
}

impl Watcher for Seen {
    fn step(&mut self, _: &StepRecord, _: usize) {}

    fn epoch(&mut self, record: &EpochRecord, _: bool) {
        self.epochs.push(record.clone());
    }

    fn note(&mut self, _: &str) {}
}

/// Trains into a folder.
fn train(set: &[(&str, &str)]) -> (TempDir, Seen) {
    let folder = TempDir::new().expect("a folder");
    let output = format!("'{}'", folder.path().join("run").display());
    let set = [set, &[("output", output.as_str())]].concat();
    let config = RunConfig::from_toml(CONFIG, "vit.toml", &set).expect("valid keys");
    let data = Datasets::open(&config.data).expect("phantoms");
    let mut seen = Seen::default();
    let trainer = Trainer::new(&config, &data, Existing::Refuse, &mut seen).expect("data and keys fit");
    trainer.train(&mut seen).expect("finite numbers");
    (folder, seen)
}

#[test]
fn it_learns_to_classify_phantoms_and_its_model_can_be_loaded() {
    let (folder, seen) = train(&[("method.name", "standard")]);
    let accuracy: Vec<f64> = seen.epochs.iter().map(|epoch| epoch.validation["accuracy"]).collect();
    assert!(accuracy.last().is_some_and(|last| *last > 0.9), "{accuracy:?}");
    let model = Model::load(&folder.path().join("run"), &Device::flex()).expect("a model");
    assert_eq!((model.architecture.image_size, model.architecture.transformer.layers), ([32, 32], 2));
}

#[test]
fn it_learns_through_its_own_relevance() {
    let few = [("train.epochs", "6"), ("method.start_epoch", "0"), ("method.deep_supervision", "false")];
    let (_, seen) = train(&few);
    let heatmap: Vec<f64> = seen.epochs.iter().filter_map(|epoch| epoch.losses.heatmap).collect();
    assert!(heatmap.len() == 6 && heatmap[5] < heatmap[0], "the heatmap loss falls: {heatmap:?}");
    let deep = train(&[&few[..], &[("method.deep_supervision", "true")]].concat()).1;
    let heatmap: Vec<f64> = deep.epochs.iter().filter_map(|epoch| epoch.losses.heatmap).collect();
    assert!(heatmap.len() == 6 && heatmap[5] < heatmap[0], "with deep supervision too: {heatmap:?}");
    let gradient = train(&[&few[..], &[("method.name", "grad_input"), ("train.epochs", "2")]].concat()).1;
    assert!(gradient.epochs.iter().all(|epoch| epoch.losses.heatmap.is_some()));
}
