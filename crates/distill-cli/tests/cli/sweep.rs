//! Sweeps: what is tried and what wins.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::Value;

use crate::lab::Lab;

pub(crate) const SWEEP: &str = "runs/tiny-sweep-001";

/// The trials of a sweep by (trial, rung), without times.
pub(crate) fn trials(lab: &Lab, sweep: &str) -> BTreeMap<(u64, u64), Value> {
    let text = String::from_utf8(lab.read(&format!("{sweep}/trials.jsonl"))).unwrap();
    let records = text.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record.as_object_mut().unwrap().remove("seconds").unwrap();
        ((record["trial"].as_u64().unwrap(), record["rung"].as_u64().unwrap()), record)
    });
    let trials: BTreeMap<_, _> = records.collect();
    assert_eq!(trials.len(), text.lines().count(), "each trial once: {text}");
    trials
}

/// `sweep.csv` as cells, without times.
pub(crate) fn csv(lab: &Lab, sweep: &str) -> Vec<Vec<String>> {
    let text = lab.read(&format!("{sweep}/sweep.csv"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..]);
    let rows: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let seconds = rows[0].iter().position(|name| name == "seconds").unwrap();
    rows.into_iter()
        .map(|mut row| {
            row.remove(seconds);
            row
        })
        .collect()
}

pub(crate) fn text(lab: &Lab, path: &str) -> String {
    String::from_utf8(lab.read(path)).unwrap()
}

fn n_files(lab: &Lab, folder: &str) -> usize {
    std::fs::read_dir(lab.path(folder)).unwrap().count()
}

#[test]
fn a_grid_finds_what_runs_find() {
    let lab = Lab::new();
    let sets = ["--set", "kd.temperature=1,8", "--set", "student.model.hidden=[3],[4, 4]"];
    let common = ["train.epochs=1", "kd.alpha=0.5"];
    let ran = lab.ok(&[&["sweep", "r.toml"][..], &common, &sets].concat());

    let rows = csv(&lab, SWEEP);
    let keys = ["trial", "rung", "epochs", "kd.temperature", "student.model.hidden"];
    assert_eq!(rows[0][..5], keys.map(str::to_owned));
    let tried: Vec<_> = rows[1..].iter().map(|row| (row[3].as_str(), row[4].as_str())).collect();
    assert_eq!(tried, [("1", "[3]"), ("1", "[4, 4]"), ("8", "[3]"), ("8", "[4, 4]")]);
    assert!(rows[1..].iter().all(|row| row[2] == "1"), "{rows:?}");

    // The same numbers as a whole run with these settings, and the first is the best.
    let best = trials(&lab, SWEEP)
        .into_values()
        .map(|trial| (trial["seeds"][0]["errors"].as_u64().unwrap(), trial["seeds"][0]["nll"].as_f64().unwrap(), trial))
        .min_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).unwrap())
        .unwrap();
    for (number, trial) in trials(&lab, SWEEP).into_values().enumerate() {
        let settings: Vec<&str> = trial["settings"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
        lab.ok(&[&["run", "r.toml"][..], &common, &settings].concat());
        let metrics = text(&lab, &format!("runs/tiny-00{}/metrics.jsonl", number + 1));
        let student = |line: &&str| line.contains("\"epoch\",\"role\":\"student\"");
        let last: Value = serde_json::from_str(metrics.lines().rfind(student).unwrap()).unwrap();
        assert_eq!(trial["seeds"][0]["errors"], last["validation"]["errors"], "{settings:?}");
        assert_eq!(trial["seeds"][0]["nll"], last["validation"]["nll"], "{settings:?}");
    }
    let settings: Vec<&str> = best.2["settings"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    let quoted: Vec<String> =
        settings.iter().map(|s| if s.contains('[') { format!("'{s}'") } else { s.to_string() }).collect();
    let teacher = std::fs::read_dir(lab.path(&format!("{SWEEP}/teachers"))).unwrap().next().unwrap().unwrap().path();
    let teacher = format!("{SWEEP}/teachers/{}", teacher.file_name().unwrap().to_string_lossy());
    let end = format!(
        "\nbest  {0}\nnext  distill run r.toml train.epochs=1 kd.alpha=0.5 {0} teacher.weights={teacher}\n",
        quoted.join(" ")
    );
    assert!(ran.stdout.ends_with(&end), "{end}\n{}", ran.stdout);
    let first: Vec<&str> = ran.stdout.trim_start().lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(first[0], best.2["trial"].to_string(), "{}", ran.stdout);

    // All trials have the teacher and its answers in common.
    assert_eq!((n_files(&lab, &format!("{SWEEP}/teachers")), n_files(&lab, &format!("{SWEEP}/targets"))), (1, 1));
    assert_eq!(ran.stderr.matches("trained in").count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("trial ")).count(), 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("\ntrial 2/4  kd.temperature=1 'student.model.hidden=[4, 4]'   "), "{}", ran.stderr);
    // A teacher of a sweep is one of a run.
    let run = |n: u32| lab.json(&format!("runs/tiny-00{n}/result.json"))["models"][0]["test_nll"].clone();
    lab.ok(&["run", "r.toml", &format!("teacher.weights={teacher}")]);
    assert_eq!(run(5), run(1));
}

