//! Evaluates a run and writes `report.html`, `report.md` and its files:
//! `cargo run --release -p isnet-eval --example report -- runs/my report-of-my`.

use std::error::Error;
use std::path::PathBuf;

use isnet_eval::evaluate::{Explain, evaluate};
use isnet_eval::evaluation::Evaluation;
use isnet_eval::report::{EvaluationReport, Pictures, epochs, evaluation_document};
use isnet_run::{Datasets, Model, RunDir, Versions, device, model_file};
use isnet_statistics::Settings;
use isnet_statistics::{Predictions, Task};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a run folder, and a folder for the report")?;
    let output = PathBuf::from(arguments.next().unwrap_or_else(|| format!("{path}/report")));
    let (run, model) = (RunDir::open(&path)?, Model::load(path.as_ref(), &device::device("cpu")?)?);
    let config = run.config()?;
    let data = Datasets::open(&config.data)?;

    let task = if model.task == model_file::Task::SingleLabel.into() { Task::Single } else { Task::Multi };
    let mut predictions = Predictions::new(model.classes.clone(), task);
    for (split, dataset) in &data.tests {
        predictions.append(evaluate(&model, dataset, split, Explain::Predicted, |_| ())?);
    }
    let settings = Settings::default();
    let found = Evaluation::of(&mut predictions, None, &settings)?;
    let document = evaluation_document(&EvaluationReport {
        name: &path,
        predictions: &predictions,
        found: &found,
        settings: &settings,
        scaling: None,
        epochs: &epochs(&run)?,
        pictures: Some(Pictures { model: &model, datasets: &data.tests, most: 6 }),
        config: &std::fs::read_to_string(run.path().join("config.toml"))?,
        command: &format!("isnet evaluate {path}"),
        versions: &Versions::here("cpu"),
    })?;

    let markdown = document.to_markdown("report_files");
    std::fs::create_dir_all(output.join("report_files"))?;
    std::fs::write(output.join("report.html"), document.to_html())?;
    std::fs::write(output.join("report.md"), markdown.text)?;
    for (name, bytes) in markdown.files {
        std::fs::write(output.join(name), bytes)?;
    }
    Ok(())
}
