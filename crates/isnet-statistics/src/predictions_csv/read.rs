//! `predictions.csv`, read back: of this program or of any other that writes the same columns.

mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use isnet_data::CsvLines;
use task::{check, infer};

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
/// Needed are `id`, `label` and a column `p_<class>` for each class; `source`, `split` (`all` if there is none), `group`,
/// `predicted` and `background_share` may be absent. Probabilities lie between 0 and 1.
///
/// The task is that of the caller, or what the table says beyond doubt (see [`task`](self)): single-label if the probabilities of
/// every row sum to 1 and no row has several labels, multi-label if those of no row do and a row has several labels or none.
/// The decisions in `predicted` stay as they are: in a single-label task they must be the most probable class, for a multi-label task the
/// thresholds are read off them, each the lowest probability that was called positive.
///
/// # Errors
/// [`StatisticsError::PredictionsFile`] with file, line and value: a column or number that is missing, a label that has no column, a
/// number that is no probability, an id that is there twice, a row that does not fit the task, decisions that nothing explains.
pub fn load(path: &Path, task: Option<Task>) -> Result<Predictions, StatisticsError> {
    let wrong = |line: usize, what: String| StatisticsError::PredictionsFile { path: path.to_owned(), line, what };
    let bytes = std::fs::read(path).map_err(|error| wrong(0, format!("it cannot be read: {error}")))?;
    if matches!(bytes.as_slice(), [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
        return Err(wrong(0, "it is UTF-16; save it as UTF-8".to_owned()));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|error| wrong(1, plain(&error)))?.clone();
    let columns = Columns::find(&header).map_err(|what| wrong(1, what))?;
    let mut rows: Vec<Row> = Vec::new();
    let mut lines = CsvLines::new(bytes);
    for cells in reader.records() {
        let start = |position: Option<&csv::Position>| position.map_or(0, |it| it.byte() as usize);
        let cells = cells.map_err(|error| wrong(lines.line_at(start(error.position())), plain(&error)))?;
        let line = lines.line_at(start(cells.position()));
        rows.push(columns.row(line, &cells).map_err(|what| wrong(line, what))?);
    }
    check_ids(&rows).map_err(|(line, what)| wrong(line, what))?;
    let task = match task {
        Some(task) => task,
        None => infer(&rows).map_err(|what| wrong(0, what))?,
    };
    check(&rows, task, &columns.classes).map_err(|(line, what)| wrong(line, what))?;
    let mut predictions = Predictions::new(columns.classes.clone(), task);
    for row in &rows {
        predictions.push(&row.id, &row.source, &row.split, &row.labels, &row.probabilities);
        predictions.groups.pop();
        predictions.groups.push(row.group.clone());
        predictions.background_share.pop();
        predictions.background_share.push(row.background_share);
    }
    if task == Task::Multi {
        let decided: Vec<&Vec<usize>> = rows.iter().filter_map(|row| row.predicted.as_ref()).collect();
        if decided.len() == rows.len() && !rows.is_empty() {
            predictions.thresholds = thresholds(&predictions, &decided).map_err(|what| wrong(0, what))?;
        }
    }
    predictions.check()?;
    Ok(predictions)
}

/// What the CSV reader found wrong, in words.
fn plain(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8; save the table as UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// Where the columns stand.
struct Columns {
    id: usize,
    label: usize,
    source: Option<usize>,
    split: Option<usize>,
    group: Option<usize>,
    predicted: Option<usize>,
    background_share: Option<usize>,
    classes: Vec<String>,
    probabilities: Vec<usize>,
    /// Cells of every row.
    columns: usize,
}

struct Row {
    line: usize,
    id: String,
    source: String,
    split: String,
    group: String,
    labels: Vec<usize>,
    predicted: Option<Vec<usize>>,
    probabilities: Vec<f64>,
    background_share: Option<f64>,
    /// Digits behind the point of its largest probability, as written.
    decimals: i32,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Result<Self, String> {
        if let Some(separator) =
            [(';', "`;`"), ('\t', "tabs")].iter().find(|(it, _)| header.len() == 1 && header[0].contains(*it))
        {
            return Err(format!("its columns are separated by {}; save it with commas", separator.1));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = header.iter().find(|name| !name.is_empty() && !seen.insert(*name)) {
            return Err(format!("there are two columns `{twice}`; keep one"));
        }
        let find = |name: &str| header.iter().position(|column| column == name);
        let need = |name: &str| {
            let known = header.iter().collect::<Vec<_>>().join("`, `");
            find(name).ok_or_else(|| format!("there is no column `{name}`, only `{known}`"))
        };
        let classes: Vec<(usize, String)> = header
            .iter()
            .enumerate()
            .filter_map(|(column, name)| Some((column, name.strip_prefix("p_")?.to_owned())))
            .collect();
        if classes.is_empty() {
            return Err("there is no column `p_<class>` with the probabilities of a class".to_owned());
        }
        Ok(Self {
            columns: header.len(),
            id: need("id")?,
            label: need("label")?,
            source: find("source"),
            split: find("split"),
            group: find("group"),
            predicted: find("predicted"),
            background_share: find("background_share"),
            probabilities: classes.iter().map(|(column, _)| *column).collect(),
            classes: classes.into_iter().map(|(_, name)| name).collect(),
        })
    }

    fn row(&self, line: usize, cells: &csv::StringRecord) -> Result<Row, String> {
        let columns = self.columns;
        if cells.len() != columns {
            return Err(format!("this row has {} cells, the header {columns}", cells.len()));
        }
        let id = cells[self.id].to_owned();
        if id.is_empty() {
            return Err("the id is empty; give every row one of its own".to_owned());
        }
        let text = |column: Option<usize>, default: &str| column.map_or(default, |column| &cells[column]).to_owned();
        let mut probabilities = Vec::with_capacity(self.classes.len());
        for (&column, class) in self.probabilities.iter().zip(&self.classes) {
            probabilities.push(probability(&cells[column], &format!("`{id}`: the probability of `{class}`"))?);
        }
        let share = self.background_share.map(|column| &cells[column]).filter(|cell| !cell.is_empty());
        let of_largest = self.probabilities.iter().zip(&probabilities).max_by(|one, other| one.1.total_cmp(other.1));
        Ok(Row {
            line,
            source: text(self.source, ""),
            split: text(self.split, "all"),
            group: text(self.group, ""),
            labels: self.classes_of(&cells[self.label], "label")?,
            predicted: self.predicted.map(|column| self.classes_of(&cells[column], "prediction")).transpose()?,
            background_share: share
                .map(|cell| probability(cell, &format!("`{id}`: the background share")))
                .transpose()?,
            decimals: of_largest.map_or(0, |(column, _)| decimals(&cells[*column])),
            probabilities,
            id,
        })
    }

    fn classes_of(&self, cell: &str, what: &str) -> Result<Vec<usize>, String> {
        let index = |name: &str| {
            let known = || format!("the {what} `{name}` is none of the classes `{}`", self.classes.join("`, `"));
            self.classes.iter().position(|class| class == name).ok_or_else(known)
        };
        let names = cell.split('|').map(str::trim).filter(|name| !name.is_empty());
        let found: Vec<usize> = names.map(index).collect::<Result<_, _>>()?;
        match (1..found.len()).find(|place| found[..*place].contains(&found[*place])) {
            Some(place) => Err(format!("the {what} `{cell}` names `{}` twice", self.classes[found[place]])),
            None => Ok(found),
        }
    }
}

/// A number from 0 to 1; what single precision adds to 1 is taken off again.
fn probability(cell: &str, what: &str) -> Result<f64, String> {
    const ROUNDING: f64 = 1e-6;
    let found = match cell.parse::<f64>() {
        _ if cell.is_empty() => return Err(format!("{what} is empty")),
        Err(_) => return Err(format!("{what} is `{cell}`, not a number")),
        Ok(value) if !value.is_finite() => return Err(format!("{what} is `{cell}`, not a finite number")),
        Ok(value) => value,
    };
    if !(-ROUNDING..=1.0 + ROUNDING).contains(&found) {
        return Err(format!(
            "{what} is {cell}, which is not between 0 and 1; if these are logits, write their softmax (one class of several) or \
             their sigmoid (labels of their own)"
        ));
    }
    Ok(found.clamp(0.0, 1.0))
}

/// How many digits a number has behind the point, written out without an exponent.
fn decimals(cell: &str) -> i32 {
    let (mantissa, exponent) = cell.split_once(['e', 'E']).unwrap_or((cell, "0"));
    let digits = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len());
    let digits = i32::try_from(digits).unwrap_or(i32::MAX);
    digits.saturating_sub(exponent.parse().unwrap_or(0)).max(0)
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

/// For each label the lowest probability that was called positive, above all that were not.
fn thresholds(predictions: &Predictions, decided: &[&Vec<usize>]) -> Result<Vec<f64>, String> {
    let threshold = |class_idx: usize| {
        let (mut lowest_called, mut highest_not) = (f64::INFINITY, f64::NEG_INFINITY);
        for (row, called) in predictions.probabilities.iter().zip(decided) {
            if called.contains(&class_idx) {
                lowest_called = lowest_called.min(row[class_idx]);
            } else {
                highest_not = highest_not.max(row[class_idx]);
            }
        }
        if highest_not < 0.5 && 0.5 <= lowest_called {
            return Ok(0.5); // the usual one explains them
        }
        if lowest_called <= highest_not {
            let class = &predictions.classes[class_idx];
            return Err(format!(
                "`{class}` is predicted at probability {lowest_called} and not at {highest_not}, which no threshold explains"
            ));
        }
        Ok(lowest_called)
    };
    (0..predictions.classes.len()).map(threshold).collect()
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
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        save(&predictions, &path).unwrap();
        assert_eq!(load(&path, None).unwrap(), predictions);
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
            ("id;label;p_a\nx;a;1\n", "line 1: its columns are separated by `;`; save it with commas"),
            ("id,label,p_a,p_a\nx,a,1,1\n", "line 1: there are two columns `p_a`"),
            ("id,label,p_a,p_b\nx,a,1\n", "line 2: this row has 3 cells, the header 4"),
            ("id,label,p_a,p_b\n,a,1,0\n", "line 2: the id is empty"),
            ("id,label,p_a,p_b\nx,a|a,1,0\n", "line 2: the label `a|a` names `a` twice"),
            ("id,label,p_a,p_b\nx,a,1,0\ny,a,1,0\nx,b,0,1\n", "line 4: the id `x` is already on line 2"),
            ("id,label,p_a,p_b,background_share\nx,a,1,0,1.5\n", "the background share is 1.5, which is not"),
            ("id,label,predicted,p_a\nx,a,a,0.3\ny,,,0.4\n", "which no threshold explains"),
        ];
        for (text, expected) in cases {
            let message = written(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn what_single_precision_adds_to_one_is_no_logit() {
        assert_eq!(probability("1.0000001", "p"), Ok(1.0));
        assert_eq!(["0.25", "1", "2.5e-3", "1e-30", "25e-2"].map(decimals), [2, 0, 4, 30, 2]);
    }
}
