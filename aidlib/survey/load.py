"""survey.load: one period and region of a store as a Survey.

A survey holds every column of the data dictionary, all missing where the source lacks it, so that an analysis of an
absent column comes out as rows with n = 0 and the notebook needs no ``if``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design
from aidlib.store import Store
from aidlib.survey.attrition import attrition_weights
from aidlib.survey.derive import derive_households, derive_members, without_contradicted_incomes
from aidlib.survey.shape import within

PERIOD = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?")
NATION = "000000"
PANEL_KEY = ["household_id", "year"]
ATTRITION_COLUMNS = ["region", "frame", "response", "weight", "income_year", "members", "income", "flags"]


@dataclass(frozen=True, eq=False)
class Survey:
    """The tables of a region up to a period.

    households: completed interviews of the last wave; panel: those of all waves; visits: every household that was to be
    interviewed, answered or not; members: persons of the completed interviews; dossiers, aid and decisions: the
    register, a complete count. Money in yuan unless ``units`` says otherwise for a column.
    """

    period: str
    region: str
    households: pd.DataFrame = field(repr=False)
    panel: pd.DataFrame = field(repr=False)
    visits: pd.DataFrame = field(repr=False)
    members: pd.DataFrame = field(repr=False)
    dossiers: pd.DataFrame = field(repr=False)
    aid: pd.DataFrame = field(repr=False)
    decisions: pd.DataFrame = field(repr=False)
    account: pd.DataFrame = field(repr=False)
    checks: pd.DataFrame = field(repr=False)
    manifest: dict = field(repr=False)
    demo: bool = False

    @property
    def waves(self) -> list[int]:
        """Years with at least one completed interview."""
        return sorted(self.panel["year"].unique().tolist())

    @property
    def year(self) -> int:
        """The calendar year of the period."""
        return int(self.period[:4])

    def design(self, unit: str = "households") -> Design:
        """The sampling design for figures that count ``unit``: "households" or "persons" (weight × household size).

        PSUs count as drawn with replacement within strata: second-stage sampling is then inside the variance, which is
        slightly too large where many of a stratum's PSUs were drawn. PSU codes are read within their stratum. What is
        done with a stratum of one PSU is what the source's mapping says (``lonely_psu``), else a Problem.
        """
        weight = {"households": "weight", "persons": "weight_persons"}[unit]
        return Design(
            weight=weight, strata="stratum", psu="psu", nested=True, lonely_psu=self.manifest.get("lonely_psu", "fail")
        )


def load(period: str, region: str = NATION, store: str | Path | None = None) -> Survey:
    """The survey of ``region`` (six-digit code) with all waves up to ``period`` (YYYY, YYYY-Qn or YYYY-MM).

    ``store``: the store's folder; by default $AIDLIB_STORE, else ``data/store`` of the project. Raises Problem for an
    unknown region or period, or where there is no store.
    """
    place = Path(store or os.environ.get("AIDLIB_STORE") or (reference.project_folder() or Path()) / "data" / "store")
    root = reference.project_folder(place) or reference.project_folder()
    own_series = root / "data" / "reference" if root else None
    until = _end(period)
    codes = _codes_within(region, own_series)
    opened = _open(place)
    manifest = opened.manifest()
    units = _units(manifest, "households")
    stored = {name: opened.read(name) for name in reference.dictionary().tables}
    if manifest.get("correct_attrition"):
        stored["households"] = _corrected(stored["households"], yearly=_yearly(units))
    tables = {name: _complete(name, rows, codes, until) for name, rows in stored.items()}
    year = until.year - (until.month == 1)
    visits = derive_households(tables["households"], tables["members"], year, own_series, yearly=_yearly(units))
    visits.attrs["units"] = units
    answered = visits["response"].isna() | visits["response"].eq("complete")
    panel = visits[answered].reset_index(drop=True)
    last = panel["year"].max() if len(panel) else until.year
    return Survey(
        period=period,
        region=region,
        households=panel[panel["year"] == last].reset_index(drop=True),
        panel=panel,
        visits=visits,
        members=derive_members(tables["members"]),
        dossiers=tables["dossiers"],
        aid=tables["aid"],
        decisions=tables["decisions"],
        account=opened.account(),
        checks=_of_region(opened.checks(), codes),
        manifest=manifest,
        demo=bool(manifest.get("demo", False)),
    )


def _end(period: str) -> pd.Timestamp:
    """The first moment after the period."""
    found = PERIOD.fullmatch(period)
    if found is None:
        raise reference.problem("survey.bad_period", period=repr(period[:20]))
    year, quarter, month = found.groups()
    first_month = (int(quarter) - 1) * 3 + 1 if quarter else int(month or 1)
    length = 3 if quarter else 1 if month else 12
    return pd.Timestamp(int(year), first_month, 1) + pd.DateOffset(months=length)


def _codes_within(region: str, folder: Path | None) -> set[str]:
    """The region's code and those of all places inside it."""
    places = reference.regions(folder)
    if region not in set(places["code"]):
        raise reference.problem("survey.unknown_region", region=repr(region[:20]))
    inside, level = {region}, {region}
    while level:
        level = set(places.loc[places["parent"].isin(level), "code"]) - inside
        inside |= level
    return inside


