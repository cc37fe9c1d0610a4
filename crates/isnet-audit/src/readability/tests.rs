use isnet_data::phantom::{PhantomConfig, PhantomSplit, dataset};
use isnet_data::{Image, Label, Mask, MemoryDataset};

use super::*;

fn memory(samples: Vec<Sample>) -> MemoryDataset {
    let classes = ["clear", "diffuse", "focal"].map(String::from).into();
    MemoryDataset::new(isnet_data::Task::SingleLabel, classes, samples)
}

fn phantoms(config: &PhantomConfig, split: PhantomSplit) -> Readability {
    let answer = readability(&memory(dataset(config, split)), &Settings::default(), &mut |_| ()).unwrap();
    answer.found().unwrap().clone()
}

fn auc(found: &Readability, target: Target, region: Region) -> f64 {
    found.row(target, region).unwrap().auc.unwrap().value
}

#[test]
fn the_marks_of_phantom_hospitals_are_found_and_their_absence_too() {
    let config = PhantomConfig { size: 64, train: 270, test: 270, ..PhantomConfig::default() };
    let (marked, plain) = (phantoms(&config, PhantomSplit::Train), phantoms(&config, PhantomSplit::Standard));
    assert!(auc(&marked, Target::Label, Region::Background) > 0.9, "{marked:#?}");
    assert!(auc(&plain, Target::Label, Region::Background) < 0.65, "{plain:#?}");
    assert!(auc(&plain, Target::Source, Region::Background) > 0.95, "{plain:#?}");
    assert_eq!(verdicts(&Settings::default(), &Answer::Found(marked))[0].outcome, crate::Outcome::Warning);
    let clear = verdicts(&Settings::default(), &Answer::Found(plain));
    assert_eq!(clear.map(|verdict| verdict.outcome), [crate::Outcome::Passed; 2]);
}

/// 120 images of the same kind of noise; the class decides how large the mask is, up to `largest` of the side.
fn only_sizes_differ(largest: usize) -> Vec<Sample> {
    let mut rng = isnet_data::rng::stream(3, &[1]);
    (0..120)
        .map(|image| {
            let class = image % 2;
            let side = if class == 0 { 12 } else { largest };
            let (top, left) = (rand::Rng::random_range(&mut rng, 0..=6), rand::Rng::random_range(&mut rng, 0..=6));
            let inside =
                |pixel: usize| (top..top + side).contains(&(pixel / 64)) && (left..left + side).contains(&(pixel % 64));
            let mask = (0..64 * 64).map(|pixel| f32::from(u8::from(inside(pixel)))).collect();
            let pixels = (0..64 * 64).map(|_| rand::Rng::random::<f32>(&mut rng)).collect();
            Sample {
                image: Image::new(64, 64, 1, pixels),
                mask: Some(Mask::new(64, 64, mask)),
                label: Some(Label::Single(class)),
                id: format!("{image}.png"),
                source: String::new(),
            }
        })
        .collect()
}

#[test]
fn the_size_of_a_mask_is_not_read_from_what_is_behind_it() {
    // The masks leave more than half of the images: there the same pixels are left of all.
    let answer = readability(&memory(only_sizes_differ(28)), &Settings::default(), &mut |_| ()).unwrap();
    let found = answer.found().unwrap();
    assert!(auc(found, Target::Label, Region::Outline) > 0.97, "{found:#?}");
    assert!(auc(found, Target::Label, Region::Background) < 0.65, "{found:#?}");
    assert!(matches!(found.hidden, Hidden::Shared { left } if left > 0.5));
    assert_ne!(verdicts(&Settings::default(), &answer)[0].outcome, crate::Outcome::Warning);
    // Together they leave nothing: what is read may be the outline, and that is said.
    let answer = readability(&memory(only_sizes_differ(58)), &Settings::default(), &mut |_| ()).unwrap();
    let found = answer.found().unwrap();
    assert_eq!(found.hidden, Hidden::Own);
    assert!(auc(found, Target::Label, Region::Background) > 0.9, "{found:#?}");
    let label = &verdicts(&Settings::default(), &answer)[0];
    assert_eq!(label.outcome, crate::Outcome::Undecided);
    assert!(
        label.notes.iter().any(|note| note.contains("from the outline of the foreground alone")),
        "{:?}",
        label.notes
    );
}

