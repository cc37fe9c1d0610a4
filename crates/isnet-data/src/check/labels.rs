//! Labels that cannot be meant: one class only, two spellings of one class, words for "unknown", a class per image.

use std::collections::BTreeMap;

use super::across::is_training;
use super::{CheckOptions, Problem, ProblemKind, Severity};
use crate::error::quoted;
use crate::manifest::spelling::{spelling_key, visible};
use crate::manifest::{Manifest, Record, Task};

/// Words that tables have where nothing is known.
const UNKNOWN_WORDS: [&str; 12] =
    ["nan", "na", "n/a", "none", "null", "nil", "unknown", "undefined", "missing", "?", "", "todo"];

/// Names of folders that hold files of one kind, not of one class.
const FOLDER_WORDS: [&str; 8] = ["image", "images", "img", "imgs", "mask", "masks", "label", "labels"];

/// Classes above this number are asked whether they are classes.
const FEW_CLASSES: usize = 10;

/// What cannot be meant about the labels.
pub(super) fn problems(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let taught: Vec<&Record> = manifest.records.iter().filter(|record| is_training(options, record)).collect();
    let problem = |severity, kind, message| Problem { severity, line: 0, path: manifest.path.clone(), kind, message };
    let mut problems = Vec::new();
    for (kind, severity, message) in
        [one_class(manifest, &taught, options), a_class_per_image(manifest, &taught)].into_iter().flatten()
    {
        problems.push(problem(severity, kind, message));
    }
    problems.extend(
        absent_classes(manifest, &taught, options)
            .into_iter()
            .map(|(severity, message)| problem(severity, ProblemKind::ClassAbsent, message)),
    );
    // Classes that a person listed are meant as they are.
    if !manifest.classes_are_stated {
        for message in similar_classes(manifest) {
            problems.push(problem(Severity::Fatal, ProblemKind::SimilarClasses, message));
        }
        for message in odd_classes(manifest) {
            problems.push(problem(Severity::Warning, ProblemKind::OddClass, message));
        }
    }
    problems
}

type Found = Option<(ProblemKind, Severity, String)>;

fn has(record: &Record, class: usize) -> bool {
    record.label.as_ref().is_some_and(|label| label.classes().contains(&class))
}

/// Nothing can be learned where all images are alike.
fn one_class(manifest: &Manifest, taught: &[&Record], options: &CheckOptions) -> Found {
    let labelled: Vec<&&Record> = taught.iter().filter(|record| record.label.is_some()).collect();
    if labelled.is_empty() {
        return None;
    }
    let splits = quoted(&options.train_splits);
    let present: Vec<usize> =
        (0..manifest.classes.len()).filter(|&class| labelled.iter().any(|record| has(record, class))).collect();
    match (manifest.task, present.as_slice()) {
        (Task::SingleLabel, [only]) => Some((
            ProblemKind::OneClass,
            Severity::Fatal,
            format!(
                "all {} labelled images of {splits} have the one label `{}`; a classifier needs images of two classes",
                labelled.len(),
                visible(&manifest.classes[*only])
            ),
        )),
        (Task::MultiLabel, []) => Some((
            ProblemKind::OneClass,
            Severity::Fatal,
            format!("no image of {splits} has a label; a classifier needs images with and without each class"),
        )),
        (Task::MultiLabel, _) => {
            let always = present.iter().find(|class| labelled.iter().all(|record| has(record, **class)))?;
            let class = visible(&manifest.classes[*always]);
            let message = format!("every image of {splits} has the class `{class}`, which teaches nothing");
            Some((ProblemKind::OneClass, Severity::Warning, message))
        }
        _ => None,
    }
}

/// A column of names or of measurements, read as classes.
fn a_class_per_image(manifest: &Manifest, taught: &[&Record]) -> Found {
    let classes = manifest.classes.len();
    let is_meant = manifest.classes_are_stated || classes <= FEW_CLASSES || 2 * classes <= taught.len();
    (!is_meant).then(|| {
        let message = format!(
            "{classes} classes for {} training images; is the column `label` that of the class? List the classes \
             (`data.classes`, `--classes`) if they are meant",
            taught.len()
        );
        (ProblemKind::OddClass, Severity::Warning, message)
    })
}

