//! A study of a paper: all rows, done once, interrupted, done again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::events::Events;
use crate::lab::{Lab, Ran, idx};

/// Everything is small, and ten classes are there as in the paper.
const SMALL: [&str; 8] = [
    "data.source=ten",
    "data.validation=40",
    "seeds=[1, 2]",
    "teacher.model.hidden=[16]",
    "teacher.train.epochs=2",
    "teacher.train.batch=32",
    "train.epochs=1",
    "train.batch=32",
];

const SIDE: usize = 10;

pub(crate) fn lab() -> Lab {
    let lab = Lab::new();
    fs::create_dir(lab.path("ten")).unwrap();
    for (stem, n) in [("train", 500), ("t10k", 100)] {
        let pixel = |i: usize, j: usize| if j / SIDE == i % 10 { 200 } else { ((i * 37 + j * 101) % 60) as u8 };
        let pixels: Vec<u8> = (0..n * SIDE * SIDE).map(|at| pixel(at / (SIDE * SIDE), at % (SIDE * SIDE))).collect();
        let labels: Vec<u8> = (0..n).map(|i| (i % 10) as u8).collect();
        lab.write(&format!("ten/{stem}-images-idx3-ubyte"), idx(&[n, SIDE, SIDE], &pixels));
        lab.write(&format!("ten/{stem}-labels-idx1-ubyte"), idx(&[n], &labels));
    }
    lab
}

pub(crate) fn args<'a>(rows: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [&["reproduce", "hinton-2015"], rows, &SMALL, more].concat()
}

/// The hash of the weights of every model, by its key.
pub(crate) fn models(lab: &Lab, study: &str) -> BTreeMap<String, String> {
    let folder = lab.path(study).join("models");
    let model = |entry: fs::DirEntry| {
        let facts = fs::read(entry.path().join("model.json")).ok()?;
        let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
        let text = |key: &str| facts[key].as_str().unwrap().to_owned();
        Some((text("key"), text("weights_sha256")))
    };
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(model).collect()
}

fn trained(ran: &Ran) -> usize {
    ran.events().iter().filter(|event| event["event"] == "model_end").count()
}

