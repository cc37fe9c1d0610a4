//! `isnet evaluate`

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use isnet_data::Dataset;
use isnet_eval::checklist::{Checklist, Evidence};
use isnet_eval::clinical::{Clinical, flow};
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::evaluation::Evaluation;
use isnet_eval::render;
use isnet_eval::report::{EvaluationReport, Pictures, epochs, evaluation_document};
use isnet_files::Place;
use isnet_report::Document;
use isnet_run::{Datasets, Model, RunConfig, RunDir, Versions};
use isnet_statistics::{Exclusion, FlowCount, Predictions, Task, predictions_csv};

use crate::Answer;
use crate::args::EvaluateArgs;
use crate::output::{Output, existing};
use crate::pages;
use crate::progress::{print, say};
use crate::shell::command_line;

/// Pictures of each kind in the report.
const PICTURES: usize = 6;
/// Splits of tables that the model learned from, and on which thresholds are chosen.
const TRAIN_SPLITS: [&str; 2] = ["train", "training"];
const VALIDATION_SPLITS: [&str; 4] = ["val", "valid", "validation", "dev"];

/// What is scored, and what is not.
struct Given {
    predictions: Predictions,
    /// Samples that thresholds are chosen on, and the split that they are of.
    validation: Option<(String, Predictions)>,
    left_out: Vec<Exclusion>,
    /// Splits that the model learned from, or that thresholds are chosen on.
    seen: Vec<String>,
}

/// A model with all that it was evaluated on.
struct Evaluated {
    model: Model,
    datasets: Vec<NamedDataset>,
    config: RunConfig,
}

/// Scores a model on the splits of its data, or predictions that were made elsewhere.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<Answer> {
    let is_table = args.model.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let output = output(args, is_table)?;
    let (Given { mut predictions, validation, left_out, seen }, evaluated) = match is_table {
        true => (read(args)?, None),
        false => predict(args).map(|(given, evaluated)| (given, Some(evaluated)))?,
    };
    let settings = args.statistics.settings();
    if let Some((split, _)) = &validation {
        check_apart(args, split, &predictions)?;
    }
    let validation = validation.as_ref().map(|(_, validation)| validation);
    let mut found = Evaluation::of(&mut predictions, validation, &settings)?;
    found.clinical = Some(Clinical::of(&predictions, validation, &args.clinical.settings(), &settings)?);
    found.flow = Some(flow(left_out, &predictions, evaluated.is_some()));
    output.write_json("metrics.json", &found)?;
    let mut written = vec!["metrics.json"];
    if let Some(curves) = found.clinical.as_ref().map(decision_curves_csv).transpose()?.flatten() {
        output.write("decision_curves.csv", &curves)?;
        written.push("decision_curves.csv");
    } else {
        output.clear_earlier("decision_curves.csv")?;
    }
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
    // Of the run itself: with `--config` the model is evaluated on another configuration than it was trained with.
    let training =
        evaluated.as_ref().and_then(|_| RunDir::open(&args.model).ok()).map(|run| run.config()).transpose()?;
    // What an earlier evaluation said is not left beside this one.
    for checklist in Checklist::ALL.iter().filter(|checklist| !args.checklists.contains(checklist)) {
        output.clear_earlier(checklist.file())?;
    }
    for checklist in &args.checklists {
        let evidence = Evidence {
            found: &found,
            predictions: &predictions,
            model: evaluated.as_ref().map(|it| &it.model),
            training: training.as_ref(),
            seen: &seen,
            has_report: !args.no_report,
            is_explained: !args.no_explain && evaluated.is_some(),
        };
        let document = checklist.document(&args.model.display().to_string(), &evidence);
        output.write(checklist.file(), document.to_markdown("").text.as_bytes())?;
        written.push(checklist.file());
    }
    if args.json {
        print(&serde_json::to_string_pretty(&found)?);
    } else {
        print(&render::report(&found.splits, &found.statistics));
        let clinical = found.clinical.as_ref().map(render::clinical).unwrap_or_default();
        if !clinical.is_empty() {
            print(&clinical);
        }
        say(&output.written(&written));
    }
    Ok(Answer::Yes)
}

