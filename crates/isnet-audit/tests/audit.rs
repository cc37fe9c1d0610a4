//! Two models that one can read: one decides by the background, one by the foreground.

use burn::tensor::{DType, Device};
use isnet_audit::counterfactual::Variant;
use isnet_audit::{Answer, Audit, AuditError, Outcome, Question, Settings, audit};
use isnet_data::{Dataset, Fit, Image, Intensity, Label, Mask, MemoryDataset, Preparation, Sample, Task};
use isnet_graph::{ConvSpec, GraphBuilder, ParamRole, Params};
use isnet_run::Model;

const SIDE: usize = 16;

/// Which pixels a model decides by.
#[derive(Clone, Copy, PartialEq)]
enum Reads {
    Background,
    Foreground,
    NotANumber,
}

fn inside(place: usize) -> bool {
    let (y, x) = (place / SIDE, place % SIDE);
    (4..12).contains(&y) && (5..11).contains(&x)
}

/// Logit 1 is the mean of the pixels it reads over ½, times 40; logit 0 its negative.
fn model(reads: Reads) -> Model {
    let mut build = GraphBuilder::new(1);
    let x = build.input();
    let x = build.flatten("flatten", x);
    let x = build.dense("fc", x, SIDE * SIDE, 2);
    let graph = build.finish(x).expect("valid");
    let read = |place: usize| inside(place) == (reads == Reads::Foreground);
    let n_read = (0..SIDE * SIDE).filter(|&place| read(place)).count() as f64;
    let params = Params::from_fn(&graph, &Device::flex(), DType::F32, |spec| match spec.role {
        _ if reads == Reads::NotANumber => vec![f64::NAN; spec.len()],
        ParamRole::DenseWeight => {
            let weight = |place: usize| if read(place) { 40.0 / n_read } else { 0.0 };
            [-1.0, 1.0].iter().flat_map(|sign| (0..SIDE * SIDE).map(move |place| sign * weight(place))).collect()
        }
        _ => vec![20.0, -20.0],
    });
    Model {
        architecture: isnet_models::plain_cnn::reference(2, 1),
        graph,
        params,
        classes: classes(),
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

fn classes() -> Vec<String> {
    ["dark", "bright"].map(String::from).into()
}

/// Foreground and background are dark in class 0 and bright in class 1: both models are always right.
fn samples(n: usize) -> Vec<Sample> {
    let sample = |index: usize| {
        let class = index % 2;
        let pixel = |place: usize| [0.3, 0.7][class] + 0.01 * ((place * 7 + index * 3) % 9) as f32;
        Sample {
            image: Image::new(SIDE, SIDE, 1, (0..SIDE * SIDE).map(pixel).collect()),
            mask: Some(Mask::new(
                SIDE,
                SIDE,
                (0..SIDE * SIDE).map(|place| f32::from(u8::from(inside(place)))).collect(),
            )),
            label: Some(Label::Single(class)),
            id: format!("image {index}"),
            source: ["north", "south"][index / 2 % 2].to_owned(),
        }
    };
    (0..n).map(sample).collect()
}

fn data(samples: Vec<Sample>) -> MemoryDataset {
    MemoryDataset::new(Task::SingleLabel, classes(), samples)
}

fn audited(reads: Reads, samples: Vec<Sample>) -> Audit {
    audit(&model(reads), &data(samples), &Settings::default(), &mut |_| ()).expect("an audit")
}

fn outcomes(found: &Audit, question: Question) -> Vec<Outcome> {
    let verdicts = found.verdicts.iter().filter(|verdict| verdict.question == question);
    verdicts.map(|verdict| verdict.outcome).collect()
}

fn value(estimate: Option<isnet_audit::Estimate>) -> f64 {
    estimate.expect("a figure").value
}

#[test]
fn a_model_that_reads_the_background_is_condemned_and_one_that_does_not_is_cleared() {
    let (background, foreground) = (audited(Reads::Background, samples(40)), audited(Reads::Foreground, samples(40)));
    for question in [Question::Relevance, Question::Counterfactual] {
        assert_eq!(outcomes(&background, question), [Outcome::Failed], "{question:?}");
        assert_eq!(outcomes(&foreground, question), [Outcome::Passed], "{question:?}");
    }
    assert_eq!(outcomes(&foreground, Question::Marks), [Outcome::Passed]);
    assert!(!background.passes() && foreground.passes(), "{:#?}", foreground.verdicts);
    let share = |found: &Audit| value(found.relevance.as_ref().unwrap().found().unwrap().rows[0].background_share);
    assert!((share(&background) - 1.0).abs() < 1e-9 && share(&foreground) < 1e-9);
    let gap = |found: &Audit| value(found.counterfactual.as_ref().unwrap().found().unwrap().bg_gap);
    assert_eq!((gap(&background), gap(&foreground)), (1.0, 0.0));
}

#[test]
fn every_background_does_what_it_must() {
    let (background, foreground) = (audited(Reads::Background, samples(40)), audited(Reads::Foreground, samples(40)));
    let row = |found: &Audit, variant| {
        let found = found.counterfactual.as_ref().unwrap().found().unwrap().clone();
        let row = found.rows.into_iter().find(|row| row.variant == variant).unwrap();
        (value(row.accuracy), row.flips.map_or(0.0, |flips| flips.value))
    };
    // (accuracy, flips) of the model that reads the background, and of the one that reads the foreground.
    for (variant, of_background, of_foreground) in [
        (Variant::Original, (1.0, 0.0), (1.0, 0.0)),
        (Variant::MixedSame, (1.0, 0.0), (1.0, 0.0)),
        (Variant::MixedRand, (0.0, 1.0), (1.0, 0.0)),
        (Variant::Blur, (1.0, 0.0), (1.0, 0.0)),
        (Variant::OnlyForeground, (0.5, 0.5), (1.0, 0.0)),
        (Variant::MaskedForeground, (1.0, 0.0), (0.5, 0.5)),
        (Variant::OnlyBackgroundTiled, (1.0, 0.0), (1.0, 0.0)), // the tiles have the brightness of the class
        (Variant::OnlyBackgroundBlack, (1.0, 0.0), (0.5, 0.5)),
    ] {
        assert_eq!(row(&background, variant), of_background, "{variant:?}");
        assert_eq!(row(&foreground, variant), of_foreground, "{variant:?}");
    }
    let (_, flips) = row(&background, Variant::MeanColour);
    assert_eq!(flips, 0.5, "one colour for all has one answer");
}

#[test]
fn sources_and_classes_have_rows_of_their_own() {
    let found = audited(Reads::Background, samples(12));
    let rows = found.relevance.unwrap().found().unwrap().rows.clone();
    let names: Vec<(Option<&str>, Option<&str>)> =
        rows.iter().map(|row| (row.class.as_deref(), row.source.as_deref())).collect();
    assert_eq!(names.len(), 1 + 2 + 2 + 4);
    assert!(names.contains(&(Some("bright"), Some("south"))) && names.contains(&(None, Some("north"))));
    assert_eq!(rows.iter().map(|row| row.background_share.unwrap().n).collect::<Vec<_>>()[..5], [12, 6, 6, 6, 6]);
}

#[test]
fn without_masks_the_heatmaps_can_still_be_judged() {
    let mut samples = samples(12);
    samples.iter_mut().for_each(|sample| sample.mask = None);
    let found = audited(Reads::Foreground, samples);
    for question in [Question::Relevance, Question::Counterfactual, Question::Marks, Question::Readability] {
        assert!(outcomes(&found, question).iter().all(|outcome| *outcome == Outcome::NotAnswerable), "{question:?}");
    }
    let reason = found.verdicts[0].reason.clone().unwrap();
    assert!(reason.contains("no image has a mask") && reason.contains("--mask-column"), "{reason}");
    assert!(!outcomes(&found, Question::Faithfulness).contains(&Outcome::NotAnswerable));
    assert!(found.passes() || outcomes(&found, Question::Faithfulness).contains(&Outcome::Failed));
}

#[test]
fn masks_that_are_empty_or_cover_everything_are_left_out_and_counted() {
    let mut some = samples(12);
    some[0].mask = Some(Mask::new(SIDE, SIDE, vec![0.0; SIDE * SIDE]));
    some[1].mask = Some(Mask::new(SIDE, SIDE, vec![1.0; SIDE * SIDE]));
    some[2].mask = None;
    let found = audited(Reads::Background, some.clone());
    let notes = found.verdicts[0].notes.join(" ");
    for word in ["1 without a mask", "1 with an empty mask", "1 with a mask that covers everything"] {
        assert!(notes.contains(word), "{notes}");
    }
    assert_eq!(found.counterfactual.unwrap().found().unwrap().n, 9);
    some.iter_mut().for_each(|sample| sample.mask = Some(Mask::new(SIDE, SIDE, vec![0.0; SIDE * SIDE])));
    let none = audited(Reads::Background, some);
    let reason = none.verdicts[0].reason.clone().unwrap();
    assert!(reason.contains("every mask is empty"), "{reason}");
}

#[test]
fn masks_that_say_nothing_are_as_if_there_were_none() {
    let settings = Settings { resamples: 100, ..Settings::default() };
    let with = |empty: Option<Mask>, full: Option<Mask>| {
        let mut some = samples(20);
        (some[0].mask, some[1].mask) = (empty, full);
        let found = audit(&model(Reads::Background), &data(some), &settings, &mut |_| ()).expect("an audit");
        serde_json::to_value((found.counterfactual, found.marks, found.readability, found.faithfulness)).unwrap()
    };
    let mask = |value: f32| Some(Mask::new(SIDE, SIDE, vec![value; SIDE * SIDE]));
    let (mut said_nothing, none) = (with(mask(0.0), mask(1.0)), with(None, None));
    assert_eq!(said_nothing[2]["found"]["left_out"].take(), 2, "readability counts them among those it drew");
    said_nothing[2]["found"]["left_out"] = 0.into();
    assert_eq!(said_nothing, none);
}

#[test]
fn every_question_says_how_many_masks_were_left_out() {
    let mut some = samples(20);
    some[0].mask = Some(Mask::new(SIDE, SIDE, vec![0.0; SIDE * SIDE]));
    let found = audited(Reads::Background, some);
    for question in [Question::Relevance, Question::Counterfactual, Question::Marks, Question::Readability] {
        let verdict = found.verdicts.iter().find(|verdict| verdict.question == question).unwrap();
        assert!(verdict.notes.join(" ").contains("left out: 1 with"), "{verdict:?}");
    }
}

#[test]
fn one_image_is_answered_as_far_as_it_goes() {
    let found = audited(Reads::Background, samples(1));
    assert_eq!(outcomes(&found, Question::Relevance), [Outcome::Undecided]);
    assert_eq!(found.verdicts[0].value.unwrap().interval, None);
    assert_eq!(outcomes(&found, Question::Counterfactual), [Outcome::NotAnswerable]);
    assert_eq!(outcomes(&found, Question::Readability), [Outcome::NotAnswerable; 2]);
}

#[test]
fn one_source_and_one_class_are_said() {
    let mut samples = samples(12);
    samples.iter_mut().for_each(|sample| {
        sample.source = "north".to_owned();
        sample.label = Some(Label::Single(0));
    });
    let found = audited(Reads::Foreground, samples);
    let reasons: Vec<String> = found.verdicts.iter().filter_map(|verdict| verdict.reason.clone()).collect();
    for words in ["a background of its own class and one of another", "one class", "one source"] {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "`{words}` is not in {reasons:?}");
    }
}

#[test]
fn images_without_labels_are_asked_for_flips_alone() {
    let mut samples = samples(12);
    samples.iter_mut().for_each(|sample| sample.label = None);
    let found = audited(Reads::Background, samples);
    let Some(Answer::Found(counterfactual)) = found.counterfactual else { panic!("no answer") };
    assert!(counterfactual.rows[1].accuracy.is_none() && counterfactual.rows[1].flips.is_some());
    assert!(found.verdicts[1].reason.as_ref().unwrap().contains("no image has a label"), "{:?}", found.verdicts[1]);
}

#[test]
fn what_is_no_number_is_named_and_classes_must_be_the_models() {
    let ask = |model: &Model, data: &dyn Dataset, question| {
        let settings = Settings { questions: vec![question], ..Settings::default() };
        audit(model, data, &settings, &mut |_| ()).unwrap_err()
    };
    let data = data(samples(4));
    for (question, what) in [(Question::Counterfactual, "the prediction"), (Question::Relevance, "the relevance")] {
        let error = ask(&model(Reads::NotANumber), &data, question).to_string();
        assert!(error.contains(what) && error.contains("`image 0`"), "{error}");
    }
    let other = MemoryDataset::new(Task::SingleLabel, ["dark", "light"].map(String::from).into(), samples(4));
    let error = ask(&model(Reads::Foreground), &other, Question::Relevance);
    assert!(matches!(error, AuditError::Classes { .. }) && error.to_string().contains("`light`"), "{error}");
    let none = MemoryDataset::new(Task::SingleLabel, classes(), Vec::new());
    assert!(matches!(ask(&model(Reads::Foreground), &none, Question::Relevance), AuditError::Empty));
    let small = Model {
        preparation: Preparation { height: 8, ..model(Reads::Foreground).preparation },
        ..model(Reads::Foreground)
    };
    assert!(matches!(ask(&small, &data, Question::Marks), AuditError::Shape { .. }));
}

#[test]
fn the_same_seed_gives_the_same_audit_and_threads_do_not_matter() {
    let run = |n_threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let settings = Settings { seed, resamples: 100, ..Settings::default() };
        let data = data(samples(20));
        pool.install(|| audit(&model(Reads::Background), &data, &settings, &mut |_| ()).expect("an audit"))
    };
    let text = |audit: &Audit| serde_json::to_string(audit).unwrap();
    assert_eq!(text(&run(1, 3)), text(&run(3, 3)));
    assert_ne!(text(&run(1, 3)), text(&run(1, 4)));
}

