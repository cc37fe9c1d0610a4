//! Files to test with, in a folder that goes away.

use std::collections::BTreeMap;
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

/// Exif data with nothing but an orientation tag, 1 to 8.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut bytes = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    bytes.extend([orientation, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// A PNG with one more chunk in front of its pixels.
pub(crate) fn png_with(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let after_header = 8 + 12 + 13;
    let named = [&kind[..], data].concat();
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(&named);
    chunk.extend(crc32(&named).to_be_bytes());
    [&png[..after_header], &chunk, &png[after_header..]].concat()
}

/// The checksum of PNG (annex D of its specification).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
        }
    }
    !crc
}

/// A JPEG with Exif data.
pub(crate) fn jpeg_with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    let length = (exif.len() as u16 + 8).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, b"Exif\0\0", exif, &jpeg[2..]].concat()
}

/// A little-endian TIFF, gray, 8-bit, without compression: its pages, each with the tags that are to be otherwise.
pub(crate) fn tiff((height, width): (u32, u32), pages: &[&[(u16, u32)]], pixels: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    let data = bytes.len() as u32;
    bytes.extend(pixels);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let mut pointer = 4;
    for page in pages {
        let here = bytes.len() as u32;
        bytes[pointer..pointer + 4].copy_from_slice(&here.to_le_bytes());
        let usual = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, data), (277, 1), (278, height)];
        let mut tags: BTreeMap<u16, u32> = usual.into_iter().chain([(279, pixels.len() as u32)]).collect();
        tags.extend(page.iter().copied());
        bytes.extend((tags.len() as u16).to_le_bytes());
        for (tag, value) in tags {
            let kind = if matches!(tag, 256 | 257 | 273 | 278 | 279) { 4_u16 } else { 3 };
            bytes.extend([tag, kind].map(u16::to_le_bytes).concat());
            bytes.extend([1, value].map(u32::to_le_bytes).concat());
        }
        pointer = bytes.len();
        bytes.extend([0; 4]);
    }
    bytes
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
