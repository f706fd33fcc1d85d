"""Hardship shared out over ten causes with 200 replicates on 100,000 households: seconds and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_WORK = """
import json, resource, sys, time
import numpy as np, pandas as pd
from aidlib.causes import hardship_shares
from aidlib.estimate import Design, make_replicates
n, replicates, alpha = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
rng = np.random.default_rng(20250101)
psu = rng.integers(0, 1200, n)
sample = pd.DataFrame({"psu": psu, "stratum": psu % 24, "weight": rng.uniform(1, 5, n)})
costs = {f"cost_{j}": rng.gamma(1.5, 80.0, n) * (rng.random(n) < 0.5) for j in range(8)}
needs = {f"need_{j}": 1 + rng.random(n) * 0.3 * (rng.random(n) < 0.5) for j in range(2)}
sample = sample.assign(net=rng.lognormal(6.9, 0.6, n), line=900.0, **costs, **needs)
made = make_replicates(sample, Design("weight", "stratum", "psu"), kind="bootstrap", replicates=replicates)
start, used = time.perf_counter(), time.process_time()
found = hardship_shares(
    made.sample, made.design, "net", line="line", alpha=alpha, costs=list(costs), needs=list(needs)
)
seconds, cpu = time.perf_counter() - start, time.process_time() - used
rows = found.rows["estimate"]
assert abs(rows.iloc[:-1].sum() - rows.iloc[-1]) < 1e-10
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "CPU seconds": cpu, "MiB": memory}))
"""


def run(small: bool = False) -> list[dict[str, object]]:
    """One row for the headcount and one for the gap, each in a process of its own. small: a tenth of the households."""
    households, replicates = (10_000 if small else 100_000), 200
    rows: list[dict[str, object]] = []
    for alpha, name in ((0, "headcount"), (1, "gap")):
        command = [sys.executable, "-c", _WORK, str(households), str(replicates), str(alpha)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        told = {key: round(value, 2) for key, value in json.loads(done.stdout).items()}
        rows.append({"what": f"{name}: 10 causes, {replicates} replicates, {households:,} households"} | told)
    return rows
