"""Weighted Kaplan-Meier curve of lifelines: python lifelines_curve.py FOLDER REPEATS DURATION TIMES -> JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter

warnings.simplefilter("ignore")  # weights that are no whole numbers
folder, repeats, duration = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
times = [float(t) for t in sys.argv[4].split(",")]
sample = pd.DataFrame({name: np.fromfile(folder / f"{name}.f8") for name in (duration, "event", "weight")})
seconds, cpu = [], []
for _ in range(repeats):
    started, used = time.perf_counter(), time.process_time()
    found = KaplanMeierFitter().fit(sample[duration], sample["event"], weights=sample["weight"])
    seconds.append(time.perf_counter() - started)
    cpu.append(time.process_time() - used)
status = Path("/proc/self/status").read_text(encoding="utf-8")
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
figures = {"estimate": found.survival_function_at_times(times).tolist()}
print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": peak, **figures}))
