"""Writes optimizers.rs: ten steps of PyTorch's optimizers on sum((w - target)^2), of which both numbers decay or the first alone.
Writes averages.rs: moving averages of weights by PyTorch.

    python -m pip install torch && python tests/golden/optimizers.py
"""

import math
import pathlib

import torch


def descend(make, groups):
    w = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (1.0, -2.0)]
    optimizer = make([{"params": [value], **group} for value, group in zip(w, groups)])
    for _ in range(10):
        optimizer.zero_grad()
        sum((value - target) ** 2 for value, target in zip(w, (0.5, 3.0))).backward()
        optimizer.step()
    return [value.item() for value in w]


OPTIMIZERS = (
    lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
    lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01, momentum=0.9),
    lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01, momentum=0.9, nesterov=True),
    lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
)
text = ""
for name, what, groups in (
    ("GOLDEN", "", ({}, {})),
    ("GOLDEN_BY_GROUP", ", of which the first number alone decays", ({}, {"weight_decay": 0.0})),
):
    rows = [descend(make, groups) for make in OPTIMIZERS]
    body = "".join(f"    [{a:.7}, {b:.7}],\n" for a, b in rows)
    text += f"/// By `optimizers.py`: sgd, momentum, nesterov, adamw{what}.\nconst {name}: [[f32; 2]; 4] = [\n{body}];\n"
path = pathlib.Path(__file__)
path.with_name("optimizers.rs").write_text(text)


def average(ema):
    """Of a weight sin(t) and a state cos(t), for t up to 5 and 50."""
    model = torch.nn.Module()
    model.w = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    model.register_buffer("state", torch.zeros(1, dtype=torch.float64))

    def move(average, value, n):
        decay = torch.clamp((1 + n) / (10 + n), max=ema)
        return decay * average + (1 - decay) * value

    averaged, found = torch.optim.swa_utils.AveragedModel(model, avg_fn=move, use_buffers=True), []
    for t in range(1, 51):
        with torch.no_grad():
            model.w[0], model.state[0] = math.sin(t), math.cos(t)
        averaged.update_parameters(model)
        if t in (5, 50):
            found.append((averaged.module.w.item(), averaged.module.state.item()))
    return found


body = "".join(f"    [{a:.7}, {b:.7}],\n" for a, b in average(0.7))
text = f"/// By `optimizers.py`: averages of sin and cos after 5 and 50 steps.\nconst AVERAGES: [[f32; 2]; 2] = [\n{body}];\n"
path.with_name("averages.rs").write_text(text)
