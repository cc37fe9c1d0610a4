//! `isnet calibrate`

use std::path::{Path, PathBuf};

use anyhow::bail;
use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::report::{agreement_table, calibration_document};
use isnet_files::{Existing, Place};
use isnet_run::{Datasets, Model, RunDir, Versions};
use isnet_statistics::{Agreement, Predictions, Said, Scaling, Task, agreement};
use serde::Serialize;

use crate::Answer;
use crate::args::{CalibrateArgs, ScalingMethod};
use crate::commands::evaluate::configuration;
use crate::output::Output;
use crate::pages;
use crate::progress::{print, say};
use crate::shell::command_line;

/// What was learnt, and what it changes.
#[derive(Serialize)]
struct Calibrated {
    scaling: Scaling,
    /// The split that it was learnt from, which flatters it.
    learnt_from: String,
    splits: Vec<Split>,
}

#[derive(Serialize)]
struct Split {
    split: String,
    before: Vec<Agreement>,
    after: Vec<Agreement>,
}

/// Learns a scaling from the validation images, stores it with the model and shows what it changes.
pub fn run(args: &CalibrateArgs) -> anyhow::Result<Answer> {
    check_place(&args.model)?;
    let device = isnet_run::device::device(&args.device)?;
    let mut model = Model::load_classifier(&args.model, &device)?;
    if args.remove {
        return remove(args, model);
    }
    model.scaling = None;
    let config = configuration(&args.model, args.config.as_deref(), &model)?;
    let data = Datasets::open_to_test(&config.data)?;
    let name = config.data.validation_split.clone();
    let Some(validation) = &data.validation else {
        bail!(
            "there are no images of the split `{name}` to learn from; name another with `data.validation_split`, or data with `--config`"
        );
    };
    let predict = |dataset, split: &str| -> anyhow::Result<Predictions> {
        let found = evaluate(&model, dataset, split, Explain::No, |_| ())?;
        say(&format!("{split}: {} images", found.len()));
        Ok(found)
    };
    validation.check_labels()?;
    let learnt_from = predict(validation, &name)?;
    let scaling = match args.method {
        ScalingMethod::Temperature => Scaling::temperature(&learnt_from)?,
        ScalingMethod::Platt => Scaling::platt(&learnt_from)?,
    };
    let mut before = vec![learnt_from];
    for (split, dataset) in &data.tests {
        dataset.check_labels()?;
        before.push(predict(dataset, split)?);
    }
    let after: Vec<Predictions> = before.iter().map(|predictions| scaling.applied(predictions)).collect();
    let splits = before.iter().zip(&after).map(|(before, after)| {
        let (before_scaling, after_scaling) = (agreements(before, args)?, agreements(after, args)?);
        Ok(Split { split: before.splits[0].clone(), before: before_scaling, after: after_scaling })
    });
    let splits = splits.collect::<anyhow::Result<Vec<Split>>>()?;
    let found = Calibrated { scaling, learnt_from: name, splits };
    let tables: Vec<_> = found
        .splits
        .iter()
        .map(|it| agreement_table(&it.split, &[("before", &it.before), ("after", &it.after)]))
        .collect();
    model.scaling = Some(found.scaling.clone());
    store(&args.model, &model)?;
    let output = output(&args.model)?;
    output.write_json("calibration.json", &found)?;
    let pairs: Vec<(&Predictions, &Predictions)> = before.iter().zip(&after).collect();
    let versions = Versions::here(&args.device);
    let name = args.model.display().to_string();
    pages::write(&calibration_document(&name, &found.scaling, &tables, &pairs, &command_line(), &versions)?, &output)?;
    if args.json {
        print(&serde_json::to_string_pretty(&found)?);
    } else {
        print(&format!("{}, learnt on `{}`, which flatters it there\n", found.scaling, found.learnt_from));
        print(&tables.iter().map(isnet_report::Table::to_text).collect::<Vec<_>>().join("\n"));
    }
    say(&output.written(&["calibration.json", "report.html", "report.md"]));
    say("the model says scaled probabilities from now on; evaluate it again");
    Ok(Answer::Yes)
}

/// Refuses a model of another name than that under which it would be stored: it would become a second model, or replace one.
fn check_place(path: &Path) -> anyhow::Result<()> {
    if path.is_file() && path.file_stem().is_none_or(|name| name != "model") {
        bail!(
            "`{}` is not named `model.safetensors`, where a model with its scaling is stored; copy it and its description to a folder of their own, as `model.safetensors` and `model.json`",
            path.display()
        );
    }
    Ok(())
}

/// Of the predicted class, or of each label.
fn agreements(predictions: &Predictions, args: &CalibrateArgs) -> anyhow::Result<Vec<Agreement>> {
    let of: Vec<Said> = match predictions.task {
        Task::Single => vec![Said::Predicted],
        Task::Multi => (0..predictions.classes.len()).map(Said::Class).collect(),
    };
    Ok(of.into_iter().map(|of| agreement(predictions, of, args.confidence)).collect::<Result<_, _>>()?)
}

fn remove(args: &CalibrateArgs, mut model: Model) -> anyhow::Result<Answer> {
    let Some(scaling) = model.scaling.take() else {
        bail!("`{}` has no scaling to remove", args.model.display());
    };
    store(&args.model, &model)?;
    say(&format!("removed: {scaling}; evaluate the model again"));
    Ok(Answer::Yes)
}

/// Writes the model where it was; an evaluation of other probabilities that lies there is removed.
fn store(path: &Path, model: &Model) -> anyhow::Result<()> {
    let folder = folder(path);
    if RunDir::is_one(&folder) {
        if RunDir::resume(&folder)?.save_model(&model.to_file())? {
            say("removed the evaluation of the unscaled probabilities");
        }
        return Ok(());
    }
    Ok(model.to_file().save(&folder)?)
}

fn output(path: &Path) -> anyhow::Result<Output> {
    let folder = folder(path);
    let inside = folder.join("calibration");
    if RunDir::is_one(&folder) {
        return Ok(Output::Run(inside));
    }
    Output::open(&Place {
        command: "calibrate",
        folder: &inside,
        existing: Existing::Overwrite,
        inputs: &[],
        searched: &[],
    })
}

/// The folder of a model, which may be named by one of its files.
fn folder(path: &Path) -> PathBuf {
    if path.is_dir() { path.to_owned() } else { path.parent().unwrap_or(Path::new(".")).to_owned() }
}
