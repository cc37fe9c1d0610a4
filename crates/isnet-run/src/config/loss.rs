//! `[loss]`: weights and forms of the terms of METHOD §4.

use serde::{Deserialize, Serialize};

use super::{
    data::DataConfig,
    section::{POSITIVE, choice, section},
    typed::{Typed, typed},
};

choice! {
    /// The foreground term above the natural range.
    ForegroundForm {
        /// Quadratic.
        L2 = "l2",
        /// Quadratic up to C1 + C2, then linear.
        Hybrid = "hybrid",
    }
}

choice! {
    /// Which samples the heatmap loss counts.
    HeatmapLossGate {
        /// All that have a mask.
        None = "none",
        /// Each by how much more probable its label is than by a guess.
        BetterThanGuess = "better_than_guess",
    }
}

section! {
    /// `[loss]`: `(1 − P)·classification + P·(w1·background + w2·foreground)`.
    LossConfig(section, data: &DataConfig) {
        /// Share of the heatmap loss (P).
        heatmap_loss_weight: f64 = 0.5, in 0.0..=1.0;
        /// How P gets to its value: `"constant"`, or `{ ramp_epochs = 5 }` to grow from 0 in a straight line.
        heatmap_loss_schedule: HeatmapLossSchedule = HeatmapLossSchedule::Constant;
        /// Which samples the heatmap loss counts: `"none"` counts all alike, `"better_than_guess"` each by `(p − g) / (1 − g)`, at least 0, where p is
        /// the probability of its label and g that of a guess (1/K, ½ for each of several labels). What is not counted, the classification loss gets.
        heatmap_loss_gate: HeatmapLossGate = HeatmapLossGate::None;
        /// Steps from one heatmap loss to the next (k), which then has k times its weight; the steps between are as cheap as plain training.
        heatmap_loss_every: usize = 1, in 1..=64;
        /// Weight of the background term (w1).
        background_weight: f64 = 1.0, in 0.0..;
        /// Weight of the foreground term (w2).
        foreground_weight: f64 = 3.0, in 0.0..;
        /// Relevance, relative to the foreground's mean, that gives half of the largest penalty: `g/(g + E)` (E).
        background_saturation: f64 = 1.0, in POSITIVE;
        /// Decay of the ranked pooling over pixels (d): 0 looks at the worst pixel, 1 at the mean. See [`gwrp_decay`].
        gwrp_decay: f64 = gwrp_decay(data.height * data.width), in 0.0..=1.0;
        /// Decay of the ranked pooling over supervised nodes.
        lds_decay: f64 = 0.9, in 0.0..=1.0;
        /// Natural total relevance of the foreground, `[C1, C2]`, or `"calibrate"` to measure it.
        foreground_range: ForegroundRange = ForegroundRange::Fixed { low: 1.0, high: 25.0 };
        /// Epochs of plain training before the range is measured, where it is calibrated.
        calibration_epochs: usize = 2, in 1..;
        /// The foreground term above the range: `"l2"` or `"hybrid"`.
        foreground_form: ForegroundForm = ForegroundForm::L2;
        /// Weights of the classes: `"none"`, `"balanced"` (inverse to their frequency) or a list in class order.
        class_weights: ClassWeights = ClassWeights::None;
    }
}

/// The preset of `gwrp_decay` for an image of so many pixels (d).
///
/// The papers have d = 0.9 up to 64 × 64 and d = 0.996 at 224 × 224. In between and above, `1 − d` is a power of the
/// number of pixels through these two points, so that the pooling looks at a comparable share of the image:
/// `1 − d = 0.1·(pixels / 64²)^(−k)`, `k = ln 25 / ln 12.25 ≈ 1.285`.
///
/// # Example
/// ```
/// use isnet_run::config::gwrp_decay;
/// let rounded = |side: usize| (gwrp_decay(side * side) * 1e4).round() / 1e4;
/// assert_eq!([28, 64, 128, 224].map(rounded), [0.9, 0.9, 0.9832, 0.996]);
/// ```
pub fn gwrp_decay(pixels: usize) -> f64 {
    const SMALL: (f64, f64) = (64.0 * 64.0, 1.0 - 0.9);
    const LARGE: (f64, f64) = (224.0 * 224.0, 1.0 - 0.996);
    let exponent = (LARGE.1 / SMALL.1).ln() / (LARGE.0 / SMALL.0).ln();
    1.0 - SMALL.1 * (pixels as f64 / SMALL.0).max(1.0).powf(exponent)
}

