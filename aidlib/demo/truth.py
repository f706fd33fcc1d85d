"""The planted truth, computed on the population and the register before any dirt."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from aidlib.demo.answers import BUNCH
from aidlib.demo.census import levels, median_r, odds_ratios
from aidlib.demo.files import Files
from aidlib.demo.parameters import CITIES, FRAMES, GRADES, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.register import LEFT, ON_FILE, Register, years_open
from aidlib.demo.simulations import simulations
from aidlib.demo.survey_rows import Sample
from aidlib.demo.units import frames, others_population


def truth_of(
    p: Parameters, places: Places, register: Register, files: Files, sample: Sample,
    facts: dict[str, list[dict[str, np.ndarray]]], first: int,
) -> dict[str, Any]:  # fmt: skip
    """Everything a test may ask for, as plain JSON values; shares are fractions, money yuan."""
    return {
        "parameters": planted(p),
        "years": list(YEARS[first:]),
        "register": _register(p, places, register, files, facts["register"][0]),
        "levels": _levels(p, places, register, files),
        "odds_ratios": odds_ratios(p, places, register, files),
        "sample": _sample(sample, first),
        "dynamics": _dynamics(places, register, p),
        "aid": _aid(facts),
        "simulations": simulations(p, places, register, files),
        "decisions": _decisions(facts["decisions"]),
        "canaries": _canaries(sample),
    }


def planted(p: Parameters) -> dict[str, Any]:
    """Every named parameter as a JSON value."""
    own = {name: getattr(p, name) for name in p.__dataclass_fields__}
    return {name: dict(v) if isinstance(v, MappingProxyType) else list(v) if isinstance(v, tuple) else v
            for name, v in own.items()}  # fmt: skip


def _register(
    p: Parameters, places: Places, register: Register, files: Files, facts: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Exact counts by year-end, and by region and recorded grade, and the flow of every year."""
    shown = places.drawn[facts["psu"]] | (p.households <= 20_000)
    open_then = years_open(register) & shown[:, None]
    city = files.city[register.home]
    table = {
        str(year): {
            CITIES[c]: {
                g: int((open_then[:, t] & (city == c) & (facts["grade"] == k)).sum()) for k, g in enumerate(GRADES)
            }
            for c in range(len(CITIES))
        }
        for t, year in enumerate(YEARS)
    }
    persons = {str(y): int(files.size[register.home][open_then[:, t]].sum()) for t, y in enumerate(YEARS)}
    audited = facts["fails"] >= 0
    return {
        "filings": int(shown.sum()),
        "on_file": {str(year): int(open_then[:, t].sum()) for t, year in enumerate(YEARS)},
        "on_file_by_region_and_grade": table,
        "on_file_persons": persons,
        "flow": {str(year): _flow(register, shown, year) for year in YEARS[1:]},
        "renumbered": int((files.links.renumbered & shown).sum()),
        "split": _by_year(shown & (files.links.split >= 0), register.opened),
        "merged": _by_year(shown & (files.links.merged >= 0), register.closed[files.links.merged]),
        "audited": int((audited & shown).sum()),
        "failed_audit": int((facts["fails"][shown] == 1).sum()),
    }


def _by_year(mask: np.ndarray, year: np.ndarray) -> dict[str, int]:
    return {str(y): int((mask & (year == y)).sum()) for y in YEARS[1:]}


def _flow(register: Register, shown: np.ndarray, year: int) -> dict[str, int]:
    """opening + new + returned = left + supported + closed + closing."""
    opened, closed = register.opened, register.closed
    ended = shown & (closed == year)
    here = shown & (opened == year)
    reasons = {
        name: int((ended & (register.reason == code)).sum()) for name, code in (("left", LEFT), ("supported", 3))
    }
    return {
        "opening": int((shown & (opened < year) & ((closed == 0) | (closed >= year))).sum()),
        "new": int((here & (register.order == 0)).sum()),
        "returned": int((here & (register.order > 0)).sum()),
        **reasons,
        "closed": int((ended & (register.reason > 3)).sum()),
        "closing": int((shown & (opened <= year) & ((closed == 0) | (closed > year))).sum()),
    }


