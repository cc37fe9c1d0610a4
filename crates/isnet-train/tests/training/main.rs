//! Trainings of a tiny network as a whole: when the heatmap loss and its range begin, what is drawn anew, what becomes the model.

mod trust;

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use isnet_data::{
    Batch as DataBatch, Dataset, Fit, Image, Intensity, Label, Mask, MemoryDataset, Preparation, Sample, Task,
};
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_graph::Mode;
use isnet_loss::{ClassificationLoss, Targets, calibrated_range};
use isnet_lrp::{Composite, OutputSelector, Outputs, explain};
use isnet_run::{Checkpoint, Datasets, EpochRecord, Existing, Model, RunConfig, StepRecord};
use isnet_train::{Trainer, Watcher, setup};
use tempfile::TempDir;

const SIDE: usize = 8;
const CONFIG: &str = r#"
[data]
height = 8
width = 8
channels = 1

[data.phantom]

[model]
architecture = "plain_cnn"
stages = [{ channels = 4 }]

[train]
epochs = 1
batch_size = 2
learning_rate = 0.05

# The ISNet of the papers, every step of which is the method.
[method]
start_epoch = 0
deep_supervision = false
[loss]
heatmap_loss_weight = 0.7
[data.augment]
exchange_background = 0.0
"#;
/// So little that no number in a record changes by it.
const STANDING: [(&str, &str); 2] = [("train.learning_rate", "1e-30"), ("train.weight_decay", "0")];
const STANDARD: (&str, &str) = ("method.name", "standard");

/// What a training showed.
#[derive(Default)]
struct Seen {
    steps: Vec<StepRecord>,
    epochs: Vec<EpochRecord>,
    best: Vec<bool>,
    notes: Vec<String>,
}

impl Watcher for Seen {
    fn step(&mut self, record: &StepRecord, _: usize) {
        self.steps.push(record.clone());
    }

    fn epoch(&mut self, record: &EpochRecord, is_best: bool) {
        self.epochs.push(record.clone());
        self.best.push(is_best);
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
}

impl Seen {
    fn losses(&self, epoch: usize) -> Vec<f64> {
        self.steps.iter().filter(|step| step.epoch == epoch).filter_map(|step| step.losses.classification).collect()
    }

    /// In which epochs there was a heatmap loss.
    fn heatmaps(&self) -> Vec<bool> {
        self.epochs.iter().map(|epoch| epoch.losses.heatmap.is_some()).collect()
    }
}

#[test]
fn dropout_selector_and_augmentation_draw_anew_in_every_step_and_epoch() {
    // Equal images, and weights that stand still: only what is drawn can make two losses differ.
    let data = datasets(vec![sample(0, 3, true); 2], vec![]);
    let random = [
        [("model.dropout", "0.5"), STANDARD],
        [("data.augment.noise", "0.3"), STANDARD],
        [("method.selector", "stochastic"), ("seed", "3")],
    ];
    for set in random {
        let set = [&STANDING[..], &set, &[("train.epochs", "8")]].concat();
        let losses: Vec<f64> = train(&data, &set).1.steps.iter().map(|step| step.losses.loss).collect();
        assert!(losses.iter().any(|loss| *loss != losses[0]), "{set:?}: {losses:?}");
    }
    let fixed = [&STANDING[..], &[("train.epochs", "3"), STANDARD]].concat();
    let losses = train(&data, &fixed).1.steps;
    assert!(losses.iter().all(|step| step.losses == losses[0].losses), "{losses:?}");
}

#[test]
fn every_epoch_shows_all_images_in_another_order() {
    let set = [&STANDING[..], &[("train.epochs", "3"), ("train.batch_size", "1"), STANDARD]].concat();
    let seen = train(&eight(), &set).1;
    let sorted = |epoch| {
        let mut losses = seen.losses(epoch);
        losses.sort_by(f64::total_cmp);
        losses
    };
    for epoch in [1, 2] {
        assert_ne!(seen.losses(epoch), seen.losses(epoch - 1));
        assert_eq!(sorted(epoch), sorted(epoch - 1));
    }
}

#[test]
fn a_last_image_alone_joins_the_batch_before_it() {
    for (images, steps) in [(4, 2), (5, 2), (6, 3), (1, 1)] {
        let data = datasets((0..images).map(|index| sample(index % 2, index, true)).collect(), vec![]);
        assert_eq!(train(&data, &[]).1.steps.len(), steps, "{images} images in batches of two");
    }
    // Weights that stand still, so that the mean over the steps shows which images were seen: none is left out.
    let classification = |images: &[usize]| {
        let data = datasets(images.iter().map(|index| sample(index % 2, *index, true)).collect(), vec![]);
        let steps = train(&data, &[&STANDING[..], &[STANDARD, ("train.batch_size", "2")]].concat()).1.steps;
        (steps.len(), steps[0].losses.loss)
    };
    assert_eq!(classification(&[0, 1, 2]).0, 1);
    assert_ne!(classification(&[0, 1, 2]).1, classification(&[0, 1, 4]).1, "the third image counts");
    assert_ne!(classification(&[0, 1, 2]).1, classification(&[3, 1, 2]).1, "the first image counts");
}

/// The error with which a training is refused, and whether the run that lay there is as it was.
fn refusal(data: &Datasets, set: &[(&str, &str)]) -> (String, bool) {
    let folder = TempDir::new().expect("a folder");
    train_in(folder.path(), &eight(), &[STANDARD]);
    let files = || ["config.toml", "model.safetensors"].map(|name| std::fs::read(folder.path().join(name)).ok());
    let before = files();
    let config = config(folder.path(), set);
    let refused = Trainer::new(&config, data, Existing::Overwrite, &mut Seen::default()).err().expect("refused");
    (refused.to_string(), files() == before && before[1].is_some())
}

/// Data, keys, and what must be said of them.
type Refused<'a> = (&'a Datasets, &'a [(&'a str, &'a str)], &'a str);

