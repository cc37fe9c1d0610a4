//! Stanford Dogs (Khosla et al. 2011), vision.stanford.edu/aditya86/ImageNetDogs.
//!
//! `Images/n02085620-Chihuahua/n02085620_7.jpg`, where the folder is the class; `Annotation/n02085620-Chihuahua/n02085620_7` is PASCAL VOC's
//! XML without an extension, whose rectangles become the mask. The official lists are MATLAB files (`train_list.mat`,
//! `test_list.mat`), which are not read: splits are seeded. `--labels` keeps some breeds, as the three of the study.

use super::entry::{Entry, Found, MaskSource};
use super::table::{first_of, text};
use super::voc::boxes;
use super::{Kind, Request};
use crate::error::Result;
use crate::file_problem::FileProblem;

pub(super) const KIND: Kind = Kind {
    name: "stanford-dogs",
    about: "Stanford Dogs: Images/, Annotation/; bounding boxes become masks; --labels chooses breeds",
    recipe: "natural-images",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let annotations = first_of(request.folder, &["Annotation", "annotations/Annotation"])?;
    let labels = &request.settings.labels;
    for folder in found.folders_in(&first_of(request.folder, &["Images", "images/Images"])?)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let breed = name.split_once('-').map_or(name.as_str(), |(_, breed)| breed);
        if !labels.is_empty() && !labels.iter().any(|label| label == breed) {
            continue;
        }
        for path in found.images_below(&folder)? {
            let annotation = annotations.join(&name).join(path.file_stem().unwrap_or_default());
            let mask = match annotation.exists().then(|| text(&annotation)).transpose()? {
                Some(text) => match boxes(&text) {
                    Some(boxes) => MaskSource::Boxes(boxes),
                    None => {
                        found
                            .problems
                            .push(FileProblem::of_file(annotation, "has no rectangle `bndbox` with four numbers"));
                        continue;
                    }
                },
                None => MaskSource::None,
            };
            found.entries.push(Entry { mask, label: breed.into(), ..found.entry(path) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::ImportSettings;
    use super::super::tests::Replica;

    #[test]
    fn boxes_become_masks_and_folders_breeds() {
        let replica = Replica::new("stanford-dogs");
        for name in ["n02085620-Chihuahua/n02085620_7", "n02110958-pug/n02110958_1", "n02110958-pug/n02110958_2"] {
            replica.picture(&format!("Images/{name}.jpg"), 3, 4);
        }
        let annotation = |xmax: &str| {
            format!(
                "<annotation><object><name>x</name><bndbox><xmin>2</xmin><ymin>1</ymin><xmax>{xmax}</xmax><ymax>2</ymax></bndbox></object></annotation>"
            )
        };
        replica.write("Annotation/n02085620-Chihuahua/n02085620_7", annotation("3"));
        replica.write("Annotation/n02110958-pug/n02110958_1", annotation("many"));
        let imported = replica.import();
        assert_eq!(imported.labels(), [("n02085620_7.jpg", "Chihuahua"), ("n02110958_2.jpg", "pug")]);
        let rows = [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0; 4]];
        assert_eq!(imported.mask("n02085620_7.jpg"), rows.concat());
        assert_eq!(imported.row("n02110958_2.jpg")["mask"], "");
        assert_eq!(imported.problem(0).1, "has no rectangle `bndbox` with four numbers");
        let one = replica.import_with(&ImportSettings { labels: vec!["pug".into()], ..ImportSettings::default() });
        assert_eq!(one.labels(), [("n02110958_2.jpg", "pug")]);
    }
}
