//! Weights in the order in which the tiles read them: `[groups, panels, blocks, taps, channels of a block, LANES]`.

use rayon::prelude::*;

use super::{lanes::LANES, scratch::Scratch};

/// Where the weights of one phase lie in a weight `[…, taps]`, and how they are ordered.
#[derive(Clone, Debug)]
pub(super) struct PackOrder {
    /// Positions in the kernel, in the order of summation.
    pub taps: Vec<usize>,
    /// All positions in the kernel.
    pub positions: usize,
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
            self.pack_panel(weight, lanes, out);
        });
        packed
    }

    /// Reads sixteen rows of the weight side by side and writes the packed rows whole.
    fn pack_panel(&self, weight: &[f32], lanes: usize, out: &mut [f32]) {
        let taps = self.taps.len();
        let [channel_stride, lane_stride] = self.strides;
        for (block, out) in out.chunks_mut(taps * self.block * LANES).enumerate() {
            let channels = out.len() / (taps * LANES);
            let (rows, _) = out.as_chunks_mut::<LANES>();
            for channel in 0..channels {
                let weight = &weight[(block * self.block + channel) * channel_stride..];
                // A last panel repeats its last channel and zeroes the copies afterwards.
                let lines: [&[f32]; LANES] =
                    std::array::from_fn(|lane| &weight[lane.min(lanes - 1) * lane_stride..][..self.positions]);
                for (slot, &tap) in self.taps.iter().enumerate() {
                    let row = &mut rows[slot * channels + channel];
                    *row = std::array::from_fn(|lane| lines[lane][tap]);
                    row[lanes..].fill(0.0);
                }
            }
        }
    }
}
