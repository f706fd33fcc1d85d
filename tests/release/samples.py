"""Small populations made for a test, and the chapters that a report would say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from aidlib import estimate, poverty
from aidlib.estimate import Design, Estimates
from aidlib.estimate.estimates import COLUMNS
from aidlib.release import Register, Rule, gate
from aidlib.release.cells import cells
from aidlib.report import Content, Entry

CAPTION = {"zh": "表", "en": "table"}
PROVINCE = "990000"
CENSUS = Design.census()
SURVEY = Design(weight="weight", strata="stratum", psu="psu", lonely_psu="certainty", nested=True)


def chapter(region: str, period: str = "2025", **results: Estimates) -> Content:
    """A chapter "profile" that holds ``results``."""
    items = tuple(Entry(key, result, "table", CAPTION) for key, result in results.items())
    return Content("profile", CAPTION, {"period": period, "region": region}, items)


def census(counts: Mapping[tuple[str, str], int]) -> pd.DataFrame:
    """One row per household: counts by (region, grade)."""
    rows = [(region, grade) for (region, grade), n in counts.items() for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["region", "grade"])
    return frame.assign(household_id=[f"h{i}" for i in range(len(frame))], year=2025)


def counted(frame: pd.DataFrame) -> Estimates:
    """Households by region and grade with totals, as the register counts them."""
    return estimate.count(frame, CENSUS, by=["region", "grade"], margins=True, base="R")


def population(seed: int, size: int = 900, cities: int = 6) -> pd.DataFrame:
    """A survey of ``cities`` of very different size, with grades, causes and incomes drawn at random."""
    rng = np.random.default_rng(seed)
    codes = [f"99{place:02d}00" for place in range(1, cities + 1)]
    causes = [str(code) for code in range(1, 7)]
    frame = pd.DataFrame(
        {
            "household_id": [f"h{i}" for i in range(size)],
            "year": 2025,
            "region": rng.choice(codes, size, p=rng.dirichlet(np.full(cities, 2.0))),
            "grade": rng.choice(["deep", "relative", "accident"], size, p=[0.25, 0.6, 0.15]),
            "cause_main": rng.choice(causes, size, p=rng.dirichlet(np.ones(len(causes)))),
            "income": rng.lognormal(7, 0.6, size),
            "weight": rng.uniform(2, 4, size),
            "psu": rng.integers(0, 40, size),
            "stratum": 0,
        }
    )
    return frame.assign(poor=frame["income"] < 900)


def report(
    frame: pd.DataFrame, *, design: Design = SURVEY, editions: bool = True, keys: Sequence[str] = ()
) -> dict[str, list[Content]]:
    """What a report says about the province and, with ``editions``, about each of its cities. keys: only these."""
    regions = [PROVINCE, *sorted(frame["region"].unique())] if editions else [PROVINCE]
    made = {}
    for region in regions:
        found = results(frame if region == PROVINCE else frame[frame["region"] == region], design)
        made[region] = [chapter(region, **{key: found[key] for key in keys or found})]
    return made


def results(frame: pd.DataFrame, design: Design) -> dict[str, Estimates]:
    """The kinds of tables that a report holds: counts, shares, totals, means, quantiles."""
    return {
        "on_file": counted(frame),
        "poor": estimate.mean(frame, design, "poor", by=["region", "grade"], margins=True, base="M"),
        "headcount": poverty.fgt(frame, design, "income", line=900.0, by="year", base="M"),
        "headcount_regions": poverty.fgt(frame, design, "income", line=900.0, by="region", base="M"),
        "cause": estimate.proportion(frame, design, "cause_main", by="grade", base="M"),
        "gap": poverty.gap_total(
            frame, design, "income", line=900.0, members=None, by="region", margins=True, base="M"
        ),
        "income": estimate.quantile(frame, design, "income", q=[0.25, 0.5], by="grade", base="M"),
        "mean_income": estimate.mean(frame, design, "income", by=["region"], margins=True, base="M"),
    }


def by_hand(
    rows: Sequence[Mapping[str, Any]], *, domains: Sequence[str], keys: Sequence[str] = (), **options: Any
) -> Estimates:
    """Estimates from rows that give only what matters."""
    plain = {"measure": "mean", "se": 1.0, "low": 0.0, "high": 0.0, "df": 90.0, "count": np.nan, "psus": 20.0}
    plain |= {"top1": np.nan, "top2": np.nan, "flag": ""}
    frame = pd.DataFrame([plain | dict(row) for row in rows])
    return Estimates(frame[[*domains, *keys, *COLUMNS]], tuple(domains), tuple(keys), **options)


def settled(
    contents: Mapping[str, Sequence[Content]], register: Register, period: str = "2025", rule: Rule | None = None
) -> dict[str, list[Content]]:
    """What the gate would publish if it told all digits: harder to protect than what it does publish."""
    every = cells(contents, period)
    return gate.settled(contents, every, register, report="annual", period=period, rule=rule or Rule())


def published(contents: Mapping[str, Sequence[Content]]) -> dict[str, list[dict[str, Any]]]:
    """The chapters as the attacker reads them."""
    return {region: [content.to_json() for content in chapters] for region, chapters in contents.items()}


def rows(contents: Mapping[str, Sequence[Content]], key: str, region: str = PROVINCE) -> pd.DataFrame:
    """The rows of a result."""
    return contents[region][0].entries()[key].estimates.rows


def every_row(contents: Mapping[str, Sequence[Content]]) -> pd.DataFrame:
    """The rows of all results of all editions, with their region (``edition``) and key."""
    frames = [
        entry.estimates.rows.assign(edition=region, key=key)
        for region, chapters in contents.items()
        for content in chapters
        for key, entry in content.entries().items()
    ]
    return pd.concat(frames, ignore_index=True)
