//! Images, labels and the rest from a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::words::{column, columns};
use super::{Role, SurveySettings, SurveyedImage};
use crate::error::{DataError, Result};
use crate::manifest::CsvText;
use crate::manifest::spelling::{same_word, split_meant};
use crate::manifest::walk::children;

/// Rows that are looked at to find the column of the images.
const PROBED: usize = 100;
/// Share of these whose image must be there.
const LEAST_FOUND: f64 = 0.5;

/// The one table in a folder.
pub(super) fn only_table(folder: &Path) -> Result<Option<PathBuf>> {
    let is_table = |path: &PathBuf| {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        extension.is_some_and(|extension| ["csv", "tsv", "tab"].contains(&extension.as_str()))
    };
    let tables: Vec<PathBuf> = children(folder)?.into_iter().filter(is_table).collect();
    match tables.as_slice() {
        [] => Ok(None),
        [table] => Ok(Some(table.clone())),
        several => Err(DataError::Unclear {
            path: folder.to_path_buf(),
            what: format!("it has {} tables", several.len()),
            advice: format!(
                "name the one with the labels: `--table {}`",
                several.iter().map(|table| table.display().to_string()).collect::<Vec<_>>().join("` or `--table ")
            ),
        }),
    }
}

/// A table whose cells are text.
struct Table<'a> {
    path: &'a Path,
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    roles: BTreeMap<Role, usize>,
}

/// The images of a table, and the names of its further columns.
pub(super) fn read(
    path: &Path,
    folder: &Path,
    images: &[PathBuf],
    settings: &SurveySettings,
    findings: &mut Vec<String>,
) -> Result<(Vec<SurveyedImage>, Vec<String>)> {
    let mut table = Table::read(path, settings)?;
    let files = Files::new(path, folder, images);
    let image = table.image_column(&files)?;
    table.roles.insert(Role::Image, image);
    if !table.roles.contains_key(&Role::Label) {
        return Err(table.unclear("no column is called like a label", "name it: `--label-column NAME`"));
    }
    findings.push(format!("`{}` lists the images: {}.", path.display(), table.description()));
    let known: Vec<usize> = table.roles.values().copied().collect();
    let extra: Vec<usize> = (0..table.names.len()).filter(|at| !known.contains(at)).collect();
    let (mut surveyed, mut missing, mut missing_masks) = (Vec::new(), Vec::new(), Vec::new());
    for row in &table.rows {
        let cell = |role: Role| table.roles.get(&role).map_or("", |&at| row[at].as_str());
        let Some(image) = files.find(cell(Role::Image)) else {
            missing.push(cell(Role::Image).to_owned());
            continue;
        };
        let mask = files.find_mask(cell(Role::Mask));
        if mask.is_none() && !cell(Role::Mask).is_empty() {
            missing_masks.push(cell(Role::Mask).to_owned());
        }
        let split = cell(Role::Split);
        surveyed.push(SurveyedImage {
            image,
            mask,
            label: cell(Role::Label).to_owned(),
            source: cell(Role::Source).to_owned(),
            split: split_meant(split).unwrap_or(split).to_owned(),
            patient: cell(Role::Patient).to_owned(),
            extra: extra.iter().map(|&at| row[at].clone()).collect(),
        });
    }
    if let Some(first) = missing.first() {
        findings.push(format!("{} rows are left out, since their image is not there: `{first}` first.", missing.len()));
    }
    if let Some(first) = missing_masks.first() {
        findings.push(format!(
            "{} masks of the table are not there, `{first}` first; their images get a mask of their name, if there is one.",
            missing_masks.len()
        ));
    }
    Ok((surveyed, extra.into_iter().map(|at| extra_name(&table.names[at])).collect()))
}

/// A further column under a name that a manifest does not read as something else.
fn extra_name(name: &str) -> String {
    let is_taken = ["image", "mask", "label", "split", "source", "patient"].iter().any(|known| same_word(known, name));
    if is_taken { format!("original_{name}") } else { name.to_owned() }
}

