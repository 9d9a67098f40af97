"""Fits gradient-boosted trees by scikit-learn. Hone starts this, with HONE_RUN set to a
folder of work; HONE_RUN=that/folder python train.py does the same by hand."""

import sys
from pathlib import Path

# The helper lies beside this file. Where it is installed by pip, this line can go.
sys.path.insert(0, str(Path(__file__).with_name("hone-sdk")))

import hone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

run = hone.Run()

# The columns are of the kinds that hone.yaml says: numbers, where NaN is missing, and
# categories. These trees take both as they are, but no text, and of a category at most
# 255 values: the most frequent are kept, and the others count as missing.
data = run.pandas(categories=250)
use = run.schema.named("number", "category")
if not use:
    raise SystemExit("there is no number and no category to learn from: hone init --template text takes texts")
weight = data[run.schema.weight] if run.schema.weight else None

# What stands under params in hone.yaml is run.params.
kind = HistGradientBoostingRegressor if run.schema.task == "regression" else HistGradientBoostingClassifier
model = kind(
    categorical_features="from_dtype",
    max_iter=run.params.get("iterations", 100),
    learning_rate=run.params.get("learning_rate", 0.1),
    max_leaf_nodes=run.params.get("leaves", 31),
    random_state=run.schema.seed % 2**31,
)
model.fit(data[use], data[run.schema.label], sample_weight=weight)
run.metrics({"train_score": model.score(data[use], data[run.schema.label])})

# Hone serves this by a process of its own, with the same Python. Any estimator or
# pipeline will do in the place of the trees.
run.save_sklearn(model)
