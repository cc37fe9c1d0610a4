//! A study: several variants of one configuration, each trained with several seeds and on several folds.
//!
//! ```toml
//! config = "phantom.toml"          # what all variants share
//! seeds = [0, 1, 2]
//! set = ["train.epochs=10"]         # what it changes for all variants
//!
//! [[variant]]
//! name = "standard"
//! set = ["method.name=standard"]   # as `isnet train --set`
//!
//! [[variant]]
//! name = "isnet"
//!
//! [trust]                          # adds the table "time to trust"
//! split = "deceiving"              # images without the shortcut
//! reference = "isnet"              # the variant that is as right there as can be
//! accuracy = 0.9                   # of the accuracy of the reference; the default
//! background_share = 0.2           # at most; the default
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::atomic;
use crate::config::{Change, RunConfig, line_of, short, split_override, syntax, typed_value};
use crate::error::{Result, RunError, list};
use crate::run_dir::{RunDir, folder_error};
use crate::tensor::read_text;

/// What marks a cell as done.
const RECORD: &str = "cell.json";

/// Why a cell could not be trained.
pub(crate) const FAILURE: &str = "failure.json";

/// Keys that may differ between the processes that share a study.
const MAY_DIFFER: [&str; 3] = ["name", "output", "device"];

/// A valid study.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// What its folder and report are called: the name of the file.
    pub name: String,
    /// The folder of the file, where relative paths in it start.
    pub folder: PathBuf,
    /// The configuration that all variants share.
    pub config: PathBuf,
    /// The folder of all runs, shared by all processes that work on the study.
    pub output: PathBuf,
    /// Seeds; each variant is trained with each.
    pub seeds: Vec<u64>,
    /// Number of folds; 0 trains once on the splits as they are.
    pub folds: usize,
    /// Keys of the configuration that it changes for all variants, before their own.
    pub set: Vec<String>,
    /// What is compared, the first being what the others are compared with.
    pub variants: Vec<Variant>,
    /// When a model is trusted, where the study asks for the time to trust.
    pub trust: Option<TrustRule>,
}

/// One of the things that a study compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name in the table and its folder.
    pub name: String,
    /// Keys of the configuration that it changes, like `method.name=standard`.
    pub set: Vec<String>,
}

/// One training of a study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the variant.
    pub variant: String,
    /// Seed of everything random in it.
    pub seed: u64,
    /// The fold that validates, where there are folds.
    pub fold: Option<usize>,
}

/// `[trust]`: when a model of the study is trusted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrustRule {
    /// The test split whose images do not have the shortcut.
    pub split: String,
    /// The variant whose mean accuracy there is the best that can be reached.
    pub reference: String,
    /// Which part of that accuracy is enough, 0 to 1.
    pub accuracy: f64,
    /// The largest mean background share there, 0 to 1.
    pub background_share: f64,
}

/// What is noted about a cell that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// The cell.
    pub cell: Cell,
    /// Number of trained values in the model.
    pub parameters: usize,
    /// Median time of an epoch with its validation.
    pub seconds_per_epoch: f64,
    /// Epochs that were trained.
    pub epochs: usize,
    /// Median time of a prediction, one image at a time.
    pub milliseconds_per_image: f64,
    /// What processors worked until the epoch that became the model was over, with all validations; `None` in records of earlier versions.
    #[serde(default)]
    pub processor_seconds_to_model: Option<f64>,
    /// Digest of the weights.
    pub weights: String,
}

/// A cell that could not be trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedCell {
    /// The cell.
    pub cell: Cell,
    /// Why.
    pub reason: String,
}

/// What is noted about a failure, with the configuration that it is of.
#[derive(Serialize, Deserialize)]
struct Failure {
    reason: String,
    config: String,
}

/// The keys of a study, and of a variant.
const KEYS: [&str; 7] = ["config", "output", "seeds", "folds", "set", "variant", "trust"];
const TRUST_KEYS: [&str; 4] = ["split", "reference", "accuracy", "background_share"];
const VARIANT_KEYS: [&str; 2] = ["name", "set"];

/// Keys as people write them, beside ours.
const SYNONYMS: [(&str, &str); 6] = [
    ("seed", "seeds"),
    ("fold", "folds"),
    ("variants", "variant"),
    ("base", "config"),
    ("configuration", "config"),
    ("overrides", "set"),
];

