use image::{GrayAlphaImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

use super::chunks::JpegMarkers;
use super::*;
use crate::testing::{Folder, exif, jpeg_with_exif, png_with, tiff};

fn near(got: &[f32], expected: &[f32], tolerance: f32) {
    let close = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(close, "{got:?} instead of {expected:?}");
}

#[test]
fn every_lossless_format_gives_the_same_gray_pixels() {
    let folder = Folder::new();
    for name in ["a.png", "a.bmp", "a.tif"] {
        let image = read_image(folder.gray(name, (1, 3), |_, x| [0, 51, 255][x as usize])).unwrap();
        assert_eq!((image.height, image.width), (1, 3), "{name}");
        let gray: Vec<f32> = image.pixels.chunks_exact(image.channels).map(luma).collect();
        near(&gray, &[0.0, 0.2, 1.0], 1e-7);
    }
    let jpeg = read_image(folder.gray("a.jpg", (8, 8), |_, _| 51)).unwrap();
    near(&jpeg.pixels, &[0.2; 64], 0.01);
}

#[test]
fn sixteen_bit_keeps_what_eight_bit_would_lose() {
    let folder = Folder::new();
    for name in ["deep.png", "deep.tiff"] {
        let path = folder.path(name);
        let values = vec![0u16, 1, 32768, 65535];
        ImageBuffer::<Luma<u16>, _>::from_raw(4, 1, values).unwrap().save(&path).unwrap();
        let image = read_image(&path).unwrap();
        assert_eq!(image.channels, 1);
        assert_eq!(image.pixels, [0.0, 1.0 / 65535.0, 32768.0 / 65535.0, 1.0], "{name}");
    }
    let path = folder.path("colour.png");
    ImageBuffer::<Rgb<u16>, _>::from_raw(1, 1, vec![65535u16, 0, 1]).unwrap().save(&path).unwrap();
    assert_eq!(read_image(&path).unwrap().pixels, [1.0, 0.0, 1.0 / 65535.0]);
}

#[test]
fn alpha_is_dropped_and_colour_kept() {
    let folder = Folder::new();
    let (gray_alpha, colour_alpha, colour) = (folder.path("la.png"), folder.path("rgba.png"), folder.path("rgb.bmp"));
    GrayAlphaImage::from_pixel(1, 1, LumaA([255, 0])).save(&gray_alpha).unwrap();
    RgbaImage::from_pixel(1, 1, Rgba([255, 51, 0, 0])).save(&colour_alpha).unwrap();
    RgbImage::from_pixel(1, 1, Rgb([255, 51, 0])).save(&colour).unwrap();
    assert_eq!(read_image(gray_alpha).unwrap().pixels, [1.0]);
    near(&read_image(colour_alpha).unwrap().pixels, &[1.0, 0.2, 0.0], 1e-7);
    near(&read_image(colour).unwrap().pixels, &[1.0, 0.2, 0.0], 1e-7);
}

#[test]
fn a_mask_is_foreground_above_half_and_says_when_it_had_to_decide() {
    let folder = Folder::new();
    let (mask, kind) = read_mask(folder.gray("m.png", (1, 2), |_, x| [0, 255][x as usize])).unwrap();
    assert_eq!((mask.values, kind), (vec![0.0, 1.0], MaskKind::Binary));
    let (mask, kind) = read_mask(folder.gray("m.png", (1, 4), |_, x| [0, 127, 128, 255][x as usize])).unwrap();
    assert_eq!((mask.values, kind), (vec![0.0, 0.0, 1.0, 1.0], MaskKind::NonBinary { share: 0.5 }));
    let white = folder.path("white.png");
    RgbImage::from_pixel(1, 1, Rgb([255, 255, 255])).save(&white).unwrap();
    assert_eq!(read_mask(white).unwrap().1, MaskKind::Binary);
}

#[test]
fn a_file_cut_in_half_is_an_error_that_names_it_in_every_format() {
    let folder = Folder::new();
    for name in ["cut.png", "cut.jpg", "cut.bmp", "cut.tif"] {
        let path = folder.gray(name, (64, 64), |y, x| (y * x * 7 % 251) as u8);
        let bytes = std::fs::read(&path).unwrap();
        // Half of the pixels, the last few bytes of them, and the header alone.
        for end in [bytes.len() / 2, bytes.len() - 40, 30] {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let error = read_image(&path).expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}

#[test]
fn a_cut_jpeg_is_called_truncated_although_its_decoder_would_paint_the_rest_gray() {
    let folder = Folder::new();
    let path = folder.gray("cut.jpg", (64, 64), |y, x| (y * x * 7 % 251) as u8);
    let bytes = std::fs::read(&path).unwrap();
    assert!(image::load_from_memory(&bytes[..bytes.len() - 40]).is_ok(), "the reason for the check is gone");
    std::fs::write(&path, &bytes[..bytes.len() - 40]).unwrap();
    assert!(matches!(read_image(&path), Err(DataError::Truncated { .. })));
}

#[test]
fn a_jpeg_that_is_too_short_for_its_size_is_truncated_although_it_has_an_end() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(folder.gray("a.jpg", (8, 8), |_, _| 80)).unwrap();
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[2900_u16, 60000].map(u16::to_be_bytes).concat());
    assert!(matches!(read_image(folder.write("a.jpg", bytes)), Err(DataError::Truncated { .. })));
}

#[test]
fn a_jpeg_may_hold_a_thumbnail_with_its_own_end_and_trailing_bytes() {
    let whole = [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 7, 0xFF, 0, 9, 0xFF, 0xD9, 5, 5];
    let jpeg_is_complete = |bytes: &[u8]| JpegMarkers::read(bytes).is_complete;
    assert!(jpeg_is_complete(&whole));
    assert!(!jpeg_is_complete(&whole[..16]), "the thumbnail's end is not the picture's");
    assert!(!jpeg_is_complete(&[]));
}

#[test]
fn what_is_no_image_is_told_from_what_is_not_there() {
    let folder = Folder::new();
    let text = read_image(folder.write("a.png", "hello, this is not a picture")).unwrap_err();
    assert!(text.to_string().contains("a.png` is not an image"), "{text}");
    assert!(matches!(read_image(folder.write("empty.png", "")), Err(DataError::NotAnImage { .. })));
    assert!(matches!(read_image(folder.path("absent.png")), Err(DataError::Missing { .. })));
    let message = read_image(folder.path(".")).unwrap_err().to_string();
    assert!(message.ends_with("is a folder; name an image file"), "{message}");
}

#[test]
fn the_content_decides_not_the_extension() {
    let folder = Folder::new();
    let path = folder.gray("a.png", (1, 1), |_, _| 255);
    let renamed = folder.write("a.jpg", std::fs::read(path).unwrap());
    assert_eq!(read_image(renamed).unwrap().pixels, [1.0]);
}

#[test]
fn a_float_tiff_outside_the_unit_range_is_refused() {
    let folder = Folder::new();
    let path = folder.path("f.tiff");
    let save = |value: f32| ImageBuffer::<Rgb<f32>, _>::from_raw(1, 1, vec![0.0, 0.5, value]).unwrap().save(&path);
    save(1.0).unwrap();
    assert_eq!(read_image(&path).unwrap().pixels, [0.0, 0.5, 1.0]);
    save(f32::NAN).unwrap();
    assert!(matches!(read_image(&path), Err(DataError::PixelRange { value, .. }) if value.is_nan()));
}

/// The gray values of a 2×3 picture, upright, for each orientation tag (Exif 2.3, 4.6.4): how the rows 1 2 3 and 4 5 6 are shown.
const UPRIGHT: [(u8, [usize; 2], [u8; 6]); 8] = [
    (1, [2, 3], [1, 2, 3, 4, 5, 6]),
    (2, [2, 3], [3, 2, 1, 6, 5, 4]),
    (3, [2, 3], [6, 5, 4, 3, 2, 1]),
    (4, [2, 3], [4, 5, 6, 1, 2, 3]),
    (5, [3, 2], [1, 4, 2, 5, 3, 6]),
    (6, [3, 2], [4, 1, 5, 2, 6, 3]),
    (7, [3, 2], [6, 3, 5, 2, 4, 1]),
    (8, [3, 2], [3, 6, 2, 5, 1, 4]),
];

#[test]
fn a_picture_is_turned_upright_by_its_orientation_tag_in_every_format() {
    let folder = Folder::new();
    let png = std::fs::read(folder.gray("plain.png", (2, 3), |y, x| (y * 3 + x + 1) as u8 * 40)).unwrap();
    // Whole blocks of 8×8, so that JPEG keeps the values.
    let jpeg = std::fs::read(folder.gray("plain.jpg", (16, 24), |y, x| (y / 8 * 3 + x / 8 + 1) as u8 * 40)).unwrap();
    for (tag, [height, width], expected) in UPRIGHT {
        let exif = exif(tag);
        let stored = [1, 2, 3, 4, 5, 6].map(|value| value * 40);
        let files = [
            folder.write("a.png", png_with(&png, b"eXIf", &exif)),
            folder.write("a.tif", tiff((2, 3), &[&[(274, tag.into())]], &stored)),
            folder.write("a.jpg", jpeg_with_exif(&jpeg, &exif)),
        ];
        for path in files {
            let size = image_size(&path).unwrap();
            let image = read_image(&path).unwrap();
            assert_eq!((image.height, image.width), size, "tag {tag} of {}", path.display());
            let block = image.height / height;
            assert_eq!(size, (block * height, block * width), "tag {tag} of {}", path.display());
            let shown: Vec<f32> = (0..6).map(|at| image.pixel(at / width * block, at % width * block)[0]).collect();
            near(&shown, &expected.map(|value| f32::from(value * 40) / 255.0), 0.02);
        }
    }
}

#[test]
fn a_mask_is_turned_by_its_own_tag_and_a_pair_that_lies_across_names_the_tag() {
    let folder = Folder::new();
    let png = std::fs::read(folder.gray("plain.png", (2, 3), |y, x| if (y, x) == (0, 0) { 255 } else { 0 })).unwrap();
    let turned = folder.write("turned.png", png_with(&png, b"eXIf", &exif(6)));
    assert_eq!(read_mask(&turned).unwrap().0.values, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(read_pair(&turned, Some(&turned)).is_ok());
    let message = read_pair(&turned, Some(folder.path("plain.png"))).unwrap_err().to_string();
    assert!(message.contains("turned.png` has an orientation tag and is turned by 90° to the right"), "{message}");
    assert!(!message.contains("resize"), "{message}");
}

fn rgba(folder: &Folder, name: &str, pixels: &[[u8; 4]]) -> std::path::PathBuf {
    let path = folder.path(name);
    RgbaImage::from_raw(pixels.len() as u32, 1, pixels.concat()).unwrap().save(&path).unwrap();
    path
}

#[test]
fn the_alpha_channel_is_the_mask_where_the_colour_is_constant() {
    let folder = Folder::new();
    let alpha = MaskKind::Alpha { share: 0.0 };
    let white = rgba(&folder, "white.png", &[[255, 255, 255, 0], [255, 255, 255, 255]]);
    let black = rgba(&folder, "black.png", &[[0, 0, 0, 0], [0, 0, 0, 255]]);
    let undefined_beneath = rgba(&folder, "red.png", &[[7, 9, 2, 0], [200, 0, 0, 255]]);
    let gray = folder.path("la.png");
    GrayAlphaImage::from_raw(2, 1, vec![255, 0, 255, 255]).unwrap().save(&gray).unwrap();
    let deep = folder.path("deep.png");
    let values = vec![65535, 65535, 65535, 0_u16, 65535, 65535, 65535, 65535];
    ImageBuffer::<Rgba<u16>, _>::from_raw(2, 1, values).unwrap().save(&deep).unwrap();
    for path in [white, black, undefined_beneath, gray, deep] {
        let (mask, kind) = read_mask(&path).unwrap();
        assert_eq!((mask.values, kind), (vec![0.0, 1.0], alpha), "{}", path.display());
    }
    let nothing_drawn = rgba(&folder, "none.png", &[[255, 255, 255, 0], [255, 255, 255, 0]]);
    assert_eq!(read_mask(nothing_drawn).unwrap().0.foreground(), 0);
    let opaque = rgba(&folder, "opaque.png", &[[255, 255, 255, 255], [0, 0, 0, 255]]);
    assert_eq!(read_mask(opaque).unwrap().0.values, [1.0, 0.0]);
}

/// The palette of a mask exported by a drawing program: colour 0 is fully transparent (`tRNS`).
#[test]
fn a_palette_with_a_transparent_colour_is_read_as_alpha() {
    let folder = Folder::new();
    let header = [0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0];
    // zlib, stored: no filter, then the indices 1 and 0.
    let pixels = [0x78, 0x01, 0x01, 3, 0, 0xFC, 0xFF, 0, 1, 0, 0, 0x05, 0, 0x02];
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IEND", &[][..]), (b"IDAT", &pixels[..]), (b"tRNS", &[0]), (b"PLTE", &[255; 6])] {
        // Each is put in front of those after it.
        png = chunk_after_signature(&png, kind, data);
    }
    let path = folder.write("p.png", chunk_after_signature(&png, b"IHDR", &header));
    let (mask, kind) = read_mask(path).unwrap();
    assert_eq!((mask.values, kind), (vec![1.0, 0.0], MaskKind::Alpha { share: 0.0 }));
}

fn chunk_after_signature(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padded = [&png[..8], &[0; 25], &png[8..]].concat();
    let with = png_with(&padded, kind, data);
    [&with[..8], &with[33..]].concat()
}

#[test]
fn colours_and_transparency_that_show_two_shapes_are_refused() {
    let folder = Folder::new();
    let path = rgba(&folder, "m.png", &[[255, 255, 255, 255], [0, 0, 0, 255], [0, 0, 0, 0], [0, 0, 0, 0]]);
    let message = read_mask(&path).unwrap_err().to_string();
    assert!(message.contains("m.png` has transparent pixels") && message.contains("25.0 %"), "{message}");
    assert!(message.contains("save it without transparency, white on black"), "{message}");
    let agree = rgba(&folder, "m.png", &[[255, 255, 255, 255], [254, 255, 255, 255], [0, 0, 0, 0]]);
    assert_eq!(read_mask(&agree).unwrap().0.values, [1.0, 1.0, 0.0]);
}

#[test]
fn a_mask_of_zeros_and_ones_is_read_as_one_in_8_and_16_bits() {
    let folder = Folder::new();
    let deep = folder.path("deep.png");
    ImageBuffer::<Luma<u16>, _>::from_raw(3, 1, vec![0_u16, 1, 1]).unwrap().save(&deep).unwrap();
    for path in [folder.gray("m.png", (1, 3), |_, x| x.min(1) as u8), deep] {
        let (mask, kind) = read_mask(&path).unwrap();
        assert_eq!((mask.values, kind), (vec![0.0, 1.0, 1.0], MaskKind::ZeroOne), "{}", path.display());
    }
}

#[test]
fn a_label_map_and_a_dark_mask_are_refused_by_name() {
    let folder = Folder::new();
    let refused = |values: &[u8]| {
        let path = folder.gray("m.png", (1, values.len() as u32), |_, x| values[x as usize]);
        read_mask(path).unwrap_err().to_string()
    };
    let message = refused(&[0, 1, 2]);
    assert!(message.contains("m.png` has whole numbers up to 2, as a label map has"), "{message}");
    assert!(message.contains("store foreground as white (255)"), "{message}");
    let message = refused(&[0, 1, 255]);
    assert!(message.contains("up to 1 and 255, as a label map"), "{message}");
    let message = refused(&[0, 100, 100]);
    assert!(message.contains("its brightest pixel has 39.2 % of full brightness (100 of 255)"), "{message}");
    let deep = folder.path("deep.png");
    ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0_u16, 255]).unwrap().save(&deep).unwrap();
    let message = read_mask(deep).unwrap_err().to_string();
    assert!(message.contains("0.4 % of full brightness (255 of 65535)"), "{message}");
}

