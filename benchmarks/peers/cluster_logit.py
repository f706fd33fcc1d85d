"""Logit with cluster errors by statsmodels or pyfixest: python cluster_logit.py FOLDER REPEATS PEER -> JSON.

PEER: logit (statsmodels' Logit), glm (statsmodels' GLM with weights), feglm (pyfixest).
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

folder, repeats, peer = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if peer == "feglm":
    import pyfixest
else:
    import statsmodels.api as sm

warnings.simplefilter("ignore")  # "cov_type not fully supported with freq_weights"
predictors = [f"x{number}" for number in range(12)]
sample = pd.DataFrame(
    {name: np.fromfile(folder / f"{name}.f8") for name in ("weight", "psu", "event", "k", "group", *predictors)}
)
for name in ("k", "group"):
    sample[name] = pd.Categorical(sample[name].astype(np.int64))
sample["psu"] = sample["psu"].astype(np.int64)
terms = [*predictors, "group_1", "group_2", "group_3", "group_4"]


def logit() -> list[float]:
    """Coefficients of the predictors."""
    design = sm.add_constant(pd.get_dummies(sample[["k", *predictors, "group"]], drop_first=True, dtype=float))
    cluster = {"cov_type": "cluster", "cov_kwds": {"groups": sample["psu"]}}
    if peer == "logit":
        found = sm.Logit(sample["event"], design).fit(disp=0, **cluster)
    else:
        found = sm.GLM(sample["event"], design, sm.families.Binomial(), freq_weights=sample["weight"]).fit(**cluster)
    _ = found.bse
    return found.params[terms].tolist()


def feglm() -> list[float]:
    """Coefficients of the predictors."""
    formula = f"event ~ k + {' + '.join(predictors)} + group"
    found = pyfixest.feglm(formula, sample, family="logit", vcov={"CRV1": "psu"})
    _ = found.se()
    return found.coef().iloc[-len(terms) :].tolist()


seconds, cpu, estimate = [], [], []
for _ in range(repeats):
    started, used = time.perf_counter(), time.process_time()
    estimate = feglm() if peer == "feglm" else logit()
    seconds.append(time.perf_counter() - started)
    cpu.append(time.process_time() - used)
status = Path("/proc/self/status").read_text(encoding="utf-8")
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": peak, "estimate": estimate}))
