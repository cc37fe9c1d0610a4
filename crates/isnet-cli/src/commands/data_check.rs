//! `isnet data check`

use isnet_data::{CheckOptions, CheckReport, Count, Manifest, ManifestOptions, Severity, check};

use crate::Answer;
use crate::args::DataCheckArgs;
use crate::progress::print;

/// Reads everything, lists every problem; the answer is no if one is fatal.
pub fn run(args: &DataCheckArgs) -> anyhow::Result<Answer> {
    let options = ManifestOptions {
        image_column: args.image_column.clone(),
        mask_column: args.mask_column.clone(),
        classes: args.classes.clone(),
        ..Default::default()
    };
    let manifest = Manifest::read_lenient(&args.manifest, &options)?;
    let options =
        CheckOptions { train_split: args.train_split.clone(), splits: args.splits.clone(), ..Default::default() };
    let report = check(&manifest, &options);
    print(&if args.json { json(&report) } else { text(&report) });
    Ok(if report.is_fatal() { Answer::No } else { Answer::Yes })
}

fn text(report: &CheckReport) -> String {
    let mut lines = count_lines(&report.counts);
    lines.push(String::new());
    lines.extend(report.problems.iter().map(ToString::to_string));
    let (fatal, warnings) = (report.count(Severity::Fatal), report.count(Severity::Warning));
    lines.push(format!("{fatal} fatal problem(s), {warnings} warning(s)"));
    lines.join("\n")
}

/// Records per split, class and source, as a table.
pub fn count_lines(counts: &[Count]) -> Vec<String> {
    let header = format!("{:14}  {:18}  {:18}  {:>7}  {:>9}", "split", "class", "source", "records", "with mask");
    let line = |count: &Count| {
        let Count { split, class, source, records, with_mask } = count;
        format!("{split:14}  {class:18}  {source:18}  {records:>7}  {with_mask:>9}")
    };
    [header].into_iter().chain(counts.iter().map(line)).collect()
}

fn json(report: &CheckReport) -> String {
    let problem = |problem: &isnet_data::Problem| {
        serde_json::json!({
            "severity": if problem.severity == Severity::Fatal { "fatal" } else { "warning" },
            "line": problem.line,
            "path": problem.path,
            "kind": format!("{:?}", problem.kind),
            "message": problem.message,
        })
    };
    let problems: Vec<_> = report.problems.iter().map(problem).collect();
    serde_json::json!({ "fatal": report.is_fatal(), "problems": problems }).to_string()
}