/// 20 patients of 6 images: a patient's images share a pattern, which says nothing about the label of others.
fn patients(name: fn(usize) -> String) -> Vec<Sample> {
    (0..120)
        .map(|image| {
            let mut of_patient = isnet_data::rng::stream(4, &[image as u64 / 6]);
            let pattern: Vec<f32> = (0..64).map(|_| rand::Rng::random(&mut of_patient)).collect();
            let pixels = (0..64 * 64).map(|pixel| pattern[pixel / 64 / 8 * 8 + pixel % 64 / 8]).collect();
            let mask = (0..64 * 64).map(|pixel| f32::from(u8::from(pixel / 64 > 20 && pixel / 64 < 40))).collect();
            Sample {
                image: Image::new(64, 64, 1, pixels),
                mask: Some(Mask::new(64, 64, mask)),
                label: Some(Label::Single(image / 6 % 2)),
                id: name(image),
                source: String::new(),
            }
        })
        .collect()
}

#[test]
fn patients_are_guessed_from_names_and_otherwise_said_to_be_unknown() {
    let named = memory(patients(|image| format!("P{:03}_{}.png", image / 6, image % 6)));
    let warned = |data: &MemoryDataset, settings: &Settings| {
        let answer = readability(data, settings, &mut |_| ()).unwrap();
        (verdicts(settings, &answer)[0].clone(), answer.found().unwrap().clone())
    };
    let (label, found) = warned(&named, &Settings::default());
    assert_eq!(found.guessed.as_ref().map(|it| it.patients), Some(20));
    assert!(auc(&found, Target::Label, Region::Background) < 0.75, "{found:#?}");
    assert_ne!(label.outcome, crate::Outcome::Warning);
    let loud = |label: &Verdict, words: &str| label.notes.iter().any(|note| note.starts_with(words));
    assert!(loud(&label, "PATIENTS WERE GUESSED"), "{:?}", label.notes);
    // Without the guess the same images give a false alarm, and a loud note.
    let (label, found) = warned(&named, &Settings { guess_patients: false, ..Settings::default() });
    assert!(auc(&found, Target::Label, Region::Background) > 0.95, "{found:#?}");
    assert_eq!(label.outcome, crate::Outcome::Warning);
    assert!(loud(&label, "NO IMAGE SAYS WHOSE IT IS"), "{:?}", label.notes);
    let (label, found) = warned(&memory(patients(|image| format!("{image}.png"))), &Settings::default());
    assert!(found.guessed.is_none() && loud(&label, "NO IMAGE SAYS WHOSE IT IS"), "{:?}", label.notes);
}

#[test]
fn what_is_missing_is_said_for_each_target() {
    let config = PhantomConfig { size: 32, train: 12, ..PhantomConfig::default() };
    let mut samples = dataset(&config, PhantomSplit::Train);
    samples.iter_mut().for_each(|sample| sample.source.clear());
    let one_source = readability(&memory(samples.clone()), &Settings::default(), &mut |_| ()).unwrap();
    let row = one_source.found().unwrap().row(Target::Source, Region::Background).unwrap().clone();
    assert_eq!((row.missing, row.auc), (Some(Missing::Sources), None));
    assert!(one_source.found().unwrap().row(Target::Label, Region::Background).unwrap().auc.is_some());
    samples.iter_mut().for_each(|sample| sample.label = Some(Label::Single(0)));
    let one_class = readability(&memory(samples.clone()), &Settings::default(), &mut |_| ()).unwrap();
    let [label, source] = verdicts(&Settings::default(), &one_class);
    assert!(label.reason.unwrap().contains("one class") && source.reason.unwrap().contains("one source"));
    samples.iter_mut().for_each(|sample| sample.mask = None);
    let answer = readability(&memory(samples), &Settings::default(), &mut |_| ()).unwrap();
    assert_eq!(answer, Answer::NotAnswerable(Missing::Masks));
}

/// Two sources with labels 3 : 1 and 1 : 3: each of four cells is 1 off an expected 2, so χ² = 4 · 1/2 and V = √(2/8).
#[test]
fn the_association_of_label_and_source_by_hand() {
    let sample = |source: &str, class: usize| Sample {
        image: Image::new(1, 1, 1, vec![0.0]),
        mask: Some(Mask::new(1, 1, vec![0.0])),
        label: Some(Label::Single(class)),
        id: String::new(),
        source: source.to_owned(),
    };
    let samples = [("a", [0, 0, 0, 1]), ("b", [0, 1, 1, 1])];
    let samples = samples.iter().flat_map(|(source, classes)| classes.map(|class| sample(source, class))).collect();
    assert_eq!(association(&memory(samples)), Some(0.5));
    assert_eq!(association(&memory(vec![sample("a", 0), sample("a", 1)])), None);
}
