//! An audit as plain text for people.

use crate::audit::Audit;
use crate::counterfactual::Counterfactual;
use crate::estimate::Estimate;
use crate::faithfulness::Faithfulness;
use crate::marks::MarkEffect;
use crate::readability::{Readability, Target};
use crate::relevance::Relevance;
use crate::verdict::{Answer, Outcome, Side, Verdict};

/// The verdicts, then a table per answered question. Intervals stand in brackets.
pub fn report(audit: &Audit) -> String {
    let mut parts = vec![verdicts(&audit.verdicts)];
    let found = |part: Option<String>| part.into_iter();
    parts.extend(found(audit.relevance.as_ref().and_then(Answer::found).map(relevance)));
    parts.extend(found(audit.counterfactual.as_ref().and_then(Answer::found).map(counterfactual)));
    parts.extend(found(audit.marks.as_ref().and_then(Answer::found).map(marks)));
    parts.extend(found(audit.readability.as_ref().and_then(Answer::found).map(readability)));
    parts.extend(found(audit.faithfulness.as_ref().and_then(Answer::found).map(faithfulness)));
    parts.join("\n")
}

/// A line per verdict, its notes below it.
pub fn verdicts(verdicts: &[Verdict]) -> String {
    let mut rows = vec![["verdict", "question", "figure", "value", "threshold"].map(str::to_owned).to_vec()];
    let mut notes = Vec::new();
    for verdict in verdicts {
        rows.push(vec![
            outcome(verdict.outcome).to_owned(),
            verdict.question.name().to_owned(),
            verdict.figure.to_owned(),
            text(verdict.value),
            threshold(verdict),
        ]);
        let each = verdict.reason.iter().chain(&verdict.notes);
        notes.extend(each.map(|note| format!("{}: {note}", verdict.question.name())));
    }
    let mut lines = aligned(&rows);
    if !notes.is_empty() {
        lines.push('\n');
        notes.iter().for_each(|note| lines.push_str(&format!("{note}\n")));
    }
    lines
}

/// Where the relevance lies.
pub fn relevance(found: &Relevance) -> String {
    let mut rows = vec![header(&["relevance", "n", "on background", "area alone", "mass accuracy", "pointing game"])];
    for row in &found.rows {
        let name = match (&row.class, &row.source) {
            (None, None) => "all".to_owned(),
            (Some(class), None) => class.clone(),
            (None, Some(source)) => format!("source {source}"),
            (Some(class), Some(source)) => format!("{class}, source {source}"),
        };
        let n = row.background_share.map_or(0, |share| share.n).to_string();
        let figures = [row.background_share, row.background_area, row.mass_accuracy, row.pointing_game];
        rows.push([name, n].into_iter().chain(figures.map(text)).collect());
    }
    aligned(&rows)
}

/// What other backgrounds do.
pub fn counterfactual(found: &Counterfactual) -> String {
    let mut rows = vec![header(&["background", "n", "accuracy", "change", "flips", "change of p(label)"])];
    for row in &found.rows {
        let n = row.n.to_string();
        let figures = [row.accuracy, row.accuracy_change, row.flips, row.probability_change];
        rows.push([row.variant.name().to_owned(), n].into_iter().chain(figures.map(text)).collect());
    }
    let gap = format!("BG-Gap (mixed_same - mixed_rand): {}\n", text(found.bg_gap));
    aligned(&rows) + &gap
}

/// What marks do.
pub fn marks(found: &MarkEffect) -> String {
    let mut rows = vec![header(&["mark", "n", "accuracy", "flips", "to its class"])];
    let n = found.n.to_string();
    let [own, none, other] = found.accuracy.map(text);
    let line =
        |name: &str, accuracy, flips, towards| vec![name.to_owned(), n.clone(), accuracy, text(flips), text(towards)];
    if found.marks.is_empty() {
        rows.push(line("none", none, None, None));
        rows.push(line("the picture", other, found.flips, None));
    } else {
        rows.push(line("of its class", own, found.flips_by_own, None));
        rows.push(line("none", none, None, None));
        rows.push(line("of another class", other, found.flips, found.towards));
    }
    let named = if found.marks.is_empty() { String::new() } else { format!("marks: {}\n", found.marks.join(", ")) };
    aligned(&rows) + &named
}

/// What backgrounds and foregrounds give away.
pub fn readability(found: &Readability) -> String {
    let mut rows = vec![header(&["readable", "from", "n", "AUC", "accuracy", "balanced", "most frequent"])];
    for row in &found.rows {
        let target = if row.target == Target::Label { "label" } else { "source" };
        let region = row.region.name();
        let n = row.auc.map_or(0, |auc| auc.n).to_string();
        let figures = [row.auc, row.accuracy, row.balanced_accuracy].map(text);
        let majority = if row.missing.is_some() { "-".to_owned() } else { format!("{:.3}", row.majority) };
        let names = [target.to_owned(), region.to_owned(), n].into_iter();
        rows.push(names.chain(figures).chain([majority]).collect());
    }
    aligned(&rows)
}

/// What the heatmaps are worth.
pub fn faithfulness(found: &Faithfulness) -> String {
    let mut rows = vec![vec!["taken away".to_owned()]];
    for curve in &found.curves {
        let order = format!("{:?}", curve.order);
        let words = order.chars().enumerate().flat_map(|(place, letter)| {
            let space = (letter.is_uppercase() && place > 0).then_some(' ');
            space.into_iter().chain(letter.to_lowercase())
        });
        rows[0].push(format!("{} first", words.collect::<String>()));
    }
    let steps = found.curves.first().map_or(0, |curve| curve.taken.len());
    for step in 0..steps {
        let share = format!("{:.0} %", 100.0 * found.curves[0].taken[step]);
        let values = found.curves.iter().map(|curve| curve.probability[step].map(|p| format!("{:.3}", p.value)));
        rows.push([share].into_iter().chain(values.map(|value| value.unwrap_or("-".to_owned()))).collect());
    }
    let mut lines = aligned(&rows);
    let gains = [("deletion", found.deletion_gain), ("insertion", found.insertion_gain)];
    gains.into_iter().for_each(|(name, gain)| lines.push_str(&format!("{name} gain over random: {}\n", text(gain))));
    for stage in &found.randomised {
        let answers = stage.answers.map(|alike| format!(", of the answers {alike:.3}")).unwrap_or_default();
        let maps = text(stage.correlation);
        lines.push_str(&format!("rank correlation, {} randomised: of the maps {maps}{answers}\n", stage.weights));
    }
    lines
}

/// `0.123 [0.100, 0.150]`, or `-`.
pub fn text(estimate: Option<Estimate>) -> String {
    match estimate {
        None => "-".to_owned(),
        Some(Estimate { value, interval: None, .. }) => format!("{value:.3}"),
        Some(Estimate { value, interval: Some(interval), .. }) => {
            format!("{value:.3} [{:.3}, {:.3}]", interval.low, interval.high)
        }
    }
}

/// The outcome in a word or two.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "FAILED",
        Outcome::Undecided => "undecided",
        Outcome::Warning => "warning",
        Outcome::NotAnswerable => "not answerable",
    }
}

/// `at most 0.3 (--max-background-share)`.
pub fn threshold(verdict: &Verdict) -> String {
    let side = match verdict.threshold.side {
        Side::AtMost => "at most",
        Side::AtLeast => "at least",
    };
    format!("{side} {} ({})", verdict.threshold.bound, verdict.threshold.option)
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Columns as wide as their widest cell.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
