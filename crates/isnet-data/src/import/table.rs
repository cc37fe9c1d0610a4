//! Lists of data sets: CSV with a header, or words between blanks, each row with its line.

use std::path::{Path, PathBuf};

use crate::csv_lines::CsvLines;
use crate::error::{DataError, Result};
use crate::file_problem::FileProblem;
use crate::read_image::read_bytes;

/// A CSV or TSV file with a header.
pub(super) struct Table {
    pub path: PathBuf,
    names: Vec<String>,
    pub rows: Vec<Row>,
}

/// A row of as many cells as the header has.
pub(super) struct Row {
    pub line: usize,
    cells: Vec<String>,
}

/// A column that the file has.
#[derive(Clone, Copy)]
pub(super) struct Column(usize);

impl Table {
    /// Reads a table; rows with too many or too few cells become problems. Tabs separate the cells of `.tsv` files.
    pub fn read(path: &Path, problems: &mut Vec<FileProblem>) -> Result<Self> {
        let bytes = text(path)?.into_bytes();
        let delimiter = if path.extension().is_some_and(|extension| extension == "tsv") { b'\t' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(delimiter)
            .from_reader(bytes.as_slice());
        let failed = |cause| DataError::Csv { path: path.to_path_buf(), cause };
        let names: Vec<String> = reader.headers().map_err(failed)?.iter().map(String::from).collect();
        let (mut lines, mut rows) = (CsvLines::new(&bytes), Vec::new());
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let line = lines.line_at(record.position().map_or(0, |position| position.byte() as usize));
            let mut cells: Vec<String> = record.iter().map(String::from).collect();
            // Some lists end their rows, but not their header, in a comma.
            while cells.len() > names.len() && cells.last().is_some_and(String::is_empty) {
                cells.pop();
            }
            if cells.len() == names.len() {
                rows.push(Row { line, cells });
            } else {
                let message = format!("the row has {} cells, the header {}", cells.len(), names.len());
                problems.push(FileProblem::at(path, line, message));
            }
        }
        Ok(Self { path: path.to_path_buf(), names, rows })
    }

    /// A column that must be there; capitals do not matter, as versions of a data set differ in them.
    pub fn need(&self, name: &str) -> Result<Column> {
        self.find(name).ok_or_else(|| DataError::Column {
            path: self.path.clone(),
            column: name.into(),
            known: self.names.clone(),
        })
    }

    pub fn find(&self, name: &str) -> Option<Column> {
        self.names.iter().position(|known| known.eq_ignore_ascii_case(name)).map(Column)
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl Row {
    pub fn get(&self, column: Column) -> &str {
        &self.cells[column.0]
    }

    /// The cell of a column that may be absent from the file.
    pub fn text(&self, column: Option<Column>) -> String {
        column.map_or(String::new(), |column| self.get(column).to_owned())
    }
}

/// The lines of a text as words between blanks, with their line numbers; blank lines are left out.
pub(super) fn words(path: &Path) -> Result<Vec<(usize, Vec<String>)>> {
    let text = text(path)?;
    let lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split_whitespace().map(String::from).collect::<Vec<_>>()));
    Ok(lines.filter(|(_, words)| !words.is_empty()).collect())
}

/// A text in UTF-8, or in Latin-1 as older lists are, without a byte-order mark.
pub(super) fn text(path: &Path) -> Result<String> {
    let bytes = read_bytes(path)?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    })
}

/// The first of these files or folders that exists below a folder.
pub(super) fn first_of(folder: &Path, names: &[&str]) -> Result<PathBuf> {
    let found = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
    found.ok_or_else(|| DataError::Layout {
        folder: folder.to_path_buf(),
        what: names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn rows_know_their_line_and_odd_ones_are_reported() {
        let folder = Folder::new();
        let path = folder.write("a.csv", b"Name, Age\r\n\r\n\"M\xFCller, A\",3,\r\nx\r\ny,4\r\n");
        let mut problems = Vec::new();
        let table = Table::read(&path, &mut problems).unwrap();
        let (name, age) = (table.need("name").unwrap(), table.need("AGE").unwrap());
        let rows: Vec<_> = table.rows.iter().map(|row| (row.line, row.get(name), row.get(age))).collect();
        assert_eq!(rows, [(3, "Müller, A", "3"), (5, "y", "4")]);
        assert_eq!((problems.len(), problems[0].line), (1, 4));
        let message = table.need("sex").map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("no column `sex`; its columns are `Name`, `Age`"), "{message}");
    }

    #[test]
    fn words_stand_between_blanks() {
        let folder = Folder::new();
        let path = folder.write("a.txt", "one  two\n\n three\n");
        assert_eq!(
            words(&path).unwrap(),
            [(1, vec!["one".to_owned(), "two".to_owned()]), (3, vec!["three".to_owned()])]
        );
    }
}
