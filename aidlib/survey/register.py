"""Figures of the register: complete counts of dossiers, so their standard error is 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from aidlib.estimate import Design, Estimates, count, stack, total

INFLOW = ("opening", "new", "returned")
OUTFLOW = ("left", "supported", "closed", "closing")
ALL = "all"
MOVES = ("new", "returned", "left")
LEAVES = {"economic": "left", "supported": "supported"}


def on_file(dossiers: pd.DataFrame, on: str, *, by: Sequence[str] = (), unit: str = "households") -> Estimates:
    """Dossiers open at the end of day ``on``, counted by ``by`` with totals; ``unit`` persons counts their members."""
    open_then = dossiers[_open_at(dossiers, pd.Timestamp(on) + pd.DateOffset(days=1))]
    if unit == "persons":
        found = total(open_then, Design.census(), "members", by=list(by), margins=bool(by), base="R")
    else:
        found = count(open_then, Design.census(), by=list(by), margins=bool(by), base="R")
    return replace(found, method="register_count")


def stock(dossiers: pd.DataFrame, years: Sequence[int]) -> pd.DataFrame:
    """The dossiers once for each of ``years`` at whose end they were open, with that ``year``."""
    ends = {int(year): pd.Timestamp(year + 1, 1, 1) for year in years}
    held = [dossiers[_open_at(dossiers, end)].assign(year=year) for year, end in ends.items()]
    return pd.concat(held, ignore_index=True) if held else dossiers.head(0).assign(year=0)


def flow(dossiers: pd.DataFrame, years: int | Sequence[int], *, by: str | None = None) -> Estimates:
    """How the stock of dossiers moved: opening + new + returned = left + supported + closed + closing.

    returned: a filing of a household that had left (economic exit) before; closed: death and administrative ends.
    The total row counts every dossier on file at some time of the year; both sides add up to it exactly. Several years
    are told apart by the domain ``year``; by (a column such as region) has its total "all", the sum of its parts.
    """
    asked = [years] if isinstance(years, int) else list(years)
    again = _came_back(dossiers)
    events = pd.concat([_events(dossiers, again, int(year)) for year in asked], ignore_index=True)
    if by:
        events = pd.concat([events, events.assign(**{by: ALL})], ignore_index=True)
    order = pd.CategoricalDtype([*INFLOW, *OUTFLOW, ALL], ordered=True)
    columns = ([] if isinstance(years, int) else ["year"]) + ([by] if by else [])
    found = count(
        events.assign(component=events["component"].astype(order)),
        Design.census(),
        by=[*columns, "component"],
        base="R",
    )
    margins = _sides(found.rows, columns) + (_parts(found.rows, by) if by else ())
    return replace(found, method="register_flow", kind="change", margins=margins, additive=False)


def register_figures(dossiers: pd.DataFrame, year: int) -> Estimates:
    """The register's figures of ``year`` by region with totals, key column ``figure``: complete counts.

    on_file, on_file_persons: at the end of the year; new, returned, left: files that moved so in the year.
    """
    end = f"{year}-12-31"
    found = {
        "on_file": on_file(dossiers, end, by=["region"]),
        "on_file_persons": on_file(dossiers, end, by=["region"], unit="persons"),
    }
    events = _events(dossiers, _came_back(dossiers), year)
    for move in MOVES:
        moved = events[events["component"] == move]
        found[move] = count(moved, Design.census(), by="region", margins=True, base="R")
    table = stack(found, key="figure")
    return replace(table, rows=table.rows.assign(measure="count"), method="register_count")


def _events(dossiers: pd.DataFrame, again: pd.Series, year: int) -> pd.DataFrame:
    """Every dossier on file in ``year`` three times: how it came, how it went, and as one of all."""
    start, end = pd.Timestamp(year, 1, 1), pd.Timestamp(year + 1, 1, 1)
    during = dossiers[(dossiers["opened"] < end) & ~(dossiers["closed"] < start)].assign(year=year)
    came = pd.Series("new", during.index).mask(again.loc[during.index], "returned")
    came = came.mask(_open_at(during, start), "opening")
    went = during["close_reason"].map(LEAVES).fillna("closed").where(during["closed"] < end, "closing")
    return pd.concat([during.assign(component=c) for c in (came, went, ALL)], ignore_index=True)


def _sides(rows: pd.DataFrame, columns: list[str]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """For each group of ``columns``: its total row with the rows of its inflow, and with those of its outflow."""
    where = rows["component"]
    groups = rows.groupby(columns, sort=False).indices.values() if columns else [rows.index.to_numpy()]
    found = []
    for places in groups:
        at = {where.iloc[place]: int(place) for place in places}
        found += [(at[ALL], tuple(at[c] for c in side if c in at)) for side in (INFLOW, OUTFLOW)]
    return tuple(found)


def _parts(rows: pd.DataFrame, by: str) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Each row of the total of ``by`` with the rows of its parts."""
    others = [c for c in ("year", "component") if c in rows]
    found = []
    for places in rows.groupby(others, sort=False).indices.values():
        total = [int(p) for p in places if rows[by].iloc[p] == ALL]
        parts = tuple(int(p) for p in places if rows[by].iloc[p] != ALL)
        found += [(one, parts) for one in total]
    return tuple(found)


def _open_at(dossiers: pd.DataFrame, moment: pd.Timestamp) -> pd.Series:
    return (dossiers["opened"] < moment) & ~(dossiers["closed"] < moment)


def _came_back(dossiers: pd.DataFrame) -> pd.Series:
    """Filings that follow an economic exit of the same household."""
    ordered = dossiers.sort_values(["household_id", "opened"], kind="stable")
    before = ordered.groupby("household_id")["close_reason"].shift()
    ends = ordered.drop_duplicates("dossier_id", keep="last").set_index("dossier_id")["closed"]  # NaT while open
    former = ordered["previous_dossier_id"]
    known, end = former.isin(ends.index), ends.reindex(former).set_axis(former.index)
    renumbered = former.notna() & before.isna() & (~known | (end <= ordered["opened"]))  # else split off, or a merger
    return (before.eq("economic") | renumbered).reindex(dossiers.index)
