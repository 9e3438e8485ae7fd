//! Numbers to predict, through the whole program.

use std::fs;

use serde_json::Value;

use crate::lab::{Lab, npy};

const RECIPE: &str = r#"
name = "houses"

[data]
source = "houses.csv"
columns = { targets = ["price"] }
validation = 40

[teacher]
model = { hidden = [32] }
train = { epochs = 60, batch = 16, optimizer = { kind = "adamw", lr = 0.01 } }

[student]
model = { hidden = [8] }

[train]
epochs = 60
batch = 16
optimizer = { kind = "adamw", lr = 0.01 }
"#;

/// What a house costs: a smooth function of two numbers and a word, in dollars.
fn price(rooms: f64, age: f64, kind: &str) -> f64 {
    200_000.0 + 40_000.0 * rooms - 25_000.0 * age * age + if kind == "villa" { 90_000.0 } else { 0.0 }
}

fn houses() -> String {
    let row = |i: u32| {
        let (rooms, age) = (f64::from(i * 37 % 101) / 50.0 - 1.0, f64::from(i * 53 % 97) / 48.0 - 1.0);
        let kind = ["flat", "villa"][(i % 3 / 2) as usize];
        format!("{rooms},{},{kind},{age}\n", price(rooms, age, kind))
    };
    "rooms,price,kind,age\n".to_owned() + &(0..400).map(row).collect::<String>()
}

fn result(lab: &Lab, run: &str) -> Value {
    serde_json::from_slice(&fs::read(lab.path(run).join("result.json")).unwrap()).unwrap()
}

#[test]
fn a_column_of_numbers_is_learnt_and_predicted() {
    let lab = Lab::new();
    lab.write("houses.csv", houses());
    lab.write("houses.toml", RECIPE);
    let checked = lab.ok(&["check", "houses.toml"]).stdout;
    assert!(checked.contains("ok    numbers           price: mean 2"), "{checked}");
    let shown = lab.ok(&["data", "houses.csv", "data.columns.targets=['price']"]).stdout;
    assert!(shown.contains("predicted   1: price\n") && shown.contains("kind   2 words: flat, villa"), "{shown}");

    let run = lab.ok(&["run", "houses.toml"]);
    assert!(run.stderr.contains("val R²") && run.stderr.contains("1 number to predict"), "{}", run.stderr);
    assert!(
        run.stdout.contains("test RMSE") && run.stdout.contains("interval of the difference of R²"),
        "{}",
        run.stdout
    );
    let found = result(&lab, "runs/houses-001");
    assert_eq!((&found["data"]["task"], &found["data"]["classes"][0]), (&"numbers".into(), &"price".into()));
    for model in found["models"].as_array().unwrap() {
        let numbers = &model["test_numbers"];
        let r2 = numbers["r2"].as_f64().unwrap();
        assert!(r2 > 0.9, "{model}");
        // Prices have a deviation of about 50,000 dollars.
        let rmse = numbers["numbers"][0]["rmse"].as_f64().unwrap();
        assert!((500.0..20_000.0).contains(&rmse), "{model}");
    }
    let metrics = fs::read_to_string(lab.path("runs/houses-001/metrics.csv")).unwrap();
    assert!(metrics.lines().next().unwrap().ends_with(",validation_r2"), "{metrics}");

    // Raw rows in any order of the columns, with a word that nobody knows.
    let student = "runs/houses-001/weights/student-seed1.safetensors";
    lab.write("rows.csv", "kind,age,rooms\nvilla,0.25,0.5\nflat,-0.5,-0.75\ncastle,0,0\n");
    let answers = lab.ok(&["predict", student, "rows.csv"]).stdout;
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!((lines[0], lines.len()), ("id,price", 4));
    for (line, expected) in lines[1..].iter().zip([price(0.5, 0.25, "villa"), price(-0.75, -0.5, "flat")]) {
        let found: f64 = line.split_once(',').unwrap().1.parse().unwrap();
        assert!((found - expected).abs() < 20_000.0, "{line} {expected}");
    }
    let json = lab.ok(&["predict", student, "rows.csv", "--format", "jsonl"]).stdout;
    let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let number = lines[1].split_once(',').unwrap().1.parse::<f64>().unwrap();
    assert_eq!(first["numbers"]["price"].as_f64().unwrap(), number);
    lab.check(
        &["predict", student, "rows.csv", "--probs"],
        3,
        ["E0104]: `--probs` is set, and the model predicts numbers", student, "leave it out"],
    );

    let eval = lab.ok(&["eval", student, "--data", "houses.csv", "--tables", "tables"]).stdout;
    assert!(eval.contains("RMSE") && eval.ends_with("of the variance explained\n"), "{eval}");
    let written = fs::read(lab.path("tables/predictions.csv")).unwrap();
    assert_eq!(written, fs::read(lab.path("runs/houses-001/eval/student-seed1/predictions.csv")).unwrap());
    lab.check(
        &["eval", student, "--data", "houses.csv", "--min-r2", "0.99999"],
        1,
        ["E0701]: R² is 0.9", student, "a bound that can be met"],
    );
    let compared = lab.ok(&["compare", "runs/houses-001/eval/baseline-seed1", "runs/houses-001/eval/student-seed1"]);
    assert!(compared.stdout.contains("R² of a"), "{}", compared.stdout);
    let report = fs::read_to_string(lab.path("runs/houses-001/report.html")).unwrap();
    assert!(report.contains("Predictions of the student distilled") && !report.contains("Confusion"));
    let inspected = lab.ok(&["inspect", student]).stdout;
    assert!(inspected.contains("predicts  price"), "{inspected}");
}

