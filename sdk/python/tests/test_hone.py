"""python -m unittest discover -s sdk/python/tests, with sdk/python on PYTHONPATH."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import hone

SCHEMA = {
    "task": "binary",
    "features": [{"name": "amount", "kind": "number"}, {"name": "country", "kind": "category"}],
    "label": "is_fraud", "classes": ["0", "1"], "threshold": 0.25, "rows": 3, "seed": 7, "weight": "weight",
}

SERVE = """
import hone
def predict(rows):
    if rows[0]["country"] == "crash":
        raise KeyError("no such country")
    if rows[0]["country"] == "nan":
        return [float("nan")] * len(rows)
    return [0.5 if r["amount"] is None else r["amount"] / 10 for r in rows]
hone.serve(predict)
"""


class Trainer(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        (self.folder / "schema.json").write_text(json.dumps(SCHEMA))
        (self.folder / "params.json").write_text('{"depth": 3}')
        (self.folder / "train.csv").write_text("amount,country,is_fraud\n1,de,0\n,,1\n2.5,a b,0\n")
        for name in ("output", "previous"):
            (self.folder / name).mkdir()
        self.run_ = hone.Run(self.folder)

    def test_reads_its_work(self):
        run = self.run_
        self.assertEqual(run.schema.features, {"amount": "number", "country": "category"})
        self.assertEqual((run.params, run.previous, run.schema.seed, run.schema.weight), ({"depth": 3}, None, 7, "weight"))
        rows, labels = run.rows()
        self.assertEqual(rows[1], {"amount": None, "country": None})
        self.assertEqual(rows[2], {"amount": 2.5, "country": "a b"})
        self.assertEqual(labels, ["0", "1", "0"])
        (self.folder / "previous" / "weights").write_text("w")
        self.assertEqual(run.previous, self.folder / "previous")

    def test_needs_a_folder(self):
        os.environ.pop("HONE_RUN", None)
        with self.assertRaisesRegex(RuntimeError, "HONE_RUN is not set"):
            hone.Run()

    def test_metrics_are_finite(self):
        with self.assertRaises(ValueError):
            self.run_.metrics({"auc": float("nan")})
        self.run_.metrics({"auc": 1})
        self.assertEqual(json.loads((self.folder / "output" / "metrics.json").read_text()), {"auc": 1.0})

    def ask(self, method, path, value=None):
        self.connection.request(method, path, None if value is None else json.dumps(value))
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def test_serves_what_it_saved(self):
        script = self.folder / "serve.py"
        script.write_text(SERVE)
        model = self.run_.save_server([script], ["{python}", "serve.py"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # The package is found in the artefact, not where it is installed.
        server = subprocess.Popen([sys.executable, "serve.py"], cwd=model,
                                  env={"HONE_ADDR": "127.0.0.1:%d" % port}, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.addCleanup(self.connection.close)
        while True:
            try:
                self.assertEqual(self.ask("GET", "/v2/health/ready")[0], 200)
                break
            except ConnectionRefusedError:
                self.connection.close()
                self.assertIsNone(server.poll())
        infer = "/v2/models/model/infer"
        inputs = lambda amounts, countries: {"id": "p1", "inputs": [
            {"name": "amount", "shape": [len(amounts)], "datatype": "FP64", "data": amounts},
            {"name": "country", "shape": [len(countries)], "datatype": "BYTES", "data": countries}]}
        status, answer = self.ask("POST", infer, inputs([1, None], ["de", ""]))
        self.assertEqual((status, answer["id"]), (200, "p1"))
        self.assertEqual(answer["outputs"], [{"name": "score", "shape": [2], "datatype": "FP64", "data": [0.1, 0.5]}])
        for want, value in [(400, {}), (400, inputs([1], ["de", "fr"])), (400, inputs([], [])), (400, inputs(["x"], ["de"])),
                            (500, inputs([1], ["crash"])), (500, inputs([1], ["nan"]))]:
            status, answer = self.ask("POST", infer, value)
            self.assertEqual(status, want, answer)
            self.assertTrue(answer["error"])
        self.assertEqual(self.ask("POST", "/v2/models/other/infer", {})[0], 404)
        self.assertEqual(self.ask("GET", "/v2/models/model")[1]["inputs"][1]["datatype"], "BYTES")
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(10), 0)

    def test_saves_a_model_in_onnx(self):
        folder = self.run_.save_onnx(b"model", classes=["b", "a"], categories={"country": ("CH", "größe")})
        self.assertEqual((folder / "model.onnx").read_bytes(), b"model")
        manifest = json.loads((folder / "hone.json").read_text(encoding="utf-8"))
        self.assertEqual(manifest, {"format": "onnx", "signature": self.run_.schema.signature(),
                                    "onnx": {"classes": ["b", "a"], "categories": {"country": ["CH", "größe"]}}})
        self.run_.save_onnx(b"model")
        self.assertEqual(json.loads((folder / "hone.json").read_text(encoding="utf-8"))["onnx"], {})


if __name__ == "__main__":
    unittest.main()
