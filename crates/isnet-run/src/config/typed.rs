//! Values of TOML as Rust has them, with errors in the words of the file.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Value;

use crate::error::{Result, RunError};

/// A type that a key may have.
pub(crate) trait Typed: DeserializeOwned {
    /// What is to be typed: "a whole number".
    fn expected() -> String;
}

macro_rules! typed {
    ($($type:ty = $expected:literal,)*) => {
        $(impl Typed for $type {
            fn expected() -> String {
                $expected.into()
            }
        })*
    };
}
pub(super) use typed;

typed! {
    usize = "a whole number",
    u64 = "a whole number",
    f64 = "a number",
    bool = "`true` or `false`",
    String = "text in quotes",
    PathBuf = "a path in quotes",
    [f64; 2] = "two numbers, like `[0.9, 1.1]`",
    Vec<u64> = "a list of whole numbers, like `[0, 1, 2]`",
    Vec<String> = "a list of texts, like `[\"a\", \"b\"]`",
}

impl<T: Typed> Typed for Option<T> {
    fn expected() -> String {
        T::expected()
    }
}

/// The value of `key`, or why it cannot be one. `range` is put behind what is expected.
pub(crate) fn typed_value<T: Typed>(key: &str, place: &str, value: &Value, range: &str) -> Result<T> {
    T::deserialize(value.clone()).map_err(|error| {
        let said = error.message();
        // What our own types say is about their words; what serde says is about types of Rust.
        let is_ours = !["invalid ", "unknown variant", "missing field", "wanted ", "expected "]
            .iter()
            .any(|start| said.starts_with(start));
        let reason = if is_ours { said.to_owned() } else { expected::<T>(value, range) };
        RunError::Value { key: key.to_owned(), place: place.to_owned(), value: short(value), reason }
    })
}

fn expected<T: Typed>(value: &Value, range: &str) -> String {
    let (what, blank) = (T::expected(), if range.is_empty() { "" } else { " " });
    let hint = match value {
        Value::String(text) if what.ends_with("number") && text.parse::<f64>().is_ok() => "; write it without quotes",
        Value::String(text) if what.starts_with("`true`") && ["true", "false"].contains(&text.as_str()) => {
            "; write it without quotes"
        }
        Value::Float(_) if what.contains("whole") => "; leave out the point",
        _ => "",
    };
    format!("expected {what}{blank}{range}{hint}")
}

/// A value on one line, not longer than a message can bear.
pub(crate) fn short(value: &Value) -> String {
    const LONG: usize = 60;
    let text = value.to_string().replace('\n', " ");
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What is wrong with text that is not TOML: file, line, what stands there and what to do.
pub(crate) fn syntax(text: &str, file: &Path, error: &toml::de::Error) -> RunError {
    let offset = error.span().map_or(text.len(), |span| span.start.min(text.len()));
    let before = text.get(..offset).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    let shown: String = line.chars().take(60).collect();
    let reason = format!("line {number}, `{shown}`: {}", advice(line, error.message()));
    RunError::Syntax { place: format!("`{}`", file.display()), reason }
}

fn advice(line: &str, said: &str) -> String {
    const LINE: &str = "a line is `key = value`, a `[section]` or a `# comment`";
    if said.contains("duplicate key") {
        return "this key or section is there twice; remove one".into();
    }
    let Some((_, value)) = line.split_once('=') else {
        let opened = line.starts_with('[') && !line.contains(']');
        return if opened { "the bracket is not closed".into() } else { LINE.into() };
    };
    let value = value.trim();
    let quotes = value.matches('"').count() % 2 == 1 || (!value.contains('"') && value.matches('\'').count() % 2 == 1);
    match value.chars().next() {
        None => "the value behind `=` is missing".into(),
        Some('"' | '\'') if quotes => "the quote is not closed".into(),
        Some('"') if value.contains('\\') => "write `\\\\` for a backslash, or put the text in single quotes".into(),
        Some(first) if first.is_ascii_digit() || "+-.".contains(first) => {
            "a number is written like `3`, `0.01` or `1e-4`, and text in quotes".into()
        }
        Some(first) if first.is_alphabetic() || "/~_".contains(first) => {
            "text is written in quotes, like `name = \"mine\"`; `true` and `false` without".into()
        }
        Some('[' | '{') => "check brackets, commas and quotes of this value".into(),
        _ => LINE.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_toml_is_explained_in_plain_words() {
        for (text, line, words) in [
            ("seed = 1\nname = ", 2, "the value behind `=` is missing"),
            ("name = mine", 1, "text is written in quotes"),
            ("device = 'cpu", 1, "the quote is not closed"),
            ("[train\nepochs = 3", 1, "the bracket is not closed"),
            ("[train]\nlearning_rate = 0,01", 2, "a number is written like"),
            ("[train]\nlearning_rate = 1e", 2, "a number is written like"),
            ("[train]\nepochs = 3x", 2, "a number is written like"),
            ("[train]\nepochs 3", 2, "a line is `key = value`"),
            ("epochs: 3", 1, "a line is `key = value`"),
            ("seed = 1\nseed = 2", 2, "there twice"),
            ("[data]\n[train]\n[data]", 3, "there twice"),
            ("[data]\nmanifest = \"C:\\Users\\me\"", 2, "single quotes"),
            ("[data]\nclasses = [\"a\", b]", 2, "check brackets, commas and quotes"),
        ] {
            let error = text.parse::<toml::Table>().unwrap_err();
            let message = syntax(text, Path::new("x.toml"), &error).to_string();
            assert!(message.contains(&format!("`x.toml` is not valid TOML: line {line}, `")), "{message}");
            assert!(message.contains(words), "{message}");
        }
    }
}
