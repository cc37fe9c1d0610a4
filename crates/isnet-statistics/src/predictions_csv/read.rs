//! `predictions.csv`, read back: of this program or of any other that writes the same columns.

mod decisions;
mod number;
mod task;

use std::collections::BTreeMap;
use std::path::Path;

use isnet_data::{CsvLines, CsvText, NotCsv};
use number::{decimals, probability, share};
use task::{check, infer};

use super::columns::Columns;
use super::one_line;
use crate::StatisticsError;
use crate::{Predictions, Task};

/// Reads the predictions of a run folder: its `predictions.csv`, whose task stands in the `metrics.json` that was written with it.
///
/// # Errors
/// As [`load`].
pub fn load_run(folder: &Path) -> Result<Predictions, StatisticsError> {
    let metrics = std::fs::read(folder.join("metrics.json")).unwrap_or_default();
    let metrics: serde_json::Value = serde_json::from_slice(&metrics).unwrap_or_default();
    let task = metrics["multi_label"].as_bool().map(|multi| if multi { Task::Multi } else { Task::Single });
    load(&folder.join("predictions.csv"), task)
}

/// Reads predictions from a file.
///
/// | column | what it holds |
/// |---|---|
/// | `id`, `label` | needed; the label is the name of a class, several are joined by `\|` |
/// | `p_<class>` | needed for each class: its probability, from 0 to 1. Where no column is called so, `prob_<class>` or `probability_<class>` |
/// | `predicted` | the decision; an empty cell: none of its own (single-label), no label (multi-label) |
/// | `patient`, `patient_id`, `subject`, `subject_id`, `group` | samples that are not independent. Several of these columns have to agree |
/// | `source`, `split` | where the sample comes from; `all` if there is no column `split` |
/// | `background_share` | share of the relevance on the background |
/// | any other | kept in [`Predictions::attributes`], line breaks as spaces |
///
/// Names of columns count without capitals, blanks, `_` and `-`, but for those of the classes. Cells are separated by commas, semicolons or
/// tabs, the text is UTF-8, or UTF-16 with its mark: the rule for manifests ([`CsvText::parse`]). `0,75` is read as 0.75.
///
/// The task is that of the caller, or what the table says beyond doubt: single-label if the probabilities of
/// every row sum to 1 (but for rounding) and no row has several labels, multi-label if those of no row do and a row has several labels or none.
///
/// The decisions in `predicted` are those that are scored, whatever the probabilities say ([`Predictions::decided`]). For a multi-label task
/// the thresholds are read off them where there are some that explain all: each the lowest probability that was called positive.
///
/// # Errors
/// [`StatisticsError::PredictionsFile`] with file, line and value: a file that is no table, a column or number that is missing, a label
/// that has no column, a number that is no probability, an id that is there twice, a row that does not fit the task.
///
/// # Example
/// ```
/// # use isnet_statistics::{Task, predictions_csv};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("predictions.csv");
/// std::fs::write(&path, "ID;Patient;label;predicted;prob_healthy;prob_ill;sex\n7;p1;ill;ill;0,65;0,35;f\n")?;
/// let predictions = predictions_csv::load(&path, None)?;
/// assert_eq!((predictions.task, predictions.groups[0].as_str()), (Task::Single, "p1"));
/// assert_eq!(predictions.probabilities[0], [0.65, 0.35]);
/// assert_eq!(predictions.predicted(0), [1]); // as the table says, though `healthy` is more probable
/// assert_eq!(predictions.attributes["sex"], ["f"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load(path: &Path, task: Option<Task>) -> Result<Predictions, StatisticsError> {
    let wrong = |line: usize, what: String| StatisticsError::PredictionsFile { path: path.to_owned(), line, what };
    let bytes = std::fs::read(path).map_err(|error| wrong(0, format!("it cannot be read: {error}")))?;
    let text = CsvText::parse(bytes, "id").map_err(|seems| wrong(0, no_table(&seems)))?;
    let (columns, rows) = table(&text).map_err(|(line, what)| wrong(line, what))?;
    check_ids(&rows).map_err(|(line, what)| wrong(line, what))?;
    let task = match task {
        Some(task) => task,
        None => infer(&rows).map_err(|what| wrong(0, what))?,
    };
    check(&rows, task).map_err(|(line, what)| wrong(line, what))?;
    let mut predictions = Predictions::new(columns.classes.clone(), task);
    for row in &rows {
        predictions.push(&row.id, &row.source, &row.split, &row.labels, &row.probabilities);
    }
    predictions.groups = rows.iter().map(|row| row.group.clone()).collect();
    predictions.background_share = rows.iter().map(|row| row.background_share).collect();
    for (place, &column) in columns.attributes.iter().enumerate() {
        let values = rows.iter().map(|row| row.attributes[place].clone()).collect();
        predictions.attributes.insert(columns.names[column].clone(), values);
    }
    decisions::keep(&mut predictions, &rows);
    predictions.check()?;
    Ok(predictions)
}

