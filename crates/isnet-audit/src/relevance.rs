//! Question 1: where does the relevance lie?
//!
//! Of the relevance map (LRP, the logit of the predicted class) of each image with a mask:
//!
//! | figure | of a map | even relevance gives |
//! |---|---|---|
//! | background share | `Σ\|R\|·(1 − m) / Σ\|R\|` | the share of the background's area |
//! | mass accuracy | `Σ R⁺·m / Σ R⁺`, with `R⁺` the positive part of the sum over channels | the share of the foreground's area |
//! | pointing game | 1 if the largest `R` lies in the mask, or not farther from it than the tolerance | the share of the foreground's area |
//!
//! Sources: METHOD §6; Arras, Osman and Samek, "CLEVR-XAI" (Information Fusion 81, 2022) for the mass accuracy; Zhang et al.,
//! "Top-down Neural Attention by Excitation Backprop" (IJCV 126, 2018) for the pointing game.

use isnet_data::{Image, Mask, Sample, grown};
use isnet_eval::relevance_share::{Layout, area_share, background_share};
use serde::Serialize;

use crate::error::{AuditError, Result};
use crate::estimate::{Column, Estimate, Means, among};
use crate::maps::{Explainer, Map, maximum};
pub use crate::masks::LeftOut;
use crate::settings::Question;
use crate::subject::{Subject, check_shape};
use crate::verdict::{Answer, Missing, Threshold, Verdict};
use crate::work::each;

/// Where the relevance lies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relevance {
    /// All images, then each class, each source, and each class of each source, as far as there are several.
    pub rows: Vec<RelevanceRow>,
    /// Images that have no figure.
    pub left_out: LeftOut,
    /// Background share of each image of the data, for galleries.
    #[serde(skip)]
    pub shares: Vec<Option<f64>>,
}

/// The figures of some images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RelevanceRow {
    /// Images of this class; `None` for all.
    pub class: Option<String>,
    /// Images of this source; `None` for all.
    pub source: Option<String>,
    /// Mean share of |relevance| on the background.
    pub background_share: Option<Estimate>,
    /// Mean share of the background's area: what even relevance would have.
    pub background_area: Option<Estimate>,
    /// Mean share of positive relevance on the foreground.
    pub mass_accuracy: Option<Estimate>,
    /// Share of images whose largest relevance lies in the mask.
    pub pointing_game: Option<Estimate>,
}

/// The figures of one image, in the order of [`RelevanceRow`].
type Figures = [Option<f64>; 4];

/// Images of a class, of a source, or of both.
type Part<'a> = (Option<usize>, Option<&'a str>);

/// Explains every image that has a usable mask. `progress` is told how many images are done.
///
/// # Errors
/// A sample that cannot be read, a model that cannot be explained, [`AuditError::NonFinite`] relevance.
pub fn relevance(subject: &Subject<'_>, progress: &mut dyn FnMut(usize)) -> Result<Answer<Relevance>> {
    let (data, masks) = (subject.data, subject.masks()?);
    if let Some(missing) = masks.missing() {
        return Ok(Answer::NotAnswerable(missing));
    }
    let mut left_out = masks.left_out;
    let mut figures: Vec<Figures> = vec![[None; 4]; data.len()];
    let explainer = match Explainer::new(subject) {
        Ok(explainer) => explainer,
        Err(missing) => return Ok(Answer::NotAnswerable(missing)),
    };
    let mut done = 0;
    let (expected, tolerance) = (subject.input(), subject.settings.pointing_tolerance);
    let read = |position: usize| {
        let sample = data.sample(masks.usable[position])?;
        check_shape(&sample, expected)?;
        let near = sample.mask.as_ref().map(|mask| grown(mask, tolerance));
        Ok((masks.usable[position], sample, near))
    };
    each(masks.usable.len(), &read, &mut |chunk: Vec<(usize, Sample, Option<Mask>)>| {
        done += chunk.len();
        let images: Vec<&Image> = chunk.iter().map(|(_, sample, _)| &sample.image).collect();
        let maps = explainer.maps(&subject.model.params, &images, None)?;
        for ((index, sample, near), map) in chunk.iter().zip(&maps) {
            if let (Some(mask), Some(near)) = (&sample.mask, near) {
                figures[*index] = of_map(map, mask, near, &sample.id)?;
                left_out.no_relevance += usize::from(figures[*index][0].is_none());
            }
        }
        progress(done);
        Ok(())
    })?;
    if figures.iter().all(|figures| figures[0].is_none()) {
        return Ok(Answer::NotAnswerable(Missing::Relevance));
    }
    let rows = rows(subject, &figures);
    Ok(Answer::Found(Relevance { rows, left_out, shares: figures.iter().map(|figures| figures[0]).collect() }))
}

/// Holds the share of all images against its threshold.
pub fn verdict(subject: &Subject<'_>, answer: &Answer<Relevance>) -> Verdict {
    let threshold = Threshold::at_most("--max-background-share", subject.settings.thresholds.background_share);
    let value = match answer {
        Answer::Found(found) => found.rows[0].background_share.ok_or(&Missing::Relevance),
        Answer::NotAnswerable(missing) => Err(missing),
    };
    let even = answer.found().and_then(|found| found.rows[0].background_area);
    let note = even.map(|area| format!("even relevance would have {:.3}, the share of the area", area.value));
    Verdict::of(Question::Relevance, "share of relevance on the background", value, threshold)
        .noting(note)
        .noting(answer.found().and_then(|found| found.left_out.note()))
}

