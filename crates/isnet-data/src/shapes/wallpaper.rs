//! Wallpapers: patterns of two tones, half dark and half bright, so that none is told by its mean.

use std::f32::consts::FRAC_2_PI;

use crate::mark::Mark;

/// A pattern. The first four repeat after 2 in both directions and are bound to the classes, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wallpaper {
    Stripes,
    Dots,
    Checks,
    Zigzag,
    /// A random tile of 6 × 6 cells, [`Mark::Texture`] of this number: no class has one.
    Tile(u16),
}

impl Wallpaper {
    /// Those of the classes.
    pub const BOUND: [Self; 4] = [Self::Stripes, Self::Dots, Self::Checks, Self::Zigzag];

    /// The name in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripes => "stripes",
            Self::Dots => "dots",
            Self::Checks => "checks",
            Self::Zigzag => "zigzag",
            Self::Tile(_) => "tile",
        }
    }

    /// Whether a point is bright.
    pub fn pattern(self) -> Box<dyn Fn([f32; 2]) -> bool> {
        // From −1 to 1, again and again.
        let fold = |at: f32| at - 2.0 * ((at + 1.0) / 2.0).floor();
        match self {
            Self::Stripes => Box::new(move |[_, y]| fold(y).abs() < 0.5),
            Self::Dots => Box::new(move |[x, y]| fold(x).powi(2) + fold(y).powi(2) < FRAC_2_PI),
            Self::Checks => Box::new(move |[x, y]| (fold(x) < 0.0) == (fold(y) < 0.0)),
            Self::Zigzag => Box::new(move |[x, y]| fold(y + fold(x).abs()).abs() < 0.5),
            Self::Tile(number) => {
                // A cell as wide as a stripe: six of them make a tile, which repeats after 2 in its own units.
                let tile = Mark::Texture(number).shape();
                Box::new(move |at| tile(at.map(|at| at / 3.0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_every_wallpaper_is_bright_and_no_two_are_alike() {
        let at = |index: usize| (index as f32 + 0.5) / 50.0;
        let papers = Wallpaper::BOUND.into_iter().chain([Wallpaper::Tile(0), Wallpaper::Tile(1)]);
        let seen: Vec<Vec<bool>> = papers
            .map(|paper| (0..300 * 300).map(|index| paper.pattern()([at(index % 300), at(index / 300)])).collect())
            .collect();
        for (index, paper) in seen.iter().enumerate() {
            let bright = paper.iter().filter(|&&bright| bright).count() as f32 / 90_000.0;
            assert!((bright - 0.5).abs() < 0.01, "wallpaper {index}: {bright}");
            for (other, paper_of_other) in seen[..index].iter().enumerate() {
                let differ = paper.iter().zip(paper_of_other).filter(|(a, b)| a != b).count() as f32 / 90_000.0;
                assert!((0.25..0.75).contains(&differ), "wallpapers {index} and {other}: {differ}");
            }
        }
    }

    #[test]
    fn the_wallpapers_of_the_classes_repeat_without_a_seam() {
        for paper in Wallpaper::BOUND {
            let pattern = paper.pattern();
            for k in 0..400 {
                let [x, y] = [(k % 20) as f32 * 0.1 + 0.037, (k / 20) as f32 * 0.1 + 0.061]; // on no edge
                assert_eq!(pattern([x, y]), pattern([x + 2.0, y - 4.0]), "{paper:?} at {x}, {y}");
            }
        }
    }
}
