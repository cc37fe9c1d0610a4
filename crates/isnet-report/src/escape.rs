//! Text from anywhere, made safe for HTML and Markdown.

use crate::text::{Span, spans};

/// Text for an HTML element or a quoted attribute. Control characters, which no page may hold, become `�`.
pub(crate) fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(letter),
            '\r' => {}
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Text with `**bold**` and `` `code` `` for HTML.
pub(crate) fn rich_html(text: &str) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => html(text),
        Span::Bold(text) => format!("<strong>{}</strong>", html(text)),
        Span::Code(text) => format!("<code>{}</code>", html(text)),
    };
    spans(text).iter().map(span).collect()
}

/// Plain text for a line of Markdown: no letter of it is a mark, and it stays on its line.
pub(crate) fn markdown(text: &str) -> String {
    at_line_start(marks_escaped(text))
}

/// Text with `**bold**` and `` `code` `` for a line of Markdown.
pub(crate) fn rich_markdown(text: &str) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => marks_escaped(text),
        Span::Bold(text) => format!("**{}**", marks_escaped(text)),
        // An element takes any letter, also a back-tick, and `|` in a table.
        Span::Code(text) => format!("<code>{}</code>", marks_escaped(text)),
    };
    at_line_start(spans(text).iter().map(span).collect())
}

fn marks_escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' => safe.extend(['\\', letter]),
            // Nobody called so is to be told of it.
            '@' => safe.push_str("&#64;"),
            '\n' | '\t' => safe.push(' '),
            '\r' => {}
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Takes the meaning from `- `, `+ `, `1. `, `---` and `===` at the start of a line.
fn at_line_start(text: String) -> String {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let mut rest = text[digits..].chars();
    let (mark, next) = (rest.next(), rest.next());
    match mark {
        Some('.' | ')') if digits > 0 && next.is_none_or(char::is_whitespace) => {
            format!("{}\\{}", &text[..digits], &text[digits..])
        }
        Some('-' | '+' | '=') if digits == 0 => format!("\\{text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_markup() {
        assert_eq!(
            html("<b a=\"1\" c='2'>&\u{0}\u{1b}"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\u{fffd}\u{fffd}"
        );
        assert_eq!(rich_html("**<b>** `a&b` <"), "<strong>&lt;b&gt;</strong> <code>a&amp;b</code> &lt;");
        let check = |text: &str, expected: &str| assert_eq!(markdown(text), expected);
        check("a|b_c*d`e", r"a\|b\_c\*d\`e");
        check("<img>\n# no", r"&lt;img&gt; \# no");
        check("1. one", r"1\. one");
        check("- one", r"\- one");
        check("0.75 and 1.", "0.75 and 1.");
        check("see @me [x](y)", r"see &#64;me \[x\](y)");
        assert_eq!(rich_markdown("the **a_b** of `c|d`"), r"the **a\_b** of <code>c\|d</code>");
    }
}
