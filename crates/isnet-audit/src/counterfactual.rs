//! Question 2: does another background change the decision?
//!
//! Every image with a usable mask is asked again with its background replaced, and with its foreground taken away (the scheme
//! of the Backgrounds Challenge: Xiao et al., "Noise or Signal", arXiv 2006.09994). Accuracy, decisions that flip, and the change
//! of the label's probability are means over images, so that every comparison with the original is paired. The figure
//! is `BG-Gap = accuracy(mixed-same) − accuracy(mixed-rand)`.
//!
//! In mixed-rand the other class is drawn from the *other* classes (there, from all of them): with few classes the
//! gap is `K/(K − 1)` times as large, and does not shrink with their number. A donor has a usable mask and, where groups
//! are given, is of another group; its own foreground is filled, see [`fill`].

use std::collections::BTreeMap;

use isnet_data::rng::stream;
use isnet_data::{Dataset, Image, Label, Mask, Sample};
use rand::Rng;
use serde::Serialize;

use crate::error::Result;
use crate::estimate::{Column, Estimate, Means, difference};
use crate::settings::{Question, Settings};
use crate::subject::{Predicted, Subject};
use crate::verdict::{Answer, Missing, Threshold, Verdict};
use isnet_data::compose::{Colours, blur_background, fill, inverse, noise, over, paint_box, plain, tile_box};

/// Key of the noise of an image: `[NOISE, index]`.
const NOISE: u64 = 502;
/// Key of the donors of an image: `[DONOR, index, 0 = same class or 1 = other]`.
const DONOR: u64 = 503;
/// Donors that are tried before an image goes without, all of its own group.
const TRIES: usize = 16;

/// A picture made from an image, in which background or foreground is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The image as it is.
    Original,
    /// Background in the mean colour of the backgrounds of the data set.
    MeanColour,
    /// Background blurred, over a sixth of the shorter side.
    Blur,
    /// Background of independent noise with mean and deviation of the backgrounds of the data set.
    Noise,
    /// Background of another image of the same class.
    MixedSame,
    /// Background of an image of a random other class.
    MixedRand,
    /// Background black.
    OnlyForeground,
    /// The foreground black, its outline visible ("No-FG").
    MaskedForeground,
    /// The box around the foreground black ("Only-BG-B").
    OnlyBackgroundBlack,
    /// The box around the foreground tiled with background ("Only-BG-T").
    OnlyBackgroundTiled,
}

/// What other backgrounds do to decisions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counterfactual {
    /// One row per variant, the original first.
    pub rows: Vec<CounterfactualRow>,
    /// Accuracy on mixed-same minus accuracy on mixed-rand, on the images that have both.
    pub bg_gap: Option<Estimate>,
    /// Images that were asked.
    pub n: usize,
    /// Images without a usable mask, which were not asked.
    pub left_out: usize,
    /// Decisions per image of the data and variant, `None` where there is none; for galleries.
    #[serde(skip)]
    pub decisions: Vec<Vec<Option<Vec<usize>>>>,
}

/// What one kind of background does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CounterfactualRow {
    /// Which.
    pub variant: Variant,
    /// Number of images that have it.
    pub n: usize,
    /// Share of right decisions (of right answers, where several labels are possible).
    pub accuracy: Option<Estimate>,
    /// Accuracy minus that of the same images as they are.
    pub accuracy_change: Option<Estimate>,
    /// Share of images whose decision is another than on the original.
    pub flips: Option<Estimate>,
    /// Mean change of the probability of the label.
    pub probability_change: Option<Estimate>,
}

impl Variant {
    /// All variants, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::Original,
        Self::MeanColour,
        Self::Blur,
        Self::Noise,
        Self::MixedSame,
        Self::MixedRand,
        Self::OnlyForeground,
        Self::MaskedForeground,
        Self::OnlyBackgroundBlack,
        Self::OnlyBackgroundTiled,
    ];

    /// The name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::MeanColour => "mean_colour",
            Self::Blur => "blur",
            Self::Noise => "noise",
            Self::MixedSame => "mixed_same",
            Self::MixedRand => "mixed_rand",
            Self::OnlyForeground => "only_foreground",
            Self::MaskedForeground => "masked_foreground",
            Self::OnlyBackgroundBlack => "only_background_black",
            Self::OnlyBackgroundTiled => "only_background_tiled",
        }
    }
}

