use super::*;

const GRAY: Preparation =
    Preparation { height: 1, width: 1, channels: 1, fit: Fit::Squash, intensity: Intensity::Stored };

fn row(values: &[f32], to: usize) -> Vec<f32> {
    let image = Image::new(1, values.len(), 1, values.to_vec());
    Preparation { width: to, ..GRAY }.apply(&image, None).unwrap().0.pixels
}

fn mask_row(values: &[f32], to: usize) -> Vec<f32> {
    let image = Image::new(1, values.len(), 1, values.to_vec());
    let mask = Mask::new(1, values.len(), values.to_vec());
    Preparation { width: to, ..GRAY }.apply(&image, Some(&mask)).unwrap().1.unwrap().values
}

fn near(got: &[f32], expected: &[f32]) {
    let close = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(close, "{got:?} instead of {expected:?}");
}

/// The numbers of `torch.nn.functional.interpolate(…, mode="bilinear", antialias=True, align_corners=False)`,
/// by hand. 4 → 2: scale 2, the triangle around 1.0 weighs pixels at 0.5, 1.5, 2.5 as ¾, ¾, ¼ (sum 7/4).
/// 2 → 4: output centres 0.25, 0.75, 1.25, 1.75 in input pixels; the ends are held.
#[test]
fn the_triangle_filter_antialiases_when_shrinking_and_interpolates_when_growing() {
    near(&row(&[0.0, 0.0, 1.0, 1.0], 2), &[1.0 / 7.0, 6.0 / 7.0]);
    near(&row(&[0.0, 1.0], 4), &[0.0, 0.25, 0.75, 1.0]);
}

#[test]
fn a_flat_picture_stays_flat_at_any_size() {
    for to in [1, 2, 5, 7, 13, 100] {
        near(&row(&[0.3; 7], to), &vec![0.3; to]);
    }
}

#[test]
fn a_checkerboard_becomes_gray_not_noise() {
    let image = Image::new(8, 8, 1, (0..64).map(|i| ((i / 8 + i % 8) % 2) as f32).collect());
    let small = Preparation { height: 2, width: 2, ..GRAY }.apply(&image, None).unwrap().0;
    assert!(small.pixels.iter().all(|value| (value - 0.5).abs() < 0.05), "{:?}", small.pixels);
}

