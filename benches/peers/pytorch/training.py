"""Training in PyTorch, eager and compiled; the faster of the two is what counts."""

import contextlib
import time

import torch
from torch import nn

import common
import networks

TEMPERATURE, ALPHA = 4.0, 0.9
# To choose between eager and compiled: how often each is tried, and for how many seconds.
TRIALS, TRIAL_SECONDS = 3, 0.4


class Session:
    """A network in training, kept from one measurement to the next."""

    def __init__(self, request, folder):
        torch.manual_seed(1)
        self.batch = request["batch"]
        self.is_teacher = request["lesson"] == "teacher"
        self.bf16 = request["precision"] == "bf16"
        self.is_text = request["lesson"] == "text"
        self.has_maps = request["network"] in networks.NETWORKS
        self.format = torch.contiguous_format
        if not self.is_text and not self.has_maps:
            pixels, self.labels = common.images(folder, "train", request["inputs"])
        if self.has_maps:
            build, shape = networks.NETWORKS[request["network"]]
            inputs, self.labels = common.maps(folder, shape)
            self.read = lambda rows: inputs.index_select(0, rows).contiguous(memory_format=self.format)
            self.model = build()
        elif self.is_text:
            text = common.Text(folder, request["layers"])
            self.labels, self.read, self.model = text.labels, text.read, text.network
        elif self.is_teacher:
            self.read = common.Shifted(pixels, 2)
            self.model = common.network(request["layers"], dropout=0.5, input_dropout=0.2)
        else:
            inputs = common.as_inputs(pixels)
            self.read = lambda rows: inputs.index_select(0, rows)
            self.targets = common.numbers(folder, "targets.f32", "float32", -1, 10)
            self.model = common.network(request["layers"], request["activation"])
        if self.is_text:
            self.optimizers = text.optimizers(0.01)
        else:
            self.hidden = [] if self.has_maps else common.hidden_weights(self.model)
            self.optimizers = [torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9, fused=True)]
        self.order = iter(())
        self.loss_of, self.note = self.loss, "eager"
        self.check = self.warm_up(request["warm_steps"])
        self.choose()

    def loss(self, inputs, labels, targets):
        context = torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()
        with context:
            logits = self.model(inputs)
        logits = logits.float()
        if targets is None:
            return nn.functional.cross_entropy(logits, labels)
        return common.distillation(logits, labels, targets, TEMPERATURE, ALPHA)

    def step(self):
        """One step; returns its loss and the examples of its batch."""
        rows = next(self.order, None)
        if rows is None:
            self.order = iter(torch.randperm(len(self.labels)).split(self.batch))
            rows = next(self.order)
        return self.step_on(rows), len(rows)

    def step_on(self, rows):
        targets = None if self.is_teacher or self.is_text or self.has_maps else self.targets.index_select(0, rows)
        loss = self.loss_of(self.read(rows), self.labels.index_select(0, rows), targets)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        if self.is_teacher:
            common.constrain(self.hidden, 3.0)
        return loss.detach()

    def warm_up(self, steps):
        return sum(self.step()[0].item() for _ in range(steps)) / steps

    def choose(self):
        """Tries maps with their channels side by side, compiles, and keeps what is fastest."""
        ways = [("eager", self.loss, self.format)]
        if self.has_maps:
            ways.append(("eager, channels_last", self.loss, torch.channels_last))
        # It is compiled for the last of these formats.
        *_, (_, _, best_format) = ways
        try:
            compiled = torch.compile(self.loss, dynamic=False)
            self.use((f"torch.compile{', channels_last' if self.has_maps else ''}", compiled, best_format))
            # The last batch of an epoch is smaller, and compiled too before anything is timed.
            rows = torch.randperm(len(self.labels))
            for size in {self.batch, len(rows) % self.batch or self.batch}:
                for _ in range(2):
                    self.step_on(rows[:size])
            ways.append((self.note, compiled, best_format))
        except Exception as error:
            ways = [(f"{note}; torch.compile failed, {type(error).__name__}", *way) for note, *way in ways]
        rates = [[] for _ in ways]
        for _ in range(TRIALS):
            for way, found in zip(ways, rates):
                self.use(way)
                found.append(self.rate(TRIAL_SECONDS))
        medians = [sorted(found)[TRIALS // 2] for found in rates]
        self.use(ways[medians.index(max(medians))])

    def use(self, way):
        self.note, self.loss_of, self.format = way
        if self.has_maps:
            self.model = self.model.to(memory_format=self.format)

    def rate(self, seconds):
        self.step()
        examples, start = 0, time.perf_counter()
        while True:
            examples += self.step()[1]
            elapsed = time.perf_counter() - start
            if elapsed >= seconds:
                return examples / elapsed

    def measure(self, seconds):
        return {"value": self.rate(seconds), "check": self.check, "note": self.note}


def product(side, seconds):
    """The fastest product of two square matrices, in billions of operations a second."""
    a, b = torch.rand(side, side) + 1.0, torch.rand(side, side) + 1.0
    out = torch.empty(side, side)
    torch.mm(a, b, out=out)
    fastest, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < seconds or fastest == float("inf"):
        before = time.perf_counter()
        torch.mm(a, b, out=out)
        fastest = min(fastest, time.perf_counter() - before)
    return {"value": 2.0 * side**3 / fastest / 1e9}
