//! Operating points, decision curves, scores per patient and of subgroups.

use isnet_report::{Axis, Block, Cell, Details, LineChart, Section, Series, Table, verbatim};

use super::parts::{about_intervals, percent, score_cell, score_words, splits};
use crate::clinical::{Clinical, ClinicalSplit, PerGroupScores, TestedSubgroups};
use crate::render::p_words;
use isnet_statistics::{
    Confusion, DecisionCurve, Estimate, HeterogeneityMethod, OperatingThreshold, Score, SubgroupScore, SubgroupTable,
};

/// The scores per patient.
const PER_GROUP: [Score; 5] = [Score::Accuracy, Score::BalancedAccuracy, Score::F1, Score::Auc, Score::BackgroundShare];
/// Decision curves end where acting on every sample does this much harm, in units of the prevalence.
const LOWEST: f64 = -0.25;

/// What a clinic asks beside scores.
pub fn clinical_section(clinical: &Clinical) -> Section {
    let mut section = Section::new("Clinical use");
    let is_split = clinical.splits.len() > 1;
    clinical_tables(clinical).into_iter().for_each(|table| section.push(table));
    if clinical.thresholds.is_empty() && clinical.without_threshold.is_empty() {
        section.push(
            "No threshold was asked for: with `--operating-point youden`, `sensitivity=0.9` or `specificity=0.9` it is fixed on validation \
             samples, and sensitivity, specificity, predictive values and likelihood ratios follow.",
        );
    }
    if clinical.classes.is_empty() {
        section.push("No decision curves: there are many classes, and none was named with `--class`.");
    }
    for split in &clinical.splits {
        let charts: Vec<Block> = split.decision_curves.iter().map(|curve| Block::from(chart(curve))).collect();
        if !charts.is_empty() {
            let of = if is_split { format!(" on `{}`", verbatim(&split.split)) } else { String::new() };
            section.push(Details { summary: format!("Decision curves{of}"), blocks: charts });
        }
    }
    section
}

/// The tables of [`clinical_section`].
pub fn clinical_tables(clinical: &Clinical) -> Vec<Table> {
    let mut tables = Vec::new();
    for split in &clinical.splits {
        tables.extend(operating_tables(clinical, split));
        tables.extend(prevalence_table(split));
        tables.extend(split.subgroups.iter().map(|it| subgroup_table(&split.split, it)));
    }
    tables.extend(clinical.per_group.as_ref().map(per_group_table));
    tables
}

/// The thresholds with the counts at them, and what these are worth: a row per class each.
fn operating_tables(clinical: &Clinical, split: &ClinicalSplit) -> Vec<Table> {
    let Some(rule) = clinical.thresholds.first().map(|it| it.rule) else { return Vec::new() };
    let confidence = split.operating_points.first().map_or(0.95, |point| point.confidence);
    let name = verbatim(&split.split);
    let mut counts = Table::new(["class", "threshold", "found", "missed", "false alarms", "rightly not"]).caption(format!(
        "Each class against the rest on the split `{name}`, at the threshold that `{rule}` chose on validation samples."
    ));
    let mut worth = Table::new(["class", "sensitivity", "specificity", "PPV", "NPV", "LR+", "LR−"]).caption(format!(
        "What these decisions on `{name}` are worth, with {} % intervals. PPV and NPV are those of the share of the class among these samples.",
        percent(confidence)
    ));
    for point in &split.operating_points {
        let chosen = clinical.thresholds.iter().find(|it| it.class == point.class);
        let threshold = Cell::number(point.threshold, 3).note(chosen.map_or(String::new(), on_validation));
        let Confusion { true_positive, false_negative, false_positive, true_negative } = point.confusion;
        let cells = [true_positive, false_negative, false_positive, true_negative].map(Cell::count);
        counts.push([Cell::text(&point.class), threshold].into_iter().chain(cells));
        worth.push([
            Cell::text(&point.class),
            cell(&point.sensitivity, 3),
            cell(&point.specificity, 3),
            cell(&point.ppv, 3),
            cell(&point.npv, 3),
            cell(&point.positive_likelihood_ratio, 3),
            cell(&point.negative_likelihood_ratio, 3),
        ]);
    }
    for without in &clinical.without_threshold {
        counts.push([Cell::text(&without.class), Cell::missing(&without.reason)]);
    }
    vec![counts, worth]
}