#[test]
fn what_cannot_train_is_refused_before_an_earlier_run_is_overwritten() {
    let multi = |labels: [Vec<usize>; 2]| {
        let samples = |first: usize| {
            let labelled = |(index, label): (usize, &Vec<usize>)| Sample {
                label: Some(Label::Multi(label.clone())),
                ..sample(index % 2, first + index, true)
            };
            labels.iter().enumerate().map(labelled).collect::<Vec<_>>()
        };
        datasets_of(Task::MultiLabel, samples(0), samples(4))
    };
    let both = multi([vec![0], vec![1]]);
    let single_label = eight();
    let cases: [Refused<'_>; 3] = [
        (
            &single_label,
            &[("loss.class_weights", "[1.0, 2.0, 3.0]")],
            "`loss.class_weights` has 3 values, but the data have 2 classes",
        ),
        (&both, &[("method.selector", "label")], "label"),
        (&single_label, &[("train.best_metric", "dice")], "`train.best_metric = \"dice\"` cannot choose"),
    ];
    for (data, set, words) in cases {
        let (message, untouched) = refusal(data, set);
        assert!(message.contains(words) && untouched, "{set:?}: {message}");
    }
}

#[test]
fn a_score_that_the_validation_images_cannot_give_does_not_choose_an_epoch() {
    let of =
        |classes: &[usize]| classes.iter().enumerate().map(|(index, class)| sample(*class, 20 + index, true)).collect();
    let eight_with = |validation: &[usize]| datasets(of(&[0, 1, 0, 1]), of(validation));
    let cases: [(Datasets, &str, &[&str]); 6] = [
        (eight_with(&[]), "macro_f1", &["split `val` has no images", "\"last\""]),
        (eight_with(&[]), "loss", &["split `val` has no images"]),
        (eight_with(&[0, 0]), "macro_f1", &["`val`", "one class only"]),
        (eight_with(&[0, 0]), "auc", &["one class only"]),
        (eight_with(&[0, 0]), "accuracy", &["one class only"]),
        (eight_with(&[0, 1]), "dice", &["makes no masks"]),
    ];
    for (data, metric, words) in cases {
        let (message, untouched) = refusal(&data, &[("train.best_metric", metric)]);
        assert!(untouched && words.iter().all(|word| message.contains(word)), "{metric}: {message}");
    }
    let newest = train(&eight_with(&[0, 0]), &[("train.best_metric", "last"), ("train.epochs", "2")]).1;
    assert_eq!(newest.best, [true, true], "the newest epoch");
}

