//! CheXpert (Irvin et al. 2019), stanfordmlgroup.github.io/competitions/chexpert.
//!
//! `train.csv`, `valid.csv` and, in later releases, `test.csv`: `Path,Sex,Age,Frontal/Lateral,AP/PA`, then fourteen findings that are 1 (present), 0
//! (absent), −1 (uncertain) or empty (not mentioned). A path starts with the name of the release
//! (`CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg`), which is the folder itself. Lateral views are left
//! out, `No Finding` is the empty set of labels, and an uncertain finding is what the setting `uncertain` says. `valid` is
//! the split `val`. With `label`, films without a finding are imported alone, as that class. There are no lung masks.

use std::path::Path;

use super::entry::{Entry, Found, OfficialSplit};
use super::nih::label;
use super::table::{Column, Row, Table};
use super::{Kind, Request, Uncertain};
use crate::error::Result;
use crate::file_problem::FileProblem;

pub(super) const KIND: Kind = Kind {
    name: "chexpert",
    about: "CheXpert: train.csv, valid.csv, train/, valid/; multi-label; --uncertain says what -1 is",
    recipe: "tuberculosis",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    for (list, split) in [("train.csv", "train"), ("valid.csv", "val"), ("test.csv", "test")] {
        let path = request.folder.join(list);
        if list == "test.csv" && !path.exists() {
            continue;
        }
        read_list(request, &path, split, found)?;
    }
    Ok(())
}

fn read_list(request: &Request, list: &Path, split: &str, found: &mut Found) -> Result<()> {
    let table = Table::read(list, &mut found.problems)?;
    let (path, side) = (table.need("Path")?, table.need("Frontal/Lateral")?);
    let [sex, age, view] = ["Sex", "Age", "AP/PA"].map(|name| table.find(name));
    let described = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA"];
    let findings: Vec<(&str, Column)> = table
        .names()
        .iter()
        .filter(|name| !described.contains(&name.as_str()))
        .filter_map(|name| Some((name.as_str(), table.find(name)?)))
        .collect();
    for row in &table.rows {
        if row.get(side) != "Frontal" {
            found.skip("not a frontal radiograph");
            continue;
        }
        let present = match present(row, &findings, request) {
            Ok(Some(present)) => present,
            Ok(None) => {
                found.skip("an uncertain finding");
                continue;
            }
            Err(message) => {
                found.problems.push(FileProblem::at(list, row.line, message));
                continue;
            }
        };
        let Some(label) = label(&present, request.settings) else {
            found.skip("has a finding");
            continue;
        };
        let (_, below) = row.get(path).split_once('/').unwrap_or_default();
        found.entries.push(Entry {
            label,
            split: OfficialSplit::fixed(split),
            patient: format!("chexpert:{}", below.split('/').nth(1).unwrap_or_default()),
            age: row.text(age),
            sex: row.text(sex),
            view: row.text(view),
            finding: present.join("|"),
            list: list.to_path_buf(),
            line: row.line,
            ..found.entry(request.folder.join(below))
        });
    }
    Ok(())
}

/// The findings that count as present; `None` if one that is asked for is uncertain and that is to be ignored.
fn present<'a>(row: &Row, findings: &[(&'a str, Column)], request: &Request) -> Result<Option<Vec<&'a str>>, String> {
    let asked =
        |name: &str| request.settings.labels.is_empty() || request.settings.labels.iter().any(|label| label == name);
    let mut present = Vec::new();
    for &(name, column) in findings {
        match (row.get(column), request.settings.uncertain) {
            ("1" | "1.0", _) | ("-1" | "-1.0", Uncertain::Ones) => present.push(name),
            ("-1" | "-1.0", Uncertain::Ignore) if asked(name) => return Ok(None),
            ("" | "0" | "0.0" | "-1" | "-1.0", _) => {}
            (other, _) => return Err(format!("`{name}` is `{other}`; it should be 1, 0, -1 or empty")),
        }
    }
    Ok(Some(present))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Imported, Replica};
    use super::super::{ImportSettings, Uncertain};

    fn replica() -> Replica {
        let replica = Replica::new("chexpert");
        let header = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Pneumonia\n";
        let rows = "R/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,\n\
            R/train/patient00002/study1/view1_frontal.jpg,Male,70,Frontal,PA,,1.0,-1.0\n\
            R/train/patient00002/study1/view2_lateral.jpg,Male,70,Lateral,,,1.0,\n\
            R/train/patient00003/study1/view1_frontal.jpg,Male,70,Frontal,PA,,2.0,0.0\n";
        replica.write("train.csv", format!("{header}{rows}"));
        let row = "R/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,0.0,1.0,1.0\n";
        replica.write("valid.csv", format!("{header}{row}"));
        for name in ["train/patient00001", "train/patient00002", "train/patient00003", "valid/patient64541"] {
            replica.picture(&format!("{name}/study1/view1_frontal.jpg"), 8, 8);
        }
        replica
    }

    fn labels(imported: &Imported) -> Vec<(String, String)> {
        imported.rows().map(|row| (row["patient"].clone(), row["label"].clone())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(patient, label)| (format!("chexpert:{patient}"), (*label).to_owned())).collect()
    }

    #[test]
    fn uncertain_findings_are_what_the_user_says() {
        for (uncertain, second) in
            [(Uncertain::Zeros, Some("Edema")), (Uncertain::Ones, Some("Edema|Pneumonia")), (Uncertain::Ignore, None)]
        {
            let imported = replica().import_with(&ImportSettings { uncertain, ..ImportSettings::default() });
            let mut expected = vec![("patient00001", "")];
            expected.extend(second.map(|label| ("patient00002", label)));
            expected.push(("patient64541", "Edema|Pneumonia"));
            assert_eq!(labels(&imported), pairs(&expected), "{uncertain:?}");
            assert_eq!(imported.problem(0), (5, "`Edema` is `2.0`; it should be 1, 0, -1 or empty"));
        }
    }

    #[test]
    fn an_uncertain_finding_that_nobody_asked_for_does_not_matter() {
        let settings =
            ImportSettings { uncertain: Uncertain::Ignore, labels: vec!["Edema".into()], ..ImportSettings::default() };
        let imported = replica().import_with(&settings);
        let expected = pairs(&[("patient00001", ""), ("patient00002", "Edema"), ("patient64541", "Edema")]);
        assert_eq!(labels(&imported), expected);
        let splits: Vec<String> = imported.rows().map(|row| row["split"].clone()).collect();
        assert_eq!(splits, ["train", "train", "val"]);
        let settings = ImportSettings { label: Some("normal".into()), ..ImportSettings::default() };
        assert_eq!(labels(&replica().import_with(&settings)), pairs(&[("patient00001", "normal")]));
    }
}
