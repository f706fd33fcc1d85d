"""The lists beside the survey: the register of files, aid and condolence payments, applications and decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from aidlib.demo.columns import Text, coded, dates, day_in, joined, numbers, padded, where, words
from aidlib.demo.files import Files, household_numbers, numbers_in
from aidlib.demo.parameters import CITY_NAMES, FACTORS, FIRST, GRADES, LAST, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.population import systematic
from aidlib.demo.register import CLOSED, DEAD, LEFT, ON_FILE, SUPPORTED, Register
from aidlib.demo.streams import pick, stream
from aidlib.demo.survey_rows import Sample, cause_texts, psu_names, stratum_names
from aidlib.demo.units import NEAR

FESTIVALS = (
    "2018-02-16",
    "2019-02-05",
    "2020-01-25",
    "2021-02-12",
    "2022-02-01",
    "2023-01-22",
    "2024-02-10",
    "2025-01-29",
)
FUNDS = ("central", "province", "local", "union", "donation")
KINDS = ("living", "medical", "schooling", "condolence")
OCCASIONS = ("none", "autumn_school", "spring_festival")
APPLICATIONS = ("new", "review", "exit", "return")
STEPS = ("publicised", "matching", "final")
REASONS = ("income", "assets", "documents", "objection")
FRONT_LINE, APPLICANTS = 5_000_000, 6_000_000  # household numbers of those outside register and sample


@dataclass(eq=False)
class Listed:
    """Rows of a list as columns of text, with the city of every row; for aid also the day its file was closed."""

    columns: dict[str, Text]
    city: np.ndarray
    facts: dict[str, np.ndarray]


def register_rows(p: Parameters, places: Places, register: Register, files: Files, seed: int) -> Listed:
    """One row per filing."""
    rng = stream(seed, "register-rows")
    home, n = register.home, len(register.home)
    psu = register.psu[home]
    current = register.closed == 0
    last = np.where(current, LAST, np.maximum(register.closed - 1, FIRST)) - FIRST
    accident, r = files.accident[home, last], files.r[home, last]
    accident = np.where(current, accident, register.accident[home])
    grade = np.where(accident, 2, np.where((r < 1) & (current | (register.closed > FIRST)), 0, 1))
    stale = rng.random(n) < p.uncertified
    checked = np.where(current, LAST - stale, np.maximum(register.closed - 1, register.opened))
    day = day_in(rng, checked, (9, 1), 60)
    day = np.where(day < files.opened, files.opened, day)
    line = places.line[files.city[home], YEARS.index(2024)]
    fails = (files.audit >= 2) & ~register.accident[home]
    audit = np.where(files.audited, fails.astype(int), 2)
    status = np.select([current & (register.order > 0), current, register.reason == LEFT], [3, 0, 1], 2)
    reason = np.select([register.reason == k for k in (LEFT, SUPPORTED, DEAD, CLOSED)], [0, 1, 2, 3], -1)
    columns = {
        "dossier_id": files.filing_dossier,
        "household_id": files.household.take(pa.array(home)),
        **_place(places, psu),
        "stratum": stratum_names(places.stratum[psu]),
        "psu": psu_names(places, psu),
        "opened": dates(files.opened),
        "closed": dates(files.closed),
        "close_reason": coded(reason, ("economic", "supported", "death", "administrative"), "close_reason"),
        "status": coded(status, ("on_file", "left", "closed", "returned"), "status"),
        "level": coded(pick(rng, [0.35, 0.15, 0.3, 0.2], n), ("national", "province", "city", "county"), "file_level"),
        "recorded_grade": coded(grade, GRADES, "grade"),
        **{k: v for k, v in cause_texts(files.main[home], files.second[home]).items() if k != "cause_text"},
        "members": numbers(files.size[home]),
        "previous_dossier_id": files.former,
        "recertified": dates(day),
        "assets_audit": coded(audit, ("passed", "failed", "not_done"), "audit"),
        "audited_net_income": where(files.audited, numbers(files.audit * line), None),
    }  # fmt: skip
    facts = {"grade": grade, "psu": psu, "fails": np.where(files.audited, fails, -1)}
    return Listed(columns, files.city[home], facts)


def _place(places: Places, psu: np.ndarray) -> dict[str, Text]:
    return {
        "region": words(places.city[psu], CITY_NAMES),
        "county": pa.array(places.county[psu]).cast(pa.string()),
    }


@dataclass(eq=False)
class _Payments:
    """Payments before they become text; home: position in the register, or -1 with its own number and psu."""

    home: np.ndarray
    psu: np.ndarray
    number: np.ndarray
    day: np.ndarray
    kind: int
    amount: np.ndarray
    occasion: int
    filed: np.ndarray
    goods: np.ndarray
    near: np.ndarray  # position in the sample, -1


def _payments(register: Register, home: np.ndarray, day: np.ndarray, kind: int, amount: np.ndarray, occasion: int = 0,
              filed: np.ndarray | None = None) -> _Payments:  # fmt: skip
    n = len(home)
    none = np.full(n, -1)
    return _Payments(home, register.psu[home], none, day, kind, amount, occasion,
                     np.ones(n, bool) if filed is None else filed, np.zeros(n, bool), none)  # fmt: skip


def aid_rows(
    p: Parameters, places: Places, register: Register, files: Files, sample: Sample, t: int, seed: int
) -> Listed:
    """Living, medical and school aid of year ``t``."""
    rng = stream(seed, f"aid-{t}")
    filed = np.flatnonzero(register.state[:, t] == ON_FILE)
    grade = files.grade(t)
    line = places.line[files.city, t]
    opened = _opened(register, files, t)
    start = np.where(register.since[:, t] == YEARS[t], opened + _wait(p, rng, len(register)), day_in(
        rng, np.full(len(register), YEARS[t]), (4, 1), 120))  # fmt: skip
    by_grade = [np.array([table[g] for g in GRADES])[grade] for table in (p.living, p.medical_share, p.medical_cap)]
    living = filed[files.aided[filed, t]]
    parts = [_payments(register, living, start[living], 0, by_grade[0][living] * line[living])]
    ill = filed[register.factors[filed, FACTORS.index("patient")]]
    own = rng.lognormal(np.log(9000), 0.8, len(register))
    amount = np.minimum(by_grade[1] * own, by_grade[2])
    parts.append(_payments(register, ill, start[ill] + rng.integers(0, 40, len(ill)), 1, np.round(amount[ill], -1)))
    pupils = filed[register.factors[filed, FACTORS.index("student")]]
    college = rng.random(len(pupils)) < 0.5
    multiple = np.where(grade[pupils] == 0, np.where(college, p.college_aid[0], p.senior_aid[0]),
                        np.where(college, p.college_aid[1], p.senior_aid[1]))  # fmt: skip
    autumn = day_in(rng, np.full(len(pupils), YEARS[t]), (9, 1), 45)
    parts.append(_payments(register, pupils, autumn, 2, multiple * line[pupils], 1))
    parts.append(_near_aid(p, places, sample, t, rng))
    return _aid_list(p, places, register, files, sample, parts, rng, t, "B")


def _near_aid(p: Parameters, places: Places, sample: Sample, t: int, rng: np.random.Generator) -> _Payments:
    """Living aid by exception, of the near-line households in the sample."""
    units = sample.units
    rows = np.flatnonzero((units.state[:, t] == NEAR) & sample.helped.aided[:, t])
    none = np.full(len(rows), -1)
    day = day_in(rng, np.full(len(rows), YEARS[t]), (4, 1), 120)
    amount = 8 * places.line[places.city[units.psu[rows]], t]
    no = np.zeros(len(rows), bool)
    return _Payments(none, units.psu[rows], none, day, 0, amount, 0, no, no, rows)


def _opened(register: Register, files: Files, t: int) -> np.ndarray:
    """The day on which each household's filing of year ``t`` was opened (1 March where there is none)."""
    found = np.full(len(register), np.datetime64(f"{YEARS[t]}-03-01"))
    now = register.opened == YEARS[t]
    found[register.home[now]] = files.opened[now]
    return found


