"""Survival curves of a large sample with design-based errors, beside lifelines' plain weighted curve.

lifelines (0.30.3) is in `.venv-peers` or the file's path in AIDLIB_PEERS, never in aidlib. Both run by turns in
processes of their own; lifelines gives Greenwood's errors, as if rows were drawn one by one.
`python -m benchmarks.curves` prints the table of docs/benchmarks.md.
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
from aidlib.relapse import cumulative_incidence, survival_curve
from benchmarks._contest import PEERS, ROOT, check, line, markdown, race

ROWS, CLUSTERS, STRATA = 500_000, 1_550, 31
TIMES = (6.0, 12.0, 24.0, 48.0)  # months at which both must say the same
COLUMNS = ("weight", "stratum", "psu", "event", "exit", "months", "moment")
DURATIONS = {"months": "60 distinct months", "moment": "continuous times"}
SAME = {"estimate": 1e-9}


def spells(seed: int = 20250101) -> pd.DataFrame:
    """Spells in months with effects of their cluster, censored within five years; ``moment``: the same, not rounded."""
    rng = np.random.default_rng(seed)
    psu = rng.integers(0, CLUSTERS, ROWS)
    end = rng.exponential(30 * np.exp(rng.normal(0, 0.3, CLUSTERS))[psu])
    seen = rng.uniform(0, 60, ROWS)
    moment, event = np.minimum(end, seen), (end <= seen).astype(np.float64)
    exits = event * rng.integers(1, 4, ROWS)
    sample = {"weight": rng.uniform(1, 5, ROWS), "stratum": psu % STRATA, "psu": psu, "event": event, "exit": exits}
    return pd.DataFrame(sample | {"months": np.ceil(moment), "moment": moment})


def run() -> list[dict[str, Any]]:
    """One line a figure; see ``line``."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, values in spells().items():
            values.to_numpy(np.float64).tofile(place / f"{name}.f8")
        return list(_lines(place))


def _lines(place: Path) -> Iterator[dict[str, Any]]:
    python = os.environ.get("AIDLIB_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
    here = Path(python).exists()
    if not here:
        yield {"what": "not here, not run: lifelines"}
    at = ",".join(map(str, TIMES))
    for duration, named in DURATIONS.items():
        ours = [sys.executable, "-m", "benchmarks.curves", str(place), "10", duration]
        runs = {"aidlib": (ours, 1.0)}
        if here:
            peer = [python, str(PEERS / "lifelines_curve.py"), str(place), "10", duration, at]
            runs = {"lifelines": (peer, 1.0), **runs}
        times = race(runs, rounds=3)
        if here:
            check(times["aidlib"], times["lifelines"], "lifelines", SAME)
        what = f"survival curve, design-based errors, {ROWS:,} rows, {CLUSTERS:,} clusters, {named}"
        yield line(what, times["aidlib"], "lifelines, no design", times.get("lifelines"))
    for duration, named in DURATIONS.items():
        ours = [sys.executable, "-m", "benchmarks.curves", str(place), "5", f"incidence_{duration}"]
        times = race({"aidlib": (ours, 1.0)}, rounds=1)
        yield line(f"incidence of three causes, the same rows, {named}", times["aidlib"])


def _ours(place: Path, repeats: int, task: str) -> dict[str, Any]:
    """Seconds of each repeat, peak memory in MB, the estimates at ``TIMES``."""
    sample = pd.DataFrame({name: np.fromfile(place / f"{name}.f8") for name in COLUMNS})
    sample = sample.astype(dict.fromkeys(("stratum", "psu", "exit"), np.int64))
    design, duration = Design("weight", "stratum", "psu"), task.removeprefix("incidence_")
    seconds, cpu, found = [], [], None
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        if task == duration:
            found = survival_curve(sample, design, duration=duration, event="event")
        else:
            found = cumulative_incidence(sample, design, duration=duration, event="exit")
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    assert found is not None  # there is at least one repeat
    place_of = np.searchsorted(found.rows["time"].astype(float), TIMES, "right") - 1
    estimate = found.rows["estimate"].to_numpy()[place_of].tolist() if task == duration else []
    return {"seconds": seconds, "cpu": cpu, "memory": peak, "estimate": estimate}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_ours(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
    else:
        print(markdown(run()))
