"""Writes NannyML's synthetic car loans as CSV, and what its CBPE estimates of them.

Usage: performance.py FOLDER
"""

import json
import sys

import nannyml

folder = sys.argv[1]
reference, analysis, targets = nannyml.load_synthetic_car_loan_dataset()
analysis = analysis.merge(targets, on="id") if "id" in targets.columns else analysis.join(targets)
estimator = nannyml.CBPE(
    metrics=["accuracy", "roc_auc"], y_pred_proba="y_pred_proba", y_pred="y_pred", y_true="repaid",
    problem_type="classification_binary", chunk_size=5000)
estimator.fit(reference)
table = estimator.estimate(analysis).filter(period="analysis").to_df()
reference.to_csv(folder + "/reference.csv", index=False)
analysis.to_csv(folder + "/analysis.csv", index=False)
with open(folder + "/nannyml.json", "w") as f:
    json.dump({"accuracy": table[("accuracy", "value")].tolist(), "auc": table[("roc_auc", "value")].tolist()}, f)
