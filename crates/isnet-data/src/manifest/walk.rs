//! Folders below a folder, each read once however many links lead to it.
//!
//! A link to a folder is followed where it leads out of the data. One that leads back into the data, or to a folder above
//! them, would list the same images again under other names; it is left out, and its name is returned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result};
use crate::relative_path::resolved;

const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff"];

/// What lies below a folder.
#[derive(Debug, Default)]
pub struct Walk {
    /// Image files, or folders, sorted by path.
    pub found: Vec<PathBuf>,
    /// Links to folders that were left out, sorted.
    pub skipped: Vec<PathBuf>,
}

/// Every image file below `root`, which lies in the folder of all data, `data`.
///
/// # Errors
/// [`DataError::Missing`], [`DataError::Read`] for a folder that cannot be listed.
pub fn images_below(root: &Path, data: &Path) -> Result<Walk> {
    let mut walker = Walker { data: resolved(data)?, seen: BTreeSet::new(), links: Vec::new(), walk: Walk::default() };
    walker.folder(root)?;
    // Folders come before links, so that an image has the name of its own place.
    while !walker.links.is_empty() {
        let mut links = std::mem::take(&mut walker.links);
        links.sort();
        for link in links {
            if walker.leads_out(&link)? { walker.folder(&link)? } else { walker.walk.skipped.push(link) }
        }
    }
    Ok(walker.finish())
}

/// The folders in a folder, but for links that lead back into the data.
pub(crate) fn folders_in(folder: &Path, data: &Path) -> Result<Walk> {
    let mut walker = Walker { data: resolved(data)?, seen: BTreeSet::new(), links: Vec::new(), walk: Walk::default() };
    for path in children(folder)?.into_iter().filter(|path| path.is_dir()) {
        match !path.is_symlink() || walker.leads_out(&path)? {
            true => walker.walk.found.push(path),
            false => walker.walk.skipped.push(path),
        }
    }
    Ok(walker.finish())
}

struct Walker {
    data: PathBuf,
    /// Folders that were read, without links in their paths.
    seen: BTreeSet<PathBuf>,
    /// Links to folders that are yet to be looked at.
    links: Vec<PathBuf>,
    walk: Walk,
}

impl Walker {
    fn folder(&mut self, folder: &Path) -> Result<()> {
        if !self.seen.insert(resolved(folder)?) {
            self.walk.skipped.push(folder.to_path_buf());
            return Ok(());
        }
        for path in children(folder)? {
            if path.is_dir() {
                if path.is_symlink() { self.links.push(path) } else { self.folder(&path)? }
            } else if is_image(&path) {
                self.walk.found.push(path);
            }
        }
        Ok(())
    }

    /// Whether a link leads to a folder outside of the data that is not read yet.
    fn leads_out(&self, link: &Path) -> Result<bool> {
        let target = resolved(link)?;
        Ok(!target.starts_with(&self.data) && !self.data.starts_with(&target) && !self.seen.contains(&target))
    }

    fn finish(mut self) -> Walk {
        self.walk.found.sort();
        self.walk.skipped.sort();
        self.walk
    }
}

/// What lies in a folder, sorted, without hidden files.
pub(crate) fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = |source| DataError::read(folder, source);
    let entries = std::fs::read_dir(folder).map_err(read)?.collect::<Result<Vec<_>, _>>().map_err(read)?;
    let visible = entries.into_iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut paths: Vec<PathBuf> = visible.map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

pub(crate) fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::Folder;

    fn names(walk: &[PathBuf], root: &Path) -> Vec<String> {
        walk.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn links_to_the_folder_itself_above_and_beside_it_are_left_out_and_named() {
        let folder = Folder::new();
        folder.picture("data/cat/a.png", 1);
        folder.picture("data/dog/b.png", 2);
        let root = folder.path("data/cat").parent().unwrap().to_path_buf();
        for (target, link) in
            [("..", "cat/up"), (".", "cat/here"), ("../..", "dog/far"), ("../dog", "cat/0dog"), ("cat", "0cat")]
        {
            symlink(target, root.join(link)).unwrap();
        }
        let walk = images_below(&root, &root).unwrap();
        assert_eq!(names(&walk.found, &root), ["cat/a.png", "dog/b.png"]);
        assert_eq!(names(&walk.skipped, &root), ["0cat", "cat/0dog", "cat/here", "cat/up", "dog/far"]);
        let folders = folders_in(&root, &root).unwrap();
        assert_eq!(
            (names(&folders.found, &root), names(&folders.skipped, &root)),
            (vec!["cat".into(), "dog".into()], vec!["0cat".to_owned()])
        );
    }

    #[test]
    fn a_class_that_is_a_link_to_a_folder_elsewhere_is_read_once() {
        let folder = Folder::new();
        let store = folder.picture("store/cats/a.png", 1).parent().unwrap().to_path_buf();
        let root = folder.path("data/x").parent().unwrap().to_path_buf();
        symlink(&store, root.join("cat")).unwrap();
        symlink(&store, root.join("kitten")).unwrap();
        symlink(&store, store.join("again")).unwrap();
        let walk = images_below(&root, &root).unwrap();
        assert_eq!(names(&walk.found, &root), ["cat/a.png"]);
        assert_eq!(names(&walk.skipped, &root), ["cat/again", "kitten"]);
    }
}
