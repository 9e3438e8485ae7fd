//! Networks with convolutions through the whole program: pictures in colour, runs that go on, and every command on what is kept.

use std::fs;

use crate::lab::{Lab, hashes, png};

const RECIPE: &str = r#"
name = "colours"

[data]
source = "pictures"

[teacher]
model = { kind = "resnet", blocks = [1, 1], width = 8 }
train = { epochs = 12, batch = 16 }

[student]
model = { kind = "ds-cnn", blocks = [1], width = 6 }

[train]
epochs = 12
batch = 16
optimizer = { kind = "adamw", lr = 0.01, weight_decay = 0.01 }
augment = { shift = 1 }
"#;

/// Pictures of 8x8 in red, green and blue, a folder for each.
fn lab() -> Lab {
    let lab = Lab::new();
    for (split, n) in [("train", 32), ("test", 10)] {
        for (class, color) in [("red", [200, 40, 40]), ("green", [40, 200, 40]), ("blue", [40, 40, 200])] {
            fs::create_dir_all(lab.path(&format!("pictures/{split}/{class}"))).unwrap();
            for i in 0..n {
                let seed = i * 3 + split.len();
                lab.write(&format!("pictures/{split}/{class}/{i:02}.png"), png(8, 8, color, seed));
            }
        }
    }
    lab.write("net.toml", RECIPE);
    lab
}

#[test]
fn a_convolutional_student_is_distilled_kept_and_used() {
    let lab = lab();
    let checked = lab.ok(&["check", "net.toml"]);
    let expected = "ds-cnn 6-1x6-3, 309 parameters, 0.0 million multiplications and 2,313 activations an input";
    assert!(checked.stdout.contains(expected), "{}", checked.stdout);

    lab.ok(&["run", "net.toml", "-q", "--threads", "1"]);
    let weights = "runs/colours-001/weights";
    let student = format!("{weights}/student-seed1.safetensors");
    let result = lab.json("runs/colours-001/result.json");
    assert!(result.to_string().contains("ResNet-6 8-16-3"), "{result}");
    // The same bits with other threads, and after a kill between any two steps, as far as one test sees.
    lab.ok(&["run", "net.toml", "-q", "--threads", "2"]);
    assert_eq!(hashes(&lab, "runs/colours-001"), hashes(&lab, "runs/colours-002"));

    let answers = lab.ok(&["predict", &student, "pictures/test/green/00.png", "pictures/test/blue/01.png"]);
    let classes: Vec<_> = answers.stdout.lines().skip(1).map(|line| line.rsplit(',').nth(1).unwrap()).collect();
    assert_eq!(classes, ["green", "blue"]);
    let eval = lab.ok(&["eval", &student, "--data", "pictures"]);
    assert!(eval.stdout.contains("ds-cnn 6-1x6-3"), "{}", eval.stdout);
    let seen = lab.ok(&["inspect", &student]);
    assert!(
        seen.stdout.contains("stage.0.0.depthw") && seen.stdout.contains("all weights are present"),
        "{}",
        seen.stdout
    );
    let recipe = lab.ok(&["inspect", "net.toml"]);
    assert!(recipe.stdout.contains("a network of kind ds-cnn"), "{}", recipe.stdout);

    // It teaches others from its file, alone and with another, and students begin with its weights.
    let teacher = format!("{weights}/teacher-seed1.safetensors");
    let of_file = |list: &str| lab.ok(&["run", "net.toml", "-q", &format!("teacher.weights={list}"), "train.epochs=1"]);
    of_file(&teacher);
    of_file(&format!("[\"{teacher}\", \"{student}\"]"));
    lab.ok(&["run", "net.toml", "-q", "student.weights=runs/colours-001", "train.epochs=1"]);
    lab.ok(&["sweep", "net.toml", "-q", "--set", "student.model.width=4,6", "data.validation=10", "train.epochs=1"]);
}

