use ndarray::Array2;

use crate::file::{Node, asked, read, stump};

/// A condition on a feature and a threshold.
type Condition = fn(f32, f32) -> bool;

const MODES: [(&str, Condition); 6] = [
    ("BRANCH_LEQ", |x, threshold| x <= threshold),
    ("BRANCH_LT", |x, threshold| x < threshold),
    ("BRANCH_GTE", |x, threshold| x >= threshold),
    ("BRANCH_GT", |x, threshold| x > threshold),
    ("BRANCH_EQ", |x, threshold| x == threshold),
    ("BRANCH_NEQ", |x, threshold| x != threshold),
];

#[test]
fn every_mode_is_what_its_name_says() {
    let edges = [0.0, -0.0, 1.0, -1.0, 1.5, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, f32::NEG_INFINITY];
    let near = edges.map(|x| [x.next_down(), x, x.next_up()]);
    let inputs = near.as_flattened();
    for (mode, holds) in MODES {
        for &threshold in inputs.iter().filter(|threshold| !threshold.is_nan()) {
            let found = asked(&stump(mode, threshold), inputs);
            for (&x, row) in inputs.iter().zip(found.rows()) {
                let expected = if holds(x, threshold) { [1.0, 0.0] } else { [0.0, 1.0] };
                assert_eq!(row.to_vec(), expected, "{x} {mode} {threshold}");
            }
        }
    }
}

#[test]
fn missing_values_go_where_the_node_says() {
    for (mode, _) in MODES {
        for (tracks, expected) in [(None, [0.0, 1.0]), (Some(0), [0.0, 1.0]), (Some(1), [1.0, 0.0])] {
            let node = stump(mode, 0.5);
            let node = match tracks {
                Some(tracks) => node.ints("nodes_missing_value_tracks_true", &[tracks, 0, 0]),
                None => node,
            };
            // NaN differs from every number, and a mode says that of a number alone.
            let found = asked(&node, &[f32::NAN]).row(0).to_vec();
            assert_eq!(found, expected, "{mode} {tracks:?}");
        }
    }
}

#[test]
fn thresholds_of_f64_are_between_two_numbers_of_f32() {
    let tenth = 0.1_f32;
    // The nearest f32 is above the first, and below the second.
    for (threshold, leq) in [(0.1_f64, false), (f64::from(tenth) + 1e-10, true), (f64::from(tenth), true)] {
        for (mode, holds) in MODES {
            let node = stump(mode, 0.0).doubles("nodes_values", &[threshold, 0.0, 0.0]);
            let node = node.doubles("target_weights", &[0.1, 1.0]);
            let expected = match mode {
                "BRANCH_LEQ" => leq,
                _ => {
                    let x = f64::from(tenth);
                    // The same in f64, where all is exact.
                    let order = x.partial_cmp(&threshold).unwrap() as i8;
                    holds(f32::from(order), 0.0)
                }
            };
            let found = asked(&node, &[tenth]).row(0).to_vec();
            assert_eq!(found, if expected { [tenth, 0.0] } else { [0.0, 1.0] }, "{mode} {threshold}");
        }
    }
}

/// Two trees of three features, whose nodes stand in no order, with a node that is the child of two.
fn two_trees() -> Node {
    // Tree 7: x0 <= 0 ? (x1 <= 0 ? leaf 5 : leaf 1) : (x2 == 4 ? leaf 1 : leaf 9), tree 3: x2 < 1 ? leaf 2 : leaf 4.
    Node::new("TreeEnsembleRegressor", &["x"], &["y"])
        .int("n_targets", 2)
        .ints("nodes_treeids", &[7, 3, 7, 7, 7, 3, 7, 3, 7])
        .ints("nodes_nodeids", &[5, 4, 0, 8, 1, 6, 2, 2, 9])
        .ints("nodes_featureids", &[-1, 99, 0, 1, 0, 2, 2, 0, 0])
        .packed("nodes_values", &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 4.0, 0.0, 0.0])
        .texts(
            "nodes_modes",
            &["LEAF", "LEAF", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "BRANCH_LT", "BRANCH_EQ", "LEAF", "LEAF"],
        )
        .ints("nodes_truenodeids", &[-1, 0, 8, 5, 0, 2, 1, 0, 0])
        .ints("nodes_falsenodeids", &[-1, 0, 2, 1, 0, 4, 9, 0, 0])
        .ints("target_treeids", &[7, 3, 7, 3, 3, 7])
        .ints("target_nodeids", &[1, 4, 5, 2, 4, 0])
        .ints("target_ids", &[0, 1, 0, 0, 0, 1])
        .packed("target_weights", &[10.0, -3.0, 20.0, 0.5, 0.25, 99.0])
}

#[test]
fn trees_are_found_in_lists_of_any_order() {
    let rows = [[-1.0, -1.0, 0.0], [-1.0, 1.0, 4.0], [1.0, 9.0, 4.0], [1.0, 0.0, 5.0], [f32::NAN, 0.0, f32::NAN]];
    let inputs = Array2::from_shape_fn((5, 3), |(i, j)| rows[i][j]);
    let answers = |aggregate: &str| {
        let node = two_trees().text("aggregate_function", aggregate).floats("base_values", &[0.0, 100.0]);
        let trees = read(&[node], 3).unwrap();
        assert_eq!((trees.n_trees(), trees.n_features(), trees.n_outputs()), (2, 3, 2));
        // Four conditions, and the weights of leaves: not that of the root of tree 7.
        assert_eq!(trees.n_parameters(), 4 + 5);
        trees.answers(inputs.view()).rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>()
    };
    let sum = [[20.5, 100.0], [10.25, 97.0], [10.25, 97.0], [0.25, 97.0], [0.25, 97.0]];
    assert_eq!(answers("SUM"), sum);
    assert_eq!(answers("AVERAGE"), sum.map(|[a, b]| [a / 2.0, (b - 100.0) / 2.0 + 100.0]));
    let least = [[0.5, 100.0], [0.25, 97.0], [0.25, 97.0], [0.25, 97.0], [0.25, 97.0]];
    assert_eq!(answers("MIN"), least);
    let most = [[20.0, 100.0], [10.0, 97.0], [10.0, 97.0], [0.25, 97.0], [0.25, 97.0]];
    assert_eq!(answers("MAX"), most);
}

#[test]
fn a_tree_may_be_a_leaf_alone() {
    let node = Node::new("TreeEnsembleRegressor", &["x"], &["y"])
        .ints("nodes_treeids", &[0])
        .ints("nodes_nodeids", &[0])
        .ints("nodes_featureids", &[0])
        .floats("nodes_values", &[0.0])
        .texts("nodes_modes", &["LEAF"])
        .ints("nodes_truenodeids", &[0])
        .ints("nodes_falsenodeids", &[0])
        .ints("target_treeids", &[0])
        .ints("target_nodeids", &[0])
        .ints("target_ids", &[0])
        .floats("target_weights", &[2.5]);
    assert_eq!(asked(&node, &[1.0, f32::NAN]).into_raw_vec_and_offset().0, [2.5, 2.5]);
    // And may say nothing.
    let node = node.ints("target_treeids", &[]).ints("target_nodeids", &[]).ints("target_ids", &[]);
    assert_eq!(asked(&node.floats("target_weights", &[]), &[1.0]).into_raw_vec_and_offset().0, [0.0]);
}
