//! Caltech-UCSD Birds 200-2011 (Wah et al. 2011), data.caltech.edu.
//!
//! `images.txt` (`1 001.Black_footed_Albatross/…jpg`), `image_class_labels.txt` (`1 1`), `classes.txt`, `train_test_split.txt` (`1 0`: is it a
//! training image?), all keyed by number, with `images/`. Segmentations are a download of their own
//! (`segmentations/<species>/<image>.png`), looked for in and beside the folder; their gray says how many people drew the
//! pixel, and above half is foreground.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Found, MaskSource, OfficialSplit};
use super::table::words;
use super::{Kind, Request};
use crate::error::Result;
use crate::file_problem::FileProblem;

pub(super) const KIND: Kind = Kind {
    name: "cub",
    about: "CUB_200_2011: images.txt, image_class_labels.txt, classes.txt, train_test_split.txt, images/; segmentations/ in or beside it",
    recipe: "natural-images",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let keyed = |name: &str| -> Result<BTreeMap<String, String>> {
        let pair = |(_, words): (usize, Vec<String>)| Some((words.first()?.clone(), words.get(1)?.clone()));
        Ok(words(&request.folder.join(name))?.into_iter().filter_map(pair).collect())
    };
    let (classes, labels, is_train) =
        (keyed("classes.txt")?, keyed("image_class_labels.txt")?, keyed("train_test_split.txt")?);
    let (list, masks) = (request.folder.join("images.txt"), segmentations(request.folder));
    for (line, words) in words(&list)? {
        let label = words.first().and_then(|image| classes.get(labels.get(image)?));
        let (Some(name), Some(label)) = (words.get(1), label) else {
            found.problems.push(FileProblem::at(&list, line, "the image has no name or no class"));
            continue;
        };
        let split = match is_train.get(&words[0]).map(String::as_str) {
            Some("1") => OfficialSplit::TrainOrVal,
            Some("0") => OfficialSplit::fixed("test"),
            _ => OfficialSplit::Unknown,
        };
        found.entries.push(Entry {
            mask: masks.of(name),
            label: label.clone(),
            split,
            list: list.clone(),
            line,
            ..found.entry(request.folder.join("images").join(name))
        });
    }
    Ok(())
}

/// The segmentations of CUB in or beside a folder, if they are there.
pub(super) struct Segmentations(Option<PathBuf>);

pub(super) fn segmentations(folder: &Path) -> Segmentations {
    let beside = folder.parent().map(|parent| parent.join("segmentations"));
    Segmentations([Some(folder.join("segmentations")), beside].into_iter().flatten().find(|path| path.is_dir()))
}

impl Segmentations {
    /// The segmentation of `<species>/<image>.jpg`.
    pub fn of(&self, name: &str) -> MaskSource {
        let path = self.0.as_ref().map(|folder| folder.join(name).with_extension("png"));
        path.filter(|path| path.exists()).map_or(MaskSource::None, MaskSource::File)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn four_lists_are_joined_by_number() {
        let replica = Replica::new("cub");
        replica.write("images.txt", "1 001.A/A_1.jpg\n2 002.B/B_1.jpg\n3 002.B/B_2.jpg\n");
        replica.write("image_class_labels.txt", "1 1\n2 2\n");
        replica.write("classes.txt", "1 001.A\n2 002.B\n");
        replica.write("train_test_split.txt", "1 0\n2 1\n3 1\n");
        replica.picture("images/001.A/A_1.jpg", 2, 2);
        replica.picture("images/002.B/B_1.jpg", 2, 2);
        replica.picture("segmentations/002.B/B_1.png", 2, 2);
        let imported = replica.import();
        assert_eq!(imported.labels(), [("A_1.jpg", "001.A"), ("B_1.jpg", "002.B")]);
        assert_eq!(
            (imported.row("A_1.jpg")["split"].as_str(), imported.row("B_1.jpg")["split"].as_str()),
            ("test", "train")
        );
        assert!(imported.row("B_1.jpg")["mask"].ends_with("segmentations/002.B/B_1.png"));
        assert_eq!(imported.problem(0), (3, "the image has no name or no class"));
    }
}
