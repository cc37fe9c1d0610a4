//! `isnet data bias`

use isnet_data::bias::{BiasReport, BiasSettings, Originals, write};
use isnet_data::mark::{Mark, MarkSettings, choose};
use isnet_data::{DataError, Manifest, ManifestOptions};

use crate::Answer;
use crate::args::DataBiasArgs;
use crate::output;
use crate::progress::{Counter, print, problems_json, say, say_problems};

/// Writes the biased data; the answer is no if records had to be left out.
pub fn run(args: &DataBiasArgs) -> anyhow::Result<Answer> {
    let options = ManifestOptions {
        image_column: args.image_column.clone(),
        mask_column: args.mask_column.clone(),
        classes: args.classes.clone(),
        task: args.task,
        ..Default::default()
    };
    let manifest = Manifest::read_lenient(&args.manifest, &options)?;
    let settings = settings(args, &manifest)?;
    let counter = Counter::new("drawing");
    let written = write(&manifest, &settings, &args.output, &|done, all| counter.go_on(done, all));
    drop(counter);
    let report = match written {
        Err(DataError::Interrupted) => {
            say("interrupted; nothing was written");
            return Ok(Answer::Interrupted);
        }
        written => written?,
    };
    if args.json {
        print(&json(&report, &manifest, &settings.marks));
    } else {
        print(&text(&report, &manifest, &settings.marks));
        say_problems(&report.problems);
    }
    Ok(if report.problems.is_empty() { Answer::Yes } else { Answer::No })
}

fn settings(args: &DataBiasArgs, manifest: &Manifest) -> anyhow::Result<BiasSettings> {
    Ok(BiasSettings {
        mark: MarkSettings {
            strength: args.strength,
            size: args.size,
            position: args.position.parse()?,
            seed: args.seed,
        },
        correlation: args.correlation,
        train_split: args.train_split.clone(),
        val_split: args.val_split.clone(),
        test_splits: args.test_splits.clone(),
        originals: if args.copy { Originals::Copy } else { Originals::Reference },
        existing: output::existing(args.overwrite),
        ..BiasSettings::new(choose(&args.mark, manifest.classes.len())?)
    })
}

/// Each class with its mark.
fn bound<'a>(manifest: &'a Manifest, marks: &[Mark]) -> impl Iterator<Item = (&'a String, String)> {
    manifest.classes.iter().zip(marks.iter().map(Mark::to_string).collect::<Vec<_>>())
}

fn text(report: &BiasReport, manifest: &Manifest, marks: &[Mark]) -> String {
    let marks: Vec<String> = bound(manifest, marks).map(|(class, mark)| format!("{class} = {mark}")).collect();
    let mut lines = vec![report.manifest.display().to_string(), format!("marks: {}", marks.join(", "))];
    lines.push(format!("{:12}{:>8}{:>16}{:>9}", "split", "images", "partly hidden", "no room"));
    for count in &report.splits {
        lines.push(format!("{:12}{:>8}{:>16}{:>9}", count.split, count.images, count.clipped, count.no_room));
    }
    lines.join("\n")
}

fn json(report: &BiasReport, manifest: &Manifest, marks: &[Mark]) -> String {
    let marks: serde_json::Map<_, _> =
        bound(manifest, marks).map(|(class, mark)| (class.clone(), mark.into())).collect();
    let split = |count: &isnet_data::bias::BiasCount| {
        serde_json::json!({
            "split": count.split,
            "images": count.images,
            "partly_hidden": count.clipped,
            "no_room": count.no_room,
        })
    };
    let splits: Vec<_> = report.splits.iter().map(split).collect();
    let problems = problems_json(&report.problems);
    serde_json::json!({ "manifest": report.manifest, "marks": marks, "splits": splits, "problems": problems })
        .to_string()
}
