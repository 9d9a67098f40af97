"""python -m unittest discover -s sdk/python/tests, with sdk/python on PYTHONPATH."""

import json
import sys
import unittest
from pathlib import Path

import hone

from runs import CLASSES, FEATURES, RunCase, make_rows, needs, request

NOTE = {"note": "text"}


class Local:
    """An estimator of the trainer itself."""

    classes_ = ["no", "yes"]

    def predict_proba(self, rows):
        return [[0.5, 0.5]] * len(rows)


class Served(RunCase):
    def compare(self, run, folder, want, n=50):
        """The server of the artefact gives what the model itself gives to new rows."""
        ask = self.serve(folder)
        rows = make_rows(n, 7)
        status, answer = ask("POST", "/v2/models/model/infer", request(rows, run.schema.features))
        self.assertEqual(status, 200, answer)
        got = answer["outputs"][0]["data"]
        want = [float(v) for v in want]
        self.assertEqual(len(got), len(want))
        for g, w in zip(got, want):
            self.assertAlmostEqual(g, w, delta=1e-9)
        status, answer = ask("POST", "/v2/models/model/infer", request(rows[:1], run.schema.features))
        self.assertEqual(status, 200, answer)


@needs("sklearn", "pandas", "joblib")
class Estimator(Served):
    def fresh(self, run):
        from hone.data import typed
        import pandas

        frame = pandas.DataFrame(make_rows(50, 7)).drop(columns="label").replace("", None)
        return typed(frame, run.schema.features, run._data.categories)

    def test_a_pipeline_of_a_frame(self):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        for task in CLASSES:
            with self.subTest(task):
                run = self.begin(task)
                data = run.pandas()
                kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
                use = run.schema.named("number", "category")
                model = kind(max_iter=5, categorical_features="from_dtype").fit(data[use], data["label"])
                folder = run.save_sklearn(model)
                self.assertEqual(self.format(folder), "process")
                x = self.fresh(run)[use]
                if task == "regression":
                    want = model.predict(x)
                elif task == "binary":
                    want = model.predict_proba(x)[:, 1]
                else:  # In the order of schema.json, which is not that of names.
                    want = model.predict_proba(x)[:, [1, 2, 0]].ravel()
                self.compare(run, folder, want)

    def test_texts_rows_and_arrays(self):
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        rows = make_rows(50, 7)
        with self.subTest("texts"):
            run = self.begin(features=NOTE)
            x, y = run.rows()
            model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit([r["note"] or "" for r in x], y)
            self.compare(run, run.save_sklearn(model), model.predict_proba([r["note"] for r in rows])[:, 1])
        with self.subTest("rows"):
            run = self.begin(features={"country": "category"})
            x, y = run.rows()
            model = make_pipeline(DictVectorizer(sparse=False), SimpleImputer(), LogisticRegression()).fit(x, y)
            want = model.predict_proba([{"country": r["country"] or None} for r in rows])[:, 1]
            self.compare(run, run.save_sklearn(model, takes="rows", by="pickle"), want)
        with self.subTest("array, and a class without rows"):
            import numpy

            run = self.begin("multiclass", features={"age in days": "number"}, classes=["low", "never", "middle", "high"])
            x, y = run.rows()
            model = self.forest().fit([[numpy.nan if v is None else v for v in r.values()] for r in x], run.targets(y))
            p = model.predict_proba([[float(r["age in days"] or "nan")] for r in rows])
            want = numpy.insert(p, 1, 0, axis=1).ravel()
            self.compare(run, run.save_sklearn(model), want)

    def forest(self):
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(max_iter=3)

    @needs("skops")
    def test_by_skops(self):
        run = self.begin(features={"amount": "number"})
        data = run.pandas()
        model = self.forest().fit(data[["amount"]], data["label"])
        self.compare(run, run.save_sklearn(model, by="skops"), model.predict_proba(self.fresh(run)[["amount"]])[:, 1])

    def test_refuses(self):
        from sklearn.svm import LinearSVC

        def f(want, *arguments, run=None, **more):
            run = run or self.begin()
            with self.assertRaisesRegex(ValueError, want):
                run.save_sklearn(*arguments, **more)
            self.assertFalse((run.model / "hone.json").exists())

        run = self.begin()
        data = run.pandas()
        model = self.forest().fit(data[["amount"]], data["label"])
        f("LinearSVC has no predict_proba, which the task binary needs", LinearSVC())
        f("it does not say what it was fitted on", Local())
        f("it was fitted on label, which is no feature", self.forest().fit(data[["amount"]].assign(label=1), data["label"]))
        f("the model has the classes", model, run=self.begin(classes=["a", "b"]))
        f("by is 'zip'", model, by="zip")
        f("it does not score the training rows: TypeError", model, takes="rows")
        local = Local()
        try:
            Local.__module__ = "__main__"
            sys.modules["__main__"].Local = Local
            f("made of Local of the trainer itself", local, takes="rows", by="pickle")
        finally:
            Local.__module__ = __name__
        local.score = lambda: None
        f("cannot be saved", local, takes="rows", by="pickle")

    def test_classes_of_a_module_beside(self):
        run = self.begin()
        folder = run.save_sklearn(Local(), takes="rows", by="pickle", code=[__file__, Path(__file__).with_name("runs.py")])
        self.compare(run, folder, [0.5] * 50)