#[test]
fn a_run_of_numbers_that_was_stopped_ends_with_the_same_bits() {
    let lab = Lab::new();
    lab.write("houses.csv", houses());
    lab.write("houses.toml", RECIPE);
    lab.ok(&["run", "houses.toml", "checkpoint.every_steps=50", "-q", "--threads", "1"]);
    let weights = |run: &str| fs::read(lab.path(run).join("weights/student-seed1.safetensors")).unwrap();
    lab.ok(&["run", "houses.toml", "checkpoint.every_steps=50", "-q", "--threads", "3"]);
    assert_eq!(weights("runs/houses-001"), weights("runs/houses-002"));
    // As if it had ended in the middle of the student.
    for (name, role) in [("student-seed1", "student"), ("baseline-seed1", "baseline")] {
        fs::remove_file(lab.path("runs/houses-002/weights").join(format!("{name}.safetensors"))).unwrap();
        let mut found = result(&lab, "runs/houses-002");
        let models = found["models"].as_array_mut().unwrap();
        models.retain(|model| model["role"] != role);
        fs::write(lab.path("runs/houses-002/result.json"), found.to_string()).unwrap();
    }
    let status = fs::read_to_string(lab.path("runs/houses-002/run.toml")).unwrap();
    lab.write("runs/houses-002/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    lab.ok(&["run", "--resume", "runs/houses-002", "-q"]);
    assert_eq!(weights("runs/houses-001"), weights("runs/houses-002"));
}

#[test]
fn tables_of_numbers_teach_and_those_in_another_unit_do_not() {
    let lab = Lab::new();
    let table = houses();
    let (header, rows) = table.split_once('\n').unwrap();
    let (train, test): (Vec<_>, Vec<_>) = rows.lines().enumerate().partition(|(at, _)| at % 4 != 0);
    for folder in ["houses", "answers"] {
        fs::create_dir_all(lab.path(folder)).unwrap();
    }
    let text = |rows: &[(usize, &str)]| rows.iter().map(|(_, row)| format!("{row}\n")).collect::<String>();
    lab.write("houses/train.csv", format!("{header}\n{}", text(&train)));
    lab.write("houses/test.csv", format!("{header}\n{}", text(&test)));
    let answers = |scale: f64| {
        for (name, rows) in [("train", &train), ("test", &test)] {
            let price = |row: &str| row.split(',').nth(1).unwrap().parse::<f64>().unwrap() * scale;
            let column: String = rows.iter().map(|(_, row)| format!("{}\n", price(row))).collect();
            lab.write(&format!("answers/{name}.csv"), format!("prediction\n{column}"));
        }
    };
    lab.write(
        "houses.toml",
        RECIPE.replace("houses.csv", "houses").replace("model = { hidden = [32] }", "weights = \"answers\""),
    );
    answers(1.0);
    let checked = lab.ok(&["check", "houses.toml"]).stdout;
    assert!(checked.contains("ok    teacher accuracy  R² 1.0000 on "), "{checked}");
    lab.ok(&["run", "houses.toml", "-q", "kd.method=teacher-bounded", "kd.margin=0.01"]);
    assert!(result(&lab, "runs/houses-001")["models"][2]["test_numbers"]["r2"].as_f64().unwrap() > 0.9);
    // Whoever asks once keeps numbers as they are.
    lab.check(
        &["teach", "houses.toml", "--store", "f16"],
        3,
        ["E0104]: numbers to predict cannot be kept as f16", "--store", "--store f32"],
    );
    lab.ok(&["teach", "houses.toml", "-o", "cache", "-q"]);
    lab.ok(&["check", "houses.toml", "kd.cache=cache"]);
    answers(0.001);
    let refused = lab.distill(&["check", "houses.toml"]);
    let expected = "its numbers for `price` are in another unit: times 1000.0 and plus ";
    let shown = refused.stdout + &refused.stderr;
    assert!(refused.code == Some(5) && shown.contains(expected), "{shown}");
    // What it says of going on is true.
    let (_, setting) = shown.rsplit_once("set `teacher.").unwrap();
    let (setting, _) = setting.split_once('`').unwrap();
    lab.ok(&["check", "houses.toml", &format!("teacher.{}", setting.replace(' ', ""))]);
}

#[test]
fn regressors_of_other_programs_are_asked_and_compared() {
    let lab = Lab::new();
    lab.write("houses.csv", houses());
    lab.write("houses.toml", RECIPE);
    lab.ok(&["run", "houses.toml", "-q", "train.epochs=20"]);
    let student = "runs/houses-001/weights/student-seed1.safetensors";
    lab.ok(&["export", student, "--to", "s.onnx"]);
    let same = lab.ok(&["eval", student, "--data", "houses.csv", "--teacher", "s.onnx"]).stdout;
    assert!(same.contains("agreement 1.0000 with the teacher"), "{same}");
    lab.write("rows.csv", "rooms,kind,age\n0.5,flat,0.25\n");
    let ask = |model: &str, told: &[&str]| lab.ok(&[&["predict", model, "rows.csv"], told].concat()).stdout;
    assert!(ask(student, &[]).starts_with("id,price\n0,"));
    let forest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/regressors/forest.onnx");
    let golden: Value = serde_json::from_slice(&fs::read(forest.replace(".onnx", ".json")).unwrap()).unwrap();
    let cells: Vec<String> = golden["inputs"][0].as_array().unwrap().iter().map(ToString::to_string).collect();
    lab.write("rows.csv", cells.join(",") + "\n");
    let answer = ask(forest, &["--onnx", "numbers=true", "--onnx", "classes=[\"price\"]"]);
    let expected = golden["numbers"][0][0].as_f64().unwrap();
    let actual: f64 = answer.strip_prefix("id,price\n0,").unwrap().trim().parse().unwrap();
    assert!((actual - expected).abs() <= 1e-5 * expected.abs(), "{actual} {expected}");
    let missing = lab.distill(&["predict", forest, "rows.csv"]).stderr;
    assert!(missing.contains("`--onnx numbers=true`"), "{missing}");
}

#[test]
fn one_more_number_among_few_is_no_number_to_predict() {
    let lab = Lab::new();
    let rows: String = (0..40).map(|i| format!("{i},{}\n", i % 3)).collect();
    fs::create_dir_all(lab.path("few")).unwrap();
    lab.write("few/train.csv", format!("x,label\n{rows}"));
    lab.write("few/test.csv", "x,label\n1,0\n2,3\n");
    let refused = lab.distill(&["new", "few", "--data", "few"]);
    assert!(refused.code == Some(4) && refused.stderr.contains("has the class `3`"), "{}", refused.stderr);
}

#[test]
fn a_new_recipe_for_a_table_of_numbers_predicts_them() {
    let lab = Lab::new();
    // The last column, and one that is called target, whatever stands last.
    let table = houses();
    let last = table.lines().map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{},{},{},{}\n", cells[0], cells[2], cells[3], cells[1])
    });
    lab.write("last.csv", last.collect::<String>());
    lab.write("named.csv", houses().replace("price", "target"));
    for (name, column) in [("last", "price"), ("named", "target")] {
        let made = lab.ok(&["new", name, "--data", &format!("{name}.csv")]);
        assert!(made.stderr.contains(&format!("predict   column `{column}`")), "{}", made.stderr);
        let recipe = fs::read_to_string(lab.path(&format!("{name}.toml"))).unwrap();
        assert!(recipe.contains(&format!("targets = [\"{column}\"]")), "{recipe}");
        lab.ok(&["check", &format!("{name}.toml")]);
    }
    lab.ok(&["run", "last.toml", "-q", "train.epochs=10", "teacher.train.epochs=10"]);
}

