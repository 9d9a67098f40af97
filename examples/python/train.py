"""Fits gradient-boosted trees by scikit-learn or LightGBM. Hone starts this."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

import joblib
import numpy as np

import hone
from serve import encode

MAX_CATEGORIES = 250  # scikit-learn takes at most 255 of a feature


def main() -> None:
    run = hone.Run()
    rows, labels = run.rows()
    kinds = run.schema.features
    numbers = [n for n, k in kinds.items() if k == "number"]
    categories = {n: frequent(rows, n) for n, k in kinds.items() if k == "category"}
    for name in (n for n, k in kinds.items() if k == "text"):
        print("left out the text feature", name, flush=True)
    x = encode(rows, numbers, categories)
    if run.schema.task == "regression":
        y = np.array(labels, dtype=float)
    else:
        index = {c: i for i, c in enumerate(run.schema.classes)}
        y = np.array([index[label] for label in labels])
    coded = list(range(len(numbers), x.shape[1]))

    learner = run.params.get("learner", "sklearn")
    if learner not in LEARNERS:
        raise SystemExit("params: learner is %r; it may be %s" % (learner, " or ".join(LEARNERS)))
    model = LEARNERS[learner](run, x, y, coded)

    wrong = float(np.mean(np.abs(model.predict(x) - y))) if run.schema.task == "regression" else float(np.mean(model.predict(x) != y))
    run.metrics({"train_rows": len(rows), "train_error": wrong})
    saved = {
        "task": run.schema.task,
        "classes": len(run.schema.classes),
        "numbers": numbers,
        "categories": categories,
        "model": model,
    }
    joblib.dump(saved, run.model / "model.joblib")
    run.save_server([Path(__file__).with_name("serve.py")], ["{python}", "serve.py"])


def frequent(rows: List[Dict[str, Any]], name: str) -> List[str]:
    """The values of a category, the most frequent first; ties by name."""
    counts = Counter(r[name] for r in rows if r[name] is not None)
    return sorted(counts, key=lambda v: (-counts[v], v))[:MAX_CATEGORIES]


def sklearn(run: hone.Run, x: np.ndarray, y: np.ndarray, coded: List[int]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if run.schema.task == "regression" else HistGradientBoostingClassifier
    model = kind(
        categorical_features=coded,
        max_iter=int(run.params.get("iterations", 100)),
        learning_rate=float(run.params.get("learning_rate", 0.1)),
        max_leaf_nodes=int(run.params.get("leaves", 31)),
        early_stopping=False,
        random_state=run.schema.seed % 2**32,
    )
    model.fit(x, y)
    run.progress(step=model.n_iter_)
    return model


def lightgbm(run: hone.Run, x: np.ndarray, y: np.ndarray, coded: List[int]) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    def report(env: Any) -> None:
        if (env.iteration + 1) % 10 == 0:
            _, metric, value, _ = env.evaluation_result_list[0][:4]
            run.progress(step=env.iteration + 1, **{metric: value})

    kind = LGBMRegressor if run.schema.task == "regression" else LGBMClassifier
    model = kind(
        n_estimators=int(run.params.get("iterations", 100)),
        learning_rate=float(run.params.get("learning_rate", 0.1)),
        num_leaves=int(run.params.get("leaves", 31)),
        random_state=run.schema.seed % 2**31,
        deterministic=True,
        n_jobs=1,
        verbose=-1,
    )
    model.fit(x, y, eval_X=x, eval_y=y, categorical_feature=coded, callbacks=[report])
    return model


LEARNERS = {"sklearn": sklearn, "lightgbm": lightgbm}

if __name__ == "__main__":
    main()