def _wait(p: Parameters, rng: np.random.Generator, n: int) -> np.ndarray:
    """Days from decision to payment."""
    return np.round(np.minimum(p.payment_days * rng.lognormal(0, 0.6, n), 110)).astype("timedelta64[D]")


def condolence_rows(
    p: Parameters, places: Places, register: Register, files: Files, sample: Sample, t: int, seed: int
) -> Listed:
    """Condolences of the festival of year ``t``: on file, left in the two years before, the front line."""
    rng = stream(seed, f"condolence-{t}")
    filed, left, grade = condoled(register, files, t)
    extra = p.condolence_2022 if YEARS[t] == 2022 else 0.0
    amount = np.array([p.condolence[g] for g in GRADES])[grade] + extra
    gone = np.full(len(left), p.condolence["left"] + extra)
    parts = [
        _payments(register, filed, _festive(p, rng, len(filed), t), 3, amount[filed], 2),
        _payments(register, left, _festive(p, rng, len(left), t), 3, gone, 2, np.zeros(len(left), bool)),
    ]
    n = p.count("front_line")
    none = np.full(n, -1)
    psu = rng.choice(len(places.share), n, p=places.share)
    parts.append(_Payments(none, psu, FRONT_LINE + t * 100_000 + np.arange(n), _festive(p, rng, n, t), 3,
                           np.full(n, 500.0 + extra), 2, np.zeros(n, bool), np.zeros(n, bool), none))  # fmt: skip
    for part in parts:
        part.goods = rng.random(len(part.home)) < p.in_kind
    return _aid_list(p, places, register, files, sample, parts, rng, t, "S", twice=p.twice)


