"""A small server of the Open Inference Protocol v2, which Hone asks for scores."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

MAX_BODY = 256 << 20  # bytes of one request
SLACK = 1e-6  # of what counts in single precision


class Refused(Exception):
    """A request that is at fault itself."""


class Loading(Exception):
    """A request that came before there was a model to answer it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: Any, manifest: Dict[str, Any], columns: bool) -> None:
        super().__init__(address, _Handler)
        self.signature = manifest["signature"]
        self.model = os.environ.get("HONE_MODEL", "model")
        self.columns = columns
        self.predict: Optional[Callable[[Any], Any]] = None  # None until it is loaded.

    def infer(self, request: Any) -> Dict[str, Any]:
        if self.predict is None:
            raise Loading("the model is being loaded")
        values = _read(request, self.signature["features"])
        n = len(next(iter(values.values())))
        if self.columns:
            scores = self.predict(values)
        else:
            names = list(values)
            scores = self.predict([dict(zip(names, row)) for row in zip(*values.values())])
        task = self.signature["task"]
        data, shape = check_scores(scores, n, self.signature)
        name = "value" if task == "regression" else "score"
        answer = {
            "model_name": self.model,
            "outputs": [{"name": name, "shape": shape, "datatype": "FP64", "data": data}],
        }
        if "id" in request:
            answer["id"] = request["id"]
        return answer

    def metadata(self) -> Dict[str, Any]:
        task = self.signature["task"]
        kinds = {"number": "FP64"}
        wide = [-1, len(self.signature["classes"])] if task == "multiclass" else [-1]
        return {
            "name": self.model,
            "platform": "hone-python",
            "inputs": [
                {"name": f["name"], "datatype": kinds.get(f["kind"], "BYTES"), "shape": [-1]}
                for f in self.signature["features"]
            ],
            "outputs": [{"name": "value" if task == "regression" else "score", "datatype": "FP64", "shape": wide}],
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections alive
    disable_nagle_algorithm = True
    wbufsize = -1  # one write an answer
    server: _Server

    def do_GET(self) -> None:
        path = self.path.split("?")[0].rstrip("/")
        ready = self.server.predict is not None
        if path == "/v2/health/live":
            self._answer(200, {"live": True})
        elif path == "/v2/health/ready":
            self._answer(200 if ready else 503, {"ready": ready})
        elif path == "/v2":
            self._answer(200, {"name": "hone-python", "version": "0.1.0", "extensions": []})
        elif self._model(path, "/ready"):
            self._answer(200 if ready else 503, {"name": self.server.model, "ready": ready})
        elif self._model(path, ""):
            self._answer(200, self.server.metadata())
        else:
            self._answer(404, {"error": "there is nothing at " + path})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True  # the body is still to come
            return self._answer(413, {"error": "a request needs a Content-Length of at most %d" % MAX_BODY})
        body = self.rfile.read(int(length))
        if not self._model(self.path.split("?")[0].rstrip("/"), "/infer"):
            return self._answer(404, {"error": "there is nothing at " + self.path})
        try:
            try:
                request = json.loads(body)
            except ValueError as e:
                raise Refused("the body is not JSON: %s" % e) from None
            answer = self.server.infer(request)
        except Refused as e:
            return self._answer(400, {"error": str(e)})
        except Loading as e:
            return self._answer(503, {"error": str(e)})
        except Exception as e:  # whatever predict raises is told to whoever asked
            traceback.print_exc()
            return self._answer(500, {"error": "%s: %s" % (type(e).__name__, e)})
        self._answer(200, answer)

    def _model(self, path: str, end: str) -> bool:
        name = re.escape(self.server.model)
        return re.fullmatch("/v2/models/%s(/versions/[^/]+)?%s" % (name, end), path) is not None

    def _answer(self, status: int, value: Dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass  # Hone counts the requests


def _read(request: Any, features: List[Dict[str, str]]) -> Dict[str, List[Any]]:
    """The tensors as columns in the signature's order; what is missing is None."""
    try:
        tensors = {t["name"]: (t["shape"], t["data"]) for t in request["inputs"]}
    except (KeyError, TypeError):
        raise Refused("inputs must be a list of tensors with name, shape and data") from None
    columns: Dict[str, List[Any]] = {}
    rows: Optional[int] = None
    for f in features:
        name, number = f["name"], f["kind"] == "number"
        if name not in tensors:
            raise Refused("input %r is missing" % name)
        shape, data = tensors[name]
        if not isinstance(data, list) or not shape or shape[0] != len(data):
            raise Refused("input %r has shape %r, which its data have not" % (name, shape))
        if rows is not None and rows != len(data):
            raise Refused("input %r has %d rows, the others %d" % (name, len(data), rows))
        rows = len(data)
        columns[name] = [_value(v[0] if isinstance(v, list) and len(v) == 1 else v, number, name) for v in data]
    if not rows:
        raise Refused("there are no rows")
    return columns


def _value(v: Any, number: bool, name: str) -> Any:
    if v is None or v == "":
        return None
    if number and isinstance(v, (int, float)):
        return float(v)
    if not number and isinstance(v, str):
        return v
    raise Refused("input %r has the value %r" % (name, v))


def check_scores(scores: Any, n: int, signature: Dict[str, Any]) -> Any:
    """The scores of n rows in row-major order with their shape. Raises ValueError
    where they are not what the signature promises."""
    task = signature["task"]
    width = len(signature["classes"]) if task == "multiclass" else 1
    if hasattr(scores, "tolist"):
        scores = scores.tolist()
    rows = [list(s) if hasattr(s, "__iter__") else [s] for s in scores]
    data = [float(x) for row in rows for x in row]
    if len(rows) != n or any(len(row) != width for row in rows):
        raise ValueError("predict gave %d rows, %d scores; wanted %d rows of %d" % (len(rows), len(data), n, width))
    if not all(map(math.isfinite, data)):
        raise ValueError("predict gave a score that is not finite")
    wrong = [x for x in data if not -SLACK <= x <= 1 + SLACK]
    if task != "regression" and wrong:
        raise ValueError("predict gave the score %r, which is no probability" % wrong[0])
    return data, [n, width] if width > 1 else [n]


def serve(
    predict: Optional[Callable[[Any], Any]] = None,
    columns: bool = False,
    manifest: str = "hone.json",
    load: Optional[Callable[[], Callable[[Any], Any]]] = None,
) -> None:
    """Serves until SIGTERM, on the address in HONE_ADDR.

    predict is called with a list of dicts, one a row, or with columns=True with
    a dict of lists, in which None is missing; from several threads at once. It
    returns a score for each row: the probability of the positive class, a
    probability for each class in the signature's order, or the value. Where it takes
    time to load, give load in its place, which returns it: until then the server says
    that it is not ready.
    """
    if (predict is None) == (load is None):
        raise TypeError("serve takes either predict or load")
    address = os.environ.get("HONE_ADDR")
    if not address:
        sys.exit("HONE_ADDR is not set: Hone starts the server, or name an address such as 127.0.0.1:8080")
    host, _, port = address.rpartition(":")
    read = json.loads(Path(manifest).read_text(encoding="utf-8"))
    server = _Server((host, int(port)), read, columns)
    # The model is loaded in this thread: some libraries must be.
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    stop = threading.Event()
    try:
        server.predict = predict or load()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        stop.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.shutdown()
        server.server_close()
