//! The data sets of a configuration.

use std::sync::Arc;

use isnet_data::phantom::{self, PhantomSplit};
use isnet_data::shapes::{self, ShapesSplit};
use isnet_data::{
    Augmentation, CheckOptions, Dataset, Goal, Intensity, Manifest, ManifestDataset, ManifestOptions, MemoryDataset,
    Preparation, Problem, ProblemKind, Sample, Severity, Task, check_rows, deal,
};

use crate::config::{self, AugmentConfig, DataConfig, DataSource, MethodName, PhantomConfig, RunConfig, ShapesConfig};
use crate::error::{Result, RunError};

/// What the rows without a split are called.
pub const WITHOUT_SPLIT: &str = "all";

/// Images and masks that are looked at before a training.
const SPOT_CHECKED: usize = 256;

/// Prepared samples kept in memory per data set.
const CACHE_BYTES: usize = 2 << 30;

/// What a run trains on, chooses with and reports.
pub struct Datasets {
    /// Classes in the order of the logits.
    pub classes: Vec<String>,
    /// Single-label or multi-label.
    pub task: Task,
    /// How an image becomes the network's input.
    pub preparation: Preparation,
    /// To learn from.
    pub train: Arc<dyn Dataset>,
    /// To choose the best epoch with; `None` if the split is empty.
    pub validation: Option<Arc<dyn Dataset>>,
    /// To report, by name of the split.
    pub tests: Vec<(String, Arc<dyn Dataset>)>,
    /// What is odd about the data, a sentence each.
    pub notes: Vec<String>,
}

impl Datasets {
    /// Opens the data of a configuration.
    ///
    /// # Errors
    /// [`RunError::Data`] with file and line, [`RunError::EmptySplit`] without a training sample.
    pub fn open(config: &DataConfig) -> Result<Self> {
        let found = Self::open_for(config, Goal::Classify)?;
        found.train.check_labels()?;
        Ok(found)
    }

    /// [`Datasets::open`] for a model that is trained already: the training split may be empty, and rows without a split are
    /// a test too.
    ///
    /// # Errors
    /// [`RunError::Data`] with file and line.
    pub fn open_to_test(config: &DataConfig) -> Result<Self> {
        Self::open_for(config, Goal::Test)
    }

    fn open_for(config: &DataConfig, goal: Goal) -> Result<Self> {
        match &config.source {
            DataSource::Phantom(phantom) => {
                let generator = phantom_config(phantom, config.channels);
                generator.check()?;
                let splits = PhantomSplit::ALL.map(|split| (split.name(), split));
                Self::generated(config, &generator.class_names(), &splits, |split| phantom::dataset(&generator, split))
            }
            DataSource::Shapes(shapes) => {
                let generator = shapes_config(shapes);
                generator.check()?;
                let splits = ShapesSplit::ALL.map(|split| (split.name(), split));
                Self::generated(config, &generator.class_names(), &splits, |split| shapes::dataset(&generator, split))
            }
            DataSource::Manifest(_) | DataSource::Folder(_) => {
                Self::files(config, Arc::new(manifest(config, goal)?.strict()?), goal)
            }
        }
    }

    /// What the method of a configuration learns from: labelled, unless it only segments. What `isnet data check` calls fatal
    /// and can be found without decoding is refused; what it warns of, in the rows or in some of the images, is in [`Datasets::notes`].
    ///
    /// # Errors
    /// As [`Datasets::open`]; [`RunError::DataProblems`].
    pub fn of(config: &RunConfig) -> Result<Self> {
        let goal = goal(config);
        if matches!(config.data.source, DataSource::Phantom(_) | DataSource::Shapes(_)) {
            return Self::open_for(&config.data, goal);
        }
        let manifest = manifest_to_check(config)?;
        let mut warnings = check_data(config, &manifest)?;
        let manifest = Arc::new(manifest);
        let mut found = Self::files(&config.data, manifest.clone(), goal)?;
        if goal == Goal::Classify {
            found.train.check_labels()?;
        }
        warnings.extend(spot_check(&config.data, &manifest, &found.preparation));
        found.notes = notes(warnings);
        Ok(found)
    }

