"""Makes golden.json: what scikit-learn answers to the same rows.

    pip install scikit-learn==1.9.1 && python make.py
"""

import json
import pathlib

import numpy
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

r = numpy.random.default_rng(1)
p = numpy.round(r.beta(2, 3, 400), 3)
y = (r.random(400) < p**2).astype(float)
w = r.integers(1, 4, 400).astype(float)
ask = numpy.concatenate([[0, 1], numpy.round(r.random(50), 4), p[:20]])
odds = lambda p: numpy.log(numpy.clip(p, 1e-9, 1 - 1e-9) / (1 - numpy.clip(p, 1e-9, 1 - 1e-9)))
iso = IsotonicRegression(out_of_bounds="clip").fit(p, y, sample_weight=w)
sigmoid = _SigmoidCalibration().fit(odds(p), y, sample_weight=w)
out = dict(scores=p.tolist(), truth=y.tolist(), weights=w.tolist(), ask=ask.tolist(),
           isotonic=iso.predict(ask).tolist(), platt=sigmoid.predict(odds(ask)).tolist())
(pathlib.Path(__file__).parent / "golden.json").write_text(json.dumps(out) + "\n")
