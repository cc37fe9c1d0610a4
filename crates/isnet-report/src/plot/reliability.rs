//! A reliability diagram as a drawing: what came true over what was predicted, and the counts below.

use super::scale::Scale;
use super::{Drawing, FONT, WIDTH};
use crate::{Axis, Reliability};

const LEFT: f64 = 58.0;
const TOP: f64 = 12.0;
/// Width and height of the square.
const SIDE: f64 = 330.0;
/// Top and bottom of the bars of the counts.
const COUNTS_TOP: f64 = TOP + SIDE + 20.0;
const COUNTS_BOTTOM: f64 = TOP + SIDE + 82.0;

/// A diagram as a drawing.
pub(crate) fn reliability(diagram: &Reliability) -> Drawing {
    let right = LEFT + SIDE;
    let unit = Axis::new("").range(0.0, 1.0);
    let scale = Scale::new(&unit, std::iter::empty());
    let (x, y) = (scale.between(LEFT, right), scale.between(TOP + SIDE, TOP));
    let mut drawing = Drawing::new(COUNTS_BOTTOM + 44.0, &diagram.title);
    drawing.description = describe(diagram);
    for (at, label) in y.ticks(5) {
        drawing.line("grid", (LEFT, at), (right, at));
        drawing.text("faint end", (LEFT - 7.0, at + FONT * 0.35), &label);
    }
    drawing.line("axis", (LEFT, TOP + SIDE), (right, TOP + SIDE));
    drawing.line("light", (LEFT, TOP + SIDE), (right, TOP));
    for bin in &diagram.bins {
        let (Some(mean), Some(share)) = (bin.mean, bin.share) else { continue };
        let (Some(at), Some(diagonal), Some(height)) = (x.place(mean), y.place(mean), y.place(share)) else { continue };
        match bin.interval.map(|(low, high)| (y.place(low), y.place(high))) {
            Some((Some(low), Some(high))) => drawing.line("axis", (at, low), (at, high)),
            _ => drawing.line("gap", (at, diagonal), (at, height)),
        }
        drawing.circle("f1", (at, height), 4.0);
    }
    counts(&mut drawing, diagram, &x);
    drawing.upright("", (13.0, TOP + SIDE / 2.0), "share that is true");
    drawing.upright("", (13.0, f64::midpoint(COUNTS_TOP, COUNTS_BOTTOM)), "samples");
    drawing.text("middle", (LEFT + SIDE / 2.0, COUNTS_BOTTOM + 35.0), "predicted probability");
    drawing
}

/// Bars of the numbers of samples, each number above its bar where it fits.
fn counts(drawing: &mut Drawing, diagram: &Reliability, x: &Scale) {
    let most = diagram.bins.iter().map(|bin| bin.n).max().unwrap_or(0).max(1) as f64;
    let height = COUNTS_BOTTOM - COUNTS_TOP - 2.0;
    for bin in &diagram.bins {
        let (Some(from), Some(to)) = (x.place(bin.low), x.place(bin.high)) else { continue };
        let top = COUNTS_BOTTOM - height * bin.n as f64 / most;
        drawing.bar("count", (from + 1.0, top), (to - from - 2.0, COUNTS_BOTTOM - top));
        let number = bin.n.to_string();
        if super::text_width(&number) <= to - from {
            drawing.text("faint middle", (f64::midpoint(from, to), top - 3.0), &number);
        }
    }
    drawing.line("axis", (LEFT, COUNTS_BOTTOM), (WIDTH.min(LEFT + SIDE), COUNTS_BOTTOM));
    for (at, label) in x.ticks(5) {
        drawing.line("axis", (at, COUNTS_BOTTOM), (at, COUNTS_BOTTOM + 4.0));
        drawing.text("faint middle", (at, COUNTS_BOTTOM + 17.0), &label);
    }
}

fn describe(diagram: &Reliability) -> String {
    let filled = diagram.bins.iter().filter(|bin| bin.n > 0);
    let bin = |bin: &crate::Bin| {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| crate::number::fixed(value, 2));
        format!("predicted {}, true {} of {}", number(bin.mean), number(bin.share), bin.n)
    };
    let bins: Vec<String> = filled.map(bin).collect();
    if bins.is_empty() { "No samples.".to_owned() } else { format!("Bins: {}.", bins.join("; ")) }
}
