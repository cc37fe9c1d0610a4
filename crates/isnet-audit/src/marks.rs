//! Question 3: does a mark in the background change the decision?
//!
//! The test of the synthetic background bias (METHOD §6) asked of the user's own images: each image is seen without a mark,
//! with the mark of its class, and with the mark of another class. The figure is the share of decisions that the mark of
//! another class changes, against the same image without a mark.
//!
//! For a model that was trained with these marks, that is the bias it learned, and *towards* says how many decisions went
//! where the mark points. For any other model it is arbitrary which mark stands for which class; then only the
//! flips mean something: a model that ignores backgrounds has none. A picture of the user's own ([`Marks::Picture`]) stands for
//! no class, so the one mark is in both columns.

use isnet_data::mark::{Mark, MarkSettings, choose, draw};
use isnet_data::rng::stream;
use isnet_data::{Dataset, Fit, Image, Intensity, Label, Mask, Preparation, Sample};
use rand::Rng;
use serde::Serialize;

use crate::error::Result;
use crate::estimate::{Column, Estimate, Means, difference};
use crate::settings::{Question, Settings};
use crate::subject::{Predicted, Subject};
use crate::verdict::{Answer, Missing, Threshold, Verdict};

/// Key of the class whose mark an image gets: `[OTHER_CLASS, index]`.
const OTHER_CLASS: u64 = 504;

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Marks {
    /// A mark per class, in words as in [`choose`]; no words: square, circle, triangle, letters.
    PerClass(Vec<String>),
    /// One picture for all, such as a label cut out of a film, scaled to the box of a mark.
    Picture(Image),
}

/// What marks do to decisions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarkEffect {
    /// The mark of each class, in words; empty for a picture.
    pub marks: Vec<String>,
    /// Accuracy with the mark of the true class, without a mark, and with the mark of another class, on the images that
    /// have all three.
    pub accuracy: [Option<Estimate>; 3],
    /// Accuracy with the mark of the true class minus accuracy with that of another.
    pub accuracy_gap: Option<Estimate>,
    /// Share of decisions that the mark of the true class changes.
    pub flips_by_own: Option<Estimate>,
    /// Share of decisions that the mark of another class changes: the figure.
    pub flips: Option<Estimate>,
    /// Share of decisions that the mark of another class changes *to its class*; `None` for a picture.
    pub towards: Option<Estimate>,
    /// Images that were asked.
    pub n: usize,
    /// Images without a usable mask, without room for a mark in their background, or without a label that says whose mark they get.
    pub left_out: usize,
}

/// The pictures of an image, in the order of [`MarkEffect::accuracy`].
pub struct Marker<'a> {
    data: &'a dyn Dataset,
    settings: &'a Settings,
    marks: Vec<Mark>,
}

impl<'a> Marker<'a> {
    /// Chooses the marks.
    ///
    /// # Errors
    /// [`DataError`](isnet_data::DataError) for words that are no marks, or marks that are not one per class.
    pub fn new(subject: &'a Subject<'a>) -> Result<Self> {
        let marks = match &subject.settings.marks {
            Marks::PerClass(words) => choose(words, subject.data.n_classes())?,
            Marks::Picture(_) => Vec::new(),
        };
        Ok(Self { data: subject.data, settings: subject.settings, marks })
    }

    /// The image with the mark of its class, without a mark, and with the mark of another class; nothing where there is no
    /// room or no label that marks can follow.
    ///
    /// # Errors
    /// [`DataError::Setting`](isnet_data::DataError::Setting) for mark settings out of range.
    pub fn pictures(&self, index: usize, sample: &Sample) -> Result<[Option<Image>; 3]> {
        let nothing = [const { None }; 3];
        let Some(mask) = sample.mask.as_ref().filter(|mask| mask.verdict().says_something()) else {
            return Ok(nothing);
        };
        let plain = sample.image.clone();
        Ok(match &self.settings.marks {
            Marks::Picture(picture) => match self.pasted(index, &plain, mask, picture)? {
                Some(marked) => [Some(marked.clone()), Some(plain), Some(marked)],
                None => nothing,
            },
            Marks::PerClass(_) => {
                let Some(own) = own_class(self.data, index) else { return Ok(nothing) };
                let marked = |class: usize| self.drawn(index, &plain, mask, self.marks[class]);
                match (marked(own)?, marked(self.other_class(index, own))?) {
                    (Some(right), Some(wrong)) => [Some(right), Some(plain), Some(wrong)],
                    _ => nothing,
                }
            }
        })
    }

    /// The class whose mark an image gets in place of its own.
    fn other_class(&self, index: usize, own: usize) -> usize {
        let n_classes = u32::try_from(self.marks.len()).expect("fewer than 2³² classes");
        let step = stream(self.settings.seed, &[OTHER_CLASS, index as u64]).random_range(1..n_classes);
        (own + step as usize) % self.marks.len()
    }

    fn drawn(&self, index: usize, image: &Image, mask: &Mask, mark: Mark) -> Result<Option<Image>> {
        let mut marked = image.clone();
        let drawing = draw(&mut marked, mask, mark, &self.mark_settings(), &[index as u64])?;
        Ok(drawing.place.map(|_| marked))
    }

