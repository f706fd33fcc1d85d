"""Discrete-time hazards of a large sample with design-based errors, beside statsmodels and pyfixest.

statsmodels (0.15) and pyfixest (0.60) are in `.venv-peers` or the file's path in AIDLIB_PEERS, never in aidlib. All run
by turns in processes of their own, with one thread for linear algebra, as the engine's kernels do: several threads that
wait for each other on a busy machine measure the machine. statsmodels' Logit and pyfixest's feglm take no weights,
statsmodels' GLM does; their errors are by cluster, without strata. `python -m benchmarks.hazards` prints the table of
docs/benchmarks.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aidlib.estimate import Design
from aidlib.relapse import discrete_hazard
from benchmarks._contest import PEERS, ROOT, check, line, markdown, race

ROWS, CLUSTERS, STRATA, YEARS, GROUPS, NUMBERS = 1_000_000, 1_550, 31, 5, 5, 12
PREDICTORS = [f"x{number}" for number in range(NUMBERS)]
COLUMNS = ("weight", "stratum", "psu", "event", "k", "group", *PREDICTORS)
CONTESTS = {"logit": "plain", "feglm": "plain", "glm": "weighted"}  # the peer's task and ours
NAMES = {"logit": "statsmodels Logit, cluster errors", "feglm": "pyfixest feglm, cluster errors"}
NAMES |= {"glm": "statsmodels GLM with weights, cluster errors"}
SAME = {"estimate": 1e-6}
ONE_THREAD = ["env", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"]


def person_waves(seed: int = 20250101) -> pd.DataFrame:
    """Rows of 12 numbers and flags, five years and five groups, with effects of their cluster."""
    rng = np.random.default_rng(seed)
    psu = np.sort(rng.integers(0, CLUSTERS, ROWS))
    k, group = rng.integers(1, YEARS + 1, ROWS), rng.integers(0, GROUPS, ROWS)
    columns = {"weight": rng.uniform(1, 5, ROWS), "stratum": psu % STRATA, "psu": psu, "k": k, "group": group}
    log_odds = -0.2 - 0.4 * k + 0.1 * group + rng.normal(0, 0.3, CLUSTERS)[psu]
    for number, name in enumerate(PREDICTORS):
        values = rng.normal(size=ROWS) if number % 2 else rng.integers(0, 2, ROWS).astype(np.float64)
        columns[name] = values
        log_odds += 0.2 * np.cos(number) * values
    return pd.DataFrame(columns | {"event": rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))})


def run() -> list[dict[str, Any]]:
    """One line a figure; see ``line``."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, values in person_waves().items():
            values.to_numpy(np.float64).tofile(place / f"{name}.f8")
        return list(_lines(place))


def _lines(place: Path) -> Iterator[dict[str, Any]]:
    python = os.environ.get("AIDLIB_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
    tasks = ("plain", "weighted")
    ours = [*ONE_THREAD, sys.executable, "-m", "benchmarks.hazards", str(place), "1"]
    runs = {task: ([*ours, task], 1.0) for task in tasks}
    if Path(python).exists():
        theirs = [*ONE_THREAD, python, str(PEERS / "cluster_logit.py"), str(place), "1"]
        runs |= {peer: ([*theirs, peer], 1.0) for peer in CONTESTS}
    else:
        yield {"what": "not here, not run: statsmodels, pyfixest"}
    times = race(runs, rounds=3)
    for peer, task in CONTESTS.items():
        if peer in times:
            check(times[task], times[peer], peer, SAME)
        what = f"discrete-time hazard, design-based errors, {ROWS:,} rows x 20 terms, {task}"
        yield line(what, times[task], NAMES[peer], times.get(peer))


def _ours(place: Path, repeats: int, task: str) -> dict[str, Any]:
    """Seconds of each repeat, peak memory in MB, coefficients of the predictors."""
    sample = pd.DataFrame({name: np.fromfile(place / f"{name}.f8") for name in COLUMNS})
    sample = sample.astype(dict.fromkeys(("stratum", "psu", "k"), np.int64))
    sample["group"] = pd.Categorical.from_codes(sample["group"].astype(np.int64), list("abcde"))
    design = Design("weight" if task == "weighted" else None, "stratum", "psu")
    seconds, cpu, found = [], [], None
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        found = discrete_hazard(sample, design, event="event", predictors=[*PREDICTORS, "group"])
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    assert found is not None  # there is at least one repeat
    rows = found.rows[found.rows["measure"] == "coefficient"]
    return {"seconds": seconds, "cpu": cpu, "memory": peak, "estimate": rows["estimate"].tolist()}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_ours(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
    else:
        print(markdown(run()))
