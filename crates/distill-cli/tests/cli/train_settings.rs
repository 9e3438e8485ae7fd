//! What short trainings need: settings of `train` that are off unless a recipe has them.

use crate::lab::{Lab, hashes};

const SETTINGS: [&str; 2] = ["label_smoothing=0.1", "ema=0.9"];

/// Runs the recipe with settings of `train`, for the teacher and the students, and returns the recipe as it was understood, the
/// hashes of the three models, and how probable they find the test labels.
fn run(lab: &Lab, dir: &str, settings: &[&str]) -> (String, Vec<String>, Vec<f64>) {
    let settings =
        settings.iter().flat_map(|setting| ["teacher.train", "train"].map(|table| format!("{table}.{setting}")));
    let settings: Vec<String> = settings.collect();
    let mut args = vec!["run", "r.toml", "-q", "--runs-dir", dir];
    args.extend(settings.iter().map(String::as_str));
    lab.ok(&args);
    let run = format!("{dir}/tiny-001");
    let resolved = String::from_utf8(lab.read(&format!("{run}/recipe.resolved.toml"))).unwrap();
    let result = lab.json(&format!("{run}/result.json"));
    let nll = result["models"].as_array().unwrap().iter().map(|model| model["test_nll"].as_f64().unwrap());
    (resolved, hashes(lab, run), nll.collect())
}

#[test]
fn settings_that_are_off_stand_in_no_recipe_and_others_change_all_models() {
    let lab = Lab::new();
    let (resolved, _, plain) = run(&lab, "plain", &[]);
    for setting in SETTINGS {
        let key = setting.split_once('=').unwrap().0;
        let n_written = |recipe: &str| recipe.lines().filter(|line| line.starts_with(key)).count();
        let (with_it, found, nll) = run(&lab, key, &[setting]);
        assert_eq!((n_written(&resolved), n_written(&with_it)), (0, 2), "{with_it}");
        assert!(nll.len() == 3 && nll.iter().zip(&plain).all(|(nll, plain)| nll != plain), "{setting}");
        assert_eq!(run(&lab, &format!("{key}-again"), &[setting]).1, found, "{setting}");
    }
}

#[test]
fn settings_without_a_meaning_are_refused() {
    let lab = Lab::new();
    for (setting, message, help) in [
        ("train.label_smoothing=1", "must be at least 0 and below 1, got 1", "set `label_smoothing = 0.1`"),
        (
            "teacher.train.label_smoothing=-0.5",
            "must be at least 0 and below 1, got -0.5",
            "set `label_smoothing = 0.1`",
        ),
        ("train.ema=1", "must be greater than 0 and below 1, got 1", "set `ema = 0.999`"),
    ] {
        let key = setting.split_once('=').unwrap().0;
        for command in ["run", "check"] {
            let place = format!("command line: {setting}");
            lab.check(&[command, "r.toml", setting], 3, [&format!("E0104]: {key} {message}"), &place, help]);
        }
    }
}

#[test]
fn rare_classes_may_count_more() {
    let lab = Lab::new();
    let recalls = |name: &str, settings: &[&str]| {
        let name_is = format!("name={name}");
        lab.ok(&[&["train", "r.toml", "--as", "baseline", "-q", "train.epochs=1", &name_is], settings].concat());
        let student = format!("runs/{name}-001/weights/baseline-seed1.safetensors");
        lab.ok(&["eval", &student, "--data", "data", "--tables", name, "-q"]);
        let table = String::from_utf8(lab.read(&format!("{name}/confusion.csv"))).unwrap();
        // How often each class is named.
        let rows =
            table.lines().skip(1).map(|line| line.split(',').skip(1).map(|n| n.parse::<u32>().unwrap()).collect());
        let rows: Vec<Vec<u32>> = rows.collect();
        [0, 1, 2].map(|class| rows.iter().map(|row| row[class]).sum::<u32>())
    };
    let plain = recalls("plain", &[]);
    let heavy = recalls("heavy", &["train.class_weights={ 2 = 50.0 }"]);
    assert!(heavy[2] > plain[2], "{plain:?} {heavy:?}");
    let never = recalls("never", &["train.class_weights={ 2 = 0.0 }", "train.epochs=5"]);
    assert_eq!(never[2], 0, "{never:?}");
    // Balanced classes are balanced already, up to one example.
    recalls("balanced", &["train.class_weights=balanced"]);
    let unknown = ["check", "r.toml", "teacher.train.class_weights={ cat = 2.0 }"];
    let message = "E0104]: teacher.train.class_weights names `cat`, which is no class";
    lab.check(&unknown, 3, [message, "teacher.train.class_weights", "`distill data`"]);
    let negative = ["check", "r.toml", "train.class_weights={ 2 = -1.0 }"];
    lab.check(&negative, 3, ["E0104]: train.class_weights.2 must be a finite number", "train.class_weights", "2.0"]);
    let word = lab.distill(&["check", "r.toml", "train.class_weights=even"]);
    assert!(word.code == Some(3) && word.stderr.contains("E0103"), "{}", word.stderr);
}