/// What a file is that is no table, as a sentence about it.
fn no_table(seems: &NotCsv) -> String {
    match seems {
        NotCsv::OpenQuote { .. } | NotCsv::ZeroBytes { .. } | NotCsv::SeparatorLine(_) => seems.to_string(),
        _ => format!("it {seems}"),
    }
}

/// The columns and all rows of a table, or the line of the first that is wrong.
fn table(text: &CsvText) -> Result<(Columns, Vec<Row>), (usize, String)> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).delimiter(text.separator).from_reader(text.bytes.as_slice());
    let mut lines = CsvLines::new(&text.bytes);
    // Bytes in memory, rows of any length: no case is known in which the reader fails.
    let damaged = |line: usize| (line, "the row cannot be read as cells; copy the file again".to_owned());
    let header = reader.byte_headers().map_err(|_| damaged(1))?.clone();
    let of_header = |what: String| (1, what);
    let names = cells(&header).map_err(of_header)?.into_iter().map(str::to_owned).collect();
    let columns = Columns::find(names).map_err(of_header)?;
    let mut rows = Vec::new();
    let mut record = csv::ByteRecord::new();
    loop {
        let line = lines.line_at(reader.position().byte() as usize);
        if !reader.read_byte_record(&mut record).map_err(|_| damaged(line))? {
            return Ok((columns, rows));
        }
        let line = lines.line_at(record.position().map_or(0, |position| position.byte() as usize));
        let row = cells(&record).and_then(|cells| Row::read(&columns, line, &cells, text.separator));
        rows.push(row.map_err(|what| (line, what))?);
    }
}

/// The cells of a row, without blanks around them.
fn cells(record: &csv::ByteRecord) -> Result<Vec<&str>, String> {
    let utf8 = |cell| {
        std::str::from_utf8(cell).map(str::trim).map_err(|_| {
            let latin1: String = cell.iter().map(|&byte| char::from(byte)).collect();
            format!("the row is not UTF-8 (as Latin-1 it has the cell `{latin1}`); save the table as UTF-8")
        })
    };
    record.iter().map(utf8).collect()
}

struct Row {
    line: usize,
    id: String,
    source: String,
    split: String,
    group: String,
    labels: Vec<usize>,
    /// What the column says; `None` without it.
    predicted: Option<Vec<usize>>,
    probabilities: Vec<f64>,
    background_share: Option<f64>,
    /// In the order of [`Columns::attributes`].
    attributes: Vec<String>,
    /// Digits behind the point of its largest probability, as written.
    decimals: i32,
}

