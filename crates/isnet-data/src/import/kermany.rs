//! Paediatric chest radiographs of Guangzhou (Kermany et al. 2018), data.mendeley.com/datasets/rscbjbr9sj, also on Kaggle.
//!
//! `chest_xray/<train|val|test>/<NORMAL|PNEUMONIA>/…jpeg`; the Kaggle archive nests a second `chest_xray`. Names hold the patient and the
//! germ: `person7_bacteria_24.jpeg`, `IM-0115-0001.jpeg`, `NORMAL2-IM-0012-0001.jpeg`, in the archive of Mendeley also
//! `BACTERIA-1008087-0001.jpeg`. The official `val` has 16 images; seeded splits are the better choice. Whether a person's
//! number means the same person in `train` and `test` is not documented; seeded splits take it as one.

use super::entry::{Entry, Found, OfficialSplit};
use super::table::first_of;
use super::{Kind, Request};
use crate::error::Result;

pub(super) const KIND: Kind = Kind {
    name: "kermany",
    about: "paediatric chest X-rays, Mendeley rscbjbr9sj or Kaggle chest-xray-pneumonia: train/, val/, test/ with NORMAL/, PNEUMONIA/",
    recipe: "covid-19",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let train = first_of(request.folder, &["train", "chest_xray/train"])?;
    let root = train.parent().unwrap_or(request.folder);
    for split in ["train", "val", "test"] {
        for (folder, label) in [("NORMAL", "normal"), ("PNEUMONIA", "pneumonia")] {
            let folder = root.join(split).join(folder);
            if !folder.is_dir() && split == "val" {
                continue; // the archive of Mendeley has none
            }
            for path in found.images_below(&folder)? {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                found.entries.push(Entry {
                    label: label.into(),
                    split: OfficialSplit::fixed(split),
                    patient: format!("kermany:{}", patient(&stem)),
                    finding: germ(&stem).into(),
                    ..found.entry(path)
                });
            }
        }
    }
    Ok(())
}

/// `person7` of `person7_bacteria_24`, `IM-0115` of `IM-0115-0001`, `BACTERIA-1008087` of `BACTERIA-1008087-0001`.
fn patient(stem: &str) -> &str {
    match stem.split_once('_') {
        Some((person, _)) => person,
        None => stem.rsplit_once('-').map_or(stem, |(patient, _)| patient),
    }
}

fn germ(stem: &str) -> &'static str {
    let stem = stem.to_lowercase();
    ["bacteria", "virus"].into_iter().find(|germ| stem.contains(germ)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn folders_give_class_and_split_and_names_the_patient() {
        let replica = Replica::new("kermany");
        for name in [
            "train/NORMAL/IM-0115-0001.jpeg",
            "train/PNEUMONIA/person7_bacteria_24.jpeg",
            "train/PNEUMONIA/person7_virus_25.jpeg",
            "val/NORMAL/NORMAL2-IM-1427-0001.jpeg",
            "val/PNEUMONIA/person1946_bacteria_4874.jpeg",
            "test/NORMAL/IM-0001-0001.jpeg",
            "test/PNEUMONIA/BACTERIA-1008087-0001.jpeg",
        ] {
            replica.picture(&format!("chest_xray/{name}"), 8, 8);
        }
        let imported = replica.import();
        assert_eq!(imported.report.images, 7);
        let row = imported.row("person7_virus_25.jpeg");
        let cells = ["label", "split", "source", "patient", "finding"].map(|column| row[column].as_str());
        assert_eq!(cells, ["pneumonia", "train", "kermany", "kermany:person7", "virus"]);
        assert_eq!(imported.row("NORMAL2-IM-1427-0001.jpeg")["patient"], "kermany:NORMAL2-IM-1427");
        assert_eq!(imported.row("BACTERIA-1008087-0001.jpeg")["patient"], "kermany:BACTERIA-1008087");
        assert_eq!(imported.row("BACTERIA-1008087-0001.jpeg")["split"], "test");
    }

    #[test]
    fn another_folder_is_recognised() {
        let replica = Replica::new("kermany");
        replica.picture("images/a.png", 8, 8);
        assert!(replica.fails().contains("has no `train` or `chest_xray/train`"));
    }
}
