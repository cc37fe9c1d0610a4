//! What a comparison of models found, as a document for people.

use isnet_report::{Document, Section};
use isnet_run::Versions;

use super::parts::about_intervals_of;
use super::{Distance, Entry, SideBySide, repeat_section, standing, test_section};
use isnet_statistics::{Comparison, Score, Summary};

/// The scores of tables and plots.
const SHOWN: [Score; 4] = [Score::Accuracy, Score::F1, Score::Auc, Score::BackgroundShare];

/// What a document about a comparison is made from.
#[derive(Clone, Copy)]
pub struct ComparisonReport<'a> {
    /// The models by name; the others are held against the first.
    pub models: &'a [(&'a str, &'a Summary)],
    /// The tests; `None` if the models were not evaluated on the same samples.
    pub comparison: Option<&'a Comparison>,
    /// The command that made the comparison.
    pub command: &'a str,
    /// What it was made with.
    pub versions: &'a Versions,
}

/// The whole document: who stands where, scores, tests, and how to repeat it.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Settings, compare, summary};
/// # use isnet_eval::report::{ComparisonReport, comparison_document};
/// let model = |ill: f64| {
///     let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
///     (0..40).for_each(|idx| predictions.push(&idx.to_string(), "", "test", &[1], &[1.0 - ill, ill]));
///     predictions
/// };
/// let (wrong, right) = (model(0.1), model(0.9));
/// let settings = Settings { by_class: false, ..Settings::default() };
/// let summaries = [summary(&wrong, &settings)?, summary(&right, &settings)?];
/// let document = comparison_document(&ComparisonReport {
///     models: &[("wrong", &summaries[0]), ("right", &summaries[1])],
///     comparison: Some(&compare(&[("wrong", &wrong), ("right", &right)], &settings)?),
///     command: "isnet compare wrong.csv right.csv --output compared",
///     versions: &isnet_run::Versions::current("cpu", 1),
/// });
/// let titles: Vec<&str> = document.sections.iter().map(|section| section.title.as_str()).collect();
/// assert_eq!(titles, ["Summary", "Scores", "Tests against wrong", "How to repeat it"]);
/// assert!(document.to_markdown("").text.contains("better: right (+1.00)"));
/// # Ok::<(), isnet_eval::EvalError>(())
/// ```
pub fn comparison_document(report: &ComparisonReport) -> Document {
    let names: Vec<&str> = report.models.iter().map(|(name, _)| *name).collect();
    let short = short_names(&names);
    let comparison = report.comparison.map(|comparison| renamed(comparison, &names, &short));
    let entries = short.iter().zip(report.models).map(|(name, (_, summary))| Entry::model(name, summary)).collect();
    let side_by_side = SideBySide { what: "model", counted: "samples", scores: SHOWN.to_vec(), entries };
    let distances = comparison.as_ref().map_or_else(Vec::new, Distance::of_models);
    let mut summary = Section::new("Summary");
    standing(&side_by_side, &distances, "over samples").into_iter().for_each(|block| summary.push(block));
    if report.comparison.is_none() && report.models.len() > 1 {
        summary.push("**No tests**: the models were not evaluated on the same samples.");
    }
    let summaries: Vec<&Summary> = report.models.iter().map(|(_, summary)| *summary).collect();
    let mut document = Document::new(match names.as_slice() {
        [one] => format!("Scores of {one}"),
        _ => format!("Comparison of {} models", names.len()),
    })
    .subtitle("Who is better on which data, and how sure that is")
    .fact("models", names.join(", "))
    .fact("made by", format!("isnet {}", report.versions.isnet));
    if !summary.blocks.is_empty() {
        document.sections.push(summary);
    }
    document.sections.push(side_by_side.section(about_intervals_of(&summaries)));
    let about = "Tests take the models as they are: what another training would give they do not know.";
    document.sections.extend(comparison.as_ref().map(|comparison| test_section(comparison, "model", about)));
    document.sections.push(repeat_section(report.command, "", report.versions));
    document
}

/// Names of paths without the folders that all of them begin or end with: there is little room beside a plot.
fn short_names(names: &[&str]) -> Vec<String> {
    let paths: Vec<Vec<&str>> = names.iter().map(|name| name.split('/').collect()).collect();
    let Some(first) = paths.first().filter(|_| paths.len() > 1) else {
        return names.iter().map(ToString::to_string).collect();
    };
    let shortest = paths.iter().map(Vec::len).min().unwrap_or(1);
    // Of each name something is left.
    let front = (0..shortest - 1).take_while(|&idx| paths.iter().all(|path| path[idx] == first[idx])).count();
    let from_end = |path: &[&str], idx: usize| path[path.len() - 1 - idx].to_owned();
    let back = (0..shortest - 1 - front)
        .take_while(|&idx| paths.iter().all(|path| from_end(path, idx) == from_end(first, idx)))
        .count();
    paths.iter().map(|path| path[front..path.len() - back].join("/")).collect()
}

/// The comparison with other names for its models.
fn renamed(comparison: &Comparison, names: &[&str], short: &[String]) -> Comparison {
    let of =
        |name: &str| names.iter().position(|it| *it == name).map_or_else(|| name.to_owned(), |idx| short[idx].clone());
    let mut renamed = comparison.clone();
    renamed.baseline = of(&comparison.baseline);
    renamed.rows.iter_mut().for_each(|row| row.model = of(&row.model));
    renamed
}

#[cfg(test)]
mod tests {
    use super::short_names;

    #[test]
    fn names_lose_the_folders_that_they_share_and_stay_different() {
        let check = |names: &[&str], expected: &[&str]| assert_eq!(short_names(names), expected);
        check(&["runs/a", "runs/b"], &["a", "b"]);
        check(&["/s/isnet/seed-0", "/s/rrr/seed-0"], &["isnet", "rrr"]);
        check(&["s/isnet/seed-0", "s/isnet/seed-1"], &["seed-0", "seed-1"]);
        check(&["a", "runs/a"], &["a", "runs/a"]);
        check(&["runs/a", "runs/a/b"], &["a", "a/b"]);
        check(&["ours.csv", "theirs.csv"], &["ours.csv", "theirs.csv"]);
        check(&["runs/alone"], &["runs/alone"]);
        check(&[], &[]);
    }
}
