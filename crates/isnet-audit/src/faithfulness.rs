//! Question 5: do the heatmaps show what the model uses?
//!
//! **Pixel flipping.** Square patches of an image are taken away, those with the most relevance first, the least first, or in
//! random order, and filled from what is left around them ([`fill`]), so that a hole is no message of its own (Rong et al.,
//! "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022); an image without patches has the mean
//! colour of the data set's backgrounds. After each step the probability of the class that the model decided for is read. Taking the least relevant away first is the insertion curve read backwards (what is
//! left after a share f is what insertion has after 1 − f), so three orders give deletion, insertion and what chance does. The
//! figure is the area between *least first* and *most first*, deletion gain and insertion gain together. (Samek et al.,
//! IEEE TNNLS 28, 2017; Petsiuk et al., RISE, 2018; the area is the symmetric relevance gain of Blücher et al., TMLR 2024.)
//!
//! **Randomisation.** A map that is much the same for a model with random weights shows the image and not the model
//! (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018). Weights are drawn anew from the head upwards; a correlation is
//! the mean Spearman correlation of |relevance| over pixels, between the model's map and that of the model with the head's, the
//! second half's and all weights drawn anew. The figure is the largest of the three: "passed" says that none leaves the maps as they were.
//! If that of all weights does, the verdict fails; if only that of a part does, it is undecided, a warning that says why.

mod randomised;
mod rank;

use isnet_data::rng::stream;
use isnet_data::{Image, Mask, Sample};
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::error::Result;
use crate::estimate::{Column, Estimate, Means, difference};
use crate::maps::{Explainer, Map};
use crate::settings::Question;
use crate::subject::{Subject, check_shape};
use crate::verdict::{Answer, Missing, Threshold, Verdict};
use crate::work::{Made, each};
use isnet_data::compose::{fill, plain};
use randomised::Answers;
pub use randomised::Randomised;
pub use rank::spearman;

/// Key of the images that are asked: `[IMAGES]`.
const IMAGES: u64 = 505;
/// Key of the random order of the patches of an image: `[ORDER, index]`.
const ORDER: u64 = 506;
/// Patches along the shorter side.
const PATCHES: usize = 16;

/// What the heatmaps are worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Faithfulness {
    /// Images that were asked.
    pub n: usize,
    /// Side of a patch, in pixels.
    pub patch: usize,
    /// Mean probability of the decided class, by share of patches that is taken away: most relevant first, random order, least
    /// relevant first.
    pub curves: Vec<Curve>,
    /// Area between random order and most relevant first.
    pub deletion_gain: Option<Estimate>,
    /// Area between least relevant first and random order.
    pub insertion_gain: Option<Estimate>,
    /// Their sum: the figure.
    pub symmetric_gain: Option<Estimate>,
    /// Mean rank correlation with the maps of models with weights drawn anew: the head's, those of the second half, all.
    pub randomised: Vec<Randomised>,
}

/// What is left of a probability as patches are taken away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Which patches go first.
    pub order: Order,
    /// Share of patches that is taken away, from 0 to 1.
    pub taken: Vec<f64>,
    /// Mean probability of the class that was decided for on the whole image.
    pub probability: Vec<Option<Estimate>>,
}

/// Which patches go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Those with the largest relevance: the deletion curve.
    MostRelevant,
    /// Any.
    Random,
    /// Those with the smallest relevance: the insertion curve, read backwards.
    LeastRelevant,
}

/// A chosen image with what is needed to take it apart.
struct Explained {
    class: usize,
    /// Patches from the most to the least relevant.
    ranked: Vec<usize>,
}

/// What the maps of all chosen images say.
struct Asked {
    explained: Vec<Option<Explained>>,
    randomised: Vec<Randomised>,
}

impl Order {
    /// All orders, in the order of the curves.
    pub const ALL: [Self; 3] = [Self::MostRelevant, Self::Random, Self::LeastRelevant];
}

