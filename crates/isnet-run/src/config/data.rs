//! `[data]`: which images, masks and labels, and how they become a batch.

use std::path::PathBuf;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    method::MethodName,
    raw::Section,
    section::{Field, POSITIVE, choice, section},
};
use crate::error::{Result, RunError};

choice! {
    /// How an image becomes `height` × `width`.
    Fit {
        /// Scaled by one factor; the rest is filled with black, which counts as background.
        Pad = "pad",
        /// Scaled by two factors, so that it fills the frame.
        Squash = "squash",
    }
}

impl From<Fit> for isnet_data::Fit {
    fn from(fit: Fit) -> Self {
        match fit {
            Fit::Pad => Self::Pad,
            Fit::Squash => Self::Squash,
        }
    }
}

impl From<isnet_data::Fit> for Fit {
    fn from(fit: isnet_data::Fit) -> Self {
        match fit {
            isnet_data::Fit::Pad => Self::Pad,
            isnet_data::Fit::Squash => Self::Squash,
        }
    }
}

choice! {
    /// Which values of a file are black and white.
    Intensity {
        /// 0 is black and full (255, 65535) is white.
        Stored = "stored",
        /// As stored, but 16-bit files that use only 10, 12 or 14 bits are divided by the largest of those.
        Depth = "depth",
        /// Each image by its own values: half a percent of them are black, half a percent white.
        Percentile = "percentile",
    }
}

impl From<Balance> for isnet_data::Balance {
    fn from(balance: Balance) -> Self {
        match balance {
            Balance::None => Self::None,
            Balance::Label => Self::Label,
            Balance::LabelSource => Self::LabelSource,
        }
    }
}

choice! {
    /// How often a training image is drawn.
    Balance {
        /// Each image once per epoch.
        None = "none",
        /// Each class equally often.
        Label = "label",
        /// Each pair of class and source equally often.
        LabelSource = "label_source",
    }
}

choice! {
    /// How many classes an image may have.
    TaskName {
        /// Exactly one.
        SingleLabel = "single_label",
        /// Any number, also none; several labels are joined by `|`.
        MultiLabel = "multi_label",
    }
}

impl From<TaskName> for isnet_data::Task {
    fn from(task: TaskName) -> Self {
        match task {
            TaskName::SingleLabel => Self::SingleLabel,
            TaskName::MultiLabel => Self::MultiLabel,
        }
    }
}

impl From<isnet_data::Task> for TaskName {
    fn from(task: isnet_data::Task) -> Self {
        match task {
            isnet_data::Task::SingleLabel => Self::SingleLabel,
            isnet_data::Task::MultiLabel => Self::MultiLabel,
        }
    }
}

section! {
    /// `[data]`.
    DataConfig(section, method: MethodName) {
        /// Column of the manifest that holds the path of the image, relative to the manifest.
        image_column: String = "image".into();
        /// Column of the manifest that holds the path of the mask (1 = foreground); may be empty in a row.
        mask_column: String = "mask".into();
        /// Column of the manifest that says which images are not independent, such as those of a patient; may be absent.
        group_column: String = "patient".into();
        /// The classes in the order of the logits; the default takes the sorted labels of the training split (with `folds`, of the
        /// validation split too), and a label that only other splits have is an error.
        classes: Option<Vec<String>> = None;
        /// How many classes an image may have: `"single_label"` or `"multi_label"`. The default takes `"multi_label"` if at least half of
        /// the rows with a label join several by `|`; if fewer do, they are errors.
        task: Option<TaskName> = None;
        /// Height of the network's input, in pixels (H).
        height: usize = 128, in 8..=4096;
        /// Width of the network's input, in pixels (W).
        width: usize = 128, in 8..=4096;
        /// Channels of the network's input (C); a gray image is repeated.
        channels: usize = 3, in 1..=4;
        /// How an image becomes `height` × `width`: `"pad"` or `"squash"`.
        fit: Fit = Fit::Pad;
        /// Which values of a file are black and white: `"stored"` (0 and full), `"depth"` (16-bit files by the bits that the training
        /// images use, one depth for all) or `"percentile"` (each image by its own darkest and brightest half percent).
        intensity: Intensity = Intensity::Stored;
        /// Bits that 16-bit files use, with `intensity = "depth"`; the default finds 10, 12, 14 or 16 in the training images.
        depth_bits: Option<usize> = None, in 9..=16;
        /// Name of the split to train on.
        train_split: String = "train".into();
        /// Name of the split that chooses the best checkpoint.
        validation_split: String = "val".into();
        /// Names of the splits to report; the default takes all that are neither training nor validation.
        test_splits: Option<Vec<String>> = None;
        /// Into how many parts the training and validation images are dealt for cross-validation, by patient and class; one of
        /// them validates. 0: the splits are taken as they are.
        folds: usize = 0, in 0..=100;
        /// Which of the folds validates, from 0.
        fold: usize = 0, in 0..=99;
        /// How often a training image is drawn: `"none"`, `"label"` or `"label_source"`.
        balance: Balance = Balance::None;
        /// Width of a band around the region of interest that is neither foreground nor background, for losses and the background share: a
        /// share of the shorter side below 1, whole pixels of the network's input from 1 on.
        mask_margin: f64 = 0.05, in 0.0..=4096.0;
    }
    computed {
        /// Where images come from: `manifest`, `[data.folder]`, `[data.phantom]` or `[data.shapes]`.
        #[serde(flatten)]
        source: DataSource = DataSource::resolve(section)?;
        /// `[data.augment]`.
        augment: AugmentConfig = AugmentConfig::resolve(&section.section("augment")?, method)?;
    }
}

