//! Tables, and confusion matrices as tables in shades.

use crate::escape::{html, rich_html};
use crate::{Cell, Confusion, Table, Value};

/// Columns beyond which intervals stand below their values.
const WIDE: usize = 6;
/// Columns with intervals beyond which they do.
const MANY_INTERVALS: usize = 3;
/// From this share on, the shade of a cell is so strong that its number is written in the colour of the paper.
const DARK_SHADE: f64 = 0.5;
/// Classes up to which the share is printed below each count.
const MOST_WITH_SHARES: usize = 8;
/// Classes from which on the names of columns are turned, and everything is smaller.
const MANY_CLASSES: usize = 7;

/// A table in a box that scrolls by itself, and its notes.
pub(super) fn render(table: &Table, number: usize) -> String {
    let columns = 0..table.n_columns();
    let class = |column| if table.is_numeric(column) { " class=\"number\"" } else { "" };
    let names: String = columns
        .clone()
        .map(|column| {
            let name = table.header.get(column).map_or("", String::as_str);
            format!("<th scope=\"col\"{} dir=\"auto\">{}</th>", class(column), html(name))
        })
        .collect();
    let notes = table.notes();
    let rows: String = table.rows.iter().map(|row| table_row(row, columns.len(), &notes, number)).collect();
    let caption = match table.caption.is_empty() {
        true => format!("<b>Table {number}.</b>"),
        false => format!("<b>Table {number}.</b> {}", rich_html(&table.caption)),
    };
    let empty = match table.rows.is_empty() {
        true => format!("<tr><td class=\"empty\" colspan=\"{}\">no rows</td></tr>\n", columns.len().max(1)),
        false => String::new(),
    };
    let head = if columns.is_empty() { String::new() } else { format!("<thead><tr>{names}</tr></thead>\n") };
    let with_intervals = columns.clone().filter(|column| table.has_intervals(*column)).count();
    let wide = if columns.len() > WIDE || with_intervals > MANY_INTERVALS { " class=\"wide\"" } else { "" };
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table {number}\">\n<table{wide}>\n\
         <caption><span dir=\"auto\">{caption}</span></caption>\n{head}<tbody>\n{rows}{empty}</tbody>\n</table>\n</div>\n{}",
        note_list(&notes, number)
    )
}

fn table_row(row: &[Cell], n_columns: usize, notes: &[&str], number: usize) -> String {
    let mut text = "<tr>".to_owned();
    for column in 0..n_columns {
        let (element, scope) = if column == 0 { ("th", " scope=\"row\"") } else { ("td", "") };
        let Some(cell) = row.get(column) else {
            text += &format!("<{element}{scope}></{element}>");
            continue;
        };
        let (class, direction) = match (&cell.value, cell.emphasised) {
            (Value::Text(_), false) => ("", " dir=\"auto\""),
            (Value::Text(_), true) => (" class=\"strong\"", " dir=\"auto\""),
            (_, false) => (" class=\"number\"", ""),
            (_, true) => (" class=\"number strong\"", ""),
        };
        let mark = |idx| {
            let letter = note_letter(idx);
            format!("<a href=\"#t{number}-{letter}\" aria-label=\"note {letter}\">{letter}</a>")
        };
        let marks: Vec<String> = cell.marks(notes).map(mark).collect();
        let mark = if marks.is_empty() { String::new() } else { format!("<sup>{}</sup>", marks.join(",")) };
        text += &format!("<{element}{scope}{class}{direction}>{}{mark}</{element}>", cell_text(cell));
    }
    text + "</tr>\n"
}

fn cell_text(cell: &Cell) -> String {
    let value = match cell.value {
        Value::Missing => "<span role=\"img\" aria-label=\"none\">–</span>".to_owned(),
        _ => html(&cell.shown_value()),
    };
    let interval = cell.shown_interval();
    if interval.is_empty() { value } else { format!("{value} <span class=\"interval\">{interval}</span>") }
}

fn note_list(notes: &[&str], number: usize) -> String {
    let note = |(idx, note): (usize, &&str)| {
        let letter = note_letter(idx);
        format!("<p id=\"t{number}-{letter}\" dir=\"auto\"><sup>{letter}</sup> {}</p>\n", rich_html(note))
    };
    let list: String = notes.iter().enumerate().map(note).collect();
    if list.is_empty() { list } else { format!("<div class=\"notes\">\n{list}</div>\n") }
}

/// `a` to `z`, `aa`, `ab` and so on.
pub(crate) fn note_letter(idx: usize) -> String {
    let letter = char::from(b'a' + (idx % 26) as u8);
    if idx < 26 { letter.to_string() } else { format!("{}{letter}", note_letter(idx / 26 - 1)) }
}

/// A confusion matrix as a table in shades.
pub(super) fn confusion(matrix: &Confusion, name: &str) -> String {
    let n = matrix.classes.len();
    if n == 0 {
        return "<p class=\"empty\">No classes.</p>\n".to_owned();
    }
    let many = if n >= MANY_CLASSES { " many" } else { "" };
    let column = |class: &String| format!("<th scope=\"col\" dir=\"auto\"><span>{}</span></th>", html(class));
    let columns: String = matrix.classes.iter().map(column).collect();
    let rows: String = (0..n).map(|truth| confusion_row(matrix, truth)).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\">\n<table class=\"confusion{many}\">\n\
         <caption class=\"hidden\">Rows: true class. Columns: predicted class.</caption>\n\
         <thead><tr><th class=\"corner\" scope=\"col\">true ↓ predicted →</th>{columns}<th scope=\"col\">all</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}

fn confusion_row(matrix: &Confusion, truth: usize) -> String {
    let cell = |predicted: usize| {
        let (count, share) = (matrix.count(truth, predicted), matrix.share(truth, predicted));
        if count == 0 {
            return "<td class=\"zero\">0</td>".to_owned();
        }
        let dark = if share > DARK_SHADE { " class=\"dark\"" } else { "" };
        let percent = match matrix.classes.len() <= MOST_WITH_SHARES {
            true => format!("<small>{:.0} %</small>", 100.0 * share),
            false => String::new(),
        };
        format!("<td{dark} style=\"--share:{share:.2}\">{count}{percent}</td>")
    };
    let cells: String = (0..matrix.classes.len()).map(cell).collect();
    let (class, total) = (html(&matrix.classes[truth]), matrix.total(truth));
    format!("<tr><th scope=\"row\" dir=\"auto\">{class}</th>{cells}<td class=\"total\">{total}</td></tr>\n")
}
