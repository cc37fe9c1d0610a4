//! A manifest written as CSV.

use std::path::{Path, PathBuf};

use super::labels::{Draft, Drafts, resolve};
use super::spelling::same_word;
use super::text::{CsvText, latin1};
use super::walk::is_image;
use super::{Manifest, ManifestOptions, Record, RowProblem, RowProblemKind};
use crate::csv_lines::CsvLines;
use crate::error::{DataError, Result};

/// Where the known columns stand.
struct Columns {
    names: Vec<String>,
    image: usize,
    mask: Option<usize>,
    label: Option<usize>,
    source: Option<usize>,
    split: Option<usize>,
    group: Option<usize>,
    separator: u8,
}

/// Reads the manifest; bad rows become problems.
pub(super) fn read(path: &Path, options: &ManifestOptions) -> Result<Manifest> {
    let CsvText { bytes, separator, notes } = CsvText::read(path, &options.image_column)?;
    let csv_error = |cause| DataError::Csv { path: path.to_path_buf(), cause };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(separator)
        .from_reader(bytes.as_slice());
    let columns = Columns::find(path, reader.headers().map_err(csv_error)?, separator, options)?;

    let mut lines = CsvLines::new(&bytes);
    let mut drafts = Drafts { notes, ..Drafts::default() };
    let mut cells = csv::ByteRecord::new();
    while reader.read_byte_record(&mut cells).map_err(csv_error)? {
        let start = cells.position().map_or(0, |position| position.byte() as usize);
        let line = lines.line_at(start);
        match columns.draft(path, line, &cells) {
            Ok(draft) => drafts.rows.extend(draft),
            Err(kind) => drafts.problems.push(RowProblem { line, image: None, kind }),
        }
    }
    drafts.columns = Some(columns.names);
    resolve(path, drafts, options)
}

impl Columns {
    fn find(path: &Path, header: &csv::StringRecord, separator: u8, options: &ManifestOptions) -> Result<Self> {
        let names: Vec<String> = header.iter().map(String::from).collect();
        if let Some(index) = (1..names.len()).find(|&index| names[..index].contains(&names[index])) {
            return Err(DataError::ColumnTwice { path: path.to_path_buf(), column: names[index].clone() });
        }
        // A column that differs in capitals alone is meant; left alone, all that it says would be lost.
        let find = |column: &str| match names.iter().position(|name| name == column) {
            Some(place) => Ok(Some(place)),
            None => match names.iter().find(|name| same_word(name, column)) {
                None => Ok(None),
                Some(found) => Err(DataError::ColumnSpelling {
                    path: path.to_path_buf(),
                    column: column.into(),
                    found: found.clone(),
                }),
            },
        };
        let need = |column: &str| {
            let absent = || DataError::Column { path: path.to_path_buf(), column: column.into(), known: names.clone() };
            find(column)?.ok_or_else(absent)
        };
        let defaults = ManifestOptions::default();
        let optional =
            |column: &str, default: &str| if column == default { find(column) } else { need(column).map(Some) };
        Ok(Self {
            image: need(&options.image_column)?,
            mask: optional(&options.mask_column, &defaults.mask_column)?,
            label: find("label")?,
            source: find("source")?,
            split: find("split")?,
            group: optional(&options.group_column, &defaults.group_column)?,
            names,
            separator,
        })
    }

    /// The row as a draft; `None` where an alternative image column has no picture for it.
    fn draft(&self, path: &Path, line: usize, cells: &csv::ByteRecord) -> Result<Option<Draft>, RowProblemKind> {
        if cells.len() != self.names.len() {
            let first = cells.get(0).unwrap_or_default();
            let other = [b',', b';', b'\t'].into_iter().find(|other| *other != self.separator && first.contains(other));
            return Err(RowProblemKind::CellCount {
                expected: self.names.len(),
                got: cells.len(),
                separator: char::from(self.separator),
                other: other.filter(|_| cells.len() == 1).map(char::from),
            });
        }
        let utf8 = |cell| std::str::from_utf8(cell).map_err(|_| RowProblemKind::NotUtf8 { cell: latin1(cell) });
        let cells: Vec<&str> = cells.iter().map(utf8).collect::<Result<_, _>>()?;
        self.check_line_breaks(&cells)?;
        let text = |column: Option<usize>| column.map_or(String::new(), |column| cells[column].to_string());
        let folder = path.parent().unwrap_or(Path::new(""));
        let file = |cell: &str| -> Option<PathBuf> { (!cell.is_empty()).then(|| folder.join(cell)) };

        let image_column = &self.names[self.image];
        let Some(image) = file(cells[self.image]) else {
            let is_default = *image_column == ManifestOptions::default().image_column;
            return if is_default { Err(RowProblemKind::NoImage { column: image_column.clone() }) } else { Ok(None) };
        };
        let known = [Some(self.image), self.mask, self.label, self.source, self.split];
        let others = (0..cells.len()).filter(|&column| !known.contains(&Some(column)));
        let record = Record {
            image,
            mask: self.mask.and_then(|column| file(cells[column])),
            label: None,
            source: text(self.source),
            split: text(self.split),
            group: text(self.group),
            line,
            extra: others.map(|column| (self.names[column].clone(), cells[column].to_string())).collect(),
        };
        Ok(Some(Draft { record, label: text(self.label) }))
    }

    /// Two quotation marks that belong to different rows make one cell of all between them.
    fn check_line_breaks(&self, cells: &[&str]) -> Result<(), RowProblemKind> {
        let known = [Some(self.image), self.mask, self.label, self.source, self.split, self.group];
        let separator = char::from(self.separator);
        let is_row = |line: &str| {
            let image = line.split(separator).nth(self.image).unwrap_or_default();
            line.split(separator).count() == self.names.len() && is_image(Path::new(image.trim()))
        };
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.contains(['\n', '\r'])) {
            if known.contains(&Some(column)) || cell.split(['\n', '\r']).skip(1).any(is_row) {
                return Err(RowProblemKind::LineBreak { column: self.names[column].clone() });
            }
        }
        Ok(())
    }
}
