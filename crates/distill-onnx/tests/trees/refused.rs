use distill_onnx::{HAS_TRACT, OnnxError, OnnxModel, OnnxOptions, Trees};

use crate::file::{Node, classifier, file, read, stump};

fn damaged(node: Node) -> String {
    match read(&[node], 1) {
        Err(error @ OnnxError::Damaged { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_contradicts_itself_is_named() {
    let node = || stump("BRANCH_LEQ", 0.0);
    let none = ["nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes"];
    let cases: [(Node, &str); 20] = [
        (none.into_iter().fold(node(), Node::without), "has no nodes"),
        (node().ints("nodes_nodeids", &[0, 1]), "has 3 numbers in `nodes_treeids` and 2 in `nodes_nodeids`"),
        (node().ints("nodes_missing_value_tracks_true", &[1]), "and 1 in `nodes_missing_value_tracks_true`"),
        (node().without("target_weights"), "has 2 numbers in `target_treeids` and 0 in `target_weights`"),
        (node().ints("nodes_nodeids", &[0, 1, 1]), "has node 1 of tree 0 twice"),
        (node().ints("nodes_truenodeids", &[3, 0, 0]), "has node 3 as a child of node 0 of tree 0, and no such node"),
        (node().ints("nodes_falsenodeids", &[-1, 0, 0]), "has node -1 as a child"),
        (node().ints("nodes_falsenodeids", &[i64::MAX, 0, 0]), "has node 2147483647 as a child"),
        (node().ints("nodes_falsenodeids", &[0, 0, 0]), "has a circle of nodes that leads to node 0 of tree 0"),
        (node().ints("nodes_falsenodeids", &[1, 0, 0]), "has two roots in tree 0, nodes 0 and 2"),
        (node().ints("nodes_featureids", &[1, 0, 0]), "asks in node 0 of tree 0 for feature 1, and its input has 1"),
        (node().ints("nodes_featureids", &[-1, 0, 0]), "for feature -1"),
        (node().floats("nodes_values", &[f32::NAN, 0.0, 0.0]), "compares in node 0 of tree 0 with NaN"),
        (node().floats("target_weights", &[f32::INFINITY, 0.0]), "gives node 1 of tree 0 the weight inf for"),
        (node().ints("target_ids", &[2, 0]), "the weight 1 for class or target 2; weights are finite, and there are 2"),
        (node().ints("target_nodeids", &[1, 7]), "has a weight of node 7 of tree 0, which does not exist"),
        (node().int("n_targets", i64::MAX), "classes or targets; from 1 to 65536 are possible"),
        (node().floats("base_values", &[1.0]), "has 1 numbers in `base_values`, and 2 totals"),
        (node().floats("base_values", &[1.0, f32::NAN]), "a number in `base_values` that is not finite"),
        (node().ints("nodes_modes", &[1, 2, 3]), "has 3 numbers in `nodes_treeids` and 0 in `nodes_modes`"),
    ];
    for (node, message) in cases {
        let error = damaged(node);
        assert!(
            error.contains("the TreeEnsembleRegressor `y` (node 0 of the ONNX file) has ")
                || error.contains("asks in")
                || error.contains("compares in")
                || error.contains("gives node"),
            "{error}"
        );
        assert!(error.contains(message), "{message}: {error}");
    }
    let both = node().doubles("nodes_values", &[0.0; 3]).floats("nodes_values", &[0.0; 3]);
    assert!(damaged(both).contains("has both `nodes_values` and `nodes_values_as_tensor`"));
    let labels = classifier(&[0, 1], &[1.0, 1.0]);
    assert!(damaged(labels.clone().texts("classlabels_strings", &["a", "b"])).contains("both names and numbers"));
    assert!(damaged(labels.without("classlabels_int64s")).contains("has 0 classes or targets"));
}

#[test]
fn what_is_not_possible_here_is_named() {
    let damage = [
        (stump("BRANCH_MEMBER", 0.0), "has a node of the mode `BRANCH_MEMBER`"),
        (stump("BRANCH_LEQ", 0.0).text("post_transform", "COSINE"), "has the post_transform `COSINE`"),
        (stump("BRANCH_LEQ", 0.0).text("aggregate_function", "MEDIAN"), "has the aggregate_function `MEDIAN`"),
        (classifier(&[0, 0], &[1.0, 1.0]).text("post_transform", "PROBIT"), "`PROBIT` and one weight for two classes"),
    ];
    for (node, message) in damage {
        let error = damaged(node);
        assert!(error.contains(message), "{error}");
    }
    let behind = |op: &str| Node::new(op, &["y"], &["z"]);
    let unsupported = |nodes: &[Node], output: &str| match Trees::from_bytes(&file(nodes, 1, &[]), "x", output, 1) {
        Err(error @ OnnxError::Unsupported { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let node = stump("BRANCH_LEQ", 0.0);
    for (behind, message) in [
        (behind("Sin"), "the Sin `z` (node 1 of the ONNX file), which is not supported: it is no operation"),
        (behind("TreeEnsemble"), "the TreeEnsemble `z` (node 1 of the ONNX file)"),
        (behind("Cast").int("to", 7), "it makes other numbers than f32 or f64"),
        (behind("Concat").int("axis", 0), "it joins other than columns"),
        (behind("Scaler").floats("scale", &[1.0; 3]).floats("offset", &[0.0]), "3 numbers in `scale` for 2 columns"),
        (behind("Normalizer").text("norm", "L3"), "it has the norm `L3`"),
        (behind("ZipMap").ints("classlabels_int64s", &[0, 1, 2]), "it has 3 labels for 2 numbers"),
        (Node::new("Add", &["y", "nothing"], &["z"]), "it takes `nothing`, which nothing before it computes"),
        (Node::new("Add", &["y"], &["z"]), "it has no input 1"),
    ] {
        let error = unsupported(&[node.clone(), behind], "z");
        assert!(error.contains(message), "{error}");
    }
    let error = unsupported(&[classifier(&[0, 1], &[1.0, 1.0])], "label");
    assert!(error.contains("the output `label`, which is not supported: it is the likeliest class"), "{error}");
    // A node that the output does not need may be anything.
    assert!(Trees::from_bytes(&file(&[node.clone(), behind("Sin")], 1, &[]), "x", "y", 1).is_ok());
    let error = Trees::from_bytes(&file(&[node], 1, &[]), "x", "none", 1).unwrap_err();
    assert!(error.to_string().contains("nothing computes the output `none`"), "{error}");
    // Every join doubles the columns.
    let joins = (0..30).map(|i| {
        let (from, to) = (if i == 0 { "x".to_owned() } else { format!("{i}") }, format!("{}", i + 1));
        Node::new("Concat", &[&from, &from], &[&to]).int("axis", 1)
    });
    let error = Trees::from_bytes(&file(&joins.collect::<Vec<_>>(), 1, &[]), "x", "30", 1).unwrap_err();
    assert!(error.to_string().contains("one example takes more than"), "{error}");
}

#[test]
fn as_a_teacher_it_is_refused_or_left_to_others_with_the_reason() {
    let read = |nodes: &[Node]| OnnxModel::from_bytes(&file(nodes, 1, &[]), &OnnxOptions::default()).unwrap_err();
    // tract is not asked for what is damaged.
    let error = read(&[stump("BRANCH_LEQ", 0.0).ints("nodes_falsenodeids", &[0, 0, 0])]);
    assert!(matches!(error, OnnxError::Damaged { .. }), "{error}");
    let error = read(&[stump("BRANCH_LEQ", 0.0), Node::new("TreeEnsemble", &["y"], &["z"])]);
    match error {
        OnnxError::NoEngine { because } => {
            assert_eq!(
                because,
                "the TreeEnsemble `z` (node 1 of the ONNX file) is no operation that distill computes beside trees"
            );
        }
        error => assert!(HAS_TRACT && error.to_string().contains("the operator `TreeEnsemble"), "{error}"),
    }
    // One number for an example is not a choice between classes.
    let one = stump("BRANCH_LEQ", 0.0).int("n_targets", 1).ints("target_ids", &[0, 0]);
    assert!(matches!(read(&[one]), OnnxError::OutputShape { .. }));
    // Numbers from 0 to 1 that do not add up to 1 may be both.
    let sigmoids = classifier(&[0, 1], &[1.0, 1.0]).text("post_transform", "LOGISTIC");
    assert!(matches!(read(&[sigmoids]), OnnxError::Option { key: "probabilities", .. }));
}
