//! What a file that should be a CSV really is: its encoding and its separator, or what it seems to be instead.

use std::fmt;
use std::path::Path;

use super::spelling::same_word;
use super::{Note, SUFFIXES_OF_TABS};
use crate::error::{DataError, Result};

/// The text of a table, in UTF-8: of a manifest, or of another CSV file with a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvText {
    /// The text without a byte order mark.
    pub bytes: Vec<u8>,
    /// What stands between cells.
    pub separator: u8,
    /// What is unusual about the file.
    pub notes: Vec<Note>,
}

/// What a file is that cannot be read as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotCsv {
    /// It has no text at all.
    Empty,
    /// A folder.
    Folder,
    /// It begins like a file of another kind, which is named.
    Other(&'static str),
    /// Its mark says UTF-16, but it is cut short or damaged.
    BrokenUtf16,
    /// Every other byte is 0, as in UTF-16 without its mark.
    Utf16WithoutMark,
    /// It holds zero bytes, as no text does.
    ZeroBytes {
        /// The line of the first, from 1.
        line: usize,
    },
    /// Its header is not UTF-8.
    HeaderNotUtf8 {
        /// The header, read as Latin-1.
        header: String,
    },
    /// Its cells are separated by something that cannot be told from what stands in cells.
    Separator(char),
    /// Its first line is a note to Excel.
    SeparatorLine(String),
    /// A quotation mark is opened and never closed, so that the rest of the file is one cell.
    OpenQuote {
        /// The line of the mark, from 1.
        line: usize,
    },
}

/// How files of other kinds begin.
const OTHER_KINDS: [(&[u8], &str); 13] = [
    (b"PK\x03\x04", "an Excel workbook (.xlsx) or another zip archive"),
    (b"\xD0\xCF\x11\xE0", "an old Excel workbook (.xls)"),
    (b"\x1F\x8B", "a gzip archive; unpack it"),
    (b"\x89PNG", "a PNG image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"version https://git-lfs", "a placeholder of Git LFS, whose content was not downloaded (`git lfs pull`)"),
    (b"<", "a web page or another XML file"),
    (b"{", "a JSON file"),
    (b"[{", "a JSON file"),
];

const SAVE_AS: &str = "save it as CSV with commas, in UTF-8 (in Excel: “CSV UTF-8 (comma delimited)”)";

impl CsvText {
    /// Reads a file whose header should have this column.
    pub(crate) fn read(path: &Path, image_column: &str) -> Result<Self> {
        let refuse = |seems| DataError::NotCsv { path: path.to_path_buf(), seems };
        if path.is_dir() {
            return Err(refuse(NotCsv::Folder));
        }
        let bytes = std::fs::read(path).map_err(|cause| DataError::read(path, cause))?;
        let mut text = Self::parse(bytes, image_column).map_err(refuse)?;
        if path.extension().is_some_and(|suffix| SUFFIXES_OF_TABS.contains(&suffix.to_string_lossy().as_ref())) {
            text.notes.retain(|note| !matches!(note, Note::Separator(_)));
        }
        Ok(text)
    }

    /// Finds encoding and separator of a file whose header should have this column.
    ///
    /// Commas and UTF-8; semicolons, tabs and UTF-16 with its mark where they leave no doubt, which [`notes`](Self::notes) says.
    ///
    /// # Errors
    /// What the file seems to be instead.
    ///
    /// # Example
    /// ```
    /// # use isnet_data::CsvText;
    /// let text = CsvText::parse(b"\xEF\xBB\xBFid;label\n1;ill\n".to_vec(), "id")?;
    /// assert_eq!((text.separator, text.bytes.as_slice()), (b';', &b"id;label\n1;ill\n"[..]));
    /// assert!(CsvText::parse(b"PK\x03\x04".to_vec(), "id").is_err_and(|it| it.to_string().contains("an Excel workbook")));
    /// # Ok::<(), isnet_data::NotCsv>(())
    /// ```
    pub fn parse(bytes: Vec<u8>, column: &str) -> Result<Self, NotCsv> {
        let (bytes, mut notes) = decoded(bytes)?;
        let separator = separator(&bytes, column)?;
        if separator != b',' {
            notes.push(Note::Separator(char::from(separator)));
        }
        match open_quote(&bytes, separator) {
            Some(line) => Err(NotCsv::OpenQuote { line }),
            None => Ok(Self { bytes, separator, notes }),
        }
    }
}

/// The text in UTF-8 without its mark. Only a mark tells UTF-16 from other bytes without doubt.
fn decoded(bytes: Vec<u8>) -> Result<(Vec<u8>, Vec<Note>), NotCsv> {
    if let Some((_, kind)) = OTHER_KINDS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(NotCsv::Other(kind));
    }
    let (bytes, notes) = if let Some(text) = bytes.strip_prefix(b"\xFF\xFE") {
        (utf16(text, u16::from_le_bytes)?, vec![Note::Utf16])
    } else if let Some(text) = bytes.strip_prefix(b"\xFE\xFF") {
        (utf16(text, u16::from_be_bytes)?, vec![Note::Utf16])
    } else if let Some(text) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        (text.to_vec(), Vec::new())
    } else {
        (bytes, Vec::new())
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(NotCsv::Empty);
    }
    match bytes.iter().position(|&byte| byte == 0) {
        None => Ok((bytes, notes)),
        Some(zero) => Err(if notes.is_empty() && half_are_zero(&bytes) {
            NotCsv::Utf16WithoutMark
        } else {
            NotCsv::ZeroBytes { line: line_of(&bytes, zero) }
        }),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Vec<u8>, NotCsv> {
    if !bytes.len().is_multiple_of(2) {
        return Err(NotCsv::BrokenUtf16);
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map(String::into_bytes).map_err(|_| NotCsv::BrokenUtf16)
}

fn half_are_zero(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(200)];
    let zeros = start.iter().filter(|&&byte| byte == 0).count();
    5 * zeros >= 2 * start.len()
}

/// What stands between the cells of the header: a comma, a semicolon or a tab, whichever makes the column appear.
fn separator(bytes: &[u8], image_column: &str) -> Result<u8, NotCsv> {
    let header = first_line(bytes);
    if header.len() <= 6 && header.to_ascii_lowercase().starts_with(b"sep=") {
        return Err(NotCsv::SeparatorLine(String::from_utf8_lossy(header).into_owned()));
    }
    let names = |separator: u8| -> Result<Vec<String>, NotCsv> {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(separator).trim(csv::Trim::All).has_headers(false).from_reader(bytes);
        let mut cells = csv::ByteRecord::new();
        let not_utf8 = || NotCsv::HeaderNotUtf8 { header: latin1(header) };
        // The reader of bytes in memory fails for no other reason than rows of unequal length, and this is the first.
        reader.read_byte_record(&mut cells).map_err(|_| not_utf8())?;
        cells.iter().map(|cell| std::str::from_utf8(cell).map(String::from).map_err(|_| not_utf8())).collect()
    };
    for separator in [b',', b';', b'\t'] {
        if names(separator)?.iter().any(|name| name == image_column) {
            return Ok(separator);
        }
    }
    for separator in [b'|', b' '] {
        if names(separator)?.iter().any(|name| name == image_column) {
            return Err(NotCsv::Separator(char::from(separator)));
        }
    }
    // Without the column: so that the message about it shows names, not the whole header as one.
    for separator in [b',', b';', b'\t'] {
        if names(separator)?.iter().any(|name| same_word(name, image_column)) {
            return Ok(separator);
        }
    }
    let mut most = (b',', names(b',')?.len());
    for separator in [b';', b'\t'] {
        let count = names(separator)?.len();
        if count > most.1 {
            most = (separator, count);
        }
    }
    Ok(most.0)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let rest = &bytes[start..];
    &rest[..rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len())]
}