/// A study as typed, for messages with file and line.
struct Typed<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Typed<'_> {
    /// The file, and the line of a key.
    fn place(&self, key: &str) -> String {
        let file = self.file.display();
        line_of(self.text, key).map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
    }

    fn wrong(&self, key: &str, value: impl ToString, reason: &str) -> RunError {
        RunError::Value { key: key.into(), place: self.place(key), value: value.to_string(), reason: reason.into() }
    }

    /// Refuses keys that nobody reads.
    fn check_keys(&self, inside: &str, table: &Table, valid: &[&'static str]) -> Result<()> {
        let Some(key) = table.keys().find(|key| !valid.contains(&key.as_str())) else { return Ok(()) };
        let meant = SYNONYMS.iter().find(|(word, meant)| word == key && valid.contains(meant)).map(|(_, meant)| *meant);
        let nearest = valid.iter().copied().max_by(|one, other| {
            let near = |word: &str| strsim::normalized_damerau_levenshtein(word, key);
            near(one).total_cmp(&near(other))
        });
        let near = nearest.filter(|word| strsim::normalized_damerau_levenshtein(word, key) >= 0.6);
        let path = if inside.is_empty() { key.clone() } else { format!("{inside}.{key}") };
        Err(RunError::UnknownKey {
            place: self.place(&path),
            key: path,
            suggestion: meant
                .or(near)
                .map(|word| if inside.is_empty() { word.to_owned() } else { format!("{inside}.{word}") }),
            valid: valid.to_vec(),
        })
    }

    /// The value of a key; `None` if it was not typed.
    fn get<T: crate::config::Typed>(&self, inside: &str, table: &Table, key: &str) -> Result<Option<T>> {
        let Some(value) = table.get(key) else { return Ok(None) };
        let path = if inside.is_empty() { key.to_owned() } else { format!("{inside}.{key}") };
        typed_value(&path, &self.place(&path), value, "").map(Some)
    }

    /// `[trust]`; the reference must be one of the variants.
    fn trust(&self, table: &Table, variants: &[Variant]) -> Result<Option<TrustRule>> {
        let Some(value) = table.get("trust") else { return Ok(None) };
        let how = "it is a section with `split` and `reference`, and if need be `accuracy` and `background_share`";
        let Some(table) = value.as_table() else { return Err(self.wrong("trust", short(value), how)) };
        self.check_keys("trust", table, &TRUST_KEYS)?;
        let missing = |key: &str| self.wrong(&format!("trust.{key}"), "missing", how);
        let share = |key: &str, default: f64| -> Result<f64> {
            let share = self.get("trust", table, key)?.unwrap_or(default);
            let wrong = || self.wrong(&format!("trust.{key}"), share, "it is a share, from 0 to 1");
            if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(wrong()) }
        };
        let rule = TrustRule {
            split: self.get("trust", table, "split")?.ok_or_else(|| missing("split"))?,
            reference: self.get("trust", table, "reference")?.ok_or_else(|| missing("reference"))?,
            accuracy: share("accuracy", 0.9)?,
            background_share: share("background_share", 0.2)?,
        };
        if !variants.iter().any(|variant| variant.name == rule.reference) {
            let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
            let reason = format!("it is no variant of the study: {}", list(&names));
            return Err(self.wrong("trust.reference", toml_text(&rule.reference), &reason));
        }
        Ok(Some(rule))
    }

    fn variants(&self, table: &Table) -> Result<Vec<Variant>> {
        let how = "each variant is a section `[[variant]]` with `name` and `set`";
        let Some(value) = table.get("variant") else { return Ok(Vec::new()) };
        let Some(items) = value.as_array() else { return Err(self.wrong("variant", short(value), how)) };
        let mut variants = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let inside = format!("variant[{index}]");
            let Some(table) = item.as_table() else { return Err(self.wrong(&inside, short(item), how)) };
            self.check_keys(&inside, table, &VARIANT_KEYS)?;
            let name = self.get(&inside, table, "name")?;
            let name =
                name.ok_or_else(|| self.wrong(&format!("{inside}.name"), "missing", "a variant needs a name"))?;
            let set = self.get(&inside, table, "set")?.unwrap_or_default();
            variants.push(Variant { name, set });
        }
        Ok(variants)
    }
}

