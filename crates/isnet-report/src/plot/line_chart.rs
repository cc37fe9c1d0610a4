//! Curves as a drawing.

use super::scale::Scale;
use super::{Drawing, FONT, WIDTH, fitted, text_width};
use crate::number::{place, short};
use crate::{Joint, LineChart, Series};

/// Curves with a colour of their own.
const COLORS: usize = 8;
/// Height of the inside of a chart.
const HEIGHT: f64 = 250.0;
/// Width and height of the inside of a chart with a diagonal.
const SQUARE: f64 = 330.0;
/// Space around the inside: left for the marks of the vertical axis, top, right.
const LEFT: f64 = 58.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 14.0;
/// Height of a row of the legend.
const ROW: f64 = 18.0;
/// Points of a band that are drawn.
const BAND_POINTS: usize = 400;

/// The inside of a chart: its scales in pixels.
struct Frame {
    x: Scale,
    y: Scale,
    right: f64,
    bottom: f64,
}

/// A chart as a drawing.
pub(crate) fn line_chart(chart: &LineChart) -> Drawing {
    let xs = || {
        chart
            .series
            .iter()
            .flat_map(|series| series.points.iter().map(|point| point.0).chain(series.band.iter().map(|band| band.0)))
    };
    let ys = chart.series.iter().flat_map(|series| {
        series.points.iter().map(|point| point.1).chain(series.band.iter().flat_map(|band| [band.1, band.2]))
    });
    let (x, y) = (Scale::new(&chart.x, xs()), Scale::new(&chart.y, ys));
    let height = if chart.diagonal { SQUARE } else { HEIGHT };
    let bottom = TOP + height;
    let y = y.between(bottom, TOP);
    let beside = names_beside(chart, &y);
    let room = beside.iter().map(|(_, _, name)| text_width(name)).fold(0.0, f64::max).min(120.0);
    let right = if chart.diagonal { LEFT + SQUARE } else { WIDTH - RIGHT - if room > 0.0 { room + 6.0 } else { 0.0 } };
    let frame = Frame { x: x.between(LEFT, right), y, right, bottom };
    let legend = if beside.is_empty() { legend_of(chart) } else { Vec::new() };

    let below = bottom + if chart.x.label.is_empty() { 24.0 } else { 44.0 };
    let mut drawing = Drawing::new(below + legend.len() as f64 * ROW, &chart.title);
    drawing.description = describe(chart, &frame);
    axes(&mut drawing, chart, &frame);
    // What stands out is drawn last, on top of the others.
    let order = |stands_out: bool| (0..chart.series.len()).filter(move |&idx| colored(chart, idx) == stands_out);
    for idx in order(false).chain(order(true)) {
        curve(&mut drawing, chart, idx, &frame);
    }
    for (idx, at, name) in &beside {
        drawing.text(&format!("f{} strong", color(*idx)), (frame.right + 6.0, at + FONT * 0.35), &fitted(name, 120.0));
    }
    for (row, (idx, name)) in legend.iter().enumerate() {
        let at = below + (row as f64 + 0.4) * ROW;
        drawing.line(&class_of(*idx), (LEFT, at), (LEFT + 26.0, at));
        drawing.text("", (LEFT + 34.0, at + FONT * 0.35), &fitted(name, WIDTH - LEFT - 40.0));
    }
    drawing
}

/// Whether a curve has a colour of its own.
fn colored(chart: &LineChart, idx: usize) -> bool {
    chart.series.len() <= COLORS || chart.series[idx].emphasised
}

/// The number of the colour of a curve, from 1.
fn color(idx: usize) -> usize {
    idx % COLORS + 1
}

/// The class of a curve, or that of the many without a colour.
fn class_of(idx: Option<usize>) -> String {
    idx.map_or("many".to_owned(), |idx| format!("curve c{}", color(idx)))
}

