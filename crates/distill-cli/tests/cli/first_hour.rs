//! What somebody meets who comes with data and a teacher of one's own.

use std::fs;

use crate::lab::{Lab, png};

/// Flowers in a table whose class is told by a large number and a word.
fn flowers(lab: &Lab, folder: &str, [n_train, n_test]: [usize; 2]) {
    fs::create_dir_all(lab.path(folder)).unwrap();
    for (part, n) in [("train", n_train), ("test", n_test)] {
        let mut text = "height,colour,leaves,label\n".to_owned();
        for i in 0..n {
            let (class, noise) = (i % 3, ((i * 37) % 19) as f64 * 0.01);
            let height = if class == 0 { 1000.0 } else { 1004.0 } + noise;
            let colour = if class == 2 { "red" } else { "blue" };
            text += &format!("{height},{colour},{},{}\n", (i + n) % 7, ["iris", "rose", "tulip"][class]);
        }
        lab.write(&format!("{folder}/{part}.csv"), text);
    }
}

/// A table of a teacher's answers to 200 and 60 examples of three classes: what it gives the right class, or another one.
fn answers(lab: &Lab, folder: &str, of: impl Fn(&str, usize) -> [f64; 3]) {
    fs::create_dir_all(lab.path(folder)).unwrap();
    for (part, n) in [("train", 200), ("test", 60)] {
        let rows = (0..n).map(|i| of(part, i).map(|p| p.to_string()).join(",") + "\n");
        lab.write(&format!("{folder}/{part}.csv"), "0,1,2\n".to_owned() + &rows.collect::<String>());
    }
}

/// The answer that gives a class so much and the next one the rest.
fn sure(class: usize, p: f64) -> [f64; 3] {
    let mut answer = [0.0; 3];
    answer[class % 3] = p;
    answer[(class + 1) % 3] = 1.0 - p;
    answer
}

#[test]
fn zeros_among_saved_probabilities_are_what_the_others_suggest() {
    let lab = Lab::new();
    answers(&lab, "forest", |_, i| sure(i, if i % 2 == 0 { 0.9 } else { 1.0 }));
    let shown = lab.ok(&["check", "r.toml", "teacher.weights=forest"]).stdout;
    assert!(shown.contains("every row adds up to 1; 50 % of them are 0, taken as 0.01 (forest)"), "{shown}");
    answers(&lab, "forest", |_, i| sure(i, if i % 2 == 0 { 0.99 } else { 1.0 }));
    let shown = lab.ok(&["check", "r.toml", "teacher.weights=forest"]).stdout;
    assert!(shown.contains("50 % of them are 0, taken as 0.005 (forest)"), "{shown}");
    lab.ok(&["run", "r.toml", "teacher.weights=forest", "teacher.min_probability=0.02"]);
    let report = String::from_utf8(lab.read("runs/tiny-001/report.md")).unwrap();
    assert!(report.contains("67 % of them are below 0.02, taken as it"), "{report}");
    let expected = ["E0104]: teacher.min_probability must be from", "command line", "set `min_probability = 0.001`"];
    lab.check(&["check", "r.toml", "teacher.weights=forest", "teacher.min_probability=0.7"], 3, expected);
    let expected = ["E0104]: teacher.min_probability is set without `weights`", "command line", "leave it out"];
    lab.check(&["check", "r.toml", "teacher.min_probability=0.1"], 3, expected);
}

#[test]
fn a_teacher_that_is_right_and_does_not_believe_it_is_doubted() {
    let lab = Lab::new();
    answers(&lab, "t", |_, i| sure(i, 0.95));
    let check = |setting: &str| lab.ok(&["check", "r.toml", "teacher.weights=t", setting]).stdout;
    assert!(!check("seeds=[1]").contains("confidence"));
    let shown = check("teacher.probabilities=false");
    assert!(shown.contains("accuracy and confidence cannot both be right"), "{shown}");
}