/// Images of which each belongs to a patient.
struct OfPatients(MemoryDataset, Vec<&'static str>);

impl Dataset for OfPatients {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn task(&self) -> Task {
        self.0.task()
    }
    fn classes(&self) -> &[String] {
        self.0.classes()
    }
    fn sample(&self, index: usize) -> isnet_data::Result<Sample> {
        self.0.sample(index)
    }
    fn label(&self, index: usize) -> Option<&Label> {
        self.0.label(index)
    }
    fn has_mask(&self, index: usize) -> bool {
        self.0.has_mask(index)
    }
    fn source(&self, index: usize) -> &str {
        self.0.source(index)
    }
    fn group(&self, index: usize) -> &str {
        self.1[index]
    }
    fn id(&self, index: usize) -> String {
        self.0.id(index)
    }
}

#[test]
fn donors_of_the_same_group_are_not_taken() {
    let settings = Settings { questions: vec![Question::Counterfactual], ..Settings::default() };
    let data = OfPatients(data(samples(4)), vec!["ada", "bob", "ada", "bob"]);
    let found = audit(&model(Reads::Background), &data, &settings, &mut |_| ()).unwrap();
    // Every class is one patient: nobody else has the class.
    assert_eq!(found.verdicts[0].outcome, Outcome::NotAnswerable);
    assert!(found.grouped);
    let rows = &found.counterfactual.as_ref().unwrap().found().unwrap().rows;
    assert!(rows.iter().any(|row| row.variant == Variant::MixedRand && row.accuracy.is_some()));
    assert!(rows.iter().any(|row| row.variant == Variant::MixedSame && row.accuracy.is_none()));
}

#[test]
fn heatmaps_of_a_model_that_can_be_read_are_faithful() {
    // Bright on dark: what is filled from its surroundings is dark.
    let mut bright: Vec<Sample> = samples(40).into_iter().filter(|s| s.label == Some(Label::Single(1))).collect();
    for pixels in bright.iter_mut().map(|sample| &mut sample.image.pixels) {
        pixels.iter_mut().enumerate().filter(|(place, _)| !inside(*place)).for_each(|(_, value)| *value -= 0.4);
    }
    let found = audited(Reads::Foreground, bright);
    let faithfulness = found.faithfulness.unwrap().found().unwrap().clone();
    let [most, random, least] = &faithfulness.curves[..] else { panic!("three orders") };
    assert_eq!(most.probability[0], random.probability[0]);
    assert_eq!(most.probability.last(), least.probability.last());
    let middle = |curve: &isnet_audit::faithfulness::Curve| value(curve.probability[3]);
    assert!(middle(most) <= middle(random) && middle(random) <= middle(least), "{most:?} {random:?} {least:?}");
    assert!(value(faithfulness.symmetric_gain) > 0.05, "{:?}", faithfulness.symmetric_gain);
    let sum = value(faithfulness.deletion_gain) + value(faithfulness.insertion_gain);
    assert!((sum - value(faithfulness.symmetric_gain)).abs() < 1e-9);
    let randomised = faithfulness.randomised.last().unwrap();
    assert!(value(randomised.correlation) < 0.4, "{randomised:?}");
}

/// A network of one filter and a head of one feature on it; the seed is that of the audit.
fn of_one_feature() -> Model {
    let mut build = GraphBuilder::new(1);
    let x = build.input();
    let x = build.conv("conv", x, ConvSpec::square(1, 1, 3).padded(1));
    let x = build.relu("relu", x);
    let x = build.adaptive_average_pool("pool", x, [1, 1]);
    let x = build.flatten("flatten", x);
    let x = build.dense("fc", x, 1, 2);
    let graph = build.finish(x).expect("valid");
    let params = Params::from_fn(&graph, &Device::flex(), DType::F32, |spec| match spec.role {
        ParamRole::ConvWeight => vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        ParamRole::DenseWeight => vec![-9.0, 9.0],
        _ => vec![4.5, -4.5],
    });
    Model { graph, params, ..model(Reads::Background) }
}

#[test]
fn a_head_that_only_scales_leaves_the_randomisation_undecided() {
    let settings = Settings { questions: vec![Question::Faithfulness], ..Settings::default() };
    let found = audit(&of_one_feature(), &data(samples(12)), &settings, &mut |_| ()).expect("an audit");
    let head = &found.faithfulness.as_ref().unwrap().found().unwrap().randomised[0];
    assert!(value(head.correlation) > 0.999 && head.answers.unwrap() > 0.999, "{head:?}");
    let verdict = &found.verdicts[1];
    assert_eq!(verdict.outcome, Outcome::Undecided, "{verdict:?}");
    assert!(verdict.notes.iter().any(|note| note.contains("so do the answers, up to a scale")), "{verdict:?}");
}

#[test]
fn a_model_is_not_compared_with_the_weights_that_its_training_started_from() {
    for seed in [0, 7] {
        let untrained =
            |model: Model| Model { params: Params::initialize(&model.graph, seed, &Device::flex()), ..model };
        let settings = Settings { questions: vec![Question::Faithfulness], seed, ..Settings::default() };
        let model = untrained(model(Reads::Background));
        let found = audit(&model, &data(samples(12)), &settings, &mut |_| ()).expect("an audit");
        let all = found.faithfulness.unwrap().found().unwrap().randomised.last().unwrap().clone();
        assert!(value(all.correlation) < 0.9, "{all:?}");
    }
}
