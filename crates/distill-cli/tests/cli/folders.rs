//! Data in the forms of others: CIFAR's files and arrays of NumPy.

use crate::lab::{Lab, npy};

/// Three classes of four numbers, which are no images.
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
        ["E0401]: a/y_train.npy has F32 of shape [200]", "a/y_train.npy", "distill data FOLDER"],
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
