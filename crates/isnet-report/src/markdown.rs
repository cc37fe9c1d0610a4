//! A document as Markdown, with its plots and pictures as files beside it.

use crate::escape::{markdown as plain, rich_markdown as rich};
use crate::html::table::note_letter;
use crate::plot::{self, Drawing};
use crate::{Block, Cell, Code, Confusion, Document, Forest, Gallery, Reliability, Table, Verdict};

/// A report for a repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Markdown {
    /// The text, in the dialect of code forges: tables with bars.
    pub text: String,
    /// The files that it shows, by the names it has for them.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A document as Markdown whose files are named `folder/…`.
pub(crate) fn render(document: &Document, folder: &str) -> Markdown {
    let mut writer = Writer { folder: folder.trim_end_matches('/'), ..Writer::default() };
    writer.line(&format!("# {}", plain(&document.title)));
    if !document.subtitle.is_empty() {
        writer.line(&format!("*{}*", plain(&document.subtitle)));
    }
    let fact = |(name, value): &(String, String)| format!("- {}: {}\n", plain(name), plain(value));
    writer.line(document.facts.iter().map(fact).collect::<String>().trim_end());
    for section in &document.sections {
        writer.line(&format!("## {}", plain(&section.title)));
        writer.blocks(&section.blocks);
    }
    writer.out.text.truncate(writer.out.text.trim_end().len());
    writer.out.text.push('\n');
    writer.out
}

#[derive(Default)]
struct Writer<'a> {
    folder: &'a str,
    tables: usize,
    figures: usize,
    pictures: usize,
    out: Markdown,
}

impl Writer<'_> {
    /// Text and the empty line after it; nothing for nothing.
    fn line(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.text += text;
            self.out.text += "\n\n";
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        blocks.iter().for_each(|block| self.block(block));
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(text) => self.line(&rich(text)),
            Block::Heading(title) => self.line(&format!("### {}", plain(title))),
            Block::Verdicts(verdicts) => {
                let list: String = verdicts.iter().map(verdict).collect();
                self.line(if list.is_empty() { "No question was asked." } else { list.trim_end() });
            }
            Block::Table(table) => self.table(table),
            Block::Lines(chart) => self.figure(&plot::line_chart(chart), &chart.title, &chart.caption),
            Block::Reliability(diagram) => {
                self.figure(&plot::reliability(diagram), &diagram.title, &diagram.caption);
                self.line(&reliability_rows(diagram));
            }
            Block::Forest(forest) => {
                self.figure(&plot::forest(forest), &forest.title, &forest.caption);
                self.line(&forest_rows(forest));
            }
            Block::Confusion(matrix) => {
                self.figures += 1;
                self.line(&caption(&format!("Figure {}", self.figures), &matrix.title, &matrix.caption));
                self.line(&confusion_rows(matrix));
            }
            Block::Gallery(gallery) => self.gallery(gallery),
            Block::Code(code) => self.code(code),
            Block::Details(details) => {
                let summary = crate::escape::html(&details.summary).replace('\n', " ");
                self.line(&format!("<details><summary>{summary}</summary>"));
                self.blocks(&details.blocks);
                self.line("</details>");
            }
        }
    }

    fn table(&mut self, table: &Table) {
        self.tables += 1;
        let name = format!("Table {}", self.tables);
        self.line(format!("**{name}.** {}", rich(&table.caption)).trim_end());
        let notes = table.notes();
        let cell = |cell: &Cell| {
            let (open, close) = if cell.emphasised { ("**", "**") } else { ("", "") };
            let marks: Vec<String> = cell.marks(&notes).map(note_letter).collect();
            let mark = if marks.is_empty() { String::new() } else { format!("<sup>{}</sup>", marks.join(",")) };
            format!("{open}{}{close}{mark}", cell_text(cell))
        };
        let header: Vec<String> = table.header.iter().map(|name| plain(name)).collect();
        let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        let n_columns = table.n_columns();
        self.line(&bars(&header, &rows, n_columns, &|column| table.is_numeric(column)));
        let note = |(idx, note): (usize, &&str)| format!("<sup>{}</sup> {}", note_letter(idx), rich(note));
        self.line(&notes.iter().enumerate().map(note).collect::<Vec<_>>().join("<br>\n"));
    }

    fn figure(&mut self, drawing: &Drawing, title: &str, words: &str) {
        self.figures += 1;
        let file = self.file(&format!("figure-{}.svg", self.figures), drawing.file().into_bytes());
        let alt = plain(&format!("{title}: {}", drawing.description()));
        self.line(&format!("![{alt}](<{file}>)"));
        self.line(&caption(&format!("Figure {}", self.figures), title, words));
    }

    fn gallery(&mut self, gallery: &Gallery) {
        self.line(&format!("**{}**", plain(&gallery.title)));
        self.line(&rich(&gallery.caption));
        if let Some(key) = &gallery.key {
            let [low, middle, high] = key.words.each_ref().map(|word| plain(word));
            self.line(&format!("Colours from {low} over {middle} to {high}."));
        }
        let mut rows = Vec::new();
        for item in &gallery.items {
            self.pictures += 1;
            let mut cells = Vec::new();
            for wanted in ["image", "overlay", "map"] {
                let picture = item.pictures().find(|(word, _)| *word == wanted);
                cells.push(picture.map_or(String::new(), |(word, picture)| {
                    let file = self.file(&format!("picture-{}-{word}.png", self.pictures), picture.bytes().to_vec());
                    format!("![{}: {word}](<{file}>)", plain(&item.title))
                }));
            }
            let badges: String = item.badges.iter().map(|badge| format!(" · {}", plain(badge))).collect();
            cells.push(format!("**{}**{badges}<br>{}", plain(&item.title), rich(&item.caption)));
            rows.push(cells);
        }
        self.line(&bars(&["image", "overlay", "relevance", ""].map(str::to_owned), &rows, 4, &|_| false));
    }

    fn code(&mut self, code: &Code) {
        self.line(&plain(&code.caption));
        // A fence longer than any run of back-ticks inside.
        let longest = code.text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let language: String = code.language.chars().filter(char::is_ascii_alphanumeric).collect();
        self.line(&format!("{fence}{language}\n{}\n{fence}", code.text.trim_end_matches('\n')));
    }

    /// Keeps a file and returns the name by which the text shows it.
    fn file(&mut self, name: &str, bytes: Vec<u8>) -> String {
        let name = if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) };
        self.out.files.push((name.clone(), bytes));
        name
    }
}

