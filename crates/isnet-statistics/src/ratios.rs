//! Likelihood ratios, odds ratios and predictive values: all are logarithms of ratios of two shares. The formulas and the rule for
//! zero cells stand in [`operating_point`](crate::operating_point).

use crate::clustered::{as_copies, n_filled};
use crate::logistic::expit;
use crate::{Estimate, Interval, IntervalMethod, normal};

/// With fewer in a cell, the interval of a logarithm of a ratio covers less than it says.
const FEW_IN_A_CELL: f64 = 5.0;
/// The same where samples come in groups, which tell less.
const FEW_IN_A_CELL_OF_GROUPS: f64 = 10.0;

/// The four cells of a table; not whole where something was added to them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cells {
    pub true_positive: f64,
    pub false_negative: f64,
    pub false_positive: f64,
    pub true_negative: f64,
}

/// Which ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `LR+`, or PPV.
    Plus,
    /// `LR−`, or NPV.
    Minus,
    /// `LR+ / LR−`.
    Odds,
}

/// Tables of units, and how sure an interval must be.
pub(crate) struct Ratios<'a> {
    pub units: &'a [Cells],
    pub is_grouped: bool,
    pub confidence: f64,
}

impl Cells {
    pub fn cell(&mut self, is_positive: bool, is_called: bool) -> &mut f64 {
        match (is_positive, is_called) {
            (true, true) => &mut self.true_positive,
            (true, false) => &mut self.false_negative,
            (false, true) => &mut self.false_positive,
            (false, false) => &mut self.true_negative,
        }
    }

    pub fn total(units: &[Self]) -> Self {
        units.iter().fold(Self::default(), |total, unit| Self {
            true_positive: total.true_positive + unit.true_positive,
            false_negative: total.false_negative + unit.false_negative,
            false_positive: total.false_positive + unit.false_positive,
            true_negative: total.true_negative + unit.true_negative,
        })
    }

    pub fn sum(&self) -> f64 {
        self.positives() + self.negatives()
    }

    pub fn positives(&self) -> f64 {
        self.true_positive + self.false_negative
    }

    pub fn negatives(&self) -> f64 {
        self.false_positive + self.true_negative
    }

    /// The smallest cell that a ratio depends on.
    fn fewest(&self, shape: Shape) -> f64 {
        let plus = self.true_positive.min(self.false_positive);
        let minus = self.false_negative.min(self.true_negative);
        match shape {
            Shape::Plus => plus,
            Shape::Minus => minus,
            Shape::Odds => plus.min(minus),
        }
    }

    fn has_zero(&self) -> bool {
        self.true_positive.min(self.false_negative).min(self.false_positive).min(self.true_negative) == 0.0
    }

    fn plus(&self, added: f64) -> Self {
        Self {
            true_positive: self.true_positive + added,
            false_negative: self.false_negative + added,
            false_positive: self.false_positive + added,
            true_negative: self.true_negative + added,
        }
    }

    /// Logarithm of the ratio.
    fn log(&self, shape: Shape) -> f64 {
        match shape {
            Shape::Plus => (self.true_positive / self.positives()).ln() - (self.false_positive / self.negatives()).ln(),
            Shape::Minus => {
                (self.false_negative / self.positives()).ln() - (self.true_negative / self.negatives()).ln()
            }
            Shape::Odds => self.log(Shape::Plus) - self.log(Shape::Minus),
        }
    }

    /// Variances of the logarithm that the positives and the negatives add, if all samples are independent.
    fn variances(&self, shape: Shape) -> (f64, f64) {
        match shape {
            Shape::Plus => {
                (1.0 / self.true_positive - 1.0 / self.positives(), 1.0 / self.false_positive - 1.0 / self.negatives())
            }
            Shape::Minus => {
                (1.0 / self.false_negative - 1.0 / self.positives(), 1.0 / self.true_negative - 1.0 / self.negatives())
            }
            Shape::Odds => (
                1.0 / self.true_positive + 1.0 / self.false_negative,
                1.0 / self.false_positive + 1.0 / self.true_negative,
            ),
        }
    }

    /// How far a unit moves the logarithm of the whole.
    fn influence(&self, unit: &Self, shape: Shape) -> f64 {
        let part = |cell: f64, of_unit: f64, side: f64, side_of_unit: f64| of_unit / cell - side_of_unit / side;
        let (positives, negatives) = (self.positives(), self.negatives());
        match shape {
            Shape::Plus => {
                part(self.true_positive, unit.true_positive, positives, unit.positives())
                    - part(self.false_positive, unit.false_positive, negatives, unit.negatives())
            }
            Shape::Minus => {
                part(self.false_negative, unit.false_negative, positives, unit.positives())
                    - part(self.true_negative, unit.true_negative, negatives, unit.negatives())
            }
            Shape::Odds => self.influence(unit, Shape::Plus) - self.influence(unit, Shape::Minus),
        }
    }
}