    fn files(config: &DataConfig, manifest: Arc<Manifest>, goal: Goal) -> Result<Self> {
        let preparation = preparation(config, Some(&manifest))?;
        let rows = |records: Vec<usize>| -> Result<Arc<dyn Dataset>> {
            let rows = ManifestDataset::new(manifest.clone(), records, preparation)?;
            Ok(Arc::new(rows.with_margin(config.margin()).with_cache(CACHE_BYTES)))
        };
        let dataset = |split: &str| rows(manifest.split(split));
        let train = dataset(&config.train_split)?;
        if train.is_empty() && goal != Goal::Test {
            let known = manifest.splits();
            return Err(RunError::EmptySplit { split: config.train_split.clone(), known });
        }
        let validation = dataset(&config.validation_split)?;
        let (train, validation) = match config.folds {
            0 => (train, validation),
            _ => {
                let (taught, held_out) = cross_validation(&*train, &*validation, config);
                let pool = [manifest.split(&config.train_split), manifest.split(&config.validation_split)].concat();
                let part = |chosen: Vec<usize>| rows(chosen.into_iter().map(|index| pool[index]).collect());
                (part(taught)?, part(held_out)?)
            }
        };
        let names = config.test_splits.clone().unwrap_or_else(|| {
            let own = [&config.train_split, &config.validation_split];
            manifest.splits().into_iter().filter(|name| !own.contains(&name)).collect()
        });
        let mut tests = Vec::new();
        for name in names {
            let test = dataset(&name)?;
            if test.is_empty() {
                return Err(RunError::EmptySplit { split: name, known: manifest.splits() });
            }
            let name = if name.is_empty() { WITHOUT_SPLIT.to_owned() } else { name };
            tests.push((name, test));
        }
        Ok(Self {
            classes: manifest.classes.clone(),
            task: manifest.task,
            preparation,
            train,
            validation: (!validation.is_empty()).then_some(validation),
            tests,
            notes: Vec::new(),
        })
    }

    /// What `draw` gives for the training split, the validation split and the tests, in this order.
    fn generated<S: Copy>(
        config: &DataConfig,
        classes: &[String],
        splits: &[(&str, S)],
        draw: impl Fn(S) -> Vec<Sample>,
    ) -> Result<Self> {
        let preparation = preparation(config, None)?;
        let dataset = |(name, split): &(&str, S)| -> Result<(String, MemoryDataset)> {
            let mut samples = draw(*split);
            for sample in &mut samples {
                (sample.image, sample.mask) = preparation.apply(&sample.image, sample.mask.as_ref())?;
                if let Some(margin) = config.margin() {
                    sample.mask = sample.mask.as_ref().map(|mask| margin.around(mask));
                }
            }
            Ok((name.to_string(), MemoryDataset::new(Task::SingleLabel, classes.to_vec(), samples)))
        };
        let ((_, mut train), (_, mut validation)) = (dataset(&splits[0])?, dataset(&splits[1])?);
        if config.folds > 0 {
            let (taught, held_out) = cross_validation(&train, &validation, config);
            let pool: Vec<&Sample> = train.samples().iter().chain(validation.samples()).collect();
            let part = |chosen: Vec<usize>| {
                let samples = chosen.into_iter().map(|index| pool[index].clone()).collect();
                MemoryDataset::new(Task::SingleLabel, classes.to_vec(), samples)
            };
            (train, validation) = (part(taught), part(held_out));
        }
        let tests = splits[2..].iter().map(|split| {
            let (name, test) = dataset(split)?;
            Ok((name, Arc::new(test) as Arc<dyn Dataset>))
        });
        Ok(Self {
            classes: classes.to_vec(),
            task: Task::SingleLabel,
            preparation,
            train: Arc::new(train),
            validation: Some(Arc::new(validation)),
            tests: tests.collect::<Result<_>>()?,
            notes: Vec::new(),
        })
    }
}

