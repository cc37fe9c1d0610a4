//! Labels and splits from folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::SurveyedImage;
use super::words::is_image_folder;
use crate::error::{DataError, Result};
use crate::manifest::is_split_name;
use crate::manifest::spelling::split_meant;

/// At least so many folders below the classes, for them to be patients.
const LEAST_PATIENTS: usize = 5;

/// Reads `[split/]class/[patient/]…/image`, in which folders like `images` may stand anywhere.
pub(super) fn read(folder: &Path, images: Vec<PathBuf>, findings: &mut Vec<String>) -> Result<Vec<SurveyedImage>> {
    if images.is_empty() {
        return Err(DataError::Empty { path: folder.to_path_buf(), is_table: false });
    }
    let mut levels: Vec<Vec<String>> = images.iter().map(|image| telling_levels(folder, image)).collect();
    let splits = take_splits(&mut levels);
    drop_shared(&mut levels);
    let classes: BTreeSet<&String> = levels.iter().filter_map(|levels| levels.first()).collect();
    if classes.is_empty() {
        return Err(DataError::Unclear {
            path: folder.to_path_buf(),
            what: format!("nothing says the labels of its {} images", images.len()),
            advice: "put them into a folder per class, or a CSV file with the columns `image` and `label` beside them (`--table` names one that lies elsewhere)"
                .into(),
        });
    }
    if let (1, Some(class)) = (classes.len(), classes.first()) {
        return Err(DataError::Unclear {
            path: folder.to_path_buf(),
            what: format!("all its images lie in one folder, `{class}`, so there is one class"),
            advice: "a classifier needs two: name the folder above the folders of the classes, or a table of labels (`--table`)".into(),
        });
    }
    findings.push(format!("Labels are the names of folders: {}.", listed(&classes)));
    if splits.iter().any(|split| !split.is_empty()) {
        let names: BTreeSet<&String> = splits.iter().collect();
        findings.push(format!("Splits are the names of folders: {}.", listed(&names)));
    }
    let patients = patients(&levels);
    if patients.is_some() {
        findings.push("Folders below those of the classes are taken for patients.".into());
    }
    let unlabelled = levels.iter().filter(|levels| levels.is_empty()).count();
    if unlabelled > 0 {
        findings.push(format!("{unlabelled} images lie in no folder of a class and have no label."));
    }
    let image = |(index, image): (usize, PathBuf)| SurveyedImage {
        image,
        mask: None,
        label: levels[index].first().cloned().unwrap_or_default(),
        source: String::new(),
        split: splits[index].clone(),
        patient: patients.as_ref().map_or(String::new(), |patients| patients[index].clone()),
        extra: Vec::new(),
    };
    Ok(images.into_iter().enumerate().map(image).collect())
}

/// The folders of an image that may say something, from the top.
fn telling_levels(folder: &Path, image: &Path) -> Vec<String> {
    let below = image.strip_prefix(folder).unwrap_or(image);
    let names = below.parent().into_iter().flat_map(Path::iter).map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| !is_image_folder(name)).collect()
}

/// Takes out the level, the first or the second, that names splits of all images; empty where there is none.
fn take_splits(levels: &mut [Vec<String>]) -> Vec<String> {
    for depth in 0..2 {
        let split = |levels: &Vec<String>| -> Option<String> {
            let name = levels.get(depth)?;
            split_meant(name).map(str::to_owned).or_else(|| is_split_name(name).then(|| name.clone()))
        };
        if let Some(splits) = levels.iter().map(split).collect::<Option<Vec<String>>>() {
            levels.iter_mut().for_each(|levels| drop(levels.remove(depth)));
            return splits;
        }
    }
    vec![String::new(); levels.len()]
}

/// Drops folders from the top that all images share and below which there are others.
fn drop_shared(levels: &mut [Vec<String>]) {
    while let Some(first) = levels.first().and_then(|levels| levels.first()).cloned()
        && levels.iter().all(|levels| levels.len() > 1 && levels[0] == first)
    {
        levels.iter_mut().for_each(|levels| drop(levels.remove(0)));
    }
}

/// The folder below the class, where all images have one, its name has a number, and there are many.
fn patients(levels: &[Vec<String>]) -> Option<Vec<String>> {
    let patients: Vec<String> = levels.iter().map(|levels| levels.get(1).cloned()).collect::<Option<_>>()?;
    let distinct: BTreeSet<&String> = patients.iter().collect();
    let numbered = distinct.iter().all(|name| name.bytes().any(|byte| byte.is_ascii_digit()));
    (numbered && distinct.len() >= LEAST_PATIENTS).then_some(patients)
}

/// `a`, `b`, `c` and 12 more.
fn listed(names: &BTreeSet<&String>) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match names.len() {
        n if n > MOST => format!("{} and {} more", shown.join(", "), n - MOST),
        _ => shown.join(", "),
    }
}
