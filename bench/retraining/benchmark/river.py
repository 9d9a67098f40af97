"""Plays a learner of River over a stream: it answers each row, and learns from it once its
label has come.

usage: river.py LEARNER DELAY FROM CSV

The last column is the label. Rows before FROM are only learned from. Prints JSON: errors a
row of those from FROM on, and the processor time of all of it in seconds.
"""

import collections
import csv
import json
import sys
import time

from river import forest, tree

LEARNERS = {
    "arf": lambda: forest.ARFClassifier(seed=1),
    "hat": lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=1),
}


def main():
    name, delay, begin, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    with open(path, newline="") as file:
        reader = csv.reader(file)
        names = next(reader)[:-1]
        rows = [(dict(zip(names, map(float, row[:-1]))), int(row[-1])) for row in reader]
    model, waiting, errors = LEARNERS[name](), collections.deque(), 0
    before = time.process_time()
    for i, (x, y) in enumerate(rows):
        if i >= begin:
            errors += model.predict_one(x) != y
        waiting.append((x, y))
        if len(waiting) > delay:
            model.learn_one(*waiting.popleft())
    json.dump({"errors": errors / max(1, len(rows) - begin), "cpu": time.process_time() - before}, sys.stdout)


main()
