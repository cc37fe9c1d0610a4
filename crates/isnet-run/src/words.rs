//! What the readers of JSON say, in the words of people who write it.

/// What is wrong with text that should be JSON: the line, and what is expected there.
///
/// # Example
/// ```
/// # use isnet_run::words::of_json;
/// let says = |text: &str| of_json(&serde_json::from_str::<Vec<u8>>(text).unwrap_err());
/// assert_eq!(says("[1, 2"), "the file ends in the middle (line 1); copy or write it again");
/// assert_eq!(says("[1,, 2]"), "it is not valid JSON at line 1, column 4");
/// assert_eq!(says("[\"a\"]"), "text \"a\" stands where a whole number is expected (line 1)");
/// ```
#[must_use]
pub fn of_json(error: &serde_json::Error) -> String {
    let line = error.line();
    match error.classify() {
        serde_json::error::Category::Eof => {
            format!("the file ends in the middle (line {line}); copy or write it again")
        }
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let said = text.split(" at line ").next().unwrap_or_default();
            let place = if line == 0 { String::new() } else { format!(" (line {line})") };
            format!("{}{place}", plain(said))
        }
        _ => format!("it is not valid JSON at line {line}, column {}", error.column()),
    }
}

/// What serde says of a value, without the types of Rust.
#[must_use]
pub fn plain(said: &str) -> String {
    if let Some(entry) = said.strip_prefix("missing field ") {
        return format!("the entry {entry} is missing");
    }
    if let Some((entry, _)) = said.strip_prefix("unknown field ").and_then(|rest| rest.split_once(',')) {
        return format!("the entry {entry} is unknown; it may be of another version of isnet");
    }
    if let Some((word, known)) = said.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected ")) {
        return format!("the word {word} is unknown; expected {known}");
    }
    if let Some(entry) = said.strip_prefix("duplicate field ") {
        return format!("the entry {entry} is there twice");
    }
    let wrong = ["invalid type: ", "invalid value: "].iter().find_map(|start| said.strip_prefix(start));
    match wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            format!("{} stands where {} is expected", found_words(found), expected_words(expected))
        }
        None => said.to_owned(),
    }
}

fn found_words(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let value = value.trim_start_matches("point ").replace('`', "");
    match kind {
        "string" => format!("text {value}"),
        "integer" | "floating" => format!("the number {value}"),
        "boolean" => value,
        "sequence" => "a list".into(),
        "map" => "an object".into(),
        "null" => "nothing".into(),
        "unit" => "nothing".into(),
        _ => found.to_owned(),
    }
}

fn expected_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a string" => "text".into(),
        "a boolean" => "`true` or `false`".into(),
        "a sequence" => "a list".into(),
        "a map" => "an object".into(),
        _ if expected.starts_with("struct ") => "an object".into(),
        _ if expected.starts_with("tuple ") || expected.starts_with("an array of") => "a list".into(),
        _ => expected.to_owned(),
    }
}
