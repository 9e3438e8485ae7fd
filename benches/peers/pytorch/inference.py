"""A trained student that answers, in PyTorch (eager and compiled) or onnxruntime."""

import statistics
import time

import numpy
import torch

import common

WARM_UP = 20
# To choose between several ways: how often each is tried, and for how many seconds.
TRIALS, TRIAL_SECONDS = 3, 0.2


class Session:
    def __init__(self, backend, folder, layers, threads):
        pixels, labels = common.images(folder, "test")
        self.inputs = common.as_inputs(pixels)
        weights = read_weights(folder, layers)
        if backend == "onnxruntime":
            self.ways = {"": onnx_answers(weights, layers, threads)}
            self.inputs = self.inputs.numpy()
        else:
            self.ways = torch_answers(weights, layers)
        self.chosen = {}
        logits = torch.as_tensor(next(iter(self.ways.values()))(self.inputs))
        self.errors = int((logits.argmax(1) != labels).sum())

    def measure(self, batch, seconds, is_latency):
        note = self.chosen.get(batch)
        if note is None:
            note = self.chosen[batch] = self.choose(batch)
        micros, rate = timed(self.ways[note], self.inputs, batch, seconds)
        return {"value": micros if is_latency else rate, "check": self.errors, "note": note or None}

    def choose(self, batch):
        rates = {note: [] for note in self.ways}
        for _ in range(TRIALS if len(rates) > 1 else 0):
            for note, found in rates.items():
                found.append(timed(self.ways[note], self.inputs, batch, TRIAL_SECONDS)[1])
        return max(rates, key=lambda note: statistics.median(rates[note] or [0.0]))


def timed(call, inputs, batch, seconds):
    """Median microseconds of a call, and examples a second, over whole batches of the test set."""
    batches = [inputs[at : at + batch] for at in range(0, len(inputs) - batch + 1, batch)]
    with torch.inference_mode():
        for i in range(WARM_UP):
            call(batches[i % len(batches)])
        micros, start = [], time.perf_counter()
        while True:
            before = time.perf_counter()
            call(batches[len(micros) % len(batches)])
            after = time.perf_counter()
            micros.append((after - before) * 1e6)
            if after - start >= seconds:
                return statistics.median(micros), len(micros) * batch / (after - start)


def read_weights(folder, layers):
    """Weight, shape (outputs, inputs), and bias of every layer."""
    flat, at, weights = numpy.fromfile(f"{folder}/student.f32", dtype="float32"), 0, []
    for n_in, n_out in zip(layers, layers[1:]):
        weight, at = flat[at : at + n_in * n_out].reshape(n_out, n_in), at + n_in * n_out
        bias, at = flat[at : at + n_out], at + n_out
        weights.append((weight, bias))
    return weights


def torch_answers(weights, layers):
    model = common.network(layers).eval()
    with torch.no_grad():
        for linear, (weight, bias) in zip((m for m in model if isinstance(m, torch.nn.Linear)), weights):
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
    ways = {"eager": torch.inference_mode()(model.forward)}
    try:
        from torch._inductor import config

        # Weights are constants here, and may be packed.
        config.freezing = True
        compiled = torch.compile(model, dynamic=False)
        with torch.inference_mode():
            compiled(torch.zeros(1, layers[0]))
        ways["torch.compile"] = compiled
    except Exception:
        pass
    return ways


def onnx_answers(weights, layers, threads):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, name = [], [], "inputs"
    for i, (weight, bias) in enumerate(weights):
        constants += [numpy_helper.from_array(weight, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        is_last = i + 1 == len(weights)
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], ["logits" if is_last else f"z{i}"], transB=1))
        if not is_last:
            name = f"a{i}"
            nodes.append(helper.make_node("Relu", [f"z{i}"], [name]))
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
    graph = helper.make_graph(nodes, "student", [value("inputs", layers[0])], [value("logits", layers[-1])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, {"inputs": inputs})[0]