/// Classes that nothing teaches, or that validation lacks.
fn absent_classes(manifest: &Manifest, taught: &[&Record], options: &CheckOptions) -> Vec<(Severity, String)> {
    let validates = |record: &&Record| Some(&record.split) == options.validation_split.as_ref();
    let validating: Vec<&Record> = manifest.records.iter().filter(validates).collect();
    let mut absent = Vec::new();
    for (class, name) in manifest.classes.iter().enumerate() {
        let name = visible(name);
        if !taught.iter().any(|record| has(record, class)) {
            // A stated list may be that of another data set, whose model goes on here.
            let severity = if manifest.classes_are_stated { Severity::Warning } else { Severity::Fatal };
            let splits = quoted(&options.train_splits);
            absent.push((
                severity,
                format!("class `{name}` is absent from training; add images to {splits} or drop the class"),
            ));
        } else if !validating.is_empty() && !validating.iter().any(|record| has(record, class)) {
            let split = &validating[0].split;
            let message = format!(
                "class `{name}` is absent from the validation split `{split}`: scores of single classes, as `auc` and \
                 `macro_f1`, cannot be found there; add images of it"
            );
            absent.push((Severity::Warning, message));
        }
    }
    absent
}

/// Classes that differ in capitals, blanks, accents or the way a number is written.
fn similar_classes(manifest: &Manifest) -> Vec<String> {
    let mut spellings: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (class, name) in manifest.classes.iter().enumerate() {
        spellings.entry(spelling_key(name)).or_default().push(class);
    }
    let mut messages = Vec::new();
    for classes in spellings.into_values().filter(|classes| classes.len() > 1) {
        let mut names = Vec::new();
        for class in classes {
            let rows = manifest.records.iter().filter(|record| has(record, class)).count();
            let first = manifest.records.iter().find(|record| has(record, class));
            let place = first.map_or(String::new(), |first| format!(", first in {}", super::across::place(first)));
            names.push(format!("`{}` ({rows} images{place})", distinct(&manifest.classes[class])));
        }
        messages.push(format!(
            "the classes {} seem to be one; write one of them everywhere, or list all classes (`data.classes`, `--classes`) \
             if they are meant",
            names.join(" and ")
        ));
    }
    messages
}

/// A name whose letters beyond ASCII are followed by their numbers, since two of them may look the same.
fn distinct(name: &str) -> String {
    let shown = visible(name);
    match name.is_ascii() {
        true => shown,
        false => {
            let numbers = name.chars().filter(|letter| !letter.is_ascii());
            let numbers: Vec<String> = numbers.map(|letter| format!("U+{:04X}", u32::from(letter))).collect();
            format!("{shown}` with `{}", numbers.join(" "))
        }
    }
}

/// Names that are no names of classes.
fn odd_classes(manifest: &Manifest) -> Vec<String> {
    let mut messages = Vec::new();
    for name in &manifest.classes {
        let shown = visible(name);
        if UNKNOWN_WORDS.contains(&spelling_key(name).as_str()) {
            messages.push(format!(
                "the class `{shown}` reads like “not known”; leave the cell empty where there is no label"
            ));
        }
        if FOLDER_WORDS.contains(&spelling_key(name).as_str()) {
            messages.push(format!(
                "the class `{shown}` reads like a folder of files of one kind; name a folder of classes"
            ));
        }
        let is_class = |part: &str| manifest.classes.iter().any(|class| class == part.trim());
        let joined = [';', ',', '/', '+', '&']
            .into_iter()
            .find(|separator| name.contains(*separator) && name.split(*separator).all(is_class));
        if let Some(separator) = joined {
            messages.push(format!(
                "the class `{shown}` is made of others, joined by `{separator}`; if an image may have several labels, join \
                 them by `|` and state `multi_label` as the task"
            ));
        }
    }
    messages
}