#[test]
fn all_rows_are_done_once_and_shown_on_one_page() {
    let lab = lab();
    let first = lab.ok(&args(&[], &["--json", "--write", "results"]));
    let schema = Events::new(&lab);
    for event in first.events() {
        assert_eq!(schema.fault(&event), None, "{event}");
    }
    let n_models = models(&lab, "runs/hinton-2015").len();
    assert_eq!(trained(&first), n_models);
    // Who saw test errors while models are trained would choose by them.
    for event in first.events().iter().filter(|event| event["event"] == "model_end") {
        assert!(event["seconds"].is_f64() && event["test_errors"].is_null() && event["test_nll"].is_null(), "{event}");
    }
    let rows: Vec<_> = first.events().iter().filter(|event| event["event"] == "row_end").cloned().collect();
    let names: Vec<_> = rows.iter().map(|row| row["row"].as_str().unwrap()).collect();
    let listed = lab.ok(&["reproduce", "hinton-2015", "--list"]).stdout;
    assert_eq!(names, listed.lines().map(|line| line.split_whitespace().next().unwrap()).collect::<Vec<_>>());
    for row in &rows {
        assert_eq!(row["seeds"], serde_json::json!([1, 2]), "{row}");
        assert!(row["core_seconds"].as_f64().unwrap() > 0.0, "{row}");
        let numbers = row["compared"].as_array().unwrap();
        assert!(!numbers.is_empty() && !row["body"].as_str().unwrap().contains("NaN"), "{row}");
    }
    let page = String::from_utf8(lab.read("results/mnist.md")).unwrap();
    assert_eq!(page, String::from_utf8(lab.read("runs/hinton-2015/mnist.md")).unwrap());
    for row in &names {
        assert!(
            page.contains(&format!("| {row} | `distill reproduce hinton-2015 {row} data.source=ten ")),
            "{row}\n{page}"
        );
    }
    assert!(!page.contains("Not run") && !page.contains("NaN"), "{page}");
    for chart in ["temperature", "logit-matching", "frontier"] {
        assert!(page.contains(&format!("](mnist/{chart}.svg)")), "{chart}");
        assert!(lab.read(&format!("results/mnist/{chart}.svg")).starts_with(b"<svg"), "{chart}");
        assert!(lab.read(&format!("results/mnist/{chart}.png")).starts_with(b"\x89PNG"), "{chart}");
    }

    // The page is the same from what lies beside it, and parts of a gain are computed from what models answer.
    let ensemble = "results/mnist/rows/ensemble.json";
    let mut row = lab.json(ensemble);
    assert!(
        lab.json("results/mnist/rows/ensemble.answers.json")["models"].as_array().is_some_and(|all| all.len() == 5)
    );
    row["compared"][0]["ours"] = "another".into();
    lab.write(ensemble, row.to_string());
    fs::remove_file(lab.path("results/mnist.md")).unwrap();
    let pages = ["reproduce", "hinton-2015", "--write", "results", "--pages"];
    lab.ok(&pages);
    assert_eq!(String::from_utf8(lab.read("results/mnist.md")).unwrap(), page);

    // Nothing is trained again, and the page stays but for what people wrote.
    let written = page.replace("<!-- end of what is kept -->", "By hand.\n\n<!-- end of what is kept -->");
    lab.write("results/mnist.md", &written);
    let second = lab.ok(&args(&[], &["--json", "--write", "results"]));
    assert_eq!((trained(&second), models(&lab, "runs/hinton-2015").len()), (0, n_models));
    assert_eq!(String::from_utf8(lab.read("results/mnist.md")).unwrap(), written);
    assert!(written.contains("By hand."));

    // Other settings are other models; what does not depend on them stays.
    let third = lab.ok(&args(&["distilled"], &["kd.temperature=7", "--json"]));
    assert_eq!(trained(&third), 2, "{}", third.stderr);
}

#[test]
fn the_study_of_speech_has_a_page_of_its_own_and_keeps_rows_from_elsewhere() {
    let lab = lab();
    let run = |rows: &[&str], runs_dir: &str| {
        let words =
            [&["reproduce", "hinton-2015-speech"], rows, &SMALL, &["--write", "results", "--runs-dir", runs_dir]];
        lab.ok(&words.concat());
    };
    let page = || String::from_utf8(lab.read("results/speech.md")).unwrap();
    run(&["single"], "there");
    assert!(page().contains("Not run: `ensemble`, `mixtures`, `mixup`, `fractions`."), "{}", page());
    run(&["ensemble", "mixtures", "mixup", "fractions"], "here");
    let page = page();
    for row in ["single", "ensemble", "mixtures", "mixup", "fractions"] {
        assert!(page.contains(&format!("| {row} | `distill reproduce hinton-2015-speech {row} ")), "{page}");
    }
    assert!(!page.contains("Not run") && !page.contains("NaN"), "{page}");
    // The images have no phones, all else is there.
    assert!(page.contains("| 58.9 %, 10.9 % | ") && page.contains(" %, - % |"), "{page}");
}

#[test]
fn parts_of_the_data_may_have_inputs_without_labels_beside_them() {
    let lab = lab();
    let images = lab.read("ten/t10k-images-idx3-ubyte");
    lab.write("more", &images);
    lab.ok(&args(&["fractions"], &["data.mixtures=1", "data.unlabelled=more"]));
    let page = String::from_utf8(lab.read("runs/hinton-2015/mnist.md")).unwrap();
    assert!(page.contains("a part of 460 training examples; 40 others"), "{page}");
    let speech = |file: &str, runs_dir: &str| {
        let more = [&format!("data.unlabelled={file}")[..], "--runs-dir", runs_dir, "--json"];
        lab.ok(&[&["reproduce", "hinton-2015-speech", "fractions"], &SMALL[..], &more].concat())
    };
    assert!(trained(&speech("more", "runs")) > 0);
    // The same inputs elsewhere are the same models, others under the same name are not: of the students with a teacher.
    lab.write("same", &images);
    assert_eq!(trained(&speech("same", "runs")), 0);
    let mut other = images;
    other[20] ^= 1;
    lab.write("same", &other);
    assert_eq!(trained(&speech("same", "runs")), 10);
}