#[test]
fn standardised_inputs_are_part_of_the_network() {
    let lab = lab();
    lab.ok(&["run", "net.toml", "-q", "data.standardize=true"]);
    let student = "runs/colours-001/weights/student-seed1.safetensors";
    let seen = lab.ok(&["inspect", student]);
    assert!(seen.stdout.contains("standardize.mean"), "{}", seen.stdout);
    let answers = lab.ok(&["predict", student, "pictures/test/red/03.png"]);
    assert!(answers.stdout.contains(",red,"), "{}", answers.stdout);
    // What was kept is what was measured.
    let result = lab.json("runs/colours-001/result.json");
    let model = result["models"].as_array().unwrap().iter().find(|model| model["role"] == "student").unwrap();
    let of_run = format!(", {} errors", model["test_errors"]);
    let eval = lab.ok(&["eval", student, "--data", "pictures"]);
    assert!(eval.stdout.contains(&of_run), "{of_run} {}", eval.stdout);
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let lab = lab();
    lab.ok(&["run", "net.toml", "-q", "--runs-dir", "whole"]);
    let often = ["checkpoint.every_steps=1", "teacher.train.epochs=12"];
    let mut child = lab.command(&[&["run", "net.toml", "-q"], &often[..]].concat()).spawn().unwrap();
    lab.wait_until_begun(&mut child, "runs/colours-001");
    child.kill().unwrap();
    child.wait().unwrap();
    lab.ok(&["run", "--resume", "runs/colours-001", "-q"]);
    assert_eq!(hashes(&lab, "whole/colours-001"), hashes(&lab, "runs/colours-001"));
}

#[test]
fn networks_that_do_not_fit_are_refused() {
    let lab = lab();
    let refused = |to: &str, exit: i32, expected: [&str; 3]| {
        lab.write("bad.toml", RECIPE.replace("{ kind = \"ds-cnn\", blocks = [1], width = 6 }", to));
        lab.check(&["run", "bad.toml", "--runs-dir", "bad-runs"], exit, expected);
    };
    let place = "bad.toml:12:9";
    refused(
        "{ kind = \"resnet\", hidden = [5] }",
        3,
        ["E0103]: student.model: a model of kind \"resnet\" has no key `hidden`, its keys are `blocks`", place, ""],
    );
    refused("{ kind = \"lenet\" }", 3, ["E0103]: student.model.kind: unknown variant", "bad.toml:12", "mlp"]);
    refused("{ kind = \"cnn\", channels = [] }", 3, ["E0104]: student.model.channels has 0 stages", "bad.toml:12", ""]);
    refused("{ kind = \"cnn\", kernel = 4 }", 3, ["E0104]: student.model.kernel must be odd", "bad.toml:12", ""]);
    refused(
        "{ kind = \"cnn\", channels = [4, 4, 4, 4] }",
        3,
        [
            "E0104]: max pool `pool.3` a window of 2x2 is larger than a map of 1x1",
            "bad.toml:12",
            "smaller or shallower",
        ],
    );
    refused(
        "{ kind = \"mobilenet\", multiplier = 99.0 }",
        3,
        ["E0104]: student.model.multiplier must be", "bad.toml:12", ""],
    );
    refused("{ kind = \"resnet\", width = 0 }", 3, ["E0104]: student.model.width must be from 1", "bad.toml:12", ""]);

    // A table has no channels, and a run begins with weights of its own architecture alone.
    fs::create_dir_all(lab.path("t")).unwrap();
    lab.write("t/train.csv", "a,b,class\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n");
    lab.write("t/test.csv", "a,b,class\n1,2,x\n3,4,y\n");
    lab.write("bad.toml", RECIPE.replace("\"pictures\"", "\"t\"").replace("augment = { shift = 1 }", ""));
    let message = "E0104]: `kind` takes images of channels, height and width, but an example has the shape [2]";
    lab.check(&["check", "bad.toml"], 3, [message, "bad.toml", "mlp"]);
}
