//! Words that people take for the same, but that are not.

use unicode_normalization::UnicodeNormalization;

/// What is left of a word without what is easily mistaken: capitals, blanks around it and their kind, `_` and `-` for a
/// blank, ways to store an accent, invisible characters; for a number, how it is written.
///
/// `Cat`, `cat ` and `CAT` have one key, and so have `0`, `00` and `0.0`.
pub(crate) fn spelling_key(word: &str) -> String {
    let plain: String = word.nfkc().filter(|letter| !is_invisible(*letter)).flat_map(char::to_lowercase).collect();
    let plain = plain.trim();
    let is_number = plain.bytes().any(|byte| byte.is_ascii_digit());
    if let Some(number) = plain.replace(',', ".").parse::<f64>().ok().filter(|_| is_number) {
        return format!("number {}", number + 0.0); // −0 + 0 is 0
    }
    let words = plain.split(|letter: char| letter.is_whitespace() || matches!(letter, '_' | '-'));
    words.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether two words are equal, or taken for the same: all but capitals, blanks, `_` and `-`, ways to store an accent, invisible
/// characters, and the way a number is written is alike.
///
/// # Example
/// ```
/// # use isnet_data::same_word;
/// assert!(same_word("Patient ID", "patient_id"));
/// assert!(!same_word("patients", "patient"));
/// ```
pub fn same_word(one: &str, other: &str) -> bool {
    spelling_key(one) == spelling_key(other)
}

/// A word with what cannot be seen in it written out: `cat⟨U+200B⟩`.
pub(crate) fn visible(word: &str) -> String {
    let mut text = String::new();
    for letter in word.chars() {
        match letter.is_control() || is_invisible(letter) || (letter.is_whitespace() && letter != ' ') {
            true => text += &format!("⟨U+{:04X}⟩", u32::from(letter)),
            false => text.push(letter),
        }
    }
    text
}

/// Zero-width characters, marks of direction and of byte order, the soft hyphen.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// The split that a name is meant to be, where it is a common word for one but not the one read here.
///
/// `Train`, `training` → `train`; `valid`, `validation`, `dev` → `val`; `testing`, `TEST` → `test`.
pub(crate) fn split_meant(name: &str) -> Option<&'static str> {
    let split = match spelling_key(name).as_str() {
        "train" | "training" | "trn" | "trains" => "train",
        "val" | "valid" | "validation" | "validate" | "validating" | "dev" | "develop" | "development" | "vali" => {
            "val"
        }
        "test" | "testing" | "tst" | "tests" => "test",
        _ => return None,
    };
    (split != name).then_some(split)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_look_alike_have_one_key_and_others_have_their_own() {
        for (one, other) in [
            ("Cat", "cat"),
            ("cat\u{a0}", "cat"),
            ("cat\u{200b}", "cat"),
            ("0", "0.0"),
            ("00", "0"),
            ("1,0", "1"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("No_Finding", "no finding"),
            ("ｃａｔ", "cat"),
        ] {
            assert!(same_word(one, other), "{one:?} {other:?}");
        }
        for (one, other) in [("cat", "cats"), ("0", "1"), ("-1", "1"), ("a1", "a"), ("inf", "in f"), ("nan", "an")] {
            assert!(!same_word(one, other), "{one:?} {other:?}");
        }
        assert_eq!(visible("cat\u{a0}\u{200b} x"), "cat⟨U+00A0⟩⟨U+200B⟩ x");
    }

    #[test]
    fn common_words_for_a_split_are_known_and_the_right_ones_are_not_corrected() {
        for (name, meant) in
            [("Train", Some("train")), ("valid", Some("val")), ("DEV", Some("val")), ("val", None), ("kaggle", None)]
        {
            assert_eq!(split_meant(name), meant, "{name}");
        }
    }
}
