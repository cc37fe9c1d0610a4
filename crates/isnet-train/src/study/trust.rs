//! Time to trust: how often, and after how much work, a variant gives a model that is right without the shortcut and looks at the region of interest.

use isnet_report::{Cell as TableCell, Table};
use isnet_run::study::TrustRule;
use isnet_statistics::{Score, clopper_pearson};
use serde::Serialize;

use super::{VariantRows, median};

/// What the trainings of a variant reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrustRow {
    /// Name of the variant.
    pub variant: String,
    /// Number of its trainings that are done.
    pub trainings: usize,
    /// How many of them gave a model that is trusted.
    pub trusted: usize,
    /// Median over the trainings of the processor minutes until the chosen epoch was over; `None` where that of the median training is never trusted, or
    /// was trained by a version that did not measure it.
    pub minutes: Option<f64>,
}

/// The rows of a rule, in the order of the variants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrustTable {
    /// The rule.
    pub rule: TrustRule,
    /// Accuracy that is enough; `None` where the reference is not trained yet, and then nothing is said.
    pub enough: Option<f64>,
    /// A row per variant.
    pub rows: Vec<TrustRow>,
}

/// What the variants reached by a rule.
pub(super) fn trust(rule: &TrustRule, variants: &[VariantRows]) -> TrustTable {
    let values = |variant: &VariantRows, wanted: Score| -> Vec<Option<f64>> {
        let row = variant
            .rows
            .iter()
            .find(|row| row.split == rule.split && row.score == wanted && row.source.is_none() && row.class.is_none());
        row.map_or(vec![None; variant.cells.len()], |row| row.values.clone())
    };
    let reference = variants.iter().find(|variant| variant.variant == rule.reference);
    let best = reference.and_then(|variant| {
        let known: Vec<f64> = values(variant, Score::Accuracy).into_iter().flatten().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    });
    let enough = best.map(|best| rule.accuracy * best);
    let row = |variant: &VariantRows| {
        let scores = values(variant, Score::Accuracy).into_iter().zip(values(variant, Score::BackgroundShare));
        let is_trusted = |(accuracy, share): (Option<f64>, Option<f64>)| {
            let right = accuracy.zip(enough).is_some_and(|(accuracy, enough)| accuracy >= enough);
            right && share.is_some_and(|share| share <= rule.background_share)
        };
        let trusted: Vec<bool> = scores.map(is_trusted).collect();
        let minutes = variant.cells.iter().zip(&trusted).map(|(cell, trusted)| {
            let seconds = cell.processor_seconds_to_model.filter(|_| *trusted);
            seconds.map_or(f64::INFINITY, |seconds| seconds / 60.0)
        });
        TrustRow {
            variant: variant.variant.clone(),
            trainings: trusted.len(),
            trusted: trusted.iter().filter(|trusted| **trusted).count(),
            minutes: Some(median(minutes.collect())).filter(|minutes| minutes.is_finite()),
        }
    };
    TrustTable { rule: rule.clone(), enough, rows: variants.iter().map(row).collect() }
}

/// The table for people; `None` where the reference is not trained yet.
pub fn trust_table(found: &TrustTable, confidence: f64) -> Option<Table> {
    let TrustRule { split, reference, accuracy, background_share } = &found.rule;
    let caption = format!(
        "Trusted is a model with an accuracy on `{split}` of at least {:.3}, {accuracy} of the mean of `{reference}`, and a background share there of at most {background_share}. Share of the \
         trainings with an exact interval; median of the processor minutes until the chosen epoch was over, \"never\" being longer than any.",
        found.enough?
    );
    let row = |table: Table, row: &TrustRow| {
        let share = TableCell::number(row.trusted as f64 / row.trainings as f64, 2);
        let interval = clopper_pearson(row.trusted, row.trainings, confidence);
        let minutes = match row.minutes {
            Some(minutes) => TableCell::number(minutes, 1),
            None if 2 * row.trusted > row.trainings => TableCell::missing("not measured"),
            None => TableCell::text("never"),
        };
        table.row([
            TableCell::text(&row.variant),
            TableCell::count(row.trainings),
            interval.map_or(share.clone(), |found| share.clone().interval(found.low, found.high)),
            minutes,
        ])
    };
    let heads = ["variant", "trainings", "trusted", "minutes to trust"];
    Some(found.rows.iter().fold(Table::new(heads).caption(caption), row))
}

#[cfg(test)]
mod tests {
    use isnet_run::study::{Cell, CellRecord};
    use isnet_statistics::TrainingsRow;

    use super::*;

    fn variant(name: &str, trainings: &[(f64, f64, f64)]) -> VariantRows {
        let cell = |(index, (_, _, minutes)): (usize, &(f64, f64, f64))| CellRecord {
            cell: Cell { variant: name.to_owned(), seed: index as u64, fold: None },
            parameters: 1,
            seconds_per_epoch: 1.0,
            epochs: 1,
            milliseconds_per_image: 1.0,
            processor_seconds_to_model: Some(60.0 * minutes),
            weights: String::new(),
        };
        let row = |score, values: Vec<Option<f64>>| TrainingsRow {
            split: "deceiving".to_owned(),
            source: None,
            score,
            class: None,
            versus: None,
            values,
            mean: None,
            deviation: None,
            n: 10,
            interval: None,
            notes: Vec::new(),
        };
        VariantRows {
            variant: name.to_owned(),
            cells: trainings.iter().enumerate().map(cell).collect(),
            rows: vec![
                row(Score::Accuracy, trainings.iter().map(|(accuracy, ..)| Some(*accuracy)).collect()),
                row(Score::BackgroundShare, trainings.iter().map(|(_, share, _)| Some(*share)).collect()),
            ],
            differences: Vec::new(),
        }
    }

    #[test]
    fn a_model_is_trusted_that_is_right_and_looks_inside_and_never_is_longer_than_any() {
        let rule = TrustRule {
            split: "deceiving".to_owned(),
            reference: "pipeline".to_owned(),
            accuracy: 0.9,
            background_share: 0.2,
        };
        let variants = [
            variant("pipeline", &[(1.0, 0.0, 9.0), (0.8, 0.0, 9.0)]),
            variant("mostly", &[(0.81, 0.2, 3.0), (0.9, 0.1, 5.0), (0.9, 0.21, 1.0)]),
            variant("seldom", &[(0.80, 0.1, 3.0), (0.9, 0.1, 5.0)]),
        ];
        let found = trust(&rule, &variants);
        assert_eq!(found.enough, Some(0.81));
        let rows: Vec<_> = found.rows.iter().map(|row| (row.trusted, row.trainings, row.minutes)).collect();
        assert_eq!(rows, [(1, 2, None), (2, 3, Some(5.0)), (1, 2, None)]);
        let text = trust_table(&found, 0.95).expect("the reference is trained").to_text();
        assert!(text.contains("never") && text.contains("at least 0.810"), "{text}");
        assert_eq!(trust_table(&trust(&rule, &variants[1..]), 0.95), None, "without its reference");
    }
}
