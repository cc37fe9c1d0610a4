use super::*;
use crate::rng::stream;

const SIDE: usize = 33;

/// A bright square that is exactly the foreground.
fn square() -> (Image, Mask) {
    let inside = |i: usize| (8..18).contains(&(i / SIDE)) && (12..25).contains(&(i % SIDE));
    let values: Vec<f32> = (0..SIDE * SIDE).map(|i| f32::from(u8::from(inside(i)))).collect();
    (Image::new(SIDE, SIDE, 1, values.clone()), Mask::new(SIDE, SIDE, values))
}

fn apply(settings: Augmentation, seed: u64) -> (Image, Mask) {
    let (image, mask) = square();
    let (image, mask) = settings.apply(image, Some(mask), &mut stream(seed, &[]));
    (image, mask.unwrap())
}

/// Row and column of the centre of the foreground.
fn center(mask: &Mask) -> (f32, f32) {
    let sum = mask
        .values
        .iter()
        .enumerate()
        .fold((0.0, 0.0), |sum, (i, value)| (sum.0 + value * (i / SIDE) as f32, sum.1 + value * (i % SIDE) as f32));
    let n = mask.foreground() as f32;
    (sum.0 / n, sum.1 / n)
}

#[test]
fn the_default_changes_nothing() {
    assert_eq!(apply(Augmentation::default(), 3), square());
}

#[test]
fn image_and_mask_move_together_under_every_kind_of_motion() {
    let still = Augmentation::default();
    let motions = [
        Augmentation { rotation_degrees: 40.0, ..still },
        Augmentation { translation: 0.2, ..still },
        Augmentation { scale: (0.7, 1.3), ..still },
        Augmentation { flip_horizontal: true, ..still },
        Augmentation { rotation_degrees: 40.0, translation: 0.2, scale: (0.7, 1.3), flip_horizontal: true, ..still },
    ];
    for (settings, seed) in motions.into_iter().flat_map(|motion| (0..20).map(move |seed| (motion, seed))) {
        let (image, mask) = apply(settings, seed);
        // Bilinear and nearest may only disagree on the rim.
        for (i, (value, inside)) in image.pixels.iter().zip(&mask.values).enumerate() {
            let agrees = if *inside == 1.0 { *value > 0.2 } else { *value < 0.8 };
            assert!(agrees, "pixel {i} is {value} where the mask is {inside}: {settings:?}, seed {seed}");
        }
    }
}

#[test]
fn every_motion_moves_and_stays_within_its_range() {
    let still = Augmentation::default();
    let (start, area) = (center(&square().1), square().1.foreground() as f32);
    let mut farthest: f32 = 0.0;
    let mut areas = (area, area);
    for seed in 0..60 {
        let (_, mask) = apply(Augmentation { translation: 0.1, ..still }, seed);
        let (y, x) = center(&mask);
        farthest = farthest.max((y - start.0).abs()).max((x - start.1).abs());
        let (_, mask) = apply(Augmentation { scale: (0.8, 1.25), ..still }, seed);
        areas = (areas.0.min(mask.foreground() as f32), areas.1.max(mask.foreground() as f32));
    }
    assert!(farthest > 2.0 && farthest < 0.1 * SIDE as f32 + 1.0, "{farthest}");
    // Zoom 0.8 shrinks the area to 0.64, zoom 1.25 grows it to 1.56.
    assert!(areas.0 / area < 0.75 && areas.0 / area > 0.55, "{areas:?}");
    assert!(areas.1 / area > 1.35 && areas.1 / area < 1.75, "{areas:?}");
}

#[test]
fn a_flip_mirrors_exactly_and_happens_in_half_of_the_cases() {
    let (image, mask) = square();
    let settings = Augmentation { flip_horizontal: true, ..Default::default() };
    let mirrored: Vec<f32> = image.pixels.chunks_exact(SIDE).flat_map(|row| row.iter().rev().copied()).collect();
    let mut flips = 0;
    for seed in 0..400 {
        let (flipped, flipped_mask) = apply(settings, seed);
        flips += usize::from(flipped != image);
        assert!(flipped == image || flipped.pixels == mirrored);
        assert_eq!(flipped_mask.values, flipped.pixels);
    }
    assert!((160..240).contains(&flips), "{flips} flips of 400");
    assert_eq!(mask, square().1);
}

