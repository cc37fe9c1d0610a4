//! A manifest written as CSV.

use std::path::{Path, PathBuf};

use super::{Draft, Manifest, ManifestOptions, Record, RowProblem, RowProblemKind, label_drafts};
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
}

/// Reads the manifest; bad rows become problems.
pub(super) fn read(path: &Path, options: &ManifestOptions) -> Result<Manifest> {
    let bytes = std::fs::read(path).map_err(|source| DataError::read(path, source))?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let csv_error = |cause| DataError::Csv { path: path.to_path_buf(), cause };
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let columns = Columns::find(path, reader.headers().map_err(csv_error)?, options)?;

    let mut lines = CsvLines::new(bytes);
    let (mut drafts, mut problems) = (Vec::new(), Vec::new());
    let mut cells = csv::ByteRecord::new();
    while reader.read_byte_record(&mut cells).map_err(csv_error)? {
        let start = cells.position().map_or(0, |position| position.byte() as usize);
        let line = lines.line_at(start);
        match columns.draft(path, line, &cells) {
            Ok(draft) => drafts.extend(draft),
            Err(kind) => problems.push(RowProblem { line, image: None, kind }),
        }
    }
    label_drafts(path, drafts, problems, columns.label.is_some(), options)
}

impl Columns {
    fn find(path: &Path, header: &csv::StringRecord, options: &ManifestOptions) -> Result<Self> {
        let names: Vec<String> = header.iter().map(String::from).collect();
        if let Some(index) = (1..names.len()).find(|&index| names[..index].contains(&names[index])) {
            return Err(DataError::ColumnTwice { path: path.to_path_buf(), column: names[index].clone() });
        }
        let find = |column: &str| names.iter().position(|name| name == column);
        let need = |column: &str| {
            let absent = || DataError::Column { path: path.to_path_buf(), column: column.into(), known: names.clone() };
            find(column).ok_or_else(absent)
        };
        let defaults = ManifestOptions::default();
        let optional =
            |column: &str, default: &str| if column == default { Ok(find(column)) } else { need(column).map(Some) };
        Ok(Self {
            image: need(&options.image_column)?,
            mask: optional(&options.mask_column, &defaults.mask_column)?,
            label: find("label"),
            source: find("source"),
            split: find("split"),
            group: optional(&options.group_column, &defaults.group_column)?,
            names,
        })
    }

    /// The row as a draft; `None` where an alternative image column has no picture for it.
    fn draft(&self, path: &Path, line: usize, cells: &csv::ByteRecord) -> Result<Option<Draft>, RowProblemKind> {
        if cells.len() != self.names.len() {
            return Err(RowProblemKind::CellCount { expected: self.names.len(), got: cells.len() });
        }
        let cells: Vec<&str> =
            cells.iter().map(std::str::from_utf8).collect::<Result<_, _>>().map_err(|_| RowProblemKind::NotUtf8)?;
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
}
