//! `isnet study`

use anyhow::Context;
use isnet_eval::render;
use isnet_eval::statistics::{Interval, Settings, TrainingsRow};
use isnet_run::study::Cell;
use isnet_run::{Study, atomic};
use isnet_train::study::{CellEnding, SCORES, StudyTable, VariantRows, run_cell, table};

use crate::Answer;
use crate::args::StudyArgs;
use crate::progress::{Progress, interruptible, print, say};

/// Trains what is not done yet, and prints the table of all that is.
pub fn run(args: &StudyArgs) -> anyhow::Result<Answer> {
    let study = Study::load(&args.study)?;
    let mut interrupted = false;
    if !args.table_only {
        let cells = match args.shard {
            Some((index, count)) => study.shard(index, count),
            None => study.cells(),
        };
        interrupted = !train(&study, &cells)?;
    }
    let found = table(&study, &args.statistics.settings())?;
    std::fs::create_dir_all(&study.output).with_context(|| format!("cannot create `{}`", study.output.display()))?;
    atomic::write_json(&study.output.join("study.json"), &found)?;
    if args.json {
        print(&serde_json::to_string_pretty(&found)?);
    } else {
        print(&text(&found, &args.statistics.settings()));
        say(&format!("written: {}/study.json", study.output.display()));
    }
    Ok(if interrupted { Answer::Interrupted } else { Answer::Yes })
}

/// Whether all cells were trained or left to others; `false` if someone asked to stop.
fn train(study: &Study, cells: &[Cell]) -> anyhow::Result<bool> {
    let stop = interruptible()?;
    for (index, cell) in cells.iter().enumerate() {
        let config = study.run_config(cell)?;
        let mut progress = Progress::new(&config.name, config.train.epochs, stop.clone());
        let ending = run_cell(study, cell, &mut progress).with_context(|| format!("cell `{}`", config.name))?;
        drop(progress);
        let said = match ending {
            CellEnding::Done(_) => "done",
            CellEnding::Taken => "another process works on it",
            CellEnding::Interrupted => {
                say("interrupted; the same command goes on");
                return Ok(false);
            }
        };
        say(&format!("{} of {}: {}: {said}", index + 1, cells.len(), config.name));
    }
    Ok(true)
}

/// Parses `3/8`.
pub fn shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    parsed
        .filter(|(index, count)| (1..=*count).contains(index))
        .ok_or_else(|| "written like `3/8`: the third of eight".into())
}

fn text(found: &StudyTable, settings: &Settings) -> String {
    let mut splits: Vec<&str> = Vec::new();
    for row in found.variants.iter().flat_map(|variant| &variant.rows) {
        if !splits.contains(&row.split.as_str()) {
            splits.push(&row.split);
        }
    }
    let mut lines = vec![score_head()];
    for split in splits {
        lines.extend(found.variants.iter().enumerate().map(|(index, variant)| score_line(split, index == 0, variant)));
    }
    let mut text = render::table(&lines, 2);
    text.push_str(&format!(
        "mean over trainings (low–high): {:.0} % intervals over samples and trainings\n\n",
        100.0 * settings.confidence
    ));
    text.push_str(&render::table(&cost_lines(&found.variants), 1));
    if let Some(comparison) = &found.comparison {
        text.push('\n');
        text.push_str(&render::comparison(comparison));
        text.push_str("tests: on probabilities averaged over the trainings that all variants have\n");
    }
    if !found.missing.is_empty() {
        let names: Vec<String> = found.missing.iter().map(name).collect();
        text.push_str(&format!("\nnot done yet: {} ({})\n", names.len(), names.join(", ")));
    }
    text
}

fn name(cell: &Cell) -> String {
    let fold = cell.fold.map_or_else(String::new, |fold| format!(" fold {fold}"));
    format!("{} seed {}{fold}", cell.variant, cell.seed)
}

fn score_head() -> Vec<String> {
    let scores = SCORES.map(|score| score.name().replace('_', " "));
    ["split", "variant", "trainings"].map(str::to_owned).into_iter().chain(scores).collect()
}

fn score_line(split: &str, first: bool, variant: &VariantRows) -> Vec<String> {
    let cell = |row: Option<&TrainingsRow>| {
        let interval = |found: Interval| format!(" ({:.2}–{:.2})", found.low, found.high);
        let mean =
            |row: &TrainingsRow| Some(format!("{:.3}{}", row.mean?, row.interval.map_or_else(String::new, interval)));
        row.and_then(mean).unwrap_or_else(|| "–".to_owned())
    };
    let scores = SCORES.map(|score| cell(variant.rows.iter().find(|row| row.split == split && row.score == score)));
    let split = if first { split } else { "" };
    [split.to_owned(), variant.variant.clone(), variant.cells.len().to_string()].into_iter().chain(scores).collect()
}

fn cost_lines(variants: &[VariantRows]) -> Vec<Vec<String>> {
    let heads = ["variant", "parameters", "ms per image", "s per epoch", "epochs"];
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let line = |variant: &VariantRows| {
        let over = |value: fn(&isnet_run::study::CellRecord) -> f64| mean(variant.cells.iter().map(value).collect());
        vec![
            variant.variant.clone(),
            variant.cells.first().map_or_else(String::new, |cell| cell.parameters.to_string()),
            format!("{:.2}", over(|cell| cell.milliseconds_per_image)),
            format!("{:.1}", over(|cell| cell.seconds_per_epoch)),
            format!("{:.1}", over(|cell| cell.epochs as f64)),
        ]
    };
    std::iter::once(heads.map(str::to_owned).to_vec()).chain(variants.iter().map(line)).collect()
}