/// Makes the pictures.
pub struct Composer<'a> {
    data: &'a dyn Dataset,
    settings: &'a Settings,
    colours: &'a Colours,
    /// Images with a usable mask, by label.
    by_label: BTreeMap<&'a Label, Vec<usize>>,
}

impl<'a> Composer<'a> {
    /// For the images of a subject.
    ///
    /// # Errors
    /// A sample that cannot be read.
    pub fn new(subject: &'a Subject<'a>) -> Result<Self> {
        let mut by_label: BTreeMap<&Label, Vec<usize>> = BTreeMap::new();
        for &index in &subject.masks()?.usable {
            if let Some(label) = subject.data.label(index) {
                by_label.entry(label).or_default().push(index);
            }
        }
        Ok(Self { data: subject.data, settings: subject.settings, colours: subject.colours()?, by_label })
    }

    /// The picture of a variant; `None` if the image has no usable mask or there is no donor.
    ///
    /// # Errors
    /// A donor that cannot be read.
    pub fn picture(&self, index: usize, sample: &Sample, variant: Variant) -> Result<Option<Image>> {
        let image = &sample.image;
        let Some(mask) = divided(sample) else { return Ok(None) };
        let on = |background: &Image| Some(over(image, mask, background));
        let black = || plain(image, &[0.0]);
        Ok(match variant {
            Variant::Original => Some(image.clone()),
            Variant::MeanColour => on(&plain(image, &self.colours.mean)),
            Variant::Blur => Some(blur_background(image, mask, (image.height.min(image.width) / 12).max(1))),
            Variant::Noise => {
                let mut rng = stream(self.settings.seed, &[NOISE, index as u64]);
                on(&noise(image, self.colours, &mut rng))
            }
            Variant::MixedSame => self.donor_background(index, true)?.as_ref().and_then(on),
            Variant::MixedRand => self.donor_background(index, false)?.as_ref().and_then(on),
            Variant::OnlyForeground => on(&black()),
            Variant::MaskedForeground => Some(over(image, &inverse(mask), &black())),
            Variant::OnlyBackgroundBlack => paint_box(image, mask, 0.0),
            Variant::OnlyBackgroundTiled => tile_box(image, mask),
        })
    }

    /// The background of a donor, its foreground filled.
    fn donor_background(&self, index: usize, same_class: bool) -> Result<Option<Image>> {
        let Some(label) = self.data.label(index) else { return Ok(None) };
        let mut rng = stream(self.settings.seed, &[DONOR, index as u64, u64::from(!same_class)]);
        let others: Vec<&&Label> = self.by_label.keys().filter(|other| **other != label).collect();
        for _ in 0..TRIES {
            let class = match same_class {
                true => label,
                false if others.is_empty() => return Ok(None),
                false => others[below(others.len(), &mut rng)],
            };
            let Some(candidates) = self.by_label.get(class) else { return Ok(None) };
            let donor = candidates[below(candidates.len(), &mut rng)];
            let group = self.data.group(donor);
            if donor == index || (!group.is_empty() && group == self.data.group(index)) {
                continue;
            }
            let sample = self.data.sample(donor)?;
            if let Some(filled) = divided(&sample).and_then(|mask| fill(&sample.image, mask)) {
                return Ok(Some(filled));
            }
        }
        Ok(None)
    }
}

