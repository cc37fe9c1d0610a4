//! The document about an evaluation: what is in it, and what its pictures show.

mod tiny;

use std::sync::Arc;

use isnet_data::Dataset;
use isnet_eval::EvalError;
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::evaluation::Evaluation;
use isnet_eval::explained::photo;
use isnet_eval::report::{
    EvaluationReport, Pictures, chosen, epochs, evaluation_document, figure_section, gallery_section, score_section,
    summary_section, training_section,
};
use isnet_picture::{encode_png, magnify, outline};
use isnet_report::{Block, Document, Gallery, Section};
use isnet_run::{EpochRecord, Existing, Losses, Model, RunConfig, RunDir, RunLog, Versions};
use isnet_statistics::{Predictions, Task};
use isnet_statistics::{Settings, figures, summary};
use tiny::{SAMPLES, SIDE, dataset, model};

type Datasets = Vec<(String, Arc<dyn Dataset>)>;

fn quick() -> Settings {
    Settings { resamples: 50, posterior_draws: 200, ..Settings::default() }
}

fn evaluated() -> (Model, Datasets, Predictions) {
    let (model, datasets) = (model(), vec![("test".to_owned(), dataset()), ("deceiving".to_owned(), dataset())]);
    let mut all = Predictions::new(model.classes.clone(), Task::Single);
    for (split, data) in &datasets {
        all.append(evaluate(&model, data, split, Explain::Predicted, |_| ()).expect("predictions"));
    }
    (model, datasets, all)
}

fn galleries(section: &Section) -> Vec<&Gallery> {
    let blocks = section.blocks.iter();
    blocks.filter_map(|block| if let Block::Gallery(gallery) = block { Some(gallery) } else { None }).collect()
}

#[test]
fn a_document_has_every_section_and_renders() {
    let (model, datasets, predictions) = evaluated();
    let settings = quick();
    let document = evaluation_document(&EvaluationReport {
        name: "runs/<my>",
        predictions: &predictions,
        found: &Evaluation::of(&mut predictions.clone(), None, &settings).expect("scores"),
        settings: &settings,
        scaling: None,
        epochs: &[EpochRecord::default()],
        pictures: Some(Pictures { model: &model, datasets: &datasets, most: 3 }),
        config: "seed = 0",
        command: "isnet evaluate 'runs/<my>'",
        versions: &Versions::current("cpu", 1),
    })
    .expect("a document");
    let titles: Vec<&str> = document.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, ["Summary", "Scores", "Curves and confusion", "Training", "Pictures", "How to repeat it"]);
    let page = document.to_html();
    assert!(page.contains("runs/&lt;my&gt;") && !page.contains("runs/<my>"));
    let markdown = document.to_markdown("files");
    let pictures = markdown.files.iter().filter(|(name, _)| name.ends_with(".png")).count();
    let items: usize = galleries(&document.sections[4]).iter().map(|gallery| gallery.items.len()).sum();
    assert_eq!(pictures, 3 * items); // image, overlay, map
}

#[test]
fn the_choices_keep_their_rules() {
    let (.., predictions) = evaluated();
    let choices = chosen(&predictions, 4);
    let right = |sample: usize| predictions.labels[sample] == predictions.predicted(sample);
    let confidence = |sample: usize| predictions.probabilities[sample].iter().copied().fold(0.0, f64::max);
    let choice = |title: &str| choices.iter().find(|choice| choice.title.starts_with(title)).expect("a choice");
    for (title, is_right) in [("Right", true), ("Wrong", false)] {
        let samples = &choice(title).samples;
        assert!(samples.len() == 4 && samples.iter().all(|&sample| right(sample) == is_right));
        let others = (0..predictions.len()).filter(|sample| right(*sample) == is_right && !samples.contains(sample));
        let least = samples.iter().map(|&sample| confidence(sample)).fold(1.0, f64::min);
        assert!(others.map(confidence).all(|other| other <= least), "{title}");
    }
    let background = &choice("Most relevance").samples;
    let share = |sample: &usize| predictions.background_share[*sample];
    assert!(background.is_sorted_by(|a, b| share(a) >= share(b)) && background.iter().all(|it| share(it).is_some()));
    let sources: Vec<&str> = choice("One of").samples.iter().map(|&it| predictions.sources[it].as_str()).collect();
    assert_eq!(sources, ["leeds", "quebec"]);
    assert_eq!(chosen(&predictions, 4), choices);
}

#[test]
fn several_labels_are_right_only_together_and_as_sure_as_the_least_sure_one() {
    let mut predictions = Predictions::new(["a", "b"], Task::Multi);
    predictions.push("both", "", "test", &[1, 0], &[0.9, 0.6]); // 0.6 sure
    predictions.push("none", "", "test", &[], &[0.2, 0.3]); // 0.7 sure
    predictions.push("half", "", "test", &[0], &[0.9, 0.9]);
    let choices = chosen(&predictions, 5);
    assert_eq!((&choices[0].samples, &choices[1].samples), (&vec![1, 0], &vec![2]));
    // The least sure decision of `half` lies at 0.9, so that the median of 0.9, 0.7, 0.6 is `none`.
    assert_eq!(choices[2].samples, [1]);
    predictions.thresholds = vec![0.5, 0.95];
    assert_eq!(chosen(&predictions, 5)[0].samples, [1, 2]); // `half` says a alone now, and is 0.1 sure of it
}

