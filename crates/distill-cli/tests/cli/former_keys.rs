//! Recipes with keys that have another name now.

use super::lab::{Lab, RECIPE, hashes};

const NOTE: &str = "has the former name, which is still read; the models are the same";

/// The recipe of the lab with mixtures and a schedule, under the former or the present names of their keys.
fn recipe([mixtures, pct_start]: [&str; 2]) -> String {
    let schedule = format!("schedule = {{ kind = \"one-cycle\", {pct_start} = 0.4 }}\n");
    RECIPE.replace("validation = 20\n", &format!("validation = 20\n{mixtures} = 1\n")) + &schedule
}

#[test]
fn an_old_recipe_is_the_same_run_with_a_warning() {
    let lab = Lab::new();
    lab.write("old.toml", recipe(["mixup", "peak"]));
    lab.write("new.toml", recipe(["mixtures", "pct_start"]));
    let warnings = [
        format!(
            "`data.mixup` is now called `data.mixtures`\n   = note: old.toml:6 {NOTE}\n   = help: write `mixtures` in"
        ),
        format!(
            "`train.schedule.peak` is now called `train.schedule.pct_start`\n   = note: old.toml:21 {NOTE}\n   = help: "
        ),
    ];
    for command in ["check", "run"] {
        let ran = lab.ok(&[command, "old.toml"]);
        warnings.iter().for_each(|warning| assert!(ran.stderr.contains(warning), "{command}: {}", ran.stderr));
    }
    assert!(!lab.ok(&["run", "new.toml"]).stderr.contains(NOTE));
    let text = |name: &str| String::from_utf8(lab.read(name)).unwrap();
    let known = |run: &str| {
        text(&format!("runs/{run}/run.toml")).lines().find(|l| l.contains("recipe_sha256")).map(str::to_owned)
    };
    assert!(known("tiny-001").is_some());
    assert_eq!(known("tiny-001"), known("tiny-002"));
    assert_eq!(hashes(&lab, "runs/tiny-001"), hashes(&lab, "runs/tiny-002"));
    assert_eq!(text("runs/tiny-001/recipe.resolved.toml"), text("runs/tiny-002/recipe.resolved.toml"));
    assert_eq!(lab.ok(&["runs", "data.mixup=1"]).stdout, lab.ok(&["runs", "data.mixtures=1"]).stdout);

    // A run of an earlier version kept its recipe under the former names. It goes on, and nobody is told to change that file.
    let expected = hashes(&lab, "runs/tiny-002");
    let resolved = text("runs/tiny-002/recipe.resolved.toml");
    let former = resolved
        .replace("mixtures = ", "mixup = ")
        .replace("pct_start = ", "peak = ")
        .replace("min_lr_ratio = ", "min_factor = ");
    assert_ne!(former, resolved);
    lab.write("runs/tiny-002/recipe.resolved.toml", former);
    lab.write("runs/tiny-002/run.toml", text("runs/tiny-002/run.toml").replacen("\"completed\"", "\"interrupted\"", 1));
    let mut result = lab.json("runs/tiny-002/result.json");
    result["models"].as_array_mut().unwrap().pop();
    lab.write("runs/tiny-002/result.json", result.to_string());
    let ran = lab.ok(&["run", "--resume", "runs/tiny-002"]);
    assert!(!ran.stderr.contains(NOTE), "{}", ran.stderr);
    assert_eq!(hashes(&lab, "runs/tiny-002"), expected);
}

#[test]
fn settings_have_former_names_too() {
    let lab = Lab::new();
    let warning = "`data.mixup` is now called `data.mixtures`\n   = note: ";
    for (args, place) in [
        (&["check", "r.toml", "data.mixup=1"][..], "command line: data.mixup=1"),
        (&["sweep", "r.toml", "--set", "data.mixup=0,1"], "`--set`"),
    ] {
        let ran = lab.ok(args);
        assert!(ran.stderr.contains(&format!("{warning}{place} {NOTE}")), "{}", ran.stderr);
    }
    lab.write("old.toml", recipe(["mixup", "peak"]));
    // What is typed goes before what the file says, whatever its name there.
    lab.check(
        &["check", "old.toml", "data.mixtures=101"],
        3,
        ["E0104]: data.mixtures must be at most 100, got 101", "command line: data.mixtures=101", "mixtures = 2"],
    );
    let help = "remove `data.mixup`: it is the former name of `data.mixtures`";
    let what = "E0104]: `data.mixup` and `data.mixtures` are both set, and are the same key";
    lab.check(&["check", "r.toml", "data.mixup=1", "data.mixtures=2"], 3, [what, "command line: data.mixup=1", help]);
    lab.write("both.toml", recipe(["mixup = 1\nmixtures", "pct_start"]));
    lab.check(&["run", "both.toml"], 3, [what, "both.toml:6:1", help]);
}
