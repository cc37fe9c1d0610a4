//! What a person reads while work goes on. Everything here goes to stderr.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use isnet_run::{EpochRecord, StepRecord};
use isnet_train::Watcher;

/// The exit code after Ctrl-C: 128 and the number of the signal, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// A line for people. One that cannot be written (the terminal went away) is no reason to stop working.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A line of results. When the reader has seen enough (`isnet models | head`), the process ends as one of the shell's would.
pub fn print(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        let enough = error.kind() == std::io::ErrorKind::BrokenPipe;
        if !enough {
            say(&format!("error: cannot write to stdout: {error}"));
        }
        std::process::exit(if enough { 0 } else { 2 });
    }
}

/// Shows a training: a line that is rewritten on a terminal, a line per epoch everywhere.
pub struct Progress {
    name: String,
    epochs: usize,
    started: Instant,
    terminal: bool,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// For a training of this many epochs. Ctrl-C asks it to stop after the step; a second one ends the process.
    pub fn new(name: &str, epochs: usize, stop: Arc<AtomicBool>) -> Self {
        Self { name: name.to_owned(), epochs, started: Instant::now(), terminal: std::io::stderr().is_terminal(), stop }
    }

    fn rewrite(&self, text: &str) {
        if self.terminal {
            let mut stderr = std::io::stderr();
            // A terminal that went away is no reason to stop training.
            let _ = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
        }
    }
}

/// Makes Ctrl-C set a flag; the second one exits at once.
pub fn interruptible() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED.into());
        }
        say("\nstopping after this step; press Ctrl-C again to stop at once");
    })?;
    Ok(stop)
}

impl Watcher for Progress {
    fn step(&mut self, record: &StepRecord, steps_per_epoch: usize) {
        let within = (record.step - 1) % steps_per_epoch + 1;
        let heatmap = record.losses.heatmap.map_or(String::new(), |loss| format!("  heatmap {loss:.3}"));
        self.rewrite(&format!(
            "{}  epoch {}/{}  step {within}/{steps_per_epoch}  classification {:.3}{heatmap}  {:.0} ms/step",
            self.name,
            record.epoch + 1,
            self.epochs,
            record.losses.classification,
            1000.0 * record.seconds
        ));
    }

    fn epoch(&mut self, record: &EpochRecord, is_best: bool) {
        self.rewrite("");
        let heatmap = record.losses.heatmap.map_or(String::new(), |loss| format!("  heatmap {loss:.3}"));
        let scores: Vec<String> = record.validation.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        let validation =
            if scores.is_empty() { String::new() } else { format!("  | validation: {}", scores.join("  ")) };
        say(&format!(
            "{}  epoch {:>2}/{}  {:>4.0} s  classification {:.3}{heatmap}{validation}{}",
            self.name,
            record.epoch + 1,
            self.epochs,
            self.started.elapsed().as_secs_f64(),
            record.losses.classification,
            if is_best { "  *" } else { "" }
        ));
    }

    fn note(&mut self, text: &str) {
        self.rewrite("");
        say(&format!("{}  {text}", self.name));
    }

    fn wants_to_stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