fn axes(drawing: &mut Drawing, chart: &LineChart, frame: &Frame) {
    let (right, bottom) = (frame.right, frame.bottom);
    for (y, label) in frame.y.ticks(5) {
        drawing.line("grid", (LEFT, y), (right, y));
        drawing.text("faint end", (LEFT - 7.0, y + FONT * 0.35), &label);
    }
    for (x, label) in frame.x.ticks(5) {
        drawing.line("axis", (x, bottom), (x, bottom + 4.0));
        let beyond = x + text_width(&label) / 2.0 > WIDTH;
        let (class, x) = if beyond { ("faint end", WIDTH) } else { ("faint middle", x) };
        drawing.text(class, (x, bottom + 17.0), &label);
    }
    drawing.line("axis", (LEFT, bottom), (right, bottom));
    if chart.diagonal {
        drawing.line("light", (LEFT, bottom), (right, TOP));
    }
    drawing.text("middle", (f64::midpoint(LEFT, right), bottom + 35.0), &fitted(&chart.x.label, right - LEFT));
    drawing.upright("", (13.0, f64::midpoint(TOP, bottom)), &fitted(&chart.y.label, bottom - TOP));
    if !chart.series.iter().any(|series| drawn_points(series, frame) > 0) {
        drawing.text("faint middle", (f64::midpoint(LEFT, right), f64::midpoint(TOP, bottom)), "no values to draw");
    }
}

fn curve(drawing: &mut Drawing, chart: &LineChart, idx: usize, frame: &Frame) {
    let series = &chart.series[idx];
    let class = class_of(Some(idx).filter(|_| colored(chart, idx)));
    if colored(chart, idx) && !series.band.is_empty() {
        drawing.path(&format!("band f{}", color(idx)), &band_path(series, frame), &series.name);
    }
    let mut path = String::new();
    for run in runs(series, frame) {
        match run[..] {
            // A line without length is not drawn by all; a dot is.
            [point] => drawing.circle(&format!("f{}", color(idx)), point, 2.5),
            _ => path += &run_path(&thinned(&run), series.joint),
        }
    }
    if !path.is_empty() {
        drawing.path(&class, &path, &series.name);
    }
}

