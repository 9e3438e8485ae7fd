//! Sweeps that are ended from outside, and end like one that was not.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::lab::{Lab, Ran};
use crate::sweep::{SWEEP, csv, text, trials};

/// A sweep with teachers of its own, answers, halving, and a trial that fails.
const LONG: [&str; 14] = [
    "sweep",
    "r.toml",
    "train.epochs=30",
    "student.model.hidden=[40]",
    "--set",
    "train.optimizer.lr=0.001..0.5",
    "--set",
    "teacher.train.optimizer.lr=0.03,0.05,1e30",
    "--random",
    "9",
    "--halving",
    "--seeds=1,2",
    "--threads",
    "1",
];

fn spawn(lab: &Lab, runs_dir: &str) -> Child {
    let mut command = lab.command(&[&LONG[..], &["--runs-dir", runs_dir]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until so many trials are written down, or the process has ended.
fn wait_for(lab: &Lab, child: &mut Child, sweep: &str, n: usize) {
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read(lab.path(sweep).join("trials.jsonl")).unwrap_or_default();
        // It can be gone on with as the latest once it is named so.
        let named = lab.path(sweep).parent().is_some_and(|runs| runs.join("LATEST-SWEEP").exists());
        if named && text.iter().filter(|&&byte| byte == b'\n').count() >= n {
            break;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_goes_on_to_the_same_table() {
    let lab = Lab::new();
    let whole = lab.ok(&LONG);
    let expected = (trials(&lab, SWEEP), csv(&lab, SWEEP));
    let n_trials = expected.0.len();
    assert_eq!(n_trials, 9 + 3 + 1);
    // The times differ, and where the teacher is.
    let best = |ran: &Ran| {
        let lines =
            ran.stdout.lines().rev().take(2).map(|line| line.split(" 'teacher.weights=").next().unwrap_or_default());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut n_resumed = 0;
    for i in 0..14_usize {
        let runs_dir = format!("runs-{i}");
        let sweep = format!("{runs_dir}/tiny-sweep-001");
        let mut child = spawn(&lab, &runs_dir);
        wait_for(&lab, &mut child, &sweep, i);
        std::thread::sleep(Duration::from_millis(i as u64 % 4));
        let signal = ["KILL", "INT", "TERM"][i % 3];
        // It fails if the sweep has just come to its end, which is seen below.
        let command = format!("kill -{signal} {} 2>/dev/null", child.id());
        std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        if ran.code == Some(0) {
            continue;
        }
        n_resumed += 1;
        let again = format!("distill sweep --resume {sweep}");
        match signal {
            "KILL" => assert_eq!(ran.code, None),
            _ => {
                assert_eq!(ran.code, Some(if signal == "INT" { 130 } else { 143 }), "{}", ran.stderr);
                assert!(ran.stderr.ends_with(&format!("resume  {again}\n")), "{}", ran.stderr);
                assert!(text(&lab, &format!("{sweep}/sweep.toml")).contains("status = \"interrupted\""));
            }
        }
        if i % 2 == 0 {
            // As if the end had come in the middle of a line.
            let path = lab.path(&sweep).join("trials.jsonl");
            let mut bytes = std::fs::read(&path).unwrap_or_default();
            bytes.extend_from_slice(b"{\"trial\":3,\"ru");
            std::fs::write(&path, bytes).unwrap();
        }
        let ran = lab.ok(&again.split(' ').skip(1).collect::<Vec<_>>());
        assert_eq!((trials(&lab, &sweep), csv(&lab, &sweep)), expected, "{signal} after {i} trials");
        assert_eq!(best(&ran), best(&whole), "{signal} after {i} trials");
        let status = text(&lab, &format!("{sweep}/sweep.toml"));
        assert!(status.contains("status = \"completed\"") && status.contains("resumed = 1"), "{status}");
        let ran = lab.ok(&["sweep", "--resume", "--runs-dir", &runs_dir]);
        assert!(ran.stderr.contains("is complete"), "{}", ran.stderr);
    }
    assert!(n_resumed >= 5, "most signals must hit a sweep: {n_resumed}");
}

/// The saved steps of the model that is being trained.
fn checkpoints(lab: &Lab) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(lab.path(SWEEP).join("checkpoints")).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|it| it == "ckpt")).collect()
}

#[cfg(unix)]
#[test]
fn a_model_of_a_sweep_goes_on_in_the_middle() {
    let lab = Lab::new();
    // Two models: a teacher, and the student of the one trial.
    let long = [
        "sweep",
        "r.toml",
        "teacher.train.epochs=4000",
        "train.epochs=4000",
        "--set",
        "kd.temperature=2",
        "checkpoint.every_seconds=1000",
        "--threads",
        "1",
    ];
    lab.ok(&[&long[..], &["--runs-dir", "whole"]].concat());
    let whole = trials(&lab, &SWEEP.replacen("runs", "whole", 1));
    let (mut n_ended, mut steps) = (0_u64, vec![]);
    let mut command = lab.command(&long);
    loop {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&lab, &mut child, SWEEP, 0);
        // Each time a little longer, so that a busy machine gets there too.
        std::thread::sleep(Duration::from_millis(50 + 10 * n_ended));
        // It fails if the sweep has just come to its end, and ends the process before that hears signals.
        let command_line = format!("kill -INT {} 2>/dev/null", child.id());
        std::process::Command::new("sh").args(["-c", &command_line]).status().unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        if ran.code == Some(0) {
            break;
        }
        assert!(matches!(ran.code, None | Some(130)), "{}", ran.stderr);
        n_ended += 1;
        assert!(n_ended < 300, "a sweep that starts each model anew comes to no end");
        steps.extend(checkpoints(&lab));
        command = lab.command(&["sweep", "--resume", SWEEP, "--threads", "1"]);
    }
    assert!(n_ended > 0 && !steps.is_empty(), "{n_ended} ended, saved {steps:?}");
    assert_eq!(trials(&lab, SWEEP), whole);
    assert!(!lab.path(SWEEP).join("checkpoints").exists(), "finished models need no checkpoints");
}

#[cfg(unix)]
#[test]
fn a_sweep_has_one_writer_and_goes_on_with_what_it_began_with() {
    let lab = Lab::new();
    // Long enough that it still runs after its first trial, and stopped so that it cannot end.
    let mut command = lab.command(&[&LONG[..], &["train.epochs=90"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&lab, &mut child, SWEEP, 1);
    let stop = format!("kill -STOP {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &stop]).status().unwrap().success());
    let message = format!("E0502]: process {} is writing this", child.id());
    lab.check(&["sweep", "--resume"], 7, [&message, SWEEP, "wait for it to end"]);
    child.kill().unwrap();
    child.wait().unwrap();

    let edit = |name: &str, from: &str, to: &str| {
        let path = Path::new(SWEEP).join(name).to_string_lossy().into_owned();
        let before = text(&lab, &path);
        assert!(before.contains(from), "{before}");
        lab.write(&path, before.replacen(from, to, 1));
        (path, before)
    };
    let (path, before) = edit("recipe.resolved.toml", "temperature = 4.0", "temperature = 5.0");
    let ran = lab.check(
        &["sweep", "--resume"],
        5,
        ["E0307]: the sweep was started with", SWEEP, "start again from the recipe"],
    );
    assert!(ran.stderr.contains("kd.temperature was 4.0, now 5.0"), "{}", ran.stderr);
    lab.write(&path, before);
    lab.dataset("data", 4, 200, 57);
    let ran = lab.check(
        &["sweep", "--resume"],
        5,
        ["E0307]: the sweep was started with", SWEEP, "start again from the recipe"],
    );
    assert!(ran.stderr.contains("the data has changed"), "{}", ran.stderr);
    lab.dataset("data", 4, 200, 60);
    let (path, before) = edit("trials.jsonl", "train.optimizer.lr=", "train.optimizer.lr=1");
    let place = format!("{SWEEP}/trials.jsonl:1");
    let ran = lab.check(&["sweep", "--resume"], 5, ["E0405]: a trial of the sweep cannot", &place, "remove the line"]);
    assert!(ran.stderr.contains("the sweep has no trial 1 with these settings"), "{}", ran.stderr);
    lab.write(&path, before);
    lab.ok(&["sweep", "--resume"]);
}
