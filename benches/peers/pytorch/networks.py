"""Networks with convolutions, as `src/net.rs` names them."""

import torch
from torch import nn

CLASSES = 10


def conv(inputs, outputs, side=3, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)


def cnn():
    layers, channels = [], 1
    for outputs in (16, 32):
        layers += [conv(channels, outputs), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
        channels = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(7 * 7 * channels, CLASSES))


class Block(nn.Module):
    """Two convolutions, and the input added before the last ReLU (He and others, 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.norm1 = conv(inputs, outputs, stride=stride), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = conv(outputs, outputs), nn.BatchNorm2d(outputs)
        self.shortcut = None
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + (x if self.shortcut is None else self.shortcut(x)))


class PreactBlock(nn.Module):
    """The same with batch norm and ReLU before the convolutions, as in Wide ResNets."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, outputs, stride=stride)
        self.norm2, self.conv2 = nn.BatchNorm2d(outputs), conv(outputs, outputs)
        self.shortcut = conv(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else None

    def forward(self, x):
        y = torch.relu(self.norm1(x))
        x = x if self.shortcut is None else self.shortcut(y)
        return x + self.conv2(torch.relu(self.norm2(self.conv1(y))))


class Residual(nn.Module):
    def __init__(self, width, widen, blocks, preact):
        super().__init__()
        layers, channels = [conv(3, width)], width
        if not preact:
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
        for stage in range(3):
            outputs = width * widen << stage
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append((PreactBlock if preact else Block)(channels, outputs, stride))
                channels = outputs
        if preact:
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        self.maps, self.logits = nn.Sequential(*layers), nn.Linear(channels, CLASSES)

    def forward(self, x):
        return self.logits(self.maps(x).mean((2, 3)))


def ds_cnn():
    width = 64
    # PyTorch pads both sides alike; a row of 10 and a column of 4 that are padded by 5 and 2 give one pixel more.
    first = [nn.ZeroPad2d((1, 2, 4, 5)), nn.Conv2d(1, width, (10, 4), 2, bias=False)]
    layers = [*first, nn.BatchNorm2d(width), nn.ReLU()]
    for _ in range(4):
        layers += [conv(width, width, groups=width), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [conv(width, width, 1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES))


# What it is built by, and the channels, height and width of its inputs.
NETWORKS = {
    "cnn": (cnn, (1, 28, 28)),
    "resnet-8": (lambda: Residual(16, 1, 1, False), (3, 32, 32)),
    "wrn-16-1": (lambda: Residual(16, 1, 2, True), (3, 32, 32)),
    "wrn-16-2": (lambda: Residual(16, 2, 2, True), (3, 32, 32)),
    "ds-cnn": (ds_cnn, (1, 49, 10)),
}
