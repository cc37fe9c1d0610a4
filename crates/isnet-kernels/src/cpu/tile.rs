//! The two innermost loops: a tile of sums that stays in registers.
//!
//! [`Product`] multiplies pixels by packed weights (a convolution), [`Outer`] sums products over pixels (its weight gradient). Each exists
//! for every tile size and instruction set; [`product`] and [`outer`] pick one.

#![expect(unsafe_code, reason = "bounds are checked once per tile, not per value")]
#![expect(clippy::needless_range_loop, reason = "the loops over a tile are unrolled, and stay readable as counts")]

#[cfg(target_arch = "aarch64")]
use super::lanes::Neon;
#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{InstructionSet, LANES, Lanes, Portable};

/// Largest tile of an instruction set: rows for one and for two panels of [`LANES`] columns, and for four.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileSize {
    /// Rows of a tile of up to two panels.
    pub rows: usize,
    /// Panels in such a tile.
    pub panels: usize,
    /// Rows of a tile of four panels, 0 if there is none.
    pub rows_of_four: usize,
}

/// Values of the largest tile.
pub(super) const TILE_VALUES: usize = 14 * 2 * LANES;

impl InstructionSet {
    pub(super) fn tile_size(self) -> TileSize {
        match self {
            Self::Avx512 => TileSize { rows: 14, panels: 2, rows_of_four: 7 },
            Self::Avx2 | Self::Neon => TileSize { rows: 6, panels: 1, rows_of_four: 0 },
            Self::Portable => TileSize { rows: 4, panels: 1, rows_of_four: 0 },
        }
    }
}

/// `out[row][column] (+)= Σ over runs r, k < length: source[row · pixel + runs[r] + k] · weight[panel of column][r · length + k]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product<'a> {
    pub source: *const f32,
    /// Values between two rows of the tile in the source.
    pub pixel: usize,
    /// Where each run begins, relative to the row.
    pub runs: &'a [usize],
    /// Values in a run.
    pub length: usize,
    /// Panels of `[runs · length, LANES]`.
    pub weight: *const f32,
    /// Values between two panels.
    pub panel: usize,
    pub out: *mut f32,
    /// Values between two rows of `out`.
    pub out_row: usize,
    pub accumulate: bool,
}

/// `out[row][column] += Σ over lines, pixels: source[line, pixel, row] · gradient[line, pixel, column]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    pub source: *const f32,
    /// Values between two lines and between two pixels of the source.
    pub source_strides: [usize; 2],
    pub gradient: *const f32,
    pub gradient_strides: [usize; 2],
    /// Values between two panels of the gradient.
    pub panel: usize,
    /// `[lines, pixels]`.
    pub count: [usize; 2],
    pub out: *mut f32,
    /// Values between two rows of `out`.
    pub out_row: usize,
}

/// `out[c] = bias[c] + Σ over terms [a, b]: source[a + c] · weight[b + c]`, for whole panels of channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    pub bias: *const f32,
    pub source: *const f32,
    pub weight: *const f32,
    pub terms: &'a [[usize; 2]],
    pub out: *mut f32,
}

/// A filter of `terms.len()` taps over pixels that lie evenly, for one panel of channels. With weights in registers
/// ([`filter`]): `out[i · out_step] = bias + Σ over terms [a, b]: source[a + i · source_step] · weight[b]`; with sums in registers
/// ([`slope`]): `weight[b] += Σ over i: source[a + i · source_step] · out[i · out_step]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter<'a> {
    pub bias: *const f32,
    pub source: *const f32,
    pub weight: *mut f32,
    pub terms: &'a [[usize; 2]],
    pub out: *mut f32,
    pub pixels: usize,
    /// Values between two pixels of the source and of `out`.
    pub steps: [usize; 2],
}

/// Pixels that a filter makes side by side, so that none waits for the sum of another.
const FILTER_PIXELS: usize = 4;

