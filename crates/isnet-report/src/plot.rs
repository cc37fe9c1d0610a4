//! Vector drawings of plots, inside a page or as files.
//!
//! A drawing is about as wide as a phone, so that its letters are legible at that width and a row of drawings fits a
//! desktop. Colours are CSS variables: they follow the page into the dark and on paper, and a file brings its own.

mod forest;
mod line_chart;
mod reliability;
mod scale;

pub(crate) use forest::forest;
pub(crate) use line_chart::line_chart;
pub(crate) use reliability::reliability;

use crate::escape::html;
use crate::number::place;

/// Colours and strokes of all drawings.
pub(crate) const STYLE: &str = include_str!("plot/style.css");

/// Width of a drawing, in its own pixels.
const WIDTH: f64 = 440.0;
/// Height of a letter.
const FONT: f64 = 12.0;

/// A finished drawing.
pub(crate) struct Drawing {
    height: f64,
    title: String,
    description: String,
    body: String,
}

impl Drawing {
    fn new(height: f64, title: &str) -> Self {
        Self { height, title: title.to_owned(), description: String::new(), body: String::new() }
    }

    /// What a reader who does not see the drawing is told.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The drawing as an element of a page; `id` is its own in the page.
    pub fn inline(&self, id: &str) -> String {
        self.element(id, "", "")
    }

    /// The drawing as an SVG file.
    pub fn file(&self) -> String {
        let size = format!(" xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\"", place(self.height));
        let style = format!(
            "<style>{STYLE}</style><rect class=\"paper\" width=\"{WIDTH}\" height=\"{}\"/>",
            place(self.height)
        );
        self.element("plot", &size, &style) + "\n"
    }

    fn element(&self, id: &str, attributes: &str, head: &str) -> String {
        let (title, description) = (html(&self.title), html(&self.description));
        let (height, body) = (place(self.height), &self.body);
        format!(
            "<svg{attributes} class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
             <title id=\"{id}-title\">{title}</title><desc id=\"{id}-desc\">{description}</desc>{head}{body}</svg>"
        )
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(place);
        self.body += &format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    }

    fn circle(&mut self, class: &str, at: (f64, f64), radius: f64) {
        let [x, y, radius] = [at.0, at.1, radius].map(place);
        self.body += &format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
    }

    fn bar(&mut self, class: &str, corner: (f64, f64), size: (f64, f64)) {
        let [x, y, width, height] = [corner.0, corner.1, size.0.max(0.0), size.1.max(0.0)].map(place);
        self.body += &format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>");
    }

    /// A path, with a name that shows when it is pointed at.
    fn path(&mut self, class: &str, path: &str, name: &str) {
        self.body += &format!("<path class=\"{class}\" d=\"{path}\"><title>{}</title></path>", html(name));
    }

    /// One line of text on its baseline; classes `middle` and `end` say where `at` lies in it.
    fn text(&mut self, class: &str, at: (f64, f64), text: &str) {
        let [x, y] = [at.0, at.1].map(place);
        self.body += &format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", html(text));
    }

    /// A line of text that reads upwards, around its middle.
    fn upright(&mut self, class: &str, at: (f64, f64), text: &str) {
        let [x, y] = [at.0, at.1].map(place);
        let text = html(text);
        self.body +=
            &format!("<text class=\"{class} middle\" transform=\"translate({x} {y}) rotate(-90)\">{text}</text>");
    }
}

/// About how wide a line of text is.
fn text_width(text: &str) -> f64 {
    let letter = |letter: char| {
        if letter.is_ascii() {
            0.56
        } else if letter < '\u{2e80}' {
            0.62
        } else {
            1.0
        }
    };
    FONT * text.chars().map(letter).sum::<f64>()
}

/// Text that is at most so wide, with an ellipsis where it had to be cut.
fn fitted(text: &str, width: f64) -> String {
    let mut short = text.to_owned();
    let mut most = text.chars().count();
    while text_width(&short) > width && most > 1 {
        most -= 1;
        short = crate::text::shortened(text, most);
    }
    short
}
