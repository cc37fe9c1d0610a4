//! The task of a table of predictions: stated, or said by every row beyond doubt.
//!
//! The probabilities of one class among others sum to 1, but for what rounding took. Of `K` numbers with `d` digits behind the point
//! each is off by up to half of the last digit, so the sum is by up to `K·½·10^−d`; `d` is that of the largest number of a row, where
//! trailing zeros are most often cut off, at its most in the table.

use super::Row;
use crate::Task;

/// How far the sum of unrounded probabilities may be from 1: what half precision loses.
const UNROUNDED: f64 = 1e-3;
/// Farther from 1 than that, a sum says nothing about the task.
const TELLING: f64 = 0.1;

/// The task that every row says, or why it is in doubt.
pub(crate) fn infer(rows: &[Row]) -> Result<Task, String> {
    const ASK: &str =
        "say which it is with `--task single` (one class is right) or `--task multi` (each label by itself)";
    let tolerance = tolerance(rows).min(TELLING);
    let sums = |row: &&Row| (sum(row) - 1.0).abs() <= tolerance;
    let several = rows.iter().find(|row| row.labels.len() > 1);
    let count = rows.iter().filter(sums).count();
    if rows.first().is_some_and(|row| row.probabilities.len() == 1) {
        return Ok(Task::Multi); // one class is none among others
    }
    match (count, several) {
        (n, None) if n == rows.len() => Ok(Task::Single),
        (n, Some(row)) if n == rows.len() => Err(format!(
            "the probabilities of every row sum to 1, as of one class among others, but line {} (`{}`) has {} labels; {ASK}",
            row.line,
            row.id,
            row.labels.len()
        )),
        (0, _) if rows.iter().any(|row| row.labels.len() != 1) => Ok(Task::Multi),
        (n, _) => {
            let other = rows.iter().find(|row| !sums(row)).map_or_else(String::new, |row| {
                format!("those of line {} (`{}`) to {}", row.line, row.id, rounded(sum(row)))
            });
            Err(format!("the probabilities of {n} of {} rows sum to 1, {other}; {ASK}", rows.len()))
        }
    }
}

/// Names the first row that does not fit a task: its line and what is wrong.
pub(crate) fn check(rows: &[Row], task: Task) -> Result<(), (usize, String)> {
    if task == Task::Multi {
        return Ok(());
    }
    let tolerance = tolerance(rows);
    for row in rows {
        let wrong = |what: String| Err((row.line, format!("`{}`: {what}", row.id)));
        if row.labels.len() > 1 {
            return wrong(format!("it has {} labels, but one class is right in a single-label task", row.labels.len()));
        }
        if (sum(row) - 1.0).abs() > tolerance {
            let (sum, tolerance) = (rounded(sum(row)), rounded(tolerance));
            return wrong(format!(
                "the probabilities sum to {sum}, but those of one class among others to 1 (±{tolerance} for rounding); write \
                 softmax outputs, or say `--task multi`"
            ));
        }
        if let Some(decided) = row.predicted.as_ref().filter(|decided| decided.len() > 1) {
            return wrong(format!(
                "`predicted` names {} classes, but one is decided on in a single-label task",
                decided.len()
            ));
        }
    }
    Ok(())
}

/// How far from 1 the probabilities of a row may sum after rounding.
fn tolerance(rows: &[Row]) -> f64 {
    let decimals = rows.iter().map(|row| row.decimals).max().unwrap_or(0);
    let classes = rows.first().map_or(0, |row| row.probabilities.len());
    let rounding = if decimals == 0 { 0.0 } else { classes as f64 * 0.5 * 10_f64.powi(-decimals) };
    // A hair more, for the rounding of this sum itself.
    UNROUNDED.max(rounding * 1.001 + 1e-12)
}

