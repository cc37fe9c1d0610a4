//! Invariants of the building that the compiler does not know. Every check has a test that it can fail.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Ground floor first. A crate may use rooms on lower floors, never its own floor or above.
const FLOORS: &[&[&str]] = &[
    &["isnet-kernels", "isnet-files", "isnet-report"],
    &["isnet-graph", "isnet-data", "isnet-picture", "isnet-loss"],
    &["isnet-models", "isnet-lrp", "isnet-statistics", "isnet-testkit"],
    &["isnet-run"],
    &["isnet-eval"],
    &["isnet-train", "isnet-audit"],
    &["isnet-cli"],
];

/// Rooms that only tests may enter: dev-dependencies, never dependencies.
const FOR_TESTS_ONLY: &[&str] = &["isnet-testkit"];

/// Lines of a source without its tests: look twice at 500; above this the check fails.
const MANY_LINES: usize = 700;

/// Sources that may be longer, each with its reason.
const LONG_SOURCES: &[(&str, &str)] = &[];

/// Words of the old code; GLOSSARY.md is the one place that has them.
const OLD_NAMES: &[&str] = &[
    "rK",
    "RJ",
    "aJ",
    "aK",
    "cut2",
    "tuneCut",
    "penalizeAll",
    "HiddenLayerPenalization",
    "FSP",
    "randomLogit",
    "labelLogit",
    "FuseBN",
    "LRPFlex",
    "dLoss",
];

/// The files that name the old words: the translation and this list.
const KNOW_OLD_NAMES: &[&str] = &["GLOSSARY.md", "xtask/tests/tidy.rs"];

/// The one room with this keyword.
const UNSAFE_ROOM: &str = "crates/isnet-kernels/";

/// Rooms whose results are the same bits on every processor (ARCHITECTURE.md, *Same seed, same run*).
const SAME_BITS: &[&str] = &["isnet-data", "isnet-graph", "isnet-loss", "isnet-lrp", "isnet-models", "isnet-train"];
/// What depends on the C library or on the processor, and what stands in its place.
const OF_THE_PROCESSOR: &[(&str, &str)] = &[
    (".matmul(", "isnet_kernels::matmul"),
    (".exp()", "libm or isnet_kernels::exp"),
    (".ln()", "libm or isnet_kernels::ln"),
    (".log()", "isnet_kernels::ln"),
    (".log1p()", "isnet_kernels::ln"),
    (".ln_1p()", "libm"),
    (".powf(", "libm"),
    (".powf_scalar(", "products"),
    (".sin()", "libm"),
    (".cos()", "libm"),
    (".tan()", "libm"),
    (".tanh()", "libm"),
    (".atan2(", "libm"),
    (".hypot(", "libm"),
    (".erf()", "isnet_kernels::normal_cdf"),
    ("activation::sigmoid", "isnet_kernels::sigmoid"),
    ("activation::log_sigmoid", "isnet_kernels::log_sigmoid"),
    ("activation::softmax", "isnet_kernels::softmax_rows"),
    ("activation::log_softmax", "isnet_kernels::log_softmax_rows"),
];

