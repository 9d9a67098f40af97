"""Makes the models beside it, and what XGBoost itself answers.

    pip install xgboost==3.2.0 pandas==2.3.3 && python make.py

Each NAME.model is a model as JSON, each NAME.json the fields, rows and scores; what
ends in .refused is a model that has no trees.
"""

import json
import pathlib
import sys

import numpy
import pandas
import xgboost

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from tables import rows, table, target

base = dict(max_depth=4, eta=0.3, seed=1, nthread=1, max_cat_to_onehot=4)


def save(name, booster, data, matrix):
    booster.save_model(here / "model.json")
    (here / "model.json").rename(here / f"{name}.model")
    scores = booster.predict(matrix)
    kinds = ["category" if isinstance(t, pandas.CategoricalDtype) else "number" for t in data.dtypes]
    fields = [{"name": n, "kind": k} for n, k in zip(data.columns, kinds)]
    with open(here / f"{name}.json", "w") as f:
        scores = numpy.asarray(scores, dtype=float).reshape(len(data), -1).tolist()
        json.dump({"schema": fields, "rows": rows(data), "scores": scores}, f)


def main():
    # XGBoost 3.2 cuts names that are not ASCII short in what it saves.
    data, fresh = (t.assign(country=t["country"].cat.rename_categories({"é": "e"})) for t in (table(1500, 1), table(40, 2)))
    fresh.loc[4:6, ["country", "many"]] = numpy.nan
    z = target(data, 3)
    new = xgboost.DMatrix(fresh, enable_categorical=True)

    def train(name, y, rounds=10, **o):
        d = xgboost.DMatrix(data, label=y, enable_categorical=True)
        save(name, xgboost.train({**base, **o}, d, num_boost_round=rounds), fresh, new)

    train("binary", (z > 0).astype(int), objective="binary:logistic")
    train("multiclass", numpy.digitize(z, [-1, 1]), objective="multi:softprob", num_class=3)
    train("regression", 10 * z, objective="reg:squarederror")
    train("poisson", numpy.exp(z / 3), objective="count:poisson")
    train("dart", (z > 0).astype(int), objective="binary:logistic", booster="dart", rate_drop=0.3)
    train("forest", numpy.digitize(z, [-1, 1]), 2, objective="multi:softprob", num_class=3, num_parallel_tree=3, subsample=0.5)
    train("pruned", (z > 0).astype(int), objective="binary:logistic", gamma=5, grow_policy="lossguide", max_leaves=9)

    plain, few = data.iloc[:, :4], fresh.iloc[:, :4]
    d = xgboost.DMatrix(plain.to_numpy(), label=(z > 0).astype(int))
    b = xgboost.train({**base, "objective": "binary:logistic", "tree_method": "exact", "gamma": 2}, d, num_boost_round=10)
    few = pandas.DataFrame(few.to_numpy(), columns=[f"f{i}" for i in range(4)])
    save("unnamed", b, few, xgboost.DMatrix(few.to_numpy()))

    d = xgboost.DMatrix(numpy.nan_to_num(plain.to_numpy()), label=(z > 0).astype(int))
    linear = xgboost.train({"booster": "gblinear", "objective": "binary:logistic", "nthread": 1, "seed": 1}, d, num_boost_round=5)
    linear.save_model(here / "gblinear.json")
    (here / "gblinear.json").rename(here / "gblinear.refused")


main()
