//! A folder with a small data set and a configuration, and the command to try on them.

#![allow(dead_code, reason = "each file of tests uses its own part")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::{GrayImage, Luma};
use tempfile::TempDir;

/// Side of the images, in pixels.
pub const SIDE: u32 = 16;

/// Split, how many images it has. The training images stand on lines 2 to 13 of the manifest.
pub const SPLITS: [(&str, usize); 4] = [("train", 12), ("val", 4), ("test", 4), ("test_ood", 2)];

/// Two stages of 4 channels, two epochs of three steps.
pub const CONFIG: &str = r#"
seed = 1

[data]
manifest = "manifest.csv"
height = 16
width = 16
channels = 1

[model]
architecture = "plain_cnn"
stages = [{ channels = 4 }, { channels = 4 }]

[loss]
heatmap_loss_weight = 0.5

[train]
epochs = 2
batch_size = 4
learning_rate = 0.05
"#;

/// A temporary folder with `images/`, `masks/`, `manifest.csv` and `tiny.toml`. Commands run inside it, so that
/// paths are short.
pub struct Bench {
    folder: TempDir,
}

/// What a command said and how it ended; one that was ended by a signal has the code −1.
#[derive(Debug)]
pub struct Said {
    pub command: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command that is still at work, killed when the test ends before it.
pub struct Working {
    pub process: Child,
    pub command: String,
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["images", "masks"] {
            fs::create_dir(bench.path(name)).unwrap();
        }
        let mut manifest = String::from("image,mask,label,source,split\n");
        let mut seeds = 0..;
        for (split, images) in SPLITS {
            for index in 0..images {
                let label = ["bright", "dark"][index % 2];
                let source = ["north", "south"][index / 2 % 2];
                let name = format!("{split}-{index:02}.png");
                picture(seeds.next().unwrap(), label).save(bench.path(&format!("images/{name}"))).unwrap();
                mask(SIDE).save(bench.path(&format!("masks/{name}"))).unwrap();
                manifest += &format!("images/{name},masks/{name},{label},{source},{split}\n");
            }
        }
        bench.write("manifest.csv", manifest);
        bench.write("tiny.toml", CONFIG);
        bench
    }

    /// With a finished run in `runs/tiny`.
    pub fn trained() -> Self {
        let bench = Self::new();
        bench.isnet("train tiny.toml").done();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    /// Replaces what must occur in a text file.
    pub fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.text(name);
        assert!(text.contains(old), "`{old}` is not in {name}");
        self.write(name, text.replace(old, new));
    }

    /// Keeps the first half of a file.
    pub fn truncate(&self, name: &str) {
        let bytes = self.read(name);
        self.write(name, &bytes[..bytes.len() / 2]);
    }

    /// The command with arguments that are separated by blanks.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isnet"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn isnet(&self, arguments: &str) -> Said {
        Said::of(arguments, self.command(arguments).output().unwrap())
    }

    pub fn start(&self, arguments: &str) -> Working {
        let process = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Working { process, command: arguments.to_owned() }
    }

    /// How many lines a file has; none if it is not there.
    pub fn lines(&self, name: &str) -> usize {
        fs::read(self.path(name)).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
    }
}

impl Said {
    pub fn of(command: &str, output: Output) -> Self {
        Self {
            command: command.to_owned(),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The command did what it was asked to.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }

    /// The command ended with this code and said all of these words on stderr.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self}");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in\n{self}");
        }
        self
    }

    /// The digest of the weights that a training printed.
    #[track_caller]
    pub fn digest(&self) -> String {
        let (_, digest) = self.stdout.trim_end().rsplit_once("weights ").unwrap_or_else(|| panic!("{self}"));
        assert!(digest.len() == 16 && digest.chars().all(|digit| digit.is_ascii_hexdigit()), "{digest}");
        digest.to_owned()
    }

    /// The lines of stdout as JSON.
    #[track_caller]
    pub fn objects(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "isnet {command}\ncode {code}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    }
}

impl Working {
    /// Waits until `happened`, and says whether the command is still at work then.
    #[track_caller]
    pub fn until(&mut self, happened: impl Fn() -> bool) -> bool {
        let started = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            if happened() {
                return true;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "what the test waits for does not happen");
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Waits for the end.
    pub fn ended(mut self) -> Said {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.process.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        self.process.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Said::of(&self.command, Output { status: self.process.wait().unwrap(), stdout, stderr })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// A square on a background: the square is brighter or darker by class; every seed below 40 gives other pixels.
pub fn picture(seed: u32, label: &str) -> GrayImage {
    let level = if label == "bright" { 190 } else { 60 };
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let noise = (seed * 31 + x * 7 + y * 13 + x * y * seed) % 40;
        Luma([(if inside(x, y) { level + noise } else { 100 + noise }) as u8])
    })
}

/// The square as foreground.
pub fn mask(side: u32) -> GrayImage {
    GrayImage::from_fn(side, side, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
}

/// Writes NaN over the last number of a safetensors file.
pub fn poison(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

fn inside(x: u32, y: u32) -> bool {
    (4..12).contains(&x) && (4..12).contains(&y)
}