#[test]
fn every_crate_stands_on_lower_floors_only() {
    let problems: Vec<String> = rooms()
        .iter()
        .flat_map(|room| {
            let path = room.join("Cargo.toml");
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            floor_problems(&text)
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_floor_is_of_crates_that_exist_and_are_named_in_the_architecture() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let folders: Vec<String> =
        rooms().iter().filter_map(|room| Some(room.file_name()?.to_string_lossy().into_owned())).collect();
    let problems: Vec<String> =
        FLOORS.iter().copied().flatten().flat_map(|name| room_problems(name, &folders, &architecture)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn sources_are_tidy() {
    let problems: Vec<String> = texts().iter().flat_map(|(path, text)| problems_of(path, text)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_tensor_library_is_built_without_sums_in_as_many_lanes_as_the_processor_has() {
    let depends = |manifest: &str| {
        let burn = manifest.lines().find(|line| line.starts_with("burn = ")).expect("a line about burn").to_owned();
        ["\"simd\"", "\"x86-v4\"", "\"default\""].iter().any(|feature| burn.contains(feature))
            || !burn.contains("default-features = false")
    };
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(!depends(&manifest), "ARCHITECTURE.md, *Same seed, same run*, says why not");
    assert!(depends("burn = { version = \"1\", default-features = false, features = [\"simd\"] }"));
}

#[test]
fn exceptions_for_long_sources_are_still_needed() {
    for (path, reason) in LONG_SOURCES {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let problems = exception_problems(path, reason, &text);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[test]
fn ci_and_the_readme_have_one_test_command() {
    for (file, line) in [("README.md", "cargo test --workspace"), (".ci/run", "step cargo test --workspace")] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(has_line(&text, line), "{file} has no line `{line}`");
    }
}

#[test]
fn a_missing_room_a_stale_exception_and_another_command_are_noticed() {
    let folders = ["isnet-run".to_owned()];
    for (name, architecture, expected) in [("isnet-run", "`isnet-run`", 0), ("isnet-run", "", 1), ("isnet-x", "", 2)] {
        assert_eq!(room_problems(name, &folders, architecture).len(), expected, "{name} {architecture}");
    }
    let long = "\n".repeat(MANY_LINES + 1);
    for (reason, text, expected) in [("a table", long.as_str(), 0), ("", &long, 1), ("a table", "\n", 1)] {
        assert_eq!(exception_problems("a.rs", reason, text).len(), expected, "{reason}");
    }
    assert!(has_line("a\ncargo test\n", "cargo test"));
    assert!(!has_line("cargo test --release\n", "cargo test"));
}

#[test]
fn a_crate_on_the_wrong_floor_or_without_one_is_noticed() {
    let problems = |name: &str, rest: &str| floor_problems(&format!("[package]\nname = '{name}'\n{rest}"));
    let cases = [
        ("isnet-graph", "[dependencies]\nisnet-kernels.workspace = true\nburn = '1'", 0),
        ("isnet-graph", "[dependencies]\nisnet-lrp.workspace = true", 1),
        ("isnet-graph", "[dependencies]\nisnet-data.workspace = true", 1), // its own floor
        ("isnet-graph", "[dependencies]\nhidden = { package = 'isnet-lrp' }", 1),
        ("isnet-graph", "[build-dependencies]\nisnet-lrp.workspace = true", 1),
        ("isnet-graph", "[target.'cfg(unix)'.dependencies]\nisnet-lrp.workspace = true", 1),
        ("isnet-graph", "[dev-dependencies]\nisnet-lrp.workspace = true", 0),
        ("isnet-run", "[dependencies]\nisnet-testkit.workspace = true", 1),
        ("isnet-run", "[dev-dependencies]\nisnet-testkit.workspace = true", 0),
        ("isnet-run", "[dependencies]\nisnet-unknown.workspace = true", 1),
        ("isnet-new", "", 1),
    ];
    for (name, rest, expected) in cases {
        let found = problems(name, rest);
        assert_eq!(found.len(), expected, "{name} {rest}: {found:?}");
    }
}

#[test]
fn an_untidy_source_is_noticed() {
    let source = "crates/isnet-run/src/a.rs";
    let todo = concat!("TO", "DO");
    let cases = [
        (source, "let shortcut2 = 1;".to_owned(), 0),
        (source, "let cut2 = 1;".to_owned(), 1),
        (source, "relevance(rK, x)".to_owned(), 1),
        ("docs/a.md", "the old `tuneCut`".to_owned(), 1),
        ("GLOSSARY.md", "the old `tuneCut`".to_owned(), 0),
        (source, format!("// {todo}: later"), 1),
        (source, format!("// {todo}(#12): later"), 0),
        (source, format!("// {todo}(ada): later"), 0),
        (source, format!("// {todo}(): later"), 1),
        (source, concat!("// FIX", "ME later").to_owned(), 1),
        ("crates/isnet-loss/src/a.rs", "let y = x.exp();".to_owned(), 1),
        ("crates/isnet-loss/src/a.rs", "let y = a.matmul(b); // a.matmul(b)".to_owned(), 1),
        ("crates/isnet-loss/src/a.rs", "/// `x.exp()`".to_owned(), 0),
        ("crates/isnet-loss/src/a.rs", "\n#[cfg(test)]\nmod tests {\nlet y = x.exp();\n}".to_owned(), 0),
        ("crates/isnet-data/src/a/tests.rs", "let y = x.exp();".to_owned(), 0),
        ("crates/isnet-eval/src/a.rs", "let y = x.exp();".to_owned(), 0),
        (source, "let p = unsafe { *q };".to_owned(), 1),
        (source, "// not unsafe at all".to_owned(), 0),
        (source, "#![deny(unsafe_code)]".to_owned(), 0),
        (source, "let policy = \"style-src 'unsafe-inline'\";".to_owned(), 0),
        ("docs/a.md", "where unsafe lives".to_owned(), 0),
        ("crates/isnet-kernels/src/a.rs", "let p = unsafe { *q };".to_owned(), 0),
        (source, "\n".repeat(MANY_LINES), 0),
        (source, "\n".repeat(MANY_LINES + 1), 1),
        (source, format!("{}#[cfg(test)]\nmod tests {{\n{}}}", "\n".repeat(600), "\n".repeat(600)), 0),
        ("docs/a.md", "\n".repeat(MANY_LINES + 1), 0),
    ];
    for (path, text, expected) in cases {
        let found = problems_of(path, &text);
        assert_eq!(found.len(), expected, "{path} {:?}: {found:?}", text.trim());
    }
}

/// What is wrong with the dependencies of a crate, from its `Cargo.toml`.
fn floor_problems(manifest: &str) -> Vec<String> {
    let table: Table = manifest.parse().expect("a manifest is TOML");
    let name = table["package"]["name"].as_str().expect("a crate has a name").to_owned();
    let Some(own) = floor_of(&name) else {
        return vec![format!("crate `{name}` has no floor; give it one in FLOORS and a line in ARCHITECTURE.md")];
    };
    let mut problems = Vec::new();
    for dependency in dependencies(&table).iter().filter(|dependency| dependency.starts_with("isnet-")) {
        if FOR_TESTS_ONLY.contains(&dependency.as_str()) {
            problems.push(format!("`{name}` may use `{dependency}` as a dev-dependency only"));
        } else if floor_of(dependency).is_none_or(|floor| floor >= own) {
            problems.push(format!("`{name}` may not use `{dependency}`, which is not on a lower floor"));
        }
    }
    problems
}

/// What is wrong with a room that has a floor: no folder, or no place in the architecture.
fn room_problems(name: &str, folders: &[String], architecture: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !folders.iter().any(|folder| folder == name) {
        problems.push(format!("`{name}` has a floor, but no crate in crates/"));
    }
    if !architecture.contains(&format!("`{name}`")) {
        problems.push(format!("ARCHITECTURE.md does not name `{name}`"));
    }
    problems
}

/// What is wrong with an entry of [`LONG_SOURCES`].
fn exception_problems(path: &str, reason: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if lines_without_tests(text) <= MANY_LINES {
        problems.push(format!("`{path}` is short now; remove its exception"));
    }
    if reason.is_empty() {
        problems.push(format!("`{path}` has an exception without a reason"));
    }
    problems
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|known| known == line)
}

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&name))
}

/// Crates that a manifest needs to be built, for any target; not those of its tests.
fn dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = targets.filter_map(Value::as_table).chain([manifest]);
    let lists = tables.flat_map(|table| ["dependencies", "build-dependencies"].map(|key| table.get(key)));
    let named = |(key, value): (&String, &Value)| {
        let package = value.get("package").and_then(Value::as_str);
        package.unwrap_or(key).to_owned()
    };
    lists.flatten().filter_map(Value::as_table).flatten().map(named).collect()
}

/// What is wrong with a text, one line each.
fn problems_of(path: &str, text: &str) -> Vec<String> {
    let is_rust = path.ends_with(".rs");
    let mut problems = Vec::new();
    let lines = lines_without_tests(text);
    if is_rust && lines > MANY_LINES && !LONG_SOURCES.iter().any(|(known, _)| *known == path) {
        problems.push(format!("{path}: {lines} lines without tests; split it (at most {MANY_LINES})"));
    }
    for (index, line) in text.lines().enumerate() {
        let mut report = |what: String| problems.push(format!("{path}:{}: {what}", index + 1));
        if let Some(old) = OLD_NAMES.iter().find(|old| has_word(line, old))
            && !KNOW_OLD_NAMES.contains(&path)
        {
            report(format!("`{old}` is a word of the old code; GLOSSARY.md has ours"));
        }
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            if has_word(line, mark) && !has_owner(line, mark) {
                report(format!("`{mark}` needs a name or an issue: `{mark}(#12)`"));
            }
        }
        let code = line.split("//").next().unwrap_or_default();
        if is_rust && index < lines && has_same_bits(path) {
            for (found, instead) in OF_THE_PROCESSOR.iter().filter(|(found, _)| code.contains(found)) {
                report(format!("`{found}` has other bits on other processors; take {instead}"));
            }
        }
        let quoted = path == "xtask/tests/tidy.rs";
        if is_rust
            && !quoted
            && has_word(&code.replace("unsafe-inline", ""), "unsafe")
            && !path.starts_with(UNSAFE_ROOM)
        {
            report(format!("`unsafe` belongs into {UNSAFE_ROOM}"));
        }
    }
    problems
}

/// Whether a source belongs to a room whose results are the same bits everywhere, and is no test.
fn has_same_bits(path: &str) -> bool {
    let inside = |room: &&str| path.starts_with(&format!("crates/{room}/src/"));
    SAME_BITS.iter().any(inside) && !path.ends_with("/tests.rs")
}

/// Lines above the module of tests at the end of a source.
fn lines_without_tests(text: &str) -> usize {
    text.find("\n#[cfg(test)]\nmod tests {").map_or(text, |end| &text[..end]).lines().count()
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).any(|known| known == word)
}

/// Whether `MARK(…)` holds at least a letter.
fn has_owner(line: &str, mark: &str) -> bool {
    let after = line.split(mark).nth(1).unwrap_or_default();
    after.strip_prefix('(').and_then(|rest| rest.split(')').next()).is_some_and(|owner| !owner.trim().is_empty())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned()
}

/// The folders of all crates.
fn rooms() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("crates")).expect("there is a folder `crates`");
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.join("Cargo.toml").exists()).collect()
}

/// Everything people write here: path from the root and text, sorted.
fn texts() -> Vec<(String, String)> {
    const WRITTEN: &[&str] = &["rs", "toml", "md", "py"];
    const SKIPPED: &[&str] = &["target", "runs"];
    let root = root();
    let mut open = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                open.push(path);
            } else if path.is_file() && WRITTEN.contains(&extension.as_str()) {
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let below = path.strip_prefix(&root).expect("below the root");
                found.push((below.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}