/// What is taught and what is held out, as places among the training and then the validation samples.
fn cross_validation(train: &dyn Dataset, validation: &dyn Dataset, config: &DataConfig) -> (Vec<usize>, Vec<usize>) {
    let folds = deal(&[train, validation], config.folds);
    (0..folds.len()).partition(|index| folds[*index] != config.fold)
}

/// How an image becomes the network's input. The depth of 16-bit files is found in the training images of the manifest; generated
/// images, which have none, use all of their range.
fn preparation(config: &DataConfig, manifest: Option<&Manifest>) -> Result<Preparation> {
    let intensity = match (config.intensity, config.depth_bits, manifest) {
        (config::Intensity::Stored, ..) => Intensity::Stored,
        (config::Intensity::Percentile, ..) => Intensity::Percentile,
        (config::Intensity::Depth, Some(bits), _) => Intensity::Depth { bits: bits as u8 },
        (config::Intensity::Depth, None, None) => Intensity::Depth { bits: 16 },
        (config::Intensity::Depth, None, Some(manifest)) => {
            Intensity::find_depth(manifest, &manifest.split(&config.train_split))?
        }
    };
    let DataConfig { height, width, channels, fit, .. } = *config;
    Ok(Preparation { height, width, channels, fit: fit.into(), intensity })
}

/// [`isnet_data::spot_check`] of the images that a configuration trains and validates with.
fn spot_check(config: &DataConfig, manifest: &Manifest, preparation: &Preparation) -> Vec<Problem> {
    let records = [manifest.split(&config.train_split), manifest.split(&config.validation_split)].concat();
    isnet_data::spot_check(manifest, &records, SPOT_CHECKED, preparation)
}

/// The generator of a phantom section.
pub fn phantom_config(config: &PhantomConfig, channels: usize) -> phantom::PhantomConfig {
    phantom::PhantomConfig {
        size: config.size,
        channels,
        train: config.train,
        val: config.val,
        test: config.test,
        seed: config.seed,
        ..Default::default()
    }
}

/// The generator of a shapes section.
pub fn shapes_config(config: &ShapesConfig) -> shapes::ShapesConfig {
    shapes::ShapesConfig {
        size: config.size,
        train: config.train,
        val: config.val,
        test: config.test,
        seed: config.seed,
        correlation: config.correlation,
    }
}

/// The changes to training images, or `None` if there are none.
pub fn augmentation(config: &AugmentConfig) -> Option<Augmentation> {
    let augmentation = Augmentation {
        rotation_degrees: config.rotation_degrees as f32,
        translation: config.translation as f32,
        scale: (config.scale[0] as f32, config.scale[1] as f32),
        flip_horizontal: config.flip_horizontal,
        brightness: config.brightness as f32,
        contrast: config.contrast as f32,
        noise: config.noise as f32,
    };
    (augmentation != Augmentation::default()).then_some(augmentation)
}

/// What a configuration needs its data for.
fn goal(config: &RunConfig) -> Goal {
    match config.method.name {
        MethodName::Segment => Goal::Segment,
        _ => Goal::Classify,
    }
}

/// How the rows of a configuration are read.
fn manifest_options(config: &DataConfig, goal: Goal) -> ManifestOptions {
    ManifestOptions {
        image_column: config.image_column.clone(),
        mask_column: config.mask_column.clone(),
        group_column: config.group_column.clone(),
        classes: config.classes.clone(),
        class_splits: (goal == Goal::Classify).then(|| train_splits(config)),
        task: config.task.map(Task::from),
    }
}

/// The splits that are learned from: with folds, the validation split too.
fn train_splits(config: &DataConfig) -> Vec<String> {
    let validation = (config.folds > 0).then_some(&config.validation_split);
    std::iter::once(&config.train_split).chain(validation).cloned().collect()
}

/// The manifest of a configuration whose data are files, with its bad rows among its problems.
fn manifest(config: &DataConfig, goal: Goal) -> Result<Manifest> {
    let options = manifest_options(config, goal);
    match &config.source {
        DataSource::Manifest(path) => Ok(Manifest::read_lenient(path, &options)?),
        DataSource::Folder(folder) => {
            Ok(Manifest::from_folders_lenient(&folder.images, folder.masks.as_deref(), &options)?)
        }
        DataSource::Phantom(_) | DataSource::Shapes(_) => Err(RunError::NoManifest),
    }
}

