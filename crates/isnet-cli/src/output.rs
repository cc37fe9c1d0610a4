//! Where commands write: into a run folder, or into a folder that is new or their own.

use std::path::{Path, PathBuf};

use isnet_files::{Existing, OutputFolder, Place};
use isnet_run::{RunDir, atomic};

/// What `--overwrite` says.
pub fn existing(overwrite: bool) -> Existing {
    if overwrite { Existing::Overwrite } else { Existing::Refuse }
}

/// A folder for results.
pub enum Output {
    /// A run folder: what a command writes there has its names to itself.
    Run(PathBuf),
    /// A folder whose files are noted.
    Folder(OutputFolder),
}

impl Output {
    /// A folder that is new, empty or of the same command.
    pub fn open(place: &Place<'_>) -> anyhow::Result<Self> {
        Ok(Self::Folder(OutputFolder::open(place)?))
    }

    /// The run folder itself; any other folder as [`OutputFolder::beside`].
    pub fn of_run_or_beside(place: &Place<'_>, names: &[&str]) -> anyhow::Result<Self> {
        if RunDir::is_one(place.folder) {
            return Ok(Self::Run(place.folder.to_owned()));
        }
        Ok(Self::Folder(OutputFolder::beside(place, names)?))
    }

    /// The folder as it was asked for.
    pub fn path(&self) -> &Path {
        match self {
            Self::Run(path) => path,
            Self::Folder(folder) => folder.path(),
        }
    }

    /// Writes a file, all or nothing.
    pub fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Run(path) => {
                let path = path.join(name);
                let folder = path.parent().unwrap_or(Path::new(""));
                isnet_files::create_folder(folder)?;
                atomic::write(&path, bytes)?;
            }
            Self::Folder(folder) => drop(folder.write(name, bytes)?),
        }
        Ok(())
    }

    /// Writes a value as JSON.
    pub fn write_json(&self, name: &str, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.write(name, &atomic::json(value)?)
    }

    /// Removes what an earlier call left: a file, or all below a folder, whose name ends with `/`.
    pub fn clear_earlier(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Run(path) if name.ends_with('/') => isnet_files::remove_folder(&path.join(name))?,
            Self::Run(path) => isnet_files::remove_file(&path.join(name))?,
            Self::Folder(folder) => folder.clear_earlier(name)?,
        }
        Ok(())
    }

    /// `audit/report.html, audit/report.md`, for the last line of a command.
    pub fn written(&self, names: &[&str]) -> String {
        let paths: Vec<String> = names.iter().map(|name| self.path().join(name).display().to_string()).collect();
        format!("written: {}", paths.join(", "))
    }
}
