//! What can go wrong with a run on disk: each error says what, where and what to do.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

use std::{io, path::PathBuf};

use isnet_files::reason;

use crate::config::Change;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, RunError>;

/// An error of a configuration, a run folder, a checkpoint or a model file.
///
/// `place` is a file with its line (`configs/x.toml:12`) or `--set` for a value from the command line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A key that no section knows: most often a typo.
    #[error("unknown key `{key}` in {place}{}", did_you_mean(.suggestion.as_deref(), .valid))]
    UnknownKey {
        /// The key as typed, with its section: `train.epoch`.
        key: String,
        /// Where it stands.
        place: String,
        /// The nearest valid key, if one is near.
        suggestion: Option<String>,
        /// The keys that its section has.
        valid: Vec<&'static str>,
    },
    /// The file is not TOML.
    #[error("{place} is not valid TOML: {reason}")]
    Syntax {
        /// The file.
        place: String,
        /// What the TOML parser says.
        reason: String,
    },
    /// A value of the wrong type, or a word that is not among the choices.
    #[error("key `{key}` in {place} cannot be `{value}`: {reason}")]
    Value {
        /// The key with its section.
        key: String,
        /// Where it stands.
        place: String,
        /// What was typed.
        value: String,
        /// What is expected instead.
        reason: String,
    },
    /// A number outside its range.
    #[error("key `{key}` in {place} is {value}, outside its range {range}")]
    Range {
        /// The key with its section.
        key: String,
        /// Where it stands.
        place: String,
        /// What was typed.
        value: String,
        /// The range in words: `at least 1`, `0 to 1`.
        range: String,
    },
    /// No data, or data from two places at once.
    #[error(
        "section `data` in {place} names {} sources ({}); give exactly one of `manifest = \"…\"`, `[data.folder]`, `[data.phantom]`, `[data.shapes]`",
        .found.len(), list(.found)
    )]
    DataSource {
        /// Where the section stands.
        place: String,
        /// The sources found.
        found: Vec<&'static str>,
    },
    /// `--set` without `=`.
    #[error("cannot read `--set {text}`: write key and value, like `--set train.epochs=4`")]
    Override {
        /// What was typed.
        text: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {what} `{}`: {}", .path.display(), reason(.cause))]
    Read {
        /// What the file is: `configuration`, `checkpoint`, `model weights`.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file that cannot be written; the old one, if any, is intact.
    #[error(transparent)]
    Files(#[from] isnet_files::FilesError),
    /// A folder that cannot be made, listed or locked.
    #[error(
        "cannot {action} run folder `{}`: {}; choose a writable folder with the key `output`",
        .path.display(), reason(.cause)
    )]
    Folder {
        /// `create`, `list`, `lock`, `clear`.
        action: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A new run would mix with an old one.
    #[error(
        "run folder `{}` is not empty (it holds `{holds}`); resume it (`--resume`), overwrite it (`--overwrite`), or choose another `output`",
        .path.display()
    )]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// One thing found in it.
        holds: String,
    },
    /// Data that cannot be trained on.
    #[error("{}", data_problems(data, problems))]
    DataProblems {
        /// The manifest or the folder.
        data: PathBuf,
        /// What is wrong, all of it fatal.
        problems: Vec<isnet_data::Problem>,
    },
    /// A folder with something that is not of a run.
    #[error(
        "`{}` is no run folder and holds `{holds}`, which no run of isnet wrote; choose another `output`",
        .path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// One thing in it.
        holds: String,
    },
    /// A run that is to go on with another configuration than it was begun with.
    #[error(
        "the run in `{}` was begun with another configuration: {}; undo the change, or start a new run with another `output`",
        .path.display(), .changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Changed {
        /// The folder.
        path: PathBuf,
        /// The keys that must stay as they were.
        changes: Vec<Change>,
    },
    /// A path that should be a model.
    #[error("`{}` {what}", .path.display())]
    NoModel {
        /// The path.
        path: PathBuf,
        /// What it is, and what to do.
        what: String,
    },
    /// A folder without `config.toml`.
    #[error("`{}` is not a run folder: it has no `config.toml`", .path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// Another training works in this folder.
    #[error(
        "run folder `{}` is in use by process {process}; wait until it ends, or choose another `output`",
        .path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process that holds the lock, `unknown` if it did not say.
        process: String,
    },
    /// A file that is there but is not what it should be: cut short, altered, or of another kind.
    #[error("{what} `{}` is corrupt: {reason}", .path.display())]
    Corrupt {
        /// What the file should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// NaN or infinity among the weights of a model.
    #[error(
        "tensor `{tensor}` in `{}` holds {value} at index {index}; these weights cannot be used: train again, or take an earlier checkpoint",
        .path.display()
    )]
    NonFinite {
        /// The model file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Position in row-major order.
        index: usize,
        /// NaN or an infinity.
        value: f32,
    },
    /// A device that this build does not have.
    #[error("no device `{device}` in this build; it has {}. Others come with cargo features, e.g. `--features cuda`", list(.known))]
    Device {
        /// What was asked for.
        device: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// Architecture and weights do not belong together, or do not exist.
    #[error(transparent)]
    Model(#[from] isnet_models::ModelError),
    /// An error above or below, with the model that it was met in.
    #[error("model `{}`: {cause}", .path.display())]
    InModel {
        /// The model: its folder or one of its files.
        path: PathBuf,
        /// What is wrong with it.
        cause: Box<RunError>,
    },
    /// A model without classes where a classifier is needed.
    #[error("model `{}` segments and says no class; use it with `isnet segment predict`", .path.display())]
    NotAClassifier {
        /// The model.
        path: PathBuf,
    },
    /// A model without a map where a segmenter is needed.
    #[error("model `{}` makes no segmentation; train one with `isnet segment train`", .path.display())]
    NotASegmenter {
        /// The model.
        path: PathBuf,
    },
    /// `model.json` describes no architecture.
    #[error("the architecture in `model.json` cannot be read: {reason}")]
    Architecture {
        /// What the JSON reader says.
        reason: String,
    },
    /// A normalisation that this version does not apply.
    #[error("this model expects pixels normalised by mean and deviation; this version feeds pixels in [0, 1]")]
    Normalisation,
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] isnet_data::DataError),
    /// A split without a sample.
    #[error("split `{split}` has no sample; {}", splits_there(.known))]
    EmptySplit {
        /// The split asked for.
        split: String,
        /// The splits there are.
        known: Vec<String>,
    },
    /// Generated images have no manifest.
    #[error(
        "generated images have no manifest; write them to files first with `isnet data phantom FOLDER` or `isnet data shapes FOLDER`"
    )]
    NoManifest,
    /// Something in memory has no form on disk: a path that is not UTF-8, a map with odd keys.
    #[error("cannot express {what} as text: {reason}")]
    Encode {
        /// What was to be written.
        what: &'static str,
        /// Why it cannot.
        reason: String,
    },
}

fn splits_there(known: &[String]) -> String {
    match known.iter().all(String::is_empty) {
        true => {
            "no row has a split: fill in the column `split` with `train`, `val` and `test`, or put the folders of the \
                 classes into folders of these names"
                .into()
        }
        false => format!("the data has the splits {}", list(known)),
    }
}

fn did_you_mean(suggestion: Option<&str>, valid: &[&'static str]) -> String {
    match suggestion {
        Some(key) => format!("; did you mean `{key}`?"),
        None => format!("; the keys here are {}", list(valid)),
    }
}

/// `` `a`, `b` ``, the way messages list names.
pub(crate) fn list(names: &[impl AsRef<str>]) -> String {
    match names {
        [] => "none".into(),
        _ => names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", "),
    }
}

/// The first problem with its address, and how many there are.
fn data_problems(data: &std::path::Path, problems: &[isnet_data::Problem]) -> String {
    let first = problems.first().map_or_else(String::new, |problem| match problem.line {
        0 => format!("`{}`: {}", data.display(), problem.message),
        line => format!("`{}` line {line}: {}", data.display(), problem.message),
    });
    match problems.len() {
        0 | 1 => first,
        n => format!("{first} (and {} more: `isnet data check` lists all)", n - 1),
    }
}
