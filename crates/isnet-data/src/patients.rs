//! Whose image is it? A guess from file names, for data without a column that says it.
//!
//! Public sets name files after their patients: `patient00012/study1/view1.jpg`, `00000013_005.png`, `P012-3.jpg`. A name is cut
//! behind its first number, then behind its second and so on, as long as something follows; the first cut is taken whose beginnings look
//! like patients: most names can be cut, several of them share a beginning, and no beginning has too many images or most of a class.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

/// Names are cut behind at most so many numbers.
const MOST_CUTS: usize = 3;
/// At least so many patients.
const LEAST_PATIENTS: usize = 5;

/// Patients that were guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuessedPatients {
    /// Number of patients.
    pub patients: usize,
    /// Number of images.
    pub images: usize,
    /// Two images that were taken for those of one patient.
    pub example: [String; 2],
    /// The patient of each image.
    #[serde(skip)]
    pub of_image: Vec<String>,
}

/// Guesses the patients of images from their names; `classes` are their labels. `None` where names do not tell.
///
/// # Panics
/// If the lengths differ.
///
/// # Example
/// ```
/// # use isnet_data::guess_patients;
/// let names: Vec<String> = (0..40).map(|image| format!("images/{:08}_{:03}.png", image / 4, image % 4)).collect();
/// let classes: Vec<usize> = (0..40).map(|image| image / 4 % 2).collect();
/// let found = guess_patients(&names, &classes).unwrap();
/// assert_eq!((found.patients, found.of_image[5].as_str()), (10, "images/00000001"));
/// let single: Vec<String> = (0..40).map(|image| format!("{image}_ill.png")).collect();
/// assert_eq!(guess_patients(&single, &classes), None); // one image each
/// ```
pub fn guess_patients(names: &[String], classes: &[usize]) -> Option<GuessedPatients> {
    assert_eq!(names.len(), classes.len(), "every image has a name and a class");
    (1..=MOST_CUTS).find_map(|n_numbers| guess(names, classes, n_numbers))
}

fn guess(names: &[String], classes: &[usize], n_numbers: usize) -> Option<GuessedPatients> {
    let cut: Vec<Option<&str>> = names.iter().map(|name| beginning(name, n_numbers)).collect();
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (image, patient) in cut.iter().enumerate() {
        if let Some(patient) = patient {
            members.entry(patient).or_default().push(image);
        }
    }
    let n = names.len();
    let n_cut: usize = members.values().map(Vec::len).sum();
    let shared: usize = members.values().map(Vec::len).filter(|size| *size > 1).sum();
    let largest = members.values().map(Vec::len).max()?;
    let is_like_patients = members.len() >= LEAST_PATIENTS
        && 10 * n_cut >= 8 * n // most names can be cut
        && 5 * shared >= n // and a fifth of the images shares its patient with another
        && 5 * largest <= n // but no patient has a fifth of all images
        && !has_most_of_a_class(&members, classes);
    if !is_like_patients {
        return None;
    }
    let several = members.values().find(|images| images.len() > 1)?;
    let example = [several[0], several[1]].map(|image| names[image].clone());
    // An image whose name cannot be cut stands for itself.
    let of_image = cut.iter().map(|patient| patient.unwrap_or_default().to_owned()).collect();
    Some(GuessedPatients { patients: members.len() + n - n_cut, images: n, example, of_image })
}

/// Folders and serial numbers of classes look like patients, but hold most of a class.
fn has_most_of_a_class(members: &BTreeMap<&str, Vec<usize>>, classes: &[usize]) -> bool {
    let mut of_class: BTreeMap<usize, usize> = BTreeMap::new();
    classes.iter().for_each(|class| *of_class.entry(*class).or_default() += 1);
    members.values().any(|images| {
        let mut here: BTreeMap<usize, usize> = BTreeMap::new();
        images.iter().for_each(|image| *here.entry(classes[*image]).or_default() += 1);
        here.iter().any(|(class, n)| *n > 2 && 2 * n > of_class[class])
    })
}

/// The name up to the end of its n-th number, if a separator and more follow.
fn beginning(name: &str, n_numbers: usize) -> Option<&str> {
    let end_of_stem = name.len() - Path::new(name).extension().map_or(0, |extension| extension.len() + 1);
    let stem = &name[..end_of_stem];
    let bytes = stem.as_bytes();
    let is_end = |at: usize| bytes[at].is_ascii_digit() && !bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    let end = (0..bytes.len()).filter(|&at| is_end(at)).nth(n_numbers - 1)? + 1;
    let rest = &stem[end..];
    (rest.len() > 1 && rest.starts_with(['_', '-', '/', '\\', '.', ' '])).then_some(&stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(name: impl Fn(usize) -> String, class: impl Fn(usize) -> usize) -> Option<GuessedPatients> {
        let (names, classes): (Vec<String>, Vec<usize>) = (0..60).map(|image| (name(image), class(image))).unzip();
        guess_patients(&names, &classes)
    }

    #[test]
    fn names_of_public_sets_tell_their_patients() {
        let class = |image: usize| image / 3 % 2;
        for name in [
            (|i: usize| format!("train/patient{:05}/study{}/view1_frontal.jpg", i / 3, i % 3)) as fn(usize) -> String,
            |i| format!("{:08}_{:03}.png", i / 3, i % 3),
            |i| format!("P{:03}-{}.jpg", i / 3, i % 3),
            |i| format!("set2/sub-S{:05}_ses-E{}_run-1.png", i / 3, i),
        ] {
            let found = guessed(name, class).unwrap_or_else(|| panic!("{}", name(0)));
            assert_eq!((found.patients, found.images), (20, 60), "{}", name(0));
            assert_eq!(found.of_image[3], found.of_image[5], "{}", name(0));
        }
    }

    #[test]
    fn names_that_are_not_those_of_patients_are_left_alone() {
        let class = |image: usize| image % 2;
        for name in [
            (|i: usize| format!("COVID-19_{i}.png")) as fn(usize) -> String, // one beginning
            |i| format!("images/{i}.png"),                                   // nothing follows
            |i| format!("CHNCXR_{i:04}_{}.png", i % 2),                      // one image each
            |i| format!("fold{}/{i}.png", i % 4),                            // folders
        ] {
            assert_eq!(guessed(name, class), None, "{}", name(0));
        }
        // Six breeds, a folder each.
        assert_eq!(guessed(|i| format!("n{:04}-breed/n_{i}.jpg", i / 10), |i| i / 10), None);
    }
}
