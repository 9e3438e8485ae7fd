"""Writes from_pytorch/NAME.EXPORTER.onnx and from_pytorch/NAME.json: networks as PyTorch exports them, and what they answer.

    python tests/golden/from_pytorch.py

`dynamo` is what `torch.onnx.export` does by default but for the file beside it, `raw` the same without its optimizer,
`script` the older one, and `training` the older one with batch norms and dropout as they are in training. `beside` is the
default with the weights in `NAME.beside.onnx.data`. Weights are drawn from a seed, and batch norms have seen some batches.
The answers are those in evaluation. Needs torch, onnx and onnxscript.
"""

import json
import pathlib
import warnings

import torch
import torch.nn.functional as F
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "from_pytorch"
BATCH = 3


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class Residual(nn.Module):
    shape = (3, 10, 9)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Block(6, 6, 1), Block(6, 10, 2))
        self.head = nn.Linear(10, 4)

    def forward(self, x):
        return self.head(self.blocks(self.pool(self.stem(x))).mean((2, 3)))


def separable(inputs, outputs, stride, activation):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        activation,
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Depthwise(nn.Module):
    shape = (1, 12, 10)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 6, (4, 3), (2, 1), (1, 1)), nn.BatchNorm2d(6), nn.Hardswish())
        self.first = separable(6, 6, 1, nn.ReLU6())
        self.second = separable(6, 8, 2, nn.SiLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        x = F.relu6(self.first(x) + x)
        return self.head(self.drop(torch.flatten(self.pool(self.second(x)), 1)))


class Plain(nn.Module):
    shape = (2, 9, 8)

    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(2, 4, 3, padding=1)
        self.right = nn.Conv2d(2, 3, 5, padding=2)
        self.second = nn.Conv2d(7, 6, 3, padding=1)
        self.gelu = nn.GELU()
        self.max, self.mean = nn.MaxPool2d(2), nn.AvgPool2d(2)
        self.hidden = nn.Linear(6 * 2 * 2, 7)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(7, 3)

    def forward(self, x):
        x = torch.cat((torch.tanh(self.left(x)), F.relu(self.right(x))), 1)
        x = self.mean(self.gelu(self.second(self.max(x))))
        x = x.view(x.size(0), -1)
        return self.head(self.drop(F.relu(self.hidden(x))))


class Shortened(nn.Module):
    """Shortcuts without weights, of which the second pads unevenly, and a convolution that is used twice."""

    shape = (3, 11, 10)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.first, self.second = nn.Conv2d(4, 8, 3, 2, 1), nn.Conv2d(8, 12, 3, (2, 1), 1)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(self.first(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)))
        x = F.relu(self.twice(F.relu(self.twice(x))))
        x = F.relu(self.second(x) + F.pad(x[:, :, ::2, :], (0, 0, 0, 0, 1, 3)))
        return self.head(F.relu(x[:, :, ::2, ::3]).mean((2, 3)))


def export(network):
    torch.manual_seed(1)
    name, model = network.__name__.lower(), network()
    for _ in range(3):
        model(torch.randn(8, *network.shape) * 1.5 + 0.3)
    model.eval()
    torch.manual_seed(2)
    x = torch.randn(BATCH, *network.shape)
    with torch.no_grad():
        logits = model.double()(x.double())
    model.float()
    batch = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "external_data": False}
    axes = {"dynamo": False, "opset_version": 17, "dynamic_axes": {"x": {0: "batch"}, "logits": {0: "batch"}}}
    kinds = {
        "dynamo": batch,
        "raw": batch | {"optimize": False},
        "script": axes,
        "training": axes | {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False},
    }
    if network is Shortened:
        # It is there to be asked, and not trained.
        del kinds["training"]
    if network is Plain:
        kinds["beside"] = batch | {"external_data": True}
    for kind, options in kinds.items():
        if kind == "training":
            # The exporter runs it in training, and its statistics are to be those of the answers.
            for module in model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.momentum = 0.0
        file = FOLDER / f"{name}.{kind}.onnx"
        torch.onnx.export(model, (x,), file, input_names=["x"], output_names=["logits"], **options)
        strip(file)
    numbers = lambda tensor: [float(f"{value:.9g}") for value in tensor.flatten().tolist()]
    expected = {"input_shape": network.shape, "inputs": numbers(x), "logits": numbers(logits)}
    (FOLDER / f"{name}.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


def strip(file):
    """Leaves out where in which file of which folder a node comes from."""
    import onnx

    # What is in another file stays there.
    model = onnx.load(file, load_external_data=False)
    for part in [model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output]:
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, file)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    for network in (Residual, Depthwise, Plain, Shortened):
        export(network)
