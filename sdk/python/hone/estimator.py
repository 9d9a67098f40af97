"""An estimator of scikit-learn's kind: left by the trainer, and loaded and served in
a process of its own by `python -m hone.estimator`."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import FunctionType
from typing import Any, Callable, Dict, List

from . import artefact
from .data import Data, typed, wanted
from .schema import Schema
from .server import check_scores, serve

Columns = Dict[str, List[Any]]
MODEL, ABOUT = "model.bin", "estimator.json"
TRIED = 20  # rows that a model must score before it is saved


def save(folder: Path, data: Data, estimator: Any, takes: str, by: str, code: List[Path]) -> Path:
    """See Run.save_sklearn."""
    schema = data.schema
    method = "predict" if schema.task == "regression" else "predict_proba"
    if not hasattr(estimator, method):
        raise ValueError("%s has no %s, which the task %s needs" % (type(estimator).__name__, method, schema.task))
    about = {
        "takes": takes or guess(schema, estimator),
        "by": by,
        "features": features(schema, estimator),
        "places": [] if schema.task == "regression" else schema.places(estimator.classes_),
    }
    if about["takes"] == "pandas":
        if not data.categories and schema.named("category"):
            data.pandas()
        about["categories"] = data.categories
    check_home(estimator, code)
    attempt(data, scorer(estimator, about, schema.signature()))
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    writer(by)(estimator, folder / MODEL)
    return artefact.save_server(folder, schema, code, ["{python}", "-m", "hone.estimator"])


def guess(schema: Schema, estimator: Any) -> str:
    """What the estimator was fitted on."""
    if hasattr(estimator, "feature_names_in_"):
        return "pandas"
    if schema.features and len(schema.named("number")) == getattr(estimator, "n_features_in_", -1):
        return "array"
    if list(schema.features.values()) == ["text"]:
        return "texts"
    raise ValueError(
        "it does not say what it was fitted on: fit it on columns of run.pandas(), or give takes='pandas', 'rows', "
        "'texts' or 'array'"
    )


def features(schema: Schema, estimator: Any) -> List[str]:
    """The columns that it was fitted on, which must be features."""
    names = [str(n) for n in getattr(estimator, "feature_names_in_", schema.features)]
    unknown = [n for n in names if n not in schema.features]
    if unknown:
        raise ValueError(
            "it was fitted on %s, which is no feature in schema.json: fit it on the columns of run.pandas() that are"
            % ", ".join(unknown)
        )
    return names


def check_home(estimator: Any, code: List[Path]) -> None:
    """Refuses what is made of classes and functions that the server will not find:
    those of the trainer itself."""
    found = set()

    class Scan(pickle.Pickler):
        def persistent_id(self, o: Any) -> None:
            if isinstance(o, (type, FunctionType)) and o.__module__ == "__main__":
                found.add(o.__qualname__)

    class Nowhere:
        def write(self, b: Any) -> int:
            return len(b)

    try:
        Scan(Nowhere()).dump(estimator)
    except (pickle.PicklingError, AttributeError, TypeError) as e:
        raise ValueError("it cannot be saved: %s; lambdas and functions inside others cannot" % e) from None
    if found:
        raise ValueError(
            "it is made of %s of the trainer itself: put that into a module beside it, and give code=['that.py']"
            % ", ".join(sorted(found))
        )


def attempt(data: Data, score: Callable[[Columns], Any]) -> None:
    """Scores the first training rows, as the server will."""
    rows = data.dicts(TRIED)
    columns = {n: [r[n] for r in rows] for n in data.schema.features}
    try:
        check_scores(score(columns), len(rows), data.schema.signature())
    except Exception as e:
        raise ValueError("it does not score the training rows: %s: %s" % (type(e).__name__, e)) from e


def scorer(estimator: Any, about: Dict[str, Any], signature: Dict[str, Any]) -> Callable[[Columns], Any]:
    """What gives a score for each row of columns, in which None is missing."""
    kinds = {f["name"]: f["kind"] for f in signature["features"]}
    width, places = len(signature.get("classes", [])), about["places"]

    def score(columns: Columns) -> Any:
        table = TABLES[about["takes"]](columns, about, kinds)
        if signature["task"] == "regression":
            return estimator.predict(table)
        given = estimator.predict_proba(table)
        # A class that the training rows did not have gets probability 0.
        out = [[0.0] * width for _ in given]
        for row, p in zip(out, given.tolist() if hasattr(given, "tolist") else given):
            for place, x in zip(places, p):
                row[place] = x
        return [row[1] for row in out] if signature["task"] == "binary" else out

    return score


def as_frame(columns: Columns, about: Dict[str, Any], kinds: Dict[str, str]) -> Any:
    import pandas

    data = pandas.DataFrame({n: pandas.Series(columns[n], dtype=object) for n in about["features"]})
    return typed(data, kinds, about["categories"])


def as_rows(columns: Columns, about: Dict[str, Any], kinds: Dict[str, str]) -> Any:
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def as_texts(columns: Columns, about: Dict[str, Any], kinds: Dict[str, str]) -> Any:
    name = next(n for n, k in kinds.items() if k == "text")
    return [v or "" for v in columns[name]]


def as_array(columns: Columns, about: Dict[str, Any], kinds: Dict[str, str]) -> Any:
    import numpy

    numbers = [columns[n] for n, k in kinds.items() if k == "number"]
    return numpy.array(numbers, dtype=float).T


TABLES = {"pandas": as_frame, "rows": as_rows, "texts": as_texts, "array": as_array}


def writer(by: str) -> Callable[[Any, Path], Any]:
    if by == "pickle":
        return lambda model, path: path.write_bytes(pickle.dumps(model))
    if by not in ("joblib", "skops"):
        raise ValueError("by is %r; it may be joblib, pickle or skops" % by)
    return wanted("joblib" if by == "joblib" else "skops.io").dump


def read(path: Path, by: str) -> Any:
    """Only ever in the process of the model that trained here."""
    if by == "pickle":
        return pickle.loads(path.read_bytes())
    if by == "joblib":
        return wanted("joblib").load(path)
    skops = wanted("skops.io")
    return skops.load(path, trusted=skops.get_untrusted_types(file=path))


def load() -> Callable[[Columns], Any]:
    """The scorer of the artefact in this folder."""
    about = json.loads(Path(ABOUT).read_text(encoding="utf-8"))
    signature = json.loads(Path("hone.json").read_text(encoding="utf-8"))["signature"]
    return scorer(read(Path(MODEL), about["by"]), about, signature)


if __name__ == "__main__":
    serve(load=load, columns=True)