section! {
    /// `[data.folder]`: one sub-folder per class, masks in parallel.
    FolderConfig(section) {
        /// Folder with `<split>/<class>/<file>` or `<class>/<file>`.
        images: PathBuf = required(section, "images")?;
        /// Folder with the same names for the masks; the default trains without masks.
        masks: Option<PathBuf> = None;
    }
}

section! {
    /// `[data.phantom]`: generated chest phantoms, nothing to download.
    PhantomConfig(section) {
        /// Side of the image, in pixels; it is resized to `height` × `width` like any image.
        size: usize = 64, in 32..=1024;
        /// Images to train on, all classes together.
        train: usize = 1080, in 2..=1_000_000;
        /// Images to validate on.
        val: usize = 180, in 2..=1_000_000;
        /// Images in each of the tests: biased, standard, deceiving, external.
        test: usize = 270, in 2..=1_000_000;
        /// Seed of the generator, apart from the seed of the run.
        seed: u64 = 0;
    }
}

section! {
    /// `[data.shapes]`: generated shapes on backgrounds that are bound to the class, nothing to download.
    ShapesConfig(section) {
        /// Side of the image, in pixels; it is resized to `height` × `width` like any image.
        size: usize = 64, in 32..=1024;
        /// Images to train on, all classes together.
        train: usize = 1200, in 2..=1_000_000;
        /// Images to validate on.
        val: usize = 200, in 2..=1_000_000;
        /// Images in each of the tests: biased, standard, deceiving.
        test: usize = 400, in 2..=1_000_000;
        /// Share of training and validation images whose background is that of their class.
        correlation: f64 = 1.0, in 0.0..=1.0;
        /// Seed of the generator, apart from the seed of the run.
        seed: u64 = 0;
    }
}

section! {
    /// `[data.augment]`: random changes of training images, the same for image and mask. All but exchanged backgrounds are off by default.
    AugmentConfig(section, method: MethodName) {
        /// Largest rotation to either side, in degrees.
        rotation_degrees: f64 = 0.0, in 0.0..=180.0;
        /// Largest shift to each side, as a share of the side.
        translation: f64 = 0.0, in 0.0..=0.5;
        /// Smallest and largest factor of size.
        scale: [f64; 2] = [1.0, 1.0], in POSITIVE;
        /// Whether half of the images are mirrored left to right.
        flip_horizontal: bool = false;
        /// Largest value added or taken away, in units of the pixel range [0, 1].
        brightness: f64 = 0.0, in 0.0..=1.0;
        /// Largest relative change of contrast: 0.2 multiplies by 0.8 to 1.2.
        contrast: f64 = 0.0, in 0.0..1.0;
        /// Standard deviation of noise added to pixels, in units of the pixel range [0, 1].
        noise: f64 = 0.0, in 0.0..=1.0;
        /// Share of the images whose region of interest stands on the background of a random other image, across classes. Needs masks. By default 1 for the methods
        /// `"isnet"`, `"grad_input"` and `"background_exchange"`, otherwise 0.
        exchange_background: f64 = method.exchange_background(), in 0.0..=1.0;
    }
}

