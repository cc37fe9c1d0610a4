//! Configurations and studies as nobody would write them: no text makes the readers panic, and every error names the key or the
//! line, in words of the file.
//!
//! `ISNET_FUZZ_CASES` is the number of texts (default 2000), `ISNET_FUZZ_SEED` chooses others.

use std::path::{Path, PathBuf};

use isnet_run::config::RunConfig;
use isnet_run::{RunError, Study};
use isnet_testkit::fuzz::{Random, number};

/// Words of Rust and of its libraries, which no message may have.
const FOREIGN: &[&str] = &[
    "usize",
    "u64",
    "i64",
    "f64",
    "struct ",
    "enum ",
    "invalid type",
    "invalid value",
    "missing field",
    "unknown field",
    "unknown variant",
    "invalid mantissa",
    "Some(",
    "None)",
    "os error",
    "TOML parse error",
    "expected newline",
];

/// What is put in place of something.
const TOKENS: &[&str] = &[
    "",
    "=",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    ".",
    ",",
    "\n",
    "#",
    "-1",
    "0",
    "1e999",
    "nan",
    "inf",
    "-inf",
    "1_000",
    "007",
    "99999999999999999999",
    "9223372036854775807",
    "true",
    "[]",
    "{}",
    "[[1]]",
    "\"\"",
    "'a'",
    "\"\\\"",
    "\u{0}",
    "é",
    "1979-05-27",
    "[data]",
    "[[model.stages]]",
    "[train]",
    "[train.epochs]",
    "train.epochs = 3",
    "lr = 1",
    "seeds = [1]",
    "[[variant]]",
    "epochs",
    "batch",
    "manifest",
    "[data.phantom]",
    "name = 3",
    "folds = 3",
    "folds = 1000000000",
    "set = ['train.epochs=']",
];

/// The configurations and studies of the repository.
fn seeds() -> Vec<(PathBuf, String)> {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut found = Vec::new();
    for folder in [configs.clone(), configs.join("studies")] {
        for entry in std::fs::read_dir(&folder).expect("the folder of configurations").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                found.push((path.clone(), std::fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    found.sort();
    assert!(found.len() >= 10);
    found
}

/// A boundary between letters.
fn boundary(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line<'a>(text: &'a str, random: &mut Random) -> &'a str {
    text.lines().nth(random.below(text.lines().count())).unwrap_or_default()
}

/// One change of a text, as a hand that slips or a program that does not care makes it.
fn changed(text: &str, others: &[(PathBuf, String)], random: &mut Random) -> String {
    let mut text = text.to_owned();
    let (one, other) = (boundary(&text, random), boundary(&text, random));
    let (start, end) = (one.min(other), one.max(other));
    match random.below(8) {
        0 => text.insert_str(start, random.of::<&str>(TOKENS)),
        1 => text.truncate(start),
        2 if end - start < 40 => text.replace_range(start..end, random.of::<&str>(TOKENS)),
        3 => {
            let (chosen, token) = (random.below(text.lines().count()), *random.of(TOKENS));
            let replaced = text.lines().enumerate().map(|(at, line)| match line.split_once('=') {
                Some((key, _)) if at == chosen => format!("{key}= {token}\n"),
                _ => format!("{line}\n"),
            });
            text = replaced.collect();
        }
        4 => {
            let chosen = random.below(text.chars().count());
            let letters = text.chars().enumerate().flat_map(|(at, letter)| match (at == chosen, at % 3) {
                (true, 0) => vec![letter, letter],
                (true, 1) => Vec::new(),
                (true, _) => vec!['e'],
                (false, _) => vec![letter],
            });
            text = letters.collect();
        }
        5 => {
            let again = format!("\n{}\n", line(&text, random));
            text.insert_str(start, &again);
        }
        6 => {
            let (_, other) = random.of(others);
            text.insert_str(start, &format!("\n{}\n", line(other, random)));
        }
        _ => text.insert_str(0, &format!("{}\n", *random.of(TOKENS))),
    }
    text
}

/// A message names where: a key with its place, or the line; and it speaks of the file and not of the program.
#[track_caller]
fn check(message: &str, file: &Path, text: &str) {
    let names_place = ["key `", "section `", "line ", "cannot read"].iter().any(|word| message.contains(word));
    assert!(names_place, "no place: {message}\n---\n{text}");
    let said = message.replace(&file.display().to_string(), "");
    // What was typed is quoted and may hold anything.
    let own: String = said.split('`').step_by(2).collect();
    for word in FOREIGN {
        assert!(!own.contains(word), "`{word}`: {message}\n---\n{text}");
    }
}

#[test]
fn no_configuration_makes_the_reader_panic_and_every_error_has_a_place() {
    let (seeds, cases, start) = (seeds(), number("ISNET_FUZZ_CASES", 2000), number("ISNET_FUZZ_SEED", 0));
    let (mut good, mut bad) = (0, 0);
    for case in 0..cases {
        let mut random = Random(start.wrapping_add(case).wrapping_mul(0x5851_F42D_4C95_7F2D));
        let (file, text) = random.of(&seeds).clone();
        let text = (0..=random.below(4)).fold(text, |text, _| changed(&text, &seeds, &mut random));
        let said = match file.parent().is_some_and(|folder| folder.ends_with("studies")) {
            true => Study::from_toml(&text, &file).map(drop),
            false => RunConfig::from_toml(&text, &file, &[]).map(|config| {
                let written = config.to_toml().unwrap_or_else(|error| panic!("case {case}: {error}\n{text}"));
                let back = RunConfig::from_toml(&written, "config.toml", &[]);
                assert_eq!(back.unwrap_or_else(|error| panic!("case {case}: {error}\n{written}")), config);
                config.warnings();
            }),
        };
        match said {
            Ok(()) => good += 1,
            Err(error) => {
                bad += 1;
                if !matches!(error, RunError::Model(_)) {
                    check(&error.to_string(), &file, &text);
                }
            }
        }
    }
    assert!(cases < 100 || (good > 0 && bad > 0), "{good} good, {bad} bad");
}

#[test]
fn no_override_makes_the_reader_panic_and_every_error_names_it() {
    const KEYS: &[&str] = &[
        "train.epochs",
        "train.lr",
        "lr",
        "train",
        "data.phantom.size",
        "model.stages",
        "loss.foreground_range",
        "name",
        "output",
        "loss.class_weights",
        "train.",
        ".",
        "a.b.c",
        "data",
        "seed",
        "train.epochs.x",
        "model.stages[0].channels",
        "method.name",
        "data.augment.scale",
        "train.trainable",
        "",
        " ",
        "é",
    ];
    let (cases, start) = (number("ISNET_FUZZ_CASES", 2000), number("ISNET_FUZZ_SEED", 1));
    for case in 0..cases {
        let mut random = Random(start.wrapping_add(case).wrapping_mul(0x2545_F491_4F6C_DD1D));
        let (key, mut value) = (*random.of(KEYS), String::new());
        for _ in 0..=random.below(3) {
            value += *random.of(TOKENS);
        }
        if let Err(error) = RunConfig::from_toml("[data.phantom]", "x.toml", &[(key, &value)]) {
            check(&error.to_string(), Path::new("x.toml"), &format!("{key}={value}"));
        }
    }
}
