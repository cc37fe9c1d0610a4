//! A folder that appears complete or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result};
use crate::relative_path::resolved;

/// What to do if the output is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail.
    Refuse,
    /// Replace it.
    Overwrite,
}

/// A hidden folder beside its place, removed unless it is [committed](Self::commit).
#[derive(Debug)]
pub(crate) struct StagedFolder {
    target: PathBuf,
    path: PathBuf,
}

impl StagedFolder {
    /// A place for `target`. Only a folder that holds nothing but `ours` is ever replaced.
    ///
    /// # Errors
    /// [`DataError::Exists`], [`DataError::ForeignEntry`], [`DataError::Write`].
    pub fn new(target: &Path, existing: Existing, ours: &[&str]) -> Result<Self> {
        let target = place(target)?;
        if target.exists() {
            may_replace(&target, existing, ours)?;
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.partial-{}", std::process::id()));
        fs::create_dir(&path).map_err(|cause| DataError::Write { path: path.clone(), cause })?;
        Ok(Self { target, path })
    }

    /// Where it will be; absolute.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A file in it, to be written now; the folders above it exist.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(|cause| DataError::Write { path: folder.to_path_buf(), cause })?;
        Ok(path)
    }

    /// Takes its place. What was there is removed after that.
    pub fn commit(self) -> Result<()> {
        let old = self.path.with_extension("old");
        let failed = |cause| DataError::Write { path: self.target.clone(), cause };
        let replaces = self.target.exists();
        if replaces {
            fs::rename(&self.target, &old).map_err(failed)?;
        }
        if let Err(cause) = fs::rename(&self.path, &self.target) {
            // Best effort: the error to report is the first one.
            let _ = fs::rename(&old, &self.target);
            return Err(failed(cause));
        }
        if replaces {
            fs::remove_dir_all(&old).map_err(|cause| DataError::Write { path: old, cause })?;
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

/// The absolute path of a folder that need not exist; those above it do then.
fn place(target: &Path) -> Result<PathBuf> {
    match target.file_name() {
        Some(name) if !target.exists() => {
            let parent = target.parent().unwrap_or(Path::new(""));
            fs::create_dir_all(parent).map_err(|cause| DataError::Write { path: parent.to_path_buf(), cause })?;
            Ok(resolved(parent)?.join(name))
        }
        _ => resolved(target),
    }
}

fn may_replace(target: &Path, existing: Existing, ours: &[&str]) -> Result<()> {
    let entries = fs::read_dir(target).map_err(|cause| DataError::Write { path: target.to_path_buf(), cause })?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|cause| DataError::read(target, cause))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    if let Some(entry) = names.iter().find(|name| !ours.contains(&name.as_str())) {
        return Err(DataError::ForeignEntry { folder: target.to_path_buf(), entry: entry.clone() });
    }
    match existing {
        Existing::Refuse if !names.is_empty() => Err(DataError::Exists { path: target.to_path_buf() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn staged(folder: &Folder, existing: Existing) -> Result<StagedFolder> {
        let staged = StagedFolder::new(&folder.path("a/out"), existing, &["x", "y"])?;
        fs::write(staged.file("x/new")?, "new").unwrap();
        Ok(staged)
    }

    fn entries(path: &Path) -> Vec<String> {
        let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_complete_or_not_at_all() {
        let folder = Folder::new();
        drop(staged(&folder, Existing::Refuse).unwrap());
        assert!(entries(&folder.path("a")).is_empty());
        staged(&folder, Existing::Refuse).unwrap().commit().unwrap();
        assert_eq!(entries(&folder.path("a")), ["out"]);
        assert_eq!(fs::read_to_string(folder.path("a/out/x/new")).unwrap(), "new");
    }

    #[test]
    fn what_is_there_is_replaced_only_when_asked_for() {
        let folder = Folder::new();
        folder.write("a/out/y", "old");
        let message = staged(&folder, Existing::Refuse).unwrap_err().to_string();
        assert!(message.contains("a/out` exists") && message.contains("--overwrite"), "{message}");
        assert_eq!(entries(&folder.path("a/out")), ["y"]);
        staged(&folder, Existing::Overwrite).unwrap().commit().unwrap();
        assert_eq!(
            (entries(&folder.path("a")), entries(&folder.path("a/out"))),
            (vec!["out".into()], vec!["x".into()])
        );
    }

    #[test]
    fn a_folder_with_other_things_is_never_replaced() {
        let folder = Folder::new();
        folder.write("a/out/thesis.tex", "");
        let message = staged(&folder, Existing::Overwrite).unwrap_err().to_string();
        assert!(message.contains("holds `thesis.tex`"), "{message}");
        folder.write("b", "a file");
        assert!(StagedFolder::new(&folder.path("b"), Existing::Overwrite, &[]).is_err());
        assert_eq!(entries(&folder.path("a/out")), ["thesis.tex"]);
    }

    #[test]
    fn an_empty_folder_is_no_obstacle() {
        let folder = Folder::new();
        fs::create_dir_all(folder.path("a/out")).unwrap();
        staged(&folder, Existing::Refuse).unwrap().commit().unwrap();
        assert_eq!(entries(&folder.path("a/out")), ["x"]);
    }
}