#[test]
fn a_format_that_is_not_read_is_named_with_what_to_do() {
    let folder = Folder::new();
    let dicom = [&[0; 128][..], b"DICM"].concat();
    let cases: [(&[u8], &str); 16] = [
        (b"GIF89a....", "is a GIF, which is not read; save it as PNG"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "is a WebP image"),
        (b"\0\0\0\x18ftypheic", "is a HEIC photograph"),
        (&dicom, "is a DICOM file"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"P5\n2 2\n255\n....", "is a Netpbm image"),
        (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"\">", "is an SVG drawing"),
        (b"\n<!DOCTYPE html><html>", "is a web page saved under the name of an image"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\x1f\x8b\x08", "is compressed with gzip"),
        (b"PK\x03\x04", "is a ZIP archive"),
        (b"\0\0\0\x0cjP  \r\n", "is a JPEG 2000 image"),
        (b"{\"error\": 404}", "is not an image: it is a text file"),
        (b"", "is not an image: the file is empty"),
        (&[0; 64], "is not an image: it holds nothing but zeros"),
        (b"\x01\x02\x03\x04", "is not an image: PNG, JPEG, BMP and TIFF are read"),
    ];
    for (bytes, expected) in cases {
        let path = folder.write("a.jpg", bytes);
        let (read, size) = (read_image(&path).unwrap_err().to_string(), image_size(&path).unwrap_err().to_string());
        assert!(read.contains("a.jpg` is") && read.contains(expected), "`{expected}` is not in {read}");
        assert_eq!(size, read);
    }
}

#[test]
fn a_variant_that_is_not_read_is_described_in_plain_words() {
    let folder = Folder::new();
    let jpeg = std::fs::read(folder.gray("a.jpg", (8, 8), |_, _| 80)).unwrap();
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let coded = |marker: u8| [&jpeg[..frame + 1], &[marker], &jpeg[frame + 2..]].concat();
    let tagged = |tags: &[(u16, u32)]| tiff((1, 2), &[tags], &[0; 16]);
    let cases = [
        (tagged(&[(259, 50000)]), "TIFF of a variant that is not read (gray, 8-bit, ZSTD compression); save it as PNG"),
        (tagged(&[(262, 3)]), "palette (indexed colours)"),
        (tagged(&[(258, 32), (339, 3)]), "gray, 32-bit floating-point numbers"),
        (tagged(&[(258, 16), (339, 2)]), "16-bit signed whole numbers, no compression); shift and scale"),
        (tagged(&[(277, 2)]), "2 channels, 8-bit"),
        (coded(0xC9), "JPEG of a variant that is not read (arithmetic coding)"),
        (coded(0xC3), "lossless coding"),
    ];
    for (bytes, expected) in cases {
        let message = read_image(folder.write("a.bin", bytes)).unwrap_err().to_string();
        assert!(message.contains(expected), "`{expected}` is not in {message}");
    }
}

#[test]
fn a_big_tiff_is_read() {
    let folder = Folder::new();
    let mut bytes = b"II+\0\x08\0\0\0\x18\0\0\0\0\0\0\0\0\xff\0\0\0\0\0\0".to_vec();
    let tags = [(256_u16, 2_u64), (257, 1), (258, 8), (259, 1), (262, 1), (273, 16), (277, 1), (278, 1), (279, 2)];
    bytes.extend((tags.len() as u64).to_le_bytes());
    for (tag, value) in tags {
        bytes.extend([tag, 16].map(u16::to_le_bytes).concat());
        bytes.extend([1, value].map(u64::to_le_bytes).concat());
    }
    bytes.extend([0; 8]);
    assert_eq!(read_image(folder.write("a.tif", bytes)).unwrap().pixels, [0.0, 1.0]);
}

#[test]
fn a_picture_that_is_too_large_says_its_size_the_limit_and_a_way_out() {
    let folder = Folder::new();
    let plain = std::fs::read(folder.gray("plain.bmp", (1, 1), |_, _| 0)).unwrap();
    let mut large = plain;
    large[18..26].copy_from_slice(&[14000_u32, 14000].map(u32::to_le_bytes).concat());
    for path in [folder.write("l.bmp", large), folder.write("l.tif", tiff((14000, 14000), &[&[]], &[0; 8]))] {
        let (read, size) = (read_image(&path).unwrap_err().to_string(), image_size(&path).unwrap_err().to_string());
        assert!(
            read.contains("is 14000×14000 pixels (height×width), 196 million; at most 180 million are read"),
            "{read}"
        );
        assert!(read.ends_with("scale it down or cut it into tiles"), "{read}");
        assert_eq!(size, read);
    }
}

#[test]
fn a_damaged_file_is_called_damaged_without_words_of_a_library() {
    let folder = Folder::new();
    let mut png = std::fs::read(folder.gray("a.png", (8, 8), |y, x| (y * x) as u8)).unwrap();
    let middle = png.len() / 2;
    png[middle] ^= 0xFF;
    let message = read_image(folder.write("a.png", png)).unwrap_err().to_string();
    assert!(message.contains("a.png` is a damaged PNG") && message.contains("copy it again"), "{message}");
}

#[test]
fn a_picture_that_is_pasted_must_be_opaque() {
    let folder = Folder::new();
    let save = |name: &str, alpha: u8| {
        let path = folder.path(name);
        image::RgbaImage::from_pixel(2, 2, image::Rgba([200, 0, 0, alpha])).save(&path).unwrap();
        path
    };
    assert_eq!(read_opaque_image(save("opaque.png", 255)).unwrap().channels, 3);
    let message = read_opaque_image(save("glass.png", 128)).unwrap_err().to_string();
    assert!(message.contains("100.0 % of") && message.contains("glass.png` is transparent"), "{message}");
}
