//! Documents as files.

use isnet_report::Document;

use crate::output::Output;

/// Folder of the figures of `report.md`.
const FIGURES: &str = "report_files";

/// Writes `report.html`, which needs nothing beside it, and `report.md` with its figures in `report_files/`. Figures of an earlier
/// report are removed.
pub fn write(document: &Document, output: &Output) -> anyhow::Result<()> {
    output.clear_earlier(&format!("{FIGURES}/"))?;
    let markdown = document.to_markdown(FIGURES);
    for (name, bytes) in &markdown.files {
        output.write(name, bytes)?;
    }
    output.write("report.md", markdown.text.as_bytes())?;
    output.write("report.html", document.to_html().as_bytes())
}
