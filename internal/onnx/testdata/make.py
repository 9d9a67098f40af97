"""Writes the artefacts beside it, and what their makers say of some rows.

    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2
    python make.py
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).parent
R = np.random.default_rng(7)
N, SHOWN = 400, 25


def write(name, model, task, features, classes=(), mapping=None, rows=None, scores=None):
    """One artefact; rows and scores are what known.json holds."""
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    signature = {"task": task, "features": [{"name": n, "kind": k} for n, k in features.items()]}
    if classes:
        signature["classes"] = list(classes)
    if task == "binary":
        signature["threshold"] = 0.5
    manifest = {"format": "onnx", "signature": signature}
    if mapping:
        manifest["onnx"] = mapping
    (folder / "hone.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    if rows is not None:
        known = {"rows": rows, "scores": np.asarray(scores).reshape(len(rows), -1).tolist()}
        (folder / "known.json").write_text(json.dumps(known) + "\n")


def numbers(width):
    """Numbers that single precision holds as they are."""
    return R.normal(size=(N, width)).astype(np.float32)


def matrix():
    x = numbers(3)
    shop = R.integers(0, 3, N)
    y = ((x[:, 0] + x[:, 1] * x[:, 2] + (shop == 1)) > 0).astype(int)
    full = np.column_stack([x[:, 0], shop, x[:, 1:]]).astype(np.float32)
    model = GradientBoostingClassifier(n_estimators=12, max_depth=3, random_state=1).fit(full, y)
    types = [("X", FloatTensorType([None, 4]))]
    rows = [[float(r[0]), ["A", "B", "größe"][int(r[1])], float(r[2]), float(r[3])] for r in full[:SHOWN]]
    features = {"a": "number", "shop": "category", "b": "number", "c": "number"}
    args = ("binary", features, ["0", "1"], {"categories": {"shop": ["A", "B", "größe"]}})
    bare = convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": False}})
    write("matrix", bare, *args, rows, model.predict_proba(full[:SHOWN])[:, 1])
    write("zipmap", convert_sklearn(model, initial_types=types), *args)


def columns():
    x = numbers(2)
    country = R.choice(["CH", "DE", "FR", ""], N)
    y = np.where(country == "CH", "low", np.where(x[:, 0] > 0, "high", "middle"))
    with_gaps = x.copy()
    with_gaps[::9, 1] = np.nan
    frame = np.empty((N, 3), dtype=object)
    frame[:, :2], frame[:, 2] = with_gaps, country
    model = make_pipeline(
        ColumnTransformer([
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), [0, 1]),
            ("names", OneHotEncoder(handle_unknown="ignore"), [2]),
        ]),
        LogisticRegression(),
    ).fit(frame, y)
    types = [("amount", FloatTensorType([None, 1])), ("b", FloatTensorType([None, 1])), ("country", StringTensorType([None, 1]))]
    frame[SHOWN - 1, 2] = "unheard of"
    rows = [[None if isinstance(v, float) and np.isnan(v) else v for v in r] + ["not used"] for r in frame[:SHOWN].tolist()]
    classes = ["low", "never", "middle", "high"]
    p = model.predict_proba(frame[:SHOWN])
    ordered = np.zeros((SHOWN, 4))
    for k, c in enumerate(model.classes_):
        ordered[:, classes.index(c)] = p[:, k]
    write("columns", convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": False}}), "multiclass",
          {"amount": "number", "b": "number", "country": "category", "note": "text"}, classes,
          {"output": "probabilities", "classes": model.classes_.tolist()}, rows, ordered)


def regression():
    x = R.normal(size=(N, 1))
    shop, nights = R.integers(-1, 3, N), R.integers(0, 9, N)
    y = x[:, 0] * nights + 3 * shop
    full = np.column_stack([x, shop, nights]).astype(np.float64)
    model = GradientBoostingRegressor(n_estimators=15, max_depth=3, random_state=1).fit(full.astype(np.float32), y)
    inner = convert_sklearn(model, initial_types=[("X", FloatTensorType([None, 3]))])
    rows = [[float(np.float32(r[0])), ["C", "D", "E", "other"][int(r[1])], r[2]] for r in full[:SHOWN]]
    # One input a feature: a double, and two that are whole numbers; and a double comes out.
    graph = inner.graph
    del graph.input[:]
    graph.input.extend([h.make_tensor_value_info("a", T.DOUBLE, ["n", 1]), h.make_tensor_value_info("shop", T.INT64, ["n"]),
                        h.make_tensor_value_info("nights", T.INT64, ["n", 1])])
    graph.initializer.append(h.make_tensor("as_column", T.INT64, [2], [-1, 1]))
    before = [h.make_node("Reshape", ["shop", "as_column"], ["shop_column"])]
    before += [h.make_node("Cast", [name], [name + "_float"], to=T.FLOAT) for name in ("a", "shop_column", "nights")]
    before += [h.make_node("Concat", ["a_float", "shop_column_float", "nights_float"], ["X"], axis=1)]
    result = graph.output[0].name
    after = list(graph.node) + [h.make_node("Cast", [result], ["value"], to=T.DOUBLE)]
    del graph.node[:], graph.output[:]
    graph.node.extend(before + after)
    graph.output.append(h.make_tensor_value_info("value", T.DOUBLE, ["n", 1]))
    onnx.checker.check_model(inner)
    write("regression", inner, "regression", {"a": "number", "shop": "category", "nights": "number"},
          mapping={"categories": {"shop": ["C", "D", "E"]}}, rows=rows, scores=model.predict(full[:SHOWN].astype(np.float32)))


def build(nodes, inputs, outputs, initializers=()):
    """A model by hand: of nodes, on the one input X."""
    graph = h.make_graph(nodes, "hostile", inputs, outputs, list(initializers))
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)


def hostile():
    x, y = h.make_tensor_value_info("X", T.FLOAT, ["n", 2]), h.make_tensor_value_info("score", T.FLOAT, ["n", 1])
    args = ("regression", {"a": "number", "b": "number"})
    column = [h.make_tensor("w", T.FLOAT, [2, 1], [0.25, 0.5])]
    multiply = h.make_node("MatMul", ["X", "w"], ["score"])

    outside = build([multiply], [x], [y], column)
    weights = outside.graph.initializer[0]
    weights.ClearField("float_data")
    weights.data_location = T.EXTERNAL
    for key, value in {"location": "../../../../../../../../etc/passwd", "offset": "0", "length": "8"}.items():
        weights.external_data.add(key=key, value=value)
    write("outside", outside, *args)

    giant = [h.make_node("ConstantOfShape", ["huge"], ["much"]), h.make_node("ReduceSum", ["much"], ["sum"], keepdims=0),
             h.make_node("MatMul", ["X", "w"], ["small"]), h.make_node("Add", ["small", "sum"], ["score"])]
    for name, size in {"giant": 1 << 50, "large": 1 << 27}.items():
        # As a sum with what comes in, so that no optimiser computes it before.
        shape = [h.make_node("Shape", ["X"], ["rows"], start=0, end=1), h.make_node("Mul", ["rows", "times"], ["huge"])]
        write(name, build(shape + giant, [x], [y], column + [h.make_tensor("times", T.INT64, [1], [size])]), *args)

    # It adds to itself until a first feature that is negative, or for ever.
    body = h.make_graph(
        [h.make_node("Identity", ["go"], ["go_out"]), h.make_node("Add", ["state", "state"], ["state_out"])], "body",
        [h.make_tensor_value_info("i", T.INT64, []), h.make_tensor_value_info("go", T.BOOL, []), h.make_tensor_value_info("state", T.FLOAT, ["n", 1])],
        [h.make_tensor_value_info("go_out", T.BOOL, []), h.make_tensor_value_info("state_out", T.FLOAT, ["n", 1])])
    endless = [h.make_node("ReduceMax", ["X"], ["top"], keepdims=0), h.make_node("Greater", ["top", "zero"], ["go"]), multiply_to("small"),
               h.make_node("Loop", ["", "go", "small"], ["score"], body=body)]
    write("endless", build(endless, [x], [y], column + [h.make_tensor("zero", T.FLOAT, [], [0])]), *args)

    fixed = h.make_tensor_value_info("X", T.FLOAT, [1, 2]), h.make_tensor_value_info("score", T.FLOAT, [1, 1])
    write("fixed", build([multiply], [fixed[0]], [fixed[1]], column), *args)


def multiply_to(name):
    return h.make_node("MatMul", ["X", "w"], [name])


if __name__ == "__main__":
    matrix()
    columns()
    regression()
    hostile()
