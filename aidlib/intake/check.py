"""Checks across columns: most flag a row and leave it in; what cannot be right at all is kept out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from aidlib.intake.clean import Clean

TOLERANCE = 0.10  # of the yearly income, as the dossier's rule allows
_MYRIAD = 10_000


def check_households(clean: Clean, people: pd.DataFrame | None, outside: int = 0) -> None:
    """Flag households whose figures contradict one another. ``people``: their members, with ``parent`` (row label).

    income_sum: income per head × 12 × members against yearly income; member_incomes: members' wages against the
    household's; size: stated members against member rows; unit_wan and unit_year: the same discrepancy where it looks
    like 万元 for yuan (a factor of 10,000) or a year's figure in a month's column (a factor of 12); interview_year;
    cause_student and cause_widow: a cause that no member bears out.
    """
    rows = clean.rows
    if {"income", "income_year", "members"} <= set(rows):
        ratio = rows["income"] * 12 * rows["members"] / rows["income_year"].where(rows["income_year"] > 0)
        clean.add_doubt("income_sum", (ratio - 1).abs() > TOLERANCE)
        clean.add_doubt("unit_wan", _near(ratio, _MYRIAD) | _near(ratio, 1 / _MYRIAD))
        clean.add_doubt("unit_year", _near(ratio, 12) | _near(ratio, 1 / 12))
    if {"interview_date", "year"} <= set(rows):
        late = rows["interview_date"].notna() & (rows["interview_date"].dt.year != rows["year"])
        clean.add_doubt("interview_year", late)
    if people is None:
        return
    found = people.groupby("parent").size().reindex(rows.index, fill_value=0) + outside
    if "members" in rows:
        clean.add_doubt("size", rows["members"].notna() & (found != rows["members"]) & (found > outside))
    if {"income_month"} <= set(people) and {"wages_year"} <= set(rows):
        wages = people.groupby("parent")["income_month"].sum(min_count=1).reindex(rows.index) * 12
        clean.add_doubt(
            "member_incomes", ((wages / rows["wages_year"].where(rows["wages_year"] > 0)) - 1).abs() > TOLERANCE
        )
    _check_causes(clean, people)


def _check_causes(clean: Clean, people: pd.DataFrame) -> None:
    rows = clean.rows
    if "cause_main" not in rows:
        return
    named = (
        rows["cause_main"].fillna("") + ";" + (rows["cause_secondary"].fillna("") if "cause_secondary" in rows else "")
    )
    if "school" in people:
        student = people["school"].notna() & ~people["school"].isin(["none"])
        clean.add_doubt("cause_student", named.str.contains("schooling") & ~_any(student, people, rows))
    if "marital" in people:
        widowed = people["marital"].eq("widowed")
        clean.add_doubt("cause_widow", named.str.contains("widowhood") & ~_any(widowed, people, rows))


def _any(mask: pd.Series, people: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    return mask.groupby(people["parent"]).any().reindex(rows.index, fill_value=False)


def _near(ratio: pd.Series, factor: float) -> pd.Series:
    return ((ratio / factor - 1).abs() < 0.15).fillna(False)


def check_dossiers(clean: Clean) -> None:
    """A dossier closed before it was opened cannot be right: quarantine."""
    if {"opened", "closed"} <= set(clean.rows):
        clean.add_fault("closed_before_opened", "closed", clean.rows["closed"] < clean.rows["opened"])


def check_aid(clean: Clean, closed: pd.Series) -> None:
    """Flag aid given after its dossier was closed, but for condolences, which those who left may receive.

    ``closed``: last day by dossier_id, missing while on file.
    """
    if "dossier_id" in clean.rows and len(closed):
        day = pd.to_datetime(clean.rows["dossier_id"].map(closed))
        visit = clean.rows["kind"].eq("condolence") if "kind" in clean.rows else False
        clean.add_doubt("aid_after_closing", (clean.rows["date"] > day) & ~(visit | day.isna()))


def check_decisions(clean: Clean) -> None:
    """Flag decisions dated before their application."""
    if {"applied_on", "decided_on"} <= set(clean.rows):
        clean.add_doubt("decided_before_applied", clean.rows["decided_on"] < clean.rows["applied_on"])


def check_people(clean: Clean, said: pd.DataFrame) -> None:
    """Flag members whose sex or birth year is not what the identity number says (``said``: birth_year, sex)."""
    rows = clean.rows
    for name in ("sex", "birth_year"):
        if name in rows:
            differs = rows[name].notna() & said[name].notna() & (rows[name] != said[name])
            clean.add_doubt(f"id_{name}", differs)


def suspect_visits(visits: pd.DataFrame) -> dict[str, pd.Series]:
    """Interviews of interviewers whose work looks made up: a mask by the name of the check.

    visits: interviewer, year, region, income, answers (a hash of the answers). copied_interviews: at least 3 of an
    interviewer's interviews in a wave share their answers with another of his; heaped_interviews: every known income
    of an interviewer with at least 20 is a multiple of 500.
    """
    who = ["interviewer", "year"]
    repeats = visits.duplicated([*who, "answers"], keep=False)
    copied = repeats & (repeats.groupby([visits[c] for c in who]).transform("sum") >= 3)
    heap = (visits["income"] % 500 == 0) | visits["income"].isna()
    by = visits["interviewer"]
    heaped = heap.groupby(by).transform("all") & (visits["income"].notna().groupby(by).transform("sum") >= 20)
    return {"copied_interviews": copied, "heaped_interviews": heaped}


def interviewer_checks(visits: pd.DataFrame, suspect: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Interviews tested and failed by each check of ``suspect_visits``: check, region, rows, failed."""
    found = []
    for name, mask in suspect.items():
        counts = mask.groupby(visits["region"]).agg(rows="size", failed="sum").reset_index()
        found.append(counts.assign(check=name))
    return pd.concat(found, ignore_index=True)
