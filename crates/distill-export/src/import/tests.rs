use super::*;
use crate::attribute::Attribute;
use crate::wire::Message;

/// A file of ONNX, node by node.
#[derive(Clone)]
struct Graph {
    graph: Message,
    sides: Vec<Option<i64>>,
    output: &'static str,
}

impl Graph {
    fn new(sides: &[i64]) -> Self {
        Self { graph: Message::default(), sides: sides.iter().copied().map(Some).collect(), output: "y" }
    }

    fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute<'_>)]) -> &mut Self {
        let mut node = Message::default();
        inputs.iter().for_each(|input| _ = node.text(1, input));
        node.text(2, output).text(4, op);
        attributes.iter().for_each(|(name, value)| _ = node.message(5, &value.encode(name)));
        self.graph.message(1, &node);
        self
    }

    fn floats(&mut self, name: &str, dims: &[i64], value: f32) -> &mut Self {
        let mut tensor = Message::default();
        dims.iter().for_each(|&dim| _ = tensor.int(1, dim));
        let n = usize::try_from(dims.iter().product::<i64>()).unwrap();
        tensor.int(2, 1).text(8, name).bytes(9, &value.to_le_bytes().repeat(n));
        self.graph.message(5, &tensor);
        self
    }

    fn ints(&mut self, name: &str, values: &[i64]) -> &mut Self {
        let mut tensor = Message::default();
        tensor.int(1, values.len() as i64).int(2, 7).text(8, name);
        values.iter().for_each(|&value| _ = tensor.int(7, value));
        self.graph.message(5, &tensor);
        self
    }

    /// A convolution of 1x1 from 2 to 2 channels, means, and the file around them.
    fn head(&mut self, x: &str) -> &mut Self {
        self.node("GlobalAveragePool", &[x], "means", &[]).node("Flatten", &["means"], "y", &[])
    }

    fn read(&self) -> Result<FromOnnx, ExportError> {
        network_from_onnx(&self.bytes())
    }

    fn frozen(&self) -> Result<FromOnnx, ExportError> {
        frozen_network_from_onnx(&self.bytes(), None)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut graph = self.graph.clone();
        let (mut shape, mut batch) = (Message::default(), Message::default());
        shape.message(1, batch.text(2, "n"));
        for side in &self.sides {
            let mut dim = Message::default();
            side.iter().for_each(|&side| _ = dim.int(1, side));
            shape.message(1, &dim);
        }
        let (mut tensor, mut kind, mut port, mut output) =
            (Message::default(), Message::default(), Message::default(), Message::default());
        kind.message(1, tensor.int(1, 1).message(2, &shape));
        graph.message(11, port.text(1, "x").message(2, &kind)).message(12, output.text(1, self.output));
        let mut model = Message::default();
        model.message(7, &graph).clone().into_bytes()
    }

    fn refused(&self) -> String {
        self.read().unwrap_err().to_string()
    }

    fn ops(&self) -> Vec<distill_models::Op> {
        self.read().unwrap().config().nodes.iter().map(|node| node.op.clone()).collect()
    }
}

fn map() -> Graph {
    Graph::new(&[2, 4, 6])
}

use distill_models::{Activation, Op};

