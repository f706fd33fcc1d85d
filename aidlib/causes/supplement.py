"""The price-linked supplement: months triggered by the rule then in force, its amount, its cost, whom it misses.

    amount per person and month = line * rise of prices, at least the rule's minimum

A month is triggered when one of the rule's price series rose by as much as the rule asks over the same month of the
year before. The rules are dated data (``rules.supplement``); union households outside dibao are not among their groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib import reference, rules
from aidlib.causes.published import figures, growth, series_folder
from aidlib.estimate import Estimates
from aidlib.rules.book import in_force
from aidlib.survey.derive import line_in_force

MONTHS = 12
ROUNDING = 1e-9  # a rise of exactly what the rule asks is enough
FIGURES = ("supplement_months", "supplement_amount")


def supplement_months(
    places: Sequence[str], years: Sequence[int], *, folder: Path | None = None, rule_folder: Path | None = None
) -> pd.DataFrame:
    """One row per place and month: region, month, year, rule, groups, triggered (1, 0), growth, line, amount.

    month: YYYY-MM; groups: whom the rule covers, joined by ";". triggered: missing where no index of that month is
    published or no rule is in force. growth: the rise by which the amount is reckoned, as a fraction, that of the year
    where the month has none. amount: yuan per person and month, 0 where not triggered. folder: of one's own prices and
    lines; rule_folder: of the rules (defaults: the project's).
    """
    months = [f"{year}-{month:02d}" for year in years for month in range(1, MONTHS + 1)]
    grid = pd.DataFrame({"region": np.repeat(list(places), len(months)), "month": months * len(places)}, dtype="str")
    day = pd.to_datetime(grid["month"] + "-01")
    grid = grid.assign(year=day.dt.year, rule="", groups="", triggered=np.nan, growth=np.nan, amount=np.nan)
    grid.insert(7, "line", line_in_force(grid.assign(interview_date=day), series_folder(folder)))
    books = rules.supplements(rule_folder)
    force = [in_force(books, f"{month}-01", place) for place, month in zip(grid["region"], grid["month"], strict=True)]
    asked = {s for rule in books for s in (*rule.growth, *(t.series for t in rule.triggers))}
    by_month, by_year = (
        pd.DataFrame({series: growth(grid["region"], periods, series, folder) for series in sorted(asked)})
        for periods in (grid["month"], grid["month"].str[:4])
    )
    for rule in books:
        mine = grid.index[[found is rule for found in force]]
        grid.loc[mine, "rule"], grid.loc[mine, "groups"] = rule.name, ";".join(rule.groups)
        grid.loc[mine, "triggered"] = _triggered(by_month.loc[mine], rule)
        grid.loc[mine, "growth"] = _growth([by_month.loc[mine], by_year.loc[mine]], rule)
        due = (grid.loc[mine, "line"] * grid.loc[mine, "growth"]).clip(lower=rule.minimum)
        grid.loc[mine, "amount"] = due.where(grid.loc[mine, "triggered"].eq(1), grid.loc[mine, "triggered"])
    return grid


def supplement_figures(
    places: Sequence[str],
    years: Sequence[int],
    figure: str = "supplement_months",
    *,
    folder: Path | None = None,
    rule_folder: Path | None = None,
) -> Estimates:
    """Months triggered, or with figure "supplement_amount" the yuan per person they add up to, by region and year.

    Empty where a month of the year has no index.
    """
    if figure not in FIGURES:
        raise reference.problem("estimate.option", option="figure", allowed=", ".join(FIGURES))
    table = supplement_months(places, years, folder=folder, rule_folder=rule_folder)
    column = {"supplement_months": "triggered", "supplement_amount": "amount"}[figure]
    sums = table.groupby(["region", "year"], sort=False)[column].sum(min_count=MONTHS).rename("estimate").reset_index()
    unit = "number" if figure == "supplement_months" else "yuan/year"
    rows = sums.astype({"year": "str"})
    return figures(rows, domains=("region", "year"), keys=(), measure=figure, unit=unit, method="causes_supplement")


def with_supplement(
    households: pd.DataFrame, *, income: str = "income", folder: Path | None = None, rule_folder: Path | None = None
) -> pd.DataFrame:
    """The households with what the linkage means for each in its region and year.

    supplement_amount: yuan per person and year for those it covers. supplement_missed: 1 for a household on file that
    the rules of the year do not cover, 0 for one that they do, which a survey can tell of households in dibao only;
    missing for others. price_loss: yuan per head by which the purchases of the months triggered cost more than a year
    before, income * growth / (1 + growth) of each month.
    """
    places = sorted(households["region"].dropna().unique())
    years = sorted(int(year) for year in households["year"].dropna().unique())
    table = supplement_months(places, years, folder=folder, rule_folder=rule_folder)
    burden = table["triggered"] * table["growth"] / (1 + table["growth"])
    dibao = (";" + table["groups"] + ";").str.contains(";dibao;", regex=False).astype(float)
    table = table.assign(burden=burden.where(table["triggered"].ne(0), 0.0), dibao=dibao)
    yearly = table.groupby(["region", "year"])
    sums = yearly[["amount", "burden"]].sum(min_count=MONTHS).assign(dibao=yearly["dibao"].max())
    found = households[["region", "year"]].join(sums, on=["region", "year"])
    received = households["dibao_received"]
    outside = (1.0 - received * found["dibao"]).where(received.notna())
    out = households.assign(
        supplement_amount=found["amount"],
        supplement_missed=outside.where(households["frame"].eq("on_file")),
        price_loss=households[income] * found["burden"],
    )
    return _in_yuan(out, households, supplement_amount="yuan/year", price_loss="yuan/year")


def supplement_due(
    dossiers: pd.DataFrame, years: Sequence[int], *, folder: Path | None = None, rule_folder: Path | None = None
) -> pd.DataFrame:
    """The dossiers once for each of ``years``, with ``supplement_due``: yuan if all on file were paid the supplement.

    A dossier counts in the months at whose end it is open, with all its members. Its total by region is the cost of
    opening the linkage to every household on file, those in dibao included.
    """
    places = sorted(dossiers["region"].dropna().unique())
    table = supplement_months(places, years, folder=folder, rule_folder=rule_folder)
    by_month = table.set_index(["month", "region"])["amount"]
    blocks = [dossiers.assign(year=year, supplement_due=_due(dossiers, by_month, year)) for year in years]
    return _in_yuan(pd.concat(blocks, ignore_index=True), dossiers, supplement_due="yuan")


def _due(dossiers: pd.DataFrame, by_month: pd.Series, year: int) -> pd.Series:
    due = pd.Series(0.0, dossiers.index)
    for month in range(1, MONTHS + 1):
        after = pd.Timestamp(year, month, 1) + pd.DateOffset(months=1)
        is_open = dossiers["opened"].lt(after) & ~dossiers["closed"].lt(after)
        due += dossiers["region"].map(by_month.loc[f"{year}-{month:02d}"]).where(is_open, 0.0)
    return due * dossiers["members"]


def _in_yuan(made: pd.DataFrame, of: pd.DataFrame, **units: str) -> pd.DataFrame:
    """The table with the units of its new columns, for ``estimate.unit_of``."""
    made.attrs = of.attrs | {"units": of.attrs.get("units", {}) | units}
    return made


def _triggered(rises: pd.DataFrame, rule: rules.Supplement) -> pd.Series:
    """1 where one of the series rose by what the rule asks, 0 where none did, missing where none is published."""
    asked = pd.Series({trigger.series: trigger.at_least / 100 - ROUNDING for trigger in rule.triggers})
    found = rises[list(asked.index)]
    return found.ge(asked).any(axis=1).astype(float).where(found.notna().any(axis=1))


def _growth(rises: Sequence[pd.DataFrame], rule: rules.Supplement) -> pd.Series:
    """Rise of the first of the rule's series that has one, in the first of the tables (by month, by year) with any."""
    return pd.concat([table[list(rule.growth)] for table in rises], axis=1).bfill(axis=1).iloc[:, 0]
