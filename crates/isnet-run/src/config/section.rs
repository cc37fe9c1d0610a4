//! How a section of the configuration is declared: one row per key, with its meaning, type, default and range.
//!
//! From the rows the macro `section!` makes the struct, its documentation, the list of keys (for typos and for help)
//! and the function that turns what was typed into what is valid. A default is written once, in its row.

use std::{
    fmt::{Debug, Display},
    ops::{Bound, RangeBounds},
};

use super::raw::Section;
use super::typed::Typed;
use crate::error::{Result, RunError};

/// One key of a section, for help texts and suggestions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The key without its section.
    pub key: &'static str,
    /// The default as an expression; words in it are other keys.
    pub default: &'static str,
    /// The range as an expression; empty where any value of the type will do.
    pub range: &'static str,
    /// Meaning, unit, symbol in the papers.
    pub doc: &'static str,
}

/// Declares a section: `Name(section, more: &Arguments) { key: Type = default, in range; … } computed { … }`.
///
/// A default may use keys above it and the arguments; a computed row is an expression over the section.
macro_rules! section {
    (
        $(#[$meta:meta])*
        $name:ident($section:ident $(, $argument:ident: $argument_type:ty)*) {
            $($(#[doc = $doc:literal])* $key:ident: $type:ty = $default:expr $(, in $range:expr)?;)*
        }
        $(computed {
            $($(#[$computed_meta:meta])* $computed:ident: $computed_type:ty = $expression:expr;)*
        })?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                #[doc = concat!(
                    "\n\nDefault: `", stringify!($default), "`."
                    $(, " Range: `", stringify!($range), "`.")?
                )]
                pub $key: $type,
            )*
            $($($(#[$computed_meta])* pub $computed: $computed_type,)*)?
        }

        impl $name {
            /// The keys of this section.
            pub const FIELDS: &[$crate::config::Field] = &[
                $($crate::config::Field {
                    key: stringify!($key),
                    default: stringify!($default),
                    range: concat!($(stringify!($range))?),
                    doc: concat!($($doc),*),
                },)*
            ];

            pub(super) fn resolve(
                $section: &$crate::config::raw::Section<'_>
                $(, $argument: $argument_type)*
            ) -> $crate::error::Result<Self> {
                $(
                    let $key: $type = match $crate::config::section::read!($section, stringify!($key) $(, $range)?)? {
                        Some(typed) => typed,
                        None => $default,
                    };
                    $($crate::config::section::check_range($section, stringify!($key), &$key, $range)?;)?
                )*
                $($(let $computed: $computed_type = $expression;)*)?
                Ok(Self { $($key,)* $($($computed,)*)? })
            }
        }
    };
}

/// Declares a choice between words: `Name { Variant = "word", … }`. A wrong word is answered with the nearest one.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* #[doc = concat!("\n\nTyped `", $word, "`.")] $variant,)* }

        impl $name {
            /// All words, in the order of the variants.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The word as typed.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl $crate::config::typed::Typed for $name {
            fn expected() -> String {
                format!("one of {}", Self::WORDS.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                match word.as_str() {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(serde::de::Error::custom($crate::config::section::unknown_word(&word, Self::WORDS))),
                }
            }
        }
    };
}

/// Reads a key, with or without a range.
macro_rules! read {
    ($section:ident, $key:expr) => {
        $section.get($key)
    };
    ($section:ident, $key:expr, $range:expr) => {
        $crate::config::section::read_in($section, $key, $range)
    };
}
pub(crate) use {choice, read, section};

/// The value of a key whose numbers have a range.
pub(super) fn read_in<T: Numbers + Typed>(
    section: &Section<'_>,
    key: &str,
    range: impl RangeBounds<T::Number>,
) -> Result<Option<T>> {
    section.get_in(key, &in_words(&range))
}

/// What to say about a word that is not among `words`.
pub(crate) fn unknown_word(word: &str, words: &[&str]) -> String {
    let distance = |candidate: &&&str| strsim::damerau_levenshtein(candidate, word);
    let near = words.iter().min_by_key(distance).filter(|nearest| distance(nearest) <= 1 + nearest.len() / 3);
    let all = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    near.map_or_else(|| format!("choose one of {all}"), |nearest| format!("did you mean `{nearest}`? (one of {all})"))
}

/// A number that can lie outside a range.
pub(super) trait Number: PartialOrd + Display + Debug {
    fn is_number(&self) -> bool {
        true
    }
}
impl Number for usize {}
impl Number for u64 {}
impl Number for f64 {
    fn is_number(&self) -> bool {
        self.is_finite()
    }
}

/// A value made of numbers, each of which must lie in the range.
pub(super) trait Numbers {
    type Number: Number;
    fn numbers(&self) -> &[Self::Number];
}
impl<T: Number> Numbers for T {
    type Number = T;
    fn numbers(&self) -> &[T] {
        std::slice::from_ref(self)
    }
}
impl<T: Number> Numbers for Option<T> {
    type Number = T;
    fn numbers(&self) -> &[T] {
        self.as_slice()
    }
}
impl<T: Number> Numbers for [T; 2] {
    type Number = T;
    fn numbers(&self) -> &[T] {
        self
    }
}

/// Everything above zero.
pub(super) const POSITIVE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Unbounded);

pub(super) fn check_range<T: Numbers>(
    section: &Section<'_>,
    key: &str,
    value: &T,
    range: impl RangeBounds<T::Number>,
) -> Result<()> {
    let outside = |number: &&T::Number| !(number.is_number() && range.contains(*number));
    value.numbers().iter().find(outside).map_or(Ok(()), |number| {
        Err(RunError::Range {
            key: section.name(key),
            place: section.place(key),
            value: number.to_string(),
            range: in_words(&range),
        })
    })
}

fn in_words<T: Number>(range: &impl RangeBounds<T>) -> String {
    let low = match range.start_bound() {
        Bound::Included(low) => format!("at least {low}"),
        Bound::Excluded(low) => format!("above {low}"),
        Bound::Unbounded => String::new(),
    };
    let high = match range.end_bound() {
        Bound::Included(high) => format!("at most {high}"),
        Bound::Excluded(high) => format!("below {high}"),
        Bound::Unbounded => String::new(),
    };
    match (low.is_empty(), high.is_empty()) {
        (true, true) => String::new(),
        (false, false) => format!("({low} and {high})"),
        _ => format!("({low}{high})"),
    }
}
