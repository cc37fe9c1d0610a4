//! A folder that is filled file by file.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::atomic;
use crate::error::{FilesError, Result};
use crate::folder::remove_file;
use crate::marker::{self, MARKER, Marker};
use crate::place::{Existing, Place};

/// A folder that a command fills file by file, each noted in its marker before it is written.
///
/// # Example
/// ```
/// use std::path::Path;
/// use isnet_files::{Existing, OutputFolder, Place};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("audit");
/// let place = Place { command: "audit", folder: &path, existing: Existing::Refuse, inputs: &[], searched: &[] };
/// OutputFolder::open(&place)?.write("audit.json", b"{}")?;
/// assert!(OutputFolder::open(&place).unwrap_err().to_string().contains("--overwrite"));
/// OutputFolder::open(&Place { existing: Existing::Overwrite, ..place })?.write("audit.json", b"{}")?;
///
/// std::fs::write(path.join("thesis.tex"), "mine")?;
/// assert!(OutputFolder::open(&Place { existing: Existing::Overwrite, ..place }).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OutputFolder {
    path: PathBuf,
    command: String,
    overwrites: bool,
    /// Files that were there before and may be replaced.
    replaceable: BTreeSet<String>,
    /// Files that were there before and stay.
    kept: BTreeSet<String>,
    /// Files of this process.
    written: Mutex<BTreeSet<String>>,
}

impl OutputFolder {
    /// Makes the folder with its parents, if it may be written to. What was written there earlier stays until it is replaced.
    ///
    /// # Errors
    /// What [`Place`] refuses; [`FilesError::Folder`] if it cannot be made.
    pub fn open(place: &Place<'_>) -> Result<Self> {
        let earlier = place.check()?.earlier;
        Self::begin(place, earlier)
    }

    /// A folder that belongs to the user and holds what is read: the files `names` are added to it, folders having a `/` at the
    /// end. None is replaced but those that the same command wrote.
    ///
    /// # Errors
    /// [`FilesError::Exists`] or [`FilesError::NotOurs`] if one of the files `names` is there and may not be replaced;
    /// [`FilesError::Folder`].
    pub fn beside(place: &Place<'_>, names: &[&str]) -> Result<Self> {
        let earlier = Marker::read(place.folder).filter(|marker| marker.command == place.command);
        for &name in names {
            let path = place.folder.join(name);
            let owns = |marker: &Marker| match name.ends_with('/') {
                true => marker.files.iter().any(|file| file.starts_with(name)),
                false => marker.owns(name),
            };
            let is_ours = earlier.as_ref().is_some_and(owns);
            if !path.exists() {
                continue;
            } else if !is_ours {
                return Err(FilesError::NotOurs { path, command: place.command.to_owned() });
            } else if place.existing != Existing::Overwrite {
                return Err(FilesError::Exists { path });
            }
        }
        Self::begin(place, earlier)
    }

