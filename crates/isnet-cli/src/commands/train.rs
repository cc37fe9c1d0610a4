//! `isnet train`

use anyhow::Context;
use isnet_run::config::{MethodName, split_override};
use isnet_run::{Datasets, Existing, RunConfig};
use isnet_train::{Ending, Trainer};

use crate::Answer;
use crate::args::TrainArgs;
use crate::progress::{Progress, print, say};
use crate::shell::quoted;
use crate::signals::interruptible;

/// Trains as the configuration says.
pub fn run(args: &TrainArgs) -> anyhow::Result<Answer> {
    run_with(args, &[])
}

/// [`run`] with keys that come before those of the command line.
pub fn run_with(args: &TrainArgs, first: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let typed = args.overrides.iter().map(|text| split_override(text)).collect::<Result<Vec<_>, _>>()?;
    let mut overrides = [first, &typed].concat();
    overrides.extend(args.options().into_iter().map(|(_, key, value)| (key, value)));
    let config = RunConfig::load(&args.config, &overrides)?;
    for warning in config.warnings() {
        say(&format!("note: {warning}"));
    }
    let data = Datasets::of(&config)?;
    let existing = match (args.resume, args.overwrite) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Overwrite,
        _ => Existing::Refuse,
    };
    let mut progress = Progress::new(&config.name, config.train.epochs, interruptible());
    say(&format!(
        "{}: {} on {} images, {} classes ({})",
        config.name,
        config.model.architecture,
        data.train.len(),
        data.classes.len(),
        data.classes.join(", ")
    ));
    let segments = config.method.name == MethodName::Segment;
    let trainer = Trainer::new(&config, &data, existing, &mut progress)?;
    let (model, ending) = trainer.train(&mut progress)?;
    // Takes the bars off the terminal before results are printed.
    drop(progress);
    match ending {
        Ending::Interrupted => {
            say(&format!("interrupted; go on with `{}`", command_to_resume(args, segments)));
            Ok(Answer::Interrupted)
        }
        Ending::Finished => {
            let digest = model.to_file().weights_digest();
            let folder = config.output.display();
            print(&format!("model {folder}/model.safetensors  weights {}", digest.get(..16).context("a digest")?));
            let folder = quoted(&folder.to_string());
            say(&if segments {
                format!("make masks with `isnet segment predict {folder} MANIFEST --output FOLDER`")
            } else {
                format!("evaluate it with `isnet evaluate {folder}`")
            });
            Ok(Answer::Yes)
        }
    }
}

/// The command that goes on with the same configuration, to be pasted into a shell.
fn command_to_resume(args: &TrainArgs, segments: bool) -> String {
    let command: &[&str] = if segments { &["isnet", "segment", "train"] } else { &["isnet", "train"] };
    let mut words: Vec<String> = command.iter().map(ToString::to_string).collect();
    words.push(args.config.display().to_string());
    words.extend(args.overrides.iter().flat_map(|text| ["--set".to_owned(), text.clone()]));
    words.extend(args.options().iter().flat_map(|(option, _, value)| [(*option).to_owned(), (*value).to_owned()]));
    words.push("--resume".into());
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_resume_has_every_override_and_survives_a_shell() {
        let args = TrainArgs {
            config: "my runs/a.toml".into(),
            overrides: ["train.epochs=4", "model.stages=[{ channels = 5 }]", "name=it's"].map(String::from).into(),
            resume: false,
            overwrite: true,
            device: Some("cpu".into()),
            epochs: Some("4".into()),
            lr: Some("1e-3".into()),
            batch_size: None,
            patience: None,
            seed: Some("7".into()),
        };
        let expected = r"isnet train 'my runs/a.toml' --set train.epochs=4 --set 'model.stages=[{ channels = 5 }]' --set 'name=it'\''s' --epochs 4 --lr 1e-3 --seed 7 --device cpu --resume";
        assert_eq!(command_to_resume(&args, false), expected);
        assert!(command_to_resume(&args, true).starts_with("isnet segment train 'my runs/a.toml'"));
    }
}
