//! Manifests in every form and with every kind of damage: read rightly, or refused with a reason.
//!
//! `ISNET_FUZZ_CASES` is the number of tables (300 by default), `ISNET_FUZZ_SEED` the first seed (0). A failure names its seed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use isnet_data::rng::stream;
use isnet_data::{CheckOptions, DataError, Goal, Manifest, ManifestOptions, Task, check_rows};
use rand::Rng;
use rand::seq::IndexedRandom;

/// Keys of the draws.
const TABLE: u64 = 1;
const FORM: u64 = 2;
const DAMAGE: u64 = 3;

const COLUMNS: [&str; 9] = ["image", "mask", "label", "source", "split", "patient", "note", "age", "Größe"];

/// Cells that have misled readers: blanks, quotes, separators, accents in two forms, what looks like other things.
const CELLS: [&str; 30] = [
    "",
    "a.png",
    "b/c.png",
    "cat",
    "dog",
    "Cat",
    "cat ",
    "cat\u{a0}",
    "cat|dog",
    "|",
    "0",
    "0.0",
    "1,5",
    "1;5",
    "a\tb",
    "x \"y\" z",
    "\"",
    "caf\u{e9}",
    "cafe\u{301}",
    "train",
    "val",
    "valid",
    "Test",
    "nan",
    "../a.png",
    "C:\\a.png",
    "~",
    "=1+1",
    "#",
    "sep=;",
];

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn seeds() -> std::ops::Range<u64> {
    let first = number("ISNET_FUZZ_SEED", 0);
    first..first + number("ISNET_FUZZ_CASES", 300)
}

/// A header and rows of as many cells.
struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, &[TABLE]);
        let mut header = vec!["image"];
        header.extend(COLUMNS[1..].iter().filter(|_| rng.random_bool(0.6)));
        let place = rng.random_range(0..header.len());
        header.swap(0, place);
        let mut cell = |column: &str| match column {
            "image" => format!("{}.png", rng.random_range(0..20)),
            "label" if rng.random_bool(0.8) => ["cat", "dog", "bird"].choose(&mut rng).unwrap().to_string(),
            "split" if rng.random_bool(0.8) => ["train", "val", "test"].choose(&mut rng).unwrap().to_string(),
            _ => CELLS.choose(&mut rng).unwrap().to_string(),
        };
        let rows = (0..20).map(|_| header.iter().map(|column| cell(column)).collect()).collect();
        let mut table = Self { header, rows };
        table.rows.truncate(stream(seed, &[TABLE, 1]).random_range(1..20));
        table
    }
}

/// How a table is written down.
#[derive(Clone, Copy, Debug)]
struct Form {
    separator: char,
    line_end: &'static str,
    quote_all: bool,
    encoding: Encoding,
    blank_lines: bool,
    last_line_end: bool,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Utf8,
    Utf8Mark,
    Utf16Le,
    Utf16Be,
}

const PLAIN: Form = Form {
    separator: ',',
    line_end: "\n",
    quote_all: false,
    encoding: Encoding::Utf8,
    blank_lines: false,
    last_line_end: true,
};

impl Form {
    fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, &[FORM]);
        let encodings = [Encoding::Utf8, Encoding::Utf8Mark, Encoding::Utf16Le, Encoding::Utf16Be];
        Self {
            separator: *[',', ';', '\t'].choose(&mut rng).unwrap(),
            line_end: ["\n", "\r\n", "\r"].choose(&mut rng).unwrap(),
            quote_all: rng.random(),
            encoding: *encodings.choose(&mut rng).unwrap(),
            blank_lines: rng.random(),
            last_line_end: rng.random(),
        }
    }

    fn write(self, table: &Table) -> Vec<u8> {
        let mut text = String::new();
        let header = table.header.iter().map(ToString::to_string).collect();
        for (index, row) in std::iter::once(&header).chain(&table.rows).enumerate() {
            if index > 0 {
                text += self.line_end;
            }
            if index > 1 && self.blank_lines && index % 3 == 0 {
                text += self.line_end;
            }
            let cells: Vec<String> = row.iter().map(|cell| self.cell(cell)).collect();
            text += &cells.join(&self.separator.to_string());
        }
        if self.last_line_end {
            text += self.line_end;
        }
        let marked = format!("\u{feff}{text}");
        match self.encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Utf8Mark => marked.into_bytes(),
            Encoding::Utf16Le => marked.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => marked.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }

    fn cell(self, cell: &str) -> String {
        let is_plain = !cell.contains([self.separator, '"', '\n', '\r']) && !cell.is_empty();
        match self.quote_all || !is_plain {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.to_owned(),
        }
    }
}

/// What a manifest says, without where it stands.
fn said(manifest: &Manifest) -> String {
    let mut text = format!("{:?} {:?}\n", manifest.task, manifest.classes);
    for record in &manifest.records {
        let file = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let files = (file(&record.image), record.mask.as_ref().map(file));
        let words = (&record.source, &record.split, &record.group, &record.extra);
        writeln!(text, "{files:?} {:?} {words:?}", record.label).unwrap();
    }
    for problem in &manifest.problems {
        writeln!(text, "{:?}", problem.kind).unwrap();
    }
    text
}

