//! Positions of a vision transformer, resampled for images of another size.
//!
//! As torchvision's `interpolate_embeddings`: the class token keeps its vector, the grid of the others is resampled bicubically (Keys 1981,
//! a = −0.75) with corner on corner.

use std::borrow::Cow;

use isnet_graph::{Graph, Op, ParamSpec};

use crate::error::ShapeDifference;
use crate::weights::{NamedTensor, TensorValues};

/// The tensors with positions of a square grid resampled to the graph's grid where their number differs, and what was resampled.
pub(super) fn resampled<'a>(
    graph: &Graph,
    tensors: &'a [NamedTensor],
) -> (Cow<'a, [NamedTensor]>, Vec<ShapeDifference>) {
    let (mut tensors, mut differences) = (Cow::Borrowed(tensors), Vec::new());
    for (_, node) in graph.nodes() {
        let Op::Tokens(tokens) = &node.op else { continue };
        let spec = graph.param(tokens.position);
        let Some(index) = tensors.iter().position(|tensor| tensor.name == spec.name) else { continue };
        if let Some(values) = fitting(&tensors[index], spec, tokens.grid) {
            let difference = ShapeDifference {
                name: spec.name.clone(),
                file: tensors[index].shape.clone(),
                graph: spec.shape.clone(),
            };
            differences.push(difference);
            tensors.to_mut()[index] = NamedTensor::f32(&spec.name, spec.shape.clone(), values);
        }
    }
    (tensors, differences)
}

/// The values for `grid`, if the tensor has those of another, square one.
fn fitting(tensor: &NamedTensor, spec: &ParamSpec, grid: [usize; 2]) -> Option<Vec<f32>> {
    let (TensorValues::F32(values), [1, tokens, channels]) = (&tensor.values, tensor.shape.as_slice()) else {
        return None;
    };
    let side = tokens.checked_sub(1)?.isqrt();
    let resamples = *channels == spec.shape[2] && tensor.shape != spec.shape && side > 0 && side * side + 1 == *tokens;
    resamples.then(|| {
        let (class_token, pixels) = values.split_at(*channels);
        let rows = along_rows(pixels, [side, side * channels], grid[0]);
        let columns = rows.chunks(side * channels).flat_map(|row| along_rows(row, [side, *channels], grid[1]));
        class_token.iter().copied().chain(columns).collect()
    })
}

/// Resamples `from` rows of `length` values to `to` rows.
fn along_rows(values: &[f32], [from, length]: [usize; 2], to: usize) -> Vec<f32> {
    let step = if to > 1 { (from - 1) as f64 / (to - 1) as f64 } else { 0.0 };
    let mut out = Vec::with_capacity(to * length);
    for row in 0..to {
        let place = row as f64 * step;
        let first = place.floor();
        let taps: Vec<(usize, f64)> = (-1..=2)
            .map(|tap| {
                let source = first as isize + tap;
                (source.clamp(0, from as isize - 1) as usize * length, cubic((place - source as f64).abs()))
            })
            .collect();
        out.extend(
            (0..length).map(|i| taps.iter().map(|(start, w)| w * f64::from(values[start + i])).sum::<f64>() as f32),
        );
    }
    out
}

/// The kernel of cubic convolution at a distance in [0, 2].
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.75;
    if x <= 1.0 { ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0 } else { ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_stay_and_a_line_is_sampled_as_torch_does() {
        // torch.nn.functional.interpolate(tensor([[[[0., 1, 4, 9]]]]), (1, 7), mode="bicubic", align_corners=True)
        let found = along_rows(&[0.0, 1.0, 4.0, 9.0], [4, 1], 7);
        let expected = [0.0, 0.21875, 1.0, 2.125, 4.0, 6.78125, 9.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        assert_eq!(along_rows(&[1.0, 2.0, 3.0, 4.0], [2, 2], 2), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(along_rows(&[1.0, 2.0, 3.0, 4.0], [2, 2], 1), [1.0, 2.0]);
    }
}
