"""Serves the model beside it. Hone starts this in the artefact's folder."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

import hone


def encode(rows: List[Dict[str, Any]], numbers: List[str], categories: Dict[str, List[str]]) -> np.ndarray:
    """Rows as a matrix: the numbers, then a code for each category. What is
    missing, and a category that was not learned, is NaN."""
    x = np.full((len(rows), len(numbers) + len(categories)), np.nan)
    for j, name in enumerate(numbers):
        x[:, j] = [np.nan if r[name] is None else r[name] for r in rows]
    for j, (name, known) in enumerate(categories.items(), start=len(numbers)):
        codes = {value: float(code) for code, value in enumerate(known)}
        x[:, j] = [codes.get(r[name], np.nan) for r in rows]
    return x


def score(saved: Dict[str, Any], rows: List[Dict[str, Any]]) -> np.ndarray:
    """The probability of the positive class, of each class, or the value."""
    x = encode(rows, saved["numbers"], saved["categories"])
    model = saved["model"]
    if saved["task"] == "regression":
        return model.predict(x)
    # A class that the training rows did not have gets probability 0.
    p = np.zeros((len(rows), saved["classes"]))
    p[:, model.classes_.astype(int)] = model.predict_proba(x)
    return p[:, 1] if saved["task"] == "binary" else p


if __name__ == "__main__":
    import joblib

    artefact = joblib.load("model.joblib")
    hone.serve(lambda rows: score(artefact, rows))
