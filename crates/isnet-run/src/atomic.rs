//! Replacing a file in one step: it is either the old one or the new one, never half of each.
//!
//! The bytes go to a temporary file in the same folder, are forced to disk, and only then take the name. A full disk, a
//! kill or a power cut before that leaves the old file as it was.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::error::{Result, RunError};

/// Replaces the file at `path` by `bytes`, all or nothing.
///
/// Two writers of the same path in one process would share the temporary name; a run folder has one writer (its lock).
///
/// # Errors
/// [`RunError::Write`] says where and after how many bytes; the old file is intact and the temporary file is gone.
///
/// # Example
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("note.txt");
/// isnet_run::atomic::write(&path, b"old")?;
/// isnet_run::atomic::write(&path, b"new")?;
/// assert_eq!(std::fs::read(&path)?, b"new");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_through(path, bytes, |file| file)
}

/// Replaces the file at `path` by `value` as indented JSON with a final newline.
///
/// # Errors
/// [`RunError::Encode`] if the value has no JSON form, [`RunError::Write`] as [`write()`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| RunError::Encode { what: "JSON", reason: error.to_string() })?;
    bytes.push(b'\n');
    write(path, &bytes)
}

/// [`write()`] with a layer of the caller's choice around the temporary file: the seam where a test lets it fail.
fn write_through<W: Write>(path: &Path, bytes: &[u8], layer: impl FnOnce(File) -> W) -> Result<()> {
    let temporary = temporary(path);
    let mut written = 0;
    let outcome = fill(&temporary, bytes, layer, &mut written)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path));
    outcome.map_err(|cause| {
        // Best effort: the error to report is the one that stopped the writing.
        let _ = fs::remove_file(&temporary);
        RunError::Write { path: path.to_owned(), written, total: bytes.len() as u64, cause }
    })
}

/// Writes in pieces, so that `written` tells how far it came, and returns when the bytes are on the disk.
fn fill<W: Write>(temporary: &Path, bytes: &[u8], layer: impl FnOnce(File) -> W, written: &mut u64) -> io::Result<()> {
    const PIECE: usize = 1 << 20;
    let file = File::create(temporary)?;
    let mut writer = layer(file.try_clone()?);
    for piece in bytes.chunks(PIECE) {
        writer.write_all(piece)?;
        *written += piece.len() as u64;
    }
    writer.flush()?;
    file.sync_all()
}

/// Makes the new name itself durable; a folder that cannot be opened as a file (not Unix) needs no such thing.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, process::Command};

    use super::*;

    /// A disk with `left` bytes of room.
    struct SmallDisk {
        file: File,
        left: usize,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.left == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let count = self.file.write(&bytes[..bytes.len().min(self.left)])?;
            self.left -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_disk_that_fills_up_leaves_the_old_file_and_no_rubbish() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last");
        write(&path, b"the old state").unwrap();
        let bytes = vec![7; 3 << 20];
        for left in [0, 1, 5000, (2 << 20) + 1] {
            let error = write_through(&path, &bytes, |file| SmallDisk { file, left }).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("last") && text.contains("of 3145728 bytes"), "{text}");
            assert!(text.contains("free some space"), "{text}");
            assert_eq!(fs::read(&path).unwrap(), b"the old state");
            assert_eq!(names(folder.path()), ["last"]);
        }
        write_through(&path, b"fits", |file| SmallDisk { file, left: 4 }).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"fits");
    }

    #[test]
    fn the_error_of_the_system_comes_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last");
        write(&path, b"old").unwrap();
        let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else { return };
        let error = write_through(&path, b"new", |_| full).unwrap_err();
        assert!(
            matches!(&error, RunError::Write { written: 0, cause, .. } if cause.kind() == io::ErrorKind::StorageFull)
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    /// Runs itself again in a namespace of its own, where a file system of 256 KiB can be mounted; where the system
    /// does not let us (no user namespaces), the two tests above must do.
    #[test]
    fn a_real_full_file_system_leaves_the_old_file() {
        const INSIDE: &str = "ISNET_TEST_SMALL_DISK";
        if let Some(folder) = std::env::var_os(INSIDE) {
            let path = Path::new(&folder).join("last");
            write(&path, &[1; 64 << 10]).unwrap();
            let error = write(&path, &[2; 1 << 20]).unwrap_err();
            assert!(
                matches!(&error, RunError::Write { cause, .. } if cause.kind() == io::ErrorKind::StorageFull),
                "{error}"
            );
            assert_eq!(fs::read(&path).unwrap(), vec![1; 64 << 10]);
            assert_eq!(names(Path::new(&folder)), ["last"]);
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let mount = |then: &str| {
            Command::new("unshare")
                .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
                .arg(format!("mount -t tmpfs -o size=256k none \"$0\" && {then}"))
                .arg(folder.path())
                .arg(std::env::current_exe().unwrap())
                .env(INSIDE, folder.path())
                .output()
        };
        if !mount("true").is_ok_and(|output| output.status.success()) {
            return;
        }
        let output = mount("exec \"$1\" a_real_full_file_system").unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("absent/file"), b"x").unwrap_err();
        assert!(error.to_string().contains("absent/file"), "{error}");
    }
}
