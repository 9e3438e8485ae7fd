"""Trains the boosted trees that the study `california` distils from, and writes what it reads.

    python teacher.py FOLDER

FOLDER has `train.csv` and `test.csv` with the eight columns of the California housing data and
`medianHouseValue`; or `cal_housing.data` of https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html,
of which a fifth is drawn to test. It writes `california/` beside you:

    train.csv, test.csv     the rows, those to train on with the number of their fold
    teacher.onnx            LightGBM, trained on all rows of train.csv
    fold-1.onnx ...         the same without the rows of that fold

The settings were chosen by the mean squared error of five folds of the training rows.
Needs lightgbm, onnxmltools, packaging, scikit-learn, skl2onnx and numpy.
"""

import csv
import itertools
import sys
import warnings
from pathlib import Path

import numpy as np
import lightgbm
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.model_selection import KFold

sys.path.append(str(Path(__file__).parent.parent))
from fold_tables import write

COLUMNS = (
    "longitude latitude housingMedianAge totalRooms totalBedrooms population households medianIncome "
    "medianHouseValue"
).split()
GRID = {"num_leaves": [15, 31, 63], "learning_rate": [0.03, 0.1], "min_child_samples": [10, 30]}
ROUNDS = 4000

# What versions of the libraries call their arguments.
warnings.simplefilter("ignore")


def read(folder):
    """The rows to train on and to test, as they are written."""
    sets = [folder / "train.csv", folder / "test.csv"]
    if all(path.exists() for path in sets):
        tables = []
        for path in sets:
            with open(path, newline="") as file:
                rows = list(csv.reader(file))
            assert rows[0] == COLUMNS, f"{path} has other columns: {rows[0]}"
            tables.append(rows[1:])
        return tables
    with open(folder / "cal_housing.data", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    order = np.random.default_rng(0).permutation(len(rows))
    n_test = len(rows) // 5
    return [[rows[at] for at in order[n_test:]], [rows[at] for at in order[:n_test]]]


def boosted(settings, rounds):
    return lightgbm.LGBMRegressor(
        n_estimators=rounds, random_state=0, deterministic=True, force_row_wise=True, n_jobs=2, verbose=-1, **settings
    )


def main():
    folder, out = Path(sys.argv[1]), Path("california")
    out.mkdir(exist_ok=True)
    train, test = read(folder)
    numbers = lambda rows: np.array(rows, np.float32)
    (x, y), (x_test, y_test) = ((table[:, :-1], table[:, -1]) for table in (numbers(train), numbers(test)))
    folds = list(KFold(5, shuffle=True, random_state=0).split(x))
    write(out, COLUMNS, train, test, folds)

    found = []
    for values in itertools.product(*GRID.values()):
        settings, losses, rounds = dict(zip(GRID, values)), [], []
        for rest, held_out in folds:
            model = boosted(settings, ROUNDS)
            stop = lightgbm.early_stopping(50, verbose=False)
            model.fit(x[rest], y[rest], eval_set=[(x[held_out], y[held_out])], callbacks=[stop])
            losses.append(model.best_score_["valid_0"]["l2"])
            rounds.append(model.best_iteration_)
        found.append((float(np.mean(losses)), int(np.mean(rounds)), settings))
        print(f"RMSE {found[-1][0] ** 0.5:.0f}  {found[-1][1]:4} trees  {settings}", flush=True)
    loss, rounds, settings = min(found, key=lambda item: item[0])

    def export(model, name):
        inputs = [("input", FloatTensorType([None, x.shape[1]]))]
        (out / name).write_bytes(convert_lightgbm(model, initial_types=inputs).SerializeToString())

    teacher = boosted(settings, rounds).fit(x, y)
    export(teacher, "teacher.onnx")
    for number, (rest, _) in enumerate(folds, 1):
        export(boosted(settings, rounds).fit(x[rest], y[rest]), f"fold-{number}.onnx")
    print(f"chosen: {rounds} trees, {settings}, RMSE {loss ** 0.5:.0f} out of fold")
    print(f"test RMSE {np.mean((teacher.predict(x_test) - y_test) ** 2) ** 0.5:.0f}, R2 {teacher.score(x_test, y_test):.4f}")


main()
