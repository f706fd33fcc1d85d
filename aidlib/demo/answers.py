"""What the households say: incomes, spending, assets, mind and work, wave by wave, as arrays over the visited."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from aidlib.demo.parameters import FACTORS, Parameters
from aidlib.demo.people import JOBLESS_CHILD, SPOUSE, People, ages
from aidlib.demo.places import Places
from aidlib.demo.streams import pick, stream
from aidlib.demo.units import LEFT, NEAR, ON_FILE, Units

EMPLOYED, LAID_OFF, JOBLESS, RETIRED, SICK, STUDYING, SMALL, UNABLE, MIGRANT = range(9)
WORK = ("employed", "laid_off", "jobless", "retired", "sick_leave", "student", "child", "unable", "migrant")
BINDING = (1.0, 2.0)  # multiples of the line that noise does not carry a household across
BUNCH = (1.0, 1.08)  # true r of those of whom a part states a little less than L


@dataclass(eq=False)
class Answers:
    """Arrays by visited household (rows): ``values`` by column name, and ``members`` (rows × 6) by column name."""

    rows: np.ndarray  # positions of the units
    t: int
    values: dict[str, np.ndarray] = field(default_factory=dict)
    members: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(eq=False)
class Aided:
    """Aided and visited by unit and year (n × 8)."""

    aided: np.ndarray
    visited: np.ndarray


def interview(
    p: Parameters, places: Places, units: Units, people: People, helped: Aided, t: int, seed: int, heaped: np.ndarray
) -> Answers:
    """The answers of all households visited in wave ``t``. heaped: rows whose incomes an interviewer rounds to 500."""
    rows = np.flatnonzero(units.visit[:, t] > 0)
    answers = Answers(rows, t)
    _work(answers, units, people, stream(seed, f"work-{t}"))
    _incomes(p, places, answers, units, people, helped, stream(seed, f"income-{t}"), heaped)
    _assets(answers, units, p.dependants_outside, stream(seed, f"assets-{t}"))
    _mind(p, places, answers, units, helped, stream(seed, f"mind-{t}"))
    return answers


def declared(p: Parameters, rng: np.random.Generator, r: np.ndarray, accident: np.ndarray) -> np.ndarray:
    """Declared r: noise that (by default) crosses neither line, and a bunch just below L (not after an accident)."""
    said = r * np.exp(rng.normal(0, p.declared_sd, len(r)))
    if not p.declared_across:
        across = np.zeros(len(r), bool)
        for line in BINDING:
            across |= (said < line) != (r < line)
        said = np.where(across, r, said)
    bunched = ~accident & (r >= BUNCH[0]) & (r < BUNCH[1]) & (rng.random(len(r)) < p.bunching)
    return np.where(bunched, 0.96 + 0.04 * rng.random(len(r)), said)


def _work(answers: Answers, units: Units, people: People, rng: np.random.Generator) -> None:
    """Work status of every member; laid off or jobless only where the factors say so."""
    rows, t = answers.rows, answers.t
    relation, age = people.relation[rows], ages(people, t)[rows]
    place = people.place[rows]
    child = np.where(age < 6, SMALL, np.where(age < 15, STUDYING, EMPLOYED))
    adult = np.where(place < 0.84, EMPLOYED, np.where(place < 0.90, MIGRANT, np.where(place < 0.95, RETIRED, SICK)))
    elder = np.where(place < 0.7, RETIRED, UNABLE)
    status = np.select([relation <= SPOUSE, relation == 3, relation == JOBLESS_CHILD, relation == 5], [
        adult, np.full_like(adult, STUDYING), np.full_like(adult, JOBLESS), child], elder)  # fmt: skip
    out = units.factors[rows, t, FACTORS.index("jobless_earner")]
    slot = people.earner[rows]
    lost = np.where(place[np.arange(len(rows)), slot] < 0.5, LAID_OFF, JOBLESS)
    status[np.arange(len(rows)), slot] = np.where(out, lost, status[np.arange(len(rows)), slot])
    answers.members["work"] = np.where(relation > 0, status, -1).astype(np.int8)


def _incomes(
    p: Parameters, places: Places, answers: Answers, units: Units, people: People, helped: Aided,
    rng: np.random.Generator, heaped: np.ndarray,
) -> None:  # fmt: skip
    """Income, rigid spending and their parts; rounding the income moves rigid spending, never the net income."""
    rows, t = answers.rows, answers.t
    n, size = len(rows), people.size[rows]
    line = places.line[places.city[units.psu[rows]], t]
    r = units.r[rows, t]
    said = declared(p, rng, r, units.accident[rows, t])
    said = np.where((said < 2) & (said > 1.9995), 1.9995, np.where((said < 1) & (said > 0.9995), 0.9995, said))
    flags = units.factors[rows, t]
    kinds = [flags[:, FACTORS.index(k)] for k in ("patient", "disabled", "student")]
    middle = np.select(kinds, [p.rigid_median[k] for k in ("patient", "disabled", "student")], p.rigid_median["none"])
    share = np.clip(middle * np.exp(rng.normal(0, p.rigid_sd, n)), 0.02, 0.85)
    net = said * line
    step = np.array([10.0, 100.0, 1.0])[pick(rng, [p.rounded_10, p.rounded_100, 1 - p.rounded_10 - p.rounded_100], n)]
    step[heaped] = 500.0
    income = np.ceil(net / (1 - share) / step) * step
    year = income * 12 * size
    rigid = np.floor(year - net * 12 * size)
    v = answers.values
    v["line"], v["income"], v["income_year"], v["rigid_year"], v["declared"] = line, income, year, rigid, said
    _spending(v, rng, rigid, kinds, people.size[rows])
    loss = np.ceil(year * (0.8 + rng.exponential(0.3, n)) + 1)
    v["accident_loss_year"] = np.where(units.accident[rows, t], loss, 0.0)
    v["dibao_received"] = (said < 1) & (rng.random(n) < 0.55)
    _sources(answers, rng, helped.aided[rows, t], line)


def _spending(v: dict[str, np.ndarray], rng: np.random.Generator, rigid: np.ndarray, kinds: list[np.ndarray],
              size: np.ndarray) -> None:  # fmt: skip
    patient, disabled, student = kinds
    weight = np.stack(
        [0.35 + 3.0 * patient, 2.0 * student + 0.15 * (size > 2), 1.8 * disabled, 0.2 + 0 * size, 0.25 + 0 * size]
    )
    weight = weight * np.exp(rng.normal(0, 0.3, weight.shape)) + 1e-9
    parts = np.floor(rigid * weight / weight.sum(axis=0))
    names = ["rigid_medical", "rigid_schooling", "rigid_disability", "rigid_work"]
    v.update(zip(names, parts, strict=False))
    v["rigid_other"] = rigid - parts[:4].sum(axis=0)
    v["rigid_medical_gross"] = np.round(parts[0] / (1 - rng.uniform(0.3, 0.7, len(rigid))))


def _sources(answers: Answers, rng: np.random.Generator, aided: np.ndarray, line: np.ndarray) -> None:
    """Sources add up to the income; members' monthly incomes × 12 to the wages."""
    v, work = answers.values, answers.members["work"]
    year, n = v["income_year"], len(answers.rows)
    earning = np.isin(work, [EMPLOYED, MIGRANT, SICK])
    pensions = np.isin(work, [RETIRED]).any(axis=1)
    v["dibao_year"] = np.floor(np.where(v["dibao_received"], np.minimum(0.3 * year, 5 * line), 0.0))
    v["union_aid_year"] = np.floor(np.where(aided, np.minimum(0.15 * year, 8 * line), 0.0))
    v["pension_year"] = np.floor(np.where(pensions, year * rng.uniform(0.2, 0.4, n), 0.0))
    given = v["dibao_year"] + v["union_aid_year"] + v["pension_year"]
    left = np.where(earning.any(axis=1), (year - given) * rng.uniform(0.92, 1.0, n), 0.0)
    weight = earning * rng.uniform(0.6, 1.0, work.shape)
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    month = np.floor(left[:, None] / 12 * weight)
    v["wages_year"] = month.sum(axis=1) * 12
    v["other_income_year"] = year - given - v["wages_year"]
    answers.members["income_month"] = np.where(work >= 0, month, np.nan)


