//! Intervals of an area under the ROC curve, of a class, of a pair of classes, or of the mean over them.
//!
//! The one to print is DeLong's on the scale of the logit: near 1, where the areas of good models lie, the plain one is too short. It is
//! too short itself where hardly a sample of the smaller side is out of order: 89 to 92 % instead of 95 % for 20 to 40 positives and an
//! area of 0.98. There, and where DeLong sees no variance at all, it is Newcombe's, which takes the variance from the area and the numbers
//! of samples, and covers 96 to 99 %. Of a mean over classes it is the mean of the bounds of the classes, as if all erred together.
//!
//! Where samples come in groups, variances are those of groups ([`DeLong::by_group`]) and reach as far as Student's t; numbers
//! of samples are divided by the design effect, how much larger that variance is than the one of independent samples.

use crate::ranking::Ranking;
use crate::score::{Of, Score};
use crate::score_set::ScoreSet;
use crate::{DeLong, Interval, IntervalMethod, Resampling, newcombe_within, normal};

/// With fewer independent samples than this on one side, an interval of an area is a rough guide.
const FEW_ON_A_SIDE: f64 = 10.0;
/// With fewer samples of the smaller side out of order than this, DeLong's interval is too short.
const FEW_OUT_OF_ORDER: f64 = 3.0;

/// Intervals of an area, the one to print first, and what to know of them.
pub(crate) fn of_area(
    set: &ScoreSet<'_>,
    (score, of): (Score, Of),
    resampling: &Resampling,
    confidence: f64,
) -> (Vec<Interval>, Vec<String>) {
    let rankings = set.rankings_of(score, of);
    let alone = set.delong(score, of);
    let (area, reach) = if resampling.is_grouped() {
        let freedom = resampling.n_units().saturating_sub(1) as f64;
        let grouped = alone.as_ref().and_then(|area| area.by_group(resampling));
        (grouped, normal::student_reach(confidence, freedom.max(1.0)))
    } else {
        (alone.clone(), normal::reach(confidence))
    };
    let design_effect = match (&area, &alone) {
        (Some(grouped), Some(alone)) if grouped.has_variance() => (grouped.variance() / alone.variance()).max(1.0),
        _ => 1.0,
    };
    let sides: Vec<Side> =
        rankings.iter().map(|ranking| Side::new(ranking, resampling, &area, design_effect)).collect();
    let newcombe = mean_of(&sides.iter().map(|side| side.interval(reach)).collect::<Vec<_>>());
    let delong = area.iter().flat_map(|area| [area.logit_interval_within(reach), area.interval_within(reach)]);
    let delong: Vec<Interval> = delong.flatten().collect();
    // Two classes, and the two of a pair, are ranked twice by one error.
    let mirrored = if rankings.len() == 2 || score == Score::PairwiseAuc { 0.5 } else { 1.0 };
    let out_of_order = mirrored * sides.iter().map(Side::out_of_order).sum::<f64>();
    let mut notes = Vec::new();
    let smaller = sides.iter().map(|side| side.smaller()).fold(f64::INFINITY, f64::min);
    if smaller < FEW_ON_A_SIDE {
        let what = if resampling.is_grouped() { "groups" } else { "samples" };
        notes.push(format!("fewer than 10 {what} on one side: the interval of the AUC is a rough guide"));
    }
    if out_of_order < FEW_OUT_OF_ORDER || delong.is_empty() {
        let why = if delong.is_empty() {
            "no pair is out of order, or one sample is alone"
        } else {
            "few samples are out of order"
        };
        notes.push(format!("{why}: the interval is Newcombe's, which covers more than it says"));
        return (newcombe.into_iter().chain(delong).collect(), notes);
    }
    (delong.into_iter().chain(newcombe).collect(), notes)
}

/// An area with the numbers of independent samples that it is worth.
struct Side {
    auc: f64,
    negatives: f64,
    positives: f64,
}

impl Side {
    fn new(ranking: &Ranking, resampling: &Resampling, area: &Option<DeLong>, design_effect: f64) -> Self {
        let auc = ranking.areas(&vec![1; resampling.n_samples()]).auc.unwrap_or(0.5);
        let (negatives, positives) = if area.as_ref().is_some_and(DeLong::has_variance) {
            let (negatives, positives) = ranking.sides();
            (negatives as f64 / design_effect, positives as f64 / design_effect)
        } else {
            // Without a variance to compare, a group is worth one sample.
            (ranking.units_of(false, resampling) as f64, ranking.units_of(true, resampling) as f64)
        };
        Self { auc, negatives: negatives.max(1.0), positives: positives.max(1.0) }
    }

    fn smaller(&self) -> f64 {
        self.negatives.min(self.positives)
    }

    fn out_of_order(&self) -> f64 {
        self.smaller() * self.auc.min(1.0 - self.auc)
    }

    fn interval(&self, reach: f64) -> Interval {
        newcombe_within(self.auc, self.positives, self.negatives, reach)
    }
}

fn mean_of(bounds: &[Interval]) -> Option<Interval> {
    let mean = |bound: fn(&Interval) -> f64| crate::counts::mean(bounds.iter().map(bound));
    Some(Interval { method: IntervalMethod::Newcombe, low: mean(|it| it.low)?, high: mean(|it| it.high)? })
}