#[test]
fn sweeps_rank_by_what_is_explained_and_vary_no_column() {
    let lab = Lab::new();
    lab.write("houses.csv", houses());
    lab.write("houses.toml", RECIPE);
    let sweep = lab.ok(&["sweep", "houses.toml", "--set", "train.epochs=2,40"]).stdout;
    assert!(sweep.contains("val R²") && sweep.contains("best  train.epochs=40"), "{sweep}");
    let table = fs::read_to_string(lab.path("runs/houses-sweep-001/sweep.csv")).unwrap();
    assert!(table.lines().next().unwrap().contains(",validation_r2_mean,validation_r2_sd,"), "{table}");
    lab.check(
        &["sweep", "houses.toml", "--set", "data.columns.pieces=4,8"],
        3,
        ["E0104]: ", "--set data.columns", "set it for all trials"],
    );
}

#[test]
fn what_is_no_number_and_what_needs_classes_is_refused() {
    let lab = Lab::new();
    lab.write("houses.csv", houses());
    lab.write("houses.toml", RECIPE);
    lab.check(
        &["check", "houses.toml", "kd.temperature=2.0"],
        3,
        [
            "E0104]: kd.temperature is set, but the data has numbers to predict",
            "kd.temperature",
            "leave one of them out",
        ],
    );
    let expected = ["E0205]: houses.csv has no column `prices`", "targets", "names of the table's columns"];
    lab.check(&["check", "houses.toml", "data.columns={ targets = [\"prices\"] }"], 4, expected);
    lab.write("houses.csv", houses() + "0.5,,flat,0.5\n");
    let refused = lab.distill(&["check", "houses.toml"]).stderr;
    assert!(refused.contains("column `price` is empty, not a finite number, and it is to be predicted"), "{refused}");
}