#[test]
fn a_teacher_that_has_seen_the_training_examples_is_measured_on_others() {
    let lab = Lab::new();
    answers(&lab, "t", |part, i| sure(if part == "test" && i % 10 == 0 { i + 1 } else { i }, 0.95));
    // Its test examples are none of the training examples.
    fs::create_dir(lab.path("d")).unwrap();
    for (part, first, n) in [("train", 0, 200), ("test", 1000, 60)] {
        let rows = (0..n).map(|i| format!("{},{}\n", first + i, i % 3));
        lab.write(&format!("d/{part}.csv"), "x,label\n".to_owned() + &rows.collect::<String>());
    }
    let shown = lab.ok(&["check", "r.toml", "data.source=d", "teacher.weights=t"]).stdout;
    assert!(shown.contains("90.00 % of 60 test examples, chance 33.33 %"), "{shown}");
    let expected =
        "warn  teacher accuracy  the teacher gets 100.0 % of the training examples right, and 90.0 % of the test";
    assert!(shown.contains(expected) && shown.contains("`cross_val_predict`"), "{shown}");
}

#[test]
fn outputs_that_stand_for_other_classes_are_named() {
    let lab = Lab::new();
    answers(&lab, "t", |_, i| sure([1, 0, 2][i % 3], 0.95));
    let help = "name the columns in their order, one name a line, in `classes.txt` beside the table, or in its header: \
                [\"1\", \"0\", \"2\"]";
    let ran = lab.check(
        &["check", "r.toml", "teacher.weights=t"],
        5,
        ["E0305]: the teacher gets 33.3 % of 60 test examples right, and must get 40.0 %", "t", help],
    );
    let note = "with other names for its outputs it gets 100.0 % right: the output now called `0` is `1`, `1` is `0`";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    lab.write("t/classes.txt", "1\n0\n2\n");
    let shown = lab.ok(&["check", "r.toml", "teacher.weights=t"]).stdout;
    assert!(shown.contains("100.00 % of 60 test examples"), "{shown}");
}

#[test]
fn tables_are_standardised_and_images_are_not() {
    let lab = Lab::new();
    flowers(&lab, "t", [300, 90]);
    let settings = ["data.source=t", "train.epochs=15", "teacher.train.epochs=15"];
    let check = |more: &[&str]| lab.ok(&[&["check", "r.toml"], &settings[..], more].concat()).stdout;
    let shown = check(&[]);
    assert!(shown.contains(", standardised\n") && !shown.contains("inputs are large"), "{shown}");
    let shown = check(&["data.standardize=false"]);
    assert!(
        shown.contains("inputs are large, with mean") && shown.contains("set `data.standardize = true`"),
        "{shown}"
    );
    assert!(!lab.ok(&["check", "r.toml"]).stdout.contains("standardised"));
    lab.ok(&[&["run", "r.toml"], &settings[..]].concat());
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    lab.ok(&["eval", student, "--data", "t", "--min-accuracy", "0.95"]);
    assert!(String::from_utf8(lab.read("runs/tiny-001/recipe.resolved.toml")).unwrap().contains("standardize = true"));

    // It is said of a run that has learned nothing.
    let raw = ["data.standardize=false", "teacher.min_accuracy=0"];
    let ran = lab.ok(&[&["run", "r.toml"], &settings[..], &raw].concat());
    assert!(ran.stderr.contains("is no better than always naming the most frequent class, 33.3 %"), "{}", ran.stderr);
    assert!(ran.stderr.contains("set `data.standardize = true`, or lower `train.optimizer.lr`"), "{}", ran.stderr);
}

