//! Reports for people who must decide whether to trust a model: a document, and its two renderings.
//!
//! ```text
//! Document {title, facts, [Section {title, [Block]}]} ─┬─ to_html ─────► String, one self-contained page
//!                                                      └─ to_markdown ─► Markdown {text, [SVG and PNG files]}
//! Block: paragraph · verdicts · Table · LineChart · Reliability · Confusion · Forest · Gallery · Code · Details
//! ```
//!
//! This crate knows nothing of models. The page has no script and asks nothing of the network, which a policy in its head
//! makes sure of; it reads on a phone, in the dark, printed and aloud. Plots are vector drawings made here. All text is
//! escaped: names of users may hold anything. The same document gives the same bytes.
//!
//! # Example
//! ```
//! use isnet_report::{Answer, Axis, Cell, Document, LineChart, Section, Series, Table, Verdict};
//! let document = Document::new("Does it look at the background?")
//!     .fact("model", "runs/my")
//!     .section(
//!         Section::new("Summary").with(vec![
//!             Verdict::new("Is the relevance on the image's foreground?", Answer::Pass)
//!                 .figure("12 % on the background [9 %, 15 %]")
//!                 .threshold("at most 30 %"),
//!         ]),
//!     )
//!     .section(
//!         Section::new("Scores")
//!             .with(Table::new(["split", "AUC"]).row([Cell::text("test"), Cell::number(0.81, 3).interval(0.75, 0.86)]))
//!             .with(
//!                 LineChart::new("ROC curve")
//!                     .x(Axis::new("false positive rate").range(0.0, 1.0))
//!                     .y(Axis::new("true positive rate").range(0.0, 1.0))
//!                     .diagonal()
//!                     .series(Series::new("ill", [(0.0, 0.0), (0.25, 0.75), (1.0, 1.0)])),
//!             ),
//!     );
//! let page = document.to_html();
//! assert!(page.contains("0.810 <span class=\"interval\">[0.750, 0.860]</span>"));
//! let markdown = document.to_markdown("report_files");
//! assert!(markdown.text.contains("| test | 0.810 [0.750, 0.860] |"));
//! assert_eq!(markdown.files.len(), 1); // the ROC curve
//! ```

mod confusion;
mod document;
mod error;
mod escape;
mod forest;
mod gallery;
mod html;
mod line_chart;
mod markdown;
mod number;
mod plot;
mod reliability;
mod table;
mod text;
mod verdict;

pub use confusion::Confusion;
pub use document::{Block, Code, Details, Document, Section};
pub use error::ReportError;
pub use forest::{Estimate, Forest};
pub use gallery::{ColorKey, Gallery, Item, Picture};
pub use line_chart::{Axis, Joint, LineChart, Series};
pub use markdown::Markdown;
pub use reliability::{Bin, Reliability};
pub use table::{Cell, Table, Value};
pub use text::verbatim;
pub use verdict::{Answer, Verdict};
