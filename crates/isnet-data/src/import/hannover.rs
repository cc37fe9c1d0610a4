//! COVID-19 image repository of Hannover Medical School (Winther et al. 2020), github.com/ml-workgroup/covid-19-image-repository.
//!
//! `data.csv` with `png/<image_id>.png`; all patients are COVID-19 positive. The readme of the repository names the columns.
//! There are no masks and no official splits.

use super::entry::{Entry, Found};
use super::table::Table;
use super::{Kind, Request};
use crate::error::Result;

pub(super) const KIND: Kind = Kind {
    name: "hannover",
    about: "ml-workgroup/covid-19-image-repository, a clone: data.csv, png/",
    recipe: "covid-19",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let table = Table::read(&request.folder.join("data.csv"), &mut found.problems)?;
    let (patient, image) = (table.need("patient_id")?, table.need("image_id")?);
    let [age, sex, view] = ["age", "sex", "projection"].map(|name| table.find(name));
    for row in &table.rows {
        found.entries.push(Entry {
            label: "covid".into(),
            patient: format!("hannover:{}", row.get(patient)),
            age: row.text(age),
            sex: row.text(sex),
            view: row.text(view),
            list: table.path.clone(),
            line: row.line,
            ..found.entry(request.folder.join("png").join(format!("{}.png", row.get(image))))
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn all_patients_are_positive() {
        let replica = Replica::new("hannover");
        replica.write(
            "data.csv",
            "patient_id,image_id,sex,age,size,weight,admission_offset,modality,projection\n\
             042f06a9,b343e657,m,,,,0,CR,ap\n042f06a9,c9280a30,m,,,,-2,CR,ap\n",
        );
        replica.picture("png/b343e657.png", 8, 8);
        let imported = replica.import();
        let row = imported.row("b343e657.png");
        let cells = ["label", "source", "patient", "sex", "view"].map(|column| row[column].as_str());
        assert_eq!(cells, ["covid", "hannover", "hannover:042f06a9", "m", "ap"]);
        assert_eq!(imported.problem(0), (3, "c9280a30.png` does not exist"));
    }
}
