"""Long and banded forms of a sample, so that several columns or a distribution are one estimate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import unit_of

DESIGN_COLUMNS = {
    "household_id",
    "person_id",
    "year",
    "region",
    "stratum",
    "psu",
    "psu_population",
    "weight",
    "weight_persons",
}


def unfold(sample: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """The sample once for each of ``columns``: column ``name`` says which, column ``value`` holds it.

    Rows keep their design columns, so ``mean(unfold(...), design, "value", by=[name])`` has the same standard errors as
    one mean per column, and their covariance. Results come in the order of ``columns``.
    """
    blocks = [sample.assign(value=sample[column].astype(float)).assign(**{name: column}) for column in columns]
    long = pd.concat(blocks, ignore_index=True)
    long[name] = long[name].astype(pd.CategoricalDtype(list(columns), ordered=True))
    units = {unit_of(sample, column) for column in columns}
    shared = {"value": units.pop()} if len(units) == 1 else {}
    long.attrs = sample.attrs | {"units": sample.attrs.get("units", {}) | shared}
    return long


def bands(sample: pd.DataFrame, column: str, *, width: float, top: float) -> pd.DataFrame:
    """The sample with ``<column>_band``: the lower edge of its band of ``width``, the last band open from ``top`` on.

    Edges are text with two decimals that sort as numbers do (to 99), that of the open band ends in "+"; a missing value
    has no band.
    """
    lower = (np.floor(sample[column].clip(upper=top) / width + 1e-9) * width).clip(lower=0)
    text = lower.map("{:05.2f}".format, na_action="ignore").astype("str")
    return sample.assign(**{f"{column}_band": text.where(lower < top, text + "+")})


def group_by_each(sample: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The sample once for each of ``columns``, with ``group`` saying ``column=value``; a missing value has no group."""
    blocks = [
        sample.assign(group=(f"{name}=" + sample[name].astype("str")).where(sample[name].notna())) for name in columns
    ]
    long = pd.concat(blocks, ignore_index=True)
    return long.assign(group=long["group"].astype(_group_type(sample, columns)))


def membership(sample: pd.DataFrame, columns: Sequence[str], *, keep: Sequence[str] = ()) -> pd.DataFrame:
    """The sample once for each value of each of ``columns``: ``group`` says ``column=value``, ``member`` is 1 or 0.

    ``member`` is missing where the column is, so its mean by ``group`` is the group's share of those with a value. Only
    design columns and those of ``keep`` stay.
    """
    order = _group_type(sample, columns)
    lean = sample[[c for c in sample.columns if c in DESIGN_COLUMNS or c in keep]]
    blocks = []
    for group in order.categories:
        name, _, value = group.partition("=")
        inside = sample[name].astype("str").eq(value).astype(float).where(sample[name].notna())
        blocks.append(lean.assign(group=group, member=inside))
    long = pd.concat(blocks, ignore_index=True) if blocks else lean.head(0).assign(group="", member=0.0)
    return long.assign(group=long["group"].astype(order))


def _group_type(sample: pd.DataFrame, columns: Sequence[str]) -> pd.CategoricalDtype:
    """The groups ``column=value`` in the order of the columns and, within, of their code list."""
    groups = []
    for name in columns:
        found = sample[name].dropna().astype("str").unique()
        listed = [value for value in reference.order(name) or () if value in found]
        groups += [f"{name}={value}" for value in [*listed, *sorted(set(found) - set(listed))]]
    return pd.CategoricalDtype(groups, ordered=True)


def last_two(panel: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The waves before the last and the last, for a change between them; both empty where there is one wave only."""
    waves = np.sort(panel["year"].unique())
    before, after = (waves[-2], waves[-1]) if len(waves) > 1 else (None, None)
    return panel[panel["year"] == before], panel[panel["year"] == after]


def pairs(panel: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Each wave after the first by its year, with the wave before it: {"2025": (wave of 2024, wave of 2025), …}.

    Where there are no two waves, one pair of empty ones, so that an analysis of it comes out empty.
    """
    waves = [(int(year), panel[panel["year"] == year]) for year in np.sort(panel["year"].unique())]
    if len(waves) < 2:
        return {str(waves[0][0] if waves else "none"): (panel.head(0), panel.head(0))}
    return {str(year): (before, after) for (_, before), (year, after) in pairwise(waves)}


def deflated(sample: pd.DataFrame, column: str, *, base: int, series: str, folder: Path | None = None) -> pd.DataFrame:
    """The sample with ``<column>_<series>``: ``column`` at prices of the year ``base`` by a yearly price series.

    series: "cpi", or "basket", the index of what households in hardship buy (the official one for low incomes, or one's
    own), which the user's ``prices.csv`` may hold (``folder``: default data/reference of the project). Missing where no
    series covers a region and year.
    """
    own = folder or ((reference.project_folder() or Path()) / "data" / "reference")
    levels = {place: _level(str(place), base, series, own) for place in sample["region"].dropna().unique()}
    table = pd.concat(levels, names=["region", "year"]) if levels else pd.Series(dtype=float)
    keys = pd.MultiIndex.from_frame(sample[["region", "year"]])
    level = table.reindex(keys).to_numpy(dtype=float) if len(table) else np.full(len(sample), np.nan)
    return _with_unit_of(sample, column, **{f"{column}_{series}": sample[column] / level})


def rigid_per_head(sample: pd.DataFrame) -> pd.DataFrame:
    """The sample with ``rigid_per_head`` = income - net_income, in their unit.

    A household that did not report its rigid spending counts with 0, as in its net income; where nobody was asked, all
    are missing.
    """
    spending = sample["income"] - sample["net_income"]
    if sample["rigid_year"].isna().all():
        spending = spending * np.nan
    return _with_unit_of(sample, "income", rigid_per_head=spending)


def _with_unit_of(sample: pd.DataFrame, column: str, **made: pd.Series) -> pd.DataFrame:
    """The sample with new columns that have the unit of ``column``."""
    out = sample.assign(**made)
    units = sample.attrs.get("units", {}) | dict.fromkeys(made, unit_of(sample, column))
    out.attrs = sample.attrs | {"units": units}
    return out


def _level(region: str, base: int, series: str, folder: Path) -> pd.Series:
    try:
        return reference.price_index(region, base, folder, series)
    except KeyError:
        return pd.Series(dtype=float)


def within(sample: pd.DataFrame, inside: pd.Series) -> pd.DataFrame:
    """The sample with all but the design columns blank outside the domain ``inside``.

    Every PSU of the strata stays in the variance, as it must: dropping rows would understate standard errors.
    """
    blank = [c for c in sample.columns if c not in DESIGN_COLUMNS]
    return sample.assign(**{c: sample[c].where(inside) for c in blank})
