//! Numbers as they are printed.

/// A number with so many digits after the point and a true minus sign; never `−0.000`.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return special(value);
    }
    let text = if value.abs() < 1e15 { format!("{value:.decimals$}") } else { format!("{value:.2e}") };
    let is_zero = !text.contains(|letter: char| ('1'..='9').contains(&letter));
    text.replace('-', if is_zero { "" } else { "−" })
}

/// [`fixed`] with a plus before what is above 0.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let above = value > 0.0 && text.contains(|letter: char| ('1'..='9').contains(&letter));
    if above { format!("+{text}") } else { text }
}

/// The shortest of a few digits that tells the number: `0.25`, `12`, `3e−7`.
pub(crate) fn short(value: f64) -> String {
    if !value.is_finite() {
        return special(value);
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        let text = format!("{value:.2e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        return format!("{digits}e{exponent}").replace('-', "−");
    }
    let decimals = if size >= 100.0 { 1 } else { 4 };
    let text = fixed(value, decimals);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A coordinate of a drawing: two digits after the point, no trailing zeros, so that files stay small.
pub(crate) fn place(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn special(value: f64) -> String {
    let word = if value.is_nan() {
        "not a number"
    } else if value > 0.0 {
        "∞"
    } else {
        "−∞"
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_true_minus_and_no_negative_zero() {
        let check = |value, decimals, expected: &str| assert_eq!(fixed(value, decimals), expected);
        check(0.5, 3, "0.500");
        check(-0.25, 2, "−0.25");
        check(-0.0001, 2, "0.00");
        check(120.0, 0, "120");
        check(f64::NAN, 3, "not a number");
        check(f64::NEG_INFINITY, 3, "−∞");
        check(-1e300, 3, "−1.00e300");
    }

    #[test]
    fn a_signed_number_that_is_printed_as_zero_has_no_sign() {
        let check = |value, expected: &str| assert_eq!(signed(value, 2), expected);
        check(0.25, "+0.25");
        check(-0.25, "−0.25");
        check(0.001, "0.00");
        check(-0.001, "0.00");
    }

    #[test]
    fn short_numbers_have_no_needless_digit() {
        let check = |value, expected: &str| assert_eq!(short(value), expected);
        check(0.0, "0");
        check(0.25, "0.25");
        check(-12.0, "−12");
        check(1500.0, "1500");
        check(2e-7, "2e−7");
        check(3.1e8, "3.1e8");
        check(1e6, "1e6");
    }

    #[test]
    fn places_are_short() {
        assert_eq!([place(12.0), place(-0.001), place(1.256), place(100.0)], ["12", "0", "1.26", "100"]);
    }
}
