//! Average pooling as two small matrix products, so that it and its transpose are the same code.
//!
//! Every average pool (padded, ceil mode, adaptive) is separable: `y = P_h · x · P_wᵀ`, where row `i` of `P` holds the
//! weights of window `i` along one axis.

use burn::tensor::{Tensor, TensorData};

use crate::{
    cpu::{self, pool::Blend},
    max_pool::pooled_length,
    plain,
};

/// The weights of an average pool along both axes.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragePool {
    vertical: Weights,
    horizontal: Weights,
}

/// A matrix `[output, input]`, row-major.
#[derive(Clone, Debug, PartialEq)]
struct Weights {
    output: usize,
    input: usize,
    values: Vec<f64>,
}

/// One axis of a window pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AverageWindow {
    /// Window length, ≥ 1.
    pub kernel: usize,
    /// Pixels between two windows, ≥ 1.
    pub stride: usize,
    /// Zeros added on both sides.
    pub padding: usize,
    /// Keep a last window that hangs over the border.
    pub ceil_mode: bool,
    /// Whether padding counts in the divisor, as in PyTorch's default.
    pub count_padding: bool,
}

impl AverageWindow {
    /// Number of windows over `input` values, or `None` if the window does not fit.
    pub fn output_length(&self, input: usize) -> Option<usize> {
        pooled_length(input, self.kernel, self.stride, self.padding, self.ceil_mode)
    }
}

impl AveragePool {
    /// A window pool over an input of `[H, W]`; `None` if a window does not fit.
    pub fn windows(input: [usize; 2], window: [AverageWindow; 2]) -> Option<Self> {
        Some(Self {
            vertical: Weights::windows(input[0], &window[0])?,
            horizontal: Weights::windows(input[1], &window[1])?,
        })
    }

    /// An adaptive pool from `[H, W]` to `output`, with PyTorch's window borders `⌊i·n/m⌋ .. ⌈(i+1)·n/m⌉`.
    pub fn adaptive(input: [usize; 2], output: [usize; 2]) -> Self {
        Self { vertical: Weights::adaptive(input[0], output[0]), horizontal: Weights::adaptive(input[1], output[1]) }
    }

    /// Output size `[H_out, W_out]`.
    pub fn output_size(&self) -> [usize; 2] {
        [self.vertical.output, self.horizontal.output]
    }

    /// `P_h` and `P_w` as tensors `[1, output, input]`, of the kind of `like`.
    pub(crate) fn matrices(&self, like: &Tensor<4>) -> [Tensor<3>; 2] {
        [self.vertical.tensor(like), self.horizontal.tensor(like)]
    }

    /// The pool and its transpose for the CPU.
    fn blends(&self) -> [Blend; 2] {
        let (vertical, horizontal) = (&self.vertical, &self.horizontal);
        let forth = Blend { axes: [vertical.shares(), horizontal.shares()] };
        let back = Blend { axes: [vertical.transposed_shares(), horizontal.transposed_shares()] };
        [forth, back]
    }
}

impl Weights {
    fn windows(input: usize, window: &AverageWindow) -> Option<Self> {
        let output = window.output_length(input)?;
        let mut values = vec![0.0; output * input];
        for (i, row) in values.chunks_mut(input).enumerate() {
            // Positions count from the left padding; a hanging window ends where the right padding does.
            let start = i * window.stride;
            let end = (start + window.kernel).min(input + 2 * window.padding);
            let first = start.max(window.padding) - window.padding;
            let last = end.min(input + window.padding) - window.padding;
            let divisor = if window.count_padding { end - start } else { last - first };
            row[first..last].fill(1.0 / divisor as f64);
        }
        Some(Self { output, input, values })
    }

    fn adaptive(input: usize, output: usize) -> Self {
        let mut values = vec![0.0; output * input];
        for (i, row) in values.chunks_mut(input).enumerate() {
            let (first, last) = (i * input / output, ((i + 1) * input).div_ceil(output));
            row[first..last].fill(1.0 / (last - first) as f64);
        }
        Self { output, input, values }
    }

    fn tensor(&self, like: &Tensor<4>) -> Tensor<3> {
        let data = TensorData::new(self.values.clone(), [1, self.output, self.input]);
        Tensor::from_data(data, (&like.device(), like.dtype()))
    }

    /// For each output, the inputs that share in it.
    fn shares(&self) -> Vec<Vec<(usize, f32)>> {
        let share = |(place, value): (usize, &f64)| (*value != 0.0).then_some((place, *value as f32));
        self.values.chunks(self.input).map(|row| row.iter().enumerate().filter_map(share).collect()).collect()
    }

    /// For each input, the outputs it shares in.
    fn transposed_shares(&self) -> Vec<Vec<(usize, f32)>> {
        let mut shares = vec![Vec::new(); self.input];
        for (output, row) in self.shares().into_iter().enumerate() {
            row.into_iter().for_each(|(input, value)| shares[input].push((output, value)));
        }
        shares
    }
}

/// Averages every window.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`
/// - returns `[N, H_out, W_out, C]`
pub fn average_pool(input: Tensor<4>, pool: &AveragePool) -> Tensor<4> {
    if cpu::applies(&input) {
        let [forth, back] = pool.blends();
        return cpu::pool::blend(input, forth, back);
    }
    plain::average_pool(input, pool)
}

/// Applies the transpose of [`average_pool`]: every output spreads over its window.
///
/// # Shapes
/// - `output`: `[N, H_out, W_out, C]`
/// - returns `[N, H, W, C]`
pub fn average_pool_transpose(output: Tensor<4>, pool: &AveragePool) -> Tensor<4> {
    if cpu::applies(&output) {
        let [forth, back] = pool.blends();
        return cpu::pool::blend(output, back, forth);
    }
    plain::average_pool_transpose(output, pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hanging_window_divides_by_what_lies_inside_the_padding() {
        // PyTorch, AvgPool(kernel 3, stride 2, ceil_mode) over 4 values: windows 0..3 and 2..4 (5 is cut at 4).
        let window = AverageWindow { kernel: 3, stride: 2, padding: 0, ceil_mode: true, count_padding: true };
        let weights = Weights::windows(4, &window).expect("fits");
        assert_eq!(weights.output, 2);
        assert_eq!(weights.values[4..], [0.0, 0.0, 0.5, 0.5]);
    }

    #[test]
    fn a_window_that_starts_beyond_the_input_and_its_left_padding_is_left_out() {
        // Over 3 values and a padding of 1 before and after them, a third window would start at place 4, the padding after.
        let window = AverageWindow { kernel: 2, stride: 2, padding: 1, ceil_mode: true, count_padding: true };
        assert_eq!(Weights::windows(3, &window).expect("fits").output, 2);
        assert_eq!(Weights::windows(4, &window).expect("fits").output, 3);
    }

    #[test]
    fn padding_counts_unless_told_otherwise() {
        let window = AverageWindow { kernel: 2, stride: 2, padding: 1, ceil_mode: false, count_padding: true };
        assert_eq!(Weights::windows(2, &window).expect("fits").values[..2], [0.5, 0.0]);
        let bare = AverageWindow { count_padding: false, ..window };
        assert_eq!(Weights::windows(2, &bare).expect("fits").values[..2], [1.0, 0.0]);
    }
}