/// The line where a quotation mark is opened that is never closed.
fn open_quote(bytes: &[u8], separator: u8) -> Option<usize> {
    let (mut opened, mut starts_cell) = (None, true);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if opened.is_some() {
            match byte {
                b'"' if bytes.get(at + 1) == Some(&b'"') => at += 1, // a doubled mark stands for itself
                b'"' => opened = None,
                _ => {}
            }
        } else if byte == b'"' && starts_cell {
            opened = Some(at);
        }
        starts_cell = opened.is_none() && (byte == separator || matches!(byte, b'\r' | b'\n'));
        at += 1;
    }
    opened.map(|at| line_of(bytes, at))
}

/// The line of a byte as an editor counts it, from 1.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + crate::csv_lines::line_ends(&bytes[..at])
}

/// Bytes as the older programs of Windows meant them.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

impl std::error::Error for NotCsv {}

impl fmt::Display for NotCsv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "is empty; it needs a header and a row per image"),
            Self::Folder => write!(
                f,
                "is a folder; name the CSV file in it. A folder of images per class is `[data.folder]` in a configuration"
            ),
            Self::Other(kind) => write!(f, "is no CSV: it seems to be {kind}; {SAVE_AS}"),
            Self::BrokenUtf16 => write!(f, "begins as UTF-16 but is damaged or cut short; copy it again, or {SAVE_AS}"),
            Self::Utf16WithoutMark => write!(f, "seems to be UTF-16 without the mark that says so; {SAVE_AS}"),
            Self::ZeroBytes { line } => {
                write!(f, "line {line} holds zero bytes, so it is damaged or no text; copy it again, or {SAVE_AS}")
            }
            Self::HeaderNotUtf8 { header } => {
                write!(f, "is not UTF-8; it seems to be Latin-1 or Windows-1252, with the header `{header}`; {SAVE_AS}")
            }
            Self::Separator('|') => {
                write!(f, "is separated by `|`, which joins the labels of an image here; {SAVE_AS}")
            }
            Self::Separator(separator) => write!(f, "is separated by `{separator}`; {SAVE_AS}"),
            Self::SeparatorLine(line) => {
                write!(f, "line 1 is `{line}`, a note to Excel; remove it, so that the header comes first")
            }
            Self::OpenQuote { line } => write!(
                f,
                "line {line} opens a quotation mark `\"` that is never closed, so all that follows would be one cell; \
                 close it, or remove it"
            ),
        }
    }
}
