//! What can go wrong when something is written: each error says what, where and what to do.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

use std::io;
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, FilesError>;

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// A file that cannot be written; the old one, if any, is intact.
    #[error(
        "cannot write `{}`: {} after {written} of {total} bytes; the previous file, if any, is intact{}",
        path.display(), reason(cause), way_out(cause)
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Bytes that went through before the failure.
        written: u64,
        /// Bytes there were to write.
        total: u64,
        /// What the system says.
        cause: io::Error,
    },
    /// A folder that cannot be made, listed, moved or removed.
    #[error("cannot {action} `{}`: {}{}", path.display(), reason(cause), way_out(cause))]
    Folder {
        /// `create`, `list`, `move`, `remove`.
        action: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file in place of a folder.
    #[error("`{}` is a file; the output needs a folder: choose another name", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// A file that is there already.
    #[error("`{}` exists; choose another name or replace it with `--overwrite`", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file that is there already and that nobody asked to replace.
    #[error("`{}` exists and was not written by `isnet {command}`; move it away or choose another folder", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// The command that would write it.
        command: String,
    },
    /// A folder that the same command filled earlier.
    #[error(
        "`{}` exists and holds what `isnet {command}` wrote earlier; replace it with `--overwrite`, or choose another folder",
        folder.display()
    )]
    Earlier {
        /// The folder.
        folder: PathBuf,
        /// The command.
        command: String,
    },
    /// A folder with something that this command did not write.
    #[error(
        "`{}` holds `{entry}`, which `isnet {command}` did not write and which could be lost; choose a folder that is new or empty",
        folder.display()
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The file or folder in it.
        entry: String,
        /// The command that would write there.
        command: String,
    },
    /// A folder that another command filled.
    #[error(
        "`{}` holds what `isnet {wrote}` wrote, and `isnet {command}` does not mix with it; choose a folder that is new or empty",
        folder.display()
    )]
    OtherCommand {
        /// The folder.
        folder: PathBuf,
        /// The command that filled it.
        wrote: String,
        /// The command that would write there.
        command: String,
    },
    /// A folder that is no place for output, whatever it holds.
    #[error("`{}` is {what}, no place for the output; choose a folder of its own", folder.display())]
    NoPlace {
        /// The folder.
        folder: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// What is read would be replaced.
    #[error("`{}` is read and lies in the output folder `{}`; choose another folder", input.display(), output.display())]
    InputInside {
        /// The output folder.
        output: PathBuf,
        /// The file that is read.
        input: PathBuf,
    },
    /// What is written would be read next time.
    #[error(
        "the output folder `{}` lies in `{}`, whose images are all read; choose another folder",
        output.display(), searched.display()
    )]
    OutputInside {
        /// The output folder.
        output: PathBuf,
        /// The folder that is read.
        searched: PathBuf,
    },
    /// Two processes want to make the same folder.
    #[error("another process is writing `{}` at this moment; wait until it ends, or choose another folder", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
}

/// What the system says, in words for people and without its number.
///
/// # Example
/// ```
/// let error = std::fs::read("/no/such/file").unwrap_err();
/// assert_eq!(isnet_files::reason(&error), "it does not exist");
/// ```
#[must_use]
pub fn reason(cause: &io::Error) -> String {
    let words = match cause.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => "permission is denied",
        io::ErrorKind::IsADirectory => "it is a folder, not a file",
        io::ErrorKind::NotADirectory => "a part of this path is a file, not a folder",
        io::ErrorKind::DirectoryNotEmpty => "the folder is not empty",
        io::ErrorKind::AlreadyExists => "it exists already",
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "the quota of the disk is used up",
        io::ErrorKind::FileTooLarge => "the file is too large for this disk",
        io::ErrorKind::ReadOnlyFilesystem => "the disk can only be read",
        io::ErrorKind::InvalidFilename => "this is no valid name for a file",
        io::ErrorKind::ResourceBusy => "it is in use",
        io::ErrorKind::OutOfMemory => "there is not enough memory",
        io::ErrorKind::InvalidData => "it is not text in UTF-8",
        _ => {
            let text = cause.to_string();
            return text.split(" (os error").next().unwrap_or_default().to_owned();
        }
    };
    words.to_owned()
}

/// What can be done about a failed write, to be put after the message.
#[must_use]
pub(crate) fn way_out(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and try again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; choose a writable folder",
        io::ErrorKind::NotFound => " (a folder above it is missing)",
        _ => "",
    }
}
