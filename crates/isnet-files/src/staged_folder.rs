//! A folder that appears complete or not at all.
//!
//! It is made under a hidden name beside its place and then renamed. Where an earlier one is replaced, that one is renamed first
//! and removed last:
//!
//! ```text
//! made               out            .out.isnet-partial
//! moved aside                       .out.isnet-partial   .out.isnet-old
//! in place           out                                 .out.isnet-old
//! done               out
//! ```
//! A process may be killed on each line. The next one brings back the old folder where the new one is not in its place, and
//! removes the rest. In place of an empty folder, which may be a mount point or the current folder, the entries are moved.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{FilesError, Result};
use crate::marker::{self, MARKER, Marker};
use crate::place::{Free, PARTIAL, Place, list};

/// A hidden folder beside its place, removed unless it is [committed](Self::commit).
///
/// # Example
/// ```
/// use isnet_files::{Existing, Place, StagedFolder};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("phantoms");
/// let place = Place { command: "data phantom", folder: &path, existing: Existing::Refuse, inputs: &[], searched: &[] };
/// let staged = StagedFolder::new(&place)?;
/// std::fs::write(staged.file("images/a.png")?, "a picture")?;
/// assert!(!path.exists());
/// staged.commit()?;
/// assert!(path.join("images/a.png").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StagedFolder {
    command: String,
    target: PathBuf,
    path: PathBuf,
    /// Whether there is an empty folder in the place.
    into_empty: bool,
    /// Held, not used: nobody else stages this folder as long as the marker in it is locked.
    lock: Option<File>,
}

impl StagedFolder {
    /// A place for a folder; what a killed process left of an earlier attempt is put in order first.
    ///
    /// # Errors
    /// What [`Place`] refuses; [`FilesError::Busy`] while another process makes the same folder; [`FilesError::Folder`].
    pub fn new(place: &Place<'_>) -> Result<Self> {
        recover(&place.check_where()?)?;
        let Free { path: target, earlier } = place.check()?;
        let is_current = std::env::current_dir().is_ok_and(|current| crate::place::resolved(&current) == target);
        if is_current && earlier.is_some() {
            return Err(FilesError::NoPlace { folder: place.folder.to_owned(), what: "the current folder" });
        }
        let into_empty = target.exists() && earlier.is_none();
        let path = if into_empty { target.join(PARTIAL) } else { sibling(&target, "partial") };
        remove_stale(&path, &target)?;
        fs::create_dir_all(&path).map_err(failed("create", &target))?;
        let marker = path.join(MARKER);
        let mut lock = File::create(&marker).map_err(failed("create", &path))?;
        // A file system without locks is no reason not to write.
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            return Err(FilesError::Busy { folder: target });
        }
        lock.write_all(marker::head(place.command).as_bytes()).map_err(failed("create", &path))?;
        Ok(Self { command: place.command.to_owned(), target, path, into_empty, lock: Some(lock) })
    }

    /// Where it will be; absolute.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A file in it, to be written now; the folders above it exist.
    ///
    /// # Errors
    /// [`FilesError::Folder`] if they cannot be made.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        Ok(path)
    }

    /// Takes its place. What was there is removed after that.
    ///
    /// # Errors
    /// [`FilesError::Folder`]; then the place holds what it held.
    pub fn commit(mut self) -> Result<()> {
        let mut files = Vec::new();
        list(&self.path, "", &mut files)?;
        files.retain(|file| !file.ends_with('/'));
        files.sort();
        let text = files.iter().fold(marker::head(&self.command), |text, file| text + file + "\n");
        fs::write(self.path.join(MARKER), text).map_err(failed("write to", &self.path))?;
        // Some systems move no folder in which a file is open.
        drop(self.lock.take());
        if self.into_empty {
            return self.move_entries();
        }
        let old = sibling(&self.target, "old");
        let replaces = self.target.exists();
        if replaces {
            fs::rename(&self.target, &old).map_err(failed("move", &self.target))?;
        }
        if let Err(cause) = fs::rename(&self.path, &self.target) {
            // Best effort: the error to report is the first one.
            let _ = fs::rename(&old, &self.target);
            return Err(failed("create", &self.target)(cause));
        }
        if replaces { remove(&old) } else { Ok(()) }
    }

    /// The marker first, so that a killed process leaves what the next one knows as its own.
    fn move_entries(&self) -> Result<()> {
        let entries = fs::read_dir(&self.path).map_err(failed("list", &self.path))?;
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort_by_key(|name| name != MARKER);
        for name in names {
            let to = self.target.join(&name);
            fs::rename(self.path.join(&name), &to).map_err(failed("create", &to))?;
        }
        Ok(())
    }
}

