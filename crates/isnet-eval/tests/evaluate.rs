//! Predictions of a model on a data set, beside what the model says of each sample alone.

mod tiny;

use burn::tensor::{Device, Tensor};
use isnet_data::{Batch, Task};
use isnet_eval::evaluate::{Explain, evaluate, explaining_plan, probabilities};
use isnet_graph::{GraphBuilder, Mode};
use isnet_lrp::{Composite, OutputSelector, Outputs, Quantity, Rule, Target, explain};
use isnet_run::Model;

use tiny::{SAMPLES, SIDE, dataset, model};

#[test]
fn each_share_is_that_of_the_predicted_logit_and_absent_without_a_mask() {
    let (model, data) = (model(), dataset());
    let found = evaluate(&model, &data, "test", Explain::Predicted, |_| ()).expect("predictions");
    let plan = Composite::isnet().plan(&model.graph).expect("a plan");
    let selector = OutputSelector { target: Target::Highest, quantity: Quantity::Logit };
    let mut counted = [0; 3];
    for index in 0..SAMPLES {
        let sample = data.sample(index).expect("in memory");
        let batch = Batch::collate(std::slice::from_ref(&sample)).expect("one sample");
        let trace = model.graph.forward(&model.params, model.images(&batch), Mode::Evaluate);
        let seeds = selector.seeds(trace.logits(), &Outputs::single_label(None), None).expect("a highest logit");
        counted[seeds.explained[0]] += 1;
        assert_eq!((found.ids[index].as_str(), found.predicted(index)), (sample.id.as_str(), seeds.explained));
        let map = explain(&model.graph, &model.params, &trace, &plan, seeds.gradient, &[]).heatmap.abs();
        let map: Vec<f32> = map.try_into_vec_as().expect("floats");
        let share = sample.mask.map(|mask| {
            let outside = map.iter().zip(&mask.values).filter(|(_, inside)| **inside == 0.0);
            outside.map(|(value, _)| value).sum::<f32>() / map.iter().sum::<f32>()
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

#[test]
fn labels_that_do_not_exclude_each_other_have_probabilities_of_their_own() {
    let logits = || Tensor::<2>::from_floats([[0.0, 1.0, -1.0]], &Device::flex());
    let several = probabilities(&Model { task: Task::MultiLabel, ..model() }, logits()).remove(0);
    let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
    assert_near(&several, &[0.0, 1.0, -1.0].map(sigmoid));
    let total = 1.0 + 1.0_f32.exp() + (-1.0_f32).exp();
    assert_near(&probabilities(&model(), logits())[0], &[0.0, 1.0, -1.0].map(|logit: f32| logit.exp() / total));
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

fn assert_near(found: &[f32], expected: &[f32]) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} instead of {expected:?}");
}
