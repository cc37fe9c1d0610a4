//! Question 4: do the backgrounds of the data give source or label away?
//!
//! This asks the *data*, and needs no model: a trap is better seen before training than after. From every image with a usable mask
//! three pictures are made: the background, the foreground on black, and the outline alone, white on black.
//!
//! What is filled (see [`fill`]) is smoother than its surroundings, so that an image whose own foreground is filled still shows its outline:
//! where only the size of the masks tells the class, that gave an AUC of 0.97 on identical noise. So all images are filled where *any*
//! mask has foreground ([`Hidden::Shared`]), which leaves the same pixels of all. Where masks together leave less than a fifth of
//! the image, each is filled where its own mask is ([`Hidden::Own`]), and a verdict that the outline alone would give, too, is
//! undecided. A small classifier ([`Logistic`] on [`features`]) learns source and label
//! from some of the images and is asked about others; what it gets right, anyone can get right. On 180 phantoms it reads the label off
//! the hospitals' marks with accuracy 0.99 and AUC 1.00, a part in well under a second; the CNN of `isnet demo`, trained on 144
//! whole phantoms, gets 0.97 to 1 and AUC 1.00 in six. A more patient classifier may read more: a figure near chance clears nothing.
//!
//! Parts of the cross-validation keep the images of a group together, and the shares of the classes even. Scores are of the
//! predictions of all parts together. A label that can be read from the background is a shortcut. A source that can be read
//! is one only where the source tells about the label; [`Readability::association`] says how much.

mod features;
mod folds;
mod logistic;

use std::collections::BTreeMap;

use isnet_data::{Dataset, GuessedPatients, Image, Mask, Sample, guess_patients};
use isnet_statistics::{self, Score, SummaryRow, summary};
use isnet_statistics::{Predictions, Task};
use rayon::prelude::*;
use serde::Serialize;

use crate::error::Result;
use crate::estimate::{Estimate, Means};
use crate::settings::{Question, Settings};
use crate::subject::draw;
use crate::verdict::{Answer, Missing, Threshold, Verdict};
use crate::work::each;
pub use features::features;
pub use folds::folds;
use isnet_data::compose::{fill, over, plain};
pub use logistic::Logistic;

/// Key of the images that are learned from: `[IMAGES]`.
const IMAGES: u64 = 507;
/// Images or groups that a class must have: one to learn from, one to be asked about.
const LEAST: usize = 2;
/// Share of the image that masks together must leave, for all to be filled alike.
const LEAST_LEFT: f64 = 0.2;
/// Cramér's V from which on a readable source is a warning.
const TELLING: f64 = 0.1;

/// What can be read off the data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readability {
    /// Label and source, each from backgrounds, from foregrounds and from outlines.
    pub rows: Vec<ReadabilityRow>,
    /// What was filled to get the backgrounds.
    pub hidden: Hidden,
    /// Patients that were guessed from file names, as no image says whose it is; `None` where they are given, unknown or not to be guessed.
    pub guessed: Option<GuessedPatients>,
    /// Whether any image says, or was guessed to be, whose it is.
    pub grouped: bool,
    /// Cramér's V of label and source: 0 = a source says nothing about the label, 1 = it gives the label away. `None` with one
    /// label or one source.
    pub association: Option<f64>,
    /// Images that were asked.
    pub n: usize,
    /// Images that were drawn but whose mask is empty or covers everything.
    pub left_out: usize,
}

/// What was filled to get a background.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// In all images the pixels that any mask has, so that no outline is left.
    Shared {
        /// Share of the image that is left.
        left: f64,
    },
    /// In each image those of its own mask, since all together leave too little or images differ in size. Traces of the outline remain.
    Own,
}

/// What can be read off one kind of picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadabilityRow {
    /// What is read.
    pub target: Target,
    /// Off what.
    pub region: Region,
    /// The names that were told apart.
    pub names: Vec<String>,
    /// Mean AUC of each name against the others; ½ = nothing can be read.
    pub auc: Option<Estimate>,
    /// Share of right answers.
    pub accuracy: Option<Estimate>,
    /// Mean over the names of the share of right answers.
    pub balanced_accuracy: Option<Estimate>,
    /// Accuracy of always naming the most frequent one.
    pub majority: f64,
    /// Why there are no figures.
    pub missing: Option<Missing>,
}

/// What a classifier tries to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The label.
    Label,
    /// The source.
    Source,
}