#[test]
fn arrays_have_numbers_to_predict_too() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("sums")).unwrap();
    for (name, n) in [("train", 200_u32), ("test", 50)] {
        let x = |i: u32| [f64::from(i * 37 % 101) / 50.0 - 1.0, f64::from(i * 53 % 97) / 48.0 - 1.0].map(|x| x as f32);
        let bytes = |values: Vec<f32>| values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
        let inputs = bytes((0..n).flat_map(x).collect());
        let numbers = bytes((0..n).map(x).map(|[a, b]| 3.0 * a - b + 100.0).collect());
        lab.write(&format!("sums/x_{name}.npy"), npy("<f4", &format!("({n}, 2)"), &inputs));
        lab.write(&format!("sums/y_{name}.npy"), npy("<f4", &format!("({n},)"), &numbers));
    }
    lab.write("sums.toml", RECIPE.replace("houses.csv", "sums").replace("price", "sum"));
    lab.ok(&["run", "sums.toml", "-q", "name=sums"]);
    let found = result(&lab, "runs/sums-001");
    assert!(found["models"][2]["test_numbers"]["r2"].as_f64().unwrap() > 0.9, "{found}");
    // The student's file says what it predicts.
    let eval = lab.ok(&["eval", "runs/sums-001/weights/student-seed1.safetensors", "--data", "sums"]).stdout;
    assert!(eval.contains("\nsum "), "{eval}");
    let unnamed = RECIPE.replace("houses.csv", "sums").replace("columns = { targets = [\"price\"] }\n", "");
    lab.write("unnamed.toml", unnamed);
    let refused = lab.distill(&["check", "unnamed.toml"]).stderr;
    assert!(refused.contains("name numbers to predict in `data.columns.targets`"), "{refused}");
}
