"""The whole population in every wave: register households counted, the others by the formulas they are drawn with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from aidlib.demo.answers import BUNCH
from aidlib.demo.files import Files
from aidlib.demo.parameters import FACTORS, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.population import combinations, needed_members, others_cells, others_hard, unfiled
from aidlib.demo.register import LEFT, ON_FILE, Register
from aidlib.demo.streams import logistic
from aidlib.demo.units import CHANGING, FULL_LOSS, LEAST_R, accident_income, others_population

LINES = (1.0, 1.5, 2.0)
ALPHAS = (0, 1, 2)
_PLACES = (np.arange(200_000) + 0.5) / 200_000  # even in (0, 1)


@dataclass(frozen=True, eq=False)
class Poor:
    """r of other members in hardship, at even places, with the weight of each."""

    r: np.ndarray
    weight: np.ndarray
    accident: np.ndarray

    def fgt(self, line: float, alpha: int) -> float:
        """Foster-Greer-Thorbecke index among them; ``line`` in L."""
        return float((self.weight * np.where(self.r < line, (1 - self.r / line) ** alpha, 0.0)).sum())

    def within(self, low: float, high: float) -> float:
        """Share with low <= r < high that no accident brought into hardship."""
        return float(self.weight[~self.accident & (self.r >= low) & (self.r < high)].sum())


def poor_others(p: Parameters) -> Poor:
    """2 Beta(shape, 1), and the incomes after an accident."""
    _, by_accident, shape = unfiled(p)
    n = len(_PLACES)
    weight = np.repeat([(1 - by_accident) / n, by_accident / n], n)
    return Poor(
        np.concatenate([2 * _PLACES ** (1 / shape), accident_income(_PLACES)]), weight, np.repeat([False, True], n)
    )


def expected_sizes(p: Parameters) -> np.ndarray:
    """Expected persons in a household of each combination of factors (64)."""
    least = 1 + needed_members(combinations(p)[0]).sum(axis=1)
    sizes = np.arange(1, len(p.sizes) + 1)
    return np.maximum(sizes[None, :], least[:, None]) @ np.array(p.sizes) / sum(p.sizes)


def levels(p: Parameters, places: Places, register: Register, files: Files, t: int) -> dict[str, float]:
    """Wave ``t``: households, persons, FGT at the three lines of households and persons, headcounts, median r.

    fgt_0_declared: as households state it (the bunch above L says less). headcount counts accidents too.
    """
    poor, others = poor_others(p), others_population(p)
    hard, share, size = others_hard(p, places, t), others_cells(p, places)[2], expected_sizes(p)
    filed, gone = register.state[:, t] == ON_FILE, register.state[:, t] == LEFT
    r, accident = files.r[filed, t], files.accident[filed, t]
    near = p.near_population * p.scale
    found: dict[str, float] = {}
    by_unit = {"": (np.ones(len(files.size)), np.ones(len(size))), "_persons": (files.size.astype(float), size)}
    for suffix, (own, expected) in by_unit.items():
        each = share * expected[:, None]
        total = own[filed | gone].sum() + near * (share.sum(axis=1) @ expected) + others * each.sum()
        unfiled_hard = others * float((each * hard).sum())
        mine = own[filed]
        found["persons" if suffix else "households"] = float(total)
        found[f"headcount{suffix}"] = float((mine[(r < 2) | accident].sum() + unfiled_hard) / total)
        for line, alpha in product(LINES, ALPHAS):
            gaps = np.where(r < line, (1 - r / line) ** alpha, 0.0)
            found[f"fgt_{alpha}{suffix}[{line}]"] = float((mine @ gaps + unfiled_hard * poor.fgt(line, alpha)) / total)
        bunch = mine[~accident & (r >= BUNCH[0]) & (r < BUNCH[1])].sum() + unfiled_hard * poor.within(*BUNCH)
        found[f"fgt_0_declared{suffix}[1.0]"] = found[f"fgt_0{suffix}[1.0]"] + float(p.bunching * bunch / total)
    audited = found["headcount"] - float((filed & register.inclusion).sum()) / found["households"]
    return found | {"headcount_audited": audited, "headcount_others": float((share * hard).sum() / share.sum())}


def median_r(p: Parameters, places: Places, register: Register, files: Files, t: int) -> float:
    """Median of r over all member households in wave ``t``, by bisection of their distribution."""
    seen = np.isin(register.state[:, t], [ON_FILE, LEFT])
    own, poor, others = np.sort(files.r[seen, t]), poor_others(p), others_population(p)
    hard, share = others_hard(p, places, t), others_cells(p, places)[2]
    loss, well = _losses(p, share * (1 - hard))
    near = p.near_population * p.scale
    half = (len(own) + near + others) / 2
    low, high = 0.0, 20.0
    for _ in range(40):
        x = (low + high) / 2
        below = float(np.searchsorted(own, x)) + near * _near_below(p, x)
        below += others * (float((share * hard).sum()) * float(poor.weight[poor.r < x].sum())
                           + float((well * _rich_below(p, places, loss, x)).sum()))  # fmt: skip
        low, high = (x, high) if below < half else (low, x)
    return (low + high) / 2


def _near_below(p: Parameters, x: float) -> float:
    return 1.0 if x > p.near_cap else float(1 - np.exp(-max(x - 2, 0.0) / p.near_mean))


def _rich_below(p: Parameters, places: Places, loss: np.ndarray, x: float) -> np.ndarray:
    """P(r < x) of other members out of hardship, by loss and sampling unit: 2 + Gamma × the unit's level − loss."""
    from scipy.special import gammainc

    if x <= LEAST_R:
        return np.zeros((len(loss), len(places.income)))
    excess = np.maximum(x + loss[:, None] - 2, 0.0) / np.exp(places.income)[None, :]
    return np.asarray(gammainc(p.other_shape, excess / p.other_scale))


