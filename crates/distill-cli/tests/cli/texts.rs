//! Texts in tables through the whole program: as bytes for a network that reads sequences, and as n-grams for an embedding.

use std::fs;

use crate::lab::{Lab, hashes};

const RECIPE: &str = r#"
name = "questions"

[data]
source = "questions"
columns = { text = "question" }
text = { features = "bytes", length = 24 }

[teacher]
model = { kind = "text-cnn", dims = 8, widths = [2, 3], filters = 12 }
train = { epochs = 20, batch = 8 }

[student]
model = { kind = "text-cnn", dims = 6, widths = [3], filters = 8, dropout = 0.1 }

[train]
epochs = 20
batch = 8
optimizer = { kind = "adamw", lr = 0.02 }
"#;

/// Questions about three things, with commas and quotes.
fn lab() -> Lab {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("questions")).unwrap();
    let table = |n: usize, more: &str| {
        let mut table = "number,question,label\n".to_owned();
        for i in 0..n {
            for (class, about) in [("time", "what time is it"), ("rain", "will it rain"), ("song", "play a song")] {
                table += &format!("{i},\"{}, {about}{more}\",{class}\n", ["please", "now", "hey \"\"you\"\""][i % 3]);
            }
        }
        table
    };
    lab.write("questions/train.csv", table(20, ""));
    lab.write("questions/test.csv", table(6, "?"));
    lab.write("text.toml", RECIPE);
    lab
}

#[test]
fn a_student_of_bytes_is_distilled_kept_and_used() {
    let lab = lab();
    let checked = lab.ok(&["check", "text.toml"]);
    let expected = "text-cnn 6-8x3-3, 1,721 parameters, 0.0 million multiplications and 331 activations an input";
    assert!(checked.stdout.contains(expected), "{}", checked.stdout);

    lab.ok(&["run", "text.toml", "-q", "--threads", "1"]);
    lab.ok(&["run", "text.toml", "-q", "--threads", "2"]);
    assert_eq!(hashes(&lab, "runs/questions-001"), hashes(&lab, "runs/questions-002"));
    let student = "runs/questions-001/weights/student-seed1.safetensors";
    let eval = lab.ok(&["eval", student, "--data", "questions"]);
    assert!(eval.stdout.contains(", 0 errors"), "{}", eval.stdout);
    // What is none of the three things makes it less sure, and the test itself is as sure as the test.
    lab.write("other.csv", "question\nhow tall is it\n\"zzz, zzz\"\ncall my mother\n");
    lab.write("same.csv", fs::read_to_string(lab.path("questions/test.csv")).unwrap());
    for (file, rows, expected) in [("other.csv", 3, 0.9..=1.0), ("same.csv", 18, 0.5..=0.5)] {
        let args = ["eval", student, "--data", "questions", "--out-of-scope", file, "--json"];
        let outside = lab.ok(&args).events().last().unwrap()["out_of_scope"].clone();
        assert!(outside["examples"] == rows && expected.contains(&outside["auroc"].as_f64().unwrap()), "{outside}");
    }
    let shown = lab.ok(&["eval", student, "--data", "questions", "--out-of-scope", "other.csv"]).stdout;
    assert!(shown.contains("\noutside   3 rows out of scope: AUROC "), "{shown}");
    lab.write("none.csv", "question\n");
    let args = ["eval", student, "--data", "questions", "--out-of-scope", "none.csv"];
    lab.check(&args, 4, ["E0206]: there is no row out of scope", "none.csv", "a file with rows"]);
    let seen = lab.ok(&["inspect", student]);
    assert!(seen.stdout.contains("conv.0.weight") && seen.stdout.contains("257x6"), "{}", seen.stdout);
    let recipe = lab.ok(&["inspect", "text.toml"]);
    assert!(recipe.stdout.contains("a network of kind text-cnn"), "{}", recipe.stdout);

    // Texts in both forms, with names and without; a key that the model does not read stays beside.
    lab.write("rows.csv", "id,question,label\na7,\"now, play a song\",x\nb8,will it rain?,y\n");
    lab.write("rows.jsonl", "{\"id\": \"a7\", \"question\": \"now, play a song\", \"label\": 3}\n\"will it rain?\"\n");
    for (file, names) in [("rows.csv", ["a7", "b8"]), ("rows.jsonl", ["a7", "1"])] {
        let answers = lab.ok(&["predict", student, file]).stdout;
        let rows: Vec<Vec<&str>> = answers.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert_eq!((rows[0][0], rows[1][0], rows.len()), (names[0], names[1], 2), "{answers}");
        assert!(rows[0].contains(&"song") && rows[1].contains(&"rain"), "{answers}");
    }
    lab.write("rows.csv", "id,text\n1,will it rain?\n");
    lab.check(&["predict", student, "rows.csv"], 4, ["E0206]: there is no column `question`", "rows.csv:1", "call"]);
    lab.write("rows.jsonl", "{\"question\": 5}\n");
    lab.check(&["predict", student, "rows.jsonl"], 4, ["E0206]", "rows.jsonl:1", "\"question\""]);

    for file in ["student.onnx", "student.npz"] {
        lab.ok(&["export", student, "--to", file]);
    }
    // It teaches from its file, and a student begins with its weights.
    let of_file = format!("teacher.weights={student}");
    lab.ok(&["run", "text.toml", "-q", &of_file, "train.epochs=1"]);
    lab.ok(&["run", "text.toml", "-q", "student.weights=runs/questions-001", "train.epochs=1"]);
}

