//! Runs side by side: `distill runs`, `compare` and `rm`.

use std::process::Stdio;

use crate::lab::Lab;

/// Three runs that differ in temperature and epochs, the last of which was interrupted before it began.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "kd.temperature=2"]);
    lab.ok(&["run", "r.toml", "-q", "kd.temperature=16", "train.epochs=4", "seeds=[1,2]"]);
    lab.ok(&["train", "r.toml", "-q", "name=zero", "--as", "baseline"]);
    lab
}

/// The first word of every line but the header.
fn names(text: &str) -> Vec<String> {
    text.lines().skip(1).map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn runs_are_listed_sorted_and_filtered() {
    let lab = lab();
    let text = lab.ok(&["runs"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("run "), "{text}");
    for (line, parts) in lines[1..].iter().zip([
        ["tiny-001 ", "completed", " kd.temperature=2.0  seeds=[1]  train.epochs=2"],
        ["tiny-002 ", " ± ", " kd.temperature=16.0  seeds=[1, 2]  train.epochs=4"],
        ["zero-001", "completed", " kd.temperature=4.0  seeds=[1]  train.epochs=2"],
    ]) {
        assert!(line.starts_with(parts[0]) && parts.iter().all(|part| line.contains(part)), "{parts:?}: {text}");
    }
    let listed = |args: &[&str]| names(&lab.ok(&[&["runs"], args].concat()).stdout);
    assert_eq!(listed(&["--sort", "kd.temperature"]), ["tiny-001", "zero-001", "tiny-002"]);
    assert_eq!(listed(&["--sort", "kd.temperature", "--reverse"]), ["tiny-002", "zero-001", "tiny-001"]);
    // What has no value comes last, either way: the run of a baseline has no teacher.
    for reverse in [&[][..], &["--reverse"]] {
        assert_eq!(listed(&[&["--sort", "teacher"], reverse].concat())[2], "zero-001");
    }
    assert_eq!(listed(&["--reverse"]), ["zero-001", "tiny-002", "tiny-001"]);
    assert_eq!(listed(&["kd.temperature=16"]), ["tiny-002"], "16 is 16.0");
    assert_eq!(listed(&["status=completed", "train.epochs=2"]), ["tiny-001", "zero-001"]);
    assert!(lab.ok(&["runs", "status=failed"]).stderr.contains("none of the 3 runs"));
    assert!(lab.ok(&["runs", "--runs-dir", "none"]).stderr.contains("there are no runs in none"));
    let help = "did you mean `kd.temperature`? columns: run, status";
    lab.check(&["runs", "kd.temprature=4"], 3, ["E0101]: no run has `kd.temprature`", "kd.temprature=4", help]);
    lab.check(&["runs", "--sort", "distiled"], 3, ["E0101]", "--sort distiled", "did you mean `distilled`?"]);
    lab.check(&["runs", "completed"], 3, ["E0105]: a filter needs a `=`", "completed", "status=completed"]);

    let events = lab.ok(&["runs", "--json", "--sort", "started"]).events();
    assert_eq!(events.len(), 3);
    let second = &events[1];
    assert_eq!(
        (&second["event"], &second["run"], &second["status"]),
        (&"run".into(), &"runs/tiny-002".into(), &"completed".into())
    );
    assert_eq!(second["differs"]["kd.temperature"], "16.0");
    assert_eq!((&second["models"]["student"]["seeds"], &second["settings"]["kd.alpha"]), (&2.into(), &"0.9".into()));
    let result = lab.json("runs/tiny-002/result.json");
    assert_eq!(second["comparison"], result["comparison"]);
    let of_students = result["models"].as_array().unwrap().iter().filter(|model| model["role"] == "student");
    let rates: Vec<f64> = of_students.map(|model| model["test_errors"].as_f64().unwrap() / 60.0).collect();
    let found = second["models"]["student"]["error_rate"].as_f64().unwrap();
    assert!((found - (rates[0] + rates[1]) / 2.0).abs() < 1e-12, "{found} {rates:?}");
}

#[test]
fn a_damaged_or_old_run_is_listed_all_the_same() {
    let lab = lab();
    lab.write("runs/tiny-001/run.toml", "nonsense");
    // A setting that this version does not know.
    let resolved = String::from_utf8(lab.read("runs/tiny-002/recipe.resolved.toml")).unwrap();
    lab.write("runs/tiny-002/recipe.resolved.toml", format!("{resolved}\n[former]\nkey = 3\n"));
    let text = lab.ok(&["runs"]).stdout;
    assert!(text.contains("tiny-001") && text.contains("unreadable") && text.contains("former.key=3"), "{text}");
}

#[test]
fn runs_are_compared_where_they_were_tested_on_the_same() {
    let lab = lab();
    let text = lab.ok(&["compare", "runs/tiny-001", "tiny-002"]).stdout;
    for part in [
        "a         runs/tiny-001\nb         runs/tiny-002\n",
        "differ    kd.temperature: 2.0 in a, 16.0 in b\n          seeds: [1] in a, [1, 2] in b\n",
        "\nstudent distilled  ",
        " of 60 ",
        "\nstudent alone: ",
        "over 60 test examples, one seed (1 of 2 seeds are paired).",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let quiet = lab.ok(&["compare", "tiny-001", "latest", "-q"]).stdout;
    assert_eq!(quiet.lines().count(), 1, "{quiet}");
    assert!(quiet.starts_with("student alone: "), "{quiet}");

    let events = lab.ok(&["compare", "tiny-001", "tiny-002", "--json"]).events();
    let models = events[0]["models"].as_array().unwrap();
    assert_eq!(
        models.iter().map(|model| model["role"].as_str().unwrap()).collect::<Vec<_>>(),
        ["teacher", "baseline", "student"]
    );
    // The teachers of seed 1 are the same to the bit.
    let teacher = &models[0]["comparison"];
    assert_eq!((&teacher["difference"], &teacher["p_value"]), (&0.0.into(), &1.0.into()));
    assert_eq!(events[0]["differs"]["train.epochs"], serde_json::json!({ "a": "2", "b": "4" }));

    // Single models, one of them from `eval`.
    lab.ok(&["eval", "runs/tiny-002/weights/student-seed2.safetensors", "--data", "data", "--tables", "tables", "-q"]);
    let single = lab.ok(&["compare", "runs/tiny-001/eval/student-seed1", "tables"]).stdout;
    assert!(single.contains("\nmodel  ") && single.contains("over 60 test examples"), "{single}");
    let whole = lab.ok(&["compare", "runs/tiny-002/eval/student-seed2", "tables/predictions.csv", "--json"]).events();
    assert_eq!(whole[0]["models"][0]["comparison"]["difference"], 0.0);

    // Another test set with the same labels.
    lab.dataset("data", 4, 200, 60);
    let pixels: Vec<u8> = (0..60 * 16).map(|i| (i * 7 % 256) as u8).collect();
    lab.write("data/t10k-images-idx3-ubyte", crate::lab::idx(&[60, 4, 4], &pixels));
    lab.ok(&["run", "r.toml", "-q"]);
    let text = lab.ok(&["compare", "tiny-002", "tiny-003"]).stdout;
    assert!(text.contains("not paired, as the two were not tested on the same examples"), "{text}");

    let help = "name one of them, such as `runs/tiny-001/eval/student-seed1`";
    lab.check(&["compare", "tiny-001", "tables"], 5, ["E0405]: a run has several models", "runs/tiny-001", help]);
    lab.check(
        &["compare", "tiny-001", "data"],
        7,
        ["E0503]: this is not the directory of a run", "data", "name a run"],
    );
}

#[test]
fn runs_are_removed_on_request_and_only_then() {
    let lab = lab();
    let remove = |args: &[&str]| {
        let mut command = lab.command(&[&["rm"], args].concat());
        crate::lab::Ran::from(command.stdin(Stdio::null()).output().unwrap())
    };
    let agree = "agree beforehand: `distill rm --yes tiny-001`";
    lab.check(&["rm", "tiny-001"], 7, ["E0505]: removing runs needs a confirmation", "standard input", agree]);
    assert!(lab.path("runs/tiny-001/run.toml").exists());

    // All or none: one of them is not a run.
    assert_eq!(remove(&["tiny-001", "data", "--yes"]).code, Some(7));
    assert!(lab.path("runs/tiny-001/run.toml").exists());

    let weights = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    lab.ok(&["run", "r.toml", "-q", weights]);
    let ran = remove(&["tiny-001", "runs/zero-001", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("removed 2 directories, "), "{}", ran.stdout);
    assert!(ran.stderr.contains("tiny-003 uses weights from it"), "{}", ran.stderr);
    assert_eq!(names(&lab.ok(&["runs"]).stdout), ["tiny-002", "tiny-003"]);
    assert!(!lab.path("runs/tiny-001").exists() && !lab.path("runs/zero-001").exists());
}

#[cfg(unix)]
#[test]
fn a_run_that_is_being_written_stays() {
    let lab = Lab::new();
    let args = ["run", "r.toml", "train.epochs=100000", "--threads", "1"];
    let mut child = lab.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    lab.wait_until_begun(&mut child, "runs/tiny-001");
    let expected = ["E0502]: process ", "tiny-001", "wait for it to end, or stop it"];
    lab.check(&["rm", "tiny-001", "--yes"], 7, expected);
    assert!(lab.ok(&["runs"]).stdout.contains(" running "));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lab.ok(&["runs"]).stdout.contains(" interrupted "));
    lab.ok(&["rm", "tiny-001", "--yes"]);
    assert!(!lab.path("runs/tiny-001").exists());
}