/// A spot 12 right and 5 above the centre lies at distance 13 and at atan2(5, 12) = 22.6°.
#[test]
fn rotation_keeps_the_distance_from_the_center_and_turns_by_up_to_the_angle_either_way() {
    let middle = (SIDE / 2) as f32;
    let spot = |i: usize| (middle - 5.0 - (i / SIDE) as f32).hypot(middle + 12.0 - (i % SIDE) as f32) < 2.5;
    let values: Vec<f32> = (0..SIDE * SIDE).map(|i| f32::from(u8::from(spot(i)))).collect();
    let (image, mask) = (Image::new(SIDE, SIDE, 1, values.clone()), Mask::new(SIDE, SIDE, values));
    let settings = Augmentation { rotation_degrees: 60.0, ..Default::default() };
    let mut turns = (0.0f32, 0.0f32);
    for seed in 0..40 {
        let (_, turned) = settings.apply(image.clone(), Some(mask.clone()), &mut stream(seed, &[]));
        let (y, x) = center(&turned.unwrap());
        let (up, right) = (middle - y, x - middle);
        assert!((up.hypot(right) - 13.0).abs() < 0.5, "seed {seed}: the spot is at {up} up, {right} right");
        let turn = up.atan2(right).to_degrees() - 22.6;
        turns = (turns.0.min(turn), turns.1.max(turn));
    }
    assert!((-63.0..-45.0).contains(&turns.0) && (45.0..63.0).contains(&turns.1), "{turns:?}");
}

/// A turn and a mirror keep distances, whichever comes first.
#[test]
fn a_mirrored_turn_keeps_the_distance_from_the_center() {
    let middle = (SIDE / 2) as f32;
    let spot = |i: usize| (middle - 5.0 - (i / SIDE) as f32).hypot(middle + 12.0 - (i % SIDE) as f32) < 2.5;
    let values: Vec<f32> = (0..SIDE * SIDE).map(|i| f32::from(u8::from(spot(i)))).collect();
    let settings = Augmentation { rotation_degrees: 60.0, flip_horizontal: true, ..Default::default() };
    let mut mirrored = 0;
    for seed in 0..40 {
        let mask = Mask::new(SIDE, SIDE, values.clone());
        let image = Image::new(SIDE, SIDE, 1, values.clone());
        let (y, x) = center(&settings.apply(image, Some(mask), &mut stream(seed, &[])).1.unwrap());
        assert!(((middle - y).hypot(x - middle) - 13.0).abs() < 0.5, "seed {seed}: the spot is at {y}, {x}");
        mirrored += usize::from(x < middle - 1.0);
    }
    assert!((8..32).contains(&mirrored), "{mirrored} of 40 are mirrored");
}

#[test]
fn a_shift_is_a_share_of_each_side() {
    let (height, width) = (10, 60);
    let inside = |i: usize| (4..6).contains(&(i / width)) && (28..32).contains(&(i % width));
    let values: Vec<f32> = (0..height * width).map(|i| f32::from(u8::from(inside(i)))).collect();
    let settings = Augmentation { translation: 0.25, ..Default::default() };
    let mut farthest = [0.0_f32; 2];
    for seed in 0..60 {
        let image = Image::new(height, width, 1, values.clone());
        let moved = settings.apply(image, None, &mut stream(seed, &[])).0.pixels;
        let total: f32 = moved.iter().sum();
        let mean = |place: fn(usize, usize) -> usize| {
            moved.iter().enumerate().map(|(i, value)| value * place(i, 60) as f32).sum::<f32>() / total
        };
        let distance = [mean(|i, width| i / width) - 4.5, mean(|i, width| i % width) - 29.5].map(f32::abs);
        farthest = [farthest[0].max(distance[0]), farthest[1].max(distance[1])];
    }
    assert!((2.0..=2.51).contains(&farthest[0]) && (12.0..=15.01).contains(&farthest[1]), "{farthest:?}");
}

