//! An audit as a document: verdicts, tables, flipping curves and pictures of what was asked.

use isnet_data::{Image, Sample};
use isnet_picture::{Range, RgbImage, SignedMap, color, encode_png, gray, outline, overlay, signed_map};
use isnet_report::{Axis, Cell, Document, Gallery, Item, LineChart, Picture, Section, Series, Table, verbatim};

use crate::audit::Audit;
use crate::counterfactual::{Composer, Counterfactual, Variant};
use crate::error::Result;
use crate::estimate::Estimate;
use crate::faithfulness::{Faithfulness, Order};
use crate::maps::Explainer;
use crate::marks::{MarkEffect, Marker};
use crate::readability::{Readability, Target};
use crate::relevance::Relevance;
use crate::render;
use crate::settings::Question;
use crate::subject::Subject;
use crate::verdict::{Answer, Outcome, Verdict};

/// Pictures in the gallery of maps.
const MAPS: usize = 8;
/// Images whose backgrounds are shown replaced, and with marks.
const EXAMPLES: usize = 3;

/// The document of an audit. Pictures are made anew from the subject that was audited; `facts` are names and values such
/// as the path of the model.
///
/// # Errors
/// A sample that cannot be read or explained.
pub fn document(audit: &Audit, subject: &Subject<'_>, facts: &[(String, String)]) -> Result<Document> {
    let mut document = Document::new("Where do the decisions come from?").fact("images", audit.n_images.to_string());
    for (name, value) in facts {
        document = document.fact(name.as_str(), value.as_str());
    }
    let intervals = match audit.grouped {
        true => "exact for shares of decisions and BCa for others, by group",
        false => "exact for shares of decisions, BCa for others",
    };
    document = document
        .fact("classes", audit.classes.join(", "))
        .fact("seed", audit.seed.to_string())
        .fact("intervals", format!("{:.0} %, {intervals}, {} resamples", 100.0 * audit.confidence, audit.resamples));
    document = document.section(Section::new("Verdicts").with(audit.verdicts.iter().map(verdict).collect::<Vec<_>>()));
    let mut sections = Vec::new();
    if let Some(found) = audit.relevance.as_ref().and_then(Answer::found) {
        sections.push(section(Question::Relevance).with(relevance(found)).with(maps(found, subject)?));
    }
    if let Some(found) = audit.counterfactual.as_ref().and_then(Answer::found) {
        let mut section = section(Question::Counterfactual).with(counterfactual(found));
        backgrounds(found, subject)?.into_iter().for_each(|gallery| section.push(gallery));
        sections.push(section);
    }
    if let Some(found) = audit.marks.as_ref().and_then(Answer::found) {
        sections.push(section(Question::Marks).with(marks(found)).with(marked(subject)?));
    }
    if let Some(found) = audit.readability.as_ref().and_then(Answer::found) {
        sections.push(section(Question::Readability).with(readability(found)));
    }
    if let Some(found) = audit.faithfulness.as_ref().and_then(Answer::found) {
        sections.push(section(Question::Faithfulness).with(curves(found)).with(randomised(found)));
    }
    Ok(sections.into_iter().fold(document, Document::section))
}

fn section(question: Question) -> Section {
    let how = match question {
        Question::Relevance => {
            "Relevance (LRP, the log-odds of the predicted class) on the background, beside the share of its area, which even \
             relevance would have; **mass accuracy** is the share of positive relevance on the foreground, the **pointing \
             game** how often the largest relevance lies there."
        }
        Question::Counterfactual => {
            "The same images with another background, or without their foreground. **Change** and **flips** are against the \
             original of the same images. Donors of backgrounds have their own foreground filled."
        }
        Question::Marks => {
            "A mark per class, drawn into the background. For a model that was not trained with these marks it is arbitrary \
             which mark stands for which class: then only the flips mean something."
        }
        Question::Readability => {
            "A small classifier (logistic regression on a coarse picture, a histogram and edges), cross-validated, reads label \
             and source off backgrounds and foregrounds. This is about the data, not about the model."
        }
        Question::Faithfulness => {
            "Patches are taken away in the order of their relevance and filled from their surroundings: a heatmap that shows \
             what the model uses makes the probability fall early when the most relevant go first, and late when the least \
             relevant do."
        }
    };
    Section::new(question.text()).with(how)
}

fn verdict(verdict: &Verdict) -> isnet_report::Verdict {
    let answer = match verdict.outcome {
        Outcome::Passed => isnet_report::Answer::Pass,
        Outcome::Failed => isnet_report::Answer::Fail,
        Outcome::Undecided => isnet_report::Answer::Undecided,
        Outcome::Warning => isnet_report::Answer::Warn,
        Outcome::NotAnswerable => isnet_report::Answer::NotAnswered,
    };
    let notes: Vec<String> = verdict.reason.iter().chain(&verdict.notes).cloned().collect();
    let shown = isnet_report::Verdict::new(verdict.question.text(), answer)
        .threshold(render::threshold(verdict))
        .explanation(notes.join("; "));
    match verdict.value {
        Some(value) => shown.figure(format!("{}: {}", verdict.figure, render::text(Some(value)))),
        None => shown,
    }
}

