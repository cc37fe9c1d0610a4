//! What a small classifier sees of an image.

use isnet_data::Image;

/// Cells of the coarse picture along each side.
const CELLS: usize = 16;
/// Bins of the histogram of values.
const BINS: usize = 16;
/// Cells of the gradient histograms along each side.
const GRADIENT_CELLS: usize = 8;
/// Directions of a gradient, from 0 to 180°.
const DIRECTIONS: usize = 6;

/// A coarse picture (16 × 16 means per channel), the histogram of the values (16 bins per channel), and, in each of 8 × 8
/// cells, how strong the edges of each of 6 directions are (mean magnitude of the gradient of the mean of the channels).
///
/// Together they hold colour, exposure, frames, marks and texture, and no more than a few hundred numbers.
///
/// # Example
/// ```
/// # use isnet_audit::readability::features;
/// # use isnet_data::Image;
/// let gray = Image::new(32, 32, 1, vec![0.5; 1024]);
/// assert_eq!(features(&gray).len(), 256 + 16 + 8 * 8 * 6);
/// ```
pub fn features(image: &Image) -> Vec<f32> {
    let Image { height, width, channels, .. } = *image;
    let cell = |y: usize, x: usize, cells: usize| y * cells / height * cells + x * cells / width;
    let mut coarse = vec![0.0_f32; CELLS * CELLS * channels];
    let mut counts = vec![0.0_f32; CELLS * CELLS];
    let mut histogram = vec![0.0_f32; BINS * channels];
    let mut edges = vec![0.0_f32; GRADIENT_CELLS * GRADIENT_CELLS * DIRECTIONS];
    let mut edge_counts = vec![0.0_f32; GRADIENT_CELLS * GRADIENT_CELLS];
    let mean = |y: usize, x: usize| image.pixel(y, x).iter().sum::<f32>() / channels as f32;
    for y in 0..height {
        for x in 0..width {
            let place = cell(y, x, CELLS);
            counts[place] += 1.0;
            for (channel, value) in image.pixel(y, x).iter().enumerate() {
                coarse[place * channels + channel] += value;
                let bin = ((value * BINS as f32) as usize).min(BINS - 1);
                histogram[bin * channels + channel] += 1.0 / (height * width) as f32;
            }
            let across = mean(y, (x + 1).min(width - 1)) - mean(y, x.saturating_sub(1));
            let down = mean((y + 1).min(height - 1), x) - mean(y.saturating_sub(1), x);
            let angle = down.atan2(across).rem_euclid(std::f32::consts::PI) / std::f32::consts::PI;
            let direction = ((angle * DIRECTIONS as f32 + 0.5) as usize) % DIRECTIONS;
            let place = cell(y, x, GRADIENT_CELLS);
            edge_counts[place] += 1.0;
            edges[place * DIRECTIONS + direction] += across.hypot(down);
        }
    }
    let of_cells = coarse.chunks_exact(channels).zip(&counts);
    let coarse = of_cells.flat_map(|(cell, n)| cell.iter().map(move |sum| sum / n.max(1.0)));
    let of_edges = edges.chunks_exact(DIRECTIONS).zip(&edge_counts);
    let edges = of_edges.flat_map(|(cell, n)| cell.iter().map(move |sum| sum / n.max(1.0)));
    coarse.chain(histogram).chain(edges).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_in_its_cell_its_bin_and_its_edges() {
        let mut image = Image::new(32, 32, 1, vec![0.0; 1024]);
        let before = features(&image);
        image.pixels[3 * 32 + 5] = 1.0; // cell (1, 2) of 16, cell (0, 1) of 8
        let after = features(&image);
        let changed: Vec<usize> = (0..after.len()).filter(|&place| after[place] != before[place]).collect();
        assert!(changed.contains(&(16 + 2)) && after[16 + 2] == 0.25, "{changed:?}");
        assert_eq!((after[256 + 15] * 1024.0).round(), 1.0);
        // Left and right of the spot the gradient runs across, above and below it down.
        let edges = &after[272..];
        assert!(edges[DIRECTIONS] > 0.0 && edges[DIRECTIONS + DIRECTIONS / 2] > 0.0, "{edges:?}");
    }

    #[test]
    fn pictures_smaller_than_the_cells_have_features_too() {
        let tiny = Image::new(3, 5, 3, vec![0.25; 45]);
        assert!(features(&tiny).iter().all(|value| value.is_finite()));
    }
}
