//! One table in place of a folder, through the whole program.

use std::fs;

use crate::lab::Lab;

const RECIPE: &str = r#"
name = "people"

[data]
source = "people.csv"

[teacher]
model = { hidden = [16] }
train = { epochs = 30, batch = 16 }

[student]
model = { hidden = [4] }

[train]
epochs = 30
batch = 16
"#;

/// Whether a point lies right of a line. In every fifth row it is told wrongly, and that row is for the test.
fn people(column: &str) -> String {
    let mut table = format!("x,y,{column}label\n");
    for i in 0..200 {
        let (x, y) = (f64::from(i * 37 % 101) / 50.0 - 1.0, f64::from(i * 53 % 97) / 48.0 - 1.0);
        let test = i % 5 == 0;
        let set = match (column.is_empty(), test) {
            (true, _) => "",
            (false, true) => "test,",
            (false, false) => "train,",
        };
        let class = if (x + y > 0.0) == (test && !column.is_empty()) { "left" } else { "right" };
        table += &format!("{x},{y},{set}{class}\n");
    }
    table
}

#[test]
fn a_column_divides_the_rows_of_a_table() {
    let lab = Lab::new();
    lab.write("people.csv", people("part,"));
    lab.write("people.toml", RECIPE);
    let set = "data.columns={ split = \"part\" }";
    let checked = lab.ok(&["check", "people.toml", set]);
    assert!(checked.stdout.contains("160 train") && checked.stdout.contains("40 test"), "{}", checked.stdout);
    lab.ok(&["run", "people.toml", set, "-q"]);
    // The test rows are told wrongly, so that a model which tests well has seen others than these.
    let student = "runs/people-001/weights/student-seed1.safetensors";
    let eval = lab.ok(&["eval", student, "--data", "people.csv"]);
    let errors: usize =
        eval.stdout.split(" errors").next().unwrap().rsplit([' ', '\n']).next().unwrap().parse().unwrap();
    assert!(eval.stdout.contains("40") && errors > 30, "{}", eval.stdout);
    // The column is no input, so rows to predict need none.
    lab.write("rows.csv", "y,x\n0.5,0.5\n-0.5,-0.5\n");
    let answers = lab.ok(&["predict", student, "rows.csv"]).stdout;
    assert_eq!(
        answers.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect::<Vec<_>>(),
        ["right", "left"]
    );

    let unknown = ["check", "people.toml", "data.columns={ split = \"set\" }"];
    lab.check(
        &unknown,
        4,
        ["E0205]: people.csv has no column `set`", "split = \"set\"", "names of the table's columns"],
    );
    let numbers = lab.distill(&["check", "people.toml", "data.columns={ split = \"x\" }"]);
    let expected =
        "people.csv cannot be used: line 2: column `x` has `-1`, which is none of `train`, `validation` and `test`";
    assert!(numbers.code == Some(4) && numbers.stderr.contains(expected), "{}", numbers.stderr);
}

#[test]
fn a_share_of_each_class_is_held_out() {
    let lab = Lab::new();
    lab.write("people.csv", people(""));
    lab.write("people.toml", RECIPE);
    let checked = lab.ok(&["check", "people.toml"]);
    assert!(checked.stdout.contains("160 train") && checked.stdout.contains("40 test"), "{}", checked.stdout);
    let half = "data.columns={ test = 0.5 }";
    lab.ok(&["run", "people.toml", half, "-q"]);
    let student = "runs/people-001/weights/student-seed1.safetensors";
    let eval = lab.ok(&["eval", student, "--data", "people.csv"]);
    assert!(eval.stdout.contains("100"), "{}", eval.stdout);
    // A new recipe for the file.
    lab.ok(&["new", "mine.toml", "--data", "people.csv"]);
    lab.ok(&["check", "mine.toml"]);

    let all = ["check", "people.toml", "data.columns={ test = 1.0 }"];
    lab.check(
        &all,
        3,
        ["E0104]: data.columns.test must be greater than 0 and less than 1", "test = 1.0", "test = 0.2"],
    );
    let both = ["check", "people.toml", "data.columns={ test = 0.5, split = \"part\" }"];
    lab.check(
        &both,
        3,
        ["E0104]: data.columns.test is set, and `columns.split` too", "split", "leave one of them out"],
    );
    fs::create_dir(lab.path("folder")).unwrap();
    lab.write("folder/train.csv", people(""));
    lab.write("folder/test.csv", people(""));
    let folder = lab.distill(&["check", "people.toml", "data.source=folder", half]);
    assert!(folder.code != Some(0) && folder.stderr.contains("a table for each set"), "{}", folder.stderr);
    lab.write("people.csv", "x,label\n1,a\n");
    let few = lab.distill(&["check", "people.toml"]);
    assert!(
        few.code == Some(4) && few.stderr.contains("people.csv has too few rows, 1, to hold some"),
        "{}",
        few.stderr
    );
}

