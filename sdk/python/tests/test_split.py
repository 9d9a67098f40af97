"""Holds the split of the traffic against what the Go side is tested with."""

import json
import unittest
from pathlib import Path

import hone

CONTRACT = Path(__file__).resolve().parents[3] / "testdata" / "contract" / "bucket.json"


class Split(unittest.TestCase):
    def test_bucket_equals_the_gateway(self):
        cases = json.loads(CONTRACT.read_text())
        self.assertGreater(len(cases), 20)
        for case in cases:
            self.assertEqual(hone.bucket(case["salt"], case["unit"]), case["bucket"], case)

    def test_version(self):
        plan = {"champion": "v3", "challenger": "v4", "weight": 0.25, "salt": "fraud-9"}
        got = [hone.version(plan, "user-%d" % i) for i in range(4000)]
        self.assertAlmostEqual(got.count("v4") / len(got), 0.25, delta=0.03)
        self.assertEqual(hone.version({"champion": "v3", "weight": 0}, "user-1"), "v3")


if __name__ == "__main__":
    unittest.main()
