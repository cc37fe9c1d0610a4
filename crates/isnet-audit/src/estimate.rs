//! Means over images, with their intervals.
//!
//! Every figure of an audit but an AUC is the mean of one number per image: a share, a hit (0 or 1), or the difference of two
//! (which makes a comparison paired). A share of hits has the exact interval of Clopper and Pearson, of groups with the effective
//! number of images; all others BCa of a bootstrap over images or over groups of them.

use isnet_data::Dataset;
use isnet_statistics::{
    Interval, IntervalMethod, ProportionMethod, Replicates, Resampling, bca_interval, clopper_pearson,
    clustered_proportion, percentile_interval,
};
use serde::Serialize;

use crate::settings::Settings;

/// A mean over images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Where it would lie on other images of the same kind; `None` for one image or group.
    pub interval: Option<Interval>,
    /// Number of images it is the mean of.
    pub n: usize,
}

/// A number per image; `None` where an image has none.
pub(crate) type Column = Vec<Option<f64>>;

/// How images are resampled.
pub(crate) struct Means<'a> {
    settings: &'a Settings,
    resampling: Resampling,
    /// The group of each image; none if there are no groups.
    groups: Option<Vec<String>>,
}

impl<'a> Means<'a> {
    /// For the images of the data with these indices; those of a group are drawn together.
    pub fn new(settings: &'a Settings, data: &dyn Dataset, indices: &[usize]) -> Self {
        let groups: Vec<String> = indices.iter().map(|index| data.group(*index).to_owned()).collect();
        Self::of_groups(settings, &groups)
    }

    /// For images of these groups; an empty name stands for itself.
    pub(crate) fn of_groups(settings: &'a Settings, groups: &[String]) -> Self {
        let grouped = groups.iter().any(|group| !group.is_empty());
        let resampling = if grouped { Resampling::by_group(groups) } else { Resampling::by_sample(groups.len()) };
        Self { settings, resampling, groups: grouped.then(|| groups.to_vec()) }
    }

    /// The mean of each column, `None` for one without numbers. All columns see the same resamples.
    pub fn of(&self, columns: &[Column]) -> Vec<Option<Estimate>> {
        self.estimates(columns, 0.0)
    }

    /// The mean of each column of differences, which may be negative; the same resamples.
    pub fn of_differences(&self, columns: &[Column]) -> Vec<Option<Estimate>> {
        self.estimates(columns, -1.0)
    }

    /// Means of numbers that are at least `least` and at most 1.
    fn estimates(&self, columns: &[Column], least: f64) -> Vec<Option<Estimate>> {
        let means = |weights: &[u32]| columns.iter().map(|column| weighted_mean(column, weights)).collect();
        let (replicates, jackknife) = match self.resampling.n_units() {
            0 | 1 => (Replicates::none(), Replicates::none()),
            _ if self.settings.resamples == 0 => (Replicates::none(), Replicates::none()),
            _ => (
                Replicates::draw(&self.resampling, self.settings.resamples, self.settings.seed, means),
                Replicates::jackknife(&self.resampling, self.settings.seed, means),
            ),
        };
        let estimate = |(index, column): (usize, &Column)| {
            let n = column.iter().flatten().count();
            let value = weighted_mean(column, &vec![1; column.len()])?;
            let confidence = self.settings.confidence;
            let resampled = || {
                let drawn = replicates.of_score(index);
                bca_interval(value, &drawn, &jackknife.of_score(index), confidence)
                    .or_else(|| percentile_interval(&drawn, confidence))
            };
            let interval = match least {
                0.0 if is_share(column) => self.of_hits(column),
                _ => resampled().map(|drawn| self.of_equal(column, n, least).unwrap_or(drawn)),
            };
            Some(Estimate { value, interval: interval.filter(|_| n > 1), n })
        };
        columns.iter().enumerate().map(estimate).collect()
    }

    /// The exact interval of a share of hits.
    fn of_hits(&self, column: &Column) -> Option<Interval> {
        let confidence = self.settings.confidence;
        let known: Vec<(usize, bool)> =
            column.iter().enumerate().filter_map(|(image, value)| Some((image, (*value)? == 1.0))).collect();
        let hits: Vec<bool> = known.iter().map(|(_, is_hit)| *is_hit).collect();
        let Some(groups) = &self.groups else {
            return clopper_pearson(hits.iter().filter(|is_hit| **is_hit).count(), hits.len(), confidence);
        };
        let groups: Vec<String> = known.iter().map(|(image, _)| groups[*image].clone()).collect();
        clustered_proportion(&hits, &groups, confidence, ProportionMethod::ClopperPearson)?.interval
    }

