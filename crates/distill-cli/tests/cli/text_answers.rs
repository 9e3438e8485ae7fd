//! What a language model says of texts: data and answers in JSON Lines, in any order, and texts without classes.

use serde_json::json;

use crate::lab::Lab;

const RECIPE: &str = r#"
[data]
source = "questions.jsonl"
columns = { text = "question" }
unlabelled = "made.jsonl"
text = { n_gram = 3, buckets = 500 }

[teacher]
weights = "answers.jsonl"

[student]
model = { hidden = [8], embedding = { buckets = 500 } }

[train]
epochs = 60
batch = 8
optimizer = { kind = "adamw", lr = 0.02 }
"#;

const ABOUT: [(&str, &str); 3] = [("time", "what time is it"), ("rain", "will it rain"), ("song", "play a song")];

fn lines(rows: impl Iterator<Item = serde_json::Value>) -> String {
    rows.map(|row| format!("{row}\n")).collect()
}

/// Five questions of each class to train on, two to test, four without a class, and answers that are last to first.
fn lab() -> Lab {
    let lab = Lab::new();
    let begin = ["please", "now", "hey you", "quick", "well", "say", "tell me"];
    let rows: Vec<(String, &str, usize)> = (begin.iter().enumerate())
        .flat_map(|(i, begin)| ABOUT.map(|(class, about)| (format!("{begin}, {about}"), class, i)))
        .collect();
    let made: Vec<(String, &str)> = (["sir", "madam", "friend", "boy"].iter())
        .flat_map(|end| ABOUT.map(|(class, about)| (format!("{about} {end}"), class)))
        .collect();
    let split = |i: usize| if i < 5 { "train" } else { "test" };
    lab.write(
        "questions.jsonl",
        lines(rows.iter().map(
            |(text, class, i)| json!({ "question": text, "label": class, "split": split(*i), "by": { "name": "x" } }),
        )),
    );
    lab.write("made.jsonl", lines(made.iter().map(|(text, _)| json!({ "question": format!(" {text}") }))));
    let answers =
        rows.iter().map(|(text, class, _)| (text, *class)).chain(made.iter().map(|(text, class)| (text, *class)));
    let answers: Vec<_> =
        answers.map(|(text, class)| json!({ "question": text, "probabilities": { class: 0.9 } })).collect();
    lab.write("answers.jsonl", lines(answers.into_iter().rev()));
    lab.write("q.toml", RECIPE);
    lab
}

#[test]
fn answers_beside_their_texts_teach_a_student() {
    let lab = lab();
    let checked = lab.ok(&["check", "q.toml"]).stdout;
    assert!(checked.contains("15 train, 0 validation, 6 test, 12 without labels"), "{checked}");
    assert!(checked.contains("table of 33 answers (probabilities, taken as logarithms)"), "{checked}");
    assert!(checked.contains("teacher accuracy  100.00 % of 6 test examples"), "{checked}");
    lab.ok(&["run", "q.toml", "-q"]);
    // Each of the two classes that are not named has a half of the rest.
    let expected = -(0.9_f64.ln());
    let result = lab.json("runs/q-001/result.json");
    let teacher = result["models"].as_array().unwrap().iter().find(|model| model["role"] == "teacher").unwrap();
    assert!((teacher["test_nll"].as_f64().unwrap() - expected).abs() < 1e-5, "{teacher}");
    let student = "runs/q-001/weights/student-seed1.safetensors";
    let eval = lab.ok(&["eval", student, "--data", "questions.jsonl"]).stdout;
    assert!(eval.contains(", 0 errors"), "{eval}");
    // The student has learned from the questions without classes, and one that has not is another.
    lab.write("none.toml", RECIPE.replace("unlabelled = \"made.jsonl\"\n", ""));
    lab.ok(&["run", "none.toml", "-q"]);
    assert_ne!(lab.read(student), lab.read("runs/none-001/weights/student-seed1.safetensors"));
    // The same answers as a table with a column for each class.
    let table: String = (String::from_utf8(lab.read("answers.jsonl")).unwrap().lines())
        .map(|line| {
            let answer: serde_json::Value = serde_json::from_str(line).unwrap();
            let p = |class| answer["probabilities"][class].as_f64().unwrap_or(0.05);
            format!("\"{}\",{},{},{}\n", answer["question"].as_str().unwrap(), p("time"), p("song"), p("rain"))
        })
        .collect();
    lab.write("answers.ndjson", lab.read("answers.jsonl"));
    lab.ok(&["check", "q.toml", "teacher.weights=answers.ndjson"]);
    lab.write("answers.csv", format!("question,time,song,rain\n{table}"));
    let checked = lab.ok(&["check", "q.toml", "teacher.weights=answers.csv"]).stdout;
    assert!(checked.contains("table of 33 answers"), "{checked}");
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let lab = lab();
    let answers = String::from_utf8(lab.read("answers.jsonl")).unwrap();
    lab.write(
        "answers.jsonl",
        answers.replacen("{\"probabilities\":{\"song\":0.9},\"question\":\"play a song boy\"}\n", "", 1),
    );
    let expected = [
        "E0306]: the teacher has not answered 1 of 12 texts of the unlabelled set",
        "answers.jsonl",
        "add its answers",
    ];
    lab.check(&["run", "q.toml"], 5, expected);
    lab.write("answers.jsonl", answers.replacen("\"song\"", "\"tune\"", 1));
    lab.check(
        &["run", "q.toml"],
        4,
        ["E0204]: answers.jsonl has the class `tune` in line 1", "answers.jsonl", "classes.txt"],
    );
    lab.write("answers.jsonl", answers.replacen("0.9", "1.9", 1));
    lab.check(
        &["run", "q.toml"],
        4,
        ["E0401]: answers.jsonl cannot be used: line 1: the probability of `song` is 1.9", "answers.jsonl", ""],
    );
    lab.write("answers.jsonl", &answers[..answers.len() - 20]);
    lab.check(
        &["run", "q.toml"],
        4,
        ["E0401]: answers.jsonl cannot be used: line 33: EOF while parsing", "answers.jsonl", ""],
    );
    lab.write("answers.jsonl", answers);
    lab.check(
        &["run", "q.toml", "teacher.probabilities=false"],
        3,
        ["E0104]: answers beside their texts are probabilities, not logits", "teacher.probabilities", "leave it out"],
    );
    lab.check(
        &["eval", "answers.jsonl", "--data", "questions.jsonl"],
        5,
        ["E0402]: this is a table, not a model", "answers.jsonl", ""],
    );
    lab.check(
        &["run", "q.toml", "data.unlabelled=questions.csv"],
        4,
        ["E0201]: cannot read questions.csv", "questions.csv", "check the path"],
    );
    // Without a column of text nothing says which answer is which.
    lab.write("numbers.csv", "x,label\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n7,a\n8,b\n9,a\n10,b\n");
    lab.write("numbers.toml", "[data]\nsource = \"numbers.csv\"\n[teacher]\nweights = \"answers.jsonl\"\n[student]\nmodel = { hidden = [4] }\n");
    lab.check(&["run", "numbers.toml"], 5, ["E0402]: this is a table, not a model", "answers.jsonl", "folder"]);
}