class Encoder(unittest.TestCase):
    def test_encodes(self):
        rows = [{"amount": 1.0, "country": "de", "note": "x"}, {"amount": 3.0, "country": "fr", "note": "y"},
                {"amount": None, "country": None, "note": None}, {"amount": 2.0, "country": "de", "note": ""}]
        kinds = {"amount": "number", "country": "category", "note": "text"}
        e = hone.Encoder.fit(rows, kinds, most=1)
        self.assertEqual((e.numbers["amount"][0], e.categories, e.width), (2.0, {"country": ["de"]}, 4))
        self.assertEqual(e.encode(rows)[2:], [[0, 1, 0, 1], [0, 0, 1, 0]])
        with self.assertRaisesRegex(ValueError, "no number and no category"):
            hone.Encoder.fit(rows, {"note": "text"})


@needs("torch")
class Network(Served):
    def test_serves(self):
        import torch

        for task in CLASSES:
            for by_code in (False, True):
                with self.subTest(task, by_code=by_code):
                    run = self.begin(task)
                    rows, _ = run.rows()
                    encoder = hone.Encoder.fit(rows, run.schema.features)
                    module = torch.nn.Linear(encoder.width, run.schema.width)
                    more = {}
                    if by_code:
                        code = run.folder / "net.py"
                        code.write_text("import torch\ndef make(inputs, outputs):\n    return torch.nn.Linear(inputs, outputs)\n")
                        more = {"code": code, "make": "make", "arguments": {"inputs": encoder.width, "outputs": run.schema.width}}
                    folder = run.save_pytorch(module, encoder, **more)
                    fresh = [{n: (float(r[n]) if k == "number" else r[n]) if r[n] else None for n, k in FEATURES.items()}
                             for r in make_rows(50, 7)]
                    out = module(torch.tensor(encoder.encode(fresh))).double().detach()
                    want = {"binary": torch.sigmoid(out), "multiclass": torch.softmax(out, 1), "regression": out}[task]
                    self.compare(run, folder, want.ravel().tolist())

    def test_refuses(self):
        import torch

        run = self.begin()
        encoder = hone.Encoder.fit(run.rows()[0], run.schema.features)
        good = torch.nn.Linear(encoder.width, 1)
        torch.nn.init.constant_(good.bias, 9)
        for want, module, more in [("gives is 'values'", good, {"gives": "values"}), ("belong together", good, {"make": "make"}),
                                   ("no probability", good, {"gives": "probabilities"}),
                                   ("does not score the training rows", torch.nn.Linear(3, 1), {}),
                                   ("wanted 20 rows of 1", torch.nn.Linear(encoder.width, 3), {"gives": "logits"})]:
            with self.assertRaisesRegex(ValueError, want):
                run.save_pytorch(module, encoder, **more)


class Onnx(RunCase):
    def test_saves(self):
        run = self.begin()
        model = b"\x08\x08rest"
        for given in (model, bytearray(model), self.file(run, model), str(self.file(run, model)), Message(model)):
            folder = run.save_onnx(given)
            self.assertEqual((folder / "model.onnx").read_bytes(), model)
            self.assertEqual(json.loads((folder / "hone.json").read_text()),
                             {"format": "onnx", "signature": run.schema.signature()})
        with self.assertRaisesRegex(ValueError, "this is no ONNX model"):
            run.save_onnx(b"<html>")

    def file(self, run, model):
        path = run.folder / "some.onnx"
        path.write_bytes(model)
        return path


class Message:
    def __init__(self, content):
        self.SerializeToString = lambda: content


if __name__ == "__main__":
    unittest.main()
