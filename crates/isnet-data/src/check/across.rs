//! What only shows when records are seen together.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Files, firsts};
use super::one_record::Finding;
use super::{CheckOptions, Goal, Problem, ProblemKind, Severity};
use crate::error::{column_meant, quoted};
use crate::manifest::spelling::{split_meant, visible};
use crate::manifest::{Manifest, Record, RowProblemKind, is_split_name};

/// The tests of synthetic background bias.
const BIAS_TESTS: [&str; 4] = ["biased", "standard", "deceiving", "external"];

/// How many letters of a split may be wrong for it to be taken for another.
const MOST_TYPOS: usize = 2;

/// Whether a record teaches.
pub(super) fn is_training(options: &CheckOptions, record: &Record) -> bool {
    options.train_splits.contains(&record.split)
}

/// Whether any record teaches.
pub(super) fn is_taught(manifest: &Manifest, options: &CheckOptions) -> bool {
    manifest.records.iter().any(|record| is_training(options, record))
}

/// Problems of the manifest itself: how it was read, rows that are no records, splits that are needed and have no row.
pub(super) fn whole_manifest(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let problem = |severity, kind, message| Problem { severity, line: 0, path: manifest.path.clone(), kind, message };
    let mut problems: Vec<Problem> =
        manifest.notes.iter().map(|note| problem(Severity::Warning, ProblemKind::Reading, note.to_string())).collect();
    for row in &manifest.problems {
        let kind = match row.kind {
            RowProblemKind::Untaught { .. } => ProblemKind::ClassAbsent,
            _ => ProblemKind::Row,
        };
        let path = row.image.as_ref().unwrap_or(&manifest.path).clone();
        problems.push(Problem { severity: Severity::Fatal, line: row.line, path, kind, message: row.to_string() });
    }
    if options.goal == Goal::Test || manifest.records.is_empty() {
        return problems;
    }
    if !is_taught(manifest, options) {
        let message = nothing_taught(manifest, &options.train_splits);
        problems.push(problem(Severity::Fatal, ProblemKind::UnknownSplit, message));
    } else if let Some(split) = options.validation_split.as_ref().filter(|split| manifest.split(split).is_empty()) {
        let there = quoted(&manifest.splits());
        let message = format!(
            "no record is in the validation split `{split}`, so no epoch can be chosen as the best; the splits are {there}"
        );
        problems.push(problem(Severity::Warning, ProblemKind::UnknownSplit, message));
    }
    problems
}

fn nothing_taught(manifest: &Manifest, train_splits: &[String]) -> String {
    let wanted = quoted(train_splits);
    let splits: Vec<String> = manifest.splits().into_iter().filter(|split| !split.is_empty()).collect();
    let is_folder = manifest.columns.is_empty();
    if splits.is_empty() && is_folder {
        return format!(
            "no image is in the training split {wanted}; put the folders of the classes into `train/`, `val/` and `test/`"
        );
    }
    if splits.is_empty() && !manifest.has_column("split") {
        let meant = column_meant("split", &manifest.columns)
            .map_or(String::new(), |meant| format!("; rename the column `{meant}` if it is meant"));
        return format!(
            "the manifest has no column `split`, which says what to train on: add it, with {wanted} for images to learn \
             from, `val` to validate and `test` to test{meant}"
        );
    }
    format!("no record is in the training split {wanted}; the splits are {}", quoted(&manifest.splits()))
}

/// Splits that seem to be another one; one line for each.
pub(super) fn splits(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let mut firsts: BTreeMap<&str, (&Record, usize)> = BTreeMap::new();
    for record in manifest.records.iter() {
        firsts.entry(&record.split).or_insert((record, 0)).1 += 1;
    }
    if firsts.keys().all(|split| split.is_empty()) {
        return Vec::new();
    }
    let asked: Vec<&str> = options.train_splits.iter().chain(&options.validation_split).map(String::as_str).collect();
    let known = |split: &str| {
        asked.contains(&split)
            || options.splits.iter().any(|known| known == split)
            || is_split_name(split)
            || BIAS_TESTS.contains(&split)
    };
    let mut problems = Vec::new();
    for (split, (first, rows)) in firsts.into_iter().filter(|(split, _)| !known(split)) {
        let shown = visible(split);
        let (severity, message) = match meant(split, &asked) {
            _ if split.is_empty() => {
                let severity = if options.goal == Goal::Test { Severity::Warning } else { Severity::Fatal };
                (severity, format!("{rows} row(s) from here have no split; fill in the column `split`"))
            }
            Some(meant) if asked.contains(&meant) || meant != "test" => (
                Severity::Fatal,
                format!(
                    "unknown split `{shown}`; did you mean `{meant}`? {rows} row(s) from here would be a test of that name"
                ),
            ),
            Some(meant) => (
                Severity::Warning,
                format!("unknown split `{shown}`; did you mean `{meant}`? Its {rows} row(s) are a test of that name"),
            ),
            None => (
                Severity::Warning,
                format!(
                    "unknown split `{shown}`; its {rows} row(s) are a test of that name. Name it in `data.test_splits` (or with `--split`) if it is meant"
                ),
            ),
        };
        problems.push(Problem {
            severity,
            line: first.line,
            path: first.image.clone(),
            kind: ProblemKind::UnknownSplit,
            message,
        });
    }
    problems
}

