//! Invariants of the building that the compiler does not know.

use std::fs;
use std::path::{Path, PathBuf};

/// Ground floor first. A crate may use rooms on lower floors, never its own floor or above.
const FLOORS: &[&[&str]] = &[
    &["isnet-kernels", "isnet-data", "isnet-picture"],
    &["isnet-graph", "isnet-loss"],
    &["isnet-models", "isnet-lrp", "isnet-testkit"],
    &["isnet-run"],
    &["isnet-eval"],
    &["isnet-train"],
    &["isnet-cli"],
];

/// Words of the old code that the glossary translates.
const OLD_NAMES: &[&str] = &["rK", "aJ", "cut2", "penalizeAll", "tuneCut", "HiddenLayerPenalization", "randomLogit"];

/// A file is read in a sitting: look twice above this many lines.
const MANY_LINES: usize = 700;

#[test]
fn every_crate_stands_on_lower_floors_only() {
    for manifest in crate_manifests() {
        let text = fs::read_to_string(&manifest).expect("readable manifest");
        let table: toml::Table = text.parse().expect("a manifest is TOML");
        let name = table["package"]["name"].as_str().expect("a name").to_owned();
        let dependencies: Vec<String> = table
            .get("dependencies")
            .and_then(|d| d.as_table())
            .map(|d| d.keys().cloned().collect())
            .unwrap_or_default();
        let problems = floor_problems(&name, &dependencies);
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn a_crate_above_or_without_a_floor_is_noticed() {
    assert!(floor_problems("isnet-graph", &["isnet-kernels".into()]).is_empty());
    assert_eq!(floor_problems("isnet-graph", &["isnet-lrp".into()]).len(), 1);
    assert_eq!(floor_problems("isnet-new", &[]).len(), 1);
}

#[test]
fn sources_are_tidy() {
    let problems: Vec<String> = sources()
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("readable source");
            source_problems(&path.display().to_string(), &text)
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn untidy_sources_are_noticed() {
    assert_eq!(source_problems("a.rs", "let cut2 = 1;").len(), 1);
    assert!(source_problems("a.rs", "let shortcut2 = 1;").is_empty());
    assert_eq!(source_problems("a.rs", &format!("// {}: later", concat!("TO", "DO"))).len(), 1);
    assert_eq!(source_problems("crates/isnet-run/a.rs", concat!("un", "safe { }")).len(), 1);
    assert!(source_problems("crates/isnet-kernels/a.rs", concat!("un", "safe { }")).is_empty());
    assert_eq!(source_problems("a.rs", &"\n".repeat(MANY_LINES + 1)).len(), 1);
}

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&name))
}

fn floor_problems(name: &str, dependencies: &[String]) -> Vec<String> {
    let Some(own) = floor_of(name) else { return vec![format!("crate `{name}` has no floor; give it one in FLOORS")] };
    let above = |dependency: &&String| {
        dependency.starts_with("isnet-") && floor_of(dependency).is_none_or(|floor| floor >= own)
    };
    dependencies
        .iter()
        .filter(above)
        .map(|dependency| format!("`{name}` may not use `{dependency}`: it is not on a lower floor"))
        .collect()
}

fn source_problems(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > MANY_LINES {
        problems.push(format!("{path}: {lines} lines; a file fits a sitting ({MANY_LINES})"));
    }
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let mut report = |what: &str| problems.push(format!("{path}:{}: {what}", number + 1));
        if let Some(old) = OLD_NAMES.iter().find(|old| words.contains(old)) {
            report(&format!("`{old}` is a name of the old code; GLOSSARY.md has ours"));
        }
        if words.contains(&concat!("TO", "DO")) && !line.contains(concat!("TO", "DO(")) {
            report("a to-do carries a name or an issue, like `(#12)`");
        }
        if words.contains(&concat!("un", "safe"))
            && !line.trim_start().starts_with("//")
            && !path.contains("isnet-kernels")
        {
            report("this keyword lives in isnet-kernels only");
        }
    }
    problems
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned()
}

fn crate_manifests() -> Vec<PathBuf> {
    let rooms = fs::read_dir(root().join("crates")).expect("crates/");
    rooms.map(|room| room.expect("a room").path().join("Cargo.toml")).filter(|path| path.exists()).collect()
}

/// All Rust sources of the rooms, with the path from the root.
fn sources() -> Vec<PathBuf> {
    let mut open = vec![root().join("crates")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