/// The places of a curve, cut where a value has none.
fn runs(series: &Series, frame: &Frame) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for &(x, y) in &series.points {
        match (frame.x.place(x), frame.y.place(y)) {
            (Some(x), Some(y)) => runs.last_mut().into_iter().for_each(|run| run.push((x, y))),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn drawn_points(series: &Series, frame: &Frame) -> usize {
    runs(series, frame).iter().map(Vec::len).sum()
}

/// The first, lowest, highest and last point of each half pixel column, in their order.
///
/// Source: Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
fn thinned(run: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    for column in run.chunk_by(|here, next| (2.0 * here.0).floor() == (2.0 * next.0).floor()) {
        let by_height = |&a: &usize, &b: &usize| column[a].1.total_cmp(&column[b].1);
        let lowest = (0..column.len()).min_by(by_height).unwrap_or(0);
        let highest = (0..column.len()).max_by(by_height).unwrap_or(0);
        let mut chosen = [0, lowest, highest, column.len() - 1];
        chosen.sort_unstable();
        kept.extend(chosen.iter().map(|&idx| column[idx]));
    }
    kept.dedup();
    kept
}

fn run_path(run: &[(f64, f64)], joint: Joint) -> String {
    let mut path = String::new();
    for (idx, &(x, y)) in run.iter().enumerate() {
        let [x, y] = [x, y].map(place);
        path += &match (idx, joint) {
            (0, _) => format!("M{x} {y}"),
            (_, Joint::Straight) => format!("L{x} {y}"),
            (_, Joint::Step) => format!("H{x}V{y}"),
        };
    }
    path
}

/// The outline of a band, there along its upper and back along its lower bound.
fn band_path(series: &Series, frame: &Frame) -> String {
    let placed =
        |&(x, low, high): &(f64, f64, f64)| Some((frame.x.place(x)?, frame.y.place(low)?, frame.y.place(high)?));
    let every = series.band.len().div_ceil(BAND_POINTS);
    let last = series.band.len() - 1;
    let band = series.band.iter().enumerate().filter(|(idx, _)| idx % every == 0 || *idx == last);
    let band: Vec<_> = band.filter_map(|(_, bounds)| placed(bounds)).collect();
    let there = band.iter().map(|&(x, _, high)| (x, high));
    let back = band.iter().rev().map(|&(x, low, _)| (x, low));
    let outline: Vec<(f64, f64)> = there.chain(back).collect();
    if outline.is_empty() { String::new() } else { run_path(&outline, Joint::Straight) + "Z" }
}

/// Names beside the ends of the curves, as `(curve, height, name)`, where there is room for all of them.
fn names_beside(chart: &LineChart, y: &Scale) -> Vec<(usize, f64, String)> {
    let named: Vec<usize> = (0..chart.series.len()).filter(|&idx| !chart.series[idx].name.is_empty()).collect();
    let x_end = |series: &Series| series.points.iter().rev().find(|point| point.1.is_finite()).map(|point| point.0);
    let ends = named.iter().map(|&idx| {
        let series = &chart.series[idx];
        let last = series.points.iter().rev().find_map(|point| y.place(point.1))?;
        Some((idx, last, series.name.clone()))
    });
    let Some(mut ends) = ends.collect::<Option<Vec<_>>>() else { return Vec::new() };
    let end_together = named.iter().all(|&idx| x_end(&chart.series[idx]) == x_end(&chart.series[named[0]]));
    let fit = ends.iter().all(|(_, _, name)| text_width(name) <= 120.0);
    if chart.diagonal || chart.series.len() > 4 || !end_together || !fit {
        return Vec::new();
    }
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let room = ends.windows(2).all(|pair| pair[1].1 - pair[0].1 >= FONT + 1.0);
    if room { ends } else { Vec::new() }
}

/// Rows of the legend; `None` stands for the curves without a colour.
fn legend_of(chart: &LineChart) -> Vec<(Option<usize>, String)> {
    let n_many = (0..chart.series.len()).filter(|&idx| !colored(chart, idx)).count();
    let named = (0..chart.series.len()).filter(|&idx| colored(chart, idx) && !chart.series[idx].name.is_empty());
    let mut rows: Vec<_> = named.map(|idx| (Some(idx), chart.series[idx].name.clone())).collect();
    if n_many > 0 {
        let word = if rows.is_empty() { "" } else { "other " };
        rows.push((None, format!("{n_many} {word}curves")));
    }
    rows
}

fn describe(chart: &LineChart, frame: &Frame) -> String {
    let mut text = format!("{} over {}. ", named(&chart.y.label, "Values"), named(&chart.x.label, "their order"));
    for (idx, series) in chart.series.iter().enumerate().filter(|(idx, _)| colored(chart, *idx)) {
        let n = series.points.len();
        let lost = n - drawn_points(series, frame);
        let name = if series.name.is_empty() { format!("Curve {}", idx + 1) } else { series.name.clone() };
        let ends = match (series.points.first(), series.points.last()) {
            (Some(first), Some(last)) => format!(" from {} to {}", short(first.1), short(last.1)),
            _ => String::new(),
        };
        text += &format!("{name}: {n} point{}{ends}", if n == 1 { "" } else { "s" });
        text += &if lost > 0 { format!("; {lost} cannot be drawn on these axes. ") } else { ". ".to_owned() };
    }
    let n_many = (0..chart.series.len()).filter(|&idx| !colored(chart, idx)).count();
    if n_many > 0 {
        text += &format!("{n_many} curves in gray. ");
    }
    text.trim_end().to_owned()
}

fn named<'a>(label: &'a str, otherwise: &'a str) -> &'a str {
    if label.is_empty() { otherwise } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Axis;

    #[test]
    fn a_long_curve_keeps_its_peaks() {
        let mut run: Vec<(f64, f64)> = (0..100_000_u32).map(|idx| (f64::from(idx) / 300.0, 50.0)).collect();
        run[77_777].1 = 3.0;
        let thin = thinned(&run);
        assert!(thin.len() < 3000, "{}", thin.len());
        assert_eq!((thin.first(), thin.last()), (run.first(), run.last()));
        assert!(thin.contains(&run[77_777]));
        assert_eq!(thinned(&run[..1]), run[..1]);
    }

    #[test]
    fn a_value_without_a_place_breaks_the_curve() {
        let chart = LineChart::new("").y(Axis::new("").logarithmic()).series(Series::new(
            "loss",
            [(1.0, 1.0), (2.0, 0.5), (3.0, f64::NAN), (4.0, 0.25), (5.0, 0.0), (6.0, 0.1), (7.0, 0.1)],
        ));
        let drawing = line_chart(&chart);
        assert_eq!(drawing.body.matches('M').count(), 2, "{}", drawing.body);
        assert_eq!(drawing.body.matches("<circle").count(), 1);
        assert!(drawing.description.contains("2 cannot be drawn"), "{}", drawing.description);
    }
}
