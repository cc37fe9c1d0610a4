//! COVID-19 image data collection (Cohen et al. 2020), github.com/ieee8023/covid-chestxray-dataset.
//!
//! `metadata.csv` (`SCHEMA.md` of the repository) with `images/`. Kept are radiographs in the views PA, AP and AP Supine whose finding
//! is COVID-19, another pneumonia or none. The lung masks of V7 come as an archive `semantic_masks_v7labs_lungs` whose
//! files have the names of their images (TorchXRayVision reads it so); unpack it beside `images/` or name it as the folder of
//! masks. The masks in `annotations/lungVAE-masks` (`<image>_mask.png`) were predicted by a network; they are used with
//! `--masks` only. There are no official splits.

use super::covid_class::covid_class;
use super::entry::{Entry, Found, ImageSource};
use super::table::Table;
use super::{Kind, Request, mask};
use crate::error::Result;

pub(super) const KIND: Kind = Kind {
    name: "covid-chestxray",
    about: "ieee8023/covid-chestxray-dataset, a clone: metadata.csv, images/; V7 lung masks in semantic_masks_v7labs_lungs/",
    recipe: "covid-19",
    read,
};

/// Frontal views. `AP Erect` stands in later versions of the list.
const VIEWS: [&str; 4] = ["PA", "AP", "AP Supine", "AP Erect"];

const V7_MASKS: &str = "semantic_masks_v7labs_lungs";

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let table = Table::read(&request.folder.join("metadata.csv"), &mut found.problems)?;
    let [patient, finding, view, filename] = ["patientid", "finding", "view", "filename"].map(|name| table.need(name));
    let (patient, finding, view, filename) = (patient?, finding?, view?, filename?);
    let [age, sex, modality, folder] = ["age", "sex", "modality", "folder"].map(|name| table.find(name));
    for row in &table.rows {
        if modality.is_some() && row.text(modality) != "X-ray" || !VIEWS.contains(&row.get(view)) {
            found.skip("not a frontal radiograph");
            continue;
        }
        let Some(label) = covid_class(row.get(finding)) else {
            found.skip("finding is neither covid, normal nor pneumonia");
            continue;
        };
        let folder = Some(row.text(folder)).filter(|folder| !folder.is_empty()).unwrap_or_else(|| "images".into());
        let mut entry = Entry {
            label: label.into(),
            patient: format!("ieee8023:{}", row.get(patient)),
            age: row.text(age),
            sex: row.text(sex),
            view: row.get(view).into(),
            finding: row.get(finding).into(),
            list: table.path.clone(),
            line: row.line,
            ..found.entry(request.folder.join(folder).join(row.get(filename)))
        };
        // The folder of the V7 volumes is `volumes` for CT scans, which are not pictures.
        if let ImageSource::File(path) = &entry.image
            && path.extension().is_some_and(|extension| extension == "gz")
        {
            found.skip("a volume");
            continue;
        }
        entry.source = "ieee8023".into();
        found.entries.push(entry);
    }
    let masks = request.folder.join(V7_MASKS);
    if masks.is_dir() { mask::from_folder(&masks, found) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn frontal_radiographs_are_kept_with_the_masks_of_v7() {
        let replica = Replica::new("covid-chestxray");
        replica.write(
            "metadata.csv",
            "patientid,offset,sex,age,finding,view,modality,date,folder,filename,notes\n\
             2,0,M,65,Pneumonia/Viral/COVID-19,PA,X-ray,2020,images,a.jpg,\n\
             2,3,M,65,Pneumonia/Viral/COVID-19,L,X-ray,2020,images,b.jpg,\n\
             3,,F,,No Finding,AP Supine,X-ray,2020,images,c.png,\"one, two\"\n\
             4,,F,30,Pneumonia/Bacterial,AP,X-ray,2020,images,lost.png,\n\
             5,,,,Tuberculosis,PA,X-ray,,images,d.png,\n\
             6,,,,Pneumonia/Viral/COVID-19,Axial,CT,,images,e.png,\n",
        );
        for name in ["a.jpg", "b.jpg", "c.png", "d.png"] {
            replica.picture(&format!("images/{name}"), 8, 8);
        }
        replica.picture("semantic_masks_v7labs_lungs/a.jpg", 8, 8);
        let imported = replica.import();
        assert_eq!(imported.labels(), [("a.jpg", "covid"), ("c.png", "normal")]);
        let row = imported.row("a.jpg");
        assert_eq!(row["patient"], "ieee8023:2");
        assert_eq!((row["age"].as_str(), row["sex"].as_str(), row["view"].as_str()), ("65", "M", "PA"));
        assert_eq!(row["finding"], "Pneumonia/Viral/COVID-19");
        assert!(row["mask"].ends_with("semantic_masks_v7labs_lungs/a.jpg"));
        assert_eq!(imported.row("c.png")["mask"], "");
        let skipped: Vec<_> = imported.report.skipped.iter().map(|(_, count)| *count).collect();
        assert_eq!(skipped, [1, 2], "{:?}", imported.report.skipped);
        assert_eq!(imported.problem(0), (5, "lost.png` does not exist"));
    }
}