/// What the threshold gave where it was chosen.
fn on_validation(chosen: &OperatingThreshold) -> String {
    format!(
        "`{}` on {} validation samples of the class and {} others: sensitivity {:.3}, specificity {:.3}",
        verbatim(&chosen.class),
        chosen.n_positive,
        chosen.n_negative,
        chosen.sensitivity,
        chosen.specificity
    )
}

/// A row per class and prevalence; `None` if no prevalence was asked for.
fn prevalence_table(split: &ClinicalSplit) -> Option<Table> {
    let caption = format!(
        "Predictive values of the same decisions on `{}` where the class is as frequent as stated, if its cases and the others are like these.",
        verbatim(&split.split)
    );
    let mut table = Table::new(["class", "prevalence", "PPV", "NPV"]).caption(caption);
    for point in &split.operating_points {
        for at in &point.at_prevalence {
            let prevalence = Cell::text(format!("{} %", percent(at.prevalence)));
            table.push([Cell::text(&point.class), prevalence, cell(&at.ppv, 3), cell(&at.npv, 3)]);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// A row per level and one of the tests, a column per score.
fn subgroup_table(split: &str, tested: &TestedSubgroups) -> Table {
    let TestedSubgroups { found, p_adjusted } = tested;
    let missing = match found.n_without_value {
        0 => String::new(),
        1 => " One sample has no value.".to_owned(),
        n => format!(" {n} samples have no value."),
    };
    let caption = format!(
        "`{}` against the rest on `{}` by `{}`, positive from {:.3} on. p: chance of such a difference between the rows if there were none, \
         corrected (Holm) for all such tests on the split.{missing}",
        verbatim(&found.class),
        verbatim(split),
        verbatim(&found.attribute),
        found.threshold
    );
    let words = |score: SubgroupScore| match score {
        SubgroupScore::Sensitivity => "sensitivity",
        SubgroupScore::Specificity => "specificity",
        SubgroupScore::Accuracy => "accuracy",
        SubgroupScore::Auc => "AUC",
    };
    let header = [found.attribute.clone()].into_iter().chain(found.scores.iter().map(|it| words(it.score).to_owned()));
    let mut table = Table::new(header).caption(caption);
    let mut levels: Vec<&str> = found
        .scores
        .iter()
        .flat_map(|score| {
            let scored = score.levels.iter().map(|level| level.level.as_str());
            scored.chain(score.left_out.iter().map(|level| level.level.as_str()))
        })
        .collect();
    levels.sort_unstable();
    levels.dedup();
    for level in levels {
        let cells = found.scores.iter().map(|score| level_cell(score, level));
        table.push([Cell::text(level)].into_iter().chain(cells));
    }
    let tests = found.scores.iter().zip(p_adjusted).map(|(score, p)| test_cell(score, *p));
    table.push([Cell::text("p")].into_iter().chain(tests));
    table
}

fn level_cell(score: &SubgroupTable, level: &str) -> Cell {
    if let Some(found) = score.levels.iter().find(|it| it.level == level) {
        return cell(&found.estimate, 3);
    }
    let left_out = score.left_out.iter().find(|it| it.level == level);
    Cell::missing(left_out.map_or(String::new(), |it| format!("too few samples: {}", it.n)))
}

fn test_cell(score: &SubgroupTable, p_adjusted: Option<f64>) -> Cell {
    let Some((test, p)) = score.heterogeneity.zip(p_adjusted) else {
        return Cell::missing("").notes(&score.notes);
    };
    let name = match test.method {
        HeterogeneityMethod::PearsonChiSquared => "χ² test",
        HeterogeneityMethod::FisherFreemanHalton => "exact test of Fisher, Freeman and Halton",
        HeterogeneityMethod::CochranQ => "Cochran's Q of the logits",
    };
    let cell = Cell::text(p_words(Some(p))).note(name).notes(&score.notes);
    if p < 0.05 { cell.emphasised() } else { cell }
}

/// A row per split.
fn per_group_table(found: &PerGroupScores) -> Table {
    let PerGroupScores { counts, statistics } = found;
    let left_out = match counts.disagreeing.len() {
        0 => String::new(),
        n => format!(
            " Left out: {n} group{} whose samples have different labels ({}).",
            if n == 1 { "" } else { "s" },
            some(&counts.disagreeing)
        ),
    };
    let leaking = match counts.in_several_splits.len() {
        0 => String::new(),
        _ => format!(" In several splits, so that these are not independent: {}.", some(&counts.in_several_splits)),
    };
    let caption = format!(
        "One sample per group, such as a patient: {} samples of {} groups, decided by the mean of their probabilities.{left_out}{leaking} {}",
        counts.n_samples,
        counts.n_groups,
        about_intervals(statistics)
    );
    let shown = |score: &Score| statistics.rows.iter().any(|row| row.score == *score && row.value.is_some());
    let scores: Vec<Score> = PER_GROUP.into_iter().filter(shown).collect();
    let header = ["split", "groups"].into_iter().chain(scores.iter().map(|score| score_words(*score, false)));
    let mut table = Table::new(header).caption(caption);
    for split in splits(statistics) {
        let row = |score: Score| statistics.find(&split, None, score, None);
        let n = row(Score::Accuracy).map_or(Cell::missing(""), |row| Cell::count(row.n));
        let cells = scores.iter().map(|score| score_cell(row(*score)));
        table.push([Cell::text(&split), n].into_iter().chain(cells));
    }
    table
}

/// The first names of a list, in code.
fn some(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{}`", verbatim(name))).collect();
    let more = names.len().saturating_sub(5);
    shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// Net benefit over thresholds, against acting on all and on none.
fn chart(curve: &DecisionCurve) -> LineChart {
    let low = LOWEST * curve.prevalence;
    let points = || curve.points.iter().filter(|point| point.net_benefit >= low);
    let model = Series::new("act on the model", points().map(|point| (point.threshold, point.net_benefit)))
        .band(points().filter_map(|point| {
            let interval = point.interval?;
            Some((point.threshold, interval.low.max(low), interval.high))
        }))
        .emphasised();
    let all = curve.points.iter().filter(|point| point.treat_all >= low);
    let notes = if curve.notes.is_empty() { String::new() } else { format!(" {}.", curve.notes.join("; ")) };
    let caption = format!(
        "Found cases per sample, less false alarms at the price that acting from this probability on implies (Vickers and Elkin 2006). Acting on the \
         model is of use where its curve is the highest. The band holds {} % intervals, each for itself; prevalence {:.3}.{notes}",
        percent(curve.confidence),
        curve.prevalence
    );
    LineChart::new(format!("Net benefit of acting on `{}`", curve.class))
        .caption(caption)
        .x(Axis::new("probability from which on one acts").range(0.0, 1.0))
        .y(Axis::new("net benefit"))
        .series(model)
        .series(Series::new("act on all", all.map(|point| (point.threshold, point.treat_all))))
        .series(Series::new("act on none", [(0.01, 0.0), (0.99, 0.0)]))
}

/// A number with its interval, or why there is none.
pub(super) fn cell(estimate: &Estimate, decimals: usize) -> Cell {
    let note = estimate.note.clone().unwrap_or_default();
    let Some(value) = estimate.value else { return Cell::missing(note) };
    let cell = Cell::number(value, decimals).note(note);
    estimate.interval.map_or(cell.clone(), |it| cell.interval(it.low, it.high))
}