#[test]
fn a_batch_norm_that_would_see_one_value_is_refused() {
    let stages = ("model.stages", "[{ channels = 4, pool = 8 }, { channels = 4, pool = 1 }]");
    let data = eight();
    let (message, untouched) = refusal(&data, &[("train.batch_size", "1"), stages]);
    assert!(
        untouched && message.contains("one value per channel") && message.contains("`train.batch_size`"),
        "{message}"
    );
    let one = datasets(vec![sample(0, 1, true)], vec![sample(0, 2, true), sample(1, 3, true)]);
    assert!(refusal(&one, &[stages]).0.contains("(1 training images"));
    // With a map of more pixels, or two images, there is something to normalize.
    train(&data, &[("train.batch_size", "1")]);
    train(&data, &[("train.batch_size", "7"), stages]);
}

#[test]
fn the_log_of_an_epoch_is_the_mean_over_its_steps_and_over_those_with_a_heatmap() {
    let samples = (0..4).map(|index| sample(index % 2, index, index < 3)).collect();
    let seen = train(&datasets(samples, vec![]), &[("train.batch_size", "1"), ("train.epochs", "2")]).1;
    for epoch in &seen.epochs {
        let steps: Vec<_> =
            seen.steps.iter().filter(|step| step.epoch == epoch.epoch).map(|step| &step.losses).collect();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let heatmaps: Vec<f64> = steps.iter().filter_map(|losses| losses.heatmap).collect();
        assert_eq!((steps.len(), heatmaps.len()), (4, 3));
        assert_near(epoch.losses.loss, mean(steps.iter().map(|losses| losses.loss).collect()));
        let classified: Vec<f64> = steps.iter().filter_map(|losses| losses.classification).collect();
        assert_near(epoch.losses.classification.expect("every step classifies"), mean(classified));
        assert_near(epoch.losses.heatmap.expect("three masks"), mean(heatmaps));
    }
}

#[test]
fn a_mask_that_says_nothing_is_none() {
    let with = |second: Option<Mask>| {
        let samples = vec![sample(0, 1, true), Sample { mask: second, ..sample(1, 2, true) }];
        train(&datasets(samples, vec![]), &[]).1.steps.remove(0).losses
    };
    let empty = Mask::new(SIDE, SIDE, vec![0.0; SIDE * SIDE]);
    assert_eq!(with(Some(empty)), with(None));
    let full = Mask::new(SIDE, SIDE, vec![1.0; SIDE * SIDE]);
    assert_eq!(with(Some(full)), with(None));
    assert_ne!(with(sample(1, 2, true).mask), with(None));
}

/// A cohort whose healthy images have black masks, and one whose healthy images have none.
#[test]
fn a_whole_training_and_its_scores_do_not_depend_on_masks_that_say_nothing() {
    let set = [("train.epochs", "3"), ("data.augment.rotation_degrees", "20"), ("data.augment.translation", "0.2")];
    let empty = || Some(Mask::new(SIDE, SIDE, vec![0.0; SIDE * SIDE]));
    let found = [empty(), None].map(|of_healthy| {
        let look = |index: usize| match index % 2 {
            0 => Sample { mask: of_healthy.clone(), ..sample(0, index, true) },
            _ => sample(1, index, true),
        };
        let data = datasets((0..8).map(look).collect(), (10..14).map(look).collect());
        let (model, seen) = train(&data, &set);
        let validation = data.validation.as_ref().expect("given");
        let found = evaluate(&model, validation, "val", Explain::Predicted, |_| ()).expect("predictions");
        let scores: Vec<_> = seen.epochs.iter().map(|epoch| epoch.validation.clone()).collect();
        (model.to_file().weights_digest(), scores, found.probabilities, found.background_share)
    });
    assert_eq!(found[0], found[1]);
    assert!(found[0].3.iter().any(Option::is_some) && found[0].3.iter().any(Option::is_none));
}

