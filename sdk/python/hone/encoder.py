"""Rows as the numbers that a network takes."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

Row = Mapping[str, Any]


class Encoder:
    """Makes a list of numbers of each row: of a number its distance from the mean in
    standard deviations, and whether it is missing; of a category one that is 1 for
    each of its frequent values, and one for all else. Text is left out."""

    def __init__(self, numbers: Dict[str, List[float]], categories: Dict[str, List[str]]) -> None:
        self.numbers, self.categories = numbers, categories

    @classmethod
    def fit(cls, rows: Sequence[Row], features: Mapping[str, str], most: int = 50) -> "Encoder":
        """Learns means and values from the rows of a run. Of a category the most
        frequent values are kept."""
        numbers: Dict[str, List[float]] = {}
        categories: Dict[str, List[str]] = {}
        for name, kind in features.items():
            values = [row[name] for row in rows if row[name] is not None]
            if kind == "number":
                mean = math.fsum(values) / max(len(values), 1)
                spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / max(len(values), 1))
                numbers[name] = [mean, spread or 1.0]
            elif kind == "category":
                counts = Counter(values)
                categories[name] = sorted(counts, key=lambda v: (-counts[v], v))[:most]
        if not numbers and not categories:
            raise ValueError("there is no number and no category to encode")
        return cls(numbers, categories)

    @property
    def width(self) -> int:
        """How many numbers a row becomes."""
        return 2 * len(self.numbers) + sum(len(v) + 1 for v in self.categories.values())

    def encode(self, rows: Sequence[Row]) -> List[List[float]]:
        places = {n: {v: i for i, v in enumerate(values)} for n, values in self.categories.items()}
        out = []
        for row in rows:
            encoded: List[float] = []
            for name, (mean, spread) in self.numbers.items():
                value = row[name]
                encoded += [0.0, 1.0] if value is None else [(value - mean) / spread, 0.0]
            for name, place in places.items():
                flags = [0.0] * (len(place) + 1)
                flags[place.get(row[name], len(place))] = 1.0
                encoded += flags
            out.append(encoded)
        return out

    def save(self, path: Path) -> None:
        state = {"numbers": self.numbers, "categories": self.categories}
        path.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Encoder":
        return cls(**json.loads(path.read_text(encoding="utf-8")))
