//! Data in the forms of others: CIFAR's files and arrays of NumPy.

use crate::lab::{Lab, npy};

/// Three classes of four numbers, which are not images.
fn arrays(lab: &Lab, folder: &str) {
    std::fs::create_dir(lab.path(folder)).unwrap();
    for (part, n) in [("train", 200), ("test", 60)] {
        let value = |i: usize, j: usize| if i % 3 == j { 3.0_f32 } else { ((i * 7 + j * 5) % 11) as f32 * 0.1 - 0.5 };
        let values: Vec<u8> = (0..4 * n).flat_map(|at| value(at / 4, at % 4).to_le_bytes()).collect();
        let labels: Vec<u8> = (0..n).flat_map(|i| ((i % 3) as i64).to_le_bytes()).collect();
        lab.write(&format!("{folder}/x_{part}.npy"), npy("<f4", &format!("({n}, 4)"), &values));
        lab.write(&format!("{folder}/y_{part}.npy"), npy("<i8", &format!("({n},)"), &labels));
    }
    lab.write(&format!("{folder}/classes.txt"), "red\ngreen\nblue\n");
}

#[test]
fn arrays_of_numpy_are_learned_from() {
    let lab = Lab::new();
    arrays(&lab, "a");
    let shown = lab.ok(&["data", "a"]).stdout;
    assert!(shown.contains("train       200 examples") && shown.contains("3: red, green, blue"), "{shown}");
    lab.ok(&["run", "r.toml", "data.source=a", "train.epochs=20", "teacher.train.epochs=20"]);
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    let eval = lab.ok(&["eval", student, "--data", "a", "--min-accuracy", "0.9"]).stdout;
    assert!(eval.contains("60 test examples"), "{eval}");

    // What is wrong is said with its file.
    lab.write("a/y_train.npy", npy("<f4", "(200,)", &[0; 800]));
    lab.check(
        &["check", "r.toml", "data.source=a"],
        4,
        ["E0401]: a/y_train.npy has F32, expected one whole number", "a/y_train.npy", "set the key in the recipe"],
    );
    lab.write("a/y_train.npy", npy("<i8", "(3,)", &[0; 24]));
    lab.check(
        &["check", "r.toml", "data.source=a"],
        4,
        ["E0202]: a/x_train.npy has 200 images, but a/y_train.npy has 3 labels", "a/x_train.npy", "belong together"],
    );
    lab.write("a/x_train.npy", "no array");
    lab.check(
        &["check", "r.toml", "data.source=a"],
        4,
        ["E0401]: a/x_train.npy is not a NumPy array", "a/x_train.npy", "distill data FOLDER"],
    );
}

#[test]
fn cifar_is_learned_from() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("c")).unwrap();
    let image = |i: usize| [vec![(i % 2) as u8], vec![if i.is_multiple_of(2) { 40 } else { 200 }; 3072]].concat();
    let images = |n: usize| (0..n).flat_map(image).collect::<Vec<u8>>();
    for (number, n) in [(1, 50), (2, 30), (3, 0), (4, 0), (5, 0)] {
        lab.write(&format!("c/data_batch_{number}.bin"), images(n));
    }
    lab.write("c/test_batch.bin", images(20));
    lab.write("c/batches.meta.txt", "cat\ndog\n");
    let settings = ["data.source=c", "train.augment.shift=1", "data.validation=10", "teacher.min_accuracy=0"];
    lab.ok(&[&["run", "r.toml"], &settings[..]].concat());
    let shown = lab.ok(&["data", "c"]).stdout;
    assert!(shown.contains("train       80 examples") && shown.contains("3x32x32"), "{shown}");
    lab.write("c/data_batch_2.bin", &images(30)[1..]);
    let cut = [
        "E0401]: c/data_batch_2.bin has 92189 bytes, which is not a whole number",
        "data_batch_2.bin",
        "fetch the file again",
    ];
    lab.check(&["check", "r.toml", "data.source=c"], 4, cut);
    let bound = ["E0801]", "data_batch_1.bin", "raise `data.memory`"];
    lab.write("c/data_batch_2.bin", images(30));
    lab.check(&["check", "r.toml", "data.source=c", "data.memory=100 kB"], 8, bound);
}

#[test]
fn cifar_10_says_what_is_missing_and_what_is_another() {
    let lab = Lab::new();
    let fetch = "curl -LO https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz && tar xzf cifar-10-binary.tar.gz";
    let check = ["check", "r.toml", "data.source=cifar-10"];
    let lost =
        lab.check(&check, 4, ["E0201]: cifar-10-batches-bin lacks 6 of the 6 files", "cifar-10-batches-bin", fetch]);
    let looked_in = format!("looked for in {}\n", lab.path("cifar-10-batches-bin").display());
    assert!(lost.stderr.contains(&looked_in) && lost.stderr.contains("\"cifar-10:FOLDER\""), "{}", lost.stderr);

    std::fs::create_dir(lab.path("c")).unwrap();
    for name in (1..=5).map(|number| format!("data_batch_{number}.bin")) {
        let file = std::fs::File::create(lab.path(&format!("c/{name}"))).unwrap();
        file.set_len(30_730_000).unwrap();
    }
    let one = ["E0201]: c lacks 1 of the 6 files of CIFAR-10: `test_batch.bin`", "c", fetch];
    lab.check(&["data", "cifar-10:c"], 4, one);
    lab.write("c/test_batch.bin", "no image");
    let cut = [
        "E0401]: c/test_batch.bin has 8 bytes, that of CIFAR-10 has 30730000",
        "test_batch.bin",
        "fetch the file again",
    ];
    lab.check(&["data", "cifar-10:c"], 4, cut);
    std::fs::copy(lab.path("c/data_batch_1.bin"), lab.path("c/test_batch.bin")).unwrap();
    let other =
        ["E0401]: the images in c/data_batch_1.bin to data_batch_5.bin", "c/data_batch_1.bin", "fetch the files again"];
    let other = lab.check(&["check", "r.toml", "data.source=cifar-10:c"], 4, other);
    let known = "expected 55a61f79a40ece2ceda9fb5f9f7078f6ea2fc4952489cef56682bcf92cfcc260";
    assert!(other.stderr.contains("their SHA-256 is ") && other.stderr.contains(known), "{}", other.stderr);
}
