//! What only shows when records are seen together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::one_record::Finding;
use super::{CheckOptions, Problem, ProblemKind, Severity};
use crate::error::quoted;
use crate::manifest::{Manifest, Record, is_split_name};
use crate::nearest::nearest;

/// What `did you mean` chooses from; the last four are the tests of synthetic background bias.
const SPLITS: [&str; 7] = ["train", "val", "test", "biased", "standard", "deceiving", "external"];

/// A manifest without any split is one training split.
fn has_splits(manifest: &Manifest) -> bool {
    manifest.records.iter().any(|record| !record.split.is_empty())
}

fn is_training(manifest: &Manifest, options: &CheckOptions, record: &Record) -> bool {
    record.split == options.train_split || !has_splits(manifest)
}

/// Problems of the manifest itself: rows that are no records, classes that nothing teaches.
pub(super) fn whole_manifest(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let fatal = |line, path: &Path, kind, message| Problem {
        severity: Severity::Fatal,
        line,
        path: path.to_path_buf(),
        kind,
        message,
    };
    let mut problems: Vec<Problem> = Vec::new();
    for row in &manifest.problems {
        let path = row.image.as_ref().unwrap_or(&manifest.path);
        problems.push(fatal(row.line, path, ProblemKind::Row, row.to_string()));
    }
    let taught: Vec<&Record> =
        manifest.records.iter().filter(|record| is_training(manifest, options, record)).collect();
    if taught.is_empty() {
        let message = format!(
            "no record is in the training split `{}`; the splits are {}",
            options.train_split,
            quoted(&manifest.splits())
        );
        problems.push(fatal(0, &manifest.path, ProblemKind::UnknownSplit, message));
        return problems;
    }
    for (class, name) in manifest.classes.iter().enumerate() {
        let teaches = |record: &&Record| record.label.as_ref().is_some_and(|label| label.classes().contains(&class));
        if !taught.iter().any(teaches) {
            let message = format!(
                "class `{name}` is absent from training; add images to `{}` or drop the class",
                options.train_split
            );
            problems.push(fatal(0, &manifest.path, ProblemKind::ClassAbsent, message));
        }
    }
    problems
}

/// Problems that one record shows next to the others without its files being read: its split and its label.
pub(super) fn records(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let mut problems = Vec::new();
    let known = |split: &str| match &options.splits {
        Some(splits) => splits.iter().any(|known| known == split),
        None => is_split_name(split) || SPLITS.contains(&split) || split == options.train_split,
    };
    let names = options.splits.clone().unwrap_or_else(|| SPLITS.map(String::from).to_vec());
    let has_splits = has_splits(manifest);
    for record in &manifest.records {
        let problem = |severity, kind, message| Problem {
            severity,
            line: record.line,
            path: record.image.clone(),
            kind,
            message,
        };
        if has_splits && !known(&record.split) {
            let message = match nearest(&record.split, names.iter().map(String::as_str)) {
                Some(name) => format!("unknown split `{}`; did you mean `{name}`?", record.split),
                None => format!("unknown split `{}`; expected {}", record.split, quoted(&names)),
            };
            problems.push(problem(Severity::Fatal, ProblemKind::UnknownSplit, message));
        }
        if record.label.is_none() {
            let training = record.split == options.train_split || !has_splits;
            let severity = if training { Severity::Fatal } else { Severity::Warning };
            let message = format!("`{}` has no label; fill in the column `label`", record.image.display());
            problems.push(problem(severity, ProblemKind::Unlabelled, message));
        }
    }
    problems
}

/// Patients of the training split that another split has too; one line for each of them and split.
pub(super) fn groups(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let named = || manifest.records.iter().filter(|record| !record.group.is_empty());
    let mut taught: BTreeMap<&str, &Record> = BTreeMap::new();
    for record in named().filter(|record| is_training(manifest, options, record)) {
        taught.entry(&record.group).or_insert(record);
    }
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut problems = Vec::new();
    for record in named().filter(|record| !is_training(manifest, options, record)) {
        let Some(first) = taught.get(record.group.as_str()) else { continue };
        if seen.insert((&record.group, &record.split)) {
            problems.push(Problem {
                severity: Severity::Warning,
                line: record.line,
                path: record.image.clone(),
                kind: ProblemKind::SharedGroup,
                message: format!(
                    "`{}` of split `{}` belongs to `{}`, as {} of the training split; a patient should be in one split",
                    record.image.display(),
                    record.split,
                    record.group,
                    place(first)
                ),
            });
        }
    }
    problems
}

/// The same picture twice. Each later record is compared with the first of its split and the first of every other.
pub(super) fn repeats(manifest: &Manifest, options: &CheckOptions, findings: &[Finding]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut rows: BTreeMap<(&str, &PathBuf), &Record> = BTreeMap::new();
    let mut contents: BTreeMap<[u8; 32], BTreeMap<&str, &Record>> = BTreeMap::new();
    for (record, finding) in manifest.records.iter().zip(findings) {
        match rows.get(&(record.split.as_str(), &record.image)) {
            Some(first) => problems.push(duplicate(record, first)),
            None => drop(rows.insert((&record.split, &record.image), record)),
        }
        let Some(content) = finding.content else { continue };
        let firsts = contents.entry(*content.as_bytes()).or_default();
        for first in firsts.values().filter(|first| first.split != record.split) {
            problems.push(shared(manifest, options, record, first));
        }
        firsts.entry(&record.split).or_insert(record);
    }
    problems
}

fn duplicate(record: &Record, first: &Record) -> Problem {
    let same = record.label == first.label;
    let place = place(first);
    Problem {
        severity: if same { Severity::Warning } else { Severity::Fatal },
        line: record.line,
        path: record.image.clone(),
        kind: ProblemKind::DuplicateRow,
        message: match same {
            true => format!("`{}` is already in {place}; remove one row", record.image.display()),
            false => format!("`{}` is already in {place} with another label; keep one", record.image.display()),
        },
    }
}

fn shared(manifest: &Manifest, options: &CheckOptions, record: &Record, first: &Record) -> Problem {
    let taught = is_training(manifest, options, record) || is_training(manifest, options, first);
    Problem {
        severity: if taught { Severity::Fatal } else { Severity::Warning },
        line: record.line,
        path: record.image.clone(),
        kind: ProblemKind::SharedContent,
        message: format!(
            "`{}` in split `{}` is the same picture as {} in split `{}`; keep it in one",
            record.image.display(),
            record.split,
            place(first),
            first.split
        ),
    }
}

fn place(record: &Record) -> String {
    match record.line {
        0 => format!("`{}`", record.image.display()),
        line => format!("line {line}"),
    }
}
