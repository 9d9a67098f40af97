"""The folder that a trainer leaves, which Hone opens to serve it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Iterable, List, Mapping

from .schema import Schema


def write_manifest(folder: Path, format: str, schema: Schema, **rest: Any) -> Path:
    """Writes hone.json, which makes the folder an artefact; the last of its files."""
    manifest = {"format": format, "signature": schema.signature()}
    manifest.update({key: value for key, value in rest.items() if value})
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / "hone.json").write_text(text + "\n", encoding="utf-8")
    return folder


def save_server(folder: Path, schema: Schema, files: Iterable[Path], command: List[str]) -> Path:
    """See Run.save_server."""
    for file in files:
        to = folder / file.name
        if not (to.exists() and to.samefile(file)):
            shutil.copyfile(file, to)
    package = Path(__file__).parent
    (folder / package.name).mkdir(exist_ok=True)
    for source in package.glob("*.py"):
        shutil.copyfile(source, folder / package.name / source.name)
    return write_manifest(folder, "process", schema, command=list(command))


def save_onnx(folder: Path, schema: Schema, model: Any, mapping: Mapping[str, Any]) -> Path:
    """See Run.save_onnx."""
    if isinstance(model, (str, Path)):
        content = Path(model).read_bytes()
    elif hasattr(model, "SerializeToString"):
        content = model.SerializeToString()
    else:
        content = bytes(model)
    # A message of protobuf begins with its first field; a model's is the version.
    if content[:1] != b"\x08":
        raise ValueError("this is no ONNX model: give its bytes, its path, or what onnx.load returns")
    (folder / "model.onnx").write_bytes(content)
    return write_manifest(folder, "onnx", schema, onnx=mapping)
