//! How an evaluation can be repeated.

use isnet_report::{Cell, Code, Details, Section, Table};
use isnet_run::Versions;

/// The command, what it was run with, and the configuration of the run; an empty text leaves its part out.
///
/// # Example
/// ```
/// # use isnet_eval::report::repeat_section;
/// let versions = isnet_run::Versions::current("cpu", 2);
/// let section = repeat_section("isnet evaluate runs/my", "seed = 0", &versions);
/// assert_eq!(section.blocks.len(), 3);
/// assert_eq!(repeat_section("", "", &versions).blocks.len(), 1);
/// ```
pub fn repeat_section(command: &str, config: &str, versions: &Versions) -> Section {
    let mut section = Section::new("How to repeat it");
    if !command.is_empty() {
        section.push(Code::new("sh", command));
    }
    let known = [
        ("isnet", Some(versions.isnet.clone())),
        ("commit", versions.git_commit.clone()),
        ("compiler", versions.rustc.clone()),
        ("system", Some(format!("{} on {}", versions.os, versions.arch))),
        ("device", Some(versions.device.clone())),
        ("threads", Some(versions.threads.to_string())),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some([Cell::text(name), Cell::text(value?)]));
    section.push(known.fold(Table::new(["made with", "version"]), Table::row));
    if !config.is_empty() {
        section.push(Details::new("Configuration of the run").with(Code::new("toml", config).caption("config.toml")));
    }
    section
}
