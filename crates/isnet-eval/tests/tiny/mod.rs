//! A model and a data set that are small enough for any test.

use std::sync::Arc;

use burn::tensor::Device;
use isnet_data::{Dataset, Fit, Image, Intensity, Label, Mask, MemoryDataset, Preparation, Sample, Task};
use isnet_graph::Params;
use isnet_models::build;
use isnet_run::Model;

/// Height and width of an image.
pub const SIDE: usize = 12;
/// More than a batch.
pub const SAMPLES: usize = 21;

/// A classifier of three classes with the weights of a seed.
pub fn model() -> Model {
    let architecture = isnet_models::plain_cnn::reference(3, 1);
    let graph = build(&architecture).expect("an architecture");
    let params = Params::initialize(&graph, 9, &Device::flex());
    Model {
        architecture,
        graph,
        params,
        classes: ["a", "b", "c"].map(String::from).into(),
        task: Task::SingleLabel,
        preparation: Preparation {
            height: SIDE,
            width: SIDE,
            channels: 1,
            fit: Fit::Pad,
            intensity: Intensity::Stored,
        },
        scaling: None,
        training: serde_json::Value::Null,
        batches: 0,
    }
}

/// Stripes of all kinds from two hospitals; every third sample has no mask.
pub fn dataset() -> Arc<dyn Dataset> {
    let sample = |index: usize| {
        let pixel = |place: usize| ((place * (index + 1) + place / SIDE * index) % 16) as f32 / 16.0;
        let inside = |place: usize| f32::from(u8::from(place % SIDE < 3 + index % 6));
        let mask = Mask::new(SIDE, SIDE, (0..SIDE * SIDE).map(inside).collect());
        Sample {
            image: Image::new(SIDE, SIDE, 1, (0..SIDE * SIDE).map(pixel).collect()),
            mask: (index % 3 != 2).then_some(mask),
            label: Some(Label::Single(index % 3)),
            id: format!("image {index}"),
            source: ["leeds", "quebec"][index % 2].to_owned(),
        }
    };
    let classes = ["a", "b", "c"].map(String::from).into();
    Arc::new(MemoryDataset::new(Task::SingleLabel, classes, (0..SAMPLES).map(sample).collect()))
}