/// What it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// The image with its foreground filled from the background.
    Background,
    /// The foreground on black.
    Foreground,
    /// The mask alone: place, size and shape of the foreground.
    Outline,
}

/// An image as the features of its pictures, in the order of [`Region::ALL`].
struct Seen {
    index: usize,
    features: [Vec<f32>; 3],
}

/// Learns and asks. `progress` is told how many images are read.
///
/// # Errors
/// A sample that cannot be read.
///
/// # Example
/// ```
/// use isnet_audit::{Settings, readability};
/// use isnet_data::MemoryDataset;
/// use isnet_data::phantom::{PhantomConfig, PhantomSplit, dataset};
/// # use isnet_audit::readability::{Region, Target};
///
/// // Hospitals of phantoms frame and furnish their films differently.
/// let config = PhantomConfig { size: 32, train: 90, ..PhantomConfig::default() };
/// let task = isnet_data::Task::SingleLabel;
/// let data = MemoryDataset::new(task, config.class_names(), dataset(&config, PhantomSplit::Train));
/// let answer = readability::readability(&data, &Settings::default(), &mut |_| ())?;
/// let found = answer.found().unwrap();
/// let source = found.row(Target::Source, Region::Background).unwrap();
/// assert!(source.auc.unwrap().value > 0.95);
/// assert_eq!(found.association, Some(0.0)); // every hospital has as many of each class
/// # Ok::<(), isnet_audit::AuditError>(())
/// ```
pub fn readability(
    data: &dyn Dataset,
    settings: &Settings,
    progress: &mut dyn FnMut(usize),
) -> Result<Answer<Readability>> {
    settings.check()?;
    let masked: Vec<usize> = (0..data.len()).filter(|&index| data.has_mask(index)).collect();
    if masked.is_empty() {
        return Ok(Answer::NotAnswerable(Missing::Masks));
    }
    let drawn = draw(masked.len(), settings.readability_images, settings.seed, &[IMAGES]);
    let mut seen: Vec<Seen> = Vec::with_capacity(drawn.len());
    let mut read = 0;
    let shared = shared(data, &masked, &drawn)?;
    let look = |position: usize| {
        let index = masked[drawn[position]];
        Ok(pictures(&data.sample(index)?, shared.as_ref()).map(|features| Seen { index, features }))
    };
    each(drawn.len(), &look, &mut |chunk: Vec<Option<Seen>>| {
        read += chunk.len();
        seen.extend(chunk.into_iter().flatten());
        progress(read);
        Ok(())
    })?;
    if seen.is_empty() {
        return Ok(Answer::NotAnswerable(Missing::UsableMasks));
    }
    let asked =
        [Target::Label, Target::Source].into_iter().flat_map(|target| Region::ALL.map(|region| (target, region)));
    let asked: Vec<(Target, Region)> = asked.collect();
    let guessed = guessed(data, settings, &seen);
    let groups: Vec<String> = match &guessed {
        Some(guessed) => guessed.of_image.clone(),
        None => seen.iter().map(|seen| data.group(seen.index).to_owned()).collect(),
    };
    let known = Known { data, settings, seen: &seen, groups: &groups };
    let rows: Vec<Result<ReadabilityRow>> =
        asked.into_par_iter().map(|(target, region)| known.row(target, region)).collect();
    let left =
        |mask: &Mask| mask.values.iter().filter(|value| **value <= 0.5).count() as f64 / mask.values.len() as f64;
    Ok(Answer::Found(Readability {
        rows: rows.into_iter().collect::<Result<_>>()?,
        hidden: shared.as_ref().map_or(Hidden::Own, |mask| Hidden::Shared { left: left(mask) }),
        grouped: groups.iter().any(|group| !group.is_empty()),
        guessed,
        association: association(data),
        n: seen.len(),
        left_out: drawn.len() - seen.len(),
    }))
}

