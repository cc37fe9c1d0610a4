//! Damaged tables of predictions are refused with a line, or read as what they say: no panic, no number that is no probability.
//!
//! Whole tables are mutated from a seed. `ISNET_FUZZ_CASES` says how many mutants, `ISNET_FUZZ_SEED` where they start; a failure names
//! its seed, and `ISNET_FUZZ_SEED=<seed> ISNET_FUZZ_CASES=1` repeats it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use isnet_statistics::predictions_csv::{load, save};
use isnet_statistics::{Predictions, Task, metrics::scores_by_split};
use isnet_testkit::fuzz::{Random, number};

/// Longer than any table here may take.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLES: [&str; 8] = [
    "id,label,p_cat,p_dog\na,cat,0.9,0.1\nb,dog,0.2,0.8\nc,cat,0.4,0.6\nd,dog,0.4,0.6\n",
    "id,source,split,group,label,predicted,p_a,p_b,p_c,background_share\n\
     x,leeds,test,p1,a,a,0.5,0.25,0.25,0.125\ny,quebec,val,p2,c,c,0.01,0.02,0.97,\n",
    "id,label,predicted,p_hat,p_glasses\n\"say \"\"cheese\"\"\",hat|glasses,glasses,0.1,0.5\nnone,,,0.125,0.000000001\n",
    "\u{feff}id,label,p_\u{e9}t\u{e9},p_b\r\n1,\u{e9}t\u{e9},1e-3,0.999\r\n2,b,.5,5e-1\r\n",
    "ID;Patient;label;predicted;prob_0;prob_1;Sex;age band\n1;p1;1;1;0,65;0,35;f;60-69\n2;p2;0;;0,5;0,5;;\n3;p2;0;0;0,9;0,1;m;70+\n",
    "id\tpatient_id\tsubject\tlabel\tpredicted\tp_a\tp_b\na\t1\t1\tb\tb\t0.33\t0.67\nb\t2\t\ta\tb\t0.667\t0.333\n",
    "id,label,predicted,p_hat,p_scarf,device\nx,hat,hat,0.3,0.9,CR\ny,,,0.4,0.1,\"DX, old\"\nz,scarf|hat,scarf,0.9,0.8,\"a\nb\"\n",
    ",id,label,score\n0,x,1,0.75\n1,y,0,0.25\n",
];

/// What hands, spreadsheets and other tools put into a cell.
const WORDS: [&[u8]; 28] = [
    b"NaN",
    b"inf",
    b"-inf",
    b"1e400",
    b"-0",
    b"-3.2",
    b"1.0000001",
    b"0,5",
    b";",
    b"\t",
    b"\"",
    b"|",
    b"||",
    b"\r\n",
    b"\n\n",
    b"\0",
    b"\xFF\xFE",
    b"0.333",
    b"1e-999999999999",
    b"0,333",
    b"1,000.5",
    b"75%",
    b"75",
    b"patient",
    b"Group",
    b"p_",
    b"prob_",
    b"0.00000000000000000000000000000000000000000000000000000001",
];

/// The same text in UTF-16 with its mark.
fn utf16(text: &str, random: &mut Random) -> Vec<u8> {
    let bytes = [u16::to_le_bytes, u16::to_be_bytes][random.below(2)];
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(5) {
        let place = random.below(bytes.len());
        match random.below(7) {
            _ if bytes.is_empty() => return,
            0 => bytes[place] = random.number() as u8,
            1 => bytes.truncate(place),
            2 => drop(bytes.drain(place..(place + 1 + random.below(12)).min(bytes.len()))),
            3 => {
                let word = WORDS[random.below(WORDS.len())];
                bytes.splice(place..place, word.iter().copied());
            }
            4 => {
                let end = (place..bytes.len()).find(|at| matches!(bytes[*at], b',' | b'\n')).unwrap_or(bytes.len());
                let word = WORDS[random.below(WORDS.len())];
                bytes.splice(place..end, word.iter().copied());
            }
            _ => {
                let end = (place + 1 + random.below(60)).min(bytes.len());
                let copied = bytes[place..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copied);
            }
        }
    }
}

/// What holds for every table that is read, whatever was in the file.
fn check(predictions: &Predictions, folder: &std::path::Path) {
    predictions.check().unwrap();
    let all = predictions.probabilities.iter().flatten();
    assert!(all.into_iter().all(|value| (0.0..=1.0).contains(value)), "{:?}", predictions.probabilities);
    if predictions.task == Task::Single {
        assert!(predictions.labels.iter().all(|labels| labels.len() < 2), "{:?}", predictions.labels);
    }
    // Samples without a label are an error; nothing else is.
    let _ = scores_by_split(predictions).map_err(|error| error.to_string());
    // What is written is what was read. A class with the separator of labels, or a blank at its end, has another name when it is read.
    let path = folder.join("again.csv");
    let plain = |name: &String| !name.contains('|') && name.trim() == name && !name.is_empty();
    if !predictions.is_empty() && predictions.classes.iter().all(plain) {
        save(predictions, &path).unwrap();
        let found = load(&path, Some(predictions.task)).unwrap();
        for sample in 0..predictions.len() {
            assert_eq!(found.predicted(sample), predictions.predicted(sample), "decisions are kept");
        }
        // A column of decisions without gaps says the same as one with gaps for what is most probable; so do thresholds a hair apart.
        let (decided, thresholds) = (found.decided.clone(), found.thresholds.clone());
        assert_eq!(found, Predictions { decided, thresholds, ..predictions.clone() });
    }
}

#[test]
fn damaged_tables_are_read_or_refused() {
    let (cases, first) = (number("ISNET_FUZZ_CASES", 400), number("ISNET_FUZZ_SEED", 1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.csv");
    let (mut read, mut refused) = (0, 0);
    for seed in first..first + cases {
        let mut random = Random(seed);
        let table = *random.of(&TABLES);
        let mut bytes = if random.below(8) == 0 { utf16(table, &mut random) } else { table.as_bytes().to_vec() };
        mutate(&mut bytes, &mut random);
        std::fs::write(&path, &bytes).unwrap();
        let task = [None, Some(Task::Single), Some(Task::Multi)][random.below(3)];
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| match load(&path, task) {
            Ok(predictions) => {
                check(&predictions, folder.path());
                None
            }
            Err(error) => Some(error.to_string()),
        }));
        let outcome = outcome.unwrap_or_else(|_| panic!("a panic with ISNET_FUZZ_SEED={seed}"));
        let elapsed = started.elapsed();
        assert!(elapsed < PATIENCE, "{elapsed:?} with ISNET_FUZZ_SEED={seed}");
        match outcome {
            None => read += 1,
            Some(message) => {
                assert!(
                    !message.contains("CSV error"),
                    "a refusal is in plain words: {message}, ISNET_FUZZ_SEED={seed}"
                );
                assert!(message.contains("mutant.csv"), "a refusal names the file: {message}, ISNET_FUZZ_SEED={seed}");
                refused += 1;
            }
        }
    }
    assert!(cases < 100 || (read > 0 && refused > 0), "{read} read, {refused} refused");
}