/// A function for one tile size.
///
/// # Safety
/// This processor has the instruction set it was picked for, and all that the argument describes lies inside its buffers, of which `out` is
/// nobody else's.
pub(super) type ProductKernel = unsafe fn(&Product<'_>);
/// As [`ProductKernel`].
pub(super) type OuterKernel = unsafe fn(&Outer);
/// As [`ProductKernel`]; the number is that of the panels.
pub(super) type ChainKernel = unsafe fn(&Chain<'_>, usize);
/// As [`ProductKernel`]; the argument has as many terms as the function was picked for.
pub(super) type FilterKernel = unsafe fn(&Filter<'_>);

#[inline(always)]
unsafe fn product_tile<L: Lanes, const ROWS: usize, const PANELS: usize>(job: &Product<'_>) {
    unsafe {
        let mut sums = [[L::zero(); PANELS]; ROWS];
        let mut weight = job.weight;
        for &run in job.runs {
            let mut source = job.source.add(run);
            for _ in 0..job.length {
                let mut columns = [L::zero(); PANELS];
                for panel in 0..PANELS {
                    columns[panel] = L::load(weight.add(panel * job.panel));
                }
                for row in 0..ROWS {
                    let value = L::splat(source.add(row * job.pixel));
                    for panel in 0..PANELS {
                        sums[row][panel] = sums[row][panel].plus_product(value, columns[panel]);
                    }
                }
                source = source.add(1);
                weight = weight.add(LANES);
            }
        }
        for row in 0..ROWS {
            for panel in 0..PANELS {
                let out = job.out.add(row * job.out_row + panel * LANES);
                let sum = if job.accumulate { L::load(out).plus(sums[row][panel]) } else { sums[row][panel] };
                sum.store(out);
            }
        }
    }
}

#[inline(always)]
unsafe fn outer_tile<L: Lanes, const ROWS: usize, const PANELS: usize>(job: &Outer) {
    unsafe {
        let mut sums = [[L::zero(); PANELS]; ROWS];
        for line in 0..job.count[0] {
            let mut source = job.source.add(line * job.source_strides[0]);
            let mut gradient = job.gradient.add(line * job.gradient_strides[0]);
            for _ in 0..job.count[1] {
                let mut columns = [L::zero(); PANELS];
                for panel in 0..PANELS {
                    columns[panel] = L::load(gradient.add(panel * job.panel));
                }
                for row in 0..ROWS {
                    let value = L::splat(source.add(row));
                    for panel in 0..PANELS {
                        sums[row][panel] = sums[row][panel].plus_product(value, columns[panel]);
                    }
                }
                source = source.wrapping_add(job.source_strides[1]);
                gradient = gradient.wrapping_add(job.gradient_strides[1]);
            }
        }
        for row in 0..ROWS {
            for panel in 0..PANELS {
                let out = job.out.add(row * job.out_row + panel * LANES);
                L::load(out).plus(sums[row][panel]).store(out);
            }
        }
    }
}

#[inline(always)]
unsafe fn chain_panels<L: Lanes, const PANELS: usize>(job: &Chain<'_>, first: usize) {
    unsafe {
        let mut sums = [L::zero(); PANELS];
        for panel in 0..PANELS {
            sums[panel] = L::load(job.bias.add(first + panel * LANES));
        }
        for &[a, b] in job.terms {
            let (source, weight) = (job.source.add(a + first), job.weight.add(b + first));
            for panel in 0..PANELS {
                let (x, w) = (L::load(source.add(panel * LANES)), L::load(weight.add(panel * LANES)));
                sums[panel] = sums[panel].plus_product(x, w);
            }
        }
        for panel in 0..PANELS {
            sums[panel].store(job.out.add(first + panel * LANES));
        }
    }
}

#[inline(always)]
unsafe fn chain_all<L: Lanes>(job: &Chain<'_>, panels: usize) {
    let fours = panels / 4 * 4;
    (0..fours).step_by(4).for_each(|panel| unsafe { chain_panels::<L, 4>(job, panel * LANES) });
    (fours..panels).for_each(|panel| unsafe { chain_panels::<L, 1>(job, panel * LANES) });
}

#[inline(always)]
unsafe fn filter_pixels<L: Lanes, const TAPS: usize, const PIXELS: usize>(
    job: &Filter<'_>,
    weights: &[L; TAPS],
    first: usize,
) {
    unsafe {
        let mut sums = [L::load(job.bias); PIXELS];
        for tap in 0..TAPS {
            for pixel in 0..PIXELS {
                let x = L::load(job.source.add(job.terms[tap][0] + (first + pixel) * job.steps[0]));
                sums[pixel] = sums[pixel].plus_product(x, weights[tap]);
            }
        }
        for pixel in 0..PIXELS {
            sums[pixel].store(job.out.add((first + pixel) * job.steps[1]));
        }
    }
}

#[inline(always)]
unsafe fn filter_line<L: Lanes, const TAPS: usize>(job: &Filter<'_>) {
    unsafe {
        let mut weights = [L::zero(); TAPS];
        for tap in 0..TAPS {
            weights[tap] = L::load(job.weight.add(job.terms[tap][1]));
        }
        let whole = job.pixels / FILTER_PIXELS * FILTER_PIXELS;
        for pixel in (0..whole).step_by(FILTER_PIXELS) {
            filter_pixels::<L, TAPS, FILTER_PIXELS>(job, &weights, pixel);
        }
        for pixel in whole..job.pixels {
            filter_pixels::<L, TAPS, 1>(job, &weights, pixel);
        }
    }
}

#[inline(always)]
unsafe fn slope_line<L: Lanes, const TAPS: usize>(job: &Filter<'_>) {
    unsafe {
        let mut sums = [L::zero(); TAPS];
        for tap in 0..TAPS {
            sums[tap] = L::load(job.weight.add(job.terms[tap][1]));
        }
        for pixel in 0..job.pixels {
            let gradient = L::load(job.out.add(pixel * job.steps[1]));
            for tap in 0..TAPS {
                let x = L::load(job.source.add(job.terms[tap][0] + pixel * job.steps[0]));
                sums[tap] = sums[tap].plus_product(x, gradient);
            }
        }
        for tap in 0..TAPS {
            sums[tap].store(job.weight.add(job.terms[tap][1]));
        }
    }
}

/// The loops compiled for one instruction set: `product` and `outer` of a module named like it.
macro_rules! compiled {
    ($name:ident, $lanes:ty $(, $feature:literal)?) => {
        mod $name {
            use super::*;

            $(#[target_feature(enable = $feature)])?
            pub(super) unsafe fn product<const ROWS: usize, const PANELS: usize>(job: &Product<'_>) {
                // SAFETY: as [`ProductKernel`] demands of the caller.
                unsafe { product_tile::<$lanes, ROWS, PANELS>(job) }
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) unsafe fn outer<const ROWS: usize, const PANELS: usize>(job: &Outer) {
                // SAFETY: as [`ProductKernel`] demands of the caller.
                unsafe { outer_tile::<$lanes, ROWS, PANELS>(job) }
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) unsafe fn chain(job: &Chain<'_>, panels: usize) {
                // SAFETY: as [`ProductKernel`] demands of the caller.
                unsafe { chain_all::<$lanes>(job, panels) }
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) unsafe fn filter<const TAPS: usize>(job: &Filter<'_>) {
                // SAFETY: as [`ProductKernel`] demands of the caller.
                unsafe { filter_line::<$lanes, TAPS>(job) }
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) unsafe fn slope<const TAPS: usize>(job: &Filter<'_>) {
                // SAFETY: as [`ProductKernel`] demands of the caller.
                unsafe { slope_line::<$lanes, TAPS>(job) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
compiled!(avx512, Avx512, "avx512f,avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(avx2, Avx2, "avx2,fma");
#[cfg(target_arch = "aarch64")]
compiled!(neon, Neon);
compiled!(portable, Portable);

/// The function of `$size` in a module.
macro_rules! table {
    ($module:ident, $which:ident, $size:expr; $($panels:literal: $($rows:literal)*;)*) => {
        match $size {
            $($([$rows, $panels] => $module::$which::<$rows, $panels>,)*)*
            [rows, panels] => panic!("no tile of {rows} rows and {panels} panels"),
        }
    };
}

macro_rules! sizes {
    ($which:ident, $set:expr, $size:expr) => {
        match $set {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => table!(avx512, $which, $size;
                1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
                2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
                4: 1 2 3 4 5 6 7;),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => table!(avx2, $which, $size; 1: 1 2 3 4 5 6;),
            #[cfg(target_arch = "aarch64")]
            InstructionSet::Neon => table!(neon, $which, $size; 1: 1 2 3 4 5 6;),
            _ => table!(portable, $which, $size; 1: 1 2 3 4;),
        }
    };
}

/// The function for tiles of `rows × panels · LANES`.
///
/// # Panics
/// If the tile is larger than the set's [`TileSize`].
pub(super) fn product(set: InstructionSet, rows: usize, panels: usize) -> ProductKernel {
    sizes!(product, set, [rows, panels])
}

/// As [`product`].
pub(super) fn outer(set: InstructionSet, rows: usize, panels: usize) -> OuterKernel {
    sizes!(outer, set, [rows, panels])
}

/// The function for sums per channel.
pub(super) fn chain(set: InstructionSet) -> ChainKernel {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => avx512::chain,
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => avx2::chain,
        #[cfg(target_arch = "aarch64")]
        InstructionSet::Neon => neon::chain,
        _ => portable::chain,
    }
}

/// The function of a number of taps in the module of a set.
macro_rules! taps {
    ($which:ident, $set:expr, $taps:expr; $($count:literal)*) => {
        match ($set, $taps) {
            $(
                #[cfg(target_arch = "x86_64")]
                (InstructionSet::Avx512, $count) => Some(avx512::$which::<$count>),
                #[cfg(target_arch = "x86_64")]
                (InstructionSet::Avx2, $count) => Some(avx2::$which::<$count>),
                #[cfg(target_arch = "aarch64")]
                (InstructionSet::Neon, $count) => Some(neon::$which::<$count>),
                (_, $count) => Some(portable::$which::<$count>),
            )*
            _ => None,
        }
    };
}

/// The filter of so many taps, if they are few enough to stay in registers.
pub(super) fn filter(set: InstructionSet, taps: usize) -> Option<FilterKernel> {
    taps!(filter, set, taps; 1 2 3 4 5 6 7 8 9)
}

/// The sums of [`filter`]'s weight gradient.
pub(super) fn slope(set: InstructionSet, taps: usize) -> Option<FilterKernel> {
    taps!(slope, set, taps; 1 2 3 4 5 6 7 8 9)
}
