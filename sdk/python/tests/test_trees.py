"""python -m unittest discover -s sdk/python/tests, with sdk/python on PYTHONPATH.

That Hone scores what is saved here as LightGBM and XGBoost do is tested in e2e."""

import json
import unittest

from runs import CLASSES, RunCase, needs

USE = ["amount", "country", "age in days"]


@needs("lightgbm", "pandas")
class LightGBM(RunCase):
    def train(self, run, columns=USE, **params):
        import lightgbm

        data = run.pandas()
        return lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1, **params},
                              lightgbm.Dataset(data[columns], run.targets(data["label"])), num_boost_round=3)

    def test_saves(self):
        for task in CLASSES:
            params = {"objective": task, **({"num_class": 3} if task == "multiclass" else {})}
            run = self.begin(task)
            booster = self.train(run, **params)
            folder = run.save_lightgbm(booster)
            self.assertEqual((folder, self.format(folder)), (run.model, "lightgbm"))
            self.assertEqual(sorted(p.name for p in folder.iterdir()), ["hone.json", "model.txt"])
            text = (folder / "model.txt").read_text()
            self.assertEqual(text, booster.model_to_string())
            self.assertIn('pandas_categorical:[["a, b", "de", "fr", "it"]]', text)

    def test_saves_a_wrapper(self):
        from lightgbm import LGBMClassifier, LGBMRegressor

        run = self.begin("multiclass")
        data = run.pandas()
        model = LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1).fit(data[USE], run.targets(data["label"]))
        self.assertEqual(self.format(run.save_lightgbm(model)), "lightgbm")
        with self.assertRaisesRegex(ValueError, r"\['high', 'low', 'middle'\], schema.json \['low', 'middle', 'high'\], in this order"):
            run.save_lightgbm(model.fit(data[USE], data["label"]))
        run = self.begin("regression")
        data = run.pandas()
        run.save_lightgbm(LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1).fit(data[USE], data["label"]))

    def test_refuses(self):
        def f(want, run, booster):
            with self.assertRaisesRegex(ValueError, want):
                run.save_lightgbm(booster)
            self.assertFalse((run.model / "hone.json").exists())

        run = self.begin()
        f("takes a lightgbm.Booster", run, object())
        f("the objective is 'regression'; for the task binary Hone scores binary", run, self.train(run, objective="regression"))
        f("leaves are linear", run, self.train(run, ["amount"], linear_tree=True))
        f("gives 4 scores, and schema.json has 3 classes", self.begin("multiclass"),
          self.train(self.begin("multiclass"), objective="multiclass", num_class=4))
        f("asks for the feature 'amount', which is not in schema.json", self.begin(features={"country": "category"}), self.train(run))
        f("the features country are categories .* the values of 0", run, self.coded(run))
        f("the features none are categories .* the values of 1", self.begin(features={n: "number" for n in USE}), self.train(run))
        f("takes country, which is a text", self.begin(features={**{n: "number" for n in USE}, "country": "text"}), self.train(run))

    def coded(self, run):
        import lightgbm

        data = run.pandas()[USE]
        data["country"] = data["country"].cat.codes
        return lightgbm.train({"objective": "binary", "verbose": -1},
                              lightgbm.Dataset(data, [0, 1] * 200, categorical_feature=["country"]), 2)


@needs("xgboost", "pandas")
class XGBoost(RunCase):
    def train(self, run, columns=USE, **params):
        import xgboost

        data = run.pandas()
        matrix = xgboost.DMatrix(data[columns], label=run.targets(data["label"]), enable_categorical=True)
        return xgboost.train({"objective": "binary:logistic", "nthread": 1, **params}, matrix, 3)

    def test_saves(self):
        for task, params in [("binary", {}), ("multiclass", {"objective": "multi:softprob", "num_class": 3}),
                             ("regression", {"objective": "reg:squarederror"}), ("binary", {"booster": "dart"})]:
            run = self.begin(task)
            folder = run.save_xgboost(self.train(run, **params))
            self.assertEqual(self.format(folder), "xgboost")
            self.assertEqual(sorted(p.name for p in folder.iterdir()), ["hone.json", "model.json"])
            json.loads((folder / "model.json").read_text())

    def test_saves_a_wrapper_up_to_its_best_iteration(self):
        import xgboost
        from xgboost import XGBClassifier

        run = self.begin()
        data = run.pandas()
        x, y = data[USE], run.targets(data["label"])
        model = XGBClassifier(n_estimators=200, learning_rate=1, early_stopping_rounds=2, n_jobs=1, enable_categorical=True)
        model.fit(x[:200], y[:200], eval_set=[(x[200:], y[200:])], verbose=False)
        saved = json.loads((run.save_xgboost(model) / "model.json").read_text())
        trees = saved["learner"]["gradient_booster"]["model"]
        self.assertEqual(len(trees["trees"]), model.best_iteration + 1)
        self.assertEqual(len(trees["cats"]["enc"][1]["offsets"]), 5)
        again = xgboost.Booster(model_file=run.model / "model.json")
        matrix = xgboost.DMatrix(x, enable_categorical=True)
        self.assertEqual(again.predict(matrix).tolist(), model.predict_proba(x)[:, 1].tolist())

    def test_refuses(self):
        import numpy
        import xgboost

        def f(want, run, booster):
            with self.assertRaisesRegex(ValueError, want):
                run.save_xgboost(booster)
            self.assertFalse((run.model / "hone.json").exists())

        run = self.begin()
        f("takes an xgboost.Booster", run, object())
        f("the objective is 'binary:hinge'", run, self.train(run, objective="binary:hinge"))
        f("booster gblinear has no trees", run, self.train(run, ["amount"], booster="gblinear"))
        f("gives 3 scores", self.begin("multiclass", classes=list("abcd")),
          self.train(self.begin("multiclass"), objective="multi:softprob", num_class=3))
        f("asks for the feature 'amount'", self.begin(features={"country": "category"}), self.train(run))
        f("takes country for a category, and schema.json says number", self.begin(features={n: "number" for n in USE}), self.train(run))
        f("does not name the values of the category amount",
          self.begin(features={**{n: "number" for n in USE}, "amount": "category"}), self.train(run, ["amount"]))
        unnamed = xgboost.DMatrix(numpy.array([[1.0], [2.0]]), label=[0, 1])
        f("does not know the names", run, xgboost.train({"objective": "binary:logistic"}, unnamed, 1))
        accents = self.begin(rows=[{"amount": "1", "country": c, "age in days": "2", "note": "x", "label": y}
                                   for c, y in [("é", "no"), ("ü", "yes")] * 20])
        f("values of country whole that are not ASCII", accents, self.train(accents))


if __name__ == "__main__":
    unittest.main()
