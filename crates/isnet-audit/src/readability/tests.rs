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