def _losses(p: Parameters, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The losses of r that illness, widowhood and job loss bring, and how ``weight`` (64 × units) spreads over them."""
    flags = combinations(p)[0]
    fresh = 1 - (1 - p.turnover) ** FULL_LOSS  # share of those with a factor who have had it for two years at most
    losses, parts = [], []
    for recent in product([False, True], repeat=len(CHANGING)):
        loss, chance = np.zeros(len(flags)), np.ones(len(flags))
        for name, new in zip(CHANGING, recent, strict=True):
            held = flags[:, FACTORS.index(name)]
            loss += held * p.onset_loss[name] * (1.0 if new else 1 - p.onset_regained)
            chance *= np.where(held, fresh if new else 1 - fresh, 0.0 if new else 1.0)
        losses.append(loss)
        parts.append(weight * chance[:, None])
    values, place = np.unique(np.round(np.concatenate(losses), 9), return_inverse=True)
    spread = np.zeros((len(values), weight.shape[1]))
    np.add.at(spread, place, np.concatenate(parts))
    return values, spread


def odds_ratios(p: Parameters, places: Places, register: Register, files: Files) -> dict[str, dict[str, float]]:
    """What a logit of hardship on the six factors finds among all member households, by wave.

    Files carry more patients than the planted logit gives, those who left are out of hardship with many factors, and
    sampling units differ: so the population's odds ratios lie beside the planted ones.
    """
    flags, chance, _ = combinations(p)
    code = 1 << np.arange(len(FACTORS) - 1, -1, -1)
    own = register.factors @ code
    x = np.column_stack([np.ones(len(flags)), flags])
    found = {}
    for t, year in enumerate(YEARS):
        share, hard = others_cells(p, places)[2], others_hard(p, places, t)
        filed, gone = register.state[:, t] == ON_FILE, register.state[:, t] == LEFT
        poor = filed & ((files.r[:, t] < 2) | files.accident[:, t])
        cases = np.bincount(own[poor], minlength=len(flags)) + others_population(p) * (share * hard).sum(axis=1)
        total = np.bincount(own[filed | gone], minlength=len(flags)) + others_population(p) * share.sum(axis=1)
        total = total + p.near_population * p.scale * chance / chance.sum()
        found[str(year)] = dict(zip(FACTORS, np.exp(_grouped_logit(x, cases, total)[1:]).tolist(), strict=True))
    return found


def _grouped_logit(x: np.ndarray, cases: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Coefficients of a logit on grouped data (Newton's method)."""
    b = np.zeros(x.shape[1])
    b[0] = np.log(cases.sum() / (total.sum() - cases.sum()))
    for _ in range(30):
        chance = logistic(x @ b)
        b = b + np.linalg.solve(x.T @ (x * (total * chance * (1 - chance))[:, None]), x.T @ (cases - total * chance))
    return b
