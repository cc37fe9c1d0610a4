//! Chores of this repository: `cargo xtask check` runs all that CI runs, and the documentation, cheapest first.

use std::process::Command;

use anyhow::{Context, bail};

/// Each check with its arguments to cargo; the test command is exactly the README's.
const CHECKS: &[&[&str]] = &[
    &["fmt", "--all", "--check"],
    &["test", "--package", "xtask"],
    &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    &["test", "--workspace"],
    &["doc", "--workspace", "--no-deps"],
];

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("check") => check(),
        _ => bail!("usage: cargo xtask check"),
    }
}

fn check() -> anyhow::Result<()> {
    for arguments in CHECKS {
        let line = format!("cargo {}", arguments.join(" "));
        let status = Command::new("cargo")
            .args(*arguments)
            .env("RUSTDOCFLAGS", "-D warnings")
            .status()
            .with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed");
        }
    }
    Ok(())
}
