"""Our side of a race, in a process of its own: python -m benchmarks._ours FOLDER REPEATS TASK -> one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from aidlib.estimate import Design, bootstrap, mean, partitions
from aidlib.poverty import fgt
from benchmarks._contest import COLUMNS, LINE

DESIGN = Design("weight", "stratum", "psu")
# The same sums by hand: what one would write who knows that no value is missing and nothing needs to be checked.
KEYS = "stratum, psu, domain"
SQL = {
    "sql_mean": "count(income), sum(weight), sum(weight * income), max(abs(weight * income), 2)",
    "sql_headcount": "count(income), sum(weight), sum(weight * (income < 800)::DOUBLE), count_if(income < 800)",
}


def main(folder: Path, repeats: int, task: str) -> dict[str, Any]:
    """Seconds of each repeat, peak memory in MB, estimates and standard errors."""
    call = _task(folder, task)
    seconds, cpu, found = [], [], None
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        found = call()
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    figures = {} if found is None else {name: found.rows[name].tolist() for name in ("estimate", "se")}
    return {"seconds": seconds, "cpu": cpu, "memory": peak, **figures}


def _task(folder: Path, task: str) -> Callable[[], Any]:
    if task in SQL:
        return lambda: _by_hand(folder, SQL[task])
    if task == "partitions_mean":
        return lambda: partitions.mean(folder, DESIGN, "income", by="domain")
    if task == "partitions_headcount":
        return lambda: partitions.fgt(folder, DESIGN, "income", line=LINE, by="domain")
    sample = pd.DataFrame({name: np.fromfile(folder / f"{name}.f8") for name in COLUMNS})
    sample = sample.astype(dict.fromkeys(("domain", "stratum", "psu"), np.int64))
    if task == "income":
        return lambda: mean(sample, DESIGN, "income", by="domain")
    if task == "poor":
        return lambda: fgt(sample, DESIGN, "income", line=LINE, by="domain")
    kernel, threads, replicates = task.split("_")
    options: dict[str, Any] = {"kernel": kernel, "threads": int(threads)}
    bootstrap(sample.iloc[:1000], Design("weight"), "income", replicates=2, **options)  # compiles
    return lambda: bootstrap(sample, DESIGN, "income", by="stratum", replicates=int(replicates), **options)


def _by_hand(folder: Path, sums: str) -> None:
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        files = sorted(map(str, folder.rglob("*.parquet")))
        rows = connection.sql("FROM read_parquet($1)", params=[files])
        rows.aggregate(f"{KEYS}, {sums}", KEYS).to_arrow_table()


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
