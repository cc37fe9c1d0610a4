//! `isnet data check`

use anyhow::bail;
use isnet_data::{CheckOptions, CheckReport, Count, Goal, Manifest, ManifestOptions, Severity, check};
use isnet_run::config::{DataSource, split_override};
use isnet_run::{RunConfig, datasets};

use crate::Answer;
use crate::args::DataCheckArgs;
use crate::progress::{print, say};

/// Reads everything, lists every problem; the answer is no if one is fatal.
pub fn run(args: &DataCheckArgs) -> anyhow::Result<Answer> {
    let is_config = args.data.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let report = match is_config {
        true => of_config(args)?,
        false => of_files(args)?,
    };
    print(&if args.json { json(&report) } else { text(&report) });
    Ok(if report.is_fatal() { Answer::No } else { Answer::Yes })
}

/// What a configuration would train on, with its columns, classes, task, splits and size.
fn of_config(args: &DataCheckArgs) -> anyhow::Result<CheckReport> {
    if let Some(option) = own_options(args).or(args.masks.is_some().then_some("--masks")) {
        bail!(
            "`{option}` is for a manifest or folder; a configuration says it itself: change the key with `--set`, like \
             `--set data.train_split=train`"
        );
    }
    let overrides = args.overrides.iter().map(|text| split_override(text)).collect::<Result<Vec<_>, _>>()?;
    let config = RunConfig::load(&args.data, &overrides)?;
    config.warnings().iter().for_each(|warning| say(&format!("note: {warning}")));
    if let DataSource::Phantom(_) | DataSource::Shapes(_) = config.data.source {
        say("the images of this configuration are generated; there is nothing to check");
        return Ok(CheckReport { problems: Vec::new(), counts: Vec::new() });
    }
    let manifest = datasets::manifest_to_check(&config)?;
    Ok(check(&manifest, &datasets::check_options(&config, Some(&manifest))?))
}

/// The first option that was given and that a configuration has a key for.
fn own_options(args: &DataCheckArgs) -> Option<&'static str> {
    let given = [
        (args.image_column.is_some(), "--image-column"),
        (args.mask_column.is_some(), "--mask-column"),
        (args.group.is_some(), "--group"),
        (args.classes.is_some(), "--classes"),
        (args.task.is_some(), "--task"),
        (!args.splits.is_empty(), "--split"),
        (args.train_split.is_some(), "--train-split"),
        (args.validation_split.is_some(), "--validation-split"),
        (args.external, "--external"),
    ];
    given.into_iter().find_map(|(is_given, name)| is_given.then_some(name))
}

/// A manifest, or a folder with a folder per class.
fn of_files(args: &DataCheckArgs) -> anyhow::Result<CheckReport> {
    if !args.overrides.is_empty() {
        bail!("`--set` changes keys of a configuration; `{}` is none", args.data.display());
    }
    let defaults = ManifestOptions::default();
    let train_split = args.train_split.clone().unwrap_or_else(|| "train".into());
    let goal = if args.external { Goal::Test } else { Goal::Classify };
    let options = ManifestOptions {
        image_column: args.image_column.clone().unwrap_or(defaults.image_column),
        mask_column: args.mask_column.clone().unwrap_or(defaults.mask_column),
        group_column: args.group.clone().unwrap_or(defaults.group_column),
        classes: args.classes.clone(),
        class_splits: (goal == Goal::Classify).then(|| vec![train_split.clone()]),
        task: args.task,
    };
    if args.data.join("manifest.csv").is_file() {
        bail!("`{0}` holds a manifest; name it: `isnet data check {0}/manifest.csv`", args.data.display());
    }
    let manifest = match (args.data.is_dir(), &args.masks) {
        (true, masks) => Manifest::from_folders_lenient(&args.data, masks.as_deref(), &options)?,
        (false, None) => Manifest::read_lenient(&args.data, &options)?,
        (false, Some(_)) => bail!("`--masks` belongs to a folder of images; a manifest names its masks itself"),
    };
    let options = CheckOptions {
        goal,
        train_splits: vec![train_split],
        validation_split: (!args.external).then(|| args.validation_split.clone().unwrap_or_else(|| "val".into())),
        splits: args.splits.clone(),
        preparation: None,
    };
    Ok(check(&manifest, &options))
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
