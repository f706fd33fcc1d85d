"""The whole line on the demonstration survey: the share of each stage; `aidlib --help` against bare Python."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
AIDLIB = Path(sys.executable).parent / "aidlib"


def run() -> list[dict[str, object]]:
    """One row a stage of `make report` after installation, then the ratio of `aidlib --help` to `python -c pass`."""
    with tempfile.TemporaryDirectory() as folder:
        raw, store, out = (str(Path(folder) / name) for name in ("raw", "store", "editions"))
        stages = {
            "demo": ["demo", raw],
            "import": ["import", raw, "--source", "demo", "--store", store],
            "report": ["report", "annual", "--period", "2025", "--store", store, "--out", out],
        }
        seconds = {name: _seconds([str(AIDLIB), *words]) for name, words in stages.items()}
    whole = sum(seconds.values())
    rows: list[dict[str, object]] = [
        {"what": name, "seconds": round(value, 2), "share": f"{value / whole:.0%}"} for name, value in seconds.items()
    ]
    rows.append({"what": "make report, installed", "seconds": round(whole, 2), "share": "100%"})
    bare = min(_seconds([sys.executable, "-c", "pass"]) for _ in range(5))
    help_ = min(_seconds([str(AIDLIB), "--help"]) for _ in range(5))
    return [*rows, {"what": "aidlib --help", "seconds": round(help_, 3), "share": f"{help_ / bare:.1f} x bare Python"}]


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start
