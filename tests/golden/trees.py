"""Writes trees/NAME.onnx and trees/NAME.json: forests and boosted trees as their exporters write them, and what the libraries
themselves answer.

    python tests/golden/trees.py

The data is drawn from a seed: 5 features, of which some are missing where the name says so, and 2 or 3 classes. A missing
input is null. Needs numpy, scikit-learn, lightgbm, xgboost, onnx, skl2onnx and onnxmltools; written with scikit-learn 1.9.1,
LightGBM 4.7.0, XGBoost 3.2.0, skl2onnx 1.20.0 and onnxmltools 1.16.0.
"""

import json
import pathlib

import lightgbm
import numpy as np
import onnx.helper
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skl2onnx import to_onnx

FOLDER = pathlib.Path(__file__).parent / "trees"
ROWS = 24

X, THREE = make_classification(
    400, 5, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, flip_y=0.1, random_state=1
)
X = X.astype(np.float32)
TWO = (THREE > 0).astype(int)
NAMES = np.array(["red", "green", "blue"])
MISSING = X.copy()
MISSING[::5, 1] = np.nan
MISSING[1::7, 4] = np.nan
# The first column has eight kinds, of which three are alike.
KINDS = X.copy()
KINDS[:, 0] = np.random.default_rng(1).integers(0, 8, len(X))
ALIKE = (np.isin(KINDS[:, 0], [1, 4, 6]) ^ (X[:, 1] > 1)).astype(int)


def whole(make):
    """skl2onnx gives booleans where whole numbers belong, which onnx 1.23 refuses."""

    def attribute(key, value, *args, **kwargs):
        if key == "nodes_missing_value_tracks_true":
            value = [int(one) for one in value]
        return make(key, value, *args, **kwargs)

    return attribute


onnx.helper.make_attribute = whole(onnx.helper.make_attribute)


def write(name, model, x, answers, classes):
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
    inputs = [[None if np.isnan(value) else float(value) for value in row] for row in x[:ROWS]]
    probs = np.asarray(answers, np.float64)[:ROWS].tolist()
    case = {"classes": [str(name) for name in classes], "inputs": inputs, "probabilities": probs}
    (FOLDER / f"{name}.json").write_text(json.dumps(case) + "\n")


def sklearn(name, model, y, x=X, **options):
    model.fit(x, y)
    write(name, to_onnx(model, x[:1], **options), x, model.predict_proba(x), model.classes_)


def boosted(name, convert, model, y, x=X, fit={}, **options):
    model.fit(x, y, **fit)
    types = [("input", FloatTensorType([None, x.shape[1]]))]
    write(name, convert(model, initial_types=types, **options), x, model.predict_proba(x), model.classes_)


def forest(**settings):
    return RandomForestClassifier(4, max_depth=3, random_state=1, **settings)


def tree(depth):
    return DecisionTreeClassifier(max_depth=depth, random_state=1)


def light(name, y, x=X, fit={}, **settings):
    zipmap = {} if settings.pop("zipmap", True) else {"zipmap": False}
    settings = {"n_estimators": 4, "num_leaves": 5, "verbose": -1, "random_state": 1} | settings
    model = lightgbm.LGBMClassifier(**settings)
    boosted(name, onnxmltools.convert_lightgbm, model, y, x, fit, **zipmap)


def extreme(name, y, x=X, model=xgboost.XGBClassifier):
    boosted(name, onnxmltools.convert_xgboost, model(n_estimators=4, max_depth=3, random_state=1), y, x)


def main():
    FOLDER.mkdir(exist_ok=True)
    sklearn("forest-3", forest(), THREE)
    sklearn("forest-2", forest(), TWO)
    sklearn("forest-names", forest(), NAMES[THREE])
    sklearn("forest-two-names", forest(), NAMES[TWO])
    sklearn("forest-numbers", forest(), THREE + 4)
    sklearn("forest-matrix", forest(), THREE, options={"zipmap": False})
    sklearn("forest-f64", forest(), THREE, X.astype(np.float64))
    sklearn("forest-i64", forest(), THREE, np.round(X * 4).astype(np.int64))
    sklearn("extra-trees", ExtraTreesClassifier(4, max_depth=3, random_state=1), TWO)
    sklearn("tree", tree(4), THREE)
    sklearn("gradient-2", GradientBoostingClassifier(n_estimators=4, random_state=1), TWO)
    sklearn("gradient-3", GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=1), THREE)
    histogram = {"max_iter": 4, "max_leaf_nodes": 5, "random_state": 1}
    sklearn("histogram-2-missing", HistGradientBoostingClassifier(**histogram), TWO, MISSING)
    sklearn("histogram-3-missing", HistGradientBoostingClassifier(**histogram), NAMES[THREE], MISSING)
    sklearn("scaled", make_pipeline(StandardScaler(), forest()), THREE)
    sklearn("imputed-missing", make_pipeline(SimpleImputer(), MinMaxScaler(), forest()), TWO, MISSING)
    sklearn("bagging", BaggingClassifier(tree(3), n_estimators=3, random_state=1), THREE)
    light("light-2", TWO)
    light("light-3", THREE)
    light("light-names", NAMES[TWO])
    light("light-matrix", THREE, zipmap=False)
    light("light-2-missing", TWO, MISSING)
    light("light-kinds", ALIKE, KINDS, {"categorical_feature": [0]}, max_cat_to_onehot=1, min_data_per_group=5)
    extreme("extreme-2", TWO)
    extreme("extreme-3", THREE)
    extreme("extreme-2-missing", TWO, MISSING)
    extreme("extreme-3-missing", THREE, MISSING)
    extreme("extreme-forest", TWO, model=xgboost.XGBRFClassifier)
    model = RandomForestRegressor(4, max_depth=3, random_state=1).fit(X, np.eye(3)[THREE])
    write("regression", to_onnx(model, X[:1]), X, model.predict(X), range(3))


main()
