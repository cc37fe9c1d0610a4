//! Shenzhen Hospital chest X-rays (Jaeger et al. 2014), the National Library of Medicine's tuberculosis set of China.
//!
//! `CXR_png/CHNCXR_0001_0.png`, where the last digit is the class (0 normal, 1 tuberculosis); `ClinicalReadings/…txt` begins with
//! `male 45yrs`. The set has no masks of its own; those of Stirenko et al. 2018 (Kaggle `yoctoman/shcxr-lung-mask`,
//! `mask/mask/CHNCXR_0001_0_mask.png`, for 566 of 662 films) are found below `mask/` or `masks/`, or named as the folder of masks.
//! One film per patient, no official splits.

use super::entry::Found;
use super::montgomery::films;
use super::table::text;
use super::{Kind, Request, mask};
use crate::error::Result;

pub(super) const KIND: Kind = Kind {
    name: "shenzhen",
    about: "NLM Shenzhen Hospital set: CXR_png/, ClinicalReadings/; lung masks (Kaggle shcxr-lung-mask) in mask/",
    recipe: "tuberculosis",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    for mut entry in films(request.folder, found)? {
        let reading = request.folder.join("ClinicalReadings").join(format!("{}.txt", entry.stem()));
        if reading.exists() {
            let text = text(&reading)?;
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let who = lines.next().unwrap_or_default().to_lowercase();
            entry.sex = who.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default().to_owned();
            entry.age =
                who.chars().skip_while(|letter| !letter.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
            entry.finding = lines.collect::<Vec<_>>().join("; ");
        }
        found.entries.push(entry);
    }
    match ["mask", "masks"].map(|name| request.folder.join(name)).into_iter().find(|folder| folder.is_dir()) {
        Some(masks) => mask::from_folder(&masks, found),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn masks_are_found_by_name_and_some_films_have_none() {
        let replica = Replica::new("shenzhen");
        replica.picture("CXR_png/CHNCXR_0001_0.png", 4, 4);
        replica.picture("CXR_png/CHNCXR_0327_1.png", 4, 4);
        replica.gray("mask/mask/CHNCXR_0327_1_mask.png", 4, 4, |y, _| if y < 2 { 255 } else { 0 });
        replica.write("ClinicalReadings/CHNCXR_0327_1.txt", "male 37yrs\nbilateral PTB\n\n");
        let imported = replica.import();
        assert_eq!(imported.labels(), [("CHNCXR_0001_0.png", "normal"), ("CHNCXR_0327_1.png", "tuberculosis")]);
        let row = imported.row("CHNCXR_0327_1.png");
        assert_eq!(["age", "sex", "finding"].map(|column| row[column].as_str()), ["37", "male", "bilateral PTB"]);
        assert!(row["mask"].ends_with("mask/mask/CHNCXR_0327_1_mask.png"), "{}", row["mask"]);
        assert_eq!((imported.report.with_mask, imported.report.masks_written), (1, 0));
    }
}
