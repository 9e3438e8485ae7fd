//! What a sweep leaves and says when it is done: its report, which differences are noise, and how to go on.

use crate::lab::Lab;
use crate::sweep::{SWEEP, text, trials};

const SETS: [&str; 4] = ["--set", "train.optimizer.lr=0.0001,0.05,0.1", "--set", "kd.alpha=0.5,0.9"];

#[test]
fn a_sweep_has_a_report_that_says_which_differences_are_noise() {
    let lab = Lab::new();
    let ran = lab.ok(&[&["sweep", "r.toml", "data.validation=60"][..], &SETS].concat());
    assert!(ran.stderr.contains(&format!("report  {SWEEP}/report.html\n")), "{}", ran.stderr);
    // Two of six learn nothing. The others get all examples right, or nearly.
    let noise = ran.stdout.lines().find(|line| line.starts_with("noise  ")).unwrap();
    assert!(noise.ends_with(" of the 5 other trials cannot be told apart from the best"), "{noise}");
    let table: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    let of = |word: &str| table.iter().filter(|line| line.contains(word)).count();
    assert_eq!((table.len(), of("  best  ")), (6, 1), "{}", ran.stdout);
    assert!(of("  noise  ") >= 1 && of("  more errors  ") >= 1, "{}", ran.stdout);
    assert!(noise.starts_with(&format!("noise  {} of", of("  noise  "))), "{noise}");

    let [page, markdown] = ["report.html", "report.md"].map(|name| text(&lab, &format!("{SWEEP}/{name}")));
    let command = ran.stdout.lines().last().unwrap().strip_prefix("next  ").unwrap();
    for report in [&page, &markdown] {
        for part in ["Of 6 trials the best is ", "Holm", command, "95 % interval", "status"] {
            assert!(report.contains(part), "{part}");
        }
        assert!(report.contains("completed"), "the report is of a sweep that is done");
    }
    for chart in ["differences", "settings"] {
        assert!(text(&lab, &format!("{SWEEP}/plots/{chart}.svg")).starts_with("<svg "), "{chart}");
        assert!(lab.read(&format!("{SWEEP}/plots/{chart}.png")).starts_with(b"\x89PNG"), "{chart}");
        assert!(markdown.contains(&format!("](plots/{chart}.svg)")), "{chart}");
    }

    // Made again from the files alone, it is the same.
    std::fs::remove_dir_all(lab.path("data")).unwrap();
    std::fs::remove_file(lab.path(&format!("{SWEEP}/report.html"))).unwrap();
    let events = lab.ok(&["report", SWEEP, "--json"]).events();
    assert_eq!((&events[0]["event"], events[0]["differences"].as_array().unwrap().len()), (&"report".into(), 5));
    let again = text(&lab, &format!("{SWEEP}/report.html"));
    let differing = again.lines().zip(page.lines()).find(|(again, before)| again != before);
    assert_eq!(differing, None);
    assert!(again == page);
    assert_eq!(text(&lab, &format!("{SWEEP}/report.md")), markdown);
}

#[test]
fn a_sweep_that_is_not_done_has_a_report_of_what_there_is() {
    let lab = Lab::new();
    lab.ok(&[&["sweep", "r.toml", "-q"][..], &SETS].concat());
    let lines = text(&lab, &format!("{SWEEP}/trials.jsonl"));
    let three: String = lines.lines().take(3).map(|line| format!("{line}\n")).collect();
    lab.write(&format!("{SWEEP}/trials.jsonl"), format!("{three}{{\"trial\":4,"));
    lab.ok(&["report", SWEEP, "-o", "half"]);
    assert!(text(&lab, "half/report.md").contains("Of 3 of 6 trials so far the best is "));
    lab.write(&format!("{SWEEP}/trials.jsonl"), "");
    lab.ok(&["report", SWEEP, "-o", "none"]);
    assert!(text(&lab, "none/report.md").contains("No trial has a result yet."));
}

/// The student of the run that the sweep says comes next, and the best trial: errors and nll on the validation set.
fn next_and_best(lab: &Lab, args: &[&str]) -> [(f64, f64); 2] {
    let ran = lab.ok(&[&["sweep", "r.toml", "-q"], args].concat());
    let command = ran.stdout.trim_end().strip_prefix("next  distill ").unwrap();
    // As a shell reads it.
    let script = format!("exec {} {command}", env!("CARGO_BIN_EXE_distill"));
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(lab.path("")).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command}\n{stderr}");
    assert!(!stderr.contains("teacher   16-8-3"), "a teacher is trained again: {stderr}");
    let metrics = text(lab, "runs/tiny-001/metrics.jsonl");
    let last = metrics.lines().rfind(|line| line.contains("\"epoch\",\"role\":\"student\"")).unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    let of = |value: &serde_json::Value| (value["errors"].as_f64().unwrap(), value["nll"].as_f64().unwrap());
    // The last seed of the trial whose seeds together are the best, as of the run.
    let seeds = |trial: serde_json::Value| trial["seeds"].as_array().unwrap().iter().map(of).collect::<Vec<_>>();
    let sums = |seeds: &[(f64, f64)]| seeds.iter().fold((0.0, 0.0), |sum, seed| (sum.0 + seed.0, sum.1 + seed.1));
    let all = trials(lab, SWEEP).into_values().map(seeds);
    let best = all.min_by(|a, b| sums(a).partial_cmp(&sums(b)).unwrap()).unwrap().pop().unwrap();
    [of(&last["validation"]), best]
}

#[cfg(unix)]
#[test]
fn the_next_run_learns_from_the_teacher_that_is_there() {
    let lab = Lab::new();
    let [next, best] = next_and_best(&lab, &SETS);
    assert_eq!(next, best);
    assert!(!lab.path("runs/tiny-001/weights/teacher-seed1.safetensors").exists());

    // Several that teach together are all there.
    let lab = Lab::new();
    let [next, best] = next_and_best(&lab, &[&SETS[..], &["teacher.seeds=[3, 4]"]].concat());
    assert_eq!(next, best);
    // Each seed has its own, and the seeds are those of the sweep.
    let lab = Lab::new();
    let [next, best] = next_and_best(&lab, &[&SETS[..], &["--seeds", "3,1"]].concat());
    assert_eq!(next, best);
    let models = lab.json("runs/tiny-001/result.json")["models"].as_array().unwrap().clone();
    let is_teacher = |model: &&serde_json::Value| model["role"] == "teacher";
    let teachers: Vec<_> = models.iter().filter(is_teacher).map(|model| model["seed"].as_u64().unwrap()).collect();
    let hashes: Vec<_> = models.iter().filter(is_teacher).map(|model| &model["weights_sha256"]).collect();
    assert!(teachers == [3, 1] && hashes[0] != hashes[1], "{models:?}");
    // One from a file needs no more words.
    let lab = Lab::new();
    let teacher = lab.model().replace("student", "teacher");
    let ran = lab.ok(&[&["sweep", "r.toml", "-q", &format!("teacher.weights={teacher}")][..], &SETS].concat());
    assert_eq!(ran.stdout.matches("teacher.weights").count(), 1, "{}", ran.stdout);
}
