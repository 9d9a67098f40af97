"""python -m unittest discover -s sdk/python/tests, with sdk/python on PYTHONPATH."""

import os
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import hone

from runs import RunCase, needs

ROWS = [
    {"amount": "0.1", "country": "NA", "age in days": "", "note": "", "label": "no"},
    {"amount": "", "country": "", "age in days": "3", "note": "null", "label": "yes"},
    {"amount": "0.30000000000000004", "country": "de", "age in days": "1e-7", "note": "a \"b\"\nc", "label": "no"},
    {"amount": "2", "country": "de", "age in days": "5", "note": "xxxxxx", "label": "no"},
]


class Rows(RunCase):
    def test_needs_nothing(self):
        rows, labels = self.begin(rows=ROWS).rows()
        self.assertEqual(rows[0], {"amount": 0.1, "country": "NA", "age in days": None, "note": None})
        self.assertEqual((rows[2]["note"], labels), ('a "b"\nc', ["no", "yes", "no", "no"]))

    def test_a_long_text(self):
        long = "x" * 200_000
        rows, _ = self.begin(rows=[{**ROWS[0], "note": long}]).rows()
        self.assertEqual(rows[0]["note"], long)

    def test_targets(self):
        run = self.begin()
        self.assertEqual(run.targets(["yes", "no"]), [1, 0])
        with self.assertRaisesRegex(ValueError, "the label 'maybe' is none of the classes no, yes"):
            run.targets(["maybe"])
        self.assertEqual(self.begin("regression").targets(["1.5"]), [1.5])

    def test_says_what_to_install(self):
        run = self.begin()
        for name, read in [("pandas", run.pandas), ("polars", run.polars), ("pyarrow", run.arrow)]:
            with mock.patch.dict(sys.modules, {name: None}):
                with self.assertRaisesRegex(RuntimeError, "%s is not installed.*pip install %s" % (name, name)):
                    read()

    def test_checkpoint(self):
        run = self.begin()
        self.assertIsNone(run.load_checkpoint())
        run.save_checkpoint(b"one")
        run.save_checkpoint(b"two")
        self.assertEqual(hone.Run(run.folder).load_checkpoint(), b"two")
        self.assertEqual([p.name for p in run.checkpoint.iterdir()], ["state"])

    def test_stops_when_it_is_asked(self):
        script = """
import hone
run = hone.Run()
assert not run.stopping
print("ready", flush=True)
while not run.stopping:
    pass
run.save_checkpoint(b"here")
"""
        run = self.begin()
        trainer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE,
                                   env={**os.environ, "HONE_RUN": str(run.folder)})
        self.addCleanup(trainer.stdout.close)
        self.assertEqual(trainer.stdout.readline(), b"ready\n")
        trainer.send_signal(signal.SIGTERM)
        self.assertEqual(trainer.wait(20), 0)
        self.assertEqual(run.load_checkpoint(), b"here")


class Places(unittest.TestCase):
    def test_places(self):
        f = lambda classes, learned: hone.Schema("multiclass", {}, "y", classes, 0, 0, 0).places(learned)
        self.assertEqual(f(["b", "a"], ["a", "b"]), [1, 0])
        self.assertEqual(f(["b", "a"], [0, 1.0]), [0, 1])
        self.assertEqual(f(["low", "never", "high"], ["high", "low"]), [2, 0])
        self.assertEqual(f(["3", "5"], [3, 5]), [0, 1])
        self.assertEqual(f(["0", "1"], [0, 1]), [0, 1])
        with self.assertRaisesRegex(ValueError, "could be names or places"):
            f(["1", "0"], [0, 1])
        with self.assertRaisesRegex(ValueError, r"the model has the classes \['x'\]"):
            f(["a", "b"], ["x"])


@needs("pandas")
class Pandas(RunCase):
    def check(self, data):
        self.assertEqual(list(data.columns), ["amount", "country", "age in days", "note", "label"])
        self.assertEqual(str(data["amount"].dtype), "float64")
        self.assertEqual(list(data["amount"].isna()), [False, True, False, False])
        self.assertEqual(data["amount"][2], 0.30000000000000004)
        self.assertEqual(list(data["country"].cat.categories), ["NA", "de"])
        self.assertEqual(list(data["country"].cat.codes), [0, -1, 1, 1])
        self.assertEqual(list(data["note"]), ["", "null", 'a "b"\nc', "xxxxxx"])
        self.assertEqual(list(data["label"]), ["no", "yes", "no", "no"])

    def test_from_csv(self):
        with mock.patch.dict(sys.modules, {"pyarrow": None, "fastparquet": None}):
            run = self.begin(rows=ROWS)
            self.check(run.pandas())
            self.assertEqual(list(run.pandas(categories=1)["country"].cat.codes), [-1, -1, 0, 0])
            os.remove(run.train_csv)
            with self.assertRaisesRegex(RuntimeError, "install pyarrow .* or set csv: true under train"):
                run.pandas()


class Parquet(RunCase):
    """Reads tests/train.parquet, which Hone wrote of ROWS."""

    def parquet(self):
        run = self.begin(rows=ROWS)
        shutil.copyfile(Path(__file__).with_name("train.parquet"), run.train_parquet)
        os.remove(run.train_csv)
        return run

    @needs("pandas", "pyarrow")
    def test_pandas(self):
        Pandas.check(self, self.parquet().pandas())

    @needs("pyarrow")
    def test_rows(self):
        self.assertEqual(self.parquet().rows(), self.begin(rows=ROWS).rows())

    @needs("pyarrow")
    def test_arrow(self):
        data = self.parquet().arrow()
        self.assertEqual(data.column("country").to_pylist(), ["NA", None, "de", "de"])
        self.assertIn("dictionary", str(data.schema.field("country").type))
        self.assertEqual(data.column("amount").to_pylist(), [0.1, None, 0.30000000000000004, 2])

    @needs("polars")
    def test_polars(self):
        data = self.parquet().polars()
        self.assertEqual(data["country"].to_list(), ["NA", None, "de", "de"])
        self.assertEqual(list(data["country"].dtype.categories), ["NA", "de"])
        self.assertEqual(data["amount"].to_list(), [0.1, None, 0.30000000000000004, 2])
        self.assertEqual(data["note"][0], None)


if __name__ == "__main__":
    unittest.main()
