//! `isnet train`

use anyhow::Context;
use isnet_run::config::split_override;
use isnet_run::{Datasets, Existing, RunConfig, RunDir};
use isnet_train::{Ending, Trainer};

use crate::Answer;
use crate::args::TrainArgs;
use crate::progress::{Progress, interruptible, print, say};

/// Trains as the configuration says.
pub fn run(args: &TrainArgs) -> anyhow::Result<Answer> {
    let mut overrides = args.overrides.iter().map(|text| split_override(text)).collect::<Result<Vec<_>, _>>()?;
    if let Some(device) = &args.device {
        overrides.push(("device", device));
    }
    let config = RunConfig::load(&args.config, &overrides)?;
    for warning in config.warnings() {
        say(&format!("note: {warning}"));
    }
    let data = Datasets::open(&config.data)?;
    let existing = match (args.resume, args.overwrite) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Overwrite,
        _ => Existing::Refuse,
    };
    let run = RunDir::create(&config.output, &config, existing)?;
    let mut progress = Progress::new(&config.name, config.train.epochs, interruptible()?);
    say(&format!(
        "{}: {} on {} images, {} classes ({})",
        config.name,
        config.model.architecture,
        data.train.len(),
        data.classes.len(),
        data.classes.join(", ")
    ));
    let trainer = Trainer::new(&config, &data, &run, args.resume, &mut progress)?;
    let (model, ending) = trainer.train(&mut progress)?;
    match ending {
        Ending::Interrupted => {
            say(&format!("interrupted; go on with `isnet train {} --resume`", args.config.display()))
        }
        Ending::Finished => {
            let digest = model.to_file().weights_digest();
            let folder = run.path().display().to_string();
            print(&format!("model {folder}/model.safetensors  weights {}", digest.get(..16).context("a digest")?));
            say(&format!("evaluate it with `isnet evaluate {folder}`"));
        }
    }
    Ok(Answer::Yes)
}
