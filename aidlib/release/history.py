"""What earlier releases of a report say about today's numbers, and the records of today's release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib.release.cells import Cells, entries
from aidlib.release.register import Record, digest
from aidlib.release.rule import SHOWN, Rule
from aidlib.report import Content

NUMBERS = ["estimate", "se", "low", "high", "n"]


@dataclass(frozen=True)
class Past:
    """By cell: shown_n (an earlier release gave this n), shown (it gave the same numbers), withheld (it withheld the
    number of the same units), close (an earlier published n that differs by 1 … threshold-1; else NaN)."""

    shown_n: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    withheld: NDArray[np.bool_]
    close: NDArray[np.float64]


def past(frame: pd.DataFrame, before: Sequence[Record], report: str, period: str, rule: Rule) -> Past:
    """What ``before`` (the register) says about the cells of ``frame``.

    A cell is the same number as an earlier one, also of another region's edition, if report, table, place and row agree
    and, unless the row names its own year, the period.
    """
    now = frame.reset_index(names="row")[["row", "region", "chapter", "entry", "label", "dated", "n", "population"]]
    now["digest"] = [digest(list(map(float, line))) for line in frame[NUMBERS].to_numpy()]
    now["entry"] = now["chapter"] + "/" + now["entry"]
    earlier = _table([record for record in before if record.report == report])
    both = now.merge(earlier, on=["entry", "label"], suffixes=("", "_before"))
    both = both[both["dated"] | (both["period"] == period)]
    apart = (both["n"] - both["n_before"]).abs()
    near = both[(apart >= 1) & (apart < rule.threshold)]
    same_units = both["population"] == both["population_before"]
    elsewhere = (both["region"] != both["region_before"]) & (both["period"] == period)
    kept = both[both["n_before"].isna() & (same_units | elsewhere)]
    given = both[apart == 0]
    same = given[given["digest"] == given["digest_before"]]
    close = near.drop_duplicates("row", keep="last").set_index("row")["n_before"].reindex(frame.index)
    shown_n, shown, withheld = (frame.index.isin(part["row"]) for part in (given, same, kept))
    return Past(shown_n, shown, withheld & ~shown, close.to_numpy(dtype=float))


def records(
    safe: Mapping[str, Sequence[Content]], every: Cells, before: Sequence[Record], report: str, period: str
) -> list[Record]:
    """One record for each table of a region whose numbers differ from the last release of that region."""
    made: list[Record] = []
    for region, chapters in safe.items():
        earlier = [r for r in before if (r.report, r.period, r.region) == (report, period, region)]
        release = max((r.release for r in earlier), default=0) + 1
        fresh = [
            Record(report, period, region, release, f"{chapter}/{entry.key}", entry.estimates.base, population, rows)
            for _, chapter, entry in entries({region: chapters})
            for population, rows in [_rows(entry.estimates.rows, every, (region, chapter, entry.key))]
        ]
        last = {(r.entry, r.population): r.rows for r in earlier if r.release == release - 1}
        if {(r.entry, r.population): r.rows for r in fresh} != last:
            made += fresh
    return made


def _rows(
    rows: pd.DataFrame, every: Cells, place: tuple[str, str, str]
) -> tuple[str, tuple[tuple[str, float | None, str, str], ...]]:
    """The population of a table and its rows as the register keeps them."""
    start = every.starts[place]
    exact = every.frame.iloc[start : start + len(rows)]
    lines = zip(exact["label"], rows["n"], rows["flag"], rows[NUMBERS].to_numpy(), strict=True)
    kept = tuple(
        (label, None if np.isnan(n) else float(n), flag, digest(list(map(float, v)))) for label, n, flag, v in lines
    )
    return (exact["population"].iloc[0] if len(exact) else ""), kept


def _table(before: Sequence[Record]) -> pd.DataFrame:
    """The rows of the records, one line each; withheld and empty ones have no n."""
    lines = [
        (r.region, r.entry, r.period, r.population, label, mark, n if flag in SHOWN else None)
        for r in before
        for label, n, flag, mark in r.rows
    ]
    columns = ["region", "entry", "period", "population", "label", "digest", "n"]
    return pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(columns[:6], "str") | {"n": "float64"})
