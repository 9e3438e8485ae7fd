//! Data that is larger than the memory it may take.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::lab::{Lab, hashes, idx};

/// 300 images of 64 bytes, of which 64 to 100 are in a window.
fn lab() -> (Lab, &'static str) {
    let lab = Lab::new();
    lab.dataset("data", 8, 300, 60);
    (lab, "data.memory=18 kB")
}

/// What the models of a run were like on the test set. Their files name the recipe, so they differ with it.
fn losses(lab: &Lab, run: &str) -> Vec<f64> {
    let result = lab.json(&format!("{run}/result.json"));
    result["models"].as_array().unwrap().iter().map(|model| model["test_nll"].as_f64().unwrap()).collect()
}

#[test]
fn a_run_checks_trains_and_teaches_within_it() {
    let (lab, memory) = lab();
    let check = lab.ok(&["check", "r.toml", memory]);
    assert!(check.stdout.contains("280 train, 20 validation, 60 test"), "{}", check.stdout);
    // What is asked of the data without an order is the same to the bit as in memory.
    let facts = |check: &str| -> Vec<String> {
        let names = ["data ", "classes", "inputs", "overlap"];
        check.lines().filter(|line| names.iter().any(|name| line.contains(name))).map(str::to_owned).collect()
    };
    let whole = lab.ok(&["check", "r.toml"]);
    assert_eq!(facts(&check.stdout).len(), 4, "{}", check.stdout);
    assert_eq!(facts(&check.stdout), facts(&whole.stdout));

    lab.ok(&["run", "r.toml", memory, "-q"]);
    lab.ok(&["run", "r.toml", memory, "-q", "--threads", "1"]);
    assert_eq!(hashes(&lab, "runs/tiny-001"), hashes(&lab, "runs/tiny-002"));
    // The order of an epoch is another one, so the models are.
    lab.ok(&["run", "r.toml", "-q"]);
    assert_ne!(losses(&lab, "runs/tiny-001"), losses(&lab, "runs/tiny-003"));
    // A set that fits is as if there were no bound.
    lab.ok(&["run", "r.toml", "-q", "data.memory=1MiB"]);
    assert_eq!(losses(&lab, "runs/tiny-003"), losses(&lab, "runs/tiny-004"));

    let teacher = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    for (memory, file) in [(Some(memory), "a"), (None, "b")] {
        let args = ["teach", "r.toml", teacher, "--output", file];
        lab.ok(&[&args[..], memory.as_slice()].concat());
    }
    assert_eq!(lab.read("a"), lab.read("b"));
    lab.ok(&["sweep", "r.toml", memory, "--set", "kd.temperature=1,2", "-q"]);
}

#[test]
fn arrays_and_inputs_without_labels_may_stay_on_the_disk_too() {
    let (lab, memory) = lab();
    let array = |descr: &str, shape: &str, bytes: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let header = format!("{header:<117}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
    };
    fs::create_dir(lab.path("a")).unwrap();
    for (split, idx, n) in [("train", "train", 300), ("test", "t10k", 60)] {
        let images = lab.read(&format!("data/{idx}-images-idx3-ubyte")).split_off(16);
        let labels = lab.read(&format!("data/{idx}-labels-idx1-ubyte")).split_off(8);
        lab.write(&format!("a/x_{split}.npy"), array("|u1", &format!("({n}, 8, 8)"), &images));
        lab.write(&format!("a/y_{split}.npy"), array("|u1", &format!("({n},)"), &labels));
    }
    // The same bytes in another file: the same examples, windows and models.
    lab.ok(&["run", "r.toml", memory, "-q"]);
    lab.ok(&["run", "r.toml", memory, "-q", "data.source=a"]);
    assert_eq!(losses(&lab, "runs/tiny-001"), losses(&lab, "runs/tiny-002"));

    let images = lab.read("data/train-images-idx3-ubyte").split_off(16);
    lab.write("more.npy", array("|u1", "(600, 8, 8)", &[&images[..], &images[..]].concat()));
    for threads in ["1", "2"] {
        let unlabelled = ["data.unlabelled=more.npy", "data.source=a", "--threads", threads];
        lab.ok(&[&["run", "r.toml", memory, "-q"], &unlabelled[..]].concat());
    }
    assert_eq!(hashes(&lab, "runs/tiny-003"), hashes(&lab, "runs/tiny-004"));
    let found = [1, 3].map(|run| losses(&lab, &format!("runs/tiny-00{run}")));
    assert_eq!(found[0][..1], found[1][..1], "the teacher has labels alone");
    assert_ne!(found[0], found[1]);
}

