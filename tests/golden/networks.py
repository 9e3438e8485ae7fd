"""Writes networks.json: what small networks answer and how they are differentiated, computed by PyTorch in f64.

    python tests/golden/networks.py > tests/golden/networks.json

Each network is written here by hand, as its paper or PyTorch's own models have it, and not read from a description.
Parameters are in the order in which the crate has them. Numbers are rounded to f32 before anything is computed.
"""

import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
BATCH = 5


def f32(tensor):
    return tensor.to(torch.float32).to(torch.float64)


class Net:
    """Hands out parameters in order, each with numbers of its own."""

    def __init__(self, training, state=None):
        self.training, self.slices, self.n = training, state or [], 0
        self.is_new = state is None

    def take(self, shape, make, is_state=False):
        if self.is_new:
            i = torch.arange(math.prod(shape), dtype=torch.float64)
            values = f32(make(torch.sin(1.7 * i + 0.9 * self.n + 0.3 * i * i / (1 + i)))).reshape(shape)
            values.requires_grad_(not is_state)
            self.slices.append((values, is_state))
        values = self.slices[self.n][0]
        self.n += 1
        return values

    def conv(self, x, outputs, kernel=3, stride=1, padding=None, groups=1, bias=False):
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        if padding is None:
            padding = ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2, kernel[0] // 2, kernel[1] // 2)
        fan = x.shape[1] // groups * kernel[0] * kernel[1]
        weight = self.take((outputs, x.shape[1] // groups, *kernel), lambda s: s * (2 / fan) ** 0.5)
        bias = self.take((outputs,), lambda s: 0.3 * s) if bias else None
        top, left, bottom, right = padding
        return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride, 0, 1, groups)

    def norm(self, x):
        channels = (x.shape[1],)
        weight = self.take(channels, lambda s: 1 + 0.4 * s)
        bias = self.take(channels, lambda s: 0.3 * s)
        mean = self.take(channels, lambda s: 0.2 * s, is_state=True)
        variance = self.take(channels, lambda s: 1 + 0.5 * s, is_state=True)
        return F.batch_norm(x, mean, variance, weight, bias, self.training, 0.1, 1e-5)

    def embedding(self, tokens, rows, dims):
        # Row 0 is the padding: zeros, and no gradient.
        table = self.take((rows, dims), lambda s: torch.cat((torch.zeros(dims), s[dims:])))
        return F.embedding(tokens.long(), table, padding_idx=0).transpose(1, 2).unsqueeze(2)

    def layer_norm(self, x):
        """Over the channels of each pixel, or all numbers of a vector."""
        channels = (x.shape[1],)
        weight = self.take(channels, lambda s: 1 + 0.4 * s)
        bias = self.take(channels, lambda s: 0.3 * s)
        return F.layer_norm(x.movedim(1, -1), channels, weight, bias, 1e-5).movedim(-1, 1)

    def linear(self, x, outputs):
        weight = self.take((outputs, x.shape[1]), lambda s: s * (2 / x.shape[1]) ** 0.5)
        return F.linear(x, weight, self.take((outputs,), lambda s: 0.3 * s))


def cnn(net, x):
    for channels in (4, 6):
        x = F.max_pool2d(F.gelu(net.norm(net.conv(x, channels))), 2)
    x = F.gelu(net.linear(x.flatten(1), 5))
    return net.linear(x, 3)


def resnet(net, x):
    x = F.relu(net.norm(net.conv(x, 4)))
    for stage, blocks in enumerate((1, 2)):
        for block in range(blocks):
            outputs, stride = 4 << stage, 2 if stage > 0 and block == 0 else 1
            shortcut = net.norm(net.conv(x, outputs, 1, stride)) if outputs != x.shape[1] or stride > 1 else x
            y = F.relu(net.norm(net.conv(x, outputs, 3, stride)))
            x = F.relu(net.norm(net.conv(y, outputs)) + shortcut)
    return net.linear(x.mean((2, 3)), 3)


def wide_resnet(net, x):
    x = net.conv(x, 3)
    for stage in range(2):
        outputs, stride = 6 << stage, 2 if stage > 0 else 1
        y = F.relu(net.norm(x))
        shortcut = net.conv(y, outputs, 1, stride)
        y = F.relu(net.norm(net.conv(y, outputs, 3, stride)))
        x = net.conv(y, outputs) + shortcut
    return net.linear(F.relu(net.norm(x)).mean((2, 3)), 4)


def ds_cnn(net, x):
    x = F.relu(net.norm(net.conv(x, 4, (4, 3), (2, 1))))
    for stage, blocks in enumerate((1, 1)):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = F.relu(net.norm(net.conv(x, x.shape[1], 3, stride, groups=x.shape[1])))
            x = F.relu(net.norm(net.conv(x, 4 << stage, 1)))
    return net.linear(x.mean((2, 3)), 3)


def mixed(net, x):
    """What the others do not have: uneven padding and steps, groups, biases, inverted residuals, other pools and functions."""
    a = F.relu6(net.conv(x, 6, (3, 2), (2, 1), (2, 0, 1, 1), bias=True))
    b = F.silu(net.conv(a, 4, 3, groups=2, bias=True))
    y = F.hardswish(net.norm(net.conv(a, 12, 1)))
    y = F.relu6(net.norm(net.conv(y, 12, 3, groups=12)))
    a = net.norm(net.conv(y, 6, 1)) + a
    c = torch.cat((F.avg_pool2d(a, 3, 2, 1, count_include_pad=False), F.max_pool2d(b, 3, 2, 1)), 1)
    x = torch.tanh(net.linear(c.flatten(1), 4))
    return net.linear(x, 3) + net.linear(x, 3)


def text_cnn(net, x):
    x = net.embedding(x, TOKENS, 5)
    pools = [F.relu(net.conv(x, 4, (1, width), padding=(0, 0, 0, 0), bias=True)).amax((2, 3)) for width in (1, 3, 4)]
    return net.linear(torch.cat(pools, 1), 3)


def layer_normed(net, x):
    x = F.gelu(net.layer_norm(net.conv(x, 6)))
    y = net.layer_norm(net.conv(x, 6, 3, groups=6)) + x
    x = net.layer_norm(y.amax((2, 3)))
    x = torch.tanh(net.layer_norm(net.linear(x, 9)))
    return net.linear(x, 3)


# Inputs of a text are numbers below this.
TOKENS = 11
CASES = [(cnn, (2, 9, 8)), (resnet, (3, 8, 7)), (wide_resnet, (2, 6, 6)), (ds_cnn, (1, 11, 6)), (mixed, (2, 7, 6)), (text_cnn, (9,)), (layer_normed, (2, 5, 4))]


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def case(network, shape):
    n = BATCH * math.prod(shape)
    x = f32(torch.sin(torch.arange(n) * 0.37 + torch.arange(n) ** 2 * 0.011)).reshape(BATCH, *shape)
    if network is text_cnn:
        # The last examples are shorter, as texts are.
        i = torch.arange(n).reshape(BATCH, *shape)
        x = f32((i * i * 7 + i * 3) % TOKENS * (torch.arange(shape[0]) < shape[0] - 2 * torch.arange(BATCH)[:, None]))
    # Batch norm changes its state in place, so evaluation is asked before.
    net = Net(False)
    evaluated = network(net, x)
    before = torch.cat([values.detach().flatten().clone() for values, _ in net.slices])
    net = Net(True, net.slices)
    logits = network(net, x)
    weights = f32(torch.cos(torch.arange(logits.numel()) * 1.3)).reshape(logits.shape)
    (logits * weights).sum().backward()
    grads = [values.flatten() if is_state else values.grad.flatten() for values, is_state in net.slices]
    return {
        "name": network.__name__,
        "input_shape": shape,
        "inputs": numbers(x),
        "params": numbers(before),
        "evaluated": numbers(evaluated),
        "logits": numbers(logits),
        "grad_logits": numbers(weights),
        # Of parameters; in the place of the state what it is after the batch.
        "grads": numbers(torch.cat(grads)),
    }


json.dump([case(*of) for of in CASES], sys.stdout, separators=(",", ":"))
print()
