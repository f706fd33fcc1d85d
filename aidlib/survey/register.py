"""Figures of the register: complete counts of dossiers, so their standard error is 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from aidlib.estimate import Design, Estimates, count, total

INFLOW = ("opening", "new", "returned")
OUTFLOW = ("left", "supported", "closed", "closing")
LEAVES = {"economic": "left", "supported": "supported"}


def on_file(dossiers: pd.DataFrame, on: str, *, by: Sequence[str] = (), unit: str = "households") -> Estimates:
    """Dossiers open at the end of day ``on``, counted by ``by`` with totals; ``unit`` persons counts their members."""
    open_then = dossiers[_open_at(dossiers, pd.Timestamp(on) + pd.DateOffset(days=1))]
    if unit == "persons":
        found = total(open_then, Design.census(), "members", by=list(by), margins=bool(by), base="R")
    else:
        found = count(open_then, Design.census(), by=list(by), margins=bool(by), base="R")
    return replace(found, method="register_count")


def flow(dossiers: pd.DataFrame, year: int) -> Estimates:
    """How the stock of dossiers moved in ``year``: opening + new + returned = left + supported + closed + closing.

    returned: a filing of a household that had left (economic exit) before; closed: death and administrative ends.
    The total row counts every dossier on file at some time of the year; both sides add up to it exactly.
    """
    start, end = pd.Timestamp(year, 1, 1), pd.Timestamp(year + 1, 1, 1)
    during = dossiers[(dossiers["opened"] < end) & ~(dossiers["closed"] < start)]
    before = _open_at(during, start)
    came = (
        pd.Series("new", during.index).mask(_came_back(dossiers).loc[during.index], "returned").mask(before, "opening")
    )
    ended = during["closed"] < end
    went = during["close_reason"].map(LEAVES).fillna("closed").where(ended, "closing")
    events = pd.concat([during.assign(component=came), during.assign(component=went), during.assign(component="all")])
    order = pd.CategoricalDtype([*INFLOW, *OUTFLOW, "all"], ordered=True)
    found = count(
        events.assign(component=events["component"].astype(order)), Design.census(), by=["component"], base="R"
    )
    position = {value: i for i, value in enumerate(found.rows["component"].astype(str))}
    sides = tuple((position["all"], tuple(position[c] for c in side if c in position)) for side in (INFLOW, OUTFLOW))
    return replace(found, method="register_flow", kind="change", margins=sides, additive=False)


def _open_at(dossiers: pd.DataFrame, moment: pd.Timestamp) -> pd.Series:
    return (dossiers["opened"] < moment) & ~(dossiers["closed"] < moment)


def _came_back(dossiers: pd.DataFrame) -> pd.Series:
    """Filings that follow an economic exit of the same household."""
    ordered = dossiers.sort_values(["household_id", "opened"], kind="stable")
    before = ordered.groupby("household_id")["close_reason"].shift()
    renumbered = ordered["previous_dossier_id"].notna() & before.isna()
    return (before.eq("economic") | renumbered).reindex(dossiers.index)
