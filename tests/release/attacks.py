"""What an attack means for people: the intervals of the attacker held against the true numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from aidlib.estimate import Estimates
from aidlib.release import audit
from aidlib.report import Content, Entry
from tests.release.samples import PROVINCE, published

PLACE = ["region", "chapter", "entry", "position"]
DUST = 1e-4


def attacked(safe: Mapping[str, Sequence[Content]], exact: Mapping[str, Sequence[Content]]) -> pd.DataFrame:
    """The attacker's intervals of small true numbers of units (1-9), where the attacker is not misled.

    ``true``: the number; ``bare``: whether it belongs to a place, or to a grade of it, that is itself small: the
    reason for withholding its total then tells that parts are fewer, and the parts there are tell that it is no less.
    """
    frames = pd.concat(
        [_truth(region, content.name, key, entry.estimates) for region, content, key, entry in _entries(exact)]
    )
    total = frames[frames["quantity"] == "n"].groupby(["place", "grade"])["true"].max()
    few = set(total.index[total < 10])
    found = audit(published(safe)).intervals.merge(frames, on=[*PLACE, "quantity"])
    cells = list(zip(found["place"], found["grade"], strict=True))
    found["bare"] = [bool({(p, g), (p, "all"), (PROVINCE, g)} & few) for p, g in cells]
    right = (found["low"] <= found["true"] + DUST) & (found["high"] >= found["true"] - DUST)
    return found[right & found["true"].between(1, 9)]


def recovered(found: pd.DataFrame) -> pd.DataFrame:
    """Small numbers of units that the attacker knows exactly."""
    return found[found["high"] - found["low"] < 1 - DUST]


def held(found: pd.DataFrame) -> bool:
    """Whether the interval of every small number contains all of 1 … 9 (of a part of a small total: more than one)."""
    open_ = (found["low"] <= 1 + DUST) & (found["high"] >= 9 - DUST)
    return bool((open_ | (found["bare"] & (found["high"] - found["low"] > 1 - DUST))).all())


def _entries(contents: Mapping[str, Sequence[Content]]) -> Iterator[tuple[str, Content, str, Entry]]:
    for region, chapters in contents.items():
        for content in chapters:
            for key, entry in content.entries().items():
                yield region, content, key, entry


def _truth(region: str, chapter: str, key: str, estimates: Estimates) -> pd.DataFrame:
    rows = estimates.rows
    true = pd.DataFrame({"n": rows["n"]})
    if estimates.unit == "share" and not rows["measure"].str.match("fgt_[12]").any():
        true = true.assign(count=rows["count"], complement=rows["n"] - rows["count"])
    place = rows["region"].mask(rows["region"] == "all", region) if "region" in rows else region
    grade = rows.get("grade", "all")
    true = true.assign(place=place, grade=grade).reset_index(names="position")
    long = true.melt(["position", "place", "grade"], var_name="quantity", value_name="true")
    return long.assign(region=region, chapter=chapter, entry=key)
