//! Whole pictures: strips, pages and files.
#![expect(clippy::unwrap_used, reason = "a test stops at its first error")]

use isnet_picture::{
    Grid, PictureError, Range, Rgb, RgbImage, SignedMap, Table, Tile, draw_text, gray, overlay, save_png, signed_map,
    text_width,
};

/// FNV-1a of size and pixels: small enough to stand in a test, and the same on every machine.
fn hash(picture: &RgbImage) -> u64 {
    let size = [picture.width(), picture.height()].map(u32::to_le_bytes).concat();
    size.iter()
        .chain(picture.as_raw())
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A ramp from −0.5 to +0.5 over 4 × 4 pixels.
fn ramp() -> SignedMap {
    let values: Vec<f32> = (0..16_u8).map(|idx| f32::from(idx) / 15.0 - 0.5).collect();
    signed_map(&values, 4, 4, Range::Max).unwrap()
}

const MASK: [f32; 16] = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];

fn page() -> Grid {
    let photo = gray(&[0.25; 16], 4, 4).unwrap();
    let over = overlay(&photo, &ramp()).unwrap();
    Grid::new()
        .heading("two models")
        .note("red: for the class, blue: against it")
        .table(
            Table::new(["model", "biased", "deceiving"])
                .row(["standard", "1.00", "0.02"])
                .row(["ISNet", "0.98", "0.97"]),
        )
        .columns(["image", "relevance"])
        .row("first", [Tile::new(over).outline(&MASK).unwrap(), Tile::signed(&ramp()).caption("ill 0.93")])
        .min_side(128)
}

/// Whether the words, in one of the inks of a page, stand anywhere on the picture; letters are
/// matched pixel by pixel.
fn shows(picture: &RgbImage, words: &str, scale: u32) -> bool {
    let (w, h) = (text_width(words, scale), 9 * scale);
    let mut stencil = RgbImage::new(w, h);
    draw_text(&mut stencil, 0, 0, words, scale, Rgb([255; 3]));
    let inked: Vec<_> = stencil.enumerate_pixels().map(|(x, y, pixel)| (x, y, pixel.0[0] > 0)).collect();
    let is_ink = |x, y| picture.get_pixel(x, y).0.iter().all(|channel| *channel < 128);
    let places = (0..=picture.height() - h).flat_map(|y| (0..=picture.width() - w).map(move |x| (x, y)));
    places.into_iter().any(|(left, top)| inked.iter().all(|&(x, y, ink)| is_ink(left + x, top + y) == ink))
}

#[test]
fn every_signed_map_prints_its_range() {
    let picture = Grid::strip([Tile::signed(&ramp())]).render();
    for mark in ["-0.500", "0", "+0.500"] {
        assert!(shows(&picture, mark, 2), "no `{mark}` on the picture");
    }
    assert!(!shows(&picture, "+0.600", 2), "the search finds what is not there");
    let plain = Grid::strip([Tile::new(ramp().picture)]).render();
    assert!(!shows(&plain, "+0.500", 2), "a picture without a scale bar has no range");
}

#[test]
fn all_words_of_a_page_are_on_it() {
    let picture = page().render();
    for words in ["red: for the class,", "deceiving", "0.97", "relevance", "first", "ill 0.93"] {
        assert!(shows(&picture, words, 1), "no `{words}` on the page");
    }
    assert!(shows(&picture, "two models", 2));
}

#[test]
fn small_inputs_become_readable_pictures() {
    let one = Grid::strip([Tile::new(ramp().picture)]).render();
    let two = Grid::strip([Tile::new(ramp().picture), Tile::new(ramp().picture)]).render();
    assert!(one.width() >= 256 && one.height() >= 256);
    assert!(two.width() >= one.width() + 256);
}

#[test]
fn an_outline_is_drawn_after_enlarging() {
    let plain = Tile::new(ramp().picture);
    let before = Grid::strip([plain.clone()]).render();
    let after = Grid::strip([plain.outline(&MASK).unwrap()]).render();
    let changed = before.pixels().zip(after.pixels()).filter(|(before, after)| before != after).count();
    assert_eq!(changed, 4 * 2 * 64 - 4); // a square of 2 × 64 pixels, one pixel wide
}

#[test]
fn tiles_of_different_sizes_share_a_row() {
    let wide = signed_map(&[1.0; 300], 1, 300, Range::Max).unwrap();
    let picture = Grid::strip([Tile::signed(&ramp()), Tile::signed(&wide).title("wide")]).render();
    assert!(picture.width() > 600);
}

#[test]
fn an_empty_page_is_still_a_picture() {
    let picture = Grid::new().render();
    assert!(picture.width() > 0 && picture.height() > 0);
}

#[test]
fn the_page_looks_as_it_did_when_last_looked_at() {
    // Look at the new picture before you change this number: `page().save_png(…)`.
    assert_eq!(hash(&page().render()), 443_903_494_118_396_495);
}

#[test]
fn a_mask_of_another_size_is_refused() {
    let result = Tile::new(ramp().picture).outline(&[1.0; 9]);
    assert!(matches!(result, Err(PictureError::Size { h: 4, w: 4, got: 9, .. })));
}

#[test]
fn files_come_back_as_they_were_and_bad_paths_are_named() {
    let folder = std::env::temp_dir().join(format!("isnet-picture-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let picture = ramp().picture;
    save_png(&picture, &folder.join("map")).unwrap();
    let bytes = std::fs::read(folder.join("map")).unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8(), picture);
    std::fs::remove_dir_all(&folder).unwrap();

    let error = save_png(&picture, &folder.join("map.png")).unwrap_err();
    assert!(matches!(&error, PictureError::Save(_)));
    assert!(error.to_string().contains("map.png`: it does not exist"), "{error}");
}
