//! Where marks go, what they look like, and what they leave alone.

use super::*;
use crate::sample::{Image, Mask};

/// A dark image with a foreground of the given box.
fn scene(height: usize, width: usize, foreground: impl Fn(usize, usize) -> bool) -> (Image, Mask) {
    let values = (0..height * width).map(|pixel| f32::from(u8::from(foreground(pixel / width, pixel % width))));
    (Image::new(height, width, 1, vec![0.2; height * width]), Mask::new(height, width, values.collect()))
}

fn at(position: Position, size: f32) -> MarkSettings {
    MarkSettings { position, size, ..MarkSettings::default() }
}

/// The image as rows of `#` (white), `.` (unchanged) and `+` (between).
fn picture(image: &Image) -> Vec<String> {
    let letter = |&value: &f32| match value {
        0.2 => '.',
        1.0 => '#',
        _ => '+',
    };
    image.pixels.chunks(image.width).map(|row| row.iter().map(letter).collect()).collect()
}

fn drawn(mark: Mark, side: usize) -> Vec<String> {
    let (mut image, mask) = scene(side * 2, side * 2, |_, _| false);
    draw(&mut image, &mask, mark, &at(Position::UpperLeft, 0.5), &[]).unwrap();
    picture(&image)
}

#[test]
fn shapes_look_like_their_names() {
    assert_eq!(drawn(Mark::Square, 2), ["##..", "##..", "....", "...."]);
    assert_eq!(
        drawn(Mark::Circle, 6)[..6],
        [".++++.......", "+####+......", "+####+......", "+####+......", "+####+......", ".++++......."]
    );
    assert_eq!(drawn(Mark::Triangle, 4)[..4], [".++.....", ".++.....", "+##+....", "+##+...."]);
    assert_eq!(drawn(Mark::Letter('L'), 7)[4..7], ["##............", "######........", "######........"]);
}

#[test]
fn stripes_run_from_edge_to_edge_in_their_direction() {
    assert_eq!(drawn(Mark::Stripe(Stripe::Across), 4)[..4], ["........", "########", "########", "........"]);
    assert_eq!(drawn(Mark::Stripe(Stripe::Upright), 4), [".##....."; 8]);
    let slash = drawn(Mark::Stripe(Stripe::Slash), 4);
    // Rising to the right: through the lower left and the upper right pixel of the box, and on to nothing.
    assert_eq!((&slash[3][..1], &slash[0][3..4], &slash[7][..]), ("#", "#", "........"));
    let backslash = drawn(Mark::Stripe(Stripe::Backslash), 4);
    assert_eq!((&backslash[0][..1], &backslash[7][7..]), ("#", "#"));
}

#[test]
fn a_texture_fills_the_background_with_two_tones_and_repeats() {
    let (mut image, mask) = scene(24, 24, |row, _| row >= 20);
    draw(&mut image, &mask, Mark::Texture(4), &at(Position::UpperLeft, 0.25), &[]).unwrap();
    let value = |row: usize, column: usize| image.pixel(row, column)[0];
    for row in 0..20 {
        for column in 0..18 {
            assert!(matches!(value(row, column), 0.0 | 1.0), "{row} {column}");
            assert_eq!(value(row, column), value(row, column + 6));
        }
    }
    let white: f32 = (1..7).flat_map(|row| (1..7).map(move |column| (row, column))).map(|(r, c)| value(r, c)).sum();
    assert_eq!(white, 18.0, "half of the cells");
    assert!(image.pixels[20 * 24..].iter().all(|&value| value == 0.2));
}

#[test]
fn every_number_is_another_texture() {
    let tiles: Vec<Vec<String>> = (0..60).map(|number| drawn(Mark::Texture(number), 6)).collect();
    for (number, tile) in tiles.iter().enumerate() {
        assert!(!tiles[..number].contains(tile), "{number}");
    }
}

