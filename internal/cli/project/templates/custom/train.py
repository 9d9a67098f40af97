"""A trainer in nothing but Python's standard library, to show all that Hone asks of one.
Put a learner of your own in the place of learn, in whatever language.

Hone starts it in this folder, with HONE_RUN set to a folder in which lie:

  train.csv      the rows with their label, oldest first; an empty cell is missing
  train.parquet  the same
  schema.json    task, features with their kinds, classes, and the label's name
  params.json    what stands under params in hone.yaml
  previous/      the artefact that serves now, to begin from
  checkpoint/    what an attempt that was stopped has left here, by itself
  output/        where the results go
"""

import csv
import json
import math
import os
import random
import shutil
from pathlib import Path

from serve import encode, margins, squash

RUN = Path(os.environ["HONE_RUN"])


def main():
    schema = json.loads((RUN / "schema.json").read_text(encoding="utf-8"))
    params = json.loads((RUN / "params.json").read_text(encoding="utf-8"))
    with open(RUN / "train.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    model = learn(rows, schema, params)

    # Figures of your own. Hone shows them; it judges the model by rows that are not here.
    (RUN / "output" / "metrics.json").write_text(json.dumps({"train_rows": len(rows)}))

    # The artefact: whatever the server needs, and hone.json, which says what it is. The
    # signature is as schema.json has it.
    out = RUN / "output" / "model"
    out.mkdir()
    (out / "model.json").write_text(json.dumps(model), encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("serve.py"), out / "serve.py")
    signature = {key: schema[key] for key in ("task", "features", "classes", "threshold") if key in schema}
    manifest = {"format": "process", "signature": signature, "command": ["{python}", "serve.py"]}
    (out / "hone.json").write_text(json.dumps(manifest), encoding="utf-8")


def learn(rows, schema, params):
    """A linear model by stochastic gradient descent, with a step of its own for each
    input (AdaGrad)."""
    regression = schema["task"] == "regression"
    width = len(schema["classes"]) if schema["task"] == "multiclass" else 1
    model = {"task": schema["task"], "features": schema["features"], "scales": scales(rows, schema), "weights": {}}
    if regression:
        model["target"] = scale([float(row[schema["label"]]) for row in rows])
    examples = [(encode(model, row), target(row, schema, model)) for row in rows]
    weights, seen = model["weights"], {}
    order = random.Random(schema["seed"])
    for epoch in range(params.get("epochs", 5)):
        order.shuffle(examples)
        total = 0.0
        for inputs, wanted in examples:
            got = squash(model["task"], margins(model, inputs, width))
            error = [g - w for g, w in zip(got, wanted)]
            total += sum(e * e for e in error)
            for key, value in inputs.items():
                w, s = weights.setdefault(key, [0.0] * width), seen.setdefault(key, [1e-8] * width)
                for k, e in enumerate(error):
                    s[k] += (e * value) ** 2
                    w[k] -= params.get("rate", 0.1) * e * value / math.sqrt(s[k])
        # A line of JSON is progress, any other the trainer's log.
        print(json.dumps({"step": epoch + 1, "loss": total / len(examples)}), flush=True)
    return model


def scales(rows, schema):
    """Mean and spread of each number."""
    names = [f["name"] for f in schema["features"] if f["kind"] == "number"]
    return {n: scale([float(row[n]) for row in rows if row[n] != ""]) for n in names}


def scale(values):
    mean = sum(values) / max(len(values), 1)
    return [mean, math.sqrt(sum((v - mean) ** 2 for v in values) / max(len(values), 1)) or 1.0]


def target(row, schema, model):
    """What the model should give for a row."""
    label = row[schema["label"]]
    if schema["task"] == "regression":
        mean, spread = model["target"]
        return [(float(label) - mean) / spread]
    if schema["task"] == "binary":
        return [float(label == schema["classes"][1])]
    return [float(label == c) for c in schema["classes"]]


if __name__ == "__main__":
    main()
