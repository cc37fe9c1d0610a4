//! `isnet evaluate`

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use isnet_data::Dataset;
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::evaluation::Evaluation;
use isnet_eval::render;
use isnet_eval::report::{EvaluationReport, Pictures, epochs, evaluation_document};
use isnet_files::Place;
use isnet_report::Document;
use isnet_run::{Datasets, Model, RunConfig, RunDir, Versions};
use isnet_statistics::{Predictions, predictions_csv};

use crate::Answer;
use crate::args::EvaluateArgs;
use crate::output::{Output, existing};
use crate::pages;
use crate::progress::{print, say};
use crate::shell::command_line;

/// Pictures of each kind in the report.
const PICTURES: usize = 6;

/// A model with all that it was evaluated on.
struct Evaluated {
    model: Model,
    datasets: Vec<NamedDataset>,
    validation: Option<Predictions>,
    /// `config.toml`, resolved.
    config: String,
}

/// Scores a model on the splits of its data, or predictions that were made elsewhere.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<Answer> {
    let is_table = args.model.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let output = output(args, is_table)?;
    let (mut predictions, evaluated) = match is_table {
        true => (read(args)?, None),
        false => predict(args).map(|(predictions, evaluated)| (predictions, Some(evaluated)))?,
    };
    let validation = evaluated.as_ref().and_then(|it| it.validation.as_ref());
    let found = Evaluation::of(&mut predictions, validation, &args.statistics.settings())?;
    output.write_json("metrics.json", &found)?;
    let mut written = vec!["metrics.json"];
    if evaluated.is_some() {
        let mut table = Vec::new();
        predictions_csv::write(&predictions, &mut table)?;
        output.write("predictions.csv", &table)?;
        written.push("predictions.csv");
    }
    if !args.no_report {
        pages::write(&document(args, &predictions, &found, evaluated.as_ref())?, &output)?;
        written.extend(["report.html", "report.md"]);
    }
    if args.json {
        print(&serde_json::to_string_pretty(&found)?);
    } else {
        print(&render::report(&found.splits, &found.statistics));
        say(&output.written(&written));
    }
    Ok(Answer::Yes)
}

/// The page about it.
fn document(
    args: &EvaluateArgs,
    predictions: &Predictions,
    found: &Evaluation,
    evaluated: Option<&Evaluated>,
) -> anyhow::Result<Document> {
    let run = RunDir::open(&args.model).ok();
    let epochs = run.as_ref().map_or_else(|| Ok(Vec::new()), epochs)?;
    let shown = |it: &Evaluated| !args.no_explain && !it.datasets.is_empty();
    let pictures = evaluated.filter(|it| shown(it)).map(|it| Pictures {
        model: &it.model,
        datasets: &it.datasets,
        most: PICTURES,
    });
    Ok(evaluation_document(&EvaluationReport {
        name: &args.model.display().to_string(),
        predictions,
        statistics: &found.statistics,
        settings: &args.statistics.settings(),
        epochs: &epochs,
        pictures,
        config: evaluated.map_or("", |it| &it.config),
        command: &command_line(),
        versions: &Versions::here(&args.device),
    })?)
}

/// Predictions of another tool, or of an earlier evaluation.
fn read(args: &EvaluateArgs) -> anyhow::Result<Predictions> {
    if args.config.is_some() || args.group.is_some() {
        bail!("`{}` holds predictions: `--config` and `--group` are for models", args.model.display());
    }
    let found = predictions_csv::load(&args.model, args.task.map(Into::into))?;
    if args.splits.is_empty() {
        return Ok(found);
    }
    if let Some(unknown) = args.splits.iter().find(|split| !found.splits.contains(split)) {
        bail!("no split `{unknown}` in `{}`", args.model.display());
    }
    let chosen: Vec<usize> = (0..found.len()).filter(|&sample| args.splits.contains(&found.splits[sample])).collect();
    Ok(found.select(&chosen))
}

