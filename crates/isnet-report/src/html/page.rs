//! The page around the sections: head, table of contents, order.

use super::blocks::Writer;
use crate::escape::html;
use crate::{Block, Document, Section, plot};

const STYLE: &str = include_str!("style.css");

/// Nothing is asked of the network, whatever the page holds.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// A document as one page.
pub(crate) fn render(document: &Document) -> String {
    let title = html(&document.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n\
         <link rel=\"icon\" href=\"data:,\"/>\n<title>{title}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n",
        plot::STYLE
    );
    page += &head(document);
    page += "<main id=\"main\">\n";
    let mut writer = Writer::default();
    for (idx, section) in document.sections.iter().enumerate() {
        if idx == 1 {
            page += &contents(&document.sections);
        }
        page += &writer.section(idx, section);
    }
    page + "</main>\n</body>\n</html>\n"
}

/// The address of a section in the page; of the heading in it that has the number, if any.
pub(super) fn address(section_idx: usize, heading: Option<usize>) -> String {
    let section = section_idx + 1;
    heading.map_or(format!("s{section}"), |heading| format!("s{section}-{heading}"))
}

fn head(document: &Document) -> String {
    let mut head = format!("<header>\n<h1 dir=\"auto\">{}</h1>\n", html(&document.title));
    if !document.subtitle.is_empty() {
        head += &format!("<p class=\"subtitle\" dir=\"auto\">{}</p>\n", html(&document.subtitle));
    }
    if !document.facts.is_empty() {
        let fact = |(name, value): &(String, String)| {
            format!("<div><dt>{}</dt><dd dir=\"auto\">{}</dd></div>\n", html(name), html(value))
        };
        head += &format!("<dl class=\"facts\">\n{}</dl>\n", document.facts.iter().map(fact).collect::<String>());
    }
    head + "</header>\n"
}

fn contents(sections: &[Section]) -> String {
    let mut list = String::new();
    for (idx, section) in sections.iter().enumerate() {
        list += &format!("<li dir=\"auto\"><a href=\"#{}\">{}</a>", address(idx, None), html(&section.title));
        let headings = section.blocks.iter().filter_map(|block| match block {
            Block::Heading(title) => Some(title),
            _ => None,
        });
        let inner: String = (1..)
            .zip(headings)
            .map(|(number, title)| format!("<li><a href=\"#{}\">{}</a></li>", address(idx, Some(number)), html(title)))
            .collect();
        list += &if inner.is_empty() { "</li>\n".to_owned() } else { format!("<ol>{inner}</ol></li>\n") };
    }
    format!("<nav class=\"contents\" aria-label=\"Contents\">\n<p>Contents</p>\n<ol>\n{list}</ol>\n</nav>\n")
}