fn cell(estimate: Option<Estimate>) -> Cell {
    let Some(estimate) = estimate else { return Cell::missing("") };
    let cell = Cell::number(estimate.value, 3);
    match estimate.interval {
        Some(interval) => cell.interval(interval.low, interval.high),
        None => cell,
    }
}

fn count(estimate: Option<Estimate>) -> Cell {
    Cell::count(estimate.map_or(0, |estimate| estimate.n))
}

fn relevance(found: &Relevance) -> Table {
    let header = ["class", "source", "n", "on the background", "area alone", "mass accuracy", "pointing game"];
    let name = |name: &Option<String>| Cell::text(name.as_deref().unwrap_or("all"));
    found.rows.iter().fold(Table::new(header), |table, row| {
        let figures = [row.background_share, row.background_area, row.mass_accuracy, row.pointing_game].map(cell);
        table.row([name(&row.class), name(&row.source), count(row.background_share)].into_iter().chain(figures))
    })
}

fn counterfactual(found: &Counterfactual) -> Table {
    let table = Table::new(["background", "n", "accuracy", "change", "flips", "change of p(label)"])
        .caption(format!("**BG-Gap** (mixed_same − mixed_rand): {}", render::text(found.bg_gap)));
    found.rows.iter().fold(table, |table, row| {
        let figures = [row.accuracy, row.accuracy_change, row.flips, row.probability_change].map(cell);
        table.row([Cell::text(row.variant.name()), Cell::count(row.n)].into_iter().chain(figures))
    })
}

fn marks(found: &MarkEffect) -> Table {
    let [own, none, other] = found.accuracy;
    let row = |name: &str, figures: [Option<Estimate>; 3]| {
        [Cell::text(name), Cell::count(found.n)].into_iter().chain(figures.map(cell)).collect::<Vec<Cell>>()
    };
    let table = Table::new(["mark", "n", "accuracy", "flips", "flips to its class"]);
    if found.marks.is_empty() {
        return table.row(row("none", [none, None, None])).row(row("the picture", [other, found.flips, None]));
    }
    table
        .caption(verbatim(&found.marks.join(", ")))
        .row(row("of its class", [own, found.flips_by_own, None]))
        .row(row("none", [none, None, None]))
        .row(row("of another class", [other, found.flips, found.towards]))
}

fn readability(found: &Readability) -> Table {
    let mut table = Table::new(["readable", "from", "n", "AUC", "accuracy", "balanced accuracy", "most frequent"]);
    if let Some(association) = found.association {
        table = table.caption(format!("Association of source and label (Cramér's V): {association:.3}"));
    }
    found.rows.iter().fold(table, |table, row| {
        let target = if row.target == Target::Label { "label" } else { "source" };
        let region = row.region.name();
        let figures = match &row.missing {
            Some(missing) => [(); 4].map(|()| Cell::missing(missing.to_string())),
            None => {
                let [auc, accuracy, balanced] = [row.auc, row.accuracy, row.balanced_accuracy].map(cell);
                [auc, accuracy, balanced, Cell::number(row.majority, 3)]
            }
        };
        table.row([Cell::text(target), Cell::text(region), count(row.auc)].into_iter().chain(figures))
    })
}

fn curves(found: &Faithfulness) -> LineChart {
    let chart = LineChart::new("Probability of the decision as patches are taken away")
        .caption(format!(
            "{} images, patches of {} pixels. Gain over random order: deletion {}, insertion {}.",
            found.n,
            found.patch,
            render::text(found.deletion_gain),
            render::text(found.insertion_gain)
        ))
        .x(Axis::new("share of patches taken away").range(0.0, 1.0))
        .y(Axis::new("mean probability").range(0.0, 1.0));
    found.curves.iter().fold(chart, |chart, curve| {
        let name = match curve.order {
            Order::MostRelevant => "most relevant first",
            Order::Random => "random order",
            Order::LeastRelevant => "least relevant first",
        };
        let known: Vec<(f64, Estimate)> =
            curve.taken.iter().zip(&curve.probability).filter_map(|(share, p)| Some((*share, (*p)?))).collect();
        let band =
            known.iter().filter_map(|(share, p)| p.interval.map(|interval| (*share, interval.low, interval.high)));
        chart.series(Series::new(name, known.iter().map(|(share, p)| (*share, p.value))).band(band))
    })
}

fn randomised(found: &Faithfulness) -> Table {
    let table = Table::new(["weights drawn anew", "rank correlation of the maps", "of the answers"]).caption(
        "A map that stays the same for random weights shows the image and not the model. Answers that stay the same too \
         say that the new weights changed little: then the maps may.",
    );
    found.randomised.iter().fold(table, |table, stage| {
        let answers = stage.answers.map_or(Cell::missing("too few images"), |alike| Cell::number(alike, 3));
        table.row([Cell::text(stage.weights), cell(stage.correlation), answers])
    })
}