def _assets(answers: Answers, units: Units, outside: float, rng: np.random.Generator) -> None:
    n = len(answers.rows)
    r = np.minimum(units.r[answers.rows, answers.t], 8)
    v = answers.values
    v["savings"] = np.round(np.where(rng.random(n) < 0.25, 0, 3000 * r * rng.lognormal(0, 0.8, n)), -2)
    v["debt"] = np.round(np.where(rng.random(n) < 0.15 + 0.1 * r, 0, 20000 * rng.lognormal(0, 0.9, n)), -2)
    v["car"] = rng.random(n) < 0.05 + 0.06 * r
    v["dwellings"] = np.minimum(rng.poisson(0.75, n), 4)
    v["outside"] = np.where(rng.random(n) < outside, 1 + rng.poisson(0.2, n), 0)


def _mind(
    p: Parameters, places: Places, answers: Answers, units: Units, helped: Aided, rng: np.random.Generator
) -> None:
    """Satisfaction, deprivation, pressure, strain, PHQ-2 and work, by hardship, food prices and last year's aid."""
    rows, t = answers.rows, answers.t
    n, v, hard = len(rows), answers.values, units.hard[rows, t]
    before = helped.aided[rows, max(t - 1, 0)]
    r = units.r[rows, t]
    food = places.food[places.city[units.psu[rows]], t] - p.food_usual
    z = rng.normal(size=(6, n))
    content = satisfaction(p, r, units.accident[rows, t]) + p.aid_satisfaction * before
    v["life_satisfaction"] = _points(content + p.satisfaction_sd * z[0], 0, 10)
    v["deprivation"] = _points(
        5.5 - 0.5 * np.minimum(r, 6) + p.aid_deprivation * before + p.deprivation_sd * z[1], 0, 9
    )
    pressure = np.where(hard, p.pressure[1], p.pressure[0]) + p.pressure_food * food + 0.35 * z[2]
    v["pressure"] = np.round(np.clip(pressure, 1, 5), 1)
    strain = 3 + 0.4 * (hard - 0.3) + np.sqrt(0.58) * z[3] + np.sqrt(0.42) * rng.normal(size=(5, n))
    items = _points(strain, 1, 5)
    items[3] = 6 - items[3]
    v.update({f"strain_{k + 1}": items[k] for k in range(5)})
    low = rng.random(n) < np.where(hard, p.phq[1], p.phq[0])
    v["phq2"] = np.where(low, 3 + pick(rng, [0.5, 0.25, 0.15, 0.1], n), pick(rng, [0.5, 0.3, 0.2], n)).astype(float)
    strained = np.maximum(v["pressure"] - 2, 0)
    v["days_absent"] = np.minimum(rng.poisson(p.absent_base + p.absent_pressure * strained), 30).astype(float)
    v["effectiveness"] = np.round(
        np.clip(p.effectiveness + p.effectiveness_pressure * v["pressure"] + 1.2 * z[4], 0, 10), 1
    )
    v["motivation"] = np.round(np.clip(7.0 + 1.5 * z[5], 0, 10), 1)
    v["self_health"] = _points(np.where(units.factors[rows, t, 0], 2.6, 3.4) + 0.8 * rng.normal(size=n), 1, 5)
    v["ends_meet"] = np.searchsorted([1.0, 1.8, 2.6, 4.5], r * np.exp(0.2 * rng.normal(size=n)))
    v["asked"] = np.isin(units.state[rows, t], [ON_FILE, LEFT, NEAR])
    v["satisfied"] = np.where(rng.random((4, n)) < p.dont_know, 5, pick(rng, [0.3, 0.35, 0.2, 0.1, 0.05], (4, n)))
    v["aided"], v["visited"] = helped.aided[rows, t], helped.visited[rows, t]


def satisfaction(p: Parameters, r: np.ndarray, accident: np.ndarray) -> np.ndarray:
    """Expected life satisfaction by r: continuous at 2 L, with the planted means in hardship and among others."""
    well, hard = p.satisfaction
    mean = 2 * p.poor_shape / (p.poor_shape + 1)  # of r in hardship
    at = hard + p.satisfaction_slope * (2 - mean)
    reached = 1 - (1 + p.other_scale) ** -p.other_shape  # mean of 1 - exp(-(r - 2)) among the others
    above = at + (well - at) / reached * -np.expm1(-np.maximum(r - 2, 0.0))
    return np.where(accident, hard, np.where(r < 2, hard + p.satisfaction_slope * (r - mean), above))


def _points(x: np.ndarray, low: int, high: int) -> np.ndarray:
    return np.clip(np.round(x), low, high)
