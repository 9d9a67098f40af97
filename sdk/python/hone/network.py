"""A torch module: left by the trainer, and loaded and served in a process of its own
by `python -m hone.network`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from . import artefact
from .data import Data, wanted
from .encoder import Encoder
from .server import check_scores, serve

MODEL, ENCODER, ABOUT = "model.pt", "encoder.json", "network.json"
TRIED = 20  # rows that a model must score before it is saved
GIVES = {"binary": ("logits", "probabilities"), "multiclass": ("logits", "probabilities"), "regression": ("values",)}


def save(
    folder: Path,
    data: Data,
    module: Any,
    encoder: Encoder,
    gives: str,
    code: Optional[Path],
    make: str,
    arguments: Dict[str, Any],
) -> Path:
    """See Run.save_pytorch."""
    schema = data.schema
    if schema.task == "regression" and gives == "logits":
        gives = "values"
    if gives not in GIVES[schema.task]:
        raise ValueError("gives is %r; for the task %s it may be %s" % (gives, schema.task, " or ".join(GIVES[schema.task])))
    if bool(code) != bool(make):
        raise ValueError("code and make belong together: the file of a module, and what in it makes the network")
    torch = wanted("torch")
    module.eval()
    rows = data.dicts(TRIED)
    try:
        check_scores(scorer(module, encoder, schema.task, gives)(rows), len(rows), schema.signature())
    except Exception as e:
        raise ValueError("it does not score the training rows: %s: %s" % (type(e).__name__, e)) from e
    if code:
        torch.save(module.state_dict(), folder / MODEL)
    else:
        torch.jit.save(script(torch, module, encoder.encode(rows)), str(folder / MODEL))
    about = {"gives": gives, "module": code.stem if code else "", "make": make, "arguments": arguments}
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    encoder.save(folder / ENCODER)
    return artefact.save_server(folder, schema, [code] if code else [], ["{python}", "-m", "hone.network"])


def script(torch: Any, module: Any, example: List[List[float]]) -> Any:
    """The module as TorchScript, by its code, or else by what it does to rows."""
    if isinstance(module, torch.jit.ScriptModule):
        return module
    try:
        return torch.jit.script(module)
    except Exception:  # Not everything that torch runs can be compiled.
        return torch.jit.trace(module, torch.tensor(example))


def scorer(module: Any, encoder: Encoder, task: str, gives: str) -> Callable[[Any], Any]:
    """What gives a score for each row."""
    torch = wanted("torch")

    def score(rows: Any) -> Any:
        with torch.inference_mode():
            out = module(torch.tensor(encoder.encode(rows), dtype=torch.float32)).double()
            if task == "regression":
                return out.reshape(len(rows), -1).squeeze(1)
            out = out.reshape(len(rows), -1)
            if task == "binary" and out.shape[1] == 1:
                return (torch.sigmoid(out) if gives == "logits" else out).squeeze(1)
            out = torch.softmax(out, 1) if gives == "logits" else out
            return out[:, 1] if task == "binary" and out.shape[1] == 2 else out

    return score


def load() -> Callable[[Any], Any]:
    """The scorer of the artefact in this folder."""
    torch = wanted("torch")
    torch.set_num_threads(1)  # The machine is shared with what answers requests.
    about = json.loads(Path(ABOUT).read_text(encoding="utf-8"))
    if about["module"]:
        sys.path.insert(0, ".")
        module = getattr(importlib.import_module(about["module"]), about["make"])(**about["arguments"])
        module.load_state_dict(torch.load(MODEL, map_location="cpu", weights_only=True))
    else:
        module = torch.jit.load(MODEL, map_location="cpu")
    module.eval()
    task = json.loads(Path("hone.json").read_text(encoding="utf-8"))["signature"]["task"]
    return scorer(module, Encoder.load(Path(ENCODER)), task, about["gives"])


if __name__ == "__main__":
    serve(load=load)
