"""The folder in which Hone hands a trainer its work."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

Row = Dict[str, Union[float, str, None]]


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


class Run:
    """One training. The folder is that of HONE_RUN unless another is given."""

    def __init__(self, folder: Union[str, Path, None] = None) -> None:
        where = folder or os.environ.get("HONE_RUN")
        if not where:
            raise RuntimeError("HONE_RUN is not set: Hone starts the trainer, or name a folder")
        self.folder = Path(where)
        s = json.loads(self._text("schema.json"))
        self.schema = Schema(
            task=s["task"],
            features={f["name"]: f["kind"] for f in s["features"]},
            label=s["label"],
            classes=s.get("classes", []),
            threshold=s.get("threshold", 0.0),
            rows=s.get("rows", 0),
            seed=s.get("seed", 0),
            weight=s.get("weight", ""),
        )
        self.params: Dict[str, Any] = json.loads(self._text("params.json"))

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    @property
    def train_csv(self) -> Path:
        """train.csv, which is there if the configuration has train.csv: true."""
        return self.folder / "train.csv"

    @property
    def train_parquet(self) -> Path:
        return self.folder / "train.parquet"

    @property
    def previous(self) -> Optional[Path]:
        """The champion's artefact to begin from, or None."""
        path = self.folder / "previous"
        return path if path.is_dir() and any(path.iterdir()) else None

    @property
    def checkpoint(self) -> Path:
        """A folder that the next attempt finds as this one leaves it."""
        path = self.folder / "checkpoint"
        path.mkdir(exist_ok=True)
        return path

    @property
    def model(self) -> Path:
        """output/model, where the artefact goes."""
        path = self.folder / "output" / "model"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def load(self) -> Any:
        """The training rows with their label: a pandas DataFrame where pandas is
        installed, else a list of dicts in which None is missing."""
        try:
            import pandas
        except ImportError:
            return self._dicts()
        try:
            return pandas.read_parquet(self.train_parquet)
        except ImportError:  # neither pyarrow nor fastparquet
            text = [n for n, k in self.schema.features.items() if k != "number"]
            if self.schema.task != "regression":
                text.append(self.schema.label)
            return pandas.read_csv(
                self.train_csv, dtype={n: str for n in text}, keep_default_na=False, na_values=[""]
            )

    def rows(self) -> Tuple[List[Row], List[str]]:
        """The training rows as predict is handed them, and their labels as text."""
        rows, label = self._dicts(), self.schema.label
        return [{n: r[n] for n in self.schema.features} for r in rows], [str(r[label]) for r in rows]

    def _dicts(self) -> List[Row]:
        if not self.train_csv.exists():
            return self._parquet()
        numbers = {n for n, k in self.schema.features.items() if k == "number"}
        if self.schema.task == "regression":
            numbers.add(self.schema.label)
        with open(self.train_csv, newline="", encoding="utf-8") as file:
            return [
                {n: None if v == "" else float(v) if n in numbers else v for n, v in row.items()}
                for row in csv.DictReader(file)
            ]

    def _parquet(self) -> List[Row]:
        try:
            import pyarrow.parquet
        except ImportError:
            raise RuntimeError(
                "train.csv is not there: set train.csv to true in the configuration, or install pyarrow"
            ) from None
        rows: List[Row] = pyarrow.parquet.read_table(self.train_parquet).to_pylist()
        return rows

    def progress(self, step: int = 0, **values: float) -> None:
        """Tells Hone how far the training is; values must be finite numbers."""
        report = {"step": step, **{n: float(v) for n, v in values.items()}}
        print(json.dumps(report, allow_nan=False), flush=True)

    def metrics(self, values: Mapping[str, float]) -> None:
        """Leaves the trainer's own metrics in output/metrics.json."""
        path = self.folder / "output" / "metrics.json"
        text = json.dumps({n: float(v) for n, v in values.items()}, allow_nan=False)
        path.write_text(text, encoding="utf-8")

    def save_server(self, files: Iterable[Union[str, Path]], command: List[str]) -> Path:
        """Makes output/model an artefact that command serves, started in that
        folder; the first word {python} is the Python that Hone finds. Copies the
        files into it, and this package, so that the artefact goes on to be served
        by the code that it was made with. Returns the folder."""
        folder = self.model
        for file in map(Path, files):
            to = folder / file.name
            if not (to.exists() and to.samefile(file)):
                shutil.copyfile(file, to)
        package = Path(__file__).parent
        (folder / package.name).mkdir(exist_ok=True)
        for source in package.glob("*.py"):
            shutil.copyfile(source, folder / package.name / source.name)
        self._manifest("process", command=list(command))
        return folder

    def save_onnx(
        self,
        model: bytes,
        output: str = "",
        classes: Iterable[Any] = (),
        categories: Optional[Mapping[str, Iterable[str]]] = None,
    ) -> Path:
        """Makes output/model an artefact of a model in ONNX, such as what
        SerializeToString of an exported one gives. Name the output that holds the
        scores where several hold floats, the classes of its columns where they are
        not the schema's in its order, and for each category that the model takes
        as a number its names, in the order of their numbers. Returns the folder."""
        mapping = {
            "output": output,
            "classes": [str(c) for c in classes],
            "categories": {n: list(names) for n, names in (categories or {}).items()},
        }
        (self.model / "model.onnx").write_bytes(model)
        self._manifest("onnx", onnx={k: v for k, v in mapping.items() if v})
        return self.model

    def _manifest(self, format: str, **rest: Any) -> None:
        """Writes hone.json."""
        manifest = {"format": format, "signature": self.schema.signature(), **rest}
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        (self.model / "hone.json").write_text(text + "\n", encoding="utf-8")
