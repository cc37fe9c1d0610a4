//! `isnet audit`

use std::path::Path;

use anyhow::bail;
use isnet_audit::marks::Marks;
use isnet_audit::{Settings, Subject, Thresholds, audit_subject, page, render};
use isnet_data::mark::MarkSettings;
use isnet_data::read_opaque_image;
use isnet_files::Place;
use isnet_run::Model;

use crate::Answer;
use crate::args::AuditArgs;
use crate::audited::{Audited, Purpose};
use crate::output::{Output, existing};
use crate::pages;
use crate::progress::{AuditProgress, print, say};

/// Asks where a model's decisions come from. The answer is no if a verdict fails, and undecided if none does but more images could decide one.
pub fn run(args: &AuditArgs) -> anyhow::Result<Answer> {
    let device = isnet_run::device::device(&args.device)?;
    let model = Model::load(&args.model, &device)?;
    if model.classes.is_empty() {
        bail!("`{}` makes masks and decides nothing; audit a classifier", args.model.display());
    }
    let purpose = Purpose {
        task: None,
        preparation: model.preparation,
        model: Some((model.task, &model.classes, &args.classes)),
        default_splits: &["test", "val"],
    };
    let audited = Audited::open(&args.data, &args.images, &purpose)?;
    say(&audited.description());
    let has_val = audited.splits.iter().any(|split| split == "val");
    let chosen_by = "the split val chose the epoch of the model, if it was trained on this manifest: its figures flatter; --split names another";
    if has_val {
        say(&format!("note: {chosen_by}"));
    }
    let settings = settings(args)?;
    let output = Output::open(&Place {
        command: "audit",
        folder: &args.output,
        existing: existing(args.overwrite),
        inputs: &[&args.model, &args.data],
        searched: &[],
    })?;
    let mut progress = AuditProgress::new();
    let subject = Subject::new(&model, &audited.data, &settings)?;
    let found = audit_subject(&subject, &mut |at| progress.tell(at))?;
    drop(progress);
    let mut facts = vec![
        ("model".to_owned(), args.model.display().to_string()),
        ("data".to_owned(), format!("{}, {}", args.data.display(), audited.description())),
    ];
    if has_val {
        facts.push(("note".to_owned(), chosen_by.to_owned()));
    }
    output.write_json("audit.json", &found)?;
    pages::write(&page::document(&found, &subject, &facts)?, &output)?;
    say(&output.written(&["report.html", "report.md", "audit.json"]));
    print(&if args.json { serde_json::to_string_pretty(&found)? } else { render::report(&found) });
    Ok(match (found.passes(), found.is_undecided()) {
        (false, _) => Answer::No,
        (true, true) => Answer::Undecided,
        (true, false) => Answer::Yes,
    })
}

fn settings(args: &AuditArgs) -> anyhow::Result<Settings> {
    let limits = &args.limits;
    let mut settings = Settings {
        thresholds: Thresholds {
            background_share: limits.max_background_share,
            bg_gap: limits.max_bg_gap,
            mark_flips: limits.max_mark_flips,
            label_auc: limits.max_label_auc,
            source_auc: limits.max_source_auc,
            faithfulness: limits.min_faithfulness,
            randomised_correlation: limits.max_randomised_correlation,
        },
        resamples: args.images.resamples,
        seed: args.images.seed,
        guess_patients: !args.images.independent,
        marks: marks(&args.marks)?,
        mark_settings: MarkSettings { size: args.mark_size, ..MarkSettings::default() },
        pointing_tolerance: args.tolerance,
        faithfulness_images: args.faithfulness_images,
        ..Settings::default()
    };
    if !args.questions.is_empty() {
        settings.questions.retain(|question| args.questions.contains(question));
    }
    Ok(settings)
}

/// Words are marks, unless the only one is a file.
fn marks(words: &[String]) -> anyhow::Result<Marks> {
    match words {
        [path] if Path::new(path).is_file() => Ok(Marks::Picture(read_opaque_image(Path::new(path))?)),
        _ => Ok(Marks::PerClass(words.to_vec())),
    }
}
