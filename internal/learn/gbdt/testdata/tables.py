"""Rows with gaps and categories, for the models of other programs."""

import numpy
import pandas


def table(n, seed):
    r = numpy.random.default_rng(seed)
    x = r.normal(size=(n, 4))
    x[r.random((n, 4)) < 0.1] = numpy.nan
    x[:, 2] = numpy.where(r.random(n) < 0.5, 0, numpy.round(x[:, 2], 1))
    data = pandas.DataFrame(x, columns=["amount", "age in days", "count", "noise"])
    data["country"] = pandas.Categorical(r.choice(["de", "fr", "it", "a, b", "é"], n))
    data["code"] = pandas.Categorical(r.choice([3, 10, 200, 7, 8, 9, 1, 2, 4, 5, 6], n))
    data["many"] = pandas.Categorical(r.choice([f"v{i}" for i in range(70)], n))
    return data


def target(data, seed):
    r = numpy.random.default_rng(seed)
    z = data["amount"].fillna(-1) * 1.5 + (data["country"] == "fr") * 2 - (data["code"].astype(int) > 7) + data["count"].fillna(2)
    z += data["many"].cat.codes % 7 / 3 - 1
    return (z + r.normal(size=len(z))).to_numpy()


def rows(data):
    out = []
    for row in data.to_dict("records"):
        out.append([None if pandas.isna(v) else v for v in row.values()])
    return out
