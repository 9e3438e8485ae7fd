"""The rows of UCI Adult: read, written for `distill`, and as numbers for trees."""

import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

sys.path.append(str(Path(__file__).parent.parent))
from fold_tables import write

COLUMNS = (
    "age workclass fnlwgt education education_num marital_status occupation relationship race sex "
    "capital_gain capital_loss hours_per_week native_country income"
).split()


def read(folder, name, original):
    """Rows of words, an empty one where something is not known."""
    path = folder / f"{name}.csv"
    if path.exists():
        with open(path, newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == COLUMNS, f"{path} has other columns: {rows[0]}"
        return rows[1:]
    with open(folder / original) as file:
        rows = [[cell.strip() for cell in line.rstrip("\n").rstrip(".").split(",")] for line in file]
    return [["" if cell == "?" else cell for cell in row] for row in rows if len(row) == len(COLUMNS)]


def is_number(cell):
    try:
        float(cell)
        return True
    except ValueError:
        return False


def encode(train, rows):
    """One number for a column of numbers, one for each word of another, as `distill` makes them of the table."""
    parts = []
    for at, name in enumerate(COLUMNS[:-1]):
        if all(is_number(row[at]) for row in train):
            parts.append(np.array([[float(row[at])] for row in rows], np.float32))
        else:
            words = sorted({row[at] for row in train})
            parts.append(np.array([[float(row[at] == word) for word in words] for row in rows], np.float32))
    return np.hstack(parts)


def write_and_encode(folder, out):
    """Reads the rows of `folder` and writes their tables; gives inputs and words to learn, to train on and to test, and the folds."""
    train, test = read(folder, "train", "adult.data"), read(folder, "test", "adult.test")
    x, x_test = encode(train, train), encode(train, test)
    y, y_test = (np.array([row[-1] for row in rows]) for rows in (train, test))
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))
    out.mkdir(exist_ok=True)
    write(out, COLUMNS, train, test, folds)
    return (x, y), (x_test, y_test), folds