#[test]
fn a_page_is_made_from_rows_of_before_without_data_or_models() {
    let lab = lab();
    lab.ok(&args(&["teacher"], &["--write", "results"]));
    let before = String::from_utf8(lab.read("results/mnist.md")).unwrap();
    let mut row = lab.json("results/mnist/rows/teacher.json");
    let fields = row.as_object_mut().unwrap();
    for field in ["trainings", "streams", "numbers"] {
        assert!(fields.remove(field).is_some(), "{field}");
    }
    row["compared"][0]["goal"] = serde_json::json!(["at most 67", true]);
    let lab = Lab::new();
    fs::create_dir_all(lab.path("there/mnist/rows")).unwrap();
    lab.write("there/mnist/rows/teacher.json", row.to_string());
    let ran = lab.ok(&["reproduce", "hinton-2015", "--write", "there", "--pages"]);
    assert!(ran.stderr.contains("there/mnist.md") && !lab.path("runs").exists(), "{}", ran.stderr);
    let page = String::from_utf8(lab.read("there/mnist.md")).unwrap();
    // What a mean reached says nothing of its interval.
    assert!(page.contains(" | at most 67 | not shown |"), "{page}");
    assert!(page.contains("different streams of random numbers: `teacher`."), "{page}");
    assert!(before.contains("| 1, 2 | teacher 2 (25 views) | ") && page.contains("| 1, 2 |  | "), "{before}{page}");
    let nowhere = ["reproduce", "hinton-2015", "--write", "nowhere", "--pages"];
    lab.check(&nowhere, 5, ["E0405]: the study has no finished row", "nowhere/mnist/rows", "leave `--pages` out"]);
    // Where the page is must be said.
    assert_eq!(lab.distill(&["reproduce", "hinton-2015", "--pages"]).code, Some(2));
}

#[test]
fn a_page_whose_marks_are_gone_is_left_as_it_is() {
    let lab = lab();
    lab.ok(&args(&["teacher"], &["--write", "results"]));
    let page = String::from_utf8(lab.read("results/mnist.md")).unwrap();
    let cut = page.replace("<!-- end of what is kept -->", "By hand.");
    let check = |expected: [&str; 3]| {
        lab.check(&args(&["distilled"], &["--write", "results"]), 5, expected);
        assert_eq!(models(&lab, "runs/hinton-2015").len(), 2, "nothing is trained");
    };
    let marks = "E0405]: the page of results lacks the two marks";
    lab.write("results/mnist.md", &cut);
    check([marks, "results/mnist.md", "<!-- end of what is kept -->"]);
    assert_eq!(String::from_utf8(lab.read("results/mnist.md")).unwrap(), cut);
    lab.write("results/mnist.md", &page);
    lab.write("runs/hinton-2015/mnist.md", &cut);
    check([marks, "runs/hinton-2015/mnist.md", "<!-- by hand"]);
    lab.write("runs/hinton-2015/mnist.md", b"By hand: \xff");
    let args = args(&["distilled"], &[]);
    lab.check(&args, 7, ["E0501]: cannot read the page of results", "runs/hinton-2015/mnist.md", "move it elsewhere"]);
    assert_eq!(lab.read("runs/hinton-2015/mnist.md"), b"By hand: \xff");
    fs::remove_file(lab.path("runs/hinton-2015/mnist.md")).unwrap();
    lab.ok(&args);
}

