#!/usr/bin/env python3
"""Writes the data sets on which the defaults of `distill new` were chosen and measured.

    sets.py FOLDER [--development] [--adult DIR] [--clinc DIR] [--fashion DIR] [--cifar DIR]

needs scikit-learn, NumPy and, for CIFAR-10, Pillow. wine, breast-cancer, digits and the forests come with
scikit-learn. The others are taken from where they lie, and left out where no folder is named:

    --adult    train.csv and test.csv of UCI Adult, with the column `income`
    --clinc    train.csv and test.csv of CLINC150, with the columns `text` and `label`
    --fashion  the four IDX files of Fashion-MNIST, packed by gzip
    --cifar    the binary files of CIFAR-10, data_batch_1.bin to data_batch_5.bin and test_batch.bin

With --development no test example is written: three tenths of the training examples take their place, so that
settings can be chosen. Whatever is drawn is drawn with a fixed seed: the same files come out every time.
"""

import argparse
import csv
import gzip
import os

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.model_selection import train_test_split

CIFAR = "airplane automobile bird cat deer dog frog horse ship truck".split()


def parts(train, test, development):
    """The inputs and labels to train on, and those to test on."""
    if not development:
        return train, test
    x, y = train
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=1, stratify=y)
    return (x_train, y_train), (x_test, y_test)


def write_csv(folder, header, train, test):
    os.makedirs(folder, exist_ok=True)
    for part, (x, y) in ("train", train), ("test", test):
        with open(f"{folder}/{part}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows([*row, label] for row, label in zip(x, y))


def write_arrays(folder, classes, train, test):
    os.makedirs(folder, exist_ok=True)
    for part, (x, y) in ("train", train), ("test", test):
        np.save(f"{folder}/x_{part}.npy", x)
        np.save(f"{folder}/y_{part}.npy", y)
    with open(f"{folder}/classes.txt", "w") as file:
        file.write("\n".join(classes) + "\n")


def small(name, data, args):
    """A set of scikit-learn, seven tenths of each class to train on, and what a random forest answers to it."""
    header = [str(feature).replace(" ", "_") for feature in data.feature_names] + ["label"]
    labels = np.array([str(data.target_names[y]) for y in data.target])
    x_train, x_test, y_train, y_test = train_test_split(
        data.data, labels, test_size=0.3, random_state=0, stratify=labels
    )
    train, test = parts((x_train, y_train), (x_test, y_test), args.development)
    write_csv(f"{args.folder}/{name}", header, train, test)
    forest(f"{args.folder}/{name}-forest", train, test)


def forest(folder, train, test, trees=100):
    """A table of what a random forest answers, as `predict_proba` has it."""
    model = RandomForestClassifier(trees, random_state=0).fit(*train)
    os.makedirs(folder, exist_ok=True)
    np.save(f"{folder}/train.npy", model.predict_proba(train[0]))
    np.save(f"{folder}/test.npy", model.predict_proba(test[0]))
    with open(f"{folder}/classes.txt", "w") as file:
        file.write("\n".join(map(str, model.classes_)) + "\n")


def adult(args):
    rows = {part: list(csv.reader(open(f"{args.adult}/{part}.csv", newline=""))) for part in ("train", "test")}
    header = rows["train"][0]
    (train, test) = [
        (np.array([row[:-1] for row in rows[part][1:]]), np.array([row[-1] for row in rows[part][1:]]))
        for part in ("train", "test")
    ]
    write_csv(f"{args.folder}/adult", header, *parts(train, test, args.development))


def clinc(args):
    """Counts of words and pairs of words, hashed into 1,024 numbers."""
    rows = {part: list(csv.DictReader(open(f"{args.clinc}/{part}.csv", newline=""))) for part in ("train", "test")}
    classes = sorted({row["label"] for row in rows["train"]})
    hashed = HashingVectorizer(n_features=1024, ngram_range=(1, 2), alternate_sign=False, norm="l2")
    train, test = [
        (
            hashed.transform([row["text"] for row in rows[part]]).toarray().astype(np.float32),
            np.array([classes.index(row["label"]) for row in rows[part]]),
        )
        for part in ("train", "test")
    ]
    train, test = parts(train, test, args.development)
    write_arrays(f"{args.folder}/clinc150", classes, train, test)
    forest(f"{args.folder}/clinc150-forest", (train[0], np.array(classes)[train[1]]), (test[0], np.array(classes)[test[1]]))


def fashion(args):
    def read(name, header, shape):
        with gzip.open(f"{args.fashion}/{name}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header).reshape(shape)

    train, test = [
        (read(f"{part}-images-idx3", 16, (-1, 28, 28)), read(f"{part}-labels-idx1", 8, -1).astype(np.int64))
        for part in ("train", "t10k")
    ]
    classes = "T-shirt,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot".split(",")
    write_arrays(f"{args.folder}/fashion-mnist", classes, *parts(train, test, args.development))


def cifar(args, n_train=500, n_test=100):
    """So many pictures of each class as PNG files, in a folder for each class."""
    from PIL import Image

    def read(names, n):
        rows = np.concatenate([np.fromfile(f"{args.cifar}/{name}", np.uint8) for name in names]).reshape(-1, 3073)
        rows = np.concatenate([rows[rows[:, 0] == label][:n] for label in range(len(CIFAR))])
        return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0]

    train = read([f"data_batch_{k}.bin" for k in range(1, 6)], n_train)
    sets = parts(train, read(["test_batch.bin"], n_test), args.development)
    for part, (images, labels) in zip(("train", "test"), sets):
        for number, (image, label) in enumerate(zip(images, labels)):
            place = f"{args.folder}/cifar-png/{part}/{CIFAR[label]}"
            os.makedirs(place, exist_ok=True)
            Image.fromarray(image).save(f"{place}/{number:05d}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--development", action="store_true")
    for name in "adult", "clinc", "fashion", "cifar":
        parser.add_argument(f"--{name}", metavar="DIR")
    args = parser.parse_args()
    for name, data in ("wine", load_wine()), ("breast-cancer", load_breast_cancer()), ("digits", load_digits()):
        small(name, data, args)
    for name, write in ("adult", adult), ("clinc", clinc), ("fashion", fashion), ("cifar", cifar):
        if getattr(args, name):
            write(args)


if __name__ == "__main__":
    main()
