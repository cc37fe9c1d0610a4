//! Replacing a file in one step: it is either the old one or the new one, never half of each.
//!
//! The bytes go to a hidden temporary file in the same folder, are forced to disk, and only then take the name. A full disk, a
//! kill or a power cut before that leaves the old file as it was. What a killed process left behind is removed by the next one
//! that writes into the folder: the temporary file of a living process is locked.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::{FilesError, Result};

/// How the name of a temporary file ends; it begins with a dot.
const TEMPORARY: &str = ".isnet-tmp";

/// A temporary file is left over only if it is older than this: a younger one may belong to a process that has not locked it yet.
const FRESH: Duration = Duration::from_secs(10);

/// Folders that were freed of left-over files by this process.
static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Tells the temporary files of one process apart.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Replaces the file at `path` by `bytes`, all or nothing.
///
/// # Errors
/// [`FilesError::Write`] says where and after how many bytes; the old file is intact and the temporary file is gone.
///
/// # Example
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("note.txt");
/// isnet_files::atomic::write(&path, b"old")?;
/// isnet_files::atomic::write(&path, b"new")?;
/// assert_eq!(std::fs::read(&path)?, b"new");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_through(path, bytes, Durability::Synced, |file| file)
}

/// [`write()`] that does not wait for the disk, for the many pictures that can be made again: a full disk or a kill leaves the
/// old file, a power cut may not.
///
/// # Errors
/// As [`write()`].
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    write_through(path, bytes, Durability::Unsynced, |file| file)
}

/// Whether a power cut matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    Synced,
    Unsynced,
}

/// Whether a file is a temporary one of [`write()`], to be passed over where a folder is listed.
///
/// # Example
/// ```
/// assert!(isnet_files::atomic::is_temporary(".model.json.4711-0.isnet-tmp"));
/// assert!(!isnet_files::atomic::is_temporary("notes.tmp"));
/// ```
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(TEMPORARY)
}

/// [`write()`] with a layer of the caller's choice around the temporary file: the seam where a test lets it fail.
fn write_through<W: Write>(
    path: &Path,
    bytes: &[u8],
    durability: Durability,
    layer: impl FnOnce(File) -> W,
) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sweep_once(folder);
    let temporary = temporary(path);
    let mut written = 0;
    let outcome = fill(&temporary, bytes, layer, &mut written)
        .and_then(|file| if durability == Durability::Synced { file.sync_all() } else { Ok(()) })
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| if durability == Durability::Synced { sync(folder) } else { Ok(()) });
    outcome.map_err(|cause| {
        // Best effort: the error to report is the one that stopped the writing.
        let _ = fs::remove_file(&temporary);
        FilesError::Write { path: path.to_owned(), written, total: bytes.len() as u64, cause }
    })
}

/// Writes in pieces, so that `written` tells how far it came.
fn fill<W: Write>(
    temporary: &Path,
    bytes: &[u8],
    layer: impl FnOnce(File) -> W,
    written: &mut u64,
) -> io::Result<File> {
    const PIECE: usize = 1 << 20;
    let file = File::create(temporary)?;
    // A file system without locks is no reason not to write; left-over files stay there then.
    let _ = file.try_lock();
    let mut writer = layer(file.try_clone()?);
    for piece in bytes.chunks(PIECE) {
        writer.write_all(piece)?;
        *written += piece.len() as u64;
    }
    writer.flush()?;
    Ok(file)
}

/// Makes the new name itself durable; a folder that cannot be opened as a file (not Unix) needs no such thing.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{count}{TEMPORARY}", std::process::id()))
}

/// Frees a folder of temporary files of processes that are gone, when this process writes there for the first time.
fn sweep_once(folder: &Path) {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let is_first = SWEPT.lock().is_ok_and(|mut swept| swept.insert(folder.clone()));
    if is_first {
        sweep(&folder, FRESH);
    }
}

/// Removes the temporary files in a folder that only this process writes to, however fresh: those of a process that was killed.
pub fn clear_temporaries(folder: &Path) {
    sweep(folder, Duration::ZERO);
}

/// Best effort: a left-over file does no harm.
fn sweep(folder: &Path, fresh: Duration) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_ours = path.file_name().is_some_and(|name| is_temporary(&name.to_string_lossy()));
        if is_ours && is_left_over(&path, fresh) {
            let _ = fs::remove_file(&path);
        }
    }
}

fn is_left_over(path: &Path, fresh: Duration) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let age = file.metadata().and_then(|about| about.modified()).ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age >= fresh) && file.try_lock().is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::process::Command;

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
            let error = write_through(&path, &bytes, Durability::Synced, |file| SmallDisk { file, left }).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("last") && text.contains("of 3145728 bytes"), "{text}");
            assert!(text.contains("the disk is full") && text.contains("free some space"), "{text}");
            assert_eq!(fs::read(&path).unwrap(), b"the old state");
            assert_eq!(names(folder.path()), ["last"]);
        }
        write_through(&path, b"fits", Durability::Synced, |file| SmallDisk { file, left: 4 }).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"fits");
    }

    #[test]
    fn the_error_of_the_system_comes_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last");
        write(&path, b"old").unwrap();
        let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else { return };
        let error = write_through(&path, b"new", Durability::Synced, |_| full).unwrap_err();
        assert!(
            matches!(&error, FilesError::Write { written: 0, cause, .. } if cause.kind() == io::ErrorKind::StorageFull)
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
                matches!(&error, FilesError::Write { cause, .. } if cause.kind() == io::ErrorKind::StorageFull),
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
        let error = write(&folder.path().join("absent/file"), b"x").unwrap_err().to_string();
        assert!(error.contains("absent/file") && error.contains("a folder above it is missing"), "{error}");
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".last.1-0.isnet-tmp");
        let (living, notes) = (folder.path().join(".best.2-0.isnet-tmp"), folder.path().join("notes.tmp"));
        for path in [&left, &living, &notes] {
            fs::write(path, "half").unwrap();
        }
        let held = File::open(&living).unwrap();
        held.try_lock().unwrap();
        sweep(folder.path(), FRESH);
        assert_eq!(names(folder.path()).len(), 3, "all are fresh");
        sweep(folder.path(), Duration::ZERO);
        assert_eq!(names(folder.path()), [".best.2-0.isnet-tmp", "notes.tmp"]);
    }

    #[test]
    fn two_writers_of_one_file_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.json");
        let contents = [vec![b'a'; 300_000], vec![b'b'; 200_000]];
        std::thread::scope(|scope| {
            for content in &contents {
                scope.spawn(|| (0..20).for_each(|_| write(&path, content).unwrap()));
            }
        });
        assert!(contents.contains(&fs::read(&path).unwrap()));
        assert_eq!(names(folder.path()), ["study.json"]);
    }
}
