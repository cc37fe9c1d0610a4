//! Pictures of chosen samples: image, overlay, signed map.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use isnet_data::{Batch, Dataset, Sample};
use isnet_lrp::{OutputSelector, Plan, Target};
use isnet_picture::{RgbImage, diverging, encode_png, magnify, outline, overlay};
use isnet_report::{ColorKey, Gallery, Item, Picture, Section, verbatim};
use isnet_run::Model;

use crate::EvalError;
use crate::evaluate::explaining_plan;
use crate::explained::{Explained, photo, relevance_picture};
use crate::relevance_share::area_share;
use isnet_statistics::{Predictions, Task};

/// Shorter pictures are enlarged by a whole number, so that the outline of the mask is thin.
const MIN_SIDE: u32 = 192;
/// Samples explained at a time.
const BATCH: usize = 16;

/// The model and the data behind predictions.
#[derive(Clone, Copy)]
pub struct Pictures<'a> {
    /// The model.
    pub model: &'a Model,
    /// The data of each split, by its name.
    pub datasets: &'a [(String, Arc<dyn Dataset>)],
    /// Pictures of each kind, such as 6.
    pub most: usize,
}

/// Samples that a rule has chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What they have in common.
    pub title: String,
    /// The rule, for readers.
    pub rule: String,
    /// Their places among the predictions.
    pub samples: Vec<usize>,
}

/// Chooses the samples of the galleries, `most` of each kind; of equals the first comes first. Kinds without samples are left out.
///
/// - right, and wrong, with the highest confidence: the probability of the predicted class; of several labels, that of the
///   least certain decision
/// - the highest share of relevance on the background
/// - one per source: that of the median confidence (the lower one of an even number), sources in their alphabet
///
/// # Example
/// ```
/// # use isnet_eval::report::chosen;
/// # use isnet_statistics::{Predictions, Task};
/// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
/// for (name, label, ill) in [("a", 0, 0.1), ("b", 1, 0.8), ("c", 0, 0.7), ("d", 1, 0.9)] {
///     predictions.push(name, "hospital", "test", &[label], &[1.0 - ill, ill]);
/// }
/// let choices = chosen(&predictions, 2);
/// assert_eq!(choices[0].samples, [0, 3]); // right: 0.9 for `healthy` and 0.9 for `ill`
/// assert_eq!(choices[1].samples, [2]); // wrong
/// assert_eq!(choices[2].samples, [1]); // the source: 0.7, 0.8, 0.9, 0.9
/// ```
pub fn chosen(predictions: &Predictions, most: usize) -> Vec<Choice> {
    let all = 0..predictions.len();
    let labelled = |sample: &usize| predictions.task == Task::Multi || !predictions.labels[*sample].is_empty();
    let (right, wrong): (Vec<usize>, Vec<usize>) =
        all.clone().filter(labelled).partition(|&sample| is_right(predictions, sample));
    let confident = |samples| highest(samples, most, |sample| Some(confidence(predictions, sample)));
    let share = |sample: usize| predictions.background_share[sample];
    let choice = |title: &str, rule: &str, samples| Choice { title: title.to_owned(), rule: rule.to_owned(), samples };
    let choices = [
        choice("Right, and sure of it", "The highest confidence among the right predictions.", confident(right)),
        choice("Wrong, and sure of it", "The highest confidence among the wrong predictions.", confident(wrong)),
        choice(
            "Most relevance on the background",
            "The highest share of relevance outside of the mask.",
            highest(all.collect(), most, share),
        ),
        choice(
            "One of each source",
            "The sample of median confidence of each source, sources in their alphabet.",
            of_sources(predictions, most),
        ),
    ];
    choices.into_iter().filter(|choice| !choice.samples.is_empty()).collect()
}

fn is_right(predictions: &Predictions, sample: usize) -> bool {
    let mut labels = predictions.labels[sample].clone();
    labels.sort_unstable();
    labels.dedup();
    labels == predictions.predicted(sample)
}

fn confidence(predictions: &Predictions, sample: usize) -> f64 {
    let row = &predictions.probabilities[sample];
    let decisions = row.iter().copied();
    match predictions.task {
        Task::Single => decisions.fold(0.0, f64::max),
        Task::Multi => {
            let yes = predictions.predicted(sample);
            let sure =
                |(class_idx, probability)| if yes.contains(&class_idx) { probability } else { 1.0 - probability };
            decisions.enumerate().map(sure).fold(1.0, f64::min)
        }
    }
}

/// The samples of the highest values; those without one are left out.
fn highest(samples: Vec<usize>, most: usize, value: impl Fn(usize) -> Option<f64>) -> Vec<usize> {
    let mut valued: Vec<(usize, f64)> =
        samples.into_iter().filter_map(|sample| Some((sample, value(sample)?))).collect();
    valued.sort_by(|a, b| descending(a.1, b.1).then(a.0.cmp(&b.0)));
    valued.into_iter().take(most).map(|(sample, _)| sample).collect()
}

fn descending(a: f64, b: f64) -> Ordering {
    b.total_cmp(&a)
}

fn of_sources(predictions: &Predictions, most: usize) -> Vec<usize> {
    let mut sources: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (sample, source) in predictions.sources.iter().enumerate() {
        sources.entry(source).or_default().push(sample);
    }
    let median = |samples: Vec<usize>| {
        let n = samples.len();
        highest(samples, n, |sample| Some(confidence(predictions, sample))).get(n / 2).copied()
    };
    sources.into_values().filter_map(median).take(most).collect()
}

