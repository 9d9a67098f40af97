"""Counts the windows without drift that Evidently and NannyML flag by default.

Usage: alarms_peers.py evidently|nannyml FOLDER WINDOWS. The folder holds
reference.csv and 0.csv, 1.csv … Prints numbers for Hone to read.
"""

import sys
import warnings

warnings.filterwarnings("ignore")
import pandas as pd  # noqa: E402

tool, folder, windows = sys.argv[1], sys.argv[2], int(sys.argv[3])
reference = pd.read_csv(f"{folder}/reference.csv", keep_default_na=True)
tables = [pd.read_csv(f"{folder}/{i}.csv", keep_default_na=True) for i in range(windows)]
names = [c for c in reference if reference[c].dtype == object]
numbers = [c for c in reference if c not in names]

if tool == "evidently":
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    shape = DataDefinition(numerical_columns=numbers, categorical_columns=names)
    past = Dataset.from_pandas(reference, data_definition=shape)
    column = dataset = 0
    for table in tables:
        now = Dataset.from_pandas(table, data_definition=shape)
        report = Report([DataDriftPreset()]).run(now, past).dict()
        value = report["metrics"][0]["value"]
        column += value["count"] > 0
        dataset += value["share"] >= 0.5
    print(column, dataset)
else:
    import nannyml as nml

    calculator = nml.UnivariateDriftCalculator(
        column_names=numbers + names, treat_as_categorical=names, chunk_size=len(tables[0])
    )
    calculator.fit(reference)
    result = calculator.calculate(pd.concat(tables, ignore_index=True)).filter(period="analysis").to_df()
    alerts = result.loc[:, [c for c in result.columns if c[-1] == "alert"]]
    print(int(alerts.any(axis=1).sum()), 0)