impl Row {
    fn read(columns: &Columns, line: usize, cells: &[&str], separator: u8) -> Result<Self, String> {
        check_cells(columns, cells, separator)?;
        let id = cells[columns.id];
        if id.is_empty() {
            return Err("the id is empty; give every row one of its own".to_owned());
        }
        let text = |column: Option<usize>, default: &str| column.map_or(default, |column| cells[column]).to_owned();
        let mut probabilities = Vec::with_capacity(columns.classes.len());
        for (&column, class) in columns.probabilities.iter().zip(&columns.classes) {
            probabilities.push(probability(cells[column], &format!("`{id}`: the probability of `{class}`"))?);
        }
        let of_largest = columns.probabilities.iter().zip(&probabilities).max_by(|one, other| one.1.total_cmp(other.1));
        let background = columns.background_share.map(|column| cells[column]).filter(|cell| !cell.is_empty());
        let decision = |column: usize| classes_of(&columns.classes, cells[column], "prediction");
        Ok(Self {
            line,
            id: id.to_owned(),
            source: text(columns.source, ""),
            split: text(columns.split, "all"),
            group: group(columns, cells)?,
            labels: classes_of(&columns.classes, cells[columns.label], "label")?,
            predicted: columns.predicted.map(decision).transpose()?,
            background_share: background
                .map(|cell| share(cell, &format!("`{id}`: the background share")))
                .transpose()?,
            attributes: columns.attributes.iter().map(|&column| one_line(cells[column])).collect(),
            decimals: of_largest.map_or(0, |(column, _)| decimals(cells[*column])),
            probabilities,
        })
    }
}

/// As many cells as the header has, none of which swallowed a line.
fn check_cells(columns: &Columns, cells: &[&str], separator: u8) -> Result<(), String> {
    let (expected, got) = (columns.names.len(), cells.len());
    if got != expected {
        let word = match separator {
            b';' => "semicolon",
            b'\t' => "tab",
            _ => "comma (also in numbers like `0,75`)",
        };
        return Err(format!(
            "the row has {got} cells, the header {expected}; quote cells that contain a {word}, and give every row all cells"
        ));
    }
    let is_row = |line: &str| line.split(char::from(separator)).count() == expected && expected > 1;
    let swallows = |&column: &usize| {
        let mut others = cells[column].split(['\n', '\r']).skip(1);
        if columns.is_known(column) { others.next().is_some() } else { others.any(is_row) }
    };
    match (0..got).find(swallows) {
        Some(column) => Err(format!(
            "the cell `{}` of this row has a line break; a quotation mark `\"` here or in the rows before is missing or too many",
            columns.names[column]
        )),
        None => Ok(()),
    }
}

/// What the columns of groups say with one voice; an empty cell says nothing.
fn group(columns: &Columns, cells: &[&str]) -> Result<String, String> {
    let mut filled = columns.groups.iter().filter(|column| !cells[**column].is_empty());
    let Some(&first) = filled.next() else { return Ok(String::new()) };
    match filled.find(|&&column| cells[column] != cells[first]) {
        Some(&second) => Err(format!(
            "`{}`: `{}` is `{}` and `{}` is `{}`; keep the column that says which samples are not independent, rename the other",
            cells[columns.id], columns.names[first], cells[first], columns.names[second], cells[second]
        )),
        None => Ok(cells[first].to_owned()),
    }
}

/// The classes that a cell names, sorted.
fn classes_of(classes: &[String], cell: &str, what: &str) -> Result<Vec<usize>, String> {
    let index = |name: &str| {
        let unknown = || format!("the {what} `{name}` is none of the classes `{}`", classes.join("`, `"));
        classes.iter().position(|class| class == name).ok_or_else(unknown)
    };
    let names = cell.split('|').map(str::trim).filter(|name| !name.is_empty());
    let mut found: Vec<usize> = names.map(index).collect::<Result<_, _>>()?;
    found.sort_unstable();
    match found.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("the {what} `{cell}` names `{}` twice", classes[pair[0]])),
        None => Ok(found),
    }
}