/// Holds what backgrounds give away against the thresholds; it is about the data, so it warns and does not fail.
///
/// A source that can be read warns only if it also tells about the label.
pub fn verdicts(settings: &Settings, answer: &Answer<Readability>) -> [Verdict; 2] {
    let limits = &settings.thresholds;
    let verdict = |target, figure, threshold| {
        let row = answer.found().and_then(|found| found.row(target, Region::Background));
        let value = match (answer, row) {
            (Answer::NotAnswerable(missing), _) => Err(missing),
            (_, Some(ReadabilityRow { auc: Some(auc), .. })) => Ok(*auc),
            (_, Some(ReadabilityRow { missing: Some(missing), .. })) => Err(missing),
            _ => Err(&Missing::Labels),
        };
        let accuracy = row.and_then(|row| Some((row.accuracy?.value, row.majority)));
        let note = accuracy.map(|(accuracy, majority)| {
            format!("accuracy {accuracy:.3} from backgrounds alone; always the most frequent answer: {majority:.3}")
        });
        Verdict::of(Question::Readability, figure, value, threshold).about_data().noting(note)
    };
    let of_label = Threshold::at_most("--max-label-auc", limits.label_auc);
    let of_source = Threshold::at_most("--max-source-auc", limits.source_auc);
    let left_out = answer.found().map_or(0, |found| found.left_out);
    let label = verdict(Target::Label, "AUC of the label from backgrounds alone", of_label);
    let label = about_outlines(label, answer, Target::Label)
        .noting(answer.found().and_then(about_patients))
        .noting((left_out > 0).then(|| format!("left out: {left_out} with a mask that is empty or covers everything")));
    let source = verdict(Target::Source, "AUC of the source from backgrounds alone", of_source);
    let mut source = about_outlines(source, answer, Target::Source);
    if let Some(association) = answer.found().and_then(|found| found.association) {
        source = source.noting(Some(format!("association of source and label (Cramér's V): {association:.3}")));
        if association < TELLING {
            source =
                source.harmless("passed all the same: the source can be read, but it says nothing about the label");
        }
    }
    [label, source]
}

impl Readability {
    /// A row.
    pub fn row(&self, target: Target, region: Region) -> Option<&ReadabilityRow> {
        self.rows.iter().find(|row| row.target == target && row.region == region)
    }
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Background, Self::Foreground, Self::Outline];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Foreground => "foreground",
            Self::Outline => "outline",
        }
    }
}

/// Says what the outline alone gives away, and leaves a warning undecided that may be about the outline.
fn about_outlines(verdict: Verdict, answer: &Answer<Readability>, target: Target) -> Verdict {
    let Some(found) = answer.found() else { return verdict };
    let auc = |region| found.row(target, region).and_then(|row| row.auc).map(|auc| auc.value);
    let (Some(outline), Some(background)) = (auc(Region::Outline), auc(Region::Background)) else { return verdict };
    let note = format!("from the outline of the foreground alone: {outline:.3}");
    match found.hidden {
        Hidden::Shared { left } => verdict.noting(Some(format!(
            "{note}; of that nothing is left in the backgrounds, the same {:.0} % of every image",
            100.0 * left
        ))),
        Hidden::Own if outline >= background - 0.1 => verdict.undecided().noting(Some(format!(
            "{note}; traces of it are left in the backgrounds, since the masks together leave less than {:.0} % of the image: they may be all \
             that is read",
            100.0 * LEAST_LEFT
        ))),
        Hidden::Own => verdict.noting(Some(format!("{note}; traces of it are left in the backgrounds"))),
    }
}

/// Says loudly where images may be of one patient.
fn about_patients(found: &Readability) -> Option<String> {
    match &found.guessed {
        Some(GuessedPatients { patients, images, example: [one, other], .. }) => Some(format!(
            "PATIENTS WERE GUESSED from file names, since no column says whose image it is: {patients} of {images} images, such as that of \
             `{one}` and `{other}`; name the column with `--group`, or say `--independent` if each image is of another patient"
        )),
        None if !found.grouped => Some(
            "NO IMAGE SAYS WHOSE IT IS: several images of one patient, learned from and asked about, give a false alarm; name the column with \
             `--group`"
                .to_owned(),
        ),
        None => None,
    }
}

/// The patients of the images that were seen, guessed where no image says whose it is.
fn guessed(data: &dyn Dataset, settings: &Settings, seen: &[Seen]) -> Option<GuessedPatients> {
    let is_known = (0..data.len()).any(|index| !data.group(index).is_empty());
    if is_known || !settings.guess_patients {
        return None;
    }
    let names: Vec<String> = seen.iter().map(|seen| data.id(seen.index)).collect();
    let first = |seen: &Seen| data.label(seen.index).and_then(|label| label.classes().first().copied());
    let classes: Vec<usize> = seen.iter().map(|seen| first(seen).unwrap_or(data.n_classes())).collect();
    guess_patients(&names, &classes)
}

