//! Something wrong with one line of one file, while the rest is fine.

use std::fmt;
use std::path::PathBuf;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileProblem {
    /// The file: a list, an image, a mask.
    pub path: PathBuf,
    /// Line in it, from 1; 0 if it concerns the file as a whole.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl FileProblem {
    /// A problem of a whole file.
    pub(crate) fn of_file(path: impl Into<PathBuf>, message: impl fmt::Display) -> Self {
        Self::at(path, 0, message)
    }

    /// A problem of a line.
    pub(crate) fn at(path: impl Into<PathBuf>, line: usize, message: impl fmt::Display) -> Self {
        Self { path: path.into(), line, message: message.to_string() }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "`{}`: {}", self.path.display(), self.message),
            line => write!(f, "`{}` line {line}: {}", self.path.display(), self.message),
        }
    }
}
