//! Processes that are killed at any moment, and go on with another number of threads to the same bits.
//!
//! `DISTILL_TEST_KILLS` says how often, `DISTILL_TEST_FIRST` from which number on: kill `n` comes at the same part of
//! the time on every machine. `cargo xtask campaign` counts the lines that begin with `campaign`.

#![allow(clippy::print_stdout, reason = "counts are shown")]

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::lab::{Lab, hashes};
use crate::reproduce;
use crate::sweep::{csv, trials};

/// No result depends on it.
const THREADS: [&str; 5] = ["1", "2", "3", "4", "8"];

/// How often a test ends a process. More for a night, few enough for every change.
pub(crate) fn times(default: u32) -> u32 {
    std::env::var("DISTILL_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A number from 0 to 1 that depends on a counter alone.
pub(crate) fn random(i: u64) -> f64 {
    let mut x = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

/// How many files below a folder were never renamed to what they should be.
pub(crate) fn unfinished_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => unfinished_files(&path),
            path => usize::from(path.to_string_lossy().ends_with(".tmp")),
        })
        .sum()
}

/// What is killed. Its files are below a folder that its arguments name.
struct Job<'l> {
    name: &'static str,
    lab: &'l Lab,
    /// Begins it in a folder.
    begin: &'l dyn Fn(&str) -> Vec<String>,
    /// Goes on with what is there; nothing where there is nothing to go on with.
    again: &'l dyn Fn(&str) -> Option<Vec<String>>,
    /// All that has to be the same in the end.
    outcome: &'l dyn Fn(&str) -> Vec<String>,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

impl Job<'_> {
    fn spawn(&self, args: &[String], threads: &str) -> Child {
        let args: Vec<&str> = args.iter().map(String::as_str).chain(["--threads", threads]).collect();
        self.lab.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Kills it `default` times or as often as the environment says.
    fn kill(&self, default: u32) {
        let first = std::env::var("DISTILL_TEST_FIRST").map_or(0, |text| text.parse().expect("DISTILL_TEST_FIRST"));
        let wanted = times(default);
        let start = Instant::now();
        let whole = self.spawn(&(self.begin)("whole"), "1").wait_with_output().unwrap();
        assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
        let time = start.elapsed();
        let expected = (self.outcome)("whole");
        assert!(!expected.is_empty());
        let (mut before, mut complete, mut resumed, mut in_save, mut more) = (0, 0, 0, 0, 0);
        let mut n = 0;
        // On a busy machine it takes another time than it took to begin with: then more are killed, until enough of them hit.
        while n < wanted || (wanted >= 8 && resumed <= n / 5 && n < 4 * wanted) {
            let i = first + u64::from(n);
            n += 1;
            let folder = format!("cut-{i}");
            let what = format!("{} {i}", self.name);
            let mut draws = (0..).map(|draw| random(1000 * i + draw));
            let mut draw = || draws.next().unwrap();
            let mut args = (self.begin)(&folder);
            let mut is_new = true;
            loop {
                let threads = THREADS[(draw() * THREADS.len() as f64) as usize];
                let mut child = self.spawn(&args, threads);
                std::thread::sleep(time.mul_f64(draw()));
                // Every other one waits for the next file to be begun.
                while i % 2 == 1 && child.try_wait().unwrap().is_none() {
                    if unfinished_files(&self.lab.path(&folder)) > 0 {
                        break;
                    }
                }
                child.kill().unwrap();
                let ended = child.wait_with_output().unwrap();
                assert!(
                    ended.status.success() || ended.status.code().is_none(),
                    "{what} ends by itself: {}",
                    String::from_utf8_lossy(&ended.stderr)
                );
                in_save += usize::from(unfinished_files(&self.lab.path(&folder)) > 0);
                match (self.again)(&folder) {
                    _ if ended.status.success() => complete += usize::from(is_new),
                    None => before += usize::from(is_new),
                    Some(_) if is_new => resumed += 1,
                    Some(_) => more += 1,
                }
                is_new = false;
                args = (self.again)(&folder).unwrap_or_else(|| {
                    // A directory that is nothing yet stays, and the next one has the next number.
                    let _ = fs::remove_dir_all(self.lab.path(&folder));
                    (self.begin)(&folder)
                });
                // Now and then what goes on is killed too.
                if draw() < 0.7 {
                    break;
                }
            }
            let threads = THREADS[(draw() * THREADS.len() as f64) as usize];
            let ended = self.spawn(&args, threads).wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success(), "{what}: {stderr}");
            assert!(!stderr.contains("damaged"), "{what}: {stderr}");
            assert!((self.outcome)(&folder) == expected, "{what}: other bits with {threads} threads");
            fs::remove_dir_all(self.lab.path(&folder)).unwrap();
        }
        println!(
            "campaign {} kills={n} before={before} complete={complete} resumed={resumed} more={more} in_save={in_save} \
             seconds={:.3}",
            self.name,
            start.elapsed().as_secs_f64()
        );
        assert!(n < 8 || resumed > n / 5, "most kills must hit it: {resumed} of {n}");
    }
}

