//! TBX11K (Liu et al. 2020): 11,702 films of 512 × 512 pixels.
//!
//! `lists/TBX11K_train.txt` and `lists/TBX11K_val.txt` name images below `imgs/` as `health/h0001.png`, `sick/…`, `tb/…` (some copies
//! write `imgs/` before); the folder is the class. `annotations/xml/<name>.xml` says which tuberculosis it is: active or latent
//! (`ObsoletePulmonaryTuberculosis`), kept as the finding. The labels of the official test are not public, so its images are not
//! imported. There are no lung masks, and no patients are named.

use std::collections::BTreeSet;
use std::path::Path;

use super::entry::{Entry, Found, OfficialSplit};
use super::table::{text, words};
use super::voc::object_names;
use super::{Kind, Request};
use crate::error::Result;
use crate::file_problem::FileProblem;

pub(super) const KIND: Kind = Kind {
    name: "tbx11k",
    about: "TBX11K: imgs/health/, imgs/sick/, imgs/tb/, lists/TBX11K_train.txt and _val.txt, annotations/xml/",
    recipe: "tuberculosis",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    for split in ["train", "val"] {
        let list = request.folder.join("lists").join(format!("TBX11K_{split}.txt"));
        for (line, words) in words(&list)? {
            let name = words[0].trim_start_matches("imgs/");
            let label = match name.split('/').next() {
                Some("health") => "normal",
                Some("sick") => "sick",
                Some("tb") => "tuberculosis",
                _ => {
                    let message = format!("`{name}` is in none of the folders `health`, `sick`, `tb`");
                    found.problems.push(FileProblem::at(&list, line, message));
                    continue;
                }
            };
            let entry = found.entry(request.folder.join("imgs").join(name));
            let finding = finding(&request.folder.join("annotations/xml"), &entry.stem())?;
            found.entries.push(Entry {
                label: label.into(),
                split: OfficialSplit::fixed(split),
                finding,
                list: list.clone(),
                line,
                ..entry
            });
        }
    }
    Ok(())
}

/// The kinds of tuberculosis that the annotation of an image names, sorted.
fn finding(folder: &Path, stem: &str) -> Result<String> {
    let path = folder.join(format!("{stem}.xml"));
    if !path.exists() {
        return Ok(String::new());
    }
    let names: BTreeSet<String> = object_names(&text(&path)?).collect();
    Ok(names.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Replica;

    #[test]
    fn lists_give_splits_and_folders_classes() {
        let replica = Replica::new("tbx11k");
        replica.write("lists/TBX11K_train.txt", "health/h0001.png\ntb/tb0003.png\nextra/da/p001.png\n");
        replica.write("lists/TBX11K_val.txt", "imgs/sick/s0002.png\n");
        for name in ["health/h0001.png", "tb/tb0003.png", "sick/s0002.png"] {
            replica.picture(&format!("imgs/{name}"), 8, 8);
        }
        replica.write(
            "annotations/xml/tb0003.xml",
            "<annotation><object><name>ObsoletePulmonaryTuberculosis</name></object>\
             <object><name>ActiveTuberculosis</name></object><object><name>ActiveTuberculosis</name></object></annotation>",
        );
        let imported = replica.import();
        let expected = [("h0001.png", "normal"), ("tb0003.png", "tuberculosis"), ("s0002.png", "sick")];
        assert_eq!(imported.labels(), expected);
        assert_eq!(imported.row("tb0003.png")["finding"], "ActiveTuberculosis, ObsoletePulmonaryTuberculosis");
        assert_eq!(
            (imported.row("h0001.png")["split"].as_str(), imported.row("s0002.png")["split"].as_str()),
            ("train", "val")
        );
        assert_eq!(imported.problem(0), (3, "`extra/da/p001.png` is in none of the folders `health`, `sick`, `tb`"));
    }
}
