"""Writes regressors/NAME.onnx and regressors/NAME.json: models that give numbers as their exporters write them, and what the
libraries themselves answer.

    python tests/golden/regressors.py

The data is drawn from a seed: 5 features, of which some are missing where the name says so, and one number to predict, or two. A
missing input is null. Where onnxruntime reads a file, it has to answer as the library does, or nothing is written. Needs what
trees.py needs, and onnxruntime; written with scikit-learn 1.9.1, LightGBM 4.7.0, XGBoost 3.2.0, skl2onnx 1.20.0, onnxmltools 1.16.0
and onnxruntime 1.32.0.
"""

import json
import pathlib

import lightgbm
import numpy as np
import onnx.helper
import onnxmltools
import onnxruntime
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.datasets import make_regression
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from skl2onnx import to_onnx

FOLDER = pathlib.Path(__file__).parent / "regressors"
ROWS = 24

X, Y = make_regression(400, 5, n_informative=4, noise=5.0, bias=1000.0, random_state=1)
X = X.astype(np.float32)
TWO = np.stack([Y, 1e-3 * (X[:, 0] - X[:, 3] * X[:, 1])], axis=1)
COUNTS = np.round(np.exp(0.5 * X[:, 0] + 1))
MISSING = X.copy()
MISSING[::5, 1] = np.nan
MISSING[1::7, 4] = np.nan


def whole(make):
    """skl2onnx gives booleans where whole numbers belong, which onnx 1.23 refuses."""

    def attribute(key, value, *args, **kwargs):
        if key == "nodes_missing_value_tracks_true":
            value = [int(one) for one in value]
        return make(key, value, *args, **kwargs)

    return attribute


onnx.helper.make_attribute = whole(onnx.helper.make_attribute)


def write(name, model, x, answers, runs=True):
    file = model.SerializeToString()
    numbers = np.asarray(answers, np.float64).reshape(len(x), -1)
    if runs:
        session = onnxruntime.InferenceSession(file)
        found = session.run(None, {session.get_inputs()[0].name: x})[0].reshape(len(x), -1)
        assert (np.abs(found - numbers) <= 1e-5 * np.abs(numbers).max(axis=0)).all(), name
    (FOLDER / f"{name}.onnx").write_bytes(file)
    inputs = [[None if np.isnan(value) else float(value) for value in row] for row in x[:ROWS]]
    (FOLDER / f"{name}.json").write_text(json.dumps({"inputs": inputs, "numbers": numbers[:ROWS].tolist()}) + "\n")


def sklearn(name, model, y=Y, x=X, runs=True):
    model.fit(x, y)
    write(name, to_onnx(model, x[:1]), x, model.predict(x), runs)


def boosted(name, convert, model, y=Y, x=X, **options):
    model.fit(x, y)
    types = [("input", FloatTensorType([None, x.shape[1]]))]
    write(name, convert(model, initial_types=types, **options), x, model.predict(x))


def forest():
    return RandomForestRegressor(4, max_depth=3, random_state=1)


def tree(depth):
    return DecisionTreeRegressor(max_depth=depth, random_state=1)


def light(name, y=Y, x=X, split=None, **settings):
    settings = {"n_estimators": 4, "num_leaves": 5, "verbose": -1, "random_state": 1} | settings
    options = {} if split is None else {"split": split}
    boosted(name, onnxmltools.convert_lightgbm, lightgbm.LGBMRegressor(**settings), y, x, **options)


def extreme(name, y=Y, x=X, model=xgboost.XGBRegressor, **settings):
    boosted(name, onnxmltools.convert_xgboost, model(n_estimators=4, max_depth=3, random_state=1, **settings), y, x)


def perceptron(**settings):
    return MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=1, **settings)


def main():
    FOLDER.mkdir(exist_ok=True)
    sklearn("forest", forest())
    sklearn("forest-two", forest(), TWO)
    # onnxruntime refuses the f64 that it says it gives.
    sklearn("forest-f64", forest(), Y, X.astype(np.float64), runs=False)
    sklearn("extra-trees", ExtraTreesRegressor(4, max_depth=3, random_state=1))
    sklearn("tree", tree(4))
    sklearn("tree-two", tree(4), TWO)
    sklearn("gradient", GradientBoostingRegressor(n_estimators=4, random_state=1))
    histogram = {"max_iter": 4, "max_leaf_nodes": 5, "random_state": 1}
    sklearn("histogram-missing", HistGradientBoostingRegressor(**histogram), Y, MISSING)
    sklearn("voting", VotingRegressor([("a", tree(3)), ("b", forest())]))
    sklearn("scaled", make_pipeline(StandardScaler(), forest()))
    sklearn("linear", LinearRegression())
    sklearn("linear-two", LinearRegression(), TWO)
    sklearn("ridge", make_pipeline(StandardScaler(), Ridge()))
    sklearn("perceptron", make_pipeline(StandardScaler(), perceptron()), Y / 100)
    sklearn("perceptron-tanh", perceptron(activation="tanh"), Y / 100)
    light("light")
    light("light-missing", Y, MISSING)
    light("light-parts", split=2)
    light("light-poisson", COUNTS, objective="poisson")
    extreme("extreme")
    extreme("extreme-missing", Y, MISSING)
    extreme("extreme-forest", model=xgboost.XGBRFRegressor)
    extreme("extreme-poisson", COUNTS, objective="count:poisson")


main()