#[test]
fn what_cannot_be_trained_is_named_with_its_place() {
    let refused = |graph: &mut Graph, expected: &str| {
        let error = graph.refused();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    let ints = |values: &[i64]| Attribute::Ints(values.to_vec());
    refused(
        map().node("Relu", &["x"], "a", &[]).node("LSTM", &["a"], "b", &[]).head("b"),
        "the LSTM `b` (node 1 of the ONNX file) cannot be trained here: networks here have no state",
    );
    refused(
        map().node("Wavelet", &["x"], "b", &[]).head("b"),
        "the Wavelet `b` (node 0 of the ONNX file) cannot be trained",
    );
    refused(map().node("Relu", &["z"], "b", &[]).head("b"), "reads \"z\", which is not computed before it");
    refused(map().floats("w", &[2, 2, 1], 1.0).node("Conv", &["x", "w"], "b", &[]).head("b"), "2 dimensions");
    refused(map().floats("w", &[2, 3, 1, 1], 1.0).node("Conv", &["x", "w"], "b", &[]).head("b"), "map of 2 channels");
    let conv = |name: &str, attribute: Attribute<'_>| {
        map().floats("w", &[2, 2, 1, 1], 1.0).node("Conv", &["x", "w"], "b", &[(name, attribute)]).head("b").clone()
    };
    refused(&mut conv("dilations", ints(&[2, 2])), "has dilations");
    refused(&mut conv("group", Attribute::Int(2)), "in 2 groups");
    refused(&mut conv("group", Attribute::Int(-1)), "negative number of groups");
    refused(&mut conv("pads", ints(&[1, 1])), "2 numbers of padding");
    refused(&mut conv("pads", ints(&[0, 0, -1, 0])), "padding of -1");
    refused(&mut conv("pads", ints(&[0, 0, i64::MAX, 0])), "larger than memory");
    refused(&mut conv("strides", ints(&[0, 1])), "side of 0");
    refused(&mut conv("kernel_shape", ints(&[3, 1])), "another kernel");
    refused(&mut conv("auto_pad", Attribute::Text(b"SAME_UPPER")), "numbers for the padding");
    let pool = |op: &str, name: &str, attribute: Attribute<'_>| {
        let sides = [("kernel_shape", ints(&[3, 3])), ("strides", ints(&[2, 2])), (name, attribute)];
        map().node(op, &["x"], "b", &sides).head("b").clone()
    };
    refused(&mut pool("MaxPool", "ceil_mode", Attribute::Int(1)), "over the end of the map");
    refused(&mut pool("MaxPool", "dilations", ints(&[1, 2])), "dilations");
    let counted = [("kernel_shape", ints(&[2, 2])), ("pads", ints(&[1; 4])), ("count_include_pad", Attribute::Int(1))];
    refused(map().node("AveragePool", &["x"], "b", &counted).head("b"), "counts the padding");
    refused(map().node("Concat", &["x", "x"], "b", &[("axis", Attribute::Int(2))]).head("b"), "along axis 2");
    refused(map().node("Sigmoid", &["x"], "b", &[]).head("b"), "a Sigmoid, which SiLU begins with");
    refused(map().node("Mul", &["x", "x"], "b", &[]).head("b"), "multiplies two values");
    refused(map().floats("h", &[], 1.0).node("Clip", &["x", "", "h"], "b", &[]).head("b"), "bounds open and 1");
    refused(map().ints("s", &[0, 8, 6]).node("Reshape", &["x", "s"], "b", &[]).head("b"), "a shape of [batch, 8, 6]");
    refused(map().node("ReduceMean", &["x"], "y", &[("axes", ints(&[1, 2]))]), "over the axes [1, 2]");
    refused(map().node("GlobalAveragePool", &["x"], "y", &[]), "a map of one pixel");
    refused(map().node("Relu", &["x"], "y", &[]), "one number for each class");
    refused(&mut Graph { output: "x", ..map() }, "its output is its input");
    refused(&mut Graph { output: "q", ..map() }, "is not computed");
    refused(&mut Graph { sides: vec![Some(2), None, Some(3)], ..map() }, "[batch, 2, ?, 3]");
    let norm = |epsilon: f32, variance: f32| {
        let mut graph = map();
        ["a", "b", "c"].into_iter().for_each(|name| _ = graph.floats(name, &[2], 1.0));
        graph.floats("v", &[2], variance);
        graph.node("BatchNormalization", &["x", "a", "b", "c", "v"], "z", &[("epsilon", Attribute::Float(epsilon))]);
        graph.head("z").clone()
    };
    refused(&mut norm(1e-5, -1.0), "running variance of -1");
    refused(&mut norm(1e-5, f32::NAN), "has the weight NaN at element 0");
    let other = norm(1e-3, 1.0).read().unwrap();
    assert!(other.notes()[0].contains("epsilon of 0.001"), "{:?}", other.notes());
    assert!((other.weights["z.running_var"][0] - 1.000_99).abs() < 1e-6);
}

