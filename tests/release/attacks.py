"""What an attack means for people: the intervals of the attacker held against the true numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from aidlib.estimate import Estimates
from aidlib.release import audit
from aidlib.report import Content, Entry
from tests.release.samples import published

PLACE = ["region", "chapter", "entry", "position"]
DUST = 1e-4


def attacked(safe: Mapping[str, Sequence[Content]], exact: Mapping[str, Sequence[Content]]) -> pd.DataFrame:
    """The attacker's intervals of small true numbers of units (1-9), where the attacker is not misled.

    ``true``: the number; ``bare``: whether a total that holds the row is itself a small number, of which the reason for
    withholding it tells (a total of few has parts of fewer, and is no less than the number of its parts).
    """
    frames = [_truth(region, content.name, key, entry.estimates) for region, content, key, entry in _entries(exact)]
    bare = [_bare(region, content.name, key, entry.estimates) for region, content, key, entry in _entries(safe)]
    found = audit(published(safe)).intervals.merge(pd.concat(frames), on=[*PLACE, "quantity"])
    found = found.merge(pd.concat(bare), on=PLACE)
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
    long = true.reset_index(names="position").melt("position", var_name="quantity", value_name="true")
    return long.assign(region=region, chapter=chapter, entry=key)


def _bare(region: str, chapter: str, key: str, estimates: Estimates) -> pd.DataFrame:
    few = estimates.rows["flag"].eq("suppressed").to_numpy()
    bare = few & (estimates.unit == "share")  # the share's own n may be small
    for total, parts in estimates.margins:
        bare[list(parts)] |= few[total]
        bare[total] |= few[total] and few[list(parts)].sum() > 1
    return pd.DataFrame(
        {"position": range(len(bare)), "bare": bare, "region": region, "chapter": chapter, "entry": key}
    )
