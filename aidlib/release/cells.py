"""Every number of a report × period as one table of cells, with what makes two of them the same figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib.estimate import Estimates
from aidlib.report import Content, Entry

PLACES = ("county", "region")  # the narrower first
ALL = "all"
DATED = {"year", "time", "month", "quarter", "period", "wave", "from"}
VARIABLE = r"^(\w+)="
SCORES = "alkire_foster"
SAME = 1e-9  # two sums that differ by less, relatively, are one


@dataclass(frozen=True)
class Cells:
    """One row per published number.

    frame: region (of the edition), chapter, entry, label (all that names the row in any edition), dated, population,
    place, labels (domain values beyond the place), keys (key values and measure), base, unit, kind, additive, q, the
    numbers of the row;
    kind_of_sum: how the number adds up ("count": a share of units, "total", "sum": estimate × n, "part": adds to a
    constant, ""); among: the units of whom n are chosen, where their number is a number of the same table;
    composition: a group of rows whose estimates add to 1 (or whose changes add to 0), -1 if none.
    margins: relation, row, sign (a total -1, its parts +1). compositions: relation, row.
    """

    frame: pd.DataFrame
    margins: pd.DataFrame
    compositions: pd.DataFrame
    starts: Mapping[tuple[str, str, str], int] = field(default_factory=dict)


def cells(contents: Mapping[str, Sequence[Content]], period: str) -> Cells:
    """The cells of all editions. The value ``period`` does not tell cells apart: the latest wave is the period's."""
    frames, margins, starts, row = [], [], {}, 0
    groups: list[pd.DataFrame] = []
    for region, chapter, entry in entries(contents):
        starts[region, chapter, entry.key] = row
        found = _compositions(entry.estimates)
        frames.append(_frame(region, chapter, entry, period, found))
        margins += [(np.array([row + t]), row + np.asarray(p, dtype=int)) for t, p in entry.estimates.margins if p]
        groups += [
            pd.DataFrame({"relation": codes, "row": np.arange(len(codes)) + row, "set": len(groups) + i})
            for i, codes in enumerate(found)
        ]
        row += len(entry.estimates.rows)
    frame = pd.concat(frames, ignore_index=True) if frames else _no_cells()
    compositions = _numbered_groups(groups)
    frame["composition"] = compositions.groupby("row")["relation"].first().reindex(frame.index).fillna(-1).astype(int)
    return Cells(frame, _numbered_margins(margins), compositions, starts)


def entries(contents: Mapping[str, Sequence[Content]]) -> Iterator[tuple[str, str, Entry]]:
    """(region, chapter, entry) of every result, in order."""
    for region, chapters in contents.items():
        for content in chapters:
            for entry in content.entries().values():
                yield region, content.name, entry


def _frame(region: str, chapter: str, entry: Entry, period: str, groups: list[NDArray[np.int64]]) -> pd.DataFrame:
    found = entry.estimates
    rows = found.rows
    place = pd.Series(region, rows.index, dtype="str")
    for column in reversed([c for c in PLACES if c in found.domains]):
        place = place.mask(rows[column] != ALL, rows[column])
    others = [c for c in found.domains if c not in PLACES]
    numbers = rows[["estimate", "se", "low", "high", "n", "count", "top1", "top2", "flag", "measure"]]
    return numbers.assign(
        count=_counts(found),
        among=_among(found),
        region=region,
        chapter=chapter,
        entry=entry.key,
        place=place,
        labels=_labels(rows, others, {ALL, period}),
        keys=_labels(rows, [*found.keys, "measure"], set()),
        label=place + ";" + _labels(rows, others, {ALL}) + _labels(rows, [*found.keys, "measure"], set()),
        dated=not DATED.isdisjoint([*found.domains, *found.keys]),
        population=found.population,
        base=found.base,
        unit=found.unit,
        kind=found.kind,
        additive=found.additive,
        q=rows["q"] if "q" in found.keys else "",
        kind_of_sum=_kind_of_sum(found, np.any([codes >= 0 for codes in groups], axis=0)),
    )


def _counts(found: Estimates) -> pd.Series:
    """The count of each row; the adjusted headcount M0 is 0 but for those who are multidimensionally poor (H)."""
    rows = found.rows
    if "component" not in found.keys:
        return rows["count"]
    by = [*found.domains, "measure"]
    of_h = rows["count"].where(rows["component"] == "H").groupby([rows[c] for c in by]).transform("max")
    return rows["count"].where(~(rows["measure"].eq(SCORES) & rows["component"].eq("M0")), of_h)


