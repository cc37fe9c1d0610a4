//! What a person reads while work goes on. Everything here goes to stderr.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use isnet_run::{EpochRecord, Losses, StepRecord};
use isnet_train::Watcher;

use crate::signals::interruptible;

/// All bars of the process, so that a line can be put above them. They draw nothing where stderr is not a terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A line at least so often where there are no bars.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Steps after which the time that a training takes is known well enough.
const STEPS_TO_KNOW: usize = 10;

/// A line for people, above the bars if there are any. One that cannot be written (the terminal went away) is no reason to stop
/// working.
pub fn say(text: &str) {
    BARS.suspend(|| {
        let _ = writeln!(std::io::stderr(), "{text}");
    });
}

/// A line of results. When the reader has seen enough (`isnet models | head`), the process ends as one of the shell's would.
pub fn print(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        let enough = error.kind() == std::io::ErrorKind::BrokenPipe;
        if !enough {
            say(&format!("error: cannot write the results: {}", isnet_files::reason(&error)));
        }
        std::process::exit(if enough { 0 } else { 2 });
    }
}

fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    BARS.add(ProgressBar::new(0).with_style(style.progress_chars("━╸─")))
}

/// Time that is left, from how quickly the work went so far.
#[derive(Debug)]
struct Pace {
    started: Instant,
    said: Instant,
    /// What was done before, by an earlier process.
    before: usize,
}

impl Pace {
    fn new(before: usize) -> Self {
        Self { started: Instant::now(), said: Instant::now(), before }
    }

    fn left(&self, done: usize, all: usize) -> Duration {
        left(self.started.elapsed(), done.saturating_sub(self.before), all.saturating_sub(done))
    }

    /// Whether a line is due where there are no bars.
    fn is_due(&mut self) -> bool {
        let due = !std::io::stderr().is_terminal() && self.said.elapsed() >= HEARTBEAT;
        if due {
            self.said = Instant::now();
        }
        due
    }
}

/// The time for what is to do, if it goes on as what is done.
fn left(elapsed: Duration, done: usize, to_do: usize) -> Duration {
    if done == 0 { Duration::ZERO } else { Duration::from_secs_f64(elapsed.as_secs_f64() / done as f64 * to_do as f64) }
}

/// `8 s`, `3 min`, `2 h 5 min`, `1 d 4 h`: two digits are enough.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    let minutes = (seconds + 30) / 60;
    match (seconds, minutes) {
        (0..90, _) => format!("{seconds} s"),
        (_, 0..60) => format!("{minutes} min"),
        (_, 60..1440) => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", minutes / 1440, minutes % 1440 / 60),
    }
}

/// Counts work of a known size on a terminal, and knows whether someone asked to stop.
pub struct Counter {
    name: &'static str,
    bar: ProgressBar,
    pace: Mutex<Pace>,
    stop: Arc<AtomicBool>,
}

impl Counter {
    /// For work of this name.
    pub fn new(name: &'static str) -> Self {
        let bar = bar("{prefix:12} {wide_bar:.green/black}  {pos}/{len}  {eta} left");
        bar.set_prefix(name);
        Self { name, bar, pace: Mutex::new(Pace::new(0)), stop: interruptible() }
    }

