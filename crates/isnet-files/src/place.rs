//! Where a command may write.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::error::{FilesError, Result};
use crate::marker::{MARKER, Marker};

/// What the system puts into folders by itself; it is nobody's, and lost without harm.
const OF_THE_SYSTEM: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// What to do with what the same command wrote earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail.
    Refuse,
    /// Leave it and write beside it; no file is replaced.
    Add,
    /// Replace it.
    Overwrite,
}

/// An output folder that is asked for.
///
/// It is refused
/// - where it is the root of the file system, the home folder or above the current folder;
/// - where something that is read lies in it, or where it lies in a folder whose files are all read;
/// - where it holds anything that was not written by the same command, or what was, unless that may stay or be replaced.
///
/// All of this holds for the folder that symbolic links lead to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The command as people type it, without `isnet`: `data phantom`.
    pub command: &'a str,
    /// The folder.
    pub folder: &'a Path,
    /// What to do with what the same command wrote earlier.
    pub existing: Existing,
    /// Files and folders that are read: none may lie in the output.
    pub inputs: &'a [&'a Path],
    /// Folders whose files are all read: the output may not lie in them.
    pub searched: &'a [&'a Path],
}

/// A folder that may be written to.
#[derive(Debug)]
pub(crate) struct Free {
    /// Without links; it need not exist.
    pub path: PathBuf,
    /// What the same command wrote earlier.
    pub earlier: Option<Marker>,
}

impl Place<'_> {
    /// Whether the command may write there, ahead of the work that makes what is written.
    ///
    /// # Errors
    /// What the type says.
    pub fn check_free(&self) -> Result<()> {
        self.check().map(drop)
    }

    /// Whether the command may write there.
    pub(crate) fn check(&self) -> Result<Free> {
        let path = self.check_where()?;
        if !path.exists() {
            return Ok(Free { path, earlier: None });
        }
        let folder = || self.folder.to_owned();
        let command = || self.command.to_owned();
        if !path.is_dir() {
            return Err(FilesError::NotAFolder { path: folder() });
        }
        let mut found = Vec::new();
        list(&path, "", &mut found)?;
        found.sort();
        let Some(marker) = Marker::read(&path) else {
            return match found.into_iter().next() {
                Some(entry) => Err(FilesError::Foreign { folder: folder(), entry, command: command() }),
                None => Ok(Free { path, earlier: None }),
            };
        };
        if let Some(entry) = found.iter().find(|entry| !entry.ends_with('/') && !marker.owns(entry)) {
            return Err(FilesError::Foreign { folder: folder(), entry: entry.clone(), command: command() });
        }
        if found.is_empty() {
            return Ok(Free { path, earlier: None });
        }
        if marker.command != self.command {
            return Err(FilesError::OtherCommand { folder: folder(), wrote: marker.command, command: command() });
        }
        if self.existing == Existing::Refuse {
            return Err(FilesError::Earlier { folder: folder(), command: command() });
        }
        Ok(Free { path, earlier: Some(marker) })
    }

    /// Refuses what no content could make right; the path without links.
    pub(crate) fn check_where(&self) -> Result<PathBuf> {
        let path = resolved(self.folder);
        let is_current = |current: &PathBuf| *current != path && current.starts_with(&path);
        let what = if path.parent().is_none() {
            Some("the root of the file system")
        } else if home().is_some_and(|home| home == path) {
            Some("your home folder")
        } else if std::env::current_dir().is_ok_and(|current| is_current(&resolved(&current))) {
            Some("above the current folder")
        } else {
            None
        };
        if let Some(what) = what {
            return Err(FilesError::NoPlace { folder: self.folder.to_owned(), what });
        }
        for input in self.inputs {
            // A file that is not there cannot be lost.
            if input.exists() && (resolved(input).starts_with(&path) || by_name(input).starts_with(&path)) {
                return Err(FilesError::InputInside { output: self.folder.to_owned(), input: (*input).to_owned() });
            }
        }
        for searched in self.searched {
            if path.starts_with(resolved(searched)) {
                let searched = (*searched).to_owned();
                return Err(FilesError::OutputInside { output: self.folder.to_owned(), searched });
            }
        }
        Ok(path)
    }
}

/// The absolute path without links; the last parts need not exist.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing: Vec<OsString> = Vec::new();
    let mut there = absolute.as_path();
    loop {
        if let Ok(found) = there.canonicalize() {
            return missing.iter().rev().fold(found, |path, part| match part.to_str() {
                Some("..") => path.parent().map_or_else(|| path.clone(), Path::to_owned),
                _ => path.join(part),
            });
        }
        // `..` has no file name; it is kept by its component.
        let last = there.components().next_back().map(|part| part.as_os_str().to_owned());
        let (Some(last), Some(above)) = (last, there.parent()) else { return absolute };
        missing.push(last);
        there = above;
    }
}

/// The path of a file under the name that it has here, whatever that links to.
fn by_name(file: &Path) -> PathBuf {
    match (file.parent(), file.file_name()) {
        (Some(folder), Some(name)) => {
            resolved(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).join(name)
        }
        _ => resolved(file),
    }
}

fn home() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).filter(|home| !home.is_empty())?;
    Some(resolved(Path::new(&home)))
}

/// Everything below a folder that is not the work of this crate itself: files, and folders with a `/` at the end. Links are
/// not followed.
pub(crate) fn list(folder: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
    let failed = |cause| FilesError::Folder { action: "list", path: folder.to_owned(), cause };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = atomic::is_temporary(&name) || (prefix.is_empty() && is_own(&name));
        if is_ours || OF_THE_SYSTEM.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{}", crate::marker::line(&name));
        if entry.file_type().map_err(failed)?.is_dir() {
            let inside = format!("{path}/");
            list(&entry.path(), &inside, found)?;
            found.push(inside);
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a name at the top of a folder is one that only this crate gives.
fn is_own(name: &str) -> bool {
    name == MARKER || name == PARTIAL
}

/// Where a staged folder is made that takes the place of an empty one.
pub(crate) const PARTIAL: &str = ".isnet-partial";
