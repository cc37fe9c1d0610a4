//! Oxford-IIIT Pet (Parkhi et al. 2012), robots.ox.ac.uk/~vgg/data/pets.
//!
//! `annotations/trainval.txt` and `annotations/test.txt`: `Abyssinian_100 1 1 1`, which is image, breed (1–37), species (1 cat, 2 dog) and
//! number within the species; `#` starts a comment. Images are `images/<image>.jpg`, and `annotations/trimaps/<image>.png` is 1 on the pet, 2 on the
//! background and 3 in between; the pet alone is foreground. The class is the breed, the finding the species.

use super::entry::{Entry, Found, MaskSource, OfficialSplit};
use super::table::words;
use super::{Kind, Request};
use crate::error::Result;
use crate::file_problem::FileProblem;

pub(super) const KIND: Kind = Kind {
    name: "oxford-pets",
    about: "Oxford-IIIT Pet: images/, annotations/trimaps/, annotations/trainval.txt, annotations/test.txt",
    recipe: "natural-images",
    read,
};

const PET: u8 = 1;

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let annotations = request.folder.join("annotations");
    for (list, split) in [("trainval.txt", OfficialSplit::TrainOrVal), ("test.txt", OfficialSplit::fixed("test"))] {
        let list = annotations.join(list);
        for (line, words) in words(&list)?.into_iter().filter(|(_, words)| !words[0].starts_with('#')) {
            let (Some((breed, _)), Some(species)) = (words[0].rsplit_once('_'), words.get(2)) else {
                found.problems.push(FileProblem::at(
                    &list,
                    line,
                    "the line is not `<breed>_<number> <breed> <species> <number>`",
                ));
                continue;
            };
            let image = &words[0];
            found.entries.push(Entry {
                mask: MaskSource::Value(annotations.join("trimaps").join(format!("{image}.png")), PET),
                label: breed.to_owned(),
                split: split.clone(),
                finding: if species == "1" { "cat".into() } else { "dog".into() },
                list: list.clone(),
                line,
                ..found.entry(request.folder.join("images").join(format!("{image}.jpg")))
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn the_pet_of_a_trimap_is_foreground() {
        let replica = Replica::new("oxford-pets");
        replica.write("annotations/trainval.txt", "#Image CLASS-ID SPECIES BREED ID\nAbyssinian_100 1 1 1\nbroken\n");
        replica.write("annotations/test.txt", "american_bulldog_2 2 2 1\nAbyssinian_3 1 1 1\n");
        for name in ["Abyssinian_100", "american_bulldog_2", "Abyssinian_3"] {
            replica.picture(&format!("images/{name}.jpg"), 2, 3);
        }
        for name in ["Abyssinian_100", "american_bulldog_2"] {
            replica.gray(&format!("annotations/trimaps/{name}.png"), 2, 3, |_, x| x as u8 + 1);
        }
        let imported = replica.import();
        assert_eq!(
            imported.labels(),
            [("Abyssinian_100.jpg", "Abyssinian"), ("american_bulldog_2.jpg", "american_bulldog")]
        );
        assert_eq!(imported.mask("Abyssinian_100.jpg"), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let row = imported.row("american_bulldog_2.jpg");
        assert_eq!((row["split"].as_str(), row["finding"].as_str()), ("test", "dog"));
        assert_eq!(imported.problem(0), (2, "Abyssinian_3.png` does not exist"));
        assert_eq!(imported.problem(1), (3, "the line is not `<breed>_<number> <breed> <species> <number>`"));
    }
}
