//! Values with their intervals as a drawing.

use super::scale::Scale;
use super::{Drawing, FONT, WIDTH, fitted, text_width};
use crate::{Estimate, Forest};

/// Height of a row.
const ROW: f64 = 22.0;
const TOP: f64 = 26.0;
/// How far below its value the points of a row lie, so that neither value nor whisker hides them.
const BELOW: f64 = 6.5;

/// A plot as a drawing: names, numbers of samples, dots with whiskers, values.
pub(crate) fn forest(plot: &Forest) -> Drawing {
    let rows = &plot.rows;
    let widest =
        |words: &dyn Fn(&Estimate) -> String| rows.iter().map(|row| text_width(&words(row))).fold(0.0, f64::max);
    let names = widest(&|row| row.name.clone()).clamp(40.0, 120.0);
    let counts = widest(&|row| row.n.map_or(String::new(), |n| n.to_string()));
    let values = widest(&|row| row.shown(plot.decimals));
    let (n_end, right) = (names + 12.0 + counts, WIDTH - values - 12.0);
    let left = n_end + if counts > 0.0 { 14.0 } else { 2.0 };
    let spread = rows.iter().flat_map(|row| {
        row.value
            .into_iter()
            .chain(row.interval.into_iter().flat_map(|(low, high)| [low, high]))
            .chain(row.points.iter().copied())
    });
    let reference = plot.reference.iter().map(|(value, _)| *value);
    let x = Scale::new(&plot.axis, spread.chain(reference)).between(left, right.max(left + 60.0));
    let bottom = TOP + rows.len().max(1) as f64 * ROW;
    let mut drawing = Drawing::new(bottom + 42.0, &plot.title);
    drawing.description = describe(plot);
    axis(&mut drawing, plot, &x, (left, right, bottom));
    if counts > 0.0 {
        drawing.text("faint end", (n_end, TOP - 10.0), "n");
    }
    for (idx, row) in rows.iter().enumerate() {
        let at = TOP + (idx as f64 + 0.5) * ROW;
        let weight = if row.emphasised { "strong" } else { "" };
        drawing.text(weight, (0.0, at + FONT * 0.35), &fitted(&row.name, names));
        if let Some(n) = row.n {
            drawing.text("faint end", (n_end, at + FONT * 0.35), &n.to_string());
        }
        if let Some((low, high)) = row.interval.and_then(|(low, high)| Some((x.place(low)?, x.place(high)?))) {
            drawing.line("whisker c1", (low, at), (high, at));
        }
        for point in row.points.iter().filter_map(|point| x.place(*point)) {
            drawing.circle("point", (point, at + BELOW), 1.9);
        }
        if let Some(value) = row.value.and_then(|value| x.place(value)) {
            drawing.circle("f1", (value, at), if row.emphasised { 5.0 } else { 3.5 });
        }
        drawing.text(&format!("end {weight}"), (WIDTH, at + FONT * 0.35), &row.shown(plot.decimals));
    }
    drawing
}

fn axis(drawing: &mut Drawing, plot: &Forest, x: &Scale, (left, right, bottom): (f64, f64, f64)) {
    for (at, label) in x.ticks(3) {
        drawing.line("grid", (at, TOP - 4.0), (at, bottom));
        drawing.text("faint middle", (at, bottom + 16.0), &label);
    }
    drawing.line("axis", (left, bottom), (right.max(left + 60.0), bottom));
    drawing.text("middle", (f64::midpoint(left, right), bottom + 34.0), &fitted(&plot.axis.label, 220.0));
    if let Some((value, name)) = &plot.reference
        && let Some(at) = x.place(*value)
    {
        drawing.line("light", (at, TOP - 6.0), (at, bottom));
        let name = fitted(name, 150.0);
        // Beside the line where its middle would run into the numbers of samples.
        let class = if at - text_width(&name) / 2.0 < left { "faint" } else { "faint middle" };
        drawing.text(class, (at, TOP - 11.0), &name);
    }
    if plot.rows.is_empty() {
        drawing.text("faint middle", (f64::midpoint(left, right), TOP + ROW * 0.6), "no values to draw");
    }
}

fn describe(plot: &Forest) -> String {
    let row = |row: &Estimate| format!("{}: {}", row.name, row.shown(plot.decimals));
    let rows: Vec<String> = plot.rows.iter().map(row).collect();
    if rows.is_empty() { "No values.".to_owned() } else { format!("{}.", rows.join("; ")) }
}
