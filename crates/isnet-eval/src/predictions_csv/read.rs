//! `predictions.csv`, read back: of this program or of any other that writes the same columns.

use std::path::Path;

use crate::EvalError;
use crate::metrics::{Predictions, Task};

/// How far the probabilities of a sample may be from a sum of 1 to be those of one choice.
const SUM_TOLERANCE: f32 = 1e-3;

/// Reads predictions from a file.
///
/// Needed are `id`, `label` and a column `p_<class>` for each class; `source`, `split` (`all` if there is none), `group`,
/// `predicted` and `background_share` may be absent. The task is single-label if the probabilities of every sample sum
/// to 1 and no sample has several labels. The decisions in `predicted` stay as they are: for a multi-label task the
/// thresholds are read off them, each the lowest probability that was called positive.
///
/// # Errors
/// [`EvalError::PredictionsFile`] with file and line: a column or number that is missing, a label that has no column, a
/// number that is not finite, decisions that no threshold explains.
pub fn load(path: &Path) -> Result<Predictions, EvalError> {
    let wrong = |line: usize, what: String| EvalError::PredictionsFile { path: path.to_owned(), line, what };
    let bytes = std::fs::read(path).map_err(|error| wrong(0, format!("it cannot be read: {error}")))?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
    let columns = Columns::find(&header).map_err(|what| wrong(1, what))?;
    let mut rows = Vec::new();
    for (index, cells) in reader.records().enumerate() {
        // The reader counts bytes well and lines badly where they end in CRLF; every row of ours is one line.
        let line = index + 2;
        let cells = cells.map_err(|error| wrong(line, error.to_string()))?;
        rows.push(columns.row(&cells).map_err(|what| wrong(line, what))?);
    }
    let one_choice =
        |row: &Row| row.labels.len() < 2 && (row.probabilities.iter().sum::<f32>() - 1.0).abs() <= SUM_TOLERANCE;
    let task = if rows.iter().all(one_choice) { Task::Single } else { Task::Multi };
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
}

struct Row {
    id: String,
    source: String,
    split: String,
    group: String,
    labels: Vec<usize>,
    predicted: Option<Vec<usize>>,
    probabilities: Vec<f32>,
    background_share: Option<f32>,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Result<Self, String> {
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

    fn row(&self, cells: &csv::StringRecord) -> Result<Row, String> {
        let text = |column: Option<usize>, default: &str| column.map_or(default, |column| &cells[column]).to_owned();
        let number = |column: usize, what: &str| {
            let value: f32 =
                cells[column].parse().map_err(|_| format!("{what} is `{}`, not a number", &cells[column]))?;
            if value.is_finite() {
                Ok(value)
            } else {
                Err(format!("{what} is `{}`, not a finite number", &cells[column]))
            }
        };
        let probabilities = self.probabilities.iter().zip(&self.classes);
        let share = self.background_share.filter(|&column| !cells[column].is_empty());
        Ok(Row {
            id: cells[self.id].to_owned(),
            source: text(self.source, ""),
            split: text(self.split, "all"),
            group: text(self.group, ""),
            labels: self.classes_of(&cells[self.label], "label")?,
            predicted: self.predicted.map(|column| self.classes_of(&cells[column], "prediction")).transpose()?,
            probabilities: probabilities
                .map(|(&column, class)| number(column, &format!("the probability of `{class}`")))
                .collect::<Result<_, _>>()?,
            background_share: share.map(|column| number(column, "the background share")).transpose()?,
        })
    }

    fn classes_of(&self, cell: &str, what: &str) -> Result<Vec<usize>, String> {
        let index = |name: &str| {
            let known = || format!("the {what} `{name}` is none of the classes `{}`", self.classes.join("`, `"));
            self.classes.iter().position(|class| class == name).ok_or_else(known)
        };
        cell.split('|').map(str::trim).filter(|name| !name.is_empty()).map(index).collect()
    }
}

/// For each label the lowest probability that was called positive, above all that were not.
fn thresholds(predictions: &Predictions, decided: &[&Vec<usize>]) -> Result<Vec<f32>, String> {
    let threshold = |class_idx: usize| {
        let (mut lowest_called, mut highest_not) = (f32::INFINITY, f32::NEG_INFINITY);
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

    fn written(text: &str) -> Result<Predictions, EvalError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        std::fs::write(&path, text).unwrap();
        load(&path)
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
        assert_eq!(load(&path).unwrap(), predictions);
    }

    #[test]
    fn probabilities_that_sum_to_one_are_of_one_choice() {
        let found = written("id,label,p_a,p_b\nx,a,0.25,0.75\ny,b,0.5,0.5\n").unwrap();
        assert_eq!((found.task, found.labels.clone()), (Task::Single, vec![vec![0], vec![1]]));
        assert_eq!(found.splits, ["all", "all"]);
        assert_eq!(written("id,label,p_a,p_b\nx,a,0.25,0.25\n").unwrap().task, Task::Multi);
        assert_eq!(written("id,label,p_a,p_b\nx,a|b,0.25,0.75\n").unwrap().task, Task::Multi);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let cases = [
            ("id,label,p_a\nx,a,1\ny,c,1\n", "line 3: the label `c` is none of the classes `a`"),
            ("id,label,p_a\nx,a,NaN\n", "line 2: the probability of `a` is `NaN`, not a finite number"),
            ("id,label,p_a\nx,a,much\n", "line 2: the probability of `a` is `much`, not a number"),
            ("id,label\nx,a\n", "line 1: there is no column `p_<class>`"),
            ("name,label,p_a\nx,a,1\n", "line 1: there is no column `id`, only `name`, `label`, `p_a`"),
            ("id,label,p_a,p_b\nx,a,1\n", "line 2: "),
            ("id,label,predicted,p_a\nx,a,a,0.3\ny,,,0.4\n", "which no threshold explains"),
        ];
        for (text, expected) in cases {
            let message = written(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
