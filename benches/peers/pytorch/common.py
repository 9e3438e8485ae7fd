"""What the two PyTorch programs share: the images, the network, and shifted batches."""

import math

import numpy
import torch
from torch import nn


# Maps of noise in the file `maps.u8`.
N_MAPS = 4096


def numbers(folder, name, dtype, *shape):
    return torch.from_numpy(numpy.fromfile(f"{folder}/{name}", dtype=dtype)).reshape(*shape)


def images(folder, split, inputs="images"):
    """Pixels as bytes, shape (examples, 28, 28), and labels; `dense` images have noise, and no pixel of zero."""
    pixels = numbers(folder, f"{split}-{inputs}.u8", "uint8", -1, 28, 28)
    return pixels, numbers(folder, f"{split}-labels.u8", "uint8", -1).long()


def maps(folder, shape):
    """What networks with convolutions see: images of MNIST where they fit, else noise, shape (examples, *shape), and labels."""
    if shape == (1, 28, 28):
        pixels, labels = images(folder, "train")
    else:
        length = math.prod(shape)
        pixels = numpy.fromfile(f"{folder}/maps.u8", dtype="uint8")
        pixels = torch.from_numpy(pixels[: N_MAPS * length])
        labels = torch.arange(N_MAPS) % 10
    return pixels.reshape(-1, *shape).float().div_(255.0), labels


def as_inputs(pixels):
    return pixels.reshape(len(pixels), -1).float().div_(255.0)


ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def network(layers, activation="relu", dropout=0.0, input_dropout=0.0):
    """A multi-layer perceptron with He's initialisation, before tanh Glorot's, and biases of zero."""
    modules = [nn.Dropout(input_dropout)] if input_dropout else []
    for i, (n_in, n_out) in enumerate(zip(layers, layers[1:])):
        linear = nn.Linear(n_in, n_out)
        if activation == "tanh" and i + 2 < len(layers):
            nn.init.xavier_uniform_(linear.weight)
        else:
            nn.init.normal_(linear.weight, std=math.sqrt(2.0 / n_in))
        nn.init.zeros_(linear.bias)
        modules.append(linear)
        if i + 2 < len(layers):
            modules.append(ACTIVATIONS[activation]())
            if dropout:
                modules.append(nn.Dropout(dropout))
    return nn.Sequential(*modules)


def hidden_weights(model):
    return [module.weight for module in model if isinstance(module, nn.Linear)][:-1]


@torch.no_grad()
def constrain(weights, max_norm):
    """Scales down the incoming weights of a unit where their norm is above `max_norm`."""
    for weight in weights:
        weight.renorm_(2, 0, max_norm)


class Shifted:
    """Batches of images, each moved by up to `shift` pixels: one gather from all windows of the padded images."""

    def __init__(self, pixels, shift):
        self.side = 2 * shift + 1
        padded = nn.functional.pad(pixels, (shift, shift, shift, shift))
        self.windows = padded.unfold(1, pixels.shape[1], 1).unfold(2, pixels.shape[2], 1)

    def __call__(self, rows):
        y, x = torch.randint(self.side, (2, len(rows)))
        return as_inputs(self.windows[rows, y, x])


def distillation(logits, labels, targets, temperature, alpha):
    """(1 - alpha) CE + alpha T^2 KL, with the teacher's probabilities at this temperature."""
    hard = nn.functional.cross_entropy(logits, labels)
    log_probs = nn.functional.log_softmax(logits / temperature, dim=1)
    soft = nn.functional.kl_div(log_probs, targets, reduction="batchmean")
    return (1.0 - alpha) * hard + alpha * temperature**2 * soft


class Text:
    """Snippets as the numbers of their n-grams' buckets, and a network whose first layer is the mean of rows of a table.

    Rows of n-grams have different lengths. A batch is given to `EmbeddingBag` as one flat list with offsets: with padding
    it takes all places, three quarters of which are empty, and half the speed.
    """

    def __init__(self, folder, layers):
        self.rows = numbers(folder, "text-buckets.i16", "int16", -1, 378).long()
        self.labels = numbers(folder, "text-labels.u32", "int32", -1).long()
        self.is_number = self.rows >= 0
        self.lengths = self.is_number.sum(dim=1)
        self.table = nn.EmbeddingBag(layers[0], layers[1], mode="mean", sparse=True)
        self.bias = nn.Parameter(torch.zeros(layers[1]))
        self.dense = network(layers[1:])

    def read(self, rows):
        ends = self.lengths[rows].cumsum(0)
        return self.rows[rows][self.is_number[rows]], torch.cat([ends.new_zeros(1), ends[:-1]])

    def network(self, inputs):
        return self.dense(torch.relu(self.table(*inputs) + self.bias))

    def optimizers(self, lr):
        """Both without decay, which `SparseAdam` does not have."""
        dense = [self.bias, *self.dense.parameters()]
        sparse = torch.optim.SparseAdam(list(self.table.parameters()), lr=lr)
        return [sparse, torch.optim.AdamW(dense, lr=lr, weight_decay=0.0, fused=True)]
