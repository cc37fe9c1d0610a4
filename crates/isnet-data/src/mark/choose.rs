//! A mark for each class.

use super::kind::{Mark, Stripe};
use crate::error::{DataError, Result};

/// The kinds of marks, each with how one is written.
pub(super) const KINDS: [(&str, &str); 6] = [
    ("square", "square"),
    ("circle", "circle"),
    ("triangle", "triangle"),
    ("letter", "letter:R"),
    ("stripe", "stripe:across"),
    ("texture", "texture:0"),
];

/// How many classes get shapes and letters when nobody chooses; with more, every class gets a texture.
pub const AUTOMATIC_MARKS: usize = 3 + 26;

/// A mark for each of `n_classes` classes, in their order.
///
/// | `words` | marks |
/// |---|---|
/// | none | square, circle, triangle, then the letters; textures for more than [`AUTOMATIC_MARKS`] classes |
/// | one of `letter`, `stripe`, `texture` | the first of this kind |
/// | one mark per class | these |
///
/// # Errors
/// [`DataError::UnknownMark`]; [`DataError::MarkCount`] if there are not as many marks as classes; [`DataError::MarkTwice`].
///
/// # Example
/// ```
/// use isnet_data::mark::{Mark, choose};
/// assert_eq!(choose(&[], 2)?, [Mark::Square, Mark::Circle]);
/// assert_eq!(choose(&["letter".into()], 2)?, [Mark::Letter('A'), Mark::Letter('B')]);
/// assert_eq!(choose(&["letter:R".into(), "texture:7".into()], 2)?, [Mark::Letter('R'), Mark::Texture(7)]);
/// # Ok::<(), isnet_data::DataError>(())
/// ```
pub fn choose(words: &[String], n_classes: usize) -> Result<Vec<Mark>> {
    let letters = ('A'..='Z').map(Mark::Letter);
    let textures = (0..=u16::MAX).map(Mark::Texture);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let marks: Vec<Mark> = match words[..] {
        [] if n_classes > AUTOMATIC_MARKS => textures.take(n_classes).collect(),
        [] => [Mark::Square, Mark::Circle, Mark::Triangle].into_iter().chain(letters).take(n_classes).collect(),
        ["letter"] => letters.take(n_classes).collect(),
        ["stripe"] => Stripe::ALL.into_iter().map(Mark::Stripe).take(n_classes).collect(),
        ["texture"] => textures.take(n_classes).collect(),
        _ => words.iter().map(|word| word.parse()).collect::<Result<_>>()?,
    };
    if marks.len() != n_classes {
        return Err(DataError::MarkCount { marks: marks.len(), classes: n_classes });
    }
    match (0..n_classes).find(|&index| marks[..index].contains(&marks[index])) {
        Some(index) => Err(DataError::MarkTwice { mark: marks[index].to_string() }),
        None => Ok(marks),
    }
}