#[test]
fn the_same_texts_are_n_grams_for_an_embedding() {
    let lab = lab();
    let model = "{ hidden = [8], embedding = { buckets = 500 } }";
    let set = ["data.text={ n_gram = 3, buckets = 500 }", "student.model=", "teacher.model="];
    let (student, teacher) = (format!("{}{model}", set[1]), format!("{}{model}", set[2]));
    lab.ok(&["run", "text.toml", "-q", set[0], &student, &teacher]);
    let weights = "runs/questions-001/weights/student-seed1.safetensors";
    let eval = lab.ok(&["eval", weights, "--data", "questions"]);
    assert!(eval.stdout.contains(", 0 errors"), "{}", eval.stdout);
    lab.write("rows.jsonl", "{\"question\": \"play a song\"}\n");
    let answers = lab.ok(&["predict", weights, "rows.jsonl"]).stdout;
    assert!(answers.contains("song"), "{answers}");
}

#[test]
fn snippets_are_bytes_too() {
    let lab = Lab::new();
    let text = "{ features = \"bytes\", characters = 8, train = 500, validation = 0, test = 200 }";
    let recipe = RECIPE
        .replace("\"questions\"\ncolumns", "\"udhr\"\n#")
        .replace("{ features = \"bytes\", length = 24 }", text)
        .replace("epochs = 20", "epochs = 1")
        .replace("[teacher]", "[teacher]\nmin_accuracy = 0.0");
    lab.write("text.toml", recipe);
    let checked = lab.ok(&["check", "text.toml"]);
    assert!(checked.stdout.contains("text-cnn 6-8x3-420"), "{}", checked.stdout);
}

#[test]
fn texts_and_models_that_do_not_fit_are_refused() {
    let lab = lab();
    let refused = |from: &str, to: &str, expected: [&str; 3]| {
        assert!(RECIPE.contains(from));
        lab.write("bad.toml", RECIPE.replace(from, to));
        lab.check(&["check", "bad.toml"], 3, expected);
    };
    let student = "{ kind = \"text-cnn\", dims = 6, widths = [3], filters = 8, dropout = 0.1 }";
    let model = |to: &str, expected| refused(student, to, expected);
    model("{ kind = \"text-cnn\", widths = [] }", ["E0104]: student.model.widths has 0 widths", "bad.toml:14", ""]);
    model(
        "{ kind = \"text-cnn\", widths = [3, 25] }",
        ["E0104]: `widths` has a width of 25, but an example has 24 tokens", "bad.toml:14", "data.text"],
    );
    model(
        "{ kind = \"text-cnn\", tokens = 200 }",
        ["E0104]: a table of 200 tokens for inputs of 257", "bad.toml:14", "tokens = 257"],
    );
    model(
        "{ kind = \"text-cnn\", hidden = [3] }",
        ["E0103]: student.model: a model of kind \"text-cnn\" has no key `hidden`", "bad.toml:14", ""],
    );
    model("{ hidden = [3] }", ["E0104]: the inputs of `questions` are bytes", "bad.toml:14", "text-cnn"]);
    let n_grams = "{ features = \"n-grams\" }";
    let bytes = "{ features = \"bytes\", length = 24 }";
    refused(bytes, n_grams, ["E0104]: the inputs of `questions` are bucket indices", "bad.toml", "bytes"]);
    refused(
        bytes,
        "{ features = \"bytes\", length = 0 }",
        ["E0104]: data.text.length must be at least 1", "bad.toml:7", ""],
    );
    refused(
        bytes,
        "{ features = \"bytes\", characters = 5 }",
        ["E0104]: `data.text.characters` has no meaning for `questions`", "bad.toml:7", ""],
    );
    refused(
        "{ text = \"question\" }",
        "{ text = \"question\", ignore = [\"number\"] }",
        ["E0104]: data.columns.ignore is set, and `columns.text` too", "bad.toml:6", ""],
    );
    refused(
        "columns = { text = \"question\" }",
        "",
        ["E0104]: `data.text` has no meaning for `questions`", "bad.toml", "leave it out"],
    );
    refused(
        "optimizer = {",
        "augment = { mixup = 0.2 }\noptimizer = {",
        ["E0104]: train.augment.mixup is set, but `student.model` has an embedding", "", ""],
    );
}
