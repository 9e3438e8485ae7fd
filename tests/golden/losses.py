"""Writes losses.json: values and gradients of the losses from PyTorch, in float64.

    python -m pip install torch mpmath && python tests/golden/losses.py

B = 4 examples, C = 5 classes: S[b][c] = 2 sin(1 + 5b + c) are the student's logits,
T[b][c] = 3 cos(2 + 5b + c) the teacher's, y = [0, 3, 1, 4] the labels. Gradients are with
respect to S, row by row. The rows `exact` come from mpmath with 40 digits: at T = 1000
PyTorch's own value, which subtracts two nearly equal logarithms, is 8e-12 off.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from mpmath import mp

B, C, TEMPERATURES = 4, 5, (1, 2, 4, 20, 1000)
S = [[2 * math.sin(1 + 5 * b + c) for c in range(C)] for b in range(B)]
T = [[3 * math.cos(2 + 5 * b + c) for c in range(C)] for b in range(B)]
Y = [0, 3, 1, 4]


def evaluate(loss):
    s = torch.tensor(S, dtype=torch.float64, requires_grad=True)
    value = loss(s, torch.tensor(T, dtype=torch.float64))
    value.backward()
    return {"value": value.item(), "grad": s.grad.flatten().tolist()}


def kd(tau):
    def loss(s, t):
        log_q, log_p = F.log_softmax(s / tau, 1), F.log_softmax(t / tau, 1)
        return tau**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)

    return loss


def soft_cross_entropy(tau):
    def loss(s, t):
        return tau**2 * F.cross_entropy(s / tau, F.softmax(t / tau, 1))

    return loss


def cross_entropy(smoothing):
    def loss(s, t):
        return F.cross_entropy(s, torch.tensor(Y), label_smoothing=smoothing)

    return loss


def hinton(tau, alpha, smoothing=0.0):
    def loss(s, t):
        return (1 - alpha) * cross_entropy(smoothing)(s, t) + alpha * kd(tau)(s, t)

    return loss


def logit_matching(s, t):
    d = s - t
    return ((d - d.mean(1, keepdim=True)) ** 2).sum() / (2 * B * C)


def exact_kd(tau):
    mp.dps = 40

    def log_softmax(row):
        row = [mp.mpf(z) / tau for z in row]
        log_sum = mp.log(sum(mp.exp(z) for z in row))
        return [z - log_sum for z in row]

    value, grad = mp.mpf(0), []
    for s, t in zip(S, T):
        log_q, log_p = log_softmax(s), log_softmax(t)
        value += tau**2 * sum(mp.exp(p) * (p - q) for p, q in zip(log_p, log_q)) / B
        grad += [float(tau * (mp.exp(q) - mp.exp(p)) / B) for p, q in zip(log_p, log_q)]
    return {"value": float(value), "grad": grad}


losses = {
    "cross_entropy": evaluate(cross_entropy(0.0)),
    **{f"cross_entropy_s{s}": evaluate(cross_entropy(s)) for s in (0.1, 0.6)},
    **{f"kd_T{tau}": evaluate(kd(tau)) for tau in TEMPERATURES},
    **{f"soft_cross_entropy_T{tau}": evaluate(soft_cross_entropy(tau)) for tau in (1, 4)},
    "hinton_T4_a0.9": evaluate(hinton(4, 0.9)),
    "hinton_T4_a0.3_s0.1": evaluate(hinton(4, 0.3, 0.1)),
    "mse_logits": evaluate(lambda s, t: F.mse_loss(s, t)),
    "logit_matching": evaluate(logit_matching),
}
exact = {f"kd_T{tau}": exact_kd(tau) for tau in (*TEMPERATURES, 1000000)}

path = pathlib.Path(__file__).with_name("losses.json")
document = {"torch": torch.__version__, "losses": losses, "exact": exact}
path.write_text(json.dumps(document, indent=1) + "\n")
