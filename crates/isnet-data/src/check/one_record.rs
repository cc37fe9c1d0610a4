//! What one record shows when its files are read.

use std::path::Path;

use super::{Problem, ProblemKind, Severity};
use crate::error::DataError;
use crate::manifest::Record;
use crate::prepare::Preparation;
use crate::read_image::{MaskKind, decode_image, decode_mask, read_bytes};
use crate::sample::{Image, Mask};

/// The problems of one record and the fingerprint of its image file.
pub(super) struct Finding {
    pub problems: Vec<Problem>,
    /// `None` if the file cannot be read.
    pub content: Option<blake3::Hash>,
}

/// Reads the image and the mask of a record.
pub(super) fn read(record: &Record, preparation: Option<&Preparation>) -> Finding {
    let mut finder = Finder { line: record.line, problems: Vec::new() };
    let bytes = finder.keep(&record.image, read_bytes(&record.image));
    let content = bytes.as_deref().map(blake3::hash);
    let image = bytes.and_then(|bytes| finder.keep(&record.image, decode_image(&record.image, &bytes)));
    if let Some(path) = &record.mask
        && let Some((mask, kind)) = finder.keep(path, read_bytes(path).and_then(|bytes| decode_mask(path, &bytes)))
    {
        finder.mask(path, &mask, kind);
        if let Some(image) = image {
            finder.pair(path, &image, &mask, preparation);
        }
    }
    Finding { problems: finder.problems, content }
}

struct Finder {
    line: usize,
    problems: Vec<Problem>,
}

impl Finder {
    fn add(&mut self, severity: Severity, kind: ProblemKind, path: &Path, message: String) {
        self.problems.push(Problem { severity, line: self.line, path: path.to_path_buf(), kind, message });
    }

    /// The value, or its error as a problem.
    fn keep<T>(&mut self, path: &Path, result: Result<T, DataError>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let kind = match error {
            DataError::Missing { .. } => ProblemKind::Missing,
            _ => ProblemKind::Unreadable,
        };
        self.add(Severity::Fatal, kind, path, error.to_string());
        None
    }

    fn mask(&mut self, path: &Path, mask: &Mask, kind: MaskKind) {
        let name = path.display();
        match kind {
            MaskKind::Binary if mask.foreground() == 0 => {
                let message = format!("mask `{name}` is all background; draw it, or leave the cell empty");
                self.add(Severity::Warning, ProblemKind::EmptyMask, path, message);
            }
            MaskKind::NonBinary { brightest, .. } if mask.foreground() == 0 => {
                let percent = 100.0 * brightest;
                let message = format!(
                    "mask `{name}` is all background: its brightest pixel has {percent:.1} % of full brightness, \
                     foreground needs more than 50 %; store foreground as 255"
                );
                self.add(Severity::Fatal, ProblemKind::EmptyMask, path, message);
            }
            MaskKind::Binary => {}
            MaskKind::NonBinary { share, .. } => {
                let percent = 100.0 * share;
                let message = format!(
                    "{percent:.2} % of mask `{name}` is neither black nor white and is split at half; \
                     store masks without loss, as PNG"
                );
                self.add(Severity::Warning, ProblemKind::NonBinaryMask, path, message);
            }
        }
    }

    fn pair(&mut self, path: &Path, image: &Image, mask: &Mask, preparation: Option<&Preparation>) {
        let expected = (image.height, image.width);
        let got = (mask.height, mask.width);
        if got != expected {
            let message = format!("`{}`: {}", path.display(), DataError::MaskSize { expected, got });
            return self.add(Severity::Fatal, ProblemKind::MaskSize, path, message);
        }
        let Some(preparation) = preparation.filter(|_| mask.foreground() > 0) else { return };
        if let Some((_, Some(small))) = self.keep(path, preparation.apply(image, Some(mask)))
            && small.foreground() == 0
        {
            let Preparation { height, width, .. } = preparation;
            let message = format!("mask `{}` is all background once resized to {height}×{width}", path.display());
            self.add(Severity::Warning, ProblemKind::EmptyMask, path, message);
        }
    }
}
