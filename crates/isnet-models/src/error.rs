//! What can be wrong with an architecture or a weight file.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

use std::fmt;
use std::io;
use std::path::PathBuf;

use isnet_graph::GraphError;
use thiserror::Error;

use crate::zoo;

/// An architecture that cannot be built, or weights that cannot be read or do not fit.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum ModelError {
    /// A name that the zoo does not know.
    #[error("no architecture is named `{name}`;{} known are {}", did_you_mean(.nearest), listed(zoo::names()))]
    UnknownArchitecture {
        /// The name.
        name: String,
        /// Known names like it, the most similar first.
        nearest: Vec<&'static str>,
    },
    /// A field of an [`Architecture`](crate::Architecture) out of its range.
    #[error("architecture `{architecture}`: `{field}` is {got}, but must be {requirement}")]
    Setting {
        /// Name of the architecture.
        architecture: String,
        /// The field.
        field: &'static str,
        /// Its range in words.
        requirement: &'static str,
        /// Its value.
        got: String,
    },
    /// A field of a [`Stage`](crate::Stage) out of its range.
    #[error("architecture `{architecture}`, stage {stage}: `{field}` is {got}, but must be {requirement}")]
    Stage {
        /// Name of the architecture.
        architecture: String,
        /// Number of the stage, from 1.
        stage: usize,
        /// The field.
        field: &'static str,
        /// Its range in words.
        requirement: &'static str,
        /// Its value.
        got: usize,
    },
    /// A graph that cannot be.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A weight file that cannot be opened.
    #[error("cannot read the weight file `{}`: {cause}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file whose name does not say how to read it.
    #[error("`{}` is not a weight file by its name; expected `.safetensors`, `.pth` or `.pt`", .path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A weight file that is cut off or is something else.
    #[error("the weight file `{}` is damaged or not a weight file ({reason}); download or save it again", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What its reader found.
        reason: String,
    },
    /// A tensor of a type that no weight here has.
    #[error("weight file `{}`: tensor `{tensor}` has type {dtype}; save it as f32 (f64, f16 and bf16 are read too)", .path.display())]
    UnsupportedType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: String,
    },
    /// NaN or infinity among the weights.
    #[error(
        "weight `{tensor}` is {value} at index {index} (row-major); the file was saved from a diverged run or is damaged"
    )]
    NotFinite {
        /// The tensor.
        tensor: String,
        /// Position in row-major order.
        index: usize,
        /// The value.
        value: f32,
    },
    /// Weights of another architecture or with other sizes.
    #[error(
        "the weights do not fit the model: {}{}{}", first_of(.problems), contents(.problems, .file),
        looks_like_hint(.looks_like)
    )]
    Mismatch {
        /// Every tensor that does not fit.
        problems: Vec<Problem>,
        /// What the file has, to be shown where most of the parameters are missing in it.
        file: Option<FileContents>,
        /// The architecture that the weights seem to be of, if it is another.
        looks_like: Option<&'static str>,
    },
    /// Tensors of a file that the model has no place for.
    #[error(
        "the model has no place for {} of the file's tensors: {}{}; without them it computes something else than the network \
         that they come from. Build the architecture that has them, or leave them out with `model.unused_weights = \"allow\"`",
        .names.len(), listed(&.names[..SHOWN.min(.names.len())]), and_more(.names.len())
    )]
    Unused {
        /// The tensors, by their names in the file.
        names: Vec<String>,
    },
    /// A file that has the weights of the model more than once, and does not say which are meant.
    #[error(
        "the file has the weights more than once, below {}; save those that you mean alone, in Python: \
         `torch.save(torch.load(\"FILE\")[\"KEY\"], \"NEW.pth\")`", .prefixes.iter().map(|prefix| below(prefix)).collect::<Vec<_>>().join(" and ")
    )]
    Several {
        /// What stands before the names of each.
        prefixes: Vec<String>,
    },
    /// An error above, with the file that the weights are from.
    #[error("weight file `{}`: {cause}", .path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with its weights.
        cause: Box<ModelError>,
    },
    /// Tensors that the safetensors format cannot hold.
    #[error("cannot write tensors as safetensors: {reason}")]
    Encode {
        /// What the writer said.
        reason: String,
    },
}

