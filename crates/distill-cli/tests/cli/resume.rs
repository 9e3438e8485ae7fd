//! Runs that are ended from outside, at any moment, and go on.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::kills::{random, times, unfinished_files};
use crate::lab::{Lab, Ran, hashes};

fn args<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    ["run", "r.toml", "--threads", "1"].into_iter().chain(settings.iter().copied()).collect()
}

fn spawn(lab: &Lab, args: &[&str]) -> Child {
    lab.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let command = format!("kill -{name} {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success());
}

/// The hashes of a whole run, and the time that it takes.
fn whole(lab: &Lab, settings: &[&str]) -> (Vec<String>, Duration) {
    let start = Instant::now();
    lab.ok(&args(settings));
    (hashes(lab, "runs/tiny-001"), start.elapsed())
}

/// The latest run, if the process got so far as to make one.
fn latest(lab: &Lab) -> Option<PathBuf> {
    let name = std::fs::read_to_string(lab.path("runs/LATEST")).ok()?;
    Some(Path::new("runs").join(name.trim()))
}

#[cfg(unix)]
#[test]
fn a_signal_saves_says_how_to_go_on_and_goes_on_to_the_same_bits() {
    let lab = Lab::new();
    // Seldom checkpoints: what is found after the signal was saved because of it.
    let settings = ["train.epochs=300", "teacher.train.epochs=300", "student.model.hidden=[64]"];
    let (expected, time) = whole(&lab, &settings);
    let n = times(10);
    let mut saved = 0;
    for i in 0..n {
        let (name, exit) = if i % 2 == 0 { ("INT", 130) } else { ("TERM", 143) };
        let runs_dir = format!("runs-{i}");
        let mut child = spawn(&lab, &[&args(&settings)[..], &["--runs-dir", &runs_dir]].concat());
        let run = format!("{runs_dir}/tiny-001");
        lab.wait_until_begun(&mut child, &run);
        std::thread::sleep(time.mul_f64(0.6 * random(1000 + u64::from(i))));
        signal(&child, name);
        let ran = Ran::from(child.wait_with_output().unwrap());
        if ran.code == Some(0) {
            continue;
        }
        saved += 1;
        assert_eq!(ran.code, Some(exit), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("resume  distill run --resume {run}\n")), "{}", ran.stderr);
        let status = String::from_utf8(lab.read(&format!("{run}/run.toml"))).unwrap();
        assert!(status.contains("status = \"interrupted\"") && status.contains(&format!("exit = {exit}")), "{status}");
        let ran = lab.ok(&["run", "--resume", &run]);
        assert!(ran.stderr.contains("saved   "), "{}", ran.stderr);
        assert_eq!(hashes(&lab, &run), expected, "signal {i}");
        let status = String::from_utf8(lab.read(&format!("{run}/run.toml"))).unwrap();
        assert!(status.contains("status = \"completed\"") && status.contains("resumed = 1"), "{status}");
        // Every epoch once, as if nothing had happened.
        let csv = String::from_utf8(lab.read(&format!("{run}/metrics.csv"))).unwrap();
        assert_eq!(csv.lines().count(), 1 + 3 * 300, "{csv}");
    }
    println!("{n} signals: {saved} in training, all saved and resumed to the same bits");
    assert!(saved > n / 4, "most signals must hit training: {saved} of {n}");
}