#[test]
fn the_heatmap_loss_begins_with_its_epoch_or_once_its_range_is_measured() {
    let heatmaps = |set: &[(&str, &str)]| train(&eight(), &[set, &[("train.epochs", "4")]].concat()).1.heatmaps();
    let calibrate = ("loss.foreground_range", "calibrate");
    assert_eq!(heatmaps(&[]), [true; 4]);
    assert_eq!(heatmaps(&[STANDARD]), [false; 4]);
    assert_eq!(heatmaps(&[("method.start_epoch", "2")]), [false, false, true, true]);
    assert_eq!(heatmaps(&[calibrate]), [false, false, true, true]);
    assert_eq!(heatmaps(&[calibrate, ("loss.calibration_epochs", "1")]), [false, true, true, true]);
    assert_eq!(heatmaps(&[calibrate, ("method.start_epoch", "3")]), [false, false, false, true]);
}

#[test]
fn the_range_is_measured_once_on_the_images_as_they_are_by_the_plain_classifier() {
    let plain = ("data.augment.noise", "0.3");
    let measuring = [plain, ("loss.foreground_range", "calibrate"), ("loss.calibration_epochs", "1")];
    let data = eight();
    // The classifier after its only epoch is the one that is measured before the second.
    let model = train(&data, &measuring).0;
    let mut totals = Vec::new();
    for index in 0..data.train.len() {
        let batch = DataBatch::collate(&[data.train.sample(index).expect("in memory")]).expect("one sample");
        let trace = model.graph.forward(&model.params, model.images(&batch), Mode::Evaluate);
        let plan = Composite::isnet().plan(&model.graph).expect("a plan");
        let selector = OutputSelector::selective(1e-2);
        let seeds = selector.seeds(trace.logits(), &Outputs::single_label(None), None).expect("a lowest logit");
        let map = explain(&model.graph, &model.params, &trace, &plan, seeds.gradient, &[]).heatmap;
        totals.push(map.abs().sum().into_scalar::<f64>());
    }
    let range = calibrated_range(&totals).expect("there is relevance");
    let expected = format!("C1 = {:.3}, C2 = {:.3}", range.min, range.max);
    let notes = train(&data, &[&measuring[..], &[("train.epochs", "4")]].concat()).1.notes;
    let said: Vec<&String> = notes.iter().filter(|note| note.contains("calibrated")).collect();
    assert!(said.len() == 1 && said[0].ends_with(&expected), "{said:?} instead of {expected}");
}

#[test]
fn only_trainable_parameters_move_and_running_statistics_follow_the_batches() {
    let value = |model: &Model, id| model.params.flat(id).try_into_vec_as::<f32>().expect("floats");
    let before = untrained(&eight(), &[]);
    let head = before.graph.params().last().expect("the bias of the head").1.name.replace("bias", "");
    let trainable = format!("['{head}']");
    let ((all, _), (few, _)) = (train(&eight(), &[]), train(&eight(), &[("train.trainable", trainable.as_str())]));
    for (id, spec) in before.graph.params() {
        assert_ne!(value(&all, id), value(&before, id), "`{}` stands still", spec.name);
        let moves = spec.name.starts_with(&head) || !spec.role.is_trainable();
        assert_eq!(value(&few, id) != value(&before, id), moves, "`{}` with `{head}` alone", spec.name);
    }
}

#[test]
fn a_choice_of_parameters_that_leaves_none_to_train_is_refused() {
    for (trainable, words) in [("['0.', 'fd.']", "`fd.`"), ("[]", "empty")] {
        let folder = TempDir::new().expect("a folder");
        let config = config(folder.path(), &[("train.trainable", trainable)]);
        let error = Trainer::new(&config, &eight(), Existing::Refuse, &mut Seen::default()).err().expect("refused");
        let message = error.to_string();
        assert!(message.contains("`train.trainable`") && message.contains(words), "{message}");
        assert!(message.contains("begin with `0.`, "), "{message}");
    }
}

/// Counts the steps that the log has on the disk when the checkpoint of the step before is there.
struct LogReader<'a>(&'a Path, usize);

