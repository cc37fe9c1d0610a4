//! The log of a run: a line of JSON per step and per epoch, a CSV table per epoch, and TensorBoard event files.
//!
//! `log.jsonl` is what counts. `metrics.csv` and `tensorboard/` are views of it and are made anew from it when a run is
//! resumed. Lines after the checkpoint are dropped then, so that the log of a killed and resumed run equals that of an
//! uninterrupted one in all but `time` and `seconds`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    atomic,
    checkpoint::Position,
    error::{Result, RunError},
    run_dir::RunDir,
    tensor::read_text,
    tensorboard,
};

/// Steps between two times that the log goes to the disk.
const FLUSH_STEPS: usize = 20;

/// The terms of the loss; those that a step does not have are absent. NaN is written as null.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Losses {
    /// What was differentiated: for ISNet `(1 − P)·classification + P·heatmap`.
    #[serde(deserialize_with = "null_as_nan")]
    pub loss: f64,
    /// Classification loss; a step may only segment.
    pub classification: Option<f64>,
    /// `w1·background + w2·foreground`.
    pub heatmap: Option<f64>,
    /// Background term (L1).
    pub background: Option<f64>,
    /// Foreground term (L2).
    pub foreground: Option<f64>,
    /// Further terms of the method by name, unweighted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "nulls_as_nan")]
    pub terms: BTreeMap<String, f64>,
}

/// What is known after a step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps done, this one included: the first is 1.
    pub step: usize,
    /// Epoch, counted from 0.
    pub epoch: usize,
    /// Terms of the loss on this batch.
    #[serde(flatten)]
    pub losses: Losses,
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Norm of the whole gradient before clipping.
    #[serde(deserialize_with = "null_as_nan")]
    pub gradient_norm: f64,
    /// Wall time of this step, in seconds.
    pub seconds: f64,
}

/// What is known after an epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, counted from 0.
    pub epoch: usize,
    /// Steps done since the beginning of the run.
    pub step: usize,
    /// Means over the steps of the epoch.
    #[serde(flatten)]
    pub losses: Losses,
    /// Learning rate at the end of the epoch.
    pub learning_rate: f64,
    /// Wall time of this epoch with its validation, in seconds.
    pub seconds: f64,
    /// What all threads of the process worked in it, in seconds; 0 in logs of earlier versions.
    #[serde(default)]
    pub processor_seconds: f64,
    /// Scores on the validation split, by name: `macro_f1`, `loss`, `background_share`.
    #[serde(deserialize_with = "nulls_as_nan")]
    pub validation: BTreeMap<String, f64>,
}

/// A line of `log.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// After a step.
    Step {
        /// When it was written, in seconds since 1970.
        time: f64,
        /// What is known.
        #[serde(flatten)]
        record: StepRecord,
    },
    /// After an epoch.
    Epoch {
        /// When it was written, in seconds since 1970.
        time: f64,
        /// What is known.
        #[serde(flatten)]
        record: EpochRecord,
    },
}

/// The log of a run that is being trained.
///
/// # Example
/// ```
/// use isnet_run::{EpochRecord, Existing, Position, RunConfig, RunDir, RunLog, StepRecord};
/// let folder = tempfile::tempdir()?;
/// let config = RunConfig::from_toml("[data.phantom]", "demo.toml", &[])?;
/// let run = RunDir::create(folder.path().join("demo"), &config, Existing::Refuse)?;
/// let mut log = RunLog::create(&run)?;
/// log.step(StepRecord { step: 1, epoch: 0, ..Default::default() })?;
/// log.step(StepRecord { step: 2, epoch: 0, ..Default::default() })?;
/// log.epoch(EpochRecord { step: 2, epoch: 0, ..Default::default() })?;
/// drop(log);
/// // The checkpoint was taken after the first step: what came after it did not happen.
/// RunLog::resume(&run, Position { epoch: 0, step: 1, batch_in_epoch: 1 })?;
/// assert_eq!(isnet_run::log::read_lines(&run)?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RunLog {
    lines: Appender,
    events: Appender,
    csv: PathBuf,
    epochs: Vec<EpochRecord>,
    steps_since_flush: usize,
}

impl RunLog {
    /// Begins an empty log; what was logged before is gone.
    ///
    /// # Errors
    /// [`RunError::Files`].
    pub fn create(run: &RunDir) -> Result<Self> {
        Self::begin(run, &[])
    }

