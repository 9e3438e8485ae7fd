use super::lab::{Lab, hashes};

#[test]
fn students_with_a_teacher_learn_from_mixtures_too() {
    let lab = Lab::new();
    let run = |settings: &[&str], name: &str| {
        lab.ok(&[&["run", "r.toml", "-q", &format!("name={name}")], settings].concat());
        (hashes(&lab, format!("runs/{name}-001")), lab.json(&format!("runs/{name}-001/result.json")))
    };
    let (without, _) = run(&[], "without");
    let (with, result) = run(&["data.mixtures=2", "--threads", "2"], "with");
    assert_eq!((&result["data"]["train"], &result["data"]["transfer"]), (&180.into(), &540.into()));
    let nll = |name: &str, model: usize| {
        lab.json(&format!("runs/{name}-001/result.json"))["models"][model]["test_nll"].clone()
    };
    for (model, differs) in [(0, false), (1, false), (2, true)] {
        assert_eq!(nll("with", model) != nll("without", model), differs, "{model}");
    }
    assert_eq!(with.len(), without.len());
    run(&["data.mixtures=2", "kd.targets=live", "--threads", "1"], "live");
    run(&["data.mixtures=3"], "three");
    assert_eq!(nll("live", 2), nll("with", 2), "live or cached, one thread or two");
    assert_ne!(nll("three", 2), nll("with", 2));

    // Of a part of the data there are mixtures of this part.
    let (_, part) = run(&["data.mixtures=1", "data.transfer.fraction=0.5"], "part");
    assert_eq!((&part["data"]["train"], &part["data"]["transfer"]), (&180.into(), &180.into()));

    // Answers that are computed once belong to the mixtures as well.
    let teacher = "teacher.weights=runs/with-001/weights/teacher-seed1.safetensors";
    lab.ok(&["teach", "r.toml", teacher, "data.mixtures=2", "--output", "answers"]);
    lab.ok(&["check", "r.toml", teacher, "data.mixtures=2", "kd.cache=answers"]);
    let other = ["check", "r.toml", teacher, "data.mixtures=1", "kd.cache=answers"];
    lab.check(&other, 5, ["E0306]: the cached soft targets belong to other data", "answers", "distill teach"]);
    lab.ok(&["sweep", "r.toml", "-q", "--set", "data.mixtures=0,1"]);
}

#[test]
fn those_who_learn_from_labels_alone_can_have_mixed_batches() {
    let lab = Lab::new();
    let nll = |settings: &[&str], name: &str| {
        lab.ok(&[&["run", "r.toml", "-q", &format!("name={name}")], settings].concat());
        let result = lab.json(&format!("runs/{name}-001/result.json"));
        [0, 1, 2].map(|model| result["models"][model]["test_nll"].clone())
    };
    let plain = nll(&[], "plain");
    let students = nll(&["train.augment.mixup=0.5"], "students");
    assert_eq!([0, 1, 2].map(|model| students[model] == plain[model]), [true, false, true]);
    let teacher = nll(&["teacher.train.augment.mixup=1"], "teacher");
    assert_eq!([0, 1, 2].map(|model| teacher[model] == plain[model]), [false, true, false]);
}

#[test]
fn says_what_cannot_be_mixed() {
    let lab = Lab::new();
    let run = |settings: &[&'static str]| [&["run", "r.toml"], settings].concat();
    let place = "command line: data.mixtures=";
    lab.check(
        &run(&["data.mixtures=101"]),
        3,
        ["E0104]: data.mixtures must be at most 100, got 101", place, "mixtures = 2"],
    );
    lab.check(&run(&["data.mixtures=-1"]), 3, ["E0103]: ", "data.mixtures", ""]);
    let embedding = "student.model.embedding={ buckets = 9 }";
    let expected =
        ["E0104]: data.mixtures is set, but `student.model` has an embedding", place, "leave one of them out"];
    lab.check(&run(&["data.mixtures=1", embedding]), 3, expected);
    let place = "command line: train.augment.mixup=";
    for value in ["2", "0.0001", "-1", "nan"] {
        let setting = format!("train.augment.mixup={value}");
        let expected = ["E0104]: train.augment.mixup must be 0, or from 0.001 to 1, got ", place, "mixup = 0.2"];
        lab.check(&["run", "r.toml", &setting], 3, expected);
    }
    let expected = ["E0104]: train.augment.mixup is set, but `student.model` has an embedding", place, "leave one"];
    lab.check(&run(&["train.augment.mixup=1", embedding]), 3, expected);
}
