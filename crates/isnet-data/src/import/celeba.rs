//! CelebA attributes on the faces of CelebAMask-HQ (Liu et al. 2015; Lee et al. 2020), github.com/switchablenorms/CelebAMask-HQ.
//!
//! | file | content |
//! |---|---|
//! | `CelebA-HQ-img/<i>.jpg` | 30,000 faces of 1024 × 1024 pixels |
//! | `CelebAMask-HQ-mask-anno/<i div 2000>/<i, five digits>_<part>.png` | a mask of 512 × 512 per part that is there |
//! | `CelebAMask-HQ-attribute-anno.txt` | the number of rows, 40 names, then `<i>.jpg` with 1 or −1 for each |
//! | `CelebA-HQ-to-CelebA-mapping.txt` | `idx orig_idx orig_file`: which image of CelebA it was |
//! | `list_eval_partition.txt`, `list_attr_celeba.txt` | of CelebA: 0 train, 1 validation, 2 test; attributes by `orig_file` |
//!
//! The last two are downloads of CelebA; without the partition, splits are seeded, image by image, since no file says who is
//! who. The parts are merged by a rule: `face` is skin, brows, eyes, glasses, ears, nose, mouth and lips; `head` adds hair, hat
//! and ear-rings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Found, MaskSource, OfficialSplit};
use super::table::{first_of, words};
use super::{Kind, Request};
use crate::error::{DataError, Result};
use crate::file_problem::FileProblem;
use crate::nearest::nearest;

pub(super) const KIND: Kind = Kind {
    name: "celeba",
    about: "CelebAMask-HQ with list_eval_partition.txt (and list_attr_celeba.txt) of CelebA; --labels chooses attributes, --parts the foreground",
    recipe: "faces",
    read,
};

const FACE: [&str; 12] =
    ["skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "nose", "mouth", "u_lip", "l_lip"];
const BEYOND_FACE: [&str; 3] = ["hair", "hat", "ear_r"];
const BODY: [&str; 3] = ["neck", "neck_l", "cloth"];

/// The attributes that an image has, with the line that says so.
type Attributes = BTreeMap<String, (usize, Vec<String>)>;

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let parts = parts(&request.settings.parts)?;
    let partition = partition(&request.folder.join("list_eval_partition.txt"))?;
    let mapping_path = request.folder.join("CelebA-HQ-to-CelebA-mapping.txt");
    let (list, by_original) = attribute_list(request.folder)?;
    let attributes = attributes(&list, request, found)?;
    for (line, words) in words(&mapping_path)?.into_iter().skip(1) {
        let [index, _, original] = words.as_slice() else {
            found.problems.push(FileProblem::at(&mapping_path, line, "the line is not `idx orig_idx orig_file`"));
            continue;
        };
        let Ok(number) = index.parse::<usize>() else {
            found.problems.push(FileProblem::at(&mapping_path, line, format!("`{index}` is not a number")));
            continue;
        };
        let name = if by_original { original.clone() } else { format!("{number}.jpg") };
        let Some((line, present)) = attributes.get(&name) else {
            found.problems.push(FileProblem::at(&mapping_path, line, format!("`{name}` has no attributes")));
            continue;
        };
        let split = match partition.as_ref().map(|partition| partition.get(original).map(String::as_str)) {
            Some(Some("0")) => OfficialSplit::fixed("train"),
            Some(Some("1")) => OfficialSplit::fixed("val"),
            Some(Some("2")) => OfficialSplit::fixed("test"),
            _ => OfficialSplit::Unknown,
        };
        found.entries.push(Entry {
            mask: mask(request.folder, number, &parts),
            label: label(present, &request.settings.labels),
            split,
            finding: original.clone(),
            list: list.clone(),
            line: *line,
            ..found.entry(request.folder.join("CelebA-HQ-img").join(format!("{number}.jpg")))
        });
    }
    Ok(())
}

/// The parts that a rule names.
fn parts(rule: &[String]) -> Result<Vec<&'static str>> {
    let known: Vec<&str> = FACE.into_iter().chain(BEYOND_FACE).chain(BODY).collect();
    let mut parts = Vec::new();
    for word in rule {
        match word.as_str() {
            "face" => parts.extend(FACE),
            "head" => parts.extend(FACE.into_iter().chain(BEYOND_FACE)),
            word => {
                let part = known.iter().find(|part| **part == word).ok_or_else(|| DataError::Setting {
                    setting: "parts",
                    value: match nearest(word, known.iter().copied()) {
                        Some(nearest) => format!("`{word}` (did you mean `{nearest}`?)"),
                        None => format!("`{word}`"),
                    },
                    range: "`face`, `head`, or parts as `skin`, `hair`, `neck`",
                })?;
                parts.push(*part);
            }
        }
    }
    Ok(parts)
}

/// The masks of the parts that an image has.
fn mask(folder: &Path, number: usize, parts: &[&str]) -> MaskSource {
    let folder = folder.join("CelebAMask-HQ-mask-anno").join((number / 2000).to_string());
    let paths = parts.iter().map(|part| folder.join(format!("{number:05}_{part}.png")));
    MaskSource::Union(paths.filter(|path| path.exists()).collect())
}