/// What a split was most likely meant to be: a common word for it, or one with a letter or two wrong.
fn meant<'a>(split: &str, asked: &[&'a str]) -> Option<&'a str> {
    let candidates = asked.iter().copied().chain(["train", "val", "test"]).chain(BIAS_TESTS);
    let word = split_meant(split);
    // A run that trains on `training` means that by `Train`.
    let same = |name: &&str| word.is_some() && (split_meant(name) == word || word == Some(*name));
    let typos = |name: &str| strsim::damerau_levenshtein(&split.to_lowercase(), name);
    let near = |name: &&str| typos(name) <= MOST_TYPOS.min(name.len() / 3);
    candidates.clone().find(same).or_else(|| candidates.clone().filter(near).min_by_key(|name| typos(name)))
}

/// Records without a label: one line for each, or one for all where the manifest has no labels.
pub(super) fn unlabelled(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let records = || manifest.records.iter().filter(|record| record.label.is_none());
    if !manifest.columns.is_empty() && !manifest.has_column("label") {
        let meant = column_meant("label", &manifest.columns)
            .map_or(String::new(), |meant| format!("; rename the column `{meant}` if it is meant"));
        let known = quoted(&manifest.columns);
        return vec![Problem {
            severity: Severity::Fatal,
            line: 0,
            path: manifest.path.clone(),
            kind: ProblemKind::Unlabelled,
            message: format!(
                "the manifest has no column `label`, from which classes are learned; its columns are {known}{meant}"
            ),
        }];
    }
    let problem = |record: &Record| Problem {
        severity: if is_training(options, record) { Severity::Fatal } else { Severity::Warning },
        line: record.line,
        path: record.image.clone(),
        kind: ProblemKind::Unlabelled,
        message: format!("`{}` has no label; fill in the column `label`", record.image.display()),
    };
    records().map(problem).collect()
}

/// Patients of the training split that another split has too; one line for each of them and split.
pub(super) fn groups(manifest: &Manifest, options: &CheckOptions) -> Vec<Problem> {
    let named = || manifest.records.iter().filter(|record| !record.group.is_empty());
    let mut taught: BTreeMap<&str, &Record> = BTreeMap::new();
    for record in named().filter(|record| is_training(options, record)) {
        taught.entry(&record.group).or_insert(record);
    }
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut problems = Vec::new();
    for record in named().filter(|record| !is_training(options, record)) {
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

/// The same image file twice, under one name or by links. Each later record is compared with the first of its split and
/// the first of every other.
pub(super) fn same_file(manifest: &Manifest, options: &CheckOptions, files: &[Files]) -> Vec<Problem> {
    let firsts = firsts(manifest, files);
    let mut problems = Vec::new();
    for (record, files) in manifest.records.iter().zip(files) {
        let Some(of_splits) = files.image.identity().and_then(|identity| firsts.get(identity)) else { continue };
        for first in of_splits.values().filter(|first| is_before(first, record)) {
            problems.push(match first.split == record.split {
                true => duplicate(manifest, record, first),
                false => shared(options, record, first),
            });
        }
    }
    problems
}

/// Whether this is an earlier record of the same manifest.
fn is_before(first: &Record, record: &Record) -> bool {
    std::ptr::from_ref(first) < std::ptr::from_ref(record)
}

/// The same picture in two splits, in files of their own.
pub(super) fn same_content(
    manifest: &Manifest,
    options: &CheckOptions,
    findings: &[Option<Finding>],
    files: &[Files],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut contents: BTreeMap<[u8; 32], BTreeMap<&str, (&Record, &Files)>> = BTreeMap::new();
    for ((record, files), finding) in manifest.records.iter().zip(files).zip(findings) {
        let Some(content) = finding.as_ref().and_then(|finding| finding.content) else { continue };
        let firsts = contents.entry(*content.as_bytes()).or_default();
        for (first, of_first) in firsts.values() {
            if first.split != record.split && of_first.image.identity() != files.image.identity() {
                problems.push(shared(options, record, first));
            }
        }
        firsts.entry(&record.split).or_insert((record, files));
    }
    problems
}

fn duplicate(manifest: &Manifest, record: &Record, first: &Record) -> Problem {
    let label = |record: &Record| {
        let classes = record.label.iter().flat_map(|label| label.classes());
        let names: Vec<&str> = classes.map(|class| manifest.classes[*class].as_str()).collect();
        if names.is_empty() { "no label".to_owned() } else { format!("`{}`", names.join("|")) }
    };
    let same = record.label == first.label;
    let link = if record.image == first.image { "" } else { ", the same file by a link," };
    let (place, image) = (place(first), record.image.display());
    Problem {
        severity: if same { Severity::Warning } else { Severity::Fatal },
        line: record.line,
        path: record.image.clone(),
        kind: ProblemKind::DuplicateRow,
        message: match same {
            true => format!("`{image}`{link} is already in {place}; remove one row"),
            false => format!(
                "`{image}`{link} is already in {place}, as {} there and {} here; keep one",
                label(first),
                label(record)
            ),
        },
    }
}

fn shared(options: &CheckOptions, record: &Record, first: &Record) -> Problem {
    let taught = is_training(options, record) || is_training(options, first);
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

/// Where a record stands, for people.
pub(super) fn place(record: &Record) -> String {
    match record.line {
        0 => format!("`{}`", record.image.display()),
        line => format!("line {line}"),
    }
}
