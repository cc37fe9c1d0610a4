//! `isnet evaluate`

use std::sync::Arc;

use anyhow::{Context, bail};
use isnet_data::Dataset;
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::metrics::{Predictions, scores_by_split};
use isnet_eval::{predictions_csv, render};
use isnet_run::{Datasets, Model, RunConfig, RunDir, atomic};

use crate::Answer;
use crate::args::EvaluateArgs;
use crate::progress::{print, say};

/// Scores a model on the splits of its data.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<Answer> {
    let device = isnet_run::device::device(&args.device)?;
    let model = Model::load(&args.model, &device)?;
    let mut config = match &args.config {
        Some(path) => RunConfig::load(path, &[])?,
        None => RunDir::open(&args.model)?.config()?,
    };
    // The model decides what it is fed and how its outputs are ordered.
    config.data.classes = Some(model.classes.clone());
    (config.data.height, config.data.width) = (model.preparation.height, model.preparation.width);
    config.data.channels = model.preparation.channels;
    config.data.fit = model.preparation.fit.into();
    let data = Datasets::open(&config.data)?;
    let explaining = if args.no_explain { Explain::No } else { Explain::Predicted };
    let mut all = Predictions::new(model.classes.clone(), task(&model));
    for (name, dataset) in splits(args, &config, data)? {
        let found = evaluate(&model, &dataset, &name, explaining, |_| ())?;
        say(&format!("{name}: {} images", found.len()));
        append(&mut all, found);
    }
    let scores = scores_by_split(&all)?;
    let folder = args.output.clone().unwrap_or_else(|| {
        if args.model.is_dir() { args.model.clone() } else { args.model.parent().unwrap_or(&args.model).to_owned() }
    });
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    atomic::write_json(&folder.join("metrics.json"), &scores)?;
    predictions_csv::save(&all, &folder.join("predictions.csv"))?;
    if args.json {
        print(&serde_json::to_string_pretty(&scores)?);
    } else {
        print(&render::report(&scores));
        say(&format!("written: {0}/metrics.json, {0}/predictions.csv", folder.display()));
    }
    Ok(Answer::Yes)
}

/// The task in the words of the metrics.
pub fn task(model: &Model) -> isnet_eval::metrics::Task {
    match model.task {
        isnet_data::Task::SingleLabel => isnet_eval::metrics::Task::Single,
        isnet_data::Task::MultiLabel => isnet_eval::metrics::Task::Multi,
    }
}

type NamedDataset = (String, Arc<dyn Dataset>);

fn splits(args: &EvaluateArgs, config: &RunConfig, data: Datasets) -> anyhow::Result<Vec<NamedDataset>> {
    let mut known: Vec<NamedDataset> = data.tests;
    if args.splits.is_empty() && !known.is_empty() {
        return Ok(known);
    }
    known.push((config.data.train_split.clone(), data.train));
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

fn append(all: &mut Predictions, more: Predictions) {
    all.ids.extend(more.ids);
    all.sources.extend(more.sources);
    all.splits.extend(more.splits);
    all.labels.extend(more.labels);
    all.probabilities.extend(more.probabilities);
    all.background_share.extend(more.background_share);
}
