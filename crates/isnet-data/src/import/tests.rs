//! What all imports have in common, and the bench that each data set builds its replica on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::*;
use crate::manifest::{Manifest, ManifestOptions};
use crate::read_image::read_mask;
use crate::testing::Folder;

/// A data set in miniature below `data/`, to be imported into `out/<kind>.csv`.
pub(super) struct Replica {
    folder: Rc<Folder>,
    kind: &'static str,
}

/// A manifest that was imported.
pub(super) struct Imported {
    /// The files live as long as someone looks at them.
    _alive: Rc<Folder>,
    folder: PathBuf,
    pub report: ImportReport,
    rows: Vec<BTreeMap<String, String>>,
}

impl Replica {
    pub fn new(kind: &'static str) -> Self {
        Self { folder: Rc::new(Folder::new()), kind }
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.folder.write(&format!("data/{name}"), bytes);
    }

    pub fn gray(&self, name: &str, height: u32, width: u32, value: impl Fn(u32, u32) -> u8) {
        self.folder.gray(&format!("data/{name}"), (height, width), value);
    }

    pub fn picture(&self, name: &str, height: u32, width: u32) {
        self.gray(name, height, width, |y, x| (40 * y + 10 * x) as u8);
    }

    pub fn import(&self) -> Imported {
        self.import_with(&ImportSettings::default())
    }

    #[track_caller]
    pub fn import_with(&self, settings: &ImportSettings) -> Imported {
        let settings = ImportSettings { output: Output::Overwrite, ..settings.clone() };
        Imported::read(self, self.try_import(&settings).unwrap())
    }

    pub fn fails(&self) -> String {
        self.fails_with(&ImportSettings::default())
    }

    #[track_caller]
    pub fn fails_with(&self, settings: &ImportSettings) -> String {
        self.try_import(settings).unwrap_err().to_string()
    }

    fn output(&self) -> PathBuf {
        self.folder.path(&format!("out/{}.csv", self.kind))
    }

    fn try_import(&self, settings: &ImportSettings) -> Result<ImportReport> {
        fs::create_dir_all(self.folder.path("data")).unwrap();
        import(self.kind, &self.folder.path("data"), &self.output(), settings, &|_, _| true)
    }
}

