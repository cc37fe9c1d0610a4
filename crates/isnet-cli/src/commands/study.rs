//! `isnet study`

use anyhow::{Context, bail};
use isnet_eval::render;
use isnet_files::{Existing, OutputFolder, Place};
use isnet_run::study::{Cell, FailedCell};
use isnet_run::{Study, Versions};
use isnet_train::study::{
    CellEnding, StudyReport, StudyTable, cell_name, cost_table, refused, run_cell, score_tables, study_document, table,
    trust_table,
};

use crate::Answer;
use crate::args::StudyArgs;
use crate::output::Output;
use crate::pages;
use crate::progress::{Progress, print, say};
use crate::shell::command_line;
use crate::signals::interruptible;

/// Trains what is not done yet, and prints the table of all that is. The answer is no if a training failed.
pub fn run(args: &StudyArgs) -> anyhow::Result<Answer> {
    let study = Study::load(&args.study)?;
    let shown = match &args.against {
        Some(name) => study.clone().against(name)?,
        None => study.clone(),
    };
    let cells = match args.shard {
        Some((index, count)) => study.shard(index, count),
        None => study.cells(),
    };
    let refused = if args.table_only { Vec::new() } else { refused_of(&study, &cells)? };
    let output = open(&study)?;
    let answer = if args.table_only { Answer::Yes } else { train(&study, &cells, &refused)? };
    let found = table(&shown, &args.question.settings(&args.statistics))?;
    output.write_json("study.json", &found)?;
    let device = study.cells().first().map(|cell| study.run_config(cell)).transpose()?.map(|config| config.device);
    let document = study_document(&StudyReport {
        study: &shown,
        found: &found,
        command: &command_line(),
        versions: &Versions::here(device.as_deref().unwrap_or_default()),
    })?;
    pages::write(&document, &output)?;
    if args.json {
        print(&serde_json::to_string_pretty(&found)?);
    } else {
        print(&text(&found));
        say(&output.written(&["report.html", "report.md", "study.json"]));
    }
    Ok(answer)
}

/// The folder of the study, which all of its processes share: new, or of an earlier call.
fn open(study: &Study) -> anyhow::Result<Output> {
    let mut names: Vec<String> = study.variants.iter().map(|variant| format!("{}/", variant.name)).collect();
    names.extend(["study.json", "report.html", "report.md", "report_files/"].map(str::to_owned));
    let folder = study.output.as_path();
    let is_earlier =
        folder.join("study.json").is_file() || study.cells().iter().any(|cell| study.folder(cell).is_dir());
    let existing = Existing::Overwrite;
    let place = Place { command: "study", folder, existing, inputs: &[&study.config], searched: &[] };
    Ok(Output::Folder(OutputFolder::shared(&place, &names, is_earlier)?))
}

/// What cannot be trained, unless that is all: then nothing is begun.
fn refused_of(study: &Study, cells: &[Cell]) -> anyhow::Result<Vec<FailedCell>> {
    let refused = refused(study, cells)?;
    match refused.first() {
        Some(first) if refused.len() == study.cells().len() => {
            bail!("nothing of the study can be trained: {}: {}", cell_name(&first.cell), first.reason)
        }
        _ => Ok(refused),
    }
}

/// Yes if all cells were trained or left to others; no if one failed.
fn train(study: &Study, cells: &[Cell], refused: &[FailedCell]) -> anyhow::Result<Answer> {
    let mut failed = refused.len();
    for FailedCell { cell, reason } in refused {
        study.save_failure(cell, reason)?;
        say(&format!("cannot be trained: {}: {reason}", cell_name(cell)));
    }
    let stop = interruptible();
    for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| refused.iter().all(|it| it.cell != **cell)) {
        let config = study.run_config(cell)?;
        let mut progress = Progress::new(&config.name, config.train.epochs, stop.clone());
        let ending = run_cell(study, cell, &mut progress).with_context(|| format!("cell `{}`", config.name))?;
        drop(progress);
        let said = match ending {
            CellEnding::Done(_) => "done".to_owned(),
            CellEnding::Taken => "another process works on it".to_owned(),
            CellEnding::Failed(reason) => {
                failed += 1;
                format!("failed: {reason}")
            }
            CellEnding::Interrupted => {
                say("interrupted; the same command goes on");
                return Ok(Answer::Interrupted);
            }
        };
        say(&format!("{} of {}: {}: {said}", index + 1, cells.len(), config.name));
    }
    Ok(if failed == 0 { Answer::Yes } else { Answer::No })
}

/// Parses `3/8`.
pub fn shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    parsed
        .filter(|(index, count)| (1..=*count).contains(index))
        .ok_or_else(|| "written like `3/8`: the third of eight".into())
}

fn text(found: &StudyTable) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !found.variants.is_empty() {
        parts.extend(score_tables(found).iter().map(isnet_report::Table::to_text));
        parts.push(format!(
            "mean over trainings (low–high): {:.0} % intervals over samples and trainings\n",
            100.0 * found.confidence
        ));
        let trust = found.trust.as_ref().and_then(|trust| trust_table(trust, found.confidence));
        parts.extend(trust.map(|table| table.to_text()));
        parts.push(cost_table(found).to_text());
    }
    if let Some(comparison) = &found.comparison {
        let note = "tests: on probabilities averaged over the trainings that all variants have\n";
        parts.push(render::comparison(comparison) + note);
    }
    if !found.failed.is_empty() {
        let line = |it: &FailedCell| format!("  {}: {}\n", cell_name(&it.cell), it.reason);
        parts.push(format!("failed: {}\n{}", found.failed.len(), found.failed.iter().map(line).collect::<String>()));
    }
    if !found.missing.is_empty() {
        let names: Vec<String> = found.missing.iter().map(cell_name).collect();
        parts.push(format!("not done yet: {} ({})\n", names.len(), names.join(", ")));
    }
    parts.join("\n")
}
