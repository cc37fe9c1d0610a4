//! The model that is audited, and the images it is audited on.

use std::cell::OnceCell;

use burn::tensor::{Tensor, TensorData};
use isnet_data::rng::stream;
use isnet_data::{Dataset, Image, Label, Sample, Task};
use isnet_eval::evaluate::probabilities;
use isnet_graph::Predictor;
use isnet_run::Model;
use rand::seq::SliceRandom;

use crate::error::{AuditError, Result};
use crate::masks::{LeftOut, Masks};
use crate::settings::Settings;
use crate::work::{Made, each};
use isnet_data::compose::Colours;

/// Key of the images that the colours of a data set are taken from: `[COLOURS]`.
const COLOURS: u64 = 501;
/// Images that the colours of a data set are taken from at most.
const COLOUR_IMAGES: usize = 256;

/// Probabilities of pictures, a row per image and an entry per picture made from it; `None` where there is none.
pub(crate) type Predicted = Vec<Vec<Option<Vec<f64>>>>;

/// A model, images and settings: what every question is asked of.
///
/// What several questions need, such as the colours of the backgrounds, is found once. Images are asked for several
/// times: give a data set that keeps them, such as
/// [`ManifestDataset::with_cache`](isnet_data::ManifestDataset::with_cache).
pub struct Subject<'a> {
    /// The model.
    pub model: &'a Model,
    /// The images.
    pub data: &'a dyn Dataset,
    /// What is asked.
    pub settings: &'a Settings,
    predictor: OnceCell<Predictor>,
    colours: OnceCell<Colours>,
    masks: OnceCell<Masks>,
}

impl<'a> Subject<'a> {
    /// Puts model and images together.
    ///
    /// # Errors
    /// [`AuditError::Empty`], [`AuditError::Classes`], [`AuditError::Task`], and what [`Settings::check`] finds.
    pub fn new(model: &'a Model, data: &'a dyn Dataset, settings: &'a Settings) -> Result<Self> {
        settings.check()?;
        if data.is_empty() {
            return Err(AuditError::Empty);
        }
        if data.task() != model.task {
            return Err(AuditError::Task { model: task_name(model.task), data: task_name(data.task()) });
        }
        if data.classes() != model.classes {
            return Err(AuditError::Classes { model: model.classes.clone(), data: data.classes().to_vec() });
        }
        Ok(Self { model, data, settings, predictor: OnceCell::new(), colours: OnceCell::new(), masks: OnceCell::new() })
    }

    /// Mean and deviation of the background pixels of up to 256 images, drawn by the seed; of all pixels where no mask says
    /// what is background.
    ///
    /// # Errors
    /// A sample that cannot be read.
    pub fn colours(&self) -> Result<&Colours> {
        if let Some(known) = self.colours.get() {
            return Ok(known);
        }
        let chosen = self.draw(COLOUR_IMAGES, &[COLOURS]);
        let channels = self.model.preparation.channels;
        let mut sums = vec![[0.0_f64; 2]; channels];
        let mut count = 0_u64;
        each(chosen.len(), &|position| Ok(self.data.sample(chosen[position])?), &mut |samples: Vec<Sample>| {
            for sample in samples {
                count += add_background(&sample, &mut sums);
            }
            Ok(())
        })?;
        let n = count.max(1) as f64;
        let mean: Vec<f64> = sums.iter().map(|[sum, _]| sum / n).collect();
        let deviation = sums.iter().zip(&mean).map(|([_, squares], mean)| (squares / n - mean * mean).max(0.0).sqrt());
        let deviation = deviation.map(|value| value as f32).collect();
        let colours = Colours { mean: mean.into_iter().map(|value| value as f32).collect(), deviation };
        Ok(self.colours.get_or_init(|| colours))
    }

    /// The images by what their masks say, the same for every question.
    pub(crate) fn masks(&self) -> Result<&Masks> {
        if let Some(known) = self.masks.get() {
            return Ok(known);
        }
        let found = Masks::of(self.data)?;
        Ok(self.masks.get_or_init(|| found))
    }

    /// The images without a usable mask, as far as masks were looked at.
    pub(crate) fn left_out(&self) -> LeftOut {
        self.masks.get().map(|masks| masks.left_out).unwrap_or_default()
    }

    /// Up to `most` images, drawn by the seed, in the order of the data.
    pub(crate) fn draw(&self, most: usize, key: &[u64]) -> Vec<usize> {
        draw(self.data.len(), most, self.settings.seed, key)
    }

