//! What a mark looks like.

use std::fmt;
use std::str::FromStr;

use rand::seq::SliceRandom;

use super::choose::KINDS;
use super::sign::{is_set, letter};
use crate::error::DataError;
use crate::nearest::nearest;
use crate::rng::{MARK, stream};

/// Cells of a texture in each direction before it repeats; a box is one repetition.
const TILE: usize = 6;

/// What is drawn into the background. Written `square`, `circle`, `triangle`, `letter:R`, `stripe:across`, `texture:3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mark {
    /// The whole box.
    Square,
    /// The disc in the box.
    Circle,
    /// Point up, base down.
    Triangle,
    /// A capital letter, `A` to `Z`, on 7 × 7 cells: boxes of fewer pixels blur it.
    Letter(char),
    /// A band half as wide as the box, through the box from edge to edge of the image, behind the foreground.
    Stripe(Stripe),
    /// Black and white cells over the whole background: pattern number 0, 1, …, each another random tile.
    Texture(u16),
}

/// Which way a stripe runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stripe {
    /// From left to right.
    Across,
    /// From top to bottom.
    Upright,
    /// Rising to the right.
    Slash,
    /// Falling to the right.
    Backslash,
}

impl Stripe {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Across, Self::Upright, Self::Slash, Self::Backslash];

    fn name(self) -> &'static str {
        match self {
            Self::Across => "across",
            Self::Upright => "upright",
            Self::Slash => "slash",
            Self::Backslash => "backslash",
        }
    }
}

impl Mark {
    /// Whether a point belongs to the mark; its box reaches from −1 to 1, x to the right and y down.
    pub(crate) fn shape(self) -> Box<dyn Fn([f32; 2]) -> bool> {
        match self {
            Self::Square => Box::new(|[x, y]| x.abs() <= 1.0 && y.abs() <= 1.0),
            Self::Circle => Box::new(|[x, y]| x * x + y * y <= 1.0),
            Self::Triangle => Box::new(|[x, y]| y.abs() <= 1.0 && x.abs() <= (y + 1.0) / 2.0),
            Self::Letter(name) => Box::new(move |at| letter(name).is_some_and(|sign| is_set(sign, at, 1.0))),
            Self::Stripe(stripe) => Box::new(move |[x, y]| {
                let distance = match stripe {
                    Stripe::Across => y,
                    Stripe::Upright => x,
                    Stripe::Slash => (x + y) * std::f32::consts::FRAC_1_SQRT_2,
                    Stripe::Backslash => (x - y) * std::f32::consts::FRAC_1_SQRT_2,
                };
                distance.abs() <= 0.5
            }),
            Self::Texture(number) => {
                let tile = tile(number);
                let cell = |at: f32| ((at + 1.0) / 2.0 * TILE as f32).floor().rem_euclid(TILE as f32) as usize;
                Box::new(move |[x, y]| tile[cell(y) * TILE + cell(x)])
            }
        }
    }
}

/// Half of the cells, at random; the same for everyone who says this number.
fn tile(number: u16) -> [bool; TILE * TILE] {
    let mut cells = std::array::from_fn(|cell| cell % 2 == 0);
    cells.shuffle(&mut stream(number.into(), &[MARK, 2]));
    cells
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Square => write!(f, "square"),
            Self::Circle => write!(f, "circle"),
            Self::Triangle => write!(f, "triangle"),
            Self::Letter(letter) => write!(f, "letter:{letter}"),
            Self::Stripe(stripe) => write!(f, "stripe:{}", stripe.name()),
            Self::Texture(number) => write!(f, "texture:{number}"),
        }
    }
}

impl FromStr for Mark {
    type Err = DataError;

    /// # Errors
    /// [`DataError::UnknownMark`].
    fn from_str(word: &str) -> Result<Self, DataError> {
        let (kind, which) = word.split_once(':').unwrap_or((word, ""));
        let mark = match kind {
            "square" if which.is_empty() => Some(Self::Square),
            "circle" if which.is_empty() => Some(Self::Circle),
            "triangle" if which.is_empty() => Some(Self::Triangle),
            "letter" => which.parse().ok().filter(|&name| letter(name).is_some()).map(Self::Letter),
            "stripe" => Stripe::ALL.into_iter().find(|stripe| stripe.name() == which).map(Self::Stripe),
            "texture" => which.parse().ok().map(Self::Texture),
            _ => None,
        };
        mark.ok_or_else(|| {
            let nearest = nearest(kind, KINDS.map(|(kind, _)| kind));
            let like = KINDS.into_iter().find(|(kind, _)| Some(*kind) == nearest).map(|(_, like)| like);
            DataError::UnknownMark { mark: word.into(), like }
        })
    }
}
