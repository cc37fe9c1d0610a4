//! What makes a model that can be trusted: exchanged backgrounds, the choice of the epoch, when and for whom the heatmap loss counts.

use super::*;

/// Who has seen enough after the first step.
struct StopsAtOnce;

impl Watcher for StopsAtOnce {
    fn wants_to_stop(&self) -> bool {
        true
    }
}

/// A square on a background that tells the class, and how many of a class.
fn telling(count: usize, first: usize) -> Vec<Sample> {
    let look = |index: usize| {
        let mut sample = sample(index % 2, first + index, true);
        let mask = sample.mask.as_ref().expect("given").values.clone();
        let outside = |(pixel, inside): (&mut f32, &f32)| *pixel += (1.0 - inside) * 0.4 * (index % 2) as f32;
        sample.image.pixels.iter_mut().zip(&mask).for_each(outside);
        sample
    };
    (0..count).map(look).collect()
}

#[test]
fn exchanged_backgrounds_are_learned_from_in_another_way_in_every_epoch() {
    // All images in one batch, so that their order does not matter.
    const WHOLE: (&str, &str) = ("train.batch_size", "8");
    let data = datasets(telling(8, 0), vec![]);
    let set = |share| {
        [&STANDING[..], &[STANDARD, ("train.epochs", "3"), WHOLE, ("data.augment.exchange_background", share)]].concat()
    };
    let losses = |share| train(&data, &set(share)).1.epochs.iter().map(|epoch| epoch.losses.loss).collect::<Vec<_>>();
    let (kept, exchanged) = (losses("0"), losses("1"));
    assert!((kept[0] - kept[1]).abs() < 1e-6, "weights stand still: {kept:?}");
    assert!((exchanged[0] - exchanged[1]).abs() > 1e-4 && (exchanged[1] - exchanged[2]).abs() > 1e-4, "{exchanged:?}");
    let none = datasets((0..4).map(|index| sample(index % 2, index, false)).collect(), vec![]);
    let last = ("train.best_metric", "last");
    let (message, untouched) = refusal(&none, &[STANDARD, last, ("data.augment.exchange_background", "0.5")]);
    assert!(untouched && message.contains("`data.augment.exchange_background`"), "{message}");
    let method = [("method.name", "background_exchange"), ("data.augment.exchange_background", "1")];
    assert_eq!(
        train(&data, &[&STANDING[..], &method, &[("train.epochs", "3"), WHOLE]].concat()).1.epochs[2].losses.loss,
        exchanged[2]
    );
}

#[test]
fn an_epoch_is_chosen_by_images_on_other_backgrounds_and_by_relevance() {
    let data = datasets(telling(16, 0), telling(12, 20));
    let learn = [("train.epochs", "6"), ("train.learning_rate", "0.3")];
    let (model, seen) = train(&data, &learn);
    let mut best = f64::NEG_INFINITY;
    for (epoch, is_best) in seen.epochs.iter().zip(&seen.best) {
        let of = |name: &str| epoch.validation[name];
        assert_near(of("trust"), of("counterfactual_accuracy") * (1.0 - of("background_share")));
        assert_eq!(*is_best, of("trust") > best, "{:?}", seen.epochs);
        best = best.max(of("trust"));
    }
    let stated = train(&data, &[&learn[..], &[("train.best_metric", "trust")]].concat()).0;
    assert_eq!(model.to_file().weights_digest(), stated.to_file().weights_digest(), "`auto` is `trust` with masks");
    // What reads the background is right on the images as they are, and wrong on those of the other class's background.
    let standard =
        train(&data, &[&learn[..], &[STANDARD, ("train.best_metric", "counterfactual_accuracy")]].concat()).1;
    let last = &standard.epochs[5].validation;
    assert!(last["accuracy"] > 0.9 && last["counterfactual_accuracy"] < 0.5, "{last:?}");
    assert!(!last.contains_key("background_share"), "what is not asked for is not computed");
    let plain = train(&data, &[&learn[..], &[STANDARD]].concat()).1;
    assert!(!plain.epochs[0].validation.contains_key("trust"), "`auto` is `macro_f1` where masks have no say");
    let without = datasets(telling(16, 0), (0..4).map(|index| sample(index % 2, index, false)).collect());
    let seen = train(&without, &[]).1;
    assert!(
        seen.notes.iter().any(|note| note.contains("chosen by `macro_f1`, which a shortcut fools: `val` has no mask")),
        "{:?}",
        seen.notes
    );
    let (message, _) = refusal(&without, &[("train.best_metric", "trust")]);
    assert!(message.contains("no mask with foreground and background"), "{message}");
    let one_label = telling(4, 0).into_iter().step_by(2).chain([sample(1, 1, false)]).collect();
    let (message, _) = refusal(&datasets(telling(4, 0), one_label), &[("train.best_metric", "trust")]);
    assert!(message.contains("masks for images of one label only"), "{message}");
}