#[test]
fn says_what_it_cannot_do() {
    let (lab, memory) = lab();
    let run = |setting| ["run", "r.toml", setting];
    let place = "command line: data.memory=";
    lab.check(&run("data.memory=lots"), 3, ["E0104]: data.memory must be a whole number of B, kB", place, "512 MiB"]);
    lab.check(&run("data.memory=99999999999 GiB"), 3, ["E0104]: data.memory must be", place, "512 MiB"]);
    let mixed =
        ["E0104]: data.mixtures is set, but the examples do not all fit", "data.mixtures", "`mixtures` and `memory`"];
    lab.check(&["run", "r.toml", memory, "data.mixtures=1"], 3, mixed);
    lab.check(&run("data.memory=10 kB"), 8, ["E0801]: ", "data/train-images-idx3-ubyte", "raise `data.memory`"]);
    let mnist = ["run", "r.toml", "data.source=mnist", "data.memory=40 MB"];
    lab.check(&mnist, 8, ["E0801]: at least 47280000 bytes", place, "raise `data.memory`"]);
    lab.check(
        &["sweep", "r.toml", "--set", "data.memory=1 MB,2 MB"],
        3,
        ["E0104]: ", "--set data.memory", "set it for all trials"],
    );

    // The system's gzip, so that no library is needed for one test.
    let images = lab.path("data/train-images-idx3-ubyte");
    if !Command::new("gzip").arg(&images).status().is_ok_and(|status| status.success()) {
        return;
    }
    lab.check(
        &run(memory),
        8,
        ["E0801]: ", "data/train-images-idx3-ubyte.gz", "`gunzip data/train-images-idx3-ubyte.gz`"],
    );
    lab.ok(&["run", "r.toml", "data.memory=1 MB", "-q"]);
}

#[test]
fn a_file_that_is_cut_ends_a_run_that_can_go_on() {
    let (lab, memory) = lab();
    let args = ["run", "r.toml", memory, "-q", "train.epochs=400", "checkpoint.every_steps=500"];
    lab.ok(&args);
    let child = lab.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !lab.path("runs/tiny-002/checkpoints/baseline-seed1").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(20));
    let images = lab.path("data/train-images-idx3-ubyte");
    let bytes = fs::read(&images).unwrap();
    fs::OpenOptions::new().write(true).open(&images).unwrap().set_len(1000).unwrap();
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("was changed while it was read: it had 19216 bytes and has 1000"), "{stderr}");
    assert!(stderr.contains("distill run --resume"), "{stderr}");

    let resume = ["run", "--resume", "runs/tiny-002", "-q"];
    lab.check(&resume, 4, ["E0401]: ", "train-images-idx3-ubyte at byte 1000", "fetch the file again"]);
    fs::write(&images, bytes).unwrap();
    lab.ok(&resume);
    assert_eq!(hashes(&lab, "runs/tiny-001"), hashes(&lab, "runs/tiny-002"));
}

