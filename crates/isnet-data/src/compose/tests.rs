use super::*;
use crate::rng::stream;

fn gray(height: usize, width: usize, value: impl Fn(usize, usize) -> f32) -> Image {
    Image::new(height, width, 1, (0..height * width).map(|place| value(place / width, place % width)).collect())
}

fn mask(height: usize, width: usize, inside: impl Fn(usize, usize) -> bool) -> Mask {
    let value = |place: usize| f32::from(u8::from(inside(place / width, place % width)));
    Mask::new(height, width, (0..height * width).map(value).collect())
}

#[test]
fn colours_stay_together_when_a_foreground_is_laid_over() {
    let front = Image::new(1, 2, 3, vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let back = plain(&front, &[0.7, 0.8, 0.9]);
    assert_eq!(over(&front, &mask(1, 2, |_, x| x == 1), &back).pixels, [0.7, 0.8, 0.9, 0.4, 0.5, 0.6]);
}

#[test]
fn nothing_of_the_foreground_is_left_in_a_filled_background() {
    let inside = |y: usize, x: usize| (3..9).contains(&y) && (2..7).contains(&x);
    let background = |y: usize, x: usize| 0.2 + 0.01 * (x + y) as f32;
    let one = gray(12, 11, |y, x| if inside(y, x) { 1.0 } else { background(y, x) });
    let other = gray(12, 11, |y, x| if inside(y, x) { 0.5 * ((x * y) % 2) as f32 } else { background(y, x) });
    let hole = mask(12, 11, inside);
    let (one, other) = (fill(&one, &hole).unwrap(), fill(&other, &hole).unwrap());
    assert_eq!(one, other, "two foregrounds, one filled background");
    for place in 0..12 * 11 {
        let (y, x) = (place / 11, place % 11);
        let (low, high) = if inside(y, x) { (0.2, 0.42) } else { (background(y, x), background(y, x)) };
        assert!((low..=high).contains(&one.pixels[place]), "{y} {x}: {}", one.pixels[place]);
    }
}

/// Four pixels halve to (0.2, unknown) and then to 0.2.
#[test]
fn a_hole_at_the_edge_takes_the_nearest_known_colour() {
    let image = gray(1, 4, |_, x| [0.2, 0.2, 0.9, 0.9][x]);
    let filled = fill(&image, &mask(1, 4, |_, x| x > 1)).unwrap();
    assert!(filled.pixels.iter().all(|value| (value - 0.2).abs() < 1e-6), "{:?}", filled.pixels);
}

#[test]
fn an_image_without_foreground_is_its_own_background() {
    let image = gray(5, 7, |y, x| (y * x) as f32 / 35.0);
    assert_eq!(fill(&image, &mask(5, 7, |_, _| false)), Some(image.clone()));
    assert_eq!(bounding_box(&mask(5, 7, |_, _| false)), None);
    assert_eq!((tile_box(&image, &mask(5, 7, |_, _| false)), fill(&image, &mask(5, 7, |_, _| true))), (None, None));
}

#[test]
fn the_foreground_does_not_shine_into_a_blurred_background() {
    let inside = |y: usize, x: usize| (4..9).contains(&y) && (4..9).contains(&x);
    let image = gray(13, 13, |y, x| if inside(y, x) { 1.0 } else { 0.25 });
    let blurred = blur_background(&image, &mask(13, 13, inside), 2);
    assert!(blurred.pixels.iter().zip(&image.pixels).all(|(new, old)| (new - old).abs() < 1e-5), "{blurred:?}");
}

/// The numbers of `K·v·Kᵀ`, three times, over the same of ones, with `K[i][j] = 1/7` where |i − j| ≤ 3.
#[test]
fn a_mark_in_a_blurred_background_is_spread_out() {
    let image = gray(15, 15, |y, x| if (6..9).contains(&y) && (6..9).contains(&x) { 1.0 } else { 0.0 });
    let blurred = blur_background(&image, &mask(15, 15, |_, _| false), 3);
    let total: f32 = blurred.pixels.iter().sum();
    let (corner, middle) = (blurred.pixels[0], blurred.pixels[7 * 15 + 7]);
    for (got, expected) in [(total, 13.256_904), (corner, 0.021_360_947), (middle, 0.105_867_68)] {
        assert!((got / expected - 1.0).abs() < 1e-4, "{got} {expected}");
    }
}

#[test]
fn a_box_is_tiled_from_the_largest_rectangle_beside_it() {
    // Above the box is one row of four, left of it three rows of one.
    let image = gray(3, 4, |y, x| (y * 4 + x) as f32 / 12.0);
    let tiled = tile_box(&image, &mask(3, 4, |y, x| y > 0 && x > 0)).unwrap();
    let rows: Vec<f32> = [0, 1, 2, 3, 4, 0, 1, 2, 8, 0, 1, 2].map(|value| value as f32 / 12.0).into();
    assert_eq!(tiled.pixels, rows);
    assert_eq!(tile_box(&image, &mask(3, 4, |_, _| true)), None);
    let painted = paint_box(&image, &mask(3, 4, |y, x| (y, x) == (1, 1) || (y, x) == (2, 2)), 0.0).unwrap();
    assert_eq!((painted.pixels[4 + 2], painted.pixels[8 + 1], painted.pixels[4 + 3]), (0.0, 0.0, 7.0 / 12.0));
}

#[test]
fn noise_has_the_mean_and_deviation_it_was_given() {
    let colours = Colours { mean: vec![0.3, 0.6], deviation: vec![0.05, 0.1] };
    let like = Image::new(60, 60, 2, vec![0.0; 7200]);
    let noise = noise(&like, &colours, &mut stream(3, &[]));
    for channel in 0..2 {
        let values: Vec<f32> = noise.pixels.iter().skip(channel).step_by(2).copied().collect();
        let mean = values.iter().sum::<f32>() / 3600.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 3600.0;
        assert!((mean - colours.mean[channel]).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() / colours.deviation[channel] - 1.0).abs() < 0.05, "{variance}");
    }
}

#[test]
fn a_feathered_edge_lets_nothing_of_the_own_background_through() {
    let inside = |y: usize, x: usize| (3..9).contains(&y) && (2..7).contains(&x);
    let hole = mask(12, 11, inside);
    let back = gray(12, 11, |_, _| 0.5);
    let front = |own: f32| gray(12, 11, move |y, x| if inside(y, x) { 1.0 } else { own });
    let (one, other) = (feathered_over(&front(0.0), &hole, &back), feathered_over(&front(0.9), &hole, &back));
    assert_eq!(one, other);
    assert_eq!((one.pixel(5, 4), one.pixel(0, 0)), (&[1.0][..], &[0.5][..]), "the middle and the outside");
    // A straight edge has six of nine pixels inside, a corner four.
    assert!((one.pixel(3, 4)[0] - (6.0 + 3.0 * 0.5) / 9.0).abs() < 1e-6);
    assert!((one.pixel(3, 2)[0] - (4.0 + 5.0 * 0.5) / 9.0).abs() < 1e-6);
}