#[test]
fn a_table_says_the_same_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for seed in seeds() {
        let (table, form) = (Table::draw(seed), Form::draw(seed));
        let read = |form: Form| {
            let path = folder.path().join("m.csv");
            std::fs::write(&path, form.write(&table)).unwrap();
            Manifest::read_lenient(path, &ManifestOptions::default())
        };
        let plain = read(PLAIN).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let other = read(form).unwrap_or_else(|error| panic!("seed {seed}, {form:?}: {error}"));
        assert_eq!(said(&plain), said(&other), "seed {seed}, {form:?}");
        assert_eq!(plain.records.len() + plain.problems.len(), table.rows.len(), "seed {seed}");
    }
}

/// Spoils a file: bytes changed, cut, doubled, moved; separators, quotes and marks put in.
fn damaged(mut bytes: Vec<u8>, seed: u64) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"\"",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b"\xFF",
        b"\xEF\xBB\xBF",
        b"\xFF\xFE",
        b"|",
        b"\xE9",
        b"image",
        b"\n\n",
        b"\"\"",
    ];
    let mut rng = stream(seed, &[DAMAGE]);
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=bytes.len());
        let to = rng.random_range(at..=bytes.len().min(at + 30));
        match rng.random_range(0..6) {
            0 => drop(bytes.splice(at..at, PIECES.choose(&mut rng).unwrap().iter().copied())),
            1 => drop(bytes.drain(at..to)),
            2 => bytes.truncate(at),
            3 => {
                let piece = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            4 => bytes[at..to].reverse(),
            _ => bytes[at..to].iter_mut().for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
        }
    }
    bytes
}

/// Rows of a text in UTF-8 after the header, counted by a reader of its own: lines that are not empty, where quoted cells may hold line ends.
fn rows_of(bytes: &[u8], separator: u8) -> usize {
    let (mut rows, mut quoted, mut starts_cell, mut has_cells) = (0, false, true, false);
    for &byte in bytes {
        let ends_line = !quoted && matches!(byte, b'\n' | b'\r');
        match byte {
            b'"' if quoted => quoted = false,
            // A mark right after a closing one doubles it: the cell goes on.
            b'"' if starts_cell => quoted = true,
            _ => {}
        }
        starts_cell = byte == separator || ends_line || (byte == b'"' && !quoted);
        if ends_line {
            rows += usize::from(has_cells);
            has_cells = false;
        } else {
            has_cells = true;
        }
    }
    (rows + usize::from(has_cells)).saturating_sub(1)
}

fn check_reading(path: &Path, bytes: &[u8], task: Option<Task>, place: &str) {
    let options = ManifestOptions { task, ..ManifestOptions::default() };
    let strict = Manifest::read(path, &options);
    let manifest = match Manifest::read_lenient(path, &options) {
        Ok(manifest) => manifest,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("m.csv`"), "{place}: without the file: {text}");
            assert!(!matches!(error, DataError::Csv { .. }), "{place}: words of a library: {text}");
            assert!(strict.is_err(), "{place}");
            return;
        }
    };
    assert_eq!(strict.is_ok(), manifest.problems.is_empty(), "{place}");
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    let at = manifest.records.iter().map(|it| it.line).chain(manifest.problems.iter().map(|it| it.line));
    assert!(at.into_iter().all(|line| (1..=lines).contains(&line)), "{place}: a line that is not there");
    let is_plain = manifest.notes.is_empty() && std::str::from_utf8(bytes).is_ok_and(|text| !text.contains("\"\""));
    if is_plain {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let found = manifest.records.len() + manifest.problems.len();
        assert_eq!(found, rows_of(bytes, b','), "{place}: a row was lost");
    }
    for label in manifest.records.iter().filter_map(|record| record.label.as_ref()) {
        assert!(label.classes().iter().all(|class| *class < manifest.classes.len()), "{place}");
    }
    for goal in [Goal::Classify, Goal::Test] {
        let report =
            check_rows(&manifest, &CheckOptions { goal, validation_split: Some("val".into()), ..Default::default() });
        assert!(report.problems.iter().all(|problem| !problem.message.is_empty()), "{place}");
    }
}

#[test]
fn a_damaged_manifest_is_read_or_refused_and_no_row_is_lost_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.csv");
    for seed in seeds() {
        let form = if seed % 2 == 0 { PLAIN } else { Form::draw(seed) };
        let bytes = damaged(form.write(&Table::draw(seed)), seed);
        std::fs::write(&path, &bytes).unwrap();
        for task in [None, Some(Task::SingleLabel), Some(Task::MultiLabel)] {
            check_reading(&path, &bytes, task, &format!("seed {seed}"));
        }
    }
}
