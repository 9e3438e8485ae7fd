"""Trains the forest that the study `bucila-2006` distils from, and writes what it reads.

    python forest.py FOLDER

FOLDER has the files of https://archive.ics.uci.edu/dataset/2/adult (`adult.data`, `adult.test`), or
`train.csv` and `test.csv` with the same columns and a header. It writes `adult/` beside you:

    train.csv, test.csv     the rows
    forest.onnx             a random forest of 1,000 trees, trained on all rows of train.csv

How few rows a leaf may have was chosen by the log loss of the training rows, each as the trees that
have not drawn it see it. Needs scikit-learn, skl2onnx and numpy.
"""

import sys
from pathlib import Path

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss

sys.path.append(str(Path(__file__).parent.parent / "adult"))
from rows import write_and_encode

TREES = 1000
LEAVES = [1, 2, 4, 8]


def main():
    folder, out = Path(sys.argv[1]), Path("adult")
    (x, y), (x_test, y_test), _ = write_and_encode(folder, out)
    found = []
    for rows in LEAVES:
        forest = RandomForestClassifier(TREES, min_samples_leaf=rows, oob_score=True, n_jobs=-1, random_state=0)
        forest.fit(x, y)
        found.append((log_loss(y, forest.oob_decision_function_), rows, forest))
        print(f"{found[-1][0]:.5f}  leaves of {rows} rows or more", flush=True)
    loss, rows, forest = min(found, key=lambda item: item[0])
    inputs = [("input", FloatTensorType([None, x.shape[1]]))]
    model = convert_sklearn(forest, initial_types=inputs, options={"zipmap": False})
    (out / "forest.onnx").write_bytes(model.SerializeToString())
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    print(f"chosen: leaves of {rows} rows or more, {nodes:,} nodes, log loss {loss:.5f} out of bag")
    print(f"test accuracy {100 * forest.score(x_test, y_test):.2f} %")


main()
