"""Runs one peer's default report over two tables of columns, in one process, and
prints what the report used: seconds of processor time; MiB of memory at most above
what it had after its imports (peak), and above what it had with both tables read
(work)."""
import gc, json, os, pathlib, sys, time, warnings

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


def memory(what):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":")) / 1024


def forget_peak():
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


run = {"evidently": evidently, "nannyml": nannyml, "whylogs": whylogs}[sys.argv[1]]()
imported = memory("VmRSS")
forget_peak()
ref, cur = table(sys.argv[2] + "/ref"), table(sys.argv[2] + "/cur")
gc.collect()
loading, held = memory("VmHWM"), memory("VmRSS")
forget_peak()
start = time.process_time()
run(ref, cur)
cpu = time.process_time() - start
working = memory("VmHWM")
print(json.dumps({"cpu": cpu, "peak": max(loading, working) - imported, "work": working - held}))
