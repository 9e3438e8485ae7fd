//! The tour of the README, command by command, on data that takes no time.

use std::path::Path;

use crate::lab::Lab;

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let tour = readme.split("## A tour").nth(1).unwrap().split("```sh").nth(1).unwrap().split("```").next().unwrap();
    let lab = Lab::new();
    std::fs::create_dir(lab.path("docs")).unwrap();
    lab.write("docs/digits.csv", format!("id,{}\nfirst{}\n", vec!["x"; 16].join(","), ",0.5".repeat(16)));
    let mut n_commands = 0;
    for line in tour.lines().filter(|line| !line.is_empty()) {
        let command: Vec<&str> = line.split(" #").next().unwrap().split_whitespace().collect();
        let ran = lab.distill(&command[1..]);
        assert_eq!((command[0], ran.code), ("distill", Some(0)), "{line}\n{}", ran.stderr);
        n_commands += 1;
        // The recipe as it is written trains on MNIST for half a minute.
        if command[1] == "new" {
            let recipe = String::from_utf8(lab.read("digits.toml")).unwrap();
            let small = [
                ("source = \"mnist\"", "source = \"data\""),
                ("validation = 5000", "validation = 20"),
                ("hidden = [800, 800]", "hidden = [8]"),
                ("hidden = [200]", "hidden = [4]"),
                ("shift = 2", "shift = 0"),
                ("batch = 256", "batch = 8"),
            ];
            let recipe = small.iter().fold(recipe, |text, (from, to)| {
                assert!(text.contains(from), "{from}");
                text.replacen(from, to, 1)
            });
            lab.write("digits.toml", recipe);
        }
    }
    assert!(n_commands >= 9, "{n_commands}");
    for file in ["report.html", "report.md", "result.json", "weights/student-seed1.safetensors"] {
        assert!(lab.path("runs/digits-001").join(file).exists(), "{file}");
    }
    assert!(lab.path("runs/digits-sweep-001/sweep.csv").exists());
}