impl Watcher for LogReader<'_> {
    fn step(&mut self, record: &StepRecord, _: usize) {
        let last = self.0.join("checkpoints/last.safetensors");
        if !last.exists() {
            return;
        }
        let saved = Checkpoint::load(&last).expect("a whole file").step;
        let log = std::fs::read_to_string(self.0.join("log.jsonl")).expect("a log");
        let logged = log.lines().filter(|line| line.contains("\"kind\":\"step\"")).count();
        assert!(logged >= saved, "step {}: {logged} of {saved} saved steps are in the log", record.step);
        self.1 += 1;
    }
}

#[test]
fn a_checkpoint_is_never_ahead_of_the_log() {
    let folder = TempDir::new().expect("a folder");
    let config = config(folder.path(), &[("train.checkpoint_every_steps", "1"), ("train.epochs", "2")]);
    let mut reader = LogReader(folder.path(), 0);
    let data = eight();
    let trainer = Trainer::new(&config, &data, Existing::Refuse, &mut reader).expect("data and keys fit");
    trainer.train(&mut reader).expect("finite numbers");
    assert_eq!(reader.1, 7, "all of the eight steps but the first");
}

#[test]
fn a_checkpoint_whose_model_is_another_is_refused_though_the_configuration_agrees() {
    let (data, folder) = (eight(), TempDir::new().expect("a folder"));
    train_in(folder.path(), &data, &[("model.dropout", "0.5")]);
    let toml = folder.path().join("config.toml");
    let text = std::fs::read_to_string(&toml).expect("a configuration");
    assert!(text.contains("dropout = 0.5"), "{text}");
    std::fs::write(&toml, text.replace("dropout = 0.5", "dropout = 0.25")).expect("writable");
    let config = config(folder.path(), &[("model.dropout", "0.25"), ("train.epochs", "2")]);
    let error = Trainer::new(&config, &data, Existing::Resume, &mut Seen::default()).err().expect("refused");
    let message = error.to_string();
    assert!(message.contains("\"dropout\":0.5") && message.contains("\"dropout\":0.25"), "{message}");
}

#[test]
fn a_step_is_as_long_as_the_clip_norm_allows_and_the_log_has_the_whole_norm() {
    let data = datasets(vec![sample(0, 1, true), sample(1, 2, true)], vec![]);
    let quiet = [("train.momentum", "0"), ("train.weight_decay", "0"), ("train.learning_rate", "0.5"), STANDARD];
    let before = untrained(&data, &[]);
    let length = |clip: &str| {
        let (after, seen) = train(&data, &[&quiet[..], &[("train.gradient_clip_norm", clip)]].concat());
        let distance = |id| (after.params.flat(id) - before.params.flat(id)).square().sum().into_scalar::<f64>();
        let trainable = before.graph.params().filter(|(_, spec)| spec.role.is_trainable());
        let square: f64 = trainable.map(|(id, _)| distance(id)).sum();
        (square.sqrt() / 0.5, seen.steps[0].gradient_norm)
    };
    let (free, norm) = length("0");
    assert!(norm > 0.02 && (free / norm - 1.0).abs() < 1e-4, "{free} for {norm}");
    for (clip, expected) in [("0.01", 0.01), ("1e6", norm)] {
        let (found, logged) = length(clip);
        assert!((found / expected - 1.0).abs() < 1e-4 && logged == norm, "{clip}: {found}, log {logged}");
    }
}