/// The set of a row stands behind its class, which has a name of its own.
#[test]
fn the_last_column_but_the_set_is_guessed_as_the_class() {
    let lab = Lab::new();
    let rows: String =
        (0..60).map(|i| format!("{i}.5,{},{}\n", i % 2, if i % 3 == 0 { "test" } else { "train" })).collect();
    lab.write("people.csv", format!("x,side,split\n{rows}"));
    lab.ok(&["new", "mine.toml", "--data", "people.csv"]);
    let checked = lab.ok(&["check", "mine.toml"]);
    assert!(checked.stdout.contains("20 test"), "{}", checked.stdout);
    let recipe = String::from_utf8(lab.read("mine.toml")).unwrap();
    assert!(recipe.contains("label = \"side\""), "{recipe}");
}

#[test]
fn numbers_may_be_missing() {
    let lab = Lab::new();
    let gaps: String = people("")
        .lines()
        .enumerate()
        .map(|(i, line)| match line.split_once(',') {
            Some((_, rest)) if i > 0 && i % 7 == 0 => format!("?,{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    lab.write("people.csv", gaps);
    lab.write("people.toml", RECIPE);
    lab.ok(&["run", "people.toml", "-q"]);
    let student = "runs/people-001/weights/student-seed1.safetensors";
    lab.ok(&["eval", student, "--data", "people.csv"]);
    // In each form a row without `x` is the same row.
    lab.write("rows.csv", "y,x\n0.5,\n0.5,NA\n");
    let answers = lab.ok(&["predict", student, "rows.csv", "--probs"]).stdout;
    let probs: Vec<&str> = answers.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!(probs[0], probs[1], "{answers}");
    lab.write("rows.csv", "y,x\n,0.5\n");
    let expected = ["E0206]: column `y` is empty, not a finite number, and no training row lacks it", "rows.csv:2", ""];
    lab.check(&["predict", student, "rows.csv"], 4, expected);
}

#[test]
fn what_each_column_became_is_shown_and_stored() {
    let lab = Lab::new();
    let row = |i: u32| {
        let size = if i == 3 { String::new() } else { i.to_string() };
        let kind = ["new", "old"][i as usize % 2];
        format!("2024-01-{:02};{}.000,{}5;{kind};{size};{}\n", i + 1, i + 1, i % 7, ["up", "down"][usize::from(i > 9)])
    };
    let rows: String = (0..20).map(row).collect();
    lab.write("sales.csv", format!("sold;price;kind;size;gain\n{rows}"));
    lab.check(&["data", "sales.csv"], 4, ["E0401]: sales.csv has no column called label", "sales.csv", "set the key"]);
    let shown = lab.ok(&["data", "sales.csv", "data.columns.label=gain"]).stdout;
    for line in [
        "columns     sold   dates, as days since 1970",
        "            price  numbers with a decimal comma",
        "            kind   2 words: new, old",
        "            size   numbers, ",
        "inputs      6",
        "classes     2: down, up",
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line}\n{shown}");
    }
    let wrong = ["data", "sales.csv", "data.columns.label=profit"];
    lab.check(
        &wrong,
        4,
        ["E0205]: sales.csv has no column `profit`", "command line: data.columns", "names of the table's"],
    );

    // The student reads raw rows as it was trained on them, whatever the order of their columns is.
    let recipe = RECIPE.replace("people.csv\"", "sales.csv\"\ncolumns = { label = \"gain\" }");
    lab.write("sales.toml", recipe.replace("name = \"people\"", "name = \"sales\""));
    let checked = lab.ok(&["check", "sales.toml"]).stdout;
    assert!(!checked.contains("looks like the number"), "{checked}");
    lab.ok(&["run", "sales.toml", "-q"]);
    let student = "runs/sales-001/weights/student-seed1.safetensors";
    lab.write("rows.csv", "size;price;sold;kind\n2;3.000,25;2024-01-03;new\nNA;20.000,5;20.1.2024;other\n");
    assert_eq!(lab.ok(&["predict", student, "rows.csv"]).stdout.lines().count(), 3);
    lab.write("rows.csv", "size;price;sold;kind\n2;3000.25;2024-01-03;new\n");
    let refused = lab.distill(&["predict", student, "rows.csv"]).stderr;
    assert!(refused.contains("column `price` is `3000.25`, not a number with a decimal comma"), "{refused}");
}
