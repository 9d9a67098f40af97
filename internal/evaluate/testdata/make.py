"""Makes metrics.json: what scikit-learn answers to the same rows.

    pip install scikit-learn==1.9.1 && python make.py
"""

import json
import pathlib

import numpy
from sklearn import metrics

r = numpy.random.default_rng(4)


def binary(positives, threshold, digits):
    """Rows of which a share is positive, with scores rounded so that many tie."""
    y = (r.random(400) < positives).astype(int)
    p = numpy.clip(numpy.round(1 / (1 + numpy.exp(-r.normal(2.2 * y - 1.6, 1.1))), digits), 0.01, 0.99)
    a = (p >= threshold).astype(int)
    tn, fp, fn, tp = metrics.confusion_matrix(y, a).ravel()
    return dict(
        task="binary", classes=["0", "1"], threshold=threshold, labels=[str(v) for v in y], scores=p.tolist(), false_negative=7, false_positive=2,
        want=dict(
            accuracy=metrics.accuracy_score(y, a), auc=metrics.roc_auc_score(y, p), pr_auc=metrics.average_precision_score(y, p),
            log_loss=metrics.log_loss(y, p), brier=metrics.brier_score_loss(y, p), f1=metrics.f1_score(y, a),
            kappa=metrics.cohen_kappa_score(y, a), cost=(7 * fn + 2 * fp) / len(y)))


def classes():
    names = ["ant", "bee", "cow"]
    y = r.choice(3, 300, p=[0.6, 0.3, 0.1])
    z = r.normal(size=(300, 3)) + 1.5 * numpy.eye(3)[y]
    p = numpy.exp(z) / numpy.exp(z).sum(axis=1, keepdims=True)
    p = 0.99 * p + 0.01 / 3
    a = p.argmax(axis=1)
    f1 = metrics.f1_score(y, a, average=None)
    return dict(
        task="multiclass", classes=names, labels=[names[v] for v in y], scores=p.ravel().tolist(),
        want=dict(
            accuracy=metrics.accuracy_score(y, a), log_loss=metrics.log_loss(y, p), macro_f1=metrics.f1_score(y, a, average="macro"),
            brier=metrics.brier_score_loss(y, p, labels=[0, 1, 2], scale_by_half=False),
            kappa=metrics.cohen_kappa_score(y, a), f1_bee=f1[1], f1_cow=f1[2]))


def numbers():
    y = numpy.round(r.gamma(3, 20, 200), 2) + 1
    v = numpy.round(y * r.normal(1.05, 0.2, 200) - 2, 3)
    return dict(
        task="regression", labels=[repr(float(x)) for x in y], scores=v.tolist(),
        want={
            "rmse": metrics.root_mean_squared_error(y, v), "mae": metrics.mean_absolute_error(y, v),
            "mape": metrics.mean_absolute_percentage_error(y, v),
            "pinball_0.9": metrics.mean_pinball_loss(y, v, alpha=0.9), "pinball_0.05": metrics.mean_pinball_loss(y, v, alpha=0.05)})


out = dict(even=binary(0.5, 0.5, 3), tied=binary(0.4, 0.3, 1), rare=binary(0.05, 0.4, 2), classes=classes(), numbers=numbers())
(pathlib.Path(__file__).parent / "metrics.json").write_text(json.dumps(out) + "\n")
