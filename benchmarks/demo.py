"""Writing the demonstration survey: seconds and memory, for the default size and for 100,000 households × 8 waves."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_WORK = """
import json, resource, sys, time
from pathlib import Path
from aidlib.demo import write
start = time.perf_counter()
told = write(Path(sys.argv[1]), households=int(sys.argv[2]))
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "MiB": memory, "rows": told.rows, "MB written": told.bytes / 1e6}))
"""


def run(small: bool = False) -> list[dict[str, object]]:
    """One row a size, each in a process of its own so that its memory is its own. small: the default size only."""
    sizes = [4000] if small else [4000, 100_000]
    rows: list[dict[str, object]] = []
    for households in sizes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", _WORK, str(Path(folder) / "raw"), str(households)]
            done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        rows.append({"what": f"write {households:,} households x 8 waves"} | {k: round(v, 1) for k, v in told.items()})
    return rows
