"""Cox's model of lifelines: python lifelines_cox.py FOLDER REPEATS TASK -> one line of JSON; see benchmarks/cox.py."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter

warnings.simplefilter("ignore")  # weights that are no whole numbers
folder, repeats, (kind, duration) = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split("_")
duration = "plain" if kind == "plain" else duration
columns = [*(f"x{number}" for number in range(8)), duration, "event", "weight"]
options: dict[str, Any] = {"duration_col": duration, "event_col": "event", "weights_col": "weight"}
if kind != "plain":
    columns.append("start")
    options["entry_col"] = "start"
if kind == "strata":
    columns.append("stratum")
    options["strata"] = ["stratum"]
if kind == "cluster":
    columns.append("psu")
    options["cluster_col"] = "psu"
sample = pd.DataFrame({name: np.fromfile(folder / f"{name}.f8") for name in columns})
seconds, cpu = [], []
for _ in range(repeats):
    started, used = time.perf_counter(), time.process_time()
    found = CoxPHFitter().fit(sample, **options)
    seconds.append(time.perf_counter() - started)
    cpu.append(time.process_time() - used)
status = Path("/proc/self/status").read_text(encoding="utf-8")
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
figures = {"estimate": found.params_.tolist(), "se": found.standard_errors_.tolist()}
print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": peak, **figures}))