impl Study {
    /// Reads a study; relative paths in it start at its folder.
    ///
    /// # Errors
    /// [`RunError::Read`]; [`RunError::Syntax`] with the line; [`RunError::UnknownKey`] for a key that no study has; [`RunError::Value`]
    /// for what contradicts itself; and what the configuration of any variant is refused for.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_toml(&read_text("study", path)?, path)
    }

    /// Reads a study from text; `file` is where it would stand.
    ///
    /// # Errors
    /// As [`Study::load`].
    pub fn from_toml(text: &str, file: &Path) -> Result<Self> {
        let typed = Typed { text, file };
        let table: Table = text.parse().map_err(|error| syntax(text, file, &error))?;
        typed.check_keys("", &table, &KEYS)?;
        let config: Option<PathBuf> = typed.get("", &table, "config")?;
        let config = config.ok_or_else(|| {
            typed.wrong(
                "config",
                "missing",
                "a study needs the configuration that all variants share, like `config = \"mine.toml\"`",
            )
        })?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let output: Option<PathBuf> = typed.get("", &table, "output")?;
        let output = output.map_or_else(|| Path::new("runs").join(&name), |output| folder.join(output));
        let variants = typed.variants(&table)?;
        let study = Self {
            trust: typed.trust(&table, &variants)?,
            name,
            config: folder.join(config),
            folder,
            output: std::path::absolute(&output).unwrap_or(output),
            seeds: typed.get("", &table, "seeds")?.unwrap_or_else(|| vec![0]),
            folds: typed.get("", &table, "folds")?.unwrap_or(0),
            set: typed.get("", &table, "set")?.unwrap_or_default(),
            variants,
        };
        study.check(&typed)?;
        study.check_cells()?;
        Ok(study)
    }

    /// A configuration does not become wrong by its seed or fold: one cell of each variant stands for all, unless it is the seed
    /// or the fold that is wrong.
    fn check_cells(&self) -> Result<()> {
        let cells = self.cells();
        let ends = [cells.first(), cells.last()];
        let firsts = cells.iter().take(self.variants.len());
        firsts.chain(ends.into_iter().flatten()).try_for_each(|cell| self.run_config(cell).map(drop))
    }

    fn check(&self, typed: &Typed<'_>) -> Result<()> {
        const CELLS: usize = 100_000;
        let wrong = |key: &str, value: String, reason: &str| Err(typed.wrong(key, value, reason));
        let cells = self.seeds.len().saturating_mul(self.folds.max(1)).saturating_mul(self.variants.len());
        if cells > CELLS {
            return wrong("folds", self.folds.to_string(), "seeds, folds and variants make more than 100000 trainings");
        }
        let repeated = |index: &usize| self.seeds[..*index].contains(&self.seeds[*index]);
        if self.seeds.is_empty() {
            return wrong("seeds", "[]".into(), "a study needs a seed");
        }
        if let Some(index) = (0..self.seeds.len()).find(repeated) {
            return wrong(
                "seeds",
                self.seeds[index].to_string(),
                "the same seed gives the same training; name it once",
            );
        }
        if self.variants.is_empty() {
            return wrong("variant", "[]".into(), "a study compares variants: add `[[variant]]` with `name` and `set`");
        }
        for (index, Variant { name, .. }) in self.variants.iter().enumerate() {
            if name.is_empty() || name.contains(std::path::is_separator) || name.starts_with('.') {
                return wrong("variant.name", toml_text(name), "it is the name of a folder");
            }
            if self.variants[..index].iter().any(|other| other.name == *name) {
                return wrong("variant.name", name.clone(), "another variant has this name");
            }
        }
        Ok(())
    }

    /// The study with another variant first, which the others are then tested against. No folder depends on the order.
    ///
    /// # Errors
    /// [`RunError::Value`] if it has no such variant.
    pub fn against(mut self, name: &str) -> Result<Self> {
        let Some(index) = self.variants.iter().position(|variant| variant.name == name) else {
            let names: Vec<&str> = self.variants.iter().map(|variant| variant.name.as_str()).collect();
            return Err(RunError::Value {
                key: "--against".into(),
                place: "the command line".into(),
                value: name.to_owned(),
                reason: format!("the variants of `{}` are {}", self.name, list(&names)),
            });
        };
        self.variants[..=index].rotate_right(1);
        Ok(self)
    }

    /// All trainings: seed by seed, in it fold by fold, in it variant by variant, so that an interrupted study has whole
    /// comparisons.
    pub fn cells(&self) -> Vec<Cell> {
        let folds: Vec<Option<usize>> = if self.folds == 0 { vec![None] } else { (0..self.folds).map(Some).collect() };
        let mut cells = Vec::new();
        for &seed in &self.seeds {
            for &fold in &folds {
                cells.extend(self.variants.iter().map(|it| Cell { variant: it.name.clone(), seed, fold }));
            }
        }
        cells
    }

    /// The cells of one of `count` processes, counted from 1: every `count`-th.
    ///
    /// # Panics
    /// If `index` is not in `1..=count`.
    pub fn shard(&self, index: usize, count: usize) -> Vec<Cell> {
        assert!((1..=count).contains(&index), "shard {index} of {count}");
        self.cells().into_iter().skip(index - 1).step_by(count).collect()
    }

    /// The run folder of a cell.
    pub fn folder(&self, cell: &Cell) -> PathBuf {
        let fold = cell.fold.map_or_else(String::new, |fold| format!("-fold-{fold}"));
        self.output.join(&cell.variant).join(format!("seed-{}{fold}", cell.seed))
    }

    /// What is noted about a cell, if it is done.
    ///
    /// # Errors
    /// [`RunError::Corrupt`], [`RunError::Read`]; [`RunError::Changed`] if it was trained with another configuration.
    pub fn record(&self, cell: &Cell) -> Result<Option<CellRecord>> {
        let (folder, path) = (self.folder(cell), self.folder(cell).join(RECORD));
        if !path.exists() {
            return Ok(None);
        }
        let record = read_json("cell", &path)?;
        let changes = self.changes(cell, &RunDir::open(&folder)?.config()?)?;
        if changes.is_empty() { Ok(Some(record)) } else { Err(RunError::Changed { path: folder, changes }) }
    }

    /// How the configuration of a cell differs from one that it was run with.
    fn changes(&self, cell: &Cell, begun: &RunConfig) -> Result<Vec<Change>> {
        let mut changes = self.run_config(cell)?.changes_since(begun)?;
        changes.retain(|change| !MAY_DIFFER.contains(&change.key.as_str()));
        Ok(changes)
    }

    /// Why a cell could not be trained, if it was tried and is not done. A failure of another configuration says nothing of this one.
    ///
    /// # Errors
    /// [`RunError::Corrupt`], [`RunError::Read`].
    pub fn failure(&self, cell: &Cell) -> Result<Option<String>> {
        let folder = self.folder(cell);
        let path = folder.join(FAILURE);
        if !path.exists() || folder.join(RECORD).exists() {
            return Ok(None);
        }
        let failure: Failure = read_json("failure", &path)?;
        let tried = RunConfig::from_toml(&failure.config, &path, &[])?;
        Ok(self.changes(cell, &tried)?.is_empty().then_some(failure.reason))
    }

    /// Notes why a cell could not be trained.
    ///
    /// # Errors
    /// [`RunError::Folder`] or another if it cannot be written.
    pub fn save_failure(&self, cell: &Cell, reason: &str) -> Result<()> {
        let folder = self.folder(cell);
        std::fs::create_dir_all(&folder).map_err(folder_error("create", &folder))?;
        let failure = Failure { reason: reason.to_owned(), config: self.run_config(cell)?.to_toml()? };
        atomic::write_json(&folder.join(FAILURE), &failure)
    }

    /// Removes what [`Study::save_failure`] noted: the cell is trained now.
    ///
    /// # Errors
    /// [`RunError::Folder`] if it cannot be removed.
    pub fn forget_failure(&self, cell: &Cell) -> Result<()> {
        let path = self.folder(cell).join(FAILURE);
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(folder_error("clear", &path)(cause)),
            _ => Ok(()),
        }
    }

    /// Marks a cell as done.
    ///
    /// # Errors
    /// [`RunError::Folder`] or another if it cannot be written.
    pub fn save_record(&self, record: &CellRecord) -> Result<()> {
        atomic::write_json(&self.folder(&record.cell).join(RECORD), record)
    }

    /// The configuration of a cell.
    ///
    /// # Errors
    /// What the configuration is refused for; `--set` in a message is a `set` of the variant.
    ///
    /// # Panics
    /// If the study has no such variant.
    pub fn run_config(&self, cell: &Cell) -> Result<RunConfig> {
        let variant = self.variants.iter().find(|variant| variant.name == cell.variant);
        let variant = variant.expect("a cell is of a variant of its study");
        let mut set: Vec<(&str, String)> = Vec::new();
        for text in self.set.iter().chain(&variant.set) {
            let (key, value) = split_override(text)?;
            set.push((key, value.to_owned()));
        }
        let fold = cell.fold.map_or_else(String::new, |fold| format!(", fold {fold}"));
        set.push(("name", toml_text(&format!("{}, seed {}{fold}", cell.variant, cell.seed))));
        set.push(("seed", cell.seed.to_string()));
        set.push(("output", toml_text(&self.folder(cell).display().to_string())));
        if let Some(fold) = cell.fold {
            set.push(("data.folds", self.folds.to_string()));
            set.push(("data.fold", fold.to_string()));
        }
        let set: Vec<(&str, &str)> = set.iter().map(|(key, value)| (*key, value.as_str())).collect();
        RunConfig::load_from(&self.config, &set, &self.folder)
    }
}

