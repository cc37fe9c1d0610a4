//! Running on the threads that share the work.

/// Runs `work` on one of rayon's threads, where it stays: from outside, every parallel operation would wake a thread and wait for it, which
/// costs a tenth of a millisecond on some machines, and a step has thousands of them. Inside another `on_workers` it only calls `work`.
///
/// `work` must not wait for anything that itself needs a thread of rayon, such as a loader of data: with one thread, that never comes.
///
/// # Example
/// ```
/// let sum = isnet_kernels::on_workers(|| (1..=4).sum::<u32>());
/// assert_eq!(sum, 10);
/// ```
pub fn on_workers<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
