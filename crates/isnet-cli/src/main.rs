//! `isnet`: train, evaluate and explain classifiers that ignore the background.
//!
//! This is the only room that prints and exits: results go to stdout, messages to stderr. Exit code 0: done; 1: the answer is no (a
//! check failed); 2: could not run; 3: undecided (no check failed, but the images are too few to decide all); 130: interrupted by Ctrl-C (143: by SIGTERM, 129: by SIGHUP), as shells have it.

mod args;
mod audited;
mod commands;
mod images;
mod output;
mod pages;
mod progress;
mod shell;
mod signals;

use std::process::ExitCode;

use args::{Args, Command, DataCommand, SegmentCommand};
use clap::{CommandFactory, FromArgMatches};

/// Keeps the large blocks of a training step for the next one.
#[global_allocator]
static ALLOCATOR: isnet_kernels::Recycler = isnet_kernels::Recycler;

/// What a command that could run has to say.
enum Answer {
    /// Done.
    Yes,
    /// A check failed.
    No,
    /// No check failed, but the images are too few to decide all.
    Undecided,
    /// Someone asked it to stop before it was done.
    Interrupted,
}

fn main() -> ExitCode {
    let args = match parsed() {
        Ok(args) => args,
        Err(error) => return refused(&error),
    };
    if let Err(error) = isnet_kernels::check_environment() {
        progress::say(&format!("error: {error}"));
        return ExitCode::from(2);
    }
    if let Err(error) = signals::listen() {
        progress::say(&format!("error: cannot wait for signals: {error:#}"));
        return ExitCode::from(2);
    }
    let answer = match args.command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Study(args) => commands::study::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Calibrate(args) => commands::calibrate::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::SampleSize(args) => commands::sample_size::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Segment(SegmentCommand::Train(args)) => commands::segment::train(&args),
        Command::Segment(SegmentCommand::Predict(args)) => commands::segment::predict(&args),
        Command::Audit(args) => commands::audit::run(&args),
        Command::Models(args) => commands::models::run(&args),
        Command::Data(DataCommand::Check(args)) => commands::data_check::run(&args),
        Command::Data(DataCommand::Phantom(args)) => commands::data_phantom::run(&args),
        Command::Data(DataCommand::Shapes(args)) => commands::data_shapes::run(&args),
        Command::Data(DataCommand::Bias(args)) => commands::data_bias::run(&args),
        Command::Data(DataCommand::Import(args)) => commands::data_import::run(&args),
        Command::Data(DataCommand::Weaken(args)) => commands::data_weaken::run(&args),
        Command::Data(DataCommand::Readability(args)) => commands::data_readability::run(&args),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Undecided) => ExitCode::from(3),
        Ok(Answer::Interrupted) => ExitCode::from(signals::exit_code()),
        Err(error) => {
            progress::say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// The arguments. `--lr -1` is a number that is out of range, and no unknown option.
fn parsed() -> clap::error::Result<Args> {
    let numbers = |command: clap::Command| command.allow_negative_numbers(true);
    let command = Args::command().mut_subcommands(|command| numbers(command).mut_subcommands(numbers));
    Args::from_arg_matches(&command.try_get_matches()?)
}

/// What clap says, in plain words: its values are parsed by the standard library, whose errors are for programmers.
fn refused(error: &clap::Error) -> ExitCode {
    const WORDS: [(&str, &str); 7] = [
        ("invalid digit found in string", "expected a whole number"),
        ("cannot parse integer from empty string", "expected a whole number"),
        ("number too large to fit in target type", "the number is too large"),
        ("number too small to fit in target type", "the number is too small"),
        ("invalid float literal", "expected a number"),
        ("cannot parse float from empty string", "expected a number"),
        ("provided string was not `true` or `false`", "expected `true` or `false`"),
    ];
    let text = WORDS.iter().fold(error.render().to_string(), |text, (said, plain)| text.replace(said, plain));
    match error.use_stderr() {
        true => progress::say(text.trim_end()),
        false => progress::print(text.trim_end()),
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
