//! Sweeps over what changes the answers of teachers from files, which are kept for the trials that have them in common.

use serde_json::Value;

use crate::lab::Lab;
use crate::sweep::{text, trials};

/// The results of the trials by their settings: what a sweep finds must not depend on what it keeps, nor on an order.
fn found(lab: &Lab, args: &[&str]) -> Vec<(String, Value)> {
    let before = std::fs::read_dir(lab.path("runs"))
        .map_or(0, |runs| runs.flatten().filter(|run| run.file_name().to_string_lossy().contains("-sweep-")).count());
    lab.ok(&[&["sweep", "r.toml", "-q"][..], args].concat());
    let trials = trials(lab, &format!("runs/tiny-sweep-{:03}", before + 1));
    let mut found: Vec<_> =
        trials.into_values().map(|trial| (trial["settings"].to_string(), trial["seeds"].clone())).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(found.len() == 2 && found[0].1 != found[1].1, "the setting changes what a student learns: {found:?}");
    found
}

/// Three networks that differ, as teachers of one recipe.
fn files(lab: &Lab) -> String {
    lab.ok(&["train", "r.toml", "teacher.seeds=[4, 5, 6]", "--as", "teacher", "-q", "--runs-dir", "made"]);
    let file = |seed: u8| format!("\"made/tiny-001/weights/member-seed{seed}.safetensors\"");
    format!("teacher.weights=[{}, {}, {}]", file(4), file(5), file(6))
}

#[test]
fn answers_that_are_kept_are_those_of_each_trial() {
    let lab = Lab::new();
    let weights = files(&lab);
    for sets in [
        ["kd.temperature=1,20", "kd.temperature=20,1"],
        ["teacher.average=arithmetic,geometric", "teacher.average=geometric,arithmetic"],
        ["teacher.shares=[1, 1, 1],[100, 1, 1]", "teacher.shares=[100, 1, 1],[1, 1, 1]"],
    ] {
        let live = found(&lab, &[&weights, "kd.targets=live", "--set", sets[0]]);
        for set in sets {
            assert_eq!(found(&lab, &[&weights, "kd.targets=cached", "--set", set]), live, "{set}");
        }
    }
}

#[test]
fn answers_of_an_earlier_version_are_left_alone() {
    let lab = Lab::new();
    let weights = files(&lab);
    let args = ["sweep", "r.toml", "-q", &weights, "kd.targets=cached", "--set", "kd.temperature=1,20"];
    lab.ok(&args);
    // As an earlier version left it when it was interrupted.
    let path = "runs/tiny-sweep-001/sweep.toml";
    let status = text(&lab, path).replace("status = \"completed\"", "status = \"interrupted\"");
    lab.write(path, &status);
    lab.ok(&["sweep", "--resume"]);
    assert!(status.contains("\ntargets = 3\n"), "{status}");
    lab.write(path, status.replace("\ntargets = 3\n", "\n"));
    let expected = ["E0307]: the sweep was begun by an earlier version", "runs/tiny-sweep-001", "start a new sweep"];
    lab.check(&["sweep", "--resume"], 5, expected);
    lab.ok(&args);
}