#[test]
fn corners_keep_a_distance_from_the_edges() {
    // 3 % of 100 are 3 pixels, a tenth of 100 is 10.
    for (position, top, left) in [
        (Position::UpperLeft, 3, 3),
        (Position::UpperRight, 3, 187),
        (Position::LowerLeft, 87, 3),
        (Position::LowerRight, 87, 187),
    ] {
        let (mut image, mask) = scene(100, 200, |_, _| false);
        let drawing = draw(&mut image, &mask, Mark::Square, &at(position, 0.1), &[]).unwrap();
        assert_eq!(drawing, Drawing { place: Some(Place { top, left, side: 10 }), visible: 1.0 });
        assert_eq!(image.pixels.iter().filter(|&&value| value == 1.0).count(), 100);
    }
}

/// Where 200 marks go.
fn places(position: Position, foreground: impl Fn(usize, usize) -> bool) -> Vec<Place> {
    let (image, mask) = scene(40, 40, foreground);
    let place = |key| draw(&mut image.clone(), &mask, Mark::Circle, &at(position, 0.1), &[key]).unwrap().place;
    (0..200).map(|key| place(key).unwrap()).collect()
}

#[test]
fn a_place_with_more_background_is_preferred() {
    let free: Vec<_> =
        places(Position::Corner, |_, column| column < 20).iter().map(|place| (place.top, place.left)).collect();
    assert!(free.contains(&(1, 35)) && free.contains(&(35, 35)), "both corners on the right are used");
    assert!(free.iter().all(|&(_, left)| left == 35), "none on the left");
}

#[test]
fn positions_allow_what_they_say() {
    let border = places(Position::Border, |_, _| false);
    assert!(border.iter().all(|place| [1, 35].contains(&place.top) || [1, 35].contains(&place.left)));
    assert!(border.iter().any(|place| place.top > 10 && place.top < 30), "not only corners");
    let anywhere = places(Position::Background, |row, column| (10..30).contains(&row) && (10..30).contains(&column));
    for place in &anywhere {
        let free = |start: usize| start + 4 <= 10 || start >= 30;
        assert!(free(place.top) || free(place.left), "{place:?} touches the foreground");
    }
    assert!(anywhere.iter().any(|place| place.top > 3 && place.left > 3 && place.top < 34 && place.left < 34));
}

#[test]
fn foreground_is_never_touched_and_hidden_marks_are_not_drawn() {
    // The box is 4 × 4 at (1, 1); one, two or three of its columns are background.
    for (first, visible, is_drawn) in [(2, 0.25, false), (3, 0.5, true), (4, 0.75, true)] {
        let (mut image, mask) = scene(40, 40, |_, column| column >= first);
        for mark in [Mark::Square, Mark::Stripe(Stripe::Across), Mark::Texture(1)] {
            let drawing = draw(&mut image, &mask, mark, &at(Position::UpperLeft, 0.1), &[]).unwrap();
            assert_eq!((drawing.visible, drawing.place.is_some()), (visible, is_drawn));
        }
        let changed = |column: usize| (0..40).any(|row| image.pixel(row, column) != [0.2]);
        assert!((first..40).all(|column| !changed(column)), "foreground from column {first}");
        assert_eq!(changed(1), is_drawn);
    }
    let (mut image, mask) = scene(8, 8, |_, _| true);
    let drawing = draw(&mut image, &mask, Mark::Texture(0), &at(Position::Background, 0.5), &[]).unwrap();
    assert_eq!(drawing, Drawing { place: None, visible: 0.0 });
}

#[test]
fn strength_blends_and_the_tone_is_the_one_that_is_seen() {
    for (background, strength, expected) in [(0.2, 0.5, 0.6), (0.8, 0.5, 0.4), (0.8, 1.0, 0.0), (0.0, 0.25, 0.25)] {
        let mut image = Image::new(4, 4, 3, vec![background; 48]);
        let mask = Mask::new(4, 4, vec![0.0; 16]);
        let settings = MarkSettings { strength, ..at(Position::UpperLeft, 0.5) };
        draw(&mut image, &mask, Mark::Square, &settings, &[]).unwrap();
        for value in image.pixel(1, 1) {
            assert!((value - expected).abs() < 1e-6, "{background} {strength} {value}");
        }
        assert_eq!(image.pixel(2, 2), [background; 3]);
    }
}

