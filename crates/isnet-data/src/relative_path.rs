//! Paths as a manifest writes them: from its own folder, with `/`.

use std::path::{Component, Path, PathBuf};

use crate::error::{DataError, Result};

/// The way from a folder, [resolved] but perhaps not there yet, to a file. Symbolic links among the folders above the file
/// are resolved, that of the file itself is not.
///
/// # Errors
/// [`DataError::Missing`] or [`DataError::Read`] if the folder of the file does not exist; [`DataError::PathNotUtf8`].
pub(crate) fn relative_path(from: &Path, to: &Path) -> Result<String> {
    let to = resolved_file(to)?;
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return text(&to); // another drive
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let down = to.components().skip(shared);
    let steps = up.chain(down).map(|step| step.as_os_str().to_str().ok_or_else(|| not_utf8(&to)));
    Ok(steps.collect::<Result<Vec<_>>>()?.join("/"))
}

/// An absolute path without links.
pub(crate) fn resolved(path: &Path) -> Result<PathBuf> {
    // The folder of a bare file name is the empty path, which the system does not know.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    path.canonicalize().map_err(|cause| DataError::read(path, cause))
}

/// The absolute path of a file whose folder is free of links. The name stays: links often lead to names without meaning.
pub(crate) fn resolved_file(path: &Path) -> Result<PathBuf> {
    match path.file_name() {
        Some(name) => Ok(resolved(path.parent().unwrap_or(Path::new("")))?.join(name)),
        None => resolved(path),
    }
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(String::from).ok_or_else(|| not_utf8(path))
}

fn not_utf8(path: &Path) -> DataError {
    DataError::PathNotUtf8 { path: path.to_path_buf() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_path_leads_up_and_down_again() {
        let folder = Folder::new();
        let image = folder.write("a/b/image.png", "");
        let top = resolved(folder.path("x").parent().unwrap()).unwrap();
        for (from, expected) in [("c/d", "../../a/b/image.png"), ("a", "b/image.png"), ("a/b", "image.png")] {
            assert_eq!(relative_path(&top.join(from), &image).unwrap(), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_of_folders_are_resolved_and_those_of_files_keep_their_name() {
        let folder = Folder::new();
        let blob = folder.write("store/0123abc", "");
        std::os::unix::fs::symlink(&blob, folder.path("data/image.png")).unwrap();
        std::os::unix::fs::symlink(folder.path("data/x").parent().unwrap(), folder.path("short")).unwrap();
        let image = folder.path("short").join("image.png");
        let out = resolved(image.parent().unwrap()).unwrap().with_file_name("out");
        assert_eq!(relative_path(&out, &image).unwrap(), "../data/image.png");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let message = relative_path(Path::new("/tmp"), Path::new("/no/such/a.png")).unwrap_err().to_string();
        assert!(message.contains("`/no/such` does not exist"), "{message}");
    }
}
