//! `isnet data weaken`

use isnet_data::weaken::{WeakenReport, WeakenSettings, write};
use isnet_data::{DataError, Manifest, ManifestOptions};

use crate::Answer;
use crate::args::DataWeakenArgs;
use crate::output;
use crate::progress::{Counter, print, say};

/// Writes weaker masks and a manifest that has them as columns.
pub fn run(args: &DataWeakenArgs) -> anyhow::Result<Answer> {
    let options = ManifestOptions {
        image_column: args.image_column.clone(),
        mask_column: args.mask_column.clone(),
        task: args.task,
        ..Default::default()
    };
    let manifest = Manifest::read(&args.manifest, &options)?;
    let defaults = WeakenSettings::default();
    let settings = WeakenSettings {
        amount: args.amount,
        wrong: args.wrong,
        learned_splits: args.splits.clone().unwrap_or(defaults.learned_splits),
        seed: args.seed,
        existing: output::existing(args.overwrite),
    };
    let counter = Counter::new("weakening");
    let written = write(&manifest, &settings, &args.output, &|done, all| counter.go_on(done, all));
    drop(counter);
    match written {
        Err(DataError::Interrupted) => {
            say("interrupted; nothing was written");
            Ok(Answer::Interrupted)
        }
        written => {
            print(&text(&written?));
            Ok(Answer::Yes)
        }
    }
}

fn text(report: &WeakenReport) -> String {
    let mut lines = vec![report.manifest.display().to_string()];
    lines.push(format!("{:18}{:>7}{:>10}", "column", "masks", "overlap"));
    for count in &report.columns {
        let overlap = count.overlap.map_or("-".to_owned(), |overlap| format!("{overlap:.2}"));
        lines.push(format!("{:18}{:>7}{overlap:>10}", count.column, count.masks));
    }
    lines.push("masks: that say something, in the splits that are learned from; overlap: mean intersection over union with the exact masks".into());
    lines.join("\n")
}
