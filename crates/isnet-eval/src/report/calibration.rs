//! Whether probabilities mean what they say.

use isnet_report::{Axis, Block, Cell, Details, Document, LineChart, Section, Series, Table, verbatim};

use super::clinical::cell;
use super::figures::diagram;
use super::parts::percent;
use super::repeat_section;
use crate::EvalError;
use crate::clinical::Clinical;
use crate::render::p_words;
use isnet_run::Versions;
use isnet_statistics::{Agreement, Predictions, Scaling, Settings};

/// What the columns say.
const WORDS: &str = "An **intercept** above 0: it comes true more often than predicted. A **slope** below 1: the probabilities are too extreme (above 1, not extreme enough), as those of \
     networks often are; `isnet calibrate` mends that. **p**: chance of a Brier score so far from the expected one if every probability were true \
     (Spiegelhalter). The **error** is the root mean square distance of bins, less what chance adds to it; the **distance** is that of \
     the smooth curve, on average and of the worst tenth.";

/// A table per split, and the curves.
pub fn calibration_section(clinical: &Clinical) -> Section {
    let mut section = Section::new("Calibration").with(WORDS);
    for split in &clinical.splits {
        section.push(agreement_table(&split.split, &[("", &split.calibration)]));
        let charts: Vec<Block> = split.calibration.iter().filter_map(chart).map(Block::from).collect();
        if !charts.is_empty() {
            section.push(Details { summary: format!("Calibration curves on {}", split.split), blocks: charts });
        }
    }
    section
}

/// A row per class, and one of the predicted class; several lists of them, each with its name, stand below each other.
pub fn agreement_table(split: &str, lists: &[(&str, &[Agreement])]) -> Table {
    let all = || lists.iter().flat_map(|(_, found)| found.iter());
    let confidence = all().next().map_or(0.95, |it| it.confidence);
    let has_names = lists.len() > 1;
    let header = ["probability of"].into_iter().chain(has_names.then_some("scaling")).chain([
        "mean",
        "true",
        "intercept",
        "slope",
        "p",
        "error",
        "distance",
        "worst tenth",
    ]);
    let mut table = Table::new(header).caption(format!(
        "Calibration on the split `{}`, with {} % intervals.",
        verbatim(split),
        percent(confidence)
    ));
    for (list, found) in lists {
        for found in *found {
            let first = Cell::text(name(found)).notes(&found.notes);
            table.push([first].into_iter().chain(has_names.then(|| Cell::text(*list))).chain(figures(found)));
        }
    }
    table
}

fn figures(found: &Agreement) -> [Cell; 8] {
    let number = |value: Option<f64>| value.map_or(Cell::missing(""), |value| Cell::number(value, 3));
    let p = found
        .test
        .map_or(Cell::missing("no probability but 0, ½ and 1"), |test| Cell::text(p_words(Some(test.p_value))));
    let is_off = found.test.is_some_and(|test| test.p_value < 0.05);
    [
        Cell::number(found.mean_probability, 3),
        Cell::number(found.share_true, 3),
        cell(&found.intercept, 2),
        cell(&found.slope, 2),
        if is_off { p.emphasised() } else { p },
        number(found.debiased_error),
        number(found.mean_distance),
        number(found.distance_of_90),
    ]
}

/// What a scaling changes: a table per split, and the reliability of the predicted class, or of each label, before and after.
///
/// # Errors
/// As [`figures`](isnet_statistics::figures()).
pub fn calibration_document(
    name: &str,
    scaling: &Scaling,
    tables: &[Table],
    before_and_after: &[(&Predictions, &Predictions)],
    command: &str,
    versions: &Versions,
) -> Result<Document, EvalError> {
    let mut document = Document::new(format!("Calibration of {name}"))
        .subtitle("What scaling on validation data does to the probabilities")
        .fact("scaling", scaling.to_string())
        .fact("made by", format!("isnet {}", versions.isnet));
    let mut section = Section::new("Calibration").with(WORDS);
    section.push("The first split is the one that the scaling was learnt from, and flatters it.");
    tables.iter().for_each(|table| section.push(table.clone()));
    document.sections.push(section);
    let mut section = Section::new("Reliability");
    let settings = Settings { by_source: false, ..Settings::default() };
    for (before, after) in before_and_after {
        let split = before.splits.first().map_or("", String::as_str);
        section.push(Block::Heading(split.to_owned()));
        for (word, predictions) in [("before", before), ("after", after)] {
            for part in isnet_statistics::figures(predictions, &settings)? {
                let of_labels = part.classes.iter().filter(|_| part.reliability.is_none());
                let of_labels = of_labels.filter_map(|class| Some((class.class.as_str(), class.reliability.as_ref()?)));
                let all = part.reliability.iter().map(|found| ("the prediction", found)).chain(of_labels);
                for (of, found) in all {
                    section.push(diagram(&format!("{of}, {word} scaling"), found));
                }
            }
        }
    }
    document.sections.push(section);
    document.sections.push(repeat_section(command, "", versions));
    Ok(document)
}

fn name(found: &Agreement) -> &str {
    found.class.as_deref().unwrap_or("the prediction")
}

/// The smooth curve; `None` if there is none.
fn chart(found: &Agreement) -> Option<LineChart> {
    let series = Series::new(name(found), found.curve.iter().map(|point| (point.probability, point.share)))
        .band(found.curve.iter().map(|point| (point.probability, point.low, point.high)));
    let chart = LineChart::new(format!("Smooth calibration of {}", name(found)))
        .caption(format!(
            "How often it comes true over what was predicted, by a logistic regression on a spline of the logit; the band holds {} % intervals, \
             each for itself. Below the light line: too sure.",
            percent(found.confidence)
        ))
        .x(Axis::new("predicted probability").range(0.0, 1.0))
        .y(Axis::new("share that is true").range(0.0, 1.0))
        .diagonal()
        .series(series);
    (!found.curve.is_empty()).then_some(chart)
}