    /// Goes on with the log as it was at `position`: later lines are dropped.
    ///
    /// # Errors
    /// [`RunError::Corrupt`] with the number of a line that is none (the last one may be torn: it is dropped),
    /// [`RunError::Files`].
    pub fn resume(run: &RunDir, position: Position) -> Result<Self> {
        let mut lines = read_lines(run)?;
        lines.retain(|line| match line {
            Line::Step { record, .. } => record.step <= position.step,
            Line::Epoch { record, .. } => record.epoch < position.epoch,
        });
        Self::begin(run, &lines)
    }

    /// Writes the line of a step. It is on the disk after a flush.
    ///
    /// # Errors
    /// [`RunError::Files`].
    pub fn step(&mut self, record: StepRecord) -> Result<()> {
        self.append(&Line::Step { time: now(), record })?;
        self.steps_since_flush += 1;
        if self.steps_since_flush >= FLUSH_STEPS { self.flush() } else { Ok(()) }
    }

    /// Writes the line of an epoch, and the table anew; both are on the disk when this returns.
    ///
    /// # Errors
    /// [`RunError::Files`].
    pub fn epoch(&mut self, record: EpochRecord) -> Result<()> {
        self.append(&Line::Epoch { time: now(), record: record.clone() })?;
        self.epochs.push(record);
        self.flush()?;
        atomic::write(&self.csv, &table(&self.epochs)?)
    }

    /// Brings everything to the disk. Call it before a checkpoint is saved.
    ///
    /// # Errors
    /// [`RunError::Files`].
    pub fn flush(&mut self) -> Result<()> {
        self.steps_since_flush = 0;
        self.lines.flush()?;
        self.events.flush()
    }

    /// The epochs so far.
    pub fn epochs(&self) -> &[EpochRecord] {
        &self.epochs
    }

    /// Writes all three files with `lines` and stands ready to append.
    fn begin(run: &RunDir, lines: &[Line]) -> Result<Self> {
        let start = lines.first().map_or_else(now, |line| match line {
            Line::Step { time, .. } | Line::Epoch { time, .. } => *time,
        });
        // TensorBoard would show a half-written file beside the whole one.
        isnet_files::atomic::clear_temporaries(&run.tensorboard());
        let events_path = events_path(&run.tensorboard(), start);
        let mut text = Vec::new();
        let mut events = tensorboard::first_record(start);
        let mut epochs = Vec::new();
        for line in lines {
            text.extend(to_json(line)?);
            events.extend(to_events(line));
            if let Line::Epoch { record, .. } = line {
                epochs.push(record.clone());
            }
        }
        atomic::write(&run.metrics_csv(), &table(&epochs)?)?;
        Ok(Self {
            lines: Appender::begin(run.log(), &text)?,
            events: Appender::begin(events_path, &events)?,
            csv: run.metrics_csv(),
            epochs,
            steps_since_flush: 0,
        })
    }

    fn append(&mut self, line: &Line) -> Result<()> {
        self.lines.append(&to_json(line)?)?;
        self.events.append(&to_events(line))
    }
}

/// All lines of the log; a torn last line, as a kill may leave it, is left out.
///
/// # Errors
/// [`RunError::Read`] without a log, [`RunError::Corrupt`] with the number of a line that is none.
pub fn read_lines(run: &RunDir) -> Result<Vec<Line>> {
    let path = run.log();
    let text = read_text("log", &path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| RunError::Corrupt {
            what: "log",
            path: path.clone(),
            reason: format!("line {}: {error}", index + 1),
        })
    };
    whole.lines().enumerate().map(parse).collect()
}

/// A file that grows at its end.
#[derive(Debug)]
struct Appender {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Appender {
    fn begin(path: PathBuf, bytes: &[u8]) -> Result<Self> {
        atomic::write(&path, bytes)?;
        let file = File::options().append(true).open(&path).map_err(write_error(&path, 0))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(write_error(&self.path, bytes.len()))
    }

    fn flush(&mut self) -> Result<()> {
        let waiting = self.file.buffer().len();
        self.file.flush().and_then(|()| self.file.get_ref().sync_data()).map_err(write_error(&self.path, waiting))
    }
}

fn write_error(path: &Path, total: usize) -> impl FnOnce(io::Error) -> RunError + use<> {
    let path = path.to_owned();
    move |cause| isnet_files::FilesError::Write { path, written: 0, total: total as u64, cause }.into()
}

fn to_json(line: &Line) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line)
        .map_err(|error| RunError::Encode { what: "a line of the log", reason: error.to_string() })?;
    text.push(b'\n');
    Ok(text)
}

