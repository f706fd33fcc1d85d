"""Published prices as figures of a report: rises, the hardship basket, standards at constant prices.

None of it comes from a sample: standard errors are 0, and n is 0 since no household stands behind a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Estimates
from aidlib.estimate.estimates import COLUMNS
from aidlib.survey import deflated
from aidlib.survey.derive import line_in_force

SERIES = ("cpi", "food", "basket")
BASKET = "basket"
NATION = "000000"
PAID = {"living": "living_aid", "condolence": "condolence"}  # kind of aid -> standard


def price_growth(
    places: Sequence[str], periods: Sequence[str], *, series: Sequence[str] = SERIES, folder: Path | None = None
) -> Estimates:
    """Rise of prices over a year before, by ``region`` and period, key column ``series``; fractions, as a curve.

    periods: years ("2022") or months ("2022-05"), not both; they come as the domain ``year`` or ``month``. A place
    without a series of its own has that of its province, else of the nation; a month without an index stays empty.
    folder: of one's own ``prices.csv`` (default: data/reference of the project).
    """
    name = "month" if any(len(period) > 4 for period in periods) else "year"
    grid = pd.DataFrame(list(product(places, periods)), columns=["region", name], dtype="str")
    found = {one: growth(grid["region"], grid[name], one, folder) for one in series}
    rows = grid.join(pd.DataFrame(found)).melt(["region", name], var_name="series", value_name="estimate")
    rows = rows.sort_values(["region", name, "series"], key=_listed("series", series))
    return figures(
        rows, domains=("region", name), keys=("series",), measure="price_growth", unit="ratio", kind="curve",
        method="causes_prices",
    )  # fmt: skip


def standards(aid: pd.DataFrame, years: Sequence[int], folder: Path | None = None) -> pd.DataFrame:
    """What is given: standard, region, year, amount (yuan), events, for every region of the register of aid.

    ``line``: the monthly line in force at the end of the year; ``living_aid`` and ``condolence``: the mean amount of an
    aid event of that kind and year, which also moves with the mix of grades. events: how many are behind an amount.
    """
    year = aid["date"].dt.year
    paid = aid[aid["kind"].isin(PAID) & year.isin(list(years))].assign(year=year)
    means = paid.groupby(["kind", "region", "year"])["amount"].agg(amount="mean", events="count").reset_index()
    means = means.assign(standard=means["kind"].map(PAID))
    places = pd.DataFrame(list(product(sorted(aid["region"].dropna().unique()), years)), columns=["region", "year"])
    day = pd.to_datetime(places["year"].astype("str") + "-12-31")
    line = line_in_force(places.assign(interview_date=day), series_folder(folder))
    lines = places.assign(standard="line", amount=line, events=0)
    found = pd.concat([lines, means.sort_values("standard", ascending=False)], ignore_index=True)
    return found[["standard", "region", "year", "amount", "events"]]


def real_standards(amounts: pd.DataFrame, *, base: int, series: str = BASKET, folder: Path | None = None) -> Estimates:
    """What standards buy: their amounts at the prices of ``base``, and that year = 100; by ``year``, key ``standard``.

    amounts: columns ``standard``, ``region`` (whose prices), ``year`` and ``amount`` (yuan), see ``standards``; of
    several regions the mean. n: the fewest ``events`` behind an amount that enters. A standard without an amount in the
    base year has no value. Raises Problem for a standard named twice in a region and year.
    """
    again = int(amounts.duplicated(["standard", "region", "year"]).sum())
    if again:
        raise reference.problem("causes.standard_twice", rows=again)
    real = deflated(amounts, "amount", base=base, series=series, folder=folder)[f"amount_{series}"]
    by_year = amounts.assign(real=real, n=amounts.get("events", 0.0)).groupby(["standard", "year"], sort=False)
    rows = by_year.agg(real=("real", "mean"), n=("n", "min")).reset_index()
    then = rows[rows["year"] == base].set_index("standard")
    rows = rows.assign(
        estimate=rows["real"] / rows["standard"].map(then["real"]) * 100,
        n=np.fmin(rows["n"], rows["standard"].map(then["n"])),
        year=rows["year"].astype("str"),
    )
    rows = rows.sort_values(["year", "standard"], key=_listed("standard", amounts["standard"].unique()))
    return figures(
        rows, domains=("year",), keys=("standard",), measure="real_standard", unit="index", kind="curve",
        method="causes_real_standards",
    )  # fmt: skip


def growth(places: pd.Series, periods: pd.Series, series: str, folder: Path | None = None) -> pd.Series:
    """Rise over a year before of each place and period as a fraction; missing where none is published.

    "basket": one's own series of that name, else food and all else at the basket's shares (see ``reference.baskets``),
    all else being what the CPI of the period leaves or, for a month without a CPI, that of its year.
    """
    own = series_folder(folder)
    table = reference.prices(own)
    published = _published(table, places, periods, series)
    if series != BASKET or table["series"].eq(BASKET).any():
        return published / 100 - 1
    shares = reference.baskets(own)
    food = shares[shares["group"] == "food"].set_index("basket")["share"]
    rest = [_rest(table, places, when, food["cpi"]) for when in (periods, periods.str[:4])]
    dear = _published(table, places, periods, "food")
    return (food["hardship"] * dear + (1 - food["hardship"]) * rest[0].fillna(rest[1])) / 100 - 1


def series_folder(folder: Path | None) -> Path:
    """The folder of one's own prices and lines: ``folder``, else data/reference of the project."""
    return folder or ((reference.project_folder() or Path()) / "data" / "reference")


