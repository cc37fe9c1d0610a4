//! Sections and their blocks.

use super::{gallery, page::address, table};
use crate::escape::{html, rich_html};
use crate::plot::{self, Drawing};
use crate::{Block, Code, Confusion, Details, Section, Verdict};

/// Classes up to which a confusion matrix stands beside other plots.
const FEW_CLASSES: usize = 6;

/// Numbers what it writes.
#[derive(Default)]
pub(super) struct Writer {
    section_idx: usize,
    headings: usize,
    tables: usize,
    figures: usize,
    galleries: usize,
}

impl Writer {
    /// A section with its heading.
    pub fn section(&mut self, idx: usize, section: &Section) -> String {
        (self.section_idx, self.headings) = (idx, 0);
        let (address, title) = (address(idx, None), html(&section.title));
        let blocks = self.blocks(&section.blocks);
        format!(
            "<section aria-labelledby=\"{address}\">\n<h2 id=\"{address}\" dir=\"auto\">{title}</h2>\n{blocks}</section>\n"
        )
    }

    /// Blocks in their order; neighbouring plots in one row.
    fn blocks(&mut self, blocks: &[Block]) -> String {
        let mut text = String::new();
        for group in blocks.chunk_by(|here, next| is_small_plot(here) && is_small_plot(next)) {
            let inside: String = group.iter().map(|block| self.block(block)).collect();
            text +=
                &if is_small_plot(&group[0]) { format!("<div class=\"figures\">\n{inside}</div>\n") } else { inside };
        }
        text
    }

    fn block(&mut self, block: &Block) -> String {
        match block {
            Block::Paragraph(text) => format!("<p dir=\"auto\">{}</p>\n", rich_html(text)),
            Block::Heading(title) => {
                self.headings += 1;
                let address = address(self.section_idx, Some(self.headings));
                format!("<h3 id=\"{address}\" dir=\"auto\">{}</h3>\n", html(title))
            }
            Block::Verdicts(verdicts) => verdict_list(verdicts),
            Block::Table(content) => {
                self.tables += 1;
                table::render(content, self.tables)
            }
            Block::Lines(chart) => self.figure(&plot::line_chart(chart), &chart.title, &chart.caption),
            Block::Reliability(diagram) => self.figure(&plot::reliability(diagram), &diagram.title, &diagram.caption),
            Block::Forest(forest) => self.figure(&plot::forest(forest), &forest.title, &forest.caption),
            Block::Confusion(matrix) => self.confusion(matrix),
            Block::Gallery(content) => {
                self.galleries += 1;
                gallery::render(content, self.galleries)
            }
            Block::Code(code) => code_block(code),
            Block::Details(details) => self.details(details),
        }
    }

    fn figure(&mut self, drawing: &Drawing, title: &str, caption: &str) -> String {
        self.figures += 1;
        let caption = caption_line(&format!("Figure {}", self.figures), title, caption);
        let drawing = drawing.inline(&format!("f{}", self.figures));
        format!("<figure class=\"drawing\">\n{drawing}\n<figcaption dir=\"auto\">{caption}</figcaption>\n</figure>\n")
    }

    fn confusion(&mut self, matrix: &Confusion) -> String {
        self.figures += 1;
        let name = format!("Figure {}", self.figures);
        let caption = caption_line(&name, &matrix.title, &matrix.caption);
        let table = table::confusion(matrix, &name);
        format!("<figure class=\"matrix\">\n{table}<figcaption dir=\"auto\">{caption}</figcaption>\n</figure>\n")
    }

    fn details(&mut self, details: &Details) -> String {
        let blocks = self.blocks(&details.blocks);
        format!("<details>\n<summary dir=\"auto\">{}</summary>\n{blocks}</details>\n", html(&details.summary))
    }
}

/// Whether a block may stand beside another one.
fn is_small_plot(block: &Block) -> bool {
    match block {
        Block::Lines(_) | Block::Reliability(_) | Block::Forest(_) => true,
        Block::Confusion(matrix) => matrix.classes.len() <= FEW_CLASSES,
        _ => false,
    }
}

/// `Figure 1. Title. Caption`.
fn caption_line(name: &str, title: &str, caption: &str) -> String {
    let stop = if title.ends_with(['.', '?', '!']) || title.is_empty() { "" } else { "." };
    format!("<b>{name}.</b> {}{stop} {}", html(title), rich_html(caption)).trim_end().to_owned()
}

fn verdict_list(verdicts: &[Verdict]) -> String {
    let item = |verdict: &Verdict| {
        let (word, mark) = (verdict.answer.word(), verdict.answer.mark());
        let class = word.split(' ').next().unwrap_or_default();
        let line = |class: &str, text: String| {
            if text.is_empty() { text } else { format!("<p class=\"{class}\" dir=\"auto\">{text}</p>\n") }
        };
        let threshold = html(&verdict.threshold);
        let measured = match (verdict.figure.is_empty(), verdict.threshold.is_empty()) {
            (true, true) => String::new(),
            (false, true) => html(&verdict.figure),
            (true, false) => format!("<span class=\"threshold\">held against: {threshold}</span>"),
            (false, false) => {
                format!("{} <span class=\"threshold\">held against: {threshold}</span>", html(&verdict.figure))
            }
        };
        format!(
            "<li class=\"{class}\">\n<p class=\"question\" dir=\"auto\"><span class=\"answer\">\
             <span aria-hidden=\"true\">{mark}</span> {word}</span> {}</p>\n{}{}</li>\n",
            html(&verdict.question),
            line("figure", measured),
            line("explanation", rich_html(&verdict.explanation)),
        )
    };
    if verdicts.is_empty() {
        return "<p class=\"empty\">No question was asked.</p>\n".to_owned();
    }
    format!("<ul class=\"verdicts\">\n{}</ul>\n", verdicts.iter().map(item).collect::<String>())
}

fn code_block(code: &Code) -> String {
    let caption = match code.caption.is_empty() {
        true => String::new(),
        false => format!("<figcaption dir=\"auto\">{}</figcaption>\n", html(&code.caption)),
    };
    let text = html(&code.text);
    format!("<figure class=\"code\">\n{caption}<pre tabindex=\"0\"><code>{text}</code></pre>\n</figure>\n")
}