    /// Shows that `done` of `all` is done, and says whether to go on.
    pub fn go_on(&self, done: usize, all: usize) -> bool {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.is_due() {
            say(&format!("{}  {done}/{all}  {} left", self.name, in_words(pace.left(done, all))));
        }
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

/// Shows a training: bars with losses and times on a terminal, and lines everywhere: one per epoch, and where there are no bars
/// one a minute.
pub struct Progress {
    name: String,
    epochs: usize,
    started: Instant,
    /// From the first step on.
    bars: Option<Bars>,
    best: Option<String>,
    stop: Arc<AtomicBool>,
}

/// What there is from the first step on.
struct Bars {
    /// The steps of the epoch, and below it the losses.
    steps: ProgressBar,
    losses: ProgressBar,
    /// All steps of the training, for the time that is left.
    total: ProgressBar,
    pace: Pace,
    steps_per_epoch: usize,
}

impl Progress {
    /// For a training of this many epochs. A signal asks it to stop after the step; a second one ends the process.
    pub fn new(name: &str, epochs: usize, stop: Arc<AtomicBool>) -> Self {
        Self { name: name.to_owned(), epochs, started: Instant::now(), bars: None, best: None, stop }
    }

    fn bars(&mut self, record: &StepRecord, steps_per_epoch: usize) -> &mut Bars {
        let (name, all) = (&self.name, self.epochs * steps_per_epoch);
        self.bars.get_or_insert_with(|| {
            let total = bar("{prefix:12} {wide_bar:.cyan/black}  {percent:>3} %  {elapsed} gone, {eta} left");
            let steps = bar("{prefix:12} {wide_bar:.green/black}  {pos}/{len} steps  {msg}");
            let losses = bar("{wide_msg}");
            total.set_length(all as u64);
            total.set_prefix(name.clone());
            // A resumed training does not count what it did before as quick work.
            total.set_position(record.step as u64 - 1);
            total.reset_eta();
            steps.set_length(steps_per_epoch as u64);
            Bars { steps, losses, total, pace: Pace::new(record.step), steps_per_epoch }
        })
    }

    /// How long it takes, once after some steps, and how long it still takes, once a minute where there are no bars.
    fn say_time(&mut self, record: &StepRecord) {
        let (name, epochs) = (self.name.clone(), self.epochs);
        let Some(bars) = &mut self.bars else { return };
        let all = epochs * bars.steps_per_epoch;
        let left = in_words(bars.pace.left(record.step, all));
        if record.step == bars.pace.before + STEPS_TO_KNOW && record.step < all {
            say(&format!("{name}  about {left} left for {} steps, if no epoch ends it early", all - record.step));
        } else if bars.pace.is_due() {
            let within = (record.step - 1) % bars.steps_per_epoch + 1;
            say(&format!(
                "{name}  epoch {}/{epochs}  step {within}/{}  {} % done, {left} left",
                record.epoch + 1,
                bars.steps_per_epoch,
                100 * record.step / all.max(1)
            ));
        }
    }

    /// `  3 min left` for a reader without bars.
    fn left(&self, step: usize) -> Option<String> {
        let bars = self.bars.as_ref()?;
        let all = self.epochs * bars.steps_per_epoch;
        let counts = !std::io::stderr().is_terminal() && step < all && step > bars.pace.before;
        counts.then(|| format!("{} left", in_words(bars.pace.left(step, all))))
    }
}

/// Shows an audit: a bar per question on a terminal, a line per question everywhere.
pub struct AuditProgress {
    bar: ProgressBar,
    question: Option<isnet_audit::Question>,
    pace: Pace,
}

impl AuditProgress {
    /// Before the first question.
    pub fn new() -> Self {
        let bar = bar("{prefix:14} {wide_bar:.cyan/black}  {pos}/{len} images  {eta} left");
        Self { bar, question: None, pace: Pace::new(0) }
    }

    /// How far it is.
    pub fn tell(&mut self, at: isnet_audit::Progress) {
        if self.question != Some(at.question) {
            self.question = Some(at.question);
            self.pace = Pace::new(at.done);
            say(&format!("{}: {} images", at.question.name(), at.total));
            self.bar.set_prefix(at.question.name());
            self.bar.set_length(at.total as u64);
            self.bar.reset();
        }
        self.bar.set_position(at.done as u64);
        if self.pace.is_due() {
            let left = in_words(self.pace.left(at.done, at.total));
            say(&format!("{}  {}/{}  {left} left", at.question.name(), at.done, at.total));
        }
    }
}

impl Drop for AuditProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Watcher for Progress {
    fn step(&mut self, record: &StepRecord, steps_per_epoch: usize) {
        let within = (record.step - 1) % steps_per_epoch + 1;
        let best = self.best.as_ref().map_or(String::new(), |best| format!("  | best so far: {best}"));
        let epoch = format!("epoch {}/{}", record.epoch + 1, self.epochs);
        let bars = self.bars(record, steps_per_epoch);
        bars.total.set_position(record.step as u64);
        bars.steps.set_position(within as u64);
        bars.steps.set_prefix(epoch);
        bars.steps.set_message(format!("{:.0} ms/step", 1000.0 * record.seconds));
        bars.losses.set_message(format!("{}{best}", losses(&record.losses).join("  ")));
        self.say_time(record);
    }

    fn epoch(&mut self, record: &EpochRecord, is_best: bool) {
        let scores: Vec<String> = record.validation.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
        if is_best {
            self.best = Some(format!("epoch {}  {}", record.epoch + 1, scores.join("  ")));
        }
        let epoch = format!("epoch {:>2}/{}", record.epoch + 1, self.epochs);
        let elapsed = format!("{:>4.0} s", self.started.elapsed().as_secs_f64());
        let mut parts = vec![self.name.clone(), epoch, elapsed];
        parts.extend(losses(&record.losses));
        let validation = scores.into_iter().enumerate().map(|(index, score)| match index {
            0 => format!("| validation: {score}"),
            _ => score,
        });
        parts.extend(validation);
        parts.extend(is_best.then(|| "*".to_owned()));
        parts.extend(self.left(record.step).map(|left| format!("| {left}")));
        say(&fitted(&parts, terminal_width()));
        if let Some(bars) = &mut self.bars {
            bars.pace.said = Instant::now();
        }
    }

    fn note(&mut self, text: &str) {
        say(&format!("{}  {text}", self.name));
    }

    fn wants_to_stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Bars { steps, losses, total, .. }) = &self.bars {
            [total, steps, losses].into_iter().for_each(ProgressBar::finish_and_clear);
        }
    }
}