def figures(
    rows: pd.DataFrame,
    *,
    domains: tuple[str, ...],
    keys: tuple[str, ...],
    measure: str,
    unit: str,
    method: str,
    kind: str = "level",
) -> Estimates:
    """Estimates of published figures: ``rows`` with domain and key columns, ``estimate`` and, where not 0, ``n``."""
    value = rows["estimate"].astype(float).to_numpy()
    same = dict.fromkeys(["low", "high"], value) | {"estimate": value, "se": np.where(np.isnan(value), np.nan, 0.0)}
    n = rows["n"].astype(float).to_numpy() if "n" in rows else 0.0
    same |= {"n": n, "df": np.inf, "count": np.nan, "psus": 0.0, "top1": np.nan, "top2": np.nan}
    flag = np.where(np.isnan(value), "empty", "")
    table = rows[[*domains, *keys]].reset_index(drop=True).assign(measure=measure, **same, flag=flag)
    return Estimates(table[[*domains, *keys, *COLUMNS]], domains, keys, unit=unit, kind=kind, method=method, base="R")


def _listed(column: str, values: Iterable[str]) -> Callable[[pd.Series], pd.Series]:
    """A sort key that takes ``column`` in the order of ``values`` and the others as they are."""
    order = {value: place for place, value in enumerate(values)}
    return lambda found: found.map(order) if found.name == column else found


def _rest(table: pd.DataFrame, places: pd.Series, periods: pd.Series, share: float) -> pd.Series:
    """Index of all but food: what the CPI leaves at food's ``share`` in it."""
    cpi, food = (_published(table, places, periods, name) for name in ("cpi", "food"))
    return (cpi - share * food) / (1 - share)


def _published(table: pd.DataFrame, places: pd.Series, periods: pd.Series, series: str) -> pd.Series:
    """Index (a year before = 100) of the place, else of its province, else of the nation."""
    rows = table[table["series"] == series]
    known = rows["index"].set_axis(rows["region"] + " " + rows["period"])
    out = pd.Series(np.nan, places.index)
    for place in (places, places.str[:2] + "0000", pd.Series(NATION, places.index, dtype="str")):
        out = out.fillna((place + " " + periods).map(known))
    return out