impl Ratios<'_> {
    /// The ratio with its interval; with the logit of a prevalence, the predictive value.
    pub fn estimate(&self, shape: Shape, prior: Option<f64>) -> Estimate {
        let seen = Cells::total(self.units);
        if seen.positives() == 0.0 || seen.negatives() == 0.0 {
            let missing =
                if seen.positives() == 0.0 { "no sample is of the class" } else { "all samples are of the class" };
            return Estimate::undefined(missing);
        }
        let added = match (seen.has_zero(), prior) {
            (false, _) => 0.0,
            (true, None) => 0.5,
            (true, Some(_)) => normal::reach(self.confidence).powi(2) / 2.0,
        };
        let cells = seen.plus(added);
        let log = cells.log(shape);
        let reach = self.reach(&cells, shape, added > 0.0);
        let (low, high) = (log - reach.unwrap_or(0.0), log + reach.unwrap_or(0.0));
        let (method, value, low, high) = match (prior, shape) {
            (None, _) => (IntervalMethod::LogRatio, log.exp(), low.exp(), high.exp()),
            (Some(prior), Shape::Minus) => {
                (IntervalMethod::Logit, expit(-log - prior), expit(-high - prior), expit(-low - prior))
            }
            (Some(prior), _) => (IntervalMethod::Logit, expit(log + prior), expit(low + prior), expit(high + prior)),
        };
        let mut notes = Vec::new();
        if added > 0.0 {
            notes.push(format!("a cell of the table is 0, so {added:.3} was added to each"));
        }
        let few = if self.is_grouped { FEW_IN_A_CELL_OF_GROUPS } else { FEW_IN_A_CELL };
        if seen.fewest(shape) < few && reach.is_some() {
            notes.push(format!("fewer than {few} in a cell of the table: the interval is a rough guide"));
        }
        if reach.is_none() {
            notes.push("a side comes from one group, so nothing tells how groups differ".to_owned());
        }
        let interval = reach.map(|_| Interval { method, low, high });
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Estimate { interval, note, ..Estimate::of(value) }
    }

    /// How far the interval of the logarithm reaches to each side; `None` if a side comes from one group.
    fn reach(&self, cells: &Cells, shape: Shape, is_adjusted: bool) -> Option<f64> {
        let (of_positives, of_negatives) = cells.variances(shape);
        if !self.is_grouped {
            return Some(normal::reach(self.confidence) * (of_positives + of_negatives).sqrt());
        }
        let positives = || self.units.iter().map(Cells::positives);
        let negatives = || self.units.iter().map(Cells::negatives);
        let groups = n_filled(positives()).min(n_filled(negatives())) as f64;
        if groups < 2.0 {
            return None;
        }
        let variance = if is_adjusted {
            of_positives * as_copies(positives()) + of_negatives * as_copies(negatives())
        } else {
            let squares: f64 = self.units.iter().map(|unit| cells.influence(unit, shape).powi(2)).sum();
            groups / (groups - 1.0) * squares
        };
        Some(normal::student_reach(self.confidence, groups - 1.0) * variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Cells = Cells { true_positive: 40.0, false_negative: 10.0, false_positive: 9.0, true_negative: 81.0 };

    fn ratios(units: &[Cells], is_grouped: bool, shape: Shape) -> Estimate {
        Ratios { units, is_grouped, confidence: 0.95 }.estimate(shape, None)
    }

    /// Each sample a group: the sum of squares of influences is the variance of independent samples.
    #[test]
    fn groups_of_one_sample_have_the_variance_of_independent_samples() {
        let mut units = Vec::new();
        for (is_positive, is_called, n) in [(true, true, 40), (true, false, 10), (false, true, 9), (false, false, 81)] {
            for _ in 0..n {
                let mut unit = Cells::default();
                *unit.cell(is_positive, is_called) = 1.0;
                units.push(unit);
            }
        }
        for shape in [Shape::Plus, Shape::Minus, Shape::Odds] {
            let (of_positives, of_negatives) = TABLE.variances(shape);
            let squares: f64 = units.iter().map(|unit| TABLE.influence(unit, shape).powi(2)).sum();
            assert!((squares - of_positives - of_negatives).abs() < 1e-12, "{shape:?}");
        }
    }

    #[test]
    fn copies_of_samples_in_groups_add_nothing() {
        let once: Vec<Cells> = (0..140)
            .map(|sample| {
                let mut unit = Cells::default();
                *unit.cell(sample < 50, sample < 40 || (50..59).contains(&sample)) = 1.0;
                unit
            })
            .collect();
        let thrice: Vec<Cells> = once.iter().map(|unit| Cells::total(&[*unit; 3])).collect();
        for shape in [Shape::Plus, Shape::Minus, Shape::Odds] {
            let (once, thrice) = (ratios(&once, true, shape), ratios(&thrice, true, shape));
            let (once, thrice) = (once.interval.unwrap(), thrice.interval.unwrap());
            assert!((once.low - thrice.low).abs() < 1e-9 && (once.high - thrice.high).abs() < 1e-9);
        }
    }

    #[test]
    fn a_zero_cell_is_said_and_a_missing_side_has_no_ratio() {
        let perfect = Cells { false_negative: 0.0, false_positive: 0.0, ..TABLE };
        let found = ratios(&[perfect], false, Shape::Plus);
        assert!((found.value.unwrap() - (40.5 / 41.0) / (0.5 / 82.0)).abs() < 1e-9);
        assert!(found.note.unwrap().contains("0.500 was added"));
        let healthy = Cells { true_positive: 0.0, false_negative: 0.0, ..TABLE };
        assert_eq!(ratios(&[healthy], false, Shape::Odds), Estimate::undefined("no sample is of the class"));
        let ill = Cells { false_positive: 0.0, true_negative: 0.0, ..TABLE };
        assert_eq!(ratios(&[ill], false, Shape::Minus), Estimate::undefined("all samples are of the class"));
    }

    #[test]
    fn one_group_has_a_ratio_without_an_interval() {
        let found = ratios(&[TABLE], true, Shape::Plus);
        assert!((found.value.unwrap() - 8.0).abs() < 1e-12 && found.interval.is_none() && found.note.is_some());
    }
}
