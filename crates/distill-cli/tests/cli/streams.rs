use std::process::Stdio;

use crate::lab::{Lab, Ran};

#[test]
fn usage_errors_are_those_of_clap() {
    let lab = Lab::new();
    for args in [&["run"][..], &["fly"], &["run", "r.toml", "--threads", "0"], &["run", "r.toml", "-q", "-v"], &[]] {
        let ran = lab.distill(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}");
    }
    assert!(lab.ok(&["--version"]).stdout.starts_with("distill "));
}

#[test]
fn a_runs_dir_that_cannot_be_made() {
    let lab = Lab::new();
    let help = "choose another one with `--runs-dir`";
    for dir in ["r.toml", "r.toml/runs"] {
        lab.check(&["run", "r.toml", "--runs-dir", dir], 7, ["E0501]: cannot make the run directory", dir, help]);
    }
    let name = format!("name={}", "x".repeat(300));
    lab.check(&["run", "r.toml", &name], 7, ["E0501]: cannot make the run directory", "xxx", help]);
}

#[test]
fn a_loss_that_is_no_number() {
    let lab = Lab::new();
    let lr = |key: &str| format!("{key}.optimizer.lr=1e30");
    let (teacher, student) = (lr("teacher.train"), lr("train"));
    let place = |argument: &str| format!("command line: {argument}");
    let ran =
        lab.check(&["run", "r.toml", &teacher], 6, ["E0601]", &place(&teacher), "lower `teacher.train.optimizer.lr`"]);
    assert!(ran.stderr.contains("no model was finished; the recipe is in runs/tiny-001"), "{}", ran.stderr);
    let log = String::from_utf8(lab.read("runs/tiny-001/run.log")).unwrap();
    assert!(log.contains("Z  error[E0601]: the loss became"), "{log}");
    let ran = lab.check(&["run", "r.toml", &student], 6, ["E0601]", &place(&student), "lower `train.optimizer.lr`"]);
    assert!(ran.stderr.contains("1 finished model is in runs/tiny-002/weights"), "{}", ran.stderr);
    assert_eq!(lab.json("runs/tiny-002/result.json")["models"].as_array().unwrap().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    let lab = Lab::new();
    for args in [&["run", "r.toml"][..], &["run", "r.toml", "--json"], &["--help"]] {
        let mut child = lab.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("error["), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let lab = Lab::new();
    let model = lab.model();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [&["run", "r.toml"][..], &["run", "r.toml", "--json"], &["eval", &model, "--data", "data"]] {
        let ran = Ran::from(lab.command(args).stdout(full()).output().unwrap());
        assert_eq!(ran.code, Some(7), "{args:?}");
        assert!(ran.stderr.contains("error[E0501]: cannot write to standard output"), "{}", ran.stderr);
    }
    let code = lab.command(&["--help"]).stdout(full()).output().unwrap().status.code();
    assert_eq!(code, Some(7));
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_unicode() {
    use std::os::unix::ffi::OsStrExt as _;
    let lab = Lab::new();
    let name = std::ffi::OsStr::from_bytes(b"r\xff");
    let ran = Ran::from(lab.command(&["run", "r.toml", "--json", "--runs-dir"]).arg(name).output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let model = lab.path("").join(name).join("tiny-001/weights/student-seed1.safetensors");
    let ran = Ran::from(lab.command(&["eval", "--json", "--data", "data"]).arg(model).output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn a_log_for_programs_is_all_that_is_on_standard_error() {
    let lab = Lab::new();
    let ran = lab.ok(&["run", "r.toml", "--log-format", "json"]);
    let lines: Vec<serde_json::Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["fields"]["message"] == "epoch done"), "{}", ran.stderr);
    let ran = lab.distill(&["run", "none.toml", "--log-format", "json"]);
    let error: serde_json::Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((ran.code, &error["code"]), (Some(7), &"E0501".into()));
}