    /// [`open`](Self::open) of a folder in which other parts of the program write too: each of `names` is a file, or with a `/`
    /// at the end a folder with all that it holds. Where `is_earlier` says that a folder without a marker is one that an older
    /// version filled, it is taken as such.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn shared(place: &Place<'_>, names: &[String], is_earlier: bool) -> Result<Self> {
        let is_known = || {
            let entries = fs::read_dir(place.folder).into_iter().flatten().flatten();
            let mut entries = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            entries.all(|entry| names.iter().any(|name| name.trim_end_matches('/') == entry))
        };
        if is_earlier && Marker::read(place.folder).is_none() && is_known() {
            let failed = |cause| FilesError::Folder { action: "write to", path: place.folder.to_owned(), cause };
            mark(place.folder, place.command).map_err(failed)?;
            names.iter().try_for_each(|name| marker::append(place.folder, name)).map_err(failed)?;
        }
        let folder = Self::open(place)?;
        names.iter().filter(|name| name.ends_with('/')).try_for_each(|name| folder.note(name))?;
        Ok(folder)
    }

    fn begin(place: &Place<'_>, earlier: Option<Marker>) -> Result<Self> {
        let failed = |cause| FilesError::Folder { action: "create", path: place.folder.to_owned(), cause };
        fs::create_dir_all(place.folder).map_err(failed)?;
        if earlier.is_none() {
            mark(place.folder, place.command).map_err(failed)?;
        }
        let files = earlier.map(|marker| marker.files).unwrap_or_default();
        let (replaceable, kept) = match place.existing {
            Existing::Overwrite => (files, BTreeSet::new()),
            _ => (BTreeSet::new(), files),
        };
        let command = place.command.to_owned();
        let overwrites = place.existing == Existing::Overwrite;
        Ok(Self { path: place.folder.to_owned(), command, overwrites, replaceable, kept, written: Mutex::default() })
    }

    /// The folder as it was asked for.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of this name, all or nothing, and returns its path. The folders above it are made.
    ///
    /// # Errors
    /// [`FilesError::Exists`], [`FilesError::NotOurs`] if there is one that may not be replaced; [`FilesError::Write`],
    /// [`FilesError::Folder`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path.join(name);
        self.note(name)?;
        let folder = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(|cause| FilesError::Folder {
            action: "create",
            path: folder.to_owned(),
            cause,
        })?;
        atomic::write(&path, bytes)?;
        Ok(path)
    }

    /// Notes that a file, or with `/` at the end a folder with all that it will hold, is written by this command, in another
    /// way than by [`write`](Self::write).
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn note(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        let line = marker::line(name);
        // A poisoned lock means that another thread has failed; the set is whole.
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut is_known = self.replaceable.contains(&line) || written.contains(&line);
        let exists = path.symlink_metadata().is_ok();
        if !is_known && exists && self.overwrites {
            // Another process of the same command may have written it meanwhile. The marker is as long as the folder, so it is read only here.
            is_known = Marker::read(&self.path).is_some_and(|marker| marker.owns(&line));
        }
        if !is_known && exists {
            return Err(match self.kept.contains(&line) {
                true => FilesError::Exists { path },
                false => FilesError::NotOurs { path, command: self.command.clone() },
            });
        }
        if !is_known {
            marker::append(&self.path, name).map_err(|cause| FilesError::Folder {
                action: "write to",
                path: self.path.clone(),
                cause,
            })?;
        }
        written.insert(line);
        Ok(())
    }

    /// Removes what was written earlier and not by this process: the file `name`, or all below the folder `name`, which ends with `/`.
    ///
    /// # Errors
    /// [`FilesError::Folder`] if one cannot be removed.
    pub fn clear_earlier(&self, name: &str) -> Result<()> {
        let written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for file in self.replaceable.iter().filter(|file| file.starts_with(name) && !written.contains(*file)) {
            remove_file(&self.path.join(file))?;
        }
        Ok(())
    }
}