#[test]
fn shared_weights_are_refused_and_shared_vectors_are_copied() {
    let mut graph = Graph::new(&[3]);
    graph.floats("w", &[3, 3], 1.0).floats("v", &[3, 3], 1.0).floats("b", &[3], 0.5);
    graph.node("Gemm", &["x", "w", "b"], "a", &[]);
    assert!(graph.clone().node("Gemm", &["a", "w", "b"], "y", &[]).refused().contains("the weights of another layer"));
    assert_eq!(
        graph.node("Gemm", &["a", "v", "b"], "y", &[]).ops(),
        [Op::Linear { outputs: 3 }, Op::Linear { outputs: 3 }]
    );
}

#[test]
fn functions_of_several_nodes_become_one() {
    let parts = |make: fn(&mut Graph) -> &mut Graph| {
        let mut graph = map();
        for (name, value) in
            [("half", 0.5), ("root", std::f32::consts::SQRT_2), ("one", 1.0), ("3", 3.0), ("6", 6.0), ("0", 0.0)]
        {
            graph.floats(name, &[], value);
        }
        make(&mut graph).head("z").ops()[0].clone()
    };
    let gelu = Op::Activation(Activation::Gelu);
    assert_eq!(
        parts(|g| {
            g.node("Div", &["x", "root"], "a", &[]).node("Erf", &["a"], "b", &[]).node("Add", &["one", "b"], "c", &[]);
            g.node("Mul", &["x", "half"], "d", &[]).node("Mul", &["d", "c"], "z", &[])
        }),
        gelu
    );
    assert_eq!(
        parts(|g| {
            g.node("Div", &["x", "root"], "a", &[]).node("Erf", &["a"], "b", &[]).node("Add", &["b", "one"], "c", &[]);
            g.node("Mul", &["c", "x"], "d", &[]).node("Mul", &["half", "d"], "z", &[])
        }),
        gelu
    );
    let swish = Op::Activation(Activation::HardSwish);
    assert_eq!(
        parts(|g| {
            g.node("Add", &["x", "3"], "a", &[]).node("Clip", &["a", "0", "6"], "b", &[]);
            g.node("Mul", &["x", "b"], "c", &[]).node("Div", &["c", "6"], "z", &[])
        }),
        swish
    );
    assert_eq!(
        parts(|g| {
            g.node("Add", &["x", "3"], "a", &[]).node("Clip", &["a", "0", "6"], "b", &[]);
            g.node("Div", &["b", "6"], "c", &[]).node("Mul", &["c", "x"], "z", &[])
        }),
        swish
    );
    assert_eq!(
        parts(|g| {
            let sides = [("alpha", Attribute::Float(1.0 / 6.0)), ("beta", Attribute::Float(0.5))];
            g.node("HardSigmoid", &["x"], "a", &sides).node("Mul", &["x", "a"], "z", &[])
        }),
        swish
    );
    // Bounds as older files have them.
    assert_eq!(
        parts(|g| g.node("Clip", &["x"], "z", &[("min", Attribute::Float(0.0)), ("max", Attribute::Float(6.0))])),
        Op::Activation(Activation::Relu6)
    );
    assert_eq!(parts(|g| g.node("Clip", &["x", "0"], "z", &[])), Op::Activation(Activation::Relu));
}

