//! Numbers as hands, spreadsheets and programs write them.

/// What single precision adds to 1 is taken off again.
const ROUNDING: f64 = 1e-6;

/// A probability from 0 to 1, also with a decimal comma.
pub(super) fn probability(cell: &str, what: &str) -> Result<f64, String> {
    let found = number(cell, what)?;
    match unit(found) {
        Some(value) => Ok(value),
        None => {
            let percent =
                if (1.0..=100.0).contains(&found) { "if these are percentages, divide them by 100; " } else { "" };
            Err(format!(
                "{what} is {cell}, which is not between 0 and 1; {percent}if these are logits, write their softmax (one class of \
                 several) or their sigmoid (labels of their own)"
            ))
        }
    }
}

/// A share from 0 to 1.
pub(super) fn share(cell: &str, what: &str) -> Result<f64, String> {
    unit(number(cell, what)?).ok_or_else(|| format!("{what} is {cell}, which is not between 0 and 1"))
}

/// How many digits a number has behind the point, written out without an exponent.
pub(super) fn decimals(cell: &str) -> i32 {
    let (mantissa, exponent) = cell.split_once(['e', 'E']).unwrap_or((cell, "0"));
    let digits = mantissa.split_once(['.', ',']).map_or(0, |(_, digits)| digits.len());
    let digits = i32::try_from(digits).unwrap_or(i32::MAX);
    digits.saturating_sub(exponent.parse().unwrap_or(0)).max(0)
}

fn unit(value: f64) -> Option<f64> {
    (-ROUNDING..=1.0 + ROUNDING).contains(&value).then(|| value.clamp(0.0, 1.0))
}

fn number(cell: &str, what: &str) -> Result<f64, String> {
    // One comma and no point: no number from 0 to 1 has thousands to separate.
    let has_comma = cell.matches(',').count() == 1 && !cell.contains('.');
    match if has_comma { cell.replace(',', ".").parse::<f64>() } else { cell.parse() } {
        _ if cell.is_empty() => Err(format!("{what} is empty")),
        Ok(value) if !value.is_finite() => Err(format!("{what} is `{cell}`, not a finite number")),
        Ok(value) => Ok(value),
        Err(_) if cell.ends_with('%') => Err(format!("{what} is `{cell}`, a percentage; write shares, such as `0.75`")),
        Err(_) => Err(format!("{what} is `{cell}`, not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_single_precision_adds_to_one_is_no_logit() {
        assert_eq!(probability("1.0000001", "p"), Ok(1.0));
        assert_eq!(["0.25", "1", "2.5e-3", "1e-30", "25e-2", "0,333"].map(decimals), [2, 0, 4, 30, 2, 3]);
    }
}
