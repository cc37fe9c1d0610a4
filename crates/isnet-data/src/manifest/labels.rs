//! Written labels to class indices: the second half of reading, the same for files and folders.
//!
//! The task is what the options say. Unsaid, it is multi-label only where that cannot be doubted: at least half of the
//! rows with a label name several. Where fewer do, they are problems, since one slip of the pen must not turn
//! the task of all rows into another.
//!
//! The classes are what the options say. Unsaid, they are the labels of the splits that are learned from, sorted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Manifest, ManifestOptions, Note, Record, RowProblem, RowProblemKind, Task};
use crate::error::{DataError, Result};
use crate::nearest::nearest;
use crate::sample::Label;

/// A row whose label is still text.
pub(super) struct Draft {
    pub record: Record,
    pub label: String,
}

/// What was read of a file or folder, before its labels are looked at.
#[derive(Default)]
pub(super) struct Drafts {
    pub rows: Vec<Draft>,
    pub problems: Vec<RowProblem>,
    /// The header; `None` for folders.
    pub columns: Option<Vec<String>>,
    pub notes: Vec<Note>,
}

/// Gives every row its label.
pub(super) fn resolve(path: &Path, drafts: Drafts, options: &ManifestOptions) -> Result<Manifest> {
    let Drafts { rows, mut problems, columns, notes } = drafts;
    if rows.is_empty() && problems.is_empty() {
        return Err(DataError::Empty { path: path.to_path_buf(), is_table: columns.is_some() });
    }
    let task = options.task.unwrap_or_else(|| task_of(&rows));
    let taught = taught_splits(&rows, options);
    let teaches = |draft: &&Draft| taught.is_none_or(|splits| splits.contains(&draft.record.split));
    let classes = match &options.classes {
        Some(classes) => unique(classes)?,
        None => classes_seen(rows.iter().filter(teaches).flat_map(|draft| words(&draft.label, task))),
    };
    let mut untaught: BTreeMap<String, RowProblem> = BTreeMap::new();
    let has_labels = columns.as_ref().is_none_or(|columns| columns.iter().any(|column| column == "label"));
    let mut records = Vec::with_capacity(rows.len());
    for Draft { mut record, label } in rows {
        match parse_label(&label, task, &classes, options) {
            Ok(parsed) => {
                record.label = parsed.filter(|_| has_labels);
                records.push(record);
            }
            Err(RowProblemKind::UnknownLabel { label, .. }) if options.classes.is_none() => {
                count_untaught(&mut untaught, label, record, taught.unwrap_or_default());
            }
            Err(kind) => problems.push(RowProblem { line: record.line, image: Some(record.image), kind }),
        }
    }
    problems.extend(untaught.into_values());
    problems.sort_by_key(|problem| problem.line);
    let columns = columns.unwrap_or_default();
    let classes_are_stated = options.classes.is_some();
    Ok(Manifest { path: path.to_path_buf(), task, classes, classes_are_stated, records, problems, columns, notes })
}

fn task_of(rows: &[Draft]) -> Task {
    let several = rows.iter().filter(|draft| draft.label.contains('|')).count();
    let labelled = rows.iter().filter(|draft| !draft.label.trim().is_empty()).count();
    if several > 0 && 2 * several >= labelled { Task::MultiLabel } else { Task::SingleLabel }
}

/// The splits whose labels are the classes; `None`: all. Where none of them has a row, that is for others to say.
fn taught_splits<'a>(rows: &[Draft], options: &'a ManifestOptions) -> Option<&'a [String]> {
    let splits = options.class_splits.as_deref()?;
    rows.iter().any(|draft| splits.contains(&draft.record.split)).then_some(splits)
}

/// One problem per label that only other splits have, at its first row.
fn count_untaught(untaught: &mut BTreeMap<String, RowProblem>, label: String, record: Record, taught: &[String]) {
    let problem = untaught.entry(label.clone()).or_insert_with(|| RowProblem {
        line: record.line,
        image: Some(record.image),
        kind: RowProblemKind::Untaught { label, split: record.split, rows: 0, taught: taught.to_vec() },
    });
    if let RowProblemKind::Untaught { rows, .. } = &mut problem.kind {
        *rows += 1;
    }
}

fn unique(classes: &[String]) -> Result<Vec<String>> {
    for (index, class) in classes.iter().enumerate() {
        if classes[..index].contains(class) {
            return Err(DataError::ClassTwice { class: class.clone() });
        }
    }
    Ok(classes.to_vec())
}

/// The labels written in a cell. In a single-label task `a|b` is one (wrong) word, not two classes.
fn words(label: &str, task: Task) -> impl Iterator<Item = &str> {
    let separator = move |letter: char| letter == '|' && task == Task::MultiLabel;
    label.split(separator).map(str::trim).filter(move |word| {
        let is_wrong = task == Task::SingleLabel && word.contains('|');
        !word.is_empty() && !is_wrong
    })
}

fn classes_seen<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut classes: Vec<&str> = labels.collect::<BTreeSet<_>>().into_iter().collect();
    if classes.iter().all(|class| class.parse::<i64>().is_ok()) {
        classes.sort_by_key(|class| class.parse::<i64>().ok());
    }
    classes.into_iter().map(String::from).collect()
}

fn parse_label(
    label: &str,
    task: Task,
    classes: &[String],
    options: &ManifestOptions,
) -> Result<Option<Label>, RowProblemKind> {
    if task == Task::SingleLabel && label.contains('|') {
        return Err(RowProblemKind::SeveralLabels { label: label.into(), is_stated: options.task.is_some() });
    }
    let mut indices = Vec::new();
    for word in words(label, task) {
        let index = classes.iter().position(|class| class == word);
        indices.push(index.ok_or_else(|| RowProblemKind::UnknownLabel {
            label: word.into(),
            nearest: nearest(word, classes.iter().map(String::as_str)).map(String::from),
            classes: classes.to_vec(),
        })?);
    }
    indices.sort_unstable();
    indices.dedup();
    Ok(match task {
        Task::SingleLabel => indices.first().map(|&class| Label::Single(class)),
        Task::MultiLabel => Some(Label::Multi(indices)),
    })
}
