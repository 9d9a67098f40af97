"""A run's folder for tests, and what they need to be skipped loudly."""

import csv
import http.client
import importlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import hone

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Read when a library with threads is imported.

FEATURES = {"amount": "number", "country": "category", "age in days": "number", "note": "text"}
CLASSES = {"binary": ["no", "yes"], "multiclass": ["low", "middle", "high"], "regression": []}
WORDS = ["refund please", "where is it", "all is well", "it broke"]


def needs(*modules):
    """Skips where one of them is not installed, and says so."""
    missing = []
    for m in modules:
        try:
            importlib.import_module(m)
        except ImportError:
            missing.append(m)
    return unittest.skipIf(missing, "NOT TESTED: %s is not installed" % ", ".join(missing))


def make_rows(n, seed, task="binary"):
    """Rows with gaps, and labels that depend on a number, a category and a text."""
    r, rows = random.Random(seed), []
    for _ in range(n):
        amount, country = r.gauss(0, 1), r.choice(["de", "fr", "it", "a, b"])
        note = r.choice(WORDS)
        z = amount + (country == "fr") - (note == WORDS[2])
        label = repr(z) if task == "regression" else CLASSES[task][(z > 0.3) + (task == "multiclass" and z > 1)]
        gap = lambda v: "" if r.random() < 0.05 else v
        rows.append({"amount": gap(repr(amount)), "country": gap(country), "age in days": gap(repr(r.random())),
                     "note": gap(note), "label": label})
    return rows


class RunCase(unittest.TestCase):
    """Has a run with the rows of a task."""

    def begin(self, task="binary", features=None, rows=None, classes=None):
        features = features or FEATURES
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        folder = Path(temporary.name)
        schema = {"task": task, "features": [{"name": n, "kind": k} for n, k in features.items()],
                  "label": "label", "classes": classes or CLASSES[task], "threshold": 0.5, "rows": 400, "seed": 1}
        (folder / "schema.json").write_text(json.dumps(schema))
        (folder / "params.json").write_text("{}")
        with open(folder / "train.csv", "w", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, [*features, "label"], extrasaction="ignore")
            out.writeheader()
            out.writerows(rows or make_rows(400, 1, task))
        (folder / "output").mkdir()
        return hone.Run(folder)

    def format(self, folder):
        return json.loads((folder / "hone.json").read_text())["format"]

    def serve(self, folder):
        """Starts the server of an artefact as Hone does, and returns what asks it."""
        manifest = json.loads((folder / "hone.json").read_text())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable if w == "{python}" else w for w in manifest["command"]]
        server = subprocess.Popen(command, cwd=folder, env={"HONE_ADDR": "127.0.0.1:%d" % port, "OMP_NUM_THREADS": "1"})
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.addCleanup(connection.close)

        def ask(method, path, value=None):
            connection.request(method, path, None if value is None else json.dumps(value))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

        while True:
            self.assertIsNone(server.poll())
            try:
                if ask("GET", "/v2/health/ready")[0] == 200:
                    return ask
            except ConnectionRefusedError:
                connection.close()


def request(rows, features):
    """Rows of train.csv as Hone asks for them."""
    inputs = []
    for name, kind in features.items():
        data = [(float(r[name]) if r[name] else None) if kind == "number" else r[name] for r in rows]
        inputs.append({"name": name, "shape": [len(data)], "datatype": "FP64" if kind == "number" else "BYTES", "data": data})
    return {"inputs": inputs}