    /// Predicts images that are made from each of the samples: a row per sample, an entry per image, `None` where there is
    /// none.
    ///
    /// Pictures are made on all cores while the pictures before them are predicted. `make` gets the position in `samples`.
    pub(crate) fn predict(
        &self,
        samples: &[usize],
        make: &(dyn Fn(usize, Sample) -> Result<Made> + Sync),
        progress: &mut dyn FnMut(usize),
    ) -> Result<Predicted> {
        let (data, expected) = (self.data, self.input());
        let one = |position: usize| {
            let sample = data.sample(samples[position])?;
            check_shape(&sample, expected)?;
            make(position, sample)
        };
        let mut rows: Predicted = Vec::with_capacity(samples.len());
        each(samples.len(), &one, &mut |chunk: Vec<Made>| {
            let images: Vec<&Image> = chunk.iter().flatten().flatten().collect();
            let mut found = self.probabilities(&images).into_iter();
            for made in &chunk {
                let row = made.iter().map(|image| image.as_ref().and_then(|_| found.next())).collect();
                rows.push(row);
                self.check_finite(samples[rows.len() - 1], &rows[rows.len() - 1])?;
            }
            progress(rows.len());
            Ok(())
        })?;
        Ok(rows)
    }

    /// The images as the model takes them, `[N, H, W, C]`.
    pub(crate) fn tensor(&self, images: &[&Image]) -> Tensor<4> {
        let [height, width, channels] = self.input();
        let mut pixels = Vec::with_capacity(images.len() * height * width * channels);
        images.iter().for_each(|image| pixels.extend_from_slice(&image.pixels));
        let device = self.model.params.values()[0].device().inner();
        Tensor::from_data(TensorData::new(pixels, [images.len(), height, width, channels]), &device)
    }

    /// Height, width and channels of the model's input.
    pub(crate) fn input(&self) -> [usize; 3] {
        let preparation = &self.model.preparation;
        [preparation.height, preparation.width, preparation.channels]
    }

    /// The classes that the model decides for: the most probable one, or all of probability ≥ ½.
    pub fn decision(&self, probabilities: &[f64]) -> Vec<usize> {
        match self.model.task {
            Task::SingleLabel => vec![highest(probabilities)],
            Task::MultiLabel => (0..probabilities.len()).filter(|&class| probabilities[class] >= 0.5).collect(),
        }
    }

    /// How right probabilities are: 1 or 0 for one label, the share of right answers for several.
    pub fn rightness(&self, probabilities: &[f64], label: &Label) -> f64 {
        let decided = self.decision(probabilities);
        match label {
            Label::Single(class) => f64::from(u8::from(decided == [*class])),
            Label::Multi(classes) => {
                let right = (0..probabilities.len()).filter(|class| decided.contains(class) == classes.contains(class));
                right.count() as f64 / probabilities.len() as f64
            }
        }
    }

    /// The probability of what is true: of the label, or the mean over all labels that are there or not.
    pub fn truth(&self, probabilities: &[f64], label: &Label) -> f64 {
        match label {
            Label::Single(class) => probabilities[*class],
            Label::Multi(classes) => {
                let each = probabilities.iter().enumerate().map(|(class, probability)| {
                    if classes.contains(&class) { *probability } else { 1.0 - probability }
                });
                each.sum::<f64>() / probabilities.len() as f64
            }
        }
    }

    fn probabilities(&self, images: &[&Image]) -> Vec<Vec<f64>> {
        let predictor = self.predictor.get_or_init(|| Predictor::new(&self.model.graph, &self.model.params));
        let batches = images.chunks(self.settings.batch_size);
        batches.flat_map(|batch| probabilities(self.model, predictor.logits(self.tensor(batch)))).collect()
    }

    fn check_finite(&self, index: usize, row: &[Option<Vec<f64>>]) -> Result<()> {
        match row.iter().flatten().flatten().all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err(AuditError::NonFinite { what: "the prediction", id: self.data.id(index) }),
        }
    }
}

/// Index of the largest value, the first of equals.
pub(crate) fn highest<T: PartialOrd>(row: &[T]) -> usize {
    (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

/// Up to `most` of `n` indices, drawn by the seed, ascending.
pub(crate) fn draw(n: usize, most: usize, seed: u64, key: &[u64]) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..n).collect();
    if n > most {
        chosen.shuffle(&mut stream(seed, key));
        chosen.truncate(most);
        chosen.sort_unstable();
    }
    chosen
}

/// Whether a sample has the size that the model takes.
pub(crate) fn check_shape(sample: &Sample, expected: [usize; 3]) -> Result<()> {
    let got = [sample.image.height, sample.image.width, sample.image.channels];
    match got == expected {
        true => Ok(()),
        false => Err(AuditError::Shape { id: sample.id.clone(), expected, got }),
    }
}

fn task_name(task: Task) -> &'static str {
    match task {
        Task::SingleLabel => "single-label",
        Task::MultiLabel => "multi-label",
    }
}

/// Adds values and squares of the background pixels of a sample; how many there are. A mask that says nothing is none.
fn add_background(sample: &Sample, sums: &mut [[f64; 2]]) -> u64 {
    let mask = sample.mask.as_ref().filter(|mask| mask.verdict().says_something());
    let mut count = 0;
    for (place, pixel) in sample.image.pixels.chunks_exact(sample.image.channels).enumerate() {
        if mask.is_some_and(|mask| mask.values[place] > 0.5) {
            continue;
        }
        count += 1;
        for (sum, value) in sums.iter_mut().zip(pixel) {
            sum[0] += f64::from(*value);
            sum[1] += f64::from(*value).powi(2);
        }
    }
    count
}
