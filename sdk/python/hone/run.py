"""The folder in which Hone hands a trainer its work."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from . import artefact
from .checkpoint import Stop, read, write
from .data import Data, Row
from .encoder import Encoder
from .schema import Schema

File = Union[str, Path]


class Run:
    """One training. The folder is that of HONE_RUN unless another is given."""

    def __init__(self, folder: Optional[File] = None) -> None:
        where = folder or os.environ.get("HONE_RUN")
        if not where:
            raise RuntimeError("HONE_RUN is not set: Hone starts the trainer, or name a folder")
        self.folder = Path(where)
        self.schema = Schema.read(self.folder / "schema.json")
        self.params: Dict[str, Any] = json.loads((self.folder / "params.json").read_text(encoding="utf-8"))
        self._data = Data(self.folder, self.schema)
        self._stop = Stop()

    @property
    def train_csv(self) -> Path:
        """train.csv, which is there if the configuration has csv: true under train."""
        return self._data.csv

    @property
    def train_parquet(self) -> Path:
        return self._data.parquet

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

    def pandas(self, categories: Optional[int] = None) -> Any:
        """The training rows as a pandas DataFrame: the features, the label and, if
        there is one, the weight; oldest first. Numbers are float64, where NaN is
        missing; categories are of dtype category, of which the most frequent are
        kept, if it is said how many, and the others are missing; text is a string,
        "" where there is none. The label is a string, or a number for regression."""
        return self._data.pandas(categories)

    def polars(self) -> Any:
        """The same as a Polars DataFrame. Categories are of type Enum, and whatever
        is missing is null."""
        return self._data.polars()

    def arrow(self) -> Any:
        """The same as a pyarrow Table. Categories are dictionaries, and whatever is
        missing is null."""
        return self._data.arrow()

    def rows(self) -> Tuple[List[Row], List[str]]:
        """The training rows as predict is handed them, and their labels as text. It
        needs nothing but Python where the configuration has csv: true."""
        rows, label = self._data.dicts(), self.schema.label
        return [{n: r[n] for n in self.schema.features} for r in rows], [str(r[label]) for r in rows]

    def weights(self) -> List[float]:
        """For how many rows each of rows() stands: 1 unless schema.json names a
        column of weights."""
        name = self.schema.weight
        return [float(r[name] or 0) if name else 1.0 for r in self._data.dicts()]

    def targets(self, labels: Iterable[Any]) -> List[Any]:
        """Labels as learners count: the place of each in schema.classes, or the
        number for regression."""
        return self.schema.targets(labels)

    def load(self) -> Any:
        """What pandas gives where pandas is installed, else a list of dicts in which
        None is missing."""
        try:
            import pandas  # noqa: F401
        except ImportError:
            return self._data.dicts()
        return self.pandas()

    def progress(self, step: int = 0, **values: float) -> None:
        """Tells Hone how far the training is; values must be finite numbers."""
        report = {"step": step, **{n: float(v) for n, v in values.items()}}
        print(json.dumps(report, allow_nan=False), flush=True)

    @property
    def stopping(self) -> bool:
        """Whether Hone has asked the trainer to stop. From the first look on, which
        must be in the main thread, SIGTERM does not end the program by itself: it has
        five seconds to save a checkpoint and end."""
        return self._stop.asked()

    def save_checkpoint(self, state: bytes, name: str = "state") -> None:
        """Leaves state for the next attempt of this run, whole or not at all."""
        write(self.checkpoint / name, state)

    def load_checkpoint(self, name: str = "state") -> Optional[bytes]:
        """What an earlier attempt of this run left, or None."""
        return read(self.checkpoint / name)

    def metrics(self, values: Mapping[str, float]) -> None:
        """Leaves the trainer's own metrics in output/metrics.json."""
        path = self.folder / "output" / "metrics.json"
        text = json.dumps({n: float(v) for n, v in values.items()}, allow_nan=False)
        path.write_text(text, encoding="utf-8")

    def save_lightgbm(self, booster: Any) -> Path:
        """Makes output/model an artefact of a lightgbm.Booster or a fitted LGBMModel,
        which Hone scores itself, without Python. Fit it on columns of pandas(), so
        that it knows the names of the categories, and on targets(). Raises ValueError
        where Hone could not score it as LightGBM does. Returns the folder."""
        from .trees import save_lightgbm

        return save_lightgbm(self.model, self.schema, booster)

    def save_xgboost(self, booster: Any) -> Path:
        """The same for an xgboost.Booster or a fitted XGBModel of gbtree or dart,
        saved by XGBoost 3.1 or later if it has categories."""
        from .trees import save_xgboost

        return save_xgboost(self.model, self.schema, booster)

    def save_sklearn(self, estimator: Any, takes: str = "", by: str = "joblib", code: Iterable[File] = ()) -> Path:
        """Makes output/model an artefact of a fitted estimator or pipeline, which a
        server of its own, with the same Python, loads and serves. It is given what it
        was fitted on: takes is pandas, rows (a list of dicts), texts (the one text
        feature) or array (the numbers); "" finds out. by is joblib, pickle or skops.
        code are the files of modules that it is made of. Raises ValueError where it
        does not score the first training rows. Returns the folder."""
        from .estimator import save

        return save(self.model, self._data, estimator, takes, by, list(map(Path, code)))

    def save_pytorch(
        self,
        module: Any,
        encoder: Encoder,
        gives: str = "logits",
        code: Optional[File] = None,
        make: str = "",
        arguments: Optional[Mapping[str, Any]] = None,
    ) -> Path:
        """Makes output/model an artefact of a torch module that takes the encoder's
        numbers, one row each, and gives logits, probabilities or, for regression,
        values. It is kept as TorchScript; or, if code names the file of a Python
        module, as its state, for what make(**arguments) of that module returns.
        Raises ValueError where it does not score the first training rows. Returns the
        folder."""
        from .network import save

        return save(self.model, self._data, module, encoder, gives, Path(code) if code else None, make, dict(arguments or {}))

    def save_onnx(
        self,
        model: Any,
        output: str = "",
        classes: Iterable[Any] = (),
        categories: Optional[Mapping[str, Iterable[str]]] = None,
    ) -> Path:
        """Makes output/model an artefact of an ONNX model: its bytes, its path or an
        onnx.ModelProto. Name the output that holds the scores where several hold
        floats, the classes of its columns where they are not the schema's in its
        order, and for each category that the model takes as a number its names, in
        the order of their numbers. Returns the folder."""
        mapping = {
            "output": output,
            "classes": [str(c) for c in classes],
            "categories": {n: list(names) for n, names in (categories or {}).items()},
        }
        return artefact.save_onnx(self.model, self.schema, model, {k: v for k, v in mapping.items() if v})

    def save_server(self, files: Iterable[File], command: List[str]) -> Path:
        """Makes output/model an artefact that command serves, started in that
        folder; the first word {python} is the Python that Hone finds. Copies the
        files into it, and this package, so that the artefact goes on to be served
        by the code that it was made with. Returns the folder."""
        return artefact.save_server(self.model, self.schema, map(Path, files), command)