fn caption(name: &str, title: &str, words: &str) -> String {
    let stop = if title.ends_with(['.', '?', '!']) || title.is_empty() { "" } else { "." };
    format!("**{name}.** {}{stop} {}", plain(title), rich(words)).trim_end().to_owned()
}

fn verdict(verdict: &Verdict) -> String {
    let mut text = format!("- {} **{}**: {}", verdict.answer.mark(), verdict.answer.word(), plain(&verdict.question));
    let threshold = match verdict.threshold.is_empty() {
        true => String::new(),
        false => format!("held against: {}", plain(&verdict.threshold)),
    };
    let measured = [plain(&verdict.figure), threshold].into_iter().filter(|text| !text.is_empty());
    let measured = measured.collect::<Vec<_>>().join("; ");
    for line in [measured, rich(&verdict.explanation)].iter().filter(|line| !line.is_empty()) {
        text += &format!("<br>\n  {line}");
    }
    text + "\n"
}

fn cell_text(cell: &Cell) -> String {
    plain(&cell.shown_value())
        + &Some(cell.shown_interval()).filter(|it| !it.is_empty()).map_or(String::new(), |it| format!(" {it}"))
}

/// A table with bars; columns of numbers end flush right.
fn bars(header: &[String], rows: &[Vec<String>], n_columns: usize, is_numeric: &dyn Fn(usize) -> bool) -> String {
    if n_columns == 0 || rows.is_empty() {
        return "No rows.".to_owned();
    }
    let row = |cells: &[String]| {
        let cells = (0..n_columns).map(|column| cells.get(column).map_or("", String::as_str).to_owned());
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule: Vec<String> =
        (0..n_columns).map(|column| if is_numeric(column) { "---:" } else { "---" }.to_owned()).collect();
    let text = row(header) + &row(&rule) + &rows.iter().map(|cells| row(cells)).collect::<String>();
    text.trim_end().to_owned()
}

fn reliability_rows(diagram: &Reliability) -> String {
    let header = ["predicted", "true", "samples"].map(str::to_owned);
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| crate::number::fixed(value, 3));
    let filled = diagram.bins.iter().filter(|bin| bin.n > 0);
    let rows: Vec<Vec<String>> =
        filled.map(|bin| vec![number(bin.mean), number(bin.share), bin.n.to_string()]).collect();
    bars(&header, &rows, 3, &|_| true)
}

fn forest_rows(plot: &Forest) -> String {
    let header = [String::new(), "n".to_owned(), plain(&plot.axis.label)];
    let row = |row: &crate::Estimate| {
        vec![plain(&row.name), row.n.map_or(String::new(), |n| n.to_string()), row.shown(plot.decimals)]
    };
    bars(&header, &plot.rows.iter().map(row).collect::<Vec<_>>(), 3, &|column| column > 0)
}

fn confusion_rows(matrix: &Confusion) -> String {
    let n = matrix.classes.len();
    let header: Vec<String> = std::iter::once("true ↓ predicted →".to_owned())
        .chain(matrix.classes.iter().map(|class| plain(class)))
        .collect();
    let row = |truth: usize| {
        let counts = (0..n).map(|predicted| matrix.count(truth, predicted).to_string());
        std::iter::once(plain(&matrix.classes[truth])).chain(counts).collect::<Vec<_>>()
    };
    bars(&header, &(0..n).map(row).collect::<Vec<_>>(), n + 1, &|column| column > 0)
}
