//! NIH ChestX-ray14 (Wang et al. 2017), nihcc.app.box.com/v/ChestXray-NIHCC.
//!
//! `Data_Entry_2017.csv` (or `Data_Entry_2017_v2020.csv`) with findings joined by `|`; images in `images/` or in `images_001/images/` to
//! `images_012/images/`; the official `test_list.txt` and `train_val_list.txt`, which share no patient. `No Finding` becomes
//! the empty set of labels; with `label`, films without a finding are imported alone, as that class. There are no lung masks; name a folder of predicted ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::entry::{Entry, Found, OfficialSplit};
use super::table::{Table, first_of, words};
use super::{ImportSettings, Kind, Request};
use crate::error::{DataError, Result};
use crate::file_problem::FileProblem;

/// What both NIH and CheXpert call a film without one.
const NO_FINDING: &str = "No Finding";

pub(super) const KIND: Kind = Kind {
    name: "nih",
    about: "NIH ChestX-ray14: Data_Entry_2017.csv, images*/, train_val_list.txt, test_list.txt; multi-label",
    recipe: "tuberculosis",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let path = first_of(request.folder, &["Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv"])?;
    let table = Table::read(&path, &mut found.problems)?;
    let (image, findings) = (table.need("Image Index")?, table.need("Finding Labels")?);
    let [patient, age, view] = ["Patient ID", "Patient Age", "View Position"].map(|name| table.find(name));
    let sex = table.find("Patient Gender").or_else(|| table.find("Patient Sex"));
    let files = files(request, found)?;
    let (tests, train_val) = (list(request, "test_list.txt")?, list(request, "train_val_list.txt")?);
    for row in &table.rows {
        let name = row.get(image);
        let Some(file) = files.get(name) else {
            found.problems.push(FileProblem::at(&path, row.line, format!("`{name}` is in no folder `images…`")));
            continue;
        };
        let present: Vec<&str> = row.get(findings).split('|').map(str::trim).collect();
        let Some(label) = label(&present, request.settings) else {
            found.skip("has a finding");
            continue;
        };
        found.entries.push(Entry {
            label,
            split: if tests.contains(name) {
                OfficialSplit::fixed("test")
            } else if train_val.contains(name) {
                OfficialSplit::TrainOrVal
            } else {
                OfficialSplit::Unknown
            },
            patient: format!("nih:{}", row.text(patient)),
            // Early versions write `058Y`.
            age: row.text(age).trim_end_matches('Y').trim_start_matches('0').to_owned(),
            sex: row.text(sex),
            view: row.text(view),
            finding: row.get(findings).into(),
            list: path.clone(),
            line: row.line,
            ..found.entry(file)
        });
    }
    Ok(())
}

/// The findings that are asked for (all, if none is named), joined by `|`. Where all images are to be one class, that one for films
/// without a finding and `None` for others.
pub(super) fn label(present: &[&str], settings: &ImportSettings) -> Option<String> {
    if let Some(label) = &settings.label {
        return present.contains(&NO_FINDING).then(|| label.clone());
    }
    let labels = &settings.labels;
    let is_kept =
        |finding: &&str| *finding != NO_FINDING && (labels.is_empty() || labels.iter().any(|label| label == finding));
    Some(present.iter().copied().filter(is_kept).collect::<Vec<_>>().join("|"))
}

/// All images by name, from the folders `images…`.
fn files(request: &Request, found: &mut Found) -> Result<BTreeMap<String, PathBuf>> {
    let is_of_images =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("images"));
    let mut files = BTreeMap::new();
    for folder in found.folders_in(request.folder)?.into_iter().filter(is_of_images) {
        for path in found.images_below(&folder)? {
            files.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path);
        }
    }
    match files.is_empty() {
        true => Err(DataError::Layout {
            folder: request.folder.to_path_buf(),
            what: "images in folders `images…`".into(),
        }),
        false => Ok(files),
    }
}

fn list(request: &Request, name: &str) -> Result<BTreeSet<String>> {
    let path = request.folder.join(name);
    if !path.exists() {
        return Ok(BTreeSet::new());
    }
    Ok(words(&path)?.into_iter().flat_map(|(_, words)| words).collect())
}

#[cfg(test)]
mod tests {
    use super::super::ImportSettings;
    use super::super::tests::Replica;

    fn replica() -> Replica {
        let replica = Replica::new("nih");
        replica.write(
            "Data_Entry_2017.csv",
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n\
             00000001_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA,2682,2749,0.143,0.143,\n\
             00000002_000.png,No Finding,0,2,81,F,AP,2500,2048,0.171,0.171,\n\
             00000003_000.png,Hernia,0,3,40,F,PA,2500,2048,0.168,0.168,\n\
             00000004_000.png,Hernia,0,4,40,F,PA,2500,2048,0.168,0.168,\n",
        );
        replica.picture("images_001/images/00000001_000.png", 8, 8);
        replica.picture("images_001/images/00000002_000.png", 8, 8);
        replica.picture("images_002/images/00000003_000.png", 8, 8);
        replica.write("train_val_list.txt", "00000001_000.png\n00000003_000.png\n");
        replica.write("test_list.txt", "00000002_000.png\n");
        replica
    }

    #[test]
    fn findings_are_labels_and_lists_are_splits() {
        let imported = replica().import();
        let expected =
            [("00000001_000.png", "Cardiomegaly|Emphysema"), ("00000002_000.png", ""), ("00000003_000.png", "Hernia")];
        assert_eq!(imported.labels(), expected);
        let row = imported.row("00000001_000.png");
        let cells = ["split", "patient", "age", "sex", "view"].map(|column| row[column].as_str());
        assert_eq!(cells, ["train", "nih:1", "58", "M", "PA"]);
        assert_eq!(imported.row("00000002_000.png")["split"], "test");
        assert_eq!(imported.problem(0), (5, "`00000004_000.png` is in no folder `images…`"));
    }

    #[test]
    fn labels_can_be_chosen() {
        let settings = ImportSettings { labels: vec!["Emphysema".into()], ..ImportSettings::default() };
        let imported = replica().import_with(&settings);
        assert_eq!(imported.row("00000001_000.png")["label"], "Emphysema");
        assert_eq!(imported.row("00000003_000.png")["label"], "");
        let settings = ImportSettings { label: Some("normal".into()), ..ImportSettings::default() };
        assert_eq!(replica().import_with(&settings).labels(), [("00000002_000.png", "normal")]);
    }
}