fn losses(losses: &Losses) -> Vec<String> {
    let known = [("classification", losses.classification), ("heatmap", losses.heatmap)];
    let known = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let all = known.chain(losses.terms.iter().map(|(name, value)| (name.as_str(), *value)));
    all.map(|(name, value)| format!("{name} {value:.3}")).collect()
}

/// Columns of the terminal; `None` where stderr is none.
fn terminal_width() -> Option<usize> {
    console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns))
}

/// The parts on one line, or on as many as a terminal of this width needs; no part is torn.
fn fitted(parts: &[String], width: Option<usize>) -> String {
    const INDENT: &str = "    ";
    let mut lines: Vec<String> = vec![String::new()];
    for part in parts {
        let line = lines.last().map_or("", String::as_str);
        let is_empty = line.trim().is_empty();
        let needed = line.chars().count() + 2 + part.chars().count();
        if !is_empty && width.is_some_and(|width| needed > width) {
            lines.push(INDENT.to_owned());
        }
        let index = lines.len() - 1;
        let line = &mut lines[index];
        if !line.trim().is_empty() {
            line.push_str("  ");
        }
        line.push_str(part);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_one_line_in_a_pipe_and_never_wider_than_a_terminal() {
        let parts = [
            "phantom",
            "epoch  3/10",
            "  12 s",
            "classification 0.693",
            "heatmap 0.251",
            "| validation: accuracy 0.500",
        ]
        .map(str::to_owned);
        assert_eq!(fitted(&parts, None).lines().count(), 1);
        for width in [40, 60, 80, 100] {
            let text = fitted(&parts, Some(width));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            assert_eq!(
                text.split_whitespace().collect::<Vec<_>>(),
                parts.join(" ").split_whitespace().collect::<Vec<_>>()
            );
        }
        assert_eq!(fitted(&parts, Some(10)).lines().count(), 6, "a part that is too wide has a line of its own");
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let says = |seconds: u64| in_words(Duration::from_secs(seconds));
        assert_eq!(
            [says(8), says(89), says(90), says(3600), says(7500), says(100_800)],
            ["8 s", "89 s", "2 min", "1 h 0 min", "2 h 5 min", "1 d 4 h"]
        );
        assert_eq!(left(Duration::from_secs(20), 10, 90), Duration::from_secs(180));
        assert_eq!(left(Duration::from_secs(20), 0, 90), Duration::ZERO);
    }
}
