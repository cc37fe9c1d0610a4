//! Text with **bold** and `code`, and what keeps a reader's browser from misreading it.

/// A piece of text in one style.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Span {
    Plain(String),
    Bold(String),
    Code(String),
}

/// A name from a user, such that it appears letter for letter in a paragraph, note or caption.
///
/// Puts a backslash before each `*`, `` ` `` and `\`.
///
/// # Example
/// ```
/// # use isnet_report::verbatim;
/// assert_eq!(format!("class **{}**", verbatim("a*b")), r"class **a\*b**");
/// ```
pub fn verbatim(name: &str) -> String {
    name.chars().flat_map(|letter| is_special(letter).then_some('\\').into_iter().chain([letter])).collect()
}

fn is_special(letter: char) -> bool {
    matches!(letter, '*' | '`' | '\\')
}

/// Splits text at its marks. A mark that nothing closes is a letter like any other.
pub(crate) fn spans(text: &str) -> Vec<Span> {
    let letters = unescaped(text);
    let mut spans = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while at < letters.len() {
        match styled(&letters, at) {
            Some((span, next)) => {
                if !plain.is_empty() {
                    spans.push(Span::Plain(std::mem::take(&mut plain)));
                }
                spans.push(span);
                at = next;
            }
            None => {
                plain.push(letters[at].0);
                at += 1;
            }
        }
    }
    if !plain.is_empty() {
        spans.push(Span::Plain(plain));
    }
    spans
}

/// Letters, and whether each may be a mark: one after a backslash may not.
fn unescaped(text: &str) -> Vec<(char, bool)> {
    let mut letters = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match rest.peek() {
            Some(&next) if letter == '\\' && is_special(next) => {
                rest.next();
                letters.push((next, false));
            }
            _ => letters.push((letter, true)),
        }
    }
    letters
}

/// The styled span that begins at a place, and the place after it.
fn styled(letters: &[(char, bool)], at: usize) -> Option<(Span, usize)> {
    let is_at = |place: usize, mark: char| letters.get(place) == Some(&(mark, true));
    let inside = |from: usize, to: usize| letters[from..to].iter().map(|(letter, _)| letter).collect::<String>();
    if is_at(at, '`') {
        let end = (at + 1..letters.len()).find(|&place| is_at(place, '`')).filter(|&end| end > at + 1)?;
        return Some((Span::Code(inside(at + 1, end)), end + 1));
    }
    if is_at(at, '*') && is_at(at + 1, '*') {
        let closes = |place: usize| is_at(place, '*') && is_at(place + 1, '*');
        let end = (at + 2..letters.len()).find(|&place| closes(place)).filter(|&end| end > at + 2)?;
        return Some((Span::Bold(inside(at + 2, end)), end + 2));
    }
    None
}

/// Text without its marks.
pub(crate) fn plain(text: &str) -> String {
    let words = |span| match span {
        Span::Plain(text) | Span::Bold(text) | Span::Code(text) => text,
    };
    spans(text).into_iter().map(words).collect()
}

/// At most so many letters, with an ellipsis where some are left out.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_make_spans_and_backslashes_take_them_back() {
        let check = |text: &str, expected: &[Span]| assert_eq!(spans(text), expected, "{text}");
        let words = |text: &str| Span::Plain(text.to_owned());
        let (bold, code) = (|text: &str| Span::Bold(text.to_owned()), |text: &str| Span::Code(text.to_owned()));
        check("", &[]);
        check("a **b** `c`", &[words("a "), bold("b"), words(" "), code("c")]);
        check("2 * 3 ** 4", &[words("2 * 3 ** 4")]);
        check("`**a**`", &[code("**a**")]);
        check(r"\*\*a** C:\data", &[words(r"**a** C:\data")]);
        check("``", &[words("``")]);
        check("`open", &[words("`open")]);
    }

    #[test]
    fn a_verbatim_name_comes_back_whole() {
        for name in ["a*b", "**x**", "`y`", r"\", r"\*", "C:\\d", "plain", "*"] {
            assert_eq!(plain(&verbatim(name)), name);
            assert_eq!(spans(&format!("**{}**", verbatim(name))), [Span::Bold(name.to_owned())]);
            assert_eq!(spans(&format!("`{}`", verbatim(name))), [Span::Code(name.to_owned())]);
        }
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!([shortened("abc", 3), shortened("abcd", 3), shortened("", 0)], ["abc", "ab…", ""]);
    }
}
