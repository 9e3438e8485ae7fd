//! ONNX files as other programs write them: weights in files beside, no names of classes, rows in place of images. They are made
//! of what `distill export` writes, field by field.

use std::fs;

use serde_json::Value;

use crate::lab::Lab;

/// The fields of a message: number, and bytes or a whole number.
enum Field {
    Number(u64, u64),
    Bytes(u64, Vec<u8>),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    unreachable!()
}

fn decode(mut bytes: &[u8]) -> Vec<Field> {
    let mut fields = vec![];
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        match key & 7 {
            0 => fields.push(Field::Number(key >> 3, varint(&mut bytes))),
            2 => {
                let n = varint(&mut bytes) as usize;
                let (inside, rest) = bytes.split_at(n);
                fields.push(Field::Bytes(key >> 3, inside.to_vec()));
                bytes = rest;
            }
            other => panic!("distill writes no field of type {other}"),
        }
    }
    fields
}

fn encode(fields: &[Field]) -> Vec<u8> {
    let mut bytes = vec![];
    let put = |mut value: u64, bytes: &mut Vec<u8>| {
        while value >= 0x80 {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    };
    for field in fields {
        match field {
            Field::Number(number, value) => {
                put(number << 3, &mut bytes);
                put(*value, &mut bytes);
            }
            Field::Bytes(number, inside) => {
                put(number << 3 | 2, &mut bytes);
                put(inside.len() as u64, &mut bytes);
                bytes.extend(inside);
            }
        }
    }
    bytes
}

/// The same file with its weights in another one, which is called `name`, and what is in that.
pub(crate) fn beside(file: &[u8], name: &str) -> (Vec<u8>, Vec<u8>) {
    let mut data = vec![];
    let entry = |key: &str, value: &str| {
        encode(&[Field::Bytes(1, key.as_bytes().to_vec()), Field::Bytes(2, value.as_bytes().to_vec())])
    };
    let mut file = decode(file);
    for field in &mut file {
        let Field::Bytes(7, graph) = field else { continue };
        let mut fields = decode(graph);
        for field in &mut fields {
            let Field::Bytes(5, tensor) = field else { continue };
            let mut parts = decode(tensor);
            let at = parts.iter().position(|part| matches!(part, Field::Bytes(9, _)));
            let Field::Bytes(_, weights) = parts.remove(at.unwrap()) else { unreachable!() };
            let (offset, length) = (data.len().to_string(), weights.len().to_string());
            data.extend(weights);
            for (key, value) in [("location", name), ("offset", &offset), ("length", &length)] {
                parts.push(Field::Bytes(13, entry(key, value)));
            }
            parts.push(Field::Number(14, 1));
            *tensor = encode(&parts);
        }
        *graph = encode(&fields);
    }
    (encode(&file), data)
}

/// A folder with the teacher `t.onnx`, its model, and what is exported with these settings.
fn lab(settings: &[&str]) -> (Lab, Vec<u8>) {
    let lab = Lab::new();
    lab.model();
    let model = "made/tiny-001/weights/teacher-seed1.safetensors";
    lab.ok(&[&["export", model, "--to", "t.onnx", "-q"], settings].concat());
    let file = lab.read("t.onnx");
    (lab, file)
}

#[test]
fn what_export_wrote_is_inspected_in_every_build() {
    let (lab, file) = lab(&["--probabilities"]);
    let inspected = |file: &str| lab.ok(&["inspect", file, "--json"]).events().remove(0);
    let facts = inspected("t.onnx");
    assert_eq!((&facts["kind"], &facts["parameters"], &facts["opset"]), (&"onnx".into(), &163.into(), &17.into()));
    assert_eq!(facts["metadata"]["classes"], "[\"0\",\"1\",\"2\"]");
    assert_eq!(facts["outputs"][1]["name"], "probabilities");
    assert_eq!(facts["inputs"][0]["shape"], serde_json::json!([null, 1, 4, 4]));
    let text = lab.ok(&["inspect", "t.onnx"]).stdout;
    assert!(text.contains("input f32 [?, 1, 4, 4]") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    // Where the weights are it says too, and does not need them.
    lab.write("two.onnx", beside(&file, "two.onnx.data").0);
    let facts = inspected("two.onnx");
    assert_eq!((&facts["files"], &facts["parameters"]), (&serde_json::json!(["two.onnx.data"]), &163.into()));
    assert!(lab.ok(&["inspect", "two.onnx"]).stdout.contains("weights   two.onnx.data beside it"));
    lab.write("cut.onnx", &file[..file.len() / 2]);
    lab.check(&["inspect", "cut.onnx"], 5, ["E0402]: the file is damaged", "cut.onnx", "onnx.checker"]);
}

/// The same file without its metadata: neither names of classes, nor the shape of the data.
fn without_metadata(file: &[u8]) -> Vec<u8> {
    let mut fields = decode(file);
    fields.retain(|field| !matches!(field, Field::Bytes(14, _)));
    encode(&fields)
}

fn eval(lab: &Lab, file: &str) -> Value {
    lab.ok(&["eval", file, "--data", "data", "--json"]).events().remove(0)
}

#[test]
fn what_a_file_leaves_open_the_data_says() {
    let (lab, file) = lab(&["--flat"]);
    let known = eval(&lab, "t.onnx");
    lab.write("bare.onnx", without_metadata(&file));
    lab.write("data/classes.txt", "cat\ndog\nowl\n");
    let found = eval(&lab, "bare.onnx");
    assert_eq!(found["errors"], known["errors"]);
    let assumed = [
        "its rows of 16 numbers are inputs of 1x4x4",
        "it names no classes, so its outputs are those of the data in their order: cat, dog, owl",
    ];
    assert_eq!(found["assumed"], serde_json::json!(assumed));
    let text = lab.ok(&["eval", "bare.onnx", "--data", "data"]).stdout;
    assert!(assumed.iter().all(|assumed| text.contains(assumed)), "{text}");
    // A check says it, and that the accuracy agrees.
    let weights = "teacher.weights=bare.onnx";
    let check = lab.ok(&["check", "r.toml", weights]).stdout;
    for assumed in assumed {
        let line = format!("ok    teacher file      {assumed}; its accuracy confirms it (bare.onnx)\n");
        assert!(check.contains(&line), "{check}");
    }
    lab.ok(&["run", "r.toml", weights, "-q"]);
    // In another order than the data has the teacher is worse than chance, and the names are what is wrong.
    for part in ["train", "t10k"] {
        let path = format!("data/{part}-labels-idx1-ubyte");
        let mut labels = lab.read(&path);
        labels[8..].iter_mut().for_each(|label| *label = (*label + 1) % 3);
        lab.write(&path, labels);
    }
    let ran = lab.check(
        &["check", "r.toml", weights],
        5,
        ["E0305]", "bare.onnx", "`teacher.onnx.classes = [\"dog\", \"owl\", \"cat\"]`"],
    );
    assert!(ran.stderr.contains("note: assumed: it names no classes"), "{}", ran.stderr);
    lab.ok(&["check", "r.toml", weights, "teacher.onnx.classes=['dog', 'owl', 'cat']"]);
    // Where the numbers differ nothing is assumed.
    lab.write("data/classes.txt", "cat\ndog\nowl\nfox\n");
    let expected = ["E0301]: the model has 3 classes, the data has 4", "bare.onnx", "`teacher.onnx.classes`"];
    lab.check(&["check", "r.toml", weights], 5, expected);
}

#[test]
fn weights_may_lie_beside_the_file_and_nowhere_else() {
    let (lab, file) = lab(&[]);
    let (two, data) = beside(&file, "weights é 1.data");
    lab.write("two.onnx", &two);
    let missing = ["E0402]: the model has weights in the file `weights é 1.data`: it is not there", "two.onnx"];
    lab.check(&["eval", "two.onnx", "--data", "data"], 5, [missing[0], missing[1], "put the file there"]);
    lab.write("weights é 1.data", &data);
    let (one, two) = (eval(&lab, "t.onnx"), eval(&lab, "two.onnx"));
    assert_eq!((&one["errors"], &one["nll"]), (&two["errors"], &two["nll"]));
    // Stored answers of a teacher are those of its weights, too, so that others are another teacher.
    lab.ok(&["teach", "r.toml", "teacher.weights=two.onnx", "--output", "a.soft.safetensors", "-q"]);
    let cached = ["run", "r.toml", "teacher.weights=two.onnx", "kd.cache=a.soft.safetensors", "-q"];
    lab.ok(&cached);
    let mut changed = data.clone();
    changed[3] ^= 1;
    lab.write("weights é 1.data", &changed);
    lab.check(&cached, 5, ["E0306]: the cached soft targets are those of another teacher", "a.soft", "again"]);
    lab.write("weights é 1.data", &data[..data.len() - 4]);
    let short = "E0402]: the model has weights in the file `weights é 1.data`: the tensor `";
    lab.check(&["run", "r.toml", "teacher.weights=two.onnx"], 5, [short, "two.onnx", "put the file there"]);

    fs::create_dir(lab.path("sub")).unwrap();
    lab.write("secret", &data);
    lab.write("sub/data", &data);
    let absolute = lab.path("secret").to_string_lossy().into_owned();
    for name in ["../secret", "./secret", "..", "sub/data", "", &absolute, "sub"] {
        lab.write("sub/way.onnx", beside(&file, name).0);
        lab.write("way.onnx", beside(&file, name).0);
        for path in ["sub/way.onnx", "way.onnx"] {
            let refused = format!("E0402]: the model has weights in the file `{name}`: ");
            lab.check(&["eval", path, "--data", "data"], 5, [&refused, path, "make one file of all"]);
        }
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(lab.path("secret"), lab.path("link")).unwrap();
        lab.write("link.onnx", beside(&file, "link").0);
        let refused = "E0402]: the model has weights in the file `link`: it is a link";
        lab.check(&["eval", "link.onnx", "--data", "data"], 5, [refused, "link.onnx", "make one file of all"]);
    }
}

#[test]
fn a_file_teaches_the_same_asked_once_or_for_every_batch() {
    let (lab, file) = lab(&[]);
    let (two, data) = beside(&file, "two.onnx.data");
    lab.write("two.onnx", two);
    lab.write("two.onnx.data", data);
    for (weights, settings) in [
        ("t.onnx", &[][..]),
        ("two.onnx", &["student.model.dropout=0.2", "kd.alpha=0.5"]),
        ("t.onnx", &["train.augment.shift=1"]),
    ] {
        let weights = format!("teacher.weights={weights}");
        let students: Vec<Vec<u8>> = ["cached", "live"]
            .map(|targets| {
                let targets = format!("kd.targets={targets}");
                let args = [&["run", "r.toml", &weights, &targets, "--json"], settings].concat();
                let events = lab.ok(&args).events();
                let run = events.iter().find_map(|event| event["run"].as_str()).unwrap().to_owned();
                lab.read(&format!("{run}/weights/student-seed1.safetensors"))
            })
            .map(|file| tensors(&file))
            .into();
        assert_eq!(students[0], students[1], "{weights} {settings:?}");
    }
}

/// The weights of a safetensors file, without its header, which says how it was made.
fn tensors(file: &[u8]) -> Vec<u8> {
    let n_header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    file[8 + n_header..].to_vec()
}
