//! Which source pixels a destination pixel looks at, along one axis.
//!
//! A convolution and its transpose are the same loop over other walks: destination `first + i·every` reads the sources
//! `i·step + offset`, one per tap. A convolution is one walk (`every = 1`, `step = stride`); its transpose is one walk per
//! remainder of the destination modulo the stride (`every = stride`, `step = 1`), each with the taps that reach it.

use std::ops::Range;

/// A tap of the kernel as a walk sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    /// Source pixel relative to `i·step`.
    pub offset: isize,
    /// Position in the kernel along this axis.
    pub kernel: usize,
}

/// The walk along one axis; taps in the order of the kernel, which is the order of summation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AxisWalk {
    pub first: usize,
    pub every: usize,
    pub count: usize,
    pub step: usize,
    pub taps: Vec<Tap>,
    /// Source pixels along this axis; taps outside read zero.
    pub source: usize,
}

/// A kernel along one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisKernel {
    pub length: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
}

impl AxisWalk {
    /// The walk of a convolution from `input` to `output` pixels.
    pub fn convolution(kernel: AxisKernel, input: usize, output: usize) -> Self {
        let offset = |k: usize| (k * kernel.dilation) as isize - kernel.padding as isize;
        let taps = (0..kernel.length).map(|k| Tap { offset: offset(k), kernel: k }).collect();
        Self { first: 0, every: 1, count: output, step: kernel.stride, taps, source: input }
    }

    /// The walks of its transpose, from `output` back to `input` pixels.
    pub fn transpose(kernel: AxisKernel, input: usize, output: usize) -> Vec<Self> {
        let phase = |first: usize| {
            let distance = |k: usize| (first + kernel.padding) as isize - (k * kernel.dilation) as isize;
            let taps = (0..kernel.length)
                .filter(|&k| distance(k) % kernel.stride as isize == 0)
                .map(|k| Tap { offset: distance(k) / kernel.stride as isize, kernel: k })
                .collect();
            let count = (input - first).div_ceil(kernel.stride);
            Self { first, every: kernel.stride, count, step: 1, taps, source: output }
        };
        (0..kernel.stride.min(input)).map(phase).collect()
    }

    /// The source pixel of destination `i` at a tap, or `None` in the padding.
    pub fn source_of(&self, i: usize, tap: usize) -> Option<usize> {
        let position = (i * self.step) as isize + self.taps[tap].offset;
        (position >= 0 && position < self.source as isize).then_some(position as usize)
    }

    /// The destinations for which no tap lies in the padding.
    pub fn interior(&self) -> Range<usize> {
        let inside = |i: &usize| (0..self.taps.len()).all(|tap| self.source_of(*i, tap).is_some());
        let first = (0..self.count).find(inside).unwrap_or(self.count);
        let last = (first..self.count).rev().find(inside).map_or(first, |i| i + 1);
        first..last
    }

    /// Whether the taps read neighbouring pixels.
    pub fn contiguous_taps(&self) -> bool {
        self.taps.windows(2).all(|pair| pair[1].offset == pair[0].offset + 1)
    }

    /// Whether destination `i` is source `i`, for all of both.
    pub fn identity(&self) -> bool {
        let single = self.taps.len() == 1 && self.taps[0].offset == 0;
        single && self.step == 1 && self.every == 1 && self.source == self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transpose_reads_every_pair_of_the_convolution_once() {
        for (length, stride, padding, dilation, input) in
            [(3, 2, 1, 1, 7), (2, 3, 0, 1, 9), (3, 1, 2, 2, 5), (1, 2, 0, 1, 6)]
        {
            let kernel = AxisKernel { length, stride, padding, dilation };
            let output = (input + 2 * padding - dilation * (length - 1) - 1) / stride + 1;
            let forward = AxisWalk::convolution(kernel, input, output);
            let pairs = |walk: &AxisWalk| {
                let of = |i: usize| {
                    let destination = walk.first + i * walk.every;
                    let sources = (0..walk.taps.len())
                        .filter_map(move |t| walk.source_of(i, t).map(|s| (s, walk.taps[t].kernel)));
                    sources.map(move |(source, k)| (source, destination, k)).collect::<Vec<_>>()
                };
                (0..walk.count).flat_map(of).collect::<Vec<_>>()
            };
            let mut expected: Vec<_> = pairs(&forward).into_iter().map(|(s, d, k)| (d, s, k)).collect();
            let mut got: Vec<_> = AxisWalk::transpose(kernel, input, output).iter().flat_map(pairs).collect();
            expected.sort_unstable();
            got.sort_unstable();
            assert_eq!(got, expected, "{kernel:?}");
        }
    }
}