#[test]
fn students_with_convolutions_are_compared_by_kind_and_size() {
    let lab = lab();
    let small = [
        "data.source=ten",
        "seeds=[1, 2]",
        "teacher.model={ kind = 'resnet', width = 4 }",
        "teacher.train.epochs=2",
        "teacher.train.batch=32",
        "train.epochs=1",
    ];
    let run = || lab.ok(&[&["reproduce", "cifar-10", "--json", "--write", "results"], &small[..]].concat());
    let first = run();
    // One teacher; ResNet-8 with 16 and 40 filters, two shares of the labels and ten sizes in two ways. With 16 filters and one
    // epoch it is one of the sizes, too.
    assert_eq!(trained(&first), 1 + 2 * (2 + 2 + 10) * 2 - 4);
    let page = String::from_utf8(lab.read("results/cifar-10.md")).unwrap();
    assert!(!page.contains("Not run") && !page.contains("NaN"), "{page}");
    for part in [
        "## Others and ours\n\n| what | others | ours | goal | reached |\n",
        "| the same, distilled at T = 4: test accuracy | 87.19 % (MLPerf Tiny, 500 epochs) | ",
        "| errors that the distilled student makes fewer than the reference, 872 |",
        "on labels 1 (18 views), taught 1 (18 views), teacher 2 (augmented) |",
        "| 100-64-64-10 | 11,",
        " labels alone, ",
        "](cifar-10/parameters.svg)",
        "](cifar-10/multiplications.svg)",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert_eq!(trained(&run()), 0);
    assert_eq!(String::from_utf8(lab.read("results/cifar-10.md")).unwrap(), page);
}

#[test]
fn specialists_are_trained_once_and_teach() {
    let lab = Lab::new();
    let small = [
        "seeds=[1, 2]",
        "data.text={ train = 1500, validation = 300, test = 200, n_gram = 2, buckets = 256 }",
        "teacher.model.embedding.buckets=256",
        "student.model.embedding.buckets=256",
        "teacher.train.epochs=1",
        "train.epochs=1",
    ];
    let run = || lab.ok(&[&["reproduce", "hinton-2015-specialists", "--json"], &small[..]].concat());
    let first = run();
    let page = String::from_utf8(lab.read("runs/hinton-2015-specialists/specialists.md")).unwrap();
    assert!(!page.contains("Not run") && !page.contains("NaN"), "{page}");
    for part in [
        "## Which classes belong together",
        "24 hidden units, hard targets",
        "## Distilled back into one network",
        " test snippets more were drawn and left out, as their text stands in training paragraphs too",
        "| of all |",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let systems = || {
        let folders = fs::read_dir(lab.path("runs/hinton-2015-specialists/systems")).unwrap().flatten();
        let time = |entry: fs::DirEntry| fs::metadata(entry.path().join("system.json")).unwrap().modified().unwrap();
        folders.map(time).collect::<Vec<_>>()
    };
    // Three widths, with hard and with soft targets, from two seeds.
    let before = systems();
    assert_eq!((before.len(), trained(&first) > 0), (12, true));
    let second = run();
    assert_eq!((trained(&second), systems()), (0, before));
    assert_eq!(String::from_utf8(lab.read("runs/hinton-2015-specialists/specialists.md")).unwrap(), page);

    // A generalist with its specialists is a model like another: it is looked at, measured, and teaches in a recipe.
    let folder = fs::read_dir(lab.path("runs/hinton-2015-specialists/systems")).unwrap().flatten().next().unwrap();
    let folder = folder.path().display().to_string();
    let seen = lab.ok(&["inspect", &folder]);
    assert!(
        seen.stdout.contains("a generalist with specialists, ") && seen.stdout.contains("sha256"),
        "{}",
        seen.stdout
    );
    lab.write(
        "text.toml",
        format!(
            "data = {{ source = \"udhr\", text = {{ train = 500, validation = 0, test = 100, n_gram = 2, buckets = 256 }} }}\n\
             teacher = {{ weights = {folder:?}, min_accuracy = 0.0 }}\n\
             student = {{ model = {{ hidden = [8], embedding = {{ buckets = 256 }} }} }}\n\
             train = {{ epochs = 1 }}\n"
        ),
    );
    let run = lab.ok(&["run", "text.toml"]);
    assert!(run.stderr.contains("specialists"), "{}", run.stderr);
    let result = lab.json("runs/text-001/result.json");
    assert!(result["models"][0]["architecture"].as_str().unwrap().contains("specialists"), "{result}");
    // The list has the hash of each file, so another file is found out.
    let file = lab.path(&folder).join("specialist-000.safetensors");
    let other = lab.path(&folder).join("generalist.safetensors");
    fs::copy(other, file).unwrap();
    lab.check(&["run", "text.toml"], 5, ["E0402]: SHA-256 is ", &folder, "copy the whole folder again"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_study_goes_on_to_the_same_weights() {
    let lab = lab();
    let long = |runs_dir: &'static str| {
        args(&["distilled"], &["train.epochs=12", "teacher.train.epochs=12", "--runs-dir", runs_dir])
    };
    lab.ok(&long("whole"));
    let expected = models(&lab, "whole/hinton-2015");
    assert_eq!(expected.len(), 6);
    let mut n_interrupted = 0;
    for (number, signal) in ["INT", "KILL", "TERM", "INT", "KILL"].into_iter().enumerate() {
        let mut child = lab.command(&long("cut")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && models(&lab, "cut/hinton-2015").len() < number.min(4) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(7 * number as u64));
        let command = format!("kill -{signal} {} 2>/dev/null", child.id());
        std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        n_interrupted += usize::from(ran.code != Some(0));
        if matches!(ran.code, Some(130 | 143)) {
            assert!(ran.stderr.contains("resume  distill reproduce hinton-2015 distilled"), "{}", ran.stderr);
        }
    }
    assert!(n_interrupted > 0, "nothing was interrupted");
    lab.ok(&long("cut"));
    assert_eq!(models(&lab, "cut/hinton-2015"), expected);
    let left = |folder: &Path| folder.join("checkpoints").exists();
    let folders = fs::read_dir(lab.path("cut/hinton-2015/models")).unwrap().flatten();
    assert!(folders.map(|entry| entry.path()).all(|folder| !left(&folder)), "checkpoints are left");
}

#[test]
fn what_cannot_be_reproduced_is_refused_before_anything_is_trained() {
    let lab = lab();
    let check = |args: &[&str], exit, expected| {
        lab.check(args, exit, expected);
        assert!(!lab.path("runs/hinton-2015/models").exists());
    };
    let rows = |row| args(&[row], &[]);
    check(
        &rows("temprature"),
        3,
        ["E0104]: the study has no row `temprature`", "command line: temprature", "`temperature`"],
    );
    let setting = args(&[], &["train.epoch=1"]);
    check(
        &setting,
        3,
        ["E0101]: unknown key `epoch` in [train]", "command line: train.epoch=1", "did you mean `epochs`?"],
    );
    // The row needs a class that these data do not have.
    let three = args(&["no-threes"], &["data.source=data"]);
    let expected = ["E0104]: the data has no class `3`", "data", "leave this row out"];
    check(&three, 3, expected);
}

#[test]
fn damaged_files_of_a_study_say_what_to_do() {
    let lab = lab();
    lab.ok(&args(&["teacher"], &["-q"]));
    let models = lab.path("runs/hinton-2015/models");
    let folder = fs::read_dir(models).unwrap().flatten().next().unwrap().path();
    let facts = folder.join("model.json");
    let whole = fs::read(&facts).unwrap();
    for cut in [&b""[..], b"{", &whole[..whole.len() / 2]] {
        fs::write(&facts, cut).unwrap();
        let expected = ["E0405]: the facts of a model cannot be read", "model.json", "remove the folder it is in"];
        lab.check(&args(&["teacher"], &[]), 5, expected);
    }
    fs::write(&facts, whole).unwrap();
    let weights = folder.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let expected = ["E0405]: the weights of a model are not those", "model.safetensors", "remove the folder it is in"];
    lab.check(&args(&["distilled"], &[]), 5, expected);
    fs::remove_dir_all(folder).unwrap();
    let row = "runs/hinton-2015/mnist/rows/teacher.json";
    lab.write(row, "[]");
    let expected =
        ["E0405]: a row of the study cannot be read", "teacher.json", "remove the file and run the row again"];
    lab.check(&args(&["no-threes"], &[]), 5, expected);
}
