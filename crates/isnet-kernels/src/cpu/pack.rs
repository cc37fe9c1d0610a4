//! Weights in the order in which the tiles read them: `[groups, panels, blocks, taps, channels of a block, LANES]`.

use rayon::prelude::*;

use super::{lanes::LANES, scratch::Scratch};

/// Where the weights of one phase lie in a weight `[…, taps]`, and how they are ordered.
#[derive(Clone, Debug)]
pub(super) struct PackOrder {
    /// Positions in the kernel, in the order of summation.
    pub taps: Vec<usize>,
    pub groups: usize,
    /// Channels that a group sums over, and that it makes.
    pub reduce: usize,
    pub produce: usize,
    /// Summed channels in a chain.
    pub block: usize,
    /// Distance in the weight between two summed and between two made channels.
    pub strides: [usize; 2],
    /// Values of a group in the weight.
    pub group: usize,
}

impl PackOrder {
    /// Panels of a group.
    pub fn panels(&self) -> usize {
        self.produce.div_ceil(LANES)
    }

    /// Values of a panel.
    pub fn panel(&self) -> usize {
        self.taps.len() * self.reduce * LANES
    }

    pub fn pack(&self, weight: &[f32]) -> Scratch {
        let mut packed = Scratch::take(self.groups * self.panels() * self.panel());
        if packed.is_empty() {
            return packed;
        }
        packed.par_chunks_mut(self.panel()).enumerate().for_each(|(panel, out)| {
            let (group, first) = (panel / self.panels(), panel % self.panels() * LANES);
            let lanes = LANES.min(self.produce - first);
            let weight = &weight[group * self.group + first * self.strides[1]..];
            if lanes < LANES {
                out.fill(0.0);
            }
            self.pack_panel(weight, lanes, out);
        });
        packed
    }

    /// Goes along the weight in the order in which it lies, as far as a panel allows.
    fn pack_panel(&self, weight: &[f32], lanes: usize, out: &mut [f32]) {
        let taps = self.taps.len();
        for (block, out) in out.chunks_mut(taps * self.block * LANES).enumerate() {
            let channels = out.len() / (taps * LANES);
            let weight = &weight[block * self.block * self.strides[0]..];
            let mut copy = |channel: usize, lane: usize| {
                let weight = &weight[channel * self.strides[0] + lane * self.strides[1]..];
                let places = out[channel * LANES + lane..].iter_mut().step_by(channels * LANES);
                places.zip(&self.taps).for_each(|(place, tap)| *place = weight[*tap]);
            };
            if self.strides[0] < self.strides[1] {
                (0..lanes).for_each(|lane| (0..channels).for_each(|channel| copy(channel, lane)));
            } else {
                (0..channels).for_each(|channel| (0..lanes).for_each(|lane| copy(channel, lane)));
            }
        }
    }
}
