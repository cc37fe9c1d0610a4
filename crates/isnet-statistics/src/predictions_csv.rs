//! `predictions.csv`: one line per sample, for a spreadsheet or a statistician.
//!
//! Columns: `id, source, split, group, label, predicted, p_<class>…, background_share`, and one for each of the
//! [attributes](Predictions::attributes). Several labels are joined by `|`, as in the manifest; what is not known is left empty. Numbers are
//! written with the digits that read back to the same number. What else is read than is written here, [`load`] says.

mod columns;
mod read;

use std::io::Write;
use std::path::Path;

use crate::Predictions;
use crate::StatisticsError;
use columns::{KNOWN, is_reserved};

pub use read::{load, load_run};

/// Writes the predictions to a file, replacing what it held, all or nothing.
///
/// # Errors
/// [`StatisticsError::Files`] if the file cannot be written (the old one is intact then), and what [`write()`] raises.
pub fn save(predictions: &Predictions, path: &Path) -> Result<(), StatisticsError> {
    let mut text = Vec::new();
    write(predictions, &mut text)?;
    Ok(isnet_files::atomic::write(path, &text)?)
}

/// Writes the predictions to any destination.
///
/// # Errors
/// What [`Predictions::check`] finds wrong, [`StatisticsError::Setting`] for an attribute whose name would be read as something else,
/// or [`StatisticsError::Csv`] if the destination fails.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, predictions_csv};
/// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
/// predictions.push("a.png", "clinic", "test", &[1], &[0.25, 0.75]);
/// let mut csv = Vec::new();
/// predictions_csv::write(&predictions, &mut csv)?;
/// assert_eq!(
///     String::from_utf8_lossy(&csv),
///     "id,source,split,group,label,predicted,p_healthy,p_ill,background_share\n\
///      a.png,clinic,test,,ill,ill,0.25,0.75,\n",
/// );
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn write(predictions: &Predictions, destination: impl Write) -> Result<(), StatisticsError> {
    predictions.check()?;
    check_names(predictions)?;
    let mut csv = csv::Writer::from_writer(destination);
    let columns = ["id", "source", "split", "group", "label", "predicted"].map(str::to_owned);
    let probabilities = predictions.classes.iter().map(|class| format!("p_{class}"));
    let attributes = predictions.attributes.keys().cloned();
    csv.write_record(
        columns.into_iter().chain(probabilities).chain(["background_share".to_owned()]).chain(attributes),
    )?;
    for sample in 0..predictions.len() {
        let mut record = vec![
            predictions.ids[sample].clone(),
            predictions.sources[sample].clone(),
            predictions.splits[sample].clone(),
            predictions.groups[sample].clone(),
            names(predictions, &predictions.labels[sample]),
            names(predictions, &predictions.predicted(sample)),
        ];
        record.extend(predictions.probabilities[sample].iter().map(f64::to_string));
        record.push(predictions.background_share[sample].map_or_else(String::new, |share| share.to_string()));
        record.extend(predictions.attributes.values().map(|values| one_line(&values[sample])));
        csv.write_record(record)?;
    }
    csv.flush().map_err(csv::Error::from)?;
    Ok(())
}

/// An attribute in one line: a cell of several may look like rows of the table that it is written to.
fn one_line(value: &str) -> String {
    value.replace("\r\n", " ").replace(['\r', '\n'], " ")
}

/// Names of attributes that are read back as such.
fn check_names(predictions: &Predictions) -> Result<(), StatisticsError> {
    let is_lost = |name: &&String| {
        is_reserved(name) || name.is_empty() || name.trim() != name.as_str() || name.contains(['\n', '\r'])
    };
    match predictions.attributes.keys().find(is_lost) {
        Some(name) => Err(StatisticsError::Setting {
            setting: "attributes",
            expected: format!(
                "named in one line, and otherwise than `{}`, `p_…` and the columns of groups such as `patient`",
                KNOWN.join("`, `")
            ),
            got: format!("`{name}`"),
        }),
        None => Ok(()),
    }
}

fn names(predictions: &Predictions, class_indices: &[usize]) -> String {
    let names: Vec<&str> = class_indices.iter().map(|&class_idx| predictions.classes[class_idx].as_str()).collect();
    names.join("|")
}

#[cfg(test)]
mod tests {
    use super::{save, write};
    use crate::StatisticsError;
    use crate::{Predictions, Task};

    #[test]
    fn awkward_names_several_labels_and_gaps_survive() {
        let mut predictions = Predictions::new(["hat, red", "glasses"], Task::Multi);
        predictions.push("say \"cheese\".png", "a", "test", &[0, 1], &[0.1, 0.5]);
        predictions.push("none.png", "a", "test", &[], &[0.125, 1e-9]);
        predictions.background_share[1] = Some(0.5);
        predictions.attributes.insert("age".to_owned(), vec!["7".to_owned(), String::new()]);
        let mut csv = Vec::new();
        write(&predictions, &mut csv).unwrap();
        expect_test::expect![[r#"
            id,source,split,group,label,predicted,"p_hat, red",p_glasses,background_share,age
            "say ""cheese"".png",a,test,,"hat, red|glasses",glasses,0.1,0.5,,7
            none.png,a,test,,,,0.125,0.000000001,0.5,
        "#]]
        .assert_eq(&String::from_utf8(csv).unwrap());
    }

    #[test]
    fn an_attribute_with_the_name_of_another_column_is_named() {
        for name in ["label", "Patient ID", "p_a", " age", "", "a\nb"] {
            let mut predictions = Predictions::new(["a"], Task::Multi);
            predictions.attributes.insert(name.to_owned(), Vec::new());
            let message = write(&predictions, Vec::new()).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("`attributes` is `{name}`; it must be named in one line")),
                "{message}"
            );
        }
    }

    #[test]
    fn an_absent_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent").join("predictions.csv");
        let error = save(&Predictions::new(["one"], Task::Single), &path).unwrap_err();
        assert!(matches!(&error, StatisticsError::Files(_)));
        assert!(error.to_string().contains("absent/predictions.csv"));
    }
}