/// The pixels that any mask has; `None` if they leave too little, or if images differ in size.
fn shared(data: &dyn Dataset, masked: &[usize], drawn: &[usize]) -> Result<Option<Mask>> {
    let mut union: Option<Mask> = None;
    let mut is_one_size = true;
    let look = |position: usize| {
        let mask = data.sample(masked[drawn[position]])?.mask;
        Ok(mask.filter(|mask| mask.verdict().says_something()))
    };
    each(drawn.len(), &look, &mut |chunk: Vec<Option<Mask>>| {
        for mask in chunk.into_iter().flatten() {
            match &mut union {
                None => union = Some(mask),
                Some(union) if (union.height, union.width) == (mask.height, mask.width) => {
                    union.values.iter_mut().zip(&mask.values).for_each(|(all, one)| *all = all.max(*one));
                }
                Some(_) => is_one_size = false,
            }
        }
        Ok(())
    })?;
    let leaves = |mask: &Mask| {
        let left = mask.values.iter().filter(|value| **value <= 0.5).count();
        left as f64 >= LEAST_LEFT * mask.values.len() as f64
    };
    Ok(union.filter(|union| is_one_size && leaves(union)))
}

/// Features of background, foreground and outline; `None` without a usable mask.
fn pictures(sample: &Sample, shared: Option<&Mask>) -> Option<[Vec<f32>; 3]> {
    let mask = sample.mask.as_ref().filter(|mask| mask.verdict().says_something())?;
    let foreground = over(&sample.image, mask, &plain(&sample.image, &[0.0]));
    let outline = Image::new(mask.height, mask.width, 1, mask.values.clone());
    Some([features(&fill(&sample.image, shared.unwrap_or(mask))?), features(&foreground), features(&outline)])
}

/// What is to be read off an image; `None` where it is not known.
fn name_of(data: &dyn Dataset, index: usize, target: Target) -> Option<String> {
    match target {
        Target::Source => Some(data.source(index).to_owned()).filter(|source| !source.is_empty()),
        Target::Label => data.label(index).map(|label| {
            let names: Vec<&str> = label.classes().iter().map(|class| data.classes()[*class].as_str()).collect();
            names.join("|")
        }),
    }
}

/// The images that were seen, with the group of each.
struct Known<'a> {
    data: &'a dyn Dataset,
    settings: &'a Settings,
    seen: &'a [Seen],
    groups: &'a [String],
}

