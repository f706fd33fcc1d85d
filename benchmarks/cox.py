"""Cox's model on start-stop rows with weights and ties, design-based errors, beside lifelines.

lifelines (0.30.3) is in `.venv-peers` or the file's path in AIDLIB_PEERS, never in aidlib. Both run by turns in
processes of their own, on the same files, and must give the same coefficients. Where the line says "plain" lifelines
gives errors as if rows were drawn one by one and weights counted rows; its robust errors by cluster, the nearest to
ours, are raced on fewer rows, for they take it minutes. It has no Breslow ties and no Fine-Gray model: these lines are
ours alone. `python -m benchmarks.cox` prints the table of docs/benchmarks.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aidlib.estimate import Design
from aidlib.relapse import cox, fine_gray
from benchmarks._contest import PEERS, ROOT, check, line, markdown, race

ROWS, FEW, CLUSTERS, STRATA = 500_000, 20_000, 1_550, 31
PREDICTORS = [f"x{number}" for number in range(8)]  # four numbers, four flags
TASKS = {  # how rows are at risk, and the column of their times: see ``_task``
    "entry_years": "start-stop, years (14 times), Efron",
    "entry_months": "start-stop, months (168 times), Efron",
    "plain_months": "from 0, months (108 times), Efron",
    "strata_months": f"start-stop, months, {STRATA} strata, Efron",
}
ALONE = {
    "entry_moment": "start-stop, continuous times (lifelines steps through them one by one)",
    "breslow_months": "start-stop, months, Breslow",
    "cause_months": "Fine-Gray, months, one cause of three, Efron",
}
SAME = {"estimate": 1e-6}


def histories(rows: int, seed: int = 20250101) -> pd.DataFrame:
    """Rows that enter at some year and end by an event or are censored at a whole year, in clusters of strata."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, len(PREDICTORS)))
    x[:, 4:] = x[:, 4:] > 0.5
    psu = rng.integers(0, CLUSTERS, rows)
    effect = x @ np.linspace(-0.3, 0.3, len(PREDICTORS)) + rng.normal(0, 0.2, CLUSTERS)[psu]
    end = rng.exponential(6 * np.exp(-effect))
    seen = rng.integers(1, 10, rows)
    start = 12.0 * rng.integers(0, 5, rows)  # all times in whole months: lifelines takes rounding for another time
    stay = {"moment": 12 * np.minimum(end, seen), "months": np.minimum(np.ceil(12 * end), 12 * seen)}
    stay["years"] = 12 * np.minimum(np.ceil(end), seen)
    event = (end <= seen).astype(np.float64)
    sample = {"weight": rng.uniform(1, 5, rows), "stratum": psu % STRATA, "psu": psu, "event": event, "start": start}
    sample |= {"exit": event * rng.integers(1, 4, rows), "plain": stay["months"]}
    sample |= {name: start + values for name, values in stay.items()}
    return pd.DataFrame(sample | {name: x[:, place] for place, name in enumerate(PREDICTORS)})


def run() -> list[dict[str, Any]]:
    """One line a figure; see ``line``."""
    with tempfile.TemporaryDirectory() as folder:
        for rows in (ROWS, FEW):
            (Path(folder) / str(rows)).mkdir()
            for name, values in histories(rows).items():
                values.to_numpy(np.float64).tofile(Path(folder) / str(rows) / f"{name}.f8")
        return list(_lines(Path(folder)))


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    python = os.environ.get("AIDLIB_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
    here = Path(python).exists()
    if not here:
        yield {"what": "not here, not run: lifelines"}
    jobs = [(ROWS, task, what, "lifelines, plain errors") for task, what in TASKS.items()]
    jobs += [(FEW, "cluster_months", f"{TASKS['entry_months']}, errors by cluster", "lifelines, cluster errors")]
    for rows, task, what, peer in jobs:
        place = str(folder / str(rows))
        runs = {"aidlib": ([sys.executable, "-m", "benchmarks.cox", place, "5", task], 1.0)}
        if here:
            runs = {"lifelines": ([python, str(PEERS / "lifelines_cox.py"), place, "1", task], 1.0), **runs}
        times = race(runs, rounds=2 if rows == ROWS else 1)
        if here:
            check(times["aidlib"], times["lifelines"], "lifelines", SAME)
        yield line(f"Cox, {rows:,} rows, 8 predictors, {what}", times["aidlib"], peer, times.get("lifelines"))
    for task, what in ALONE.items():
        ours = [sys.executable, "-m", "benchmarks.cox", str(folder / str(ROWS)), "5", task]
        yield line(f"the same rows, {what}", race({"aidlib": (ours, 1.0)}, rounds=1)["aidlib"])


def _task(sample: pd.DataFrame, task: str) -> Callable[[], Any]:
    design = Design("weight", "stratum", "psu")
    kind, duration = task.split("_")
    if kind == "cause":
        sample["exit"] = sample["exit"].astype(np.int64).astype(str).replace("0", "")
        return lambda: fine_gray(sample, design, duration="plain", event="exit", cause="1", predictors=PREDICTORS)
    options: dict[str, Any] = {"duration": duration, "event": "event", "predictors": PREDICTORS, "entry": "start"}
    if kind == "plain":
        options |= {"duration": "plain", "entry": None}
    if kind == "strata":
        options["strata"] = "stratum"
    return lambda: cox(sample, design, ties="breslow" if kind == "breslow" else "efron", **options)


def _ours(place: Path, repeats: int, task: str) -> dict[str, Any]:
    """Seconds of each repeat, peak memory in MB, coefficients and standard errors."""
    sample = pd.DataFrame({path.stem: np.fromfile(path) for path in sorted(place.glob("*.f8"))})
    sample = sample.astype(dict.fromkeys(("stratum", "psu"), np.int64))
    call = _task(sample, task)
    seconds, cpu, found = [], [], None
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        found = call()
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    figures = {name: found.rows[name].tolist() for name in ("estimate", "se")}
    return {"seconds": seconds, "cpu": cpu, "memory": peak, **figures}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_ours(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
    else:
        print(markdown(run()))