/// Where images come from.
#[derive(Debug, Clone, PartialEq)]
pub enum DataSource {
    /// A CSV file with a row per image.
    Manifest(PathBuf),
    /// Folders of images.
    Folder(FolderConfig),
    /// Generated chest phantoms.
    Phantom(PhantomConfig),
    /// Generated shapes.
    Shapes(ShapesConfig),
}

impl DataConfig {
    /// The band around the region of interest, where there is one.
    pub fn margin(&self) -> Option<isnet_data::Margin> {
        let width = self.mask_margin;
        let margin =
            if width < 1.0 { isnet_data::Margin::Share(width) } else { isnet_data::Margin::Pixels(width as usize) };
        (width > 0.0).then_some(margin)
    }

    /// Prepares images as a model has learnt it, whatever the configuration said.
    pub fn prepare_as(&mut self, preparation: &isnet_data::Preparation) {
        let isnet_data::Preparation { height, width, channels, fit, intensity } = *preparation;
        (self.height, self.width, self.channels, self.fit) = (height, width, channels, fit.into());
        (self.intensity, self.depth_bits) = match intensity {
            isnet_data::Intensity::Stored => (Intensity::Stored, None),
            isnet_data::Intensity::Depth { bits } => (Intensity::Depth, Some(usize::from(bits))),
            isnet_data::Intensity::Percentile => (Intensity::Percentile, None),
        };
    }
}

impl DataSource {
    /// The keys of `[data]` that choose a source.
    pub(super) const FIELDS: &[Field] = &[Field {
        key: "manifest",
        default: "",
        range: "",
        doc: " A CSV file with a row per image: image, mask, label, source, split.",
    }];

    fn resolve(section: &Section<'_>) -> Result<Self> {
        let found = ["manifest", "folder", "phantom", "shapes"].into_iter().filter(|key| section.has(key));
        let found: Vec<_> = found.collect();
        match found.as_slice() {
            ["manifest"] => {
                let path = section.get::<PathBuf>("manifest")?.unwrap_or_default();
                Ok(Self::Manifest(section.raw.absolute("data.manifest", &path)?))
            }
            ["folder"] => {
                let mut folder = FolderConfig::resolve(&section.section("folder")?)?;
                folder.images = section.raw.absolute("data.folder.images", &folder.images)?;
                if let Some(masks) = &mut folder.masks {
                    *masks = section.raw.absolute("data.folder.masks", masks)?;
                }
                Ok(Self::Folder(folder))
            }
            ["phantom"] => Ok(Self::Phantom(PhantomConfig::resolve(&section.section("phantom")?)?)),
            ["shapes"] => Ok(Self::Shapes(ShapesConfig::resolve(&section.section("shapes")?)?)),
            _ => Err(RunError::DataSource { place: section.raw.place("data"), found }),
        }
    }

    /// The paths named by the source.
    pub(super) fn paths(&self) -> Vec<(&'static str, &PathBuf)> {
        match self {
            Self::Manifest(path) => vec![("data.manifest", path)],
            Self::Folder(FolderConfig { images, masks }) => {
                let masks = masks.iter().map(|path| ("data.folder.masks", path));
                std::iter::once(("data.folder.images", images)).chain(masks).collect()
            }
            Self::Phantom(_) | Self::Shapes(_) => Vec::new(),
        }
    }
}

/// As one key of `[data]`; serde's own form cannot be flattened into a TOML table.
impl Serialize for DataSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Manifest(path) => map.serialize_entry("manifest", path)?,
            Self::Folder(folder) => map.serialize_entry("folder", folder)?,
            Self::Phantom(phantom) => map.serialize_entry("phantom", phantom)?,
            Self::Shapes(shapes) => map.serialize_entry("shapes", shapes)?,
        }
        map.end()
    }
}

fn required<T>(section: &Section<'_>, key: &str) -> Result<T> {
    Err(section.invalid(key, "missing", "this key is required"))
}
