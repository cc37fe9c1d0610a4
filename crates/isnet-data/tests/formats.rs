//! One picture in most variants of PNG, JPEG, BMP and TIFF: the pixels that Pillow decodes, or a message in plain words.
//!
//! The files lie beside the repository; the variants that matter most are made in `src/read_image/tests.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use isnet_data::{Fit, Image, Intensity, Preparation, read_image};

/// Words of libraries and of Rust, which no message may have.
const FOREIGN_WORDS: [&str; 8] = ["Unknown", "unsupported", "error", "Tiff", "Err(", "::", "invalid", "sample format"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/formats")
}

#[derive(Clone)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// The arrays of an uncompressed `.npz`: a ZIP whose members are a header in Python's words and little-endian `f32`.
fn arrays(npz: &[u8]) -> BTreeMap<String, Array> {
    let number = |place: usize| usize::from(u16::from_le_bytes([npz[place], npz[place + 1]]));
    let mut found = BTreeMap::new();
    let mut place = 0;
    while npz[place..].starts_with(b"PK\x03\x04") {
        let (name, extra) = (number(place + 26), number(place + 28));
        let start = place + 30 + name + extra;
        let name = String::from_utf8(npz[place + 30..place + 30 + name].to_vec()).expect("UTF-8");
        assert!(npz[start..].starts_with(b"\x93NUMPY"), "{name}");
        let header_end = start + 10 + number(start + 8);
        let header = String::from_utf8(npz[start + 10..header_end].to_vec()).expect("UTF-8");
        let shape = header.split_once("'shape': (").expect("a shape").1.split_once(')').expect("a shape").0;
        let shape: Vec<usize> = shape.split(',').filter_map(|side| side.trim().parse().ok()).collect();
        let end = header_end + 4 * shape.iter().product::<usize>();
        let values = npz[header_end..end].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        found.insert(name.trim_end_matches(".npy").to_owned(), Array { shape, values: values.collect() });
        place = end;
        while !npz[place..].starts_with(b"PK\x03\x04") && !npz[place..].starts_with(b"PK\x01\x02") {
            place += 1;
        }
    }
    found
}

/// How a picture stored as `[height, width]` is shown by the orientation tag in the name of a file.
fn upright(name: &str, array: Array) -> Array {
    let [height, width] = [array.shape[0], array.shape[1]];
    type Place = fn(usize, usize, usize, usize) -> (usize, usize);
    let (sides, stored): ([usize; 2], Place) = match name {
        "exif2.jpg" => ([height, width], |y, x, _, w| (y, w - 1 - x)),
        "exif3.jpg" => ([height, width], |y, x, h, w| (h - 1 - y, w - 1 - x)),
        "exif6.jpg" => ([width, height], |y, x, h, _| (h - 1 - x, y)),
        "exif8.jpg" => ([width, height], |y, x, _, w| (x, w - 1 - y)),
        _ => return array,
    };
    let mut values = Vec::new();
    for at in 0..height * width {
        let (y, x) = stored(at / sides[1], at % sides[1], height, width);
        values.extend_from_slice(&array.values[(y * width + x) * 3..][..3]);
    }
    Array { shape: vec![sides[0], sides[1], 3], values }
}

/// The file's pixels as one compares them with Pillow's: gray if it is gray.
fn pixels(image: &Image, shape: &[usize]) -> Vec<f32> {
    let (height, width, intensity) = (image.height, image.width, Intensity::Stored);
    let same = Preparation { height, width, channels: shape[2], fit: Fit::Pad, intensity };
    same.apply(image, None).expect("a possible size").0.pixels
}

/// By how much a value may differ: decoders of JPEG round differently, and interpolate colours of half the size.
fn tolerance(name: &str) -> f32 {
    match name {
        "jpeg_420.jpg" => 0.05,
        _ if name.ends_with(".jpg") => 0.015,
        // Its values were cut to eight bits when it was made, so it is not the picture of the array.
        "gray12in16.png" => 1.0,
        _ => 0.0,
    }
}

#[test]
#[ignore = "needs ../shared/cases; cargo test -p isnet-data --test formats -- --ignored"]
fn every_variant_gives_the_pixels_of_pillow_or_a_message_in_plain_words() {
    let expected = arrays(&std::fs::read(folder().join("expected.npz")).unwrap());
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "npz"));
    files.sort();
    let (mut faults, mut read) = (Vec::new(), 0);
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let image = match read_image(path) {
            Ok(image) => image,
            Err(error) => {
                let message = error.to_string();
                println!("{name}: {message}");
                if FOREIGN_WORDS.iter().any(|word| message.contains(word)) || !message.contains("save it as") {
                    faults.push(message);
                }
                continue;
            }
        };
        // Ones in a file whose tag says that 0 is white: black, as Pillow has it too; the array is the picture before it was written.
        let is_inverted = ["b_minwhite.tif", "t_bilevel.tif"].contains(&name.as_str());
        let like = if name.starts_with("b_") || is_inverted { "bilevel.png" } else { &name };
        let mut array = upright(&name, expected[like].clone());
        if is_inverted {
            array.values.iter_mut().for_each(|value| *value = 1.0 - *value);
        }
        assert_eq!([image.height, image.width], array.shape[..2], "{name}");
        let differences = pixels(&image, &array.shape).into_iter().zip(array.values).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max);
        if worst > tolerance(&name) {
            faults.push(format!("{name} differs by {worst}"));
        }
        read += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(read >= 50, "only {read} of {} files were read", files.len());
}