#[cfg(unix)]
#[test]
fn runs() {
    let lab = Lab::new();
    // Checkpoints of megabytes after every step: most of the time is spent in saving them.
    let often = ["student.model.hidden=[600,100]", "teacher.model.hidden=[600,100]", "checkpoint.every_steps=1"];
    let run = |folder: &str| format!("{folder}/tiny-001");
    let job = Job {
        name: "runs",
        lab: &lab,
        begin: &|folder| words(&[&["run", "r.toml", "--runs-dir", folder][..], &often].concat()),
        again: &|folder| {
            let is_there = lab.path(&run(folder)).join("run.toml").exists();
            is_there.then(|| words(&["run", "--resume", &run(folder)]))
        },
        outcome: &|folder| {
            assert_eq!(unfinished_files(&lab.path(&run(folder))), 0, "{folder}");
            hashes(&lab, run(folder))
        },
    };
    job.kill(15);
}

#[cfg(unix)]
#[test]
fn sweeps() {
    let lab = Lab::new();
    // Teachers of its own, answers, halving, and trials that fail.
    let long = [
        "train.epochs=30",
        "student.model.hidden=[40]",
        "checkpoint.every_steps=25",
        "--set",
        "train.optimizer.lr=0.001..0.5",
        "--set",
        "teacher.train.optimizer.lr=0.03,0.05,1e30",
        "--random",
        "9",
        "--halving",
    ];
    let sweep = |folder: &str| format!("{folder}/tiny-sweep-001");
    let job = Job {
        name: "sweeps",
        lab: &lab,
        begin: &|folder| words(&[&["sweep", "r.toml", "--runs-dir", folder][..], &long].concat()),
        again: &|folder| {
            let is_there = lab.path(&sweep(folder)).join("sweep.toml").exists();
            is_there.then(|| words(&["sweep", "--resume", &sweep(folder)]))
        },
        outcome: &|folder| {
            assert_eq!(unfinished_files(&lab.path(&sweep(folder))), 0, "{folder}");
            let trials = trials(&lab, &sweep(folder)).into_values().map(|trial| trial.to_string());
            trials.chain(csv(&lab, &sweep(folder)).into_iter().map(|row| row.join(","))).collect()
        },
    };
    job.kill(6);
}

#[cfg(unix)]
#[test]
fn studies() {
    let lab = reproduce::lab();
    let begin = |folder: &str| words(&reproduce::args(&["distilled"], &["train.epochs=6", "--runs-dir", folder]));
    let job = Job {
        name: "studies",
        lab: &lab,
        begin: &begin,
        // Whoever does it again goes on.
        again: &|folder| lab.path(&format!("{folder}/hinton-2015/study.toml")).exists().then(|| begin(folder)),
        outcome: &|folder| {
            let models = reproduce::models(&lab, &format!("{folder}/hinton-2015"));
            models.into_iter().map(|(key, sha256)| format!("{key} {sha256}")).collect()
        },
    };
    job.kill(6);
}

#[cfg(unix)]
#[test]
fn teach() {
    let lab = Lab::new();
    lab.dataset("data", 4, 20_000, 60);
    let train = ["train", "r.toml", "-q", "teacher.model.hidden=[300]", "--runs-dir", "made"];
    lab.ok(&train);
    let weights = "teacher.weights=made/tiny-001/weights/teacher-seed1.safetensors";
    let file = |folder: &str| format!("{folder}/answers.safetensors");
    let begin = |folder: &str| words(&["teach", "r.toml", weights, "-o", &file(folder)]);
    let expected = std::cell::OnceCell::new();
    let job = Job {
        name: "teach",
        lab: &lab,
        begin: &begin,
        again: &|folder| {
            // There is no file, or a whole one.
            if let (Ok(bytes), Some(expected)) = (fs::read(lab.path(&file(folder))), expected.get()) {
                assert!(bytes == *expected, "{folder} has other answers");
            }
            lab.path(folder).exists().then(|| begin(folder))
        },
        outcome: &|folder| {
            let bytes = lab.read(&file(folder));
            let is_same = expected.get_or_init(|| bytes.clone()) == &bytes;
            vec![format!("{} {is_same}", bytes.len())]
        },
    };
    job.kill(8);
}
