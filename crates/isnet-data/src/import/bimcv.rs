//! BIMCV COVID-19 (de la Iglesia Vayá et al. 2020), bimcv.cipf.es/bimcv-projects/bimcv-covid19, as its archives unpack.
//!
//! `sub-<patient>/ses-<session>/mod-rx/sub-…_bp-chest_vp-<pa|ap|lateral>_<cr|dx>.png` (MIDS); patients and views are read from the
//! names. The positive and the negative set are downloads of their own, so the class of a folder is said with `label`.
//! Ages and sexes come from `participants.tsv` where there is one; its column names (`participant`, `age`, `gender`) and the
//! spelling of the views could not be confirmed from the repository and are taken where they are found.

use std::collections::BTreeMap;
use std::path::Path;

use super::entry::{Entry, Found};
use super::table::Table;
use super::{Kind, Request};
use crate::error::{DataError, Result};

pub(super) const KIND: Kind = Kind {
    name: "bimcv",
    about: "BIMCV COVID-19+ or COVID-19-: sub-*/ses-*/mod-rx/*.png; needs --label, as `covid` for the positive set",
    recipe: "covid-19",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let Some(label) = &request.settings.label else {
        return Err(DataError::Setting {
            setting: "label",
            value: "missing".into(),
            range: "the class of this set, as `covid`",
        });
    };
    let people = people(request.folder, found)?;
    let mut patients = found.folders_in(request.folder)?;
    patients.retain(|path| name(path).starts_with("sub-"));
    if patients.is_empty() {
        return Err(DataError::Layout { folder: request.folder.to_path_buf(), what: "folders `sub-…`".into() });
    }
    for folder in patients {
        let patient = name(&folder);
        for path in found.images_below(&folder)? {
            let view = view(&name(&path));
            if !path.components().any(|part| part.as_os_str() == "mod-rx") || !matches!(view.as_str(), "pa" | "ap") {
                found.skip("not a frontal radiograph");
                continue;
            }
            let (age, sex) = people.get(&patient).cloned().unwrap_or_default();
            found.entries.push(Entry {
                label: label.clone(),
                patient: format!("bimcv:{patient}"),
                age,
                sex,
                view,
                ..found.entry(path)
            });
        }
    }
    Ok(())
}

/// Age and sex by patient, from `participants.tsv`.
fn people(folder: &Path, found: &mut Found) -> Result<BTreeMap<String, (String, String)>> {
    let path = folder.join("participants.tsv");
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let table = Table::read(&path, &mut found.problems)?;
    let patient = table.find("participant").or_else(|| table.find("participant_id"));
    let (age, sex) = (table.find("age"), table.find("gender").or_else(|| table.find("sex")));
    Ok(table.rows.iter().map(|row| (row.text(patient), (row.text(age), row.text(sex)))).collect())
}

/// `pa` of `…_vp-pa_dx.png`.
fn view(name: &str) -> String {
    let part = name.split(['_', '.']).find_map(|part| part.strip_prefix("vp-"));
    part.unwrap_or_default().to_lowercase()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::ImportSettings;
    use super::super::tests::Replica;

    #[test]
    fn patients_and_views_are_read_from_names() {
        let replica = Replica::new("bimcv");
        let folder = "sub-S03047/ses-E06244/mod-rx/sub-S03047_ses-E06244_run-1_bp-chest";
        replica.picture(&format!("{folder}_vp-ap_cr.png"), 8, 8);
        replica.picture(&format!("{folder}_vp-lateral_cr.png"), 8, 8);
        replica.picture("sub-S03048/ses-E1/mod-ct/sub-S03048_ses-E1_bp-chest_vp-pa_ct.png", 8, 8);
        replica
            .write("participants.tsv", "participant\tmodality_dicom\tage\tgender\nsub-S03047\t['CR', 'DX']\t[61]\tF\n");
        assert!(replica.fails().contains("`label` is missing; it must be the class of this set"));
        let settings = ImportSettings { label: Some("covid".into()), ..ImportSettings::default() };
        let imported = replica.import_with(&settings);
        let row = imported.row("sub-S03047_ses-E06244_run-1_bp-chest_vp-ap_cr.png");
        let cells = ["label", "patient", "age", "sex", "view"].map(|column| row[column].as_str());
        assert_eq!(cells, ["covid", "bimcv:sub-S03047", "[61]", "F", "ap"]);
        assert_eq!((imported.report.images, imported.report.skipped[0].1), (1, 2));
    }
}
