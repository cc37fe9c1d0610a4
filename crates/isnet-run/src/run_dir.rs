//! A run folder: where everything of a run lies, and the lock that keeps a second training out.
//!
//! ```text
//! runs/<name>/
//!   config.toml            the resolved configuration: enough to repeat the run
//!   versions.json          program, compiler, system, device
//!   log.jsonl              a line per step and per epoch
//!   metrics.csv            a row per epoch
//!   tensorboard/           the same as event files
//!   checkpoints/           last.safetensors, best.safetensors
//!   model.safetensors      the trained model …
//!   model.json             … and its description
//!   metrics.json           scores on the test splits
//!   predictions.csv        a row per tested image
//!   report.html, report.md the same for people, the latter with report_files/
//!   heatmaps/              pictures
//! ```

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    atomic,
    config::{Change, RunConfig},
    error::{Result, RunError},
    model_file::ModelFile,
    study,
    tensor::read_text,
};

const LOCK: &str = ".lock";
/// What tells a run folder; written first and removed last.
const VERSIONS: &str = "versions.json";
/// All that a run writes, apart from the lock and its [`EVALUATION`].
const CONTENTS: &[&str] = &[
    "config.toml",
    "log.jsonl",
    "metrics.csv",
    "tensorboard",
    "checkpoints",
    "model.safetensors",
    "model.json",
    "heatmaps",
    VERSIONS,
];

/// What an evaluation writes beside the model.
const EVALUATION: [&str; 9] = [
    "metrics.json",
    "predictions.csv",
    "decision_curves.csv",
    "checklist-claim.md",
    "checklist-tripod-ai.md",
    "report.html",
    "report.md",
    "report_files",
    "calibration",
];

/// What to do with a folder that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Stop with an error.
    Refuse,
    /// Remove what an earlier run wrote there, and nothing else; begin anew.
    Overwrite,
    /// Go on with what is there.
    Resume,
}

/// Which of the two checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointKind {
    /// The newest: where to resume.
    Last,
    /// The one with the best validation score: what becomes the model.
    Best,
}

/// A run folder. One that was created or resumed is locked until it is dropped or the process ends, however it ends.
///
/// # Example
/// ```
/// use isnet_run::{Existing, RunConfig, RunDir};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("runs/demo");
/// let config = RunConfig::from_toml("[data.phantom]", "demo.toml", &[])?;
/// let run = RunDir::create(&path, &config, Existing::Refuse)?;
/// assert!(RunDir::create(&path, &config, Existing::Overwrite).is_err()); // locked
/// drop(run);
/// assert_eq!(RunDir::open(&path)?.config()?, config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Whether a new run removes what lies here.
    overwrite: bool,
    /// Held, not used: the system releases the lock with the file.
    _lock: Option<File>,
}

impl RunDir {
    /// Makes the folder (with its parents), locks it, and writes `config.toml` and `versions.json`.
    ///
    /// # Errors
    /// [`RunError::Folder`] if it cannot be written, [`RunError::Occupied`] if it is not empty and `existing` is
    /// [`Existing::Refuse`], [`RunError::Locked`] if another training works there.
    pub fn create(path: impl AsRef<Path>, config: &RunConfig, existing: Existing) -> Result<Self> {
        let run = Self::claim(path, existing)?;
        run.begin(config)?;
        Ok(run)
    }

    /// Makes the folder (with its parents) and locks it, and leaves all that lies in it as it is.
    ///
    /// # Errors
    /// As [`RunDir::create`]; [`RunError::NotOurs`] if something would be replaced that no run wrote.
    pub fn claim(path: impl AsRef<Path>, existing: Existing) -> Result<Self> {
        let path = path.as_ref();
        fs::create_dir_all(path).map_err(folder_error("create", path))?;
        if existing == Existing::Refuse
            && let Some(holds) = contents(path)?.into_iter().next()
        {
            // If someone works there, that is what matters.
            try_lock(path)?;
            return Err(RunError::Occupied { path: path.to_owned(), holds });
        }
        if !Self::is_one(path)
            && let Some(holds) = contents(path)?.into_iter().find(|name| name != study::FAILURE)
        {
            return Err(RunError::NotOurs { path: path.to_owned(), holds });
        }
        let lock = lock(path)?;
        Ok(Self { path: path.to_owned(), overwrite: existing == Existing::Overwrite, _lock: Some(lock) })
    }

