//! Models that give numbers: as the libraries answer that trained them, and made by hand.

use std::fs;
use std::path::{Path, PathBuf};

use distill_models::{Model, Task};
use distill_onnx::{OnnxEngine, OnnxError, OnnxModel, OnnxOptions, Trees};
use ndarray::{Array2, array};

use crate::file::{Node, file, stump};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/regressors")
}

fn numbers() -> OnnxOptions {
    OnnxOptions { task: Task::Numbers, ..OnnxOptions::default() }
}

fn read(bytes: &[u8], options: &OnnxOptions) -> Result<OnnxModel, OnnxError> {
    OnnxModel::from_bytes(bytes, options)
}

fn matrix(case: &serde_json::Value, key: &str) -> Array2<f32> {
    let rows = case[key].as_array().unwrap();
    let number = |value: &serde_json::Value| value.as_f64().map_or(f32::NAN, |value| value as f32);
    let numbers: Vec<f32> = rows.iter().flat_map(|row| row.as_array().unwrap().iter().map(number)).collect();
    Array2::from_shape_vec((rows.len(), numbers.len() / rows.len()), numbers).unwrap()
}

/// All that `tests/golden/regressors.py` has written, and what computes it.
const NAMES: [(&str, &str); 23] = [
    ("extra-trees", "4 decision trees"),
    ("extreme", "4 decision trees"),
    ("extreme-forest", "4 decision trees"),
    ("extreme-missing", "4 decision trees"),
    ("extreme-poisson", "4 decision trees"),
    ("forest", "4 decision trees"),
    ("forest-f64", "4 decision trees"),
    ("forest-two", "4 decision trees"),
    ("gradient", "4 decision trees"),
    ("histogram-missing", "4 decision trees"),
    ("light", "4 decision trees"),
    ("light-missing", "4 decision trees"),
    ("light-parts", "4 decision trees"),
    ("light-poisson", "4 decision trees"),
    ("linear", "linear model"),
    ("linear-two", "linear model"),
    ("perceptron", "ONNX graph of 8 operators"),
    ("perceptron-tanh", "ONNX graph of 7 operators"),
    ("ridge", "linear model"),
    ("scaled", "4 decision trees"),
    ("tree", "1 decision tree"),
    ("tree-two", "1 decision tree"),
    ("voting", "5 decision trees"),
];

#[test]
fn numbers_are_those_of_the_libraries() {
    for (name, architecture) in NAMES {
        let bytes = fs::read(folder().join(format!("{name}.onnx"))).unwrap();
        let case = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let case: serde_json::Value = serde_json::from_str(&case).unwrap();
        let (inputs, expected) = (matrix(&case, "inputs"), matrix(&case, "numbers"));
        let model = read(&bytes, &numbers()).unwrap();
        assert_eq!(model.engine(), &OnnxEngine::Own, "{name}");
        assert_eq!((model.spec().task, model.spec().architecture.as_str()), (Task::Numbers, architecture), "{name}");
        assert!(!model.answers().probabilities && !model.names_classes(), "{name}");
        let found = model.logits(inputs.view()).unwrap();
        assert_eq!(found.dim(), expected.dim(), "{name}");
        // Each number is held to its own unit.
        for (found, expected) in found.columns().into_iter().zip(expected.columns()) {
            let largest = expected.iter().fold(0.0_f32, |largest, y| largest.max(y.abs()));
            let apart = found.iter().zip(expected).fold(0.0_f32, |apart, (a, b)| apart.max((a - b).abs()));
            assert!(largest > 0.0 && apart <= 1e-5 * largest, "{name}: {apart} of {largest}");
        }
    }
    let mut found: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "onnx"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert_eq!(found, NAMES.map(|(name, _)| name));
}

/// Two leaves that say 250,000 and 400,000 of one number.
fn price() -> Node {
    stump("BRANCH_LEQ", 0.0).int("n_targets", 1).ints("target_ids", &[0, 0]).floats("target_weights", &[2.5e5, 4e5])
}

