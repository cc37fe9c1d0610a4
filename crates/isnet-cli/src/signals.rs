//! Signals that ask to stop: Ctrl-C, and what schedulers, containers and closing terminals send.
//!
//! The first one asks for a stop after the step, with a checkpoint; the second one ends the process at once, and so does the first
//! where there is nothing to save. The exit code is 128 and the number of the signal, as shells have it: 130 for Ctrl-C (SIGINT),
//! 143 for SIGTERM, 129 for SIGHUP.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::progress::say;

/// The number of SIGINT, which is what Ctrl-C sends.
const INTERRUPT: u8 = 2;

/// The signal that asked to stop.
static RECEIVED: AtomicU8 = AtomicU8::new(INTERRUPT);

/// Who is to be told.
static STOP: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// The exit code of a process that was asked to stop.
pub fn exit_code() -> u8 {
    128 + RECEIVED.load(Ordering::SeqCst)
}

/// A flag that the next signal sets.
pub fn interruptible() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    // A poisoned lock means that another thread has failed; what it holds is whole.
    *STOP.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop.clone());
    stop
}

fn received(signal: u8) {
    RECEIVED.store(signal, Ordering::SeqCst);
    let stop = STOP.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if stop.is_none_or(|stop| stop.swap(true, Ordering::SeqCst)) {
        std::process::exit(exit_code().into());
    }
    say(match signal {
        INTERRUPT => "\nstopping after this step; press Ctrl-C again to stop at once",
        _ => "asked to end: stopping after this step; a second signal stops at once",
    });
}

/// Waits for signals in a thread of its own. To be called before there are other threads: they inherit that the signals are for
/// this one.
#[cfg(unix)]
pub fn listen() -> anyhow::Result<()> {
    use nix::sys::signal::{SigSet, Signal};

    let mut wanted = SigSet::empty();
    wanted.add(Signal::SIGINT);
    wanted.add(Signal::SIGTERM);
    if !is_ignored(Signal::SIGHUP as u32) {
        wanted.add(Signal::SIGHUP);
    }
    wanted.thread_block()?;
    let wait = move || {
        while let Ok(signal) = wanted.wait() {
            received(signal as u8);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(())
}

/// Whether the one who started this process asked it to ignore a signal, as `nohup` does with SIGHUP. Only Linux tells.
#[cfg(unix)]
fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored & (1 << (signal - 1)) != 0
}

/// Waits for Ctrl-C and the closing of the window.
#[cfg(not(unix))]
pub fn listen() -> anyhow::Result<()> {
    Ok(ctrlc::set_handler(|| received(INTERRUPT))?)
}