#[test]
fn a_run_from_before_tables_were_standardised_goes_on_as_it_began() {
    let lab = Lab::new();
    flowers(&lab, "t", [300, 90]);
    let raw = ["data.source=t", "data.standardize=false", "teacher.min_accuracy=0", "baseline.enabled=false"];
    lab.ok(&[&["run", "r.toml"], &raw[..]].concat());
    let weights = lab.read("runs/tiny-001/weights/student-seed1.safetensors");
    // Its recipe said nothing of it, and it had a teacher when it was interrupted.
    let recipe = String::from_utf8(lab.read("runs/tiny-001/recipe.resolved.toml")).unwrap();
    assert!(recipe.contains("standardize = false\n"), "{recipe}");
    lab.write("runs/tiny-001/recipe.resolved.toml", recipe.replace("standardize = false\n", ""));
    let status = String::from_utf8(lab.read("runs/tiny-001/run.toml")).unwrap();
    lab.write("runs/tiny-001/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    let mut result = lab.json("runs/tiny-001/result.json");
    result["models"].as_array_mut().unwrap().retain(|model| model["role"] == "teacher");
    lab.write("runs/tiny-001/result.json", result.to_string());
    lab.ok(&["run", "--resume", "runs/tiny-001"]);
    assert_eq!(lab.read("runs/tiny-001/weights/student-seed1.safetensors"), weights);
}

#[test]
fn settings_that_cannot_be_meant_are_warned_of() {
    let lab = Lab::new();
    let shown = lab.ok(&["check", "r.toml", "train.optimizer.lr=1e6"]).stdout;
    assert!(shown.contains("`train.optimizer.lr` is 1000000, which is high for sgd"), "{shown}");
    let shown = lab.ok(&["check", "r.toml", "train.batch=5000", "train.optimizer.lr=30"]).stdout;
    assert!(shown.contains("`train.batch` is 5000, and there are 180 examples"), "{shown}");
    assert!(shown.contains("set `train.batch = 16`"), "{shown}");
    assert!(shown.contains("`train.optimizer.lr` is 30, which is high for sgd"), "{shown}");
    let ran = lab.ok(&["run", "r.toml", "train.optimizer.lr=20", "train.batch=180"]);
    assert!(ran.stderr.contains("the loss of the baseline went up, from "), "{}", ran.stderr);

    for (part, class) in [("train", "dog"), ("train", "cat"), ("test", "Dog"), ("test", "cat")] {
        fs::create_dir_all(lab.path(&format!("pictures/{part}/{class}"))).unwrap();
        for i in 0..4 {
            lab.write(&format!("pictures/{part}/{class}/{i}.png"), png(4, 4, [90, 20, 5], i));
        }
    }
    let expected = [
        "E0203]: class `Dog` has no training example, and class `dog` differs",
        "data.source=pictures",
        "rename the folder",
    ];
    lab.check(&["check", "r.toml", "data.source=pictures", "data.validation=0"], 4, expected);
}

#[test]
fn a_new_recipe_fits_its_data_and_runs_as_it_is() {
    let lab = Lab::new();
    flowers(&lab, "table", [120, 60]);
    lab.dataset("images", 20, 2100, 60);
    for part in ["train", "test"] {
        for class in 0..2 {
            fs::create_dir_all(lab.path(&format!("pictures/{part}/c{class}"))).unwrap();
            for i in 0..6 {
                let side = 18 + i as u32;
                lab.write(
                    &format!("pictures/{part}/c{class}/{i}.png"),
                    png(side, side, [[200, 10, 9], [9, 9, 200]][class], i),
                );
            }
        }
    }
    for (name, lines) in [
        (
            "table",
            &["#validation = 5000", "#augment = { shift = 2 }", "batch = 32", "#mixtures = 0", "alpha = 0.9"][..],
        ),
        ("images", &["validation = 210", "augment = { shift = 2 }", "batch = 64", "mixtures = 2", "hidden = [64]"]),
        ("pictures", &["images = { size = [32, 32], crop = true }", "kind = \"resnet\"", "#mixtures = 0"]),
    ] {
        lab.ok(&["new", &format!("for-{name}"), "--data", name, "-q"]);
        let text = String::from_utf8(lab.read(&format!("for-{name}.toml"))).unwrap();
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "{line}: {text}");
        }
        let recipe = format!("for-{name}.toml");
        let shown = lab.ok(&["check", &recipe]).stdout;
        assert!(shown.contains(" 0 failed"), "{shown}");
        let short = [
            "train.epochs=1",
            "teacher.train.epochs=2",
            "teacher.seeds=[1, 2]",
            "teacher.train.optimizer.lr=0.002",
            "teacher.min_accuracy=0.0",
        ];
        lab.ok(&[&["run", &recipe, "seeds=[1]"], &short[..]].concat());
    }
    // Columns that only number the rows are left out, and said so.
    let numbered = |text: String| {
        let lines = text.lines().enumerate();
        lines.map(|(i, line)| if i == 0 { format!("id,{line}\n") } else { format!("{i},{line}\n") }).collect::<String>()
    };
    for part in ["train", "test"] {
        let name = format!("table/{part}.csv");
        lab.write(&name, numbered(String::from_utf8(lab.read(&name)).unwrap()));
    }
    lab.ok(&["new", "numbered", "--data", "table"]);
    let text = String::from_utf8(lab.read("numbered.toml")).unwrap();
    assert!(text.contains("\ncolumns = { ignore = [\"id\"] }\n"), "{text}");
    assert!(lab.ok(&["check", "numbered.toml"]).stdout.contains(" 0 warnings"));
    // What cannot be read is said at once, and no recipe is left.
    lab.write("table/test.csv", "id,height\n1,2\n");
    let ran = lab.distill(&["new", "broken", "--data", "table"]);
    assert!(ran.code == Some(4) && !lab.path("broken.toml").exists(), "{}", ran.stderr);
}