#[test]
fn the_heatmap_loss_of_every_third_step_has_three_times_its_weight() {
    let set = [("loss.heatmap_loss_every", "3"), ("loss.heatmap_loss_weight", "0.2"), ("train.epochs", "2")];
    let steps = train(&eight(), &set).1.steps;
    for (index, losses) in steps.iter().map(|step| &step.losses).enumerate() {
        let classification = losses.classification.expect("every step classifies");
        assert_eq!(losses.heatmap.is_some(), index % 3 == 2, "step {index}");
        let expected = 0.8 * classification + losses.heatmap.map_or(0.0, |heatmap| 3.0 * 0.2 * heatmap);
        assert!((losses.loss - expected).abs() < 1e-5, "step {index}: {} instead of {expected}", losses.loss);
    }
}

#[test]
fn what_the_gate_keeps_from_the_heatmap_loss_the_classification_gets() {
    let set =
        [("loss.heatmap_loss_gate", "better_than_guess"), ("loss.heatmap_loss_weight", "0.5"), ("train.epochs", "2")];
    for losses in train(&eight(), &set).1.steps.iter().map(|step| &step.losses) {
        let (counted, heatmap) = (losses.terms["counted"], losses.heatmap.expect("masks"));
        assert!((0.0..1.0).contains(&counted), "{losses:?}");
        let expected = losses.classification.expect("every step classifies") * (1.0 - 0.5 * counted) + 0.5 * heatmap;
        assert!((losses.loss - expected).abs() < 1e-5, "{losses:?}");
    }
}

#[test]
fn the_heatmap_loss_begins_after_two_fifths_of_the_epochs_that_a_run_was_begun_with() {
    let folder = TempDir::new().expect("a folder");
    let output = format!("'{}'", folder.path().display());
    let text = CONFIG.replace("start_epoch = 0\n", "");
    let mut heatmaps = Vec::new();
    for (epochs, existing) in [("5", Existing::Refuse), ("10", Existing::Resume)] {
        let set = [("output", output.as_str()), ("train.epochs", epochs)];
        let config = RunConfig::from_toml(&text, "tiny.toml", &set).expect("valid keys");
        let (data, mut seen) = (eight(), Seen::default());
        let trainer =
            Trainer::new(&config, &data, existing, &mut seen).expect("it begins, and goes on with more epochs");
        trainer.train(&mut seen).expect("finite numbers");
        heatmaps.extend(seen.heatmaps());
    }
    assert_eq!(heatmaps, [false, false, true, true, true, true, true, true, true, true]);
    let other = TempDir::new().expect("a folder");
    let output = format!("'{}'", other.path().display());
    let of =
        |epochs| RunConfig::from_toml(&text, "tiny.toml", &[("output", output.as_str()), ("train.epochs", epochs)]);
    let (long, short, data) = (of("20").expect("valid"), of("5").expect("valid"), eight());
    let mut stops = StopsAtOnce;
    Trainer::new(&long, &data, Existing::Refuse, &mut stops).expect("it begins").train(&mut stops).expect("it stops");
    let mut seen = Seen::default();
    Trainer::new(&short, &data, Existing::Resume, &mut seen).expect("it goes on");
    assert!(
        seen.notes.iter().any(|note| note.contains("after epoch 8") && note.contains("never count")),
        "{:?}",
        seen.notes
    );
}

#[test]
fn an_isnet_of_a_version_with_other_defaults_does_not_go_on() {
    for (name, goes_on) in [("isnet", false), ("standard", true)] {
        let folder = TempDir::new().expect("a folder");
        let method = ("method.name", name);
        train_in(folder.path(), &eight(), &[method]);
        let path = folder.path().join("checkpoints/last.safetensors");
        let mut earlier = Checkpoint::load(&path).expect("a checkpoint");
        earlier.state.as_object_mut().expect("an object").remove("start_epoch");
        earlier.save(&path).expect("it is written");
        let (config, data) = (config(folder.path(), &[method, ("train.epochs", "2")]), eight());
        let found = Trainer::new(&config, &data, Existing::Resume, &mut Seen::default()).map(drop);
        let message = found.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(message.contains("whose defaults were others"), !goes_on, "{name}: {message}");
    }
}
