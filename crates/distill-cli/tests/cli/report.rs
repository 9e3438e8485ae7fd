//! The report of a run, and what it is made from.

use std::fs;

use crate::lab::Lab;

#[test]
fn a_run_leaves_all_its_files() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "teacher.train.epochs=3"]);
    let run = "runs/tiny-001";
    assert_eq!(lab.read("runs/LATEST"), b"tiny-001\n");
    for model in ["teacher", "baseline", "student"] {
        for table in ["per_class", "confusion", "calibration", "predictions"] {
            let text = String::from_utf8(lab.read(&format!("{run}/eval/{model}-seed1/{table}.csv"))).unwrap();
            let expected = match table {
                "predictions" => 61,
                "calibration" => 16,
                _ => 4,
            };
            assert_eq!(text.lines().count(), expected, "{model} {table}");
        }
        let events = lab.read(&format!("{run}/tensorboard/{model}-seed1/events.out.tfevents.distill"));
        assert!(events.len() > 100, "{model}");
    }
    let csv = String::from_utf8(lab.read(&format!("{run}/metrics.csv"))).unwrap();
    let header = "role,seed,epoch,step,loss,ce,soft,kl,lr,validation_examples,validation_errors,validation_nll,\
                  examples,seconds";
    assert_eq!(csv.lines().next(), Some(header));
    assert_eq!(csv.lines().count(), 1 + 3 + 2 + 2);
    let jsonl = String::from_utf8(lab.read(&format!("{run}/metrics.jsonl"))).unwrap();
    let rows: Vec<serde_json::Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).count();
    // So few steps are all written.
    assert_eq!((count("epoch"), count("step")), (7, 12 * 7));
    // Quiet on the terminal, not in the log.
    let log = String::from_utf8(lab.read(&format!("{run}/run.log"))).unwrap();
    for line in
        ["Z  data      data: 180 train", "Z  teacher   16-8-3, 163 parameters", "Z      1/3", "Z  Distillation "]
    {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(log.lines().all(|line| line.starts_with("20")), "{log}");
    let status = String::from_utf8(lab.read(&format!("{run}/run.toml"))).unwrap();
    for line in ["status = \"completed\"", "exit = 0", "program = \"distill 0.", "models = [", "data_sha256 = "] {
        assert!(status.contains(line), "{line}: {status}");
    }
    for plot in ["loss", "validation", "confusion", "calibration", "costs"] {
        assert!(lab.read(&format!("{run}/plots/{plot}.png")).starts_with(b"\x89PNG"), "{plot}");
        let svg = String::from_utf8(lab.read(&format!("{run}/plots/{plot}.svg"))).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{plot}");
    }
    let no_left_overs = |name: &str| {
        fs::read_dir(lab.path(name)).unwrap().all(|e| !e.unwrap().file_name().to_string_lossy().ends_with(".tmp"))
    };
    assert!(no_left_overs(run));
}

#[test]
fn the_report_says_what_the_result_says() {
    let lab = Lab::new();
    // Little training, so that there are errors to tell of.
    let settings = ["train.optimizer.lr=0.005", "teacher.train.optimizer.lr=0.02", "teacher.min_accuracy=0.0"];
    lab.ok(&[&["run", "r.toml", "-q", "seeds=[1,2,3]"][..], &settings].concat());
    let run = "runs/tiny-001";
    let result = lab.json(&format!("{run}/result.json"));
    let page = String::from_utf8(lab.read(&format!("{run}/report.html"))).unwrap();
    let text = String::from_utf8(lab.read(&format!("{run}/report.md"))).unwrap();
    let comparison = &result["comparison"];
    assert_eq!(
        (comparison["n_seeds"].as_u64(), comparison["method"].as_str()),
        (Some(3), Some("Student t over 3 paired seeds"))
    );
    let of = |role: &str| -> Vec<f64> {
        let models = result["models"].as_array().unwrap();
        models.iter().filter(|m| m["role"] == role).map(|m| m["test_errors"].as_f64().unwrap()).collect()
    };
    let (alone, distilled) = (of("baseline"), of("student"));
    let difference = alone.iter().zip(&distilled).map(|(a, d)| d - a).sum::<f64>() / 3.0;
    assert!((comparison["difference"].as_f64().unwrap() - difference).abs() < 1e-9, "{comparison}");
    let mean = |values: &[f64]| format!("{:.1} ± ", values.iter().sum::<f64>() / 3.0);
    for report in [&page, &text] {
        for words in [&mean(&alone), &mean(&distilled), "temperature = 4.0"] {
            assert!(report.contains(words), "{words}");
        }
    }
    // Whole in itself: nothing is fetched and nothing runs.
    for part in ["<script", "src=\"http", "<link", "@import", "url(http"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("data:image/png;base64,"), "the examples are shown");

    // Made again from the files alone, it is the same.
    fs::remove_dir_all(lab.path("data")).unwrap();
    fs::remove_dir_all(lab.path(&format!("{run}/weights"))).unwrap();
    fs::remove_file(lab.path(&format!("{run}/report.html"))).unwrap();
    let ran = lab.ok(&["report"]);
    assert!(ran.stdout.contains("student distilled") && ran.stderr.contains("report.html"), "{}", ran.stderr);
    let again = String::from_utf8(lab.read(&format!("{run}/report.html"))).unwrap();
    assert_eq!(again, page);
}

