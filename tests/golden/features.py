"""Writes features.json: values and gradients of the losses on inner values from PyTorch, in float64.

    python -m pip install torch && python tests/golden/features.py

Rows: B = 4 examples, FS[b][d] = sin(0.7 (3b + d) + 0.3) of width 3 are the student's values, FT[b][d] = cos(0.9 (5b + d) + 0.1)
of width 5 the teacher's. Maps: MS and MT of shape (examples, channels, rows, columns), with element k in that order
sin(0.5 k + 0.2) and cos(0.4 k + 0.1). Gradients are by the student's values, in the same order. The formulas are written down
from the papers, with autograd for the derivatives.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

B = 4
FS = [[math.sin(0.7 * (3 * b + d) + 0.3) for d in range(3)] for b in range(B)]
FT = [[math.cos(0.9 * (5 * b + d) + 0.1) for d in range(5)] for b in range(B)]


def maps(shape, of):
    return torch.tensor([of(k) for k in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def evaluate(loss, student, teacher):
    s = torch.as_tensor(student, dtype=torch.float64).clone().requires_grad_()
    value = loss(s, torch.as_tensor(teacher, dtype=torch.float64))
    value.backward()
    return {"value": value.item(), "grad": s.grad.flatten().tolist()}


def similarity(s, t):
    """Tung and Mori, 2019, equations 1 to 4."""

    def of(f):
        return F.normalize(f @ f.T, p=2, dim=1)

    return (of(s) - of(t)).pow(2).sum() / len(s) ** 2


def relational_distance(s, t):
    """Park et al., 2019, equations 4 to 7, as a mean over all pairs."""

    def of(x):
        squares = (x[:, None, :] - x[None, :, :]).pow(2).sum(2)
        others = ~torch.eye(len(x), dtype=torch.bool)
        d = torch.where(others, squares.clamp(min=1e-12).sqrt(), torch.zeros_like(squares))
        return d / d[others].mean()

    return F.smooth_l1_loss(of(s), of(t))


def attention(size):
    """Zagoruyko and Komodakis, 2017, equation 2 with the sum of squares over the channels, as the mean of squares."""

    def of(m):
        q = F.adaptive_avg_pool2d(m.pow(2).sum(1), size)
        return F.normalize(q.flatten(1), p=2, dim=1)

    return lambda s, t: (of(s) - of(t)).pow(2).mean()


def attention_of(student, teacher, size):
    ms = maps(student, lambda k: math.sin(0.5 * k + 0.2))
    mt = maps(teacher, lambda k: math.cos(0.4 * k + 0.1))
    return evaluate(attention(size), ms, mt)


TWINS = [FS[0], FS[1], FS[0], FS[3]]

losses = {
    "similarity": evaluate(similarity, FS, FT),
    "relational_distance": evaluate(relational_distance, FS, FT),
    # Far enough from the teacher's that some pairs are on the straight part of the Huber loss.
    "relational_distance_far": evaluate(relational_distance, [[0.0], [0.1], [0.2], [9.0]], [[0.0], [9.0], [0.1], [0.3]]),
    # Two examples are equal.
    "relational_distance_twins": evaluate(relational_distance, TWINS, FT),
    "similarity_twins": evaluate(similarity, TWINS, FT),
    "attention": attention_of((2, 3, 2, 2), (2, 5, 2, 2), (2, 2)),
    "attention_student_larger": attention_of((2, 3, 4, 6), (2, 2, 2, 3), (2, 3)),
    "attention_teacher_larger": attention_of((2, 3, 2, 3), (2, 2, 4, 3), (2, 3)),
    "attention_both_larger": attention_of((2, 3, 4, 1), (2, 2, 2, 3), (2, 1)),
}

path = pathlib.Path(__file__).with_name("features.json")
path.write_text(json.dumps({"torch": torch.__version__, "losses": losses}, indent=1) + "\n")