#[test]
fn teachers_are_trained_once_for_what_they_share() {
    let lab = Lab::new();
    let sets = [
        "--set",
        "teacher.model.hidden=[6],[8]",
        "--set",
        "kd.alpha=0.5,1.0",
        "--set",
        "data.transfer.fraction=0.5,1.0",
    ];
    let ran = lab.ok(&[&["sweep", "r.toml"][..], &sets, &["--seeds", "1,2"]].concat());
    // Two models and two seeds; each is asked for two transfer sets.
    assert_eq!(ran.stderr.matches("trained in").count(), 4, "{}", ran.stderr);
    assert_eq!((n_files(&lab, &format!("{SWEEP}/teachers")), n_files(&lab, &format!("{SWEEP}/targets"))), (4, 8));
    assert_eq!(csv(&lab, SWEEP).len(), 9);
    assert!(ran.stdout.contains(" ± "), "{}", ran.stdout);

    // Live answers are not kept, and give the same to the last digits.
    lab.ok(&["sweep", "r.toml", "kd.targets=live", "--set", "kd.alpha=0.5,1.0"]);
    assert!(!lab.path("runs/tiny-sweep-002/targets").exists());

    // A teacher from a file is used as it is.
    let run = lab.model().replace("student", "teacher");
    let ran = lab.ok(&["sweep", "r.toml", &format!("teacher.weights={run}"), "--set", "kd.alpha=0.5,1.0"]);
    assert!(!ran.stderr.contains("trained in") && !lab.path("runs/tiny-sweep-003/teachers").exists(), "{}", ran.stderr);
    lab.ok(&["sweep", "r.toml", "--set", "kd.alpha=0.5,1.0"]);
    let seeds = |n: u32| {
        let trials = trials(&lab, &format!("runs/tiny-sweep-00{n}"));
        trials.into_values().map(|trial| trial["seeds"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(seeds(3), seeds(4));
}

#[test]
fn random_trials_are_those_of_the_seed() {
    let lab = Lab::new();
    let sweep = |more: &[&str]| {
        let sets = ["--set", "train.optimizer.lr=0.01..0.5", "--set", "kd.temperature=1..20", "--random", "5"];
        lab.ok(&[&["sweep", "r.toml", "-q"][..], &sets, more].concat()).stdout
    };
    let outputs = [sweep(&[]), sweep(&["--seed", "1"]), sweep(&["--seed", "2"])];
    let tables = [1, 2, 3].map(|n| csv(&lab, &format!("runs/tiny-sweep-00{n}")));
    assert_eq!((&tables[0], &outputs[0]), (&tables[1], &outputs[1].replace("sweep-002", "sweep-001")));
    assert_ne!(tables[0], tables[2]);
    assert_eq!(tables[2].len(), 6);
    // The one line is a command that runs.
    assert_eq!(outputs[0].lines().count(), 1);
    let command: Vec<&str> = outputs[0].strip_prefix("next  distill ").unwrap().split_whitespace().collect();
    lab.ok(&command);
}

#[test]
fn halving_lets_the_best_go_on() {
    let lab = Lab::new();
    let args =
        ["sweep", "r.toml", "train.epochs=9", "--set", "train.optimizer.lr=0.0001,0.001,0.01,0.03,0.1,0.2,0.3,0.4,0.5"];
    let ran = lab.ok(&[&args[..], &["--json", "--halving"]].concat());
    let trials = trials(&lab, SWEEP);
    let rung = |rung: u64| -> Vec<(u64, &Value)> {
        trials.iter().filter(|((_, r), _)| *r == rung).map(|((trial, _), record)| (*trial, record)).collect()
    };
    assert_eq!([1, 2, 3].map(|r| rung(r).len()), [9, 3, 1]);
    assert_eq!([1, 2, 3].map(|r| rung(r)[0].1["epochs"].as_u64().unwrap()), [1, 3, 9]);
    for (lower, upper) in [(1, 2), (2, 3)] {
        let mut order: Vec<(f64, f64, u64)> = rung(lower)
            .iter()
            .map(|(trial, r)| {
                (r["seeds"][0]["errors"].as_f64().unwrap(), r["seeds"][0]["nll"].as_f64().unwrap(), *trial)
            })
            .collect();
        order.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let mut best: Vec<u64> = order[..rung(upper).len()].iter().map(|(_, _, trial)| *trial).collect();
        best.sort_unstable();
        assert_eq!(best, rung(upper).iter().map(|(trial, _)| *trial).collect::<Vec<_>>());
    }
    let events = ran.events();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    assert_eq!((of("sweep_start").len(), of("trial_end").len(), of("sweep_end").len()), (1, 13, 1));
    assert_eq!(of("sweep_start")[0]["budgets"], serde_json::json!([1, 3, 9]));
    assert_eq!(of("sweep_end")[0]["best"]["trial"], rung(3)[0].0);
    assert_eq!(of("sweep_end")[0]["best"]["validation_errors"], rung(3)[0].1["seeds"][0]["errors"].as_f64().unwrap());
    // The winner is trained as a run trains it.
    let winner = rung(3)[0].1["settings"][0].as_str().unwrap();
    lab.ok(&["sweep", "r.toml", "train.epochs=9", "--set", winner]);
    let alone = csv(&lab, "runs/tiny-sweep-002");
    assert_eq!(alone[1][4..], csv(&lab, SWEEP).pop().unwrap()[4..]);

    let expected =
        ["E0104]: `--halving` sets the epochs itself", "command line: --set train.epochs=1,2", "leave out one"];
    lab.check(&["sweep", "r.toml", "--set", "train.epochs=1,2", "--halving", "2"], 3, expected);
    // A warm-up that is longer than the first rung is found before anything is trained.
    let cosine = "train.schedule={ kind = \"cosine\", warmup_epochs = 2 }";
    let args = [&args[..3], &[cosine], &args[3..], &["--halving"]].concat();
    let expected = [
        "E0104]: train.schedule.warmup_epochs must be at most `epochs`, 1, got 2",
        "command line: train.schedule",
        "at most 1",
    ];
    let ran = lab.check(&args, 3, expected);
    assert!(ran.stderr.contains("`--halving` trains all trials on few epochs first, here 1"), "{}", ran.stderr);
}

#[test]
fn the_metric_decides() {
    let lab = Lab::new();
    let best = |metric: &str| {
        let args = ["sweep", "r.toml", "--json", "--set", "kd.temperature=1,2,4,8,16", "--metric", metric];
        let events = lab.ok(&args).events();
        let trials: Vec<_> = events.iter().filter(|event| event["event"] == "trial_end").cloned().collect();
        let best = events.last().unwrap()["best"].clone();
        (trials, best)
    };
    let (trials, best) = best("nll");
    let least = trials.iter().map(|trial| trial["validation_nll"].as_f64().unwrap()).fold(f64::INFINITY, f64::min);
    assert_eq!(best["validation_nll"].as_f64().unwrap(), least);
}

#[test]
fn the_test_set_changes_nothing() {
    let lab = Lab::new();
    let sweep = |n: u32| {
        lab.ok(&["sweep", "r.toml", "--set", "kd.temperature=1,8", "--set", "train.keep=last,best"]);
        trials(&lab, &format!("runs/tiny-sweep-00{n}"))
    };
    let before = sweep(1);
    lab.dataset("data", 4, 200, 9);
    assert_eq!(sweep(2), before);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    let lab = Lab::new();
    let mut command = lab.command(&["sweep", "r.toml", "--set", "kd.temperature=1,8"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&lab, &format!("{SWEEP}/sweep.toml")).contains("status = \"completed\""));
}

#[test]
fn a_trial_that_fails_is_the_last() {
    let lab = Lab::new();
    let ran = lab.ok(&["sweep", "r.toml", "--set", "train.optimizer.lr=1e38,0.1", "--seeds", "1,2"]);
    let rows = csv(&lab, SWEEP);
    assert!(rows[1][4..7].iter().all(String::is_empty) && rows[1][7].starts_with("E0601: "), "{rows:?}");
    assert!(!rows[2][4].is_empty() && rows[2][7].is_empty(), "{rows:?}");
    let table: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with(['1', '2'])).collect();
    assert!(table[0].starts_with('2') && table[1].starts_with('1') && table[1].contains("failed"), "{}", ran.stdout);
    assert!(ran.stderr.contains("trial 1/2  train.optimizer.lr=1e38   failed  E0601: "), "{}", ran.stderr);
    assert!(ran.stdout.contains("best  train.optimizer.lr=0.1\n"), "{}", ran.stdout);

    let args = ["sweep", "r.toml", "--set", "train.optimizer.lr=1e38,3e38", "--seeds", "1,2"];
    let expected = ["E0601]: all 2 trials failed", "runs/tiny-sweep-002/sweep.csv", "train.optimizer.lr"];
    lab.check(&args, 6, expected);
    assert!(text(&lab, "runs/tiny-sweep-002/sweep.toml").contains("status = \"failed\""));

    // So is one whose teacher fails, which no other trial finds out again.
    let sets = ["--set", "teacher.train.optimizer.lr=1e38,0.05", "--set", "kd.alpha=0.5,0.9"];
    let ran = lab.ok(&[&["sweep", "r.toml"][..], &sets].concat());
    assert_eq!(ran.stderr.matches("failed  E0601").count(), 2, "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("teacher ")).count(), 3, "{}", ran.stderr);
    let sets = ["--set", "teacher.train.optimizer.lr=1e-9,1e-8"];
    lab.check(
        &[&["sweep", "r.toml"][..], &sets].concat(),
        5,
        ["E0305]: all 2 trials failed", "sweep.csv", "train the teacher for longer"],
    );
}

#[test]
fn what_makes_no_sweep() {
    let lab = Lab::new();
    let check = |more: &[&str], exit: i32, expected: [&str; 3]| {
        lab.check(&[&["sweep", "r.toml"][..], more].concat(), exit, expected);
        assert!(!lab.path("runs").exists(), "a directory was made for {more:?}");
    };
    let set = |set: &'static str| ["--set", set];
    check(
        &set("kd.temprature=1,2"),
        3,
        ["E0101]: unknown key `temprature`", "line: --set kd.temprature=1,2", "`temperature`"],
    );
    check(&set("kd.temperature=4,-1"), 3, ["E0104]: kd.temperature must be", "line: --set kd.temperature=4,-1", "set"]);
    check(
        &set("train.epochs=2,many"),
        3,
        ["E0103]: train.epochs: invalid type", "line: --set train.epochs=2,many", ""],
    );
    check(&set("train.augment.shift=0,9"), 4, ["E0205]", "line: --set train.augment.shift=0,9", "shift = 1"]);
    check(&set("data.select.only=['0'],['x']"), 4, ["E0205]", "line: --set data.select.only=", "names"]);
    check(&set("kd.alpha="), 3, ["E0105]: there are no values", "line: --set kd.alpha=", "--set kd.temperature=1,2,4"]);
    check(&set("kd.alpha=0.0..1.0"), 3, ["E0105]: a range has no list", "--set kd.alpha=0.0..1.0", "--random"]);
    check(&set("seeds=[1],[2]"), 3, ["E0104]: `seeds` must be the same", "line: --set seeds=[1],[2]", "--seeds 1,2,3"]);
    check(
        &set("data={source='data'},{source='x'}"),
        3,
        ["E0104]: `data.source` must be", "line: --set data=", "leave it"],
    );
    check(
        &["data.validation=0", "--set", "kd.alpha=0,1"],
        3,
        ["E0104]: a sweep needs a validation set", "command line: data.validation=0", "`data.validation=5000`"],
    );
    check(&["--set", "kd.alpha=0,1", "--random", "3"], 3, ["E0104]: 3 different trials", "--random 3", "--random 2"]);
    check(
        &["--set", "kd.alpha=0.0..1.0", "--random", "10001"],
        3,
        ["E0104]: the sweep would have 10001", "--set", "fewer"],
    );
    check(&["--set", "kd.alpha=0,1", "--seeds", "1,1"], 3, ["E0104]: seeds lists seed 1 twice", "--seeds 1,1", "once"]);
    for usage in [
        &["sweep", "r.toml"][..],
        &["sweep", "--set", "kd.alpha=1"],
        &["sweep", "r.toml", "--set", "kd.alpha=1", "--seed", "3"],
    ] {
        assert_eq!(lab.distill(usage).code, Some(2), "{usage:?}");
    }
    lab.check(
        &["sweep", "--resume"],
        7,
        ["E0503]: there is no latest sweep", "runs/LATEST-SWEEP", "runs/mnist-sweep-001"],
    );
    lab.ok(&["run", "r.toml"]);
    let expected =
        ["E0503]: this is not the directory of a sweep", "runs/tiny-001", "it is that of a run: `distill run --resume"];
    lab.check(&["sweep", "--resume", "runs/tiny-001"], 7, expected);
}
