//! Tests of the configuration as a whole: what a person types, and what comes back.

use std::fs;

use super::*;

const PHANTOM: &str = "[data.phantom]\n";

fn read(text: &str) -> Result<RunConfig> {
    RunConfig::from_toml(text, "configs/x.toml", &[])
}

fn error(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

#[test]
fn the_smallest_configuration_learns_to_classify_first_and_has_else_the_presets_of_the_papers() {
    let config = read(PHANTOM).unwrap();
    assert_eq!((config.name.as_str(), config.seed, config.device.as_str()), ("x", 0, "cpu"));
    assert_eq!(config.output, std::env::current_dir().unwrap().join("runs/x"));
    let loss = &config.loss;
    assert_eq!((loss.heatmap_loss_weight, loss.background_weight, loss.foreground_weight), (0.5, 1.0, 3.0));
    let of = |method: &str| {
        let config = read(&format!("{PHANTOM}\n[method]\nname = '{method}'")).unwrap();
        (config.start_epoch(), config.data.augment.exchange_background, config.data.mask_margin)
    };
    assert_eq!((config.train.epochs, of("isnet"), of("grad_input")), (10, (4, 1.0, 0.05), (4, 1.0, 0.05)));
    assert_eq!(
        (of("background_exchange"), of("standard"), of("rrr")),
        ((0, 1.0, 0.05), (0, 0.0, 0.05), (0, 0.0, 0.05))
    );
    assert_eq!(loss.foreground_range, ForegroundRange::Fixed { low: 1.0, high: 25.0 });
    assert_eq!((config.method.name, config.method.selector), (MethodName::Isnet, Selector::Selective));
    assert!(config.method.z_box && config.method.epsilon == 0.01);
    assert_eq!((config.train.momentum, config.train.gradient_clip_norm), (0.9, 1.0));
    assert_eq!(config.warnings(), [""; 0]);
}

#[test]
fn a_typo_names_the_key_its_place_and_the_nearest_key() {
    let cases = [
        ("[train]\nepoch = 3", "`train.epoch` in configs/x.toml:2; did you mean `train.epochs`?"),
        ("epochs = 3", "`epochs` in configs/x.toml:1; did you mean `train.epochs`?"),
        ("\n[trian]\nepochs = 3", "`trian` in configs/x.toml:2; did you mean `train`?"),
        ("[data.augment]\nrotation = 3", "`data.augment.rotation` in configs/x.toml:2; did you mean"),
        ("[data]\nmanifst = 'x.csv'", "`data.manifst` in configs/x.toml:2; did you mean `data.manifest`?"),
        ("[data.phantoms]", "`data.phantoms` in configs/x.toml:1; did you mean `data.phantom`?"),
        ("[loss]\ngwrp_decy = 1", "did you mean `loss.gwrp_decay`?"),
        ("[train]\nbatch = 8", "`train.batch` in configs/x.toml:2; did you mean `train.batch_size`?"),
        ("train.lr = 8", "`train.lr` in configs/x.toml:1; did you mean `train.learning_rate`?"),
        ("[[model.stages]]\n[[model.stages]]\nchannel = 3", "did you mean `model.stages.channels`?"),
        ("xyzzy = 1", "unknown key `xyzzy` in configs/x.toml:1; the keys here are `name`, `seed`"),
    ];
    for (text, expected) in cases {
        let message = error(text);
        assert!(message.contains(expected), "{text}\n{message}");
    }
}

#[test]
fn a_number_outside_its_range_names_key_value_and_range() {
    let cases = [
        ("[train]\nepochs = 0", "`train.epochs` in configs/x.toml:2 is 0, outside its range (at least 1 and"),
        ("[train]\nlearning_rate = 0.0", "is 0, outside its range (above 0)"),
        ("[train]\nlearning_rate = nan", "is NaN, outside"),
        ("[train]\ngradient_clip_norm = inf", "is inf, outside"),
        ("[train]\nearly_stopping_patience = 0", "outside its range (at least 1)"),
        ("[loss]\nheatmap_loss_weight = 1.5", "outside its range (at least 0 and at most 1)"),
        ("[model]\ndropout = 1", "outside its range (at least 0 and below 1)"),
        ("[data.augment]\nscale = [0, 1]", "`data.augment.scale` in configs/x.toml:2 is 0, outside"),
    ];
    for (text, expected) in cases {
        let message = error(&format!("{text}\n{PHANTOM}"));
        assert!(message.contains(expected), "{text}\n{message}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_names_what_is_expected() {
    let cases = [
        (
            "[train]\nepochs = 'four'",
            "`train.epochs` in configs/x.toml:2 cannot be `\"four\"`: expected a whole number (at least 1 and at most 1000000)",
        ),
        ("[train]\nepochs = '4'", "(at least 1 and at most 1000000); write it without quotes"),
        ("[train]\nepochs = 4.5", "expected a whole number (at least 1 and at most 1000000); leave out the point"),
        ("[train]\nepochs = -1", "cannot be `-1`: expected a whole number"),
        ("[train]\nlearning_rate = 'x'", "expected a number (above 0)"),
        ("[train]\nnesterov = 'true'", "expected `true` or `false`; write it without quotes"),
        ("[train]\ntrainable = 'fc.'", "expected a list of texts"),
        ("[train]\noptimizer = 3", "expected one of `\"sgd\"`, `\"adamw\"`"),
        ("[data.augment]\nscale = 3", "expected two numbers, like `[0.9, 1.1]`"),
        ("[method]\nlow = 'x'", "expected a number"),
        ("name = 3", "expected text in quotes"),
        ("[loss]\nclass_weights = 3", "expected `\"none\"`, `\"balanced\"` or a list of numbers above 0"),
        ("[train]\noptimizer = 'sdg'", "did you mean `sgd`? (one of `sgd`, `adamw`)"),
        ("[train]\noptimizer = 'lion'", "choose one of `sgd`, `adamw`"),
        ("[method]\nselector = 'selectiv'", "did you mean `selective`?"),
        ("[method]\ncomposite = 'epsilon_pluss'", "did you mean `epsilon_plus`?"),
        ("[loss]\nforeground_range = [25, 1]", "`[C1, C2]` with 0 < C1 < C2"),
        ("[loss]\nforeground_range = 'calibrated'", "\"calibrate\""),
        ("[loss]\nheatmap_loss_schedule = { ramp = 3 }", "`{ ramp_epochs = 5 }`"),
        ("[loss]\nclass_weights = [1, 0]", "numbers above 0"),
        ("train = 3", "this is a section"),
        ("[model]\nstages = 3", "this is a list"),
    ];
    for (text, expected) in cases {
        let message = error(&format!("{text}\n{PHANTOM}"));
        assert!(message.contains(expected), "{text}\n{message}");
    }
}

#[test]
fn contradictions_are_refused() {
    let cases = [
        ("[data]\nvalidation_split = 'train'\n[data.phantom]", "must not look at the training split"),
        ("[data]\ntest_splits = ['train']\n[data.phantom]", "`data.test_splits` in configs/x.toml:2"),
        ("[data]\nfolds = 1\n[data.phantom]", "nothing to train on"),
        ("[data]\nfolds = 3\nfold = 3\n[data.phantom]", "from 0 to 2"),
        ("[data]\nclasses = ['a', 'b', 'c']\n[data.phantom]\n[loss]\nclass_weights = [1, 2]", "has 3 classes"),
        ("[data.phantom]\n[data.augment]\nscale = [2, 1]", "the smallest factor comes first"),
        ("[data.phantom]\n[method]\nhigh = 0", "above `method.low` = 0"),
        ("[data.phantom]\n[method]\nselector = 'dual'\ncomposite = 'epsilon_plus'", "leave it at `isnet`"),
        ("[data.phantom]\n[method]\nname = 'grad_input'\nselector = 'dual'", "its maps are by z⁺ and LRP-ε"),
        ("[data.phantom]\n[method]\nname = 'grad_input'\ncomposite = 'epsilon_plus'", "a choice of rules"),
        ("[data.phantom]\n[model]\nstages = [{}]", "`model.architecture` is `resnet18`"),
        (
            "[data.phantom]\n[model]\narchitecture = 'plain_cnn'\nstages = [{ pool = 8 }, { pool = 8 }, { pool = 8 }]",
            "128 px",
        ),
        ("[data.phantom]\n[model]\narchitecture = 'plain_cnn'\nstages = [{ kernel = 4 }]", "must be odd"),
        ("[data.phantom]\n[model.transformer]\nlayers = 2", "`model.architecture` is `resnet18`"),
        ("[data.phantom]\n[model]\narchitecture = 'plain_vit'\ntransformer = { heads = 5 }", "multiple of `model.tr"),
        ("[data.phantom]\n[model]\narchitecture = 'plain_vit'\ntransformer = { patch = 7 }", "128 × 128 px"),
        ("[data]", "names 0 sources (none)"),
        ("[data.shapes]\n[data.phantom]", "names 2 sources (`phantom`, `shapes`)"),
        ("[data.shapes]\nsize = 16", "`data.shapes.size` in configs/x.toml:2 is 16, outside its range"),
        ("[data.shapes]\ncorrelation = 1.5", "`data.shapes.correlation` in configs/x.toml:2 is 1.5, outside"),
        ("[data]\nmanifest = 'x.csv'\n[data.phantom]", "names 2 sources (`manifest`, `phantom`)"),
        ("[data.folder]\nmasks = 'x'", "`data.folder.images`"),
    ];
    for (text, expected) in cases {
        let message = error(text);
        assert!(message.contains(expected), "{text}\n{message}");
    }
}

#[test]
fn text_that_is_not_toml_is_shown_with_its_line() {
    let message = error("seed = 1\nname = ");
    assert!(message.contains("`configs/x.toml` is not valid TOML") && message.contains("line 2"), "{message}");
}

#[test]
fn an_override_lays_over_the_file_and_names_itself_in_errors() {
    let with = |key: &str, value: &str| RunConfig::from_toml(PHANTOM, "x.toml", &[(key, value)]);
    assert_eq!(with("train.epochs", "4").unwrap().train.epochs, 4);
    assert_eq!(with("seed", "9").unwrap().seed, 9);
    assert_eq!(with("name", "a run").unwrap().name, "a run");
    assert_eq!(with("method.name", "standard").unwrap().method.name, MethodName::Standard);
    assert_eq!(with("data.augment.scale", "[0.5, 2]").unwrap().data.augment.scale, [0.5, 2.0]);
    assert_eq!(with("data.phantom.size", "96").unwrap().data.source, {
        let config = read("[data.phantom]\nsize = 96").unwrap();
        config.data.source
    });
    assert_eq!(with("loss.heatmap_loss_schedule", "{ ramp_epochs = 3 }").unwrap().loss.heatmap_loss_schedule, {
        HeatmapLossSchedule::RampEpochs(3)
    });
    let message = with("train.epoch", "4").unwrap_err().to_string();
    assert_eq!(message, "unknown key `train.epoch` in `--set`; did you mean `train.epochs`?");
    let message = with("train.epochs", "0").unwrap_err().to_string();
    assert!(message.starts_with("key `train.epochs` in `--set` is 0"), "{message}");
    let twice = RunConfig::from_toml(PHANTOM, "x.toml", &[("seed", "1"), ("seed", "2")]).unwrap();
    assert_eq!(twice.seed, 2);
}

#[test]
fn a_resolved_configuration_reads_back_to_the_same() {
    let texts = [
        PHANTOM,
        "[data.folder]\nimages = 'i'\nmasks = 'm'",
        "[data]\nmanifest = 'x.csv'\nclasses = ['a', 'b']\ntest_splits = []\nbalance = 'label_source'\n\
         [loss]\nforeground_range = 'calibrate'\nclass_weights = [0.1, 1e-7]\nheatmap_loss_schedule = { ramp_epochs = 5 }\n\
         [train]\ntrainable = ['fc.', 'layer4.']\nearly_stopping_patience = 3\ncheckpoint_every_steps = 7",
        "[data.phantom]\n[model]\narchitecture = 'plain_cnn'\nweights = 'w.pth'\nstages = [{ channels = 8 }, { pool = 1 }]",
        "[data.phantom]\n[model]\narchitecture = 'plain_vit'\ntransformer = { layers = 2, mlp = 100 }",
        "[data.shapes]\ncorrelation = 0.9",
    ];
    for text in texts {
        let config = read(text).unwrap();
        let written = config.to_toml().unwrap();
        let back = RunConfig::from_toml(&written, "elsewhere/config.toml", &[]).unwrap();
        assert_eq!(back, config, "{written}");
        assert_eq!(back.to_toml().unwrap(), written);
    }
}

#[test]
fn a_resolved_configuration_holds_every_key_that_has_a_value() {
    let written = read(PHANTOM).unwrap().to_toml().unwrap();
    let table: toml::Table = written.parse().unwrap();
    for (section, fields) in SECTIONS {
        let inside = section
            .split('.')
            .filter(|part| !part.is_empty())
            .try_fold(&table, |table, part| table.get(part).and_then(toml::Value::as_table));
        let Some(inside) = inside else { continue };
        for field in fields.iter().filter(|field| !["None", ""].contains(&field.default)) {
            assert!(inside.contains_key(field.key), "`{section}.{}` is missing in\n{written}", field.key);
        }
    }
}

#[test]
fn a_path_in_a_file_starts_at_that_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    fs::write(folder.path().join("x.csv"), "").unwrap();
    let load = |name: &str| {
        fs::write(&file, format!("[data]\nmanifest = '{name}'")).unwrap();
        RunConfig::load(&file, &[])
    };
    let manifest = |name: &str| load(name).unwrap();
    assert_eq!(manifest("x.csv").data.source, DataSource::Manifest(folder.path().join("x.csv")));
    assert!(manifest("x.csv").warnings().is_empty());
    let warnings = manifest("absent.csv").warnings();
    assert!(warnings[0].contains("`data.manifest`") && warnings[0].contains("absent.csv"), "{warnings:?}");
    // The tests of a package run in its folder, where there is a `Cargo.toml`: it is not taken, and that is said.
    let message = load("Cargo.toml").unwrap_err().to_string();
    for part in ["`data.manifest`", "x.toml:2", "starts at the folder of that file", "`--set`"] {
        assert!(message.contains(part), "{message}");
    }
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    assert_eq!(manifest("Cargo.toml").data.source, DataSource::Manifest(folder.path().join("Cargo.toml")));
    let message = RunConfig::load(folder.path().join("absent.toml"), &[]).unwrap_err().to_string();
    assert!(message.contains("cannot read configuration") && message.contains("absent.toml"), "{message}");
}

#[test]
fn a_path_on_the_command_line_starts_at_the_current_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    fs::write(&file, "output = 'runs/x'\n[data]\nmanifest = 'x.csv'\n[model]\nweights = 'w.pth'").unwrap();
    let here = std::env::current_dir().unwrap();
    let config = RunConfig::load(&file, &[("data.manifest", "Cargo.toml"), ("output", "there")]).unwrap();
    assert_eq!(config.data.source, DataSource::Manifest(here.join("Cargo.toml")));
    assert_eq!(config.model.weights, Some(folder.path().join("w.pth")));
    assert_eq!(config.output, here.join("there"));
    let config = RunConfig::load_from(&file, &[("data.manifest", "y.csv")], &folder.path().join("study")).unwrap();
    assert_eq!(config.data.source, DataSource::Manifest(folder.path().join("study/y.csv")));
    assert_eq!(config.output, folder.path().join("runs/x"));
}

#[test]
fn the_decay_follows_the_size_of_the_image_and_a_far_one_is_warned_of() {
    let with = |side: usize, more: &str| {
        read(&format!("[data]\nheight = {side}\nwidth = {side}\n{PHANTOM}[loss]\n{more}")).unwrap()
    };
    assert_eq!(with(28, "").loss.gwrp_decay, 0.9);
    assert!((with(224, "").loss.gwrp_decay - 0.996).abs() < 1e-12);
    assert_eq!(with(224, "gwrp_decay = 0.996").warnings(), [""; 0]);
    let low = with(224, "gwrp_decay = 0.9").warnings();
    assert!(low[0].contains("0.9, far from 0.9960") && low[0].contains("worst pixels"), "{low:?}");
    let high = with(64, "gwrp_decay = 1.0").warnings();
    assert!(high[0].contains("the mean"), "{high:?}");
}

#[test]
fn a_plain_cnn_has_stages_without_being_told() {
    let config = read("[data.phantom]\n[model]\narchitecture = 'plain_cnn'").unwrap();
    let channels: Vec<_> = config.model.stages.iter().map(|stage| stage.channels).collect();
    assert_eq!(channels, [16, 32, 64]);
    assert!(read(PHANTOM).unwrap().model.stages.is_empty());
}

#[test]
fn every_key_is_explained() {
    for (section, field) in
        SECTIONS.iter().flat_map(|(section, fields)| fields.iter().map(move |field| (section, field)))
    {
        assert!(field.doc.len() > 15, "`{section}.{}`", field.key);
    }
    let epsilon = MethodConfig::FIELDS.iter().find(|field| field.key == "epsilon").unwrap();
    assert_eq!((epsilon.default, epsilon.range), ("0.01", "0.0..=1.0"));
}

/// No key is unknown, out of range or odd. That the data are not there is no fault of a configuration.
#[test]
fn every_configuration_of_the_repository_is_valid() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let config = RunConfig::load(&file, &[]).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let odd = config.warnings().into_iter().filter(|warning| !warning.ends_with("does not exist"));
        assert_eq!(odd.collect::<Vec<_>>(), [""; 0], "{}", file.display());
    }
}