/// Thresholds flatter the samples that they were chosen on.
fn check_apart(args: &EvaluateArgs, validation_split: &str, predictions: &Predictions) -> anyhow::Result<()> {
    if !predictions.splits.iter().any(|split| split == validation_split) {
        return Ok(());
    }
    if let Some(rule) = args.clinical.operating_point {
        bail!(
            "`--operating-point {rule}` is chosen on the split `{validation_split}` and would flatter it: score another with `--split`"
        );
    }
    if predictions.task == Task::Multi {
        say(&format!("note: the thresholds are chosen on the split `{validation_split}`, so its scores flatter"));
    }
    Ok(())
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
        found,
        settings: &args.statistics.settings(),
        scaling: evaluated.and_then(|it| it.model.scaling.as_ref()),
        epochs: &epochs,
        pictures,
        config: &evaluated.map_or_else(|| Ok(String::new()), |it| it.config.to_toml())?,
        command: &command_line(),
        versions: &Versions::here(&args.device),
    })?)
}

/// Predictions of another tool, or of an earlier evaluation.
fn read(args: &EvaluateArgs) -> anyhow::Result<Given> {
    if args.config.is_some() || args.group.is_some() {
        bail!("`{}` holds predictions: `--config` and `--group` are for models", args.model.display());
    }
    let found = predictions_csv::load(&args.model, args.task.map(Into::into))?;
    let splits: BTreeSet<&str> = found.splits.iter().map(String::as_str).collect();
    let asked = args.splits.iter().chain(&args.clinical.validation_split);
    if let Some(unknown) = asked.into_iter().find(|split| !splits.contains(split.as_str())) {
        let known: Vec<&str> = splits.into_iter().collect();
        bail!("no split `{unknown}` in `{}`; it has `{}`", args.model.display(), known.join("`, `"));
    }
    let validation_split = match &args.clinical.validation_split {
        Some(split) => Some(split.as_str()),
        None => VALIDATION_SPLITS.into_iter().find(|split| splits.contains(split)),
    };
    // Like a run, a table is scored on what the model did not learn from, if there is such.
    let is_own = |split: &str| TRAIN_SPLITS.contains(&split) || validation_split == Some(split);
    let has_others = splits.iter().any(|split| !is_own(split));
    let is_scored = |split: &str| match args.splits.is_empty() {
        true => !(has_others && is_own(split)),
        false => args.splits.iter().any(|asked| asked == split),
    };
    let validation = validation_split.map(|split| (split.to_owned(), found.of_splits(|it| it == split)));
    let left_out: Vec<Exclusion> = splits
        .iter()
        .filter(|split| !is_scored(split))
        .map(|split| {
            let of_split = found.splits.iter().zip(&found.groups).filter(|(it, _)| it == split);
            let chosen_on = if validation_split == Some(*split) { ", on which thresholds are chosen" } else { "" };
            let count = FlowCount::of_groups(of_split.map(|(_, group)| group.as_str()));
            Exclusion { reason: format!("of split {split}{chosen_on}"), count }
        })
        .collect();
    if args.splits.is_empty() && !left_out.is_empty() {
        let names: Vec<String> = splits.iter().filter(|split| !is_scored(split)).map(|it| format!("`{it}`")).collect();
        say(&format!("not scored: split {}; `--split` scores it", names.join(", ")));
    }
    let seen = splits.iter().filter(|split| is_own(split)).map(|&split| split.to_owned()).collect();
    Ok(Given { predictions: found.of_splits(is_scored), validation, left_out, seen })
}

/// Predictions on the asked splits and, where thresholds are chosen on it, on the validation data.
fn predict(args: &EvaluateArgs) -> anyhow::Result<(Given, Evaluated)> {
    if args.task.is_some() || args.clinical.validation_split.is_some() {
        let option = if args.task.is_some() { "--task" } else { "--validation-split" };
        bail!("`{option}` is for tables of predictions; the model `{}` knows its own", args.model.display());
    }
    let device = isnet_run::device::device(&args.device)?;
    let model = Model::load_classifier(&args.model, &device)?;
    let mut config = configuration(&args.model, args.config.as_deref(), &model)?;
    if let Some(column) = &args.group {
        config.data.group_column.clone_from(column);
    }
    let data = Datasets::open_to_test(&config.data)?;
    let chooses = model.task == isnet_data::Task::MultiLabel || args.clinical.operating_point.is_some();
    let validation = data.validation.clone().filter(|_| chooses);
    let explaining = if args.no_explain { Explain::No } else { Explain::Predicted };
    let mut all = Predictions::new(model.classes.clone(), model.task.into());
    let known = splits(&config, &data);
    let datasets = chosen(args, &known, data)?;
    let left_out = known.iter().filter(|(name, _)| datasets.iter().all(|(scored, _)| scored != name));
    let left_out = left_out.map(|(name, dataset)| {
        let count = FlowCount::of_groups((0..dataset.len()).map(|index| dataset.group(index)));
        Exclusion { reason: format!("of split {name}"), count }
    });
    let left_out = left_out.collect();
    for (name, dataset) in &datasets {
        dataset.check_labels()?;
        let mut found = evaluate(&model, dataset, name, explaining, |_| ())?;
        attributes(&mut found, &**dataset, &args.clinical.subgroups)?;
        say(&format!("{name}: {} images", found.len()));
        all.append(found);
    }
    let validation = validation.map(|dataset| {
        say("choosing thresholds on the validation data");
        let found = evaluate(&model, &dataset, &config.data.validation_split, Explain::No, |_| ())?;
        anyhow::Ok((config.data.validation_split.clone(), found))
    });
    let seen = vec![config.data.train_split.clone(), config.data.validation_split.clone()];
    let given = Given { predictions: all, validation: validation.transpose()?, left_out, seen };
    Ok((given, Evaluated { model, datasets, config }))
}

