"""Trains a convolutional teacher for Fashion-MNIST in PyTorch and writes it as ONNX.

    python -m pip install torch onnx numpy
    python recipes/fashion-mnist/teacher.py fashion-mnist teacher.onnx

`fashion-mnist` is a folder with the four files of https://github.com/zalandoresearch/fashion-mnist, packed or not.

It trains on the first 55,000 of the 60,000 training images, with random mirroring and shifts by up to 2 pixels, for a number
of epochs that is fixed beforehand, and keeps the last weights. The other 5,000 are only counted at the end. The files of
test images are never opened: `distill eval teacher.onnx --data fashion-mnist` does that. The seed fixes weights, batches and
augmentation; two machines or two versions of PyTorch may still differ in the last bits.

The recipe holds out 5,000 images of its own, drawn evenly from all classes, and not the last 5,000: of those the teacher has
seen about eleven in twelve.
"""

import argparse
import gzip
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

N_TRAIN, BATCH, PEAK_RATE, DECAY, SHIFT = 55_000, 128, 0.003, 0.0005, 2


def idx(folder, name):
    """The numbers of an IDX file of bytes, packed or not."""
    packed, plain = folder / f"{name}.gz", folder / name
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    sides = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * len(sides)).reshape(sides).copy())


def network():
    """Four convolutions and two dense layers; the exporter folds the batch norms into the convolutions."""

    def conv(n_in, n_out):
        return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]

    return nn.Sequential(
        *conv(1, 32), *conv(32, 32), nn.MaxPool2d(2),
        *conv(32, 64), *conv(64, 64), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.25), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip


def augmented(images):
    """Half of the images mirrored, all of a batch moved by the same few pixels."""
    mirror = torch.rand(len(images), 1, 1, 1) < 0.5
    images = F.pad(torch.where(mirror, images.flip(3), images), (SHIFT,) * 4)
    down, right = torch.randint(0, 2 * SHIFT + 1, (2,)).tolist()
    return images[:, :, down : down + 28, right : right + 28]


def main():
    parser = argparse.ArgumentParser(description="trains a teacher for Fashion-MNIST")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--images", type=int, default=N_TRAIN, help="train on the first so many, to try the script")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)

    images = idx(args.data, "train-images-idx3-ubyte").unsqueeze(1).float() / 255
    labels = idx(args.data, "train-labels-idx1-ubyte").long()
    n = min(args.images, N_TRAIN)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=DECAY)
    steps = args.epochs * (n // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for batch in torch.randperm(n)[: n // BATCH * BATCH].split(BATCH):
            loss = F.cross_entropy(model(augmented(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch}/{args.epochs}  loss {total / (n // BATCH):.4f}", flush=True)

    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(1) for part in images[N_TRAIN:].split(500)])
    print(f"{(answers != labels[N_TRAIN:]).sum().item()} of {len(answers)} held out are wrong")
    batch = {0: "batch"}
    torch.onnx.export(
        model, images[:1], args.out, opset_version=17, dynamo=False,
        input_names=["image"], output_names=["logits"], dynamic_axes={"image": batch, "logits": batch},
    )  # fmt: skip


if __name__ == "__main__":
    main()
