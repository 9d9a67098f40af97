"""Scores JSON rows on standard input by the model of a file, as LightGBM does."""

import json
import sys

import lightgbm
import numpy

path = sys.argv[1]
booster = lightgbm.Booster(model_file=path)
categories = booster.pandas_categorical or []
rows = json.load(sys.stdin)
data = numpy.full((len(rows), len(rows[0])), numpy.nan)
codes = [{v: i for i, v in enumerate(values)} for values in categories]
texts = [c for c in range(data.shape[1]) if any(isinstance(row[c], str) for row in rows)]
for i, row in enumerate(rows):
    for c, v in enumerate(row):
        if c in texts:
            data[i, c] = codes[texts.index(c)].get(v, numpy.nan)
        elif v is not None:
            data[i, c] = v
json.dump(numpy.asarray(booster.predict(data)).ravel().tolist(), sys.stdout)
