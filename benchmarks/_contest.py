"""Contestants run by turns, each in a process of its own: data on disk, seconds and peak memory as JSON back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
COLUMNS = ("domain", "stratum", "psu", "weight", "income", "poor")
LINE = 800.0


@dataclass
class Times:
    """What a contestant took: seconds of every repeat by the clock and of the processor, peak memory in MB, figures."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: float = 0.0
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, found: dict[str, Any], scale: float) -> None:
        """One more run."""
        self.seconds += [s * scale for s in found.pop("seconds")]
        self.cpu += [s * scale for s in found.pop("cpu")]
        self.memory = max(self.memory, found.pop("memory"))
        self.figures = found

    @property
    def least(self) -> float:
        """Seconds of the fastest repeat."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Median seconds."""
        return float(np.median(self.seconds))


def persons(rows: int, clusters: int, *, grouped: bool, seed: int = 20250101) -> pd.DataFrame:
    """A sample of 155 domains in 31 strata; ``grouped``: rows of a cluster follow one another."""
    rng = np.random.default_rng(seed)
    psu = rng.integers(0, clusters, rows)
    psu = np.sort(psu) if grouped else psu
    domain = psu % 155
    income = rng.lognormal(7, 0.6, rows)
    sample = {"domain": domain, "stratum": domain % 31, "psu": psu, "weight": rng.uniform(1, 5, rows)}
    return pd.DataFrame(sample | {"income": income, "poor": (income < LINE).astype(np.float64)})


def write(sample: pd.DataFrame, folder: Path) -> Path:
    """Plain doubles, one file a column: every language reads them alike."""
    folder.mkdir(parents=True)
    for name in COLUMNS:
        sample[name].to_numpy(np.float64).tofile(folder / f"{name}.f8")
    (folder / "rows.txt").write_text(str(len(sample)), encoding="utf-8")
    return folder


def commands() -> dict[str, list[str]]:
    """How each contestant that was found here is started."""
    found = {"aidlib": [sys.executable, "-m", "benchmarks._ours"]}
    rscript = shutil.which("Rscript")
    for package, script in {"survey": "survey_mean.R", "laeken": "laeken_bootstrap.R"}.items():
        if rscript and _runs([rscript, "-e", f"library({package})"]):
            found[package] = [rscript, str(PEERS / script)]
    python = os.environ.get("AIDLIB_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
    if Path(python).exists() and _runs([python, "-c", "import svy"]):
        found["svy"] = [python, str(PEERS / "svy_mean.py")]
    return found


def race(runs: dict[str, tuple[list[str], float]], rounds: int) -> dict[str, Times]:
    """Each command once a round, by turns; seconds are multiplied by the second value (a sample of a longer task)."""
    times = {name: Times() for name in runs}
    for _ in range(rounds):
        for name, (command, scale) in runs.items():
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            times[name].add(json.loads(done.stdout.strip().splitlines()[-1]), scale)
    return times


def check(ours: Times, peer: Times, name: str, tolerance: dict[str, float]) -> None:
    """The peer's figures must be ours, else the race means nothing."""
    for figure, limit in tolerance.items():
        if not np.allclose(ours.figures[figure], peer.figures[figure], rtol=limit):
            raise AssertionError(f"{name} gives other figures: {figure}")


def line(what: str, ours: Times, peer: str = "", other: Times | None = None) -> dict[str, Any]:
    """One line of the table: fastest and median seconds, those of the processor (fastest), peak memory; peer / ours."""
    found = {"what": what, "seconds": _rounded(ours.least), "median": _rounded(ours.median)}
    found |= {"cpu": _rounded(min(ours.cpu)), "MB": round(ours.memory), "peer": peer}
    if other is None:
        return found
    found |= {"peer_seconds": _rounded(other.least), "peer_median": _rounded(other.median)}
    found |= {"peer_cpu": _rounded(min(other.cpu)), "ratio": _rounded(other.least / ours.least)}
    found |= {"median_ratio": _rounded(other.median / ours.median)}
    return found | {
        "cpu_ratio": _rounded(min(other.cpu) / min(ours.cpu)),
        "MB_ratio": _rounded(other.memory / ours.memory),
    }


def markdown(rows: list[dict[str, Any]]) -> str:
    """The lines as the table of docs/benchmarks.md."""
    out = [
        "| what | ours: s (CPU s), MB | peer | peer: s (CPU s) | peer ÷ ours: s, CPU, MB |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        if "seconds" not in row:
            out.append(f"| {row['what']} | | | | |")
            continue
        ours = f"{row['seconds']} ({row['cpu']}), {row['MB']}"
        theirs = f"{row['peer_seconds']} ({row['peer_cpu']})" if "peer_seconds" in row else ""
        ratios = f"{row['ratio']}, {row['cpu_ratio']}, {row['MB_ratio']}" if "ratio" in row else ""
        out.append(f"| {row['what']} | {ours} | {row['peer'] if theirs else ''} | {theirs} | {ratios} |")
    return "\n".join(out)


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.3g}")


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
