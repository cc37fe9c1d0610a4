//! Actualmed COVID-19 chest X-rays (Chung 2020), github.com/agchung/Actualmed-COVID-chestxray-dataset.
//!
//! `metadata.csv` (columns as in the repository: `imagename`, `finding`, …) with `images/`. An empty finding means
//! *inconclusive* (its note says so) and is left out. There are no masks and no official splits.

use super::covid_class::covid_class;
use super::entry::{Entry, Found};
use super::table::Table;
use super::{Kind, Request};
use crate::error::Result;

pub(super) const KIND: Kind = Kind {
    name: "actualmed",
    about: "agchung/Actualmed-COVID-chestxray-dataset, a clone: metadata.csv, images/",
    recipe: "covid-19",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let table = Table::read(&request.folder.join("metadata.csv"), &mut found.problems)?;
    let (patient, finding, image) = (table.need("patientid")?, table.need("finding")?, table.need("imagename")?);
    let [age, sex, view] = ["age", "sex", "view"].map(|name| table.find(name));
    for row in &table.rows {
        let Some(label) = covid_class(row.get(finding)) else {
            found.skip("inconclusive");
            continue;
        };
        found.entries.push(Entry {
            label: label.into(),
            patient: format!("actualmed:{}", row.get(patient)),
            age: row.text(age),
            sex: row.text(sex),
            view: row.text(view),
            finding: row.get(finding).into(),
            list: table.path.clone(),
            line: row.line,
            ..found.entry(request.folder.join("images").join(row.get(image)))
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn inconclusive_films_are_left_out() {
        let replica = Replica::new("actualmed");
        replica.write(
            "metadata.csv",
            "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,imagename,artifacts/distortion,notes\n\
             ANON196,,,,,,,,PA,X-ray,CR.1.png,,\"Inconclusive, date taken (YYYYMMDD): 20200313\"\n\
             ANON56,,,,No finding,,,,PA,X-ray,CR.2.png,,\"Negative, date taken\"\n\
             ANON196,,,,COVID-19,,,,AP,X-ray,CR.3.png,,\n",
        );
        for name in ["CR.1.png", "CR.2.png", "CR.3.png"] {
            replica.picture(&format!("images/{name}"), 8, 8);
        }
        let imported = replica.import();
        assert_eq!(imported.labels(), [("CR.2.png", "normal"), ("CR.3.png", "covid")]);
        assert_eq!(imported.report.skipped, [("inconclusive".to_owned(), 1)]);
        assert_eq!(imported.row("CR.3.png")["patient"], "actualmed:ANON196");
    }
}