#[test]
fn new_finds_the_column_with_texts() {
    let lab = lab();
    lab.ok(&["new", "q2", "--data", "questions.jsonl", "--teacher", "answers.jsonl"]);
    let recipe = String::from_utf8(lab.read("q2.toml")).unwrap();
    assert!(recipe.contains("columns = { text = \"question\" }\n"), "{recipe}");
    lab.ok(&["check", "q2.toml"]);
    // A table of numbers and categories has none.
    lab.write("t.csv", format!("size,colour,label\n{}", "1,dark red wine,a\n2,light blue sky,b\n".repeat(20)));
    lab.ok(&["new", "t", "--data", "t.csv"]);
    let recipe = String::from_utf8(lab.read("t.toml")).unwrap();
    assert!(!recipe.contains("\ncolumns = { text"), "{recipe}");
}

#[test]
fn the_study_of_intents_says_what_is_out_of_scope() {
    let lab = lab();
    std::fs::create_dir(lab.path("q")).unwrap();
    let all = String::from_utf8(lab.read("questions.jsonl")).unwrap();
    let rows = |split: &str| -> String {
        let rows = all.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let row = |row: serde_json::Value| {
            format!("\"{}\",{}\n", row["question"].as_str().unwrap(), row["label"].as_str().unwrap())
        };
        rows.filter(|row| row["split"] == split).map(row).collect()
    };
    for (name, rows) in [("train", rows("train")), ("test", rows("test"))] {
        lab.write(&format!("q/{name}.csv"), format!("text,label\n{rows}"));
    }
    let outside = ["how tall is it", "call my mother", "zzz"];
    lab.write("q/outside.csv", format!("text,label\n{}", outside.map(|text| format!("{text},oos\n")).concat()));
    let answers = String::from_utf8(lab.read("answers.jsonl")).unwrap().replace("question", "text");
    let unsure =
        outside.map(|text| format!("{}\n", json!({ "text": text, "probabilities": { "time": 0.4, "rain": 0.3 } })));
    lab.write("q/answers.jsonl", answers + &unsure.concat());
    lab.write("q/made.jsonl", String::from_utf8(lab.read("made.jsonl")).unwrap().replace("question", "text"));
    let study = |more: &[&str]| {
        let small =
            ["data.source=q", "data.unlabelled=q/made.jsonl", "seeds=[1, 2]", "train.epochs=30", "train.batch=8"];
        let model = ["data.text.buckets=300", "student.model={ hidden = [8], embedding = { buckets = 300 } }", "-q"];
        [&["reproduce", "clinc150", "--write", "results"][..], more, &small, &model]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    std::fs::create_dir(lab.path("results")).unwrap();
    let args = study(&["teacher.weights=q/answers.jsonl"]);
    lab.ok(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let page = String::from_utf8(lab.read("results/clinc150.md")).unwrap();
    // All that it was sure of has 0.9, and all else 0.4.
    assert!(page.contains("| AUROC for questions of no intent: the teacher |  | 1.0000 |"), "{page}");
    assert!(
        page.contains("| the teacher: test accuracy |  | 100.00 % |") && page.contains("| labels alone | 100.00"),
        "{page}"
    );
    assert!(page.contains("15 questions have intents, 12 have none"), "{page}");
}
