//! What was typed: a TOML table whose keys are known, with overrides from the command line laid over it.
//!
//! [`RawConfig`] knows no meaning and no default. It answers for a key: its value, if any, and the place it came from,
//! so that every error can name file and line.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::SECTIONS;
use super::suggest::{fields_of, nearest_key};
use super::typed::{Typed, short, syntax, typed_value};
use crate::error::{Result, RunError};

/// A configuration as typed. Every key in it is known; no value has been looked at.
#[derive(Debug, Clone)]
pub struct RawConfig {
    table: Table,
    text: String,
    file: PathBuf,
    /// Keys that were laid over, and the folder where their relative paths start.
    overridden: BTreeMap<String, PathBuf>,
}

impl RawConfig {
    /// Reads `text` as TOML; `file` is where it comes from (or would stand), for messages and relative paths.
    ///
    /// # Errors
    /// [`RunError::Syntax`] with line and column, [`RunError::UnknownKey`] with the nearest valid key.
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        let raw = Self {
            table: text.parse().map_err(|error| syntax(text, file, &error))?,
            text: text.to_owned(),
            file: file.to_owned(),
            overridden: BTreeMap::new(),
        };
        raw.check_keys("", &raw.table)?;
        Ok(raw)
    }

    /// Lays `key = value` over what was typed; `key` has its section: `train.epochs`.
    ///
    /// The value is TOML if it can be read so (`4`, `true`, `[1, 25]`), else a string; a string that looks like a
    /// number wants quotes inside: `--set 'name="42"'`.
    ///
    /// # Errors
    /// [`RunError::UnknownKey`] with the nearest valid key.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.set_from(key, value, Path::new(""))
    }

    /// [`RawConfig::set`] where a relative path starts at `folder`; empty: the current one.
    ///
    /// # Errors
    /// As [`RawConfig::set`].
    pub fn set_from(&mut self, key: &str, value: &str, folder: &Path) -> Result<()> {
        let parsed = format!("value = {value}").parse::<Table>().ok().filter(|table| table.len() == 1);
        let parsed = parsed.and_then(|mut table| table.remove("value"));
        // `.5` and `5.` are numbers to everybody but TOML.
        let number = || value.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float);
        let mut value = parsed.or_else(number).unwrap_or_else(|| Value::String(value.to_owned()));
        for part in key.rsplit('.').collect::<Vec<_>>().into_iter().take(key.matches('.').count()) {
            value = Value::Table(Table::from_iter([(part.to_owned(), value)]));
        }
        let top = key.split('.').next().unwrap_or_default().to_owned();
        let addition = Table::from_iter([(top, value)]);
        self.overridden.insert(key.to_owned(), folder.to_owned());
        self.check_keys("", &addition)?;
        lay_over(&mut self.table, addition);
        Ok(())
    }

    /// The section without a name, at the top of the file.
    pub(super) fn top(&self) -> Section<'_> {
        Section { raw: self, path: String::new(), table: Some(&self.table) }
    }

    /// The name of the file without folder and extension.
    pub(super) fn stem(&self) -> String {
        self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The path of `key` made absolute: it starts at the folder of the file that it stands in, or where the override does.
    ///
    /// # Errors
    /// [`RunError::Value`] if it is not there but would be, had it started at the current folder.
    pub(super) fn absolute(&self, key: &str, path: &Path) -> Result<PathBuf> {
        let found = absolute(&self.folder(key).join(path));
        if !found.exists() && path.is_relative() && path.exists() {
            let here = absolute(path);
            return Err(RunError::Value {
                key: key.to_owned(),
                place: self.place(key),
                value: path.display().to_string(),
                reason: format!(
                    "a relative path in a file starts at the folder of that file, where `{}` does not exist; `{}` does: \
                     write the path from the file, or set it on the command line with `--set`",
                    found.display(),
                    here.display()
                ),
            });
        }
        Ok(found)
    }

    /// The run folder made absolute. The default starts at the current folder.
    pub(super) fn output(&self, path: &Path) -> PathBuf {
        let is_typed = self.table.contains_key("output");
        absolute(&if is_typed { self.folder("output").join(path) } else { path.to_owned() })
    }

    /// Where the relative path of a key starts.
    fn folder(&self, key: &str) -> &Path {
        self.override_of(key).unwrap_or_else(|| self.file.parent().unwrap_or(Path::new("")))
    }

    /// The folder of the override that gave a key its value, if one did.
    fn override_of(&self, key: &str) -> Option<&Path> {
        let covers = |set: &String| set == key || key.starts_with(&format!("{set}."));
        self.overridden.iter().find(|(set, _)| covers(set)).map(|(_, folder)| folder.as_path())
    }

    /// Where a key was typed: `--set`, or the file with the line.
    pub(super) fn place(&self, key: &str) -> String {
        if self.override_of(key).is_some() {
            return "`--set`".into();
        }
        let file = self.file.display();
        line_of(&self.text, key).map_or_else(|| format!("{file}"), |line| format!("{file}:{line}"))
    }

    fn check_keys(&self, section: &str, table: &Table) -> Result<()> {
        for (key, value) in table {
            let path = join(section, key);
            let is_section = SECTIONS.iter().any(|(name, _)| *name == path);
            if !is_section && !fields_of(section).any(|field| field.key == key) {
                return Err(RunError::UnknownKey {
                    place: self.place(&path),
                    suggestion: nearest_key(section, key),
                    valid: fields_of(section).map(|field| field.key).collect(),
                    key: path,
                });
            }
            match value {
                Value::Table(inner) if is_section => self.check_keys(&path, inner)?,
                Value::Array(items) if is_section => {
                    items.iter().filter_map(Value::as_table).try_for_each(|inner| self.check_keys(&path, inner))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// One section of a [`RawConfig`], there or not.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    pub(super) raw: &'a RawConfig,
    path: String,
    table: Option<&'a Table>,
}

impl<'a> Section<'a> {
    /// The value of `key`, or `None` where it was not typed.
    pub(super) fn get<T: Typed>(&self, key: &str) -> Result<Option<T>> {
        self.get_in(key, "")
    }

    /// [`get`](Self::get), with the range in words for the message about a value of the wrong kind.
    pub(super) fn get_in<T: Typed>(&self, key: &str, range: &str) -> Result<Option<T>> {
        let Some(value) = self.table.and_then(|table| table.get(key)) else { return Ok(None) };
        typed_value(&self.name(key), &self.place(key), value, range).map(Some)
    }

    /// Whether `key` was typed.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The section `key` inside this one.
    pub(super) fn section(&self, key: &str) -> Result<Section<'a>> {
        let table = match self.table.and_then(|table| table.get(key)) {
            None => None,
            Some(Value::Table(table)) => Some(table),
            Some(value) => return Err(self.invalid(key, short(value), "this is a section, like `{ key = value }`")),
        };
        Ok(Section { raw: self.raw, path: join(&self.path, key), table })
    }

    /// The list of sections `key` inside this one: `[[model.stages]]` or `stages = [{ … }]`.
    pub(super) fn sections(&self, key: &str) -> Result<Option<Vec<Section<'a>>>> {
        let Some(value) = self.table.and_then(|table| table.get(key)) else { return Ok(None) };
        let tables = value.as_array().and_then(|items| items.iter().map(Value::as_table).collect::<Option<Vec<_>>>());
        let tables =
            tables.ok_or_else(|| self.invalid(key, short(value), "this is a list, like `[{ key = value }, …]`"))?;
        let numbered = tables.into_iter().enumerate().map(|(index, table)| Section {
            raw: self.raw,
            path: format!("{}[{index}]", join(&self.path, key)),
            table: Some(table),
        });
        Ok(Some(numbered.collect()))
    }

    /// The full name of `key`.
    pub(super) fn name(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// The place of `key`.
    pub(super) fn place(&self, key: &str) -> String {
        self.raw.place(&self.name(key))
    }

    /// An error about the value of `key`.
    pub(super) fn invalid(&self, key: &str, value: impl ToString, reason: &str) -> RunError {
        RunError::Value {
            key: self.name(key),
            place: self.place(key),
            value: value.to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// Splits the argument of `--set` at its first `=`.
///
/// # Errors
/// [`RunError::Override`] without a key and `=`.
///
/// # Example
/// ```
/// use isnet_run::config::split_override;
/// assert_eq!(split_override("train.epochs=4")?, ("train.epochs", "4"));
/// assert!(split_override("train.epochs").is_err());
/// # Ok::<(), isnet_run::RunError>(())
/// ```
pub fn split_override(text: &str) -> Result<(&str, &str)> {
    let pair = text.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
    pair.filter(|(key, _)| !key.is_empty()).ok_or_else(|| RunError::Override { text: text.to_owned() })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn lay_over(base: &mut Table, addition: Table) {
    for (key, value) in addition {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(more)) => lay_over(inner, more),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// The line of `key` in `text`, counted from 1: the first part of the key that is found, from the end.
pub(crate) fn line_of(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut offset = None;
    for part in key.split('.') {
        let (word, index) = part
            .split_once('[')
            .map_or((part, None), |(word, rest)| (word, rest.trim_end_matches(']').parse::<usize>().ok()));
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == word) else { break };
        offset = Some(name.span().start);
        let item = match (value.get_ref(), index) {
            (DeValue::Array(items), Some(index)) => items.get(index).map(|item| {
                offset = Some(item.span().start);
                item.get_ref()
            }),
            (value, _) => Some(value),
        };
        match item {
            Some(DeValue::Table(inner)) => table = inner,
            _ => break,
        }
    }
    offset.map(|offset| text[..offset].matches('\n').count() + 1)
}