/// Each id once in each split.
fn check_ids(rows: &[Row]) -> Result<(), (usize, String)> {
    let mut seen = BTreeMap::new();
    for row in rows {
        if let Some(line) = seen.insert((&row.split, &row.id), row.line) {
            let id = &row.id;
            return Err((row.line, format!("the id `{id}` is already on line {line}; a sample counts once")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions_csv::save;

    fn written(text: &str) -> Result<Predictions, StatisticsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        std::fs::write(&path, text).unwrap();
        load(&path, None)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut predictions = Predictions::new(["hat, red", "glasses"], Task::Multi);
        predictions.push("say \"cheese\".png", "a", "test", &[0, 1], &[0.1, 0.7]);
        predictions.push("none.png", "b", "val", &[], &[0.05, 1e-9]);
        predictions.background_share[1] = Some(0.25);
        predictions.groups[0] = "patient 7".into();
        predictions.thresholds = vec![0.1, 0.5];
        predictions.attributes.insert("sex, as asked".into(), vec!["f".into(), String::new()]);
        predictions.attributes.insert("Age band".into(), vec!["60–69".into(), "70+\nnot sure".into()]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        save(&predictions, &path).unwrap();
        // A line of a cell may look like a row of the table that it is written to: attributes have one line.
        predictions.attributes.insert("Age band".into(), vec!["60–69".into(), "70+ not sure".into()]);
        assert_eq!(load(&path, None).unwrap(), predictions);
        let rows = "id,label,p_a,p_b,seen\nx,a,1,0,\"x,y,test,,a,a,1,0,,\nq,y,test,,a,a,1,0,,\"\n";
        std::fs::write(&path, rows).unwrap();
        let found = load(&path, None).unwrap();
        save(&found, &path).unwrap();
        assert_eq!(load(&path, None).unwrap(), found);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let cases = [
            ("id,label,p_a\nx,a,1\ny,c,1\n", "line 3: the label `c` is none of the classes `a`"),
            ("id,label,p_a\nx,a,NaN\n", "line 2: `x`: the probability of `a` is `NaN`, not a finite number"),
            ("id,label,p_a\nx,a,much\n", "line 2: `x`: the probability of `a` is `much`, not a number"),
            ("id,label,p_a,p_b\nx,a,,1\n", "line 2: `x`: the probability of `a` is empty"),
            (
                "id,label,p_a,p_b\r\n\r\nx,a,0,1\r\n\r\ny,a,-3.2,4.1\r\n",
                "line 5: `y`: the probability of `a` is -3.2, which",
            ),
            ("id,label,p_a,p_b\nx,a,0,1\ny,a,0.5,1.5\n", "line 3: `y`: the probability of `b` is 1.5, which"),
            ("id,label\nx,a\n", "line 1: there is no column `p_<class>`"),
            ("name,label,p_a\nx,a,1\n", "line 1: there is no column `id`, only `name`, `label`, `p_a`"),
            ("id,label,p_a,p_a\nx,a,1,1\n", "line 1: there are two columns `p_a`"),
            ("id,label,p_a,p_b\nx,a,1\n", "line 2: the row has 3 cells, the header 4"),
            ("id,label,p_a,p_b\n,a,1,0\n", "line 2: the id is empty"),
            ("id,label,p_a,p_b\nx,a|a,1,0\n", "line 2: the label `a|a` names `a` twice"),
            ("id,label,p_a,p_b\nx,a,1,0\ny,a,1,0\nx,b,0,1\n", "line 4: the id `x` is already on line 2"),
            ("id,label,p_a,p_b,background_share\nx,a,1,0,1.5\n", "the background share is 1.5, which is not"),
        ];
        for (text, expected) in cases {
            let message = written(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn decisions_are_written_and_read_back() {
        for (task, decided) in [(Task::Single, [vec![1], vec![1]]), (Task::Multi, [vec![1], vec![]])] {
            let mut predictions = Predictions::new(["a", "b"], task);
            predictions.push("x", "", "test", &[0], &[0.7, 0.3]);
            predictions.push("y", "", "test", &[1], &[0.1, 0.9]);
            predictions.decided = decided.map(Some).to_vec();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("predictions.csv");
            save(&predictions, &path).unwrap();
            assert_eq!(load(&path, Some(task)).unwrap(), predictions);
        }
    }

    #[test]
    fn a_row_in_a_cell_of_an_attribute_is_a_quotation_mark_too_many() {
        let message = written("id,label,p_a,note\nx,a,1,\"b\ny,a,1,c\"\n").unwrap_err().to_string();
        assert!(message.contains("line 2: the cell `note` of this row has a line break"), "{message}");
    }
}
