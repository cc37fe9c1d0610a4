//! What the file system says of the files of a manifest without any of them being read.

use std::collections::BTreeMap;
use std::path::Path;
#[cfg(not(unix))]
use std::path::PathBuf;

use rayon::prelude::*;

use super::{Problem, ProblemKind, Severity};
use crate::error::DataError;
use crate::manifest::{Manifest, Record};

/// Missing files that are looked for under another spelling; the others are only listed.
const MOST_EXPLAINED: usize = 20;

/// What a path leads to.
pub(super) enum OnDisk {
    /// A file that can be opened, with what tells it from all others, whatever links lead to it.
    File(FileIdentity),
    Absent,
    /// Something that is no file with content.
    Useless(&'static str),
    /// The system does not say.
    Refused(std::io::Error),
}

/// Device and number of a file; where the system has none, its path without links.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileIdentity {
    #[cfg(unix)]
    Number(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

/// The files of a record.
pub(super) struct Files {
    pub image: OnDisk,
    pub mask: Option<OnDisk>,
}

impl OnDisk {
    fn of(path: &Path) -> Self {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(cause) if matches!(cause.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Self::Absent;
            }
            Err(cause) => return Self::Refused(cause),
        };
        if metadata.is_dir() {
            return Self::Useless("is a folder; name a file");
        }
        if metadata.is_file() && metadata.len() == 0 {
            return Self::Useless("is empty; copy it again");
        }
        identity(path, &metadata)
    }

    pub fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    pub fn identity(&self) -> Option<&FileIdentity> {
        match self {
            Self::File(identity) => Some(identity),
            _ => None,
        }
    }
}

#[cfg(unix)]
fn identity(_path: &Path, metadata: &std::fs::Metadata) -> OnDisk {
    use std::os::unix::fs::MetadataExt;
    OnDisk::File(FileIdentity::Number(metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path, _metadata: &std::fs::Metadata) -> OnDisk {
    path.canonicalize().map_or_else(OnDisk::Refused, |path| OnDisk::File(FileIdentity::Path(path)))
}

/// Looks at the files of every record.
pub(super) fn look(manifest: &Manifest) -> Vec<Files> {
    let of = |record: &Record| Files { image: OnDisk::of(&record.image), mask: record.mask.as_deref().map(OnDisk::of) };
    manifest.records.par_iter().map(of).collect()
}

/// Files that cannot be read, and images that are their own mask.
pub(super) fn problems(manifest: &Manifest, files: &[Files]) -> Vec<Problem> {
    let (mut problems, mut explained) = (Vec::new(), 0);
    for (record, files) in manifest.records.iter().zip(files) {
        let mask = record.mask.iter().zip(&files.mask);
        for (path, on_disk) in [(&record.image, &files.image)].into_iter().chain(mask) {
            let (kind, message) = match on_disk {
                OnDisk::File(_) => continue,
                OnDisk::Absent => (ProblemKind::Missing, absent(path, record.line, &mut explained)),
                OnDisk::Useless(why) => (ProblemKind::Unreadable, format!("`{}` {why}", path.display())),
                OnDisk::Refused(cause) => {
                    (ProblemKind::Unreadable, format!("cannot read `{}`: {cause}", path.display()))
                }
            };
            problems.push(Problem { severity: Severity::Fatal, line: record.line, path: path.clone(), kind, message });
        }
        if let (Some(image), Some(Some(mask))) = (files.image.identity(), files.mask.as_ref().map(OnDisk::identity))
            && image == mask
        {
            let message =
                format!("`{}` is its own mask; name the mask, or leave the cell empty", record.image.display());
            let (severity, path) = (Severity::Fatal, record.image.clone());
            problems.push(Problem { severity, line: record.line, path, kind: ProblemKind::MaskIsImage, message });
        }
    }
    problems
}

fn absent(path: &Path, line: usize, explained: &mut usize) -> String {
    *explained += 1;
    let path = path.to_path_buf();
    let error = match *explained > MOST_EXPLAINED {
        true => DataError::Missing { path, likely: None },
        false => DataError::missing(path),
    };
    let is_unclear = matches!(error, DataError::Missing { likely: None, .. });
    let start = if is_unclear && line > 0 { " (a relative one starts at the manifest's folder)" } else { "" };
    format!("{error}{start}")
}

/// The first record of each image file in each split, as the others are held against it.
pub(super) fn firsts<'a>(
    manifest: &'a Manifest,
    files: &[Files],
) -> BTreeMap<FileIdentity, BTreeMap<&'a str, &'a Record>> {
    let mut firsts: BTreeMap<FileIdentity, BTreeMap<&str, &Record>> = BTreeMap::new();
    for (record, files) in manifest.records.iter().zip(files) {
        if let Some(identity) = files.image.identity() {
            firsts.entry(identity.clone()).or_default().entry(&record.split).or_insert(record);
        }
    }
    firsts
}
