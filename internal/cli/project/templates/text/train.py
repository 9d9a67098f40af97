"""Classifies texts by their words, with what else there is: TF-IDF and a linear model of
scikit-learn. Hone starts this, with HONE_RUN set to a folder of work;
HONE_RUN=that/folder python train.py does the same by hand."""

import sys
from pathlib import Path

# The helper lies beside this file. Where it is installed by pip, this line can go.
sys.path.insert(0, str(Path(__file__).with_name("hone-sdk")))

import hone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

run = hone.Run()

# The columns are of the kinds that hone.yaml says: texts, "" where there is none,
# categories, and numbers, where NaN is missing.
data = run.pandas()
parts = [(name, TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), name) for name in run.schema.named("text")]
if run.schema.named("category"):
    parts.append(("categories", OneHotEncoder(handle_unknown="ignore"), run.schema.named("category")))
if run.schema.named("number"):
    numbers = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
    parts.append(("numbers", numbers, run.schema.named("number")))

# What stands under params in hone.yaml is run.params: a larger strength trusts the rows
# more, a smaller one keeps the model simpler.
strength = run.params.get("strength", 10.0)
if run.schema.task == "regression":
    learner = Ridge(alpha=1 / strength)
else:
    learner = LogisticRegression(C=strength, max_iter=1000)
model = Pipeline([("encode", ColumnTransformer(parts)), ("learn", learner)])
model.fit(
    data[list(run.schema.features)],
    data[run.schema.label],
    learn__sample_weight=data[run.schema.weight] if run.schema.weight else None,
)
run.metrics({"train_score": model.score(data[list(run.schema.features)], data[run.schema.label])})

# Hone serves this by a process of its own, with the same Python.
run.save_sklearn(model)
