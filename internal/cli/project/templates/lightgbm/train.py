"""Fits gradient-boosted trees by LightGBM. Hone starts this, with HONE_RUN set to a
folder of work; HONE_RUN=that/folder python train.py does the same by hand."""

import sys
from pathlib import Path

# The helper lies beside this file. Where it is installed by pip, this line can go.
sys.path.insert(0, str(Path(__file__).with_name("hone-sdk")))

import hone
import lightgbm

run = hone.Run()

# The columns are of the kinds that hone.yaml says: numbers, where NaN is missing, and
# categories. LightGBM takes both as they are, but no text.
data = run.pandas()
use = run.schema.named("number", "category")
if not use:
    raise SystemExit("there is no number and no category to learn from: hone init --template text takes texts")
rows = lightgbm.Dataset(
    data[use],
    label=run.targets(data[run.schema.label]),  # Classes as 0, 1, 2, in the order of schema.json.
    weight=data[run.schema.weight] if run.schema.weight else None,
)

# What stands under params in hone.yaml is run.params.
params = {
    "objective": run.schema.task,
    "num_class": run.schema.width,
    "learning_rate": run.params.get("learning_rate", 0.1),
    "num_leaves": run.params.get("leaves", 31),
    "seed": run.schema.seed % 2**31,
    "deterministic": True,
    "verbose": -1,
}
booster = lightgbm.train(
    params,
    rows,
    num_boost_round=run.params.get("iterations", 100),
    callbacks=[lambda now: run.progress(step=now.iteration + 1)],
)

# Hone scores these trees itself, without Python.
run.save_lightgbm(booster)