/// Takes images apart and draws weights anew. Needs no masks and no labels. `progress` is told how many images are done.
///
/// # Errors
/// A sample that cannot be read, a model that cannot be explained;
/// [`AuditError::NonFinite`](crate::AuditError::NonFinite) for a prediction that is none.
pub fn faithfulness(subject: &Subject<'_>, progress: &mut dyn FnMut(usize)) -> Result<Answer<Faithfulness>> {
    let chosen = subject.draw(subject.settings.faithfulness_images, &[IMAGES]);
    let [height, width, _] = subject.input();
    let patch = (height.min(width) / PATCHES).max(1);
    let explainer = match Explainer::new(subject) {
        Ok(explainer) => explainer,
        Err(missing) => return Ok(Answer::NotAnswerable(missing)),
    };
    let Asked { explained, randomised } = explain_all(subject, &explainer, &chosen, patch)?;
    if explained.iter().all(Option::is_none) {
        return Ok(Answer::NotAnswerable(Missing::Relevance));
    }
    let means = Means::new(subject.settings, subject.data, &chosen);
    let probability = flipped(subject, &chosen, &explained, patch, progress)?;
    let steps = subject.settings.flipping_steps;
    let area = |order: usize| -> Column {
        let of_image = |image: usize| {
            let inner: Option<Vec<f64>> = (1..steps).map(|step| probability[order][step][image]).collect();
            inner.map(|values| values.iter().sum::<f64>() / steps as f64)
        };
        (0..chosen.len()).map(of_image).collect()
    };
    // Whole and empty images are the same in all orders, so that the inner steps alone make the areas between curves.
    let [most, random, least] = [area(0), area(1), area(2)];
    let between = difference(&least, &most).into_iter().map(|area| area.map(exact)).collect();
    let gains = [difference(&random, &most), difference(&least, &random), between];
    let gains = means.of_differences(&gains);
    let curve = |(order, columns): (Order, &Vec<Column>)| Curve {
        order,
        taken: (0..=steps).map(|step| step as f64 / steps as f64).collect(),
        probability: means.of(columns),
    };
    let curves = Order::ALL.into_iter().zip(&probability).map(curve).collect();
    Ok(Answer::Found(Faithfulness {
        n: explained.iter().flatten().count(),
        patch,
        curves,
        deletion_gain: gains[0],
        insertion_gain: gains[1],
        symmetric_gain: gains[2],
        randomised,
    }))
}

/// Areas are sums of probabilities in f32, so that a hundred-thousandth is nothing.
fn exact(area: f64) -> f64 {
    if area.abs() < 1e-5 { 0.0 } else { area }
}

/// Holds the area between the curves, and the correlation with the maps of a randomised model, against their thresholds.
pub fn verdicts(subject: &Subject<'_>, answer: &Answer<Faithfulness>) -> [Verdict; 2] {
    let limits = &subject.settings.thresholds;
    let gain = Threshold::at_least("--min-faithfulness", limits.faithfulness);
    let correlation = Threshold::at_most("--max-randomised-correlation", limits.randomised_correlation);
    let (value, randomised) = match answer {
        Answer::Found(found) => (found.symmetric_gain.ok_or(&Missing::Relevance), Ok(&found.randomised[..])),
        Answer::NotAnswerable(missing) => (Err(missing), Err(missing)),
    };
    [
        Verdict::of(Question::Faithfulness, "area between the flipping curves", value, gain),
        randomised::verdict(randomised, correlation),
    ]
}

/// Ranks the patches of every chosen image by the map of its decision, and holds that map against those of randomised models.
fn explain_all(subject: &Subject<'_>, explainer: &Explainer<'_>, chosen: &[usize], patch: usize) -> Result<Asked> {
    let stages = randomised::stages(subject);
    let ([height, width, channels], data) = (subject.input(), subject.data);
    let mut explained = Vec::with_capacity(chosen.len());
    let mut correlations: Vec<Column> = vec![Vec::with_capacity(chosen.len()); stages.len()];
    let mut answers = Answers::new(stages.len());
    let read = |position: usize| {
        let sample = data.sample(chosen[position])?;
        check_shape(&sample, [height, width, channels])?;
        Ok(sample)
    };
    each(chosen.len(), &read, &mut |samples: Vec<Sample>| {
        let images: Vec<&Image> = samples.iter().map(|sample| &sample.image).collect();
        let maps = explainer.maps(&subject.model.params, &images, None)?;
        let classes: Vec<usize> = maps.iter().map(|map| map.class).collect();
        answers.add_trained(&maps);
        for (place, stage) in stages.iter().enumerate() {
            let others = explainer.maps(&stage.params, &images, Some(&classes))?;
            answers.add_randomised(place, &others);
            let magnitude = |map: &Map| map.summed(channels).into_iter().map(f32::abs).collect::<Vec<f32>>();
            let pairs = maps.iter().zip(&others);
            correlations[place].extend(pairs.map(|(map, other)| spearman(&magnitude(map), &magnitude(other))));
        }
        explained.extend(maps.iter().map(|map| {
            let relevance = map.summed(channels);
            let known = relevance.iter().any(|value| *value != 0.0) && relevance.iter().all(|value| value.is_finite());
            known.then(|| Explained { class: map.class, ranked: ranked(&relevance, [height, width], patch) })
        }));
        Ok(())
    })?;
    let estimates = Means::new(subject.settings, data, chosen).of(&correlations);
    let randomised = stages.iter().zip(estimates).enumerate().map(|(place, (stage, correlation))| Randomised {
        weights: stage.weights,
        correlation,
        answers: answers.alike(place),
    });
    Ok(Asked { explained, randomised: randomised.collect() })
}

