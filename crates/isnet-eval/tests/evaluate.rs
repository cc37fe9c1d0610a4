//! Predictions of a model on a data set, beside what the model says of each sample alone.

mod tiny;

use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor};
use isnet_data::{Batch, Dataset, Mask, MemoryDataset, Sample, Task};
use isnet_eval::evaluate::{Explain, evaluate, explaining_plan, probabilities};
use isnet_eval::explained::Explained;
use isnet_graph::{GraphBuilder, Mode, Params};
use isnet_lrp::{Composite, OutputSelector, Outputs, Quantity, Rule, Target, explain};
use isnet_run::Model;
use isnet_statistics::{Predictions, metrics::MasksLeftOut, metrics::scores};

use tiny::{SAMPLES, SIDE, dataset, model};

#[test]
fn each_share_is_that_of_the_log_odds_of_the_prediction_and_absent_without_a_mask() {
    let (model, data) = (model(), dataset());
    let found = evaluate(&model, &data, "test", Explain::Predicted, |_| ()).expect("predictions");
    let plan = Composite::isnet().plan(&model.graph).expect("a plan");
    let selector = OutputSelector::log_odds(Target::Highest);
    let mut counted = [0; 3];
    for index in 0..SAMPLES {
        let sample = data.sample(index).expect("in memory");
        let batch = Batch::collate(std::slice::from_ref(&sample)).expect("one sample");
        let trace = model.graph.forward(&model.params, model.images(&batch), Mode::Evaluate);
        let seeds = selector.seeds(trace.logits(), &Outputs::single_label(None), None).expect("a highest logit");
        counted[seeds.explained[0]] += 1;
        assert_eq!((found.ids[index].as_str(), found.predicted(index)), (sample.id.as_str(), seeds.explained));
        let map = explain(&model.graph, &model.params, &trace, &plan, seeds.gradient, &[]).heatmap.abs();
        let map: Vec<f64> = map.try_into_vec_as().expect("floats");
        let share = sample.mask.map(|mask| {
            let outside = map.iter().zip(&mask.values).filter(|(_, inside)| **inside == 0.0);
            outside.map(|(value, _)| value).sum::<f64>() / map.iter().sum::<f64>()
        });
        assert_eq!(found.background_share[index].is_some(), share.is_some(), "sample {index}");
        if let (Some(found), Some(expected)) = (found.background_share[index], share) {
            assert!((found - expected).abs() < 1e-4, "sample {index}: {found} instead of {expected}");
        }
    }
    assert!(counted.iter().filter(|count| **count > 0).count() > 1, "one class alone is predicted: {counted:?}");
    let plain = evaluate(&model, &data, "test", Explain::No, |_| ()).expect("predictions");
    assert!(plain.background_share.iter().all(Option::is_none));
}

/// A cohort whose healthy images have black masks says the same as one whose healthy images have none.
#[test]
fn masks_that_say_nothing_count_like_none_and_are_counted() {
    let (model, data) = (model(), dataset());
    let with_masks = |mask: &dyn Fn(&Mask) -> Option<Mask>| -> Predictions {
        let samples = (0..SAMPLES).map(|index| data.sample(index).expect("in memory"));
        let samples = samples.enumerate().map(|(index, sample)| match &sample.mask {
            Some(found) if index % 2 == 0 => Sample { mask: mask(found), ..sample },
            _ => sample,
        });
        let classes = data.classes().to_vec();
        let data: Arc<dyn Dataset> = Arc::new(MemoryDataset::new(Task::SingleLabel, classes, samples.collect()));
        evaluate(&model, &data, "test", Explain::Predicted, |_| ()).expect("predictions")
    };
    let filled = |mask: &Mask, value: f32| Some(Mask::new(mask.height, mask.width, vec![value; mask.values.len()]));
    let none = with_masks(&|_| None);
    let black = with_masks(&|mask| filled(mask, 0.0));
    let white = with_masks(&|mask| filled(mask, 1.0));
    assert_eq!(black.background_share, none.background_share);
    assert_eq!(white.background_share, none.background_share);
    let of = |predictions: &Predictions| scores(predictions).expect("scores");
    let left_out = of(&none).n - of(&none).background_share_n;
    assert!(of(&none).background_share_n > 0 && left_out > 0);
    assert_eq!(of(&none).masks_left_out, MasksLeftOut::default());
    let n = of(&black).masks_left_out.empty;
    assert!(n > 0, "the healthy have masks");
    assert_eq!(of(&black).masks_left_out, MasksLeftOut { empty: n, full: 0 });
    assert_eq!(of(&white).masks_left_out, MasksLeftOut { empty: 0, full: n });
    assert_eq!(of(&black).background_share, of(&none).background_share);
}