fn to_events(line: &Line) -> Vec<u8> {
    match line {
        Line::Step { time, record } => {
            let mut values = named("step", &record.losses);
            values.push(("step/learning_rate".into(), record.learning_rate));
            values.push(("step/gradient_norm".into(), record.gradient_norm));
            events(*time, record.step, &values)
        }
        Line::Epoch { time, record } => {
            let mut values = named("train", &record.losses);
            values.extend(record.validation.iter().map(|(name, value)| (format!("validation/{name}"), *value)));
            events(*time, record.step, &values)
        }
    }
}

fn events(time: f64, step: usize, values: &[(String, f64)]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|(tag, value)| (tag.as_str(), *value)).collect();
    tensorboard::scalars(time, step as u64, &values)
}

fn named(group: &str, losses: &Losses) -> Vec<(String, f64)> {
    let columns = losses.columns().into_iter().filter_map(|(name, value)| Some((name, value?)));
    let terms = losses.terms.iter().map(|(name, value)| (name.as_str(), *value));
    columns.chain(terms).map(|(name, value)| (format!("{group}/{name}"), value)).collect()
}

impl Losses {
    fn columns(&self) -> [(&'static str, Option<f64>); 5] {
        [
            ("loss", Some(self.loss)),
            ("classification", self.classification),
            ("heatmap", self.heatmap),
            ("background", self.background),
            ("foreground", self.foreground),
        ]
    }
}

/// A row per epoch; a cell without a value is empty.
fn table(epochs: &[EpochRecord]) -> Result<Vec<u8>> {
    let scores: BTreeSet<_> = epochs.iter().flat_map(|record| record.validation.keys()).collect();
    let terms: BTreeSet<_> = epochs.iter().flat_map(|record| record.losses.terms.keys()).collect();
    let mut columns: Vec<String> = ["epoch", "step", "learning_rate", "seconds"].map(Into::into).into();
    columns.extend(Losses::default().columns().map(|(name, _)| format!("train_{name}")));
    columns.extend(terms.iter().map(|name| format!("train_{name}")));
    columns.extend(scores.iter().map(|name| format!("validation_{name}")));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| RunError::Encode { what: "the table of epochs", reason: error.to_string() };
    writer.write_record(&columns).map_err(failed)?;
    for record in epochs {
        let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let mut row = vec![record.epoch.to_string(), record.step.to_string()];
        row.extend([record.learning_rate, record.seconds].map(|value| value.to_string()));
        row.extend(record.losses.columns().map(|(_, value)| cell(value)));
        row.extend(terms.iter().map(|name| cell(record.losses.terms.get(*name).copied())));
        row.extend(scores.iter().map(|name| cell(record.validation.get(*name).copied())));
        writer.write_record(&row).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| RunError::Encode { what: "the table of epochs", reason: error.to_string() })
}

/// The event file in `folder`, or where a new one begins; TensorBoard wants the seconds in its name.
fn events_path(folder: &Path, start: f64) -> PathBuf {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_whole = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("events.out.tfevents");
    let mut found: Vec<_> = entries.filter(is_whole).map(|entry| entry.path()).collect();
    found.sort();
    let new = || folder.join(format!("events.out.tfevents.{:010}.isnet", start as u64));
    found.into_iter().next().unwrap_or_else(new)
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn null_as_nan<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn nulls_as_nan<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<BTreeMap<String, f64>, D::Error> {
    let map = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(map.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::RunConfig, run_dir::Existing};

    const STEPS_PER_EPOCH: usize = 3;

    fn run(folder: &tempfile::TempDir) -> RunDir {
        let config = RunConfig::from_toml("[data.phantom]", "demo.toml", &[]).unwrap();
        RunDir::create(folder.path().join("run"), &config, Existing::Refuse).unwrap()
    }

    /// Logs the steps after `from` up to `to`, and the epochs that end with them.
    fn train(log: &mut RunLog, from: usize, to: usize) {
        for step in from + 1..=to {
            let epoch = (step - 1) / STEPS_PER_EPOCH;
            let losses = Losses {
                loss: 1.0 / step as f64,
                classification: Some(0.0),
                heatmap: (epoch > 0).then_some(0.1),
                ..Default::default()
            };
            let learning_rate = 0.1 + 0.2;
            log.step(StepRecord { step, epoch, losses: losses.clone(), learning_rate, ..Default::default() }).unwrap();
            if step % STEPS_PER_EPOCH == 0 {
                let validation = BTreeMap::from([("macro_f1".into(), 1.0 / 3.0), ("auc".into(), f64::NAN)]);
                log.epoch(EpochRecord { epoch, step, losses, learning_rate, validation, ..Default::default() })
                    .unwrap();
            }
        }
        log.flush().unwrap();
    }

    /// Everything that was logged, without the times.
    fn logged(run: &RunDir) -> (Vec<String>, String, usize) {
        let timeless = |line: &str| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("time").unwrap();
            line.to_string()
        };
        let lines = fs::read_to_string(run.log()).unwrap().lines().map(timeless).collect();
        let csv = fs::read_to_string(run.metrics_csv()).unwrap();
        let events: Vec<_> = fs::read_dir(run.tensorboard()).unwrap().collect();
        assert_eq!(events.len(), 1);
        (lines, csv, events[0].as_ref().unwrap().metadata().unwrap().len() as usize)
    }

    #[test]
    fn whoever_looks_at_the_log_meanwhile_lacks_few_steps() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder);
        let mut log = RunLog::create(&run).unwrap();
        for step in 1..=2 * FLUSH_STEPS + 1 {
            log.step(StepRecord { step, ..Default::default() }).unwrap();
            let seen = read_lines(&run).unwrap().len();
            assert!(seen + FLUSH_STEPS > step && seen <= step, "{seen} of {step} steps");
        }
    }

    #[test]
    fn a_kill_while_the_event_file_begins_leaves_no_second_one() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder);
        fs::write(run.tensorboard().join(".events.out.tfevents.1700000000.isnet.1-0.isnet-tmp"), "torn").unwrap();
        train(&mut RunLog::create(&run).unwrap(), 0, 3);
        logged(&run); // there is one file
    }

    #[test]
    fn a_resumed_log_equals_an_uninterrupted_one() {
        let whole = tempfile::tempdir().unwrap();
        let whole = run(&whole);
        train(&mut RunLog::create(&whole).unwrap(), 0, 9);
        // Killed after `killed` steps; the checkpoint is from `saved` steps, its epoch from before or after the end.
        for (saved, epoch, killed) in [(0, 0, 4), (4, 1, 8), (3, 1, 3), (3, 0, 5), (6, 2, 8)] {
            let folder = tempfile::tempdir().unwrap();
            let run = run(&folder);
            train(&mut RunLog::create(&run).unwrap(), 0, killed);
            let torn = [&fs::read(run.log()).unwrap()[..], b"{\"kind\":\"st"].concat();
            fs::write(run.log(), torn).unwrap();
            let position = Position { epoch, step: saved, batch_in_epoch: saved - epoch * STEPS_PER_EPOCH };
            let mut log = RunLog::resume(&run, position).unwrap();
            if (saved, epoch) == (3, 0) {
                // The epoch was not over for this checkpoint: validation and its line come again.
                let Line::Epoch { record, .. } = read_lines(&whole).unwrap().remove(3) else { panic!() };
                log.epoch(record).unwrap();
            }
            train(&mut log, saved, 9);
            assert_eq!(logged(&run), logged(&whole), "saved {saved}, killed {killed}");
        }
    }

    #[test]
    fn the_table_has_a_row_per_epoch_and_empty_cells_where_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder);
        train(&mut RunLog::create(&run).unwrap(), 0, 6);
        let table = fs::read_to_string(run.metrics_csv()).unwrap();
        let rows: Vec<_> = table.lines().collect();
        assert_eq!(
            rows[0],
            "epoch,step,learning_rate,seconds,train_loss,train_classification,train_heatmap,train_background,\
             train_foreground,validation_auc,validation_macro_f1"
        );
        assert_eq!(rows[1], "0,3,0.30000000000000004,0,0.3333333333333333,0,,,,NaN,0.3333333333333333");
        assert!(rows[2].starts_with("1,6,") && rows[2].contains(",0.1,,,"));
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder);
        train(&mut RunLog::create(&run).unwrap(), 0, 2);
        let text = fs::read_to_string(run.log()).unwrap();
        fs::write(run.log(), text.replacen("\"step\":2", "\"step\":x", 1)).unwrap();
        let error = RunLog::resume(&run, Position::default()).unwrap_err().to_string();
        assert!(error.contains("log.jsonl") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_value_that_is_no_number_survives_as_null() {
        let line = Line::Step {
            time: 0.0,
            record: StepRecord {
                gradient_norm: f64::NAN,
                losses: Losses { loss: f64::INFINITY, ..Default::default() },
                ..Default::default()
            },
        };
        let text = String::from_utf8(to_json(&line).unwrap()).unwrap();
        assert!(text.contains("\"loss\":null") && text.contains("\"gradient_norm\":null"), "{text}");
        let Line::Step { record, .. } = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert!(record.losses.loss.is_nan() && record.gradient_norm.is_nan() && record.losses.heatmap.is_none());
    }
}
