"""The training rows of a run, as whatever table is at hand."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union

from .schema import Schema

Row = Dict[str, Union[float, str, None]]


class Data:
    """Reads train.parquet or train.csv by the kinds that the schema says."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        self.csv, self.parquet, self.schema = folder / "train.csv", folder / "train.parquet", schema
        # The values of each category in the frame that pandas gave last.
        self.categories: Dict[str, List[str]] = {}

    def pandas(self, categories: Optional[int] = None) -> Any:
        """See Run.pandas."""
        pandas = wanted("pandas")
        if self.parquet.exists() and (importable("pyarrow") or importable("fastparquet")):
            data = pandas.read_parquet(self.parquet)
        elif self.csv.exists():
            # Not pandas' own idea of what is missing: a category may be called NA.
            data = pandas.read_csv(
                self.csv,
                dtype={n: float if n in self._numbers() else str for n in self._all()},
                keep_default_na=False,
                na_values=[""],
                float_precision="round_trip",
            )
        else:
            raise RuntimeError(
                "pandas cannot read train.parquet: install pyarrow (pip install pyarrow), or set csv: true under train"
            )
        self.categories = {n: known(data[n].dropna(), categories) for n in self.schema.named("category")}
        return typed(data, self.schema.features, self.categories)

    def polars(self) -> Any:
        """See Run.polars."""
        polars = wanted("polars")
        data = polars.read_parquet(self.parquet)
        return data.with_columns(
            polars.col(n).cast(polars.Enum(sorted(data[n].drop_nulls().unique().to_list())))
            for n in self.schema.named("category")
        )

    def arrow(self) -> Any:
        """See Run.arrow."""
        arrow = wanted("pyarrow")
        wanted("pyarrow.parquet")
        data = arrow.parquet.read_table(self.parquet)
        for name in self.schema.named("category"):
            at = data.schema.get_field_index(name)
            data = data.set_column(at, name, data.column(at).dictionary_encode())
        return data

    def dicts(self, most: Optional[int] = None) -> List[Row]:
        """The rows, or the first most of them, with their label."""
        if not self.csv.exists():
            return self._parquet(most)
        numbers, rows = self._numbers(), []
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a text may be long
        with open(self.csv, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if len(rows) == most:
                    break
                rows.append({n: None if v == "" else float(v) if n in numbers else v for n, v in row.items()})
        return rows

    def _parquet(self, most: Optional[int]) -> List[Row]:
        try:
            import pyarrow.parquet
        except ImportError:
            raise RuntimeError(
                "train.csv is not there: set csv: true under train in the configuration, or install pyarrow"
            ) from None
        table = pyarrow.parquet.read_table(self.parquet)
        rows: List[Row] = (table if most is None else table.slice(0, most)).to_pylist()
        return rows

    def _all(self) -> List[str]:
        return [*self.schema.features, self.schema.label, *([self.schema.weight] if self.schema.weight else [])]

    def _numbers(self) -> Sequence[str]:
        numbers = [*self.schema.named("number"), self.schema.weight]
        return numbers + [self.schema.label] if self.schema.task == "regression" else numbers


def known(values: Iterable[str], most: Optional[int]) -> List[str]:
    """The different values, or the most frequent of them, in order of their names."""
    counts = Counter(values)
    return sorted(sorted(counts, key=lambda v: (-counts[v], v))[:most])


def typed(data: Any, kinds: Mapping[str, str], categories: Mapping[str, List[str]]) -> Any:
    """A pandas frame whose features have the kinds of the schema: a value that is
    none of its categories is missing, as is NaN of a number; no text is "". What is
    no feature stays as it is."""
    import pandas

    out = {}
    for name in data.columns:
        kind = kinds.get(name)
        if kind == "number":
            out[name] = data[name].astype(float)
        elif kind == "category":
            out[name] = pandas.Categorical(data[name].astype(object), categories=categories[name])
        elif kind == "text":
            out[name] = data[name].astype(object).where(data[name].notna(), "")
        else:
            out[name] = data[name]
    return pandas.DataFrame(out, index=data.index, columns=list(data.columns))


def importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def wanted(name: str) -> Any:
    """A module that is not part of Python, or an error that says how to get it."""
    try:
        __import__(name)
    except ImportError as e:
        package = name.partition(".")[0]
        raise RuntimeError(
            "%s is not installed for %s: add it to requirements.txt and run pip install %s (%s)"
            % (package, sys.executable, package, e)
        ) from None
    return sys.modules[name]