#[test]
fn zooming_in_is_as_likely_as_zooming_out() {
    let area = square().1.foreground();
    let settings = Augmentation { scale: (0.25, 4.0), ..Default::default() };
    let larger = (0..400).filter(|seed| apply(settings, *seed).1.foreground() > area).count();
    assert!((160..240).contains(&larger), "{larger} of 400 are larger");
}

#[test]
fn what_comes_from_outside_is_black_and_background() {
    let image = Image::new(SIDE, SIDE, 1, vec![1.0; SIDE * SIDE]);
    let mask = Mask::new(SIDE, SIDE, vec![1.0; SIDE * SIDE]);
    let settings = Augmentation { scale: (0.5, 0.5), ..Default::default() };
    let (image, mask) = settings.apply(image, Some(mask), &mut stream(0, &[]));
    let mask = mask.unwrap();
    assert_eq!((image.pixel(0, 0)[0], mask.values[0]), (0.0, 0.0));
    assert!((mask.foreground() as f32 / (SIDE * SIDE) as f32 - 0.25).abs() < 0.03);
}

#[test]
fn light_changes_the_image_and_never_the_mask_and_stays_in_range() {
    let settings = Augmentation { brightness: 0.3, contrast: 0.3, noise: 0.1, ..Default::default() };
    let (image, mask) = apply(settings, 1);
    assert_ne!(image, square().0);
    assert_eq!(mask, square().1);
    assert!(image.pixels.iter().all(|value| (0.0..=1.0).contains(value)));
}

#[test]
fn contrast_leaves_middle_gray_and_moves_the_others_apart() {
    let settings = Augmentation { contrast: 0.5, ..Default::default() };
    for seed in 0..20 {
        let image = Image::new(1, 3, 1, vec![0.25, 0.5, 0.75]);
        let pixels = settings.apply(image, None, &mut stream(seed, &[])).0.pixels;
        assert!(pixels[1] == 0.5 && (pixels[0] + pixels[2] - 1.0).abs() < 1e-6, "{pixels:?}");
        assert!((0.125..=0.375).contains(&pixels[0]), "{pixels:?}");
    }
}

#[test]
fn noise_has_the_deviation_asked_for() {
    let image = Image::new(100, 100, 1, vec![0.5; 10_000]);
    let noisy = Augmentation { noise: 0.1, ..Default::default() }.apply(image, None, &mut stream(4, &[])).0;
    let deviations = noisy.pixels.iter().map(|value| value - 0.5);
    let mean = deviations.clone().sum::<f32>() / 1e4;
    let sigma = (deviations.map(|value| value * value).sum::<f32>() / 1e4).sqrt();
    assert!(mean.abs() < 0.004 && (sigma - 0.1).abs() < 0.004, "mean {mean}, σ {sigma}");
}

#[test]
fn the_same_stream_gives_the_same_picture_and_another_another() {
    let settings = Augmentation { rotation_degrees: 20.0, noise: 0.1, ..Default::default() };
    assert_eq!(apply(settings, 1), apply(settings, 1));
    assert_ne!(apply(settings, 1), apply(settings, 2));
}

#[test]
fn settings_out_of_range_are_named() {
    let still = Augmentation::default();
    for (settings, name) in [
        (Augmentation { rotation_degrees: -1.0, ..still }, "rotation_degrees"),
        (Augmentation { translation: 1.5, ..still }, "translation"),
        (Augmentation { scale: (0.0, 1.0), ..still }, "scale"),
        (Augmentation { scale: (1.2, 1.0), ..still }, "scale"),
        (Augmentation { scale: (1.0, f32::INFINITY), ..still }, "scale"),
        (Augmentation { noise: f32::NAN, ..still }, "noise"),
    ] {
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
    assert!(still.check().is_ok());
}
