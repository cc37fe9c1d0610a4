//! The file that says who made a folder and what in it is theirs.
//!
//! ```text
//! made by `isnet data phantom`
//! images/train-00000.png
//! manifest.csv
//! ```
//! A line that ends with `/` is a folder that is theirs with all that it holds.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Name of the file.
pub const MARKER: &str = ".isnet-output";

/// What [`MARKER`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marker {
    /// The command that made the folder, without `isnet`.
    pub command: String,
    /// Its files, from the folder, with `/`.
    pub files: BTreeSet<String>,
}

impl Marker {
    /// The marker of a folder; `None` where there is none that can be understood.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(MARKER)).ok()?;
        let mut lines = text.lines();
        let command = lines.next()?.strip_prefix("made by `isnet ")?.strip_suffix('`')?.to_owned();
        Some(Self { command, files: lines.map(str::to_owned).collect() })
    }

    /// Whether a file is one of its own.
    pub fn owns(&self, name: &str) -> bool {
        self.files.contains(name) || name.match_indices('/').any(|(end, _)| self.files.contains(&name[..=end]))
    }
}

/// The first line of a marker.
pub(crate) fn head(command: &str) -> String {
    format!("made by `isnet {command}`\n")
}

/// A line break in a name would end its line.
pub(crate) fn line(name: &str) -> String {
    name.replace(['\n', '\r'], "?")
}

/// Adds a line for a file.
pub(crate) fn append(folder: &Path, name: &str) -> io::Result<()> {
    let mut file = File::options().append(true).open(folder.join(MARKER))?;
    file.write_all(format!("{}\n", line(name)).as_bytes())
}
