//! What a path is that should be a model and is none, and what to do.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Result, RunError, list};
use crate::run_dir::{CheckpointKind, RunDir};

/// Folders that are looked into for a run to name.
const LOOKED_INTO: usize = 1000;

/// Whether there is a model at `path`: a folder with `model.json`, or one of its two files. Nothing is read but names.
///
/// # Errors
/// [`RunError::NoModel`] with what there is instead.
///
/// # Example
/// ```
/// let error = isnet_run::check_model("runs/never".as_ref()).unwrap_err().to_string();
/// assert!(error.starts_with("`runs/never` does not exist"));
/// ```
pub fn check_model(path: &Path) -> Result<()> {
    let what = if !path.exists() {
        absent(path)
    } else if path.is_dir() {
        match (path.join("model.json").is_file(), path.join("model.safetensors").is_file()) {
            (true, true) => return Ok(()),
            (true, false) if !RunDir::is_one(path) => {
                "has the description `model.json` of a model, but not its weights `model.safetensors`; copy both".into()
            }
            _ => folder(path),
        }
    } else {
        match file(path) {
            Some(what) => what,
            None => return Ok(()),
        }
    };
    Err(RunError::NoModel { path: path.to_owned(), what })
}

fn absent(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return "does not exist; name a run folder, like `runs/NAME`, or a model file".into();
    }
    let wanted = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let near = |model: &PathBuf| {
        let name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        strsim::normalized_damerau_levenshtein(&name, &wanted)
    };
    let models = runs_in(folder);
    let nearest = models.iter().max_by(|one, other| near(one).total_cmp(&near(other)));
    match nearest.filter(|model| near(model) >= 0.6) {
        Some(model) => format!("does not exist; did you mean `{}`?", model.display()),
        None if models.is_empty() => "does not exist; name a run folder, like `runs/NAME`, or a model file".into(),
        None => format!("does not exist; the runs beside it are {}", names(&models)),
    }
}

fn folder(path: &Path) -> String {
    if let Some(failure) = failure(path) {
        return format!("is a training of a study that failed: {failure}");
    }
    if RunDir::is_one(path) {
        return unfinished(path);
    }
    let runs = runs_in(path);
    if path.join("study.json").is_file() || runs.iter().any(|run| is_cell(run)) {
        let like = first_model(path).map_or_else(String::new, |run| format!(", like `{}`", run.display()));
        return format!("is the folder of a study; name the run of one of its trainings{like}");
    }
    if !runs.is_empty() {
        return format!("is no run, but holds runs; name one of them: {}", names(&runs));
    }
    let mut inside: Vec<String> = entries(path).iter().map(|path| name(path)).collect();
    inside.truncate(3);
    let holds = if inside.is_empty() { "it is empty".to_owned() } else { format!("it holds {}", list(&inside)) };
    format!("is no run folder ({holds}); a run folder is made by `isnet train` and holds `model.json` when it is done")
}

/// How far a training is that has no model yet.
fn unfinished(path: &Path) -> String {
    let log = fs::read_to_string(path.join("log.jsonl")).unwrap_or_default();
    let done = log.lines().filter(|line| line.contains("\"kind\":\"epoch\"")).count();
    let run = RunDir::open(path).ok();
    let all = run.as_ref().and_then(|run| run.config().ok()).map(|config| config.train.epochs);
    let epochs = match (done, all) {
        (done, Some(all)) => format!("{done} of {all} epochs are done"),
        (done, None) => format!("{done} epochs are done"),
    };
    if let Err(RunError::Locked { process, .. }) = crate::run_dir::try_lock(path) {
        return format!("is in training: {epochs}; wait until process {process} has finished it");
    }
    let config = path.join("config.toml");
    let has_checkpoint = run.is_some_and(|run| run.checkpoint(CheckpointKind::Last).exists());
    let flag = if has_checkpoint { "--resume" } else { "--overwrite" };
    let how = if has_checkpoint { "finish it" } else { "there is no checkpoint: train it again" };
    format!("is a run whose training is not finished: {epochs}; {how} with `isnet train {} {flag}`", config.display())
}

/// Why a training of a study failed.
fn failure(path: &Path) -> Option<String> {
    if path.join("cell.json").exists() {
        return None;
    }
    let text = fs::read(path.join("failure.json")).ok()?;
    let value: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(value.get("reason")?.as_str()?.to_owned())
}