    /// Whether a folder is that of a run, by what `versions.json` says: many a project has a `config.toml`.
    pub fn is_one(path: &Path) -> bool {
        let text = fs::read(path.join(VERSIONS)).unwrap_or_default();
        serde_json::from_slice::<Versions>(&text).is_ok()
    }

    /// Begins a new run in a folder that was claimed: removes an earlier one if that was asked for, and writes
    /// `config.toml` and `versions.json`.
    ///
    /// # Errors
    /// [`RunError::Folder`], [`RunError::Files`].
    pub fn begin(&self, config: &RunConfig) -> Result<()> {
        if self.overwrite {
            clear(&self.path)?;
        }
        // Left by a training that was killed between its first two checkpoints: it would count as the best of this one.
        if !self.checkpoint(CheckpointKind::Last).exists() {
            remove(&self.checkpoint(CheckpointKind::Best))?;
        }
        self.describe(config, "")
    }

    /// Goes on with the run after so many steps. What changed since is told at the head of `config.toml`, so that the file
    /// still says how the run came about.
    ///
    /// # Errors
    /// [`RunError::Read`] without the `config.toml` of the run, [`RunError::Folder`], [`RunError::Files`].
    pub fn go_on(&self, config: &RunConfig, step: usize, changes: &[Change]) -> Result<()> {
        let before = read_text("configuration", &self.file("config.toml"))?;
        let mut history: String =
            before.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        for change in changes {
            history += &format!("# Resumed after step {step} with {change}\n");
        }
        self.describe(config, &history)
    }

    /// Makes the inner folders, and writes `config.toml` below its history, and `versions.json`.
    fn describe(&self, config: &RunConfig, history: &str) -> Result<()> {
        atomic::write_json(&self.file(VERSIONS), &Versions::here(&config.device))?;
        atomic::write(&self.file("config.toml"), (history.to_owned() + &config.to_toml()?).as_bytes())?;
        for folder in [self.checkpoints(), self.tensorboard(), self.heatmaps()] {
            fs::create_dir_all(&folder).map_err(folder_error("create", &folder))?;
        }
        Ok(())
    }

    /// Writes the model of the run. Scores and predictions of another model that lie here are removed; returns whether there
    /// were any.
    ///
    /// # Errors
    /// As [`ModelFile::save`]; [`RunError::Folder`] if an old file cannot be removed.
    pub fn save_model(&self, model: &ModelFile) -> Result<bool> {
        let is_same = ModelFile::described(&self.path)
            .is_some_and(|(digest, scaling)| digest == model.weights_digest() && scaling == model.scaling);
        let mut removed = false;
        for name in EVALUATION.iter().filter(|_| !is_same) {
            removed |= remove(&self.file(name))?;
        }
        model.save(&self.path)?;
        Ok(removed)
    }

    /// Locks an existing run to go on with it, as it is.
    ///
    /// # Errors
    /// [`RunError::NotARun`] without `config.toml`, [`RunError::Locked`] if another training works there.
    pub fn resume(path: impl AsRef<Path>) -> Result<Self> {
        let run = Self::open(path)?;
        let lock = lock(&run.path)?;
        Ok(Self { _lock: Some(lock), ..run })
    }

    /// Opens a run to read it; a training may go on meanwhile.
    ///
    /// # Errors
    /// [`RunError::NotARun`] without `config.toml`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let run = Self { path: path.as_ref().to_owned(), overwrite: false, _lock: None };
        if !run.file("config.toml").is_file() {
            return Err(RunError::NotARun { path: run.path });
        }
        Ok(run)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration of the run.
    ///
    /// # Errors
    /// As [`RunConfig::load`].
    pub fn config(&self) -> Result<RunConfig> {
        RunConfig::load(self.file("config.toml"), &[])
    }

