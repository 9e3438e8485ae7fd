#!/usr/bin/env python3
"""Holds exported files to the logits of the models they were made of, with onnx, onnxruntime and NumPy.

    check.py FOLDER [N]

FOLDER has `inputs.f32`, N examples one after the other (10,000 if it is left out), and for each model NAME.logits.f32 and files NAME.*.onnx and
NAME.*.npz; floats are little-endian. A file must give the same class for every input, and logits to 1e-5 of the largest
one, or of 1. The suite makes the folder and calls this: `cargo test -p distill-tests --test suite export`.
"""

import json
import math
import pathlib
import sys

import numpy as np


def softmax(logits):
    exps = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return exps / exps.sum(axis=1, keepdims=True)


def run_onnx(path, inputs):
    import onnx
    import onnxruntime

    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    classes, shape = json.loads(metadata["classes"]), json.loads(metadata["input_shape"])
    port = session.get_inputs()[0]
    assert port.shape[0] == "batch" and math.prod(port.shape[1:]) == math.prod(shape), port.shape
    inputs = inputs.reshape(-1, *port.shape[1:])
    outputs = session.run(None, {"input": inputs})
    assert outputs[0].shape == (len(inputs), len(classes))
    for batch in (1, 7):
        for start in range(0, min(50 * batch, len(inputs) - batch + 1), batch):
            part = session.run(None, {"input": inputs[start : start + batch]})
            for whole, some in zip(outputs, part):
                apart = np.abs(whole[start : start + batch] - some).max()
                assert apart <= 1e-5 * max(1, np.abs(whole).max()), batch
    if len(outputs) > 1:
        assert np.abs(outputs[1] - softmax(outputs[0])).max() <= 1e-6
    names = [output.name for output in session.get_outputs()]
    return outputs[0], f"opset {model.opset_import[0].version}, input {port.shape}, {', '.join(names)}"


def check_npz(path):
    """A network that is no perceptron: whether all of it can be read, as NumPy alone does not compute it."""
    arrays = np.load(path, allow_pickle=False)
    config, shape = json.loads(str(arrays["config"])), arrays["input_shape"].tolist()
    assert config["kind"] != "mlp" and isinstance(json.loads(str(arrays["provenance"])), dict)
    weights = [name for name in arrays.files if "." in name]
    assert weights and all(arrays[name].dtype == np.float32 for name in weights)
    return f"{config['kind']}, {len(weights)} arrays of weights, input {shape}"


def run_npz(path, inputs):
    arrays = np.load(path, allow_pickle=False)
    functions = {
        "relu": lambda z: np.maximum(z, 0),
        "tanh": np.tanh,
        "gelu": lambda z: z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))) / 2,
    }
    activation = functions[str(arrays["activation"])]
    x, layer = inputs.astype(np.float64), 0
    while f"hidden.{layer}.weight" in arrays:
        x = activation(x @ arrays[f"hidden.{layer}.weight"].T.astype(np.float64) + arrays[f"hidden.{layer}.bias"])
        layer += 1
    logits = x @ arrays["output.weight"].T.astype(np.float64) + arrays["output.bias"]
    shape, classes = arrays["input_shape"].tolist(), arrays["classes"].tolist()
    assert math.prod(shape) == inputs.shape[1] and len(classes) == logits.shape[1]
    assert isinstance(json.loads(str(arrays["provenance"])), dict)
    return logits, f"{len(arrays.files)} arrays, input {shape}"


def main():
    folder = pathlib.Path(sys.argv[1])
    n_bad = 0
    for answers in sorted(folder.glob("*.logits.f32")):
        name = answers.name.removesuffix(".logits.f32")
        files = sorted(file for file in folder.iterdir() if file.name.startswith(name + ".") and file != answers)
        inputs = np.fromfile(folder / "inputs.f32", "<f4")
        inputs = inputs.reshape(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000, -1)
        expected = np.fromfile(answers, "<f4").reshape(len(inputs), -1)
        assert files, name
        for file in files:
            if file.suffix == ".npz" and "config" in np.load(file, allow_pickle=False):
                print(f"{file.name}: {check_npz(file)}")
                continue
            logits, facts = (run_npz if file.suffix == ".npz" else run_onnx)(file, inputs)
            same = int((logits.argmax(axis=1) == expected.argmax(axis=1)).sum())
            difference, largest = np.abs(logits - expected).max(), np.abs(expected).max()
            probs = np.abs(softmax(logits) - softmax(expected)).max()
            print(f"{file.name}: {facts}: {same} of {len(inputs)} classes the same, probabilities to {probs:.1e}, ", end="")
            print(f"logits to {difference:.1e}, the largest is {largest:.1f}")
            n_bad += not probs <= 1e-5 or same != len(inputs) or not difference <= 1e-5 * max(1, largest)
    sys.exit(int(n_bad > 0))


if __name__ == "__main__":
    main()