/// Text as TOML writes it.
fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn read_json<T: for<'a> Deserialize<'a>>(what: &'static str, path: &Path) -> Result<T> {
    let corrupt = |error: serde_json::Error| RunError::Corrupt {
        what,
        path: path.to_owned(),
        reason: crate::words::of_json(&error),
    };
    serde_json::from_str(&read_text(what, path)?).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (tempfile::TempDir, Result<Study>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.toml"), "[data.phantom]\n[train]\nepochs = 3\n").unwrap();
        let study = Study::from_toml(text, &folder.path().join("small.toml"));
        (folder, study)
    }

    const TEXT: &str = "config = 'base.toml'\nseeds = [3, 5]\n[[variant]]\nname = 'standard'\nset = ['method.name=standard']\n[[variant]]\nname = 'isnet'\n";

    #[test]
    fn each_variant_is_trained_with_each_seed_into_its_own_folder() {
        let (_folder, study) = read(TEXT);
        let study = study.unwrap();
        let cells = study.cells();
        let names: Vec<(&str, u64)> = cells.iter().map(|cell| (cell.variant.as_str(), cell.seed)).collect();
        assert_eq!(names, [("standard", 3), ("isnet", 3), ("standard", 5), ("isnet", 5)]);
        let config = study.run_config(&cells[2]).unwrap();
        assert_eq!((config.seed, config.method.name.word(), config.train.epochs), (5, "standard", 3));
        assert!(config.output.ends_with("runs/small/standard/seed-5"), "{:?}", config.output);
        assert_eq!(config.name, "standard, seed 5");
    }

    #[test]
    fn a_study_says_when_a_model_is_trusted() {
        assert_eq!(read(TEXT).1.unwrap().trust, None);
        let text = format!("{TEXT}[trust]\nsplit = 'deceiving'\nreference = 'isnet'\nbackground_share = 0.1");
        let rule = read(&text).1.unwrap().trust.unwrap();
        assert_eq!((rule.split.as_str(), rule.accuracy, rule.background_share), ("deceiving", 0.9, 0.1));
    }

    #[test]
    fn another_variant_may_come_first() {
        let (_folder, study) = read(&format!("{TEXT}[[variant]]\nname = 'rrr'\n"));
        let study = study.unwrap();
        let names = |study: &Study| study.variants.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&study.clone().against("rrr").unwrap()), ["rrr", "standard", "isnet"]);
        assert_eq!(study.clone().against("standard").unwrap(), study);
        let message = study.against("gain").unwrap_err().to_string();
        assert!(message.contains("`gain`: the variants of `small` are `standard`, `isnet`, `rrr`"), "{message}");
    }

    #[test]
    fn what_a_variant_sets_stands_over_what_the_study_sets() {
        let common = "set = ['train.epochs=7', 'train.batch_size=5']\nseeds";
        let (_folder, study) = read(
            &TEXT
                .replace("'method.name=standard'", "'method.name=standard', 'train.epochs=9'")
                .replace("seeds", common),
        );
        let study = study.unwrap();
        let found: Vec<_> = study.cells()[..2].iter().map(|cell| study.run_config(cell).unwrap().train).collect();
        assert_eq!(found.iter().map(|it| (it.epochs, it.batch_size)).collect::<Vec<_>>(), [(9, 5), (7, 5)]);
    }

    #[test]
    fn a_path_in_a_study_starts_at_the_study() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("studies")).unwrap();
        std::fs::write(folder.path().join("base.toml"), "[data]\nmanifest = 'x.csv'\n").unwrap();
        let text = TEXT
            .replace("'base.toml'", "'../base.toml'\noutput = 'out'")
            .replace("'method.name=standard'", "'method.name=standard', 'data.manifest=y.csv'");
        let study = Study::from_toml(&text, &folder.path().join("studies/s.toml")).unwrap();
        assert_eq!(study.output, folder.path().join("studies/out"));
        let manifest = |cell: usize| study.run_config(&study.cells()[cell]).unwrap().data.source;
        let expected = |name: &str| crate::config::DataSource::Manifest(folder.path().join(name));
        assert_eq!([manifest(0), manifest(1)], [expected("studies/y.csv"), expected("studies/../x.csv")]);
    }

    #[test]
    fn shards_share_the_cells_without_rest_or_repetition() {
        let (_folder, study) = read(&TEXT.replace("seeds", "folds = 3\nseeds"));
        let study = study.unwrap();
        assert_eq!(study.cells().len(), 12);
        let mut shared: Vec<String> =
            (1..=5).flat_map(|index| study.shard(index, 5)).map(|it| format!("{it:?}")).collect();
        let mut all: Vec<String> = study.cells().iter().map(|it| format!("{it:?}")).collect();
        shared.sort();
        all.sort();
        assert_eq!(shared, all);
        let config = study.run_config(&study.cells()[4]).unwrap();
        assert_eq!((config.data.folds, config.data.fold), (3, 2));
        assert!(config.output.ends_with("standard/seed-3-fold-2"));
    }

    #[test]
    fn a_failure_is_known_until_the_cell_is_trained_or_configured_otherwise() {
        let (folder, study) = read(&TEXT.replace("seeds", "output = 'runs'\nseeds"));
        let study = Study { output: folder.path().join("runs"), ..study.unwrap() };
        let cell = &study.cells()[0];
        assert_eq!(study.failure(cell).unwrap(), None);
        study.forget_failure(cell).unwrap();
        study.save_failure(cell, "no masks").unwrap();
        assert_eq!(study.failure(cell).unwrap().as_deref(), Some("no masks"));
        assert_eq!(study.failure(&study.cells()[1]).unwrap(), None);
        let mut other = study.clone();
        other.variants[0].set.push("train.epochs=4".into());
        assert_eq!(other.failure(cell).unwrap(), None, "of another configuration");
        study.forget_failure(cell).unwrap();
        assert_eq!(study.failure(cell).unwrap(), None);
    }

    #[test]
    fn what_contradicts_itself_is_refused_before_anything_is_trained() {
        let cases = [
            (TEXT.replace("[3, 5]", "[3, 3]"), "name it once"),
            (TEXT.replace("[3, 5]", "[]"), "needs a seed"),
            (TEXT.replace("'isnet'", "'standard'"), "another variant has this name"),
            (TEXT.replace("'isnet'", "'a/b'"), "the name of a folder"),
            (TEXT.replace("seeds", "sedes"), "unknown key `sedes` in"),
            (TEXT.replace("seeds", "seed"), "did you mean `seeds`?"),
            (
                TEXT.replace("[[variant]]\nname = 'isnet'", "[[variant]]\nnam = 'isnet'"),
                "did you mean `variant[1].name`?",
            ),
            (TEXT.replace("name = 'isnet'", "set = []"), "a variant needs a name"),
            (TEXT.replace("[3, 5]", "3"), "expected a list of whole numbers"),
            (TEXT.replace("[3, 5]", "['a']"), "expected a list of whole numbers"),
            (TEXT.replace("config = 'base.toml'", ""), "a study needs the configuration"),
            (TEXT.replace("[3, 5]", "[3, 5"), "is not valid TOML: line"),
            (TEXT.replace("method.name=standard", "method.nam=standard"), "did you mean `method.name`?"),
            ("config = 'base.toml'".to_owned(), "add `[[variant]]`"),
            (TEXT.replace("base.toml", "absent.toml"), "absent.toml"),
            (format!("{TEXT}[trust]\nreference = 'isnet'"), "`trust.split`"),
            (format!("{TEXT}[trust]\nsplit = 'x'\nreference = 'isn'"), "no variant of the study"),
            (format!("{TEXT}[trust]\nsplit = 'x'\nreference = 'isnet'\naccuracy = 90"), "from 0 to 1"),
            (format!("{TEXT}[trust]\nsplits = 'x'"), "did you mean `trust.split`?"),
        ];
        for (text, expected) in cases {
            let (_folder, study) = read(&text);
            let message = study.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