/// The list of attributes, and whether it names the images of CelebA.
fn attribute_list(folder: &Path) -> Result<(PathBuf, bool)> {
    let path = first_of(folder, &["CelebAMask-HQ-attribute-anno.txt", "list_attr_celeba.txt"])?;
    let by_original = path.ends_with("list_attr_celeba.txt");
    Ok((path, by_original))
}

fn attributes(list: &Path, request: &Request, found: &mut Found) -> Result<Attributes> {
    let lines = words(list)?;
    let Some((_, names)) = lines.get(1) else {
        return Err(DataError::BadFile {
            path: list.to_path_buf(),
            what: "has no line with the names of attributes; download it again".into(),
        });
    };
    if let Some(unknown) = request.settings.labels.iter().find(|label| !names.contains(label)) {
        let nearest = nearest(unknown, names.iter().map(String::as_str)).unwrap_or_default();
        let what = format!("has no attribute `{unknown}`; the nearest is `{nearest}`");
        return Err(DataError::BadFile { path: list.to_path_buf(), what });
    }
    let mut attributes = BTreeMap::new();
    for (line, words) in &lines[2..] {
        if words.len() != names.len() + 1 {
            let message = format!("the line has {} values for {} attributes", words.len() - 1, names.len());
            found.problems.push(FileProblem::at(list, *line, message));
            continue;
        }
        let present = names.iter().zip(&words[1..]).filter(|(_, value)| *value == "1").map(|(name, _)| name.clone());
        attributes.insert(words[0].clone(), (*line, present.collect()));
    }
    Ok(attributes)
}

/// The attributes that are asked for. A single one is a class or its absence, since a set of one has no `|`.
fn label(present: &[String], labels: &[String]) -> String {
    match labels {
        [only] if present.contains(only) => only.clone(),
        [only] => format!("not_{only}"),
        _ => {
            let kept = present.iter().filter(|name| labels.is_empty() || labels.contains(name));
            kept.cloned().collect::<Vec<_>>().join("|")
        }
    }
}

/// `0`, `1` or `2` by image of CelebA; `None` if the file is not there.
fn partition(path: &Path) -> Result<Option<BTreeMap<String, String>>> {
    if !path.exists() {
        return Ok(None);
    }
    let pair = |(_, words): (usize, Vec<String>)| Some((words.first()?.clone(), words.get(1)?.clone()));
    Ok(Some(words(path)?.into_iter().filter_map(pair).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::ImportSettings;
    use super::super::tests::Replica;

    fn replica() -> Replica {
        let replica = Replica::new("celeba");
        replica.write(
            "CelebA-HQ-to-CelebA-mapping.txt",
            "idx        orig_idx   orig_file\n0          119613     119614.jpg\n1          99094      099095.jpg\n2000       7     000008.jpg\nx 1 2\n",
        );
        replica.write(
            "CelebAMask-HQ-attribute-anno.txt",
            "3\nMale Smiling Young\n0.jpg -1  1  1\n1.jpg  1 -1 -1\n2000.jpg 1 1\n",
        );
        replica.write("list_eval_partition.txt", "000008.jpg 0\n099095.jpg 2\n119614.jpg 1\n");
        for index in [0, 1, 2000] {
            replica.picture(&format!("CelebA-HQ-img/{index}.jpg"), 4, 4);
        }
        let part =
            |name: &str, row: u32| {
                replica.gray(&format!("CelebAMask-HQ-mask-anno/0/00000_{name}.png"), 2, 2, |y, _| {
                    if y == row { 255 } else { 0 }
                });
            };
        part("nose", 1);
        part("hair", 0);
        replica
    }

    #[test]
    fn parts_are_merged_and_brought_to_the_size_of_the_face() {
        let imported = replica().import();
        assert_eq!(imported.labels(), [("0.jpg", "Smiling|Young"), ("1.jpg", "Male")]);
        assert_eq!(imported.mask("0.jpg"), [[0.0; 8], [1.0; 8]].concat());
        assert_eq!(imported.row("1.jpg")["mask"], "");
        assert_eq!((imported.row("0.jpg")["split"].as_str(), imported.row("1.jpg")["split"].as_str()), ("val", "test"));
        assert_eq!(imported.problem(0), (4, "`2000.jpg` has no attributes"));
        assert_eq!(imported.problem(1), (5, "`x` is not a number"));
        assert_eq!(imported.problem(2), (5, "the line has 2 values for 3 attributes"));
    }

    #[test]
    fn the_rule_and_the_attributes_can_be_chosen() {
        let settings = |parts: &str, labels: &str| ImportSettings {
            parts: vec![parts.into()],
            labels: labels.split_whitespace().map(String::from).collect(),
            ..ImportSettings::default()
        };
        let imported = replica().import_with(&settings("head", "Smiling"));
        assert_eq!(imported.mask("0.jpg"), [1.0; 16]);
        assert_eq!(imported.labels(), [("0.jpg", "Smiling"), ("1.jpg", "not_Smiling")]);
        let says = replica().fails_with(&settings("hear", ""));
        assert!(says.contains("`parts` is `hear` (did you mean `hair`?)"), "{says}");
        let says = replica().fails_with(&settings("face", "Smilling"));
        assert!(says.contains("has no attribute `Smilling`; the nearest is `Smiling`"), "{says}");
    }
}