impl<'a> Table<'a> {
    fn read(path: &'a Path, settings: &SurveySettings) -> Result<Self> {
        let column_of_images = settings.columns.get(&Role::Image).map_or("image", String::as_str);
        let text = CsvText::read(path, column_of_images)?;
        let failed = |cause| DataError::Csv { path: path.to_path_buf(), cause };
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(text.separator).from_reader(text.bytes.as_slice());
        let names: Vec<String> = reader.headers().map_err(failed)?.iter().map(String::from).collect();
        if let Some(at) = (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
            return Err(DataError::ColumnTwice { path: path.to_path_buf(), column: names[at].clone() });
        }
        let rows = reader.records().map(|row| row.map(|row| row.iter().map(String::from).collect()));
        let rows: Vec<Vec<String>> = rows.collect::<Result<_, _>>().map_err(failed)?;
        if rows.is_empty() {
            return Err(DataError::Empty { path: path.to_path_buf(), is_table: true });
        }
        let mut roles = BTreeMap::new();
        for role in [Role::Image, Role::Mask, Role::Label, Role::Source, Role::Split, Role::Patient] {
            let at = match settings.columns.get(&role) {
                None if role == Role::Image => None,
                None => column(role, &names),
                Some(name) => {
                    let absent =
                        || DataError::Column { path: path.to_path_buf(), column: name.clone(), known: names.clone() };
                    Some(names.iter().position(|known| known == name).ok_or_else(absent)?)
                }
            };
            roles.extend(at.map(|at| (role, at)));
        }
        Ok(Self { path, names, rows, roles })
    }

    /// The column whose cells lead to images: the one that was named, else one with a name for it, else any.
    fn image_column(&self, files: &Files) -> Result<usize> {
        let share = |at: usize| {
            let probed = &self.rows[..self.rows.len().min(PROBED)];
            probed.iter().filter(|row| files.find(&row[at]).is_some()).count() as f64 / probed.len() as f64
        };
        let named = self.roles.get(&Role::Image).copied();
        let candidates = match named {
            Some(at) => vec![at],
            None => columns(Role::Image, &self.names).into_iter().chain(0..self.names.len()).collect(),
        };
        let best = candidates.iter().copied().find(|&at| share(at) >= LEAST_FOUND);
        best.ok_or_else(|| match candidates.first() {
            Some(&at) if named.is_some() || !columns(Role::Image, &self.names).is_empty() => {
                let first =
                    self.rows.iter().find(|row| files.find(&row[at]).is_none()).map_or("", |row| row[at].as_str());
                self.unclear(
                    &format!(
                        "its column `{}` does not lead to images: `{first}` is not below the folder",
                        self.names[at]
                    ),
                    "correct the paths, name another column (`--image-column NAME`), or another folder",
                )
            }
            _ => self.unclear("no column leads to images", "name it: `--image-column NAME`"),
        })
    }

    /// `image` in `Path`, `label` in `Diagnosis`.
    fn description(&self) -> String {
        let word = |role: Role| match role {
            Role::Image => "images",
            Role::Mask => "masks",
            Role::Label => "labels",
            Role::Source => "sources",
            Role::Split => "splits",
            Role::Patient => "patients",
        };
        let parts: Vec<String> =
            self.roles.iter().map(|(role, &at)| format!("{} in `{}`", word(*role), self.names[at])).collect();
        parts.join(", ")
    }

    fn unclear(&self, what: &str, advice: &str) -> DataError {
        let columns = crate::error::quoted(&self.names);
        DataError::Unclear {
            path: self.path.to_path_buf(),
            what: format!("{what}; its columns are {columns}"),
            advice: advice.into(),
        }
    }
}

/// Where a cell may lead.
struct Files {
    roots: Vec<PathBuf>,
    /// Images by name, with and without extension.
    by_name: BTreeMap<String, Vec<PathBuf>>,
}

impl Files {
    fn new(table: &Path, folder: &Path, images: &[PathBuf]) -> Self {
        let mut by_name: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in images {
            let [name, stem] = [path.file_name(), path.file_stem()]
                .map(|name| name.unwrap_or_default().to_string_lossy().into_owned());
            by_name.entry(name).or_default().push(path.clone());
            by_name.entry(stem).or_default().push(path.clone());
        }
        let roots = vec![table.parent().unwrap_or(Path::new("")).to_path_buf(), folder.to_path_buf()];
        Self { roots, by_name }
    }

    /// The image that a cell names: by its path, or by its name alone if only one has it.
    fn find(&self, cell: &str) -> Option<PathBuf> {
        let path = self.path(cell)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        self.file(&path).or_else(|| match self.by_name.get(name).map(Vec::as_slice) {
            Some([only]) => Some(only.clone()),
            _ => None,
        })
    }

    /// The mask that a cell names, by its path.
    fn find_mask(&self, cell: &str) -> Option<PathBuf> {
        self.path(cell).and_then(|path| self.file(&path))
    }

    fn path(&self, cell: &str) -> Option<String> {
        (!cell.is_empty()).then(|| cell.replace('\\', "/"))
    }

    fn file(&self, path: &str) -> Option<PathBuf> {
        self.roots.iter().map(|root| root.join(path)).find(|path| path.is_file())
    }
}
