//! What the benchmark programs `operations` and `steps` share: cases by name, medians, the peak of the machine, a server.
//!
//! Neither criterion nor divan: a case is run in three ways, and both know one. `cargo bench` prints a table with
//! the share of the machine's peak, measured in the same minute; `cargo test --benches` runs each case once, so that none rots;
//! `--serve` answers one line per request, so that `benches/peers/peers.py` can let a rival run between two of our turns. A case times
//! itself, because a gradient's time is that of the backward pass without its forward pass.

mod peak;

use std::io::{self, BufRead, Write};
use std::time::Instant;

/// As the binary `isnet` has it.
#[global_allocator]
static ALLOCATOR: isnet_kernels::Recycler = isnet_kernels::Recycler;

/// Something to time.
pub trait Bench {
    /// Does the work once; returns its milliseconds, without preparation.
    fn run(&mut self) -> f64;

    /// Numbers by which another program can tell that it does the same work. Asked before any `run`.
    fn facts(&mut self) -> Vec<(String, f64)> {
        Vec::new()
    }
}

impl<F: FnMut() -> f64> Bench for F {
    fn run(&mut self) -> f64 {
        self()
    }
}

/// How much work a run is, in units of 10⁹.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Multiplications and additions.
    Flops(f64),
    /// Bytes that must be read or written, if every tensor moves once per sweep.
    Bytes(f64),
}

/// A named piece of work; nothing is allocated until it is prepared.
pub struct Case {
    /// Words joined by `-`, for filters and for other programs.
    pub name: String,
    /// Work of one run.
    pub work: Work,
    /// Makes tensors and models.
    pub prepare: Box<dyn Fn() -> Box<dyn Bench>>,
}

/// Milliseconds of a piece of work, and its result.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

/// Runs what the command line asks for: `[--quick] [FILTER]...` from `cargo bench`, or `--serve`.
pub fn main(cases: &[Case]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--serve") {
        return serve(cases).expect("a reader on standard output");
    }
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |case: &&Case| filters.is_empty() || filters.iter().any(|filter| case.name.contains(*filter));
    let wanted = cases.iter().filter(wanted);
    if has("--bench") {
        table(wanted, if has("--quick") { 0.2 } else { 2.0 });
    } else {
        for case in wanted {
            (case.prepare)().run();
        }
    }
}

/// Prints the median of each case, and its share of the peak.
fn table<'a>(cases: impl Iterator<Item = &'a Case>, seconds: f64) {
    let peak = peak::measure();
    print(&format!("{} threads, peak {:.0} GFLOP/s, copy {:.1} GB/s", peak.threads, peak.gflops, peak.gigabytes));
    print(&format!("{:36} {:>10} {:>8} {:>16} {:>8}", "case", "median ms", "runs", "speed", "of peak"));
    for case in cases {
        let times = repeat(&mut *(case.prepare)(), seconds);
        let middle = median(&times);
        let (speed, unit, best) = match case.work {
            Work::Flops(work) => (work / middle * 1e3, "GFLOP/s", peak.gflops),
            Work::Bytes(work) => (work / middle * 1e3, "GB/s", peak.gigabytes),
        };
        let share = 100.0 * speed / best;
        print(&format!("{:36} {middle:10.3} {:8} {speed:8.1} {unit:7} {share:7.0}%", case.name, times.len()));
    }
}

/// Times after two runs to warm up: at least 5, then as many as fit, at most 1000.
fn repeat(bench: &mut dyn Bench, seconds: f64) -> Vec<f64> {
    let begin = Instant::now();
    let mut times = Vec::new();
    for turn in 0..1002 {
        let time = bench.run();
        if turn >= 2 {
            times.push(time);
        }
        if times.len() >= 5 && begin.elapsed().as_secs_f64() > seconds {
            break;
        }
    }
    times
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Answers requests until standard input ends: `cases`, `load NAME`, `facts`, `run COUNT`.
fn serve(cases: &[Case]) -> io::Result<()> {
    let mut bench: Option<Box<dyn Bench>> = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (request, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match (request, &mut bench) {
            ("cases", _) => cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>().join(" "),
            ("load", _) => match cases.iter().find(|case| case.name == argument) {
                Some(case) => {
                    bench = Some((case.prepare)());
                    // What drawing weights and images needed is not the case's memory.
                    isnet_kernels::Recycler::trim();
                    "ok".to_owned()
                }
                None => format!("error no case `{argument}`"),
            },
            ("facts", Some(bench)) => {
                let fact = |(name, value)| format!("{name}={value:e}");
                bench.facts().into_iter().map(fact).collect::<Vec<_>>().join(" ")
            }
            ("run", Some(bench)) => match argument.parse::<usize>() {
                Ok(count) => (0..count).map(|_| bench.run().to_string()).collect::<Vec<_>>().join(" "),
                Err(error) => format!("error `{argument}` is no count: {error}"),
            },
            _ => format!("error no request `{line}` here"),
        };
        print(&answer);
        io::stdout().flush()?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program that prints a table or answers requests")]
fn print(text: &str) {
    println!("{text}");
}