#[test]
fn the_best_epoch_is_the_first_of_the_highest_score_and_becomes_the_model() {
    // Two images of one class that look like the other's: accuracy and F1 never agree.
    let look = |index: usize| sample(index % 2, index, true);
    let mistaken = [10, 12].map(|index| Sample { label: Some(Label::Single(1)), ..look(index) });
    let data = datasets((0..8).map(look).collect(), (10..15).map(look).chain(mistaken).collect());
    for metric in ["accuracy", "macro_f1", "auc", "loss"] {
        let set = [("train.best_metric", metric), ("train.epochs", "6"), ("train.learning_rate", "0.3"), STANDARD];
        let folder = TempDir::new().expect("a folder");
        let (model, seen) = train_in(folder.path(), &data, &set);
        let mut best: Option<f64> = None;
        for (epoch, is_best) in seen.epochs.iter().zip(&seen.best) {
            let score = epoch.validation[metric];
            let better = best.is_none_or(|best| if metric == "loss" { score < best } else { score > best });
            assert_eq!(*is_best, better, "{metric}: {:?}", seen.epochs);
            best = if better { Some(score) } else { best };
        }
        let saved = Checkpoint::load(&folder.path().join("checkpoints/best.safetensors")).expect("a best epoch");
        assert_eq!(saved.state["best"].as_f64(), best, "{metric}");
        assert!(seen.epochs.iter().all(|epoch| epoch.validation["accuracy"] != epoch.validation["macro_f1"]));
        let count = 1 + seen.best.iter().rposition(|is_best| *is_best).expect("a best epoch");
        assert_eq!(saved.epoch, count, "{metric}");
        let epochs = count.to_string();
        let alone = train(&data, &[&set[..], &[("train.epochs", epochs.as_str())]].concat()).0;
        assert_eq!(model.to_file().weights_digest(), alone.to_file().weights_digest(), "{metric}: epoch {count}");
    }
}

#[test]
fn a_warm_up_epoch_is_never_the_best_and_does_not_wear_out_the_patience() {
    let set = [("method.start_epoch", "2"), ("train.epochs", "9"), ("train.early_stopping_patience", "2")];
    let same = ("train.best_metric", "macro_f1");
    let seen = train(&eight(), &[&STANDING[..], &set, &[same]].concat()).1;
    // Two warm-up epochs, the best, and two that are not better.
    assert_eq!(seen.best, [false, false, true, false, false]);
}

#[test]
fn the_validation_loss_is_the_classification_loss_of_training() {
    for task in [Task::SingleLabel, Task::MultiLabel] {
        let sets = [vec![0, 1], vec![], vec![1]];
        let labelled = |index: usize| {
            let label = if task == Task::SingleLabel {
                Label::Single(index % 2)
            } else {
                Label::Multi(sets[index % 3].clone())
            };
            Sample { label: Some(label), ..sample(index % 2, index, true) }
        };
        let data = datasets_of(task, (0..4).map(labelled).collect(), (4..9).map(labelled).collect());
        for (typed, class_weights) in [("'none'", None), ("[1.0, 3.0]", Some(vec![1.0, 3.0]))] {
            let (model, seen) = train(&data, &[("loss.class_weights", typed)]);
            let validation = data.validation.as_ref().expect("given");
            let samples: Vec<Sample> = (0..5).map(|index| validation.sample(index).expect("in memory")).collect();
            let batch = DataBatch::collate(&samples).expect("a batch");
            let logits = model.graph.predict(&model.params, model.images(&batch));
            let targets = match task {
                Task::SingleLabel => {
                    Targets::SingleLabel(batch.labels.iter().map(|label| label.classes()[0]).collect())
                }
                Task::MultiLabel => Targets::MultiLabel(batch.labels.iter().map(|label| label.multi_hot(2)).collect()),
            };
            let loss = ClassificationLoss { class_weights }.forward(logits, &targets).expect("valid targets");
            let (found, expected) = (seen.epochs[0].validation["loss"], loss.into_scalar::<f64>());
            assert!((found - expected).abs() < 1e-5, "{task:?}, {typed}: {found} instead of {expected}");
        }
    }
}

/// Eight images to learn from, five to validate with, of two classes in unequal numbers.
fn eight() -> Datasets {
    let class = |index: usize| usize::from(index.is_multiple_of(3));
    let samples = |range: std::ops::Range<usize>| range.map(|index| sample(class(index), index, true)).collect();
    datasets(samples(0..8), samples(8..13))
}

