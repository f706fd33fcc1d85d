"""Mean by domain with the package svy: python svy_mean.py FOLDER REPEATS COLUMN -> one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import svy

folder, repeats, column = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
names = ("domain", "stratum", "psu", "weight", "income", "poor")
frame = pl.DataFrame({name: np.fromfile(folder / f"{name}.f8") for name in names})
frame = frame.with_columns(pl.col("domain", "stratum", "psu").cast(pl.Int64))
seconds, cpu = [], []
for _ in range(repeats):
    started, used = time.perf_counter(), time.process_time()
    sample = svy.Sample(frame, svy.Design(stratum="stratum", psu="psu", wgt="weight"))
    found = sample.estimation.mean(column, by="domain").to_polars()
    seconds.append(time.perf_counter() - started)
    cpu.append(time.process_time() - used)
status = Path("/proc/self/status").read_text(encoding="utf-8")
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
found = found.sort("domain")
figures = {"estimate": found["est"].to_list(), "se": found["se"].to_list()}
print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": peak, **figures}))
