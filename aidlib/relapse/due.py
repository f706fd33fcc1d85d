"""Who is due for a visit: the risk of coming back, the time since the last contact, and how many visits there are.

The rule is this project's own, chosen to be read at a glance; no decree prescribes it, and every number of it is a
parameter of ``VisitRule``. It says whom to visit first. It says nothing about who gets aid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.sampling import Floats, Ints, finite
from aidlib.poverty.parts import beside
from aidlib.relapse.dossiers import dossier_spells
from aidlib.relapse.exits import known_at_exit
from aidlib.relapse.follow_up import Diary, caseload, day_of, named, visits
from aidlib.relapse.requirements import column, dates
from aidlib.relapse.risk_model import BANDS, FittedRisk
from aidlib.relapse.scored import scored

MONTH = 365.25 / 12  # days
DEEP = "deep"


@dataclass(frozen=True)
class VisitRule:
    """How soon a household is to be seen again, by its band of risk; defaults of this project, no official rule.

    All by band, low first. intervals: days between contacts. risks: probability of return within a year from which a
    household is in the middle and in the high band (``cuts`` of a fitted risk model serve). ratios: where no risk is
    known, the net income at exit over two lines below which a household is in high, and up to which it is in middle.
    usual: the risk that stands for a band where none is known. years: an exit longer ago calls for no visit. late: so
    many days beyond its interval a household is overdue.

    A household that left has the band of its risk, else of its ratio, else middle. One on file has no risk of return:
    deep hardship counts as high, other grades as middle.
    """

    intervals: tuple[int, int, int] = (540, 365, 180)
    risks: tuple[float, float] = (0.10, 0.20)
    ratios: tuple[float, float] = (1.2, 1.8)
    usual: tuple[float, float, float] = (0.05, 0.10, 0.20)
    years: float = 3.0
    late: int = 90

    @classmethod
    def of(cls, fitted: FittedRisk | None) -> VisitRule:
        """The rule with the bands of a risk model (None: its own); Problem for one whose horizon is not a year."""
        if fitted is None:
            return cls()
        if fitted.model.horizon != 1:
            raise reference.problem("relapse.visit_horizon", years=fitted.model.horizon)
        return cls(risks=fitted.cuts)


def due_cases(
    dossiers: pd.DataFrame,
    aid: pd.DataFrame,
    *,
    on: str,
    risk: pd.DataFrame | None = None,
    rule: VisitRule | None = None,
) -> pd.DataFrame:
    """The households on file at the end of day ``on``, or left within the rule's years, with what a visit depends on.

    Beside the columns of ``caseload``: last_contact (the latest of visit, re-certification, opening and exit) and
    ``days`` since; risk_band; priority = risk × months since the last contact; due, due_lately and overdue, 0 or 1.
    risk: household_id with ``risk`` (probability of return within a year) or ``exit_ratio`` (net income at exit over
    two lines), or both; only that of households that left counts. With ``exit_date``, as in ``known_at_exit``, each
    household's last exit by that day is taken. A risk must have been worked out from what was known on that day; the
    register is read so. Raises Problem for risks outside 0–1 and for households given twice.
    """
    chosen = rule or VisitRule()
    return _assessed(caseload(dossiers, on, left=round(12 * chosen.years)), aid, on, risk, chosen)


def plan_visits(
    dossiers: pd.DataFrame,
    aid: pd.DataFrame,
    panel: pd.DataFrame,
    decisions: pd.DataFrame,
    *,
    on: str,
    capacity: int,
    fitted: FittedRisk | None = None,
) -> pd.DataFrame:
    """The ``visit_list`` of day ``on`` from the tables of a survey: by a risk model or, without one, by rule."""
    exits = known_at_exit(dossier_spells(dossiers, until=on), panel, decisions, until=on)
    cases = due_cases(dossiers, aid, on=on, risk=scored(exits, fitted), rule=VisitRule.of(fitted))
    return visit_list(cases, capacity)


def visit_bands(table: pd.DataFrame, rule: VisitRule | None = None) -> pd.Series:
    """The band of risk (low, middle, high) of households that left, from their ``risk`` or else ``exit_ratio``.

    Either column may be absent; middle where neither has a value.

    >>> import pandas as pd
    >>> visit_bands(pd.DataFrame({"risk": [0.05, 0.2, None, None], "exit_ratio": [1, 1, 1.1, None]})).tolist()
    ['low', 'high', 'high', 'middle']
    """
    chosen = rule or VisitRule()
    risk, ratio = (_numbers(table, name) for name in ("risk", "exit_ratio"))
    outside = int(((risk < 0) | (risk > 1)).sum())
    if outside:
        raise reference.problem("relapse.risk_range", column="risk", rows=outside)
    by_ratio = np.select([ratio < chosen.ratios[0], ratio > chosen.ratios[1]], [2, 0], 1)
    code = np.where(np.isnan(risk), by_ratio, np.searchsorted(np.array(chosen.risks), risk, side="right"))
    return pd.Series(pd.Categorical.from_codes(code, pd.Index(BANDS), ordered=True), index=table.index)


def visit_list(cases: pd.DataFrame, capacity: int | None = None) -> pd.DataFrame:
    """The due households of ``due_cases`` by priority, the highest first, and of these the first ``capacity``.

    Ties go to the longer time without contact, then by household number.
    """
    if capacity is not None and capacity < 0:
        raise reference.problem("relapse.capacity")
    listed = cases[cases["due"] == 1].sort_values(
        ["priority", "days", "household_id"], ascending=[False, False, True], kind="stable", ignore_index=True
    )
    return listed if capacity is None else listed.head(capacity)


def due(cases: pd.DataFrame, *, by: str | Sequence[str] | None = ("risk_band", "region")) -> Estimates:
    """Households due for a visit, with totals; key column ``component``: due, and of these overdue and due_lately.

    cases: of ``due_cases``. A complete count of the register; n: the households looked after.
    """
    study = Study.of(cases, Design.census(), by=by, margins=by is not None, base="R")
    members = study.members()
    flags = [members.at(study.flag(name)) for name in ("due", "overdue", "due_lately")]
    found = study.estimates(
        beside([study.total(members, flag) for flag in flags]),
        measure="count",
        unit="households",
        method="relapse_due",
        keys=pd.DataFrame({"component": ["due", "overdue", "due_lately"]}, dtype="str"),
        count=np.stack([members.sum(flag) for flag in flags], axis=1).ravel(),
        additive=True,
    )
    parts = tuple((row, (row + 1, row + 2)) for row in range(0, len(found.rows), 3))
    return named(replace(found, margins=found.margins + parts), "count", "relapse_due")


def monitor(
    dossiers: pd.DataFrame,
    aid: pd.DataFrame,
    *,
    on: str,
    until: str,
    capacity: float,
    risk: pd.DataFrame | None = None,
    rule: VisitRule | None = None,
    months: int = 12,
    by: str | Sequence[str] | None = "risk_band",
) -> Estimates:
    """How well the list of day ``on`` met those who came back in the ``months`` after it; key column ``figure``.

    precision: share of the listed households that returned; recall: share of those that returned that were listed;
    base_rate: share that returned of all households that had left by then. Only households that had left can return,
    so those on file take their places on the list but are not counted; households that left longer ago than the rule
    looks back, or were seen lately, count among those that the list missed. The list uses nothing that came after
    ``on``; so must ``risk``. capacity: households a list, or below 1 the share of those looked after (on file, or left
    in the rule's years). until: the last day that the register tells of. Raises Problem where the months after ``on``
    are not over by then.
    """
    end = pd.Timestamp(on) + pd.DateOffset(months=months)
    if end > pd.Timestamp(until):
        raise reference.problem("relapse.follow_up_short", on=str(on)[:10], until=str(until)[:10], months=months)
    chosen = rule or VisitRule()
    cases = _assessed(caseload(dossiers, on, left=None), aid, on, risk, chosen)
    room = capacity if capacity >= 1 else capacity * len(caseload(dossiers, on, left=round(12 * chosen.years)))
    listed = cases["household_id"].isin(visit_list(cases, round(room))["household_id"])
    left = cases["position"].eq("left")
    again = dossiers["opened"].gt(pd.Timestamp(on)) & dossiers["opened"].le(end)
    returned = cases["household_id"].isin(dossiers.loc[again, "household_id"])
    watched = cases.assign(listed=listed.astype(np.float64), returned=returned.astype(np.float64))[left]
    return _hits(watched.reset_index(drop=True), by)


def _hits(watched: pd.DataFrame, by: str | Sequence[str] | None) -> Estimates:
    study = Study.of(watched, Design.census(), by=by, margins=by is not None, base="R")
    members = study.members()
    listed, returned = (members.at(study.flag(name)) for name in ("listed", "returned"))
    pairs = [(listed * returned, listed), (listed * returned, returned), (returned, np.ones_like(returned))]
    found = study.estimates(
        beside([study.mean(members, above, below) for above, below in pairs]),
        measure="hits",
        unit="share",
        method="relapse_monitor",
        keys=pd.DataFrame({"figure": ["precision", "recall", "base_rate"]}, dtype="str"),
        n=np.stack([members.sum(below) for _, below in pairs], axis=1).ravel(),
        count=np.stack([members.sum(above) for above, _ in pairs], axis=1).ravel(),
    )
    return named(found, "hits", "relapse_monitor")


def _assessed(
    cases: pd.DataFrame, aid: pd.DataFrame, on: str, risk: pd.DataFrame | None, rule: VisitRule
) -> pd.DataFrame:
    today = pd.Timestamp(on).normalize()
    last = _last_contact(cases, aid, today)
    days = (today - last).dt.days.to_numpy(dtype=np.float64)
    code, score = _bands(cases, risk, today, rule)
    waited = days - np.array(rule.intervals)[code]
    lately = cases["position"].eq("on_file") | (cases["since"] > today - pd.DateOffset(months=round(12 * rule.years)))
    is_due = (waited > 0) & lately.to_numpy()
    overdue = is_due & (waited > rule.late)
    return cases.assign(
        last_contact=last,
        days=days,
        risk_band=pd.Categorical.from_codes(code, pd.Index(BANDS), ordered=True),
        priority=score * days / MONTH,
        due=is_due.astype(np.float64),
        due_lately=(is_due & ~overdue).astype(np.float64),
        overdue=overdue.astype(np.float64),
    )


def _last_contact(cases: pd.DataFrame, aid: pd.DataFrame, today: pd.Timestamp) -> pd.Series:
    """The latest of visit, re-certification, and opening or exit; all of them known by ``today``."""
    until = np.full(len(cases), day_of(today))
    day = Diary.of(visits(aid)).last(cases["household_id"], until)
    seen = pd.to_datetime(pd.Series(day, index=cases.index), unit="D")
    return pd.concat([cases["since"], cases["recertified"], seen], axis=1).max(axis=1)


def _bands(cases: pd.DataFrame, risk: pd.DataFrame | None, today: pd.Timestamp, rule: VisitRule) -> tuple[Ints, Floats]:
    """Place in ``BANDS`` and the risk that counts, of each household."""
    given = _given(cases, risk, today)
    left = cases["position"].eq("left").to_numpy()
    by_grade = np.where(cases["recorded_grade"].eq(DEEP), 2, 1)
    code = np.where(left, visit_bands(given, rule).cat.codes, by_grade)
    known = _numbers(given, "risk")
    return code, np.where(left & np.isfinite(known), known, np.array(rule.usual)[code])


def _given(cases: pd.DataFrame, risk: pd.DataFrame | None, today: pd.Timestamp) -> pd.DataFrame:
    """The columns ``risk`` and ``exit_ratio`` at the households, as far as the table has them."""
    if risk is None:
        return pd.DataFrame(index=cases.index)
    if "exit_date" in risk:
        exits = risk[dates(risk, "exit_date") <= today].sort_values("exit_date", kind="stable")
        risk = exits.drop_duplicates("household_id", keep="last")
    twice = int(column(risk, "household_id").duplicated().sum())
    if twice:
        raise reference.problem("relapse.risk_twice", column="household_id", rows=twice)
    known = risk.set_index("household_id")[[name for name in ("risk", "exit_ratio") if name in risk]]
    return known.reindex(cases["household_id"]).set_axis(cases.index)


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    return finite(table, name) if name in table else np.full(len(table), np.nan)
