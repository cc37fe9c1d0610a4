//! [`isnet_files::atomic`] with the errors of this crate, and for JSON.

use std::path::Path;

use serde::Serialize;

use crate::error::{Result, RunError};

/// Replaces the file at `path` by `bytes`, all or nothing.
///
/// # Errors
/// [`RunError::Files`] says where and after how many bytes; the old file is intact.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(isnet_files::atomic::write(path, bytes)?)
}

/// Replaces the file at `path` by `value` as indented JSON with a final newline.
///
/// # Errors
/// [`RunError::Encode`] if the value has no JSON form, [`RunError::Files`] as [`write()`].
///
/// # Example
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("note.json");
/// isnet_run::atomic::write_json(&path, &[1, 2])?;
/// assert_eq!(std::fs::read_to_string(&path)?, "[\n  1,\n  2\n]\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write(path, &json(value)?)
}

/// `value` as indented JSON with a final newline.
///
/// # Errors
/// [`RunError::Encode`] if the value has no JSON form.
pub fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| RunError::Encode { what: "JSON", reason: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}