/// The manifest of a configuration with its bad rows among its problems, for a check that lists them all.
///
/// # Errors
/// [`RunError::Data`] for a file that cannot be read at all, [`RunError::NoManifest`] for generated images.
pub fn manifest_to_check(config: &RunConfig) -> Result<Manifest> {
    manifest(&config.data, goal(config))
}

/// What the data of a configuration should fulfil. Without the manifest, nothing is asked of images at the network's size.
///
/// # Errors
/// [`RunError::Data`] if an image cannot be read in which the depth of the files is looked for.
pub fn check_options(config: &RunConfig, manifest: Option<&Manifest>) -> Result<CheckOptions> {
    let data = &config.data;
    Ok(CheckOptions {
        goal: goal(config),
        train_splits: train_splits(data),
        validation_split: (data.folds == 0).then(|| data.validation_split.clone()),
        splits: data.test_splits.clone().unwrap_or_default(),
        preparation: manifest.map(|manifest| preparation(data, Some(manifest))).transpose()?,
    })
}

/// Refuses data that `isnet data check` calls fatal, and returns its warnings. No picture is decoded.
///
/// # Errors
/// [`RunError::DataProblems`].
fn check_data(config: &RunConfig, manifest: &Manifest) -> Result<Vec<Problem>> {
    let report = check_rows(manifest, &check_options(config, None)?);
    let (mut fatal, warnings): (Vec<Problem>, Vec<Problem>) =
        report.problems.into_iter().partition(|problem| problem.severity == Severity::Fatal);
    // A row that could not be read may be why a class or a split is missing.
    fatal.sort_by_key(|problem| problem.kind != ProblemKind::Row);
    if fatal.is_empty() {
        Ok(warnings)
    } else {
        Err(RunError::DataProblems { data: manifest.path.clone(), problems: fatal })
    }
}

