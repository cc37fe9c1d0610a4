//! What the keys of a configuration make of model and objective.

use std::sync::Arc;

use burn::tensor::Device;
use isnet_data::{Dataset, Fit, Image, Intensity, Label, MemoryDataset, Preparation, Sample, Task};
use isnet_graph::{GraphBuilder, Op};
use isnet_loss::background::BackgroundTerm;
use isnet_loss::{ForegroundForm, ForegroundRange, HeatmapLoss};
use isnet_lrp::{LayerRule, OutputSelector, Quantity, Rule, Target};
use isnet_run::config::CompositeName;
use isnet_run::{Datasets, Model, RunConfig};
use isnet_train::{HeatmapObjective, Method, Objective, TrainError, setup};

const CONFIG: &str = r#"
[data]
height = 8
width = 8
channels = 1

[data.phantom]

[model]
architecture = "plain_cnn"
stages = [{ channels = 4 }]
"#;

#[test]
fn each_selector_explains_what_its_name_says() {
    let logit = |target| OutputSelector { target, quantity: Quantity::Logit };
    for (name, expected) in [
        ("selective", OutputSelector { target: Target::Lowest, quantity: Quantity::Eta { epsilon: 0.25 } }),
        ("stochastic", logit(Target::Stochastic)),
        ("all_classes", logit(Target::AllClasses)),
        ("label", logit(Target::Label)),
        ("dual", logit(Target::Together)),
    ] {
        let set = [("method.selector", name), ("method.selective_epsilon", "0.25")];
        assert_eq!(heatmap(&set).selector, expected, "{name}");
    }
}

#[test]
fn each_method_has_its_rules() {
    let (first, relu) = (Rule::ZBox { low: -0.5, high: 2.0, epsilon: 0.125 }, Rule::Epsilon { epsilon: 0.125 });
    let isnet = [("method.epsilon", "0.125"), ("method.low", "-0.5"), ("method.high", "2.0")];
    let linear = [&isnet[..], &[("method.z_box", "false")]].concat();
    let grad_input = [&isnet[..], &[("method.name", "grad_input")]].concat();
    let without = Rule::Epsilon { epsilon: 0.0 };
    for (set, first, relu) in
        [(&isnet[..], first, relu), (&linear, Rule::Transpose, relu), (&grad_input, Rule::Transpose, without)]
    {
        let (model, objective) = made(&single(&[0, 1]), set);
        let plan = objective.method.heatmap().expect("a heatmap loss").plan.clone();
        let rules = |wanted: fn(&Op) -> bool| -> Vec<Rule> {
            let nodes = model.graph.nodes().zip(plan.rules());
            nodes.filter(|((_, node), _)| wanted(&node.op)).map(|(_, rule)| *rule).collect()
        };
        assert_eq!(rules(|op| matches!(op, Op::Relu)), [relu], "{set:?}");
        // z^B has folded the batch norm after the first layer, and stands at its end.
        assert_eq!(rules(|op| matches!(op, Op::BatchNorm(_))), [first], "{set:?}");
    }
    assert!(matches!(made(&single(&[0, 1]), &[("method.name", "standard")]).1.method, Method::Standard));
}

#[test]
fn each_composite_of_the_configuration_is_known_by_its_name() {
    for name in CompositeName::WORDS {
        let relu = if *name == "isnet" { Rule::Epsilon { epsilon: 0.01 } } else { Rule::Pass };
        let (model, objective) = made(&single(&[0, 1]), &[("method.composite", name)]);
        let plan = objective.method.heatmap().expect("a heatmap loss").plan.clone();
        let mut relus = model.graph.nodes().zip(plan.rules()).filter(|((_, node), _)| node.op == Op::Relu);
        assert!(relus.all(|(_, rule)| *rule == relu), "{name}");
    }
}

#[test]
fn the_dual_isnet_has_two_maps_with_the_rule_at_the_image_of_the_configuration() {
    let set = [("method.selector", "dual"), ("method.epsilon", "0.125"), ("method.high", "2.0")];
    let (model, objective) = made(&single(&[0, 1]), &set);
    let plan = objective.method.heatmap().expect("a heatmap loss").plan.clone();
    let rules = |pass: usize, wanted: fn(&Op) -> bool| {
        let mut nodes = model.graph.nodes().zip(plan.passes()[pass].rules());
        nodes.find(|((_, node), _)| wanted(&node.op)).map(|(_, rule)| *rule)
    };
    let first = Some(Rule::ZBox { low: 0.0, high: 2.0, epsilon: 0.125 });
    let norms = [0, 1].map(|pass| rules(pass, |op| matches!(op, Op::BatchNorm(_))));
    assert_eq!(norms, [first, first]);
    let relus = [0, 1].map(|pass| rules(pass, |op| *op == Op::Relu));
    assert_eq!(relus, [Some(Rule::Pass), Some(Rule::Epsilon { epsilon: 0.125 })]);
    let head = Some(Rule::Layer { rule: LayerRule::ZPlus, stabilizer: 0.125 });
    assert_eq!(rules(0, |op| matches!(op, Op::Dense(_))), head);
}