#[test]
fn generated_data_has_the_same_sizes_in_a_configuration_as_where_it_is_generated() {
    let typed = |text: &str| RunConfig::from_toml(text, "sizes.toml", &[]).unwrap().data.source;
    let (phantom, shapes) =
        (isnet_data::phantom::PhantomConfig::default(), isnet_data::shapes::ShapesConfig::default());
    let DataSource::Phantom(found) = typed("[data.phantom]") else { panic!("phantoms") };
    assert_eq!(
        (found.size, found.train, found.val, found.test, found.seed),
        (phantom.size, phantom.train, phantom.val, phantom.test, phantom.seed)
    );
    let DataSource::Shapes(found) = typed("[data.shapes]") else { panic!("shapes") };
    assert_eq!(
        (found.size, found.train, found.val, found.test, found.correlation, found.seed),
        (shapes.size, shapes.train, shapes.val, shapes.test, shapes.correlation, shapes.seed)
    );
}

#[test]
fn an_architecture_has_the_same_stages_in_a_configuration_as_in_the_zoo() {
    for name in ["plain_cnn", "unet", "ag_sononet"] {
        let text = format!("[data.phantom]\n[model]\narchitecture = \"{name}\"\n");
        let config = RunConfig::from_toml(&text, "stages.toml", &[]);
        let Ok(config) = config else { continue }; // one that another method trains
        let zoo = isnet_models::Architecture::new(name, 3, 1);
        let sizes = |it: &Stage| (it.channels, it.convs, it.kernel, it.pool);
        let found: Vec<_> = config.model.stages.iter().map(sizes).collect();
        let expected: Vec<_> = zoo.stages.iter().map(|it| (it.channels, it.convs, it.kernel, it.pool)).collect();
        assert_eq!((found, config.model.batch_norm), (expected, zoo.batch_norm), "{name}");
    }
}
