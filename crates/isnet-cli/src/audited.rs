//! The images that a command asks questions about.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use isnet_data::rng::stream;
use isnet_data::{Dataset, Label, Manifest, ManifestDataset, ManifestOptions, Preparation, Task};
use rand::seq::SliceRandom;

use crate::args::AuditImages;

/// Prepared images kept in memory: each is decoded once as long as they fit.
const CACHE_BYTES: usize = 2 << 30;
/// Key of the images that `--limit` leaves.
const LIMIT: u64 = 601;

/// The images of some splits.
pub struct Audited {
    pub data: ManifestDataset,
    /// The splits that the images are of.
    pub splits: Vec<String>,
}

/// What the images are read for.
pub struct Purpose<'a> {
    /// The task of the manifest, where no model says it.
    pub task: Option<Task>,
    /// Size of the images.
    pub preparation: Preparation,
    /// Task and classes of the model that they are for, and `label=class` for labels that it calls otherwise.
    pub model: Option<(Task, &'a [String], &'a [String])>,
    /// Splits to take where none is named, the first that there is; all if there is none of them.
    pub default_splits: &'a [&'a str],
}

impl Audited {
    /// Reads the manifest and chooses images.
    pub fn open(path: &Path, images: &AuditImages, purpose: &Purpose<'_>) -> anyhow::Result<Self> {
        let options = ManifestOptions {
            image_column: images.image_column.clone(),
            mask_column: images.mask_column.clone(),
            group_column: images.group.clone(),
            task: purpose.model.map(|(task, ..)| task).or(purpose.task),
            ..ManifestOptions::default()
        };
        let mut manifest = Manifest::read(path, &options)?;
        let splits = splits(&manifest, images, purpose.default_splits)?;
        let chosen = |index: &usize| splits.contains(&manifest.records[*index].split);
        let mut records: Vec<usize> = (0..manifest.records.len()).filter(chosen).collect();
        if let Some(limit) = images.limit.filter(|limit| *limit < records.len()) {
            records.shuffle(&mut stream(images.seed, &[LIMIT]));
            records.truncate(limit);
            records.sort_unstable();
        }
        if let Some((_, classes, renamed)) = purpose.model {
            align(&mut manifest, &records, classes, renamed)?;
        }
        let data = ManifestDataset::new(Arc::new(manifest), records, purpose.preparation)?.with_cache(CACHE_BYTES);
        Ok(Self { data, splits })
    }

    /// `180 images of val`, for people.
    pub fn description(&self) -> String {
        let splits: Vec<&str> = self.splits.iter().map(String::as_str).filter(|split| !split.is_empty()).collect();
        let of = if splits.is_empty() { String::new() } else { format!(" of {}", splits.join(", ")) };
        format!("{} images{of}", self.data.len())
    }
}

/// The splits that were asked for, or the first of the defaults that there is, or all.
fn splits(manifest: &Manifest, images: &AuditImages, defaults: &[&str]) -> anyhow::Result<Vec<String>> {
    let known = manifest.splits();
    images.splits.iter().try_for_each(|split| manifest.need_split(split).map(drop))?;
    if !images.splits.is_empty() {
        return Ok(images.splits.clone());
    }
    let named = |default: &&str| {
        let exact = known.iter().find(|name| name == default);
        exact.or_else(|| known.iter().find(|name| *default == "test" && name.starts_with("test"))).cloned()
    };
    Ok(defaults.iter().find_map(named).map_or(known.clone(), |split| vec![split]))
}

/// Gives the records the class indices of the model.
fn align(manifest: &mut Manifest, records: &[usize], classes: &[String], renamed: &[String]) -> anyhow::Result<()> {
    let mut names: Vec<&str> = manifest.classes.iter().map(String::as_str).collect();
    for pair in renamed {
        let Some((label, class)) = pair.split_once('=') else {
            bail!(
                "cannot read `--classes {pair}`: write the label of the manifest and the class of the model, like `covid=COVID-19`"
            );
        };
        let Some(place) = manifest.classes.iter().position(|name| name == label) else {
            bail!("`--classes {pair}`: no row has the label `{label}`; there are {}", quoted(&manifest.classes));
        };
        names[place] = class;
    }
    let index: Vec<Option<usize>> = names.iter().map(|name| classes.iter().position(|class| class == name)).collect();
    let used: BTreeSet<usize> = records
        .iter()
        .filter_map(|&record| manifest.records[record].label.as_ref())
        .flat_map(|label| label.classes().to_vec())
        .collect();
    let unknown: Vec<String> =
        used.iter().filter(|&&class| index[class].is_none()).map(|&class| names[class].to_owned()).collect();
    if !unknown.is_empty() {
        bail!(
            "the model does not know {} of `{}`; its classes are {}; map names that differ with `--classes {}=…`, or name splits without them",
            quoted(&unknown),
            manifest.path.display(),
            quoted(classes),
            unknown[0]
        );
    }
    for &record in records {
        let label = &mut manifest.records[record].label;
        *label = label.take().map(|label| match label {
            Label::Single(class) => Label::Single(index[class].unwrap_or_default()),
            Label::Multi(several) => {
                let mut several: Vec<usize> = several.into_iter().filter_map(|class| index[class]).collect();
                several.sort_unstable();
                Label::Multi(several)
            }
        });
    }
    manifest.classes = classes.to_vec();
    Ok(())
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