impl Imported {
    fn read(replica: &Replica, report: ImportReport) -> Self {
        let mut reader = csv::Reader::from_path(&report.manifest).unwrap();
        let header = reader.headers().unwrap().clone();
        assert_eq!(header.iter().collect::<Vec<_>>(), COLUMNS);
        let row =
            |record: csv::StringRecord| header.iter().zip(&record).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let rows = reader.records().map(|record| row(record.unwrap())).collect();
        // Whatever is imported can be read, and its files are where it says.
        let manifest = Manifest::read(&report.manifest, &ManifestOptions::default()).unwrap();
        for record in &manifest.records {
            assert!(record.image.exists() && record.mask.as_ref().is_none_or(|mask| mask.exists()), "{record:?}");
        }
        Self { _alive: replica.folder.clone(), folder: report.manifest.parent().unwrap().to_path_buf(), report, rows }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn rows(&self) -> impl Iterator<Item = &BTreeMap<String, String>> {
        self.rows.iter()
    }

    /// File name and label of every row.
    pub fn labels(&self) -> Vec<(&str, &str)> {
        self.rows.iter().map(|row| (file_name(&row["image"]), row["label"].as_str())).collect()
    }

    #[track_caller]
    pub fn row(&self, name: &str) -> &BTreeMap<String, String> {
        self.rows
            .iter()
            .find(|row| file_name(&row["image"]) == name)
            .unwrap_or_else(|| panic!("{name} in {:?}", self.labels()))
    }

    /// The mask of an image, pixel by pixel.
    #[track_caller]
    pub fn mask(&self, name: &str) -> Vec<f32> {
        read_mask(self.path(&self.row(name)["mask"])).unwrap().0.values
    }

    /// Line and message of a problem; of a missing file the name, without its folders.
    #[track_caller]
    pub fn problem(&self, index: usize) -> (usize, &str) {
        let problem = self.report.problems.get(index).unwrap_or_else(|| panic!("{:?}", self.report.problems));
        let message = problem.message.split("; correct the path").next().unwrap_or_default();
        (problem.line, if message.starts_with("`/") { file_name(message) } else { message })
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn hannover() -> Replica {
    let replica = Replica::new("hannover");
    let mut list = String::from("patient_id,image_id,sex\n");
    for index in 0..20 {
        list += &format!("p{},i{index},m\n", index / 2);
        replica.picture(&format!("png/i{index}.png"), 8, 4);
    }
    replica.write("data.csv", list);
    replica
}

#[test]
fn every_kind_has_a_name_a_description_and_a_recipe() {
    for (index, kind) in KINDS.iter().enumerate() {
        assert!(KINDS[..index].iter().all(|other| other.name != kind.name), "{}", kind.name);
        assert!(kind.about.len() > 20 && !kind.recipe.is_empty(), "{}", kind.name);
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/recipes/{}.md", kind.recipe));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(
            text.contains(&format!("import {} ", kind.name)),
            "{} does not show `import {}`",
            page.display(),
            kind.name
        );
    }
}

#[test]
fn unknown_kinds_and_folders_are_named() {
    let folder = Folder::new();
    let says = |kind: &str, data: &str, settings: &ImportSettings| {
        import(kind, &folder.path(data), &folder.path("m.csv"), settings, &|_, _| true).unwrap_err().to_string()
    };
    let settings = ImportSettings::default();
    assert!(says("hanover", "", &settings).contains("`hanover` is unknown; did you mean `hannover`?"));
    assert!(says("hannover", "nowhere", &settings).contains("nowhere` does not exist"));
    assert!(says("hannover", "", &settings).contains("data.csv` does not exist"));
    let settings = ImportSettings { val: 0.6, test: 0.5, ..settings };
    assert!(says("hannover", "", &settings).contains("`test` is 0.5; it must be at least 0"));
}

#[test]
fn seeded_splits_keep_patients_together() {
    let imported = hannover().import_with(&ImportSettings { val: 0.2, test: 0.3, ..ImportSettings::default() });
    let mut splits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in imported.rows() {
        splits.entry(&row["patient"]).or_default().push(&row["split"]);
    }
    assert!(splits.values().all(|splits| splits[0] == splits[1]));
    let count = |split: &str| splits.values().filter(|splits| splits[0] == split).count();
    assert_eq!([count("train"), count("val"), count("test")], [5, 2, 3]);
}

#[test]
fn a_folder_of_masks_is_matched_by_name_and_brought_to_size() {
    let replica = hannover();
    replica.picture("my masks/i3.png", 8, 4);
    replica.gray("my masks/deep/i4_mask.png", 4, 2, |y, _| if y < 2 { 255 } else { 0 });
    replica.picture("my masks/i5.png", 4, 4);
    let settings = ImportSettings { masks: Some(replica.folder.path("data/my masks")), ..ImportSettings::default() };
    let imported = replica.import_with(&settings);
    assert_eq!(imported.row("i3.png")["mask"], "../data/my masks/i3.png");
    assert_eq!(imported.row("i4.png")["mask"], "masks/hannover/i4.png");
    assert_eq!(imported.mask("i4.png"), [[1.0; 16], [0.0; 16]].concat());
    assert_eq!((imported.report.images, imported.report.with_mask, imported.report.masks_written), (19, 2, 1));
    assert_eq!(
        imported.problem(0),
        (7, "the mask is 4×4 pixels, its image 8×4 (height×width); resize the mask to its image")
    );
    replica.picture("my masks/other/i3-mask.png", 8, 4);
    assert!(replica.fails_with(&settings).contains("are both masks of one image"));
}

#[test]
fn manifests_are_refused_replaced_or_added_to() {
    let replica = hannover();
    replica.import();
    let fails = |output: Output| replica.fails_with(&ImportSettings { output, ..ImportSettings::default() });
    assert!(fails(Output::Refuse).contains("hannover.csv` exists"));
    let settings =
        ImportSettings { output: Output::Append, splits: Splits::One("test_ood".into()), ..ImportSettings::default() };
    let imported = Imported::read(&replica, replica.try_import(&settings).unwrap());
    assert_eq!((imported.report.images, imported.rows().count()), (20, 40));
    assert!(imported.rows().skip(20).all(|row| row["split"] == "test_ood"));
    fs::write(replica.output(), "image,label\na.png,b\n").unwrap();
    assert!(fails(Output::Append).contains("has other columns than an import writes"));
}

#[test]
fn an_interrupted_or_fruitless_import_writes_no_manifest() {
    let replica = hannover();
    let data = replica.folder.path("data");
    let stopped = import("hannover", &data, &replica.output(), &ImportSettings::default(), &|done, all| {
        assert!(done <= all && all == 20);
        false
    });
    assert!(matches!(stopped, Err(DataError::Interrupted)));
    fs::remove_dir_all(data.join("png")).unwrap();
    let says = replica.fails();
    assert!(
        says.contains("no image of") && says.contains("the first of 20 problem(s)") && says.contains("line 2"),
        "{says}"
    );
    assert!(!replica.output().exists());
}