def _among(found: Estimates) -> pd.Series:
    """For rows about the multidimensionally poor (A and the contributions) the number of units they are among."""
    rows = found.rows
    if "component" not in found.keys:
        return pd.Series(np.nan, rows.index)
    by = [*found.domains, "measure"]
    everyone = rows["n"].where(rows["component"] == "H").groupby([rows[c] for c in by]).transform("max")
    poor = rows["measure"].eq(SCORES) & rows["component"].isin(["A", "contribution", "group_share"])
    return everyone.where(poor)


def _labels(rows: pd.DataFrame, columns: Sequence[str], silent: set[str]) -> pd.Series:
    """``column=value;`` of each column joined; a value in ``silent`` says nothing."""
    text = pd.Series("", rows.index, dtype="str")
    for column in sorted(columns):
        text = text + (f"{column}=" + rows[column] + ";").mask(rows[column].isin(silent), "")
    return text


def _kind_of_sum(found: Estimates, grouped: NDArray[np.bool_]) -> NDArray[np.object_]:
    """How each row's number relates to sums over units (see Cells)."""
    rows = found.rows
    share = found.unit == "share" and found.kind != "change"
    deeper = rows["measure"].str.fullmatch(r"fgt_(?!0$).+").to_numpy()  # a gap, not a share of units
    counted = rows["count"].notna().to_numpy() & ~deeper & share
    summed = rows["measure"].eq("mean").to_numpy() | deeper
    otherwise = np.where(summed & (found.kind != "change"), "sum", np.where(grouped, "part", ""))
    kind = np.where(counted, "count", otherwise).astype(object)
    if found.additive:
        kind[:] = "total"
        kind[np.isclose(rows["estimate"], rows["n"], rtol=SAME, atol=0)] = ""  # a register's count is its own n
    kind[rows["estimate"].isna().to_numpy() & (rows["n"] != 0).to_numpy()] = ""  # of nobody every sum is 0
    if "component" in found.keys:
        kind[(rows["measure"].eq(SCORES) & rows["component"].eq("contribution")).to_numpy()] = ""  # see links.poor
    return kind


def _compositions(found: Estimates) -> list[NDArray[np.int64]]:
    """For each column each row's group among rows that differ in it alone and add up to 1 (changes: to 0), or -1."""
    rows, constant = found.rows, 0.0 if found.kind == "change" else 1.0
    columns = [*found.domains, *found.keys]
    groups = [np.full(len(rows), -1)]
    if found.unit not in ("share", "pp", "ratio"):
        return groups
    codes = rows[[*columns, "measure"]].apply(lambda column: pd.factorize(column)[0])
    estimate = rows["estimate"].to_numpy()
    for column in reversed(columns):
        inside = np.flatnonzero((rows[column] != ALL).to_numpy())
        variable = pd.factorize(rows[column].str.extract(VARIABLE, expand=False))[
            0
        ]  # "education=college" is one of several
        others = codes.drop(columns=column).assign(variable=variable).to_numpy()[inside]
        _, group = np.unique(others, axis=0, return_inverse=True)
        size, total = np.bincount(group), np.bincount(group, weights=estimate[inside])
        adds = (size > 1) & (np.abs(total - constant) < SAME)  # a missing estimate makes the total missing
        groups.append(np.full(len(rows), -1))
        groups[-1][inside] = np.where(adds[group], group, -1)
    return groups


def _numbered_groups(groups: list[pd.DataFrame]) -> pd.DataFrame:
    joined = pd.concat(groups, ignore_index=True) if groups else pd.DataFrame({"relation": [], "row": [], "set": []})
    joined = joined[joined["relation"] >= 0].astype(int)
    relation = joined.groupby(["set", "relation"], sort=False).ngroup()
    return pd.DataFrame({"relation": relation.to_numpy(), "row": joined["row"].to_numpy()})


def _numbered_margins(margins: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> pd.DataFrame:
    sizes = [1 + len(parts) for _, parts in margins]
    rows = np.concatenate([np.concatenate(pair) for pair in margins]) if margins else np.zeros(0, int)
    signs = np.ones(len(rows))
    signs[np.cumsum([0, *sizes[:-1]])[: len(margins)]] = -1.0
    return pd.DataFrame({"relation": np.repeat(np.arange(len(margins)), sizes), "row": rows, "sign": signs})


def _no_cells() -> pd.DataFrame:
    texts = [
        "region",
        "chapter",
        "entry",
        "place",
        "labels",
        "keys",
        "base",
        "unit",
        "kind",
        "q",
        "kind_of_sum",
        "flag",
        "measure",
    ]
    numbers = ["estimate", "n", "count", "among", "top1", "top2", "se", "low", "high"]
    empty = {c: pd.Series(dtype="str") for c in texts} | {c: pd.Series(dtype="float64") for c in numbers}
    return pd.DataFrame(empty).assign(additive=pd.Series(dtype="bool"), dated=pd.Series(dtype="bool"))
