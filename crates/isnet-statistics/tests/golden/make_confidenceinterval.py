"""Makes confidenceinterval.json with the package confidenceinterval 1.0.5: run it in this folder.

The samples are those of make_calibration.py, decided at 0.5.
"""

import json
from pathlib import Path

import numpy as np
from confidenceinterval import accuracy_score, f1_score, npv_score, ppv_score, roc_auc_score, tnr_score, tpr_score

exec(Path("make_calibration.py").read_text().split("def both")[0])
truth, called = y.astype(int), (p >= 0.5).astype(int)


def flat(found):
    value, (low, high) = found
    return [float(value), float(low), float(high)]


golden = {
    "auc": flat(roc_auc_score(truth, p, confidence_level=0.95, method="delong")),
    "accuracy": flat(accuracy_score(truth, called, confidence_level=0.95, method="wilson")),
    "sensitivity": flat(tpr_score(truth, called, confidence_level=0.95, method="wilson")),
    "specificity": flat(tnr_score(truth, called, confidence_level=0.95, method="wilson")),
    "ppv": flat(ppv_score(truth, called, confidence_level=0.95, method="wilson")),
    "npv": flat(npv_score(truth, called, confidence_level=0.95, method="wilson")),
    "macro_f1": flat(f1_score(truth, called, confidence_level=0.95, average="macro")),
}
with open("confidenceinterval.json", "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
