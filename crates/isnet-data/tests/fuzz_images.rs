//! Damaged images: whatever the bytes, reading them ends, in a picture or in a message.
//!
//! Sound files of each format are changed at random places, cut, and spliced. Every case has a number, which is its seed; one that
//! fails is named and can be run alone: `ISNET_FUZZ_SEED=1234 ISNET_FUZZ_CASES=1 cargo test -p isnet-data --test fuzz_images`.
//! `ISNET_FUZZ_CASES` is the number of cases, 2000 by default.

use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use image::{DynamicImage, GenericImage, ImageFormat, Rgba};
use isnet_data::{read_image, read_mask, rng};
use rand::Rng;

/// What a file of a few hundred bytes may take at most, on a machine that does other things too; a hang is far above.
const PATIENCE: Duration = Duration::from_secs(120);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// Small pictures of all colours in all formats that are written, some with tags that are read.
fn seeds() -> Vec<Vec<u8>> {
    let mut picture = DynamicImage::new_rgba8(19, 13);
    for (x, y) in (0..19).flat_map(|x| (0..13).map(move |y| (x, y))) {
        picture.put_pixel(x, y, Rgba([(x * 13) as u8, (y * 19) as u8, (x * y) as u8, 255 - (x + y) as u8]));
    }
    let colours = [
        picture.to_rgba8().into(),
        picture.to_rgb8().into(),
        picture.to_luma8().into(),
        picture.to_luma16().into(),
        picture.to_rgba16().into(),
        DynamicImage::from(picture.to_luma_alpha8()),
    ];
    let mut files = Vec::new();
    for colour in &colours {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Tiff] {
            let mut bytes = Cursor::new(Vec::new());
            if colour.write_to(&mut bytes, format).is_ok() {
                files.push(bytes.into_inner());
            }
        }
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/formats");
    let mut more: Vec<_> =
        std::fs::read_dir(shared).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    more.sort();
    files.extend(more.iter().filter(|path| path.extension().is_some_and(|ext| ext != "npz")).flat_map(std::fs::read));
    files
}

/// A file with some of its bytes changed, by the number of the case.
fn damaged(seeds: &[Vec<u8>], case: u64) -> Vec<u8> {
    let mut rng = rng::stream(case, &[]);
    let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
    for _ in 0..rng.random_range(1..=8) {
        if bytes.is_empty() {
            break;
        }
        // Half of the changes are in the header, where sizes and tags are.
        let within = if rng.random_bool(0.5) { bytes.len().min(128) } else { bytes.len() };
        let place = rng.random_range(0..within);
        match rng.random_range(0..6) {
            0 => bytes[place] ^= 1 << rng.random_range(0..8),
            1 => bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][rng.random_range(0..5)],
            2 => bytes[place] = rng.random(),
            3 => bytes.truncate(place),
            4 => {
                let end = (place + rng.random_range(1..32)).min(bytes.len());
                let piece = bytes[place..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                let from = rng.random_range(0..other.len());
                let length = rng.random_range(1..64).min(other.len() - from).min(bytes.len() - place);
                bytes[place..place + length].copy_from_slice(&other[from..from + length]);
            }
        }
    }
    if rng.random_bool(0.7) {
        mend_checksums(&mut bytes);
    }
    bytes
}

/// Makes the chunks of a PNG valid again, so that what is in them is read.
fn mend_checksums(bytes: &mut [u8]) {
    let mut start = 8;
    while bytes.starts_with(b"\x89PNG") && start + 8 < bytes.len() {
        let length = u32::from_be_bytes([bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3]]) as usize;
        let end = start.saturating_add(8).saturating_add(length);
        if end.saturating_add(4) > bytes.len() {
            return;
        }
        let mut crc = u32::MAX;
        for byte in &bytes[start + 4..end] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
            }
        }
        bytes[end..end + 4].copy_from_slice(&(!crc).to_be_bytes());
        start = end + 4;
    }
}

#[test]
fn damaged_images_end_in_a_picture_or_a_message() {
    let seeds = seeds();
    assert!(seeds.len() >= 15, "{} sound files", seeds.len());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.bin");
    let (first, cases) = (setting("ISNET_FUZZ_SEED", 0), setting("ISNET_FUZZ_CASES", 2000));
    let (mut pictures, mut slowest) = (0, (Duration::ZERO, first));
    for case in first..first + cases {
        std::fs::write(&path, damaged(&seeds, case)).unwrap();
        let begun = Instant::now();
        let read = catch_unwind(|| (read_image(&path), read_mask(&path)));
        let Ok((image, mask)) = read else { panic!("case {case} panics") };
        slowest = slowest.max((begun.elapsed(), case));
        assert!(slowest.0 < PATIENCE, "case {case} takes {:?}", slowest.0);
        let (image, _) = (image.map(|image| assert!(image.pixels.iter().all(|v| (0.0..=1.0).contains(v)))), mask);
        match image {
            Ok(()) => pictures += 1,
            Err(error) => assert!(error.to_string().contains("image.bin"), "case {case}: {error}"),
        }
    }
    println!(
        "{pictures} of {cases} damaged files are still pictures; case {} took longest, {:?}",
        slowest.1, slowest.0
    );
}