impl ModelError {
    /// The same error with the file that the weights are from.
    #[must_use]
    pub fn in_file(self, path: impl Into<PathBuf>) -> Self {
        Self::InFile { path: path.into(), cause: Box::new(self) }
    }
}

/// How one tensor of a file does not fit a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The graph has it, the file has not.
    Missing {
        /// Name of the parameter.
        name: String,
        /// Its shape in the graph.
        shape: Vec<usize>,
    },
    /// The file has it, the graph has not.
    Unused {
        /// Name of the tensor.
        name: String,
    },
    /// The file has it more than once, perhaps under names of different times.
    Twice {
        /// Name of the parameter.
        name: String,
    },
    /// The file has integers.
    Integers {
        /// Name of the parameter.
        name: String,
    },
    /// Both have it, in different shapes.
    Shape(ShapeDifference),
}

/// What a weight file has, whatever the model wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContents {
    /// How many tensors.
    pub tensors: usize,
    /// The names of the first, in the order of the alphabet.
    pub first: Vec<String>,
    /// What all names begin with; often nothing.
    pub prefix: String,
}

impl FileContents {
    /// How many names are shown.
    pub(crate) const SHOWN: usize = 4;
}

/// One parameter with two shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeDifference {
    /// Name of the parameter.
    pub name: String,
    /// Shape in the file.
    pub file: Vec<usize>,
    /// Shape in the graph.
    pub graph: Vec<usize>,
}

impl fmt::Display for ShapeDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transposed = self.file.len() > 1 && self.file.iter().eq(self.graph.iter().rev());
        let note = if transposed { " (transposed)" } else { "" };
        write!(f, "`{}`: {:?} in the file{note}, {:?} here", self.name, self.file, self.graph)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing { name, shape } => write!(f, "`{name}` {shape:?} is not in the file"),
            Problem::Unused { name } => write!(f, "`{name}` is only in the file"),
            Problem::Twice { name } => write!(f, "`{name}` is in the file more than once"),
            Problem::Integers { name } => write!(f, "`{name}` holds integers in the file"),
            Problem::Shape(difference) => write!(f, "{difference}"),
        }
    }
}

/// How many problems or names a message shows.
const SHOWN: usize = 3;

fn listed<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

fn did_you_mean(nearest: &[&str]) -> String {
    if nearest.is_empty() { String::new() } else { format!(" did you mean {}?", listed(nearest)) }
}

fn first_of(problems: &[Problem]) -> String {
    let shown: Vec<_> = problems.iter().take(SHOWN).map(Problem::to_string).collect();
    shown.join("; ") + &if problems.len() > SHOWN { format!(";{}", and_more(problems.len())) } else { String::new() }
}

/// What is not shown.
fn and_more(n: usize) -> String {
    if n > SHOWN { format!(" and {} more", n - SHOWN) } else { String::new() }
}

fn below(prefix: &str) -> String {
    if prefix.is_empty() { "no prefix".to_owned() } else { format!("`{prefix}`") }
}

/// The names of the file, where it lacks parameters.
fn contents(problems: &[Problem], file: &Option<FileContents>) -> String {
    let Some(file) = file.as_ref().filter(|_| problems.iter().any(|it| matches!(it, Problem::Missing { .. }))) else {
        return String::new();
    };
    let all = if file.prefix.is_empty() { String::new() } else { format!(", all below `{}`", file.prefix) };
    match file.tensors {
        0 => "; the file has no tensors".to_owned(),
        n => format!(
            "; the file has {n} tensors{all}: {}{}",
            listed(&file.first),
            if n > file.first.len() { ", …" } else { "" }
        ),
    }
}

fn looks_like_hint(looks_like: &Option<&str>) -> String {
    match looks_like {
        Some(name) => format!("; these look like weights of `{name}`: build that, or choose another file"),
        None => String::new(),
    }
}
