//! Several teachers that teach together: trained in one recipe, or from files.

use crate::lab::Lab;

const SEEDS: &str = "teacher.seeds=[4, 5, 6]";

fn models<'a>(result: &'a serde_json::Value, role: &str) -> Vec<&'a serde_json::Value> {
    result["models"].as_array().unwrap().iter().filter(|model| model["role"] == role).collect()
}

fn hashes(result: &serde_json::Value, role: &str) -> Vec<String> {
    models(result, role).iter().map(|model| model["weights_sha256"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn members_are_trained_once_and_teach_the_students_of_all_seeds() {
    let lab = Lab::new();
    let ran = lab.ok(&["run", "r.toml", SEEDS, "seeds=[1, 2]"]);
    let result = lab.json("runs/tiny-001/result.json");
    let seeds = |role| models(&result, role).iter().map(|m| m["seed"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!((seeds("member"), seeds("teacher"), seeds("student")), (vec![4, 5, 6], vec![1], vec![1, 2]));
    let teacher = models(&result, "teacher")[0];
    assert_eq!((&teacher["architecture"], &teacher["parameters"]), (&"3 x 16-8-3".into(), &(3 * 163).into()));
    assert!(teacher["diversity"].as_f64().is_some_and(|part| (0.0..=1.0).contains(&part)), "{teacher}");
    assert!(models(&result, "member").iter().all(|m| m.get("diversity").is_none()));
    assert!(models(&result, "student").iter().all(|m| m["agreement"].is_f64()));
    assert!(ran.stdout.contains("\none of them  ") && ran.stdout.contains("\nteacher  "), "{}", ran.stdout);
    let report = String::from_utf8(lab.read("runs/tiny-001/report.html")).unwrap();
    assert!(report.contains("3 x 16-8-3") && report.contains("one of them"));

    // The same from files, in the same order.
    let file = |seed: u64| format!("\"runs/tiny-001/weights/member-seed{seed}.safetensors\"");
    let weights = format!("teacher.weights=[{}, {}, {}]", file(4), file(5), file(6));
    lab.ok(&["run", "r.toml", &weights, "seeds=[1, 2]", "-q"]);
    let of = |run: &str| [1, 2].map(|seed| lab.read(&format!("runs/{run}/eval/student-seed{seed}/predictions.csv")));
    assert_eq!(of("tiny-001"), of("tiny-002"));
    // And from their stored answers.
    lab.ok(&["teach", "r.toml", &weights, "--output", "answers.soft.safetensors"]);
    lab.ok(&["run", "r.toml", &weights, "seeds=[1, 2]", "kd.cache=answers.soft.safetensors", "-q"]);
    assert_eq!(of("tiny-001"), of("tiny-003"));
    // Another average, and other shares, teach something else.
    for setting in [
        "teacher.average=geometric",
        "teacher.shares=[5, 1, 1]",
        "teacher.weighting=entropy",
        "teacher.weighting=accuracy",
    ] {
        lab.ok(&["run", "r.toml", &weights, setting, "seeds=[1, 2]", "-q"]);
    }
    let all = ["001", "004", "005", "006"].map(|n| {
        let result = lab.json(&format!("runs/tiny-{n}/result.json"));
        models(&result, "teacher")[0]["test_nll"].to_string()
    });
    assert_eq!(std::collections::BTreeSet::from(all.clone()).len(), 4, "{all:?}");
}

#[test]
fn a_run_of_members_goes_on_where_it_was_stopped() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", SEEDS, "-q"]);
    let whole = lab.json("runs/tiny-001/result.json");
    lab.ok(&["run", "r.toml", SEEDS, "-q"]);
    // As if it had been ended while the second member was trained.
    let mut result = lab.json("runs/tiny-002/result.json");
    let kept: Vec<_> = result["models"].as_array().unwrap()[..1].to_vec();
    result["models"] = kept.into();
    result["comparison"] = serde_json::Value::Null;
    lab.write("runs/tiny-002/result.json", result.to_string());
    let status = String::from_utf8(lab.read("runs/tiny-002/run.toml")).unwrap();
    lab.write("runs/tiny-002/run.toml", status.replace("status = \"completed\"", "status = \"interrupted\""));
    let ran = lab.ok(&["run", "--resume", "runs/tiny-002"]);
    assert!(ran.stderr.contains("member    done before, seed 4"), "{}", ran.stderr);
    let resumed = lab.json("runs/tiny-002/result.json");
    for role in ["member", "teacher", "baseline", "student"] {
        assert_eq!(hashes(&whole, role), hashes(&resumed, role), "{role}");
    }
}

#[test]
fn train_and_sweep_know_members_too() {
    let lab = Lab::new();
    lab.ok(&["train", "r.toml", SEEDS, "-q"]);
    let result = lab.json("runs/tiny-001/result.json");
    assert_eq!((models(&result, "member").len(), models(&result, "teacher").len()), (3, 1));
    lab.ok(&["sweep", "r.toml", SEEDS, "--set", "kd.temperature=1,4", "-q"]);
    let teachers = std::fs::read_dir(lab.path("runs/tiny-sweep-001/teachers")).unwrap().count();
    let targets = std::fs::read_dir(lab.path("runs/tiny-sweep-001/targets")).unwrap().count();
    // Networks are shared by the trials; the average of their probabilities is another one at each temperature.
    assert_eq!((teachers, targets), (3, 2));
}

#[test]
fn what_has_no_meaning_is_refused() {
    let lab = Lab::new();
    let recipe = |setting: &str| format!("[teacher]\n{setting}\n");
    for (setting, message, help) in [
        ("seeds = [1, 1]", "E0104]: teacher.seeds lists seed 1 twice", "list every seed once"),
        ("seeds = [1]", "E0104]: teacher.seeds must name at least two teachers, got 1", "`teacher.weights`"),
        ("weights = []", "E0104]: teacher.weights must name at least one file", "leave `weights` out"),
        ("weights = 'a'\nseeds = [1]", "E0104]: teacher.seeds is set beside `weights`", "leave one of them out"),
        ("shares = [1.0, 2.0]", "E0104]: teacher.shares must be as many as there are teachers, 1, got 2", "shares"),
        ("weighting = 'entropy'", "E0104]: teacher.weighting is set, and there is one teacher", "several teachers"),
        ("seeds = [1, 2]\nshares = [1.0, -2.0]", "E0104]: teacher.shares must be finite numbers", "remove a teacher"),
    ] {
        lab.check_recipe("[teacher]\n", &recipe(setting), 3, [message, "bad.toml:", help]);
    }
    let unvalidated = ["run", "r.toml", SEEDS, "teacher.weighting=accuracy", "data.validation=0"];
    let message = "E0104]: teacher.weighting is \"accuracy\", but there is no validation set";
    lab.check(&unvalidated, 3, [message, "teacher.weighting", "data.validation = 1000"]);
    // Members of one ensemble must know the same classes.
    lab.ok(&["train", "r.toml", "-q"]);
    lab.ok(&["train", "r.toml", "data.classes=[\"x\", \"y\", \"z\"]", "-q"]);
    let file = |run: u8| format!("runs/tiny-00{run}/weights/teacher-seed1.safetensors");
    let weights = format!("teacher.weights=['{}', '{}']", file(1), file(2));
    lab.check(&["run", "r.toml", &weights], 5, ["E0303]: ", &file(2), "trained on this data"]);
}

#[test]
fn each_seed_learns_from_its_own_file() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "seeds=[1,2]"]);
    let file = |seed: u8| format!("runs/tiny-001/weights/teacher-seed{seed}.safetensors");
    let weights = format!("teacher.weights={{1='{}', 2='{}'}}", file(1), file(2));
    let args = ["run", "r.toml", "seeds=[1,2]", &weights];
    let ran = lab.ok(&args);
    assert!(ran.stderr.contains(&format!("teacher   from {}\n", file(2))), "{}", ran.stderr);
    // The same students as with teachers that were trained in the run, and the same numbers of the teachers.
    let models = |run: &str| lab.json(&format!("{run}/result.json"))["models"].as_array().unwrap().clone();
    let [trained, given] = ["runs/tiny-001", "runs/tiny-002"].map(models);
    assert_eq!((trained.len(), given.len()), (6, 6));
    for (trained, given) in trained.iter().zip(&given) {
        for key in ["role", "seed", "test_errors", "test_nll"] {
            assert_eq!(trained[key], given[key], "{key} {given}");
        }
    }
    // What is there is not done again, and other teachers are not taken for these.
    let path = "runs/tiny-002/run.toml";
    let status = String::from_utf8(lab.read(path)).unwrap().replace("\"completed\"", "\"interrupted\"");
    lab.write(path, &status);
    assert!(!lab.ok(&["run", "--resume"]).stderr.contains(" epochs, seed "));
    lab.write(path, &status);
    std::fs::copy(lab.path(&file(1)), lab.path(&file(2))).unwrap();
    lab.check(&["run", "--resume"], 5, ["E0307]", "runs/tiny-002", "undo the change"]);

    let shown = lab.ok(&["check", "r.toml", "seeds=[2,1]", &weights]).stdout;
    assert!(shown.contains("16-8-3, 163 parameters, seed 2"), "{shown}");
    for (arguments, message, help) in [
        (
            &["run", "r.toml", "seeds=[1,3]", &weights][..],
            "teacher.weights names no file for seed 3",
            "add `3 = \"teacher-seed3",
        ),
        (&["run", "r.toml", &weights, "kd.cache=a"], "kd.cache is set but", "leave `cache` out"),
        (&["teach", "r.toml", &weights], "each seed has a teacher of its own", "name one teacher"),
    ] {
        lab.check(arguments, 3, [&format!("E0104]: {message}"), "command line: ", help]);
    }
    let warned = lab.ok(&["rm", "runs/tiny-001", "--yes"]).stderr;
    assert!(warned.contains("tiny-002 uses weights from it"), "{warned}");
}
