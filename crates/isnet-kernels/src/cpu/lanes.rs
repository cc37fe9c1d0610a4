//! Sixteen values at a time, in the registers of each instruction set.
//!
//! All sets with a fused multiply-add give the same bits. `Portable` comes as close as `f64` can: its sums are rounded twice, which shows in
//! one value of some hundred million.

#![expect(unsafe_code, reason = "the instructions of a processor are reached through unsafe functions")]

use std::{fmt, sync::OnceLock};

use crate::environment;

/// Lanes of a [`Lanes`].
pub(super) const LANES: usize = 16;

/// An instruction set that there are kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// 512-bit registers (x86-64).
    Avx512,
    /// 256-bit registers and fused multiply-add (x86-64).
    Avx2,
    /// 128-bit registers and fused multiply-add (ARM).
    Neon,
    /// What every processor of the architecture has.
    Portable,
}

impl InstructionSet {
    pub(crate) const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];

    /// The word of `ISNET_SIMD`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Portable => "portable",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
                let whole = is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512bw");
                wide && whole && Self::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            Self::Portable => true,
            #[allow(unreachable_patterns, reason = "which sets are left depends on the architecture")]
            _ => false,
        }
    }

    /// The set in use: the best one, or what the environment asks for with `ISNET_SIMD=portable|avx2|avx512|neon`.
    ///
    /// # Panics
    /// If `ISNET_SIMD` names a set that this processor does not have, or none at all: see [`crate::check_environment`].
    pub fn current() -> Self {
        static CURRENT: OnceLock<InstructionSet> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let set = environment::set_of(std::env::var_os("ISNET_SIMD").as_deref());
            set.unwrap_or_else(|error| panic!("{error}"))
        })
    }

    /// The sets of this processor, best first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|set| set.is_available())
    }
}

/// Runs `work`, compiled for the instruction set in use: its loops get the widest registers there are.
///
/// Only what is inlined into `work` profits, and no result changes: the compiler does not fuse or reorder arithmetic by itself.
#[inline]
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
        fn avx512<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        #[target_feature(enable = "avx2,fma")]
        fn avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        match InstructionSet::current() {
            // SAFETY: `current` is a set of this processor.
            InstructionSet::Avx512 => return unsafe { avx512(work) },
            InstructionSet::Avx2 => return unsafe { avx2(work) },
            _ => {}
        }
    }
    work()
}

/// A function whose body is compiled for every instruction set: for loops too large to be inlined into [`vectorized`].
macro_rules! for_every_set {
    ($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        fn $name($($argument: $type),*) {
            #[inline(always)]
            fn body($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn avx512($($argument: $type),*) {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) {
                    body($($argument),*)
                }
                use $crate::cpu::lanes::InstructionSet;
                #[expect(unsafe_code, reason = "the instructions of a processor are reached through unsafe functions")]
                // SAFETY: `current` is a set of this processor.
                match InstructionSet::current() {
                    InstructionSet::Avx512 => return unsafe { avx512($($argument),*) },
                    InstructionSet::Avx2 => return unsafe { avx2($($argument),*) },
                    _ => {}
                }
            }
            body($($argument),*)
        }
    };
}
pub(super) use for_every_set;

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Sixteen `f32`, in as many registers as that takes.
///
/// # Safety
/// Every function needs the instruction set of its type; the pointers of [`load`](Self::load) and [`store`](Self::store) reach
/// [`LANES`] values, that of [`splat`](Self::splat) one.
pub(super) unsafe trait Lanes: Copy {
    /// Zeros.
    unsafe fn zero() -> Self;
    /// The values at `from`, which need not be aligned.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes the values to `to`.
    unsafe fn store(self, to: *mut f32);
    /// The value at `from`, sixteen times.
    unsafe fn splat(from: *const f32) -> Self;
    /// `self + a·b`.
    unsafe fn plus_product(self, a: Self, b: Self) -> Self;
    /// `self + other`.
    unsafe fn plus(self, other: Self) -> Self;
}

/// [`Lanes`] without any instruction set: the compiler's own choice of registers.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; LANES]);

// SAFETY: plain Rust; the pointers are read and written within their documented reach.
unsafe impl Lanes for Portable {
    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self {
        Self([unsafe { *from }; LANES])
    }

    #[inline(always)]
    unsafe fn plus_product(mut self, a: Self, b: Self) -> Self {
        for lane in 0..LANES {
            // The product is exact in `f64`, as in a fused multiply-add.
            self.0[lane] = (f64::from(a.0[lane]) * f64::from(b.0[lane]) + f64::from(self.0[lane])) as f32;
        }
        self
    }

    #[inline(always)]
    unsafe fn plus(mut self, other: Self) -> Self {
        for lane in 0..LANES {
            self.0[lane] += other.0[lane];
        }
        self
    }
}

/// Implements [`Lanes`] for an array of registers.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! lanes {
    ($name:ident, $register:ident, $count:literal, $zero:expr, $load:ident, $store:ident, $splat:expr, $fma:expr, $add:ident) => {
        #[derive(Clone, Copy)]
        pub(in super::super) struct $name([arch::$register; $count]);

        // SAFETY: the caller vouches for the instruction set and the reach of the pointers; a register holds `LANES / $count` values.
        unsafe impl Lanes for $name {
            #[inline(always)]
            unsafe fn zero() -> Self {
                Self([unsafe { $zero }; $count])
            }

            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                let mut lanes = unsafe { Self::zero() };
                for part in 0..$count {
                    lanes.0[part] = unsafe { arch::$load(from.add(part * (LANES / $count))) };
                }
                lanes
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                for part in 0..$count {
                    unsafe { arch::$store(to.add(part * (LANES / $count)), self.0[part]) };
                }
            }

            #[inline(always)]
            unsafe fn splat(from: *const f32) -> Self {
                Self([unsafe { $splat(from) }; $count])
            }

            #[inline(always)]
            unsafe fn plus_product(mut self, a: Self, b: Self) -> Self {
                for part in 0..$count {
                    self.0[part] = unsafe { $fma(a.0[part], b.0[part], self.0[part]) };
                }
                self
            }

            #[inline(always)]
            unsafe fn plus(mut self, other: Self) -> Self {
                for part in 0..$count {
                    self.0[part] = unsafe { arch::$add(self.0[part], other.0[part]) };
                }
                self
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64 as arch;

    use super::{LANES, Lanes};

    lanes!(
        Avx512,
        __m512,
        1,
        arch::_mm512_setzero_ps(),
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        |from: *const f32| arch::_mm512_set1_ps(*from),
        arch::_mm512_fmadd_ps,
        _mm512_add_ps
    );
    lanes!(
        Avx2,
        __m256,
        2,
        arch::_mm256_setzero_ps(),
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        |from: *const f32| arch::_mm256_set1_ps(*from),
        arch::_mm256_fmadd_ps,
        _mm256_add_ps
    );
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{Avx2, Avx512};

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::arch::aarch64 as arch;

    use super::{LANES, Lanes};

    lanes!(
        Neon,
        float32x4_t,
        4,
        arch::vdupq_n_f32(0.0),
        vld1q_f32,
        vst1q_f32,
        |from: *const f32| arch::vld1q_dup_f32(from),
        |a, b, sum| arch::vfmaq_f32(sum, a, b),
        vaddq_f32
    );
}

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::Neon;