#[test]
fn layers_of_several_nodes_become_one() {
    let mut graph = Graph::new(&[3]);
    let tensor = |name: &str, dims: [i64; 2], values: &[f32]| {
        let mut tensor = Message::default();
        dims.iter().for_each(|&dim| _ = tensor.int(1, dim));
        tensor.int(2, 1).text(8, name);
        values.iter().for_each(|&value| _ = tensor.float(4, value));
        tensor
    };
    graph.graph.message(5, &tensor("w", [3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    graph.floats("b", &[2], 0.5).node("MatMul", &["x", "w"], "a", &[]).node("Add", &["b", "a"], "y", &[]);
    let network = graph.read().unwrap().network(vec!["p".into(), "q".into()]).unwrap();
    assert_eq!(network.params().as_slice(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0, 0.5, 0.5]);
    // A softmax at the end is left out, and said so.
    graph.node("Softmax", &["y"], "p", &[]);
    let found = Graph { output: "p", ..graph }.read().unwrap();
    assert!(found.notes()[0].starts_with("Its last node, Softmax, is left out"));
    assert_eq!(found.config().nodes.len(), 1);
    // Zeros around a map are the padding of the convolution behind it.
    let mut graph = map();
    graph.ints("p", &[0, 0, 0, 0, 0, 0, 1, 2]).floats("w", &[2, 2, 2, 3], 1.0);
    graph.node("Pad", &["x", "p"], "a", &[]).node("Conv", &["a", "w"], "b", &[]).head("b");
    assert!(matches!(&graph.ops()[0], Op::Conv(conv) if conv.padding == [0, 0, 1, 2]), "{:?}", graph.ops());
}

#[test]
fn what_is_only_asked_may_have_slices_and_pads_of_channels() {
    let cut = |starts: &[i64], pads: &[i64]| {
        let mut graph = map();
        graph.ints("s", starts).ints("e", &[i64::MAX, 6]).ints("a", &[2, 3]).ints("t", &[2, 1]).ints("p", pads);
        graph.node("Slice", &["x", "s", "e", "a", "t"], "a1", &[]).node("Pad", &["a1", "p"], "b", &[]).head("b").clone()
    };
    let graph = cut(&[0, 0], &[0, 1, 0, 0, 0, 0, 0, 0]);
    let found = graph.frozen().unwrap();
    let conv = distill_models::Conv::same(3, 1).stride([2, 1]);
    assert_eq!(found.config().nodes[0].op, Op::Conv(conv));
    assert_eq!(found.weights["b.weight"], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    assert!(graph.refused().contains("the Slice `a1` (node 0 of the ONNX file) cannot be trained here: Conv, "));
    let refused = |graph: &Graph, expected: &str| {
        let error = graph.frozen().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    refused(&cut(&[0, 1], &[0; 8]), "cuts from 1 to 6 with a step of 1 along axis 3");
    refused(&cut(&[0, 0], &[0, 1, 1, 0, 0, 0, 0, 0]), "pads other than");
    refused(&cut(&[0, 0], &[0, -1, 0, 0, 0, 0, 0, 0]), "pads other than");
    refused(&cut(&[0, 0], &[0, 1 << 40, 0, 0, 0, 0, 0, 0]), "takes more numbers than a file of its size may");
    refused(&cut(&[0, 0], &[0, i64::MAX, 0, 0, 0, i64::MAX, 0, 0]), "more channels than memory");
    refused(&cut(&[0], &[0; 8]), "other numbers of starts, ends, axes and steps");
}

#[test]
fn what_is_only_asked_may_share_weights_and_is_taken_as_it_is() {
    let mut graph = Graph::new(&[3]);
    graph.floats("w", &[3, 3], 1.0).floats("b", &[3], 0.5).ints("yes", &[1]);
    graph.node("Gemm", &["x", "w", "b"], "a", &[]).node("Gemm", &["a", "w", "b"], "y", &[]);
    assert!(graph.refused().contains("the weights of another layer"));
    let network = graph.frozen().unwrap().network(vec!["p".into(), "q".into(), "r".into()]).unwrap();
    let logits = network.logits(ndarray::array![[1.0, 2.0, 3.0]].view()).unwrap();
    assert_eq!(logits, ndarray::array![[20.0; 3]]);
    let refused = |graph: &Graph, expected: &str| {
        let error = graph.frozen().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    let ending = |op: &str, inputs: &[&str], attributes: &[(&str, Attribute<'_>)]| {
        let mut graph = Graph { output: "z", ..graph.clone() };
        graph.node(op, inputs, "z", attributes).clone()
    };
    // A softmax stays, dropout goes unless it is that of a training, and numbers that are no f32 are not computed.
    refused(
        &ending("Softmax", &["y"], &[]),
        "the Softmax `z` (node 2 of the ONNX file) is no operation that distill has",
    );
    assert_eq!(ending("Dropout", &["y"], &[]).frozen().unwrap().config().nodes.len(), 2);
    refused(&ending("Dropout", &["y", "", "yes"], &[]), "that of a training");
    refused(&ending("Cast", &["y"], &[("to", Attribute::Int(7))]), "another type than f32");
    assert!(ending("Cast", &["y"], &[("to", Attribute::Int(11))]).frozen().is_ok());
    refused(&ending("CastLike", &["y", "yes"], &[]), "another type than f32");
    let mut graph = Graph::new(&[3]);
    graph.floats("w", &[3, 3], 1.0).floats("b", &[3, 1], 0.5).node("Gemm", &["x", "w", "b"], "y", &[]);
    refused(&graph, "has a bias of shape [3, 1]");
    // As many copies as a file may mean, and no more.
    let mut graph = Graph::new(&[1000]);
    graph.floats("w", &[1000, 1000], 0.0);
    let names: Vec<String> = (0..12).map(|i| format!("v{i}")).collect();
    for (i, name) in names.iter().enumerate() {
        graph.node("MatMul", &[if i == 0 { "x" } else { &names[i - 1] }, "w"], name, &[]);
    }
    refused(&Graph { output: "v11", ..graph.clone() }, "more numbers than a file of its size may");
    assert!(Graph { output: "v7", ..graph }.frozen().is_ok());
}

#[test]
fn open_sides_are_those_that_are_said() {
    let open = Graph { sides: vec![Some(2), None, Some(6)], ..map() }.head("x").clone();
    let read =
        |shape: &[usize]| frozen_network_from_onnx(&open.bytes(), Some(shape)).map_err(|error| error.to_string());
    assert_eq!(read(&[2, 4, 6]).unwrap().input_shape(), [2, 4, 6]);
    for shape in [&[2, 4, 5][..], &[2, 4], &[]] {
        assert!(read(shape).unwrap_err().contains("its input is [batch, 2, ?, 6], which examples of shape"));
    }
}

#[test]
fn the_task_of_our_own_files_is_read_back() {
    use distill_models::{MlpConfig, Provenance, Task};

    let config = MlpConfig { hidden: vec![5], ..MlpConfig::default() };
    for (names, task) in
        [(vec!["price".to_owned()], Task::Numbers), (vec!["a".to_owned(), "b".to_owned()], Task::Classes)]
    {
        let model = Network::new(config.clone(), vec![3], names.clone(), 1).unwrap().with_task(task);
        let exported = crate::OnnxExport::new(&model, &Provenance::new(), crate::OnnxExportOptions::default()).unwrap();
        let bytes = exported.to_bytes().unwrap();
        for read in [network_from_onnx(&bytes).unwrap(), frozen_network_from_onnx(&bytes, None).unwrap()] {
            assert_eq!((read.task(), read.classes()), (task, Some(&names[..])));
            let again = read.network(names.clone()).unwrap();
            assert_eq!((again.spec().task, again.params().as_slice()), (task, model.params().as_slice()));
        }
        // The task is the last text of the file. One that nobody knows is none.
        if task == Task::Classes {
            assert!(!bytes.ends_with(b"numbers"));
            continue;
        }
        let mut changed = bytes.strip_suffix(b"numbers").unwrap().to_vec();
        changed.extend(b"ranking");
        assert_eq!(network_from_onnx(&changed).unwrap().task(), Task::Classes);
        let error = crate::OnnxExport::from_bytes(&changed).unwrap_err().to_string();
        assert!(error.ends_with("it has the task \"ranking\"; \"numbers\" is possible"), "{error}");
    }
}