#[test]
fn a_model_that_only_guesses_is_said_to_with_what_to_try() {
    // One image under both labels cannot be told apart from itself.
    let same = |class| Sample { label: Some(Label::Single(class)), ..sample(0, 9, true) };
    let data = |validation| datasets((0..8).map(|index| sample(index % 2, index, true)).collect(), validation);
    let guesses_at = || (0..20).map(|index| same(index % 2)).collect::<Vec<Sample>>();
    let said = |data, set: &[(&str, &str)]| -> Vec<String> {
        train(&data, set).1.notes.into_iter().filter(|note| note.starts_with("not learned")).collect()
    };
    let guesses = said(data(guesses_at()), &[]);
    assert!(
        matches!(&guesses[..], [note] if note.contains("above 0.50") && note.contains("deep_supervision")),
        "{guesses:?}"
    );
    let on = [("method.deep_supervision", "true"), ("method.start_epoch", "1"), ("train.epochs", "2")];
    let deep = said(data(guesses_at()), &on);
    assert!(matches!(&deep[..], [note] if note.ends_with("try a lower `loss.heatmap_loss_weight`")), "{deep:?}");
    let standard = said(data(guesses_at()), &[STANDARD]);
    assert!(matches!(&standard[..], [note] if !note.contains("heatmap")), "{standard:?}");
    let learns = [STANDARD, ("train.epochs", "20")];
    assert!(said(data(vec![sample(0, 9, true), sample(1, 10, true)]), &learns).is_empty());
    assert!(said(data(Vec::new()), &learns).is_empty(), "nothing is known without validation data");
}

/// A square on noise, brighter in class 1, with the square as mask.
fn sample(class: usize, seed: usize, has_mask: bool) -> Sample {
    let inside = |place: &usize| (2..6).contains(&(place / SIDE)) && (2..6).contains(&(place % SIDE));
    let noise = |place: &usize| ((seed * 31 + place * 7 + place * place * (seed + 3)) % 64) as f32 / 128.0;
    let level = |place: usize| noise(&place) + if inside(&place) && class == 1 { 0.2 } else { 0.0 };
    let mask = (0..SIDE * SIDE).map(|place| f32::from(u8::from(inside(&place)))).collect();
    Sample {
        image: Image::new(SIDE, SIDE, 1, (0..SIDE * SIDE).map(level).collect()),
        mask: has_mask.then(|| Mask::new(SIDE, SIDE, mask)),
        label: Some(Label::Single(class)),
        id: format!("image {seed}"),
        source: String::new(),
    }
}

fn datasets(train: Vec<Sample>, validation: Vec<Sample>) -> Datasets {
    datasets_of(Task::SingleLabel, train, validation)
}

fn datasets_of(task: Task, train: Vec<Sample>, validation: Vec<Sample>) -> Datasets {
    let classes: Vec<String> = ["dark", "bright"].map(String::from).into();
    let dataset = |samples| -> Arc<dyn Dataset> { Arc::new(MemoryDataset::new(task, classes.clone(), samples)) };
    Datasets {
        classes: classes.clone(),
        task,
        preparation: Preparation {
            height: SIDE,
            width: SIDE,
            channels: 1,
            fit: Fit::Pad,
            intensity: Intensity::Stored,
        },
        train: dataset(train),
        validation: (!validation.is_empty()).then(|| dataset(validation)),
        tests: Vec::new(),
        notes: Vec::new(),
    }
}

fn config(folder: &Path, set: &[(&str, &str)]) -> RunConfig {
    let output = format!("'{}'", folder.display());
    let set = [set, &[("output", output.as_str())]].concat();
    RunConfig::from_toml(CONFIG, "tiny.toml", &set).expect("valid keys")
}

fn untrained(data: &Datasets, set: &[(&str, &str)]) -> Model {
    setup::model(&config(Path::new("unused"), set), data, &Device::flex()).expect("a model").0
}

fn train(data: &Datasets, set: &[(&str, &str)]) -> (Model, Seen) {
    train_in(TempDir::new().expect("a folder").path(), data, set)
}

fn train_in(folder: &Path, data: &Datasets, set: &[(&str, &str)]) -> (Model, Seen) {
    let newest = ("train.best_metric", "last");
    let set = if data.validation.is_none() { &[set, &[newest]].concat() } else { set };
    let (config, mut seen) = (config(folder, set), Seen::default());
    let trainer = Trainer::new(&config, data, Existing::Refuse, &mut seen).expect("data and keys fit");
    let (model, _) = trainer.train(&mut seen).expect("finite numbers");
    (model, seen)
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found} instead of {expected}");
}
