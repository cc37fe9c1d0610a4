//! Who may see which image.

use super::entry::{Entry, OfficialSplit};
use super::{ImportSettings, Splits};
use crate::seeded_splits::{Shares, seeded_splits};

/// Gives every entry its split, as [`OfficialSplit::Fixed`].
///
/// Images without a patient are patients of their own.
pub(super) fn assign(entries: &mut [Entry], settings: &ImportSettings) {
    let same = match &settings.splits {
        Splits::Official => None,
        Splits::Seeded => Some(OfficialSplit::Unknown),
        Splits::One(name) => Some(OfficialSplit::fixed(name)),
    };
    if let Some(split) = same {
        entries.iter_mut().for_each(|entry| entry.split = split.clone());
    }
    for kind in [OfficialSplit::Unknown, OfficialSplit::TrainOrVal] {
        let test = if kind == OfficialSplit::Unknown { settings.test } else { 0.0 };
        let drawn: Vec<usize> = (0..entries.len()).filter(|&index| entries[index].split == kind).collect();
        let images: Vec<(String, String)> =
            drawn.iter().map(|&index| (entries[index].label.clone(), patient(&entries[index]))).collect();
        let shares = Shares { val: settings.val, test };
        for (index, split) in drawn.into_iter().zip(seeded_splits(&images, shares, settings.seed)) {
            entries[index].split = OfficialSplit::fixed(split);
        }
    }
}

fn patient(entry: &Entry) -> String {
    match entry.patient.as_str() {
        // A blank cannot start a patient's name: names are trimmed.
        "" => format!(" {}", entry.stem()),
        patient => patient.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Found;
    use super::*;

    /// 40 patients with two images each, every fourth with the class `b`.
    fn entries() -> Vec<Entry> {
        let found = Found::new("x", std::path::Path::new(""));
        let entry = |index: usize| Entry {
            patient: format!("p{}", index / 2),
            label: if (index / 2).is_multiple_of(4) { "b".into() } else { "a".into() },
            ..found.entry(format!("{index}.png"))
        };
        (0..80).map(entry).collect()
    }

    fn assigned(mut entries: Vec<Entry>, settings: &ImportSettings) -> Vec<String> {
        assign(&mut entries, settings);
        let name = |entry: Entry| match entry.split {
            OfficialSplit::Fixed(split) => split,
            _ => "?".into(),
        };
        entries.into_iter().map(name).collect()
    }

    #[test]
    fn patients_stay_together_and_classes_have_their_shares() {
        let settings = ImportSettings { val: 0.2, test: 0.1, ..ImportSettings::default() };
        let splits = assigned(entries(), &settings);
        assert!(splits.chunks(2).all(|pair| pair[0] == pair[1]));
        let count = |split: &str, is_b: bool| {
            let patients = (0..40_usize).filter(|patient| patient.is_multiple_of(4) == is_b);
            patients.filter(|patient| splits[2 * patient] == split).count()
        };
        assert_eq!([count("test", true), count("val", true), count("train", true)], [1, 2, 7]);
        assert_eq!([count("test", false), count("val", false), count("train", false)], [3, 6, 21]);
    }

    #[test]
    fn the_seed_decides_and_the_order_does_not() {
        let settings = |seed| ImportSettings { seed, ..ImportSettings::default() };
        let here = assigned(entries(), &settings(1));
        assert_ne!(here, assigned(entries(), &settings(2)));
        let mut turned: Vec<Entry> = entries();
        turned.reverse();
        let mut back = assigned(turned, &settings(1));
        back.reverse();
        assert_eq!(back, here);
    }

    #[test]
    fn official_splits_stay_unless_seeded_ones_are_asked_for() {
        let mut given = entries();
        given.iter_mut().for_each(|entry| entry.split = OfficialSplit::TrainOrVal);
        given[0].split = OfficialSplit::fixed("test");
        let official = assigned(given.clone(), &ImportSettings::default());
        assert_eq!(official.iter().filter(|split| *split == "test").count(), 1);
        assert!(official.contains(&"val".to_owned()));
        let seeded = assigned(given, &ImportSettings { splits: Splits::Seeded, ..ImportSettings::default() });
        assert_eq!(seeded, assigned(entries(), &ImportSettings::default()));
        let one = ImportSettings { splits: Splits::One("test_ood".into()), ..ImportSettings::default() };
        assert_eq!(assigned(entries(), &one), ["test_ood"; 80]);
    }
}