    /// `log.jsonl`.
    pub fn log(&self) -> PathBuf {
        self.file("log.jsonl")
    }

    /// `metrics.csv`.
    pub fn metrics_csv(&self) -> PathBuf {
        self.file("metrics.csv")
    }

    /// `tensorboard/`.
    pub fn tensorboard(&self) -> PathBuf {
        self.file("tensorboard")
    }

    /// `checkpoints/`.
    pub fn checkpoints(&self) -> PathBuf {
        self.file("checkpoints")
    }

    /// `checkpoints/last.safetensors` or `checkpoints/best.safetensors`.
    pub fn checkpoint(&self, kind: CheckpointKind) -> PathBuf {
        self.checkpoints().join(match kind {
            CheckpointKind::Last => "last.safetensors",
            CheckpointKind::Best => "best.safetensors",
        })
    }

    /// `model.safetensors`, with `model.json` beside it.
    pub fn model(&self) -> PathBuf {
        self.file("model.safetensors")
    }

    /// `metrics.json`.
    pub fn metrics_json(&self) -> PathBuf {
        self.file("metrics.json")
    }

    /// `heatmaps/`.
    pub fn heatmaps(&self) -> PathBuf {
        self.file("heatmaps")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// What a run was made with: `versions.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Version of this program.
    pub isnet: String,
    /// The compiler, as known at build time.
    pub rustc: Option<String>,
    /// The commit, where the build was given `ISNET_GIT_COMMIT`.
    pub git_commit: Option<String>,
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Device computed on.
    pub device: String,
    /// Threads available.
    pub threads: usize,
}

impl Versions {
    /// The versions of this program, with all threads of this machine.
    pub fn here(device: &str) -> Self {
        Self::current(device, std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }

    /// The versions of this program, with so many threads.
    pub fn current(device: &str, threads: usize) -> Self {
        Self {
            isnet: env!("CARGO_PKG_VERSION").into(),
            rustc: option_env!("ISNET_RUSTC").map(Into::into),
            git_commit: option_env!("ISNET_GIT_COMMIT").map(Into::into),
            os: std::env::consts::OS.into(),
            arch: std::env::consts::ARCH.into(),
            device: device.into(),
            threads,
        }
    }
}

/// Takes the lock of the system on the file `.lock`; the system gives it back when the process ends, even by SIGKILL.
fn lock(path: &Path) -> Result<File> {
    let failed = folder_error("lock", path);
    let mut options = File::options();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(path.join(LOCK)).map_err(&failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(path, &mut file)),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // The number is for people; the lock is what counts.
    let number = std::process::id().to_string();
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(number.as_bytes())).map_err(failed)?;
    Ok(file)
}

/// Whether a training works in a folder, without making anything there.
///
/// # Errors
/// [`RunError::Locked`] with its process.
pub(crate) fn try_lock(path: &Path) -> Result<()> {
    let Ok(mut file) = File::open(path.join(LOCK)) else { return Ok(()) };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(locked(path, &mut file)),
        _ => Ok(()),
    }
}

fn locked(path: &Path, file: &mut File) -> RunError {
    let mut process = String::new();
    let said = file.read_to_string(&mut process).is_ok() && !process.is_empty();
    let process = if said { process } else { "unknown".into() };
    RunError::Locked { path: path.to_owned(), process }
}

/// The names in a folder, sorted, without those that say nothing.
fn contents(path: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(path).map_err(folder_error("list", path))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != LOCK && !isnet_files::atomic::is_temporary(name));
    names.sort();
    Ok(names)
}

fn clear(path: &Path) -> Result<()> {
    EVALUATION.iter().chain(CONTENTS).try_for_each(|name| remove(&path.join(name)).map(drop))
}

/// Removes a file or folder; whether there was one.
fn remove(entry: &Path) -> Result<bool> {
    let removed = if entry.is_dir() { fs::remove_dir_all(entry) } else { fs::remove_file(entry) };
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(folder_error("clear", entry)(error)),
    }
}