#[test]
fn a_mask_pixel_is_foreground_if_half_of_what_it_covers_is() {
    assert_eq!(mask_row(&[1.0, 0.0, 0.0, 0.0], 2), [1.0, 0.0]);
    assert_eq!(mask_row(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0], 2), [0.0, 1.0]);
    assert_eq!(mask_row(&[0.0, 1.0], 5), [0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(mask_row(&[0.0, 1.0, 0.0], 6), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn padding_keeps_the_aspect_and_is_background() {
    let image = Image::new(4, 2, 1, vec![0.5; 8]);
    let mask = Mask::new(4, 2, vec![1.0; 8]);
    let square = Preparation { height: 2, width: 4, fit: Fit::Pad, ..GRAY };
    let (padded, mask) = square.apply(&image, Some(&mask)).unwrap();
    // 4×2 fits into 2×4 as 2×1, one column from the left.
    assert_eq!(padded.pixels, [0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0]);
    assert_eq!(mask.unwrap().values, [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // 1×2 stays 1×2 in 4×2, one row from the top.
    let high = Preparation { height: 4, width: 2, fit: Fit::Pad, ..GRAY };
    let padded = high.apply(&Image::new(1, 2, 1, vec![0.5; 2]), None).unwrap().0;
    assert_eq!(padded.pixels, [0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn image_and_mask_shrink_to_the_same_place() {
    let n = 37 * 23;
    let values: Vec<f32> = (0..n).map(|i| f32::from(u8::from((10..30).contains(&(i / 23)) && i % 23 > 8))).collect();
    let (image, mask) = (Image::new(37, 23, 1, values.clone()), Mask::new(37, 23, values));
    for fit in [Fit::Pad, Fit::Squash] {
        let (image, mask) = Preparation { height: 17, width: 16, fit, ..GRAY }.apply(&image, Some(&mask)).unwrap();
        let differ = image.pixels.iter().zip(mask.unwrap().values).filter(|(a, b)| (**a > 0.5) != (*b > 0.5)).count();
        assert!(differ <= 4, "{differ} pixels differ with {fit:?}");
    }
}

#[test]
fn gray_is_repeated_and_colour_becomes_luma() {
    let colour = Preparation { channels: 3, ..GRAY };
    assert_eq!(colour.apply(&Image::new(1, 1, 1, vec![0.4]), None).unwrap().0.pixels, [0.4; 3]);
    let gray = GRAY.apply(&Image::new(1, 1, 3, vec![1.0, 0.5, 0.0]), None).unwrap().0;
    near(&gray.pixels, &[0.299 + 0.587 / 2.0]);
    let kept = colour.apply(&Image::new(1, 1, 3, vec![1.0, 0.5, 0.0]), None).unwrap().0;
    assert_eq!(kept.pixels, [1.0, 0.5, 0.0]);
}

#[test]
fn colours_do_not_mix_when_resized() {
    let image = Image::new(2, 2, 3, [1.0, 0.5, 0.0].repeat(4));
    let large = Preparation { height: 5, width: 3, channels: 3, fit: Fit::Squash, intensity: Intensity::Stored }
        .apply(&image, None)
        .unwrap()
        .0;
    near(&large.pixels, &[1.0, 0.5, 0.0].repeat(15));
}

#[test]
fn a_mask_of_another_size_and_an_impossible_size_are_errors() {
    let image = Image::new(2, 3, 1, vec![0.0; 6]);
    let error = GRAY.apply(&image, Some(&Mask::new(3, 2, vec![0.0; 6]))).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the mask is 3×2 pixels, its image 2×3 (height×width); one of them is turned by 90°"),
        "{message}"
    );
    let error = GRAY.apply(&image, Some(&Mask::new(1, 2, vec![0.0; 2]))).unwrap_err();
    assert_eq!(error.to_string(), "the mask is 1×2 pixels, its image 2×3 (height×width); resize the mask to its image");
    for bad in [Preparation { width: 0, ..GRAY }, Preparation { channels: 2, ..GRAY }] {
        assert!(matches!(bad.apply(&image, None), Err(DataError::Preparation { .. })));
    }
}

#[test]
fn values_are_scaled_before_the_picture_is_padded() {
    let dark = Image { sixteen_bit: true, ..Image::new(1, 2, 1, vec![2048.0 / 65535.0, 4095.0 / 65535.0]) };
    let place = Preparation { height: 2, width: 2, fit: Fit::Pad, intensity: Intensity::Percentile, ..GRAY };
    near(&place.apply(&dark, None).unwrap().0.pixels, &[0.0, 1.0, 0.0, 0.0]);
    let depth = Preparation { intensity: Intensity::Depth { bits: 12 }, ..place };
    near(&depth.apply(&dark, None).unwrap().0.pixels, &[2048.0 / 4095.0, 1.0, 0.0, 0.0]);
    let impossible = Preparation { intensity: Intensity::Depth { bits: 40 }, ..place };
    assert!(matches!(impossible.apply(&dark, None), Err(DataError::Setting { .. })));
}

#[test]
fn a_picture_far_longer_than_wide_keeps_one_pixel() {
    let thin = Image::new(1000, 1, 1, vec![1.0; 1000]);
    let padded = Preparation { height: 8, width: 8, fit: Fit::Pad, ..GRAY }.apply(&thin, None).unwrap().0;
    assert_eq!(padded.pixels.iter().filter(|&&value| value > 0.9).count(), 8);
}
