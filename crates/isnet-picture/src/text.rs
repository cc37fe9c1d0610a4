//! Text on pictures.

use image::{Rgb, RgbImage};

use crate::font;
use crate::theme::PAPER;

/// Draws one line with its upper left corner at `(x, y)`; what lies outside the picture is left
/// out.
///
/// A letter is `5·scale` pixels wide and `7·scale` high, and `6·scale` from the next. Characters
/// 32–126 and `± – … × · ε → ≤ ≥ °` have a letter, others show as a box.
///
/// # Example
/// ```
/// # use isnet_picture::{Rgb, RgbImage, draw_text};
/// let mut picture = RgbImage::new(6, 9);
/// draw_text(&mut picture, 0, 0, "T", 1, Rgb([255, 0, 0]));
/// assert_eq!(picture.get_pixel(2, 6), &Rgb([255, 0, 0])); // the foot of the T
/// ```
pub fn draw_text(picture: &mut RgbImage, x: u32, y: u32, text: &str, scale: u32, ink: Rgb<u8>) {
    for (place, letter) in (0_u32..).zip(text.chars()) {
        let left = x + place * font::ADVANCE * scale;
        for row in 0..font::HEIGHT * scale {
            for column in 0..font::ADVANCE * scale {
                if font::covers(letter, column / scale, row / scale)
                    && let Some(pixel) = picture.get_pixel_mut_checked(left + column, y + row)
                {
                    *pixel = ink;
                }
            }
        }
    }
}

/// Width of a line in pixels, without the gap after its last letter.
pub fn text_width(text: &str, scale: u32) -> u32 {
    (text.chars().count() as u32 * font::ADVANCE).saturating_sub(1) * scale
}

/// Height of one line in pixels, the space to the next included.
pub(crate) fn line_height(scale: u32) -> u32 {
    (font::HEIGHT + 2) * scale
}

/// A block of text on paper, `width` pixels wide, wrapped at spaces; without text it has no height.
pub(crate) fn paragraph(text: &str, width: u32, scale: u32, ink: Rgb<u8>) -> RgbImage {
    let n_columns = ((width + scale) / (font::ADVANCE * scale)).max(1) as usize;
    let lines = if text.is_empty() { Vec::new() } else { wrap(text, n_columns) };
    let mut block = RgbImage::from_pixel(width, lines.len() as u32 * line_height(scale), PAPER);
    for (idx, line) in (0_u32..).zip(&lines) {
        draw_text(&mut block, 0, idx * line_height(scale), line, scale, ink);
    }
    block
}

/// Breaks text into lines of at most `n_columns` letters, at spaces; words longer than that are
/// cut.
fn wrap(text: &str, n_columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > n_columns {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            for letter in word.chars() {
                if line.chars().count() == n_columns {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(letter);
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{draw_text, text_width, wrap};
    use image::{Rgb, RgbImage};

    #[test]
    fn lines_break_at_spaces_and_long_words_are_cut() {
        let check = |text: &str, expected: &[&str]| assert_eq!(wrap(text, 6), expected, "{text:?}");
        check("", &[]);
        check("one", &["one"]);
        check("one tw", &["one tw"]);
        check("one two six", &["one", "two", "six"]);
        check("a\n\nb", &["a", "", "b"]);
        check("pneumonia ok", &["pneumo", "nia ok"]);
    }

    #[test]
    fn a_line_fills_its_width_and_no_more() {
        let mut picture = RgbImage::new(40, 20);
        draw_text(&mut picture, 0, 0, "MM", 2, Rgb([255; 3]));
        let last = picture.enumerate_pixels().filter(|(.., pixel)| pixel.0[0] > 0).map(|(x, ..)| x).max();
        assert_eq!(last.map(|x| x + 1), Some(text_width("MM", 2)));
    }

    #[test]
    fn text_beyond_the_edge_is_left_out() {
        let mut picture = RgbImage::new(4, 4);
        draw_text(&mut picture, 2, 2, "wide", 3, Rgb([255; 3]));
        assert_eq!(picture.dimensions(), (4, 4));
    }
}
