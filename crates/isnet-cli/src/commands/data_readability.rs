//! `isnet data readability`

use isnet_audit::{Outcome, Question, Settings, Thresholds, readability, render};
use isnet_data::{Dataset, Fit, Intensity, Preparation};

use crate::Answer;
use crate::args::DataReadabilityArgs;
use crate::audited::{Audited, Purpose};
use crate::progress::{AuditProgress, print, say};

/// Asks whether backgrounds give label or source away. Here the data are what is judged: the answer is no where an audit
/// of a model would only warn.
pub fn run(args: &DataReadabilityArgs) -> anyhow::Result<Answer> {
    let size = args.size;
    let preparation =
        Preparation { height: size, width: size, channels: args.channels, fit: Fit::Pad, intensity: Intensity::Stored };
    let purpose = Purpose { task: args.task, preparation, model: None, default_splits: &["train"] };
    let audited = Audited::open(&args.manifest, &args.images, &purpose)?;
    say(&audited.description());
    let thresholds =
        Thresholds { label_auc: args.max_label_auc, source_auc: args.max_source_auc, ..Thresholds::default() };
    let settings = Settings {
        questions: vec![Question::Readability],
        thresholds,
        resamples: args.images.resamples,
        seed: args.images.seed,
        guess_patients: !args.images.independent,
        ..Settings::default()
    };
    let mut progress = AuditProgress::new();
    let total = audited.data.len().min(settings.readability_images);
    let question = Question::Readability;
    let answer = readability::readability(&audited.data, &settings, &mut |done| {
        progress.tell(isnet_audit::Progress { question, done, total });
    })?;
    drop(progress);
    let verdicts = readability::verdicts(&settings, &answer);
    if args.json {
        let found = serde_json::json!({ "verdicts": verdicts, "readability": answer });
        print(&serde_json::to_string_pretty(&found)?);
    } else {
        print(&render::verdicts(&verdicts));
        answer.found().iter().for_each(|found| print(&render::readability(found)));
    }
    let has = |outcome| verdicts.iter().any(|verdict| verdict.outcome == outcome);
    Ok(match (has(Outcome::Warning), has(Outcome::Undecided)) {
        (true, _) => Answer::No,
        (false, true) => Answer::Undecided,
        (false, false) => Answer::Yes,
    })
}