/// A gallery per choice, drawn by running the model again on the chosen samples.
///
/// # Errors
/// [`EvalError::NotInData`] if a predicted sample is not in the data of its split, and whatever is wrong with its files or
/// with explaining the model.
pub fn gallery_section(pictures: &Pictures, predictions: &Predictions) -> Result<Section, EvalError> {
    let blue = match predictions.task {
        Task::Single => "for the other classes",
        Task::Multi => "against it",
    };
    let mut section = Section::new("Pictures").with(format!(
        "Relevance (LRP) of the log-odds of the most probable class: red speaks for it, blue {blue}. A line marks the \
         edge of the mask. Pointing at a picture, or reaching it by keyboard, shows the bare image.",
    ));
    let plan = explaining_plan(pictures.model)?;
    for choice in chosen(predictions, pictures.most) {
        let mut gallery = Gallery::new(choice.title).caption(choice.rule).key(color_key());
        for samples in choice.samples.chunks(BATCH) {
            gallery.items.extend(items(pictures, &plan, predictions, samples)?);
        }
        section.push(gallery);
    }
    if section.blocks.len() == 1 {
        section.push("No sample was predicted.");
    }
    Ok(section)
}

/// What the colours of relevance mean.
pub fn color_key() -> ColorKey {
    let colors = (0..=16_u8).map(|step| diverging(f32::from(step) / 8.0 - 1.0).0).collect();
    ColorKey { colors, words: ["against", "0", "for the class"].map(str::to_owned) }
}

fn items(
    pictures: &Pictures,
    plan: &Plan,
    predictions: &Predictions,
    samples: &[usize],
) -> Result<Vec<Item>, EvalError> {
    let found = samples.iter().map(|&sample| in_data(pictures, predictions, sample));
    let found = found.collect::<Result<Vec<Sample>, EvalError>>()?;
    let batch = Batch::collate(&found)?;
    let selector = OutputSelector::log_odds(Target::Highest);
    let explained = Explained::new(pictures.model, plan, selector, &batch)?;
    let item = |(row, (&sample, found)): (usize, (&usize, &Sample))| {
        let item = picture_item(found, explained.map(row))?;
        let caption = caption(predictions, sample, found, explained.background_share(&batch, row));
        let right = if is_right(predictions, sample) { "right" } else { "wrong" };
        let item = item.caption(caption).badge(right).badge(&predictions.splits[sample]);
        let source = &predictions.sources[sample];
        Ok(if source.is_empty() { item } else { item.badge(source) })
    };
    samples.iter().zip(&found).enumerate().map(item).collect()
}

/// The sample that was predicted: at its place in its split, or else the first of its name.
fn in_data(pictures: &Pictures, predictions: &Predictions, sample: usize) -> Result<Sample, EvalError> {
    let (id, split) = (&predictions.ids[sample], &predictions.splits[sample]);
    let missing = || EvalError::NotInData { id: id.clone(), split: split.clone() };
    let (_, dataset) = pictures.datasets.iter().find(|(name, _)| name == split).ok_or_else(missing)?;
    let place = predictions.splits[..sample].iter().filter(|other| *other == split).count();
    let is_here = |index: &usize| dataset.id(*index) == *id;
    let at_place = Some(place).filter(|place| *place < dataset.len()).filter(is_here);
    let index = at_place.or_else(|| (0..dataset.len()).find(is_here)).ok_or_else(missing)?;
    Ok(dataset.sample(index)?)
}

/// `covid 0.98, truth covid; 43 % on the background (area 61 %)`.
fn caption(predictions: &Predictions, sample: usize, found: &Sample, share: Option<f64>) -> String {
    let row = &predictions.probabilities[sample];
    let named = |class_idx: &usize| verbatim(&predictions.classes[*class_idx]);
    let listed = |classes: Vec<String>| if classes.is_empty() { "none".to_owned() } else { classes.join(", ") };
    let says = predictions.predicted(sample);
    let says =
        listed(says.iter().map(|class_idx| format!("**{}** {:.2}", named(class_idx), row[*class_idx])).collect());
    let truth = listed(predictions.labels[sample].iter().map(named).collect());
    let area = found.mask.as_ref().and_then(|mask| area_share(&mask.values));
    let share = match (share, area) {
        (Some(share), Some(area)) => {
            format!("; {:.0} % of the relevance on the background (area {:.0} %)", 100.0 * share, 100.0 * area)
        }
        _ => String::new(),
    };
    format!("Says {says}, truth: {truth}{share}.")
}

/// A sample with its relevance `[H, W, C]` as an item of a gallery, without words but its name.
///
/// # Errors
/// [`EvalError::Picture`] for numbers that are not finite.
pub fn picture_item(sample: &Sample, relevance: &[f32]) -> Result<Item, EvalError> {
    let (image, map) = (photo(&sample.image)?, relevance_picture(&sample.image, relevance)?);
    let blended = overlay(&image, &map)?;
    let drawn = |picture: &RgbImage| -> Result<Picture, EvalError> {
        let mut large = magnify(picture, MIN_SIDE);
        if let Some(mask) = &sample.mask {
            outline(&mut large, &mask.values, sample.image.height, sample.image.width)?;
        }
        Ok(Picture::png(encode_png(&large)?)?)
    };
    Ok(Item::new(&sample.id, drawn(&image)?).overlay(drawn(&blended)?).map(drawn(&map.picture)?))
}