/// Compressed files may take three quarters of what is free, where the recipe says nothing: here a shell leaves less than that.
#[cfg(target_os = "linux")]
#[test]
fn what_is_free_bounds_a_set_by_default() {
    let lab = Lab::new();
    fs::create_dir(lab.path("z")).unwrap();
    for (stem, n) in [("train", 100_000), ("t10k", 60)] {
        let pixels: Vec<u8> = (0..n * 784).map(|at| (at / 784 % 3 * 80) as u8).collect();
        let labels: Vec<u8> = (0..n).map(|i| (i % 3) as u8).collect();
        lab.write(&format!("z/{stem}-images-idx3-ubyte"), idx(&[n, 28, 28], &pixels));
        lab.write(&format!("z/{stem}-labels-idx1-ubyte"), idx(&[n], &labels));
    }
    let images = lab.path("z/train-images-idx3-ubyte");
    if !Command::new("gzip").arg(&images).status().is_ok_and(|status| status.success()) {
        return;
    }
    let kilobytes = 120_000;
    let check = |limit: u64, memory: &str| {
        let program = env!("CARGO_BIN_EXE_distill");
        let line = format!("ulimit -v {limit}; exec {program} check r.toml data.source=z --threads 1 {memory}");
        // The C library would keep 64 MiB of addresses for a thread that had to wait, which is a matter of chance.
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env("MALLOC_ARENA_MAX", "1").current_dir(lab.path(""));
        crate::lab::Ran::from(shell.output().unwrap())
    };
    let ran = check(kilobytes, "");
    let unpacked =
        "error[E0801]: z/train-images-idx3-ubyte.gz is compressed and unpacks to 78400016 bytes, but at most ";
    let most = ran.stderr.strip_prefix(unpacked).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    // The program itself takes some of it.
    assert!(most.is_some_and(|most| (1..kilobytes * 1024 / 4 * 3).contains(&most)), "{}", ran.stderr);
    assert_eq!(ran.code, Some(8), "{}", ran.stderr);
    assert!(ran.stderr.contains("raise `data.memory`, or leave it out"), "{}", ran.stderr);
    // What the recipe says holds instead.
    let ran = check(kilobytes, "data.memory=70MB");
    assert!(ran.stderr.starts_with(&format!("{unpacked}70000000 may be in memory\n")), "{}", ran.stderr);
    // Free is room for the set, but not for twice the 64 MiB that are there when it has to grow.
    let taken = kilobytes - most.unwrap_or_default() / 3 * 4 / 1024;
    let ran = check(taken + 120_000, "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // What is allowed is not always there.
    let ran = check(taken + 70_000, "data.memory=100MB");
    assert_eq!(ran.code, Some(8), "{}", ran.stderr);
    let lacks = "train-images-idx3-ubyte.gz takes 78400016 bytes of memory, more than the system provides";
    assert!(ran.stderr.starts_with("error[E0801]: ") && ran.stderr.contains(lacks), "{}", ran.stderr);
    // Without the limit more is free.
    lab.ok(&["check", "r.toml", "data.source=z"]);
}

/// The most memory that a process had, in bytes: asked for until it ends.
#[cfg(target_os = "linux")]
fn peak(mut child: std::process::Child) -> u64 {
    let mut most = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        most = most.max(found.unwrap_or_default() * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return most;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What `check` says of memory, in bytes.
#[cfg(target_os = "linux")]
fn estimate(lab: &Lab, args: &[&str]) -> f64 {
    let check = lab.ok(&[&["check", "r.toml"], args].concat());
    let words: Vec<&str> = check.stdout.lines().find(|line| line.contains("memory")).unwrap().split(' ').collect();
    let at = words.iter().position(|word| *word == "about").unwrap();
    let unit = match words[at + 2] {
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        other => panic!("{other}"),
    };
    words[at + 1].parse::<f64>().unwrap() * unit
}

/// 20,000 numbers of each of 4,000 rows, which the student's training needs beside its own.
#[cfg(target_os = "linux")]
#[test]
fn inner_values_of_a_teacher_count() {
    let lab = Lab::new();
    lab.dataset("data", 4, 4_020, 60);
    let base = ["teacher.model.hidden=[20000]", "train.batch=4000"];
    let features = "kd.features=[{ kind = 'similarity', student = 'hidden.0', teacher = 'hidden.0', weight = 1.0 }]";
    let [without, with] = [estimate(&lab, &base), estimate(&lab, &[&base[..], &[features]].concat())];
    let tape = 4.0 * 4_000.0 * 20_000.0;
    // Without them the teacher's own training and evaluation are the most.
    assert!((0.5 * tape..1.1 * tape).contains(&(with - without)), "{without} {with}");
}

/// Sets of some 40 MB: where they are arrays of f4 and packed, tables of words, images, text, mixtures, without labels, and speech.
#[cfg(target_os = "linux")]
#[test]
fn what_a_check_says_is_what_a_run_takes() {
    let lab = Lab::new();
    lab.dataset("data", 28, 40_000, 100);
    let array = |descr: &str, shape: &str, bytes: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let header = format!("{header:<117}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
    };
    fs::create_dir(lab.path("a")).unwrap();
    for (split, n) in [("train", 40_000), ("test", 100)] {
        let values: Vec<u8> = (0..n * 256).flat_map(|i: u32| ((i * 37 % 251) as f32).to_le_bytes()).collect();
        let labels: Vec<u8> = (0..n).map(|i| (i % 10) as u8).collect();
        lab.write(&format!("a/x_{split}.npy"), array("<f4", &format!("({n}, 256)"), &values));
        lab.write(&format!("a/y_{split}.npy"), array("|u1", &format!("({n},)"), &labels));
        let row = |i: u32| {
            let numbers = (0..40).map(|j| (i * 31 + j * 7) % 97).map(|x| format!("{x},")).collect::<String>();
            format!("{numbers}w{},{}\n", i % 900, i % 10)
        };
        let header: String = (0..40).map(|j| format!("c{j},")).collect();
        fs::create_dir_all(lab.path("t")).unwrap();
        lab.write(&format!("t/{split}.csv"), format!("{header}word,label\n{}", (0..n).map(row).collect::<String>()));
    }
    let all: &[&[&str]] = &[
        &["data.source=data"],
        &["data.source=a"],
        &["data.source=t"],
        &[
            "data.source=udhr",
            "data.validation=0",
            "data.text={ train = 4000, validation = 50, test = 500 }",
            "teacher.model.embedding={ buckets = 16384 }",
            "student.model.embedding={ buckets = 16384 }",
        ],
        &["data.source=data", "data.mixtures=3"],
        &["data.source=a", "data.unlabelled=a/x_train.npy"],
        // 117 classes; the kinds differ in what is largest: soft targets, or what is compared at the end.
        &["data.source=asterisk-en", "data.validation=0"],
        &["data.source=asterisk-en", "data.validation=0", "kd.targets=live"],
        &["data.source=asterisk-en", "data.validation=0", "data.mixtures=2"],
    ];
    // Not every machine has the recordings.
    let has_speech = lab.distill(&["data", "asterisk-en"]).code == Some(0);
    for args in all.iter().filter(|args| has_speech || args[0] != "data.source=asterisk-en") {
        let common = [
            "train.batch=128",
            "teacher.train.batch=128",
            "train.epochs=1",
            "teacher.train.epochs=1",
            "teacher.min_accuracy=0",
        ];
        let args = [args, &common[..]].concat();
        let estimate = estimate(&lab, &args);
        let command = [&["run", "r.toml", "-q"], &args[..]].concat();
        let taken = peak(lab.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()) as f64;
        println!("{:.1} MB said, {:.1} MB taken: {args:?}", estimate / 1e6, taken / 1e6);
        assert!((1.0 / 1.5..1.5).contains(&(estimate / taken)), "{estimate} said, {taken} taken: {args:?}");
    }
}
