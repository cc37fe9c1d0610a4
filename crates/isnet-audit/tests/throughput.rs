//! What an audit costs beside the forward passes that it must make. `#[ignore]`d: it measures time.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use isnet_audit::counterfactual::{Composer, Variant, counterfactual};
use isnet_audit::{Settings, Subject};
use isnet_data::phantom::{PhantomConfig, PhantomSplit, dataset};
use isnet_data::{Dataset, Fit, Intensity, MemoryDataset, Preparation, Task};
use isnet_graph::{Params, Predictor};
use isnet_models::{Architecture, Stage, build};
use isnet_run::Model;

const IMAGES: usize = 128;

/// The network of `isnet demo` on 64 pixels, and a ResNet-18 on 128.
fn models() -> Vec<(Model, PhantomConfig)> {
    let stage = |channels, pool| Stage { channels, convs: 1, kernel: 3, pool };
    let stages = vec![stage(16, 2), stage(32, 2), stage(48, 2), stage(64, 1)];
    let small = Architecture { stages, ..isnet_models::plain_cnn::reference(3, 1) };
    let large = Architecture::new("resnet18", 3, 1);
    let model = |(architecture, size): (Architecture, usize)| {
        let config = PhantomConfig { size, test: IMAGES, ..PhantomConfig::default() };
        let graph = build(&architecture).expect("an architecture");
        let params = Params::initialize(&graph, 1, &Device::flex());
        let preparation =
            Preparation { height: size, width: size, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
        let (classes, training) = (config.class_names(), serde_json::Value::Null);
        let task = Task::SingleLabel;
        (Model { architecture, graph, params, classes, task, preparation, scaling: None, training, batches: 0 }, config)
    };
    [(small, 64), (large, 128)].map(model).into()
}

/// The fastest of three tries of each, in turn, so that both meet the same machine.
fn fastest(mut first: impl FnMut(), mut second: impl FnMut()) -> [Duration; 2] {
    let timed = |work: &mut dyn FnMut()| {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    let mut best = [Duration::MAX; 2];
    for _ in 0..3 {
        best = [best[0].min(timed(&mut first)), best[1].min(timed(&mut second))];
    }
    best
}

#[test]
#[ignore = "measures time: cargo test --release -p isnet-audit --test throughput -- --ignored"]
fn another_background_costs_little_more_than_its_forward_pass() {
    for (model, config) in models() {
        let samples = dataset(&config, PhantomSplit::Biased);
        let data = MemoryDataset::new(Task::SingleLabel, config.class_names(), samples);
        let settings = Settings::default();
        let subject = Subject::new(&model, &data, &settings).expect("a subject");
        let composer = Composer::new(&subject).expect("colours");
        let mut pixels = Vec::new();
        for index in 0..IMAGES {
            let sample = data.sample(index).expect("in memory");
            for variant in Variant::ALL {
                let picture = composer.picture(index, &sample, variant).expect("a donor in memory");
                pixels.push(picture.expect("every variant").pixels);
            }
        }
        let predictor = Predictor::new(&model.graph, &model.params);
        let alone = || {
            for batch in pixels.chunks(settings.batch_size) {
                let shape = [batch.len(), config.size, config.size, 1];
                let images = Tensor::<4>::from_data(TensorData::new(batch.concat(), shape), &Device::flex());
                let logits: Vec<f32> = predictor.logits(images).try_into_vec_as().expect("floats");
                assert_eq!(logits.len(), 3 * batch.len());
            }
        };
        let asked = || {
            counterfactual(&subject, &mut |_| ()).expect("an answer");
        };
        let [alone, asked] = fastest(alone, asked);
        let ratio = asked.as_secs_f64() / alone.as_secs_f64();
        println!(
            "{} on {} px: {alone:?} alone, {asked:?} asked, ratio {ratio:.2}",
            model.architecture.name, config.size
        );
        assert!(ratio < 1.3, "{ratio}");
    }
}