#[test]
fn pictures_get_networks_with_convolutions() {
    let lab = Lab::new();
    for (part, n) in [("train", 4), ("test", 2)] {
        for (class, color) in [[200, 10, 9], [9, 9, 200]].into_iter().enumerate() {
            fs::create_dir_all(lab.path(&format!("colour/{part}/c{class}"))).unwrap();
            (0..n).for_each(|i| lab.write(&format!("colour/{part}/c{class}/{i}.png"), png(20, 16, color, i)));
        }
    }
    lab.dataset("grey", 32, 60, 60);
    lab.dataset("drawings", 28, 60, 60);
    answers(&lab, "forest", |_, i| sure(i, 0.9));
    let new = |name: &str, args: &[&str]| {
        lab.ok(&[&["new", name, "-q", "--data"], args].concat());
        let shown = lab.ok(&["check", &format!("{name}.toml"), "teacher.min_accuracy=0.0"]).stdout;
        assert!(shown.contains(" 0 failed"), "{shown}");
        String::from_utf8(lab.read(&format!("{name}.toml"))).unwrap()
    };
    let has = |text: &str, lines: &[&str]| {
        lines.iter().for_each(|line| assert!(text.lines().any(|found| found == *line), "{line}: {text}"));
    };
    let of_both =
        ["kind = \"resnet\"", "width = 16", "#hidden = [200]", "standardize = \"channel\"", "weight_decay = 5e-4"];
    let colour = new("a", &["colour"]);
    has(&colour, &of_both);
    has(&colour, &["shift = 2", "padding = \"reflect\"", "flip = true", "model = { kind = \"resnet\", width = 32 }"]);
    has(&colour, &["augment = { shift = 2, padding = \"reflect\", flip = true, cutout = 4 }"]);
    // Without colours it may be letters, whose mirror images are others.
    let grey = new("b", &["grey"]);
    has(&grey, &of_both);
    has(&grey, &["shift = 2", "flip = false"]);
    has(&new("c", &["drawings"]), &["kind = \"mlp\"", "hidden = [32]", "#flip = false"]);
    // A table of answers has none for pictures that were varied.
    lab.dataset("few", 32, 200, 60);
    let taught = new("d", &["few", "--teacher", "forest"]);
    has(&taught, &of_both);
    has(&taught, &["#shift = 0", "#flip = false", "temperature = 2.0", "alpha = 0.5", "weights = \"forest\""]);
}

#[test]
fn a_run_without_a_recipe_leaves_one_behind() {
    let lab = Lab::new();
    answers(&lab, "forest", |_, i| sure(i, 0.9));
    let args = ["run", "--data", "data", "--teacher", "forest", "seeds=[1]", "train.epochs=2"];
    let ran = lab.ok(&args);
    assert!(ran.stderr.contains("wrote     data.toml"), "{}", ran.stderr);
    let recipe = lab.read("data.toml");
    let text = String::from_utf8(recipe.clone()).unwrap();
    for line in ["weights = \"forest\"", "alpha = 0.5", "#mixtures = 0"] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert_eq!(lab.json("runs/data-001/result.json")["models"].as_array().unwrap().len(), 3);
    // The same again takes the recipe that is there, and another one stays as it is.
    lab.ok(&args);
    assert!(!lab.path("data-2.toml").exists() && lab.path("runs/data-002/result.json").exists());
    lab.write("data.toml", "mine");
    lab.ok(&args);
    assert_eq!((lab.read("data.toml"), lab.read("data-2.toml")), (b"mine".to_vec(), recipe));
    // Nothing is left for what is not there.
    lab.check(&["run", "--data", "none"], 4, ["E0201]: cannot read none", "none", "`distill data`"]);
    let expected = ["E0501]: cannot read the teacher", "none.onnx", "check the path"];
    lab.check(&["run", "--data", "data", "--teacher", "none.onnx"], 7, expected);
    assert!(!lab.path("none.toml").exists() && !lab.path("data-3.toml").exists());
    let refused = lab.distill(&["run", "--teacher", "forest"]);
    assert_eq!(refused.code, Some(2));
}