    /// The picture in the box that a mark would get; foreground stays as it is.
    fn pasted(&self, index: usize, image: &Image, mask: &Mask, picture: &Image) -> Result<Option<Image>> {
        let mut marked = image.clone();
        let drawing = draw(&mut image.clone(), mask, Mark::Square, &self.mark_settings(), &[index as u64])?;
        let Some(place) = drawing.place else { return Ok(None) };
        let size = Preparation {
            height: place.side,
            width: place.side,
            channels: image.channels,
            fit: Fit::Squash,
            intensity: Intensity::Stored,
        };
        let (picture, _) = size.apply(picture, None)?;
        let strength = self.mark_settings().strength;
        for (at, from) in picture.pixels.chunks_exact(image.channels).enumerate() {
            let pixel = (place.top + at / place.side) * image.width + place.left + at % place.side;
            if mask.values[pixel] <= 0.5 {
                let to = &mut marked.pixels[pixel * image.channels..(pixel + 1) * image.channels];
                to.iter_mut().zip(from).for_each(|(to, from)| *to += strength * (from - *to));
            }
        }
        Ok(Some(marked))
    }

    fn mark_settings(&self) -> MarkSettings {
        MarkSettings { seed: self.settings.seed, ..self.settings.mark_settings }
    }
}

/// Asks the model again with marks in the backgrounds. `progress` is told how many images are done.
///
/// # Errors
/// A sample that cannot be read, marks that cannot be drawn; [`AuditError::NonFinite`](crate::AuditError::NonFinite) for a
/// prediction that is none.
pub fn marks(subject: &Subject<'_>, progress: &mut dyn FnMut(usize)) -> Result<Answer<MarkEffect>> {
    let data = subject.data;
    let masks = subject.masks()?;
    let masked = &masks.usable;
    let per_class = matches!(subject.settings.marks, Marks::PerClass(_));
    let marker = Marker::new(subject)?;
    let missing = match () {
        () if masked.is_empty() => masks.missing(),
        () if per_class && masked.iter().all(|&index| own_class(data, index).is_none()) => Some(Missing::Labels),
        () if per_class && data.n_classes() < 2 => Some(Missing::Classes),
        () => None,
    };
    if let Some(missing) = missing {
        return Ok(Answer::NotAnswerable(missing));
    }
    let make = |position: usize, sample: Sample| Ok(marker.pictures(masked[position], &sample)?.into());
    let found = subject.predict(masked, &make, progress)?;
    if found.iter().all(|row| row[1].is_none()) {
        return Ok(Answer::NotAnswerable(Missing::Room));
    }
    Ok(Answer::Found(summarized(subject, &marker, masked, &found)))
}

/// Holds the share of flips against its threshold.
pub fn verdict(subject: &Subject<'_>, answer: &Answer<MarkEffect>) -> Verdict {
    let threshold = Threshold::at_most("--max-mark-flips", subject.settings.thresholds.mark_flips);
    let value = match answer {
        Answer::Found(found) => found.flips.ok_or(&Missing::Room),
        Answer::NotAnswerable(missing) => Err(missing),
    };
    let without = subject.left_out();
    let no_room = answer.found().map_or(0, |found| found.left_out - without.masks());
    Verdict::of(Question::Marks, "share of decisions that a mark changes", value, threshold)
        .noting(answer.found().and_then(|_| without.note()))
        .noting(
            (no_room > 0)
                .then(|| format!("left out: {no_room} without room for a mark in the background, or without a label")),
        )
}

/// A number of an image, from its position and its three predictions.
type OfImage<'a> = dyn Fn(usize, [&[f64]; 3]) -> Option<f64> + 'a;

/// The figures of predictions with the mark of the class, without a mark, and with the mark of another class.
fn summarized(subject: &Subject<'_>, marker: &Marker<'_>, masked: &[usize], found: &Predicted) -> MarkEffect {
    let data = subject.data;
    let per_class = !marker.marks.is_empty();
    let n = found.iter().filter(|row| row[1].is_some()).count();
    let label = |position: usize| data.label(masked[position]);
    let column = |value: &OfImage<'_>| -> Column {
        let rows = found.iter().enumerate();
        let value = |(position, row): (usize, &Vec<Option<Vec<f64>>>)| match &row[..] {
            [Some(own), Some(none), Some(other)] => value(position, [own, none, other]),
            _ => None,
        };
        rows.map(value).collect()
    };
    let right =
        |which: usize| column(&|position, rows| label(position).map(|label| subject.rightness(rows[which], label)));
    let moved = |rows: [&[f64]; 3], which: usize| subject.decision(rows[which]) != subject.decision(rows[1]);
    let flips = |which: usize| column(&|_, rows| Some(f64::from(u8::from(moved(rows, which)))));
    let towards = column(&|position, rows| {
        let own = own_class(data, masked[position]).filter(|_| per_class)?;
        let other = marker.other_class(masked[position], own);
        let to_other = subject.decision(rows[2]).contains(&other) && !subject.decision(rows[1]).contains(&other);
        Some(f64::from(u8::from(to_other)))
    });
    let means = Means::new(subject.settings, subject.data, masked);
    let gap = means.of_differences(&[difference(&right(0), &right(2))]).remove(0);
    let estimates = means.of(&[right(0), right(1), right(2), flips(0), flips(2), towards]);
    MarkEffect {
        marks: marker.marks.iter().map(ToString::to_string).collect(),
        accuracy: [estimates[0], estimates[1], estimates[2]],
        accuracy_gap: gap,
        flips_by_own: estimates[3],
        flips: estimates[4],
        towards: estimates[5],
        n,
        left_out: data.len() - n,
    }
}

/// The one class of an image, or the first of several: the one whose mark it has.
fn own_class(data: &dyn Dataset, index: usize) -> Option<usize> {
    data.label(index).map(Label::classes)?.first().copied()
}