#[test]
fn the_place_depends_on_seed_and_address_and_not_on_the_mark() {
    let (image, mask) = scene(64, 64, |row, _| row > 50);
    let place = |mark, seed, key: &[u64]| {
        let settings = MarkSettings { seed, ..at(Position::Background, 0.1) };
        draw(&mut image.clone(), &mask, mark, &settings, key).unwrap().place.unwrap()
    };
    let here = place(Mark::Square, 1, &[7]);
    for mark in [Mark::Square, Mark::Letter('Q'), Mark::Texture(3), Mark::Stripe(Stripe::Slash)] {
        assert_eq!(place(mark, 1, &[7]), here);
    }
    assert_ne!(place(Mark::Square, 2, &[7]), here);
    assert_ne!(place(Mark::Square, 1, &[8]), here);
}

#[test]
fn a_mark_may_be_a_single_pixel_and_an_image_too() {
    let (mut image, mask) = scene(28, 28, |_, _| false);
    draw(&mut image, &mask, Mark::Square, &at(Position::UpperLeft, 1.0 / 28.0), &[]).unwrap();
    assert_eq!(image.pixels.iter().filter(|&&value| value == 1.0).count(), 1);
    let (mut image, mask) = scene(1, 1, |_, _| false);
    draw(&mut image, &mask, Mark::Square, &at(Position::Border, 0.5), &[]).unwrap();
    assert_eq!(image.pixels, [1.0]);
}

#[test]
fn bad_settings_and_masks_of_another_size_are_refused() {
    let (mut image, mask) = scene(8, 8, |_, _| false);
    let cases = [
        (MarkSettings { strength: 0.0, ..at(Position::Corner, 0.1) }, "`strength` is 0"),
        (MarkSettings { strength: f32::NAN, ..at(Position::Corner, 0.1) }, "`strength` is NaN"),
        (at(Position::Corner, 0.6), "`size` is 0.6; it must be above 0 and at most 0.5"),
    ];
    for (settings, expected) in cases {
        let message = draw(&mut image, &mask, Mark::Square, &settings, &[]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let small = Mask::new(4, 8, vec![0.0; 32]);
    let message = draw(&mut image, &small, Mark::Square, &MarkSettings::default(), &[]).unwrap_err().to_string();
    assert!(message.contains("the mask is 4×8 pixels, its image 8×8"), "{message}");
}

fn chosen(words: &[&str], n_classes: usize) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    match choose(&words, n_classes) {
        Ok(marks) => marks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}

#[test]
fn marks_are_chosen_by_number_by_kind_or_one_by_one() {
    let cases: &[(&[&str], usize, &str)] = &[
        (&[], 5, "square circle triangle letter:A letter:B"),
        (&["stripe"], 2, "stripe:across stripe:upright"),
        (&["texture"], 3, "texture:0 texture:1 texture:2"),
        (&["letter:R", "stripe:slash"], 2, "letter:R stripe:slash"),
        (&["square"], 2, "1 mark(s) for 2 classes"),
        (&["stripe"], 5, "4 mark(s) for 5 classes"),
        (&["circle", "circle"], 2, "mark `circle` is bound to two classes"),
        (&["sqare", "circle"], 2, "mark `sqare` is unknown; did you mean `square`?"),
        (&["letter:é", "circle"], 2, "mark `letter:é` is unknown; did you mean `letter:R`?"),
        (&["texture:-1", "circle"], 2, "mark `texture:-1` is unknown; did you mean `texture:0`?"),
        (&["xyz", "circle"], 2, "mark `xyz` is unknown; marks are"),
    ];
    for (words, n_classes, expected) in cases {
        let got = chosen(words, *n_classes);
        assert!(got.starts_with(expected), "{words:?}: {got}");
    }
    assert_eq!(chosen(&[], AUTOMATIC_MARKS).split(' ').next_back(), Some("letter:Z"));
    assert_eq!(chosen(&[], AUTOMATIC_MARKS + 1).split(' ').next_back(), Some("texture:29"));
}

#[test]
fn names_of_marks_and_positions_read_back() {
    for mark in [Mark::Circle, Mark::Letter('X'), Mark::Stripe(Stripe::Backslash), Mark::Texture(65535)] {
        assert_eq!(mark.to_string().parse::<Mark>().unwrap(), mark);
    }
    for position in Position::ALL {
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
    }
    let message = "middle".parse::<Position>().unwrap_err().to_string();
    assert!(message.contains("`position` is `middle`; it must be `upper-left`"), "{message}");
}
