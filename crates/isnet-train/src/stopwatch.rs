//! How long something took: on the clock, and on the processors, where other work on the machine does not count.

use std::time::Instant;

use cpu_time::ProcessTime;

/// Runs since it was made.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch {
    clock: Instant,
    processors: ProcessTime,
}

/// Time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    /// On the clock.
    pub clock: f64,
    /// Of all threads of this process.
    pub processors: f64,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { clock: Instant::now(), processors: ProcessTime::now() }
    }

    /// On the clock alone, which started then.
    pub fn clock(&self) -> Instant {
        self.clock
    }

    pub fn spent(&self) -> Spent {
        Spent { clock: self.clock.elapsed().as_secs_f64(), processors: self.processors.elapsed().as_secs_f64() }
    }
}

impl std::ops::Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { clock: self.clock + other.clock, processors: self.processors + other.processors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_run_and_times_add_up() {
        let watch = Stopwatch::start();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let slept = watch.spent();
        // Other tests of this process work too, so that nothing is known of how long this takes.
        while watch.spent().processors < slept.processors + 0.01 {
            std::hint::spin_loop();
        }
        let worked = watch.spent();
        assert!(slept.clock >= 0.02 && worked.clock > slept.clock, "{slept:?} {worked:?}");
        let twice = slept + slept;
        assert_eq!((twice.clock, twice.processors), (2.0 * slept.clock, 2.0 * slept.processors));
    }
}