/// Patches by relevance, the largest first, equals in their order.
fn ranked(relevance: &[f32], [height, width]: [usize; 2], patch: usize) -> Vec<usize> {
    let across = width.div_ceil(patch);
    let mut sums = vec![0.0_f64; height.div_ceil(patch) * across];
    for (place, value) in relevance.iter().enumerate() {
        sums[place / width / patch * across + place % width / patch] += f64::from(*value);
    }
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|left, right| sums[*right].total_cmp(&sums[*left]).then(left.cmp(right)));
    order
}

/// The probability of the decided class, `[order][step][image]`.
fn flipped(
    subject: &Subject<'_>,
    chosen: &[usize],
    explained: &[Option<Explained>],
    patch: usize,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<Vec<Column>>> {
    let colour = &subject.colours()?.mean;
    let (steps, seed) = (subject.settings.flipping_steps, subject.settings.seed);
    let make = |position: usize, sample: Sample| -> Result<Made> {
        let Some(Explained { ranked, .. }) = &explained[position] else { return Ok(vec![None; 2 + 3 * (steps - 1)]) };
        let mut random = ranked.clone();
        random.sort_unstable();
        random.shuffle(&mut stream(seed, &[ORDER, chosen[position] as u64]));
        let least: Vec<usize> = ranked.iter().rev().copied().collect();
        let mut made = vec![Some(sample.image.clone()), Some(plain(&sample.image, colour))];
        for order in [ranked, &random, &least] {
            let gone = |step: usize| &order[..step * order.len() / steps];
            made.extend((1..steps).map(|step| without(&sample.image, gone(step), patch)));
        }
        Ok(made)
    };
    let found = subject.predict(chosen, &make, progress)?;
    let at = |order: usize, step: usize| match step {
        0 => 0,
        last if last == steps => 1,
        step => 2 + order * (steps - 1) + step - 1,
    };
    let value = |image: usize, place: usize| {
        let class = explained[image].as_ref()?.class;
        found[image][place].as_ref().map(|row| row[class])
    };
    let column = |order, step| (0..chosen.len()).map(|image| value(image, at(order, step))).collect();
    Ok((0..3).map(|order| (0..=steps).map(|step| column(order, step)).collect()).collect())
}

/// The image with these patches filled from the others; `None` if there is no other.
fn without(image: &Image, patches: &[usize], patch: usize) -> Option<Image> {
    let across = image.width.div_ceil(patch);
    let mut gone = Mask::new(image.height, image.width, vec![0.0; image.height * image.width]);
    for place in patches {
        let (top, left) = (place / across * patch, place % across * patch);
        for y in top..image.height.min(top + patch) {
            gone.values[y * image.width + left..y * image.width + image.width.min(left + patch)].fill(1.0);
        }
    }
    fill(image, &gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 × 5 pixels in patches of 2: three across, two down, cut at the rims.
    #[test]
    fn patches_are_ranked_by_the_sum_of_their_relevance() {
        let mut relevance = vec![0.0; 15];
        (relevance[0], relevance[6]) = (1.0, 1.0); // patch 0: 2
        relevance[4] = 5.0; // patch 2
        relevance[12] = -1.0; // patch 4
        assert_eq!(ranked(&relevance, [3, 5], 2), [2, 0, 1, 3, 5, 4]);
    }

    #[test]
    fn patches_at_the_rim_are_filled_as_far_as_they_go() {
        let mut image = Image::new(3, 5, 1, vec![0.5; 15]);
        [4, 9, 12, 13].into_iter().for_each(|place| image.pixels[place] = 1.0);
        let filled = without(&image, &[2, 4], 2).unwrap();
        assert!(filled.pixels.iter().all(|value| (value - 0.5).abs() < 1e-6), "{filled:?}");
        assert_eq!(without(&image, &[0, 1, 3, 4, 5, 2], 2), None);
    }
}
