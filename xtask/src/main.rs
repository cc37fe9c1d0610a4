//! Chores of this repository. `cargo xtask check` runs all that CI runs and the documentation build, cheapest first.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

/// What a check is for, and its arguments to cargo. The test command is the README's, letter for letter.
const CHECKS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    ("tidy", &["test", "--quiet", "--package", "xtask"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ("tests", &["test", "--workspace"]),
    ("documentation", &["doc", "--workspace", "--no-deps"]),
];

const USAGE: &str = "usage: cargo xtask check";

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["check"] => check(),
        ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(())
        }
        [] => bail!("no chore is named; {USAGE}"),
        [other, ..] => bail!("there is no chore `{other}`; {USAGE}"),
    }
}

/// Runs every check in order and stops at the first that fails.
fn check() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for (index, (name, arguments)) in CHECKS.iter().enumerate() {
        let line = format!("cargo {}", arguments.join(" "));
        say(&format!("[{}/{}] {name}: {line}", index + 1, CHECKS.len()));
        let started = Instant::now();
        let status = Command::new(&cargo)
            .args(*arguments)
            // Set for rustdoc alone: as `RUSTFLAGS` it would rebuild every dependency.
            .env("RUSTDOCFLAGS", "-D warnings")
            .status()
            .with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!("{name} failed; run `{line}` to see it alone");
        }
        say(&format!("      {name} passed in {:.0} s", started.elapsed().as_secs_f64()));
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a chore talks to the person who started it")]
fn say(text: &str) {
    eprintln!("{text}");
}