fn answers(bytes: &[u8], options: &OnnxOptions) -> Vec<f32> {
    let model = read(bytes, options).unwrap();
    model.logits(array![[-1.0], [1.0]].view()).unwrap().into_iter().collect()
}

#[test]
fn numbers_are_taken_as_they_are() {
    assert_eq!(answers(&file(&[price()], 1, &[]), &numbers()), [2.5e5, 4e5]);
    let base = price().floats("base_values", &[-1e5]);
    assert_eq!(answers(&file(std::slice::from_ref(&base), 1, &[]), &numbers()), [1.5e5, 3e5]);
    let average = base.text("aggregate_function", "AVERAGE");
    assert_eq!(answers(&file(&[average], 1, &[]), &numbers()), [1.5e5, 3e5]);
    // Of classes these would be probabilities, and their logarithms the logits.
    let shares = stump("BRANCH_LEQ", 0.0);
    assert_eq!(answers(&file(std::slice::from_ref(&shares), 1, &[]), &numbers()), [1.0, 0.0, 0.0, 1.0]);
    assert!(answers(&file(&[shares], 1, &[]), &OnnxOptions::default())[1] < -5.0);
}

#[test]
fn names_are_those_that_are_given_or_none() {
    let bytes = file(&[stump("BRANCH_LEQ", 0.0)], 1, &[]);
    let with = |names: &[&str]| {
        let classes = Some(names.iter().map(ToString::to_string).collect());
        read(&bytes, &OnnxOptions { classes, ..numbers() })
    };
    let model = with(&["price", "rent"]).unwrap();
    assert_eq!((model.spec().classes.join(" "), model.names_classes()), ("price rent".to_owned(), true));
    assert_eq!(
        with(&["price"]).unwrap_err().to_string(),
        "the names of the numbers from the setting `classes` cannot be used: there are 1 and the output has 2"
    );
    let error = read(&bytes, &OnnxOptions { probabilities: Some(true), ..numbers() }).unwrap_err().to_string();
    assert!(error.starts_with("`probabilities` cannot be true, as the outputs are numbers to predict"), "{error}");
    assert!(read(&bytes, &OnnxOptions { probabilities: Some(false), ..numbers() }).is_ok());
    let one = file(&[price()], 1, &[]);
    let error = read(&one, &OnnxOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "output `y` has shape [16, 1], expected [16, classes] with two classes or more");
}

#[test]
fn what_exporters_write_behind_regressors() {
    let behind = |behind: &[Node], constants: &[(&str, &[i64], &[f32])]| {
        let nodes: Vec<Node> = std::iter::once(price()).chain(behind.iter().cloned()).collect();
        answers(&file(&nodes, 1, constants), &numbers())
    };
    let node = |op: &str, inputs: &[&str]| Node::new(op, inputs, &["z"]);
    let shape: &[(&str, &[i64], &[f32])] = &[("shape", &[2], &[-1.0, 1.0]), ("flat", &[1], &[-1.0])];
    assert_eq!(behind(&[node("Reshape", &["y", "shape"])], shape), [2.5e5, 4e5]);
    assert_eq!(behind(&[node("Reshape", &["y", "flat"])], shape), [2.5e5, 4e5]);
    assert_eq!(behind(&[node("Squeeze", &["y"]).ints("axes", &[1])], &[]), [2.5e5, 4e5]);
    assert_eq!(behind(&[node("Flatten", &["y"])], &[]), [2.5e5, 4e5]);
    assert_eq!(behind(&[node("Sum", &["y", "x", "y"])], &[]), [5e5 - 1.0, 8e5 + 1.0]);
    let found = behind(&[node("Exp", &["x"])], &[]);
    assert!((found[0] - 0.367_879_44).abs() < 1e-7 && (found[1] - std::f32::consts::E).abs() < 1e-6, "{found:?}");
}

