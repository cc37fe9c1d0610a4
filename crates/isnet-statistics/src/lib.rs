//! Predictions, and what they are worth: scores, how sure they are, and whether two models differ. Knows nothing of models.
//!
//! ```text
//! Predictions, Settings ──summary──► rows: split × source × score → value, intervals, n, notes
//! [name, Predictions]   ──compare──► rows: … → difference to the first, intervals, p-values, adjusted by Holm
//! [seed, Predictions]   ──over_trainings──► rows: mean and deviation over trainings, interval over samples and trainings
//! two such       ──differences_over_trainings──► rows: difference of the means, interval over samples and trainings
//! Predictions           ──agreement──► calibration: intercept, slope, test, curve      ──Scaling──► probabilities that mean what they say
//! Predictions, Settings ──figures──► ROC and precision–recall curves, reliability diagrams, confusion matrices
//! ```
//!
//! Scores keep scikit-learn's conventions, see [`Score`]. A score that is not defined is `None` with a reason.
//!
//! | interval | of | takes samples as |
//! |---|---|---|
//! | [`hdi`] of the posterior of the confusion matrix | scores of counts | independent |
//! | [`DeLong`], on the scale of the AUC and of its logit | AUC, also pairwise and macro | independent |
//! | [`newcombe`], where DeLong has none | AUC of a class | independent |
//! | [`wilson()`], [`clopper_pearson`], [`jeffreys`] | a proportion, `k` of `n` | independent |
//! | bootstrap, percentiles and BCa | every score | independent, or in groups such as patients |
//!
//! The first interval of a row is the one to print: posterior or DeLong, but the bootstrap when there are groups.
//! All of it is seeded and runs in parallel; the numbers do not depend on the number of threads.

mod agreement;
mod area_intervals;
mod bootstrap;
mod calibration;
mod clustered;
mod compare;
mod counts;
mod curves;
mod decision_curve;
mod delong;
mod error;
mod estimate;
mod figures;
mod flow;
mod heterogeneity;
mod holm;
mod interval;
mod logistic;
mod mcnemar;
pub mod metrics;
mod normal;
mod operating_point;
mod operating_rule;
mod part;
mod per_group;
mod posterior;
mod predictions;
pub mod predictions_csv;
mod proportion;
mod ranking;
mod ratios;
mod sample_size;
mod scaling;
mod score;
mod score_set;
mod settings;
mod shares;
mod standing;
mod subgroups;
mod summary;
mod thresholds;
mod trainings;
mod trainings_difference;

pub use agreement::{Agreement, AgreementPoint, AgreementTest, Said, agreement};
pub use bootstrap::{
    Bootstrap, Replicates, Resampling, bca_interval, bootstrap, bootstrap_p_value, percentile_interval,
};
pub use calibration::{Reliability, ReliabilityBin, reliability};
pub use clustered::{ClusteredProportion, clustered_proportion};
pub use compare::{Comparison, ComparisonRow, Test, TestMethod, compare};
pub use curves::{CurvePoint, precision_recall_curve, roc_curve, thinned};
pub use decision_curve::{DecisionCurve, DecisionPoint, decision_curve};
use delong::newcombe_within;
pub use delong::{DeLong, DeLongDifference, newcombe};
pub use error::StatisticsError;
pub use estimate::Estimate;
pub use figures::{ClassFigures, Figures, figures};
pub use flow::{Exclusion, Flow, FlowCount};
pub use heterogeneity::{Heterogeneity, HeterogeneityMethod, cochran_q, proportion_heterogeneity};
pub use holm::holm;
pub use interval::{Interval, IntervalMethod};
pub use mcnemar::{McNemar, mcnemar};
pub use operating_point::{AtPrevalence, Confusion, OperatingPoint, OperatingSettings, operating_point};
pub use operating_rule::{OperatingRule, OperatingThreshold, choose_operating_threshold};
pub use per_group::{PerGroup, PerGroupCounts, Pooling, per_group};
pub use posterior::{dirichlet, hdi};
pub use predictions::{Predictions, Task, decimal};
pub use proportion::{ProportionMethod, clopper_pearson, jeffreys, wilson};
pub use sample_size::{SampleSize, SizeTarget, inflated_size, sample_size};
pub use scaling::Scaling;
pub use score::Score;
pub use settings::Settings;
pub use standing::{Primary, Standing};
pub use subgroups::{
    LevelLeftOut, SubgroupLevel, SubgroupScore, SubgroupSettings, SubgroupTable, Subgroups, subgroups,
};
pub use summary::{Summary, SummaryRow, summary};
pub use thresholds::{LabelThreshold, choose_thresholds};
pub use trainings::{TrainingsRow, over_trainings};
pub use trainings_difference::{TrainingsDifference, correct, differences_over_trainings};
