//! From values to places on a drawing.

use crate::Axis;
use crate::number::short;

/// Values of an axis, and where they lie.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// The scale of an axis for values, without a place yet. Bounds follow the values where the axis has none.
    pub fn new(axis: &Axis, values: impl Iterator<Item = f64>) -> Self {
        let logarithmic = axis.logarithmic;
        let fits = |value: &f64| value.is_finite() && (!logarithmic || *value > 0.0);
        let given = axis.range.filter(|(low, high)| fits(low) && fits(high) && low < high);
        let (low, high) = given.unwrap_or_else(|| bounds(values.filter(fits), logarithmic));
        Self { low, high, from: 0.0, to: 1.0, logarithmic }
    }

    /// The same scale from one pixel to another.
    pub fn between(&self, from: f64, to: f64) -> Self {
        Self { from, to, ..self.clone() }
    }

    /// Where a value lies; `None` if it can lie nowhere. Beyond the bounds it lies at them.
    pub fn place(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || self.logarithmic && value <= 0.0 {
            return None;
        }
        let on = |value: f64| if self.logarithmic { value.ln() } else { value / 2.0 }; // halves do not overflow
        let part = (on(value) - on(self.low)) / (on(self.high) - on(self.low));
        Some(self.from + part.clamp(0.0, 1.0) * (self.to - self.from))
    }

    /// Values to print beside the axis, each with its place; about `most` of them.
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let values = if self.logarithmic { self.powers(most) } else { self.steps(most) };
        values.into_iter().filter_map(|value| Some((self.place(value)?, short(value)))).collect()
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    fn steps(&self, most: usize) -> Vec<f64> {
        let raw = (self.high / 2.0 - self.low / 2.0) / most.max(1) as f64 * 2.0;
        let unit = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * unit).into_iter().find(|step| *step >= raw * 0.999);
        let Some(step) = step.filter(|step| step.is_normal()) else { return vec![self.low, self.high] };
        let first = (self.low / step - 1e-9).ceil();
        let ticks = (0..2 * most as u32 + 2).map(|idx| (first + f64::from(idx)) * step);
        let ticks = ticks.take_while(|tick| *tick <= self.high + step * 1e-9).map(|tick| rounded(tick, step));
        ticks.collect()
    }

    /// Powers of ten, with 2 and 5 of each where there is room; the bounds where there is none inside.
    fn powers(&self, most: usize) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let inside =
            |value: &f64| value.is_finite() && (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(value);
        let fine = (first..=last).flat_map(|power| [1.0, 2.0, 5.0].map(|times| times * 10_f64.powi(power)));
        let fine: Vec<f64> = fine.filter(inside).collect();
        if (2..=most).contains(&fine.len()) {
            return fine;
        }
        let every = ((last - first) as usize + 1).div_ceil(most + 1) as i32;
        let powers: Vec<f64> =
            (first..=last).filter(|power| power % every == 0).map(|power| 10_f64.powi(power)).filter(inside).collect();
        if powers.len() < 2 { vec![self.low, self.high] } else { powers }
    }
}

/// Lowest and highest value, with room where they are equal; 0 and 1 without values.
fn bounds(values: impl Iterator<Item = f64>, logarithmic: bool) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    match (low < high, logarithmic) {
        (true, true) => (low, high),
        (true, false) => rounded_outwards(low, high),
        (false, true) if low.is_finite() => (low / 2.0, (low * 2.0).min(f64::MAX)),
        (false, false) if low.is_finite() => (low - low.abs().max(1.0) / 2.0, low + low.abs().max(1.0) / 2.0),
        (false, true) => (0.1, 1.0),
        (false, false) => (0.0, 1.0),
    }
}

/// Bounds at a step of about a fifth of the range, so that no value lies on the frame; never across zero.
fn rounded_outwards(low: f64, high: f64) -> (f64, f64) {
    let unit = 10_f64.powf((high / 2.0 - low / 2.0).log10().floor());
    let step = unit / 2.0;
    let (below, above) = ((low / step).floor() * step, (high / step).ceil() * step);
    if step.is_normal() && below.is_finite() && above.is_finite() { (below, above) } else { (low, high) }
}

/// A tick without the dust of its multiplication.
fn rounded(tick: f64, step: f64) -> f64 {
    if tick.abs() < step * 1e-6 { 0.0 } else { tick }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, values: &[f64]) -> Vec<String> {
        Scale::new(axis, values.iter().copied()).ticks(5).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_span_the_values() {
        assert_eq!(labels(&Axis::new("").range(0.0, 1.0), &[]), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Axis::new(""), &[1.0, 30.0]), ["0", "10", "20", "30"]);
        assert_eq!(labels(&Axis::new("").logarithmic(), &[0.001, 100.0]), ["0.001", "0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(&Axis::new("").logarithmic(), &[0.5, 4.0]), ["0.5", "1", "2"]);
    }

    #[test]
    fn any_values_have_a_scale() {
        for values in
            [&[][..], &[3.0], &[f64::NAN, f64::INFINITY], &[-1e308, 1e308], &[5e-324, 1e-323], &[1.0, 1.0 + 1e-15]]
        {
            for axis in [Axis::new(""), Axis::new("").logarithmic(), Axis::new("").range(2.0, 1.0)] {
                let scale = Scale::new(&axis, values.iter().copied()).between(10.0, 20.0);
                let ticks = scale.ticks(5);
                assert!((2..=14).contains(&ticks.len()), "{values:?} {axis:?}: {ticks:?}");
                let places =
                    ticks.iter().map(|(place, _)| *place).chain(values.iter().filter_map(|value| scale.place(*value)));
                places.for_each(|place| assert!((10.0..=20.0).contains(&place), "{values:?} {axis:?}: {place}"));
            }
        }
    }

    #[test]
    fn values_without_a_place_have_none() {
        let scale = Scale::new(&Axis::new("").logarithmic(), [1.0, 100.0].into_iter()).between(0.0, 10.0);
        assert_eq!(
            [scale.place(0.0), scale.place(f64::NAN), scale.place(10.0).map(f64::round)],
            [None, None, Some(5.0)]
        );
    }
}