pub(crate) fn folder_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> RunError + use<> {
    let path = path.to_owned();
    move |cause| RunError::Folder { action, path: path.clone(), cause }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use isnet_statistics::Scaling;

    use super::*;

    fn config() -> RunConfig {
        RunConfig::from_toml("[data.phantom]", "demo.toml", &[]).unwrap()
    }

    /// Makes a folder one of a run.
    fn mark(folder: &Path) {
        atomic::write_json(&folder.join(VERSIONS), &Versions::here("cpu")).unwrap();
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused_or_cleared_of_the_run_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        fs::write(folder.path().join("log.jsonl"), "old").unwrap();
        for existing in [Existing::Overwrite, Existing::Resume] {
            let error = RunDir::create(folder.path(), &config(), existing).unwrap_err().to_string();
            assert!(error.contains("`log.jsonl`, which no run of isnet wrote"), "{error}");
        }
        mark(folder.path());
        let error = RunDir::create(folder.path(), &config(), Existing::Refuse).unwrap_err();
        assert!(error.to_string().contains("`log.jsonl`") && error.to_string().contains("resume"), "{error}");
        assert!(!folder.path().join(LOCK).exists());
        drop(RunDir::create(folder.path(), &config(), Existing::Resume).unwrap());
        assert!(folder.path().join("log.jsonl").exists());
        drop(RunDir::create(folder.path(), &config(), Existing::Overwrite).unwrap());
        assert!(!folder.path().join("log.jsonl").exists());
        assert_eq!(fs::read(folder.path().join("notes.txt")).unwrap(), b"mine");
    }

    #[test]
    fn a_folder_in_use_names_the_process_before_its_contents() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), &config(), Existing::Refuse).unwrap();
        for existing in [Existing::Refuse, Existing::Overwrite, Existing::Resume] {
            assert!(matches!(RunDir::claim(folder.path(), existing), Err(RunError::Locked { .. })), "{existing:?}");
        }
        drop(run);
        assert!(matches!(RunDir::claim(folder.path(), Existing::Refuse), Err(RunError::Occupied { .. })));
    }

    #[test]
    fn a_claimed_folder_keeps_what_it_holds_until_the_run_begins() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("log.jsonl"), "old").unwrap();
        mark(folder.path());
        let run = RunDir::claim(folder.path(), Existing::Overwrite).unwrap();
        assert_eq!(fs::read(run.log()).unwrap(), b"old");
        run.begin(&config()).unwrap();
        assert!(!run.log().exists() && run.config().unwrap() == config());
    }

    #[test]
    fn files_with_the_names_of_a_run_that_no_run_wrote_are_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.safetensors"), "weights of somebody").unwrap();
        for existing in [Existing::Overwrite, Existing::Resume] {
            let error = RunDir::create(folder.path(), &config(), existing).unwrap_err();
            assert!(error.to_string().contains("`model.safetensors`"), "{error}");
        }
        assert_eq!(fs::read(folder.path().join("model.safetensors")).unwrap(), b"weights of somebody");
        assert!(!folder.path().join(LOCK).exists());
    }

    #[test]
    fn a_best_checkpoint_without_a_last_one_is_not_of_the_run_that_begins() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), &config(), Existing::Resume).unwrap();
        let best = run.checkpoint(CheckpointKind::Best);
        fs::write(&best, "best").unwrap();
        run.begin(&config()).unwrap();
        assert!(!best.exists());
    }

    #[test]
    fn a_configuration_remembers_what_was_changed_when_the_run_was_resumed() {
        let folder = tempfile::tempdir().unwrap();
        drop(RunDir::create(folder.path(), &config(), Existing::Refuse).unwrap());
        let mut now = config();
        for (step, epochs) in [(7, 20), (9, 30)] {
            let run = RunDir::claim(folder.path(), Existing::Resume).unwrap();
            now.train.epochs = epochs;
            let changes = now.changes_since(&run.config().unwrap()).unwrap();
            run.go_on(&now, step, &changes).unwrap();
            run.go_on(&now, step + 1, &[]).unwrap();
            assert_eq!(run.config().unwrap(), now);
        }
        let text = fs::read_to_string(folder.path().join("config.toml")).unwrap();
        let history: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(
            history,
            [
                "# Resumed after step 7 with `train.epochs`: 10 → 20",
                "# Resumed after step 9 with `train.epochs`: 20 → 30"
            ]
        );
    }

    #[test]
    fn the_evaluation_of_another_model_is_removed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), &config(), Existing::Refuse).unwrap();
        let model = |value| ModelFile {
            architecture: serde_json::json!({}),
            classes: vec!["x".into()],
            task: crate::Task::SingleLabel,
            height: 8,
            width: 8,
            channels: 1,
            fit: crate::config::Fit::Pad,
            intensity: Default::default(),
            normalisation: Default::default(),
            scaling: None,
            training: serde_json::json!({}),
            parameters: vec![isnet_models::NamedTensor::f32("fc.bias", [1], vec![value])],
        };
        assert!(!run.save_model(&model(1.0)).unwrap());
        fs::write(run.metrics_json(), "{}").unwrap();
        assert!(!run.save_model(&model(1.0)).unwrap() && run.metrics_json().exists(), "the same model");
        assert!(run.save_model(&model(2.0)).unwrap() && !run.metrics_json().exists(), "another model");
        fs::write(run.metrics_json(), "{}").unwrap();
        let scaled = ModelFile { scaling: Some(Scaling::Temperature { temperature: 1.5 }), ..model(2.0) };
        assert!(run.save_model(&scaled).unwrap() && !run.metrics_json().exists(), "other probabilities");
        assert_eq!(ModelFile::load(folder.path()).unwrap(), scaled);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = RunDir::create(file.join("run"), &config(), Existing::Refuse).unwrap_err().to_string();
        assert!(error.starts_with("cannot create run folder") && error.contains("`output`"), "{error}");
    }

    #[test]
    fn a_folder_with_nothing_but_an_old_lock_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK), "4242").unwrap();
        RunDir::create(folder.path(), &config(), Existing::Refuse).unwrap();
    }

    #[test]
    fn a_folder_without_configuration_is_not_a_run() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(RunDir::open(folder.path()), Err(RunError::NotARun { .. })));
        assert!(matches!(RunDir::resume(folder.path()), Err(RunError::NotARun { .. })));
    }

    #[test]
    fn a_run_being_trained_can_be_read_but_not_trained_again() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), &config(), Existing::Refuse).unwrap();
        assert_eq!(RunDir::open(folder.path()).unwrap().config().unwrap(), config());
        let error = RunDir::resume(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(run);
        RunDir::resume(folder.path()).unwrap();
    }

    /// Runs itself again as the process to be killed.
    #[test]
    fn a_killed_training_leaves_no_lock() {
        const FOLDER: &str = "ISNET_TEST_LOCK_FOLDER";
        if let Some(folder) = std::env::var_os(FOLDER) {
            let _run = RunDir::create(folder, &config(), Existing::Refuse).unwrap();
            std::thread::sleep(std::time::Duration::from_secs(60));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["a_killed_training_leaves_no_lock", "--test-threads=1"])
            .env(FOLDER, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The last that a run makes at its beginning.
        while !path.join("heatmaps").exists() {
            assert!(child.try_wait().unwrap().is_none(), "the child ended before it could be killed");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(matches!(RunDir::resume(&path), Err(RunError::Locked { .. })));
        child.kill().unwrap();
        child.wait().unwrap();
        RunDir::resume(&path).unwrap();
    }

    #[test]
    fn versions_name_compiler_and_system() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), &config(), Existing::Refuse).unwrap();
        let versions: Versions = serde_json::from_slice(&fs::read(run.file("versions.json")).unwrap()).unwrap();
        assert!(versions.rustc.unwrap().starts_with("rustc 1."));
        assert_eq!((versions.os.as_str(), versions.device.as_str()), (std::env::consts::OS, "cpu"));
    }
}