/// The raw logit of the predicted class may be all against it, where all logits are low.
#[test]
fn a_confident_prediction_is_explained_by_what_speaks_for_it() {
    let mut graph = GraphBuilder::new(1);
    let x = graph.input();
    let x = graph.flatten("flatten", x);
    let x = graph.dense("fc", x, SIDE * SIDE, 3);
    let graph = graph.finish(x).expect("valid");
    // Every pixel lowers every logit, that of class 0 least.
    let pixels = SIDE * SIDE;
    let params = Params::from_fn(&graph, &Device::flex(), DType::F32, |spec| match spec.shape.len() {
        2 => (0..3 * pixels).map(|index| if index < pixels { -1.0 } else { -2.0 }).collect(),
        _ => vec![0.0; spec.len()],
    });
    let odd = Model { graph, params, ..model() };
    let batch = Batch::collate(&[dataset().sample(0).expect("in memory")]).expect("one sample");
    let plan = explaining_plan(&odd).expect("a plan");
    let total = |selector, model: &Model| -> f32 {
        Explained::new(model, &plan, selector, &batch).expect("a map").map(0).iter().sum()
    };
    let logit = OutputSelector { target: Target::Highest, quantity: Quantity::Logit };
    assert!(total(logit, &odd) < 0.0);
    assert!(total(OutputSelector::log_odds(Target::Highest), &odd) > 0.0);
    // A label by itself is decided by the sign of its logit, and so is what is shown.
    let several = Model { task: Task::MultiLabel, ..odd };
    assert_eq!(total(OutputSelector::log_odds(Target::Highest), &several), total(logit, &several));
}

#[test]
fn labels_that_do_not_exclude_each_other_have_probabilities_of_their_own() {
    let logits = || Tensor::<2>::from_floats([[0.0, 1.0, -1.0]], &Device::flex());
    let several = probabilities(&Model { task: Task::MultiLabel, ..model() }, logits()).remove(0);
    let sigmoid = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    assert_near(&several, &[0.0, 1.0, -1.0].map(sigmoid));
    let total = 1.0 + 1.0_f64.exp() + (-1.0_f64).exp();
    assert_near(&probabilities(&model(), logits())[0], &[0.0, 1.0, -1.0].map(|logit: f64| logit.exp() / total));
}

#[test]
fn a_model_at_which_z_box_cannot_start_is_explained_without_it() {
    let mut graph = GraphBuilder::new(1);
    let x = graph.input();
    let x = graph.relu("relu", x);
    let x = graph.flatten("flatten", x);
    let x = graph.dense("fc", x, SIDE * SIDE, 3);
    let odd = Model { graph: graph.finish(x).expect("valid"), ..model() };
    let z_box = |model: &Model| {
        let plan = explaining_plan(model).expect("a plan");
        plan.rules().iter().any(|rule| matches!(rule, Rule::ZBox { .. }))
    };
    assert!(!z_box(&odd) && z_box(&model()));
}

fn assert_near(found: &[f64], expected: &[f64]) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} instead of {expected:?}");
}
