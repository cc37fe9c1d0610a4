//! `isnet predict`

use isnet_data::{Batch, Sample, read_image};
use isnet_eval::evaluate::probabilities;
use isnet_graph::Predictor;
use isnet_run::Model;

use crate::Answer;
use crate::args::PredictArgs;
use crate::images;
use crate::progress::{print, say};

/// Classifies images. One that cannot be read is reported, the others are still classified.
pub fn run(args: &PredictArgs) -> anyhow::Result<Answer> {
    let device = isnet_run::device::device(&args.device)?;
    let model = Model::load_classifier(&args.model, &device)?;
    let predictor = Predictor::new(&model.graph, &model.params);
    let mut failed = false;
    for path in &images::expand(&args.images)? {
        match classify(&model, &predictor, path) {
            Ok(row) => print(&if args.json { json(&model, path, &row) } else { line(&model, path, &row) }),
            Err(error) => {
                failed = true;
                say(&format!("error: {error:#}"));
            }
        }
    }
    Ok(if failed { Answer::No } else { Answer::Yes })
}

fn classify(model: &Model, predictor: &Predictor, path: &std::path::Path) -> anyhow::Result<Vec<f64>> {
    let (image, _) = model.preparation.apply(&read_image(path)?, None)?;
    let id = path.display().to_string();
    let batch = Batch::collate(&[Sample { image, mask: None, label: None, id, source: String::new() }])?;
    Ok(probabilities(model, predictor.logits(model.images(&batch))).remove(0))
}

/// The index of the largest value.
pub fn highest(row: &[f64]) -> usize {
    (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

fn line(model: &Model, path: &std::path::Path, row: &[f64]) -> String {
    let each: Vec<String> = model.classes.iter().zip(row).map(|(class, p)| format!("{class} {p:.3}")).collect();
    format!("{}\t{}\t{}", path.display(), model.classes[highest(row)], each.join("  "))
}

fn json(model: &Model, path: &std::path::Path, row: &[f64]) -> String {
    let each: serde_json::Map<String, serde_json::Value> =
        model.classes.iter().cloned().zip(row.iter().map(|p| (*p).into())).collect();
    let predicted = &model.classes[highest(row)];
    serde_json::json!({ "image": path, "predicted": predicted, "probabilities": each }).to_string()
}
