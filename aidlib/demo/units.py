"""The households of the sample: where they live, their state and income in every wave, whether they are found."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from aidlib.demo.parameters import FACTORS, FIRST, LAST, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.population import autoregression, draw_factors, others_intercept, systematic, unfiled
from aidlib.demo.register import LEFT, LEFT_SINCE, ON_FILE, Register
from aidlib.demo.streams import logistic, pick, stream

NEAR, OTHER = 6, 7  # states beside those of the register
CHANGING = ("patient", "widowed", "jobless_earner")  # factors that others can come to
FULL_LOSS = 2  # years in which these lower income most
LEAST_R = 2.02  # of other members out of hardship
T = len(YEARS)


@dataclass(eq=False)
class Units:
    """Arrays by household (n) and, where so said, year (n × 8).

    source: position in the register, -1 for near-line and other members. recruited: first year visited. base: inverse
    of the chance of being in the sample. state, r (net income over L), accident, factors (n × 8 × 6), hard (rule grade
    deep, relative or accident), visit (0 none, 1 complete, 2 refused, 3 moved, 4 not found, 5 dead), weight.
    """

    source: np.ndarray
    psu: np.ndarray
    u: np.ndarray
    recruited: np.ndarray
    base: np.ndarray
    state: np.ndarray
    r: np.ndarray
    accident: np.ndarray
    factors: np.ndarray
    visit: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.psu)

    @property
    def hard(self) -> np.ndarray:
        """In hardship at the interview."""
        return (self.r < 2) | self.accident


def draw_units(p: Parameters, places: Places, register: Register, seed: int) -> Units:
    """All households that are ever visited, with their visits and weights."""
    parts = [_from_register(p, places, register, seed), _near_line(p, places, seed), _others(p, places, seed)]
    units = Units(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Units)))
    units.visit[:] = _visits(p, units, seed)
    units.weight[:] = _weights(p, places, units, register)
    return units


def _made(psu: np.ndarray, **given: np.ndarray) -> Units:
    n = len(psu)
    plain = {
        "source": np.full(n, -1), "psu": psu, "u": np.zeros(n), "recruited": np.full(n, FIRST), "base": np.ones(n),
        "state": np.zeros((n, T), np.int8), "r": np.zeros((n, T)), "accident": np.zeros((n, T), bool),
        "factors": np.zeros((n, T, len(FACTORS)), bool), "visit": np.zeros((n, T), np.int8),
        "weight": np.zeros((n, T)),
    }  # fmt: skip
    return Units(**{**plain, **given})


def first_stage(p: Parameters, places: Places, psu: np.ndarray) -> np.ndarray:
    """The chance that a household's unit is drawn (0 where it was not)."""
    return np.where(places.drawn[psu], places.drawn_in_stratum[places.stratum[psu]] / p.psus_in_stratum, 0.0)


def _from_register(p: Parameters, places: Places, register: Register, seed: int) -> Units:
    """Files on record in 2018, households that left in 2015-2018, and the new files of each later year."""
    rng = stream(seed, "sample-register")
    stage = first_stage(p, places, register.psu)
    chosen, base = np.zeros(len(register), bool), np.ones(len(register))
    wanted = {
        FIRST: p.on_file_sample,
        LEFT_SINCE: p.left_sample,
        **dict.fromkeys(range(FIRST + 1, LAST + 1), p.new_sample),
    }
    order = np.lexsort((rng.random(len(register)), register.psu))
    for cohort, size in wanted.items():
        rows = order[register.recruited[order] == cohort]
        fraction = min(size * p.scale / max(len(rows), 1), 1.0)
        rate = np.where(stage[rows] > 0, np.minimum(fraction / np.maximum(stage[rows], 1e-9), 1.0), 0.0)
        taken = systematic(rng, rate) > 0
        chosen[rows[taken]] = True
        base[rows] = 1 / np.maximum(rate * stage[rows], 1e-9)
    source = np.flatnonzero(chosen)
    recruited = np.maximum(register.recruited[source], FIRST)
    r, accident = register_incomes(p, register, seed)
    return _made(
        register.psu[source], source=source, u=register.u[source], recruited=recruited, base=base[source],
        state=register.state[source].astype(np.int8), r=r[source], accident=accident[source],
        factors=np.repeat(register.factors[source][:, None, :], T, axis=1),
    )  # fmt: skip