#[test]
fn the_heatmap_loss_has_the_values_of_the_configuration() {
    let set = [
        ("loss.background_weight", "0.5"),
        ("loss.foreground_weight", "0.25"),
        ("loss.background_saturation", "2.0"),
        ("loss.gwrp_decay", "0.75"),
        ("loss.foreground_range", "[3.0, 7.0]"),
        ("loss.foreground_form", "hybrid"),
    ];
    let expected = HeatmapLoss {
        background_weight: 0.5,
        foreground_weight: 0.25,
        background: BackgroundTerm { saturation: 2.0, gwrp_decay: 0.75 },
        foreground_range: ForegroundRange { min: 3.0, max: 7.0 },
        foreground_form: ForegroundForm::Hybrid,
    };
    assert_eq!(heatmap(&set).loss, expected);
    assert_eq!(heatmap(&[("loss.foreground_form", "l2")]).loss.foreground_form, ForegroundForm::L2);
}

#[test]
fn deep_supervision_has_its_decay_and_needs_supervised_nodes() {
    let on = ("method.deep_supervision", "true");
    let resnet = [("model.architecture", "resnet18"), ("model.stages", "[]"), ("loss.lds_decay", "0.5")];
    let off = ("method.deep_supervision", "false");
    assert_eq!(heatmap(&[&resnet[..], &[off]].concat()).lds_decay, None);
    assert_eq!(heatmap(&resnet).lds_decay, Some(0.5), "where there are supervised nodes");
    assert_eq!(heatmap(&[&resnet[..], &[on]].concat()).lds_decay, Some(0.5));
    let (config, data) = (config(&[on]), single(&[0, 1]));
    let mut build = GraphBuilder::new(1);
    let image = build.input();
    let pixels = build.flatten("flatten", image);
    let logits = build.dense("fc", pixels, 64, 2);
    let graph = build.finish(logits).expect("a graph");
    let by_itself = self::config(&[]);
    let found = setup::objective(&by_itself, &graph, &data, setup::initial_range(&by_itself)).expect("an objective");
    assert!(found.method.heatmap().is_some_and(|heatmap| heatmap.lds_decay.is_none()), "where there are none");
    let error = setup::objective(&config, &graph, &data, setup::initial_range(&config)).expect_err("refused");
    assert!(matches!(error, TrainError::NothingSupervised { .. }), "{error}");
}

#[test]
fn balanced_weights_are_inverse_to_frequencies_with_mean_one_or_negatives_over_positives() {
    let weights = |data: &Datasets, set| made(data, &[("loss.class_weights", set)]).1.classification.class_weights;
    let three_to_one = single(&[0, 0, 1, 0]);
    assert_eq!(weights(&three_to_one, "balanced"), Some(vec![0.5, 1.5])); // 4/3 and 4, over their mean 8/3
    assert_eq!(weights(&three_to_one, "[2.0, 0.5]"), Some(vec![2.0, 0.5]));
    assert_eq!(weights(&three_to_one, "none"), None);
    let labels = [vec![0], vec![0, 1], vec![0], vec![]].map(Label::Multi);
    assert_eq!(weights(&data(Task::MultiLabel, labels.into()), "balanced"), Some(vec![1.0 / 3.0, 3.0]));
}

#[test]
fn masks_are_wanted_where_the_heatmap_loss_counts() {
    let check = |set: &[(&str, &str)]| setup::check_masks(&config(set), &single(&[0, 1]));
    assert!(matches!(check(&[]), Err(TrainError::NoMasks { .. })));
    assert!(check(&[("method.name", "standard")]).is_ok());
    let none = [("loss.heatmap_loss_weight", "0"), ("data.augment.exchange_background", "0")];
    assert!(check(&none).is_ok() && check(&none[..1]).is_err());
}

#[test]
fn the_model_has_the_dropout_and_the_first_weights_that_its_seed_draws() {
    let model = |set: &[(&str, &str)]| made(&single(&[0, 1]), set).0;
    let digest = |seed| model(&[("seed", seed)]).to_file().weights_digest();
    assert_eq!(digest("1"), digest("1"));
    assert_ne!(digest("1"), digest("2"));
    assert_eq!(model(&[("model.dropout", "0.375")]).architecture.dropout, 0.375);
}

fn heatmap(set: &[(&str, &str)]) -> HeatmapObjective {
    made(&single(&[0, 1]), set).1.method.heatmap().expect("a heatmap loss").clone()
}

fn made(data: &Datasets, set: &[(&str, &str)]) -> (Model, Objective) {
    let config = config(set);
    let (model, _) = setup::model(&config, data, &Device::flex()).expect("a model");
    let range = setup::initial_range(&config);
    let objective = setup::objective(&config, &model.graph, data, range).expect("an objective");
    (model, objective)
}

fn config(set: &[(&str, &str)]) -> RunConfig {
    RunConfig::from_toml(CONFIG, "setup.toml", set).expect("valid keys")
}

fn single(classes: &[usize]) -> Datasets {
    data(Task::SingleLabel, classes.iter().copied().map(Label::Single).collect())
}

/// Black images with these labels, without masks.
fn data(task: Task, labels: Vec<Label>) -> Datasets {
    let classes: Vec<String> = ["a", "b"].map(String::from).into();
    let image = || Image::new(8, 8, 1, vec![0.0; 64]);
    let sample = |label| Sample { image: image(), mask: None, label: Some(label), id: "x".into(), source: "".into() };
    let samples: Vec<Sample> = labels.into_iter().map(sample).collect();
    let train: Arc<dyn Dataset> = Arc::new(MemoryDataset::new(task, classes.clone(), samples));
    let preparation = Preparation { height: 8, width: 8, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
    Datasets { classes, task, preparation, train, validation: None, tests: Vec::new(), notes: Vec::new() }
}
