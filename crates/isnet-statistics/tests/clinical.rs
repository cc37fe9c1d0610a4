//! The same numbers as statsmodels, SciPy and plain formulas: `golden/make_clinical.py` made `golden/clinical.json`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use isnet_statistics::{Interval, clopper_pearson, jeffreys, wilson};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/clinical.json")).unwrap()
}

fn close(got: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: got {got}, expected nothing"));
    assert!((got - expected).abs() < 1e-9 * expected.abs().max(1e-3), "{what}: got {got}, expected {expected}");
}

fn close_bounds(got: &Interval, expected: &Value, what: &str) {
    close(got.low, &expected[0], what);
    close(got.high, &expected[1], what);
}

#[test]
fn proportions_agree_with_statsmodels() {
    for case in golden()["proportions"].as_array().unwrap() {
        let (k, n) = (case[0].as_u64().unwrap() as usize, case[1].as_u64().unwrap() as usize);
        let confidence = case[2].as_f64().unwrap();
        let what = format!("{k} of {n} at {confidence}");
        close_bounds(&wilson(k, n, confidence).unwrap(), &case[3], &what);
        close_bounds(&clopper_pearson(k, n, confidence).unwrap(), &case[4], &what);
        let mut cut = case[5].clone(); // statsmodels does not cut at 0 and n
        if k == 0 {
            cut[0] = Value::from(0.0);
        }
        if k == n {
            cut[1] = Value::from(1.0);
        }
        close_bounds(&jeffreys(k, n, confidence).unwrap(), &cut, &what);
    }
}
