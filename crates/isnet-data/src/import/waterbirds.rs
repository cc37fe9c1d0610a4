//! Waterbirds (Sagawa et al. 2020), birds of CUB on land and water: `waterbird_complete95_forest2water2`.
//!
//! `metadata.csv`: `img_id,img_filename,y,split,place,place_filename`, with y 0 landbird and 1 waterbird, split 0 train, 1 validation, 2
//! test, place 0 land and 1 water (github.com/kohpangwei/group_DRO, `generate_waterbirds.py`). The place becomes the source: in
//! training it goes with the class in 95 % of the images, in the tests in half of them. Masks are the segmentations of CUB
//! (`segmentations/<species>/<image>.png`, a download of its own), in or beside the folder or named as the folder of masks.

use super::cub::segmentations;
use super::entry::{Entry, Found, OfficialSplit};
use super::table::Table;
use super::{Kind, Request};
use crate::error::Result;
use crate::file_problem::FileProblem;

pub(super) const KIND: Kind = Kind {
    name: "waterbirds",
    about: "waterbird_complete95_forest2water2: metadata.csv and folders of birds; CUB's segmentations/ in or beside it",
    recipe: "natural-images",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let table = Table::read(&request.folder.join("metadata.csv"), &mut found.problems)?;
    let [name, y, split, place] = ["img_filename", "y", "split", "place"].map(|name| table.need(name));
    let (name, y, split, place) = (name?, y?, split?, place?);
    let masks = segmentations(request.folder);
    for row in &table.rows {
        let codes = [row.get(y), row.get(split), row.get(place)];
        let meaning = (
            choice(codes[0], &["landbird", "waterbird"]),
            choice(codes[1], &["train", "val", "test"]),
            choice(codes[2], &["land", "water"]),
        );
        let (Some(label), Some(split), Some(place)) = meaning else {
            let message =
                format!("y, split and place are `{}`; they should be 0 or 1, 0 to 2, 0 or 1", codes.join(", "));
            found.problems.push(FileProblem::at(&table.path, row.line, message));
            continue;
        };
        let (species, _) = row.get(name).split_once('/').unwrap_or_default();
        found.entries.push(Entry {
            mask: masks.of(row.get(name)),
            label: label.into(),
            split: OfficialSplit::fixed(split),
            source: place.into(),
            finding: species.into(),
            list: table.path.clone(),
            line: row.line,
            ..found.entry(request.folder.join(row.get(name)))
        });
    }
    Ok(())
}

/// The name that a number stands for.
fn choice(code: &str, names: &[&'static str]) -> Option<&'static str> {
    names.get(code.parse::<usize>().ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn the_place_is_the_source() {
        let replica = Replica::new("waterbirds");
        replica.write(
            "metadata.csv",
            "img_id,img_filename,y,split,place,place_filename\n\
             1,001.Black_footed_Albatross/Albatross_0046_18.jpg,1,2,0,/b/bamboo_forest/00002545.jpg\n\
             2,002.Laysan/Wren_1.jpg,0,0,1,/o/ocean/1.jpg\n3,002.Laysan/Wren_2.jpg,0,3,1,/o/ocean/2.jpg\n",
        );
        for name in ["001.Black_footed_Albatross/Albatross_0046_18", "002.Laysan/Wren_1", "002.Laysan/Wren_2"] {
            replica.picture(&format!("{name}.jpg"), 2, 2);
        }
        replica.gray("segmentations/001.Black_footed_Albatross/Albatross_0046_18.png", 2, 2, |_, x| {
            if x == 0 { 204 } else { 51 }
        });
        let imported = replica.import();
        assert_eq!(imported.labels(), [("Albatross_0046_18.jpg", "waterbird"), ("Wren_1.jpg", "landbird")]);
        let row = imported.row("Albatross_0046_18.jpg");
        assert_eq!(
            ["split", "source", "finding"].map(|column| row[column].as_str()),
            ["test", "land", "001.Black_footed_Albatross"]
        );
        // Several people drew each bird; a pixel is foreground where most of them did.
        assert_eq!(imported.mask("Albatross_0046_18.jpg"), [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(imported.problem(0), (4, "y, split and place are `0, 3, 1`; they should be 0 or 1, 0 to 2, 0 or 1"));
    }
}
