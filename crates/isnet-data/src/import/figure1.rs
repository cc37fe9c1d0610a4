//! Figure 1 COVID-19 chest X-rays (Chung 2020), github.com/agchung/Figure1-COVID-chestxray-dataset.
//!
//! `metadata.csv` (columns as in the repository) with `images/<patientid>.jpg` or `.png`. The list is in Latin-1; a letter after the number
//! is another film of one patient (`COVID-00003a`, `COVID-00003b`). Rows without a finding are left out. There are no masks and no official splits.

use super::covid_class::covid_class;
use super::entry::{Entry, Found};
use super::table::{Table, first_of};
use super::{Kind, Request};
use crate::error::Result;

pub(super) const KIND: Kind = Kind {
    name: "figure1",
    about: "agchung/Figure1-COVID-chestxray-dataset, a clone: metadata.csv, images/",
    recipe: "covid-19",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let table = Table::read(&request.folder.join("metadata.csv"), &mut found.problems)?;
    let (patient, finding) = (table.need("patientid")?, table.need("finding")?);
    let [age, sex, view] = ["age", "sex", "view"].map(|name| table.find(name));
    for row in &table.rows {
        let Some(label) = covid_class(row.get(finding)) else {
            found.skip("without a finding that is a class");
            continue;
        };
        let id = row.get(patient);
        let names = ["jpg", "png", "jpeg"].map(|extension| format!("images/{id}.{extension}"));
        // Where none exists, the first is reported as missing.
        let image = first_of(request.folder, &names.each_ref().map(String::as_str));
        found.entries.push(Entry {
            label: label.into(),
            patient: format!("figure1:{}", id.trim_end_matches(|letter: char| letter.is_ascii_lowercase())),
            age: row.text(age),
            sex: row.text(sex),
            view: row.text(view),
            finding: row.get(finding).into(),
            list: table.path.clone(),
            line: row.line,
            ..found.entry(image.unwrap_or_else(|_| request.folder.join(&names[0])))
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn films_of_one_patient_belong_together() {
        let replica = Replica::new("figure1");
        replica.write(
            "metadata.csv",
            b"patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,originalfile,artifacts/distortion,notes\n\
              COVID-00002,,M,50+,COVID-19,,,,AP erect,X-ray,,,39\xB0C\n\
              COVID-00003a,8,M,28,COVID-19,,39.1,90,AP erect,X-ray,,,\n\
              COVID-00003b,8,M,28,No finding,,39.1,90,AP erect,X-ray,,,\n\
              COVID-00005,,,,,,,,,X-ray,,,\n\
              COVID-00006,,,,COVID-19,,,,,X-ray,,,\n",
        );
        for name in ["COVID-00002.jpg", "COVID-00003a.jpg", "COVID-00003b.png"] {
            replica.picture(&format!("images/{name}"), 8, 8);
        }
        let imported = replica.import();
        let expected = [("COVID-00002.jpg", "covid"), ("COVID-00003a.jpg", "covid"), ("COVID-00003b.png", "normal")];
        assert_eq!(imported.labels(), expected);
        assert_eq!(imported.row("COVID-00003b.png")["patient"], "figure1:COVID-00003");
        assert_eq!(imported.problem(0), (6, "COVID-00006.jpg` does not exist"));
        assert_eq!(imported.report.skipped[0].1, 1);
    }
}
