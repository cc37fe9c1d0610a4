//! What a person reads while work goes on. Everything here goes to stderr.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use isnet_run::{EpochRecord, Losses, StepRecord};
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

/// Counts work of a known size on a terminal, and knows whether Ctrl-C was pressed.
pub struct Counter {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Counter {
    /// For work of this name.
    pub fn new(name: &'static str) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{prefix:12} {wide_bar:.green/black}  {pos}/{len}  {eta} left")?;
        let bar = ProgressBar::new(0).with_style(style.progress_chars("━╸─")).with_prefix(name);
        Ok(Self { bar, stop: interruptible()? })
    }

    /// Shows that `done` of `all` is done, and says whether to go on.
    pub fn go_on(&self, done: usize, all: usize) -> bool {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        !self.stop.load(Ordering::SeqCst)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How many problems a person is shown; `--json` has them all.
const SHOWN_PROBLEMS: usize = 20;

/// The first problems, a line each, and how many there are.
pub fn say_problems(problems: &[isnet_data::FileProblem]) {
    for problem in problems.iter().take(SHOWN_PROBLEMS) {
        say(&format!("problem: {problem}"));
    }
    match problems.len() {
        0 => {}
        n if n > SHOWN_PROBLEMS => say(&format!("{n} problems, of which the first are shown; `--json` lists all")),
        n => say(&format!("{n} problem(s)")),
    }
}

/// Problems for a script.
pub fn problems_json(problems: &[isnet_data::FileProblem]) -> Vec<serde_json::Value> {
    let object = |problem: &isnet_data::FileProblem| serde_json::json!({ "path": problem.path, "line": problem.line, "message": problem.message });
    problems.iter().map(object).collect()
}

/// Shows a training: bars with losses and times on a terminal, a line per epoch everywhere.
pub struct Progress {
    name: String,
    epochs: usize,
    started: Instant,
    bars: MultiProgress,
    /// The steps of the epoch, and below it the losses.
    steps: ProgressBar,
    losses: ProgressBar,
    /// All steps of the training, for the time that is left.
    total: ProgressBar,
    best: Option<String>,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// For a training of this many epochs. Ctrl-C asks it to stop after the step; a second one ends the process.
    pub fn new(name: &str, epochs: usize, stop: Arc<AtomicBool>) -> Self {
        // Draws nothing where stderr is not a terminal.
        let bars = MultiProgress::new();
        let bar = |template: &str| {
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            bars.add(ProgressBar::new(0).with_style(style.progress_chars("━╸─")))
        };
        let total = bar("{prefix:12} {wide_bar:.cyan/black}  {percent:>3} %  {elapsed} gone, {eta} left");
        let steps = bar("{prefix:12} {wide_bar:.green/black}  {pos}/{len} steps  {msg}");
        let losses = bar("{wide_msg}");
        total.set_prefix(name.to_owned());
        Self { name: name.to_owned(), epochs, started: Instant::now(), bars, steps, losses, total, best: None, stop }
    }

    /// A line above the bars, or just a line.
    fn line(&self, text: &str) {
        self.bars.suspend(|| say(text));
    }
}

/// Shows an audit: a bar per question on a terminal, a line per question everywhere.
pub struct AuditProgress {
    bar: ProgressBar,
    question: Option<isnet_audit::Question>,
}

impl AuditProgress {
    /// Before the first question.
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix:14} {wide_bar:.cyan/black}  {pos}/{len} images  {eta} left");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─");
        Self { bar: ProgressBar::new(0).with_style(style), question: None }
    }

    /// How far it is.
    pub fn tell(&mut self, at: isnet_audit::Progress) {
        if self.question != Some(at.question) {
            self.question = Some(at.question);
            self.bar.suspend(|| say(&format!("{}: {} images", at.question.name(), at.total)));
            self.bar.set_prefix(at.question.name());
            self.bar.set_length(at.total as u64);
            self.bar.reset();
        }
        self.bar.set_position(at.done as u64);
    }
}

impl Drop for AuditProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
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
        if self.total.length() != Some((self.epochs * steps_per_epoch) as u64) {
            self.total.set_length((self.epochs * steps_per_epoch) as u64);
            // A resumed training does not count what it did before as quick work.
            self.total.set_position(record.step as u64 - 1);
            self.total.reset_eta();
            self.steps.set_length(steps_per_epoch as u64);
        }
        self.total.set_position(record.step as u64);
        self.steps.set_position(within as u64);
        self.steps.set_prefix(format!("epoch {}/{}", record.epoch + 1, self.epochs));
        self.steps.set_message(format!("{:.0} ms/step", 1000.0 * record.seconds));
        let best = self.best.as_ref().map_or(String::new(), |best| format!("  | best so far: {best}"));
        self.losses.set_message(format!("{}{best}", losses(&record.losses)));
    }

    fn epoch(&mut self, record: &EpochRecord, is_best: bool) {
        let scores: Vec<String> = record.validation.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        let scores = scores.join("  ");
        if is_best {
            self.best = Some(format!("epoch {}  {scores}", record.epoch + 1));
        }
        let validation = if scores.is_empty() { String::new() } else { format!("  | validation: {scores}") };
        self.line(&format!(
            "{}  epoch {:>2}/{}  {:>4.0} s  {}{validation}{}",
            self.name,
            record.epoch + 1,
            self.epochs,
            self.started.elapsed().as_secs_f64(),
            losses(&record.losses),
            if is_best { "  *" } else { "" }
        ));
    }

    fn note(&mut self, text: &str) {
        self.line(&format!("{}  {text}", self.name));
    }

    fn wants_to_stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        [&self.total, &self.steps, &self.losses].into_iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn losses(losses: &Losses) -> String {
    let known = [("classification", losses.classification), ("heatmap", losses.heatmap)];
    let known = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let all = known.chain(losses.terms.iter().map(|(name, value)| (name.as_str(), *value)));
    all.map(|(name, value)| format!("{name} {value:.3}")).collect::<Vec<_>>().join("  ")
}
