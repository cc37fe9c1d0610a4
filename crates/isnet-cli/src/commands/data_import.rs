//! `isnet data import`

use isnet_data::DataError;
use isnet_data::import::{ImportReport, ImportSettings, KINDS, Output, Splits, import};

use crate::Answer;
use crate::args::DataImportArgs;
use crate::commands::data_check::count_lines;
use crate::progress::{Counter, print, problems_json, say, say_problems};

/// Writes the manifest of a data set; the answer is no if images had to be left out because of problems.
pub fn run(args: &DataImportArgs) -> anyhow::Result<Answer> {
    let (Some(kind), Some(folder), Some(output), false) = (&args.kind, &args.folder, &args.output, args.list) else {
        print(&if args.json { list_json() } else { list() });
        return Ok(Answer::Yes);
    };
    let counter = Counter::new("importing");
    let imported = import(kind, folder, output, &settings(args)?, &|done, all| counter.go_on(done, all));
    drop(counter);
    let report = match imported {
        Err(DataError::Interrupted) => {
            say("interrupted; no manifest was written");
            return Ok(Answer::Interrupted);
        }
        imported => imported?,
    };
    if args.json {
        print(&json(&report));
    } else {
        print(&text(&report));
        say_problems(&report.problems);
    }
    Ok(if report.problems.is_empty() { Answer::Yes } else { Answer::No })
}

fn settings(args: &DataImportArgs) -> anyhow::Result<ImportSettings> {
    Ok(ImportSettings {
        splits: match &args.into {
            Some(split) => Splits::One(split.clone()),
            None if args.seeded => Splits::Seeded,
            None => Splits::Official,
        },
        val: args.val,
        test: args.test,
        seed: args.seed,
        masks: args.masks.clone(),
        label: args.label.clone(),
        labels: args.labels.clone(),
        uncertain: args.uncertain.parse()?,
        parts: args.parts.clone(),
        output: match (args.overwrite, args.append) {
            (true, _) => Output::Overwrite,
            (_, true) => Output::Append,
            _ => Output::Refuse,
        },
    })
}

fn list() -> String {
    let lines = KINDS.iter().map(|kind| format!("{:16}{:16}{}", kind.name, kind.recipe, kind.about));
    let header = format!("{:16}{:16}{}", "data set", "recipe", "folder");
    [header].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn list_json() -> String {
    let kinds =
        KINDS.iter().map(|kind| serde_json::json!({ "name": kind.name, "recipe": kind.recipe, "about": kind.about }));
    serde_json::Value::from_iter(kinds).to_string()
}

fn text(report: &ImportReport) -> String {
    let mut lines = vec![report.manifest.display().to_string()];
    lines.extend(count_lines(&report.counts));
    let ImportReport { images, with_mask, masks_written, .. } = report;
    lines.push(format!("\n{images} images, {with_mask} with a mask, {masks_written} masks written"));
    if report.with_several_labels > 0 {
        lines.push(format!(
            "{} images with several labels: say `task = \"multi_label\"` in `[data]`, and `--task multi_label` to `isnet data check`",
            report.with_several_labels
        ));
    }
    lines.extend(report.skipped.iter().map(|(why, count)| format!("{count} left out: {why}")));
    lines.join("\n")
}

fn json(report: &ImportReport) -> String {
    let counts = report.counts.iter().map(|count| {
        serde_json::json!({
            "split": count.split,
            "class": count.class,
            "source": count.source,
            "records": count.records,
            "with_mask": count.with_mask,
        })
    });
    let skipped: serde_json::Map<_, _> =
        report.skipped.iter().map(|(why, count)| (why.clone(), (*count).into())).collect();
    serde_json::json!({
        "manifest": report.manifest,
        "images": report.images,
        "with_mask": report.with_mask,
        "with_several_labels": report.with_several_labels,
        "masks_written": report.masks_written,
        "counts": counts.collect::<Vec<_>>(),
        "skipped": skipped,
        "problems": problems_json(&report.problems),
    })
    .to_string()
}
