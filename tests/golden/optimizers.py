"""Writes optimizers.rs: ten steps of PyTorch's optimizers on sum((w - target)^2).

    python -m pip install torch && python tests/golden/optimizers.py
"""

import pathlib

import torch


def descend(make):
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0.5, 3.0], dtype=torch.float64)
    optimizer = make([w])
    for _ in range(10):
        optimizer.zero_grad()
        ((w - target) ** 2).sum().backward()
        optimizer.step()
    return w.tolist()


rows = [
    descend(lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01)),
    descend(lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01, momentum=0.9)),
    descend(lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01, momentum=0.9, nesterov=True)),
    descend(lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1)),
]
body = "".join(f"    [{a:.7}, {b:.7}],\n" for a, b in rows)
text = f"/// By `optimizers.py`: sgd, momentum, nesterov, adamw.\nconst GOLDEN: [[f32; 2]; 4] = [\n{body}];\n"
pathlib.Path(__file__).with_name("optimizers.rs").write_text(text)