/// The data of a configuration, or of the run that a model is of, as the model wants them.
pub fn configuration(run: &Path, config: Option<&Path>, model: &Model) -> anyhow::Result<RunConfig> {
    let mut config = match config {
        Some(path) => RunConfig::load(path, &[])?,
        None => RunDir::open(run)?.config()?,
    };
    // The model decides what it is fed, how its outputs are ordered, and what its task is.
    config.data.classes = Some(model.classes.clone());
    config.data.task = Some(model.task.into());
    config.data.prepare_as(&model.preparation);
    Ok(config)
}

/// Adds the columns of the manifest that subgroups are made of.
fn attributes(predictions: &mut Predictions, dataset: &dyn Dataset, columns: &[String]) -> anyhow::Result<()> {
    for column in columns.iter().filter(|column| *column != "source") {
        let value = |index| dataset.attribute(index, column).map(str::to_owned);
        let Some(values) = (0..dataset.len()).map(value).collect::<Option<Vec<String>>>() else {
            bail!(
                "`--subgroup {column}`: the manifest has no such column; any other column but image and mask will do, and `source`"
            );
        };
        predictions.attributes.insert(column.clone(), values);
    }
    Ok(())
}

/// The decision curves as a table; `None` if there are none.
fn decision_curves_csv(clinical: &Clinical) -> anyhow::Result<Option<Vec<u8>>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["split", "class", "threshold", "net_benefit", "low", "high", "standardized", "treat_all"])?;
    let mut is_empty = true;
    for split in &clinical.splits {
        for curve in &split.decision_curves {
            for point in &curve.points {
                let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
                csv.write_record([
                    split.split.clone(),
                    curve.class.clone(),
                    point.threshold.to_string(),
                    point.net_benefit.to_string(),
                    number(point.interval.map(|it| it.low)),
                    number(point.interval.map(|it| it.high)),
                    number(point.standardized),
                    point.treat_all.to_string(),
                ])?;
                is_empty = false;
            }
        }
    }
    Ok(if is_empty { None } else { Some(csv.into_inner()?) })
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
    let mut names = vec!["metrics.json", "decision_curves.csv"];
    names.extend(args.checklists.iter().map(|checklist| checklist.file()));
    if !is_table {
        names.push("predictions.csv");
    }
    if !args.no_report {
        names.extend(["report.html", "report.md", "report_files/"]);
    }
    Output::of_run_or_beside(&Place { command: "evaluate", folder, existing, inputs: &[], searched: &[] }, &names)
}

type NamedDataset = (String, Arc<dyn Dataset>);

/// All splits of the data, those to test on first.
fn splits(config: &RunConfig, data: &Datasets) -> Vec<NamedDataset> {
    let mut known: Vec<NamedDataset> = data.tests.clone();
    if !data.train.is_empty() {
        known.push((config.data.train_split.clone(), data.train.clone()));
    }
    known.extend(data.validation.clone().map(|dataset| (config.data.validation_split.clone(), dataset)));
    known
}

/// The splits that were asked for, or those to test on, or all.
fn chosen(args: &EvaluateArgs, known: &[NamedDataset], data: Datasets) -> anyhow::Result<Vec<NamedDataset>> {
    if args.splits.is_empty() {
        return Ok(if data.tests.is_empty() { known.to_vec() } else { data.tests });
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(unknown) = args.splits.iter().find(|split| !names.contains(&split.as_str())) {
        bail!("no split `{unknown}` in the data; it has {}", names.join(", "));
    }
    Ok(known.iter().filter(|(name, _)| args.splits.contains(name)).cloned().collect())
}
