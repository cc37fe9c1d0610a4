//! Weights in the order in which the tiles read them: `[groups, panels, blocks, taps, channels of a block, LANES]`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{lanes::LANES, sweep};

/// The packed forms of one weight, each made when first asked for.
///
/// Whoever has the weight has its `Packs`; they say nothing about another one.
#[derive(Debug, Default)]
pub(crate) struct Packs(Mutex<Vec<(PackOrder, Arc<Vec<f32>>)>>);

impl Packs {
    /// The weight in this order.
    ///
    /// Packing is a parallel loop, in which a thread that waits may begin another task that asks for the same weight. So the lock is not
    /// held meanwhile; two that come at once both pack, and the first to be done is kept.
    pub(super) fn form(&self, order: &PackOrder, weight: &[f32]) -> Arc<Vec<f32>> {
        if let Some(form) = Self::known(&self.lock(), order) {
            return form;
        }
        let form = Arc::new(order.pack(weight));
        let mut forms = self.lock();
        Self::known(&forms, order).unwrap_or_else(|| {
            forms.push((order.clone(), form.clone()));
            form
        })
    }

    fn known(forms: &[(PackOrder, Arc<Vec<f32>>)], order: &PackOrder) -> Option<Arc<Vec<f32>>> {
        forms.iter().find(|(known, _)| known == order).map(|(_, form)| form.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(PackOrder, Arc<Vec<f32>>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the weights of one phase lie in a weight `[…, taps]`, and how they are ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    fn pack(&self, weight: &[f32]) -> Vec<f32> {
        sweep::create_rows(self.groups * self.panels(), self.panel(), |panel, out| {
            let (group, first) = (panel / self.panels(), panel % self.panels() * LANES);
            let lanes = LANES.min(self.produce - first);
            let weight = &weight[group * self.group + first * self.strides[1]..];
            self.pack_panel(weight, lanes, out);
        })
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
