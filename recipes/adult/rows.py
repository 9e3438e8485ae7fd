"""The rows of UCI Adult: read, written for `distill`, and as numbers for trees."""

import csv

import numpy as np
from sklearn.model_selection import StratifiedKFold

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


def folds_of(x, y):
    """Five parts of the rows to train on: for each those that are not in it, and those that are."""
    return list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))


def write(out, train, test, folds):
    """`train.csv`, with the number of each row's fold, and `test.csv`."""
    fold_of = np.zeros(len(train), int)
    for number, (_, held_out) in enumerate(folds, 1):
        fold_of[held_out] = number
    with open(out / "train.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*COLUMNS[:-1], "fold", COLUMNS[-1]])
        table.writerows([*row[:-1], fold, row[-1]] for row, fold in zip(train, fold_of))
    with open(out / "test.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *test])