/// Asks the model again, with every variant of every image that has a usable mask. `progress` is told how many images are done.
///
/// # Errors
/// A sample that cannot be read; [`AuditError::NonFinite`](crate::AuditError::NonFinite) for a prediction that is none.
pub fn counterfactual(subject: &Subject<'_>, progress: &mut dyn FnMut(usize)) -> Result<Answer<Counterfactual>> {
    let data = subject.data;
    let masks = subject.masks()?;
    if let Some(missing) = masks.missing() {
        return Ok(Answer::NotAnswerable(missing));
    }
    let masked = &masks.usable;
    let composer = Composer::new(subject)?;
    let make = |position: usize, sample: Sample| {
        Variant::ALL.iter().map(|variant| composer.picture(masked[position], &sample, *variant)).collect()
    };
    let found = subject.predict(masked, &make, progress)?;
    let n = found.iter().filter(|row| row[0].is_some()).count();
    let (rows, bg_gap) = summarized(subject, masked, &found);
    let mut decisions = vec![vec![None; Variant::ALL.len()]; data.len()];
    for (index, row) in masked.iter().zip(&found) {
        decisions[*index] = row.iter().map(|row| row.as_ref().map(|row| subject.decision(row))).collect();
    }
    Ok(Answer::Found(Counterfactual { rows, bg_gap, n, left_out: data.len() - n, decisions }))
}

/// Holds the gap against its threshold.
pub fn verdict(subject: &Subject<'_>, answer: &Answer<Counterfactual>) -> Verdict {
    let threshold = Threshold::at_most("--max-bg-gap", subject.settings.thresholds.bg_gap);
    let no_label = (0..subject.data.len()).all(|index| subject.data.label(index).is_none());
    let value = match answer {
        Answer::Found(found) => found.bg_gap.ok_or(if no_label { &Missing::Labels } else { &Missing::Donors }),
        Answer::NotAnswerable(missing) => Err(missing),
    };
    Verdict::of(Question::Counterfactual, "gap between backgrounds of the same and of other classes", value, threshold)
        .noting(answer.found().and_then(|_| subject.left_out().note()))
}

/// The mask, if it has both foreground and background.
fn divided(sample: &Sample) -> Option<&Mask> {
    sample.mask.as_ref().filter(|mask| mask.verdict().says_something())
}

fn below(n: usize, rng: &mut impl Rng) -> usize {
    // 32 bits are drawn on every machine, so that the numbers do not depend on its word size.
    rng.random_range(0..u32::try_from(n).expect("fewer than 2³² images fit into memory")) as usize
}

fn summarized(
    subject: &Subject<'_>,
    masked: &[usize],
    found: &Predicted,
) -> (Vec<CounterfactualRow>, Option<Estimate>) {
    let label = |position: usize| subject.data.label(masked[position]);
    let column = |variant: usize, value: &dyn Fn(usize, &[f64]) -> Option<f64>| -> Column {
        let rows = found.iter().enumerate();
        rows.map(|(position, row)| row[variant].as_ref().and_then(|row| value(position, row))).collect()
    };
    let right = |variant| column(variant, &|position, row| label(position).map(|label| subject.rightness(row, label)));
    let truth = |variant| column(variant, &|position, row| label(position).map(|label| subject.truth(row, label)));
    let flipped = |variant| {
        column(variant, &|position, row| {
            let original = found[position][0].as_ref()?;
            Some(f64::from(u8::from(subject.decision(row) != subject.decision(original))))
        })
    };
    let (mut shares, mut changes) = (Vec::new(), Vec::new());
    for variant in 0..Variant::ALL.len() {
        shares.extend([right(variant), flipped(variant)]);
        changes.extend([difference(&right(variant), &right(0)), difference(&truth(variant), &truth(0))]);
    }
    let place = |wanted| Variant::ALL.iter().position(|variant| *variant == wanted).unwrap_or_default();
    changes.push(difference(&right(place(Variant::MixedSame)), &right(place(Variant::MixedRand))));
    let means = Means::new(subject.settings, subject.data, masked);
    let (shares, mut changes) = (means.of(&shares), means.of_differences(&changes));
    let bg_gap = changes.pop().flatten();
    let row = |(place, variant): (usize, &Variant)| {
        // The original does not differ from itself.
        let other = |estimate: Option<Estimate>| estimate.filter(|_| *variant != Variant::Original);
        CounterfactualRow {
            variant: *variant,
            accuracy: shares[2 * place],
            accuracy_change: other(changes[2 * place]),
            flips: other(shares[2 * place + 1]),
            probability_change: other(changes[2 * place + 1]),
            n: found.iter().filter(|row| row[place].is_some()).count(),
        }
    };
    (Variant::ALL.iter().enumerate().map(row).collect(), bg_gap)
}
