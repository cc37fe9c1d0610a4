//! Documents as files.

use std::path::Path;

use anyhow::Context;
use isnet_report::Document;
use isnet_run::atomic;

/// Folder of the figures of `report.md`.
const FIGURES: &str = "report_files";

/// Writes `report.html`, which needs nothing beside it, and `report.md` with its figures in `report_files/`. Figures of an earlier
/// report are removed.
pub fn write(document: &Document, folder: &Path) -> anyhow::Result<()> {
    let figures = folder.join(FIGURES);
    if figures.exists() {
        std::fs::remove_dir_all(&figures).with_context(|| format!("cannot remove `{}`", figures.display()))?;
    }
    let markdown = document.to_markdown(FIGURES);
    std::fs::create_dir_all(&figures).with_context(|| format!("cannot create `{}`", figures.display()))?;
    for (name, bytes) in &markdown.files {
        atomic::write(&folder.join(name), bytes)?;
    }
    atomic::write(&folder.join("report.md"), markdown.text.as_bytes())?;
    Ok(atomic::write(&folder.join("report.html"), document.to_html().as_bytes())?)
}