def _levels(p: Parameters, places: Places, register: Register, files: Files) -> dict[str, Any]:
    """Population truth by wave: headcounts, FGT and medians of true r among member households and their persons.

    Other members by the formula of their distribution, register households counted. headcount: as declared and so as a
    survey finds it; headcount_audited leaves out the files that would fail an audit.
    """
    found: dict[str, Any] = {}
    for t, year in enumerate(YEARS):
        filed, gone = register.state[:, t] == ON_FILE, register.state[:, t] == LEFT
        grade, r = files.grade(t)[filed], files.r[:, t]
        frames = {"on_file": int(filed.sum()), "left": int(gone.sum()), "near_line": p.near_population * p.scale,
                  "other": others_population(p)}  # fmt: skip
        found[str(year)] = levels(p, places, register, files, t) | {
            "median_r": median_r(p, places, register, files, t),
            "below_L_declared_on_file": float(_declared_below(p, r[filed & ~files.accident[:, t]])),
            "grade_mix": {g: float((grade == k).mean()) for k, g in enumerate(GRADES)},
            "median_r_on_file": float(np.median(r[filed])),
            "patients_on_file": float(register.factors[filed, 0].mean()),
            "frames": frames,
        }
    return found


def _declared_below(p: Parameters, r: np.ndarray) -> float:
    """Share that declares less than L: those below it, and the bunch that says so."""
    return float((r < 1).mean() + p.bunching * ((r >= BUNCH[0]) & (r < BUNCH[1])).mean()) if len(r) else 0.0


def _sample(sample: Sample, first: int) -> dict[str, Any]:
    visit, frame = sample.units.visit, frames(sample.units.state)
    return {
        "hardship_sample": int((sample.units.source >= 0).sum()),
        "visits": {str(y): int((visit[:, t] > 0).sum()) for t, y in enumerate(YEARS) if t >= first},
        "complete": {
            str(y): {f: int(((visit[:, t] == 1) & (frame[:, t] == k)).sum()) for k, f in enumerate(FRAMES)}
            for t, y in enumerate(YEARS)
            if t >= first
        },
    }


def _dynamics(places: Places, register: Register, p: Parameters) -> dict[str, Any]:
    """Yearly shares in the whole register: exits by years on file, returns by years away without the reform."""
    never = np.array(p.reform_f)[places.city[register.psu]] == 0
    shares: dict[str, dict[str, float]] = {"exit": {}, "return": {}}
    for name, state, after, who in (
        ("exit", ON_FILE, LEFT, np.ones(len(register), bool)),
        ("return", LEFT, ON_FILE, never),
    ):
        for k in range(1, 6):
            risk = event = 0
            for t in range(len(YEARS) - 1):
                stay = YEARS[t + 1] - register.since[:, t]
                at = (register.state[:, t] == state) & who & ((stay == k) if k < 5 else (stay >= 5))
                risk += int(at.sum())
                event += int((at & (register.state[:, t + 1] == after)).sum())
            shares[name][str(k)] = event / max(risk, 1)
    ended = register.closed > YEARS[0]
    codes = (("economic", LEFT), ("supported", 3), ("death", 4), ("administrative", 5))
    reasons = {name: float((register.reason[ended] == code).mean()) for name, code in codes}
    return {"yearly": shares, "closures": reasons}


def _aid(facts: dict[str, list[dict[str, np.ndarray]]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for t, year in enumerate(YEARS[: len(facts["aid"])]):
        both = facts["aid"][t], facts["condolence"][t]
        told[str(year)] = {
            "events": int(sum(len(each["day"]) for each in both)),
            "yuan": float(sum(np.round(each["amount"]).sum() for each in both)),
        }
    return told


def _decisions(facts: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for t, year in enumerate(YEARS[: len(facts)]):
        why, kind, matched = facts[t]["why"], facts[t]["kind"], facts[t]["matched"]
        asked = np.isin(kind, [0, 3])
        told[str(year)] = {"applications": int(asked.sum()), "approved": float((why[asked] < 0).mean()),
                           "assets": float((why[asked] == 1).mean()), "rows": len(why)}  # fmt: skip
        for name, group in (("matched", asked & matched), ("unmatched", asked & ~matched)):
            told[str(year)][f"assets_{name}"] = float((why[group] == 1).mean()) if group.any() else None
    return told


def _canaries(sample: Sample) -> list[str]:
    names = sample.people.name
    found = [names[int(i)].as_py() for i in sample.people.canary]
    return [name for name in found if name]
