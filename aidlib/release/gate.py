"""protect: exact numbers in, publishable numbers out, for all editions of a report × period together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.release.audit import Findings, audit
from aidlib.release.cells import Cells, cells
from aidlib.release.digits import coarse
from aidlib.release.history import Past, past, records
from aidlib.release.register import Register
from aidlib.release.rule import Rule, reasons
from aidlib.release.suppress import Need, Shown, needs, secondary
from aidlib.release.system import System, system
from aidlib.report import Content, Entry

WITHHELD = ["estimate", "se", "low", "high", "n", "df"]
INTERNAL = ["count", "psus", "top1", "top2"]
PROTECTING = "complementary"
NAMED = 5  # places that a message names
DUST = 1e-4  # relative: solutions of a linear programme


@dataclass(frozen=True)
class Decision:
    """For every cell its published flag; the system, and what must stay open in it; what cannot be protected."""

    flags: NDArray[np.object_]
    system: System
    need: Need
    unprotected: NDArray[np.int64]


def protect(
    contents: Mapping[str, Sequence[Content]],
    register: Register,
    *,
    report: str,
    period: str,
    rule: Rule | None = None,
) -> dict[str, list[Content]]:
    """``contents`` (region -> chapters of its edition) as they may be published.

    A withheld row has no numbers and its reason as flag: "suppressed" (few units, or a telling share), "dominance", or
    "complementary" (it would give another one away). count, psus, top1, top2, covariance and population are blank in
    every row. What the register says was published or withheld earlier is part of the problem: what a reader has can
    protect nothing, a number withheld for the same units stays withheld, and one whose n differs from an earlier one by
    1 … threshold-1 is withheld. The result is attacked by ``audit`` and then added to the register; what is returned
    tells it with no more digits than may be told (``digits.coarse``).
    Raises Problem, and adds nothing, where a number cannot be protected or the attack succeeds.
    """
    rule = rule or Rule()
    every = cells(contents, period)
    return coarse(settled(contents, every, register, report=report, period=period, rule=rule), every, rule)


def settled(
    contents: Mapping[str, Sequence[Content]], every: Cells, register: Register, *, report: str, period: str, rule: Rule
) -> dict[str, list[Content]]:
    """``contents`` without what must be withheld, attacked and recorded, with all digits of the rest (see protect)."""
    if not len(every.frame):
        return {region: list(chapters) for region, chapters in contents.items()}
    with register.held():
        before = register.read()
        decision = decide(every, past(every.frame, before, report, period, rule), rule)
        if len(decision.unprotected):
            raise reference.problem("release.unprotected", places=places(every.frame.iloc[decision.unprotected]))
        safe = withhold(contents, every, decision)
        published = {region: [content.to_json() for content in chapters] for region, chapters in safe.items()}
        findings = audit(published, rule.threshold)
        if len(findings.contradictory):
            raise reference.problem("release.contradictory", places=places(findings.contradictory))
        broken = judge(findings, every.frame, decision, rule)
        if len(broken):
            raise reference.problem("release.broken", places=places(broken))
        register.append(records(safe, every, before, report, period))
    return safe


def decide(every: Cells, earlier: Past, rule: Rule) -> Decision:
    """What is withheld and why: for its own sake, by what was released earlier, and to protect the rest."""
    reason = reasons(every.frame, every.margins, rule)
    hidden = (reason != "") | earlier.withheld | np.isfinite(earlier.close)
    found = system(every)
    need = needs(every, found, reason, earlier.close, rule)
    unprotected = secondary(found, need, hidden, Shown(earlier.shown_n, earlier.shown))
    flags = np.where(hidden & (reason == ""), PROTECTING, np.where(hidden, reason, every.frame["flag"])).astype(object)
    open_cells = np.isin(found.n, unprotected) | np.isin(found.m, unprotected)
    return Decision(flags, found, need, np.flatnonzero(open_cells))


def judge(findings: Findings, frame: pd.DataFrame, decision: Decision, rule: Rule) -> pd.DataFrame:
    """Cells of which the attack knows more than it may; an attacker misled (the truth outside) does no harm."""
    found, need = decision.system, decision.need
    if not len(found.value):
        return frame.iloc[:0]
    kind = np.where(found.m >= 0, found.kind[found.m], "")
    names = ["region", "chapter", "entry", "position"]
    cell = frame[names[:3]].assign(position=frame.groupby(names[:3], sort=False).cumcount(), cell=frame.index)
    intervals = findings.intervals.merge(cell, on=names)
    at, quantity = intervals["cell"].to_numpy(dtype=int), intervals["quantity"].to_numpy()
    unknown = np.where(quantity == "n", found.n[at], np.where(quantity == kind[at], found.m[at], -1))
    unknown = np.where((quantity == "complement") & (kind[at] == "count"), found.complement[found.m[at]], unknown)
    known, unknown = unknown >= 0, np.maximum(unknown, 0)
    value = found.value[unknown]
    dust = DUST * np.maximum(np.abs(value), 1)
    low, high = intervals["low"].to_numpy(), intervals["high"].to_numpy()
    needed = (need.down[unknown] > 0) | (need.up[unknown] > 0)
    highest = value + need.up[unknown]
    units = np.isin(quantity, ["n", "count", "complement"]) & (value < rule.threshold)
    highest = np.where(units, np.minimum(highest, rule.threshold - 1), highest)
    tight = (low > value - need.down[unknown] + dust) | (high < highest - dust)
    right = (low <= value + dust) & (high >= value - dust)
    return intervals[known & needed & tight & right]


def places(rows: pd.DataFrame) -> str:
    """The first few tables that ``rows`` stand in, for a message: region chapter.entry."""
    named = (rows["region"] + " " + rows["chapter"] + "." + rows["entry"]).drop_duplicates().tolist()
    return ", ".join(named[:NAMED]) + (" …" if len(named) > NAMED else "")


def withhold(contents: Mapping[str, Sequence[Content]], every: Cells, decision: Decision) -> dict[str, list[Content]]:
    """``contents`` with the numbers of the withheld rows, and the internal columns of all rows, blank."""
    return {
        region: [_safe(region, each, every, decision) for each in chapters] for region, chapters in contents.items()
    }


def _safe(region: str, content: Content, every: Cells, decision: Decision) -> Content:
    items = [
        _safe_entry(item, decision.flags[every.starts[region, content.name, item.key] :])
        if isinstance(item, Entry)
        else item
        for item in content.items
    ]
    return replace(content, items=tuple(items))


def _safe_entry(entry: Entry, flags: NDArray[np.object_]) -> Entry:
    found = entry.estimates
    rows = found.rows.copy()
    flag = pd.Series(flags[: len(rows)], rows.index, dtype="str")
    rows.loc[~flag.isin(["", "care", "empty"]), WITHHELD] = np.nan
    rows[INTERNAL] = np.nan
    rows["flag"] = flag
    safe = replace(found, rows=rows, covariance=None, population="", _influence=None)
    return replace(entry, estimates=safe)
