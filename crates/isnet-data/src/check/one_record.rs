//! What one record shows when its files are read.

use std::path::Path;

use super::{Problem, ProblemKind, Severity};
use crate::error::DataError;
use crate::manifest::Record;
use crate::prepare::Preparation;
use crate::read_image::{Decoded, MaskKind, decode, decode_mask, orientation_words, read_bytes, same_size};
use crate::sample::{Mask, MaskVerdict};

/// The problems of one record, the fingerprint of its image file, and what is compared with other records.
pub(super) struct Finding {
    pub problems: Vec<Problem>,
    /// `None` if the file cannot be read.
    pub content: Option<blake3::Hash>,
    /// `None` if the image cannot be decoded.
    pub range: Option<Range>,
    /// How the mask was read; `None` without one.
    pub mask_kind: Option<MaskKind>,
}

/// The values of an image as they are stored, in shares of full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub darkest: f32,
    pub brightest: f32,
    pub sixteen_bit: bool,
}

/// Reads the image and the mask of a record.
pub(super) fn read(record: &Record, preparation: Option<&Preparation>) -> Finding {
    let mut finder = Finder { line: record.line, problems: Vec::new() };
    let bytes = finder.keep(&record.image, read_bytes(&record.image));
    let content = bytes.as_deref().map(blake3::hash);
    let image = bytes.and_then(|bytes| finder.keep(&record.image, decode(&record.image, &bytes)));
    if let Some(image) = &image {
        finder.pages(&record.image, image);
        finder.transparency(&record.image, image);
    }
    let mask_kind = record.mask.as_deref().and_then(|path| {
        let decoded = finder.keep(path, read_bytes(path).and_then(|bytes| decode(path, &bytes)))?;
        finder.pages(path, &decoded);
        if let Some(image) = &image {
            finder.orientation((&record.image, image), (path, &decoded));
        }
        let (mask, kind) = finder.keep(path, decode_mask(path, &decoded))?;
        finder.mask(path, &mask, kind);
        if let Some(image) = &image {
            finder.pair((&record.image, image), (path, &decoded), &mask, preparation);
        }
        Some(kind)
    });
    Finding { problems: finder.problems, content, range: image.as_ref().map(Range::of), mask_kind }
}

impl Range {
    fn of(decoded: &Decoded) -> Self {
        let pixels = &decoded.image.pixels;
        Self {
            darkest: pixels.iter().copied().fold(1.0, f32::min),
            brightest: pixels.iter().copied().fold(0.0, f32::max),
            sixteen_bit: decoded.image.sixteen_bit,
        }
    }
}

struct Finder {
    line: usize,
    problems: Vec<Problem>,
}

impl Finder {
    fn add(&mut self, severity: Severity, kind: ProblemKind, path: &Path, message: String) {
        self.problems.push(Problem { severity, line: self.line, path: path.to_path_buf(), kind, message });
    }

    fn warn(&mut self, kind: ProblemKind, path: &Path, message: String) {
        self.add(Severity::Warning, kind, path, message);
    }

    /// The value, or its error as a problem.
    fn keep<T>(&mut self, path: &Path, result: Result<T, DataError>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let kind = match error {
            DataError::Missing { .. } => ProblemKind::Missing,
            DataError::MaskValues { .. } | DataError::MaskContradicts { .. } => ProblemKind::UnclearMask,
            _ => ProblemKind::Unreadable,
        };
        self.add(Severity::Fatal, kind, path, error.to_string());
        None
    }

    fn pages(&mut self, path: &Path, decoded: &Decoded) {
        if decoded.pages > 1 {
            let message = format!(
                "`{}` has {} pages or frames, of which the first is read; save those that are meant as files of their own",
                path.display(),
                decoded.pages
            );
            self.warn(ProblemKind::Pages, path, message);
        }
    }

    fn transparency(&mut self, path: &Path, decoded: &Decoded) {
        let share = decoded.transparent_share();
        if share > 0.0 {
            let message = format!(
                "{:.1} % of image `{}` is transparent; the colours beneath, which viewers do not show, are what is read: \
                 save it without transparency",
                100.0 * share,
                path.display()
            );
            self.warn(ProblemKind::Transparent, path, message);
        }
    }

    fn orientation(&mut self, (image_path, image): (&Path, &Decoded), (path, mask): (&Path, &Decoded)) {
        if image.orientation == mask.orientation {
            return;
        }
        let (image_way, mask_way) = (orientation_words(image.orientation), orientation_words(mask.orientation));
        let message = format!(
            "by their orientation tags image `{}` is {image_way} and its mask `{}` {mask_way} when they are opened; \
             make sure that the mask lies on the picture as viewers show it, and save both without a tag",
            image_path.display(),
            path.display()
        );
        self.warn(ProblemKind::Turned, path, message);
    }

    fn mask(&mut self, path: &Path, mask: &Mask, kind: MaskKind) {
        let name = path.display();
        match mask.verdict() {
            MaskVerdict::Empty => {
                let message = format!("mask `{name}` is all background; draw it, or leave the cell empty");
                self.warn(ProblemKind::EmptyMask, path, message);
            }
            MaskVerdict::Full => {
                let message = format!(
                    "mask `{name}` is all foreground, so it says nothing about where to look; draw it, or leave the cell empty"
                );
                self.warn(ProblemKind::FullMask, path, message);
            }
            MaskVerdict::Usable => {}
        }
        if let (MaskKind::NonBinary { .. }, Some(remark)) = (kind, kind.remark()) {
            self.warn(ProblemKind::NonBinaryMask, path, format!("mask `{name}` {remark}"));
        }
    }

    fn pair(
        &mut self,
        (image_path, image): (&Path, &Decoded),
        (path, decoded): (&Path, &Decoded),
        mask: &Mask,
        preparation: Option<&Preparation>,
    ) {
        if let Err(error) = same_size((image_path, image), (path, decoded)) {
            let message = format!("`{}`: {error}", path.display());
            return self.add(Severity::Fatal, ProblemKind::MaskSize, path, message);
        }
        let Some(preparation) = preparation.filter(|_| mask.verdict().says_something()) else { return };
        let Some((_, Some(small))) = self.keep(path, preparation.apply(&image.image, Some(mask))) else { return };
        let Preparation { height, width, .. } = preparation;
        let (kind, what) = match small.verdict() {
            MaskVerdict::Usable => return,
            MaskVerdict::Empty => (ProblemKind::EmptyMask, "background"),
            MaskVerdict::Full => (ProblemKind::FullMask, "foreground"),
        };
        self.warn(kind, path, format!("mask `{}` is all {what} once resized to {height}×{width}", path.display()));
    }
}
