//! How much of the relevance lies on the background.

use isnet_data::Mask;

/// Where the channels of a heatmap stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[C, H, W]`: pixel `p` of channel `c` is at `c·H·W + p`.
    ChannelsFirst,
    /// `[H, W, C]`: pixel `p` of channel `c` is at `p·C + c`.
    ChannelsLast,
}

/// The share of absolute relevance that lies on the background, of that on foreground and
/// background: `Σ |R|·(m < ½) / Σ |R|·(m ≠ ½)`, from 0 to 1.
///
/// A model that spreads its relevance evenly scores the [`area_share`] of the background; less is
/// better. `None` without a mask, or where there is no relevance at all. NaN relevance gives NaN,
/// which [`Predictions::check`](isnet_statistics::Predictions::check) reports with the name of the
/// sample.
///
/// # Shapes
/// - `heatmap`: as `layout` says; the number of channels follows from the lengths
/// - `mask`: `[H, W]`, 1 = foreground, 0 = background; ½ is a margin that is neither and is left out
///
/// # Panics
/// If the heatmap does not hold a whole number of channels of the mask's size.
///
/// # Example
/// ```
/// # use isnet_eval::relevance_share::{Layout, background_share};
/// let mask = [1.0, 0.0];
/// let share = background_share(&[3.0, -1.0], Layout::ChannelsFirst, Some(&mask));
/// assert_eq!(share, Some(0.25)); // |−1| of |3| + |−1|
/// ```
pub fn background_share(heatmap: &[f32], layout: Layout, mask: Option<&[f32]>) -> Option<f64> {
    let mask = mask?;
    assert!(
        !mask.is_empty() && heatmap.len().is_multiple_of(mask.len()),
        "a heatmap of {} values has no whole number of channels for a mask of {} pixels",
        heatmap.len(),
        mask.len()
    );
    let n_channels = heatmap.len() / mask.len();
    let (mut background, mut total) = (0.0, 0.0);
    for (idx, &relevance) in heatmap.iter().enumerate() {
        let pixel = match layout {
            Layout::ChannelsFirst => idx % mask.len(),
            Layout::ChannelsLast => idx / n_channels,
        };
        let magnitude = f64::from(relevance).abs();
        if mask[pixel] != Mask::NEITHER {
            total += magnitude;
        }
        if mask[pixel] < Mask::NEITHER {
            background += magnitude;
        }
    }
    (total != 0.0).then(|| background / total)
}

/// The share of the picture that is background, of foreground and background together; `None` for a
/// mask without either.
///
/// # Example
/// ```
/// # use isnet_eval::relevance_share::area_share;
/// assert_eq!(area_share(&[1.0, 0.0, 0.0, 0.0]), Some(0.75));
/// ```
pub fn area_share(mask: &[f32]) -> Option<f64> {
    let count = |wanted: fn(f32) -> bool| mask.iter().filter(|&&pixel| wanted(pixel)).count() as f64;
    let (background, foreground) = (count(|pixel| pixel < Mask::NEITHER), count(|pixel| pixel > Mask::NEITHER));
    (background + foreground > 0.0).then(|| background / (background + foreground))
}

#[cfg(test)]
mod tests {
    use super::{Layout, area_share, background_share};

    /// Two channels over the pixels `foreground, background, foreground`.
    const MASK: [f32; 3] = [1.0, 0.0, 1.0];

    #[test]
    fn both_layouts_of_one_heatmap_have_one_share() {
        let first = [1.0, 2.0, 3.0, -4.0, -6.0, 10.0];
        let last = [1.0, -4.0, 2.0, -6.0, 3.0, 10.0];
        let expected = Some((2.0 + 6.0) / 26.0);
        assert_eq!(background_share(&first, Layout::ChannelsFirst, Some(&MASK)), expected);
        assert_eq!(background_share(&last, Layout::ChannelsLast, Some(&MASK)), expected);
    }

    #[test]
    fn opposite_signs_do_not_cancel() {
        let heatmap = [0.0, 1.0, 0.0, 0.0, -1.0, 0.0];
        assert_eq!(background_share(&heatmap, Layout::ChannelsFirst, Some(&MASK)), Some(1.0));
    }

    #[test]
    fn even_relevance_has_the_share_of_the_area() {
        assert_eq!(background_share(&[0.5; 6], Layout::ChannelsLast, Some(&MASK)), area_share(&MASK));
    }

    #[test]
    fn what_lies_in_a_margin_is_left_out() {
        let share = background_share(&[1.0, 50.0, 3.0], Layout::ChannelsLast, Some(&[1.0, 0.5, 0.0]));
        assert_eq!(share, Some(0.75));
        assert_eq!(area_share(&[1.0, 0.5, 0.5, 0.0, 0.0]), Some(2.0 / 3.0));
        assert_eq!(area_share(&[0.5]), None);
    }

    #[test]
    fn no_mask_or_no_relevance_has_no_share() {
        assert_eq!(background_share(&[1.0; 3], Layout::ChannelsLast, None), None);
        assert_eq!(background_share(&[0.0; 3], Layout::ChannelsLast, Some(&MASK)), None);
        assert_eq!(area_share(&[]), None);
    }

    #[test]
    fn nan_relevance_is_not_hidden() {
        let share = background_share(&[f32::NAN, 1.0, 1.0], Layout::ChannelsLast, Some(&MASK));
        assert!(share.is_some_and(f64::is_nan));
    }

    #[test]
    #[should_panic(expected = "no whole number of channels")]
    fn a_mask_of_another_size_is_a_bug() {
        background_share(&[1.0; 4], Layout::ChannelsLast, Some(&MASK));
    }
}