    /// All resamples of n equal hits or misses are equal, which says nothing about other images. With a uniform prior the
    /// posterior of a chance that never came true in n tries is Beta(1, n + 1): its 95 % of highest density end at
    /// `1 − 0.05^(1/(n + 1))`, about 3/n. A difference that was always 0 may become as large on either side.
    fn of_equal(&self, column: &Column, n: usize, least: f64) -> Option<Interval> {
        let first = column.iter().flatten().next().copied()?;
        if (first != 0.0 && first != 1.0) || column.iter().flatten().any(|value| *value != first) {
            return None;
        }
        let tries = n.min(self.resampling.n_units());
        let reach = 1.0 - (1.0 - self.settings.confidence).powf(1.0 / (tries as f64 + 1.0));
        let (low, high) = ((first - reach).max(least), (first + reach).min(1.0));
        Some(Interval { method: IntervalMethod::PosteriorHdi, low, high })
    }
}

/// Whether all that is known is a hit or a miss.
fn is_share(column: &Column) -> bool {
    column.iter().flatten().all(|value| *value == 0.0 || *value == 1.0)
}

fn weighted_mean(column: &Column, weights: &[u32]) -> Option<f64> {
    let (mut total, mut count) = (0.0, 0_u64);
    for (value, weight) in column.iter().zip(weights) {
        if let Some(value) = value {
            total += value * f64::from(*weight);
            count += u64::from(*weight);
        }
    }
    (count > 0).then(|| total / count as f64)
}

/// One column minus another, where both are known.
pub(crate) fn difference(first: &Column, second: &Column) -> Column {
    first.iter().zip(second).map(|(first, second)| Some((*first)? - (*second)?)).collect()
}

/// The column on the chosen images only.
pub(crate) fn among(column: &Column, mut chosen: impl FnMut(usize) -> bool) -> Column {
    column.iter().enumerate().map(|(index, value)| value.filter(|_| chosen(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(groups: &[&str], column: Column) -> Option<Estimate> {
        let mut names: Vec<String> = groups.iter().map(|name| (*name).to_owned()).collect();
        names.resize(column.len(), String::new());
        Means::of_groups(&Settings::default(), &names).of(&[column]).remove(0)
    }

    #[test]
    fn images_without_a_number_do_not_count() {
        let found = means(&[], vec![Some(1.0), None, Some(0.5)]).unwrap();
        assert_eq!((found.value, found.n), (0.75, 2));
        let interval = found.interval.unwrap();
        assert!(0.5 <= interval.low && interval.low < 0.75 && interval.high <= 1.0, "{interval:?}");
        assert_eq!(means(&[], vec![None, None]), None);
    }

    #[test]
    fn one_image_has_no_interval_and_one_group_neither() {
        assert_eq!(means(&[], vec![Some(0.2)]).unwrap().interval, None);
        assert_eq!(means(&["ada", "ada"], vec![Some(0.2), Some(0.4)]).unwrap().interval, None);
    }

    /// 1 − 0.025^(1/19) = 0.1765, and of a difference 1 − 0.05^(1/20) = 0.139.
    #[test]
    fn never_in_nineteen_tries_is_not_never() {
        let interval = means(&[], vec![Some(0.0); 19]).unwrap().interval.unwrap();
        assert!((interval.high - 0.1765).abs() < 1e-4 && interval.low == 0.0, "{interval:?}");
        let always = means(&[], vec![Some(1.0); 19]).unwrap().interval.unwrap();
        assert!((always.low - 0.8235).abs() < 1e-4 && always.high == 1.0, "{always:?}");
        let settings = Settings::default();
        let means = Means::of_groups(&settings, &vec![String::new(); 19]);
        let equal = means.of_differences(&[vec![Some(0.0); 19]])[0].unwrap().interval.unwrap();
        assert!((equal.low + 0.1391).abs() < 1e-4 && (equal.high - 0.1391).abs() < 1e-4, "{equal:?}");
    }

    #[test]
    fn groups_widen_the_interval() {
        let column: Column = (0..40).map(|index| Some(f64::from(index / 10 % 2))).collect();
        let groups: Vec<&str> = (0..40).map(|index| ["ada", "bob", "cyd", "dan"][index / 10]).collect();
        let alone = means(&[], column.clone()).unwrap().interval.unwrap();
        let grouped = means(&groups, column).unwrap().interval.unwrap();
        assert!(grouped.width() > 1.5 * alone.width(), "{grouped:?} {alone:?}");
    }
}