impl Known<'_> {
    fn row(&self, target: Target, region: Region) -> Result<ReadabilityRow> {
        let Self { data, settings, seen, groups } = *self;
        let named: Vec<(usize, String)> =
            (0..seen.len()).filter_map(|place| Some((place, name_of(data, seen[place].index, target)?))).collect();
        let unit = |place: usize| match groups[place].as_str() {
            "" => format!("image {place}"),
            group => format!("group {group}"),
        };
        let mut units: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        named.iter().for_each(|(place, name)| units.entry(name).or_default().push(unit(*place)));
        units.values_mut().for_each(|units| {
            units.sort_unstable();
            units.dedup();
        });
        let names: Vec<String> =
            units.iter().filter(|(_, units)| units.len() >= LEAST).map(|(name, _)| (*name).to_owned()).collect();
        let mut row = ReadabilityRow {
            target,
            region,
            missing: missing(target, units.len(), names.len()),
            names,
            auc: None,
            accuracy: None,
            balanced_accuracy: None,
            majority: 0.0,
        };
        if row.missing.is_some() {
            return Ok(row);
        }
        let told: Vec<(usize, usize)> = named
            .iter()
            .filter_map(|(place, name)| Some((*place, row.names.iter().position(|known| known == name)?)))
            .collect();
        let counts = (0..row.names.len()).map(|name| told.iter().filter(|(_, told)| *told == name).count());
        row.majority = counts.max().unwrap_or(0) as f64 / told.len() as f64;
        let predictions = self.cross_validated(&row, &told);
        let wanted = isnet_statistics::Settings {
            confidence: settings.confidence,
            resamples: settings.resamples,
            seed: settings.seed,
            // The posterior of a confusion matrix may leave the value out where nearly all is right.
            posterior_draws: 0,
            scores: Some(vec![Score::BalancedAccuracy, Score::Auc]),
            by_class: false,
            by_source: false,
            ..isnet_statistics::Settings::default()
        };
        let scores = summary(&predictions, &wanted)?;
        let estimate = |score| scores.find("all", None, score, None).and_then(estimate);
        row.auc = estimate(Score::Auc);
        row.balanced_accuracy = estimate(Score::BalancedAccuracy);
        let right =
            (0..told.len()).map(|image| Some(f64::from(u8::from(predictions.predicted(image) == [told[image].1]))));
        let groups: Vec<String> = told.iter().map(|(place, _)| groups[*place].clone()).collect();
        row.accuracy = Means::of_groups(settings, &groups).of(&[right.collect()]).remove(0);
        Ok(row)
    }

    /// Predictions of every image by a classifier that has not seen it, nor its group.
    fn cross_validated(&self, row: &ReadabilityRow, told: &[(usize, usize)]) -> Predictions {
        let Self { data, settings, seen, groups } = *self;
        let groups: Vec<&str> = told.iter().map(|(place, _)| groups[*place].as_str()).collect();
        let truth: Vec<usize> = told.iter().map(|(_, name)| *name).collect();
        let fold_of = folds(&truth, &groups, settings.folds, settings.seed);
        let side = row.region as usize;
        let rows: Vec<&[f32]> = told.iter().map(|(place, _)| seen[*place].features[side].as_slice()).collect();
        let mut probabilities = vec![Vec::new(); told.len()];
        for fold in 0..settings.folds {
            let (asked, learned): (Vec<usize>, Vec<usize>) = (0..told.len()).partition(|&image| fold_of[image] == fold);
            if asked.is_empty() {
                continue;
            }
            let pick = |images: &[usize]| images.iter().map(|&image| rows[image]).collect::<Vec<_>>();
            let labels: Vec<usize> = learned.iter().map(|&image| truth[image]).collect();
            let model = Logistic::fit(&pick(&learned), &labels, row.names.len());
            asked.iter().for_each(|&image| probabilities[image] = model.probabilities(rows[image]));
        }
        let mut predictions = Predictions::new(row.names.clone(), Task::Single);
        for ((place, name), probabilities) in told.iter().zip(&probabilities) {
            let index = seen[*place].index;
            predictions.push(&data.id(index), data.source(index), "all", &[*name], probabilities);
        }
        predictions.groups = groups.into_iter().map(str::to_owned).collect();
        predictions
    }
}

fn missing(target: Target, known: usize, usable: usize) -> Option<Missing> {
    match (known, usable, target) {
        (_, 2.., _) => None,
        (0, _, Target::Label) => Some(Missing::Labels),
        (1, _, Target::Label) => Some(Missing::Classes),
        (0 | 1, _, Target::Source) => Some(Missing::Sources),
        (.., Target::Label) => Some(Missing::Images { of: "two classes".to_owned(), least: LEAST }),
        (.., Target::Source) => Some(Missing::Images { of: "two sources".to_owned(), least: LEAST }),
    }
}

fn estimate(row: &SummaryRow) -> Option<Estimate> {
    Some(Estimate { value: row.value?, interval: row.interval().copied(), n: row.n })
}

/// Cramér's V of label and source over all images that have both: `√(χ² / (n·(min(rows, columns) − 1)))`.
fn association(data: &dyn Dataset) -> Option<f64> {
    let mut cells: BTreeMap<(String, String), f64> = BTreeMap::new();
    for index in 0..data.len() {
        if let (Some(label), Some(source)) = (name_of(data, index, Target::Label), name_of(data, index, Target::Source))
        {
            *cells.entry((label, source)).or_default() += 1.0;
        }
    }
    let (mut labels, mut sources): (BTreeMap<&str, f64>, BTreeMap<&str, f64>) = Default::default();
    for ((label, source), count) in &cells {
        *labels.entry(label).or_default() += count;
        *sources.entry(source).or_default() += count;
    }
    let n: f64 = labels.values().sum();
    let freedom = labels.len().min(sources.len()).checked_sub(1).filter(|freedom| *freedom > 0)?;
    let mut squares = 0.0;
    for (label, of_label) in &labels {
        for (source, of_source) in &sources {
            let expected = of_label * of_source / n;
            let got = cells.get(&((*label).to_owned(), (*source).to_owned())).copied().unwrap_or(0.0);
            squares += (got - expected).powi(2) / expected;
        }
    }
    Some((squares / (n * freedom as f64)).sqrt())
}

#[cfg(test)]
mod tests;