/// How P gets to its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeatmapLossSchedule {
    /// At once.
    Constant,
    /// From 0 in a straight line over so many epochs, counted from `method.start_epoch`.
    RampEpochs(usize),
}

typed! {
    HeatmapLossSchedule = "`\"constant\"` or `{ ramp_epochs = 5 }`",
    ForegroundRange = "`[C1, C2]` with 0 < C1 < C2, or `\"calibrate\"`",
    ClassWeights = "`\"none\"`, `\"balanced\"` or a list of numbers above 0",
}

/// The natural range of the foreground's total relevance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "NumbersOrWord<[f64; 2]>", into = "NumbersOrWord<[f64; 2]>")]
pub enum ForegroundRange {
    /// Known.
    Fixed {
        /// C1.
        low: f64,
        /// C2.
        high: f64,
    },
    /// Measured after `calibration_epochs` of plain training.
    Calibrate,
}

/// Weights of the classes in the classification loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "NumbersOrWord<Vec<f64>>", into = "NumbersOrWord<Vec<f64>>")]
pub enum ClassWeights {
    /// All 1.
    None,
    /// Inverse to the frequency in the training split, with mean 1.
    Balanced,
    /// As given, in class order.
    List(Vec<f64>),
}

/// The typed form of a value that is either numbers or a word.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a word in quotes, or numbers in brackets")]
enum NumbersOrWord<T> {
    Numbers(T),
    Word(String),
}

impl TryFrom<NumbersOrWord<[f64; 2]>> for ForegroundRange {
    type Error = String;

    fn try_from(typed: NumbersOrWord<[f64; 2]>) -> std::result::Result<Self, String> {
        match typed {
            NumbersOrWord::Numbers([low, high]) if 0.0 < low && low < high && high.is_finite() => {
                Ok(Self::Fixed { low, high })
            }
            NumbersOrWord::Word(word) if word == "calibrate" => Ok(Self::Calibrate),
            _ => Err("expected `[C1, C2]` with 0 < C1 < C2, or \"calibrate\"".into()),
        }
    }
}

impl From<ForegroundRange> for NumbersOrWord<[f64; 2]> {
    fn from(range: ForegroundRange) -> Self {
        match range {
            ForegroundRange::Fixed { low, high } => Self::Numbers([low, high]),
            ForegroundRange::Calibrate => Self::Word("calibrate".into()),
        }
    }
}

impl TryFrom<NumbersOrWord<Vec<f64>>> for ClassWeights {
    type Error = String;

    fn try_from(typed: NumbersOrWord<Vec<f64>>) -> std::result::Result<Self, String> {
        match typed {
            NumbersOrWord::Word(word) if word == "none" => Ok(Self::None),
            NumbersOrWord::Word(word) if word == "balanced" => Ok(Self::Balanced),
            NumbersOrWord::Numbers(weights) if weights.iter().all(|weight| weight.is_finite() && *weight > 0.0) => {
                Ok(Self::List(weights))
            }
            _ => Err("expected \"none\", \"balanced\" or a list of numbers above 0".into()),
        }
    }
}

impl From<ClassWeights> for NumbersOrWord<Vec<f64>> {
    fn from(weights: ClassWeights) -> Self {
        match weights {
            ClassWeights::None => Self::Word("none".into()),
            ClassWeights::Balanced => Self::Word("balanced".into()),
            ClassWeights::List(weights) => Self::Numbers(weights),
        }
    }
}
