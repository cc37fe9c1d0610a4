//! `isnet compare`

use std::path::{Path, PathBuf};

use anyhow::bail;
use isnet_eval::render;
use isnet_eval::report::{ComparisonReport, comparison_document};
use isnet_files::Place;
use isnet_report::Document;
use isnet_run::Versions;
use isnet_statistics::{Comparison, Predictions, StatisticsError, Summary, compare, predictions_csv, summary};

use crate::Answer;
use crate::args::CompareArgs;
use crate::output::{Output, existing};
use crate::pages;
use crate::progress::{print, say};
use crate::shell::command_line;

/// One table over runs and splits, and tests of each run against the first.
pub fn run(args: &CompareArgs) -> anyhow::Result<Answer> {
    let names: Vec<String> = args.runs.iter().map(|path| path.display().to_string()).collect();
    if let Some(twice) = (1..names.len()).find(|&index| names[..index].contains(&names[index])) {
        bail!("`{}` is named twice", names[twice]);
    }
    let inputs: Vec<&Path> = args.runs.iter().map(PathBuf::as_path).collect();
    let output = args.output.as_ref().map(|folder| {
        let existing = existing(args.overwrite);
        Output::open(&Place { command: "compare", folder, existing, inputs: &inputs, searched: &[] })
    });
    let output = output.transpose()?;
    let mut models = Vec::new();
    for (path, name) in args.runs.iter().zip(&names) {
        models.push((name.as_str(), of_splits(load(path, args.task)?, args, name)?));
    }
    let settings = args.statistics.settings();
    let summaries: Vec<(&str, Summary)> = models
        .iter()
        .map(|(name, predictions)| Ok((*name, summary(predictions, &settings)?)))
        .collect::<Result<_, StatisticsError>>()?;
    let comparison = if models.len() > 1 { differences(&models, args)? } else { None };
    let all: serde_json::Map<String, serde_json::Value> = summaries
        .iter()
        .map(|(name, summary)| Ok(((*name).to_owned(), serde_json::to_value(summary)?)))
        .collect::<Result<_, serde_json::Error>>()?;
    let json = serde_json::json!({ "models": all, "comparison": comparison });
    let shown: Vec<(&str, &Summary)> = summaries.iter().map(|(name, summary)| (*name, summary)).collect();
    if args.json {
        print(&serde_json::to_string_pretty(&json)?);
    } else {
        print(&render::models(&shown));
        if let Some(comparison) = &comparison {
            print(&render::comparison(comparison));
        }
    }
    if let Some(output) = &output {
        output.write_json("comparison.json", &json)?;
        let mut written = vec!["comparison.json"];
        if !args.no_report {
            pages::write(&document(&shown, comparison.as_ref()), output)?;
            written.extend(["report.html", "report.md"]);
        }
        say(&output.written(&written));
    }
    Ok(Answer::Yes)
}

/// The page about it.
fn document(models: &[(&str, &Summary)], comparison: Option<&Comparison>) -> Document {
    // Only tables of predictions are read.
    let versions = Versions::here("cpu");
    comparison_document(&ComparisonReport { models, comparison, command: &command_line(), versions: &versions })
}

/// The predictions of a run folder, or of a table that any tool wrote.
fn load(path: &Path, task: Option<isnet_data::Task>) -> anyhow::Result<Predictions> {
    if !path.is_dir() {
        return Ok(predictions_csv::load(path, task.map(Into::into))?);
    }
    if !path.join("predictions.csv").exists() {
        bail!("`{0}` has no `predictions.csv`; run `isnet evaluate {0}` first", path.display());
    }
    Ok(predictions_csv::load_run(path)?)
}

fn of_splits(predictions: Predictions, args: &CompareArgs, name: &str) -> anyhow::Result<Predictions> {
    if let Some(unknown) = args.splits.iter().find(|split| !predictions.splits.contains(split)) {
        bail!("no split `{unknown}` in `{name}`");
    }
    Ok(predictions.of_splits(|split| args.splits.is_empty() || args.splits.iter().any(|wanted| wanted == split)))
}

/// The differences on the splits that all models have. Models that saw other samples are still shown side by side.
fn differences(models: &[(&str, Predictions)], args: &CompareArgs) -> anyhow::Result<Option<Comparison>> {
    let common = |split: &str| models.iter().all(|(_, it)| it.splits.iter().any(|other| other == split));
    let shared: Vec<(&str, Predictions)> = models.iter().map(|(name, it)| (*name, it.of_splits(common))).collect();
    if shared[0].1.is_empty() {
        say("no tests: the models have no split in common");
        return Ok(None);
    }
    let shown: Vec<(&str, &Predictions)> = shared.iter().map(|(name, it)| (*name, it)).collect();
    match compare(&shown, &args.tested()) {
        Err(error @ StatisticsError::Unpaired { .. }) => {
            say(&format!("no tests: {error}"));
            Ok(None)
        }
        found => Ok(Some(found?)),
    }
}
