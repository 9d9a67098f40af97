"""Serves the model beside it by the Open Inference Protocol v2. Hone starts this in the
artefact's folder, with the address to listen on in HONE_ADDR, and asks:

  GET  /v2/health/ready           200 once the model is loaded
  POST /v2/models/model/infer     one tensor a feature, all rows at once

The answer is one tensor: score, the probability of the positive class or one of each
class, or value for regression.
"""

import json
import math
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def encode(model, row):
    """The inputs of a row by name. What is missing has an input of its own."""
    out = {"": 1.0}
    for feature in model["features"]:
        name, value = feature["name"], row[feature["name"]]
        if value is None or value == "":
            out[name + "?"] = 1.0
        elif feature["kind"] == "number":
            mean, spread = model["scales"][name]
            out[name] = max(-5.0, min(5.0, (float(value) - mean) / spread))
        elif feature["kind"] == "category":
            out[name + "=" + value] = 1.0
        else:
            out.update((name + ":" + word, 1.0) for word in value.lower().split())
    return out


def margins(model, inputs, width):
    out = [0.0] * width
    for key, value in inputs.items():
        for k, w in enumerate(model["weights"].get(key, ())):
            out[k] += w * value
    return out


def squash(task, z):
    """Probabilities, where the task is about classes."""
    if task == "regression":
        return z
    if task == "binary":
        return [1 / (1 + math.exp(-max(-50.0, min(50.0, z[0]))))]
    top = max(z)
    e = [math.exp(x - top) for x in z]
    return [x / sum(e) for x in e]


def score(model, row):
    out = squash(model["task"], margins(model, encode(model, row), len(model["weights"][""])))
    if model["task"] == "regression":
        mean, spread = model["target"]
        return [mean + spread * out[0]]
    return out


def infer(model, request):
    """An answer of the protocol. A missing number comes as null, any other as ""."""
    columns = {t["name"]: t["data"] for t in request["inputs"]}
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    scores = [score(model, row) for row in rows]
    output = {
        "name": "value" if model["task"] == "regression" else "score",
        "shape": [len(rows), len(scores[0])],
        "datatype": "FP64",
        "data": [x for s in scores for x in s],
    }
    return {"model_name": "model", "outputs": [output]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    model = None

    def do_GET(self):
        self.answer(200, {"ready": True})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.answer(200, infer(self.model, json.loads(body)))
        except Exception as e:
            self.answer(500, {"error": str(e)})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass  # Hone counts the requests.


if __name__ == "__main__":
    with open("model.json", encoding="utf-8") as file:
        Handler.model = json.load(file)
    host, _, port = os.environ["HONE_ADDR"].rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    server.serve_forever()
