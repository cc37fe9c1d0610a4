//! The data sets of a configuration.

use std::sync::Arc;

use isnet_data::phantom::{self, PhantomSplit};
use isnet_data::shapes::{self, ShapesSplit};
use isnet_data::{
    Augmentation, Dataset, Intensity, Manifest, ManifestDataset, ManifestOptions, MemoryDataset, Preparation, Problem,
    Sample, Task, deal,
};

use crate::config::{self, AugmentConfig, DataConfig, DataSource, MethodName, PhantomConfig, RunConfig, ShapesConfig};
use crate::error::{Result, RunError};

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
}

impl Datasets {
    /// Opens the data of a configuration.
    ///
    /// # Errors
    /// [`RunError::Data`] with file and line, [`RunError::EmptySplit`] without a training sample.
    pub fn open(config: &DataConfig) -> Result<Self> {
        let found = Self::open_unlabelled(config)?;
        found.train.check_labels()?;
        Ok(found)
    }

    /// [`Datasets::open`] where labels may be missing, for a segmenter.
    ///
    /// # Errors
    /// As [`Datasets::open`], but for missing labels.
    pub fn open_unlabelled(config: &DataConfig) -> Result<Self> {
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
            DataSource::Manifest(_) | DataSource::Folder(_) => Self::files(config, manifest(config)?),
        }
    }

    /// What the method of a configuration learns from: labelled, unless it only segments.
    ///
    /// # Errors
    /// As [`Datasets::open`].
    pub fn of(config: &RunConfig) -> Result<Self> {
        match config.method.name {
            MethodName::Segment => Self::open_unlabelled(&config.data),
            _ => Self::open(&config.data),
        }
    }

    fn files(config: &DataConfig, manifest: Manifest) -> Result<Self> {
        let preparation = preparation(config, Some(&manifest))?;
        let manifest = Arc::new(manifest);
        let dataset = |split: &str| -> Result<Arc<dyn Dataset>> {
            let records = manifest.split(split);
            Ok(Arc::new(ManifestDataset::new(manifest.clone(), records, preparation)?.with_cache(CACHE_BYTES)))
        };
        let train = dataset(&config.train_split)?;
        if train.is_empty() {
            let known = split_names(&manifest);
            return Err(RunError::EmptySplit { split: config.train_split.clone(), known });
        }
        let validation = dataset(&config.validation_split)?;
        let (train, validation) = match config.folds {
            0 => (train, validation),
            _ => {
                let (taught, held_out) = cross_validation(&*train, &*validation, config);
                let pool = [manifest.split(&config.train_split), manifest.split(&config.validation_split)].concat();
                let part = |chosen: Vec<usize>| -> Result<Arc<dyn Dataset>> {
                    let records = chosen.into_iter().map(|index| pool[index]).collect();
                    Ok(Arc::new(ManifestDataset::new(manifest.clone(), records, preparation)?.with_cache(CACHE_BYTES)))
                };
                (part(taught)?, part(held_out)?)
            }
        };
        let names = config.test_splits.clone().unwrap_or_else(|| {
            let own = [&config.train_split, &config.validation_split];
            split_names(&manifest).into_iter().filter(|name| !own.contains(&name)).collect()
        });
        let mut tests = Vec::new();
        for name in names {
            let test = dataset(&name)?;
            if test.is_empty() {
                return Err(RunError::EmptySplit { split: name, known: split_names(&manifest) });
            }
            tests.push((name, test));
        }
        Ok(Self {
            classes: manifest.classes.clone(),
            task: manifest.task,
            preparation,
            train,
            validation: (!validation.is_empty()).then_some(validation),
            tests,
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

/// [`isnet_data::spot_check`] of the images that a configuration trains and validates with; nothing for generated data.
///
/// # Errors
/// [`RunError::Data`] with file and line.
pub fn spot_check(config: &DataConfig, preparation: &Preparation, most: usize) -> Result<Vec<Problem>> {
    if matches!(config.source, DataSource::Phantom(_) | DataSource::Shapes(_)) {
        return Ok(Vec::new());
    }
    let manifest = manifest(config)?;
    let records = [manifest.split(&config.train_split), manifest.split(&config.validation_split)].concat();
    Ok(isnet_data::spot_check(&manifest, &records, most, preparation))
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

/// The manifest of a configuration whose data are files.
///
/// # Errors
/// [`RunError::Data`] with file and line.
pub fn manifest(config: &DataConfig) -> Result<Manifest> {
    let options = ManifestOptions {
        image_column: config.image_column.clone(),
        mask_column: config.mask_column.clone(),
        group_column: config.group_column.clone(),
        classes: config.classes.clone(),
        ..Default::default()
    };
    match &config.source {
        DataSource::Manifest(path) => Ok(Manifest::read(path, &options)?),
        DataSource::Folder(folder) => Ok(Manifest::from_folders(&folder.images, folder.masks.as_deref(), &options)?),
        DataSource::Phantom(_) | DataSource::Shapes(_) => Err(RunError::NoManifest),
    }
}

fn split_names(manifest: &Manifest) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for record in &manifest.records {
        if !names.contains(&record.split) {
            names.push(record.split.clone());
        }
    }
    names
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
        let mut config = open("intensity = \"depth\"").unwrap().data;
        let found = Datasets::open(&config).unwrap();
        assert_eq!(found.preparation.intensity, Intensity::Depth { bits: 12 });
        assert_eq!(spot_check(&config, &found.preparation, 10).unwrap(), []);
        let stored = open("").unwrap().data;
        let problems = spot_check(&stored, &Datasets::open(&stored).unwrap().preparation, 10).unwrap();
        assert!(problems[0].message.contains("as if 12 of 16 bits were used"), "{problems:?}");
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
            let message = manifest(&config.data).unwrap_err().to_string();
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

    fn phantom(set: &[(&str, &str)]) -> PhantomConfig {
        match data(set).source {
            DataSource::Phantom(phantom) => phantom,
            other => panic!("{other:?}"),
        }
    }
}
