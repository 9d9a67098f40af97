"""Makes the models beside it, and what LightGBM itself answers.

    pip install lightgbm==4.7.0 pandas && python make.py

Each NAME.txt is a model, each NAME.json the fields, rows and scores.
"""

import json
import pathlib
import sys

import lightgbm
import numpy
import pandas

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from tables import rows, table, target

base = dict(verbose=-1, num_leaves=7, learning_rate=0.2, min_data_in_leaf=10, min_data_per_group=20, seed=1, num_threads=1)


def save(name, booster, data, **options):
    booster.save_model(here / f"{name}.txt")
    scores = booster.predict(data, **options)
    kinds = ["category" if isinstance(t, pandas.CategoricalDtype) else "number" for t in data.dtypes]
    fields = [{"name": n, "kind": k} for n, k in zip(data.columns, kinds)]
    with open(here / f"{name}.json", "w") as f:
        json.dump({"schema": fields, "rows": rows(data), "scores": numpy.asarray(scores).reshape(len(data), -1).tolist()}, f)


def main():
    data, fresh = table(1500, 1), table(40, 2)
    # Values that training never saw, and none.
    fresh["country"] = fresh["country"].cat.add_categories(["us"])
    fresh.loc[:3, "country"] = "us"
    fresh.loc[4:6, ["country", "many"]] = numpy.nan
    z = target(data, 3)
    sets = lambda y, **o: lightgbm.Dataset(data, label=y, free_raw_data=False, **o)
    train = lambda y, rounds=12, **o: lightgbm.train({**base, **o}, sets(y), num_boost_round=rounds)
    save("binary", train((z > 0).astype(int), objective="binary"), fresh)
    save("slope", train((z > 0).astype(int), objective="binary", sigmoid=0.7), fresh)
    save("multiclass", train(numpy.digitize(z, [-1, 1]), objective="multiclass", num_class=3), fresh)
    save("ova", train(numpy.digitize(z, [-1, 1]), objective="multiclassova", num_class=3), fresh)
    save("regression", train(10 * z, objective="regression"), fresh)
    save("square", train(10 * z, objective="regression", reg_sqrt=True), fresh)
    save("poisson", train(numpy.exp(z / 3), objective="poisson"), fresh)
    save("zero", train((z > 0).astype(int), objective="binary", zero_as_missing=True), fresh)
    save("nomissing", train((z > 0).astype(int), objective="binary", use_missing=False), fresh)
    save("forest", train((z > 0).astype(int), objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.5), fresh)
    save("dart", train(10 * z, objective="quantile", alpha=0.8, boosting="dart"), fresh)
    save("stump", train(numpy.full(len(z), 3.0), objective="regression"), fresh)

    plain, few = data.iloc[:, :4].to_numpy(), fresh.iloc[:, :4].to_numpy()
    codes = numpy.column_stack([plain, data["many"].cat.codes])
    few = numpy.column_stack([few, [c if c >= 0 else numpy.nan for c in fresh["many"].cat.codes]])
    few[:3, 4] = [-3, 1e9, 5.7]
    d = lightgbm.Dataset(codes, label=(z > 0).astype(int), categorical_feature=[4])
    b = lightgbm.train({**base, "objective": "binary"}, d, num_boost_round=12)
    save("codes", b, pandas.DataFrame(few, columns=[f"Column_{i}" for i in range(5)]))


main()
