use std::fs;
use std::path::{Path, PathBuf};

use distill_models::Model;
use distill_onnx::{HAS_TRACT, OnnxEngine, OnnxError, OnnxModel, OnnxOptions};
use ndarray::{Array2, s};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/trees")
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.onnx"))).unwrap()
}

/// Inputs, and what the library answers that trained the trees.
struct Golden {
    classes: Vec<String>,
    inputs: Array2<f32>,
    probabilities: Array2<f32>,
}

fn golden(name: &str) -> Golden {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let case: serde_json::Value = serde_json::from_str(&text).unwrap();
    let matrix = |key: &str| {
        let rows = case[key].as_array().unwrap();
        let number = |value: &serde_json::Value| value.as_f64().map_or(f32::NAN, |value| value as f32);
        let numbers: Vec<f32> = rows.iter().flat_map(|row| row.as_array().unwrap().iter().map(number)).collect();
        Array2::from_shape_vec((rows.len(), numbers.len() / rows.len()), numbers).unwrap()
    };
    let classes = case["classes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    Golden { classes: classes.collect(), inputs: matrix("inputs"), probabilities: matrix("probabilities") }
}

#[track_caller]
fn answers_as_the_library(name: &str, model: &OnnxModel) {
    let golden = golden(name);
    assert!(model.answers().probabilities, "{name}: {}", model.answers());
    assert_eq!(model.spec().classes, golden.classes, "{name}");
    let found = model.logits(golden.inputs.view()).unwrap().mapv(f32::exp);
    assert_eq!(found.dim(), golden.probabilities.dim());
    let apart = found.iter().zip(&golden.probabilities).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-6, "{name}: {apart}");
}

/// All that `tests/golden/trees.py` has written, and who computes it.
const NAMES: [&str; 28] = [
    "extra-trees",
    "extreme-2",
    "extreme-2-missing",
    "extreme-3",
    "extreme-3-missing",
    "extreme-forest",
    "forest-2",
    "forest-3",
    "forest-f64",
    "forest-i64",
    "forest-matrix",
    "forest-names",
    "forest-numbers",
    "forest-two-names",
    "gradient-2",
    "gradient-3",
    "histogram-2-missing",
    "histogram-3-missing",
    "imputed-missing",
    "light-2",
    "light-2-missing",
    "light-3",
    "light-kinds",
    "light-matrix",
    "light-names",
    "regression",
    "scaled",
    "tree",
];

/// This one has operators behind its trees that are left to tract.
const OTHERS: [(&str, &str); 1] = [("bagging", "the Reshape ")];

#[test]
fn probabilities_are_those_of_the_libraries() {
    for name in NAMES {
        let model = OnnxModel::from_bytes(&bytes(name), &OnnxOptions::default()).unwrap();
        assert_eq!(model.engine(), &OnnxEngine::Own, "{name}");
        answers_as_the_library(name, &model);
        let said = ["forest-names", "forest-numbers", "forest-two-names", "histogram-3-missing", "light-names"];
        assert_eq!(model.names_classes(), said.contains(&name), "{name}");
    }
    let mut found: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "onnx"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let mut expected: Vec<&str> = NAMES.into_iter().chain(OTHERS.map(|(name, _)| name)).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn others_compute_what_distill_does_not() {
    for (name, reason) in OTHERS {
        match OnnxModel::from_bytes(&bytes(name), &OnnxOptions::default()) {
            Ok(model) => {
                let OnnxEngine::Tract { because } = model.engine() else { panic!("{name}: {}", model.engine()) };
                assert!(because.starts_with(reason), "{because}");
                answers_as_the_library(name, &model);
            }
            Err(OnnxError::NoEngine { because }) if !HAS_TRACT => assert!(because.starts_with(reason), "{because}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn outputs_are_found_by_name_and_place() {
    let read = |output: &str| {
        let options = OnnxOptions { output: Some(output.to_owned()), ..OnnxOptions::default() };
        OnnxModel::from_bytes(&bytes("forest-two-names"), &options)
    };
    for output in ["output_probability", "probabilities", "1"] {
        let model = read(output).unwrap();
        answers_as_the_library("forest-two-names", &model);
        assert_eq!(model.spec().architecture, "4 decision trees (probabilities, taken as logarithms)");
        assert!(model.spec().parameters > 40, "{}", model.spec().parameters);
    }
    // The likeliest class is no answer.
    for output in ["output_label", "0", "label"] {
        let error = read(output).unwrap_err().to_string();
        let said = [
            "is the likeliest class; name the one with the probabilities",
            "which is not supported",
            "cannot be computed",
        ];
        assert!(said.iter().any(|said| error.contains(said)), "{error}");
    }
    let names = ["green", "red"].map(str::to_owned).to_vec();
    let options = OnnxOptions { classes: Some(vec!["a".to_owned(), "b".to_owned()]), ..OnnxOptions::default() };
    let model = OnnxModel::from_bytes(&bytes("forest-two-names"), &options).unwrap();
    assert_eq!(model.spec().classes, ["a", "b"]);
    assert_eq!(read("1").unwrap().spec().classes, names);
    let ports = OnnxModel::describe(&bytes("forest-2")).unwrap().outputs;
    assert_eq!(ports.iter().map(|port| port.element.as_str()).collect::<Vec<_>>(), ["i64", "map"]);
}

#[test]
fn a_row_is_answered_the_same_beside_any_others_and_by_any_threads() {
    for name in ["forest-3", "imputed-missing", "light-kinds"] {
        let model = OnnxModel::from_bytes(&bytes(name), &OnnxOptions::default()).unwrap();
        let inputs = Array2::from_shape_fn((700, 5), |(i, j)| match (i * 31 + j * 7) % 50 {
            0 => f32::NAN,
            n => ((n * 977 + i) as f32 * 0.37).sin() * 4.0,
        });
        let whole = model.logits(inputs.view()).unwrap();
        for n in [1, 7, 8, 33, 256, 300] {
            for from in (0..700).step_by(n) {
                let rows = s![from..(from + n).min(700), ..];
                assert_eq!(model.logits(inputs.slice(rows)).unwrap(), whole.slice(rows), "{name} {n}");
            }
        }
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| model.logits(inputs.view()).unwrap()), whole);
        }
        let turned = inputs.t().as_standard_layout().into_owned();
        assert_eq!(model.logits(turned.t()).unwrap(), whole);
        assert_eq!(model.logits(inputs.slice(s![..0, ..])).unwrap().nrows(), 0);
        assert!(model.logits(inputs.slice(s![.., ..4])).is_err());
    }
}

#[test]
fn inputs_of_whole_numbers_are_the_nearest() {
    let model = OnnxModel::from_bytes(&bytes("forest-i64"), &OnnxOptions::default()).unwrap();
    let inputs = golden("forest-i64").inputs;
    let near = inputs.mapv(|value| value + 0.4);
    assert_eq!(model.logits(near.view()).unwrap(), model.logits(inputs.view()).unwrap());
}