#[test]
fn a_picture_is_that_of_its_sample_with_the_edge_of_its_mask() {
    let (model, datasets, predictions) = evaluated();
    let pictures = Pictures { model: &model, datasets: &datasets, most: SAMPLES };
    let section = gallery_section(&pictures, &predictions).expect("galleries");
    let items = galleries(&section).into_iter().flat_map(|gallery| &gallery.items);
    let mut seen = 0;
    for item in items {
        let index = item.title.strip_prefix("image ").and_then(|number| number.parse().ok()).expect("a number");
        let sample = datasets[0].1.sample(index).expect("in memory");
        let mut expected = magnify(&photo(&sample.image).expect("finite"), 192);
        if let Some(mask) = &sample.mask {
            outline(&mut expected, &mask.values, SIDE, SIDE).expect("fits");
        }
        assert_eq!(item.image.bytes(), encode_png(&expected).expect("a picture"), "{}", item.title);
        let share = predictions.background_share[index].map(|share| format!("{:.0} %", 100.0 * share));
        assert!(item.caption.contains(share.as_deref().unwrap_or("truth")), "{} of {}", item.caption, item.title);
        assert_eq!(item.caption.contains('%'), sample.mask.is_some());
        seen += 1;
    }
    assert!(seen > SAMPLES, "{seen}");
}

#[test]
fn predictions_of_other_data_are_named() {
    let (model, datasets, mut predictions) = evaluated();
    let refused = |predictions: &Predictions, datasets: &Datasets| {
        let pictures = Pictures { model: &model, datasets, most: 50 };
        gallery_section(&pictures, predictions).expect_err("other data")
    };
    assert!(
        matches!(refused(&predictions, &datasets[..1].to_vec()), EvalError::NotInData { split, .. } if split == "deceiving")
    );
    predictions.ids[3] = "image of another set".to_owned();
    assert!(
        matches!(refused(&predictions, &datasets), EvalError::NotInData { id, .. } if id == "image of another set")
    );
}

#[test]
fn reordered_predictions_still_find_their_images() {
    let (model, datasets, predictions) = evaluated();
    let backwards: Vec<usize> = (0..predictions.len()).rev().collect();
    let predictions = predictions.select(&backwards);
    let pictures = Pictures { model: &model, datasets: &datasets, most: 2 };
    assert!(gallery_section(&pictures, &predictions).is_ok());
}

#[test]
fn one_sample_absent_classes_and_many_classes_make_sections_too() {
    let mut one = Predictions::new(["a", "b|c", "<d>"], Task::Single);
    one.push("x", "", "test", &[0], &[0.5, 0.25, 0.25]);
    let mut many = Predictions::new((0..50).map(|idx| format!("class {idx}")), Task::Single);
    for sample in 0..100_usize {
        let row: Vec<f64> = (0..50).map(|idx| if idx == (sample * 7) % 50 { 0.51 } else { 0.01 }).collect();
        many.push(&sample.to_string(), ["x", "y", "z", "u", "v", "w"][sample % 6], "test", &[sample % 50], &row);
    }
    let mut labels = Predictions::new(["a", "b"], Task::Multi);
    labels.push("x", "s", "test", &[0, 1], &[0.5, 0.25]);
    labels.push("y", "t", "test", &[], &[0.1, 0.75]);
    for predictions in [one, many, labels] {
        let scores = summary(&predictions, &quick()).expect("scores");
        let figures = figures(&predictions, &quick()).expect("figures");
        let document = Document::new("d")
            .section(summary_section(&predictions, &scores, None))
            .section(score_section(&scores))
            .section(figure_section(&figures, &scores));
        let (page, markdown) = (document.to_html(), document.to_markdown("f"));
        assert!(page.contains("accuracy") && markdown.text.contains("accuracy"));
        assert!(!page.contains("<d>") && !page.contains("NaN"));
    }
}

#[test]
fn training_curves_come_from_the_log_of_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = RunConfig::from_toml("[data.phantom]", "demo.toml", &[]).expect("a configuration");
    let run = RunDir::create(folder.path().join("run"), &config, Existing::Refuse).expect("a run");
    assert_eq!(epochs(&run).expect("no log yet"), []);
    let mut log = RunLog::create(&run).expect("a log");
    for epoch in 0..3_u8 {
        let loss = 1.0 / f64::from(epoch + 1);
        let losses = Losses {
            loss,
            classification: Some(loss),
            heatmap: Some(loss / 2.0),
            terms: [("mining".to_owned(), loss)].into(),
            ..Losses::default()
        };
        let validation = [("loss".to_owned(), 2.0 * loss), ("macro_f1".to_owned(), 1.0 - loss)].into();
        let record = EpochRecord { epoch: epoch.into(), losses, validation, ..EpochRecord::default() };
        log.epoch(record).expect("written");
    }
    let section = training_section(&epochs(&run).expect("a log")).expect("three epochs");
    let charts: Vec<_> = section
        .blocks
        .iter()
        .filter_map(|block| if let Block::Lines(chart) = block { Some(chart) } else { None })
        .collect();
    let names = |idx: usize| charts[idx].series.iter().map(|series| series.name.as_str()).collect::<Vec<_>>();
    assert_eq!(
        (names(0), names(1), names(2)),
        (vec!["training", "validation"], vec!["classification", "heatmap", "mining"], vec!["macro F1"])
    );
    assert_eq!(charts[0].series[1].points, [(1.0, 2.0), (2.0, 1.0), (3.0, 2.0 / 3.0)]);
}
