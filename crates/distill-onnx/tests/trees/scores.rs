use ndarray::array;

use crate::file::{Node, asked, classifier, file, stump};
use distill_onnx::Trees;

/// The answers to -1 and 1.
#[track_caller]
fn near(node: &Node, expected: [[f32; 2]; 2]) {
    let found = asked(node, &[-1.0, 1.0]);
    let apart = found.iter().zip(expected.as_flattened()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-6, "{found} {expected:?}");
}

/// The numbers are those of ONNX Runtime 1.32 for the same files.
#[test]
fn one_weight_speaks_for_two_classes() {
    let one = |weights: &[f32]| classifier(&[0, 0], weights);
    near(&one(&[0.2, 0.7]), [[0.8, 0.2], [0.3, 0.7]]);
    near(&one(&[-0.2, 0.7]), [[0.2, -0.2], [-0.7, 0.7]]);
    // What rounding leaves is nothing.
    let found = asked(&one(&[1.0_f32.next_down(), 1.0]), &[-1.0, 1.0]);
    assert_eq!(found.column(0).to_vec(), [0.0; 2]);
    near(&one(&[0.2, 0.7]).floats("base_values", &[0.1]), [[0.7, 0.3], [0.2, 0.8]]);
    near(&one(&[0.2, 0.7]).floats("base_values", &[-0.1]), [[0.9, 0.1], [0.4, 0.6]]);
    near(&one(&[-0.2, 0.7]).floats("base_values", &[0.1]), [[0.1, -0.1], [-0.8, 0.8]]);
    let logistic = |node: Node| node.text("post_transform", "LOGISTIC");
    near(&logistic(one(&[0.2, 0.7])), [[0.450_166_05, 0.549_833_95], [0.331_812_26, 0.668_187_74]]);
    near(&logistic(one(&[-0.2, 0.7])), [[0.549_833_95, 0.450_166_05], [0.331_812_26, 0.668_187_74]]);
    let base = logistic(one(&[0.2, 0.7])).floats("base_values", &[0.1]);
    near(&base, [[0.425_557_5, 0.574_442_5], [0.310_025_5, 0.689_974_5]]);
    for after in ["SOFTMAX", "SOFTMAX_ZERO"] {
        near(&one(&[0.2, 0.7]).text("post_transform", after), [[0.8, 0.2], [0.3, 0.7]]);
    }
    // Where it is the second class that has weights, the first has a total of its own.
    near(&classifier(&[1, 1], &[0.2, 0.7]), [[0.0, 0.2], [0.0, 0.7]]);
}

#[test]
fn functions_are_applied_to_two_scores() {
    let two = classifier(&[0, 1, 0, 1], &[0.2, 0.8, 0.7, 0.3]);
    near(&two, [[0.2, 0.8], [0.7, 0.3]]);
    near(&two.clone().floats("base_values", &[0.1, 0.2]), [[0.3, 1.0], [0.8, 0.5]]);
    let after = |name: &str| two.clone().text("post_transform", name);
    near(&after("LOGISTIC"), [[0.549_834, 0.689_974_5], [0.668_187_7, 0.574_442_5]]);
    near(&after("SOFTMAX"), [[0.354_343_7, 0.645_656_3], [0.598_687_7, 0.401_312_3]]);
    near(&after("SOFTMAX_ZERO"), [[0.354_343_7, 0.645_656_3], [0.598_687_7, 0.401_312_3]]);
    near(&after("PROBIT"), [[-0.841_756_1, 0.841_756_1], [0.524_445_9, -0.524_445_9]]);
    near(
        &stump("BRANCH_LEQ", 0.0).text("post_transform", "SOFTMAX"),
        [[0.731_058_6, 0.268_941_4], [0.268_941_4, 0.731_058_6]],
    );
}

#[test]
fn what_pipelines_have_around_trees() {
    let row = |nodes: &[Node], constants: &[(&str, &[i64], &[f32])], output: &str| {
        let trees = Trees::from_bytes(&file(nodes, 3, constants), "x", output, 3).unwrap();
        trees.answers(array![[3.0, -4.0, f32::NAN], [1.0, 1.0, 8.0]].view()).row(0).to_vec()
    };
    let node = |op: &str, inputs: &[&str]| Node::new(op, inputs, &["y"]);
    let scaler = node("Scaler", &["x"]).floats("offset", &[1.0, 2.0, 0.0]).floats("scale", &[0.5]);
    assert_eq!(row(&[scaler], &[], "y")[..2], [1.0, -3.0]);
    let imputer = node("Imputer", &["x"]).floats("imputed_value_floats", &[7.0, 8.0, 9.0]);
    let fill = imputer.with_missing(f32::NAN);
    assert_eq!(row(&[fill], &[], "y"), [3.0, -4.0, 9.0]);
    let imputer = node("Imputer", &["x"]).floats("imputed_value_floats", &[7.0]).with_missing(-4.0);
    assert_eq!(row(&[imputer], &[], "y")[..2], [3.0, 7.0]);
    let filled = |norm: &str| {
        let fill =
            Node::new("Imputer", &["x"], &["filled"]).floats("imputed_value_floats", &[0.0]).with_missing(f32::NAN);
        row(&[fill, node("Normalizer", &["filled"]).text("norm", norm)], &[], "y")
    };
    assert_eq!(filled("L1"), [3.0 / 7.0, -4.0 / 7.0, 0.0]);
    assert_eq!(filled("L2"), [3.0 / 5.0, -4.0 / 5.0, 0.0]);
    assert_eq!(filled("MAX"), [1.0, -4.0 / 3.0, 0.0]);
    let constants: &[(&str, &[i64], &[f32])] =
        &[("row", &[1, 3], &[1.0, 2.0, 3.0]), ("one", &[], &[2.0]), ("places", &[2], &[1.0, 0.0])];
    for (op, expected) in [("Add", [4.0, -2.0]), ("Sub", [2.0, -6.0]), ("Mul", [3.0, -8.0]), ("Div", [3.0, -2.0])] {
        assert_eq!(row(&[node(op, &["x", "row"])], constants, "y")[..2], expected, "{op}");
    }
    assert_eq!(row(&[node("Sub", &["one", "x"])], constants, "y")[..2], [-1.0, 6.0]);
    let select = Node::new("ArrayFeatureExtractor", &["x", "places"], &["two"]);
    assert_eq!(row(std::slice::from_ref(&select), constants, "two"), [-4.0, 3.0]);
    let join = node("Concat", &["two", "x"]).int("axis", 1);
    assert_eq!(row(&[select, join], constants, "y")[..4], [-4.0, 3.0, 3.0, -4.0]);
}
