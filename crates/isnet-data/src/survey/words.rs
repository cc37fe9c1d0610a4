//! Which words say what: names of folders, files and columns.

use super::Role;
use crate::manifest::spelling::spelling_key;

/// Folders that hold images and say nothing about them.
const IMAGE_FOLDERS: [&str; 21] = [
    "image",
    "images",
    "img",
    "imgs",
    "film",
    "films",
    "picture",
    "pictures",
    "photo",
    "photos",
    "xray",
    "xrays",
    "x ray",
    "x rays",
    "cxr",
    "radiographs",
    "png",
    "jpg",
    "jpeg",
    "data",
    "dataset",
];

/// What a name of masks ends with, of which a folder is made or a file name has after its image's.
const MASK_ENDINGS: [&str; 9] =
    ["mask", "masks", "segmentation", "segmentations", "seg", "segs", "roi", "rois", "groundtruth"];

/// The names of a column by role, most telling first. All are compared without capitals, `_` and `-`.
fn column_words(role: Role) -> &'static [&'static str] {
    match role {
        Role::Image => &[
            "image",
            "image path",
            "image file",
            "image name",
            "imagepath",
            "filename",
            "file name",
            "file",
            "filepath",
            "file path",
            "path",
            "img",
            "img path",
            "film",
            "picture",
            "image index",
            "image id",
            "imageid",
            "img id",
            "name",
            "id",
        ],
        Role::Mask => &["mask", "masks", "mask path", "mask file", "maskpath", "segmentation", "roi", "lung mask"],
        Role::Label => &[
            "label",
            "labels",
            "class",
            "classes",
            "class name",
            "diagnosis",
            "finding",
            "findings",
            "finding labels",
            "category",
            "target",
            "disease",
            "pathology",
            "y",
        ],
        Role::Source => {
            &["source", "hospital", "site", "center", "centre", "institution", "clinic", "dataset", "database"]
        }
        Role::Split => &["split", "set", "subset", "partition", "phase", "dataset split"],
        Role::Patient => &[
            "patient",
            "patient id",
            "patientid",
            "patient number",
            "subject",
            "subject id",
            "subjectid",
            "case id",
            "mrn",
            "person",
            "pid",
        ],
    }
}

/// Whether a folder holds images and says nothing about them.
pub(super) fn is_image_folder(name: &str) -> bool {
    IMAGE_FOLDERS.contains(&spelling_key(name).as_str())
}

/// Whether a folder holds masks: its name ends with a word for masks, as `lung_masks` or `ManualMask`.
pub(super) fn is_mask_folder(name: &str) -> bool {
    let key = spelling_key(name);
    let last = key.rsplit(' ').next().unwrap_or_default();
    MASK_ENDINGS.contains(&last)
        || ["mask", "masks", "segmentation", "segmentations"].iter().any(|word| last.ends_with(word))
}

/// The name of the image that a mask file is for, where its own says that it is a mask: `a_mask`, `mask-a`, `a.seg`.
pub(super) fn image_of_mask(stem: &str) -> Option<&str> {
    let is_separator = |letter: char| matches!(letter, '_' | '-' | '.' | ' ');
    let is_word =
        |word: &str| MASK_ENDINGS.contains(&word.to_lowercase().as_str()) || word.eq_ignore_ascii_case("lungmask");
    if let Some((image, word)) = stem.rsplit_once(is_separator)
        && is_word(word)
    {
        return Some(image.trim_end_matches(is_separator));
    }
    stem.split_once(is_separator).filter(|(word, _)| is_word(word)).map(|(_, image)| image)
}

/// The column for a role, by its name.
pub(super) fn column(role: Role, names: &[String]) -> Option<usize> {
    columns(role, names).into_iter().next()
}

/// All columns that may have a role, most telling name first.
pub(super) fn columns(role: Role, names: &[String]) -> Vec<usize> {
    let keys: Vec<String> = names.iter().map(|name| spelling_key(name)).collect();
    column_words(role)
        .iter()
        .flat_map(|word| (0..keys.len()).filter(|&at| keys[at] == *word).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_hold() {
        for (name, image, mask) in [
            ("Images", true, false),
            ("x-rays", true, false),
            ("lung_masks", false, true),
            ("ManualMask", false, true),
            ("leftMask", false, true),
            ("Segmentations", false, true),
            ("covid", false, false),
            ("unmasked", false, false),
        ] {
            assert_eq!((is_image_folder(name), is_mask_folder(name)), (image, mask), "{name}");
        }
        for (stem, image) in
            [("a_mask", Some("a")), ("mask-a_1", Some("a_1")), ("a.seg", Some("a")), ("a", None), ("masked_a", None)]
        {
            assert_eq!(image_of_mask(stem), image, "{stem}");
        }
        let names = ["ID", "Image Path", "Diagnosis", "Patient_ID"].map(String::from);
        assert_eq!(columns(Role::Image, &names), [1, 0]);
        assert_eq!(
            [Role::Label, Role::Patient, Role::Split].map(|role| column(role, &names)),
            [Some(2), Some(3), None]
        );
    }
}