/// Writes the first line of a marker, if it is not there. Two processes that share a folder may both come here.
fn mark(folder: &Path, command: &str) -> std::io::Result<()> {
    let path = folder.join(MARKER);
    match fs::File::create_new(&path) {
        Ok(mut file) => file.write_all(marker::head(command).as_bytes()),
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            match Marker::read(folder).is_some_and(|marker| marker.command == command) {
                true => Ok(()),
                false => fs::write(&path, marker::head(command)),
            }
        }
        Err(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path, existing: Existing) -> Place<'_> {
        Place { command: "explain", folder, existing, inputs: &[], searched: &[] }
    }

    #[test]
    fn a_folder_with_anything_of_somebody_else_is_refused_and_left_as_it_is() {
        let top = tempfile::tempdir().unwrap();
        for entry in ["manifest.csv", ".hidden", "below/deep/x.png", "empty/"] {
            let folder = top.path().join(entry.len().to_string());
            let path = folder.join(entry);
            fs::create_dir_all(if entry.ends_with('/') { &path } else { path.parent().unwrap() }).unwrap();
            if !entry.ends_with('/') {
                fs::write(&path, "mine").unwrap();
            }
            for existing in [Existing::Refuse, Existing::Add, Existing::Overwrite] {
                let message = OutputFolder::open(&place(&folder, existing)).unwrap_err().to_string();
                assert!(message.contains("which `isnet explain` did not write"), "{message}");
                assert!(!folder.join(MARKER).exists());
            }
        }
    }

    #[test]
    fn what_the_same_command_wrote_is_added_to_or_replaced_and_nothing_else() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("heatmaps");
        let open = |existing| OutputFolder::open(&place(&folder, existing));
        let first = open(Existing::Refuse).unwrap();
        first.write("a.png", b"1").unwrap();
        first.write("a.png", b"2").unwrap();
        assert!(open(Existing::Refuse).unwrap_err().to_string().contains("--overwrite"));
        let second = open(Existing::Add).unwrap();
        assert!(second.write("a.png", b"3").unwrap_err().to_string().contains("exists"));
        second.write("below/b.png", b"3").unwrap();
        open(Existing::Overwrite).unwrap().write("a.png", b"4").unwrap();
        assert_eq!(fs::read(folder.join("a.png")).unwrap(), b"4");
        fs::write(folder.join("below/notes.txt"), "mine").unwrap();
        let message = open(Existing::Overwrite).unwrap_err().to_string();
        assert!(message.contains("`below/notes.txt`"), "{message}");
        let other = Place { command: "audit", ..place(&folder, Existing::Overwrite) };
        fs::remove_file(folder.join("below/notes.txt")).unwrap();
        let message = OutputFolder::open(&other).unwrap_err().to_string();
        assert!(
            message.contains("`isnet explain` wrote") && message.contains("`isnet audit` does not mix"),
            "{message}"
        );
    }

    #[test]
    fn beside_the_files_of_a_user_none_is_replaced_but_our_own() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("report.md"), "mine").unwrap();
        let beside = |existing, names: &[&str]| OutputFolder::beside(&place(top.path(), existing), names);
        for existing in [Existing::Refuse, Existing::Overwrite] {
            let message = beside(existing, &["metrics.json", "report.md"]).unwrap_err().to_string();
            assert!(message.contains("report.md` exists and was not written by"), "{message}");
        }
        let first = beside(Existing::Refuse, &["metrics.json"]).unwrap();
        first.write("metrics.json", b"{}").unwrap();
        assert!(first.write("report.md", b"").is_err());
        assert!(beside(Existing::Refuse, &["metrics.json"]).unwrap_err().to_string().contains("--overwrite"));
        beside(Existing::Overwrite, &["metrics.json"]).unwrap().write("metrics.json", b"[]").unwrap();
        assert_eq!(fs::read(top.path().join("report.md")).unwrap(), b"mine");
    }

    #[test]
    fn the_root_the_home_and_what_is_above_the_current_folder_are_no_place() {
        let current = std::env::current_dir().unwrap();
        let mut folders = vec![PathBuf::from("/"), current.parent().unwrap().to_owned(), PathBuf::from("../..")];
        folders.extend(std::env::var_os("HOME").map(PathBuf::from));
        for folder in folders {
            let message = OutputFolder::open(&place(&folder, Existing::Overwrite)).unwrap_err().to_string();
            assert!(message.contains("no place for the output"), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_seen_through_on_both_sides() {
        let top = tempfile::tempdir().unwrap();
        let (data, link) = (top.path().join("data"), top.path().join("link"));
        fs::create_dir(&data).unwrap();
        fs::write(data.join("manifest.csv"), "mine").unwrap();
        std::os::unix::fs::symlink(&data, &link).unwrap();
        assert!(OutputFolder::open(&place(&link, Existing::Overwrite)).is_err());
        let (manifest, searched) = (data.join("manifest.csv"), [link.as_path()]);
        let below = data.join("new");
        let inside = Place { searched: &searched, ..place(&below, Existing::Refuse) };
        let message = OutputFolder::open(&inside).unwrap_err().to_string();
        assert!(message.contains("whose images are all read"), "{message}");
        let over = Place { inputs: &[&manifest], ..place(&link, Existing::Refuse) };
        let message = OutputFolder::open(&over).unwrap_err().to_string();
        assert!(message.contains("is read and lies in the output folder"), "{message}");
        assert!(!below.exists());
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("out");
        fs::write(&file, "mine").unwrap();
        let message = OutputFolder::open(&place(&file, Existing::Overwrite)).unwrap_err().to_string();
        assert!(message.contains("out` is a file"), "{message}");
    }
}
