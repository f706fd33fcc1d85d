"""Means, headcounts, bootstraps and sums beyond memory, beside R's survey and laeken, svy and SQL by hand.

Peers are R packages of the system, and svy in an environment of its own (the file's path in AIDLIB_PEERS, or
`.venv-peers`: `uv venv .venv-peers && uv pip install --python .venv-peers/bin/python svy==0.35`). Contestants run by
turns in processes of their own; a peer that is not here is named. Seconds are those of the fastest repeat, by the clock
and of the processor. `python -m benchmarks.estimate` prints the table of docs/benchmarks.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._contest import check, commands, line, markdown, persons, race, write

# rows, clusters, grouped by cluster, with R's survey too
MEANS = ((10_000, 1_550, False, True), (1_000_000, 1_550, True, True), (1_000_000, 1_550, False, False))
MEANS += ((1_000_000, 250_000, True, True), (1_000_000, 250_000, False, False))
SIZES = (100_000, 1_000_000, 10_000_000)
FILES, ROWS_OF_A_FILE, LARGE = 20, 1_000_000, 50
REPLICATES, FEW = 1000, 4  # ours, and those of laeken, whose time is scaled: it draws one after another
SAME, NEAR = {"estimate": 1e-9, "se": 1e-6}, {"estimate": 1e-6}


def run() -> list[dict[str, Any]]:
    """One line a figure; see ``line``."""
    here = commands()
    missing = [name for name in ("survey", "laeken", "svy") if name not in here]
    found = [{"what": f"not here, not run: {name}"} for name in missing]
    with tempfile.TemporaryDirectory() as folder:
        for part in (_means, _bootstraps, _growth, _beyond_memory):
            found += part(here, Path(folder))
    return found


def _means(here: dict[str, list[str]], folder: Path) -> Iterator[dict[str, Any]]:
    for rows, clusters, grouped, with_survey in MEANS:
        order = "by cluster" if grouped else "shuffled"
        name = f"{rows:,} rows, 155 domains, {clusters:,} clusters, {order}"
        place = write(persons(rows, clusters, grouped=grouped), folder / f"{rows}_{clusters}_{order[:2]}")
        repeats = 30 if rows < 100_000 else 5
        for what, column in {"mean": "income", "headcount": "poor"}.items():
            ours = [*here["aidlib"], str(place), str(repeats), column]
            if "svy" in here:
                peer = [*here["svy"], str(place), str(min(repeats, 10) // 2), column]
                times = race({"svy": (peer, 1.0), "aidlib": (ours, 1.0)}, rounds=2)
                check(times["aidlib"], times["svy"], "svy", SAME)
                yield line(f"{what}, {name}", times["aidlib"], "svy", times["svy"])
            if "survey" in here and with_survey and column == "income":
                peer = [*here["survey"], str(place), "3" if rows < 100_000 else "1"]
                times = race({"survey": (peer, 1.0), "aidlib": (ours, 1.0)}, rounds=2 if rows < 100_000 else 1)
                check(times["aidlib"], times["survey"], "survey", SAME)
                yield line(f"{what}, {name}", times["aidlib"], "R survey", times["survey"])


def _bootstraps(here: dict[str, list[str]], folder: Path) -> Iterator[dict[str, Any]]:
    rows = 1_000_000
    place = write(persons(rows, 1_550, grouped=False), folder / "bootstrap")
    tasks = {"numpy_1": "NumPy", "numpy_2": "NumPy, 2 threads", "numba_1": "Numba", "numba_2": "Numba, 2 threads"}
    runs = {task: ([*here["aidlib"], str(place), "1", f"{task}_{REPLICATES}"], 1.0) for task in tasks}
    if "laeken" in here:
        runs["laeken"] = ([*here["laeken"], str(place), str(FEW)], REPLICATES / FEW)
    times = race(runs, rounds=2)
    for task, kernel in tasks.items():
        if "laeken" in here:
            check(times[task], times["laeken"], "laeken", NEAR)
        what = f"{REPLICATES} replicates of Gini and at-risk-of-poverty, {rows:,} rows, 31 regions, {kernel}"
        yield line(what, times[task], f"R laeken ({FEW} replicates, scaled)", times.get("laeken"))


def _growth(here: dict[str, list[str]], folder: Path) -> Iterator[dict[str, Any]]:
    for rows in SIZES:
        place = write(persons(rows, 1_550, grouped=False), folder / f"growth_{rows}")
        times = race({"aidlib": ([*here["aidlib"], str(place), "5", "income"], 1.0)}, rounds=1)["aidlib"]
        yield line(f"mean, {rows:,} rows: {min(times.cpu) / rows * 1e9:.0f} ns CPU a row", times)


def _beyond_memory(here: dict[str, list[str]], folder: Path) -> Iterator[dict[str, Any]]:
    place = folder / "parts"
    place.mkdir()
    for number in range(FILES):
        persons(ROWS_OF_A_FILE, 1_550, grouped=False, seed=number).to_parquet(place / f"{number:03d}.parquet")
    for task in ("mean", "headcount"):
        runs = {
            "sql": ([*here["aidlib"], str(place), "3", f"sql_{task}"], 1.0),
            "aidlib": ([*here["aidlib"], str(place), "3", f"partitions_{task}"], 1.0),
        }
        times = race(runs, rounds=3)
        what = f"{task} from Parquet, {FILES * ROWS_OF_A_FILE:,} rows"
        yield line(what, times["aidlib"], "the sums by hand in DuckDB", times["sql"])
    for number in range(FILES, LARGE):
        (place / f"{number:03d}.parquet").symlink_to(place / f"{number % FILES:03d}.parquet")
    times = race({"aidlib": ([*here["aidlib"], str(place), "2", "partitions_mean"], 1.0)}, rounds=1)
    yield line(f"mean from Parquet, {LARGE * ROWS_OF_A_FILE:,} rows", times["aidlib"])


if __name__ == "__main__":
    print(markdown(run()))