fn sum(row: &Row) -> f64 {
    row.probabilities.iter().sum()
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Predictions;
    use crate::StatisticsError;
    use crate::predictions_csv::{load, load_run};

    fn read(text: &str, task: Option<Task>) -> Result<Predictions, StatisticsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        std::fs::write(&path, text).unwrap();
        load(&path, task)
    }

    fn message(text: &str, task: Option<Task>) -> String {
        read(text, task).unwrap_err().to_string()
    }

    #[test]
    fn probabilities_that_sum_to_one_are_of_one_choice() {
        let found = read("id,label,p_a,p_b\nx,a,0.25,0.75\ny,b,0.5,0.5\n", None).unwrap();
        assert_eq!((found.task, found.labels.clone()), (Task::Single, vec![vec![0], vec![1]]));
        assert_eq!(found.splits, ["all", "all"]);
    }

    #[test]
    fn sums_that_are_never_one_with_several_labels_or_none_are_of_many_choices() {
        for labels in ["a|b", ""] {
            let text = format!("id,label,p_a,p_b\nx,{labels},0.75,0.75\ny,b,0.25,0.5\n");
            assert_eq!(read(&text, None).unwrap().task, Task::Multi, "{labels}");
        }
        assert_eq!(read("id,label,p_a\nx,a,1\n", None).unwrap().task, Task::Multi, "one class is none among others");
    }

    #[test]
    fn one_row_does_not_make_a_table_multi_label() {
        let one_off = message("id,label,p_a,p_b\nx,a,0.25,0.75\ny,b,0.75,0.75\n", None);
        assert!(one_off.contains("1 of 2 rows sum to 1, those of line 3 (`y`) to 1.5"), "{one_off}");
        let one_pair = message("id,label,p_a,p_b\nx,a,0.25,0.75\ny,a|b,0.25,0.75\n", None);
        assert!(one_pair.contains("but line 3 (`y`) has 2 labels; say which it is with `--task single`"), "{one_pair}");
        let never = message("id,label,p_a,p_b\nx,a,0.9,0.8\ny,b,0.75,0.75\n", None);
        assert!(never.contains("0 of 2 rows sum to 1"), "{never}");
    }

    #[test]
    fn a_stated_task_holds_for_every_row() {
        let text = "id,label,p_a,p_b\nx,a,0.25,0.75\ny,b,0.7,0.6\n";
        assert_eq!(read(text, Some(Task::Multi)).unwrap().task, Task::Multi);
        let refused = message(text, Some(Task::Single));
        assert!(refused.contains("line 3: `y`: the probabilities sum to 1.3, but"), "{refused}");
        let pair = message("id,label,p_a,p_b\nx,a|b,0.25,0.75\n", Some(Task::Single));
        assert!(pair.contains("line 2: `x`: it has 2 labels"), "{pair}");
    }

    #[test]
    fn rounded_probabilities_are_of_one_choice() {
        // Thirds and sevenths, as `round(p, d)` and `%.3g` write them.
        for row in ["0.33,0.33,0.33", "0.667,0.333,0.001", "0.14,0.43,0.43", "0.333,0.334,0.332", "0.99,0.012,0.0012"] {
            let text = format!("id,label,p_a,p_b,p_c\nx,a,{row}\ny,b,0.5,0.5,0\n");
            assert_eq!(read(&text, None).unwrap().task, Task::Single, "{row}");
        }
        let off = message("id,label,p_a,p_b,p_c\nx,a,0.333,0.333,0.330\n", Some(Task::Single));
        assert!(off.contains("sum to 0.996, but those of one class among others to 1 (±0.0015 for rounding)"), "{off}");
    }

    #[test]
    fn a_run_knows_its_task() {
        let folder = tempfile::tempdir().unwrap();
        let text = "id,label,p_a,p_b\nx,a,0.25,0.75\ny,b,0.75,0.75\n";
        std::fs::write(folder.path().join("predictions.csv"), text).unwrap();
        assert!(load_run(folder.path()).is_err());
        std::fs::write(folder.path().join("metrics.json"), r#"{"multi_label": true}"#).unwrap();
        assert_eq!(load_run(folder.path()).unwrap().task, Task::Multi);
    }
}