/// The images with the largest share on the background, and their maps.
fn maps(found: &Relevance, subject: &Subject<'_>) -> Result<Gallery> {
    let mut order: Vec<(usize, f64)> =
        found.shares.iter().enumerate().filter_map(|(index, share)| Some((index, (*share)?))).collect();
    order.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    let mut gallery = Gallery::new("Most relevance on the background")
        .caption("The outline is the mask; red speaks for the decision, blue against it.");
    let Ok(explainer) = Explainer::new(subject) else { return Ok(gallery) };
    for (index, share) in order.into_iter().take(MAPS) {
        let sample = subject.data.sample(index)?;
        let map = explainer.maps(&subject.model.params, &[&sample.image], None)?.remove(0);
        let Image { height, width, channels, .. } = sample.image;
        let signed: SignedMap = signed_map(&map.summed(channels), height, width, Range::Percentile(99.5))?;
        let item = Item::new(&sample.id, picture(&sample.image, Some(&sample))?)
            .badge(&subject.data.classes()[map.class])
            .badge(format!("{:.0} % on the background", 100.0 * share))
            .overlay(encoded(overlay(&photo(&sample.image)?, &signed)?, Some(&sample))?)
            .map(encoded(signed.picture.clone(), Some(&sample))?);
        gallery.items.push(item);
    }
    Ok(gallery)
}

/// An image of each of the first classes with every background; one whose decision another background changes if there is one.
fn backgrounds(found: &Counterfactual, subject: &Subject<'_>) -> Result<Vec<Gallery>> {
    let composer = Composer::new(subject)?;
    let place = |wanted| Variant::ALL.iter().position(|variant| *variant == wanted).unwrap_or_default();
    let rand = place(Variant::MixedRand);
    let asked = || (0..found.decisions.len()).filter(|&index| found.decisions[index][0].is_some());
    let flipped = |index: &usize| {
        let decisions = &found.decisions[*index];
        decisions[rand].is_some() && decisions[rand] != decisions[0]
    };
    let mut chosen: Vec<usize> = Vec::new();
    for index in asked().filter(flipped).chain(asked().filter(|index| !flipped(index))) {
        let is_new = chosen.iter().all(|known| subject.data.label(*known) != subject.data.label(index));
        if is_new && chosen.len() < EXAMPLES {
            chosen.push(index);
        }
    }
    chosen.into_iter().map(|index| background_gallery(found, subject, &composer, index)).collect()
}

fn background_gallery(
    found: &Counterfactual,
    subject: &Subject<'_>,
    composer: &Composer<'_>,
    index: usize,
) -> Result<Gallery> {
    let sample = subject.data.sample(index)?;
    let label: Vec<&str> = subject.data.label(index).map_or(Vec::new(), |label| names(subject, label.classes()));
    let mut gallery = Gallery::new(&sample.id).caption(format!("Label: {}", verbatim(&label.join(", "))));
    for (variant, decision) in Variant::ALL.iter().zip(&found.decisions[index]) {
        let (Some(made), Some(decision)) = (composer.picture(index, &sample, *variant)?, decision) else { continue };
        let mut item = Item::new(variant.name(), picture(&made, None)?).badge(names(subject, decision).join(", "));
        if Some(decision) != found.decisions[index][0].as_ref() {
            item = item.badge("flipped");
        }
        gallery.items.push(item);
    }
    Ok(gallery)
}

/// Images with marks.
fn marked(subject: &Subject<'_>) -> Result<Gallery> {
    let marker = Marker::new(subject)?;
    let mut gallery = Gallery::new("Marks").caption("With the mark of its class, without, with that of another class.");
    for index in (0..subject.data.len()).filter(|&index| subject.data.has_mask(index)).take(EXAMPLES) {
        let sample = subject.data.sample(index)?;
        for (made, what) in marker.pictures(index, &sample)?.iter().zip(["own mark", "no mark", "other mark"]) {
            if let Some(made) = made {
                gallery.items.push(Item::new(&sample.id, picture(made, None)?).badge(what));
            }
        }
    }
    Ok(gallery)
}

fn names<'a>(subject: &'a Subject<'_>, classes: &[usize]) -> Vec<&'a str> {
    classes.iter().map(|class| subject.data.classes()[*class].as_str()).collect()
}

fn photo(image: &Image) -> Result<RgbImage> {
    let show = if image.channels == 3 { color } else { gray };
    Ok(show(&image.pixels, image.height, image.width)?)
}

/// An image as a PNG, with the outline of the mask of `outlined`.
fn picture(image: &Image, outlined: Option<&Sample>) -> Result<Picture> {
    encoded(photo(image)?, outlined)
}

fn encoded(mut photo: RgbImage, outlined: Option<&Sample>) -> Result<Picture> {
    if let Some(mask) = outlined.and_then(|sample| sample.mask.as_ref()) {
        outline(&mut photo, &mask.values, mask.height, mask.width)?;
    }
    Ok(Picture::png(encode_png(&photo)?)?)
}
