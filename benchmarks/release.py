"""The gate on 60 tables that share their margins: seconds to protect and to attack, and the safe cells lost."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib import estimate, release
from aidlib.estimate import Design
from aidlib.release import gate
from aidlib.release.cells import cells
from aidlib.report import Content, Entry

PROVINCE = "990000"
CITIES = [f"99{place:02d}00" for place in range(1, 13)]
TEXT = {"zh": "表", "en": "table"}


def run() -> list[dict[str, object]]:
    """Figures for 60 tables of 12 cities × 5 groups of the same 2,500 households: counts, shares and means by turns."""
    exact = {PROVINCE: [chapter(households(seed=1), tables=60)]}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        register, every = release.Register(Path(folder) / "register"), cells(exact, "2025")
        safe = gate.settled(exact, every, register, report="bench", period="2025", rule=release.Rule())
        protected = time.perf_counter()
    published = {region: [content.to_json() for content in chapters] for region, chapters in safe.items()}
    start_attack = time.perf_counter()
    findings = release.audit(published)
    attacked = time.perf_counter()
    rows = pd.concat([entry.estimates.rows for entry in safe[PROVINCE][0].entries().values()])
    kept = ~rows["flag"].isin(["suppressed", "dominance", "empty"])
    lost = (rows["flag"] == "complementary").sum() / kept.sum()
    return [
        {"what": "numbers in 60 linked tables", "value": len(rows), "unit": "rows", "goal": ""},
        {"what": "protect (with attack)", "value": round(protected - start, 2), "unit": "s", "goal": ""},
        {"what": "attack", "value": round(attacked - start_attack, 2), "unit": "s", "goal": "10"},
        {"what": "intervals narrower than allowed", "value": len(findings.broken), "unit": "rows", "goal": "0"},
        {"what": "safe cells lost", "value": round(100 * lost, 1), "unit": "%", "goal": "25"},
    ]


def households(seed: int, size: int = 2500) -> pd.DataFrame:
    """Households of 12 cities of unequal size with 20 traits of five values each."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"household_id": np.arange(size).astype(str), "region": rng.choice(CITIES, size, p=_shares(rng, 12))}
    )
    traits = {f"trait{i}": rng.choice(list("abcde"), size, p=_shares(rng, 5)) for i in range(20)}
    return frame.assign(year=2025, poor=rng.random(size) < 0.3, income=rng.lognormal(7, 0.6, size), **traits)


def chapter(frame: pd.DataFrame, tables: int) -> Content:
    """Tables by city and trait with totals: counts, shares, means by turns."""
    census, items = Design.census(), []
    for i in range(tables):
        by = ["region", f"trait{i // 3}"]
        makers = (
            lambda by: estimate.count(frame, census, by=by, margins=True),
            lambda by: estimate.mean(frame, census, "poor", by=by, margins=True),
            lambda by: estimate.mean(frame, census, "income", by=by, margins=True),
        )
        items.append(Entry(f"table{i}", makers[i % 3](by), "table", TEXT))
    return Content("bench", TEXT, {"period": "2025", "region": PROVINCE}, tuple(items))


def _shares(rng: np.random.Generator, parts: int) -> np.ndarray:
    return rng.dirichlet(np.full(parts, 3.0))
