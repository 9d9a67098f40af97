"""Runs one peer's default report over two tables of columns, in one process, and
prints what the report used: seconds of processor time, and MiB of memory."""
import json, os, pathlib, resource, sys, time, warnings

warnings.simplefilter("ignore")
os.environ.update(NML_DISABLE_USAGE_LOGGING="1", DO_NOT_TRACK="1", WHYLOGS_NO_ANALYTICS="True")
import numpy as np
import pandas as pd


def table(folder):
    out = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix == ".f64":
            out[path.stem] = np.fromfile(path, dtype="<f8")
        else:
            out[path.stem] = path.read_text().split("\n")
    return pd.DataFrame(out)


def evidently():
    from evidently import Report
    from evidently.presets import DataDriftPreset

    return lambda ref, cur: Report([DataDriftPreset()]).run(cur, ref).dict()


def nannyml():
    import nannyml as nml

    def run(ref, cur):
        report = nml.UnivariateDriftCalculator(column_names=list(ref.columns))
        return report.fit(ref).calculate(cur).to_df()

    return run


def whylogs():
    import whylogs as why

    return lambda ref, cur: [why.log(pandas=t).profile().view() for t in (ref, cur)]


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


run = {"evidently": evidently, "nannyml": nannyml, "whylogs": whylogs}[sys.argv[1]]()
imported = resident()
ref, cur = table(sys.argv[2] + "/ref"), table(sys.argv[2] + "/cur")
start = time.process_time()
run(ref, cur)
cpu = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu": cpu, "peak": peak - imported}))
