//! A report as data: sections of blocks.

use crate::{
    Confusion, Forest, Gallery, LineChart, Reliability, Table, Verdict,
    html::page,
    markdown::{self, Markdown},
};

/// A report: what stands at its head, and its sections. The first one is the summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The one heading of the whole.
    pub title: String,
    /// A line below it; may be empty.
    pub subtitle: String,
    /// What a reader must know to place the report, as name and value: `model`, `runs/my`.
    pub facts: Vec<(String, String)>,
    /// The sections, the summary first.
    pub sections: Vec<Section>,
}

impl Document {
    /// A report without sections.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The line below the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Adds a fact at the head.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The report as one self-contained HTML page: no script, no font, no address outside of it.
    ///
    /// The first section stands before the table of contents. The same document gives the same bytes.
    ///
    /// # Example
    /// ```
    /// # use isnet_report::{Document, Section};
    /// let page = Document::new("a < b").section(Section::new("Summary").with("All is **well**.")).to_html();
    /// assert!(page.contains("<h1 dir=\"auto\">a &lt; b</h1>"));
    /// assert!(page.contains("<p dir=\"auto\">All is <strong>well</strong>.</p>"));
    /// ```
    pub fn to_html(&self) -> String {
        page::render(self)
    }

    /// The report as Markdown for a repository, with the files that belong beside it.
    ///
    /// Plots become SVG files and pictures PNG files, named `folder/figure-1.svg` and so on.
    ///
    /// # Example
    /// ```
    /// # use isnet_report::{Document, LineChart, Section, Series};
    /// let chart = LineChart::new("Loss").series(Series::new("training", [(1.0, 0.9), (2.0, 0.4)]));
    /// let markdown = Document::new("Run").section(Section::new("Training").with(chart)).to_markdown("report_files");
    /// assert!(markdown.text.starts_with("# Run\n\n## Training\n"));
    /// assert_eq!(markdown.files[0].0, "report_files/figure-1.svg");
    /// ```
    pub fn to_markdown(&self, folder: &str) -> Markdown {
        markdown::render(self, folder)
    }
}

/// A part of a report under its own heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What stands under it.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section without content.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    /// Adds a block, and returns the section: for chains.
    #[must_use]
    pub fn with(mut self, block: impl Into<Block>) -> Self {
        self.push(block);
        self
    }

    /// Adds a block: for loops.
    pub fn push(&mut self, block: impl Into<Block>) {
        self.blocks.push(block.into());
    }
}

/// What a section is made of. Plots that follow each other stand side by side where there is room.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Block {
    /// Text, with `**bold**` and `` `code` ``; see [`verbatim`](crate::verbatim()) for names from users.
    Paragraph(String),
    /// A heading below that of the section, listed in the table of contents.
    Heading(String),
    /// Questions and their answers.
    Verdicts(Vec<Verdict>),
    /// Rows and columns.
    Table(Table),
    /// Curves.
    Lines(LineChart),
    /// A reliability diagram.
    Reliability(Reliability),
    /// A confusion matrix.
    Confusion(Confusion),
    /// Values with their intervals.
    Forest(Forest),
    /// Pictures.
    Gallery(Gallery),
    /// Text of a file or a command, letter for letter.
    Code(Code),
    /// Blocks behind a line that opens them; open in print.
    Details(Details),
}

/// Text of a file or a command, letter for letter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// Words above it, such as the name of the file; may be empty.
    pub caption: String,
    /// Its language for those who colour Markdown, such as `toml`; may be empty.
    pub language: String,
    /// The text.
    pub text: String,
}

impl Code {
    /// A text in a language.
    pub fn new(language: impl Into<String>, text: impl Into<String>) -> Self {
        Self { caption: String::new(), language: language.into(), text: text.into() }
    }

    /// The words above it.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }
}

/// Blocks behind a line that opens them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The line.
    pub summary: String,
    /// What it opens.
    pub blocks: Vec<Block>,
}

impl Details {
    /// Nothing behind a line.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), blocks: Vec::new() }
    }

    /// Adds a block.
    #[must_use]
    pub fn with(mut self, block: impl Into<Block>) -> Self {
        self.blocks.push(block.into());
        self
    }
}

impl From<&str> for Block {
    fn from(text: &str) -> Self {
        Self::Paragraph(text.to_owned())
    }
}

impl From<String> for Block {
    fn from(text: String) -> Self {
        Self::Paragraph(text)
    }
}

/// A block from each kind of content.
macro_rules! blocks {
    ($($variant:ident($content:ty)),*) => {$(
        impl From<$content> for Block {
            fn from(content: $content) -> Self {
                Self::$variant(content)
            }
        }
    )*};
}
blocks!(
    Verdicts(Vec<Verdict>),
    Table(Table),
    Lines(LineChart),
    Reliability(Reliability),
    Confusion(Confusion),
    Forest(Forest),
    Gallery(Gallery),
    Code(Code),
    Details(Details)
);