impl Drop for StagedFolder {
    fn drop(&mut self) {
        // It is gone already if it was committed; nothing else can be done about one that cannot be removed.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Puts in order what a killed process left beside `target`.
fn recover(target: &Path) -> Result<()> {
    let old = sibling(target, "old");
    if !old.is_dir() {
        return Ok(());
    }
    if is_locked(&sibling(target, "partial")) {
        return Err(FilesError::Busy { folder: target.to_owned() });
    }
    if target.exists() { remove(&old) } else { fs::rename(&old, target).map_err(failed("move", &old)) }
}

/// Removes what a killed process had begun to make.
fn remove_stale(partial: &Path, target: &Path) -> Result<()> {
    if !partial.exists() {
        return Ok(());
    }
    if is_locked(partial) {
        return Err(FilesError::Busy { folder: target.to_owned() });
    }
    remove(partial)
}

/// Whether a living process makes this folder.
fn is_locked(partial: &Path) -> bool {
    let Ok(marker) = File::open(partial.join(MARKER)) else { return false };
    matches!(marker.try_lock(), Err(fs::TryLockError::WouldBlock))
}

/// Removes a folder of ours, the marker last: as long as anything is left, it is known as ours.
fn remove(folder: &Path) -> Result<()> {
    let failed = failed("remove", folder);
    let entries: Vec<_> = fs::read_dir(folder).map_err(&failed)?.collect::<std::io::Result<_>>().map_err(&failed)?;
    if !entries.is_empty() && Marker::read(folder).is_none() {
        let what = "not known as made by isnet and has a name that isnet gives; look into it and remove it";
        return Err(FilesError::NoPlace { folder: folder.to_owned(), what });
    }
    for entry in entries.iter().filter(|entry| entry.file_name() != MARKER) {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(&failed)?;
    }
    fs::remove_dir_all(folder).map_err(failed)
}

fn sibling(target: &Path, what: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.isnet-{what}"))
}

fn failed(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> FilesError + use<> {
    let path = path.to_owned();
    move |cause| FilesError::Folder { action, path: path.clone(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Existing;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fs::write(self.path(name), text).unwrap();
        }

        fn stage(&self, existing: Existing, file: &str) -> Result<StagedFolder> {
            let folder = self.path("a/out");
            let place = Place { command: "data bias", folder: &folder, existing, inputs: &[], searched: &[] };
            let staged = StagedFolder::new(&place)?;
            fs::write(staged.file(file)?, "new").unwrap();
            Ok(staged)
        }

        /// The names in a folder, without the marker.
        fn entries(&self, name: &str) -> Vec<String> {
            let names = fs::read_dir(self.path(name)).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.filter(|name| name != MARKER).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn a_folder_appears_complete_or_not_at_all() {
        let folder = Folder::new();
        drop(folder.stage(Existing::Refuse, "x/new").unwrap());
        assert!(folder.entries("a").is_empty());
        folder.stage(Existing::Refuse, "x/new").unwrap().commit().unwrap();
        assert_eq!(folder.entries("a"), ["out"]);
        assert_eq!(fs::read_to_string(folder.path("a/out/x/new")).unwrap(), "new");
    }

    #[test]
    fn what_is_there_is_replaced_only_when_asked_for() {
        let folder = Folder::new();
        folder.stage(Existing::Refuse, "x/old").unwrap().commit().unwrap();
        let message = folder.stage(Existing::Refuse, "x/new").unwrap_err().to_string();
        assert!(message.contains("a/out` exists") && message.contains("--overwrite"), "{message}");
        assert_eq!(folder.entries("a/out/x"), ["old"]);
        folder.stage(Existing::Overwrite, "y/new").unwrap().commit().unwrap();
        assert_eq!((folder.entries("a"), folder.entries("a/out")), (vec!["out".into()], vec!["y".into()]));
    }

    #[test]
    fn a_folder_with_other_things_is_never_replaced() {
        let folder = Folder::new();
        folder.stage(Existing::Refuse, "images/a.png").unwrap().commit().unwrap();
        folder.write("a/out/images/mine.png", "");
        let message = folder.stage(Existing::Overwrite, "x").unwrap_err().to_string();
        assert!(message.contains("holds `images/mine.png`"), "{message}");
        assert_eq!(folder.entries("a/out/images"), ["a.png", "mine.png"]);
        fs::remove_file(folder.path("a/out/.isnet-output")).unwrap();
        let message = folder.stage(Existing::Overwrite, "x").unwrap_err().to_string();
        assert!(message.contains("`isnet data bias` did not write"), "{message}");
    }

    #[test]
    fn an_empty_folder_is_filled_and_stays_the_same_folder() {
        let folder = Folder::new();
        fs::create_dir_all(folder.path("a/out")).unwrap();
        let held = File::open(folder.path("a/out")).unwrap();
        folder.stage(Existing::Refuse, "x/new").unwrap().commit().unwrap();
        assert_eq!((folder.entries("a"), folder.entries("a/out")), (vec!["out".into()], vec!["x".into()]));
        assert!(
            held.metadata().unwrap().modified().unwrap()
                == fs::metadata(folder.path("a/out")).unwrap().modified().unwrap()
        );
        assert!(folder.stage(Existing::Refuse, "x/new").is_err(), "it is ours now");
    }

    /// Each state that a kill can leave, made by hand, and what the folder must hold after the next command.
    #[test]
    fn a_kill_at_any_moment_does_not_block_the_next_attempt_and_loses_nothing() {
        let made = |folder: &Folder, path: &str| {
            folder.write(&format!("{path}/x/old"), "old");
            folder.write(&format!("{path}/{MARKER}"), "made by `isnet data bias`\nx/old\n");
        };
        type State = (&'static str, &'static [&'static str], &'static [&'static str]);
        // What lies there, and what the place holds before it is written again.
        let states: [State; 5] = [
            ("while it was made", &["out", ".out.isnet-partial"], &["x"]),
            ("while the first was made", &[".out.isnet-partial"], &[]),
            ("between the two renames", &[".out.isnet-partial", ".out.isnet-old"], &["x"]),
            ("before the old one was removed", &["out", ".out.isnet-old"], &["x"]),
            ("inside an empty folder", &["out/.isnet-partial"], &[]),
        ];
        for (when, left, before) in states {
            let folder = Folder::new();
            left.iter().for_each(|path| made(&folder, &format!("a/{path}")));
            if before.is_empty() {
                folder.stage(Existing::Refuse, "y/new").unwrap().commit().unwrap();
            } else {
                assert!(folder.stage(Existing::Refuse, "y/new").is_err(), "{when}");
                assert_eq!(folder.entries("a/out"), before, "{when}");
                for _ in 0..2 {
                    folder.stage(Existing::Overwrite, "y/new").unwrap().commit().unwrap();
                }
            }
            assert_eq!(
                (folder.entries("a"), folder.entries("a/out")),
                (vec!["out".into()], vec!["y".into()]),
                "{when}"
            );
        }
    }

    #[test]
    fn an_old_folder_that_was_removed_in_part_is_removed_to_the_end() {
        let folder = Folder::new();
        folder.stage(Existing::Refuse, "x/new").unwrap().commit().unwrap();
        folder.write(&format!("a/.out.isnet-old/{MARKER}"), "made by `isnet data bias`\nx/old\n");
        folder.stage(Existing::Overwrite, "x/new").unwrap().commit().unwrap();
        fs::create_dir(folder.path("a/.out.isnet-old")).unwrap();
        folder.stage(Existing::Overwrite, "x/new").unwrap().commit().unwrap();
        assert_eq!(folder.entries("a"), ["out"]);
    }

    #[test]
    fn two_processes_do_not_make_one_folder_at_once() {
        let folder = Folder::new();
        let first = folder.stage(Existing::Refuse, "x/new").unwrap();
        let message = folder.stage(Existing::Refuse, "x/new").unwrap_err().to_string();
        assert!(message.contains("another process is writing"), "{message}");
        first.commit().unwrap();
        assert_eq!(folder.entries("a/out/x"), ["new"]);
    }
}
