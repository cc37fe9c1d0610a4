//! `predictions.csv`: one line per sample, for a spreadsheet or a statistician.
//!
//! Columns: `id, source, split, group, label, predicted, p_<class>…, background_share`. Several labels are
//! joined by `|`, as in the manifest; what is not known is left empty. Numbers are written with the digits
//! that read back to the same number.

mod read;

use std::io::Write;
use std::path::Path;

use crate::Predictions;
use crate::StatisticsError;

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
/// What [`Predictions::check`] finds wrong, or [`StatisticsError::Csv`] if the destination fails.
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
    let mut csv = csv::Writer::from_writer(destination);
    let columns = ["id", "source", "split", "group", "label", "predicted"].map(str::to_owned);
    let probabilities = predictions.classes.iter().map(|class| format!("p_{class}"));
    csv.write_record(columns.into_iter().chain(probabilities).chain(["background_share".to_owned()]))?;
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
        csv.write_record(record)?;
    }
    csv.flush().map_err(csv::Error::from)?;
    Ok(())
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
        let mut csv = Vec::new();
        write(&predictions, &mut csv).unwrap();
        expect_test::expect![[r#"
            id,source,split,group,label,predicted,"p_hat, red",p_glasses,background_share
            "say ""cheese"".png",a,test,,"hat, red|glasses",glasses,0.1,0.5,
            none.png,a,test,,,,0.125,0.000000001,0.5
        "#]]
        .assert_eq(&String::from_utf8(csv).unwrap());
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