#[test]
fn seeds_of_several_runs_are_joined() {
    let lab = Lab::new();
    for seed in ["1", "2", "3"] {
        lab.ok(&["run", "r.toml", "-q", &format!("seeds=[{seed}]")]);
    }
    lab.ok(&["run", "r.toml", "-q", "kd.temperature=2"]);
    let runs = ["runs/tiny-001", "runs/tiny-002", "runs/tiny-003"];
    let events = lab.ok(&[&["report", "-o", "all", "--json"][..], &runs].concat()).events();
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["comparison"]["n_seeds"]), (&"report".into(), &3.into()));
    assert_eq!(last["result"]["models"].as_array().unwrap().len(), 9);
    assert!(lab.path("all/report.html").exists() && lab.path("all/plots/loss.svg").exists());
    // A run that is named twice counts once.
    let twice = lab.ok(&["report", "-o", "twice", "--json", runs[0], runs[1], runs[1], runs[2]]).events();
    assert_eq!(twice.last().unwrap()["comparison"], last["comparison"]);
    lab.dataset("changed", 4, 200, 61);
    lab.ok(&["run", "r.toml", "-q", "data.source=changed", "seeds=[4]"]);
    let data = ["E0307]: the runs are on different data", "runs/tiny-005", "make a report of each"];
    lab.check(&["report", runs[0], "runs/tiny-005"], 5, data);
    let other = ["E0307]: the runs are of different recipes", "runs/tiny-004", "make a report of each"];
    lab.check(&["report", runs[0], "runs/tiny-004"], 5, other);
}

#[test]
fn what_no_report_can_be_made_of() {
    let lab = Lab::new();
    lab.check(&["report"], 7, ["E0503]: there is no latest run", "runs/LATEST", "name a run"]);
    lab.check(&["report", "data"], 7, ["E0503]: this is not the directory of a run", "data", "name a run"]);
    lab.ok(&["run", "r.toml", "-q"]);
    let predictions = "runs/tiny-001/eval/student-seed1/predictions.csv";
    let bytes = lab.read(predictions);
    let text = String::from_utf8(bytes.clone()).unwrap();
    lab.write(predictions, text.replace("59,", "sixty,"));
    let damaged = ["E0401]: index `sixty` where 59 is expected", "predictions.csv:61", "unchanged"];
    lab.check(&["report"], 4, damaged);
    lab.write(predictions, format!("{}\n{}\n", text.lines().next().unwrap(), ",".repeat(2000)));
    lab.check(&["report"], 4, ["E0401]: the line has more than 1000 values", "predictions.csv:2", "unchanged"]);
    let cut: String = text.lines().take(60).map(|line| format!("{line}\n")).collect();
    lab.write(predictions, cut);
    lab.check(&["report"], 5, ["E0405]: the predictions of a model are not those", predictions, "put the file back"]);
    fs::remove_file(lab.path(predictions)).unwrap();
    lab.check(&["report"], 5, ["E0405]: the predictions of a model", predictions, "put the file back"]);
    lab.write(predictions, bytes);
    // Without its gallery it has no pictures, and that is all.
    lab.write("runs/tiny-001/eval/gallery.json", "{");
    lab.ok(&["report", "-q"]);
    fs::remove_file(lab.path("runs/tiny-001/result.json")).unwrap();
    lab.check(&["report"], 5, ["E0405]: the run has no finished model yet", "runs/tiny-001", "distill run --resume"]);
}

#[cfg(unix)]
#[test]
fn a_report_names_no_folder_of_the_user() {
    let lab = Lab::new();
    fs::create_dir(lab.path("work")).unwrap();
    let home = lab.path("").canonicalize().unwrap();
    // Typed with the whole path, and one that is found from the folder of the recipe.
    let source = format!("data.source={}", home.join("data").display());
    let recipe = home.join("r.toml").display().to_string();
    for (folder, expected) in [("work", "source = \"~/data\""), ("", "source = \"data\"")] {
        let mut command = lab.command(&["run", &recipe, &source, "-q", "--runs-dir", "runs"]);
        let output = command.current_dir(home.join(folder)).env("HOME", &home).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for name in ["report.html", "report.md"] {
            let path = home.join(folder).join("runs/tiny-001").join(name);
            let text = fs::read_to_string(path).unwrap().replace("&quot;", "\"");
            assert!(!text.contains(home.to_str().unwrap()), "{folder} {name}");
            assert!(text.contains(expected), "{expected} in {folder} {name}");
        }
    }
}
