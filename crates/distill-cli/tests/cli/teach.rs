//! `check`, `train` and `teach`: what happens before a whole run, step by step.

use crate::lab::{Lab, hashes};

const TEACHER: &str = "runs/tiny-001/weights/teacher-seed1.safetensors";

/// A teacher that was trained alone.
fn with_teacher() -> Lab {
    let lab = Lab::new();
    lab.ok(&["train", "r.toml", "-q"]);
    lab
}

#[test]
fn a_check_says_what_fits_and_writes_nothing() {
    let lab = Lab::new();
    let before = std::fs::read_dir(lab.path("")).unwrap().count();
    let ran = lab.ok(&["check", "r.toml"]);
    for line in [
        "ok    recipe            r.toml\n",
        "ok    data              data: 180 train, 20 validation, 60 test\n",
        "ok    teacher model     16-8-3, 163 parameters\n",
        "ok    student model     16-4-3, 83 parameters\n",
        "ok    sizes             the teacher has 2.0 times the student's parameters\n",
        // The tests' images repeat.
        "warn  overlap           60 test examples are in the training set too\n",
        "ok    output            runs can be written\n",
        "ok    disk  ",
        "ok    memory  ",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(ran.stdout.ends_with("\n10 ok, 1 warning, 0 failed\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "next   distill run r.toml\n");
    assert_eq!(std::fs::read_dir(lab.path("")).unwrap().count(), before, "nothing is written");

    let swapped = ["check", "r.toml", "student.model.hidden=[40]", "teacher.model.hidden=[3]", "runs_dir=x"];
    let ran = lab.ok(&swapped[..4]);
    assert!(
        ran.stdout.contains("warn  sizes             the teacher has 63 parameters, the student 803"),
        "{}",
        ran.stdout
    );
    // Events say the same.
    let events = lab.ok(&["check", "r.toml", "--json"]).events();
    let overlap = events.iter().find(|event| event["check"] == "overlap").unwrap();
    assert_eq!((&overlap["event"], &overlap["outcome"]), (&"check".into(), &"warn".into()));
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["ok"], &last["warnings"]), (&"check_end".into(), &10.into(), &1.into()));
    assert_eq!(events.iter().filter(|event| event["event"] == "check").count(), 11);
}

#[test]
fn a_check_finds_all_that_is_wrong() {
    let lab = Lab::new();
    lab.write("file", "");
    let ran = lab.distill(&["check", "r.toml", "teacher.weights=none.safetensors", "--runs-dir", "file/runs"]);
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    for line in ["FAIL  teacher  ", "FAIL  output  ", ", 2 failed\n"] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert_eq!(ran.stderr.matches("error[E0501]").count(), 2, "{}", ran.stderr);
}

#[test]
fn a_teacher_at_chance_teaches_nothing() {
    let lab = Lab::new();
    let untrained = "teacher.train.optimizer.lr=1e-9";
    lab.ok(&["train", "r.toml", "-q", untrained]);
    let low = ["E0305]: the teacher gets", TEACHER, "teacher.min_accuracy = 0.0"];
    let weights = format!("teacher.weights={TEACHER}");
    lab.check(&["run", "r.toml", &weights, "--runs-dir", "no"], 5, low);
    assert!(!lab.path("no").exists());
    lab.check(&["check", "r.toml", &weights], 5, low);
    lab.ok(&["run", "r.toml", &weights, "teacher.min_accuracy=0.0", "--runs-dir", "all-the-same"]);
    // One that is trained in the run is looked at too, before the students are trained.
    let place = ["E0305]: the teacher gets", "runs/tiny-002/weights/teacher-seed1", "teacher.min_accuracy = 0.0"];
    lab.check(&["run", "r.toml", untrained], 5, place);
    let models = lab.json("runs/tiny-002/result.json")["models"].as_array().unwrap().len();
    assert_eq!(models, 1);
}

#[test]
fn inputs_of_another_scale_are_a_warning() {
    let lab = with_teacher();
    // The same images at a fifth of the brightness.
    lab.dataset("dim", 4, 200, 60);
    for stem in ["train", "t10k"] {
        let name = format!("dim/{stem}-images-idx3-ubyte");
        let mut bytes = lab.read(&name);
        bytes[16..].iter_mut().for_each(|byte| *byte /= 5);
        lab.write(&name, bytes);
    }
    let weights = format!("teacher.weights={TEACHER}");
    let ran = lab.ok(&["check", "r.toml", &weights, "teacher.min_accuracy=0.0"]);
    assert!(ran.stdout.contains("ok    normalisation     teacher mean 0."), "{}", ran.stdout);
    let ran = lab.ok(&["check", "r.toml", &weights, "teacher.min_accuracy=0.0", "data.source=dim"]);
    let warning = "warn  normalisation     the teacher was trained on inputs of another scale";
    assert!(ran.stdout.contains(warning), "{}", ran.stdout);
}

#[test]
fn one_model_can_be_trained_alone() {
    let lab = with_teacher();
    lab.ok(&["train", "r.toml", "--as", "baseline", "-q"]);
    lab.ok(&["run", "r.toml", "-q"]);
    let whole = hashes(&lab, "runs/tiny-003");
    assert_eq!(hashes(&lab, "runs/tiny-001"), whole[..1]);
    assert_eq!(hashes(&lab, "runs/tiny-002"), whole[1..2]);
    let weights = format!("teacher.weights={TEACHER}");
    let expected = ["E0104]: the teacher of this recipe is a file", &weights, "--as baseline"];
    lab.check(&["train", "r.toml", &weights], 3, expected);
}

#[test]
fn kept_answers_teach_the_same() {
    let lab = with_teacher();
    let weights = format!("teacher.weights={TEACHER}");
    let ran = lab.ok(&["teach", "r.toml", &weights]);
    assert!(
        ran.stdout.starts_with("180 rows  ") && ran.stdout.ends_with("  cache/tiny.soft.safetensors\n"),
        "{}",
        ran.stdout
    );
    let next = format!("next   distill run r.toml {weights} kd.cache=cache/tiny.soft.safetensors\n");
    assert!(ran.stderr.contains(&next), "{}", ran.stderr);
    let cache = "kd.cache=cache/tiny.soft.safetensors";
    lab.ok(&["run", "r.toml", &weights]);
    lab.ok(&["run", "r.toml", &weights, cache]);
    assert_eq!(hashes(&lab, "runs/tiny-002"), hashes(&lab, "runs/tiny-003"));
    let ran = lab.ok(&["check", "r.toml", &weights, cache]);
    let line = "ok    soft targets      180 rows, 64 recomputed, all equal\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);

    // Written again, they are the same bytes.
    let bytes = lab.read("cache/tiny.soft.safetensors");
    lab.ok(&["teach", "r.toml", &weights, "-o", "again.safetensors"]);
    assert_eq!(lab.read("again.safetensors"), bytes);
    lab.ok(&["teach", "r.toml", &weights, "-o", "again.safetensors"]);
    // Nothing else is replaced.
    for precious in ["r.toml", TEACHER] {
        let before = lab.read(precious);
        let expected =
            ["E0504]: the file exists and does not hold soft targets", precious, "another file with `--output`"];
        lab.check(&["teach", "r.toml", &weights, "-o", precious], 7, expected);
        assert_eq!(lab.read(precious), before);
    }
}

#[test]
fn kept_answers_that_belong_to_something_else() {
    let lab = with_teacher();
    let weights = format!("teacher.weights={TEACHER}");
    lab.ok(&["teach", "r.toml", &weights, "-o", "c.safetensors"]);
    let refused = |more: &[&str], code: &str, place: &str, help: &str| {
        let args = [&["run", "r.toml", "kd.cache=c.safetensors", "--runs-dir", "no"][..], more].concat();
        let exit = if code.starts_with("E01") { 3 } else { 5 };
        lab.check(&args, exit, [code, place, help]);
        assert!(!lab.path("no").exists());
    };
    let again = "`distill teach r.toml`";
    let selected = [&weights, "data.transfer.fraction=0.5"];
    refused(&selected, "E0306]: the cached soft targets belong to other data", "c.safetensors", again);
    let named = [&weights, "data.classes=[\"0\",\"1\",\"two\"]"];
    refused(&named, "E0303]", TEACHER, "data.classes");
    lab.ok(&["train", "r.toml", "seeds=[2]", "-q"]);
    let other = ["teacher.weights=runs/tiny-002/weights/teacher-seed2.safetensors"];
    refused(&other, "E0306]: the cached soft targets are those of another teacher", "c.safetensors", again);
    let shifted = [&weights, "train.augment.shift=1"];
    refused(&shifted, "E0104]: kd.cache is set but", "kd.cache", "leave `cache` out");
    refused(&[], "E0104]: kd.cache is set but", "kd.cache", "leave `cache` out");

    // Every bit counts.
    let bytes = lab.read("c.safetensors");
    let mut changed = bytes.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    lab.write("c.safetensors", &changed);
    refused(
        &[&weights],
        "E0404]: the soft targets cannot be read: the SHA-256",
        "c.safetensors",
        "`distill teach RECIPE`",
    );
    lab.write("c.safetensors", &bytes[..bytes.len() / 2]);
    refused(&[&weights], "E0404]", "c.safetensors", "`distill teach RECIPE`");
    std::fs::remove_file(lab.path("c.safetensors")).unwrap();
    let args = ["run", "r.toml", "kd.cache=c.safetensors", &weights];
    lab.check(&args, 7, ["E0501]: cannot read the soft targets", "c.safetensors", "`distill teach RECIPE`"]);
    let expected = ["E0104]: the recipe trains its teacher", "r.toml:7", "distill train r.toml"];
    lab.check(&["teach", "r.toml"], 3, expected);
}

#[test]
fn a_disk_that_is_too_small_is_known_before() {
    let lab = Lab::new();
    let many = "checkpoint.keep_last=1000000000000000000";
    let expected = ["E0801]: the run may write", "", "checkpoint.keep_last = 1"];
    lab.check(&["run", "r.toml", many], 8, expected);
    lab.check(&["check", "r.toml", many], 8, expected);
    assert!(!lab.path("runs").exists());
}

#[test]
fn answers_can_be_kept_in_less_and_the_error_is_said() {
    let lab = with_teacher();
    let teacher = format!("teacher.weights={TEACHER}");
    let teach = |file: &str, store: &str| {
        lab.ok(&["teach", "r.toml", &teacher, "--store", store, "--output", file, "--json"]).events().pop().unwrap()
    };
    let (whole, half, one) = (teach("a", "f32"), teach("b", "f16"), teach("c", "top-1"));
    let kl = |event: &serde_json::Value| event["kl_mean"].as_f64().unwrap();
    assert_eq!(kl(&whole), 0.0);
    assert!(kl(&half) < 1e-6 && kl(&half) < kl(&one), "{half} {one}");
    assert!(half["bytes"].as_u64() < whole["bytes"].as_u64(), "{half} {whole}");
    let said = lab.ok(&["teach", "r.toml", &teacher, "--store", "top-2", "--output", "d"]).stderr;
    assert!(said.contains("kept as top-2: KL from the answers at T = 4: mean "), "{said}");
    assert!(lab.ok(&["inspect", "d"]).stdout.contains("kept as top-2"));

    // Each of them teaches, and is what the teacher says, rounded in its way.
    for file in ["a", "b", "c"] {
        let cache = format!("kd.cache={file}");
        let stored = lab.ok(&["check", "r.toml", &teacher, &cache]).stdout;
        assert!(stored.contains("ok    soft targets"), "{stored}");
        lab.ok(&["run", "r.toml", &teacher, &cache]);
    }
    let matching = ["check", "r.toml", &teacher, "kd.cache=c", "kd.method=logit-matching"];
    lab.check(&matching, 5, ["E0306]: logit matching needs the logits of all classes", "c", "--store f16"]);
    let all = ["E0104]: the answers cannot be kept as top-3", "--store", "use `--store f16`"];
    lab.check(&["teach", "r.toml", &teacher, "--store", "top-3"], 3, all);
    assert_eq!(lab.distill(&["teach", "r.toml", &teacher, "--store", "f8"]).code, Some(2));
}

#[test]
fn answers_that_are_no_numbers_are_not_kept() {
    let lab = with_teacher();
    let mut bytes = lab.read(TEACHER);
    let start = 8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    // Finite weights, whose sums are not.
    bytes[start..].chunks_exact_mut(4).for_each(|weight| weight.copy_from_slice(&3e38_f32.to_le_bytes()));
    lab.write("huge.safetensors", bytes);
    for store in ["f32", "f16", "top-1"] {
        let args = ["teach", "r.toml", "teacher.weights=huge.safetensors", "--store", store, "-o", "none"];
        let message = "E0402]: the table of answers has inf for class 0 of example 0";
        lab.check(&args, 5, [message, "huge.safetensors", "whose answers are finite numbers"]);
        assert!(!lab.path("none").exists());
    }
}
