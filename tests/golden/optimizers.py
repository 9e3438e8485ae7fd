"""Writes optimizers.rs: ten steps of PyTorch's optimizers on sum((w - target)^2), of which both numbers decay or the first alone.

    python -m pip install torch && python tests/golden/optimizers.py
"""

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
pathlib.Path(__file__).with_name("optimizers.rs").write_text(text)
