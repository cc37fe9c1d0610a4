//! What the machine can do on all threads: fused multiply-adds in registers, and copying memory.

use std::hint::black_box;

use super::timed;

/// The best of the machine.
pub struct Peak {
    /// Threads of the pool.
    pub threads: usize,
    /// 10⁹ multiplications and additions per second.
    pub gflops: f64,
    /// 10⁹ bytes read and written per second.
    pub gigabytes: f64,
}

/// Independent sums per thread: enough to hide the latency of a multiply-add.
const SUMS: usize = 12;
/// Rounds of the loop: less than a millisecond, so that some turns find all cores free.
const ROUNDS: usize = 400_000;

/// Measures both, the quickest of many turns.
pub fn measure() -> Peak {
    let threads = rayon::current_num_threads();
    let lanes = rayon::broadcast(|_| multiply_adds(1))[0];
    let turn = || timed(|| rayon::broadcast(|_| multiply_adds(black_box(ROUNDS)))).0;
    let gflops = 2.0 * (threads * SUMS * lanes * ROUNDS) as f64 / quickest(500, turn) / 1e6;
    let source = vec![1.0_f32; 1 << 25];
    let mut target = vec![0.0_f32; 1 << 25];
    let gigabytes = 2.0 * size_of_val(&source[..]) as f64 / quickest(30, || copy(&source, &mut target)) / 1e6;
    Peak { threads, gflops, gigabytes }
}

fn quickest(turns: usize, mut turn: impl FnMut() -> f64) -> f64 {
    (0..turns).map(|_| turn()).fold(f64::INFINITY, f64::min)
}

fn copy(source: &[f32], target: &mut [f32]) -> f64 {
    let share = source.len().div_ceil(rayon::current_num_threads());
    let pieces = target.chunks_mut(share).zip(source.chunks(share));
    let work = || {
        rayon::scope(|scope| pieces.for_each(|(target, source)| scope.spawn(move |_| target.copy_from_slice(source))))
    };
    timed(work).0
}

/// Runs the loop on one thread; returns the number of lanes of its vectors.
fn multiply_adds(rounds: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            #[expect(unsafe_code, reason = "the processor has AVX-512: checked in the line above")]
            unsafe {
                avx512(rounds);
            }
            return 16;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            #[expect(unsafe_code, reason = "the processor has AVX2 and FMA: checked in the line above")]
            unsafe {
                avx2(rounds);
            }
            return 8;
        }
    }
    portable(rounds);
    4
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(rounds: usize) {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let (factor, offset) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(0.001)));
    let mut sums = [_mm512_set1_ps(black_box(1.0)); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, factor, offset);
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(rounds: usize) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let (factor, offset) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(0.001)));
    let mut sums = [_mm256_set1_ps(black_box(1.0)); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, factor, offset);
        }
    }
    black_box(sums);
}

/// What the compiler vectorises for every processor of the target.
fn portable(rounds: usize) {
    let (factor, offset) = (black_box([0.999_f32; 4]), black_box([0.001_f32; 4]));
    let mut sums = black_box([[1.0_f32; 4]; SUMS]);
    for _ in 0..rounds {
        for sum in &mut sums {
            for lane in 0..4 {
                sum[lane] = if cfg!(target_arch = "aarch64") {
                    sum[lane].mul_add(factor[lane], offset[lane])
                } else {
                    sum[lane] * factor[lane] + offset[lane]
                };
            }
        }
    }
    black_box(sums);
}
