//! Letters of 5 × 7 pixels with two rows below the line, drawn in `font.txt` with `#`.
//!
//! The file holds bands of sixteen glyphs, nine rows each; a glyph is six columns wide, the last of
//! them empty. First come the characters 32–126, then a box for what is missing, then those of
//! [`EXTRA`].

/// Columns from one letter to the next.
pub const ADVANCE: u32 = 6;
/// Rows of a glyph, the two below the line included.
pub const HEIGHT: u32 = 9;

const DRAWING: &[u8] = include_bytes!("font.txt");
const PER_BAND: usize = 16;
const BAND_WIDTH: usize = PER_BAND * ADVANCE as usize + 1;
const BOX: usize = 95;
const EXTRA: &str = "±–…×·ε→≤≥°";

/// Whether a glyph covers the pixel in column `x < 6`, row `y < 9`.
pub fn covers(letter: char, x: u32, y: u32) -> bool {
    let glyph = glyph(letter);
    let row = glyph / PER_BAND * HEIGHT as usize + y as usize;
    let column = glyph % PER_BAND * ADVANCE as usize + x as usize;
    DRAWING[row * BAND_WIDTH + column] == b'#'
}

fn glyph(letter: char) -> usize {
    match letter {
        ' '..='~' => letter as usize - ' ' as usize,
        _ => EXTRA.chars().position(|extra| extra == letter).map_or(BOX, |place| BOX + 1 + place),
    }
}

#[cfg(test)]
mod tests {
    use super::{ADVANCE, BAND_WIDTH, BOX, DRAWING, EXTRA, HEIGHT, PER_BAND, covers};

    fn pixels(letter: char) -> Vec<bool> {
        (0..HEIGHT).flat_map(|y| (0..ADVANCE).map(move |x| covers(letter, x, y))).collect()
    }

    #[test]
    fn the_drawing_has_room_for_all_letters() {
        let n_bands = (BOX + 1 + EXTRA.chars().count()).div_ceil(PER_BAND);
        assert_eq!(DRAWING.len(), n_bands * HEIGHT as usize * BAND_WIDTH);
        assert!(DRAWING.chunks(BAND_WIDTH).all(|row| row.ends_with(b"\n")));
    }

    #[test]
    fn every_letter_looks_different_and_leaves_a_gap() {
        let letters: Vec<char> = (' '..='~').chain(EXTRA.chars()).chain(['\u{1F600}']).collect();
        for (idx, &letter) in letters.iter().enumerate() {
            assert!((0..HEIGHT).all(|y| !covers(letter, ADVANCE - 1, y)), "`{letter}` touches the next letter");
            assert!(letter == ' ' || pixels(letter).contains(&true), "`{letter}` is empty");
            for &other in &letters[..idx] {
                assert_ne!(pixels(letter), pixels(other), "`{letter}` and `{other}`");
            }
        }
    }

    #[test]
    fn the_letter_t_is_a_bar_on_a_stem() {
        let rows: Vec<String> =
            (0..7).map(|y| (0..5).map(|x| if covers('T', x, y) { '#' } else { '.' }).collect()).collect();
        assert_eq!(rows, ["#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."]);
    }
}
