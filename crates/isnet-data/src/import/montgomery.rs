//! Montgomery County chest X-rays (Jaeger et al. 2014), the National Library of Medicine's tuberculosis set of the USA.
//!
//! `CXR_png/MCUCXR_0001_0.png`, where the last digit is the class (0 normal, 1 tuberculosis); a mask of each lung in `ManualMask/leftMask`
//! and `ManualMask/rightMask`, merged here; `ClinicalReadings/…txt` with `Patient's Sex: F`, `Patient's Age: 040Y` and the
//! reading. One film per patient, no official splits.

use std::path::Path;

use super::entry::{Entry, Found, MaskSource};
use super::table::{first_of, text};
use super::{Kind, Request};
use crate::error::Result;
use crate::file_problem::FileProblem;

pub(super) const KIND: Kind = Kind {
    name: "montgomery",
    about: "NLM Montgomery County set: CXR_png/, ManualMask/leftMask/, ManualMask/rightMask/, ClinicalReadings/",
    recipe: "tuberculosis",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let masks = first_of(request.folder, &["ManualMask", "manualMask"])?;
    for mut entry in films(request.folder, found)? {
        let name = format!("{}.png", entry.stem());
        entry.mask = MaskSource::Union(["leftMask", "rightMask"].map(|side| masks.join(side).join(&name)).into());
        let reading = request.folder.join("ClinicalReadings").join(format!("{}.txt", entry.stem()));
        if reading.exists() {
            let text = text(&reading)?;
            let after = |key: &str| text.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap_or_default();
            entry.sex = after("Patient's Sex:").trim().to_owned();
            entry.age = after("Patient's Age:").trim().trim_end_matches('Y').trim_start_matches('0').to_owned();
            entry.finding = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
        }
        found.entries.push(entry);
    }
    Ok(())
}

/// The films of `CXR_png`, labelled by the last digit of their names. Also used for Shenzhen.
pub(super) fn films(folder: &Path, found: &mut Found) -> Result<Vec<Entry>> {
    let mut films = Vec::new();
    for path in found.images_below(&first_of(folder, &["CXR_png"])?)? {
        let mut entry = found.entry(&path);
        let stem = entry.stem();
        entry.label = match stem.rsplit_once('_').map(|(_, class)| class) {
            Some("0") => "normal".into(),
            Some("1") => "tuberculosis".into(),
            _ => {
                let message = "the name does not end in _0 (normal) or _1 (tuberculosis)";
                found.problems.push(FileProblem::of_file(path, message));
                continue;
            }
        };
        entry.patient.clone_from(&stem);
        films.push(entry);
    }
    Ok(films)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn both_lungs_become_one_mask() {
        let replica = Replica::new("montgomery");
        for name in ["MCUCXR_0001_0", "MCUCXR_0108_1", "MCUCXR_0109_1", "notes"] {
            replica.picture(&format!("CXR_png/{name}.png"), 4, 4);
        }
        for name in ["MCUCXR_0001_0", "MCUCXR_0108_1"] {
            replica.gray(&format!("ManualMask/leftMask/{name}.png"), 4, 4, |_, x| if x == 3 { 255 } else { 0 });
            replica.gray(&format!("ManualMask/rightMask/{name}.png"), 4, 4, |_, x| if x == 0 { 255 } else { 0 });
        }
        replica.write("ClinicalReadings/MCUCXR_0001_0.txt", "Patient's Sex: F\r\nPatient's Age: 027Y\r\nnormal\r\n");
        let imported = replica.import();
        assert_eq!(imported.labels(), [("MCUCXR_0001_0.png", "normal"), ("MCUCXR_0108_1.png", "tuberculosis")]);
        let row = imported.row("MCUCXR_0001_0.png");
        assert_eq!(["age", "sex", "finding"].map(|column| row[column].as_str()), ["27", "F", "normal"]);
        assert_eq!(imported.mask("MCUCXR_0001_0.png"), [1.0, 0.0, 0.0, 1.0].repeat(4));
        assert_eq!(imported.report.masks_written, 2);
        assert_eq!(imported.problem(0).1, "MCUCXR_0109_1.png` does not exist");
        assert_eq!(imported.problem(1).1, "the name does not end in _0 (normal) or _1 (tuberculosis)");
    }
}
