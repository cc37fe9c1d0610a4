use image::{GrayAlphaImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::testing::Folder;

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
    assert_eq!((mask.values, kind), (vec![0.0, 0.0, 1.0, 1.0], MaskKind::NonBinary { share: 0.5, brightest: 1.0 }));
    let (mask, kind) = read_mask(folder.gray("m.png", (1, 2), |_, x| x as u8)).unwrap();
    assert_eq!(mask.foreground(), 0);
    assert_eq!(kind, MaskKind::NonBinary { share: 0.5, brightest: 1.0 / 255.0 });
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
fn a_jpeg_may_hold_a_thumbnail_with_its_own_end_and_trailing_bytes() {
    let whole = [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 7, 0xFF, 0, 9, 0xFF, 0xD9, 5, 5];
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
    assert!(matches!(read_image(folder.path(".")), Err(DataError::Read { .. })));
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
