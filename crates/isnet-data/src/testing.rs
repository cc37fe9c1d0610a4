//! Files to test with, in a folder that goes away.

use std::path::PathBuf;

use image::{GrayImage, Luma};

use crate::manifest::{Manifest, ManifestOptions};
use crate::read_image::{read_image, read_mask};
use crate::sample::{Image, Label, Mask, Sample};

/// A temporary folder that is easy to fill.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The path of a file; the folders above it exist.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A gray 8-bit image; the extension chooses the format.
    pub(crate) fn gray(&self, name: &str, (height, width): (u32, u32), value: impl Fn(u32, u32) -> u8) -> PathBuf {
        let path = self.path(name);
        GrayImage::from_fn(width, height, |x, y| Luma([value(y, x)])).save(&path).unwrap();
        path
    }

    /// A mask of 8×8 whose left half is foreground.
    pub(crate) fn mask(&self, name: &str) -> PathBuf {
        self.gray(name, (8, 8), |_, x| if x < 4 { 255 } else { 0 })
    }

    /// An image of 8×8, different for every seed.
    pub(crate) fn picture(&self, name: &str, seed: u32) -> PathBuf {
        self.gray(name, (8, 8), |y, x| ((y * 8 + x) * (seed + 1) % 256) as u8)
    }

    pub(crate) fn manifest(&self, text: &str) -> Manifest {
        Manifest::read_lenient(self.write("manifest.csv", text), &ManifestOptions::default()).unwrap()
    }
}

/// Asserts that a split of a manifest has these samples, to the bit.
pub(crate) fn assert_reads_back(manifest: &Manifest, split: &str, drawn: Vec<Sample>) {
    let records = manifest.split(split);
    assert_eq!(records.len(), drawn.len(), "{split}");
    for (record, drawn) in records.into_iter().map(|record| &manifest.records[record]).zip(drawn) {
        assert_eq!(read_image(&record.image).unwrap(), drawn.image);
        assert_eq!(read_mask(record.mask.as_ref().unwrap()).unwrap().0, drawn.mask.unwrap());
        assert_eq!((&record.label, &record.source), (&drawn.label, &drawn.source));
    }
}

/// A picture whose value rises from pixel to pixel, with a mask on its brighter half.
pub(crate) fn ramp_sample(height: usize, width: usize, id: usize) -> Sample {
    let n = height * width;
    let image = Image::new(height, width, 1, (0..n).map(|i| i as f32 / n as f32).collect());
    let mask = Mask::new(height, width, (0..n).map(|i| f32::from(u8::from(2 * i >= n))).collect());
    let label = Some(Label::Single(id % 2));
    Sample { image, mask: Some(mask), label, id: id.to_string(), source: "test".into() }
}
