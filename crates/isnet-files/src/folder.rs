//! Folders with errors that say which.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{FilesError, Result};

/// Makes a folder with those above it; the empty path is the current folder.
///
/// # Errors
/// [`FilesError::Folder`].
pub fn create_folder(path: &Path) -> Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|cause| FilesError::Folder { action: "create", path: path.to_owned(), cause })
}

/// Removes a file, if it is there.
///
/// # Errors
/// [`FilesError::Folder`].
pub fn remove_file(path: &Path) -> Result<()> {
    removed(fs::remove_file(path), path)
}

/// Removes a folder with all that it holds, if it is there.
///
/// # Errors
/// [`FilesError::Folder`].
pub fn remove_folder(path: &Path) -> Result<()> {
    removed(fs::remove_dir_all(path), path)
}

fn removed(found: std::io::Result<()>, path: &Path) -> Result<()> {
    match found {
        Err(cause) if cause.kind() != ErrorKind::NotFound => {
            Err(FilesError::Folder { action: "remove", path: path.to_owned(), cause })
        }
        _ => Ok(()),
    }
}
