"""The tables that the studies of trees read."""

import csv

import numpy as np


def write(out, columns, train, test, folds):
    """`train.csv`, with the number of each row's fold, and `test.csv`."""
    fold_of = np.zeros(len(train), int)
    for number, (_, held_out) in enumerate(folds, 1):
        fold_of[held_out] = number
    with open(out / "train.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*columns[:-1], "fold", columns[-1]])
        table.writerows([*row[:-1], fold, row[-1]] for row, fold in zip(train, fold_of))
    with open(out / "test.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *test])
