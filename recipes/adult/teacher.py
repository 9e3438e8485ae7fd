"""Trains the boosted trees that the study `adult` distils from, and writes what it reads.

    python teacher.py FOLDER

FOLDER has the files of https://archive.ics.uci.edu/dataset/2/adult (`adult.data`, `adult.test`), or
`train.csv` and `test.csv` with the same columns and a header. It writes `adult/` beside you:

    train.csv, test.csv     the rows, those to train on with the number of their fold
    teacher.onnx            LightGBM, trained on all rows of train.csv
    fold-1.onnx ...         the same without the rows of that fold

The settings were chosen by the mean log loss of five folds of the training rows.
Needs lightgbm, onnxmltools, packaging, scikit-learn, skl2onnx and numpy.
"""

import itertools
import sys
import warnings
from pathlib import Path

import numpy as np
import lightgbm
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from rows import write_and_encode

GRID = {"num_leaves": [15, 31, 63], "learning_rate": [0.03, 0.1], "min_child_samples": [20, 60]}
ROUNDS = 2000

# What versions of the libraries call their arguments.
warnings.simplefilter("ignore")


def boosted(settings, rounds):
    return lightgbm.LGBMClassifier(
        n_estimators=rounds, random_state=0, deterministic=True, force_row_wise=True, n_jobs=2, verbose=-1, **settings
    )


def main():
    folder, out = Path(sys.argv[1]), Path("adult")
    (x, y), (x_test, y_test), folds = write_and_encode(folder, out)

    found = []
    for values in itertools.product(*GRID.values()):
        settings, losses, rounds = dict(zip(GRID, values)), [], []
        for rest, held_out in folds:
            model = boosted(settings, ROUNDS)
            stop = lightgbm.early_stopping(50, verbose=False)
            model.fit(x[rest], y[rest], eval_set=[(x[held_out], y[held_out])], callbacks=[stop])
            losses.append(model.best_score_["valid_0"]["binary_logloss"])
            rounds.append(model.best_iteration_)
        found.append((float(np.mean(losses)), int(np.mean(rounds)), settings))
        print(f"{found[-1][0]:.5f}  {found[-1][1]:4} trees  {settings}", flush=True)
    loss, rounds, settings = min(found, key=lambda item: item[0])

    def export(model, name):
        inputs = [("input", FloatTensorType([None, x.shape[1]]))]
        (out / name).write_bytes(convert_lightgbm(model, initial_types=inputs).SerializeToString())

    teacher = boosted(settings, rounds).fit(x, y)
    export(teacher, "teacher.onnx")
    for number, (rest, _) in enumerate(folds, 1):
        export(boosted(settings, rounds).fit(x[rest], y[rest]), f"fold-{number}.onnx")
    print(f"chosen: {rounds} trees, {settings}, log loss {loss:.5f} out of fold")
    print(f"test accuracy {100 * teacher.score(x_test, y_test):.2f} %")


main()
