"""What a model takes and gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional


@dataclass(frozen=True)
class Schema:
    """What the model takes and gives: the contents of schema.json."""

    task: str  # binary, multiclass or regression
    features: Dict[str, str]  # name -> number, category or text, in order
    label: str  # the label's column
    classes: List[str]  # binary: the negative, the positive
    threshold: float
    rows: int
    seed: int
    weight: str = ""  # the column that says for how many rows each stands; "" where each is one

    @classmethod
    def read(cls, path: Path) -> "Schema":
        """The schema in a file schema.json."""
        s = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            task=s["task"],
            features={f["name"]: f["kind"] for f in s["features"]},
            label=s["label"],
            classes=s.get("classes", []),
            threshold=s.get("threshold", 0.0),
            rows=s.get("rows", 0),
            seed=s.get("seed", 0),
            weight=s.get("weight", ""),
        )

    @property
    def width(self) -> int:
        """How many scores the model gives a row."""
        return len(self.classes) if self.task == "multiclass" else 1

    def named(self, *kinds: str) -> List[str]:
        """The names of the features of these kinds, in order."""
        return [n for n, k in self.features.items() if k in kinds]

    def signature(self) -> Dict[str, Any]:
        """The signature, as hone.json wants it."""
        s: Dict[str, Any] = {
            "task": self.task,
            "features": [{"name": n, "kind": k} for n, k in self.features.items()],
        }
        if self.classes:
            s["classes"] = self.classes
        if self.threshold:
            s["threshold"] = self.threshold
        return s

    def targets(self, labels: Iterable[Any]) -> List[Any]:
        """Labels as learners count: the place of each in classes, or the number."""
        if self.task == "regression":
            return [float(v) for v in labels]
        place = {c: i for i, c in enumerate(self.classes)}
        try:
            return [place[v] for v in labels]
        except KeyError as e:
            raise ValueError("the label %s is none of the classes %s" % (e, ", ".join(self.classes))) from None

    def places(self, learned: Iterable[Any]) -> List[int]:
        """Where in classes each class stands that a learner lists, be it by name, as
        run.pandas gives labels, or by place, as run.targets does. Raises ValueError
        where it is neither, or could be both."""
        values = list(learned)
        by_name = self._found([str(v) for v in values])
        by_place = None
        if all(not isinstance(v, str) and float(v).is_integer() and 0 <= v < len(self.classes) for v in values):
            by_place = [int(v) for v in values]
        if by_name and by_place and by_name != by_place:
            raise ValueError(
                "the classes %s could be names or places in %s: fit on the labels of run.pandas()" % (values, self.classes)
            )
        found = by_name or by_place
        if not found:
            raise ValueError(
                "the model has the classes %s, schema.json %s: fit on the labels of run.pandas(), or on run.targets()"
                % ([str(v) for v in values], self.classes)
            )
        return found

    def _found(self, names: List[str]) -> Optional[List[int]]:
        if not set(names) <= set(self.classes):
            return None
        return [self.classes.index(n) for n in names]