/// What a file is that has no model beside it; `None` for a model.
fn file(path: &Path) -> Option<String> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let (weights, description) = (path.with_extension("safetensors"), path.with_extension("json"));
    let start = format!("start a training from it with `model.weights = \"{}\"`", path.display());
    match extension.as_str() {
        "safetensors" if description.is_file() => None,
        "json" if weights.is_file() => None,
        "safetensors" => Some(match run_of_checkpoint(path) {
            Some(run) => format!("is a checkpoint of a training; name its run folder: `{}`", run.display()),
            None => format!(
                "holds weights without their description `{}`, which `isnet train` writes beside them; copy both, or {start}",
                description.display()
            ),
        }),
        "json" => Some(format!("is no model: its weights `{}` are missing", weights.display())),
        "pth" | "pt" | "ckpt" | "bin" => Some(format!("holds weights without the description of a model; {start}")),
        "toml" => {
            Some(format!("is a configuration; train it with `isnet train {}` and name the run folder", path.display()))
        }
        "csv" => Some("is a table; the model comes first, as a run folder".into()),
        "png" | "jpg" | "jpeg" | "bmp" | "tif" | "tiff" => {
            Some("is an image; the model comes first, as a run folder".into())
        }
        _ => Some("is no model; name a run folder, or `model.safetensors` in it".into()),
    }
}

fn run_of_checkpoint(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| name(folder) == "checkpoints")?;
    let run = folder.parent().filter(|run| RunDir::is_one(run))?;
    Some(run.to_owned())
}

/// Folders directly in `path` that are runs or hold a model, or are variants of a study.
fn runs_in(path: &Path) -> Vec<PathBuf> {
    let is_run = |folder: &PathBuf| {
        folder.join("model.json").is_file()
            || RunDir::is_one(folder)
            || entries(folder).iter().any(|inner| is_cell_run(inner))
    };
    entries(path).into_iter().take(LOOKED_INTO).filter(is_run).collect()
}

/// Whether a folder is a variant of a study.
fn is_cell(folder: &Path) -> bool {
    entries(folder).iter().any(|inner| is_cell_run(inner))
}

fn is_cell_run(folder: &Path) -> bool {
    name(folder).starts_with("seed-") && folder.is_dir()
}

/// The first finished run of a study.
fn first_model(study: &Path) -> Option<PathBuf> {
    let cells = entries(study).into_iter().flat_map(|variant| entries(&variant));
    cells.into_iter().find(|cell| cell.join("model.json").is_file())
}

/// What lies in a folder, sorted; nothing if it cannot be listed.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = found.filter(|path| !name(path).starts_with('.')).collect();
    found.sort();
    found
}

fn names(runs: &[PathBuf]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = runs.iter().take(SHOWN).map(|run| run.display().to_string()).collect();
    let more = if runs.len() > SHOWN { format!(" and {} more", runs.len() - SHOWN) } else { String::new() };
    list(&shown) + &more
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Existing, RunConfig};

    fn says(path: &Path) -> String {
        check_model(path).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_model_is_called_what_it_is() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        let write = |name: &str, text: &str| {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), text).unwrap();
        };
        write("runs/phantom/model.json", "{}");
        write("runs/phantom/model.safetensors", "");
        write("photos/a.png", "");
        write("loose.safetensors", "");
        write("net.pth", "");
        write("mine.toml", "");
        write("half/model.json", "{}");
        write("runs/study/standard/seed-0/model.json", "{}");
        write("runs/study/isnet/seed-1/failure.json", r#"{"reason": "no masks", "config": ""}"#);
        for (name, words) in [
            ("runs/phantim", "did you mean"),
            ("runs/other", "the runs beside it are"),
            ("nowhere/run", "does not exist; name a run folder"),
            ("runs", "holds runs; name one of them"),
            ("runs/study", "is the folder of a study; name the run of one of its trainings, like"),
            ("runs/study/isnet/seed-1", "is a training of a study that failed: no masks"),
            ("photos", "is no run folder (it holds `a.png`)"),
            ("photos/a.png", "is an image; the model comes first"),
            ("loose.safetensors", "without their description"),
            ("net.pth", "model.weights"),
            ("mine.toml", "is a configuration; train it with"),
            ("half", "but not its weights"),
        ] {
            let message = says(&path(name));
            assert!(message.contains(words), "{name}: {message}");
        }
        check_model(&path("runs/phantom")).unwrap();
        check_model(&path("runs/phantom/model.safetensors")).unwrap();
    }

    #[test]
    fn a_training_that_is_not_finished_says_how_far_it_is_and_how_to_finish_it() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("runs/x");
        let config = RunConfig::from_toml("[data.phantom]\n[train]\nepochs = 7", "x.toml", &[]).unwrap();
        let run = RunDir::create(&path, &config, Existing::Refuse).unwrap();
        let working = says(&path);
        assert!(working.contains("is in training: 0 of 7 epochs are done; wait"), "{working}");
        fs::write(run.log(), "{\"kind\":\"step\"}\n{\"kind\":\"epoch\",\"time\":1}\n").unwrap();
        drop(run);
        assert!(says(&path).contains("there is no checkpoint"), "{}", says(&path));
        fs::write(path.join("checkpoints/last.safetensors"), "").unwrap();
        let stopped = says(&path);
        assert!(stopped.contains("1 of 7 epochs are done; finish it with `isnet train"), "{stopped}");
        assert!(stopped.contains("config.toml --resume`"), "{stopped}");
        let checkpoint = says(&path.join("checkpoints/last.safetensors"));
        assert!(checkpoint.contains("is a checkpoint of a training; name its run folder"), "{checkpoint}");
    }
}
