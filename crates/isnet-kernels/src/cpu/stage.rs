//! Source rows with their padding around them, so that a tap is the same distance away from every pixel.

use super::{
    scratch::{Scratch, Values},
    walk::AxisWalk,
};

/// Strides of this many values put the pixels of a tile into the same few places of the first cache.
const ALIASING: usize = 1024;
/// Values that set such pixels apart.
const APART: usize = 16;

/// How the source of one phase is laid out for the tiles.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Values of a source pixel, and between two pixels as staged.
    pub channels: usize,
    pub pixel: usize,
    /// Smallest offset and number of pixels seen, per axis, from line 0 and from pixel 0 of a line.
    low: [isize; 2],
    width: usize,
    staged: bool,
}

impl Layout {
    pub fn new(walk: &[AxisWalk; 2], channels: usize) -> Self {
        let low = [0, 1].map(|axis: usize| walk[axis].taps.iter().map(|tap| tap.offset).min().unwrap_or(0));
        let high = |axis: usize| walk[axis].taps.iter().map(|tap| tap.offset).max().unwrap_or(0);
        let inside = |axis: usize| {
            let last = ((walk[axis].count.max(1) - 1) * walk[axis].step) as isize + high(axis);
            low[axis] >= 0 && last < walk[axis].source as isize
        };
        let aliases = (channels * walk[1].step).is_multiple_of(ALIASING) && walk[1].count * walk[0].count > 1;
        let staged = aliases || !inside(0) || !inside(1);
        let width = ((walk[1].count.max(1) - 1) * walk[1].step) as isize + high(1) - low[1] + 1;
        let pixel = if aliases { channels + APART } else { channels };
        Self { channels, pixel, low, width: width as usize, staged }
    }

    /// Source rows that `lines` lines see.
    fn rows(&self, walk: &AxisWalk, lines: usize) -> usize {
        let high = walk.taps.iter().map(|tap| tap.offset).max().unwrap_or(0);
        (lines - 1) * walk.step + (high - self.low[0]) as usize + 1
    }

    /// Values between two lines of a stage.
    pub fn line(&self, walk: &[AxisWalk; 2]) -> usize {
        walk[0].step * self.row(walk)
    }

    fn row(&self, walk: &[AxisWalk; 2]) -> usize {
        if self.staged { self.width * self.pixel } else { walk[1].source * self.pixel }
    }

    /// Where a tap (vertical, horizontal) lies, from the first value of a line.
    pub fn tap(&self, walk: &[AxisWalk; 2], [v, h]: [usize; 2]) -> usize {
        let [v, h] = [walk[0].taps[v].offset - self.low[0], walk[1].taps[h].offset - self.low[1]];
        v as usize * self.row(walk) + h as usize * self.pixel
    }

    /// The lines `first..first + lines` of a sample.
    pub fn stage<'a>(&self, walk: &[AxisWalk; 2], sample: &'a [f32], first: usize, lines: usize) -> Values<'a> {
        let row = walk[1].source * self.channels;
        let top = (first * walk[0].step) as isize + self.low[0];
        if !self.staged {
            return Values::InPlace(&sample[top as usize * row + self.low[1] as usize * self.channels..]);
        }
        let rows = self.rows(&walk[0], lines);
        let mut copy = Scratch::take(rows * self.width * self.pixel);
        for (y, line) in (top..).zip(copy.chunks_mut(self.width * self.pixel)) {
            if y < 0 || y >= walk[0].source as isize {
                line.fill(0.0);
                continue;
            }
            self.copy_row(&sample[y as usize * row..][..row], line);
        }
        Values::Copied(copy)
    }

    fn copy_row(&self, source: &[f32], line: &mut [f32]) {
        let before = (-self.low[1]).max(0) as usize;
        let skipped = self.low[1].max(0) as usize;
        let pixels = (source.len() / self.channels - skipped).min(self.width.saturating_sub(before));
        let (left, rest) = line.split_at_mut(before.min(self.width) * self.pixel);
        let (inside, right) = rest.split_at_mut(pixels * self.pixel);
        left.fill(0.0);
        right.fill(0.0);
        let source = &source[skipped * self.channels..][..pixels * self.channels];
        if self.pixel == self.channels {
            inside.copy_from_slice(source);
            return;
        }
        for (to, from) in inside.chunks_mut(self.pixel).zip(source.chunks(self.channels)) {
            to[..self.channels].copy_from_slice(from);
        }
    }
}