fn of_map(map: &Map, mask: &Mask, near: &Mask, id: &str) -> Result<Figures> {
    let Some(share) = background_share(&map.values, Layout::ChannelsLast, Some(&mask.values)) else {
        return Ok([None; 4]);
    };
    if !share.is_finite() {
        return Err(AuditError::NonFinite { what: "the relevance", id: id.to_owned() });
    }
    let summed = map.summed(map.values.len() / mask.values.len());
    let positive = |counts: fn(f32) -> bool| -> f64 {
        let counted = summed.iter().zip(&mask.values).filter(|(_, value)| counts(**value));
        counted.map(|(relevance, _)| f64::from(relevance.max(0.0))).sum()
    };
    let within = positive(|value| value > Mask::NEITHER);
    let total = positive(|value| value != Mask::NEITHER);
    let hit = near.values[maximum(&summed)] > 0.5;
    let mass = (total > 0.0).then(|| within / total);
    Ok([Some(share), area_share(&mask.values), mass, mass.map(|_| f64::from(u8::from(hit)))])
}

/// A row for all images, each class, each source and each pair of them.
fn rows(subject: &Subject<'_>, figures: &[Figures]) -> Vec<RelevanceRow> {
    let data = subject.data;
    let all: Vec<usize> = (0..data.len()).collect();
    let counted = |index: usize| figures[index][0].is_some();
    let mut sources: Vec<&str> = all.iter().filter(|i| counted(**i)).map(|&index| data.source(index)).collect();
    sources.sort_unstable();
    sources.dedup();
    let is_of = |index: usize, class: usize| data.label(index).is_some_and(|label| label.classes().contains(&class));
    let classes: Vec<usize> =
        (0..data.n_classes()).filter(|&class| all.iter().any(|&index| counted(index) && is_of(index, class))).collect();
    let some = |n: usize| if n > 1 { 0..n } else { 0..0 };
    let mut parts: Vec<Part<'_>> = vec![(None, None)];
    parts.extend(some(classes.len()).map(|class| (Some(classes[class]), None)));
    parts.extend(some(sources.len()).map(|source| (None, Some(sources[source]))));
    if classes.len() > 1 && sources.len() > 1 {
        parts.extend(sources.iter().flat_map(|source| classes.iter().map(|class| (Some(*class), Some(*source)))));
    }
    let means = Means::new(subject.settings, subject.data, &all);
    let columns: [Column; 4] = std::array::from_fn(|figure| figures.iter().map(|row| row[figure]).collect());
    let chosen = |(class, source): &Part<'_>, index: usize| {
        class.is_none_or(|class| is_of(index, class)) && source.is_none_or(|source| data.source(index) == source)
    };
    let cut: Vec<Column> =
        parts.iter().flat_map(|part| columns.iter().map(|column| among(column, |index| chosen(part, index)))).collect();
    let estimates = means.of(&cut);
    let row = |((class, source), found): (&Part<'_>, &[Option<Estimate>])| RelevanceRow {
        class: class.map(|class| data.classes()[class].clone()),
        source: source.map(str::to_owned),
        background_share: found[0],
        background_area: found[1],
        mass_accuracy: found[2],
        pointing_game: found[3],
    };
    parts.iter().zip(estimates.chunks_exact(4)).map(row).filter(|row| row.background_share.is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(values: [f32; 6]) -> Mask {
        Mask::new(2, 3, values.into())
    }

    fn map(values: [f32; 6]) -> Map {
        Map { values: values.into(), class: 0, logits: Vec::new() }
    }

    /// |R| = 4 + 1 + 3 + 2, of which 3 lie outside; R⁺ = 4 + 2, of which 4 lie inside.
    #[test]
    fn a_map_by_hand() {
        let map = map([4.0, -1.0, 0.0, -3.0, 2.0, 0.0]);
        let mask = mask([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let found = of_map(&map, &mask, &mask, "a").unwrap();
        assert_eq!(found, [Some(0.3), Some(4.0 / 6.0), Some(4.0 / 6.0), Some(1.0)]);
    }

    #[test]
    fn the_pointing_game_takes_the_largest_value_and_not_the_largest_magnitude() {
        let inside = mask([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let far = map([1.0, 0.0, 0.0, 0.0, 0.0, -9.0]);
        assert_eq!(of_map(&far, &inside, &inside, "a").unwrap()[3], Some(1.0));
        let near = map([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(of_map(&near, &inside, &inside, "a").unwrap()[3], Some(0.0));
        assert_eq!(of_map(&near, &inside, &grown(&inside, 1), "a").unwrap()[3], Some(1.0));
    }

    #[test]
    fn a_mask_widens_in_a_circle() {
        let dot = Mask::new(3, 3, vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(grown(&dot, 1).values, [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(grown(&dot, 2).foreground(), 6);
        assert_eq!(grown(&dot, 0), dot);
    }

    #[test]
    fn no_relevance_and_relevance_that_is_no_number_are_told_apart() {
        let inside = mask([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let zero = map([0.0; 6]);
        assert_eq!(of_map(&zero, &inside, &inside, "a").unwrap(), [None; 4]);
        let nan = map([f32::NAN; 6]);
        let error = of_map(&nan, &inside, &inside, "a.png").unwrap_err().to_string();
        assert!(error.contains("the relevance of `a.png`"), "{error}");
    }
}
