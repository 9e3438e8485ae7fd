"""A trained student that answers in PyTorch, eager and compiled, called from Python."""

import statistics
import time

import numpy
import torch

import common

WARM_UP = 20
# To choose between several ways: how often each is tried, and for how many seconds.
TRIALS, TRIAL_SECONDS = 3, 0.2


class Session:
    def __init__(self, folder, layers, inputs):
        pixels, labels = common.images(folder, "test", inputs)
        self.inputs = common.as_inputs(pixels)
        self.ways = torch_answers(read_weights(folder, layers), layers)
        self.chosen = {}
        logits = torch.as_tensor(next(iter(self.ways.values()))(self.inputs))
        self.errors = int((logits.argmax(1) != labels).sum())

    def measure(self, batch, seconds, is_latency):
        note = self.chosen.get(batch)
        if note is None:
            note = self.chosen[batch] = self.choose(batch)
        micros, rate = timed(self.ways[note], self.inputs, batch, seconds)
        return {"value": micros if is_latency else rate, "check": self.errors, "note": f"{note}, called from Python"}

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
