"""A mean by 155 domains on a million rows, beside pandas' groupby doing the same sums one domain at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from aidlib.estimate import Design, mean, quantile
from aidlib.poverty import fgt

ROWS, DOMAINS, STRATA, CLUSTERS = 1_000_000, 155, 31, 40
DESIGN = Design("weight", "stratum", "psu", nested=True)


def run() -> list[dict[str, Any]]:
    """One line a figure: what, seconds, the peer's seconds and the ratio; the peer must give the same numbers."""
    sample = _sample()
    ours, found = _timed(lambda: mean(sample, DESIGN, "income", by="domain").rows)
    peer, looped = _timed(lambda: _loop(sample))
    if not np.allclose(found[["estimate", "se"]], looped, rtol=1e-9):
        raise AssertionError("the benchmark's peer gives other numbers")
    rows = [_line("mean by 155 domains, 1e6 rows", ours, "pandas groupby loop", peer)]
    for what, call in {
        "headcount by 155 domains": lambda: fgt(sample, DESIGN, "income", line=800.0, by="domain"),
        "three quantiles by 155 domains": lambda: quantile(sample, DESIGN, "income", q=[0.1, 0.5, 0.9], by="domain"),
        "mean by 155 domains, every row a cluster": lambda: mean(sample, Design("weight"), "income", by="domain"),
    }.items():
        rows.append(_line(what, _timed(call)[0], "", np.nan))
    return rows


def _sample() -> pd.DataFrame:
    rng = np.random.default_rng(20250101)
    domain = rng.integers(0, DOMAINS, ROWS)
    return pd.DataFrame(
        {
            "domain": domain,
            "stratum": domain % STRATA,
            "psu": rng.integers(0, CLUSTERS, ROWS),
            "weight": rng.uniform(1, 5, ROWS),
            "income": rng.lognormal(7, 0.6, ROWS),
        }
    )


def _loop(sample: pd.DataFrame) -> np.ndarray:
    """Estimate and standard error of each domain, all clusters kept, as the textbook's formula reads."""
    found = []
    for domain in range(DOMAINS):
        inside = sample["domain"] == domain
        weight = sample["weight"].where(inside, 0.0)
        estimate = (weight * sample["income"]).sum() / weight.sum()
        scores = weight * (sample["income"] - estimate) / weight.sum()
        totals = scores.groupby([sample["stratum"], sample["psu"]]).sum()
        strata = totals.groupby(level=0)
        found.append((estimate, np.sqrt((strata.size() * strata.var(ddof=1)).sum())))
    return np.array(found)


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _line(what: str, ours: float, peer: str, seconds: float) -> dict[str, Any]:
    ratio = round(seconds / ours, 1)
    return {"what": what, "seconds": round(ours, 2), "peer": peer, "peer_seconds": round(seconds, 2), "ratio": ratio}