/// The warnings as sentences: of many of one kind, the first and how many there are.
fn notes(problems: Vec<Problem>) -> Vec<String> {
    let mut kinds: Vec<(ProblemKind, String, usize)> = Vec::new();
    for problem in problems {
        match kinds.iter_mut().find(|(kind, ..)| *kind == problem.kind) {
            Some((_, _, count)) => *count += 1,
            None => kinds.push((problem.kind, problem.to_string(), 1)),
        }
    }
    let sentence = |(_, first, count): (ProblemKind, String, usize)| match count {
        1 => first,
        _ => format!("{first} (and {} more of this kind: `isnet data check` lists all)", count - 1),
    };
    kinds.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(set: &[(&str, &str)]) -> DataConfig {
        RunConfig::from_toml("[data.phantom]", "x.toml", set).unwrap().data
    }

    #[test]
    fn every_key_of_the_augmentation_reaches_it() {
        let set = [
            ("data.augment.rotation_degrees", "5"),
            ("data.augment.translation", "0.125"),
            ("data.augment.scale", "[0.5, 2.0]"),
            ("data.augment.flip_horizontal", "true"),
            ("data.augment.brightness", "0.25"),
            ("data.augment.contrast", "0.375"),
            ("data.augment.noise", "0.0625"),
        ];
        let expected = Augmentation {
            rotation_degrees: 5.0,
            translation: 0.125,
            scale: (0.5, 2.0),
            flip_horizontal: true,
            brightness: 0.25,
            contrast: 0.375,
            noise: 0.0625,
        };
        assert_eq!(augmentation(&data(&set).augment), Some(expected));
        assert_eq!(augmentation(&data(&[]).augment), None);
    }

    #[test]
    fn there_are_as_many_phantoms_of_the_size_as_the_configuration_says() {
        let set = [
            ("data.phantom.size", "32"),
            ("data.phantom.train", "6"),
            ("data.phantom.val", "4"),
            ("data.phantom.test", "2"),
            ("data.channels", "1"),
            ("data.height", "16"),
            ("data.width", "24"),
        ];
        let found = Datasets::open(&data(&set)).unwrap();
        assert_eq!((found.train.len(), found.validation.as_ref().map(|split| split.len())), (6, Some(4)));
        let tests: Vec<(&str, usize)> = found.tests.iter().map(|(name, split)| (name.as_str(), split.len())).collect();
        assert_eq!(tests, [("biased", 2), ("standard", 2), ("deceiving", 2), ("external", 2)]);
        let image = found.train.sample(0).unwrap().image;
        assert_eq!((image.height, image.width, image.channels), (16, 24, 1));
        let generator = phantom_config(&crate::config::PhantomConfig { seed: 7, ..phantom(&set) }, 3);
        assert_eq!((generator.seed, generator.size, generator.channels), (7, 32, 3));
    }

    #[test]
    fn every_key_of_the_shapes_reaches_their_generator() {
        let text = "channels = 1\nheight = 16\nwidth = 24\n[data.shapes]\nsize = 32\ntrain = 8\nval = 4\ntest = 3\ncorrelation = 0.5\nseed = 7";
        let data = RunConfig::from_toml(&format!("[data]\n{text}"), "x.toml", &[]).unwrap().data;
        let DataSource::Shapes(section) = &data.source else { panic!("{:?}", data.source) };
        let expected = shapes::ShapesConfig { size: 32, train: 8, val: 4, test: 3, seed: 7, correlation: 0.5 };
        assert_eq!(shapes_config(section), expected);
        let found = Datasets::open(&data).unwrap();
        assert_eq!(found.classes, shapes::CLASSES);
        assert_eq!((found.train.len(), found.validation.as_ref().map(|split| split.len())), (8, Some(4)));
        let tests: Vec<(&str, usize)> = found.tests.iter().map(|(name, split)| (name.as_str(), split.len())).collect();
        assert_eq!(tests, [("biased", 3), ("standard", 3), ("deceiving", 3)]);
        let image = found.train.sample(0).unwrap().image;
        assert_eq!((image.height, image.width, image.channels), (16, 24, 1), "colour becomes gray");
    }

    #[test]
    fn a_margin_lies_around_every_mask_of_files_and_generated_images() {
        let margin_of = |dataset: &dyn Dataset| {
            let mask = dataset.sample(0).unwrap().mask.unwrap();
            mask.values.iter().filter(|value| **value == 0.5).count()
        };
        let size =
            [("data.phantom.size", "32"), ("data.phantom.train", "6"), ("data.height", "32"), ("data.width", "32")];
        for (typed, some) in [("0", false), ("2", true), ("0.05", true)] {
            for folds in ["0", "2"] {
                let set = [&size[..], &[("data.mask_margin", typed), ("data.folds", folds)]].concat();
                let found = Datasets::open(&data(&set)).unwrap();
                for split in [&found.train, found.validation.as_ref().unwrap(), &found.tests[0].1] {
                    assert_eq!(margin_of(&**split) > 0, some, "{typed}, {folds} folds");
                }
            }
        }
        let rows = "image,mask,label,split\n0.png,m.png,x,train\n1.png,m.png,y,train\n2.png,m.png,x,val\n";
        let (folder, config) = of_rows(rows, "height = 8\nwidth = 8\nmask_margin = 1");
        let dot = isnet_data::Image::new(8, 8, 1, (0..64).map(|place| f32::from(u8::from(place == 27))).collect());
        isnet_data::write_image(folder.path().join("m.png"), &dot, isnet_data::BitDepth::Eight).unwrap();
        let found = Datasets::open(&config.data).unwrap();
        assert_eq!((margin_of(&*found.train), margin_of(&**found.validation.as_ref().unwrap())), (4, 4));
        let message = RunConfig::from_toml("[data.phantom]", "x.toml", &[("data.mask_margin", "1.5")]).unwrap_err();
        assert!(message.to_string().contains("whole pixels"), "{message}");
    }

    #[test]
    fn the_depth_is_found_in_the_training_images_and_then_belongs_to_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, level: u16| {
            let pixels = vec![0.0, f32::from(level) / 65535.0];
            let image = isnet_data::Image::new(1, 2, 1, pixels);
            isnet_data::write_image(folder.path().join(name), &image, isnet_data::BitDepth::Sixteen).unwrap();
        };
        write("a.png", 4095);
        write("b.png", 500);
        let manifest = folder.path().join("manifest.csv");
        std::fs::write(&manifest, "image,label,split\na.png,x,train\nb.png,y,train\n").unwrap();
        let open = |text: &str| {
            let text = format!("[data]\nmanifest = {:?}\nheight = 8\nwidth = 8\n{text}", manifest.to_str().unwrap());
            RunConfig::from_toml(&text, "x.toml", &[])
        };
        let config = open("intensity = \"depth\"").unwrap();
        let found = Datasets::of(&config).unwrap();
        assert_eq!(found.preparation.intensity, Intensity::Depth { bits: 12 });
        let is_dim = |note: &String| note.contains("as if 12 of 16 bits were used");
        assert!(!found.notes.iter().any(is_dim), "{:?}", found.notes);
        let notes = Datasets::of(&open("").unwrap()).unwrap().notes;
        assert!(notes.iter().any(is_dim), "{notes:?}");
        let mut config = config.data;
        write("a.png", 200);
        assert_eq!(Datasets::open(&config).unwrap().preparation.intensity, Intensity::Depth { bits: 10 });
        config.prepare_as(&found.preparation);
        assert_eq!(Datasets::open(&config).unwrap().preparation, found.preparation, "whatever the files are now");
        let message = open("depth_bits = 12").unwrap_err().to_string();
        assert!(message.contains("`data.intensity` is `stored`; say `data.intensity = \"depth\"`"), "{message}");
    }

    #[test]
    fn generated_images_have_no_manifest_until_they_are_written() {
        for source in ["phantom", "shapes"] {
            let config = RunConfig::from_toml(&format!("[data.{source}]"), "x.toml", &[]).unwrap();
            let message = manifest_to_check(&config).unwrap_err().to_string();
            assert!(message.contains(&format!("isnet data {source} FOLDER")), "{message}");
        }
    }

    #[test]
    fn folds_take_turns_to_validate_and_leave_the_tests_alone() {
        let set = |fold: &'static str| {
            let size = [("data.phantom.size", "32"), ("data.phantom.train", "12"), ("data.phantom.val", "6")];
            let rest = [("data.phantom.test", "2"), ("data.folds", "3"), ("data.fold", fold)];
            Datasets::open(&data(&[&size[..], &rest[..]].concat())).unwrap()
        };
        let ids = |dataset: &dyn Dataset| (0..dataset.len()).map(|index| dataset.id(index)).collect::<Vec<_>>();
        let mut held_out = Vec::new();
        for fold in ["0", "1", "2"] {
            let found = set(fold);
            let validation = found.validation.unwrap();
            assert_eq!((found.train.len(), validation.len(), found.tests[0].1.len()), (12, 6, 2));
            let mut all = [ids(&*found.train), ids(&*validation)].concat();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 18);
            held_out.extend(ids(&*validation));
        }
        held_out.sort();
        held_out.dedup();
        assert_eq!(held_out.len(), 18, "every sample validates once");
    }

    /// A manifest of these rows in a folder of its own, and the configuration that names it.
    fn of_rows(rows: &str, more: &str) -> (tempfile::TempDir, RunConfig) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m.csv"), rows).unwrap();
        for name in ["0.png", "1.png", "2.png", "3.png"] {
            isnet_data::write_image(
                folder.path().join(name),
                &isnet_data::Image::new(8, 8, 1, vec![0.5; 64]),
                isnet_data::BitDepth::Eight,
            )
            .unwrap();
        }
        let text = format!("[data]\nmanifest = 'm.csv'\n{more}");
        let config = RunConfig::from_toml(&text, folder.path().join("x.toml"), &[]).unwrap();
        (folder, config)
    }

    #[test]
    fn a_test_set_needs_no_training_split_and_no_split_at_all() {
        for (rows, name) in [
            ("image,label,split\n0.png,x,test\n1.png,y,test\n", "test"),
            ("image,label,split\n0.png,x,\n1.png,y,\n", WITHOUT_SPLIT),
            ("image,label\n0.png,x\n1.png,y\n", WITHOUT_SPLIT),
        ] {
            let (_folder, config) = of_rows(rows, "classes = ['y', 'x']");
            let found = Datasets::open_to_test(&config.data).unwrap();
            let tests: Vec<_> = found.tests.iter().map(|(name, split)| (name.as_str(), split.len())).collect();
            assert_eq!((tests, found.train.len()), (vec![(name, 2)], 0), "{rows}");
            let message = Datasets::open(&config.data).err().unwrap().to_string();
            assert!(message.contains("split `train` has no sample"), "{message}");
        }
        let (_folder, config) = of_rows("image,label\n0.png,z\n", "classes = ['y', 'x']");
        let message = Datasets::open_to_test(&config.data).err().unwrap().to_string();
        assert!(message.contains("line 2: label `z` is not a class; the classes are `y`, `x`"), "{message}");
    }

    #[test]
    fn the_classes_are_those_of_the_training_split() {
        let rows = "image,label,split\n0.png,x,train\n1.png,y,train\n2.png,z,test\n";
        let (_folder, config) = of_rows(rows, "");
        let message = Datasets::open(&config.data).err().unwrap().to_string();
        assert!(message.contains("line 4: class `z` is absent from training"), "{message}");
        let (_folder, stated) = of_rows(rows, "classes = ['x', 'y', 'z']");
        assert_eq!(Datasets::open(&stated.data).unwrap().classes, ["x", "y", "z"]);
        let folds = rows.replace("test", "val");
        let (_folder, folded) = of_rows(&folds, "folds = 2");
        assert_eq!(Datasets::open(&folded.data).unwrap().classes, ["x", "y", "z"]);
    }

    #[test]
    fn the_task_is_what_the_configuration_says() {
        let rows = "image,label,split\n0.png,x|y,train\n1.png,y,train\n2.png,x,train\n";
        let (_folder, config) = of_rows(rows, "task = 'multi_label'");
        assert_eq!(Datasets::open(&config.data).unwrap().task, Task::MultiLabel);
        let (_folder, config) = of_rows(rows, "");
        let message = Datasets::open(&config.data).err().unwrap().to_string();
        assert!(message.contains("line 2: `x|y` names several labels, but most rows name one"), "{message}");
    }

    #[test]
    fn what_the_data_check_calls_fatal_stops_a_training_and_its_warnings_are_noted() {
        let rows = "image,label,split\n0.png,Cat,train\n1.png,cat,train\n2.png,cat,valid\nlost.png,cat,kaggle\n";
        let (_folder, config) = of_rows(rows, "test_splits = ['kaggle']");
        let Err(RunError::DataProblems { problems, .. }) = Datasets::of(&config) else { panic!("refused") };
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for (line, part) in [
            "fatal: the classes `Cat` (1 images, first in line 2) and `cat` (3 images, first in line 3)",
            "fatal: line 4: unknown split `valid`; did you mean `val`?",
            "fatal: line 5: `",
        ]
        .into_iter()
        .enumerate()
        {
            assert!(said[line].starts_with(part), "{said:#?}");
        }
        let message = Datasets::of(&config).err().unwrap().to_string();
        assert!(
            message.contains("`Cat`") && message.contains("(and 2 more: `isnet data check` lists all)"),
            "{message}"
        );
        let small = [
            ("data.shapes.size", "32"),
            ("data.shapes.train", "8"),
            ("data.shapes.val", "4"),
            ("data.shapes.test", "3"),
        ];
        let generated = RunConfig::from_toml("[data.shapes]", "x.toml", &small).unwrap();
        assert_eq!(Datasets::of(&generated).unwrap().notes, [] as [String; 0]);
    }

    fn phantom(set: &[(&str, &str)]) -> PhantomConfig {
        match data(set).source {
            DataSource::Phantom(phantom) => phantom,
            other => panic!("{other:?}"),
        }
    }
}
