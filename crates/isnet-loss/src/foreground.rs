//! The foreground term of the heatmap loss (METHOD §4).

use burn::tensor::Tensor;

/// Natural range of the total foreground relevance, `C1..=C2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForegroundRange {
    /// C1.
    pub min: f64,
    /// C2.
    pub max: f64,
}

/// How relevance above the range is punished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForegroundForm {
    /// Quadratically.
    L2,
    /// Quadratically up to `C1 + C2`, linearly beyond.
    Hybrid,
}

/// Punishes totals outside the natural range.
///
/// `below = (min(F/C1, 1) − 1)²`, `above = (max(F/C1, C2/C1) − C2/C1)²`; the hybrid form is `(F − (C1 + C2)) + 1` beyond `F = C1 + C2`.
///
/// # Shapes
/// - `total` (`F`) and the result: `[N·E]`
pub fn foreground_term(total: Tensor<1>, range: ForegroundRange, form: ForegroundForm) -> Tensor<1> {
    let (scaled, ceiling) = (total.clone() / range.min, range.max / range.min);
    let below = (scaled.clone().clamp_max(1.0) - 1.0).square();
    let quadratic = (scaled.clamp_min(ceiling) - ceiling).square();
    let above = match form {
        ForegroundForm::L2 => quadratic,
        ForegroundForm::Hybrid => {
            let knee = range.min + range.max;
            let beyond = total.clone().greater_scalar(knee);
            // The branch not taken is zeroed before it is summed, so that its gradient cannot leak or overflow.
            quadratic.mask_fill(beyond.clone(), 0.0) + (total - knee + 1.0).mask_fill(beyond.bool_not(), 0.0)
        }
    };
    below + above
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    const RANGE: ForegroundRange = ForegroundRange { min: 2.0, max: 6.0 };

    /// The term of each total, and its slope.
    fn term(totals: &[f32], form: ForegroundForm) -> (Vec<f32>, Vec<f32>) {
        let totals = Tensor::<1>::from_floats(totals, &Device::flex()).autodiff().require_grad();
        let term = foreground_term(totals.clone(), RANGE, form);
        let slope = totals.grad(&term.clone().sum().backward()).expect("the totals are tracked");
        (term.try_into_vec_as().expect("floats"), slope.try_into_vec_as().expect("floats"))
    }

    #[test]
    fn punishes_what_is_below_the_range() {
        // (F/2 − 1)², slope F/2 − 1.
        for form in [ForegroundForm::L2, ForegroundForm::Hybrid] {
            assert_eq!(term(&[0.0, 1.0], form), (vec![1.0, 0.25], vec![-1.0, -0.5]));
        }
    }

    #[test]
    fn is_flat_inside_the_range() {
        for form in [ForegroundForm::L2, ForegroundForm::Hybrid] {
            assert_eq!(term(&[2.5, 4.0, 5.5], form), (vec![0.0; 3], vec![0.0; 3]));
            assert_eq!(term(&[2.0, 6.0], form).0, [0.0, 0.0], "the ends belong to it");
        }
    }

    #[test]
    fn l2_grows_quadratically_above_the_range() {
        // (F/2 − 3)², slope F/2 − 3.
        assert_eq!(term(&[7.0, 8.0, 10.0], ForegroundForm::L2), (vec![0.25, 1.0, 4.0], vec![0.5, 1.0, 2.0]));
    }

    #[test]
    fn hybrid_grows_linearly_beyond_the_sum_of_the_bounds() {
        // The knee is at 2 + 6 = 8: quadratic before, F − 8 + 1 beyond.
        assert_eq!(term(&[7.0, 9.0, 10.0], ForegroundForm::Hybrid), (vec![0.25, 2.0, 3.0], vec![0.5, 1.0, 1.0]));
    }

    #[test]
    fn hybrid_has_no_jump_at_its_knee() {
        let values = term(&[7.999, 8.0, 8.001], ForegroundForm::Hybrid).0;
        assert!(values.iter().all(|value| (value - 1.0).abs() < 2e-3), "{values:?}");
    }

    #[test]
    fn hybrid_survives_totals_whose_square_overflows() {
        assert_eq!(term(&[1e30], ForegroundForm::Hybrid), (vec![1e30], vec![1.0]));
    }
}
