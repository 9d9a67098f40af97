"""Fits gradient-boosted trees by XGBoost. Hone starts this, with HONE_RUN set to a
folder of work; HONE_RUN=that/folder python train.py does the same by hand."""

import sys
from pathlib import Path

# The helper lies beside this file. Where it is installed by pip, this line can go.
sys.path.insert(0, str(Path(__file__).with_name("hone-sdk")))

import hone
import xgboost

run = hone.Run()

# The columns are of the kinds that hone.yaml says: numbers, where NaN is missing, and
# categories. XGBoost takes both as they are, but no text.
data = run.pandas()
use = run.schema.named("number", "category")
if not use:
    raise SystemExit("there is no number and no category to learn from: hone init --template text takes texts")
rows = xgboost.DMatrix(
    data[use],
    label=run.targets(data[run.schema.label]),  # Classes as 0, 1, 2, in the order of schema.json.
    weight=data[run.schema.weight] if run.schema.weight else None,
    enable_categorical=True,
)

# What stands under params in hone.yaml is run.params.
params = {
    "learning_rate": run.params.get("learning_rate", 0.1),
    "max_depth": run.params.get("depth", 6),
    "seed": run.schema.seed % 2**31,
}
if run.schema.task == "binary":
    params.update(objective="binary:logistic")
elif run.schema.task == "multiclass":
    params.update(objective="multi:softprob", num_class=run.schema.width)
else:
    params.update(objective="reg:squarederror")


class Progress(xgboost.callback.TrainingCallback):
    def after_iteration(self, model, epoch, evals_log):
        run.progress(step=epoch + 1)
        return False  # True would end the training.


booster = xgboost.train(params, rows, num_boost_round=run.params.get("iterations", 100), callbacks=[Progress()])

# Hone scores these trees itself, without Python. Names of a category's values that are
# not ASCII are the exception: run.save_sklearn(xgboost.XGBClassifier(...)) serves these.
run.save_xgboost(booster)
