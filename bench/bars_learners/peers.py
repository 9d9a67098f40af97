"""The peers of the learners' bars. Each prints one line of JSON.

    peers.py fit FOLDER THREADS    LightGBM learns train.*, and scores test.*
    peers.py score FOLDER          LightGBM scores test.* in batches, on one thread
    peers.py stream FILE           LightGBM answers a stream as it goes on
    peers.py text FOLDER           scikit-learn learns hashed words
"""

import json
import sys
import time

import numpy

FIT = dict(verbose=-1, num_leaves=31, learning_rate=0.1, seed=1)


def memory(what):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":")) / 1024


def rows(folder, name):
    y = numpy.fromfile(f"{folder}/{name}.y.f64")
    return numpy.fromfile(f"{folder}/{name}.x.f64").reshape(len(y), -1), y


def fit(folder, threads):
    import lightgbm

    before = memory("VmRSS")
    x, y = rows(folder, "train")
    cpu, wall = time.process_time(), time.perf_counter()
    options = dict(FIT, objective="binary", num_threads=int(threads))
    booster = lightgbm.train(options, lightgbm.Dataset(x, label=y), num_boost_round=100)
    used = dict(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall, peak=memory("VmHWM") - before)
    booster.save_model(f"{folder}/model.txt")
    booster.predict(rows(folder, "test")[0]).astype("<f8").tofile(f"{folder}/scores.f64")
    return used


def score(folder):
    import lightgbm

    booster = lightgbm.Booster(model_file=f"{folder}/model.txt")
    x, _ = rows(folder, "test")
    booster.predict(x[:10_000], num_threads=1)
    cpu = time.process_time()
    for at in range(0, len(x), 10_000):
        booster.predict(x[at : at + 10_000], num_threads=1)
    return dict(micros=(time.process_time() - cpu) / len(x) * 1e6)


def stream(path):
    import lightgbm

    data = numpy.loadtxt(path, delimiter=",", skiprows=1)
    x, y = data[:, :-1], data[:, -1]
    n, classes = len(y), int(y.max()) + 1
    window, step, right = n // 10, n // 30, 0
    options = dict(FIT, objective="binary", num_threads=2)
    if classes > 2:
        options.update(objective="multiclass", num_class=classes)
    for at in range(window, n, step):
        known = lightgbm.Dataset(x[at - window : at], label=y[at - window : at])
        p = lightgbm.train(options, known, num_boost_round=50).predict(x[at : at + step])
        answer = p > 0.5 if classes == 2 else p.argmax(axis=1)
        right += int((answer == y[at : at + step]).sum())
    return dict(accuracy=right / (n - window))


def text(folder):
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    def documents(name):
        ends = numpy.fromfile(f"{folder}/{name}.ends.f64").astype(int)
        at = numpy.fromfile(f"{folder}/{name}.slots.f64").astype(int)
        values = numpy.fromfile(f"{folder}/{name}.values.f64")
        y = numpy.fromfile(f"{folder}/{name}.y.f64").astype(int)
        return csr_matrix((values, at, numpy.concatenate([[0], ends])), shape=(len(y), width)), y

    with open(f"{folder}/width") as f:
        width = int(f.read())
    x, y = documents("train")
    model = SGDClassifier(loss="log_loss", max_iter=5, tol=None, random_state=1)
    cpu = time.process_time()
    model.fit(x, y)
    cpu = time.process_time() - cpu
    x, y = documents("test")
    return dict(cpu=cpu, accuracy=float((model.predict(x) == y).mean()))


print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