#[cfg(unix)]
#[test]
fn a_second_signal_stops_at_once() {
    let lab = Lab::new();
    // A step of this takes long enough to send two signals.
    let settings =
        ["train.batch=180", "teacher.model.hidden=[6000,6000]", "teacher.train.epochs=50", "teacher.train.batch=180"];
    let mut child = spawn(&lab, &args(&settings));
    lab.wait_until_begun(&mut child, "runs/tiny-001");
    std::thread::sleep(Duration::from_millis(100));
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(5));
    if child.try_wait().unwrap().is_none() {
        signal(&child, "INT");
    }
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert!(!ran.stderr.contains("error["), "{}", ran.stderr);
    // Nothing is harmed.
    let run = latest(&lab).unwrap();
    lab.read(&run.join("recipe.resolved.toml").to_string_lossy());
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_said_so() {
    let lab = Lab::new();
    let (expected, _) = whole(&lab, &["checkpoint.every_steps=5", "checkpoint.keep_finished=true", "train.epochs=4"]);
    let run = "runs/tiny-001";
    let folder = format!("{run}/checkpoints/student-seed1");
    let mut names: Vec<_> = std::fs::read_dir(lab.path(&folder)).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["step-000000035.ckpt", "step-000000040.ckpt", "step-000000045.ckpt"]);
    // As if the student had not been finished.
    let mut result = lab.json(&format!("{run}/result.json"));
    result["models"].as_array_mut().unwrap().pop();
    lab.write(&format!("{run}/result.json"), result.to_string());
    let interrupted = |lab: &Lab| {
        let status = String::from_utf8(lab.read(&format!("{run}/run.toml"))).unwrap();
        lab.write(&format!("{run}/run.toml"), status.replace("completed", "running"));
    };
    interrupted(&lab);
    let newest = format!("{folder}/step-000000045.ckpt");
    let mut bytes = lab.read(&newest);
    let at = bytes.len() / 2;
    bytes[at] ^= 4;
    lab.write(&newest, &bytes);
    let ran = lab.ok(&["run", "--resume", "latest"]);
    assert!(
        ran.stderr.contains("step-000000045.ckpt cannot be used\n   = note: the checkpoint is damaged at byte 20"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains(&format!("going on from {folder}/step-000000040.ckpt")), "{}", ran.stderr);
    assert!(ran.stderr.contains("going on after step 40"), "{}", ran.stderr);
    assert_eq!(hashes(&lab, run), expected);

    // With none that can be used there is nothing to go on from, and that is for a person to decide.
    lab.write(&format!("{run}/result.json"), result.to_string());
    interrupted(&lab);
    for name in std::fs::read_dir(lab.path(&folder)).unwrap().map(|entry| entry.unwrap().file_name()) {
        let name = format!("{folder}/{}", name.to_string_lossy());
        let bytes = lab.read(&name);
        lab.write(&name, &bytes[..bytes.len() - 1]);
    }
    let expected_error = ["E0403]: no checkpoint of the model", &folder, "to train this model from the start"];
    let ran = lab.check(&["run", "--resume"], 5, expected_error);
    assert_eq!(ran.stderr.matches("its header promises").count(), 3, "{}", ran.stderr);
    std::fs::remove_dir_all(lab.path(&folder)).unwrap();
    lab.ok(&["run", "--resume"]);
    assert_eq!(hashes(&lab, run), expected);

    // A complete run has nothing left to do, and that is not an error.
    let ran = lab.ok(&["run", "--resume"]);
    assert!(ran.stderr.contains("is complete"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_resumed() {
    let lab = Lab::new();
    lab.check(&["run", "--resume"], 7, ["E0503]: there is no latest run", "runs/LATEST", "name a run"]);
    lab.check(&["run", "--resume", "data"], 7, ["E0503]: this is not the directory of a run", "data", "name a run"]);
    std::fs::create_dir(lab.path("runs")).unwrap();
    lab.write("runs/LATEST", "gone-003\n");
    lab.check(&["run", "--resume"], 7, ["E0503]: the latest run, `gone-003`, is gone", "runs/LATEST", "name a run"]);
    let usage = lab.distill(&["run", "--resume", "data", "--", "r.toml", "kd.alpha=1"]);
    assert_eq!(usage.code, Some(2), "{}", usage.stderr);

    lab.ok(&args(&["checkpoint.every_steps=5"]));
    let run = "runs/tiny-001";
    let edit = |name: &str, from: &str, to: &str| {
        let text = String::from_utf8(lab.read(&format!("{run}/{name}"))).unwrap();
        assert!(text.contains(from), "{text}");
        lab.write(&format!("{run}/{name}"), text.replacen(from, to, 1));
    };
    // The recipe was changed, and a model is left to train.
    let resolved = lab.read(&format!("{run}/recipe.resolved.toml"));
    let result = lab.read(&format!("{run}/result.json"));
    edit("run.toml", "\"completed\"", "\"interrupted\"");
    edit("recipe.resolved.toml", "temperature = 4.0", "temperature = 5.0");
    let mut json = lab.json(&format!("{run}/result.json"));
    json["models"].as_array_mut().unwrap().pop();
    lab.write(&format!("{run}/result.json"), json.to_string());
    let ran = lab.check(
        &["run", "--resume"],
        5,
        [
            "E0307]: the run was started with a different recipe, data or teacher",
            "runs/tiny-001",
            "start again from the recipe",
        ],
    );
    assert!(ran.stderr.contains("kd.temperature was 4.0, now 5.0"), "{}", ran.stderr);
    lab.write(&format!("{run}/recipe.resolved.toml"), resolved);

    // A damaged result or status.
    lab.write(&format!("{run}/result.json"), &result[..result.len() / 2]);
    lab.check(
        &["run", "--resume"],
        5,
        ["E0405]: the result of the run cannot be read", "result.json", "remove the file"],
    );
    lab.write(&format!("{run}/run.toml"), "status = 3");
    lab.check(
        &["run", "--resume"],
        5,
        ["E0405]: the status of the run cannot be read", "run.toml", "name another run"],
    );
}

#[test]
fn checkpoints_change_nothing_and_neither_does_where_files_lie() {
    let lab = Lab::new();
    lab.ok(&args(&[]));
    lab.ok(&args(&["checkpoint.every_steps=3", "checkpoint.keep_last=1"]));
    std::fs::rename(lab.path("data"), lab.path("elsewhere")).unwrap();
    std::fs::create_dir(lab.path("deep")).unwrap();
    std::fs::rename(lab.path("elsewhere"), lab.path("deep/data")).unwrap();
    lab.ok(&args(&["data.source=deep/data"]));
    let all = [1, 2, 3].map(|n| hashes(&lab, format!("runs/tiny-00{n}")));
    assert!(all[0] == all[1] && all[1] == all[2], "{all:?}");
}

#[test]
fn a_finished_run_keeps_no_checkpoints_unless_it_is_told_to() {
    let lab = Lab::new();
    lab.ok(&args(&["checkpoint.every_steps=3"]));
    assert!(!lab.path("runs/tiny-001/checkpoints").exists());
    lab.ok(&args(&["checkpoint.every_steps=3", "checkpoint.keep_finished=true"]));
    let kept = std::fs::read_dir(lab.path("runs/tiny-002/checkpoints")).unwrap().count();
    assert_eq!(kept, 3, "teacher, baseline and student");
    assert_eq!(hashes(&lab, "runs/tiny-001"), hashes(&lab, "runs/tiny-002"));

    // A run of an earlier version, which kept them, and which goes on.
    let resolved = String::from_utf8(lab.read("runs/tiny-002/recipe.resolved.toml")).unwrap();
    let before: String =
        resolved.lines().filter(|line| !line.starts_with("keep_finished")).map(|l| format!("{l}\n")).collect();
    assert_ne!(before, resolved);
    lab.write("runs/tiny-002/recipe.resolved.toml", before);
    let status = String::from_utf8(lab.read("runs/tiny-002/run.toml")).unwrap();
    lab.write("runs/tiny-002/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    lab.ok(&["run", "--resume", "runs/tiny-002"]);
    assert!(!lab.path("runs/tiny-002/checkpoints").exists());
}

#[cfg(unix)]
#[test]
fn one_process_writes_a_run() {
    let lab = Lab::new();
    let mut child = spawn(&lab, &args(&["train.epochs=100000"]));
    let place = "runs/tiny-001";
    lab.wait_until_begun(&mut child, place);
    let message = format!("E0502]: process {} is writing this run", child.id());
    lab.check(&["run", "--resume"], 7, [&message, place, "wait for it to end"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A run that says it was interrupted before its last models, with what was left of them.
fn cut_back(lab: &Lab, run: &str, n_models: usize) {
    let mut result = lab.json(&format!("{run}/result.json"));
    result["models"].as_array_mut().unwrap().truncate(n_models);
    lab.write(&format!("{run}/result.json"), result.to_string());
    let status = String::from_utf8(lab.read(&format!("{run}/run.toml"))).unwrap();
    lab.write(&format!("{run}/run.toml"), status.replace("\"completed\"", "\"interrupted\""));
    let _ = std::fs::remove_dir_all(lab.path(&format!("{run}/checkpoints")));
}

#[test]
fn other_data_or_another_teacher_is_noticed_without_a_checkpoint() {
    let lab = Lab::new();
    lab.ok(&["train", "r.toml", "-q", "--runs-dir", "made"]);
    let teacher = "made/tiny-001/weights/teacher-seed1.safetensors";
    lab.ok(&["run", "r.toml", "-q", &format!("teacher.weights={teacher}")]);
    let run = "runs/tiny-001";
    cut_back(&lab, run, 1);

    let labels = lab.read("data/train-labels-idx1-ubyte");
    let mut changed = labels.clone();
    changed.swap(8, 9);
    lab.write("data/train-labels-idx1-ubyte", changed);
    let begun =
        ["E0307]: the run was started with a different recipe, data or teacher", "runs/tiny-001", "undo the change"];
    let ran = lab.check(&["run", "--resume"], 5, begun);
    assert!(ran.stderr.contains("note: the data has changed"), "{}", ran.stderr);
    lab.write("data/train-labels-idx1-ubyte", labels);

    let weights = lab.read(teacher);
    lab.ok(&["train", "r.toml", "-q", "seeds=[7]", "--runs-dir", "made"]);
    std::fs::copy(lab.path("made/tiny-002/weights/teacher-seed7.safetensors"), lab.path(teacher)).unwrap();
    let ran = lab.check(&["run", "--resume"], 5, begun);
    assert!(ran.stderr.contains("note: the teacher has changed"), "{}", ran.stderr);
    lab.write(teacher, weights);
    lab.ok(&["run", "--resume"]);
}

#[test]
fn students_that_drew_what_their_teachers_draw_are_not_mixed_with_others() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q"]);
    lab.ok(&["train", "r.toml", "--as", "teacher", "-q"]);
    // As an earlier version left it.
    let age = |run: &str, n_models: usize| {
        cut_back(&lab, run, n_models);
        let status = String::from_utf8(lab.read(&format!("{run}/run.toml"))).unwrap();
        assert!(status.contains("streams = 2\n"), "{status}");
        lab.write(&format!("{run}/run.toml"), status.replace("streams = 2\n", ""));
    };
    age("runs/tiny-001", 2);
    let begun = [
        "E0307]: the run was started with a different recipe, data or teacher",
        "runs/tiny-001",
        "start again from the recipe",
    ];
    let ran = lab.check(&["run", "--resume", "runs/tiny-001"], 5, begun);
    assert!(ran.stderr.contains("note: its students draw the random numbers of their teachers"), "{}", ran.stderr);
    // Teachers draw what they always drew.
    age("runs/tiny-002", 0);
    let before = lab.read("runs/tiny-002/weights/teacher-seed1.safetensors");
    lab.ok(&["run", "--resume", "runs/tiny-002"]);
    assert!(lab.read("runs/tiny-002/weights/teacher-seed1.safetensors") == before);
}

#[test]
fn a_student_shares_no_weights_with_its_teacher() {
    let lab = Lab::new();
    // Of the same architecture, on labels alone, trained in the same way: what differs is what they draw.
    lab.ok(&["run", "r.toml", "-q", "student.model.hidden=[8]"]);
    let hashes = hashes(&lab, "runs/tiny-001");
    assert_eq!(hashes.len(), 3);
    assert_ne!(hashes[0], hashes[1], "teacher and student on labels alone are the same network");
}

#[test]
fn a_reader_that_goes_away_does_not_end_a_run() {
    let lab = Lab::new();
    let mut child = spawn(&lab, &args(&["--json"]));
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(hashes(&lab, "runs/tiny-001").len(), 3);
    let status = String::from_utf8(lab.read("runs/tiny-001/run.toml")).unwrap();
    assert!(status.contains("status = \"completed\""), "{status}");
    // What is complete says so to programs too.
    let events = lab.ok(&["run", "--resume", "--json"]).events();
    assert_eq!((&events[0]["event"], &events[0]["status"]), (&"run_end".into(), &"completed".into()));
}

#[test]
fn paths_may_be_short_or_have_spaces() {
    let lab = Lab::new();
    lab.ok(&args(&[]));
    std::fs::create_dir(lab.path("my runs")).unwrap();
    let recipe = String::from_utf8(lab.read("r.toml")).unwrap().replace("\"data\"", "\".\"");
    lab.write("data/here.toml", recipe);
    let here = |args: &[&str]| Ran::from(lab.command(args).current_dir(lab.path("data")).output().unwrap());
    let ran = here(&["run", "here.toml", "--runs-dir", "../my runs"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(hashes(&lab, "my runs/tiny-001"), hashes(&lab, "runs/tiny-001"));
    cut_back(&lab, "my runs/tiny-001", 2);
    lab.ok(&["run", "--resume", "my runs/tiny-001"]);
    assert_eq!(hashes(&lab, "my runs/tiny-001"), hashes(&lab, "runs/tiny-001"));
}

#[test]
fn what_another_process_of_the_same_number_left_is_no_obstacle() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("runs")).unwrap();
    // The shell becomes the program and keeps its number.
    let script = format!(
        "touch runs/LATEST.$$.tmp; exec {} run r.toml -q checkpoint.every_seconds=1e300",
        env!("CARGO_BIN_EXE_distill")
    );
    let ran = std::process::Command::new("sh").args(["-c", &script]).current_dir(lab.path("")).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(unfinished_files(&lab.path("runs")), 0);
}