def _units(manifest: dict, table: str) -> dict[str, str]:
    """Units that a source keeps as its own, by column; net and real income have that of income."""
    stem = f"{table}."
    own = {name.removeprefix(stem): unit for name, unit in manifest.get("units", {}).items() if name.startswith(stem)}
    if "income" in own:
        own |= dict.fromkeys(["net_income", "income_real", "net_income_real"], own["income"])
    return own


def _yearly(units: dict[str, str]) -> bool:
    return units.get("income", "").endswith("/year")


def _open(place: Path) -> Store:
    if not place.is_dir():
        raise reference.problem("survey.no_store", path=place.name)
    return Store.open(place)


def _corrected(visits: pd.DataFrame, *, yearly: bool) -> pd.DataFrame:
    """Visits of all waves and regions whose weights repair the loss of the panel."""
    known = visits.reindex(columns=[*PANEL_KEY, *ATTRITION_COLUMNS])
    return visits.assign(weight=attrition_weights(without_contradicted_incomes(known, yearly=yearly)))


def _complete(name: str, rows: pd.DataFrame, codes: set[str], until: pd.Timestamp) -> pd.DataFrame:
    """A table's rows of the region up to ``until``, with every column of the dictionary in its type."""
    table = reference.dictionary().tables[name]
    for column in table.columns.values():
        if column.name not in rows and not column.identifier:
            rows[column.name] = _empty(column, rows.index)
    rows = _inside(rows, codes)
    if "year" in table.columns:
        rows = rows[rows["year"] < until.year + (until.month > 1)]
    dated = {"dossiers": "opened", "aid": "date", "decisions": "applied_on"}.get(name)
    if dated:
        rows = rows[~(rows[dated] >= until)]
    order = [c for c in table.key if c in rows]
    return rows.sort_values(order, kind="stable").reset_index(drop=True)


def _inside(rows: pd.DataFrame, codes: set[str]) -> pd.DataFrame:
    """Rows of the region. Where it cuts through strata, the strata's other rows stay, blank but for their design.

    So the region is a domain and every PSU of its strata stays in the variance.
    """
    inside = rows["region"].isin(codes)
    if not inside.any() and "county" in rows:
        inside = rows["county"].isin(codes)
    if "weight" not in rows or rows["stratum"].isna().all():
        return rows[inside]
    shared = rows["stratum"].isin(rows.loc[inside, "stratum"].dropna().unique())
    kept, mine = rows[inside | shared], inside[inside | shared]
    if mine.all():
        return kept
    return within(kept, mine)


def _empty(column: reference.Column, index: pd.Index) -> pd.Series:
    if column.numeric:
        return pd.Series(np.nan, index)
    if column.type == "date":
        return pd.Series(pd.NaT, index, dtype="datetime64[ns]")
    return pd.Series(None, index, dtype="str")


def _of_region(checks: pd.DataFrame, codes: set[str]) -> pd.DataFrame:
    return checks[checks["region"].isin(codes)].reset_index(drop=True) if "region" in checks else checks
