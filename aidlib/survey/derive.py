"""Columns that follow from others: incomes per head, net of rigid spending, real values, household flags, the worker.

    income     = income_year / 12 / members                      per head and month
    net_income = (income_year - rigid_year) / 12 / members       the income that grades a household (DOMAIN 1.1)
    net_ratio  = net_income / line

Missing rigid spending counts as 0 and is flagged in ``rigid_year__missing``: a form asks it only of some households.
Where a row states its income by head and by year and the two differ by a factor of 10,000 (万元 for 元) or 12 (a year
for a month), no one can tell from the row which is wrong: neither is used, and both are missing as "contradicted".
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from aidlib import reference

RIGID = ["rigid_medical", "rigid_schooling", "rigid_disability", "rigid_work", "rigid_other"]
LONG_ILLNESS = ["cancer", "heart", "stroke", "uraemia", "mental", "liver", "blood", "diabetes", "lung"]
SEVERE = ["level_1", "level_2"]
ABOVE_JUNIOR = ["senior", "vocational", "college"]
JOBLESS = ["jobless", "laid_off"]
AGES = pd.IntervalIndex.from_breaks([0, 35, 45, 55, 200], closed="left")
ADULT = 18
INCOMES = ["income", "income_year"]
CONTRADICTED = "contradicted"  # the kind of missing value


def derive_households(
    households: pd.DataFrame, members: pd.DataFrame, base_year: int, own_series: Path | None, *, yearly: bool = False
) -> pd.DataFrame:
    """The table with its derived columns; real values at the prices of ``base_year``.

    yearly: the source states incomes per head and line by the year, not by the month.
    """
    frame = without_contradicted_incomes(_design(households), yearly=yearly)
    frame = frame.assign(line=frame["line"].fillna(line_in_force(frame, own_series)))
    frame = frame.assign(**_incomes(frame, 1 if yearly else 12))
    level = price_level(frame, base_year, own_series)
    frame = frame.assign(income_real=frame["income"] / level, net_income_real=frame["net_income"] / level)
    return _from_members(frame, members)


def without_contradicted_incomes(households: pd.DataFrame, *, yearly: bool = False) -> pd.DataFrame:
    """The table with ``income`` and ``income_year`` missing where the import flagged that their units contradict.

    The checks ``unit_wan`` and ``unit_year`` stand in the column ``flags``; where the source states incomes per head by
    the year (``yearly``) a factor of 12 is no contradiction. ``income__missing`` and ``income_year__missing`` say why.
    """
    named = households["flags"] if "flags" in households else pd.Series(None, households.index, dtype="str")
    flag = rf"(?:^|;)unit_(?:{'wan' if yearly else 'wan|year'})(?:;|$)"
    wrong = named.astype("str").str.contains(flag, na=False)
    if not wrong.any():
        return households
    blank = {name: households[name].mask(wrong) for name in INCOMES}
    known = {
        name: households.get(f"{name}__missing", pd.Series(None, households.index, dtype="str")) for name in INCOMES
    }
    why = {f"{name}__missing": known[name].astype("str").mask(wrong, CONTRADICTED) for name in INCOMES}
    return households.assign(**blank, **why)


def derive_members(members: pd.DataFrame) -> pd.DataFrame:
    """Persons with the design columns filled as for their households."""
    return _design(members)


def _design(frame: pd.DataFrame) -> pd.DataFrame:
    """A source without weights, strata or PSUs: equal weights, one stratum, the household as the sampling unit."""
    columns = {
        "weight": frame["weight"].fillna(1.0) if frame["weight"].isna().all() else frame["weight"],
        "stratum": frame["stratum"].fillna("all") if frame["stratum"].isna().all() else frame["stratum"],
        "psu": frame["psu"].fillna(frame["household_id"]),
    }
    if "weight_persons" in frame:
        columns["weight_persons"] = columns["weight"] * frame["members"].fillna(0.0)
    return frame.assign(**columns)


def _incomes(frame: pd.DataFrame, periods: int) -> dict[str, pd.Series]:
    heads = frame["members"] * periods
    parts = frame[RIGID]
    rigid = frame["rigid_year"].fillna(parts.sum(axis=1, min_count=1))
    income = (frame["income_year"] / heads).fillna(frame["income"])
    net = income - (rigid / heads).fillna(0.0)
    kept = frame["rigid_year__missing"] if "rigid_year__missing" in frame else pd.Series(None, frame.index, dtype="str")
    return {
        "rigid_year": rigid,
        "rigid_year__missing": kept.where(rigid.isna()).fillna(pd.Series("not_asked", frame.index).where(rigid.isna())),
        "income": income,
        "net_income": net,
        "net_ratio": net / frame["line"],
        "rigid_share": (rigid / (income * heads)).where(income > 0),
    }


def line_in_force(frame: pd.DataFrame, own_series: Path | None) -> pd.Series:
    """The local line on the interview day (30 September where the day is missing); NaN where none is known."""
    known = reference.lines(own_series)
    known = known[known["region"].isin(frame["region"].unique())].sort_values("valid_from")
    day = frame["interview_date"].fillna(pd.to_datetime(frame["year"].astype(str) + "-09-30"))
    asked = pd.DataFrame({"region": frame["region"], "day": day.astype("datetime64[ns]")}).sort_values(
        "day", kind="stable"
    )
    known = known.assign(valid_from=known["valid_from"].astype("datetime64[ns]"))
    found = pd.merge_asof(
        asked, known[["region", "valid_from", "line"]], left_on="day", right_on="valid_from", by="region"
    )
    return pd.Series(found["line"].to_numpy(), asked.index).reindex(frame.index)


def price_level(frame: pd.DataFrame, base_year: int, own_series: Path | None) -> pd.Series:
    """The consumer price level of each row's region and year, ``base_year`` = 1; NaN where no series covers it."""
    levels = {str(place): _level(str(place), base_year, own_series) for place in frame["region"].unique()}
    table = pd.concat(levels, names=["region", "year"]) if levels else pd.Series(dtype=float)
    keys = pd.MultiIndex.from_frame(frame[["region", "year"]])
    return pd.Series(table.reindex(keys).to_numpy(), frame.index)


