//! ROC and precision–recall curves as points for plots, with scikit-learn's conventions.

use serde::Serialize;

use crate::ranking::Ranking;

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// False positive rate of a ROC curve, recall of a precision–recall curve.
    pub x: f64,
    /// True positive rate of a ROC curve, precision of a precision–recall curve.
    pub y: f64,
    /// Scores from here on are called positive; `None` at the end where nothing is.
    pub threshold: Option<f64>,
}

/// Number of samples called positive at a threshold.
struct Called {
    threshold: f64,
    right: u64,
    wrong: u64,
}

/// Points of the ROC curve, from (0, 0) to (1, 1).
///
/// Points in the middle of a straight line are left out, like `sklearn.metrics.roc_curve` does. `None` unless there are
/// positives and negatives, or if a score is NaN.
///
/// # Panics
/// If the lengths differ.
///
/// # Example
/// ```
/// # use isnet_statistics::roc_curve;
/// let curve = roc_curve(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
/// let points: Vec<(f64, f64)> = curve.iter().map(|point| (point.x, point.y)).collect();
/// assert_eq!(points, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
/// assert_eq!(curve[1].threshold, Some(0.8));
/// ```
pub fn roc_curve(scores: &[f64], is_positive: &[bool]) -> Option<Vec<CurvePoint>> {
    let called = called(scores, is_positive)?;
    let last = called.last()?;
    let (n_positive, n_negative) = (last.right, last.wrong);
    if n_positive == 0 || n_negative == 0 {
        return None;
    }
    let is_corner = |idx: usize| {
        let Some([before, here, after]) = idx.checked_sub(1).and_then(|before| called.get(before..idx + 2)) else {
            return true;
        };
        here.right - before.right != after.right - here.right || here.wrong - before.wrong != after.wrong - here.wrong
    };
    let point = |here: &Called| CurvePoint {
        x: here.wrong as f64 / n_negative as f64,
        y: here.right as f64 / n_positive as f64,
        threshold: Some(here.threshold),
    };
    let start = CurvePoint { x: 0.0, y: 0.0, threshold: None };
    let corners = (0..called.len()).filter(|&idx| is_corner(idx)).map(|idx| point(&called[idx]));
    Some(std::iter::once(start).chain(corners).collect())
}

/// Points of the precision–recall curve, from the lowest threshold (recall 1) to the end (recall 0, precision 1).
///
/// The same points as `sklearn.metrics.precision_recall_curve`. `None` without positives or if a score is NaN.
///
/// # Panics
/// If the lengths differ.
///
/// # Example
/// ```
/// # use isnet_statistics::precision_recall_curve;
/// let curve = precision_recall_curve(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
/// let points: Vec<(f64, f64)> = curve.iter().map(|point| (point.x, point.y)).collect();
/// assert_eq!(points, [(1.0, 0.5), (1.0, 2.0 / 3.0), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0)]);
/// ```
pub fn precision_recall_curve(scores: &[f64], is_positive: &[bool]) -> Option<Vec<CurvePoint>> {
    let called = called(scores, is_positive)?;
    let n_positive = called.last()?.right;
    let point = |here: &Called| CurvePoint {
        x: here.right as f64 / n_positive as f64,
        y: here.right as f64 / (here.right + here.wrong) as f64,
        threshold: Some(here.threshold),
    };
    let end = CurvePoint { x: 0.0, y: 1.0, threshold: None };
    (n_positive > 0).then(|| called.iter().rev().map(point).chain([end]).collect())
}

/// At most `most` points of a curve, at equal steps along it, with its first and last one: what a plot can show.
///
/// # Panics
/// If fewer than two points are asked for.
///
/// # Example
/// ```
/// # use isnet_statistics::{roc_curve, thinned};
/// let scores: Vec<f64> = (0..1000_u16).map(|idx| f64::from(idx * 37 % 1000)).collect();
/// let truth: Vec<bool> = (0..1000).map(|idx| idx % 3 == 0).collect();
/// let curve = roc_curve(&scores, &truth).unwrap();
/// let thin = thinned(&curve, 10);
/// assert_eq!((thin.len(), thin.first(), thin.last()), (10, curve.first(), curve.last()));
/// ```
pub fn thinned(curve: &[CurvePoint], most: usize) -> Vec<CurvePoint> {
    assert!(most >= 2, "a curve needs two points, got room for {most}");
    if curve.len() <= most {
        return curve.to_vec();
    }
    let along: Vec<f64> = curve
        .iter()
        .zip(curve.iter().skip(1))
        .scan(0.0, |length, (here, next)| {
            *length += (next.x - here.x).hypot(next.y - here.y);
            Some(*length)
        })
        .collect();
    let total = along.last().copied().unwrap_or(0.0);
    let mut chosen = vec![0];
    for step in 1..most - 1 {
        let target = total * step as f64 / (most - 1) as f64;
        let reached = 1 + along.partition_point(|length| *length < target);
        // Each step moves on, and leaves room for the steps that follow.
        let earliest = chosen[step - 1] + 1;
        chosen.push(reached.clamp(earliest, curve.len() - (most - step)));
    }
    chosen.push(curve.len() - 1);
    chosen.into_iter().map(|idx| curve[idx]).collect()
}

/// Right and wrong calls at each distinct score, from the highest to the lowest; `None` if a score is NaN.
fn called(scores: &[f64], is_positive: &[bool]) -> Option<Vec<Called>> {
    let ranking = Ranking::new(scores, is_positive)?;
    let (mut right, mut wrong) = (0, 0);
    let points = ranking.tied().filter_map(|tied| {
        let (n_negative, n_positive) = tied.sides();
        right += n_positive as u64;
        wrong += n_negative as u64;
        let (sample, _) = tied.samples().next()?;
        Some(Called { threshold: scores[sample], right, wrong })
    });
    Some(points.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_side_has_no_curve() {
        assert_eq!(roc_curve(&[0.1, 0.2], &[true, true]), None);
        assert_eq!(precision_recall_curve(&[0.1, 0.2], &[false, false]), None);
        assert_eq!((roc_curve(&[], &[]), precision_recall_curve(&[], &[])), (None, None));
        assert_eq!(roc_curve(&[f64::NAN, 0.1], &[true, false]), None);
    }

    #[test]
    fn a_short_curve_stays_whole() {
        let curve = roc_curve(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
        assert_eq!(thinned(&curve, 5), curve);
        assert_eq!(thinned(&curve, 2).len(), 2);
    }
}
