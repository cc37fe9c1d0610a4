//! Writing without harm: a file or folder appears complete or not at all, and never in place of one that this program did
//! not make.
//!
//! ```text
//! atomic         one file: the old one or the new one, never half of each
//! StagedFolder   one folder: the same, for commands that make it in one go
//! OutputFolder   a folder that is filled file by file
//! ```
//!
//! Both kinds of folder hold the file [`MARKER`] with the command that made them and the files that are its own. Only a folder
//! that is new or empty, or that the same command made and nobody added to, is written to; see [`Place`].

pub mod atomic;
mod error;
mod folder;
mod marker;
mod output_folder;
mod place;
mod staged_folder;

pub use error::{FilesError, Result, reason};
pub use folder::{create_folder, remove_file, remove_folder};
pub use marker::MARKER;
pub use output_folder::OutputFolder;
pub use place::{Existing, Place};
pub use staged_folder::StagedFolder;