/// Predictions on the asked splits and, where the thresholds of a multi-label task are chosen on it, on the validation data.
fn predict(args: &EvaluateArgs) -> anyhow::Result<(Predictions, Evaluated)> {
    if args.task.is_some() {
        bail!("`--task` is for tables of predictions; the model `{}` knows its own", args.model.display());
    }
    let device = isnet_run::device::device(&args.device)?;
    let model = Model::load_classifier(&args.model, &device)?;
    let mut config = match &args.config {
        Some(path) => RunConfig::load(path, &[])?,
        None => RunDir::open(&args.model)?.config()?,
    };
    // The model decides what it is fed, how its outputs are ordered, and what its task is.
    config.data.classes = Some(model.classes.clone());
    config.data.task = Some(model.task.into());
    config.data.prepare_as(&model.preparation);
    if let Some(column) = &args.group {
        config.data.group_column.clone_from(column);
    }
    let data = Datasets::open_to_test(&config.data)?;
    let validation = data.validation.clone().filter(|_| model.task == isnet_data::Task::MultiLabel);
    let explaining = if args.no_explain { Explain::No } else { Explain::Predicted };
    let mut all = Predictions::new(model.classes.clone(), model.task.into());
    let datasets = splits(args, &config, data)?;
    for (name, dataset) in &datasets {
        dataset.check_labels()?;
        let found = evaluate(&model, dataset, name, explaining, |_| ())?;
        say(&format!("{name}: {} images", found.len()));
        all.append(found);
    }
    let validation = validation.map(|dataset| {
        say("choosing the threshold of each label on the validation data");
        evaluate(&model, &dataset, &config.data.validation_split, Explain::No, |_| ())
    });
    let evaluated = Evaluated { validation: validation.transpose()?, model, datasets, config: config.to_toml()? };
    Ok((all, evaluated))
}

/// Where the evaluation is written: beside the model or the predictions, unless somewhere else is asked for.
fn output(args: &EvaluateArgs, is_table: bool) -> anyhow::Result<Output> {
    if !is_table {
        isnet_run::check_model(&args.model)?;
    }
    let existing = existing(args.overwrite);
    if let Some(folder) = &args.output {
        let place = Place { command: "evaluate", folder, existing, inputs: &[&args.model], searched: &[] };
        // Another run has an evaluation of its own.
        let is_same =
            folder.canonicalize().ok().is_some_and(|path| args.model.canonicalize().is_ok_and(|own| own == path));
        return if is_same { Output::of_run_or_beside(&place, &[]) } else { Output::open(&place) };
    }
    let beside = if args.model.is_dir() { args.model.as_path() } else { args.model.parent().unwrap_or(Path::new("")) };
    let folder = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
    if !folder.is_dir() {
        bail!("`{}` does not exist", args.model.display());
    }
    let mut names = vec!["metrics.json"];
    if !is_table {
        names.push("predictions.csv");
    }
    if !args.no_report {
        names.extend(["report.html", "report.md", "report_files/"]);
    }
    Output::of_run_or_beside(&Place { command: "evaluate", folder, existing, inputs: &[], searched: &[] }, &names)
}

type NamedDataset = (String, Arc<dyn Dataset>);

fn splits(args: &EvaluateArgs, config: &RunConfig, data: Datasets) -> anyhow::Result<Vec<NamedDataset>> {
    let mut known: Vec<NamedDataset> = data.tests;
    if args.splits.is_empty() && !known.is_empty() {
        return Ok(known);
    }
    if !data.train.is_empty() {
        known.push((config.data.train_split.clone(), data.train));
    }
    known.extend(data.validation.map(|dataset| (config.data.validation_split.clone(), dataset)));
    if args.splits.is_empty() {
        return Ok(known);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(unknown) = args.splits.iter().find(|split| !names.contains(&split.as_str())) {
        bail!("no split `{unknown}` in the data; it has {}", names.join(", "));
    }
    Ok(known.into_iter().filter(|(name, _)| args.splits.contains(name)).collect())
}