def register_incomes(p: Parameters, register: Register, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """r and accident (n × 8) of the register's households: 2 Beta on file, by band after an exit."""
    place = normal_cdf(autoregression(stream(seed, "income-register"), len(register), T, p.persistence))
    filed = register.state == ON_FILE
    accident = filed & register.accident[:, None]
    poor = 2 * place ** (1 / p.poor_shape)
    bands = [2.0 + 0.4 * place, 2.4 + 1.2 * place, np.minimum(3.6 - np.log1p(-place), 8.0)]
    left = np.select([register.band == b for b in range(3)], bands, 2.5)
    return np.where(accident, accident_income(place), np.where(filed, poor, left)), accident


def accident_income(place: np.ndarray) -> np.ndarray:
    """Net r of households in hardship by accident: 1.05 to 3.65."""
    return 1.05 + 2.6 * place


def normal_cdf(z: np.ndarray) -> np.ndarray:
    """Standard normal distribution function, kept inside (0, 1)."""
    from scipy.special import ndtr

    return np.clip(ndtr(z), 1e-9, 1 - 1e-9)


def _near_line(p: Parameters, places: Places, seed: int) -> Units:
    """Applied and not approved: r = 2 + Exp, the upper side of the cut-off at 2 L."""
    rng = stream(seed, "sample-near")
    psu = np.sort(rng.choice(len(places.share), p.count("near_population"), p=places.share))
    stage = first_stage(p, places, psu)
    fraction = p.near_sample / p.near_population
    rate = np.where(stage > 0, np.minimum(fraction / np.maximum(stage, 1e-9), 1.0), 0.0)
    taken = systematic(rng, rate) > 0
    psu, base = psu[taken], 1 / (rate * stage)[taken]
    n = len(psu)
    place = normal_cdf(autoregression(rng, n, T, p.persistence))
    factors = np.repeat(draw_factors(p, rng, n, filed=False)[:, None, :], T, axis=1)
    return _made(
        psu, base=base, u=rng.normal(0, p.frailty_sd, n), state=np.full((n, T), NEAR, np.int8), factors=factors,
        r=np.minimum(2 - p.near_mean * np.log1p(-place), p.near_cap),
    )  # fmt: skip


def _others(p: Parameters, places: Places, seed: int) -> Units:
    """Other members: hardship by the planted logit of factors, food prices and place; r given hardship or not."""
    rng = stream(seed, "sample-others")
    people = places.share * others_population(p)
    stage = np.where(places.drawn, places.drawn_in_stratum[places.stratum] / p.psus_in_stratum, np.inf)
    wave = [systematic(rng, people * p.other_sample / others_population(p) * p.scale / stage)]
    fresh = p.other_sample * p.other_renewed
    wave += [systematic(rng, people * fresh / others_population(p) * p.scale / stage) for _ in range(1, T)]
    psu = np.concatenate([np.repeat(np.arange(len(people)), count) for count in wave])
    recruited = np.concatenate([np.full(count.sum(), year) for count, year in zip(wave, YEARS, strict=True)])
    factors, loss = _changing_factors(p, rng, len(psu))
    r, accident = _others_incomes(p, places, rng, psu, factors, loss)
    return _made(
        psu, recruited=recruited, base=np.full(len(psu), others_population(p) / (p.other_sample * p.scale)),
        state=np.full((len(psu), T), OTHER, np.int8), r=r, accident=accident, factors=factors,
    )  # fmt: skip


def others_population(p: Parameters) -> float:
    """Member households that neither have a file, nor had one since 2015, nor applied."""
    known = p.on_file_population + p.left_population + p.near_population
    return (p.members_population - known) * p.scale


def _changing_factors(p: Parameters, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors by year (n × 8 × 6), stationary, and the loss of r that they bring (n × 8)."""
    factors = np.repeat(draw_factors(p, rng, n, filed=False)[:, None, :], T, axis=1)
    loss = np.zeros((n, T))
    for name in CHANGING:
        k, share = FACTORS.index(name), p.prevalence[name]
        years = rng.geometric(p.turnover, n)  # with the factor, this year included; stationary
        for t in range(T):
            if t > 0:
                draw, had = rng.random(n), factors[:, t - 1, k]
                factors[:, t, k] = np.where(had, draw >= p.turnover, draw < p.turnover * share / (1 - share))
                years = np.where(had, years + 1, 1)
            kept = np.where(years > FULL_LOSS, 1 - p.onset_regained, 1.0)
            loss[:, t] += np.where(factors[:, t, k], p.onset_loss[name] * kept, 0.0)
    return factors, loss


def _others_incomes(
    p: Parameters, places: Places, rng: np.random.Generator, psu: np.ndarray, factors: np.ndarray, loss: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import gammaincinv

    _, by_accident, shape = unfiled(p)
    n = len(psu)
    x = factors @ np.log([p.odds[f] for f in FACTORS]) + places.status[psu][:, None]
    start = others_intercept(p, places)
    food = np.log(p.odds_food) * (places.food[places.city[psu]] - p.food_usual)
    status = normal_cdf(autoregression(rng, n, T, p.status_persistence))
    place = normal_cdf(autoregression(rng, n, T, p.persistence))
    hard = status < logistic(start + x + food)
    accident = hard & (rng.random(n) < by_accident)[:, None]
    poor = np.where(accident, accident_income(place), 2 * place ** (1 / shape))
    rich = 2 + p.other_scale * gammaincinv(p.other_shape, place) * np.exp(places.income[psu])[:, None]
    return np.where(hard, poor, np.maximum(rich - loss, LEAST_R)), accident


def frames(state: np.ndarray) -> np.ndarray:
    """Position in FRAMES of a state, -1 for one that is not surveyed."""
    table = np.full(OTHER + 1, -1, np.int8)
    table[[ON_FILE, LEFT, NEAR, OTHER]] = [0, 1, 2, 3]
    return table[state]


def _rich(units: Units, t: int) -> np.ndarray:
    other = units.state[:, t] == OTHER
    middle = np.median(units.r[other, t]) if other.any() else 0.0
    return other & (units.r[:, t] > middle)


def _visits(p: Parameters, units: Units, seed: int) -> np.ndarray:
    """Results of the visits: the lost stay lost, the missed come back, a tenth of the others is renewed."""
    visit = np.zeros((len(units), T), np.int8)
    active = np.zeros(len(units), bool)
    losses = np.array([p.loss["on_file"], p.loss["left"], p.loss["near_line"], p.loss["other"]])
    for t, year in enumerate(YEARS):
        rng = stream(seed, f"visits-{year}")
        draw = rng.random((3, len(units)))
        reason = 2 + pick(rng, p.loss_reasons, len(units))
        frame = frames(units.state[:, t])
        new = (units.recruited == year) & (frame >= 0)
        active = (active & (frame >= 0) & ~((frame == 3) & (draw[0] < p.other_renewed))) | new
        odds = np.log((1 - losses) / losses)[np.maximum(frame, 0)]
        odds = odds + np.log(p.response_odds_rich) * _rich(units, t) + np.log(p.response_odds_left) * (frame == 1)
        lost = active & ~new & (draw[1] >= logistic(odds))
        missed = active & ~lost & (draw[2] < p.missed_wave)
        visit[:, t] = np.select([lost, missed, active], [reason, 4, 1], 0)
        active &= ~lost
    return visit


def _weights(p: Parameters, places: Places, units: Units, register: Register) -> np.ndarray:
    """Design weights brought up to the known size of each class among those interviewed.

    Classes: register state × city (province where few), near-line, halves of other members by income. All visits of a
    class share one factor, so that response rates keep their weights.
    """
    weight = np.zeros_like(units.r)
    city = places.city[units.psu]
    home = places.city[register.psu]
    for t in range(T):
        seen = units.visit[:, t] > 0
        done = units.visit[:, t] == 1
        group, totals = _classes(p, units, register, t, city, home)
        sums = np.bincount(group[done], units.base[done], len(totals))
        factor = np.where(sums > 0, totals / np.maximum(sums, 1e-9), 1.0)
        weight[:, t] = np.where(seen, units.base * factor[group], 0.0)
    return weight


def _classes(
    p: Parameters, units: Units, register: Register, t: int, city: np.ndarray, home: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Class of each unit and the classes' population."""
    frame = frames(units.state[:, t])
    halves = others_population(p) / 2
    totals = [p.near_population * p.scale, halves, halves]
    group = np.select([frame == 2, _rich(units, t)], [0, 1], 2)
    for code, state in ((0, ON_FILE), (1, LEFT)):
        mine = frame == code
        counts = np.bincount(home[register.state[:, t] == state], minlength=12)
        found = np.bincount(city[mine & (units.visit[:, t] == 1)], minlength=12)
        own = found >= 10
        place = np.where(own, np.cumsum(own), 0)  # 0: the cities with few, together
        group = np.where(mine, len(totals) + place[city], group)
        totals += [float(counts[~own].sum()), *counts[own].astype(float)]
    return group, np.array(totals)