def condoled(register: Register, files: Files, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whom the union visits at the festival of year ``t``, on file or left for two years at most; grades of all then.

    They are those whom the survey of the year finds visited.
    """
    before = max(t - 1, 0)
    state, grade = register.state[:, before], files.grade(before)
    early = register.recruited <= FIRST if t == 0 else np.ones(len(register), bool)
    early &= ((register.since[:, before] < YEARS[t]) | (t == 0)) & files.visited[:, t]
    filed = np.flatnonzero((state == ON_FILE) & early & (register.since[:, before] < YEARS[t]))
    left = np.flatnonzero((state == LEFT) & (register.since[:, before] >= YEARS[t] - 2) & early)
    return filed, left, grade


def _festive(p: Parameters, rng: np.random.Generator, n: int, t: int) -> np.ndarray:
    """Days of payment: in the 25 days before the festival, some up to 20 days after it."""
    late = rng.random(n) < p.late
    shift = np.where(late, rng.integers(1, 21, n), -rng.integers(1, 26, n))
    return np.datetime64(FESTIVALS[t]) + shift.astype("timedelta64[D]")


def _aid_list(
    p: Parameters, places: Places, register: Register, files: Files, sample: Sample, parts: list[_Payments],
    rng: np.random.Generator, t: int, letter: str, twice: float = 0.0,
) -> Listed:  # fmt: skip
    """Payments as rows, in order of days; a share is paid twice under another number."""
    one = {name: np.concatenate([getattr(part, name) for part in parts])
           for name in ("home", "psu", "number", "day", "amount", "filed", "goods", "near")}  # fmt: skip
    one["kind"] = np.concatenate([np.full(len(part.home), part.kind) for part in parts])
    one["occasion"] = np.concatenate([np.full(len(part.home), part.occasion) for part in parts])
    shown = np.ones(len(one["home"]), bool)
    if p.households > 20_000:
        shown = places.drawn[one["psu"]]
    again = np.flatnonzero(shown & (rng.random(len(shown)) < twice))
    order = np.concatenate([np.flatnonzero(shown), again])
    order = order[np.argsort(one["day"][order], kind="stable")]
    one = {name: values[order] for name, values in one.items()}
    n, home = len(order), np.maximum(one["home"], 0)
    outside = household_numbers(rng, places.city[one["psu"]], np.maximum(one["number"], 0))
    household = where(one["home"] >= 0, files.household.take(pa.array(home)), outside)
    household = where(one["near"] >= 0, sample.household.take(pa.array(np.maximum(one["near"], 0))), household)
    decided = one["day"] - _wait(p, rng, n)
    columns = {
        "aid_id": joined(f"{letter}{YEARS[t]}", padded(np.arange(1, n + 1), 7)),
        "household_id": household,
        "dossier_id": where(one["filed"], numbers_in(register, files, t).take(pa.array(home)), None),
        **_place(places, one["psu"]),
        "date": dates(one["day"]),
        "decided_on": dates(decided),
        "kind": coded(one["kind"], KINDS, "aid_kind"),
        "amount": numbers(np.where(one["goods"], 0, np.round(one["amount"]))),
        "in_kind": numbers(np.where(one["goods"], np.round(one["amount"]), 0)),
        "fund": coded(pick(rng, p.funds, n), FUNDS, "fund"),
        "occasion": coded(one["occasion"], OCCASIONS, "occasion"),
    }
    return Listed(columns, places.city[one["psu"]], {"home": one["home"], "day": one["day"], "filed": one["filed"],
                                                    "kind": one["kind"], "amount": one["amount"]})  # fmt: skip


def decision_rows(p: Parameters, places: Places, register: Register, files: Files, t: int, seed: int) -> Listed:
    """Applications of year ``t``: files opened, applications turned down, yearly reviews, ends of files."""
    rng = stream(seed, f"decisions-{t}")
    year = YEARS[t]
    shown = places.drawn[register.psu] | (p.households <= 20_000)
    opens = np.flatnonzero((register.opened == year) & shown[register.home])
    ends = np.flatnonzero((register.closed == year) & shown[register.home])
    kept = np.flatnonzero((register.state[:, t] == ON_FILE) & (register.since[:, t] < year) & shown)
    psu = _refused(p, places, register.psu[register.home[opens]], year, rng)
    refused = len(psu)
    home = np.concatenate([register.home[opens], register.home[ends], kept, np.full(refused, -1)])
    n, safe = len(home), np.maximum(home, 0)
    kind = np.concatenate([np.where(register.order[opens] > 0, 3, 0), np.full(len(ends), 2), np.full(len(kept), 1),
                           np.zeros(refused, int)])  # fmt: skip
    place = np.concatenate([register.psu[home[: n - refused]], psu])
    city = places.city[place]
    matched = _matched(p, city, year)
    end = np.concatenate([files.opened[opens], files.closed[ends], day_in(rng, np.full(len(kept), year), (9, 1), 60),
                          day_in(rng, np.full(refused, year), (3, 10), 174)])  # fmt: skip
    days = _days_of_decision(p, rng, n) + np.where(matched & (kind != 1), p.matching_days, 0)
    why = _rejections(p, rng, matched)
    why[: n - refused] = -1
    r = np.where(
        home >= 0, files.r[safe, t], np.where(why == 0, 2 + rng.exponential(p.near_mean, n), 2 * rng.random(n))
    )
    grade = np.where(home < 0, -1, files.grade(t)[safe])
    result = np.select([why == 4, why >= 0], [2, 1], 0)
    order = np.argsort(end, kind="stable")
    outside = household_numbers(rng, city, APPLICANTS + t * 100_000 + np.arange(n))
    columns = {
        "household_id": where(home >= 0, files.household.take(pa.array(safe)), outside),
        "dossier_id": where(home >= 0, numbers_in(register, files, t).take(pa.array(safe)), None),
        **_place(places, place),
        "applied_on": dates(end - np.round(days).astype("timedelta64[D]")),
        "kind": coded(kind, APPLICATIONS, "decision_kind"),
        "step": coded(np.select([why == 3, why == 1], [0, 1], 2), STEPS, "decision_step"),
        "result": coded(result, ("approved", "rejected", "withdrawn"), "decision_result"),
        "reason": coded(np.where(why == 4, -1, why), REASONS, "rejection"),
        "grade": coded(np.where(np.isin(kind, [0, 1, 3]), grade, -1), GRADES, "grade"),
        "net_income": numbers(r * places.line[city, t]),
        "decided_on": dates(end),
    }
    columns = {key: text.take(pa.array(order)) for key, text in columns.items()}
    columns["decision_id"] = joined(f"C{year}", padded(np.arange(1, n + 1), 7))
    facts = {"why": why[order], "kind": kind[order], "matched": matched[order], "days": np.round(days)[order]}
    return Listed(columns, city[order], facts)


def _days_of_decision(p: Parameters, rng: np.random.Generator, n: int) -> np.ndarray:
    middle, late = p.decision_days
    return middle * np.exp(rng.normal(0, np.log(late / middle) / 1.2816, n))


def _matched(p: Parameters, city: np.ndarray, year: int) -> np.ndarray:
    """Whether assets are matched before approval (reform S)."""
    start = np.array(p.reform_s)[city]
    return (start > 0) & (year >= start)


def _matched_assets(p: Parameters) -> float:
    """Rejections for assets under S, per application without S, that make them the planted share of applications."""
    return p.assets_matched * (1 - p.decision_results["assets"]) / (1 - p.assets_matched)


def _refused(p: Parameters, places: Places, opened: np.ndarray, year: int, rng: np.random.Generator) -> np.ndarray:
    """Sampling units of the applications turned down, by those of the files opened; more where assets are matched."""
    approved = p.decision_results["approved"]
    more = np.where(_matched(p, places.city[opened], year), _matched_assets(p) - p.decision_results["assets"], 0.0)
    return rng.permutation(np.repeat(opened, systematic(rng, (1 - approved + more) / approved)))


def _rejections(p: Parameters, rng: np.random.Generator, matched: np.ndarray) -> np.ndarray:
    """Why an application failed: 0 income, 1 assets, 2 documents, 3 objection, 4 withdrawn."""
    names = ("income", "assets", "documents", "objection", "withdrawn")
    shares = np.array([p.decision_results[name] for name in names])
    more = shares.copy()
    more[1] = _matched_assets(p)
    return np.where(matched, pick(rng, more, len(matched)), pick(rng, shares, len(matched))).astype(int)