def _level(region: str, base_year: int, own_series: Path | None) -> pd.Series:
    try:
        return reference.price_index(region, base_year, own_series)
    except KeyError:
        return pd.Series(dtype=float)


def _from_members(frame: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Household flags and the worker's characteristics, taken from the persons where the household row has none."""
    key = ["household_id", "year"]
    adult_child = members["relation"].eq("child") & (members["age"] >= ADULT)
    earner = members["relation"].isin(["self", "spouse"])
    worker = members["relation"].eq("self")
    flags = members[key].assign(
        has_patient=members["health"].isin(LONG_ILLNESS),
        has_widowed=worker & members["marital"].eq("widowed"),
        has_disabled=members["disability_level"].isin(SEVERE),
        has_student=members["school"].isin(ABOVE_JUNIOR),
        has_jobless_child=adult_child & members["work_status"].isin(JOBLESS),
        has_jobless_earner=earner & members["work_status"].isin(JOBLESS),
    )
    household = flags.groupby(key).any().astype(float)
    workers = _worker_columns(members[worker].drop_duplicates(key).set_index(key))
    joined = frame[key].join(household.join(workers, how="outer"), on=key)
    filled = {c: frame[c].where(frame[c].notna(), joined[c]) for c in joined.columns.difference(key) if c in frame}
    filled["has_widowed"] = pd.concat([filled["has_widowed"], frame["single_parent"]], axis=1).max(axis=1)
    return frame.assign(**filled)


def _worker_columns(worker: pd.DataFrame) -> pd.DataFrame:
    insured = {"uninsured_pension": worker["pension_insurance"], "uninsured_medical": worker["medical_insurance"]}
    return pd.DataFrame(
        {
            "worker_sex": worker["sex"],
            "worker_age": worker["age"],
            "age_band": _age_band(worker["age"]),
            "worker_education": worker["education"],
            "worker_hukou": worker["hukou"],
            "worker_work_status": worker["work_status"],
            "worker_party": worker["politics"].eq("party").astype(float).where(worker["politics"].notna()),
            "industry": worker["industry"],
            "employer_type": worker["employer_type"],
            **{name: 1.0 - value for name, value in insured.items()},
        }
    )


def _age_band(age: pd.Series) -> pd.Series:
    band = pd.Series(AGES.get_indexer(pd.Index(age.fillna(-1))), age.index)
    names = dict(enumerate(["under_35", "35_44", "45_54", "55_plus"]))
    return band.map(names).astype("str").where(band >= 0)