/// Two targets of three columns.
fn linear() -> Node {
    Node::new("LinearRegressor", &["x"], &["y"])
        .int("targets", 2)
        .floats("coefficients", &[1.0, 2.0, 3.0, -1.0, 0.0, 0.5])
        .floats("intercepts", &[100.0, -1.0])
}

#[test]
fn linear_models_are_computed_beside_trees() {
    let asked = |node: Node| {
        let model = read(&file(&[node], 3, &[]), &numbers()).unwrap();
        assert_eq!((model.engine(), model.spec().architecture.as_str()), (&OnnxEngine::Own, "linear model"));
        (model.logits(array![[1.0, 1.0, 1.0], [2.0, 0.0, -4.0]].view()).unwrap(), model.spec().parameters)
    };
    assert_eq!(asked(linear()), (array![[106.0, -1.5], [90.0, -5.0]], 8));
    assert_eq!(asked(linear().without("intercepts")).0, array![[6.0, -0.5], [-10.0, -4.0]]);
    let one = linear().without("targets").floats("coefficients", &[1.0, 2.0, 3.0]).floats("intercepts", &[0.5]);
    assert_eq!(asked(one).0, array![[6.5], [-9.5]]);
    for (node, message) in [
        (linear().int("targets", 3), "has 6 coefficients and 2 intercepts for 3 targets of 3 columns"),
        (linear().int("targets", 0), "has 0 targets; from 1 to 65536 are possible"),
        (linear().int("targets", i64::MAX), "targets; from 1 to 65536 are possible"),
        (linear().floats("intercepts", &[0.0]), "has 6 coefficients and 1 intercepts"),
        (linear().floats("intercepts", &[0.0, f32::NAN]), "an intercept that is not finite"),
        (linear().text("post_transform", "SOFTMAX"), "has a post_transform; NONE is possible"),
    ] {
        let error = Trees::from_bytes(&file(&[node], 3, &[]), "x", "y", 3).unwrap_err().to_string();
        assert!(error.contains(message), "{message}: {error}");
    }
}

#[test]
fn what_would_be_other_numbers_is_refused() {
    let two = stump("BRANCH_LEQ", 0.0).ints("target_ids", &[0, 0]);
    let error = read(&file(&[two], 1, &[]), &numbers()).unwrap_err().to_string();
    assert!(error.contains("has 2 targets, of which no leaf says anything of target 1"), "{error}");
    let refused = |behind: Node, constants: &[(&str, &[i64], &[f32])]| {
        let nodes = [stump("BRANCH_LEQ", 0.0), behind];
        Trees::from_bytes(&file(&nodes, 1, constants), "x", "z", 1).unwrap_err().to_string()
    };
    let shape: &[(&str, &[i64], &[f32])] = &[("shape", &[2], &[-1.0, 1.0]), ("flat", &[1], &[-1.0])];
    // Rows of two numbers would become rows of one.
    for node in [
        Node::new("Reshape", &["y", "shape"], &["z"]),
        Node::new("Reshape", &["y", "flat"], &["z"]),
        Node::new("Squeeze", &["y"], &["z"]).ints("axes", &[1]),
        Node::new("Flatten", &["y"], &["z"]).int("axis", 0),
    ] {
        let error = refused(node, shape);
        assert!(error.contains("makes another shape than rows of 2 columns"), "{error}");
    }
    let error = refused(Node::new("Reshape", &["y", "x"], &["z"]), &[]);
    assert!(error.contains("takes a shape `x` that is computed"), "{error}");
    let error = refused(Node::new("Sum", &["y", "x"], &["z"]), &[]);
    assert!(error.contains("adds 1 columns to 2"), "{error}");
    // A column that is lost before the end makes a row of all examples.
    let nodes =
        [price(), Node::new("Squeeze", &["y"], &["flat"]).ints("axes", &[1]), Node::new("Add", &["flat", "x"], &["z"])];
    let error = Trees::from_bytes(&file(&nodes, 1, &[]), "x", "z", 1).unwrap_err().to_string();
    assert!(error.contains("makes another shape than rows of 1 columns"), "{error}");
}
