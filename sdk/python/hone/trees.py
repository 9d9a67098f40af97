"""Trees of LightGBM and XGBoost, which Hone scores itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List

from .artefact import write_manifest
from .schema import Schema

# What the sum of the trees may stand for. Hone knows no others.
LIGHTGBM = {
    "binary": ["binary", "cross_entropy"],
    "multiclass": ["multiclass", "multiclassova"],
    "regression": ["regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie"],
}
XGBOOST = {
    "binary": ["binary:logistic", "reg:logistic"],
    "multiclass": ["multi:softprob", "multi:softmax"],
    "regression": [
        "reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror",
        "count:poisson", "reg:gamma", "reg:tweedie",
    ],
}


def save_lightgbm(folder: Path, schema: Schema, booster: Any) -> Path:
    """See Run.save_lightgbm."""
    if hasattr(booster, "booster_"):
        check_classes(schema, booster)
        booster = booster.booster_
    if not hasattr(booster, "model_to_string"):
        raise ValueError("save_lightgbm takes a lightgbm.Booster or a fitted LGBMModel, not %s" % type(booster).__name__)
    text = booster.model_to_string()  # as save_model writes it, up to the best iteration
    check_lightgbm(schema, text)
    (folder / "model.txt").write_text(text, encoding="utf-8")
    return write_manifest(folder, "lightgbm", schema)


def check_lightgbm(schema: Schema, text: str) -> None:
    """Refuses what Hone would refuse, or score otherwise than LightGBM does."""
    head: Dict[str, str] = {}
    for line in text.partition("\nTree=")[0].splitlines():
        name, _, value = line.partition("=")
        head[name] = value
    check_objective(schema, head.get("objective", "").partition(" ")[0], int(head["num_class"]), LIGHTGBM)
    names = head["feature_names"].split(" ")
    spoken = {plain(n): n for n in schema.features}
    check_names(schema, [spoken.get(n, n) for n in names], names)
    if re.search("^is_linear=1", text, re.MULTILINE):
        raise ValueError("its leaves are linear models, which Hone does not score: train without linear_tree")
    found = re.search("^pandas_categorical:(.*)$", text, re.MULTILINE)
    lists = (json.loads(found.group(1)) if found else None) or []
    coded = [n for n in schema.named("category") if plain(n) in names]
    if len(lists) != len(coded):
        raise ValueError(
            "the features %s are categories by schema.json, and the model knows the values of %d: "
            "fit on the columns of run.pandas(), which are of dtype category" % (", ".join(coded) or "none", len(lists))
        )


def save_xgboost(folder: Path, schema: Schema, booster: Any) -> Path:
    """See Run.save_xgboost."""
    best = None
    if hasattr(booster, "get_booster"):
        check_classes(schema, booster)
        if getattr(booster, "early_stopping_rounds", None):
            best = booster.best_iteration  # where predict of an XGBModel ends
        booster = booster.get_booster()
    if not hasattr(booster, "save_raw"):
        raise ValueError("save_xgboost takes an xgboost.Booster or a fitted XGBModel, not %s" % type(booster).__name__)
    text = bytes(booster.save_raw("json"))
    saved = json.loads(text)
    check_xgboost(schema, saved)
    if best is not None:
        cut(saved, best + 1)
        text = json.dumps(saved).encode()
    (folder / "model.json").write_bytes(text)
    return write_manifest(folder, "xgboost", schema)


def cut(saved: Dict[str, Any], iterations: int) -> None:
    """Leaves only the first iterations. XGBoost's own slices lose the names of the
    values of categories."""
    booster = saved["learner"]["gradient_booster"]
    trees = booster.get("model") or booster["gbtree"]["model"]
    ends = trees["iteration_indptr"][: iterations + 1]
    trees["iteration_indptr"] = ends
    trees["gbtree_model_param"]["num_trees"] = str(ends[-1])
    for held, name in ((trees, "trees"), (trees, "tree_info"), (booster, "weight_drop")):
        if name in held:
            held[name] = held[name][: ends[-1]]


def check_xgboost(schema: Schema, saved: Dict[str, Any]) -> None:
    """Refuses what Hone would refuse, or score otherwise than XGBoost does."""
    learner = saved["learner"]
    classes = int(learner["learner_model_param"]["num_class"])
    check_objective(schema, learner["objective"]["name"], max(classes, 1), XGBOOST)
    booster = learner["gradient_booster"]
    trees = booster.get("model") or booster.get("gbtree", {}).get("model")
    if "trees" not in (trees or {}):
        raise ValueError("the booster %s has no trees: Hone scores gbtree and dart" % booster["name"])
    names = learner["feature_names"]
    if not names:
        raise ValueError("the model does not know the names of its features: fit on the columns of run.pandas()")
    check_names(schema, names, names)
    values = trees.get("cats", {}).get("enc") or [{}] * len(names)
    for name, known in zip(names, values):
        check_values(name, schema.features[name], known.get("values") or [], "offsets" in known)


def check_values(name: str, kind: str, values: List[int], text: bool) -> None:
    """Of one feature of XGBoost: the bytes of the names of its values."""
    if kind != "category":
        if values:
            raise ValueError("the model takes %s for a category, and schema.json says %s" % (name, kind))
        return
    if not values:
        raise ValueError(
            "the model does not name the values of the category %s: fit on the columns of run.pandas(), with "
            "enable_categorical, and save by XGBoost 3.1 or later" % name
        )
    if text and not all(0 <= v < 128 for v in values):
        raise ValueError(
            "XGBoost does not save values of %s whole that are not ASCII: train on other names, or let "
            "run.save_sklearn(XGBClassifier(...)) serve it" % name
        )


def check_objective(schema: Schema, name: str, classes: int, known: Dict[str, List[str]]) -> None:
    allowed = known[schema.task]
    if name not in allowed:
        raise ValueError(
            "the objective is %r; for the task %s Hone scores %s" % (name or "custom", schema.task, ", ".join(allowed))
        )
    if classes != schema.width:
        raise ValueError(
            "the model gives %d scores, and schema.json has %d classes: train with num_class=%d on run.targets(), "
            "also where the rows lack a class" % (classes, schema.width, schema.width)
        )


def check_names(schema: Schema, names: List[str], shown: List[str]) -> None:
    """All features of the model must be in schema.json, none of them as text."""
    for name, said in zip(names, shown):
        if name not in schema.features:
            raise ValueError(
                "the model asks for the feature %r, which is not in schema.json: it has %s; fit on the columns of "
                "run.pandas(), without the label" % (said, ", ".join(schema.features))
            )
        if schema.features[name] == "text":
            raise ValueError("the model takes %s, which is a text: leave it out of the columns" % name)


def check_classes(schema: Schema, model: Any) -> None:
    """A wrapper may have learned the classes in an order of its own."""
    if schema.task == "regression" or not hasattr(model, "classes_"):
        return
    if schema.places(model.classes_) != list(range(len(schema.classes))):
        raise ValueError(
            "the model has the classes %s, schema.json %s, in this order: fit on run.targets(), also where the rows "
            "lack a class" % ([str(c) for c in model.classes_], schema.classes)
        )


def plain(name: str) -> str:
    """A name as LightGBM writes it."""
    return "_".join(filter(None, re.split(r'[\x00-\x20",:\[\]{}=]', name)))
