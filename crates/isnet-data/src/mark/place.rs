//! Where a mark goes.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::error::DataError;
use crate::sample::Mask;

/// Distance of a mark from the edges of the image, as a share of the shorter side, so that a small rotation keeps it.
const INSET: f32 = 0.03;

/// Which boxes are allowed. All keep a distance of 3 % of the shorter side from the edges of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Position {
    /// This corner.
    UpperLeft,
    /// This corner.
    UpperRight,
    /// This corner.
    LowerLeft,
    /// This corner.
    LowerRight,
    /// Any of the four corners.
    Corner,
    /// Anywhere along the four edges.
    Border,
    /// Anywhere.
    Background,
}

/// A square box in an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows and columns.
    pub side: usize,
}

impl Position {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::UpperLeft,
        Self::UpperRight,
        Self::LowerLeft,
        Self::LowerRight,
        Self::Corner,
        Self::Border,
        Self::Background,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::UpperLeft => "upper-left",
            Self::UpperRight => "upper-right",
            Self::LowerLeft => "lower-left",
            Self::LowerRight => "lower-right",
            Self::Corner => "corner",
            Self::Border => "border",
            Self::Background => "background",
        }
    }

    /// Whether a box may start at a row and a column that lie at the first or last possible place, or between them.
    fn allows(self, row: Ends, column: Ends) -> bool {
        match self {
            Self::UpperLeft => row.first && column.first,
            Self::UpperRight => row.first && column.last,
            Self::LowerLeft => row.last && column.first,
            Self::LowerRight => row.last && column.last,
            Self::Corner => (row.first || row.last) && (column.first || column.last),
            Self::Border => row.first || row.last || column.first || column.last,
            Self::Background => true,
        }
    }
}

/// Whether a start is the first or the last possible one; both where there is only one.
#[derive(Clone, Copy)]
struct Ends {
    first: bool,
    last: bool,
}

/// One of the allowed boxes that have the most background, each equally likely, and the share of it that is background.
pub(super) fn find(mask: &Mask, position: Position, side: usize, rng: &mut ChaCha8Rng) -> (Place, f32) {
    let shorter = mask.height.min(mask.width);
    let inset = ((INSET * shorter as f32).round() as usize).min((shorter - side) / 2);
    let starts = |length: usize| {
        let (first, last) = (inset, length - side - inset);
        (first..=last).map(move |start| (start, Ends { first: start == first, last: start == last }))
    };
    let background = BackgroundSums::new(mask);
    let boxes = || {
        starts(mask.height).flat_map(move |(top, row)| {
            let allowed = starts(mask.width).filter(move |&(_, column)| position.allows(row, column));
            allowed.map(move |(left, _)| Place { top, left, side })
        })
    };
    let most = boxes().map(|place| background.within(place)).max().unwrap_or_default();
    let best = || boxes().filter(|&place| background.within(place) == most);
    let chosen = best().nth(rng.random_range(0..best().count()));
    let place = chosen.expect("the box was counted");
    (place, most as f32 / (side * side) as f32)
}

/// How many background pixels lie above and to the left of each corner of a pixel: `[H + 1, W + 1]`.
struct BackgroundSums {
    stride: usize,
    sums: Vec<u32>,
}

impl BackgroundSums {
    fn new(mask: &Mask) -> Self {
        let stride = mask.width + 1;
        let mut sums = vec![0; stride * (mask.height + 1)];
        for (row, values) in mask.values.chunks_exact(mask.width).enumerate() {
            let mut in_row = 0;
            for (column, &value) in values.iter().enumerate() {
                in_row += u32::from(value <= 0.5);
                sums[(row + 1) * stride + column + 1] = sums[row * stride + column + 1] + in_row;
            }
        }
        Self { stride, sums }
    }

    fn within(&self, Place { top, left, side }: Place) -> u32 {
        let sum = |row: usize, column: usize| self.sums[row * self.stride + column];
        sum(top + side, left + side) + sum(top, left) - sum(top, left + side) - sum(top + side, left)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Position {
    type Err = DataError;

    /// # Errors
    /// [`DataError::Setting`].
    fn from_str(word: &str) -> Result<Self, DataError> {
        let known = Self::ALL.into_iter().find(|position| position.name() == word);
        known.ok_or_else(|| DataError::Setting {
            setting: "position",
            value: format!("`{word}`"),
            range: "`upper-left`, `upper-right`, `lower-left`, `lower-right`, `corner`, `border` or `background`",
        })
    }
}
